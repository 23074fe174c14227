"""The exit codes of every command, in one table."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from authweave.values import Judgement


class Exit(IntEnum):
    """What a command ends with. Documented: scripts rely on it, so a code never changes its meaning."""

    OK = 0
    REFUSED = 1
    USAGE = 2
    INCONCLUSIVE = 3
    INPUT = 4
    BUG = 70
    INTERRUPTED = 130
    BROKEN_PIPE = 141


MEANINGS: Final[Mapping[Exit, str]] = {
    Exit.OK: "done; the profile is valid, the credential accepted",
    Exit.REFUSED: "not valid, or refused: by the token endpoint or by the API; something wants a person",
    Exit.USAGE: "the command, a setting or a plugin is wrong, or the profile does not allow this; nothing was sent",
    Exit.INCONCLUSIVE: "neither yes nor no: unreachable, too slow, asked to wait, or another answer",
    Exit.INPUT: "an input (a secret, say) is missing or not of its declared form; nothing was sent",
    Exit.BUG: "a mistake in authweave itself",
    Exit.INTERRUPTED: "stopped by Ctrl-C",
    Exit.BROKEN_PIPE: "nobody reads the output any more",
}


def exit_of(error: BaseException) -> Exit:
    """The exit code for an error that ends a command."""
    from authweave import errors

    if isinstance(error, errors.UnexpectedFailure):
        return Exit.BUG
    if isinstance(error, errors.InputError):
        return Exit.INPUT
    if isinstance(error, errors.WireError | errors.RateLimited | errors.EndpointPaused | errors.StoreUnavailable):
        return Exit.INCONCLUSIVE
    if isinstance(error, errors.SignInFailed) and error.reason in ("expired", "cancelled"):
        return Exit.INCONCLUSIVE
    if isinstance(error, errors.DiscoveryError):
        return Exit.INCONCLUSIVE if error.retry or error.kind == "unreachable" else Exit.REFUSED
    if isinstance(error, errors.TokenEndpointError | errors.TokenAnswerError):
        return Exit.INCONCLUSIVE if error.status >= 500 else Exit.REFUSED
    if isinstance(error, errors.ProfileError | errors.TokenError | errors.ApiError):
        return Exit.REFUSED
    return Exit.USAGE if isinstance(error, errors.AuthweaveError) else Exit.BUG


def exit_for(judgement: Judgement) -> Exit:
    """The exit code for what an API's answer says of the credential."""
    if judgement.error is not None and judgement.verdict in ("refused", "forbidden"):
        return exit_of(judgement.error)
    return _VERDICTS.get(judgement.verdict, Exit.INCONCLUSIVE)


_VERDICTS: Final = {"accepted": Exit.OK, "refused": Exit.REFUSED, "forbidden": Exit.REFUSED}

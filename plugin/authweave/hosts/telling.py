"""What a person reads in a platform's log or terminal when a credential was not accepted, or none could be had."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from authweave.errors import AuthorizationRequired, AuthweaveError
from authweave.redaction import inert

if TYPE_CHECKING:
    from authweave.hosts.named import Named
    from authweave.values import Judgement

log: Final = logging.getLogger("authweave.hosts")
SILENT: Final = frozenset({"accepted", "send_again", "inconclusive"})


def refusal(named: Named, judgement: Judgement) -> str:
    """One paragraph: whose credential, what the API said, and the command that says what to change. '' where nothing is wrong."""
    if judgement.verdict in SILENT:
        return ""
    return _paragraph(f"{named}: {judgement.reason}. What was sent, what came back and what to change: {named.command}")


def failure(named: Named, error: AuthweaveError) -> str:
    """The same for a request that was not sent, for want of a credential."""
    if isinstance(error, AuthorizationRequired):
        return _paragraph(str(error))
    return _paragraph(f"{named}: {error}. To see why: {named.command}")


@contextmanager
def explained(named: Named) -> Iterator[None]:
    """Where a door raises what we raise: whose credential could not be had, and the command that says why, stand below the traceback."""
    try:
        yield
    except AuthorizationRequired:
        raise  # the link says it
    except AuthweaveError as error:
        error.add_note(_paragraph(f"{named}. To see why: {named.command}"))
        raise


def tell(named: Named, judgement: Judgement) -> None:
    """Log the refusal as a warning of the logger `authweave.hosts`, for platforms that show their log to people."""
    if text := refusal(named, judgement):
        log.warning("%s", text)


def _paragraph(text: str) -> str:
    """On one line: what a message has on lines of their own stands behind semicolons, or behind the colon that leads to it."""
    first, *others = (line.strip() for line in text.splitlines() if line.strip())
    return inert(" ".join((first, "; ".join(others))).strip() if first.endswith(":") else "; ".join((first, *others)))

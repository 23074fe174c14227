"""After a token call that failed: the command that shows where it ended, and what to change."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from authweave.cli.options import Given


def try_test(reference: str, given: Given) -> str:
    """`Try: authweave test acme --tenant=blue`: the test of the connection that was meant."""
    words = [reference, *(f"--input={name}={value}" for name, value in given.input)]
    words += [f"--tenant={given.tenant}"] if given.tenant else []
    words += [f"--subject={given.subject}"] if given.subject else []
    return f"Try: authweave test {shlex.join(words)}"


def point(error: BaseException, words: str) -> None:
    """Let the message that ends the command say these words, too, if a token call is what failed."""
    if is_of_token_call(error):
        error.add_note(words)


def is_of_token_call(error: BaseException | None) -> bool:
    """Did the token endpoint refuse, answer something else, or not answer? A WireError is taken for one of its calls."""
    from authweave.errors import EndpointPaused, TokenAnswerError, TokenEndpointError, WireError

    return isinstance(error, TokenEndpointError | TokenAnswerError | EndpointPaused | WireError)

"""Questions and answers at a terminal: labels on stderr, so that stdout stays free for the file."""

from __future__ import annotations

import sys

from authweave.errors import UsageError
from authweave.redaction import inert

INTRODUCTION = "Enter takes what stands in [ ], < goes back, Ctrl-C ends without a trace. Secrets are never asked for: they do not stand in profiles.\n"


def ask(label: str, hint: str, default: str) -> str:
    """What somebody types, without blanks around it. Raises UsageError where the input ends, KeyboardInterrupt for Ctrl-C."""
    if hint:
        tell(f"  ({hint})")
    shown = f"{label}{f' [{default}]' if default else ''}: "
    print(inert(shown, lines=True), end="", file=sys.stderr, flush=True)
    try:
        return input().strip()
    except EOFError:
        print(file=sys.stderr)
        raise UsageError("the input ended before the form did; nothing was written") from None
    except UnicodeDecodeError:
        raise UsageError("that is not text in this terminal's encoding; nothing was written") from None


def tell(words: str) -> None:
    """A line for whoever answers."""
    print(inert(words, lines=True), file=sys.stderr, flush=True)


def agreed(question: str) -> bool:
    """Yes, unless somebody says no."""
    return ask(f"{question} [Y/n]", "", "").lower() not in ("n", "no")

"""Points in time for people and for programs."""

from __future__ import annotations

from typing import Final

from authweave.redaction import inert

_UNITS: Final = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def span(seconds: float) -> str:
    """`45 s`, `14 min`, `3 h`, `12 d`: two units would tell nobody more."""
    whole = max(0, int(seconds))
    size, unit = next(((size, unit) for size, unit in _UNITS if whole >= 2 * size), _UNITS[-1])
    return f"{whole // size} {unit}"


def ends(moment: float | None, now: float) -> str:
    """`in 14 min`, `3 h ago`, `no stated end`; '' where nothing ends."""
    if moment is None:
        return ""
    if moment == float("inf"):
        return "no stated end"
    return f"in {span(moment - now)}" if moment > now else f"{span(now - moment)} ago"


def stamp(moment: float | None) -> str | None:
    """RFC 3339 in UTC; None where there is none."""
    from authweave.tokens.troubles import moment as words

    return None if moment is None or moment in (0.0, float("inf")) else words(moment)


def one_line(text: str) -> str:
    """A text that stays on its line."""
    return inert(text)

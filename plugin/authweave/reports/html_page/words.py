"""The verdicts in words, and numbers as people read them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from authweave.report import Report, Verdict

STATES: Final[Mapping[str, str]] = {
    "obtained": "ok", "accepted": "ok", "refused": "failed", "forbidden": "failed", "inconclusive": "open",
    "not_needed": "none", "not_tested": "none",
}  # fmt: skip
"""What a verdict looks like. `open` is neither good nor bad: nothing is proven; `none`: nobody asked."""

SYMBOLS: Final[Mapping[str, str]] = {"ok": "✓", "failed": "✗", "open": "?", "warning": "!", "none": "–", "skipped": "–", "unsent": "–"}
_BY_TOKEN: Final[Mapping[str, str]] = {
    "refused": "The identity provider gives no token.",
    "inconclusive": "It stays open whether a token can be had.",
    "obtained": "A token was obtained. Nobody asked the API.",
    "not_needed": "Nobody asked the API.",
}  # fmt: skip
_BY_CREDENTIAL: Final[Mapping[str, str]] = {
    "accepted": "The API accepts the credential.",
    "refused": "The API does not accept the credential.",
    "forbidden": "The API knows the credential, and forbids the request.",
    "inconclusive": "It stays open whether the API accepts the credential.",
}  # fmt: skip
_CODE: Final = re.compile("`([^`\n]+)`")
_NOTHING_SENT: Final = "Nothing was sent."


def headline(report: Report) -> str:
    """Both verdicts in one sentence."""
    if not report.is_valid:
        return "The profile is not valid. Nothing was sent."
    if said := _BY_CREDENTIAL.get(report.credential.word):
        return said
    return _BY_TOKEN.get(report.token.word, _NOTHING_SENT) if report.exchanges or report.token.word != "not_needed" else _NOTHING_SENT


def state_of(report: Report) -> str:
    """The worse of both verdicts, as it looks: failed, open, ok or none."""
    found = {STATES.get(report.token.word, "none"), STATES.get(report.credential.word, "none")}
    if not report.is_valid or ("ok" not in found and any(one.severity == "error" for one in report.diagnoses) and found == {"none"}):
        return "failed"
    return next(state for state in ("failed", "open", "ok", "none") if state in found)


def verdict_words(verdict: Verdict) -> str:
    """`not tested`."""
    return verdict.word.replace("_", " ")


def first_code(report: Report) -> str:
    """The code of the diagnosis that comes first; '' if there is none."""
    return report.diagnoses[0].code if report.diagnoses else ""


def duration(ms: float | None) -> str:
    """`<0.1 ms`, `0.4 ms`, `93 ms`, `1.24 s`."""
    if ms is None:
        return ""
    if ms < 0.05:
        return "<0.1 ms"
    if ms < 9.95:
        return f"{ms:.1f} ms"
    return f"{ms:.0f} ms" if ms < 999.5 else f"{ms / 1000:.2f} s"


def cut(text: str, room: int) -> str:
    """The text in at most so many characters."""
    return text if len(text) <= room else f"{text[: room - 1]}…"


def without_query(url: str) -> str:
    """The URL with a sign in place of its query, which is told field by field elsewhere."""
    path, mark, _ = url.partition("?")
    return f"{path}?…" if mark else path


def pieces(text: str, room: int, most: int = 3) -> list[str]:
    """The text in at most `most` lines of `room` characters, broken after dots and spaces where that is possible."""
    lines: list[str] = []
    while len(text) > room and len(lines) < most - 1:
        end = max(text.rfind(mark, 0, room) for mark in ".-: ") + 1 or room
        lines.append(text[:end])
        text = text[end:]
    return [*lines, cut(text, room)]


def code_pieces(text: str) -> list[tuple[bool, str]]:
    """The text in pieces: (is it code, the piece). Code stood in backticks, as advice writes what is to be written."""
    return [(place % 2 == 1, piece) for place, piece in enumerate(_CODE.split(text)) if piece]


def short_place(place: str, source: str) -> str:
    """`line 7` of the report's own profile; the whole place of any other file."""
    line = place.removeprefix(f"{source}:") if source else place
    return f"line {line}" if line.isdecimal() else place


def is_link(text: str) -> bool:
    """May this be a link in a page? An https URL in plain characters, without a user in front of its host."""
    if not text.startswith("https://") or not text.isascii() or not text.isprintable() or any(mark in text for mark in " <>\"'\\`"):
        return False
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return bool(parts.hostname) and "@" not in parts.netloc

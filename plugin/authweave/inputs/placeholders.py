"""Values that look as if nobody had filled them in, or as if something had gone wrong when they were copied."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

_FILLER: Final = (
    "change[ _-]?(me|it|this)!?", "replace[ _-]?(me|this|with.{0,40})", "fill[ _-]?me[ _-]?in", "place[ _-]?holder",
    "todo|tbd|fixme|dummy|example|sample|none|null|undefined|nil|n/?a", "(insert|enter|put|paste).{1,40}here",
    "(your|my)[ _-].{0,40}(id|key|secret|token|password|user(name)?|name|tenant|here)",
)  # fmt: skip
_VARIABLE: Final = (
    r"\$\{[^{}]{1,60}\}", r"\$\([^()]{1,60}\)", "\\$[A-Z_][A-Z0-9_]{2,60}", "%[A-Z_][A-Z0-9_]{2,60}%",
)  # fmt: skip
_PLACEHOLDER: Final = (
    (re.compile(r"<[^<>]{1,60}>|‹[^‹›]{1,60}›"), "angle brackets stand around it"),
    (re.compile("|".join(_VARIABLE)), "a variable was not filled in"),
    (re.compile(r"(?s)\{\{.{0,60}\}\}|\{%.{0,60}%\}"), "a template was not filled in"),
    (re.compile(r"\{[A-Za-z_ -]{1,40}\}|\[[A-Za-z_ -]{1,40}\]"), "brackets stand around it"),
    (re.compile("|".join(_FILLER), re.IGNORECASE), "it says so itself"),
    (re.compile(r"([xX*.•-])\1{2,}|[xX]{4}([ -]?[xX]{4})+"), "one character repeated"),
)
_REFERENCE: Final = re.compile(r"(?i)(vault|secret|env|file|op|keyring|aws-?sm|ssm|gcp-?sm|arn):\S{3,200}")
_FILE: Final = re.compile(r"(~|\.{1,2}|[A-Za-z]:)?([/\\][a-z0-9_.-]{1,60}){2,10}|[\w./\\~-]{1,120}\.(pem|key|txt|json|p12|pfx|crt)")
"""The name of a file, as people write it: lower case, so that a secret in base64 is none."""
_LONGEST: Final = 300


def doubts(value: Any, *, secret: bool, example: str = "") -> Iterator[str]:
    """Why a supplied value may not be what was meant. Never part of it."""
    if not isinstance(value, str) or not value:
        return
    stripped = value.strip()
    if len(stripped) <= _LONGEST:
        yield from _unfilled(stripped, example)
        if secret and _REFERENCE.fullmatch(stripped):
            yield "it looks like a reference to a secret, not like the secret"
        elif secret and _FILE.fullmatch(stripped):
            yield "it looks like the name of a file, not like what stands in it"
    if secret and "-----BEGIN" not in value:
        yield from _damaged(value, stripped)


def _unfilled(value: str, example: str) -> Iterator[str]:
    for pattern, why in _PLACEHOLDER:
        if pattern.fullmatch(value):
            yield f"it still looks like a placeholder: {why}"
            return
    if example and value == example:
        yield "it is the example of the profile"


def _damaged(value: str, stripped: str) -> Iterator[str]:
    if value != stripped:
        yield "spaces or line ends stand around it"
    if re.search(r"[\r\n]", stripped):
        yield "a line end stands in it"
    elif re.search(r"[\x00-\x08\x0b-\x1f\x7f-\xa0\u200b-\u200f\u2028-\u202f\u2060\ufeff]", stripped):
        yield "an invisible character stands in it"
    if re.match(r"(?i)(bearer|basic|token) \S", stripped):
        yield "it begins with the name of a scheme, which may come twice then"
    if len(stripped) > 2 and stripped[0] == stripped[-1] and stripped[0] in "\"'`":
        yield "quotes stand around it"

"""What an unquoted YAML scalar is: YAML 1.2.2, section 10.3.2 (core schema).

Two readings of the core schema are refused, because what a program gets is not what the author wrote: a number
with leading zeros (an id or a secret would lose them), and a number that Python or another reader of the same
file cannot hold exactly enough (not finite, beyond 64 bits, hundreds of digits).
"""

from __future__ import annotations

import re
from typing import Final

QUOTE_IT: Final = "quote it if it is a text"
MAX_NUMBER_LENGTH: Final = 400

_WORDS: Final[dict[str, bool | None]] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_STARTS: Final = frozenset("+-.0123456789")
_DECIMAL = re.compile(r"[-+]?[0-9]+", re.ASCII)
_OCTAL = re.compile(r"0o[0-7]+", re.ASCII)
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_LEADING_ZEROS = re.compile(r"[-+]?0[0-9]", re.ASCII)
_NOT_ZERO = re.compile(r"[-+.0]*[1-9]", re.ASCII)


class RefusedScalar(Exception):
    """A scalar that is not read; carries the rule and the words for people, never the scalar itself."""

    def __init__(self, rule: str, message: str, fix: str) -> None:
        super().__init__(message)
        self.rule = rule
        self.message = message
        self.fix = fix


def resolve(literal: str) -> str | int | float | bool | None:
    """The value of an unquoted scalar. Text comes back as it is; RefusedScalar for a number that is not read."""
    if literal in _WORDS:
        return _WORDS[literal]
    if literal[0] not in _STARTS:
        return literal
    return _number_or_text(literal)


def is_plainly_text(literal: str) -> bool:
    """Is it a text at first sight? Quicker than `resolve`, and says no when in doubt."""
    return literal not in _WORDS and literal[0] not in _STARTS


def is_text(literal: str) -> bool:
    """Does an unquoted scalar read as text? A refused number is no text."""
    try:
        return isinstance(resolve(literal), str)
    except RefusedScalar:
        return False


def integer(literal: str, base: int = 10) -> int:
    """A whole number that fits 64 bits, signed or unsigned."""
    _not_too_long(literal)
    value = int(literal, base)
    if not -(1 << 63) <= value < 1 << 64:
        raise RefusedScalar("document.number", "is a whole number beyond 64 bits", QUOTE_IT)
    return value


def real(literal: str) -> float:
    """A finite number; one that is too small to be told from zero is refused like one that is too large."""
    _not_too_long(literal)
    value = float(literal)
    if value in (float("inf"), float("-inf")):
        raise RefusedScalar("document.number", "is a number too large to be held", QUOTE_IT)
    if value == 0 and _NOT_ZERO.match(literal):
        raise RefusedScalar("document.number", "is a number too small to be told from 0", QUOTE_IT)
    return value


def refuse_leading_zeros(literal: str) -> None:
    """`007` is no number here: as one it would lose what was written."""
    if _LEADING_ZEROS.match(literal):
        raise RefusedScalar("document.leading_zeros", "is a number with leading zeros, which would be lost", "quote it")


def _number_or_text(literal: str) -> str | int | float:
    if _DECIMAL.fullmatch(literal):
        refuse_leading_zeros(literal)
        return integer(literal)
    if _FLOAT.fullmatch(literal):
        refuse_leading_zeros(literal)
        return real(literal)
    if _OCTAL.fullmatch(literal):
        return integer(literal, 8)
    if _HEXADECIMAL.fullmatch(literal):
        return integer(literal, 16)
    if _NOT_FINITE.fullmatch(literal):
        raise RefusedScalar("document.number", "is not a finite number", QUOTE_IT)
    return literal


def _not_too_long(literal: str) -> None:
    if len(literal) > MAX_NUMBER_LENGTH:
        raise RefusedScalar("document.number", f"is a number of more than {MAX_NUMBER_LENGTH} characters", QUOTE_IT)

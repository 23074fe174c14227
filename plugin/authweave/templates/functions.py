"""The functions of templates: one table, read as `f(x, a)` and as `x | f(a)`.

A function gets values that are not null (a null makes the whole call null, but for `default`) and returns a
value. One that cannot use what it gets raises `Unfit`, whose message never holds a value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from authweave import times
from authweave.templates import coding_functions as coding
from authweave.templates import text_functions as text
from authweave.templates.bounds import RESULT_LENGTH, Unfit, charge, fits
from authweave.templates.key_functions import check_thumbprint, fingerprint, x5t
from authweave.templates.operands import as_bytes, as_text

_SMALL: Final = 256 * 1024
_WHOLE_BODY: Final = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Function:
    """One function as an author sees it: `signature` shows its arguments; those with `=` may be left out or named.

    `longest` bounds text and bytes arguments; `literals` checks arguments that are literals when the profile is loaded.
    """

    signature: str
    call: Callable[..., Any]
    longest: int = RESULT_LENGTH
    literals: Mapping[int, Callable[[Any], None]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The word it is called by."""
        return self.signature.partition("(")[0]

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of its arguments, in order."""
        return _parameters(self.signature)[0]

    @property
    def optional(self) -> tuple[str, ...]:
        """The arguments that may be left out, or given by name."""
        return _parameters(self.signature)[1]

    def on(self, arguments: list[Any], named: Mapping[str, Any]) -> Any:
        """Call it, counting the work. Raises Unfit, and what a lazy map that it reads raises."""
        try:
            charge(100 + self._work(arguments))
            result = self.call(*arguments, **named)
            if type(result) is str or type(result) is bytes:
                fits(len(result))
            return result
        except (Unfit, times.NotATime) as unfit:
            problem = str(unfit)
        except (ValueError, TypeError, ArithmeticError, RecursionError, MemoryError):
            problem = "cannot use this value"
        raise Unfit(f"{self.name}: {problem}")

    def _work(self, arguments: list[Any]) -> int:
        work = 0
        for value in arguments:
            if type(value) is str or type(value) is bytes:
                if len(value) > self.longest:
                    raise Unfit(f"the value is longer than {self.longest} characters")
                work += min(len(value), _SMALL)
            elif isinstance(value, list | dict):
                work += 8 * len(value)
        return work


@cache
def _parameters(signature: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    inside = signature.partition("(")[2].removesuffix(")")
    parts = inside.split(", ") if inside else []
    names = tuple(part.partition("=")[0] for part in parts)
    return names, tuple(name for name, part in zip(names, parts, strict=True) if "=" in part)


def _check_time_form(form: Any) -> None:
    times.check_form(as_text(form))


def _check_duration_form(form: Any) -> None:
    times.check_duration_form(as_text(form))


def _special(*_: Any) -> Any:
    raise AssertionError("compiled by its own rule: see expressions.py")


_TABLE: Final = (
    Function("now()", _special),
    Function("default(x, fallback)", _special),
    Function("uuid()", text.uuid4),
    Function("random(n)", text.random),
    Function("format_time(t, format)", text.format_time, literals={1: _check_time_form}),
    Function("parse_time(s, format)", text.parse_time, literals={1: _check_time_form}),
    Function("duration(s, format)", text.duration, literals={1: _check_duration_form}),
    Function("lower(x)", lambda x: as_text(x).lower()),
    Function("upper(x)", lambda x: as_text(x).upper()),
    Function("trim(x)", text.trim),
    Function("replace(x, old, new)", text.replace),
    Function("split(x, separator)", text.split),
    Function("join(list, separator='')", text.join),
    Function("strip_prefix(x, prefix)", text.strip_prefix),
    Function("strip_suffix(x, suffix)", text.strip_suffix),
    Function("int(x)", text.whole_number),
    Function("length(x)", text.length, longest=_WHOLE_BODY),
    Function("urlencode(x)", coding.urlencode, longest=_SMALL),
    Function("urlpath(x)", coding.urlpath, longest=_SMALL),
    Function("base64(x)", coding.to_base64),
    Function("base64url(x)", coding.to_base64url),
    Function("hex(x)", coding.to_hex),
    Function("unbase64(x)", coding.from_base64),
    Function("unhex(x)", coding.from_hex),
    Function("md5(x)", coding.digest("md5"), longest=_WHOLE_BODY),
    Function("sha1(x)", coding.digest("sha1"), longest=_WHOLE_BODY),
    Function("sha256(x)", coding.digest("sha256"), longest=_WHOLE_BODY),
    Function("sha512(x)", coding.digest("sha512"), longest=_WHOLE_BODY),
    Function(
        "hmac(key, x, algorithm='sha256')", coding.keyed_digest,
        longest=_WHOLE_BODY, literals={2: coding.check_hmac},
    ),
    Function("basic(user, password)", coding.basic, longest=_SMALL),
    Function("json(x)", coding.to_json),
    Function("parse_json(x)", coding.from_json, longest=_SMALL),
    Function("parse_form(x)", coding.from_form, longest=_SMALL),
    Function("jwt_claims(x)", coding.jwt_claims, longest=_SMALL),
    Function("fingerprint(pem)", lambda pem: fingerprint(as_bytes(pem)), longest=_SMALL),
    Function("x5t(pem, algorithm='sha1')", lambda pem, algorithm="sha1": x5t(as_bytes(pem), algorithm), longest=_SMALL, literals={1: check_thumbprint}),
    Function("canonical(map, pair=':', end='\\n', prefix='')", text.canonical),
    Function("sorted_pairs(map, pair='=', separator='&')", text.sorted_pairs),
)  # fmt: skip

FUNCTIONS: Final[Mapping[str, Function]] = {function.name: function for function in _TABLE}

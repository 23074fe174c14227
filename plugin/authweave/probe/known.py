"""What is secret in one run: every value by its name, so that a report can show everything else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final
from urllib.parse import parse_qsl

from authweave.answers.responses import NotJson, parse_json
from authweave.redaction import Redactor, inert, masked
from authweave.redaction.forms import SHORTEST
from authweave.values import Secret, Token

TELLING: Final = re.compile(r"(?i)auth|token|secret|passw|passphrase|credential|cookie|session|signature|jwt|csrf|xsrf|assertion|api[-_]?key|^key$|private")
"""Names whose values are not shown, wherever they come from."""
_HARMLESS: Final = re.compile(r"(?i)^(www-authenticate|proxy-authenticate|token_type|author|authors)$|_(type|endpoint|uri|url|expires?_?\w*)$|expire")
_IN_TEXT: Final = re.compile(r"(?i)[\"']?([\w.-]{0,40}(?:token|secret|passw|jwt|session)[\w.-]{0,40})[\"']?\s{0,4}[=:]\s{0,4}[\"']?([^\s\"'&<>,;}]{4,4096})")
MOST_LEARNED: Final = 400
"""Members of one answer, in its order: more do not fit into the 2 KiB that are shown of it."""
_LONG_RUN: Final = re.compile(r"[A-Za-z0-9+/=~]{16,}")
"""In a name, with a digit in it: a value in the place of a name."""
_OF_MARKS: Final = str.maketrans({":": "_", "›": "_"})
_LONGEST_TEXT: Final = 131072
_NAMELESS: Final = "value"
_LONGEST_NAME: Final = 60
_OPAQUE: Final = re.compile(r"[A-Za-z0-9+/=._~-]{24,}")


def is_telling(name: str) -> bool:
    """Is a value of this name probably a secret?"""
    return TELLING.search(name) is not None and _HARMLESS.search(name) is None


@dataclass(frozen=True, slots=True)
class Named:
    """What a value is called, and where it comes from: input, answer, or made (by authweave, for a request)."""

    name: str
    source: str = "made"


class Known:
    """The secrets of one run. `text` makes any text fit to show; whatever is shown goes through it."""

    def __init__(self) -> None:
        self._redactor = Redactor()
        self._names: dict[str, Named] = {}
        self._plain: dict[str, Named] = {}

    def learn(self, name: str, value: Secret | str | bytes | None, source: str = "made") -> None:
        """Know one secret; the first name of a value stays."""
        plain = value.reveal() if isinstance(value, Secret) else value
        if plain is None or plain == "" or plain == b"":
            return
        if isinstance(plain, str):
            if plain in self._names:
                return  # finding every form of it takes longer than all the rest of a run
            self._names[plain] = Named(self._fit(name), source)
        self._redactor.learn([(self._fit(name), Secret(plain, "probe"))])

    def _fit(self, name: str) -> str:
        """A name that may be a server's: without what moves a cursor or ends a mark, and no secret itself."""
        shown = inert(self._redactor.redact(name).translate(_OF_MARKS))
        is_value = shown.startswith("‹") or any(any(map(str.isdigit, run)) for run in _LONG_RUN.findall(name))
        return _NAMELESS if not shown.strip() or "‹" in shown or is_value else shown[:_LONGEST_NAME]

    def learn_inputs(self, inputs: Mapping[str, Any]) -> None:
        """Every input that is secret; of the others, their names."""
        for name, value in inputs.items():
            if isinstance(value, Secret):
                self.learn(name, value, "input")
            elif isinstance(value, str) and value:
                self._plain.setdefault(value, Named(name, "input"))

    def named(self) -> Mapping[str, Named]:
        """Every secret that is a text, by its value."""
        return self._names

    def plain(self) -> Mapping[str, Named]:
        """Every input that is no secret, by its value."""
        return self._plain

    def has_short(self) -> bool:
        """Is a secret too short to be found in a text?"""
        return any(len(value) < SHORTEST for value in self._names)

    def learn_token(self, token: Token | None) -> None:
        """What a token call gave."""
        if token is None:
            return
        for name in ("access_token", "refresh_token", "id_token"):
            self.learn(name, getattr(token, name), "answer")
        for name, value in token.kept.items():
            self.learn(name, value if isinstance(value, Secret) else None, "answer")

    def learn_answer(self, body: bytes, *, of_token_call: bool) -> None:
        """What an answer holds that looks like a secret, by its names; of a token call, opaque values too."""
        found = (
            (name, value) for name, value in _texts(body)
            if is_telling(name) or (of_token_call and name not in SHOWN and _OPAQUE.fullmatch(value))
        )  # fmt: skip
        for name, value in islice(found, MOST_LEARNED):
            self.learn(name, value, "answer")

    def learn_cookies(self, lines: Iterable[str]) -> None:
        """What an answer sets: before anything that the server says of it is shown."""
        for line in lines:
            name, _, value = line.partition(";")[0].partition("=")
            self.learn(name.strip(), value, "answer")

    def text(self, text: str, *, lines: bool = False) -> str:
        """The text without secrets and without anything that moves a cursor; of one that nobody reads to its end, the beginning."""
        text = text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}…"
        return inert(self._redactor.redact(text), lines=lines)

    def mask(self, value: str, name: str) -> str:
        """The mark of a value that is secret by its place. Known by value from now on, too."""
        self.learn(name, value)
        return masked(value, self._names[value].name) if value else "‹empty›"

    def after(self, literal: str, value: str, name: str) -> str:
        """`Bearer ‹secret access_token: …›`: the text of the profile stays, what was put into it is masked."""
        if not literal or not value.startswith(literal):
            return self.mask(value, name)
        return f"{inert(self._redactor.redact(literal, whole=True))}{self.mask(value[len(literal):], name)}"


SHOWN: Final = frozenset({
    "error", "error_description", "error_uri", "token_type", "expires_in", "expires_at", "scope", "code", "message", "detail",
})  # fmt: skip
"""The only fields of a token answer whose values are shown (design: an allow-list, because unknown names hold secrets)."""

INTROSPECTED: Final = SHOWN | {"active", "client_id", "aud", "exp", "iat", "nbf"}
"""The only fields of an introspection's answer whose values are shown (RFC 7662 §2.2)."""


def _texts(body: bytes) -> Iterable[tuple[str, str]]:
    try:
        yield from _members("", parse_json(body), 0)
        return
    except NotJson:
        pass
    text = body[:262144].decode("utf-8", "replace")
    if "=" in text and not text.lstrip().startswith(("<", "{", "[")):
        with suppress(ValueError):
            yield from parse_qsl(text, max_num_fields=1000)
    yield from _IN_TEXT.findall(text)


def _members(name: str, value: Any, depth: int) -> Iterable[tuple[str, str]]:
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, dict) and depth < 32:
        for key, member in value.items():
            yield from _members(str(key), member, depth + 1)
    elif isinstance(value, list) and depth < 32:
        for member in value:
            yield from _members(name, member, depth + 1)

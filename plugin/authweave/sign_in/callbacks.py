"""What came back with the person: the parameters of the redirect (RFC 6749 §4.1.2), or of a form (response_mode=form_post).

Everything here may have been written by an attacker. Nothing of it is repeated in a message.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self
from urllib.parse import parse_qsl, urlsplit

from authweave.errors import AuthorizationDenied, CallbackRefused, UrlRefused
from authweave.redaction import inert
from authweave.urls import Origin

LONGEST: Final = 32 * 1024
MOST: Final = 100
LONGEST_WORDS: Final = 200
RESERVED: Final = frozenset({"code", "state", "iss", "error", "error_description", "error_uri"})
_ERROR: Final = re.compile(r"[A-Za-z0-9._:/-]{1,64}", re.ASCII)
_TOKENS: Final = RESERVED | {"access_token", "id_token", "token_type", "expires_in"}


@dataclass(frozen=True, slots=True)
class Callback:
    """The parameters of an answer. `base` is the URL they came to, '' where a host gives the parameters alone.

    A parameter that came twice is in `doubled` and has no value here.
    """

    parameters: Mapping[str, str] = field(repr=False)
    doubled: frozenset[str] = frozenset()
    base: str = field(default="", repr=False)

    @classmethod
    def of(cls, answer: str | Mapping[str, Any]) -> Self:
        """From the URL that the browser came back to, its query, or a map of the parameters. Raises CallbackRefused."""
        if isinstance(answer, str):
            return cls._of_text(answer.strip())
        if not isinstance(answer, Mapping):
            raise CallbackRefused("form", f"the answer to a sign-in is a URL or a map of its parameters, and not {type(answer).__name__}")
        pairs: list[tuple[str, str]] = []
        for name, value in answer.items():
            values = value if isinstance(value, list | tuple) else [value]
            if not isinstance(name, str) or not all(isinstance(one, str) for one in values):
                raise CallbackRefused("form", "the parameters of the answer to a sign-in are texts")
            pairs += [(name, one) for one in values]
        return cls._of_pairs(pairs, "")

    @classmethod
    def _of_text(cls, text: str) -> Self:
        if len(text) > LONGEST:
            raise CallbackRefused("size", f"the answer to the sign-in is longer than {LONGEST} characters")
        whole, _, fragment = text.partition("#")
        if _TOKENS & {name for name, _ in _pairs(fragment)}:
            raise CallbackRefused("fragment", "the answer stands behind a #, where only scripts of a page see it; the provider has to answer in the query (response_mode=query)")
        base, mark, query = whole.partition("?")
        if not mark and "=" in base and not re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", base):
            base, query = "", base  # the parameters alone, as some paste them
        return cls._of_pairs(_pairs(query), base)

    @classmethod
    def _of_pairs(cls, pairs: list[tuple[str, str]], base: str) -> Self:
        if len(pairs) > MOST or sum(len(name) + len(value) for name, value in pairs) > LONGEST:
            raise CallbackRefused("size", f"the answer to the sign-in has more than {MOST} parameters or {LONGEST} characters")
        seen: dict[str, str] = {}
        doubled = set()
        for name, value in pairs:
            if name in seen:
                doubled.add(name)
            seen[name] = value
        return cls({name: value for name, value in seen.items() if name not in doubled}, frozenset(doubled), base)

    @property
    def state(self) -> str:
        """The state. Raises CallbackRefused where there is none, or more than one."""
        self.refuse_doubled(RESERVED)
        if not (state := self.parameters.get("state")):
            raise CallbackRefused("state", "the answer to the sign-in has no state, so that nobody can say what it answers")
        return state

    def refuse_doubled(self, read: Iterable[str]) -> None:
        """Raise CallbackRefused where a parameter that is read came twice (RFC 6749 §3.1): two readers would read two answers."""
        if twice := sorted(self.doubled & set(read)):
            raise CallbackRefused("duplicate", f"the answer to the sign-in has more than one {', '.join(twice)}")

    def refuse_other_place(self, redirect_uri: str) -> None:
        """Raise CallbackRefused where it came to another URL than the one that was sent along (RFC 9700 §4.4.2)."""
        if not self.base:
            return
        wanted, _, query = redirect_uri.partition("?")
        fixed = dict(_pairs(query))
        if _place(self.base) != _place(wanted) or any(self.parameters.get(name) != value for name, value in fixed.items()):
            raise CallbackRefused("redirect_uri", "the answer came to another redirect URI than the sign-in was begun with (behind a proxy, give its parameters alone)")

    def denied(self, profile: str) -> AuthorizationDenied | None:
        """The provider's refusal, if it is one (RFC 6749 §4.1.2.1), in words that can be shown."""
        error = self.parameters.get("error")
        if error is None:
            return None
        named = error if _ERROR.fullmatch(error) else "an error without a proper name"
        return AuthorizationDenied(error=named, error_description=self._words("error_description"), error_uri=self._uri(), profile=profile)

    def _words(self, name: str) -> str | None:
        text = self.parameters.get(name, "")
        return inert(text[:LONGEST_WORDS]) or None

    def _uri(self) -> str | None:
        """Shown only where it is a plain https URL: people may click on it."""
        text = self.parameters.get("error_uri", "")[:LONGEST_WORDS]
        try:
            parts = urlsplit(text)
        except ValueError:
            return None
        is_plain = parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc
        return inert(text) if is_plain else None


def _place(uri: str) -> str:
    """A URI without its query as a browser writes it: host in lower case, no usual port, a path; letter for letter otherwise."""
    try:
        origin = str(Origin.of(uri))
    except UrlRefused:
        return uri
    path = urlsplit(uri).path or "/"
    return f"{origin}{path}"


def _pairs(query: str) -> list[tuple[str, str]]:
    failure = ""
    try:
        return parse_qsl(query, keep_blank_values=True, max_num_fields=MOST, errors="strict")
    except UnicodeDecodeError:
        failure = "the answer to the sign-in is not encoded in UTF-8"
    except ValueError:
        failure = f"the answer to the sign-in has more than {MOST} parameters"
    raise CallbackRefused("size" if "more" in failure else "form", failure)

"""What is read of an answer of a token endpoint, name by name: members, texts, the server's own words without the secrets in them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from authweave.errors import TokenAnswerError
from authweave.profile import Answer, TokenSettings
from authweave.redaction import Redactor, inert
from authweave.values import Secret, TaskResponse, Token

LONGEST_WORDS: Final = 8192
"""Characters of `scope` and `token_type` that are kept of an answer: they are stored with every token."""
_SHOWN: Final = 200
_LONGEST_SHOWN: Final = 16_384
"""Characters of a server's words that are looked through for secrets, so that a part of them can be shown; of longer ones nothing is shown."""
_HALVES: Final = re.compile("[\ud800-\udfff]")
_NAME: Final = re.compile(r"[A-Za-z_@$][A-Za-z0-9_.:@$-]{0,59}")


@dataclass(frozen=True, slots=True)
class Reading:
    """What is needed beside the answer: the settings, the namespaces, the token that was refreshed, the time, the URL.

    `is_step`: it is not the token endpoint that answers, but the server that a step asked.
    """

    settings: TokenSettings
    scope: Mapping[str, Any]
    old: Token | None
    now: float
    sent_to: str
    is_step: bool = False

    @property
    def url(self) -> str:
        """The URL for messages: without its query, which may hold secrets, and without those that its path holds."""
        return Redactor(known_secrets(self.scope)).redact(self.sent_to.partition("?")[0])


def shown(words: Any, scope: Mapping[str, Any]) -> str | None:
    """The server's words, short and inert; nothing but text, and without the secrets that some servers repeat."""
    if not isinstance(words, str | int) or isinstance(words, bool) or words == "":
        return None
    if isinstance(words, str) and len(words) > _LONGEST_SHOWN:
        return f"a text of {len(words)} characters"
    text = Redactor(known_secrets(scope)).redact(str(words))[:_SHOWN]  # whole: half a secret is not found
    return "".join(character if character.isprintable() else "�" for character in text) or None


def known_secrets(scope: Mapping[str, Any]) -> Iterator[tuple[str, Secret]]:
    """What the request may have held: the secret inputs that were read, what was kept, and the tokens that were refreshed."""
    yield from getattr(scope.get("inputs"), "secrets", ())
    for name, value in scope.get("kept", {}).items():
        if isinstance(value, Secret):
            yield name, value
    for name, value in scope.get("token", {}).items():
        if isinstance(value, Secret):
            yield name, value


def member(answer: Answer, name: str, scope: Mapping[str, Any]) -> Any:
    """A member where the profile reads it, else in JSON, else in a form."""
    if (written := answer.members.get(name)) is not None:
        return written.value(scope) if hasattr(written, "value") else written
    for body in (scope["response"]["json"], scope["response"]["form"]):
        if isinstance(body, Mapping) and body.get(name) is not None:
            return body[name]
    return None


def text_of(answer: Answer, name: str, scope: Mapping[str, Any], response: TaskResponse, reading: Reading) -> str:
    """A member as text; '' where there is none, or null. Raises TokenAnswerError for what is no text, or could be sent to nobody."""
    value = member(answer, name, scope)
    if name == "scope" and isinstance(value, list) and all(isinstance(one, str) for one in value):
        value = " ".join(value)  # Twitch answers with a list
    wrong = "is not a text"
    if isinstance(value, str) and name != "access_token" and _HALVES.search(value):
        wrong = "holds half a character (a lone surrogate)"  # kept, it could be sent to nobody: each renewal would fail
    elif value is None or isinstance(value, str):
        return value or ""
    elif isinstance(value, int) and not isinstance(value, bool) and (name != "access_token" or name in answer.members):
        return str(value)  # a login of any form may number its sessions; an access token of RFC 6749 is a text
    raise TokenAnswerError(
        "token_field_missing", f"{reading.url}: {name} {wrong}", status=response.status, url=reading.url,
        fields=names_of(scope),
    )  # fmt: skip


def kept_words(text: str) -> str:
    """What is kept of words that people are shown: not very long, and nothing that a terminal would obey."""
    return inert(text[:LONGEST_WORDS])[:LONGEST_WORDS]


def names_of(scope: Mapping[str, Any]) -> list[str]:
    """The names of the answer's fields (never values), two levels deep; what does not look like a name may be a value."""
    body = scope["response"]["json"]
    if body is None and scope["response"]["headers"].get("content-type", "").startswith("application/x-www-form-urlencoded"):
        body = {name: value for name, value in (scope["response"]["form"] or {}).items() if value}
    if not isinstance(body, Mapping):
        return []
    names = []
    for name, value in list(body.items())[:30]:
        names.append(name)
        if isinstance(value, Mapping):
            names += [f"{name}.{inner}" for inner in list(value)[:10]]
    return [said for name in names if _NAME.fullmatch(name) and (said := shown(name, scope))]

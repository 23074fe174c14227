"""Where else, and behind which word, a credential could stand in a request to the API."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from authweave.explaining.change import Change, Put
from authweave.explaining.clues import Clues

_PREFIXED: Final = re.compile(r"([A-Za-z][A-Za-z0-9_-]* +)?(\{\{.*\}\})", re.DOTALL)
_WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,30}")
_MOST_ASKED: Final = 2
_WORDS: Final = ("Bearer", "Token", "")
_BY_TYPE: Final = {"api_key": "api_key"}
_IN_URLS: Final = "it would put the credential into a URL, which servers and proxies write into their logs; --yes tries it"
_KEEPS_ITS_FIELDS: Final = frozenset({"basic"})
"""Types whose header has one form only (RFC 7617)."""


def fields(clues: Clues) -> Iterator[Change]:
    """Another word before the credential, the Authorization header for a key of its own, and the query."""
    if clues.variant.scheme.name in _KEEPS_ITS_FIELDS or clues.variant.seal is not None or clues.auth.get("dpop"):
        return
    found = _credential(clues.auth.get("fields", ()))
    if found is None:
        return
    index, field, word, expression = found
    if clues.header and (field["in"], field["key"].lower()) != ("header", clues.header.lower()):
        yield _placed(clues, index, {"in": "header", "key": clues.header, "value": expression})
    if field["in"] == "header":
        yield from _other_words(clues, index, field, word, expression)
    name = _BY_TYPE.get(clues.variant.scheme.name, "access_token")
    if field["in"] != "query":
        yield _placed(clues, index, {"in": "query", "key": name, "value": expression}, risk=_IN_URLS)
    if field["in"] != "header":
        yield _placed(clues, index, {"in": "header", "key": "Authorization", "value": f"Bearer {expression}"})
        yield _placed(clues, index, {"in": "header", "key": "X-API-Key", "value": expression})


def _other_words(clues: Clues, index: int, field: Mapping[str, Any], word: str, expression: str) -> Iterator[Change]:
    is_authorization = field["key"].lower() == "authorization"
    asked = [scheme for scheme in clues.schemes if _WORD.fullmatch(scheme) and scheme not in ("Basic", "Digest", "Negotiate", "Ntlm", "Dpop")][:_MOST_ASKED]
    for other in dict.fromkeys((*asked, *_WORDS)):
        value = f"{other} {expression}".lstrip()
        if is_authorization and other != word:
            yield _worded(clues, index, field, value)
        elif not is_authorization and other:
            yield _placed(clues, index, {"in": "header", "key": "Authorization", "value": value})
    if is_authorization:
        yield _placed(clues, index, {"in": "header", "key": "X-API-Key", "value": expression})
    elif word:
        yield _worded(clues, index, field, expression)


def _credential(fields: Any) -> tuple[int, Mapping[str, Any], str, str] | None:
    """The one field that is a single expression, perhaps behind a word: its index, itself, the word, the expression."""
    alike = [
        (index, field, (found[1] or "").strip(), found[2])
        for index, field in enumerate(fields)
        if isinstance(field.get("value"), str) and (found := _PREFIXED.fullmatch(field["value"])) and field["value"].count("{{") == 1 and "when" not in field
        and re.search(r"\b(?:token|inputs|kept)\b", found[2])
    ]  # fmt: skip
    return alike[0] if len(alike) == 1 else next((one for one in alike if one[1].get("key", "").lower() == "authorization"), None)


def _worded(clues: Clues, index: int, field: Mapping[str, Any], value: str) -> Change:
    """Only the value of a field that is written; the whole field of one that is a default."""
    if clues.is_own("fields", index, "value"):
        return Change((Put(clues.at("fields", index, "value"), value),))
    return _placed(clues, index, {"in": field["in"], "key": field["key"], "value": value})


def _placed(clues: Clues, index: int, field: Mapping[str, Any], risk: str = "") -> Change:
    """The credential in another field; what else stands in `fields` stays."""
    if clues.is_own("fields", index):
        return Change((Put(clues.at("fields", index), field),), risk=risk)
    others = [dict(other) for number, other in enumerate(clues.written.get("fields", ())) if number != index]
    return Change((Put(clues.at("fields"), [dict(field), *others]),), risk=risk)

"""The words with which an answer says what is wrong: an allow-list of members, since any other may hold a secret."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from authweave.answers.responses import NotJson, parse_json, response_scope
from authweave.values import TaskResponse

TELLING: Final = frozenset({
    "category", "code", "detail", "details", "error", "error_code", "error_codes", "error_description", "error_subcode", "error_summary", "error_uri", "errorcode", "errors",
    "errorsummary", "errormessage", "fault", "faultcode", "faultstring", "innererror", "message", "msg", "needed", "o:errorcode", "o:errordetails", "ok", "provided", "reason", "status", "suberror", "subcode",
    "success", "title", "type",
})  # fmt: skip
"""Names of members, in small letters, whose values say what is wrong."""
_HEADERS: Final = ("x-github-sso", "x-accepted-oauth-scopes", "x-oauth-scopes", "x-accepted-github-permissions")
_LARGEST: Final = 65536
_LONGEST: Final = 300
_MOST: Final = 40
_DEEPEST: Final = 6


def words_of(response: TaskResponse | None) -> tuple[tuple[str, str], ...]:
    """Names and texts in their order, as `("error", "invalid_auth")`; true and false are `true` and `false`."""
    if response is None:
        return ()
    found = [*_members("", _body(response), 0)]
    found += [(name, value) for name, value in response.headers if name.lower() in _HEADERS]
    return tuple((name, text[:_LONGEST]) for name, text in found[:_MOST])


def _body(response: TaskResponse) -> Any:
    body = (response.body or b"")[: _LARGEST + 1]
    if len(body) > _LARGEST:
        return None
    try:
        return parse_json(body)
    except NotJson:
        return response_scope(response)["form"]


def _members(name: str, value: Any, depth: int) -> Iterator[tuple[str, str]]:
    if depth > _DEEPEST:
        return
    if isinstance(value, Mapping):
        for key, member in value.items():
            if str(key).lower() in TELLING:
                yield from _members(str(key), member, depth + 1)
    elif isinstance(value, list):
        for member in value[:_MOST]:
            yield from _members(name, member, depth + 1)
    elif name and value is not None:
        yield name, str(value).lower() if isinstance(value, bool) else str(value)

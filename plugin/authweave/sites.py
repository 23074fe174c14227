"""Where templates stand in a profile, of which kind, and what each may read (format.md, namespaces)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from authweave.defaults import auth_paths
from authweave.values import Path

EVERYWHERE: Final = frozenset({"inputs", "vars", "profile"})
LATER: Final = EVERYWHERE | {"kept"}
CREDENTIAL: Final = LATER | {"token", "assertion", "signature", "request"}
TASK: Final = LATER | {"request"}
TOKEN_CALL: Final = LATER | {"callback", "assertion", "request"}
REFRESH: Final = TOKEN_CALL | {"token"}
ANSWER: Final = LATER | {"response", "request"}
_URLS: Final = frozenset({
    "token_url", "refresh_url", "authorization_url", "device_authorization_url", "issuer", "resource_url", "registration_url",
})  # fmt: skip
_AUTH_TEXTS: Final = ("client_id", "client_secret", "username", "password", "token", "audience", "resource")


@dataclass(frozen=True, slots=True)
class Site:
    """One value that may hold templates. `kind` is value, text, cond, url, server or request_url."""

    path: Path
    value: Any
    kind: str
    allowed: frozenset[str]


def sites(full: Mapping[str, Any]) -> Iterator[Site]:
    """Every site of a profile with its defaults written out. Parts of a wrong shape are passed over."""
    for name, value in _items(full.get("vars")):
        yield Site(("vars", name), value, "value", LATER)
    for index, server in _listed(full.get("servers")):
        yield Site(("servers", index), server, "server", LATER)
    yield from _fields(("fields",), full.get("fields"), TASK)
    for path, auth in auth_paths(full):
        yield from _auth(path, auth)
    tests = full.get("test")
    many = isinstance(tests, list)
    for index, test in _listed(tests if many else [tests]):
        if isinstance(test, dict):
            yield from _test(("test", index) if many else ("test",), test)


def _auth(path: Path, auth: Mapping[str, Any]) -> Iterator[Site]:
    yield from _one(path, auth, "when", "cond", EVERYWHERE | {"request"})
    yield from _fields((*path, "fields"), auth.get("fields"), CREDENTIAL)
    yield from _matches((*path, "rejected_when"), auth.get("rejected_when"))
    for key in _AUTH_TEXTS:
        yield from _one(path, auth, key, "text", LATER)
    for key in _URLS:
        yield from _one(path, auth, key, "url", LATER)
    yield from _scopes((*path, "scopes"), auth.get("scopes"))
    yield from _request((*path, "token_request"), auth.get("token_request"), TOKEN_CALL)
    yield from _request((*path, "refresh_request"), auth.get("refresh_request"), REFRESH)
    yield from _answer((*path, "token_response"), auth.get("token_response"))


def _scopes(path: Path, scopes: Any) -> Iterator[Site]:
    if isinstance(scopes, str):
        yield Site(path, scopes, "text", LATER)
    for index, item in _listed(scopes):
        if isinstance(item, dict):
            yield from _one((*path, index), item, "value", "text", LATER)
        else:
            yield Site((*path, index), item, "text", LATER)


def _request(path: Path, request: Any, allowed: frozenset[str]) -> Iterator[Site]:
    if isinstance(request, dict):
        yield from _one(path, request, "content", "text", allowed)
        yield from _one(path, request, "url", "request_url", allowed)
        yield from _fields((*path, "fields"), request.get("fields"), allowed)


def _answer(path: Path, answer: Any) -> Iterator[Site]:
    if not isinstance(answer, dict):
        return
    for key, value in answer.items():
        if key == "accepted_when":
            yield from _matches((*path, key), value)
        elif key == "keep":
            for name, item in _items(value):
                at = (*path, key, name)
                yield from [Site(at, item, "value", ANSWER)] if isinstance(item, str) else _one(at, item, "value", "value", ANSWER)
        elif isinstance(key, str) and not key.startswith("x-"):
            yield Site((*path, key), value, "value", ANSWER)


def _test(path: Path, test: Mapping[str, Any]) -> Iterator[Site]:
    yield from _one(path, test, "when", "cond", LATER)
    yield from _request((*path, "request"), test.get("request"), TASK)
    yield from _matches((*path, "accepted_when"), test.get("accepted_when"))
    for index, rule in _listed(test.get("rules")):
        if isinstance(rule, dict):
            yield from _one((*path, "rules", index), rule, "when", "cond", ANSWER)
            yield from _one((*path, "rules", index), rule, "message", "text", ANSWER)


def _matches(path: Path, written: Any) -> Iterator[Site]:
    for index, match in _listed(written):
        if isinstance(match, dict):
            yield from _one((*path, index), match, "when", "cond", ANSWER)


def _fields(path: Path, fields: Any, allowed: frozenset[str]) -> Iterator[Site]:
    for index, field in _listed(fields):
        if isinstance(field, dict):
            yield from _one((*path, index), field, "value", "value", allowed)
            yield from _one((*path, index), field, "when", "cond", allowed)


def _one(path: Path, holder: Any, key: str, kind: str, allowed: frozenset[str]) -> Iterator[Site]:
    if isinstance(holder, dict) and holder.get(key) is not None:
        yield Site((*path, key), holder[key], kind, allowed)


def _items(value: Any) -> list[tuple[str, Any]]:
    return list(value.items()) if isinstance(value, dict) else []


def _listed(value: Any) -> list[tuple[int, Any]]:
    return list(enumerate(value)) if isinstance(value, list) else []

"""Where templates stand in a profile, of which kind, and what each may read (format.md, namespaces).

What comes in has its defaults written out and the shape the schema asks for; anything may be missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from authweave.checking.defaults import auth_paths, parts_of, properties_of, scheme_of
from authweave.extensions.catalog import Catalog
from authweave.values import Path

EVERYWHERE: Final = frozenset({"inputs", "vars", "profile"})
LATER: Final = EVERYWHERE | {"kept"}
CREDENTIAL: Final = LATER | {"token", "assertion", "signature", "request"}
TASK: Final = LATER | {"request"}
TOKEN_CALL: Final = LATER | {"callback", "assertion", "request"}
REFRESH: Final = TOKEN_CALL - {"callback"} | {"token"}
REVOCATION: Final = LATER | {"token", "request"}
ANSWER: Final = LATER | {"response", "request"}
STEP: Final = LATER | {"assertion", "request"}
BROWSER: Final = LATER | {"request"}
CALLBACK: Final = LATER | {"callback"}
_AUTH: Final[Mapping[str, tuple[str, frozenset[str]]]] = {
    "when": ("cond", EVERYWHERE | {"request"}),
    **dict.fromkeys(("client_id", "client_secret", "refresh_token", "username", "password", "token", "audience", "resource"), ("text", LATER)),
    **dict.fromkeys(
        ("token_url", "refresh_url", "issuer", "authorization_url", "device_authorization_url", "registration_url"), ("url", LATER)
    ),
    "redirect_uri": ("text", LATER),
    "registration": ("value", LATER),
}


class Site(NamedTuple):
    """One value that may hold templates. `kind` is value, text, cond, url, server or request_url."""

    path: Path
    value: Any
    kind: str
    allowed: frozenset[str]


def sites(full: Mapping[str, Any], catalog: Catalog) -> Iterator[Site]:
    """Every site of a profile, those of the keys that belong to a type among them."""
    for name, value in full["vars"].items():
        yield Site(("vars", name), value, "value", LATER)
    for index, server in enumerate(full["servers"]):
        yield Site(("servers", index), server, "server", LATER)
    yield from _fields(("fields",), full["fields"], TASK)
    for path, auth in auth_paths(full):
        yield from _auth(path, auth)
        yield from _own(path, auth, {key: schema for part in (*parts_of(auth, catalog), scheme_of(auth, catalog)) for key, schema in properties_of(part).items()})
    for key, value in full.get("tls", {}).items():
        if key != "calls":
            yield Site(("tls", key), value, "value", EVERYWHERE)
    tests = full["test"]
    if isinstance(tests, dict):
        yield from _test(("test",), tests)
    elif isinstance(tests, list):
        for index, test in enumerate(tests):
            yield from _test(("test", index), test)


def _auth(path: Path, auth: Mapping[str, Any]) -> Iterator[Site]:
    for key, (kind, allowed) in _AUTH.items():
        if key in auth:
            yield Site((*path, key), auth[key], kind, allowed)
    yield from _fields((*path, "fields"), auth["fields"], CREDENTIAL)
    yield from _matches((*path, "rejected_when"), auth.get("rejected_when", ()))
    if "scopes" in auth:
        yield from _scopes((*path, "scopes"), auth["scopes"])
    yield from _jwt((*path, "assertion"), auth.get("assertion"))
    yield from _jwt((*path, "client_assertion"), auth.get("client_assertion"))
    for phase, allowed in (("before", STEP), ("after", STEP | {"token"})):
        for index, step in enumerate(auth.get(phase, ())):
            yield from _step((*path, phase, index), step, allowed)
    if "authorization_request" in auth:
        yield from _request((*path, "authorization_request"), auth["authorization_request"], BROWSER)
    if "callback" in auth:
        yield from _callback((*path, "callback"), auth["callback"])
    if "token_request" in auth:
        yield from _request((*path, "token_request"), auth["token_request"], TOKEN_CALL)
        yield from _request((*path, "refresh_request"), auth["refresh_request"], REFRESH)
        yield from _answer((*path, "token_response"), auth["token_response"])
    if "revoke_request" in auth:
        yield from _request((*path, "revoke_request"), auth["revoke_request"], REVOCATION, url="url")


def _own(path: Path, auth: Mapping[str, Any], known: Mapping[str, Any]) -> Iterator[Site]:
    """The keys of a type, grant or client authentication that its schema marks with `x-template`."""
    for key, schema in known.items():
        if key in auth and isinstance(schema, dict) and (kind := schema.get("x-template")):
            yield Site((*path, key), auth[key], kind, LATER | set(schema.get("x-reads", ())))


def _jwt(path: Path, written: Any) -> Iterator[Site]:
    if isinstance(written, str):
        yield Site(path, written, "value", LATER)
        return
    for key in ("algorithm", "signing_key", "key_id", "header", "claims", "lifetime"):
        if key in (written or {}):
            yield Site((*path, key), written[key], "value", LATER)


def _step(path: Path, step: Mapping[str, Any], allowed: frozenset[str]) -> Iterator[Site]:
    if "when" in step:
        yield Site((*path, "when"), step["when"], "cond", allowed - {"request"})
    if "request" in step:
        yield from _request((*path, "request"), step["request"], allowed, url="url")
    yield from _answer((*path, "response"), step.get("response", {}))


def _callback(path: Path, callback: Mapping[str, Any]) -> Iterator[Site]:
    if "code" in callback:
        yield Site((*path, "code"), callback["code"], "value", CALLBACK)
    yield from _answer(path, {"keep": callback.get("keep", {})}, CALLBACK)


def _scopes(path: Path, scopes: Any) -> Iterator[Site]:
    if isinstance(scopes, str):
        yield Site(path, scopes, "text", LATER)
        return
    for index, item in enumerate(scopes):
        if isinstance(item, str):
            yield Site((*path, index), item, "text", LATER)
        elif "value" in item:
            yield Site((*path, index, "value"), item["value"], "text", LATER)


def _request(path: Path, request: Mapping[str, Any], allowed: frozenset[str], *, url: str = "request_url") -> Iterator[Site]:
    for key, readable in (("method", allowed - {"request"}), ("content_type", allowed - {"request"}), ("content", allowed)):
        if key in request and (key == "content" or "{{" in str(request[key])):
            yield Site((*path, key), request[key], "text", readable)
    if "url" in request:
        yield Site((*path, "url"), request["url"], url, allowed if url == "request_url" else allowed - {"request"})
    yield from _fields((*path, "fields"), request["fields"], allowed)


def _answer(path: Path, answer: Mapping[str, Any], allowed: frozenset[str] = ANSWER) -> Iterator[Site]:
    for key, value in answer.items():
        if key == "accepted_when":
            yield from _matches((*path, key), value)
        elif key == "keep":
            for name, item in value.items():
                if isinstance(item, str):
                    yield Site((*path, key, name), item, "value", allowed)
                elif "value" in item:
                    yield Site((*path, key, name, "value"), item["value"], "value", allowed)
        elif not key.startswith("x-"):
            yield Site((*path, key), value, "value", ANSWER)


def _test(path: Path, test: Mapping[str, Any]) -> Iterator[Site]:
    if "when" in test:
        yield Site((*path, "when"), test["when"], "cond", LATER)
    yield from _request((*path, "request"), test["request"], TASK)
    yield from _matches((*path, "accepted_when"), test.get("accepted_when", ()))
    for index, rule in enumerate(test.get("rules", ())):
        if "when" in rule:
            yield Site((*path, "rules", index, "when"), rule["when"], "cond", ANSWER)
        if "message" in rule:
            yield Site((*path, "rules", index, "message"), rule["message"], "text", ANSWER)


def _matches(path: Path, written: Iterable[Mapping[str, Any]]) -> Iterator[Site]:
    for index, match in enumerate(written):
        if "when" in match:
            yield Site((*path, index, "when"), match["when"], "cond", ANSWER)


def _fields(path: Path, fields: Iterable[Mapping[str, Any]], allowed: frozenset[str]) -> Iterator[Site]:
    for index, field in enumerate(fields):
        if "value" in field:
            yield Site((*path, index, "value"), field["value"], "value", allowed)
        if "when" in field:
            yield Site((*path, index, "when"), field["when"], "cond", allowed)

"""A profile with every default written out: what `authweave show` prints and what binding reads."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from authweave.catalog import Catalog
from authweave.grants.vendor import Vendor
from authweave.values import Path

_SLOT: Final = re.compile(r"\$([a-z_]+)")
_EXPRESSION: Final = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_TOP: Final[Mapping[str, Any]] = {
    "version": "0.0.0", "description": "", "documentation": "", "inputs": {}, "vars": {}, "servers": [], "fields": [],
}  # fmt: skip


def with_defaults(data: Mapping[str, Any], catalog: Catalog) -> dict[str, Any]:
    """The data with the defaults of format.md filled in. Parts that are wrong are left as they are."""
    full = {**_TOP, **data}
    full["subject"] = data.get("subject", "application")
    full["auth"] = [_variant(auth, catalog) for auth in auths(data)] if isinstance(data.get("auth"), list) else (
        _variant(data["auth"], catalog) if isinstance(data.get("auth"), dict) else data.get("auth")
    )  # fmt: skip
    full["fields"] = [_field(field) for field in _listed(full["fields"])]
    full["inputs"] = _inputs(full, catalog)
    gets_token = any(getattr(scheme_of(auth, catalog), "gets_token", False) for auth in auths(data))
    full["test"] = _tests(data["test"]) if "test" in data else "token_only" if gets_token else "none"
    return full


def auths(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The variants as a list, whatever way they are written."""
    auth = data.get("auth")
    return [item for item in (auth if isinstance(auth, list) else [auth]) if isinstance(item, dict)]


def auth_paths(data: Mapping[str, Any]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every variant with its path: `auth`, or `auth[0]` …"""
    if isinstance(auth := data.get("auth"), list):
        yield from ((("auth", index), item) for index, item in enumerate(auth) if isinstance(item, dict))
    elif isinstance(auth, dict):
        yield ("auth",), auth


def scheme_of(auth: Mapping[str, Any], catalog: Catalog) -> Any:
    """The class of a variant's type, or None."""
    return catalog.named("schemes").get(str(auth.get("type")))


def grant_name(auth: Mapping[str, Any]) -> str:
    """The word that is sent as grant_type."""
    grant = auth.get("grant_type", "")
    return str(grant.get("vendor", "")) if isinstance(grant, Mapping) else str(grant)


def grant_of(auth: Mapping[str, Any], catalog: Catalog) -> Any:
    """The class of a variant's grant; a vendor's own is Vendor."""
    if isinstance(auth.get("grant_type"), Mapping):
        return Vendor
    return catalog.named("grants").get(grant_name(auth), Vendor)


def _listed(value: Any) -> list[Any]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _field(field: Mapping[str, Any], place: str | None = None) -> dict[str, Any]:
    base = {"in": place} if place else {}
    return {**base, **field, "on_conflict": field.get("on_conflict", "replace")}


def _variant(auth: Mapping[str, Any], catalog: Catalog) -> dict[str, Any]:
    scheme = scheme_of(auth, catalog)
    if scheme is None:
        return dict(auth)
    full = {**_own_defaults(scheme), **auth}
    written = auth.get("fields")
    fields = written if isinstance(written, list) else [_filled(field, full) for field in scheme.fields]
    full["fields"] = [_field(field) for field in _listed(fields)]
    full.setdefault("rejected_when", [])
    return _token_defaults(_without_unread(full, auth, catalog)) if scheme.gets_token else full


def _without_unread(full: dict[str, Any], auth: Mapping[str, Any], catalog: Catalog) -> dict[str, Any]:
    """Without the id and secret that this client authentication does not send, unless the profile writes them."""
    method = catalog.named("client_auth").get(str(full.get("client_auth")))
    sent = method.sends if method else {"client_id", "client_secret"}
    if method and "client_id" in _omitted(full):
        sent = sent - {"client_id"} if method.name == "none" else sent
    unread = {"client_id", "client_secret"} - sent - set(auth)
    return {key: value for key, value in full.items() if key not in unread}


def _omitted(full: Mapping[str, Any]) -> list[Any]:
    request = full.get("token_request")
    omit = request.get("omit") if isinstance(request, dict) else None
    return omit if isinstance(omit, list) else []


def _own_defaults(scheme: Any) -> dict[str, Any]:
    properties = scheme.schema.get("properties", {})
    return {key: schema["default"] for key, schema in properties.items() if isinstance(schema, dict) and "default" in schema}


def _filled(field: Mapping[str, Any], auth: Mapping[str, Any]) -> dict[str, Any]:
    """A default field with `$username` replaced by the expression that stands at `auth.username`."""
    value = _SLOT.sub(lambda slot: as_expression(str(auth.get(slot[1], ""))), field["value"])
    return {**field, "value": value}


def as_expression(text: str) -> str:
    """A text with templates as one expression: `a-{{ x }}` becomes `'a-' ~ (x)`."""
    pieces = []
    for index, piece in enumerate(_EXPRESSION.split(text)):
        if index % 2:
            pieces.append(piece.strip() if text.strip() == f"{{{{{piece}}}}}" else f"({piece.strip()})")
        elif piece:
            escaped = piece.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
            pieces.append(f"'{escaped}'")
    return " ~ ".join(pieces) or "''"


def _token_defaults(full: dict[str, Any]) -> dict[str, Any]:
    full.setdefault("refresh_url", full.get("token_url"))
    token_request = full.get("token_request", {})
    full["token_request"] = _request(token_request)
    full["refresh_request"] = _refresh(token_request, full.get("refresh_request", {}), full.get("refresh_with", "refresh_token"))
    full["token_response"] = dict(full.get("token_response", {}))
    return full


def _request(request: Any) -> dict[str, Any]:
    request = request if isinstance(request, dict) else {}
    method = request.get("method", "POST")
    filled = {"method": method, "encoding": "query" if method == "GET" else "form", "omit": [], "rename": {}, **request}
    filled["fields"] = [_field(field, "payload") for field in _listed(request.get("fields", []))]
    return filled


def _refresh(token: Any, refresh: Any, refresh_with: str) -> dict[str, Any]:
    """What is not written comes from token_request, fields too (by `in` and `key`); `omit` adds up."""
    token, refresh = (part if isinstance(part, dict) else {} for part in (token, refresh))
    own = _listed(refresh.get("fields", []))
    if refresh_with == "access_token":
        return _request({**token, **refresh, "fields": own})
    taken = {(field.get("in", "payload"), field.get("key")) for field in own}
    omitted = [*token.get("omit", []), *refresh.get("omit", [])]
    inherited = [
        field for field in _listed(token.get("fields", []))
        if (field.get("in", "payload"), field.get("key")) not in taken and field.get("key") not in omitted
        and "callback" not in str(field.get("value"))
    ]  # fmt: skip
    base = {key: value for key, value in token.items() if key != "content" or "fields" not in refresh}
    return _request({**base, **refresh, "omit": list(dict.fromkeys(omitted)), "fields": [*inherited, *own]})


def _inputs(full: Mapping[str, Any], catalog: Catalog) -> dict[str, Any]:
    """Declared inputs, then the implied ones that a template reads. A declared implied input keeps what is not written."""
    declared = full["inputs"] if isinstance(full["inputs"], dict) else {}
    implied: dict[str, dict[str, Any]] = {}
    for auth in auths(full):
        for part in (scheme_of(auth, catalog), grant_of(auth, catalog), catalog.named("client_auth").get(str(auth.get("client_auth")))):
            for name, spec in getattr(part, "inputs", {}).items():
                implied.setdefault(name, {**spec, **_by_user(name, full, auth)})
    result = {name: {**implied.get(name, {}), **spec} if isinstance(spec, dict) else spec for name, spec in declared.items()}
    read = set(re.findall(r"\binputs(?:\.|\[['\"])([A-Za-z_][A-Za-z0-9_]*)", _texts({**full, "inputs": {}})))
    for name, spec in implied.items():
        if name not in result and name in read:
            result[name] = spec
    return result


def _by_user(name: str, full: Mapping[str, Any], auth: Mapping[str, Any]) -> dict[str, Any]:
    """With `subject: user` the implied user name, password, key or token is the user's own."""
    return {"supplied_by": "user"} if full["subject"] == "user" and name in ("username", "password", "token", "api_key") else {}


def _texts(data: Any) -> str:
    if isinstance(data, dict):
        return "\n".join(map(_texts, data.values()))
    if isinstance(data, list):
        return "\n".join(map(_texts, data))
    return data if isinstance(data, str) and "{{" in data else ""


def _tests(tests: Any) -> Any:
    if isinstance(tests, dict):
        return _test(tests)
    return [_test(test) for test in _listed(tests)] if isinstance(tests, list) else tests


def _test(test: Mapping[str, Any]) -> dict[str, Any]:
    request = test.get("request")
    request = request if isinstance(request, dict) else {}
    method = request.get("method", "GET")
    filled = {"method": method, "encoding": "query" if method == "GET" else "form", "omit": [], "rename": {}, **request}
    filled["fields"] = [_field(field, None) for field in _listed(request.get("fields", []))]
    return {**test, "request": filled}

"""A profile with every default written out: what `authweave show` prints and what binding reads.

What comes in has the shape the schema asks for; anything may be missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from authweave import token_frame
from authweave.extensions.catalog import Catalog
from authweave.foreign import asked
from authweave.grants.vendor import Vendor
from authweave.values import Path

_SLOT: Final = re.compile(r"\$([a-z_]+)")
_EXPRESSION: Final = re.compile(r"""\{\{((?:[^'"}]|\}(?!\})|'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")*)\}\}""", re.DOTALL)
_LONGEST: Final = 16 * 1024
_READS_CALLBACK: Final = re.compile(r"\bcallback\b")
SHOWS_CERTIFICATE: Final = frozenset({"tls_client_auth", "self_signed_tls_client_auth"})
"""Client authentications whose proof is the certificate of the connection."""
_USERS_OWN: Final = frozenset({"username", "password", "token", "token_secret", "api_key", "refresh_token"})
DEVICE_GRANT: Final = frozenset({"device_code", "urn:ietf:params:oauth:grant-type:device_code"})
"""The grant whose authorization request no browser makes, but the client itself (RFC 8628 §3.1)."""
_REGISTERED: Final = ("client_id", "client_secret")
"""What a registration stands for, so that nobody has to supply it."""
_TOP: Final[Mapping[str, Any]] = {
    "version": "0.0.0", "description": "", "documentation": "", "inputs": {}, "vars": {}, "servers": [], "fields": [],
}  # fmt: skip


def with_defaults(data: Mapping[str, Any], catalog: Catalog) -> dict[str, Any]:
    """The data with the defaults of format.md filled in, but for implied inputs: see `with_inputs`."""
    written = auths(data)
    full = {**_TOP, **data}
    full["subject"] = data.get("subject") or ("user" if any(_signs_in(grant_of(auth, catalog)) for auth in written) else "application")
    if written:
        filled = [_variant(auth, catalog) for auth in written]
        full["auth"] = filled if isinstance(data["auth"], list) else filled[0]
    full["fields"] = [_field(field) for field in full["fields"]]
    if (tls := _tls(full.get("tls"), written)) is not None:
        full["tls"] = tls
    full["test"] = _tests(data["test"]) if "test" in data else "token_only" if any(gets_token(auth, catalog) for auth in written) else "none"
    return full


def _tls(written: Any, variants: Iterable[Mapping[str, Any]]) -> dict[str, Any] | None:
    """What `tls` comes to; a client that proves itself by its certificate (RFC 8705) has the one that is implied."""
    is_proof = any(auth.get("client_auth") in SHOWS_CERTIFICATE for auth in variants)
    if written is None and not is_proof:
        return None
    implied = {"certificate": "{{ inputs.certificate }}", "private_key": "{{ inputs.private_key }}"}
    if not is_proof or "certificate" in (written or {}):
        implied = {}
    return {**implied, "verify": True, "calls": ["token", "task"], **(written or {})}


def _signs_in(grant: Any) -> bool:
    """Does a person sign in, so that it must be known who? A refresh token that is handed over says it already."""
    return grant.attended and "refresh_token" not in grant.schema.get("properties", {})


def with_inputs(full: Mapping[str, Any], read: Iterable[str], catalog: Catalog) -> dict[str, Any]:
    """Declared inputs, then the implied ones of the names that are read. A declared implied input keeps what is not written."""
    declared: Mapping[str, Any] = full["inputs"]
    implied: dict[str, Mapping[str, Any]] = {}
    for auth in auths(full):
        for part in (scheme_of(auth, catalog), grant_of(auth, catalog), catalog.named("client_auth").get(auth.get("client_auth", ""))):
            if part is not None:
                for name, spec in part.inputs.items():
                    if name == "signing_key" and _shares_a_secret(auth):
                        spec = {**spec, "description": "The shared secret.", "type": "string"}
                    if name not in implied:
                        implied[name] = {**spec, "supplied_by": "user"} if full["subject"] == "user" and name in _USERS_OWN else spec
    for name in _REGISTERED if any("registration" in auth for auth in auths(full)) else ():
        if name in implied:
            implied[name] = {**implied[name], "required": False}
    inputs = {name: {**implied[name], **spec} if name in implied else spec for name, spec in declared.items()}
    wanted = set(read)
    return inputs | {name: dict(spec) for name, spec in implied.items() if name in wanted and name not in declared}


def _shares_a_secret(auth: Mapping[str, Any]) -> bool:
    """Does an assertion of the variant sign with a secret, in the place of a private key?"""
    written = [auth[key] for key in ("assertion", "client_assertion") if isinstance(auth.get(key), dict)]
    return any(str(one.get("algorithm", "")).startswith("HS") for one in written)


def auths(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The variants as a list, whatever way they are written."""
    auth = data.get("auth")
    return auth if isinstance(auth, list) else [] if auth is None else [auth]


def auth_paths(data: Mapping[str, Any]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every variant with its path: `auth`, or `auth[0]` …"""
    auth = data.get("auth")
    if isinstance(auth, list):
        yield from ((("auth", index), item) for index, item in enumerate(auth))
    elif auth is not None:
        yield ("auth",), auth


def scheme_of(auth: Mapping[str, Any], catalog: Catalog) -> Any:
    """The class of a variant's type, or None."""
    return catalog.named("schemes").get(auth.get("type", ""))


def gets_token(auth: Mapping[str, Any], catalog: Catalog) -> bool:
    """Does a token call come before the task request?"""
    scheme = scheme_of(auth, catalog)
    needed_for = getattr(scheme, "token_when", "")
    return bool(getattr(scheme, "gets_token", False)) and (not needed_for or auth.get(needed_for) is not None)


def grant_name(auth: Mapping[str, Any]) -> str:
    """The word that is written as grant_type."""
    grant = auth.get("grant_type", "")
    return str(grant.get("vendor", "") if isinstance(grant, dict) else grant)


def grant_of(auth: Mapping[str, Any], catalog: Catalog) -> Any:
    """The class of a variant's grant, by name or URN; a vendor's own is Vendor."""
    grant, known = auth.get("grant_type"), catalog.named("grants")
    if isinstance(grant, dict) or not grant:
        return Vendor
    return known.get(grant) or next((one for one in known.values() if getattr(one, "urn", "") == grant), Vendor)


def parts_of(auth: Mapping[str, Any], catalog: Catalog) -> list[Any]:
    """The classes of a variant's client authentication and grant, if its type gets a token."""
    if not gets_token(auth, catalog):
        return []
    return [part for part in (catalog.named("client_auth").get(auth.get("client_auth", "")), grant_of(auth, catalog)) if part is not None]


def properties_of(part: Any) -> Mapping[str, Any]:
    """The keys of `auth` that a type, grant or client authentication has for itself."""
    found: Mapping[str, Any] = getattr(part, "schema", {}).get("properties", {})
    return found


def sent_grant(auth: Mapping[str, Any], catalog: Catalog) -> str:
    """The word that is sent as grant_type: a registered grant's URN, where it has one."""
    return str(getattr(grant_of(auth, catalog), "urn", "") or grant_name(auth))


def as_expression(text: str) -> str:
    """A text with templates as one expression: `a-{{ x }}` becomes `'a-' ~ (x)`."""
    if len(text) > _LONGEST:
        return "''"
    pieces = _EXPRESSION.split(text)
    if len(pieces) == 3 and not pieces[0].strip() and not pieces[2].strip():
        return pieces[1].strip()
    return " ~ ".join(f"({piece.strip()})" if index % 2 else _quoted(piece) for index, piece in enumerate(pieces) if piece) or "''"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r")
    return f"'{escaped}'"


def _field(field: Mapping[str, Any], place: str | None = None) -> dict[str, Any]:
    base = {"in": place} if place else {}
    return {**base, **field, "on_conflict": field.get("on_conflict", "replace")}


def _variant(auth: Mapping[str, Any], catalog: Catalog) -> dict[str, Any]:
    scheme = scheme_of(auth, catalog)
    if scheme is None:
        return {**auth, "fields": [_field(field) for field in auth.get("fields", ())]}
    with_token = gets_token(auth, catalog)
    grant = grant_of(auth, catalog) if with_token else None
    full = {**_own_defaults(scheme), **_own_defaults(grant), **_over({**_dependent(scheme, auth), **_dependent(grant, auth)}, auth)}
    method = catalog.named("client_auth").get(full.get("client_auth", "")) if with_token else None
    full |= _dependent(method, full)
    for key, presents in (("assertion", grant), ("client_assertion", method)):
        if isinstance(full.get(key), dict):
            full[key] = _jwt(full[key], full, getattr(presents, "claims", ()))
    fields = auth["fields"] if "fields" in auth else [_filled(field, full) for field in _dependent(scheme, auth).get("fields", scheme.fields)]
    full["fields"] = [_field(field) for field in fields]
    full.setdefault("rejected_when", [])
    if not with_token and auth.keys().isdisjoint(token_frame.KEYS):
        return {key: value for key, value in full.items() if key not in token_frame.KEYS}
    return _token_defaults(_without_unread(full, auth, catalog), auth) if scheme.gets_token else full


def _over(defaults: Mapping[str, Any], written: Mapping[str, Any]) -> dict[str, Any]:
    """What is written over what stands there otherwise: keys of requests and answers (maps in maps) one by one."""
    both = {key: {**defaults[key], **written[key]} for key in defaults.keys() & written.keys() if isinstance(defaults[key], dict) and isinstance(written[key], dict)}
    return {**defaults, **written, **both}


def _without_unread(full: dict[str, Any], auth: Mapping[str, Any], catalog: Catalog) -> dict[str, Any]:
    """Without the id and secret that this client authentication does not send, unless the profile writes them."""
    method = catalog.named("client_auth").get(full.get("client_auth", ""))
    sent = method.sends if method else {"client_id", "client_secret"}
    if method and method.name == "none" and (getattr(grant_of(full, catalog), "proves_enough", False) or "client_id" in full.get("token_request", {}).get("omit", ())):
        sent = sent - {"client_id"}
    if "authorization_url" in full or getattr(grant_of(full, catalog), "signs_in", False):
        sent = sent | {"client_id"}  # whoever sends a person somewhere says who asks
    return {key: value for key, value in full.items() if key in auth or key in sent or key not in ("client_id", "client_secret")}


def _dependent(part: Any, auth: Mapping[str, Any]) -> dict[str, Any]:
    """Defaults of a type, grant or client authentication that depend on what is written."""
    return asked(part, part.filled, auth, of=dict) if hasattr(part, "filled") else {}


def _own_defaults(part: Any) -> dict[str, Any]:
    properties = part.schema.get("properties", {}) if part is not None else {}
    return {key: schema["default"] for key, schema in properties.items() if isinstance(schema, dict) and "default" in schema}


def _filled(field: Mapping[str, Any], auth: Mapping[str, Any]) -> dict[str, Any]:
    """A default field with `$username` replaced by the expression that stands at `auth.username`."""
    value = field["value"]
    return {**field, "value": _SLOT.sub(lambda slot: as_expression(auth.get(slot[1], "")), value) if "$" in value else value}


def _token_defaults(full: dict[str, Any], written: Mapping[str, Any]) -> dict[str, Any]:
    if "token_url" in full:
        full.setdefault("refresh_url", full["token_url"])
    token_request = full.get("token_request", {})
    full["token_request"] = _request(token_request, "POST", "payload")
    inherited = {**token_request, "fields": written.get("token_request", {}).get("fields", [])} if token_request else {}
    not_written = [] if "fields" in written.get("token_request", {}) else [field["key"] for field in token_request.get("fields", ())]
    refresh = _refresh(inherited, full.get("refresh_request", {}), full.get("refresh_with", "refresh_token"))
    full["refresh_request"] = {**refresh, "omit": list(dict.fromkeys([*refresh["omit"], *not_written]))}
    full["token_response"] = dict(full.get("token_response", {}))
    for phase, phases in (("before", ["grant"]), ("after", ["grant", "refresh"])):
        if phase in full:
            full[phase] = [_step(step, phases) for step in full[phase]]
    if grant_name(full) in DEVICE_GRANT:
        full["authorization_request"] = _request(full.get("authorization_request", {}), "POST", "payload")
    elif "authorization_request" in full or "authorization_url" in full or grant_name(full) == "authorization_code":
        full["authorization_request"] = _request(full.get("authorization_request", {}), "GET", "query")
        full.setdefault("redirect_uri", "{{ inputs.redirect_uri }}")
        full["callback"] = {"code": "{{ callback.code }}", **full.get("callback", {})}
    if "revoke_request" in full:
        full["revoke_request"] = _request(full["revoke_request"], "POST", "payload")
    return full


def _jwt(written: Mapping[str, Any], auth: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """A JWT with its defaults; `names` are claims that say who asks whom (RFC 7523 §3)."""
    known = {"iss": auth.get("client_id"), "sub": auth.get("client_id"), "aud": auth.get("token_url")}
    claims = {**{name: known[name] for name in names if known[name]}, **written.get("claims", {})}
    full = {"algorithm": "RS256", "signing_key": "{{ inputs.signing_key }}", "lifetime": 300, **written}
    return {**full, "claims": claims} if claims else full


def _step(step: Mapping[str, Any], phases: list[str]) -> dict[str, Any]:
    return {"phases": phases, **step, "request": _request(step.get("request", {}), "GET", "payload"), "response": dict(step.get("response", {}))}


def _request(request: Mapping[str, Any], method: str, place: str | None) -> dict[str, Any]:
    method = request.get("method", method)
    method = method if "{{" in method else method.upper()
    encoding = "query" if method == "GET" else "form"
    fields = [_field(field, place) for field in request.get("fields", ())]
    return {"encoding": encoding, "omit": [], "rename": {}, **request, "method": method, "fields": fields}


def _refresh(token: Mapping[str, Any], refresh: Mapping[str, Any], refresh_with: str) -> dict[str, Any]:
    """What is not written comes from token_request, fields too (by `in` and `key`); `omit` adds up.

    Own fields stay first, so that the path of each is that of the file.
    """
    own = refresh.get("fields", [])
    if not token and not refresh:
        return _request({}, "POST", "payload")
    if refresh_with == "access_token":
        base = {key: value for key, value in token.items() if key != "content"}
        return _request({**base, **refresh, "omit": list(dict.fromkeys([*token.get("omit", ()), *refresh.get("omit", ())])), "fields": own}, "POST", "payload")
    taken = {(field.get("in", "payload"), field.get("key")) for field in own}
    omitted = [*token.get("omit", ()), *refresh.get("omit", ())]
    inherited = [
        field for field in token.get("fields", ())
        if (field.get("in", "payload"), field.get("key")) not in taken and field.get("key") not in omitted
        and not _READS_CALLBACK.search(str(field.get("value")))
    ]  # fmt: skip
    base = {key: value for key, value in token.items() if key != "content" or "fields" not in refresh}
    return _request({**base, **refresh, "omit": list(dict.fromkeys(omitted)), "fields": [*own, *inherited]}, "POST", "payload")


def _tests(tests: Any) -> Any:
    if isinstance(tests, list):
        return [_test(test) for test in tests]
    return _test(tests) if isinstance(tests, dict) else tests


def _test(test: Mapping[str, Any]) -> dict[str, Any]:
    return {**test, "request": _request(test.get("request", {}), "GET", None)}

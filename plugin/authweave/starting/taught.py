"""The comments of a new profile that come from what a provider says of itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from authweave.discovery.doubts import grants_of
from authweave.starting.start import Found, Start
from authweave.starting.texts import comment, flow, harmless, is_scope, scalar

INDENT: Final = "  "
MOST_NAMES: Final = 40
_PINNED: Final[Mapping[str, tuple[str, ...]]] = {"authorization_code": ("authorization_url", "token_url"), "device_code": ("device_authorization_url", "token_url")}
_OF_PEOPLE: Final = frozenset({"openid", "profile", "email", "address", "phone", "offline_access"})
"""Scopes of OpenID Connect: they are about a person, and seldom what a bot wants first."""


def auth_comments(start: Start) -> Mapping[str, list[str]]:
    """Lines by the key of `auth` that they stand before; under `end`, those that stand after all."""
    lines: dict[str, list[str]] = defaultdict(list)
    found = start.found
    if found is None:
        lines["end"] = _optional(start) if start.type == "oauth2" else []
        return lines
    metadata = found.metadata
    grants = grants_of(metadata.lists.get("grant_types_supported", ()))
    lines["grant_type"] = comment(f"The server's metadata list the grants {_listed(grants)}." if grants else "The server's metadata do not say which grants it takes.", INDENT)
    methods = metadata.lists.get("token_endpoint_auth_methods_supported")
    known = f"the server takes {_listed(methods)}." if methods else "the server's metadata do not say, so it is what every server must take."
    lines["client_auth"] = comment(f"How the client proves who it is; {known}", INDENT)
    where = f"{'The resource says who authorizes (RFC 9728); its ' if 'resource' in start.urls else 'The '}metadata at {metadata.url} name the endpoints."
    why = "They are asked for again as the server says, so nothing here goes out of date; and its redirects must name this issuer."
    lines["resource" if "resource" in start.urls else "issuer"] = comment(f"{where} {why}", INDENT)
    lines["registration"] = comment("Where nobody supplies a client_id, the client registers itself (RFC 7591).", INDENT)
    lines["end"] = [*_pinned(start, found), *_optional(start)]
    return lines


def scopes_comment(start: Start) -> list[str]:
    """What scopes there are, as far as somebody says, and how to write some."""
    found = start.found
    named = _scopes_named(found) if found else ()
    good = [scope for scope in named if is_scope(scope)]
    odd = len(named) - len(good)
    lines = []
    if good:
        whose = "resource" if found and found.resource and found.resource.scopes else "server"
        lines += comment(f"The {whose} names the scopes {_listed(good)}.", INDENT)
    if odd:
        lines += comment(f"{odd} of the names it gives are no scopes (RFC 6749 §3.3), and are left out.", INDENT)
    if not start.scopes:
        lines += comment("What the token is to be good for; without it the server decides.", INDENT)
        suggested = sorted(good, key=_OF_PEOPLE.__contains__) if start.grant == "client_credentials" else good
        lines.append(f"{INDENT}# scopes: {flow(suggested[:3] or ['read'])}")
    return lines


def _scopes_named(found: Found) -> tuple[str, ...]:
    if found.resource and found.resource.scopes:
        return found.resource.scopes
    return found.metadata.lists.get("scopes_supported", ())


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(harmless(name, 80) for name in names[:MOST_NAMES])
    return f"{shown} and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else shown


def _pinned(start: Start, found: Found) -> list[str]:
    """The endpoints as they are today, ready to be written."""
    wanted = _PINNED.get(start.grant, ("token_url",))
    today = [(name, found.metadata.endpoints[name]) for name in wanted if name in found.metadata.endpoints and name not in start.urls]
    if not today:
        return []
    lines = comment("Written, an endpoint stands whatever the metadata say. Today they say:", INDENT)
    return lines + [f"{INDENT}# {name}: {scalar(url)}" for name, url in today]


def _optional(start: Start) -> list[str]:
    """What else a profile may say here, as far as it can be of use."""
    found = start.found
    lines: list[str] = []
    if "refresh_url" not in start.urls and start.grant in ("authorization_code", "device_code", "password", "refresh_token"):
        lines += [*comment("Where tokens are renewed, if not at token_url:", INDENT), f"{INDENT}# refresh_url: https://login.example.com/oauth/refresh"]
    if found is not None and found.metadata.lists.get("dpop_signing_alg_values_supported"):
        lines += [*comment("The server can bind tokens to a key (RFC 9449), so that a stolen one is of no use:", INDENT), f"{INDENT}# dpop: true"]
    if found is not None and found.metadata.supports("code_challenge_methods_supported", "S256") is False and start.grant == "authorization_code":
        lines += comment(f"Proof keys (PKCE) are sent as S256; the server lists {_listed(found.metadata.lists['code_challenge_methods_supported'])}.", INDENT)
    if found is not None and "revocation_url" in found.metadata.endpoints:
        lines += comment("authweave logout ends a token at the revocation endpoint that the metadata name.", INDENT)
    if found is not None and "introspection_url" in found.metadata.endpoints:
        lines += comment("The server can be asked what a token is good for (introspection, RFC 7662); nothing here does.", INDENT)
    if start.grant == "client_credentials":
        lines += [*comment("Some servers want to know for whom the token is:", INDENT), f"{INDENT}# audience: https://api.example.com"]
    return lines

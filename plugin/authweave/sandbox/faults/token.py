"""What goes wrong at the token endpoint: its words, and answers that are none."""

from __future__ import annotations

import base64
import dataclasses
import json
import time
from collections.abc import Callable, Mapping
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from authweave.sandbox.faults.fault import Fault, Struck, Usual, fits_every, on_first, on_token, refused_token
from authweave.sandbox.listener import Reply, json_reply
from authweave.values import Intent

if TYPE_CHECKING:
    from authweave.engine import Engine
    from authweave.profile import Profile

RETRY_AFTER: Final = "120"
SKEW: Final = 300.0
_A_DAY: Final = 86400.0
INTROSPECTION: Final = "/sandbox/introspection"
_PAGE: Final = b"<!DOCTYPE html><html><head><title>Sandbox sign-in</title></head><body>Please sign in.</body></html>"


def _nonce_wanted(struck: Struck, usual: Usual) -> Reply:
    """RFC 9449 §8 and §9: a nonce for each server, and none without a proof."""
    wanted = f"sandbox-{struck.stage}-nonce"
    proofs = struck.arrived.header_lines("dpop")
    if not proofs or _nonce_in(proofs[0]) == wanted:
        return usual()
    words = {"error": "use_dpop_nonce", "error_description": f"the proof lacks the nonce of this server ({struck.stage})"}
    if struck.stage == "token":
        return json_reply(400, words, ("DPoP-Nonce", wanted))
    return json_reply(401, words, ("WWW-Authenticate", 'DPoP error="use_dpop_nonce"'), ("DPoP-Nonce", wanted))


def _nonce_in(proof: str) -> str:
    part = proof.split(".")[1] if proof.count(".") == 2 else ""
    try:
        return str(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))).get("nonce", ""))
    except (ValueError, AttributeError):
        return ""


def _wrong_secret(struck: Struck, usual: Usual) -> Reply:
    if not struck.is_first:
        return usual()
    if struck.stage == "api":
        return refused_token("the credential is not, or no longer, the one that the sandbox knows")
    challenge = (("WWW-Authenticate", 'Basic realm="sandbox"'),) if struck.arrived.header_lines("authorization") else ()
    return json_reply(
        401,
        {
            "error": "invalid_client",
            "error_description": "the client secret is not, or no longer, the one that the sandbox knows",
        },
        *challenge,
    )


def _in_answer(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[Struck, Usual], Reply]:
    """A strike that changes what a good token answer says."""

    def strike(struck: Struck, usual: Usual) -> Reply:
        reply = usual()
        if not struck.is_token_call or reply.status != 200:
            return reply
        try:
            members = json.loads(reply.body)
        except ValueError:
            return reply
        return json_reply(200, change(members)) if isinstance(members, dict) else reply

    return strike


def _with(**members: Any) -> Callable[[Struck, Usual], Reply]:
    return _in_answer(lambda said: {**said, **members})


def _elsewhere(said: dict[str, Any]) -> dict[str, Any]:
    return {"accessToken": "…", **{name: value for name, value in said.items() if name in ("token_type", "expires_in")}}


def _redirect_to_login(struck: Struck, usual: Usual) -> Reply:
    return Reply(302, b"", (("Location", f"https://{struck.arrived.host}/login"),)) if struck.is_first else usual()


def _late(struck: Struck, usual: Usual) -> Reply:
    """The time of another clock, in the standard's own words (RFC 9110 §6.6.1)."""
    reply = usual()
    return dataclasses.replace(reply, headers=(*reply.headers, ("Date", formatdate(time.time() - SKEW, usegmt=True)))) if struck.is_token_call else reply


def _back_with(**words: str) -> Callable[[Struck, Usual], Reply]:
    """A strike that sends the person back with other words than they should bring."""

    def strike(struck: Struck, usual: Usual) -> Reply:
        asked = dict(struck.arrived.query)
        if struck.kind != "sign_in" or "redirect_uri" not in asked:
            return usual()
        said = urlencode({"state": asked.get("state", ""), **words})
        return Reply(302, b"", (("Location", f"{asked['redirect_uri']}?{said}"),))

    return strike


def _error_page(struck: Struck, usual: Usual) -> Reply:
    return Reply(400, b"<title>This app is blocked</title>", (("Content-Type", "text/html"),)) if struck.kind == "sign_in" else usual()


def _interrupted(engine: Engine, profile: Profile, inputs: Mapping[str, Any]) -> None:
    """The mark that a renewal leaves whose answer never came, for the second time (see `renewal`)."""
    connection = engine.connect(profile, inputs=inputs)
    variant = next(variant for variant in profile.variants if variant.tokens)
    key = connection.credential(variant).token_key(connection.inputs())
    engine.ledger.intend(key, 0, Intent("somebody", time.time() - _A_DAY, key.secret, attempt=2))


def _inactive(struck: Struck, usual: Usual) -> Reply:
    """Metadata with an introspection endpoint (RFC 7662), and what that says."""
    reply = usual()
    if struck.stage == "discovery" and reply.status == 200:
        return json_reply(200, {**json.loads(reply.body), "introspection_endpoint": f"https://{struck.arrived.host}{INTROSPECTION}"})
    return json_reply(200, {"active": False}) if struck.arrived.path == INTROSPECTION else reply


def gets_tokens(profile: Profile) -> str:
    """Why a profile cannot show what goes wrong with tokens; ''."""
    return "" if any(variant.tokens for variant in profile.variants) else "gets no token; shows with a profile of type oauth2"


def reads_plainly(profile: Profile) -> str:
    """Why a profile that reads answers in its own way cannot show it; ''."""
    settings = [variant.tokens for variant in profile.variants if variant.tokens]
    if any("access_token" in one.token_response.written for one in settings):
        return "says itself where the token stands; shows with one that does not write token_response.access_token"
    return gets_tokens(profile)


def _reads_lifetime(profile: Profile) -> str:
    settings = [variant.tokens for variant in profile.variants if variant.tokens]
    if any({"expires_in", "expires_at"} & one.token_response.members.keys() for one in settings):
        return "says itself how long a token lives; shows with one that reads it of the answer"
    return reads_plainly(profile)


def _sent_as_bearer(profile: Profile) -> str:
    settings = [variant.tokens for variant in profile.variants if variant.tokens]
    if settings and not all(one.default_fields and not one.dpop for one in settings):
        return "places the token itself; shows with one that does not write auth.fields"
    return reads_plainly(profile)


def _asks_scopes(profile: Profile) -> str:
    settings = [variant.tokens for variant in profile.variants if variant.tokens]
    return gets_tokens(profile) or ("" if any(one.scopes for one in settings) else "asks for no scopes; shows with one that writes auth.scopes")


def _by_browser(profile: Profile) -> str:
    settings = [variant.tokens for variant in profile.variants if variant.tokens]
    by_browser = any(one.signs_in and not one.at_device for one in settings)
    return "" if by_browser else "needs no person; shows with a profile of grant_type authorization_code"


def _refused(code: str, description: str, what: str, *, error: str = "", status: int = 400, fits: Callable[[Profile], str] = gets_tokens) -> Fault:
    """The server's refusal in the words of RFC 6749 §5.2."""
    reply = json_reply(status, {"error": error or code, "error_description": description})
    return Fault(name=code, description=what, provokes=code, strike=on_token(reply), fits=fits)


def _answered(code: str, what: str, reply: Reply, fits: Callable[[Profile], str] = gets_tokens, *also: str) -> Fault:
    return Fault(name=code, description=what, provokes=code, also=also, strike=on_first(reply), fits=fits)


def _text(status: int, body: bytes = b"", *headers: tuple[str, str]) -> Reply:
    return Reply(status, body, (("Content-Type", "text/plain"), *headers))


_JSON: Final = (("Content-Type", "application/json"),)
_BEARER: Final = [{"in": "header", "key": "Authorization", "value": "Bearer {{ token.access_token }}"}]

FAULTS: Final = (
    Fault(
        name="invalid_client", description="the sandbox knows another secret than the client", provokes="invalid_client", also=("wrong_secret",), strike=_wrong_secret,
    ),
    _refused("invalid_grant", "what was presented is expired, revoked or used", "what the grant presents is not taken"),
    _refused("invalid_scope", "the client may not have this scope", "the client may not have the scope it asks for"),
    _refused("unauthorized_client", "this client may not use this grant", "the client may not use its grant"),
    _refused("unsupported_grant_type", "this endpoint does not know the grant", "the endpoint does not do this grant"),
    _refused("invalid_request", "the parameter audience is missing", "a parameter is missing: audience"),
    _refused("invalid_target", "the resource is not known", "the resource or audience is not known"),
    _refused("needs_person", "nobody has consented yet", "a person has to consent first (consent_required)", error="consent_required"),
    _refused("token_error", "a word of this provider's own", "the refusal is a word of the provider's own (E1017)", error="E1017"),
    Fault(
        name="authorization_required", description="nobody is there to sign in", provokes="authorization_required", nobody=True,
        fits=lambda profile: "" if any(variant.tokens and variant.tokens.signs_in for variant in profile.variants) else "needs no person; shows with a profile of grant_type authorization_code",
    ),
    Fault(
        name="authorization_denied", description="the person says no", provokes="authorization_denied",
        strike=_back_with(error="access_denied", error_description="the person said no"), fits=_by_browser,
    ),
    Fault(
        name="callback_refused", description="the person comes back with the answer to another sign-in", provokes="callback_refused",
        strike=_back_with(code="c0de", state="of-another-sign-in"), fits=_by_browser,
    ),
    Fault(name="sign_in_failed", description="the page for signing in shows an error", provokes="sign_in_failed", strike=_error_page, fits=_by_browser),
    Fault(
        name="reauthorize", description="two renewals were interrupted, so the refresh token may be spent", provokes="reauthorize", stored=_interrupted,
        fits=lambda profile: "" if any(variant.tokens and variant.tokens.refresh_token for variant in profile.variants) else "shows with a profile of grant_type refresh_token",
    ),
    Fault(
        name="token_inactive", description="the server's introspection says that the token is not active", provokes="token_inactive", strike=_inactive,
        fits=lambda profile: gets_tokens(profile) or ("" if any(variant.tokens and variant.tokens.discovery.issuer for variant in profile.variants) else "shows with a profile that writes auth.issuer"),
    ),
    Fault(
        name="rate_limited", description=f"the first call is limited: Retry-After {RETRY_AFTER}", provokes="rate_limited", also=("429",),
        strike=on_first(json_reply(429, {"error": "slow_down", "error_description": "too many requests"}, ("Retry-After", RETRY_AFTER))),
    ),
    Fault(
        name="server_error", description="the first call fails with status 500", provokes="server_error", also=("500",),
        strike=on_first(json_reply(500, {"error": "server_error"})),
    ),
    _answered("token_401", "a gateway before the token endpoint asks for credentials of its own", _text(401, b"", ("WWW-Authenticate", 'Basic realm="gateway"'))),
    _answered("token_403", "a firewall before the token endpoint says no", _text(403, b"blocked")),
    _answered("token_404", "there is no token endpoint at this path", _text(404, b"no such page")),
    _answered("token_405", "the path takes GET only", _text(405, b"", ("Allow", "GET"))),
    _answered("token_status", "the token endpoint says 400, and not why", _text(400)),
    Fault(
        name="html_instead_of_json", description="the first call gets a web page instead of JSON", provokes="html_instead_of_json", also=("html",),
        strike=on_first(Reply(200, _PAGE, (("Content-Type", "text/html; charset=utf-8"),))),
    ),
    Fault(
        name="redirect_to_login", description="the first call is redirected to a page for signing in", provokes="redirect_to_login", strike=_redirect_to_login,
    ),
    _answered("wrong_content_type", "the answer is plain text", _text(200, b"hello there"), reads_plainly),
    _answered("empty_or_partial_body", "the first call gets status 200 and no body", Reply(200, b"", _JSON), fits_every, "empty_body"),
    _answered("json_malformed", "the answer looks like JSON, and is none", Reply(200, b'{"access_token": "t0ken", "expires_in": NaN}', _JSON), reads_plainly),
    Fault(
        name="error_in_200", description="the first call gets status 200 with an error in its body", provokes="error_in_200",
        strike=on_first(json_reply(200, {"error": "E1017", "error_description": "a fault that comes with status 200"})), fits=reads_plainly,
    ),
    Fault(
        name="token_field_missing", description="the token stands in another field (accessToken)", provokes="token_field_missing", strike=_in_answer(_elsewhere),
        fits=reads_plainly,
    ),
    Fault(name="token_not_bearer", description="the token is of type mac", provokes="token_not_bearer", strike=_with(token_type="mac"), fits=_sent_as_bearer),
    Fault(
        name="token_not_sendable", description="the token has a blank inside", provokes="token_not_sendable", strike=_with(access_token="t0ken with blanks"),
        fits=_sent_as_bearer,
    ),
    Fault(
        name="token_type_odd", description="the token is of type mac, and is sent as a bearer token", provokes="token_type_odd", strike=_with(token_type="mac"),
        profile=lambda _: {"auth.fields": _BEARER}, fits=_sent_as_bearer,
    ),
    Fault(
        name="lifetime_odd", description="the lifetime is in milliseconds", provokes="lifetime_odd", strike=_with(expires_in=86_400_000), fits=_reads_lifetime,
    ),
    Fault(
        name="scope_narrowed", description="another scope is granted than was asked for", provokes="scope_narrowed", strike=_with(scope="sandbox.less"),
        fits=_asks_scopes,
    ),
    Fault(name="clock_skew", description=f"the clocks are {SKEW:.0f} seconds apart", provokes="clock_skew", strike=_late, fits=gets_tokens),
    Fault(name="dpop_nonce", description="both servers want a nonce of theirs in DPoP proofs", strike=_nonce_wanted),
)  # fmt: skip

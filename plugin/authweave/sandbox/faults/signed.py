"""What goes wrong with logins and steps, signatures, assertions, bound tokens, and what servers say of themselves."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from authweave.sandbox.faults.fault import ABSENT, Fault, Struck, Usual, on_api, on_token
from authweave.sandbox.faults.fitting import both, of_type, tokens_of, where
from authweave.sandbox.listener import Reply, json_reply
from authweave.sandbox.made_up_keys import MadeUpKeys
from authweave.sandbox.signers import jwts_of, key_kinds

if TYPE_CHECKING:
    from authweave.profile import Profile

_AWS: Final = of_type("aws_sigv4")
_OAUTH1: Final = of_type("oauth1")
_REGISTERS: Final = "/sandbox/register"


def _has_steps(profile: Profile) -> bool:
    settings = tokens_of(profile)
    return settings is not None and bool(settings.before or settings.after)


def _asserts(profile: Profile) -> bool:
    return any(True for _ in jwts_of(profile.variants[0]))


def _signing_input(profile: Profile) -> str:
    """The input of type pem that a JWT is signed with; '' for none."""
    reads = {read for jwt in jwts_of(profile.variants[0]) for read in getattr(jwt.signing_key, "reads", ())}
    return next((name for name, wanted in profile.inputs.items() if wanted.type == "pem" and ("inputs", name) in reads), "")


def _is_discovered(profile: Profile) -> bool:
    settings = tokens_of(profile)
    return settings is not None and settings.token_url is None and settings.discovery.issuer is not None


def _is_bound(profile: Profile) -> bool:
    settings = tokens_of(profile)
    return settings is not None and settings.dpop


def _keeps_first(profile: Profile) -> bool:
    settings = tokens_of(profile)
    return settings is not None and any(step.response.keep for step in settings.before)


_KEEPING: Final = where(_keeps_first, "a profile whose steps before the token request keep something of their answers")
_STEPS: Final = where(_has_steps, "a profile whose token call has steps (`before`, `after`)")
_JWT: Final = where(_asserts, "a profile that signs an assertion")
_KEY: Final = where(lambda profile: bool(_signing_input(profile)), "a profile that signs an assertion with a key of type pem")
_DISCOVERED: Final = where(_is_discovered, "a profile that names an `issuer` and no token_url")
_BOUND: Final = where(_is_bound, "a profile with `dpop: true`")
_PKCE: Final = where(lambda profile: _is_discovered(profile) and _signs_in(profile), "a profile that names an `issuer` and whose users sign in in a browser")
_REGISTERED: Final = where(lambda profile: _is_discovered(profile) and not _signs_in(profile), "a profile that names an `issuer` and gets tokens without a person")


def _signs_in(profile: Profile) -> bool:
    settings = tokens_of(profile)
    return settings is not None and settings.signs_in


def _at_steps(reply: Reply) -> Callable[[Struck, Usual], Reply]:
    return lambda struck, usual: reply if struck.stage == "step" else usual()


def _in_metadata(reply: Reply) -> Callable[[Struck, Usual], Reply]:
    return lambda struck, usual: reply if struck.stage == "discovery" else usual()


def _metadata_with(**changes: Any) -> Callable[[Struck, Usual], Reply]:
    """The metadata as they are, but for this."""

    def strike(struck: Struck, usual: Usual) -> Reply:
        return json_reply(200, {**json.loads(usual().body), **changes}) if struck.stage == "discovery" else usual()

    return strike


def _unregistered(struck: Struck, usual: Usual) -> Reply:
    """The issuer has a place for registration, and says no there."""
    if struck.stage == "discovery":
        document = json.loads(usual().body)
        return json_reply(200, {**document, "registration_endpoint": f"https://{struck.arrived.host}{_REGISTERS}"})
    refusal = json_reply(400, {"error": "invalid_client_metadata", "error_description": "the sandbox registers no bots"})
    return refusal if struck.stage == "other" and struck.arrived.path == _REGISTERS else usual()


def _registering(_: Profile) -> Mapping[str, Any]:
    return {"auth.registration": {"client_name": "sandbox"}, "auth.client_id": ABSENT, "auth.client_secret": ABSENT}


def _unregistered_yet(_: Profile, inputs: dict[str, Any]) -> dict[str, Any]:
    """No client by hand: so that one is registered."""
    return {name: value for name, value in inputs.items() if name not in ("client_id", "client_secret")}


def _other_key(profile: Profile, inputs: dict[str, Any]) -> dict[str, Any]:
    """A key of another kind than the algorithm takes."""
    name = _signing_input(profile)
    return {**inputs, name: MadeUpKeys().private_key_pem("P-256" if key_kinds(profile).get(name) == "RSA" else "RSA")}


def _in_the_past(profile: Profile) -> Mapping[str, Any]:
    settings = tokens_of(profile)
    key = "client_assertion" if settings is not None and settings.client_assertion is not None else "assertion"
    return {f"auth.{key}.claims.exp": "{{ now() - 5 }}"}


def _as_bearer(struck: Struck, usual: Usual) -> Reply:
    reply = usual()
    if struck.stage != "token" or reply.status != 200:
        return reply
    return json_reply(200, {**json.loads(reply.body), "token_type": "Bearer"})


def _refusing_proofs(word: str, *headers: tuple[str, str]) -> Callable[[Struck, Usual], Reply]:
    return on_token(json_reply(400, {"error": word, "error_description": "said by the sandbox"}, *headers))


def _lasting(profile: Profile) -> Mapping[str, Any]:
    """Keys that are not temporary, and no role: of such keys AWS says the same, and may mean their session token."""
    role = {read[1] for variant in profile.variants for read in getattr(variant.own.get("role_arn"), "reads", ()) if read[0] == "inputs"}
    return {name: "" for name in ("session_token", *role) if name in profile.inputs}


def _aws(code: str, provokes: str, description: str, message: str = "said by the sandbox") -> Fault:
    """AWS's answer in XML."""
    body = f"<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>".encode()
    reply = Reply(403, body, (("Content-Type", "application/xml"),))
    agreed = _lasting if provokes == "aws_access_key" else None
    return Fault(name=provokes, provokes=provokes, description=description, strike=on_api(reply), agreed=agreed, fits=_AWS)


def _oauth1(problem: str, provokes: str, description: str) -> Fault:
    """A refusal in the words of the extension for problem reporting."""
    body = f"oauth_problem={problem}".encode() if problem else b""
    reply = Reply(401, body, (("Content-Type", "application/x-www-form-urlencoded"), ("WWW-Authenticate", 'OAuth realm="sandbox"')))
    return Fault(name=provokes, provokes=provokes, description=description, strike=on_api(reply), fits=_OAUTH1)


FAULTS: Final = (
    Fault(
        name="login_refused", provokes="login_refused", fits=of_type("session"), description="the login is refused",
        strike=on_token(json_reply(401, {"error": "wrong_login", "error_description": "user name or password is wrong"})),
    ),
    Fault(name="step_refused", provokes="step_refused", fits=_STEPS, strike=_at_steps(json_reply(404, {"error": "not here"})), description="a step of the token call is refused"),
    Fault(name="step_unread", provokes="step_unread", fits=_KEEPING, strike=_at_steps(json_reply(200, {"nothing": "like it"})), description="the answer to a step of the token call lacks what is kept of it"),
    Fault(
        name="signing", provokes="signing", fits=of_type("signature"), profile=lambda _: {"auth.algorithm": "ed25519", "auth.signing_key": "{{ 'no key of this kind' }}"},
        description="the profile signs with an algorithm that the key is not for",
    ),
    Fault(name="token_not_bound", provokes="token_not_bound", fits=_BOUND, strike=_as_bearer, description="the token is not bound to the key that was proved"),
    Fault(name="invalid_dpop_proof", provokes="invalid_dpop_proof", fits=_BOUND, strike=_refusing_proofs("invalid_dpop_proof"), description="the token server takes no DPoP proof"),
    Fault(
        name="use_dpop_nonce", provokes="use_dpop_nonce", fits=_BOUND, strike=_refusing_proofs("use_dpop_nonce", ("DPoP-Nonce", "sandbox-nonce")),
        description="the token server asks for a nonce again and again",
    ),
    Fault(name="key_refused", provokes="key_refused", fits=_KEY, given=_other_key, description="the key is of another kind than the algorithm"),
    Fault(name="assertion_refused", provokes="assertion_refused", fits=_JWT, profile=_in_the_past, description="the assertion is over before it is sent"),
    _aws("SignatureDoesNotMatch", "aws_signature", "AWS computes another signature"),
    _aws("InvalidSignatureException", "aws_scope", "the endpoint is in another region", "Credential should be scoped to a valid region."),
    _aws("RequestTimeTooSkewed", "aws_clock", "AWS finds the time of the signature wrong"),
    _aws("InvalidClientTokenId", "aws_access_key", "AWS does not know the access key"),
    _aws("ExpiredToken", "aws_session_token", "the temporary keys have ended"),
    _aws("AccessDenied", "aws_denied", "no policy of AWS allows the request"),
    _oauth1("signature_invalid", "oauth1_signature", "the provider computes another signature"),
    _oauth1("timestamp_refused", "oauth1_timestamp", "the provider finds the time of the signature wrong"),
    _oauth1("nonce_used", "oauth1_nonce", "the provider saw the nonce before"),
    _oauth1("token_rejected", "oauth1_token", "the provider does not take the token"),
    _oauth1("consumer_key_unknown", "oauth1_consumer", "the provider does not know the consumer"),
    _oauth1("", "oauth1_refused", "the provider refuses the signed request without a word"),
    Fault(name="discovery_not_found", provokes="discovery_not_found", fits=_DISCOVERED, strike=_in_metadata(json_reply(404, {})), description="the issuer publishes no metadata"),
    Fault(name="discovery_unreachable", provokes="discovery_unreachable", fits=_DISCOVERED, strike=_in_metadata(json_reply(500, {})), description="the issuer fails when its metadata are asked for"),
    Fault(
        name="discovery_unreadable", provokes="discovery_unreadable", fits=_DISCOVERED, strike=_in_metadata(Reply(200, b"<html></html>", (("Content-Type", "text/html"),))),
        description="a web page stands where the metadata should be",
    ),
    Fault(name="discovery_mismatch", provokes="discovery_mismatch", fits=_DISCOVERED, strike=_metadata_with(issuer="https://somebody-else.example"), description="the metadata are those of another issuer"),
    Fault(name="discovery_endpoint", provokes="discovery_endpoint", fits=_DISCOVERED, strike=_metadata_with(token_endpoint="javascript:alert(1)"), description="the metadata name a token endpoint that must not be called"),
    Fault(name="registration_refused", provokes="registration_refused", fits=_REGISTERED, strike=_unregistered, profile=_registering, given=_unregistered_yet, description="the issuer does not register the client"),
    Fault(
        name="unsupported_client_auth", provokes="unsupported_client_auth", fits=_DISCOVERED, strike=_metadata_with(token_endpoint_auth_methods_supported=["tls_client_auth"]),
        description="the metadata do not list the client authentication (a warning)",
    ),
    Fault(name="unsupported_grant", provokes="unsupported_grant", fits=_DISCOVERED, strike=_metadata_with(grant_types_supported=["urn:sandbox:other"]), description="the metadata do not list the grant (a warning)"),
    Fault(
        name="unsupported_scope", provokes="unsupported_scope", fits=both(_DISCOVERED, where(lambda profile: bool((settings := tokens_of(profile)) and settings.scopes), "a profile that asks for scopes")),
        strike=_metadata_with(scopes_supported=["other"]), description="the metadata do not list the scopes (a warning)",
    ),
    Fault(name="unsupported_pkce", provokes="unsupported_pkce", fits=_PKCE, strike=_metadata_with(code_challenge_methods_supported=["plain"]), description="the metadata do not list the code challenge method (a warning)"),
    Fault(
        name="unsupported_dpop", provokes="unsupported_dpop", fits=both(_DISCOVERED, _BOUND), strike=_metadata_with(dpop_signing_alg_values_supported=["PS512"]),
        description="the metadata list other DPoP algorithms (a warning)",
    ),
)  # fmt: skip

"""What the sandbox can be told to do wrong: one function a fault, one line each in the table.

A fault stands between the request and the sandbox's usual answer. It may answer instead, spoil what is answered, or
change what the sandbox knows beforehand. "The first call" is the token call, or the API's where there is none.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from authweave.errors import UsageError
from authweave.sandbox.listener import Reply, json_reply

if TYPE_CHECKING:
    from authweave.sandbox.account import Account
    from authweave.sandbox.arrived import Arrived

RETRY_AFTER: Final = "120"
SLOW: Final = 2.0

Usual = Callable[[], Reply]


@dataclass(frozen=True, slots=True)
class Struck:
    """The call that a fault strikes: to the identity provider (`token`) or to the API (`api`)."""

    stage: str
    arrived: Arrived
    accounts: tuple[Account, ...]

    @property
    def is_first(self) -> bool:
        """Is it the first call that a client makes?"""
        return self.stage == "token" or not any(account.gets_tokens for account in self.accounts)


@dataclass(frozen=True, slots=True)
class Fault:
    """`provokes` is the code of the diagnosis that `authweave test` comes to; empty if all goes well in the end."""

    name: str
    description: str
    provokes: str
    strike: Callable[[Struck, Usual], Reply]


def _rate_limited(struck: Struck, usual: Usual) -> Reply:
    refusal = json_reply(
        429, {"error": "slow_down", "error_description": "too many requests"}, ("Retry-After", RETRY_AFTER)
    )
    return refusal if struck.is_first else usual()


def _failing(struck: Struck, usual: Usual) -> Reply:
    return json_reply(500, {"error": "server_error"}) if struck.is_first else usual()


def _slow(struck: Struck, usual: Usual) -> Reply:
    if struck.is_first:
        time.sleep(SLOW)
    return usual()


def _hanging(struck: Struck, usual: Usual) -> Reply:
    return Reply(0, hangs=True) if struck.is_first else usual()


def _page(struck: Struck, usual: Usual) -> Reply:
    page = b"<!DOCTYPE html><html><head><title>Sandbox sign-in</title></head><body>Please sign in.</body></html>"
    return Reply(200, page, (("Content-Type", "text/html; charset=utf-8"),)) if struck.is_first else usual()


def _early_expiry(struck: Struck, usual: Usual) -> Reply:
    if struck.stage == "api":
        for account in struck.accounts:
            account.end_tokens("revoked before its time", used_only=True)
    return usual()


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


def _invalid_scope(struck: Struck, usual: Usual) -> Reply:
    refusal = json_reply(400, {"error": "invalid_scope", "error_description": "the client may not have this scope"})
    return refusal if struck.stage == "token" else usual()


def _token_field_missing(struck: Struck, usual: Usual) -> Reply:
    reply = usual()
    if struck.stage != "token" or reply.status != 200:
        return reply
    return json_reply(200, {"accessToken": "…", "token_type": "Bearer", "expires_in": 900})


def _redirect_to_login(struck: Struck, usual: Usual) -> Reply:
    return Reply(302, b"", (("Location", f"https://{struck.arrived.host}/login"),)) if struck.is_first else usual()


def _empty_body(struck: Struck, usual: Usual) -> Reply:
    return Reply(200, b"", (("Content-Type", "application/json"),)) if struck.is_first else usual()


def _error_in_200(struck: Struck, usual: Usual) -> Reply:
    fault = {"error": "E1017", "error_description": "a fault that comes with status 200"}
    return json_reply(200, fault) if struck.is_first else usual()


def _api_401(struck: Struck, usual: Usual) -> Reply:
    return refused_token("the API refuses every credential") if struck.stage == "api" else usual()


def _api_403(struck: Struck, usual: Usual) -> Reply:
    if struck.stage != "api":
        return usual()
    challenge = 'Bearer realm="sandbox", error="insufficient_scope", scope="sandbox.admin"'
    return json_reply(403, {"error": "insufficient_scope"}, ("WWW-Authenticate", challenge))


def _api_500(struck: Struck, usual: Usual) -> Reply:
    return json_reply(500, {"error": "the API fails"}) if struck.stage == "api" else usual()


def refused_token(why: str) -> Reply:
    """401 with the challenge of RFC 6750 §3."""
    challenge = f'Bearer realm="sandbox", error="invalid_token", error_description="{why}"'
    return json_reply(401, {"error": "invalid_token", "error_description": why}, ("WWW-Authenticate", challenge))


FAULTS: Final = {
    fault.name: fault
    for fault in (
        Fault("429", f"the first call is limited: Retry-After {RETRY_AFTER}", "rate_limited", _rate_limited),
        Fault("500", "the first call fails with status 500", "server_error", _failing),
        Fault("slow", f"the first call is answered after {SLOW:g} seconds", "", _slow),
        Fault("hang", "the first call is never answered", "read_timeout", _hanging),
        Fault("html", "the first call gets a web page instead of JSON", "html_instead_of_json", _page),
        Fault("early_expiry", "a token is good for one request to the API, then 401", "", _early_expiry),
        Fault("dpop_nonce", "both servers want a nonce of theirs in DPoP proofs", "", _nonce_wanted),
        Fault("wrong_secret", "the sandbox knows another secret than the client", "invalid_client", _wrong_secret),
        Fault("invalid_scope", "the client may not have the scope it asks for", "invalid_scope", _invalid_scope),
        Fault(
            "token_field_missing",
            "the token stands in another field (accessToken)",
            "token_field_missing",
            _token_field_missing,
        ),
        Fault(
            "redirect_to_login",
            "the first call is redirected to a page for signing in",
            "redirect_to_login",
            _redirect_to_login,
        ),
        Fault("empty_body", "the first call gets status 200 and no body", "empty_or_partial_body", _empty_body),
        Fault(
            "error_in_200", "the first call gets status 200 with an error in its body", "error_in_200", _error_in_200
        ),
        Fault("api_401", "the API refuses every credential", "api_401", _api_401),
        Fault("api_403", "the API wants another scope (insufficient_scope)", "api_403", _api_403),
        Fault("api_500", "the API fails", "api_5xx", _api_500),
    )
}
"""Every fault by its name."""


def fault_of(name: str) -> Fault:
    """A fault by its name. Raises UsageError, with the nearest name there is."""
    if name not in FAULTS:
        near = get_close_matches(name, FAULTS, 1)
        raise UsageError(
            f"the sandbox has no fault {name}; "
            + (f"did you mean {near[0]}?" if near else f"it has {', '.join(FAULTS)}")
        )
    return FAULTS[name]


def through(faults: Iterable[Fault], struck: Struck, usual: Usual) -> Reply:
    """The answer once every fault had its say, the first one outermost."""
    for fault in reversed(tuple(faults)):
        usual = _between(fault, struck, usual)
    return usual()


def _between(fault: Fault, struck: Struck, usual: Usual) -> Usual:
    return lambda: fault.strike(struck, usual)

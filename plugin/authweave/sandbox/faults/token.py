"""What goes wrong at the token endpoint: its words, and answers that are none."""

from __future__ import annotations

import base64
import json
from typing import Final

from authweave.sandbox.faults.fault import Fault, Struck, Usual, on_first, on_token, refused_token
from authweave.sandbox.listener import Reply, json_reply

RETRY_AFTER: Final = "120"
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


def _token_field_missing(struck: Struck, usual: Usual) -> Reply:
    reply = usual()
    if struck.stage != "token" or reply.status != 200:
        return reply
    return json_reply(200, {"accessToken": "…", "token_type": "Bearer", "expires_in": 900})


def _redirect_to_login(struck: Struck, usual: Usual) -> Reply:
    return Reply(302, b"", (("Location", f"https://{struck.arrived.host}/login"),)) if struck.is_first else usual()


FAULTS: Final = (
    Fault(
        name="rate_limited",
        description=f"the first call is limited: Retry-After {RETRY_AFTER}",
        provokes="rate_limited",
        also=("429",),
        strike=on_first(
            json_reply(429, {"error": "slow_down", "error_description": "too many requests"}, ("Retry-After", RETRY_AFTER))
        ),
    ),
    Fault(
        name="server_error",
        description="the first call fails with status 500",
        provokes="server_error",
        also=("500",),
        strike=on_first(json_reply(500, {"error": "server_error"})),
    ),
    Fault(
        name="html_instead_of_json",
        description="the first call gets a web page instead of JSON",
        provokes="html_instead_of_json",
        also=("html",),
        strike=on_first(Reply(200, _PAGE, (("Content-Type", "text/html; charset=utf-8"),))),
    ),
    Fault(
        name="dpop_nonce",
        description="both servers want a nonce of theirs in DPoP proofs",
        strike=_nonce_wanted,
    ),
    Fault(
        name="invalid_client",
        description="the sandbox knows another secret than the client",
        provokes="invalid_client",
        also=("wrong_secret",),
        strike=_wrong_secret,
    ),
    Fault(
        name="invalid_scope",
        description="the client may not have the scope it asks for",
        provokes="invalid_scope",
        strike=on_token(
            json_reply(400, {"error": "invalid_scope", "error_description": "the client may not have this scope"})
        ),
    ),
    Fault(
        name="token_field_missing",
        description="the token stands in another field (accessToken)",
        provokes="token_field_missing",
        strike=_token_field_missing,
    ),
    Fault(
        name="redirect_to_login",
        description="the first call is redirected to a page for signing in",
        provokes="redirect_to_login",
        strike=_redirect_to_login,
    ),
    Fault(
        name="empty_or_partial_body",
        description="the first call gets status 200 and no body",
        provokes="empty_or_partial_body",
        also=("empty_body",),
        strike=on_first(Reply(200, b"", (("Content-Type", "application/json"),))),
    ),
    Fault(
        name="error_in_200",
        description="the first call gets status 200 with an error in its body",
        provokes="error_in_200",
        strike=on_first(json_reply(200, {"error": "E1017", "error_description": "a fault that comes with status 200"})),
    ),
)

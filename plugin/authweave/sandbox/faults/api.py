"""What goes wrong at the API, with a token that was got."""

from __future__ import annotations

from typing import Final

from authweave.sandbox.faults.fault import Fault, Struck, Usual, on_api, refused_token
from authweave.sandbox.listener import Reply, json_reply

_SCOPE: Final = 'Bearer realm="sandbox", error="insufficient_scope", scope="sandbox.admin"'


def _early_expiry(struck: Struck, usual: Usual) -> Reply:
    if struck.stage == "api":
        for account in struck.accounts:
            account.end_tokens("revoked before its time", used_only=True)
    return usual()


FAULTS: Final = (
    Fault(
        name="early_expiry",
        description="a token is good for one request to the API, then 401",
        strike=_early_expiry,
    ),
    Fault(
        name="api_401",
        description="the API refuses every credential",
        provokes="api_401",
        strike=on_api(refused_token("the API refuses every credential")),
    ),
    Fault(
        name="api_403",
        description="the API wants another scope (insufficient_scope)",
        provokes="api_403",
        strike=on_api(json_reply(403, {"error": "insufficient_scope"}, ("WWW-Authenticate", _SCOPE))),
    ),
    Fault(
        name="api_5xx",
        description="the API fails",
        provokes="api_5xx",
        also=("api_500",),
        strike=on_api(json_reply(500, {"error": "the API fails"})),
    ),
)

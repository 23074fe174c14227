"""Zoom.

https://developers.zoom.us/docs/integrations/oauth-error-messages/ and https://developers.zoom.us/docs/api/errors/
https://developers.zoom.us/blog/s2s-token-generation-troubleshoot/
"""

from __future__ import annotations

from authweave.diagnosis.vendors.code import API, Code, Sample, table

_NAME = "Zoom"

CODES = table(
    Code("zoom_4702", _NAME, "invalid_client", (r"^reason=Invalid client_id or client_secret$",),
         "client id or secret is wrong (4702, 4704)", "auth.client_secret", "supply id and secret of the app's credentials page, sent by `client_auth: client_secret_basic`",
         Sample(400, {"reason": "Invalid client_id or client_secret", "error": "invalid_client"})),
    Code("zoom_grant", _NAME, "unsupported_grant_type", (r"^reason=unsupported grant type$",),
         "the grant is not one of this kind of app (4705)", "auth.grant_type", "write `account_credentials`, with `account_id` among `token_request.fields`, for a Server-to-Server app",
         Sample(400, {"reason": "unsupported grant type", "error": "unsupported_grant_type"})),
    Code("zoom_account", _NAME, "invalid_request", (r"^reason=(Bad Request|Account does not exist)$", r"^error=invalid_request$"),
         "`account_id` is missing or that of another account", "auth.token_request.fields", "add `{in: payload, key: account_id, value: '{{ inputs.account_id }}'}`, of the account that owns the app",
         Sample(400, {"reason": "Bad Request", "error": "invalid_request"})),
    Code("zoom_disabled", _NAME, "unauthorized_client", (r"^reason=The app has been disabled",),
         "the app is deactivated (4717)", "auth.client_id", "activate the app in the Marketplace, under Activation",
         Sample(400, {"reason": "The app has been disabled by the developer", "error": "invalid_client"})),
    Code("zoom_refresh", _NAME, "invalid_grant", (r"^reason=Invalid Token!$",),
         "the refresh token is used, revoked, or replaced by another sign-in of the same account to this app", "auth.grant_type", "sign in again: `authweave login`; each refresh token is good once, so let one store serve every process",
         Sample(400, {"reason": "Invalid Token!", "error": "invalid_grant"})),
    Code("zoom_124", _NAME, "api_401", (r"^code=124$", r"invalid access token|access token is expired"),
         "the token is not valid or has expired (124)", "auth.fields", "place it as `Authorization: Bearer {{ … }}`; a token of another account or host is refused, too",
         Sample(401, {"code": 124, "message": "Invalid access token."}), API),
    Code("zoom_scopes", _NAME, "api_403", (r"does not contain scopes",),
         "the token lacks a scope; the words name it (4711)", "auth.scopes", "add the scope that the words name to the app in the Marketplace; a Server-to-Server app gets all of its scopes by itself",
         Sample(400, {"code": 4711, "message": "Invalid access token, does not contain scopes:[user:read:user:admin]."}), API),
)  # fmt: skip

"""Slack, which says no with status 200.

https://docs.slack.dev/reference/methods/auth.test and https://docs.slack.dev/reference/methods/oauth.v2.access (Errors)
"""

from __future__ import annotations

from authweave.diagnosis.vendors.code import API, Code, Sample, said, table


def _no(word: str, row: str, means: str, key: str, say: str, **more: str) -> Code:
    return Code(f"slack_{word}", "Slack", row, said(ok="false", error=word), means, key, say, Sample(200, {"ok": False, "error": word, **more}), API)


CODES = table(
    _no("invalid_auth", "api_401", "the token is not valid, or the address may not use it", "auth.fields", "place the token as `Authorization: Bearer xoxb-…`; is it of this workspace, and without quotes or blanks?"),
    _no("not_authed", "api_401", "no token arrived", "auth.fields", "place it in the header: `Authorization: Bearer {{ … }}`"),
    _no("token_revoked", "api_401", "the token was revoked, or the app was removed", "auth.grant_type", "install the app in the workspace again, and supply the new token"),
    _no("token_expired", "api_401", "the token has expired: rotation is on for this app", "auth.refresh_url", "let the token be refreshed: write `refresh_url`, and let the person sign in once more"),
    _no("account_inactive", "api_401", "the token's user or workspace is deleted", "auth.grant_type", "install the app again with a living user"),
    _no("missing_scope", "api_403", "the token lacks a scope; `needed` names it", "auth.scopes", "add the scope that `needed` names, and install the app again", needed="users:read", provided="chat:write"),
    _no("not_allowed_token_type", "api_403", "this method takes another kind of token", "test.request.url", "ask for a method that takes this kind (bot `xoxb-`, user `xoxp-`), or supply the other kind"),
    Code("slack_bad_client_secret", "Slack", "invalid_client", said(ok="false", error="bad_client_secret"), "the client secret is wrong", "auth.client_secret",
         "supply the Client Secret of Basic Information, not the Signing Secret", Sample(200, {"ok": False, "error": "bad_client_secret"})),
    Code("slack_invalid_client_id", "Slack", "invalid_client", said(ok="false", error="invalid_client_id"), "there is no such app", "auth.client_id",
         "write the Client ID of Basic Information, with its dot", Sample(200, {"ok": False, "error": "invalid_client_id"})),
    Code("slack_invalid_code", "Slack", "invalid_grant", said(ok="false", error="invalid_code"), "the code is not valid, or too old", "auth.grant_type",
         "sign in again: `authweave login`", Sample(200, {"ok": False, "error": "invalid_code"})),
    Code("slack_code_already_used", "Slack", "invalid_grant", said(ok="false", error="code_already_used"), "the code was exchanged before", "auth.grant_type",
         "sign in again: `authweave login`", Sample(200, {"ok": False, "error": "code_already_used"})),
    Code("slack_bad_redirect_uri", "Slack", "invalid_request", said(ok="false", error="bad_redirect_uri"), "the redirect URI is not that of the sign-in", "auth.redirect_uri",
         "write the same redirect URI that stands under OAuth & Permissions, letter for letter", Sample(200, {"ok": False, "error": "bad_redirect_uri"})),
    Code("slack_oauth_authorization_url_mismatch", "Slack", "invalid_request", said(ok="false", error="oauth_authorization_url_mismatch"),
         "the sign-in was begun at another version than the token call", "auth.authorization_url",
         "write `https://slack.com/oauth/v2/authorize` where the token URL is `https://slack.com/api/oauth.v2.access`", Sample(200, {"ok": False, "error": "oauth_authorization_url_mismatch"})),
)  # fmt: skip

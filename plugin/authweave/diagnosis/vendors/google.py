"""Google.

Service accounts: https://developers.google.com/identity/protocols/oauth2/service-account (JWT error codes)
Sign-in: https://developers.google.com/identity/protocols/oauth2/web-server (Errors)
Refresh tokens: https://developers.google.com/identity/protocols/oauth2#expiration
APIs: https://github.com/googleapis/googleapis/blob/master/google/api/error_reason.proto
What these pages do not quote, people have: account not found (https://github.com/googleapis/google-cloud-php/issues/3622), the empty scope
 (https://github.com/googleapis/google-auth-library-python/issues/217), the wrong audience (https://github.com/googleapis/google-cloud-python/issues/15228),
 reauth (https://github.com/cline/cline/issues/4080)
"""

from __future__ import annotations

from typing import Final

from authweave.diagnosis.vendors.code import API, Code, Sample, phrase, refusal, said, table

_NAME = "Google"


_STATUSES: Final = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED"}


def _reason(reason: str, message: str, means: str, key: str, say: str, *, row: str = "api_403", status: int = 403) -> Code:
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com"}]
    words = {"code": status, "message": message, "status": _STATUSES[status], "details": details}
    return Code(reason, _NAME, row, said(reason=reason), means, key, say, Sample(status, {"error": words}), API)


CODES = table(
    Code("google_delegation", _NAME, "unauthorized_client", phrase("client is unauthorized to retrieve access tokens using this method"),
         "the service account may not act for this user with these scopes", "auth.assertion.claims", "have domain-wide delegation granted for the service account's numeric client id (not its e-mail address, not a group) and exactly these scopes (Admin console, API controls), or leave `sub` out",
         refusal("unauthorized_client", "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested.", 401)),
    Code("google_delegation_unknown", _NAME, "unauthorized_client", phrase("unauthorized client or scope in request"),
         "the service account is not authorized in this user's domain", "auth.assertion.claims", "have it authorized for these scopes (Admin console, API controls, Domain-wide delegation), which takes up to a day; is `sub` a user of that domain?",
         refusal("unauthorized_client", "Unauthorized client or scope in request.")),
    Code("google_revoked", _NAME, "invalid_grant", phrase("token has been expired or revoked"),
         "the refresh token has expired or was revoked; an app in test mode gets tokens for 7 days", "auth.grant_type", "publish the app (OAuth consent screen: In production), then let the person sign in again: `authweave login`",
         refusal("invalid_grant", "Token has been expired or revoked.")),
    Code("google_signature", _NAME, "invalid_grant", phrase("invalid jwt signature", error="invalid_grant"),
         "the key is not one of this service account, or is deleted, disabled or expired", "auth.assertion.signing_key", "supply `private_key` of a key that is listed for the service account, and its `private_key_id` as `key_id`",
         refusal("invalid_grant", "Invalid JWT Signature.")),
    Code("google_clock", _NAME, "invalid_grant", phrase("token must be a short-lived token"),
         "`iat` and `exp` do not fit Google's clock, or are more than an hour apart", "auth.assertion.claims", "set this machine's clock (NTP); keep `lifetime` at 3600 or less",
         refusal("invalid_grant", "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.")),
    Code("google_account", _NAME, "invalid_grant", phrase("invalid grant: account not found"),
         "the service account does not exist (any more)", "auth.assertion.claims", "write `client_email` of the key file as `iss`",
         refusal("invalid_grant", "Invalid grant: account not found")),
    Code("google_email", _NAME, "invalid_grant", (r"^error_description=(Not a valid email\b|Invalid email or User ID)", "^error=invalid_grant$"),
         "the user to act for does not exist", "auth.assertion.claims", "write the e-mail address of a living user of the domain as `sub`",
         refusal("invalid_grant", "Not a valid email or user ID.")),
    Code("google_audience", _NAME, "invalid_grant", phrase("invalid jwt: failed audience check"),
         "the assertion's `aud` is not Google's token URL", "auth.assertion.claims", "write `aud: https://oauth2.googleapis.com/token`",
         refusal("invalid_grant", "Invalid JWT: Failed audience check.")),
    Code("google_reauth", _NAME, "needs_person", phrase("reauth related error"),
         "the organization wants people to sign in again after a time", "auth.grant_type", "sign in again: `authweave login`; for a program use a service account (`jwt_bearer`), which is not asked",
         refusal("invalid_grant", "reauth related error (invalid_rapt)", error_subtype="invalid_rapt")),
    Code("google_scope", _NAME, "invalid_scope", phrase("invalid oauth scope or id token audience provided"),
         "the assertion names no scope, or one that does not exist", "auth.assertion.claims", "write `scope` among the claims: full URLs as the API documents them, separated by blanks, not commas",
         refusal("invalid_scope", "Invalid OAuth scope or ID token audience provided.")),
    Code("google_no_scope", _NAME, "invalid_scope", phrase("empty or missing scope not allowed"),
         "the assertion names no scope", "auth.assertion.claims", "write `scope` among the claims, its scopes separated by blanks",
         refusal("invalid_scope", "Empty or missing scope not allowed.")),
    Code("google_deleted_client", _NAME, "invalid_client", said(error="deleted_client"),
         "the OAuth client was deleted", "auth.client_id", "restore it within 30 days, or make a new OAuth client, and supply its id and secret",
         refusal("deleted_client", "The OAuth client was deleted.", 401)),
    Code("google_disabled_client", _NAME, "invalid_client", said(error="disabled_client"),
         "the OAuth client, or the key that signed, is disabled", "auth.client_id", "enable the client or the service account of this key (IAM & Admin, Service Accounts), or supply another one",
         refusal("disabled_client", "The OAuth client was disabled.", 401)),
    Code("google_secret", _NAME, "invalid_client", phrase("the provided client secret is invalid", error="invalid_client"),
         "the secret is not one of this client id", "auth.client_secret", "supply a secret (`GOCSPX-…`) that is listed for this very client id",
         refusal("invalid_client", "The provided client secret is invalid.", 401)),
    Code("google_unknown_client", _NAME, "invalid_client", phrase("the oauth client was not found"),
         "there is no such client id", "auth.client_id", "write the client id of the OAuth client, which ends in `.apps.googleusercontent.com`",
         refusal("invalid_client", "The OAuth client was not found.", 401)),
    Code("google_admin_policy", _NAME, "needs_person", said(error="admin_policy_enforced"),
         "the administrator of the Workspace does not let this app have these scopes", "auth.scopes", "let the administrator trust the app (App access control), or ask for fewer scopes",
         refusal("admin_policy_enforced", "The Google Account is unable to authorize one or more scopes requested due to the policies of their Google Workspace administrator.")),
    Code("google_org_internal", _NAME, "needs_person", said(error="org_internal"),
         "the app is for accounts of its own organization only", "auth.client_id", "let a person, or a service account, of that organization sign in, or make the app External",
         refusal("org_internal", "This client is restricted to users within its organization.", 403)),
    _reason("ACCESS_TOKEN_SCOPE_INSUFFICIENT", "Request had insufficient authentication scopes.", "the token lacks a scope of this API", "auth.scopes",
            "add the scope that the method's reference lists, then get a new token (a person signs in again)"),
    _reason("SERVICE_DISABLED", "Cloud API has not been used in project 123 before or it is disabled.", "the API is not switched on in the project", "test.request.url",
            "enable the API in the project that the message names; until then ask for something of an API that is on"),
    _reason("ACCESS_TOKEN_EXPIRED", "Request had invalid authentication credentials.", "the token has expired", "auth.token_response.expires_in",
            "let the lifetime be read of the answer, so that the token is renewed in time", row="api_401", status=401),
    _reason("ACCESS_TOKEN_TYPE_UNSUPPORTED", "Request had invalid authentication credentials.", "the credential is of a kind that this API does not take (such as an id token, or an API key in place of a token)", "auth.fields",
            "place `token.access_token`, not `token.id_token`; an API key belongs into `X-Goog-Api-Key`", row="api_401", status=401),
    _reason("USER_PROJECT_DENIED", "Caller does not have required permission to use project x.", "the caller may not use the project that is billed (`x-goog-user-project`)", "auth.fields",
            "leave `x-goog-user-project` out or write another project, or have the role Service Usage Consumer given in it"),
    _reason("API_KEY_SERVICE_BLOCKED", "Requests to this API are blocked.", "the API key is restricted to other APIs", "auth.fields",
            "allow this API among the key's API restrictions, or supply a key that is allowed it"),
    _reason("API_KEY_IP_ADDRESS_BLOCKED", "The provided API key has an IP address restriction.", "the API key is restricted to other addresses", "auth.fields",
            "add this machine's address to the key's restrictions, or supply a key that is allowed it"),
    _reason("API_KEY_HTTP_REFERRER_BLOCKED", "Requests from referer <empty> are blocked.", "the API key is one for web pages", "auth.fields",
            "supply a key that is restricted by address or by API, not by HTTP referrer"),
    _reason("API_KEY_INVALID", "API key not valid. Please pass a valid API key.", "the API key is not known, malformed or expired", "auth.fields",
            "supply a key of the project, and place it as `key` in the query or as `X-Goog-Api-Key`", row="api_401", status=400),
)  # fmt: skip

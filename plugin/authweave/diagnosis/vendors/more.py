"""HubSpot, Atlassian, ServiceNow, Keycloak, Amazon Cognito: a few words each.

HubSpot: https://developers.hubspot.com/docs/api-reference/error-handling, https://developers.hubspot.com/changelog/new-oauth-v3-api-endpoints-and-standardized-error-responses
 and https://github.com/NangoHQ/nango/issues/7664; the `BAD_…` words but that for refresh tokens are known from threads only
Atlassian: https://developer.atlassian.com/cloud/oauth/getting-started/refresh-tokens/ (its token server speaks as Auth0 does: see there)
ServiceNow: https://www.servicenow.com/community/developer-forum/oauth2-token-request-returned-401/td-p/3590623, https://support.servicenow.com/kb (KB1645212, KB0686244)
Keycloak: https://github.com/keycloak/keycloak, the messages of services/src/main/java/org/keycloak/protocol/oidc (TokenManager.java, grants) and its client authenticators
Cognito: https://docs.aws.amazon.com/cognito/latest/developerguide/token-endpoint.html; the words in `error_description` as logs have them
"""

from __future__ import annotations

from authweave.diagnosis.vendors.code import API, Code, Sample, phrase, refusal, said, table

CODES = table(
    Code("BAD_REFRESH_TOKEN", "HubSpot", "invalid_grant", said(status="BAD_REFRESH_TOKEN"),
         "the refresh token is not valid: the app was removed from the account, or the token is another app's", "auth.grant_type", "let the person install the app again: `authweave login`",
         Sample(400, {"error": "invalid_grant", "error_description": "refresh token is invalid, expired or revoked", "status": "BAD_REFRESH_TOKEN", "message": "refresh token is invalid, expired or revoked"})),
    Code("BAD_AUTH_CODE", "HubSpot", "invalid_grant", said(status="BAD_AUTH_CODE"),
         "the code is used or has expired", "auth.grant_type", "sign in again: `authweave login`",
         Sample(400, {"status": "BAD_AUTH_CODE", "message": "missing or unknown auth code"})),
    Code("BAD_CLIENT_ID", "HubSpot", "invalid_client", said(status="BAD_CLIENT_ID"),
         "there is no such app", "auth.client_id", "write the client id of the app's Auth page; it goes into the body (`client_auth: client_secret_post`)",
         Sample(400, {"error": "invalid_client", "status": "BAD_CLIENT_ID", "message": "missing or unknown client id"})),
    Code("BAD_CLIENT_SECRET", "HubSpot", "invalid_client", said(status="BAD_CLIENT_SECRET"),
         "the secret is not that of this app", "auth.client_secret", "supply the client secret of the app's Auth page",
         Sample(400, {"error": "invalid_client", "status": "BAD_CLIENT_SECRET", "message": "missing or invalid client secret"})),
    # https://github.com/PostHog/posthog, posthog/models/test/integration/test_oauth.py
    Code("BAD_HUB", "HubSpot", "invalid_grant", said(status="BAD_HUB"),
         "the account was deleted or disconnected", "auth.grant_type", "let a person install the app in an account that lives: `authweave login`",
         Sample(400, {"error": "access_denied", "status": "BAD_HUB", "message": "missing or unknown hub id"})),
    Code("EXPIRED_AUTHENTICATION", "HubSpot", "api_401", said(category="EXPIRED_AUTHENTICATION"),
         "the token has expired: it lives for 30 minutes", "auth.token_response.expires_in", "let the lifetime be read of the answer, so that the token is renewed in time",
         Sample(401, {"status": "error", "message": "The OAuth token used to make this call expired 5 minute(s) ago.", "category": "EXPIRED_AUTHENTICATION"}), API),
    Code("INVALID_AUTHENTICATION", "HubSpot", "api_401", said(category="INVALID_AUTHENTICATION"),
         "no usable token arrived", "auth.fields", "place it as `Authorization: Bearer {{ … }}`; the old `hapikey` is no more",
         Sample(401, {"status": "error", "message": "Authentication credentials not found.", "category": "INVALID_AUTHENTICATION"}), API),
    Code("MISSING_SCOPES", "HubSpot", "api_403", said(category="MISSING_SCOPES"),
         "the token lacks a scope; `errors[0].context.requiredGranularScopes` of the answer names it", "auth.scopes", "add the scope to the app and here, and let the person install it again (a private app: take its new token)",
         Sample(403, {"status": "error", "message": "This app hasn't been granted all required scopes to make this call.", "category": "MISSING_SCOPES"}), API),
    Code("atlassian_scope", "Atlassian", "api_403", phrase("unauthorized; scope does not match"),
         "the token lacks a scope of this call, although the status says 401", "auth.scopes", "add every scope that the method's reference lists (the classic one, or all of the granular ones), and sign in again",
         Sample(401, {"code": 401, "message": "Unauthorized; scope does not match"}), API),
    Code("servicenow_access_denied", "ServiceNow", "invalid_client", phrase("access_denied", error="server_error"),
         "client id, secret, user, password or grant is not accepted; it says no more", "auth.client_id",
         "write id and secret of the OAuth entry of this very instance, sent in the body (`client_auth: client_secret_post`); for `client_credentials` set the property `glide.oauth.inbound.client.credential.grant_type.enabled` to true and choose an OAuth Application User",
         refusal("server_error", "access_denied", 401)),
    Code("servicenow_not_authenticated", "ServiceNow", "api_401", phrase("required to provide auth information"),
         "no usable credential arrived", "servers", "write the instance that issued the token (`https://‹instance›.service-now.com`), and place it as `Authorization: Bearer {{ … }}`",
         Sample(401, {"error": {"message": "User Not Authenticated", "detail": "Required to provide Auth information"}, "status": "failure"}), API),
    Code("servicenow_acl", "ServiceNow", "api_403", phrase("failed api level acl validation"),
         "the user's roles do not reach this API", "test.request.url", "ask for a table that the user may read, or give the user the role",
         Sample(403, {"error": {"message": "User Not Authorized", "detail": "Failed API level ACL Validation"}, "status": "failure"}), API),
    Code("keycloak_service_account", "Keycloak", "unauthorized_client", phrase("client not enabled to retrieve service account"),
         "the client has no service account", "auth.grant_type", "switch on Client authentication and Service accounts roles for the client, or write a grant with sign-in",
         refusal("unauthorized_client", "Client not enabled to retrieve service account", 401)),
    Code("keycloak_client", "Keycloak", "invalid_client", phrase("invalid client or invalid client credentials"),
         "client id or secret is not one of this realm", "auth.client_secret", "supply the secret of the client's Credentials page; is the realm in the token URL the client's?",
         refusal("unauthorized_client", "Invalid client or Invalid client credentials", 401)),
    Code("keycloak_direct_grant", "Keycloak", "unauthorized_client", phrase("client not allowed for direct access grants"),
         "the client may not use the password grant", "auth.grant_type", "switch on Direct access grants for the client, or write another grant",
         refusal("unauthorized_client", "Client not allowed for direct access grants")),
    Code("keycloak_password", "Keycloak", "invalid_grant", said(error="invalid_grant", error_description="Invalid user credentials"),
         "user name or password is not one of this realm", "auth.password", "supply the present password of a user of the realm in the token URL; a second factor cannot be given by this grant",
         refusal("invalid_grant", "Invalid user credentials", 401)),
    Code("keycloak_other_client", "Keycloak", "invalid_grant", phrase("token client and authorized client don't match"),
         "the refresh token is another client's", "auth.client_id", "write the client that the person signed in to, or sign in again: `authweave login`",
         refusal("invalid_grant", "Invalid refresh token. Token client and authorized client don't match")),
    Code("keycloak_account_setup", "Keycloak", "needs_person", phrase("account is not fully set up", error="invalid_grant"),
         "the user has required actions left (a new password, a profile)", "auth.username", "let the person sign in once and finish them, or clear Required user actions",
         refusal("invalid_grant", "Account is not fully set up")),
    Code("keycloak_session", "Keycloak", "invalid_grant", (r"^error_description=(Session not active|Token is not active|Stale token|Maximum allowed refresh token reuse exceeded)$", "^error=invalid_grant$"),
         "the session behind the refresh token has ended, or the token was used already", "auth.grant_type", "sign in again, and let one store serve every process; ask for `offline_access` among the scopes for a token that outlives the session",
         refusal("invalid_grant", "Session not active")),
    Code("keycloak_realm", "Keycloak", "token_404", phrase("realm does not exist"),
         "there is no such realm", "auth.token_url", "write the realm as it is spelt (letters count): `https://‹host›/realms/‹realm›/protocol/openid-connect/token`; before version 17 with `/auth` in front",
         Sample(404, {"error": "Realm does not exist"})),
    Code("cognito_secret", "Amazon Cognito", "invalid_client", phrase("invalid_client_secret", error="invalid_client"),
         "the secret is wrong, or missing for a client that has one", "auth.client_secret", "supply the app client's secret; an app client without one wants `client_auth: none`",
         refusal("invalid_client", "invalid_client_secret")),
)  # fmt: skip

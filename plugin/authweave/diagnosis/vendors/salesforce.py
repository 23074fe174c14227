"""Salesforce.

https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_flow_errors.htm
https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/errorcodes.htm
"""

from __future__ import annotations

from authweave.diagnosis.vendors.code import API, Code, Sample, phrase, refusal, said, table

_NAME = "Salesforce"

CODES = table(
    Code("salesforce_invalid_client_id", _NAME, "invalid_client", phrase("client identifier invalid"),
         "the consumer key is not known at this host", "auth.client_id", "write the Consumer Key of the app; a new app takes up to ten minutes, and a sandbox has its own host (`https://test.salesforce.com` or My Domain)",
         refusal("invalid_client_id", "client identifier invalid")),
    Code("salesforce_invalid_client_credentials", _NAME, "invalid_client", said(error_description="invalid client credentials"),
         "the consumer secret does not belong to this consumer key", "auth.client_secret", "supply the Consumer Secret that stands beside this Consumer Key, of the same org",
         refusal("invalid_client", "invalid client credentials")),
    Code("salesforce_no_run_as_user", _NAME, "invalid_grant", phrase("no client credentials user enabled"),
         "the app has no user to run as", "auth.client_id", "choose a Run As user in the app's policies (Client Credentials Flow); then this client id works as it is",
         refusal("invalid_grant", "no client credentials user enabled")),
    Code("salesforce_flow_not_enabled", _NAME, "unauthorized_client", phrase("client credentials flow not enabled"),
         "the app does not allow this flow", "auth.grant_type", "tick Enable Client Credentials Flow for the app, or write the grant that it allows",
         refusal("invalid_grant", "client credentials flow not enabled")),
    Code("salesforce_my_domain", _NAME, "invalid_grant", phrase("request not supported on this domain"),
         "this flow works at the org's own domain only", "auth.token_url", "write `https://‹your domain›.my.salesforce.com/services/oauth2/token` in place of login.salesforce.com",
         refusal("invalid_grant", "request not supported on this domain")),
    Code("salesforce_inactive_user", _NAME, "invalid_grant", phrase("inactive user"),
         "the user is deactivated", "auth.username", "let an administrator activate the user, or supply another one (the subject of the assertion, or the app's Run As user)",
         refusal("invalid_grant", "inactive user")),
    Code("salesforce_not_approved", _NAME, "needs_person", phrase("user hasn't approved this consumer"),
         "the user has not approved the app", "auth.grant_type", "set Permitted Users to `Admin approved users are pre-authorized` and assign a profile or permission set; or let the user sign in once",
         refusal("invalid_grant", "user hasn't approved this consumer")),
    Code("salesforce_invalid_app_access", _NAME, "needs_person", said(error="invalid_app_access"),
         "the user is not admitted to this app", "auth.grant_type", "let an administrator assign the user's profile or a permission set to the app",
         refusal("invalid_app_access", "user is not admin approved to access this app")),
    Code("salesforce_authentication_failure", _NAME, "invalid_grant", phrase("authentication failure", error="invalid_grant"),
         "user name, password or the security token behind it is wrong, or the address is not trusted", "auth.password", "supply the password with the security token appended (`‹password›‹token›`), or trust the address; a sandbox user is `name@org.‹sandbox›`",
         refusal("invalid_grant", "authentication failure")),
    Code("salesforce_audience", _NAME, "invalid_grant", phrase("audience validation failed"),
         "the assertion's `aud` is not the login host", "auth.assertion.claims", "write `aud: https://login.salesforce.com` (a sandbox: `https://test.salesforce.com`; Experience Cloud: its site)",
         refusal("invalid_grant", "Audience validation failed")),
    Code("salesforce_expired_token", _NAME, "invalid_grant", phrase("expired access/refresh token"),
         "the refresh token has expired or was revoked by the app's policy", "auth.grant_type", "let the person sign in again, and set the app's Refresh Token Policy to `valid until revoked`",
         refusal("invalid_grant", "expired access/refresh token")),
    Code("INVALID_SESSION_ID", _NAME, "api_401", said(errorCode="INVALID_SESSION_ID"),
         "the token is not one of this org, or its session has ended", "servers", "write the `instance_url` of the token answer, as `https://‹your domain›.my.salesforce.com`: a token is good at its own org only",
         Sample(401, [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]), API),
    Code("API_DISABLED_FOR_ORG", _NAME, "api_403", said(errorCode="API_DISABLED_FOR_ORG"),
         "the org's edition, or the user's profile, has no API", "auth.client_id", "let an administrator tick API Enabled for the profile of the app's user",
         Sample(403, [{"message": "The REST API is not enabled for this Organization.", "errorCode": "API_DISABLED_FOR_ORG"}]), API),
)  # fmt: skip

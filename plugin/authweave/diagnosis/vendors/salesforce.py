"""Salesforce.

https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_flow_errors.htm
https://developer.salesforce.com/docs/atlas.en-us.sfdx_dev.meta/sfdx_dev/sfdx_dev_troubleshoot_auth_errors.htm
https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/errorcodes.htm
What these pages do not quote is as it stands in public threads and in other vendors' guides; the row has a link where there is one.
"""

from __future__ import annotations

from authweave.diagnosis.vendors.code import API, Code, Sample, phrase, refusal, said, table

_NAME = "Salesforce"

CODES = table(
    Code("salesforce_invalid_client_id", _NAME, "invalid_client", phrase("client identifier invalid"),
         "the consumer key is not known at this host", "auth.client_id", "write the Consumer Key of the app; a new app takes up to ten minutes, and a sandbox has its own host (`https://test.salesforce.com` or My Domain)",
         refusal("invalid_client_id", "client identifier invalid")),
    Code("salesforce_invalid_client_credentials", _NAME, "invalid_client", (r"^error_description=(?-i:invalid client credentials)$", "^error=invalid_client$"),
         "the consumer secret does not belong to this consumer key", "auth.client_secret", "supply the Consumer Secret that stands beside this Consumer Key, of the same org",
         refusal("invalid_client", "invalid client credentials")),
    Code("salesforce_no_run_as_user", _NAME, "invalid_grant", phrase("no client credentials user enabled"),
         "the app has no user to run as", "auth.client_id", "choose a Run As user in the app's policies (Client Credentials Flow); then this client id works as it is",
         refusal("invalid_grant", "no client credentials user enabled")),
    Code("salesforce_flow_not_enabled", _NAME, "unauthorized_client", phrase("client credentials flow not enabled"),
         "the app does not allow this flow", "auth.grant_type", "tick Enable Client Credentials Flow for the app, or write the grant that it allows",
         refusal("invalid_grant", "client credentials flow not enabled")),
    # Since Winter '26: https://cloudwithabhi.com/2025/10/17/%f0%9f%a7%a9-client-credentials-flow-new-invalid-scope-error
    Code("salesforce_no_valid_scopes", _NAME, "invalid_scope", phrase("no valid scopes defined"),
         "none of the scopes is one that this flow gives (`full`, `refresh_token` and `offline_access` are not)", "auth.scopes", "write `api`, or leave the scopes out and select `Manage user data via APIs (api)` for the app",
         refusal("invalid_grant", "no valid scopes defined")),
    Code("salesforce_my_domain", _NAME, "invalid_grant", phrase("request not supported on this domain"),
         "this flow works at the org's own domain only", "auth.token_url", "write `https://‹your domain›.my.salesforce.com/services/oauth2/token` in place of login.salesforce.com or test.salesforce.com",
         refusal("invalid_grant", "request not supported on this domain")),
    Code("salesforce_inactive_user", _NAME, "invalid_grant", said(error="invalid_grant", error_description="inactive user"),
         "the user is deactivated", "auth.username", "let an administrator activate the user, or supply another one (the subject of the assertion, or the app's Run As user)",
         refusal("invalid_grant", "inactive user")),
    Code("salesforce_not_approved", _NAME, "needs_person", phrase("user hasn't approved this consumer"),
         "the user has not approved the app", "auth.grant_type", "set Permitted Users to `Admin approved users are pre-authorized` and assign a profile or permission set; or let the user sign in once",
         refusal("invalid_grant", "user hasn't approved this consumer")),
    # https://help.cloudingo.com/docs/user-is-not-admin-approved; at the sign-in with the word OAUTH_APP_ACCESS_DENIED
    Code("salesforce_invalid_app_access", _NAME, "needs_person", phrase("user is not admin approved to access this app"),
         "the user is not admitted to this app", "auth.grant_type", "let an administrator assign the user's profile or a permission set to the app",
         refusal("invalid_app_access", "user is not admin approved to access this app")),
    # https://www.nango.dev/blog/fix-salesforce-oauth-approval-error-generic
    Code("salesforce_app_not_installed", _NAME, "needs_person", (r"app must be installed into org|external client app is not installed in this org",),
         "the app is not installed in this org", "auth.client_id", "let an administrator install it (Connected Apps OAuth Usage, or the package of the External Client App), or supply an app of this org",
         refusal("app_not_found", "External client app is not installed in this org")),
    # https://github.com/jsforce/jsforce/issues/1785
    Code("salesforce_authentication_failure", _NAME, "invalid_grant", said(error="invalid_grant", error_description="authentication failure"),
         "user name, password or the security token behind it is wrong, the address is not trusted, or the flow is switched off in this org", "auth.password",
         "supply the password with the security token appended (`‹password›‹token›`), or trust the address; newer orgs block the flow until it is allowed (OAuth and OpenID Connect Settings); a sandbox user is `name@org.‹sandbox›`",
         refusal("invalid_grant", "authentication failure")),
    Code("salesforce_ip_restricted", _NAME, "invalid_grant", said(error="invalid_grant", error_description="ip restricted"),
         "the user's profile or the app does not admit this address", "auth.client_id", "let an administrator relax the app's IP Relaxation policy or add the address; then this client id works as it is",
         refusal("invalid_grant", "ip restricted")),
    Code("salesforce_audience", _NAME, "invalid_grant", said(error="invalid_grant", error_description="Audience validation failed"),
         "the assertion's `aud` is not the login host", "auth.assertion.claims", "write `aud: https://login.salesforce.com` (a sandbox: `https://test.salesforce.com`; Experience Cloud: its site)",
         refusal("invalid_grant", "Audience validation failed")),
    Code("salesforce_redirect_uri", _NAME, "invalid_request", phrase("redirect_uri must match configuration"),
         "the redirect URI is not a callback URL of the app", "auth.redirect_uri", "write a Callback URL of the app, letter for letter; a new one takes up to ten minutes",
         refusal("redirect_uri_mismatch", "redirect_uri must match configuration")),
    Code("salesforce_expired_code", _NAME, "invalid_grant", said(error="invalid_grant", error_description="expired authorization code"),
         "the code is used or has expired", "auth.grant_type", "sign in again: `authweave login`",
         refusal("invalid_grant", "expired authorization code")),
    # https://help.merge.dev/en/articles/9077062-debugging-salesforce-accounts-with-invalid_grant-errors
    Code("salesforce_expired_token", _NAME, "invalid_grant", phrase("expired access/refresh token"),
         "the refresh token has expired or was revoked: by the app's policy, or by a fifth newer sign-in of the same user", "auth.grant_type", "let the person sign in again, and set the app's Refresh Token Policy to `valid until revoked`",
         refusal("invalid_grant", "expired access/refresh token")),
    # https://nango.dev/blog/fix-salesforce-invalid-session-id-error
    Code("INVALID_SESSION_ID", _NAME, "api_401", said(errorCode="INVALID_SESSION_ID"),
         "the token is not one of this org or not for this API, or its session has ended", "servers", "write the `instance_url` of the token answer, as `https://‹your domain›.my.salesforce.com`: a token is good at its own org only, and for REST with the scope `api`",
         Sample(401, [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]), API),
    Code("API_DISABLED_FOR_ORG", _NAME, "api_403", said(errorCode="API_DISABLED_FOR_ORG"),
         "the org's edition, or the user's profile, has no API", "auth.client_id", "let an administrator tick API Enabled for the profile of the app's user",
         Sample(403, [{"message": "The REST API is not enabled for this Organization.", "errorCode": "API_DISABLED_FOR_ORG"}]), API),
)  # fmt: skip

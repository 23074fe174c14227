"""Auth0, and Atlassian's sign-in, which answers in the same words.

https://auth0.com/docs/api/authentication (token endpoint), https://auth0.com/docs/clients/client-grant-types
Threads at github.com/auth0: node-auth0#428, node-auth0#682, ruby-auth0#190, ruby-auth0#610
"""

from __future__ import annotations

from authweave.diagnosis.vendors.code import Code, phrase, refusal, said, table

_NAME = "Auth0"

CODES = table(
    Code("auth0_service_not_found", _NAME, "invalid_target", (r"^error_description=Service not found: ",),
         "there is no API with this identifier", "auth.audience", "write the API's Identifier (Applications, APIs) letter for letter; a slash at its end counts",
         refusal("access_denied", "Service not found: https://api.example.com", 403)),
    Code("auth0_not_enabled", _NAME, "invalid_target", phrase("service not enabled within domain"),
         "the API is not one of this tenant", "auth.audience", "write the Identifier of an API of the tenant in the token URL, letter for letter; a slash at its end counts",
         refusal("access_denied", "Service not enabled within domain: https://api.example.com", 403)),
    Code("auth0_grant", _NAME, "unauthorized_client", (r"Grant type [`']?[^`' ]+[`']? not allowed for the client",),
         "the application does not allow this grant", "auth.grant_type", "tick the grant under the application's Advanced Settings, Grant Types, or write one that is ticked",
         refusal("unauthorized_client", "Grant type 'client_credentials' not allowed for the client.", 403, error_uri="https://auth0.com/docs/clients/client-grant-types")),
    Code("auth0_not_authorized", _NAME, "unauthorized_client", (r"^error_description=Client (\"[^\"]*\" )?is not authorized to access ",),
         "the application is not authorized for this API", "auth.audience", "authorize the application for the API (APIs, Machine to Machine Applications), or write the audience of one that it may use",
         refusal("access_denied", "Client \"x\" is not authorized to access resource server \"https://api.example.com\". You need to create a \"client-grant\" associated to this API.", 403)),
    Code("auth0_no_audience", _NAME, "invalid_target", phrase("no audience parameter was provided"),
         "the request names no audience, and the tenant has no default one", "auth.audience", "write `audience`: the API's Identifier",
         refusal("access_denied", "No audience parameter was provided, and no default audience has been configured", 403)),
    # https://mrrefactoring.github.io/jira.js/api/functions/index.isReauthorizationRequired.html: a wrong secret answers access_denied
    Code("auth0_unauthorized", _NAME, "invalid_client", said(error="access_denied", error_description="Unauthorized"),
         "the client is not accepted, without saying why", "auth.client_secret", "supply id and secret of one application of this tenant; write `client_auth` as its Token Endpoint Authentication Method says",
         refusal("access_denied", "Unauthorized", 401)),
    # https://support.auth0.com/center/s/article/troubleshoot-refresh-token-unknown-or-invalid-before-expiry-403-unknown-or-invalid-refresh-token
    # https://developer.atlassian.com/cloud/oauth/getting-started/refresh-tokens/, https://nango.dev/blog/jira-oauth-refresh-token-invalid-grant
    Code("auth0_refresh", "Auth0 (or Atlassian)", "invalid_grant", phrase("unknown or invalid refresh token"),
         "the refresh token has expired, was revoked, or was used already (where they rotate, each is good once; at Atlassian they also end after 90 days unused)", "auth.grant_type",
         "sign in again, and let one store serve every process: a second one that refreshed has the only living token",
         refusal("invalid_grant", "Unknown or invalid refresh token.", 403)),
)  # fmt: skip

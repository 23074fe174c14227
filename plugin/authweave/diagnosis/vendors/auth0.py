"""Auth0.

https://auth0.com/docs/api/authentication (token endpoint) and https://github.com/auth0/docs/pull/6077 (Service not found)
"""

from __future__ import annotations

from authweave.diagnosis.vendors.code import Code, phrase, refusal, table

_NAME = "Auth0"

CODES = table(
    Code("auth0_service_not_found", _NAME, "invalid_target", phrase("service not found"),
         "there is no API with this identifier", "auth.audience", "write the API's Identifier (Applications, APIs) letter for letter; a slash at its end counts",
         refusal("access_denied", "Service not found: https://api.example.com", 403)),
    Code("auth0_not_enabled", _NAME, "invalid_target", phrase("service not enabled within domain"),
         "the API is not one of this tenant", "auth.audience", "write the Identifier of an API of the tenant in the token URL",
         refusal("access_denied", "Service not enabled within domain: https://api.example.com", 403)),
    Code("auth0_grant", _NAME, "unauthorized_client", (r"Grant type '[^']*' not allowed for the client",),
         "the application does not allow this grant", "auth.grant_type", "tick the grant under the application's Advanced Settings, Grant Types, or write one that is ticked",
         refusal("unauthorized_client", "Grant type 'client_credentials' not allowed for the client.", 403)),
    Code("auth0_not_authorized", _NAME, "unauthorized_client", phrase("client is not authorized to access"),
         "the application is not authorized for this API", "auth.audience", "authorize the application for the API (APIs, Machine to Machine Applications), or write the audience of one that it may use",
         refusal("access_denied", "Client is not authorized to access \"https://api.example.com\". You need to create a \"client-grant\" associated to this API.", 403)),
    Code("auth0_no_audience", _NAME, "invalid_target", phrase("no audience parameter was provided"),
         "the request names no audience, and the tenant has no default one", "auth.audience", "write `audience`: the API's Identifier",
         refusal("access_denied", "No audience parameter was provided, and no default audience has been configured", 403)),
)  # fmt: skip

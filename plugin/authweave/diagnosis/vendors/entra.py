"""Microsoft Entra ID and Microsoft Graph.

AADSTS codes: https://learn.microsoft.com/entra/identity-platform/reference-error-codes
Graph: https://learn.microsoft.com/graph/resolve-auth-errors and https://learn.microsoft.com/graph/errors
"""

from __future__ import annotations

from authweave.diagnosis.vendors.code import API, Code, Sample, phrase, refusal, said, table

_NEEDS_PERSON = "needs_person"


def _code(number: str, row: str, error: str, words: str, means: str, key: str, say: str, *, status: int = 400) -> Code:
    sample = refusal(error, f"AADSTS{number}: {words}", status, error_codes=[int(number)])
    return Code(f"AADSTS{number}", "Entra", row, (rf"\bAADSTS{number}\b",), means, key, say, sample)


CODES = table(
    _code("700016", "invalid_client", "unauthorized_client", "Application with identifier 'x' was not found in the directory 'y'.",
          "this client id is not known in this tenant", "auth.client_id", "write the Application (client) ID, not the object ID, of an app that is registered or consented to in the tenant of the token URL"),
    _code("7000215", "invalid_client", "invalid_client", "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID.",
          "the secret is wrong", "auth.client_secret", "supply the secret's Value, not its Secret ID (a GUID); the Value is shown once, when it is made", status=401),
    _code("7000218", "invalid_client", "invalid_client", "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
          "neither a secret nor an assertion arrived", "auth.client_auth", "write `client_secret_post` (or `client_secret_basic`, `private_key_jwt`); `none` is for public clients only", status=401),
    _code("7000222", "invalid_client", "invalid_client", "The provided client secret keys for app 'x' are expired.",
          "the secret has expired", "auth.client_secret", "make a new secret under Certificates & secrets, and supply its Value", status=401),
    _code("7000229", "unauthorized_client", "unauthorized_client", "The client application x is missing service principal in the tenant y.",
          "the app is registered, but has no service principal in this tenant", "auth.token_url", "write the tenant where the app is installed, or let an administrator consent there, which makes the service principal"),
    _code("700027", "invalid_client", "invalid_client", "Client assertion failed signature validation.",
          "the assertion's signature does not fit a certificate of this app", "auth.client_assertion.signing_key", "supply the private key of the certificate that is uploaded for the app, and its thumbprint as `x5t#S256` (or `x5t`) in `client_assertion.header`", status=401),
    _code("700025", "invalid_client", "invalid_client", "Client is public so neither 'client_assertion' nor 'client_secret' should be presented.",
          "the app is registered as a public client", "auth.client_auth", "write `none`, or register a web platform for the app", status=401),
    _code("90002", "invalid_request", "invalid_request", "Tenant 'x' not found. Check to make sure you have the correct tenant ID.",
          "the tenant in the URL does not exist in this cloud", "auth.token_url", "write the Directory (tenant) ID or a verified domain in `https://login.microsoftonline.com/‹tenant›/oauth2/v2.0/token`"),
    _code("90014", "invalid_request", "invalid_request", "The required field 'scope' is missing from the credential.",
          "a parameter is missing; the words name it", "auth.token_request.fields", "add the field that the words name; for `scope` write `auth.scopes`"),
    _code("900144", "invalid_request", "invalid_request", "The request body must contain the following parameter: 'client_id'.",
          "a parameter is missing in the body; the words name it", "auth.client_auth", "write `client_secret_post`, if it is client_id or client_secret: they then stand in the body; add any other under `auth.token_request.fields`"),
    _code("9002313", "invalid_request", "invalid_request", "Invalid request. Request is malformed or invalid.",
          "the request could not be read", "auth.token_request.encoding", "write `form`: the v2.0 endpoint reads no JSON; and look for a parameter that is there twice"),
    _code("900561", "token_405", "invalid_request", "The endpoint only accepts POST, OPTIONS requests. Received a GET request.",
          "the method is not the one that the endpoint takes", "auth.token_request.method", "write `POST`, and end the token URL with `/oauth2/v2.0/token`, not `/authorize`"),
    _code("70011", "invalid_scope", "invalid_scope", "The provided value for the input parameter 'scope' is not valid.",
          "the scope is not one that this resource has", "auth.scopes", "write the resource's URI and a permission, as `https://graph.microsoft.com/User.Read`; for client credentials `https://graph.microsoft.com/.default`"),
    _code("1002012", "invalid_scope", "invalid_scope", "The provided value for scope x is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).",
          "client credentials want the resource with `/.default`", "auth.scopes", "write exactly one scope, `‹resource›/.default`, for example `https://graph.microsoft.com/.default`; permissions are given to the app, not asked for"),
    _code("650053", "invalid_scope", "invalid_scope", "The application 'x' asked for scope 'y' that doesn't exist on the resource 'z'.",
          "the resource has no such scope", "auth.scopes", "write the scope with its resource in front (`api://‹id›/‹scope›`); without one it is taken for Microsoft Graph's"),
    _code("500011", "invalid_target", "invalid_resource", "The resource principal named x was not found in the tenant named y.",
          "the resource is not known in this tenant", "auth.scopes", "write the Application ID URI of the API, as it is registered in this tenant, before `/.default`; a slash at its end counts"),
    _code("65001", _NEEDS_PERSON, "invalid_grant", "The user or administrator has not consented to use the application with ID 'x'.",
          "nobody has consented to this app yet", "auth.scopes", "let an administrator grant consent for these permissions, or ask only for those that are granted"),
    _code("90094", _NEEDS_PERSON, "invalid_grant", "The grant requires administrator permission.",
          "an administrator has to consent", "auth.scopes", "let an administrator grant consent for these permissions, or ask only for those that are granted"),
    _code("50076", _NEEDS_PERSON, "invalid_grant", "Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access 'x'.",
          "the account needs a second factor", "auth.grant_type", "write `authorization_code` or `device_code`, so that the person signs in; or `client_credentials`, if no person is needed"),
    _code("50079", _NEEDS_PERSON, "invalid_grant", "Due to a configuration change made by your administrator, you must enroll in multi-factor authentication to access 'x'.",
          "the account has to enrol for a second factor first", "auth.grant_type", "let the person sign in once and enrol; for a program write `client_credentials`"),
    _code("53003", _NEEDS_PERSON, "invalid_grant", "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.",
          "a Conditional Access policy does not allow it", "auth.grant_type", "ask the administrator to let this app (a workload identity) or this address through; for a person write a grant with sign-in"),
    _code("50034", "invalid_grant", "invalid_grant", "The user account x does not exist in the y directory.",
          "the user is not known in this tenant", "auth.username", "write the full user principal name (`ada@‹tenant›.onmicrosoft.com`), of the tenant in the token URL"),
    _code("50126", "invalid_grant", "invalid_grant", "Error validating credentials due to invalid username or password.",
          "user name or password is wrong", "auth.password", "supply the present password; federated accounts and those with a second factor cannot use this grant at all"),
    _code("50053", "invalid_grant", "invalid_grant", "The account is locked, you've tried to sign in too many times with an incorrect user ID or password.",
          "the account is locked, or the address is blocked", "auth.password", "stop trying, wait, and supply the present password"),
    _code("50173", "invalid_grant", "invalid_grant", "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password.",
          "the refresh token was revoked, as by a change of the password", "auth.grant_type", "let the person sign in again: `authweave login`"),
    _code("70008", "invalid_grant", "invalid_grant", "The provided authorization code or refresh token has expired due to inactivity.",
          "code or refresh token was not used for too long", "auth.grant_type", "let the person sign in again: `authweave login`; use the token at least every 90 days"),
    _code("700082", "invalid_grant", "invalid_grant", "The refresh token has expired due to inactivity. The token was issued on x and was inactive for 90.00:00:00.",
          "the refresh token was not used for too long", "auth.grant_type", "let the person sign in again: `authweave login`; use the token at least every 90 days"),
    _code("50011", "invalid_request", "invalid_request", "The redirect URI 'x' specified in the request does not match the redirect URIs configured for the application 'y'.",
          "the redirect URI is not registered for this app", "auth.redirect_uri", "register it under Authentication, letter for letter: scheme, port, path and the slash at its end count"),
    Code("InvalidAuthenticationToken", "Microsoft Graph", "api_401", said(code="InvalidAuthenticationToken"),
         "the token is not one for Microsoft Graph, or has expired", "auth.scopes", "write `https://graph.microsoft.com/.default`: the token's `aud` must be Microsoft Graph",
         Sample(401, {"error": {"code": "InvalidAuthenticationToken", "message": "Access token validation failure. Invalid audience."}}), API),
    Code("Authorization_RequestDenied", "Microsoft Graph", "api_403", said(code="Authorization_RequestDenied"),
         "the app lacks a permission for this call", "test.request.url", "ask for something that the app's permissions cover, or have the permission added (application permissions for client credentials) and consented to",
         Sample(403, {"error": {"code": "Authorization_RequestDenied", "message": "Insufficient privileges to complete the operation."}}), API),
    Code("InvalidAuthenticationTokenTenant", "Azure Resource Manager", "api_401", said(code="InvalidAuthenticationTokenTenant"),
         "the token is of another tenant than the subscription", "auth.token_url", "write the tenant of the subscription in the token URL",
         Sample(401, {"error": {"code": "InvalidAuthenticationTokenTenant", "message": "The access token is from the wrong issuer. It must match the tenant associated with this subscription."}}), API),
    Code("Graph_Forbidden_NotLicensed", "Microsoft Graph", "api_403", phrase("Tenant does not have a SPO license"),
         "the tenant has no licence for this service", "test.request.url", "ask for something that the tenant is licensed for",
         Sample(403, {"error": {"code": "Forbidden", "message": "Tenant does not have a SPO license."}}), API),
)  # fmt: skip

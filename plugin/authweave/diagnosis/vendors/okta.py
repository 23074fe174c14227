"""Okta.

https://developer.okta.com/docs/reference/error-codes/
https://developer.okta.com/docs/guides/implement-grant-type/clientcreds/main/
Policies: https://github.com/zeekhoo-okta/okta-django-samples/issues/15 and https://github.com/oktadev/okta-wordpress-sign-in-widget/issues/35
"""

from __future__ import annotations

from authweave.diagnosis.vendors.code import API, Code, Sample, phrase, refusal, said, table

_NAME = "Okta"


def _summary(code: str, row: str, status: int, summary: str, means: str, key: str, say: str) -> Code:
    words = {"errorCode": code, "errorSummary": summary, "errorLink": code, "errorId": "oaeSandbox", "errorCauses": []}
    return Code(code, _NAME, row, said(errorCode=code), means, key, say, Sample(status, words), API)


CODES = table(
    Code("okta_secret", _NAME, "invalid_client", phrase("client secret supplied for a confidential client is invalid"),
         "the secret is not that of this client id", "auth.client_secret", "supply the present secret of the app of this Okta domain",
         refusal("invalid_client", "The client secret supplied for a confidential client is invalid.", 401)),
    Code("okta_client_id", _NAME, "invalid_client", phrase("invalid value for 'client_id' parameter"),
         "there is no such client at this Okta domain", "auth.client_id", "write the client id of an app of the domain in the token URL",
         Sample(400, {"errorCode": "invalid_client", "errorSummary": "Invalid value for 'client_id' parameter.", "errorLink": "invalid_client", "errorId": "oaeSandbox", "errorCauses": []})),
    Code("okta_policy", _NAME, "invalid_scope", phrase("policy evaluation failed"),
         "no access policy of the authorization server lets this client have these scopes by this grant", "auth.scopes", "add a rule for this client, grant and scope to an access policy of the authorization server, or ask for what one allows",
         refusal("access_denied", "Policy evaluation failed for this request, please check the policy configurations.", 401)),
    Code("okta_custom_scopes", _NAME, "invalid_scope", phrase("one or more scopes are not configured for the authorization server resource"),
         "the scope is not one of this authorization server", "auth.token_url", "write the custom authorization server's URL (`https://‹domain›/oauth2/default/v1/token`): the org's own knows Okta's scopes only",
         refusal("invalid_scope", "One or more scopes are not configured for the authorization server resource.")),
    Code("okta_key_only", _NAME, "invalid_client", phrase("must use the private_key_jwt"),
         "Okta's own API wants a signed assertion", "auth.client_auth", "write `private_key_jwt`, with the key that is registered for the app",
         refusal("invalid_client", "Client Credentials requests to the Org Authorization Server must use the private_key_jwt token_endpoint_auth_method.", 401)),
    Code("okta_dpop", _NAME, "invalid_dpop_proof", phrase("the dpop proof jwt header is missing"),
         "the app wants tokens that are bound to a key, as new API service apps do", "auth.dpop", "write `true`; or switch Require Demonstrating Proof of Possession off for the app",
         refusal("invalid_dpop_proof", "The DPoP proof JWT header is missing.")),
    _summary("E0000011", "api_401", 401, "Invalid token provided", "the token is not one that this API takes", "auth.fields",
             "write `Authorization: SSWS {{ … }}` for an API token, `Bearer {{ … }}` for an OAuth token of the org's authorization server (`/oauth2/v1/token`)"),
    _summary("E0000004", "api_401", 401, "Authentication failed", "user name, password or token is wrong", "auth.fields", "supply the present credential, and place it as the API documents"),
    _summary("E0000006", "api_403", 403, "You do not have permission to perform the requested action", "the app's admin role or scopes do not cover this call", "auth.scopes",
             "grant the app the `okta.…` scope of this call and an admin role, and ask for the scope"),
)  # fmt: skip

"""Box, Cloud Foundry (SAP BTP), Dropbox, DocuSign, Intercom, NetSuite, PayPal, QuickBooks, Shopify, Stripe, Twilio, Xero, Zendesk: a few words each.

Box: https://support.box.com/hc/en-us/articles/360044193033, https://support.box.com/hc/en-us/community/posts/360049133654
 and https://support.box.com/hc/en-us/community/posts/4410731918355
Cloud Foundry: https://github.com/SAP-docs/btp-cloud-platform, token-retrieval-fails-with-status-code-401-fd5865e.md (the words: https://github.com/sap-tutorials/Tutorials/issues/5061, https://github.com/SAP/cloud-sdk-java/issues/703)
Dropbox: https://github.com/dropbox/dropbox-api-spec, auth.stone (AuthError)
DocuSign: https://github.com/docusign/docusign-esign-php-client/issues/187 and https://github.com/docusign/docusign-esign-python-client/issues/57
Intercom: https://developers.intercom.com/docs/references/rest-api/errors/error-codes/
NetSuite: https://docs.oracle.com/en/cloud/saas/netsuite/ns-online-help/section_1534941538.html (the answer: https://github.com/jacobsvante/netsuite/issues/27)
PayPal: https://developer.paypal.com/docs/api/overview/#error
QuickBooks: https://github.com/routablehq/python-quickbooks/issues/118, https://github.com/intuit/QuickBooks-V3-Java-SDK/issues/159 and https://github.com/intuit/oauth-jsclient/issues/2
Shopify: https://github.com/Shopify/shopify_app/issues/1587, https://github.com/frappe/ecommerce_integrations/issues/414
Stripe: https://stripe.com/docs/api#authentication
Twilio: https://www.twilio.com/docs/api/errors/20003
Xero: https://github.com/NangoHQ/nango/issues/203, https://github.com/dcblogdev/laravel-xero/issues/40 and https://github.com/foxbytehq/laravel-xero-oauth2/issues/99
Zendesk: https://developer.zendesk.com/api-reference/introduction/security-and-auth/#api-token and https://support.zendesk.com/hc/ja/community/posts/9173361687706
"""

from __future__ import annotations

from authweave.diagnosis.vendors.code import API, Code, Sample, phrase, refusal, said, table


def _dropbox(word: str, row: str, means: str, key: str, say: str, **more: str) -> Code:
    sample = Sample(401, {"error_summary": f"{word}/..", "error": {".tag": word, **more}})
    return Code(f"dropbox_{word}", "Dropbox", row, (rf"^error_summary={word}/",), means, key, say, sample, API)


CODES = table(
    Code("box_grant", "Box", "unauthorized_client", phrase("the grant type is unauthorized for this client_id"),
         "the app is set up for another way to authenticate", "auth.grant_type", "write the grant that the app's Configuration tab names (OAuth 2.0, JWT or Client Credentials), or change it there",
         refusal("unauthorized_client", "The grant type is unauthorized for this client_id")),
    Code("box_not_authorized", "Box", "unauthorized_client", phrase("this app is not authorized by the enterprise"),
         "the enterprise has not authorized the app", "auth.client_id", "let an administrator authorize this client id (Admin Console, Apps), and again after each change of its scopes or access",
         refusal("unauthorized_client", "This app is not authorized by the enterprise admin")),
    Code("box_subject", "Box", "invalid_grant", said(error="invalid_grant", error_description="Grant credentials are invalid"),
         "the subject is not one that this app may act for, or the app is not authorized (again)", "auth.token_request.fields",
         "write `box_subject_type` (`enterprise` or `user`) and the id of that very kind in `box_subject_id`; a user wants App + Enterprise access; let an administrator authorize the app after each change",
         refusal("invalid_grant", "Grant credentials are invalid")),
    Code("box_refresh", "Box", "invalid_grant", said(error="invalid_grant", error_description="Refresh token has expired"),
         "the refresh token was used already, or lay unused for 60 days", "auth.grant_type", "sign in again: `authweave login`; each refresh token is good once, so let one store serve every process",
         refusal("invalid_grant", "Refresh token has expired")),
    Code("uaa_credentials", "Cloud Foundry UAA (SAP BTP), or another server on Spring", "invalid_client", (r"^error=(unauthorized|invalid_client)$", *said(error_description="Bad credentials")),
         "client id, secret, user name or password is not accepted; it does not say which", "auth.client_secret",
         "supply id and secret of one client (SAP BTP: `clientid` and `clientsecret` of one service key, and its `url` with `/oauth/token` as token URL); a secret with a `+` travels best in the body (`client_auth: client_secret_post`)",
         refusal("unauthorized", "Bad credentials", 401)),
    _dropbox("expired_access_token", "api_401", "the token has expired", "auth.refresh_url", "let the token be refreshed: tokens live for hours, and a refresh token comes with `token_access_type: offline` at the sign-in"),
    _dropbox("invalid_access_token", "api_401", "the token is not valid", "auth.fields", "place it as `Authorization: Bearer {{ … }}`, of this very app; sign in again if it was revoked"),
    _dropbox("missing_scope", "api_403", "the token lacks a scope; `required_scope` of the answer names it", "auth.scopes", "tick the scope under the app's Permissions, add it here, and sign in again", required_scope="files.content.read"),
    Code("docusign_issuer", "DocuSign", "invalid_grant", phrase("issuer_not_found"),
         "there is no app with this integration key in this environment", "auth.assertion.claims", "write the Integration Key as `iss`; the demo environment has its own host (`account-d.docusign.com`), as `aud` and in the token URL",
         refusal("invalid_grant", "issuer_not_found")),
    Code("docusign_signature", "DocuSign", "invalid_grant", phrase("no_valid_keys_or_signatures"),
         "no key of the app fits the signature", "auth.assertion.signing_key", "supply the whole RSA private key of a pair that the app lists (Apps and Keys)",
         refusal("invalid_grant", "no_valid_keys_or_signatures")),
    Code("intercom_unauthorized", "Intercom", "api_401", said(type="error.list", code="unauthorized"),
         "the token is not valid", "auth.fields", "place the app's access token as `Authorization: Bearer {{ … }}`",
         Sample(401, {"type": "error.list", "request_id": "sandbox", "errors": [{"code": "unauthorized", "message": "Access Token Invalid"}]}), API),
    Code("netsuite_login", "NetSuite", "api_401", phrase("see the login audit trail in the netsuite ui"),
         "the login was refused; its Login Audit Trail says why", "auth.realm",
         "look there (Setup, Users/Roles, View Login Audit Trail); write the account id as it stands there (a sandbox: `1234567_SB1`), with consumer and token keys of that very account",
         Sample(401, {"type": "https://www.w3.org/Protocols/rfc2616/rfc2616-sec10.html#sec10.4.2", "title": "Unauthorized", "status": 401, "o:errorDetails": [
             {"detail": "Invalid login attempt. For more details, see the Login Audit Trail in the NetSuite UI at Setup > Users/Roles > User Management > View Login Audit Trail.", "o:errorCode": "INVALID_LOGIN"}]}), API),
    Code("paypal_credentials", "PayPal", "api_401", (r"^message=Authentication failed due to invalid authentication credentials or a missing Authorization header",),
         "no valid token arrived", "servers", "write the API of the token's environment (`api-m.sandbox.paypal.com` or `api-m.paypal.com`), and place the token as `Authorization: Bearer {{ … }}`",
         Sample(401, {"name": "AUTHENTICATION_FAILURE", "message": "Authentication failed due to invalid authentication credentials or a missing Authorization header.", "links": []}), API),
    Code("quickbooks_refresh", "QuickBooks", "invalid_grant", phrase("incorrect or invalid refresh token"),
         "the refresh token is used, expired or revoked", "auth.grant_type", "sign in again: `authweave login`; each answer brings the refresh token that is good from then on, so let one store serve every process",
         refusal("invalid_grant", "Incorrect or invalid refresh token")),
    Code("quickbooks_3200", "QuickBooks", "api_401", (r"errorCode=003200\b",),
         "the token has expired or is not valid (3200)", "auth.token_response.expires_in", "let the lifetime (an hour) be read of the answer, so that the token is renewed in time",
         Sample(401, {"fault": {"error": [{"message": "message=AuthenticationFailed; errorCode=003200; statusCode=401", "detail": "Token expired", "code": "3200"}], "type": "AUTHENTICATION"}}), API),
    Code("quickbooks_3100", "QuickBooks", "api_403", (r"errorCode=003100\b",),
         "the token is not for this company or environment (3100)", "servers", "write the API of the keys' environment (`sandbox-quickbooks.api.intuit.com` or `quickbooks.api.intuit.com`), and the company id that came with the sign-in",
         Sample(403, {"fault": {"error": [{"message": "message=AuthorizationFailed; errorCode=003100; statusCode=403", "detail": None, "code": "3100"}], "type": "SERVICE"}}), API),
    Code("shopify_token", "Shopify", "api_401", phrase("[API] Invalid API key or access token"),
         "the token is not one of this shop", "auth.fields", "place the shop's Admin API access token as `X-Shopify-Access-Token`; client id and secret are no credential here, they get one",
         Sample(401, {"errors": "[API] Invalid API key or access token (unrecognized login or wrong password)"}), API),
    Code("shopify_scope", "Shopify", "api_403", (r"This action requires merchant approval for .+ scope",),
         "the token lacks an access scope; the words name it", "auth.scopes", "add the scope that the words name to the app, and let the merchant approve it",
         Sample(403, {"errors": "[API] This action requires merchant approval for read_orders scope."}), API),
    Code("stripe_key", "Stripe", "api_401", (r"^message=Invalid API Key provided: ",),
         "the API key is not known: rolled, of another account, or cut", "auth.fields", "supply a secret key (`sk_…` or `rk_…`) that the Dashboard lists, placed as `Authorization: Bearer {{ … }}`",
         Sample(401, {"error": {"type": "invalid_request_error", "message": "Invalid API Key provided: sk_test_********1234"}}), API),
    Code("stripe_no_key", "Stripe", "api_401", (r"^message=You did not provide an API key\.",),
         "no API key arrived", "auth.fields", "place it as `Authorization: Bearer {{ … }}`, or as the user name of Basic with an empty password",
         Sample(401, {"error": {"type": "invalid_request_error", "message": "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."}}), API),
    Code("twilio_20003", "Twilio", "api_401", (r"^code=20003$", r"^message=Authenticat"),
         "Account SID, API key, secret or token is not accepted (20003)", "auth.username",
         "write the Account SID with its Auth Token, or the API key's SID (`SK…`) with its secret, of this very account and region; test credentials do not reach a live account",
         Sample(401, {"code": 20003, "message": "Authenticate", "more_info": "https://www.twilio.com/docs/errors/20003", "status": 401}), API),
    Code("xero_tenant", "Xero", "api_403", said(Detail="AuthenticationUnsuccessful"),
         "the token is not for this organisation, or no organisation is named", "fields", "add the header `Xero-Tenant-Id` with a `tenantId` of https://api.xero.com/connections for this very token",
         Sample(403, {"Type": None, "Title": "Forbidden", "Status": 403, "Detail": "AuthenticationUnsuccessful", "Instance": "sandbox", "Extensions": {}}), API),
    Code("xero_scope", "Xero", "api_403", said(Detail="AuthorizationUnsuccessful"),
         "the token lacks a scope of this call, although the status says 401", "auth.scopes", "add the scope that the call's reference lists (as `accounting.transactions`), and sign in again",
         Sample(401, {"Type": None, "Title": "Unauthorized", "Status": 401, "Detail": "AuthorizationUnsuccessful", "Instance": "sandbox", "Extensions": {}}), API),
    Code("zendesk_credentials", "Zendesk", "api_401", said(error="Couldn't authenticate you"),
         "user name, password or token is not accepted", "auth.username", "write `‹e-mail address›/token` as user name where the password is an API token; an OAuth token goes into `Authorization: Bearer {{ … }}`",
         Sample(401, {"error": "Couldn't authenticate you"}), API),
)  # fmt: skip

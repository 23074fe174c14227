"""GitHub.

https://docs.github.com/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-oauth-app-access-token-request-errors
https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api
https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/refreshing-user-access-tokens (six months; `bad_refresh_token` as clients have seen it)
"""

from __future__ import annotations

from authweave.diagnosis.vendors.code import API, Code, Sample, phrase, refusal, said, table

_NAME = "GitHub"
_SSO = ("X-GitHub-SSO", "required; url=https://github.com/orgs/acme/sso?authorization_request=sandbox")

CODES = table(
    Code("bad_verification_code", _NAME, "invalid_grant", said(error="bad_verification_code"),
         "the code is not right, used or too old", "auth.grant_type", "sign in again: `authweave login`",
         refusal("bad_verification_code", "The code passed is incorrect or expired.", 200)),
    Code("bad_refresh_token", _NAME, "invalid_grant", said(error="bad_refresh_token"),
         "the refresh token is used, revoked or older than six months", "auth.grant_type", "sign in again: `authweave login`",
         refusal("bad_refresh_token", "The refresh token passed is incorrect or expired.", 200)),
    Code("incorrect_client_credentials", _NAME, "invalid_client", said(error="incorrect_client_credentials"),
         "client id or secret is wrong", "auth.client_secret", "supply a secret that is listed for this client id, of the same kind of app (OAuth App or GitHub App)",
         refusal("incorrect_client_credentials", "The client_id and/or client_secret passed are incorrect.", 200)),
    Code("redirect_uri_mismatch", _NAME, "invalid_request", phrase("the redirect_uri must match the registered callback url", error="redirect_uri_mismatch"),
         "the redirect URI is not the registered one", "auth.redirect_uri", "write the registered callback URL, letter for letter, or leave it out for the registered one",
         refusal("redirect_uri_mismatch", "The redirect_uri MUST match the registered callback URL for this application.", 200)),
    Code("unverified_user_email", _NAME, "needs_person", said(error="unverified_user_email"),
         "the person has not verified the primary e-mail address", "auth.grant_type", "let the person verify it at GitHub, then sign in again",
         refusal("unverified_user_email", "The user must have a verified primary email.", 200)),
    Code("github_integration", _NAME, "api_403", phrase("resource not accessible by integration"),
         "the GitHub App lacks a permission for this call", "test.request.url", "ask for something that its permissions cover; `X-Accepted-GitHub-Permissions` of the answer lists what this call needs",
         Sample(403, {"message": "Resource not accessible by integration", "status": "403"}, (("X-Accepted-GitHub-Permissions", "issues=read"),)), API),
    Code("github_personal_token", _NAME, "api_403", phrase("resource not accessible by personal access token"),
         "the fine-grained token lacks a permission or the repository", "test.request.url", "give the token the permission and the repository, or ask for something that it covers",
         Sample(403, {"message": "Resource not accessible by personal access token", "status": "403"}), API),
    Code("github_sso", _NAME, "api_403", (r"^x-github-sso=required",),
         "the organization wants the token to be authorized for its single sign-on", "auth.fields", "open the link of the header X-GitHub-SSO once and authorize the token; it is placed rightly",
         Sample(403, {"message": "Resource protected by organization SAML enforcement. You must grant your Personal Access token access to this organization."}, (_SSO,)), API),
    Code("github_jwt", _NAME, "api_401", phrase("a json web token could not be decoded"),
         "this call is for a GitHub App's own JWT, and what came is none that its key signed", "auth.assertion.signing_key", "supply the app's private key (.pem, whole), with the app's client id as `iss`; elsewhere than at `/app` use an installation token",
         Sample(401, {"message": "A JSON web token could not be decoded", "status": "401"}), API),
    Code("github_bad_credentials", _NAME, "api_401", said(message="Bad credentials"),
         "the token is wrong, expired or revoked", "auth.fields", "place it as `Authorization: Bearer {{ … }}`; a GitHub App's JWT is good at `/app` only, elsewhere use an installation token",
         Sample(401, {"message": "Bad credentials", "status": "401"}), API),
)  # fmt: skip

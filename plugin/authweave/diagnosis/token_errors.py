"""What a token endpoint says in the words of RFC 6749 §5.2 and its relatives."""

from __future__ import annotations

from authweave.diagnosis.assertions import OF_CLIENT, OF_GRANT, of_client, of_grant
from authweave.diagnosis.case import Case
from authweave.diagnosis.entry import Entry, Remedy, table
from authweave.diagnosis.vendors import remedies as of_vendors

REFUSED = "refused"


def _has_secret(case: Case) -> bool:
    return bool(case.client_secret)


def _is_given(case: Case) -> bool:
    """Does the grant present a refresh token that somebody handed over?"""
    return case.settings is not None and case.settings.refresh_token is not None


def _grant_refused(case: Case) -> str:
    if case.facts.get("refresh") or _is_given(case):
        why = "the refresh token is expired, revoked, already used (rotation) or was issued to another client"
    elif case.grant == "password":
        why = "user name or password is refused (or the account is locked, or wants a second factor)"
    elif of_grant(case):
        why = "the assertion is refused: its audience, issuer, subject or key is not the expected one, or a clock is wrong"
    elif case.grant == "client_credentials":
        why = "the server uses this word for an unknown client, or for credentials of another environment"
    else:
        why = "what the grant presents is expired, used already, or not for this client"
    return f"The token server does not accept the grant {case.grant}: {why}{case.quoted}."


def _client_refused(case: Case) -> str:
    what = "the client's assertion" if of_client(case) else "this client id and secret"
    return f"The token server does not accept {what} as sent ({case.sent_as}){case.quoted}."


def _scope(case: Case) -> str:
    asked = case.facts.get("asked", "")
    return f"Scope `{asked}` is unknown, malformed or not allowed for this client{case.quoted}." if asked else f"The server wants another scope{case.quoted}."


def _in_success(case: Case) -> str:
    said = case.word or "that this is no success"
    return f"HTTP says {case.status}, the body says {said}{case.quoted}."


def _shows_certificate(case: Case) -> bool:
    return case.client_auth in ("tls_client_auth", "self_signed_tls_client_auth")


ENTRIES = table(
    Entry("invalid_client", _client_refused, (
        *of_vendors("invalid_client"),
        *OF_CLIENT,
        Remedy("tls.certificate", "supply the certificate that is registered for this client id, by its subject, name or thumbprint", _shows_certificate),
        Remedy("inputs.*", "look at the value of {odd_secret}", lambda case: bool(case.odd_secret)),
        Remedy("auth.basic_encoding", "write `{other_encoding}`: id or secret holds {telling_characters}, which servers read differently in a Basic header", lambda case: case.encoding_matters),
        Remedy("auth.client_secret", "supply the present secret: it may be rotated, or that of another environment", _has_secret),
        Remedy("auth.client_auth", "write `{other_auth}`: the server may want id and secret elsewhere"),
        Remedy("auth.client_id", "is it the id of this tenant and environment?"),
    ), verdict=REFUSED),
    Entry("invalid_grant", _grant_refused, (
        *of_vendors("invalid_grant"),
        *OF_GRANT,
        Remedy("auth.refresh_token", "supply a new refresh token of this client: the person who consented has to sign in for one", _is_given),
        Remedy("auth.refresh_with", "write `grant`, if this server's refresh tokens cannot be used again", lambda case: bool(case.facts.get("refresh")) and not _is_given(case)),
        Remedy("auth.client_id", "is it the id of this tenant and environment?", lambda case: not case.facts.get("refresh")),
        Remedy("auth.client_secret", "supply the present secret", _has_secret),
        Remedy("auth.grant_type", "is this the grant that the client may use?", lambda case: not _is_given(case)),
    ), verdict=REFUSED),
    Entry("invalid_scope", _scope, (
        *of_vendors("invalid_scope"),
        Remedy("auth.scopes", "write scopes that this client was granted, as the provider spells them (a resource's `/.default`, a URL, a word)"),
        Remedy("auth.scope_separator", "the provider may want `,` or `+` between scopes", lambda case: any(mark in str(case.facts.get("asked", "")) for mark in " ,+")),
    ), verdict=REFUSED),
    Entry("unauthorized_client", "The client is known but may not use the grant {grant}{quoted}.", (
        *of_vendors("unauthorized_client"),
        Remedy("auth.grant_type", "let the provider enable this grant for the client, or write the one it may use"),
        Remedy("auth.basic_encoding", "write `{other_encoding}`: id or secret holds {telling_characters}, and some servers answer this for a Basic header they misread", lambda case: case.encoding_matters),
        Remedy("auth.client_id", "is it the id of this tenant and environment?"),
    ), verdict=REFUSED),
    Entry("unsupported_grant_type", "This endpoint does not do the grant {grant}, or did not receive the parameters at all{quoted}.", (
        *of_vendors("unsupported_grant_type"),
        Remedy("auth.token_url", "is this the token endpoint, and the right version of it?"),
        Remedy("auth.token_request.encoding", "write `json`, if the endpoint reads no form", lambda case: case.settings is not None and case.settings.token_request.encoding == "form"),
        Remedy("auth.token_request.encoding", "write `form`, which the standard asks for", lambda case: case.settings is not None and case.settings.token_request.encoding != "form"),
        Remedy("auth.grant_type", "check the spelling of the grant"),
    ), verdict=REFUSED),
    Entry("invalid_request", "A parameter is missing, repeated or not allowed{quoted}.", (
        *of_vendors("invalid_request"),
        Remedy("auth.token_request.fields", "add what the server names as missing (often `audience` or `resource`)"),
        Remedy("auth.client_auth", "write `{other_auth}`: the server may look for client_id elsewhere"),
        Remedy("auth.token_request.omit", "leave out what the server does not allow (such as `scope`)"),
    ), verdict=REFUSED),
    Entry("invalid_target", "The value of `resource` or `audience` is not known to the server{quoted}.", (
        Remedy("auth.resource", "write the URI exactly as it is registered (a slash at the end counts)", lambda case: case.settings is not None and case.settings.resource is not None),
        Remedy("auth.audience", "write the audience exactly as it is registered", lambda case: case.settings is not None and case.settings.audience is not None),
        Remedy("auth.token_request.fields", "write the value exactly as it is registered"),
    ), verdict=REFUSED),
    Entry("needs_person", "A person must approve or sign in ({word}); this cannot work unattended{quoted}.", (
        Remedy("auth.grant_type", "let an administrator consent for the client, or use a grant with sign-in"),
    ), verdict=REFUSED),
    Entry("authorization_required", "A person has to sign in first ({description}): `{login}`.", (
        Remedy("auth.grant_type", "sign in: `{login}`; then test again"),
    ), verdict="not_tested"),
    Entry("authorization_denied", "The person said no, or the provider refused the sign-in: {what}.", (
        Remedy("auth.scopes", "ask for scopes that this client, and this person, may have", lambda case: "scope" in case.what),
        Remedy("auth.redirect_uri", "register this redirect URI at the provider, letter for letter", lambda case: "redirect" in case.what),
        Remedy("auth.pkce", "let the proof key be as the provider wants it (S256 for most)", lambda case: "code_challenge" in case.what or "PKCE" in case.what),
        Remedy("auth.authorization_request", "look at what the link asks for"),
    ), verdict=REFUSED),
    Entry("callback_refused", "What came back is not the answer to the sign-in that was begun: {what}.", (
        Remedy("auth.issuer", "write the issuer as the provider names itself", lambda case: "iss" in case.what),
        Remedy("auth.redirect_uri", "write it as it is registered, letter for letter", lambda case: "redirect URI" in case.what),
        Remedy("auth.callback.code", "say under which name the code comes back", lambda case: "no code" in case.what),
        Remedy("auth.callback.keep", "look at the pattern of what is kept", lambda case: "look like" in case.what),
        Remedy("auth.authorization_request", "begin again: a link is good once, for ten minutes"),
    ), verdict=REFUSED),
    Entry("sign_in_failed", "The sign-in gave no token: {what}.", (
        Remedy("auth.authorization_url", "is this the authorization endpoint, and does it take what the link asks?", lambda case: case.settings is not None and not case.settings.at_device),
        Remedy("auth.device_authorization_url", "begin again: a code is good for some minutes", lambda case: case.settings is not None and case.settings.at_device),
    ), verdict=REFUSED),
    Entry("reauthorize", "There is no refresh token any more that could be presented{quoted}.", (
        Remedy("auth.refresh_token", "supply a new refresh token of this client: the person who consented has to sign in for one", _is_given),
        Remedy("auth.grant_type", "let the person sign in again", lambda case: not _is_given(case)),
    ), verdict=REFUSED),
    Entry("error_in_200", _in_success, (
        Remedy("auth.token_response.accepted_when", "say what a success looks like, if this is one"),
        Remedy("auth.token_response.error", "say where the server puts its error, so that it is told here", lambda case: not case.word),
        Remedy("auth.client_secret", "supply the present secret: it may be rotated, or that of another environment", _has_secret),
    ), verdict=REFUSED, retry="depends on the error"),
    Entry("token_error", "The token server refused with its own word {word}{quoted}.", (
        *of_vendors("token_error"),
        Remedy("auth.token_request.fields", "add or correct what the server names"),
        Remedy("auth.client_secret", "supply the present secret: it may be rotated, or that of another environment", _has_secret),
    ), verdict=REFUSED),
)  # fmt: skip

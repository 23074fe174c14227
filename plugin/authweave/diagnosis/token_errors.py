"""What a token endpoint says in the words of RFC 6749 §5.2 and its relatives."""

from __future__ import annotations

import re
from typing import Final

from authweave.diagnosis.assertions import OF_CLIENT, OF_GRANT, of_client, of_grant
from authweave.diagnosis.case import Case
from authweave.diagnosis.entry import Entry, Remedy, table
from authweave.diagnosis.listed import (
    as_words,
    asked_scopes,
    endpoint_to_write,
    grant_is_listed,
    listed,
    method_to_write,
    scope_to_write,
)
from authweave.diagnosis.vendor_remedies import of_vendors
from authweave.tokens.troubles import NOT_SAID

REFUSED = "refused"


def _has_secret(case: Case) -> bool:
    return bool(case.client_secret)


def _is_given(case: Case) -> bool:
    """Does the grant present a refresh token that somebody handed over?"""
    return case.settings is not None and case.settings.refresh_token is not None


def _is_refresh(case: Case) -> bool:
    return bool(case.facts.get("refresh")) or _is_given(case)


def _by_code(case: Case) -> bool:
    return case.settings is not None and case.settings.grant_signs_in and not _is_refresh(case)


def _by_password(case: Case) -> bool:
    return case.grant == "password" and not _is_refresh(case)


def _presented(case: Case) -> str:
    """The names of what a vendor's grant presents beside the client; ''."""
    if case.settings is None or _is_refresh(case) or case.settings.grant.name != "vendor":
        return ""
    return ", ".join(field.key for field in case.settings.token_request.fields if field.placement.name != "header")


def _is_plain(case: Case) -> bool:
    """Does the grant present nothing but the client?"""
    return case.grant == "client_credentials"


def _grant_refused(case: Case) -> str:
    if _is_refresh(case):
        why = "the refresh token is expired, revoked, already used (rotation) or was issued to another client"
    elif case.grant == "password":
        why = "user name or password is refused (or the account is locked, or wants a second factor)"
    elif of_grant(case):
        why = "the assertion is refused: its audience, issuer, subject or key is not the expected one, or a clock is wrong"
    elif case.settings is not None and case.settings.at_device:
        why = "the device code is used already, or has expired"
    elif _by_code(case):
        why = "the code is used already or has expired, or redirect URI or proof key (PKCE) differ from those of the sign-in"
    elif _is_plain(case):
        why = "the server uses this word for an unknown client, or for credentials of another environment"
    else:
        why = "what the grant presents is expired, used already, or not for this client"
    grant = f"the refresh token (grant {case.grant})" if case.facts.get("refresh") else f"the grant {case.grant}"
    quoted = "" if case.quoted.endswith(NOT_SAID) and not case.description.startswith("previous") else case.quoted  # the sentence says that already
    return f"The token server does not accept {grant}: {why}{quoted}."


def _client_refused(case: Case) -> str:
    what = "the client's assertion" if of_client(case) else "this client id and secret"
    return f"The token server does not accept {what} as sent ({case.sent_as}){case.quoted}."


def _scope(case: Case) -> str:
    asked = case.facts.get("asked", "")
    known = as_words(case, "scopes_supported", "; the server's metadata list")
    return f"Scope `{asked}` is unknown, malformed or not allowed for this client{case.quoted}{known}." if asked else f"The server wants another scope{case.quoted}{known}."


def _grant_unknown(case: Case) -> str:
    known = as_words(case, "grant_types_supported", "; the server's metadata list")
    return f"This endpoint does not do the grant {case.grant}, or did not receive the parameters at all{case.quoted}{known}."


def _in_success(case: Case) -> str:
    said = case.word or "that this is no success"
    return f"HTTP says {case.status}, the body says {said}{case.quoted}."


def _needs_person(case: Case) -> str:
    word = f" ({case.word})" if case.word and case.word != "invalid_grant" else ""
    return f"A person must approve or sign in{word}; this cannot work unattended{case.quoted}."


def _wants_consent(case: Case) -> bool:
    return "consent" in case.lines.lower()


def _shows_certificate(case: Case) -> bool:
    return case.client_auth in ("tls_client_auth", "self_signed_tls_client_auth")


def _calls_authorization_endpoint(case: Case) -> bool:
    return "/authorize" in case.url or case.url.rstrip("/").endswith("/auth")


def _missing_parameter(case: Case) -> str:
    """The parameter that the server names as missing: `audience`; ''."""
    text = case.description or next((text for name, text in case.said if name in ("message", "detail")), "")
    found = _MISSING.search(text)
    return next((group for group in found.groups() if group), "") if found else ""


def _client_parameter_missing(case: Case) -> bool:
    return _missing_parameter(case) in ("client_id", "client_secret") and case.client_auth == "client_secret_basic"


def _other_parameter_missing(case: Case) -> bool:
    return _missing_parameter(case) not in ("", "client_id", "client_secret", "grant_type")


def _add_parameter(case: Case) -> str:
    name = _missing_parameter(case)
    return f"add `{{in: payload, key: {name}, value: …}}`" + (", or write `auth.audience`" if name == "audience" else ", or write `auth.resource`" if name == "resource" else ", or write `auth.scopes`" if name == "scope" else "")


def _sent_twice(case: Case) -> bool:
    """Do id or secret stand in the header and in the body, which RFC 6749 §2.3 forbids?"""
    body = (case.request.body or b"") if case.request is not None else b""
    return case.request is not None and (case.request.header("authorization") or "").startswith("Basic ") and b"client_secret=" in body


def _speaks_of_header(case: Case) -> bool:
    """Do the server's words say that it could not read the Basic header?"""
    return case.client_auth == "client_secret_basic" and _ABOUT_HEADER.search(case.lines) is not None


def _speaks_of_commas(case: Case) -> bool:
    return case.settings is not None and case.settings.scope_separator == " " and "comma" in case.lines.lower()


def _scope_in_refresh(case: Case) -> bool:
    body = (case.request.body or b"") if case.request is not None else b""
    return bool(case.facts.get("refresh")) and b"scope=" in body


def _sends_json(case: Case) -> bool:
    return case.settings is not None and case.settings.token_request.encoding != "form"


def _sends_form(case: Case) -> bool:
    return case.settings is not None and case.settings.token_request.encoding == "form"


def _separator(case: Case) -> str:
    joined = case.settings.scope_separator if case.settings is not None else " "
    return "write `','`: some providers want commas between scopes" if joined == " " else "write `' '`: the standard has a blank between scopes (RFC 6749 §3.3)"


def _one_scope_holds_many(case: Case) -> bool:
    """Is there a separator inside what the profile writes as one scope?"""
    return any("," in scope for scope in asked_scopes(case))


_ABOUT_HEADER: Final = re.compile(r"(?i)authori[sz]ation header|\bbasic\b.{0,40}\b(header|auth|credentials?)|properly encoded")
_MISSING: Final = re.compile(
    r"""(?ix)(?:missing|required|must\ contain|is\ required|not\ provided|lacks)[^:'"`]{0,60}?(?::\s*|\s)[('"`]?\b(client_id|client_secret|audience|resource|scope|grant_type|redirect_uri|account_id|code_verifier|username|password|tenant|[a-z]+_[a-z_]+)\b
    |['"`]([a-z_]{3,30})['"`]?\s+(?:is\s+)?(?:missing|required)|\b([a-z]+_[a-z_]+|scope|audience|resource)\s+(?:is\s+)?(?:missing|required)"""
)  # fmt: skip

ENTRIES = table(
    Entry("invalid_client", _client_refused, (
        *of_vendors("invalid_client"),
        *OF_CLIENT,
        Remedy("tls.certificate", "supply the certificate that is registered for this client id, by its subject, name or thumbprint", _shows_certificate),
        Remedy("inputs.*", "look at the value of {odd_secret}", lambda case: bool(case.odd_secret)),
        Remedy("auth.client_auth", lambda case: f"write `{method_to_write(case)}`: the server's metadata do not list {case.client_auth}", lambda case: bool(method_to_write(case))),
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
        Remedy("auth.username", "is it the name as the provider has it (often the e-mail address)? is the account locked, or does it want a second factor?", _by_password),
        Remedy("auth.password", "supply the present password", _by_password),
        Remedy("auth.redirect_uri", "write the redirect URI of the sign-in, letter for letter, then sign in again: a code is good once, for about a minute", _by_code),
        Remedy("auth.pkce", "let the proof key be as the provider wants it (S256 for most)", _by_code),
        Remedy("settings: store", "let all processes share one store: whoever renews with a refresh token that rotates makes every other copy of it useless", _is_refresh),
        Remedy("auth.token_request.fields", lambda case: f"look at what the grant presents: {_presented(case)}", lambda case: bool(_presented(case))),
        Remedy("auth.client_id", "is it the id of this tenant and environment? some servers say invalid_grant for a client that they do not know", lambda case: not case.facts.get("refresh")),
        Remedy("auth.client_secret", "supply the present secret", _has_secret),
        Remedy("auth.grant_type", "is this the grant that the client may use?", lambda case: not _is_given(case)),
    ), verdict=REFUSED),
    Entry("invalid_scope", _scope, (
        *of_vendors("invalid_scope"),
        Remedy("auth.scopes", lambda case: scope_to_write(case) or "write scopes that the server's metadata list", lambda case: bool(scope_to_write(case))),
        Remedy("auth.scopes", "write each scope as an item of its own: one of them holds a comma", _one_scope_holds_many),
        Remedy("auth.scope_separator", "write `','`: the server speaks of commas", _speaks_of_commas),
        Remedy("auth.refresh_request.omit", "write `[scope]`: a refresh may ask for no more than was granted, and some servers want none", _scope_in_refresh),
        Remedy("auth.scopes", "write scopes that this client was granted, as the provider spells them (a resource's `/.default`, a URL, a word)"),
        Remedy("auth.scope_separator", _separator, lambda case: len(asked_scopes(case)) > 1 or (case.settings is not None and case.settings.scope_separator != " ")),
        Remedy("auth.token_request.omit", "write `[scope]`, if this server wants none", lambda case: bool(case.facts.get("asked"))),
    ), verdict=REFUSED),
    Entry("unauthorized_client", "The client is known but may not use the grant {grant}{quoted}.", (
        *of_vendors("unauthorized_client"),
        Remedy("auth.grant_type", lambda case: f"write one of {', '.join(listed(case, 'grant_types_supported'))}, or let the provider enable {case.grant}", lambda case: not grant_is_listed(case)),
        Remedy("auth.grant_type", "let the provider enable this grant for the client, or write the one it may use"),
        Remedy("auth.basic_encoding", "write `{other_encoding}`: id or secret holds {telling_characters}, and some servers (Salesforce for B2C) answer this for a Basic header they misread", lambda case: case.encoding_matters),
        Remedy("auth.client_auth", "write the one for which the client is registered: a public client (`none`) may not use client credentials", lambda case: case.client_auth == "none"),
        Remedy("auth.client_id", "is it the id of this tenant and environment?"),
    ), verdict=REFUSED),
    Entry("unsupported_grant_type", _grant_unknown, (
        *of_vendors("unsupported_grant_type"),
        Remedy("auth.token_request.encoding", "write `form`, which the standard asks for: the server may have seen no parameter at all", _sends_json),
        Remedy("auth.token_url", lambda case: f"write {endpoint_to_write(case)}, which the server's metadata name", lambda case: bool(endpoint_to_write(case))),
        Remedy("auth.token_url", "write the token endpoint: this looks like the authorization endpoint", _calls_authorization_endpoint),
        Remedy("auth.grant_type", lambda case: f"write one of {', '.join(listed(case, 'grant_types_supported'))}", lambda case: not grant_is_listed(case)),
        Remedy("auth.token_url", "is this the token endpoint, and the right version of it?"),
        Remedy("auth.token_request.encoding", "write `json`, if the endpoint reads no form", _sends_form),
        Remedy("auth.grant_type", "check the spelling of the grant"),
    ), verdict=REFUSED),
    Entry("invalid_request", "A parameter is missing, repeated or not allowed{quoted}.", (
        *of_vendors("invalid_request"),
        Remedy("auth.token_request.fields", "take `client_secret` out: id and secret stand in the Basic header already, and are good in one place only", _sent_twice),
        Remedy("auth.refresh_request.omit", "write `[scope]`: this server wants no scope in a refresh", _scope_in_refresh),
        Remedy("auth.client_auth", lambda case: f"write `client_secret_post`: the server looks for {_missing_parameter(case)} in the body", _client_parameter_missing),
        Remedy("auth.token_request.fields", _add_parameter, _other_parameter_missing),
        Remedy("inputs.*", "look at the value of {odd_secret}", lambda case: bool(case.odd_secret)),
        Remedy("auth.token_request.encoding", "write `json`: the server reads no form", lambda case: case.form_unread),
        Remedy("auth.basic_encoding", "write `{other_encoding}`: the server cannot read id and secret in the Basic header, and they hold {telling_characters}", lambda case: _speaks_of_header(case) and case.encoding_matters),
        Remedy("auth.client_auth", "write `{other_auth}`: id and secret then stand in the body, not in the header that the server cannot read", _speaks_of_header),
        Remedy("auth.token_request.fields", "add what the server names as missing (often `audience` or `resource`)"),
        Remedy("auth.client_auth", "write `{other_auth}`: the server may look for client_id elsewhere"),
        Remedy("auth.token_request.omit", "leave out what the server does not allow (such as `scope`)"),
    ), verdict=REFUSED),
    Entry("invalid_target", "The value of `resource` or `audience` is not known to the server{quoted}.", (
        *of_vendors("invalid_target"),
        Remedy("auth.resource", "write the URI exactly as it is registered (a slash at the end counts)", lambda case: case.settings is not None and case.settings.resource is not None),
        Remedy("auth.audience", "write the audience exactly as it is registered (a slash at the end counts)", lambda case: case.settings is not None and case.settings.audience is not None),
        Remedy("auth.token_request.fields", "write the value exactly as it is registered"),
    ), verdict=REFUSED),
    Entry("needs_person", _needs_person, (
        *of_vendors("needs_person"),
        Remedy("auth.grant_type", "let an administrator consent to these scopes for the client; or write a grant with sign-in", _wants_consent),
        Remedy("auth.scopes", "ask only for the scopes that were consented to", _wants_consent),
        Remedy("auth.grant_type", "write a grant with sign-in (`authorization_code`, `device_code`), so that the person can", lambda case: case.grant in ("password", "client_credentials")),
        Remedy("auth.grant_type", "sign in again: `authweave login`; or let an administrator consent for the client"),
    ), verdict=REFUSED),
    Entry("authorization_required", "A person has to sign in first ({description}): `{login}`.", (
        Remedy("auth.grant_type", "sign in: `{login}`; then test again. For this one run: the same test with `--login`"),
    ), verdict="not_tested"),
    Entry("authorization_denied", "The person said no, or the provider refused the sign-in: {what}.", (
        *of_vendors("needs_person"), *of_vendors("invalid_request"), *of_vendors("invalid_scope"), *of_vendors("invalid_target"),
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
        Remedy("auth.token_request.fields", "add or correct what the server names"),
        Remedy("auth.client_secret", "supply the present secret: it may be rotated, or that of another environment", _has_secret),
    ), verdict=REFUSED),
)  # fmt: skip

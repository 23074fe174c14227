"""From what happened to the code of a diagnosis."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from authweave import errors
from authweave.answers.challenges import challenges
from authweave.answers.responses import response_scope
from authweave.diagnosis import network, signing, tls, token_answers, token_errors
from authweave.diagnosis.aws import aws_code, is_aws
from authweave.diagnosis.case import Case
from authweave.diagnosis.oauth1 import is_oauth1, oauth1_code
from authweave.diagnosis.sent import OWN_SCHEMES, not_readable, prefix_twice
from authweave.errors import AuthweaveError
from authweave.profile import Variant
from authweave.proofs.digest_access.challenge import strongest
from authweave.values import Judgement, TaskResponse

_OAUTH: Final = frozenset({
    "invalid_client", "invalid_grant", "invalid_scope", "unauthorized_client", "unsupported_grant_type", "invalid_request", "invalid_target",
})  # fmt: skip
_NEED_A_PERSON: Final = frozenset({
    "access_denied", "consent_required", "interaction_required", "login_required", "mfa_required", "mfa_enrollment_required", "account_selection_required", "password_change_required",
})  # fmt: skip
_REFUSALS: Final = frozenset({
    "api_401", "api_403", "api_400", "api_rejected", "token_error", "token_status", "token_401", "token_403", "needs_person", "invalid_request",
})  # fmt: skip
"""Codes that a provider of signed requests can say more of."""
_VENDORS_SAY_MORE: Final = frozenset({
    *_OAUTH, "token_error", "token_status", "token_401", "token_403", "token_404", "token_405", "needs_person", "error_in_200", "server_error", "token_field_missing",
    "api_400", "api_401", "api_403", "api_404", "api_rejected", "api_status", "api_error_in_200",
})  # fmt: skip
"""Codes that a vendor's own word can make another one of."""
_GRANT_NOT_ALLOWED: Final = re.compile(r"(?i)grant[ _-]?type\b.{0,40}\bnot (allowed|permitted|authorized|enabled)\b.{0,20}\bclient")
_FAILING: Final = frozenset({"server_error", "temporarily_unavailable", "slow_down"})
_STATUSES: Final[Mapping[int, str]] = {401: "token_401", 403: "token_403", 404: "token_404", 410: "token_404", 405: "token_405"}
_LOGIN_REFUSED: Final = frozenset({*range(200, 300), 400, 401, 403, 409, 422, 423})
_CONNECT: Final = ("refused", "timeout", "unreachable", "reset")
_PROTOCOL: Final[Mapping[str, str]] = {
    "no_answer": "connection_lost", "reset": "connection_lost", "truncated": "empty_or_partial_body",
    "content_length": "empty_or_partial_body", "garbage": "not_http", "headers_too_large": "not_http",
}  # fmt: skip
_OWN_TLS_NAMES: Final = frozenset({"http_on_tls_port", "tls_on_http_port"})
_LOCAL: Final[tuple[tuple[type[AuthweaveError], str], ...]] = (
    (errors.LimitRefused, "limit_refused"), (errors.ProfileError, "profile_invalid"), (errors.InvalidInput, "input_invalid"), (errors.KeyRefused, "key_refused"), (errors.InputError, "secret_unresolved"),
    (errors.NoServers, "no_servers"), (errors.OriginRefused, "origin_refused"), (errors.NoVariant, "no_variant"),
    (errors.UrlRefused, "url_refused"), (errors.TemplateError, "template"),
    (errors.PlacementError, "placement"), (errors.AssertionRefused, "assertion_refused"), (errors.SigningError, "signing"),
)  # fmt: skip
_UNSENDABLE: Final = re.compile(r"header \S+: the value (has|starts|ends)|the value of header \S+ (has|begins)")
_API_STATUSES: Final[Mapping[int, str]] = {
    401: "api_401", 403: "api_403", 404: "api_404", 410: "api_404", 405: "api_405", 400: "api_400", 406: "api_415", 415: "api_415",
    422: "api_400", 429: "api_429",
}  # fmt: skip


_DISCOVERY: Final[Mapping[str, str]] = {
    "not_found": "discovery_not_found", "unreachable": "discovery_unreachable", "unreadable": "discovery_unreadable",
    "endpoint": "discovery_endpoint", "endpoint_missing": "discovery_endpoint",
}  # fmt: skip


def local_code(error: AuthweaveError) -> str:
    """The code of an error that came before anything was sent."""
    if isinstance(error, errors.PlacementError) and _UNSENDABLE.search(str(error)):
        return "crlf_or_nonascii_in_header"
    return next((code for kind, code in _LOCAL if isinstance(error, kind)), "not_applied")


def wire_code(error: errors.WireError) -> str:
    """The code of a call that got no usable answer; `network` for what has no row of its own."""
    code = _wire_code(error)
    return code if code in network.ENTRIES or code in tls.ENTRIES or code in token_answers.ENTRIES else "network"


def _wire_code(error: errors.WireError) -> str:
    detail = error.detail
    if isinstance(error, errors.ConnectFailure):
        return f"connect_{detail}" if detail in _CONNECT else "connect_refused"
    if isinstance(error, errors.TlsFailure):
        return detail if detail in _OWN_TLS_NAMES else f"tls_{detail or 'handshake'}"
    if isinstance(error, errors.ProxyFailure):
        return f"proxy_{detail or 'refused'}"
    if isinstance(error, errors.ProtocolFailure):
        return "connection_lost" if detail == "truncated" and error.stage == "headers" else _PROTOCOL.get(detail, "not_http")
    return error.code


def token_code(case: Case) -> str:
    """The code of a token call that gave no token."""
    error = case.error
    if isinstance(error, errors.DiscoveryError):
        return _DISCOVERY.get(error.kind, "discovery_mismatch")
    if isinstance(error, errors.RegistrationError):
        return "registration_refused"
    if case.response is not None and (code := certificate_code(case.response)):
        return code
    if isinstance(error, errors.WireError):
        return wire_code(error)
    if isinstance(error, errors.RateLimited):
        return "rate_limited"
    if case.facts.get("kept"):
        return "step_unread"
    if error is not None and error.step:
        return "step_refused" if isinstance(error, errors.TokenEndpointError) else "step_unread" if case.response is not None else local_code(error)
    if case.own_type == "session" and _refuses_login(error):
        return "login_refused"
    if isinstance(error, errors.TokenAnswerError):
        kind = "server_error" if error.kind == "html_instead_of_json" and error.status >= 500 else error.kind
        return kind if kind in token_answers.ENTRIES or kind in token_errors.ENTRIES or kind in signing.ENTRIES else "token_unusable"
    if isinstance(error, errors.TokenEndpointError):
        return _refusal(error)
    if isinstance(error, errors.AuthorizationRequired) and "invalid_grant" not in error.reason:
        return "authorization_required"
    if isinstance(error, errors.SignInFailed):
        return "callback_refused" if isinstance(error, errors.CallbackRefused) else "authorization_denied" if isinstance(error, errors.AuthorizationDenied) else "sign_in_failed"
    if isinstance(error, errors.SignInNeeded):
        return "invalid_grant" if "invalid_grant" in error.reason else "reauthorize"
    if isinstance(error, errors.TemplateError) and error.missing.startswith("response"):
        return "token_field_missing"
    return local_code(error) if error is not None else "not_applied"


def _refuses_login(error: AuthweaveError | None) -> bool:
    """Is it a login that was refused? Web frameworks say 401 or 403 as a page, with or without words."""
    if isinstance(error, errors.TokenAnswerError):
        return error.kind == "html_instead_of_json" and error.status in (401, 403)
    return isinstance(error, errors.TokenEndpointError) and error.status in _LOGIN_REFUSED


def _refusal(error: errors.TokenEndpointError) -> str:
    word = spelt(error.error or "")
    if word == "invalid_request" and _GRANT_NOT_ALLOWED.search(error.error_description or ""):
        return "unauthorized_client"  # oidc-provider, among others, says the one and means the other
    if word in _OAUTH:
        return word
    if word in signing.ENTRIES:
        return word
    if word in _NEED_A_PERSON:
        return "needs_person"
    if word in _FAILING or error.status >= 500 or error.status == 429:
        return "rate_limited" if error.status == 429 else "server_error"
    if 200 <= error.status < 300:
        return "error_in_200"
    if error.error:
        return "token_error"
    return _STATUSES.get(error.status, "token_status")


def refined(code: str, case: Case) -> str:
    """The code of what a provider of signed requests, or a vendor's own word, says, where that tells more than the status does."""
    if code in _VENDORS_SAY_MORE and case.vendor is not None:
        return case.vendor.row
    if code == "api_403" and case.response is not None and (case.response.header("x-ratelimit-remaining") or "").strip() == "0":
        return "api_429"  # https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
    if code == "api_400" and (prefix_twice(case) or ("error", "invalid_token") in case.said or not_readable(case)):
        return "api_401"  # some say 400 to a header that they cannot read
    if code not in _REFUSALS:
        return code
    if is_aws(case):
        return aws_code(case) or code
    return oauth1_code(case) if is_oauth1(case) and (case.status == 401 or oauth1_code(case) != "oauth1_refused") else code


def spelt(word: str) -> str:
    """A server's word as RFC 6749 would spell it: `InvalidClient` and `INVALID-CLIENT` are invalid_client."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", word)
    return re.sub(r"[^a-z0-9]+", "_", apart.lower()).strip("_")


def asked_otherwise(judgement: Judgement, response: TaskResponse, variant: Variant) -> str:
    """The code where the answer says more than its status does: of the connection, or of another way to authenticate; else ''."""
    if isinstance(judgement.error, errors.ServerUnproven):
        return "server_unproven"
    if response.status in (400, 403, 495, 496):
        return certificate_code(response)
    if response.status != 401:
        return ""
    lines = [value for name, value in response.headers if name.lower() == "www-authenticate"]
    offered, own = {one.scheme for one in challenges(lines)}, variant.scheme.name
    if own in OWN_SCHEMES and offered and own not in offered:
        return "api_other_scheme"
    return "digest_unknown" if own == "digest" and own in offered and strongest(lines) is None else ""


def certificate_code(response: TaskResponse) -> str:
    """What nginx says of client certificates in the body of an answer; '' if it does not."""
    body = (response.body or b"")[:4096].lower()
    if b"no required ssl certificate was sent" in body:
        return "client_certificate_missing"
    return "client_certificate_wrong" if b"the ssl certificate error" in body else ""


def says_error(response: TaskResponse) -> bool:
    """Does the body of a success say that it is none, as Slack's `ok: false`, or as GraphQL's errors without data?"""
    read = response_scope(response)["json"]
    if not isinstance(read, dict):
        return False
    if read.get("ok") is False or read.get("success") is False:
        return True
    error = read.get("error")
    return (isinstance(error, str | dict) and bool(error)) or (isinstance(read.get("errors"), list) and bool(read["errors"]) and not read.get("data"))


def api_code(judgement: Judgement, status: int, *, is_page: bool, decided: bool | None, is_error: bool = False) -> str:
    """The code of the API's answer; '' for an accepted one. `decided`: what the test's own `accepted_when` says, if written;
    `is_error`: the body says that it is none."""
    if judgement.verdict == "refused":
        return "api_401" if status == 401 else "api_rejected"
    if decided:
        return ""
    if status in _API_STATUSES:
        return _API_STATUSES[status]
    if 200 <= status < 300:
        return "api_not_accepted" if decided is False else "api_html" if is_page else "api_error_in_200" if is_error else ""
    if 300 <= status < 400:
        return "api_redirect"
    return "api_5xx" if status >= 500 else "api_status"

"""What is odd about the answer of a token endpoint: its status, its form, its fields, its times."""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches
from typing import Final

from authweave.answers.responses import response_scope
from authweave.diagnosis.assertions import CLOCK
from authweave.diagnosis.case import Case
from authweave.diagnosis.entry import Entry, Remedy, table
from authweave.diagnosis.listed import allowed_method, asked_scopes, endpoint_to_write
from authweave.diagnosis.redirects import only_https, only_slash, other_host, same_place, why
from authweave.diagnosis.vendor_remedies import of_vendors
from authweave.errors import RateLimited, TokenAnswerError

_TOKEN_NAMES: Final = ("access_token", "token", "accesstoken", "auth_token", "authtoken", "id_token", "jwt", "session_id", "sessionid", "session_token", "bearer")
_WHOLE: Final = re.compile(rb"[A-Za-z0-9._~+/=-]{16,4096}")
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]|[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} ")
_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def fields_seen(case: Case) -> tuple[str, ...]:
    """The names of the fields of the answer."""
    return case.error.fields if isinstance(case.error, TokenAnswerError) else ()


def nearest_field(case: Case) -> str:
    """The field of the answer that probably holds the token: `data.accessToken`; '' if none looks like it."""
    last = {name: re.sub(r"[^a-z]", "", name.rpartition(".")[2].lower()) for name in fields_seen(case)}
    for wanted in (re.sub(r"[^a-z]", "", name) for name in _TOKEN_NAMES):
        if found := next((name for name, plain in last.items() if plain == wanted), None):
            return found
    near = get_close_matches("accesstoken", last.values(), 1, 0.7)
    return next((name for name, plain in last.items() if near and plain == near[0]), "")


def as_template(name: str, part: str = "json") -> str:
    """`data.token` as a template that reads it of the answer; `part` is json or form."""
    steps = "".join(f".{step}" if _IDENTIFIER.fullmatch(step) else f"['{step}']" for step in name.split("."))
    return f"'{{{{ response.{part}{steps} }}}}'"


def _part(case: Case) -> str:
    """In which form the answer came."""
    if case.response is None:
        return "json"
    read = response_scope(case.response)
    return "form" if read["json"] is None and read["form"] is not None else "json"


def _missing(case: Case) -> str:
    if "is not a text" in case.what:
        return f"The answer holds the token in a form that is no text: {case.what}."
    seen = ", ".join(fields_seen(case))
    vendor = f" {case.quoted.removeprefix(': ')}." if case.vendor is not None else ""
    return f"The answer ({case.status}) holds no access token. " + (f"Fields seen: {seen}." if seen else "It has no named fields.") + vendor


def _limited(case: Case) -> str:
    words = case.what if isinstance(case.error, RateLimited) else f"status {case.status}"
    return f"The token server is limiting requests: {words}. Credentials were not judged."


def _before_oauth(case: Case) -> str:
    asked = f": a gateway or proxy asked for `{case.challenge_words}`" if case.challenges else ", without a word of OAuth"
    return f"Refused with 401 before or beside OAuth{asked}."


def _asks_for_basic(case: Case) -> bool:
    """Does the 401 ask for what the standard's own way would bring?"""
    return any(one.scheme == "basic" for one in case.challenges) and case.client_auth == "client_secret_post"


def _without_reason(case: Case) -> str:
    if case.form_unread:
        return f"The token server does not read a form, which is what was sent ({case.status}){case.quoted}."
    return f"The token server refused the request ({case.status}) without saying why{case.quoted}."


def _sent_to_people(case: Case) -> bool:
    return "/authorize" in case.url or "/login" in case.url


def _no_endpoint(case: Case) -> str:
    named = f" The server's metadata name {endpoint_to_write(case)}." if endpoint_to_write(case) else ""
    return f"There is no token endpoint at this URL ({case.status}){case.quoted}.{named}"


def _other_method(case: Case) -> str:
    named = f" The server's metadata name {endpoint_to_write(case)}." if endpoint_to_write(case) else ""
    return f"The URL exists, but does not take {case.method} ({case.status}){case.quoted}.{named}"


def _redirected(case: Case) -> str:
    return f"The server redirected to {case.location} ({case.status}){why(case)}. Credentials are not forwarded."


def _partial(case: Case) -> str:
    if not case.status:  # the transport saw it end, and gave no answer
        return f"The answer began, and ended in the middle: {case.what}."
    return f"Success was announced ({case.status}), but the body is empty or ends in the middle."


def _of_token(test: Callable[[Case], object]) -> Callable[[Case], bool]:
    """Only where it was a token call."""
    return lambda case: bool(case.facts.get("token_call")) and bool(test(case))


def _is_whole_token(case: Case) -> bool:
    """Is the whole body one text that looks like a token?"""
    return case.response is not None and _WHOLE.fullmatch((case.response.body or b"").strip()) is not None


def _lifetime_value(case: Case) -> object:
    body = response_scope(case.response)["json"] if case.response is not None else None
    return body.get("expires_in") if isinstance(body, dict) else None


def _lifetime_is_moment(case: Case) -> bool:
    """Is the lifetime that cannot be read a point in time in words?"""
    value = _lifetime_value(case)
    return case.facts.get("looks_like") == "moment" or (isinstance(value, str) and _DATE.match(value) is not None)


def _narrowed(case: Case) -> str:
    asked, granted = str(case.facts.get("asked", "")), str(case.facts.get("granted", ""))
    lacking = [scope for scope in asked_scopes(case) if scope not in set(granted.replace(",", " ").split())]
    return f"Asked for {asked}, got {granted}" + (f": {', '.join(lacking)} is missing." if lacking else ".")


def _skew(case: Case) -> str:
    seconds = float(case.facts.get("skew", 0.0))
    way = "ahead of" if seconds > 0 else "behind"
    return f"This machine's clock is {abs(seconds):.0f} s {way} the server's; limits are often 10 to 300 s. JWTs signed here are rejected, and tokens renewed at the wrong time."


ENTRIES = table(
    Entry("rate_limited", _limited, (), retry="yes, after the time the server named"),
    Entry("server_error", "The token server is failing ({status}{words}). Credentials were not judged.", (), retry="yes, later and ever more slowly"),
    Entry("token_401", _before_oauth, (
        Remedy("auth.client_auth", "write `client_secret_basic`: the answer asks for Basic, and nothing of the kind was sent", _asks_for_basic),
        Remedy("auth.token_request.fields", "add the header or key that the gateway wants (`in: header`)"),
        Remedy("auth.client_auth", "write `{other_auth}`: the server may want id and secret elsewhere"),
        Remedy("auth.token_url", "is this the token endpoint of the right environment?"),
    ), verdict="refused"),
    Entry("token_403", "Forbidden at the edge ({status}): an address list, a firewall for web applications, or a policy. Credentials were probably not judged.", (
        Remedy("settings: proxy", "call from an address that the provider lets in"),
        Remedy("auth.token_request.fields", "add the header that the edge wants (such as User-Agent or a gateway key)"),
        Remedy("auth.token_url", "is this the token endpoint of the right environment?"),
    )),
    Entry("token_404", _no_endpoint, (
        *of_vendors("token_404"),
        Remedy("auth.token_url", lambda case: f"write {endpoint_to_write(case)}, or leave it out: the server's metadata name it", lambda case: bool(endpoint_to_write(case))),
        Remedy("inputs.*", "the value of this input stands in the URL: is it right?", lambda case: bool(case.facts.get("url_inputs"))),
        Remedy("auth.token_url", "correct path or tenant"),
    )),
    Entry("token_405", _other_method, (
        *of_vendors("token_405"),
        Remedy("auth.token_url", lambda case: f"write {endpoint_to_write(case)}, or leave it out: the server's metadata name it", lambda case: bool(endpoint_to_write(case))),
        Remedy("auth.token_request.method", lambda case: f"write `{allowed_method(case)}`, if this is the token endpoint: the answer allows it", lambda case: bool(allowed_method(case)) and case.method != "POST"),
        Remedy("auth.token_url", "is this the token endpoint? the authorization endpoint takes GET only"),
        Remedy("auth.token_request.method", "write the method that the provider documents"),
    )),
    Entry("token_status", _without_reason, (
        Remedy("auth.token_request.encoding", "write `json`: the endpoint reads no form", lambda case: case.form_unread),
        Remedy("auth.token_request.fields", "compare the parameters with the provider's documentation"),
        Remedy("auth.client_auth", "write `{other_auth}`: the server may want id and secret elsewhere"),
        Remedy("auth.token_request.encoding", "write `json`, if the endpoint reads no form"),
    ), verdict="refused"),
    Entry("html_instead_of_json", "The token URL returned a web page{title}, not a token ({status}). Credentials were probably not judged.", (
        Remedy("auth.token_url", lambda case: f"write {endpoint_to_write(case)}, which the server's metadata name", lambda case: bool(endpoint_to_write(case))),
        Remedy("settings: proxy", "call from an address that the provider lets in: a page with 403 is a firewall's", lambda case: case.status == 403),
        Remedy("auth.token_url", "write the token endpoint (often `…/token`): this is where people sign in", _sent_to_people),
        Remedy("auth.token_url", "write the token endpoint: this may be the sign-in page, a page of a proxy or firewall, or a wrong path"),
        Remedy("settings: proxy", "a page that asks to sign in to the network comes from a proxy or portal"),
    )),
    Entry("redirect_to_login", _redirected, (
        Remedy("auth.token_url", lambda case: f"write {only_slash(case) or only_https(case)}", _of_token(lambda case: only_slash(case) or only_https(case))),
        Remedy("auth.token_url", lambda case: f"write {endpoint_to_write(case)}, which the server's metadata name", _of_token(endpoint_to_write)),
        Remedy("auth.token_url", lambda case: f"write {same_place(case)}, if that is the token endpoint", _of_token(same_place)),
        Remedy("auth.token_url", lambda case: f"write the token endpoint of {other_host(case)}, if the provider has moved there; a page for signing in is none", _of_token(other_host)),
        Remedy("auth.token_url", "write the token endpoint: this one leads people to a page for signing in", _of_token(lambda _: True)),
        Remedy("settings: proxy", "a redirect to a page for signing in to the network comes from a proxy or portal", _of_token(other_host)),
        Remedy("servers", "write the origin that the server redirects to, if it may have the credential", lambda case: not case.facts.get("token_call")),
    )),
    Entry("wrong_content_type", "The answer is {content_type}; expected was JSON.", (
        Remedy("auth.token_response.access_token", "write '{{{{ response.text | trim }}}}', if the whole answer is the token", _is_whole_token),
        Remedy("auth.token_request.fields", "ask for JSON in the way the provider documents (a header such as Accept)"),
        Remedy("auth.token_response.access_token", "say where the token stands, if this answer holds it"),
        Remedy("auth.token_url", "is this the token endpoint?"),
    )),
    Entry("empty_or_partial_body", _partial, (
        Remedy("auth.token_url", "is this the token endpoint?", lambda case: bool(case.facts.get("token_call"))),
        Remedy("settings: proxy", "a proxy in between may cut answers"),
    ), retry="once"),
    Entry("json_malformed", "Success was announced ({status}), but what looks like JSON is none: {what}.", (
        Remedy("auth.token_url", "is this the token endpoint?"),
        Remedy("auth.token_response.access_token", "say where the token stands in `response.text`, if nothing else helps"),
    ), verdict="inconclusive"),
    Entry("token_not_bearer", "A token was issued, but not a bearer token: {what}.", (
        Remedy("auth.fields", "place the token as the provider documents"),
        Remedy("auth.token_response.token_type", "write `Bearer`, if it is one all the same"),
    ), verdict="inconclusive"),
    Entry("token_not_sendable", "A token was issued that a Bearer header cannot carry: {what}.", (
        Remedy("auth.token_response.access_token", "is this the field that holds the token?"),
        Remedy("auth.fields", "place the token as the provider documents"),
    ), verdict="inconclusive"),
    Entry("token_field_missing", _missing, (
        Remedy("auth.token_response.access_token", lambda case: f"write {as_template(nearest_field(case), _part(case))}", lambda case: bool(nearest_field(case))),
        Remedy("auth.token_response.access_token", "say where the token stands: '{{{{ response.json.… }}}}'", lambda case: not nearest_field(case)),
        Remedy("auth.token_response.accepted_when", "say what a success looks like, if this is none"),
        Remedy("auth.token_url", "is this the token endpoint?"),
    )),
    Entry("token_unusable", "The answer holds no usable token: {what}.", (
        Remedy("auth.token_response", "say how the answer is read"), Remedy("auth.token_url", "is this the token endpoint?"),
    )),
    Entry("lifetime_odd", lambda case: str(case.facts.get("lifetime") or f"The lifetime of the token cannot be read: {case.what}."), (
        Remedy("auth.token_response.expires_at", "write '{{{{ response.json.expires_in }}}}' here instead: the value looks like a point in time", _lifetime_is_moment),
        Remedy("auth.token_response.expires_in", "write '{{{{ response.json.expires_in | int // 1000 }}}}': the value looks like milliseconds", lambda case: case.facts.get("looks_like") == "ms"),
        Remedy("auth.token_response.expires_in", "say where the lifetime stands, or write it as a number of seconds"),
    ), verdict="inconclusive"),
    Entry("scope_narrowed", _narrowed, (Remedy("auth.scopes", "ask only for what the client was granted, or have the rest granted"),), verdict=""),
    Entry("token_type_odd", "The token is of type {token_type}, and is sent as a bearer token.", (
        Remedy("auth.fields", "place the token as the provider documents"),
    ), verdict=""),
    Entry("clock_skew", _skew, CLOCK, verdict=""),
)  # fmt: skip

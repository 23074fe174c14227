"""What is odd about the answer of a token endpoint: its status, its form, its fields, its times."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Final

from authweave.diagnosis.assertions import CLOCK
from authweave.diagnosis.case import Case
from authweave.diagnosis.entry import Entry, Remedy, table
from authweave.errors import RateLimited, TokenAnswerError

_TOKEN_NAMES: Final = ("access_token", "token", "accesstoken", "auth_token", "authtoken", "id_token", "jwt", "session_id", "sessionid", "session_token", "bearer")
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


def as_template(name: str) -> str:
    """`data.token` as a template that reads it of the answer."""
    steps = "".join(f".{step}" if _IDENTIFIER.fullmatch(step) else f"['{step}']" for step in name.split("."))
    return f"'{{{{ response.json{steps} }}}}'"


def _missing(case: Case) -> str:
    if "is not a text" in case.what:
        return f"The answer holds the token in a form that is no text: {case.what}."
    seen = ", ".join(fields_seen(case))
    return f"The answer ({case.status}) holds no access token. " + (f"Fields seen: {seen}." if seen else "It has no named fields.")


def _limited(case: Case) -> str:
    words = case.what if isinstance(case.error, RateLimited) else f"status {case.status}"
    return f"The token server is limiting requests: {words}. Credentials were not judged."


def _before_oauth(case: Case) -> str:
    asked = f": a gateway or proxy asked for `{case.challenge_words}`" if case.challenges else ", without a word of OAuth"
    return f"Refused with 401 before or beside OAuth{asked}."


def _skew(case: Case) -> str:
    seconds = float(case.facts.get("skew", 0.0))
    way = "ahead of" if seconds > 0 else "behind"
    return f"This machine's clock is {abs(seconds):.0f} s {way} the server's; limits are often 10 to 300 s. Signed assertions and expiry times suffer from it."


ENTRIES = table(
    Entry("rate_limited", _limited, (), retry="yes, after the time the server named"),
    Entry("server_error", "The token server is failing ({status}{words}). Credentials were not judged.", (), retry="yes, later and ever more slowly"),
    Entry("token_401", _before_oauth, (
        Remedy("auth.token_request.fields", "add the header or key that the gateway wants (`in: header`)"),
        Remedy("auth.client_auth", "write `{other_auth}`: the server may want id and secret elsewhere"),
        Remedy("auth.token_url", "is this the token endpoint of the right environment?"),
    ), verdict="refused"),
    Entry("token_403", "Forbidden at the edge ({status}): an address list, a firewall for web applications, or a policy. Credentials were probably not judged.", (
        Remedy("settings: proxy", "call from an address that the provider lets in"),
        Remedy("auth.token_request.fields", "add the header that the edge wants (such as User-Agent or a gateway key)"),
        Remedy("auth.token_url", "is this the token endpoint of the right environment?"),
    )),
    Entry("token_404", "There is no token endpoint at this URL ({status}).", (
        Remedy("inputs.*", "the value of this input stands in the URL: is it right?", lambda case: bool(case.facts.get("url_inputs"))),
        Remedy("auth.token_url", "correct path or tenant"),
    )),
    Entry("token_405", "The URL exists, but does not take {method} ({status}).", (
        Remedy("auth.token_url", "is this the token endpoint? the authorization endpoint takes GET only"),
        Remedy("auth.token_request.method", "write the method that the provider documents"),
    )),
    Entry("token_status", "The token server refused the request ({status}) without saying why.", (
        Remedy("auth.token_request.fields", "compare the parameters with the provider's documentation"),
        Remedy("auth.client_auth", "write `{other_auth}`: the server may want id and secret elsewhere"),
        Remedy("auth.token_request.encoding", "write `json`, if the endpoint reads no form"),
    ), verdict="refused"),
    Entry("html_instead_of_json", "The token URL returned a web page{title}, not a token ({status}). Credentials were probably not judged.", (
        Remedy("auth.token_url", "write the token endpoint: this may be the sign-in page, a page of a proxy or firewall, or a wrong path"),
        Remedy("settings: proxy", "a page that asks to sign in to the network comes from a proxy or portal"),
    )),
    Entry("redirect_to_login", "The server redirected to {location} ({status}). Credentials are not forwarded.", (
        Remedy("auth.token_url", "write the URL that the server redirects to, if it is a token endpoint (a missing slash, another host)", lambda case: bool(case.facts.get("token_call"))),
        Remedy("servers", "write the origin that the server redirects to, if it may have the credential", lambda case: not case.facts.get("token_call")),
    )),
    Entry("wrong_content_type", "The answer is {content_type}; expected was JSON.", (
        Remedy("auth.token_request.fields", "ask for JSON in the way the provider documents (a header such as Accept)"),
        Remedy("auth.token_response.access_token", "say where the token stands, if this answer holds it"),
        Remedy("auth.token_url", "is this the token endpoint?"),
    )),
    Entry("empty_or_partial_body", "Success was announced ({status}), but the body is empty or ends in the middle.", (
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
        Remedy("auth.token_response.access_token", lambda case: f"write {as_template(nearest_field(case))}", lambda case: bool(nearest_field(case))),
        Remedy("auth.token_response.access_token", "say where the token stands: '{{{{ response.json.… }}}}'", lambda case: not nearest_field(case)),
        Remedy("auth.token_response.accepted_when", "say what a success looks like, if this is none"),
        Remedy("auth.token_url", "is this the token endpoint?"),
    )),
    Entry("token_unusable", "The answer holds no usable token: {what}.", (
        Remedy("auth.token_response", "say how the answer is read"), Remedy("auth.token_url", "is this the token endpoint?"),
    )),
    Entry("lifetime_odd", lambda case: str(case.facts.get("lifetime") or f"The lifetime of the token cannot be read: {case.what}."), (
        Remedy("auth.token_response.expires_at", "write '{{{{ response.json.expires_in }}}}' here instead: the value looks like a point in time", lambda case: case.facts.get("looks_like") == "moment"),
        Remedy("auth.token_response.expires_in", "write '{{{{ response.json.expires_in | int // 1000 }}}}': the value looks like milliseconds", lambda case: case.facts.get("looks_like") == "ms"),
        Remedy("auth.token_response.expires_in", "say where the lifetime stands, or write it as a number of seconds"),
    ), verdict="inconclusive"),
    Entry("scope_narrowed", "Asked for {asked}, got {granted}.", (Remedy("auth.scopes", "ask only for what the client was granted, or have the rest granted"),), verdict=""),
    Entry("token_type_odd", "The token is of type {token_type}, and is sent as a bearer token.", (
        Remedy("auth.fields", "place the token as the provider documents"),
    ), verdict=""),
    Entry("clock_skew", _skew, CLOCK, verdict=""),
)  # fmt: skip

"""What the API's answer to the test request says."""

from __future__ import annotations

from authweave.diagnosis.assertions import OF_TYPE
from authweave.diagnosis.case import Case
from authweave.diagnosis.entry import Entry, Remedy, table
from authweave.diagnosis.signing import is_bound, is_signed, wants_bound


def _has_token(case: Case) -> bool:
    return case.settings is not None


def _not_accepted(case: Case) -> str:
    got = "Token obtained, but the API does not accept it" if _has_token(case) else "The API does not accept the credential"
    said = f" (`{case.challenge_words}`)" if case.challenges else ""
    renewed = " A renewed token was refused, too." if case.facts.get("renewed") else ""
    return f"{got}: {case.status}{said}.{renewed}"


def _forbidden(case: Case) -> str:
    if case.challenge("error") == "insufficient_scope":
        needed = case.challenge("scope")
        return f"The API knows you, but the scope does not suffice ({case.status})" + (f": it asks for {needed}." if needed else ".")
    return f"The API knows you, but forbids this ({case.status}): a role, a plan, an address list or a firewall, or a test endpoint that needs more rights."


def _wants_scope(case: Case) -> bool:
    return _has_token(case) and case.challenge("error") == "insufficient_scope"


def _wrong_request(case: Case) -> str:
    return f"Authentication looks accepted; the test call itself is wrong ({case.status})."


_FIELDS = "is it the header, prefix (`Bearer`, `Token`) and place that the API documents?"
_REFUSED = (
    Remedy("auth.dpop", "write true: this API wants tokens that are bound to a key", wants_bound),
    Remedy("auth.dpop", "look at the clock of this machine, and whether `servers` has the URL that the API knows for itself: a proof holds both", is_bound),
    Remedy("auth.string_to_sign", "compare the string with the API's own example, line for line; a wrong clock counts, too", is_signed),
    Remedy("auth.signing_key", "is it decoded as the API means it: as it is, `| unbase64`, `| unhex`?", is_signed),
    *OF_TYPE,
    Remedy("auth.audience", "ask for a token for this API", lambda case: case.settings is not None and case.settings.audience is not None),
    Remedy("auth.resource", "ask for a token for this API", lambda case: case.settings is not None and case.settings.resource is not None),
    Remedy("auth.fields", _FIELDS),
    Remedy("auth.scopes", "the token may be for another audience: ask for the scope of this API", _has_token),
    Remedy("inputs.*", "look at the value of {odd_secret}", lambda case: bool(case.odd_secret)),
    Remedy("inputs.*", "supply the present value: it may be rotated, or that of another environment", lambda case: not _has_token(case)),
    Remedy("servers", "is this the API of the environment that the credential is for?"),
)

ENTRIES = table(
    Entry("api_401", _not_accepted, _REFUSED, verdict="refused", retry="no (renewing was tried where it can help)"),
    Entry("api_other_scheme", "The API does not take what `type: {own_type}` sends: it asks for {offered} (`{challenge_words}`).", (
        Remedy("auth.type", "write the type for what it asks, after a look at the API's documentation"),
        Remedy("servers", "is this the API, and not something before it (a gateway, a proxy) that asks for a credential of its own?"),
    ), verdict="refused"),
    Entry("digest_unknown", "The API asks for Digest in a way that is not known here (`{challenge_words}`).", (
        Remedy("servers", "ask its owner for SHA-256 with qop=auth (RFC 7616 §3.3)"),
    ), verdict="refused"),
    Entry("server_unproven", "The API answered {status}, but did not prove that it is the one: {what}.", (
        Remedy("servers", "is this the right server, and nothing between that changes requests or answers?"),
        Remedy("auth.mutual", "write false, if this server proves nothing and TLS is proof enough", lambda case: case.own_type == "negotiate"),
    ), verdict="refused"),
    Entry("api_rejected", "The answer ({status}) is one that `rejected_when` takes for a refusal.", (
        Remedy("auth.rejected_when", "correct the condition, if this answer is no refusal"), *_REFUSED,
    ), verdict="refused"),
    Entry("api_not_accepted", "The API answered {status}, and none of the test's `accepted_when` holds.", (
        Remedy("test.accepted_when", "say what an accepted answer looks like"),
        Remedy("test.request.url", "ask for something that every accepted credential may see"),
        Remedy("auth.fields", _FIELDS),
    ), verdict="refused"),
    Entry("api_403", _forbidden, (
        Remedy("auth.scopes", lambda case: f"add the scope {case.challenge('scope')}" if case.challenge("scope") else "add the scope that this needs", _wants_scope),
        Remedy("test.request.url", "ask for something that every accepted credential may see"),
        Remedy("auth.scopes", "add the scope that this needs, if it is a matter of scope", _has_token),
        Remedy("auth.rejected_when", "add `{{status: [403]}}`, if this API says 403 for an expired credential"),
    ), verdict="forbidden"),
    Entry("api_404", _wrong_request, (
        Remedy("test.request.url", "write a path that exists; it is relative to the first of `servers`"),
        Remedy("servers", "does the path of the first server count twice, or is it missing?"),
    )),
    Entry("api_405", _wrong_request, (Remedy("test.request.method", "write the method that the path takes"), Remedy("test.request.url", "is this the right path?"))),
    Entry("api_400", _wrong_request, (
        Remedy("test.request.fields", "add the parameters or headers (such as a version) that the call needs"),
        Remedy("test.request.url", "write a simpler call, which needs no parameters"),
    )),
    Entry("api_415", _wrong_request, (
        Remedy("test.request.encoding", "write the encoding that the call takes"),
        Remedy("test.request.content_type", "write the media type that the call takes"),
    )),
    Entry("api_429", "Inconclusive: the API is limiting requests (429{words}).", retry="yes, after the time the API named"),
    Entry("api_5xx", "Inconclusive: the API is failing ({status}).", retry="yes, later"),
    Entry("api_redirect", "The API redirected to {location} ({status}). The credential is not forwarded.", (
        Remedy("test.request.url", "write the URL that it redirects to, if that is the API (a missing slash, http for https)"),
        Remedy("servers", "write the origin that it redirects to, if it may have the credential"),
    )),
    Entry("api_html", "The API answered {status} with a web page{title}: that may be a sign-in page, so it proves nothing.", (
        Remedy("test.request.url", "ask for something that answers with data"),
        Remedy("test.accepted_when", "say what an accepted answer looks like, if a page is one"),
        Remedy("servers", "is this the API, not the web site?"),
    )),
    Entry("api_status", "Inconclusive: the API answered {status}.", (
        Remedy("test.request.url", "write a call whose success is certain"),
        Remedy("test.accepted_when", "say what an accepted answer looks like"),
    )),
)  # fmt: skip

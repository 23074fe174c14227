"""What the API's answer to the test request says."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from authweave.diagnosis.assertions import OF_TYPE
from authweave.diagnosis.case import Case
from authweave.diagnosis.entry import Entry, Remedy, table
from authweave.diagnosis.listed import allowed_method
from authweave.diagnosis.redirects import leads_to_sign_in, why
from authweave.diagnosis.sent import (
    OWN_SCHEMES,
    audience,
    claims,
    expired,
    header_named,
    is_id_token,
    not_seen,
    not_yet_valid,
    prefix,
    prefix_twice,
    prefix_wanted,
)
from authweave.diagnosis.signing import is_bound, is_signed, wants_bound
from authweave.diagnosis.vendor_remedies import of_vendors


def _has_token(case: Case) -> bool:
    return case.settings is not None


def _not_accepted(case: Case) -> str:
    got = "Token obtained, but the API does not accept it" if _has_token(case) else "The API does not accept the credential"
    said = f" (`{case.challenge_words}`)" if case.challenges else ""
    renewed = " A renewed token was refused, too." if case.facts.get("renewed") else ""
    return f"{got}: {case.status}{said}{case.quoted or _why(case)}.{renewed}"


def _why(case: Case) -> str:
    """What can be seen in the request itself, as the end of a sentence."""
    if word := prefix_twice(case):
        return f": the prefix `{word}` stands there twice"
    if wanted := prefix_wanted(case):
        sent = f"`{prefix(case)}`" if prefix(case) else "no prefix"
        return f": it asks for `{wanted}`, and {sent} was sent"
    if is_id_token(case):
        return f": what was sent is an id token, for the client itself (aud {audience(case)})"
    if seconds := not_yet_valid(case):
        return f": the token is not valid yet; it begins in {seconds:.0f} s by the API's clock"
    if seconds := expired(case):
        return f": the token ended {seconds:.0f} s ago by the API's clock"
    return ": the API says that nothing came" if not_seen(case) else ""


def _forbidden(case: Case) -> str:
    if case.challenge("error") == "insufficient_scope":
        needed = case.challenge("scope")
        return f"The API knows you, but the scope does not suffice ({case.status})" + (f": it asks for {needed}{_granted(case)}." if needed else ".")
    if _says_expired(case):
        return f"The API forbids this ({case.status}), and its words are those of an expired credential{case.quoted}."
    likely = case.quoted or ": a role, a plan, an address list or a firewall, or a test endpoint that needs more rights"
    return f"The API knows you, but forbids this ({case.status}){likely}."


def _granted(case: Case) -> str:
    """Which scopes the token has, where it says so itself."""
    said = claims(case).get("scope") or claims(case).get("scp")
    words = " ".join(map(str, said)) if isinstance(said, list) else said
    return f", and the token has {words[:200]}" if isinstance(words, str) and words else ""


def _says_expired(case: Case) -> bool:
    """Are the words of a 403 those of a credential that ended?"""
    return case.vendor is None and case.status == 403 and any(_EXPIRED.search(text) for _, text in case.said)


def _wants_scope(case: Case) -> bool:
    return _has_token(case) and case.challenge("error") == "insufficient_scope"


def _was_read(case: Case) -> bool:
    """Does the answer say that the API found the token, and that it is the token that is wrong (RFC 6750 §3.1)?"""
    return case.challenge("error") == "invalid_token"


def _speaks_of_audience(case: Case) -> bool:
    return any("audience" in text.lower() for _, text in case.said) or "audience" in case.challenge("error_description").lower()


def _write_audience(case: Case) -> str:
    found = audience(case)
    return f"write the audience of this API: the token that came is for {found}" if found else "write the audience of this API"


def _has(name: str) -> Callable[[Case], bool]:
    """Does the profile ask for a token with this parameter?"""
    return lambda case: case.settings is not None and getattr(case.settings, name) is not None


def _says_error(case: Case) -> str:
    word = next((text for name, text in case.said if name.lower() in ("error", "code", "message", "reason") and text not in ("true", "false")), "")
    return f"HTTP says {case.status}, the body says {word or 'no'}: that may be a refusal, so it proves nothing{case.quoted}."


def _success(case: Case) -> str:
    names = {name for name, text in case.said if text == "false"}
    test = "response.json.ok" if "ok" in names else "response.json.success" if "success" in names else "not response.json.error"
    return f"write `[{{status: [200], when: '{{{{ {test} }}}}'}}]`, so that this answer counts as what it is"


def _written(case: Case, name: str) -> bool:
    """Does the profile write where this member of the token answer stands?"""
    return case.settings is not None and name in case.settings.token_response.written


def _token_template(case: Case) -> str:
    return "{{ token.access_token }}" if _has_token(case) else case.input_named


def _header_wanted(case: Case) -> str:
    return f"write `[{{in: header, key: Authorization, value: '{prefix_wanted(case)} {_token_template(case)}'}}]`: the API asks for {prefix_wanted(case)}"


def _wants_type(case: Case) -> bool:
    """Does the API ask for a scheme that is an auth type of its own, not a word before a token?"""
    return prefix_wanted(case).lower() in OWN_SCHEMES and case.own_type not in _SCHEMES


def _wants_word(case: Case) -> bool:
    return bool(prefix_wanted(case)) and not _wants_type(case) and case.own_type not in _SCHEMES


def _is_placed_rightly(case: Case) -> bool:
    """Does the API ask for the very scheme that was sent, so that the value behind it is wrong? It is made of what was supplied."""
    return not _has_token(case) and bool(case.challenges) and prefix(case).lower() in {one.scheme for one in case.challenges} and not not_seen(case)


def _again(case: Case) -> str:
    return "no (renewing was tried where it can help)" if _has_token(case) else "no"


def _wrong_request(case: Case) -> str:
    return f"Authentication looks accepted; the test call itself is wrong ({case.status})."


_EXPIRED: Final = re.compile(r"(?i)\bexpired?\b|token[ _-]?(is )?(invalid|revoked|no longer valid)|invalid[ _-]?(access[ _-]?)?token|session[ _-]?(timed? ?out|ended|not found)")
_SCHEMES: Final = frozenset({"basic", "digest", "negotiate", "ntlm", "oauth1", "aws_sigv4"})
_FIELDS: Final = "is it the header, prefix (`Bearer`, `Token`) and place that the API documents?"
_SCOPES: Final = "the token may be for another audience: ask for the scope of this API"
_SUPPLY: Final = "supply the present value: it may be rotated, or that of another environment"
_REFUSED: Final = (
    Remedy("auth.dpop", "write true: this API wants tokens that are bound to a key", wants_bound),
    *of_vendors("api_401"),
    Remedy("auth.fields", lambda case: f"write `{_token_template(case)}` without `{prefix_twice(case)} ` in front, or take that word out of the value", lambda case: bool(prefix_twice(case))),
    Remedy("inputs.*", "look at the value of {odd_secret}", lambda case: bool(case.odd_secret) and not _has_token(case)),
    Remedy("auth.type", lambda case: f"write `{prefix_wanted(case).lower()}`: the API asks for {prefix_wanted(case)}", _wants_type),
    Remedy("auth.fields", _header_wanted, _wants_word),
    Remedy("auth.fields", "place `token.access_token`: what was sent is an id token", lambda case: is_id_token(case) and not _written(case, "access_token")),
    Remedy("auth.token_response.access_token", "read `access_token`, not `id_token`, of the answer: what was sent is an id token", lambda case: is_id_token(case) and _written(case, "access_token")),
    Remedy("auth.fields", lambda case: f"place it as the API's words say: `{{in: header, key: {header_named(case)}, value: '{_token_template(case)}'}}`", lambda case: bool(header_named(case)) and not_seen(case)),
    Remedy("auth.fields", "place it where the API looks for it (another header, `in: query`, `in: cookie`): it says that nothing came", not_seen),
    Remedy("auth.dpop", "look at the clock of this machine, and whether `servers` has the URL that the API knows for itself: a proof holds both", is_bound),
    Remedy("auth.string_to_sign", "compare the string with the API's own example, line for line; a wrong clock counts, too", is_signed),
    Remedy("auth.signing_key", "is it decoded as the API means it: as it is, `| unbase64`, `| unhex`?", is_signed),
    *OF_TYPE,
    Remedy("auth.resource", _write_audience, lambda case: _speaks_of_audience(case) and _has("resource")(case)),
    Remedy("auth.audience", _write_audience, lambda case: _has_token(case) and (_speaks_of_audience(case) or _has("audience")(case))),
    Remedy("auth.resource", "ask for a token for this API", _has("resource")),
    Remedy("auth.scopes", _SCOPES, lambda case: _has_token(case) and _was_read(case)),
    Remedy("inputs.*", _SUPPLY, _is_placed_rightly),
    Remedy("auth.fields", _FIELDS, lambda case: case.own_type not in _SCHEMES),
    Remedy("auth.scopes", _SCOPES, _has_token),
    Remedy("inputs.*", "look at the value of {odd_secret}", lambda case: bool(case.odd_secret)),
    Remedy("inputs.*", _SUPPLY, lambda case: not _has_token(case)),
    Remedy("servers", "is this the API of the environment that the credential is for?"),
)

ENTRIES = table(
    Entry("api_401", _not_accepted, _REFUSED, verdict="refused", retry=_again),
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
        *of_vendors("api_403"),
        Remedy("auth.scopes", lambda case: f"add the scope {case.challenge('scope')}" if case.challenge("scope") else "add the scope that this needs", _wants_scope),
        Remedy("auth.rejected_when", "add `{{status: [403]}}`: this API says 403 for a credential that expired, and a new one helps", _says_expired),
        Remedy("test.request.url", "ask for something that every accepted credential may see"),
        Remedy("auth.scopes", "add the scope that this needs, if it is a matter of scope", _has_token),
        Remedy("auth.rejected_when", "add `{{status: [403]}}`, if this API says 403 for an expired credential"),
    ), verdict="forbidden"),
    Entry("api_404", _wrong_request, (
        Remedy("test.request.url", "write a path that exists; it is relative to the first of `servers`"),
        Remedy("servers", "does the path of the first server count twice, or is it missing?"),
    )),
    Entry("api_405", _wrong_request, (
        Remedy("test.request.method", lambda case: f"write `{allowed_method(case)}`, which the answer allows", lambda case: bool(allowed_method(case))),
        Remedy("test.request.method", "write the method that the path takes"),
        Remedy("test.request.url", "is this the right path?"),
    )),
    Entry("api_400", _wrong_request, (
        *of_vendors("api_400"),
        Remedy("test.request.fields", "add the parameters or headers (such as a version) that the call needs"),
        Remedy("test.request.url", "write a simpler call, which needs no parameters"),
    )),
    Entry("api_415", _wrong_request, (
        Remedy("test.request.encoding", "write the encoding that the call takes"),
        Remedy("test.request.content_type", "write the media type that the call takes"),
    )),
    Entry("api_429", "Inconclusive: the API is limiting requests ({status}{words}).", retry="yes, after the time the API named"),
    Entry("api_5xx", "Inconclusive: the API is failing ({status}).", retry="yes, later"),
    Entry("api_redirect", lambda case: f"The API redirected to {case.location} ({case.status}){why(case)}. The credential is not forwarded.", (
        Remedy("servers", "is this the API, not the web site? it leads people to a page for signing in", leads_to_sign_in),
        Remedy("test.request.url", "write the URL that it redirects to, if that is the API (a missing slash, http for https)"),
        Remedy("servers", "write the origin that it redirects to, if it may have the credential"),
    )),
    Entry("api_html", "The API answered {status} with a web page{title}: that may be a sign-in page, so it proves nothing.", (
        Remedy("test.request.url", "ask for something that answers with data"),
        Remedy("test.accepted_when", "say what an accepted answer looks like, if a page is one"),
        Remedy("servers", "is this the API, not the web site?"),
    )),
    Entry("api_error_in_200", _says_error, (
        Remedy("test.accepted_when", _success),
        Remedy("auth.rejected_when", "say how this API refuses a credential in the body, so that a token that ended is renewed"),
        Remedy("test.request.url", "ask for something that every accepted credential may see"),
    )),
    Entry("api_status", "Inconclusive: the API answered {status}.", (
        Remedy("test.request.url", "write a call whose success is certain"),
        Remedy("test.accepted_when", "say what an accepted answer looks like"),
    )),
)  # fmt: skip

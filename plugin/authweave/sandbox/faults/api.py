"""What goes wrong at the API, with a token that was got."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from authweave.sandbox.faults.fault import Fault, Struck, Usual, fits_every, on_api, refused_token
from authweave.sandbox.listener import Reply, json_reply

if TYPE_CHECKING:
    from authweave.profile import Profile

_SCOPE: Final = 'Bearer realm="sandbox", error="insufficient_scope", scope="sandbox.admin"'


def _early_expiry(struck: Struck, usual: Usual) -> Reply:
    if struck.stage == "api":
        for account in struck.accounts:
            account.end_tokens("revoked before its time", used_only=True)
    return usual()


def _unproven(struck: Struck, usual: Usual) -> Reply:
    """RFC 7616 §3.5: the server proves that it knows the password; this one proves something else."""
    reply = usual()
    if struck.stage != "api" or reply.status != 200:
        return reply
    others = tuple((name, value) for name, value in reply.headers if name.lower() != "authentication-info")
    return dataclasses.replace(reply, headers=(*others, ("Authentication-Info", 'rspauth="00", qop=auth')))


def _has_test(profile: Profile) -> str:
    """Why nothing is asked of the API; ''."""
    return "has no test that calls the API" if isinstance(profile.tests, str) else ""


def decides_by_status(profile: Profile) -> str:
    """Why a profile that reads answers in its own way cannot show it; ''."""
    if not isinstance(profile.tests, str) and any(test.accepted_when for test in profile.tests):
        return "says itself what an accepted answer looks like; shows with one that does not write test.accepted_when"
    return _has_test(profile)


def _one_test(profile: Profile) -> str:
    several = not isinstance(profile.tests, str) and len(profile.tests) != 1
    return "has several tests; shows with a profile that has one" if several else _has_test(profile)


def _of_types(*types: str) -> Callable[[Profile], str]:
    words = " or ".join(types)
    return lambda profile: "" if profile.variants[0].scheme.name in types else f"is of another type; shows with a profile of type {words}"


def _answered(code: str, what: str, reply: Reply, fits: Callable[[Profile], str] = decides_by_status, *also: str) -> Fault:
    return Fault(name=code, description=what, provokes=code, also=also, strike=on_api(reply), fits=fits)


def _text(status: int, *headers: tuple[str, str], body: bytes = b"") -> Reply:
    return Reply(status, body, (("Content-Type", "text/plain"), *headers))


_PAGE: Final = b"<!DOCTYPE html><html><head><title>Welcome to Sandbox</title></head><body>Please sign in.</body></html>"

FAULTS: Final = (
    Fault(name="early_expiry", description="a token is good for one request to the API, then 401", strike=_early_expiry),
    _answered("api_401", "the API refuses every credential", refused_token("the API refuses every credential"), fits_every),
    _answered("api_403", "the API wants another scope (insufficient_scope)", json_reply(403, {"error": "insufficient_scope"}, ("WWW-Authenticate", _SCOPE)), fits_every),
    _answered("api_400", "the test call lacks something", json_reply(400, {"message": "the header X-Version is missing"})),
    _answered("api_404", "the test call's path does not exist", _text(404)),
    _answered("api_405", "the test call's method is another one", _text(405, ("Allow", "POST"))),
    _answered("api_415", "the API takes another media type", _text(415)),
    _answered("api_429", "the API is limiting requests: Retry-After 30", _text(429, ("Retry-After", "30"))),
    _answered("api_5xx", "the API fails", json_reply(500, {"error": "the API fails"}), fits_every, "api_500"),
    _answered("api_redirect", "the API sends the client elsewhere", _text(302, ("Location", "https://login.example.com/"))),
    _answered("api_html", "the API answers with a web page", Reply(200, _PAGE, (("Content-Type", "text/html; charset=utf-8"),))),
    _answered("api_error_in_200", "the API says 200, and in the body that it is no success", json_reply(200, {"ok": False, "error": "not_in_channel"})),
    _answered("api_status", "the API answers with a status that says nothing (418)", _text(418)),
    _answered("api_anonymous", "the API answers everybody; `--control` shows it", json_reply(200, {"ok": True})),
    Fault(
        name="api_not_accepted", description="the answer is not what the test calls accepted", provokes="api_not_accepted",
        profile=lambda _: {"test.accepted_when": [{"when": "{{ response.json.accepted_by_nobody == true }}"}]}, fits=_one_test,
    ),
    Fault(
        name="api_rejected", description="the API says 419, which the profile takes for a refusal", provokes="api_rejected", strike=on_api(_text(419)),
        profile=lambda _: {"auth.rejected_when": [{"status": [419]}]}, fits=_has_test,
    ),
    _answered("api_other_scheme", "the API asks for Bearer", _text(401, ("WWW-Authenticate", 'Bearer realm="sandbox"')), _of_types("basic", "digest", "negotiate", "ntlm")),
    _answered(
        "digest_unknown", "the API asks for Digest with an algorithm that nobody knows", _text(401, ("WWW-Authenticate", 'Digest realm="sandbox", nonce="n", algorithm=NONE')),
        _of_types("digest"),
    ),
    Fault(name="server_unproven", description="the API's proof of itself is wrong", provokes="server_unproven", strike=_unproven, fits=_of_types("digest")),
)  # fmt: skip

"""The page of diagnoses: every row of the tables as it is said of an example, and every word of a vendor."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import ModuleType

from authweave.diagnosis import (
    ENTRIES,
    Case,
    Entry,
    Remedy,
    api,
    assertions,
    aws,
    discovery,
    logins,
    network,
    oauth1,
    profiles,
    signing,
    tls,
    token_answers,
    token_errors,
    worded,
)
from authweave.diagnosis.vendors import CODES
from authweave.errors import AuthweaveError, TokenEndpointError, WireError
from authweave.loading import loads
from authweave.values import TaskRequest, TaskResponse

HEAD = """\
# Diagnoses

<!-- Made from the code: python tests/generate_docs.py -->

`authweave test PROFILE` ends with a code, one sentence, what was seen, and at most three things to do, each with the key and its `file:line`.
Codes stay the same from version to version; sentences are fitted to what happened, here to an example. What fits the case comes first: not
every line of *what to do* is shown every time.

See any of them with a profile of yours, without secrets and without a network:

```sh
authweave test PROFILE --sandbox --fault invalid_client
```

Each code is the name of a fault; `authweave sandbox --faults` lists what happens. [Vendors' own words](#vendors-own-words) are faults, too: `--fault AADSTS7000215`.

*Verdict* is what a code says of the token or the credential: **refused** and **forbidden** are judgements, **inconclusive** means that nobody judged, **not tested**
that nothing was sent; – is a warning beside a test that goes on. *Retry* says whether the same request can help later.
"""
VENDORS = """\
## Vendors' own words

Where public documentation says what a vendor's word means, the sentence says it, and what to write comes first. Each is a fault: `authweave test PROFILE --sandbox --fault NAME`.
"""
FAMILIES: Mapping[str, tuple[ModuleType, ...]] = {
    "Before anything is sent": (profiles, assertions),
    "The way there": (network,),
    "TLS": (tls,),
    "Metadata and registration": (discovery,),
    "The token server refuses": (token_errors, logins),
    "The answer is no token, or an odd one": (token_answers,),
    "The API": (api,),
    "Signatures and bound tokens": (signing,),
    "OAuth 1.0a": (oauth1,),
    "AWS": (aws,),
}
_PROFILE = """\
format: 1
name: acme
identity_provider: Acme
servers: ['https://api.example.com']
auth: {type: oauth2, grant_type: client_credentials, token_url: 'https://idp.example.com/token', scopes: [read, write]}
test: {request: {url: /v1/me}}
"""
_FACTS = {
    "lifetime": "The token's lifetime is 86400000 s, more than a year: it looks like milliseconds.", "asked": "read write", "granted": "read", "token_type": "mac",
    "skew": 94.0, "supply": "as `AUTHWEAVE_ACME_CLIENT_SECRET`, say", "came_from": "its place", "problems": 2, "step": "discover", "listed": "‹what they list›", "description": "nobody has yet", "renewed": False, "token_call": True,
}  # fmt: skip
_WHAT = "‹what exactly›"
_HOLLOW = re.compile(r"``|`\s+`|value: ' |(write|one of|key:|list|of) ?(,|$)|  ")
"""Words in which something is missing that only a real case has."""
_SEEN = {
    "tls_expired": "the certificate of idp.example.com expired on 2026-01-02", "tls_not_yet_valid": "the certificate of idp.example.com begins on 2030-01-02",
    "tls_self_signed": "the certificate of idp.example.com is signed by itself", "tls_unknown_ca": "the certificate of idp.example.com is signed by an authority that is not known: Acme Proxy CA",
    "tls_name_mismatch": "the certificate is for www.example.com, not for idp.example.com", "tls_protocol_version": "idp.example.com speaks no version of TLS that is spoken here",
    "tls_client_certificate_refused": "idp.example.com does not take the client certificate that was shown", "step_refused": "step discover: the request was refused (404)",
    "step_unread": "step discover: what is to be kept is not there",
}  # fmt: skip


def families() -> Iterator[tuple[str, list[Entry]]]:
    """Every family with its rows; a row that is in none is in the last."""
    told: set[str] = set()
    for title, modules in FAMILIES.items():
        rows = [entry for module in modules for entry in module.ENTRIES.values()]
        told |= {entry.code for entry in rows}
        yield title, rows
    if left := [entry for code, entry in ENTRIES.items() if code not in told]:
        yield "More", left


def example(code: str) -> Case:
    """A case in which this is said."""
    profile = loads(_PROFILE, "acme.yaml")
    status = int(found[0]) if (found := re.search(r"(?<!\d)[1-5]\d\d(?!\d)", code)) else _STATUS.get(code, 400)
    of_api = code.startswith("api_")
    url = "https://api.example.com/v1/me" if of_api else "https://idp.example.com/token"
    made = _refusal if code in token_errors.ENTRIES else _other
    return Case(
        profile=profile, variant=profile.variants[0], error=made(code), request=TaskRequest("GET" if of_api else "POST", url, (), None),
        response=TaskResponse(status, _HEADERS.get(code, (("Content-Type", "text/plain"),)), b""), client_id="my-client", client_secret="x" * 39 + "/", has_test=True,
        suspicious=(("client_secret", "spaces or line ends stand around it"),), facts={key: value for key, value in _FACTS.items() if not (of_api and key == "token_call")} | {"refresh": code == "invalid_grant"},
    )  # fmt: skip


_STATUS = {"server_error": 500, "rate_limited": 429, "redirect_to_login": 302, "api_redirect": 302, "api_5xx": 503, "api_status": 418, "api_rejected": 419} | dict.fromkeys(
    ("wrong_content_type", "html_instead_of_json", "empty_or_partial_body", "json_malformed", "token_field_missing", "error_in_200", "api_html", "api_not_accepted", "server_unproven"), 200
)
_HEADERS = {
    "token_401": (("WWW-Authenticate", 'Basic realm="gateway"'),),
    "redirect_to_login": (("Location", "https://idp.example.com/login"),),
    "api_redirect": (("Location", "https://login.example.com/"),),
    "api_403": (("WWW-Authenticate", 'Bearer error="insufficient_scope", scope="admin"'),),
    "api_401": (("WWW-Authenticate", 'Bearer realm="example", error="invalid_token"'),),
    "api_other_scheme": (("WWW-Authenticate", "Negotiate"),),
    "digest_unknown": (("WWW-Authenticate", 'Digest realm="example", nonce="n", algorithm=NONE'),),
    "rate_limited": (("Retry-After", "120"),),
}


def _refusal(code: str) -> AuthweaveError:
    word = {"needs_person": "consent_required", "token_error": "E1017", "error_in_200": "E1017"}.get(code, code)
    if code in ("authorization_denied", "callback_refused", "sign_in_failed", "authorization_required", "reauthorize"):
        return AuthweaveError(_WHAT)
    return TokenEndpointError(status=400, url="https://idp.example.com/token", error=word)


def _other(code: str) -> AuthweaveError:
    if code in network.ENTRIES or code in tls.ENTRIES:
        return WireError(_SEEN.get(code, _WHAT), stage="tls" if code in tls.ENTRIES else "connect", host="idp.example.com", facts={"from": "the environment (HTTPS_PROXY)"})
    return AuthweaveError(_SEEN.get(code, _WHAT))


def said(entry: Entry) -> str:
    """The sentence of the example."""
    text = " ".join(entry.sentence(example(entry.code)).split())
    return re.sub(r"\.\.+$", ".", text)


def remedies(entry: Entry) -> Iterator[str]:
    """What to do, each with its keys; what fits the example first. Vendors' words are left out, and words that need what a case holds."""
    case = example(entry.code)
    ranked = sorted(entry.remedies, key=lambda remedy: not remedy.when(case))
    keys: dict[str, list[str]] = {}
    for remedy in ranked:
        words = "" if _is_of_vendor(remedy) else worded(remedy.say, case).removeprefix("request.url of this step: ")
        if words and not _HOLLOW.search(words) and remedy.key not in keys.setdefault(words, []):
            keys[words].append(remedy.key)
    for words, several in keys.items():
        if several:
            yield ", ".join("`" + key.replace("*", "‹name›") + "`" for key in several) + f": {words}"


def _is_of_vendor(remedy: Remedy) -> bool:
    return callable(remedy.say) and any(remedy.say(Case()) == f"{code.name}: {code.say}" for code in CODES.values() if code.key == remedy.key)


def page() -> str:
    """Every row by its family, then the vendors."""
    lines = [HEAD.rstrip("\n"), "", " · ".join(f"[{title}](#{_anchor(title)})" for title, _ in families())]
    for title, rows in families():
        lines += ["", f"## {title}", "", _row("code", "what it says", "what to do", "verdict", "retry"), _row(*["---"] * 5)]
        lines += [_of(entry) for entry in rows]
    lines += ["", VENDORS.rstrip("\n")]
    for vendor in dict.fromkeys(code.vendor for code in CODES.values()):
        lines += ["", f"### {vendor}", "", _row("name", "it means that", "what to write", "diagnosis"), _row(*["---"] * 4)]
        lines += [_row(f"`{code.name}`", code.means, f"`{code.key}`: {code.say}", f"`{code.row}`") for code in CODES.values() if code.vendor == vendor]
    return "\n".join([*lines, ""])


def _of(entry: Entry) -> str:
    todo = "<br>".join(remedies(entry)) or "–"
    return _row(f"`{entry.code}`", said(entry), todo, entry.verdict.replace("_", " ") or "–", worded(entry.retry, example(entry.code)))


def _anchor(title: str) -> str:
    return re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")


def _row(*cells: str) -> str:
    safe = (re.sub(r"(`[^`]*`)|<(?!br>)", lambda found: found[1] or "&lt;", cell) for cell in cells)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in safe) + " |"

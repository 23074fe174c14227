"""What else a token request could say: its encoding, its scope, whom the token is for, and where it goes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from authweave.errors import UrlRefused
from authweave.explaining.change import Change, Put, Rename, put
from authweave.explaining.clues import Clues
from authweave.urls import Origin

_SEPARATORS: Final = (" ", ",", "+")
_RESOURCE_SCOPE: Final = re.compile(r"(https://[^/\s{}]+|api://[^/\s{}]+)/(?!\.default$)[^\s{}]*")
_ENTRA: Final = re.compile(r"https://login\.microsoftonline\.(?:com|us)/|https://[^/]*\.b2clogin\.com/")
_GRAPH: Final = "https://graph.microsoft.com/.default"


def encoding(clues: Clues) -> Iterator[Change]:
    """JSON for form, form for JSON."""
    if clues.tokens is None or clues.tokens.token_request.content is not None:
        return
    other = {"form": "json", "json": "form"}.get(clues.tokens.token_request.encoding)
    if other and clues.auth["token_request"].get("content_type") is None:
        yield put(clues.at("token_request", "encoding"), other)


def scope_separator(clues: Clues) -> Iterator[Change]:
    """Other characters between several scopes."""
    scopes, present = clues.written.get("scopes"), clues.auth.get("scope_separator", " ")
    if isinstance(scopes, list) and len([one for one in scopes if not isinstance(one, dict) or one["key"] == "scope"]) > 1:
        yield from (put(clues.at("scope_separator"), other) for other in _SEPARATORS if other != present)
    elif isinstance(scopes, str) and "{{" not in scopes and re.search(r"\S[ ,+]\S", scopes.strip()):
        words = re.split(r"[ ,+]+", scopes.strip())
        yield from (put(clues.at("scopes"), other.join(words)) for other in _SEPARATORS if other.join(words) != scopes)


def default_scope(clues: Clues) -> Iterator[Change]:
    """All that a resource has granted, as Entra writes it for unattended clients."""
    scopes = _scopes(clues)
    resources = {found[1] for one in scopes if (found := _RESOURCE_SCOPE.fullmatch(one))}
    if len(resources) == 1 and "googleapis.com" not in "".join(resources):
        yield put(clues.at("scopes"), _alike(clues, f"{resources.pop()}/.default"))
    elif not resources and scopes and _ENTRA.match(clues.token_url) and not any("/.default" in one for one in scopes):
        yield put(clues.at("scopes"), _alike(clues, _GRAPH))


def without_scope(clues: Clues) -> Iterator[Change]:
    """No scope: some servers refuse whatever is asked for, and give what was granted."""
    omitted = clues.auth.get("token_request", {}).get("omit", [])
    if _scopes(clues) and "scope" not in omitted:
        yield put(clues.at("token_request", "omit"), [*omitted, "scope"])


def audience(clues: Clues) -> Iterator[Change]:
    """Whom the token is for, by the other parameter; where there is none, the API by its URL."""
    if clues.tokens is None or clues.tokens.is_session or clues.tokens.dpop:
        return
    written = [key for key in ("audience", "resource") if key in clues.written]
    if len(written) == 1:
        yield from _by_the_other(clues, written[0])
        if clues.code in ("invalid_target", "invalid_request", "api_401"):
            yield from _with_other_end(clues, written[0])
    elif not written and not _is_parameter(clues) and (server := _server(clues)):
        yield put(clues.at("audience"), server)
        yield put(clues.at("resource"), server)


def token_url(clues: Clues) -> Iterator[Change]:
    """The token endpoint that metadata or a redirect name, at the same origin: elsewhere nobody gets the credential for a guess."""
    if clues.tokens is None or clues.tokens.token_url is None:
        return
    for said_by, url in clues.token_urls.items():
        url = _absolute(url, clues.token_url)
        if url and url != clues.token_url:
            steps = (Put(clues.at("token_url"), _as_template(url, clues)),)
            yield Change(steps, left_out=_why_not(url, said_by, clues))


def _scopes(clues: Clues) -> list[str]:
    scopes = clues.written.get("scopes")
    if isinstance(scopes, str):
        return [scopes] if scopes else []
    return [one["value"] if isinstance(one, dict) else one for one in scopes or [] if not isinstance(one, dict) or one["key"] == "scope"]


def _alike(clues: Clues, scope: str) -> Any:
    """The scope as the profile writes its scopes."""
    return scope if isinstance(clues.written.get("scopes"), str) else [scope]


def _by_the_other(clues: Clues, key: str) -> Iterator[Change]:
    other = "resource" if key == "audience" else "audience"
    if clues.is_own(key):
        yield Change((Rename(clues.at(key), other),))
    else:
        yield put(clues.at(other), clues.written[key])


def _with_other_end(clues: Clues, key: str) -> Iterator[Change]:
    """With the slash at the end that is missing, or without the one that is there."""
    value = clues.written[key]
    if isinstance(value, str) and "//" in value:
        yield put(clues.at(key), value.removesuffix("/") if value.endswith("/") else f"{value}/")


def _is_parameter(clues: Clues) -> bool:
    """Does the profile say it in another place?"""
    scopes = clues.written.get("scopes")
    named = [one.get("key") for one in scopes if isinstance(one, dict)] if isinstance(scopes, list) else []
    named += [field.get("key") for field in clues.auth.get("token_request", {}).get("fields", ())]
    return bool({"audience", "resource"} & set(named))


def _server(clues: Clues) -> str:
    """The first server as it is written; '' for one that stands for many."""
    servers = clues.profile.merged.data.get("servers") or []
    first = servers[0] if servers else ""
    return "" if not isinstance(first, str) or "*" in first or re.search(r"(?<!\{)\{(?!\{)", first) else first


def _absolute(url: str, base: str) -> str:
    if url.startswith("/") and not re.match(r"//|[^‹{}]*[‹{}]", url):
        return re.sub(r"^(https?://[^/]*).*$", lambda found: found[1] + url, base)
    return url if re.match(r"https?://", url) and not re.search(r"[‹{}]", url) else ""


def _as_template(url: str, clues: Clues) -> str:
    """The URL with the host as the profile writes it, templates included."""
    text = clues.tokens.token_url.text if clues.tokens is not None and clues.tokens.token_url is not None else ""
    host = re.match(r"https?://(?:\{\{.*?\}\}|[^/{])*", text)
    return host[0] + re.sub(r"^https?://[^/]*", "", url) if host and _is_same_origin(url, clues.token_url) else url


def _why_not(url: str, said_by: str, clues: Clues) -> str:
    if not _is_same_origin(url, clues.token_url):
        return f"{said_by} names another origin; the credential goes to none that the profile does not name. Is it the provider's? Then write it"
    return ""


def _is_same_origin(one: str, other: str) -> bool:
    try:
        return Origin.of(one) == Origin.of(other)
    except UrlRefused:
        return False

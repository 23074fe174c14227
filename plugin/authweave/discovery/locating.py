"""Who authorizes here: from a URL that somebody knows (an issuer, its metadata, a resource, a token endpoint) to metadata that hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from authweave.discovery.finding import Asking, Finder, shown
from authweave.discovery.metadata import TOKEN_URL, Metadata
from authweave.discovery.places import OAUTH, OPENID, RESOURCE, issuer_places, resource_place
from authweave.discovery.resources import Resource
from authweave.errors import AuthweaveError, DiscoveryError
from authweave.urls import Origin
from authweave.urls.origins import split

MOST_ISSUERS: Final = 5
"""How many issuers are tried for one token endpoint: few servers have more above it, and each is asked three times."""


@dataclass(frozen=True, slots=True)
class Located:
    """Metadata that were found and hold, the resource that led to them, if one did, and the URLs that were asked before."""

    metadata: Metadata
    resource: Resource | None = None
    asked: tuple[str, ...] = ()


def located(url: str, finder: Finder, asking: Asking) -> Located:
    """Metadata for the URL of an issuer, of its metadata, or of a protected resource. Raises DiscoveryError, which says what was asked.

    An issuer that calls itself otherwise at the same origin (a slash at its end) is asked by that name. Nothing of another
    origin is believed because of this one.
    """
    issuer, resource = _bare(url)
    first: DiscoveryError | None = None
    if issuer:
        try:
            return Located(_metadata(issuer, finder, asking), asked=issuer_places(issuer))
        except DiscoveryError as error:
            if error.kind not in ("not_found", "unreadable", "unreachable") or (error.kind == "unreachable" and not error.status):
                raise
            first = error.fresh()
    return _by_resource(resource, finder, asking, first)


def by_token_url(token_url: str, finder: Finder, asking: Callable[[], Asking]) -> tuple[Located | None, tuple[str, ...], DiscoveryError | None]:
    """Metadata of the server that a token endpoint is of, by the usual places; and the URLs that were asked, and the worst that was answered.

    Those that name this very endpoint win; without such, the first that were found, or None where nobody has any.
    """
    found: Located | None = None
    failure: DiscoveryError | None = None
    asked: list[str] = []
    for issuer in issuers_above(token_url):
        asked += issuer_places(issuer)
        try:
            metadata = _metadata(issuer, finder, asking())
        except DiscoveryError as error:
            failure = error.fresh() if failure is None or _says_more(error, failure) else failure
            if error.kind == "unreachable" and not error.status:
                break  # all of them are at one origin
            continue
        found = found or Located(metadata, asked=tuple(asked))
        if metadata.endpoints.get(TOKEN_URL) == token_url:
            return Located(metadata, asked=tuple(asked)), tuple(asked), None
    return found, tuple(asked), failure


def issuers_above(url: str) -> tuple[str, ...]:
    """The issuers that a token endpoint may be of: its origin, and the paths above it, the longest first; the origin always."""
    parts = split(url.partition("?")[0], "token_url")
    front = f"{parts.scheme}://{parts.authority}"
    words = [word for word in parts.path.split("/") if word][:-1]
    above = [f"{front}/{'/'.join(words[:end])}" for end in range(len(words), 0, -1)]
    beside = [f"{front}/{'/'.join((*words[:-2], words[-1]))}"] if len(words) > 1 and words[-2] == "oauth2" else []  # /T/oauth2/v2.0/token is of /T/v2.0
    return (*beside, *above[: MOST_ISSUERS - 1 - len(beside)], front)


def _says_more(error: DiscoveryError, than: DiscoveryError) -> bool:
    """Is it worth more words than the other: nobody answered, or somebody did and named another?"""
    worth = ("not_found", "issuer_mismatch", "unreachable")
    return than.kind in worth and (error.kind not in worth or worth.index(error.kind) > worth.index(than.kind))


def places_of(url: str) -> tuple[str, ...]:
    """Every URL that `located` may ask for."""
    issuer, resource = _bare(url)
    return (*(issuer_places(issuer) if issuer else ()), *([resource_place(resource)] if resource else ()))


def _by_resource(resource: str, finder: Finder, asking: Asking, first: DiscoveryError | None) -> Located:
    failure = first
    try:
        if resource:
            said = finder.resource(resource, asking)
            return Located(_metadata(said.issuer, finder, asking), said, places_of(resource))
    except DiscoveryError as error:
        failure = _plainer(first, error.fresh())
    assert failure is not None  # noqa: S101 - without a resource there was an issuer that failed
    raise failure


def _plainer(first: DiscoveryError | None, second: DiscoveryError) -> DiscoveryError:
    """One error for both: what says more than that there is nothing wins."""
    if first is None or second.kind not in ("not_found", "unreachable"):
        return second
    if first.kind != "not_found":
        return first
    return DiscoveryError(second.kind, f"{first}; and {second}", url=first.url, status=first.status, retry=second.retry)


def _metadata(issuer: str, finder: Finder, asking: Asking) -> Metadata:
    """The metadata of an issuer, by the name that it gives itself at this origin."""
    other, failure = "", None
    try:
        return finder.metadata(issuer, asking)
    except DiscoveryError as error:
        failure = error.fresh()
        other = error.said if error.kind == "issuer_mismatch" and _is_beside(error.said, issuer) else ""
    if not other:
        raise failure
    return finder.metadata(other, asking)


def _is_beside(said: str, url: str) -> bool:
    try:
        return bool(said) and Origin.of(said) == Origin.of(url)
    except AuthweaveError:
        return False


def _bare(url: str) -> tuple[str, str]:
    """The issuer and the resource that a URL may stand for: without the well-known part that somebody copied with it."""
    for known in (OAUTH, OPENID):
        if known in url:
            return shown(url.replace(known, "", 1)), ""
    if RESOURCE in url:
        return "", url.replace(RESOURCE, "", 1)
    return ("" if "?" in url else url), url

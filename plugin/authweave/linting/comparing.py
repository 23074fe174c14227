"""A way to get a token beside the metadata of its server: every difference, with its place and what to write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from authweave.discovery.completing import (
    AUTHORIZATION,
    DEVICE,
    REGISTRATION,
    REVOCATION,
    TOKEN,
    is_discovered,
    written,
)
from authweave.discovery.doubts import Doubt, doubts, grants_of
from authweave.discovery.locating import Located
from authweave.discovery.metadata import ENDPOINTS, Metadata
from authweave.errors import AuthweaveError
from authweave.linting.finding import Finding
from authweave.linting.subject import Subject
from authweave.profile import Jwt

MOST_SHOWN: Final = 20
_ALGORITHMS: Final = "token_endpoint_auth_signing_alg_values_supported"
_PLACES: Final[Mapping[str, str | tuple[str, ...]]] = {
    TOKEN: TOKEN, AUTHORIZATION: AUTHORIZATION, DEVICE: DEVICE, REGISTRATION: REGISTRATION, REVOCATION: ("revoke_request", "url"),
}  # fmt: skip
"""Where a profile writes an endpoint."""
_SAYS: Final[Mapping[str, tuple[str, str, str, str]]] = {
    "unsupported_client_auth": ("client_auth", "error", "the server does not list client_auth {asked}", "write one of {listed}"),
    "unsupported_grant": ("grant", "error", "the server does not list the grant {asked}", "write one of {listed}, or ask the provider"),
    "unsupported_pkce": ("pkce", "warning", "the server does not list the code challenge method {asked}", "write one of {listed}, or ask the provider"),
    "unsupported_dpop": ("dpop", "error", "the server lists no DPoP algorithm that is used here ({asked})", "leave dpop out, or ask the provider for {asked}"),
    "unsupported_scope": ("scope", "warning", "the server does not list the scope {asked}", "look for a typing error; it lists {listed}, and some servers do not list all they know"),
}  # fmt: skip
"""Rule, severity, message and fix for each thing that metadata speak against."""


def compared(subject: Subject, located: Located, *, derived: bool) -> Iterator[Finding]:
    """Every difference. `derived`: the metadata were found by the token endpoint; the profile does not name their issuer."""
    metadata = located.metadata
    yield from _endpoints(subject, metadata, derived=derived)
    if derived and metadata.endpoints.get(TOKEN) != _own_url(subject, TOKEN):
        return  # who names another token endpoint may be another server at the same origin
    yield from _missing(subject, metadata)
    yield from _doubts(subject, located)
    yield from _response_type(subject, metadata)
    yield from _algorithm(subject, metadata)
    yield from _hints(subject, metadata, derived=derived)


def _endpoints(subject: Subject, metadata: Metadata, *, derived: bool) -> Iterator[Finding]:
    for name, place in _PLACES.items():
        own = _own_url(subject, name)
        said = metadata.endpoints.get(name, "")
        if not own or not said or own == said:
            continue
        path = (*subject.path, *((place,) if isinstance(place, str) else place))
        member, instead = ENDPOINTS[name], "" if derived or name == REVOCATION else ", or leave it out: the metadata name it"
        if own.partition("://")[2] == said.partition("://")[2]:
            rule, severity, message = "http", "error", f"the server has this endpoint at {said.partition(':')[0]}://, not at {own.partition(':')[0]}://"
        elif own.rstrip("/") == said.rstrip("/"):
            rule, severity, message = name, "warning", "the metadata write this endpoint otherwise: a slash at its end counts"
        else:
            rule, severity, message = name, "warning", f"the metadata name another {member}"
        yield subject.finding(rule, path, f"{message}: {said}", f"write {said}{instead}", severity, metadata_url=metadata.url, member=member, says=(said,))


def _own_url(subject: Subject, name: str) -> str:
    """An endpoint as the profile comes to it; '' where it writes none, or where nobody can say."""
    template = written(subject.settings, name)
    if template is None:
        return ""
    try:
        return subject.text(template)
    except AuthweaveError:
        return ""


def _missing(subject: Subject, metadata: Metadata) -> Iterator[Finding]:
    """What the profile leaves to metadata that do not have it."""
    settings = subject.settings
    if not is_discovered(settings):
        return
    by_person = {DEVICE} if settings.at_device else {AUTHORIZATION} if settings.grant_signs_in else set()
    for name in sorted({TOKEN, *by_person}):
        if written(settings, name) is None and name not in metadata.endpoints:
            message = f"the metadata name no {ENDPOINTS[name]}, and the profile writes no {name}"
            yield subject.finding(name, _whose(subject), message, f"write {name}", "error", metadata_url=metadata.url, member=ENDPOINTS[name])


def _doubts(subject: Subject, located: Located) -> Iterator[Finding]:
    metadata, of_resource = located.metadata, located.resource.scopes if located.resource else ()
    places = {scope: place for scope, place in subject.scopes() if scope not in of_resource}
    for doubt in doubts(subject.settings, metadata, places):
        if doubt.code in _SAYS:
            yield _doubted(subject, doubt, metadata, places.get(doubt.asked) if doubt.key == "scopes" else None)


def _doubted(subject: Subject, doubt: Doubt, metadata: Metadata, place: Any) -> Finding:
    rule, severity, message, fix = _SAYS[doubt.code]
    words = {"asked": doubt.asked, "listed": _listed(grants_of(doubt.listed) if rule == "grant" else doubt.listed)}
    return subject.finding(
        rule, place or doubt.key, message.format(**words), fix.format(**words), severity, metadata_url=metadata.url, member=doubt.member, says=doubt.listed
    )


def _response_type(subject: Subject, metadata: Metadata) -> Iterator[Finding]:
    settings, member = subject.settings, "response_types_supported"
    if settings.grant_signs_in and not settings.at_device and metadata.supports(member, "code") is False:
        listed = metadata.lists[member]
        yield subject.finding(
            "response_type", "grant_type", f"the server answers no authorization request with a code: it lists {_listed(listed)}",
            "ask the provider, or write another grant", "error", metadata_url=metadata.url, member=member, says=listed,
        )  # fmt: skip


def _algorithm(subject: Subject, metadata: Metadata) -> Iterator[Finding]:
    assertion = subject.settings.client_assertion
    if not isinstance(assertion, Jwt):
        return
    try:
        algorithm = subject.text(assertion.algorithm) if hasattr(assertion.algorithm, "render") else str(assertion.algorithm)
    except AuthweaveError:
        return
    if metadata.supports(_ALGORITHMS, algorithm) is False:
        listed = metadata.lists[_ALGORITHMS]
        yield subject.finding(
            "algorithm", (*subject.path, "client_assertion", "algorithm"), f"the server does not list {algorithm} for assertions of clients",
            f"write one of {_listed(listed)}", "error", metadata_url=metadata.url, member=_ALGORITHMS, says=listed,
        )  # fmt: skip


def _hints(subject: Subject, metadata: Metadata, *, derived: bool) -> Iterator[Finding]:
    """What the server offers, and the profile does not use."""
    settings = subject.settings
    if derived:
        yield subject.finding(
            "issuer", "token_url", f"this server has metadata, as the issuer {metadata.issuer}", f"write issuer: {metadata.issuer}, and what is not written comes from there",
            "info", metadata_url=metadata.url, member="issuer", says=(metadata.issuer,),
        )  # fmt: skip
    if derived and settings.revoke_request is None and (url := metadata.endpoints.get(REVOCATION)):
        yield subject.finding(
            "revocation", "token_url", f"the server ends tokens at {url}, and nothing here does", "write issuer, or revoke_request: authweave logout then ends them there",
            "info", metadata_url=metadata.url, member=ENDPOINTS[REVOCATION], says=(url,),
        )  # fmt: skip
    if not settings.after and (url := metadata.endpoints.get("introspection_url")):
        yield subject.finding(
            "introspection", _whose(subject), f"the server says at {url} what a token is good for, and nothing here asks", "write a step in after, if token answers leave out when a token ends",
            "info", metadata_url=metadata.url, member=ENDPOINTS["introspection_url"], says=(url,),
        )  # fmt: skip
    if settings.grant_signs_in and not settings.at_device and settings.sign_in.pkce != "S256" and metadata.supports("code_challenge_methods_supported", "S256"):
        yield subject.finding(
            "pkce", "pkce", "the server takes proof keys as S256, and the profile does not send such", "leave pkce out: S256 is the default",
            "warning", metadata_url=metadata.url, member="code_challenge_methods_supported", says=metadata.lists["code_challenge_methods_supported"],
        )  # fmt: skip


def _whose(subject: Subject) -> str:
    """The key that says whose metadata these are."""
    settings = subject.settings
    return "issuer" if settings.discovery.issuer is not None else "token_url" if settings.token_url is not None else "resource"


def _listed(items: tuple[str, ...]) -> str:
    shown = ", ".join(items[:MOST_SHOWN]) or "nothing"
    return f"{shown} and {len(items) - MOST_SHOWN} more" if len(items) > MOST_SHOWN else shown

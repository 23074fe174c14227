"""Whose metadata a way to get a token is compared with, and what is said where there are none."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from authweave.discovery.completing import is_discovered, names_by_resource
from authweave.discovery.finding import Asking, Exchange, Finder, shown
from authweave.discovery.locating import Located, by_token_url
from authweave.discovery.places import issuer_places
from authweave.errors import ApplyError, AuthweaveError, DiscoveryError, InputError
from authweave.linting.comparing import compared
from authweave.linting.finding import Finding
from authweave.linting.subject import Subject
from authweave.urls import Origin, is_literal

_WAITS: tuple[str, ...] = ("unreachable",)


def findings(subject: Subject, finder: Finder, exchange: Exchange, deadline: float) -> Iterator[Finding]:
    """Everything that the provider's metadata say against a way to get a token, or why nothing could be compared."""

    def asking() -> Asking:
        return Asking(exchange, time.monotonic() + deadline, "lint")

    settings = subject.settings
    key = "issuer" if settings.discovery.issuer is not None else "resource" if names_by_resource(settings) else "token_url"
    try:
        if is_discovered(settings):
            yield from compared(subject, _named(subject, finder, asking), derived=False)
            yield from _other_issuer(subject, finder, asking)
        elif settings.token_url is not None:
            yield from _derived(subject, finder, asking)
    except DiscoveryError as error:
        yield _failed(subject, key, error)
    except (InputError, ApplyError) as error:
        yield subject.finding("inputs", key, f"not compared: {_plain(error)}", "give what is missing with --input or --tenant", "info")


def where_asked(subject: Subject) -> str:
    """The origin that is asked first, so that one server is not asked by many at once; '' where nobody can say."""
    settings = subject.settings
    template = settings.discovery.issuer or (settings.resource if names_by_resource(settings) else settings.token_url)
    try:
        return str(Origin.of(subject.text(template))) if template is not None else ""
    except AuthweaveError:
        return ""


def _named(subject: Subject, finder: Finder, asking: Callable[[], Asking]) -> Located:
    """The metadata of the issuer that the profile writes, or that its resource names. Raises DiscoveryError, InputError, TemplateError."""
    settings = subject.settings
    if settings.discovery.issuer is not None:
        issuer = subject.text(settings.discovery.issuer)
        return Located(finder.metadata(issuer, asking()), asked=issuer_places(issuer))
    resource = finder.resource(subject.text(settings.resource), asking())
    return Located(finder.metadata(resource.issuer, asking()), resource)


def _derived(subject: Subject, finder: Finder, asking: Callable[[], Asking]) -> Iterator[Finding]:
    """By the usual places above the token endpoint."""
    found, asked, failure = by_token_url(subject.text(subject.settings.token_url), finder, asking)
    if found is not None:
        yield from compared(subject, found, derived=True)
    elif failure is not None and failure.kind in _WAITS:
        yield _failed(subject, "token_url", failure)
    else:
        places = ", ".join(map(shown, asked))
        odd = "" if failure is None or failure.kind == "not_found" else f" that hold ({failure})"
        fix = f"write issuer: {failure.said}, if that is who it is" if failure is not None and is_literal(failure.said) else "write issuer, if they stand elsewhere"
        yield subject.finding("none", "token_url", f"not compared: the server publishes no metadata{odd}; asked were {places}", fix, "info")


def _other_issuer(subject: Subject, finder: Finder, asking: Callable[[], Asking]) -> Iterator[Finding]:
    """Does the resource name another issuer than the profile writes? A resource that says nothing is none of this."""
    settings = subject.settings
    if settings.discovery.issuer is None or settings.resource is None:
        return
    try:
        said = finder.resource(subject.text(settings.resource), asking())
    except DiscoveryError:
        return
    if said.issuer != subject.text(settings.discovery.issuer):
        yield subject.finding(
            "resource", "issuer", f"the resource names another issuer: {said.issuer}", f"write {said.issuer}, or leave issuer out: the resource names it", "warning",
            metadata_url=said.url, member="authorization_servers", says=(said.issuer,),
        )  # fmt: skip


def _failed(subject: Subject, key: str, error: DiscoveryError) -> Finding:
    """Metadata that cannot be had, or not be believed: wrong where calls rest on them."""
    if error.kind in _WAITS:
        return subject.finding("unreachable", key, f"not compared: {error}", "try again, or correct the host", "warning", metadata_url=error.url)
    rule = {"not_found": "none", "issuer_mismatch": "issuer", "resource_mismatch": "resource"}.get(error.kind, "metadata")
    fix = f"write {error.said}, if you trust it" if is_literal(error.said) else "write the endpoints yourself, or correct it"
    severity = "error" if _rests_on_metadata(subject) or error.kind == "issuer_mismatch" else "warning"
    return subject.finding(rule, key, str(error), fix, severity, metadata_url=error.url, says=(error.said,) if error.said else ())


def _rests_on_metadata(subject: Subject) -> bool:
    return subject.settings.token_url is None


def _plain(error: AuthweaveError) -> str:
    return str(error).partition("\n")[0]

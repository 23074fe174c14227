"""What an egress policy finds in a profile when it is loaded: hosts that it refuses, and values that could choose one.

Looks at the finished profile, so that it holds for one that a host made elsewhere and connects, too.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, Final

from authweave.contracts import Departure
from authweave.egress.bounds import Bounds
from authweave.egress.guard import Guard
from authweave.egress.hosts import shown_host
from authweave.errors import AuthweaveError
from authweave.profile import Profile
from authweave.templates.expressions import Expression
from authweave.urls import UrlTemplate
from authweave.urls.origins import DEFAULT_PORTS, host_and_port
from authweave.values import Problem, path_of

RULE: Final = "egress"
_LOOKS: Final = frozenset({"host", "whole host", "base", "port"})


def urls_of(profile: Profile) -> tuple[UrlTemplate, ...]:
    """Every URL of a profile, each once."""
    found = {id(url): url for part in (profile.servers, profile.variants, profile.tests) for url in _urls(part)}
    return tuple(found.values())


def ports_of(profile: Profile) -> frozenset[int]:
    """The ports that the URLs of a profile write out."""
    authorities = (_authority(url) for url in urls_of(profile))
    return frozenset(port for authority in authorities if authority and (port := _port(authority)))


def problems_of(profile: Profile, guard: Guard) -> list[Problem]:
    """Why calls of this profile would be refused, or could be led elsewhere, as far as that is written; each at its place."""
    bounds = Bounds(profile)
    ports = ports_of(profile)
    return list(dict.fromkeys(problem for url in urls_of(profile) for problem in _of_url(profile, guard, bounds, ports, url)))


def _of_url(profile: Profile, guard: Guard, bounds: Bounds, ports: frozenset[int], url: UrlTemplate) -> Iterator[Problem]:
    expressions = (part for part in url.template.parts if isinstance(part, Expression))
    for expression, place in zip(expressions, url.frame.places, strict=True):
        if place in _LOOKS and (found := bounds.why_not(expression, place)):
            yield _problem(profile, url, *found)
    authority = _authority(url)
    if authority is None:
        return
    host, port = authority
    departure = Departure(url.frame.scheme, host or "a.host", port or DEFAULT_PORTS[url.frame.scheme], "", "profile", profile.name, "", ports)
    if (why := guard.why_not(departure)) is not None:
        yield _problem(profile, url, f"{url.frame.scheme}://{shown_host(host)} may not be called: {why}" if host else why, "")


def _problem(profile: Profile, url: UrlTemplate, message: str, fix: str) -> Problem:
    return profile.merged.problem(RULE, path_of(url.template.key), f"{message} (settings: egress)", fix)


def _authority(url: UrlTemplate) -> tuple[str, int | None] | None:
    """Host ('' where a value stands in it) and port of a URL that writes them; None for a relative one and a supplied front."""
    if url.relative or url.frame.based:
        return None
    written = "".join(part if isinstance(part, str) else "\0" for part in url.template.parts).partition("://")[2]
    authority = written.replace("?", "/").partition("/")[0].removeprefix("*.")
    host, colon, port = authority.rpartition(":") if authority.rpartition(":")[2].isdecimal() else (authority, "", "")
    if "\0" in authority:
        return "", int(port) if colon and "\0" not in port else None
    try:
        return host_and_port(authority)
    except AuthweaveError:
        return host, None


def _port(authority: tuple[str, int | None]) -> int | None:
    return authority[1]


def _urls(part: Any) -> Iterator[UrlTemplate]:
    """Every URL below a part of a profile, whatever holds it."""
    if isinstance(part, UrlTemplate):
        yield part
    elif isinstance(part, Mapping):
        for member in part.values():
            yield from _urls(member)
    elif isinstance(part, tuple | list | frozenset):
        for member in part:
            yield from _urls(member)
    elif dataclasses.is_dataclass(part) and not isinstance(part, type):
        for field in dataclasses.fields(part):
            yield from _urls(getattr(part, field.name))

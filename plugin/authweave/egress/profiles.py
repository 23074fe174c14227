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
from authweave.net.addresses import numeric
from authweave.net.target import bracketed
from authweave.profile import Profile
from authweave.templates.expressions import Expression
from authweave.urls import UrlTemplate
from authweave.urls.origins import DEFAULT_PORTS, host_and_port
from authweave.values import Problem, path_of

RULE: Final = "egress"
_SOME_HOST: Final = "x.example"
"""Where a value is the whole host: what it comes to is asked about when it is known."""
_LOOKS: Final = frozenset({"host", "whole host", "base", "port"})


def urls_of(profile: Profile) -> tuple[UrlTemplate, ...]:
    """Every URL of a profile, each once."""
    found = {id(url): url for part in (profile.servers, profile.variants, profile.tests) for url in _urls(part)}
    return tuple(found.values())


def ports_of(profile: Profile) -> frozenset[int]:
    """The ports that the URLs of a profile write out."""
    authorities = (_authority(url) for url in urls_of(profile))
    return frozenset(port for authority in authorities if authority and (port := _port(authority)))


def hosts_of(profile: Profile) -> frozenset[str] | None:
    """The hosts that no value chooses, where values choose others freely: `.acme.example` is all below it. None where they choose none."""
    bounds = Bounds(profile)
    is_open, written = False, set()
    for url in urls_of(profile):
        if any(bounds.why_not(expression, place) for expression, place in choosing(url) if place != "port"):
            is_open = True
        elif not url.relative and not url.frame.based and (host := _written_host(url)):
            written.add(host)
    return frozenset(written) if is_open else None


def _written_host(url: UrlTemplate) -> str:
    """The host that is written out, or the domain that comes after a value; '' where that chooses the domain, too."""
    if not any(place in ("host", "whole host") for place in url.frame.places):
        authority = _authority(url)
        return authority[0] if authority else ""
    end = url.frame.host_end.partition(":")[0].lower().rstrip(".")
    return "" if url.frame.deciding else end[end.index(".") :]


def problems_of(profile: Profile, guard: Guard) -> list[Problem]:
    """Why calls of this profile would be refused, or could be led elsewhere, as far as that is written; each at its place. What a default only
    repeats (`refresh_url` is `token_url`) is told once."""
    bounds = Bounds(profile, open_hosts=guard.allows_open_hosts)
    ports = ports_of(profile)
    found = [*(problem for url in urls_of(profile) for problem in _of_url(profile, guard, bounds, ports, url)), *_of_tickets(profile, guard)]
    written = {problem.message for problem in found if profile.merged.is_written(path_of(problem.key))}
    return [problem for problem in dict.fromkeys(found) if problem.message not in written or profile.merged.is_written(path_of(problem.key))]


def _of_tickets(profile: Profile, guard: Guard) -> Iterator[Problem]:
    """A seal that asks outside (Kerberos) does so by a library, over connections that nothing here sees."""
    for variant in profile.variants:
        if not getattr(variant.seal, "asks_outside", False):
            continue
        departure = Departure("kerberos", "", 88, "", "ticket", profile.name)
        if guard.why_not(departure) is not None:
            message = "tickets are asked for by a library, over connections that an egress policy does not see"
            yield profile.merged.problem(RULE, (*path_of(variant.origin), "type"), f"{message} ({guard.origin})", "a policy of the host's own can allow it (purpose ticket)")


def _of_url(profile: Profile, guard: Guard, bounds: Bounds, ports: frozenset[int], url: UrlTemplate) -> Iterator[Problem]:
    for expression, place in choosing(url):
        if found := bounds.why_not(expression, place):
            yield _problem(profile, url, guard.origin, *found)
    authority = _authority(url)
    if authority is None:
        return
    host, port = authority
    address = numeric(host) or ""
    departure = Departure(url.frame.scheme, host, port or DEFAULT_PORTS[url.frame.scheme], address, "profile", profile.name, "", ports)
    if (why := guard.why_not(departure)) is not None:
        yield _problem(profile, url, guard.origin, f"{url.frame.scheme}://{shown_host(bracketed(host))} may not be called: {why}", "")


def choosing(url: UrlTemplate) -> Iterator[tuple[Expression, str]]:
    """The expressions that stand in scheme, host or port, each with what it chooses."""
    expressions = (part for part in url.template.parts if isinstance(part, Expression))
    for expression, place in zip(expressions, url.frame.places, strict=True):
        if place in _LOOKS:
            yield expression, value_place(url, place)


def value_place(url: UrlTemplate, place: str) -> str:
    """The place of a value in a host: before a domain that is written out, or where it chooses the domain itself."""
    if place != "host" or place not in url.frame.deciding:
        return place
    before = url.template.parts[0]
    is_alone = isinstance(before, str) and before.endswith("://") and not url.frame.host_end.partition(":")[0]
    return "whole host" if is_alone else "open host"


def _problem(profile: Profile, url: UrlTemplate, origin: str, message: str, fix: str) -> Problem:
    return profile.merged.problem(RULE, path_of(url.template.key), f"{message} ({origin})", fix)


def _authority(url: UrlTemplate) -> tuple[str, int | None] | None:
    """Host (with `x` where a value stands in it) and port of a URL; None for a relative one and a supplied front."""
    if url.relative or url.frame.based:
        return None
    written = "".join(part if isinstance(part, str) else "\0" for part in url.template.parts).partition("://")[2]
    authority = written.replace("?", "/").partition("/")[0].removeprefix("*.")
    host, colon, port = authority.rpartition(":") if authority.rpartition(":")[2].isdecimal() else (authority, "", "")
    if "\0" in authority:
        name = host.partition(":")[0].lower().replace("\0", "x").rstrip(".")
        return name if "." in name else _SOME_HOST, int(port) if colon and "\0" not in port else None
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

"""Which origins may get a credential, and where a task request goes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from authweave.drafts.url import finished_url
from authweave.errors import ApplyError, NoServers, OriginRefused, UrlRefused
from authweave.limits.host_patterns import IN_LABEL, Place
from authweave.limits.within import Within
from authweave.urls import Origin, ServerPattern, UrlTemplate, join, placeholders_in
from authweave.values import TaskRequest


@dataclass(frozen=True, slots=True)
class Server:
    """An entry of `servers` with its values in place. Its path may still hold `{key}`."""

    url: str
    pattern: ServerPattern


def rendered_servers(templates: Iterable[UrlTemplate], scope: Mapping[str, Any]) -> tuple[Server, ...]:
    """The servers, in order. Raises TemplateError, InputError, UrlRefused."""
    return tuple(named_server(template.render(scope)) for template in templates)


def named_server(url: str) -> Server:
    """A server that the host names, or that a profile ends up with."""
    return Server(url, ServerPattern.of(url, "servers"))


def refuse_plain_http(servers: Iterable[Server]) -> None:
    """OriginRefused for a server without TLS, where the operator does not allow it even on this machine."""
    if any(server.pattern.origin.scheme == "http" for server in servers):
        raise OriginRefused("http:// is not allowed here, not even on this machine (settings: allow_loopback_http)")


def refuse_outside(servers: Iterable[Server], within: Within) -> None:
    """OriginRefused for a server that a tenant's profiles may not call: one of theirs, or one that was named for them."""
    for server in servers:
        origin = server.pattern.origin
        place = Place(origin.scheme, f"{IN_LABEL}.{origin.host}" if server.pattern.wildcard else origin.host, origin.port)
        if not within.allows_place(place):
            raise OriginRefused(f"{place} is not among the {within.allowed('hosts')}")


def target_of(request: TaskRequest, servers: tuple[Server, ...]) -> tuple[str, bool]:
    """The absolute URL of a task request, and whether `{key}` in it are placeholders.

    A relative URL resolves against the first server. Raises NoServers, OriginRefused, UrlRefused.
    """
    if not servers:
        raise NoServers("nobody said which origins may get the credential: add `servers` to the profile, or connect(servers=[…])")
    if "://" in request.url.partition("?")[0]:
        url, template = request.url, request.path_template
    else:
        first = servers[0].url
        relative = request.url if request.path_template else finished_url(request.url) if "{" in first else request.url
        url, template = join(first, relative), request.path_template or bool(placeholders_in(first))
    refuse_other_host(request, refuse_other_origin(url, servers))
    return url, template


def refuse_other_host(request: TaskRequest, origin: Origin) -> None:
    """OriginRefused where `Host` (in HTTP/2 it is the `:authority`) names another server: who shares the address may get the request."""
    for name, value in request.headers:
        if name.lower() in ("host", ":authority") and not _is_host_of(value, origin):
            raise OriginRefused(f"the {name} header names another server than the URL; the credential is for {origin} alone")


def _is_host_of(value: str, origin: Origin) -> bool:
    try:
        return Origin.of(f"{origin.scheme}://{value}") == origin and "/" not in value and "?" not in value
    except UrlRefused:
        return False


def refuse_other_origin(url: str, servers: Iterable[Server]) -> Origin:
    """The origin of a URL. OriginRefused unless it is one of the servers."""
    origin = Origin.of(url)
    if not any(server.pattern.matches(origin) for server in servers):
        allowed = ", ".join(str(server.pattern) for server in servers)
        raise OriginRefused(f"{origin} is not among the servers that may get this credential: {allowed}")
    return origin


def is_allowed(url: str, servers: Iterable[Server]) -> bool:
    """May this URL get the credential?"""
    try:
        refuse_other_origin(url, servers)
    except ApplyError:
        return False
    return True


def base_url(servers: tuple[Server, ...]) -> str:
    """What relative URLs resolve against, for a client; '' where the first server has `*`: there URLs are absolute."""
    return servers[0].url if servers and not servers[0].pattern.wildcard else ""

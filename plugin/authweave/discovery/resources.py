"""What a protected resource says of itself: who authorizes access to it (RFC 9728)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from authweave.answers.challenges import challenges
from authweave.discovery.metadata import ROOM, size_of
from authweave.discovery.places import refuse_odd
from authweave.errors import DiscoveryError

MOST_SCOPES: Final = 1000


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource that said of itself who authorizes. `url` is where its metadata stand; `scopes` it names without promise (§2)."""

    resource: str
    issuer: str
    url: str
    scopes: tuple[str, ...] = ()

    @classmethod
    def of_fact(cls, resource: str, fact: Mapping[str, Any]) -> Self:
        """What `fact_of_resource` made, perhaps in another version of this package."""
        return cls(resource, str(fact["issuer"]), str(fact.get("url", "")), tuple(map(str, fact.get("scopes") or ())))


def fact_of_resource(said: Any, resource: str, url: str) -> dict[str, Any]:
    """The metadata of a resource as plain data, for a store. Raises DiscoveryError."""
    issuer = read_resource(said, resource, url)
    scopes = said.get("scopes_supported")
    named = [scope for scope in scopes[:MOST_SCOPES] if isinstance(scope, str)] if isinstance(scopes, list) else []
    return {"issuer": issuer, "url": url, "scopes": named if size_of(named) <= ROOM else []}


def read_resource(said: Any, resource: str, url: str) -> str:
    """The issuer of the first authorization server that the metadata of a resource name (§2). Raises DiscoveryError.

    The resource must be the one that was asked for (§3.3), but for the slash of an empty path, which changes nothing (RFC 3986 §6.2.3).
    """
    if not isinstance(said, dict):
        raise DiscoveryError("unreadable", f"{url}: metadata are a JSON object, and this is none", url=url)
    named = said.get("resource")
    if not isinstance(named, str) or _with_path(named) != _with_path(resource):
        shown = named[:200] if isinstance(named, str) and named.isprintable() else "nothing that is one"
        raise DiscoveryError("resource_mismatch", f"{url}: the metadata are of the resource {shown}, not of {resource}", url=url, said=shown if isinstance(named, str) and shown == named else "")
    servers = said.get("authorization_servers")
    if not isinstance(servers, list) or not servers or not isinstance(servers[0], str):
        raise DiscoveryError("no_server", f"{url}: the metadata name no authorization_servers; write issuer or token_url", url=url)
    refuse_odd(servers[0], "issuer", said_by=resource)
    return servers[0]


def metadata_place(lines: Iterable[str], resource: str) -> str:
    """The `resource_metadata` of a challenge (§5.1), from the lines of a resource's WWW-Authenticate; '' if none has it. Raises DiscoveryError."""
    found = next((one.parameters["resource_metadata"] for one in challenges(lines) if one.parameters.get("resource_metadata")), "")
    if found:
        refuse_odd(found, "resource", said_by=resource)
    return found


def _with_path(url: str) -> str:
    """`https://x` and `https://x/` are one URL; nothing else is changed."""
    front, slashes, rest = url.partition("://")
    return f"{front}{slashes}{rest}/" if slashes and not any(mark in rest for mark in "/?#") else url

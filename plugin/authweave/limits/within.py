"""One tenant's limits, ready to be asked. It looks at nothing but the names that it is asked about."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Self

from authweave.errors import LimitRefused, UrlRefused
from authweave.limits.host_patterns import HostPattern, Place
from authweave.limits.matching import ALL, TENANT, matches, matches_file, matches_type, matches_variable, variable_part
from authweave.limits.value import Limits
from authweave.redaction import inert
from authweave.urls import Origin
from authweave.values import Problem

RULE: Final = "limits"
_MOST_SHOWN: Final = 6


@dataclass(frozen=True, slots=True)
class Within:
    """The limits of a tenant. `sources` are those of the engine, which say what they would look at (see `limits.sources`)."""

    limits: Limits
    tenant: str = ""
    sources: tuple[Any, ...] = field(default=(), compare=False, repr=False)

    @classmethod
    def of(cls, limits: Limits, tenant: str, sources: Iterable[Any]) -> Self:
        """The limits of a tenant; equal for tenants that they do not tell apart."""
        tells_apart = any(set(getattr(limits, kind)) - {ALL} for kind in ("environment", "files")) or any(TENANT in entry for entry in limits.hosts)
        return cls(limits, tenant if tells_apart else "", tuple(sources))

    def allows(self, kind: str, name: str) -> bool:
        """May a profile of this tenant use what is called so? `kind` is the name of a list; not for hosts."""
        return any(pattern == ALL or _MATCHES[kind](pattern, name) for pattern in _bound(self.limits, kind, self.tenant))

    def allows_place(self, place: Place) -> bool:
        """May a URL of this tenant's profiles lead there, whatever its values come to?"""
        return self.is_open("hosts") or any(pattern.covers(place) for pattern in _host_patterns(self.limits, self.tenant))

    def is_open(self, kind: str) -> bool:
        """Is nothing of this kind refused?"""
        return ALL in getattr(self.limits, kind)

    def allowed(self, kind: str) -> str:
        """What may be used instead, and where that is said: for people."""
        entries = _bound(self.limits, kind, self.tenant) if self.tenant else getattr(self.limits, kind)
        shown = ", ".join(entries[:_MOST_SHOWN]) + (", …" if len(entries) > _MOST_SHOWN else "")
        return f"{kind} that may be used here: {shown or 'none'} ({self.limits.origin})"

    def refuse_profile(self, name: str) -> None:
        """Raise LimitRefused unless a profile of this name may be used. Looks at no file."""
        if not self.allows("profiles", name):
            raise LimitRefused([Problem(RULE, inert(name[:100]) or "(no name)", None, "", "this profile may not be used here", self.allowed("profiles"))])

    def refuse_origin(self, url: str, what: str) -> None:
        """Raise UrlRefused unless this URL, with its values in place, may be called or shown. Before DNS."""
        if self.is_open("hosts"):
            return
        origin = Origin.of(url, what)
        place = Place(origin.scheme, origin.host, origin.port)
        if not self.allows_place(place):
            raise UrlRefused(what, "host", f"{place} is not among the {self.allowed('hosts')}")


_MATCHES: Final[dict[str, Callable[[str, str], bool]]] = {
    "profiles": matches, "types": matches_type, "inputs": matches, "environment": matches_variable, "files": matches_file,
}


@functools.lru_cache(maxsize=4096)
def _bound(limits: Limits, kind: str, tenant: str) -> tuple[str, ...]:
    """The patterns of a list with the tenant's name in its place; those that it cannot stand in are left out."""
    entries = getattr(limits, kind)
    return entries if kind in ("profiles", "types", "inputs") else tuple(_with_tenant(entries, kind, tenant))


def _with_tenant(entries: Iterable[str], kind: str, tenant: str) -> Iterable[str]:
    for entry in entries:
        if TENANT not in entry:
            yield entry
        elif (word := _word_for(kind, tenant)) is not None:
            yield entry.replace(TENANT, word)


def _word_for(kind: str, tenant: str) -> str | None:
    """How a tenant is called in patterns of this kind; None for one that would be more than a name there."""
    if kind in ("environment", "hosts"):
        part = variable_part(tenant)
        return part if kind == "environment" or part is None else tenant
    return tenant if tenant and not set(tenant) & set("*/\\\0") and tenant not in (".", "..") else None


@functools.lru_cache(maxsize=4096)
def _host_patterns(limits: Limits, tenant: str) -> tuple[HostPattern, ...]:
    return tuple(HostPattern.of(entry) for entry in _with_tenant(limits.hosts, "hosts", tenant) if entry != ALL)

"""What an authorization server says of itself, believed as far as it can be (RFC 8414 §2, OpenID Connect Discovery §3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from authweave.discovery.places import leads_inside
from authweave.errors import DiscoveryError, UrlRefused
from authweave.urls import UrlTemplate, literal_url

TOKEN_URL: Final = "token_url"
ENDPOINTS: Final[Mapping[str, str]] = {
    "token_url": "token_endpoint",
    "authorization_url": "authorization_endpoint",
    "device_authorization_url": "device_authorization_endpoint",
    "registration_url": "registration_endpoint",
    "revocation_url": "revocation_endpoint",
    "introspection_url": "introspection_endpoint",
}
"""What a profile calls it, and what metadata call it."""
LISTS: Final = (
    "grant_types_supported", "token_endpoint_auth_methods_supported", "code_challenge_methods_supported", "scopes_supported",
    "dpop_signing_alg_values_supported",
)  # fmt: skip
TOLD: Final = ("response_types_supported", "token_endpoint_auth_signing_alg_values_supported")
"""Lists that no call rests on: one that is no list of texts is left out."""
FLAG: Final = "authorization_response_iss_parameter_supported"
_ALIASES: Final = "mtls_endpoint_aliases"
_SERVERS: Final = "authorization_servers"
MOST_ITEMS: Final = 1000
LONGEST: Final = 2048
ROOM: Final = 48 * 1024
"""Characters of all lists of one server that are kept; a list for which there is no room is not known."""
_SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class Metadata:
    """Metadata of one issuer that were looked at. `url` is where they stand.

    `endpoints` maps the profile's names (`token_url` …) to URLs that a profile could have written. `lists` holds what is
    supported, as far as it is said: what is not there is not known. `names_issuer`: redirects carry `iss` (RFC 9207).
    """

    issuer: str
    url: str
    endpoints: Mapping[str, str] = field(default_factory=dict)
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    names_issuer: bool = False

    def endpoint(self, name: str, key: str = "") -> UrlTemplate | None:
        """An endpoint as a URL of a profile; None where the metadata have none."""
        return literal_url(self.endpoints[name], key) if name in self.endpoints else None

    def needed(self, name: str, key: str = "") -> UrlTemplate:
        """An endpoint that there is no way without. Raises DiscoveryError."""
        found = self.endpoint(name, key)
        if found is None:
            message = f"the metadata of {self.issuer} name no {ENDPOINTS[name]}, and the profile writes no {name}"
            raise DiscoveryError("endpoint_missing", message, url=self.url)
        return found

    def supports(self, name: str, value: str) -> bool | None:
        """Is a value among those supported? None where the metadata do not say."""
        return value in self.lists[name] if name in self.lists else None

    def as_fact(self) -> dict[str, Any]:
        """As plain data, for a store."""
        return {"issuer": self.issuer, "url": self.url, "endpoints": dict(self.endpoints), "lists": {name: list(items) for name, items in self.lists.items()}, "iss": self.names_issuer}

    @classmethod
    def of_fact(cls, fact: Mapping[str, Any]) -> Self:
        """The reverse. Raises KeyError, TypeError, ValueError, AttributeError for what is none."""
        endpoints = {str(name): str(url) for name, url in fact["endpoints"].items() if name in ENDPOINTS}
        lists = {str(name): tuple(map(str, items)) for name, items in fact["lists"].items()}
        return cls(str(fact["issuer"]), str(fact["url"]), endpoints, lists, bool(fact["iss"]))


def read_metadata(said: Any, issuer: str, url: str) -> Metadata:
    """The metadata in a parsed answer. Raises DiscoveryError, naming the member that is wrong and what would be right.

    The issuer must be the one that was asked for, letter for letter (RFC 8414 §3.3): whoever may say otherwise could
    send our credentials elsewhere.
    """
    if not isinstance(said, dict):
        raise DiscoveryError("unreadable", f"{url}: metadata are a JSON object, and this is none", url=url)
    _refuse_other_issuer(said.get("issuer"), issuer, url)
    for member in _others(said):
        if _is_inside(said[member], issuer):
            raise DiscoveryError("endpoint", f"{url}: {member} leads to this machine or into a private network, and who says so is not there", url=url)
    endpoints = {name: _endpoint(said[member], member, issuer, url) for name, member in ENDPOINTS.items() if said.get(member) is not None}
    lists = {name: _list(said[name], name, url) for name in LISTS if said.get(name) is not None}
    told = {name: _list(said[name], name, url) for name in TOLD if _is_list(said.get(name))}
    return Metadata(issuer, url, endpoints, _kept({**lists, **told}), said.get(FLAG) is True)


def refuse_named(said: Any, url: str, refuses: Callable[[str], str | None] | None) -> None:
    """Refuse metadata in which any URL is named that may not be called, whoever would call it. Raises DiscoveryError, naming the member."""
    if refuses is None or not isinstance(said, dict):
        return
    for member, named in _urls_named(said):
        if (why := refuses(named)) is not None:
            raise DiscoveryError("endpoint", f"{url}: {member} may not be called: {why}", url=url)


def _urls_named(said: Mapping[Any, Any]) -> Iterator[tuple[str, str]]:
    """Members of metadata that are for calling, and what each says; an empty one says nothing."""
    for member, value in said.items():
        if not isinstance(member, str):
            continue
        if member == _ALIASES and isinstance(value, dict):
            yield from _urls_named(value)
        elif isinstance(value, list) and member == _SERVERS:
            yield from ((member, one) for one in value[:MOST_ITEMS] if isinstance(one, str))
        elif isinstance(value, str) and value and (member.endswith("_endpoint") or member == "jwks_uri"):
            yield member, value[:LONGEST]


def _others(said: Mapping[str, Any]) -> list[str]:
    """URLs that nobody here calls: metadata that name an internal one are still not those of an honest server."""
    return [name for name in said if isinstance(name, str) and (name.endswith("_endpoint") or name == "jwks_uri") and name not in ENDPOINTS.values()]


def _is_inside(said: Any, issuer: str) -> bool:
    if not isinstance(said, str) or len(said) > LONGEST:
        return False
    try:
        return bool(leads_inside(said, issuer))
    except UrlRefused:
        return False


def _refuse_other_issuer(said: Any, issuer: str, url: str) -> None:
    if isinstance(said, str) and said == issuer:
        return
    shown = said[:_SHOWN] if isinstance(said, str) and said.isprintable() else "nothing that is one"
    hint = "; write that one, letter for letter" if isinstance(said, str) and said.rstrip("/") == issuer.rstrip("/") else ""
    other = said if isinstance(said, str) and said.isprintable() and len(said) <= LONGEST else ""
    raise DiscoveryError("issuer_mismatch", f"{url}: the metadata of {issuer} say that the issuer is {shown}{hint}", url=url, said=other)


def _endpoint(said: Any, member: str, issuer: str, url: str) -> str:
    wrong = ""
    if not isinstance(said, str) or len(said) > LONGEST:
        wrong = "is no text" if not isinstance(said, str) else "is too long"
    else:
        try:
            literal_url(said)
            wrong = leads_inside(said, issuer)
        except UrlRefused as refused:
            wrong = f"is no URL that a credential may go to: {refused}"
    if wrong:
        raise DiscoveryError("endpoint", f"{url}: {member} {wrong}", url=url)
    return str(said)


def _list(said: Any, name: str, url: str) -> tuple[str, ...]:
    if not _is_list(said):
        raise DiscoveryError("unreadable", f"{url}: {name} is not a list of texts", url=url)
    return tuple(item for item in said[:MOST_ITEMS] if len(item) <= LONGEST)


def _kept(lists: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Those that there is room for, the shortest first: a thousand servers are remembered, and each in the store for a week."""
    room, short = ROOM, set()
    for name in sorted(lists, key=lambda name: size_of(lists[name])):
        room -= size_of(lists[name])
        if room >= 0:
            short.add(name)
    return {name: items for name, items in lists.items() if name in short}


def size_of(items: Iterable[str]) -> int:
    """What a list takes: each of its texts more than its letters."""
    return sum(len(item) + 24 for item in items)


def _is_list(said: Any) -> bool:
    return isinstance(said, list) and all(isinstance(item, str) for item in said)

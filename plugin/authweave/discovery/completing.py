"""Token settings with what the profile does not write, from the metadata of the server it names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from authweave.discovery.finding import Asking, Finder
from authweave.discovery.metadata import Metadata
from authweave.discovery.registration import Client
from authweave.errors import DiscoveryError
from authweave.profile import Request, SignIn, TokenSettings
from authweave.urls import literal_url
from authweave.values import TokenKey

TOKEN: Final = "token_url"
AUTHORIZATION: Final = "authorization_url"
DEVICE: Final = "device_authorization_url"
REVOCATION: Final = "revocation_url"
REGISTRATION: Final = "registration_url"
_NEEDED: Final = (TOKEN, AUTHORIZATION, DEVICE)
"""Endpoints without which there is no way; a token can also be forgotten without being ended."""


@dataclass(frozen=True, slots=True)
class Completed:
    """Settings that a call can be made with. `metadata` is None where nothing had to be found.

    `registered` are the inputs that a registration stands for, `client` is that registration and where it is kept.
    """

    settings: TokenSettings
    metadata: Metadata | None = None
    registered: Mapping[str, Any] = field(default_factory=dict)
    client: tuple[TokenKey, Client] | None = None

    @property
    def names_issuer(self) -> bool:
        """Does the server say that its redirects carry `iss` (RFC 9207)?"""
        return self.metadata is not None and self.metadata.names_issuer

    def issuer(self, scope: Mapping[str, Any]) -> str:
        """The issuer, as far as the profile or metadata say; '' where they do not."""
        if self.metadata is not None:
            return self.metadata.issuer
        written = self.settings.discovery.issuer
        return written.render(scope) if written is not None else ""

    def into(self, scope: dict[str, Any]) -> dict[str, Any]:
        """The namespaces, with what a registration stands for among the inputs: changed in place, since variables read them there."""
        if self.registered:
            scope["inputs"] = _Over(self.registered, scope["inputs"])
        return scope

    def out_of(self, scope: dict[str, Any]) -> None:
        """Take it away again: another registration may come."""
        if isinstance(inputs := scope["inputs"], _Over):
            scope["inputs"] = inputs.below


class _Over(Mapping[str, Any]):
    """Inputs, and what stands before them."""

    __slots__ = ("_over", "below")

    def __init__(self, over: Mapping[str, Any], below: Mapping[str, Any]) -> None:
        self._over = over
        self.below = below

    def __getitem__(self, name: str) -> Any:
        return self._over[name] if name in self._over else self.below[name]

    def __contains__(self, name: object) -> bool:
        return name in self._over or name in self.below

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys((*self._over, *self.below)))

    def __len__(self) -> int:
        return len({*self._over, *self.below})


def is_discovered(settings: TokenSettings) -> bool:
    """May there be metadata: does the profile name an issuer, or a resource and no token endpoint?"""
    return settings.discovery.issuer is not None or (settings.resource is not None and settings.token_url is None)


def names_by_resource(settings: TokenSettings) -> bool:
    """Does the resource say who the issuer is? It may say another tomorrow."""
    return settings.discovery.issuer is None and settings.resource is not None and settings.token_url is None


def held_to(settings: TokenSettings, issuer: str) -> TokenSettings:
    """The settings with this issuer, whatever the resource says by now: a code and a refresh token are for nobody but who gave them."""
    if not issuer or not names_by_resource(settings):
        return settings
    return replace(settings, discovery=replace(settings.discovery, issuer=literal_url(issuer, "resource")))


def written(settings: TokenSettings, name: str) -> Any:
    """An endpoint as the profile writes it; None where metadata have to name it."""
    if name == REVOCATION:
        return settings.revoke_request.url if settings.revoke_request else None
    places = {TOKEN: settings.token_url, AUTHORIZATION: settings.sign_in.authorization_url, DEVICE: settings.sign_in.device_authorization_url, REGISTRATION: settings.discovery.registration_url}
    return places[name]


def found(
    settings: TokenSettings, scope: Mapping[str, Any], finder: Finder, asking: Callable[[str], Asking], *,
    wanted: tuple[str, ...], than: Metadata | None = None,
) -> tuple[TokenSettings, Metadata | None]:  # fmt: skip
    """The settings with the endpoints that are `wanted`, and the metadata, if they had to be asked for.

    `asking` says how to ask on behalf of a key of the profile. An endpoint that metadata do not name stays None, where
    there is another way. Raises DiscoveryError.
    """
    if not is_discovered(settings) or (than is None and all(written(settings, name) is not None for name in wanted)):
        return settings, None
    metadata = finder.metadata(issuer_of(settings, scope, finder, asking), asking("issuer" if settings.discovery.issuer else "resource"), than=than)
    for name in wanted:
        if name in _NEEDED and written(settings, name) is None:
            metadata.needed(name)
    return filled(settings, metadata), metadata


def issuer_of(settings: TokenSettings, scope: Mapping[str, Any], finder: Finder, asking: Callable[[str], Asking]) -> str:
    """The issuer that the profile writes, or that its resource names. Raises DiscoveryError."""
    if settings.discovery.issuer is not None:
        return settings.discovery.issuer.render(scope)
    if settings.resource is None:
        raise DiscoveryError("issuer", "the profile names neither an issuer nor a resource", url="")
    return finder.issuer_of(settings.resource.render(scope), asking("resource"))


def filled(settings: TokenSettings, metadata: Metadata) -> TokenSettings:
    """The settings, with every endpoint of the metadata that the profile does not write itself."""
    token_url = settings.token_url or metadata.endpoint(TOKEN, TOKEN)
    registration_url = settings.discovery.registration_url or metadata.endpoint(REGISTRATION, REGISTRATION)
    return replace(
        settings,
        token_url=token_url,
        refresh_url=settings.refresh_url or token_url,
        sign_in=_sign_in(settings, metadata),
        discovery=replace(settings.discovery, registration_url=registration_url),
        revoke_request=_revoke_request(settings, metadata),
    )


def _sign_in(settings: TokenSettings, metadata: Metadata) -> SignIn:
    """Where a person signs in for a grant that wants one; another grant asks nobody because its server could."""
    asked = settings.sign_in
    if not settings.grant_signs_in:
        return asked
    if settings.at_device:
        return asked if asked.device_authorization_url else replace(asked, device_authorization_url=metadata.endpoint(DEVICE, DEVICE))
    return asked if asked.authorization_url else replace(asked, authorization_url=metadata.endpoint(AUTHORIZATION, AUTHORIZATION))


def _revoke_request(settings: TokenSettings, metadata: Metadata) -> Request | None:
    """What the profile says of revocation, at the endpoint of the metadata; RFC 7009 §2.1 where it says nothing."""
    if REVOCATION not in metadata.endpoints:
        return settings.revoke_request
    url = literal_url(metadata.endpoints[REVOCATION], "revoke_request.url")
    if settings.revoke_request is None:
        return Request("POST", url, origin="auth.revoke_request")
    return settings.revoke_request if settings.revoke_request.url is not None else replace(settings.revoke_request, url=url)

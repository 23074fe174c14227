"""What the sandbox's servers say of themselves: metadata of the issuers and resources that profiles name (RFC 8414, RFC 9728).

Their endpoints are places of the sandbox at the issuer's host; what the profile writes itself stands.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from authweave.discovery.completing import filled, is_discovered
from authweave.discovery.metadata import ENDPOINTS, FLAG, Metadata
from authweave.discovery.places import issuer_places, origin_of, resource_place

if TYPE_CHECKING:
    from authweave.profile import TokenSettings
    from authweave.sandbox.account import Account

_PATHS = {"token_url": "/token", "authorization_url": "/authorize", "device_authorization_url": "/device", "revocation_url": "/revoke"}


def completed(account: Account, settings: TokenSettings) -> TokenSettings:
    """The settings with every endpoint that metadata would name."""
    return filled(settings, metadata_of(account, settings)) if is_discovered(settings) else settings


def metadata_of(account: Account, settings: TokenSettings) -> Metadata:
    """The metadata of the issuer that a profile names, or that its resource names here: the resource's own host."""
    if settings.discovery.issuer is not None:
        issuer = settings.discovery.issuer.render(account.scope())
    else:
        assert settings.resource is not None  # noqa: S101 - discovered by one of the two
        issuer = origin_of(settings.resource.render(account.scope()))
    front = issuer.removesuffix("/")
    return Metadata(issuer, issuer_places(issuer)[0], {name: f"{front}/sandbox{path}" for name, path in _PATHS.items()})


def documents(account: Account) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each well-known URL of a customer's servers, with what stands there."""
    for variant in account.profile.variants:
        settings = variant.tokens
        if settings is None or not is_discovered(settings):
            continue
        metadata = metadata_of(account, settings)
        yield metadata.url, {"issuer": metadata.issuer, FLAG: False, **{ENDPOINTS[name]: url for name, url in metadata.endpoints.items()}}
        if settings.discovery.issuer is None and settings.resource is not None:
            resource = settings.resource.render(account.scope())
            yield resource_place(resource), {"resource": resource, "authorization_servers": [metadata.issuer]}

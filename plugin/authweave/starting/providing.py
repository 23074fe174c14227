"""A new profile from what a provider says of itself: endpoints found, the grant and the client authentication chosen."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Final

from authweave.discovery.doubts import GRANT_NAMES
from authweave.discovery.locating import Located
from authweave.discovery.metadata import Metadata
from authweave.starting.start import GRANTS, Found, Start
from authweave.urls import Origin

BEST_GRANTS: Final = ("client_credentials", "authorization_code", "device_code")
"""For a bot: nobody has to be there; else a person signs in once."""
URNS: Final[Mapping[str, str]] = {name: urn for urn, name in GRANT_NAMES.items()}
BEST_CLIENT_AUTH: Final = (
    "client_secret_basic", "client_secret_post", "private_key_jwt", "client_secret_jwt", "none", "tls_client_auth",
    "self_signed_tls_client_auth",
)  # fmt: skip
DEFAULT_CLIENT_AUTH: Final = "client_secret_basic"
"""What a server takes that does not say (RFC 8414 §2)."""
_NEEDS: Final[Mapping[str, str]] = {"authorization_code": "authorization_url", "device_code": "device_authorization_url"}


def provided(start: Start, located: Located) -> tuple[Start, tuple[str, ...]]:
    """The content with what the provider says, where nothing else was asked for; and what a person should be told of it."""
    metadata, resource = located.metadata, located.resource
    grant = start.grant or _grant(metadata)
    may_register = "registration_url" in metadata.endpoints and resource is not None
    client_auth = start.client_auth or _client_auth(metadata, may_register and grant == "authorization_code")
    urls = {"resource": resource.resource} if resource else {"issuer": metadata.issuer}
    whole = dataclasses.replace(
        start, type="oauth2", grant=grant, client_auth=client_auth, urls={**urls, **start.urls},
        servers=start.servers or ((_server(resource.resource),) if resource else ()),
        registers=may_register and grant == "authorization_code" and client_auth == "none",
        identity_provider=start.identity_provider or _called(metadata.issuer),
        found=Found(metadata, resource),
    )  # fmt: skip
    return whole, tuple(_told(whole, metadata))


def _grant(metadata: Metadata) -> str:
    """The best for a bot of those that are listed and can be had. Where nothing is listed, RFC 8414 says the code grant."""
    listed = metadata.lists.get("grant_types_supported", ("authorization_code",))
    able = [grant for grant in BEST_GRANTS if grant in listed or URNS.get(grant, "") in listed]
    complete = [grant for grant in able if _NEEDS.get(grant, "token_url") in metadata.endpoints]
    return next(iter([*complete, *able]), "client_credentials")


def _client_auth(metadata: Metadata, is_public: bool) -> str:
    listed = metadata.lists.get("token_endpoint_auth_methods_supported", (DEFAULT_CLIENT_AUTH,))
    if is_public and "none" in listed:
        return "none"
    return next((method for method in BEST_CLIENT_AUTH if method in listed), DEFAULT_CLIENT_AUTH)


def _called(issuer: str) -> str:
    """What people may call the provider: its host, unless that is only a number or this machine."""
    host = Origin.of(issuer).host
    return host if "." in host and not host.rpartition(".")[2].isdigit() else ""


def _server(resource: str) -> str:
    """Where the resource is: without its query, which no server has."""
    return resource.partition("?")[0]


def _told(start: Start, metadata: Metadata) -> Sequence[str]:
    told = []
    said = {"grant_types_supported": URNS.get(start.grant, start.grant), "token_endpoint_auth_methods_supported": start.client_auth}
    for member, asked in said.items():
        if metadata.supports(member, asked) is False:
            told.append(f"the server's metadata do not list {asked} ({member})")
    if "token_url" not in metadata.endpoints and "token_url" not in start.urls:
        told.append("the metadata name no token_endpoint: write token_url")
    if "grant_types_supported" not in metadata.lists and start.grant in GRANTS:
        told.append(f"the metadata do not say which grants there are; {start.grant} is written, --grant says another")
    return told

"""What a new profile is to say, before it is a text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from authweave.discovery.metadata import Metadata
from authweave.discovery.resources import Resource

TYPES: Final[Mapping[str, str]] = {
    "oauth2": "OAuth v2",
    "basic": "Basic Auth",
    "api_key": "Api Key",
    "bearer": "Bearer token",
    "oauth1": "OAuth v1",
    "negotiate": "Kerberos-SPNEGO",
    "digest": "Digest",
    "ntlm": "NTLM",
    "none": "None",
}
"""The types that a form of a few fields can say, with the names people know them by."""
GRANTS: Final[Mapping[str, str]] = {
    "client_credentials": "Client Credentials",
    "authorization_code": "a person signs in with a browser",
    "device_code": "a person signs in at another device",
    "password": "password grant type",
    "refresh_token": "a refresh token that was got elsewhere",
    "jwt_bearer": "a JWT that the client signs",
}
"""The grants that need no more than the form asks for."""
ENDPOINTS: Final = (
    "issuer", "resource", "authorization_url", "device_authorization_url", "token_url", "refresh_url", "request_token_url",
    "access_token_url",
)  # fmt: skip
"""Keys of `auth` that are URLs, in the order they are written."""


class NewField(NamedTuple):
    """An addition to every task request."""

    place: str
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Found:
    """What a provider says of itself, for the parts of the file that only teach."""

    metadata: Metadata
    resource: Resource | None = None


@dataclass(frozen=True, slots=True)
class Start:
    """The content of a new profile. '' and empty are *not written*.

    `urls` by key of `auth` (ENDPOINTS). `scopes` are pairs of key and value. `client_id` becomes the default of that input: it
    is no secret. `secrets` are the inputs, read by some value, that are. `key_in` is where an API key goes: place and name.
    """

    name: str
    identity_provider: str
    type: str = "oauth2"
    grant: str = ""
    client_auth: str = ""
    urls: Mapping[str, str] = field(default_factory=dict)
    scopes: tuple[tuple[str, str], ...] = ()
    fields: tuple[NewField, ...] = ()
    servers: tuple[str, ...] = ()
    test_url: str = ""
    description: str = ""
    documentation: str = ""
    client_id: str = ""
    secrets: frozenset[str] = frozenset()
    key_in: tuple[str, str] = ("", "")
    service: str = ""
    registers: bool = False
    found: Found | None = None

"""What a profile does, and the metadata of its server do not list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from authweave.discovery.metadata import Metadata
from authweave.profile import TokenSettings

GRANT_NAMES: Final[Mapping[str, str]] = {
    "urn:ietf:params:oauth:grant-type:device_code": "device_code",
    "urn:ietf:params:oauth:grant-type:jwt-bearer": "jwt_bearer",
    "urn:ietf:params:oauth:grant-type:saml2-bearer": "saml2_bearer",
    "urn:ietf:params:oauth:grant-type:token-exchange": "token_exchange",
}
"""What profiles call grants that metadata call by a URN."""
PROOF_ALGORITHM: Final = "ES256"
"""What proofs of possession are signed with here (RFC 9449)."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """One thing that metadata speak against. `code` names the diagnosis, `key` the key of `auth`, `member` that of the metadata.

    `asked` is what the profile does, `listed` what the metadata have in its place.
    """

    code: str
    key: str
    member: str
    asked: str
    listed: tuple[str, ...]


def doubts(settings: TokenSettings, metadata: Metadata, scopes: Iterable[str]) -> Iterator[Doubt]:
    """Each thing that is done and not listed; what the metadata do not speak of is none. `scopes` are those asked for, one by one."""
    for code, key, member, asked in _done(settings, scopes):
        if asked and metadata.supports(member, asked) is False:
            yield Doubt(code, key, member, asked, metadata.lists[member])


def grants_of(listed: Iterable[str]) -> tuple[str, ...]:
    """Grants that metadata list, in the words of profiles; the implicit one is no way to get a token here."""
    return tuple(GRANT_NAMES.get(name, name) for name in listed if name != "implicit")


def _done(settings: TokenSettings, scopes: Iterable[str]) -> Iterator[tuple[str, str, str, str]]:
    """Code, key, member and value of what a profile does; '' for what it does not do."""
    by_browser = settings.grant_signs_in and not settings.at_device
    yield "unsupported_client_auth", "client_auth", "token_endpoint_auth_methods_supported", settings.client_auth.name
    yield "unsupported_grant", "grant_type", "grant_types_supported", str(getattr(settings.grant, "urn", settings.grant_type))
    yield "unsupported_pkce", "pkce", "code_challenge_methods_supported", settings.sign_in.pkce if by_browser else ""
    yield "unsupported_dpop", "dpop", "dpop_signing_alg_values_supported", PROOF_ALGORITHM if settings.dpop else ""
    for scope in scopes:
        yield "unsupported_scope", "scopes", "scopes_supported", scope

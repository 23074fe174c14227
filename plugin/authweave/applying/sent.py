"""A finished request with what it was made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from authweave.contracts import Signing
from authweave.drafts.draft import Placed
from authweave.token_calls.reading import known_secrets
from authweave.values import Secret, TaskRequest, Token

if TYPE_CHECKING:
    from authweave.connections.credential import Credential


@dataclass(frozen=True, slots=True)
class Sent:
    """A finished request with what it was made from: what the judge and the report need.

    `tried` are the reasons for which it was sent before.
    """

    request: TaskRequest
    token: Token | None
    credential: Credential
    placed: tuple[Placed, ...]
    scope: Mapping[str, Any]
    signing: Signing | None = None
    tried: frozenset[str] = frozenset()

    def of(self, request: TaskRequest) -> Sent:
        """The same for another request that got the same credential; it was not sent before."""
        return replace(self, request=request, tried=frozenset())

    def secrets(self) -> list[Secret]:
        """What it was made from and must not be shown: inputs, what was kept, the token."""
        return [value for _, value in known_secrets({**self.scope, "token": self.token.as_scope() if self.token is not None else {}})]

    @property
    def beyond_headers(self) -> list[str]:
        """The places other than header and cookie that something was put into: who takes headers alone would miss it."""
        return sorted({placed.place for placed in self.placed} - {"header", "cookie"})

    @property
    def awaits_challenge(self) -> bool:
        """Does the credential answer a challenge, which the server has not given yet? The request then carries none."""
        signing = self.signing
        return signing is not None and not any(placed.origin.startswith(signing.origin) for placed in self.placed)

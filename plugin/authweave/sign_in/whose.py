"""Whose sign-in it is, and what it takes to bring it about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from authweave.discovery.completing import Completed
from authweave.profile import Profile, TokenSettings, Variant
from authweave.values import Consent, TokenKey

if TYPE_CHECKING:
    from authweave.token_calls.endpoint import TokenEndpoint
    from authweave.token_calls.exchange import Exchange
    from authweave.tokens.ledger import Ledger
    from authweave.tokens.tokens import Tokens


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose sign-in it is, and what it takes. `endpoint` gets tokens with a consent; `rest` sleeps without holding a worker's place.

    `is_ending` says that the process, or its engine, is about to end: nobody polls any more. `complete` finds what the profile
    does not write, and registers the client for a redirect URI: the scope has its id afterwards. `refuse_link` raises for a URL that
    nobody is to be sent to.
    """

    key: TokenKey
    profile: Profile
    variant: Variant
    settings: TokenSettings
    servers: tuple[str, ...]
    scope: Callable[[], dict[str, Any]]
    endpoint: Callable[[Consent], TokenEndpoint]
    tokens: Tokens
    ledger: Ledger
    exchange: Exchange
    clock: Callable[[], float]
    rest: Callable[[float], None]
    is_ending: Callable[[], bool]
    deadline: float
    complete: Callable[[dict[str, Any], float, str, str], Completed]
    refuse_link: Callable[[str], None] = lambda url: None

    @property
    def is_at_device(self) -> bool:
        """Does the person sign in at another device?"""
        return self.settings.at_device

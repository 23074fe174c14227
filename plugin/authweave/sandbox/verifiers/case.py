"""What a verifier gets, what it answers, and what it remembers between requests."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from authweave.profile import Variant
from authweave.sandbox.arrived import Arrived, Pairs
from authweave.sandbox.ledger import Issued
from authweave.templates import Data, Template
from authweave.values import Secret

if TYPE_CHECKING:
    from authweave.sandbox.account import Account

REMEMBERED: Final = 10_000


class Memory:
    """What one verifier knows of one customer: `facts` as it likes, under `lock`; and what came before. Safe for threads."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.facts: dict[str, Any] = {}
        self._seen: dict[str, None] = {}

    def is_new(self, name: str) -> bool:
        """Is this the first time that this name (a nonce, a `jti`) comes?"""
        with self.lock:
            if name in self._seen:
                return False
            self._seen[name] = None
            if len(self._seen) > REMEMBERED:
                del self._seen[next(iter(self._seen))]
            return True


@dataclass(frozen=True, slots=True)
class Case:
    """One request of one customer. `issued` is the token that came with it, for types with tokens; `now` Unix seconds.

    The fields of the variant have arrived already; a seal that places itself has none.
    """

    arrived: Arrived
    account: Account
    variant: Variant
    issued: Issued | None
    memory: Memory
    now: float

    @property
    def seal_name(self) -> str:
        """How the seal is called."""
        seal = getattr(self.variant, "seal", None)
        return str(seal.name if seal is not None else self.variant.scheme.name)

    def scope(self) -> dict[str, Any]:
        """The namespaces that templates of the profile read, for this request as it arrived."""
        return self.account.scope(self.issued, self.arrived.view())

    def own(self, name: str) -> Any:
        """One of the type's own keys (`region`, `consumer_key`), as it is for this customer; None where there is none.

        Raises TemplateError.
        """
        written = getattr(self.variant, "own", {}).get(name)
        value = written.value(self.scope()) if isinstance(written, Template | Data) else written
        return value.reveal() if isinstance(value, Secret) else value


@dataclass(frozen=True, slots=True)
class Refused:
    """The request is answered with 401. `why` names no value. `is_missing`: there was no seal at all.

    `challenge` is the WWW-Authenticate field; without one it is that of the variant's type. `headers` go with the answer.
    """

    why: str
    challenge: str = ""
    is_missing: bool = False
    headers: Pairs = ()


@dataclass(frozen=True, slots=True)
class Passed:
    """The seal is right. `found` says in words what arrived (`header DPoP`); `headers` go with the answer."""

    found: tuple[str, ...] = ()
    headers: Pairs = field(default=())


Verify = Callable[[Case], Passed | Refused]

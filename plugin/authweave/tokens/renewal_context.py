"""What the renewal of one key happens in: its store, its workers, its times."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass

from authweave.tokens.flights import Flights
from authweave.tokens.guard import Tell
from authweave.tokens.ledger import Ledger
from authweave.tokens.way import Way
from authweave.values import TokenKey


@dataclass(slots=True)
class RenewalContext:
    """`way()` is made anew for each call: secrets may have changed, and then it is another one. `lane` is that of its workers; `lease_seconds` outlast the `deadline` of a call, in seconds, too; `clock` gives Unix seconds."""

    key: TokenKey
    way: Callable[[], Way]
    ledger: Ledger
    flights: Flights
    lane: Hashable
    lease_seconds: float
    deadline: float
    clock: Callable[[], float]
    tell: Tell

"""When a token endpoint is left alone: it asked for that (`Retry-After`), or it failed again and again.

Per endpoint, client and tenant, so that one tenant's trouble is not another's. What an endpoint asked of one worker concerns
every process on the store; that it does not answer each process finds out by itself: its way there may be what is broken.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from authweave.errors import EndpointPaused, StoreUnavailable
from authweave.machine.chance import between
from authweave.machine.forks import Lock
from authweave.times import is_ahead
from authweave.tokens.guard import Tell
from authweave.tokens.ledger import Ledger

FAILURES: Final = 5
"""Calls in a row without an answer after which nobody asks for a while."""
FIRST_PAUSE: Final = 5.0
LONGEST_PAUSE: Final = 60.0
LONGEST_HOLD: Final = 86_400.0
FREE_REFUSALS: Final = 3
"""Times in a row that an endpoint may say "too many requests" before pauses of our own are added to the one it asks for."""
FIRST_HOLD: Final = 2.0
LONGEST_OWN_HOLD: Final = 60.0
MOST: Final = 10_000
"""Clients of endpoints that are remembered for each kind of trouble; of more, one that matters least is forgotten."""

Client = tuple[str, str]
"""Whom a pause concerns: the origin of the endpoint; and whom there: the endpoint itself with tenant and client id. The latter is never shown."""


@dataclass(slots=True)
class _Circuit:
    """What is known of an endpoint that fails."""

    failures: int = 0
    until: float = 0.0
    pause: float = FIRST_PAUSE
    reason: str = ""


def _nobody(kind: str, **fields: Any) -> None:
    """Nobody listens."""


class Pauses:
    """For every connection of an engine. Thread-safe. `ledger` shares with other processes; without one, nobody does."""

    def __init__(self, ledger: Ledger | None = None, tell: Tell = _nobody, clock: Callable[[], float] = time.time) -> None:
        self._ledger = ledger
        self._tell = tell
        self._clock = clock
        self._lock = Lock()
        self._until: dict[Client, float] = {}
        self._circuits: dict[Client, _Circuit] = {}
        self._crowded: dict[Client, int] = {}
        self._breaks = True

    def apart(self) -> Pauses:
        """What an endpoint asks for, here or there, holds for both; what failed is tried anew."""
        other = Pauses(self._ledger, clock=self._clock)
        other._lock, other._until, other._crowded, other._breaks = self._lock, self._until, self._crowded, False
        return other

    def until(self, client: Client) -> float:
        """Until when the endpoint asked to be left alone (Unix seconds); 0 if it did not."""
        now = self._clock()
        until = self._until.get(client, 0.0)
        return until if is_ahead(until, now, LONGEST_HOLD) else self._heard(client)

    def hold(self, client: Client, moment: float) -> None:
        """Remember that an endpoint asked to wait, and tell the others."""
        now = self._clock()
        moment = min(moment, now + LONGEST_HOLD)
        with self._lock:
            self._forget(now)
            self._until[client] = max(moment, self._until.get(client, 0.0))
        if self._ledger is not None and self._ledger.is_shared and moment > now:
            with suppress(StoreUnavailable):
                self._ledger.note(_name(client), {"until": moment}, moment - now)

    def _forget(self, now: float) -> None:
        """Make room for one more: what is over goes, and where nothing is, what ends first. In place, for those who share it."""
        for client in [client for client, until in self._until.items() if not is_ahead(until, now, LONGEST_HOLD)]:
            del self._until[client]
        if len(self._until) >= MOST:
            del self._until[min(self._until, key=self._until.__getitem__)]

    def crowd(self, client: Client, moment: float) -> float:
        """Note that an endpoint has too many requests and asks to wait until a moment; until when it is left alone.

        One that says so again and again, and asks for no time that helps, is left alone ever longer, up to a minute.
        """
        with self._lock:
            if len(self._crowded) >= MOST and client not in self._crowded:
                self._crowded.pop(next(iter(self._crowded)))
            times = self._crowded[client] = self._crowded.get(client, 0) + 1
        if times > FREE_REFUSALS:
            own = min(FIRST_HOLD * 2.0 ** min(times - FREE_REFUSALS - 1, 10), LONGEST_OWN_HOLD)
            moment = max(moment, self._clock() + own * between(0.8, 1.2))
        self.hold(client, moment)
        return moment

    def uncrowd(self, client: Client) -> None:
        """Note that the endpoint had something else to say."""
        self._crowded.pop(client, None)

    def refuse(self, client: Client, url: str) -> None:
        """Raise EndpointPaused while the endpoint is left alone. Changes nothing: asked any number of times before a call."""
        with self._lock:
            circuit = self._left_alone(client)
        if circuit is not None:
            raise self._paused(circuit, url)

    def begin(self, client: Client, url: str) -> None:
        """As `refuse`, by whoever calls now: when it is time to look again, one caller does, and the others wait for it."""
        with self._lock:
            circuit = self._left_alone(client)
            if circuit is None and (looking := self._open(client)) is not None:
                looking.until = self._clock() + looking.pause
        if circuit is not None:
            raise self._paused(circuit, url)

    def _open(self, client: Client) -> _Circuit | None:
        circuit = self._circuits.get(client) if self._breaks else None
        return circuit if circuit is not None and circuit.failures >= FAILURES else None

    def _left_alone(self, client: Client) -> _Circuit | None:
        circuit = self._open(client)
        return circuit if circuit is not None and is_ahead(circuit.until, self._clock(), 1.2 * LONGEST_PAUSE) else None

    def _paused(self, circuit: _Circuit, url: str) -> EndpointPaused:
        return EndpointPaused(url=url, reason=circuit.reason, retry_at=circuit.until, wait=circuit.until - self._clock())

    def failed(self, client: Client, reason: str) -> None:
        """Note a call that got no answer."""
        if not self._breaks:
            return
        now = self._clock()
        with self._lock:
            if len(self._circuits) >= MOST and client not in self._circuits:
                self._circuits.pop(next(iter(self._circuits)))
            circuit = self._circuits.setdefault(client, _Circuit())
            circuit.failures += 1
            circuit.reason = reason
            if circuit.failures < FAILURES:
                return
            is_news = circuit.failures == FAILURES
            circuit.until = now + circuit.pause * between(0.8, 1.2)
            circuit.pause = min(2 * circuit.pause, LONGEST_PAUSE)
            until = circuit.until
        if is_news:
            self._tell("endpoint_paused", endpoint=client[0], retry_at=until, detail=reason)

    def answered(self, client: Client) -> None:
        """Note that the endpoint answered, whatever it said."""
        if client not in self._circuits:
            return
        with self._lock:
            circuit = self._circuits.pop(client, None)
        if circuit is not None and circuit.failures >= FAILURES:
            self._tell("endpoint_back", endpoint=client[0], detail="the token endpoint answers again")

    def _heard(self, client: Client) -> float:
        """What other processes were told."""
        if self._ledger is None or not self._ledger.is_shared:
            return 0.0
        with suppress(StoreUnavailable):
            fact = self._ledger.noted(_name(client))
            until = fact.get("until") if fact else None
            if isinstance(until, int | float) and until <= self._clock() + LONGEST_HOLD:
                return float(until)
        return 0.0


def _name(client: Client) -> str:
    origin, client_id = client
    return f"hold:{hashlib.sha256(f'{len(origin)}:{origin}{client_id}'.encode()).hexdigest()[:32]}"

"""Where tokens live in the benchmarks: a store of each kind, made for one run and gone after it."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from authweave.equipment import ledger_of
from authweave.errors import AuthweaveError
from authweave.events import Events
from authweave.extensions.catalog import default_catalog
from authweave.settings import Settings
from authweave.tokens.flights import Flights
from authweave.tokens.ledger import Ledger
from authweave.tokens.tokens import Tokens
from authweave.values import Secret, Token, TokenKey

ACCESS_TOKEN = "eyJhbGciOiJSUzI1NiJ9." + "x" * 800
"""As long as a signed one usually is."""


@dataclass(frozen=True)
class Place:
    """A store, by its URL, and the key file that seals what is in it. Goes to other processes as it is."""

    name: str
    url: str
    store_key: str
    server: Any = None

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that name it."""
        return {"store": self.url, "store_key": self.store_key}

    @property
    def path(self) -> Path:
        """The database of SQLite."""
        return Path(self.url.removeprefix("sqlite://"))

    def ledger(self) -> Ledger:
        """As a process has it."""
        return ledger_of(Settings.load(self.settings, env={}), default_catalog(), Events((), _nothing))

    def alone(self) -> Place:
        """Without what cannot go to another process."""
        return Place(self.name, self.url, self.store_key)


@contextmanager
def places() -> Iterator[list[Place]]:
    """One of each kind, as far as this machine has them, with nothing in it."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        made = _store_key(folder)
        found = [Place("memory", "memory:", made), Place("sqlite", f"sqlite://{folder}/stored/tokens.db", made)]
        if server := _redis(folder, stack):
            found.append(Place("redis", server.fresh_url(), made, server))
        yield found


def run_with_bytecode() -> None:
    """Begin this script anew where Python was told to keep no byte code: other processes would compile what they import."""
    if not sys.dont_write_bytecode:
        return
    with tempfile.TemporaryDirectory() as folder:
        env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | {"PYTHONPYCACHEPREFIX": folder}
        raise SystemExit(subprocess.run([sys.executable, *sys.argv], env=env, check=False).returncode)


def key(number: int = 0) -> TokenKey:
    """One of many keys that differ by tenant."""
    return TokenKey(
        tenant=f"tenant-{number}", connection="acme/oauth2", subject="", endpoint="https://id.acme.example/oauth/token",
        client_id="robot", grant="client_credentials", scopes="scope=read\nscope=write", audience="", inputs=(), secret="f" * 64,
    )  # fmt: skip


def token(now: float, life: float = 3600.0) -> Token:
    """One that was got just now."""
    return Token(Secret(ACCESS_TOKEN, "benchmark"), now + life, now + life / 2, now)


class Instant:
    """A token endpoint that answers in no time, or `seconds` later; what a renewal costs beside it is ours."""

    attended = False
    credentials = ""
    brought = None

    def __init__(self, clock: Callable[[], float], meanwhile: Callable[[], None] = lambda: None) -> None:
        self.clock = clock
        self.meanwhile = meanwhile
        self.asked = 0

    def refuse_early(self, end: float) -> None:
        """Never."""

    def fits(self, token: Token) -> bool:
        """Nothing is kept."""
        return True

    def spends(self, old: Token | None) -> None:
        """No refresh token."""

    def get(self, old: Token | None, end: float) -> Token:
        """A token."""
        self.asked += 1
        self.meanwhile()
        return token(self.clock())

    def revoke(self, token: Token, end: float) -> bool:
        """There is no way to."""
        return False


def tokens(ledger: Ledger, whose: TokenKey, way: Instant, flights: Flights, clock: Callable[[], float]) -> Tokens:
    """The tokens of a key as an engine has them."""
    return Tokens(whose, lambda: way, ledger, flights, lane="lane", lease_seconds=45.0, deadline=30.0, tell=_nothing, clock=clock)


def p10(times: Sequence[float]) -> float:
    """What an undisturbed one takes."""
    return sorted(times)[len(times) // 10]


def p99(times: Sequence[float]) -> float:
    """What one in a hundred is above."""
    return sorted(times)[min(len(times) - 1, len(times) * 99 // 100)]


def told(name: str, times: Sequence[float], width: int = 40) -> str:
    """A line of a table: p10, median, p99."""
    return f"  {name:{width}}{p10(times):10.1f}{statistics.median(times):10.1f}{p99(times):10.1f}"


def _nothing(*_: Any, **__: Any) -> float:
    return 0.0


def _store_key(folder: Path) -> str:
    from authweave.at_rest.keys import Keys

    home = folder / "config"
    Keys.from_settings(Settings.load({"store": "memory:"}, env={"XDG_CONFIG_HOME": str(home)}))
    return str(home / "authweave" / "store.key")


def _redis(folder: Path, stack: ExitStack) -> Any:
    """A server of our own; None, and a line that says why, where there is none."""
    try:
        import redis  # noqa: F401

        from parts.redis import RedisServer

        server = RedisServer(_made(folder / "redis"))
        server.start()
    except (ImportError, OSError, AuthweaveError) as error:
        print(f"not measured: redis ({error})")
        return None
    stack.callback(server.stop)
    return server


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder

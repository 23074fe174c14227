"""Worker processes that share a store and ask an API without a pause worth the name, while a test breaks the store.

    with Workers(store_url, key_file, identity, api, processes=4, threads=8) as workers:
        server.freeze()
        …
    workers.told             what each process says at its end: requests, failures, slowest, events

Each request names its process in the header X-Worker.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

TESTS = Path(__file__).resolve().parent


class Workers:
    """Processes at work. `told` is there after the end."""

    def __init__(self, store: str, key: Path | str, identity: Any, api: Any, *, processes: int = 4, threads: int = 8, **more: Any) -> None:
        self.api = api
        self.told: list[dict[str, Any]] = []
        order = {"store": store, "key": str(key), "token_url": f"{identity.url}/token", "api": api.url, "threads": threads, **more}
        environment = os.environ | {"PYTHONPATH": f"{TESTS.parent / 'plugin'}{os.pathsep}{TESTS}"}
        command = [sys.executable, "-W", "error", __file__, json.dumps(order)]
        self._children = [
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True) for _ in range(processes)
        ]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for child in self._children:
            child.stdin.close()
        for child in self._children:
            said = child.stdout.read()
            child.stdout.close()
            assert child.wait(60) == 0
            self.told.append(json.loads(said))

    def bearers(self, last: float) -> dict[str, str]:
        """The token that each process used last, of the last so many seconds."""
        since = time.monotonic() - last
        return {name: request.bearer for at, request in list(self.api.timed) if at >= since for name in request.values("x-worker")}

    def share(self, seconds: float = 0.5) -> bool:
        """Do all of them use one token now?"""
        bearers = self.bearers(seconds)
        return len(bearers) == len(self._children) and len(set(bearers.values())) == 1

    @property
    def requests(self) -> int:
        return sum(each["requests"] for each in self.told)

    @property
    def failures(self) -> Counter[str]:
        """Failures by their words."""
        return Counter(words for each in self.told for words in each["failures"])

    @property
    def slowest(self) -> float:
        return max(each["slowest"] for each in self.told)

    def events(self, kind: str) -> list[int]:
        """How often each process told of it."""
        return [each["events"].get(kind, 0) for each in self.told]


def main(order: Mapping[str, Any]) -> None:
    """One process: threads that ask until standard input ends."""
    from services import INPUTS, connect, engine, oauth

    events: Counter[str] = Counter()
    failures: list[str] = []
    took: list[float] = []
    is_over = threading.Event()
    settings = {"store": order["store"], "store_key": order["key"], "store_patience": order.get("patience", 0.2), **order.get("settings", {})}
    run = engine(settings=settings, on_event=lambda event: events.update([event.kind]), inputs={**INPUTS, **order.get("inputs", {})})
    connection = connect(oauth(order["token_url"], **order.get("auth", {})), order["api"], run=run)

    def ask(client: Any) -> None:
        began = time.monotonic()
        try:
            answer = client.get("/x", headers={"X-Worker": str(os.getpid())})
            if answer.status_code != 200:
                failures.append(f"answer {answer.status_code}")
        except Exception as error:  # noqa: BLE001 - whatever it is, the test wants to know
            failures.append(f"{type(error).__name__}: {error}")
        took.append(time.monotonic() - began)

    def work() -> None:
        with connection.client(timeout=30) as client:
            while not is_over.is_set():
                ask(client)
                time.sleep(random.uniform(0.05, 0.25))

    threads = [threading.Thread(target=work) for _ in range(order["threads"])]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    is_over.set()
    for thread in threads:
        thread.join()
    run.close()
    print(json.dumps({"requests": len(took), "failures": _short(failures), "slowest": max(took, default=0.0), "events": events}))


def _short(words: Iterable[str]) -> list[str]:
    return [each[:200] for each in words]


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))

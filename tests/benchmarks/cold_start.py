"""From an empty interpreter to the first request sent: `python tests/benchmarks/cold_start.py [--runs 20]`.

Each run is a process of its own against one loopback server that is a token endpoint and an API. The stages are timed
inside the process: import, engine, profile (load, validate, bind), connection, first request (with its token), second
request (token at hand). Beside it `httpx` with a static header, which gets no token. In ms, p10 and median.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from auth_step import loopback

SOURCE = Path(__file__).parents[2] / "plugin"
OURS = """
import json, sys, time
url, profile = sys.argv[1:]
marks = [time.perf_counter()]
from authweave.engine import Engine
from authweave.settings import Settings
import httpx
marks.append(time.perf_counter())
engine = Engine(inputs={"client_id": "client", "client_secret": "secret"}, settings=Settings.load({"sources": [], "store": "memory:"}, env={}))
marks.append(time.perf_counter())
loaded = engine.profile(profile)
marks.append(time.perf_counter())
auth = engine.connect(loaded).auth
marks.append(time.perf_counter())
with httpx.Client(trust_env=False) as client:
    for _ in range(2):
        client.get(url + "/v1/me", auth=auth).raise_for_status()
        marks.append(time.perf_counter())
print(json.dumps([later - earlier for earlier, later in zip(marks, marks[1:])]))
"""
PLAIN = """
import json, sys, time
url = sys.argv[1]
marks = [time.perf_counter()]
import httpx
marks.append(time.perf_counter())
with httpx.Client(trust_env=False, headers={"Authorization": "Bearer 2YotnFZFEjr1zCsicMWpAA"}) as client:
    for _ in range(2):
        client.get(url + "/v1/me").raise_for_status()
        marks.append(time.perf_counter())
print(json.dumps([later - earlier for earlier, later in zip(marks, marks[1:])]))
"""
STAGES = {
    "authweave": ["import", "engine", "profile", "connection", "first request, with token", "second request"],
    "httpx, static header": ["import", "first request", "second request"],
}


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20, help="processes of each kind (default: 20)")
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder, loopback() as server:
        profile = Path(folder, "acme.json")
        auth = {"type": "oauth2", "grant_type": "client_credentials", "token_url": f"{server.url}/token"}
        profile.write_text(json.dumps({"format": 1, "name": "acme", "identity_provider": "Acme", "servers": [server.url], "auth": auth}))
        codes = {"authweave": OURS, "httpx, static header": PLAIN}
        times: dict[str, list[list[float]]] = {name: [] for name in codes}
        for run in range(runs + 1):
            for name, code in codes.items():
                stages = _run(code, folder, server.url, str(profile))
                if run:  # the first writes byte code
                    times[name].append(stages)
    for name, measured in times.items():
        _told(name, measured)
    return 0


def _run(code: str, folder: str, *arguments: str) -> list[float]:
    env = {name: value for name, value in os.environ.items() if not name.startswith(("AUTHWEAVE", "PYTHON"))}
    env |= {"PYTHONPATH": str(SOURCE), "PYTHONPYCACHEPREFIX": str(Path(folder, "bytecode"))}
    done = subprocess.run([sys.executable, "-c", code, *arguments], env=env, cwd=folder, stdout=subprocess.PIPE, check=True)
    return [seconds * 1000 for seconds in json.loads(done.stdout)]


def _told(name: str, measured: list[list[float]]) -> None:
    print(f"\n{name + ', ms':32}{'p10':>8}{'median':>8}")
    for stage, times in zip([*STAGES[name], "together"], [*zip(*measured, strict=True), [sum(run) for run in measured]], strict=True):
        print(f"  {stage:30}{sorted(times)[len(times) // 10]:8.1f}{statistics.median(times):8.1f}")


if __name__ == "__main__":
    sys.exit(main())

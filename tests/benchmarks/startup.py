"""How long the command line takes to start: `python tests/benchmarks/startup.py [--runs 40] [--check]`.

Every command is run as a process, in turn with an empty interpreter (`python -c pass`, same flags), so that whatever
else the machine does meets all of them alike. Shown are the differences in milliseconds: p10 (an undisturbed run) and
median. `--check` ends with 1 if a p10 is above its target.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "plugin"
EMPTY = "python -c pass"
PROFILE = """\
format: 1
name: acme
identity_provider: Acme
servers: ['https://api.acme.example']
auth:
  type: oauth2
  grant_type: client_credentials
  token_url: https://auth.acme.example/oauth/token
  scopes: [read, write]
fields:
  - {in: header, key: X-Region, value: eu}
test: {request: {url: /v1/me}}
"""


def main() -> int:
    """Measure, print, and compare with the targets."""
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        profile = Path(folder, "acme.yaml")
        profile.write_text(PROFILE)
        commands = {
            EMPTY: (["-c", "pass"], 0.0),
            "import click": (["-c", "import click"], 0.0),
            "authweave --version": (["-m", "authweave", "--version"], 60.0),
            "authweave --help": (["-m", "authweave", "--help"], 60.0),
            "authweave validate --help": (["-m", "authweave", "validate", "--help"], 0.0),
            "authweave validate acme.yaml": (["-m", "authweave", "validate", str(profile)], 250.0),
            "authweave show acme.yaml": (["-m", "authweave", "show", str(profile)], 0.0),
            "authweave preview acme.yaml": (["-m", "authweave", "preview", str(profile)], 0.0),
        }
        times = _measured({name: arguments for name, (arguments, _) in commands.items()}, options.runs, folder)
    return _told(times, {name: target for name, (_, target) in commands.items()}, check=options.check)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=40, help="how often each is run (default: 40)")
    parser.add_argument("--check", action="store_true", help="end with 1 if a target is missed")
    return parser.parse_args()


def _measured(commands: dict[str, list[str]], runs: int, folder: str) -> dict[str, list[float]]:
    """Milliseconds of every run; the first run of each, which writes byte code, does not count."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("AUTHWEAVE", "PYTHON"))}
    env |= {"PYTHONPATH": str(SOURCE), "PYTHONPYCACHEPREFIX": str(Path(folder, "bytecode"))}
    times: dict[str, list[float]] = {name: [] for name in commands}
    for run in range(runs + 1):
        for name, arguments in commands.items():
            start = time.perf_counter()
            subprocess.run([sys.executable, *arguments], env=env, cwd=folder, stdout=subprocess.DEVNULL, check=True)
            if run:
                times[name].append((time.perf_counter() - start) * 1000)
    return times


def _told(times: dict[str, list[float]], targets: dict[str, float], *, check: bool) -> int:
    base = times[EMPTY]
    print(f"{EMPTY}: p10 {_p10(base):.1f} ms, median {statistics.median(base):.1f} ms. Above it, in ms:\n")
    print(f"{'':30}{'p10':>8}{'median':>8}{'target':>8}")
    missed = 0
    for name, target in targets.items():
        if name == EMPTY:
            continue
        p10 = _p10(times[name]) - _p10(base)
        median = statistics.median(times[name]) - statistics.median(base)
        missed += bool(target) and p10 > target
        verdict = "" if not target else "  ok" if p10 <= target else "  MISSED"
        print(f"{name:30}{p10:8.0f}{median:8.0f}{f'{target:.0f}' if target else '':>8}{verdict}")
    return 1 if check and missed else 0


def _p10(times: Sequence[float]) -> float:
    return sorted(times)[len(times) // 10]


if __name__ == "__main__":
    sys.exit(main())

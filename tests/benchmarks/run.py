"""All benchmarks, one after another: `python tests/benchmarks/run.py [--check]`; `--check` ends with 1 if a target is missed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> int:
    """Run them on the code of this checkout."""
    check = "--check" in sys.argv[1:]
    env = os.environ | {"PYTHONPATH": str(HERE.parents[1] / "plugin")}
    failed = []
    for script in sorted(HERE.glob("*.py")):
        if script == Path(__file__).resolve() or script.name.startswith("_"):  # what several share is no benchmark
            continue
        print(f"\n== {script.name} ==", flush=True)
        options = ["--check"] if check and '"--check"' in script.read_text() else []  # not all of them have a target
        if subprocess.run([sys.executable, str(script), *options], env=env).returncode:
            failed.append(script.name)
    if failed:
        print(f"\nfailed, or a target missed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

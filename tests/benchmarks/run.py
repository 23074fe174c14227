"""All benchmarks, one after another: `python tests/benchmarks/run.py [--check] [--million]`.

`--check` ends with 1 if a target is missed; `--million` fills the stores with a million tokens (see `million.py`).
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> int:
    """Run them on the code of this checkout."""
    wanted = [option for option in ("--check", "--million") if option in sys.argv[1:]]
    env = os.environ | {"PYTHONPATH": str(HERE.parents[1] / "plugin")}
    failed = []
    for script in sorted(HERE.glob("*.py")):
        if script == Path(__file__).resolve() or script.name.startswith("_"):  # what several share is no benchmark
            continue
        print(f"\n== {script.name} ==", flush=True)
        options = [option for option in wanted if f'"{option}"' in script.read_text()]  # not all of them have both
        if subprocess.run([sys.executable, str(script), *options], env=env).returncode:
            failed.append(script.name)
    if failed:
        print(f"\nfailed, or a target missed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

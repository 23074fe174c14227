"""Install the foreign parts of the test suite: all that are missing, or those named.

    python tests/parts/install.py                  all that are missing
    python tests/parts/install.py django nginx     these, if missing
    python tests/parts/install.py --list           what there is, and what is missing

Node packages and virtual environments go into folders beside this file that git ignores; nginx, Redis and Chromium come from
the system's packages (needs root). Exit code 1 if one of them could not be had.
"""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from parts.catalogue import PARTS
from parts.part import Part

AT_ONCE = 3
"""Parts that are installed side by side: most of the time of one is waiting for a registry, or for one processor."""


def main(words: list[str]) -> int:
    """Exit code: 0 all there, 1 something could not be installed, 2 a name that is not known."""
    if unknown := [word for word in words if word not in PARTS and word != "--list"]:
        print(f"not known: {', '.join(unknown)}; there are {', '.join(PARTS)}", file=sys.stderr)
        return 2
    parts = [PARTS[word] for word in words if word != "--list"] or list(PARTS.values())
    if "--list" in words:
        for part in parts:
            print(f"{part.name:22} {part.purpose:46} {part.missing() or 'installed'}")
        return 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return 0 if all(list(pool.map(is_installed, parts))) else 1


def is_installed(part: Part) -> bool:
    """Install `part` if it is missing, and say what happened."""
    if part.missing() is None:
        print(f"{part.name}: there already", flush=True)
        return True
    start = time.monotonic()
    try:
        part.installation.install()
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"{part.name}: {error}", file=sys.stderr, flush=True)
        return False
    if reason := part.missing():
        print(f"{part.name}: {reason}", file=sys.stderr, flush=True)
        return False
    print(f"{part.name}: installed in {time.monotonic() - start:.1f} s", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

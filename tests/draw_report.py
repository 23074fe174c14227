"""Makes `docs/images/report.png`, the picture of a report in the documentation, anew: `python tests/draw_report.py`. Needs the part `chromium`."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from parts.chromium import opened

ROOT = Path(__file__).parents[1]
TEST = ["-m", "authweave", "test", "profiles/nuance-mix-runtime.yaml", "--sandbox", "--fault", "api_401", "--output"]


def main() -> None:
    """A run against the sandbox whose API refuses every credential, as its page shows it."""
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as browser:
        page = Path(folder, "report.html")
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "plugin")}
        subprocess.run([sys.executable, *TEST, str(page)], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, check=False)  # it ends with 1: refused
        browser.visit(page, width=960, height=1130)
        browser.screenshot(ROOT / "docs" / "images" / "report.png", whole=False)


if __name__ == "__main__":
    main()

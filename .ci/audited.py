"""Read what `pip-audit --format json` found: `audited.py FILE`. Ends with 1 where an installed version has a known advisory.

A service that cannot be reached leaves no file, and a registry without advisories skips every package: both are said,
and are no failure; `advisories.py` has looked by then at what is known here.
"""

import json
import sys
from pathlib import Path

if not (file := Path(sys.argv[1])).is_file():
    sys.exit(print("not audited: no service with advisories can be reached from here"))
packages = json.loads(file.read_text(encoding="utf-8"))["dependencies"]
asked = [package for package in packages if "skip_reason" not in package]
named = [f"{package['name']} {package['version']}: {', '.join(each['id'] for each in package['vulns'])}" for package in asked if package["vulns"]]
print("\n".join([*named, f"{len(asked)} of {len(packages)} packages audited" if asked else "not audited: the registry of this machine has no advisories"]))
sys.exit(bool(named))

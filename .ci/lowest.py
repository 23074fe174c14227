"""Print, as pip constraints, the lowest version that pyproject.toml allows of each dependency (extras included)."""

import re
import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
extras = project["optional-dependencies"]
for wanted in [*project["dependencies"], *(each for extra in extras if extra != "dev" for each in extras[extra])]:
    if not (bound := re.match(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?>=([0-9][0-9.]*)", wanted)):
        raise SystemExit(f"pyproject.toml: {wanted} has no lower bound")
    print(f"{bound[1]}=={bound[2]}")

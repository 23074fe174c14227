"""Which tests are run: `AUTHWEAVE_TIER=core|real|heavy`, each with what stands before it; default core.

- core: what needs no foreign part, and not long.
- real: what a foreign part takes part in. The marker comes by itself with the fixture; without the part it skips. Also what
  needs none, and is marked `thorough` by hand: every case of what core tries with a few.
- heavy: marked so by hand: minutes, not seconds. Also run when chosen by `-m heavy` or by a test's full name.
  `AUTHWEAVE_REQUIRE=all` makes it the default tier.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

from parts.catalogue import PARTS
from parts.not_run import HOW, NOT_RUN, is_required
from parts.parallel import NOT_CHOSEN

TIERS = ("core", "real", "heavy")
LONG = (  # files of which one test takes many seconds
    "test_kill_points", "test_many_processes", "test_herds", "test_cli_many", "test_fuzz_corpus", "test_store_faults", "test_process_exit",
    "test_counts", "test_host_airflow", "test_secrets_outside",
)  # fmt: skip
FOREIGN = {fixture for part in PARTS.values() for fixture in part.fixtures}


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "heavy: takes minutes; run with AUTHWEAVE_TIER=heavy, -m heavy, or by its name")
    if chosen_tier() not in TIERS:
        raise pytest.UsageError(f"AUTHWEAVE_TIER: there are {', '.join(TIERS)}")
    if chosen_tier() == "core" and config.getoption("hypothesis_profile", None) is None:
        settings.register_profile("core", settings.default, max_examples=25)
        settings.load_profile("core")


def chosen_tier() -> str:
    return os.environ.get("AUTHWEAVE_TIER") or ("heavy" if is_required() else "core")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """The core tier does not read the folder that holds nothing for it: that took each worker seconds."""
    whole = config.rootpath / "tests"
    if collection_path != whole / "real" or chosen_tier() != "core" or config.option.markexpr:
        return None
    asked = {Path(config.invocation_params.dir, word.partition("::")[0]).resolve() for word in config.args}
    if not asked.intersection((whole, config.rootpath)) or any(place.is_relative_to(whole / "real") for place in asked):
        return None
    files = len([*collection_path.glob("test_*.py")])
    what, reason = f"tests/real, {files} files", f"tier real is not chosen, and the folder not read{HOW}AUTHWEAVE_TIER=real"
    config.stash[NOT_RUN].add(what, reason)
    config.stash[NOT_CHOSEN].append((what, reason))
    return True


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent.name == "real" or FOREIGN.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.real)
        if item.get_closest_marker("thorough"):
            item.add_marker(pytest.mark.real)
        if item.get_closest_marker("proves") and not {*FOREIGN, "request"}.intersection(getattr(item, "fixturenames", ())):
            raise pytest.UsageError(f"{item.nodeid} is marked as a proof, and asks no foreign part")
    items.sort(key=_place)
    limit, named = TIERS.index(chosen_tier()), _named(config)
    above = [item for item in items if TIERS.index(tier_of(item)) > limit and not _is_chosen(config, item, named)]
    if not above:
        return
    for item in above:
        tier = tier_of(item)
        reason = f"tier {tier} is not chosen{HOW}AUTHWEAVE_TIER={tier}"
        config.stash[NOT_RUN].add(item.nodeid, reason)
        config.stash[NOT_CHOSEN].append((item.nodeid, reason))
    left_out = set(map(id, above))
    items[:] = [item for item in items if id(item) not in left_out]
    config.hook.pytest_deselected(items=above)


def _place(item: pytest.Item) -> int:
    """Files of long tests come first: whoever begins one last would keep all other workers waiting."""
    name = item.path.stem
    return LONG.index(name) if name in LONG else len(LONG)


def tier_of(item: pytest.Item) -> str:
    return next((tier for tier in ("heavy", "real") if item.get_closest_marker(tier)), "core")


def _named(config: pytest.Config) -> list[Path]:
    """The files and folders that somebody asked for."""
    words = [Path(config.invocation_params.dir, word.partition("::")[0]).resolve() for word in config.invocation_params.args if isinstance(word, str)]
    whole = config.rootpath / "tests"
    return [place for place in words if place != whole and place.is_relative_to(whole) and place.exists()]


def _is_chosen(config: pytest.Config, item: pytest.Item, named: list[Path]) -> bool:
    """Did somebody ask for this one: by marker, by its full name, or, unless it is heavy, by its file or folder?"""
    tier = tier_of(item)
    if tier in config.option.markexpr or any("::" in word and item.nodeid.startswith(word) for word in config.args):
        return True
    return tier == "real" and any(item.path.is_relative_to(place) for place in named)

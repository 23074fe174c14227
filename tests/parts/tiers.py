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


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent.name == "real" or FOREIGN.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.real)
        if item.get_closest_marker("thorough"):
            item.add_marker(pytest.mark.real)
        if item.get_closest_marker("proves") and not {*FOREIGN, "request"}.intersection(getattr(item, "fixturenames", ())):
            raise pytest.UsageError(f"{item.nodeid} is marked as a proof, and asks no foreign part")
    limit = TIERS.index(chosen_tier())
    above = [item for item in items if TIERS.index(tier_of(item)) > limit and not _is_chosen(config, item)]
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


def tier_of(item: pytest.Item) -> str:
    return next((tier for tier in ("heavy", "real") if item.get_closest_marker(tier)), "core")


def _is_chosen(config: pytest.Config, item: pytest.Item) -> bool:
    """Did somebody ask for this one: by marker, by its full name, or, unless it is heavy, by its file or folder?"""
    tier = tier_of(item)
    if tier in config.option.markexpr or any("::" in word and item.nodeid.startswith(word) for word in config.args):
        return True
    named = [Path(config.invocation_params.dir, word.partition("::")[0]).resolve() for word in config.invocation_params.args if isinstance(word, str)]
    whole = config.rootpath / "tests"
    return tier == "real" and any(place != whole and item.path.is_relative_to(place) and place.is_relative_to(whole) for place in named if place.exists())

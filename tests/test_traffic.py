"""docs/traffic.md says what tests/benchmarks/traffic.py computes, and that script counts what the code does."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from typing import Any

from authweave.settings import Settings
from documentation.markdown import ROOT
from parts.redis import NewRedis
from thorough import every

PAGE = (ROOT / "docs" / "traffic.md").read_text()
TABLES = re.compile(r"<!-- traffic: (\w+) -->\n(.*?)\n<!-- end -->", re.DOTALL)


def script() -> Any:
    path = Path(__file__).parent / "benchmarks" / "traffic.py"
    spec = importlib.util.spec_from_file_location("traffic", path)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["traffic"] = module
    spec.loader.exec_module(module)
    return module


TRAFFIC = script()
LEASES = 1
"""Scripts for the lease in a renewal; each of them, and the release, looks at the lease by a GET of its own."""


@every("name", TRAFFIC.tables())
def test_a_table_of_the_page_is_what_the_script_computes(name: str) -> None:
    """To the last digit."""
    assert TRAFFIC.tables()[name] == dict(TABLES.findall(PAGE))[name]


def test_every_table_of_the_page_is_the_scripts() -> None:
    """None is written by hand."""
    said = TABLES.sub("", PAGE)

    assert not re.search(r"(?m)^\|", said)


def test_the_numbers_in_the_text_are_those_of_the_tables() -> None:
    """The examples that are worked out in sentences."""
    quarter, hour = TRAFFIC.Traffic(900.0), TRAFFIC.Traffic(3600.0)

    assert "900 − 60 + 12 = 852 s" in PAGE
    assert 852 == quarter.period
    assert f"1,000 / 852 × 60 = {quarter.shared_a_minute():.1f}" in PAGE
    assert f"50 × 852 / 60 = {quarter.tenants_within_limit():.0f} tenants" in PAGE
    assert f"10,000 × 10 / 852 = {quarter.reads(10):.0f}" in PAGE
    assert f"10,000 × 10 / 24 = {quarter.reads_of_one_birth(10):,.0f}" in PAGE
    assert f"60 / 855 = {60 / quarter.alone * 100:.0f} %" in PAGE
    assert 48 == 900 - quarter.period == 3600 - hour.period
    assert f"252 / 852 = {252 / quarter.period * 100:.0f} % for tokens of\n15 minutes, {252 / hour.period * 100:.0f} % for those of an hour" in PAGE
    assert 0.2 == Settings().store_patience
    assert 30 == Settings().deadline


def test_one_renewal_is_eight_calls_to_redis(new_redis: NewRedis, tmp_path: Path) -> None:
    """INFO commandstats: two reads, two notes, four scripts; a worker that takes the token from the store makes one read.
    (The GETs beyond two are inside scripts.)"""
    found = TRAFFIC.redis_calls(new_redis(), tmp_path)
    renewal = found["renewal"]

    assert {"hmget": 1} == found["reuse"]
    calls = {"reads": renewal["hmget"], "notes": renewal["get"] - LEASES - 1, "scripts": renewal["evalsha"]}
    assert calls == {what: TRAFFIC.MEASURED[f"redis {what} a renewal"] for what in calls}
    assert 8 == sum(calls.values())
    assert abs(found["bytes"]["row"] - TRAFFIC.MEASURED["redis bytes a token"]) < 200

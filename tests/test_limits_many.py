"""Many tenants in one `authweave test`: each has the profiles that his own limits allow."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from commands import apart

PROFILE = {"format": 1, "identity_provider": "Acme", "servers": ["https://api.acme.example"], "auth": {"type": "api_key"}}
LIMITS = """\
types = ["*"]
hosts = ["*"]
inputs = ["*"]
[tenants.blue]
profiles = ["blue-*"]
[tenants.red]
profiles = ["red-*"]
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "profiles").mkdir()
    for name in ("blue-crm", "red-crm", "green-crm"):
        (tmp_path / "profiles" / f"{name}.json").write_text(json.dumps({**PROFILE, "name": name}))
    (tmp_path / "limits.toml").write_text(LIMITS)
    (tmp_path / "tenants.yaml").write_text("profiles: [blue-crm, red-crm]\ntenants: {blue: {}, red: {}}\n")
    return tmp_path


def outcomes(place: Path, *arguments: str) -> dict[tuple[str, str], str]:
    """Profile and tenant → the words about its loading."""
    done = apart("test", *arguments, "--limits", "limits.toml", "--profiles-dir", "profiles", "--format", "json", cwd=place)
    reports = json.loads(done.out)
    reports = reports.get("reports", [reports])
    return {(Path(report["source"]).stem, report["tenant"]): next(stage["status"] for stage in report["stages"] if stage["name"] == "load") for report in reports}


@pytest.mark.thorough
def test_a_file_of_tenants_loads_each_profile_under_the_limits_of_its_tenant(place):
    """A tenant without `profiles` of his own tests what he may use; nobody in particular may use none of them, and is not asked."""
    assert {("blue-crm", "blue"): "ok", ("red-crm", "red"): "ok"} == outcomes(place, "--input-file", "tenants.yaml")


@pytest.mark.thorough
def test_what_a_tenant_names_and_may_not_use_is_a_failure_of_his(place):
    """And of nobody else's: red may."""
    (place / "tenants.yaml").write_text("profiles: [red-crm]\ntenants: {blue: {profiles: [red-crm]}, red: {}}\n")

    assert {("red-crm", "blue"): "failed", ("red-crm", "red"): "ok"} == outcomes(place, "--input-file", "tenants.yaml")


def test_what_nobody_may_use_is_one_failure(place):
    """Of a folder the others are tested all the same."""
    found = outcomes(place, "--all", "profiles", "--input-file", "tenants.yaml")

    assert {("blue-crm", "blue"): "ok", ("red-crm", "red"): "ok", ("green-crm", "blue"): "failed"} == found

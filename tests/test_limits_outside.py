"""Limits from outside: processes of the command line, and what a process touches."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from commands import apart, environment
from thorough import few

LIMITS = """\
profiles = ["acme", "blue-*"]
types = ["api_key"]
hosts = ["{tenant}.acme.example"]
inputs = ["api_key"]
environment = ["AUTHWEAVE_*__{tenant}__*"]
"""
PROFILE = {"format": 1, "name": "acme", "identity_provider": "Acme", "servers": ["https://blue.acme.example"], "auth": {"type": "api_key"}}


def folder(tmp_path: Path, **more: object) -> Path:
    (tmp_path / "limits.toml").write_text(LIMITS)
    (tmp_path / "acme.json").write_text(json.dumps({**PROFILE, **more}))
    (tmp_path / "theirs.json").write_text(json.dumps({**PROFILE, "name": "theirs", "abstract": True}))
    return tmp_path


COMMANDS = [["validate", "acme.json"], ["preview", "./acme.json"], ["token", "PARENT"]]


@pytest.mark.parametrize("command", few(COMMANDS, every=3), ids=" ".join)
def test_a_command_tells_the_same_of_what_is_there_and_what_is_not(tmp_path, command):
    """A parent or profile outside: exit code and both streams are letter for letter those of one that is nowhere."""
    told = []
    for parent in ("theirs", "nobody"):
        place = folder(tmp_path, extends=parent)
        done = apart(*(word.replace("PARENT", parent) for word in command), cwd=place, AUTHWEAVE_LIMITS="limits.toml", AUTHWEAVE_PROFILES=str(place))
        told.append((done.code, done.out.replace(parent, "PARENT"), done.err.replace(parent, "PARENT")))

    assert told[0] == told[1]
    assert told[0][0] != 0
    assert "[limits]" in told[0][1] + told[0][2]


@pytest.mark.thorough
def test_validate_says_what_a_tenants_profile_names_outside(tmp_path):
    """`--limits FILE --tenant NAME`: the same file is valid for one tenant and not for another, also as JSON and by the setting."""
    place = folder(tmp_path)
    blue, red = (apart("validate", "acme.json", "--limits", "limits.toml", "--tenant", tenant, cwd=place) for tenant in ("blue", "red"))

    assert (0, 1) == (blue.code, red.code)
    assert "servers[0]: https://blue.acme.example may not be called; hosts that may be used here: red.acme.example (limits.toml" in red.out
    nobody = apart("validate", "acme.json", "--limits", "limits.toml", cwd=place)
    assert "hosts that may be used here: {tenant}.acme.example (limits.toml" in nobody.out
    done = apart("validate", "acme.json", "--format", "json", cwd=place, AUTHWEAVE_LIMITS=str(place / "limits.toml"))
    [file] = json.loads(done.out)["files"]
    assert {"limits"} == {problem["rule"] for problem in file["problems"]}


@pytest.mark.thorough
def test_a_command_reads_the_tenants_own_variable_and_no_other(tmp_path):
    """`preview` finds blue's variable; the general one and that of another tenant are not found, whatever they hold."""
    place = folder(tmp_path)

    def code(tenant: str, variable: str) -> int:
        return apart("preview", "./acme.json", "--limits", "limits.toml", "--tenant", tenant, "--url", "/x", cwd=place, **{variable: "k3y"}).code

    assert 0 == code("blue", "AUTHWEAVE_ACME__BLUE__API_KEY")
    own = apart("preview", "./acme.json", "--limits", "limits.toml", "--tenant", "blue", cwd=place, AUTHWEAVE_ACME_API_KEY="k3y")
    assert "environment variable AUTHWEAVE_ACME_API_KEY" not in own.out + own.err


@pytest.mark.thorough
def test_list_shows_what_is_inside(tmp_path):
    """Profiles outside stand in no list, shipped ones included."""
    place = folder(tmp_path, servers=["https://{{ inputs.api_key }}.acme.example"])
    (place / "blue-crm.json").write_text(json.dumps({**PROFILE, "name": "blue-crm", "servers": []}))
    done = apart("list", "--format", "json", "--profiles-dir", str(place), cwd=place, AUTHWEAVE_LIMITS="limits.toml")

    assert (0, []) == (done.code, [one["name"] for one in json.loads(done.out) if one["name"] not in ("acme", "blue-crm")])


WATCH = """\
import sys, os
opened = []
def heard(event, arguments):
    if event in ("open", "os.listdir", "os.scandir", "socket.getaddrinfo", "socket.connect", "socket.gethostbyname"):
        opened.append(str(arguments[0] if event != "socket.connect" else arguments[1]))
sys.addaudithook(heard)
from pathlib import Path
from authweave import Engine, Limits
from authweave.errors import AuthweaveError
folder, mark = sys.argv[1:]
engine = Engine(folder, limits=Limits(profiles=["acme"], types=["api_key"], hosts=["x.acme.example"], inputs=["api_key"]), sources=["environment", "secrets_dir"], secrets_dir=folder, profile_paths=False)
said = []
for reference in ("acme", mark, f"{mark}@1"):
    try:
        engine.connect(reference, tenant="blue")
        said.append("connected")
    except AuthweaveError as error:
        said.append(f"{type(error).__name__} {error}")
print([name for name in opened if mark in name])
print(said)
"""


@pytest.mark.thorough
def test_a_process_opens_nothing_outside(tmp_path):
    """By the interpreter's own audit events: no file is opened and no name is looked up whose name is outside, and what is said is the same."""
    told = []
    for mark in ("theirs", "nobody"):
        place = folder(tmp_path, extends=mark, servers=[f"https://{mark}.evil.example"])
        done = subprocess.run([sys.executable, "-c", WATCH, str(place), mark], capture_output=True, text=True, timeout=60, env=environment(), check=False)
        opened, said = done.stdout.splitlines()
        assert "[]" == opened
        assert "LimitRefused" in said
        told.append(said.replace(mark, "MARK"))

    assert told[0] == told[1]


TABLES = """\
profiles = ["shared-*"]
types = ["*"]
hosts = ["*"]
inputs = ["*"]
environment = ["AUTHWEAVE_*__{tenant}__*"]

[tenants.blue]
profiles = ["blue-*"]
"""


def operators_folder(tmp_path: Path) -> Path:
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "blue-crm.json").write_text(json.dumps({**PROFILE, "name": "blue-crm", "test": {"request": {"url": "/v1/me"}}}))
    (tmp_path / "limits.toml").write_text(TABLES)
    (tmp_path / "authweave.toml").write_text('profiles = ["profiles"]\nprofile_paths = false\nlimits = "limits.toml"\n')
    return tmp_path


@pytest.mark.thorough
def test_list_and_show_see_what_a_tenant_sees(tmp_path):
    """`--tenant` of `list` and `show` says whose limits hold; without, both say that those of no table held, and of which option."""
    place = operators_folder(tmp_path)
    listed, nobodys = (apart("list", *tenant, cwd=place) for tenant in (["--tenant", "blue"], []))
    shown, refused = (apart("show", "blue-crm", *tenant, cwd=place) for tenant in (["--tenant", "blue"], []))

    assert "blue-crm" in listed.out
    assert 0 == listed.code
    assert "inside the limits" in nobodys.out
    assert "limits.toml, for whoever has no table there" in nobodys.out
    assert "--tenant" in nobodys.out
    assert "name: blue-crm" in shown.out
    assert 0 == shown.code
    assert 1 == refused.code
    assert "for whoever has no table there" in refused.err
    assert refused.err.startswith("authweave: the profile names what may not be used here:\n")


AGAIN = [("red", [], 1), ("blue", [], 4), ("blue", ["--sandbox"], 0)]


@pytest.mark.parametrize(("tenant", "options", "code"), few(AGAIN, every=3), ids=["refused", "real", "sandbox"])
def test_the_command_that_repeats_a_strangers_test_holds_it_to_the_same(tmp_path, tenant, options, code):
    """Folder, limits and `--strict` stand in it, whether the profile was refused or ran: without them another profile, or a freer one, is tested."""
    place = operators_folder(tmp_path)
    (place / "authweave.toml").unlink()
    bounds = ["--profiles-dir", "profiles", "--limits", "limits.toml", "--strict"]
    done = apart("test", "blue-crm", "--tenant", tenant, *options, *bounds, cwd=place)
    again = shlex.split(done.out.partition("\nAgain")[2])[1:]
    repeated = apart(*again, cwd=place)

    assert bounds == again[-5:]
    assert done.code == repeated.code == code


@pytest.mark.thorough
@pytest.mark.parametrize("options", [[], ["--sandbox"]], ids=["real", "sandbox"])
def test_the_command_that_repeats_a_test_runs_where_only_names_count(tmp_path, options):
    """Under `profile_paths = false` the last line of a report names the profile and the tenant: it ends as the run it repeats."""
    place = operators_folder(tmp_path)
    done = apart("test", "blue-crm", "--tenant", "blue", *options, cwd=place)
    again = shlex.split(next(line for line in done.out.splitlines() if line.startswith("Again")))[2:]
    repeated = apart(*again, cwd=place)

    assert ["test", "blue-crm"] == again[:2]
    assert "blue" in again
    assert done.code == repeated.code == (0 if options else 4)

"""A stranger's package, installed beside the wheel into an environment of its own: everything that it adds works from outside."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from sockets import Server, http

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "tests" / "example_plugin"
BADGE = "s3cr3t-badge-4711"
PROFILE = """\
format: 1
name: acme-desk
identity_provider: Acme
servers: ['{url}']
inputs:
  desk: {{title: Desk}}
auth:
  type: oauth2
  grant_type: urn:acme:grant-type:badge
  gate: east
  token_url: {url}/token
  client_auth: none
  client_id: desk-bot
fields:
  - {{in: acme.context, key: desk, value: '{{{{ inputs.desk }}}}'}}
test: {{request: {{url: /v1/me}}}}
"""


@dataclass
class Gate:
    """Gives a token for the badge at the right gate, and answers who shows both token and context."""

    asked: list[dict[str, str]] = field(default_factory=list)

    def __call__(self, peer):
        request = peer.request()
        status, answer = self._token(request) if request.line.startswith("POST /token") else self._api(request)
        peer.send(http(status, ("Content-Type", "application/json"), body=json.dumps(answer).encode()))

    def _token(self, request):
        form = {name: value for name, [value] in parse_qs(request.body.decode()).items()}
        self.asked.append(form)
        if form != {"grant_type": "urn:acme:grant-type:badge", "badge": BADGE, "gate": "east", "client_id": "desk-bot"}:
            return 400, {"error": "invalid_grant"}
        return 200, {"access_token": "AT-of-the-gate", "token_type": "Bearer", "expires_in": 900}

    def _api(self, request):
        is_good = (request.values("authorization"), request.values("acme-context")) == (["Bearer AT-of-the-gate"], ["desk=7"])
        return (200, {"desk": 7}) if is_good else (401, {"error": "invalid_token"})


@dataclass(frozen=True)
class Installed:
    """An environment with the wheel of the product and the one of the package, and nothing of this checkout."""

    folder: Path

    def run(self, *words, cwd=None, **env):
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("AUTHWEAVE", "PYTHON", "PYTEST", "XDG"))}
        home = {name: str(self.folder / "home") for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")}
        command = [str(self.folder / "bin" / words[0]), *map(str, words[1:])]
        return subprocess.run(command, env={**clean, **home, **env}, cwd=cwd or self.folder, capture_output=True, text=True, timeout=240, check=False)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Made without an index: wheels of both, and the dependencies of this interpreter."""
    folder = tmp_path_factory.mktemp("venv")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    quiet = ["--no-deps", "--no-index"]
    for source in (ROOT, EXAMPLE):
        _done([*pip, "wheel", *quiet, "--no-build-isolation", "-w", folder / "dist", source])
    _done([sys.executable, "-m", "venv", "--without-pip", folder])
    _done([*pip, "--python", folder / "bin" / "python", "install", *quiet, *(folder / "dist").glob("*.whl")])
    [packages] = (folder / "lib").glob("python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    (folder / "home").mkdir()
    return Installed(folder)


def _done(command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def desk(tmp_path):
    """The gate, a profile that uses everything of the package, and what an operator sets."""
    (tmp_path / "vault.json").write_text(json.dumps({"acme-desk": {"badge": BADGE, "desk": "7"}}))
    gate = Gate()
    with Server(gate) as server:
        (tmp_path / "acme-desk.yaml").write_text(PROFILE.format(url=server.url.rstrip("/")))
        env = {"ACME_VAULT": str(tmp_path / "vault.json"), "AUTHWEAVE_SOURCES": "environment,acme_vault", "AUTHWEAVE_STORE": f"acme:{tmp_path}/tokens.db"}
        yield gate, tmp_path / "acme-desk.yaml", env


def test_plugins_lists_it(installed):
    """With its version, its contract, and what each entry point adds."""
    done = installed.run("authweave", "plugins", "--format", "json")

    found = {one["name"]: one for one in json.loads(done.stdout) if not one["built_in"]}
    assert done.returncode == 0, done.stderr
    assert {name: [(pair["kind"], pair["name"]) for pair in one["adds"]] for name, one in found.items()} == {
        "acme-badge": [("grants", "urn:acme:grant-type:badge")],
        "acme-context": [("placements", "acme.context")],
        "acme-store": [("stores", "acme_store")],
        "acme-vault": [("sources", "acme_vault")],
    }
    assert {(one["distribution"], one["version"], one["contract"], one["state"]) for one in found.values()} == {("acme-authweave", "0.1.0", 1, "loaded")}


def test_a_profile_uses_it(installed, desk):
    """Valid, previewed with each part and its origin, and accepted by a server that checks all of it."""
    gate, profile, env = desk

    valid = installed.run("authweave", "validate", profile, **env)
    preview = installed.run("authweave", "preview", profile, "--url", "/v1/me", **env)
    tested = installed.run("authweave", "test", profile, "--format", "json", **env)

    assert (valid.returncode, preview.returncode) == (0, 0), valid.stdout + valid.stderr + preview.stdout + preview.stderr
    assert "Acme-Context" in preview.stdout
    assert "urn:acme:grant-type:badge" in preview.stdout.replace("%3A", ":")
    report = json.loads(tested.stdout)
    assert ("obtained", "accepted") == (report["token"]["word"], report["credential"]["word"]), tested.stdout
    assert gate.asked
    assert BADGE not in valid.stdout + preview.stdout + tested.stdout + preview.stderr + tested.stderr


def test_processes_share_its_store(installed, desk):
    """Two commands, one token request; the file is its owner's alone, and holds no token in the clear. The store finds itself in order."""
    gate, profile, env = desk

    answers = [installed.run("authweave", "request", "-p", profile, "/v1/me", **env) for _ in range(2)]
    checked = installed.run("authweave", "store", "check", **env)

    assert [0, 0, 0] == [done.returncode for done in (*answers, checked)], [(done.stdout, done.stderr) for done in (*answers, checked)]
    assert ['{"desk": 7}'] * 2 == [done.stdout.strip() for done in answers]
    assert 1 == len(gate.asked)
    stored = Path(env["AUTHWEAVE_STORE"].removeprefix("acme:"))
    assert 0o600 == stored.stat().st_mode & 0o777
    assert b"AT-of-the-gate" not in stored.read_bytes()


def test_a_missing_badge_is_told_by_where_it_was_looked_for(installed, desk):
    """The source's own words say where to put it."""
    _, profile, env = desk
    Path(env["ACME_VAULT"]).write_text("{}")

    done = installed.run("authweave", "request", "-p", profile, "/v1/me", **env)

    assert done.returncode == 4
    assert f'vault file {env["ACME_VAULT"]}, "acme-desk", "badge"' in done.stderr


def test_its_own_tests_pass(installed, tmp_path):
    """With the suites of the installed wheel."""
    shutil.copytree(EXAMPLE / "tests", tmp_path / "tests")
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")

    done = installed.run("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", tmp_path / "tests", cwd=tmp_path)

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert " passed" in done.stdout

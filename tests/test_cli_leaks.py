"""Nothing secret leaves the command line: not on its streams, not in files, not in what other users see of a process."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from commands import PROFILE, Provider, environment, here, profile_for
from leaking import Search, files_under, overheard
from sockets import Server, hang_after_request, http, says
from thorough import few

PLANTED = "pl4nt3d+Zq0xKv/%41W7&tr=<e5b29c>'fa63 91dd0"
TOKEN = "7be0c4Kz91a2f8Kz33d06b5c1e9f4a78"
SECRETS = {"client_secret": PLANTED, "access_token": TOKEN, "refresh_token": TOKEN[::2] + "Wq9" + TOKEN[1::2]}
SEARCH = Search(SECRETS)
ANSWER = {"access_token": TOKEN, "refresh_token": SECRETS["refresh_token"], "token_type": "Bearer", "expires_in": 900}
FORMATS = ("text", "json", "junit", "har", "curl")


def echoing(status):
    """A token endpoint that tells what it got, in every part of its answer."""

    def behave(peer):
        asked = peer.request()
        told = {"error": "invalid_client", "error_description": f"got {PLANTED} {asked.body.decode()}", "rest": [PLANTED[::-1], asked.values("authorization")]}
        peer.send(http(status, ("Content-Type", "application/json"), ("X-Echo", asked.values("authorization")[0]), body=json.dumps(told).encode()))

    return behave


def gives(peer):
    """A token endpoint, and an API that shows what it got."""
    asked = peer.request()
    data = ANSWER if asked.line.startswith("POST") else {"got": asked.values("authorization"), "as": PLANTED}
    peer.send(http(200, ("Content-Type", "application/json"), ("Set-Cookie", f"s={TOKEN}x"), body=json.dumps(data).encode()))


@pytest.fixture
def planted(monkeypatch, tmp_path):
    """The secret in the environment, and a folder of its own."""
    monkeypatch.setenv("AUTHWEAVE_ACME_CLIENT_SECRET", PLANTED)
    monkeypatch.setenv("AUTHWEAVE_ACME_CLIENT_ID", "acme-bot")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def with_check(server, folder):
    """The profile with a check."""
    return profile_for(server, folder, PROFILE + "test:\n  request: {{url: /v1/me}}\n")


def refuse(done, heard, folder):
    """Nothing in what was printed, logged, or written anywhere; what is stored is sealed."""
    sinks = {"stdout": done.out, "stderr": done.err, "log": "\n".join(heard)}
    sinks |= dict(files_under(folder, os.environ["XDG_DATA_HOME"], os.environ["XDG_CONFIG_HOME"]))
    SEARCH.refuse(sinks)


BEHAVIOURS = {
    "good": gives, "401": echoing(401), "400": echoing(400), "200": echoing(200), "503": echoing(503),
    "html": says(b"HTTP/1.1 200 OK\r\n\r\n<html>" + PLANTED.encode()),
}  # fmt: skip


@pytest.mark.parametrize("name", few(BEHAVIOURS, every=3))
def test_no_command_shows_one(capsys, planted, name):
    """`test` in every format and into files, `preview`, `show`, `validate`, `status`, `tokens`, and a request that fails."""
    with Server(BEHAVIOURS[name]) as server:
        path = with_check(server, planted)
        commands = [("test", path, *(word for form in FORMATS for word in ("-o", f"{form}=out.{form}"))), *(("test", path, "--format", form) for form in ("json", "curl"))]
        commands += [("preview", path), ("preview", path, "--format", "json"), ("show", path), ("validate", path), ("status",), ("tokens", "list")]
        if name != "good":
            commands += [("token", path), ("request", "/v1/me", "-p", path)]
        for command in commands:
            with overheard() as heard:
                done = here(capsys, *command)
            refuse(done, heard, planted)


def test_what_is_stored_is_sealed(capsys, planted):
    """A token that was got and kept stands in no file as it is, nor in any form."""
    with Server(gives) as server:
        path = with_check(server, planted)
        with overheard() as heard:
            done = here(capsys, "token", path)

    assert "‹secret access_token: 32 chars, #" in done.out
    SEARCH.refuse({"stdout": done.out, "stderr": done.err, "log": "\n".join(heard), **dict(files_under(planted, os.environ["XDG_DATA_HOME"], os.environ["XDG_CONFIG_HOME"]))})
    assert list(files_under(os.environ["XDG_DATA_HOME"]))


def test_the_provider_is_really_asked(capsys, planted):
    """What is searched for was sent: a search that finds nothing because nothing happened proves nothing."""
    with Server(Provider(secret=PLANTED)) as server:
        path = profile_for(server, planted)
        done = here(capsys, "test", path, "--format", "json")

    assert "obtained" == json.loads(done.out)["token"]["word"]


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs /proc")
def test_others_see_nothing_of_a_process(planted):
    """The arguments of the process, and of what it starts, hold no secret while it waits for an answer."""
    with Server(hang_after_request) as server:
        path = with_check(server, planted)
        running = subprocess.Popen([sys.executable, "-m", "authweave", "test", str(path), "--deadline", "20"], env=environment(AUTHWEAVE_ACME_CLIENT_SECRET=PLANTED, AUTHWEAVE_ACME_CLIENT_ID="acme-bot"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            while not server.requests and running.poll() is None:
                time.sleep(0.02)
            seen = "\n".join(_arguments(running.pid))
        finally:
            running.kill()
            running.wait()

    assert "authweave" in seen
    SEARCH.refuse({"ps": seen})


def _arguments(of):
    """The command line of a process and of its children."""
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError, IndexError):
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if of in (int(folder.name), parent):
                yield (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()

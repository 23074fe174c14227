"""`authweave test --explain` and `--fix` as people and scripts run them: questions at a terminal, exit codes, what is written and what is not."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from authweave.diagnosis import ENTRIES
from authweave.explaining.candidates import FAMILIES
from authweave.explaining.clues import ELSEWHERE
from authweave.resources import schema_file
from commands import apart, environment, here
from probing import ACCEPTS, GOOD, SECRET, forms
from sockets import Server, http

pytestmark = pytest.mark.thorough

PROFILE = """\
format: 1
name: acme   # = file name
identity_provider: Acme
servers: ['{api}']
auth:
  type: oauth2
  grant_type: client_credentials
  token_url: {token}t   # from the page
test: {{request: {{url: /me}}}}
"""
EDIT = "# from the page\n  client_auth: client_secret_post\n"
KNOWN = {"AUTHWEAVE_ACME_CLIENT_ID": "my-client", "AUTHWEAVE_ACME_CLIENT_SECRET": SECRET}


def reads_body(peer):
    """A token endpoint that knows the client by the body only."""
    asked = peer.request()
    good = b"client_secret=" in asked.body
    status = 404 if asked.line.startswith("GET") else 200 if good else 401
    peer.send(http(status, ("Content-Type", "application/json"), body=json.dumps(GOOD if good else {"error": "invalid_client"}).encode()))


@pytest.fixture
def servers():
    with Server(reads_body) as token, Server(ACCEPTS) as api:
        yield token, api


@pytest.fixture
def path(tmp_path, servers):
    token, api = servers
    made = tmp_path / "acme.yaml"
    made.write_text(PROFILE.format(api=api.url.rstrip("/"), token=token.url))
    return made


def on_terminal(path, *arguments, answers, **env):
    """What a person sees, who types an answer after each text; and the exit code."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "authweave", "test", str(path), "--no-compare", *arguments], cwd=path.parent, stdin=theirs, stdout=theirs, stderr=theirs,
        env=environment(TERM="xterm", COLUMNS="100", **env), start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    seen, left = b"", list(answers)
    reader = threading.Timer(60, process.kill)
    reader.start()
    try:
        while data := os.read(ours, 4096):
            seen += data
            if left and left[0][0].encode() in seen.rpartition(b"\x04")[2]:
                os.write(ours, left.pop(0)[1].encode() + b"\n")
                seen += b"\x04"
    except OSError:
        pass
    code = process.wait(60)
    reader.cancel()
    os.close(ours)
    assert not left, seen.decode()
    text = seen.decode("utf-8", "replace")
    assert not any(form in text for form in forms(SECRET))
    return text, code


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 1)])
def test_at_a_terminal_the_edit_is_offered(path, answer, code):
    """Somebody is there: the edit is shown and asked about, made only after a yes, and the test runs again then."""
    before = path.read_text()

    text, ended = on_terminal(path, "--explain", answers=[("[y/N]", answer)], **KNOWN)

    assert ended == code
    assert path.read_text() == (before.replace("# from the page\n", EDIT) if answer == "y" else before)
    assert "Change auth.client_auth in" in text
    assert "client_auth: client_secret_post" in text
    assert "trying 1: auth.basic_encoding: raw" in text


def test_a_refused_test_names_the_command_that_tries(path):
    """To a person only, and only where there is something that could be tried: the command as it is typed."""
    refused, _ = on_terminal(path, answers=[], **KNOWN)
    piped = apart("test", path, "--no-compare", **KNOWN)
    path.write_text(path.read_text().replace("name: acme ", "name: acmee "))
    invalid, _ = on_terminal(path, answers=[], **KNOWN)

    assert f"Try: authweave test {path} --explain " in refused
    assert "--explain" not in piped.err + piped.out
    assert "--explain" not in invalid


def test_what_was_typed_is_used_for_the_tries(path):
    """A secret that was asked for at the terminal is not asked for again."""
    text, code = on_terminal(path, "--fix", answers=[("Client secret", SECRET)], AUTHWEAVE_ACME_CLIENT_ID="my-client")

    assert code == 0
    assert text.count("Client secret (") == 1
    assert EDIT in path.read_text()


@pytest.mark.parametrize(("answers", "calls"), [((("all the same?", "n"),), 1), ((("all the same?", "y"), ("[y/N]", "n")), 3)])
def test_a_warning_is_shown_and_asked_about_before_anything_is_tried(path, servers, answers, calls):
    """A user's password: the person decides; a no leaves it at the run that failed."""
    path.write_text(path.read_text().replace("client_credentials", "password"))

    text, code = on_terminal(path, "--explain", answers=answers, AUTHWEAVE_ACME_USERNAME="robot", AUTHWEAVE_ACME_PASSWORD=SECRET[::-1], **KNOWN)

    assert code == 1
    assert len([asked for asked in servers[0].requests if asked.line.startswith("POST")]) == calls
    assert "some servers lock an account" in text
    assert SECRET[::-1] not in text


def test_a_script_is_asked_nothing(path, capsys, monkeypatch):
    """Without a terminal the edit is proposed and the file left alone; standard error has no progress."""
    for name, value in KNOWN.items():
        monkeypatch.setenv(name, value)
    before = path.read_text()

    done = here(capsys, "test", path, "--explain")

    assert (1, before) == (done.code, path.read_text())
    assert "client_auth: client_secret_post" in done.out
    assert "trying" not in done.err
    assert not any(form in done.out + done.err for form in forms(SECRET))


@pytest.mark.parametrize("form", ["text", "json", "junit", "html", "har", "curl"])
def test_every_format_goes_with_a_fix(path, capsys, monkeypatch, form):
    """The run that is written is the one after the edit; none of the formats shows the secret."""
    for name, value in KNOWN.items():
        monkeypatch.setenv(name, value)

    done = here(capsys, "test", path, "--fix", "--format", form)

    assert done.code == 0, done.err
    assert EDIT in path.read_text()
    assert not any(shape in done.out + done.err for shape in forms(SECRET))
    if form == "json":
        made = json.loads(done.out)
        Draft202012Validator(json.loads(schema_file("test-report").read_text())).validate(made)
        assert (True, "accepted") == (made["explained"]["applied"], made["credential"]["word"])


def test_a_file_that_cannot_be_written_is_told_after_the_report(path, capsys, monkeypatch):
    """The variant is shown, the file stays as it was, and the command ends with 2."""
    for name, value in KNOWN.items():
        monkeypatch.setenv(name, value)
    before = path.read_bytes()
    monkeypatch.setattr("authweave.explaining.proposing.write_whole", _refuses)

    done = here(capsys, "test", path, "--fix")

    assert (2, before) == (done.code, path.read_bytes())
    assert "cannot be written: No space left on device" in done.err
    assert "Proposed edit" in done.out


def _refuses(*_):
    raise OSError(28, "No space left on device")


def test_a_read_only_file_stays_as_it_is(path, capsys, monkeypatch):
    """A file that its owner closed to changes is not put another in the place of, which its folder alone would allow."""
    for name, value in KNOWN.items():
        monkeypatch.setenv(name, value)
    before = path.read_bytes()
    path.chmod(0o444)

    done = here(capsys, "test", path, "--fix", "--no-compare")

    assert 2 == done.code
    assert "is read-only; nothing was written" in done.err
    assert before == path.read_bytes()


def test_a_file_that_is_saved_during_the_test_is_neither_explored_nor_changed(tmp_path, capsys, monkeypatch):
    """What is tried are variants of the text that was refused, not of another that stands there by now."""
    for name, value in KNOWN.items():
        monkeypatch.setenv(name, value)
    path, seen = tmp_path / "acme.yaml", []

    def saves(peer):
        asked = peer.request()
        if asked.line.startswith("POST"):
            seen.append(asked)
            if len(seen) == 1:
                path.write_text(path.read_text().replace("token_url:", "client_auth: client_secret_post\n  token_url:"))
        good = b"client_secret=" in asked.body
        status = 404 if asked.line.startswith("GET") else 200 if good else 401
        peer.send(http(status, ("Content-Type", "application/json"), body=json.dumps(GOOD if good else {"error": "invalid_client"}).encode()))

    with Server(saves) as token, Server(ACCEPTS) as api:
        path.write_text(PROFILE.format(api=api.url.rstrip("/"), token=token.url))
        done = here(capsys, "test", path, "--fix", "--no-compare")

    assert 2 == done.code
    assert "has changed since it was read; nothing was written" in done.err
    assert b"client_secret=" in seen[-1].body


def test_an_accepted_profile_is_told_to_be_so(path, capsys, monkeypatch):
    """Nothing refused, nothing explained, nothing changed: exit 0."""
    for name, value in KNOWN.items():
        monkeypatch.setenv(name, value)
    path.write_text(path.read_text().replace("# from the page\n", EDIT))
    before = path.read_text()

    done = here(capsys, "test", path, "--fix")

    assert (0, before) == (done.code, path.read_text())
    assert "nothing was refused" in done.err


def test_a_profile_that_is_not_valid_has_its_problems_and_nothing_more(path, capsys):
    """What cannot be loaded cannot be tried."""
    path.write_text(path.read_text().replace("oauth2", "oauht2"))

    done = here(capsys, "test", path, "--explain", "--format", "json")

    assert done.code == 1
    assert json.loads(done.out)["explained"] is None


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--budget", "3"), "--budget goes with --explain"),
        (("--yes",), "--yes goes with --explain"),
        (("--explain", "--budget", "21"), "20"),
        (("--explain", "--budget", "0"), "1"),
        (("--explain", "--sandbox"), "does not go with --sandbox"),
        (("--fix", "--replay"), "does not go with --replay"),
        (("--fix", "--record"), "does not go with --record"),
        (("--explain", "--login"), "does not go with --login"),
        (("--explain", "--all"), "does not go with several tests at once"),
    ],
)
def test_options_that_make_no_sense_together(path, servers, capsys, options, says):
    """Misuse ends with 2 and says what is wrong, before anything is sent."""
    done = here(capsys, "test", *([] if "--all" in options else [path]), *options)

    assert done.code == 2
    assert says in re.sub(r"\s+", " ", done.err)
    assert servers[0].requests == []


def test_every_row_of_the_table_is_a_diagnosis():
    """A code that nobody finds would never be explained; and each is on the page, with nothing on it that is not."""
    page = Path(__file__).parents[1].joinpath("docs", "explain.md").read_text()
    rows = page.partition("| --- | --- |")[2].partition("\n\n")[0]
    told = {code for row in rows.splitlines() for code in re.findall(r"`([a-z_0-9]+)`", row.split("|")[1] if "|" in row else "")}

    assert {code for code in FAMILIES if ENTRIES[code].verdict not in ("refused", "forbidden")} == ELSEWHERE
    assert told - {"client_credentials"} == set(FAMILIES)

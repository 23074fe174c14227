"""`authweave test` of many, as people and build servers run it: in a process of its own, against real sockets, on real terminals."""

import json
import os
import re
import signal
import subprocess
import sys
import threading

import pytest

import sockets
from authweave.resources import profiles_folder
from commands import here
from probing import ACCEPTS, GIVES_TOKEN, SECRET, forms, oauth, says_json, written
from sockets import Server
from terminals import Screen, Terminal
from test_cli_test import SOURCE

COMMAND = [sys.executable, "-m", "authweave", "test"]


def environment(**more):
    """Nothing of this machine but what a process needs; the secrets of profiles named p000 …"""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**kept, "PYTHONPATH": SOURCE, "PYTHONUTF8": "1", "CI": "1", **more}


def secrets(count):
    """A client id and a secret for every profile."""
    return {f"AUTHWEAVE_P{number:03}_{name}": value for number in range(count) for name, value in (("CLIENT_ID", "me"), ("CLIENT_SECRET", SECRET))}


def authweave_test(*arguments, cwd, **env):
    """Run it; its output has been searched for the planted secret."""
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)], cwd=cwd, env=environment(**env), capture_output=True, text=True, encoding="utf-8", timeout=300,
        stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    for form in forms(SECRET):
        assert form not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def profiles(folder, count, token, api, **more):
    """So many profiles p000 … in ./profiles."""
    (folder / "profiles").mkdir(exist_ok=True)
    for number in range(count):
        add(folder, f"p{number:03}", token, api, **more)


def add(folder, name, token, api, **more):
    """A profile in ./profiles."""
    (folder / "profiles").mkdir(exist_ok=True)
    path = written(folder / "profiles", oauth(f"{token}{name}"), servers=[api.rstrip("/")], **{**more, "name": name})
    path.rename(folder / "profiles" / f"{name}.json")


@pytest.fixture(scope="module")
def servers():
    refuses = says_json({"error": "invalid_client"}, 401)
    with Server(GIVES_TOKEN) as identity, Server(ACCEPTS) as api, Server(refuses) as refusing:
        yield identity.url, api.url, refusing.url


@pytest.mark.thorough
def test_a_folder(tmp_path, servers):
    """Sixty profiles of ./profiles, of which seven are refused: one cause, its fix, the count, and 1; a line for each on standard error."""
    identity, api, refusing = servers
    profiles(tmp_path, 60, identity, api)
    for number in range(7):
        add(tmp_path, f"p{number:03}", refusing, api)
    add(tmp_path, "base", identity, api, abstract=True)

    done = authweave_test("--all", cwd=tmp_path, **secrets(60))

    together = " ".join(done.stdout.split())
    assert 1 == done.returncode
    assert "✗ 7 profiles: invalid_client 127.0.0.1" in together
    assert "60 profiles: 53 accepted, 7 refused" in together
    assert re.search(r"fix auth\.\w+ \(profiles/p000\.json:\d+\):", together)
    assert "\x1b" not in done.stdout + done.stderr
    lines = done.stderr.splitlines()
    assert {f"p{number:03}: refused: invalid_client" for number in range(7)} == {line.partition(": The")[0] for line in lines}


@pytest.mark.thorough
def test_the_order_is_that_of_the_profiles(tmp_path, servers):
    """In JSON and in files beside it, whatever ended first; the same reports in every form."""
    identity, api, refusing = servers
    profiles(tmp_path, 9, identity, api)
    add(tmp_path, "p004", refusing, api)

    done = authweave_test("--all", "--jobs", "5", "--format", "json", "-o", "all.xml", "-o", "text=all.txt", "-o", "html=all.html", cwd=tmp_path, **secrets(9))

    document = json.loads(done.stdout)
    assert [f"p{number:03}" for number in range(9)] == [report["profile"] for report in document["reports"]]
    assert (1, 8, 1) == (done.returncode, document["summary"]["accepted"], document["summary"]["refused"])
    assert 9 == (tmp_path / "all.xml").read_text().count("<testsuite ")
    assert "8 accepted, 1 refused" in (tmp_path / "all.txt").read_text()
    assert "p004" in (tmp_path / "all.html").read_text()


def test_several_profiles_and_exit_codes(tmp_path, servers, monkeypatch, capsys):
    """Named one by one: 0 accepted, 4 only an input is missing, 3 only left open, 1 not valid; a failure wins over what is open."""
    identity, api, _ = servers
    profiles(tmp_path, 3, identity, api)
    add(tmp_path, "away", f"http://127.0.0.1:{sockets.free_port()}/", api)
    add(tmp_path, "wrong", identity, api, test={"nope": 1})
    for name, value in {**secrets(2), "AUTHWEAVE_AWAY_CLIENT_ID": "x", "AUTHWEAVE_AWAY_CLIENT_SECRET": SECRET}.items():
        monkeypatch.setenv(name, value)

    def code(*names):
        return here(capsys, "test", *(tmp_path / "profiles" / f"{name}.json" for name in names)).code

    assert 0 == code("p000", "p001")
    assert 4 == code("p000", "p002")
    assert 3 == code("p000", "away", "p002")
    assert 1 == code("p000", "away", "wrong", "p002")


def test_what_cannot_be_asked_ends_before_anything_is_sent(tmp_path, monkeypatch, capsys):
    """2, one message, nothing on standard output, no call."""
    monkeypatch.chdir(tmp_path)
    with Server(GIVES_TOKEN) as identity, Server(ACCEPTS) as api:
        profiles(tmp_path, 2, identity.url, api.url)
        add(tmp_path, "base", identity.url, api.url, abstract=True)
        (tmp_path / "empty").mkdir()
        (tmp_path / "t.yaml").write_text("tenants:\n  eu: {client_secret: s3cret}\n")
        one, two = "profiles/p000.json", "profiles/p001.json"
        for wrong, words in {
            ("profiles",): "--all profiles tests every profile",
            ("--all", "empty"): "there is no profile in empty",
            (one, "profiles/nope.json"): "no such file",
            (one, "profiles/base.json"): "abstract",
            (one, two, "--format", "nope"): "not known",
            (one, two, "--input", "client_id=x", "--input", "nope=1"): "no profile has an input nope",
            (one, two, "--input", "client_secret=s3cret"): "client_secret is a secret of 2 profiles",
            (one, two, "--input-file", "client_secret=t.yaml"): "one secret is not sent to several providers",
            (one, "--input-file", "t.yaml"): "t.yaml:2:23: tenants.eu.client_secret: client_secret is a secret",
            (one, "--input-file", "u.yaml"): "there is no such file; a file of tenants is named alone, that of an input as KEY=PATH",
            (one, "--input-file", "t.yaml", "--input-file", "./a=b.yaml"): "only one file of tenants",
            ("--input-file", "t.yaml"): "which profiles?",
            (one, "--jobs", "2"): "go with several tests",
            ("--all", "--jobs", "0"): "0 is not in the range",
            ("--all", "--verbose", "--format", "json"): "--verbose goes with --format text",
            ("--all", "--changed-since", "HEAD"): "is in no git repository",
        }.items():  # fmt: skip
            done = here(capsys, "test", *wrong)
            assert (2, "") == (done.code, done.out), wrong
            assert words in done.err
            assert "s3cret" not in done.err
        assert [] == [*identity.requests, *api.requests]


@pytest.mark.thorough
def test_tenants_of_a_file(tmp_path, servers):
    """Each tenant its inputs from the file and its secret from the environment; --tenant takes one."""
    _, api, _ = servers
    with Server(GIVES_TOKEN) as identity:
        add(tmp_path, "acme", f"{identity.url}{{{{ inputs.region }}}}/", api, inputs={"region": {}})
        (tmp_path / "t=1.yaml").write_text("profiles: [profiles/acme.json]\ntenants:\n  eu: {region: one}\n  us: {region: two}\n")
        env = {"AUTHWEAVE_ACME_CLIENT_ID": "x", "AUTHWEAVE_ACME__EU__CLIENT_SECRET": SECRET}
        both = authweave_test("--input-file", "./t=1.yaml", "--format", "json", cwd=tmp_path, **env)
        one = authweave_test("--input-file", "./t=1.yaml", "--tenant", "eu", cwd=tmp_path, **env)

    assert ["accepted", "not_tested"] == [report["credential"]["word"] for report in json.loads(both.stdout)["reports"]]
    assert "acme us: input missing: secret_unresolved" in both.stderr
    assert (4, 0) == (both.returncode, one.returncode)
    assert ["POST /one/acme HTTP/1.1"] * 2 == [asked.line for asked in identity.requests]


@pytest.mark.thorough
def test_only_what_changed(tmp_path, servers):
    """The child of a parent that changed is tested, what is as it was is not, what is gone is named; nothing to test is 0."""
    identity, api, _ = servers
    profiles(tmp_path, 3, identity, api)
    add(tmp_path, "parent", identity, api, abstract=True)
    (tmp_path / "profiles" / "child.yaml").write_text("format: 1\nname: child\nextends: parent\n")

    def git(*words):
        quiet = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@example.com", *words], cwd=tmp_path, check=True, capture_output=True, env=quiet)

    git("init", "-q")
    git("add", "-A")
    git("commit", "-q", "-m", "x")
    nothing = authweave_test("--changed-since", "HEAD", cwd=tmp_path)
    add(tmp_path, "parent", identity, f"{api}v2", abstract=True)
    (tmp_path / "profiles" / "p001.json").unlink()
    some = authweave_test("--all", "--changed-since", "HEAD", "--format", "json", cwd=tmp_path, AUTHWEAVE_CHILD_CLIENT_ID="x", AUTHWEAVE_CHILD_CLIENT_SECRET=SECRET)
    unknown = authweave_test("--all", "--changed-since", "nope", cwd=tmp_path)

    assert (0, "nothing to test\n") == (nothing.returncode, nothing.stdout)
    assert (0, ["child"]) == (some.returncode, [report["profile"] for report in json.loads(some.stdout)["reports"]])
    assert "profiles/p001.json: deleted since HEAD" in some.stderr
    assert (2, "") == (unknown.returncode, unknown.stdout)
    assert "git knows no revision nope" in unknown.stderr


@pytest.mark.thorough
def test_fail_fast(tmp_path, servers):
    """After the first that is not accepted no other begins; which were not run is in the report."""
    identity, api, refusing = servers
    profiles(tmp_path, 12, identity, api)
    add(tmp_path, "p002", refusing, api)

    done = authweave_test("--all", "--fail-fast", "--jobs", "1", "--format", "json", cwd=tmp_path, **secrets(12))

    summary = json.loads(done.stdout)["summary"]
    assert (1, 1, 12) == (done.returncode, summary["refused"], summary["total"])
    assert summary["accepted"] >= 2
    assert summary["not_run"] >= 1
    assert 12 == summary["accepted"] + summary["refused"] + summary["not_run"]


@pytest.mark.thorough
def test_the_shipped_profiles_in_the_sandbox(tmp_path):
    """Every one is accepted, from a folder without profiles, too."""
    count = sum("abstract: true" not in path.read_text() for path in profiles_folder().glob("*.yaml"))

    done = authweave_test("--all", "--sandbox", cwd=tmp_path)

    assert 0 == done.returncode, done.stdout
    assert f"{count} profiles: {count} accepted" in done.stdout
    assert "proves nothing" in done.stdout


# On terminals


@pytest.mark.thorough
@pytest.mark.parametrize("columns", [40, 80])
def test_a_terminal_shows_how_far_it_is(tmp_path, columns):
    """Three lines, never more, never wider than the terminal, drawn over themselves; wiped away, and the summary in their place."""
    gate = threading.Event()

    def waits(peer):
        peer.request()
        gate.wait(60)
        peer.send(sockets.http(200, ("Content-Type", "application/json"), body=b'{"access_token": "t0ken-0123456789", "token_type": "Bearer"}'))

    with Server(GIVES_TOKEN) as identity, Server(ACCEPTS) as api, Server(waits) as slow:
        profiles(tmp_path, 20, identity.url, api.url)
        add(tmp_path, "p019", slow.url, api.url)
        terminal = Terminal([*COMMAND, "--all"], tmp_path, environment(TERM="xterm", **secrets(20)), columns)
        terminal.until(" 19/20 ")
        shown = Screen(columns, 24)
        shown.write(terminal.wrote)
        gate.set()
        code = terminal.ended()

    assert 3 == len(shown.text())
    bar, counts, now = shown.text()
    assert re.fullmatch(r"━+─* 19/20  \d+:\d\d", bar)
    assert "19 accepted, 0 refused, 0 inconclusive" == counts
    assert "now: p019" == now
    after = Screen(columns, 24)
    after.write(terminal.wrote)
    assert (0, ["20 profiles: 20 accepted", ""]) == (code, after.text())
    assert not re.search(r"\x1b\[2J|\x1b\[H|\x1b\[\?1049", terminal.wrote)


@pytest.mark.thorough
def test_no_colour_and_a_dumb_terminal(tmp_path, servers):
    """NO_COLOR: not one colour; TERM=dumb: not one sequence, and a line for what fails."""
    identity, api, refusing = servers
    profiles(tmp_path, 5, identity, api)
    add(tmp_path, "p001", refusing, api)

    plain = Terminal([*COMMAND, "--all"], tmp_path, environment(TERM="xterm", NO_COLOR="1", **secrets(5)), 80)
    assert 1 == plain.ended()
    dumb = Terminal([*COMMAND, "--all"], tmp_path, environment(TERM="dumb", **secrets(5)), 80)
    assert 1 == dumb.ended()

    assert not re.search(r"\x1b\[[0-9;]*m", plain.wrote)
    assert "\x1b" not in dumb.wrote
    assert "p001: refused: invalid_client" in dumb.wrote


@pytest.mark.thorough
@pytest.mark.parametrize("where", ["terminal", "pipe"])
def test_ctrl_c(tmp_path, servers, where):
    """What is done is reported, what was not run is said, and it ends with 130; nothing is left on the screen but that."""
    identity, api, _ = servers
    with Server(sockets.hang_after_request) as hanging:
        profiles(tmp_path, 3, identity, api)
        for number in range(3, 9):
            add(tmp_path, f"p{number:03}", identity, hanging.url)
        streams = {} if where == "terminal" else {"stdout": subprocess.PIPE}
        terminal = Terminal([*COMMAND, "--all", "--format", "json" if where == "pipe" else "text"], tmp_path, environment(TERM="xterm", **secrets(9)), 80, **streams)
        terminal.until(" 3/9 ")
        terminal.until("p003")
        os.killpg(terminal.process.pid, signal.SIGINT)
        written_out = terminal.read_pipe() if where == "pipe" else b""
        code = terminal.ended()

    screen = Screen(80, 60)
    screen.write(terminal.wrote)
    assert 130 == code
    assert "Traceback" not in terminal.wrote
    assert "authweave: stopped by Ctrl-C; not tested: p003, p004, p005, p006, p007, p008" in " ".join("".join(screen.text()).split())
    if where == "pipe":
        summary = json.loads(written_out)["summary"]
        assert (3, 6) == (summary["accepted"], summary["not_run"])
    else:
        assert "9 profiles: 3 accepted, 6 not run" in screen.text()


@pytest.mark.heavy
@pytest.mark.parametrize("columns", [40, 80])
def test_a_thousand_profiles_stay_readable(tmp_path, servers, columns):
    """A thousand profiles, a fifteenth of them refused: at no moment more than three lines, and a summary that fits the screen."""
    identity, api, refusing = servers
    profiles(tmp_path, 1000, identity, api)
    for number in range(0, 1000, 15):
        add(tmp_path, f"p{number:03}", refusing, api)

    terminal = Terminal([*COMMAND, "--all"], tmp_path, environment(TERM="xterm", **secrets(1000)), columns)
    code = terminal.ended(600)

    moments = terminal.wrote.split("\x1b[?7h")
    screen, most = Screen(columns, 24), 0
    for moment in moments[:-1]:
        screen.write(moment + "\x1b[?7h")
        most = max(most, len(screen.text()))
    screen.write(moments[-1])
    assert (1, 3) == (code, most)
    assert "1000 profiles: 933 accepted, 67 refused" in " ".join(" ".join(screen.text()).split())
    assert "67 profiles: invalid_client" in " ".join(" ".join(screen.text()).split())

"""`authweave test` as people and scripts run it: in a process of its own, against real sockets."""

import json
import os
import pty
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import authweave
import sockets
from authweave.cli.testing.exits import exit_for_report
from authweave.report import Diagnosis, Report, Verdict
from probing import ACCEPTS, GIVES_TOKEN, SECRET, TOKEN, forms, oauth, says_json, written
from sockets import Server, answers
from thorough import every, few

SOURCE = str(Path(authweave.__file__).parents[1])
SECRETS = {"AUTHWEAVE_ACME_CLIENT_ID": "my-client", "AUTHWEAVE_ACME_CLIENT_SECRET": SECRET}


def environment(**more):
    """Nothing of this machine but what a process needs."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "HOME") if name in os.environ}
    return {**kept, "PYTHONPATH": SOURCE, "PYTHONUTF8": "1", "CI": "1", **more}


def authweave_test(*arguments, cwd, env=None):
    """Run it; its output has been searched for the planted secrets."""
    done = subprocess.run(
        [sys.executable, "-m", "authweave", "test", *map(str, arguments)], cwd=cwd, env=environment(**(SECRETS if env is None else env)),
        capture_output=True, text=True, encoding="utf-8", timeout=60, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    for form in [*forms(SECRET), *forms(TOKEN)]:
        assert form not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


@pytest.mark.parametrize(
    ("token", "api", "code"),
    few(
        [
            (says_json({"error": "invalid_client"}, 401), ACCEPTS, 1),
            (GIVES_TOKEN, ACCEPTS, 0),
            (GIVES_TOKEN, answers(403, body=b""), 1),
            (GIVES_TOKEN, answers(503, body=b""), 3),
            (answers(502, body=b""), ACCEPTS, 3),
        ],
        every=5,
    ),
)
def test_exit_codes(tmp_path, token, api, code):
    """0 accepted, 1 refused, 3 left open; in text and in JSON alike."""
    with Server(token) as identity, Server(api) as task:
        path = written(tmp_path, oauth(f"{identity.url}t"), servers=[task.url.rstrip("/")])
        text = authweave_test(path, cwd=tmp_path)
        machine = authweave_test(path, "--format", "json", cwd=tmp_path)

    assert (code, code) == (text.returncode, machine.returncode)
    assert "Test auth: acme 0.0.0 (Acme)" in text.stdout
    assert str(path) == json.loads(machine.stdout)["source"]
    assert ("", "") == (text.stderr, machine.stderr)


@pytest.mark.thorough
def test_before_anything_is_sent(tmp_path):
    """1 for a profile that is not valid, 2 for what cannot be asked, 4 for an input that is missing."""
    good = written(tmp_path, oauth("https://auth.invalid/t"))
    (tmp_path / "b").mkdir()
    bad = written(tmp_path / "b", {"type": "oauth2", "grant_typ": "x"})

    assert 1 == authweave_test(bad, cwd=tmp_path).returncode
    assert 4 == authweave_test(good, cwd=tmp_path, env={}).returncode
    for wrong in (["nowhere.yaml"], [good, "--format", "nope"], [good, "--input", "nope=1"], [good, "--fault", "html"], [good, "--deadline", "0"], []):
        done = authweave_test(*wrong, cwd=tmp_path)
        assert (2, "") == (done.returncode, done.stdout)
        assert done.stderr.startswith("authweave: ")


@pytest.mark.thorough
def test_unreachable(tmp_path):
    """3 for what cannot be reached, with the key to look at."""
    done = authweave_test(written(tmp_path, oauth(f"http://127.0.0.1:{sockets.free_port()}/t")), cwd=tmp_path)

    assert 3 == done.returncode
    assert "connect_refused" in done.stdout
    assert "auth.token_url" in done.stdout


@pytest.mark.thorough
def test_a_report_never_takes_the_place_of_the_profile(tmp_path):
    """`-o acme.json` beside `acme.json` is a slip that would cost the profile."""
    path = written(tmp_path, oauth("https://auth.invalid/t"))
    before = path.read_bytes()

    done = authweave_test(path, "-o", "acme.json", cwd=tmp_path)

    assert 2 == done.returncode
    assert "that is the profile" in done.stderr
    assert before == path.read_bytes()


@pytest.mark.thorough
def test_a_secret_is_no_argument(tmp_path):
    """A secret on the command line is refused with the ways there are."""
    done = authweave_test(written(tmp_path, oauth("https://auth.invalid/t")), "--input", "client_secret=oops-shown", cwd=tmp_path)

    assert 2 == done.returncode
    assert "AUTHWEAVE_ACME_CLIENT_SECRET" in done.stderr
    assert "oops-shown" not in done.stderr


def test_tenant_input_server_and_deadline(tmp_path):
    """The options reach the run."""
    with Server(GIVES_TOKEN) as identity, Server(sockets.hang_after_request) as task:
        made = written(tmp_path, oauth(f"{identity.url}{{{{ inputs.realm }}}}/t"), inputs={"realm": {}})
        env = {"AUTHWEAVE_ACME_CLIENT_ID": "x", "AUTHWEAVE_ACME__EU__CLIENT_SECRET": SECRET}
        done = authweave_test(
            made, "--tenant", "eu", "--input", "realm=r1", "--server", task.url.rstrip("/"), "--deadline", "4", cwd=tmp_path, env=env
        )

    assert "POST /r1/t HTTP/1.1" == identity.requests[0].line
    assert ("GET /v1/me HTTP/1.1", 3) == (task.requests[0].line, done.returncode)
    assert "read_timeout" in done.stdout
    assert f"--tenant eu --input realm=r1 --server {task.url.rstrip('/')}" in " ".join(done.stdout.split())


@pytest.mark.thorough
def test_pipes_of_a_small_character_set(tmp_path):
    """An ASCII pipe gets ASCII, and 100 columns; NO_COLOR and COLUMNS are heard."""
    path = written(tmp_path, oauth("https://auth.invalid/t"))
    done = authweave_test(path, cwd=tmp_path, env={"PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii", "COLUMNS": "60"})

    assert done.stdout.isascii()
    assert max(map(len, done.stdout.splitlines())) <= 60
    assert " 2 x resolve inputs" in done.stdout


def on_terminal(arguments, cwd, answer=b"", **env):
    """What is written to a terminal, and the exit code."""
    here, there = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "authweave", "test", *map(str, arguments)], cwd=cwd, env=environment(TERM="xterm", **env), stdin=there,
        stdout=there, stderr=there, start_new_session=True,
    )  # fmt: skip
    os.close(there)
    written_out = []

    def read():
        try:
            while data := os.read(here, 4096):
                written_out.append(data)
                if answer and b"Client secret" in b"".join(written_out) and answer not in sent:
                    sent.append(answer)
                    os.write(here, answer + b"\n")
        except OSError:
            pass

    sent = []
    thread = threading.Thread(target=read)
    thread.start()
    code = process.wait(60)
    thread.join(10)
    os.close(here)
    return b"".join(written_out).decode(), code


@pytest.mark.thorough
def test_on_a_terminal(tmp_path):
    """A terminal gets colour and is asked for a missing secret, which it does not echo; NO_COLOR has none."""
    with Server(GIVES_TOKEN) as identity, Server(ACCEPTS) as task:
        path = written(tmp_path, oauth(f"{identity.url}t"), servers=[task.url.rstrip("/")])
        asked, code = on_terminal([path], tmp_path, SECRET.encode(), AUTHWEAVE_ACME_CLIENT_ID="x", COLUMNS="90")
        plain, _ = on_terminal([path], tmp_path, NO_COLOR="1", COLUMNS="90", **SECRETS)

    assert 0 == code
    assert "\x1b[32m" in asked
    assert "credential accepted" in asked
    assert SECRET not in asked
    assert "\x1b[32m" not in plain


@pytest.mark.thorough
def test_sandbox(tmp_path):
    """`--sandbox` needs neither secrets nor a network, says what it is, and a fault leads to its diagnosis."""
    path = written(tmp_path, oauth("https://auth.example.com/t"))
    good = authweave_test(path, "--sandbox", cwd=tmp_path, env={})
    bad = authweave_test(path, "--sandbox", "--fault", "wrong_secret", "--format", "json", cwd=tmp_path, env={})

    assert (0, 1) == (good.returncode, bad.returncode)
    assert "against the sandbox" in good.stdout
    report = json.loads(bad.stdout)
    assert (True, "invalid_client") == (report["sandbox"], report["diagnoses"][0]["code"])
    assert report["again"].endswith("--sandbox --fault wrong_secret")


def test_help_tells_the_exit_codes(tmp_path):
    """Scripts can rely on what the help says."""
    done = authweave_test("--help", cwd=tmp_path)

    assert 0 == done.returncode
    for words in ("Ends with 0", "1 if token or credential is refused", "2 if nothing could be sent", "3 if it stays open", "4 if an input is missing"):
        assert words in done.stdout


def report(token="not_tested", credential="not_tested", error_at=""):
    found = (Diagnosis("x", "error", error_at, "x."),) if error_at else ()
    return Report(token=Verdict(token), credential=Verdict(credential), diagnoses=found)


@every(
    "verdicts, code",
    [
        (("obtained", "accepted"), 0), (("not_needed", "accepted"), 0), (("obtained", "not_tested"), 0), (("obtained", "refused"), 1),
        (("obtained", "forbidden"), 1), (("refused", "not_tested", "token_call"), 1), (("inconclusive", "not_tested", "dns"), 3),
        (("obtained", "inconclusive", "api_probe"), 3), (("not_needed", "not_tested", "apply"), 2), (("not_tested", "not_tested", "resolve"), 4),
        (("not_tested", "not_tested"), 3), (("not_needed", "not_tested"), 3),
    ],
)  # fmt: skip
def test_every_verdict_has_its_code(verdicts, code):
    """What was not tested is never 0, and what was left open is never 1."""
    assert code == exit_for_report(report(*verdicts))

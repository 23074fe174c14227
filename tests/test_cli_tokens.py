"""`authweave token` and `authweave request`, against a server that checks what it gets."""

import json
import os
import select
import signal
import subprocess
import sys
import time

import pytest

from authweave.cli.exits import Exit
from authweave.redaction import fingerprint
from commands import CLIENT, SECRET, Provider, apart, environment, here, profile_for
from sockets import Server, answers, free_port, hang_after_request

pytestmark = pytest.mark.thorough

GIVEN = ("-I", f"client_id={CLIENT}")


@pytest.fixture
def acme(tmp_path):
    """A provider, and a profile of it."""
    provider = Provider()
    with Server(provider) as server:
        yield provider, server, profile_for(server, tmp_path)


@pytest.fixture
def secret(monkeypatch):
    """The secret where an operator would put it."""
    monkeypatch.setenv("AUTHWEAVE_ACME_CLIENT_SECRET", SECRET)
    return SECRET


def test_token_is_described(capsys, acme, secret):
    """Type, lifetime, scope and fingerprint are told; the token is not."""
    provider, _, path = acme
    provider.token_answer = {"scope": "read", "refresh_token": "a-refresh-token"}

    done = here(capsys, "token", path, *GIVEN)

    assert (Exit.OK, "") == (done.code, done.err)
    told = dict(line.split(maxsplit=1) for line in done.lines)
    assert ("‹secret access_token: short›", "Bearer", "read") == (told["token"], told["type"], told["scope"])
    assert told["expires"].startswith("in 900 s, at 20")
    assert "token-1" not in done.out
    assert "a-refresh-token" not in done.out


def test_token_as_data(capsys, acme, secret):
    """The same as data; the token only with --reveal."""
    _, _, path = acme

    told = json.loads(here(capsys, "token", path, *GIVEN, "--format", "json").out)
    revealed = json.loads(here(capsys, "token", path, *GIVEN, "--format", "json", "--reveal").out)

    assert ("Bearer", 900, None, False) == tuple(told[key] for key in ("token_type", "expires_in", "scope", "refresh_token"))
    assert fingerprint("token-1") == told["fingerprint"]
    assert "access_token" not in told
    assert "token-1" == revealed["access_token"]
    assert [False, True] == [told["stored"], revealed["stored"]]


def test_reveal_prints_the_token_alone(capsys, acme, secret):
    """For `$(authweave token … --reveal)`."""
    assert "token-1\n" == here(capsys, "token", acme[2], *GIVEN, "--reveal").out


def test_token_of_a_type_without_one(capsys, tmp_path):
    """A profile that gets no token says so."""
    path = tmp_path / "acme.yaml"
    path.write_text("format: 1\nname: acme\nidentity_provider: Acme\nauth: {type: bearer}\n")

    done = here(capsys, "token", path)

    assert Exit.USAGE == done.code
    assert "gets no token" in done.err


def test_refused_client(capsys, acme, monkeypatch):
    """The token endpoint's own words, and 1; not the secret."""
    monkeypatch.setenv("AUTHWEAVE_ACME_CLIENT_SECRET", "wrong-s3cret")

    done = here(capsys, "token", acme[2], *GIVEN)

    assert (Exit.REFUSED, "") == (done.code, done.out)
    assert done.err.startswith("authweave: ")
    assert "invalid_client: who are you?" in done.err
    assert "wrong-s3cret" not in done.err
    assert f"Try: authweave test {acme[2]} --input=client_id={CLIENT}" == done.err.splitlines()[-1]


def test_unreachable(capsys, tmp_path, secret):
    """Nobody listens: 3, with the host, and no traceback."""
    server = Server(answers(200), port=free_port())

    done = here(capsys, "token", profile_for(server, tmp_path), *GIVEN)

    assert Exit.INCONCLUSIVE == done.code
    assert "127.0.0.1" in done.err
    assert f"Try: authweave test {tmp_path}" in done.err.splitlines()[-1]


def test_request_without_a_token(capsys, acme, monkeypatch):
    """Refused at the token endpoint: nothing is sent to the API, and the last line names the test of this connection."""
    monkeypatch.setenv("AUTHWEAVE_ACME_CLIENT_SECRET", "wrong-s3cret")

    done = here(capsys, "request", "/a", "-p", acme[2], "--tenant", "a b", *GIVEN)

    assert (Exit.REFUSED, "") == (done.code, done.out)
    assert f"Try: authweave test {acme[2]} --input=client_id={CLIENT} '--tenant=a b'" == done.err.splitlines()[-1]


def test_request_whose_renewal_is_refused(capsys, acme, secret):
    """The API's answer stands, and the last line names the test of this connection."""
    provider, _, path = acme
    assert Exit.OK == here(capsys, "token", path, *GIVEN).code
    provider.good, provider.secret = range(0), "another"

    done = here(capsys, "request", "/a", "-p", path, *GIVEN)

    assert (Exit.REFUSED, {"error": "invalid_token"}) == (done.code, json.loads(done.out))
    assert f"Try: authweave test {path} --input=client_id={CLIENT}" == done.err.splitlines()[-1]


def test_an_api_that_is_away_is_not_the_token_endpoint(capsys, acme, secret, tmp_path):
    """Where the request itself fails no test of the token is named."""
    path = acme[2]
    away = f"http://127.0.0.1:{free_port()}"

    done = here(capsys, "request", f"{away}/a", "-p", path, "--server", away, *GIVEN)

    assert (Exit.INCONCLUSIVE, 1) == (done.code, len(done.err.splitlines()))


def test_web_page_instead_of_a_token(capsys, tmp_path, secret):
    """HTML where a token was expected: refused, and said."""
    with Server(answers(200, ("Content-Type", "text/html"), body=b"<html><title>Log in</title>")) as server:
        done = here(capsys, "token", profile_for(server, tmp_path), *GIVEN)

    assert Exit.REFUSED == done.code
    assert "web page titled 'Log in'" in done.err


def test_missing_input_without_a_terminal(acme):
    """Where nobody can be asked nobody is: 4, with the places one could put the value, before anything is sent."""
    _, server, path = acme
    start = time.monotonic()

    done = apart("token", path)

    assert (Exit.INPUT, "", []) == (done.code, done.out, server.requests)
    assert "AUTHWEAVE_ACME_CLIENT_ID" in done.err
    assert "AUTHWEAVE_ACME_CLIENT_SECRET" in done.err
    assert time.monotonic() - start < 20


@pytest.mark.parametrize("command", [("token",), ("request", "/a", "-p"), ("test",)], ids=lambda words: words[0])
def test_a_missing_secret_names_the_options(capsys, acme, command):
    """Who gave one input by an option reads by which options the other can be given; of no host."""
    done = here(capsys, *command, acme[2], *GIVEN)

    assert Exit.INPUT == done.code
    said = " ".join((done.out + done.err).split())
    assert "not found in --input-file client_secret=PATH or --prompt client_secret; environment variable" in said
    assert "the inputs of the host" not in said


def test_status_names_the_options_that_it_has(capsys, acme):
    """It takes no secret but in a folder."""
    done = here(capsys, "status", acme[2], *GIVEN)

    assert Exit.INPUT == done.code
    assert "supply client_secret: acme.client_secret in --secrets-dir" in done.out


def test_secret_is_no_argument(capsys, acme):
    """A secret among the arguments is refused with the ways that there are, and is not repeated."""
    _, server, path = acme

    done = here(capsys, "token", path, *GIVEN, "--input", f"client_secret={SECRET}")

    assert (Exit.USAGE, "", []) == (done.code, done.out, server.requests)
    assert SECRET not in done.err
    for way in ("--prompt client_secret", "AUTHWEAVE_ACME_CLIENT_SECRET", "--input-file client_secret=", "--secrets-dir", "--dotenv"):
        assert way in done.err


def test_prompt_needs_a_terminal(acme):
    """--prompt without a terminal is refused, not hanging."""
    done = apart("token", acme[2], *GIVEN, "--prompt", "client_secret", stdin=SECRET)

    assert Exit.USAGE == done.code
    assert "needs a terminal" in done.err


@pytest.mark.thorough
@pytest.mark.parametrize("way", ["input-file", "stdin", "secrets-dir", "dotenv", "config", "environment"])
def test_ways_of_a_secret(acme, tmp_path, way):
    """A secret comes from a file, from stdin, from a folder of files, from a dotenv file, or from the environment."""
    provider, _, path = acme
    provider.secret = SECRET.replace(" ", "")
    file = tmp_path / "secrets" / "acme.client_secret"
    file.parent.mkdir()
    file.write_text(provider.secret + "\n")
    (tmp_path / "dotenv").write_text(f"AUTHWEAVE_ACME_CLIENT_SECRET='{provider.secret}'\n")
    (tmp_path / "mine.toml").write_text("secrets_dir = 'secrets'\n")
    arguments = {
        "input-file": ["--input-file", f"client_secret={file}"], "stdin": ["--input-file", "client_secret=-"],
        "secrets-dir": ["--secrets-dir", file.parent], "dotenv": ["--dotenv", tmp_path / "dotenv"],
        "config": ["--config", tmp_path / "mine.toml"], "environment": [],
    }[way]  # fmt: skip
    env = {"AUTHWEAVE_ACME_CLIENT_SECRET": provider.secret} if way == "environment" else {}

    done = apart("token", path, *GIVEN, *arguments, stdin=provider.secret + "\n", **env)

    assert (Exit.OK, 1) == (done.code, provider.given), done.err


@pytest.mark.skipif(os.name == "nt", reason="needs a pseudo terminal")
@pytest.mark.parametrize("arguments", [(), ("--prompt", "client_secret")])
def test_asked_at_a_terminal(acme, arguments):
    """At a terminal it is asked for what is missing, without showing what is typed."""
    provider, _, path = acme
    process, ours = at_terminal("token", path, *GIVEN, *arguments)
    seen = until(ours, b": ")
    os.write(ours, SECRET.encode() + b"\n")
    out, _ = process.communicate(timeout=30)
    seen += rest(ours)
    os.close(ours)

    assert (Exit.OK, 1) == (process.returncode, provider.given), seen
    assert b"client_secret" in seen or b"Client secret" in seen
    assert SECRET.encode() not in seen + out


@pytest.mark.skipif(os.name == "nt", reason="needs a pseudo terminal")
def test_plain_inputs_are_asked_for_too(acme, secret):
    """What is no secret is asked for in the same way, by its title."""
    process, ours = at_terminal("token", acme[2], AUTHWEAVE_ACME_CLIENT_SECRET=SECRET)
    seen = until(ours, b": ")
    os.write(ours, CLIENT.encode() + b"\n")
    process.communicate(timeout=30)
    os.close(ours)

    assert (Exit.OK, True) == (process.returncode, seen.startswith(b"Client (acme): "))


@pytest.mark.skipif(os.name == "nt", reason="needs a pseudo terminal")
def test_ctrl_c_at_a_question(acme):
    """Ctrl-C instead of an answer: 130, nothing said, nothing sent."""
    _, server, path = acme
    process, ours = at_terminal("token", path, *GIVEN)
    until(ours, b": ")
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    seen = rest(ours)
    os.close(ours)

    assert (Exit.INTERRUPTED, b"", []) == (process.returncode, out, server.requests)
    assert b"Traceback" not in seen


def at_terminal(*arguments, **env):
    """The command at a pseudo terminal: the process, and our end of the terminal."""
    import pty

    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "authweave", *map(str, arguments)], stdin=theirs, stdout=subprocess.PIPE, stderr=theirs,
        env=environment(**env), start_new_session=True, close_fds=True,
    )  # fmt: skip
    os.close(theirs)
    return process, ours


def until(terminal, end):
    seen, deadline = b"", time.monotonic() + 20
    while end not in seen and time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.1)[0]:
            seen += os.read(terminal, 1024)
    return seen


def rest(terminal):
    try:
        return os.read(terminal, 4096) if select.select([terminal], [], [], 0.2)[0] else b""
    except OSError:  # the other end is closed
        return b""


def test_request_goes_with_its_credential(capsys, acme, secret):
    """The body of the answer to stdout and nothing else; relative URLs go to the first server."""
    _, server, path = acme

    done = here(capsys, "request", "/v1/me?x=1", "-p", path, *GIVEN, "-H", "X-Via: tests")

    assert (Exit.OK, "") == (done.code, done.err)
    assert {"line": "GET /v1/me?x=1 HTTP/1.1", "body": "", "via": ["tests"]} == json.loads(done.out)
    assert ["POST /token HTTP/1.1", "GET /v1/me?x=1 HTTP/1.1"] == [asked.line for asked in server.requests]


@pytest.mark.parametrize(
    ("arguments", "line", "media", "body"),
    [
        (["/a", "-d", "x=1"], "POST /a", "application/x-www-form-urlencoded", "x=1"),
        (["PUT", "/a", "--json", '{"a": 1}'], "PUT /a", "application/json", '{"a": 1}'),
        (["/a", "-X", "patch", "-d", "hi", "-H", "content-type: text/plain"], "PATCH /a", "text/plain", "hi"),
        (["/a", "-d", "@{file}"], "POST /a", "application/x-www-form-urlencoded", "from a file\n"),
    ],
)
def test_bodies(capsys, acme, secret, tmp_path, arguments, line, media, body):
    """Methods, bodies and their types are what curl's users expect."""
    _, server, path = acme
    (tmp_path / "body").write_text("from a file\n")
    arguments = [argument.replace("{file}", str(tmp_path / "body")) for argument in arguments]

    done = here(capsys, "request", *arguments, "-p", path, *GIVEN)

    sent = server.requests[-1]
    assert Exit.OK == done.code
    assert (f"{line} HTTP/1.1", [media], body) == (sent.line, sent.values("content-type"), sent.body.decode())


def test_body_from_stdin(acme):
    """`-d @-` is stdin, byte for byte."""
    _, server, path = acme

    done = apart("request", "/a", "-p", path, *GIVEN, "-d", "@-", stdin=b"\x00\xff", AUTHWEAVE_ACME_CLIENT_SECRET=SECRET)

    assert b"\x00\xff" == server.requests[-1].body, done.err


def test_include_and_output(capsys, acme, secret, tmp_path):
    """-i prints status and headers, -o writes the body to a file."""
    file = tmp_path / "out.json"

    done = here(capsys, "request", "/a", "-p", acme[2], *GIVEN, "-i", "-o", file)

    assert ["HTTP/1.1 200 Fine", "Content-Type: application/json"] == done.lines[:2]
    assert "line" not in done.out
    assert "GET /a HTTP/1.1" == json.loads(file.read_text())["line"]


def test_output_that_cannot_be_written(capsys, acme, secret, tmp_path):
    """Where the answer cannot go is said before anything is sent: a POST would have had its effect."""
    done = here(capsys, "request", "/a", "-p", acme[2], *GIVEN, "-o", tmp_path / "no" / "such")

    assert Exit.USAGE == done.code
    assert "there is no folder" in done.err
    assert [] == acme[1].requests


def test_dead_token_is_renewed_once(capsys, acme, secret):
    """A token that died early: renewed, sent again, and nobody notices."""
    provider, server, path = acme
    provider.good = range(2, 100)

    done = here(capsys, "request", "/a", "-p", path, *GIVEN)

    assert (Exit.OK, "", 2) == (done.code, done.err, provider.given)
    assert ["/token", "/a", "/token", "/a"] == [asked.line.split()[1] for asked in server.requests]


def test_refused_credential(capsys, acme, secret):
    """Refused twice: the API's answer on stdout, why on stderr, 1, and no third try."""
    provider, server, path = acme
    provider.good = range(0)

    done = here(capsys, "request", "/a", "-p", path, *GIVEN)

    assert Exit.REFUSED == done.code
    assert {"error": "invalid_token"} == json.loads(done.out)
    assert "does not accept the credential (401)" in done.err
    assert 2 == sum(asked.line.startswith("GET /a") for asked in server.requests)


@pytest.mark.parametrize(("status", "code"), [(403, Exit.REFUSED), (404, Exit.INCONCLUSIVE), (500, Exit.INCONCLUSIVE), (302, Exit.OK)])
def test_other_answers(capsys, acme, secret, status, code):
    """What another answer says of the credential decides the exit code; the body is printed all the same."""
    acme[0].status = status

    done = here(capsys, "request", "/a", "-p", acme[2], *GIVEN)

    assert code == done.code
    assert "GET /a HTTP/1.1" == json.loads(done.out)["line"]
    assert (str(status) in done.err) == (code != Exit.OK)


def test_other_origin_gets_nothing(capsys, acme, secret):
    """A URL that is not one of the profile's servers is refused before anything is sent there."""
    with Server(answers(200)) as stranger:
        done = here(capsys, "request", f"{stranger.url}x", "-p", acme[2], *GIVEN)

    assert (Exit.USAGE, []) == (done.code, stranger.requests)
    assert "is not among the servers" in done.err


def test_server_option_names_who_may_get_it(capsys, acme, secret):
    """--server replaces the profile's servers."""
    with Server(answers(200, body=b"hello")) as other:
        done = here(capsys, "request", f"{other.url}x", "-p", acme[2], *GIVEN, "--server", other.url)

    assert (Exit.OK, "hello") == (done.code, done.out)
    assert ["Bearer token-1"] == other.requests[0].values("authorization")


def test_max_time(capsys, acme, secret):
    """--max-time ends a wait for a silent server, and 3 says that nothing is known."""
    with Server(hang_after_request) as silent:
        start = time.monotonic()
        done = here(capsys, "request", f"{silent.url}x", "-p", acme[2], *GIVEN, "--server", silent.url, "--max-time", "0.5")

    assert Exit.INCONCLUSIVE == done.code
    assert time.monotonic() - start < 5


def test_a_bound_token_says_that_it_is(capsys, acme, secret):
    """Alone it opens nothing: the name of its key is told, and that the token is of no use elsewhere; the key is not."""
    provider, _, path = acme
    provider.token_answer = {"token_type": "DPoP"}
    path.write_text(path.read_text().replace("type: oauth2", "type: oauth2\n  dpop: true", 1))

    lines = here(capsys, "token", path, *GIVEN).out
    told = json.loads(here(capsys, "token", path, *GIVEN, "--format", "json", "--reveal").out)
    revealed = here(capsys, "token", path, *GIVEN, "--reveal")

    assert "bound to" in lines
    assert (43, "DPoP", True) == (len(told["bound_to"]), told["token_type"], told["bound_to"] in lines)
    assert "alone it opens nothing" in revealed.err
    assert all('"d"' not in text for text in (lines, revealed.out, json.dumps(told)))

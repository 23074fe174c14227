"""`curl`: what it says is run by a real shell and a real curl, and a server gets the same bytes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import replace

import pytest

from authweave.report import Piece, Recipe, RecipeLine, Report
from authweave.reports.curl import CurlReport
from authweave.reports.shell import Commands
from every_report import HOSTILE, every_kind, hostile
from probing import ACCEPTS, GIVES_TOKEN, INPUTS, REFRESH, SECRET, TOKEN, oauth, report_of, run, says_json, written
from sockets import Server, answers
from thorough import every

pytestmark = pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
ODD = "$(touch ran) `touch ran` \"'\\ !$HOME;& é–漢 %41+/=~*#\ttab"
"""A secret that a shell, a URL, a form and JSON would each like to read otherwise."""
VALUES = {"CLIENT_SECRET": SECRET, "ACCESS_TOKEN": TOKEN, "REFRESH_TOKEN": REFRESH}
OF_CURL = {"connection", "accept-encoding", "host"}
SHELLS = [shell for shell in ("sh", "dash", "bash", "ksh", "zsh") if shutil.which(shell)]


def ran(script, folder, values, shell="sh"):
    """The script as a person runs it: with these variables and no others."""
    path = folder / "again.sh"
    path.write_text(script)
    clean = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
    done = subprocess.run([shell, str(path)], env={**clean, **values}, capture_output=True, text=True, timeout=60, cwd=folder, check=False)
    assert not (folder / "ran").exists(), "a value was run"
    return done


def headers_of(asked):
    """Those that are not curl's own, in no order."""
    return sorted((name.lower(), value) for name, value in asked.headers if name.lower() not in OF_CURL)


def same(sent, again, *, but=()):
    """The same request line, header fields and body."""
    assert sent.line == again.line
    assert [one for one in headers_of(sent) if one[0] not in but] == [one for one in headers_of(again) if one[0] not in but]
    assert sent.body == again.body


def test_both_verdicts_stand_at_its_head(tmp_path):
    """A script that is passed on says what was found: refused, forbidden, open and not tested are not one thing."""
    refused, open_ = report_of(tmp_path, says_json({"error": "invalid_client"}, 401)), report_of(tmp_path, api=answers(404, body=b""))
    [alone, together] = [CurlReport().render(refused), CurlReport().render_many((refused, open_))]

    assert "# token: refused, The token server does not accept this client id and secret as sent" in alone
    assert "# credential: not tested, there was no token to send" in alone
    assert "# acme@0.0.0: token: obtained, Bearer" in together
    assert "# acme@0.0.0: credential: inconclusive, Authentication looks accepted" in together


def made_again(tmp_path, profile_auth, *, given, values, shell="sh", **more):
    """Test auth, then its commands; answers what the two servers got each time, and the script."""
    with Server(GIVES_TOKEN) as identity, Server(ACCEPTS) as api:
        auth = {key: value.replace("IDP/", identity.url) if isinstance(value, str) else value for key, value in profile_auth.items()}
        path = written(tmp_path, auth, servers=[more.pop("server", "API").replace("API", api.url.rstrip("/"))], **more)
        report = run(path, inputs=given)
        assert "accepted" == report.credential.word, report.diagnoses
        script = CurlReport().render(report)
        first = (list(identity.requests), list(api.requests))
        done = ran(script, tmp_path, values, shell)
        assert 0 == done.returncode, done.stderr
        again = (identity.requests[len(first[0]):], api.requests[len(first[1]):])
    for sent, repeated in zip(first, again, strict=True):
        assert len(sent) == len(repeated)
        for one, other in zip(sent, repeated, strict=True):
            same(one, other)
    return script


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """One of each kind."""
    return every_kind(tmp_path_factory.mktemp("profiles"))


OAUTH = {"type": "oauth2", "grant_type": "client_credentials", "token_url": "IDP/t", "scopes": ["read", "write"]}
KEYED = {"inputs": {"api_key": {"secret": True}}}


@pytest.mark.parametrize("secret", [SECRET, ODD, "simple"], ids=["encoded", "odd", "simple"])
@pytest.mark.parametrize(
    "auth",
    [{}, {"basic_encoding": "raw"}, {"client_auth": "client_secret_post"}, {"client_auth": "client_secret_post", "token_request": {"encoding": "json"}}],
    ids=["basic", "raw", "post", "json"],
)
def test_token_calls(tmp_path, auth, secret):
    """Every way to present a client, with secrets of any characters: byte for byte what was sent."""
    if "basic_encoding" in auth:
        secret = secret.replace("\t", "")  # RFC 7617: no control characters, and nothing encodes them here
    made_again(tmp_path, {**OAUTH, **auth}, given={**INPUTS, "client_secret": secret}, values={**VALUES, "CLIENT_SECRET": secret})


@pytest.mark.parametrize("place", ["header", "query", "cookie", "path", "payload"])
@pytest.mark.parametrize("secret", ["plain-0123456789", "k+e/y=%41:&? x'\"$(touch ran)`é"], ids=["plain", "odd"])
def test_places(tmp_path, place, secret):
    """A key in any place, in the coding of the place."""
    if place in ("header", "cookie"):
        secret = secret.replace("é", "").replace(";", "").replace('"', "").replace(" ", "")
    request = {"url": "/v1/{k}/me" if place == "path" else "/v1/me?page=2&q=a%20b"}
    if place == "payload":
        request |= {"method": "POST", "encoding": "json", "fields": [{"in": "payload", "key": "own", "value": "a 'b' $c"}]}
    auth = {"type": "custom", "fields": [{"in": place, "key": "k", "value": "{{ inputs.api_key }}"}]}
    made_again(tmp_path, auth, given={"api_key": secret}, values={"API_KEY": secret}, test={"request": request}, **KEYED)


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell(tmp_path, shell):
    """POSIX only: whichever shell is there makes the same request."""
    inputs = {"username": "anna & co", "password": ODD.replace("\t", "")}
    script = made_again(tmp_path, {"type": "basic"}, given=inputs, values={"PASSWORD": inputs["password"]}, shell=shell)

    assert '--user "$USERNAME:$PASSWORD"' in script
    assert "|| USERNAME='anna & co'" in script


def test_user_is_for_raw_pairs_only(tmp_path):
    """Where the pair is form-encoded first, curl's own `--user` would send something else."""
    encoded, raw = (CurlReport().render(report_of(tmp_path, auth=auth)) for auth in ({}, {"basic_encoding": "raw"}))

    assert "--user" not in encoded
    assert 'Basic $(printf %s "$(form "$CLIENT_ID"):$(form "$CLIENT_SECRET")" | base64' in encoded
    assert '--user "$CLIENT_ID:$CLIENT_SECRET"' in raw


def test_a_value_that_is_made_has_a_variable_of_its_own(tmp_path):
    """A hash of a secret cannot be written down; it is named after its field, and is no secret's variable."""
    auth = {"type": "custom", "fields": [{"in": "header", "key": "X-Signed", "value": "v1={{ inputs.api_key | sha256 | hex }}"}]}
    import hashlib

    made = hashlib.sha256(b"planted-0123456789").hexdigest()
    script = made_again(tmp_path, auth, given={"api_key": "planted-0123456789"}, values={"X_SIGNED": made}, **KEYED)

    assert '--header "X-Signed: v1=$X_SIGNED"' in script


def test_a_renewed_token_is_another_one(tmp_path):
    """Two tokens of one name are two variables, each with its mark."""
    answered = [answers(401, body=b""), ACCEPTS]
    tokens = [says_json({"access_token": f"token-number-{number}", "token_type": "Bearer"}) for number in (1, 2)]
    script = CurlReport().render(report_of(tmp_path, lambda peer: tokens.pop(0)(peer), lambda peer: answered.pop(0)(peer)))

    assert ["$ACCESS_TOKEN", "$ACCESS_TOKEN_2"] == re.findall(r"Bearer (\$\w+)", script)


def test_keys_and_variables_are_named(tmp_path):
    """Above each command what it is and which keys it comes from; above all of them what to set, and from where."""
    report = report_of(tmp_path)
    script = CurlReport().render(report)

    assert "# Token call: answered 200 Fine" in script
    assert f"#   scope <- auth.scopes ({report.source}:" in script
    assert re.search(r"#   CLIENT_SECRET +‹secret client_secret: 28 chars, #\w+›: the input client_secret\n", script)
    assert re.search(r"#   ACCESS_TOKEN +‹secret access_token: 33 chars, #\w+›: access_token from an answer\n", script)


def test_a_missing_variable_stops_it(tmp_path):
    """Nothing is sent with an empty secret: the shell says which variable is missing."""
    with Server(GIVES_TOKEN) as identity:
        script = CurlReport().render(run(written(tmp_path, oauth(f"{identity.url}t"))))
        count = len(identity.requests)
        done = ran(script, tmp_path, {})

        assert count == len(identity.requests)
    assert 0 != done.returncode
    assert "CLIENT_SECRET" in done.stderr


@pytest.mark.parametrize("value", ["a\nX-Injected: 1", "a\r\nX-Injected: 1", "a\x01", "token\n"])
def test_no_value_begins_another_header_field(tmp_path, value):
    """A variable with a line break in it is refused before curl is called."""
    with Server(GIVES_TOKEN) as identity, Server(ACCEPTS) as api:
        script = CurlReport().render(run(written(tmp_path, oauth(f"{identity.url}t"), servers=[api.url.rstrip("/")])))
        count = len(api.requests)
        done = ran(script, tmp_path, {**VALUES, "ACCESS_TOKEN": value})

        assert count == len(api.requests)
    assert (2, True) == (done.returncode, "ACCESS_TOKEN holds a control character" in done.stderr)


@every("name", ["path", "home", "ifs", "LD_PRELOAD", "https_proxy", "ps4", "env", "Ünï", "1st", "--help", "a b;c"])
def test_variables_of_the_system_are_left_alone(name):
    """An input that is called as something of the shell, of curl or of the system gets another name, which is one."""
    commands = Commands()
    commands.add("t", "GET", Recipe((Piece("https://a.example/"), Piece("", name, "‹secret›", "percent", source="input")), ()))
    [used] = set(re.findall(r'percent "\$(\w+)"', commands.text([])))

    assert re.fullmatch(r"[A-Z][A-Z0-9_]*", used)
    assert used not in {"PATH", "HOME", "IFS", "LD_PRELOAD", "HTTPS_PROXY", "PS4", "ENV", "HELP"} or name == "--help"


@pytest.mark.parametrize("kind", ["accepted", "refused", "refused by the api", "unreachable", "invalid", "missing"])
def test_every_script_is_one(reports, kind):
    """Whatever came of it, the shell can read the script; what was not sent is said."""
    script = CurlReport().render(reports[kind])

    assert 0 == subprocess.run(["sh", "-n"], input=script, text=True, check=False).returncode
    assert ("Nothing was sent." in script) == (not reports[kind].exchanges)
    assert script.count("\ncurl ") == len(reports[kind].exchanges)


def test_no_text_is_code(tmp_path):
    """Hostile texts of servers, authors and files stand in comments and quotes, and do nothing when it is run."""
    report = hostile(report_of(tmp_path))
    line = RecipeLine("X-Odd", (Piece(HOSTILE),))
    piece = Piece("", HOSTILE, "‹" + HOSTILE, "json", source="input")
    recipe = Recipe((Piece("http://127.0.0.1:9/"), Piece(HOSTILE), piece), (line, RecipeLine(HOSTILE, (piece,))), (), (Piece(HOSTILE), piece), HOSTILE, (HOSTILE,))
    exchanges = tuple(replace(one, asked=replace(one.asked, recipe=recipe, method=HOSTILE)) for one in report.exchanges)
    script = CurlReport().render_many([replace(report, exchanges=exchanges), Report()]).encode("utf-8", "replace").decode()
    name = re.search(r"\$\{(\w+):\?", script)[1]

    done = ran(script.replace("\0", ""), tmp_path, {name: "x$(touch ran)"})
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "x").exists()
    assert 127 != done.returncode
    code = [one for one in script.split("\n") if not one.lstrip().startswith("#")]
    assert "\x1b" not in "".join(one for one in script.split("\n") if one.startswith("#"))
    assert code


def test_what_is_good_once_says_so(tmp_path):
    """Assertions, refresh tokens and signatures warn before they are sent again."""
    signed = {"type": "aws_sigv4", "region": "eu-central-1", "service": "execute-api"}
    with Server(ACCEPTS) as api:
        path = written(tmp_path, signed, servers=[api.url.rstrip("/")])
        script = CurlReport().render(run(path, inputs={"access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}))

    assert "# Careful: it is signed: its signature is good for this request only" in script

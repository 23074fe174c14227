"""Planted values never come out of a real program: not in its streams, its logs at DEBUG, its tracebacks with locals, its files."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import logging
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import httpx
import pytest

from commands import environment, here
from leaking import Search, files_under
from sockets import Server, http
from thorough import few

OUTSIDER = Path(__file__).parent / "outsider.py"


def planted(name):
    return hashlib.sha256(f"outside {name}".encode()).hexdigest()[:36].replace("a", "Kz")


SECRETS = {name: planted(name) for name in ("client_secret", "password", "api_key", "access_token", "refresh_token", "id_token", "other_token", "session", "kept")}
SEARCH = Search(SECRETS)
OAUTH = {"type": "oauth2", "grant_type": "client_credentials", "token_url": "IDP/oauth/token", "scopes": ["read"]}
KEY = {"type": "api_key"}
KINDS = {
    "basic": {"type": "basic"},
    "header": {**KEY, "fields": [{"in": "header", "key": "X-Key", "value": "{{ inputs.api_key }}"}]},
    "query": {**KEY, "fields": [{"in": "query", "key": "k", "value": "{{ inputs.api_key }}"}]},
    "path": {**KEY, "fields": [{"in": "path", "key": "k", "value": "bot{{ inputs.api_key }}"}]},
    "cookie": {**KEY, "fields": [{"in": "cookie", "key": "sid", "value": "{{ inputs.api_key }}"}]},
    "payload": {**KEY, "fields": [{"in": "payload", "key": "k", "value": "{{ inputs.api_key }}"}]},
    "oauth2": OAUTH,
    "oauth2 post": {**OAUTH, "client_auth": "client_secret_post"},
    "oauth2 in query": {**OAUTH, "fields": [{"in": "query", "key": "access_token", "value": "{{ token.access_token }}"}]},
    "oauth2 jwt": {**OAUTH, "client_auth": "client_secret_jwt"},
    "session": {"type": "session", "token_url": "IDP/login", "token_request": {"fields": [{"key": "user", "value": "me"}, {"key": "pass", "value": "{{ inputs.password }}"}]},
                "token_response": {"access_token": "{{ response.cookies.sid }}", "expires_in": 60}, "fields": [{"in": "cookie", "key": "sid", "value": "{{ token.access_token }}"}]},
}  # fmt: skip


def told(asked):
    """Everything that came, as a server may repeat it."""
    return {"line": asked.line, "headers": asked.headers, "body": asked.body.decode("utf-8", "replace"), "known": SECRETS}


class Place:
    """A token endpoint under /oauth and /login, an API elsewhere; `token` and `api` are their manners."""

    def __init__(self, token="good", api="good"):
        self.token, self.api, self.calls = token, api, 0

    def __call__(self, peer):
        asked = peer.request()
        is_token = asked.line.split()[1].startswith(("/oauth", "/login"))
        self.calls += is_token
        manner = self.token if is_token else self.api
        if manner == "dies" and (not is_token or self.calls > 1):
            manner = "echo 400"
        if manner == "reset":
            peer.reset()
        elif manner == "hang":
            peer.hang()
        else:
            peer.send(self._answer(manner, asked, is_token=is_token))

    def _answer(self, manner, asked, *, is_token):
        kind = ("Content-Type", "application/json")
        if manner in ("good", "dies") and is_token:
            made = {name: SECRETS[name] for name in ("access_token", "refresh_token", "id_token")}
            return http(200, kind, ("Set-Cookie", f"sid={SECRETS['session']}; Path=/"), body=json.dumps({**made, "token_type": "Bearer", "expires_in": 3600, "kept": SECRETS["kept"]}).encode())
        if manner == "good":
            return http(200, kind, body=b"{}")
        if manner.startswith("echo"):
            data = {"error": "invalid_client", "error_description": json.dumps(told(asked)), **told(asked)}
            return http(int(manner[5:]), kind, body=json.dumps(data).encode())
        if manner == "moves":  # to the same server, repeating path and query
            path = asked.line.split()[1]
            return http(307, ("Location", f"/moved{path}"), ("Connection", "close")) if not path.startswith("/moved") else http(200, kind, body=b"{}")
        if manner == "shows":
            path = asked.line.split()[1]
            return http(302, ("Location", f"/else?was={path.strip('/')}"), ("Connection", "close")) if not path.startswith("/else") else http(200, kind, body=b"{}")
        if manner == "garbage":
            return f"{SECRETS['client_secret']}\r\n\r\n".encode()
        raise KeyError(manner)


def plan_of(folder, kind, server, *, doors=(), configured="before"):
    """What the outsider is to do: through these doors, or all, with the profile of this kind at this server."""
    origin = server.url.rstrip("/")
    profile = folder / "acme.json"
    text = json.dumps({"format": 1, "name": "acme", "identity_provider": "Acme", "servers": [origin], "auth": KINDS[kind], "test": {"request": {"url": "/v1/{k}/me" if kind == "path" else "/v1/me"}}, "inputs": {
        name: {"secret": True} for name in ("api_key", "password") if f"inputs.{name}" in json.dumps(KINDS[kind])}})
    profile.write_text(text.replace("IDP", origin))
    plan = {"profile": str(profile), "url": f"{origin}/v1/me", "inputs": {"client_id": "me", "username": "anna", **SECRETS}, "configured": configured, "doors": list(doors), "second": True, "requests": True}
    if kind == "path":
        plan |= {"path": "/v1/{k}/me", "template": f"{origin}/v1/{{k}}/me"}
    if kind == "payload":
        plan["method"] = "POST"
    return plan


def run_outsider(folder, plans):
    """How it ended, and everything that it left: what it said of each plan, by its number, and its files."""
    env = environment(PYTHONASYNCIODEBUG="1", PYTHONFAULTHANDLER="1", PYTHONWARNINGS="always", PYTHONPATH=environment()["PYTHONPATH"],
                      TMPDIR=str(folder), XDG_DATA_HOME=str(folder / "data"), XDG_CONFIG_HOME=str(folder / "config"))
    done = subprocess.run([sys.executable, "-X", "dev", str(OUTSIDER)], input=json.dumps(plans).encode(), capture_output=True, timeout=300, env=env, check=False)
    sinks = dict(files_under(folder))
    for stream, said in (("stdout", done.stdout), ("stderr", done.stderr)):
        sinks |= {f"{stream} {number}": text for number, text in enumerate(said.decode().split("@@@@ "), -1)}
    return done, sinks


CASES = [
    ("oauth2", "echo 400", "good"), ("query", "good", "shows"), ("path", "good", "moves"), ("session", "good", "echo 401"), ("oauth2", "dies", "echo 401"),
    ("oauth2 post", "echo 400", "good"), ("oauth2 jwt", "echo 400", "good"), ("oauth2 in query", "good", "moves"), ("oauth2 in query", "dies", "echo 401"),
    ("session", "echo 400", "good"), ("oauth2", "echo 200", "good"), ("oauth2", "garbage", "good"), ("oauth2 post", "reset", "good"), ("oauth2", "good", "echo 401"),
    *((kind, "good", manner) for kind in ("basic", "header", "query", "path", "cookie", "payload") for manner in ("echo 401", "reset", "moves", "shows")),
]  # fmt: skip
"""The kind of profile, and the manners of token endpoint and API. What an API's reset raises is the caller's own client's."""
OURS = ("authorize", "token", "never retrieved")
REFUSED_ON_THE_WAY = {("path", "shows")}
"""Redirects that are not followed: the error comes through the frames of the caller's client, which hold its request."""


def check_program(folder, configured, cases):
    """One process for all of these cases."""
    with contextlib.ExitStack() as stack:
        plans = []
        for number, (kind, token, api) in enumerate(cases):
            server = stack.enter_context(Server(Place(token, api)))
            (folder / str(number)).mkdir()
            doors = OURS if api == "reset" or (kind, api) in REFUSED_ON_THE_WAY else ("auth", "authorize", "group") if configured == "before" else ()
            plans.append(plan_of(folder / str(number), kind, server, doors=doors, configured=configured))
        done, sinks = run_outsider(folder, plans)

    assert 0 == done.returncode, done.stderr.decode()[-2000:]
    for number, case in enumerate(cases):
        assert "DEBUG:" in sinks[f"stderr {number}"], case
        assert "door authorize" in sinks[f"stdout {number}"], case
    SEARCH.refuse(sinks)


@pytest.mark.thorough
@pytest.mark.parametrize("configured", ["before", "after"])
def test_a_program_with_everything_turned_on_shows_nothing(tmp_path, configured):
    """`-X dev`, asyncio's debug mode, every logger at DEBUG, every warning, and each error with all its frames, causes and attributes:
    through every door no planted value comes out, not even an encoded one, and no file holds one."""
    check_program(tmp_path, configured, CASES)


@pytest.mark.thorough
def test_a_small_program_shows_nothing(tmp_path):
    """One case of it, for every run."""
    check_program(tmp_path, "before", CASES[:1])


def test_the_outsider_would_show_one(tmp_path):
    """The same search finds a value that the program was told to let out, in a frame, an argument, a note, a group, a cause and a log."""
    code = (
        "import sys, types, logging; sys.path.insert(0, sys.argv[1]); import outsider; logging.basicConfig(level=10)\n"
        "other = types.ModuleType('elsewhere')\n"
        "exec('def fail(secret, how):\\n    if how == \"frame\": raise ValueError(1)\\n    if how == \"args\": raise ValueError(secret)\\n    error = ValueError(2)\\n"
        "    if how == \"note\": error.add_note(secret)\\n    if how == \"cause\": raise error from KeyError(secret)\\n"
        "    if how == \"group\": raise ExceptionGroup(\"g\", [KeyError(secret)])\\n    del secret\\n    raise error', other.__dict__)\n"
        "for how in ('frame', 'args', 'note', 'cause', 'group'):\n"
        "    print('@@@@ ' + how); outsider.attempt(lambda: other.fail(sys.argv[2], how))\n"
    )  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code, str(OUTSIDER.parent), SECRETS["password"]], capture_output=True, timeout=60, env=environment(), check=False)

    parts = done.stdout.decode().split("@@@@ ")[1:]
    assert ["args", "cause", "frame", "group", "note"] == sorted(part.split()[0] for part in parts), done.stderr.decode()
    assert [] == [part.split()[0] for part in parts if not SEARCH.found(part)]


COMMANDS = {
    "test": ("test", "acme.yaml"), "test as json": ("test", "acme.yaml", "--format", "json", "-o", "har=out.har", "-o", "html=out.html", "-o", "junit=out.xml"),
    "token": ("token", "acme.yaml"), "request": ("request", "/v1/me", "-p", "acme.yaml"), "preview": ("preview", "acme.yaml"), "show": ("show", "acme.yaml"),
    "validate": ("validate", "acme.yaml"), "status": ("status",), "tokens": ("tokens", "list"), "login": ("login", "acme.yaml"), "help": ("test", "--help"),
}  # fmt: skip
YAML = """\
format: 1
name: acme
identity_provider: Acme
servers: ['{url}']
auth: {{type: oauth2, grant_type: client_credentials, client_auth: client_secret_post, token_url: '{url}/oauth/token'}}
test: {{request: {{url: /v1/me}}}}
"""
BROKEN_PIPE = "import subprocess, sys; p = subprocess.Popen([sys.executable, '-m', 'authweave', *sys.argv[1:]], stdout=subprocess.PIPE); p.stdout.close(); sys.exit(p.wait())"


WITHIN = ("good", "bad secret", "garbage", "refused", "no tls", "no name", "silence")
"""Ends that take no process of its own: an answer, or none."""
APART = [*zip(COMMANDS, itertools.cycle(["SIGINT", "SIGTERM", "broken pipe", "disk full", "read-only home"])), ("request", "good"), ("token", "garbage")]  # fmt: skip


@pytest.mark.thorough
@pytest.mark.parametrize("end", WITHIN)
def test_no_command_shows_anything_through_success_and_failure(tmp_path, monkeypatch, capsys, caplog, end):
    """Each command, through success and each class of failure: neither in its streams, nor in a log at DEBUG, nor in a file."""
    caplog.set_level(logging.DEBUG)
    with Server(Place(MANNERS.get(end, "good"))) as server:
        for number, (name, words) in enumerate(COMMANDS.items()):
            (tmp_path / str(number)).mkdir()
            env = prepared(tmp_path / str(number), url_of(end, server))
            for variable in [one for one in os.environ if one.startswith(("AUTHWEAVE", "XDG_"))]:
                monkeypatch.delenv(variable)
            for variable in ("AUTHWEAVE_ACME_CLIENT_ID", "AUTHWEAVE_ACME_CLIENT_SECRET", "HOME", "TMPDIR", "AUTHWEAVE_DEADLINE"):
                monkeypatch.setenv(variable, env[variable])
            monkeypatch.chdir(tmp_path / str(number) / "work")
            done = here(capsys, *words)
            assert done.out or done.err, name
            SEARCH.refuse({f"stdout of {name}": done.out, f"stderr of {name}": done.err, f"log of {name}": caplog.text})
            caplog.clear()
    SEARCH.refuse(dict(files_under(tmp_path)))


@pytest.mark.parametrize(("command", "end"), few(sorted(APART, key=lambda row: row != ("token", "broken pipe")), every=100))
def test_a_command_shows_nothing_however_it_ends(tmp_path, command, end):
    """As a process that is stopped, or cannot write: not on its streams, not in its arguments, not in a file. Each command, each end."""
    with Server(Place(MANNERS.get(end, "good"))) as server:
        sinks = ended(tmp_path, url_of(end, server), COMMANDS[command], end, lambda: server.requests)
    SEARCH.refuse(sinks)


MANNERS = {"bad secret": "echo 401", "garbage": "garbage", "silence": "hang", "SIGINT": "hang", "SIGTERM": "hang"}


def url_of(end, server):
    """Where the profile's servers are."""
    return {"refused": "http://127.0.0.1:1", "no tls": server.url.replace("http:", "https:").rstrip("/"), "no name": "https://nobody.invalid"}.get(end, server.url.rstrip("/"))


def prepared(folder, url):
    """A folder to work in, a home, and the environment of a command there."""
    work, home = folder / "work", folder / "home"
    work.mkdir()
    home.mkdir()
    (work / "acme.yaml").write_text(YAML.format(url=url))
    env = environment(AUTHWEAVE_ACME_CLIENT_ID="me", AUTHWEAVE_ACME_CLIENT_SECRET=SECRETS["client_secret"], HOME=str(home), TMPDIR=str(work), AUTHWEAVE_DEADLINE="3", PYTHONWARNINGS="always")
    return {name: value for name, value in env.items() if not name.startswith("XDG_")}


def ended(folder, url, words, end, was_asked):
    """What a command left behind that ended so."""
    env = prepared(folder, url)
    work, home = folder / "work", folder / "home"
    if end == "read-only home":
        home.chmod(0o500)
    first = ["-c", BROKEN_PIPE] if end == "broken pipe" else ["-X", "dev", "-m", "authweave"]
    with contextlib.ExitStack() as stack:
        out = stack.enter_context(open("/dev/full", "wb")) if end == "disk full" else subprocess.PIPE
        running = subprocess.Popen([sys.executable, *first, *words], stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.PIPE, cwd=work, env=env)
        seen = ""
        if end in ("SIGINT", "SIGTERM"):
            while running.poll() is None and not was_asked():
                time.sleep(0.02)
            seen = arguments_of(running.pid)
            running.send_signal(getattr(signal, end))
        told, complained = running.communicate(timeout=60)
    home.chmod(0o700)
    return {"stdout": (told or b"").decode(), "stderr": complained.decode(), "ps": seen, **dict(files_under(folder))}


def arguments_of(pid):
    """The command line of a process, as anybody sees it; '' of one that is gone."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return ""


def test_the_scrubber_of_the_security_page_works(caplog):
    """What the page tells callers to log of their own client's exceptions names the host and holds no secret, as the exception itself does."""
    page = (Path(__file__).parents[1] / "SECURITY.md").read_text()
    [recipe] = [block for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "except httpx.HTTPError" in block]
    key = SECRETS["api_key"]

    def send(url):
        with httpx.Client(headers={"X-Key": key}, trust_env=False) as client:
            client.get(f"{url}v1/me?k={key}")

    with Server(Place(api="reset")) as server, caplog.at_level(logging.WARNING, "app"):
        names = {"httpx": httpx, "log": logging.getLogger("app"), "send": send, "url": server.url}
        exec(f"try:\n    send(url)\n{textwrap.dedent(recipe)}", names)
        with pytest.raises(httpx.HTTPError) as raised:
            send(server.url)

    [said] = caplog.records
    assert "127.0.0.1" in said.getMessage()
    SEARCH.refuse({"log": f"{said.getMessage()} {said.exc_info}"})
    assert key == raised.value.request.headers["X-Key"]

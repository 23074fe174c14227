"""`--strict` at the command line, and what a report says of a call that was refused."""

from __future__ import annotations

import json
import re

import pytest

from authweave import loads
from authweave.cli.exits import Exit
from authweave.errors import AuthweaveError
from authweave.probe import test_profile as probe
from authweave.wire import Call
from certificates import server_context
from commands import here
from outside import AUTHORITY, Outside, guarded, names
from sockets import Server, connect_proxy, free_port, http

HEAD = "format: 1\nname: acme\nidentity_provider: Acme\n"
INSIDE = HEAD + "servers: [https://api.acme.example]\nauth: {type: oauth2, grant_type: client_credentials, token_url: 'https://127.0.0.1:8443/token'}\n"
OPEN_HOST = HEAD + "inputs: {host: {format: hostname}}\nservers: ['https://{{ inputs.host }}']\nauth: {type: bearer}\n"
GOOD = HEAD + "servers: [https://api.acme.example]\nauth: {type: bearer}\n"
CREDENTIAL = ("--input", "client_id=me", "--dotenv")


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write a profile, and a file with its secrets."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    (tmp_path / ".env").write_text("AUTHWEAVE_ACME_CLIENT_SECRET=s3cret\nAUTHWEAVE_ACME_CLIENT_ID=me\nAUTHWEAVE_ACME_TOKEN=t0ken\n")

    def written(text: str):
        path = tmp_path / "acme.yaml"
        path.write_text(text)
        return path

    return written


def test_validate_tells_what_strict_refuses(capsys, write):
    """Good for its owner, refused for a stranger: each problem at its place, with what would be right."""
    path = write(OPEN_HOST)

    assert here(capsys, "validate", path).code == Exit.OK
    done = here(capsys, "validate", "--strict", path)

    assert done.code == Exit.REFUSED
    assert done.lines[0].startswith(f"{path}:5:")
    assert "servers[0]: `inputs.host` chooses the host" in done.lines[0]
    assert done.lines[0].endswith("[egress]")
    assert here(capsys, "validate", "--strict", write(GOOD)).code == Exit.OK


def test_a_host_in_other_letters_is_pointed_out(capsys, write):
    """Punycode is good, and shown with what it stands for: a reviewer sees whose host it is."""
    done = here(capsys, "validate", "--strict", write(GOOD.replace("api.acme.example", "xn--80ak6aa92e.example")))

    assert done.code == Exit.OK
    assert "CYRILLIC SMALL LETTER A U+0430" in done.lines[0]
    assert "1 hint" in done.lines[-1]


def test_the_setting_counts_without_the_switch(capsys, write, monkeypatch):
    """Where an operator set AUTHWEAVE_EGRESS, every command is held to it."""
    path = write(INSIDE)
    monkeypatch.setenv("AUTHWEAVE_EGRESS", "strict")

    assert here(capsys, "validate", path).code == Exit.REFUSED


@pytest.mark.parametrize("command", [("preview",), ("test",), ("token",), ("request", "https://api.acme.example/me"), ("login",)], ids=lambda command: command[0])
def test_each_command_takes_it(capsys, write, command):
    """preview, test, token, request and login refuse the profile before anything is sent, and say why."""
    path = write(INSIDE)
    name, *rest = command
    profile = ("--profile", path) if name == "request" else (path,)

    done = here(capsys, name, *rest, *profile, "--strict", "--dotenv", ".env")

    assert done.code not in (Exit.OK,)
    assert "127.0.0.1 is loopback" in done.out + done.err


def test_a_report_names_the_setting():
    """A host that leads inside: nothing was sent, the credential was not tested, and the operator's setting is named."""
    text = HEAD + "servers: [https://api.acme.example]\nauth: {type: oauth2, grant_type: client_credentials, token_url: 'https://idp.example.com/token'}\n"
    report = probe(guarded(Outside(), names(idp=["127.0.0.1"])), loads(text, "acme.yaml"))

    [found] = [one for one in report.diagnoses if one.severity == "error"]
    assert found.code == "egress_refused"
    assert "127.0.0.1 is loopback" in str(found)
    assert "settings: egress" in [fix.key for fix in found.fixes]
    assert json.dumps(report.as_dict())


CALLING = {"preview", "test", "request", "login", "logout", "token", "new", "validate", "lint", "tokens revoke"}
"""Commands that call out, or show what would be called."""


def commands(group, above: str = ""):
    from click import Context

    for name in group.list_commands(Context(group)):
        found = group.get_command(Context(group), name)
        if hasattr(found, "list_commands"):
            yield from commands(found, f"{above}{name} ")
        else:
            yield f"{above}{name}", {option for one in found.params for option in one.opts}


def test_every_command_that_calls_out_has_the_switch():
    """No way to the network from the command line is without it."""
    from authweave.cli.group import group

    assert {name for name, options in commands(group) if "--strict" in options} == CALLING


@pytest.fixture
def behind_a_proxy(write, monkeypatch):
    """A profile whose provider is reached through a proxy that nobody listed, and that proxy."""
    context = server_context(AUTHORITY.issue("idp.acme.example", "api.acme.example"))
    with Server(_provider, tls=context) as provider, Server(connect_proxy(provider.port)) as proxy:
        authority = write("").with_name("authority.pem")
        authority.write_text(AUTHORITY.pem)
        monkeypatch.setenv("AUTHWEAVE_CA", str(authority))
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        yield write(OUTSIDE), proxy


OUTSIDE = HEAD + """
servers: [https://api.acme.example]
auth:
  type: oauth2
  grant_type: client_credentials
  token_url: https://idp.acme.example/token
  revoke_request: {url: 'https://idp.acme.example/revoke', fields: [{in: payload, key: token, value: '{{ token.access_token }}'}]}
test: {request: {url: /me}}
"""


def _provider(peer) -> None:
    asked = peer.request()
    if "well-known" in asked.line:
        said = {"issuer": "https://idp.acme.example", "token_endpoint": "https://idp.acme.example/token", "response_types_supported": ["code"]}
    else:
        said = {"access_token": "tok-1", "token_type": "Bearer", "expires_in": 900}
    peer.send(http(200, ("Content-Type", "application/json"), body=json.dumps(said).encode()))


@pytest.mark.parametrize(
    "words",
    [("test", "acme.yaml", "--dotenv", ".env", "--no-compare"), ("token", "acme.yaml", "--dotenv", ".env"), ("request", "https://api.acme.example/me", "--profile", "acme.yaml", "--dotenv", ".env"), ("validate", "--online", "acme.yaml"), ("lint", "--online", "acme.yaml"), ("new", "fresh", "--from", "https://idp.acme.example", "--no-ask", "-o", "-")],
    ids=lambda words: words[0],
)
def test_each_command_is_held_to_it(capsys, behind_a_proxy, words):
    """Without the switch the command goes through the proxy of the environment; with it the proxy sees no connection, and the output says why."""
    _, proxy = behind_a_proxy

    done = here(capsys, *words, "--strict")
    assert proxy.connections == 0
    assert done.code != Exit.OK
    assert "egress_proxies" in " ".join((done.out + done.err).split())
    here(capsys, *words)
    assert proxy.connections > 0


def test_revoking_is_held_to_it_too(capsys, behind_a_proxy, monkeypatch):
    """`tokens revoke` and its switch: a token that is stored is not told to a proxy that nobody listed."""
    path, proxy = behind_a_proxy
    assert here(capsys, "token", path, "--dotenv", ".env").code == Exit.OK
    key = here(capsys, "tokens", "list").lines[1].split()[0]
    monkeypatch.setenv("AUTHWEAVE_DOTENV", ".env")
    monkeypatch.setenv("AUTHWEAVE_PROFILES", str(path.parent))
    before = proxy.connections

    done = here(capsys, "tokens", "revoke", key, "--yes", "--strict")
    assert proxy.connections == before
    assert done.code != Exit.OK
    assert "egress_proxies" in done.out + done.err
    assert here(capsys, "tokens", "revoke", key, "--yes").code == Exit.OK
    assert proxy.connections > before


LETTERS = "CYRILLIC SMALL LETTER A U+0430"
LOOKS_LIKE_APPLE = OUTSIDE.replace("acme.example", "xn--80ak6aa92e.example")


@pytest.mark.parametrize("words", [("validate", "acme.yaml"), ("validate", "--strict", "acme.yaml"), ("preview", "acme.yaml", "--dotenv", ".env"), ("test", "acme.yaml", "--dotenv", ".env", "--no-compare")], ids=lambda words: " ".join(words[:2]))
def test_a_host_that_looks_like_another_is_shown_wherever_it_appears(capsys, write, words, monkeypatch):
    """With the letters that it stands for and their names: in what validate, preview, the report of test and an error say."""
    write(LOOKS_LIKE_APPLE)
    monkeypatch.setenv("AUTHWEAVE_ROUTES", f"idp.xn--80ak6aa92e.example:443=127.0.0.1:{free_port()}")

    done = here(capsys, *words)

    assert LETTERS in " ".join((done.out + done.err).split())


def test_an_error_shows_it_too():
    """A call that finds no address, and one that the policy refuses, say which letters the host stands for."""
    for engine, words in ((guarded("open", names()), "does not exist"), (guarded("strict", names(idp=["127.0.0.1"])), "may not be called")):
        with pytest.raises(AuthweaveError, match=rf"{re.escape(LETTERS)}.*{words}"):
            engine.wire.send(Call("GET", "https://xn--80ak6aa92e.example:8443/"), deadline=5)


def test_user_info_is_shown_as_what_it_is(capsys, write):
    """`https://api.acme.example:…@evil.example`: every command says that it leads to evil.example, and none repeats what stood before."""
    write(OUTSIDE.replace("https://api.acme.example]", "'https://api.acme.example:s3cr3t-w0rd@evil.example']"))
    for words in (("validate",), ("validate", "--strict"), ("preview",), ("test",), ("token",)):
        done = here(capsys, *words, "acme.yaml")
        assert done.code != Exit.OK
        assert "evil.example" in done.out + done.err
        assert "s3cr3t-w0rd" not in done.out + done.err

"""`--strict` at the command line, and what a report says of a call that was refused."""

from __future__ import annotations

import json

import pytest

from authweave import loads
from authweave.cli.exits import Exit
from authweave.probe import test_profile as probe
from commands import here
from outside import Outside, guarded, names

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

"""`authweave preview`: what would be sent is what is sent, and nothing secret is shown."""

import base64
import json
import os
import shutil
import subprocess
from urllib.parse import quote_plus

import pytest

from authweave.cli.exits import Exit
from authweave.redaction import Redactor, fingerprint
from commands import CLIENT, PROFILE, SECRET, Provider, apart, here, profile_for
from sockets import Server

pytestmark = pytest.mark.thorough

EVERYWHERE = PROFILE + """\
  token_request:
    fields:
      - {{in: header, key: X-Tenant, value: '{{{{ inputs.tenant }}}}'}}
      - {{in: query, key: sig, value: 'v1-{{{{ inputs.client_secret }}}}'}}
      - {{in: payload, key: extra, value: 'a b&c'}}
fields:
  - {{in: header, key: X-Tenant, value: '{{{{ inputs.tenant }}}}'}}
  - {{in: query, key: region, value: eu}}
  - {{in: payload, key: /meta/tenant, value: '{{{{ inputs.tenant }}}}', when: '{{{{ request.method == "POST" }}}}'}}
  - {{in: path, key: id, value: '{{{{ inputs.tenant }}}}', optional: true}}
  - {{in: cookie, key: session, value: '{{{{ inputs.client_secret | urlencode }}}}'}}
"""
EVERYWHERE = EVERYWHERE.replace("inputs:\n", "inputs:\n  tenant: {{}}\n")
GIVEN = ("-I", f"client_id={CLIENT}", "-I", "tenant=t/1")


@pytest.fixture
def secret(monkeypatch):
    """The secret where an operator would put it."""
    monkeypatch.setenv("AUTHWEAVE_ACME_CLIENT_SECRET", SECRET)
    return SECRET


def forms_of(secret):
    """What a secret may look like on the wire."""
    pair = f"{CLIENT}:{quote_plus(secret)}".encode()
    return {secret, quote_plus(secret), secret.replace(" ", "%20"), base64.b64encode(pair).decode(), base64.b64encode(secret.encode()).decode()}


def test_previewed_is_sent(capsys, tmp_path, secret):
    """The token request and the task request, byte for byte what then arrives at the servers, but for what is masked."""
    with Server(Provider()) as server:
        path = profile_for(server, tmp_path, EVERYWHERE)
        body = '{"meta": {"a": 1}}'
        shown = json.loads(here(capsys, "preview", path, *GIVEN, "--url", "/v1/x?q=1", "--json", body, "--format", "json").out)
        assert [] == server.requests

        here(capsys, "request", "/v1/x?q=1", "-p", path, *GIVEN, "--json", body)

    known = Redactor([("sent", "token-1"), ("client_secret", SECRET)])
    for one, sent in zip(shown["requests"], server.requests, strict=True):
        method, target, _ = sent.line.split()
        assert method == one["method"]
        assert [name for name, _ in sent.headers if one["purpose"] == "token" or name not in TRANSPORT] == [name for name, _ in one["headers"]]
        assert known.redact(sent.body.decode()) == one["body"]
        assert target.partition("?")[0] == one["url"].removeprefix(server.url.rstrip("/")).partition("?")[0]
        for (name, value), (_, told) in zip([pair for pair in sent.headers if one["purpose"] == "token" or pair[0] not in TRANSPORT], one["headers"], strict=True):
            assert value == told or "‹" in told, name


TRANSPORT = {"Host", "User-Agent", "Accept-Encoding", "Connection"}


def test_every_part_has_its_origin(capsys, tmp_path, secret):
    """Each part names the key of the profile that puts it there, and where that stands."""
    with Server(Provider()) as server:
        path = profile_for(server, tmp_path, EVERYWHERE)
        shown = json.loads(here(capsys, "preview", path, *GIVEN, "--url", "/v1/{id}", "--json", "{}", "--format", "json").out)

    token, task = ({(part["place"], part["key"]): part for part in one["parts"]} for one in shown["requests"])
    assert {"auth.client_auth", "auth.grant_type", "auth.scopes", "auth.token_request.fields[1]"} <= {part["origin"] for part in token.values()}
    assert "auth.token_request.fields[0]" == token["header", "X-Tenant"]["origin"]
    assert "fields[1]" == task["query", "region"]["origin"]
    assert "fields[3]" == task["path", "id"]["origin"]
    assert "auth.fields[0]" == task["header", "Authorization"]["origin"]
    assert "given" == task["header", "Content-Type"]["origin"]
    lines = path.read_text().splitlines()
    file, _, line = token["header", "X-Tenant"]["file_line"].rpartition(":")
    assert (str(path), True) == (file, "X-Tenant" in lines[int(line) - 1])
    assert shown["requests"][1]["url"].endswith("/v1/t%2F1?region=eu")


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("refresh", [(), ("--refresh",)])
def test_secrets_show_length_and_fingerprint_only(capsys, tmp_path, secret, form, refresh):
    """No form of the secret is shown; its length and fingerprint are, so that two people can compare."""
    with Server(Provider()) as server:
        path = profile_for(server, tmp_path, EVERYWHERE.replace("scopes:", "client_auth: client_secret_post\n  scopes:"))
        done = here(capsys, "preview", path, *GIVEN, "--url", "/x", "--format", form, *refresh)

    text = json.dumps(json.loads(done.out), ensure_ascii=False) if form == "json" else done.out
    assert Exit.OK == done.code
    assert [] == [form for form in forms_of(secret) if form in text]
    assert f"‹secret client_secret: {len(secret)} chars, {fingerprint(secret)}›" in text


@pytest.mark.parametrize("short", ["x", "ab", "abc"])
def test_short_secrets(capsys, tmp_path, monkeypatch, short):
    """A secret of a few letters is hidden by its place; a text it could be part of is not shown."""
    monkeypatch.setenv("AUTHWEAVE_ACME_CLIENT_SECRET", short)
    with Server(Provider()) as server:
        path = profile_for(server, tmp_path, PROFILE.replace("scopes:", "client_auth: client_secret_post\n  scopes:"))
        shown = json.loads(here(capsys, "preview", path, "-I", f"client_id={CLIENT}", "--format", "json").out)

    [token] = shown["requests"]
    assert ("", True) == (token["body"], "too short" in token["note"])
    assert ["‹secret client_secret: short›"] == [part["value"] for part in token["parts"] if part["key"] == "client_secret"]


def test_missing_inputs_are_named_not_asked(tmp_path):
    """What nobody supplies is named where it would stand; nothing is asked, nothing is sent, and that is no error."""
    with Server(Provider()) as server:
        path = profile_for(server, tmp_path, EVERYWHERE)
        done = apart("preview", path, "--url", "/v1/{id}")

    assert (Exit.OK, "") == (done.code, done.err)
    assert [] == server.requests
    assert "Authorization: Basic ‹made from client_id: not supplied, client_secret: not supplied›" in done.out
    assert "X-Tenant: ‹tenant: not supplied›" in done.out
    assert "/v1/‹tenant: not supplied›?region=eu" in done.out
    assert "environment variable AUTHWEAVE_ACME_TENANT" in done.out
    assert "stand-in" not in done.out


def test_invalid_input_is_told(capsys, tmp_path):
    """A value that is not of the declared form is told in its place."""
    with Server(Provider()) as server:
        path = profile_for(server, tmp_path, PROFILE.replace("{{title: Client}}", "{{pattern: '[0-9]+'}}"))
        done = here(capsys, "preview", path, "-I", "client_id=abc")

    assert Exit.OK == done.code
    assert "[0-9]+" in done.out.partition("Inputs")[2]


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("https://evil.example/", "https://evil.example is not among the servers"),
        ("/x/{nobody}", "{nobody}"),
    ],
)
def test_what_cannot_be_made_says_why(capsys, tmp_path, secret, url, says):
    """A request that cannot be made says why in its place; the other one is shown all the same."""
    with Server(Provider()) as server:
        done = here(capsys, "preview", profile_for(server, tmp_path), "-I", f"client_id={CLIENT}", "--url", url)

    assert Exit.USAGE == done.code
    assert "cannot be made: " in done.out
    assert says in done.out
    assert "POST http://127.0.0.1" in done.out


def test_profile_with_nothing_to_send(capsys, tmp_path):
    """Without a token and without a test there is nothing to show but how to ask."""
    path = tmp_path / "acme.yaml"
    path.write_text("format: 1\nname: acme\nidentity_provider: Acme\nservers: ['https://a.example']\nauth: {type: bearer}\n")

    assert "add --url" in here(capsys, "preview", path).out


def test_previewed_as_commands(capsys, tmp_path, secret):
    """`--format curl`: run by a shell with the secrets in variables, the servers get what `request` sends them."""
    if not shutil.which("curl"):
        pytest.skip("needs curl")
    with Server(Provider()) as server:
        path = profile_for(server, tmp_path)
        done = here(capsys, "preview", path, "-I", f"client_id={CLIENT}", "--url", "/v1/x?q=1", "--format", "curl")
        assert (Exit.OK, []) == (done.code, server.requests)
        assert [] == [form for form in forms_of(secret) if form in done.out]
        variables = {"PATH": os.environ["PATH"], "CLIENT_SECRET": secret, "ACCESS_TOKEN": "token-1"}
        subprocess.run(["sh"], input=done.out, env=variables, text=True, check=True, capture_output=True, timeout=30)
        here(capsys, "request", "/v1/x?q=1", "-p", path, "-I", f"client_id={CLIENT}")

    token, task, token_again, task_again = server.requests
    for one, other in ((token, token_again), (task, task_again)):
        assert (one.line, one.body, one.values("authorization")) == (other.line, other.body, [value.replace("token-2", "token-1") for value in other.values("authorization")])

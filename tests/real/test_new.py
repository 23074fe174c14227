"""New profiles from what real providers say of themselves, tested at those providers; and profiles compared with them."""

from __future__ import annotations

import json

import pytest

from authweave.cli.exits import Exit
from authweave.loading import check_file, load
from commands import here
from parts.browsing import sign_in
from services import engine

CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "add", "arguments": {"a": 20, "b": 22}}}


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    """Files are written here; no proxy of this machine is asked."""
    monkeypatch.chdir(tmp_path)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


def with_inputs(monkeypatch, profile, client):
    """The inputs where `new` says that they go."""
    monkeypatch.setenv(f"AUTHWEAVE_{profile.upper()}_CLIENT_ID", client.client_id)
    monkeypatch.setenv(f"AUTHWEAVE_{profile.upper()}_CLIENT_SECRET", client.client_secret)


def place(path, words):
    """`line:column` of the first place where the file says this."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if words in line and not line.lstrip().startswith("#"):
            return f"{path.name}:{number}:{line.index(words) + 1}"
    raise AssertionError(f"{words} is not in {path.read_text()}")


def test_a_profile_from_an_issuer_passes_its_test(capsys, monkeypatch, tmp_path, oidc_provider):
    """From the issuer's URL to an accepted credential, with a registered client and nothing written by hand."""
    client = oidc_provider.new_client(scope="api:read")
    with_inputs(monkeypatch, "acme", client)

    done = here(capsys, "new", "acme", "--from", oidc_provider.origin, "--scope", "api:read", "--server", oidc_provider.api_url, "--test-url", f"{oidc_provider.api_url}/me")
    tested = here(capsys, "test", "acme.yaml")

    assert (Exit.OK, "") == (done.code, done.out), done.err
    assert "export AUTHWEAVE_ACME_CLIENT_SECRET=…" in done.err
    assert "authweave test acme.yaml" in done.err
    profile = load(tmp_path / "acme.yaml")
    [variant] = profile.variants
    assert "client_credentials" == variant.tokens.grant_type
    assert Exit.OK == tested.code, tested.out
    assert 1 == oidc_provider.counts(client)["api_200"]
    assert client.client_secret not in (tmp_path / "acme.yaml").read_text() + done.err + tested.out + tested.err


@pytest.mark.parametrize("url", ["{}/", "{}/.well-known/openid-configuration"])
def test_an_issuer_is_known_by_the_urls_people_copy(capsys, tmp_path, oidc_provider, url):
    """With a slash at its end, or as the URL of its metadata: the profile names the issuer as it calls itself."""
    done = here(capsys, "new", "acme", "--from", url.format(oidc_provider.origin))

    assert Exit.OK == done.code, done.err
    assert f"issuer: {oidc_provider.origin}\n" in (tmp_path / "acme.yaml").read_text().replace("'", "")


def test_what_is_not_known_is_taught(capsys, tmp_path, oidc_provider):
    """Endpoints, scopes and client authentication that the server offers stand there as comments, ready to be taken."""
    assert Exit.OK == here(capsys, "new", "acme", "--from", oidc_provider.origin).code
    text = (tmp_path / "acme.yaml").read_text()

    assert f"  # token_url: {oidc_provider.token_url}\n" in text.replace("'", "")
    assert "api:read" in text
    assert "private_key_jwt" in text
    assert "# servers:" in text
    uncommented = text.replace("  # token_url:", "  token_url:").replace("  # scopes:", "  scopes:").replace("# servers:\n#   -", "servers:\n  -").replace("# test:\n#   request", "test:\n  request")
    (tmp_path / "acme.yaml").write_text(uncommented)
    checked = check_file(tmp_path / "acme.yaml")
    assert [] == checked.problems
    assert oidc_provider.token_url == checked.data["auth"]["token_url"]


def test_a_profile_from_an_mcp_server(capsys, tmp_path, mcp_server, oidc_provider):
    """A resource is enough: what it says leads to the issuer, and where clients may register they need nothing else."""
    done = here(capsys, "new", "tools", "--from", mcp_server, "--grant", "authorization_code", "--scope", "api:read")

    assert Exit.OK == done.code, done.err
    assert "authweave login tools.yaml --subject me" in done.err
    profile = load(tmp_path / "tools.yaml")
    auth = profile.resolved["auth"]
    assert (mcp_server, "authorization_code", "none") == (auth["resource"], auth["grant_type"], auth["client_auth"])
    assert "authweave" == auth["registration"]["client_name"]
    assert [mcp_server] == list(profile.resolved["servers"])
    connection = engine(inputs={}).connect(profile, subject="ada")
    link = connection.begin_authorization(redirect_uri="http://127.0.0.1:8912/callback").result(30).url
    connection.complete_authorization(sign_in(link)).result(30)
    with connection.client(trust_env=False) as client:
        answer = client.post(mcp_server, json=CALL, headers={"Accept": "application/json, text/event-stream"})
    assert (200, 42) == (answer.status_code, answer.json()["result"]["structuredContent"]["result"])


def test_a_machine_at_an_mcp_server_passes_its_test(capsys, monkeypatch, mcp_server, oidc_provider):
    """With the grant for machines, the token that the new profile gets is one for this resource."""
    client = oidc_provider.new_client(scope="api:read")
    with_inputs(monkeypatch, "tools", client)

    done = here(capsys, "new", "tools", "--from", mcp_server, "--scope", "api:read")
    tested = here(capsys, "test", "tools.yaml", "--format", "json")

    assert Exit.OK == done.code, done.err
    assert "obtained" == json.loads(tested.out)["token"]["word"], tested.out


def test_a_profile_from_django(capsys, monkeypatch, django_provider):
    """django-oauth-toolkit's metadata: its issuer has a path."""
    client = django_provider.new_client()
    with_inputs(monkeypatch, "acme", client)

    done = here(
        capsys, "new", "acme", "--from", f"{django_provider.origin}/o", "--grant", "client_credentials",
        "--server", django_provider.challenged_api_url, "--test-url", f"{django_provider.challenged_api_url}/me",
    )  # fmt: skip
    tested = here(capsys, "test", "acme.yaml")

    assert Exit.OK == done.code, done.err
    assert Exit.OK == tested.code, tested.out + tested.err


def test_lint_finds_planted_differences(capsys, tmp_path, oidc_provider):
    """Each difference at its line and column, with the metadata's own value; the clean twin has none."""
    path = tmp_path / "acme.yaml"
    path.write_text(f"""\
format: 1
name: acme
identity_provider: Acme
servers: ['{oidc_provider.api_url}']
auth:
  type: oauth2
  grant_type: urn:ietf:params:oauth:grant-type:ciba
  issuer: {oidc_provider.origin}
  token_url: {oidc_provider.origin}/tokens
  client_auth: client_secret_basic
  scopes: [api:read, api:rite]
""")

    done = here(capsys, "lint", "--online", path, "--format", "json")
    [told] = json.loads(done.out)["files"]
    found = {problem["rule"]: problem for problem in told["problems"] if problem["severity"] != "info"}

    assert Exit.REFUSED == done.code
    assert {"online.grant", "online.token_url", "online.scope"} == set(found)
    assert oidc_provider.token_url in found["online.token_url"]["fix"]
    for rule, words in (("online.grant", "urn:ietf"), ("online.token_url", f"{oidc_provider.origin}/tokens"), ("online.scope", "api:rite")):
        assert place(path, words) == f"{path.name}:{found[rule]['line']}:{found[rule]['column']}"
        assert found[rule]["metadata_url"].startswith(oidc_provider.origin)
    assert "client_credentials" in found["online.grant"]["says"]


def test_lint_finds_the_metadata_above_a_token_endpoint(capsys, tmp_path, oidc_provider, django_provider):
    """Without issuer the usual places are asked: what differs is found, and the issuer to write is said."""
    for name, provider in (("one", oidc_provider), ("two", django_provider)):
        (tmp_path / f"{name}.yaml").write_text(
            f"format: 1\nname: {name}\nidentity_provider: Acme\nservers: ['{provider.api_url}']\n"
            f"auth: {{type: oauth2, grant_type: client_credentials, token_url: '{provider.token_url}', client_auth: tls_client_auth}}\n"
        )

    done = here(capsys, "validate", "--online", "one.yaml", "two.yaml", "--format", "json")
    one, two = (file["problems"] for file in json.loads(done.out)["files"])

    assert f"write issuer: {oidc_provider.origin}," in next(problem["fix"] for problem in one if problem["rule"] == "online.issuer")
    assert any(problem["rule"] == "online.client_auth" for problem in two), two


def test_a_clean_profile_has_nothing_but_hints(capsys, tmp_path, oidc_provider):
    """What `new` writes from an issuer is what that issuer says."""
    here(capsys, "new", "acme", "--from", oidc_provider.origin, "--scope", "api:read", "--server", oidc_provider.api_url)

    done = here(capsys, "lint", "--online", "acme.yaml")

    assert Exit.OK == done.code, done.out
    assert "warning" not in done.out

"""`authweave test --explain` at real servers: the one-line edit, the file as it was around it, and the run that is accepted then."""

from __future__ import annotations

import json
import re
from functools import partial

import pytest

from commands import here
from parts import nginx as web
from parts.identity import COLON_ID, PASSWORD, SPECIAL_SECRET, USERNAME
from parts.oidc import JWT_RESOURCE
from probing import forms

PROFILE = """\
# Acme's CRM: what the provider's page says, and nothing more.
format: 1
name: acme          # = file name
identity_provider: Acme

servers:  [ '{server}' ]
auth:
  # OAuth, as everybody
  type: oauth2
  grant_type: client_credentials
  token_url: "{token_url}"\t# from the page
{auth}
  # the end of auth

test: {{request: {{url: {check}}}}}   # who am I?
"""


def written(folder, provider, auth="  scopes: [api:read, 'api:write']   # both", *, check="/api/me", server=None, token_url=None):
    """A profile with comments and quotes of every kind."""
    path = folder / "acme.yaml"
    path.write_bytes(PROFILE.format(server=server or provider.origin, token_url=token_url or provider.token_url, auth=auth, check=check).encode())
    return path


@pytest.fixture
def explained(capsys, monkeypatch):
    """Run it as a script does; no secret in anything that comes out."""

    def run(path, client, *arguments, **more):
        monkeypatch.chdir(path.parent)
        secrets = {"AUTHWEAVE_ACME_CLIENT_ID": client.client_id, "AUTHWEAVE_ACME_CLIENT_SECRET": client.client_secret, **more} if client else more
        for name, value in secrets.items():
            monkeypatch.setenv(name, value)
        done = here(capsys, "test", path, *arguments)
        if client and client.client_secret == SPECIAL_SECRET:
            assert not any(form in done.out + done.err for form in forms(SPECIAL_SECRET))
        return done

    return run


def told(done):
    """What `explained` holds of a JSON report."""
    return json.loads(done.out)["explained"]


def sent(found):
    return [(one["key"], one["value"]) for one in found["tries"] if one["sent"]]


def tokens(provider, client):
    return provider.counts(client)["token"]


@pytest.fixture
def proven(explained):
    """`--explain` proposes the edit, `--fix` makes it and nothing else, and a run after that is accepted."""
    return partial(_proven, explained)


def _proven(explained, path, client, old, new, *, code=1, **more):
    before = path.read_bytes()

    proposed = explained(path, client, "--explain", "--format", "json", **more)
    assert path.read_bytes() == before
    fixed = explained(path, client, "--fix", "--format", "json", **more)
    after = path.read_bytes()
    again = explained(path, client, "--format", "json", **more)

    found, made = told(proposed), told(fixed)
    assert (proposed.code, fixed.code, again.code) == (code, 0, 0), (proposed.out, proposed.err, fixed.out, fixed.err)
    assert (found["applied"], made["applied"]) == (False, True)
    assert after == before.replace(old.encode(), new.encode(), 1) != before
    assert json.loads(fixed.out)["credential"]["word"] == "accepted"
    assert found["edit"]["new"] == made["edit"]["new"]
    assert found["edit"]["place"].startswith(f"{path}:")
    return found


def test_a_client_that_only_the_body_can_name(raw_basic_provider, tmp_path, proven):
    """An id with a colon cannot be said in a Basic header that is read as it is: one line more, and it stands in the body."""
    client = raw_basic_provider.new_client(client_id=f"{COLON_ID}:explained", client_auth="client_secret_post")
    path = written(tmp_path, raw_basic_provider)

    found = proven(path, client, "# from the page\n", "# from the page\n  client_auth: client_secret_post\n")

    assert found["edit"]["key"] == "auth.client_auth"
    assert [[], ["  client_auth: client_secret_post"]] == [found["edit"]["old"], found["edit"]["new"]]
    assert ("auth.client_auth", "client_secret_post") in sent(found)


def test_a_secret_that_has_to_be_form_encoded(oidc_provider, tmp_path, proven):
    """The profile says raw, the server reads RFC 6749 §2.3.1; the value is changed in its place, its quotes stay."""
    client = oidc_provider.new_client(client_secret=SPECIAL_SECRET)
    path = written(tmp_path, oidc_provider, "  basic_encoding: 'raw'   # as with the other one\n  scopes: api:read")

    found = proven(path, client, "'raw'", "'rfc6749'")

    assert ("auth.basic_encoding", "rfc6749") in sent(found)


def test_a_server_that_reads_basic_as_it_is(raw_basic_provider, tmp_path, proven):
    """And the other way round: the first try is the one that works, because the secret reads differently."""
    client = raw_basic_provider.new_client(client_secret=SPECIAL_SECRET)
    path = written(tmp_path, raw_basic_provider, "  client_auth: client_secret_basic  # known")

    found = proven(path, client, "# known\n", "# known\n  basic_encoding: raw\n")

    assert sent(found) == [("auth.basic_encoding", "raw")]


def test_an_endpoint_that_reads_json(odd_provider, tmp_path, proven):
    """A form is no JSON: the encoding is changed."""
    client = odd_provider.new_client()
    path = written(tmp_path, odd_provider, "  client_auth: client_secret_post", server=odd_provider.at("json"), token_url=odd_provider.at("json/token"))

    found = proven(path, client, "client_secret_post\n", "client_secret_post\n  token_request: {encoding: json}\n")

    assert found["edit"]["key"] == "auth.token_request.encoding"


def test_the_audience_by_its_other_name(oidc_provider, tmp_path, proven):
    """The API takes tokens that were asked for with `resource`: the key is renamed, and its value keeps its comment."""
    client = oidc_provider.new_client()
    path = written(tmp_path, oidc_provider, f"  scopes: api:read\n  audience: '{JWT_RESOURCE}'  # the API", check="/jwt-api/me")

    found = proven(path, client, "  audience:", "  resource:")

    assert sent(found)[-1] == ("auth.audience", "resource instead")


def test_a_server_that_wants_the_audience(odd_provider, tmp_path, proven):
    """invalid_target: what the profile calls resource is asked for as audience."""
    client = odd_provider.new_client()
    path = written(tmp_path, odd_provider, "  resource: crm", server=odd_provider.at("audience"), token_url=odd_provider.at("audience/token"))

    found = proven(path, client, "  resource: crm", "  audience: crm")

    assert sent(found) == [("auth.resource", "audience instead")]


def test_the_token_url_that_metadata_name(oidc_provider, tmp_path, proven):
    """A path that is no token endpoint: the metadata at the same origin say which is."""
    client = oidc_provider.new_client()
    path = written(tmp_path, oidc_provider, token_url=f"{oidc_provider.origin}/oauth/token")

    found = proven(path, client, "/oauth/token\"", '/token"', code=3)

    assert sent(found) == [("auth.token_url", oidc_provider.token_url)]


def test_an_api_that_wants_another_word_before_the_credential(httpbin, tmp_path, proven):
    """The API takes Bearer only; the field's value is changed, its quotes stay."""
    path = tmp_path / "acme.yaml"
    path.write_text(f"""\
format: 1
name: acme
identity_provider: Acme
servers: ['{httpbin}']
auth:
  type: bearer
  fields:
    # as in their first version
    - {{in: header, key: Authorization, value: "Token {{{{ inputs.token }}}}"}}   # v1
test: {{request: {{url: /bearer}}}}
""")

    found = proven(path, None, '"Token {{', '"Bearer {{', AUTHWEAVE_ACME_TOKEN="t0ken-of-the-api")

    assert sent(found) == [("auth.fields[0].value", "'Bearer {{ inputs.token }}'")]


def test_a_key_that_stands_elsewhere(nginx, tmp_path, explained):
    """An API key in the query is only tried if somebody says yes: URLs are logged."""
    path = tmp_path / "acme.yaml"
    path.write_text(f"format: 1\nname: acme\nidentity_provider: Acme\nservers: ['{nginx.origin}']\nauth: {{type: api_key}}  # header?\ntest: {{request: {{url: /query/me.json}}}}\n")
    key = {"AUTHWEAVE_ACME_API_KEY": web.API_KEY}

    careful = told(explained(path, None, "--explain", "--format", "json", **key))
    bold = explained(path, None, "--fix", "--yes", "--format", "json", **key)

    assert careful["edit"] is None
    assert any("--yes" in one["word"] for one in careful["tries"] if not one["sent"])
    assert bold.code == 0, bold.out
    assert "auth: {type: api_key, fields: [{in: query, key: api_key, value: '{{ inputs.api_key }}'}]}  # header?\n" in path.read_text()
    assert web.API_KEY not in bold.out + bold.err


def test_a_refresh_token_is_not_spent_for_a_guess(raw_basic_provider, tmp_path, explained):
    """Without --yes the server hears of the failed run, and of nothing else; the command says why and ends with 2."""
    client = raw_basic_provider.new_client(client_secret=SPECIAL_SECRET, grant_types=("refresh_token", "client_credentials"))
    path = written(tmp_path, raw_basic_provider)
    path.write_text(path.read_text().replace("client_credentials", "refresh_token"))

    done = explained(path, client, "--explain", "--format", "json", AUTHWEAVE_ACME_REFRESH_TOKEN="r3fresh-token-0123456789")

    assert done.code == 2
    assert "refresh token" in done.err
    assert "--yes" in done.err
    assert tokens(raw_basic_provider, client) == 1
    found = told(done)
    assert found["tries"]
    assert not any(one["sent"] for one in found["tries"])
    assert len(found["warnings"]) == 1


def test_an_account_that_may_lock(raw_basic_provider, tmp_path, explained):
    """With a user's password it is said first that accounts lock, and nothing is tried; with --yes it is, and said all the same."""
    client = raw_basic_provider.new_client(client_secret=SPECIAL_SECRET, grant_types=("password",))
    path = written(tmp_path, raw_basic_provider, "  client_auth: client_secret_basic")
    path.write_text(path.read_text().replace("client_credentials", "password"))
    person = {"AUTHWEAVE_ACME_USERNAME": USERNAME, "AUTHWEAVE_ACME_PASSWORD": PASSWORD}

    careful = explained(path, client, "--explain", "--format", "json", **person)
    count = tokens(raw_basic_provider, client)
    bold = explained(path, client, "--explain", "--yes", "--format", "json", **person)

    assert (2, 1, 1) == (careful.code, count, bold.code)
    for done in (careful, bold):
        assert re.search(r"inputs\.password: some servers lock an account", done.err)
        assert PASSWORD not in done.out + done.err
    assert told(bold)["edit"]["key"] == "auth.basic_encoding"


@pytest.mark.parametrize("budget", [1, 2])
def test_the_budget_is_what_the_server_sees(oidc_provider, tmp_path, budget, explained):
    """One request of the failed run and one for each variant within the budget; what is beyond it is listed."""
    client = oidc_provider.new_client()
    path = written(tmp_path, oidc_provider, "  client_auth: client_secret_post")
    before = oidc_provider.counts()["token"]

    done = explained(path, client, "--explain", "--budget", budget, "--format", "json", AUTHWEAVE_ACME_CLIENT_SECRET="wr0ng-s3cret")

    found = told(done)
    assert done.code == 1
    assert found["edit"] is None
    assert len(sent(found)) == budget
    assert oidc_provider.counts()["token"] - before == 1 + budget  # in all: who sends JSON to a server of forms is nobody it knows
    assert all("wr0ng-s3cret" not in text for text in (done.out, done.err))

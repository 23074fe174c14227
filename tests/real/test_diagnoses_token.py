"""What token servers that are not ours say, and what "test auth" makes of it: the code, the key to change and its place, the verdict; and that the fix mends it."""

from __future__ import annotations

import time

import pytest

from identities import ACCOUNT, inputs_of
from parts.identity import SPECIAL_SECRET, USERNAME
from probing import first, oauth, stage
from reporting import SECRET, WRONG, first_of, points_at, reported, reported_at

REFUSED = ("refused", "not_tested")
OPEN = ("inconclusive", "not_tested")


@pytest.fixture(params=["oidc_provider", "django_provider", "raw_basic_provider"])
def provider(request):
    return request.getfixturevalue(request.param)


# ---- the words of RFC 6749 §5.2


@pytest.mark.diagnoses("invalid_client")
@pytest.mark.parametrize("client_auth", ["client_secret_basic", "client_secret_post"])
def test_a_wrong_secret(provider, tmp_path, client_auth):
    """Three servers refuse it; the sentence says how it was sent, the fix names the secret, and the API is not asked."""
    client = provider.new_client(client_secret=SECRET, client_auth=client_auth)

    report = reported_at(tmp_path, provider, client, client_auth=client_auth, given=inputs_of(client, client_secret=WRONG))

    assert ("invalid_client", "auth.client_secret", *REFUSED) == first_of(report)
    way = {"client_secret_basic": "Basic header", "client_secret_post": "form field"}[client_auth]
    assert f"({way}, {len(WRONG)}-char secret)" in first(report).sentence
    assert 0 == provider.counts(client)["api"]


@pytest.mark.diagnoses("invalid_client")
@pytest.mark.parametrize(("server", "bad", "good"), [("raw_basic_provider", "rfc6749", "raw"), ("django_provider", "raw", "rfc6749")])
def test_an_encoding_that_the_server_does_not_share(request, tmp_path, server, bad, good):
    """The fix says the other encoding, and why; written, it gets a token that the API takes."""
    provider = request.getfixturevalue(server)
    client = provider.new_client(client_secret=SPECIAL_SECRET)

    report = reported_at(tmp_path, provider, client, basic_encoding=bad)
    mended = reported_at(tmp_path / "mended", provider, client, basic_encoding=good)

    assert ("invalid_client", "auth.basic_encoding", *REFUSED) == first_of(report)
    assert first(report).fixes[0].text.startswith(f"write `{good}`")
    assert ("obtained", "accepted") == (mended.token.word, mended.credential.word)


@pytest.mark.diagnoses("invalid_client")
def test_a_secret_with_a_line_break(oidc_provider, tmp_path):
    """A secret with a line break from a file is seen before anything else is blamed."""
    client = oidc_provider.new_client(client_secret=SECRET, client_auth="client_secret_post")

    report = reported_at(tmp_path, oidc_provider, client, client_auth="client_secret_post", given=inputs_of(client, client_secret=f"{SECRET}\n"))

    assert "invalid_client" == first(report).code
    assert "inputs.client_secret" == first(report).fixes[0].key
    assert "refused" == report.token.word


@pytest.mark.diagnoses("invalid_grant")
def test_an_account_that_the_grant_does_not_know(oidc_provider, tmp_path):
    """A vendor's grant is refused: the client may be good, what it presents is not."""
    client = oidc_provider.new_client(client_secret=SECRET, grant_types=("account_credentials",))

    report = reported_at(
        tmp_path, oidc_provider, client, grant_type="account_credentials", token_request={"fields": [ACCOUNT]}, given=inputs_of(client, account_id="unknown"),
        profile={"inputs": {"account_id": {}}},
    )  # fmt: skip

    assert ("invalid_grant", "auth.token_request.fields", *REFUSED) == first_of(report)
    assert "account_id" in first(report).fixes[0].text


@pytest.mark.diagnoses("invalid_grant")
def test_a_wrong_password(raw_basic_provider, tmp_path):
    """By the password grant it is user name or password, and the sentence says what else it may be."""
    client = raw_basic_provider.new_client(client_secret=SECRET, grant_types=("password",))

    report = reported_at(tmp_path, raw_basic_provider, client, grant_type="password", given=inputs_of(client, username=USERNAME, password=WRONG))

    assert ("invalid_grant", "auth.username", *REFUSED) == first_of(report)
    assert "auth.password" == first(report).fixes[1].key
    assert "locked" in first(report).sentence


@pytest.mark.diagnoses("invalid_grant")
def test_a_refresh_token_that_is_none(provider, tmp_path):
    """A refresh token that was given: only a new one helps, and who else may have used it is named."""
    client = provider.new_client(client_secret=SECRET, grant_types=("client_credentials", "refresh_token"))

    report = reported_at(tmp_path, provider, client, grant_type="refresh_token", given=inputs_of(client, refresh_token=WRONG))

    assert ("invalid_grant", "auth.refresh_token", *REFUSED) == first_of(report)
    assert "rotation" in first(report).sentence
    assert "settings: store" in [fix.key for fix in first(report).fixes]


@pytest.mark.diagnoses("invalid_scope")
def test_a_scope_that_the_client_may_not_have(oidc_provider, tmp_path):
    """The scope is named, and its line; with one that it may have, all is well."""
    client = oidc_provider.new_client(client_secret=SECRET, scope="api:read")

    report = reported_at(tmp_path, oidc_provider, client, scopes=["api:write"])
    line = points_at(tmp_path, report)
    mended = reported_at(tmp_path / "mended", oidc_provider, client, scopes=["api:read"])

    assert ("invalid_scope", "auth.scopes", *REFUSED) == first_of(report)
    assert "Scope `api:write`" in first(report).sentence
    assert line.startswith('"scopes"')
    assert "accepted" == mended.credential.word


@pytest.mark.diagnoses("unauthorized_client")
def test_a_grant_that_the_client_may_not_use(provider, tmp_path):
    """The grant is named, and is what to change."""
    client = provider.new_client(client_secret=SECRET, grant_types=("password",) if "oidc" not in type(provider).__name__.lower() else ("refresh_token",))

    report = reported_at(tmp_path, provider, client)

    assert ("unauthorized_client", "auth.grant_type", *REFUSED) == first_of(report)
    assert points_at(tmp_path, report).startswith('"grant_type"')


@pytest.mark.diagnoses("unsupported_grant_type")
def test_a_grant_that_the_server_does_not_do(oidc_provider, tmp_path):
    """oidc-provider has no password grant; its metadata list those that it has."""
    client = oidc_provider.new_client(client_secret=SECRET)

    report = reported_at(tmp_path, oidc_provider, client, grant_type="password", given=inputs_of(client, username=USERNAME, password=WRONG))

    assert ("unsupported_grant_type", "refused") == (first(report).code, report.token.word)
    assert {"auth.token_url", "auth.grant_type"} <= {fix.key for fix in first(report).fixes}


@pytest.mark.diagnoses("invalid_request")
def test_a_parameter_that_is_missing(oidc_provider, tmp_path):
    """The server names it; the fix says how to add it, and that gets a token."""
    client = oidc_provider.new_client(client_secret=SECRET, grant_types=("account_credentials",))

    report = reported_at(tmp_path, oidc_provider, client, grant_type="account_credentials")

    assert ("invalid_request", "auth.token_request.fields", *REFUSED) == first_of(report)
    assert "key: account_id" in first(report).fixes[0].text


# ---- the wrong place


@pytest.mark.diagnoses("html_instead_of_json")
def test_the_authorization_endpoint_in_the_place_of_the_token_endpoint(oidc_provider, tmp_path):
    """A page for people comes back; the fix says so, and never quotes JSON that is none."""
    client = oidc_provider.new_client(client_secret=SECRET)

    report = reported_at(tmp_path, oidc_provider, client, token_url=oidc_provider.authorization_url, token_request={"method": "GET", "encoding": "query"})

    assert ("html_instead_of_json", "auth.token_url", *OPEN) == first_of(report)
    assert "web page" in first(report).sentence


@pytest.mark.diagnoses("token_404")
def test_a_path_without_a_token_endpoint(oidc_provider, tmp_path):
    """Where the profile names the issuer, its metadata are asked, and the fix is the endpoint that they name; it gets a token."""
    client = oidc_provider.new_client(client_secret=SECRET)
    wrong = {"token_url": f"{oidc_provider.origin}/nowhere", "issuer": oidc_provider.origin}

    report = reported_at(tmp_path, oidc_provider, client, **wrong)
    line = points_at(tmp_path, report)
    said = first(report).fixes[0].text.removeprefix("write ").partition(",")[0]
    mended = reported_at(tmp_path / "mended", oidc_provider, client, **{**wrong, "token_url": said})

    assert ("token_404", "auth.token_url", *OPEN) == first_of(report)
    assert oidc_provider.token_url == said
    assert line.startswith('"token_url"')
    assert "accepted" == mended.credential.word


STATUSES = [
    ("token_401", "/status/401", "auth.client_auth", "refused"),
    ("token_403", "/status/403", "settings: proxy", "inconclusive"),
    ("token_404", "/status/404", "auth.token_url", "inconclusive"),
    ("token_404", "/status/410", "auth.token_url", "inconclusive"),
    ("token_405", "/status/405", "auth.token_url", "inconclusive"),
    ("token_status", "/status/400", "auth.token_request.fields", "refused"),
    ("server_error", "/status/500", "", "inconclusive"),
    ("server_error", "/status/503", "", "inconclusive"),
    ("rate_limited", "/status/429", "", "inconclusive"),
    ("empty_or_partial_body", "/status/200", "auth.token_url", "inconclusive"),
    ("token_field_missing", "/post", "auth.token_response.access_token", "inconclusive"),
    ("redirect_to_login", "/redirect-to?url=https://login.example.com/sign-in&status_code=302", "auth.token_url", "inconclusive"),
]


@pytest.mark.diagnoses(
    "token_401", "token_403", "token_404", "token_405", "token_status", "server_error", "rate_limited", "empty_or_partial_body", "token_field_missing", "redirect_to_login",
)  # fmt: skip
@pytest.mark.parametrize(("code", "path", "key", "word"), STATUSES)
def test_a_status_alone(httpbin, tmp_path, code, path, key, word):
    """httpbin says nothing but the status, or says back what it got, secrets too: only a refusal is a verdict, and nothing leaks."""
    report = reported(tmp_path, oauth(f"{httpbin}{path}", client_auth="client_secret_post"), given={"client_id": "x", "client_secret": SECRET})

    assert (code, key, word, "not_tested") == first_of(report)


@pytest.mark.diagnoses("token_401")
def test_a_gateway_before_oauth(httpbin, tmp_path):
    """The realm that asks is quoted, and that Basic is what it asks for."""
    auth = oauth(f"{httpbin}/basic-auth/gate/keeper", client_auth="client_secret_post", token_request={"method": "GET", "encoding": "query"})

    report = reported(tmp_path, auth, given={"client_id": "x", "client_secret": SECRET})

    assert ("token_401", "auth.client_auth", *REFUSED) == first_of(report)
    assert 'Basic realm="Fake Realm"' in first(report).sentence


@pytest.mark.diagnoses("html_instead_of_json", "wrong_content_type")
@pytest.mark.parametrize(("code", "path", "key"), [("html_instead_of_json", "/html", "auth.token_url"), ("wrong_content_type", "/robots.txt", "auth.token_request.fields")])
def test_success_that_is_no_token(httpbin, tmp_path, code, path, key):
    """A page and a text, with status 200."""
    auth = oauth(f"{httpbin}{path}", token_request={"method": "GET", "encoding": "query"})

    report = reported(tmp_path, auth, given={"client_id": "x", "client_secret": SECRET})

    assert (code, key, *OPEN) == first_of(report)


@pytest.mark.diagnoses("redirect_to_login")
def test_a_redirect_is_named_and_not_followed(httpbin, tmp_path):
    """The host that it leads to is said; nothing was sent there."""
    url = f"{httpbin}/redirect-to?url=https://login.example.com/sign-in"

    report = reported(tmp_path, oauth(url), given={"client_id": "x", "client_secret": SECRET})

    assert "https://login.example.com/sign-in" in first(report).sentence
    assert "another host (login.example.com)" in first(report).sentence
    assert 1 == len(report.exchanges)
    assert "redirect_to_login" == first(report).code


# ---- answers that are odd


@pytest.mark.diagnoses("token_field_missing")
def test_a_token_in_another_field(odd_provider, tmp_path):
    """The near match is written as a template, and works as it is pasted."""
    client = odd_provider.new_client(client_secret=SECRET, scope="read")
    where = odd_provider.at("answer-nested")

    report = reported_at(tmp_path, odd_provider, client, token_url=f"{where}/token", api=f"{where}/api")
    pasted = first(report).fixes[0].text.removeprefix("write '").removesuffix("'")
    mended = reported_at(tmp_path / "mended", odd_provider, client, token_url=f"{where}/token", api=f"{where}/api", token_response={"access_token": pasted})

    assert ("token_field_missing", "auth.token_response.access_token", *OPEN) == first_of(report)
    assert "{{ response.json.data.token }}" == pasted
    assert ("obtained", "accepted") == (mended.token.word, mended.credential.word)


def test_a_form_is_read(odd_provider, tmp_path):
    """An answer as early GitHub's needs nothing written."""
    client = odd_provider.new_client(client_secret=SECRET, scope="read")
    where = odd_provider.at("answer-form")

    report = reported_at(tmp_path, odd_provider, client, token_url=f"{where}/token", api=f"{where}/api")

    assert ("obtained", "accepted", ()) == (report.token.word, report.credential.word, report.diagnoses)


@pytest.mark.diagnoses("wrong_content_type")
def test_a_token_that_is_the_whole_answer(odd_provider, tmp_path):
    """The fix reads the text, and works as it is pasted."""
    client = odd_provider.new_client(client_secret=SECRET, scope="read")
    where = odd_provider.at("answer-whole")

    report = reported_at(tmp_path, odd_provider, client, token_url=f"{where}/token", api=f"{where}/api")
    mended = reported_at(tmp_path / "mended", odd_provider, client, token_url=f"{where}/token", api=f"{where}/api", token_response={"access_token": "{{ response.text | trim }}"})

    assert ("wrong_content_type", "auth.token_response.access_token", *OPEN) == first_of(report)
    assert "{{ response.text | trim }}" in first(report).fixes[0].text
    assert "accepted" == mended.credential.word


@pytest.mark.diagnoses("error_in_200")
def test_a_refusal_with_status_200(odd_provider, tmp_path):
    """HTTP says ok and the body says no: a verdict on the client."""
    client = odd_provider.new_client(client_secret=SECRET, scope="read")
    reads = {"accepted_when": [{"when": "{{ response.json.code == 0 }}"}], "error": "{{ response.json.code }}", "error_description": "{{ response.json.message }}"}

    report = reported_at(
        tmp_path, odd_provider, client, token_url=f"{odd_provider.at('code-0')}/token", token_response=reads, given=inputs_of(client, client_secret=WRONG),
    )  # fmt: skip

    assert ("error_in_200", "auth.token_response.accepted_when", *REFUSED) == first_of(report)
    assert "the body says 40101" in first(report).sentence


@pytest.mark.diagnoses("scope_narrowed")
def test_fewer_scopes_than_were_asked_for(oidc_provider, tmp_path):
    """oidc-provider leaves out what it does not know: that is said, and the token is used."""
    client = oidc_provider.new_client(client_secret=SECRET)

    report = reported_at(tmp_path, oidc_provider, client, scopes=["api:read", "never:heard"])

    assert ("scope_narrowed", "auth.scopes", "obtained", "accepted") == first_of(report)
    assert "never:heard is missing" in first(report).sentence


@pytest.mark.diagnoses("lifetime_odd")
def test_milliseconds_read_as_seconds(odd_provider, tmp_path):
    """The unit is guessed, and the template that divides is the fix; it works."""
    client = odd_provider.new_client(client_secret=SECRET, scope="read", ttl=2_592_000)
    where, api = f"{odd_provider.at('expires-ms')}/token", f"{odd_provider.at('expires-ms')}/api"

    report = reported_at(tmp_path, odd_provider, client, token_url=where, api=api, token_response={"expires_in": "{{ response.json.expires_ms }}"})
    mended = reported_at(tmp_path / "mended", odd_provider, client, token_url=where, api=api, token_response={"expires_in": "{{ response.json.expires_ms | int // 1000 }}"})

    assert ("lifetime_odd", "auth.token_response.expires_in", "obtained", "accepted") == first_of(report)
    assert "milliseconds" in first(report).sentence
    assert () == mended.diagnoses


@pytest.mark.diagnoses("clock_skew")
@pytest.mark.parametrize("seconds", [-94, 94])
def test_a_clock_that_is_wrong(oidc_provider, tmp_path, seconds):
    """The server's Date tells it, to a second or two."""
    client = oidc_provider.new_client(client_secret=SECRET)

    report = reported_at(tmp_path, oidc_provider, client, clock=lambda: time.time() + seconds)

    assert "clock_skew" in [found.code for found in report.diagnoses]
    way = "ahead of" if seconds > 0 else "behind"
    assert any(f"{near} s {way} the server" in found.sentence for found in report.diagnoses for near in range(88, 101))
    assert "warning" == stage(report, "token_checks").status

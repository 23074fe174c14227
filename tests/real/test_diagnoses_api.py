"""What APIs that are not ours say, and what "test auth" makes of it: the code, the key to change and its place, the verdict; and that the fix mends it."""

from __future__ import annotations

import pytest

from parts.oidc import JWT_RESOURCE
from probing import first
from reporting import SECRET, WRONG, first_of, points_at, reported, reported_at

BEARER = {"type": "bearer"}
TOKEN = "t0ken-Planted_0123456789.abcdefgh"
PREFIXED = {"in": "header", "key": "Authorization", "value": "Bearer Bearer {{ token.access_token }}"}


def placed(value, key="Authorization", where="header"):
    """A field of a token that is placed by hand."""
    return [{"in": where, "key": key, "value": value}]


@pytest.fixture
def client(oidc_provider):
    return oidc_provider.new_client(client_secret=SECRET)


# ---- refused


@pytest.mark.diagnoses("api_401")
def test_a_token_for_another_audience(oidc_provider, client, tmp_path):
    """A JWT for one API at another one, which looks tokens up: refused, with what the token says of itself; a token for this API is accepted."""
    report = reported_at(tmp_path, oidc_provider, client, resource=JWT_RESOURCE)
    mended = reported_at(tmp_path / "mended", oidc_provider, client)

    assert ("api_401", "obtained", "refused") == (first(report).code, report.token.word, report.credential.word)
    assert 'error="invalid_token"' in first(report).sentence
    assert "auth.resource" in [fix.key for fix in first(report).fixes]
    assert any(f"aud={JWT_RESOURCE}" in line for line in first(report).evidence)
    assert "accepted" == mended.credential.word


@pytest.mark.diagnoses("api_401")
def test_an_opaque_token_where_a_jwt_is_wanted(oidc_provider, client, tmp_path):
    """The twin: express-oauth2-jwt-bearer refuses what is no JWT of its audience, and says that it read it."""
    report = reported_at(tmp_path, oidc_provider, client, api=oidc_provider.jwt_api_url)

    assert ("api_401", "auth.scopes", "obtained", "refused") == first_of(report)


@pytest.mark.diagnoses("api_401")
@pytest.mark.parametrize("server", ["oidc_provider", "raw_basic_provider"])
def test_a_prefix_that_stands_twice(request, tmp_path, server):
    """`Bearer Bearer …` is seen in the request itself, whatever the API says of it; without it the API accepts."""
    provider = request.getfixturevalue(server)
    client = provider.new_client(client_secret=SECRET)

    report = reported_at(tmp_path, provider, client, fields=[PREFIXED])
    mended = reported_at(tmp_path / "mended", provider, client, fields=placed("Bearer {{ token.access_token }}"))

    assert ("api_401", "auth.fields", "obtained", "refused") == first_of(report)
    assert "the prefix `Bearer` stands there twice" in first(report).sentence
    assert "without `Bearer ` in front" in first(report).fixes[0].text
    assert "accepted" == mended.credential.word


@pytest.mark.diagnoses("api_401")
@pytest.mark.parametrize("value", ["Token {{ inputs.token }}", "{{ inputs.token }}"])
def test_another_prefix_than_the_api_wants(httpbin, tmp_path, value):
    """The challenge says Bearer; the fix writes the whole header, and that is accepted."""
    report = reported(tmp_path, {**BEARER, "fields": placed(value)}, servers=[httpbin], given={"token": TOKEN}, test="/bearer", secrets=[TOKEN])
    mended = reported(tmp_path / "mended", BEARER, servers=[httpbin], given={"token": TOKEN}, test="/bearer", secrets=[TOKEN])

    assert ("api_401", "auth.fields", "not_needed", "refused") == first_of(report)
    assert "it asks for `Bearer`" in first(report).sentence
    assert "value: 'Bearer {{ inputs.token }}'" in first(report).fixes[0].text
    assert "accepted" == mended.credential.word


@pytest.mark.diagnoses("api_401")
def test_a_key_in_another_place(nginx, tmp_path):
    """nginx wants the key in a header: in the query it does not see it."""
    auth = {"type": "api_key", "fields": placed("{{ inputs.api_key }}", "api_key", "query")}

    report = reported(tmp_path, auth, servers=[nginx.origin], given={"api_key": SECRET}, test="/header/me.json")

    assert ("api_401", "auth.fields", "not_needed", "refused") == first_of(report)


@pytest.mark.diagnoses("api_401")
def test_a_wrong_password(nginx, tmp_path):
    """No token is concerned; the value is what to supply anew."""
    report = reported(tmp_path, {"type": "basic"}, servers=[nginx.origin], given={"username": "ada", "password": WRONG}, test="/basic/me.json")

    assert ("api_401", "not_needed", "refused") == (first(report).code, report.token.word, report.credential.word)
    assert 'Basic realm="parts"' in first(report).sentence
    assert "inputs.password" == first(report).fixes[0].key


@pytest.mark.diagnoses("api_other_scheme")
@pytest.mark.parametrize(("kind", "path", "offered"), [("basic", "/digest-auth/auth/ada/pw", "Digest"), ("digest", "/basic-auth/ada/pw", "Basic")])
def test_another_scheme_than_the_profiles(httpbin, tmp_path, kind, path, offered):
    """The type is what to change, to what is asked for; with it the API accepts."""
    given = {"username": "ada", "password": "pw-0123456789"}

    report = reported(tmp_path, {"type": kind}, servers=[httpbin], given=given, test=path.replace("pw", given["password"]))
    mended = reported(tmp_path / "mended", {"type": offered.lower()}, servers=[httpbin], given=given, test=path.replace("pw", given["password"]))

    assert ("api_other_scheme", "auth.type", "not_needed", "refused") == first_of(report)
    assert f"it asks for {offered}" in first(report).sentence
    assert "accepted" == mended.credential.word


@pytest.mark.diagnoses("api_rejected")
def test_a_refusal_that_the_profile_describes(odd_provider, tmp_path):
    """An API that says 200 with code 419 to a dead token: `rejected_when` makes it the refusal that it is."""
    rule = [{"when": "{{ response.json.code == 419 }}"}]

    report = reported(tmp_path, {**BEARER, "rejected_when": rule}, servers=[odd_provider.at("expired-200/api")], given={"token": TOKEN}, secrets=[TOKEN])

    assert ("api_rejected", "auth.rejected_when", "not_needed", "refused") == first_of(report)


# ---- forbidden


@pytest.mark.diagnoses("api_403")
def test_a_scope_that_is_lacking(oidc_provider, client, tmp_path):
    """The scope that the API asks for is named and is the fix; with it the API accepts."""
    report = reported_at(tmp_path, oidc_provider, client, scopes=["api:read"], test="/write")
    line = points_at(tmp_path, report)
    mended = reported_at(tmp_path / "mended", oidc_provider, client, scopes=["api:read", "api:write"], test="/write")

    assert ("api_403", "auth.scopes", "obtained", "forbidden") == first_of(report)
    assert "add the scope api:write" == first(report).fixes[0].text
    assert "it asks for api:write" in first(report).sentence
    assert line.startswith('"scopes"')
    assert "accepted" == mended.credential.word


@pytest.mark.diagnoses("api_403")
def test_a_bare_403(django_provider, tmp_path):
    """Without a word it may be anything: a simpler test is the first thing to try."""
    client = django_provider.new_client(client_secret=SECRET, scope="read")

    report = reported_at(tmp_path, django_provider, client, scopes=["read"], test="/write")

    assert ("api_403", "obtained", "forbidden") == (first(report).code, report.token.word, report.credential.word)


@pytest.mark.diagnoses("api_403")
def test_a_403_in_the_words_of_an_expired_token(odd_provider, tmp_path):
    """Some APIs say 403 for a token that ended: the fix is the rule that renews it, and with it the answer is a refusal."""
    servers = [odd_provider.at("expired-403/api")]

    report = reported(tmp_path, BEARER, servers=servers, given={"token": TOKEN}, secrets=[TOKEN])
    ruled = reported(tmp_path / "mended", {**BEARER, "rejected_when": [{"status": [403]}]}, servers=servers, given={"token": TOKEN}, secrets=[TOKEN])

    assert ("api_403", "auth.rejected_when", "not_needed", "forbidden") == first_of(report)
    assert "expired" in first(report).sentence
    assert ("api_rejected", "refused") == (first(ruled).code, ruled.credential.word)


# ---- not judged


STATUSES = [
    ("api_400", "/status/400", "test.request.fields"),
    ("api_404", "/status/404", "test.request.url"),
    ("api_404", "/status/410", "test.request.url"),
    ("api_405", "/post", "test.request.method"),
    ("api_415", "/status/415", "test.request.encoding"),
    ("api_429", "/status/429", ""),
    ("api_5xx", "/status/500", ""),
    ("api_5xx", "/status/503", ""),
    ("api_status", "/status/418", "test.request.url"),
    ("api_html", "/html", "test.request.url"),
    ("api_redirect", "/redirect-to?url=https://api.example.com/v2/me", "test.request.url"),
    ("api_redirect", "/redirect-to?url=https://login.example.com/sign-in", "servers"),
]


@pytest.mark.diagnoses("api_400", "api_404", "api_405", "api_415", "api_429", "api_5xx", "api_status", "api_html", "api_redirect")
@pytest.mark.parametrize(("code", "path", "key"), STATUSES)
def test_an_answer_that_does_not_judge(httpbin, tmp_path, code, path, key):
    """A wrong test call, an outage, a limit, a page, a redirect: inconclusive, never refused, and the credential is not blamed."""
    report = reported(tmp_path, BEARER, servers=[httpbin], given={"token": TOKEN}, test=path, secrets=[TOKEN])

    assert (code, key, "not_needed", "inconclusive") == first_of(report)
    if code in ("api_400", "api_404", "api_405", "api_415"):
        assert first(report).sentence.startswith("Authentication looks accepted; the test call itself is wrong")


@pytest.mark.diagnoses("api_404")
def test_a_path_that_the_api_does_not_have(oidc_provider, client, tmp_path):
    """The token was good enough to be told that there is nothing."""
    report = reported_at(tmp_path, oidc_provider, client, test="/nowhere")

    assert ("api_404", "test.request.url", "obtained", "inconclusive") == first_of(report)
    assert points_at(tmp_path, report).startswith('"url"')


@pytest.mark.diagnoses("api_error_in_200")
def test_a_success_whose_body_says_no(odd_provider, tmp_path):
    """Status 200 with an error in the body proves nothing; written as the fix says, it is not accepted."""
    servers = [odd_provider.at("expired-200/api")]

    report = reported(tmp_path, BEARER, servers=servers, given={"token": TOKEN}, secrets=[TOKEN])
    test = {"request": {"url": "/me"}, "accepted_when": [{"status": [200], "when": "{{ not response.json.error }}"}]}
    mended = reported(tmp_path / "mended", BEARER, servers=servers, given={"token": TOKEN}, secrets=[TOKEN], test=test)

    assert ("api_error_in_200", "test.accepted_when", "not_needed", "inconclusive") == first_of(report)
    assert test["accepted_when"][0]["when"] in first(report).fixes[0].text
    assert ("api_not_accepted", "refused") == (first(mended).code, mended.credential.word)


def test_a_success_whose_error_is_null_is_one(odd_provider, tmp_path):
    """The twin: `error: null` is no error."""
    client = odd_provider.new_client(client_secret=SECRET, scope="read")

    report = reported_at(tmp_path, odd_provider, client)

    assert ("accepted", ()) == (report.credential.word, report.diagnoses)


@pytest.mark.diagnoses("api_not_accepted")
def test_an_answer_that_the_test_does_not_take(httpbin, tmp_path):
    """`accepted_when` decides, and is what to change."""
    test = {"request": {"url": "/json"}, "accepted_when": [{"when": "{{ response.json.user == 'ada' }}"}]}

    report = reported(tmp_path, BEARER, servers=[httpbin], given={"token": TOKEN}, secrets=[TOKEN], test=test)

    assert ("api_not_accepted", "test.accepted_when", "not_needed", "refused") == first_of(report)

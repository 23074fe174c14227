"""Where a case can tell which cause holds, the fix that fits comes first and says exactly what to write. Over sockets, with the twin that it is not said of."""

import base64
import json
import time
from email.utils import formatdate

import pytest

from authorizing import AuthorizationServer
from authweave.probe import test_profile as probe_profile
from probing import GOOD, SECRET, TOKEN, between, first, oauth, refuse_leaks, report_of, run, says_json, written
from services import INPUTS as ROBOT
from services import Api, Reply, engine, profile, says, serving
from sockets import answers

UNAUTHORIZED = answers(401, ("WWW-Authenticate", 'Bearer realm="x", error="invalid_token"'), body=b"")


def error(word, description="no", status=400, **more):
    return says_json({"error": word, "error_description": description, **more}, status)


def jwt(**claims):
    """A JWT of these claims, signed by nobody."""
    parts = [{"alg": "none"}, claims]
    return ".".join([*(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts), "c2lnbmF0dXJl"])


def fix_of(report):
    """Key and words of the first fix."""
    return first(report).fixes[0].key, first(report).fixes[0].text


# ---- what the server's metadata say


@pytest.fixture
def server():
    with serving(AuthorizationServer(clients={"robot": ROBOT["client_secret"]})) as made:
        yield made


def refused_by(server, word, *, metadata, status=400, **auth):
    """A run at a server with metadata whose token endpoint says this word."""
    server.metadata |= metadata
    server.replies["/token"] = says({"error": word}, status)
    made = {"type": "oauth2", "grant_type": "client_credentials", "issuer": server.issuer, **auth}
    with serving(Api()) as api:
        report = probe_profile(engine(inputs=ROBOT), profile(made, api.url, test={"request": {"url": "/me"}}))
    return next(found for found in report.diagnoses if found.code == word)


def test_a_client_authentication_that_is_not_listed(server):
    """The listed one is what to write."""
    found = refused_by(server, "invalid_client", metadata={"token_endpoint_auth_methods_supported": ["client_secret_post"]}, status=401)

    assert ("auth.client_auth", True) == (found.fixes[0].key, found.fixes[0].text.startswith("write `client_secret_post`"))


def test_a_client_authentication_that_is_listed(server):
    """The twin: then it is the secret."""
    found = refused_by(server, "invalid_client", metadata={"token_endpoint_auth_methods_supported": ["client_secret_basic"]}, status=401)

    assert "auth.client_secret" == found.fixes[0].key


@pytest.mark.parametrize(
    ("scopes", "says_"), [(["read", "wirte"], "write `write` in the place of `wirte`"), (["read", "everything"], "leave out `everything`")]
)  # fmt: skip
def test_a_scope_that_is_not_listed(server, scopes, says_):
    """The nearest that is, or none; what there is stands in the sentence."""
    found = refused_by(server, "invalid_scope", metadata={"scopes_supported": ["read", "write"]}, scopes=scopes)

    assert says_ in found.fixes[0].text
    assert "list read, write" in found.sentence


def test_a_grant_that_is_not_listed(server):
    """The listed ones are named."""
    found = refused_by(server, "unsupported_grant_type", metadata={"grant_types_supported": ["authorization_code", "refresh_token"]})

    assert "list authorization_code, refresh_token" in found.sentence
    assert "write one of authorization_code, refresh_token" in [fix.text for fix in found.fixes]


@pytest.mark.parametrize("reply", [Reply(404, b"no"), Reply(405, b""), Reply(200, b"<html><title>Sign in</title></html>", (("Content-Type", "text/html"),)), Reply(302, b"", (("Location", "/login"),))])
def test_a_url_that_is_not_the_endpoint(server, reply):
    """With `issuer` written, its metadata are asked for, without credentials, and the endpoint that they name is what to write."""
    server.replies["/nowhere"] = reply
    made = {"type": "oauth2", "grant_type": "client_credentials", "issuer": server.issuer, "token_url": f"{server.url}/nowhere"}
    report = probe_profile(engine(inputs=ROBOT), profile(made, "https://api.example.com", test="token_only"))

    assert ("auth.token_url", True) == (first(report).fixes[0].key, f"{server.url}/token" in first(report).fixes[0].text)
    assert 0 == server.counts["/token"]


# ---- what stands in the request


@pytest.mark.parametrize(
    ("description", "key", "words"),
    [
        ("Missing required parameter: audience", "auth.token_request.fields", "key: audience"),
        ("The parameter 'resource' is required", "auth.token_request.fields", "key: resource"),
        ("missing required parameter(s) (account_id)", "auth.token_request.fields", "key: account_id"),
        ("client_id is missing", "auth.client_auth", "client_secret_post"),
        ("the request is not well formed", "auth.token_request.fields", "add what the server names"),
    ],
)
def test_a_parameter_that_the_server_names(tmp_path, description, key, words):
    """It is written into the fix; words that name none are not read as if they did."""
    report = report_of(tmp_path, error("invalid_request", description))

    assert (key, True) == (fix_of(report)[0], words in fix_of(report)[1])


# ---- redirects


REDIRECTS = [
    ("/oauth/token/", "/oauth/token/", "only the slash"),
    ("/v2/token", "/v2/token", ""),
    ("https://elsewhere.example/login", "elsewhere.example", "another host (elsewhere.example)"),
    ("/login?next=1", "signing in", "(sign-in)"),
]


@pytest.mark.parametrize(("location", "words", "why"), REDIRECTS)
def test_where_a_redirect_leads(tmp_path, location, words, why):
    """The URL to write, where it is safe to say; a page for people is told as one, its query never."""
    report = report_of(tmp_path, answers(302, ("Location", location), body=b""))

    assert ("redirect_to_login", "auth.token_url") == (first(report).code, fix_of(report)[0])
    assert words in fix_of(report)[1]
    assert why in first(report).sentence
    assert "next=1" not in repr(report.diagnoses)


# ---- odd answers


def test_a_near_match_in_a_form(tmp_path):
    """The template reads the form, not JSON."""
    report = report_of(tmp_path, answers(200, ("Content-Type", "application/x-www-form-urlencoded"), body=f"accessToken={TOKEN}&expires=60".encode()))

    assert ("auth.token_response.access_token", "write '{{ response.form.accessToken }}'") == fix_of(report)


@pytest.mark.parametrize(("lifetime", "key"), [("2031-01-02T03:04:05Z", "auth.token_response.expires_at"), ("soon", "auth.token_response.expires_in")])
def test_a_lifetime_in_words(tmp_path, lifetime, key):
    """A point in time has a key of its own."""
    report = report_of(tmp_path, says_json({**GOOD, "expires_in": lifetime}))

    assert ("lifetime_odd", key) == (first(report).code, fix_of(report)[0])


def test_a_server_that_says_one_word_and_means_another(tmp_path):
    """oidc-provider says invalid_request where the client may not use the grant."""
    report = report_of(tmp_path, error("invalid_request", "requested grant type is not allowed for this client"))

    assert ("unauthorized_client", "auth.grant_type") == (first(report).code, fix_of(report)[0])


# ---- what the token says


def at_api(folder, token, api=UNAUTHORIZED, **auth):
    """A run with this token, which the API refuses."""
    return report_of(folder, says_json({**GOOD, "access_token": token}), api, auth=auth)


def dated(seconds):
    """A 401 by a clock that is so much ahead."""
    return answers(401, ("Date", formatdate(time.time() + seconds, usegmt=True)), body=b"")


def test_an_id_token_in_the_place_of_an_access_token(tmp_path):
    """Its audience is the client; where the profile reads it so, that reading is what to change."""
    token = jwt(aud="my-client", nonce="n", sub="ada", iat=1_700_000_000)
    report = at_api(tmp_path, token, token_response={"access_token": "{{ response.json.access_token }}"})

    assert "id token" in first(report).sentence
    assert "auth.token_response.access_token" == fix_of(report)[0]
    refuse_leaks(report, token)


def test_an_access_token_for_the_client_is_none(tmp_path):
    """The twin: with a scope it is an access token, whatever its audience."""
    report = at_api(tmp_path, jwt(aud="my-client", scope="read", sub="ada"))

    assert "id token" not in first(report).sentence


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"nbf": 600}, "is not valid yet; it begins in"),
        ({"exp": -600}, "ended"),
        ({"nbf": -60, "exp": 600}, ""),
    ],
)
def test_when_a_token_is_good(tmp_path, claims, words):
    """By the API's own clock, which decides."""
    report = at_api(tmp_path, jwt(**{name: time.time() + value for name, value in claims.items()}), dated(0))

    assert words in first(report).sentence
    assert bool(words) == ("by the API's clock" in first(report).sentence)


def test_words_of_an_audience(tmp_path):
    """The API speaks of the audience: the token's own is said, and `auth.audience` is what to write."""
    refusal = answers(401, ("WWW-Authenticate", 'Bearer error="invalid_token", error_description="invalid audience"'), body=b"")
    report = at_api(tmp_path, jwt(aud="https://other.example", scope="read"), refusal)

    assert ("auth.audience", True) == (fix_of(report)[0], "https://other.example" in fix_of(report)[1])


@pytest.mark.parametrize(
    ("body", "words"),
    [({"message": "Missing API key: send the header X-Api-Key"}, "key: X-Api-Key"), ({"message": "No authorization token was found"}, "it says that nothing came")],
)
def test_an_api_that_saw_nothing(tmp_path, body, words):
    """Something was sent, and the API says that nothing came: the place is wrong, and sometimes it names the right one."""
    report = report_of(tmp_path, api=says_json(body, 401))

    assert ("api_401", "auth.fields") == (first(report).code, fix_of(report)[0])
    assert words in fix_of(report)[1]


@pytest.mark.parametrize("status", [400, 401])
def test_a_prefix_that_stands_twice(tmp_path, status):
    """Whatever the status is."""
    fields = [{"in": "header", "key": "Authorization", "value": "Bearer Bearer {{ token.access_token }}"}]
    report = report_of(tmp_path, api=answers(status, body=b""), auth={"fields": fields})

    assert ("api_401", "refused", "auth.fields") == (first(report).code, report.credential.word, fix_of(report)[0])
    assert "`Bearer` stands there twice" in first(report).sentence


def test_an_api_that_offers_both_kinds_of_token(tmp_path):
    """Bearer and DPoP in one challenge: the kind is not what is wrong (RFC 9449 §7.2)."""
    report = report_of(tmp_path, api=answers(401, ("WWW-Authenticate", 'Bearer realm="x"'), ("WWW-Authenticate", 'DPoP algs="ES256"'), body=b""))

    assert "auth.dpop" != fix_of(report)[0]


@pytest.mark.parametrize(("remaining", "code"), [("0", "api_429"), ("17", "api_403")])
def test_a_limit_that_says_403(tmp_path, remaining, code):
    """GitHub's way to say that the hour's requests are used up."""
    report = report_of(tmp_path, api=answers(403, ("X-RateLimit-Remaining", remaining), body=b""))

    assert code == first(report).code


SUCCESSES = [
    ({"ok": False, "error": "nope"}, "api_error_in_200"),
    ({"success": False}, "api_error_in_200"),
    ({"error": {"code": 7}}, "api_error_in_200"),
    ({"errors": [{"message": "no"}]}, "api_error_in_200"),
    ({"errors": [{"message": "part"}], "data": {"me": 1}}, ""),
    ({"ok": True, "error": None}, ""),
    ({"error": ""}, ""),
    ({"errors": []}, ""),
    ([{"error": "in a list"}], ""),
]


@pytest.mark.parametrize(("body", "code"), SUCCESSES)
def test_a_success_that_is_none(tmp_path, body, code):
    """Only where the body itself says no."""
    report = report_of(tmp_path, api=says_json(body))

    assert ([code] if code else []) == [found.code for found in report.diagnoses]


def test_what_an_api_says_is_quoted_without_secrets(tmp_path):
    """The words of its answer are evidence; what it echoes of the credential is masked."""
    report = report_of(tmp_path, api=says_json({"error": {"message": f"the token {TOKEN} of {SECRET} is wrong", "code": 17}}, 401))

    assert any(line.startswith("the answer says") and "code: 17" in line for line in first(report).evidence)
    assert TOKEN not in repr(report)
    assert SECRET not in repr(report)


def test_a_person_behind_a_word(tmp_path):
    """Entra says invalid_grant, and means that a second factor is wanted."""
    report = report_of(tmp_path, error("invalid_grant", "AADSTS50076: you must use multi-factor authentication"))

    assert ("needs_person", "auth.grant_type", "refused") == (first(report).code, fix_of(report)[0], report.token.word)
    assert "AADSTS50076" in first(report).sentence


def test_a_word_of_an_api_at_the_token_server(tmp_path):
    """A vendor's word of an API is not looked for at the token server."""
    with between(error("INVALID_SESSION_ID", "x", 400, errorCode="INVALID_SESSION_ID")) as (identity, api):
        report = run(written(tmp_path, oauth(f"{identity.url}t"), servers=[api.url]))

    assert "token_error" == first(report).code


def test_a_store_that_is_shared_is_named_for_refreshes_only(tmp_path):
    """The first grant of a client has nothing that another process could have used."""
    report = report_of(tmp_path, error("invalid_grant"))

    assert "settings: store" not in [fix.key for fix in first(report).fixes]

"""Where a case can tell which cause holds, the fix that fits comes first and says exactly what to write. Over sockets, with the twin that it is not said of."""

import base64
import json
import shlex
import time
from email.utils import formatdate

import pytest

from authorizing import AuthorizationServer
from authweave.engine import Engine
from authweave.probe import test_profile as probe_profile
from authweave.settings import Settings
from certificates import Authority, self_signed, server_context
from commands import apart
from probing import GOOD, SECRET, TOKEN, between, first, oauth, refuse_leaks, report_of, run, says_json, wire, written
from services import INPUTS as ROBOT
from services import Api, Reply, engine, profile, says, serving
from sockets import Server, answers

pytestmark = pytest.mark.thorough

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


PLAIN = {"client_id": "my-client", "client_secret": "plain-secret-0123456789"}
HEADER = "client_id and client_secret in the authorization header are not properly encoded"


@pytest.mark.parametrize(
    ("inputs", "description", "key", "words"),
    [
        ({**PLAIN, "client_secret": SECRET}, HEADER, "auth.basic_encoding", "write `raw`"),
        (PLAIN, HEADER, "auth.client_auth", "write `client_secret_post`"),
        ({**PLAIN, "client_secret": "plain-secret-0123456789\n"}, HEADER, "inputs.client_secret", "line ends stand around it"),
        ({**PLAIN, "client_secret": "plain-secret\t0123456789"}, HEADER, "auth.basic_encoding", "they hold a tab"),
        ({**PLAIN, "client_secret": "plain-secret-0123456789\n"}, "audience is required", "auth.token_request.fields", "key: audience"),
        (PLAIN, "Content-Type must be application/json", "auth.token_request.encoding", "write `json`"),
    ],
)
def test_a_request_that_the_server_cannot_read(tmp_path, inputs, description, key, words):
    """Its words say which part: the Basic header, a value of ours, the form; a parameter that it names goes before what looks odd."""
    report = report_of(tmp_path, error("invalid_request", description), inputs=inputs)

    assert (key, True) == (fix_of(report)[0], words in fix_of(report)[1])


@pytest.mark.parametrize(("auth", "key"), [({}, "auth.token_request.encoding"), ({"token_request": {"encoding": "json"}}, "auth.token_request.fields")])
def test_a_form_that_is_no_media_type_here(tmp_path, auth, key):
    """415 is about the form that was sent; where JSON was, it is about something else."""
    report = report_of(tmp_path, says_json({"message": "Unsupported Media Type"}, 415), auth=auth)

    assert ("token_status", key) == (first(report).code, fix_of(report)[0])


@pytest.mark.parametrize(("description", "key"), [("scope must be comma separated", "auth.scope_separator"), ("no such scope", "auth.scopes")])
def test_a_server_that_speaks_of_commas(tmp_path, description, key):
    """Then it is the separator, not the scopes."""
    report = report_of(tmp_path, error("invalid_scope", description))

    assert ("invalid_scope", key) == (first(report).code, fix_of(report)[0])


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


KEY = "k3y-Planted_0123456789abcdef"
CHALLENGES = [
    ({"type": "basic"}, {"username": "ada", "password": KEY}, 'Basic realm="x"', "inputs.password", "supply the present value"),
    ({"type": "bearer"}, {"token": KEY}, 'Bearer realm="x"', "inputs.token", "supply the present value"),
    ({"type": "bearer"}, {"token": KEY}, 'Token realm="x"', "auth.fields", "value: 'Token {{ inputs.token }}'"),
    ({"type": "bearer"}, {"token": KEY}, 'Basic realm="x"', "auth.type", "write `basic`"),
    ({"type": "api_key", "fields": [{"in": "header", "key": "Authorization", "value": "Token {{ inputs.api_key }}"}]}, {"api_key": KEY}, 'Bearer realm="x"', "auth.fields", "value: 'Bearer {{ inputs.api_key }}'"),
    ({"type": "api_key", "fields": [{"in": "header", "key": "X-Key", "value": "{{ inputs.api_key }}"}]}, {"api_key": KEY}, 'Bearer realm="x"', "auth.fields", "is it the header"),
]


@pytest.mark.parametrize(("auth", "given", "challenge", "key", "words"), CHALLENGES)
def test_what_a_challenge_says_of_a_supplied_credential(tmp_path, auth, given, challenge, key, words):
    """Where it asks for what was sent, the value is wrong; where it asks for another word or type, that is what to write, in full."""
    with Server(answers(401, ("WWW-Authenticate", challenge), body=b"")) as api:
        report = run(written(tmp_path, auth, servers=[api.url.rstrip("/")]), inputs=given)

    assert (key, True) == (fix_of(report)[0], words in fix_of(report)[1]), first(report).fixes
    assert ("api_401", "no") == (first(report).code, first(report).retry)
    refuse_leaks(report, KEY)


def test_no_renewal_is_spoken_of_where_nothing_is_renewed(tmp_path):
    """The twin: a token is."""
    assert "renewing was tried" in first(report_of(tmp_path, api=UNAUTHORIZED)).retry


@pytest.mark.parametrize("token", [f"Bearer {KEY}", f'"{KEY}"', f"{KEY} {KEY}"])
def test_a_token_with_more_than_a_token_in_it(tmp_path, token):
    """What a Bearer header cannot carry is the value's own fault: it is what to supply otherwise."""
    report = run(written(tmp_path, {"type": "bearer"}), inputs={"token": token})

    assert ("placement", "inputs.token", True) == (first(report).code, fix_of(report)[0], fix_of(report)[1].startswith("supply the token alone"))
    refuse_leaks(report, KEY)


@pytest.mark.parametrize(
    ("message", "code"),
    [("The Authorization header is malformed", "api_401"), ("API key not valid", "api_401"), ("Missing required parameter: authorization_id", "api_400"), ("version is required", "api_400")],
)
def test_a_400_that_speaks_of_the_credential(tmp_path, message, code):
    """Some say 400 to a credential that they cannot read: then it is not accepted, whatever the number."""
    report = report_of(tmp_path, api=says_json({"message": message}, 400))

    assert code == first(report).code
    assert ("accepted" in first(report).sentence) is (code == "api_400")


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


# ---- what is missing, and where a setting comes from


def test_every_input_that_is_missing_has_its_fix(tmp_path):
    """Each with where it is looked for; the option is named for those that are not secret."""
    path = written(tmp_path, oauth("https://{{ inputs.tenant }}.acme.invalid/t"), inputs={"tenant": {}})
    with Engine(settings=Settings.load({"sources": ["environment"]}, {}, tmp_path)) as made:
        fixes = {fix.key: fix.text for fix in first(probe_profile(made, path)).fixes}

    assert {"inputs.tenant", "inputs.client_id", "inputs.client_secret"} == set(fixes)
    assert "`--input tenant=…`" in fixes["inputs.tenant"]
    assert "--input" not in fixes["inputs.client_secret"]


def test_an_option_that_was_looked_at_is_named_once(tmp_path):
    """As the source that it is, not as another way beside it."""
    path = written(tmp_path, oauth("https://{{ inputs.tenant }}.acme.invalid/t"), inputs={"tenant": {}})

    done = apart("test", path, "--no-compare", "--input", "tenant=")

    assert "supply it: --input tenant=VALUE" in " ".join(done.out.split())
    assert "tenant=VALUE, or" not in " ".join(done.out.split())


def test_a_setting_that_is_not_set_says_how_to_set_it(tmp_path):
    """The variable stands where the place of a key would."""
    report = report_of(tmp_path, answers(403, body=b"blocked"))

    assert ("settings: proxy", "default; AUTHWEAVE_PROXY sets it") == (first(report).fixes[0].key, first(report).fixes[0].place)


def test_an_authority_that_cannot_be_read(tmp_path):
    """The setting is the fix, with where it was named."""
    settings = Settings.load({}, {"AUTHWEAVE_CA": "/nowhere/ca.pem"}, tmp_path)
    with Server(UNAUTHORIZED, tls=server_context(self_signed("127.0.0.1"))) as api, Engine(inputs={"token": KEY}, settings=settings) as made:
        report = probe_profile(made, written(tmp_path, {"type": "bearer"}, servers=[api.url.rstrip("/")]))

    assert ("not_applied", "settings: ca", "AUTHWEAVE_CA") == (first(report).code, first(report).fixes[0].key, first(report).fixes[0].place)


def test_a_question_ends_with_its_own_mark(tmp_path):
    """No full stop behind it, also in the middle of what is said."""
    authority = Authority()
    report = report_of(tmp_path, tls=server_context(authority.issue("other.example")), wire_=wire(ca=authority.pem))

    assert ("tls_name_mismatch", True) == (first(report).code, "right? Credentials" in first(report).sentence)


# ---- commands that run as they stand


def test_the_command_that_repeats_a_run_says_where_its_secret_was(tmp_path):
    """Run as it stands it finds the secret again; the secret itself is not in it."""
    (tmp_path / "sec ret.txt").write_text(SECRET + "\n")
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "acme.client_secret").write_text(SECRET + "\n")
    (tmp_path / ".env").write_text("AUTHWEAVE_ACME_CLIENT_ID=my-client\n")
    with between() as (identity, api):
        path = written(tmp_path, oauth(f"{identity.url}t"), servers=[api.url.rstrip("/")])
        for options in (["--input-file", f"client_secret={tmp_path}/sec ret.txt"], ["--secrets-dir", f"{tmp_path}/given"]):
            done = apart("test", path, "--no-compare", "--dotenv", f"{tmp_path}/.env", "--deadline", "30", *options, "--format", "json")
            command = json.loads(done.out)["again"]
            again = apart(*shlex.split(command)[1:])

            assert (0, 0) == (done.code, again.code), again.out
            assert SECRET not in command


def test_the_command_that_signs_in_names_the_file(tmp_path):
    """A profile in no folder is not found by its name."""
    auth = {"type": "oauth2", "grant_type": "authorization_code", "authorization_url": "http://127.0.0.1:9/a", "token_url": "http://127.0.0.1:9/t", "redirect_uri": "http://127.0.0.1:8912/callback"}
    path = written(tmp_path, auth)

    named = first(run(path, subject="ada"))
    unnamed = first(run(path))

    assert f"authweave login {path} --subject ada" in named.sentence
    assert ("secret_unresolved", "subject", True) == (unnamed.code, unnamed.fixes[0].key, unnamed.sentence.startswith("Nobody is named"))

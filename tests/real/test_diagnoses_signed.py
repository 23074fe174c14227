"""Diagnoses of signed requests, assertions, bound tokens, logins and metadata, at servers that judge by code of their own."""

from __future__ import annotations

import json
import time
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest

import signing
from authweave.probe import test_profile as probe
from diagnosed import diagnosed
from parts.moto import Moto
from parts.oauth1 import OAuth1Provider
from probing import ACCEPTS, GOOD, SECRET, engine_of, first, refuse_leaks, report_of, run, stage, written
from sockets import Server, answers, close, free_port, http

# ---- AWS


def form(**fields):
    """A check that posts a form."""
    return {"request": {"method": "POST", "url": "/", "fields": [{"in": "payload", "key": key, "value": value} for key, value in fields.items()]}}


WHO_AM_I = form(Action="GetCallerIdentity", Version="2011-06-15")
QUEUES = form(Action="ListQueues", Version="2012-11-05")


def at_aws(folder, origin, keys, *, service="sts", test=WHO_AM_I, clock=None, **auth):
    """A run of a profile that signs for AWS; its secret is in no output."""
    path = written(folder, {"type": "aws_sigv4", "service": service, "region": "us-east-1", **auth}, servers=[origin], test=test)
    report = run(path, inputs=keys, clock=clock)
    refuse_leaks(report, keys["secret_access_key"], *([keys["session_token"]] if keys.get("session_token") else []))
    return report


def keys_of(moto, **other):
    return {"access_key_id": moto.access_key_id, "secret_access_key": moto.secret_access_key, **other}


def test_moto_accepts_what_is_right(tmp_path, moto: Moto):
    """The twin: the user's own keys."""
    report = at_aws(tmp_path, moto.origin, keys_of(moto))

    assert ((), "accepted") == (report.diagnoses, report.credential.word)


@pytest.mark.diagnoses("aws_signature")
def test_moto_computes_another_signature(tmp_path, moto: Moto):
    """Another secret under the same access key."""
    report = at_aws(tmp_path, moto.origin, keys_of(moto, secret_access_key="another-planted-s3cr3t"))

    diagnosed(report, "aws_signature", "auth.secret_access_key", credential="refused", says="another signature", retry="no")


@pytest.mark.diagnoses("aws_access_key")
def test_moto_does_not_know_the_key(tmp_path, moto: Moto):
    """An access key of nobody."""
    report = at_aws(tmp_path, moto.origin, keys_of(moto, access_key_id="AKIAUNKNOWN0000000"))

    diagnosed(report, "aws_access_key", "auth.access_key_id", credential="refused", retry="no")


@pytest.mark.diagnoses("aws_denied")
def test_motos_policy_forbids(tmp_path, moto: Moto):
    """The user's keys are good, and may not list queues."""
    report = at_aws(tmp_path, moto.origin, keys_of(moto), service="sqs", test=QUEUES)

    diagnosed(report, "aws_denied", "test.request.url", credential="forbidden", says="no policy allows it", retry="no")


def of_role(moto, folder):
    """The temporary keys that moto gives for its role."""
    folder.mkdir(exist_ok=True)
    path = written(folder, {"type": "aws_sigv4", "service": "sqs", "region": "us-east-1", "role_arn": moto.role_arn, "token_url": f"{moto.origin}/"}, servers=[moto.origin])
    with engine_of(keys_of(moto)) as engine:
        token = engine.connect(path).token().result(20)
    found = {**token.kept, "session_token": token.access_token}
    return {name: value.reveal() if hasattr(value, "reveal") else value for name, value in found.items()}


@pytest.mark.diagnoses("aws_denied")
def test_moto_does_not_let_the_role_be_taken(tmp_path, moto: Moto):
    """The role's own keys may not take it once more: STS says no, and the API is not called."""
    path = written(
        tmp_path, {"type": "aws_sigv4", "service": "sqs", "region": "us-east-1", "role_arn": moto.role_arn, "token_url": f"{moto.origin}/"},
        servers=[moto.origin], test=QUEUES,
    )  # fmt: skip
    report = run(path, inputs=of_role(moto, tmp_path / "elsewhere"))

    diagnosed(report, "aws_denied", "auth.role_arn", token="inconclusive", credential="not_tested")


@pytest.mark.diagnoses("aws_session_token")
def test_moto_refuses_another_session_token(tmp_path, moto: Moto):
    """The keys of a role with the session token of somebody else."""
    report = at_aws(tmp_path, moto.origin, {**of_role(moto, tmp_path), "session_token": "planted-session-token-of-others"}, service="sqs", test=QUEUES)

    diagnosed(report, "aws_session_token", "auth.session_token", credential="refused", retry="no")


# ---- OAuth 1.0


def at_oauth1(folder, provider, client, *, clock=None, consumer_key="", **other):
    """A run of a profile that signs by OAuth 1.0; no secret of it is in any output."""
    auth = {"type": "oauth1", **other.pop("auth", {})}
    inputs = {"consumer_key": consumer_key or client.client_id, "consumer_secret": client.client_secret, "token": "tok-planted-1", "token_secret": "ts-planted-1", **other}
    path = written(folder, auth, servers=[provider.origin], test={"request": {"url": "/api/me"}})
    report = run(path, inputs=inputs, clock=clock)
    refuse_leaks(report, *(value for name, value in inputs.items() if name.endswith("secret") and len(value) > 6))
    return report


@pytest.fixture
def consumer(oauth1_provider: OAuth1Provider):
    return oauth1_provider.new_client(token="tok-planted-1", token_secret="ts-planted-1")


SAID_BY_AWS = [
    ("aws_scope", "InvalidSignatureException", "Credential should be scoped to a valid region.", "auth.region"),
    ("aws_scope", "AuthorizationHeaderMalformed", "The authorization header is malformed; the region 'us-east-1' is wrong; expecting 'eu-west-1'", "auth.region"),
    ("aws_clock", "RequestTimeTooSkewed", "The difference between the request time and the current time is too large.", "auth.type"),
    ("aws_clock", "InvalidSignatureException", "Signature expired: 20240101T000000Z is now earlier than 20240101T001000Z", "auth.type"),
    ("aws_session_token", "ExpiredToken", "The security token included in the request is expired", "auth.session_token"),
]


@pytest.mark.diagnoses("aws_scope", "aws_clock", "aws_session_token")
@pytest.mark.parametrize(("code", "word", "message", "key"), SAID_BY_AWS)
def test_what_moto_does_not_look_at(tmp_path, code, word, message, key):
    """Scope and time, in the words that AWS's reference of common errors has: one word for several causes, told by its message."""
    body = f"<ErrorResponse><Error><Code>{word}</Code><Message>{message}</Message></Error></ErrorResponse>".encode()
    with Server(answers(403, ("Content-Type", "text/xml"), ("Date", LONG_AGO), body=body)) as aws:
        keys = {"access_key_id": "AKIDEXAMPLE", "secret_access_key": "planted-s3cr3t-of-aws"}
        report = at_aws(tmp_path, aws.url.rstrip("/"), keys, clock=lambda: 1_700_000_000 + 1200)

    told = diagnosed(report, code, key, credential="refused", retry="yes, with the right time" if code == "aws_clock" else "no")
    assert ("1200 s ahead of AWS's" in told.sentence) is (code == "aws_clock")


LONG_AGO = "Tue, 14 Nov 2023 22:13:20 GMT"  # 1,700,000,000


# ---- OAuth 1.0 at oauthlib


def test_oauthlib_accepts_what_is_right(tmp_path, oauth1_provider, consumer):
    """The twin."""
    report = at_oauth1(tmp_path, oauth1_provider, consumer)

    assert ((), "accepted") == (report.diagnoses, report.credential.word)


@pytest.mark.diagnoses("oauth1_signature", "oauth1_consumer", "oauth1_token")
@pytest.mark.parametrize(
    ("code", "other", "key"),
    [
        ("oauth1_signature", {"consumer_secret": "another-planted-s3cr3t"}, "auth.consumer_secret"),
        ("oauth1_consumer", {"consumer_key": "nobody-at-all"}, "auth.consumer_key"),
        ("oauth1_token", {"token": "another-planted-token"}, "auth.token"),
    ],
)
def test_oauthlib_tells_what_does_not_fit(tmp_path, oauth1_provider, consumer, code, other, key):
    """Another secret, another consumer, another token: oauthlib says which of them it was."""
    report = at_oauth1(tmp_path, oauth1_provider, consumer, **other)

    diagnosed(report, code, key, credential="refused", retry="no")


@pytest.mark.diagnoses("oauth1_timestamp")
@pytest.mark.parametrize("seconds", [-7200, 7200])
def test_oauthlib_does_not_take_the_time(tmp_path, oauth1_provider, consumer, seconds):
    """It does not say why; its Date and the time that was signed do."""
    report = at_oauth1(tmp_path, oauth1_provider, consumer, clock=lambda: time.time() + seconds)

    told = diagnosed(report, "oauth1_timestamp", "auth.type", credential="refused", retry="yes, with the right time")
    assert ("ahead of its own" if seconds > 0 else "behind its own") in told.sentence


@pytest.mark.diagnoses("oauth1_refused")
def test_oauthlib_wants_a_realm(tmp_path, oauth1_provider):
    """A word that is in no list: what may be wrong is offered, the realm first because it was named."""
    client = oauth1_provider.new_client(realm="1234567_SB1", token="tok-planted-1", token_secret="ts-planted-1")
    report = at_oauth1(tmp_path, oauth1_provider, client)

    diagnosed(report, "oauth1_refused", "auth.realm", credential="refused", retry="no")


@pytest.mark.diagnoses("oauth1_nonce", "oauth1_timestamp", "oauth1_token", "oauth1_consumer", "oauth1_signature", "oauth1_refused")
@pytest.mark.parametrize(
    ("problem", "code", "key"),
    [
        ("nonce_used", "oauth1_nonce", "servers"), ("timestamp_refused", "oauth1_timestamp", "auth.type"), ("token_rejected", "oauth1_token", "auth.token"),
        ("consumer_key_refused", "oauth1_consumer", "auth.consumer_key"), ("signature_invalid", "oauth1_signature", "auth.consumer_secret"), ("", "oauth1_refused", "auth.consumer_secret"),
    ],
)  # fmt: skip
def test_words_of_the_problem_reporting_extension(tmp_path, problem, code, key):
    """As Yahoo's and others' servers say them, in body or challenge; and no word at all."""
    body = f"oauth_problem={problem}".encode() if problem else b""
    with Server(answers(401, ("WWW-Authenticate", 'OAuth realm="x"'), body=body)) as api:
        path = written(tmp_path, {"type": "oauth1"}, servers=[api.url.rstrip("/")])
        secrets = {"consumer_secret": "planted-s3cr3t-c", "token": "planted-t0ken", "token_secret": "planted-s3cr3t-t"}
        report = run(path, inputs={"consumer_key": "ck", **secrets})

    diagnosed(report, code, key, credential="refused")
    refuse_leaks(report, secrets["consumer_secret"], secrets["token_secret"])


# ---- tokens that are bound to a key


def at_idp(folder, provider, client, *, clock=None, inputs=None, **auth):
    """A run of a profile of this identity provider, and its API."""
    made = {"type": "oauth2", "grant_type": "client_credentials", "token_url": provider.token_url, **auth}
    path = written(folder, {key: value for key, value in made.items() if value is not None}, servers=[provider.origin], test={"request": {"url": f"{provider.api_path}/me"}})
    report = run(path, inputs={"client_id": client.client_id, "client_secret": client.client_secret, **(inputs or {})}, clock=clock)
    refuse_leaks(report, client.client_secret)
    return report


@pytest.fixture
def secretive():
    """Metadata of a client whose secret can be looked for."""
    return {"client_secret": "planted-client-s3cr3t"}


def named_otherwise(origin):
    """Passes requests on to this origin, under its name."""

    def behave(peer):
        asked = peer.request()
        method, target, _ = asked.line.split(" ")
        headers = [(name, value) for name, value in asked.headers if name.lower() not in ("host", "connection", "accept-encoding")]
        answer = httpx.request(method, f"{origin}{target}", headers=headers, content=asked.body, trust_env=False)
        passed = [(name, value) for name, value in answer.headers.items() if name.lower() in ("content-type", "dpop-nonce")]
        peer.send(http(answer.status_code, *passed, body=answer.content))

    return behave


@pytest.mark.diagnoses("invalid_dpop_proof")
def test_oidc_provider_does_not_take_a_proof_for_another_url(tmp_path, oidc_provider, secretive):
    """A reverse proxy that names the server otherwise than its callers do: the proof is for another URL, says oidc-provider."""
    client = oidc_provider.new_client(**secretive)
    with Server(named_otherwise(oidc_provider.origin)) as proxy:
        report = at_idp(tmp_path, oidc_provider, client, dpop=True, token_url=f"{proxy.url}token")

    told = diagnosed(report, "invalid_dpop_proof", "auth.dpop", token="inconclusive", credential="not_tested", says=("htu", "a proxy in between may change it"), retry="no")
    assert ["auth.dpop", "auth.token_url"] == [fix.key for fix in told.fixes]


@pytest.mark.diagnoses("token_not_bound")
def test_a_server_that_does_not_bind(tmp_path, django_provider, secretive):
    """django-oauth-toolkit gives its usual token to whoever proves a key: it is not used."""
    report = at_idp(tmp_path, django_provider, django_provider.new_client(**secretive), dpop=True)

    diagnosed(report, "token_not_bound", "auth.dpop", token="inconclusive", credential="not_tested", says="not bound", retry="no")


@pytest.mark.diagnoses("use_dpop_nonce")
def test_a_nonce_is_asked_for_again_and_again(tmp_path):
    """Servers that do not share their nonces: each asks for its own."""
    nonces = iter(range(100))

    def asks(peer):
        peer.request()
        peer.send(http(400, ("Content-Type", "application/json"), ("DPoP-Nonce", f"nonce-{next(nonces)}"), body=b'{"error": "use_dpop_nonce"}'))

    report = report_of(tmp_path, asks, auth={"dpop": True})

    diagnosed(report, "use_dpop_nonce", "auth.token_url", token="inconclusive", says="got it, and asked again", retry="yes")


# ---- signatures and assertions


@pytest.mark.diagnoses("signing")
def test_a_key_that_the_algorithm_does_not_take(tmp_path):
    """Nothing is sent; the key is what to change, and it is not shown."""
    signed = {"type": "signature", "algorithm": "ed25519", "signing_key": "{{ inputs.signing_key | trim }}", "string_to_sign": "{{ request.path }}", "fields": [{"in": "header", "key": "X-Signature", "value": "{{ signature | hex }}"}]}
    with Server(answers(200)) as api:
        report = run(written(tmp_path, signed, servers=[api.url.rstrip("/")]), inputs={"signing_key": SECRET})

    diagnosed(report, "signing", "auth.signing_key", credential="not_tested", says="cannot be signed", retry="no")
    assert 0 == api.connections


@pytest.mark.diagnoses("key_refused")
def test_a_key_of_another_kind(tmp_path, oidc_provider):
    """oidc-provider hears nothing of it: the key is named, and the algorithm that it would do for."""
    client = oidc_provider.new_client(client_secret="planted-client-s3cr3t")
    report = at_idp(tmp_path, oidc_provider, client, client_auth="private_key_jwt", inputs={"signing_key": signing.pem(signing.key("P-256")), "client_secret": None})

    diagnosed(report, "key_refused", "auth.client_assertion.signing_key", token="not_tested", credential="not_tested", says="write algorithm: ES256", retry="no")
    assert {} == oidc_provider.counts(client)


@pytest.mark.diagnoses("assertion_refused")
def test_an_assertion_that_is_over_before_it_is_sent(tmp_path, oidc_provider):
    """Its claims are what to change."""
    client = oidc_provider.new_client(client_secret="planted-client-s3cr3t")
    auth = {"client_auth": "private_key_jwt", "client_assertion": {"claims": {"exp": "{{ now() - 5 }}"}}}
    report = at_idp(tmp_path, oidc_provider, client, **auth, inputs={"signing_key": signing.pem(signing.key()), "client_secret": None})

    diagnosed(report, "assertion_refused", "auth.client_assertion", token="not_tested", credential="not_tested", says="in the past", retry="no")
    assert {} == oidc_provider.counts(client)


# ---- logins and steps


@pytest.mark.diagnoses("login_refused")
def test_a_login_with_a_wrong_password(tmp_path, django_provider):
    """Django's own login: the page that says so is no mistake of the URL."""
    url = f"{django_provider.session_url}/login"
    auth = {
        "type": "session", "token_url": url,
        "before": [{"name": "csrf", "request": {"url": url}, "response": {"keep": {"csrf": "{{ response.cookies.csrftoken }}"}}}],
        "token_request": {"encoding": "form", "fields": [
            {"key": "username", "value": "{{ inputs.username }}"}, {"key": "password", "value": "{{ inputs.password }}"},
            {"in": "header", "key": "X-CSRFToken", "value": "{{ kept.csrf }}"}, {"in": "cookie", "key": "csrftoken", "value": "{{ kept.csrf }}"},
        ]},
        "token_response": {"access_token": "{{ response.cookies.sessionid }}", "accepted_when": [{"status": [302]}]},
    }  # fmt: skip
    report = run(written(tmp_path, auth, servers=[django_provider.origin]), inputs={"username": "robot", "password": SECRET})

    diagnosed(report, "login_refused", "auth.username", token="refused", credential="not_tested", says="user name and password", retry="no")


def finding(provider, path="/.well-known/openid-configuration", value="{{ response.json.token_endpoint }}"):
    """A step that asks for the token endpoint, as DocuWare wants it."""
    keep = {"endpoint": {"value": value, "pattern": r"http://127\.0\.0\.1:[0-9]+/.*"}}
    step = {"name": "metadata", "request": {"url": f"{provider.origin}{path}"}, "response": {"keep": keep}}
    return {"token_url": "{{ kept.endpoint }}", "before": [step]}


@pytest.mark.diagnoses("step_refused")
def test_a_step_leads_nowhere(tmp_path, oidc_provider, secretive):
    """404 at the place of the metadata: the step is named, with its line."""
    report = at_idp(tmp_path, oidc_provider, oidc_provider.new_client(**secretive), **finding(oidc_provider, "/no-such-place"))

    diagnosed(report, "step_refused", "auth.before[0]", token="refused", credential="not_tested", says="metadata", retry="no")
    assert ("failed", "metadata") == (stage(report, "before").status, stage(report, "before").about)


@pytest.mark.diagnoses("step_unread")
@pytest.mark.parametrize("value", ["{{ response.json.token_endpiont }}", "{{ response.json.scopes_supported[0] }}"], ids=["no such field", "another form"])
def test_a_step_keeps_nothing(tmp_path, oidc_provider, secretive, value):
    """The metadata are there, and what is read of them is not: it is the step that keeps which is to be changed."""
    report = at_idp(tmp_path, oidc_provider, oidc_provider.new_client(**secretive), **finding(oidc_provider, value=value))

    diagnosed(report, "step_unread", "auth.before[0]", token=report.token.word, credential="not_tested", says="response.keep", retry="no")
    assert report.token.word in ("inconclusive", "not_tested")


# ---- metadata and registration


def discovered(folder, provider, client, issuer=None, **auth):
    return at_idp(folder, provider, client, token_url=None, issuer=issuer or provider.origin, **auth)


def test_oidc_provider_is_found(tmp_path, oidc_provider, secretive):
    """The twin."""
    report = discovered(tmp_path, oidc_provider, oidc_provider.new_client(**secretive))

    assert ((), "accepted") == (report.diagnoses, report.credential.word)


@pytest.mark.diagnoses("discovery_not_found", "discovery_mismatch")
@pytest.mark.parametrize(("code", "change"), [("discovery_not_found", ("", "/no-such-realm")), ("discovery_mismatch", ("127.0.0.1", "localhost"))])
def test_oidc_provider_is_another_issuer(tmp_path, oidc_provider, secretive, code, change):
    """A realm that there is not; and its own metadata under a name that is not its own."""
    old, new = change
    issuer = oidc_provider.origin.replace(old, new) if old else oidc_provider.origin + new
    report = discovered(tmp_path, oidc_provider, oidc_provider.new_client(**secretive), issuer)

    diagnosed(report, code, "auth.issuer", token="inconclusive", credential="not_tested", says="letter for letter", retry="no")
    assert "failed" == stage(report, "discovery").status


def metadata_server(**changes):
    """An authorization server of few words: metadata with these changes, and a token for whoever asks."""

    def behave(peer):
        asked = peer.request()
        origin = f"http://{asked.values('host')[0]}"
        if asked.line.startswith("GET /.well-known"):
            document = {"issuer": origin, "token_endpoint": f"{origin}/token", "authorization_endpoint": f"{origin}/authorize", "authorization_response_iss_parameter_supported": False}
            peer.send(http(200, ("Content-Type", "application/json"), body=json.dumps({**document, **changes}).encode()))
        else:
            token = {**GOOD, "token_type": "DPoP" if asked.values("dpop") else "Bearer"}
            peer.send(http(200, ("Content-Type", "application/json"), body=json.dumps(token).encode()))

    return behave


def by_issuer(folder, behaviour, *, person=None, **auth):
    """A run of a profile that names this server as its issuer, and an API that accepts."""
    with Server(behaviour) as identity, Server(ACCEPTS) as api:
        made = {"type": "oauth2", "grant_type": "client_credentials", "issuer": identity.url.rstrip("/"), **auth}
        path = written(folder, made, servers=[api.url.rstrip("/")])
        with engine_of() as engine:
            report = probe(engine, path, person=person, subject="ada" if person else None)
    refuse_leaks(report)
    return report


@pytest.mark.diagnoses("discovery_unreachable", "discovery_unreadable", "discovery_endpoint")
@pytest.mark.parametrize(
    ("code", "behaviour", "key", "retry"),
    [
        ("discovery_unreachable", answers(500, body=b""), "auth.issuer", "yes"), ("discovery_unreachable", close, "auth.issuer", "yes"),
        ("discovery_unreadable", answers(200, ("Content-Type", "text/html"), body=b"<html></html>"), "auth.issuer", "no"),
        ("discovery_endpoint", metadata_server(token_endpoint="javascript:alert(1)"), "auth.token_url", "no"),
        ("discovery_endpoint", metadata_server(token_endpoint=None), "auth.token_url", "no"),
    ],
    ids=["500", "closed", "a page", "a script", "none"],
)  # fmt: skip
def test_metadata_that_are_of_no_use(tmp_path, code, behaviour, key, retry):
    """Nobody answers, something else does, or what is answered must not be called."""
    report = by_issuer(tmp_path, behaviour)

    diagnosed(report, code, key, token="inconclusive", credential="not_tested", retry=retry)


@pytest.mark.diagnoses("discovery_unreachable")
def test_an_issuer_that_is_not_there(tmp_path):
    """A closed port."""
    path = written(tmp_path, {"type": "oauth2", "grant_type": "client_credentials", "issuer": f"http://127.0.0.1:{free_port()}"})
    report = run(path)

    diagnosed(report, report.diagnoses[0].code, "auth.issuer", token="inconclusive", credential="not_tested")
    assert "discovery_unreachable" == first(report).code


@pytest.mark.diagnoses("registration_refused")
def test_oidc_provider_does_not_register(tmp_path, oidc_provider):
    """In its own words: a grant that it does not have."""
    auth = {"type": "oauth2", "grant_type": "client_credentials", "issuer": oidc_provider.origin, "registration": {"client_name": "bot", "id_token_signed_response_alg": "none-such"}}
    report = run(written(tmp_path, auth, servers=[oidc_provider.origin]), inputs={})

    diagnosed(report, "registration_refused", "auth.registration", token="refused", credential="not_tested", says="id_token_signed_response_alg", retry="no")


@pytest.mark.diagnoses("unsupported_grant", "unsupported_scope")
def test_what_oidc_provider_does_not_list(tmp_path, oidc_provider, secretive):
    """A grant and a scope that its metadata do not list are warnings; it judges for itself, and takes the scope for no error."""
    scope = discovered(tmp_path, oidc_provider, oidc_provider.new_client(**secretive), scopes=["api:read", "api:wirte"])
    told = diagnosed(scope, "unsupported_scope", "auth.scopes", token="obtained", credential="accepted", says="api:wirte", retry="no")
    assert "warning" == told.severity
    grant = discovered(tmp_path, oidc_provider, oidc_provider.new_client(**secretive), grant_type="password", inputs={"username": "ada", "password": SECRET})

    [warned] = [found for found in grant.diagnoses if found.code == "unsupported_grant"]
    assert ("warning", "auth.grant_type") == (warned.severity, warned.fixes[0].key)
    assert "client_credentials" in warned.sentence


@pytest.mark.diagnoses("unsupported_client_auth", "unsupported_grant", "unsupported_dpop")
@pytest.mark.parametrize(
    ("code", "changes", "auth", "key", "says"),
    [
        ("unsupported_client_auth", {"token_endpoint_auth_methods_supported": ["private_key_jwt"]}, {}, "auth.client_auth", "private_key_jwt"),
        ("unsupported_grant", {"grant_types_supported": ["authorization_code"]}, {}, "auth.grant_type", "authorization_code"),
        ("unsupported_dpop", {"dpop_signing_alg_values_supported": ["PS512"]}, {"dpop": True}, "auth.dpop", "PS512"),
    ],
)
def test_what_metadata_speak_against(tmp_path, code, changes, auth, key, says):
    """Said as a warning with its place, and never acted on."""
    report = by_issuer(tmp_path, metadata_server(**changes), **auth)

    told = diagnosed(report, code, key, token="obtained", credential="accepted", says=says, retry="no")
    assert "warning" == told.severity


class Ada:
    """Agrees to everything at once, as the server would have her sent back."""

    redirect_uri = "http://127.0.0.1:8912/callback"

    def __call__(self, sent):
        asked = dict(parse_qsl(urlsplit(sent.url).query))
        return f"{asked['redirect_uri']}?{urlencode({'code': 'c0de-planted', 'state': asked['state']})}"


@pytest.mark.diagnoses("unsupported_pkce")
def test_metadata_speak_against_pkce(tmp_path):
    """A server that lists `plain` alone; the challenge is sent as S256 all the same."""
    auth = {"grant_type": "authorization_code", "redirect_uri": Ada.redirect_uri}
    report = by_issuer(tmp_path, metadata_server(code_challenge_methods_supported=["plain"]), person=Ada(), **auth)

    told = diagnosed(report, "unsupported_pkce", "auth.pkce", token="obtained", credential="accepted", says="S256", retry="no")
    assert "warning" == told.severity

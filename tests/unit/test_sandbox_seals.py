"""The sandbox's verifiers of signatures and DPoP proofs: what a stranger makes by hand is taken if it is right, and refused in words if it is not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
import uuid
from importlib import import_module

import pytest
from joserfc import jwk, jwt

from authweave.extensions.catalog import default_catalog
from authweave.loading import load
from authweave.probe import test_profile as probe
from authweave.resources import profiles_folder
from authweave.sandbox import Sandbox, for_test
from authweave.sandbox.verifiers import VERIFIERS
from authweave.values import TaskRequest
from authweave.wire import Call
from sandbox_client import API_URL, TOKEN_URL, Stranger, oauth, profile

pytestmark = pytest.mark.thorough

SERVERS = "servers: ['https://api.example.com']\n"
KEY = "a key for the sandbox"
STAMPED = SERVERS + """\
vars:
  nonce: '{{ random(8) | hex }}'
auth:
  type: signature
  string_to_sign: '{{ vars.nonce }}.{{ now() }}.{{ request.method }}.{{ request.path }}.{{ request.body }}'
  fields: [{in: header, key: X-Signature, value: 'n={{ vars.nonce }},t={{ now() }},v={{ signature | hex }}'}]
"""
IN_QUERY = SERVERS + """\
auth:
  type: signature
  algorithm: hmac-sha1
  string_to_sign: '{{ request.url }}'
  fields: [{in: query, key: sig, value: '{{ signature | base64url }}'}]
"""


@pytest.fixture
def serve():
    """Start a sandbox for a profile; it ends with the test."""
    opened = []

    def start(made, chosen=None):
        sandbox = Sandbox([made])
        sandbox.start()
        stranger = Stranger(sandbox)
        opened.extend((sandbox, stranger))
        stranger.inputs = sandbox.inputs(made, chosen or {})
        return stranger

    yield start
    for one in reversed(opened):
        one.__exit__(None, None, None)


def mac(text, name="sha256", key=KEY):
    return hmac.new(key.encode(), text if isinstance(text, bytes) else text.encode(), name)


def stamped(*, key=KEY, at=None, nonce="00ff00ff00ff00ff", method="POST", path="/v1/x", body="abc", tail=""):
    at = int(time.time()) if at is None else at
    return {"X-Signature": f"n={nonce},t={at},v={mac(f'{nonce}.{at}.{method}.{path}.{body}', key=key).hexdigest()}{tail}"}


def test_a_right_signature_is_taken(serve):
    """Nonce and time are read from where they came; the string is that of the request as it arrived."""
    answer = serve(profile(STAMPED), {"signing_key": KEY}).send("POST", f"{API_URL}/v1/x", content="abc", headers=stamped())

    assert (200, ["header X-Signature", "signature in X-Signature"]) == (answer.status_code, answer.json()["arrived"])


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        (stamped(key="another"), "not that of the request as it arrived"),
        (stamped(method="GET"), "not that of the request as it arrived"),
        (stamped(path="/v1/y"), "not that of the request as it arrived"),
        (stamped(body="abd"), "not that of the request as it arrived"),
        (stamped(at=1_000_000_000), "not that of the request as it arrived"),
        (stamped(tail="00"), "not that of the request as it arrived"),
        ({"X-Signature": "n=1,t=2,v=zz"}, "not that of the request as it arrived"),
        ({"X-Signature": "what"}, "the credential belongs in|is not what the sandbox issued|what came in"),
        ({}, "nothing came"),
    ],
)
def test_a_wrong_signature_is_refused(serve, headers, why):
    """Another key, another request, an old time, half a signature, none: 401, in words, without the key."""
    answer = serve(profile(STAMPED), {"signing_key": KEY}).send("POST", f"{API_URL}/v1/x", content="abc", headers=headers)

    assert 401 == answer.status_code
    assert any(part in answer.json()["error_description"] for part in why.split("|"))
    assert KEY not in answer.text


def test_a_signature_in_the_query_signs_the_rest_of_it(serve):
    """The parameter that holds it was not there when it was made."""
    stranger = serve(profile(IN_QUERY), {"signing_key": KEY})
    good = base64.urlsafe_b64encode(mac(f"{API_URL}/v1/x?b=1&a=%2F", "sha1").digest()).rstrip(b"=").decode()

    answers = [stranger.send("GET", f"{API_URL}/v1/x?b=1&a={a}&sig={good}") for a in ("%2F", "%2f")]

    assert [200, 401] == [answer.status_code for answer in answers]


EVERY = ["hmac-sha256", "hmac-sha1", "hmac-sha384", "hmac-sha512", "hmac-md5", "rsa-sha256", "rsa-sha512", "rsa-v1_5-sha256", "rsa-pss-sha512", "ecdsa-p256-sha256", "ecdsa-p384-sha384", "ed25519"]


@pytest.mark.parametrize("algorithm", EVERY)
def test_every_algorithm_goes_through_the_sandbox(algorithm):
    """Keys that fit are made up, what is signed with them is taken, and with one bit turned it is not."""
    kind = "string" if algorithm.startswith("hmac") else "pem"
    made = profile(SERVERS + f"inputs: {{signing_key: {{type: {kind}, secret: true}}}}\nauth:\n  type: signature\n  algorithm: {algorithm}\n  string_to_sign: '{{{{ request.method }}}}{{{{ request.url }}}}'\n"
                   "  fields: [{in: header, key: X-Signature, value: '{{ signature | base64 }}'}]\n")  # fmt: skip
    with for_test(made) as (engine, inputs):
        connection = engine.connect(made, inputs=inputs)
        sent = connection.authorize(TaskRequest("GET", f"{API_URL}/v1/me")).result(20)
        turned = bytearray(base64.b64decode(sent.header("X-Signature")))
        turned[0] ^= 1
        statuses = [status(engine, sent, {"X-Signature": text}) for text in (sent.header("X-Signature"), base64.b64encode(turned).decode())]

    assert [200, 401] == statuses


def status(engine, request, headers):
    changed = tuple((name, headers.get(name, value)) for name, value in request.headers)
    return engine.wire.send(Call(request.method, request.url, changed, request.body), deadline=10).status


@pytest.mark.parametrize("name", ["azure-storage", "emarsys"])
def test_shipped_profiles_pass_their_test_in_the_sandbox(name):
    """`authweave test NAME --sandbox`: accepted."""
    made = load(profiles_folder() / f"{name}.yaml")
    with for_test(made) as (engine, inputs):
        report = probe(engine, made, inputs=inputs, sandbox=True)

    assert ("accepted", ()) == (report.credential.word, report.diagnoses)


# ---- DPoP

BOUND = "dpop: true, client_auth: client_secret_post"


class Holder:
    """A stranger who holds a key, and makes proofs with joserfc."""

    def __init__(self, stranger):
        self.key = jwk.ECKey.generate_key("P-256")
        self.stranger = stranger
        self.client = {"grant_type": "client_credentials", **{name: stranger.inputs[name] for name in ("client_id", "client_secret")}}

    def proof(self, method, url, *, header=None, key=None, **claims):
        key = key or self.key
        body = {"jti": uuid.uuid4().hex, "htm": method, "htu": url, "iat": int(time.time()), **claims}
        body = {name: value for name, value in body.items() if value is not None}
        return jwt.encode({"typ": "dpop+jwt", "alg": "ES256", "jwk": key.as_dict(private=False), **(header or {})}, body, key)

    def token(self, proof=None, **more):
        return self.stranger.token({**self.client, **more}, headers={"DPoP": proof if proof is not None else self.proof("POST", TOKEN_URL)})

    def ask(self, token, proof, scheme="DPoP"):
        return self.stranger.get(headers={"Authorization": f"{scheme} {token}", "DPoP": proof} if proof else {"Authorization": f"{scheme} {token}"})


def ath(token):
    return base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()


@pytest.fixture
def holder(serve):
    return Holder(serve(oauth(BOUND)))


ME = f"{API_URL}/v1/me"


def test_a_bound_token_and_a_proof_are_taken(holder):
    """token_type DPoP; the same key for this request opens the API, once."""
    answer = holder.token()
    token = answer.json()["access_token"]
    proof = holder.proof("GET", ME, ath=ath(token))

    opened, again = holder.ask(token, proof), holder.ask(token, proof)

    assert ("DPoP", 200, 401) == (answer.json()["token_type"], opened.status_code, again.status_code)
    assert "jti came before" in again.json()["error_description"]
    assert again.headers["www-authenticate"].startswith('DPoP algs="ES256", error="invalid_dpop_proof"')


@pytest.mark.parametrize(
    ("claims", "header", "why"),
    [
        ({"htm": "POST"}, {}, "htm is not the method"),
        ({"htu": f"{API_URL}/v1/you"}, {}, "htu is not the URL"),
        ({"htu": f"{ME}?x=1"}, {}, "htu is not the URL"),
        ({"iat": 1_000_000_000}, {}, "iat is not of these minutes"),
        ({"iat": "now"}, {}, "iat is not of these minutes"),
        ({"jti": None}, {}, "lacks jti"),
        ({"ath": None}, {}, "ath is not the hash"),
        ({"ath": ath("another")}, {}, "ath is not the hash"),
        ({}, {"typ": "JWT"}, "typ is not dpop+jwt"),
    ],
)
def test_a_wrong_proof_is_refused(holder, claims, header, why):
    """RFC 9449 §4.3, one rule after the other."""
    token = holder.token().json()["access_token"]
    url = claims.pop("htu", ME)
    made = {"ath": ath(token), **claims}

    answer = holder.ask(token, holder.proof(made.pop("htm", "GET"), url, header=header, **made))

    assert 401 == answer.status_code
    assert why in answer.json()["error_description"]


def test_another_key_no_proof_and_bearer_are_refused(holder):
    """The token alone opens nothing."""
    token = holder.token().json()["access_token"]
    other = jwk.ECKey.generate_key("P-256")

    answers = [
        holder.ask(token, holder.proof("GET", ME, key=other, ath=ath(token))), holder.ask(token, ""), holder.ask(token, "a.b.c"),
        holder.ask(token, holder.proof("GET", ME, ath=ath(token)), scheme="Bearer"),
    ]  # fmt: skip

    assert [401] * 4 == [answer.status_code for answer in answers]
    assert "another key" in answers[0].json()["error_description"]
    assert "header DPoP is missing" in answers[1].json()["error_description"]


def test_a_token_request_without_a_proof_is_refused(holder):
    """No proof, or one of another URL, gives no token."""
    answers = [holder.token(proof) for proof in ("", holder.proof("POST", ME), holder.proof("POST", TOKEN_URL, header={"alg": "ES256", "typ": "x"}))]

    assert [(400, "invalid_dpop_proof")] * 3 == [(answer.status_code, answer.json()["error"]) for answer in answers]


def test_a_private_key_in_a_proof_is_refused(holder):
    """§4.3: the jwk holds no private key."""
    leaked = holder.proof("POST", TOKEN_URL, header={"jwk": holder.key.as_dict(private=True)})

    answer = holder.token(leaked)

    assert (400, True) == (answer.status_code, "private key" in answer.json()["error_description"])
    assert holder.key.as_dict(private=True)["d"] not in answer.text


def test_a_refresh_with_another_key_is_refused(serve):
    """A renewed token has the key of the one before it."""
    holder = Holder(serve(oauth(f"{BOUND}, refresh_url: 'https://idp.example.com/oauth/refresh'")))
    refresh_url = "https://idp.example.com/oauth/refresh"
    first = holder.token().json()

    def refreshed(key=None):
        client = {**holder.client, "grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
        return holder.stranger.token(client, url=refresh_url, headers={"DPoP": holder.proof("POST", refresh_url, key=key)})

    other, own = refreshed(jwk.ECKey.generate_key("P-256")), refreshed()

    assert (400, "invalid_grant", 200) == (other.status_code, other.json()["error"], own.status_code)


def test_every_seal_has_a_verifier():
    """And each of these is a module that decides."""
    assert set(default_catalog().named("seals")) <= set(VERIFIERS)
    assert all(callable(import_module(module).verify) for module in VERIFIERS.values())

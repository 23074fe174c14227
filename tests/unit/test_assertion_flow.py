"""Assertions on their way: into token calls, anew for every try; and as the credential itself, one for many requests."""

from __future__ import annotations

import base64
import hashlib
import threading
import time
from urllib.parse import parse_qsl

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PublicFormat, pkcs12

import signing
from authweave.assertions.held import Held
from authweave.errors import AssertionRefused, InvalidInput, KeyRefused, MissingInput
from authweave.loading import load
from authweave.resources import profiles_folder
from authweave.templates import compile_template
from authweave.values import TaskRequest, TaskResponse
from services import Api, Clock, Identity, between, connect, engine, profile

pytestmark = pytest.mark.thorough

API = "https://api.example.com"
URL = "https://idp.example/t"
GOOD = TaskResponse(200, (), b'{"access_token":"AT","token_type":"Bearer","expires_in":3600,"instance_url":"https://a.salesforce.com","token":"AT"}')
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def asked(auth, inputs, *answers, servers=(API,), declared=None, calls=1, **options):
    """The token requests that go out."""
    run = engine(inputs={}, **options)
    requests, script = [], [*answers, GOOD]

    def exchange(request, seconds, placed):
        requests.append(request)
        return script[min(len(requests), len(script)) - 1]

    run.exchange = exchange
    made = auth if not isinstance(auth, dict) else profile(auth, *servers, inputs=declared or {})
    connection = run.connect(made, inputs=inputs)
    for _ in range(calls):
        connection.token().result(10)
    return requests


def form(request):
    return dict(parse_qsl(request.body.decode(), keep_blank_values=True, strict_parsing=True))


def key():
    return signing.pem(signing.key())


class TestTokenCalls:
    def test_jwt_bearer_by_name_and_by_urn(self):
        """The same request: the URN, the assertion, and nothing of a client that the profile does not write."""
        for name in ("jwt_bearer", JWT_BEARER):
            [request] = asked({"type": "oauth2", "grant_type": name, "token_url": URL}, {"client_id": "me", "signing_key": key()})

            sent = form(request)
            assert {"grant_type", "assertion"} == set(sent)
            assert JWT_BEARER == sent["grant_type"]
            assert {"iss": "me", "aud": URL} == {name: value for name, value in signing.parts(sent["assertion"])[1].items() if name in ("iss", "aud", "sub")}
            assert request.header("authorization") is None

    def test_a_written_client_id_wants_its_proof(self):
        """Then the client authenticates as usual beside the assertion."""
        auth = {"type": "oauth2", "grant_type": "jwt_bearer", "token_url": URL, "client_id": "{{ inputs.client_id }}"}

        [request] = asked(auth, {"client_id": "me", "client_secret": "s3cr3t", "signing_key": key()})

        assert "Basic bWU6czNjcjN0" == request.header("authorization")
        assert {"grant_type", "assertion"} == set(form(request))

    def test_a_public_client_sends_its_id(self):
        """`client_auth: none` sends the client id that is written."""
        auth = {"type": "oauth2", "grant_type": "jwt_bearer", "token_url": URL, "client_auth": "none", "client_id": "{{ inputs.client_id }}"}

        assert "me" == form(asked(auth, {"client_id": "me", "signing_key": key()})[0])["client_id"]

    def test_the_audience_is_the_url_as_it_is_called(self):
        """A value in the token URL is encoded in the call, and so it is in the claim."""
        auth = {"type": "oauth2", "grant_type": "jwt_bearer", "token_url": "https://idp.example/{{ inputs.tenant }}/t"}

        [request] = asked(auth, {"client_id": "me", "signing_key": key(), "tenant": "a b"}, declared={"tenant": {}})

        assert request.url == signing.parts(form(request)["assertion"])[1]["aud"] == "https://idp.example/a%20b/t"

    def test_every_try_has_another_assertion(self):
        """After a 503 the next try is signed anew, with a `jti` of its own."""
        auth = {"type": "oauth2", "grant_type": "jwt_bearer", "token_url": URL}
        requests = asked(auth, {"client_id": "me", "signing_key": key()}, TaskResponse(503, (), b""), TaskResponse(503, (), b""))

        told = [signing.parts(form(request)["assertion"])[1]["jti"] for request in requests]
        assert 3 == len(told) == len(set(told))

    def test_one_assertion_serves_one_call(self):
        """Read twice in a call, it is the same."""
        fields = [{"key": "subject_token", "value": "{{ assertion }}"}, {"key": "subject_token_type", "value": "x"}, {"in": "header", "key": "X-Same", "value": "{{ assertion }}"}]
        auth = {"type": "oauth2", "grant_type": "token_exchange", "token_url": URL, "token_request": {"fields": fields}}

        [request] = asked(auth, {"client_id": "me", "signing_key": key()})

        assert form(request)["subject_token"] == request.header("X-Same")

    def test_an_exchange_without_an_assertion_needs_no_key(self):
        """Nothing is signed that nobody reads."""
        fields = [{"key": "subject_token", "value": "{{ inputs.mine }}"}, {"key": "subject_token_type", "value": "x"}]
        auth = {"type": "oauth2", "grant_type": "token_exchange", "token_url": URL, "token_request": {"fields": fields}}

        [request] = asked(auth, {"mine": "T"}, declared={"mine": {"secret": True}})

        assert {"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "subject_token": "T", "subject_token_type": "x"} == form(request)

    def test_saml_and_jwt_are_not_mixed_up(self):
        """Each grant refuses the other's assertion before anything is sent."""
        for grant, given in (("saml2_bearer", "eyJh.eyJp.c2ln"), ("jwt_bearer", "<saml/>")):
            auth = {"type": "oauth2", "grant_type": grant, "token_url": URL, "assertion": "{{ inputs.ready }}"}
            with pytest.raises(AssertionRefused, match=r"auth\.assertion"):
                asked(auth, {"ready": given}, declared={"ready": {"secret": True}})

    def test_client_assertions(self):
        """RFC 7523 §2.2: type and assertion, whose issuer and subject are the client."""
        auth = {"type": "oauth2", "grant_type": "client_credentials", "token_url": URL, "client_auth": "private_key_jwt", "client_assertion": {"claims": {"jti": "x", "aud": "https://issuer.example"}}}

        sent = form(asked(auth, {"client_id": "me", "signing_key": key()})[0])

        assert "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" == sent["client_assertion_type"]
        claims = signing.parts(sent["client_assertion"])[1]
        assert ("me", "me", "https://issuer.example", "x") == (claims["iss"], claims["sub"], claims["aud"], claims["jti"])

    def test_a_ready_client_assertion_says_its_kind(self):
        """SAML is sent in base64url, with its own type (RFC 7522 §2.2)."""
        auth = {"type": "oauth2", "grant_type": "client_credentials", "token_url": URL, "client_auth": "private_key_jwt", "client_assertion": "{{ inputs.ready }}"}

        sent = form(asked(auth, {"client_id": "me", "ready": "<saml/>"}, declared={"ready": {"secret": True}})[0])

        assert ("urn:ietf:params:oauth:client-assertion-type:saml2-bearer", "PHNhbWwvPg") == (sent["client_assertion_type"], sent["client_assertion"])

    def test_another_key_is_another_token(self):
        """The signing key's fingerprint is part of the token's key; so are the values that the claims read."""
        made = profile({"type": "oauth2", "grant_type": "jwt_bearer", "token_url": URL, "assertion": {"claims": {"sub": "{{ inputs.user }}"}}}, API, inputs={"user": {}})
        run = engine(inputs={})

        def digest(number, user):
            connection = run.connect(made, inputs={"client_id": "me", "user": user, "signing_key": signing.pem(signing.key("RSA", number))})
            credential = connection.credential(made.variants[0])
            return credential.token_key(connection.inputs()).digest()

        assert 4 == len({digest(number, user) for number in (1, 2) for user in ("ada", "bob")})
        assert digest(1, "ada") == digest(1, "ada")

    def test_wrong_keys_are_typed_errors(self):
        """From the input's own check on: no foreign kind, and nothing of the key."""
        auth = {"type": "oauth2", "grant_type": "jwt_bearer", "token_url": URL}

        for given, kind in (("", MissingInput), ("hunter22-hunter22", InvalidInput), (signing.public_pem(signing.key()), KeyRefused)):
            with pytest.raises(kind) as raised:
                asked(auth, {"client_id": "me", "signing_key": given} if given else {"client_id": "me"})
            assert "hunter22" not in str(raised.value)
            assert "MII" not in str(raised.value)

    def test_a_key_store_signs(self):
        """PKCS #12 in base64, as an input of that type: what Java and Windows export."""
        store = pkcs12.serialize_key_and_certificates(b"me", signing.key(), signing.certificate(signing.key()), None, NoEncryption())
        auth = {"type": "oauth2", "grant_type": "jwt_bearer", "token_url": URL, "assertion": {"signing_key": "{{ inputs.store }}"}}

        [request] = asked(auth, {"client_id": "me", "store": base64.b64encode(store).decode()}, declared={"store": {"type": "pkcs12", "secret": True}})

        signing.verify(form(request)["assertion"], "RS256", signing.key().public_key())

    def test_a_certificate_that_does_not_belong_is_found_before_the_server_finds_it(self):
        """What `x5t` names has to be the key's own, and valid."""
        auth = {"type": "oauth2", "grant_type": "client_credentials", "token_url": URL, "client_auth": "private_key_jwt", "client_assertion": {"header": {"x5t": "{{ inputs.certificate | x5t }}"}}}
        inputs = {"client_id": "me", "signing_key": key()}
        declared = {"certificate": {"type": "pem"}}

        [request] = asked(auth, {**inputs, "certificate": signing.certificate_pem(signing.key())}, declared=declared)
        assert signing.parts(form(request)["client_assertion"])[0]["x5t"]
        for other, reason in ((signing.certificate_pem(signing.key("RSA", 2)), "mismatch"), (signing.certificate_pem(signing.key(), "2020-01-01", 9), "expired")):
            with pytest.raises(KeyRefused) as raised:
                asked(auth, {**inputs, "certificate": other}, declared=declared)
            assert ("auth.client_assertion.header", reason) == (raised.value.name, raised.value.reason)

    def test_a_shared_secret_as_implied_key_is_no_pem(self):
        """With HS256 the implied input takes a text."""
        auth = {"type": "oauth2", "grant_type": "jwt_bearer", "token_url": URL, "assertion": {"algorithm": "HS256"}}

        [request] = asked(auth, {"client_id": "me", "signing_key": signing.SECRET})

        signing.verify(form(request)["assertion"], "HS256", signing.SECRET.encode())

    def test_a_key_that_the_algorithm_input_does_not_fit(self):
        """An algorithm may be an input, too: it is judged when it is known."""
        auth = {"type": "oauth2", "grant_type": "jwt_bearer", "token_url": URL, "assertion": {"algorithm": "{{ inputs.algorithm }}"}}

        for algorithm, kind in (("none", AssertionRefused), ("ES256", KeyRefused)):
            with pytest.raises(kind):
                asked(auth, {"client_id": "me", "signing_key": key(), "algorithm": algorithm}, declared={"algorithm": {}})


SHIPPED = {
    "google-service-account": (
        {"key_file": {"private_key": key(), "private_key_id": "k1", "client_email": "r@acme"}},
        {"iss": "r@acme", "aud": "https://oauth2.googleapis.com/token", "scope": "https://www.googleapis.com/auth/cloud-platform"}, 3600, True,
    ),
    "salesforce-jwt": ({"client_id": "ck", "user": "ada@acme", "signing_key": key()}, {"iss": "ck", "aud": "https://login.salesforce.com", "sub": "ada@acme"}, 180, False),
    "github-app": ({"app_id": "Iv1", "installation_id": "7", "signing_key": key()}, {"iss": "Iv1"}, 540, False),
}  # fmt: skip


class TestShipped:
    @pytest.mark.parametrize("name", SHIPPED)
    def test_what_the_assertions_of_shipped_profiles_say(self, name):
        """The claims that the provider documents, and no others."""
        inputs, claims, seconds, has_jti = SHIPPED[name]
        [request] = asked(load(profiles_folder() / f"{name}.yaml"), inputs, clock=lambda: 1_700_000_000.0)

        text = (request.header("authorization") or "").removeprefix("Bearer ") or form(request)["assertion"]
        said = signing.parts(text)[1]
        assert (1_700_000_000 + seconds, has_jti) == (said.pop("exp"), said.pop("jti", None) is not None)
        assert said.pop("iat") == 1_700_000_000 - (60 if name == "github-app" else 0)
        assert claims == said
        signing.verify(text, "RS256", signing.key().public_key())

    def test_a_service_account_that_acts_for_a_user(self):
        """Domain-wide delegation: `sub`, only where a user is supplied."""
        [request] = asked(load(profiles_folder() / "google-service-account.yaml"), {**SHIPPED["google-service-account"][0], "user": "ada@acme.example"})

        assert "ada@acme.example" == signing.parts(form(request)["assertion"])[1]["sub"]

    def test_snowflake(self):
        """Issuer and subject in capitals, the issuer with the fingerprint that `DESCRIBE USER` shows."""
        made = load(profiles_folder() / "snowflake.yaml")
        sent = engine(inputs={}).connect(made, inputs={"account": "acme-x", "user": "ada", "signing_key": key()}).authorize(TaskRequest("GET", "/x")).result(10)

        said = signing.parts(sent.header("authorization").removeprefix("Bearer "))[1]
        mark = base64.b64encode(hashlib.sha256(signing.key().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()).decode()
        assert (f"ACME-X.ADA.SHA256:{mark}", "ACME-X.ADA", 3540) == (said["iss"], said["sub"], said["exp"] - said["iat"])


SELF = {"type": "jwt", "assertion": {"lifetime": 600, "claims": {"iss": "me"}}}


class TestSelfSigned:
    def test_one_for_many_requests(self):
        """Through every door, sync: the same assertion, signed once."""
        with between(Identity(), Api()) as (_, api):
            connection = connect(SELF, api, inputs={"signing_key": key()})
            with httpx.Client(auth=connection.auth, trust_env=False) as http:
                for _ in range(3):
                    http.get(api.url + "/x")
            finished = connection.authorize(TaskRequest("GET", api.url + "/x")).result(10)

        assert 1 == len({*api.tokens, finished.header("authorization").removeprefix("Bearer ")})

    def test_another_one_well_before_its_end(self):
        """Of 600 seconds the last 150 are not used; a new one is good again."""
        clock = Clock()
        with between(Identity(), Api()) as (_, api):
            connection = connect(SELF, api, inputs={"signing_key": key()}, run=engine(clock=clock))
            with httpx.Client(auth=connection.auth, trust_env=False) as http:
                for ahead in (0, 440, 460, 890):
                    clock.ahead = ahead
                    http.get(api.url + "/x")

        one, same, other, again = api.tokens
        assert (one, other) == (same, again)
        assert one != other

    def test_after_a_refusal_another_one(self):
        """401 is reported, not repeated; the next request is signed anew: a clock may have been set right."""
        with between(Identity(), Api()) as (_, api):
            connection = connect(SELF, api, inputs={"signing_key": key()})
            with httpx.Client(auth=connection.auth, trust_env=False) as http:
                statuses = []
                for is_good in (True, False, True):
                    api.accepts = lambda token, is_good=is_good: is_good
                    statuses.append(http.get(api.url + "/x").status_code)

        assert [200, 401, 200] == statuses
        one, same, other = api.tokens
        assert one == same != other

    def test_many_at_once_sign_once(self):
        """Sixteen threads that find none wait for the same one."""
        connection = connect(SELF, API, inputs={"signing_key": key()})
        barrier, got = threading.Barrier(16), []

        def ask():
            barrier.wait()
            got.append(connection.authorize(TaskRequest("GET", API + "/x")).result(20).header("authorization"))

        threads = [threading.Thread(target=ask) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert (16, 1) == (len(got), len(set(got)))

    def test_a_ready_one_is_sent_as_it_is(self):
        """A text, from an input."""
        made = profile({"type": "jwt", "assertion": "{{ inputs.ready }}"}, API, inputs={"ready": {"secret": True}})
        connection = engine().connect(made, inputs={"ready": "e.y.J"})

        assert "Bearer e.y.J" == connection.authorize(TaskRequest("GET", API + "/x")).result(10).header("authorization")

    def test_other_inputs_other_assertion(self):
        """What was made from inputs that are no more is not used."""
        held = Held(compile_template("{{ inputs.ready }}", key="auth.assertion"))
        old, new = {"ready": "one"}, {"ready": "two"}

        assert ["one", "one", "two"] == [held.text({"inputs": inputs, "now": time.time()}) for inputs in (old, old, new)]
        assert not held.is_fresh(old, 0)


class TestRotation:
    """A key that is replaced at its source is found without a restart."""

    @pytest.mark.parametrize(
        ("auth", "word"),
        [({"grant_type": "jwt_bearer"}, "invalid_grant"), ({"grant_type": "client_credentials", "client_auth": "private_key_jwt"}, "invalid_client")],
        ids=["grant", "client"],
    )
    def test_after_a_refusal_the_key_is_asked_for_again(self, auth, word):
        """The endpoint knows the new key only: one refusal, the source is asked again, and the second try is taken."""
        keys = [signing.pem(signing.key("RSA", 1)), signing.pem(signing.key("RSA", 2))]
        given = lambda profile, name, tenant: "me" if name == "client_id" else keys[0] if len(requests) == 0 else keys[1]  # noqa: E731 - two answers of one source
        requests = []
        run = engine(inputs=given)

        def exchange(request, seconds, placed):
            requests.append(request)
            return GOOD if len(requests) > 1 else TaskResponse(400, (("Content-Type", "application/json"),), f'{{"error":"{word}"}}'.encode())

        run.exchange = exchange
        token = run.connect(profile({"type": "oauth2", "token_url": URL, **auth}, API)).token().result(10)

        assert "AT" == token.access_token.reveal()
        name = "assertion" if word == "invalid_grant" else "client_assertion"
        for number, request in enumerate(requests, 1):
            signing.verify(form(request)[name], "RS256", signing.key("RSA", number).public_key())

    @pytest.mark.parametrize("auth", [{"type": "oauth2", "grant_type": "jwt_bearer", "token_url": URL}, SELF], ids=["grant", "jwt"])
    def test_a_key_that_cannot_sign_is_asked_for_again(self, auth):
        """Whoever mends it need not start anew."""
        keys = iter([signing.public_pem(signing.key()), *[key()] * 9])
        run = engine(inputs=lambda profile, name, tenant: "me" if name == "client_id" else next(keys))
        run.exchange = lambda request, seconds, placed: GOOD
        connection = run.connect(profile(auth, API))

        failures = []
        for _ in range(2):
            try:
                sent = connection.authorize(TaskRequest("GET", API + "/x")).result(10)
            except KeyRefused as error:
                failures.append(error)

        assert len(failures) <= 1
        assert sent.header("authorization").startswith("Bearer ")

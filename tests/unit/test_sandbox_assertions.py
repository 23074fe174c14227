"""The sandbox as judge of assertions: by code of its own, so that a mistake of the signer would show."""

from __future__ import annotations

import base64
import json
import time

import pytest
from cryptography.hazmat.primitives.serialization import load_der_public_key

import signing
from authweave.assertions import ALGORITHMS, Description, signed
from authweave.errors import TokenEndpointError
from authweave.sandbox import Sandbox
from authweave.sandbox.jws import NotVerified, check_times, opened
from authweave.values import TaskRequest
from authweave.wire import Call
from parts.vectors import load
from sandbox_client import profile

pytestmark = pytest.mark.thorough

NEGATIVE = {vector["id"]: vector for vector in load("jose_jwt.json")["negative"]}
KINDS = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "EdDSA": "Ed25519", "Ed25519": "Ed25519"}
SERVER = "servers: ['https://api.example.com']\n"
OAUTH = SERVER + "auth: {{type: oauth2, grant_type: {grant}, token_url: 'https://idp.example.com/t'{more}}}\n{rest}"


def answered(text, url="https://api.example.com/x", **inputs):
    """What the API of the sandbox says to a task request with its credential."""
    made = profile(text)
    with Sandbox([made]) as sandbox, sandbox.engine(attempts=1) as engine:
        connection = engine.connect(made, inputs={**sandbox.inputs(made), **inputs})
        finished = connection.authorize(TaskRequest("GET", url)).result(10)
        return connection.engine.wire.send(Call(finished.method, finished.url, finished.headers, finished.body), deadline=10)


class TestReader:
    @pytest.mark.parametrize("vector", load("jose_jwt.json")["vectors"], ids=lambda vector: vector["id"])
    def test_published_signatures_are_right(self, vector):
        """Each by its own key; not with one byte changed, and not by the key's other algorithm."""
        key = vector["jwk"] if vector["jwk"]["kty"] != "oct" else base64.urlsafe_b64decode(vector["jwk"]["k"] + "==")
        head, _, _ = vector["compact"].partition(".")

        if vector["payload_raw"].startswith("{"):
            assert json.loads(vector["payload_raw"]) == opened(vector["compact"], vector["alg"], key).claims
        with pytest.raises(NotVerified, match="another key"):
            opened(f"{head}.e30.{vector['compact'].rpartition('.')[2]}", vector["alg"], key)

    def test_none_is_no_algorithm(self):
        """RFC 7519 §6.1: refused wherever a signature is expected."""
        with pytest.raises(NotVerified, match="alg"):
            opened(NEGATIVE["rfc7519-6.1-alg-none"]["compact"], "RS256", signing.public_pem(signing.key()))

    def test_a_public_key_is_no_secret(self):
        """CVE-2022-29217: signed with HS256 and the PEM of the public key."""
        vector = NEGATIVE["alg-confusion-hs256-with-public-key"]
        public = load_der_public_key(base64.b64decode(vector["public_key_pem"].removeprefix("base64 DER: ")))

        with pytest.raises(NotVerified, match="alg"):
            opened(vector["compact"], "RS256", public)
        with pytest.raises(NotVerified, match="another key"):
            opened(vector["compact"], "HS256", signing.public_pem(signing.key()))

    def test_unknown_critical_headers(self):
        """CVE-2025-59420: what must be understood and is not."""
        vector = NEGATIVE["crit-unknown"]

        with pytest.raises(NotVerified, match="crit"):
            opened(vector["compact"], "HS256", base64.urlsafe_b64decode(vector["jwk"]["k"] + "=="))

    def test_a_key_in_the_header_is_never_believed(self):
        """CVE-2026-27962: it is verified with the registered key, whatever it brings along."""
        with pytest.raises(NotVerified, match="another key"):
            opened(NEGATIVE["embedded-jwk"]["compact"], "ES256", signing.pem(signing.key("P-256")))

    @pytest.mark.parametrize("text", ["", "a", "a.b", "a.b.c", "..", "e30.e30.e30", "=.=.=", "W10.e30.e30", "e30." + "a" * 70_000 + ".x"])
    def test_what_is_no_jwt(self, text):
        """Refused in words that hold no part of it."""
        with pytest.raises(NotVerified) as raised:
            opened(text, "RS256", signing.pem(signing.key()))
        assert "e30" not in str(raised.value)

    @pytest.mark.parametrize(("claims", "says"), [({"exp": 100}, "over"), ({"iat": 900}, "future"), ({"nbf": 900, "exp": 999}, "future"), ({"exp": "999"}, "number"), ({"exp": True}, "number")])
    def test_times(self, claims, says):
        """A minute of grace, no more."""
        made = signed(Description(signing.SECRET, "HS256", claims={"exp": 999, "iat": False}), 0).text
        read = opened(made, "HS256", signing.SECRET)
        check_times(read, 500)

        with pytest.raises(NotVerified, match=says):
            check_times(type(read)(read.header, claims), 500)


class TestDesk:
    @pytest.mark.parametrize("algorithm", ALGORITHMS)
    def test_client_assertions_of_every_algorithm(self, algorithm):
        """The sandbox makes up a key of the right kind, and is convinced."""
        method = "client_secret_jwt" if algorithm.startswith("HS") else "private_key_jwt"
        text = OAUTH.format(grant="client_credentials", more=f", client_auth: {method}, client_assertion: {{algorithm: {algorithm}, key_id: '7'}}", rest="")

        assert 200 == answered(text).status

    @pytest.mark.parametrize(
        "text",
        [
            OAUTH.format(grant="client_credentials", more=", client_auth: client_secret_jwt", rest=""),
            OAUTH.format(grant="client_credentials", more=", client_auth: private_key_jwt, token_request: {omit: [client_id]}", rest=""),
            OAUTH.format(grant="client_credentials", more=", client_auth: private_key_jwt, token_request: {encoding: json, rename: {client_assertion: proof}}", rest=""),
            OAUTH.format(grant="client_credentials", more=", client_auth: private_key_jwt, client_assertion: {header: {x5t: '{{ inputs.certificate | x5t }}'}}", rest="inputs: {certificate: {type: pem}}\n"),
            OAUTH.format(grant="jwt_bearer", more="", rest=""),
            OAUTH.format(grant="'urn:ietf:params:oauth:grant-type:jwt-bearer'", more=", client_id: '{{ inputs.client_id }}'", rest=""),
            OAUTH.format(grant="jwt_bearer", more=", assertion: {algorithm: HS256}", rest=""),
            OAUTH.format(grant="saml2_bearer", more=", assertion: '{{ inputs.saml }}'", rest="inputs: {saml: {secret: true, example: PHNhbWw-PC9zYW1sPg, pattern: 'PHNhbWw-PC9zYW1sPg'}}\n"),
            OAUTH.format(grant="token_exchange", more=", token_request: {fields: [{key: subject_token, value: '{{ assertion }}'}, {key: subject_token_type, value: 'urn:ietf:params:oauth:token-type:jwt'}]}", rest=""),
            SERVER + "auth: {type: jwt, assertion: {claims: {iss: '{{ inputs.me }}', sub: ada}, header: {x: 1}}}\ninputs: {me: {}}\n",
            SERVER + "auth: {type: jwt, assertion: {algorithm: ES256}, fields: [{in: query, key: jwt, value: '{{ assertion }}'}]}\n",
        ],
        ids=["client_secret_jwt", "no client_id", "json", "x5t", "jwt_bearer", "urn", "HS256", "saml2_bearer", "token_exchange", "jwt", "jwt in the query"],
    )  # fmt: skip
    def test_what_is_right_passes(self, text):
        """Every way in which an assertion goes along."""
        assert 200 == answered(text).status

    @pytest.mark.parametrize("grant", ["jwt_bearer", "client_credentials"])
    def test_another_key_is_refused(self, grant):
        """The error is the one of the standard: invalid_grant for a grant, invalid_client for a client."""
        more = "" if grant == "jwt_bearer" else ", client_auth: private_key_jwt"

        with pytest.raises(TokenEndpointError) as raised:
            answered(OAUTH.format(grant=grant, more=more, rest=""), signing_key=signing.pem(signing.key()))

        assert ("invalid_grant" if grant == "jwt_bearer" else "invalid_client") == raised.value.error
        assert "signed with another key" in (raised.value.error_description or "")

    def test_a_jti_is_good_once(self):
        """A constant `jti` works for one token, and not for the next."""
        made = profile(OAUTH.format(grant="jwt_bearer", more=", assertion: {claims: {jti: same}}", rest=""))
        with Sandbox([made]) as sandbox, sandbox.engine(attempts=1) as engine:
            connection = engine.connect(made, inputs=sandbox.inputs(made))
            first = connection.token().result(10)
            connection.revoke().result(10)

            with pytest.raises(TokenEndpointError, match="used before"):
                connection.token().result(10)
        assert first is not None

    def test_a_clock_that_is_wrong_is_told(self):
        """Ten minutes behind, an assertion of five minutes has ended when it comes."""
        made = profile(OAUTH.format(grant="jwt_bearer", more="", rest=""))
        with Sandbox([made]) as sandbox, sandbox.engine(attempts=1, clock=lambda: time.time() - 600) as engine:
            pending = engine.connect(made, inputs=sandbox.inputs(made)).token()

            with pytest.raises(TokenEndpointError, match="`exp` is over"):
                pending.result(10)

    def test_the_api_refuses_a_jwt_of_another_key(self):
        """401 with a challenge that says why."""
        reply = answered(SERVER + "auth: {type: jwt, assertion: {claims: {iss: me}}}\n", signing_key=signing.pem(signing.key()))

        assert 401 == reply.status
        assert "signed with another key" in dict(reply.headers).get("WWW-Authenticate", dict(reply.headers).get("www-authenticate", ""))

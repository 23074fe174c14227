"""Assertions judged by others: oidc-provider (client assertions, grants), jose (self-signed JWTs), xml-crypto (SAML), gidgethub (a signed token request).

Each has its negative twin: the same profile without the feature, refused by the same server.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding

import signing
from authweave.errors import TokenEndpointError
from parts.browsing import sign_in
from parts.verifiers import SECRET as SHARED
from services import Clock, connect, engine, profile

TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SAML2_BEARER = "urn:ietf:params:oauth:grant-type:saml2-bearer"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
LONG = "a secret that both know, long enough for every hash there is: 0123456789 abcdef"
KEY = {"signing_key": {"type": "pem", "secret": True}}
KEYS = {
    "RS256": "RSA", "RS384": "RSA", "RS512": "RSA", "PS256": "RSA", "PS384": "RSA", "PS512": "RSA",
    "ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "EdDSA": "Ed25519", "Ed25519": "Ed25519",
}  # fmt: skip


def public_jwk(private: Any, **members: Any) -> dict[str, Any]:
    """The public half as a provider registers it (RFC 7517, 7518 §6, RFC 8037 §2)."""
    public = private.public_key()
    if isinstance(public, ed25519.Ed25519PublicKey):
        return {"kty": "OKP", "crv": "Ed25519", "x": b64(public.public_bytes_raw()), **members}
    numbers = public.public_numbers()
    if isinstance(public, ec.EllipticCurvePublicKey):
        size = (public.curve.key_size + 7) // 8
        curve = {256: "P-256", 384: "P-384", 521: "P-521"}[public.curve.key_size]
        return {"kty": "EC", "crv": curve, "x": b64(numbers.x.to_bytes(size)), "y": b64(numbers.y.to_bytes(size)), **members}
    return {"kty": "RSA", "n": b64(numbers.n.to_bytes(256)), "e": "AQAB", **members}


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def thumbprint_of(private: Any) -> str:
    """`x5t#S256` of the certificate of this key."""
    return b64(hashlib.sha256(certificate_der(private)).digest())


def certificate_der(private: Any) -> bytes:
    return signing.certificate(private).public_bytes(Encoding.DER)


def token_of(connection: Any) -> Any:
    return connection.token().result(20)


def refused(connection: Any) -> TokenEndpointError:
    with pytest.raises(TokenEndpointError) as caught:
        token_of(connection)
    return caught.value


def status_of(connection: Any, url: str) -> int:
    """What the API says to an ordinary client with the connection's `auth`."""
    with httpx.Client(auth=connection.auth, trust_env=False) as http:
        return http.get(url).status_code


def declaring(auth: Any, server: str, declared: dict[str, Any], values: dict[str, Any]) -> Any:
    """A connection of a profile that declares inputs."""
    return engine().connect(profile(auth, server, inputs=declared), inputs=values)


# ---- client assertions (RFC 7523 §2.2)


def by_private_key(provider: Any, client: Any, private: Any, run: Any = None, **auth: Any) -> Any:
    written = {
        "type": "oauth2", "grant_type": "client_credentials", "token_url": provider.token_url, "client_auth": "private_key_jwt", **auth,
    }  # fmt: skip
    inputs = {"client_id": client.client_id, "signing_key": signing.pem(private)}
    return connect(written, provider.origin, inputs=inputs, run=run)


@pytest.mark.proves("token request and response: assertion built from key (JWT/SAML)")
@pytest.mark.parametrize("algorithm", KEYS)
def test_private_key_jwt(oidc_provider, algorithm):
    """Every algorithm: a key set of two keys, the signing one named by `kid`, opens the API. The twin, signed by a key the provider does not have, is refused."""
    private, other = signing.key(KEYS[algorithm], 1), signing.key(KEYS[algorithm], 2)
    keys = [public_jwk(signing.key(KEYS[algorithm], 3), kid="decoy"), public_jwk(private, kid="mine")]
    client = oidc_provider.new_client(client_auth="private_key_jwt", token_endpoint_auth_signing_alg=algorithm, jwks={"keys": keys})
    named = {"algorithm": algorithm, "key_id": "mine"}
    good = by_private_key(oidc_provider, client, private, client_assertion=named)
    twin = by_private_key(oidc_provider, client, other, client_assertion=named)

    assert 200 == status_of(good, oidc_provider.api_url + "/me")
    assert "invalid_client" == refused(twin).error
    assert 1 == oidc_provider.counts(client)["granted"]


@pytest.mark.proves("token request and response: assertion built from key (JWT/SAML)")
@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA"])
def test_private_key_jwt_with_a_certificate(oidc_provider, algorithm):
    """`x5t#S256` names the certificate, `x5c` in the key set holds it. The twin claims another audience, and is refused."""
    private = signing.key(KEYS[algorithm], 1)
    jwk = public_jwk(private, x5c=[base64.b64encode(certificate_der(private)).decode()], **{"x5t#S256": thumbprint_of(private)})
    client = oidc_provider.new_client(client_auth="private_key_jwt", token_endpoint_auth_signing_alg=algorithm, jwks={"keys": [jwk]})
    inputs = {"client_id": client.client_id, "signing_key": signing.pem(private), "certificate": signing.certificate_pem(private)}

    def connected(**claims: Any) -> Any:
        header = {"x5t#S256": "{{ x5t(inputs.certificate, 'sha256') }}"}
        auth = {
            "type": "oauth2", "grant_type": "client_credentials", "token_url": oidc_provider.token_url, "client_auth": "private_key_jwt",
            "client_assertion": {"algorithm": algorithm, "header": header, "claims": claims},
        }  # fmt: skip
        return declaring(auth, oidc_provider.origin, {"certificate": {"type": "pem"}}, inputs)

    good, twin = connected(), connected(aud="https://elsewhere.example")

    assert 200 == status_of(good, oidc_provider.api_url + "/me")
    assert "invalid_client" == refused(twin).error
    header, _ = signing.parts(sent_assertion(oidc_provider, client))
    assert thumbprint_of(private) == header["x5t#S256"]


def sent_assertion(provider: Any, client: Any, name: str = "client_assertion") -> str:
    """The assertion of the client's first token request."""
    return httpx.QueryParams(provider.seen(client, kind="token")[0].body)[name]


def test_the_client_proves_itself_once(oidc_provider):
    """The assertion goes alone: no Basic header, no secret. The twin without an assertion (the id alone) is refused."""
    private = signing.key()
    client = oidc_provider.new_client(client_auth="private_key_jwt", jwks={"keys": [public_jwk(private)]})

    token_of(by_private_key(oidc_provider, client, private))
    twin = refused(connect({"type": "oauth2", "grant_type": "client_credentials", "token_url": oidc_provider.token_url, "client_auth": "none"},
                           oidc_provider.origin, inputs={"client_id": client.client_id}))  # fmt: skip

    seen = oidc_provider.seen(client, kind="token")[0]
    assert seen.header("authorization") is None
    assert {"grant_type", "client_id", "client_assertion_type", "client_assertion"} == set(httpx.QueryParams(seen.body))
    assert "invalid_client" == twin.error


def test_each_try_has_an_assertion_of_its_own(oidc_provider):
    """oidc-provider takes a `jti` once: where the answer of the first try is lost, the second is granted all the same."""
    private = signing.key()
    client = oidc_provider.new_client(client_auth="private_key_jwt", jwks={"keys": [public_jwk(private)]})
    oidc_provider.lose(client, answers=1)

    assert token_of(by_private_key(oidc_provider, client, private)).access_token

    tries = oidc_provider.seen(client, kind="token")
    told = [signing.parts(httpx.QueryParams(one.body)["client_assertion"])[1] for one in tries]
    assert 2 == len(told) == len({claims["jti"] for claims in told})


def test_a_used_jti_is_refused(oidc_provider):
    """The twin of the test above: with a `jti` that stays the same the second token is refused."""
    private = signing.key()
    client = oidc_provider.new_client(client_auth="private_key_jwt", jwks={"keys": [public_jwk(private)]})
    same = {"client_assertion": {"claims": {"jti": "always-this"}}}

    assert token_of(by_private_key(oidc_provider, client, private, **same)).access_token
    assert "invalid_client" == refused(by_private_key(oidc_provider, client, private, **same)).error


@pytest.mark.proves("token request and response: assertion built from key (JWT/SAML)")
@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_client_secret_jwt(oidc_provider, algorithm):
    """Signed with the secret, which does not travel. The twin with another secret is refused, and so is Basic."""
    client = oidc_provider.new_client(client_auth="client_secret_jwt", client_secret=LONG, token_endpoint_auth_signing_alg=algorithm)

    def connected(method: str, secret: str, **more: Any) -> Any:
        auth = {"type": "oauth2", "grant_type": "client_credentials", "token_url": oidc_provider.token_url, "client_auth": method, **more}
        return connect(auth, oidc_provider.origin, inputs={"client_id": client.client_id, "client_secret": secret})

    written = {} if algorithm == "HS256" else {"client_assertion": {"algorithm": algorithm}}
    assert 200 == status_of(connected("client_secret_jwt", LONG, **written), oidc_provider.api_url + "/me")
    assert "invalid_client" == refused(connected("client_secret_jwt", LONG + "!", **written)).error
    assert "invalid_client" == refused(connected("client_secret_basic", LONG)).error
    assert LONG not in oidc_provider.seen(client, kind="token")[0].body


def test_private_key_jwt_also_refreshes(oidc_provider):
    """A refresh is proven like the grant, with an assertion of its own whose audience is the token endpoint."""
    private = signing.key()
    client = oidc_provider.new_client(client_auth="private_key_jwt", jwks={"keys": [public_jwk(private)]}, grant_types=("account_credentials", "refresh_token"), ttl=2)
    fields = [{"key": "account_id", "value": "7"}]
    connection = by_private_key(oidc_provider, client, private, grant_type="account_credentials", token_request={"fields": fields}, refresh_url=f"{oidc_provider.token_url}?refresh")

    first = token_of(connection)
    time.sleep(2.1)
    second = token_of(connection)

    assert not first.access_token.matches(second.access_token)
    bodies = [httpx.QueryParams(one.body) for one in oidc_provider.seen(client, kind="token")]
    assert ["account_credentials", "refresh_token"] == [body["grant_type"] for body in bodies]
    assert {oidc_provider.token_url} == {signing.parts(body["client_assertion"])[1]["aud"] for body in bodies}


def test_private_key_jwt_at_an_endpoint_that_was_found(oidc_provider):
    """Where the issuer's metadata name the token endpoint, that is the audience."""
    private = signing.key()
    client = oidc_provider.new_client(client_auth="private_key_jwt", jwks={"keys": [public_jwk(private)]})
    auth = {"type": "oauth2", "grant_type": "client_credentials", "issuer": oidc_provider.origin, "client_auth": "private_key_jwt"}
    connection = connect(auth, oidc_provider.origin, inputs={"client_id": client.client_id, "signing_key": signing.pem(private)})

    assert 200 == status_of(connection, oidc_provider.api_url + "/me")
    assert oidc_provider.token_url == signing.parts(sent_assertion(oidc_provider, client))[1]["aud"]


def test_private_key_jwt_in_the_code_flow(oidc_provider):
    """A person's code is exchanged with the client's assertion. The twin, whose key the provider does not have, gets no token for its code."""
    private = signing.key()
    back = "http://127.0.0.1:7777/callback"
    client = oidc_provider.new_client(
        client_auth="private_key_jwt", jwks={"keys": [public_jwk(private)]}, grant_types=("authorization_code", "refresh_token"), redirect_uris=[back]
    )
    written = {
        "type": "oauth2", "grant_type": "authorization_code", "authorization_url": oidc_provider.authorization_url, "token_url": oidc_provider.token_url,
        "redirect_uri": back, "scopes": ["openid"], "client_auth": "private_key_jwt",
    }  # fmt: skip

    def signed_in(by: Any) -> Any:
        inputs = {"client_id": client.client_id, "signing_key": signing.pem(by)}
        connection = engine().connect(profile(written, oidc_provider.origin), inputs=inputs, subject="robot")
        answer = sign_in(connection.begin_authorization().result(20).url)
        connection.complete_authorization(answer).result(20)
        return connection

    assert 200 == status_of(signed_in(private), oidc_provider.api_url + "/me")
    with pytest.raises(TokenEndpointError, match="invalid_client"):
        signed_in(signing.key("RSA", 2))


# ---- grants that rest on an assertion


@pytest.mark.proves("token request and response: assertion built from key (JWT/SAML)", "computed values: parse JSON credential (key file)")
def test_a_service_account_as_googles(oidc_provider):
    """The shipped form: everything from a key file. The twin, signed with another key, is refused by jose."""
    private = signing.key()
    client = oidc_provider.new_client(issuer="robot@project.example", jwks={"keys": [public_jwk(private, kid="k1")]})

    def connected(by: Any) -> Any:
        key_file = {"private_key": signing.pem(by), "private_key_id": "k1", "client_email": "robot@project.example"}
        assertion = {
            "signing_key": "{{ inputs.key_file.private_key }}", "key_id": "{{ inputs.key_file.private_key_id }}", "lifetime": 3600,
            "claims": {"iss": "{{ inputs.key_file.client_email }}", "scope": "api:read"},
        }  # fmt: skip
        auth = {"type": "oauth2", "grant_type": "jwt_bearer", "token_url": oidc_provider.self_signed_token_url, "assertion": assertion}
        return declaring(auth, oidc_provider.origin, {"key_file": {"type": "json", "secret": True}}, {"key_file": json.dumps(key_file)})

    good = connected(private)

    assert [200, 200] == [status_of(good, oidc_provider.api_url + path) for path in ("/me", "/read")]
    assert "invalid_grant" == refused(connected(signing.key("RSA", 2))).error
    assert set(httpx.QueryParams(oidc_provider.seen(client, kind="token")[0].body)) == {"grant_type", "assertion"}


@pytest.mark.parametrize(
    ("change", "says"),
    [({"claims": {"aud": "https://elsewhere.example"}}, "aud"), ({"lifetime": 7200}, "exp"), ({"claims": {"exp": False}}, "exp")],
    ids=["another audience", "too long", "without an end"],
)
def test_what_is_claimed_decides(oidc_provider, change, says):
    """Twins of a JWT that is accepted: one claim changed, and jose refuses; the report has its words."""
    private = signing.key()
    client = oidc_provider.new_client(jwks={"keys": [public_jwk(private)]})

    def connected(assertion: Any) -> Any:
        auth = {"type": "oauth2", "grant_type": "jwt_bearer", "token_url": oidc_provider.self_signed_token_url, "assertion": assertion}
        return connect(auth, oidc_provider.origin, inputs={"client_id": client.client_id, "signing_key": signing.pem(private)})

    assert token_of(connected({})).access_token
    error = refused(connected(change))
    assert "invalid_grant" == error.error
    assert says in (error.error_description or "")


@pytest.mark.proves("token request and response: assertion built from key (JWT/SAML)")
def test_jwt_bearer_with_a_client_that_proves_itself(oidc_provider):
    """The grant at a certified server, beside the client's own Basic; the claim `sub` says for whom. The twin signs with another key."""
    private = signing.key("P-256")
    client = oidc_provider.new_client(grant_types=(JWT_BEARER,), jwks={"keys": [public_jwk(private, kid="e1")]})

    def connected(by: Any) -> Any:
        assertion = {"algorithm": "ES256", "key_id": "e1", "claims": {"sub": "ada"}}
        auth = {"type": "oauth2", "grant_type": "jwt_bearer", "token_url": oidc_provider.token_url, "client_id": "{{ inputs.client_id }}", "scopes": "api:read", "assertion": assertion}
        return connect(auth, oidc_provider.origin, inputs={"client_id": client.client_id, "client_secret": client.client_secret, "signing_key": signing.pem(by)})

    assert 200 == status_of(connected(private), oidc_provider.api_url + "/read")
    assert "invalid_grant" == refused(connected(signing.key("P-256", 2))).error


@pytest.mark.proves("token request and response: assertion built from key (JWT/SAML)")
@pytest.mark.parametrize("form", ["base64url", "XML", "base64"])
def test_saml_bearer(oidc_provider, form):
    """A signed assertion in each form is verified by xml-crypto. The twins, for another audience and with an end that is over, are refused."""
    client = oidc_provider.new_client(grant_types=(SAML2_BEARER,))

    def formed(text: str) -> str:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        return {"base64url": text, "XML": raw.decode(), "base64": base64.encodebytes(raw).decode()}[form]

    def connected(saml: str) -> Any:
        auth = {
            "type": "oauth2", "grant_type": "saml2_bearer", "token_url": oidc_provider.token_url, "client_id": "{{ inputs.client_id }}",
            "assertion": "{{ inputs.saml }}",
        }  # fmt: skip
        values = {"client_id": client.client_id, "client_secret": client.client_secret, "saml": saml}
        return declaring(auth, oidc_provider.origin, {"saml": {"secret": True}}, values)

    assert token_of(connected(formed(oidc_provider.saml_assertion("ada")))).access_token
    assert "invalid_grant" == refused(connected(formed(oidc_provider.saml_assertion("ada", audience="https://elsewhere.example")))).error
    assert "invalid_grant" == refused(connected(formed(oidc_provider.saml_assertion("ada", seconds=-60)))).error


def test_token_exchange(oidc_provider):
    """One token for another (RFC 8693). The twin, whose subject token is dead, is refused."""
    subject = oidc_provider.new_client()
    theirs = token_of(connect({"type": "oauth2", "grant_type": "client_credentials", "token_url": oidc_provider.token_url}, oidc_provider.origin,
                              inputs={"client_id": subject.client_id, "client_secret": subject.client_secret}))  # fmt: skip
    client = oidc_provider.new_client(grant_types=(TOKEN_EXCHANGE,))

    def connected(token: str) -> Any:
        fields = [{"key": "subject_token", "value": "{{ inputs.subject_token }}"}, {"key": "subject_token_type", "value": ACCESS_TOKEN}]
        auth = {
            "type": "oauth2", "grant_type": "token_exchange", "token_url": oidc_provider.token_url, "client_id": "{{ inputs.client_id }}",
            "scopes": "api:read", "token_request": {"fields": fields},
        }  # fmt: skip
        values = {"client_id": client.client_id, "client_secret": client.client_secret, "subject_token": token}
        return declaring(auth, oidc_provider.origin, {"subject_token": {"secret": True}}, values)

    assert 200 == status_of(connected(theirs.access_token.reveal()), oidc_provider.api_url + "/read")
    oidc_provider.kill(subject)
    assert "invalid_grant" == refused(connected(theirs.access_token.reveal())).error


# ---- a JWT as the credential itself


@pytest.mark.proves("auth kind: self-signed JWT as bearer")
def test_a_self_signed_jwt_opens_the_api(oidc_provider):
    """jose at the API takes the client's own JWT, one for many requests. The twins: a token that nobody signed, and another key."""
    private = signing.key()
    client = oidc_provider.new_client(jwks={"keys": [public_jwk(private)]})
    api = oidc_provider.self_signed_api_url

    def connected(by: Any) -> Any:
        auth = {"type": "jwt", "assertion": {"lifetime": 600, "claims": {"iss": "{{ inputs.client_id }}", "sub": "ada"}}}
        return declaring(auth, oidc_provider.origin, {"client_id": {}}, {"client_id": client.client_id, "signing_key": signing.pem(by)})

    unsigned = connect({"type": "bearer"}, oidc_provider.origin, inputs={"token": f"{b64(b'{}')}.{b64(b'{}')}."})
    good = connected(private)

    assert [200, 200, 401, 401] == [status_of(one, api + "/me") for one in (good, good, unsigned, connected(signing.key("RSA", 2)))]


@pytest.mark.proves("auth kind: self-signed JWT as bearer")
def test_a_self_signed_jwt_that_has_ended_is_made_anew(oidc_provider):
    """Long before its end another one is signed; the twin, a clock that stands still an hour ago, is refused by the API."""
    private, clock = signing.key(), Clock()
    client = oidc_provider.new_client(jwks={"keys": [public_jwk(private)]})
    made = profile({"type": "jwt", "assertion": {"claims": {"iss": "{{ inputs.client_id }}"}}}, oidc_provider.origin, inputs={"client_id": {}})
    connection = engine(clock=clock).connect(made, inputs={"client_id": client.client_id, "signing_key": signing.pem(private)})
    api = oidc_provider.self_signed_api_url + "/me"

    clock.ahead = -3600
    stale = status_of(connection, api)
    clock.ahead = 0
    fresh = status_of(connection, api)

    assert (401, 200) == (stale, fresh)


@pytest.mark.proves("auth kind: GitHub App JWT->installation token", "token request and response: assertion built from key (JWT/SAML)")
def test_a_github_app(oidc_provider):
    """A JWT in the Authorization header of the token request buys an installation token (201, `token`, `expires_at`), which opens the API.

    The twins: without the header, and signed with another key.
    """
    private = signing.key()
    client = oidc_provider.new_client(issuer="app-1234", jwks={"keys": [public_jwk(private)]})

    def connected(by: Any, *, bearer: bool = True) -> Any:
        field = {"in": "header", "key": "Authorization" if bearer else "X-Authorization", "value": "Bearer {{ assertion }}"}
        auth = {
            "type": "session", "token_url": oidc_provider.installation_url(), "assertion": {"claims": {"iss": "{{ inputs.app_id }}"}},
            "token_request": {"fields": [field]},
            "token_response": {"access_token": "{{ response.json.token }}", "expires_at": "{{ response.json.expires_at }}"},
        }  # fmt: skip
        return declaring(auth, oidc_provider.origin, {"app_id": {}, **KEY}, {"app_id": "app-1234", "signing_key": signing.pem(by)})

    good = connected(private)

    assert [200, 200] == [status_of(good, oidc_provider.api_url + "/me") for _ in range(2)]
    assert 590 < token_of(good).expires_at - time.time() <= 600
    assert [401, 401] == [refused(connected(private, bearer=False)).status, refused(connected(signing.key("RSA", 2))).status]
    assert 1 == len([one for one in oidc_provider.seen(client) if "/installations/" in one.target and one.status == 201])


# ---- a token request that is signed


@pytest.mark.proves("token request and response: signed token request", "computed values: hash/hmac/sign function")
def test_a_signed_token_request(verifiers):
    """The body of the token request is signed in a header, and gidgethub verifies it. The twin without the signature gets no token."""
    def connected(fields: list[dict[str, Any]]) -> Any:
        auth = {
            "type": "oauth2", "grant_type": "client_credentials", "token_url": verifiers.github_url, "client_auth": "client_secret_post",
            "token_request": {"encoding": "json", "fields": fields}, "token_response": {"access_token": "{{ response.json.user }}", "token_type": "Bearer"},
        }  # fmt: skip
        return declaring(auth, verifiers.origin, {"shared": {"secret": True}}, {"client_id": "robot", "client_secret": "plain-secret", "shared": SHARED})

    signature = {"in": "header", "key": "X-Hub-Signature-256", "value": "sha256={{ hmac(inputs.shared, request.body, 'sha256') | hex }}"}

    assert "me" == token_of(connected([signature])).access_token.reveal()
    with pytest.raises(TokenEndpointError) as caught:
        token_of(connected([{**signature, "key": "X-Something-Else"}]))
    assert 401 == caught.value.status

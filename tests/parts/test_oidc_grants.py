"""oidc-provider signs people in, judges assertions, and binds tokens, as its fixture promises. Tests of the harness, not of the product."""

from __future__ import annotations

import ssl
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from hashlib import sha256
from secrets import token_hex
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import joserfc.jwk
import joserfc.jwt
import pytest

from parts.asking import BACK, CREDENTIALS, bearer, form_encoded, s256
from parts.browsing import confirm_device, sign_in
from parts.certificates import Authority, Certificate
from parts.oidc import OidcProvider


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False) as client:
        yield client


def key_pair(algorithm: str = "ES256") -> tuple[joserfc.jwk.Key, dict[str, Any]]:
    """A private key, and the set with its public half as a client registers it."""
    kind, of = {"ES256": ("EC", "P-256"), "RS256": ("RSA", 2048), "EdDSA": ("OKP", "Ed25519")}[algorithm]
    key = joserfc.jwk.generate_key(kind, of, {"kid": "one", "use": "sig", "alg": algorithm})  # type: ignore[call-overload]  # one pair of the table
    return key, {"keys": [key.as_dict(private=False)]}


def signed(key: joserfc.jwk.Key, header: dict[str, Any] | None = None, **claims: Any) -> str:
    """A JWT that is good for a minute."""
    times = {"iat": int(time.time()), "exp": int(time.time()) + 60, "jti": token_hex(8)}
    return joserfc.jwt.encode({"alg": "ES256", **(header or {})}, times | claims, key, algorithms=["ES256", "HS256"])


class TestOidcProviderSignIn:
    def test_code_with_pkce(self, http: httpx.Client, oidc_provider: OidcProvider) -> None:
        """A person signs in, the code comes back with state and issuer; without its verifier it is worth nothing."""
        client = oidc_provider.new_client(grant_types=("authorization_code", "refresh_token"), redirect_uris=[BACK])
        verifier = token_hex(32)
        asked = {
            "client_id": client.client_id,
            "response_type": "code",
            "redirect_uri": BACK,
            "scope": "openid api:read",
            "state": "s",
        }
        asked |= {"code_challenge_method": "S256", "code_challenge": s256(verifier)}

        def redeemed(**more: str) -> httpx.Response:
            back = dict(parse_qsl(urlsplit(sign_in(f"{oidc_provider.authorization_url}?{urlencode(asked)}")).query))
            assert (back["state"], back["iss"]) == ("s", oidc_provider.origin)
            form = {"grant_type": "authorization_code", "code": back["code"], "redirect_uri": BACK, **more}
            return http.post(oidc_provider.token_url, data=form, headers=form_encoded(client))

        good = redeemed(code_verifier=verifier)

        assert {"access_token", "refresh_token"} <= set(good.json())
        assert redeemed().json()["error"] == redeemed(code_verifier="x" * 43).json()["error"] == "invalid_grant"

    def test_pkce_can_be_required_and_consent_refused(self, oidc_provider: OidcProvider) -> None:
        """`pkce=True` refuses a request without challenge; a person who says no comes back with access_denied."""
        for pkce, error in ((True, "invalid_request"), (False, "access_denied")):
            client = oidc_provider.new_client(grant_types=("authorization_code",), redirect_uris=[BACK], pkce=pkce)
            asked = {"client_id": client.client_id, "response_type": "code", "redirect_uri": BACK, "scope": "openid"}

            back = sign_in(f"{oidc_provider.authorization_url}?{urlencode(asked)}", refuse=True)

            assert dict(parse_qsl(urlsplit(back).query))["error"] == error

    def test_offline_access_needs_a_parameter(self, http: httpx.Client, oidc_provider: OidcProvider) -> None:
        """With `offline=True` only `prompt=consent` and offline_access give a refresh token."""
        client = oidc_provider.new_client(
            grant_types=("authorization_code", "refresh_token"), redirect_uris=[BACK], offline=True
        )
        asked = {
            "client_id": client.client_id,
            "response_type": "code",
            "redirect_uri": BACK,
            "scope": "openid offline_access",
        }
        got = []

        for more in ({}, {"prompt": "consent"}):
            back = dict(
                parse_qsl(urlsplit(sign_in(f"{oidc_provider.authorization_url}?{urlencode(asked | more)}")).query)
            )
            form = {"grant_type": "authorization_code", "code": back["code"], "redirect_uri": BACK}
            got.append(http.post(oidc_provider.token_url, data=form, headers=form_encoded(client)).json())

        assert ["refresh_token" in tokens for tokens in got] == [False, True]

    @pytest.mark.parametrize("refuse", [False, True])
    def test_device(self, http: httpx.Client, oidc_provider: OidcProvider, refuse: bool) -> None:
        """The code is pending until a person has entered it, and then worth a token, or access_denied."""
        grant = "urn:ietf:params:oauth:grant-type:device_code"
        client = oidc_provider.new_client(grant_types=(grant, "refresh_token"))
        asked = http.post(
            oidc_provider.device_authorization_url, data={"scope": "openid api:read"}, headers=form_encoded(client)
        ).json()
        form = {"grant_type": grant, "device_code": asked["device_code"]}

        early = http.post(oidc_provider.token_url, data=form, headers=form_encoded(client))
        confirm_device(asked["verification_uri"], asked["user_code"], refuse=refuse)
        late = http.post(oidc_provider.token_url, data=form, headers=form_encoded(client)).json()

        assert early.json()["error"] == "authorization_pending"
        assert late.get("error") == ("access_denied" if refuse else None)
        assert ("access_token" in late) is not refuse

    def test_a_client_registers_by_itself(self, http: httpx.Client, oidc_provider: OidcProvider) -> None:
        """RFC 7591: what the server answers opens the token endpoint."""
        wanted = {"redirect_uris": [], "response_types": [], "grant_types": ["client_credentials"]}
        made = http.post(oidc_provider.registration_url, json=wanted).json()

        answer = http.post(oidc_provider.token_url, data=CREDENTIALS, auth=(made["client_id"], made["client_secret"]))

        assert answer.status_code == 200
        assert (
            http.post(oidc_provider.registration_url, json={"redirect_uris": "no"}).json()["error"]
            == "invalid_redirect_uri"
        )


class TestOidcProviderAssertions:
    TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

    @pytest.mark.parametrize("method", ["private_key_jwt", "client_secret_jwt"])
    def test_client_assertions(self, http: httpx.Client, oidc_provider: OidcProvider, method: str) -> None:
        """Signed by the client, for this server, and once: else invalid_client."""
        key, jwks = key_pair()
        client = oidc_provider.new_client(
            client_auth=method, client_secret="s" * 40, **({"jwks": jwks} if method == "private_key_jwt" else {})
        )
        signing, alg = (
            (key, "ES256") if method == "private_key_jwt" else (joserfc.jwk.OctKey.import_key("s" * 40), "HS256")
        )
        names = {"iss": client.client_id, "sub": client.client_id}

        def ask(assertion: str) -> int:
            form = CREDENTIALS | {"client_assertion_type": self.TYPE, "client_assertion": assertion}
            return http.post(oidc_provider.token_url, data=form).status_code

        good = signed(signing, {"alg": alg}, aud=oidc_provider.token_url, **names)
        elsewhere = signed(signing, {"alg": alg}, aud="https://other.example", **names)
        forged = signed(key_pair()[0], aud=oidc_provider.token_url, **names)

        assert [ask(each) for each in (good, good, elsewhere, forged)] == [200, 401, 401, 401]

    def test_a_client_certificate(self, oidc_provider: OidcProvider, authority: Authority) -> None:
        """tls_client_auth: the certificate with the registered name, and bound tokens only with it."""
        secure = oidc_provider.over_https()
        client = secure.new_client(
            client_auth="tls_client_auth",
            tls_client_auth_san_dns="robot.example",
            tls_client_certificate_bound_access_tokens=True,
        )
        right, wrong = (authority.issue(name, client=True) for name in ("robot.example", "other.example"))
        form = CREDENTIALS | {"client_id": client.client_id}

        def https(shown: Certificate | None) -> httpx.Client:
            trusting = ssl.create_default_context(cafile=authority.ca)
            if shown:
                trusting.load_cert_chain(shown.certificate, shown.key)
            return httpx.Client(trust_env=False, verify=trusting)

        with https(right) as one, https(wrong) as two, https(None) as three:
            good, *bad = [http.post(secure.token_url, data=form) for http in (one, two, three)]
            token = bearer(good.json()["access_token"])
            used = [http.get(secure.api_url + "/me", headers=token).status_code for http in (one, two, three)]

        assert [answer.json()["error"] for answer in bad] == ["invalid_client"] * 2
        assert used == [200, 401, 401]

    @pytest.mark.parametrize("place", ["token_url", "self_signed_token_url"])
    def test_jwt_bearer(self, http: httpx.Client, oidc_provider: OidcProvider, place: str) -> None:
        """With client authentication, or by the assertion alone, under the name a client signs with."""
        key, jwks = key_pair()
        own = {"issuer": "robot@parts.example"} if place == "self_signed_token_url" else {}
        client = oidc_provider.new_client(
            grant_types=("urn:ietf:params:oauth:grant-type:jwt-bearer", "client_credentials"), jwks=jwks, **own
        )
        url = getattr(oidc_provider, place)
        claims = {"iss": own.get("issuer", client.client_id), "sub": "robot", "aud": url}

        def ask(assertion: str) -> httpx.Response:
            form = {
                "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
                "assertion": assertion,
                "scope": "api:read",
            }
            return http.post(url, data=form, headers={} if own else form_encoded(client))

        good = ask(signed(key, **claims))
        late = ask(signed(key, **claims | {"exp": int(time.time()) - 600}))
        forged = ask(signed(key_pair()[0], **claims))

        assert http.get(oidc_provider.api_url + "/me", headers=bearer(good.json()["access_token"])).status_code == 200
        assert [late.json()["error"], forged.json()["error"]] == ["invalid_grant"] * 2
        assert oidc_provider.counts(client)["granted"] == 1

    def test_saml_bearer(self, http: httpx.Client, oidc_provider: OidcProvider) -> None:
        """A signed assertion for this server; another audience, an end in the past and a changed letter are refused."""
        grant = "urn:ietf:params:oauth:grant-type:saml2-bearer"
        client = oidc_provider.new_client(grant_types=(grant,))
        good = oidc_provider.saml_assertion()
        text = urlsafe_b64decode(good + "==").replace(b">robot<", b">other<")
        bad = [
            oidc_provider.saml_assertion(audience="x"),
            oidc_provider.saml_assertion(seconds=-9),
            urlsafe_b64encode(text).decode(),
        ]

        answers = [
            http.post(
                oidc_provider.token_url, data={"grant_type": grant, "assertion": each}, headers=form_encoded(client)
            )
            for each in (good, *bad)
        ]

        assert [answer.json().get("error") for answer in answers] == [None, *["invalid_grant"] * 3]

    def test_token_exchange(self, http: httpx.Client, oidc_provider: OidcProvider) -> None:
        """A living token of this server is worth another; a dead one is not."""
        grant = "urn:ietf:params:oauth:grant-type:token-exchange"
        client = oidc_provider.new_client(grant_types=(grant, "client_credentials"))
        first = http.post(oidc_provider.token_url, data=CREDENTIALS, headers=form_encoded(client)).json()[
            "access_token"
        ]
        form = {
            "grant_type": grant,
            "subject_token": first,
            "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
            "scope": "api:read",
        }

        good = http.post(oidc_provider.token_url, data=form, headers=form_encoded(client)).json()
        oidc_provider.kill(client)
        dead = http.post(oidc_provider.token_url, data=form, headers=form_encoded(client)).json()

        assert (good["issued_token_type"], dead["error"]) == (form["subject_token_type"], "invalid_grant")

    def test_a_self_signed_jwt(self, http: httpx.Client, oidc_provider: OidcProvider) -> None:
        """It opens an API by itself, and is worth an installation's token, as at GitHub."""
        key, jwks = key_pair()
        client = oidc_provider.new_client(jwks=jwks)
        good, forged = (bearer(signed(each, iss=client.client_id)) for each in (key, key_pair()[0]))

        answers = [
            http.get(oidc_provider.self_signed_api_url + "/me", headers=each).status_code for each in (good, forged, {})
        ]
        made = http.post(oidc_provider.installation_url(), headers=good)

        assert answers == [200, 401, 401]
        assert (made.status_code, made.json()["expires_at"][-1]) == (201, "Z")
        assert http.get(oidc_provider.api_url + "/me", headers=bearer(made.json()["token"])).status_code == 200
        assert http.post(oidc_provider.installation_url(), headers=forged).status_code == 401


class TestOidcProviderDpop:
    @pytest.mark.parametrize("nonce", [False, True])
    def test_bound_tokens(self, http: httpx.Client, oidc_provider: OidcProvider, nonce: bool) -> None:
        """A bound token opens the API with a proof of the same key for this request, not as Bearer, not by another key."""
        key, other = key_pair()[0], key_pair()[0]
        client = oidc_provider.new_client(dpop_bound_access_tokens=True, dpop_nonce=nonce)
        seen: dict[str, str] = {}

        def proof(method: str, url: str, by: joserfc.jwk.Key = key, **claims: str) -> dict[str, str]:
            header = {
                "typ": "dpop+jwt",
                "jwk": {
                    name: value for name, value in by.as_dict(private=False).items() if name in ("kty", "crv", "x", "y")
                },
            }
            return {"DPoP": signed(by, header, htm=method, htu=url, **seen, **claims)}

        def ask() -> httpx.Response:
            answer = http.post(
                oidc_provider.token_url,
                data=CREDENTIALS,
                headers=form_encoded(client) | proof("POST", oidc_provider.token_url),
            )
            if answer.headers.get("DPoP-Nonce"):
                seen["nonce"] = answer.headers["DPoP-Nonce"]
            return answer

        if nonce:
            assert ask().json()["error"] == "use_dpop_nonce"
        token = ask().json()
        url = oidc_provider.api_url + "/me"
        ath = urlsafe_b64encode(sha256(token["access_token"].encode()).digest()).decode().rstrip("=")
        presented = {"Authorization": f"DPoP {token['access_token']}"}
        answers = [
            http.get(url, headers=presented | proof("GET", url, ath=ath)),
            http.get(url, headers=presented),
            http.get(url, headers=bearer(token["access_token"])),
            http.get(url, headers=presented | proof("POST", url, ath=ath)),
            http.get(url, headers=presented | proof("GET", url, by=other, ath=ath)),
        ]
        seen.clear()
        without = http.get(url, headers=presented | proof("GET", url, ath=ath))

        assert token["token_type"] == "DPoP"
        assert [answer.status_code for answer in answers] == [200, 401, 401, 401, 401]
        assert without.status_code == (401 if nonce else 200)
        assert ("use_dpop_nonce" in without.headers.get("WWW-Authenticate", "")) is nonce
        assert ("DPoP-Nonce" in without.headers) or not nonce

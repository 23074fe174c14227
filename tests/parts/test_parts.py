"""Each foreign part starts, and answers as its fixture promises. These are tests of the harness, not of the product."""

from __future__ import annotations

import ssl
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from secrets import token_hex
from urllib.parse import parse_qs, parse_qsl, quote, urlencode, urlsplit

import httpx
import pytest

from parts import nginx as nginx_part
from parts.asking import BACK, CREDENTIALS, basic, bearer, form_encoded, in_body, raw, s256
from parts.browsing import confirm_device, sign_in
from parts.certificates import Authority
from parts.chromium import Browser
from parts.django_provider import DjangoProvider, Started
from parts.identity import COLON_ID, PASSWORD, SPECIAL_SECRET, USERNAME, Client, IdentityProvider
from parts.nginx import Nginx
from parts.oidc import JWT_RESOURCE, OPAQUE_RESOURCE, OidcProvider
from parts.yaml_language_server import LanguageServer


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False) as client:
        yield client


def counts_of_a_crowd(provider: IdentityProvider, headers: Callable[[Client], dict[str, str]]) -> Counter[str]:
    """What the server counts when 32 threads ask for a token at the same time."""
    client = provider.new_client(delay=0.05)

    with httpx.Client(trust_env=False, timeout=30) as http, ThreadPoolExecutor(32) as threads:

        def ask(_: int) -> int:
            return http.post(provider.token_url, data=CREDENTIALS, headers=headers(client)).status_code

        assert set(threads.map(ask, range(32))) == {200}
    return provider.counts(client)


class TestOidcProvider:
    def test_a_crowd_is_counted_to_the_last(self, oidc_provider: OidcProvider) -> None:
        """Every one of many concurrent token requests is answered and counted."""
        assert counts_of_a_crowd(oidc_provider, form_encoded) == {"token": 32, "granted": 32}

    @pytest.mark.parametrize("client_id", ["plain", COLON_ID])
    def test_takes_form_encoded_basic_only(
        self, http: httpx.Client, oidc_provider: OidcProvider, client_id: str
    ) -> None:
        """The form-encoded id and secret are accepted; as they are, they are refused, and both are counted."""
        client = oidc_provider.new_client(client_id=client_id, client_secret=SPECIAL_SECRET)

        accepted = http.post(oidc_provider.token_url, data=CREDENTIALS, headers=form_encoded(client))
        refused = http.post(oidc_provider.token_url, data=CREDENTIALS, headers=raw(client))

        assert accepted.status_code == 200
        assert accepted.json()["token_type"] == "Bearer"
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
        assert oidc_provider.counts(client)["granted"] == 1

    def test_takes_the_secret_in_the_body(self, http: httpx.Client, oidc_provider: OidcProvider) -> None:
        """client_secret_post works with every character; a wrong secret is invalid_client, counted for its client."""
        client = oidc_provider.new_client(client_secret=SPECIAL_SECRET, client_auth="client_secret_post")

        accepted = http.post(oidc_provider.token_url, data=CREDENTIALS | in_body(client))
        refused = http.post(oidc_provider.token_url, data=CREDENTIALS | in_body(client) | {"client_secret": "wrong"})

        assert accepted.status_code == 200
        assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
        assert oidc_provider.counts(client) == {"token": 2, "granted": 1, "invalid_client": 1}

    def test_a_client_has_a_lifetime_of_its_own(self, http: httpx.Client, oidc_provider: OidcProvider) -> None:
        """A token that lives for 2 s is accepted, and 2 s later refused as RFC 6750 says."""
        client = oidc_provider.new_client(ttl=2)
        answer = http.post(oidc_provider.token_url, data=CREDENTIALS, headers=form_encoded(client)).json()

        early = http.get(oidc_provider.api_url + "/me", headers=bearer(answer["access_token"]))
        time.sleep(2.1)
        late = http.get(oidc_provider.api_url + "/me", headers=bearer(answer["access_token"]))

        assert answer["expires_in"] == 2
        assert (200, client.client_id) == (early.status_code, early.json()["client_id"])
        assert late.status_code == 401
        assert 'error="invalid_token"' in late.headers["WWW-Authenticate"]
        assert (oidc_provider.counts(client)["api_200"], oidc_provider.counts(client)["api_401"]) == (1, 1)

    def test_a_token_dies_early(self, http: httpx.Client, oidc_provider: OidcProvider) -> None:
        """`kill` ends a client's tokens, and nobody else's."""
        killed, other = oidc_provider.new_client(), oidc_provider.new_client()
        tokens = [
            http.post(oidc_provider.token_url, data=CREDENTIALS, headers=form_encoded(client)).json()["access_token"]
            for client in (killed, other)
        ]

        oidc_provider.kill(killed)

        answers = [http.get(oidc_provider.api_url + "/me", headers=bearer(token)).status_code for token in tokens]
        assert answers == [401, 200]

    def test_scopes_are_enforced(self, http: httpx.Client, oidc_provider: OidcProvider) -> None:
        """A scope the client may not have is invalid_scope; a token without the API's scope, insufficient_scope."""
        client = oidc_provider.new_client(scope="api:read asr")

        def ask(scope: str) -> httpx.Response:
            return http.post(oidc_provider.token_url, data=CREDENTIALS | {"scope": scope}, headers=form_encoded(client))

        refused, granted = ask("api:write"), ask("api:read asr")
        token = bearer(granted.json()["access_token"])

        assert refused.json()["error"] == "invalid_scope"
        assert granted.json()["scope"] == "api:read asr"
        assert http.get(oidc_provider.api_url + "/read", headers=token).status_code == 200
        denied = http.post(oidc_provider.api_url + "/write", headers=token)
        assert denied.status_code == 403
        assert 'error="insufficient_scope", scope="api:write"' in denied.headers["WWW-Authenticate"]

    @pytest.mark.parametrize("via", ["header", "query", "body"])
    def test_the_api_takes_a_token_in_three_places(
        self, http: httpx.Client, oidc_provider: OidcProvider, via: str
    ) -> None:
        """RFC 6750 §2: header, form body, query; the API says which it was, and refuses two at once."""
        client = oidc_provider.new_client()
        granted = http.post(oidc_provider.token_url, data=CREDENTIALS, headers=form_encoded(client)).json()
        token = granted["access_token"]
        places = {
            "header": {"headers": bearer(token)},
            "query": {"params": {"access_token": token}},
            "body": {"data": {"access_token": token}},
        }

        answer = http.post(oidc_provider.api_url + "/me", **places[via])
        two = http.post(oidc_provider.api_url + "/me", **places["header"], params={"access_token": token})

        assert (200, via) == (answer.status_code, answer.json()["via"])
        assert two.status_code == 400
        assert oidc_provider.counts(client)["api_200"] == 1

    def test_no_token_is_challenged_without_an_error(self, http: httpx.Client, oidc_provider: OidcProvider) -> None:
        """RFC 6750 §3.1: who brings no credentials gets no error code."""
        answer = http.get(oidc_provider.api_url + "/me")

        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="parts"'

    def test_jwt_tokens_have_their_own_api(self, http: httpx.Client, oidc_provider: OidcProvider) -> None:
        """`resource` chooses the form of the token; express-oauth2-jwt-bearer judges the JWT by signature and scope."""
        client = oidc_provider.new_client()
        wanted = CREDENTIALS | {"scope": "api:read"}
        jwt, opaque = (
            http.post(
                oidc_provider.token_url, data=wanted | {"resource": resource}, headers=form_encoded(client)
            ).json()["access_token"]
            for resource in (JWT_RESOURCE, OPAQUE_RESOURCE)
        )

        good = http.get(oidc_provider.jwt_api_url + "/read", headers=bearer(jwt))
        narrow = http.get(oidc_provider.jwt_api_url + "/write", headers=bearer(jwt))
        forged = http.get(oidc_provider.jwt_api_url + "/read", headers=bearer(jwt[:-8] + "AAAAAAAA"))

        assert (jwt.count("."), opaque.count(".")) == (2, 0)
        assert (200, client.client_id) == (good.status_code, good.json()["client_id"])
        assert narrow.status_code == 403
        assert 'scope="api:write"' in narrow.headers["WWW-Authenticate"]
        assert forged.status_code == 401
        assert http.get(oidc_provider.api_url + "/read", headers=bearer(opaque)).status_code == 200

    def test_https_is_the_same_provider(self, oidc_provider: OidcProvider, authority: Authority) -> None:
        """With the CA trusted, the same clients and tokens work; untrusted, there is no connection."""
        secure = oidc_provider.over_https()
        client = secure.new_client()
        with httpx.Client(trust_env=False, verify=ssl.create_default_context(cafile=secure.ca)) as http:
            answer = http.post(secure.token_url, data=CREDENTIALS, headers=form_encoded(client))
            token = bearer(answer.json()["access_token"])
            used = [http.get(url + "/me", headers=token).status_code for url in (secure.api_url, oidc_provider.api_url)]

        assert secure.ca == authority.ca
        assert secure.token_url.startswith("https://127.0.0.1:")
        assert used == [200, 200]
        assert oidc_provider.counts(client) == {"token": 1, "granted": 1, "api": 2, "api_200": 2}
        with (
            httpx.Client(trust_env=False) as http,
            pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"),
        ):
            http.get(secure.api_url)

    def test_the_vendor_grant_gives_a_rotating_refresh_token(
        self, http: httpx.Client, oidc_provider: OidcProvider
    ) -> None:
        """`account_credentials` answers with both tokens; a used refresh token is refused and ends its family."""
        client = oidc_provider.new_client(grant_types=("account_credentials", "refresh_token"))

        def ask(**parameters: str) -> httpx.Response:
            return http.post(oidc_provider.token_url, data=parameters, headers=form_encoded(client))

        first = ask(grant_type="account_credentials", account_id="7", scope="api:read").json()
        second = ask(grant_type="refresh_token", refresh_token=first["refresh_token"]).json()
        reused = ask(grant_type="refresh_token", refresh_token=first["refresh_token"])
        family = ask(grant_type="refresh_token", refresh_token=second["refresh_token"])

        assert second["refresh_token"] != first["refresh_token"]
        assert [reused.json()["error"], family.json()["error"]] == ["invalid_grant"] * 2
        assert ask(grant_type="account_credentials", account_id="unknown").json()["error"] == "invalid_grant"
        assert (oidc_provider.counts(client)["granted"], oidc_provider.counts(client)["invalid_grant"]) == (2, 3)

    def test_rotation_can_be_left_out(self, http: httpx.Client, oidc_provider: OidcProvider) -> None:
        """With `rotate=False` the refresh token stays and may be used again; `kill(refresh=True)` ends it."""
        client = oidc_provider.new_client(grant_types=("account_credentials", "refresh_token"), rotate=False)
        asked = {"grant_type": "account_credentials", "account_id": "7"}
        first = http.post(oidc_provider.token_url, data=asked, headers=form_encoded(client)).json()
        refresh = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}

        answers = [http.post(oidc_provider.token_url, data=refresh, headers=form_encoded(client)) for _ in range(2)]
        oidc_provider.kill(client, refresh=True)
        ended = http.post(oidc_provider.token_url, data=refresh, headers=form_encoded(client))

        assert [first["refresh_token"]] * 2 == [answer.json()["refresh_token"] for answer in answers]
        assert ended.json()["error"] == "invalid_grant"

    def test_an_answer_can_be_lost_after_the_server_has_acted(
        self, http: httpx.Client, oidc_provider: OidcProvider
    ) -> None:
        """`lose` cuts the connection after rotation: the old token is spent, nobody has the new one."""
        client = oidc_provider.new_client(grant_types=("account_credentials", "refresh_token"))
        asked = {"grant_type": "account_credentials", "account_id": "7"}
        first = http.post(oidc_provider.token_url, data=asked, headers=form_encoded(client)).json()
        refresh = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
        oidc_provider.lose(client)

        with pytest.raises(httpx.RemoteProtocolError):
            http.post(oidc_provider.token_url, data=refresh, headers=form_encoded(client))
        again = http.post(oidc_provider.token_url, data=refresh, headers=form_encoded(client))

        assert again.json()["error"] == "invalid_grant"
        assert oidc_provider.counts(client) == {"token": 3, "granted": 2, "invalid_grant": 1}

    def test_a_slow_endpoint_acts_at_once_and_answers_late(
        self, http: httpx.Client, oidc_provider: OidcProvider
    ) -> None:
        """`delay` holds back the answer of the token endpoint, for that client alone."""
        slow, quick = oidc_provider.new_client(delay=0.5), oidc_provider.new_client()

        taken = []
        for client in (slow, quick):
            start = time.monotonic()
            http.post(oidc_provider.token_url, data=CREDENTIALS, headers=form_encoded(client)).raise_for_status()
            taken.append(time.monotonic() - start)

        assert taken[0] >= 0.5 > taken[1]

    def test_requests_are_shown_as_they_came(self, http: httpx.Client, oidc_provider: OidcProvider) -> None:
        """`seen` has the body's bytes in their order and the headers, and `forget` starts anew."""
        client = oidc_provider.new_client(client_secret=SPECIAL_SECRET)
        headers = form_encoded(client) | {"Content-Type": "application/x-www-form-urlencoded", "X-Odd": "1"}
        http.post(oidc_provider.token_url, content="scope=asr&grant_type=client_credentials", headers=headers)

        [seen] = oidc_provider.seen(client, kind="token")
        oidc_provider.forget(client)

        assert (
            seen.method, seen.target, seen.body, seen.status,
        ) == ("POST", "/token", "scope=asr&grant_type=client_credentials", 200)  # fmt: skip
        assert (headers["Authorization"], "1") == (seen.header("authorization"), seen.header("x-odd"))
        assert not oidc_provider.counts(client)

    def test_tokens_can_be_introspected_and_revoked(self, http: httpx.Client, oidc_provider: OidcProvider) -> None:
        """RFC 7662 and RFC 7009, as the server does them."""
        client = oidc_provider.new_client()
        granted = http.post(oidc_provider.token_url, data=CREDENTIALS, headers=form_encoded(client)).json()
        asked = {"data": {"token": granted["access_token"]}, "headers": form_encoded(client)}

        before = http.post(oidc_provider.introspection_url, **asked).json()
        revoked = http.post(oidc_provider.revocation_url, **asked)
        after = http.post(oidc_provider.introspection_url, **asked).json()

        assert [before["active"], revoked.status_code, after["active"]] == [True, 200, False]

    def test_a_person_can_sign_in_by_posting_forms(self, http: httpx.Client, oidc_provider: OidcProvider) -> None:
        """The development login takes any name; its forms lead to a code, and the code to tokens."""
        redirect = "http://127.0.0.1:1/callback"
        client = oidc_provider.new_client(
            grant_types=("authorization_code", "refresh_token"), redirect_uris=[redirect], application_type="native"
        )
        challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
        asked = {
            "client_id": client.client_id, "response_type": "code", "redirect_uri": redirect, "scope": "openid",
            "code_challenge": challenge, "code_challenge_method": "S256", "state": "s",
        }  # fmt: skip

        answer = http.get(oidc_provider.authorization_url, params=asked)
        for prompt in ({"prompt": "login", "login": "ada", "password": "any"}, {"prompt": "consent"}):
            page = answer.headers["Location"]
            sent = http.post(httpx.URL(oidc_provider.origin).join(page), data=prompt)
            answer = http.get(sent.headers["Location"])
        code = parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]
        exchange = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": redirect, "code_verifier": verifier,
        }  # fmt: skip
        granted = http.post(oidc_provider.token_url, data=exchange, headers=form_encoded(client)).json()

        assert {"access_token", "refresh_token", "id_token"} <= granted.keys()


class TestDjangoProvider:
    def test_a_crowd_is_counted_to_the_last(self, django_provider: DjangoProvider) -> None:
        """Every one of many concurrent token requests is answered and counted."""
        assert counts_of_a_crowd(django_provider, form_encoded) == {"token": 32, "granted": 32}

    @pytest.mark.parametrize("hashed", [True, False])
    @pytest.mark.parametrize("client_id", ["plain", COLON_ID])
    def test_takes_form_encoded_basic_only(
        self, http: httpx.Client, django_provider: DjangoProvider, client_id: str, hashed: bool
    ) -> None:
        """Form-encoded Basic and the body are accepted; raw Basic is not, whether secrets are kept hashed or not."""
        client = django_provider.new_client(client_id=client_id, client_secret=SPECIAL_SECRET, hashed=hashed)

        encoded = http.post(django_provider.token_url, data=CREDENTIALS, headers=form_encoded(client))
        posted = http.post(django_provider.token_url, data=CREDENTIALS | in_body(client))
        refused = http.post(django_provider.token_url, data=CREDENTIALS, headers=raw(client))

        assert [encoded.status_code, posted.status_code, refused.status_code] == [200, 200, 401]
        assert refused.json() == {"error": "invalid_client"}
        assert django_provider.counts(client)["granted"] == 2

    def test_expired_is_a_bare_403(self, http: httpx.Client, django_provider: DjangoProvider) -> None:
        """Where others say 401 invalid_token, this server says 403, nothing else; its challenged sibling says 401."""
        client = django_provider.new_client(ttl=1)
        granted = http.post(django_provider.token_url, data=CREDENTIALS, headers=form_encoded(client)).json()
        token = bearer(granted["access_token"])

        early = http.get(django_provider.api_url + "/me", headers=token)
        time.sleep(1.1)
        late = http.get(django_provider.api_url + "/me", headers=token)
        challenged = http.get(django_provider.challenged_api_url + "/me", headers=token)

        assert (granted["expires_in"], early.status_code) == (1, 200)
        assert (late.status_code, late.content, late.headers.get("WWW-Authenticate")) == (403, b"", None)
        assert challenged.status_code == 401
        assert 'error="invalid_token"' in challenged.headers["WWW-Authenticate"]

    def test_a_narrow_token_is_refused(self, http: httpx.Client, django_provider: DjangoProvider) -> None:
        """Scopes are checked: bare 403 at the one API, insufficient_scope at the other."""
        client = django_provider.new_client()
        asked = CREDENTIALS | {"scope": "read"}
        granted = http.post(django_provider.token_url, data=asked, headers=form_encoded(client)).json()
        token = bearer(granted["access_token"])

        statuses = [
            http.get(f"{django_provider.api_url}/{scope}", headers=token).status_code for scope in ("read", "write")
        ]
        challenged = http.get(django_provider.challenged_api_url + "/write", headers=token)

        assert statuses == [200, 403]
        assert 'error="insufficient_scope"' in challenged.headers["WWW-Authenticate"]

    def test_a_token_dies_early(self, http: httpx.Client, django_provider: DjangoProvider) -> None:
        """`kill` ends a client's access tokens."""
        client = django_provider.new_client()
        granted = http.post(django_provider.token_url, data=CREDENTIALS, headers=form_encoded(client)).json()

        django_provider.kill(client)

        used = http.get(django_provider.challenged_api_url + "/me", headers=bearer(granted["access_token"]))
        assert used.status_code == 401
        assert django_provider.counts(client)["api_401"] == 1

    def test_the_password_grant_gives_a_rotating_refresh_token(
        self, http: httpx.Client, django_provider: DjangoProvider
    ) -> None:
        """Rotation is on and there is no grace: a used refresh token is invalid_grant."""
        client, first = signed_in(http, django_provider)

        second = refreshed(http, django_provider, client, first["refresh_token"])
        reused = refreshed(http, django_provider, client, first["refresh_token"])

        assert second.json()["refresh_token"] != first["refresh_token"]
        assert (reused.status_code, reused.json()["error"]) == (400, "invalid_grant")
        assert django_provider.counts(client) == {"token": 3, "granted": 2, "invalid_grant": 1}

    def test_settings_change_the_rules(self, http: httpx.Client, django_provider_with: Started) -> None:
        """With a grace period a used refresh token gives the same new one; without rotation it stays."""
        grace = django_provider_with(REFRESH_TOKEN_GRACE_PERIOD_SECONDS=30)
        client, first = signed_in(http, grace)
        pair = [refreshed(http, grace, client, first["refresh_token"]).json()["refresh_token"] for _ in range(2)]
        fixed = django_provider_with(ROTATE_REFRESH_TOKEN=False)
        owner, kept = signed_in(http, fixed)

        assert pair[0] == pair[1] != first["refresh_token"]
        assert kept["refresh_token"] == refreshed(http, fixed, owner, kept["refresh_token"]).json()["refresh_token"]
        assert grace is django_provider_with(REFRESH_TOKEN_GRACE_PERIOD_SECONDS=30) is not fixed

    def test_reuse_protection_ends_the_family(self, http: httpx.Client, django_provider_with: Started) -> None:
        """With reuse protection, using an old refresh token ends the new one too."""
        strict = django_provider_with(REFRESH_TOKEN_REUSE_PROTECTION=True)
        client, first = signed_in(http, strict)
        second = refreshed(http, strict, client, first["refresh_token"]).json()

        reused = refreshed(http, strict, client, first["refresh_token"])
        family = refreshed(http, strict, client, second["refresh_token"])

        assert [reused.json()["error"], family.json()["error"]] == ["invalid_grant"] * 2

    def test_an_answer_can_be_lost(self, http: httpx.Client, django_provider: DjangoProvider) -> None:
        """`lose` breaks off the answer after the token was made."""
        client = django_provider.new_client()
        django_provider.lose(client)

        with pytest.raises(httpx.RemoteProtocolError):
            http.post(django_provider.token_url, data=CREDENTIALS, headers=form_encoded(client))

        assert django_provider.counts(client) == {"token": 1, "granted": 1}

    @pytest.mark.parametrize("method", ["S256", "plain"])
    def test_code_with_pkce(self, http: httpx.Client, django_provider: DjangoProvider, method: str) -> None:
        """A person signs in and agrees; PKCE is required, in either form; who says no comes back with access_denied."""
        client = django_provider.new_client(grant_types=("authorization_code", "refresh_token"), redirect_uris=[BACK])
        verifier = token_hex(32)
        asked = {"client_id": client.client_id, "response_type": "code", "redirect_uri": BACK, "state": "s"}
        pkce = {"code_challenge_method": method, "code_challenge": s256(verifier) if method == "S256" else verifier}

        def back(words: dict[str, str], *, refuse: bool = False) -> dict[str, str]:
            return dict(
                parse_qsl(
                    urlsplit(sign_in(f"{django_provider.authorization_url}?{urlencode(words)}", refuse=refuse)).query
                )
            )

        said = back(asked | pkce)
        form = {"grant_type": "authorization_code", "code": said["code"], "redirect_uri": BACK}
        wrong = http.post(
            django_provider.token_url, data=form | {"code_verifier": "x" * 43}, headers=form_encoded(client)
        )
        form["code"] = back(asked | pkce)["code"]
        right = http.post(
            django_provider.token_url, data=form | {"code_verifier": verifier}, headers=form_encoded(client)
        )

        assert (said["state"], wrong.json()["error"]) == ("s", "invalid_grant")
        assert {"access_token", "refresh_token"} <= set(right.json())
        assert back(asked)["error"] == "invalid_request"
        assert back(asked | pkce, refuse=True)["error"] == "access_denied"

    @pytest.mark.parametrize("refuse", [False, True])
    def test_device(self, http: httpx.Client, django_provider: DjangoProvider, refuse: bool) -> None:
        """The code is pending until a person has entered it, and then worth a token, or access_denied."""
        grant = "urn:ietf:params:oauth:grant-type:device_code"
        client = django_provider.new_client(grant_types=(grant,), client_auth="none")
        asked = http.post(django_provider.device_authorization_url, data={"client_id": client.client_id}).json()
        form = {"grant_type": grant, "device_code": asked["device_code"], "client_id": client.client_id}

        early = http.post(django_provider.token_url, data=form).json()
        confirm_device(asked["verification_uri"], asked["user_code"], refuse=refuse)
        late = http.post(django_provider.token_url, data=form).json()

        assert early["error"] == "authorization_pending"
        assert late.get("error") == ("access_denied" if refuse else None)

    def test_basic_is_checked_in_utf8(self, http: httpx.Client, django_provider: DjangoProvider) -> None:
        """Django REST framework's Basic takes the user's UTF-8 password with a colon, and challenges anybody else."""
        url = django_provider.basic_api_url + "/me"

        assert http.get(url, headers=basic(USERNAME, PASSWORD)).json() == {"user": USERNAME, "method": "GET"}
        refused = http.get(url, headers=basic(USERNAME, "wrong"))
        assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, 'Basic realm="api"')

    @pytest.mark.parametrize("form", ["json", "data"])
    def test_a_login_in_the_payload(self, http: httpx.Client, django_provider: DjangoProvider, form: str) -> None:
        """User name and password in a JSON or form payload are checked, and give a token for `Authorization: Token`."""
        answer = http.post(django_provider.login_url, **{form: {"username": USERNAME, "password": PASSWORD}})
        wrong = http.post(django_provider.login_url, **{form: {"username": USERNAME, "password": "wrong"}})

        token = {"Authorization": f"Token {answer.json()['token']}"}
        assert http.get(django_provider.login_api_url + "/me", headers=token).json()["user"] == USERNAME
        assert (wrong.status_code, list(wrong.json())) == (400, ["non_field_errors"])


def signed_in(http: httpx.Client, provider: IdentityProvider) -> tuple[Client, dict[str, str]]:
    """A client with the password grant, and its first tokens."""
    client = provider.new_client(grant_types=("password", "refresh_token"))
    asked = {"grant_type": "password", "username": USERNAME, "password": PASSWORD}
    return client, http.post(provider.token_url, data=asked, headers=form_encoded(client)).raise_for_status().json()


def refreshed(http: httpx.Client, provider: IdentityProvider, client: Client, token: str) -> httpx.Response:
    asked = {"grant_type": "refresh_token", "refresh_token": token}
    return http.post(provider.token_url, data=asked, headers=form_encoded(client))


class TestRawBasicProvider:
    def test_a_crowd_is_counted_to_the_last(self, raw_basic_provider: IdentityProvider) -> None:
        """Every one of many concurrent token requests is answered and counted."""
        assert counts_of_a_crowd(raw_basic_provider, raw) == {"token": 32, "granted": 32}

    def test_takes_raw_basic_only(self, http: httpx.Client, raw_basic_provider: IdentityProvider) -> None:
        """The secret as it is, in Basic or in the body, is accepted; the form-encoded one is invalid_client."""
        client = raw_basic_provider.new_client(client_secret=SPECIAL_SECRET)

        accepted = http.post(raw_basic_provider.token_url, data=CREDENTIALS, headers=raw(client))
        posted = http.post(raw_basic_provider.token_url, data=CREDENTIALS | in_body(client))
        refused = http.post(raw_basic_provider.token_url, data=CREDENTIALS, headers=form_encoded(client))

        assert [accepted.status_code, posted.status_code, refused.status_code] == [200, 200, 401]
        assert raw_basic_provider.counts(client) == {"token": 3, "granted": 2, "invalid_client": 1}

    def test_the_api_checks_token_and_scope(self, http: httpx.Client, raw_basic_provider: IdentityProvider) -> None:
        """Good, narrow, killed and absent tokens: 200, 403, 401, 401; the last without a word."""
        client = raw_basic_provider.new_client(scope="api:read")
        granted = http.post(raw_basic_provider.token_url, data=CREDENTIALS, headers=raw(client)).json()
        token = bearer(granted["access_token"])

        good = http.get(raw_basic_provider.api_url + "/read", headers=token)
        narrow = http.get(raw_basic_provider.api_url + "/write", headers=token)
        raw_basic_provider.kill(client)
        dead = http.get(raw_basic_provider.api_url + "/read", headers=token)
        absent = http.get(raw_basic_provider.api_url + "/read")

        assert [each.status_code for each in (good, narrow, dead, absent)] == [200, 403, 401, 401]
        assert absent.content == b""
        assert not any("WWW-Authenticate" in each.headers for each in (narrow, dead, absent))

    def test_refresh_tokens_rotate(self, http: httpx.Client, raw_basic_provider: IdentityProvider) -> None:
        """The password grant gives a refresh token that can be used once."""
        client, first = signed_in(http, raw_basic_provider)

        second = refreshed(http, raw_basic_provider, client, first["refresh_token"])
        reused = refreshed(http, raw_basic_provider, client, first["refresh_token"])

        assert second.json()["refresh_token"] != first["refresh_token"]
        assert reused.json()["error"] == "invalid_grant"


class TestNginx:
    def test_basic(self, http: httpx.Client, nginx: Nginx) -> None:
        """nginx checks user and password against its password file, in UTF-8."""
        good = http.get(nginx.basic_url, headers=basic(nginx_part.USERNAME, nginx_part.PASSWORD))
        wrong = http.get(nginx.basic_url, headers=basic(nginx_part.USERNAME, "wrong"))

        assert (good.status_code, good.json()) == (200, {"user": "me"})
        assert (wrong.status_code, wrong.headers["WWW-Authenticate"]) == (401, 'Basic realm="parts"')

    @pytest.mark.parametrize("key", [nginx_part.API_KEY, nginx_part.ODD_KEY])
    def test_api_keys(self, http: httpx.Client, nginx: Nginx, key: str) -> None:
        """In header, query and path the right key opens the file, with odd characters encoded."""
        answers = [
            http.get(nginx.header_url, headers={"X-API-Key": key}),
            http.get(f"{nginx.query_url}?region=eu&api_key={quote(key, safe='')}"),
            http.get(nginx.path_url(quote(key, safe=""))),
        ]

        assert [answer.status_code for answer in answers] == [200] * 3
        assert [answer.json() for answer in answers] == [{"user": "me"}] * 3

    def test_an_api_key_as_cookie(self, http: httpx.Client, nginx: Nginx) -> None:
        """The right key in the cookie opens the file."""
        assert http.get(nginx.cookie_url, headers={"Cookie": f"a=b; api_key={nginx_part.API_KEY}"}).status_code == 200

    def test_wrong_and_missing_keys(self, http: httpx.Client, nginx: Nginx) -> None:
        """Anything else, the right key in the wrong place too, is 401 with a JSON body."""
        key = nginx_part.API_KEY
        answers = [
            http.get(nginx.header_url),
            http.get(nginx.header_url, headers={"X-API-Key": "wrong"}),
            http.get(nginx.header_url, params={"api_key": key}),
            http.get(nginx.query_url, headers={"X-API-Key": key}),
            http.get(nginx.query_url, params={"api_key": key + "x"}),
            http.get(nginx.cookie_url, params={"api_key": key}),
            http.get(nginx.path_url("wrong")),
            http.get(nginx.origin + "/path/me.json"),
        ]

        assert [answer.status_code for answer in answers] == [401] * 7 + [404]
        assert answers[0].json() == {"error": "credential missing or wrong"}


class TestHttpbin:
    def test_basic(self, http: httpx.Client, httpbin: str) -> None:
        """`/basic-auth` checks what its own path says."""
        url = f"{httpbin}/basic-auth/user/{quote('pa:ss')}"

        assert http.get(url, headers=basic("user", "pa:ss")).json() == {"authenticated": True, "user": "user"}
        refused = http.get(url, headers=basic("user", "wrong"))
        assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, 'Basic realm="Fake Realm"')

    def test_bearer(self, http: httpx.Client, httpbin: str) -> None:
        """`/bearer` wants any token, and challenges without one."""
        assert http.get(f"{httpbin}/bearer", headers=bearer("abc")).json()["token"] == "abc"
        assert http.get(f"{httpbin}/bearer").headers["WWW-Authenticate"] == "Bearer"


class TestYamlLanguageServer:
    def test_completion_hover_and_problems(self, yaml_language_server: LanguageServer, tmp_path: Path) -> None:
        """A schema beside the file is used for all three."""
        (tmp_path / "schema.json").write_text(
            '{"type": "object", "additionalProperties": false, "properties": {'
            '"colour": {"description": "What it looks like.", "enum": ["red", "green"]}}}'
        )
        file = tmp_path / "thing.yaml"
        uri = yaml_language_server.open(file, "# yaml-language-server: $schema=schema.json\ncolour: blue\n")

        problems = yaml_language_server.problems(uri)

        assert [problem["range"]["start"]["line"] for problem in problems] == [1]
        assert "What it looks like." in yaml_language_server.hover(uri, 1, 2)
        assert {"red", "green"} <= set(yaml_language_server.completions(uri, 1, 8))


class TestChromium:
    def test_what_a_page_does_is_seen(self, chromium: Browser, tmp_path: Path) -> None:
        """What it prints, asks for and opens, and where it breaks its own policy."""
        page = tmp_path / "page.html"
        page.write_text(
            "<meta http-equiv=Content-Security-Policy content=\"img-src 'none'\"><img src=x.png><link rel=stylesheet href=x.css>"
            "<script>console.log('hello'); alert(1); nothing()</script>"
        )

        chromium.visit(page)

        seen = chromium.seen()
        assert any("hello" in line for line in seen.console)
        assert any("img-src" in line for line in seen.console)
        assert any("nothing" in line for line in seen.errors)
        assert any(url.endswith("x.css") for url in seen.requests)
        assert seen.dialogs == 1

    def test_a_judge_of_accessibility_finds(self, chromium: Browser, tmp_path: Path) -> None:
        """Grey on grey and a picture without words are serious; in the dark another colour counts."""
        page = tmp_path / "page.html"
        page.write_text(
            "<!doctype html><html lang=en><title>t</title><style>@media (prefers-color-scheme: dark) { p { color: #000 !important } }</style>"
            "<main><h1>t</h1><img src='data:,'><p style='color: #999; background: #aaa'>grey</p></main>"
        )

        chromium.visit(page)
        light = {found["id"]: found["impact"] for found in chromium.violations()}
        chromium.visit(page, scheme="dark")
        dark = {found["id"] for found in chromium.violations()}

        assert light == {"image-alt": "critical", "color-contrast": "serious"}
        assert dark == {"image-alt"}

    def test_what_cannot_be_asked_is_said(self, chromium: Browser, tmp_path: Path) -> None:
        """An error in the page is raised, and the browser goes on."""
        (tmp_path / "page.html").write_text("<title>t</title>")
        chromium.visit(tmp_path / "page.html", javascript=False)

        with pytest.raises(RuntimeError, match="gone is not defined"):
            chromium.evaluate("gone")
        assert chromium.evaluate("1 + 1") == 2

"""The templates for Kore.ai's forms work at servers that are not ours: extended by URLs, and otherwise as they are shipped."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from authweave.errors import TokenEndpointError
from parts import nginx as nginx_part
from parts.browsing import sign_in
from parts.django_provider import DjangoProvider
from parts.identity import PASSWORD, USERNAME
from parts.kerberos import Kerberos
from parts.nginx import Nginx
from parts.oauth1 import OAuth1Provider
from parts.oidc import OidcProvider
from services import engine

CALLBACK = "https://idp.kore.ai/workflows/callback/"


@pytest.fixture
def extended(tmp_path: Path) -> Any:
    """`extended("kore-basic", inputs, servers=[…])`: a connection of a profile that extends a shipped one."""

    def connect(name: str, inputs: dict[str, Any], **changed: Any) -> Any:
        file = tmp_path / f"own-{name}.json"
        file.write_text(json.dumps({"format": 1, "name": file.stem, "extends": name, **changed}))
        subject = "ada" if name in ("kore-basic", "kore-oauth1", "kore-authorization-code") else None
        return engine(inputs={}).connect(file, inputs={"tenant": "acme", **inputs}, subject=subject)

    return connect


def status(connection: Any, url: str) -> int:
    with httpx.Client(auth=connection.auth, trust_env=False) as http:
        return http.get(url).status_code


def test_basic(extended: Any, django_provider: DjangoProvider) -> None:
    """Django REST framework takes the user of the form; another password is refused."""
    given = {"username": USERNAME, "password": PASSWORD, "pin": "1042"}
    url = f"{django_provider.basic_api_url}/me"

    answers = [status(extended("kore-basic", each, servers=[django_provider.origin]), url) for each in (given, {**given, "password": "wrong"})]

    assert answers == [200, 401]


def test_api_key(extended: Any, nginx: Nginx) -> None:
    """nginx takes the key of the form; another one is refused."""
    answers = [status(extended("kore-api-key", {"api_key": key}, servers=[nginx.origin]), nginx.header_url) for key in (nginx_part.API_KEY, "wrong")]

    assert answers == [200, 401]


def test_client_credentials(extended: Any, oidc_provider: OidcProvider) -> None:
    """oidc-provider grants a token for the form's id, secret, scopes and headers, and its API takes it."""
    client = oidc_provider.new_client()
    auth = {"token_url": oidc_provider.token_url, "refresh_url": oidc_provider.token_url}
    given = {"client_id": client.client_id, "client_secret": client.client_secret, "gateway_key": "gw-5", "employee": "7"}

    answer = status(extended("kore-client-credentials", given, servers=[oidc_provider.origin], auth=auth), f"{oidc_provider.api_url}/me")

    assert answer == 200
    assert dict(oidc_provider.seen(client, kind="token")[0].headers)["X-Gateway-Key"] == "gw-5"


def test_authorization_code(extended: Any, oidc_provider: OidcProvider) -> None:
    """A person signs in at oidc-provider, which knows the callback of the form; a callback that it does not know is refused."""
    answers = []
    for registered in (CALLBACK, "https://other.example/callback"):
        client = oidc_provider.new_client(grant_types=("authorization_code", "refresh_token"), redirect_uris=[registered], pkce=True)
        auth = {"authorization_url": oidc_provider.authorization_url, "token_url": oidc_provider.token_url, "refresh_url": oidc_provider.token_url}
        auth["scopes"] = [{"key": "scope", "value": "openid"}, {"key": "scope", "value": "api:read"}]  # type: ignore[assignment]  # as JSON
        given = {"client_id": client.client_id, "client_secret": client.client_secret}
        connection = extended("kore-authorization-code", given, servers=[oidc_provider.origin], auth=auth)
        link = connection.begin_authorization().result(20).url
        if registered == CALLBACK:
            connection.complete_authorization(sign_in(link)).result(20)
            answers.append(status(connection, f"{oidc_provider.api_url}/read"))
        else:
            answers.append(httpx.get(link, trust_env=False).status_code)

    assert answers == [200, 400]


def test_oauth1(extended: Any, oauth1_provider: OAuth1Provider) -> None:
    """A person lets the consumer in at oauthlib's server side, whose API takes the signature; another secret is refused."""
    client = oauth1_provider.new_client(callbacks=[CALLBACK])
    places = {"request_token_url": oauth1_provider.request_token_url, "authorization_url": oauth1_provider.authorization_url, "access_token_url": oauth1_provider.access_token_url}

    def connection(secret: str) -> Any:
        return extended("kore-oauth1", {"consumer_key": client.client_id, "consumer_secret": secret}, servers=[oauth1_provider.origin], auth=places)

    good = connection(client.client_secret)
    good.complete_authorization(sign_in(good.begin_authorization().result(20).url)).result(20)

    assert status(good, f"{oauth1_provider.api_url}/me") == 200
    with pytest.raises(TokenEndpointError):
        connection("wrong").begin_authorization().result(20)


PROGRAM = """
import sys
from pathlib import Path
import httpx
from authweave.engine import Engine
file, url = sys.argv[1:]
with Engine() as engine:
    connection = engine.connect(Path(file), inputs={"service": "HTTP@localhost"})
    with connection.client(trust_env=False) as client:
        answer = client.get(url)
    print(answer.status_code, answer.extensions["authweave"].verdict, httpx.get(url, trust_env=False).status_code)
"""


def test_kerberos(kerberos: Kerberos, tmp_path: Path) -> None:
    """Apache takes the ticket of a process that has one, and proves itself; without a ticket it is closed."""
    pytest.importorskip("gssapi", reason="the extra kerberos is not installed")
    file = tmp_path / "own-kerberos.json"
    origin = kerberos.url.rpartition("/negotiate")[0]
    file.write_text(json.dumps({"format": 1, "name": file.stem, "extends": "kore-kerberos", "servers": [origin], "inputs": {"host": None}}))
    known = {**os.environ, **kerberos.environment, "PYTHONPATH": os.pathsep.join(sys.path)}

    done = subprocess.run([sys.executable, "-c", PROGRAM, str(file), kerberos.url], env=known, capture_output=True, text=True, check=False)

    assert done.stdout.split() == ["200", "accepted", "401"], done.stderr

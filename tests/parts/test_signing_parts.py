"""The foreign parts that judge signed requests start, and answer as their fixtures promise. Tests of the harness, not of the product."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import ssl
import subprocess
import time
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from parts import apache as apache_part
from parts import azurite as azurite_part
from parts import nginx as nginx_part
from parts import verifiers as verifiers_part
from parts.apache import Apache
from parts.azurite import Azurite
from parts.browsing import sign_in
from parts.catalogue import MOTO, OAUTH1, VERIFIERS
from parts.certificates import Authority, Certificate
from parts.identity import PASSWORD, USERNAME
from parts.kerberos import Kerberos
from parts.moto import Moto
from parts.nginx import Nginx
from parts.oauth1 import OAuth1Provider
from parts.verifiers import NtlmServer, Verifiers


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False) as client:
        yield client


def run(python: Path, code: str, *words: str) -> str:
    """What a client in a part's own environment says."""
    command = [str(python), "-c", code, *words]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


OAUTH = """
import json, sys, oauthlib.oauth1
method, url, words = sys.argv[1:]
print(json.dumps(oauthlib.oauth1.Client(**json.loads(words)).sign(url, method)[1]))
"""


class TestOAuth1Provider:
    def signed(
        self, method: str, url: str, key: str, secret: str, signature: str = "HMAC-SHA1", **more: str
    ) -> dict[str, str]:
        words = {"client_key": key, "client_secret": secret, "signature_method": signature, **more}
        told: dict[str, str] = json.loads(run(OAUTH1.python, OAUTH, method, url, json.dumps(words)))
        return told

    @pytest.mark.parametrize("signature", ["HMAC-SHA1", "HMAC-SHA256", "RSA-SHA1", "PLAINTEXT"])
    def test_signatures(self, http: httpx.Client, oauth1_provider: OAuth1Provider, signature: str) -> None:
        """Each method opens the API once, over the target as it came; another method, secret or token does not."""
        key = rsa.generate_private_key(65537, 2048)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        client = oauth1_provider.new_client(
            signature_method=signature, rsa_key=public.decode(), token="tok-" + signature, token_secret="ts"
        )
        url = oauth1_provider.api_url + "/me?a%2Fb=%7Ec&d="
        own = {"rsa_key": private.decode()} if signature == "RSA-SHA1" else {}
        token = {"resource_owner_key": "tok-" + signature, "resource_owner_secret": "ts"}
        good = self.signed("GET", url, client.client_id, client.client_secret, signature, **own, **token)
        two = self.signed(
            "GET", oauth1_provider.two_legged_api_url + "/me", client.client_id, client.client_secret, signature, **own
        )
        bad = [
            good,  # once more: the nonce
            self.signed("POST", url, client.client_id, client.client_secret, signature, **own, **token)
            if signature != "PLAINTEXT"
            else {},
            self.signed("GET", url, client.client_id, client.client_secret, "HMAC-SHA512", **token),
            self.signed(
                "GET",
                url,
                client.client_id,
                client.client_secret,
                signature,
                **own,
                resource_owner_key="other",
                resource_owner_secret="ts",
            ),
            {},
        ]

        assert http.get(url, headers=good).json() == {"user": "me"}
        assert http.get(oauth1_provider.two_legged_api_url + "/me", headers=two).status_code == 200
        assert [http.get(url, headers=each).status_code for each in bad] == [401] * 5

    def test_a_realm_can_be_required(self, http: httpx.Client, oauth1_provider: OAuth1Provider) -> None:
        """With `realm=` the API says `problem=realm` to everybody else."""
        client = oauth1_provider.new_client(realm="1234567_SB1", token="of-realm", token_secret="")
        token = {"resource_owner_key": "of-realm", "resource_owner_secret": ""}
        url = oauth1_provider.api_url + "/me"

        good = http.get(
            url, headers=self.signed("GET", url, client.client_id, client.client_secret, realm="1234567_SB1", **token)
        )
        bad = http.get(url, headers=self.signed("GET", url, client.client_id, client.client_secret, **token))

        assert (good.status_code, bad.status_code, bad.text) == (200, 401, "problem=realm")

    def test_three_legs(self, http: httpx.Client, oauth1_provider: OAuth1Provider) -> None:
        """Request token, a person who allows it, access token; without the verifier there is none."""
        back = "http://127.0.0.1:7777/callback"
        client = oauth1_provider.new_client(callbacks=[back])
        names = (client.client_id, client.client_secret)
        temporary = dict(parse_qsl(http.post(
            oauth1_provider.request_token_url, headers=self.signed("POST", oauth1_provider.request_token_url, *names, callback_uri=back)
        ).text))  # fmt: skip
        answer = sign_in(f"{oauth1_provider.authorization_url}?{urlencode({'oauth_token': temporary['oauth_token']})}")
        said = dict(parse_qsl(urlsplit(answer).query))
        token = {
            "resource_owner_key": temporary["oauth_token"],
            "resource_owner_secret": temporary["oauth_token_secret"],
        }

        def redeemed(verifier: str) -> httpx.Response:
            url = oauth1_provider.access_token_url
            return http.post(url, headers=self.signed("POST", url, *names, verifier=verifier, **token))

        wrong, right = redeemed("wrong"), redeemed(said["oauth_verifier"])

        assert answer.startswith(back)
        assert (wrong.status_code, right.status_code) == (401, 200)
        assert {"oauth_token", "oauth_token_secret"} <= set(dict(parse_qsl(right.text)))
        elsewhere = self.signed("POST", oauth1_provider.request_token_url, *names, callback_uri="https://evil.example")
        assert http.post(oauth1_provider.request_token_url, headers=elsewhere).status_code == 401


class TestApache:
    @pytest.mark.parametrize("place", ["digest_url", "short_url"])
    def test_digest(self, http: httpx.Client, apache: Apache, place: str) -> None:
        """mod_auth_digest opens for the user, and challenges everybody else."""
        url = getattr(apache, place)

        good = http.get(url, auth=httpx.DigestAuth(apache_part.USERNAME, apache_part.PASSWORD))
        bad = http.get(url, auth=httpx.DigestAuth(apache_part.USERNAME, "wrong"))

        assert (good.status_code, bad.status_code) == (200, 401)
        assert bad.headers["WWW-Authenticate"].startswith("Digest ")
        assert 'qop="auth"' in bad.headers["WWW-Authenticate"]

    def test_a_nonce_gets_stale(self, http: httpx.Client, apache: Apache) -> None:
        """After a second the challenge says so."""
        auth = httpx.DigestAuth(apache_part.USERNAME, apache_part.PASSWORD)
        first = http.get(apache.short_url, auth=auth)
        time.sleep(2.1)
        header = auth._build_auth_header(first.request, auth._last_challenge)  # type: ignore[arg-type]  # it has one

        late = http.get(apache.short_url, headers={"Authorization": header})

        assert (first.status_code, late.status_code) == (200, 401)
        assert "stale=true" in late.headers["WWW-Authenticate"]


class TestHttpbinDigest:
    @pytest.mark.parametrize("algorithm", ["MD5", "SHA-256", "SHA-512"])
    def test_algorithms(self, http: httpx.Client, httpbin: str, algorithm: str) -> None:
        """httpbin checks digests with three algorithms, and its path names user and password."""
        url = f"{httpbin}/digest-auth/auth/user/pass/{algorithm}"
        http.cookies.set("fake", "fake_value")

        assert http.get(url, auth=httpx.DigestAuth("user", "pass")).json() == {"authenticated": True, "user": "user"}
        assert http.get(url, auth=httpx.DigestAuth("user", "no")).status_code == 401


class TestNginxCertificates:
    def https(self, nginx: Nginx, shown: Certificate | None = None) -> httpx.Client:
        trusting = ssl.create_default_context(cafile=nginx.ca)
        if shown:
            trusting.load_cert_chain(shown.certificate, shown.key)
        return httpx.Client(trust_env=False, verify=trusting)

    def test_client_certificates(self, nginx: Nginx, authority: Authority, tmp_path: Path) -> None:
        """The authority's certificate opens, and its subject is echoed; none, an expired one or a stranger's does not."""
        right = authority.issue("robot.example", client=True)
        others = (
            None,
            authority.issue("late.example", client=True, days=(-9, -2)),
            Authority(tmp_path).issue("robot.example", client=True),
        )

        with self.https(nginx, right) as http:
            good = [http.get(url) for url in (nginx.certificate_url, nginx.strict_url)]
        assert [(each.status_code, each.json()) for each in good] == [(200, {"user": "me"})] * 2
        assert good[0].headers["X-Subject"] == "CN=robot.example"
        for shown in others:
            with self.https(nginx, shown) as http:
                # A stranger's certificate ends at nginx's own 400, wherever it is shown.
                assert http.get(nginx.certificate_url).status_code in (400, 403)
                assert http.get(nginx.strict_url).status_code == 400

    def test_unknown_and_several(self, nginx: Nginx, http: httpx.Client) -> None:
        """A certificate in nobody's trust; two keys at once; a constant header."""
        key = {"X-API-Key": nginx_part.API_KEY}
        with self.https(nginx) as trusting, pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            trusting.get(nginx.unknown_url, headers=key)
        with httpx.Client(trust_env=False, verify=False) as careless:
            assert [careless.get(nginx.unknown_url, headers=each).status_code for each in (key, {})] == [200, 401]
        query = {"api_key": nginx_part.API_KEY}
        two = [
            http.get(nginx.two_url, headers=each, params=params).status_code
            for each, params in ((key, query), (key, {}), ({}, query))
        ]
        version = [
            http.get(nginx.version_url, headers=each).status_code for each in ({"X-API-Version": "2024-01-18"}, {})
        ]
        assert (two, version) == ([200, 401, 401], [200, 401])


AWS = """
import sys, boto3, botocore.exceptions
url, key, secret, role, bucket = sys.argv[1:]
def client(service, key=key, secret=secret, token=None):
    return boto3.client(service, endpoint_url=url, region_name="eu-west-1", aws_access_key_id=key, aws_secret_access_key=secret, aws_session_token=token)
def said(call, **words):
    try:
        call(**words)
        return "ok"
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]["Code"]
got = client("sts").assume_role(RoleArn=role, RoleSessionName="parts")["Credentials"]
as_role = [got[name] for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")]
print(said(client("dynamodb").list_tables), said(client("s3").put_object, Bucket=bucket, Key="a b", Body=b"x"), said(client("sqs").list_queues),
      said(client("sqs", *as_role).list_queues), said(client("dynamodb", *as_role).list_tables),
      said(client("dynamodb", secret="wrong").list_tables), said(client("s3", secret="wrong").list_buckets), sep="\\n")
"""


class TestMoto:
    def test_signatures_and_policies(self, http: httpx.Client, moto: Moto) -> None:
        """The user may what its policy says, the role what the role's says, a wrong key nothing."""
        said = run(
            MOTO.python, AWS, moto.origin, moto.access_key_id, moto.secret_access_key, moto.role_arn, moto.bucket
        ).split()

        # A refusal is XML, which boto3 does not read where the service speaks JSON: then it tells the status.
        assert said == ["ok", "ok", "403", "ok", "403", "403", "SignatureDoesNotMatch"]


RFC9421 = """
import sys, requests
from http_message_signatures import HTTPMessageSigner, HTTPSignatureKeyResolver, algorithms
url, name, key = sys.argv[1:]
class Keys(HTTPSignatureKeyResolver):
    def resolve_private_key(self, key_id): return key.encode()
known = {"hmac-sha256": algorithms.HMAC_SHA256, "ed25519": algorithms.ED25519, "ecdsa-p256-sha256": algorithms.ECDSA_P256_SHA256,
         "rsa-v1_5-sha256": algorithms.RSA_V1_5_SHA256, "rsa-pss-sha512": algorithms.RSA_PSS_SHA512}
signer = HTTPMessageSigner(signature_algorithm=known[name], key_resolver=Keys())
asked = requests.Request("POST", url + "/a?b=c", data=b"x").prepare()
signer.sign(asked, key_id=name, covered_component_ids=("@method", "@authority", "@path", "content-digest"), body=b"x")
first = requests.Session().send(asked)
asked.method = "PUT"
print(first.status_code, requests.Session().send(asked).status_code)
"""


class TestVerifiers:
    @pytest.mark.parametrize(
        "algorithm", ["hmac-sha256", "ed25519", "ecdsa-p256-sha256", "rsa-v1_5-sha256", "rsa-pss-sha512"]
    )
    def test_rfc9421(self, verifiers: Verifiers, algorithm: str) -> None:
        """A signature of the right key opens, for the request it was made for."""
        said = run(VERIFIERS.python, RFC9421, verifiers.rfc9421_url(algorithm), algorithm, verifiers.keys[algorithm])

        assert said.split() == ["200", "401"]

    def test_vendors(self, http: httpx.Client, verifiers: Verifiers) -> None:
        """GitHub's, Slack's and Twilio's ways, each with a negative twin."""
        secret, now = verifiers_part.SECRET.encode(), str(int(time.time()))

        def mac(text: str, by: str) -> hmac.HMAC:
            return hmac.new(secret, text.encode(), by)

        slack = {
            "X-Slack-Request-Timestamp": now,
            "X-Slack-Signature": f"v0={mac(f'v0:{now}:body', 'sha256').hexdigest()}",
        }
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        twilio = base64.b64encode(mac(verifiers.twilio_url + "?a=b" + "a2b1", "sha1").digest()).decode()
        cases = [
            (verifiers.github_url, {"X-Hub-Signature-256": f"sha256={mac('body', 'sha256').hexdigest()}"}, "body"),
            (verifiers.slack_url, slack, "body"),
            (verifiers.twilio_url + "?a=b", form | {"X-Twilio-Signature": twilio}, "a=2&b=1"),
        ]

        for url, headers, body in cases:
            assert http.post(url, headers=headers, content=body).status_code == 200, url
            assert http.post(url, headers=headers, content=body + "x").status_code == 401, url
            assert http.post(url, content=body).status_code == 401, url

    def test_wsse(self, http: httpx.Client, wsse_url: str) -> None:
        """The digest over nonce, time and password, base64 or hex in base64; a nonce once."""
        created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())

        def header(nonce: str, *, is_hex: bool) -> dict[str, str]:
            digest = hashlib.sha1(f"{nonce}{created}{PASSWORD}".encode(), usedforsecurity=False)
            text = base64.b64encode(digest.hexdigest().encode() if is_hex else digest.digest()).decode()
            return {
                "X-WSSE": f'UsernameToken Username="{USERNAME}", PasswordDigest="{text}", Nonce="{nonce}", Created="{created}"'.encode()
            }

        plain, hexadecimal = header("n1", is_hex=False), header("n2", is_hex=True)

        assert [http.get(wsse_url, headers=plain).status_code for _ in range(2)] == [200, 401]
        assert http.get(wsse_url, headers=hexadecimal).status_code == 401
        assert http.get(wsse_url + "?encoding=hex", headers=hexadecimal).json() == {"user": USERNAME}


NTLM = """
import base64, sys, requests, spnego
url, user, password, protocol = sys.argv[1:]
known = requests.Session()
client = spnego.client(user, password, hostname="127.0.0.1", service="HTTP", protocol=protocol.lower())
token = client.step()
while True:
    answer = known.get(url, headers={"Authorization": f"{protocol} {base64.b64encode(token).decode()}"})
    _, _, said = answer.headers.get("WWW-Authenticate", "").partition(" ")
    if answer.status_code != 401 or not said:
        break
    token = client.step(base64.b64decode(said))
print(answer.status_code, known.get(url).status_code, requests.get(url).status_code)
"""


class TestNtlmServer:
    @pytest.mark.parametrize("protocol", ["NTLM", "Negotiate"])
    def test_a_connection_is_known(self, ntlm_server: NtlmServer, protocol: str) -> None:
        """The user of the file is accepted on the negotiated connection, a wrong password and another connection are not."""
        url = ntlm_server.ntlm_url if protocol == "NTLM" else ntlm_server.negotiate_url
        user = f"{verifiers_part.DOMAIN}\\{USERNAME}"

        good = run(VERIFIERS.python, NTLM, url, user, verifiers_part.NTLM_PASSWORD, protocol)
        bad = run(VERIFIERS.python, NTLM, url, user, "wrong", protocol)

        assert good.split() == ["200", "200", "401"]
        assert bad.split() == ["401", "401", "401"]


class TestKerberos:
    def test_tickets(self, kerberos: Kerberos) -> None:
        """Who has a ticket of the realm is let in, and the service proves itself; who has none is challenged."""
        ask = ["curl", "--silent", "--show-error", "--noproxy", "*", "--negotiate", "--user", ":", "--output", "/dev/null"]
        ask += ["--write-out", "%{http_code} %header{www-authenticate}", kerberos.url]

        said = [
            subprocess.run(ask, env={**os.environ, **known}, capture_output=True, text=True, check=True, timeout=60).stdout
            for known in (kerberos.environment, kerberos.nobody)
        ]

        assert said[0].startswith("200 Negotiate ")
        assert said[1] == "401 Negotiate"


class TestAzurite:
    def test_shared_key(self, http: httpx.Client, azurite: Azurite) -> None:
        """A container is made with a SharedKey signature that fits, and with no other."""

        def signed(method: str, key: bytes) -> dict[str, str]:
            headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-08-06"}
            names = "".join(f"{name}:{value}\n" for name, value in sorted(headers.items()))
            resource = f"/{azurite_part.ACCOUNT}/{azurite_part.ACCOUNT}/things\nrestype:container"
            text = f"{method}\n\n\n\n\n\n\n\n\n\n\n\n{names}{resource}"
            signature = base64.b64encode(hmac.new(key, text.encode(), "sha256").digest()).decode()
            return headers | {"Authorization": f"SharedKey {azurite_part.ACCOUNT}:{signature}"}

        key = base64.b64decode(azurite_part.KEY)
        url = azurite.container_url + "?restype=container"

        assert http.put(url, headers=signed("PUT", key)).status_code == 201
        assert http.get(url, headers=signed("GET", key)).status_code == 200
        assert http.get(url, headers=signed("GET", b"other")).status_code == 403
        assert http.get(url).status_code == 403

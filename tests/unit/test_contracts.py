"""The built-ins of every kind keep the promises of their kind: they pass the suites that strangers run."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

import keyring.backend
import pytest

from authweave.extensions.catalog import Catalog
from authweave.observers.logging import LogObserver
from authweave.settings import Settings
from authweave.sources.dotenv import DotenvSource
from authweave.sources.environment import EnvironmentSource
from authweave.sources.keyring import KeyringSource
from authweave.sources.secrets_dir import SecretsDirSource
from authweave.testing import (
    ClientAuthContract,
    GrantContract,
    ObserverContract,
    PlacementContract,
    ReportFormatContract,
    RuleContract,
    SchemeContract,
    SourceContract,
)
from authweave.values import TaskRequest
from certificates import self_signed
from signing import key, pem

CATALOG = Catalog(installed=False)
RULES = Path(__file__).parents[1] / "rules"
KEY = {"signing_key": pem(key())}


def suite(contract, name, **members):
    """A test class of this contract, as a stranger would write it."""
    globals()[name] = type(name, (contract,), {"__module__": __name__, "__doc__": contract.__doc__, **members})


def camel(name):
    return re.sub(r"\W|_", "", name.title())


def declared(*names):
    return {"inputs": {name: {"secret": True} for name in names}}


SAML = '<Assertion xmlns="urn:oasis:names:tc:SAML:2.0:assertion" ID="a" Version="2.0"></Assertion>'
ISSUED = self_signed("acme.example")
CERTIFICATE = {"inputs": {"certificate": ISSUED.certificate, "private_key": ISSUED.key}}
GRANTS = {
    "jwt_bearer": {"inputs": KEY, "auth": {"assertion": {}}},
    "saml2_bearer": {"inputs": {"assertion": SAML}, "auth": {"assertion": "{{ inputs.assertion }}"}, "more": declared("assertion")},
    "token_exchange": {
        "auth": {"token_request": {"fields": [
            {"key": "subject_token", "value": "{{ inputs.subject_token }}"}, {"key": "subject_token_type", "value": "urn:ietf:params:oauth:token-type:jwt"},
        ]}},
        "inputs": {"subject_token": "s3cr3t-subject"}, "more": declared("subject_token"),
    },
    "authorization_code": {"auth": {"authorization_url": "https://idp.example.com/authorize", "redirect_uri": "https://api.example.com/callback"}},
    "device_code": {"auth": {"device_authorization_url": "https://idp.example.com/device"}},
}  # fmt: skip
CLIENT_AUTHS = {"private_key_jwt": {"inputs": KEY}, "tls_client_auth": CERTIFICATE, "self_signed_tls_client_auth": CERTIFICATE}
KEYED = [{"in": "header", "key": "X-Key", "value": "{{ inputs.api_key }}"}]
SCHEMES = {
    "none": {"is_applied": False},
    "digest": {"is_applied": False},
    "negotiate": {"is_applied": False},
    "ntlm": {"is_applied": False},
    "custom": {"auth": {"fields": KEYED}, "inputs": {"api_key": "s3cr3t-key"}, "more": declared("api_key")},
    "oauth2": {"auth": {"grant_type": "client_credentials", "token_url": "https://idp.example.com/token"}},
    "signature": {"auth": {"string_to_sign": "{{ request.method }}", "fields": [{"in": "header", "key": "X-Signature", "value": "{{ signature | hex }}"}]}},
    "aws_sigv4": {"auth": {"service": "execute-api", "region": "eu-west-1"}},
    "session": {"auth": {"token_url": "https://idp.example.com/login"}},
    "jwt": {"auth": {"assertion": {}}, "inputs": KEY},
}
for name, grant in CATALOG.named("grants").items():
    suite(GrantContract, f"TestGrant{camel(name)}", extension=grant, **GRANTS.get(name, {}))
for name, method in CATALOG.named("client_auth").items():
    suite(ClientAuthContract, f"TestClientAuth{camel(name)}", extension=method, **CLIENT_AUTHS.get(name, {}))
for name, scheme in CATALOG.named("schemes").items():
    suite(SchemeContract, f"TestType{camel(name)}", extension=scheme, **SCHEMES.get(name, {}))
for name, rule in CATALOG.named("rules").items():
    bad = RULES / name / "bad.yaml"
    good = {"good": RuleContract.good.replace("acme", "bad")} if name == "name.file" else {}
    suite(RuleContract, f"TestRule{camel(name)}", extension=rule, bad=bad.read_text(), source=str(bad), **good)
for name, form in CATALOG.named("reports").items():
    suite(ReportFormatContract, f"TestReport{camel(name)}", extension=form)


def pairs(text, separator):
    return [tuple(part.strip().split("=", 1)) for part in text.split(separator) if "=" in part]


class TestHeader(PlacementContract):
    """`in: header`."""

    extension = CATALOG.find("placements", "header")
    key = "X-Region"

    def found(self, request, key):
        return [value for name, value in request.headers if name.lower() == key.lower()]


class TestQuery(PlacementContract):
    """`in: query`."""

    extension = CATALOG.find("placements", "query")

    def found(self, request, key):
        return parse_qs(urlsplit(request.url).query, keep_blank_values=True).get(key, [])


class TestCookie(PlacementContract):
    """`in: cookie`."""

    extension = CATALOG.find("placements", "cookie")

    def found(self, request, key):
        return [value for name, value in pairs(request.header("cookie") or "", ";") if name == key]


class TestPayload(PlacementContract):
    """`in: payload`."""

    extension = CATALOG.find("placements", "payload")
    request = TaskRequest("POST", "https://api.example.com/v1/things?a=1", (("Content-Type", "application/json"),), b'{"a": 1}')

    def found(self, request, key):
        value = json.loads(request.body).get(key)
        return [] if value is None else [value if isinstance(value, str) else json.dumps(value)]


class TestPath(PlacementContract):
    """`in: path`."""

    extension = CATALOG.find("placements", "path")
    request = TaskRequest("GET", "https://api.example.com/{region}?a=1", path_template=True)

    def found(self, request, key):
        part = urlsplit(request.url).path.removeprefix("/")
        return [] if "{" in part or key != self.key else [unquote(part)]


class TestEnvironment(SourceContract):
    """Variables of the environment."""

    @pytest.fixture
    def source(self):
        return EnvironmentSource({"AUTHWEAVE_ACME_CLIENT_SECRET": self.value})


class TestSecretsDir(SourceContract):
    """A folder of files, for a tenant."""

    tenant = "blue"

    @pytest.fixture
    def source(self, tmp_path):
        (tmp_path / "acme.blue.client_secret").write_text(self.value)
        return SecretsDirSource(tmp_path)


class TestDotenv(SourceContract):
    """A file of lines."""

    @pytest.fixture
    def source(self, tmp_path):
        (tmp_path / ".env").write_text(f"AUTHWEAVE_ACME_CLIENT_SECRET='{self.value}'\n")
        (tmp_path / ".env").chmod(0o600)
        return DotenvSource(tmp_path / ".env")


class Kept(keyring.backend.KeyringBackend):
    """A keyring in memory."""

    priority = 1
    entries: ClassVar[dict] = {}

    def get_password(self, service, username):
        return self.entries.get((service, username))

    def set_password(self, service, username, password):
        self.entries[service, username] = password


class TestKeyring(SourceContract):
    """The system's keyring."""

    @pytest.fixture
    def source(self):
        kept = Kept()
        kept.entries = {("authweave/acme", "client_secret"): self.value}
        return KeyringSource("authweave", kept)


class TestLog(ObserverContract):
    """The log."""

    @pytest.fixture
    def observer(self):
        return LogObserver.from_settings(Settings(origins={}, environment={}))


class TestOpenTelemetry(ObserverContract):
    """The meter, where nobody reads it."""

    @pytest.fixture
    def observer(self):
        pytest.importorskip("opentelemetry")
        return CATALOG.find("observers", "opentelemetry").from_settings(Settings(origins={}, environment={}))

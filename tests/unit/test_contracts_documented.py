"""The extensions that docs/extensions.md shows pass the suites that it speaks of."""

from __future__ import annotations

import json

import pytest

from authweave.settings import Settings
from authweave.testing import (
    ClientAuthContract,
    GrantContract,
    PlacementContract,
    ReportFormatContract,
    RuleContract,
    SchemeContract,
    SealContract,
    SourceContract,
)
from documentation.markdown import page

SHOWN: dict = {}
for block in page("docs/extensions.md").blocks:
    if block.language == "python" and "authweave.testing" not in block.text:
        exec(compile(block.text, str(block), "exec"), SHOWN)  # the page's own code


class TestBadge(GrantContract):
    extension = SHOWN["Badge"]


class TestAcmeKey(SchemeContract):
    extension = SHOWN["AcmeKey"]


class TestAcmeHmac(SealContract):
    own = {"signing_key": "s3cr3t-of-the-seal"}  # noqa: RUF012 - read only

    @pytest.fixture
    def seal(self):
        return SHOWN["AcmeHmac"]()


class TestAcmeHeader(ClientAuthContract):
    extension = SHOWN["AcmeHeader"]


class TestRealm(PlacementContract):
    extension = SHOWN["Realm"]

    def found(self, request, key):
        return [value for name, value in request.headers if name.lower() == f"x-acme-{key}".lower()]


class TestAcmeVault(SourceContract):
    @pytest.fixture
    def source(self):
        return SHOWN["AcmeVault"].from_settings(Settings(environment={"ACME_VAULT_acme__client_secret": self.value}))


class TestOneLine(ReportFormatContract):
    extension = SHOWN["OneLine"]


class TestNamesAcme(RuleContract):
    extension = SHOWN["NamesAcme"]
    good = json.dumps({**json.loads(RuleContract.good), "name": "acme-crm"})
    bad = json.dumps({**json.loads(RuleContract.good), "name": "crm"})
    source = "crm.json"

"""The extensions that docs/extensions.md shows pass the suites that it speaks of."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace

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


def test_the_suite_on_the_page_runs_as_it_is_copied(monkeypatch):
    """Its author types nothing but what is shown: the suite has the class of the module that the page names."""
    [shown] = [block for block in page("docs/extensions.md").blocks if block.language == "python" and "import GrantContract" in block.text]
    module = SimpleNamespace(Badge=SHOWN["Badge"])
    monkeypatch.setitem(sys.modules, "acme_authweave", SimpleNamespace(badge=module))
    monkeypatch.setitem(sys.modules, "acme_authweave.badge", module)
    copied: dict = {}
    exec(compile(shown.text, str(shown), "exec"), copied)  # the page's own code

    assert SHOWN["Badge"] is copied["TestBadge"].extension


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

"""Every extension keeps the promises of its kind: the suites come from authweave."""

from __future__ import annotations

import json

import pytest
from acme_authweave.badge import Badge
from acme_authweave.context import HEADER, Context, parameters
from acme_authweave.store import AcmeStore
from acme_authweave.vault import Vault

from authweave.contracts import StoreOptions
from authweave.testing import GrantContract, PlacementContract, SourceContract, StoreContract


class TestBadge(GrantContract):
    extension = Badge


class TestContext(PlacementContract):
    extension = Context

    def found(self, request, key):
        value = parameters(request.header(HEADER) or "").get(key)
        return [] if value is None else [value]


class TestVault(SourceContract):
    @pytest.fixture
    def source(self, tmp_path):
        (tmp_path / "vault.json").write_text(json.dumps({self.profile: {self.asked.name: self.value}}))
        return Vault(tmp_path / "vault.json")


class TestStore(StoreContract):
    @pytest.fixture
    def store(self, tmp_path):
        return AcmeStore.from_url(f"acme:{tmp_path}/tokens.db", StoreOptions(patience=5.0))

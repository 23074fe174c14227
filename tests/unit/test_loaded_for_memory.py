"""What an engine loads that keeps its tokens in memory: nothing of the other stores."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from services import Identity, serving

pytestmark = pytest.mark.thorough

CODE = """
import sys
from authweave import Engine
from authweave.loading import loads
from authweave.settings import Settings

settings = Settings.load({"sources": [], "store": sys.argv[2]}, env={"XDG_CONFIG_HOME": sys.argv[3]})
engine = Engine(inputs={"client_id": "client", "client_secret": "secret"}, settings=settings)
auth = {"type": "oauth2", "grant_type": "client_credentials", "token_url": sys.argv[1] + "/token"}
text = __import__("json").dumps({"format": 1, "name": "acme", "identity_provider": "Acme", "servers": [sys.argv[1]], "auth": auth})
assert engine.connect(loads(text, "acme.json")).token().result(20).access_token.reveal() == "T1"
print(*sorted({"redis", "sqlite3", "cryptography", "keyring", "rich", "jsonschema", "asyncio"} & set(sys.modules)))
"""


@pytest.mark.parametrize("store", ["memory:", "sqlite"])
def test_a_first_token_in_memory_loads_nothing_of_other_stores(store, tmp_path):
    """With `memory:` neither SQLite, Redis nor ciphers are loaded; with `sqlite:` what it needs, and not Redis."""
    url = store if store == "memory:" else f"sqlite://{tmp_path}/tokens/tokens.db"
    env = {name: value for name, value in os.environ.items() if not name.startswith("AUTHWEAVE")}
    env["PYTHONPATH"] = str(Path(__file__).parents[2] / "plugin")

    with serving(Identity()) as identity:
        done = subprocess.run([sys.executable, "-c", CODE, identity.url, url, tmp_path], capture_output=True, text=True, env=env, check=True)

    assert ([] if store == "memory:" else ["cryptography", "sqlite3"]) == done.stdout.split()

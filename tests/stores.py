"""Stores for the tests: URLs that nobody has used, and a key for what is kept in them."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

NewStore = Callable[[], str]


def sqlite_urls(folder: Path) -> NewStore:
    """Each a file of its own."""
    numbers = itertools.count()
    return lambda: f"sqlite://{folder}/{next(numbers)}/tokens.db"


def urls(kind: str, request: Any, folder: Path) -> NewStore:
    """URLs of stores of this kind; Redis is only started where it is wanted."""
    if kind == "redis":
        fresh: NewStore = request.getfixturevalue("redis_server").fresh_url
        return fresh
    return sqlite_urls(folder) if kind == "sqlite" else lambda: "memory:"


@pytest.fixture
def key_file(tmp_path: Path) -> str:
    """A key for what is stored."""
    path = tmp_path / "store.key"
    path.touch(0o600)
    path.write_text(os.urandom(32).hex())
    return str(path)

"""What a URL says of a store in Redis; nobody is asked."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authweave.contracts import StoreOptions
from authweave.errors import SettingsError
from authweave.stores.redis.store import RedisStore
from authweave.stores.redis.url import Node, RedisUrl, read
from thorough import every

SECRET = "S3CRET-4711"


@every(
    "url, meant",
    [
        ("redis://localhost", RedisUrl("redis", (Node("localhost", 6379),))),
        ("REDIS://localhost/", RedisUrl("redis", (Node("localhost", 6379),))),
        ("redis://cache_1.acme.example:6380/3", RedisUrl("redis", (Node("cache_1.acme.example", 6380),), db=3)),
        ("redis://:pw@h", RedisUrl("redis", (Node("h", 6379, "", "pw"),), "", "pw")),
        ("rediss://me:p%3Aw%2F%40%25%C3%BC+@h/1", RedisUrl("rediss", (Node("h", 6379, "me", "p:w/@%ü+"),), "me", "p:w/@%ü+", 1)),
        ("redis://me:a:b@h", RedisUrl("redis", (Node("h", 6379, "me", "a:b"),), "me", "a:b")),
        ("redis://:a@b@h", RedisUrl("redis", (Node("h", 6379, "", "a@b"),), "", "a@b")),
        ("redis://[::1]:7000?prefix=team.a", RedisUrl("redis", (Node("::1", 7000),), prefix="team.a")),
        ("redis://[fe80::1%25eth0]", RedisUrl("redis", (Node("fe80::1%eth0", 6379),))),
        (
            "redis+sentinel://:pw@a,b:7000,[::1]:7001/mymaster/2",
            RedisUrl("redis+sentinel", (Node("a", 26379), Node("b", 7000), Node("::1", 7001)), "", "pw", 2, "mymaster"),
        ),
        (
            "rediss+sentinel://me:pw@a/m?sentinel_username=s&sentinel_password=%26x&prefix=p",
            RedisUrl("rediss+sentinel", (Node("a", 26379, "s", "&x"),), "me", "pw", 0, "m", "p"),
        ),
    ],
)  # fmt: skip
def test_what_it_says(url: str, meant: RedisUrl) -> None:
    """Every part of every form, percent-decoded once."""
    assert meant == read(url)


@every(
    "url, words",
    [
        ("redis:/h", "begins with one of"),
        ("http://h", "begins with one of"),
        ("redis://", "host is missing"),
        (f"redis://:{SECRET}@", "host is missing"),
        ("redis://h:0", "port"),
        ("redis://h:65536", "port"),
        ("redis://h:", "port"),
        ("redis://h:٣", "percent-encoded"),
        (f"redis://me:{SECRET}", "port"),
        (f"redis://{SECRET} @h", "a space"),
        (f"redis://:{SECRET}\n@h", "a control character"),
        (f"redis://:{SECRET}/x@h", "%2F"),
        (f"redis://:{SECRET}?x@h", "%3F"),
        (f"redis://:{SECRET}#x@h", "%23"),
        ("redis://h/0#x", "no fragment"),
        (f"redis://:{SECRET}%@h", "%25"),
        (f"redis://:{SECRET}%ff@h", "the password is not percent-encoded UTF-8"),
        ("redis://me@h", "user needs a password"),
        ("redis://h/x", "database"),
        ("redis://h/-1", "database"),
        ("redis://h/0/1", "database"),
        ("redis://a,b", "several hosts"),
        ("redis://::1", "brackets"),
        ("redis://[::1", "brackets"),
        ("redis://h?timeout=3", "timeout is not known here; there is prefix"),
        (f"redis://h?password={SECRET}", "password is not known here"),
        (f"redis://h?{SECRET}=x", "there is an option that is not known here"),
        (f"redis://h?{SECRET}%21=x", "an option that is not known"),
        ("redis://h?sentinel_password=x", "sentinel_password is not known here"),
        ("redis://h?prefix=a&prefix=b", "twice"),
        ("redis://h?prefix=", "prefix is made of"),
        ("redis://h?prefix=a*", "prefix is made of"),
        ("redis://h?prefix={a}", "prefix is made of"),
        ("redis+sentinel://h", "the name under which"),
        ("redis+sentinel://h/", "the name under which"),
        ("redis+sentinel://h/m/x", "database"),
        (f"redis+sentinel://h/m?sentinel_username={SECRET}", "sentinel_username needs a password"),
        (f"redis+sentinel://h/m?sentinel_password={SECRET}@", "%40"),
        ("redis+sentinel://a,,b/m", "host is missing"),
    ],
)  # fmt: skip
def test_what_is_wrong(url: str, words: str) -> None:
    """The part is named, and nothing of what stands there is shown."""
    with pytest.raises(SettingsError) as raised:
        RedisStore.from_url(url, StoreOptions())

    assert words in str(raised.value)
    assert SECRET not in str(raised.value)


@given(st.text("abc:/?#@%&=[],. \nü", max_size=30))
def test_any_text(text: str) -> None:
    """Whatever follows the scheme, it is a URL or a SettingsError."""
    for scheme in ("redis", "redis+sentinel"):
        with contextlib.suppress(SettingsError):
            assert read(f"{scheme}://{text}").nodes


def test_nobody_is_asked() -> None:
    """A worker starts while Redis is down; what it shows of the store is where it is, and no password."""
    url = f"rediss+sentinel://me:{SECRET}@nowhere.invalid,other.invalid:1/m/2?sentinel_password={SECRET}"

    store = RedisStore.from_url(url, StoreOptions())

    assert "RedisStore('rediss+sentinel://nowhere.invalid:26379,other.invalid:1/m/2')" == repr(store)
    assert SECRET not in repr(read(url))
    store.close()


def test_an_authority_that_cannot_be_read(tmp_path) -> None:
    """Said at once, by its path; a plain connection needs none."""
    options = StoreOptions(ca=tmp_path / "missing.pem")

    with pytest.raises(SettingsError, match=r"missing\.pem"):
        RedisStore.from_url("rediss://localhost", options)
    RedisStore.from_url("redis://localhost", options).close()


@pytest.mark.parametrize("module", ["redis", "ssl"])
def test_what_loading_costs(module: str) -> None:
    """The package redis is imported when a store is made, and no sooner."""
    asked = f"import sys, authweave.stores.redis.store; sys.exit({module!r} in sys.modules)"

    assert 0 == subprocess.run([sys.executable, "-c", asked], env=os.environ, check=False).returncode


def test_without_the_package() -> None:
    """It is named, and how to get it."""
    asked = (
        "import sys; sys.modules['redis'] = None\n"
        "from authweave.contracts import StoreOptions\n"
        "from authweave.stores.redis.store import RedisStore\n"
        "RedisStore.from_url('redis://localhost', StoreOptions())"
    )

    told = subprocess.run([sys.executable, "-c", asked], env=os.environ, check=False, capture_output=True, text=True)

    assert "SettingsError: a store in Redis needs the package redis: install authweave[redis]" in told.stderr

"""The ledger: entries come back as they were, bound to their key; what is taken away stays taken away."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authweave.at_rest.cipher import Sealer
from authweave.at_rest.keys import Keys
from authweave.errors import SettingsError, StoreUnavailable
from authweave.lazy import AnyCase
from authweave.stores.memory import MemoryStore
from authweave.tokens.ledger import KEPT_LONGER, KEPT_WITHOUT_END, Ledger, worth
from authweave.tokens.records import NotAnEntry, Unheld, decoded, encoded, held
from authweave.values import NEVER, Entry, Secret, Token, Trouble
from effort import examples
from renewing import KEY, key_of
from services import engine
from thorough import every

FULL = Token(
    access_token=Secret("AT-é-\u2028-4711", "test"), expires_at=1_900_000_000.25, renew_at=1_899_999_940.0, issued_at=1_800_000_000.5,
    refresh_token=Secret("RT", "test"), id_token=Secret("a.b.c", "test"), token_type="Bearer", scope="read write",
    kept={"host": "abc", "key": Secret("K", "test"), "number": 7, "nothing": None, "bytes": Secret(b"\x00\xff", "test"), "list": [1, {"a": "b"}]},
)  # fmt: skip
BARE = Token(access_token=Secret("AT", "test"))
TROUBLE = Trouble("refused", "…", 1.5, spends="ab", status=401, error="invalid_client", error_description="é", count=3, until=9.0, credentials="c")


def plain(token: Token) -> dict[str, Any]:
    """A token with its secrets open, to compare."""
    kept = {name: (type(value), value.reveal() if isinstance(value, Secret) else value) for name, value in token.kept.items()}
    secrets = {name: getattr(token, name) for name in ("access_token", "refresh_token", "id_token")}
    opened = {name: value.reveal() if value else None for name, value in secrets.items()}
    return {**opened, "kept": kept, "times": (token.expires_at, token.renew_at, token.issued_at), "type": token.token_type, "scope": token.scope}


@every("value, kept", [
    ({"\0bytes": "AA=="}, {"\0bytes": "AA=="}), ({1: "a", False: []}, {"1": "a", "false": []}), ((1, 2), [1, 2]), (AnyCase((("A", "b"),)), {"a": "b"}), (b"\0", b"\0"),
    ({"a": None}, {"a": None}), (0.5, 0.5),
])  # fmt: skip
def test_what_is_held_comes_back_the_same(value, kept):
    """Whatever a template gave to keep, a process that finds the token in a store works with the same value as the one that got it."""
    token = replace(BARE, kept={"one": held(value), "other": Secret(held(value), "test")})

    back = decoded(encoded(Entry({}, token))).token

    assert (type(kept), kept) == (type(held(value)), held(value)) == (type(back.kept["one"]), back.kept["one"])
    assert kept == back.kept["other"].reveal()


@every("value", [[b"x"], {"a": [b"x"]}, float("inf"), [float("nan")], [object()], Secret("x", "test")], ids=["bytes in a list", "bytes in a map", "infinity", "no number", "an object", "a secret"])
def test_what_no_entry_can_hold_is_said(value):
    """It is refused when it is kept, in words without the value, and not when the token is written."""
    with pytest.raises(Unheld):
        held(value)


def test_what_is_too_deep_is_not_held():
    """A value that would end the stack is refused like the others."""
    value = 1
    for _ in range(5000):
        value = [value]

    with pytest.raises(Unheld, match="too deep"):
        held(value)


class Shared(MemoryStore):
    is_shared = True


class Bench:
    def __init__(self, keys=None, store=None):
        self.told = []
        self.store = store or Shared()
        self.ledger = Ledger(self.store, keys or Keys.fresh(), lambda kind, **fields: self.told.append((kind, fields)), 0.2)

    @property
    def kinds(self):
        return [kind for kind, _ in self.told]


@pytest.fixture
def bench():
    return Bench()


@pytest.mark.parametrize("token", [FULL, BARE, None], ids=["full", "bare", "none"])
@pytest.mark.parametrize("trouble", [TROUBLE, None], ids=["trouble", "well"])
def test_what_is_written_is_read(bench, token, trouble):
    """Every part of an entry comes back as it was, and secrets come back as secrets."""
    assert bench.ledger.write(KEY, 0, Entry(KEY.facts(), token, trouble, True), keep=None)
    record = bench.ledger.read(KEY)

    assert (1, KEY.facts(), trouble, True) == (record.version, record.entry.facts, record.trouble, record.entry.rotates)
    assert (plain(record.token) if record.token else None) == (plain(token) if token else None)


def test_nothing_is_open_in_the_store(bench):
    """Neither token, nor tenant, nor user stands in the bytes."""
    key = key_of(tenant="tenant-4711", subject="mary@example.org")
    bench.ledger.write(key, 0, Entry(key.facts(), FULL), keep=None)
    [row] = bench.store._rows.values()

    for secret in ("AT-", "RT", "tenant-4711", "mary", "example"):
        assert secret.encode() not in row.data


@pytest.mark.parametrize("part", ["tenant", "connection", "subject", "endpoint", "client_id", "grant", "scopes", "audience", "secret"])
def test_every_part_of_the_key_keeps_tokens_apart(bench, part):
    """Another value of any part finds nothing."""
    bench.ledger.write(KEY, 0, Entry(KEY.facts(), FULL), keep=None)

    assert bench.ledger.read(key_of(**{part: "another"})).entry is None


@given(st.lists(st.text(max_size=4), min_size=8, max_size=8, unique=False), st.lists(st.text(max_size=4), min_size=8, max_size=8))
def test_parts_never_run_into_each_other(one, other):
    """Two keys have one digest only if they are the same in every part."""
    names = ("tenant", "connection", "subject", "endpoint", "client_id", "grant", "scopes", "audience")
    keys = [key_of(**dict(zip(names, parts, strict=True))) for parts in (one, other)]

    assert (keys[0] == keys[1]) is (keys[0].digest() == keys[1].digest())


def test_a_record_under_another_key_is_not_used(bench):
    """Bytes moved to another key by whoever can write the store are not opened there, and told once."""
    bench.ledger.write(KEY, 0, Entry(KEY.facts(), FULL), keep=None)
    other = key_of(tenant="other")
    bench.store._rows[other.digest()] = bench.store._rows[KEY.digest()]
    records = [bench.ledger.read(other) for _ in range(3)]

    assert {(None, True)} == {(record.entry, bool(record.unreadable)) for record in records}
    assert ["unreadable"] == bench.kinds


def test_a_record_that_says_it_is_somebody_elses(bench):
    """A record repeats its key; one that names another is not used, even where the seal is right."""
    bench.ledger.write(KEY, 0, Entry({**KEY.facts(), "tenant": "other"}, FULL), keep=None)

    assert bench.ledger.read(KEY).entry is None
    assert ["unreadable"] == bench.kinds


def test_another_key_seals(bench):
    """What was sealed with a key that is not here: absent, told once, no crash."""
    bench.ledger.write(KEY, 0, Entry(KEY.facts(), FULL), keep=None)
    other = Bench(store=bench.store)

    assert [None, None] == [other.ledger.read(KEY).entry for _ in range(2)]
    assert ["unreadable"] == other.kinds


def test_a_rotated_key_reads_on(bench):
    """The new key seals, the old one still opens, and fingerprints stay what they are."""
    old = Keys.fresh()
    before = Bench(keys=old)
    before.ledger.write(KEY, 0, Entry(KEY.facts(), FULL), keep=None)
    after = Bench(keys=Keys(Keys.fresh().active, (old.active,)), store=before.store)

    assert plain(FULL) == plain(after.ledger.read(KEY).token)
    assert before.ledger.fingerprint(b"s") == after.ledger.fingerprint(b"s") != Bench().ledger.fingerprint(b"s")


def test_every_bit_counts(bench):
    """Whichever bit of a stored record is flipped: absent, never a token, never a crash."""
    bench.ledger.write(KEY, 0, Entry(KEY.facts(), BARE), keep=None)
    row = bench.store._rows[KEY.digest()]
    for bit in range(0, 8 * len(row.data), 7):
        data = bytearray(row.data)
        data[bit // 8] ^= 1 << bit % 8
        bench.store._rows[KEY.digest()] = replace(row, data=bytes(data))
        assert bench.ledger.read(KEY).entry is None
    assert ["unreadable"] == bench.kinds


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_bytes_that_are_no_entry(data):
    """Whatever was sealed, it is an entry or NotAnEntry."""
    with pytest.raises(NotAnEntry):
        decoded(data)


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3), max_leaves=8)


@given(st.sampled_from(["format", "facts", "token", "trouble", "rotates"]), JSON)
@settings(max_examples=examples(200))
def test_entries_of_an_odd_shape(member, value):
    """A later version's entry, or a mistaken one, is NotAnEntry where it cannot be read; nothing else is raised."""
    said = json.loads(encoded(Entry(KEY.facts(), FULL, TROUBLE)))
    said[member] = value
    with contextlib.suppress(NotAnEntry):
        decoded(json.dumps(said).encode())


def test_entries_lists_what_there_is(bench):
    """Every key, opened as far as it can be; what was taken away is not listed."""
    for tenant in "abc":
        key = key_of(tenant=tenant)
        bench.ledger.write(key, 0, Entry(key.facts(), BARE), keep=None)
    bench.store.write("f" * 64, 0, b"garbage")
    assert bench.ledger.remove(key_of(tenant="b").digest())
    found = {record.entry.facts["tenant"] if record.entry else record.unreadable[:4] for _, record in bench.ledger.entries()}

    assert 3 == len(found)
    assert {"a", "c"} < found


def test_taken_away_is_not_lost(bench):
    """The version stays, so that a worker's copy in memory is not put back; a second time there is nothing to take."""
    bench.ledger.write(KEY, 0, Entry(KEY.facts(), FULL), keep=None)

    assert bench.ledger.remove(KEY.digest())
    assert (2, None) == (bench.ledger.read(KEY).version, bench.ledger.read(KEY).entry)
    assert not bench.ledger.remove(KEY.digest())


def test_notes_are_sealed(bench):
    """A fact comes back; what cannot be opened is none."""
    bench.ledger.note("hold:x", {"until": 12.5}, 60)
    assert {"until": 12.5} == bench.ledger.noted("hold:x")
    assert b"until" not in str(bench.store._notes).encode()
    bench.store.note("hold:x", b"garbage", 60)

    assert bench.ledger.noted("hold:x") is None
    assert bench.ledger.noted("hold:y") is None


def test_worth_keeping():
    """What can be had anew is kept a day beyond its end; what has no end, a month."""
    assert KEPT_LONGER == worth(None, 0.0)
    assert KEPT_WITHOUT_END == worth(BARE, 0.0)
    assert 100 + KEPT_LONGER == worth(Token(Secret("x", "t"), expires_at=1100.0), 1000.0)
    assert KEPT_LONGER == worth(Token(Secret("x", "t"), expires_at=1.0), 1000.0)
    assert NEVER == BARE.expires_at


def test_a_store_that_fails_is_left_alone(bench):
    """The first call finds out, the next ones fail at once, without asking it."""
    asked = []

    def silent(key):
        asked.append(key)
        raise StoreUnavailable("timeout", "silent")

    bench.store.read = silent
    for _ in range(50):
        with pytest.raises(StoreUnavailable, match="silent"):
            bench.ledger.read(KEY)

    assert 1 == len(asked)
    assert ["store_down"] == bench.kinds


def test_a_store_that_answers_that_it_is_full_is_asked_on(bench):
    """It costs no time, and reading goes on; one word a minute."""
    full = StoreUnavailable("full", "the disk is full")

    def write(*_, **__):
        raise full

    bench.store.write = write
    for _ in range(10):
        with pytest.raises(StoreUnavailable):
            bench.ledger.write(KEY, 0, Entry(KEY.facts(), BARE), keep=None)
        assert 0 == bench.ledger.read(KEY).version

    assert ["store_down"] == bench.kinds


def test_the_engine_takes_a_url(tmp_path, monkeypatch):
    """`Engine(store='sqlite:///…')` is the setting; where machines may share a store, its key has to be named."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    run = engine(store=f"sqlite:///{tmp_path}/t.db")
    assert ("sqlite", "Engine(store=…)") == (run.ledger.store.name, run.settings.origins["store"])
    run.close()
    with pytest.raises(SettingsError, match="name the key that all of them seal with"):
        engine(store="redis://cache.example:1")
    engine(store="redis://cache.example:1", settings={"store_key": "plaintext"}).close()


def test_a_store_that_is_not_known():
    """Named with what is known."""
    with pytest.raises(SettingsError, match=r"Engine\(store=…\): store etcd: is not known; known: memory:, redis:, .*sqlite:"):
        engine(store="etcd://x")


@every("text", [b"[" * 200_000, b"9" * 5000, b"\xff\xfe", b"[1]", b""])
def test_a_note_that_nobody_here_would_leave(text):
    """Whoever writes to a store in plain text leaves what is no fact: it is as if absent, and ends no renewal."""
    store = MemoryStore()
    store.note("hold:x", Sealer(Keys(None)).seal(text, "hold:x"), 60)

    assert Ledger(store, Keys(None), lambda kind, **fields: None, 0.2).noted("hold:x") is None

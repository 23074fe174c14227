"""Sealing stored tokens anew keeps out of the way of those who renew them."""

from __future__ import annotations

import time

from authweave.at_rest.keys import Keys
from authweave.cli.resealing import Sealings
from authweave.extensions.catalog import default_catalog
from authweave.stores.memory import MemoryStore
from authweave.tokens.ledger import Ledger
from authweave.tokens.records import SIGN_IN_HEAD
from authweave.values import Entry, Intent, Secret, Token
from renewing import KEY, key_of

KEY_OF_SIGN_IN = "ab" * 32
OLD, NEW = Keys.fresh().active, Keys.fresh().active


def stored():
    """A store with two entries that an old key sealed, and their ledger."""
    store = MemoryStore()
    ledger = Ledger(store, Keys(OLD), lambda kind, **fields: None, 0.2)
    for key in (KEY, key_of(tenant="other")):
        assert ledger.write(key, 0, Entry(key.facts(), Token(Secret("T", "test"), expires_at=2e9)), keep=None)
    return store, ledger


def resealed(store):
    return Sealings(store, Keys(NEW, (OLD,)), default_catalog(), time.time).resealed()


def test_everything_is_sealed_anew():
    """And opens with the new key alone; a second time there is nothing to do; no lease is left."""
    store, _ = stored()
    first, second = resealed(store), resealed(store)

    assert ((2, 2, 0), (2, 0, 0)) == tuple((found.readable, found.resealed, found.renewing) for found in (first, second))
    assert Ledger(store, Keys(NEW), lambda kind, **fields: None, 0.2).read(KEY).token is not None
    assert store.lease(KEY.digest(), "anybody", 1)


def test_what_somebody_renews_is_left_to_them():
    """A lease that somebody holds, and an intent that somebody left: neither entry is touched, both are counted."""
    store, ledger = stored()
    store.lease(KEY.digest(), "a worker", 60)
    other = key_of(tenant="other")
    ledger.intend(other, 1, Intent("a worker", 1.0, "ab"))
    found = resealed(store)

    assert (2, 0, 2) == (found.readable, found.resealed, found.renewing)
    assert (1, 1) == (store.read(KEY.digest()).version, store.read(other.digest()).version)
    assert store.read(other.digest()).intent


def test_a_sign_in_under_way_is_left_alone():
    """It is gone in minutes, opens with the older key until then, and is no damage."""
    store, ledger = stored()
    assert ledger.hold(KEY_OF_SIGN_IN, 0, SIGN_IN_HEAD + b"{}", keep=600)
    found = resealed(store)

    assert (2, 2, {}) == (found.readable, found.resealed, found.unreadable)
    assert 1 == store.read(KEY_OF_SIGN_IN).version

"""The bytes of a store after all kinds of use: nothing of a secret in them, and nothing that was changed is ever used."""

from __future__ import annotations

import base64
import os
import random
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from authweave.errors import SettingsError, SignInNeeded, StoreUnavailable
from authweave.values import Intent
from identities import vendor_client
from killing import ACTED, AFTER_INTENT, renew_and_halt
from stores import key_file, sqlite_urls
from workers import ATTENDED, OWN, VENDOR, Place, caller, consented, start

__all__ = ["key_file"]

CLIENT_SECRET = "client-secret-3vB9xq"
SUBJECT, TENANT = "ann.smith@people.example", "tenant-of-the-north-77"
EXPIRED = 700.0


# ---- what is in them


def used(provider, store, key_file):
    """A store after all kinds of use: tokens of each grant, renewals, ends in the middle, a refusal, a sign-in that is
    needed. Everything that must not be in it."""
    secrets = {CLIENT_SECRET, SUBJECT, TENANT}
    for grant in (ATTENDED, VENDOR, OWN):
        place = new_place(provider, store, key_file, grant)
        for step in (None, AFTER_INTENT, ACTED):
            here = replace(place, ahead=EXPIRED * len(secrets))
            if step is not None:
                assert start(renew_and_halt, here, step, signal.SIGKILL).end() == -signal.SIGKILL
            assert caller(here).error in ("", "SignInNeeded")
            secrets |= {place.given or CLIENT_SECRET, *held(here)}
    wrong = replace(new_place(provider, store, key_file, OWN), ahead=0.0)
    wrong = replace(wrong, client=replace(wrong.client, client_secret="wrong-" + CLIENT_SECRET))
    assert "TokenEndpointError" == caller(wrong).error
    return secrets


def held(place):
    """The secrets that the store holds."""
    with place.engine() as run:
        tokens = [record.token for _, record in run.ledger.entries() if record.token]
    return {secret.reveal() for token in tokens for secret in (token.access_token, token.refresh_token) if secret is not None}


def new_place(provider, store, key_file, grant):
    if grant == OWN:
        client = provider.new_client(client_secret=CLIENT_SECRET)
    else:
        client = vendor_client(provider, client_secret=CLIENT_SECRET)
    given = consented(provider, client) if grant == ATTENDED else ""
    return Place(provider, client, store, key_file, grant, given, tenant=TENANT, subject=SUBJECT)


def forms(secret):
    """A secret as somebody might find it: plain, hexadecimal, and base64 at each of its three alignments."""
    raw = secret.encode()
    yield raw
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    for before in range(3):
        coded = base64.b64encode(b"\0" * before + raw)[4 if before else 0 : -4]
        yield coded
        yield coded.translate(bytes.maketrans(b"+/", b"-_"))


def found(secrets, content):
    return {secret for secret in secrets for form in forms(secret) if form in content}


def files(folder):
    return b"".join(path.read_bytes() for path in sorted(Path(folder).rglob("*")) if path.is_file())


def test_nothing_secret_in_sqlite(oidc_provider, tmp_path, key_file):
    """Database, write-ahead log and shared memory hold no token, secret, tenant or person."""
    url = sqlite_urls(tmp_path / "stores")()
    keeps_open = Place(oidc_provider, oidc_provider.new_client(), url, key_file, OWN)
    with keeps_open.engine() as run:
        keeps_open.connection(run).token().result(30)
        secrets = used(oidc_provider, url, key_file)
        names = {path.name for path in (tmp_path / "stores" / "0").iterdir()}
        content = files(tmp_path / "stores")

    assert {"tokens.db", "tokens.db-wal", "tokens.db-shm"} <= names
    assert len(secrets) >= 10
    assert set() == found(secrets, content)


def test_nothing_secret_in_redis(oidc_provider, new_redis, key_file):
    """Keys, values and the dump on disk hold no token, secret, tenant or person."""
    server = new_redis("--rdbcompression", "no")
    secrets = used(oidc_provider, server.url, key_file)
    with server.client() as client:
        client.save()
        dumps = b"".join(key + (client.dump(key) or b"") for key in client.scan_iter())
    dump = (server.folder / "dump.rdb").read_bytes()

    assert len(secrets) >= 10
    assert b"authweave" in dump
    assert set() == found(secrets, dump + dumps + repr(server.values()).encode())


def test_plain_text_would_be_found(oidc_provider, tmp_path):
    """The twin: where an operator chose plain text, the search finds every token."""
    place = new_place(oidc_provider, sqlite_urls(tmp_path / "stores")(), "plaintext", VENDOR)
    caller(place)

    assert held(place) | {SUBJECT, TENANT} == found({*held(place), SUBJECT, TENANT, "not in it"}, files(tmp_path / "stores"))


# ---- what was changed


def flipped(content, chance):
    """One bit of it changed."""
    at = chance.randrange(len(content) * 8)
    return content[: at // 8] + bytes([content[at // 8] ^ (1 << at % 8)]) + content[at // 8 + 1 :]


def with_token(provider, store, key_file):
    """A place with a person's token in its store."""
    place = new_place(provider, store, key_file, ATTENDED)
    assert caller(place).is_good
    return place


def test_changed_bits_in_redis_are_never_used(oidc_provider, redis_server, key_file):
    """9,700 times another bit of a row is wrong: no token, or the very same; one event for the record; nothing untyped."""
    chance = random.Random(1)
    place = with_token(oidc_provider, redis_server.fresh_url(), key_file)
    told = []
    with place.engine(told) as run, redis_server.client() as raw:
        key = place.key(run)
        before = run.ledger.read(key).token.access_token.reveal()
        [row] = raw.scan_iter(f"{place.store.partition('prefix=')[2]}:*:row")
        fields = {**raw.hgetall(row), b"intent": b"a.b.c 1700000000.000 0123456789abcdef 1"}
        raw.hset(row, mapping=fields)
        possible = {(b"data", True), (b"intent", False), (b"version", False), (b"version", "wrong_type")}
        for number in range(9700):
            name = chance.choice([b"data"] * 7 + [b"version", b"intent"])
            raw.hset(row, name, flipped(fields[name], chance))
            try:
                record = run.ledger.read(key)
            except StoreUnavailable as error:
                found_wrong = (name, error.reason)
            else:
                found_wrong = (name, bool(record.unreadable))
                assert record.token is None or before == record.token.access_token.reveal()
            assert found_wrong in possible, number
            raw.hset(row, name, fields[name])
        assert ["unreadable"] == [event.kind for event in told if not event.is_about_store or event.kind == "unreadable"]

        raw.hset(row, b"data", flipped(fields[b"data"], chance))
        raw.hdel(row, b"intent")
    told_to_caller = caller(place)
    assert (SignInNeeded.__name__, True) == (told_to_caller.error, "cannot be opened" in told_to_caller.words)


@pytest.mark.parametrize("many", [300, pytest.param(3000, marks=pytest.mark.heavy)])
def test_changed_bits_in_the_files_of_sqlite_are_never_used(oidc_provider, tmp_path, key_file, many):
    """So often another bit of the database or its log is wrong: the very same token, none, or a typed error; and no more
    than one word about it."""
    chance = random.Random(2)
    place = with_token(oidc_provider, sqlite_urls(tmp_path / "stores")(), key_file)
    before = place.record().token.access_token.reveal()
    with place.engine() as run:
        key = place.key(run)
        assert run.ledger.intend(key, run.ledger.read(key).version, Intent("a.b.c", 1.0))  # so that there is a log
        taken = {path.name: path.read_bytes() for path in (tmp_path / "stores" / "0").iterdir() if path.name != "tokens.db-shm"}
    assert taken["tokens.db-wal"]
    outcomes = {"same": 0, "absent": 0, "refused": 0}

    for number in range(many):
        name = chance.choice(["tokens.db", "tokens.db-wal"])
        folder = tmp_path / f"flipped{number}"
        put(folder, {**taken, name: flipped(taken[name], chance)})
        outcomes[outcome(replace(place, store=f"sqlite://{folder}/tokens.db"), key, before)] += 1
        for path in folder.iterdir():
            path.unlink()

    assert outcomes["same"]
    assert outcomes["absent"] + outcomes["refused"]


def put(folder, content):
    folder.mkdir(0o700)
    for name, data in content.items():
        with open(os.open(folder / name, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
            file.write(data)


def outcome(place, key, before):
    """What came of reading: `same` token, `absent`, or `refused` with a typed error."""
    told = []
    try:
        with place.engine(told) as run:
            token = run.ledger.read(key).token
    except (SettingsError, StoreUnavailable):
        return "refused"
    assert len(told) <= 1, told
    if token is None:
        return "absent"
    assert before == token.access_token.reveal()
    return "same"

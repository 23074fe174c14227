"""How a token is, read from what the store has of it; and `Engine.status()` over the connections of a process."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authweave.errors import AuthweaveError, StoreUnavailable
from authweave.status import STATES, Health
from authweave.status.health import Around, condition_of
from authweave.status.stored import differences
from authweave.stores.memory import MemoryStore
from authweave.tokens.owners import new_owner
from authweave.values import NEVER, Entry, Intent, Record, Trouble
from keeping import token_of
from renewing import KEY, key_of
from services import Api, Clock, Identity, between, connect, engine, oauth, profile, says
from thorough import every

NOW = 1_700_000_000.0
SOON = Around(NOW, 45.0)
PERSON = Around(NOW, 45.0, attended=True)
GONE = new_owner().replace(f".{new_owner().split('.')[1]}.", ".999999-1.")


def record(token=None, trouble=None, intent=None, *, rotates=None, unreadable=""):
    entry = None if unreadable else Entry(KEY.facts(), token, trouble, rotates)
    return Record(1, entry, intent, unreadable)


GOOD = token_of("T", NOW + 600, refresh="R")
OVER = token_of("T", NOW - 1, refresh="R")
WINDOW = token_of("T", NOW + 30, renew_at=NOW - 30, refresh="R")


def trouble(kind, **more):
    return Trouble(kind, "so it was", NOW - 100, **more)


@every(
    "state, there, around",
    [
        ("unused", Record(), SOON),
        ("unused", Record(version=7), SOON),  # it was forgotten
        ("unused", record(), SOON),
        ("ok", record(GOOD), SOON),
        ("ok", record(token_of("T", NEVER, renew_at=NEVER)), SOON),
        ("expiring", record(WINDOW), SOON),
        ("expired", record(OVER), SOON),
        ("refused", record(GOOD, trouble("refused")), SOON),
        ("refused", record(None, trouble("refused", credentials="a")), replace(PERSON, credentials="a")),
        ("expired", record(None, trouble("refused", credentials="a")), replace(PERSON, credentials="b")),
        ("unreachable", record(OVER, trouble("unreachable")), SOON),
        ("sign_in_needed", record(OVER, trouble("sign_in_needed")), PERSON),
        ("rate_limited", record(OVER, trouble("rate_limited")), replace(SOON, held_until=NOW + 10)),
        ("rate_limited", Record(), replace(SOON, held_until=NOW + 10)),
        ("rate_limited", record(WINDOW), replace(SOON, held_until=NOW + 10)),
        ("ok", record(GOOD, trouble("rate_limited")), replace(SOON, held_until=NOW + 10)),
        ("expired", record(OVER, trouble("rate_limited")), replace(SOON, held_until=NOW - 10)),
        ("renewing", record(GOOD, None, Intent(new_owner(), NOW - 1)), SOON),
        ("renewing", record(OVER, trouble("refused"), Intent(new_owner(), NOW - 1)), SOON),
        ("ok", record(GOOD, None, Intent(new_owner(), NOW - 46)), SOON),  # its lease has run out
        ("ok", record(GOOD, None, Intent(GONE, NOW - 1, "a", 2)), SOON),  # nothing is lost
        ("expired", record(OVER, None, Intent(GONE, NOW - 1, "a", 1)), PERSON),
        ("sign_in_needed", record(OVER, None, Intent(GONE, NOW - 1, "a", 2)), PERSON),
        ("expired", record(OVER, None, Intent(GONE, NOW - 1, "a", 2), rotates=False), PERSON),  # can be used any number of times
        ("expired", record(None, None, Intent(GONE, NOW - 1)), SOON),
        ("unreadable", record(unreadable="it is damaged"), SOON),
    ],
)
def test_state(state, there, around):
    """The state that a record means; the end of its token is told with each."""
    condition = condition_of(there, around)

    assert state == condition.state
    assert (there.token.expires_at if there.token else None) == condition.expires_at


def test_why():
    """What happened is told, also where it does not stand in the way any more."""
    assert "reauthorize (so it was)" == condition_of(record(OVER, trouble("sign_in_needed")), PERSON).why
    assert "invalid_client: who? (401)" == condition_of(record(None, trouble("refused", status=401, error="invalid_client", error_description="who?")), SOON).why
    assert condition_of(record(GOOD, None, Intent(GONE, NOW - 1)), SOON).why.endswith("the next use gets another token")
    assert condition_of(record(GOOD, None, Intent(GONE, NOW - 1, "a")), PERSON).why.endswith("the next use presents the refresh token once more")
    assert "with another client secret" in condition_of(record(None, trouble("refused", credentials="a")), replace(PERSON, credentials="b")).why
    assert condition_of(record(OVER, trouble("rate_limited")), SOON).why.endswith("so it was; the next use asks again")


_troubles = st.none() | st.builds(
    Trouble, st.sampled_from(["refused", "unreachable", "rate_limited", "sign_in_needed", "?"]), st.text(), st.floats(0, 2 * NOW),
    credentials=st.sampled_from(["", "a", "b"]),
)  # fmt: skip
_intents = st.none() | st.builds(Intent, st.sampled_from([GONE, new_owner(), "?", "", "a.b.c"]), st.floats(0, 2 * NOW), st.sampled_from(["", "a"]), st.integers(0, 9))
_tokens = st.none() | st.builds(token_of, st.just("T"), st.floats(0, 2 * NOW) | st.just(NEVER), refresh=st.sampled_from([None, "R"]))


@given(_tokens, _troubles, _intents, st.sampled_from(["", "it is damaged"]), st.booleans(), st.floats(0, 2 * NOW))
def test_every_record_has_a_state(token, trouble, intent, unreadable, attended, held):
    """Whatever stands in a store: one of the states, and never an error."""
    there = record(token, trouble, intent, unreadable=unreadable)

    assert condition_of(there, Around(NOW, 45.0, attended, held, "a")).state in STATES


def test_differences():
    """Each part of a key by its name, secrets without their marks, URLs without their queries."""
    old = key_of(scopes="scope=read\nscope=write", inputs=(("region", "eu"), ("gone", "1")), secret="fingerprint-1")
    new = key_of(
        scopes="scope=read", inputs=(("region", "us"), ("more", "2")), secret="fingerprint-2", endpoint="https://id.example?x=hush", client_id="r2", grant="h"
    )

    assert [
        "client_id: 'robot' → 'r2'",
        "grant: 'g' → 'h'",
        "endpoint: another query",
        "scopes: 'read write' → 'read'",
        "input region: 'eu' → 'us'",
        "input gone: is read no more",
        "input more: is read as well",
        "another client secret or refresh token",
    ] == differences(old.facts(), new.facts())
    assert [] == differences(old.facts(), old.facts())


def test_of_an_engine():
    """Every connection that was made in this process, with what is known of its token."""
    clock = Clock()
    with between(Identity(), Api()) as (identity, api):
        run = engine(clock=clock)
        blue = connect(oauth(identity), api, run=run, tenant="blue")
        connect(oauth(identity), api, run=run, tenant="red")
        before = run.status()

        blue.token().result(10)

        after = run.status()
        clock.ahead = 700.0
        later = run.status()

    assert ["unused", "unused"] == [health.state for health in before]
    assert [("blue", "ok"), ("red", "unused")] == [(health.tenant, health.state) for health in after]
    assert ["expired", "unused"] == [health.state for health in later]
    assert before[0].key == after[0].key != after[1].key
    assert 1 == identity.count


def test_of_variants():
    """Where the inputs say which variant is in force there is one row; where the request does, one for each."""
    first = {"name": "one", "when": "{{ request.method == 'GET' }}", "type": "bearer"}
    with between(Identity(), Api()) as (identity, api):
        run = engine(inputs={"client_id": "robot", "client_secret": "s", "token": "t"})
        run.connect(profile([first, {"name": "two", **oauth(identity)}], api.url))

        healths = run.status()

    assert [("one", "no_token"), ("two", "unused")] == [(health.variant, health.state) for health in healths]


def test_missing_and_wrong_inputs():
    """What stands in the way is told with the place to mend it; the value is not."""
    with between(Identity(), Api()) as (identity, api):
        run = engine(inputs={"client_id": "robot", "client_secret": "s3cr3t-value", "region": "nowhere-at-all"})
        declared = {"region": {"enum": ["eu", "us"]}, "client_id": {}, "client_secret": {"secret": True}}
        run.connect(profile(oauth(identity, scopes=["{{ inputs.region }}"]), api.url, inputs=declared))
        bare = engine(inputs={})
        bare.connect(profile(oauth(identity), api.url))

        [wrong], [missing] = run.status(), bare.status()

    assert ("not_configured", "not_configured") == (wrong.state, missing.state)
    assert "region" in wrong.why
    assert "nowhere-at-all" not in wrong.why
    assert "not supplied: client_id, client_secret" == missing.why
    assert missing.fix.startswith("supply client_id: ")


def test_store_that_is_away():
    """A state like any other: nothing is raised."""

    class Away(MemoryStore):
        def read(self, key):
            raise StoreUnavailable("refused", "nobody answers at cache.example")

    with between(Identity(), Api()) as (identity, api):
        run = engine(store=Away())
        connect(oauth(identity), api, run=run)
        [health] = run.status()

    assert ("store_down", "nobody answers at cache.example") == (health.state, health.why)
    assert health.key


def test_status_while_connections_are_made():
    """Asked in one thread while others connect: nothing is raised, nothing is missing in the end."""
    with between(Identity(), Api()) as (identity, api):
        run, made = engine(), profile(oauth(identity), api.url)
        threads = [threading.Thread(target=lambda: [run.connect(made, tenant=f"{number}") for number in range(200)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            run.status()

        assert 200 == len({health.tenant for health in run.status()})


def test_nothing_secret_in_it():
    """Neither the repr of a Health nor its fields hold a secret; the repr leaves the user out."""
    with between(Identity(refresh=True), Api()) as (identity, api):
        run = engine(inputs={"client_id": "robot", "client_secret": "s3cr3t-value"})
        connection = connect(oauth(identity), api, run=run, subject="ann@acme.example")
        connection.token().result(10)
        identity.script = [says({"error": "invalid_client"}, 401)]
        other = run.connect(profile(oauth(identity, scopes=["other"]), api.url), subject="ann@acme.example")
        with pytest.raises(AuthweaveError):
            other.token().result(10)
        told = run.status()

    assert ["ok", "refused"] == [health.state for health in told]
    assert "ann@acme.example" == told[0].subject
    assert not re.search(r"s3cr3t|ann@|'T1'|'R1'", repr(told))


def test_what_wants_a_person():
    """An orphan does only where a refresh token was consented to."""
    orphan = Health("acme", state="orphaned")

    assert not orphan.wants_a_person
    assert not replace(orphan, refresh_token=True).wants_a_person
    assert replace(orphan, refresh_token=True, attended=True).wants_a_person
    assert ["refused", "sign_in_needed", "sign_in_pending", "unreadable"] == sorted(state for state in STATES if Health("acme", state=state).wants_a_person)


def test_the_page_has_every_state():
    """docs/store.md lists the states, the worst first."""
    page = Path(__file__).parents[2].joinpath("docs/store.md").read_text()

    assert list(STATES) == re.findall(r"(?m)^\| `(\w+)` \|", page.partition("| state |")[2])

"""`authweave status`: how every token is, the worst first; what an edit has orphaned; what a script can rely on."""

import os
import sqlite3
import time
from pathlib import Path

import pytest

from authweave.cli.exits import Exit
from authweave.loading import files_in
from authweave.resources import profiles_folder
from authweave.status import STATES
from authweave.tokens.owners import new_owner
from authweave.values import Entry, Intent, Trouble
from keeping import ACCESS, REFRESH_TOKEN, token_of
from services import says

pytestmark = pytest.mark.thorough


def row_of(keeper, *arguments):
    [row] = keeper.data("status", *arguments)["status"]
    return row


def store_file() -> Path:
    return Path(os.environ["XDG_DATA_HOME"], "authweave", "tokens.db")


def test_nothing_yet(keeper):
    """A profile that was never used is unused: nothing is sent, and nothing is wrong. Shipped ones that nobody uses are counted."""
    done = keeper("status")

    assert (Exit.OK, "", 0) == (done.code, done.err, keeper.identity.count)
    assert "1 in all: 1 unused" in done.out
    shipped = len(list(files_in(profiles_folder())))
    assert f"{shipped} shipped profiles that nobody uses are left out" in done.out


def test_all_lists_shipped_profiles_too(keeper):
    """With --all nothing is left out."""
    rows = keeper.data("status", "--all")["status"]

    assert {"acme", "nuance-mix-runtime", "kore-client-credentials"} <= {row["profile"] for row in rows}


def test_a_good_token(keeper):
    """What `token` got is there for `status`, with its end and its key, also as data."""
    keeper("token", "acme")

    row = row_of(keeper)
    text = keeper("status", "acme")

    assert ("acme", "0.0.0", "ok", "", "") == tuple(row[name] for name in ("profile", "version", "state", "tenant", "why"))
    assert len(row["key"]) == 12
    assert row["expires_at"] > row["since"]
    assert (Exit.OK, ["state", "profile", "tenant", "subject", "ends", "key"]) == (text.code, text.lines[0].split())
    assert ["ok", "acme", "in", "9", "min", row["key"]] == text.lines[1].split()


def test_tenants_come_from_the_store(keeper):
    """Each tenant that has a token is a row of its own; one that is named is looked at alone."""
    keeper("token", "acme", "--tenant", "blue")
    keeper("token", "acme", "--tenant", "red")

    assert ["blue", "red"] == [row["tenant"] for row in keeper.data("status")["status"]]
    assert [("blue", "ok")] == [(row["tenant"], row["state"]) for row in keeper.data("status", "--tenant", "blue")["status"]]
    assert [("green", "unused")] == [(row["tenant"], row["state"]) for row in keeper.data("status", "acme", "--tenant", "green")["status"]]


@pytest.mark.parametrize(
    ("expires", "renew", "state"), [(600, 540, "ok"), (30, -30, "expiring"), (-30, -90, "expired")], ids=["ok", "expiring", "expired"]
)
def test_by_the_clock(keeper, expires, renew, state):
    """A token is good, in its refresh window, or over; none of these wants anybody."""
    keeper("token", "acme")
    now = time.time()
    keeper.change(lambda record, entry: Entry(entry.facts, token_of("T", now + expires, renew_at=now + renew)))

    assert ([state], Exit.OK) == (keeper.states(), keeper("status").code)


def test_refused(keeper):
    """The endpoint's own words, and what to do; it wants a person: 1."""
    keeper.identity.script = [says({"error": "invalid_client", "error_description": "who are you?"}, 401)]
    assert Exit.REFUSED == keeper("token", "acme").code

    row = row_of(keeper)

    assert ("refused", "invalid_client: who are you? (401)") == (row["state"], row["why"])
    assert "authweave test acme" in row["fix"]
    assert Exit.REFUSED == keeper("status").code


def test_unreachable(keeper):
    """An endpoint that gave no answer: 3."""
    keeper.trouble("unreachable", "no route to id.example")

    assert ("unreachable", "no route to id.example") == tuple(row_of(keeper)[name] for name in ("state", "why"))
    assert Exit.INCONCLUSIVE == keeper("status").code


def test_rate_limited_until(keeper):
    """`Retry-After` holds for every process on the store; when it is over, only the token counts."""
    keeper.identity.script = [says({}, 429, ("Retry-After", "300"))] * 3
    assert Exit.INCONCLUSIVE == keeper("token", "acme").code

    row = row_of(keeper)

    assert "rate_limited" == row["state"]
    assert "asked to be left alone until 20" in row["why"]
    assert Exit.OK == keeper("status").code


def test_a_person_has_to_sign_in(keeper):
    """A refresh token that is spent: sign_in_needed with what happened, and 1."""
    keeper.write(grant_type="refresh_token")
    keeper.identity.script = [says({"error": "invalid_grant"}, 400)]
    assert Exit.REFUSED == keeper("token", "acme").code

    row = row_of(keeper)

    assert "sign_in_needed" == row["state"]
    assert row["why"].startswith("reauthorize (")
    assert "invalid_grant" in row["why"]
    assert Exit.REFUSED == keeper("status").code


def test_an_interrupted_refresh(keeper):
    """A refresh that nobody heard of again: the next use presents it once more; after the second time a person has to sign in."""
    keeper.write(grant_type="refresh_token")
    keeper.trouble("rate_limited")
    gone = new_owner().replace(f".{os.getpid()}-", ".999999-")

    states = []
    for attempt in (1, 2):
        with keeper.engine() as engine:
            key = keeper.key(engine)
            version = engine.ledger.read(key).version
            assert engine.ledger.intend(key, version, Intent(gone, 1_700_000_000.0, "a" * 16, attempt))
        states.append(row_of(keeper))

    assert ["expired", "sign_in_needed"] == [row["state"] for row in states]
    assert "interrupted at 2023-11-14T22:13:20Z; the next use presents the refresh token once more" in states[0]["why"]
    assert "reauthorize (previous refresh interrupted at 2023-11-14T22:13:20Z, and so was one before it)" == states[1]["why"]


def test_renewing(keeper):
    """The intent of an owner that lives: a worker is at it."""
    keeper("token", "acme")
    with keeper.engine() as engine:
        key = keeper.key(engine)
        assert engine.ledger.intend(key, engine.ledger.read(key).version, Intent(new_owner(), time.time()))

    assert ["renewing"] == keeper.states()


def test_not_configured(keeper):
    """A missing input is named with where one would put it; for a profile that is named, 4."""
    keeper.give(client_secret="")

    row = row_of(keeper)

    assert ("not_configured", "not supplied: client_secret") == (row["state"], row["why"])
    assert "AUTHWEAVE_ACME_CLIENT_SECRET" in row["fix"]
    assert (Exit.OK, Exit.INPUT) == (keeper("status").code, keeper("status", "acme").code)


def test_stored_by_somebody_who_gave_the_inputs(keeper):
    """A token whose inputs somebody gave elsewhere is no orphan because they are missing here: its state is told, and that they are."""
    keeper("token", "acme")
    keeper.give(client_id="")

    row = row_of(keeper)

    assert ("ok", "not supplied: client_id") == (row["state"], row["why"])


def test_no_token(keeper):
    """A type without tokens has nothing to look at."""
    keeper.write(type="bearer", grant_type=None, token_url=None, scopes=None)
    keeper.give(token="t0ken-that-is-given")

    assert (["no_token"], Exit.OK) == (keeper.states(), keeper("status", "acme").code)


def test_profile_that_is_not_valid(keeper):
    """It is a row of its own, and keeps nothing from the others."""
    keeper.write("other", grant_type="client_credentails")

    rows = {row["profile"]: row for row in keeper.data("status")["status"]}

    assert ("not_configured", "unused") == (rows["other"]["state"], rows["acme"]["state"])
    assert "authweave validate other" in rows["other"]["fix"]


@pytest.mark.parametrize(
    ("edit", "says_so"),
    [
        ({"scopes": ["read", "write"]}, "scopes: 'read' → 'read write'"),
        ({"scopes": [{"key": "scope", "value": "read"}, {"key": "audience", "value": "crm"}]}, "scopes: 'read' → 'scope=read audience=crm'"),
        ({"audience": "crm"}, "audience: '' → 'crm'"),
        ({"client_id": "other"}, "client_id: 'robot' → 'other'"),
        ({"grant_type": "urn:acme:robot"}, "grant: 'client_credentials' → 'urn:acme:robot'"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_an_edit_orphans(keeper, edit, says_so):
    """Whatever of the key an edit changes is named with both values; undone, the token is good again."""
    keeper("token", "acme")

    keeper.write(**edit)
    rows = keeper.data("status")["status"]
    keeper.write()

    assert ["orphaned", "unused"] == [row["state"] for row in rows]
    assert says_so in rows[0]["why"].split("; ")
    assert "authweave tokens clear --orphaned" in rows[0]["fix"]
    assert ["ok"] == keeper.states()


def test_another_endpoint_orphans(keeper):
    """Old and new URL, without their queries."""
    keeper("token", "acme")

    keeper.write(token_url=f"{keeper.identity.url}/v2/token?hush=1")

    assert f"endpoint: {keeper.identity.url}/token → {keeper.identity.url}/v2/token" == keeper.data("status")["status"][0]["why"]


def test_another_input_orphans(keeper):
    """An input that the token call reads."""
    declared = {"region": {"title": "Region", "default": "eu"}}
    keeper.write(inputs=declared, scopes=["{{ inputs.region }}"])
    keeper("token", "acme")

    keeper.give(region="us")

    assert "scopes: 'eu' → 'us'; input region: 'eu' → 'us'" == keeper.data("status")["status"][0]["why"]


def test_another_secret_orphans_what_is_unattended(keeper):
    """A rotated secret of a grant in the client's own name: said without a word of either."""
    keeper("token", "acme")

    keeper.give(client_secret="an0ther-s3cret")
    done = keeper("status")

    assert "another client secret or refresh token" in done.out
    assert "an0ther" not in done.out
    assert Exit.OK == done.code  # the next use gets another


def test_another_secret_leaves_what_a_person_consented_to(keeper):
    """The client's secret is rotated, the profile has another version and another client_auth: the signed-in user's token is found."""
    keeper.write(grant_type="refresh_token")
    keeper.identity.refresh, keeper.identity.good_refresh = True, REFRESH_TOKEN
    assert Exit.OK == keeper("token", "acme").code

    keeper.write(grant_type="refresh_token", client_auth="client_secret_post", version="1.1.0")
    keeper.give(client_secret="an0ther-s3cret")

    assert ["ok"] == keeper.states()


def test_an_orphaned_refresh_token_wants_a_person(keeper):
    """What a person consented to cannot be had anew: said, and 1."""
    keeper.write(grant_type="refresh_token")
    keeper.identity.refresh, keeper.identity.good_refresh = True, REFRESH_TOKEN
    assert Exit.OK == keeper("token", "acme").code

    keeper.write(grant_type="refresh_token", scopes=["read", "write"])
    done, row = keeper("status"), keeper.data("status")["status"][0]

    assert Exit.REFUSED == done.code
    assert ("orphaned", True, True) == (row["state"], row["refresh_token"], row["attended"])
    assert "somebody may have to sign in again" in row["why"]


def test_a_refresh_token_of_another_folder_wants_nobody(keeper):
    """Its profile is not found from here: 0, and what it holds is told as data."""
    path = keeper.write(grant_type="refresh_token")
    keeper.identity.refresh, keeper.identity.good_refresh = True, REFRESH_TOKEN
    assert Exit.OK == keeper("token", "acme").code
    path.unlink()

    done, row = keeper("status"), row_of(keeper)

    assert (Exit.OK, True) == (done.code, "1 in all: 1 elsewhere" in done.lines)
    assert ("elsewhere", True, True) == (row["state"], row["refresh_token"], row["attended"])


def test_an_orphan_without_a_token_is_no_loss(keeper):
    """Only a refusal was stored under the key that an edit left: said."""
    keeper.identity.script = [says({"error": "invalid_scope"}, 400)]
    assert Exit.REFUSED == keeper("token", "acme").code
    keeper.write(scopes=["write"])

    [orphan, _] = keeper.data("status")["status"]

    assert ("orphaned", True) == (orphan["state"], orphan["why"].endswith("; nothing is lost: it holds no token"))
    assert Exit.OK == keeper("status").code


def test_no_such_profile(keeper):
    """What is stored for a profile that is gone, or in another folder: told, and nothing wrong with it."""
    path = keeper.write()
    keeper("token", "acme")
    path.unlink()

    row = row_of(keeper)

    assert Exit.OK == keeper("status").code
    assert ("elsewhere", "acme", "its profile is not found from this folder") == (row["state"], row["profile"], row["why"])
    assert "authweave tokens clear --profile acme" in row["fix"]


def test_a_profile_by_its_file(keeper, tmp_path):
    """A profile that only a path finds: named by it, its token is no orphan."""
    path = keeper.write()
    keeper("token", path)
    moved = path.rename(tmp_path / path.name)

    assert (["elsewhere"], ["ok"]) == (keeper.states(), keeper.states(moved))


def test_unreadable(keeper):
    """Sealed with a key that is gone: it is told, wants a person, and nobody knows whose the others are."""
    keeper("token", "acme")
    keeper("token", "acme", "--tenant", "blue")
    Path(os.environ["XDG_CONFIG_HOME"], "authweave", "store.key").unlink()

    rows = keeper.data("status")["status"]

    assert ["unreadable", "unreadable", "unused"] == [row["state"] for row in rows]
    assert "which is not here" in rows[0]["why"]
    assert Exit.REFUSED == keeper("status").code


def test_a_damaged_entry(keeper):
    """Flipped bits in a sealed entry are unreadable, and end nothing."""
    keeper("token", "acme")
    with keeper.engine() as engine:
        key = keeper.key(engine).digest()
        row = engine.ledger.store.read(key)
        assert engine.ledger.store.write(key, row.version, row.data[:-1] + bytes([row.data[-1] ^ 1]))

    row = row_of(keeper)

    assert ("unreadable", "acme") == (row["state"], row["profile"])
    assert "damaged" in row["why"]


@pytest.mark.parametrize(
    "facts", [{}, {"inputs": 5}, {"inputs": [["a"]], "connection": 7}, {"connection": "acme/oauth2"}, {"tenant": "theirs"}], ids=lambda facts: ",".join(facts) or "none"
)
def test_an_entry_that_is_not_what_its_key_says(keeper, facts):
    """Facts that do not make the key are nobody's: unreadable, whatever they are, and no command fails."""
    keeper("token", "acme")
    keeper.change(lambda record, entry: Entry({**(entry.facts if len(facts) == 1 else {}), **facts} if facts else {}, entry.token))

    assert "unreadable" in keeper.states()
    assert [Exit.OK] * 2 == [keeper("tokens", "list").code, keeper("tokens", "clear", "--unreadable", "--yes").code]
    assert [] == keeper.data("tokens", "list")


def test_a_store_file_that_is_no_database(keeper):
    """It is moved aside, which is said, and what was in it is unknown."""
    keeper("token", "acme")
    for path in store_file().parent.glob("tokens.db-*"):
        path.unlink()
    store_file().write_bytes(b"not a database at all" * 1000)

    done = keeper("status")

    assert Exit.OK == done.code
    assert "moved to" in done.err
    assert "1 unused" in done.out


def test_a_store_that_does_not_answer(keeper):
    """Locked for longer than its patience: every row says so, and 3."""
    keeper("token", "acme")
    holder = sqlite3.connect(store_file(), isolation_level=None)
    holder.execute("PRAGMA locking_mode = EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    try:
        done = keeper("status")
    finally:
        holder.close()

    assert Exit.INCONCLUSIVE == done.code
    assert "store_down" in done.out
    assert done.err.count("\n") == 1


def test_memory_is_named_as_such(keeper, monkeypatch):
    """In memory no other process sees anything: said, so that nobody takes it for a store without tokens."""
    monkeypatch.setenv("AUTHWEAVE_STORE", "memory:")

    done = keeper("status")

    assert (Exit.OK, True) == (done.code, "the store is memory: (from AUTHWEAVE_STORE)" in done.err)


@pytest.mark.real
def test_a_thousand_rows_stay_readable(keeper):
    """The bad ones come first and all, the good ones are counted, with --all listed; the last lines sum up."""
    with keeper.engine() as engine:
        for number in range(1000):
            key = keeper.key(engine, tenant=f"t{number:04}")
            trouble = Trouble("refused", "so it was", 1.0) if number == 500 else None
            assert engine.ledger.write(key, 0, Entry(key.facts(), token_of("T", time.time() + 600), trouble), keep=None)

    short, whole = keeper("status"), keeper("status", "--all")

    assert "t0500" in short.lines[1]
    assert len(short.lines) < 60
    assert "… and 959 more that are well; --all lists them" in short.lines
    assert "1000 in all: 1 refused, 999 ok" in short.lines
    assert len(whole.lines) > 1000


def test_nothing_moves_the_cursor(keeper):
    """Tenants and an endpoint's words are shown as text, whatever they hold."""
    keeper.identity.script = [says({"error": "invalid_client", "error_description": "\x1b[2Jgone\nnew line"}, 401)]
    keeper("token", "acme", "--tenant", "\x1b[31mred\n")

    done = keeper("status")

    assert "\x1b" not in done.out
    assert "\\x1b[31mred\\n" in done.out


@pytest.mark.parametrize(
    ("arguments", "says_so"),
    [
        (["nosuch"], "there is no profile nosuch"),
        (["acme", "-I", "nope=1"], "none of these profiles has an input nope"),
        (["acme", "-I", "client_secret=x"], "is a secret and is not taken as an argument"),
        (["-I", "client_id=x"], "--input goes with a profile"),
    ],
)
def test_refused_as_written(keeper, arguments, says_so):
    """2, with what would be right."""
    done = keeper("status", *arguments)

    assert (Exit.USAGE, "") == (done.code, done.out)
    assert says_so in done.err


def test_inputs_of_a_connection(keeper):
    """An input that was given to `token` can be given here, too."""
    keeper.give(client_id="")
    keeper("token", "acme", "-I", "client_id=another")

    assert (["ok"], ["orphaned", "unused"]) == (keeper.states("acme", "-I", "client_id=another"), keeper.states("acme", "-I", "client_id=third"))


def test_every_state_has_a_meaning():
    """The table of states is the whole table."""
    assert all(STATES.values())
    assert ACCESS

"""`authweave tokens`: what is stored, looked at, revoked and forgotten; never a token in any output."""

import json
import os
import time
from pathlib import Path

import pytest

from authweave.cli.exits import Exit
from authweave.redaction import fingerprint
from authweave.values import Entry, TokenKey
from commands import apart, here
from keeping import ACCESS, REFRESH_TOKEN, token_of
from services import says

pytestmark = pytest.mark.thorough


def stored(keeper, *arguments):
    return keeper.data("tokens", "list", *arguments)


@pytest.fixture
def tenants(keeper):
    """Tokens of two tenants, and their keys."""
    keeper("token", "acme", "--tenant", "blue")
    keeper("token", "acme", "--tenant", "red")
    return keeper, {row["tenant"]: row["key"] for row in stored(keeper)}


@pytest.fixture
def attended(keeper):
    """A token that a person consented to, with a refresh token that rotated."""
    keeper.write(grant_type="refresh_token", revoke_request={"url": f"{keeper.identity.url}/revoke"})
    keeper.identity.refresh, keeper.identity.good_refresh = True, REFRESH_TOKEN
    assert Exit.OK == keeper("token", "acme").code
    return keeper


def test_list_of_nothing(keeper):
    """Said in words; as data an empty list."""
    assert (Exit.OK, "nothing is stored\n") == (keeper("tokens", "list").code, keeper("tokens", "list").out)
    assert [] == stored(keeper)


def test_list(tenants):
    """Whose, from where, until when; of one tenant or profile, if that is asked for."""
    keeper, keys = tenants

    done, rows = keeper("tokens", "list"), stored(keeper)

    assert ["blue", "red"] == [row["tenant"] for row in rows]
    assert {"acme"} == {row["profile"] for row in rows}
    assert {f"{keeper.identity.url}/token"} == {row["endpoint"] for row in rows}
    assert [("client_credentials", False, None)] * 2 == [(row["grant"], row["refresh_token"], row["trouble"]) for row in rows]
    assert all(key in done.out for key in keys.values())
    assert "2 stored, 0 with a refresh token" == done.lines[-1]
    assert ["blue"] == [row["tenant"] for row in stored(keeper, "--profile", "acme", "--tenant", "blue")]
    assert [] == stored(keeper, "--profile", "other")


def test_list_is_narrow(keeper, attended):
    """Of the endpoint only the origin; no column that is empty in all rows; 80 columns are enough for what is usual."""
    alone = keeper("tokens", "list").lines
    with keeper.engine() as engine:
        facts = {**keeper.key(engine).facts(), "connection": "nuance-mix-runtime", "tenant": "blue", "endpoint": "https://auth.crt.nuance.com/oauth2/token"}
        key = TokenKey(**facts | {"inputs": tuple(map(tuple, facts["inputs"]))})
        assert engine.ledger.write(key, 0, Entry(key.facts(), token_of("T", time.time() + 600)), keep=None)

    both = keeper("tokens", "list").lines

    assert ["key", "profile", "endpoint", "ends", "refresh"] == alone[0].split()
    assert [keeper.identity.url, "in", "9", "min", "yes"] == alone[1].split()[2:]
    assert ["key", "profile", "tenant", "endpoint", "ends", "refresh"] == both[0].split()
    assert ["nuance-mix-runtime", "blue", "auth.crt.nuance.com", "in", "9", "min"] == both[2].split()[1:]
    assert max(map(len, [*alone, *keeper("tokens", "list", "--profile", "nuance-mix-runtime").lines])) <= 80


def test_list_tells_of_trouble_and_of_what_cannot_be_opened(tenants):
    """What went wrong last; and a row for an entry of which nobody knows whose it is."""
    keeper, keys = tenants
    with keeper.engine() as engine:
        blue, red = keeper.key(engine, tenant="blue"), keeper.key(engine, tenant="red").digest()
        row = engine.ledger.store.read(red)
        assert engine.ledger.store.write(red, row.version, b"no entry")
    keeper.identity.script = [says({"error": "invalid_scope"}, 400)]
    keeper.change(lambda record, entry: Entry(entry.facts, token_of("T", time.time() - 10)), key=blue)
    assert Exit.REFUSED == keeper("token", "acme", "--tenant", "blue").code

    rows = {row["key"]: row for row in stored(keeper)}

    assert "refused" == rows[keys["blue"]]["trouble"]
    assert "damaged" in rows[keys["red"]]["unreadable"]
    assert "cannot be opened: it is damaged" in keeper("tokens", "list").out


def test_show_is_everything_but_the_token(attended):
    """Times, lengths, fingerprints, and what the key is made of."""
    [entry] = attended.data("tokens", "show", "acme")
    done = attended("tokens", "show", entry["key"][:8])

    access, refresh = entry["token"]["access_token"], entry["token"]["refresh_token"]
    assert (len(f"{ACCESS}1"), fingerprint(f"{ACCESS}1")) == (access["length"], access["fingerprint"])
    assert {"length": None, "fingerprint": None} == refresh  # `R1` is short: nothing is told of it
    assert (64, "robot", ["scope=read"], None) == (len(entry["key"]), entry["client_id"], entry["scopes"], entry["trouble"])
    assert entry["token"]["issued_at"] < entry["token"]["renew_at"] < entry["token"]["expires_at"]
    assert entry["key"] in done.out
    assert access["fingerprint"] in done.out


def test_show_of_trouble(keeper):
    """The endpoint's own words, when, and when it is asked again."""
    keeper.identity.script = [says({"error": "invalid_client", "error_description": "who?"}, 401)]
    keeper("token", "acme")

    [entry] = keeper.data("tokens", "show", "acme")

    assert ("refused", 401, "invalid_client", "who?") == tuple(entry["trouble"][name] for name in ("kind", "status", "error", "error_description"))
    assert entry["trouble"]["at"] < entry["trouble"]["until"]
    assert "invalid client" not in keeper("tokens", "show", "acme").out


@pytest.mark.parametrize(
    ("written", "says_so"),
    [("acme2", "nothing is stored for a profile acme2"), ("abc", "too short"), ("0000", "no stored token has a key that begins with 0000")],
)
def test_key_that_is_none(keeper, written, says_so):
    """2, and what is wrong with it."""
    done = keeper("tokens", "show", written)

    assert (Exit.USAGE, True) == (done.code, says_so in done.err)


def test_ambiguous_key(keeper):
    """All that it could be are listed; four digits more tell them apart."""
    with keeper.engine() as engine:
        keys, number = {}, 0
        while len(keys) < 300 or not any(len(same) > 1 for same in keys.values()):
            key = keeper.key(engine, tenant=f"t{number}")
            keys.setdefault(key.digest()[:4], []).append(key)
            number += 1
        [first, second, *_] = next(same for same in keys.values() if len(same) > 1)
        for key in (first, second):
            assert engine.ledger.write(key, 0, Entry(key.facts(), token_of("T", time.time() + 600)), keep=None)

    done = keeper("tokens", "clear", first.digest()[:4], "--yes")

    assert Exit.USAGE == done.code
    assert "begins 2 keys:" in done.err
    assert first.digest()[:12] in done.err
    assert second.digest()[:12] in done.err
    assert Exit.OK == keeper("tokens", "clear", first.digest()[:12], "--yes").code
    assert [second.digest()[:12]] == [row["key"] for row in stored(keeper)]


def test_clear_by_key_upper_case_and_twice(tenants):
    """A key that is written twice counts once; the other stays. The provider is asked nothing, and that is said."""
    keeper, keys = tenants
    count = keeper.identity.count

    done = keeper("tokens", "clear", keys["blue"].upper(), keys["blue"][:6], "--yes")

    assert (Exit.OK, "forgot 1 of 1 entry; at the provider they stay good until they end or are revoked\n") == (done.code, done.out)
    assert [keys["red"]] == [row["key"] for row in stored(keeper)]
    assert count == keeper.identity.count


def test_clear_a_tenant(tenants):
    """Those of a profile and tenant."""
    keeper, keys = tenants

    assert Exit.OK == keeper("tokens", "clear", "--profile", "acme", "--tenant", "red", "--yes").code
    assert [keys["blue"]] == [row["key"] for row in stored(keeper)]


def test_clear_orphaned(tenants):
    """What an edit orphaned goes; what is good stays, and what may be at home in another folder, with how to forget it."""
    keeper, keys = tenants
    keeper.write("other")
    keeper.give("other", client_id="robot", client_secret="x" * 12)
    keeper("token", "other")
    (keeper.folder / "other.json").unlink()
    keeper.write(scopes=["read", "write"])
    keeper("token", "acme", "--tenant", "blue")
    good = {row["key"] for row in stored(keeper)} - set(keys.values())

    done = keeper("tokens", "clear", "--orphaned", "--yes")

    assert (Exit.OK, True) == (done.code, done.out.startswith("forgot 2 of 2 entries;"))
    assert "kept: 1 of other" in done.err
    assert "authweave tokens clear --profile other" in done.err
    assert good == {row["key"] for row in stored(keeper)}
    assert "there is nothing to forget\n" == keeper("tokens", "clear", "--orphaned", "--yes").out


def test_clear_orphaned_keeps_what_another_folder_may_use(attended):
    """What is of a profile that is not found from here stays, and is named with how to forget it all the same."""
    (attended.folder / "acme.json").unlink()

    done = attended("tokens", "clear", "--orphaned", "--yes")

    assert (Exit.OK, "there is nothing to forget\n") == (done.code, done.out)
    assert "kept: 1 of acme" in done.err
    assert attended("tokens", "clear", "--profile", "acme", "--yes").out.startswith("forgot 1 of 1 entry, 1 with a refresh token")


def test_clear_unreadable(tenants):
    """After a key is lost, what it sealed can be forgotten without the rest."""
    keeper, _ = tenants
    Path(os.environ["XDG_CONFIG_HOME"], "authweave", "store.key").unlink()
    keeper("token", "acme")

    done = keeper("tokens", "clear", "--unreadable", "--yes")

    assert done.out.startswith("forgot 2 of 2 entries")
    assert [""] == [row["tenant"] for row in stored(keeper)]


def test_clear_warns_of_refresh_tokens(attended):
    """How many go is counted, and that they held what a person gave."""
    done = attended("tokens", "clear", "--all", "--yes")

    assert (Exit.OK, True) == (done.code, "forgot 1 of 1 entry, 1 with a refresh token" in done.out)
    assert ["unused"] == attended.states()


def test_clear_needs_somebody_to_be_sure(tenants):
    """Where nobody can be asked nothing goes: 2."""
    keeper, keys = tenants

    done = apart("tokens", "clear", "--all", stdin="y\n")
    inside = keeper("tokens", "clear", "--all")

    assert [Exit.USAGE, Exit.USAGE] == [done.code, inside.code]
    assert "say --yes" in inside.err
    assert len(keys) == len(stored(keeper))


@pytest.mark.parametrize("arguments", [[], ["--all", "--orphaned"], ["abcd", "--all"], ["--tenant", "blue"], ["--tenant", "blue", "--all"]], ids=" ".join)
def test_clear_wants_to_know_which(keeper, arguments):
    """One way to say which, not none and not two."""
    done = keeper("tokens", "clear", *arguments, "--yes")

    assert (Exit.USAGE, True) == (done.code, "say which" in done.err)


def test_revoke(attended):
    """The refresh token is ended at the provider, as the profile says, and forgotten here."""
    [row] = stored(attended)

    done = attended("tokens", "revoke", row["key"][:6], "--yes")

    asked = attended.identity.asked[-1]
    assert (Exit.OK, f"{row['key']}: revoked at the provider, and forgotten here\n") == (done.code, done.out)
    assert ("/revoke", "R1") == (asked.target, asked.form["token"])
    assert [] == stored(attended)


def test_revoke_that_fails_keeps_the_token(attended):
    """The endpoint refuses: said with its words, 3 or 1, and the token is still there for another try."""
    [row] = stored(attended)
    attended.identity.script = [says({"error": "server_error"}, 503)] * 5

    done = attended("tokens", "revoke", row["key"], "--yes")

    assert Exit.INCONCLUSIVE == done.code
    assert "not revoked" in done.err
    assert [row["key"]] == [row["key"] for row in stored(attended)]


def test_revoke_without_a_way(tenants):
    """A profile that says of no way to revoke: said, with how to forget it, and nothing is forgotten; 1."""
    keeper, keys = tenants

    done = keeper("tokens", "revoke", keys["blue"], "--yes")

    assert Exit.REFUSED == done.code
    assert "the profile names no revoke_request, so nothing can be ended at the provider; " in done.err
    assert f"`authweave tokens clear {keys['blue']}` forgets it here\n" in done.err
    assert len(keys) == len(stored(keeper))


def test_revoke_of_an_orphan(attended):
    """An entry that is no longer the profile's is not sent anywhere: what differs is said."""
    [row] = stored(attended)
    count = attended.identity.count
    attended.write(grant_type="refresh_token", scopes=["write"], revoke_request={"url": f"{attended.identity.url}/revoke"})

    done = attended("tokens", "revoke", row["key"], "--yes")

    assert (Exit.USAGE, count) == (done.code, attended.identity.count)
    assert "it is orphaned (scopes: 'read' → 'write')" in done.err
    assert 1 == len(stored(attended))


def test_a_stored_token_is_used_again(keeper):
    """`token` takes the stored one, and --fresh another, which is stored in its place; where it came from is said."""
    first = keeper("token", "acme")
    second = keeper("token", "acme")
    fresh = keeper("token", "acme", "--fresh")
    third = keeper("token", "acme")

    assert 2 == keeper.identity.count
    assert ["the token endpoint, just now", "the token store"] * 2 == [done.lines[-1].partition(" ")[2].strip() for done in (first, second, fresh, third)]
    assert second.out.split("expires")[0] != third.out.split("expires")[0]


def test_fresh_where_nothing_is_stored(keeper):
    """One token request, not two."""
    assert Exit.OK == keeper("token", "acme", "--fresh").code
    assert 1 == keeper.identity.count


def test_request_and_token_share(keeper):
    """A request takes the token that `token` got."""
    keeper("token", "acme")

    here(keeper.capsys, "request", "/v1/me", "-p", "acme")  # this API answers with a token

    assert f"{ACCESS}1" == keeper.identity.asked[-1].bearer
    assert 1 == sum(request.target == "/token" for request in keeper.identity.asked)


def test_another_user_is_another_token(keeper):
    """Of a profile that acts for a user each has a token, a row, and a key."""
    keeper.write(subject="user")
    for subject in ("ann", "ben"):
        assert Exit.OK == keeper("token", "acme", "--subject", subject).code

    assert ["ann", "ben"] == [row["subject"] for row in stored(keeper)]
    assert ["ok", "ok"] == keeper.states()
    assert ["ok"] == keeper.states("acme", "--subject", "ben")


def test_store_bytes_hold_nothing_secret(attended):
    """Neither the database nor what SQLite keeps beside it."""
    folder = Path(os.environ["XDG_DATA_HOME"], "authweave")

    held = b"".join(path.read_bytes() for path in folder.iterdir())

    assert held
    for secret in (ACCESS, REFRESH_TOKEN, "acme", "robot"):
        assert secret.encode() not in held


def test_data_of_every_command_is_json(tenants):
    """`--format json` prints JSON and nothing else."""
    keeper, _ = tenants

    for command in (["status"], ["tokens", "list"], ["tokens", "show", "acme"], ["store", "check"]):
        assert json.loads(keeper(*command, "--format", "json").out)

"""`authweave store`, and which store the command line keeps tokens in."""

import os
import pty
import sqlite3
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from authweave.at_rest.keys import Keys
from authweave.cli.exits import Exit
from authweave.settings import Settings
from authweave.tokens.owners import new_owner
from authweave.values import Entry, Intent
from commands import SOURCE, environment, here
from keeping import token_of
from sockets import free_port

pytestmark = pytest.mark.thorough


def key_file() -> Path:
    return Path(os.environ["XDG_CONFIG_HOME"], "authweave", "store.key")


def store_file() -> Path:
    return Path(os.environ["XDG_DATA_HOME"], "authweave", "tokens.db")


def found(keeper, *arguments):
    """What `store check` found, by subject."""
    return {finding["subject"]: finding for finding in keeper.data("store", "check", *arguments)["findings"]}


# The store of the command line


def test_the_usual_store_is_sqlite(keeper):
    """Without a word of the operator tokens lie in a file of the user's own, and `show --settings` says so."""
    keeper("token", "acme")

    assert 0o600 == stat.S_IMODE(store_file().stat().st_mode)
    shown = {row["name"]: row for row in keeper.data("show", "--settings")}
    assert ("sqlite:", "default of the command line") == (shown["store"]["value"], shown["store"]["origin"])


@pytest.mark.parametrize("command", [["list"], ["show", "acme"], ["preview", "acme"], ["validate", "."], ["test", "acme"]], ids=" ".join)
def test_commands_that_keep_no_token_make_no_store(keeper, monkeypatch, command):
    """Looking at profiles, and trying one, leave neither a store nor a key behind."""
    monkeypatch.chdir(keeper.folder)

    keeper(*command)

    assert not store_file().exists()
    assert not key_file().exists()


@pytest.mark.parametrize("broken", ["XDG_DATA_HOME", "XDG_CONFIG_HOME"])
def test_where_the_usual_store_cannot_be(keeper, monkeypatch, tmp_path, broken):
    """A home that cannot be used: the token is had all the same, and one line says what is lost and how to name another."""
    file = tmp_path / "file"
    file.write_text("")
    monkeypatch.setenv(broken, str(file))

    done = keeper("token", "acme")

    assert (Exit.OK, 1) == (done.code, done.err.count("\n"))
    assert "tokens are kept in memory and end with this command: " in done.err
    assert "AUTHWEAVE_STORE" in done.err


def test_a_store_that_is_named_is_no_wish(keeper, monkeypatch, tmp_path):
    """It cannot be used: 2, naming what named it, and no token is got."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("AUTHWEAVE_STORE", f"sqlite://{tmp_path}/file/tokens.db")

    done = keeper("token", "acme")

    assert (Exit.USAGE, "", 0) == (done.code, done.out, keeper.identity.count)
    assert done.err.startswith("authweave: AUTHWEAVE_STORE: ")


def test_a_key_that_is_named_is_no_wish(keeper, monkeypatch, tmp_path):
    """Nor is a place of keys, also where the store is the usual one."""
    monkeypatch.setenv("AUTHWEAVE_STORE_KEY", str(tmp_path / "none.key"))

    done = keeper("token", "acme")

    assert (Exit.USAGE, 0) == (done.code, keeper.identity.count)
    assert "AUTHWEAVE_STORE_KEY" in done.err


def test_another_setting_that_is_wrong_is_not_taken_for_the_store(keeper, monkeypatch):
    """Only the store falls back."""
    monkeypatch.setenv("AUTHWEAVE_SOURCES", "nowhere")

    done = keeper("token", "acme")

    assert (Exit.USAGE, True) == (done.code, "AUTHWEAVE_SOURCES" in done.err)
    assert "in memory" not in done.err


def test_a_store_that_is_locked_meanwhile(keeper):
    """A token in the client's own name is had without the store, and one line says why it was not kept."""
    keeper("token", "acme")
    holder = sqlite3.connect(store_file(), isolation_level=None)
    holder.execute("PRAGMA locking_mode = EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    try:
        done = keeper("token", "acme")
        person = keeper.write(grant_type="refresh_token")
        refused = keeper("token", person)
    finally:
        holder.close()

    assert (Exit.OK, 1) == (done.code, done.err.count("\n"))
    assert "the token store" in done.err
    assert (Exit.INCONCLUSIVE, 2) == (refused.code, keeper.identity.count)  # what a person consented to is not risked


# store check


def test_check_of_a_good_store(keeper):
    """Each line with its mark; the key in words; how many can be opened."""
    keeper("token", "acme")

    done, data = keeper("store", "check"), keeper.data("store", "check")

    assert (Exit.OK, "") == (done.code, done.err)
    assert "sqlite: (from default of the command line)" == done.lines[0]
    assert all(line.startswith(" ✓") for line in done.lines[1:])
    assert f"key file {key_file()}" in done.out
    assert "1 can be opened" in done.lines[-1]
    assert {"readable": 1, "old": 0, "renewing": 0, "resealed": 0, "unreadable": {}} == data["entries"]


def test_check_of_another_store(keeper, tmp_path):
    """The store that the argument names, with the key of the settings."""
    done = keeper("store", "check", f"sqlite://{tmp_path}/other/tokens.db")

    assert (Exit.OK, True) == (done.code, f"{tmp_path}/other/tokens.db" in done.lines[1])


def test_check_of_memory(keeper):
    """There is little to check, and nothing to seal."""
    done = keeper("store", "check", "memory:")

    assert (Exit.OK, True) == (done.code, "what stays in this process is not sealed" in done.out)


def test_check_counts_what_cannot_be_opened(keeper):
    """A lost key: 1, how many, why, and what to do."""
    keeper("token", "acme")
    keeper("token", "acme", "--tenant", "blue")
    key_file().unlink()

    done, entries = keeper("store", "check"), keeper.data("store", "check")["entries"]

    assert Exit.REFUSED == done.code
    assert " ✗  entries           2 cannot be opened: it was sealed with key " in done.out
    assert "authweave tokens clear --unreadable" in done.out
    assert (0, [2]) == (entries["readable"], list(entries["unreadable"].values()))


def test_check_of_plaintext(keeper, monkeypatch):
    """What is not sealed is called so; and what was sealed before cannot be opened."""
    keeper("token", "acme")
    monkeypatch.setenv("AUTHWEAVE_STORE_KEY", "plaintext")
    keeper("token", "acme")

    said = found(keeper)

    assert "plaintext" in said["sealing key"]["words"]
    assert not said["entries"]["is_good"]


def test_check_of_a_key_that_is_not_there(keeper, monkeypatch, tmp_path):
    """The rest is checked all the same: 1."""
    monkeypatch.setenv("AUTHWEAVE_STORE_KEY", str(tmp_path / "none.key"))

    said = found(keeper)

    assert (True, False) == (said["file"]["is_good"], said["sealing key"]["is_good"])
    assert Exit.REFUSED == keeper("store", "check").code


def test_check_of_a_store_that_must_not_be_used(keeper, tmp_path):
    """A file in a folder where others may write: 1, with the words of the refusal and its fix."""
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o777)

    done = keeper("store", "check", f"sqlite://{folder}/tokens.db")

    assert (Exit.REFUSED, True) == (done.code, " ✗  store " in done.out)
    assert f"fix: chmod 700 {folder}" in done.out


def test_check_of_a_store_that_does_not_answer(keeper):
    """Nobody listens there: 3."""
    done = keeper("store", "check", f"redis://127.0.0.1:{free_port()}")

    assert (Exit.INCONCLUSIVE, True) == (done.code, "✗" in done.out)


@pytest.mark.parametrize("url", ["nonsense", "nosuch:", "sqlite:relative"])
def test_check_of_what_is_no_store(keeper, url):
    """Refused, with what would be right."""
    done = keeper("store", "check", url)

    assert done.code in (Exit.REFUSED, Exit.USAGE)
    assert done.out + done.err


@pytest.mark.parametrize("url", ["redis://:s3cr3t-pw@cache.example", "rediss://bot:s3cr3t-pw@cache.example:6379/0"])
def test_a_password_is_no_argument(keeper, url):
    """Refused with where to put it, and not repeated."""
    done = keeper("store", "check", url)

    assert (Exit.USAGE, "") == (done.code, done.out)
    assert "AUTHWEAVE_STORE" in done.err
    assert "s3cr3t-pw" not in done.err


# store rotate-key


def test_rotate_key_seals_everything_anew(keeper):
    """A new key is the active one, every entry is sealed with it, and the old one may go."""
    keeper("token", "acme")
    keeper("token", "acme", "--tenant", "blue")
    before = Keys.from_settings(Settings.load({}, os.environ))

    done = keeper("store", "rotate-key")

    after = Keys.from_settings(Settings.load({}, os.environ))
    assert (Exit.OK, "") == (done.code, done.err)
    assert done.lines[0].startswith(f"made a new key, {after.active.id}, in key file ")
    assert "2 sealed again, of 2 that can be opened" == done.lines[1]
    assert (before.active.id,) == after.ids()[1:]
    assert (2, 0) == tuple(keeper.data("store", "check")["entries"][name] for name in ("readable", "old"))
    assert ["ok", "ok"] == keeper.states()
    assert 2 == keeper.identity.count  # nobody lost a token


def test_help_of_rotate_key_says_when_it_asks(capsys):
    """SQLite is of one machine, and nobody is asked; of other stores somebody is."""
    said = " ".join(here(capsys, "store", "rotate-key", "--help").out.split())

    assert "It asks before it makes a key for a store that other machines may share (any but SQLite)." in said


def test_a_renewal_under_way_is_left_to_its_owner(keeper):
    """An intent is what tells that a refresh token may be spent: sealing again must not wipe it away."""
    keeper("token", "acme")
    with keeper.engine() as engine:
        key = keeper.key(engine)
        assert engine.ledger.intend(key, engine.ledger.read(key).version, Intent(new_owner(), time.time()))

    done = keeper("store", "rotate-key")

    assert "0 sealed again, of 1 that can be opened" == done.lines[1]
    assert done.lines[2].startswith("1 left to those who are renewing them")
    with keeper.engine() as engine:
        assert engine.ledger.read(keeper.key(engine)).intent is not None


def test_only_reseal_makes_no_key(keeper):
    """What an older key sealed is sealed with the active one, also if that was put there by hand; a second time nothing is left to do."""
    keeper("token", "acme")
    text = key_file().read_text()
    keeper("store", "rotate-key")
    keeper("token", "acme", "--tenant", "blue")
    ids = Keys.from_settings(Settings.load({}, os.environ)).ids()
    key_file().write_text(text + "".join(line for line in key_file().read_text().splitlines(True) if line.split("#")[0].strip() and line not in text))

    first, second = keeper("store", "rotate-key", "--only-reseal"), keeper("store", "rotate-key", "--only-reseal")

    assert (ids[1], ids[0]) == Keys.from_settings(Settings.load({}, os.environ)).ids()
    assert "2 sealed again, of 2 that can be opened" == first.lines[1]
    assert "0 sealed again, of 2 that can be opened" == second.lines[1]


def test_rotate_key_tells_of_what_is_lost(keeper):
    """Entries of a key that is gone are counted, left where they are, and make it 1."""
    keeper("token", "acme")
    key_file().unlink()
    keeper("token", "acme")

    done = keeper("store", "rotate-key")

    assert Exit.REFUSED == done.code
    assert "1 cannot be opened" in done.out


def test_keep_stays_as_its_owner_would_have_it(keeper):
    """What a person consented to is kept for good; what can be had anew goes a day after its end."""
    keeper("token", "acme")
    keeper.write("person", grant_type="refresh_token")
    keeper.give("person", client_id="robot", client_secret="x" * 12, refresh_token="y" * 12)
    with keeper.engine() as engine:
        connection = engine.connect("person")
        key = connection.credential(connection.profile.variants[0]).token_key(connection.inputs())
        entry = Entry(key.facts(), token_of("T", time.time() + 600, refresh="R" * 12))
        assert engine.ledger.write(key, 0, entry, keep=None)

    keeper("store", "rotate-key")

    with sqlite3.connect(store_file()) as database:
        ends = dict(database.execute("SELECT key, until FROM rows WHERE data IS NOT NULL"))
    assert ends.pop(key.digest()) is None
    [until] = ends.values()
    assert 86_000 < until - time.time() < 88_000


@pytest.mark.parametrize(("name", "value"), [("AUTHWEAVE_STORE_KEY", "plaintext"), ("AUTHWEAVE_STORE", "memory:")])
def test_nothing_to_rotate(keeper, monkeypatch, name, value):
    """Where nothing seals there is no key to make: 2."""
    monkeypatch.setenv(name, value)

    assert Exit.USAGE == keeper("store", "rotate-key").code


# At a terminal


def test_clear_asks_at_a_terminal(keeper):
    """No is no; yes forgets. The question counts, and warns of refresh tokens."""
    keeper.write(grant_type="refresh_token")
    keeper.identity.refresh, keeper.identity.good_refresh = True, os.environ["AUTHWEAVE_ACME_REFRESH_TOKEN"]
    keeper("token", "acme")

    no, yes = at_terminal("tokens", "clear", "--all", typed="n\n"), at_terminal("tokens", "clear", "--all", typed="y\n")

    assert "Forget 1 entry here? The provider is not told." in no
    assert "acme, with a refresh token" in no
    assert "somebody may have to sign in again" in no
    assert "forgot" not in no
    assert "forgot 1 of 1 entry" in yes


def at_terminal(*arguments: str, typed: str) -> str:
    """What somebody at a terminal sees who types this."""
    ours, theirs = pty.openpty()
    env = environment(PYTHONPATH=SOURCE, **{name: value for name, value in os.environ.items() if name.startswith("AUTHWEAVE_")})
    process = subprocess.Popen([sys.executable, "-m", "authweave", *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=env, close_fds=True)
    os.close(theirs)
    os.write(ours, typed.encode())
    seen = b""
    while True:
        try:
            piece = os.read(ours, 4096)
        except OSError:  # the other side is closed
            break
        if not piece:
            break
        seen += piece
    os.close(ours)
    process.wait(20)
    return seen.decode()

"""A damaged database is moved aside and told, never a crash, never another's row; and one taken away is begun anew."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import sqlite3
import threading

import pytest

from authweave.contracts import StoreOptions
from authweave.errors import SettingsError, StoreUnavailable
from authweave.stores.sqlite.store import SqliteStore
from authweave.values import Row

pytestmark = pytest.mark.thorough

PAGE = 4096


def key(number):
    return f"{number:064x}"


def data(number):
    return random.Random(number).randbytes(700 if number % 5 else 9000)


KEYS = range(60)


def fill(path):
    """A database of all kinds of pages: inner ones, leaves, indices, overflow."""
    store = SqliteStore(path, StoreOptions(patience=5.0))
    for number in KEYS:
        assert store.write(key(number), 0, data(number), keep=1e6 if number % 3 else None)
    for number in range(5):
        assert store.lease(key(number), f"owner-{number}", 600)
        store.note(f"note:{number}", b"noted", 600)
    return store


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    path = tmp_path_factory.mktemp("filled") / "tokens.db"
    fill(path).close()
    assert [path.name, path.name + ".lock"] == sorted(os.listdir(path.parent))
    return path


@pytest.fixture
def copied(filled, tmp_path):
    for file in filled.parent.iterdir():
        shutil.copy2(file, tmp_path)
    return tmp_path / filled.name


class Told(list):
    """What a store reports."""

    def __call__(self, kind, detail):
        self.append((kind, detail))

    @property
    def moved(self):
        """Of these, what tells of a file."""
        return [detail for _, detail in self if "moved to" in detail]

    @property
    def options(self):
        return StoreOptions(patience=5.0, report=self)


@contextlib.contextmanager
def may_be_unavailable():
    """StoreUnavailable is an answer, if it says why and carries nothing."""
    raised = None
    try:
        yield
    except StoreUnavailable as error:
        raised = error
    assert raised is None or (raised.reason, raised.__cause__, raised.__context__) in [(reason, None, None) for reason in ("damaged", "other", "full")]


def look_at_everything(store):
    """Every call: right, nothing, or StoreUnavailable. What is read is what was written under this very key."""
    for number in KEYS:
        with may_be_unavailable():
            row = store.read(key(number))
            assert row in (Row(1, data(number)), Row()) or (number == 7 and row.data in (b"new", data(7), None)), number
    with may_be_unavailable():
        for name in set(store.keys()) - {key(number) for number in KEYS}:
            assert Row() == store.read(name)  # its name is damaged, and nothing is under it
        store.lease(key(1), "me", 1)
        store.release(key(1), "me")
        store.wait(key(2), 0.0)
        store.note("note:1", b"x", 60)
        assert store.noted("note:1") in (b"x", None)
        assert store.noted("note:2") in (b"noted", None)
        version = store.read(key(7)).version
        if store.intend(key(7), version, "soon"):
            assert store.read(key(7)).intent in ("soon", "")
        if store.write(key(7), version, b"new"):
            assert store.read(key(7)).data in (b"new", None)
        store.remove(key(7))


def damaged_files(path):
    return sorted(file.name for file in path.parent.iterdir() if ".damaged-" in file.name)


@pytest.mark.parametrize("how", ["zeros", "noise", "ones"])
def test_page_by_page(filled, tmp_path, how):
    """Whichever page is overwritten: the answers are right, or nothing, or the file is moved aside and told."""
    pages = filled.stat().st_size // PAGE
    whole = filled.read_bytes()
    moved = 0
    for page in range(pages):
        here = tmp_path / str(page)
        here.mkdir(mode=0o700)
        path = here / "tokens.db"
        wrong = {"zeros": bytes(PAGE), "noise": random.Random(page).randbytes(PAGE), "ones": b"\xff" * PAGE}[how]
        path.write_bytes(whole[: page * PAGE] + wrong + whole[(page + 1) * PAGE :])
        (here / "tokens.db.lock").write_bytes(b"authweave token store\n")
        told = Told()
        store = SqliteStore(path, told.options)
        look_at_everything(store)
        look_at_everything(store)
        store.close()
        assert len(told.moved) == len(damaged_files(path)), (page, told)
        moved += bool(told)
        shutil.rmtree(here)

    assert moved > pages / 2


@pytest.mark.parametrize("cases", [range(40), pytest.param(range(40, 800), marks=pytest.mark.heavy)], ids=["few", "many"])
def test_single_bytes(filled, tmp_path, cases):
    """Wrong bytes anywhere: no row is ever read with a version, data or intent that nobody wrote."""
    whole = filled.read_bytes()
    for case in cases:
        chance = random.Random(case)
        here = tmp_path / str(case)
        here.mkdir(mode=0o700)
        path = here / "tokens.db"
        wrong = bytearray(whole)
        for _ in range(chance.choice([1, 3, 30])):
            wrong[chance.randrange(100, len(wrong))] = chance.randrange(256)
        path.write_bytes(wrong)
        (here / "tokens.db.lock").write_bytes(b"authweave token store\n")
        store = SqliteStore(path, Told().options)
        look_at_everything(store)
        store.close()
        shutil.rmtree(here)


def test_damaged_file_is_moved_aside(copied):
    """All of it, closed to others, under a name that says when; told once; a new one is begun."""
    with copied.open("r+b") as file:
        file.write(b"garbage!" * 1000)
    before = copied.read_bytes()
    told = Told()
    store = SqliteStore(copied, told.options)

    assert Row() == store.read(key(1))
    [name] = damaged_files(copied)
    assert before == (copied.parent / name).read_bytes()
    assert 0o600 == (copied.parent / name).stat().st_mode & 0o777
    [(kind, detail)] = told
    assert "store_damaged" == kind
    assert str(copied.parent / name) in detail
    store.close()


def test_one_damaged_row(tmp_path):
    """A row alone that is not what was written is set aside and told; all others stay, and it can be written anew."""
    path = tmp_path / "tokens.db"
    fill(path).close()
    whole = bytearray(path.read_bytes())
    whole[whole.index(data(7)[:50]) + 20] ^= 4
    path.write_bytes(whole)
    told = Told()
    store = SqliteStore(path, told.options)

    assert [Row() if number == 7 else Row(1, data(number)) for number in KEYS] == [store.read(key(number)) for number in KEYS]
    assert not store.write(key(7), 1, b"late")
    assert store.write(key(7), 0, b"new")
    assert store.read(key(7)).version > 1_000_000
    assert [] == damaged_files(path)
    [(kind, detail)] = told
    assert "store_damaged" == kind
    assert "set aside" in detail
    integrity = next(finding for finding in store.checks() if finding.subject == "integrity")
    assert not integrity.is_good
    assert "1 rows" in integrity.words
    assert store.remove(key(7))
    assert all(finding.is_good for finding in store.checks())
    store.close()


@pytest.mark.parametrize("column", ["version = 2", "version = 'x'", "intent = 'other'", "until = 5", "data = x'00'", "data = NULL", "mark = 'x'"])
def test_every_column_is_guarded(tmp_path, column):
    """A version or intent that nobody wrote is not read."""
    path = tmp_path / "tokens.db"
    store = fill(path)
    raw = sqlite3.connect(path)
    raw.execute(f"UPDATE rows SET {column} WHERE key = ?", (key(1),))
    raw.commit()
    raw.close()

    assert Row() == store.read(key(1))
    assert Row(1, data(2)) == store.read(key(2))
    store.close()


@pytest.mark.parametrize(("column", "odd"), [("version", 2**63 - 1), ("version", -1), ("intent", b"\xff"), ("data", 5)])
def test_what_we_never_write_is_damage_however_well_it_is_marked(tmp_path, column, odd):
    """Whoever writes to the file can make the marks, too: one row is set aside, and no call fails for good."""
    from authweave.stores.sqlite.rows import _mark

    store = SqliteStore(tmp_path / "t" / "tokens.db", StoreOptions(patience=5.0))
    assert store.write("a", 0, b"one")
    assert store.write("b", 0, b"two")
    columns = ("version", "data", "intent", "until")
    with contextlib.closing(sqlite3.connect(tmp_path / "t" / "tokens.db")) as raw, raw:
        row = dict(zip(columns, raw.execute("SELECT version, data, intent, until FROM rows WHERE key = 'a'").fetchone(), strict=True)) | {column: odd}
        mark = _mark("a", *(row[name] for name in columns))
        raw.execute("UPDATE rows SET version = ?, data = ?, intent = ?, until = ?, mark = ? WHERE key = 'a'", (*row.values(), mark))

    now = store.read("a")

    assert (None, "") == (now.data, now.intent)
    assert store.write("a", now.version, b"three")
    assert b"two" == store.read("b").data
    store.close()


def test_what_sqlite_gives_back_otherwise_is_no_damage(tmp_path):
    """Arguments that it changes on their way are not mistaken for damage afterwards."""
    told = Told()
    store = SqliteStore(tmp_path / "tokens.db", told.options, clock=lambda: 0.0)
    for number, keep in enumerate([float("nan"), -0.0, float("inf"), 0, 10**18, 1e-320]):
        assert store.write(key(number), 0, bytearray(b"x"), keep=keep)
        assert store.intend(key(number), 1, "with \x00 and \uffff")
        assert Row(1, b"x", "with \x00 and \uffff") == store.read(key(number))
    store.close()

    assert [] == told


def test_versions_go_on_behind_damage(copied):
    """A write that is under way while the file is exchanged never meets its version again."""
    with copied.open("r+b") as file:
        file.write(b"garbage!" * 1000)
    store = SqliteStore(copied, Told().options)
    assert store.write(key(1), 0, b"new")
    row = store.read(key(1))

    assert row.version > 1_000_000
    assert not store.write(key(1), 1, b"late")
    assert store.write(key(1), row.version, b"next")
    assert row.version + 1 == store.read(key(1)).version
    store.close()


def test_versions_go_on_after_a_removal(tmp_path):
    """What is removed or purged and written again has a version that was never there."""
    store = SqliteStore(tmp_path / "tokens.db", StoreOptions(patience=5.0))
    for version in range(3):
        assert store.write(key(1), version, b"x")
    assert store.remove(key(1))
    assert store.write(key(1), 0, b"y")

    assert Row(4, b"y") == store.read(key(1))
    assert not store.write(key(1), 1, b"late")
    store.close()


@pytest.mark.parametrize("size", [99, 100, 4095, 4096, 5000, 40960])
def test_cut_off(copied, size):
    """A file that ends too early is damaged, wherever."""
    os.truncate(copied, size)
    told = Told()
    store = SqliteStore(copied, told.options)
    look_at_everything(store)
    store.close()

    assert len(told.moved) == len(damaged_files(copied)) == 1


@pytest.mark.parametrize("size", [0, 1])
def test_emptied(copied, size):
    """A file of no length (SQLite takes one byte for none) is a store that is begun."""
    os.truncate(copied, size)
    store = SqliteStore(copied, Told().options)

    assert Row() == store.read(key(1))
    assert store.write(key(1), 0, b"x")
    store.close()


@pytest.mark.parametrize("how", ["noise", "zeros", "cut", "emptied"])
def test_damaged_while_open(tmp_path, how):
    """Also a file that is in use: its users go on with a new one."""
    path = tmp_path / "tokens.db"
    fill(path).close()
    told = Told()
    store = SqliteStore(path, told.options)
    assert Row(1, data(1)) == store.read(key(1))
    with path.open("r+b") as file:
        if how in ("noise", "zeros"):
            size = path.stat().st_size
            file.write(random.Random(1).randbytes(size) if how == "noise" else bytes(size))
        else:
            file.truncate(5000 if how == "cut" else 0)
    look_at_everything(store)
    look_at_everything(store)
    version = store.read(key(2)).version

    assert store.write(key(2), version, b"x")
    assert b"x" == store.read(key(2)).data
    assert len(told.moved) == len([name for name in damaged_files(path) if name.endswith("Z") or name[-2] == "."])
    store.close()


@pytest.mark.parametrize("part", ["-wal", "-shm"])
@pytest.mark.parametrize("at", [0, 24, 32, 4000, 20_000])
def test_garbage_beside_it(tmp_path, part, at):
    """A write-ahead log that is damaged while nobody has the file open: what is read was written, old or new."""
    path, left = tmp_path / "a" / "tokens.db", tmp_path / "b"
    store = fill(path)
    shutil.copytree(path.parent, left)  # as after a crash: with what stood beside it
    store.close()
    left.chmod(0o700)
    copy = left / "tokens.db"
    with (left / f"tokens.db{part}").open("r+b") as file:
        file.seek(at)
        file.write(random.Random(at).randbytes(300))
    store = SqliteStore(copy, Told().options)
    look_at_everything(store)
    store.close()


def test_many_notice_one_moves(tmp_path):
    """Many who stumble over the same damage at once move it aside once, and all go on."""
    path = tmp_path / "tokens.db"
    fill(path).close()
    told = Told()
    stores = [SqliteStore(path, told.options) for _ in range(4)]
    for store in stores:
        store.read(key(1))
    with path.open("r+b") as file:
        file.write(random.Random(1).randbytes(path.stat().st_size))
    start = threading.Barrier(8)
    wrong = []

    def work(store):
        start.wait()
        for number in KEYS:
            try:
                if store.read(key(number)) not in (Row(), Row(1, data(number))):
                    wrong.append(number)
            except Exception as error:  # noqa: BLE001  # whatever it is, it counts
                wrong.append(error)

    threads = [threading.Thread(target=work, args=(store,)) for store in stores * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for store in stores:
        store.close()

    assert [] == wrong
    assert 1 == len(told.moved)
    assert 1 == len([name for name in damaged_files(path) if name.endswith("Z")])


@pytest.mark.parametrize("whole", [True, False], ids=["with what is beside it", "the file alone"])
def test_deleted_while_open(tmp_path, whole):
    """Somebody deletes it: all who have it open go on with a new one, and it is told once."""
    path = tmp_path / "tokens.db"
    told = Told()
    first, second = SqliteStore(path, told.options), SqliteStore(path, told.options)
    assert first.write(key(1), 0, b"x")
    assert Row(1, b"x") == second.read(key(1))
    for suffix in ("", "-wal", "-shm") if whole else ("",):
        os.unlink(f"{path}{suffix}")

    assert Row() == first.read(key(1))
    assert first.write(key(1), 0, b"y")
    assert b"y" == second.read(key(1)).data
    first.close()
    assert second.write(key(2), 0, b"z")
    second.close()
    third = SqliteStore(path, told.options)
    assert (b"y", b"z") == (third.read(key(1)).data, third.read(key(2)).data)
    assert 1 == len(told)
    third.close()


def test_directory_deleted_while_open(tmp_path):
    """The directory, too."""
    path = tmp_path / "here" / "tokens.db"
    store = SqliteStore(path, StoreOptions(patience=5.0))
    assert store.write(key(1), 0, b"x")
    shutil.rmtree(path.parent)

    assert Row() == store.read(key(1))
    assert store.write(key(1), 0, b"y")
    assert 0o700 == path.parent.stat().st_mode & 0o777
    store.close()


def test_replaced_while_open(tmp_path):
    """Another store moved to its place is the store from then on."""
    path, other = tmp_path / "tokens.db", tmp_path / "other" / "tokens.db"
    store, replacement = SqliteStore(path, StoreOptions(patience=5.0)), SqliteStore(other, StoreOptions(patience=5.0))
    store.write(key(1), 0, b"x")
    replacement.write(key(1), 0, b"theirs")
    replacement.close()
    for suffix in ("-wal", "-shm"):
        os.unlink(f"{path}{suffix}")
    os.replace(other, path)

    assert Row(1, b"theirs") == store.read(key(1))
    store.close()


def test_a_stranger_in_its_place(tmp_path):
    """Another program's database, put there while the store is in use, is neither used nor moved."""
    path = tmp_path / "tokens.db"
    store = SqliteStore(path, StoreOptions(patience=5.0))
    store.write(key(1), 0, b"x")
    raw = sqlite3.connect(tmp_path / "theirs.db")
    raw.execute("CREATE TABLE mine (x)")
    raw.close()
    os.replace(tmp_path / "theirs.db", path)

    with pytest.raises(StoreUnavailable, match="another program's database"):
        store.read(key(1))
    assert [] == damaged_files(path)
    store.close()


def test_somebody_elses_text(tmp_path):
    """A file that was never a store is refused, and stays where it is."""
    path = tmp_path / "notes.txt"
    path.write_text("my notes\n" * 1000)

    with pytest.raises(SettingsError, match="is no token store"):
        SqliteStore(path, StoreOptions())
    with pytest.raises(SettingsError, match="is no token store"):
        SqliteStore(path, StoreOptions())
    assert "my notes\n" * 1000 == path.read_text()
    assert ["notes.txt"] == [file.name for file in tmp_path.iterdir()]


def test_a_great_many_rows_that_nobody_wrote_are_no_flood(tmp_path):
    """Whoever writes to the file puts many rows there: all are set aside, a few told, and the last of these says where the rest is counted."""
    told = Told()
    store = SqliteStore(tmp_path / "tokens.db", StoreOptions(patience=5.0, report=told))
    assert store.write(key(1), 0, b"mine")
    with contextlib.closing(sqlite3.connect(tmp_path / "tokens.db")) as raw:
        raw.executemany(
            "INSERT INTO rows (key, version, data, intent, until, mark) VALUES (?, 1, ?, '', NULL, ?)",
            [(key(number), b"planted", b"no mark") for number in range(100, 160)],
        )
        raw.commit()

    assert [b"mine"] == [row.data for row in map(store.read, list(store.keys())) if row.data]
    assert len(told) == 5
    assert "store check" in told[-1][1]
    assert any("60 rows" in found.words for found in store.checks())
    store.close()

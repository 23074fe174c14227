"""What may pass with a database: locked, full, read-only. Each ends in time, typed, and shows nothing."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from authweave.contracts import StoreOptions
from authweave.errors import StoreUnavailable
from authweave.stores.sqlite.leases import SLACK
from authweave.stores.sqlite.rows import purge
from authweave.stores.sqlite.store import SqliteStore
from authweave.values import Row

pytestmark = pytest.mark.thorough

KEY, OTHER = "a" * 64, "b" * 64
OPTIONS = StoreOptions(patience=5.0)

HOLDER = """
import sqlite3, sys
raw = sqlite3.connect(sys.argv[1], isolation_level=None)
for statement in sys.argv[2:]: raw.execute(statement).fetchall()
print("held", flush=True); sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store" / "tokens.db"


@pytest.fixture
def store(path):
    store = SqliteStore(path, OPTIONS)
    yield store
    store.close()


@contextlib.contextmanager
def held(path, *statements):
    """Another process that holds the database."""
    with subprocess.Popen([sys.executable, "-c", HOLDER, path, *statements], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert "held" == child.stdout.readline().strip()
        yield child
        child.stdin.close()


def calls_of(store):
    """Every call of a store by its name."""
    return {
        "read": lambda: store.read(KEY), "lease": lambda: store.lease(KEY, "me", 60), "release": lambda: store.release(KEY, "me"),
        "wait": lambda: store.wait(KEY, 0.0), "intend": lambda: store.intend(KEY, 1, "x"), "write": lambda: store.write(KEY, 1, b"SECRET-4711"),
        "remove": lambda: store.remove(KEY), "keys": lambda: list(store.keys()), "note": lambda: store.note("x", b"SECRET-4711", 60),
        "noted": lambda: store.noted("x"),
    }  # fmt: skip


WRITES = ("lease", "release", "intend", "write", "remove", "note")


def unavailable(call):
    """The error of a call: typed, alone, and without statement or data."""
    with pytest.raises(StoreUnavailable) as caught:
        call()
    error = caught.value
    assert error.__cause__ is None
    assert error.__context__ is None
    assert not any(word in str(error) for word in ("SECRET", "SELECT", "INSERT", "UPDATE", "BEGIN", "sqlite3."))
    return error


@pytest.mark.parametrize("name", WRITES)
def test_locked_by_a_writer(path, store, name):
    """Who writes waits as long as its patience, and is told; who reads is not hindered."""
    store.write(KEY, 0, b"x")
    hasty = SqliteStore(path, StoreOptions(patience=0.2))
    with held(path, "BEGIN EXCLUSIVE"):
        began = time.monotonic()
        error = unavailable(calls_of(hasty)[name])
        took = time.monotonic() - began
        assert Row(1, b"x") == hasty.read(KEY)

    assert "locked" == error.reason
    assert 0.19 < took < 5
    assert hasty.write(KEY, 1, b"y")
    hasty.close()


def test_locked_for_all(path):
    """A process that takes the file for itself locks readers out, too: also they are told in time."""
    first = SqliteStore(path, OPTIONS)
    first.write(KEY, 0, b"x")
    first.close()
    with held(path, "PRAGMA locking_mode = EXCLUSIVE", "BEGIN EXCLUSIVE", "COMMIT"):
        hasty = SqliteStore(path, StoreOptions(patience=0.1))
        for call in calls_of(hasty).values():
            began = time.monotonic()
            assert "locked" == unavailable(call).reason
            assert time.monotonic() - began < 5

    assert Row(1, b"x") == hasty.read(KEY)
    hasty.close()


def test_a_lock_that_ends_is_waited_for(path, store):
    """Shorter than the patience: nobody notices."""
    store.write(KEY, 0, b"x")
    with held(path, "BEGIN IMMEDIATE") as child:
        threading.Timer(0.3, child.stdin.close).start()
        assert store.write(KEY, 1, b"y")


def test_threads_get_their_turn(path, store):
    """Many threads that write at once all end within a patience that each of them alone would hardly need."""
    failures = []

    def work(number):
        try:
            for version in range(20):
                store.write(f"{number:064x}", version, b"x")
        except StoreUnavailable as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [] == failures
    assert [20] * 16 == [store.read(f"{number:064x}").version for number in range(16)]


FULL = """
import resource, sys; from pathlib import Path
from authweave.contracts import StoreOptions; from authweave.errors import StoreUnavailable; from authweave.stores.sqlite.store import SqliteStore
store = SqliteStore(Path(sys.argv[1]), StoreOptions(patience=2.0))
assert store.write("a" * 64, 0, b"x")
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
reasons = set()
for number in range(300):
    try: store.write(f"{number:064x}", 0, b"y" * 2000)
    except StoreUnavailable as error: reasons.add(error.reason)
assert store.read("a" * 64).data == b"x"
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert store.write("a" * 64, 1, b"z")
print(*sorted(reasons), len([number for number in range(300) if store.read(f"{number:064x}").data]))
"""


def test_full(path):
    """Where nothing more can be written, writing says so, reading goes on, nothing is half written, and it passes."""
    ended = subprocess.run([sys.executable, "-c", FULL, path, "200000"], capture_output=True, text=True, timeout=120)

    assert "" == ended.stderr
    reason, count = ended.stdout.split()
    assert "full" == reason
    assert 0 < int(count) < 300


def test_full_from_the_start(tmp_path):
    """A store can be made where there is no room; its first call says so."""
    script = (
        "import resource, sys; from pathlib import Path\n"
        "from authweave.contracts import StoreOptions; from authweave.errors import StoreUnavailable; from authweave.stores.sqlite.store import SqliteStore\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))\n"
        "store = SqliteStore(Path(sys.argv[1]), StoreOptions(patience=2.0))\n"
        "try: store.read('a' * 64)\n"
        "except StoreUnavailable as error: print(error.reason)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)); assert store.write('a' * 64, 0, b'x')\n"
    )
    ended = subprocess.run([sys.executable, "-c", script, tmp_path / "tokens.db"], capture_output=True, text=True, timeout=60)

    assert ("", "full") == (ended.stderr, ended.stdout.strip())


IMMUTABLE = 0x10


@contextlib.contextmanager
def immutable(*paths):
    """Files that not even root can write to: ioctl_iflags(2)."""
    get, put = 0x80086601, 0x40086602
    done = []
    try:
        for path in paths:
            file = os.open(path, os.O_RDONLY)
            try:
                flags = struct.unpack("l", fcntl.ioctl(file, get, bytes(8)))[0]
                fcntl.ioctl(file, put, struct.pack("l", flags | IMMUTABLE))
                done.append((path, flags))
            except OSError as error:
                pytest.skip(f"this system makes no file immutable for us: {error}")
            finally:
                os.close(file)
        yield
    finally:
        for path, flags in done:
            file = os.open(path, os.O_RDONLY)
            fcntl.ioctl(file, put, struct.pack("l", flags))
            os.close(file)


@pytest.mark.parametrize("which", ["file", "directory"])
def test_read_only(path, which):
    """A file or directory that cannot be written to: said as such, and over when it is over."""
    store = SqliteStore(path, OPTIONS)
    assert store.write(KEY, 0, b"x")
    store.close()
    store = SqliteStore(path, OPTIONS)
    with immutable(path if which == "file" else path.parent):
        for name in WRITES:
            assert "read_only" == unavailable(calls_of(store)[name]).reason

    assert store.write(KEY, 1, b"y")
    store.close()


def test_closed(store):
    """After closing, every call says so."""
    store.write(KEY, 0, b"x")
    store.close()

    for call in calls_of(store).values():
        assert "closed" in str(unavailable(call))


@pytest.mark.parametrize("call", [
    lambda store: store.write("\ud800", 0, b"x"), lambda store: store.write(KEY, 2**70, b"x"), lambda store: store.read("\x00"),
    lambda store: store.lease(KEY, "\ud800", 60), lambda store: store.note("\ud800", b"", 60), lambda store: store.write(KEY, -1, b"x"),
    lambda store: store.write(KEY, 0, b"x", keep=float("nan")), lambda store: store.write(KEY, 0, b"x", keep=float("inf")),
    lambda store: store.lease(KEY, "me", float("inf")), lambda store: store.intend(KEY, 0, "\ud800 \x00"),
])  # fmt: skip
def test_odd_arguments(store, call):
    """Whatever is asked: an answer or StoreUnavailable, and the store goes on."""
    with contextlib.suppress(StoreUnavailable):
        call(store)
    store.read(KEY)
    assert store.write(OTHER, 0, b"x")


def test_clock_set_back(path):
    """A lease does not become eternal, nor a note; a small step back ends nothing early."""
    now = [1_800_000_000.0]
    store = SqliteStore(path, OPTIONS, clock=lambda: now[0])
    assert store.lease(KEY, "me", 60)
    store.note("x", b"x", 60)
    now[0] -= SLACK / 2
    assert not store.lease(KEY, "you", 60)
    assert b"x" == store.noted("x")
    now[0] -= 10_000

    assert store.noted("x") is None
    assert store.lease(KEY, "you", 60)
    store.wait(OTHER, 60)
    store.close()


def test_purged_by_writing(path):
    """What may be forgotten is, after some writes; what is to stay stays; no version comes twice."""
    now = [1_800_000_000.0]
    store = SqliteStore(path, OPTIONS, clock=lambda: now[0])
    for number in range(40):
        assert store.write(f"{number:064x}", 0, b"x", keep=60 if number % 2 else None)
        store.lease(f"{number:064x}", "me", 60)
        store.note(f"{number}", b"x", 60)
    now[0] += 61
    for number in range(400):
        store.release(f"{number:064x}", "nobody")
    raw = sqlite3.connect(path)
    counts = [raw.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("rows", "leases", "notes")]
    raw.close()

    assert [20, 0, 0] == counts
    assert Row() == store.read(f"{1:064x}")
    assert store.write(f"{1:064x}", 0, b"y")
    assert Row(2, b"y") == store.read(f"{1:064x}")
    store.close()


def test_purging_is_bounded(path, store):
    """One write never pays for all that has gathered."""
    for number in range(50):
        store.write(f"{number:064x}", 0, b"x", keep=-1.0)
    raw = sqlite3.connect(path, isolation_level=None)
    before = raw.execute("SELECT count(*) FROM rows").fetchone()[0]
    purge(raw, time.time())
    after = raw.execute("SELECT count(*) FROM rows").fetchone()[0]
    raw.close()

    assert min(before, 8) == before - after


def test_log_stays_short(path, store):
    """The write-ahead log is written back as it grows, also while others read without a pause."""
    is_over = threading.Event()

    def read():
        while not is_over.is_set():
            store.read(KEY)
            next(store.keys(), None)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for version in range(300):
        assert store.write(KEY, version, bytes(100_000))
    is_over.set()
    for reader in readers:
        reader.join()

    assert Path(f"{path}-wal").stat().st_size < 16 * 2**20


def test_listing_keeps_nobody_waiting(store):
    """A list that is read slowly holds no lock and no moment of the database."""
    for number in range(1200):
        store.note(f"{number}", b"x", 60)
    for number in range(600):
        store.write(f"{number:064x}", 0, b"x")
    names = store.keys()
    first = next(names)
    assert store.remove(f"{599:064x}")
    assert store.write(f"{598:064x}", 1, b"y")

    assert {f"{number:064x}" for number in range(599)} == {first, *names}


def test_listing_a_damaged_index_ends(path, store):
    """An index whose order is wrong leads nobody in circles."""
    for number in range(1200):
        store.write(f"{number:064x}", 0, b"x")
    store.close()
    whole = bytearray(path.read_bytes())
    for number in (499, 500, 501, 999, 1199):  # the last of a piece, and some more, made less than all
        name = f"{number:064x}".encode()
        at = -1
        while (at := whole.find(name, at + 1)) >= 0:
            whole[at : at + 64] = b"!" * 64
    path.write_bytes(whole)
    again = SqliteStore(path, OPTIONS)

    with contextlib.suppress(StoreUnavailable):
        for count, _ in enumerate(again.keys()):
            assert count < 5000
    again.close()


def test_too_long(store):
    """More than any token is refused, and nothing else happens."""
    assert "other" == unavailable(lambda: store.write(KEY, 0, bytes(65 * 2**20))).reason
    assert Row() == store.read(KEY)


def test_checks_find(path, store):
    """What each check would say of a store that is not in order."""
    def found():
        return {finding.subject: finding for finding in store.checks()}

    store.write(KEY, 0, b"x")
    whole = found()
    assert all(finding.is_good for finding in whole.values())
    assert {"file", "file system", "schema", "integrity", "write and read", "disk", "keys", "write-ahead log"} == set(whole)
    assert str(path) in whole["file"].words
    assert "0600" in whole["file"].words
    assert "1" == whole["keys"].words

    path.parent.chmod(0o777)
    assert not found()["file"].is_good
    assert f"chmod 700 {path.parent}" in found()["file"].fix
    path.parent.chmod(0o700)
    hasty = SqliteStore(path, StoreOptions(patience=0.1))
    with held(path, "BEGIN EXCLUSIVE"):
        [bad] = [finding for finding in hasty.checks() if not finding.is_good]
    assert "write and read" == bad.subject
    assert "lsof" in bad.fix
    hasty.close()


def test_a_bad_page_is_found_by_the_check(path):
    """One that no call has met yet."""
    told = []
    store = SqliteStore(path, StoreOptions(patience=5.0, report=lambda *words: told.append(words)))
    for number in range(100):
        store.write(f"{number:064x}", 0, bytes(3000))
    store.close()
    with path.open("r+b") as file:
        file.seek(path.stat().st_size - 30 * 4096)
        file.write(b"\x07" * 4096)
    store = SqliteStore(path, store._calls._options)
    integrity = next(finding for finding in store.checks() if finding.subject == "integrity")
    store.close()

    assert not integrity.is_good or told

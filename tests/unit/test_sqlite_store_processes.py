"""Many processes on one database: exclusion, versions, waking, forks, sudden ends, and no file left open."""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from authweave.contracts import StoreOptions
from authweave.errors import StoreUnavailable
from authweave.stores.sqlite import connections
from authweave.stores.sqlite.store import SqliteStore
from authweave.values import Row

pytestmark = pytest.mark.real  # many processes, and waiting for locks

KEY = "a" * 64
OPTIONS = StoreOptions(patience=20.0)
FORKS = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
spawn = multiprocessing.get_context("spawn")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store" / "tokens.db"


def start(path, work, *args, many=4):
    """Run `work(store, number, *args)` in processes of their own."""
    children = [spawn.Process(target=run, args=(path, work, number, *args)) for number in range(many)]
    for child in children:
        child.start()
    return children


def run(path, work, number, *args):
    store = SqliteStore(path, OPTIONS)
    work(store, number, *args)
    store.close()


def done(children):
    for child in children:
        child.join(120)
    return [child.exitcode for child in children]


def count_up(store, number, times):
    for _ in range(times):
        while not store.write(KEY, (row := store.read(KEY)).version, str(int(row.data or b"0") + 1).encode()):
            pass


def test_no_write_of_many_processes_is_lost(path):
    """All begin at once on a file that is not there; each counts up, and the sum is right."""
    assert [0] * 4 == done(start(path, count_up, 25))

    store = SqliteStore(path, OPTIONS)
    assert Row(100, b"100") == store.read(KEY)
    store.close()


def hold_alone(store, number, log, times):
    for _ in range(times):
        while not store.lease(KEY, f"{os.getpid()}", 30):
            store.wait(KEY, 5)
        with open(log, "a") as file:
            file.write(f"in {number}\n")
        time.sleep(random.uniform(0, 0.002))
        with open(log, "a") as file:
            file.write(f"out {number}\n")
        store.release(KEY, f"{os.getpid()}")


def test_one_of_many_processes_has_the_lease(path, tmp_path):
    """Each goes in alone, and all get their turn."""
    log = tmp_path / "log"
    assert [0] * 4 == done(start(path, hold_alone, log, 10))
    lines = log.read_text().split("\n")[:-1]

    assert 80 == len(lines)
    for entered, left in zip(lines[::2], lines[1::2], strict=True):
        assert ["in", "out"] == [entered.split()[0], left.split()[0]]
        assert entered.split()[1] == left.split()[1]


def wait_for_release(store, number, told):
    told.put("waiting")
    began = time.monotonic()
    store.wait(KEY, 60)
    told.put(time.monotonic() - began)


def test_a_release_is_seen_by_other_processes(path):
    """Who waits in another process comes back soon after the release, and not before."""
    store = SqliteStore(path, OPTIONS)
    assert store.lease(KEY, "me", 60)
    told = spawn.Queue()
    children = start(path, wait_for_release, told, many=1)
    assert "waiting" == told.get(timeout=60)
    time.sleep(0.3)
    store.release(KEY, "me")
    waited = told.get(timeout=60)
    store.close()

    assert [0] == done(children)
    assert 0.2 < waited < 20


def die_holding(store, number):
    store.lease(KEY, "dead", 1.0)
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_lease_outlives_its_process_no_longer_than_it_says(path):
    """Killed with the lease: nobody gets it before its time, then the next one does."""
    assert [-signal.SIGKILL] == done(start(path, die_holding, many=1))
    store = SqliteStore(path, OPTIONS)
    while not store.lease(KEY, "me", 60):
        store.wait(KEY, 5)
    store.close()


def go_on(store, number, is_ready, is_broken):
    own = f"{number:064x}"
    assert store.write(own, 0, b"old")
    is_ready.release()
    is_broken.wait(60)
    for _ in range(20):
        assert store.read(own).data in (b"old", b"new", None)
        store.write(own, store.read(own).version, b"new")
    assert b"new" == store.read(own).data


def test_many_processes_notice_damage_and_one_moves(path):
    """A file that breaks under several processes is moved aside once, whole; all go on together with the new one."""
    is_ready, is_broken = spawn.Semaphore(0), spawn.Event()
    children = start(path, go_on, is_ready, is_broken)
    for _ in children:
        assert is_ready.acquire(timeout=60)
    with path.open("r+b") as file:
        file.write(random.Random(1).randbytes(max(path.stat().st_size, 8192)))
    with Path(f"{path}-wal").open("r+b") as file:
        file.write(random.Random(2).randbytes(Path(f"{path}-wal").stat().st_size))
    is_broken.set()

    assert [0] * 4 == done(children)
    assert 1 == len([file for file in path.parent.iterdir() if file.name.endswith("Z")])
    store = SqliteStore(path, OPTIONS)
    assert {f"{number:064x}" for number in range(4)} == set(store.keys())
    store.close()


WRITER = """
import sys; from pathlib import Path
from authweave.contracts import StoreOptions; from authweave.stores.sqlite.store import SqliteStore
store = SqliteStore(Path(sys.argv[1]), StoreOptions(patience=20.0))
while True:
    version = store.read("a" * 64).version
    store.intend("a" * 64, version, f"after {version}")
    assert store.write("a" * 64, version, b"%d" % (version + 1) * 500)
    print(version + 1, flush=True)
"""


def killed_again_and_again(path, times):
    last = 0
    for case in range(times):
        with subprocess.Popen([sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE, text=True) as child:
            acknowledged = [child.stdout.readline()]
            killer = threading.Timer(random.Random(case).uniform(0, 0.05), child.kill)
            killer.start()
            acknowledged += child.stdout.readlines()
            killer.join()
        last = max([last, *(int(line) for line in acknowledged if line.endswith("\n"))])
        told = []
        store = SqliteStore(path, StoreOptions(patience=20.0, report=lambda *words: told.append(words)))  # noqa: B023  # used in this turn only
        row = store.read(KEY)
        store.close()
        assert row.version in (last, last + 1)
        assert b"%d" % row.version * 500 == row.data
        assert row.intent in ("", f"after {row.version}")
        assert [] == told
        last = row.version


def test_killed_while_it_writes(path):
    """After SIGKILL at any moment, the database opens and has the last version that was acknowledged, or the next."""
    killed_again_and_again(path, 8)


@pytest.mark.heavy
def test_killed_while_it_writes_often(path):
    """The same, two hundred times."""
    killed_again_and_again(path, 200)


def open_files():
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_many_short_threads_leave_nothing_open(path):
    """Files are open for those who call at once, and not for all who ever did; after closing, none."""
    gc.collect()
    before = open_files()
    store = SqliteStore(path, OPTIONS)
    for turn in range(40):
        threads = [threading.Thread(target=store.write, args=(f"{turn * 10 + number:064x}", 0, b"x")) for number in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    while_open = open_files()
    store.close()

    assert 400 == len(list(SqliteStore(path, OPTIONS).keys()))
    gc.collect()
    assert while_open - before < 40
    assert before == open_files()


def forked(work):
    """The exit code of a forked child: 0 where `work` is true."""
    child = os.fork()
    if child == 0:
        code = 1
        with contextlib.suppress(BaseException):
            code = 0 if work() else 2
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@FORKS
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_fork_while_threads_use_it(path):
    """A fork in the middle of reads and writes: the child has its own, the parent goes on, and no write is lost."""
    store = SqliteStore(path, OPTIONS)
    is_over = threading.Event()
    counts = [0] * 4
    failures = []

    def count(number):
        key = f"{number:064x}"
        try:
            while not is_over.is_set():
                if store.write(key, store.read(key).version, b"x"):
                    counts[number] += 1
        except Exception as error:  # noqa: BLE001  # whatever it is, it counts
            failures.append(error)

    threads = [threading.Thread(target=count, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    own = f"{99:064x}"
    codes = [forked(lambda: store.write(own, store.read(own).version, b"child") and store.read(f"{0:064x}").data in (b"x", None)) for _ in range(15)]
    is_over.set()
    for thread in threads:
        thread.join()

    assert [] == failures
    assert [0] * 15 == codes
    assert Row(15, b"child") == store.read(own)
    assert counts == [store.read(f"{number:064x}").version for number in range(4)]
    store.close()


@FORKS
@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_a_child_has_no_file_of_its_parent(path):
    """SQLite's files are closed before a fork: locks do not pass it, and SQLite would not know."""
    store = SqliteStore(path, OPTIONS)
    store.write(KEY, 0, b"x")

    assert any("tokens.db" in name for name in links())
    assert 0 == forked(lambda: not any("tokens.db" in name for name in links()))
    assert Row(1, b"x") == store.read(KEY)
    store.close()


def links():
    for link in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):
            yield os.readlink(f"/proc/self/fd/{link}")


@FORKS
def test_a_fork_past_python_is_refused(path):
    """Where a host forks without telling (in C): the child does not touch a file whose locks it cannot know."""
    store = SqliteStore(path, OPTIONS)
    store.write(KEY, 0, b"x")

    def is_refused():
        connections._in_child()  # all that runs after such a fork
        try:
            store.read(KEY)
        except StoreUnavailable as error:
            return "fork before the first use" in str(error)
        return False

    assert 0 == forked(lambda: store.read(KEY) and is_refused())  # read first: so there is a connection to carry over
    assert Row(1, b"x") == store.read(KEY)
    store.close()


@FORKS
def test_parent_ends_first(path):
    """A child that lives on alone keeps a whole database, whoever opens it meanwhile."""
    script = (
        "import os, sys, time; from pathlib import Path\n"
        "from authweave.contracts import StoreOptions; from authweave.stores.sqlite.store import SqliteStore\n"
        "store = SqliteStore(Path(sys.argv[1]), StoreOptions(patience=20.0)); store.write('a' * 64, 0, b'x')\n"
        "if os.fork(): os._exit(0)\n"
        "for version in range(1, 50): assert store.write('a' * 64, version, b'x'); time.sleep(0.005)\n"
        "print('done', flush=True)"
    )
    child = subprocess.Popen([sys.executable, "-c", script, path], stdout=subprocess.PIPE, text=True)
    seen = []
    while child.poll() is None or len(seen) < 30:
        store = SqliteStore(path, OPTIONS)
        seen.append(store.read(KEY).version)
        store.close()
    with child:
        assert "done" == child.stdout.read().strip()

    assert sorted(seen) == seen
    store = SqliteStore(path, OPTIONS)
    assert 50 == store.read(KEY).version
    store.close()

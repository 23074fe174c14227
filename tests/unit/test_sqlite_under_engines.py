"""A database that is locked, damaged, full, read-only or gone, under whole engines: requests go on as the policy says."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from authweave.errors import AuthweaveError, StoreUnavailable
from load_workers import TESTS
from services import until
from store_bench import GIVEN, LONG, BenchOn, benches, gives, new_key

pytestmark = pytest.mark.real  # many processes, and waiting for locks

HOLDER = """
import sqlite3, sys
raw = sqlite3.connect(sys.argv[1], isolation_level=None)
raw.execute("BEGIN EXCLUSIVE"); print("held", flush=True); sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store" / "tokens.db"


@pytest.fixture
def bench_on(tmp_path: Path) -> Iterator[BenchOn]:
    with benches(new_key(tmp_path)) as on:
        yield on


# ---- faults, and what mends them


def locked(path: Path) -> Callable[[], None]:
    child = subprocess.Popen([sys.executable, "-c", HOLDER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "held\n"

    def mend() -> None:
        child.communicate()

    return mend


def read_only(path: Path) -> Callable[[], None]:
    """The folder and all in it, as an operator would; for root, who may write all the same, the file becomes a folder's name."""
    if os.geteuid() == 0:
        return in_the_way(path)
    for each in (*path.parent.iterdir(), path.parent):
        each.chmod(0o500)

    def mend() -> None:
        path.parent.chmod(0o700)
        for each in path.parent.iterdir():
            each.chmod(0o600)

    return mend


def in_the_way(path: Path) -> Callable[[], None]:
    """Where the folder was is a file."""
    aside = path.parent.with_name("aside")
    path.parent.rename(aside)
    path.parent.write_text("in the way")

    def mend() -> None:
        path.parent.unlink()
        aside.rename(path.parent)

    return mend


UNUSABLE = [locked, read_only, in_the_way]


@pytest.mark.parametrize("fault", UNUSABLE)
def test_unattended_goes_on(path: Path, bench_on: BenchOn, fault: Any) -> None:
    """Tokens in the client's own name are had anew; one event; what is got after the end of it is shared again."""
    bench = bench_on(f"sqlite://{path}")
    connection = bench.connection()
    with connection.client() as client:
        assert client.get("/x").status_code == 200
        mend = fault(path)
        for _ in range(3):
            bench.clock.ahead += 601
            assert [200] * 5 == [client.get("/x").status_code for _ in range(5)]
        during = bench.identity.count
        mend()

        def is_stored() -> bool:
            bench.clock.ahead += 601
            assert client.get("/x").status_code == 200
            before = bench.identity.count
            assert bench.connection().token().result(30)
            return before == bench.identity.count

        until(is_stored, LONG)

    assert during == 4
    assert (1, 1) == (bench.told.index("store_down"), bench.count("store_down")), bench.told


@pytest.mark.parametrize("fault", UNUSABLE)
def test_a_persons_token_fails_closed(path: Path, bench_on: BenchOn, fault: Any) -> None:
    """Used while it lasts, not renewed without the store, and renewed once when it is back."""
    bench = bench_on(f"sqlite://{path}", attended=True)
    connection = bench.connection(grant_type="refresh_token")
    assert connection.token().result(30)
    mend = fault(path)
    bench.clock.ahead += 590
    assert connection.token().result(30)
    bench.clock.ahead += 11
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            connection.token().result(30)
    assert [GIVEN] == bench.identity.spent
    mend()
    until(lambda: gives(connection), LONG)

    assert ([GIVEN, "R1"], 0) == (bench.identity.spent, bench.count("sign_in_needed"))


def test_locked_for_three_seconds_while_threads_ask(path: Path, bench_on: BenchOn) -> None:
    """Another process holds the database for 3 s: 40 new tenants get their tokens meanwhile, and nobody hears of an error."""
    bench = bench_on(f"sqlite://{path}")
    run = bench.engine()
    assert bench.connection(run).token().result(30)
    mend, end = locked(path), time.monotonic() + 3
    tenants = 0
    while time.monotonic() < end or tenants < 40:
        tenants += 1
        assert bench.connection(run, tenant=str(tenants)).token().result(30)
        time.sleep(0.05)
    mend()

    assert (1 + tenants, 1) == (bench.identity.count, bench.count("store_down"))


def test_damaged_page_by_page(path: Path, bench_on: BenchOn) -> None:
    """Each page of the file in turn is written over while an engine has it open: every request goes well, what cannot be read
    is moved aside and told, and no token of another tenant is ever used."""
    bench = bench_on(f"sqlite://{path}")
    run = bench.engine()
    tenants = [bench.connection(run, tenant=str(number)) for number in range(30)]
    for each in tenants:
        assert each.token().result(30)
    checkpoint(path)
    chance = random.Random(4711)
    pages = path.stat().st_size // 4096
    assert pages > 5
    for page in range(pages):
        with path.open("r+b") as file:
            file.seek(page * 4096)
            file.write(chance.randbytes(4096))
        bench.clock.ahead += 601
        names = [each.token().result(30).access_token.reveal() for each in tenants[page % 10 :: 10]]
        assert len(set(names)) == len(names)
        checkpoint(path)

    assert bench.count("store_damaged") >= 1
    assert list(path.parent.glob(f"{path.name}*")) > [path]
    assert bench.connection().token().result(30)


def checkpoint(path: Path) -> None:
    """Bring what is in the write-ahead log into the file, as far as it can be."""
    import sqlite3

    raw = sqlite3.connect(path, timeout=1)
    try:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except sqlite3.DatabaseError:
        pass
    finally:
        raw.close()


@pytest.mark.parametrize("is_attended", [False, True])
@pytest.mark.parametrize("what", ["file", "folder"])
def test_taken_away_while_in_use(path: Path, bench_on: BenchOn, what: str, is_attended: bool) -> None:
    """File or folder are deleted: a new one is begun; a person's refresh token goes on from memory and is kept again."""
    bench = bench_on(f"sqlite://{path}", attended=is_attended)
    grant = {"grant_type": "refresh_token"} if is_attended else {}
    connection = bench.connection(**grant)
    assert connection.token().result(30)
    if what == "file":
        for each in path.parent.glob(f"{path.name}*"):
            each.unlink()
    else:
        shutil.rmtree(path.parent)

    def renews() -> bool:
        try:
            return connection.token().result(30).access_token.reveal() != "T1"
        except StoreUnavailable:
            return False

    bench.clock.ahead += 601
    until(renews, LONG)
    before = bench.identity.count
    until(lambda: is_kept(bench, connection, grant), LONG)

    assert before >= 2
    if is_attended:
        assert bench.identity.refused == 0
        assert len(set(bench.identity.spent)) == len(bench.identity.spent)


def is_kept(bench: Any, connection: Any, grant: dict[str, str]) -> bool:
    """Does another engine get the token that this one has?"""
    mine = connection.token().result(30).access_token.reveal()
    with_other = bench.connection(**grant)
    try:
        other = with_other.token().result(30).access_token.reveal()
    except AuthweaveError:
        return False
    if mine != other and not grant:
        bench.clock.ahead += 601  # what is only in memory is over
    return bool(mine == other)


FULL = """
import json, resource, signal, sys
from services import INPUTS, connect, engine, oauth
order = json.loads(sys.argv[1])
told = []
run = engine(settings={"store": order["store"], "store_key": order["key"]}, on_event=lambda event: told.append([event.kind, event.detail]), inputs={**INPUTS, "refresh_token": "R0"})
connections = lambda start, count: [connect(oauth(order["token_url"]), order["api"], run=run, tenant=str(number)) for number in range(start, start + count)]
for each in connections(0, 3): assert each.token().result(30)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1024, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
for each in connections(100, 30): assert each.token().result(30)
person = connect(oauth(order["person"], grant_type="refresh_token"), order["api"], run=run)
failure = ""
try: person.token().result(30)
except Exception as error: failure = type(error).__name__
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
import time
end = time.monotonic() + 60
while time.monotonic() < end:
    try:
        person.token().result(30); break
    except Exception: time.sleep(0.1)
run.close()
print(json.dumps({"told": told, "failure": failure}))
"""


def test_a_full_disk(path: Path, bench_on: BenchOn, tmp_path: Path) -> None:
    """Not a byte more fits (RLIMIT_FSIZE): thirty tenants get tokens in memory, a person's refresh token is left alone, and
    spent once when there is room again. One event, and one at the end."""
    import json

    bench, person = bench_on(f"sqlite://{path}"), bench_on(f"sqlite://{path}", attended=True)
    order = {
        "store": bench.url, "key": str(bench.key), "token_url": f"{bench.identity.url}/token", "api": bench.api.url,
        "person": f"{person.identity.url}/token",
    }  # fmt: skip
    environment = os.environ | {"PYTHONPATH": f"{TESTS.parent / 'plugin'}{os.pathsep}{TESTS}"}
    said = subprocess.run([sys.executable, "-W", "error", "-c", FULL, json.dumps(order)], env=environment, capture_output=True, text=True, timeout=120)

    assert said.returncode == 0, said.stderr
    told = json.loads(said.stdout)
    kinds = [kind for kind, _ in told["told"]]
    assert "StoreUnavailable" == told["failure"]
    assert (33, [GIVEN]) == (bench.identity.count, person.identity.spent)
    assert 1 == kinds.count("store_down")
    assert 1 == kinds.count("store_up")

"""The log of events: stable lines, levels, no flood, and nothing in it that must not be."""

import json
import logging
import os
import re
import shlex
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authweave.events import KINDS, Event, Events
from authweave.observers import flood
from authweave.observers.logging import LogObserver, fit_to_write, line_of
from authweave.redaction import fingerprint
from authweave.times import parse_time
from documentation.markdown import page
from effort import examples

USER = "maria@blue.example"
FULL = Event(
    "refused", 1_700_000_000.0, "acme-crm", "blue", USER, "5f1d0c77a9e2", "https://login.acme.example", "client_credentials",
    0.18249, 1_700_000_060.0, "invalid_client: the secret has expired",
)  # fmt: skip


class Clock:
    """Seconds, as a test sets them."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class Records(logging.Handler):
    """Keeps what a handler gets, formatted as a handler would."""

    def __init__(self):
        super().__init__()
        self.records, self.lines = [], []

    def emit(self, record):
        self.records.append(record)
        self.lines.append(f"{record.levelname} {self.format(record)}")


@pytest.fixture
def log():
    records, logger = Records(), logging.getLogger("authweave.events")
    logger.addHandler(records)
    logger.setLevel(logging.DEBUG)
    yield records
    logger.removeHandler(records)
    logger.setLevel(logging.NOTSET)


@pytest.fixture
def clock():
    return Clock()


def plain(line):
    """The pairs of a line, as whoever parses logs reads it."""
    pairs = re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|[^\s"]+)(?: |$)', line)
    assert line == " ".join(f"{name}={value}" for name, value in pairs)
    return {name: json.loads(value) if value.startswith('"') else value for name, value in pairs}


# Lines


def test_a_line_has_all_that_is_known(log):
    """In the order of the fields; the user's id is a fingerprint, the time is UTC."""
    LogObserver().tell(FULL)

    assert [
        f"WARNING kind=refused profile=acme-crm tenant=blue subject={fingerprint(USER)} key=5f1d0c77a9e2 "
        "endpoint=https://login.acme.example grant=client_credentials seconds=0.182 retry_at=2023-11-14T22:14:20Z "
        'detail="invalid_client: the secret has expired"'
    ] == log.lines


def test_a_line_has_nothing_that_is_not_known():
    """No empty pairs."""
    assert "kind=store_up" == line_of(Event("store_up", 0.0))


@pytest.mark.parametrize("kind", KINDS)
def test_levels(log, kind):
    """Good is INFO, bad is WARNING, reused is DEBUG: there is much of it."""
    LogObserver().tell(Event(kind, 0.0))

    expected = "DEBUG" if kind == "reused" else "INFO" if kind in ("acquired", "renewed", "registered", "revoked", "endpoint_back", "store_up", "profile_changed") else "WARNING"
    assert [f"{expected} kind={kind}"] == log.lines


def test_the_event_is_on_the_record(log):
    """Structured handlers get the fields, with the fingerprint in the place of the user's id."""
    LogObserver().tell(FULL)

    [record] = log.records
    assert replace(FULL, subject=fingerprint(USER)) == record.authweave
    assert 0 == record.authweave_left_out
    assert USER not in repr(vars(record))


def test_the_lines_of_the_page_are_real():
    """Every line of docs/events.md is what the adapter writes for the event that it tells of; every kind is there once."""
    [block] = [block for block in page("docs/events.md").blocks if block.language == "log"]
    lines = block.text.splitlines()

    assert list(KINDS) == [plain(line)["kind"] for line in lines]
    for line in lines:
        said = plain(line)
        left_out = int(said.pop("left_out", 0))
        retry_at = parse_time(said.pop("retry_at"), "rfc3339") if "retry_at" in said else None
        seconds = float(said.pop("seconds")) if "seconds" in said else None
        user = {"subject": USER} if "subject" in said else {}
        assert line == line_of(fit_to_write(Event(at=0.0, seconds=seconds, retry_at=retry_at, **said | user)), left_out)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("blue", "blue"),
        ("two words", '"two words"'),
        ("a kind=acquired", '"a kind=acquired"'),
        ('say "x"', '"say \\"x\\""'),
        ("100%s %d %(x)s {0}", '"100%s %d %(x)s {0}"'),
        ("a\nkind=lost", '"a\\\\nkind=lost"'),
        ("日本", "日本"),
        ("日本 é", '"日本 é"'),
        ("\u202eevil", '"\\\\u202eevil"'),
        ("x" * 300, "x" * 199 + "…"),
    ],
)
def test_values_are_quoted(log, value, written):
    """A tenant cannot write lines or pairs of its own, and no `%` is ever filled in."""
    LogObserver().tell(Event("acquired", 0.0, tenant=value))

    assert [f"INFO kind=acquired tenant={written}"] == log.lines


@pytest.mark.parametrize("moment", [float("nan"), float("inf"), -1e300, 1e300])
def test_times_that_are_none(log, moment):
    """A `retry_at` that no calendar has is written as the number it is."""
    LogObserver().tell(Event("rate_limited", 0.0, retry_at=moment, seconds=moment))

    assert [f"retry_at={moment}"] == re.findall(r"retry_at=\S+", log.lines[0])


def test_nothing_is_printed_by_a_host_that_set_nothing_up():
    """Neither by Python's handler of last resort."""
    code = "from authweave.events import Event\nfrom authweave.observers.logging import LogObserver\nLogObserver().tell(Event('lost', 0.0))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)


# No flood


def test_the_same_is_written_once_a_minute(log, clock):
    """Then with the number of those left out, then for another minute not."""
    observer = LogObserver(clock)

    for _ in range(42):
        observer.tell(FULL)
    clock.now += 60
    for _ in range(3):
        observer.tell(FULL)

    first, second = log.lines
    assert "left_out" not in first
    assert second == first + " left_out=41"
    assert [0, 41] == [record.authweave_left_out for record in log.records]


@pytest.mark.parametrize("other", [{"kind": "lost"}, {"key": "000000000000"}])
def test_another_kind_or_key_is_written(log, clock, other):
    """What was left out is like what was written."""
    observer = LogObserver(clock)

    observer.tell(FULL)
    observer.tell(replace(FULL, **other))

    assert 2 == len(log.lines)


def test_good_events_are_all_written(log, clock):
    """They are what a count of renewals is made from."""
    observer = LogObserver(clock)

    for _ in range(5):
        observer.tell(Event("renewed", 0.0, key="5f1d0c77a9e2"))

    assert 5 == len(log.lines)


def test_endpoints_without_a_key_are_told_apart(log, clock):
    """An event of an endpoint has no key; one endpoint does not hide another."""
    observer = LogObserver(clock)

    for host in "aab":
        observer.tell(Event("endpoint_paused", 0.0, endpoint=f"https://{host}.example"))

    assert 2 == len(log.lines)


def test_a_count_is_not_lost_when_it_gets_quiet(log, clock):
    """Whatever happens next, even a good event, brings the count of what ended, with the time of its last."""
    observer = LogObserver(clock)
    for second in range(5):
        observer.tell(replace(FULL, at=1_700_000_000.0 + second))
    clock.now += 3600

    observer.tell(Event("acquired", 0.0))

    assert 3 == len(log.lines)
    assert log.lines[1].endswith('detail="invalid_client: the secret has expired" left_out=3 at=2023-11-14T22:13:24Z')
    assert "INFO kind=acquired" == log.lines[2]


def test_many_keys_are_no_flood_either(log, clock):
    """Ten thousand users whose token is refused are a hundred and one lines a minute, and every one is counted."""
    observer = LogObserver(clock)

    for _ in range(2):
        for number in range(5000):
            observer.tell(Event("refused", 0.0, key=f"{number:012x}"))
    observer.tell(Event("lost", 0.0, key="0" * 12))
    assert flood.MOST + 2 == len(log.lines)
    clock.now += 61
    observer.tell(Event("store_up", 0.0))

    written = [record for record in log.records if record.authweave.kind == "refused"]
    lines_and_counts = len(written) + sum(record.authweave_left_out for record in written)
    assert 10_000 == lines_and_counts


def test_memory_is_bounded(clock):
    """Whatever keys, endpoints and kinds come."""
    told = flood.Flood(clock)

    for number in range(5000):
        told.due(Event(f"kind {number}", 0.0, key=f"{number:012x}"))
        told.due(Event("unreachable", 0.0, endpoint=f"https://{number}.example"))

    assert 2 * (flood.MOST + 1) == len(told._told)
    clock.now += 61
    told.due(Event("acquired", 0.0))
    assert 0 == len(told._told) == sum(told._keys.values())


@given(st.lists(st.tuples(st.sampled_from(["refused", "lost", "renewed", "made up"]), st.sampled_from("abc"), st.integers(0, 70)), max_size=60))
def test_every_event_is_written_or_counted(happened):
    """In any order, at any pace: lines and counts together are what happened."""
    clock = Clock()
    told, due = flood.Flood(clock), []
    for kind, key, pause in happened:
        clock.now += pause
        due += told.due(Event(kind, 0.0, key=key))
    clock.now += 61

    due += told.due(Event("store_up", 0.0))

    assert len(happened) + 1 == len(due) + sum(left_out for _, left_out in due)


def test_threads_share_one_count(log, clock):
    """Eight at once are one line, and the rest is counted."""
    observer, gate = LogObserver(clock), threading.Barrier(8)

    def run():
        gate.wait(30)
        for _ in range(50):
            observer.tell(FULL)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    clock.now += 61
    observer.tell(FULL)

    assert [0, 399] == [record.authweave_left_out for record in log.records]


def test_one_at_a_time_decides():
    """However many are told at once, what is written is decided by one after the other."""
    inside, most, gate = [], [], threading.Barrier(4)

    def clock():
        inside.append(1)
        most.append(len(inside))
        time.sleep(0.002)
        inside.pop()
        return 1000.0

    observer = LogObserver(clock)

    def run():
        gate.wait(30)
        for _ in range(5):
            observer.tell(FULL)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert [1] * 20 == most


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_child_writes_too():
    """A fork while another thread holds the observer's lock does not stop the child."""
    code = """
import os, threading, time
from authweave.events import Event
from authweave.observers.logging import LogObserver
observer = LogObserver()
held, leave = threading.Event(), threading.Event()
def hold():
    with observer._lock:
        held.set(); leave.wait(30)
threading.Thread(target=hold).start()
held.wait(30)
child = os.fork()
if child == 0:
    observer.tell(Event("lost", 0.0))
    os._exit(7)
leave.set()
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
"""
    done = subprocess.run([sys.executable, *shlex.split("-W ignore"), "-c", code], capture_output=True, text=True, check=False, timeout=60)

    assert (0, "") == (done.returncode, done.stderr)


# Nothing that must not be


HOSTILE = st.text(max_size=60) | st.sampled_from(["%s", "%(authweave)s", "%", "%%d%n", "{0}", "\r\nWARNING kind=lost", "\x1b[2J", "\u2066", "\ud800"])
SUBJECT = "maria.s3cret-user-0815@blue.example"


@settings(max_examples=examples(1000))
@given(st.sampled_from(sorted(KINDS)), HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, st.none() | st.floats(), st.none() | st.floats())
def test_no_event_harms_a_log(kind, profile, tenant, key, grant, detail, seconds, retry_at):
    """One line each, inert, parsed back to what was told; no user, no secret of the endpoint's URL, no `%` filled in."""
    records, logger = Records(), logging.getLogger("authweave.events")
    logger.addHandler(records)
    logger.setLevel(logging.DEBUG)
    try:
        Events([LogObserver().tell]).tell(
            kind, profile=profile, tenant=tenant, subject=SUBJECT, key=key, grant=grant, detail=detail, seconds=seconds,
            retry_at=retry_at, endpoint="https://bot:s3cret-pass@login.acme.example/t?client_secret=s3cret-query",
        )  # fmt: skip
    finally:
        logger.removeHandler(records)
        logger.setLevel(logging.NOTSET)

    [line], [record] = records.lines, records.records
    said = plain(line.partition(" ")[2])
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]", line)
    assert (kind, "https://login.acme.example", fingerprint(SUBJECT)) == (said["kind"], said["endpoint"], said["subject"])
    for name in ("profile", "tenant", "key", "grant", "detail"):
        assert said.get(name, "") == getattr(record.authweave, name)
    for leak in ("s3cret", "maria"):
        assert leak not in line
        assert leak not in repr(vars(record))
        assert leak not in json.dumps({name: getattr(record.authweave, name) for name in Event.__slots__})

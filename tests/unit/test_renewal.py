"""Renewal among many owners: what is found after a crash, what is late, what is in doubt, and what the store cannot do."""

from __future__ import annotations

import dataclasses
import functools
import os
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

import authweave
from authweave.errors import (
    ConnectFailure,
    DeadlineExceeded,
    EndpointPaused,
    MissingInput,
    RateLimited,
    SignInNeeded,
    StoreUnavailable,
    TokenAnswerError,
    TokenEndpointError,
    UnexpectedFailure,
)
from authweave.stores.memory import MemoryStore
from authweave.tokens.owners import new_owner
from authweave.values import Entry, Intent, Secret, Trouble, spent_mark
from renewing import KEY, Bench, name
from services import until

PLUGIN = Path(authweave.__file__).parent.parent
DIGEST = KEY.digest()
LOST = DeadlineExceeded("no answer", stage="body", host="x")
UNSENT = ConnectFailure("refused", stage="connect", host="x")
DEAD = TokenEndpointError(status=400, url="x", error="invalid_grant", error_description="Token is not active")


def _may_hide_processes():
    if not (sys.platform == "linux" and os.geteuid() == 0 and shutil.which("unshare") and shutil.which("setpriv")):
        return False
    reads = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", sys.executable, "-c", f"import os; os.listdir({str(PLUGIN / 'authweave')!r})"]
    tries = ["unshare", "-m", "sh", "-c", 'mount -t proc -o hidepid=2 proc /proc && exec "$@"', "sh", *reads]
    return subprocess.run(tries, check=False, capture_output=True, timeout=60).returncode == 0


def fail(error, *_, **__):
    raise error


class SharedMemory(MemoryStore):
    """A store as other processes see it, with faults: `broken` is raised by the named calls."""

    is_shared = True

    def __init__(self, clock=time.time):
        super().__init__(clock)
        self.broken = {}

    def __getattribute__(self, name):
        broken = object.__getattribute__(self, "__dict__").get("broken", {})
        if name in broken:
            return functools.partial(fail, broken[name])
        return super().__getattribute__(name)


class Person(Bench):
    """A key whose tokens rest on a person's refresh token, R0 at first."""

    def __init__(self, *, life=-1.0, rotates=None, **more):
        super().__init__(store=SharedMemory(), refresh=True, attended=True, **more)
        self.store._clock = self.clock
        self.keep(self.token("T0", life=life, refresh="R0"), rotates=rotates)


@pytest.fixture
def bench():
    return Bench()


@pytest.fixture
def person():
    return Person()


def mark(text):
    return spent_mark(Secret(text, "test"))


def died(bench, *, spends="", attempt=1, owner="somebody-else", at=1_700_000_000.0):
    """An owner was never heard of again after its intent."""
    record = bench.record()
    bench.ledger.intend(KEY, record.version, Intent(owner, at, spends, attempt))


# ---- intents and leases


def test_the_intent_is_there_before_the_call(person):
    """Who, when, and which refresh token it will use up (by a mark): for whoever finds it after a crash."""
    seen = []
    person.endpoint.before = lambda: seen.append(person.record().intent)
    person.renewed()
    [intent] = seen

    assert (mark("R0"), 1) == (intent.spends, intent.attempt)
    assert abs(intent.at - person.clock()) < 5
    assert person.record().intent is None
    assert ("R1", True) == (person.record().token.refresh_token.reveal(), person.record().entry.rotates)


def test_an_intent_that_nobody_can_read_is_one_of_somebody_unknown():
    """A later version's intent, or garbage, is never taken for none."""
    assert Intent("?", 0.0) == Intent.of("new-form/2 …")
    assert Intent("me", 12.5, "ab", 2) == Intent.of(Intent("me", 12.5, "ab", 2).text)
    assert Intent.of("") is None


def test_an_owner_that_died_with_the_lease(bench):
    """Its lease runs out; then whoever waits goes on."""
    bench.store.lease(DIGEST, "somebody else", 0.2)
    start = time.monotonic()

    assert "T1" == name(bench.renewed())
    assert time.monotonic() - start >= 0.15


def test_an_owner_that_is_known_to_be_dead_is_not_waited_for(bench):
    """Its process is gone from this machine: its lease is given back for it."""
    here, _, rest = new_owner().partition(".")
    dead = f"{here}.4194304-1.{rest.rpartition('.')[2]}"
    bench.store.lease(DIGEST, dead, 600)
    died(bench, owner=dead)

    assert "T1" == name(bench.renewed())


def test_an_owner_elsewhere_is_waited_for(bench):
    """What lives on another machine cannot be judged from here."""
    elsewhere = "0123456789abcdef-1.4194304-1.x"
    bench.store.lease(DIGEST, elsewhere, 0.3)
    died(bench, owner=elsewhere)
    start = time.monotonic()

    assert "T1" == name(bench.renewed())
    assert time.monotonic() - start >= 0.25


def test_an_owner_that_does_not_end(bench):
    """Waiting for a lease is bounded."""
    bench.store.lease(DIGEST, "somebody else", 600)
    tokens = bench.same(lease_seconds=0.1)
    with pytest.raises(DeadlineExceeded, match="somebody else"):
        tokens.renewed().result(10)

    assert 0 == bench.endpoint.count


def test_beside_the_callers_nobody_waits_for_a_lease(bench):
    """In the window, whoever finds the lease taken goes away and looks again later."""
    bench.renewed()
    bench.clock.ahead = 571
    bench.store.lease(DIGEST, "somebody else", 600)
    assert "T1" == name(bench.tokens.fresh())
    until(lambda: bench.tokens._failed_until > 0)

    assert 0 < bench.tokens._failed_until - bench.clock() < 2.1
    assert 1 == bench.endpoint.count


# ---- a refresh token that somebody may have spent


def test_the_one_allowed_retry(person):
    """Found an intent for the same refresh token: present it once more, and say so in the intent."""
    died(person, spends=mark("R0"))
    seen = []
    person.endpoint.before = lambda: seen.append(person.record().intent)

    assert "T1" == name(person.renewed())
    assert (["R0"], 2) == (person.endpoint.spent, seen[0].attempt)
    assert "interrupted" in person.kinds


def test_the_retry_is_refused(person):
    """The server had rotated: the person is asked, and told when it happened. Nobody presents that token again."""
    died(person, spends=mark("R0"))
    person.endpoint.errors = [DEAD]
    with pytest.raises(SignInNeeded, match=r"reauthorize \(previous refresh interrupted at 2023-11-14T22:13:20Z; invalid_grant: Token is not active\)"):
        person.renewed()
    for worker in (person.tokens, person.same()):
        with pytest.raises(SignInNeeded, match="previous refresh interrupted at 2023-11-14T22:13:20Z"):
            worker.renewed().result(10)

    assert ["R0"] == person.endpoint.spent
    assert "sign_in_needed" in person.kinds
    assert "R0" == person.record().token.refresh_token.reveal()


def test_there_is_no_third_time(person):
    """Interrupted twice: it is not presented again."""
    died(person, spends=mark("R0"), attempt=2)
    with pytest.raises(SignInNeeded, match=r"previous refresh interrupted at 2023-11-14T22:13:20Z"):
        person.renewed()

    assert [] == person.endpoint.spent
    assert person.record().intent is None


def test_one_that_is_known_not_to_rotate_may_be_presented_again():
    """Where the last refresh brought the same refresh token, presenting it harms nothing."""
    person = Person(rotates=False)
    died(person, spends=mark("R0"), attempt=5)

    assert "T1" == name(person.renewed())


def test_an_intent_of_another_refresh_token_says_nothing_of_this_one(person):
    """A person signed in anew since."""
    died(person, spends=mark("another"), attempt=2)

    assert "T1" == name(person.renewed())


def test_unattended_the_grant_takes_over(bench):
    """Nobody has to be asked: a refresh token in doubt is left alone, and a new grant made."""
    bench = Bench(store=SharedMemory(), refresh=True)
    bench.keep(bench.token("T0", life=-1, refresh="R0"))
    died(bench, spends=mark("R0"))

    assert "T1" == name(bench.renewed())
    assert ([None], [None]) == (bench.endpoint.olds, bench.endpoint.spent)


@pytest.mark.parametrize("lost", [
    LOST, TokenEndpointError(status=502, url="x"), TokenAnswerError("empty_or_partial_body", "cut", status=200, url="x"),
], ids=["timeout", "gateway", "cut"])  # fmt: skip
def test_an_answer_that_was_lost(person, lost):
    """Present it once more; still nothing: keep it back for a minute, which grows. It is not thrown away: it may be good."""
    person.endpoint.errors = [lost] * 4
    for _ in range(2):
        with pytest.raises(type(lost)):
            person.renewed()
    for worker in (person.tokens, person.same()):
        with pytest.raises(EndpointPaused, match="left alone for"):
            worker.renewed().result(10)
    assert ["R0", "R0"] == person.endpoint.spent

    person.clock.ahead += 61
    with pytest.raises(type(lost)):
        person.renewed()
    person.clock.ahead += 61
    with pytest.raises(EndpointPaused):
        person.renewed()
    person.endpoint.errors = []
    person.clock.ahead += 120

    assert ("T4", ["R0"] * 4) == (name(person.renewed()), person.endpoint.spent)
    assert person.record().trouble is None


def test_what_was_never_sent_is_no_doubt(person):
    """The endpoint could not be reached: the refresh token is as good as before, however often."""
    person.endpoint.errors = [UNSENT] * 5
    for _ in range(5):
        with pytest.raises(ConnectFailure):
            person.renewed()

    assert "T6" == name(person.renewed())
    assert ["unreachable"] * 5 == [kind for kind in person.kinds if kind not in ("renewed",)]


def test_an_outage_said_in_so_many_words_is_no_doubt(person):
    """503: the server says that it did nothing."""
    person.endpoint.errors = [TokenEndpointError(status=503, url="x")] * 5
    for _ in range(5):
        with pytest.raises(TokenEndpointError):
            person.renewed()

    assert "T6" == name(person.renewed())


def test_dead_is_told_once_to_everybody(person):
    """invalid_grant: the person is needed; no worker asks the endpoint again."""
    person.endpoint.errors = [DEAD]
    for _ in range(3):
        for worker in (person.tokens, person.same()):
            with pytest.raises(SignInNeeded, match=r"acme: reauthorize \(invalid_grant: Token is not active\)"):
                worker.renewed().result(10)

    assert 1 == person.endpoint.count


def test_a_new_sign_in_ends_the_trouble(person):
    """Whatever was wrong with the old refresh token is no matter of the new one."""
    person.endpoint.errors = [DEAD]
    with pytest.raises(SignInNeeded):
        person.renewed()
    person.keep(person.token("T9", life=-1, refresh="R9"), version=person.record().version)

    assert ("T2", "R9") == (name(person.renewed()), person.endpoint.spent[-1])


# ---- results that come late


def test_the_loser_takes_the_winners_token(bench):
    """Somebody wrote while we called (our lease had run out): theirs stands, ours is not handed out."""
    bench.endpoint.before = lambda: bench.keep(bench.token("winner"))

    assert "winner" == name(bench.renewed())
    assert (1, 1) == (bench.record().version, bench.endpoint.count)


def test_the_winner_with_another_refresh_token(person):
    """Somebody else's refresh came through: what is stored rests on a newer refresh token and stays."""
    person.endpoint.before = lambda: person.keep(person.token("winner", refresh="R-winner"), version=1)

    assert "winner" == name(person.renewed())
    assert "R-winner" == person.record().token.refresh_token.reveal()


def test_the_winner_with_the_same_refresh_token():
    """Where a refresh token may be used again and again, a late result does not take the place of the winner's."""
    person = Person(rotates=False)
    person.endpoint.refresh, person.endpoint.given = False, "R0"
    winner = person.token("winner", refresh="R0")
    person.endpoint.before = lambda: person.keep(winner, version=1, rotates=False)
    person.endpoint.get = keeping_its_refresh_token(person.endpoint.get)

    assert "winner" == name(person.renewed())
    assert ("winner", 1) == (name(person.record().token), person.endpoint.count)


def keeping_its_refresh_token(get):
    """As servers that do not rotate: the old refresh token goes on."""
    return lambda old, end: dataclasses.replace(get(old, end), refresh_token=old.refresh_token)


@pytest.mark.parametrize("error", [LOST, UNSENT], ids=["in doubt", "not sent"])
def test_a_late_failure_takes_the_winners_token(person, error):
    """One whose time was over when it went on fails; who renewed meanwhile has written, and theirs is handed out."""
    person.endpoint.errors = [error]
    person.endpoint.before = lambda: person.keep(person.token("winner", refresh="R-winner"), version=1)

    assert "winner" == name(person.renewed())
    assert (1, None) == (person.endpoint.count, person.record().trouble)


def test_a_lease_that_was_lost_before_the_call(person):
    """One that slept beyond its lease, by the store's clock, presents nothing: another one may be doing so right now."""
    intend, presented = person.store.intend, []

    def after_a_long_sleep(*arguments):
        is_noted = intend(*arguments)
        if not presented:
            person.store._leases[DIGEST] = ("another", person.clock() + 0.3)
            presented.append(person.endpoint.count)
            threading.Timer(0.1, somebody_else_renews).start()
        return is_noted

    def somebody_else_renews():
        presented.append(person.endpoint.count)
        person.keep(person.token("winner", refresh="R-winner"), version=1)

    person.store.intend = after_a_long_sleep

    assert "winner" == name(person.renewed())
    assert ([0, 0], 0) == (presented, person.endpoint.count)


def test_a_lease_that_was_lost_to_one_who_gave_up(person):
    """Where whoever had the lease did nothing, the first one's own intent is no sign of a call."""
    intend, noted = person.store.intend, []

    def after_a_long_sleep(*arguments):
        noted.append(arguments)
        if len(noted) == 1:
            person.store._leases[DIGEST] = ("another", person.clock() + 0.1)
        return intend(*arguments)

    person.store.intend = after_a_long_sleep

    assert "T1" == name(person.renewed())
    assert (1, False) == (person.endpoint.count, "interrupted" in person.kinds)


def test_stopped_for_longer_than_anybody_waits(person):
    """An owner that was stopped far beyond its lease still looks at what has come of the renewal meanwhile."""
    person.endpoint.errors = [LOST]

    def somebody_else_renews():
        time.sleep(0.2)
        person.keep(person.token("winner", refresh="R-winner"), version=1)

    person.endpoint.before = somebody_else_renews

    assert "winner" == name(person.same(lease_seconds=0.05).renewed().result(10))


def test_a_late_result_is_the_only_living_one(person):
    """The lease was lost, and whoever came took the refresh token for dead. It was ours that had spent it: ours stands."""

    def somebody_else_gives_up():
        entry = Entry(KEY.facts(), person.token("T0", life=-1, refresh="R0"), Trouble("sign_in_needed", "invalid_grant", 1.0, spends=mark("R0")))
        assert person.ledger.write(KEY, 1, entry, keep=None)

    person.endpoint.before = somebody_else_gives_up

    assert "T1" == name(person.renewed())
    assert ("R1", None) == (person.record().token.refresh_token.reveal(), person.record().trouble)


def test_refused_while_somebody_else_won(person):
    """Our refresh token was spent by another whose result came meanwhile: theirs is taken, nobody is asked to sign in."""
    person.endpoint.errors = [DEAD]
    person.endpoint.before = lambda: person.keep(person.token("winner", refresh="R-winner"), version=1)

    assert "winner" == name(person.renewed())
    assert "sign_in_needed" not in person.kinds


def test_a_late_release_does_not_open_the_lease_of_another(person):
    """Release by the owner only."""
    person.endpoint.before = lambda: (person.store.release(DIGEST, "nobody"), person.store._leases.update({DIGEST: ("new owner", person.clock() + 60)}))
    person.renewed()

    assert not person.store.lease(DIGEST, "third", 1)


# ---- without the store


def down(*names):
    return dict.fromkeys(names, StoreUnavailable("timeout", "the store is silent"))


ALL = down("read", "lease", "release", "intend", "write", "wait", "noted", "note")


def test_unattended_goes_on_in_memory():
    """The token is got and used; nothing is stored; one event says that the store is away, not a flood."""
    bench = Bench(store=SharedMemory(), refresh=True)
    bench.store.broken = ALL
    for _ in range(20):
        assert bench.renewed()
        bench.clock.ahead += 601

    assert 20 == bench.endpoint.count
    assert [None] * 20 == bench.endpoint.spent
    assert 1 == bench.kinds.count("store_down")
    bench.store.broken = {}
    assert (0, None) == (bench.record().version, bench.record().token)


def test_a_refused_client_is_left_alone_without_the_store_too():
    """Who is refused while the store is away asks again as seldom as with it: some providers lock a client out."""
    bench = Bench(store=SharedMemory())
    bench.store.broken = ALL
    bench.endpoint.errors = [TokenEndpointError(status=401, url="x", error="invalid_client")] * 3
    for _ in range(20):
        with pytest.raises(TokenEndpointError, match="invalid_client"):
            bench.renewed()
        bench.clock.ahead += 1

    assert 2 == bench.endpoint.count
    assert 2 == bench.kinds.count("refused")


def test_an_endpoint_that_wants_to_be_left_alone_is_without_the_store_too():
    """What it asked of this process holds."""
    bench = Bench(store=SharedMemory())
    bench.store.broken = ALL
    bench.endpoint.paused = RateLimited(url="x", status=429, retry_at=bench.clock() + 60, wait=60)
    with pytest.raises(RateLimited):
        bench.renewed()

    assert 0 == bench.endpoint.count


def test_a_persons_refresh_token_is_never_used_without_the_store(person):
    """Fail closed: another worker may have spent it. The token at hand is used while it lasts."""
    person.keep(person.token("T0", refresh="R0"), version=1)
    assert "T0" == name(person.renewed())
    person.store.broken = ALL
    assert "T0" == name(person.tokens.fresh())
    person.clock.ahead = 601
    with pytest.raises(StoreUnavailable, match="the store is silent"):
        person.renewed()

    assert 0 == person.endpoint.count


def test_required_fails_closed_for_everybody():
    """`store_required`: no token that others could not know of."""
    bench = Bench(store=SharedMemory(), required=True)
    bench.store.broken = ALL
    with pytest.raises(StoreUnavailable):
        bench.renewed()

    assert 0 == bench.endpoint.count


def test_the_store_comes_back():
    """After its pause it is asked again; what is got then is stored; one event says so."""
    bench = Bench(store=SharedMemory())
    bench.store.broken = ALL
    bench.renewed()
    bench.store.broken = {}
    bench.clock.ahead = 601
    until(lambda: (bench.renewed(), bench.clock.__setattr__("ahead", bench.clock.ahead + 601), bench.record().token is not None)[2])

    assert 1 == bench.kinds.count("store_down")
    assert 1 == bench.kinds.count("store_up")


@pytest.mark.parametrize("step", ["intend", "write", "release"])
def test_unattended_whichever_step_fails(step):
    """Every step may fail; the caller gets a token each time."""
    bench = Bench(store=SharedMemory())
    bench.store.broken = down(step)

    assert name(bench.renewed()).startswith("T")


def test_nothing_is_spent_before_the_intent_is_stored(person):
    """The intent cannot be written: the refresh token stays unspent."""
    person.store.broken = down("intend")
    with pytest.raises(StoreUnavailable):
        person.renewed()

    assert 0 == person.endpoint.count
    person.store.broken = {}
    assert "T1" == name(person.same().renewed().result(10))


def test_a_rotated_refresh_token_that_cannot_be_stored_is_not_lost(person):
    """It is kept and saved as soon as the store answers; nobody gets a token before that; nobody else may spend the old one."""
    person.endpoint.before = lambda: person.store.broken.update(down("write"))
    with pytest.raises(StoreUnavailable):
        person.renewed()
    assert not person.store.lease(DIGEST, "somebody else", 1)

    person.store.broken = {}
    person.endpoint.before = lambda: None
    until(lambda: person.record().token.refresh_token.reveal() == "R1")
    assert "T1" == name(person.renewed())
    assert ["R0"] == person.endpoint.spent


def test_the_lease_is_given_back_with_the_late_save(person):
    """Nobody has to wait for a lease to run out whose renewal has ended."""
    person.endpoint.before = lambda: person.store.broken.update(down("write"))
    with pytest.raises(StoreUnavailable):
        person.renewed()
    person.store.broken = {}
    person.endpoint.before = lambda: None
    until(lambda: person.record().token.refresh_token.reveal() == "R1")

    until(lambda: person.store.lease(DIGEST, "somebody else", 1), 5)


def test_an_older_copy_comes_to_an_end_first(person):
    """FLUSHALL, and a worker whose copy is old is refused: whoever has the newer refresh token goes on with it all the same."""
    older = person.same()
    assert "T1" == name(older.renewed().result(10))
    person.clock.ahead = 601
    assert "T2" == name(person.renewed())
    person.store.remove(DIGEST)
    person.endpoint.errors = [DEAD]
    with pytest.raises(SignInNeeded):
        older.renewed().result(10)
    assert "R1" == person.endpoint.spent[-1]

    person.clock.ahead += 601
    assert person.renewed()
    assert "R2" == person.endpoint.spent[-1]


def test_the_store_has_forgotten_everything(person):
    """FLUSHALL: the copy in memory goes on, told as lost; what is got then is stored again."""
    person.renewed()
    person.store.remove(DIGEST)
    person.clock.ahead = 601

    assert "T2" == name(person.renewed())
    assert (["R0", "R1"], "R2") == (person.endpoint.spent, person.record().token.refresh_token.reveal())
    assert "lost" in person.kinds


def test_a_bounded_store_lets_go_of_a_person():
    """A store in memory forgets the least recently used; the worker that still has the token goes on with its refresh token."""
    bench = Bench(store=MemoryStore(most=1), refresh=True, attended=True, given="SEED")
    bench.renewed()
    bench.store.write("f" * 64, 0, b"somebody else's")
    bench.clock.ahead = 601

    assert ("T2", ["SEED", "R1"]) == (name(bench.renewed()), bench.endpoint.spent)


def test_a_store_that_raises_what_it_likes():
    """A stranger's store fails in its own way: typed, told, and without its words."""
    bench = Bench(store=SharedMemory())
    bench.store.broken = {"read": KeyError("planted-secret")}
    assert bench.renewed()

    assert "planted-secret" not in str(bench.told)
    assert ["store_down", "acquired"] == bench.kinds


def test_a_record_that_cannot_be_opened(bench):
    """Unattended: as if absent, told once, and replaced."""
    bench.store.write(DIGEST, 0, b"garbage")
    bench.renewed()

    assert ["unreadable", "acquired"] == bench.kinds
    assert "T1" == name(bench.record().token)


def test_a_persons_record_that_cannot_be_opened(person):
    """Its refresh token may be the only one: it is not written over, and the person is told why."""
    person.store.write(DIGEST, 1, b"garbage")
    with pytest.raises(SignInNeeded, match="cannot be opened"):
        person.renewed()

    assert b"garbage" == person.store.read(DIGEST).data


def test_a_record_of_somebody_else_is_not_used(bench):
    """Under our key lies an entry that says it is another tenant's: never used, and told."""
    theirs = Entry({**KEY.facts(), "tenant": "other"}, bench.token("THEIRS"))
    bench.ledger.write(KEY, 0, theirs, keep=None)

    assert "T1" == name(bench.renewed())
    assert "unreadable" in bench.kinds


# ---- others


def test_an_endpoint_that_must_be_left_alone_costs_no_lease(bench):
    """Whoever would have to wait beyond its deadline is told at once."""
    bench.endpoint.paused = EndpointPaused(url="x", reason="down", retry_at=bench.clock() + 60, wait=60)
    with pytest.raises(EndpointPaused):
        bench.renewed()

    assert {} == bench.store._leases


def test_workers_that_wait_are_woken(bench):
    """The winner's token is there as soon as the lease is given back."""
    bench.endpoint.gate = threading.Event()
    other = bench.same()
    mine, theirs = bench.tokens.renewed(), other.renewed()
    until(lambda: bench.endpoint.count == 1)
    bench.endpoint.gate.set()

    assert ("T1", "T1", 1) == (name(mine.result(10)), name(theirs.result(10)), bench.endpoint.count)
    assert "reused" in bench.kinds


def test_events_of_a_life(bench):
    """Acquired; another worker's reuse; rejected and renewed."""
    token = bench.renewed()
    bench.same().renewed().result(10)
    bench.renewed(token)

    assert ["acquired", "reused", "rejected", "acquired"] == bench.kinds
    assert "T1" not in str(bench.told)


def test_owners_of_this_process_live():
    """The name of an owner that runs is never taken for one that is gone; a name that says nothing neither."""
    from authweave.tokens.owners import is_gone

    assert not is_gone(new_owner())
    for odd in ("", "?", "x", "a.b.c", "..", f"{new_owner().partition('.')[0]}.x-1.y"):
        assert not is_gone(odd)


def test_an_owner_that_proc_hides_lives():
    """What /proc hides of other users (hidepid, systemd's ProtectProc) is not gone: nobody takes a living owner's lease."""
    if not _may_hide_processes():
        pytest.skip("only root of Linux can hide processes from others")
    asking = f"import sys; from authweave.tokens.owners import is_gone; sys.exit(is_gone({new_owner()!r}))"
    as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", sys.executable, "-c", asking]
    hiding = ["unshare", "-m", "sh", "-c", 'mount -t proc -o hidepid=2 proc /proc && exec "$@"', "sh", *as_nobody]

    done = subprocess.run(hiding, env={**os.environ, "PYTHONPATH": str(PLUGIN)}, check=False, timeout=60, capture_output=True)

    assert (0, b"") == (done.returncode, done.stderr)


def test_a_refresh_token_in_doubt_is_not_kept_back_for_a_year():
    """Its doubt was written by a clock that was a year ahead: it is presented now."""
    bench = Bench(store=SharedMemory(), refresh=True, attended=True)
    ahead = bench.clock() + 365 * 86_400
    bench.keep(bench.token("T0", life=-1, refresh="R0"), trouble=Trouble("unreachable", "no answer", ahead, spends=mark("R0"), count=2, until=ahead + 60))

    assert "T1" == name(bench.renewed())


def test_a_given_refresh_token(person):
    """The first call spends what was given; after a crash it is presented once more, and then no more."""
    bench = Bench(store=SharedMemory(), refresh=True, attended=True, given="SEED")
    died(bench, spends=mark("SEED"))
    bench.endpoint.errors = [DEAD]
    with pytest.raises(SignInNeeded):
        bench.renewed()
    with pytest.raises(SignInNeeded):
        bench.same().renewed().result(10)

    assert ["SEED"] == bench.endpoint.spent


def test_a_failure_of_our_own_says_nothing_of_the_refresh_token(person):
    """A missing input, a template: nothing was sent, so nothing is in doubt, and no trouble is kept."""
    person.endpoint.errors = [MissingInput("client_secret", "client_secret is missing")] * 4
    for _ in range(4):
        with pytest.raises(MissingInput):
            person.renewed()

    assert (None, None) == (person.record().intent, person.record().trouble)
    assert "T5" == name(person.renewed())


def test_a_grant_that_breaks_is_in_doubt(person):
    """A stranger's grant raises what it likes: its refresh token may be spent. It is kept back after the second time."""
    person.endpoint.errors = [KeyError("planted")] * 3
    for kind in (UnexpectedFailure, UnexpectedFailure, EndpointPaused):
        with pytest.raises(kind) as caught:
            person.renewed()
        assert "planted" not in str(caught.value)

    assert ["R0", "R0"] == person.endpoint.spent


def test_refused_without_the_store_is_no_storm():
    """While the store is away a refused client is not tried again and again either."""
    bench = Bench(store=SharedMemory())
    bench.store.broken = ALL
    bench.endpoint.errors = [TokenEndpointError(status=401, url="x", error="invalid_client")] * 50
    for _ in range(50):
        with pytest.raises(TokenEndpointError):
            bench.renewed()

    assert 1 == bench.endpoint.count


def test_a_token_that_lacks_what_is_kept_today_is_renewed(person):
    """A profile was edited to keep more of an answer: the stored token, still good, is renewed and not used without it."""
    person.keep(person.token("T0", refresh="R0"), version=1)
    person.endpoint.keeps = ("instance",)
    got = person.endpoint.get

    def with_kept(old, end):
        return replace(got(old, end), kept={"instance": None})

    person.endpoint.get = with_kept

    assert ("T1", ["R0"]) == (name(person.renewed()), person.endpoint.spent)
    assert "T1" == name(person.same().renewed().result(10))


def test_an_outage_longer_than_the_lease_loses_nothing_either():
    """The only copy of a rotated refresh token is kept as long as the process lives."""
    person = Person()
    person.tokens = person.same(lease_seconds=0.2)
    person.endpoint.before = lambda: person.store.broken.update(down("write"))
    with pytest.raises(StoreUnavailable):
        person.renewed()
    time.sleep(1.0)
    person.store.broken = {}

    until(lambda: person.record().token.refresh_token.reveal() == "R1")
    assert ["R0"] == person.endpoint.spent

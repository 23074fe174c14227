"""Renewals that are killed, or come back after their lease, at every step: what the next caller gets, and what the server saw."""

from __future__ import annotations

import contextlib
import os
import pickle
import random
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from urllib.parse import parse_qs

import pytest

from identities import vendor_client
from killing import (
    ACTED,
    AFTER_INTENT,
    ANSWERED,
    CONNECTED,
    IN_DOUBT,
    LEASED_WITHOUT_INTENT,
    RELEASED,
    STEPS,
    WRITTEN,
    renew_and_halt,
    until_stopped,
)  # fmt: skip
from stores import key_file, urls
from workers import ATTENDED, OWN, VENDOR, Place, Told, asked, caller, consented, start

__all__ = ["key_file"]

pytestmark = pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="reads /proc")

SHORT = 2.0
"""The deadline where a lease has to run out; it lasts one and a half times as long."""
EXPIRED = 700.0
SERVERS = {"rotates": {}, "rotates, with grace": {"grace": 600}, "keeps": {"rotate": False}}


@pytest.fixture(params=["sqlite", "redis"])
def new_store(request, tmp_path):
    """A URL of a store that nobody has used, each time."""
    return urls(request.param, request, tmp_path)


def new_place(provider, store, key_file, grant, server):
    """A client of the server, a store, and (for a person) a consent."""
    if grant == OWN:
        return Place(provider, provider.new_client(), store, key_file, grant)
    client = vendor_client(provider, **SERVERS[server])
    return Place(provider, client, store, key_file, grant, consented(provider, client) if grant == ATTENDED else "")


def presented(place):
    """How often the server was shown each refresh token."""
    forms = [parse_qs(seen.body) for seen in place.provider.seen(place.client, kind="token")]
    return Counter(form["refresh_token"][0] for form in forms if "refresh_token" in form)


def presented_most(place):
    return max(presented(place).values(), default=0)


@dataclass
class Scene:
    """What happened at one step, and what the server counted from the renewal on that was cut short."""

    place: Place
    step: str
    next: Told
    last: Told
    late: Told | None = None

    @property
    def requests(self):
        return self.place.provider.counts(self.place.client)["token"]


def prepared(place, *, is_first):
    """Get a token, unless the renewal that is cut short shall be the first; the server counts anew from here."""
    if not is_first:
        assert caller(place).is_good
    place.provider.forget(place.client)
    return replace(place, ahead=EXPIRED)


def killed(place, step, *, is_first=False):
    """Kill a renewal at the step; then the next caller comes, and when that token has expired another one."""
    place = prepared(place, is_first=is_first)
    worker = start(renew_and_halt, replace(place, deadline=SHORT if step in LEASED_WITHOUT_INTENT else 30.0), step, signal.SIGKILL)
    assert -signal.SIGKILL == worker.end()
    return Scene(place, step, caller(place), caller(replace(place, ahead=2 * EXPIRED)))


def in_all_steps(scene):
    """One scene for each step, several at a time: most of them wait for something."""
    with ThreadPoolExecutor(len(STEPS)) as threads:
        return list(threads.map(scene, STEPS))


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("is_first", [False, pytest.param(True, marks=pytest.mark.heavy)], ids=["a later renewal", "the first renewal"])
def test_killed_with_a_persons_refresh_token(oidc_provider, new_store, key_file, server, is_first):
    """After the intent the refresh token is presented once more at most. Then there is a token, or everybody is told."""
    for scene in in_all_steps(lambda step: killed(new_place(oidc_provider, new_store(), key_file, ATTENDED, server), step, is_first=is_first)):
        acted = scene.step in (ACTED, ANSWERED, WRITTEN, RELEASED)
        repeats = scene.step not in (WRITTEN, RELEASED)
        assert ("interrupted" in scene.next.kinds) is (scene.step in (AFTER_INTENT, CONNECTED, *IN_DOUBT)), scene
        if scene.step in IN_DOUBT and server == "rotates":
            assert_lost(scene)
            assert 2 == scene.requests
        else:
            assert_good(scene)
            assert acted + repeats + 1 == scene.requests, scene
        if server != "keeps":
            assert (2 if scene.step in IN_DOUBT else 1) == presented_most(scene.place), scene


@pytest.mark.parametrize("grant", [VENDOR, OWN])
def test_killed_in_the_clients_own_name(oidc_provider, new_store, key_file, grant):
    """Nothing is lost: the next caller asks anew, and presents no refresh token that may be spent."""
    for scene in in_all_steps(lambda step: killed(new_place(oidc_provider, new_store(), key_file, grant, "rotates"), step)):
        acted = scene.step in (ACTED, ANSWERED, WRITTEN, RELEASED)
        repeats = scene.step not in (WRITTEN, RELEASED)
        assert_good(scene)
        assert acted + repeats + 1 == scene.requests, scene
        assert presented_most(scene.place) <= 1, scene
        assert not scene.place.provider.counts(scene.place.client)["invalid_grant"], scene


def assert_good(scene):
    """Both callers have a token that the API takes, and the store holds the last one."""
    assert scene.next.is_good, scene
    assert scene.last.is_good, scene
    record = scene.place.record()
    assert (scene.last.token, None, None) == (record.token.access_token.reveal(), record.trouble, record.intent), scene


def assert_lost(scene):
    """Both callers are told so, in the same words; the store says it, and nobody asks the server again."""
    assert "SignInNeeded" == scene.next.error, scene
    assert "reauthorize (previous refresh interrupted at 20" in scene.next.words, scene
    assert (scene.next.error, scene.next.words) == (scene.last.error, scene.last.words), scene
    assert {"interrupted", "lost", "sign_in_needed"} <= set(scene.next.kinds), scene
    assert "sign_in_needed" == scene.place.record().trouble.kind


def stopped(place, step):
    """Stop a renewal at the step beyond its lease; the next caller comes; then the late owner goes on."""
    place = prepared(place, is_first=False)
    worker = start(renew_and_halt, replace(place, deadline=SHORT), step, signal.SIGSTOP)
    until_stopped(worker.pid)
    following = caller(place)
    os.kill(worker.pid, signal.SIGCONT)
    late = worker.hear()
    assert 0 == worker.end()
    return Scene(place, step, following, caller(replace(place, ahead=2 * EXPIRED)), late)


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("grant", [ATTENDED, pytest.param(VENDOR, marks=pytest.mark.heavy)])
def test_an_owner_that_comes_back_late(oidc_provider, new_store, key_file, grant, server):
    """One who was stopped beyond its lease neither spends what is spent nor writes over what is newer."""
    for scene in in_all_steps(lambda step: stopped(new_place(oidc_provider, new_store(), key_file, grant, server), step)):
        is_doubted = grant == ATTENDED and scene.step in IN_DOUBT
        if is_doubted and server == "rotates":
            assert "SignInNeeded" == scene.next.error, scene
            assert "reauthorize (previous refresh interrupted at 20" in scene.next.words, scene
            assert "SignInNeeded" == scene.last.error, scene
        else:
            assert_good(scene)
            assert scene.late.is_good, scene
        if server != "keeps":
            assert presented_most(scene.place) <= (2 if is_doubted else 1), scene


# ---- at random moments

FAST = 400.0
"""How much faster clocks run there: a token of 600 seconds lasts one and a half."""
CALLERS = 4


def call_again_and_again(place, began, pipe):
    """Call until somebody kills us; tell what came of each call."""
    told = []
    with place.engine(told) as run:
        while True:
            run.clock.ahead = (time.time() - began) * FAST
            pipe.send(asked(place, run, told))
            told.clear()


def killed_at_random(place, chance, end):
    """Callers that are killed at random moments, and replaced, until the time is over or a person is needed. What they told."""
    began = time.time()
    workers = [start(call_again_and_again, place, began) for _ in range(CALLERS)]
    heard, deaths = [], 0
    while time.monotonic() < end and not any(told.error == "SignInNeeded" for told in heard):
        time.sleep(chance.uniform(0.05, 0.8))
        number = chance.randrange(CALLERS)
        os.kill(workers[number].pid, signal.SIGKILL)
        heard += left(workers[number])
        workers[number] = start(call_again_and_again, place, began)
        heard += [worker.pipe.recv() for worker in workers if worker.pipe.poll()]
        deaths += 1
    for worker in workers:
        os.kill(worker.pid, signal.SIGKILL)
        heard += left(worker)
    place = replace(place, ahead=(time.time() - began) * FAST)
    return heard, deaths, (caller(place), caller(place))


def left(worker):
    """What a killed process had told whole."""
    worker.process.join(60)
    found = []
    with contextlib.suppress(EOFError, OSError, pickle.UnpicklingError):
        while worker.pipe.poll():
            found.append(worker.pipe.recv())
    worker.end()
    return found


@pytest.mark.parametrize("seconds", [5.0, pytest.param(10.0, marks=pytest.mark.heavy)])
@pytest.mark.parametrize(("grant", "server"), [(ATTENDED, "rotates"), (ATTENDED, "rotates, with grace"), (VENDOR, "rotates")])
def test_killed_at_random_moments(oidc_provider, new_store, key_file, counted, grant, server, seconds):
    """Whenever somebody dies: the others have a token, or say which refresh was interrupted; what is spent stays so."""
    chance, end, deaths, calls, lost = random.Random(), time.monotonic() + seconds, 0, 0, 0

    while time.monotonic() < end:
        place = new_place(oidc_provider, new_store(), key_file, grant, server)
        place.provider.new_client(client_id=place.client.client_id, grant_types=("account_credentials", "refresh_token"), delay=0.1, **SERVERS[server])
        heard, killed, (following, last) = killed_at_random(place, chance, end)
        deaths, calls = deaths + killed, calls + len(heard)
        for told in (*heard, following, last):
            assert told.is_good or told.error == "SignInNeeded", told
            assert told.is_good or told.status == 401 or "previous refresh interrupted at 20" in told.words, told
        counts = oidc_provider.counts(place.client)
        assert presented_most(place) <= (2 if grant == ATTENDED else 1)
        if "SignInNeeded" in (following.error, last.error):
            lost += 1
            assert ATTENDED == grant
            assert "previous refresh interrupted at 20" in last.words, last
            assert "sign_in_needed" == place.record().trouble.kind
            assert counts["invalid_grant"] == (server == "rotates") or "and so was one before it" in last.words, (counts, last)
        else:
            assert last.token == place.record().token.access_token.reveal()
            assert 0 == counts["invalid_grant"]
    counted.append(f"{'killed at random, ' + server:47}{place.store.partition(':')[0]:8}{grant:10}deaths {deaths:4}  calls {calls:5}  sign-ins needed {lost}")
    assert min(calls, deaths) > 0

"""Processes that end in the middle of a renewal: they wait a bounded time, and what came is stored; else the intent remains."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from dataclasses import replace

import pytest

from identities import vendor_client
from services import until
from stores import key_file, urls
from workers import Place, caller, consented, start

__all__ = ["key_file"]

LIFE = 700.0
RUN = "import pickle, sys; work, *arguments = pickle.load(sys.stdin.buffer); work(*arguments)"


def leave(place, *_):
    """Begin a renewal, and end once the server has acted."""
    run = place.engine()
    before = place.provider.counts(place.client)["token"]
    place.connection(run).token()
    until(lambda: place.provider.counts(place.client)["token"] > before, 60)
    sys.exit(0)


def as_script(place):
    """An interpreter of its own: `sys.exit` in its main thread."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", RUN], input=pickle.dumps((leave, place)), env=environment, timeout=120, check=False)
    return done.returncode


def as_child(place):
    """A process of `multiprocessing`, as pools of workers are made of: it ends without `atexit`."""
    return start(leave, place).end()


@pytest.fixture
def place(oidc_provider, request, tmp_path, key_file):
    """A person's refresh token that has been used once, at a server that answers late."""

    def new(delay):
        client = vendor_client(oidc_provider, delay=delay)
        return Place(oidc_provider, client, urls("sqlite", request, tmp_path)(), key_file, given=consented(oidc_provider, client))

    return new


@pytest.mark.parametrize("end", [as_script, as_child])
def test_what_comes_in_time_is_stored(place, end):
    """The process ends within the seconds it has for that, and the token that came meanwhile is there for the next one."""
    here = place(delay=1.0)
    here.provider.forget(here.client)

    assert 0 == end(here)
    record = here.record()
    assert (None, None) == (record.intent, record.trouble)
    assert record.token.refresh_token.reveal() != here.given

    told = caller(here)
    assert (told.is_good, 1) == (True, here.provider.counts(here.client)["token"])


@pytest.mark.heavy
@pytest.mark.parametrize("end", [as_script, as_child])
def test_what_takes_too_long_leaves_its_intent(place, end):
    """Nobody waits for ever: the intent says what was begun, and the next caller says so, too."""
    here = place(delay=12.0)
    here.provider.forget(here.client)

    assert 0 == end(here)
    with here.engine() as run:
        left = run.ledger.read(here.key(run))
    assert (None, 1) == (left.token, left.intent.attempt)

    told = caller(replace(here, deadline=30.0))
    assert "SignInNeeded" == told.error
    assert "previous refresh interrupted at 20" in told.words
    assert 2 == here.provider.counts(here.client)["token"]

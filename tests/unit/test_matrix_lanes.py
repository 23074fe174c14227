"""Who goes next: in order, gently, and nobody waits where others could go on. Real threads; what is counted is counted under a lock."""

import random
import threading
from collections import Counter

from authweave.matrix.lanes import Lanes
from thorough import every


def drive(lanes, workers, work):
    """Worker threads that do what is dealt out, until there is no more."""

    def go():
        while (number := lanes.next()) is not None:
            work(number)
            lanes.ended(number)

    threads = [threading.Thread(target=go, daemon=True) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)


@every("seed", range(5))
def test_each_once_and_never_more_at_a_host_than_allowed(seed):
    """Two hundred runs at a handful of hosts, some at two of them: each is made once, and no host has a third at once."""
    chance = random.Random(seed)
    hosts = [frozenset(chance.sample("abcde", chance.choice((0, 1, 1, 2)))) for _ in range(200)]
    lock, busy, most, made = threading.Lock(), Counter(), Counter(), Counter()

    def work(number):
        with lock:
            made[number] += 1
            busy.update(hosts[number])
            for host in hosts[number]:
                most[host] = max(most[host], busy[host])
        threading.Event().wait(chance.random() / 2000)
        with lock:
            busy.subtract(hosts[number])

    drive(Lanes(200, lambda number: hosts[number], at_most=2), 8, work)

    assert dict.fromkeys(range(200), 1) == dict(made)
    assert set(most) == set("abcde")
    assert max(most.values()) == 2


def test_a_full_host_holds_up_nobody_else():
    """While two runs at one host do not end, all of another host's are made; then the rest."""
    lanes, done, lock = Lanes(12, lambda number: frozenset(["slow" if number < 6 else "quick"]), at_most=2), [], threading.Lock()
    others_are_done = threading.Event()

    def work(number):
        if number < 6:
            assert others_are_done.wait(20)
        with lock:
            done.append(number)
            if sum(each >= 6 for each in done) == 6:
                others_are_done.set()

    drive(lanes, 3, work)

    assert [each for each in done if each >= 6] == done[:6]
    assert sorted(done) == list(range(12))


def test_stopped_it_deals_out_no_more():
    """Who waits gets None, and who asks afterwards, too; runs under way may end."""
    lanes = Lanes(10, lambda number: frozenset("h"), at_most=1)
    first, answers = lanes.next(), []
    waiting = threading.Thread(target=lambda: answers.append(lanes.next()), daemon=True)
    waiting.start()

    lanes.stop()
    waiting.join(20)
    lanes.ended(first)

    assert (0, [None], None) == (first, answers, lanes.next())


def test_nothing_to_deal_out():
    """No runs: None at once."""
    assert Lanes(0, lambda number: frozenset(), at_most=2).next() is None

"""Chance that spreads load: of its own, and another one in each process."""

from __future__ import annotations

import os
import random

import pytest

from authweave.machine.chance import between, one_in
from forked import said_in_child


def test_the_hosts_random_numbers_are_left_alone():
    """A host that seeds `random` gets the numbers it expects."""
    random.seed(1)
    expected = [random.random() for _ in range(3)]
    random.seed(1)
    between(0, 1)
    one_in(3)

    assert expected == [random.random() for _ in range(3)]


def test_within_its_bounds():
    """From the least to the most; once in so many times."""
    assert all(2.0 <= between(2.0, 3.0) <= 3.0 for _ in range(1000))
    assert 50 < sum(one_in(10) for _ in range(1000)) < 200
    assert all(one_in(1) for _ in range(100))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_children_choose_other_moments():
    """Workers forked from one parent do not renew at the same moment."""
    assert 3 == len({said_in_child(lambda: str(between(0, 1))) for _ in range(3)})

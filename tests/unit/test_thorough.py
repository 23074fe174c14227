"""The rows that stand for a full product hold each pair of it."""

import itertools

import pytest

from thorough import pairs


@pytest.mark.parametrize("sizes", [(16, 5, 4, 3), (6, 16, 2), (2, 2), (1, 7), (3, 3, 3, 3, 3)])
def test_each_value_stands_beside_each_of_the_others(sizes):
    """Every pair of two dimensions is there, in hardly more rows than the two longest need."""
    rows = pairs(*map(range, sizes))

    for a, b in itertools.combinations(range(len(sizes)), 2):
        assert {(row[a], row[b]) for row in rows} == set(itertools.product(range(sizes[a]), range(sizes[b])))
    first, second = sorted(sizes)[-2:]
    assert len(rows) <= 2 * first * second
    assert rows == pairs(*map(range, sizes))

"""The rows that stand for a full product hold each pair of it; a test of many cases tells of each that is wrong."""

import inspect
import itertools

import pytest

from thorough import Wrong, every, pairs


@every("sizes", [(16, 5, 4, 3), (6, 16, 2), (2, 2), (1, 7), (3, 3, 3, 3, 3)])
def test_each_value_stands_beside_each_of_the_others(sizes):
    """Every pair of two dimensions is there, in hardly more rows than the two longest need."""
    rows = pairs(*map(range, sizes))

    for a, b in itertools.combinations(range(len(sizes)), 2):
        assert {(row[a], row[b]) for row in rows} == set(itertools.product(range(sizes[a]), range(sizes[b])))
    first, second = sorted(sizes)[-2:]
    assert len(rows) <= 2 * first * second
    assert rows == pairs(*map(range, sizes))


def test_every_wrong_case_is_told():
    """The cases after a wrong one are looked at, too; each is named, with what was wrong and where; cases of the same name by their number."""
    seen = []

    @every("number, name", [(1, "one"), (2, "two"), (3, "three"), (3, "three"), (4, "four")])
    def claim(number, name):
        seen.append(number)
        if number == 2:
            raise KeyError("no such thing")
        assert number < 3

    with pytest.raises(Wrong) as error:
        claim()

    assert [1, 2, 3, 3, 4] == seen
    assert str(error.value).startswith("4 of 5 cases: 2-two, 3-three (2), 3-three (3), 4-four\n--- 2-two\n")
    assert "KeyError: 'no such thing'" in str(error.value)
    assert "assert 4 < 3" in str(error.value)
    assert 4 == str(error.value).count("in claim")


def test_cases_of_cases_are_told_by_both_names():
    """One `every` above another is the product of both; what is left of the arguments is asked of pytest."""
    seen = []

    @every("a", "xy")
    @every("b", [1, 2], ids=lambda b: f"b{b}")
    def claim(a, b, tmp_path):
        seen.append((a, b, tmp_path))
        assert (a, b) != ("y", 1)

    with pytest.raises(Wrong, match=r"\A1 of 4 cases: y, b1\n--- y, b1\n"):
        claim(tmp_path="t")

    assert [("x", 1, "t"), ("x", 2, "t"), ("y", 1, "t"), ("y", 2, "t")] == seen
    assert ["tmp_path"] == [*inspect.signature(claim).parameters]


def test_where_nothing_is_wrong_nothing_is_told():
    """A claim that holds passes; a test without a case is a mistake, and what is no error of a case ends them all."""
    every("a", [1, 2])(lambda a: None)()

    with pytest.raises(AssertionError, match="there is no case"):
        every("a", [])
    with pytest.raises(KeyboardInterrupt):
        every("a", [KeyboardInterrupt, ValueError])(throw)()


def throw(a):
    raise a


def test_what_parametrize_takes_is_taken():
    """`pytest.param` by its values and its name; a mark of a single case, or a skip in it, would leave others out: an error."""
    with pytest.raises(Wrong, match="1 of 2 cases: b one"):
        every("a, b", [pytest.param(1, 1, id="one"), pytest.param(1, 2, id="b one")])(equal)()
    with pytest.raises(AssertionError, match="no marks of its own"):
        every("a", [pytest.param(1, marks=pytest.mark.thorough)])
    with pytest.raises(Wrong, match=r"1 of 1 cases: 1\n--- 1\na case cannot be skipped: no reason"):
        every("a", [1])(lambda a: pytest.skip("no reason"))()


def equal(a, b):
    assert a == b

"""`Retry-After`: every published form, and nothing but them."""

import json
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from authweave.answers.retry_after import http_date, retry_after
from thorough import every

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "retry_after.json").read_text())
NOW = datetime.fromisoformat(VECTORS["now"]).timestamp()
CEILING = 3600.0


def expected(vector):
    if "clamped to the" in vector.get("required", ""):
        return CEILING
    return vector["seconds_from_now"]


@every("vector", VECTORS["vectors"], ids=lambda vector: vector["id"])
def test_published_forms(vector):
    """Digits and the three HTTP dates are read, waits are clamped, everything else is no answer."""
    assert expected(vector) == retry_after(vector["value"], now=NOW, ceiling=CEILING)


def test_an_absent_field_is_no_answer():
    """A response without the field says nothing about waiting."""
    assert retry_after(None, now=NOW) is None


@every(
    "value",
    [
        "Fri, 31 Feb 1999 23:59:59 GMT",
        "Fri, 31 Dec 1999 23:59:59 +0000",
        "fri, 31 dec 1999 23:59:59 gmt",
        "9" * 5000 + "x",
    ],
)
def test_dates_that_do_not_exist_are_no_answer(value):
    """A date that no calendar holds, or in another form, is ignored without an exception."""
    assert retry_after(value, now=NOW) is None


def test_a_very_long_number_is_the_ceiling():
    """Five thousand digits are clamped; Python's limit for int() does not surface."""
    assert retry_after("9" * 5000, now=NOW, ceiling=60.0) == 60.0


@every("year, full", [("99", 1999), ("00", 2000), ("49", 2049), ("50", 1950)])
def test_two_digit_years(year, full):
    """More than fifty years ahead means the past: RFC 9110 §5.6.7."""
    then = http_date(f"Friday, 01-Jan-{year} 00:00:00 GMT", now=NOW)

    assert full == datetime.fromtimestamp(then, UTC).year


@given(st.text(max_size=60))
def test_any_text_gives_a_wait_or_nothing(value):
    """Whatever a server writes, the result is None or a wait between 0 and the ceiling."""
    wait = retry_after(value, now=NOW)

    assert wait is None or 0 <= wait <= 3600

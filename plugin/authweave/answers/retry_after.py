"""How long a server asks to wait: the `Retry-After` field, RFC 9110 §10.2.3.

Digits or one of the three HTTP dates of RFC 9110 §5.6.7. Anything else is no answer (None): the caller's own
back-off applies. Never raises.
"""

from __future__ import annotations

import calendar
import re
from datetime import UTC, datetime

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH = f"(?P<month>{'|'.join(_MONTHS)})"
_TIME = r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
_FORMS = tuple(
    re.compile(form)
    for form in (
        rf"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (?P<day>[0-9]{{2}}) {_MONTH} (?P<year>[0-9]{{4}}) {_TIME} GMT",
        rf"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (?P<day>[0-9]{{2}})-{_MONTH}-(?P<year>[0-9]{{2}}) {_TIME} GMT",
        rf"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) {_MONTH} (?P<day>[0-9 ][0-9]) {_TIME} (?P<year>[0-9]{{4}})",
    )
)
_DIGITS = re.compile("[0-9]+")
_DIGITS_OF_ANY_USE = 12


def retry_after(value: str | None, *, now: float, ceiling: float = 3600.0) -> float | None:
    """Seconds to wait from `now` (Unix seconds), at least 0 and at most `ceiling`; None if the field says nothing."""
    if value is None:
        return None
    text = value.strip(" \t")
    wait = _delta(text) if _DIGITS.fullmatch(text) else _until(text, now)
    return None if wait is None else min(max(wait, 0.0), ceiling)


def http_date(text: str, *, now: float) -> float | None:
    """An HTTP date (RFC 9110 §5.6.7, all three forms) in Unix seconds, or None.

    `now` settles the century of a two-digit year: more than 50 years ahead means the past.
    """
    found = next((match for form in _FORMS if (match := form.fullmatch(text))), None)
    if found is None:
        return None
    numbers = {name: int(found[name]) for name in ("year", "day", "hour", "minute", "second")}
    year = _full_year(numbers["year"], now) if len(found["year"]) == 2 else numbers["year"]
    month = _MONTHS.index(found["month"]) + 1
    clock = (numbers["hour"], numbers["minute"], numbers["second"])
    if not _exists(year, month, numbers["day"], clock):
        return None
    return float(calendar.timegm((year, month, numbers["day"], *clock)))


def _delta(digits: str) -> float:
    significant = digits.lstrip("0")  # int() refuses very long digit strings, and nobody waits that long
    return float("inf") if len(significant) > _DIGITS_OF_ANY_USE else float(significant or 0)


def _until(text: str, now: float) -> float | None:
    then = http_date(text, now=now)
    return None if then is None else then - now


def _full_year(two_digits: int, now: float) -> int:
    """The last year of that ending that is not more than 50 years ahead."""
    this_year = datetime.fromtimestamp(now, UTC).year
    return this_year + 50 - (this_year + 50 - two_digits) % 100


def _exists(year: int, month: int, day: int, clock: tuple[int, int, int]) -> bool:
    hour, minute, second = clock
    if year < 1 or not 1 <= day <= calendar.monthrange(year, month)[1]:
        return False
    return hour < 24 and minute < 60 and second <= 60  # 60: a leap second

"""Points in time and durations as APIs write them, free of locale and platform.

RFC 3339, HTTP dates (RFC 9110 §5.6.7, all three forms are read), milliseconds, and `strftime` patterns in UTC.
Nothing here calls the C library: its widths and locales are not ours to trust. Every refusal is
`NotATime`, whose message holds the form at most, never the value.
"""

from __future__ import annotations

import re
from calendar import isleap
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_SECOND: Final = 253_402_300_799  # the end of the year 9999
_PATTERN_LENGTH: Final = 100
_NAMED: Final = ("rfc3339", "http", "unix_ms")


class NotATime(ValueError):
    """A time, duration or form that cannot be read or written. The message never holds the value."""


def format_time(seconds: float, form: str) -> str | int:
    """Unix seconds written as `rfc3339`, `http`, `unix_ms` (a number) or a `strftime` pattern, in UTC."""
    if not -62_135_596_800 <= seconds <= _LAST_SECOND:
        raise NotATime("the time is not within the years 1 to 9999")
    if form == "unix_ms":
        return int(seconds * 1000)
    moment = _EPOCH + timedelta(seconds=seconds)
    if form == "rfc3339":
        return _strftime(moment, "%Y-%m-%dT%H:%M:%SZ")
    if form == "http":
        return _strftime(moment, "%a, %d %b %Y %H:%M:%S GMT")
    return _strftime(moment, form)


def parse_time(text: str, form: str) -> float:
    """Unix seconds of a time written in `form`; a pattern without a zone is UTC. Whole seconds come as an integer."""
    if len(text) > _PATTERN_LENGTH:
        raise NotATime("too long for a time")
    if form == "unix_ms":
        return _from_milliseconds(text)
    if form == "rfc3339":
        return parse_rfc3339(text)
    if form == "http":
        return parse_http_date(text)
    return _strptime(text, form)


def check_form(form: str) -> None:
    """Refuse a form that neither `format_time` nor `parse_time` knows."""
    if form in _NAMED:
        return
    if len(form) > _PATTERN_LENGTH:
        raise NotATime(f"a time pattern has at most {_PATTERN_LENGTH} characters")
    letters = re.findall(r"%(.?)", form, re.S)
    if not letters:
        raise NotATime("a time format is rfc3339, http, unix_ms or a pattern such as %Y-%m-%d")
    if unknown := sorted(set(letters) - _WRITTEN.keys()):
        raise NotATime(f"%{unknown[0]} is not a part of time patterns here; known are %{' %'.join(_WRITTEN)}")


_RFC3339: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9})\d*)?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


def parse_rfc3339(text: str) -> float:
    """Unix seconds of an RFC 3339 time, which always has a zone."""
    if not (found := _RFC3339.fullmatch(text)):
        raise NotATime("not an RFC 3339 time such as 2024-01-18T09:30:00Z")
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    return _seconds(
        *(int(part) for part in (year, month, day, hour, minute, second)),
        nanoseconds=int((fraction or "0").ljust(9, "0")), zone=_zone(zone),
    )  # fmt: skip


_HTTP_DATES: Final = (
    re.compile(r"\w{3}, (?P<day>\d\d) (?P<month>\w{3}) (?P<year>\d{4}) (?P<time>\d\d:\d\d:\d\d) GMT", re.ASCII),
    re.compile(r"\w{6,9}, (?P<day>\d\d)-(?P<month>\w{3})-(?P<year>\d\d) (?P<time>\d\d:\d\d:\d\d) GMT", re.ASCII),
    re.compile(r"\w{3} (?P<month>\w{3}) (?P<day>[ \d]\d) (?P<time>\d\d:\d\d:\d\d) (?P<year>\d{4})", re.ASCII),
)


def parse_http_date(text: str) -> float:
    """Unix seconds of an HTTP date in any of its three forms (RFC 9110 §5.6.7)."""
    found = next((match for pattern in _HTTP_DATES if (match := pattern.fullmatch(text))), None)
    if not found:
        raise NotATime("not an HTTP date such as Thu, 18 Jan 2024 09:30:00 GMT")
    hour, minute, second = (int(part) for part in found["time"].split(":"))
    return _seconds(
        _full_year(found["year"]), _month(found["month"]), int(found["day"]), hour, minute, second, zone=UTC
    )


_UNITS: Final = {"D": 86_400, "H": 3_600, "M": 60, "S": 1}


def parse_duration(text: str, form: str) -> int:
    """Seconds of a duration such as `1:02:30` written in a form such as `D:HH:MM`."""
    pattern, units = _duration_pattern(form)
    if len(text) > _PATTERN_LENGTH or not (found := pattern.fullmatch(text)):
        raise NotATime("the duration does not have the given form")
    return sum(_UNITS[unit] * int(amount) for unit, amount in zip(units, found.groups(), strict=True))


def check_duration_form(form: str) -> None:
    """Refuse a form that is not made of D, HH, MM and SS, each at most once, with something between them."""
    _duration_pattern(form)


def _duration_pattern(form: str) -> tuple[re.Pattern[str], list[str]]:
    parts = re.split(r"(D|HH?|MM?|SS?)", form) if len(form) <= _PATTERN_LENGTH else [form]
    units = [part[0] for part in parts[1::2]]
    if not units or len(set(units)) < len(units) or not all(parts[2:-1:2]) or re.search(r"\w", "".join(parts[::2])):
        raise NotATime("a duration form is made of D, HH, MM and SS, each at most once, such as D:HH:MM")
    return re.compile("([0-9]{1,9})".join(re.escape(part) for part in parts[::2])), units


def _from_milliseconds(text: str) -> float:
    if not re.fullmatch(r"-?[0-9]{1,15}", text):
        raise NotATime("not a whole number of milliseconds")
    seconds, rest = divmod(int(text), 1000)
    return seconds + rest / 1000 if rest else seconds


def _seconds(
    year: int, month: int, day: int, hour: int, minute: int, second: int,
    *, nanoseconds: int = 0, zone: timezone,
) -> float:  # fmt: skip
    leap = second == 60
    try:
        moment = datetime(year, month, day, hour, minute, 59 if leap else second, tzinfo=zone)
    except ValueError:
        raise NotATime("there is no such day or time") from None
    whole = (moment - _EPOCH) // timedelta(seconds=1) + leap
    return whole + nanoseconds / 1e9 if nanoseconds else whole


def _full_year(text: str) -> int:
    """RFC 9110 §5.6.7: two digits that seem more than fifty years ahead are in the past."""
    if len(text) == 4:
        return int(text)
    this_year = datetime.now(UTC).year
    year = this_year - this_year % 100 + int(text)
    return year - 100 if year > this_year + 50 else year


def _posix_year(two_digits: int) -> int:
    return two_digits + (2000 if two_digits < 69 else 1900)


def _month(name: str) -> int:
    return _index(_MONTHS, name) + 1


def _index(names: tuple[str, ...], name: str) -> int:
    for index, full in enumerate(names):
        if name.lower() in (full.lower(), full[:3].lower()):
            return index
    raise NotATime("there is no such day or month")


_WRITTEN: Final[dict[str, Callable[[datetime], str]]] = {
    "Y": lambda moment: f"{moment.year:04}",
    "m": lambda moment: f"{moment.month:02}",
    "d": lambda moment: f"{moment.day:02}",
    "H": lambda moment: f"{moment.hour:02}",
    "M": lambda moment: f"{moment.minute:02}",
    "S": lambda moment: f"{moment.second:02}",
    "f": lambda moment: f"{moment.microsecond:06}",
    "y": lambda moment: f"{moment.year % 100:02}",
    "I": lambda moment: f"{moment.hour % 12 or 12:02}",
    "p": lambda moment: "AM" if moment.hour < 12 else "PM",
    "j": lambda moment: f"{moment.timetuple().tm_yday:03}",
    "a": lambda moment: _DAYS[moment.weekday()][:3],
    "A": lambda moment: _DAYS[moment.weekday()],
    "b": lambda moment: _MONTHS[moment.month - 1][:3],
    "B": lambda moment: _MONTHS[moment.month - 1],
    "z": lambda moment: "+0000",
    "Z": lambda moment: "UTC",
    "s": lambda moment: str((moment - _EPOCH) // timedelta(seconds=1)),
    "%": lambda moment: "%",
}

_READ: Final = {
    "Y": r"\d{4}", "m": r"\d{1,2}", "d": r"\d{1,2}", "H": r"\d{1,2}", "M": r"\d{1,2}", "S": r"\d{1,2}",
    "f": r"\d{1,6}", "y": r"\d{2}", "I": r"\d{1,2}", "p": r"[AaPp][Mm]", "j": r"\d{1,3}",
    "a": r"[A-Za-z]{3}", "A": r"[A-Za-z]{6,9}", "b": r"[A-Za-z]{3}", "B": r"[A-Za-z]{3,9}",
    "z": r"Z|[+-]\d\d:?\d\d", "Z": r"UTC|GMT", "s": r"-?\d{1,12}",
}  # fmt: skip


def _strftime(moment: datetime, form: str) -> str:
    check_form(form)
    return re.sub(r"%(.)", lambda found: _WRITTEN[found[1]](moment), form)


def _strptime(text: str, form: str) -> float:
    check_form(form)
    letters = [letter for letter in re.findall(r"%(.)", form) if letter != "%"]
    if len(set(letters)) < len(letters):
        raise NotATime("a time pattern that reads holds each part once")
    literals = re.split(r"%.", form)
    marks = re.findall(r"%(.)", form)
    groups = ["%" if mark == "%" else f"(?P<{mark}>{_READ[mark]})" for mark in marks]
    pattern = "".join(re.escape(literal) + group for literal, group in zip(literals, [*groups, ""], strict=True))
    if not (found := re.fullmatch(pattern, text, re.ASCII)):
        raise NotATime("the time does not have the given form")
    return _moment(found.groupdict())


def _moment(read: dict[str, str]) -> float:
    if "s" in read:
        return int(read["s"])
    if not ({"Y", "y"} & read.keys()):
        raise NotATime("a time pattern that reads needs a year")
    year = int(read["Y"]) if "Y" in read else _posix_year(int(read["y"]))
    month, day = _day(read, year)
    hour = _hour(read)
    microseconds = int(read.get("f", "0").ljust(6, "0"))
    return _seconds(
        year, month, day, hour, int(read.get("M", 0)), int(read.get("S", 0)),
        nanoseconds=microseconds * 1000, zone=_zone(read.get("z", "Z")),
    )  # fmt: skip


def _day(read: dict[str, str], year: int) -> tuple[int, int]:
    if "j" in read:
        return _day_of_year(year, int(read["j"]))
    name = read.get("b") or read.get("B")
    return _month(name) if name else int(read.get("m", 1)), int(read.get("d", 1))


def _day_of_year(year: int, number: int) -> tuple[int, int]:
    if not 1 <= number <= 365 + isleap(year):
        raise NotATime("there is no such day or time")
    moment = datetime(2024 if isleap(year) else 2023, 1, 1, tzinfo=UTC) + timedelta(days=number - 1)
    return moment.month, moment.day


def _hour(read: dict[str, str]) -> int:
    if "I" not in read:
        return int(read.get("H", 0))
    if not 1 <= int(read["I"]) <= 12:
        raise NotATime("there is no such day or time")
    return int(read["I"]) % 12 + (12 if read.get("p", "am").lower() == "pm" else 0)


def _zone(text: str) -> timezone:
    if text in ("Z", "z"):
        return UTC
    digits = text[1:].replace(":", "")
    ahead = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    if ahead >= timedelta(hours=24):
        raise NotATime("there is no such day or time")
    return timezone(-ahead if text[0] == "-" else ahead)


def is_ahead(moment: float, now: float, longest: float) -> bool:
    """Is this moment still to come, and no farther away than anybody ever waits?

    One that is was written by a clock that has been put right since: nobody shall wait for it.
    """
    return now < moment <= now + longest

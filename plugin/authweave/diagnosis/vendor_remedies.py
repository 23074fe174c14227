"""What the vendors' words say to write, before anything that is only likely."""

from __future__ import annotations

from collections.abc import Callable

from authweave.diagnosis.case import Case
from authweave.diagnosis.entry import Remedy
from authweave.diagnosis.vendors import CODES


def of_vendors(row: str) -> tuple[Remedy, ...]:
    """A remedy for each word of a vendor that ends in this row."""
    return tuple(Remedy(code.key, _said(f"{code.name}: {code.say}"), _is(code.name)) for code in CODES.values() if code.row == row)


def _said(words: str) -> Callable[[Case], str]:
    """As it is: the words of a vendor may hold braces."""
    return lambda _: words


def _is(name: str) -> Callable[[Case], bool]:
    return lambda case: case.vendor is not None and case.vendor.name == name

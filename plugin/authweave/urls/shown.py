"""A host as people have to see it: what its letters are, where they only look like others."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_MOST: Final = 4
_HOST: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#]*@)?(?:\*\.)?([^/?#:\[\]@]+)")


def shown_host(host: str) -> str:
    """The host in ASCII; where that stands for other letters (RFC 3492), also these and what they are called.

    `xn--80ak6aa92e.com (punycode for “аррӏе.com”: CYRILLIC SMALL LETTER A U+0430, …)`. A host that is not ASCII is shown the same way.
    """
    labels = host.split(".")
    read = ".".join(map(_read, labels))
    odd = list(dict.fromkeys(letter for letter in read if not letter.isascii()))
    if not odd:
        return f"{host} (punycode that stands for no letters)" if any(label.lower().startswith("xn--") for label in labels) else host
    names = ", ".join(f"{unicodedata.name(letter, 'a character without a name')} U+{ord(letter):04X}" for letter in odd[:_MOST])
    more = ", …" if len(odd) > _MOST else ""
    printable = "".join(letter if letter.isprintable() else "?" for letter in read)
    return f"{_written(labels)} (punycode for “{printable}”: {names}{more})"


def other_letters(url: str) -> str:
    """The host of an absolute URL with the letters that it stands for; '' for a host that is what it looks like, and for what has no host."""
    found = _HOST.match(url)
    host = found[1] if found else ""
    return shown if host and (shown := shown_host(host)) != host else ""


def _read(label: str) -> str:
    if not label.lower().startswith("xn--"):
        return label
    try:
        return label[4:].encode("ascii").decode("punycode")
    except (UnicodeError, ValueError):
        return label


def _written(labels: list[str]) -> str:
    return ".".join(label if label.isascii() else "xn--" + label.encode("punycode").decode("ascii") for label in labels)

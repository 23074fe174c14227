"""The template functions for text, lists, numbers and times."""

from __future__ import annotations

import re
import secrets
import uuid
from collections.abc import Mapping
from typing import Any

from authweave import times
from authweave.templates.bounds import MANY_ITEMS, Unfit, charge, fits
from authweave.templates.operands import as_list, as_number, as_text, is_number, kind, text_of


def uuid4() -> str:
    """A random UUID (RFC 9562 §5.4)."""
    return str(uuid.uuid4())


def random(n: Any) -> bytes:
    """So many random bytes."""
    if type(n) is not int or not 1 <= n <= 1024:
        raise Unfit("takes a number of bytes from 1 to 1024")
    return secrets.token_bytes(n)


def format_time(t: Any, f: Any) -> str | int:
    """Unix seconds as text: see times.py."""
    return times.format_time(as_number(t), as_text(f))


def parse_time(s: Any, f: Any) -> float:
    """Unix seconds of a time: see times.py."""
    return times.parse_time(as_text(s), as_text(f))


def duration(s: Any, f: Any) -> int:
    """Seconds of a duration: see times.py."""
    return times.parse_duration(as_text(s), as_text(f))


def trim(x: Any) -> str:
    """Without blanks at both ends."""
    return as_text(x).strip()


def replace(x: Any, old: Any, new: Any) -> str:
    """Every `old` replaced."""
    text, old, new = as_text(x), as_text(old), as_text(new)
    if not old:
        raise Unfit("cannot replace empty text")
    if len(new) > len(old):
        fits(len(text) + text.count(old) * (len(new) - len(old)))
    return text.replace(old, new)


def split(x: Any, sep: Any) -> list[str]:
    """The parts between separators."""
    text, sep = as_text(x), as_text(sep)
    if not sep:
        raise Unfit("cannot split at empty text")
    parts = text.count(sep) + 1
    if parts > MANY_ITEMS:
        raise Unfit(f"more than {MANY_ITEMS} parts")
    charge(16 * parts)
    return text.split(sep)


def join(x: Any, separator: Any = "") -> str:
    """A list as one text."""
    parts, sep = as_list(x), as_text(separator)
    charge(len(parts))
    texts = [text_of(part) for part in parts]
    fits(sum(map(len, texts)) + len(sep) * max(len(texts) - 1, 0))
    return sep.join(texts)


def strip_prefix(x: Any, prefix: Any) -> str:
    """Without the prefix, if it has it."""
    return as_text(x).removeprefix(as_text(prefix))


def strip_suffix(x: Any, suffix: Any) -> str:
    """Without the suffix, if it has it."""
    return as_text(x).removesuffix(as_text(suffix))


def whole_number(x: Any) -> int:
    """A whole number: of a number what is before the point."""
    if is_number(x):
        return int(x)
    if type(x) is str and re.fullmatch(r"\s*[+-]?[0-9]{1,19}\s*", x):
        return int(x)
    raise Unfit("takes a number, or text that is a whole number")


def length(x: Any) -> int:
    """How many characters, bytes, items or entries."""
    if isinstance(x, str | bytes | list | tuple | Mapping):
        return len(x)
    raise Unfit(f"takes text, bytes, a list or a map, got {kind(x)}")


def canonical(map_: Any, pair: Any = ":", end: Any = "\n", prefix: Any = "") -> str:
    """Names lower-case and sorted, values trimmed, those of one name comma-joined: the base of many signatures."""
    if not isinstance(map_, Mapping):
        raise Unfit(f"takes a map, got {kind(map_)}")
    if len(map_) > MANY_ITEMS:
        raise Unfit(f"more than {MANY_ITEMS} names")
    charge(40 * sum(len(value) if isinstance(value, list | tuple) else 1 for value in map_.values()))
    pair, end, prefix = as_text(pair), as_text(end), as_text(prefix).lower()
    gathered: dict[str, list[str]] = {}
    for name, value in map_.items():
        if (lower := as_text(name).lower()).startswith(prefix):
            values = value if isinstance(value, list | tuple) else [value]
            gathered.setdefault(lower, []).extend(text_of(one).strip() for one in values)
    lines = [(name, ",".join(values)) for name, values in sorted(gathered.items())]
    fits(sum(len(name) + len(value) + len(pair) + len(end) for name, value in lines))
    return "".join(f"{name}{pair}{value}{end}" for name, value in lines)


def sorted_pairs(map_: Any, pair: Any = "=", separator: Any = "&") -> str:
    """Names as they are written, sorted by their characters; a name that is there several times once for each value, sorted, too."""
    if not isinstance(map_, Mapping):
        raise Unfit(f"takes a map, got {kind(map_)}")
    pair, separator = as_text(pair), as_text(separator)
    if sum(len(value) if isinstance(value, list | tuple) else 1 for value in map_.values()) > MANY_ITEMS:
        raise Unfit(f"more than {MANY_ITEMS} names")
    pairs = [(as_text(name), text_of(one)) for name, value in map_.items() for one in (value if isinstance(value, list | tuple) else [value])]
    charge(40 * len(pairs))
    fits(sum(len(name) + len(value) + len(pair) + len(separator) for name, value in pairs))
    return str(separator).join(f"{name}{pair}{value}" for name, value in sorted(pairs))

"""`name=value&name=value`, as queries and forms write it; what is not asked for stays as it is, byte for byte.

Names are compared decoded (`+` and `%XX`), as a server reads them: WHATWG URL §5.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from urllib.parse import unquote_to_bytes


def has(pairs: bytes, name: str) -> bool:
    """Is there a pair of this name?"""
    wanted = name.encode()
    return any(_name(pair) == wanted for pair in pairs.split(b"&") if pair)


def written(pairs: bytes, name: str, values: Iterable[str], quote: Callable[[str], str]) -> bytes:
    """The pairs with these values under the name: in the place of the first that had it, else at the end."""
    wanted = name.encode()
    fresh = [f"{quote(name)}={quote(value)}".encode() for value in values]
    kept: list[bytes] = []
    for pair in pairs.split(b"&") if pairs else ():
        if not pair or _name(pair) != wanted:
            kept.append(pair)
        else:
            kept += fresh
            fresh = []
    return b"&".join([*kept, *fresh])


def _name(pair: bytes) -> bytes:
    return unquote_to_bytes(pair.partition(b"=")[0].replace(b"+", b" "))

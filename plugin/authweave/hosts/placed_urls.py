"""What a profile put into a URL, in one that a server leads to: servers repeat queries and paths."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING
from urllib.parse import unquote, unquote_plus, urlsplit

if TYPE_CHECKING:
    from authweave.values import TaskRequest


def has_placed_path(url: str, plain: TaskRequest, sent: TaskRequest) -> bool:
    """Does the path of a URL repeat what was filled into that of the request?"""
    return plain.path_template and not (_segments(sent.url) - _segments(plain.url)).isdisjoint(_segments(url))


def without_placed(url: str, plain: str, sent: str) -> str:
    """The URL without the parts of its query that made `sent` of `plain`."""
    before, _, rest = url.partition("?")
    query, mark, fragment = rest.partition("#")
    added = Counter(map(unquote_plus, _parts(sent))) - Counter(map(unquote_plus, _parts(plain)))
    left = "&".join(part for part in query.split("&") if unquote_plus(part) not in added)
    return url if left == query else before + ("?" if left else "") + left + mark + fragment


def _parts(url: str) -> list[str]:
    return [part for part in url.partition("#")[0].partition("?")[2].split("&") if part]


def _segments(url: str) -> set[str]:
    return {unquote(segment) for segment in urlsplit(url).path.split("/") if segment}

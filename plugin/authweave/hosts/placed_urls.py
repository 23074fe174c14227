"""What a profile put into a URL, in one that a server leads to: servers repeat queries and paths."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING
from urllib.parse import unquote, unquote_plus, urlsplit

from authweave.applying.placed_secrets import Sought, filled_segments, placed_at, placed_secrets, template_of
from authweave.applying.redirected import template_again
from authweave.errors import OriginRefused

if TYPE_CHECKING:
    from authweave.values import TaskRequest


def refuse_repeated(url: str, sent: TaskRequest) -> None:
    """OriginRefused for a URL of another origin that repeats what a profile put into the request that led there. `sent`: as `authorize` finished it."""
    made = sent.made_from
    if not filled_segments(made.request, made.sent).isdisjoint(_segments(url)):
        raise OriginRefused("a redirect repeats what the profile put into the path, and leads to another origin; it was not followed")
    if Sought((*placed_secrets(made.request, made.sent), *made.sent.secrets())).stands_in(url):
        raise OriginRefused("a redirect repeats what the profile added, and leads to another origin; it was not followed")


def led_to(url: str, sent: TaskRequest) -> tuple[str, bool]:
    """The URL of a redirect on the same origin, and whether it holds placeholders: it does where it repeats what filled them."""
    made = sent.made_from
    if not placed_at(made.sent, "path"):
        return url, False
    again = template_again(url, template_of(made.request, made.sent), sent.url)
    return again or url, again is not None


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

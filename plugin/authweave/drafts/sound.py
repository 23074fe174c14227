"""What goes into a request past its fields: the task request itself, and what a seal writes.

A caller's own headers may hold what HTTP has always let pass (bytes beyond ASCII); what can end a line or a message may not
stand anywhere. What a seal wrote is held to the rules of a field.
"""

from __future__ import annotations

import re
from functools import lru_cache
from operator import itemgetter
from typing import Final

from authweave.drafts.header_fields import header_text, is_token
from authweave.errors import PlacementError
from authweave.values import TaskRequest

_NAME: Final = itemgetter(0)
_VALUE: Final = itemgetter(1)
_is_name: Final = lru_cache(maxsize=1024)(is_token)
_NOT_IN_HEADERS: Final = re.compile(r"[^\t\x20-\x7e\x80-\xff]")
_NOT_IN_URL: Final = re.compile(r"[\x00-\x20\x7f-\x9f\ud800-\udfff]")


def refuse_unsound(request: TaskRequest) -> None:
    """PlacementError, which quotes nothing, for a method, URL or header field that could not be sent as it is."""
    headers = request.headers
    if not _is_name(request.method):
        raise PlacementError("the method of the request is no HTTP method (RFC 9110 §9.1)")
    if (" " in request.url or not _is_plain(request.url)) and (found := _NOT_IN_URL.search(request.url)):
        raise PlacementError(f"the URL of the request has a blank, a control character or half a character at character {found.start() + 1} of {len(request.url)}; percent-encode it")
    if not all(map(_is_name, map(_NAME, headers))):
        raise PlacementError("a header of the request has a name that is none (RFC 9110 §5.6.2)")
    values = "".join(map(_VALUE, headers))
    if not _is_plain(values) and _NOT_IN_HEADERS.search(values):
        name = next(name for name, value in headers if _NOT_IN_HEADERS.search(value))
        raise PlacementError(f"the value of header {name} of the request has a line break, another control character or one beyond Latin-1")


def _is_plain(text: str) -> bool:
    """Is it printable ASCII? The two questions cost nothing beside a search, and most texts are."""
    return text.isascii() and text.isprintable()


def refuse_unsound_seal(before: TaskRequest, sealed: TaskRequest) -> None:
    """The same for what a seal changed: PlacementError for a field that could not be placed either."""
    for name, value in set(sealed.headers).difference(before.headers):
        header_text(name, value)
    if sealed.url != before.url and _NOT_IN_URL.search(sealed.url):
        raise PlacementError("the signed URL has a blank, a control character or half a character")

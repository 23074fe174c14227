"""What a profile put into a request, as texts: what a redirect to another origin must not repeat."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, quote_plus, unquote, unquote_plus, urlsplit

from authweave.applying.targets import target_of

if TYPE_CHECKING:
    from authweave.applying.flow import Sent
    from authweave.drafts.draft import Placed
    from authweave.values import TaskRequest

LEAST_SOUGHT: Final = 8
"""Characters of a secret that is looked for anywhere in a URL; a shorter one could stand there by chance."""

_SEPARATE: Final = "; "
_MOST_DECODED: Final = 4


def placed_at(sent: Sent, place: str) -> list[Placed]:
    """What was put into one place."""
    return [one for one in sent.placed if one.place == place]


def placed_pairs(sent: Sent, fields: Iterable[Placed]) -> list[str]:
    """What was put into the query, decoded (`key=value`): a redirect may repeat it."""
    keys = {one.key for one in fields}
    pairs = urlsplit(sent.request.url).query.split("&") if keys else []
    return [unquote_plus(pair) for pair in pairs if unquote_plus(pair.partition("=")[0]) in keys]


def filled_segments(task: TaskRequest, sent: Sent) -> set[str]:
    """The segments of the path that hold a secret which was filled in, and others that were."""
    if not any(one.secret for one in placed_at(sent, "path")):
        return set()
    return _segments(sent.request.url) - _segments(template_of(task, sent))


def template_of(task: TaskRequest, sent: Sent) -> str:
    """The URL of a request before its placeholders were filled."""
    return target_of(task, sent.credential.connection.servers(sent.scope))[0]


def placed_secrets(task: TaskRequest, sent: Sent) -> frozenset[str]:
    """The secret values among what was put in, wherever; those that are too short to be looked for are left out."""
    found = {*filled_segments(task, sent), *_of_headers(sent), *_of_cookies(sent), *_of_payload(sent)}
    found.update(map(_value, placed_pairs(sent, (one for one in placed_at(sent, "query") if one.secret))))
    return frozenset(text for text in found if len(text) >= LEAST_SOUGHT)


def holds_one(target: str, secrets: Iterable[str]) -> bool:
    """Does a URL, or a part of one, hold one of them, also where a whole URL was encoded to be a part of this one?"""
    text = target
    for _ in range(_MOST_DECODED):
        if any(secret in text or secret in text.replace("+", " ") for secret in secrets):
            return True
        if (decoded := unquote(text)) == text:
            return False
        text = decoded
    return False


def _of_headers(sent: Sent) -> Iterator[str]:
    """Whole, and without the word before it (`Bearer`); of Basic the password, too."""
    for one in placed_at(sent, "header"):
        if one.secret:
            whole = sent.request.header(one.key) or ""
            word, _, value = whole.rpartition(" ")
            yield from (whole, value)
            if word.lower() == "basic":
                yield _password(value)


def _password(basic: str) -> str:
    try:
        return base64.b64decode(basic, validate=True).decode("utf-8", "replace").partition(":")[2]
    except binascii.Error:
        return ""


def _of_cookies(sent: Sent) -> Iterator[str]:
    names = {one.key for one in placed_at(sent, "cookie") if one.secret}
    for pair in (sent.request.header("Cookie") or "").split(_SEPARATE) if names else ():
        if pair.partition("=")[0] in names:
            yield _value(pair)


def _of_payload(sent: Sent) -> Iterator[str]:
    """The secrets that the request was made from, as far as they stand in its body."""
    body = sent.request.body or b""
    for text in (secret.reveal() for secret in sent.secrets()) if any(one.secret for one in placed_at(sent, "payload")) else ():
        if isinstance(text, str) and any(way.encode("utf-8", "replace") in body for way in _written(text)):
            yield text


def _written(text: str) -> Iterator[str]:
    """A text as bodies hold it: as it is, in JSON, in a form, in XML."""
    yield from (text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], quote_plus(text), quote(text, safe=""))
    yield text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _value(pair: str) -> str:
    return pair.partition("=")[2]


def _segments(url: str) -> set[str]:
    return {unquote(segment) for segment in urlsplit(url).path.split("/") if segment}

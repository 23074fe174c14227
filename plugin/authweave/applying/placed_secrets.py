"""What a profile put into a request, as texts: what a redirect to another origin must not repeat."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, unquote_plus, urlsplit

from authweave.applying.targets import target_of
from authweave.values import Secret

if TYPE_CHECKING:
    from authweave.applying.sent import Sent
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
    """The secret values among what was put into head and URL; those that are too short to be looked for are left out.

    What they were made from (`sent.secrets()`) may be repeated, too: a key in the middle of a field or in a body, the password of Basic.
    """
    found = {*filled_segments(task, sent), *_of_headers(sent), *_of_cookies(sent)}
    found.update(map(_value, placed_pairs(sent, (one for one in placed_at(sent, "query") if one.secret))))
    return frozenset(text for text in found if len(text) >= LEAST_SOUGHT)


class Sought:
    """Secrets that are looked for in texts that go elsewhere; what is shorter than `LEAST_SOUGHT` is not."""

    def __init__(self, secrets: Iterable[Secret | str]) -> None:
        from authweave.redaction import Redactor

        long = [one for one in secrets if (one.length if isinstance(one, Secret) else len(one)) >= LEAST_SOUGHT]
        self._known = Redactor(("secret", one) for one in long) if long else None

    def stands_in(self, text: str) -> bool:
        """Does a URL, or another text, hold one: as it is, percent-encoded (several times), in base64 wherever it begins, in hex, in another case?"""
        known = self._known
        if known is None:
            return False
        return any(known.redact(each, whole=True) != each for reading in _readings(text) for each in {reading, reading.replace("+", " ")})


def _readings(url: str) -> list[str]:
    """The URL, and what is left of it each time that it is decoded: one that is a parameter of another is encoded once more."""
    found = [url]
    while len(found) <= _MOST_DECODED and (decoded := unquote(found[-1])) != found[-1]:
        found.append(decoded)
    return found


def _of_headers(sent: Sent) -> Iterator[str]:
    """Whole, and without the word before it (`Bearer`)."""
    for one in placed_at(sent, "header"):
        if one.secret:
            whole = sent.request.header(one.key) or ""
            yield from (whole, whole.rpartition(" ")[2])


def _of_cookies(sent: Sent) -> Iterator[str]:
    names = {one.key for one in placed_at(sent, "cookie") if one.secret}
    for pair in (sent.request.header("Cookie") or "").split(_SEPARATE) if names else ():
        if pair.partition("=")[0] in names:
            yield _value(pair)


def _value(pair: str) -> str:
    return pair.partition("=")[2]


def _segments(url: str) -> set[str]:
    return {unquote(segment) for segment in urlsplit(url).path.split("/") if segment}

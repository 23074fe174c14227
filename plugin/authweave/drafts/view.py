"""A draft as templates see it: the namespace `request`, computed when it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

from authweave.errors import PlacementError
from authweave.lazy import AnyCase

if TYPE_CHECKING:
    from authweave.drafts.draft import Draft

_PORTS: Final = {"http": 80, "https": 443}


class DraftView(Mapping[str, Any]):
    """`method`, `url`, `scheme`, `host`, `port`, `path`, `query`, `query_string`, `headers`, `body`.

    `query` maps a name to its text, or to a list where it is repeated; `query_string` is as it stands in the URL. The
    headers have Host, which every client writes. `body` is empty bytes for no body, and null for a streamed one. Raises PlacementError if the URL cannot be read.
    """

    __slots__ = ("_draft",)

    def __init__(self, draft: Draft) -> None:
        self._draft = draft

    def __getitem__(self, name: str) -> Any:
        return _PARTS[name](self._draft)

    def __iter__(self) -> Iterator[str]:
        return iter(_PARTS)

    def __len__(self) -> int:
        return len(_PARTS)


def _split(draft: Draft) -> SplitResult:
    try:
        split = urlsplit(draft.url)
        split.port  # noqa: B018 - asking for it checks it
    except ValueError:
        split = None
    if split is None:
        raise PlacementError("the URL of the request cannot be read")
    return split


def _port(draft: Draft) -> int | None:
    split = _split(draft)
    return split.port or _PORTS.get(split.scheme)


def _query(draft: Draft) -> dict[str, str | list[str]]:
    gathered: dict[str, list[str]] = {}
    for name, value in parse_qsl(_split(draft).query, keep_blank_values=True):
        gathered.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in gathered.items()}


def _headers(draft: Draft) -> AnyCase:
    sent = draft.sent_headers()
    if not any(name.lower() == "host" for name, _ in sent):
        sent = [("Host", _host_field(draft)), *sent]
    return AnyCase(tuple(sent))


def _host_field(draft: Draft) -> str:
    """Host as clients write it: in lower case, the port where it is not the scheme's own (RFC 9110 §7.2)."""
    split = _split(draft)
    name = split.netloc.rpartition("@")[2].lower()
    return name.removesuffix(f":{_PORTS[split.scheme]}") if split.scheme in _PORTS else name


_PARTS: Final[Mapping[str, Callable[[Draft], Any]]] = {
    "method": lambda draft: draft.method,
    "url": lambda draft: draft.url,
    "scheme": lambda draft: _split(draft).scheme,
    "host": lambda draft: _split(draft).hostname,
    "port": _port,
    "path": lambda draft: _split(draft).path or "/",
    "query": _query,
    "query_string": lambda draft: _split(draft).query,
    "headers": _headers,
    "body": lambda draft: None if draft.streamed else draft.body or b"",
}

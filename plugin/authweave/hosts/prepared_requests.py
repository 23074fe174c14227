"""Between the requests of `requests` and ours, in both directions."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from io import BytesIO
from typing import Any, Final

import requests
from requests.utils import rewind_body
from urllib3.exceptions import HTTPError
from urllib3.response import HTTPResponse

from authweave.errors import UrlRefused
from authweave.hosts.path_templates import with_path
from authweave.hosts.placed_urls import without_placed
from authweave.net.inflate import MOST_WHOLE, inflated_whole
from authweave.urls import Origin
from authweave.values import TaskRequest, TaskResponse

Headers = Iterable[tuple[str, str]]

STREAMED: Final = object()
MOST_DRAINED: Final = 65536
"""Bytes of a streamed refusal that are read so that its connection can be used again."""


def task_of(request: requests.PreparedRequest, path: str | None = None) -> TaskRequest:
    """The request as it stands. `path` is a template that stands for its path; a body that is not at hand is `streamed`."""
    headers = tuple((name, _text(value)) for name, value in request.headers.items())
    content = content_of(request.body)
    if content is None and "content-type" in request.headers:
        content = b""  # an empty body of a kind: fields of a payload may go into it
    url = (request.url or "").partition("#")[0]
    return TaskRequest(
        method=request.method or "GET", url=url if path is None else with_path(url, path), headers=headers,
        body=None if content is STREAMED else content, streamed=content is STREAMED, path_template=path is not None,
    )  # fmt: skip


def content_of(body: Any) -> Any:
    """The bytes that will be sent, None for no body, or STREAMED: they come when they are sent."""
    if body is None or isinstance(body, bytes):
        return body
    if isinstance(body, str):
        return body.encode("utf-8")
    return bytes(body) if isinstance(body, bytearray | memoryview) else STREAMED


def write(request: requests.PreparedRequest, before: TaskRequest, after: TaskRequest) -> None:
    """Change the request, which is as `before` says, into `after`; what is the same in both is left as it is."""
    if after.url != before.url:
        _, mark, fragment = (request.url or "").partition("#")
        request.url = after.url + mark + fragment
    for name in {name.lower(): name for name, _ in (*before.headers, *after.headers)}.values():
        wanted = values(after.headers, name)
        if wanted == values(before.headers, name):
            continue
        if wanted:
            request.headers[name] = _as_one(name, wanted)
        else:
            request.headers.pop(name, None)
    if not after.streamed and ((after.body or None) != (before.body or None) or isinstance(request.body, str)):
        request.body = after.body or None


def take_out(request: requests.PreparedRequest, plain: TaskRequest, sent: TaskRequest) -> None:
    """Take out of a request that came from `sent` what makes it differ from `plain`; what was changed since stays."""
    for name in {name.lower() for name, _ in (*plain.headers, *sent.headers)}:
        placed = values(sent.headers, name)
        if placed == (own := values(plain.headers, name)) or not placed or _text(request.headers.get(name, "")) not in (*placed, _as_one(name, placed)):
            continue
        del request.headers[name]
        if own:
            request.headers[name] = _as_one(name, own)
    request.url = without_placed(request.url or "", plain.url, sent.url)
    if request.body is not None and not sent.streamed and has_payload(plain, sent):
        request.body = plain.body or None


def has_payload(plain: TaskRequest, sent: TaskRequest) -> bool:
    """Was something put into the body?"""
    return (plain.body or None) != (sent.body or None)


def is_same(plain: TaskRequest, sent: TaskRequest) -> bool:
    """Was nothing put in at all?"""
    return (plain.url, plain.headers) == (sent.url, sent.headers) and not has_payload(plain, sent)


def shown(response: requests.Response, plain: TaskRequest, sent: TaskRequest) -> str:
    """The URL of an answer without what was placed into it: it goes into messages. The path of a redirect stays, for
    addresses that are relative to it."""
    if not plain.path_template or response.is_redirect:
        return without_placed(response.url, plain.url, sent.url)
    return plain.url


def origin_of(url: str | None) -> Origin | None:
    """The origin of a URL; None for one that no credential could go to."""
    try:
        return Origin.of((url or "").partition("#")[0])
    except UrlRefused:
        return None


def can_repeat(request: requests.PreparedRequest) -> bool:
    """Can the body be sent again? One that is at hand can, and a file that can be rewound."""
    if content_of(request.body) is not STREAMED:
        return True
    if not isinstance(request._body_position, int) or not hasattr(request.body, "seek"):
        return False
    return bool(getattr(request.body, "seekable", lambda: True)())


def rewind(request: requests.PreparedRequest) -> None:
    """Put the body back to where it began. Raises UnrewindableBodyError (of requests)."""
    if content_of(request.body) is STREAMED:
        rewind_body(request)


def answer_of(response: requests.Response, body: bytes | None = None) -> TaskResponse:
    """The answer in neutral form, each header as often as it came."""
    raw = getattr(response.raw, "headers", None)
    headers = raw if raw is not None and hasattr(raw, "getlist") else response.headers
    return TaskResponse(response.status_code, tuple((str(name), str(value)) for name, value in headers.items()), body)


def body_of(response: requests.Response, *, stream: bool) -> bytes | None:
    """The body, decoded. The caller can read it again in whatever way: `raw`, too, where it is streamed. None for one that
    cannot be decoded, or is too large. Raises what reading it raises."""
    raw = response.raw
    if not stream or response._content_consumed or not isinstance(raw, HTTPResponse):
        return bytes(response.content) if len(response.content) <= MOST_WHOLE else None
    try:
        kept = raw.read(decode_content=False)
    except HTTPError as error:
        raise requests.exceptions.ChunkedEncodingError(error, request=response.request) from error
    response.raw = HTTPResponse(
        body=BytesIO(kept), headers=raw.headers, status=raw.status, version=raw.version, reason=raw.reason, preload_content=False,
        decode_content=False, original_response=raw._original_response,
    )  # fmt: skip
    return inflated_whole(kept, raw.headers.getlist("content-encoding"))


def drain(response: requests.Response, *, stream: bool) -> None:
    """Read what is left, so that the connection can be used again. Of a stream, which may be long, only what is short."""
    length = response.headers.get("content-length", "")
    if not stream or (length.isdecimal() and int(length) <= MOST_DRAINED):
        with contextlib.suppress(requests.RequestException, RuntimeError):
            response.content  # noqa: B018 - a property that reads
    response.close()


def values(headers: Headers, name: str) -> list[str]:
    """Every value of a header, whatever its case."""
    return [value for other, value in headers if other.lower() == name.lower()]


def _as_one(name: str, values: list[str]) -> str:
    """Several header fields of a name as the one that requests can send: RFC 9110 §5.3, RFC 6265 §5.4."""
    return ("; " if name.lower() == "cookie" else ", ").join(values)


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value

"""One request and its answer over an open link: RFC 9112."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import httpcore

from authweave.errors import AnswerTooLarge, PlacementError, ProtocolFailure
from authweave.net.inflate import inflated
from authweave.net.journey import Journey
from authweave.net.opening import Link
from authweave.net.streams import Tap
from authweave.net.target import RawHeaders, Target
from authweave.net.tls_failures import detail_of, tls_failure
from authweave.net.tunnel import refused
from authweave.net.values import Headers, Reply

_MOST_HEAD_BYTES = httpcore.HTTP11Connection.MAX_INCOMPLETE_EVENT_SIZE
_MOST_BEFORE_BODY = 2 * _MOST_HEAD_BYTES
"""Bytes of an answer before its body: interim answers (1xx) and the headers, and what of the body came with them."""
_MOST_FRAMING = 8
"""Bytes on the wire for each one of the body that is wanted: a chunk of one byte needs six."""
_STATUS_LINE = b"HTTP/"
_TLS_RECORD = (b"\x15\x03", b"\x16\x03")


@dataclass(frozen=True, slots=True)
class Order:
    """A checked request, and how much of its answer is wanted."""

    method: bytes
    target: Target
    headers: RawHeaders
    body: bytes | None
    cap: int
    truncate: bool


def exchange(order: Order, link: Link, journey: Journey, *, speaks_tls: Callable[[], bool]) -> Reply:
    """Send the request and read its answer, redirects included: they are never followed. Raises WireErrors.

    `speaks_tls` is asked when plain HTTP got no answer at all.
    """
    tap = Tap(link.stream, journey.elapsed, lambda received: _bear(received, order, journey))
    broken: ssl.SSLError | None = None
    head: httpcore.Response | None = None
    try:
        spoken = _spoken(order, link, tap)
        head = _head(order, link, tap, journey, spoken)
        return _reply(order, link, head, tap, journey, spoken)
    except httpcore.LocalProtocolError:
        pass
    except ProtocolFailure as failure:
        if failure.detail == "reset" and _is_for_tls(order, tap, speaks_tls):
            raise tls_failure("http_on_tls_port", order.target) from None
        raise
    except httpcore.RemoteProtocolError:
        if _is_for_tls(order, tap, speaks_tls):
            raise tls_failure("http_on_tls_port", order.target) from None
        raise _not_http(head, tap, journey) from None
    except ssl.SSLError as error:
        broken = error
    if broken is not None:
        detail = detail_of(broken, seen=b"", finished=True, shown=link.way.trust.client is not None)
        raise tls_failure(detail, order.target, broken)
    raise PlacementError("the request cannot be written as HTTP/1.1")


def _bear(received: int, order: Order, journey: Journey) -> None:
    """Endless interim answers, or chunks that are all extension, would else go on until the deadline. Raises WireError."""
    if journey.stage == "body":
        if received > _MOST_BEFORE_BODY + _MOST_FRAMING * order.cap:
            raise _too_large(order)
    elif received > _MOST_BEFORE_BODY:
        raise _too_much_head(journey)


def _too_much_head(journey: Journey) -> ProtocolFailure:
    message = f"{journey.host} sent more than {_MOST_BEFORE_BODY // 1024} KiB of headers and interim answers"
    return ProtocolFailure(message, stage=journey.stage, host=journey.host, detail="headers_too_large")


def _spoken(order: Order, link: Link, tap: Tap) -> httpcore.HTTP11Connection:
    return httpcore.HTTP11Connection(_addressed(order, link)[0].origin, tap)


def _head(order: Order, link: Link, tap: Tap, journey: Journey, spoken: httpcore.HTTP11Connection) -> httpcore.Response:
    journey.enter("send")

    def step(name: str, _: Mapping[str, object]) -> None:
        if name == "http11.receive_response_headers.started":
            journey.reached("sent", bytes=tap.sent)
            journey.enter("headers")

    url, headers = _addressed(order, link)
    body = order.body or b""
    request = httpcore.Request(order.method, url, headers=headers, content=body, extensions={"trace": step})
    head = spoken.handle_request(request)
    if head.status == 407 and link.way.proxy is not None:
        raise refused(407, link.way.proxy, order.target)
    journey.reached("headers", status=head.status, first_byte=tap.first_at)
    journey.enter("body")
    return head


def _addressed(order: Order, link: Link) -> tuple[httpcore.URL, RawHeaders]:
    """Origin form, or absolute form for a proxy that is spoken to in clear text: RFC 9112 §3.2."""
    target, proxy = order.target, link.way.proxy
    path, headers = target.path, order.headers
    if proxy is not None and target.scheme == "http":
        path, headers = f"http://{target.host_field}{target.path}", [*order.headers, *proxy.headers()]
    return httpcore.URL(scheme=target.scheme, host=target.host, port=target.port, target=path), headers


def _reply(
    order: Order, link: Link, head: httpcore.Response, tap: Tap, journey: Journey, spoken: httpcore.HTTP11Connection
) -> Reply:
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in head.headers)
    body, truncated = _body(order, head, headers, journey)
    journey.reached("body", bytes=len(body), received=tap.received, truncated=truncated)
    return Reply(
        status=head.status,
        reason=head.extensions["reason_phrase"].decode("latin-1"),
        http_version=head.extensions["http_version"].decode("ascii"),
        headers=headers,
        body=body,
        truncated=truncated,
        address=link.address,
        tls=link.tls,
        proxy=str(link.way.proxy) if link.way.proxy else None,
        stages=tuple(journey.passed),
        is_followed=_is_followed(head, spoken),
    )


def _is_followed(head: httpcore.Response, spoken: httpcore.HTTP11Connection) -> bool:
    """Did more come than the answer, or is it framed in two ways (RFC 9112 §6.3)? What cannot be looked up counts as so."""
    names = {name.lower() for name, _ in head.headers}
    if {b"content-length", b"transfer-encoding"} <= names:
        return True
    rest, _ = getattr(getattr(spoken, "_h11_state", None), "trailing_data", (b"?", False))
    return bool(rest)


def _body(order: Order, head: httpcore.Response, headers: Headers, journey: Journey) -> tuple[bytes, bool]:
    codings = [value for name, value in headers if name.lower() == "content-encoding"]
    collected = bytearray()
    for piece in inflated(head.iter_stream(), codings, host=order.target.host):
        journey.remaining()  # very many pieces may have come with one read
        collected += piece
        if len(collected) > order.cap:
            head.close()
            return _cut(collected, order), True
    return bytes(collected), False


def _cut(collected: bytearray, order: Order) -> bytes:
    if order.truncate:
        return bytes(memoryview(collected)[: order.cap])
    raise _too_large(order)


def _too_large(order: Order) -> AnswerTooLarge:
    host = order.target.host
    return AnswerTooLarge(f"the answer of {host} is larger than {order.cap} bytes", stage="body", host=host)


def _is_for_tls(order: Order, tap: Tap, speaks_tls: Callable[[], bool]) -> bool:
    """Was plain HTTP spoken to a TLS port? Some say so in a TLS alert, others just hang up."""
    if order.target.scheme != "http":
        return False
    return tap.head.startswith(_TLS_RECORD) or (tap.received == 0 and speaks_tls())


def _not_http(head: httpcore.Response | None, tap: Tap, journey: Journey) -> ProtocolFailure:
    """Why the bytes that came are not an answer. They are never quoted: a server may echo the request."""
    detail, words = _broken_body(head, tap) if head else _broken_head(tap)
    return ProtocolFailure(f"{journey.host} {words}", stage=journey.stage, host=journey.host, detail=detail)


def _broken_head(tap: Tap) -> tuple[str, str]:
    if tap.received == 0:
        return "no_answer", "ended the connection without an answer; it may have acted on the request"
    if not tap.head.startswith(_STATUS_LINE):
        return "garbage", "answered with something that is not HTTP/1.1"
    if tap.ended:
        return "truncated", "ended the connection in the middle of the headers of its answer"
    if tap.received > _MOST_HEAD_BYTES:
        return "headers_too_large", f"sent more than {_MOST_HEAD_BYTES // 1024} KiB of headers"
    return "garbage", "answered with something that is not HTTP/1.1"


def _broken_body(head: httpcore.Response, tap: Tap) -> tuple[str, str]:
    announced = next((value for name, value in head.headers if name.lower() == b"content-length"), None)
    if not tap.ended:
        return "garbage", "sent a body that is not framed as HTTP/1.1 wants it"
    if announced is None:
        return "truncated", "ended the connection in the middle of the body of its answer"
    return "content_length", f"announced a body of {int(announced)} bytes and ended the connection before its end"

"""Between httpx's requests and ours. Works on httpx and httpx2 alike: the request's own classes are used."""

from __future__ import annotations

import contextlib
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, unquote_plus, urlsplit

from authweave.applying import STRAYED
from authweave.errors import UsageError
from authweave.net.inflate import inflated_whole
from authweave.redirect_guard import RedirectGuard
from authweave.targets import target_of
from authweave.url_logs import hide_in_logs
from authweave.values import Judgement, TaskRequest, TaskResponse

if TYPE_CHECKING:
    from authweave.applying import Sent

EXTENSION: Final = "authweave"

_log = logging.getLogger("authweave")


def task_of(request: Any) -> TaskRequest:
    """The request as it stands. A body that has not been read is `streamed`."""
    content = content_of(request)
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw)
    has_body = bool(content) or any(name.lower() == "content-type" for name, _ in headers)
    template = _path_template(request)
    return TaskRequest(
        method=request.method,
        url=template or str(request.url),
        headers=headers,
        body=content if has_body else None,
        streamed=content is None,
        path_template=template is not None,
    )


def rewritten(request: Any, sent: Sent) -> Any:
    """The request with what was placed: changed in place, or a new one where its body changed."""
    finished = sent.request
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in finished.headers]
    if not finished.streamed and (finished.body or b"") != (content_of(request) or b""):
        extensions = dict(request.extensions)
        return type(request)(request.method, finished.url, headers=headers, content=finished.body or b"", extensions=extensions)
    request.headers = type(request.headers)(headers)
    if str(request.url) != finished.url:
        request.url = type(request.url)(finished.url)
    return request


def guarded(request: Any, task: TaskRequest, sent: Sent, colour: str) -> Any:
    """The request with the redirect guard in its `trace` extension, around a trace of the caller's own. `task`: as it was before."""
    own = request.extensions.get("trace")
    names = [placed.key if placed.place == "header" else "Cookie" for placed in sent.placed if placed.place in ("header", "cookie")]
    url = request.url
    hide_in_logs(str(url), sent.placed)
    guard = RedirectGuard(
        url.scheme, url.raw_host, url.port, names,
        has_payload=any(placed.place == "payload" for placed in sent.placed), pairs=_placed_pairs(sent), segments=_filled_segments(task, sent),
        then=own,
    )  # fmt: skip
    if (before := guard_of(request)) is not None:
        guard.succeed(before)
    request.extensions["trace"] = getattr(guard, colour)
    return request


def _placed_pairs(sent: Sent) -> list[str]:
    """What was put into the query, decoded: a redirect may repeat it."""
    keys = {placed.key for placed in sent.placed if placed.place == "query"}
    pairs = urlsplit(sent.request.url).query.split("&") if keys else []
    return [unquote_plus(pair) for pair in pairs if unquote_plus(pair.partition("=")[0]) in keys]


def _filled_segments(task: TaskRequest, sent: Sent) -> set[str]:
    """The segments of the path that hold a secret which was filled in, and others that were."""
    if not any(placed.place == "path" and placed.secret for placed in sent.placed):
        return set()
    template, _ = target_of(task, sent.credential.connection.servers(sent.scope))
    return _segments(sent.request.url) - _segments(template)


def _segments(url: str) -> set[str]:
    return {unquote(segment) for segment in urlsplit(url).path.split("/") if segment}


def guard_of(request: Any) -> RedirectGuard | None:
    """The guard that sits in a request."""
    holder = getattr(request.extensions.get("trace"), "__self__", None)
    return holder if isinstance(holder, RedirectGuard) else None


def strayed(response: Any, request: Any) -> Judgement | None:
    """The verdict on the answer of another origin, which a redirect led to and which got no credential."""
    if not response.history or _origin(response.request.url) == _origin(request.url):
        return None
    if (guard := guard_of(request)) is not None and not guard.was_called:
        _log.warning(
            "the transport of this client has no `trace`, so a redirect may have carried what the profile added to another "
            "origin: use the connection's own client(), or do not follow redirects"
        )
    return STRAYED


def moved_to(response: Any, request: Any, sent: Sent) -> Any:
    """The request that a redirect made on the same server, and that was refused: what is sealed is sealed for one URL, and
    has to be made for this one. None for any other answer."""
    moved = response.request
    if sent.signing is None or response.status_code not in (400, 401, 403) or moved.url == request.url:
        return None
    if any(_origin(hop.url) != _origin(request.url) for hop in (moved, *(before.request for before in response.history))):
        return None  # nor where another origin chose the URL: it would be signed in its name
    if type(moved.stream).__name__ == "ByteStream":  # bytes that httpx handed on from the request before, and has not read here
        moved.read()
    return moved


def without_placed(task: TaskRequest, sent: Sent) -> TaskRequest:
    """The request without the headers that were put into the one before it."""
    names = {placed.key.lower() for placed in sent.placed if placed.place == "header"}
    return replace(task, headers=tuple(header for header in task.headers if header[0].lower() not in names))


def answer_of(response: Any, body: bytes | None = None, *, with_peer: bool = False) -> TaskResponse:
    """The answer: status, headers, the body where it was read, and (`with_peer`) the server's certificate where it is at hand."""
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers.raw)
    return TaskResponse(response.status_code, headers, body, _certificate_of(response) if with_peer else None)


def _certificate_of(response: Any) -> bytes | None:
    """What the server showed in the handshake, in DER form."""
    stream = response.extensions.get("network_stream")
    session = stream.get_extra_info("ssl_object") if stream is not None else None
    encoded: bytes | None = session.getpeercert(True) if session is not None else None  # TLS within TLS takes no keywords
    return encoded


def content_at_hand(response: Any) -> bytes | None:
    """The decoded body, if somebody has read it already."""
    try:
        return bytes(response.content)
    except Exception as error:
        if type(error).__name__ == "ResponseNotRead":
            return None
        raise


def put_back(response: Any, raw: bytes) -> bytes | None:
    """Give the response its raw body again, as if nobody had read it. The body decoded; None if it cannot be, or is too large."""
    with contextlib.suppress(RuntimeError):
        response.elapsed = response.elapsed  # httpx2 reads it off the stream, which is about to go
    response.stream = _stream_of(response, raw)
    response.is_stream_consumed = response.is_closed = False
    return inflated_whole(raw, response.headers.get_list("content-encoding"))


def can_repeat(request: Any) -> bool:
    """Can the body be sent again? One that is at hand can, and a form of files that can be rewound."""
    return content_of(request) is not None or (is_multipart(request) and all(map(_is_rewindable, request.stream.fields)))


def is_multipart(request: Any) -> bool:
    """Is the body a form of files that httpx itself writes, and can write to memory?"""
    return type(request.stream).__name__ == "MultipartStream"


def _is_rewindable(field: Any) -> bool:
    file = getattr(field, "file", b"")
    if isinstance(file, str | bytes):
        return True
    return bool(getattr(file, "seekable", lambda: False)())


def _stream_of(response: Any, raw: bytes) -> Any:
    """The body as a stream of the package's own kind, for either colour."""
    return type(response)(200, content=raw).stream


def _origin(url: Any) -> tuple[str, bytes, int | None]:
    return url.scheme, url.raw_host, url.port


def content_of(request: Any) -> bytes | None:
    """The body, if it is at hand; None for one that is streamed."""
    try:
        return bytes(request.content)
    except Exception as error:
        if type(error).__name__ == "RequestNotRead":
            return None
        raise


def subject_of(request: Any) -> str | None:
    """The user that the caller named for this request: extensions={'authweave': {'subject': …}}. Raises UsageError."""
    subject = _extension(request).get("subject")
    if subject is not None and (not isinstance(subject, str) or not subject):
        raise UsageError("extensions['authweave']['subject'] is the user's id, as a text that is not empty")
    return subject


def _extension(request: Any) -> dict[str, Any]:
    """What the caller wrote for authweave; an empty map where there is nothing."""
    given = request.extensions.get(EXTENSION)
    if given is None:
        return {}
    if not isinstance(given, dict) or (unknown := sorted(set(given) - {"path", "subject"}, key=str)):
        raise UsageError(f"extensions['authweave'] is a map that knows path and subject{f', not {unknown[0]}' if isinstance(given, dict) else ''}")
    return given


def _path_template(request: Any) -> str | None:
    """The URL template that the caller gave: extensions={'authweave': {'path': '/v1/{key}/x'}}."""
    path = _extension(request).get("path")
    if path is None:
        return None
    if not isinstance(path, str) or not path.startswith("/") or "?" in path or "#" in path:
        raise UsageError("extensions['authweave']['path'] is the path alone, as a text that begins with /")
    query = request.url.query.decode("ascii")
    return f"{request.url.scheme}://{request.url.netloc.decode('ascii')}{path}{'?' + query if query else ''}"

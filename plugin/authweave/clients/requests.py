"""Between httpx's requests and ours. Works on httpx and httpx2 alike: the request's own classes are used."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from authweave.clients.redirect_guard import home_of, shows_host_of
from authweave.errors import OriginRefused, UsageError
from authweave.net.inflate import inflated_whole
from authweave.values import TaskRequest, TaskResponse

if TYPE_CHECKING:
    from authweave.applying.sent import Sent

EXTENSION: Final = "authweave"


def task_of(request: Any) -> TaskRequest:
    """The request as it stands. A body that has not been read is `streamed`. Raises UsageError, OriginRefused."""
    _refuse_other_ways(request)
    content = content_of(request)
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw)
    has_body = bool(content) or any(name.lower() == "content-type" for name, _ in headers)
    template = _path_template(request)
    return TaskRequest(
        method=request.method,
        url=template or _sent_url(request),
        headers=headers,
        body=content if has_body else None,
        streamed=content is None,
        path_template=template is not None,
    )


def _sent_url(request: Any) -> str:
    """A fragment is the client's own; nobody is sent it."""
    return str(request.url).partition("#")[0]


def _refuse_other_ways(request: Any) -> None:
    """What would send the request elsewhere than its URL says, or have it believe another server's certificate."""
    if "target" in request.extensions:
        raise UsageError("extensions['target'] replaces the path and query that the credential is placed in; write the URL")
    shown = request.extensions.get("sni_hostname")
    if shown is not None and not shows_host_of(shown, home_of(request.url)):
        raise OriginRefused("extensions['sni_hostname'] names another server than the URL, which the credential is for")


def rewritten(request: Any, sent: Sent) -> Any:
    """The request with what was placed: changed in place, or a new one where its body changed."""
    finished = sent.request
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in finished.headers]
    if not finished.streamed and (finished.body or b"") != (content_of(request) or b""):
        extensions = dict(request.extensions)
        return type(request)(request.method, finished.url, headers=headers, content=finished.body or b"", extensions=extensions)
    request.headers = type(request.headers)(headers)
    if _sent_url(request) != finished.url:
        request.url = type(request.url)(finished.url)
    return request


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

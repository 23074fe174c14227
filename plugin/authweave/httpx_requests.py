"""Between httpx's requests and ours. Works on httpx and httpx2 alike: the request's own classes are used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authweave.errors import PlacementError, UsageError
from authweave.redirect_guard import RedirectGuard
from authweave.urls import Origin
from authweave.values import TaskRequest, TaskResponse

if TYPE_CHECKING:
    from authweave.applying import Sent

EXTENSION = "authweave"


def task_of(request: Any) -> TaskRequest:
    """The request as it stands. A body that has not been read is `streamed`."""
    content = _content(request)
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
    if not finished.streamed and (finished.body or b"") != (_content(request) or b""):
        extensions = dict(request.extensions)
        return type(request)(request.method, finished.url, headers=list(finished.headers), content=finished.body or b"", extensions=extensions)
    request.headers = type(request.headers)(list(finished.headers))
    if str(request.url) != finished.url:
        request.url = type(request.url)(finished.url)
    return request


def guarded(request: Any, sent: Sent, colour: str) -> Any:
    """The request with the redirect guard in its `trace` extension, around a trace of the caller's own."""
    origin = Origin.of(sent.request.url)
    own = request.extensions.get("trace")
    own = own.__self__._then if isinstance(getattr(own, "__self__", None), RedirectGuard) else own
    names = [placed.key if placed.place == "header" else "Cookie" for placed in sent.placed if placed.place in ("header", "cookie")]
    guard = RedirectGuard(
        origin.scheme, origin.host, origin.port, names,
        has_payload=any(placed.place == "payload" for placed in sent.placed), then=own,
    )  # fmt: skip
    request.extensions["trace"] = getattr(guard, colour)
    return request


def answer_of(response: Any, *, read: bool) -> TaskResponse:
    """The answer: status, headers, and the body where it was read."""
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers.raw)
    return TaskResponse(response.status_code, headers, response.content if read else None)


def refuse_stream(request: Any) -> None:
    """Refuse a body that can only be sent once, where applying has to read it."""
    if _content(request) is None and not _is_multipart(request):
        raise PlacementError("this profile puts something into the body or signs it, and the body is streamed: send it as bytes, data, json or files")


def _content(request: Any) -> bytes | None:
    """The body, if it is at hand; None for one that is streamed."""
    try:
        return bytes(request.content)
    except Exception as error:
        if type(error).__name__ == "RequestNotRead":
            return None
        raise


def _is_multipart(request: Any) -> bool:
    """httpx's own multipart stream can be read again, unlike a generator's."""
    return type(request.stream).__name__ == "MultipartStream"


def _path_template(request: Any) -> str | None:
    """The URL template that the caller gave: extensions={'authweave': {'path': '/v1/{key}/x'}}."""
    given = request.extensions.get(EXTENSION)
    path = given.get("path") if isinstance(given, dict) else None
    if path is None:
        return None
    if not isinstance(path, str) or not path.startswith("/"):
        raise UsageError("extensions['authweave']['path'] is the path as a text that begins with /")
    query = request.url.query.decode("ascii")
    return f"{request.url.scheme}://{request.url.netloc.decode('ascii')}{path}{'?' + query if query else ''}"

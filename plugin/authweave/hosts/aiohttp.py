"""aiohttp: a client middleware that gives each request of a session its credential.

    async with aiohttp.ClientSession(middlewares=(ProfileAuth("acme-crm,tenant=blue"),)) as session:
        async with session.get("https://blue.acme.example/v1/me") as response:
            judgement_of(response).verdict
"""

from __future__ import annotations

import asyncio
import contextlib
import io
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from authweave.applying.redirected import at_redirect
from authweave.applying.verdicts import BODY_READ, STRAYED, wants_body
from authweave.errors import AuthweaveError, OriginRefused, UrlRefused
from authweave.hosts.path_templates import checked, with_path
from authweave.hosts.placed_cookies import take_out_cookies
from authweave.hosts.placed_urls import led_to, refuse_repeated, without_placed
from authweave.hosts.telling import explained, tell
from authweave.hosts.whose import Whose
from authweave.net.inflate import MOST_WHOLE
from authweave.urls import Origin
from authweave.values import Judgement, TaskRequest, TaskResponse

try:
    from aiohttp import ClientError, ClientHandlerType, ClientRequest, ClientResponse, ClientResponseError, StreamReader
    from aiohttp.base_protocol import BaseProtocol
    from aiohttp.payload import BytesIOPayload, BytesPayload, Payload
    from yarl import URL
except ImportError:
    raise ImportError("authweave.hosts.aiohttp needs aiohttp 3.12.15 or later: pip install 'authweave[aiohttp]'") from None

if TYPE_CHECKING:
    from authweave.connections.connection import Connection
    from authweave.engine import Engine
    from authweave.hosts.named import Named

__all__ = ["ProfileAuth", "judgement_of"]

FRAMING: Final = ("Content-Length", "Transfer-Encoding")
"""What aiohttp writes as it sends a body, and nobody else."""

_judgements: Final[WeakKeyDictionary[ClientResponse, Judgement]] = WeakKeyDictionary()


def judgement_of(response: ClientResponse) -> Judgement | None:
    """What the answer says of the credential; None for a response that no ProfileAuth has seen."""
    return _judgements.get(response)


class ProfileAuth:
    """Applies a profile, to a session (`ClientSession(middlewares=(…,))`) or to one request (`session.get(url, middlewares=(…,))`).

    `profile` is a Connection, or names one: `acme-crm@1,tenant=blue,subject=anna`, or a map with the keys profile, tenant,
    subject, servers, inputs; it is then looked up for each request, so that an edited profile counts. `engine` is the process's
    where none is given. `path` is a template for the path of one request, whose `{key}` the profile's path fields fill.

    May be shared by sessions, threads and event loops. Raises from the request, before anything is sent, ApplyError,
    InputError, TokenError, WireError, SettingsError; never for the API's answer, which comes back unchanged.
    """

    def __init__(
        self, profile: Named | Connection | str | Mapping[str, Any], *, engine: Engine | None = None, path: str | None = None
    ) -> None:
        self._path = checked(path)
        self._whose = Whose.of(profile, engine)
        self._was_connected = self._whose.given is not None

    @property
    def named(self) -> Named:
        """The connection's name, for people."""
        return self._whose.named

    def __repr__(self) -> str:
        return f"ProfileAuth({str(self.named)!r})"

    def at(self, path: str) -> ProfileAuth:
        """The same for one request, whose path is this template: `middlewares=(auth.at('/bot{token}/getMe'),)`. Raises UsageError."""
        return type(self)(self._whose.given or self.named, engine=self._whose.engine, path=path)

    async def __call__(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """One hop: aiohttp comes here for the request, and again for each redirect that it follows."""
        with explained(self.named):
            connection = await self._connection()
        hop = _hop_of(self, request)
        hop.arrive(request)
        if not hop.has_strayed and not hop.is_at_home(request):
            hop.has_strayed = True
        if not hop.has_strayed:
            task = await hop.task(request, connection, self._path)
            with explained(self.named):
                ready = await _authorized(connection, task, hop)
            return await self._judged(connection, hop, request, handler, ready)
        response = await handler(hop.plain(request))
        _judgements[response] = STRAYED
        return response

    async def _connection(self) -> Connection:
        """Looked up in a thread the first time: an engine may have to be made, and a profile to be read."""
        if self._was_connected:
            return self._whose.connection()
        connection = await asyncio.to_thread(self._whose.connection)
        self._was_connected = True
        return connection

    async def _judged(
        self, connection: Connection, hop: _Hop, request: ClientRequest, handler: ClientHandlerType, ready: TaskRequest
    ) -> ClientResponse:
        with _put_back(request) as shown:
            while True:
                await hop.rewrite(request, ready)
                hop.sent = ready
                response = await handler(request)
                if _origin(str(request.url)) != _origin(ready.url):  # a middleware of the caller's, behind this one, chose another server
                    judgement = STRAYED
                    break
                try:
                    answer = await _answer_of(response, ready)
                    judgement = await connection.handle_response(ready, answer, can_repeat=not (ready.streamed or _is_spent(request)))
                    if judgement.request is None:
                        break
                    await _done_with(request, response)
                except BaseException:
                    response.close()
                    raise
                ready = judgement.request
        response._request_info = response._request_info._replace(url=shown)  # errors made of the response repeat it
        _judgements[response] = judgement
        tell(self.named, judgement)
        return response


# ---- the hops of one request of the caller's


@dataclass(slots=True)
class _Hop:
    """What one hop leaves to the next. `request` is the one that it is for: sent once more by a middleware of somebody else's, it is no
    redirect. `replaced` is the body that the profile wrote, `body` the caller's that it stands for, `sent` the last request with a credential."""

    request: ClientRequest
    is_first: bool = True
    has_strayed: bool = False
    replaced: Payload | None = None
    body: bytes | None = None
    sent: TaskRequest | None = None

    def arrive(self, request: ClientRequest) -> None:
        """Take what a redirect repeats of a placed query out of the URL that it led to."""
        if self.sent is None:
            return
        plain, sent = self.sent.made_from.request.url, self.sent.url
        if (url := without_placed(str(request.url), plain, sent)) != str(request.url):
            request.url = URL(url, encoded=True)
            request.original_url = URL(without_placed(str(request.original_url), plain, sent), encoded=True)  # what the response shows

    def is_at_home(self, request: ClientRequest) -> bool:
        """Does it go where the first hop went? The credential of one server is not for whom that server names, listed or not."""
        return self.sent is None or _origin(str(request.url)) == Origin.of(self.sent.url)

    async def task(self, request: ClientRequest, connection: Connection, path: str | None) -> TaskRequest:
        """The request as the caller wrote it; a body that cannot be had in whole is `streamed`."""
        body, is_streamed = await self._body(request, connection)
        url, is_template = str(request.url), False
        if not self.is_first and self.sent is not None:
            url, is_template = led_to(url, self.sent)
        elif path is not None and self.is_first:
            url, is_template = with_path(url, path), True
        return TaskRequest(request.method, url, tuple(request.headers.items()), body, is_streamed, path_template=is_template)

    async def _body(self, request: ClientRequest, connection: Connection) -> tuple[bytes | None, bool]:
        payload = request.body
        if not isinstance(payload, Payload):
            return (b"" if "Content-Type" in request.headers else None), False
        if payload is self.replaced:
            return self.body, False
        if isinstance(payload, BytesPayload):
            return await payload.as_bytes(), bool(request.compress) and connection.reads_body
        if payload.size is None or request.compress:
            return None, True
        return (await payload.as_bytes() if connection.reads_body else None), False

    async def rewrite(self, request: ClientRequest, ready: TaskRequest) -> None:
        """The request with what was placed. Framing stays aiohttp's own."""
        framing = [(name, value) for name, value in request.headers.items() if name.title() in FRAMING]
        request.headers.clear()
        request.headers.extend([(name, value) for name, value in ready.headers if name.title() not in FRAMING])
        request.headers.extend(framing)
        if str(request.url) != ready.url:
            request.url = URL(ready.url, encoded=True)
        before, is_replaced = ready.made_from.request.body, self.replaced is not None and request.body is self.replaced
        if ready.streamed or ((ready.body or b"") == (before or b"") and not is_replaced):
            return
        self.replaced, self.body = BytesIOPayload(io.BytesIO(ready.body or b""), content_type=ready.header("content-type")), before
        await request.update_body(self.replaced)

    def plain(self, request: ClientRequest) -> ClientRequest:
        """The request, with nothing of the profile's in it. Raises OriginRefused where its body or its path holds some."""
        if self.replaced is not None and request.body is self.replaced:
            raise OriginRefused("a redirect would carry the body, and in it what the profile placed, to another origin; it was not followed")
        if self.sent is not None:
            refuse_repeated(str(request.url), self.sent)
            take_out_cookies(request.headers, self.sent)
        return request


@dataclass(slots=True)
class _Hops:
    """What is under way in a task. aiohttp gives all hops of one request the same timer, which makes it their mark."""

    mark: object
    of: dict[ProfileAuth, _Hop] = field(default_factory=dict)


_under_way: Final[ContextVar[_Hops | None]] = ContextVar("authweave_aiohttp_hops", default=None)


def _hop_of(auth: ProfileAuth, request: ClientRequest) -> _Hop:
    """The hop before this one, which is this one then; or the first. Where aiohttp left no mark, every hop is a first one."""
    mark = getattr(request, "_timer", None)
    hops = _under_way.get()
    if hops is None or mark is None or hops.mark is not mark:
        hops = _Hops(mark)
        _under_way.set(hops)
    if (hop := hops.of.get(auth)) is None:
        hop = hops.of[auth] = _Hop(request)
    elif hop.request is not request:
        hop.request, hop.is_first = request, False
    return hop


async def _authorized(connection: Connection, task: TaskRequest, hop: _Hop) -> TaskRequest:
    failure: AuthweaveError
    try:
        ready: TaskRequest = await connection.authorize(task)
    except AuthweaveError as error:
        failure = error.fresh() if hop.is_first else at_redirect(error)
    else:
        return ready
    raise failure


def _origin(url: str) -> Origin | None:
    """None for a URL that no credential goes to."""
    try:
        return Origin.of(url.partition("#")[0])
    except UrlRefused:
        return None


# ---- between aiohttp's requests and ours


@contextlib.contextmanager
def _put_back(request: ClientRequest) -> Iterator[URL]:
    """Afterwards URL and header fields are the caller's again: responses and errors show both, and hold the latter by reference."""
    url, headers = request.url, list(request.headers.items())
    try:
        yield url
    except (ClientError, TimeoutError) as error:
        _without(error, request.url, url)
        raise
    finally:
        request.url = url
        request.headers.clear()
        request.headers.extend(headers)


def _without(error: Exception, url: URL, shown: URL) -> None:
    """Some errors of aiohttp repeat the URL, and with it what was placed there."""
    if url == shown:
        return
    error.args = tuple(arg.replace(str(url), str(shown)) if isinstance(arg, str) else arg for arg in error.args)
    if isinstance(error, OSError) and isinstance(error.strerror, str):
        error.strerror = error.strerror.replace(str(url), str(shown))
    if isinstance(error, ClientResponseError):
        error.request_info = error.request_info._replace(url=shown)
        error.args = (error.request_info, error.history)


async def _answer_of(response: ClientResponse, ready: TaskRequest) -> TaskResponse:
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in response.raw_headers)
    credential = ready.made_from.sent.credential
    answer = TaskResponse(response.status, headers, None, _certificate_of(response) if credential.seal is not None else None)
    if not wants_body(credential.variant, answer):
        return answer
    return TaskResponse(answer.status, headers, await _read(response), answer.peer)


def _certificate_of(response: ClientResponse) -> bytes | None:
    """What the server showed in the handshake, in DER form, while the connection is the response's."""
    transport = response.connection.transport if response.connection is not None else None
    session = transport.get_extra_info("ssl_object") if transport is not None else None
    return session.getpeercert(True) if session is not None else None


async def _read(response: ClientResponse) -> bytes | None:
    """The body, which the caller can read again in whatever way; None for one that is too large for a rule to read."""
    body = await response.read()
    loop = asyncio.get_running_loop()
    response.content = StreamReader(BaseProtocol(loop), len(body) + 1, loop=loop)
    response.content.feed_data(body)
    response.content.feed_eof()
    return body if len(body) <= MOST_WHOLE else None


def _is_spent(request: ClientRequest) -> bool:
    return isinstance(request.body, Payload) and request.body.consumed


async def _done_with(request: ClientRequest, response: ClientResponse) -> None:
    """Let go of an answer that another one follows: its cookies are kept, and its connection where little is left to read."""
    request.session.cookie_jar.update_cookies(response.cookies, response.url)
    if "Expect" in request.headers:  # the body may not have been sent, which leaves the connection in the middle of a request
        response.close()
    elif response.content_length is not None and response.content_length <= BODY_READ:
        with contextlib.suppress(ClientError):
            await response.read()
    response.release()
    await request.close()
    request.update_expect_continue()  # what waited for 100 was ended, and waits anew

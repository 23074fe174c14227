"""`client()` and `async_client()`: httpx clients that carry a connection, guard redirects and know the first server."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from authweave.applying.targets import refuse_other_origin
from authweave.clients.hops import guard_of
from authweave.clients.redirect_guard import AWAY
from authweave.errors import OriginRefused, UsageError
from authweave.net.unasked_answers import wary
from authweave.urls import placeholders_in

if TYPE_CHECKING:
    from authweave.clients.redirect_guard import RedirectGuard
    from authweave.connections.connection import Connection
    from authweave.egress.ways import Ways
    from authweave.net.routes import Routes

_GUARD: Final = "_authweave_guard_before_hooks"
_CLOSED_WITH_IT: Final = "all://routes.invalid"
"""No URL leads there: a client opens and closes what is mounted."""
_OF_TRANSPORT: Final = ("verify", "cert", "trust_env", "http1", "http2", "limits", "proxy")


def client(connection: Connection, **options: Any) -> Any:
    """An `httpx.Client`; `options` are its own. Raises what rendering `servers` raises, and InvalidInput for a certificate
    that cannot be shown."""
    return _clients()[0](connection, **options)


def async_client(connection: Connection, **options: Any) -> Any:
    """An `httpx.AsyncClient`; `options` are its own."""
    return _clients()[1](connection, **options)


@functools.cache
def _clients() -> tuple[type, type]:
    import httpx

    class ProfileClient(_Templated, httpx.Client):
        """A client that carries a profile."""

        hooks = (_remember, _stay_home)
        bound = 0

    class AsyncProfileClient(_Templated, httpx.AsyncClient):
        """A client that carries a profile, for event loops."""

        hooks = (_remember_async, _stay_home_async)
        bound = 1

    return ProfileClient, AsyncProfileClient


class _Templated:
    """Relative URLs resolve against the first server, whose path may wait for path fields (`/bot{token}`)."""

    hooks: tuple[Any, Any]
    bound: int
    _leads: Callable[[Any], Any] | None = None

    def __init__(self, connection: Connection, **options: Any) -> None:
        routes = _routes(connection, options)
        if connection.outgoing.shows_certificate("task"):
            options = self._closed(connection, options)
        base = options.pop("base_url", None) or connection.base_url()
        self._template = base if placeholders_in(base) else ""
        plain = base.partition("{")[0].rpartition("/")[0] if self._template else base
        options = {**options, "verify": _verify(connection, options)}
        auth = connection.client_auth
        ways = _ways(connection, routes)
        if connection.outgoing.is_bound:
            auth, options = self._bound(connection, options, ways, routes)
        elif ways is not None:
            options = self._guarded(ways, options)
        elif routes is not None:
            options = self._routed(routes, options)
        self._first = self.hooks[0]
        self._last = functools.partial(self.hooks[1], connection if connection.outgoing.shows_certificate("task") else None)
        super().__init__(auth=auth, base_url=plain, **options)  # type: ignore[call-arg]  # the other base is a client
        self.event_hooks = self.event_hooks

    @property
    def event_hooks(self) -> Any:
        """As the client's own; the first and the last for requests are always ours: they keep the guard, and take off what does not belong where they go."""
        return super().event_hooks  # type: ignore[misc]  # the other base is a client

    @event_hooks.setter
    def event_hooks(self, hooks: Any) -> None:
        own = [hook for hook in hooks.get("request", ()) if hook is not self._first and hook is not self._last]
        above: Any = super(_Templated, type(self))  # of the class: a plain super() sets no property
        above.event_hooks.fset(self, {**hooks, "request": [self._first, *own, self._last]})

    def _bound(self, connection: Connection, options: dict[str, Any], ways: Ways | None, routes: Routes | None) -> tuple[Any, dict[str, Any]]:
        """The auth and the options of a client whose every flow has a connection for itself."""
        from authweave.clients.bound_transports import AsyncBoundTransport, BoundAuth, BoundTransport

        if taken := sorted(name for name in ("transport", "mounts", "http2") if options.get(name)):
            raise UsageError(f"{connection.outgoing.is_bound}: this client has a transport of its own, and takes no {', '.join(taken)}")
        made: Any = (BoundTransport, AsyncBoundTransport)[self.bound]
        own: dict[str, Any] = {name: options.pop(name) for name in ("verify", "cert", "proxy", "trust_env") if name in options}
        if ways is None and routes is None:
            transport = made(**own)
        elif ways is None:
            from authweave.net.routed import AsyncRoutedTransport, RoutedTransport

            inner: Any = (RoutedTransport, AsyncRoutedTransport)[self.bound]
            transport = made(functools.partial(inner, routes), **own)
        else:
            ways, own = _chosen(ways, own)
            transport = made(_guarded_transport(self.bound, ways), **own)
        return BoundAuth(connection.client_auth, transport), {**options, "transport": transport}

    def _guarded(self, ways: Ways, options: dict[str, Any]) -> dict[str, Any]:
        """The options of a client whose every request is held to the egress policy."""
        if taken := sorted(name for name in ("transport", "mounts") if options.get(name)):
            raise UsageError(f"an egress policy is in force ({ways.guard.origin}): this client has a transport of its own, and takes no {', '.join(taken)}")
        own: dict[str, Any] = {name: options.pop(name) for name in _OF_TRANSPORT if name in options}
        ways, own = _chosen(ways, own)
        return {**options, "transport": _guarded_transport(self.bound, ways)(**own)}

    def _routed(self, routes: Routes, options: dict[str, Any]) -> dict[str, Any]:
        """The options of a client that follows the operator's routes; one with ways of its own goes those."""
        if options.get("transport") or options.get("mounts"):
            return options
        from authweave.net.routed import AsyncRoutedTransport, RoutedTransport, Unrouted

        own = {name: options[name] for name in ("verify", "cert", "http1", "http2", "limits") if name in options}
        made: Any = (RoutedTransport, AsyncRoutedTransport)[self.bound]
        routed = made(routes, Unrouted, **own)
        self._leads = lambda url: routed if routes.route(url) is not None else None
        return {**options, "mounts": {_CLOSED_WITH_IT: routed}}

    def _transport_for_url(self, url: Any) -> Any:
        """As the client's own, but where a route leads; no connection is used again over which more came than the answer."""
        return (self._leads(url) if self._leads is not None else None) or wary(super()._transport_for_url(url))  # type: ignore[misc]  # the other base is a client

    def _closed(self, connection: Connection, options: dict[str, Any]) -> dict[str, Any]:
        """The options of a client whose certificate, and whose belief in an authority, is for the profile's servers alone."""
        if taken := sorted({"verify", "cert", "transport", "mounts"} & options.keys()):
            raise UsageError(f"{connection.profile.reference} has `tls`, which says what {', '.join(taken)} would")
        return {**options, "verify": connection.outgoing.wire("task").tls_context()}

    def build_request(self, method: str, url: Any, **parts: Any) -> Any:
        """As the client's own; a relative URL keeps the placeholders of the first server for the path fields."""
        if self._template and "://" not in str(url):
            from authweave.drafts.url import finished_url
            from authweave.urls import join

            path = str(url).partition("?")[0]
            template = join(self._template, finished_url(path))
            given = parts.get("extensions") or {}
            path = "/" + template.split("://", 1)[1].partition("/")[2]
            parts["extensions"] = {**given, "authweave": {"path": path, **given.get("authweave", {})}}
        return super().build_request(method, url, **parts)  # type: ignore[misc]  # the other base is a client


def _routes(connection: Connection, options: dict[str, Any]) -> Routes | None:
    """The operator's routes, and what is believed there unless the caller says whom to believe; None without any."""
    wire = connection.outgoing.wire("task")
    if not wire.routes:
        return None
    from authweave.net.routes import Routes

    if "verify" in options:
        return Routes(wire.routes)
    return Routes.trusting(wire.routes, lambda ca: wire.showing(None, authorities=ca).tls_context())


def _ways(connection: Connection, routes: Routes | None) -> Ways | None:
    """How requests leave under the egress policy; None without one."""
    engine = connection.engine
    if engine.guard is None:
        return None
    from authweave.egress.ways import Ways

    return Ways(engine.guard, connection.outgoing.errand, engine.wire.resolve, engine.wire.proxies, _is_hop, routes)


def _is_hop(request: Any) -> bool:
    guard = guard_of(request)
    return guard is not None and not guard.is_home(request.url)


def _chosen(ways: Ways, own: dict[str, Any]) -> tuple[Ways, dict[str, Any]]:
    """The ways, with what the caller says of proxies, and the options without it."""
    if own.get("trust_env") is False:
        ways = ways.without_environment()
    if (proxy := own.pop("proxy", None)) is not None:
        ways = ways.through(_text_of(proxy))
    return ways, own


def _text_of(proxy: Any) -> str:
    """The URL of a proxy that was given as a text, a URL, or a `httpx.Proxy`."""
    name, password = getattr(proxy, "auth", None) or getattr(proxy, "raw_auth", None) or ("", "")
    url = str(getattr(proxy, "url", proxy))
    return url.replace("://", f"://{quote(name, safe='')}:{quote(password, safe='')}@", 1) if name else url


def _guarded_transport(colour: int, ways: Ways) -> Any:
    """What makes a transport of this colour that asks the guard."""
    from authweave.egress.transports import AsyncGuardedTransport, GuardedTransport

    return functools.partial((GuardedTransport, AsyncGuardedTransport)[colour], ways)


def _remember(request: Any) -> None:
    """Before the caller's hooks, which may take the guard out of the extensions, or put others in their place."""
    guard = guard_of(request)
    if guard is not None:
        vars(request)[_GUARD] = guard, request.extensions["trace"], AWAY in request.extensions


async def _remember_async(request: Any) -> None:
    _remember(request)


def _restore(request: Any) -> None:
    """After them: it sits where it was, around a trace that a hook may have put in its place."""
    guard, trace, is_away = vars(request).pop(_GUARD, (None, None, False))
    if guard is None:
        return
    if guard_of(request) is not guard:
        guard.then = request.extensions.get("trace", guard.then)
        request.extensions = {**request.extensions, "trace": trace}
    if is_away:
        request.extensions[AWAY] = True


def _stay_home(shown_by: Connection | None, request: Any) -> None:
    """Before each hop, whatever the transport is: what was added is taken off elsewhere. `shown_by`: whose certificate is shown.

    Raises OriginRefused for a hop that cannot be sent without giving something away.
    """
    _restore(request)
    guard = guard_of(request)
    if shown_by is not None:
        _refuse_strangers(shown_by, guard, request)
    if guard is None:
        return
    hop = _Hop(request)
    guard.look_at(hop, seals=False)
    hop.write()


async def _stay_home_async(shown_by: Connection | None, request: Any) -> None:
    _stay_home(shown_by, request)


def _refuse_strangers(connection: Connection, guard: RedirectGuard | None, request: Any) -> None:
    """A redirect would show the certificate, and the trust in an authority, to whoever it leads to."""
    if guard is None:
        refuse_other_origin(str(request.url), connection.servers(connection.scope(connection.inputs(), None)))
    elif not guard.is_home(request.url):
        raise OriginRefused("a redirect leads to another origin, which must not see the client's certificate; it was not followed")


class _Hop:
    """A request of httpx as the guard reads one: as httpcore has it."""

    def __init__(self, request: Any) -> None:
        self._request = request
        self.method = request.method.encode("ascii")
        self.headers = list(request.headers.raw)
        self.extensions = request.extensions
        self.url = _Url(request.url)

    def write(self) -> None:
        """Change the request into what the guard left of it."""
        request = self._request
        if self.headers != request.headers.raw:
            request.headers = type(request.headers)(self.headers)
        if self.url.target != request.url.raw_path:
            request.url = request.url.copy_with(raw_path=self.url.target)


class _Url:
    def __init__(self, url: Any) -> None:
        self.scheme, self.host, self.port, self.target = url.raw_scheme, url.raw_host, url.port, url.raw_path


def _verify(connection: Connection, options: dict[str, Any]) -> Any:
    """The operator's private CA beside the default ones, unless the caller decides."""
    if "verify" in options:
        return options.pop("verify")
    if connection.engine.settings.ca is None:
        return True
    import ssl

    import certifi

    context = ssl.create_default_context(cafile=certifi.where())
    context.load_verify_locations(cafile=str(connection.engine.settings.ca))
    return context

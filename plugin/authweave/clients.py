"""`client()` and `async_client()`: httpx clients that carry a connection, guard redirects and know the first server."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from authweave.urls import placeholders_in

if TYPE_CHECKING:
    from authweave.connection import Connection


def client(connection: Connection, **options: Any) -> Any:
    """An `httpx.Client`; `options` are its own. Raises what rendering `servers` raises."""
    return _clients()[0](connection, **options)


def async_client(connection: Connection, **options: Any) -> Any:
    """An `httpx.AsyncClient`; `options` are its own."""
    return _clients()[1](connection, **options)


@functools.cache
def _clients() -> tuple[type, type]:
    import httpx

    class ProfileClient(_Templated, httpx.Client):
        """A client that carries a profile."""

    class AsyncProfileClient(_Templated, httpx.AsyncClient):
        """A client that carries a profile, for event loops."""

    return ProfileClient, AsyncProfileClient


class _Templated:
    """Relative URLs resolve against the first server, whose path may wait for path fields (`/bot{token}`)."""

    def __init__(self, connection: Connection, **options: Any) -> None:
        base = options.pop("base_url", None) or connection.base_url()
        self._template = base if placeholders_in(base) else ""
        plain = base.partition("{")[0].rpartition("/")[0] if self._template else base
        super().__init__(auth=connection.auth, base_url=plain, verify=_verify(connection, options), **options)  # type: ignore[call-arg]  # the other base is a client

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

"""A way through a proxy: CONNECT, RFC 9110 §9.3.6."""

from __future__ import annotations

import httpcore

from authweave.errors import ProtocolFailure, ProxyFailure
from authweave.net.journey import Journey
from authweave.net.proxy import Proxy
from authweave.net.target import Target

_WANTS_CREDENTIALS = (407, 401)
"""What proxies say; tinyproxy answers 401 to credentials that are wrong."""


def tunnel(
    stream: httpcore.NetworkStream, proxy: Proxy, target: Target, journey: Journey
) -> httpcore.NetworkStream:
    """The stream to the target behind the proxy. Raises ProxyFailure: `credentials`, `refused` or `protocol`."""
    journey.enter("proxy", proxy.host)
    url = httpcore.URL(scheme="http", host=proxy.host, port=proxy.port, target=target.authority)
    request = httpcore.Request("CONNECT", url, headers=[(b"Host", target.authority.encode()), *proxy.headers()])
    try:
        response = httpcore.HTTP11Connection(url.origin, stream).handle_request(request)
    except (httpcore.RemoteProtocolError, httpcore.LocalProtocolError, ProtocolFailure):
        response = None
    if response is None:
        raise _failure(proxy, target, "protocol", f"the proxy {proxy} ended the connection or does not speak HTTP")
    if not 200 <= response.status < 300:
        raise refused(response.status, proxy, target)
    journey.reached("proxy", **proxy.facts(), status=response.status)
    opened: httpcore.NetworkStream = response.extensions["network_stream"]
    return opened


def refused(status: int, proxy: Proxy, target: Target) -> ProxyFailure:
    """The error for a proxy that answered itself."""
    if status not in _WANTS_CREDENTIALS:
        message = f"the proxy {proxy} refused CONNECT to {target.authority} with status {status}"
        return _failure(proxy, target, "refused", message, status=status)
    if proxy.credentials is None:
        message = f"the proxy {proxy} wants credentials ({status}): write them into {proxy.origin} as http://user:password@…"
    else:
        message = f"the proxy {proxy} does not accept the credentials of {proxy.origin} ({status})"
    return _failure(proxy, target, "credentials", message, status=status)


def _failure(proxy: Proxy, target: Target, detail: str, message: str, **facts: object) -> ProxyFailure:
    return ProxyFailure(
        message, stage="proxy", host=target.host, detail=detail, facts={**proxy.facts(), **facts}
    )

"""What goes wrong on the way to a server, and with answers that do not come: names, connections, proxies, deadlines."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Final

from authweave.errors import EgressRefused, WireError
from authweave.net.values import Route
from authweave.sandbox.crooked import behaving, never_accepting, nobody_listening, resets, says
from authweave.sandbox.faults.fault import Fault, Ground, Routes, Struck, Usual, on_first
from authweave.sandbox.faults.fitting import gets_tokens
from authweave.sandbox.listener import ADDRESS, Reply

SLOW: Final = 2.0
SOON: Final = 2.0
"""Seconds after which a run gives up that nobody answers: nobody learns more by waiting longer."""
_NOWHERE: Final = "255.255.255.255"
_PRIVATE: Final = "10.11.12.13"
_LARGE: Final = b'{"padding": "' + b"x" * (1280 * 1024) + b'"}'
_HEAD_END: Final = b"\r\n\r\n"


def led_to(opened: Callable[[], AbstractContextManager[int]]) -> Callable[[Ground], Routes]:
    """Every route leads to the port that this opens."""

    def connect(ground: Ground) -> Routes:
        port = ground.stack.enter_context(opened())
        return {place: Route(ADDRESS, port, ca=route.ca) for place, route in ground.routes.items()}

    return connect


def _nowhere(ground: Ground) -> Routes:
    """A broadcast address: no stream leads there, from any machine."""
    return {place: Route(_NOWHERE, place[1]) for place in ground.routes}


def _unknown_name(*_: Any) -> Any:
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def _unresolved(_: Ground) -> Mapping[str, Any]:
    """Nobody is asked: the name of a real provider would be known."""
    return {"routes": {}, "resolve": _unknown_name}


def _at_private(host: str, port: int, *_: Any) -> Any:
    return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (_PRIVATE, port))]


def _refused(host: str, ip: str, port: int) -> None:
    raise EgressRefused(f"{host} leads to {ip} port {port}, which is an address of a private network", stage="dns", host=host, detail="private")


def _not_allowed(_: Ground) -> Mapping[str, Any]:
    return {"routes": {}, "resolve": _at_private, "check": _refused}


def _broken(host: str, ip: str, port: int) -> None:
    raise WireError(f"the rules of the network were not at hand when {host} was to be called", stage="connect", host=host, detail="rules")


def _without_rules(_: Ground) -> Mapping[str, Any]:
    return {"routes": {}, "resolve": _at_private, "check": _broken}


def _through(proxy: Callable[[], AbstractContextManager[int]]) -> Callable[[Ground], Mapping[str, Any]]:
    """Every call goes through the proxy at the port that this opens."""
    return lambda ground: _proxied(f"http://{ADDRESS}:{ground.stack.enter_context(proxy())}")


def _proxied(url: str) -> Mapping[str, Any]:
    return {"routes": {}, "proxy": url, "proxy_from": "the sandbox (--fault)"}


def _answering(status: str, *lines: str) -> Callable[[], AbstractContextManager[int]]:
    data = "".join(f"{line}\r\n" for line in (f"HTTP/1.1 {status}", *lines, "Content-Length: 0", "Connection: close", ""))
    return lambda: behaving(says(data.encode(), after=_HEAD_END))


def _slow(struck: Struck, usual: Usual) -> Reply:
    if struck.is_first:
        time.sleep(SLOW)
    return usual()


_DEADLINES: Final = {"deadline": SOON, "test_deadline": SOON}

FAULTS: Final = (
    Fault(name="slow", description=f"the first call is answered after {SLOW:g} seconds", strike=_slow),
    Fault(
        name="read_timeout", provokes="read_timeout", also=("hang",), strike=on_first(Reply(0, hangs=True)), settings=_DEADLINES,
        description="the first call is never answered",
    ),
    Fault(
        name="connection_lost", provokes="connection_lost", strike=on_first(Reply(0, raw=b"")),
        description="the connection of the first call ends without an answer",
    ),
    Fault(
        name="not_http", provokes="not_http", strike=on_first(Reply(0, raw=b"220 mail.sandbox.example ESMTP ready\r\n")),
        description="what answers the first call does not speak HTTP",
    ),
    Fault(
        name="answer_too_large", provokes="answer_too_large", strike=on_first(Reply(200, _LARGE, (("Content-Type", "application/json"),))),
        description="the answer to the token call is larger than any token answer", fits=gets_tokens,
    ),
    Fault(name="dns_failure", provokes="dns_failure", wire=_unresolved, description="no resolver knows the names of the servers"),
    Fault(
        name="connect_refused", provokes="connect_refused", connect=led_to(nobody_listening),
        description="nothing listens where the servers should be",
    ),
    Fault(
        name="connect_timeout", provokes="connect_timeout", connect=led_to(never_accepting), settings=_DEADLINES,
        description="packets to the servers are dropped, as a firewall does",
    ),
    Fault(
        name="connect_unreachable", provokes="connect_unreachable", connect=_nowhere,
        description="there is no way to the servers from this machine",
    ),
    Fault(
        name="connect_reset", provokes="connect_reset", connect=led_to(lambda: behaving(resets)),
        description="a firewall resets the connection before anything is said",
    ),
    Fault(name="egress_refused", provokes="egress_refused", wire=_not_allowed, description="the servers have addresses that may not be called"),
    Fault(name="network", provokes="network", wire=_without_rules, description="the way fails in a manner that has no name"),
    Fault(
        name="proxy_credentials", provokes="proxy_credentials", also=("407",),
        wire=_through(_answering("407 Proxy Authentication Required", 'Proxy-Authenticate: Basic realm="sandbox"')),
        description="there is a proxy, and it wants credentials",
    ),
    Fault(
        name="proxy_refused", provokes="proxy_refused", wire=_through(_answering("403 Forbidden")),
        description="there is a proxy, and it refuses the way to the servers",
    ),
    Fault(
        name="proxy_unreachable", provokes="proxy_unreachable", wire=_through(nobody_listening),
        description="nothing listens where the proxy should be",
    ),
    Fault(
        name="proxy_protocol", provokes="proxy_protocol", wire=_through(lambda: behaving(says(b"SSH-2.0-sandbox\r\n"))),
        description="what should be a proxy speaks something else",
    ),
    Fault(
        name="proxy_invalid", provokes="proxy_invalid", wire=lambda _: _proxied("socks5://127.0.0.1:1080"),
        description="the setting names a proxy of a kind that is not spoken to",
    ),
)  # fmt: skip

"""What goes wrong between connecting and speaking: certificates, versions, and what clients have to show."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from authweave.net.values import Route
from authweave.sandbox import flawed
from authweave.sandbox.crooked import alert, behaving, says
from authweave.sandbox.faults.fault import Fault, Ground, Routes, on_first
from authweave.sandbox.faults.fitting import calls_token_url, where
from authweave.sandbox.faults.network import led_to
from authweave.sandbox.listener import ADDRESS, Reply

if TYPE_CHECKING:
    from authweave.profile import Profile

_PROTOCOL_VERSION, _INTERNAL_ERROR = 70, 80
_PLAIN: Final = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_NGINX: Final = "<html><head><title>400 {0}</title></head><body><center><h1>400 Bad Request</h1></center><center>{0}</center></body></html>"
_HTTP_PORT: Final = 80


def _showing(flaw: flawed.Flaw, *, asks: bool = False) -> Callable[[Ground], Routes]:
    """Every route leads to the sandbox behind a TLS with this flaw."""

    def connect(ground: Ground) -> Routes:
        port = _listening(ground, flawed.Flawed(ground.authority, flaw, asks=asks))
        return {place: Route(ADDRESS, port, ca=route.ca) for place, route in ground.routes.items()}

    return connect


def _listening(ground: Ground, shows: flawed.Flawed) -> int:
    listener = ground.listener(shows, tls_only=True)
    listener.start()
    ground.stack.callback(listener.stop)
    return listener.port


def _tls_behind_http(ground: Ground) -> Routes:
    """`http://localhost` leads to a port that speaks TLS alone."""
    port = _listening(ground, flawed.Flawed(ground.authority, flawed.sound))
    return {**ground.routes, ("localhost", _HTTP_PORT): Route(ADDRESS, port)}


def _in_clear_text(_: Profile) -> Mapping[str, Any]:
    return {"auth.token_url": "http://localhost/oauth/token"}


def _of_nginx(words: str) -> Reply:
    return Reply(400, _NGINX.format(words).encode(), (("Content-Type", "text/html"),))


_SHOWS: Final = where(lambda profile: bool(profile.tls.get("certificate")), "a profile that shows a client certificate (`tls.certificate`)")
_SHOWS_NONE: Final = where(lambda profile: not profile.tls.get("certificate"), "a profile without a client certificate (`tls.certificate`)")

FAULTS: Final = (
    Fault(name="tls_expired", provokes="tls_expired", connect=_showing(flawed.expired), description="the servers' certificates ended two days ago"),
    Fault(
        name="tls_not_yet_valid", provokes="tls_not_yet_valid", connect=_showing(flawed.not_yet_valid),
        description="the servers' certificates begin in two days",
    ),
    Fault(name="tls_self_signed", provokes="tls_self_signed", connect=_showing(flawed.self_signed), description="the servers signed their certificates themselves"),
    Fault(
        name="tls_unknown_ca", provokes="tls_unknown_ca", connect=_showing(flawed.of_unknown_authority),
        description="an authority that is not known here issued the servers' certificates, as where a company reads TLS",
    ),
    Fault(name="tls_name_mismatch", provokes="tls_name_mismatch", connect=_showing(flawed.of_another_name), description="the servers' certificates are for another host"),
    Fault(
        name="tls_protocol_version", provokes="tls_protocol_version", connect=led_to(lambda: behaving(says(alert(_PROTOCOL_VERSION)))),
        description="the servers speak only versions of TLS that are too old",
    ),
    Fault(
        name="tls_client_certificate_required", provokes="tls_client_certificate_required", connect=_showing(flawed.sound, asks=True), fits=_SHOWS_NONE,
        description="the servers want a client certificate in the handshake",
    ),
    Fault(
        name="tls_client_certificate_refused", provokes="tls_client_certificate_refused", connect=_showing(flawed.sound, asks=True), fits=_SHOWS,
        description="the servers do not believe the client's certificate",
    ),
    Fault(
        name="client_certificate_missing", provokes="client_certificate_missing", strike=on_first(_of_nginx("No required SSL certificate was sent")),
        description="the server of the first call wants a client certificate, and says so in a page",
    ),
    Fault(
        name="client_certificate_wrong", provokes="client_certificate_wrong", strike=on_first(_of_nginx("The SSL certificate error")),
        description="the server of the first call refuses the client's certificate, and says so in a page",
    ),
    Fault(
        name="http_on_tls_port", provokes="http_on_tls_port", connect=_tls_behind_http, profile=_in_clear_text, fits=calls_token_url,
        description="the profile says http://, and the port speaks TLS",
    ),
    Fault(
        name="tls_on_http_port", provokes="tls_on_http_port", connect=led_to(lambda: behaving(says(_PLAIN))),
        description="the servers' ports speak plain http",
    ),
    Fault(
        name="tls_handshake", provokes="tls_handshake", connect=led_to(lambda: behaving(says(alert(_INTERNAL_ERROR)))),
        description="the handshake fails for a reason that the servers keep to themselves",
    ),
)  # fmt: skip

"""Where metadata stand: the well-known URLs of an issuer (RFC 8414 §3.1, OpenID Connect Discovery §4) and of a resource (RFC 9728 §3.1)."""

from __future__ import annotations

from typing import Final

from authweave.egress.addresses import NO_ADDRESS, why_not_public
from authweave.errors import DiscoveryError, UrlRefused
from authweave.urls import Origin, literal_url
from authweave.urls.origins import split

OAUTH: Final = "/.well-known/oauth-authorization-server"
OPENID: Final = "/.well-known/openid-configuration"
RESOURCE: Final = "/.well-known/oauth-protected-resource"


def issuer_places(issuer: str) -> tuple[str, ...]:
    """The URLs at which metadata of an issuer may stand, in the order in which they are asked. Raises DiscoveryError.

    The path of the issuer comes after the well-known part; OpenID providers have it before that.
    """
    front, path = _taken_apart(issuer, "issuer", "an issuer has no query (RFC 8414 §2)")
    bare = path.removesuffix("/")
    places = (f"{front}{OAUTH}{bare}", f"{front}{bare}{OPENID}", f"{front}{OPENID}{bare}")
    return tuple(dict.fromkeys(places))


def resource_place(resource: str) -> str:
    """The URL at which the metadata of a protected resource stand; its query stays. Raises DiscoveryError."""
    refuse_odd(resource, "resource")
    parts = split(resource, "resource")
    path = "" if parts.path == "/" else parts.path
    query = f"?{parts.query}" if parts.query is not None else ""
    return f"{parts.scheme}://{parts.authority}{RESOURCE}{path}{query}"


def refuse_odd(url: str, kind: str, said_by: str = "") -> None:
    """Refuse what a profile could not have written either: no https (but on this machine), userinfo, fragment; and what a server
    elsewhere (`said_by`, a URL) must not name. Raises DiscoveryError."""
    wrong = ""
    try:
        literal_url(url)
        wrong = leads_inside(url, said_by) if said_by else ""
    except UrlRefused as refused:
        wrong = str(refused)
    if wrong:
        begin = "; begin it with https://" if "absolute" in wrong else ""
        raise DiscoveryError(kind, f"the {kind} is not a URL that may be asked: {wrong}{begin}", url="")


def leads_inside(url: str, said_by: str) -> str:
    """Why a server elsewhere must not name this URL: it leads to this machine, or to an address of a private network. Else ''."""
    if _is_inside(Origin.of(url).host) and not _is_inside(Origin.of(said_by).host):
        return "leads to this machine or into a private network, and who says so is not there"
    return ""


def _is_inside(host: str) -> bool:
    """Is it this machine, or an address that is not everybody's? An IPv4 address that is carried by an IPv6 one counts."""
    why = why_not_public(host)
    return why is not None if why != NO_ADDRESS else host == "localhost" or host.endswith(".localhost")


def origin_of(url: str) -> str:
    """The origin of a URL that was looked at before."""
    return str(Origin.of(url))


def _taken_apart(url: str, kind: str, wants_no_query: str) -> tuple[str, str]:
    refuse_odd(url, kind)
    parts = split(url, kind)
    if parts.query is not None:
        raise DiscoveryError(kind, wants_no_query, url=url.partition("?")[0])
    return f"{parts.scheme}://{parts.authority}", parts.path

"""Who answers: RFC 9207. A provider that hands on another one's answer, to get at its code, is found out here."""

from __future__ import annotations

from authweave.errors import CallbackRefused, UrlRefused
from authweave.sign_in.begun import Begun
from authweave.urls import Origin


def refuse_other_issuer(begun: Begun, iss: str | None) -> None:
    """Raise CallbackRefused for the answer of somebody else than the sign-in was begun with; nothing is sent then.

    Issuers are compared letter for letter (RFC 9207 §2.4). Where the profile names none, the one that answers has to be
    at home where the person was sent, or where the code will go.
    """
    if iss is None:
        if begun.iss_required:
            raise CallbackRefused("issuer", "the provider says that it names itself in each answer (iss, RFC 9207), and this one has no name")
        return
    if begun.issuer:
        if iss != begun.issuer:
            raise CallbackRefused("issuer", f"somebody else answers than {begun.issuer}: the parameter iss names another issuer (RFC 9207)")
        return
    if host_of(iss) not in begun.hosts:
        raise CallbackRefused("issuer", "the answer's iss is not of a host that the profile names; if it is right, write it as auth.issuer")


def host_of(url: str) -> str:
    """The host of an absolute URL; '' for what is none."""
    try:
        return Origin.of(url).host
    except UrlRefused:
        return ""

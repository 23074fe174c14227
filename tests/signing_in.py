"""What tests of signing in share: a profile of the code grant, and the answer that a browser brings back."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from authweave.values import Authorization
from services import Identity, oauth, profile

API = "https://api.example.com"
AUTHORIZE = "https://id.example.com/authorize"
REDIRECT = "https://app.example.com/callback"
DEVICE = "https://id.example.com/device"


def code_auth(identity: Identity | str, **auth: Any) -> dict[str, Any]:
    """An `auth` of the code grant."""
    return oauth(identity, **{"grant_type": "authorization_code", "authorization_url": AUTHORIZE, "redirect_uri": REDIRECT, **auth})


def code_profile(identity: Identity | str, *servers: str, **auth: Any) -> Any:
    """A profile of the code grant."""
    return profile(code_auth(identity, **auth), *(servers or (API,)))


def device_auth(identity: Identity, **auth: Any) -> dict[str, Any]:
    """An `auth` of the device grant; the identity answers both requests."""
    return oauth(identity, **{"grant_type": "device_code", "device_authorization_url": f"{identity.url}/device", **auth})


def asked_of(begun: Authorization) -> dict[str, str]:
    """The parameters of the link."""
    return dict(parse_qsl(urlsplit(begun.url).query, keep_blank_values=True))


def answer_to(begun: Authorization, code: str = "the-code", **more: str) -> str:
    """The URL that the browser comes back to."""
    mark = "&" if "?" in begun.redirect_uri else "?"
    return f"{begun.redirect_uri}{mark}{urlencode({'code': code, 'state': begun.state, **more})}"


def begun_by(connection: Any, **how: Any) -> Authorization:
    """A sign-in that was begun."""
    started: Authorization = connection.begin_authorization(**how).result(10)
    return started

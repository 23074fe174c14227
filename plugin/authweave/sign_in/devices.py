"""Signing in at another device: the device authorization request of RFC 8628 §3.1, and its answer."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from authweave.call import TokenCall, present
from authweave.drafts.draft import Draft
from authweave.errors import TokenAnswerError, UrlRefused
from authweave.profile import Request, TokenSettings
from authweave.redaction import inert
from authweave.sign_in.links import add_targets
from authweave.urls import Origin

USUAL_INTERVAL: Final = 5.0
LONGEST_INTERVAL: Final = 3600.0
USUAL_LIFETIME: Final = 600.0
LONGEST_LIFETIME: Final = 86_400.0
_LONGEST_URI: Final = 2048
_LONGEST_CODE: Final = 64
_CODE: Final = re.compile(r"[A-Za-z0-9]+(?:[ _-]{1,3}[A-Za-z0-9]+)*")
"""What a person types (§6.1), and nothing that an address, or a sentence with one in it, could be written with."""


@dataclass(frozen=True, slots=True)
class DeviceAnswer:
    """What the device authorization endpoint said (RFC 8628 §3.2). `lifetime` and `interval` in seconds."""

    device_code: str = field(repr=False)
    user_code: str = field(repr=False)
    verification_uri: str
    verification_uri_complete: str = field(repr=False)
    lifetime: float
    interval: float


def device_request(settings: TokenSettings, scope: Mapping[str, Any], origin: str) -> Draft:
    """The finished request: what the token shall be for, and who asks. Raises TemplateError, PlacementError, InputError, UrlRefused."""
    described = settings.sign_in.request or Request("POST", origin=f"{origin}.authorization_request")
    call = TokenCall(settings, scope, described, settings.sign_in.device_authorization_url, origin)
    add_targets(call)
    present(call)
    return call.draft()


def read_device_answer(members: Mapping[str, Any], url: str) -> DeviceAnswer:
    """The answer's members as they may be used and shown. Raises TokenAnswerError. `verification_url` is an old name that is still sent."""
    device_code, user_code = _text(members, "device_code", url, 4096), _text(members, "user_code", url, _LONGEST_CODE)
    if not _CODE.fullmatch(user_code):
        raise _missing("user_code", url)
    uri = _uri(members.get("verification_uri", members.get("verification_url")), url)
    complete = members.get("verification_uri_complete")
    return DeviceAnswer(
        device_code, user_code, uri, _uri(complete, url) if complete else "",
        min(_number(members.get("expires_in"), USUAL_LIFETIME), LONGEST_LIFETIME),
        min(max(1.0, _number(members.get("interval"), USUAL_INTERVAL)), LONGEST_INTERVAL),
    )  # fmt: skip


def _text(members: Mapping[str, Any], name: str, url: str, longest: int) -> str:
    value = members.get(name)
    if not isinstance(value, str) or not value or len(value) > longest:
        raise _missing(name, url)
    return value


def _missing(name: str, url: str) -> TokenAnswerError:
    return TokenAnswerError("token_field_missing", f"{url} answered without a usable {name} (RFC 8628 §3.2)", status=200, url=url, fields=())


def _uri(value: Any, url: str) -> str:
    """A URL that a person can be sent to: https, or this machine's."""
    is_good = isinstance(value, str) and len(value) <= _LONGEST_URI and inert(value) == value
    if is_good:
        try:
            origin = Origin.of(value)
            is_good = origin.scheme == "https" or origin.is_loopback
        except UrlRefused:
            is_good = False
    if not is_good:
        raise TokenAnswerError("token_field_missing", f"{url} answered without a verification_uri that a person can be sent to (RFC 8628 §3.2)", status=200, url=url, fields=())
    return str(value)


def _number(value: Any, usual: float) -> float:
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 10:
        value = int(value)
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value > 0
    return float(value) if is_number else usual

"""The named `format`s of inputs."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlsplit

_LABEL: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_UUID: Final = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_LOCAL_PART: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}")
_URL: Final = re.compile(r"https?://[!-~]+", re.IGNORECASE)


def is_hostname(text: str) -> bool:
    """Labels of letters, digits and inner hyphens (RFC 1123 §2.1), at most 253 characters; no port, no final dot."""
    return len(text) <= 253 and all(_LABEL.fullmatch(label) for label in text.split("."))


def is_url(text: str) -> bool:
    """An absolute http or https URL in ASCII with a host; no user, no fragment, no backslash."""
    if not _URL.fullmatch(text) or len(text) > 2048 or "\\" in text or "#" in text:
        return False
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    if "@" in parts.netloc or parts.netloc.endswith(":") or port == 0:
        return False
    return _is_ipv6(host) if parts.netloc.startswith("[") else is_hostname(host)


def _is_ipv6(host: str) -> bool:
    try:
        return ipaddress.IPv6Address(host).scope_id is None
    except ValueError:
        return False


def is_uuid(text: str) -> bool:
    """RFC 9562 §4, in either case, without braces."""
    return _UUID.fullmatch(text) is not None


def is_email(text: str) -> bool:
    """One address as HTML forms take it: the dot-atom of RFC 5322 §3.4.1 and a host name."""
    local, at, host = text.rpartition("@")
    return bool(at) and _LOCAL_PART.fullmatch(local) is not None and is_hostname(host)


FORMATS: Final[Mapping[str, tuple[Callable[[str], bool], str]]] = {
    "hostname": (is_hostname, "a host name such as api.acme.example, without https:// and port"),
    "url": (is_url, "a URL such as https://api.acme.example, without user and fragment"),
    "uuid": (is_uuid, "a UUID such as 123e4567-e89b-12d3-a456-426614174000"),
    "email": (is_email, "an e-mail address"),
}
"""Name → the check, and what would be right."""

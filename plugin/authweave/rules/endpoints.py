"""A grant without the endpoint that it needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final

from authweave.checking.defaults import grant_name
from authweave.checking.document import Checked
from authweave.values import Problem

_FOUND: Final = "issuer (its metadata name it) or resource (it names its issuer)"
_SIGN_IN: Final[Mapping[str, str]] = {
    "authorization_code": "authorization_url",
    "device_code": "device_authorization_url",
    "urn:ietf:params:oauth:grant-type:device_code": "device_authorization_url",
}


class Endpoints:
    """Every call needs a place to go: it is written, or the metadata of an `issuer` or `resource` name it."""

    name: ClassVar[str] = "endpoint.missing"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per endpoint that nobody names."""
        if checked.data.get("abstract") is True:
            return
        for path, auth, _ in checked.variants:
            if auth.get("type") != "oauth2" or "grant_type" not in auth or checked.is_hurt(*path):
                continue
            if "token_url" not in auth and not _is_found(auth):
                yield checked.problem(self.name, path, "nobody says where the token endpoint is", f"write token_url, {_FOUND}")
            needed = _SIGN_IN.get(grant_name(auth), "")
            if needed and needed not in auth and "token_url" in auth and not _has_metadata(auth):
                yield checked.problem(self.name, path, f"nobody says where the {needed} is", f"write {needed}, or issuer: its metadata name it")


def _is_found(auth: Mapping[str, Any]) -> bool:
    return "issuer" in auth or "resource" in auth


def _has_metadata(auth: Mapping[str, Any]) -> bool:
    return "issuer" in auth or ("resource" in auth and "token_url" not in auth)

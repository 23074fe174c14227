"""Client authentication in two places."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from authweave.checking import Checked
from authweave.defaults import auth_paths
from authweave.values import Problem


class TokenFields:
    """`client_auth` proves the client once; a field that proves it again makes servers answer invalid_request (RFC 6749 §2.3)."""

    name: ClassVar[str] = "client_auth.twice"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per field."""
        for path, auth in auth_paths(checked.data):
            method = auth.get("client_auth", "client_secret_basic")
            for request in ("token_request", "refresh_request"):
                for index, field in enumerate(_fields(auth.get(request))):
                    if _proves(field) and auth.get("type") == "oauth2" and method != "none":
                        at = (*path, request, "fields", index)
                        yield checked.problem(self.name, at, f"client_auth {method} sends this already", "remove the field, or write client_auth: none")


def _fields(request: Any) -> list[dict[str, Any]]:
    fields = request.get("fields") if isinstance(request, dict) else None
    return [field for field in fields if isinstance(field, dict)] if isinstance(fields, list) else []


def _proves(field: dict[str, Any]) -> bool:
    place, key = field.get("in", "payload"), str(field.get("key")).lower()
    return (place == "header" and key == "authorization") or (place in ("payload", "query") and key in ("client_secret", "client_assertion"))

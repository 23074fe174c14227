"""Client authentication in two ways."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Final

from authweave.checking.document import Checked
from authweave.checking.parts import FieldPart, RequestPart
from authweave.values import Problem

_PROOFS: Final = {"client_secret_post": "client_secret", "private_key_jwt": "client_assertion", "client_secret_jwt": "client_assertion"}


class TokenFields:
    """`client_auth` proves the client once; a field that proves it in another way makes servers answer invalid_request (RFC 6749 §2.3).

    A field of the same place and name replaces the standard parameter, and is no second proof; an Authorization header of
    one's own is one, whatever `client_auth` would send: it goes with `client_auth: none`. What ends a token may carry that
    token in its place: some servers revoke what they are called with.
    """

    name: ClassVar[str] = "client_auth.twice"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per field."""
        methods = {path: full.get("client_auth", "") for path, _, full in checked.variants}
        bare = {request.path for request in checked.requests if request.carrier == "revoke" and _leaves_out(request, methods.get(request.path[:-1], ""))}
        for field in checked.fields:
            if field.carrier in ("token", "refresh", "revoke") and (method := methods.get(field.path[:-3], "")) and _proves_too(field, method) and not (_is_header(field) and field.path[:-2] in bare):
                yield checked.problem(self.name, field.path, f"client_auth {method} proves the client already", "remove the field, or write client_auth: none")


def _leaves_out(request: RequestPart, method: str) -> bool:
    """Is no proof of the client sent, or is it what a header field of its own replaces?"""
    if method == "client_secret_basic":
        return True
    return request.spec.get("encoding") == "none" or _PROOFS.get(method) in request.spec.get("omit", ())


def _proves_too(field: FieldPart, method: str) -> bool:
    if _is_header(field):
        return method != "none"
    if method in ("private_key_jwt", "client_secret_jwt"):
        return field.place in ("payload", "query") and field.key == "client_secret"
    return method == "client_secret_basic" and field.place in ("payload", "query") and field.key in ("client_secret", "client_assertion")


def _is_header(field: FieldPart) -> bool:
    return field.place == "header" and field.key.lower() == "authorization"

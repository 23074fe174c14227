"""A colon in a user name that is sent by HTTP Basic."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from authweave.checking.document import Checked
from authweave.templates import Template
from authweave.values import Problem


class BasicUserName:
    """The colon ends the user name in HTTP Basic (RFC 7617 §2); only form-encoding (`basic_encoding: rfc6749`) hides it."""

    name: ClassVar[str] = "basic.colon"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per name that has a colon of its own."""
        for path, auth, full in checked.variants:
            if auth.get("type") == "basic" and _has_colon(checked.compiled.get((*path, "username"))):
                yield checked.problem(self.name, (*path, "username"), "a user name with a colon cannot be sent by HTTP Basic", "take the colon out (RFC 7617 §2)")
            if _is_raw(full) and _has_colon(checked.compiled.get((*path, "client_id"))):
                fix = "write basic_encoding: rfc6749, which encodes it"
                yield checked.problem(self.name, (*path, "client_id"), "a client id with a colon cannot be sent with basic_encoding raw", fix)


def _is_raw(auth: Any) -> bool:
    return bool(auth.get("client_auth") == "client_secret_basic" and auth.get("basic_encoding") == "raw")


def _has_colon(compiled: Any) -> bool:
    return isinstance(compiled, Template) and any(isinstance(part, str) and ":" in part for part in compiled.parts)

"""The password grant: deprecated, and sometimes all there is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from authweave.checking.defaults import grant_of
from authweave.checking.document import Checked
from authweave.values import Problem


class PasswordGrant:
    """The password grant shows a person's password to the application and knows no second factor: RFC 9700 §2.4 says that it must not
    be used. A server that has nothing else for programs still needs it; so this is a warning."""

    name: ClassVar[str] = "grant.password"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One warning per variant."""
        for path, auth, _ in checked.variants:
            if auth.get("type") == "oauth2" and grant_of(auth, checked.catalog).name == "password" and checked.merged.is_own((*path, "grant_type")):
                yield checked.problem(
                    self.name, (*path, "grant_type"), "the password grant is deprecated (RFC 9700 §2.4): the application sees the person's password",
                    "write authorization_code or client_credentials if the server has one of them; if not, use an account made for this program",
                    severity="warning",
                )  # fmt: skip

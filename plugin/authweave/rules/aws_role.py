"""Settings of a role of AWS that nobody assumes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Final

from authweave.checking.document import Checked
from authweave.values import Problem

_OF_ROLE: Final = ("role_session_name", "external_id", "duration_seconds", "token_url", "token_request", "token_response", "refresh_before")


class AwsRole:
    """What is said of a role has an effect only where one is assumed."""

    name: ClassVar[str] = "aws_sigv4.role"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per key."""
        for path, auth, _ in checked.variants:
            if auth.get("type") == "aws_sigv4" and "role_arn" not in auth:
                for key in _OF_ROLE:
                    if key in auth:
                        yield checked.problem(self.name, (*path, key), "no role is assumed here", "remove it, or write role_arn", of_key=True)

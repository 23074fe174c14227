"""Registration as a client that cannot come about, or not as it is meant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from authweave.checking.document import Checked
from authweave.values import Path, Problem


class Registration:
    """`registration` registers where nobody supplies a client_id, with the client authentication that the profile uses (RFC 7591)."""

    name: ClassVar[str] = "registration"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per contradiction."""
        for path, auth, full in checked.variants:
            if "registration" in auth:
                yield from self._contradictions(checked, path, auth, full)
            elif "registration_url" in auth:
                yield checked.problem(self.name, (*path, "registration_url"), "is not used without `registration`", "write registration: {client_name: …}")

    def _contradictions(self, checked: Checked, path: Path, auth: Mapping[str, Any], full: Mapping[str, Any]) -> Iterable[Problem]:
        if "registration_url" not in auth and "issuer" not in auth and ("resource" not in auth or "token_url" in auth):
            yield checked.problem(self.name, (*path, "registration"), "nobody says where to register", "write registration_url, or issuer: its metadata name it")
        method, used = auth["registration"].get("token_endpoint_auth_method"), full.get("client_auth")
        if isinstance(method, str) and "{{" not in method and used and method != used:
            at = (*path, "registration", "token_endpoint_auth_method")
            yield checked.problem(self.name, at, f"registers for {method}, and client_auth is {used}", f"write client_auth: {method}")
        for key in ("client_id", "client_secret"):
            written = auth.get(key)
            if isinstance(written, str) and f"inputs.{key}" not in written:
                at = (*path, key)
                yield checked.problem(self.name, at, f"a registration stands for the input {key}, which is not read here", f"leave {key} out, or read '{{{{ inputs.{key} }}}}'")

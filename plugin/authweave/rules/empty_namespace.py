"""A template reads what nothing ever gives."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from authweave.checking.defaults import gets_token
from authweave.checking.document import Checked
from authweave.values import Problem


class EmptyNamespace:
    """`token` is read only where a token is got, `signature` only where a string is signed, `assertion` only where one is described and its call is made."""

    name: ClassVar[str] = "namespace.empty"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per template."""
        spaces = [(path, read[0]) for path, read, _ in checked.written_reads if read[0] in ("token", "signature", "assertion")]
        for path, space in dict.fromkeys(spaces):
            at, auth, full = next(((at, auth, full) for at, auth, full in checked.variants if path[: len(at)] == at), ((), {}, {}))
            kind = str(auth.get("type", ""))
            if kind not in checked.catalog.named("schemes") or "." in kind:
                continue
            if space == "signature":
                if "string_to_sign" not in checked.catalog.find("schemes", kind).schema.get("properties", {}):
                    yield checked.problem(self.name, path, f"type {kind} signs no string, so `signature` is always null", "write type: signature, or compute it: `hmac(inputs.key, request.body)`")
            elif space == "assertion":
                if "assertion" not in full:
                    yield checked.problem(self.name, path, "there is no `assertion`, so it is always null", "describe it: assertion: {claims: {…}}")
                elif gets_token(auth, checked.catalog) and path[len(at)] == "fields":
                    yield checked.problem(self.name, path, "an assertion belongs to a token call, and is not kept with the token", "read `token`, or write type: jwt, whose token is the assertion")
            elif not gets_token(auth, checked.catalog):
                yield checked.problem(self.name, path, f"type {kind} gets no token, so `token` is always null", "read an input, or choose a type that gets a token")

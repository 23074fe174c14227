"""Which inputs a variant reads, whatever lies between: what it needs, and what its token rests on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from authweave.checking.document import Checked
from authweave.profile import (
    Field,
    Input,
)
from authweave.values import Path

_NO_TOKEN_CALL: Final = ("fields", "when", "rejected_when", "revoke_request", "redirect_uri", "authorization_url", "authorization_request", "callback", "registration", "registration_url")
"""Keys of `auth` that no token call reads: the inputs behind them are no part of the token's key."""


class Reads:
    """The look-ups of a checked document."""

    def __init__(self, checked: Checked, inputs: Mapping[str, Input], variables: Mapping[str, Any]) -> None:
        self.full = checked.full
        self.compiled = checked.compiled
        self.inputs = inputs
        self.vars = variables

    def of_token(self, path: Path) -> frozenset[str]:
        """The inputs that the token calls of a variant read."""
        return self.inputs_of(self.reads_below(path, beside=_NO_TOKEN_CALL)) | self.secrets_shown()

    def needs(self, fields: Iterable[Field], token_path: Path | None) -> frozenset[str]:
        """The inputs that every request of the variant reads: conditional and optional fields may do without."""
        reads: set[tuple[str, ...]] = set()
        for field in fields:
            if field.when is None and not field.optional:
                reads |= field.value.reads
        for index in range(len(self.full["servers"])):
            reads |= self.compiled[("servers", index)].reads
        reads |= self.reads_below(("tls",), beside=())
        if token_path is not None:
            reads |= self.reads_below(token_path, beside=(*_NO_TOKEN_CALL, "refresh_request"))
        return self.inputs_of(reads)

    def reads_below(self, path: Path, *, beside: tuple[str, ...]) -> set[tuple[str, ...]]:
        """Every look-up below a path, but for what is below these keys."""
        depth = len(path)
        return {
            read for at, compiled in self.compiled.items() if at[:depth] == path and at[depth] not in beside for read in compiled.reads
        }

    def secrets_shown(self) -> frozenset[str]:
        """The secret inputs behind the certificate that token calls show: part of what an unattended token rests on."""
        if "token" not in self.full.get("tls", {}).get("calls", ()):
            return frozenset()
        return frozenset(name for name in self.inputs_of(self.reads_below(("tls",), beside=())) if self.inputs[name].secret)

    def inputs_of(self, reads: Iterable[tuple[str, ...]]) -> frozenset[str]:
        """The inputs behind look-ups, those that variables read included."""
        names: set[str] = set()
        waiting, seen = list(reads), set()
        while waiting:
            read = waiting.pop()
            if read in seen:
                continue
            seen.add(read)
            if read[0] == "inputs":
                names |= {read[1]} if len(read) > 1 else set(self.inputs)
            elif read[0] == "vars" and len(read) > 1:
                waiting += self.vars[read[1]].reads
        return frozenset(names)

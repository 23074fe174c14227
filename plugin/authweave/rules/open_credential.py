"""A credential that nobody declared a secret: it would be shown in forms, logs and reports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final

from authweave.checking.document import Checked
from authweave.values import Path, Problem

_SECRET_PLACES: Final = ("client_secret", "password", "token")


class OpenCredential:
    """What stands in a secret place, and at least one field of `auth.fields`, is made from a secret; an input that says
    `secret: false` in so many words may stand there too."""

    name: ClassVar[str] = "credential.open"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per place."""
        if checked.has_unknown_parts:
            return
        tls = checked.data.get("tls") or {}
        for key in ("private_key", "password"):
            if key in tls:
                yield from self._open(checked, ("tls", key), [("tls", key)])
        for path, auth, _ in checked.variants:
            places: list[Path] = [(*path, key) for key in _SECRET_PLACES if key in auth]
            places += [at for key in ("assertion", "client_assertion") for at in ((*path, key), (*path, key, "signing_key")) if at in checked.compiled]
            for at in places:
                yield from self._open(checked, at, [at])
            if fields := auth.get("fields"):
                yield from self._open(checked, (*path, "fields"), [(*path, "fields", index, "value") for index in range(len(fields))])

    def _open(self, checked: Checked, at: Path, sites: list[Path]) -> Iterable[Problem]:
        compiled = [checked.compiled[site] for site in sites if site in checked.compiled]
        sources = checked.secrecy.sources(read for made in compiled for read in made.reads)
        if len(compiled) < len(sites) or not sources or checked.secrecy.is_secret(sources):
            return
        names = sorted({read[1] for read in sources if read[0] == "inputs" and len(read) > 1})
        declared: Mapping[str, Any] = checked.full["inputs"]
        if names and all(name in declared and "secret" not in declared[name] and not checked.is_hurt("inputs", name) for name in names):
            first = f"inputs.{names[0]}" if len(names) == 1 else "one of " + ", ".join(f"inputs.{name}" for name in names)
            yield checked.problem(self.name, at, "the credential is made from inputs that are not secret: it would be shown",
                                  f"declare {first} with secret: true (secret: false if it really is none)")  # fmt: skip

"""What is made from a secret is a secret: which look-ups of a profile give one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from authweave.checking.defaults import auths
from authweave.checking.parts import keeps_of
from authweave.values import Path

Read = tuple[str, ...]
_SECRET_SPACES: Final = frozenset({"token", "assertion", "signature", "callback"})


class Secrecy:
    """Answers for one profile. `full` is its data with defaults, `compiled` its templates."""

    def __init__(self, full: Mapping[str, Any], compiled: Mapping[Path, Any]) -> None:
        self._inputs = full["inputs"]
        self._variants = auths(full)
        self._compiled = compiled

    def is_secret(self, reads: Iterable[Read]) -> bool:
        """Does one of the look-ups give a secret, or something made from one?"""
        return any(map(self._gives_secret, self.sources(reads)))

    def sources(self, reads: Iterable[Read]) -> set[Read]:
        """The look-ups behind look-ups: variables are followed to what they read."""
        found: set[Read] = set()
        seen: set[Read] = set()
        waiting = list(reads)
        while waiting:
            read = waiting.pop()
            if read[0] != "vars":
                found.add(read)
            elif read not in seen:
                seen.add(read)
                waiting += self._of_variable(read)
        return found

    def _of_variable(self, read: Read) -> Iterable[Read]:
        if len(read) > 1:
            made = self._compiled.get(("vars", read[1]))
            return made.reads if made is not None else ()
        return [inner for path, made in self._compiled.items() if path[0] == "vars" for inner in made.reads]

    def _gives_secret(self, read: Read) -> bool:
        if read[0] == "inputs":
            specs = [self._inputs.get(read[1], {})] if len(read) > 1 else self._inputs.values()
            return any(spec.get("secret", False) for spec in specs)
        if read[0] == "kept":
            return len(read) == 1 or self._keeps_secret(read[1])
        return read[0] in _SECRET_SPACES

    def _keeps_secret(self, name: str) -> bool:
        for auth in self._variants:
            for at, item in keeps_of((), auth):
                if at[-1] == name and isinstance(item, dict):
                    return bool(item.get("secret", "pattern" not in item))
        return True

"""Scopes that are not what they seem."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, Final

from authweave.checking.document import Checked
from authweave.templates import Template
from authweave.values import Path, Problem

_NOT_IN_SCOPES: Final = re.compile(r'[^\x20\x21\x23-\x5b\x5d-\x7e]')


class ScopeToken:
    """An item of the list is one scope: no space, quote or backslash (RFC 6749 appendix A.4), and not the separator either."""

    name: ClassVar[str] = "scope.token"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per item. A text is sent as it is and may hold several scopes."""
        for path, auth, full in checked.variants:
            scopes = auth.get("scopes")
            separator = full.get("scope_separator", " ")
            if isinstance(scopes, str):
                yield from self._text(checked, (*path, "scopes"), "")
            for at, key in _items((*path, "scopes"), scopes):
                yield from self._text(checked, at, separator if key == "scope" else "", is_scope=key == "scope")

    def _text(self, checked: Checked, at: Path, separator: str, *, is_scope: bool = True) -> Iterable[Problem]:
        compiled = checked.compiled.get(at)
        if not isinstance(compiled, Template) or not is_scope:
            return
        literal = "".join(part for part in compiled.parts if isinstance(part, str))
        if not compiled.text:
            yield checked.problem(self.name, at, "is an empty scope", "remove it")
        elif found := _NOT_IN_SCOPES.search(literal):
            yield checked.problem(self.name, at, "a scope holds printable ASCII without quotes and backslashes (RFC 6749 A.4)", "take the character out", offset=compiled.text.find(found[0]))
        elif separator and (separator in literal or " " in literal):
            yield checked.problem(self.name, at, "one item of the list holds several scopes", "write one item for each, or the whole of scopes as one text")


def _items(path: Path, scopes: Any) -> Iterator[tuple[Path, str]]:
    for index, item in enumerate(scopes if isinstance(scopes, list) else ()):
        if isinstance(item, Mapping):
            yield (*path, index, "value"), item.get("key", "")
        else:
            yield (*path, index), "scope"

"""A template where none is rendered: it would be sent, or compared, letter for letter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from authweave.checking.document import Checked
from authweave.values import Path, Problem


class TemplatePlace:
    """Keys, names of parameters, separators, and the defaults and options of inputs are written out."""

    name: ClassVar[str] = "template.not_here"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per place."""
        for path, text in _plain_places(checked):
            if isinstance(text, str) and "{{" in text:
                yield checked.problem(self.name, path, "takes no template", "write it out")


def _plain_places(checked: Checked) -> Iterator[tuple[Path, Any]]:
    for field in checked.fields:
        yield (*field.path, "key"), field.key
    for request in checked.requests:
        for index, name in enumerate(request.spec.get("omit", ())):
            yield (*request.path, "omit", index), name
        for name, other in request.spec.get("rename", {}).items():
            yield (*request.path, "rename", name), other
    for path, auth, _ in checked.variants:
        yield (*path, "scope_separator"), auth.get("scope_separator")
        for index, item in enumerate(auth["scopes"] if isinstance(auth.get("scopes"), list) else ()):
            if isinstance(item, dict):
                yield (*path, "scopes", index, "key"), item.get("key")
    for name, spec in checked.data.get("inputs", {}).items():
        yield ("inputs", name, "default"), spec.get("default")
        for index, option in enumerate(spec.get("enum", ())):
            yield ("inputs", name, "enum", index), option

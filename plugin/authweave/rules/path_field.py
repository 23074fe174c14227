"""Path fields and the `{key}` that they fill."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import ClassVar, Final

from authweave.checking.document import Checked
from authweave.values import Path, Problem

_PLACEHOLDER: Final = re.compile(r"\{([A-Za-z_][A-Za-z0-9_.-]*)\}")
_EXPRESSION: Final = re.compile(r"\{\{.*?\}\}", re.DOTALL)


class PathField:
    """Every `{key}` of `servers` and of a test's URL has a path field; a credential's path field has its `{key}`.

    An addition (`fields`) may wait for the URL template of a task request, which only the host knows. A token call has
    no URL template.
    """

    name: ClassVar[str] = "path.unfilled"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """A problem per placeholder nothing fills, and per field that no place waits for."""
        fields = [field for field in checked.fields if field.place == "path"]
        for field in fields:
            if field.carrier in ("token", "refresh", "revoke"):
                fix = f"write the value into the URL: {'revoke_request.url' if field.carrier == 'revoke' else 'token_url'}: https://…/{{{{ … }}}}"
                yield checked.problem(self.name, field.path, "a path field has nothing to fill in a token call", fix)
        waiting = list(_placeholders(checked)) if fields or "{" in checked.document.text or checked.merged.parents else []
        if checked.has_unknown_parts or any(checked.is_hurt(*field.path, "key") or "{{" in field.key for field in checked.fields) or _hides_fields(checked):
            return
        common = {field.key for field in fields if field.carrier in ("task", "credential")}
        unfilled = False
        for path, keys in waiting:
            own = {field.key for field in fields if field.carrier == "test" and field.path[: len(path) - 1] == path[:-1]}
            for key in sorted(keys - common - own):
                unfilled = True
                at = f"{{{key}}}"
                yield checked.problem(self.name, path, f"no path field fills `{at}`", f"add {{in: path, key: {key}, value: …}} to fields", offset=_offset(checked, path, at))
        if not unfilled and any(path[0] == "servers" for path, _ in waiting) and not checked.is_hurt("servers"):
            for field in fields:
                if field.carrier == "credential" and not any(field.key in keys for _, keys in waiting):
                    yield checked.problem(self.name, field.path, f"no server has `{{{field.key}}}` in its path", f"write it into servers: https://…/{{{field.key}}}")


def _hides_fields(checked: Checked) -> bool:
    """May the field that is missed stand in a list that could not be read?"""
    return checked.is_hurt("fields") or any(checked.is_hurt(*path, "fields") for path, _, _ in checked.variants) or checked.is_hurt("auth", "type")


def _placeholders(checked: Checked) -> Iterator[tuple[Path, set[str]]]:
    for index, server in enumerate(checked.data.get("servers", ())):
        yield ("servers", index), _keys(server)
    for request in checked.requests:
        if request.carrier == "test" and "url" in request.spec:
            yield (*request.path, "url"), _keys(request.spec["url"])


def _keys(url: str) -> set[str]:
    return set(_PLACEHOLDER.findall(_EXPRESSION.sub("", url))) if "{" in url else set()


def _offset(checked: Checked, path: Path, placeholder: str) -> int:
    return max(str(getattr(checked.compiled.get(path), "text", "")).find(placeholder), 0)

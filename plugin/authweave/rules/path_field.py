"""Path fields and the `{key}` that they fill."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from authweave.checking import Checked
from authweave.defaults import auth_paths
from authweave.values import Path, Problem

_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_.-]*)\}")


class PathField:
    """Every `{key}` of `servers` and of a test's URL has a path field; a credential's path field has its `{key}`.

    An addition (`fields`) may wait for the URL template of a task request, which only the host knows.
    """

    name: ClassVar[str] = "path.unfilled"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """A problem per placeholder nothing fills, and per credential that no place waits for."""
        filled = {str(field.get("key")) for _, field in _fields(checked.full) if field.get("in") == "path"}
        waiting = {key for _, keys in _placeholders(checked.full) for key in keys}
        for path, keys in _placeholders(checked.full):
            for key in sorted(keys - filled):
                yield checked.problem(self.name, path, f"no path field fills `{{{key}}}`", f"add {{in: path, key: {key}, value: …}} to fields")
        if any("{" in str(server) for server in checked.data.get("servers") or []) or not checked.data.get("servers"):
            return
        for path, field in _fields(checked.full):
            if field.get("in") == "path" and path[0] == "auth" and field.get("key") not in waiting:
                yield checked.problem(self.name, path, f"no server has `{{{field.get('key')}}}` in its path", f"write it into servers: https://…/{{{field.get('key')}}}")


def _fields(full: Mapping[str, Any]) -> Iterable[tuple[Path, Mapping[str, Any]]]:
    groups: list[tuple[Path, Any]] = [(("fields",), full.get("fields"))]
    groups += [((*path, "fields"), auth.get("fields")) for path, auth in auth_paths(full)]
    for path, fields in groups:
        for index, field in enumerate(fields if isinstance(fields, list) else []):
            if isinstance(field, dict):
                yield (*path, index), field


def _placeholders(full: Mapping[str, Any]) -> Iterable[tuple[Path, set[str]]]:
    for index, server in enumerate(full.get("servers") or []):
        yield ("servers", index), _keys(server)
    tests = full.get("test")
    for index, test in enumerate(tests if isinstance(tests, list) else [tests]):
        if isinstance(test, dict) and isinstance(request := test.get("request"), dict):
            path: Path = ("test", index, "request", "url") if isinstance(tests, list) else ("test", "request", "url")
            yield path, _keys(request.get("url"))


def _keys(url: Any) -> set[str]:
    return set(_PLACEHOLDER.findall(re.sub(r"\{\{.*?\}\}", "", url, flags=re.DOTALL))) if isinstance(url, str) else set()

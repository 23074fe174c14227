"""A value that chooses the host."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from authweave.checking import Checked
from authweave.urls import UrlTemplate
from authweave.values import Problem


class UrlHost:
    """What stands for a whole host or origin needs `pattern`, `enum` or `format`; if it is kept, always a `pattern`."""

    name: ClassVar[str] = "url.open_host"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per URL and value."""
        for path, compiled in checked.compiled.items():
            if isinstance(compiled, UrlTemplate) and checked.merged.is_written(path):
                for read in sorted(compiled.host_reads):
                    if not _is_bounded(checked, read):
                        name = ".".join(read)
                        yield checked.problem(self.name, path, f"`{name}` alone chooses the host", f"give {name} a pattern, an enum, or format: hostname (url for a whole origin)")


def _is_bounded(checked: Checked, read: tuple[str, ...]) -> bool:
    if read[0] == "inputs" and len(read) > 1:
        spec: Any = (checked.full.get("inputs") or {}).get(read[1])
        return not isinstance(spec, dict) or any(key in spec for key in ("pattern", "enum", "format"))
    if read[0] == "vars" and len(read) > 1:
        compiled = checked.compiled.get(("vars", read[1]))
        return compiled is None or all(_is_bounded(checked, inner) for inner in compiled.reads if inner != read)
    if read[0] == "kept":
        return _kept_with_pattern(checked, read[1]) if len(read) > 1 else False
    return read[0] == "profile"


def _kept_with_pattern(checked: Checked, name: str) -> bool:
    from authweave.defaults import auths

    found = [auth.get("token_response", {}).get("keep", {}).get(name) for auth in auths(checked.data)]
    return any(isinstance(item, dict) and "pattern" in item for item in found)

"""A parameter of the token call that is written in two places, of which one is never sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from authweave.checking.document import Checked
from authweave.values import Path, Problem


class ParameterTwice:
    """`audience` and `resource` are parameters with keys of their own. An item of `scopes` of that key is replaced by the key, and both by a
    field of the token request: what is written first is never sent. It is a warning, since the call can be made.
    """

    name: ClassVar[str] = "parameter.twice"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One warning per place that wins."""
        for path, auth, _ in checked.variants:
            keys = [((*path, name), name) for name in ("audience", "resource") if name in auth]
            scopes = list(_of_scopes(path, auth))
            for at, name in keys:
                if earlier := _written(name, scopes):
                    yield self._twice(checked, at, name, earlier)
            for field in checked.fields:
                is_sent = field.carrier == "token" and field.path[:-3] == path and field.place == "payload" and "when" not in field.spec
                if is_sent and (earlier := _written(field.key, [*keys, *scopes])):
                    yield self._twice(checked, field.path, field.key, earlier)

    def _twice(self, checked: Checked, at: Path, name: str, earlier: Path) -> Problem:
        where = ".".join(part for part in map(str, earlier) if not part.isdecimal())
        return checked.problem(self.name, at, f"the parameter `{name}` is written in `{where}`, too, and only this one is sent", "keep one of them", severity="warning")


def _of_scopes(path: Path, auth: Mapping[str, Any]) -> Iterable[tuple[Path, str]]:
    """The parameters that items of `scopes` name."""
    scopes = auth.get("scopes")
    for index, item in enumerate(scopes if isinstance(scopes, list) else ()):
        if isinstance(item, Mapping) and "key" in item:
            yield (*path, "scopes", index), str(item["key"])


def _written(name: str, places: Iterable[tuple[Path, str]]) -> Path | None:
    return next((at for at, key in places if key == name and name in ("audience", "resource")), None)

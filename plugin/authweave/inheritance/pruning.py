"""A document without its wrong parts, so that everything later sees only what has its right shape.

Items that are taken out of a list move those behind them up; `Pruned.original` says where a part stood before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from authweave.values import Path

_HERE = object()


@dataclass(frozen=True, slots=True)
class Pruned:
    """What is left, what was cut out, and for every list that lost items the places at which the others stood."""

    data: Any
    cut: tuple[Path, ...] = ()
    moved: Mapping[Path, tuple[int, ...]] = field(default_factory=dict)

    def original(self, path: Path) -> Path:
        """The path of a part in the document as it was."""
        return tuple(self._before(path[:depth], part) for depth, part in enumerate(path)) if self.moved else path

    def _before(self, holder: Path, part: str | int) -> str | int:
        places = self.moved.get(holder, ()) if isinstance(part, int) else ()
        return places[part] if isinstance(part, int) and part < len(places) else part


def pruned(data: Any, wrong: Iterable[Path]) -> Pruned:
    """The data without the parts at these paths."""
    cuts: dict[Any, Any] = {}
    cut = tuple(wrong)
    for path in cut:
        branch = cuts
        for part in path:
            branch = branch.setdefault(part, {})
        branch[_HERE] = True
    moved: dict[Path, tuple[int, ...]] = {}
    return Pruned({} if _HERE in cuts else _left(data, cuts, (), moved), cut, moved)


def _left(data: Any, cuts: Mapping[Any, Any], path: Path, moved: dict[Path, tuple[int, ...]]) -> Any:
    if not cuts:
        return data
    if isinstance(data, dict):
        return {
            key: _left(value, cuts.get(key, {}), (*path, key), moved)
            for key, value in data.items() if _HERE not in cuts.get(key, {})
        }  # fmt: skip
    if not isinstance(data, list):
        return data
    kept = [index for index in range(len(data)) if _HERE not in cuts.get(index, {})]
    if len(kept) < len(data):
        moved[path] = tuple(kept)
    return [_left(data[index], cuts.get(index, {}), (*path, place), moved) for place, index in enumerate(kept)]

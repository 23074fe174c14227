"""A profile with every default that has an effect, and for each part whether it was written, inherited or a default."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from authweave.cli.yaml_text import yaml_text
from authweave.values import Path, path_of

if TYPE_CHECKING:
    from authweave.extensions.catalog import Catalog
    from authweave.profile import Profile

DEFAULT: Final = "default"
_ORDER: Final = (
    "format", "name", "version", "identity_provider", "description", "documentation", "abstract", "subject", "inputs", "vars",
    "servers", "auth", "fields", "test",
)  # fmt: skip
_FIRST: Final = ("type", "name", "when", "grant_type")
_INPUT: Final[Mapping[str, Any]] = {
    "type": "string", "required": True, "secret": False, "visibility": "visible", "supplied_by": "application",
}  # fmt: skip


def whole_text(profile: Profile, catalog: Catalog) -> str:
    """The whole profile as YAML that is itself a valid profile and behaves the same; defaults bear a comment."""
    data = whole(profile, catalog)
    return yaml_text(data, lambda path: origin_of(profile, path, repeated=False))


def whole(profile: Profile, catalog: Catalog) -> dict[str, Any]:
    """The data, without the defaults that cannot have an effect in this profile: writing them out would be a mistake."""
    data = _ordered(_copied(profile.resolved), profile)
    refused = _refused_defaults(profile, data, catalog)
    while refused:
        for path in refused:
            _remove(data, path)
        refused = _refused_defaults(profile, data, catalog)
    return data


def origin_of(profile: Profile, path: Path, *, repeated: bool = True) -> str:
    """`default`, `implied by the auth type`, `from base.yaml:3`, or '' for what the file itself says.

    Not `repeated`: '' for a part of something that has the same origin already.
    """
    origin = _origin(profile, path)
    return "" if not repeated and len(path) > 1 and origin == _origin(profile, path[:-1]) else origin


def origins(profile: Profile, data: Any, path: Path = ()) -> Iterable[tuple[Path, str]]:
    """Every part that the file itself does not say, with its origin; a part of such a part is not told again."""
    for step, value in _parts(data):
        inner = (*path, step)
        if origin := origin_of(profile, inner):
            yield inner, origin
        else:
            yield from origins(profile, value, inner)


def _origin(profile: Profile, path: Path) -> str:
    merged = profile.merged
    if path == ("inputs",) and profile.inputs:
        return ""
    if not merged.is_written(path):
        implied = len(path) == 2 and path[0] == "inputs"
        return "implied by the auth type" if implied else DEFAULT
    if merged.is_own(path):
        return ""
    source, mark = merged.place(path)
    return f"from {source}:{mark.line}" if mark else f"from {source}"


def _parts(data: Any) -> Iterable[tuple[str | int, Any]]:
    return data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()


def _copied(data: Any) -> Any:
    """A copy without nulls, which mean *not written*."""
    if isinstance(data, Mapping):
        return {key: _copied(value) for key, value in data.items() if value is not None}
    return [_copied(item) for item in data] if isinstance(data, list | tuple) else data


def _ordered(data: dict[str, Any], profile: Profile) -> dict[str, Any]:
    """Keys in the order of the reference; within a part first what is written, then the defaults."""
    data.pop("extends", None)  # its parents are in here already
    ordered = {key: _written_first(data[key], (key,), profile) for key in _sorted(data, _ORDER)}
    inputs: dict[str, Any] = ordered.get("inputs", {})
    ordered["inputs"] = {name: {"title": name, **spec, **_missing(spec)} for name, spec in inputs.items()}
    return ordered


def _missing(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in _INPUT.items() if key not in spec}


def _written_first(data: Any, path: Path, profile: Profile) -> Any:
    if isinstance(data, list):
        return [_written_first(item, (*path, index), profile) for index, item in enumerate(data)]
    if not isinstance(data, dict):
        return data
    keys = _sorted(data, _FIRST) if path[0] == "auth" and len(path) <= 2 else list(data)
    keys = sorted(keys, key=lambda key: not profile.merged.is_written((*path, key)))
    return {key: _written_first(data[key], (*path, key), profile) for key in keys}


def _sorted(keys: Iterable[str], order: tuple[str, ...]) -> list[str]:
    return sorted(keys, key=lambda key: order.index(key) if key in order else len(order))


def _refused_defaults(profile: Profile, data: dict[str, Any], catalog: Catalog) -> set[Path]:
    """The defaults that a rule would complain of, were they written."""
    from authweave.loading import check_text

    problems = check_text(yaml_text(data, lambda _: ""), "<show>", catalog=catalog).problems
    paths = {path_of(problem.key) for problem in problems}
    return {path for path in paths if path and _has(data, path) and not profile.merged.is_written(path)}


def _has(data: Any, path: Path) -> bool:
    for step in path:
        if not (step in data if isinstance(data, dict) else isinstance(data, list) and isinstance(step, int) and step < len(data)):
            return False
        data = data[step]
    return True


def _remove(data: Any, path: Path) -> None:
    if _has(data, path):
        for step in path[:-1]:
            data = data[step]
        del data[path[-1]]

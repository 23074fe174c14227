"""What a host gives to `Engine.connect`: names and values as they are kept, and compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from authweave.errors import UsageError
from authweave.values import Secret


def whole_text(name: str, value: Any) -> str:
    """The name of a tenant or a user; '' for None. Raises UsageError: 0 must not become nobody, nor 1 and '1' two."""
    if value is None:
        return ""
    if not isinstance(value, str) or any("\ud800" <= character <= "\udfff" for character in value):
        raise UsageError(f"{name} is a text (str) without halves of characters, and not {'one with some' if isinstance(value, str) else type(value).__name__}")
    return value


class Given(Mapping[str, Any]):
    """What a connection was given, by the names of inputs; what it shows is the names."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Given({', '.join(self._values)})"


def own_copy(value: Any) -> Any:
    """Maps and lists copied: what the host changes in its own afterwards is not what was connected."""
    if isinstance(value, Mapping):
        return {name: own_copy(member) for name, member in value.items()}
    return [own_copy(member) for member in value] if isinstance(value, list | tuple) else value


def by_value(value: Any) -> Any:
    """What stands for a value in the key of a map: equal for equal values, and no secret in it."""
    if isinstance(value, Secret):
        return value.kind, value.mark
    if isinstance(value, str | bytes):
        return type(value).__name__, Secret(value, "").mark
    if isinstance(value, Mapping):
        return "map", tuple((name, by_value(value[name])) for name in sorted(value, key=str))
    if isinstance(value, list | tuple):
        return "list", tuple(map(by_value, value))
    is_plain = value is None or isinstance(value, bool | int | float)
    return type(value).__name__, value if is_plain else id(value)

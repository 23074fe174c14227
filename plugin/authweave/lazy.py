"""A map whose values are computed when they are read, once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any


class Lazy(Mapping[str, Any]):
    """Names to functions without arguments; each is called at most once."""

    __slots__ = ("_makers", "_values")

    def __init__(self, makers: Mapping[str, Callable[[], Any]]) -> None:
        self._makers = makers
        self._values: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._values:
            self._values[name] = self._makers[name]()
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)


class Later:
    """A value of a namespace that is computed when a template reads it, once: an assertion nobody reads is never signed."""

    __slots__ = ("_make", "_value")

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make: Callable[[], Any] | None = make
        self._value: Any = None

    def value(self) -> Any:
        """The value. Raises what its maker raises."""
        if self._make is not None:
            self._value = self._make()
            self._make = None
        return self._value


class AnyCase(Mapping[str, str]):
    """Headers as templates see them: any case, repeated lines joined by a comma (RFC 9110 §5.2)."""

    __slots__ = ("_values",)

    def __init__(self, pairs: tuple[tuple[str, str], ...]) -> None:
        self._values: dict[str, str] = {}
        for name, value in pairs:
            lower = name.lower()
            self._values[lower] = f"{self._values[lower]}, {value}" if lower in self._values else value

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

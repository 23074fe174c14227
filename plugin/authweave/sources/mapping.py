"""Values that the host gives: a map, or a callable that is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from authweave.errors import InputError
from authweave.values import Secret

if TYPE_CHECKING:
    from authweave.profile import Input

Given = Mapping[str, Any] | Callable[[str, str, str], Any]
_KINDS = (str, bytes, bool, int, float, list, tuple, dict)


class MappingSource:
    """A map from input to value, or a callable (profile, input, tenant) → value or None.

    Values are text, bytes, numbers, truth values, lists, maps, or a Secret around one. None: not given. The callable
    may block, is called from worker threads, and what it raises becomes an InputError that names the exception's
    type only. `max_age` says after how many seconds it is to be asked again.
    """

    name: ClassVar[str] = "mapping"

    def __init__(self, given: Given, max_age: float | None = None, called: str = "the inputs of the host") -> None:
        self._given = given
        self.max_age = max_age
        self._called = called

    def get(self, profile: str, asked: Input, tenant: str) -> Secret | None:
        """The value given. Raises InputError for a value of another kind."""
        value = self._value(profile, asked, tenant)
        if value is None:
            return None
        inner = value.reveal() if isinstance(value, Secret) else value
        if not isinstance(inner, _KINDS):
            raise InputError(asked.name, f"{asked.name}: {self._called} hold a {type(inner).__name__}: no value")
        return value if isinstance(value, Secret) else Secret(value, self._called)

    def describe(self, profile: str, asked: Input, tenant: str) -> str:
        """Who gives it."""
        return f"{asked.name} in {self._called}"

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("the inputs of a host are never pickled")

    def _value(self, profile: str, asked: Input, tenant: str) -> Any:
        if isinstance(self._given, Mapping):
            return self._given.get(asked.name)
        try:
            return self._given(profile, asked.name, tenant)
        except InputError:
            raise
        except Exception as error:  # noqa: BLE001 - a host's own code: its words and frames may hold the value
            failed = type(error).__name__
        raise InputError(asked.name, f"{asked.name}: asking for {self._called} failed with {failed}")

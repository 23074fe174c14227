"""Values that the host gives: a map, or a callable that is asked."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

from authweave.errors import InputError, UsageError
from authweave.values import Secret

if TYPE_CHECKING:
    from authweave.profile import Input

Given = Mapping[str, Any] | Callable[..., Any]
Ask = Callable[[str, str, str, str], Any]
"""(profile, input, tenant, subject) → value or None."""
FORM: Final = "(profile, input, tenant) or (profile, input, tenant, subject)"
_KINDS = (str, bytes, bool, int, float, list, tuple, dict)
_POSITIONAL: Final = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class MappingSource:
    """A map from input to value, or a callable (profile, input, tenant) → value or None.

    A callable that has a parameter `subject`, or needs a fourth one, is given the user's id, too; '' for nobody.
    Values are text, bytes, numbers, truth values, lists, maps, or a Secret around one. None: not given. The callable
    may block, is called from worker threads, and what it raises becomes an InputError that names the exception's
    type only. `max_age` says after how many seconds it is to be asked again. Raises UsageError for what is neither
    a map nor can be called so.
    """

    name: ClassVar[str] = "mapping"

    def __init__(self, given: Given, max_age: float | None = None, called: str = "the inputs of the host") -> None:
        self._ask = _asking(given)
        self.max_age = max_age
        self._called = called

    def get(self, profile: str, asked: Input, tenant: str) -> Secret | None:
        """The value given for a tenant and nobody in particular. Raises InputError for a value of another kind."""
        return self.get_for_subject(profile, asked, tenant, "")

    def get_for_subject(self, profile: str, asked: Input, tenant: str, subject: str) -> Secret | None:
        """The value given for a user of a tenant. Raises InputError for a value of another kind."""
        value = self._value(profile, asked, tenant, subject)
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

    def _value(self, profile: str, asked: Input, tenant: str, subject: str) -> Any:
        try:
            value = self._ask(profile, asked.name, tenant, subject)
        except InputError:
            raise
        except Exception as error:  # noqa: BLE001 - a host's own code: its words and frames may hold the value
            failed = type(error).__name__
        else:
            if not inspect.isawaitable(value):
                return value
            if inspect.iscoroutine(value):
                value.close()
            raise InputError(asked.name, f"{asked.name}: {self._called} are asked in a worker thread and may block: give a plain function, not an async one")
        raise InputError(asked.name, f"{asked.name}: asking for {self._called} failed with {failed}")


def _asking(given: Any) -> Ask:
    """The map or callable as one that takes all four."""
    if isinstance(given, Mapping):
        return lambda profile, name, tenant, subject: given.get(name)
    if not callable(given):
        raise UsageError(f"inputs are a map, or a function {FORM}; not {type(given).__name__}")
    try:
        parameters = list(inspect.signature(given).parameters.values())
    except (TypeError, ValueError):  # of some built-in callables nobody knows
        return lambda profile, name, tenant, subject: given(profile, name, tenant)
    return _fitted(given, parameters)


def _fitted(given: Callable[..., Any], parameters: list[inspect.Parameter]) -> Ask:
    """`subject` goes to whoever names it, or needs a fourth argument: one with a default of another name is the function's own."""
    positional = [parameter for parameter in parameters if parameter.kind in _POSITIONAL]
    takes_any = any(parameter.kind is inspect.Parameter.VAR_POSITIONAL for parameter in parameters)
    needed = [parameter for parameter in positional if parameter.default is inspect.Parameter.empty]
    named = [parameter for parameter in parameters if parameter.kind is inspect.Parameter.KEYWORD_ONLY]
    unknown = [parameter.name for parameter in named if parameter.default is inspect.Parameter.empty and parameter.name != "subject"]
    is_misplaced = any(parameter.name == "subject" for parameter in positional[:3])
    if unknown or is_misplaced or len(needed) > 4 or (len(positional) < 3 and not takes_any):
        raise UsageError(f"the function for inputs is called with {FORM}; this one takes ({', '.join(map(str, parameters))})")
    if any(parameter.name == "subject" for parameter in named):
        return lambda profile, name, tenant, subject: given(profile, name, tenant, subject=subject)
    fourth = positional[3:4]
    if fourth and (fourth[0].name == "subject" or fourth[0] in needed):
        return given
    return lambda profile, name, tenant, subject: given(profile, name, tenant)

"""Code that is not ours: whose an extension is, and calls of it that fail as ours would.

Of what a stranger's code raises only the type and the place are told: its words and frames may hold a secret.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar
from weakref import WeakKeyDictionary

from authweave.errors import AuthweaveError, ExtensionFailed

Value = TypeVar("Value")

UNFIT: Final = (Exception, SystemExit)
"""What no extension may raise, beside the errors of the tree. Ctrl-C and the end of a task are not its to catch."""

OWN: Final = "authweave"
WORDS: Final[Mapping[str, str]] = {
    "schemes": "auth type", "grants": "grant", "client_auth": "client authentication", "seals": "seal", "placements": "placement",
    "sources": "source", "stores": "store", "observers": "observer", "reports": "report format", "rules": "rule",
}  # fmt: skip
"""One extension of each kind, in words."""

_BY_METHOD: Final = {"describe": "source", "get": "source", "lease": "store"}
"""What tells the kind of an object that a host made and handed over, and nobody registered."""

_whose: Final[WeakKeyDictionary[type, tuple[str, str]]] = WeakKeyDictionary()


def note_origin(extension: type, kind: str, distribution: str) -> None:
    """Remember which distribution added this class, as which kind."""
    _whose[extension] = (kind, distribution)


def distribution_of(extension: object) -> str:
    """The distribution that added an extension (its class, or an object of it); '' for one that was never registered."""
    return _noted(extension)[1]


def in_words(extension: object) -> str:
    """An extension as messages name it: `grant urn:acme:badge of acme-authweave`."""
    found = _class_of(extension)
    kind, distribution = _noted(extension)
    if not distribution:
        return next((f"{word} {found.name}" for method, word in _BY_METHOD.items() if hasattr(found, method) and hasattr(found, "name")), f"{found.__module__}.{found.__qualname__}")
    return f"{WORDS.get(kind, kind)} {getattr(found, 'name', found.__qualname__)} of {distribution}"


def failed(extension: object, error: BaseException) -> AuthweaveError:
    """What to raise for what an extension raised: an error of the tree as it is, but without its frames; else ExtensionFailed.

    Raise it outside of the `except`, so that the foreign error does not hang on it as its context.
    """
    return error.fresh() if isinstance(error, AuthweaveError) else misbehaved(extension, f"raised {type(error).__name__}{place_of(error)}")


def misbehaved(extension: object, how: str) -> ExtensionFailed:
    """What to raise for an answer that the contract of its kind does not know. `how` holds no value."""
    return ExtensionFailed(f"the {in_words(extension)} {how}", extension=in_words(extension), distribution=distribution_of(extension))


def asked(extension: object, work: Callable[..., Value], *arguments: Any, of: type[Any] | tuple[type[Any], ...] | None = None) -> Value:
    """What an extension answers, which must be `of` this type. Raises ExtensionFailed, or the tree's error that it raised."""
    failure: AuthweaveError
    try:
        answer = work(*arguments)
    except UNFIT as error:
        failure = failed(extension, error)
    else:
        if of is None or isinstance(answer, of):
            return answer
        failure = misbehaved(extension, f"answered with {type(answer).__name__} in {_name(work)}, which its contract does not allow")
    raise failure


def place_of(error: BaseException) -> str:
    """` at file.py:12`, where it was raised; '' where nobody knows."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f" at {trace.tb_frame.f_code.co_filename.replace(chr(92), '/').rpartition('/')[2]}:{trace.tb_lineno}" if trace else ""


def _noted(extension: object) -> tuple[str, str]:
    found = _class_of(extension)
    return next((_whose[one] for one in found.__mro__ if one in _whose), ("", ""))


def _class_of(extension: object) -> type:
    return extension if isinstance(extension, type) else type(extension)


def _name(work: object) -> str:
    return str(getattr(work, "__name__", "a call"))

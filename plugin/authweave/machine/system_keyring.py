"""The system's keyring as the library `keyring` chooses it. Backends that keep plain text, or nothing, are refused by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from authweave.errors import SettingsError

_REFUSED: Final = {
    "keyrings.alt": "it keeps passwords in a file that others can read",
    "keyring.backends.null": "it keeps nothing",
    "keyring.backends.fail": "this system has no keyring",
}


def sound(backend: Any, setting: str) -> Any:
    """The backend, or the one that the library chooses (None). Raises SettingsError, which names the setting."""
    backend = backend if backend is not None else _chosen(setting)
    for part in _parts(backend):
        _refuse_plain(part, setting)
    return backend


def _chosen(setting: str) -> Any:
    try:
        import keyring
    except ImportError:
        wrong = "the library is not there: install authweave[keyring]"
    else:
        try:
            return keyring.get_keyring()
        except Exception as error:  # noqa: BLE001 - it imports whatever its configuration names
            wrong = f"the library could not choose a keyring ({type(error).__name__})"
    raise SettingsError(f"{setting} is set, and {wrong}")


def _parts(backend: Any) -> Iterator[Any]:
    """The backend, or those that a chain of backends asks one after another."""
    if type(backend).__module__ == "keyring.backends.chainer":
        for part in backend.backends:
            yield from _parts(part)
    else:
        yield backend


def _refuse_plain(backend: Any, setting: str) -> None:
    for ancestor in type(backend).__mro__:
        for module, why in _REFUSED.items():
            if ancestor.__module__ == module or ancestor.__module__.startswith(f"{module}."):
                named = f"{type(backend).__module__}.{type(backend).__qualname__}"
                raise SettingsError(f"{setting}: the keyring {named} is refused: {why}; choose another one")

"""The system's keyring: Secret Service, KWallet, macOS Keychain, Windows Credential Locker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

from authweave.errors import InputError, SettingsError
from authweave.hookspecs import Register, hookimpl
from authweave.settings import Settings
from authweave.values import Secret

if TYPE_CHECKING:
    from authweave.profile import Input

_REFUSED: Final = {
    "keyrings.alt": "it keeps passwords in a file that others can read",
    "keyring.backends.null": "it keeps nothing",
    "keyring.backends.fail": "this system has no keyring",
}


class KeyringSource:
    """Service `<keyring_service>/<profile>`, user `<input>`, or `<tenant>/<input>`, which is looked at first.

    `keyring set authweave/acme client_secret` puts one there. `backend` is the keyring to ask instead of the one that
    the library `keyring` chooses. Backends that keep plain text, or nothing, are refused by name.
    """

    name: ClassVar[str] = "keyring"
    max_age: float | None = None

    def __init__(self, service: str, backend: Any = None) -> None:
        self._service = service
        self._backend = backend

    @classmethod
    def from_settings(cls, settings: Settings) -> Self | None:
        """The source for `keyring_service`, if that is set."""
        return cls(settings.keyring_service) if settings.keyring_service else None

    def get(self, profile: str, asked: Input, tenant: str) -> Secret | None:
        """The password kept there. Raises InputError if the keyring fails, SettingsError if it is refused."""
        backend = self._backend if self._backend is not None else _chosen()
        for part in _parts(backend):
            _refuse_plain(part)
        service = f"{self._service}/{profile}"
        for user in _users(asked, tenant):
            if value := _kept(backend, service, user, asked):
                return Secret(value, f"keyring entry {user} of {service}")
        return None

    def describe(self, profile: str, asked: Input, tenant: str) -> str:
        """Service and user."""
        return f"keyring entry {' or '.join(_users(asked, tenant))} of {self._service}/{profile}"


def _chosen() -> Any:
    try:
        import keyring
    except ImportError:
        wrong = "the library is not there: install authweave[keyring]"
    else:
        try:
            return keyring.get_keyring()
        except Exception as error:  # noqa: BLE001 - it imports whatever its configuration names
            wrong = f"the library could not choose a keyring ({type(error).__name__})"
    raise SettingsError(f"keyring_service is set, and {wrong}")


def _parts(backend: Any) -> Iterator[Any]:
    """The backend, or those that a chain of backends asks one after another."""
    if type(backend).__module__ == "keyring.backends.chainer":
        for part in backend.backends:
            yield from _parts(part)
    else:
        yield backend


def _refuse_plain(backend: Any) -> None:
    for ancestor in type(backend).__mro__:
        for module, why in _REFUSED.items():
            if ancestor.__module__ == module or ancestor.__module__.startswith(f"{module}."):
                named = f"{type(backend).__module__}.{type(backend).__qualname__}"
                raise SettingsError(f"keyring_service: the keyring {named} is refused: {why}; choose another one")


def _users(asked: Input, tenant: str) -> tuple[str, ...]:
    return (f"{tenant}/{asked.name}", asked.name) if tenant else (asked.name,)


def _kept(backend: Any, service: str, user: str, asked: Input) -> str | None:
    try:
        value = backend.get_password(service, user)
        return value if value is None else str(value)
    except Exception as error:  # noqa: BLE001 - backends raise what their system raises; its words may hold anything
        failed = type(error).__name__
    raise InputError(asked.name, f"{asked.name}: the keyring {type(backend).__qualname__} failed with {failed}")


@hookimpl
def register_sources(register: Register) -> None:
    """Add this source."""
    register(KeyringSource)

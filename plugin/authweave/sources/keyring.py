"""The system's keyring: Secret Service, KWallet, macOS Keychain, Windows Credential Locker."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Self

from authweave.contracts import everything
from authweave.errors import InputError
from authweave.hookspecs import Register, hookimpl
from authweave.machine import system_keyring
from authweave.settings import Settings
from authweave.values import Secret

if TYPE_CHECKING:
    from authweave.profile import Input


class KeyringSource:
    """Service `<keyring_service>/<profile>`, user `<input>`, or `<tenant>/<input>`, which is looked at first.

    `keyring set authweave/acme client_secret` puts one there. `backend` is the keyring to ask instead of the one that
    the library `keyring` chooses. Backends that keep plain text, or nothing, are refused by name.
    """

    name: ClassVar[str] = "keyring"
    limited_by: ClassVar[str] = "files"
    max_age: float | None = None

    def __init__(self, service: str, backend: Any = None, allows: Callable[[str], bool] = everything) -> None:
        self._service = service
        self._backend = backend
        self._allows = allows

    @classmethod
    def from_settings(cls, settings: Settings) -> Self | None:
        """The source for `keyring_service`, if that is set."""
        return cls(settings.keyring_service) if settings.keyring_service else None

    def get(self, profile: str, asked: Input, tenant: str) -> Secret | None:
        """The password kept there. Raises InputError if the keyring fails, SettingsError if it is refused."""
        users = self._users(profile, asked, tenant)
        if not users:
            return None
        backend = system_keyring.sound(self._backend, "keyring_service")
        service = f"{self._service}/{profile}"
        for user in users:
            if value := _kept(backend, service, user, asked):
                return Secret(value, f"keyring entry {user} of {service}")
        return None

    def describe(self, profile: str, asked: Input, tenant: str) -> str:
        """Service and user."""
        return f"keyring entry {' or '.join(self._users(profile, asked, tenant)) or '(none)'} of {self._service}/{profile}"

    def names(self, profile: str, asked: Input, tenant: str) -> tuple[str, ...]:
        """`keyring:<service>/<profile>/<user>` of each entry."""
        return tuple(self._name(profile, user) for user in self._users(profile, asked, tenant))

    def only(self, allows: Callable[[str], bool]) -> Self:
        """The same source for these entries only: without any for an input the keyring is not asked."""
        return type(self)(self._service, self._backend, allows)

    def _users(self, profile: str, asked: Input, tenant: str) -> tuple[str, ...]:
        return tuple(user for user in _users(asked, tenant) if self._allows(self._name(profile, user)))

    def _name(self, profile: str, user: str) -> str:
        return f"keyring:{self._service}/{profile}/{user}"


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

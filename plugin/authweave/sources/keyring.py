"""The system's keyring: Secret Service, KWallet, macOS Keychain, Windows Credential Locker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

from authweave import system_keyring
from authweave.errors import InputError
from authweave.hookspecs import Register, hookimpl
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
        backend = system_keyring.sound(self._backend, "keyring_service")
        service = f"{self._service}/{profile}"
        for user in _users(asked, tenant):
            if value := _kept(backend, service, user, asked):
                return Secret(value, f"keyring entry {user} of {service}")
        return None

    def describe(self, profile: str, asked: Input, tenant: str) -> str:
        """Service and user."""
        return f"keyring entry {' or '.join(_users(asked, tenant))} of {self._service}/{profile}"


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

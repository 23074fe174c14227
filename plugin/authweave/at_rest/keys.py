"""The keys that seal stored tokens, and where they live: a key file, the system's keyring, or nowhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from authweave.at_rest.key_entry import KeyEntry
from authweave.at_rest.key_file import KeyFile
from authweave.at_rest.sealing_key import SealingKey
from authweave.errors import SettingsError
from authweave.settings import Settings
from authweave.settings.files import user_folder
from authweave.settings.kinds import is_key_itself

__all__ = ["Keys", "SealingKey", "rotated", "where"]

FILE_NAME: Final = "store.key"
_PLAINTEXT: Final = "plaintext"
_KEYRING: Final = "keyring:"
_RIGHT: Final = f"write the absolute path of a key file (or ~/…), {_KEYRING} or {_PLAINTEXT}"
_Source = Callable[[], tuple[SealingKey, ...] | None]


@dataclass(frozen=True, slots=True)
class Keys:
    """`active` seals and opens, `others` only open; without an active one nothing is sealed. Shown by their ids.

    Cannot be pickled (TypeError).
    """

    active: SealingKey | None
    others: tuple[SealingKey, ...] = ()
    _source: _Source | None = field(default=None, repr=False, compare=False)

    @classmethod
    def fresh(cls) -> Self:
        """A random key that only this process (and its forks) has."""
        return cls(SealingKey.fresh())

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The keys that `store_key` names; in the default file and in a keyring they are made if there are none yet.

        Blocking, safe for threads and processes. Raises SettingsError.
        """
        place = _place(settings)
        if place is None:
            return cls(None)
        active, *others = place.keys()
        return cls(active, tuple(others), place.read)

    def ids(self) -> tuple[str, ...]:
        """The ids of all, the active one first."""
        return tuple(key.id for key in self._all())

    def find(self, key_id: str) -> SealingKey | None:
        """The key of this id."""
        return next((key for key in self._all() if key.id == key_id), None)

    @property
    def oldest(self) -> SealingKey | None:
        """The key that has been there the longest."""
        return next(reversed(self._all()), None)

    def again(self) -> Keys:
        """The keys as they stand now where they live: somebody may have rotated them. These, if they cannot be read."""
        try:
            found = self._source() if self._source else None
        except SettingsError:
            return self
        return Keys(found[0], found[1:], self._source) if found else self

    def _all(self) -> tuple[SealingKey, ...]:
        return self.others if self.active is None else (self.active, *self.others)

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("Keys are never pickled")


def rotated(settings: Settings) -> Keys:
    """Make a new key the active one where the keys live, and keep the others. Raises SettingsError.

    Processes that run already find it as soon as they meet what it sealed. Machines with key files of their own need
    it first: add it below the top one everywhere, then move it to the top.
    """
    place = _place(settings)
    if place is None:
        raise SettingsError(f"{_named_by(settings)}: {_PLAINTEXT} has no key that could be rotated")
    active, *others = place.rotated()
    return Keys(active, tuple(others), place.read)


def where(settings: Settings) -> str:
    """Where the keys live, in words. Raises SettingsError if `store_key` names no place."""
    place = _place(settings)
    return place.words if place else f"nothing: {_PLAINTEXT}"


def _place(settings: Settings) -> KeyFile | KeyEntry | None:
    _refuse_key_itself(settings)
    told = settings.store_key
    if told is None:
        return _default(settings)
    if told == _PLAINTEXT:
        return None
    if told.startswith(_KEYRING):
        return KeyEntry(told.removeprefix(_KEYRING) or "authweave", user_folder(settings.environment))
    return _named(told, _named_by(settings))


def _refuse_key_itself(settings: Settings) -> None:
    """A key in the place of its name must not be taken for a path, which messages show."""
    if is_key_itself(settings.store_key or ""):
        raise SettingsError(f"{_named_by(settings)}: that is a key itself; put it into a file of mode 0600 and name that")


def _default(settings: Settings) -> KeyFile:
    folder = user_folder(settings.environment)
    if not folder.is_absolute():
        raise SettingsError(f"this user has no home folder for a key file; set AUTHWEAVE_STORE_KEY: {_RIGHT}")
    return KeyFile(folder / FILE_NAME, is_made=True)


def _named(told: str, named_by: str) -> KeyFile:
    try:
        path = Path(told).expanduser()
    except RuntimeError:
        path = Path()
    if not path.is_absolute():
        raise SettingsError(f"{named_by}: that names no place for keys; {_RIGHT}")
    return KeyFile(path, named_by=named_by)


def _named_by(settings: Settings) -> str:
    """What named the place, so that a message says where to change it."""
    origin = settings.origins["store_key"]
    return "store_key" if origin == "default" else origin

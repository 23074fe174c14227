"""Keys in the system's keyring."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from authweave.at_rest import placing
from authweave.at_rest.key_text import NotKeys, keys_in, line_of
from authweave.at_rest.locking import exclusively
from authweave.at_rest.sealing_key import SealingKey
from authweave.errors import SettingsError
from authweave.machine import system_keyring

USER: Final = "store-key"
_Found = tuple[SealingKey, ...]
_Result = TypeVar("_Result")


class _Failed(Exception):
    """Why the keyring is of no use; the message never holds what it keeps."""


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """One entry with all keys, the active one first. `folder` is where the lock lies that keeps two processes from
    making a key at once; `backend` is the keyring to ask instead of the one that the library chooses.

    Safe for threads and processes of one user on one machine. Every method raises SettingsError, whose message and
    frames hold no key.
    """

    service: str
    folder: Path
    backend: Any = field(default=None, repr=False)

    @property
    def words(self) -> str:
        """Where the keys are."""
        return f"keyring entry {USER} of {self.service}"

    def read(self) -> _Found | None:
        """The keys, or None if there is no entry."""
        return self._tried(self._read)

    def keys(self) -> _Found:
        """The keys; the entry is made if it is not there. All who start at once get the same."""
        return self.read() or self._tried(self._made)

    def rotated(self) -> _Found:
        """The keys after a new one was put in front of them."""
        return self._tried(self._rotated)

    def _read(self) -> _Found | None:
        kept = self._kept()
        return None if kept is None else keys_in("\n".join(kept.split()).encode())

    def _made(self) -> _Found:
        return self._exclusively(lambda: self._read() or self._written((SealingKey.fresh(),)))

    def _rotated(self) -> _Found:
        return self._exclusively(lambda: self._written((SealingKey.fresh(), *(self._read() or ()))))

    def _exclusively(self, step: Callable[[], _Found]) -> _Found:
        if not self.folder.is_absolute():
            raise _Failed("cannot be made: this user has no home folder where a lock could keep two processes apart")
        placing.own_folder(self.folder)
        with exclusively(self.folder / "keyring.lock"):
            return step()

    def _written(self, keys: _Found) -> _Found:
        """What is there after writing: what counts is what others will read."""
        self._keep(" ".join(map(line_of, keys)))
        found = self._read()
        if found is None:
            raise _Failed("did not keep what was written")
        return found

    def _kept(self) -> str | None:
        backend = system_keyring.sound(self.backend, "store_key")
        try:
            kept = backend.get_password(self.service, USER)
            return None if kept is None else str(kept)
        except Exception as error:  # noqa: BLE001 - backends raise what their system raises; its words may hold anything
            failed = f"could not be read: {type(backend).__qualname__} failed with {type(error).__name__}"
        raise _Failed(failed)

    def _keep(self, text: str) -> None:
        backend = system_keyring.sound(self.backend, "store_key")
        try:
            backend.set_password(self.service, USER, text)
            return
        except Exception as error:  # noqa: BLE001 - as above
            failed = f"could not be written: {type(backend).__qualname__} failed with {type(error).__name__}"
        raise _Failed(failed)

    def _tried(self, step: Callable[[], _Result]) -> _Result:
        try:
            return step()
        except NotKeys:
            wrong = "holds something else than keys; remove it, or name another service: keyring:service"
        except _Failed as failed:
            wrong = str(failed)
        except TimeoutError:
            wrong = "is being changed by another process"
        except (placing.Foreign, OSError) as error:
            wrong = f"cannot be locked in {self.folder}: {getattr(error, 'strerror', None) or error}"
        raise SettingsError(f"store_key: {self.words} {wrong}")

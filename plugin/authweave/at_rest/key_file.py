"""Keys in a file: the default one, which is made at first use, or one that an operator named."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from authweave.at_rest import placing, trusted_file
from authweave.at_rest.key_text import NotKeys, keys_in, text_of, text_with
from authweave.at_rest.locking import exclusively
from authweave.at_rest.sealing_key import SealingKey
from authweave.errors import SettingsError
from authweave.machine.small_files import LARGEST, Unfit

_ELSEWHERE: Final = "set AUTHWEAVE_STORE_KEY to the path of another key file, or to keyring:"
_Found = tuple[SealingKey, ...]
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class KeyFile:
    """`is_made`: it is made at first use, for us alone. `named_by` is what named it, for messages.

    Keys come with the active one first. Safe for threads and processes; every method raises SettingsError, whose
    message and frames hold nothing of the file.
    """

    path: Path
    is_made: bool = False
    named_by: str = ""

    @property
    def words(self) -> str:
        """Where the keys are."""
        return f"key file {self.path}"

    def read(self) -> _Found | None:
        """The keys, or None if there is no file."""
        return self._tried(self._read)

    def keys(self) -> _Found:
        """The keys; the default file is made if it is not there. All who start at once get the same."""
        return self.read() or self._tried(self._made)

    def rotated(self) -> _Found:
        """The keys after a new one was put in front of them."""
        self.keys()
        return self._tried(self._rotated)

    def _read(self) -> _Found | None:
        raw = trusted_file.content(self.path, is_made=self.is_made)
        return None if raw is None else keys_in(raw)

    def _made(self) -> _Found:
        if not self.is_made:
            raise Unfit(f"is not there; make one: (umask 077; head -c 32 /dev/urandom | base64 > {shlex.quote(str(self.path))})")
        placing.own_folder(self.path.parent)
        placing.add(self.path, text_of(SealingKey.fresh()))
        found = self._read()
        if found is None:
            raise Unfit("was made, and is gone again")
        return found

    def _rotated(self) -> _Found:
        path = self.path.resolve(strict=True)
        with exclusively(path.with_name(f"{path.name}.lock")):
            raw = text_with(trusted_file.content(self.path, is_made=self.is_made) or b"", SealingKey.fresh())
            if len(raw) > LARGEST:
                raise Unfit("has no room for another key; remove the oldest ones at its end")
            placing.exchange(path, raw)
        return keys_in(raw)

    def _tried(self, step: Callable[[], _Result]) -> _Result:
        try:
            return step()
        except (Unfit, NotKeys) as refused:
            wrong = str(refused)
        except placing.Foreign as foreign:
            wrong = f"is not there, and {foreign}; {_ELSEWHERE}"
        except ValueError:
            wrong = "is not a path of this system"
        except TimeoutError:
            wrong = "is being changed by another process"
        except OSError as error:
            wrong = f"cannot be used: {error.strerror}" + (f"; {_ELSEWHERE}" if self.is_made else "")
        raise SettingsError(f"{self.named_by}: {self.words} {wrong}" if self.named_by else f"{self.words} {wrong}")

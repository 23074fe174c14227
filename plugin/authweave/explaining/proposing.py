"""The edit that works: shown as lines, and made in the file if somebody wants it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from authweave.documents.text import RefusedText, bytes_of_file, text_of
from authweave.editing import changed_lines
from authweave.errors import UsageError
from authweave.explaining.change import Change
from authweave.machine.whole_files import write_whole
from authweave.profile import Profile
from authweave.report import Edit
from authweave.resources import profiles_folder

_MARK: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change of a file, `before` to `after`. `edit` shows its lines."""

    edit: Edit
    path: Path
    before: str
    after: str


def proposal(profile: Profile, change: Change, after: str, shown: Callable[[str], str]) -> Proposal:
    """The change of a profile's file that `after` is the text of. `shown` makes a line fit to show: somebody may have left a secret in a comment."""
    document = profile.merged.document
    lines = changed_lines(document.text, after)
    edit = Edit(change.key, f"{document.source}:{lines.number}", tuple(map(shown, lines.old)), tuple(map(shown, lines.new)))
    return Proposal(edit, Path(document.source), document.text, after)


def apply_to_file(made: Proposal, *, by_name: bool = False) -> None:
    """Write the change into the file, whole or not at all. `by_name`: the profile was referred to by name, not by a path.

    Raises UsageError where the file is not as it was read, is one of the shipped profiles, or cannot be written.
    """
    _refuse_shipped(made, by_name=by_name)
    wrong = ""
    try:
        raw = bytes_of_file(made.path)
        if text_of(raw) != made.before:
            wrong = "has changed since it was read; nothing was written. Test it again"
        elif not _may_be_written(made.path):
            wrong = "is read-only; nothing was written. Make the edit yourself, or make it writable"
        else:
            write_whole(made.path, (_MARK if raw.startswith(_MARK) else b"") + made.after.encode())
    except RefusedText as refused:
        wrong = refused.message
    except OSError as error:
        wrong = f"cannot be written: {error.strerror}"
    if wrong:
        raise UsageError(f"{made.path} {wrong}")


def _may_be_written(path: Path) -> bool:
    """Has its owner left it open to changes? A file is replaced here, which its folder alone would allow."""
    return bool(path.stat().st_mode & 0o222) and os.access(path, os.W_OK)


def _refuse_shipped(made: Proposal, *, by_name: bool) -> None:
    """A shipped profile is everybody's: the next release would write over what is changed in it."""
    folder = profiles_folder().resolve()
    is_installed = folder.is_relative_to(Path(__file__).resolve().parents[1])
    if (by_name or is_installed) and made.path.resolve().is_relative_to(folder):
        name = made.path.stem
        raise UsageError(
            f"{name} is a shipped profile and stays as it is: write a file of your own, such as my-{name}.yaml, with `format: 1`, "
            f"`name: my-{name}` and `extends: {name}`, and put the change into it"
        )

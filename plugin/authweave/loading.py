"""From files to profiles: one file, one text, or a folder of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from authweave.binding import bind
from authweave.checking.document import Checked, check
from authweave.documents import parse_document, read_document
from authweave.egress.profiles import problems_of as refused_by
from authweave.errors import LimitRefused, ProfileError
from authweave.extensions.catalog import Catalog, default_catalog
from authweave.inheritance.merging import FindParent, may_be_meant
from authweave.limits.profiles import problems_of
from authweave.limits.within import RULE, Within
from authweave.profile import Profile
from authweave.resources import profiles_folder
from authweave.values import Document

if TYPE_CHECKING:
    from authweave.egress.guard import Guard

ENDINGS = (".yaml", ".yml", ".json")
LookedAt = Callable[[Path], object]
"""Is told of every place where a file was, or would have been, read: beforehand."""


def _nobody(path: Path) -> None:
    """Nobody wants to know."""


def load(path: str | Path, *, catalog: Catalog | None = None, folders: Iterable[Path] = (), within: Within | None = None) -> Profile:
    """The profile in a file. Raises ProfileError with every problem. Parents are looked for beside it, then in `folders`."""
    return _profile(check_file(path, catalog=catalog, folders=folders, within=within))


def loads(
    text: str | bytes, source: str | Path = "<text>", *, catalog: Catalog | None = None, folders: Iterable[Path] = (), within: Within | None = None
) -> Profile:  # fmt: skip
    """The profile in a text; `source` is its name in messages, and JSON if it ends in .json. Raises ProfileError."""
    return _profile(check_text(text, source, catalog=catalog, folders=folders, within=within))


def check_file(
    path: str | Path, *, catalog: Catalog | None = None, folders: Iterable[Path] = (), looked_at: LookedAt = _nobody, within: Within | None = None
) -> Checked:  # fmt: skip
    """Everything that is wrong with a file; a file that cannot be read has one problem that says why. `within`: for a tenant with limits."""
    path = Path(path)
    looked_at(path)
    find_parent = parents_in((path.parent, *folders, profiles_folder()), looked_at)
    return _held(check(read_document(path), catalog or default_catalog(), find_parent, within), within)


def check_text(
    text: str | bytes, source: str | Path = "<text>", *, catalog: Catalog | None = None, folders: Iterable[Path] = (), within: Within | None = None
) -> Checked:  # fmt: skip
    """Everything that is wrong with a text. `within`: for a tenant with limits."""
    called = str(source)
    document = parse_document(text, called, json=called.endswith(".json"))
    return _held(check(document, catalog or default_catalog(), parents_in((*folders, profiles_folder())), within), within)


def check_egress(checked: Checked, guard: Guard | None) -> Checked:
    """The same, with what the egress policy in force has against a profile in which nothing else is wrong."""
    if guard is not None and checked.is_valid:
        checked.problems.extend(refused_by(bind(checked), guard))
    return checked


def profile_of(checked: Checked) -> Profile:
    """The profile of a checked document. Raises ProfileError."""
    return _profile(checked)


def refuse_outside(profile: Profile, within: Within, catalog: Catalog) -> None:
    """Raise LimitRefused for a finished profile, whoever made it, that uses what the limits do not name. Looks at nothing."""
    if problems := problems_of(profile, within, catalog.named("schemes")):
        raise LimitRefused(problems)


def _held(checked: Checked, within: Within | None) -> Checked:
    if within is not None and checked.is_valid:
        checked.problems.extend(problems_of(bind(checked), within, checked.catalog.named("schemes")))
    return checked


def parents_in(folders: Iterable[Path], looked_at: LookedAt = _nobody) -> FindParent:
    """Looks for a parent as `<name>.yaml`, `.yml` or `.json` in these folders, in order: the first whose version fits, else the first."""
    places = tuple(dict.fromkeys(folders))

    def there(name: str) -> Iterator[Document]:
        for folder in places:
            for ending in ENDINGS:
                looked_at(path := folder / f"{name}{ending}")
                if os.path.isfile(path):  # Path.is_file raises for a name that is too long
                    yield read_document(path)

    def find(name: str, child: Document) -> Document | None:
        first: Document | None = None
        for document in there(name):
            if may_be_meant(document, str(child.data["extends"])):
                return document
            first = first or document
        return first

    return find


def files_in(folder: Path) -> Iterator[Path]:
    """The profile files of a folder, sorted by name; hidden files and folders below it are left alone."""
    return iter(sorted(path for path in folder.iterdir() if path.suffix in ENDINGS and not path.name.startswith(".")))


def _profile(checked: Checked) -> Profile:
    if not checked.is_valid:
        is_outside = any(problem.rule == RULE for problem in checked.problems)
        raise LimitRefused(checked.problems) if is_outside else ProfileError(checked.problems)
    return bind(checked)

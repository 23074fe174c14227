"""`authweave list`: the profiles there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from authweave.cli.common import Exit, Seen, command_of, format_option, seen_options
from authweave.cli.printing import print_json, table

if TYPE_CHECKING:
    from authweave.checking.document import Checked
    from authweave.engine import Engine
    from authweave.limits import Within

EXAMPLES: Final = """\
authweave list
authweave list --profiles-dir ./profiles
authweave list --format json
authweave list --limits limits.toml --tenant blue     what blue may use
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One profile of the catalogue. `valid` is false where `authweave validate` has something to say."""

    name: str
    version: str
    identity_provider: str
    types: tuple[str, ...]
    inputs: tuple[str, ...]
    abstract: bool
    valid: bool
    source: str
    shipped: bool


@command_of("list", examples=EXAMPLES)
@format_option
@seen_options
def command(form: str, place: Seen) -> Exit:
    """List the profiles there are: your folders' first, then the shipped ones."""
    engine = place.engine()
    entries = list(entries_of(engine))
    if form == "json":
        print_json([asdict(entry) for entry in entries])
    else:
        print(_text(entries, engine.within()))
    return Exit.OK


def entries_of(engine: Engine) -> Iterator[Entry]:
    """Every profile by its name; of two with one name, the one that a reference finds."""
    from authweave.limits.within import RULE
    from authweave.loading import check_file, files_in
    from authweave.resources import profiles_folder

    seen: set[str] = set()
    within = engine.within()
    for folder in (*engine.folders, profiles_folder()):
        for path in files_in(folder) if folder.is_dir() else ():
            if path.stem in seen or (within is not None and not within.allows("profiles", path.stem)):
                continue
            seen.add(path.stem)
            checked = check_file(path, catalog=engine.catalog, folders=engine.folders, within=within)
            if not any(problem.rule == RULE for problem in checked.problems):
                yield _entry(path, checked, shipped=folder == profiles_folder())


def _entry(path: Path, checked: Checked, *, shipped: bool) -> Entry:
    from authweave.checking.defaults import auths

    full: Any = checked.full
    return Entry(
        name=path.stem,
        version=str(full.get("version", "")),
        identity_provider=str(full.get("identity_provider", "")),
        types=tuple(dict.fromkeys(_type(auth) for auth in auths(full))),
        inputs=tuple(full.get("inputs", ())),
        abstract=full.get("abstract") is True,
        valid=checked.is_valid,
        source=str(path),
        shipped=shipped,
    )


def _type(auth: dict[str, Any]) -> str:
    from authweave.checking.defaults import grant_name

    return f"{auth.get('type', '?')} {grant_name(auth)}".strip()


def _text(entries: Sequence[Entry], within: Within | None) -> str:
    if not entries and within is not None:
        return f"there are no profiles inside the limits; {within.allowed('profiles')}; --tenant says whose limits hold"
    if not entries:
        return "there are no profiles; name a folder with --profiles-dir, or in authweave.toml"
    rows = [
        (entry.name, entry.version, entry.identity_provider, ", ".join(entry.types) + _mark(entry), _from(entry))
        for entry in entries
    ]
    return table(("name", "version", "identity provider", "type", "from"), rows)


def _mark(entry: Entry) -> str:
    return " (not valid)" if not entry.valid else " (abstract)" if entry.abstract else ""


def _from(entry: Entry) -> str:
    return "shipped" if entry.shipped else entry.source

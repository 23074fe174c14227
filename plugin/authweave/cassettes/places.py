"""Where a cassette lies, and how it is read and written."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import datetime
from pathlib import Path
from typing import Final

from authweave.cassettes.cassette import Cassette
from authweave.errors import UsageError
from authweave.machine.small_files import Unfit, regular_bytes
from authweave.machine.whole_files import write_whole
from authweave.resources import schema_file

FOLDER: Final = "cassettes"
LARGEST: Final = 4 * 1024 * 1024
_ODD: Final = re.compile(r"[^A-Za-z0-9._-]")
_LONGEST: Final = 80
_DAY: Final = 86400
_LAST: Final = 4102444800
"""From the first day of Unix time to the year 2100: no cassette is from elsewhere."""


def cassette_path(profile_file: Path, tenant: str = "", subject: str = "") -> Path:
    """`cassettes/<profile>[@tenant][+subject].json` beside the profile's file."""
    whose = "".join(f"{mark}{_in_a_name(name)}" for mark, name in (("@", tenant), ("+", subject)) if name)
    return profile_file.parent / FOLDER / f"{profile_file.stem}{whose}.json"


def _in_a_name(name: str) -> str:
    """The name as far as it can stand in that of a file; with a mark of its own where it cannot, so that `a/b` and `a_b` are two files."""
    plain = _ODD.sub("_", name)[:_LONGEST]
    if plain == name:
        return plain
    return f"{plain}-{hashlib.sha256(name.encode(errors='surrogatepass')).hexdigest()[:8]}"


def cassettes_of(profile_file: Path) -> list[Path]:
    """Every cassette of a profile, of all tenants and subjects, by name."""
    folder, stem = profile_file.parent / FOLDER, profile_file.stem
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.glob("*.json") if path.stem == stem or path.stem.startswith((f"{stem}@", f"{stem}+")))


def write(path: Path, cassette: Cassette) -> None:
    """Write it whole; the folder is made. Raises UsageError."""
    wrong = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, (json.dumps(cassette.as_dict(), indent=2, ensure_ascii=True) + "\n").encode())
    except OSError as error:
        wrong = error.strerror or "it cannot be written"
    if wrong:
        raise UsageError(f"{path}: {wrong}")


def read(path: Path) -> Cassette:
    """The cassette in a file. Raises UsageError: there is none, or it is none."""
    wrong = ""
    try:
        raw = regular_bytes(path, LARGEST)
    except Unfit as unfit:
        wrong = str(unfit)
    except FileNotFoundError:
        wrong = "there is no cassette yet; record one: authweave test PROFILE --record"
    except OSError as error:
        wrong = error.strerror or "it cannot be read"
    if wrong:
        raise UsageError(f"{path}: {wrong}")
    if len(raw) > LARGEST:
        raise UsageError(f"{path}: this is no cassette: it is larger than {LARGEST // 1024 // 1024} MiB")
    try:
        data = json.loads(raw)
        json.dumps(data, ensure_ascii=False).encode()  # half a character, which JSON can write, is none
    except (ValueError, RecursionError):
        data = None
    if wrong := _wrong_in(data):
        raise UsageError(f"{path}: {wrong}")
    return Cassette.of_dict(data)


def _wrong_in(data: object) -> str:
    """Why this is no cassette; ''."""
    import jsonschema
    from referencing import Registry

    if not isinstance(data, dict):
        return "this is no cassette: not a JSON object"
    if data.get("format") != 1:
        return "this cassette has another format than 1: it was recorded by another version of authweave"
    schema = json.loads(schema_file("test-cassette").read_text(encoding="utf-8"))
    error = next(iter(jsonschema.Draft202012Validator(schema, registry=Registry()).iter_errors(data)), None)
    if error is None and not _is_moment(data["recorded"]):
        return "this is no cassette that was recorded: $.recorded is no time; record it anew"
    return "" if error is None else f"this is no cassette that was recorded: {error.json_path} is not what it should be; record it anew"


def _is_moment(text: str) -> bool:
    """A time at which a clock can stand, with a day around it."""
    try:
        return _DAY < datetime.fromisoformat(text).timestamp() < _LAST
    except (ValueError, OverflowError, OSError):
        return False

"""`limits.toml`: the lists for everybody, and those of single tenants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from authweave.errors import SettingsError
from authweave.limits.matching import is_path
from authweave.limits.value import DEFAULT, KINDS, Limits
from authweave.near_misses import did_you_mean, shown
from authweave.settings.files import SettingsFile

TENANTS: Final = "tenants"


def read_limits(path: Path) -> dict[str, Limits]:
    """Tenant → limits, `*` for those whom the file does not name. A list that a tenant's table holds stands in the place of the one
    for everybody; what it does not hold is as for everybody. Paths start at the folder of the file. Raises SettingsError."""
    if not path.is_file():
        raise SettingsError(f"{path}: there is no such file of limits")
    file = SettingsFile.read(path, str(path))
    tables = file.data.get(TENANTS, {})
    general = {key: value for key, value in file.data.items() if key != TENANTS}
    if not isinstance(tables, Mapping) or not all(isinstance(table, Mapping) for table in tables.values()):
        raise SettingsError(f"{file.place(TENANTS)}: {TENANTS} holds tables: write [tenants.blue]")
    found = {DEFAULT: _limits(file, general, general, f"{file.called}, for whoever has no table there" if tables else file.called)}
    if DEFAULT in tables:
        raise SettingsError(f"{file.place(TENANTS)}: tenants.* is none: lists for everybody else stand at the top of the file")
    for tenant, table in tables.items():
        found[tenant] = _limits(file, {**general, **table}, table, f"{file.called} [tenants.{shown(tenant)}]")
    return found


def _limits(file: SettingsFile, lists: Mapping[str, Any], written: Mapping[str, Any], origin: str) -> Limits:
    for key in written:
        if key not in KINDS:
            where = file.place(key) if lists is written else origin
            raise SettingsError(f"{where}: {shown(key)} is no list of limits; {did_you_mean(key, (*KINDS, TENANTS), 'known are ' + ', '.join((*KINDS, TENANTS)))}")
    read = Limits(**{**lists, "files": _from_folder(lists.get("files", ()), file.path.parent)}, origin=origin)
    return replace(read, origin=origin.replace(file.called, file.path.name, 1))  # tenants read it, and need not learn where the host keeps its files


def _from_folder(entries: Any, folder: Path) -> Any:
    if not isinstance(entries, list | tuple):
        return entries
    return [str(folder.absolute() / Path(entry).expanduser()) if isinstance(entry, str) and entry not in ("", "*") and is_path(entry) else entry for entry in entries]

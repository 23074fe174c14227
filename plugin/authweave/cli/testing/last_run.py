"""What the last run of a test came to, kept for the next one to be compared with. Whatever goes wrong here, the test goes on without."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from authweave.report import Report

MOST: Final = 500
"""Runs that are remembered; of more the oldest are forgotten."""
LARGEST: Final = 65536


def is_wanted(environ: Mapping[str, str] = os.environ) -> bool:
    """Is there somebody to compare for? A build server starts from nothing each time, and sets CI."""
    return environ.get("CI", "").lower() in ("", "0", "false", "no")


def folder() -> Path:
    """Where runs are remembered: among the state of the user (XDG_STATE_HOME is heard)."""
    from platformdirs import user_state_path

    return user_state_path("authweave", appauthor=False) / "runs"


def compared(report: Report, place: Path) -> Report:
    """The report with what is otherwise than in the last run of the same file, tenant and subject; this run is the last one from now on.

    Where nothing can be read or written, and where there was no run before, it is the report as it came.
    """
    if not report.source or report.recorded:
        return report
    path = place / f"{_name(report)}.json"
    found = _with_differences(report, path)
    with suppress(OSError, ValueError):
        _keep(report, path)
    return found


def _with_differences(report: Report, path: Path) -> Report:
    from authweave.probe.comparing import differences

    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        if path.stat().st_size <= LARGEST:
            before = json.loads(path.read_bytes())
            return dataclasses.replace(report, compared=differences(before, report), compared_with=str(before["started"]))
    return report


def _keep(report: Report, path: Path) -> None:
    from authweave.at_rest.placing import Foreign, own_folder
    from authweave.machine.whole_files import write_whole
    from authweave.probe.comparing import essence

    try:
        own_folder(path.parent)
    except Foreign as error:
        raise OSError(str(error)) from None
    write_whole(path, json.dumps(essence(report)).encode())
    path.chmod(0o600)
    _forget_oldest(path.parent)


def _forget_oldest(place: Path) -> None:
    known = sorted(place.glob("*.json"), key=lambda path: path.stat().st_mtime)
    for path in known[:-MOST]:
        path.unlink(missing_ok=True)


def _name(report: Report) -> str:
    """The same for the same file, tenant and subject; tells none of them."""
    parts = [str(Path(report.source).absolute()), report.tenant, report.subject]
    encoded = [part.encode(errors="surrogatepass") for part in parts]
    return hashlib.sha256(b"".join(len(part).to_bytes(8, "big") + part for part in encoded)).hexdigest()[:32]

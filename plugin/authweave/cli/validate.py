"""`authweave validate`: everything that is wrong with profiles, at once."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from authweave.cli.common import Exit, Place, command_of, format_option, place_options
from authweave.cli.comparing import Online, compared, exit_of_compared, online_options
from authweave.cli.options import Calling
from authweave.cli.printing import print_json
from authweave.redaction import inert

if TYPE_CHECKING:
    from authweave.checking.document import Checked
    from authweave.egress.guard import Guard
    from authweave.limits import Within
    from authweave.settings import Settings

EXAMPLES: Final = """\
authweave validate                        the files in ./profiles
authweave validate acme.yaml ../shared    a file, and every profile of a folder
authweave validate --watch                again whenever a file changes
authweave validate --online acme.yaml     and compare it with what its provider says
authweave validate --limits limits.toml --tenant blue acme.yaml
git show HEAD:acme.yaml | authweave validate - --stdin-name acme.yaml
"""


@command_of("validate", examples=EXAMPLES)
@click.argument("paths", nargs=-1, metavar="[PATHS]...")
@format_option
@click.option("--strict", is_flag=True, help="As for a stranger's profile: warnings are errors, and so is what the strict egress policy refuses (docs/egress.md).")
@click.option("--watch", is_flag=True, help="Stay, and validate again what changes. Ctrl-C ends it.")
@click.option("--stdin-name", default="<stdin>", metavar="NAME", help="What the text of - is called in messages.")
@online_options
@place_options
def command(paths: tuple[str, ...], form: str, strict: bool, watch: bool, stdin_name: str, online: Online, place: Place) -> Exit:
    """Say everything that is wrong with profiles: files, folders, or - for stdin.

    One line a problem: file:line:col: key: what is wrong; what would be right [rule]

    With --online also what the metadata of the provider say against it (RFC 8414, OpenID Connect, RFC 9728): found by
    issuer, by resource, or at the usual places above token_url. No credential is sent.
    """
    settings = place.settings()
    online.check(watch=watch, limited=settings.limits is not None)
    look = _Look(place, settings, strict, online.tenant)
    if watch:
        return _watched(paths, form, strict, look)
    printer = {"text": _print_text, "json": _print_json}[form]
    found = [look.at_stdin(stdin_name) if path == "-" else look.at_file(path) for path in files_of(paths)]
    if online.online:
        found = compared(found, online, Calling(place.profiles_dir, place.config, place.limits, strict))
    return exit_of_compared(found, printer(found, strict))


def files_of(paths: Sequence[str]) -> list[str]:
    """The files that are meant: those of folders, or of ./profiles where nothing is named. Raises click.UsageError."""
    if not paths and not Path("profiles").is_dir():
        raise click.UsageError("there is no folder profiles here; name the files or folders to validate")
    files: list[str] = []
    for path in paths or ("profiles",):
        files += _in_folder(path) if path != "-" and os.path.isdir(path) else [_existing(path)]
    return list(dict.fromkeys(files))


def is_good(checked: Checked, strict: bool) -> bool:
    """Is the profile valid; with `strict`, without warnings?"""
    return all(problem.severity == "info" for problem in checked.problems) if strict else checked.is_valid


def _in_folder(path: str) -> list[str]:
    from authweave.loading import files_in

    files = [str(file) for file in files_in(Path(path))]
    if not files:
        raise click.UsageError(f"there is no profile in {path}: no file ends in .yaml, .yml or .json")
    return files


def _existing(path: str) -> str:
    if path != "-" and not os.path.exists(path):
        raise click.UsageError(f"{path}: no such file or folder")
    return path


class _Look:
    """How files are looked at: where their parents are, and what the egress policy in force has against them."""

    def __init__(self, place: Place, settings: Settings, strict: bool, tenant: str) -> None:
        self._folders = (*place.profiles_dir, *settings.profiles)
        self._guard = _guard_of(dataclasses.replace(settings, egress="strict") if strict else settings)
        self._within = _within_of(settings, tenant)

    def at_file(self, path: str) -> Checked:
        """Everything that is wrong with a file."""
        from authweave.loading import check_file

        return self._held(check_file(path, folders=self._folders, within=self._within))

    def at_stdin(self, name: str) -> Checked:
        """Everything that is wrong with what comes in."""
        from authweave.documents import MAX_BYTES
        from authweave.loading import check_text

        return self._held(check_text(sys.stdin.buffer.read(MAX_BYTES + 1), name, folders=self._folders, within=self._within))

    def _held(self, checked: Checked) -> Checked:
        from authweave.loading import check_egress

        return check_egress(checked, self._guard)


def _guard_of(settings: Settings) -> Guard | None:
    if settings.egress == "open":  # and nobody waits for the import of what would guard
        return None
    from authweave.egress.guard import guard_of

    return guard_of(settings)


def _within_of(settings: Settings, tenant: str) -> Within | None:
    if settings.limits is None:
        return None
    from authweave.equipment import sources_of
    from authweave.extensions.catalog import catalog_for
    from authweave.limits import Within
    from authweave.limits.tenants import limits_of

    limits = limits_of(None, settings.limits)
    return Within.of(limits(tenant), tenant, sources_of(settings, catalog_for(settings))) if limits is not None else None


def _print_text(found: Sequence[Checked], strict: bool) -> Exit:
    for checked in found:
        for problem in checked.problems:
            print(inert(str(problem)))
    print(summary(found, strict))
    return _exit(found, strict)


def _print_json(found: Sequence[Checked], strict: bool) -> Exit:
    print_json({"files": [_as_data(checked, strict) for checked in found]})
    return _exit(found, strict)


def _as_data(checked: Checked, strict: bool) -> dict[str, Any]:
    return {
        "source": checked.document.source,
        "valid": is_good(checked, strict),
        "problems": [problem.as_dict() for problem in checked.problems],
    }


def _exit(found: Sequence[Checked], strict: bool) -> Exit:
    return Exit.OK if all(is_good(checked, strict) for checked in found) else Exit.REFUSED


def summary(found: Sequence[Checked], strict: bool) -> str:
    """`3 profiles: 2 valid, 1 not valid (4 errors, 1 warning)`."""
    severities = [problem.severity for checked in found for problem in checked.problems]
    good = sum(is_good(checked, strict) for checked in found)
    counted = [_count(severities.count(kind), noun) for kind, noun in _NOUNS.items() if kind in severities]
    parts = [f"{good} valid"] if good else []
    parts += [f"{len(found) - good} not valid"] if good < len(found) else []
    return f"{_count(len(found), 'profile')}: {', '.join(parts)}" + (f" ({', '.join(counted)})" if counted else "")


_NOUNS: Final = {"error": "error", "warning": "warning", "info": "hint"}


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _watched(paths: tuple[str, ...], form: str, strict: bool, look: _Look) -> Exit:
    from authweave.cli.watching import watch

    if form != "text" or "-" in paths:
        raise click.UsageError("--watch goes with files and folders and --format text")
    return watch(lambda: files_of(paths), look.at_file, lambda found: _print_text(found, strict))

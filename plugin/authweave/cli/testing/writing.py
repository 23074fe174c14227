"""Where reports go, and in which form: standard output, and files beside it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from authweave.cli.options import taking

if TYPE_CHECKING:
    from authweave.engine import Engine
    from authweave.report import Report

_FORM_OF: Final[Mapping[str, str]] = {".json": "json", ".xml": "junit", ".har": "har", ".html": "html", ".sh": "curl", ".txt": "text"}
_OPTIONS: Final = (
    click.option("--format", "form", default="text", metavar="NAME", help="text, json, junit, har, html, curl, or one that a plugin adds. Default: text."),
    click.option("-o", "--output", multiple=True, metavar="[FORMAT=]FILE", help="Write the report to a file, too; its ending says the format. May be repeated."),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Writing:
    """`form` goes to standard output; `output` are files, `report.html` or `junit=results.xml`."""

    form: str = "text"
    output: tuple[str, ...] = ()

    def writer(self, engine: Engine) -> Writer:
        """Writes reports as the options say. Raises UsageError for a format that nobody knows, before anything runs."""
        files = [_file(text) for text in self.output]
        known = engine.catalog.named("reports")
        for form in (self.form, *(form for form, _ in files)):
            _refuse_unknown(form, known)
        return Writer(known[self.form], tuple((known[form], path) for form, path in files))


def writing_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of Writing; the function gets it as `writing`."""
    return taking(Writing, "writing", _OPTIONS, title="Where the report goes")(function)


@dataclass(frozen=True, slots=True)
class Writer:
    """The chosen formats."""

    shown: Any
    files: tuple[tuple[Any, Path], ...] = ()

    def write(self, report: Report) -> None:
        """The report to standard output and into every file, each written whole or not at all. Raises UsageError."""
        for kind, path in self.files:
            _written(path, _rendered(kind, kind, "render", report), [report])
        sys.stdout.write(_rendered(self.shown, partial(_for_stream, self.shown), "render", report))

    def write_many(self, reports: Sequence[Report], *, verbose: bool = False) -> None:
        """Many reports in one document each. `verbose` is for text. Raises UsageError."""
        self.write_files(reports)
        more = {"verbose": True} if verbose else {}
        sys.stdout.write(_rendered(self.shown, partial(_for_stream, self.shown), "render_many", reports, **more))

    def write_files(self, reports: Sequence[Report]) -> None:
        """Many reports into the files alone. Raises UsageError."""
        for kind, path in self.files:
            _written(path, _rendered(kind, kind, "render_many", reports), reports)

    def refuse_one_only(self) -> None:
        """Raises UsageError for a format that has no place for many reports."""
        from authweave.errors import UsageError

        for kind in (self.shown, *(kind for kind, _ in self.files)):
            if not hasattr(kind, "render_many"):
                raise UsageError(f"the format {kind.name} shows one report, and several tests are asked for; test one profile, or take json, junit or html")


def _for_stream(kind: Any) -> Any:
    return kind.for_stream(sys.stdout) if hasattr(kind, "for_stream") else kind()


def _rendered(kind: Any, make: Callable[[], Any], way: str, *reports: Any, **more: Any) -> str:
    """What a format makes of it. Raises ExtensionFailed where it fails."""
    from authweave.foreign import asked

    text: str = asked(kind, lambda: getattr(make(), way)(*reports, **more), of=str)
    return text


def _file(text: str) -> tuple[str, Path]:
    from authweave.errors import UsageError

    form, is_named, name = text.partition("=")
    if is_named and all(map(str.isidentifier, form.split("."))):
        return form, Path(name)
    if (path := Path(text)).suffix in _FORM_OF:
        return _FORM_OF[path.suffix], path
    raise UsageError(f"--output {text}: write FORMAT=FILE; only {', '.join(_FORM_OF)} say the format by themselves")


def _refuse_unknown(form: str, known: Mapping[str, Any]) -> None:
    from authweave.errors import UsageError
    from authweave.near_misses import did_you_mean

    if form not in known:
        raise UsageError(f"--format {form} is not known; {did_you_mean(form, known, 'known are ' + ', '.join(sorted(known)))}")


def _written(path: Path, text: str, reports: Sequence[Report]) -> None:
    from authweave.errors import UsageError
    from authweave.machine.whole_files import write_whole

    if path.resolve() in {Path(report.source).resolve() for report in reports if report.source}:
        raise UsageError(f"--output {path}: that is the profile, and a report would take its place; name another file")
    try:
        write_whole(path, text.encode())
    except OSError as error:
        failure = UsageError(f"{path} cannot be written: {error.strerror}")
    else:
        return
    raise failure

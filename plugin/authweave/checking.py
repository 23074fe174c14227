"""A document looked at whole: what rules see, and what binding is made from.

Order: read → `extends` → schema → templates → rules. Every problem is found at once: what the schema refuses is left
out of the rest, so that one mistake is one problem.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from authweave.catalog import Catalog
from authweave.defaults import with_defaults
from authweave.errors import TemplateSyntax
from authweave.inheritance import FindParent, Merged, merged
from authweave.schema_problems import schema_problems, without
from authweave.sites import Site, sites
from authweave.templates import Data, Template, compile_data, compile_template
from authweave.urls import UrlTemplate, compile_url
from authweave.values import Document, Path, Problem, dotted

Compiled = Template | Data | UrlTemplate


@dataclass(frozen=True, slots=True)
class Checked:
    """A profile's document, its data with defaults (`full`), and its compiled templates by path.

    `compiled` holds what could be compiled; `problems` everything found so far.
    """

    merged: Merged
    catalog: Catalog
    full: Mapping[str, Any]
    compiled: Mapping[Path, Compiled]
    sites: tuple[Site, ...]
    problems: list[Problem] = field(default_factory=list)

    @property
    def document(self) -> Document:
        """The file itself."""
        return self.merged.document

    @property
    def data(self) -> Mapping[str, Any]:
        """What is written, parents included, without nulls."""
        return self.merged.data  # type: ignore[no-any-return]  # a map, or there would be no Checked

    @property
    def is_valid(self) -> bool:
        """No problem is an error."""
        return all(problem.severity == "warning" for problem in self.problems)

    def problem(
        self, rule: str, path: Path, message: str, fix: str = "", *, of_key: bool = False, severity: str = "error"
    ) -> Problem:  # fmt: skip
        """A problem at a path of this profile."""
        source, mark = self.merged.place(path, of_key=of_key)
        return Problem(rule, source, mark, dotted(path), message, fix, severity)

    def reads(self) -> Iterable[tuple[Path, tuple[str, ...]]]:
        """Every look-up of every template, with the path of the template; those of defaults included."""
        for path, compiled in self.compiled.items():
            for read in compiled.reads:
                yield path, read

    def written_reads(self) -> Iterable[tuple[Path, tuple[str, ...]]]:
        """The look-ups of templates that somebody wrote: what a default repeats is not said twice."""
        return ((path, read) for path, read in self.reads() if self.merged.is_written(path))


def check(document: Document, catalog: Catalog, find_parent: FindParent) -> Checked:
    """Everything that is wrong with a document. Never raises for what stands in it."""
    if not isinstance(document.data, dict):
        return Checked(Merged(document, {}), catalog, {}, {}, (), list(document.problems))
    whole = merged(document, find_parent)
    problems = [*document.problems, *whole.problems]
    found, wrong = schema_problems(whole, catalog)
    problems += found
    sound = without(whole.data, wrong) if wrong else whole.data
    whole = Merged(whole.document, sound, whole.parents, whole.problems)
    full = with_defaults(sound, catalog)
    all_sites = tuple(sites(full))
    compiled, refused = _compile(all_sites, whole)
    checked = Checked(whole, catalog, full, compiled, all_sites, problems + refused)
    for rule in catalog.named("rules").values():
        checked.problems.extend(rule().check(checked))
    if any(problem.rule == "not_built" for problem in checked.problems):
        checked.problems[:] = [problem for problem in checked.problems if problem.rule not in _NEED_THE_WHOLE]
    checked.problems[:] = _sorted(checked.problems)
    return checked


_NEED_THE_WHOLE: Final = frozenset({"input.unused", "input.undeclared", "kept.unknown", "url.open_host", "path.unfilled"})
"""Rules about what belongs together: not asked where a part of the profile is not built yet."""


def _compile(all_sites: Iterable[Site], whole: Merged) -> tuple[dict[Path, Compiled], list[Problem]]:
    compiled: dict[Path, Compiled] = {}
    problems: list[Problem] = []
    for site in all_sites:
        problem: Problem | None = None
        try:
            compiled[site.path] = made = _compiled(site, whole)
        except TemplateSyntax as error:
            problem = _refused(error, site, whole)
        else:
            problem = _out_of_place(made, site, whole)
        if problem is not None and whole.is_written(site.path):
            problems.append(problem)
    return compiled, list(dict.fromkeys(problems))


def _compiled(site: Site, whole: Merged) -> Compiled:
    key = dotted(site.path)
    place = partial(_place, whole, site.path)
    if site.kind == "value" and not isinstance(site.value, str):
        return compile_data(site.value, key=key, place=lambda inner: _place(whole, (*site.path, *inner)))
    if site.kind in _URLS:
        return compile_url(str(site.value), key=key, place=place, **_URLS[site.kind])
    return compile_template(str(site.value), key=key, place=place, cond=site.kind == "cond")


_URLS: Final[Mapping[str, Mapping[str, bool]]] = {
    "url": {}, "server": {"placeholders": True, "wildcard": True}, "request_url": {"placeholders": True, "relative": True},
}  # fmt: skip


def _place(whole: Merged, path: Path) -> str:
    source, mark = whole.place(path)
    return f"{source}:{mark.line}:{mark.column}" if mark else source


def _refused(error: TemplateSyntax, site: Site, whole: Merged) -> Problem:
    source, mark = whole.place(site.path)
    rule = "url" if site.kind in _URLS else "template"
    return Problem(rule, source, mark, dotted(site.path), error.message, error.fix)


def _out_of_place(compiled: Compiled, site: Site, whole: Merged) -> Problem | None:
    wrong = sorted({read[0] for read in compiled.reads} - site.allowed)
    if not wrong:
        return None
    source, mark = whole.place(site.path)
    words = ", ".join(f"`{name}`" for name in wrong)
    return Problem(
        "template.namespace", source, mark, dotted(site.path), f"{words} cannot be read here",
        f"known here: {', '.join(sorted(site.allowed))}",
    )  # fmt: skip


def _sorted(problems: Iterable[Problem]) -> list[Problem]:
    order = {problem.source: index for index, problem in reversed(list(enumerate(problems)))}
    return sorted(
        dict.fromkeys(problems),
        key=lambda problem: (order[problem.source], (problem.mark.line, problem.mark.column) if problem.mark else (0, 0)),
    )

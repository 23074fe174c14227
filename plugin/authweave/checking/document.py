"""A document looked at whole: what rules see, and what binding is made from.

Order: read → `extends` → schema → templates → rules. Every problem is found at once: what the schema refuses is left
out of the rest, so that one mistake is one problem and nothing later meets a shape it does not expect.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from authweave.checking.compiling import Compiled, compiled_sites, too_many_templates
from authweave.checking.defaults import auth_paths, scheme_of, with_defaults, with_inputs
from authweave.checking.parts import FieldPart, RequestPart, fields_of, requests_of, tests_of
from authweave.checking.secrecy import Secrecy
from authweave.checking.sites import Site, sites
from authweave.extensions.catalog import Catalog
from authweave.foreign import asked, misbehaved
from authweave.inheritance.merging import FindParent, Merged, merged
from authweave.limits.written import parents_within, written_problems
from authweave.schema.problems import MOST, schema_problems
from authweave.templates import Data
from authweave.values import Document, Path, Problem, path_of

if TYPE_CHECKING:
    from authweave.limits.within import Within

Read = tuple[str, ...]

_ENDS_READING: Final = frozenset({
    "document.syntax", "document.too_large", "document.too_deep", "document.multiple", "document.encoding", "document.unreadable",
    "document.directive",
})  # fmt: skip
LONGEST: Final = 1000
"""Characters of one problem's message, and of its fix, that are shown."""
_MENTION: Final = re.compile(r"""\b(inputs|vars|kept)\b\s*(?:\.\s*|\[\s*['"])(\w+)""")


@dataclass(frozen=True)
class Checked:
    """A profile's document, its data with defaults (`full`), and its compiled templates by path.

    `compiled` holds what could be compiled; `problems` everything found so far. Everything that is in `data` and
    `full` has the shape that the schema asks for; only what is required may be missing.
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
        return all(problem.severity != "error" for problem in self.problems)

    def problem(
        self, rule: str, path: Path, message: str, fix: str = "", *, of_key: bool = False, offset: int = 0, severity: str = "error"
    ) -> Problem:  # fmt: skip
        """A problem at a path of this profile; `offset` counts characters of the text that stands there."""
        return self.merged.problem(rule, path, message, fix, of_key=of_key, offset=offset, severity=severity)

    @cached_property
    def reads(self) -> tuple[tuple[Path, Read], ...]:
        """Every look-up of every template, with the path of the template; those of defaults included."""
        return tuple((path, read) for path, compiled in self.compiled.items() for read in compiled.reads)

    @cached_property
    def written_reads(self) -> tuple[tuple[Path, Read, str], ...]:
        """The look-ups of templates that somebody wrote, with path and text of each: what a default repeats is not said twice."""
        return tuple(
            (at, read, text)
            for path, compiled in self.compiled.items() if compiled.reads and self.merged.is_written(path)
            for at, text, reads in _templates(path, compiled) for read in reads
        )  # fmt: skip

    @cached_property
    def fields(self) -> tuple[FieldPart, ...]:
        """Every field that is written."""
        return tuple(fields_of(self.data))

    @cached_property
    def requests(self) -> tuple[RequestPart, ...]:
        """Every described request that is written."""
        return tuple(requests_of(self.data))

    @cached_property
    def tests(self) -> tuple[tuple[Path, Mapping[str, Any]], ...]:
        """Every test that is written."""
        return tuple(tests_of(self.data))

    @cached_property
    def variants(self) -> tuple[tuple[Path, Mapping[str, Any], Mapping[str, Any]], ...]:
        """Every variant: its path, as it is written, and with its defaults."""
        return tuple((path, auth, full) for (path, auth), (_, full) in zip(auth_paths(self.data), auth_paths(self.full), strict=True))

    @cached_property
    def secrecy(self) -> Secrecy:
        """Which look-ups give a secret."""
        return Secrecy(self.full, self.compiled)

    @cached_property
    def has_unknown_parts(self) -> bool:
        """Is there a type, a key or a name that nothing here knows? What it reads, implies or keeps is not known either."""
        return any(scheme_of(auth, self.catalog) is None for _, auth, _ in self.variants)

    @cached_property
    def _hurt(self) -> tuple[Path, ...]:
        """The parts (by their paths in the file) that were taken out because they are wrong, or could not be read."""
        cut = self.merged.sound.cut if self.merged.sound else ()
        return (*cut, *(path_of(problem.key) for problem in self.document.problems if problem.key))

    def is_hurt(self, *path: str | int) -> bool:
        """Is something wrong at this path, in it or around it, so that what is missing there may be what was meant?"""
        if not self._hurt:
            return False
        original = self.merged.original(path)
        return any(hurt[: len(original)] == original[: len(hurt)] for hurt in self._hurt)

    def names(self, space: str) -> set[str]:
        """The names of `inputs` or `vars`, those whose declaration is wrong included."""
        declared = self.merged.written.get(space)
        return {*self.full.get(space, ()), *(declared if isinstance(declared, dict) else ())}

    def is_mentioned(self, space: str, name: str) -> bool:
        """Does anything that is written read `space.name`, be it in a part that is wrong?"""
        return (space, name) in self._mentions

    @cached_property
    def _mentions(self) -> set[tuple[str, str]]:
        return {mention for text in _texts(self.merged.written) for mention in _MENTION.findall(text)}


def check(document: Document, catalog: Catalog, find_parent: FindParent, within: Within | None = None) -> Checked:
    """Everything that is wrong with a document. Never raises for what stands in it.

    What it names outside of a tenant's limits is told alone: whatever else could be said of it might tell what there is.
    """
    if not isinstance(document.data, dict) or any(problem.rule in _ENDS_READING for problem in document.problems):
        return Checked(Merged(document, {}), catalog, {}, {}, (), list(document.problems) or [_no_map(document)])
    whole = merged(document, find_parent if within is None else parents_within(within, find_parent))
    if within is not None and (outside := written_problems(whole, within, catalog.named("schemes"))):
        return Checked(Merged(document, {}), catalog, {}, {}, (), outside)
    found, whole = schema_problems(whole, catalog)
    problems = [*document.problems, *whole.problems, *found]
    full = with_defaults(whole.data, catalog)
    all_sites = tuple(sites(full, catalog))
    if too_many := too_many_templates(all_sites, whole):
        return Checked(whole, catalog, full, {}, (), [*problems, too_many])
    compiled, refused = compiled_sites(all_sites, whole)
    full["inputs"] = with_inputs(full, {read[1] for made in compiled.values() for read in made.reads if read[0] == "inputs" and len(read) > 1}, catalog)
    checked = Checked(whole, catalog, full, compiled, all_sites, problems + refused)
    _apply_rules(checked)
    if checked.problems:
        checked.problems[:] = _at_most(_in_order(_causes(checked.problems, document), document), whole)
    return checked


def _templates(path: Path, compiled: Compiled) -> Iterator[tuple[Path, str, frozenset[Read]]]:
    """The template at a path, or those inside the list or map that stands there."""
    if not isinstance(compiled, Data):
        yield path, compiled.text, compiled.reads
        return
    for template in compiled.templates:
        yield path_of(template.key), template.text, template.reads


def _texts(data: Any) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict | list):
        for part in data.values() if isinstance(data, dict) else data:
            yield from _texts(part)


def _apply_rules(checked: Checked) -> None:
    for rule in checked.catalog.named("rules").values():
        for problem in asked(rule, _problems, rule, checked):
            checked.problems.append(problem)
            if len(checked.problems) > MOST:
                return


def _problems(rule: Any, checked: Checked) -> list[Problem]:
    """What a rule says, as far as it is shown: a rule may be a generator, which fails half-way, or goes on for long."""
    found = list(islice(rule().check(checked), MOST + 1))
    if wrong := next((one for one in found if not isinstance(one, Problem)), None):
        raise misbehaved(rule, f"answered with {type(wrong).__name__} in the place of a Problem")
    return found


def _at_most(problems: list[Problem], whole: Merged) -> list[Problem]:
    """What a person can read; who mends these sees the others then."""
    if len(problems) < MOST or (len(problems) == MOST and len(whole.document.problems) < MOST):
        return list(map(_short, problems))
    many = f"there are {len(problems)} problems or more; the first {MOST} are shown"
    return [*map(_short, problems[:MOST]), whole.problem("document.many_problems", (), many, "mend these first")]


def _short(problem: Problem) -> Problem:
    """With words that a person reads to their end: some list what is known, and authors can make that long."""
    if len(problem.message) <= LONGEST and len(problem.fix) <= LONGEST:
        return problem
    return replace(problem, message=_cut(problem.message), fix=_cut(problem.fix))


def _cut(words: str) -> str:
    return words if len(words) <= LONGEST else f"{words[:LONGEST]}…"


def _no_map(document: Document) -> Problem:
    return Problem("document.not_a_map", document.source, document.mark(()), "", "is not a map of keys", "write `key: value` lines")


def _causes(problems: Iterable[Problem], document: Document) -> list[Problem]:
    """The problems without those that follow from what could not be read."""
    unread = tuple(problem.key for problem in document.problems if problem.rule != "document.duplicate_key")
    read = set(document.problems)
    return [problem for problem in problems if problem in read or not _stands_at(problem.key, unread)] if unread else list(problems)


def _stands_at(key: str, unread: Iterable[str]) -> bool:
    return key.rpartition(".")[2] == "?" or any(key == each or key.startswith((f"{each}.", f"{each}[")) for each in unread if each)


def _in_order(problems: Iterable[Problem], document: Document) -> list[Problem]:
    """By file, the document's own first, and place; each once."""
    once = list(dict.fromkeys(problems))
    files = {source: index for index, source in enumerate(dict.fromkeys([document.source, *(problem.source for problem in once)]))}
    return sorted(once, key=lambda problem: (files[problem.source], (problem.mark.line, problem.mark.column) if problem.mark else (0, 0)))

"""The templates of a profile, compiled: each by its kind, read where it may be read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache, partial
from itertools import islice
from typing import Any, Final

from authweave.checking.sites import Site
from authweave.errors import TemplateSyntax
from authweave.inheritance.merging import Merged
from authweave.templates import Data, Template, compile_data, compile_template
from authweave.templates.bounds import EXPRESSIONS, WRITTEN
from authweave.urls import UrlTemplate, compile_url
from authweave.values import Path, Problem, dotted

Compiled = Template | Data | UrlTemplate

MOST: Final = 100
"""More templates than this are not looked at once so many are wrong."""

_URLS: Final[Mapping[str, Mapping[str, bool]]] = {
    "url": {}, "server": {"placeholders": True, "wildcard": True}, "request_url": {"placeholders": True, "relative": True},
}  # fmt: skip
_name_of: Final = lru_cache(maxsize=1024)(dotted)


def compiled_sites(all_sites: Iterable[Site], whole: Merged) -> tuple[dict[Path, Compiled], list[Problem]]:
    """What could be compiled, by path, and what is wrong with the rest.

    A template that a default made of a written one is at fault only if no written one is.
    """
    compiled: dict[Path, Compiled] = {}
    of_written: list[Problem] = []
    of_defaults: list[Problem] = []
    for site in all_sites:
        try:
            compiled[site.path] = made = _compiled(site, whole, compiled)
        except TemplateSyntax as error:
            found = [_refused(*wrong, site, whole) for wrong in islice(_each_wrong(error, site), MOST + 1)]
        else:
            if all(read[0] in site.allowed for read in made.reads):
                continue
            found = [_out_of_place(made, site, whole)]
        problems = of_written if whole.is_written(site.path) else of_defaults
        problems += found
        if len(problems) > MOST:
            break
    return compiled, of_written or of_defaults


def too_many_templates(all_sites: Iterable[Site], whole: Merged) -> Problem | None:
    """What a profile may hold of templates, all together, and where that ends: before any of them is read."""
    expressions = written = 0
    for site in all_sites:
        for path, text in _texts(site.value, site.path):
            here = text.count("{{")
            expressions += here
            written += len(text) if here else 0
            if expressions > EXPRESSIONS:
                return whole.problem("template", path, f"this profile holds more than {EXPRESSIONS} expressions ({{{{ }}}})", "split it, or leave some out")
            if written > WRITTEN:
                return whole.problem("template", path, f"the templates of this profile are longer than {WRITTEN} characters together", "split it, or shorten them")
    return None


def _compiled(site: Site, whole: Merged, earlier: Mapping[Path, Compiled]) -> Compiled:
    path, value, kind, _ = site
    key = _name_of(path)
    if kind == "url" and path[-1] == "refresh_url" and isinstance(token_url := earlier.get((*path[:-1], "token_url")), UrlTemplate) and token_url.text == value:
        return replace(token_url, template=replace(token_url.template, key=key))
    if kind == "value" and type(value) is not str:
        return compile_data(value, key=key, place=lambda inner: _place(whole, (*path, *inner)))
    place: Callable[[], str] = partial(_place, whole, path)
    if kind in _URLS:
        return compile_url(value, key=key, place=place, **_URLS[kind])
    return compile_template(value, key=key, place=place, cond=kind == "cond")


def _place(whole: Merged, path: Path) -> str:
    source, mark = whole.place(path)
    return f"{source}:{mark.line}:{mark.column}" if mark else source


def _each_wrong(error: TemplateSyntax, site: Site) -> Iterator[tuple[TemplateSyntax, Path]]:
    """What is wrong, and where: every text inside a list or map by itself."""
    if isinstance(site.value, str):
        yield error, site.path
        return
    found = False
    for path, text in _texts(site.value, site.path):
        try:
            compile_template(text)
        except TemplateSyntax as wrong:
            found = True
            yield wrong, path
    if not found:
        yield error, site.path


def _texts(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict | list):
        for part, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _texts(inner, (*path, part))


def _refused(error: TemplateSyntax, path: Path, site: Site, whole: Merged) -> Problem:
    rule = "url" if site.kind in _URLS else "template"
    return whole.problem(rule, path, error.message, error.fix, offset=error.offset)


def _out_of_place(made: Compiled, site: Site, whole: Merged) -> Problem:
    names = sorted({read[0] for read in made.reads} - site.allowed)
    words = ", ".join(f"`{name}`" for name in names)
    offset = max(str(site.value).find(f"{names[0]}"), 0) if isinstance(site.value, str) else 0
    return whole.problem("template.namespace", site.path, f"{words} cannot be read here", f"known here: {', '.join(sorted(site.allowed))}", offset=offset)

"""The templates of a profile, compiled: each by its kind, read where it may be read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import lru_cache, partial
from typing import Final

from authweave import not_built
from authweave.errors import TemplateSyntax
from authweave.inheritance import Merged
from authweave.sites import Site
from authweave.templates import Data, Template, compile_data, compile_template
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
        problems = of_written
        try:
            made = _compiled(site, whole, compiled)
        except TemplateSyntax as error:
            problems = of_written if whole.is_written(site.path) else of_defaults
            problems.append(_refused(error, site, whole))
            if len(problems) > MOST:
                break
        else:
            compiled[site.path] = made
            if outside := [read for read in made.reads if read[0] not in site.allowed]:
                problems = of_written if whole.is_written(site.path) else of_defaults
                problems.append(_out_of_place(sorted({read[0] for read in outside}), made, site, whole))
    return compiled, of_written or of_defaults


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


def _refused(error: TemplateSyntax, site: Site, whole: Merged) -> Problem:
    rule = "url" if site.kind in _URLS else "template"
    return whole.problem(rule, site.path, error.message, error.fix, offset=error.offset)


def _out_of_place(names: list[str], made: Compiled, site: Site, whole: Merged) -> Problem:
    words = ", ".join(f"`{name}`" for name in names)
    offset = max(str(site.value).find(f"{names[0]}"), 0) if isinstance(site.value, str) else 0
    return whole.problem("template.namespace", site.path, f"{words} cannot be read here", f"known here: {', '.join(sorted(site.allowed - not_built.NAMESPACES))}", offset=offset)

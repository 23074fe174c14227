"""What a finished profile would use outside of the limits: inputs, where those would be read from, and hosts.

Nothing is looked at: no variable, no file, no name in DNS. So it holds for a profile that a host made elsewhere and connects, too.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any, Final

from authweave.egress.profiles import urls_of
from authweave.errors import AuthweaveError
from authweave.limits.reach import Reach
from authweave.limits.sources import names_of
from authweave.limits.within import RULE, Within
from authweave.limits.written import written_problems
from authweave.near_misses import shown
from authweave.profile import Input, Profile
from authweave.templates import Template
from authweave.templates.expressions import Expression
from authweave.urls import Origin, UrlTemplate
from authweave.values import Problem, path_of

_IS_WEB: Final = re.compile(r"https?:", re.I)
_MADE: Final = "https://made-by-the-profile.invalid"


def problems_of(profile: Profile, within: Within, known_types: Collection[str]) -> list[Problem]:
    """Everything that is outside, each at its place and once."""
    found = written_problems(profile.merged, within, known_types)
    return list(dict.fromkeys(found or [*_of_inputs(profile, within), *_of_hosts(profile, within)]))


def _of_inputs(profile: Profile, within: Within) -> Iterator[Problem]:
    for asked in profile.inputs.values():
        if not within.allows("inputs", asked.name):
            yield _problem(profile, ("inputs", asked.name), f"an input `{shown(asked.name)}` may not be used here", within.allowed("inputs"))
        elif kinds := _read_outside(profile, asked, within):
            fix = "; ".join(within.allowed(kind) for kind in kinds)
            yield _problem(profile, ("inputs", asked.name), f"`{shown(asked.name)}` of a profile `{shown(profile.name)}` would be read from where it may not be", fix)


def _read_outside(profile: Profile, asked: Input, within: Within) -> tuple[str, ...]:
    """The lists that hold something for other names, and nothing that this input would be read from; none where one of them does."""
    missed: dict[str, None] = {}
    for source in within.sources:
        kind, names = names_of(source, profile.name, asked, within.tenant)
        if not getattr(within.limits, kind):
            continue  # nothing is read there at all
        if any(within.allows(kind, name) for name in names):
            return ()
        if names:
            missed[kind] = None
    return tuple(missed)


def _of_hosts(profile: Profile, within: Within) -> Iterator[Problem]:
    if within.is_open("hosts"):
        return
    reach, told = Reach(profile), set()
    for url in urls_of(profile):
        for problem in _of_url(profile, url, reach, within):
            if problem.message not in told:  # a default that repeats what is written is not said twice
                told.add(problem.message)
                yield problem
    for variant in profile.variants:
        redirect = variant.tokens.sign_in.redirect_uri if variant.tokens is not None else None
        if redirect is not None:
            yield from _of_redirect(profile, redirect, within)


def _of_url(profile: Profile, url: UrlTemplate, reach: Reach, within: Within) -> Iterator[Problem]:
    places = reach.of(url)
    if isinstance(places, str):
        yield _problem(profile, path_of(url.template.key), places, within.allowed("hosts"))
        return
    for place in places:
        if not within.allows_place(place):
            yield _problem(profile, path_of(url.template.key), f"{place} may not be called", within.allowed("hosts"))
            return


def _of_redirect(profile: Profile, redirect: Template, within: Within) -> Iterator[Problem]:
    """Where the browser comes back to is the host's own word, unless the author wrote it."""
    for text in (_front(redirect), *_defaults(profile, redirect)):
        if _IS_WEB.match(text) and not _may_come_back(text, within):
            yield _problem(profile, path_of(redirect.key), "the browser may not come back to this host", within.allowed("hosts"))
            return


def _may_come_back(text: str, within: Within) -> bool:
    try:
        if Origin.of(text).is_loopback:
            return True
        within.refuse_origin(text, "redirect_uri")
    except AuthweaveError:
        return False
    return True


def _front(redirect: Template) -> str:
    """The redirect with a letter for each value that is supplied; what else an expression makes is as the author's own."""
    for part in redirect.parts:
        if isinstance(part, Expression) and not (part.plain and {read[0] for read in part.reads} == {"inputs"}):
            return _MADE
    return "".join(part if isinstance(part, str) else "x" for part in redirect.parts)


def _defaults(profile: Profile, redirect: Template) -> list[str]:
    named = [profile.inputs[read[1]] for read in redirect.reads if read[0] == "inputs" and len(read) > 1 and read[1] in profile.inputs]
    return [asked.default for asked in named if isinstance(asked.default, str)]


def _problem(profile: Profile, path: Any, message: str, fix: str) -> Problem:
    return profile.merged.problem(RULE, path, message, fix)

"""Where the URLs of a profile can lead, whatever is supplied: read off what the author wrote about each value."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import product
from typing import Any, Final

from authweave.egress.bounds import LISTED, Bounds
from authweave.egress.languages import Language, language_of
from authweave.egress.profiles import choosing
from authweave.errors import AuthweaveError
from authweave.limits.host_patterns import IN_HOST, IN_LABEL, Place
from authweave.profile import Profile
from authweave.templates.expressions import Expression
from authweave.urls import UrlTemplate
from authweave.urls.origins import DEFAULT_PORTS, Origin, host_and_port

_MOST: Final = 200
_LABEL: Final = "A-Za-z0-9_-"
_HOST: Final = "A-Za-z0-9_.-"
_VALUE: Final = re.compile(f"[{_HOST}]*")

Texts = tuple[str, ...]


class Reach:
    """The places that URLs of one profile lead to."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._bounds = Bounds(profile)
        self._kept: dict[str, list[str | None]] = {}
        for variant in profile.variants:
            for keep in variant.tokens.keeps if variant.tokens else ():
                self._kept.setdefault(keep.name, []).append(keep.pattern)

    def of(self, url: UrlTemplate) -> tuple[Place, ...] | str:
        """Every place, with marks for values; or why that cannot be said. None for a URL that resolves against `servers`."""
        if url.relative:
            return ()
        for expression, place in choosing(url):
            if wrong := self._bounds.why_not(expression, place):
                return f"{wrong[0]}; {wrong[1].removesuffix(f'; {LISTED}')}"
        return self._of_base(url) if url.frame.based else self._of_host(url)

    def _of_base(self, url: UrlTemplate) -> tuple[Place, ...] | str:
        first = next(part for part in url.template.parts if isinstance(part, Expression))
        fronts = self._values(first, _fronts)
        places = tuple(_place_of_front(front) for front in fronts or ())
        return places if places and None not in places else _UNBOUND  # type: ignore[return-value]  # none is None then

    def _of_host(self, url: UrlTemplate) -> tuple[Place, ...] | str:
        written: list[Texts] = []
        for part in url.template.parts:
            values = (part,) if isinstance(part, str) else self._values(part, _hosts)
            if values is None:
                return _UNBOUND
            written.append(values)
            if isinstance(part, str) and re.search(r"[/?]", part.partition("://")[2] if len(written) == 1 else part):
                break
        if _count(written) > _MOST:
            return _UNBOUND
        places = [_place("".join(parts)) for parts in product(*written)]
        return tuple(place for place in places if place is not None) if None not in places else _UNBOUND

    def _values(self, expression: Expression, of: Any) -> Texts | None:
        """What stands for the values of an expression; None where that is not known."""
        if not expression.plain or len(expression.reads) != 1:
            return (IN_HOST,) if of is _hosts else None  # made of bounded values, as far as characters go
        [read] = expression.reads
        if read[0] == "profile" and len(read) == 2:
            return (str({"name": self._profile.name, "version": self._profile.version}.get(read[1], "")),)
        if read[0] == "vars" and len(read) == 2:
            made: Any = self._profile.vars.get(read[1])
            text = getattr(made, "text", None)
            return (text,) if isinstance(text, str) and getattr(made, "constant", False) else (IN_HOST,) if of is _hosts else None
        return self._supplied(read, of) if len(read) == 2 else None

    def _supplied(self, read: tuple[str, ...], of: Any) -> Texts | None:
        if read[0] == "kept":
            return _joined(of(pattern) if pattern is not None else None for pattern in self._kept.get(read[1], [None]))
        spec = self._profile.inputs.get(read[1]) if read[0] == "inputs" else None
        if spec is None:
            return None
        if spec.enum is not None:
            return tuple(map(str, spec.enum))
        return of(spec.pattern) if spec.pattern is not None else (IN_LABEL,)  # bounded by its type or format, or refused before


_UNBOUND: Final = "where it leads cannot be read off the profile; put the value itself there, in an input with an enum, or with a pattern that holds the domain"


def _hosts(pattern: str) -> Texts | None:
    """What stands for the texts of a pattern in a host."""
    language = language_of(pattern)
    if language is None:
        return None
    if language.texts is not None:
        return tuple(sorted(language.texts)) if all(map(_VALUE.fullmatch, language.texts)) else None
    return _ends(language, language.starts)


def _fronts(pattern: str) -> Texts | None:
    """What stands for the texts of a pattern that holds https:// and a host."""
    language = language_of(pattern)
    if language is None:
        return None
    if language.texts is not None:
        return tuple(sorted(language.texts))
    if not all(start.startswith("https://") for start in language.starts):
        return None
    ends = frozenset(end.rstrip("/") for end in language.ends)
    rest = Language(frozenset(start.removeprefix("https://") for start in language.starts), ends, language.letters, None)
    hosts = _ends(rest, rest.starts)
    return tuple(f"https://{host}" for host in hosts) if hosts is not None else None


def _ends(language: Language, starts: Iterable[str]) -> Texts | None:
    between = Language(frozenset({""}), frozenset({""}), language.letters, None)
    mark = IN_LABEL if between.is_made_of(_LABEL) else IN_HOST if between.is_made_of(_HOST) else None
    whole = [f"{start}{mark}{end}" for start in starts for end in language.ends] if mark else []
    return tuple(sorted(whole)) if mark and all(map(_VALUE.fullmatch, (*starts, *language.ends))) else None


def _joined(parts: Iterable[Texts | None]) -> Texts | None:
    found = list(parts)
    return tuple(text for part in found for text in part or ()) if None not in found else None


def _count(written: Iterable[Texts]) -> int:
    count = 1
    for texts in written:
        count *= len(texts)
    return count


def _place_of_front(front: str) -> Place | None:
    if IN_LABEL in front or IN_HOST in front:
        return _place(front)
    try:
        origin = Origin.of(front)
    except AuthweaveError:
        return None
    return Place(origin.scheme, origin.host, origin.port)


def _place(written: str) -> Place | None:
    """The place of an absolute URL in which marks stand for values; a first label `*` is any label."""
    scheme, _, rest = written.partition("://")
    scheme = scheme.lower()
    authority = re.split(r"[/?]", rest, maxsplit=1)[0]
    if authority.startswith("*."):
        authority = IN_LABEL + authority[1:]
    try:
        host, port = host_and_port(authority.replace(IN_LABEL, _LABEL_STAND_IN).replace(IN_HOST, _HOST_STAND_IN))
    except AuthweaveError:
        return None
    return Place(scheme, host.replace(_LABEL_STAND_IN, IN_LABEL).replace(_HOST_STAND_IN, IN_HOST), port or DEFAULT_PORTS[scheme])


_LABEL_STAND_IN: Final = "x0limits0label0x"
_HOST_STAND_IN: Final = "x0limits0host0x"
"""Letters that stand for a mark while a host is read; no author can gain anything by writing them: what is written so is covered by less."""

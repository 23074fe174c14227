"""Values that could choose a host: what keeps them where they belong has to be written in the profile."""

from __future__ import annotations

import re
from typing import Any, Final

from authweave.egress.languages import Language, language_of
from authweave.profile import Profile
from authweave.templates.expressions import Expression

_KEEPING: Final = frozenset({"lower", "upper", "trim", "replace"})
"""Functions that add no character to a value but what the author wrote out."""
_LABEL: Final = "A-Za-z0-9_-"
_HOST: Final = "A-Za-z0-9_.-"
_OWN_DOMAIN: Final = re.compile(r"\.[A-Za-z0-9-]+\.[A-Za-z][A-Za-z0-9-]*\Z")
_WHOLE_HOST: Final = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+")
_WHOLE_FRONT: Final = re.compile(r"https://[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+(/[A-Za-z0-9._~/-]*)?")
_FRONT: Final = "https://"

LISTED: Final = "or an operator lists the hosts that may be chosen (egress_hosts)"
"""What helps against an egress policy beside an edit of the profile; it is no way around limits."""

Wrong = tuple[str, str]


class Bounds:
    """What the inputs, variables and kept values of a profile may be, as far as it says so.

    `open_hosts`: a policy looks at the hosts that values come to, so nothing else has to bound them; scheme and port it does not give away.
    """

    def __init__(self, profile: Profile, *, open_hosts: bool = False) -> None:
        self._profile = profile
        self._fits = {**_FITS, "base": _begins_with_https} if open_hosts else _FITS
        self._open_hosts = open_hosts
        self._kept: dict[str, list[str | None]] = {}
        for variant in profile.variants:
            for keep in variant.tokens.keeps if variant.tokens else ():
                self._kept.setdefault(keep.name, []).append(keep.pattern)

    def why_not(self, expression: Expression, place: str) -> Wrong | None:
        """What is wrong with a value at this place of a URL, and what would be right; None for nothing.

        `place` is host (a part of it, before a domain that is written out), open host (a part without one), whole host, base or port.
        """
        if place == "port":
            return "a value chooses the port", "write the port out, or leave it away: 443 is the usual one"
        if self._open_hosts and place != "base":
            return None
        if odd := sorted(expression.functions - _KEEPING):
            return f"{', '.join(odd)}() makes a part of the host", "put the value itself there, in an input with a pattern"
        for read in sorted(expression.reads):
            if (wrong := self._of_read(read, place, frozenset())) is not None:
                return (wrong[0], f"give {'.'.join(read)} a pattern that begins with https://") if self._open_hosts else wrong
        return None

    def _of_read(self, read: tuple[str, ...], place: str, above: frozenset[str]) -> Wrong | None:
        name = ".".join(read)
        if read[0] == "profile":
            return None
        if read[0] == "vars" and len(read) > 1:
            return self._of_variable(read[1], place, above)
        if read[0] not in ("inputs", "kept") or len(read) != 2:
            return f"`{name}` chooses {_what(place)}, and nothing bounds it", _fix(name, place)
        return self._of_input(read[1], place) if read[0] == "inputs" else self._of_patterns(name, self._kept.get(read[1]) or [None], place)

    def _of_variable(self, name: str, place: str, above: frozenset[str]) -> Wrong | None:
        made: Any = self._profile.vars.get(name)
        if made is None or name in above:
            return f"`vars.{name}` chooses {_what(place)}, and nothing bounds it", _fix(f"vars.{name}", place)
        if not made.reads and not made.functions:
            return None
        if place != "host" or (made.functions - _KEEPING):
            return f"`vars.{name}` chooses {_what(place)}, and is made of other values", "put the value itself there, in an input with a pattern"
        return next((wrong for read in sorted(made.reads) if (wrong := self._of_read(read, place, above | {name}))), None)

    def _of_input(self, name: str, place: str) -> Wrong | None:
        spec = self._profile.inputs.get(name)
        if spec is None:
            return f"`inputs.{name}` chooses {_what(place)}, and nothing bounds it", _fix(f"inputs.{name}", place)
        if spec.enum is not None and all(_is_whole(str(one), place) for one in spec.enum):
            return None
        if place == "host" and spec.enum is None and spec.pattern is None and (spec.type in ("integer", "boolean") or spec.format == "uuid"):
            return None
        return self._of_patterns(f"inputs.{name}", [spec.pattern], place)

    def _of_patterns(self, name: str, patterns: list[str | None], place: str) -> Wrong | None:
        if None in patterns:
            return f"`{name}` chooses {_what(place)} and has no pattern", _fix(name, place)
        languages = [language_of(pattern) for pattern in patterns if pattern is not None]
        if all(language is not None and self._fits[place](language) for language in languages):
            return None
        return f"`{name}` chooses {_what(place)}, and its pattern lets through what leads elsewhere", _fix(name, place)


def _fits_label(language: Language) -> bool:
    """No dot, slash, at, colon …: letters, digits and hyphens alone cannot end a label."""
    return language.is_made_of(_LABEL) or (language.texts is not None and language.is_made_of(_HOST)) or _fits_host(language)


def _fits_host(language: Language) -> bool:
    """The author wrote the whole of each host, or at least the domain that it ends with."""
    if language.texts is not None:
        return all(map(_WHOLE_HOST.fullmatch, language.texts))
    return language.is_made_of(_HOST) and all(map(_ends_with_domain, language.ends))


def _fits_open_host(language: Language) -> bool:
    """Without a domain after it even a label alone chooses whose host it is: the author wrote each."""
    return language.texts is not None and language.is_made_of(_HOST)


def _fits_base(language: Language) -> bool:
    """… with https:// before it, written out, too."""
    if language.texts is not None:
        return all(map(_WHOLE_FRONT.fullmatch, language.texts))
    if not all(start.startswith(_FRONT) for start in language.starts):
        return False
    rest = Language(frozenset(start.removeprefix(_FRONT) for start in language.starts), frozenset(end.rstrip("/") for end in language.ends), language.letters, None)
    return rest.is_made_of(_HOST) and all(map(_ends_with_domain, rest.ends))


def _begins_with_https(language: Language) -> bool:
    """The scheme is written out; which host it is somebody else looks at."""
    return all(start.startswith(_FRONT) for start in language.texts or language.starts)


def _ends_with_domain(end: str) -> bool:
    """Does it end with at least two labels that are whole, so that nobody else's name does?"""
    return _OWN_DOMAIN.search(end) is not None


_FITS: Final = {"host": _fits_label, "open host": _fits_open_host, "whole host": _fits_host, "base": _fits_base}


def _is_whole(text: str, place: str) -> bool:
    """Is this one of an author's own list a thing for the place?"""
    if place in ("host", "open host"):
        return re.fullmatch(f"[{_HOST}]*", text) is not None
    return (_WHOLE_HOST if place == "whole host" else _WHOLE_FRONT).fullmatch(text) is not None


def _what(place: str) -> str:
    return {"host": "a part of the host", "open host": "the host", "whole host": "the host"}.get(place, "scheme, host and port")


def _fix(name: str, place: str) -> str:
    if place == "host":
        return f"give {name} a pattern of letters, digits and hyphens, such as [a-z0-9-]{{1,63}}, or an enum"
    if place == "open host":
        return f"write the domain out (https://{{{{ {name} }}}}.acme.example), or give {name} an enum; {LISTED}"
    if place == "whole host":
        return f"write the domain out (https://{{{{ {name} }}}}.acme.example), or give {name} an enum, or a pattern that ends with the domain: [a-z0-9-]+\\.acme\\.example; {LISTED}"
    return f"write https:// and the domain out, or give {name} an enum, or a pattern that holds both: https://[a-z0-9-]+\\.acme\\.example; {LISTED}"

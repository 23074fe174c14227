"""What stands in a cassette where a secret was: of the same form, the same one each time, and telling nothing of it."""

from __future__ import annotations

import base64
import json
import re
from typing import Final

from authweave.answers.jwt_parts import jwt_part
from authweave.probe.known import SHOWN, Known, is_telling

_CLAIMS: Final = ("iss", "aud", "scope", "scp", "exp", "iat", "nbf", "token_use", "typ")
"""Claims of a token that say for whom and how long it is; whose token it is stays out."""
_MARK: Final = re.compile(r"‹(?:secret ([^:‹›]{1,200}): [^‹›]{1,60}|empty)›")
_OPAQUE: Final = re.compile(r"[A-Za-z0-9+/=._~-]{16,}")
_PLAIN: Final = re.compile(r"(?i)true|false|\d{1,5}|1\d{9}|1\d{12}|\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?")
"""Words, times and numbers that are no secret whatever they are called; PINs and codes have a secret's place in no answer."""
_NAME: Final = re.compile(r"[^A-Za-z0-9]+")


class StandIns:
    """One for each secret of a run. `known` knows them all by now."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._made: dict[str, str] = {}
        self._taken: set[str] = set()

    def of(self, value: str, name: str) -> str:
        """The stand-in of a value that is secret as a whole."""
        if value == "":
            return ""
        if value not in self._made:
            mark = self._known.mask(value, name)
            self._made[value] = self._made.get(mark) or _jwt_like(value) or self._numbered(name)
            self._made.setdefault(mark, self._made[value])
        return self._made[value]

    def text(self, text: str) -> str:
        """A text with a stand-in in the place of everything in it that the run knows to be secret."""
        shown = self._known.text(text, lines=True)
        return _MARK.sub(lambda found: self._marked(found[0], found[1] or "empty"), shown)

    def free(self, text: str) -> str:
        """A text of which nothing is known: long words that look like keys are hidden, too."""
        return _OPAQUE.sub(lambda found: found[0] if found[0].startswith("replayed-") else self.of(found[0], "opaque"), self.text(text))

    def leaf(self, name: str, value: str) -> str:
        """A member of an answer: hidden by its name or by its value; shown as it is where neither is secret."""
        if _PLAIN.fullmatch(value):
            return value
        if is_telling(name) and name not in SHOWN:
            return self.of(value, name)
        return self.of(value, name) if self._is_secret(value) else self.text(value)

    def _is_secret(self, value: str) -> bool:
        return _MARK.fullmatch(self._known.text(value, lines=True)) is not None

    def _marked(self, mark: str, name: str) -> str:
        if mark not in self._made:
            self._made[mark] = self._numbered(name)
        return self._made[mark]

    def _numbered(self, name: str) -> str:
        """`replayed-access-token`, and `-2` for another of that name."""
        base = f"replayed-{_NAME.sub('-', name).strip('-').lower()[:60] or 'secret'}"
        free = next(text for number in range(1, 100_000) if (text := base if number == 1 else f"{base}-{number}") not in self._taken)
        self._taken.add(free)
        return free


def _jwt_like(value: str) -> str:
    """A JWT that says the same of issuer, audience and time, and of nobody; '' for what is none."""
    parts = value.split(".")
    if len(parts) != 3 or len(value) > 16384:
        return ""
    header, claims = (jwt_part(part) for part in parts[:2])
    if header is None or claims is None:
        return ""
    kept = {name: claims[name] for name in _CLAIMS if name in claims}
    return ".".join(_encoded(json.dumps(part, separators=(",", ":")).encode()) for part in ({"alg": "none"}, kept)) + "." + _encoded(b"replayed")


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

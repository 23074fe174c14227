"""An answer in the shape that a profile reads: the way back through `token_response` and `accepted_when`.

Where a template reads `response.json.token`, the token is put there. What a condition wants is found by trying.
"""

from __future__ import annotations

import itertools
import json
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import formatdate
from functools import partial
from typing import Any, Final
from urllib.parse import urlencode
from xml.sax.saxutils import escape

from authweave.answers.responses import response_scope
from authweave.errors import AuthweaveError
from authweave.profile import Answer, Match
from authweave.sandbox.listener import Reply
from authweave.templates import Data, Template
from authweave.values import TaskResponse

_LITERAL: Final = re.compile(r"'([^']*)'|\"([^\"]*)\"|\b(\d+(?:\.\d+)?)\b")
_COMMON: Final = (True, "ok", "success", 0, 1, 200, False, "sandbox")
_DEEPEST: Final = 3

Steps = tuple[str, ...]


@dataclass(slots=True)
class Shape:
    """An answer while it is made."""

    status: int = 200
    json: dict[str, Any] = field(default_factory=dict)
    form: dict[str, str] = field(default_factory=dict)
    xml: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)
    text: str | None = None

    def put(self, steps: Steps, value: Any) -> None:
        """Put a value where `response.<steps>` reads it."""
        part, *rest = steps
        if part in ("json", "xml") and rest:
            _put(getattr(self, part), rest, value)
        elif part in ("form", "cookies", "headers") and rest:
            getattr(self, part)[rest[0]] = str(value)
        elif part == "text":
            self.text = str(value)

    def reply(self) -> Reply:
        """The finished answer."""
        media_type, body = self._content()
        headers = [("Content-Type", media_type), ("Cache-Control", "no-store"), *self.headers.items()]
        headers += [("Set-Cookie", f"{name}={value}; Path=/; Secure; HttpOnly") for name, value in self.cookies.items()]
        return Reply(self.status, body.encode(), tuple(headers))

    def scope(self) -> Mapping[str, Any]:
        """What a template reads of it."""
        reply = self.reply()
        return response_scope(TaskResponse(reply.status, reply.headers, reply.body))

    def _content(self) -> tuple[str, str]:
        if self.text is not None:
            return "text/plain; charset=utf-8", self.text
        if self.xml:
            return "application/xml", "".join(_element(name, value) for name, value in self.xml.items())
        if self.form:
            return "application/x-www-form-urlencoded", urlencode(self.form)
        return "application/json", json.dumps(self.json)


def token_answer(
    answer: Answer, members: Mapping[str, Any], kept: Mapping[str, Any], expires_at: float, scope: Mapping[str, Any]
) -> Reply:
    """The answer of a token endpoint: `members` by their RFC names (RFC 6749 §5.1), where this profile reads them."""
    shape = Shape()
    in_form = any(read[:2] == ("response", "form") for template in _templates(answer) for read in template.reads)
    for name, value in members.items():
        if name not in answer.members and not (name == "expires_in" and "expires_at" in answer.members):
            shape.put(("form" if in_form else "json", name), value)
    for name, template in answer.members.items():
        if name in members:
            _offer(shape, template, _written_as(name, members[name]), _is_near(name, members[name]), scope)
    if "expires_at" in answer.members:
        _offer(shape, answer.members["expires_at"], _moments(expires_at), lambda value: value is not None, scope)
    for keep in answer.keep:
        if keep.name in kept:
            _offer(shape, keep.value, [kept[keep.name]], partial(operator.eq, kept[keep.name]), scope)
    satisfy(shape, answer.accepted_when, scope)
    return shape.reply()


def satisfy(shape: Shape, matches: Iterable[Match], scope: Mapping[str, Any]) -> None:
    """Change the answer so that one of the matches holds, if that can be found."""
    for match in matches:
        statuses = [status for status in sorted(match.statuses) if status < 400] or sorted(match.statuses)
        if statuses and shape.status not in match.statuses:
            shape.status = statuses[0]
        if match.when is None or _solve(shape, match.when, _guesses(match.when), bool, scope):
            return


def _offer(
    shape: Shape, template: Any, candidates: Iterable[Any], good: Callable[[Any], bool], scope: Mapping[str, Any]
) -> None:
    if isinstance(template, Template | Data):
        _solve(shape, template, tuple(candidates), good, scope)


def _solve(
    shape: Shape, template: Any, candidates: tuple[Any, ...], good: Callable[[Any], bool], scope: Mapping[str, Any]
) -> bool:
    """Put candidates wherever the template reads the answer, until what it gives is good."""
    places = sorted(read[1:] for read in template.reads if read[0] == "response" and len(read) > 1)
    if _gives(shape, template, good, scope):
        return True
    for chosen in itertools.product(candidates, repeat=len(places)) if 0 < len(places) <= _DEEPEST else ():
        for place, value in zip(places, chosen, strict=True):
            shape.put(place, value)
        if _gives(shape, template, good, scope):
            return True
    return False


def _gives(shape: Shape, template: Any, good: Callable[[Any], bool], scope: Mapping[str, Any]) -> bool:
    try:
        return good(template.value({**scope, "response": shape.scope()}))
    except AuthweaveError:
        return False


def _written_as(name: str, value: Any) -> list[Any]:
    """A value as servers write it: a lifetime also as text, in minutes, milliseconds, or days, hours and minutes."""
    if name != "expires_in":
        return [value]
    days, rest = divmod(int(value), 86400)
    clock = f"{rest // 3600:02}:{rest % 3600 // 60:02}"
    return [value, str(value), max(1, int(value) // 60), int(value) * 1000, f"{days}:{clock}", f"{clock}:00"]


def _is_near(name: str, wanted: Any) -> Callable[[Any], bool]:
    if name != "expires_in":
        return lambda value: value == wanted or str(value).endswith(str(wanted))
    return lambda value: str(value).replace(".", "", 1).isdigit() and abs(float(value) - float(wanted)) <= 60


def _moments(expires_at: float) -> list[Any]:
    moment = datetime.fromtimestamp(expires_at, UTC).replace(microsecond=0)
    return [
        moment.isoformat().replace("+00:00", "Z"),
        int(expires_at),
        formatdate(expires_at, usegmt=True),
        int(expires_at * 1000),
    ]


def _guesses(template: Template) -> tuple[Any, ...]:
    """Literals of the condition first: `response.json.code == 'S01'`."""
    found = [
        text or other or (float(number) if "." in number else int(number))
        for text, other, number in _LITERAL.findall(template.text)
    ]
    return (*found, *_COMMON)


def _templates(answer: Answer) -> Iterator[Any]:
    yield from (template for template in answer.members.values() if isinstance(template, Template | Data))
    yield from (keep.value for keep in answer.keep)


def _put(inside: Any, steps: list[str], value: Any) -> None:
    for index, step in enumerate(steps[:-1]):
        made: Any = [{}] if steps[index + 1].isdecimal() else {}
        inside = inside.setdefault(step, made) if isinstance(inside, dict) else _first(inside, made)
    if isinstance(inside, dict):
        inside[steps[-1]] = value
    else:
        inside[:] = [value]


def _first(inside: list[Any], made: Any) -> Any:
    if not inside:
        inside.append(made)
    return inside[0]


def _element(name: str, value: Any) -> str:
    if not isinstance(value, dict):
        return f"<{name}>{escape(str(value))}</{name}>"
    attributes = "".join(f' {key[1:]}="{escape(str(part))}"' for key, part in value.items() if key.startswith("@"))
    inner = "".join(_element(key, part) for key, part in value.items() if not key.startswith("@"))
    return f"<{name}{attributes}>{inner}</{name}>"

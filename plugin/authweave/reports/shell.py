"""Requests as commands for a shell: `curl`, with every secret in a variable. POSIX sh; runs where curl, od, awk and base64 are.

No text of a request is ever code: a text stands in quotes, a value in a variable within quotes, a comment on one line.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import TYPE_CHECKING, Final
from urllib.parse import quote_plus

from authweave.redaction import inert

if TYPE_CHECKING:
    from authweave.report import Piece, Recipe, RecipeLine

_OF_CURL: Final = frozenset({"content-length", "connection", "accept-encoding", "transfer-encoding"})
"""Header fields that curl writes by itself."""
_FORM: Final = "application/x-www-form-urlencoded"
_CURL: Final = "curl --silent --show-error --include --globoff --path-as-is"
_PLAIN: Final = re.compile(r"[A-Za-z0-9 _.,:;=/?&@%+~()'<>{}#*^|\[\]-]*")
"""What means nothing to a shell within double quotes."""
_TAKEN: Final = re.compile(
    r"_*|(LC|LD|DYLD|BASH|SSL|CURL|HTTP|HTTPS|FTP|ALL|NO|PYTHON|MALLOC|GCONV|NLS|TMP|TEMP)(_.*)?|.*_PROXY|PATH|HOME|IFS|ENV|PS[0-9]|PWD|OLDPWD|SHELL|"
    r"USER|LOGNAME|LANG|LANGUAGE|TERM|TMPDIR|MAIL.*|OPT(ARG|IND|ERR)|PPID|UID|EUID|RANDOM|SECONDS|LINENO|EDITOR|FCEDIT|HIST.*|SHLVL|DISPLAY|"
    r"CDPATH|GLOBIGNORE|NETRC|POSIXLY_CORRECT|POSIX.*|GAWK.*|AWK.*|SHELLOPTS|PROMPT_COMMAND|LINES|COLUMNS"
)
"""Names that mean something to a shell, to curl or to the system: an input of that name gets another."""
_FUNCTIONS: Final = {
    "form": """\
form() {  # as in a form
  printf %s "$1" | LC_ALL=C od -An -v -tu1 | LC_ALL=C awk '{ for (i = 1; i <= NF; i++)
    if ($i < 128 && sprintf("%c", $i + 0) ~ /[A-Za-z0-9_.~-]/) printf "%c", $i + 0; else if ($i == 32) printf "+"; else printf "%%%02X", $i }'
}""",
    "percent": """\
percent() {  # as in a URL
  printf %s "$1" | LC_ALL=C od -An -v -tu1 | LC_ALL=C awk '{ for (i = 1; i <= NF; i++)
    if ($i < 128 && sprintf("%c", $i + 0) ~ /[A-Za-z0-9_.~-]/) printf "%c", $i + 0; else printf "%%%02X", $i }'
}""",
    "json": """\
json() {  # as in a JSON text
  printf "$(printf %s "$1" | LC_ALL=C od -An -v -tu1 | LC_ALL=C awk 'BEGIN { n[8] = "b"; n[9] = "t"; n[10] = "n"; n[12] = "f"; n[13] = "r" } {
    for (i = 1; i <= NF; i++) if ($i in n) printf "\\\\\\\\%s", n[$i]; else if ($i < 32) printf "\\\\\\\\u%04x", $i
      else if ($i == 34 || $i == 92) printf "\\\\\\\\\\\\%03o", $i; else printf "\\\\%03o", $i }')"
}""",
    "one_line": """\
one_line() {  # a line break in a header field would begin another one
  case $2 in *[[:cntrl:]]*) echo "$1 holds a control character, which no header field can: see its last character" >&2; exit 2 ;; esac
}""",
}  # fmt: skip
_SOURCES: Final = {"input": "the input {name}", "answer": "{name} from an answer", "made": "what authweave made for this request, {name}"}


@dataclass(frozen=True, slots=True)
class Variable:
    """A value that stands outside: its name in the shell, what the report calls it, its mark, and whether it is a secret."""

    name: str
    called: str
    shown: str
    source: str

    @property
    def is_open(self) -> bool:
        """Is it no secret, so that it can stand here?"""
        return not self.shown.startswith("‹")


@dataclass(slots=True)
class Commands:
    """Commands, one after another. `text` is the whole script."""

    blocks: list[str] = field(default_factory=list)
    _variables: dict[tuple[str, str], Variable] = field(default_factory=dict)
    _used: set[str] = field(default_factory=set)
    _set: set[str] = field(default_factory=set)

    def add(self, title: str, method: str, recipe: Recipe | None, comments: Iterable[str] = (), *, in_browser: bool = False) -> None:
        """One request. `comments` stand above it, a line each; `in_browser`: it is a person's browser that asks."""
        said = [f"# {line}" for line in map(_on_one_line, (title, *comments))]
        if recipe is None:
            self.blocks.append("\n".join([*said, "# It cannot be written as a command: something in it is hidden that has no name."]))
            return
        said += [f"# Careful: {_on_one_line(why)}." for why in recipe.once]
        if in_browser:
            self.blocks.append("\n".join([*said, *self._needs(recipe.url), f"printf '%s\\n' {self._word(recipe.url)}"]))
            return
        number = len(self.blocks) + 1
        if recipe.no_body:
            said.append(f"# Its body is not here ({_on_one_line(recipe.no_body)}): write it into the file body-{number}.")
        arguments = [*self._method(method, recipe), *self._headers(recipe), *self._body(recipe, number), self._word(recipe.url)]
        needed = self._needs(piece for pieces in _all(recipe) for piece in pieces)
        self.blocks.append("\n".join([*said, *needed, *self._checks(recipe), " \\\n  ".join([_CURL, *arguments])]))

    def say(self, line: str) -> None:
        """A comment in the place of a command."""
        self.blocks.append(f"# {_on_one_line(line)}")

    def text(self, head: Iterable[str]) -> str:
        """The script: what it is, which variables to set, and the commands."""
        lines = ["#!/bin/sh", *(f"# {_on_one_line(line)}" for line in head)]
        secret = [one for one in self._variables.values() if not one.is_open]
        if secret:
            lines += ["#", "# Nothing secret stands here. Set these first, with `export NAME`, as you come to need them:"]
            width = max(len(one.name) for one in secret)
            lines += [f"#   {one.name:<{width}}  {_on_one_line(one.shown)}: {_SOURCES.get(one.source, '{name}').format(name=_on_one_line(one.called))}" for one in secret]
        functions = [text for name, text in _FUNCTIONS.items() if name in self._used]
        return "\n\n".join(["\n".join(lines), *functions, *self.blocks]) + "\n"

    def _method(self, method: str, recipe: Recipe) -> Iterator[str]:
        has_body = bool(recipe.body or recipe.form or recipe.no_body)
        if method == "HEAD":
            yield "--head"
        elif method != ("POST" if has_body else "GET"):
            yield f"--request {shlex.quote(method)}"

    def _headers(self, recipe: Recipe) -> Iterator[str]:
        given = {line.name.lower() for line in recipe.headers}
        for line in recipe.headers:
            if line.name.lower() in _OF_CURL or _is_host_of(recipe, line):
                continue
            if pair := _basic_pair(line):
                yield f"--user {self._word(pair)}"
            elif not line.pieces:
                yield f"--header {shlex.quote(line.name + ';')}"
            else:
                yield f"--header {self._word(line.pieces, before=f'{line.name}: ')}"
        if "accept" not in given:
            yield "--header 'Accept:'"
        if (recipe.body or recipe.form or recipe.no_body) and "content-type" not in given:
            yield "--header 'Content-Type:'"

    def _body(self, recipe: Recipe, number: int) -> Iterator[str]:
        media = next(("".join(piece.text for piece in line.pieces) for line in recipe.headers if line.name.lower() == "content-type"), "")
        is_signed = any(why.startswith("it is signed") for why in recipe.once)  # over the bytes, which curls of any age have to write alike
        if recipe.no_body:
            yield f"--data-binary @body-{number}"
        elif recipe.form and media.startswith(_FORM) and not is_signed:
            for line in recipe.form:
                yield f"--data-urlencode {self._word(line.pieces, before=f'{quote_plus(line.name)}=')}"
        elif recipe.body:
            yield f"--data-raw {self._word(recipe.body)}"

    def _needs(self, pieces: Iterable[Piece]) -> Iterator[str]:
        """A line for each variable that must be there, in the order of the request."""
        for variable in dict.fromkeys(self._variable(piece) for piece in pieces if piece.name):
            if not variable.is_open:
                yield f': "${{{variable.name}:?is not set: see above}}"'
            elif variable.name not in self._set:
                self._set.add(variable.name)
                yield f'[ -n "${{{variable.name}+set}}" ] || {variable.name}={shlex.quote(variable.shown)}'

    def _checks(self, recipe: Recipe) -> Iterator[str]:
        """No value of a header field may begin another field."""
        lines = (line for line in recipe.headers if line.name.lower() not in _OF_CURL and not _basic_pair(line))
        bare = (piece for line in lines for piece in line.pieces if piece.name and not piece.base64 and piece.coding in ("", "json"))
        for variable in dict.fromkeys(map(self._variable, bare)):
            self._used.add("one_line")
            yield f'one_line {variable.name} "${variable.name}"'

    def _word(self, pieces: Sequence[Piece], before: str = "") -> str:
        """One argument of a command."""
        parts: list[tuple[bool, str]] = [(False, before)] if before else []
        for is_encoded, beside in groupby(pieces, key=lambda piece: piece.base64):
            group = list(beside)
            parts += [(True, f"$(printf %s {self._word(_bare(group))} | base64 | tr -d '\\n')")] if is_encoded else map(self._part, group)
        if not any(is_value for is_value, _ in parts):
            return shlex.quote("".join(text for _, text in parts))
        if all(is_value or _PLAIN.fullmatch(text) for is_value, text in parts):
            return f'"{"".join(_apart(parts))}"'
        return "".join(f'"{text}"' if is_value else shlex.quote(text) for is_value, text in parts)

    def _part(self, piece: Piece) -> tuple[bool, str]:
        if not piece.name:
            return False, piece.text
        name = self._variable(piece).name
        if not piece.coding:
            return True, f"${name}"
        self._used.add(piece.coding)
        return True, f'$({piece.coding} "${name}")'

    def _variable(self, piece: Piece) -> Variable:
        """The same value has the same variable; another one of that name is numbered."""
        known = self._variables.get((piece.name, piece.shown))
        if known is None:
            known = Variable(self._free(piece.name), piece.name, piece.shown, piece.source)
            self._variables[piece.name, piece.shown] = known
        return known

    def _free(self, called: str) -> str:
        name = re.sub(r"[^A-Za-z0-9]+", "_", called).strip("_").upper()
        if _TAKEN.fullmatch(name) or not name.isascii() or not name[:1].isalpha():
            name = f"VALUE_{name}".rstrip("_")
        taken = {one.name for one in self._variables.values()}
        return next(free for number in range(1, len(taken) + 2) if (free := name if number == 1 else f"{name}_{number}") not in taken)


def _all(recipe: Recipe) -> Iterator[Sequence[Piece]]:
    yield from (line.pieces for line in recipe.headers if line.name.lower() not in _OF_CURL)
    yield from (line.pieces for line in recipe.form) if recipe.form else [recipe.body]
    yield recipe.url


def _basic_pair(line: RecipeLine) -> list[Piece] | None:
    """User and password of a Basic header that is made of them as they are: curl makes the same."""
    if line.name.lower() != "authorization" or not line.pieces or line.pieces[0].text != "Basic ":
        return None
    pair = _bare(line.pieces[1:])
    is_pair = 2 <= len(pair) <= 3 and bool(pair[0].name) and pair[1].text == ":"
    return pair if is_pair and all(piece.base64 for piece in line.pieces[1:]) and not any(piece.coding for piece in pair) else None


def _bare(pieces: Iterable[Piece]) -> list[Piece]:
    return [replace(piece, base64=False) for piece in pieces]


def _is_host_of(recipe: Recipe, line: RecipeLine) -> bool:
    """Is it the Host that stands in the URL?"""
    if line.name.lower() != "host":
        return False
    host = "".join(piece.text or f"\0{piece.name}" for piece in line.pieces)
    url = "".join(piece.text or f"\0{piece.name}" for piece in recipe.url)
    return re.match(rf"[a-z]+://{re.escape(host)}(:443|:80)?([/?]|$)", url, re.IGNORECASE) is not None


def _apart(parts: Sequence[tuple[bool, str]]) -> Iterator[str]:
    """`${NAME}` where a letter comes after it."""
    for number, (is_value, text) in enumerate(parts):
        after = parts[number + 1][1][:1] if number + 1 < len(parts) else ""
        needs_braces = is_value and text[:2] != "$(" and (after.isalnum() or after == "_")
        yield f"${{{text[1:]}}}" if needs_braces else text


def _on_one_line(text: str) -> str:
    return inert(text)

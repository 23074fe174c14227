"""What to say about a text that is not YAML: in our words, with a fix, and never with a piece of the text."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from yaml.error import MarkedYAMLError

from authweave.values import Mark


class NotYaml(NamedTuple):
    """One syntax error, ready to be told."""

    rule: str
    mark: Mark | None
    message: str
    fix: str


_QUOTED: Final = re.compile(r"""'(?:[^']|'')*+'|"(?:[^"\\]|\\.)*+\"""")
_QUOTED_TEMPLATE: Final = re.compile(r"""['"][^'"]*\{\{""")
_TAG: Final = r"tag handle|(?:parsing|scanning) a tag"
_SPECIAL_START: Final = "a text cannot begin with this character"
_LONGEST_LINE: Final = 2_000  # a longer line is not searched for hints: it is no line of a person
_QUOTE: Final = "put the text in quotes"

# (what PyYAML or libyaml says, what we say, fix, does the mark of the beginning help more than that of the end?)
_SAYINGS: Final = [
    (_TAG, "a tag (`!…`) is not read here", "leave it out; quote a text that begins with `!`", False),
    (r"unexpected end of stream|unexpected document separator|unexpected document indicator",
     "a quote is opened here and never closed", "close it", True),
    (r"expected ',' or ']'", "a list in [ ] goes wrong here: a comma or the closing ] is missing",
     "add it; a text with , [ ] { } in it needs quotes", False),
    (r"expected ',' or '}'", "a map in { } goes wrong here: a comma or the closing } is missing",
     "add it; a text with , [ ] { } in it needs quotes", False),
    (r"mapping values are not allowed", "a colon with a space after it cannot stand here",
     "check the indentation, or put the text in quotes", False),
    (r"sequence entries are not allowed", "a list item cannot stand here", "begin it on a line of its own", False),
    (r"could not find expected ':'", "this line is neither `key: value` nor part of the value above",
     "add the colon, or check the indentation", True),
    (r"escape", "a backslash in double quotes begins an escape that YAML does not know",
     r"write \\ for a backslash, or use single quotes", False),
    (r"expected alphabetic or numeric", _SPECIAL_START, _QUOTE, True),
    (r"tab character", "a tab stands where only spaces may", "indent with spaces", False),
    (r"cannot start any token", _SPECIAL_START, _QUOTE, False),
    (r"unexpected ':'", "a colon cannot stand here", _QUOTE, False),
    (r"expected (?:a )?comment or (?:a )?line break|chomping or indentation|indentation indicator",
     "after | or > the line has to end", "begin the text on the next line", False),
    (r"expected <document start>|expected '<document start>'", "this is no part of the document above",
     "check the indentation", False),
    (r"expected key|expected '-' indicator|<block end>", "this does not belong to the map or list around it",
     "check the indentation, and the quotes around the text before it", False),
    (r"flow node|node content", "a value is missing here", "write it, or leave the comma or bracket out", False),
]  # fmt: skip


def explained(error: MarkedYAMLError | None, text: str) -> NotYaml:
    """The error in words for the author; None stands for an error that names no place."""
    if error is None:
        return NotYaml("document.syntax", None, "is not YAML", "check quotes, colons and indentation")
    lines = text.split("\n")
    end = error.problem_mark or error.context_mark
    saying = f"{error.context or ''} {error.problem or ''}"
    message, fix, mark_of_start = _words_for(saying)
    if "expected ',' or" in saying and end and not text[end.index :].strip():
        message, fix, mark_of_start = "a [ or { is opened here and never closed", "close it", True
    chosen = error.context_mark if mark_of_start and error.context_mark else end
    mark = Mark(chosen.line + 1, chosen.column + 1) if chosen else None
    rule = "document.tag" if re.search(_TAG, saying) else "document.syntax"
    if end and _is_tab(lines, end.line, end.column):
        return NotYaml(rule, mark, "a tab stands where only spaces may", "indent with spaces")
    places = {place.line for place in (error.problem_mark, error.context_mark) if place}
    if end and (hint := _template_hint(lines, sorted(places))):
        return NotYaml(rule, mark, message, hint)
    return NotYaml(rule, mark, message, fix)


def _words_for(saying: str) -> tuple[str, str, bool]:
    for pattern, message, fix, mark_of_start in _SAYINGS:
        if re.search(pattern, saying):
            return message, fix, mark_of_start
    return "is not YAML", "check quotes, colons and indentation on this line", False


def _is_tab(lines: list[str], line: int, column: int) -> bool:
    return line < len(lines) and lines[line][column : column + 1] == "\t"


def _template_hint(lines: list[str], numbers: list[int]) -> str | None:
    """Is a template without quotes, or one with its own quotes inside them, the likely cause?"""
    written = [lines[number][:_LONGEST_LINE] for number in numbers if number < len(lines)]
    if any("{{" in _QUOTED.sub("", line) or "{%" in _QUOTED.sub("", line) for line in written):
        return "a template here needs quotes: '{{ … }}'"
    if any(_QUOTED_TEMPLATE.search(line) for line in written):
        return "quotes inside a quoted template must be of the other kind: '{{ inputs[\"a\"] }}'"
    return None

"""The text of a template taken apart: what is written, and its expressions.

Jinja2's parser is the grammar. It is asked only if there is more to read than plain look-ups (`{{ inputs.tenant }}`),
and the tokens of its lexer are looked at on their way, for what the tree no longer shows: comments, raw blocks,
whitespace control.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, Final

from authweave.templates.bounds import DEPTH, TEXT_LENGTH, TOKENS
from authweave.templates.expressions import Expression, compile_expression, looked_up
from authweave.templates.refusals import HALF, NAME_PARTS, NAMESPACES, Refused

Part = str | Expression

_PATH: Final = re.compile(rf"\{{\{{\s*((?:{'|'.join(NAMESPACES)})(?:\.[A-Za-z_][A-Za-z0-9_]*)+)\s*\}}\}}")


def parts_of(text: str) -> tuple[Part, ...]:
    """The pieces of a text in order, or Refused."""
    if not text.isascii():
        _check_well_formed(text)
    if "{{" not in text and "{%" not in text and "{#" not in text:
        return (text,)
    if len(text) > TEXT_LENGTH:
        raise Refused(f"a template is at most {TEXT_LENGTH} characters long", NAME_PARTS)
    pieces = _PATH.split(text)
    return _looked_up(pieces) if _only_paths(pieces[::2]) else _parsed(text)


_MARK: Final = re.compile(r"\{[{%#]")


def _only_paths(literals: list[str]) -> bool:
    """Is there nothing to parse but plain look-ups? Then Jinja need not be asked (nor imported)."""
    return not any(map(_MARK.search, literals)) and not any(literal.endswith("{") for literal in literals[:-1])


def _looked_up(pieces: list[str]) -> tuple[Part, ...]:
    parts = [looked_up(tuple(piece.split("."))) if index % 2 else piece for index, piece in enumerate(pieces)]
    return tuple(part for part in parts if part != "")


def _parsed(text: str) -> tuple[Part, ...]:
    """Read by Jinja's own parser. It makes one newline of all, so that a carriage return goes through in disguise."""
    source, disguise = _without_returns(text)
    parts: list[Part] = []
    for node in _tree(source):
        if type(node).__name__ == "TemplateData":
            parts.append(node.data.replace(disguise, "\r") if disguise else node.data)
        else:
            parts.append(compile_expression(_with_returns(node, disguise)))
    return tuple(parts)


def _without_returns(text: str) -> tuple[str, str]:
    if "\r" not in text:
        return text, ""
    disguise = next((chr(code) for code in range(0xE000, 0xF8FF) if chr(code) not in text), "")
    if not disguise:
        raise Refused("too many characters of the private use area", "leave some of them out, or the carriage returns")
    return text.replace("\r", disguise), disguise


def _with_returns(node: Any, disguise: str) -> Any:
    if disguise:
        from jinja2 import nodes

        for literal in (node, *node.find_all(nodes.Const)):
            if isinstance(literal, nodes.Const) and isinstance(literal.value, str):
                literal.value = literal.value.replace(disguise, "\r")
    return node


@cache
def _jinja() -> Any:
    from jinja2 import Environment

    return Environment(keep_trailing_newline=True, autoescape=False)  # noqa: S701 - it only parses, it never renders


def _tree(source: str) -> list[Any]:
    """The nodes of a text: pieces of data and expressions."""
    from jinja2 import TemplateSyntaxError
    from jinja2.lexer import TokenStream
    from jinja2.parser import Parser

    lexer = _jinja().lexer
    try:
        parser = Parser(_jinja(), "")
        parser.stream = TokenStream(lexer.wrap(_checked(lexer.tokeniter(source, None))), None, None)
        body: Any = parser.parse().body
    except TemplateSyntaxError as error:
        problem = _syntax(error.message or "", error.lineno)
    except RecursionError:
        problem = Refused(f"nested deeper than {DEPTH}", NAME_PARTS)
    except (ValueError, ArithmeticError, MemoryError):
        problem = Refused("a number that is too long", "quote it if it is a text")
    else:
        return _outputs(body)
    raise problem


def _outputs(body: list[Any]) -> list[Any]:
    for statement in body:
        if type(statement).__name__ != "Output":
            raise Refused(_NO_STATEMENTS, _ONLY_EXPRESSIONS, line=statement.lineno, needle="{%")
    return [node for statement in body for node in statement.nodes]


_NO_STATEMENTS: Final = "statements ({% %}) are not part of templates"
_ONLY_EXPRESSIONS: Final = "write an expression: {{ a if b else c }}"
_REFUSED_TOKENS: Final = {
    "block_begin": (_NO_STATEMENTS, _ONLY_EXPRESSIONS),
    "raw_begin": ("raw blocks are not part of templates", "write braces as {{ '{{' }}"),
    "comment_begin": ("comments ({# #}) are not part of templates", "write a comment of the file: # …"),
}
_NO_ESCAPE: Final = re.compile(r"\\([^\n\\'\"abfnrtv0-7xNuU]|[4-7][0-7]{2})")


def _checked(tokens: Iterable[tuple[int, str, str]]) -> Iterator[tuple[int, str, str]]:
    """The tokens of Jinja's lexer, as they are, but for those that templates do not have."""
    for number, (line, token, text) in enumerate(tokens):
        if token in _REFUSED_TOKENS:
            raise Refused(*_REFUSED_TOKENS[token], line=line, needle=text)
        if token in ("variable_begin", "variable_end") and len(text) > 2:
            words = "whitespace control ({{- -}}) is not part of templates"
            raise Refused(words, "write {{ }}; -1 needs a blank before it", line=line, needle=text.strip())
        if token == "string" and "\\" in text and (found := _NO_ESCAPE.search(text.replace("\\\\", ""))):
            raise Refused(f"`\\{found[1]}` is no escape", "write \\\\ for a backslash", line=line, needle=found[0])
        if token in ("integer", "float") and not text.isascii():
            raise Refused("a number in other digits than 0 to 9", "write 0 to 9, or quote it", line=line, needle=text)
        if number > TOKENS:
            raise Refused("too many parts for one template", NAME_PARTS, line=line)
        yield line, token, text


def _syntax(message: str, line: int) -> Refused:
    needle = re.search(r"(?:got|unexpected(?: char)?) '(.+?)'", message)
    fix = "write one expression between {{ and }}, such as {{ inputs.tenant | lower }}"
    return Refused(f"not an expression: {message}", fix, line=line, needle=needle[1] if needle else "")


def offset_of(text: str, problem: Refused) -> int:
    """Where in the text the problem stands, as near as its line and its words tell."""
    start = 0
    for _ in range(problem.line - 1):
        start = text.find("\n", start) + 1
    brace = text.find("{{", start)
    word = rf"\b{problem.needle}\b" if problem.needle.isidentifier() else re.escape(problem.needle)
    found = re.compile(word).search(text, start if problem.needle[:1] == "{" else max(brace, start))
    return found.start() if found and problem.needle else max(brace, 0)


def _check_well_formed(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Refused("a text with half a character (a lone surrogate)", HALF) from None

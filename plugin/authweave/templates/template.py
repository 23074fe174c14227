"""Templates: Jinja2 expressions inside text, checked when a profile is loaded, evaluated without Jinja.

`parts.py` takes a text apart, `expressions.py` holds the allow-list, `closures.py` is what runs. Templates are
frozen and may be evaluated from any thread. Parsed texts are cached, so that a profile loaded again costs little.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Final

from authweave.errors import TemplateError, TemplateSyntax
from authweave.templates.bounds import DEPTH, REMEMBERED, RESULT_LENGTH, Unfit, begin, end, spend, weigh_out
from authweave.templates.closures import Scope
from authweave.templates.expressions import Expression, Reads
from authweave.templates.operands import text_of
from authweave.templates.parts import Part, offset_of, parts_of
from authweave.templates.refusals import Refused
from authweave.values import Path, dotted

Place = str | Callable[[], str]

_FOREIGN: Final = (ValueError, TypeError, ArithmeticError, RecursionError, MemoryError)
_NESTED: Final = (list, dict)
_SHORT: Final = 256
"""Texts up to this length are not counted: how many of them there are is bounded."""


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """A text of a profile that may hold `{{ }}`. `reads` are its look-ups as far as they are written out.

    `whole` is one `{{ }}` and nothing else: it keeps its type. `constant` holds no expression. Evaluating raises
    TemplateError, which names the template and the path that is null, never a value.
    """

    text: str
    key: str
    place: Place
    parts: tuple[Part, ...]
    reads: Reads
    functions: frozenset[str]
    whole: bool
    constant: bool
    plain: bool

    @property
    def where(self) -> str:
        """Where it stands, for messages: `acme.yaml:12:5 auth.fields[0].value`."""
        place = self.place if isinstance(self.place, str) else self.place()
        return " ".join(part for part in (place, self.key) if part)

    def value(self, scope: Scope) -> Any:
        """The value: with its own type if the template is whole (it may be None), else text."""
        return self._value(scope, goes_out=True) if self.whole else self.render(scope)

    def _value(self, scope: Scope, *, goes_out: bool) -> Any:
        is_first = False
        try:
            if not self.plain:
                is_first = begin(scope)
            result = self.parts[0].run(scope)  # type: ignore[union-attr]  # whole: the one part is an expression
            if type(result) is str:
                if len(result) > _SHORT and goes_out:
                    spend(scope, len(result))
                _well_formed(result)
            elif goes_out and not self.plain and type(result) in _NESTED and weigh_out(scope, result) > RESULT_LENGTH:
                raise Unfit(f"the value would be longer than {RESULT_LENGTH} characters")
        except Unfit as unfit:
            problem = str(unfit)
        except _FOREIGN as error:
            problem = _in_words(error)
        else:
            return result
        finally:
            end(is_first)
        raise TemplateError(self.where, problem)

    def required(self, scope: Scope) -> Any:
        """As `value`, where null will not do: the error names the path that is null."""
        result = self.value(scope)
        if result is None:
            raise self._is_null(self.parts[0], scope)
        return result

    def render(self, scope: Scope, escape: Callable[[str], str] | None = None) -> str:
        """The text. Null, lists, maps and bytes are errors; `escape` is applied to values, not to what is written."""
        if self.constant:
            return self.text
        texts = self.texts(scope)
        if escape is not None:
            pairs = zip(self.parts, texts, strict=True)
            texts = [text if isinstance(part, str) else escape(text) for part, text in pairs]
            if sum(map(len, texts)) > RESULT_LENGTH:
                raise TemplateError(self.where, f"the text would be longer than {RESULT_LENGTH} characters")
        return "".join(texts)

    def texts(self, scope: Scope) -> list[str]:
        """The text of each of `parts`, for who puts them together in a way of its own; together no longer than a text may be."""
        null: Part | None = None
        texts: list[str] = []
        is_first = False
        try:
            if not self.plain:
                is_first = begin(scope)
            for part in self.parts:
                if type(part) is str:
                    texts.append(part)
                    continue
                value = part.run(scope)  # type: ignore[union-attr]  # not text: an expression
                if value is None:
                    null = part
                    break
                text = value if type(value) is str else text_of(value)
                texts.append(text if text.isascii() else _well_formed(text))
            if null is None and (length := sum(map(len, texts))) > _SHORT:
                spend(scope, length)
        except Unfit as unfit:
            problem = str(unfit)
        except _FOREIGN as error:
            problem = _in_words(error)
        else:
            if null is None:
                return texts
            raise self._is_null(null, scope)
        finally:
            end(is_first)
        raise TemplateError(self.where, problem)

    def as_bytes(self, scope: Scope) -> bytes:
        """The value as bytes, for what is signed: text in UTF-8, bytes as they are, side by side. Null, lists and maps are errors.

        A body may be of any length, but stand there once: what is beside the longest piece is no longer than a text may be.
        """
        pieces: list[bytes] = []
        beside = longest = 0
        null: Part | None = None
        is_first = False
        try:
            is_first = begin(scope)
            for part in self.parts:
                value = part if isinstance(part, str) else part.run(scope)
                if value is None:
                    null = part
                    break
                pieces.append(value if type(value) is bytes else text_of(value).encode())
                longest = max(longest, len(pieces[-1]))
                if (beside := beside + len(pieces[-1])) - longest > RESULT_LENGTH:
                    break
            if beside - longest > _SHORT:
                spend(scope, beside - longest)
        except Unfit as unfit:
            problem = str(unfit)
        except _FOREIGN as error:
            problem = _in_words(error)
        else:
            if null is None:
                return b"".join(pieces)
            raise self._is_null(null, scope)
        finally:
            end(is_first)
        raise TemplateError(self.where, problem)

    def is_true(self, scope: Scope) -> bool:
        """As a condition: null, empty text, 0 and what is empty are false."""
        return bool(self._value(scope, goes_out=False) if self.whole else self.render(scope))

    def missing(self, scope: Scope) -> str:
        """The path that makes it null (`response.json.token`), or empty text."""
        for part in self.parts:
            if not isinstance(part, str):
                try:
                    if part.run(scope) is None:
                        return _path_in(part, scope)
                except (Unfit, *_FOREIGN):
                    return ""
        return ""

    def _is_null(self, part: Part, scope: Scope) -> TemplateError:
        path = "" if isinstance(part, str) else _path_in(part, scope)
        words = f"{path} is null or not there" if path else "the expression gives null"
        return TemplateError(self.where, words, missing=path)


@dataclass(frozen=True, slots=True, eq=False)
class Data:
    """Plain data of a profile whose texts may be templates: a list, a map, a text or any other scalar."""

    content: Any
    templates: tuple[Template, ...]

    @property
    def reads(self) -> Reads:
        """Every look-up of its templates."""
        return frozenset().union(*(template.reads for template in self.templates))

    @property
    def functions(self) -> frozenset[str]:
        """Every function its templates use."""
        return frozenset().union(*(template.functions for template in self.templates))

    @property
    def constant(self) -> bool:
        """Does no part of it hold an expression?"""
        return all(template.constant for template in self.templates)

    def value(self, scope: Scope) -> Any:
        """The data with every template's value in its place; all of them together are no longer than a text may be."""
        return _rendered(self.content, scope, _Sum())


def literal(text: str, key: str = "") -> Template:
    """A text that is what it is: nothing in it is looked at as a template."""
    return Template(text, key, "", (text,), frozenset(), frozenset(), whole=False, constant=True, plain=True)


def compile_template(text: str, *, key: str = "", place: Place = "", cond: bool = False) -> Template:
    """The template written in `text`, or TemplateSyntax. `cond`: it must be exactly one `{{ }}`."""
    problem: TemplateSyntax | None = None
    try:
        program = _program(text) if len(text) <= REMEMBERED else _read(text)
    except TemplateSyntax as error:
        problem = error
    else:
        if cond and not program.whole:
            problem = TemplateSyntax("a condition is exactly one `{{ }}`", fix="write '{{ … }}' and nothing around it")
    if problem is not None:
        raise problem.at(key, place if isinstance(place, str) else place())
    return Template(
        text, key, place, program.parts, program.reads, program.functions, program.whole, program.constant,
        program.plain,
    )  # fmt: skip


def compile_data(value: Any, *, key: str = "", place: str | Callable[[Path], str] = "") -> Data:
    """Data whose texts are templates, at any depth; `place` gets the path of a text within `value`."""
    templates: list[Template] = []
    content = _compiled(value, (), key, place, templates)
    return Data(content, tuple(templates))


def check_namespaces(template: Template | Data, allowed: Collection[str]) -> list[str]:
    """The namespaces that are read here and may not be, in words; empty if all is well."""
    wrong = sorted({path[0] for path in template.reads} - set(allowed))
    return [f"`{name}` cannot be read here; known here are {', '.join(sorted(allowed))}" for name in wrong]


@dataclass(frozen=True, slots=True, eq=False)
class _Program:
    """What a text says, wherever it stands."""

    parts: tuple[Part, ...]
    reads: Reads
    functions: frozenset[str]
    whole: bool
    constant: bool
    plain: bool


@lru_cache(maxsize=1024)
def _program(text: str) -> _Program:
    """Read a text once, however many templates say the same."""
    return _read(text)


def _read(text: str) -> _Program:
    problem: Refused
    try:
        return _programmed(parts_of(text))
    except Refused as refused:
        problem = refused
    raise TemplateSyntax(problem.message, fix=problem.fix, offset=offset_of(text, problem))


def _programmed(parts: tuple[Part, ...]) -> _Program:
    expressions = [part for part in parts if not isinstance(part, str)]
    return _Program(
        parts=parts,
        reads=frozenset().union(*(expression.reads for expression in expressions)),
        functions=frozenset().union(*(expression.functions for expression in expressions)),
        whole=len(parts) == 1 == len(expressions),
        constant=not expressions,
        plain=all(expression.plain for expression in expressions),
    )


def _well_formed(text: str) -> str:
    if not text.isascii():
        text.encode()
    return text


def _path_in(part: Expression, scope: Scope) -> str:
    """The path that made an expression null; empty where finding it would be too much work."""
    is_first = begin(scope)
    try:
        return part.missing(scope)
    except (Unfit, *_FOREIGN):
        return ""
    finally:
        end(is_first)


def _in_words(error: Exception) -> str:
    """What went wrong, without the library's own words: they may hold a value."""
    if isinstance(error, ZeroDivisionError):
        return "division by zero"
    if isinstance(error, UnicodeError):
        return "a value holds half a character (a lone surrogate)"
    if isinstance(error, RecursionError):
        return "a value is nested too deep"
    return "a value cannot be used here"


def _compiled(value: Any, path: Path, key: str, place: str | Callable[[Path], str], found: list[Template]) -> Any:
    if len(path) > DEPTH:
        raise TemplateSyntax(f"nested deeper than {DEPTH}", key=key)
    if isinstance(value, str):
        where: Place = place if isinstance(place, str) else partial(place, path)
        template = compile_template(value, key=_inside(key, path), place=where)
        found.append(template)
        return template
    if isinstance(value, Mapping):
        return {name: _compiled(item, (*path, name), key, place, found) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_compiled(item, (*path, index), key, place, found) for index, item in enumerate(value)]
    return value


def _inside(key: str, path: Path) -> str:
    inside = dotted(path)
    return f"{key}{inside}" if not key or not inside or inside.startswith("[") else f"{key}.{inside}"


class _Sum:
    """How much the templates of one Data gave so far."""

    __slots__ = ("total",)

    def __init__(self) -> None:
        self.total = 0

    def counted(self, template: Template, scope: Scope) -> Any:
        """The template's value. Raises TemplateError where it is one too many."""
        value = template.value(scope)
        try:
            self.total += len(value) if type(value) is str else weigh_out(scope, value) if type(value) in _NESTED else 1
        except Unfit as unfit:
            problem = str(unfit)
        else:
            if self.total <= RESULT_LENGTH:
                return value
            problem = f"the value would be longer than {RESULT_LENGTH} characters"
        raise TemplateError(template.where, problem)


def _rendered(content: Any, scope: Scope, so_far: _Sum) -> Any:
    if isinstance(content, Template):
        return so_far.counted(content, scope)
    if isinstance(content, dict):
        return {name: _rendered(item, scope, so_far) for name, item in content.items()}
    if isinstance(content, list):
        return [_rendered(item, scope, so_far) for item in content]
    return content

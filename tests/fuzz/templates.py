"""Templates: a text → closures → values. `python tests/fuzz/templates.py --seconds 60`.

An input is the text of a template in UTF-8 (lone surrogates allowed; what is no UTF-8 is read as Latin-1). It is evaluated over
hostile values. The oracles: Jinja's own sandbox where the two are defined alike, a scope that notes what is read, an object that
notes any touch of an attribute, and Python itself, which tells when something is compiled, executed, opened or called.
"""

from __future__ import annotations

import math
import re
import sys
import zlib
from collections.abc import Hashable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from fuzz_target import Target, bug, planted
from jinja2 import StrictUndefined, UndefinedError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from authweave.errors import TemplateError, TemplateSyntax
from authweave.templates import Template, compile_template, expressions
from authweave.templates import template as of_texts
from authweave.templates.bounds import RESULT_LENGTH
from authweave.templates.functions import FUNCTIONS
from authweave.templates.refusals import NAMESPACES
from authweave.values import Secret

SECRET = "pl4nted-S3cret/value+é"
_LATER = frozenset({"uuid", "random"})
_DECLARED = frozenset({"inputs", "vars", "profile", "kept", "token"})
_FORBIDDEN = frozenset({"compile", "exec", "open", "socket.connect", "socket.getaddrinfo", "os.system", "subprocess.Popen", "ctypes.dlopen"})


class Trap:
    """A Python object inside data: nobody may reach for an attribute of it."""

    touched = ""

    def __getattribute__(self, name: str) -> Any:
        if name != "__class__":
            Trap.touched = name
        return object.__getattribute__(self, name)


class Noting(Mapping[str, Any]):
    """A map that notes what is read of it, and of maps inside it."""

    def __init__(self, path: tuple[str, ...], data: Mapping[Any, Any], read: set[tuple[str, ...]]) -> None:
        self._path, self._data, self._read = path, data, read

    def __getitem__(self, key: Any) -> Any:
        path = (*self._path, str(key))
        self._read.add(path)
        value = self._data[key]
        return Noting(path, value, self._read) if type(value) is dict else value

    def __iter__(self) -> Iterator[Any]:
        self._read.add(self._path)
        return iter(self._data)

    def __len__(self) -> int:
        self._read.add(self._path)
        return len(self._data)


DATA: dict[str, Any] = {
    "i": 7, "j": -3, "f": 2.5, "zero": 0, "s": "Acme", "t": "b c", "e": "", "u": "éß漢\u0130", "l": [1, "b c", 7], "m": {"k": "v", "n": {"a-b": [1, 2]}},
    "yes": True, "max": 2**63, "status": 403, "text": "line\r\nlöng\x00" * 2000, "headers": {"X-A": "1", "x-a": "2", "set": ["a", "b "]},
    "json": {"items": [1, 2, [3, None]], "keys": "k", "half": "\ud83d", "trap": Trap(), "deep": {"a-b": [{"c": "d"}]}, "inf": math.inf, "big": 10**400, "none": None},
    "list": list(range(5000)), "pem": "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", "jwt": "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.", "b": b"\xff\x00bytes",
}  # fmt: skip
SCOPE: dict[str, Any] = {
    "inputs": {"tenant": "acme", "n": 3, "secret": Secret(SECRET, "test"), "none": None, "evil": "{{ inputs.secret }}", "crlf": "a\r\nb: c", "key": Secret({"client_email": SECRET}, "file")},
    "vars": {"a": "A"}, "token": {"access_token": Secret(SECRET, "token"), "expires_at": 1.5}, "profile": {"name": "acme"}, "kept": {"sid": "x"},
    "request": {"headers": {"x-a": "1"}, "body": b"body\xff", "method": "GET"}, "response": DATA, "callback": {"code": "c"}, "now": 1_700_000_000.9,
}  # fmt: skip


def check(data: bytes) -> Hashable:
    """A text is refused in our words, or gives what it says, and nothing else happens on the way."""
    text = _text(data)
    Trap.touched = ""
    with watched():
        try:
            template = compile_template(text, key="k", place="acme.yaml:1:1")
        except TemplateSyntax as refused:
            return _refused(text, refused)
        read: set[tuple[str, ...]] = set()
        scope = {name: Noting((name,), value, read) if isinstance(value, dict) else value for name, value in SCOPE.items()}
        outcomes = tuple(_ended(way, scope) for way in (template.value, template.render, template.as_bytes, template.is_true, template.required))
        template.missing(scope)
    _check_reads(template, read)
    if Trap.touched:
        bug(f"an attribute of an object was read: {Trap.touched}")
    _check_values(text, template, outcomes)
    if template.whole:
        _compare(text, template)
    return tuple(type(one).__name__ if not isinstance(one, TemplateError) else str(one).partition(": ")[2][:24] for one in outcomes[:2]), tuple(sorted(template.functions))


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _refused(text: str, refused: TemplateSyntax) -> Hashable:
    if not 0 <= refused.offset <= len(text):
        bug("the offset of a refusal lies outside of the text")
    if refused.__cause__ or refused.__context__:
        bug("something foreign hangs on a refusal")
    return re.sub(r"`[^`]*`|\d+|'.*'", "_", refused.message)[:60]


def _ended(way: Any, scope: Mapping[str, Any]) -> Any:
    try:
        return way(scope)
    except TemplateError as error:
        if error.__cause__ or error.__context__:
            bug("something foreign hangs on a TemplateError")
        if SECRET in f"{error!s} {error!r} {error.__dict__}":
            bug("an error tells a secret")
        return error


def _check_reads(made: Template, read: set[tuple[str, ...]]) -> None:
    """What is read when it runs was known when it was loaded: rules and secrecy rest on that."""
    for path in read:
        known = [one for one in made.reads if one[: len(path)] == path[: len(one)]]
        if not known or (path[0] in _DECLARED and all(len(one) < 2 for one in known)):
            bug("reads what is not among its reads")


def _check_values(text: str, template: Template, outcomes: tuple[Any, ...]) -> None:
    value, rendered, raw, truth, required = outcomes
    if template.constant and rendered != text:
        bug("a text without an expression does not stay as it is")
    for one in (value, rendered):
        if isinstance(one, str) and (len(one) > RESULT_LENGTH or not _is_sound(one)):
            bug("a text that is too long, or holds half a character, comes out")
    if isinstance(raw, bytes) and isinstance(rendered, str) and not template.functions & _LATER and raw != rendered.encode():
        bug("as bytes it is something else than as text")
    if isinstance(truth, bool) and not isinstance(value, TemplateError) and not template.functions & _LATER and truth != bool(value):
        bug("as a condition it is something else than its value")
    if not template.functions & _LATER and (value is None) != (isinstance(required, TemplateError) and not isinstance(value, TemplateError)):
        bug("a value that is required is null, or one that is there is refused")
    if isinstance(rendered, str):
        literals = "".join(part for part in template.parts if isinstance(part, str))
        if not template.constant and template.render(SCOPE, lambda _: "") != literals:
            bug("a value gets past its escape")
    if not template.functions & _LATER and zlib.crc32(text.encode(errors="replace")) % 4 == 0 and not _same(_ended(template.value, SCOPE), value):
        bug("evaluated again it is something else")


def _is_sound(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, TemplateError):
        return isinstance(other, TemplateError) and str(one) == str(other)
    return type(other) in (type(one), Noting) and (one == other or repr(one) == repr(other) or isinstance(other, Noting))


# Jinja's sandbox, told that a dot and [ ] look up items of maps and lists


class ItemsOnly(ImmutableSandboxedEnvironment):
    """The sandbox without attributes."""

    def getitem(self, obj: Any, argument: Any) -> Any:
        """An item. Raises UndefinedError."""
        is_there = (isinstance(obj, dict) and type(argument) in (str, int, bool) and argument in obj) or (
            isinstance(obj, list) and type(argument) is int and -len(obj) <= argument < len(obj)
        )
        if not is_there:
            raise UndefinedError(str(argument))  # null in profiles
        return obj[argument]

    def getattr(self, obj: Any, attribute: str) -> Any:
        """An item. Raises UndefinedError."""
        return self.getitem(obj, attribute)


@cache
def _sandbox() -> ItemsOnly:
    return ItemsOnly(undefined=StrictUndefined, autoescape=False)


_ALIKE = (
    nodes.Const, nodes.Name, nodes.Getattr, nodes.Getitem, nodes.List, nodes.Dict, nodes.Pair, nodes.Concat, nodes.Add, nodes.Sub, nodes.Mul, nodes.FloorDiv,
    nodes.Div, nodes.Neg, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.CondExpr, nodes.Filter,
)  # fmt: skip
_FILTERS = frozenset({"lower", "upper", "trim", "replace", "join", "length"})


def _compare(text: str, template: Template) -> None:
    inside = text[2:-2]
    if "\r" in text or not _is_alike(inside):
        return
    scope = {"response": {name: value for name, value in DATA.items() if name not in ("json", "text", "b", "max")}}
    try:
        ours = template.value(scope)
    except TemplateError:
        return  # stricter, and says so
    try:
        expected = _sandbox().compile_expression(inside)(**scope)
    except UndefinedError:
        return
    if (type(expected), expected) != (type(ours), ours) and ours is not None:
        bug("differs from Jinja's sandbox")


def _is_alike(inside: str) -> bool:
    """Only what profiles and Jinja are defined to read alike: no nulls, no JSON spelling of floats and truth values inside text."""
    tree = _sandbox().parse("{{" + inside + "}}")
    has_text = has_odd = False
    for node in tree.find_all(nodes.Expr):
        if not isinstance(node, _ALIKE) or (isinstance(node, nodes.Name) and node.name != "response"):
            return False
        if isinstance(node, nodes.Filter):
            if node.name not in _FILTERS:
                return False
            has_text = True
        if isinstance(node, nodes.Const) and node.value is None:
            return False
        has_text |= isinstance(node, nodes.Concat)
        has_odd |= isinstance(node, nodes.Compare | nodes.Not | nodes.Div) or (isinstance(node, nodes.Const) and type(node.value) in (bool, float))
        has_odd |= isinstance(node, nodes.Getattr | nodes.Getitem) and not isinstance(node.node, nodes.Name)  # may be anything
        has_odd |= isinstance(node, nodes.Getattr) and node.attr in ("yes", "f")
        has_odd |= isinstance(node, nodes.Getitem) and (not isinstance(node.arg, nodes.Const) or node.arg.value in ("yes", "f"))
    return not (has_text and has_odd)


# What Python does meanwhile


_watching = [False]
_happened: list[str] = []


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _watching[0] and event in _FORBIDDEN:
        what = getattr(arguments[0], "co_filename", arguments[-1] if event == "compile" else arguments[0])
        is_module = event in ("open", "compile", "exec") and str(what).endswith((".py", ".pyc"))  # loaded late
        is_number = event == "compile" and what == "<unknown>"  # Jinja's lexer asks `ast.literal_eval` for floats
        if not is_module and not is_number:
            _happened.append(event)


@cache
def _auditing() -> None:
    for data in seeds():  # what is imported late is there now
        with suppress(TemplateSyntax):
            _ended(compile_template(_text(data)).render, SCOPE)
    sys.addaudithook(_audit)


@contextmanager
def watched() -> Iterator[None]:
    """No template makes Python compile, execute, open or connect."""
    _auditing()
    _happened.clear()
    _watching[0] = True
    try:
        yield
    finally:
        _watching[0] = False
    if _happened:
        bug(f"Python was made to {_happened[0]} something")


# Inputs


_PATHS = (
    "response.i", "response.s", "response.l[0]", "response.m.n['a-b'][1]", "response.json.items", "response.json.trap", "response.json.half", "response.json.none",
    "inputs.secret", "inputs.key.client_email", "inputs.none", "token.access_token", "request.headers['X-A']", "request.body", "response.text", "response.headers",
    "response.json.big", "response.json.inf", "response.list", "response.max", "response.f", "response.yes", "vars.a", "kept.sid", "callback.code", "response.e",
    "response.json.trap.__class__.__mro__", "inputs.secret.reveal", "response.pem", "response.jwt", "response.b", "inputs.evil", "response['m']['k']", "profile.name",
)  # fmt: skip
_LITERALS = ("0", "1", "-1", "１.５", "٣", "1_000", "0x1F", "2", "7", "1.5", "1e308", "9223372036854775808", "'a'", "''", "'%'", "'é'", "'\\\\'", "'\\ud800'", "'http'", "'rfc3339'", "'sha512'", "true", "none", "[]", "{}", "{'a': 1}[response.s]")
_OPERATORS = ("+", "-", "*", "/", "//", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or", "**", "%", "is", "|")
PIECES = (*_PATHS, *_LITERALS, *_OPERATORS, "{{", "}}", "{%", "{#", "{{-", "-}}", "(", ")", "[", "]", ".", ",", ":", "if", "else", "not ", "\r\n", "\r", " | default('x')", "\ue000", "\ud800", "%}", "raw", "{", "}")  # fmt: skip


def expression(chance: Random, depth: int = 3) -> str:
    """Something that is, mostly, an expression."""
    deed = chance.randrange(12) if depth else 0
    inner = lambda: expression(chance, depth - 1)  # noqa: E731 - a name for what follows
    if deed < 3:
        return chance.choice(_PATHS) if chance.random() < 0.6 else chance.choice(_LITERALS)
    if deed < 6:
        return f"({inner()} {chance.choice(_OPERATORS[:16])} {inner()})"
    if deed < 7:
        return f"({inner()} {chance.choice(_OPERATORS[6:14])} {inner()} {chance.choice(_OPERATORS[6:14])} {inner()})"
    if deed < 10:
        function = FUNCTIONS[chance.choice(sorted(FUNCTIONS))]
        arguments = [inner() for _ in function.parameters[: len(function.parameters) - chance.randint(0, len(function.optional))]]
        return f"({arguments[0]} | {function.name}({', '.join(arguments[1:])}))" if arguments and chance.random() < 0.5 else f"{function.name}({', '.join(arguments)})"
    if deed < 11:
        return f"({inner()} if {inner()} else {inner()})"
    return chance.choice((f"[{inner()}, {inner()}]", f"(not {inner()})", f"(-{inner()})", f"{{'a': {inner()}, 1: {inner()}}}", f"response.json[{inner()}]", f"[{inner()}][{inner()}]"))


def mutate(data: bytes, chance: Random) -> bytes:
    """A new expression, one in the place of a part, or pieces put in, taken out and doubled."""
    text = _text(data)
    deed = chance.randrange(6)
    if deed == 0:
        text = "{{ " + expression(chance, 4) + " }}"
    elif deed == 1:
        text += chance.choice(("", " ", "x", "\n", "é")) + "{{ " + expression(chance) + " }}"
    elif deed == 2 and (found := list(re.finditer(r"\([^()]*\)|\[[^\[\]]*\]|[\w.]+|'[^']*'", text))):
        place = chance.choice(found)
        text = text[: place.start()] + expression(chance, 2) + text[place.end() :]
    else:
        parts = [part for part in re.split(r"(\{\{|\}\}|[\w.]+|\s+)", text) if part]
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(parts) + 1)
            if chance.random() < 0.5:
                parts.insert(at, chance.choice(PIECES))
            elif chance.random() < 0.5:
                del parts[at : at + chance.randint(1, 3)]
            else:
                parts[at:at] = parts[max(0, at - 4) : at] * chance.choice((1, 1, 2, 40))
        text = "".join(parts)
    return text.encode("utf-8", "surrogatepass")


def seeds() -> Iterable[bytes]:
    """Each function, each look-up, and the templates of the shipped profiles."""
    for function in FUNCTIONS.values():
        yield f"{{{{ {function.name}({', '.join(['response.s'] * len(function.parameters))}) }}}}".encode()
        yield f"{{{{ response.s | {function.name}{'(' + ', '.join(['7'] * (len(function.parameters) - 1)) + ')' if len(function.parameters) > 1 else ''} }}}}".encode()
    for path in _PATHS:
        yield f"{{{{ {path} }}}}".encode()
    for name in NAMESPACES:
        yield f"{{{{ {name} }}}} {{{{ {name}.x }}}}".encode()
    yield from (b"plain", b"", b"a {{ 1 < 2 <= 3 }}", b"{{ 'a' if response.yes else 'b' }}", b"{{ response.s ~ '-' ~ response.i }}", b"{% raw %}{{ x }}{% endraw %}", b"{# #}")
    profiles = Path(__file__).resolve().parents[2] / "profiles"
    for found in sorted({text for path in profiles.glob("*.yaml") for text in re.findall(r"'([^'\n]*\{\{[^'\n]*\}\}[^'\n]*)'", path.read_text("utf-8"))}):
        yield found.encode()


def plant() -> AbstractContextManager[None]:
    """`a < b < c` goes on after a comparison that does not hold."""

    def hasty(start: Any, tests: list[Any]) -> Any:
        def run(scope: Any) -> Any:
            left, answer = start(scope), None
            for test, other in tests:
                right = other(scope)
                answer, left = test(left, right), right
            return answer

        return run

    return planted(expressions, "chain", hasty, of_texts._program.cache_clear)


TARGET = Target(
    name="templates",
    modules=("authweave.templates",),
    check=check,
    seeds=seeds,
    mutate=mutate,
    words=tuple(piece.encode("utf-8", "surrogatepass") for piece in (*PIECES, *sorted(FUNCTIONS))),
    plant=plant,
    planted="a chain of comparisons (`a < b < c`) goes on after one that does not hold",
    longest=20_000,
    found=("a number in digits of other scripts (`{{ １.５ }}`) ended in a SyntaxError of Python instead of a refusal",),
)

if __name__ == "__main__":
    from fuzzing import command

    sys.exit(command(TARGET))

"""From a parsed expression to a plain Python function: an allow-list over Jinja's syntax tree.

What is not in the list is refused when a profile is loaded; what is allowed becomes a closure over the scope.
Looking up means items of maps and lists, never attributes. Nothing is ever turned into Python source.
A null makes every operation null but `==`, `!=`, `in`, `not`, `and`, `or`, `if` and `default`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from authweave.templates.bounds import DEPTH, INTEGER, ITEMS, NODES, Unfit, bounded, fits
from authweave.templates.functions import FUNCTIONS, Function
from authweave.templates.operands import is_number, text_of
from authweave.templates.operators import COMPARISONS, arithmetic, item, negative, revealed
from authweave.templates.refusals import (
    HALF,
    NAME_PARTS,
    NAMESPACES,
    Refused,
    all_functions,
    not_allowed,
    unknown_function,
    unknown_name,
)
from authweave.values import Secret

Scope = Mapping[str, Any]
Run = Callable[[Scope], Any]
Reads = frozenset[tuple[str, ...]]

_DECLARED: Final = frozenset({"inputs", "vars", "profile", "kept", "token"})


@dataclass(frozen=True, slots=True, eq=False)
class Expression:
    """One `{{ }}`: called with a scope it gives its value. `missing` names the path that makes it null.

    `plain` is a look-up and nothing else. Calling it may raise `Unfit` or what its operands raise.
    """

    run: Run
    missing: Callable[[Scope], str]
    reads: Reads
    functions: frozenset[str]
    plain: bool

    def __call__(self, scope: Scope) -> Any:
        """The value in `scope`."""
        return self.run(scope)


def looked_up(names: tuple[str, ...]) -> Expression:
    """The expression `inputs.tenant`, given as its parts."""
    compiler = _Compiler()
    part = compiler.lookup(names[0], list(names[1:]), 1)
    return Expression(part.run, part.missing, frozenset(compiler.reads), frozenset(), plain=True)


def compile_expression(node: Any) -> Expression:
    """A node of Jinja's tree as an Expression, or Refused."""
    compiler = _Compiler()
    part = compiler.part(node)
    plain = type(node).__name__ in _LOOKUPS and not compiler.functions
    return Expression(part.run, part.missing, frozenset(compiler.reads), frozenset(compiler.functions), plain)


class _Part:
    """A compiled node: how to run it, and how to name the path that made it null."""

    __slots__ = ("missing", "run")

    def __init__(self, run: Run, missing: Callable[[Scope], str]) -> None:
        self.run = run
        self.missing = missing


def _first_missing(parts: tuple[_Part, ...]) -> Callable[[Scope], str]:
    def missing(scope: Scope) -> str:
        return next((part.missing(scope) for part in parts if part.run(scope) is None), "")

    return missing


def _never_missing(_: Scope) -> str:
    return ""


_LOOKUPS: Final = frozenset({"Name", "Getattr", "Getitem"})


class _Compiler:
    """The allow-list: one method for each kind of node, and what was read and called on the way."""

    def __init__(self) -> None:
        self.reads: set[tuple[str, ...]] = set()
        self.functions: set[str] = set()
        self.nodes = 0
        self.depth = 0

    def part(self, node: Any) -> _Part:
        rule = _RULES.get(type(node).__name__)
        if rule is None:
            raise not_allowed(node)
        self.nodes += 1
        self.depth += 1
        if self.depth > DEPTH:
            raise Refused(f"nested deeper than {DEPTH}", NAME_PARTS, line=node.lineno)
        if self.nodes > NODES:
            raise Refused(f"longer than {NODES} parts", NAME_PARTS, line=node.lineno)
        part = rule(self, node)
        self.depth -= 1
        return part

    def parts(self, nodes: list[Any]) -> tuple[_Part, ...]:
        return tuple(self.part(node) for node in nodes)

    def literal(self, node: Any) -> _Part:
        value = node.value
        if type(value) is str and not value.isascii():
            _well_formed(value, node.lineno)
        elif is_number(value):
            _check_number(value, node.lineno)
        return _Part(lambda scope: value, _never_missing)

    def name(self, node: Any) -> _Part:
        return self.lookup(node.name, [], node.lineno)

    def subscript(self, node: Any) -> _Part:
        keys: list[Any] = []
        while type(node).__name__ in ("Getattr", "Getitem"):
            keys.append(self._key(node))
            node = node.node
        keys.reverse()
        if type(node).__name__ == "Name":
            return self.lookup(node.name, keys, node.lineno)
        if type(node).__name__ == "Const":
            raise Refused("a literal has no parts: a dot or [ ] looks up an item of a map or list", "look it up in a namespace, such as inputs", line=node.lineno)
        return self._item_of(self.part(node), keys)

    def _key(self, node: Any) -> Any:
        if type(node).__name__ == "Getattr":
            return node.attr
        kind_of_key = type(node.arg).__name__
        if kind_of_key == "Slice":
            raise not_allowed(node.arg)
        if kind_of_key == "Const" and type(node.arg.value) in (str, int):
            return node.arg.value
        return self.part(node.arg)

    def lookup(self, space: str, keys: list[Any], line: int) -> _Part:
        if space not in NAMESPACES:
            raise unknown_name(space, line)
        if len(keys) > DEPTH:
            raise Refused(f"nested deeper than {DEPTH}", NAME_PARTS, line=line)
        static = next((index for index, key in enumerate(keys) if isinstance(key, _Part)), len(keys))
        if space in _DECLARED and static == 0:
            raise Refused(
                f"`{space}` is read by a name that is written out", f"write {space}.<name>", line=line, needle=space
            )
        path = (space, *(str(key) for key in keys[:static]))
        self.reads.add(path)
        if static < len(keys):
            return self._item_of(_Part(_run_path(space, keys[:static]), _named(path)), keys[static:])
        return _Part(_run_path(space, keys), _named(path))

    def _item_of(self, base: _Part, keys: list[Any]) -> _Part:
        runs = [key.run if isinstance(key, _Part) else _constant(key) for key in keys]
        parts = (base, *(key for key in keys if isinstance(key, _Part)))

        def run(scope: Scope) -> Any:
            value = base.run(scope)
            for key in runs:
                value = item(value, key(scope))
            return revealed(value)

        return _Part(run, _first_missing(parts))

    def sequence(self, node: Any) -> _Part:
        _check_items(node)
        parts = self.parts(node.items)
        runs = [part.run for part in parts]
        return _Part(lambda scope: [run(scope) for run in runs], _never_missing)

    def mapping(self, node: Any) -> _Part:
        _check_items(node)
        runs = {_map_key(pair.key): self.part(pair.value).run for pair in node.items}
        if len(runs) < len(node.items):
            raise Refused("a map holds a key twice", "keep one of them", line=node.lineno)
        return _Part(lambda scope: {key: run(scope) for key, run in runs.items()}, _never_missing)

    def concat(self, node: Any) -> _Part:
        parts = self.parts(node.nodes)
        runs = [part.run for part in parts]

        def run(scope: Scope) -> Any:
            values = [one(scope) for one in runs]
            if any(value is None for value in values):
                return None
            texts = [text_of(value) for value in values]
            fits(sum(map(len, texts)))
            return "".join(texts)

        return _Part(run, _first_missing(parts))

    def arithmetic(self, node: Any) -> _Part:
        left, right = parts = self.parts([node.left, node.right])
        symbol, first, second = _SYMBOLS[type(node).__name__], left.run, right.run
        return _Part(lambda scope: arithmetic(symbol, first(scope), second(scope)), _first_missing(parts))

    def negative(self, node: Any) -> _Part:
        part = self.part(node.node)
        return _Part(lambda scope: negative(part.run(scope)), part.missing)

    def compare(self, node: Any) -> _Part:
        parts = self.parts([node.expr, *(operand.expr for operand in node.ops)])
        tests = [(COMPARISONS[operand.op], part.run) for operand, part in zip(node.ops, parts[1:], strict=True)]
        start = parts[0].run
        if len(tests) > 1:
            return _Part(_chain(start, tests), _first_missing(parts))
        [(test, other)] = tests
        return _Part(lambda scope: test(start(scope), other(scope)), _first_missing(parts))

    def both(self, node: Any) -> _Part:
        left, right = parts = self.parts([node.left, node.right])
        return _Part(lambda scope: left.run(scope) and right.run(scope), _first_missing(parts))

    def either(self, node: Any) -> _Part:
        left, right = parts = self.parts([node.left, node.right])
        return _Part(lambda scope: left.run(scope) or right.run(scope), _first_missing(parts))

    def negation(self, node: Any) -> _Part:
        part = self.part(node.node)
        return _Part(lambda scope: not part.run(scope), _never_missing)

    def choice(self, node: Any) -> _Part:
        if node.expr2 is None:
            raise Refused("`a if b` without `else`", "write `a if b else none`", line=node.lineno, needle="if")
        test, yes, no = self.parts([node.test, node.expr1, node.expr2])
        return _Part(
            lambda scope: yes.run(scope) if test.run(scope) else no.run(scope),
            lambda scope: yes.missing(scope) if test.run(scope) else no.missing(scope),
        )

    def filtered(self, node: Any) -> _Part:
        return self._function(node.name, [node.node, *node.args], node)

    def called(self, node: Any) -> _Part:
        if type(node.node).__name__ != "Name":
            raise Refused("only functions can be called, not values", all_functions(), line=node.lineno, needle="(")
        return self._function(node.node.name, node.args, node)

    def _function(self, name: str, arguments: list[Any], node: Any) -> _Part:
        function = FUNCTIONS.get(name)
        if function is None:
            raise unknown_function(name, node.lineno)
        if node.dyn_args is not None or node.dyn_kwargs is not None:
            raise Refused("`*` and `**` arguments are not part of templates", f"it is {function.signature}", line=node.lineno, needle="*")
        named = {pair.key: pair.value for pair in node.kwargs}
        _check_arguments(function, arguments, named, node)
        self.functions.add(name)
        parts = self.parts(arguments)
        if name == "now":
            return _Part(_now, _never_missing)
        if name == "default":
            return _default(*parts)
        return _called(function, parts, {key: self.part(value) for key, value in named.items()})


_SYMBOLS: Final = {"Add": "+", "Sub": "-", "Mul": "*", "Div": "/", "FloorDiv": "//"}

_RULES: Final[dict[str, Callable[[_Compiler, Any], _Part]]] = {
    "Const": _Compiler.literal,
    "Name": _Compiler.name,
    "Getattr": _Compiler.subscript,
    "Getitem": _Compiler.subscript,
    "List": _Compiler.sequence,
    "Dict": _Compiler.mapping,
    "Concat": _Compiler.concat,
    "Add": _Compiler.arithmetic,
    "Sub": _Compiler.arithmetic,
    "Mul": _Compiler.arithmetic,
    "Div": _Compiler.arithmetic,
    "FloorDiv": _Compiler.arithmetic,
    "Neg": _Compiler.negative,
    "Compare": _Compiler.compare,
    "And": _Compiler.both,
    "Or": _Compiler.either,
    "Not": _Compiler.negation,
    "CondExpr": _Compiler.choice,
    "Filter": _Compiler.filtered,
    "Call": _Compiler.called,
}

def _check_arguments(function: Function, given: list[Any], named: dict[str, Any], node: Any) -> None:
    left = function.parameters[len(given) :]
    needed = [name for name in left if name not in function.optional]
    wrong = set(named) - (set(left) & set(function.optional))
    if len(given) > len(function.parameters) or needed or wrong or len(named) < len(node.kwargs):
        raise Refused(
            f"`{function.name}` is given other values than it takes",
            f"it is {function.signature}", line=node.lineno, needle=function.name,
        )  # fmt: skip
    positions = dict(enumerate(given)) | {function.parameters.index(name): value for name, value in named.items()}
    for position, check in function.literals.items():
        if type(argument := positions.get(position)).__name__ == "Const":
            _check_literal(function, check, argument)


def _check_literal(function: Function, check: Callable[[Any], None], node: Any) -> None:
    try:
        check(node.value)
    except (Unfit, ValueError) as unfit:
        raise Refused(f"{function.name}: {unfit}", f"it is {function.signature}", line=node.lineno, needle=function.name) from None


def _check_items(node: Any) -> None:
    if len(node.items) > ITEMS:
        raise Refused(f"a list or map of more than {ITEMS} items", "leave some out", line=node.lineno)


def _map_key(node: Any) -> str | int | bool:
    if type(node).__name__ == "Const" and type(node.value) in (str, int, bool):
        key: str | int | bool = node.value
        return key
    raise Refused("the keys of a map are literals", "write {'a': …}", line=node.lineno)


def _check_number(value: float, line: int) -> None:
    try:
        bounded(value)
    except Unfit:
        raise Refused(f"a number beyond {INTEGER}", "quote it if it is a text", line=line) from None


def _well_formed(text: str, line: int) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Refused("a text with half a character (a lone surrogate)", HALF, line=line) from None


def _constant(value: Any) -> Run:
    return lambda scope: value


def _named(path: tuple[str, ...]) -> Callable[[Scope], str]:
    return lambda scope: ".".join(path)


def _run_path(space: str, keys: list[Any]) -> Run:
    if not keys:
        return lambda scope: revealed(scope.get(space))
    if len(keys) > 1:
        return _run_long_path(space, keys)
    [key] = keys

    def run(scope: Scope) -> Any:
        holder = scope.get(space)
        value = holder.get(key) if type(holder) is dict else item(holder, key)
        return revealed(value) if type(value) is Secret else value

    return run


def _run_long_path(space: str, keys: list[Any]) -> Run:
    def run(scope: Scope) -> Any:
        value = scope.get(space)
        for key in keys:
            value = value.get(key) if type(value) is dict else item(value, key)
        return revealed(value) if type(value) is Secret else value

    return run


def _chain(start: Run, tests: list[tuple[Callable[[Any, Any], Any], Run]]) -> Run:
    """`a < b < c`: each pair must hold, each operand is looked at once (as in Python and Jinja)."""

    def run(scope: Scope) -> Any:
        left, answer = start(scope), None
        for test, other in tests:
            right = other(scope)
            if not (answer := test(left, right)):
                return answer
            left = right
        return answer

    return run


def _now(scope: Scope) -> int:
    fixed = scope.get("now")
    return int(time.time() if fixed is None else fixed)


def _default(value: _Part, fallback: _Part) -> _Part:
    def run(scope: Scope) -> Any:
        found = value.run(scope)
        return fallback.run(scope) if found is None else found

    return _Part(run, fallback.missing)


def _called(function: Function, parts: tuple[_Part, ...], named: dict[str, _Part]) -> _Part:
    runs, options = [part.run for part in parts], {key: part.run for key, part in named.items()}

    def run(scope: Scope) -> Any:
        values = [one(scope) for one in runs]
        given = {key: one(scope) for key, one in options.items()} if options else {}
        for value in (*values, *given.values()):
            if value is None:
                return None
        return function.on(values, given)

    return _Part(run, _first_missing((*parts, *named.values())))

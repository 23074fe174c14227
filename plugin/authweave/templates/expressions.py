"""From a parsed expression to a plain Python function: an allow-list over Jinja's syntax tree.

What is not in the list is refused when a profile is loaded; what is allowed becomes a closure over the scope.
Looking up means items of maps and lists, never attributes. Nothing is ever turned into Python source.
A null makes every operation null but `==`, `!=`, `in`, `not`, `and`, `or`, `if` and `default`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from authweave.templates.bounds import DEPTH, NODES, fits
from authweave.templates.closures import (
    Part,
    Run,
    Scope,
    called,
    chain,
    constant,
    default,
    first_missing,
    named_by,
    never_missing,
    now,
    path_of,
)
from authweave.templates.functions import FUNCTIONS
from authweave.templates.literals import check_arguments, check_items, check_number, map_key, refuse_half_characters
from authweave.templates.operands import is_number, text_of
from authweave.templates.operators import COMPARISONS, arithmetic, item, negative, revealed
from authweave.templates.refusals import (
    NAME_PARTS,
    NAMESPACES,
    Refused,
    all_functions,
    not_allowed,
    unknown_function,
    unknown_name,
)

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


_LOOKUPS: Final = frozenset({"Name", "Getattr", "Getitem"})


class _Compiler:
    """The allow-list: one method for each kind of node, and what was read and called on the way."""

    def __init__(self) -> None:
        self.reads: set[tuple[str, ...]] = set()
        self.functions: set[str] = set()
        self.nodes = 0
        self.depth = 0

    def part(self, node: Any) -> Part:
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

    def parts(self, nodes: list[Any]) -> tuple[Part, ...]:
        return tuple(self.part(node) for node in nodes)

    def literal(self, node: Any) -> Part:
        value = node.value
        if type(value) is str and not value.isascii():
            refuse_half_characters(value, node.lineno)
        elif is_number(value):
            check_number(value, node.lineno)
        return Part(lambda scope: value, never_missing)

    def name(self, node: Any) -> Part:
        return self.lookup(node.name, [], node.lineno)

    def subscript(self, node: Any) -> Part:
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

    def lookup(self, space: str, keys: list[Any], line: int) -> Part:
        if space not in NAMESPACES:
            raise unknown_name(space, line)
        if len(keys) > DEPTH:
            raise Refused(f"nested deeper than {DEPTH}", NAME_PARTS, line=line)
        static = next((index for index, key in enumerate(keys) if isinstance(key, Part)), len(keys))
        if space in _DECLARED and static == 0:
            raise Refused(
                f"`{space}` is read by a name that is written out", f"write {space}.<name>", line=line, needle=space
            )
        path = (space, *(str(key) for key in keys[:static]))
        self.reads.add(path)
        if static < len(keys):
            return self._item_of(Part(path_of(space, keys[:static]), named_by(path)), keys[static:])
        return Part(path_of(space, keys), named_by(path))

    def _item_of(self, base: Part, keys: list[Any]) -> Part:
        runs = [key.run if isinstance(key, Part) else constant(key) for key in keys]
        parts = (base, *(key for key in keys if isinstance(key, Part)))

        def run(scope: Scope) -> Any:
            value = base.run(scope)
            for key in runs:
                value = item(value, key(scope))
            return revealed(value)

        return Part(run, first_missing(parts))

    def sequence(self, node: Any) -> Part:
        check_items(node)
        parts = self.parts(node.items)
        runs = [part.run for part in parts]
        return Part(lambda scope: [run(scope) for run in runs], never_missing)

    def mapping(self, node: Any) -> Part:
        check_items(node)
        runs = {map_key(pair.key): self.part(pair.value).run for pair in node.items}
        if len(runs) < len(node.items):
            raise Refused("a map holds a key twice", "keep one of them", line=node.lineno)
        return Part(lambda scope: {key: run(scope) for key, run in runs.items()}, never_missing)

    def concat(self, node: Any) -> Part:
        parts = self.parts(node.nodes)
        runs = [part.run for part in parts]

        def run(scope: Scope) -> Any:
            values = [one(scope) for one in runs]
            if any(value is None for value in values):
                return None
            texts = [text_of(value) for value in values]
            fits(sum(map(len, texts)))
            return "".join(texts)

        return Part(run, first_missing(parts))

    def arithmetic(self, node: Any) -> Part:
        left, right = parts = self.parts([node.left, node.right])
        symbol, first, second = _SYMBOLS[type(node).__name__], left.run, right.run
        return Part(lambda scope: arithmetic(symbol, first(scope), second(scope)), first_missing(parts))

    def negative(self, node: Any) -> Part:
        part = self.part(node.node)
        return Part(lambda scope: negative(part.run(scope)), part.missing)

    def compare(self, node: Any) -> Part:
        parts = self.parts([node.expr, *(operand.expr for operand in node.ops)])
        tests = [(COMPARISONS[operand.op], part.run) for operand, part in zip(node.ops, parts[1:], strict=True)]
        start = parts[0].run
        if len(tests) > 1:
            return Part(chain(start, tests), first_missing(parts))
        [(test, other)] = tests
        return Part(lambda scope: test(start(scope), other(scope)), first_missing(parts))

    def both(self, node: Any) -> Part:
        left, right = parts = self.parts([node.left, node.right])
        return Part(lambda scope: left.run(scope) and right.run(scope), first_missing(parts))

    def either(self, node: Any) -> Part:
        left, right = parts = self.parts([node.left, node.right])
        return Part(lambda scope: left.run(scope) or right.run(scope), first_missing(parts))

    def negation(self, node: Any) -> Part:
        part = self.part(node.node)
        return Part(lambda scope: not part.run(scope), never_missing)

    def choice(self, node: Any) -> Part:
        if node.expr2 is None:
            raise Refused("`a if b` without `else`", "write `a if b else none`", line=node.lineno, needle="if")
        test, yes, no = self.parts([node.test, node.expr1, node.expr2])
        return Part(
            lambda scope: yes.run(scope) if test.run(scope) else no.run(scope),
            lambda scope: yes.missing(scope) if test.run(scope) else no.missing(scope),
        )

    def filtered(self, node: Any) -> Part:
        return self._function(node.name, [node.node, *node.args], node)

    def called(self, node: Any) -> Part:
        if type(node.node).__name__ != "Name":
            raise Refused("only functions can be called, not values", all_functions(), line=node.lineno, needle="(")
        return self._function(node.node.name, node.args, node)

    def _function(self, name: str, arguments: list[Any], node: Any) -> Part:
        function = FUNCTIONS.get(name)
        if function is None:
            raise unknown_function(name, node.lineno)
        if node.dyn_args is not None or node.dyn_kwargs is not None:
            raise Refused("`*` and `**` arguments are not part of templates", f"it is {function.signature}", line=node.lineno, needle="*")
        named = {pair.key: pair.value for pair in node.kwargs}
        check_arguments(function, arguments, named, node)
        self.functions.add(name)
        parts = self.parts(arguments)
        if name == "now":
            return Part(now, never_missing)
        if name == "default":
            return default(*parts)
        return called(function, parts, {key: self.part(value) for key, value in named.items()})


_SYMBOLS: Final = {"Add": "+", "Sub": "-", "Mul": "*", "Div": "/", "FloorDiv": "//"}

_RULES: Final[dict[str, Callable[[_Compiler, Any], Part]]] = {
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

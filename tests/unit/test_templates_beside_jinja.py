"""Templates of the whole grammar over nasty values, beside Jinja's own compiler and sandbox.

Jinja says what an expression means: what binds to what, what is evaluated and when, what the operators give. It is told three things
of profiles: a dot and [ ] look up items and give null where there is none, the functions are those of profiles (a null makes null, but
for `default`), and text is joined as JSON spells truth values. An outcome is then the same value, or a refusal of ours.
"""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jinja2 import nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from authweave.errors import TemplateError, TemplateSyntax
from authweave.templates import compile_template
from authweave.templates.functions import FUNCTIONS
from effort import examples

SPACES = ("inputs", "vars", "kept", "token", "request", "response")
NAMES = ("a", "b", "items", "keys", "__class__", "format", "x-y")
LATER = {"now", "uuid", "random"}
"""What is never twice the same."""
CALLED = sorted(set(FUNCTIONS) - LATER)

NASTY = (
    "", "a", "b,a", "{{ inputs.a }}", "{% x %}", "{0.__class__}", "%s", "%(a)s", "__class__", "items", "true", "None", "0", "-12", " 7 ", "1e5", "é", "e\u0301", "\u202e", "\x00", "a\r\nb: c",
    "\ud83d", "𝄞", "'", '"', "\\", "<a>&amp;", '{"a": [1, null]}', "a=1&a=2&b=", "YQ==", "6162", "a.eyJhIjoxfQ.b", "2024-01-01T00:00:00Z", "http", "rfc3339", "sha256", "HH:MM", "x" * 5000,
)  # fmt: skip
scalars = st.one_of(
    st.sampled_from(NASTY), st.text(max_size=5), st.integers(-5, 5), st.sampled_from([2**63, -(2**63), 10**30, 1.5, -0.0, 1e300, 1e-7]), st.booleans(), st.none(), st.binary(max_size=4),
)  # fmt: skip
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from((*NAMES, "é", "X-A")), inner, max_size=3), max_leaves=6)
scopes = st.fixed_dictionaries({space: st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, values)) for space in SPACES})
literals = st.one_of(
    st.integers(0, 9).map(str), st.sampled_from(["1.5", "1e300", "0x1F", "9223372036854775807", "true", "false", "none", "[]", "{}"]),
    st.sampled_from([text for text in NASTY if text.isprintable()]).map(lambda text: json.dumps(text, ensure_ascii=False)),
)  # fmt: skip
keys = st.sampled_from((".a", ".b", ".items", ".__class__", "['x-y']", "[0]", "[-1]", "[9]", "['é']"))
lookups = st.builds(lambda space, name, rest: f"{space}['{name}']{''.join(rest)}" if "-" in name else f"{space}.{name}{''.join(rest)}", st.sampled_from(SPACES), st.sampled_from(NAMES), st.lists(keys, max_size=2))


def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Every kind of expression around smaller ones."""
    def call(name: str, given: list[str], as_filter: bool, more: int) -> str:
        function = FUNCTIONS[name]
        arguments = given[: max(len(function.parameters) - min(more, len(function.optional)), 0)]
        if as_filter and arguments:
            return f"({arguments[0]} | {name}({', '.join(arguments[1:])}))"
        return f"{name}({', '.join(arguments)})"

    def binary(left: str, operator: str, right: str) -> str:
        return f"{left} {operator} {right}"

    operators = st.sampled_from(["~", "~", "+", "-", "*", "/", "//", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or"])
    five = st.lists(inner, min_size=5, max_size=5)
    return st.one_of(
        st.builds(binary, inner, operators, inner), st.builds(binary, inner, operators, inner).map(lambda text: f"({text})"),
        st.builds(lambda a, f, b, g, c: f"{a} {f} {b} {g} {c}", inner, operators, inner, operators, inner),
        st.builds(call, st.sampled_from(CALLED), five, st.booleans(), st.integers(0, 3)), st.builds(call, st.sampled_from(["lower", "upper", "join", "json", "length", "default", "int", "urlencode"]), five, st.booleans(), st.just(1)),
        inner.map(lambda text: f"(not {text})"), inner.map(lambda text: f"-{text}"), st.lists(inner, max_size=3).map(lambda all_: f"[{', '.join(all_)}]"),
        st.lists(inner, max_size=3).map(lambda all_: "{" + ", ".join(f"{name!r}: {text}" for name, text in zip(NAMES, all_, strict=False)) + "}"),
        st.builds(lambda a, b, c: f"({a} if {b} else {c})", inner, inner, inner), st.builds(lambda a, key: f"({a}){key}", inner, keys), st.builds(lambda a, b: f"({a})[{b}]", inner, inner),
    )  # fmt: skip


_expressions = st.recursive(st.one_of(lookups, lookups, literals), larger, max_leaves=6)


@st.composite
def expressions(draw: st.DrawFn) -> str:
    """An expression; under a name, so that a failure is told by its example and not by how it was drawn."""
    return draw(_expressions)


class Joined(NodeTransformer):
    """`a ~ b` becomes a call of `joined`, which knows null and how JSON spells truth values."""

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802 - as Jinja calls it
        """The call."""
        self.generic_visit(node)
        return nodes.Call(nodes.Name("joined", "load", lineno=node.lineno), node.nodes, [], None, None, lineno=node.lineno)


class Beside(ImmutableSandboxedEnvironment):
    """Jinja with the three rules of profiles; it notes what was null."""

    def __init__(self) -> None:
        super().__init__(autoescape=False, keep_trailing_newline=True)
        self.has_nulls = False
        self.given: Any = None
        functions = {name: self.function(name) for name in CALLED}
        self.filters = dict(functions)
        self.globals = {**functions, "joined": self.joined, "keep": self.keep}

    def value(self, expression: str, scope: dict[str, Any]) -> Any:
        """What the expression gives. Raises whatever it raises."""
        self.has_nulls = "none" in expression
        self.from_string("{{ keep(" + expression + ") }}").render(scope)
        return self.given

    def keep(self, value: Any) -> str:
        """Hand out a value as it is."""
        self.given = value
        return ""

    def noted(self, value: Any) -> Any:
        """The value, and whether it is null."""
        self.has_nulls |= value is None
        return value

    def function(self, name: str) -> Any:
        """A function of profiles as a plain one."""
        def call(*given: Any) -> Any:
            if name == "default":
                return self.noted(given[1] if given[0] is None else given[0])
            return self.noted(None if any(one is None for one in given) else FUNCTIONS[name].call(*given))

        return call

    def joined(self, *given: Any) -> Any:
        """`~`."""
        if any(one is None for one in given):
            return self.noted(None)
        if not all(isinstance(one, str | int | float) for one in given):
            raise TypeError
        return "".join(str(one).lower() if isinstance(one, bool) else str(one) for one in given)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """An item, or null."""
        if isinstance(obj, dict):
            return self.noted(obj.get(argument) if type(argument) in (str, int, bool) else None)
        is_there = isinstance(obj, list) and type(argument) is int and -len(obj) <= argument < len(obj)
        return self.noted(obj[argument] if is_there else None)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """An item, or null."""
        return self.getitem(obj, attribute)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree: nodes.Template = Joined().visit(super()._parse(source, name, filename))
        return tree


BESIDE = Beside()


def ours(expression: str, scope: dict[str, Any]) -> tuple[str, Any]:
    try:
        return "value", compile_template(f"{{{{ {expression} }}}}").value(scope)
    except TemplateSyntax as refused:
        stopped: Exception = refused
    except TemplateError as failed:
        stopped = failed
    assert (stopped.__cause__, stopped.__context__) == (None, None)
    return "refused", None


def compared(expression: str, scope: dict[str, Any]) -> str:
    """How the two ended; fails where they differ."""
    before = copy.deepcopy(scope)
    how, value = ours(expression, scope)
    assert repr(before) == repr(scope)
    if how == "refused":
        return "refused"
    try:
        expected = BESIDE.value(expression, scope)
    except Exception:  # noqa: BLE001  # whatever Python says of what profiles make null
        assert BESIDE.has_nulls or "default" in expression, (expression, scope, value)
        return "null"
    assert (type(expected), repr(expected)) == (type(value), repr(value)), (expression, scope)
    return "null" if value is None else "same"


@settings(max_examples=examples(300), deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(expressions(), scopes)
def test_what_is_not_refused_is_what_jinja_gives(expression: str, scope: dict[str, Any]) -> None:
    """The same value of the same type, or a refusal of ours: never something else, never a foreign error, and the values stay as they are."""
    compared(expression, scope)


def test_each_kind_of_expression_is_compared() -> None:
    """The two really meet: over sound values each of these is looked at to its end."""
    scope: dict[str, Any] = {space: {"a": "x", "b": [1, {"a": True}], "items": {"a": 2.5}} for space in SPACES}
    sound = (
        "inputs.a ~ response.b[0] ~ response.b[1].a", "response.items.a * 2 + 1 // 2 - -3", "[inputs.a, 'y'] | join('-') | upper", "1 < 2 <= response.b[0] or inputs.a", "not inputs.a in ['x']",
        "{'a': inputs.a}['a'] if response.b else 1", "json([response.b, response.items])", "hmac('k', inputs.a) | hex", "default(response.nope, inputs.a) ~ '!'", "vars.__class__ == none",
    )  # fmt: skip

    assert [compared(text, scope) for text in sound] == ["same"] * len(sound)

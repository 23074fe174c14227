"""Marks of tests, read without running anything: which test says that it proves what.

    @pytest.mark.proves("auth kind: basic")
    @pytest.mark.diagnoses("invalid_client", "invalid_grant")

A mark stands on a test, on its class, or on a `pytest.param` of its table (in the decorator, or in a list at the top of the module that
the decorator names), with literal text.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parent.parent


@dataclass(frozen=True)
class Marked:
    """A test that has a mark: `tests/real/file.py::name`."""

    file: Path
    test: str

    def __str__(self) -> str:
        return f"{self.file.relative_to(TESTS.parent)}::{self.test}"


@cache
def marked(mark: str) -> dict[str, tuple[Marked, ...]]:
    """Every text that a mark of this name has, with its tests in the order of the files."""
    found: dict[str, list[Marked]] = {}
    for file in sorted(TESTS.rglob("test_*.py")):
        if f"{mark}(" in (text := file.read_text()):
            for test, words in _marked(ast.parse(text), mark):
                if (one := Marked(file, test)) not in found.setdefault(words, []):
                    found[words].append(one)
    return {words: tuple(tests) for words, tests in found.items()}


def _marked(module: ast.Module, mark: str) -> Iterator[tuple[str, str]]:
    """(name of the test, text) for each mark."""
    tables = {name: node.value for node in module.body if isinstance(node, ast.Assign | ast.AnnAssign) and node.value for name in _targets(node)}
    for node in module.body:
        if isinstance(node, ast.ClassDef):
            of_all = list(_words_in(node.decorator_list, tables, mark))
            for test in _tests_in(node.body):
                yield from ((f"{node.name}::{test.name}", words) for words in [*of_all, *_words_in(test.decorator_list, tables, mark)])
    for test in _tests_in(module.body):
        yield from ((test.name, words) for words in _words_in(test.decorator_list, tables, mark))


def _tests_in(body: list[ast.stmt]) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")]


def _targets(node: ast.Assign | ast.AnnAssign) -> list[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _words_in(decorators: list[ast.expr], tables: dict[str, ast.expr], mark: str) -> Iterator[str]:
    names = {each.id for decorator in decorators for each in ast.walk(decorator) if isinstance(each, ast.Name)}
    for root in [*decorators, *(tables[name] for name in sorted(names & tables.keys()))]:
        for call in ast.walk(root):
            if isinstance(call, ast.Call) and ast.unparse(call.func) in (f"pytest.mark.{mark}", mark):
                yield from (ast.literal_eval(argument) for argument in call.args)

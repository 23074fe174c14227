"""Which lines of a target's modules an input reaches, and which there are. Lines of functions only: what runs on import says nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import CodeType, FrameType
from typing import Any

Line = tuple[str, int]


class Lines:
    """Counts while a function runs; `modules` are prefixes of module names."""

    def __init__(self, modules: tuple[str, ...]) -> None:
        self.modules = modules
        self._files: dict[str, bool] = {}
        self._seen: set[Any] = set()

    def reached(self, run: Callable[[], object]) -> tuple[frozenset[Any], object]:
        """The steps from line to line that `run` takes, and what it gives. Pairs of lines tell branches apart."""
        self._seen = set()
        before = sys.gettrace()
        sys.settrace(self._called)
        try:
            outcome = run()
        finally:
            sys.settrace(before)
        return frozenset(self._seen), outcome

    def _called(self, frame: FrameType, event: str, _: object) -> Any:
        code = frame.f_code
        wanted = self._files.get(code.co_filename)
        if wanted is None:
            name = frame.f_globals.get("__name__", "")
            wanted = self._files[code.co_filename] = name.startswith(self.modules)
        if not wanted:
            return None
        last, seen, file = 0, self._seen, code.co_filename

        def stepped(frame: FrameType, event: str, _: object) -> Any:
            nonlocal last
            if event == "line":
                seen.add((file, last, frame.f_lineno))
                last = frame.f_lineno
            return stepped

        return stepped

    def all(self) -> frozenset[Line]:
        """Every line inside a function of the modules that are loaded."""
        return frozenset(
            line for name, module in list(sys.modules.items()) if name.startswith(self.modules) and getattr(module, "__file__", None)
            for line in _lines_of(str(module.__file__))
        )  # fmt: skip


def _lines_of(file: str) -> Iterator[Line]:
    with open(file, encoding="utf-8") as source:
        waiting = [compile(source.read(), file, "exec")]
    while waiting:
        code = waiting.pop()
        waiting += [part for part in code.co_consts if isinstance(part, CodeType)]
        if code.co_flags & 0x02:  # CO_NEWLOCALS: the body of a function
            yield from ((file, line) for _, _, line in code.co_lines() if line is not None and line != code.co_firstlineno)

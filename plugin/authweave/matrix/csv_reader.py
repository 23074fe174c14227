"""A matrix in CSV (RFC 4180): a line is a tenant, and its first line names the columns."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from io import StringIO
from pathlib import Path as FilePath
from typing import Any, Final

from authweave.documents.text import RefusedText, bytes_of_file, text_of
from authweave.documents.tree import MAX_PROBLEMS
from authweave.near_misses import shown
from authweave.values import Document, Mark, Path, Problem

TENANT: Final = "tenant"
_LISTS: Final = ("servers", "profiles")
_ITS_OWN: Final = (TENANT, "subject", *_LISTS)


def read_csv(path: FilePath) -> Document:
    """The file as the map that it stands for, with marks; its problems tell what is wrong. Never raises."""
    source = str(path) if str(path).isprintable() else ascii(str(path))
    try:
        text = text_of(bytes_of_file(path))
    except RefusedText as refused:
        return Document(source, "", None, problems=(Problem(refused.rule, source, refused.mark, "", refused.message, refused.fix),))
    reader = _Reader(source, text)
    try:
        reader.read()
    except csv.Error as error:
        reader.refuse(reader.line, f"is not CSV: {error}", "quote cells that hold commas, quotes or line ends")
    return Document(source, text, {"tenants": reader.tenants}, reader.marks, reader.marks, tuple(reader.problems))


class _Reader:
    """Reads one text once."""

    def __init__(self, source: str, text: str) -> None:
        self.line = 1
        self.tenants: dict[str, Any] = {}
        self.marks: dict[Path, Mark] = {(): Mark(1, 1), ("tenants",): Mark(1, 1)}
        self.problems: list[Problem] = []
        self._source = source
        self._rows = csv.reader(StringIO(text, newline=""), strict=True)

    def read(self) -> None:
        """Everything in it."""
        columns = [name.strip() for name in next(self._lines(), [])]
        if TENANT not in columns:
            self.refuse(1, "has no column `tenant`", "begin with a line such as tenant,region")
            return
        if twice := [name for name, times in Counter(columns).items() if times > 1 or not name]:
            self.refuse(1, f"the column {shown(twice[0]) or 'without a name'} is there twice" if twice[0] else "a column has no name", "give each its own name")
            return
        for cells in self._lines():
            if len(self.problems) >= MAX_PROBLEMS:
                return
            self._take(columns, cells)

    def refuse(self, line: int, message: str, fix: str) -> None:
        """Note a problem."""
        self.problems.append(Problem("matrix", self._source, Mark(line, 1), "", message, fix))

    def _lines(self) -> Iterator[list[str]]:
        """The lines that hold something; `line` is where each begins."""
        while True:
            self.line = self._rows.line_num + 1
            cells = next(self._rows, None)
            if cells is None:
                return
            if any(cell.strip() for cell in cells):
                yield cells

    def _take(self, columns: list[str], cells: list[str]) -> None:
        if len(cells) > len(columns):
            self.refuse(self.line, f"has {len(cells)} cells, and there are {len(columns)} columns", "quote cells that hold commas")
            return
        said = {name: cell.strip() for name, cell in zip(columns, cells, strict=False) if cell.strip()}
        tenant = said.pop(TENANT, "")
        if not tenant:
            self.refuse(self.line, "names no tenant", "fill in the column `tenant`")
            return
        if tenant in self.tenants:
            self.refuse(self.line, f"the tenant {shown(tenant)} is there twice; first on line {self.marks['tenants', tenant].line}", "keep one of them")
            return
        mark = Mark(self.line, 1)
        self.marks["tenants", tenant] = mark
        inputs = {name: value for name, value in said.items() if name not in _ITS_OWN}
        self.tenants[tenant] = {
            **({"subject": said["subject"]} if "subject" in said else {}),
            **{name: said[name].split() for name in _LISTS if name in said},
            "inputs": inputs,
        }  # fmt: skip
        self.marks |= {("tenants", tenant, *rest): mark for rest in [("inputs", name) for name in inputs] + [(name,) for name in said]}

"""Every diagnosis is proven at a server or socket that is not ours, shown by the sandbox, and written about."""

from __future__ import annotations

import ast
from functools import cache

from authweave.diagnosis import ENTRIES
from authweave.diagnosis.vendors import CODES
from authweave.sandbox import FAULTS
from documentation.markdown import ROOT
from documentation.marks import TESTS, marked

BY_EXTENSIONS = {
    "limit_refused": "an operator wrote lists that a profile is held to: the sandbox has none",
    "token_unusable": "an extension that reads answers has words of its own for what is wrong with them",
}
"""Codes that no profile shows by itself, so the sandbox has no fault for them."""


def test_every_mark_names_a_code():
    """A mark with a code that does not exist proves nothing."""
    assert set() == marked("diagnoses").keys() - ENTRIES.keys()


def test_a_code_has_a_proof():
    """A test is marked with it, and the sandbox is not what proves it."""
    proofs = marked("diagnoses")

    assert [] == [code for code in ENTRIES if not proofs.get(code)]
    assert [] == [str(proof) for code in ENTRIES for proof in proofs[code] if "sandbox" in proof.file.name or "fault" in proof.file.name]


def test_a_proof_says_what_to_change():
    """A code alone is no proof where there is something to do: a test looks at the key of a fix."""
    proofs = marked("diagnoses")

    assert [] == [code for code, entry in ENTRIES.items() if entry.remedies and not any(map(looks_at_a_fix, proofs[code]))]


def looks_at_a_fix(proof):
    return any(words in source_of(proof) for words in ("diagnosed(", "first_of(", ".key"))


def source_of(proof):
    """The text of a marked test, with that of the functions of its file that it calls."""
    functions = functions_of(proof.file)
    test = functions[proof.test.rpartition(":")[2]]
    return "\n".join([test, *(text for name, text in functions.items() if f"{name}(" in test)])


@cache
def functions_of(file):
    return {node.name: ast.unparse(node) for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.FunctionDef)}


def test_a_code_has_a_fault():
    """`authweave test PROFILE --sandbox --fault CODE` shows it."""
    assert [] == [code for code in ENTRIES.keys() - BY_EXTENSIONS.keys() if code not in FAULTS or code != FAULTS[code].provokes]


def test_what_only_extensions_show_has_no_fault():
    """The list of exceptions is as short as it can be."""
    assert not BY_EXTENSIONS.keys() & FAULTS.keys()
    assert BY_EXTENSIONS.keys() <= ENTRIES.keys()


def test_a_vendors_word_has_a_fault():
    """By its name, ending in the diagnosis that the word belongs to."""
    assert [] == [name for name, code in CODES.items() if name not in FAULTS or code.row != FAULTS[name].provokes]


def test_every_code_is_written_about():
    """A reader with a code finds its row; a reader with a vendor's word, too."""
    page = (ROOT / "docs" / "diagnoses.md").read_text()

    assert [] == [name for name in (*ENTRIES, *CODES) if f"| `{name}` |" not in page]


def tables_of(module):
    """The lists at the top of a module by their names."""
    return {target.id: node.value for node in module.body if isinstance(node, ast.Assign) for target in node.targets if isinstance(target, ast.Name)}


def rows_of(test, tables):
    """The codes in the table of a test that is parametrised by `code`; nothing for another test."""
    for decorator in test.decorator_list:
        if not (isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.parametrize"):
            continue
        names, table = ast.literal_eval(decorator.args[0]), decorator.args[1]
        names = (names,) if isinstance(names, str) else names
        table = tables.get(table.id) if isinstance(table, ast.Name) else table
        if "code" in names and isinstance(table, ast.List):
            at = list(names).index("code")
            rows = [row.elts if isinstance(row, ast.Tuple) else row.args for row in table.elts if isinstance(row, ast.Tuple | ast.Call)]
            yield from (row[at].value for row in rows if isinstance(row[at], ast.Constant))


def test_a_table_has_a_row_for_each_code_of_its_mark():
    """A mark above a table claims what its rows have, no more and no less."""
    wrong = []
    for file in sorted({proof.file for proofs in marked("diagnoses").values() for proof in proofs}):
        module = ast.parse(file.read_text())
        for test in module.body:
            if isinstance(test, ast.FunctionDef):
                claimed = {code for mark in test.decorator_list if ast.unparse(getattr(mark, "func", mark)) == "pytest.mark.diagnoses" for code in map(ast.literal_eval, mark.args)}
                rows = set(rows_of(test, tables_of(module)))
                if claimed and rows and claimed != rows:
                    wrong.append(f"{file.relative_to(TESTS)}::{test.name}: {sorted(claimed ^ rows)}")

    assert [] == wrong

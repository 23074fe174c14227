"""Files beside a profile that are not what they seem: dotenv, the file of one input, files of tenants; and a profile that changes while it is read."""

from __future__ import annotations

import gzip
import os
import resource
import threading
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from authweave.documents import MAX_BYTES, read_document
from authweave.errors import InputError, UsageError
from authweave.loading import check_file
from authweave.machine.small_files import LARGEST
from authweave.matrix import read_matrix
from authweave.profile import Input
from authweave.sources.dotenv import DotenvSource
from authweave.sources.files import FilesSource
from thorough import few

MIB = 1024 * 1024
MARK = "Zq7x"
HEAD = "format: 1\nname: a\nidentity_provider: A\nservers: ['https://a.example']\nauth: {type: bearer}\n"
SECONDS = 4.0
"""Of CPU, four times what is promised: a busy machine has cold caches."""

Maker = Callable[[Path], object]


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)


def holding(content: str | bytes) -> Maker:
    return lambda path: path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))


NO_FILES: dict[str, Maker] = {
    "a pipe": os.mkfifo, "a device": lambda path: path.symlink_to("/dev/zero"), "a folder": Path.mkdir, "a circle": lambda path: path.symlink_to(path),
    "a link to nothing": lambda path: path.symlink_to(path.with_name("nothing")), "a terabyte": sparse, "ten megabytes": holding(MARK + "x" * 10 * MIB),
}  # fmt: skip
OTHER_BYTES: dict[str, Maker] = {
    "latin-1": holding(f"A={MARK}é".encode("latin-1")), "UTF-16": holding(f"A={MARK}".encode("utf-16")), "UTF-32": holding(f"A={MARK}".encode("utf-32")),
    "half a character": holding(f"A={MARK}\ud800"), "cut off": holding(f"A={MARK}".encode() + "€".encode()[:2]), "overlong": holding(f"A={MARK}".encode() + b"\xc0\x80"),
    "gzip": lambda path: path.write_bytes(gzip.compress(f"A={MARK}".encode() * 9)),
}  # fmt: skip


def moderate(work: Callable[[], object]) -> None:
    """It is over soon."""
    began = time.thread_time()
    try:
        work()
    finally:
        took = time.thread_time() - began
        assert took < SECONDS


def words(work: Callable[[], object], error: type[Exception]) -> str:
    """What the error says, if one comes."""
    try:
        moderate(work)
    except error as told:
        return str(told)
    return ""


def refused(error: pytest.ExceptionInfo[Exception]) -> None:
    assert MARK not in str(error.value)
    assert (error.value.__cause__, error.value.__context__) == (None, None)


# The file of an input, and dotenv


@pytest.mark.parametrize("name", [*NO_FILES, *OTHER_BYTES])
def test_no_value_comes_from_what_is_no_text_file(name: str, tmp_path: Path) -> None:
    """Neither a file of one input nor a dotenv file is waited for, read without end, or guessed at: a typed error that names the file, and nothing of what is in it."""
    path = tmp_path / "given"
    {**NO_FILES, **OTHER_BYTES}[name](path)

    for source in (FilesSource({"token": path}), DotenvSource(path)):
        with pytest.raises(InputError, match="given") as error:
            moderate(lambda source=source: source.get("a", Input("token"), ""))  # type: ignore[misc]  # each at once
        refused(error)


def lines(line: str, most: int = LARGEST) -> str:
    made = "".join(line.replace("#", str(number)) for number in range(most // len(line)))
    return made[: made[:most].rindex("\n") + 1]


DOTENV = {
    "names": lines("A#=1\n"), "quotes": lines('A#="1"\n'), "single quotes": lines("A#='1'\n"), "lines in quotes": lines("A#='\n\n'\n"), "blanks": " " * LARGEST, "ends": "\n" * LARGEST,
    "comments": "#\n" * (LARGEST // 2), "comments behind": "A=" + " #" * 30_000, "backslashes": 'A="' + "\\" * 60_000, "escapes": 'A="' + "\\n" * 30_000 + '"',
    "quotes that open": "A='" * 20_000, "a long name": "A" * LARGEST, "exports": "export " * 9000, "blanks inside": "A=" + " " * 60_000 + "b", "returns": "A=1\r" * 16_000,
    "NUL": f"A={MARK}\0" * 4000, "the same": f"A={MARK}\n" * 8000, "interpolation": "A=" + "${A}" * 16_000, "commands": "A=" + "$(id)" * 12_000, "half": "A='" + "\ufeff" * 20_000,
}  # fmt: skip


@pytest.mark.parametrize("name", few(DOTENV, every=5))
def test_a_dotenv_file_is_read_or_refused_soon(name: str, tmp_path: Path) -> None:
    """As much as fits into one, whatever it is."""
    path = tmp_path / ".env"
    path.write_text(DOTENV[name], encoding="utf-8", newline="")

    said = words(lambda: DotenvSource(path).get("a", Input("token"), ""), InputError)

    assert (MARK in said, len(said) < 1000) == (False, True)


# Files of tenants


def fitting(row: str, start: str = "", end: str = "", most: int = MAX_BYTES) -> str:
    if "#" not in row:
        return start + row * ((most - len(start) - len(end)) // len(row)) + end
    made, size, number = [start], len(start) + len(end), 0
    while (size := size + len(one := row.replace("#", str(number)))) <= most:
        made.append(one)
        number += 1
    return "".join(made) + end


TENANTS = {
    "columns.csv": fitting(",c#", "tenant", "\n"), "columns that are the same.csv": fitting(",c", "tenant", "\n"), "columns without names.csv": fitting(",", "tenant", "\n"),
    "rows.csv": fitting("t#\n", "tenant\n"), "cells.csv": fitting("a,b\n", "tenant\n"), "the same.csv": fitting("a\n", "tenant\n"), "no tenant.csv": fitting(",x\n", "tenant,a\n"),
    "an open quote.csv": fitting("a", 'tenant\n"'), "a field.csv": fitting("a", "tenant\n"), "quotes.csv": fitting('""', "tenant\n"), "line ends.csv": fitting('"\n"\n', "tenant\n"),
    "returns.csv": fitting("a\r", "tenant\r"), "NUL.csv": fitting("\0\n", "tenant\n"), "servers.csv": fitting("http://a ", "tenant,servers\na,", "\n"), "bidi.csv": "tenant\na\u202eb\n",
    "profiles.csv": fitting("p ", "tenant,profiles\na,", "\n"), "empty.csv": "", "ends.csv": "\n" * MAX_BYTES,
    "tenants.yaml": fitting(" t#: {}\n", "tenants:\n", most=90_000), "wrong.yaml": fitting(" t#: 1\n", "tenants:\n", most=90_000), "keys.yaml": fitting("tenant#: 1\n", most=100_000),
    "inputs.yaml": fitting(" i#: 1,", "tenants: {a: {", "}}", most=100_000), "twice.yaml": fitting(" i#: 1,", "tenants: {a: {", "}}", most=50_000).replace("{a: {", "{a: {inputs: {i1: 1, i2: 1}, "),
    "list.yaml": fitting("t#,", "tenants: [", "]", most=100_000), "a name.yaml": 'tenants: {? "' + "a" * 200_000 + '" : {}}', "nesting.json": "[" * 100_000, "digits.json": '{"tenants": {"a": {"b": ' + "9" * 90_000 + "}}}",
    "laughs.yaml": "a: &a [x]\n" + "".join(f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)), "servers.yaml": fitting("'http://a',", "tenants: {a: {servers: [", "]}}", most=150_000),
}  # fmt: skip


@pytest.mark.parametrize("name", ["columns.csv", *few((name for name in TENANTS if name != "columns.csv"), every=6)])
def test_a_file_of_tenants_is_read_or_refused_soon(name: str, tmp_path: Path) -> None:
    """As much as fits into one, in each language: its rows, or an error of use that is not long."""
    path = tmp_path / name
    path.write_text(TENANTS[name], encoding="utf-8", newline="")

    said = words(lambda: read_matrix(path), UsageError)

    assert (len(said) < 30_000, len(said.splitlines()) <= 21) == (True, True)


def test_a_file_of_tenants_needs_little_memory(tmp_path: Path) -> None:
    """Where every line is wrong, no more is kept than is told."""
    path = tmp_path / "m.csv"
    path.write_text(TENANTS["the same.csv"])
    tracemalloc.start()

    with pytest.raises(UsageError, match="and 80 more of the kind"):
        read_matrix(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 10 * MIB


@pytest.mark.parametrize("ending", ["yaml", "json", "csv"])
@pytest.mark.parametrize("name", [*NO_FILES, *OTHER_BYTES])
def test_no_tenants_come_from_what_is_no_text_file(name: str, ending: str, tmp_path: Path) -> None:
    """Nothing is waited for, and nothing is guessed."""
    path = tmp_path / f"m.{ending}"
    {**NO_FILES, **OTHER_BYTES}[name](path)

    with pytest.raises(UsageError, match=r"m\.") as error:
        moderate(lambda: read_matrix(path))
    refused(error)


# Profiles that are something else, or become it


@pytest.mark.parametrize("ending", ["yaml", "json"])
@pytest.mark.parametrize("text", [HEAD, HEAD + "#" * 20 * MIB], ids=["a profile", "a bomb"])
def test_a_packed_profile_is_not_unpacked(text: str, ending: str, tmp_path: Path) -> None:
    """gzip is no text: a profile in it, or a bomb, is refused by its bytes, and nothing is made of it."""
    path = tmp_path / f"a.{ending}"
    path.write_bytes(gzip.compress(text.encode(), 1))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    [problem] = check_file(path).problems

    assert problem.rule == "document.encoding"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 10 * 1024


def test_a_profile_that_grows_while_it_is_read_ends(tmp_path: Path) -> None:
    """Somebody writes on and on: what is read is one more than allowed at the most, and is refused, or what was there, whole."""
    path = tmp_path / "a.yaml"
    path.write_text(HEAD)
    is_over = threading.Event()

    def write() -> None:
        with path.open("ab", buffering=0) as file:
            while not is_over.is_set() and file.tell() < 64 * MIB:
                file.write(b"# " + b"x" * 4000 + b"\n")

    writing = threading.Thread(target=write)
    writing.start()
    try:
        seen = [read_document(path) for _ in range(60)]
    finally:
        is_over.set()
        writing.join()

    assert {problem.rule for document in seen for problem in document.problems} <= {"document.too_large"}
    assert all(len(document.text) <= MAX_BYTES for document in seen)
    assert [problem.rule for problem in check_file(path).problems] == (["document.too_large"] if path.stat().st_size > MAX_BYTES else [])


def test_a_profile_that_is_replaced_is_one_or_the_other(tmp_path: Path) -> None:
    """A file put in another's place by renaming is never read half; cut short while it is read, it is refused or one of the two."""
    path, other = tmp_path / "a.yaml", tmp_path / "b"
    texts = [HEAD + f"x-{letter}: {letter * 90_000}\n" for letter in "pq"]
    path.write_text(texts[0])
    is_over = threading.Event()

    def write() -> None:
        number = 0
        while not is_over.is_set():
            other.write_text(texts[number := 1 - number])
            other.replace(path)

    writing = threading.Thread(target=write)
    writing.start()
    try:
        seen = {read_document(path).text for _ in range(60)}
    finally:
        is_over.set()
        writing.join()

    assert seen <= set(texts)

"""`authweave validate`: every problem of every file, for people, for programs and for editors."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from queue import Empty, Queue
from threading import Thread

import pytest

from authweave.cli.exits import Exit
from commands import apart, environment, here

GOOD = "format: 1\nname: {name}\nidentity_provider: Acme\nservers: ['https://a.example']\nauth: {{type: bearer}}\n"
BAD = "format: 1\nname: {name}\nidentity_provider: Acme\nauth: {{type: oauth2, grant_typ: x}}\nvresion: 1.0.0\n"
DOUBTFUL = "format: 1\nname: {name}\nidentity_provider: Acme\nauth: {{type: bearer}}\n"
"""Valid, with a warning: nobody said which servers may get the credential."""


@pytest.fixture
def write(tmp_path):
    """Write a profile into the test's folder."""
    def written(name, text=GOOD):
        path = tmp_path / f"{name}.yaml"
        path.write_text(text.format(name=name))
        return path

    return written


def test_valid_file(capsys, write):
    """A valid profile: a summary, and 0."""
    done = here(capsys, "validate", write("a"))

    assert (Exit.OK, "1 profile: 1 valid\n", "") == (done.code, done.out, done.err)


def test_every_problem_at_its_place(capsys, write):
    """Each problem stands on its own line as file:line:col: key: message; fix [rule], all at once."""
    path = write("a", BAD)

    done = here(capsys, "validate", path)

    assert Exit.REFUSED == done.code
    assert any(line.startswith(f"{path}:4:22: auth.grant_typ: ") and "grant_type" in line and line.endswith("]") for line in done.lines)
    assert any(line.startswith(f"{path}:5:1: vresion: ") and "version" in line for line in done.lines)
    assert done.lines[-1].startswith("1 profile: 1 not valid (")


def test_folder_and_files(capsys, write, tmp_path):
    """A folder stands for its profiles; a file named twice is told once."""
    good, _ = write("a"), write("b", BAD)
    (tmp_path / "notes.txt").write_text("not a profile")

    done = here(capsys, "validate", tmp_path, good)

    assert Exit.REFUSED == done.code
    assert done.lines[-1].startswith("2 profiles: 1 valid, 1 not valid (")


def test_profiles_of_this_folder(capsys, tmp_path, monkeypatch):
    """Without arguments it is ./profiles; where there is none, that is said."""
    monkeypatch.chdir(tmp_path)
    without = here(capsys, "validate")
    (tmp_path / "profiles").mkdir()
    empty = here(capsys, "validate")
    (tmp_path / "profiles" / "a.yaml").write_text(GOOD.format(name="a"))
    done = here(capsys, "validate")

    assert (Exit.USAGE, Exit.USAGE, Exit.OK) == (without.code, empty.code, done.code)
    assert "no folder profiles here" in without.err
    assert "no profile in profiles" in empty.err


def test_missing_file(capsys, tmp_path):
    """A path that is not there is a mistake of the command, not of a profile."""
    done = here(capsys, "validate", tmp_path / "nowhere.yaml")

    assert Exit.USAGE == done.code
    assert "nowhere.yaml: no such file or folder" in done.err


@pytest.mark.skipif(os.name == "nt", reason="needs a named pipe")
def test_unreadable_file(capsys, write, tmp_path):
    """What cannot be read as a file is a problem of its own, is not waited for, and hides no other file's."""
    pipe = tmp_path / "a.yaml"
    os.mkfifo(pipe)

    done = here(capsys, "validate", pipe, write("b"))

    assert Exit.REFUSED == done.code
    assert done.lines[0].startswith(f"{pipe}: ")
    assert "2 profiles: 1 valid, 1 not valid (1 error)" == done.lines[-1]


@pytest.mark.parametrize(("strict", "code"), [((), Exit.OK), (("--strict",), Exit.REFUSED)])
def test_warnings(capsys, write, strict, code):
    """A warning is shown and counts only with --strict."""
    done = here(capsys, "validate", write("a", DOUBTFUL), *strict)

    assert code == done.code
    assert ": warning: " in done.lines[0]
    assert "1 warning" in done.lines[-1]


def test_json(capsys, write):
    """The same as data: one entry per file, each problem with rule, place, key, message and fix."""
    good, bad = write("a"), write("b", BAD)

    done = here(capsys, "validate", good, bad, "--format", "json")

    first, second = json.loads(done.out)["files"]
    assert Exit.REFUSED == done.code
    assert {"source": str(good), "valid": True, "problems": []} == first
    assert (str(bad), False) == (second["source"], second["valid"])
    assert {"rule", "severity", "source", "line", "column", "key", "message", "fix"} == set(second["problems"][0])
    assert (4, 22) in {(problem["line"], problem["column"]) for problem in second["problems"]}


def test_stdin():
    """`-` reads a text; --stdin-name says what it is called, so that its name can be checked."""
    plain = apart("validate", "-", stdin=GOOD.format(name="a"))
    named = apart("validate", "-", "--stdin-name", "b.yaml", stdin=GOOD.format(name="a"))
    broken = apart("validate", "-", stdin=b"\xff\xfe")

    assert (Exit.OK, "1 profile: 1 valid\n") == (plain.code, plain.out)
    assert (Exit.REFUSED, True) == (named.code, named.out.startswith("b.yaml:2:"))
    assert (Exit.REFUSED, True) == (broken.code, broken.out.startswith("<stdin>"))


def test_huge_stdin_is_refused_in_time():
    """A document that never seems to end is refused, not read whole."""
    done = apart("validate", "-", stdin=b"# " + b"x" * 8_000_000)

    assert Exit.REFUSED == done.code
    assert "KiB" in done.out


def test_parent_in_another_folder(capsys, write, tmp_path):
    """Parents are looked for beside the child, and in --profiles-dir."""
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "base.yaml").write_text(GOOD.format(name="base"))
    child = write("a", "format: 1\nname: {name}\nextends: base\n")

    alone = here(capsys, "validate", child)
    done = here(capsys, "validate", child, "--profiles-dir", shared)

    assert (Exit.REFUSED, Exit.OK) == (alone.code, done.code), done.out


def test_hostile_keys_move_no_cursor(capsys, write):
    """What a document says is shown, never obeyed."""
    done = here(capsys, "validate", write("a", GOOD + '"x\\u001b[2Jy\\u202e": 1\n'))

    assert Exit.REFUSED == done.code
    assert "\x1b" not in done.out
    assert "\u202e" not in done.out


@contextmanager
def watching(*arguments, cwd):
    """`authweave validate --watch` as a process, with its lines as they come."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "authweave", "validate", "--watch", *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(), cwd=cwd,
    )  # fmt: skip
    lines = Queue()
    reader = Thread(target=lambda: [lines.put(line.decode().rstrip("\n")) for line in process.stdout], daemon=True)
    reader.start()
    try:
        yield process, lines
    finally:
        process.kill()
        reader.join(5)
        process.stdout.close()
        process.stderr.close()
        process.wait(5)


def until(lines, end):
    """The lines up to the one that begins like this."""
    seen, deadline = [], time.monotonic() + 20
    while not (seen and seen[-1].startswith(end)):
        try:
            seen.append(lines.get(timeout=max(0.01, deadline - time.monotonic())))
        except Empty:
            raise AssertionError(f"no {end!r} in {seen}") from None
    return seen


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_watch(write, tmp_path):
    """--watch tells of what changes and of nothing else: a file, its parent, a new file, one that is gone."""
    write("base"), write("child", "format: 1\nname: {name}\nextends: base\n"), write("other")
    with watching(tmp_path, cwd=tmp_path) as (process, lines):
        first = until(lines, "watching")
        write("base", BAD)
        broken = until(lines, "watching")
        write("base", GOOD + "# mended\n")
        mended = until(lines, "watching")
        write("new")
        (tmp_path / "other.yaml").unlink()
        moved = until(lines, "watching")
        process.send_signal(signal.SIGINT)
        code = process.wait(10)
        err = process.stderr.read()

    assert ["3 profiles: 3 valid", "watching 3 files; Ctrl-C ends"] == first
    assert "2 profiles: 2 not valid" in broken[-2]
    assert ["2 profiles: 2 valid", "watching 3 files; Ctrl-C ends"] == mended
    assert [f"{tmp_path / 'other.yaml'}: is gone", "1 profile: 1 valid", "watching 3 files; Ctrl-C ends"] == moved
    assert (Exit.OK, b"") == (code, err)


def test_watch_is_for_people(capsys, write):
    """--watch has no end, so it goes with neither JSON nor stdin."""
    assert Exit.USAGE == here(capsys, "validate", write("a"), "--watch", "--format", "json").code
    assert Exit.USAGE == here(capsys, "validate", "-", "--watch").code

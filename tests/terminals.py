"""A terminal of a given size for a process, and what stands on its screen: enough of ECMA-48 for what we write."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import threading
import time
from pathlib import Path

_SEQUENCE = re.compile(r"\x1b\[(\??)([0-9;]*)([A-Za-z])")


class Screen:
    """Rows of a terminal; what leaves at the top is gone. Knows CR, LF, cursor up, erase in line and display, and no more: the rest is a mistake."""

    def __init__(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self.lines = [""]
        self.row = self.column = 0
        self.wraps = True

    def write(self, text: str) -> None:
        """Show a text."""
        at = 0
        while at < len(text):
            found = _SEQUENCE.match(text, at)
            if found:
                self._do(*found.groups())
                at = found.end()
                continue
            self._put(text[at])
            at += 1

    def text(self) -> list[str]:
        """The lines, without blanks at their ends."""
        return [line.rstrip() for line in self.lines]

    def _put(self, character: str) -> None:
        assert character.isprintable() or character in "\r\n", repr(character)
        if character == "\r":
            self.column = 0
        elif character == "\n":
            self.row += 1
            self.column = 0
            if self.row == len(self.lines):
                self.lines.append("")
            if len(self.lines) > self.rows:
                del self.lines[0]
                self.row -= 1
        else:
            if self.column == self.columns:
                assert not self.wraps or self.column < self.columns, "a line is wider than the terminal"
                self.column -= 1
            line = self.lines[self.row].ljust(self.column)
            self.lines[self.row] = line[: self.column] + character + line[self.column + 1 :]
            self.column += 1

    def _do(self, private: str, number: str, what: str) -> None:
        if what == "m":
            return
        if private:
            assert number == "7", number
            self.wraps = what == "h"
        elif what == "A":
            self.row = max(self.row - int(number or 1), 0)
        elif what == "K":
            self.lines[self.row] = "" if number == "2" else self.lines[self.row][: self.column]
        elif what == "J":
            self.lines[self.row] = self.lines[self.row][: self.column]
            del self.lines[self.row + 1 :]
        else:
            raise AssertionError(f"an unknown sequence: {number}{what}")


class Terminal:
    """A process on a terminal of its own. `wrote` is everything that it wrote so far."""

    def __init__(self, command: list[str], cwd: Path, env: dict[str, str], columns: int, rows: int = 24, **streams: object) -> None:
        self._here, there = pty.openpty()
        fcntl.ioctl(there, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        given = {"stdin": there, "stdout": there, "stderr": there, **streams}
        self.process = subprocess.Popen(command, cwd=cwd, env=env, start_new_session=True, **given)
        os.close(there)
        self.wrote = ""
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def until(self, words: str, seconds: float = 60) -> None:
        """Wait until it has written this."""
        end = time.monotonic() + seconds
        while words not in self.wrote:
            assert time.monotonic() < end, self.wrote
            assert self.process.poll() is None, self.wrote
            time.sleep(0.02)

    def read_pipe(self) -> bytes:
        """All that it writes into the pipe that it got for its standard output."""
        assert self.process.stdout is not None
        with self.process.stdout as pipe:
            found: bytes = pipe.read()
        return found

    def ended(self, seconds: float = 120) -> int:
        """Its exit code."""
        try:
            return self.process.wait(seconds)
        finally:
            self.process.kill()
            self._reading.join(10)
            os.close(self._here)

    def _read(self) -> None:
        raw = b""
        try:
            while data := os.read(self._here, 65536):
                raw += data
                self.wrote = raw.decode(errors="ignore")
        except OSError:
            pass

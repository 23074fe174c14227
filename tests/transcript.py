"""Reads the transcripts in `tests/transcripts/` (their README says what a line means)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import signing

PRIVATE_KEY = "«private key»"
"""Stands for one in PEM, with `\\n` for its line ends, as it stands in JSON and in environment variables."""
FOLDER = Path(__file__).parent / "transcripts"
_FACT = re.compile(r"    \[(?P<source>[a-z0-9-]+)\] (?P<fact>\S.*)")


@dataclass
class Line:
    """A line of a request, with the sources that say so."""

    text: str
    sources: list[str] = field(default_factory=list)


@dataclass
class Answer:
    """What the provider answers."""

    status: int
    content: dict[str, Any]
    is_form: bool = False
    sources: list[str] = field(default_factory=list)
    headers: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class Expected:
    """A request as it must be on the wire, and what it is answered."""

    head: list[Line] = field(default_factory=list)
    body: Line | None = None
    answer: Answer | None = None

    @property
    def line(self) -> str:
        return self.head[0].text

    @property
    def headers(self) -> list[tuple[str, str]]:
        parted = (line.text.partition(":") for line in self.head[1:])
        return sorted((name.lower(), value.strip()) for name, _, value in parted)

    def is_met_by(self, headers: list[tuple[str, str]]) -> bool:
        """Are these the headers, in any order? `…` stands for anything that is not a quote."""
        wanted = self.headers
        return len(wanted) == len(headers) and all(
            name == other and is_like(value, said) for (name, value), (other, said) in zip(wanted, sorted(headers), strict=True)
        )

    @property
    def content(self) -> bytes:
        return self.body.text.encode() if self.body else b""


def is_like(expected: str, said: str) -> bool:
    """Is this what was expected, where `…` stands for anything that is not a quote?"""
    return re.fullmatch("[^\"]+".join(map(re.escape, expected.split("…"))), said) is not None


@dataclass
class Task:
    """What the host asks for, so many seconds after the one before."""

    method: str
    url: str
    body: bytes | None
    after: float


@dataclass
class Case:
    """One conversation."""

    profile: str
    name: str
    sources: list[str] = field(default_factory=list)
    inputs: dict[str, str] = field(default_factory=dict)
    subject: str = ""
    browser: Line | None = None
    back: str = ""
    has_realm: bool = True
    tasks: list[Task] = field(default_factory=list)
    wire: list[Expected] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.profile}: {self.name}"


@dataclass
class Transcript:
    """One file: its sources (name → address | section) and its cases."""

    profile: str
    sources: dict[str, str]
    cases: list[Case]


def transcripts() -> list[Transcript]:
    """Every transcript there is."""
    return [read(path) for path in sorted(FOLDER.glob("*.txt"))]


def read(path: Path) -> Transcript:
    """One transcript. Raises ValueError naming the line that says nothing."""
    reader = _Reader(Transcript(path.stem, {}, []))
    for number, text in enumerate(path.read_text().splitlines(), 1):
        try:
            reader.take(text)
        except (ValueError, IndexError, AttributeError) as error:
            raise ValueError(f"{path.name}:{number}: {text!r} is no line of a transcript: {error}") from error
    return reader.made


class _Reader:
    def __init__(self, made: Transcript) -> None:
        self.made = made
        self.after = 0.0
        self.cited: list[str] = []
        self.in_body = False

    def take(self, text: str) -> None:
        if fact := _FACT.fullmatch(text):
            self.cited.append(fact["source"])
        elif text.startswith(">"):
            self.request(text[2:])
        elif text.startswith("< "):
            status, _, content = text[2:].partition(" ")
            self.cited = []
            is_form, content = content.startswith("form "), content.removeprefix("form ")
            self.case.wire[-1].answer = Answer(int(status), json.loads(content), is_form, self.cited)
        elif text.startswith("<: "):
            name, _, value = text[3:].partition(": ")
            self.case.wire[-1].answer.headers.append((name, value))
        elif text:
            word, _, rest = text.partition(" ")
            getattr(self, f"take_{word}")(rest.strip())

    @property
    def case(self) -> Case:
        return self.made.cases[-1]

    def take_source(self, text: str) -> None:
        name, where = text.split(maxsplit=1)
        self.made.sources[name] = where

    def take_case(self, text: str) -> None:
        self.cited = []
        self.made.cases.append(Case(self.made.profile, text, self.cited))

    def take_input(self, text: str) -> None:
        name, value = text.split(": ", 1)
        self.case.inputs[name] = value.replace(PRIVATE_KEY, signing.pem(signing.key()).replace("\n", "\\n"))

    def take_subject(self, text: str) -> None:
        self.case.subject = text

    def take_browser(self, text: str) -> None:
        self.cited = []
        self.case.browser = Line(text, self.cited)

    def take_back(self, text: str) -> None:
        self.case.back = text

    def take_realm(self, text: str) -> None:
        self.case.has_realm = text != "none"

    def take_after(self, text: str) -> None:
        self.after = float(text)

    def take_task(self, text: str) -> None:
        method, url, *body = text.split(" ", 2)
        self.case.tasks.append(Task(method, url, body[0].encode() if body else None, self.after))
        self.after = 0.0

    def request(self, text: str) -> None:
        wire = self.case.wire
        if not wire or wire[-1].answer is not None:
            wire.append(Expected())
            self.in_body = False
        if not text:
            self.in_body = True
            return
        self.cited = []
        line = Line(text, self.cited)
        if self.in_body:
            wire[-1].body = line
        else:
            wire[-1].head.append(line)

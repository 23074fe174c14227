"""The report of "test auth" as one value; every format renders this and nothing else. Redacted by construction.

Made by `probe.test_profile`. No text in it holds a secret or a character that moves a cursor, so a renderer needs to
know nothing of either. The JSON form is `schemas/test-report.schema.json`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Final

from authweave.values import Problem

FORMAT: Final = 1
"""The version of the report's JSON form. Keys may be added within it."""

STAGES: Final[Mapping[str, str]] = {
    "load": "load", "resolve": "resolve inputs", "dns": "dns", "connect": "connect", "tls": "tls", "token_call": "token call",
    "token_parse": "token parse", "token_checks": "token checks", "apply": "apply", "api_probe": "api probe", "control": "negative control", "verdict": "verdict",
}  # fmt: skip
"""Every stage in its order, with its title. `connect` includes the way through a proxy; `control` is the check once more, without the credential."""

STEP_STAGES: Final[Mapping[str, str]] = {
    "discovery": "token_call", "sign_in": "token_call", "before": "token_call", "after": "token_checks", "introspection": "apply", "renewal": "control",
}  # fmt: skip
_TITLES: Final[Mapping[str, str]] = {"discovery": "discovery", "sign_in": "sign-in", "introspection": "introspection", "renewal": "renewal"}
"""Stages that only some runs have (asking for metadata, the steps of a token call, a renewal that was asked for), and the stage that they come before."""

TOKEN_VERDICTS: Final = ("obtained", "refused", "inconclusive", "not_needed", "not_tested")
CREDENTIAL_VERDICTS: Final = ("accepted", "refused", "forbidden", "inconclusive", "not_tested")


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of the way. `status`: ok, failed, skipped or warning. `about` names the step, or the test where there are several."""

    name: str
    status: str
    ms: float | None = None
    text: str = ""
    code: str = ""
    about: str = ""

    @property
    def title(self) -> str:
        """The stage in words."""
        return f"{STAGES.get(self.name, _TITLES.get(self.name, 'step'))} {self.about}".rstrip()


@dataclass(frozen=True, slots=True)
class Part:
    """A named part of a message: a header, a body field. `origin` is the key of the profile that put it there."""

    name: str
    value: str
    origin: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class Body:
    """A body as it may be shown: its fields, or its text, or a note in place of both. `size` in bytes, decoded."""

    kind: str = "none"
    size: int = 0
    parts: tuple[Part, ...] = ()
    text: str = ""
    note: str = ""
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a request: `text` as it stands, or a value that stands outside.

    That one is called `name`, and `shown` is its mark, or the value itself where it is no secret. It is written in `coding`:
    '' as it is, form, percent or json. Pieces with `base64` beside each other are encoded together. `source`: input, answer
    (a server gave it), or made (by authweave, for this request).
    """

    text: str = ""
    name: str = ""
    shown: str = ""
    coding: str = ""
    base64: bool = False
    source: str = ""


@dataclass(frozen=True, slots=True)
class RecipeLine:
    """A header field, or a field of a form, in pieces."""

    name: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the same request is made again, byte for byte, by who has its secrets.

    `form` are the fields of a body that is a form, `body` the pieces of any body. `body` is empty where there is none and where
    `no_body` says why it cannot be written. `once` says why the request is good only once, or only for a while.
    """

    url: tuple[Piece, ...]
    headers: tuple[RecipeLine, ...]
    form: tuple[RecipeLine, ...] = ()
    body: tuple[Piece, ...] = ()
    no_body: str = ""
    once: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it was sent. `path` are the path fields, `query` the parameters of its URL, `origin` the key
    that holds the URL. `recipe` is None where it cannot be written down."""

    method: str
    url: str
    target: str
    headers: tuple[Part, ...]
    body: Body
    path: tuple[Part, ...] = ()
    query: tuple[Part, ...] = ()
    origin: str = ""
    place: str = ""
    recipe: Recipe | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer as it came."""

    status: int
    reason: str
    http_version: str
    headers: tuple[Part, ...]
    body: Body


@dataclass(frozen=True, slots=True)
class Timing:
    """One stage of one call."""

    stage: str
    ms: float
    text: str


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call: what was asked, and the answer or the `error` in its place.

    `purpose`: discovery, authorize (what the browser of a person was sent to), token, renewal, introspection, check,
    control (the check without the credential), or before and after for a step of a token call. `started` is RFC 3339, in UTC.
    """

    purpose: str
    title: str
    asked: Asked
    answered: Answered | None
    error: str
    ms: float
    address: str
    timings: tuple[Timing, ...]
    started: str = ""


@dataclass(frozen=True, slots=True)
class Fix:
    """What to change: a key of the profile (or `settings: …`), where it stands, and what to write or look at."""

    key: str
    place: str
    text: str


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What went wrong, in one sentence, and what to change. `code` is stable; `retry` says whether trying again can help."""

    code: str
    severity: str
    stage: str
    sentence: str
    evidence: tuple[str, ...] = ()
    fixes: tuple[Fix, ...] = ()
    retry: str = "no"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A word of TOKEN_VERDICTS or CREDENTIAL_VERDICTS, and why."""

    word: str = "not_tested"
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of one key in the profile's file: `old` and `new` are the lines as they stand and as they would.

    `key` is the key, `place` its `file:line`. Both hold no secret: a profile holds none.
    """

    key: str
    place: str
    old: tuple[str, ...]
    new: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Try:
    """One variant that `--explain` tried: what was changed, and what came of it.

    `status` is the HTTP status, 0 for none. `word` is the server's own error, or why there was no answer.
    `sent` is False where it was left out: `word` then says why.
    """

    key: str
    value: str
    token: Verdict
    credential: Verdict
    status: int = 0
    word: str = ""
    ms: float = 0.0
    sent: bool = True


@dataclass(frozen=True, slots=True)
class Explained:
    """What `--explain` found: every variant that it tried, in its order, and the edit that it proposes, if one works.

    `warnings` were shown before anything was sent (accounts that lock, codes that are good once). `applied`: the edit
    was made in the file.
    """

    tries: tuple[Try, ...] = ()
    edit: Edit | None = None
    warnings: tuple[str, ...] = ()
    applied: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that one run of "test auth" found out. `again` is the command that repeats it.

    `compared` says what is otherwise than in the run before, a line each, and `compared_with` when that run began (RFC
    3339); both are empty where there was none. `recorded` is when the answers were recorded
    (RFC 3339) if this is a replay, and `stale` says why the recording no longer holds.
    """

    profile: str = ""
    version: str = ""
    identity_provider: str = ""
    source: str = ""
    tenant: str = ""
    subject: str = ""
    variant: str = ""
    started: str = ""
    ms: float = 0.0
    token: Verdict = Verdict()
    credential: Verdict = Verdict()
    stages: tuple[Stage, ...] = ()
    exchanges: tuple[Exchange, ...] = ()
    diagnoses: tuple[Diagnosis, ...] = ()
    problems: tuple[Problem, ...] = ()
    messages: tuple[str, ...] = ()
    not_tested: tuple[str, ...] = ()
    again: str = ""
    sandbox: bool = False
    explained: Explained | None = None
    compared: tuple[str, ...] = ()
    compared_with: str = ""
    recorded: str = ""
    stale: tuple[str, ...] = ()

    @property
    def is_valid(self) -> bool:
        """Could the profile be loaded?"""
        return not any(problem.severity == "error" for problem in self.problems)

    def as_dict(self) -> dict[str, Any]:
        """The report as plain data, for JSON."""
        plain = {one.name: _plain(getattr(self, one.name)) for one in fields(self) if one.name != "problems"}
        return {"format": FORMAT, **plain, "problems": [problem.as_dict() for problem in self.problems]}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if is_dataclass(value):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    return value

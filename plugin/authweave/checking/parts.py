"""The parts of a document that rules look at, each with its path. All of them as they are written, without defaults."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from authweave.checking.defaults import auth_paths
from authweave.foreign import asked
from authweave.values import Path

REQUESTS = {"token_request": "token", "refresh_request": "refresh", "revoke_request": "revoke", "authorization_request": "browser"}
PHASES = ("before", "after")


class FieldPart(NamedTuple):
    """A field. `place` is its `in`, written or not (empty: missing); `carrier` is what it is a part of.

    Carriers: task (every task request), credential (`auth.fields`), token, refresh, revoke, browser, step, test.
    """

    path: Path
    spec: Mapping[str, Any]
    place: str
    carrier: str

    @property
    def key(self) -> str:
        """Its key, empty if missing."""
        return str(self.spec.get("key", ""))

    @property
    def list_path(self) -> Path:
        """The list that it stands in."""
        return self.path[:-1]


class RequestPart(NamedTuple):
    """A described request. `carrier` is token, refresh, revoke, browser, step or test."""

    path: Path
    spec: Mapping[str, Any]
    carrier: str

    @property
    def method(self) -> str:
        """Its method, written or not."""
        return str(self.spec.get("method", "GET" if self.carrier in ("test", "step", "browser") else "POST")).upper()

    @property
    def encoding(self) -> str:
        """Its encoding, written or not."""
        return str(self.spec.get("encoding", "query" if self.method == "GET" else "form"))


def tests_of(data: Mapping[str, Any]) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Every test."""
    tests = data.get("test")
    if isinstance(tests, dict):
        yield ("test",), tests
    elif isinstance(tests, list):
        yield from ((("test", index), test) for index, test in enumerate(tests))


def requests_of(data: Mapping[str, Any]) -> Iterator[RequestPart]:
    """Every described request."""
    for path, auth in auth_paths(data):
        for key, carrier in REQUESTS.items():
            if key in auth:
                yield RequestPart((*path, key), auth[key], carrier)
        for at, step in steps_of(path, auth):
            if "request" in step:
                yield RequestPart((*at, "request"), step["request"], "step")
    for path, test in tests_of(data):
        if "request" in test:
            yield RequestPart((*path, "request"), test["request"], "test")


def steps_of(path: Path, auth: Mapping[str, Any]) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Every step of a variant."""
    for phase in PHASES:
        yield from (((*path, phase, index), step) for index, step in enumerate(auth.get(phase, ())))


def keeps_of(path: Path, auth: Mapping[str, Any]) -> Iterator[tuple[Path, Any]]:
    """Every value that a variant keeps, of answers and of the redirect: its path, and what is written there. The name comes last."""
    holders = [((*path, key), auth.get(key, {})) for key in ("callback", "token_response")]
    holders += [((*at, "response"), step.get("response", {})) for at, step in steps_of(path, auth)]
    for at, holder in holders:
        yield from (((*at, "keep", name), item) for name, item in holder.get("keep", {}).items())


def fields_of(data: Mapping[str, Any]) -> Iterator[FieldPart]:
    """Every field of every list."""
    yield from _listed(("fields",), data, "", "task")
    for path, auth in auth_paths(data):
        yield from _listed((*path, "fields"), auth, "", "credential")
    for request in requests_of(data):
        place = {"test": "", "browser": "query"}.get(request.carrier, "payload")
        yield from _listed((*request.path, "fields"), request.spec, place, request.carrier)


def _listed(path: Path, holder: Mapping[str, Any], place: str, carrier: str) -> Iterator[FieldPart]:
    for index, field in enumerate(holder.get("fields", ())):
        yield FieldPart((*path, index), field, field.get("in", place), carrier)


def wrong_key_of(placement: Any, key: str) -> str | None:
    """Why a literal key cannot stand in a placement, which is given as its class. Raises ExtensionFailed."""
    why: str | None = asked(placement, lambda: placement().wrong_key(key), of=(str, type(None)))
    return why

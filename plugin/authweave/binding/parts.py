"""The parts of a profile that stand at a path of its document: requests, answers, fields, conditions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from authweave.answers.matching import statuses_of
from authweave.checking.document import Checked
from authweave.foreign import asked
from authweave.profile import (
    Answer,
    Callback,
    Field,
    Jwt,
    Keep,
    Match,
    Request,
    SignIn,
    Step,
    Test,
    TestRule,
)
from authweave.templates import Template
from authweave.values import Path, dotted


class Parts:
    """Makes them from what was checked and compiled."""

    def __init__(self, checked: Checked) -> None:
        self.checked = checked
        self.full = checked.full
        self.compiled = checked.compiled

    def written(self, path: Path, literal: Any) -> Any:
        """The template at a path; for a text without one the literal."""
        return self.compiled.get(path, literal)

    def condition(self, path: Path) -> Template | None:
        """The text at a path as a condition; None where nothing is written, or a URL."""
        made = self.at(*path)
        return made if isinstance(made, Template) else None

    def at(self, *path: str | int) -> Any:
        """The compiled value at a path, or None where nothing is written."""
        return self.compiled.get(path)

    def scopes(self, path: Path, scopes: Any) -> tuple[tuple[str, Any], ...]:
        """The keys and values of `scopes`, in whichever form they are written."""
        if isinstance(scopes, str):
            return (("scope", self.at(*path)),)
        return tuple(
            (item["key"], self.at(*path, index, "value")) if isinstance(item, dict) else ("scope", self.at(*path, index))
            for index, item in enumerate(scopes or [])
        )

    def request(self, path: Path, request: Mapping[str, Any]) -> Request:
        """A request that a profile describes."""
        return Request(
            method=self.written((*path, "method"), request["method"].upper()),
            url=self.at(*path, "url"),
            encoding=request["encoding"],
            content_type=self.written((*path, "content_type"), request.get("content_type")),
            content=self.at(*path, "content"),
            fields=self.fields((*path, "fields")),
            omit=frozenset(request["omit"]),
            rename=request["rename"],
            origin=dotted(path),
        )

    def answer(self, path: Path, answer: Mapping[str, Any]) -> Answer:
        """How an answer is read, and what is kept of it."""
        members = {name: self.at(*path, name) for name in answer if name not in ("keep", "accepted_when") and not name.startswith("x-")}
        keep = tuple(self.keep((*path, "keep", name), name, item) for name, item in (answer.get("keep") or {}).items())
        return Answer(members, keep, self.matches((*path, "accepted_when")), frozenset(members))

    def keep(self, path: Path, name: str, item: Any) -> Keep:
        """One value that is kept."""
        if isinstance(item, str):
            return Keep(name, self.at(*path), origin=dotted(path))
        pattern = item.get("pattern")
        return Keep(name, self.at(*path, "value"), pattern, item.get("secret", pattern is None), dotted(path))

    def fields(self, path: Path) -> tuple[Field, ...]:
        """The fields of a list; none where nothing is written."""
        return tuple(self.field((*path, index), spec) for index, spec in enumerate(value_at(self.full, path) or []))

    def field(self, path: Path, spec: Mapping[str, Any]) -> Field:
        """One field."""
        value = self.at(*path, "value")
        return Field(
            placement=made(self.checked.catalog.find("placements", spec["in"])),
            key=spec["key"],
            value=value,
            when=self.at(*path, "when"),
            optional=spec.get("optional", False),
            on_conflict=spec["on_conflict"],
            origin=dotted(path),
            secret=self.checked.secrecy.is_secret(value.reads),
        )

    def matches(self, path: Path) -> tuple[Match, ...]:
        """Conditions on an answer."""
        return tuple(
            Match(statuses_of(match.get("status", ())), self.at(*path, index, "when"), dotted((*path, index)))
            for index, match in enumerate(value_at(self.full, path) or [])
        )

    def jwt(self, path: Path, written: Any) -> Any:
        """A Jwt to make, or the template of one that is ready."""
        if not isinstance(written, dict):
            return self.at(*path)
        parts = {key: self.compiled.get((*path, key), written[key]) for key in ("algorithm", "signing_key", "key_id", "header", "claims", "lifetime") if key in written}
        return Jwt(**parts, origin=dotted(path))

    def steps(self, path: Path, steps: Iterable[Mapping[str, Any]]) -> tuple[Step, ...]:
        """The steps before or after a token request."""
        return tuple(
            Step(
                name=step["name"],
                request=self.request((*path, index, "request"), step["request"]),
                response=self.answer((*path, index, "response"), step["response"]),
                phases=frozenset(step["phases"]),
                when=self.at(*path, index, "when"),
                origin=dotted((*path, index)),
            )
            for index, step in enumerate(steps)
        )

    def sign_in(self, path: Path, auth: Mapping[str, Any]) -> SignIn:
        """How a person signs in."""
        callback = auth.get("callback", {})
        keep = tuple(self.keep((*path, "callback", "keep", name), name, item) for name, item in callback.get("keep", {}).items())
        code = self.at(*path, "callback", "code")
        return SignIn(
            authorization_url=self.at(*path, "authorization_url"),
            device_authorization_url=self.at(*path, "device_authorization_url"),
            request=self.request((*path, "authorization_request"), auth["authorization_request"]) if "authorization_request" in auth else None,
            callback=Callback(code, keep) if code is not None else None,
            redirect_uri=self.at(*path, "redirect_uri"),
            pkce=auth.get("pkce", "S256") or "",
        )

    def tests(self) -> tuple[Test, ...] | str:
        """The tests of the profile, or the word that stands for them."""
        tests = self.full["test"]
        if isinstance(tests, str):
            return tests
        if isinstance(tests, dict):
            return (self.test(("test",), tests),)
        return tuple(self.test(("test", index), test) for index, test in enumerate(tests))

    def test(self, path: Path, test: Mapping[str, Any]) -> Test:
        """One test."""
        rules = tuple(
            TestRule(self.at(*path, "rules", index, "when"), self.at(*path, "rules", index, "message"))
            for index in range(len(test.get("rules", [])))
        )
        return Test(
            name=test.get("name", ""),
            request=self.request((*path, "request"), test["request"]),
            when=self.at(*path, "when"),
            accepted_when=self.matches((*path, "accepted_when")),
            rules=rules,
            origin=dotted(path),
        )


def value_at(data: Any, path: Path) -> Any:
    """What stands at a path; None where a map on the way has no such key."""
    for part in path:
        data = data.get(part) if isinstance(data, dict) else data[part]
    return data


def made(kind: Any) -> Any:
    """An object of an extension's class. Raises ExtensionFailed."""
    return asked(kind, kind)

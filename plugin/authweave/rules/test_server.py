"""A test whose request the credential does not reach."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from authweave.checking.document import Checked
from authweave.errors import UrlRefused
from authweave.urls import Origin, ServerPattern, UrlTemplate
from authweave.values import Path, Problem


class TestServer:
    """A test goes to one of `servers`: a relative URL to the first, which names one host; an absolute one to an origin among them.

    Where the profile names none, the host does.
    """

    __test__ = False
    name: ClassVar[str] = "test.server"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per URL."""
        servers = checked.data.get("servers", [])
        origins = _origins(servers) if checked.tests else frozenset()
        for path, url in self._urls(checked):
            if url.relative and servers and "*" in servers[0]:
                yield checked.problem(self.name, path, "a relative URL needs one host, and the first of `servers` begins with *", "write the whole URL: https://…")
            elif not url.relative and url.constant and _is_elsewhere(url.text, origins):
                yield checked.problem(self.name, path, "the origin is not among `servers`, so no credential is sent", "add its origin to servers, or test another URL")

    def _urls(self, checked: Checked) -> Iterable[tuple[Path, UrlTemplate]]:
        for path, test in checked.tests:
            at = (*path, "request", "url")
            compiled = checked.compiled.get(at)
            if isinstance(compiled, UrlTemplate) and checked.data.get("abstract") is not True and test:
                yield at, compiled


def _origins(servers: list[str]) -> frozenset[ServerPattern]:
    """The origins, if all of them are known: servers with values in them may be anything."""
    if any("{{" in server for server in servers):
        return frozenset()
    try:
        return frozenset(map(ServerPattern.of, servers))
    except UrlRefused:
        return frozenset()


def _is_elsewhere(url: str, origins: frozenset[ServerPattern]) -> bool:
    """Is it certainly at none of them?"""
    try:
        origin = Origin.of(url)
    except UrlRefused:
        return False
    above = Origin(origin.scheme, origin.host.partition(".")[2], origin.port)
    return bool(origins) and not {ServerPattern(origin, wildcard=False), ServerPattern(above, wildcard=True)} & origins

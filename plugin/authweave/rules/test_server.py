"""A test whose request the credential does not reach."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from authweave.checking import Checked
from authweave.errors import UrlRefused
from authweave.urls import Origin, ServerPattern, UrlTemplate
from authweave.values import Path, Problem


class TestServer:
    """A test goes to one of `servers`: a relative URL to the first, which names one host; an absolute one to an origin among them."""

    __test__ = False
    name: ClassVar[str] = "test.server"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per URL."""
        if "servers" not in checked.merged.written:
            for path, _ in self._urls(checked):
                yield checked.problem(self.name, path, "there are no `servers`, so the test has nowhere to go", "add servers: ['https://…'], or write test: token_only")
            return
        servers = checked.data.get("servers", [])
        for path, url in self._urls(checked):
            if url.relative and servers and "*" in servers[0]:
                yield checked.problem(self.name, path, "a relative URL needs one host, and the first of `servers` begins with *", "write the whole URL: https://…")
            elif not url.relative and url.constant and _is_elsewhere(url.text, servers):
                yield checked.problem(self.name, path, "the origin is not among `servers`, so no credential is sent", "add its origin to servers, or test another URL")

    def _urls(self, checked: Checked) -> Iterable[tuple[Path, UrlTemplate]]:
        for path, test in checked.tests:
            at = (*path, "request", "url")
            compiled = checked.compiled.get(at)
            if isinstance(compiled, UrlTemplate) and checked.data.get("abstract") is not True and test:
                yield at, compiled


def _is_elsewhere(url: str, servers: list[str]) -> bool:
    """Is it certainly none of them? Servers with values in them may be anything."""
    if any("{{" in server for server in servers):
        return False
    try:
        origin = Origin.of(url)
        return bool(servers) and not any(ServerPattern.of(server).matches(origin) for server in servers)
    except UrlRefused:
        return False

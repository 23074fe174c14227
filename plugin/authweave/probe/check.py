"""The check request of a profile's `test`, and what its answer says of the credential."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from authweave.answers.matching import matches
from authweave.answers.responses import content_type, response_scope
from authweave.drafts.contents import content_text
from authweave.drafts.draft import Draft, Placed
from authweave.drafts.fields import apply_fields
from authweave.profile import Test
from authweave.values import TaskRequest, TaskResponse


def check_request(test: Test, scope: Mapping[str, Any]) -> tuple[TaskRequest, tuple[Placed, ...]]:
    """The task request that the test describes, before it gets its credential. Raises TemplateError, PlacementError."""
    asked = test.request
    assert asked.url is not None  # noqa: S101 - the schema requires it of a test
    draft = Draft.new(asked.method_in(scope), asked.url.render(scope), asked.encoding, asked.content_type_in(scope))
    if "Accept" not in asked.omit:
        draft.put("header", "Accept", "application/json", origin="standard")
    apply_fields(draft, asked.fields, {**scope, "request": draft.view})
    if asked.content is not None:
        draft.set_content(content_text(asked.content, asked.encoding, asked.content_type_in(scope), scope))
        draft.note("payload", "(content)", f"{asked.origin}.content", secret=True)
    return replace(draft.finish(), path_template=True), tuple(draft.placed)


def decided(test: Test, response: TaskResponse, scope: Mapping[str, Any]) -> bool | None:
    """Does one of the test's own `accepted_when` hold? None where the profile writes none."""
    if not test.accepted_when:
        return None
    full = {**scope, "response": response_scope(response)}
    return any(matches(match, response.status, full) for match in test.accepted_when)


def rule_message(test: Test, response: TaskResponse, scope: Mapping[str, Any]) -> str:
    """The message of the first rule that holds; ''. It is shown and changes nothing."""
    full = {**scope, "response": response_scope(response)}
    return next((rule.message.render(full) for rule in test.rules if rule.when.is_true(full)), "")


def is_page(response: TaskResponse) -> bool:
    """Is the answer a web page?"""
    start = (response.body or b"")[:200].lstrip().lower()
    return (bool(start) and content_type(response) in ("text/html", "application/xhtml+xml")) or start.startswith((b"<!doctype html", b"<html"))

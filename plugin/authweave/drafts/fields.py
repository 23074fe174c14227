"""Fields of a profile, put into a request: the one place that decides which of them apply."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from authweave.drafts.draft import Draft
from authweave.drafts.header_fields import header_text
from authweave.errors import TemplateError
from authweave.foreign import asked
from authweave.profile import Field
from authweave.templates import Data, Template
from authweave.templates.operators import item, revealed

Scope = Mapping[str, Any]

_KNOWN: Final = frozenset({"header", "query", "payload", "path", "cookie"})
_FINISHED: Final = frozenset({("request",), ("request", "body"), ("request", "headers"), ("signature",)})


def apply_fields(draft: Draft, fields: Iterable[Field], scope: Scope) -> None:
    """Put in every field that applies, in order; of those with the same `in` and key the first whose `when` is true.

    Raises TemplateError for a value that ends null, PlacementError for one that cannot be put there.
    """
    settled: set[tuple[str, str]] = set()
    for field in fields:
        slot = _slot(field)
        if slot in settled or (field.when is not None and not field.when.is_true(scope)):
            continue
        settled.add(slot)
        if field.optional and _is_left_out(draft, field, scope):
            continue
        draft.kept = False
        if field.placement.name in _KNOWN:
            field.placement.place(draft, field.key, field_value(field, scope), field.on_conflict)
        else:
            _place_unknown(draft, field, field_value(field, scope))
        if not draft.kept:
            draft.note(field.placement.name, field.key, field.origin, field.secret)


def _place_unknown(draft: Draft, field: Field, value: Any) -> None:
    """A placement of a stranger's: what it changed is noted by header and payload, too, or no guard would know that it has to stay
    with its origin. Raises PlacementError, ExtensionFailed."""
    headers, body = list(draft.headers), draft.body
    asked(field.placement, field.placement.place, draft, field.key, value, field.on_conflict)
    before = {(name.lower(), text) for name, text in headers}
    for name, text in draft.headers:
        if (name.lower(), text) not in before:
            header_text(name, text)
    for name in dict.fromkeys(name for name, text in draft.headers if (name.lower(), text) not in before):
        draft.note("header", name, field.origin, field.secret)
    if draft.body != body:
        draft.note("payload", field.key, field.origin, field.secret)


def is_late(field: Field) -> bool:
    """Does it read the finished payload or headers, or their signature? Then it is put in after all others."""
    return any(path[:2] in _FINISHED or path[:1] == ("signature",) for path in _reads(field.value) | _reads(field.when))


def field_value(field: Field, scope: Scope) -> Any:
    """The value with its own type. Raises TemplateError, which names the path that is null."""
    if isinstance(field.value, Template):
        return field.value.required(scope)
    if not isinstance(field.value, Data):
        return _not_null(field, field.value)
    if isinstance(field.value.content, Template):
        return field.value.content.required(scope)
    value = field.value.value(scope)
    if _holds_null(value):
        for template in field.value.templates:
            template.required(scope)
    return _not_null(field, value)


def _not_null(field: Field, value: Any) -> Any:
    if value is None:
        raise TemplateError(field.origin, "the value is null")
    return value


def _slot(field: Field) -> tuple[str, str]:
    name = field.placement.name
    return name, field.key.lower() if name == "header" else field.key


def _is_left_out(draft: Draft, field: Field, scope: Scope) -> bool:
    """An optional field: no template has its `{key}`, or a value it reads, or the one it gives, is null or empty."""
    if field.placement.name == "path" and field.key not in draft.placeholders:
        return True
    if any(_is_empty(_looked_up(scope, path)) for path in _reads(field.value)):
        return True
    templates = _templates(field.value)
    return any(_is_empty(template.value(scope)) for template in templates if template.whole)


def _reads(value: Any) -> frozenset[tuple[str, ...]]:
    return value.reads if isinstance(value, Template | Data) else frozenset()


def _templates(value: Any) -> tuple[Template, ...]:
    if isinstance(value, Template):
        return (value,)
    return value.templates if isinstance(value, Data) else ()


def _looked_up(scope: Scope, path: tuple[str, ...]) -> Any:
    value: Any = scope
    for step in path:
        holder = revealed(value)
        value = item(holder, int(step) if isinstance(holder, list | tuple) and step.lstrip("-").isdecimal() else step)
    return revealed(value)


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str | bytes | list | tuple | Mapping) and not value)


def _holds_null(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_holds_null(part) for part in value.values())
    if isinstance(value, list):
        return any(_holds_null(part) for part in value)
    return value is None

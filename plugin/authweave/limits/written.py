"""What a document names outside of the limits, before anything in it is looked up: the profile, its parents, its types.

What is not known here is told as what may not be used, so that nobody learns which it is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from authweave.inheritance.merging import FindParent, Merged
from authweave.limits.within import RULE, Within
from authweave.near_misses import shown
from authweave.values import Document, Path, Problem


def parents_within(within: Within, find_parent: FindParent) -> FindParent:
    """Looks for no parent that may not be extended."""

    def find(name: str, child: Document) -> Document | None:
        return find_parent(name, child) if within.allows("profiles", name) else None

    return find


def written_problems(whole: Merged, within: Within, known_types: Collection[str]) -> list[Problem]:
    """What is outside, each at its place."""
    return [*_of_profiles(whole, within), *_of_types(whole, within, known_types)]


def _of_profiles(whole: Merged, within: Within) -> Iterator[Problem]:
    name = whole.document.data.get("name")
    if isinstance(name, str) and not within.allows("profiles", name):
        yield _problem(whole.document, ("name",), "name", f"a profile called `{shown(name)}` may not be used here", within.allowed("profiles"))
    for document in (whole.document, *whole.parents):
        reference = document.data.get("extends") if isinstance(document.data, dict) else None
        if isinstance(reference, str) and not within.allows("profiles", reference.partition("@")[0]):
            yield _problem(document, ("extends",), "extends", f"`{shown(reference)}` may not be extended here", within.allowed("profiles"))


def _of_types(whole: Merged, within: Within, known_types: Collection[str]) -> Iterator[Problem]:
    if within.is_open("types") or not isinstance(whole.written, dict):
        return
    auth = whole.written.get("auth")
    for path, variant in [(("auth", index), each) for index, each in enumerate(auth)] if isinstance(auth, list) else [(("auth",), auth)]:
        if isinstance(variant, dict):
            yield from _of_type(whole, path, variant, within, known_types)


def _of_type(whole: Merged, path: Path, variant: dict[str, Any], within: Within, known_types: Collection[str]) -> Iterator[Problem]:
    kind, grant = variant.get("type"), variant.get("grant_type")
    word = grant.get("vendor") if isinstance(grant, dict) else grant
    name = f"{kind}/{word}" if isinstance(word, str) else kind
    if isinstance(kind, str) and kind in known_types and within.allows("types", str(name)):
        return
    key, value = ("grant_type", word) if isinstance(word, str) and _is_about_grants(kind, within) else ("type", kind)
    what = f"`{shown(value)}`" if isinstance(value, str) else "what stands here"
    yield whole.problem(RULE, (*path, key), f"{what} may not be used here", within.allowed("types"))


def _is_about_grants(kind: Any, within: Within) -> bool:
    """Is the type one of those of which some grants are allowed?"""
    return any(entry.startswith(f"{kind}/") for entry in within.limits.types)


def _problem(document: Document, path: Path, key: str, message: str, fix: str) -> Problem:
    return Problem(RULE, document.source, document.mark(path), key, message, fix)

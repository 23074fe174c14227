"""A task request at the URL that its own server led to by a redirect: each field needs its place there, as in the first one."""

from __future__ import annotations

from typing import TypeVar
from urllib.parse import unquote, urlsplit

from authweave.drafts.url import finished_url
from authweave.errors import AuthweaveError

E = TypeVar("E", bound=AuthweaveError)


def template_again(url: str, template: str, sent: str) -> str | None:
    """The URL of a redirect with placeholders where it repeats segments that were filled in; None where it repeats none.

    `template` is the URL with placeholders, `sent` the same filled. Braces of the server's own are no placeholders.
    """
    written, there = (urlsplit(each).path.split("/") for each in (template, sent))
    filled = {unquote(value): hole for hole, value in zip(written, there, strict=False) if hole != value and "{" in hole}
    parts = urlsplit(finished_url(url))
    segments = parts.path.split("/")
    if filled.keys().isdisjoint(map(unquote, segments)):
        return None
    return parts._replace(path="/".join(filled.get(unquote(segment), segment) for segment in segments)).geturl()


def at_redirect(error: E) -> E:
    """A copy of an error that came up for the URL of a redirect, which says so: the first request had been sent by then."""
    told = error.fresh()
    told.args = (f"a redirect to another URL of the same server was not followed: {error}",)
    return told

"""A template for the path of one request, for clients that would encode its braces: the client gets a URL, the profile the template."""

from __future__ import annotations

from urllib.parse import urlsplit

from authweave.errors import UsageError


def checked(path: str | None) -> str | None:
    """The template as it was given, None for none. Raises UsageError for more than a path."""
    if path is not None and (not path.startswith("/") or "?" in path or "#" in path):
        raise UsageError("path is the path alone, as a text that begins with /: '/v1/{key}/x'")
    return path


def with_path(url: str, path: str) -> str:
    """The URL of a request with the template in the place of its path; its query stays."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{path}{'?' if parts.query else ''}{parts.query}"

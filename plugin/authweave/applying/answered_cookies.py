"""Cookies that came with a challenge go back with its answer: some servers keep there what they asked. RFC 6265 §5.4."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from authweave.drafts.draft import with_header
from authweave.values import TaskRequest, TaskResponse

_PAIR: Final = re.compile(r"\s*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)=([\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*|\"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*\")\s*(?:;|\Z)")
_OVER: Final = re.compile(r"(?i);\s*max-age\s*=\s*(?:0|-\d+)\s*(?:;|\Z)")


def with_cookies(request: TaskRequest, response: TaskResponse) -> TaskRequest:
    """The request with the cookies that its own answer set, in the place of those of the same name."""
    given = dict(_pairs(request))
    changed = {**given}
    for name, line in response.headers:
        if name.lower() == "set-cookie" and (pair := _PAIR.match(line)):
            if _OVER.search(line):
                changed.pop(pair[1], None)
            else:
                changed[pair[1]] = pair[2]
    if changed == given:
        return request
    headers = [header for header in request.headers if header[0].lower() != "cookie"]
    crumbs = "; ".join(f"{name}={value}" for name, value in changed.items())
    return replace(request, headers=tuple(with_header(headers, "Cookie", crumbs) if crumbs else headers))


def _pairs(request: TaskRequest) -> list[tuple[str, str]]:
    lines = [value for name, value in request.headers if name.lower() == "cookie"]
    crumbs = [crumb.strip().partition("=") for line in lines for crumb in line.split(";") if crumb.strip()]
    return [(name, value) for name, _, value in crumbs]

"""What the server lists beside what the profile does: in its metadata, where they are at hand (RFC 8414), and in `Allow`."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Final

from authweave.diagnosis.case import Case

_SHOWN: Final = 20
_METHOD: Final = re.compile(r"[a-z0-9_]{1,60}")
_SCOPE: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x5f\x61-\x7a\x7c\x7e]{1,300}")
"""A scope (RFC 6749 §3.3) that is no template: what a server lists is offered only if it can be written as it is."""


def listed(case: Case, member: str) -> tuple[str, ...]:
    """What the metadata list under this name; nothing where they do not say."""
    return case.metadata.lists.get(member, ()) if case.metadata is not None else ()


def as_words(case: Case, member: str, lead: str) -> str:
    """`lead a, b, c` as the end of a sentence; ''."""
    found = listed(case, member)
    return f"{lead} {', '.join(found[:_SHOWN])}" if found else ""


def method_to_write(case: Case) -> str:
    """The client authentication that the metadata list in the place of the profile's; '' where they list that, or nothing."""
    methods = [method for method in listed(case, "token_endpoint_auth_methods_supported") if _METHOD.fullmatch(method)]
    if not methods or case.client_auth in methods:
        return ""
    return case.other_auth if case.other_auth in methods else methods[0]


def grant_is_listed(case: Case) -> bool:
    """Do the metadata list the grant, or say nothing of grants?"""
    grants = listed(case, "grant_types_supported")
    return not grants or _grant_parameter(case) in grants


def _grant_parameter(case: Case) -> str:
    return str(getattr(case.settings.grant, "urn", case.grant)) if case.settings is not None else ""


def asked_scopes(case: Case) -> tuple[str, ...]:
    """The scopes that were asked for, one by one."""
    separator = case.settings.scope_separator.strip() if case.settings is not None else ""
    asked = str(case.facts.get("asked", ""))
    return tuple(part for part in (asked.split(separator) if separator else asked.split()) if part)


def unlisted_scopes(case: Case) -> tuple[str, ...]:
    """Those of them that the metadata do not list."""
    known = listed(case, "scopes_supported")
    return tuple(scope for scope in asked_scopes(case) if scope not in known) if known else ()


def scope_to_write(case: Case) -> str:
    """What to write in the place of a scope that is not listed: ``write `read` in the place of `raed` ``; ''."""
    unknown = unlisted_scopes(case)
    if not unknown:
        return ""
    near = get_close_matches(unknown[0], filter(_SCOPE.fullmatch, listed(case, "scopes_supported")), 1, 0.7)
    if near:
        return f"write `{near[0]}` in the place of `{unknown[0]}`"
    return f"leave out {', '.join(f'`{scope}`' for scope in unknown)}: the server's metadata list " + ", ".join(listed(case, "scopes_supported")[:_SHOWN])


def endpoint_to_write(case: Case) -> str:
    """The token endpoint of the metadata, where another one was called; ''."""
    found = case.metadata.endpoints.get("token_url", "") if case.metadata is not None else ""
    return "" if found == case.url else found


def allowed_method(case: Case) -> str:
    """The method to write, by the answer's `Allow` (RFC 9110 §10.2.1); ''."""
    allowed = [one.strip().upper() for one in ((case.response.header("allow") if case.response else None) or "").split(",")]
    return next((one for one in ("POST", "GET", "PUT") if one in allowed and one != case.method), "")

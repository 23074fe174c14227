"""What a redirect says of the URL that was called: what to write in its place, where that is safe to say."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import SplitResult, urljoin, urlsplit

from authweave.diagnosis.case import Case
from authweave.urls import is_literal

_SIGN_IN: Final = re.compile(r"(?i)(login|log-in|logon|signin|sign-in|sso|saml|authorize|auth/realms|idp)(?=[/?._-]|$)")


def _ends(case: Case) -> tuple[SplitResult, SplitResult] | None:
    try:
        called, target = urlsplit(case.url), urlsplit(urljoin(case.url, case.location))
        _ = (called.port, target.port)
    except ValueError:
        return None
    return (called, target) if case.location and called.netloc and target.netloc else None


def _to_write(target: SplitResult) -> str:
    """The URL without its query; '' for one that could not stand in a profile as it is: a server could slip a template or a user name into it."""
    url = target._replace(query="", fragment="").geturl()
    return url if is_literal(url) else ""


def leads_to_sign_in(case: Case) -> bool:
    """Does it lead to a page for people?"""
    ends = _ends(case)
    return ends is not None and _SIGN_IN.search(ends[1].path) is not None


def only_slash(case: Case) -> str:
    """The URL to write, where only the slash at the end differs; ''."""
    ends = _ends(case)
    if ends is None or ends[0][:2] != ends[1][:2] or ends[0].path == ends[1].path or ends[0].path.rstrip("/") != ends[1].path.rstrip("/"):
        return ""
    return _to_write(ends[1])


def only_https(case: Case) -> str:
    """The URL to write, where http became https at the same host; ''."""
    ends = _ends(case)
    if ends is None or (ends[0].scheme, ends[1].scheme) != ("http", "https") or ends[0].hostname != ends[1].hostname:
        return ""
    return _to_write(ends[1])


def to_http(case: Case) -> bool:
    """Does it lead from https to http, where no secret may go?"""
    ends = _ends(case)
    return ends is not None and (ends[0].scheme, ends[1].scheme) == ("https", "http")


def other_host(case: Case) -> str:
    """The host that it leads to, where that is another one; ''."""
    ends = _ends(case)
    return (ends[1].hostname or "") if ends is not None and ends[0].hostname != ends[1].hostname else ""


def same_place(case: Case) -> str:
    """The URL to write, where it leads elsewhere on the same origin, and to no sign-in; ''."""
    ends = _ends(case)
    if ends is None or ends[0][:2] != ends[1][:2] or leads_to_sign_in(case):
        return ""
    return _to_write(ends[1])


def why(case: Case) -> str:
    """What kind of redirect it is, as the end of a sentence."""
    if only_slash(case):
        return ": only the slash at the end differs"
    if only_https(case):
        return ": the same over https"
    if to_http(case):
        return ": to http, where no secret may go"
    kind = " (sign-in)" if leads_to_sign_in(case) else ""
    host = other_host(case)
    return f"{kind}, on another host ({host})" if host else kind

"""A person with a browser, as far as the identity providers of the tests need one: follows redirects, posts forms, keeps cookies.

    answer = sign_in(link)                      the redirect that brings the person back: its whole URL, not visited
    confirm_device(verification_uri, "ABCD-EFGH")

Both work at `oidc_provider` and at `django_provider` (there as `identity.USERNAME`, with `identity.PASSWORD`).
"""

from __future__ import annotations

from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx

from parts.identity import PASSWORD, USERNAME

STEPS = 20
CONSENT = ("allow", "confirm", "action")
NO = {"abort": "yes", "action": "deny"}


class Lost(Exception):
    """The way did not end where it should; the message holds the page."""


def sign_in(link: str, *, login: str = USERNAME, refuse: bool = False, ca: Path | None = None) -> str:
    """Go to `link`, log in, agree, and give the URL that leads away from the provider: the redirect with the code.

    `refuse`: log in, but say no: the redirect then has `error=access_denied`. `ca`: the file to trust.
    """
    with _Browser(ca) as browser:
        return browser.until_away(link, _answers(login), refuse=refuse)


def confirm_device(
    address: str, user_code: str = "", *, login: str = USERNAME, refuse: bool = False, ca: Path | None = None
) -> str:
    """Go to the device page (`address` may be the complete one), enter the code, log in, agree; the last page's text."""
    with _Browser(ca) as browser:
        return browser.until_no_form(address, _answers(login) | {"user_code": user_code}, refuse=refuse)


def _answers(login: str) -> dict[str, str]:
    return {"login": login, "username": login, "password": PASSWORD}


class _Browser:
    def __init__(self, ca: Path | None) -> None:
        self._http = httpx.Client(trust_env=False, verify=str(ca) if ca else True, timeout=20)

    def __enter__(self) -> _Browser:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def until_away(self, link: str, answers: Mapping[str, str], *, refuse: bool) -> str:
        host = urlsplit(link).netloc
        page = self._http.get(link)
        for _ in range(STEPS):
            while page.has_redirect_location:
                target = urljoin(str(page.url), page.headers["Location"])
                if urlsplit(target).netloc != host:
                    return target
                page = self._http.get(target)
            page = self._filled(page, answers, refuse=refuse)
        raise Lost(page.text)

    def until_no_form(self, link: str, answers: Mapping[str, str], *, refuse: bool) -> str:
        page = self._http.get(link, follow_redirects=True)
        for _ in range(STEPS):
            forms = _Forms.of(page.text)
            if not forms:
                return page.text
            is_last = refuse and _asks_for_consent(forms[0][1])
            page = self._filled(page, answers, refuse=refuse)
            if page.has_redirect_location:
                page = self._http.get(urljoin(str(page.url), page.headers["Location"]), follow_redirects=True)
            if is_last:
                return page.text
        raise Lost(page.text)

    def _filled(self, page: httpx.Response, answers: Mapping[str, str], *, refuse: bool) -> httpx.Response:
        forms = _Forms.of(page.text)
        if not forms:
            raise Lost(f"{page.status_code} {page.url}: {page.text}")
        if refuse and (abort := page.text.find("/abort")) >= 0:
            start = page.text.rindex('"', 0, abort) + 1
            return self._http.get(urljoin(str(page.url), page.text[start : abort + len("/abort")]))
        action, fields = forms[0]
        filled = {name: value or answers.get(name, "") for name, value in reversed(fields)}  # the first button is yes
        if refuse and _asks_for_consent(fields):
            filled = {name: value for name, value in filled.items() if name not in CONSENT} | NO
        return self._http.post(urljoin(str(page.url), action or str(page.url)), data=filled)


def _asks_for_consent(fields: list[tuple[str, str]]) -> bool:
    return any(name in CONSENT for name, _ in fields)


class _Forms(HTMLParser):
    """The forms of a page: [(action, [(name, value), …]), …]."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, list[tuple[str, str]]]] = []

    @classmethod
    def of(cls, page: str) -> list[tuple[str, list[tuple[str, str]]]]:
        reader = cls()
        reader.feed(page)
        return reader.found

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append((known.get("action", ""), []))
        elif self.found and known.get("name", "abort") != "abort":
            self.found[-1][1].append((known["name"], known.get("value", "")))

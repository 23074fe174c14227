"""The doors of one profile for clients that follow redirects: httpx, requests and aiohttp, each by its own package.

    outcome = DOORS["requests"](connection, carrier, url)      # (200, "accepted"), or the error's class by name
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

import aiohttp
import httpx
import requests

from authweave.errors import AuthweaveError
from authweave.hosts.aiohttp import ProfileAuth as AiohttpAuth
from authweave.hosts.aiohttp import judgement_of
from authweave.hosts.requests import ProfileAuth as RequestsAuth
from redirecting import Carrier, send

Outcome = tuple[int, str] | str
Door = Callable[[Any, Carrier, str], Outcome]


def by_httpx(connection: Any, carrier: Carrier, url: str) -> Outcome:
    """`Client(auth=connection.auth)`."""
    response = send((httpx, "sync"), connection, carrier, url)
    return response.status_code, response.extensions["authweave"].verdict


def by_requests(connection: Any, carrier: Carrier, url: str) -> Outcome:
    """A session of requests."""
    with requests.Session() as session:
        session.trust_env = False
        response: Any = session.request(carrier.method, url, auth=_at(RequestsAuth(connection), carrier, url), **_written(carrier))
        return response.status_code, response.authweave.verdict


def by_aiohttp(connection: Any, carrier: Carrier, url: str) -> Outcome:
    """A session of aiohttp."""

    async def run() -> Outcome:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:  # loopback has addresses only
            auth = _at(AiohttpAuth(connection), carrier, url)
            async with session.request(carrier.method, url, middlewares=(auth,), **_written(carrier, form=_form)) as response:
                await response.read()
                judgement: Any = judgement_of(response)
                return response.status, judgement.verdict

    return asyncio.run(run())


def outcome_of(door: Door, connection: Any, carrier: Carrier, url: str) -> Outcome:
    """What came of it: status and verdict, or the class of authweave's own error. Any other error is raised."""
    try:
        return door(connection, carrier, url)
    except AuthweaveError as error:
        return type(error).__name__


DOORS: dict[str, Door] = {"httpx": by_httpx, "requests": by_requests, "aiohttp": by_aiohttp}


def _at(auth: Any, carrier: Carrier, url: str) -> Any:
    path = re.sub("^https?://[^/]*", "", url).partition("?")[0]
    return auth.at(f"/{carrier.template}{path}") if carrier.template else auth


def _written(carrier: Carrier, form: Callable[[Any], Any] | None = None) -> dict[str, Any]:
    """The request as packages other than httpx spell it."""
    given = dict(carrier.request)
    if "content" in given:
        given["data"] = given.pop("content")
    if form is not None and "files" in given:
        given["data"] = form(given.pop("files"))
    return given


def _form(files: dict[str, tuple[str, bytes]]) -> aiohttp.FormData:
    made = aiohttp.FormData()
    for name, (filename, data) in files.items():
        made.add_field(name, data, filename=filename)
    return made

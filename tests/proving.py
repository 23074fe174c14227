"""What the proofs of needs share: a connection, and what servers that are not ours say to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from authweave.errors import SignInNeeded, TokenAnswerError, TokenEndpointError
from authweave.values import TaskRequest
from parts.identity import PASSWORD, USERNAME, Client
from services import engine, profile


def origin_of(url: str) -> str:
    return "/".join(url.split("/")[:3])


def made(auth: Any, url: str, given: Mapping[str, Any], **more: Any) -> Any:
    """A connection for this `auth` to the origin of `url`, or to `servers`, with what it wants to be given of all that there is."""
    servers = more.pop("servers", [origin_of(url)] if url else [])
    run = more.pop("run", None) or engine(inputs={})
    loaded = profile(auth, *servers, **more)
    return run.connect(loaded, inputs={name: value for name, value in given.items() if name in loaded.inputs})


def asked(connection: Any, url: str, method: str = "GET", **parts: Any) -> int:
    """What the API says."""
    with httpx.Client(auth=connection.auth, trust_env=False) as http:
        return http.request(method, url, **parts).status_code


def sent(connection: Any, url: str) -> int:
    """What the API says to a finished request: for URLs that the profile completes."""
    finished = connection.authorize(TaskRequest("GET", url)).result(20)
    return httpx.get(finished.url, headers=list(finished.headers), trust_env=False).status_code


def refused(connection: Any) -> Any:
    """What becomes of a token call that the endpoint refuses, or whose answer holds no token."""
    with pytest.raises((TokenEndpointError, TokenAnswerError, SignInNeeded)) as caught:
        connection.token().result(20)
    return caught.value


def without(data: Any, *keys: str) -> Any:
    return {key: value for key, value in data.items() if key not in keys}


def first_tokens(url: str, client: Client) -> dict[str, Any]:
    """What the password grant gives, asked by hand."""
    form = {"grant_type": "password", "username": USERNAME, "password": PASSWORD, "client_id": client.client_id, "client_secret": client.client_secret}
    tokens: dict[str, Any] = httpx.post(url, data=form, trust_env=False).raise_for_status().json()
    return tokens


def header(value: str, key: str = "Authorization", **more: Any) -> dict[str, Any]:
    return {"in": "header", "key": key, "value": value, **more}

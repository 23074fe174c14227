"""Task requests at real APIs: every type and placement is accepted, and its wrong twin refused, through every door."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import httpx
import httpx2
import pytest

from authweave.errors import CredentialRejected, InsufficientScope
from authweave.values import TaskRequest, TaskResponse
from identities import connected
from parts import nginx as nginx_part
from parts.identity import PASSWORD, USERNAME
from services import engine, profile

# ---- the doors


@dataclass(frozen=True)
class Task:
    """A task request as a host has it: `path` may be a template."""

    method: str
    url: str
    form: dict[str, str] | None = None
    json: dict[str, Any] | None = None
    templated: bool = False

    @property
    def parts(self) -> dict[str, Any]:
        """What an httpx client is told besides method and URL."""
        told: dict[str, Any] = {"data": self.form, "json": self.json}
        if self.templated:
            told["extensions"] = {"authweave": {"path": path_of(self.url)}}
        return {name: value for name, value in told.items() if value is not None}


def path_of(url):
    return "/" + url.split("/", 3)[3]


def origin_of(url):
    return "/".join(url.split("/")[:3])


@dataclass(frozen=True)
class Answer:
    """What came back at the end, and what authweave says of it."""

    status: int
    verdict: str
    error: Exception | None = field(repr=False)
    body: Any = None


def answer_of(response):
    judged = response.extensions["authweave"]
    return Answer(response.status_code, judged.verdict, judged.error, response)


class Sync:
    """`auth` in a client of httpx or httpx2."""

    def __init__(self, package):
        self.package = package
        self.name = f"{package.__name__} sync"

    def send(self, connection, task):
        with self.package.Client(auth=connection.auth, trust_env=False) as http:
            return answer_of(http.request(task.method, task.url, **task.parts))


class Async(Sync):
    """The same of the other colour."""

    def __init__(self, package):
        super().__init__(package)
        self.name = f"{package.__name__} async"

    def send(self, connection, task):
        async def run():
            async with self.package.AsyncClient(auth=connection.auth, trust_env=False) as http:
                return answer_of(await http.request(task.method, task.url, **task.parts))

        return asyncio.run(run())


class Own:
    """`authorize` and `handle_response`, for a platform that sends by itself."""

    name = "authorize"

    def send(self, connection, task):
        plain = httpx.Request(task.method, "http://x/", data=task.form, json=task.json)
        headers = tuple((name, value) for name, value in plain.headers.items() if name == "content-type")
        made = TaskRequest(task.method, task.url, headers, plain.read() or None, path_template=task.templated)
        with httpx.Client(trust_env=False) as http:
            finished = connection.authorize(made).result(20)
            response = self._sent(http, finished)
            judged = self._judged(connection, finished, response)
            if judged.verdict == "send_again":
                response = self._sent(http, judged.request)
                judged = self._judged(connection, judged.request, response)
        return Answer(response.status_code, judged.verdict, judged.error, response)

    def _sent(self, http, finished):
        return http.request(finished.method, finished.url, headers=list(finished.headers), content=finished.body)

    def _judged(self, connection, finished, response):
        answer = TaskResponse(response.status_code, tuple(response.headers.multi_items()), response.content)
        return connection.handle_response(finished, answer).result(20)


DOORS = [Sync(httpx), Async(httpx), Sync(httpx2), Async(httpx2), Own()]


@pytest.fixture(params=DOORS, ids=lambda door: door.name)
def door(request):
    return request.param


# ---- the cases: a credential in a place, and a server that checks it there


@dataclass(frozen=True)
class Case:
    """`auth` with its `good` inputs, and the `wrong` ones that the same server refuses with `refusal`."""

    auth: dict[str, Any]
    task: Task
    good: dict[str, Any]
    wrong: dict[str, Any]
    refusal: int = 401
    verdict: str = "refused"
    base: str = ""

    @property
    def server(self) -> str:
        """What the profile names as its server: the origin, and `base` where the credential stands in the path."""
        return origin_of(self.task.url) + self.base


def in_place(place, name, value="{{ inputs.api_key }}"):
    return {"type": "api_key", "fields": [{"in": place, "key": name, "value": value}]}


def nginx_case(auth, url, key):
    return Case(auth, Task("GET", url), {"api_key": key}, {"api_key": key + "x"})


def nginx_basic(get):
    good = {"username": nginx_part.USERNAME, "password": nginx_part.PASSWORD}
    return Case({"type": "basic"}, Task("GET", get("nginx").basic_url), good, good | {"password": "wrong"})


def httpbin_basic(get):
    good = {"username": "user", "password": "pa:ss"}
    return Case({"type": "basic"}, Task("GET", f"{get('httpbin')}/basic-auth/user/pa:ss"), good, good | {"password": "wrong"})


def httpbin_hidden_basic(get):
    good = {"username": "user", "password": "pass"}
    task = Task("GET", f"{get('httpbin')}/hidden-basic-auth/user/pass")
    return Case({"type": "basic"}, task, good, good | {"password": "wrong"}, 404, "inconclusive")


def django_basic(get):
    good = {"username": USERNAME, "password": PASSWORD}
    return Case({"type": "basic"}, Task("GET", get("django_provider").basic_api_url + "/me"), good, good | {"password": "wrong"})


def key_in_header(get):
    return nginx_case({"type": "api_key"}, get("nginx").header_url, nginx_part.API_KEY)


def odd_key_in_header(get):
    return nginx_case({"type": "api_key"}, get("nginx").header_url, nginx_part.ODD_KEY)


def key_in_query(get):
    return nginx_case(in_place("query", "api_key"), get("nginx").query_url, nginx_part.API_KEY)


def odd_key_in_query(get):
    return nginx_case(in_place("query", "api_key"), get("nginx").query_url + "?region=eu", nginx_part.ODD_KEY)


def key_in_cookie(get):
    return nginx_case(in_place("cookie", "api_key"), get("nginx").cookie_url, nginx_part.API_KEY)


def path_case(get, key):
    task = Task("GET", get("nginx").path_url(), templated=True)
    return Case(in_place("path", "api_key"), task, {"api_key": key}, {"api_key": key + "x"}, base="/path/bot{api_key}")


def key_in_path(get):
    return path_case(get, nginx_part.API_KEY)


def odd_key_in_path(get):
    return path_case(get, nginx_part.ODD_KEY)


def granted_token(provider):
    """A token got by hand, for the types that are given one."""
    client = provider.new_client()
    data = {"grant_type": "client_credentials"}
    with httpx.Client(trust_env=False, auth=(client.client_id, client.client_secret)) as http:
        return http.post(provider.token_url, data=data).raise_for_status().json()["access_token"]


def bearer(get):
    provider = get("oidc_provider")
    token = granted_token(provider)
    return Case({"type": "bearer"}, Task("GET", provider.api_url + "/me"), {"token": token}, {"token": "wrong"})


def token_in_query(get):
    provider = get("oidc_provider")
    token = granted_token(provider)
    auth = in_place("query", "access_token")
    return Case(auth, Task("GET", provider.api_url + "/me"), {"api_key": token}, {"api_key": "wrong"})


def token_in_form(get):
    provider = get("oidc_provider")
    token = granted_token(provider)
    task = Task("POST", provider.api_url + "/me", form={"note": "a b&c"})
    return Case(in_place("payload", "access_token"), task, {"api_key": token}, {"api_key": "wrong"})


def key_in_json(get):
    task = Task("POST", get("django_provider").login_url, json={"username": USERNAME})
    auth = in_place("payload", "/password")
    return Case(auth, task, {"api_key": PASSWORD}, {"api_key": "wrong"}, 400, "inconclusive")


def custom_scheme(get):
    provider = get("django_provider")
    with httpx.Client(trust_env=False) as http:
        token = http.post(provider.login_url, json={"username": USERNAME, "password": PASSWORD}).json()["token"]
    auth = in_place("header", "Authorization", "Token {{ inputs.api_key }}")
    return Case(auth, Task("GET", provider.login_api_url + "/me"), {"api_key": token}, {"api_key": token[::-1]})


CASES = [
    nginx_basic, httpbin_basic, httpbin_hidden_basic, django_basic, key_in_header, odd_key_in_header, key_in_query,
    odd_key_in_query, key_in_cookie, key_in_path, odd_key_in_path, bearer, token_in_query, token_in_form, key_in_json,
    custom_scheme,
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_the_right_credential_opens_and_the_wrong_one_does_not(request, door, case):
    """The server accepts the credential in its place; the same profile with a wrong one is refused by the same server."""
    wanted = case(request.getfixturevalue)
    made = profile(wanted.auth, wanted.server)

    good = door.send(engine().connect(made, inputs=wanted.good), wanted.task)
    wrong = door.send(engine().connect(made, inputs=wanted.wrong), wanted.task)

    assert (200, "accepted", None) == (good.status, good.verdict, good.error)
    assert (wanted.refusal, wanted.verdict) == (wrong.status, wrong.verdict)
    assert isinstance(wrong.error, CredentialRejected) is (wanted.verdict == "refused")


def test_our_own_client_fills_the_path(nginx):
    """`client()` takes a URL relative to a server whose path waits for the key."""
    made = profile(in_place("path", "api_key"), f"{nginx.origin}/path/bot{{api_key}}")

    statuses = []
    for key in (nginx_part.ODD_KEY, "wrong"):
        with engine().connect(made, inputs={"api_key": key}).client() as http:
            statuses.append(http.get("/me.json").status_code)

    assert [200, 401] == statuses


# ---- RFC 6750 challenges


def test_a_token_in_force(door, oidc_provider):
    """oauth2 through this door: one token request, and the API names the client."""
    client = oidc_provider.new_client()

    answer = door.send(connected(oidc_provider, client), Task("GET", oidc_provider.api_url + "/me"))

    assert (200, "accepted") == (answer.status, answer.verdict)
    assert (client.client_id, "header") == (answer.body.json()["client_id"], answer.body.json()["via"])
    assert {"token": 1, "granted": 1, "api": 1, "api_200": 1} == oidc_provider.counts(client)


def test_an_invalid_token_is_renewed(door, oidc_provider):
    """401 invalid_token: through this door one renewal and one more send."""
    client = oidc_provider.new_client()
    connection = connected(oidc_provider, client)
    connection.token().result(20)

    oidc_provider.kill(client)
    answer = door.send(connection, Task("GET", oidc_provider.api_url + "/me"))

    assert (200, "accepted") == (answer.status, answer.verdict)
    assert {"token": 2, "granted": 2, "api": 2, "api_200": 1, "api_401": 1} == oidc_provider.counts(client)


def test_insufficient_scope_is_forbidden(door, oidc_provider):
    """403 insufficient_scope: forbidden, with the scope the API asked for, and no renewal that could not help."""
    client = oidc_provider.new_client()
    connection = connected(oidc_provider, client, scopes=["api:read"])

    answer = door.send(connection, Task("GET", oidc_provider.api_url + "/write"))

    assert (403, "forbidden") == (answer.status, answer.verdict)
    assert isinstance(answer.error, InsufficientScope)
    assert "api:write" == answer.error.scope
    assert {"token": 1, "granted": 1, "api": 1, "api_403": 1} == oidc_provider.counts(client)


@pytest.mark.parametrize(("place", "via", "method"), [("query", "query", "GET"), ("payload", "body", "POST")])
def test_a_got_token_in_another_place(door, oidc_provider, place, via, method):
    """oauth2 with the token in query or form body: there the API finds it, renewed after an early end too."""
    client = oidc_provider.new_client()
    where = {"in": place, "key": "access_token", "value": "{{ token.access_token }}"}
    connection = connected(oidc_provider, client, fields=[where])
    task = Task(method, oidc_provider.api_url + "/me", form={"note": "x"} if method == "POST" else None)

    first = door.send(connection, task)
    oidc_provider.kill(client)
    second = door.send(connection, task)

    assert [(200, via)] * 2 == [(answer.status, answer.body.json()["via"]) for answer in (first, second)]
    assert {"token": 2, "granted": 2, "api": 3, "api_200": 2, "api_401": 1} == oidc_provider.counts(client)

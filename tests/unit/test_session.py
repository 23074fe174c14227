"""Logins of any form, the password grant, and what else a token call may look like."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qsl

import pytest

from authweave.cli.whole import whole, whole_text
from authweave.errors import TemplateError, TokenAnswerError, TokenEndpointError
from authweave.extensions.catalog import default_catalog
from authweave.loading import check_text, loads
from authweave.values import TaskRequest
from services import Clock, Reply, Request, connect, engine, profile, says, serving

pytestmark = pytest.mark.thorough

PERSON = {"username": "ada", "password": "open sesame"}
HEAD = "format: 1\nname: acme\nidentity_provider: Acme\nservers: ['https://api.acme.example']\n"


class Host:
    """Answers every request with what it is told, in order; the last is repeated."""

    def __init__(self, *script: Any) -> None:
        self.script = list(script)
        self.asked: list[Request] = []
        self.url = ""

    def __call__(self, request: Request) -> Reply:
        self.asked.append(request)
        said = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        return said if isinstance(said, Reply) else says(said)


def connected(auth: dict[str, Any], host: Host, *, inputs: Any = PERSON, clock: Any = None, **more: Any) -> Any:
    run = engine(inputs=inputs, **({"clock": clock} if clock else {}))
    return connect({"token_url": f"{host.url}/login", **auth}, "https://api.acme.example", run=run, **more)


def sent(connection: Any, url: str = "/v1/me") -> TaskRequest:
    return connection.authorize(TaskRequest("GET", url)).result(10)  # type: ignore[no-any-return]  # a Pending of one


# The login


def test_the_default_login() -> None:
    """JSON with user name and password, and nothing of OAuth 2; the token goes out as a Bearer."""
    with serving(Host({"access_token": "T1"})) as host:
        request = sent(connected({"type": "session"}, host))

    [asked] = host.asked
    assert (asked.method, asked.target, json.loads(asked.body)) == ("POST", "/login", PERSON)
    assert asked.values("content-type") == ["application/json"]
    assert asked.values("authorization") == []
    assert request.header("authorization") == "Bearer T1"


def test_what_show_prints_of_a_session() -> None:
    """Every default is written out: what is sent, that no client is named, and that a new login takes the place of a refresh."""
    full = loads(HEAD + "auth: {type: session, token_url: 'https://acme.example/login'}\n").resolved["auth"]

    assert full["client_auth"] == "none"
    assert "client_id" not in full
    assert full["refresh_with"] == "grant"
    assert full["token_request"]["encoding"] == "json"
    assert [field["key"] for field in full["token_request"]["fields"]] == ["username", "password"]


@pytest.mark.parametrize("more", ["", ", refresh_url: 'https://acme.example/renew'", ", refresh_request: {rename: {refresh_token: r}}", ", client_id: '{{ inputs.client_id }}'", ", username: ada"])
def test_what_show_prints_is_the_same_profile(more: str) -> None:
    """Read again, it gives the same defaults, and no problem that was not there."""
    profile_ = loads(HEAD + f"auth: {{type: session, token_url: 'https://acme.example/login'{more}}}\n")
    catalog = default_catalog()

    again = loads(whole_text(profile_, catalog))

    assert whole(profile_, catalog) == whole(again, catalog)


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({"fields": [{"key": "u", "value": "{{ inputs.username }}"}, {"key": "p", "value": "{{ inputs.password }}"}]}, b'{"u":"ada","p":"open sesame"}'),
        ({"encoding": "form"}, b"username=ada&password=open+sesame"),
        ({"content": '{"who": "{{ inputs.username }}:{{ inputs.password }}"}'}, b'{"who": "ada:open sesame"}'),
        ({"encoding": "xml", "content": "<l u='{{ inputs.username }}'>{{ inputs.password }}</l>"}, b"<l u='ada'>open sesame</l>"),
        ({"method": "PUT"}, b'{"username":"ada","password":"open sesame"}'),
    ],
)
def test_a_login_as_it_is_written(request_: dict[str, Any], expected: bytes) -> None:
    """Fields or content replace the default, and nothing is added."""
    with serving(Host({"access_token": "T1"})) as host:
        connected({"type": "session", "token_request": request_}, host).token().result(10)

    assert host.asked[0].body == expected
    assert host.asked[0].method == request_.get("method", "POST")


def test_user_name_and_password_from_elsewhere() -> None:
    """Both keys take templates, and replace the inputs of their names."""
    auth = {"type": "session", "username": "{{ inputs.user }}@acme", "password": "{{ inputs.pin }}"}
    declared = {"user": {}, "pin": {"secret": True}}
    with serving(Host({"access_token": "T1"})) as host:
        made = profile({"token_url": f"{host.url}/login", **auth}, "https://api.acme.example", inputs=declared)
        engine(inputs={"user": "ada", "pin": "1042-77"}).connect(made).token().result(10)

    assert json.loads(host.asked[0].body) == {"username": "ada@acme", "password": "1042-77"}


def test_a_herd_logs_in_once() -> None:
    """Many threads, one step and one login: what a login gives belongs to all of them."""
    with serving(Host({"nonce": "n"}, {"access_token": "T1"})) as host:
        step = {"name": "nonce", "request": {"url": f"{host.url}/nonce"}, "response": {"keep": {"nonce": "{{ response.json.nonce }}"}}}
        login = {"fields": [{"key": "n", "value": "{{ kept.nonce }}"}, {"key": "p", "value": "{{ inputs.password }}"}]}
        connection = connected({"type": "session", "before": [step], "token_request": login}, host, inputs={"password": "s"})
        with ThreadPoolExecutor(32) as pool:
            headers = {request.header("authorization") for request in pool.map(lambda _: sent(connection), range(64))}

    assert headers == {"Bearer T1"}
    assert [asked.target for asked in host.asked] == ["/nonce", "/login"]


def test_a_login_by_query() -> None:
    """GET: what would be the body stands in the URL, and there is no body."""
    with serving(Host({"access_token": "T1"})) as host:
        connected({"type": "session", "token_request": {"method": "GET"}}, host).token().result(10)

    assert dict(parse_qsl(host.asked[0].target.partition("?")[2])) == PERSON
    assert host.asked[0].body == b""


def test_a_multipart_login() -> None:
    """Each field is a part."""
    with serving(Host({"access_token": "T1"})) as host:
        connected({"type": "session", "token_request": {"encoding": "multipart"}}, host).token().result(10)

    assert host.asked[0].values("content-type")[0].startswith("multipart/form-data; boundary=")
    assert host.asked[0].body.count(b"Content-Disposition: form-data; name=") == 2


def test_templates_in_method_and_content_type() -> None:
    """Both may depend on inputs; what comes of them is checked like any method and header."""
    declared = {"method": {"enum": ["post", "put"]}, "dialect": {}, "username": {}, "password": {"secret": True}}
    request = {"method": "{{ inputs.method }}", "content_type": "application/{{ inputs.dialect }}+json"}
    with serving(Host({"access_token": "T1"})) as host:
        for dialect in ("vnd.acme", "a\r\nX-Evil: 1"):
            auth = {"type": "session", "token_url": f"{host.url}/login", "token_request": request}
            run = engine(inputs={**PERSON, "method": "put", "dialect": dialect})
            pending = run.connect(profile(auth, "https://api.acme.example", inputs=declared)).token()
            if "\r" in dialect:
                with pytest.raises(TemplateError, match="media type"):
                    pending.result(10)
            else:
                pending.result(10)

    [asked] = host.asked
    assert (asked.method, asked.values("content-type")) == ("PUT", ["application/vnd.acme+json"])


def test_a_client_beside_the_login() -> None:
    """With a `client_id` the client proves itself, too; nothing names it without."""
    with serving(Host({"access_token": "T1"})) as host:
        auth = {"type": "session", "client_id": "{{ inputs.client_id }}"}
        connected(auth, host, inputs={**PERSON, "client_id": "bot", "client_secret": "s"}).token().result(10)
        connected({**auth, "client_auth": "none"}, host, inputs={**PERSON, "client_id": "bot"}).token().result(10)

    assert host.asked[0].basic == "bot:s"
    assert json.loads(host.asked[0].body) == PERSON
    assert json.loads(host.asked[1].body) == {**PERSON, "client_id": "bot"}


# What comes of it


COOKIES = [
    ((("Set-Cookie", "sid=abc; Path=/; HttpOnly; Secure; SameSite=Lax"),), "abc"),
    ((("Set-Cookie", "other=1; Path=/"), ("Set-Cookie", "sid=abc; Expires=Wed, 21 Oct 2099 07:28:00 GMT; Path=/")), "abc"),
    ((("Set-Cookie", "sid=old; Path=/a"), ("Set-Cookie", "sid=abc")), "abc"),
    ((("Set-Cookie", 'sid="a b"; Path=/'),), "a b"),
    ((("set-cookie", "sid=a=b==; Max-Age=10; Domain=.acme.example"),), "a=b=="),
]


@pytest.mark.parametrize(("headers", "expected"), COOKIES)
def test_cookies_of_a_login(headers: tuple[tuple[str, str], ...], expected: str) -> None:
    """Attributes, several lines, one name twice, quotes: the value is the cookie's."""
    reading = {"access_token": "{{ response.cookies.sid }}", "expires_in": 60}
    with serving(Host(Reply(200, b"{}", (("Content-Type", "application/json"), *headers)))) as host:
        token = connected({"type": "session", "token_response": reading, "fields": [{"in": "header", "key": "X", "value": "{{ token.access_token | base64 }}"}]}, host).token().result(10)

    assert token.access_token.reveal() == expected


def test_two_cookies_go_out_together() -> None:
    """SAP's way: the session, and the one of the load balancer, beside the caller's own."""
    headers = (("Set-Cookie", "B1SESSION=s1; path=/b1s/v1; secure; HttpOnly"), ("Set-Cookie", "ROUTEID=.node2; path=/b1s"))
    answer = Reply(200, b'{"SessionTimeout": 30}', (("Content-Type", "application/json"), *headers))
    auth = {
        "type": "session",
        "token_response": {"access_token": "{{ response.cookies.B1SESSION }}", "expires_in": "{{ response.json.SessionTimeout * 60 }}", "keep": {"route": "{{ response.cookies.ROUTEID }}"}},
        "fields": [{"in": "cookie", "key": "B1SESSION", "value": "{{ token.access_token }}"}],
    }
    fields = [{"in": "cookie", "key": "ROUTEID", "value": "{{ kept.route }}", "optional": True}]
    with serving(Host(answer)) as host:
        connection = connected(auth, host, fields=fields)
        request = connection.authorize(TaskRequest("GET", "/v1/me", (("Cookie", "lang=de"),))).result(10)
        token = connection.token().result(10)

    assert request.header("cookie") == "lang=de; ROUTEID=.node2; B1SESSION=s1"
    assert round(token.expires_at - token.issued_at) == 1800


def test_without_the_second_cookie() -> None:
    """A server without a load balancer: the optional one is left out."""
    answer = Reply(200, b"{}", (("Content-Type", "application/json"), ("Set-Cookie", "sid=s1")))
    auth = {"type": "session", "token_response": {"access_token": "{{ response.cookies.sid }}", "expires_in": 60, "keep": {"route": "{{ response.cookies.ROUTEID }}"}},
            "fields": [{"in": "cookie", "key": "sid", "value": "{{ token.access_token }}"}]}  # fmt: skip
    with serving(Host(answer)) as host:
        request = sent(connected(auth, host, fields=[{"in": "cookie", "key": "ROUTEID", "value": "{{ kept.route }}", "optional": True}]))

    assert request.header("cookie") == "sid=s1"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (says({"id": 7}), "token_field_missing"),
        (Reply(200, b"<!doctype html><title>Sign in</title>", (("Content-Type", "text/html"),)), "html_instead_of_json"),
        (Reply(302, b"", (("Location", "/welcome"),)), "redirect_to_login"),
    ],
)
def test_an_answer_without_a_session(answer: Reply, kind: str) -> None:
    """It says what came instead."""
    with serving(Host(answer)) as host, pytest.raises(TokenAnswerError) as caught:
        connected({"type": "session"}, host).token().result(10)

    assert caught.value.kind == kind


# Its life


def test_logging_in_again() -> None:
    """After its end; a refresh token in the answer is not presented, for no profile says how."""
    clock = Clock()
    with serving(Host({"access_token": "T1", "expires_in": 60, "refresh_token": "R1"})) as host:
        connection = connected({"type": "session"}, host, clock=clock)
        connection.token().result(10)
        clock.ahead = 61
        connection.token().result(10)

    assert [json.loads(request.body) for request in host.asked] == [PERSON, PERSON]


def test_a_session_without_an_end_is_used_until_it_is_rejected() -> None:
    """No login beside it: each would leave a session behind at the server."""
    clock = Clock()
    with serving(Host({"access_token": "T1"})) as host:
        connection = connected({"type": "session"}, host, clock=clock)
        for _ in range(5):
            sent(connection)
            clock.ahead += 86_400
        connection.engine.flights.wait(10)

    assert len(host.asked) == 1


def test_a_refresh_where_one_is_described() -> None:
    """Its own URL; the refresh token, and neither user name nor password nor grant_type."""
    clock = Clock()
    with serving(Host({"access_token": "T1", "expires_in": 60, "refresh_token": "R1"})) as host:
        connection = connected({"type": "session", "refresh_url": f"{host.url}/renew"}, host, clock=clock)
        connection.token().result(10)
        clock.ahead = 61
        connection.token().result(10)

    assert [(request.target, json.loads(request.body)) for request in host.asked] == [("/login", PERSON), ("/renew", {"refresh_token": "R1"})]


def test_a_refresh_inherits_what_is_written() -> None:
    """Fields that the profile writes for the login go along, but for those it leaves out."""
    clock = Clock()
    fields = [{"key": "user", "value": "{{ inputs.username }}"}, {"in": "header", "key": "X-App", "value": "7"}]
    auth = {"type": "session", "token_request": {"fields": fields}, "refresh_request": {"omit": ["user"], "rename": {"refresh_token": "renew"}}}
    with serving(Host({"access_token": "T1", "expires_in": 60, "refresh_token": "R1"})) as host:
        connection = connected(auth, host, clock=clock, inputs={"username": "ada"})
        connection.token().result(10)
        clock.ahead = 61
        connection.token().result(10)

    assert json.loads(host.asked[1].body) == {"renew": "R1"}
    assert host.asked[1].values("x-app") == ["7"]


@pytest.mark.parametrize("status", [200, 204, 302, 401])
def test_logging_out(status: int) -> None:
    """What is written is sent, and nothing else; led elsewhere or unknown, the session is over as well."""
    with serving(Host({"access_token": "T1"}, Reply(status, b"", ()), {"access_token": "T2"})) as host:
        out = {"url": f"{host.url}/logout", "fields": [{"in": "header", "key": "X-Session", "value": "{{ token.access_token }}"}]}
        connection = connected({"type": "session", "revoke_request": out}, host)
        connection.token().result(10)
        ended = connection.revoke().result(10)
        again = connection.token().result(10)

    assert ended is True
    assert again.access_token.reveal() == "T2"
    asked = host.asked[1]
    assert (asked.method, asked.target, asked.body, asked.values("x-session"), asked.values("content-type")) == ("POST", "/logout", b"", ["T1"], [])


def test_a_log_out_that_fails_keeps_the_session() -> None:
    """For another try."""
    with serving(Host({"access_token": "T1"}, says({}, 500))) as host:
        connection = connected({"type": "session", "revoke_request": {"url": f"{host.url}/logout"}}, host)
        connection.token().result(10)
        with pytest.raises(TokenEndpointError):
            connection.revoke().result(10)

        assert connection.token().result(10).access_token.reveal() == "T1"


# The password grant


def test_the_password_grant_as_rfc_6749_has_it() -> None:
    """Section 4.3.2: grant_type, username, password, and the client's own proof."""
    with serving(Host({"access_token": "T1", "token_type": "Bearer"})) as host:
        connected({"type": "oauth2", "grant_type": "password", "scopes": ["a", "b"]}, host, inputs={**PERSON, "client_id": "bot", "client_secret": "s"}).token().result(10)

    [asked] = host.asked
    assert asked.basic == "bot:s"
    assert asked.form == {"grant_type": "password", "username": "ada", "password": "open sesame", "scope": "a b"}


def test_kores_password_form() -> None:
    """PUT, XML, a media type of its own, no client; values are escaped, 419 is a rejection."""
    request = {"method": "PUT", "encoding": "xml", "content_type": "application/rss+xml", "omit": ["client_id"],
               "content": "<login><user>{{ inputs.username }}</user><password>{{ inputs.password }}</password></login>"}  # fmt: skip
    with serving(Host({"access_token": "T1", "token_type": "Bearer"})) as host:
        auth = {"type": "oauth2", "grant_type": "password", "client_auth": "none", "token_request": request, "rejected_when": [{"status": [419]}]}
        connected(auth, host, inputs={"username": "a<b", "password": "c&d"}).token().result(10)

    [asked] = host.asked
    assert (asked.method, asked.values("content-type")) == ("PUT", ["application/rss+xml"])
    assert asked.body == b"<login><user>a&lt;b</user><password>c&amp;d</password></login>"


def test_each_person_has_a_token_of_their_own() -> None:
    """Another name or password is another key; nobody gets somebody else's."""
    with serving(Host({"access_token": "T1", "token_type": "Bearer"}, {"access_token": "T2", "token_type": "Bearer"}, {"access_token": "T3", "token_type": "Bearer"})) as host:
        run = engine(inputs={})
        auth = {"type": "oauth2", "grant_type": "password", "client_auth": "none", "client_id": "bot", "token_url": f"{host.url}/token"}
        tokens = [
            connect(auth, "https://api.acme.example", run=run, inputs=person).token().result(10).access_token.reveal()
            for person in (PERSON, {**PERSON, "password": "other"}, {**PERSON, "username": "bob"}, PERSON)
        ]

    assert tokens == ["T1", "T2", "T3", "T1"]


def test_the_grant_is_flagged() -> None:
    """A warning that says why, and the profile stays valid."""
    [problem] = check_text(HEAD + "auth: {type: oauth2, grant_type: password, token_url: 'https://acme.example/token'}\n").problems

    assert ("warning", "grant.password") == (problem.severity, problem.rule)
    assert "RFC 9700" in problem.message

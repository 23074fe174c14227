"""Steps before and after a token call: what they keep and replace, what is asked again, and what a failure costs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from authweave.errors import (
    DeadlineExceeded,
    RateLimited,
    TemplateError,
    TokenAnswerError,
    TokenEndpointError,
    UrlRefused,
)
from authweave.values import NEVER, TaskRequest
from services import Clock, Identity, Reply, Request, connect, engine, says, serving
from thorough import every


class Host:
    """Answers each path by its script; the last answer of a script is repeated."""

    def __init__(self, **scripts: list[Any]) -> None:
        self.scripts = {f"/{name}": list(script) for name, script in scripts.items()}
        self.asked: list[Request] = []
        self.url = ""

    def __call__(self, request: Request) -> Reply:
        self.asked.append(request)
        script = self.scripts[request.target.partition("?")[0]]
        said = script.pop(0) if len(script) > 1 else script[0]
        return said if isinstance(said, Reply) else says(said)

    @property
    def lines(self) -> list[str]:
        return [f"{request.method} {request.target.partition('?')[0]}" for request in self.asked]


TOKEN = {"access_token": "T1", "token_type": "Bearer", "expires_in": 600}
LONG = {"access_token": "T2", "token_type": "Bearer", "expires_in": 6000}


def oauth(host: Host, **auth: Any) -> dict[str, Any]:
    return {"type": "oauth2", "grant_type": "client_credentials", "token_url": f"{host.url}/token", **auth}


def step(host: Host, name: str, **more: Any) -> dict[str, Any]:
    request = {"url": f"{host.url}/{name}", **more.pop("request", {})}
    return {"name": name, "request": request, **more}


def quick(**how: Any) -> Any:
    """An engine whose workers do not wait between attempts."""
    made = engine(**how)
    made.flights.rest = lambda seconds: None
    return made


def token(auth: Any, **how: Any) -> Any:
    return connect(auth, "https://api.acme.example", run=quick(), **how).token().result(10)


def test_what_a_step_keeps_is_read_at_once() -> None:
    """By the next step, by the URL of the token endpoint, by the token request; and it is kept with the token."""
    with serving(Host(one=[{"next": "two"}], two=[{"nonce": "n0"}], token=[TOKEN])) as host:
        auth = oauth(host, token_url=f"{host.url}/{{{{ kept.place }}}}", token_request={"fields": [{"key": "nonce", "value": "{{ kept.nonce }}"}]}, before=[
            step(host, "one", response={"keep": {"next": "{{ response.json.next }}"}}),
            {"name": "then", "request": {"url": f"{host.url}/{{{{ kept.next }}}}"}, "response": {"keep": {"nonce": "{{ response.json.nonce }}", "place": {"value": "token", "secret": False}}}},
        ])  # fmt: skip
        got = token(auth, fields=[{"in": "query", "key": "n", "value": "{{ kept.nonce }}"}])

    assert host.lines == ["GET /one", "GET /two", "POST /token"]
    assert host.asked[-1].form["nonce"] == "n0"
    assert (got.kept["nonce"].reveal(), got.kept["place"]) == ("n0", "token")


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, [["before", "token", "after"], ["token", "after"]]),
        ({"phases": ["refresh"]}, [["token"], ["before", "token", "after"]]),
        ({"when": "{{ inputs.client_id == 'nobody' }}"}, [["token"], ["token"]]),
    ],
)
def test_steps_belong_to_phases(more: dict[str, Any], expected: list[list[str]]) -> None:
    """Before: at a grant; after: at a grant and a refresh; others as they say. What an absent step would keep is null, and no reason to renew."""
    clock = Clock()
    with serving(Host(before=[{"a": "1"}], after=[{"b": "2"}], token=[{**TOKEN, "refresh_token": "R1"}])) as host:
        auth = oauth(host, before=[step(host, "before", response={"keep": {"a": "{{ response.json.a }}"}}, **more)],
                     after=[step(host, "after", response={"keep": {"b": "{{ response.json.b }}"}}, **more)])  # fmt: skip
        connection = connect(auth, "https://api.acme.example", run=quick(clock=clock))
        seen = []
        for _ in range(2):
            host.asked.clear()
            for _ in range(3):
                connection.token().result(10)
            seen.append([line.rpartition("/")[2] for line in host.lines])
            clock.ahead += 700

    assert seen == expected


def test_what_a_step_kept_outlives_a_refresh() -> None:
    """A `before` that is taken at a grant only: its values are there at the refresh, and after it."""
    clock = Clock()
    with serving(Host(before=[{"a": "1"}], token=[{**TOKEN, "refresh_token": "R1"}])) as host:
        auth = oauth(host, before=[step(host, "before", response={"keep": {"a": "{{ response.json.a }}"}})], token_request={"fields": [{"in": "header", "key": "X-A", "value": "{{ kept.a }}"}]})
        connection = connect(auth, "https://api.acme.example", run=quick(clock=clock))
        for _ in range(3):
            got = connection.token().result(10)
            clock.ahead += 700

    assert host.lines == ["GET /before", "POST /token", "POST /token", "POST /token"]
    assert [request.values("x-a") for request in host.asked[1:]] == [["1"]] * 3
    assert got.kept["a"].reveal() == "1"


def test_after_replaces_by_default_what_a_token_answer_has() -> None:
    """Facebook's way: the short token buys a long one. Its lifetime is its own."""
    with serving(Host(token=[TOKEN], long=[LONG])) as host:
        exchange = step(host, "long", request={"fields": [{"key": "old", "value": "{{ token.access_token }}"}]})
        got = token(oauth(host, after=[exchange]))

    assert host.asked[1].target == "/long?old=T1"
    assert (got.access_token.reveal(), round(got.expires_at - got.issued_at)) == ("T2", 6000)


@every(
    "response, answer, expected",
    [
        ({"expires_at": "{{ response.json.exp }}"}, {"exp": 4102444800, "scope": "other", "access_token": "no"}, ("T1", 4102444800.0, None)),
        ({"expires_at": "{{ response.json.exp }}"}, {"active": True}, ("T1", None, None)),
        ({"expires_in": 30}, {}, ("T1", 30, None)),
        ({"keep": {"other": "{{ response.json.access_token }}"}}, LONG, ("T1", 600, None)),
        ({"access_token": "{{ response.json.access_token }}"}, {"access_token": "T2"}, ("T2", NEVER, None)),
        ({"scope": "{{ response.json.scope }}"}, {"scope": "a b"}, ("T1", 600, "a b")),
    ],
    ids=["expiry", "no expiry", "constant", "keep only", "token without end", "scope"],
)
def test_after_replaces_what_it_writes(response: dict[str, Any], answer: dict[str, Any], expected: tuple[str, Any, Any]) -> None:
    """Only that; and of another token without a stated end, none is known."""
    with serving(Host(token=[TOKEN], more=[answer])) as host:
        got = token(oauth(host, after=[step(host, "more", response=response)]))

    access, ends, scope = expected
    assert got.access_token.reveal() == access
    assert got.expires_at == ends if ends in (NEVER, 4102444800.0) else abs(got.expires_at - got.issued_at - (ends or 600)) < 2
    assert got.scope == scope


def test_a_step_that_was_answered_is_not_asked_again() -> None:
    """The token endpoint fails once: the login before it, which had an effect, is not repeated."""
    with serving(Host(login=[{"a": "1"}], token=[says({}, 503), TOKEN])) as host:
        auth = oauth(host, before=[step(host, "login", request={"method": "POST"}, response={"keep": {"a": "{{ response.json.a }}"}})],
                     token_request={"fields": [{"key": "a", "value": "{{ kept.a }}"}]})  # fmt: skip
        token(auth)

    assert host.lines == ["POST /login", "POST /token", "POST /token"]


@every("method, times", [("GET", 3), ("POST", 1), ("PUT", 1)])
@every("phase", ["before", "after"])
def test_only_a_harmless_step_is_tried_again(phase: str, method: str, times: int) -> None:
    """A GET may be repeated; what may have had an effect is not. After the token request only the step is repeated, not the request."""
    with serving(Host(other=[says({}, 502)], token=[TOKEN])) as host, pytest.raises(TokenEndpointError, match=r"^step other: http://\S+/other refused the request \(502\)") as caught:
        token(oauth(host, **{phase: [step(host, "other", request={"method": method})]}))

    assert caught.value.step == "other"
    assert host.lines.count(f"{method} /other") == times
    assert host.lines.count("POST /token") == (1 if phase == "after" else 0)


def test_a_step_that_is_told_to_wait_waits() -> None:
    """Retry-After holds for steps, too."""
    limited = Reply(429, b"{}", (("Content-Type", "application/json"), ("Retry-After", "1")))
    with serving(Host(before=[limited, {"a": "1"}], token=[TOKEN])) as host:
        waits: list[float] = []
        run = engine()
        run.flights.rest = waits.append
        connect(oauth(host, before=[step(host, "before", request={"method": "POST"})]), "https://api.acme.example", run=run).token().result(10)

    assert host.lines == ["POST /before", "POST /before", "POST /token"]
    assert sum(waits) > 0.5


def test_one_deadline_for_all() -> None:
    """Steps and token request share it: three slow ones do not get thrice the time."""
    slow = Reply(200, b"", (("Content-Type", "application/json"), ("Transfer-Encoding", "chunked")), chunks=(0.4, b"{}"))
    with serving(Host(one=[slow], two=[slow], three=[slow], token=[TOKEN])) as host:
        run = engine(settings={"deadline": 0.6})
        steps = [step(host, name) for name in ("one", "two", "three")]
        with pytest.raises((DeadlineExceeded, RateLimited)):
            connect(oauth(host, before=steps), "https://api.acme.example", run=run).token().result(10)

    assert "POST /token" not in host.lines


@pytest.mark.parametrize(
    ("response", "answer", "error"),
    [
        ({"accepted_when": [{"when": "{{ response.json.ok }}"}]}, says({"ok": False, "error": "no_luck"}), TokenEndpointError),
        ({"accepted_when": [{"status": [302]}]}, says({}), TokenEndpointError),
        ({"keep": {"a": {"value": "{{ response.json.a }}", "pattern": "[a-z]+"}}}, says({"a": "A 1"}), TemplateError),
    ],
)
def test_an_answer_that_is_not_accepted(response: dict[str, Any], answer: Reply, error: type[Exception]) -> None:
    """`accepted_when` and the pattern of a kept value hold for steps; the error names the step and no value."""
    with serving(Host(other=[answer], token=[TOKEN])) as host, pytest.raises(error, match="step other: ") as caught:
        token(oauth(host, before=[step(host, "other", response=response)]), fields=[{"in": "query", "key": "a", "value": "{{ kept.a or '' }}"}] if "keep" in response else [])

    assert "A 1" not in str(caught.value)
    assert host.lines == ["GET /other"]


def test_after_without_the_token_it_promises() -> None:
    """A step that says where the access token stands, and brings none, is an error: the short one is not passed off as the long one."""
    with serving(Host(token=[TOKEN], more=[{"other": 1}])) as host, pytest.raises(TokenAnswerError, match=r"step more: .*without an access token"):
        token(oauth(host, after=[step(host, "more", response={"access_token": "{{ response.json.long }}"})]))


def test_a_failing_step_after_a_rotation_does_not_lose_the_refresh_token() -> None:
    """The given refresh token is spent, another one came, the step after fails: the next renewal presents the new one."""
    clock = Clock()
    with serving(Identity(refresh=True)) as identity, serving(Host(more=[says({}, 500), says({}, 500), {}])) as host:
        identity.good_refresh = "R0"
        auth = {"type": "oauth2", "grant_type": "refresh_token", "token_url": f"{identity.url}/token",
                "after": [step(host, "more", request={"method": "POST"}, response={"scope": "{{ response.json.scope }}"})]}  # fmt: skip
        connection = connect(auth, "https://api.acme.example", run=quick(clock=clock), inputs={"client_id": "robot", "client_secret": "s", "refresh_token": "R0"})
        for _ in range(2):
            with pytest.raises(TokenEndpointError):
                connection.token().result(10)
            clock.ahead += 120
        got = connection.token().result(10)

    assert [request.form["refresh_token"] for request in identity.asked] == ["R0", "R1", "R2"]
    assert (got.access_token.reveal(), identity.refused) == ("T3", 0)


@pytest.mark.parametrize("phase", ["before", "after"])
def test_the_words_of_a_step_are_not_those_of_the_token_endpoint(phase: str) -> None:
    """`invalid_grant` from a step's server says nothing of the refresh token: nobody has to sign in again."""
    clock = Clock()
    with serving(Identity(refresh=True)) as identity, serving(Host(other=[says({"error": "invalid_grant"}, 400), {"ok": 1}])) as host:
        identity.good_refresh = "R0"
        auth = {"type": "oauth2", "grant_type": "refresh_token", "token_url": f"{identity.url}/token",
                phase: [step(host, "other", request={"method": "POST"}, response={"accepted_when": [{"when": "{{ response.json.ok }}"}]})]}  # fmt: skip
        connection = connect(auth, "https://api.acme.example", run=quick(clock=clock), inputs={"client_id": "robot", "client_secret": "s", "refresh_token": "R0"})
        with pytest.raises(TokenEndpointError) as caught:
            connection.token().result(10)
        clock.ahead += 120
        got = connection.token().result(10)

    assert caught.value.error == "invalid_grant"
    assert got is not None
    assert identity.refused == 0


def test_nothing_of_a_step_is_shown() -> None:
    """What a step keeps is a secret unless it says otherwise, and messages show URLs without their query."""
    with serving(Host(other=[says({"error": "no"}, 400)], token=[TOKEN])) as host:
        fields = [{"key": "secret", "value": "{{ inputs.client_secret }}"}]
        with pytest.raises(TokenEndpointError) as caught:
            token(oauth(host, before=[step(host, "other", request={"fields": fields})]))

    assert "s3cr3t-of-the-client" in host.asked[0].target
    assert "s3cr3t" not in str(caught.value)


def test_a_store_gives_back_what_was_kept(tmp_path: Any) -> None:
    """Another process on the store has the kept values without taking the steps."""
    with serving(Host(before=[{"a": "1"}], token=[TOKEN])) as host:
        auth = oauth(host, before=[step(host, "before", response={"keep": {"a": "{{ response.json.a }}"}})])
        fields = [{"in": "query", "key": "a", "value": "{{ kept.a }}"}]
        for _ in range(2):
            with engine(settings={"store": f"sqlite://{tmp_path}/t.db", "store_key": "plaintext"}) as run:
                sent = connect(auth, "https://api.acme.example", run=run, fields=fields).authorize(TaskRequest("GET", "/v1/me")).result(10)

    assert sent.url == "https://api.acme.example/v1/me?a=1"
    assert json.dumps(host.lines) == json.dumps(["GET /before", "POST /token"])


@every("place", ["http://evil.example/token", "https://evil.example/token", "https://user:pw@login.acme.example/token", "file:///etc/passwd"])
def test_a_kept_endpoint_stays_within_its_pattern(place: str) -> None:
    """A hostile answer of the discovery cannot send the secret to another host, nor over plain http."""
    keep = {"endpoint": {"value": "{{ response.json.endpoint }}", "pattern": r"https://[a-z]+\.acme\.example/.*"}}
    with serving(Host(find=[{"endpoint": place}])) as host:
        auth = oauth(host, token_url="{{ kept.endpoint }}", before=[step(host, "find", response={"keep": keep})])
        with pytest.raises(TemplateError, match=r"step find: .*does not look like"):
            token(auth)

    assert host.lines == ["GET /find"]


def test_a_kept_endpoint_over_plain_http_is_refused() -> None:
    """Even where the pattern would let it pass."""
    keep = {"endpoint": {"value": "{{ response.json.endpoint }}", "pattern": r"https?://.*"}}
    with serving(Host(find=[{"endpoint": "http://login.acme.example/token"}])) as host:
        auth = oauth(host, token_url="{{ kept.endpoint }}", before=[step(host, "find", response={"keep": keep})])
        with pytest.raises(UrlRefused):
            token(auth)

    assert host.lines == ["GET /find"]


def test_words_that_repeat_what_was_kept_are_not_shown() -> None:
    """A refusal that quotes the nonce of a step shows a mark in its place."""
    with serving(Host(nonce=[{"nonce": "n0nce-pl4nted-77"}], token=[says({"error": "invalid_request", "error_description": "n0nce-pl4nted-77 was used"}, 400)])) as host:
        auth = oauth(host, before=[step(host, "nonce", response={"keep": {"nonce": "{{ response.json.nonce }}"}})], token_request={"fields": [{"key": "n", "value": "{{ kept.nonce }}"}]})
        with pytest.raises(TokenEndpointError) as caught:
            token(auth)

    assert "pl4nted" not in f"{caught.value} {caught.value.error_description}"
    assert "was used" in str(caught.value)

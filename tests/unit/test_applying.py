"""Applying a profile, in no colour: the flow of one task request, its verdicts, and the vectors of Basic and Bearer."""

from __future__ import annotations

import base64
import functools
import unicodedata
from concurrent.futures import Future

import pytest

from authweave.applying.sent import Sent
from authweave.errors import ApplyError, AuthweaveError, CredentialRejected, PlacementError, TemplateError
from authweave.values import Judgement, TaskRequest, TaskResponse
from parts.vectors import load
from services import Identity, Reply, connect, engine, oauth, profile, says, serving
from thorough import every

API = "https://api.example.com"
BASIC = load("rfc7617_basic.json")
BEARER = load("rfc6750_bearer.json")


def driven(flow, *answers):
    """Drive a flow by hand: wait for futures, answer requests; the requests and the Judgement."""
    requests, left = [], list(answers)
    step = functools.partial(next, flow)
    while True:
        try:
            asked = step()
        except StopIteration as stop:
            return requests, stop.value
        if isinstance(asked, Future):
            error = asked.exception()
            step = functools.partial(flow.throw, error) if error else functools.partial(flow.send, asked.result())
        else:
            assert isinstance(asked, Sent)
            requests.append(asked.request)
            step = functools.partial(flow.send, left.pop(0))


def authorized(auth, request=None, **inputs):
    return connect(auth, API, run=engine(inputs=inputs)).authorize(request or TaskRequest("GET", "/x")).result(10)


# ---- the flow


def test_accepted():
    """One request, one answer, one verdict."""
    with serving(Identity()) as identity:
        requests, judgement = driven(connect(oauth(identity), API).applying(TaskRequest("GET", "/x")), TaskResponse(200))

    assert (["Bearer T1"], Judgement("accepted")) == ([request.header("authorization") for request in requests], judgement)


def test_at_most_one_renewal_and_two_sends():
    """401, renewed, 401: the end."""
    with serving(Identity()) as identity:
        requests, judgement = driven(connect(oauth(identity), API).applying(TaskRequest("GET", "/x")), TaskResponse(401), TaskResponse(401))

    assert ["Bearer T1", "Bearer T2"] == [request.header("authorization") for request in requests]
    assert ("refused", 2) == (judgement.verdict, identity.count)
    assert isinstance(judgement.error, CredentialRejected)


def test_a_renewal_that_fails_is_told_in_the_verdict():
    """The API's answer stands; why there is no new token is in the judgement."""
    with serving(Identity()) as identity:
        connection = connect(oauth(identity), API)
        connection.token().result(10)
        identity.script = [says({"error": "invalid_scope"}, 400)]
        requests, judgement = driven(connection.applying(TaskRequest("GET", "/x")), TaskResponse(401))

    assert (1, "refused") == (len(requests), judgement.verdict)
    assert "invalid_scope" in judgement.reason
    assert (None, None) == (judgement.error.__cause__, judgement.error.__context__)


@every("status, verdict", [(200, "accepted"), (302, "accepted"), (400, "inconclusive"), (403, "forbidden"), (404, "inconclusive"), (500, "inconclusive")])
def test_verdicts(status, verdict):
    """What an answer says of a credential that cannot be renewed."""
    _, judgement = driven(connect({"type": "api_key"}, API, run=engine(inputs={"api_key": "k"})).applying(TaskRequest("GET", "/x")), TaskResponse(status))

    assert verdict == judgement.verdict


@every("rule, response, is_refused", [
    ({"status": [403]}, TaskResponse(403), True),
    ({"status": [403]}, TaskResponse(200), False),
    ({"status": ["4xx"]}, TaskResponse(418), True),
    ({"when": "{{ response.headers['X-Auth'] == 'expired' }}"}, TaskResponse(200, (("x-auth", "expired"),)), True),
    ({"when": "{{ response.json.code == 7 }}"}, TaskResponse(200, (), b'{"code":7}'), True),
    ({"when": "{{ response.json.code == 7 }}"}, TaskResponse(200, (), b'{"code":8}'), False),
    ({"when": "{{ response.json.code == 7 }}"}, TaskResponse(200, (), b"not json"), False),
    ({"when": "{{ response.json.code != 7 }}"}, TaskResponse(200, (), None), False),
    ({"status": [400], "when": "{{ response.json.code != 7 }}"}, TaskResponse(400, (), None), False),
    ({"status": [400], "when": "{{ 'expired' in response.text }}"}, TaskResponse(400, (), b"token expired"), True),
])  # fmt: skip
def test_rejected_when(rule, response, is_refused):
    """Status and condition both; a rule that reads a body which was not read says nothing."""
    auth = {"type": "api_key", "rejected_when": [rule]}
    _, judgement = driven(connect(auth, API, run=engine(inputs={"api_key": "k"})).applying(TaskRequest("GET", "/x")), response)

    assert is_refused == (judgement.verdict == "refused")


def test_a_condition_that_cannot_be_evaluated():
    """A rule that breaks on an answer is a typed error that names the rule."""
    auth = {"type": "api_key", "rejected_when": [{"when": "{{ response.json.a + 1 > 0 }}"}]}
    with pytest.raises(TemplateError, match="rejected_when"):
        driven(connect(auth, API, run=engine(inputs={"api_key": "k"})).applying(TaskRequest("GET", "/x")), TaskResponse(200, (), b'{"a":"x"}'))


def test_an_abandoned_flow_is_closed():
    """Whoever stops in the middle closes it: nothing more happens."""
    with serving(Identity()) as identity:
        connection = connect(oauth(identity), API)
        flow = connection.applying(TaskRequest("GET", "/x"))
        next(flow)
        flow.close()
        assert "T1" == connection.token().result(10).access_token.reveal()

    assert 1 == identity.count


# ---- kept values and servers


def test_servers_that_a_token_answer_names():
    """`kept` may stand in `servers`: known with the token, checked against its pattern, and nobody else gets anything."""
    keep = {"keep": {"domain": {"value": "{{ response.json.api }}", "pattern": r"https://[a-z]+\.example\.com"}}}
    with serving(Identity(more={"api": "https://eu.example.com"})) as identity:
        connection = connect(oauth(identity, token_response=keep), "{{ kept.domain }}")
        request = connection.authorize(TaskRequest("GET", "/v1/me")).result(10)
        with pytest.raises(ApplyError, match=r"eu\.example\.com"):
            connection.authorize(TaskRequest("GET", "https://us.example.com/")).result(10)

    assert ("https://eu.example.com/v1/me", "Bearer T1") == (request.url, request.header("authorization"))
    assert "" == connection.base_url()


# ---- Basic: RFC 7617


def basic(username, password):
    auth = {"type": "basic", **({} if username else {"username": ""}), **({} if password else {"password": ""})}
    inputs = {name: value for name, value in (("username", username), ("password", password)) if value}
    return authorized(auth, **inputs).header("authorization")


@every("vector", [v for v in BASIC["vectors"] if v["username"] and v["password"]], ids=lambda v: v["id"])
def test_basic_vectors(vector):
    """UTF-8, one line, only the first colon splits."""
    assert vector["authorization"] == basic(vector["username"], vector["password"])


@pytest.mark.parametrize("vector", [v for v in BASIC["vectors"] if not (v["username"] and v["password"])], ids=lambda v: v["id"])
def test_basic_vectors_with_an_empty_half(vector):
    """A half that is empty on purpose: an input whose default is ''."""
    halves = {"username": vector["username"], "password": vector["password"]}
    inputs = {name: {} if halves[name] else {"default": "", "secret": False} for name in halves}
    given = {name: value for name, value in halves.items() if value}
    connection = engine(inputs=given).connect(profile({"type": "basic"}, API, inputs=inputs))

    assert vector["authorization"] == connection.authorize(TaskRequest("GET", "/x")).result(10).header("authorization")


@every("vector", BASIC["negative"], ids=lambda v: v["id"])
def test_basic_refusals(vector):
    """A colon in the user name and control characters are refused before sending; the password is not in the error."""
    with pytest.raises(AuthweaveError) as caught:
        basic(vector["username"], vector["password"])

    assert vector["password"] not in str(caught.value) or len(vector["password"]) == 1


@every("control", [chr(code) for code in (*range(32), 0x7F)])
@every("place", ["username", "password"])
def test_basic_takes_no_control_characters(control, place):
    """RFC 7617 §2: none of RFC 5234's CTL, in either half."""
    halves = {"username": "u", "password": "p", place: f"a{control}b"}
    with pytest.raises(AuthweaveError):
        basic(**halves)


def test_basic_is_composed():
    """RFC 7617 §2.1: what is the same text in NFC is sent as the same bytes."""
    published = next(v for v in BASIC["vectors"] if v["id"] == BASIC["nfc_equivalence"]["must_equal_authorization_of"])

    assert published["authorization"] == basic(published["username"], BASIC["nfc_equivalence"]["nfd_input"])
    assert basic("ë", "é") == basic("e\u0308", "e\u0301")


@every("text", ["１２３", "ﬁ", "Å", "\u00a0x", "Straße", "ſ"])
def test_basic_changes_nothing_else(text):
    """Not case, not width, not ligatures, not spaces: only composition."""
    sent = base64.b64decode(basic("u", text).removeprefix("Basic ")).decode().partition(":")[2]

    assert unicodedata.normalize("NFC", text) == sent


# ---- Bearer: RFC 6750


def test_bearer_header():
    """§2.1, as printed."""
    vector = next(v for v in BEARER["vectors"] if v["id"] == "header")

    assert vector["authorization"] == authorized({"type": "bearer"}, token="mF_9.B5f-4.1JqM").header("authorization")


def test_bearer_in_a_form():
    """§2.2: into a form body."""
    vector = next(v for v in BEARER["vectors"] if v["id"] == "form")
    auth = {"type": "bearer", "fields": [{"in": "payload", "key": "access_token", "value": "{{ inputs.token }}"}]}
    request = authorized(auth, TaskRequest("POST", "/x", (("Content-Type", vector["content_type"]),), b""), token="mF_9.B5f-4.1JqM")

    assert (vector["body"].encode(), None) == (request.body, request.header("authorization"))


def test_bearer_in_the_query():
    """§2.3: into the URL, where the profile insists."""
    vector = next(v for v in BEARER["vectors"] if v["id"] == "query")
    auth = {"type": "bearer", "fields": [{"in": "query", "key": "access_token", "value": "{{ inputs.token }}"}]}
    request = authorized(auth, TaskRequest("GET", "/resource"), token="mF_9.B5f-4.1JqM")

    assert f"{API}{vector['target']}" == request.url


@every("case", BEARER["b64token_cases"], ids=lambda case: repr(case["token"]))
def test_bearer_tokens(case):
    """A permanent token that a Bearer header cannot carry is a typed error; nothing is sent, nothing is shown."""
    if case["valid"]:
        assert f"Bearer {case['token']}" == authorized({"type": "bearer"}, token=case["token"]).header("authorization")
        return
    with pytest.raises(AuthweaveError) as caught:
        authorized({"type": "bearer"}, token=case["token"])
    assert not case["token"] or case["token"] not in str(caught.value)


def test_fields_of_the_profiles_own_are_free():
    """Whoever writes auth.fields may send what a header can carry."""
    auth = {"type": "bearer", "fields": [{"in": "header", "key": "Authorization", "value": "FlyV1 {{ inputs.token }}"}]}

    assert "FlyV1 a,b=c d" == authorized(auth, token="a,b=c d").header("authorization")
    with pytest.raises(PlacementError):
        authorized(auth, token="a\r\nb")


def test_an_answer_without_a_body_on_the_way():
    """A token endpoint that answers 204 gives no token."""
    with serving(Identity(script=[Reply(204, b"", (), chunks=())])) as identity, pytest.raises(AuthweaveError):
        connect(oauth(identity), API, run=engine(attempts=1)).token().result(10)


def test_a_platform_that_sends_by_itself_tells_of_acceptance_too():
    """A renewed token that `handle_response` hears was accepted is no longer suspected: it may be renewed again at once."""
    with serving(Identity()) as identity:
        connection = connect(oauth(identity), API)
        request = TaskRequest("GET", f"{API}/x")
        connection.authorize(request).result(5)
        for _ in range(3):
            again = connection.handle_response(request, TaskResponse(401)).result(5)
            assert again.verdict == "send_again"
            assert connection.handle_response(request, TaskResponse(200)).result(5).verdict == "accepted"

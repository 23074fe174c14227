"""Digest as a credential: what is answered, what is not, and what is remembered. The server is told what to say."""

from __future__ import annotations

import contextlib
import re
import threading

import httpx
import httpx2
import pytest

from authweave.answers.challenges import challenges
from authweave.errors import MissingInput, PlacementError, ServerUnproven
from authweave.loading import loads
from authweave.proofs.digest_access.hashes import response_to
from authweave.values import TaskRequest, TaskResponse
from services import Reply, Request, engine, profile, talks
from sockets import Server

USER = {"username": "ada", "password": "open sesame"}
ASKS = 'Digest realm="r", nonce="{}", qop="auth", algorithm=SHA-256'


class Api:
    """Answers as `answer(request)` says, and keeps what was asked."""

    def __init__(self, answer):
        self.asked: list[Request] = []
        self._answer = answer
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> Reply:
        with self._lock:
            self.asked.append(request)
        return self._answer(request)

    @property
    def sent(self):
        """The credentials, in order; None for a request without."""
        return [next(iter(request.values("authorization")), None) for request in self.asked]


def parameters(header):
    return challenges([header])[0].parameters


def asks(*lines, status=401, more=()):
    return Reply(status, b"{}", (("Content-Type", "application/json"), *(("WWW-Authenticate", line) for line in lines), *more))


@contextlib.contextmanager
def at(answer, given=USER, package=httpx, **options):
    """A client of a digest profile, and the API that it talks to."""
    api = Api(answer)
    with Server(talks(api)) as server:
        origin = server.url.rstrip("/")
        connection = engine(inputs={}).connect(profile({"type": "digest"}, origin), inputs=given)
        with package.Client(auth=connection.auth, base_url=origin, trust_env=False, **options) as http:
            yield http, api


def right(request, *, nonces, said=()):
    """A server that knows ada, and these nonces; another one is stale."""
    header = next(iter(request.values("authorization")), "")
    found = parameters(header) if header.startswith("Digest ") else {}
    if found.get("nonce") not in nonces:
        return asks(ASKS.format(nonces[-1]) + (", stale=true" if found else ""))
    expected = response_to(
        "SHA-256", username="ada", realm="r", password="open sesame", nonce=found["nonce"], cnonce=found["cnonce"], count=found["nc"], qop="auth",
        method=request.method, uri=request.target,
    )  # fmt: skip
    return asks(ASKS.format(nonces[-1])) if found["response"] != expected else Reply(headers=(("Content-Type", "application/json"), *said))


@pytest.mark.parametrize("package", [httpx, httpx2], ids=lambda package: package.__name__)
def test_one_refusal_then_none(package):
    """The challenge is answered at once, and later requests are not refused first."""
    with at(lambda request: right(request, nonces=["n"]), package=package) as (http, api):
        statuses = [http.get(f"/v1/{number}").status_code for number in range(3)]

    assert ([200, 200, 200], 4) == (statuses, len(api.asked))
    assert api.sent[0] is None
    assert ["00000001", "00000002", "00000003"] == [parameters(header)["nc"] for header in api.sent[1:]]


def test_basic_never_gets_the_password():
    """However the server asks: alone, before or after a Digest that is not known."""
    for lines in (['Basic realm="r"'], ['Basic realm="r"', 'Digest realm="r", nonce="n", algorithm=FOO'], ['Digest realm="r", nonce="n", qop="x", Basic realm="r"']):
        with at(lambda _, lines=lines: asks(*lines)) as (http, api):
            answer = http.get("/")

        assert (401, "refused", [None]) == (answer.status_code, answer.extensions["authweave"].verdict, api.sent)


def test_a_proxys_challenge_is_not_answered():
    """407, and `Proxy-Authenticate` beside a 401, are the business of who set up the proxy."""
    for status, name in ((407, "Proxy-Authenticate"), (401, "Proxy-Authenticate")):
        with at(lambda _, status=status, name=name: asks(status=status, more=((name, ASKS.format("n")),))) as (http, api):
            http.get("/")

        assert [None] == api.sent


def test_a_wrong_password_is_tried_once():
    """A second challenge that is not stale is a refusal: an account is not locked by repeating."""
    with at(lambda request: right(request, nonces=["n"]), {**USER, "password": "wrong"}) as (http, api):
        answers = [http.get("/"), http.get("/")]

    assert [401, 401] == [answer.status_code for answer in answers]
    assert [False, True, False, True] == [header is not None for header in api.sent]


def test_stale_again_and_again_ends():
    """A server that calls every nonce stale gets three requests, and its refusal stands."""
    with at(lambda request: asks(ASKS.format("n") + ", stale=TRUE")) as (http, api):
        answer = http.get("/")

    assert (401, 3) == (answer.status_code, len(api.asked))


def test_a_server_that_has_forgotten_its_nonces():
    """After a restart a nonce that was good is refused without `stale`: the newer one is tried."""
    nonces = ["n"]

    def answer(request):
        header = next(iter(request.values("authorization")), "")
        return right(request, nonces=nonces) if header == "" or parameters(header)["nonce"] in nonces else asks(ASKS.format(nonces[-1]))

    with at(answer) as (http, api):
        first = http.get("/")
        nonces[:] = ["m"]
        second = http.get("/")

    assert (200, 200) == (first.status_code, second.status_code)
    assert ["n", "n", "m"] == [parameters(header)["nonce"] for header in api.sent if header]


def test_the_next_nonce_is_followed():
    """`nextnonce` of an answer is used in the next request, counted from one."""
    with at(lambda request: right(request, nonces=["n", "m"], said=(("Authentication-Info", 'nextnonce="m", qop=auth'),))) as (http, api):
        http.get("/")
        http.get("/")

    assert [("m", "00000001")] == [(parameters(header)["nonce"], parameters(header)["nc"]) for header in api.sent[-1:]]


@pytest.mark.parametrize("following", ["m" * 9000, "m\x01"], ids=["too long", "control character"])
def test_a_next_nonce_that_cannot_go_back_is_not_followed(following):
    """What is not taken from a challenge is not taken from `nextnonce` either."""
    with at(lambda request: right(request, nonces=["n"], said=(("Authentication-Info", f'nextnonce="{following}"'),))) as (http, api):
        http.get("/")
        http.get("/")

    assert [("n", "00000002")] == [(parameters(header)["nonce"], parameters(header)["nc"]) for header in api.sent[-1:]]


@pytest.mark.parametrize("name", ["username", "password"])
def test_who_is_not_supplied_is_missing(name):
    """An optional input that nobody supplied is an error before the network, not an empty name or password."""
    given = {key: value for key, value in USER.items() if key != name}
    declared = {name: {"required": False, "secret": True}}
    connection = engine(inputs={}).connect(profile({"type": "digest"}, "https://api.example.com", inputs=declared), inputs=given)

    with pytest.raises(MissingInput, match=f"{name} is not there"):
        connection.authorize(TaskRequest("GET", "/")).result(10)


def test_a_server_that_does_not_know_the_password():
    """A wrong rspauth: the answer is not the server's, whatever it says."""
    with at(lambda request: right(request, nonces=["n"], said=(("Authentication-Info", 'rspauth="0123", qop=auth'),))) as (http, _):
        answer = http.get("/")

    verdict = answer.extensions["authweave"]
    assert ("refused", ServerUnproven, 200) == (verdict.verdict, type(verdict.error), answer.status_code)


def test_a_cookie_of_the_challenge_comes_back():
    """Beside the cookies of the caller's own."""
    with at(lambda request: right(request, nonces=["n"]) if "at=1" in "".join(request.values("cookie")) else asks(ASKS.format("n"), more=(("Set-Cookie", "at=1; Path=/"),)), cookies={"mine": "2"}) as (http, api):
        answer = http.get("/")

    assert (200, ["mine=2; at=1"]) == (answer.status_code, api.asked[-1].values("cookie"))


def test_a_redirect_on_the_same_server_is_answered_where_it_leads():
    """The proof is for the path that it was made for: at the other one it is made anew."""
    def answer(request):
        if request.target == "/old":
            return Reply(307, b"", (("Location", "/new"),))
        return right(request, nonces=["n"])

    with at(answer, follow_redirects=True) as (http, _):
        known = http.get("/known")
        answer_ = http.get("/old")

    assert (200, 200) == (known.status_code, answer_.status_code)


def test_a_redirect_of_the_very_first_request():
    """The challenge comes from where it leads, and is answered there, with the body."""
    def answer(request):
        return Reply(307, b"", (("Location", "/new"),)) if request.target == "/old" else right(request, nonces=["n"])

    with at(answer, follow_redirects=True) as (http, api):
        answer_ = http.post("/old", content=b"body")

    assert (200, b"body") == (answer_.status_code, api.asked[-1].body)


def test_a_redirect_is_one_of_the_reasons_to_send_again():
    """Where a redirect led, the proof is made for that URL at once, and once more where the server asks for it; no more."""
    def answer(request):
        return Reply(307, b"", (("Location", "/new"),)) if request.target == "/old" else asks(ASKS.format(len(api.asked)) + ", stale=true")

    with at(answer, follow_redirects=True) as (http, api):
        http.get("/known")
        before = len(api.asked)
        http.get("/old")

    assert ["/old", "/new", "/new"] == [request.target for request in api.asked[before:]]  # the second has a proof for /new already


def test_a_redirect_by_way_of_another_origin_is_not_proved_anew():
    """What a stranger sends back to the server is no request of the caller's: nothing is signed for it."""
    def answer(request):
        return Reply(307, b"", (("Location", stranger.url),)) if request.target == "/old" else right(request, nonces=["n"])

    other = Api(lambda _: Reply(307, b"", (("Location", f"{origin}/chosen"),)))
    with Server(talks(other)) as stranger, at(answer, follow_redirects=True) as (http, api):
        origin = str(http.base_url).rstrip("/")
        http.get("/known")
        answer_ = http.post("/old", content=b"body")

    assert (401, {None}) == (answer_.status_code, {proof for request, proof in zip(api.asked, api.sent, strict=True) if request.target == "/chosen"})


def test_a_redirect_elsewhere_brings_no_proof():
    """Another origin's challenge is not answered, and gets nothing."""
    other = Api(lambda _: asks(ASKS.format("theirs")))
    with Server(talks(other)) as stranger, at(lambda _: Reply(307, b"", (("Location", stranger.url),)), follow_redirects=True) as (http, _):
        answer = http.get("/")

    assert (401, "inconclusive", [None]) == (answer.status_code, answer.extensions["authweave"].verdict, other.sent)


def test_two_connections_do_not_share_what_they_learned():
    """Another tenant begins with the challenge, too."""
    api = Api(lambda request: right(request, nonces=["n"]))
    with Server(talks(api)) as server:
        origin = server.url.rstrip("/")
        run, found = engine(inputs={}), profile({"type": "digest"}, origin)
        for tenant in ("a", "b"):
            with httpx.Client(auth=run.connect(found, tenant=tenant, inputs=USER).auth, trust_env=False) as http:
                assert 200 == http.get(origin).status_code

    assert [False, True, False, True] == [header is not None for header in api.sent]


def test_authorize_and_handle_response():
    """For platforms that send by themselves: the refusal goes in, the request with the proof comes out."""
    connection = engine(inputs={}).connect(loads(PROFILE), inputs=USER)
    first = connection.authorize(TaskRequest("GET", "/x?y=1")).result(5)
    step = connection.handle_response(first, TaskResponse(401, (("WWW-Authenticate", ASKS.format("n")),))).result(5)
    last = connection.handle_response(step.request, TaskResponse(200)).result(5)
    later = connection.authorize(TaskRequest("GET", "/z")).result(5)

    assert (None, "send_again", "accepted") == (first.header("authorization"), step.verdict, last.verdict)
    assert ("/x?y=1", "00000002") == (parameters(step.request.header("authorization"))["uri"], parameters(later.header("authorization"))["nc"])


def test_headers_alone_are_never_without_the_proof():
    """Before the server has asked there is nothing to give, and that is said; afterwards there is."""
    connection = engine(inputs={}).connect(loads(PROFILE), inputs=USER)
    with pytest.raises(PlacementError, match="has not given one yet"):
        connection.headers_for("wss://camera.example/live").result(5)
    first = connection.authorize(TaskRequest("GET", "/x")).result(5)
    connection.handle_response(first, TaskResponse(401, (("WWW-Authenticate", ASKS.format("n")),))).result(5)

    assert connection.headers_for("wss://camera.example/live").result(5)["Authorization"].startswith("Digest ")


PROFILE = """
format: 1
name: camera
identity_provider: Camera
servers: ['https://camera.example']
auth: {type: digest}
"""


@pytest.mark.parametrize("given", [{"username": "ada"}, {"username": "", "password": "x"}], ids=["no password", "empty name"])
def test_what_is_missing_is_told_before_anything_is_sent(given):
    """Even though the first request would carry neither."""
    from authweave.errors import MissingInput

    with pytest.raises(MissingInput, match=r"password|username"):
        engine(inputs={}).connect(loads(PROFILE), inputs=given).authorize(TaskRequest("GET", "/x")).result(5)


def test_the_password_is_nowhere():
    """Not in what is sent, in errors, or in what a repr shows."""
    with at(lambda request: right(request, nonces=["n"])) as (http, api):
        answer = http.get("/")

    shown = repr(answer.extensions) + repr(api.sent) + repr(answer.request)
    assert not re.search("open.sesame", shown)

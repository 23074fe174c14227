"""aiohttp: the middleware in sessions of both kinds, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import logging
import os
import threading

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from authweave.errors import (
    MissingInput,
    NeedsClient,
    NoServers,
    OriginRefused,
    PlacementError,
    TokenEndpointError,
    UsageError,
)
from authweave.hosts.aiohttp import ProfileAuth, judgement_of
from services import Api, Identity, Reply, between, connect, engine, oauth, says, serving, until
from sockets import Server, close, free_port
from sockets import says as replies
from thorough import every

KEY = {"type": "api_key"}
REFUSED = says({"error": "invalid_token"}, 401, ("WWW-Authenticate", "Bearer"))


def running(work):
    """Run it in a loop of its own that would name every callback that blocks."""
    return asyncio.run(asyncio.wait_for(work, 30))


def send(auth, method, url, *, session=None, **parts):
    """Status, body and judgement of one request."""

    async def run():
        async with aiohttp.ClientSession(middlewares=(auth,), **(session or {})) as made, made.request(method, url, **parts) as response:
            return response, await response.read()

    return running(run())


def verdict(answer):
    return judgement_of(answer[0]).verdict


def connected(identity, api, **auth):
    return ProfileAuth(connect(oauth(identity, **auth), api))


def with_key(*apis, **more):
    run = more.pop("run", None) or engine(inputs={"api_key": "k3y"})
    return ProfileAuth(connect(more.pop("auth", KEY), *apis, run=run, **more))


class Scripted(Api):
    """Answers as its script says, one reply after the other; then as ever."""

    def __init__(self, *script, **more):
        super().__init__(**more)
        self.script = list(script)

    def __call__(self, request):
        answer = super().__call__(request)
        return self.script.pop(0) if self.script else answer


def moved(url, status=302):
    return Reply(status, b"", (("Location", url),))


# ---- tokens


def test_token_got_once_and_sent():
    """Twenty requests at once of one session: one token request, each with the token, each accepted."""

    async def run(auth, url):
        async with aiohttp.ClientSession(middlewares=(auth,)) as session:

            async def one():
                async with session.get(url) as response:
                    return judgement_of(response).verdict, await response.json()

            return await asyncio.gather(*(one() for _ in range(20)))

    with between(Identity(), Api()) as (identity, api):
        answers = running(run(connected(identity, api), f"{api.url}/x"))

    assert [("accepted", {"ok": True})] * 20 == answers
    assert (1, ["T1"] * 20) == (identity.count, api.tokens)


def test_for_one_request_only():
    """`middlewares=` of one request: the others of the session stay without."""

    async def run(auth, url):
        async with aiohttp.ClientSession() as session, session.get(url, middlewares=(auth,)) as first, session.get(url) as second:
            return judgement_of(first).verdict, judgement_of(second)

    with between(Identity(), Api()) as (identity, api):
        assert ("accepted", None) == running(run(connected(identity, api), api.url))

    assert ["T1", ""] == api.tokens


def test_one_object_for_many_loops():
    """Shared by threads, each with a loop and a session of its own: one token request."""
    with between(Identity(delay=0.2), Api()) as (identity, api):
        auth, statuses = connected(identity, api), []
        threads = [threading.Thread(target=lambda: statuses.append(send(auth, "GET", api.url)[0].status)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)

    assert ([200] * 6, 1) == (statuses, identity.count)


@every("body", [
    {"json": {"n": 1}}, {"data": {"n": "1"}}, {"data": b"raw"}, {"data": "text"}, {"data": io.BytesIO(b"file")}, {},
], ids=["json", "form", "bytes", "text", "file", "none"])  # fmt: skip
def test_renewed_once_after_401(body):
    """A token that died early: renewed, and the request sent once more with the same body; the caller sees the good answer."""
    with between(Identity(), Api()) as (identity, api):
        auth = connected(identity, api)
        send(auth, "GET", api.url)
        api.accepts = lambda token: token == "T2"
        answer = send(auth, "POST", f"{api.url}/x?a=1", **body)

    assert (200, "accepted", 2) == (answer[0].status, verdict(answer), identity.count)
    assert ["T1", "T1", "T2"] == api.tokens
    first, again = api.asked[1:]
    assert (first.target, first.body, True) == (again.target, again.body, again.is_whole)
    assert first.values("content-type") == again.values("content-type")


def test_a_form_of_files_is_sent_again(tmp_path):
    """multipart/form-data with a file of the disk: whole both times."""
    (tmp_path / "a.bin").write_bytes(b"\x00\xff" * 50_000)

    async def run(auth, url):
        with (tmp_path / "a.bin").open("rb") as file:
            form = aiohttp.FormData()
            form.add_field("name", "anna")
            form.add_field("file", file, filename="a.bin")
            async with aiohttp.ClientSession(middlewares=(auth,)) as session, session.post(url, data=form) as response:
                return response.status

    with between(Identity(), Api(accepts=lambda token: token == "T2")) as (identity, api):
        assert 200 == running(run(connected(identity, api), api.url))

    first, again = api.asked
    assert first.body == again.body
    assert b"\x00\xff" * 50_000 in again.body


def test_a_streamed_body_is_not_sent_twice():
    """An async generator is used up: the refusal comes back, the token is renewed for the next request."""

    async def stream():
        yield b"one"
        yield b"two"

    with between(Identity(), Api(accepts=lambda token: token == "T2")) as (identity, api):
        auth = connected(identity, api)
        answer = send(auth, "POST", api.url, data=stream())
        until(lambda: identity.count == 2)
        second = send(auth, "GET", api.url)

    assert (401, "refused", b"onetwo") == (answer[0].status, verdict(answer), api.asked[0].body)
    assert "cannot be sent twice" in judgement_of(answer[0]).reason
    assert 200 == second[0].status


def test_refused_twice_comes_back_and_is_told_once(caplog):
    """The second refusal is the caller's: unchanged, judged, and one warning says which command helps."""
    with between(Identity(), Api(accepts=lambda token: False)) as (identity, api), caplog.at_level(logging.WARNING, "authweave.hosts"):
        response, body = send(connected(identity, api), "GET", api.url)

    assert (401, b'{"error": "invalid_token"}', "refused", 2) == (response.status, body, judgement_of(response).verdict, api.count)
    [told] = [record.getMessage() for record in caplog.records if record.name == "authweave.hosts"]
    assert "does not accept the credential (401)" in told
    assert "authweave test" in told
    assert "T2" not in told


def test_no_token_no_request():
    """The identity provider refuses: its typed error, and nothing was sent to the API."""
    with between(Identity(script=[says({"error": "invalid_client"}, 401)]), Api()) as (identity, api), pytest.raises(TokenEndpointError) as caught:
        send(connected(identity, api), "GET", api.url)

    assert ("invalid_client", 0) == (caught.value.error, api.count)
    assert "To see why: authweave test acme" in caught.value.__notes__[0]


def test_a_caller_who_gives_up_leaves_the_renewal_alone():
    """The caller's timeout ends their wait; the token request goes on, and the next caller has its token."""
    with between(Identity(gate=threading.Event()), Api()) as (identity, api):
        auth = connected(identity, api)
        with pytest.raises(TimeoutError):
            send(auth, "GET", api.url, timeout=aiohttp.ClientTimeout(total=0.3))
        identity.gate.set()
        answer = send(auth, "GET", api.url)

    assert (200, 1, 1) == (answer[0].status, identity.count, api.count)


def test_the_loop_goes_on_while_a_token_is_got():
    """A slow token endpoint holds up the requests that need it, and nothing else in the loop."""

    async def run(auth, url, gate):
        async with aiohttp.ClientSession(middlewares=(auth,)) as session:
            waiting = asyncio.create_task(session.get(url))
            while not identity.asked:
                await asyncio.sleep(0.01)  # only a loop that runs gets here
            gate.set()
            return (await waiting).status

    with between(Identity(gate=threading.Event()), Api()) as (identity, api):
        assert 200 == running(run(connected(identity, api), api.url, identity.gate))


def test_body_rules_read_and_give_back():
    """A rule that reads the body sees it, and the caller reads it again as a stream."""

    async def run(auth, url):
        async with aiohttp.ClientSession(middlewares=(auth,)) as session, session.get(url) as response:
            pieces = [piece async for piece in response.content.iter_chunked(4)]
            return judgement_of(response).verdict, b"".join(pieces)

    rules = {"rejected_when": [{"status": [200], "when": "{{ response.json.error == 'expired' }}"}]}
    with between(Identity(), Api(good=says({"error": "expired"}))) as (identity, api):
        assert ("refused", b'{"error": "expired"}') == running(run(connected(identity, api, **rules), api.url))

    assert 2 == identity.count


# ---- places


FIELDS = [
    {"in": "header", "key": "X-Tenant", "value": "blue"},
    {"in": "query", "key": "region", "value": "e&u"},
    {"in": "cookie", "key": "sid", "value": "c00kie"},
    {"in": "payload", "key": "account", "value": "7"},
]


@pytest.mark.parametrize(("body", "read"), [
    ({"json": {"n": "1"}}, lambda asked: json.loads(asked.body)), ({"data": {"n": "1"}}, lambda asked: asked.form),
], ids=["json", "form"])  # fmt: skip
def test_each_place(body, read):
    """Header, query, cookie and payload, beside what the caller put there; length and type are those of the body that is sent."""
    with serving(Api()) as api:
        auth = with_key(api, fields=FIELDS)
        send(auth, "POST", URL(f"{api.url}/x?a=%2Fb&a=2", encoded=True), cookies={"own": "1"}, headers={"X-Own": "1"}, **body)

    [asked] = api.asked
    assert "/x?a=%2Fb&a=2&region=e%26u" == asked.target
    assert (["k3y"], ["blue"], ["1"]) == (asked.values("x-api-key"), asked.values("x-tenant"), asked.values("x-own"))
    assert ["own=1; sid=c00kie"] == asked.values("cookie")
    assert ({"n": "1", "account": "7"}, True) == (read(asked), asked.is_whole)
    assert [str(len(asked.body))] == asked.values("content-length")


def test_path_template():
    """`at(path)` is a template that path fields fill; the query is the URL's."""
    with serving(Api()) as api:
        fields = [{"in": "path", "key": "token", "value": "{{ inputs.api_key }}/1"}]
        bot = connect({"type": "api_key", "fields": fields}, f"{api.url}/bot{{token}}", run=engine(inputs={"api_key": "k3y"}))
        send(ProfileAuth(bot).at("/bot{token}/getMe"), "GET", f"{api.url}/?a=1")

    assert ["/botk3y%2F1/getMe?a=1"] == [asked.target for asked in api.asked]


def test_the_template_is_for_the_first_hop_alone():
    """A redirect at home goes where it leads, authorized anew."""
    with serving(Scripted(moved("/landed?b=1"))) as api:
        tenant = {"in": "path", "key": "tenant", "value": "blue", "optional": True}
        answer = send(with_key(api, fields=[tenant]).at("/{tenant}/me"), "GET", api.url)

    assert ["/blue/me", "/landed?b=1"] == [asked.target for asked in api.asked]
    assert [["k3y"]] * 2 == [asked.values("x-api-key") for asked in api.asked]
    assert "accepted" == verdict(answer)


def test_a_body_that_is_empty_takes_fields_if_its_kind_is_said():
    """A form without a body: the field is the body. Without a kind a GET stays without one."""
    with serving(Api()) as api:
        send(with_key(api, fields=FIELDS[3:]), "POST", api.url, headers={"Content-Type": "application/x-www-form-urlencoded"})
        send(with_key(api), "GET", api.url)

    assert [b"account=7", b""] == [asked.body for asked in api.asked]


def test_chunked_stays_chunked():
    """`chunked=True`: framed as the caller said, with the profile's field in it."""
    with serving(Api()) as api:
        send(with_key(api, fields=FIELDS), "POST", api.url, json={"n": 1}, chunked=True)

    [asked] = api.asked
    assert (["chunked"], [], True) == (asked.values("transfer-encoding"), asked.values("content-length"), asked.is_whole)
    assert {"n": 1, "account": "7"} == json.loads(asked.body)


@every("parts", [
    {"data": "x", "compress": "deflate"}, {"json": {}, "compress": "gzip"}, {"data": io.BytesIO(b"{}"), "compress": "gzip", "headers": {"Content-Type": "application/json"}}, {},
], ids=["text", "json", "file", "none"])  # fmt: skip
def test_a_payload_that_cannot_be_placed(parts):
    """No body, or one that is compressed: an error that says so, and nothing was sent."""
    with serving(Api()) as api, pytest.raises(PlacementError):
        send(with_key(api, fields=FIELDS), "POST", api.url, **parts)

    assert 0 == api.count


# ---- other origins


def test_a_url_elsewhere_is_refused():
    """A first hop outside `servers`: OriginRefused, and nothing was sent; nor was a token asked for."""
    with between(Identity(), Api()) as (identity, api), serving(Api()) as other, pytest.raises(OriginRefused):
        send(connected(identity, api), "GET", other.url)

    assert (0, 0) == (identity.count, other.count)


@every("status", [301, 302, 303, 307, 308])
def test_a_redirect_elsewhere_goes_without(status):
    """Nothing that the profile placed in header, cookie or query reaches the other origin; its answer is not judged."""
    with serving(Api()) as other, serving(Scripted(moved(f"{other.url}/y?b=1", status))) as api:
        answer = send(with_key(api, fields=FIELDS[:3]), "GET", f"{api.url}/x?a=1", headers={"X-Own": "1"})

    [asked] = other.asked
    assert (200, "inconclusive") == (answer[0].status, verdict(answer))
    assert ("/y?b=1", [], [], [], ["1"]) == (
        asked.target, asked.values("x-api-key"), asked.values("x-tenant"), asked.values("cookie"), asked.values("x-own"),
    )  # fmt: skip


@pytest.mark.parametrize("there", ["/y?b=1&region=e%26u", "/y?region=e%26u&b=1"])
def test_what_a_redirect_repeats_of_the_query_stays_behind(there):
    """A server that leads on with the query as it came: elsewhere without what was placed, at home with it once; no response shows it."""
    with serving(Api()) as other, serving(Scripted(moved(f"{other.url}{there}"))) as api:
        away = send(with_key(api, fields=FIELDS[:2]), "GET", f"{api.url}/x?b=1")
    with serving(Scripted(moved(there))) as api:
        here = send(with_key(api, fields=FIELDS[:2]), "GET", f"{api.url}/x?b=1")

    assert (["/y?b=1"], "/y?b=1&region=e%26u") == ([asked.target for asked in other.asked], api.asked[1].target)
    assert ["/y?b=1"] * 4 == [str(url).partition("/y")[1] + str(url).partition("/y")[2] for answer in (away, here) for url in (answer[0].url, answer[0].real_url)]
    assert "region" not in repr(away[0]).partition("\n")[0] + repr(here[0]).partition("\n")[0]


def test_what_a_redirect_repeats_of_the_path_goes_nowhere_else():
    """What was filled into a path cannot be taken out of it: such a redirect is refused."""
    auth = {"type": "api_key", "fields": [{"in": "path", "key": "key", "value": "{{ inputs.api_key }}"}]}
    with serving(Api()) as other, serving(Scripted(moved(f"{other.url}/botk3y/me"))) as api, pytest.raises(OriginRefused, match="into the path"):
        send(with_key(f"{api.url}/bot{{key}}", auth=auth).at("/bot{key}/me"), "GET", api.url)

    assert (1, 0) == (api.count, other.count)


def test_each_hop_at_home_is_authorized_anew():
    """A redirect on the same server: both hops have the credential, in header and query."""
    with serving(Scripted(moved("/y"))) as api:
        answer = send(with_key(api, fields=FIELDS[:2]), "GET", f"{api.url}/x")

    assert (200, "accepted") == (answer[0].status, verdict(answer))
    assert [("/x?region=e%26u", ["k3y"]), ("/y?region=e%26u", ["k3y"])] == [(asked.target, asked.values("x-api-key")) for asked in api.asked]


def test_another_of_the_servers_is_another_origin():
    """A server of the profile leads to another one that is listed, too: what it chose for that one goes without."""
    with serving(Api()) as other, serving(Scripted(moved(f"{other.url}/y"))) as api:
        answer = send(with_key(api, other, fields=FIELDS[:2]), "GET", f"{api.url}/x")

    assert (200, "inconclusive") == (answer[0].status, verdict(answer))
    assert [("/y", [])] == [(asked.target, asked.values("x-api-key")) for asked in other.asked]


@pytest.mark.parametrize("status", [307, 308])
def test_a_payload_is_not_carried_elsewhere(status):
    """What the profile put into the body: the redirect that would send it elsewhere is not followed."""
    with serving(Api()) as other, serving(Scripted(moved(other.url, status))) as api, pytest.raises(OriginRefused, match="body"):
        send(with_key(api, fields=FIELDS), "POST", api.url, json={"n": 1})

    assert (1, 0) == (api.count, other.count)


def test_a_body_without_anything_placed_may_go():
    """307 elsewhere with the caller's own body: theirs to send, and the key stays behind."""
    with serving(Api()) as other, serving(Scripted(moved(other.url, 307))) as api:
        send(with_key(api), "POST", api.url, json={"n": 1})

    [asked] = other.asked
    assert (b'{"n": 1}', []) == (asked.body, asked.values("x-api-key"))


@pytest.mark.parametrize("body", [{"json": {"n": "1"}}, {"data": {"n": "1"}}], ids=["json", "form"])
def test_a_payload_within_the_servers_is_placed_once(body):
    """307 at home: the body is made anew from the caller's, not from the one that was placed."""
    with serving(Scripted(moved("/y", 307))) as api:
        answer = send(with_key(api, fields=FIELDS), "POST", f"{api.url}/x", **body)

    first, second = api.asked
    assert (200, "/y?region=e%26u") == (answer[0].status, second.target)
    assert (first.body, first.values("content-type")) == (second.body, second.values("content-type"))


def test_what_went_elsewhere_comes_back_without():
    """Home, elsewhere, home: the last URL was chosen by the other origin, so it gets no credential."""
    with serving(Api()) as other, serving(Api()) as api:
        script = Scripted(moved(f"{other.url}/y"))
        script.url = api.url
        other_script = Scripted(moved(f"{api.url}/delete"))
        with serving(other_script), serving(Scripted(moved(f"{other_script.url}/y"))) as first:
            answer = send(with_key(first, api), "GET", first.url)

    assert (200, "inconclusive", [[]]) == (answer[0].status, verdict(answer), [asked.values("x-api-key") for asked in api.asked])


def test_two_requests_of_one_task_are_two_first_hops():
    """A request that follows another in the same task is no redirect of it: outside `servers` it is refused."""

    async def run(auth, here, there):
        async with aiohttp.ClientSession(middlewares=(auth,)) as session:
            async with session.get(here) as response:
                await response.read()
            await session.get(there)

    for timeout in ({}, {"timeout": aiohttp.ClientTimeout(total=None)}):
        with serving(Api()) as api, serving(Api()) as other, pytest.raises(OriginRefused):
            running(run(with_key(api), api.url, other.url))
        assert (1, 0, timeout) == (api.count, other.count, timeout)


def test_two_profiles_in_one_session():
    """A key of the gateway and one of the API behind it: both are placed, and both stay behind on a redirect elsewhere."""

    async def run(auths, url):
        async with aiohttp.ClientSession(middlewares=auths) as session, session.get(url) as response:
            return response.status

    with serving(Api()) as other, serving(Scripted(moved("/b"), moved(other.url))) as api:
        second = with_key(api, auth={"type": "api_key", "fields": [{"in": "header", "key": "X-Gateway", "value": "{{ inputs.api_key }}"}]})
        assert 200 == running(run((with_key(api), second), f"{api.url}/a"))

    assert [(["k3y"], ["k3y"])] * 2 == [(asked.values("x-api-key"), asked.values("x-gateway")) for asked in api.asked]
    assert [([], [])] == [(asked.values("x-api-key"), asked.values("x-gateway")) for asked in other.asked]


# ---- what is shown


def test_nothing_placed_is_in_what_aiohttp_shows():
    """Responses and their errors repeat URL and headers of the request: the caller's, not what was placed."""

    async def run(auth, url):
        async with aiohttp.ClientSession(middlewares=(auth,)) as session, session.get(url, headers={"X-Own": "1"}) as response:
            with pytest.raises(aiohttp.ClientResponseError) as caught:
                response.raise_for_status()
            return f"{response!r} {response.request_info!r} {response.url} {caught.value} {caught.value!r}"

    fields = [{"in": "query", "key": "q", "value": "{{ inputs.api_key }}"}, {"in": "header", "key": "X-Key", "value": "{{ inputs.api_key }}"}]
    with serving(Api(good=Reply(500))) as api:
        shown = running(run(with_key(api, auth={"type": "api_key", "fields": fields}), f"{api.url}/x"))

    assert "/x?q=k3y" == api.asked[0].target
    assert "k3y" not in shown
    assert "X-Own" in shown


def test_nothing_placed_is_in_errors_of_the_network():
    """A server that hangs up, or speaks nonsense."""
    fields = [{"in": "query", "key": "q", "value": "{{ inputs.api_key }}"}]
    for behaviour in (close, replies(b"nonsense\r\n\r\n")):
        with Server(behaviour) as server:
            auth = with_key(server.url, auth={"type": "api_key", "fields": fields})
            with pytest.raises(aiohttp.ClientError) as caught:
                send(auth, "POST", server.url, data=b"x")
        assert "k3y" in server.requests[0].line
        assert "k3y" not in f"{caught.value} {caught.value!r} {vars(caught.value)}"


# ---- which connection


PROFILE = {"format": 1, "name": "acme", "identity_provider": "Acme", "auth": KEY}


def test_named_and_looked_up_for_each_request(tmp_path):
    """By text or by map, in an engine of the caller's; an edited profile counts from the next request on."""
    with serving(Api()) as api:
        file = tmp_path / "acme.json"
        file.write_text(json.dumps({**PROFILE, "servers": [api.url]}))
        run = engine(inputs={"api_key": "k3y"}, settings={"profiles": [str(tmp_path)]})
        for auth in (ProfileAuth(str(file), engine=run), ProfileAuth({"profile": str(file), "tenant": "blue"}, engine=run)):
            assert 200 == send(auth, "GET", api.url)[0].status

    assert [["k3y"]] * 2 == [asked.values("x-api-key") for asked in api.asked]


@every("given, parts", [("", {}), (7, {}), ("a,b=c", {}), ("a", {"path": "x"}), ("a", {"path": "/x?y"})])
def test_wrong_from_the_start(given, parts):
    """What names no profile, and a path that is none, are told when the object is made."""
    with pytest.raises(UsageError):
        ProfileAuth(given, **parts)


def test_nobody_said_where(tmp_path):
    """A profile without `servers`, and one without its key: typed errors from the request."""
    with serving(Api()) as api:
        with pytest.raises(NoServers):
            send(with_key(), "GET", api.url)
        with pytest.raises(MissingInput):
            send(with_key(api, run=engine(inputs={})), "GET", api.url)

    assert 0 == api.count


# ---- WebSockets


@contextlib.asynccontextmanager
async def hosting(route):
    """aiohttp's own server; its host and port."""
    application = web.Application()
    route(application.router)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port := free_port()).start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def echoing(accepts):
    """A WebSocket that wants a token; the tokens that came."""
    tokens = []

    async def echo(request):
        tokens.append(request.headers.get("Authorization"))
        if not accepts(tokens[-1]):
            return web.Response(status=401, text="no")
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(message.data)
        return socket

    async with hosting(lambda router: router.add_get("/live", echo)) as place:
        yield place, tokens


@pytest.mark.parametrize("scheme", ["http", "ws"])
def test_websockets(scheme):
    """The handshake carries the token, is made again with another one after 401, and the socket is the caller's."""

    async def run(identity):
        async with echoing(lambda token: token == "Bearer T2") as (place, tokens):
            auth = ProfileAuth(connect(oauth(identity), f"http://{place}"))
            async with aiohttp.ClientSession(middlewares=(auth,)) as session, session.ws_connect(f"{scheme}://{place}/live") as socket:
                await socket.send_str("hello")
                return await socket.receive_str(), tokens

    with serving(Identity()) as identity:
        assert ("hello", ["Bearer T1", "Bearer T2"]) == running(run(identity))


def test_a_refused_handshake(caplog):
    """aiohttp's own error, which shows no token, and the warning that says what to do."""

    async def run(identity):
        async with echoing(lambda token: False) as (place, _):
            auth = ProfileAuth(connect(oauth(identity), f"http://{place}"))
            async with aiohttp.ClientSession(middlewares=(auth,)) as session:
                await session.ws_connect(f"ws://{place}/live")

    with serving(Identity()) as identity, caplog.at_level(logging.WARNING), pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        running(run(identity))

    assert 401 == caught.value.status
    assert "T2" not in f"{caught.value} {caught.value!r}"
    assert "authweave test acme" in caplog.text


def test_what_needs_a_client_of_ours():
    """NTLM lives on a connection, which aiohttp does not show: NeedsClient, before anything is sent."""
    with serving(Api()) as api, pytest.raises(NeedsClient):
        send(with_key(api, auth={"type": "ntlm"}, run=engine(inputs={"username": "u", "password": "p"})), "GET", api.url)

    assert 0 == api.count


def test_a_body_that_was_used_up_is_not_sent_twice():
    """A pipe has no beginning to go back to: what was sent once is refused, and says why."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as end:
        end.write(b"piped")
    with between(Identity(), Api(accepts=lambda token: token == "T2")) as (identity, api), os.fdopen(reading, "rb") as body:
        answer = send(connected(identity, api), "POST", api.url, data=body)

    assert (401, "refused", [b"piped"]) == (answer[0].status, verdict(answer), [asked.body for asked in api.asked])


def test_a_refusal_before_the_body_has_come():
    """`expect100`, and a server that refuses without asking for the body: the request is made once more, whole."""

    async def run(identity):
        bodies = []

        async def answer(request):
            bodies.append(await request.read())
            return web.Response(text="fine")

        async def refuse(request):
            if request.headers["Authorization"] != "Bearer T2":
                return web.Response(status=401, text="no")
            request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            return None

        async with hosting(lambda router: router.add_post("/x", answer, expect_handler=refuse)) as place:
            auth = ProfileAuth(connect(oauth(identity), f"http://{place}"))
            fresh = aiohttp.TCPConnector(force_close=True)  # aiohttp before 3.14 takes a connection for free whose body it has not sent
            async with (
                aiohttp.ClientSession(middlewares=(auth,), connector=fresh) as session,
                session.post(f"http://{place}/x", data=b"x" * 1000, expect100=True) as response,
            ):
                return response.status, [len(body) for body in bodies]

    with serving(Identity()) as identity:
        assert (200, [1000]) == running(run(identity))

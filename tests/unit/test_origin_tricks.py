"""A credential is attached to requests for the profile's servers alone, whatever URL a platform takes from a conversation, and
whatever a caller's request says of where it goes beside its URL."""

from __future__ import annotations

import asyncio
import contextlib
import pickle
import time

import httpx
import httpx2
import pytest
import requests

from authweave.errors import ApplyError, AuthweaveError, OriginRefused, UrlRefused, UsageError
from authweave.hosts.requests import ProfileAuth
from authweave.values import TaskRequest
from redirecting import CARRIERS, SECRETS, TOKEN, World, connection_for, found_in, led, send
from services import Api, Identity, Reply, connect, engine, profile, says, serving
from thorough import few

PACKAGES = pytest.mark.parametrize("package", [httpx, httpx2], ids=lambda package: package.__name__)
NAMED = {carrier.name: carrier for carrier in CARRIERS}
KEY = SECRETS["api_key"]

ELSEWHERE = [
    "https://api.example@evil.example/", "https://api.example:443@evil.example/", "https://api.example%40evil.example/", "https://evil.example\\@api.example/",
    "https://evil.example\\.api.example/", "https:\\\\evil.example/", "/\\evil.example/x", "\\\\evil.example/x", "https://api.example.evil.example/",
    "https://evilapi.example/", "https://sub.api.example/", "https://example/", "https://API.EXAMPLE.evil.example/", "https://api.example:0444/",
    "https://api.example:8443/", "http://api.example/", "http://api.example:443/", "//evil.example/x", "///evil.example/x", "https:/evil.example/x",
    "https:evil.example", "https://evil\t.example/", "https://ev\nil.example/", "https://api.exa\tmple.evil.example/", "\thttps://evil.example/",
    "https://api.example\u3002evil.example/", "https://api\uff0eexample.evil/", "https://\u0430pi.example/", "https://api.ex\u00e4mple/",
    "https://xn--pi-7kc.example/", "https://[fe80::1%25eth0]/", "https://[fe80::1%eth0]/", "https://[::1]/", "https://%61pi.example/",
    "https://api%2eexample/", "https://api.example%2f@evil.example/", "https://api.example%00.evil.example/", "https://evil.example#@api.example/",
    "https://evil.example?@api.example/", "https://evil.example/https://api.example/", "ftp://api.example/", "wss://evil.example/", "https://2130706433/",
    "https://0x7f.1/", "https://api.example:443:444/", "https://api.example:99999/", "https:// evil.example/", "https://api.example .evil.example/",
    "https://api.example\x00.evil.example/", "javascript://api.example/", "https://",
]  # fmt: skip
HERE = ["https://API.example/x", "https://api.example:443/x", "https://api.example:0443/x", "https://api.example./x", "/x", "x", "/x?next=https://evil.example/"]


@pytest.fixture(scope="module")
def world():
    with World() as world:
        yield world


@pytest.fixture(scope="module")
def keyed():
    return connection_for(NAMED["header"], "", "https://api.example")


@pytest.fixture(autouse=True)
def _from_here_on(world):
    world.seen.clear()


def stayed_home(world):
    """Nothing that another origin got holds the key. Such a relative URL may go home: there it is a path."""
    return [(seen.origin, found_in(seen.raw, {KEY})) for seen in world.seen if seen.origin not in ("https://api.example", "https://api.example.") and found_in(seen.raw, {KEY})] == []


@PACKAGES
@pytest.mark.parametrize("url", few(ELSEWHERE, every=12))
def test_no_url_of_a_conversation_takes_it_elsewhere(world, keyed, package, url):
    """With `auth`: an error of ours or the client's before anything is sent, cold and warm; or the request goes home, and nowhere else."""
    with package.Client(auth=keyed.auth, proxy=world.proxy, verify=world.trust, trust_env=False, base_url="https://api.example") as http:
        for _ in range(2):
            with contextlib.suppress(AuthweaveError, package.HTTPError, package.InvalidURL, ValueError):
                http.get(url)
            http.get("/warm")

    assert stayed_home(world)
    assert [KEY] * 2 == [seen.asked.values("x-api-key")[0] for seen in world.seen if seen.asked.line.startswith("GET /warm ")]


@pytest.mark.parametrize("url", few(ELSEWHERE, every=12))
def test_nor_at_the_other_doors(world, keyed, url):
    """`client()`, `authorize` of a TaskRequest, `headers_for`, and requests."""
    refusals = (AuthweaveError, httpx.HTTPError, httpx.InvalidURL, ValueError)
    with keyed.client(proxy=world.proxy, verify=world.trust, trust_env=False) as http, contextlib.suppress(*refusals):
        http.get(url)
    try:
        prepared = requests.Session().prepare_request(requests.Request("GET", url, auth=ProfileAuth(keyed)))
    except (AuthweaveError, requests.RequestException, ValueError):
        pass
    else:
        assert "https://api.example/" == prepared.url  # requests decodes what is encoded in a host, and then it is home
    if "://" in url.partition("?")[0]:
        with pytest.raises(ApplyError):
            keyed.authorize(TaskRequest("GET", url)).result(10)
        with pytest.raises(ApplyError):
            keyed.headers_for(url).result(10)
    else:
        with contextlib.suppress(AuthweaveError):
            assert keyed.authorize(TaskRequest("GET", url)).result(10).url.startswith("https://api.example/")

    assert stayed_home(world)


@pytest.mark.parametrize("url", HERE)
def test_the_servers_own_urls_are_let_through(world, keyed, url):
    """Its case, its usual port and a final dot are the same origin; relative URLs go to the first server."""
    assert KEY == keyed.authorize(TaskRequest("GET", url)).result(10).header("x-api-key")


def test_a_conversation_fills_no_placeholder():
    """A server's path waits for a secret; braces in the URL of a conversation are braces, and get none of it."""
    connection = connection_for(NAMED["path"], "", "https://api.example")
    for typed in ("/echo/{api_key}", "echo/{api_key}?x={api_key}"):
        url = connection.authorize(TaskRequest("GET", typed)).result(10).url
        assert 1 == len(found_in(url.encode(), {KEY})) == url.count("Planted")
        assert "/echo/%7Bapi_key%7D" in url


@PACKAGES
@pytest.mark.parametrize("colour", ["sync", "async"])
def test_a_warm_connection_refuses_what_a_cold_one_does(package, colour):
    """User names and backslashes in a URL, whatever was sent there before; what clients send as it is, is let through, and a fragment goes nowhere."""
    with serving(Api()) as home:
        connection = connection_for(NAMED["header"], "", home.url)
        ways = [lambda url, way=way: send((package, colour), connection, NAMED["header"], url, by=way) for way in ("auth", "client")[: 2 if package is httpx else 1]]
        for way in ways:
            for _ in range(2):
                for url in (home.url.replace("://", "://user:planted@"), f"{home.url}/a\\b", f"{home.url}/?q=a\\b"):
                    before = home.count
                    with pytest.raises(UrlRefused) as refused:
                        way(url)
                    assert "planted" not in str(refused.value)
                    assert before == home.count
                assert 200 == way(f"{home.url}/x?markers=a|b^c#part").status_code

    assert {"/x?markers=a|b^c"} == {request.target for request in home.asked}


@pytest.mark.parametrize(("character", "called"), [("\\", "backslash"), (" ", "blank"), ("\x85", "control character"), ("\r", "control character"), ("<", "`<`"), ("`", "backtick"), ("\u00e9", "character beyond ASCII")])
def test_a_refused_url_says_what_is_in_it(keyed, character, called):
    """And how it is written instead, not what else the URL holds."""
    with pytest.raises(ApplyError, match=f"a URL holds no {called}: percent-encode it$"):
        keyed.headers_for(f"https://api.example/planted?q={character}").result(10)


# ---- what a request says of where it goes, beside its URL


@PACKAGES
@pytest.mark.parametrize("host", ["evil.example", "api.example:8443", "api.example@evil.example", "evil.example, api.example", "", "sub.api.example", "api.example/x"])
def test_a_host_header_of_another_server_is_refused(world, keyed, package, host):
    """Who shares the address of a server may get what names it in `Host`; refused before it is sent, cold and warm, at each door."""
    headers = {"Host": host}
    with package.Client(proxy=world.proxy, verify=world.trust, trust_env=False) as http:
        for _ in range(2):
            with pytest.raises(OriginRefused, match="header names another server"):
                http.get("https://api.example/x", auth=keyed.auth, headers=headers)
            http.get("https://api.example/x", auth=keyed.auth, headers={"Host": "API.example:443"})
        with pytest.raises(OriginRefused, match="header names another server"):
            keyed.authorize(package.Request("GET", "https://api.example/x", headers=headers)).result(10)
    with pytest.raises(OriginRefused, match="header names another server"):
        keyed.authorize(TaskRequest("GET", "/x", (("host", host),))).result(10)
    with pytest.raises(OriginRefused, match="header names another server"):
        requests.Session().prepare_request(requests.Request("GET", "https://api.example/x", headers=headers, auth=ProfileAuth(keyed)))

    assert {"API.example:443"} == {value for seen in world.seen for value in seen.asked.values("host") if b"x-api-key" in seen.raw.lower()}


@PACKAGES
def test_other_ways_beside_the_url_are_refused(keyed, package):
    """`target` would replace what was placed into the URL, `sni_hostname` have another server's certificate believed."""
    with package.Client(trust_env=False) as http:
        for _ in range(2):
            with pytest.raises(OriginRefused, match="sni_hostname"):
                http.get("https://api.example/x", auth=keyed.auth, extensions={"sni_hostname": "evil.example"})
            with pytest.raises(UsageError, match="target"):
                http.get("https://api.example/x", auth=keyed.auth, extensions={"target": b"https://evil.example/"})
    assert keyed.authorize(package.Request("GET", "https://api.example/x", extensions={"sni_hostname": "API.example"})).result(10)


@PACKAGES
@pytest.mark.parametrize("warm", [False, True], ids=["cold", "warm"])
def test_what_a_hook_writes_anew_is_looked_at_again(package, warm):
    """A hook of the client runs after the credential was placed: another URL, Host or target is refused before it is written."""
    changes = [
        lambda request: setattr(request, "url", package.URL(other.url)), lambda request: request.headers.update({"Host": "evil.example"}),
        lambda request: request.extensions.update({"target": b"http://127.0.0.1:9/"}), lambda request: request.extensions.update({"sni_hostname": "evil.example"}),
    ]  # fmt: skip
    with serving(Api()) as home, serving(Api()) as other:
        auth = connection_for(NAMED["header"], "", home.url).auth
        for change in changes:
            with package.Client(auth=auth, trust_env=False) as http:
                if warm:
                    http.get(home.url)
                http.event_hooks = {"request": [change]}
                with pytest.raises(OriginRefused):
                    http.get(home.url)

    assert (len(changes) if warm else 0, 0) == (home.count, other.count)


# ---- who takes the guard off


@PACKAGES
@pytest.mark.parametrize("given", ["item", "update", "attribute", "deleted"])
@pytest.mark.parametrize("colour", ["sync", "async"])
def test_an_authorized_request_keeps_its_guard(package, given, colour):
    """A caller who puts a trace of his own into a finished request, or other extensions, is heard, and takes nothing away."""
    heard = []

    def sync_trace(event, info):
        heard.append(event)

    async def async_trace(event, info):
        heard.append(event)

    trace = sync_trace if colour == "sync" else async_trace
    with serving(Api()) as home, serving(Api()) as other:
        home.good = Reply(302, b"", (("Location", f"{other.url}/x"),))
        finished = connection_for(NAMED["header"], "", home.url).authorize(package.Request("GET", f"{home.url}/x")).result(10)
        if given == "item":
            finished.extensions["trace"] = trace
        elif given == "update":
            finished.extensions.update(trace=trace)
        elif given == "attribute":
            finished.extensions = {"trace": trace}
        else:
            del finished.extensions["trace"]

        async def run():
            async with package.AsyncClient(trust_env=False, follow_redirects=True) as http:
                await http.send(finished)

        if colour == "sync":
            with package.Client(trust_env=False, follow_redirects=True) as http:
                http.send(finished)
        else:
            asyncio.run(run())

    assert ([[KEY]], [[]]) == ([asked.values("x-api-key") for asked in home.asked], [asked.values("x-api-key") for asked in other.asked])
    assert (given == "deleted") != bool(heard)
    assert isinstance(finished, package.Request)
    assert type(pickle.loads(pickle.dumps(finished))) is package.Request


@PACKAGES
def test_a_hook_that_takes_the_guard_off_each_hop_is_told(package):
    """What a client's own hook takes off for every hop cannot be kept; that it was led away without is an error that says so."""
    with serving(Api()) as home, serving(Api()) as other:
        home.good = Reply(302, b"", (("Location", f"{other.url}/x"),))
        hooks = {"request": [lambda request: request.extensions.pop("trace", None)]}
        with package.Client(trust_env=False, follow_redirects=True, event_hooks=hooks) as http, pytest.raises(OriginRefused, match="may have gone along"):
            http.get(home.url, auth=connection_for(NAMED["header"], "", home.url).auth)


# ---- redirects that are meant


@PACKAGES
def test_a_presigned_url_works(package):
    """A storage's own signed URL: followed without credential, its query as it was signed."""
    signed = "/bucket/a%20b?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKID%2F20260101%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Signature=abc%3D&region=eu+1"
    with serving(Api()) as storage, serving(Api()) as home:
        storage.good = says({"file": 1})
        home.good = Reply(302, b"", (("Location", storage.url + signed),))
        for carrier in (NAMED["header"], NAMED["query"], NAMED["sigv4"], NAMED["basic"]):
            response = send((package, "sync"), connection_for(carrier, "", home.url), carrier, f"{home.url}/x")
            assert (200, {"file": 1}) == (response.status_code, response.json())

    assert {signed} == {asked.target for asked in storage.asked}
    assert not [asked for asked in storage.asked if asked.values("authorization") or asked.values("x-api-key") or asked.values("x-amz-date")]


@PACKAGES
@pytest.mark.parametrize("echo", few(["/login?next=%2Fx%3Fapi_key%3D{}", "/login?next=%252Fx%253Fkey%253D{}", "/{}/x", "/x?token={}", "/x?a=1%26api_key%3D{}"], every=5))
def test_a_secret_that_a_redirect_repeats_in_another_way_is_not_carried(package, echo):
    """Taken over as a part of another URL, under another name, or into the path: such a redirect is refused."""
    for carrier in (NAMED["query"], NAMED["header"], NAMED["bearer"], NAMED["cookie"], NAMED["path"]):
        with serving(Api()) as other, serving(Api()) as home:
            home.good = Reply(302, b"", (("Location", other.url + echo.format(KEY.replace("/", "%2F").replace("+", "%2B").replace("=", "%3D"))),))
            with pytest.raises(OriginRefused, match="redirect repeats"):
                send((package, "sync"), connection_for(carrier, "", home.url), carrier, f"{home.url}/x")
        assert (1, 0) == (home.count, other.count)


def test_redirects_to_a_stranger_cost_little_however_long_the_secrets_are():
    """Who owns profile and API places what takes long to be looked for, and redirects as often as a client follows: the event loop is everybody's."""
    names = [f"key{number}" for number in range(4)]
    secrets = {name: f"{name}/" + 'a+b&c="d" ' * 800 + "e" for name in names}
    auth = {"type": "custom", "fields": [{"in": "header", "key": f"X-{name}", "value": f"{{{{ inputs.{name} }}}}"} for name in names]}
    with serving(Api()) as other, serving(Api()) as home:
        home.good = Reply(302, b"", (("Location", f"{other.url}/x"),))
        other.good = Reply(302, b"", (("Location", "/again"),))
        connection = engine(inputs=secrets).connect(profile(auth, home.url, inputs={name: {"secret": True} for name in names}))

        async def send_it():
            began = time.process_time()
            async with httpx.AsyncClient(trust_env=False, follow_redirects=True, max_redirects=8) as http:
                with contextlib.suppress(httpx.TooManyRedirects):
                    await http.get(f"{home.url}/x", auth=connection.auth)
            return time.process_time() - began

        assert asyncio.run(send_it()) < 3

    assert (1, 8) == (home.count, other.count)
    assert not [name for name in names for asked in other.asked if asked.values(f"x-{name}")]


@PACKAGES
def test_a_loop_stops_at_the_clients_limit(world, package):
    """a → a, for ever: the client's own limit ends it, and no hop left."""
    with serving(Api()) as home:
        home.good = Reply(302, b"", (("Location", "/again"),))
        for carrier in (NAMED["header"], NAMED["sigv4"]):
            home.asked.clear()
            with package.Client(trust_env=False, follow_redirects=True, max_redirects=5) as http, pytest.raises(package.TooManyRedirects):
                http.get(f"{home.url}/x", auth=connection_for(carrier, "", home.url).auth)
            assert 6 == home.count


@PACKAGES
@pytest.mark.parametrize("carrier", [NAMED["sigv4"], NAMED["oauth1"], NAMED["hmac"], NAMED["digest"], NAMED["dpop"]], ids=repr)
@pytest.mark.parametrize("colour", ["sync", "async"])
def test_signatures_are_made_for_the_url_of_the_hop(world, package, carrier, colour):
    """On the same origin what was made for one URL is never sent for another: each hop has its own, in one pass."""
    with serving(Identity(more={"access_token": TOKEN, "token_type": "DPoP"})) as identity:
        url = world.home + led(307, "/digest/landed?b=2" if carrier.name == "digest" else "/landed?b=2", carrier)
        send((package, colour), connection_for(carrier, identity.url, world.home), carrier, url, verify=world.trust)

    first, last = world.at(world.home)[-2:]
    names = {"sigv4": "authorization", "oauth1": "authorization", "hmac": "x-signature", "digest": "authorization", "dpop": "dpop"}
    proofs = [seen.asked.values(names[carrier.name]) for seen in (first, last)]
    assert [1, 1] == list(map(len, proofs))
    assert proofs[0] != proofs[1]
    if carrier.name == "digest":
        assert 'uri="/digest/landed?b=2"' in proofs[1][0]
    if carrier.name == "dpop":
        from signing import parts

        assert [f"{world.home}/landed"] == [parts(proofs[1][0])[1]["htu"]]


@PACKAGES
@pytest.mark.parametrize("status", few([302, 301, 303, 307, 308], every=3))
@pytest.mark.parametrize("carrier", few([NAMED["header"], NAMED["query"], NAMED["cookie"], NAMED["sigv4"], NAMED["dpop"], NAMED["basic"]], every=3), ids=repr)
def test_who_was_away_does_not_come_home(world, package, carrier, status):
    """Home, a stranger, home, and on at home: from the stranger on nothing is added, for the stranger chose the URL; the verdict says so."""
    with serving(Identity(more={"access_token": TOKEN, "token_type": "DPoP"})) as identity:
        for back in ("/delete", led(status, "/delete")):
            url = world.home + led(status, world.port + led(status, world.home + back))
            world.seen.clear()
            response = send((package, "sync"), connection_for(carrier, identity.url, world.home), carrier, url, verify=world.trust)

            assert "by way" in response.extensions["authweave"].reason or "and that one back" in response.extensions["authweave"].reason
            first, *others = world.seen
            assert len(others) == (2 if back == "/delete" else 3)
            names = {"authorization", "x-api-key", "dpop", "cookie", "x-amz-date"}
            assert {name.lower() for name, _ in first.asked.headers} & names or KEY in first.asked.line.replace("%2F", "/").replace("%2B", "+").replace("%3D", "=")
            assert not [seen for seen in others if {name.lower() for name, _ in seen.asked.headers} & names or b"api_key" in seen.raw]


def test_a_platform_that_connects_anew_is_let_through():
    """One finished request, sent twice: the second sending is a first hop again."""
    with serving(Api()) as home, serving(Api()) as other:
        home.good = Reply(302, b"", (("Location", f"{other.url}/x"),))
        finished = connect({"type": "api_key"}, home, run=engine(inputs={"api_key": KEY})).authorize(httpx.Request("GET", f"{home.url}/x")).result(10)
        for _ in range(2):
            with httpx.Client(trust_env=False, follow_redirects=True) as http:
                http.send(finished)

    assert [[KEY], [KEY]] == [asked.values("x-api-key") or asked.values("authorization") for asked in home.asked]
    assert not [asked for asked in other.asked if KEY in str(asked)]

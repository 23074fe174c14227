"""What a profile added never reaches another origin, whichever redirect, package and colour: real sockets on each end."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging

import httpx
import httpx2
import pytest

from authweave.clients.redirect_guard import AWAY, RedirectGuard, carried, is_host_of
from authweave.errors import OriginRefused, UrlRefused
from parts.vectors import load
from services import Api, Identity, Reply, connect, engine, oauth, serving
from sockets import Server, answers, connect_proxy
from thorough import every, few

STATUSES = [301, 302, 303, 307, 308]
FIELDS = [
    {"in": "header", "key": "Authorization", "value": "Bearer {{ inputs.api_key }}"}, {"in": "header", "key": "X-API-Key", "value": "{{ inputs.api_key }}"},
    {"in": "header", "key": "DPoP", "value": "{{ inputs.api_key }}"}, {"in": "cookie", "key": "s", "value": "{{ inputs.api_key }}"},
]  # fmt: skip
KEY = "k3y-planted-4711"


def send(package, colour, auth, method, url, **parts):
    """Through a client that follows redirects."""
    options = {"auth": auth, "trust_env": False, "follow_redirects": True, **parts.pop("client", {})}
    if colour == "sync":
        with package.Client(**options) as client:
            return client.request(method, url, **parts)

    async def run():
        async with package.AsyncClient(**options) as client:
            return await client.request(method, url, **parts)

    return asyncio.run(run())


DOORS = {"httpx sync": (httpx, "sync"), "httpx async": (httpx, "async"), "httpx2 sync": (httpx2, "sync"), "httpx2 async": (httpx2, "async")}


@pytest.fixture(params=few(DOORS, every=3))
def door(request):
    return DOORS[request.param]


def redirects(location, status=302, set_cookie=()):
    return Reply(status, b"", (("Location", location), *set_cookie))


@contextlib.contextmanager
def two(status=302, path="/landed"):
    """A home that redirects to another origin."""
    with serving(Api()) as other, serving(Api()) as home:
        home.good = redirects(f"{other.url}{path}", status)
        yield home, other


def keyed(home, fields=FIELDS, **more):
    auth = {"type": "api_key", "fields": fields}
    return connect(auth, home, run=engine(inputs={"api_key": KEY}), **more).auth


def shown(request):
    return f"{request.target} {request.headers} {request.body!r}"


@pytest.mark.parametrize("status", few(STATUSES, every=2))
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_headers_and_cookies_stay_at_home(door, status, method):
    """Every status, with and without a body: the other origin gets the request without what was added."""
    with two(status) as (home, other):
        response = send(*door, keyed(home), method, f"{home.url}/x", headers={"X-Own": "stays"}, **({"json": {"n": 1}} if method == "POST" else {}))

    assert (1, 1) == (home.count, other.count)
    assert 4 <= shown(home.asked[0]).count(KEY)
    assert KEY not in shown(other.asked[0])
    assert ["stays"] == other.asked[0].values("x-own")
    assert "inconclusive" == response.extensions["authweave"].verdict


def test_every_vector_of_the_redirect_policy(door):
    """The credentials that httpx by itself forwards stay at home as well."""
    for vector in load("policy_redirects.json")["vectors"]:
        name = {"DPoP": "DPoP", "Cookie": "Cookie"}.get(vector["credential_in"].rpartition(" ")[2], "X-API-Key")
        place = {"in": "cookie", "key": "s"} if name == "Cookie" else {"in": "header", "key": name}
        with two() as (home, other):
            send(*door, keyed(home, [{**place, "value": "{{ inputs.api_key }}"}]), "GET", home.url)
        assert home.asked[0].values(name)
        assert not other.asked[0].values(name)


@pytest.mark.parametrize("status", STATUSES)
def test_at_home_the_credential_stays(door, status):
    """A redirect within the origin keeps the headers; httpx itself drops the Cookie header on every redirect."""
    with serving(Api()) as home:
        home.good = None
        home.__class__ = Steps
        home.steps = [redirects("/landed", status), Reply()]
        response = send(*door, keyed(home), "GET", f"{home.url}/x")

    assert [[KEY], [KEY]] == [request.values("x-api-key") for request in home.asked]
    assert "accepted" == response.extensions["authweave"].verdict


class Steps(Api):
    """An API that answers with one step after another."""

    def __call__(self, request):
        self.asked.append(request)
        return self.steps.pop(0)


def test_there_and_back_again(door):
    """Home, elsewhere, home: what comes back by way of a stranger goes to a URL that the stranger chose, and carries nothing."""
    with serving(Api()) as other, serving(Api()) as home:
        home.__class__ = Steps
        home.steps = [redirects(f"{other.url}/away"), Reply()]
        other.good = redirects(f"{home.url}/back")
        response = send(*door, keyed(home), "GET", home.url)

    assert ([[KEY], []], [[]]) == ([r.values("dpop") for r in home.asked], [r.values("dpop") for r in other.asked])
    assert KEY not in shown(home.asked[1])
    assert "inconclusive" == response.extensions["authweave"].verdict


@pytest.mark.parametrize("url", ["http://localhost:{port}/x", "http://127.0.0.1:{port}/x"])
def test_another_name_is_another_origin(door, url):
    """The same machine and port by another name is another origin; by the same name it is home."""
    with serving(Api()) as home:
        home.__class__ = Steps
        home.steps = [redirects(url.format(port=home.url.rpartition(":")[2])), Reply()]
        send(*door, keyed(home), "GET", home.url)

    is_home = "127.0.0.1" in url
    assert [[KEY], [KEY] if is_home else []] == [request.values("dpop") for request in home.asked]


@pytest.mark.parametrize("status", STATUSES)
def test_a_placed_payload_is_not_resent(door, status):
    """307 and 308 would carry the body elsewhere: refused. The others become a GET without it."""
    fields = [{"in": "payload", "key": "key", "value": "{{ inputs.api_key }}"}]
    with two(status) as (home, other):
        if status in (307, 308):
            with pytest.raises(OriginRefused) as caught:
                send(*door, keyed(home, fields), "POST", home.url, json={"n": 1})
            assert KEY not in str(caught.value)
        else:
            send(*door, keyed(home, fields), "POST", home.url, json={"n": 1})
            assert b"" == other.asked[0].body

    assert all(KEY not in shown(request) for request in other.asked)
    assert KEY in shown(home.asked[0])


@pytest.mark.parametrize("status", few([302, 308, 303], every=2))
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_placed_payload_of_a_get_is_not_resent_either(door, status, method):
    """httpx keeps the body of a GET or HEAD whatever the status: it is refused, from `auth` and from `authorize`."""
    package, colour = door
    fields = [{"in": "payload", "key": "key", "value": "{{ inputs.api_key }}"}]
    with two(status) as (home, other):
        connection = connect({"type": "api_key", "fields": fields}, home, run=engine(inputs={"api_key": KEY}))
        with pytest.raises(OriginRefused, match="carry the body"):
            send(package, colour, connection.auth, method, f"{home.url}/x", json={"n": 1})
        finished = connection.authorize(package.Request(method, f"{home.url}/x", json={"n": 1})).result()
        with pytest.raises(OriginRefused, match="carry the body"), package.Client(trust_env=False, follow_redirects=True) as client:
            client.send(finished)

    assert (2, 0) == (home.count, other.count)


@pytest.mark.parametrize("status", [302, 307])
def test_what_a_redirect_repeats_of_the_query_stays_at_home(door, status):
    """A server that leads elsewhere with the query as it came, or as it writes it: what was placed is taken out, the rest stays."""
    fields = [{"in": "query", "key": "api key", "value": "{{ inputs.api_key }}"}]
    with two() as (home, other):
        home.good = redirects(f"{other.url}/landed?a=1&api+key=k3y%2Dplanted-4711&b=2", status)
        send(*door, keyed(home, fields), "GET", f"{home.url}/x?a=1")

    assert 1 == shown(home.asked[0]).count(KEY)
    assert ["/landed?a=1&b=2"] == [asked.target for asked in other.asked]


def test_what_a_redirect_repeats_of_the_path_goes_nowhere_else(door):
    """What was filled in cannot be taken out of a path: such a redirect is refused, any other is followed."""
    fields = [{"in": "path", "key": "key", "value": "{{ inputs.api_key }}"}]
    parts = {"extensions": {"authweave": {"path": "/bot{key}/getMe"}}}
    with two() as (home, other):
        auth = keyed(f"{home.url}/bot{{key}}", fields)
        home.good = redirects(f"{other.url}/bot{KEY}/getMe")
        with pytest.raises(OriginRefused, match="put into the path"):
            send(*door, auth, "GET", home.url, **parts)
        home.good = redirects(f"{other.url}/getMe")
        send(*door, auth, "GET", home.url, **parts)

    assert ["/getMe"] == [asked.target for asked in other.asked]


@pytest.mark.parametrize("status", [307, 308])
def test_a_payload_follows_at_home(door, status):
    """Within the origin the body goes along, credential and all."""
    fields = [{"in": "payload", "key": "key", "value": "{{ inputs.api_key }}"}]
    with serving(Api()) as home:
        home.__class__ = Steps
        home.steps = [redirects("/landed", status), Reply()]
        send(*door, keyed(home, fields), "POST", home.url, json={"n": 1})

    assert [True, True] == [KEY.encode() in request.body for request in home.asked]


def test_a_401_of_another_origin_renews_nothing(door):
    """Another origin, which got no token, says 401: our token is not what is wrong, and nothing is sent again."""
    with serving(Identity()) as identity, two() as (home, other):
        other.good = Reply(401, b"")
        response = send(*door, connect(oauth(identity), home).auth, "GET", home.url)

    assert (1, 1, 1, 401) == (identity.count, home.count, other.count, response.status_code)
    assert "inconclusive" == response.extensions["authweave"].verdict


def test_warm_requests_are_guarded_as_well(door):
    """The quick way of a warm token has its guard, too."""
    package, colour = door
    with serving(Identity()) as identity, two() as (home, other):
        auth = connect(oauth(identity), home, fields=[{"in": "header", "key": "X-Tenant", "value": "t"}]).auth
        for _ in range(3):
            send(package, colour, auth, "GET", home.url)

    assert (1, 3, 3) == (identity.count, home.count, other.count)
    assert not [request for request in other.asked if request.values("authorization") or request.values("x-tenant")]
    assert [["t"]] * 3 == [request.values("x-tenant") for request in home.asked]


def test_the_retry_after_a_renewal_is_guarded_as_well(door):
    """The second send is a request of its own, with a guard of its own."""
    with serving(Identity()) as identity, two() as (home, other):
        home.accepts = lambda token: token == "T2"
        send(*door, connect(oauth(identity), home).auth, "GET", home.url)

    assert (["T1", "T2"], [""]) == (home.tokens, other.tokens)


def test_the_callers_own_trace_is_called(door):
    """A trace that the caller gave is called for every event, also on the way elsewhere and after a renewal."""
    package, colour = door
    events = []

    def sync_trace(event, info):
        events.append(event)

    async def async_trace(event, info):
        events.append(event)

    with serving(Identity()) as identity, two() as (home, other):
        home.accepts = lambda token: token == "T2"
        auth = connect(oauth(identity), home).auth
        send(package, colour, auth, "GET", home.url, extensions={"trace": sync_trace if colour == "sync" else async_trace})

    assert 3 == events.count("http11.send_request_headers.started")
    assert ["T1", "T2", ""] == [*home.tokens, *other.tokens]


def test_own_clients_guard(door):
    """`client()` and `async_client()` as well."""
    _, colour = door
    with two() as (home, other):
        connection = connect({"type": "api_key", "fields": FIELDS}, home, run=engine(inputs={"api_key": KEY}))
        if colour == "sync":
            with connection.client(follow_redirects=True) as client:
                client.get("/x")
        else:

            async def run():
                async with connection.async_client(follow_redirects=True) as client:
                    await client.get("/x")

            asyncio.run(run())

    assert (1, 1, False) == (home.count, other.count, KEY in shown(other.asked[0]))


def led_away(request):
    return httpx.Response(302, headers={"Location": "https://other.example/"}) if request.url.host == "api.example" else httpx.Response(200)


def test_a_transport_without_trace_is_refused_once_it_was_led_away():
    """A transport that never calls `trace` cannot be guarded: a redirect that it followed to another origin is an error, which says why."""
    connection = connect({"type": "api_key"}, "https://api.example", run=engine(inputs={"api_key": KEY}))
    with httpx.Client(transport=httpx.MockTransport(led_away), follow_redirects=True) as client:
        with pytest.raises(OriginRefused, match=r"no `trace`.*client\(\)") as caught:
            client.get("https://api.example/x", auth=connection.auth)
        finished = connection.authorize(httpx.Request("GET", "https://api.example/x")).result(10)
        with pytest.raises(OriginRefused, match="no `trace`"):
            connection.handle_response(finished, client.send(finished)).result(10)

    assert KEY not in str(caught.value)


def test_a_transport_without_trace_says_so(caplog):
    """A redirect that such a transport brings, and that was not followed, is told before somebody follows it by hand."""
    auth = connect({"type": "api_key"}, "https://api.example", run=engine(inputs={"api_key": KEY})).auth
    with caplog.at_level(logging.WARNING, "authweave"), httpx.Client(auth=auth, transport=httpx.MockTransport(led_away)) as client:
        client.get("https://api.example/x")

    [record] = caplog.records
    assert "client()" in record.getMessage()
    assert KEY not in record.getMessage()


def test_client_guards_over_a_transport_without_trace():
    """`client()` takes off by itself what was added, whatever sends for it; also where hooks are given later, and write the URL anew."""
    got = []

    def answer(request):
        got.append(str(request.headers))
        return led_away(request)

    connection = connect({"type": "api_key"}, "https://api.example", run=engine(inputs={"api_key": KEY}))
    with connection.client(transport=httpx.MockTransport(answer), follow_redirects=True) as client:
        response = client.get("/x")
        client.event_hooks = {"request": [lambda request: setattr(request, "url", httpx.URL("https://other.example/"))]}
        with pytest.raises(OriginRefused, match="changed to another origin"):
            client.get("/x")

    assert [True, False] == [KEY in headers for headers in got]
    assert "inconclusive" == response.extensions["authweave"].verdict


def test_a_client_of_ones_own_below_client_guards_as_well():
    """Instrumentation makes subclasses of the class of a client; hooks of theirs are set as on any other."""
    connection = connect({"type": "api_key"}, "https://api.example", run=engine(inputs={"api_key": KEY}))
    with connection.client() as made:
        below = type("Instrumented", (type(made),), {})

    with below(connection, transport=httpx.MockTransport(led_away)) as client:
        client.event_hooks = {"request": [lambda request: setattr(request, "url", httpx.URL("https://other.example/"))]}
        with pytest.raises(OriginRefused, match="changed to another origin"):
            client.get("/x")


def test_through_a_proxy_without_a_tunnel(door):
    """Plain http through a proxy: the proxy's address is not where the request goes, so the credential stays in it."""
    package, colour = door
    seen = []

    def proxy(peer):
        seen.append(peer.request())
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")

    with Server(proxy) as through:
        send(package, colour, keyed("http://127.0.0.1:4711"), "GET", "http://127.0.0.1:4711/x", client={"proxy": through.url.rstrip("/")})

    [asked] = seen
    assert "GET http://127.0.0.1:4711/x HTTP/1.1" == asked.line
    assert [KEY] == asked.values("x-api-key")


def test_through_a_proxy_with_a_tunnel(door):
    """CONNECT carries no credential; the request inside the tunnel does."""
    from certificates import Authority
    from sockets import tls_server

    package, colour = door
    authority = Authority()
    import ssl

    context = ssl.create_default_context(cadata=authority.pem)
    with tls_server(answers(body=b"{}"), authority, "api.example") as home, Server(connect_proxy(home.port)) as through:
        send(package, colour, keyed("https://api.example"), "GET", "https://api.example/x", client={"proxy": through.url.rstrip("/"), "verify": context})

    assert [[], [KEY]] == [request.values("x-api-key") for request in (*through.requests, *home.requests)]


class Url:
    def __init__(self, scheme, host, port, target=b"/"):
        self.scheme, self.host, self.port, self.target = scheme, host, port, target


class Hop:
    def __init__(self, url, method=b"GET", host=None):
        self.url, self.method, self.extensions = url, method, {}
        self.headers = [(b"Host", host or url.host), (b"X-KEY", b"k"), (b"Accept", b"*/*")]


def guard_for(*home, names=("x-key",)):
    """A guard whose first hop was at home."""
    guard = RedirectGuard(carried(*home, names))
    guard.in_sync("http11.send_request_headers.started", {"request": Hop(Url(home[0].encode(), home[1], home[2]))})
    return guard


@every("url, home", [
    (Url(b"https", b"api.example", None), True), (Url(b"https", b"API.example", 443), True), (Url(b"https", b"api.example", 444), False),
    (Url(b"http", b"api.example", 443), False), (Url(b"http", b"api.example", None), False), (Url(b"https", b"api.example.", None), False),
    (Url(b"https", b"sub.api.example", None), False), (Url(b"https", b"example", None), False), (Url(b"ftp", b"api.example", None), False),
    (Url(b"http", b"proxy.example", 3128, b"https://api.example/x"), True), (Url(b"http", b"proxy.example", 3128, b"https://api.example:443"), True),
    (Url(b"http", b"proxy.example", 3128, b"https://evil.example/x"), False), (Url(b"https", b"api.example", None, b"https://evil.example/"), False),
    (Url(b"https", b"api.example", None, b"/https://evil.example/"), True), (Url(b"http", b"proxy", 1, b"https://api.example@evil.example/"), False),
    (Url(b"http", b"proxy", 1, b"https://api.example:443@evil.example/"), False),
])  # fmt: skip
def test_which_hops_are_home(url, home):
    """Scheme, host and port; behind a proxy those of the target. What cannot be told is not home."""
    hop = Hop(url, host=b"api.example")
    guard_for("https", b"api.example", None).in_sync("http11.send_request_headers.started", {"request": hop})

    assert home == any(name == b"X-KEY" for name, _ in hop.headers)
    assert {b"Host", b"Accept"} <= {name for name, _ in hop.headers}


@pytest.mark.parametrize("address", ["[::1]", "127.0.0.1"])
def test_addresses(address):
    """IPv6 with and without its brackets."""
    for written in (address, address.strip("[]")):
        hop = Hop(Url(b"https", written.encode(), None), host=address.encode())
        guard_for("https", address.encode(), 443).in_sync("http2.send_request_headers.started", {"request": hop})
        assert 3 == len(hop.headers)


def test_other_events_change_nothing():
    """Only before headers are written is anything taken out."""
    hop = Hop(Url(b"https", b"evil.example", None))
    for event in ("http11.send_request_headers.complete", "connection.connect_tcp.started", "http11.send_request_body.started"):
        guard_for("https", b"api.example", None).in_sync(event, {"request": hop})

    assert 3 == len(hop.headers)


def test_a_host_with_a_port_of_thousands_of_digits_is_refused_in_words():
    """Python reads no such number; the request is refused like one for any other host."""
    auth = connect({"type": "api_key"}, "https://api.example", run=engine(inputs={"api_key": KEY})).auth
    with httpx.Client(auth=auth, transport=httpx.MockTransport(lambda _: httpx.Response(200))) as client, pytest.raises(OriginRefused):
        client.get("https://api.example/x", headers={"Host": f"api.example:{'9' * 5000}"})
    with httpx.Client(auth=auth, transport=httpx.MockTransport(lambda _: httpx.Response(200))) as client, pytest.raises(OriginRefused):
        client.get("https://api.example/x", extensions={"sni_hostname": f"api.example:{'9' * 5000}"})

    assert not is_host_of(b"api.example:" + b"9" * 5000, (b"https", b"api.example", 443))


ORIGIN = ("https", b"api.example", None)
KEPT = (b"Accept", b"*/*")


def hop(path=b"/landed", *headers, host=b"evil.example", method=b"GET", **extensions):
    """A hop with these headers; elsewhere, unless another host is said."""
    made = Hop(Url(b"https", host, None, path), method)
    made.headers, made.extensions = [*headers, KEPT], extensions
    return made


def left_of(carries, *hops, event="http2.send_request_headers.started", then=None):
    """What is left of the last hop, after a first one at home."""
    guard = RedirectGuard(carries, then)
    for each in (hop(b"/first", host=b"api.example"), *hops):
        guard.in_sync(event, {"request": each})
    last = hops[-1]
    return last.url.target, [header for header in last.headers if header != KEPT]


def test_what_a_hop_elsewhere_keeps():
    """Whatever a client copies from hop to hop (today's drop cookies by themselves), however it is written, on both versions of HTTP."""
    cookies, pairs = carried(*ORIGIN, cookies=["s"]), carried(*ORIGIN, pairs=["key=a b"])
    mine = (b"X-Own", b"stays")
    kept = [
        (carried(*ORIGIN, ["X-Key"]), hop(b"/x", (b"x-KEY", b"k"), mine), (b"/x", [mine])),
        (cookies, hop(b"/x", (b"cookie", b"a=1; s=k; b=2"), mine), (b"/x", [(b"cookie", b"a=1; b=2"), mine])),
        (cookies, hop(b"/x", (b"Cookie", b"a=1;s=k"), mine), (b"/x", [(b"Cookie", b"a=1"), mine])),
        (cookies, hop(b"/x", (b"COOKIE", b"s=k"), mine), (b"/x", [mine])),
        (pairs, hop(b"/x?a=1&k%65y=a+b&key=a%20b&b=2"), (b"/x?a=1&b=2", [])),
        (pairs, hop(b"/x?key=a+b"), (b"/x", [])),
        (carried(*ORIGIN, has_payload=True), hop(b"/x", (b"Content-Length", b"0")), (b"/x", [(b"Content-Length", b"0")])),
        (carried(*ORIGIN, ["x-key"]), hop(b"/x", (b"X-Key", b"k"), method=b"CONNECT"), (b"/x", [])),  # no tunnel: a method like any other
    ]  # fmt: skip
    wrong = [
        (wanted, found) for carries, each, wanted in kept for event in ("http11.send_request_headers.started", "http2.send_request_headers.started")
        for found in [left_of(carries, hop(each.url.target, *each.headers[:-1], method=each.method), event=event)] if wanted != found
    ]  # fmt: skip

    assert [] == wrong


def test_what_no_hop_may_repeat():
    """What cannot be taken out of a request ends it: bodies, and secrets in a URL, encoded up to three times."""
    payload, secret = carried(*ORIGIN, has_payload=True), carried(*ORIGIN, secrets=["eight/88", "open sesame"])
    refused = [
        (payload, hop(b"/x", method=b"PUT")), (payload, hop(b"/x", method=b"PATCH")), (payload, hop(b"/x", method=b"DELETE")),
        (payload, hop(b"/x", (b"Transfer-Encoding", b"chunked"))), (payload, hop(b"/x", (b"content-length", b"9"))),
        (carried(*ORIGIN, segments=["a b"]), hop(b"/x/a%20b/y")),
        *((secret, hop(target)) for target in (b"/x?y=eight/88", b"/eight%2F88", b"/x?y=z%3Deight%252F88", b"/x?y=eight%25252f88", b"/x?y=open+sesame", b"/open%20sesame")),
    ]  # fmt: skip
    passed = []
    for carries, each in refused:
        with contextlib.suppress(OriginRefused):
            passed.append(left_of(carries, each))

    assert [] == passed


def test_who_was_away_stays_so_however_it_is_told():
    """By the guard that travels along, and by the mark on the hop, which a copy of the guard finds: also back at the very first URL, and for the rest of the way."""
    key = (b"X-Key", b"k")
    carries = carried(*ORIGIN, ["x-key"])
    home = {"host": b"api.example"}
    away = hop(b"/x", key)

    assert (b"/other", []) == left_of(carries, away, hop(b"/other", key, **home))
    assert away.extensions[AWAY] is True
    assert (b"/first", []) == left_of(carries, hop(b"/x", key), hop(b"/first", key, **home, **away.extensions))
    assert (b"/other", []) == left_of(carries, hop(b"/other", key, **home, **away.extensions))
    assert (b"/first", [key]) == left_of(carries, hop(b"/x", key), hop(b"/first", key, **home))  # the caller's own, sent anew
    assert (b"/other", []) == left_of(carries, hop(b"/other", key, **home, target=b"/chosen"))


def test_the_first_hop_is_looked_at_as_it_is_written():
    """After the caller's own trace, which may change it: another path for the wire, a backslash, a name for TLS in bytes, another host."""
    def changed(change):
        guard = RedirectGuard(carried(*ORIGIN, ["x-key"]), lambda _, info: change(info["request"]))
        guard.in_sync("http11.send_request_headers.started", {"request": hop(b"/x", host=b"api.example")})

    for change in (
        lambda each: each.extensions.update(target=b"/other"), lambda each: each.extensions.update(sni_hostname=b"evil.example"),
        lambda each: setattr(each.url, "host", b"evil.example"), lambda each: each.headers.append((b"Host", b"evil.example")),
    ):  # fmt: skip
        with pytest.raises(OriginRefused):
            changed(change)
    with pytest.raises(UrlRefused):
        changed(lambda each: setattr(each.url, "target", b"/a\\b"))


def test_a_second_profile_minds_what_the_first_one_placed():
    """Everything: names, cookies, a payload, pairs of the query, segments, secrets."""
    all_of = {"cookies": ["s"], "has_payload": True, "pairs": ["a=b"], "segments": ["seg"], "secrets": ["long-secret"]}
    first = carried(*ORIGIN, ["x-a"], **all_of)

    assert carried(*ORIGIN, ["x-a", "x-b"], **all_of) == carried(*ORIGIN, ["x-b"]).beside(first)


def test_a_transport_for_elsewhere_without_trace_is_told():
    """Also where the first hop was traced: a client may have another transport for each host."""
    with two() as (home, other):
        mounts = {other.url: httpx.MockTransport(lambda _: httpx.Response(200))}
        with httpx.Client(trust_env=False, follow_redirects=True, mounts=mounts) as client, pytest.raises(OriginRefused, match="no `trace`"):
            client.get(home.url, auth=keyed(home))


@pytest.mark.parametrize(("key", "is_sought"), [("eight888", True), ("seven77", False)])
def test_secrets_are_sought_from_eight_characters_on(key, is_sought):
    """A shorter one could stand in a URL by chance, and would be told by what is refused."""
    with two(path=f"/{key}/landed") as (home, other):
        auth = connect({"type": "api_key"}, home, run=engine(inputs={"api_key": key})).auth
        with pytest.raises(OriginRefused, match="redirect repeats") if is_sought else contextlib.nullcontext():
            send(httpx, "sync", auth, "GET", home.url)

    assert (1, 0 if is_sought else 1) == (home.count, other.count)


def test_a_client_that_copies_cookies_takes_none_elsewhere():
    """httpx drops the Cookie header on a redirect; what does not, loses the profile's cookie all the same."""
    class Copying(httpx.Client):
        def _redirect_headers(self, request, url, method):
            return httpx.Headers([(name, value) for name, value in request.headers.multi_items() if name != "host"] + [("Host", url.netloc.decode())])

    with two() as (home, other), Copying(trust_env=False, follow_redirects=True) as client:
        client.get(home.url, auth=keyed(home), headers={"Cookie": "own=1"})

    assert ([[f"own=1; s={KEY}"]], [["own=1"]]) == ([asked.values("cookie") for asked in home.asked], [asked.values("cookie") for asked in other.asked])


def test_what_was_made_of_a_secret_is_hidden_where_a_server_repeats_it(door, caplog):
    """A digest of the key opens the API as the key does: in an answer's header, which httpcore logs, it is hidden as well."""
    package, colour = door
    made = hashlib.sha256(KEY.encode()).hexdigest()
    with serving(Api()) as home, caplog.at_level(logging.DEBUG):
        home.good = Reply(200, b"", (("X-Echo", made),))
        connection = connect({"type": "api_key", "fields": [{"in": "header", "key": "X-Sum", "value": "Sum {{ inputs.api_key | sha256 | hex }}"}]}, home, run=engine(inputs={"api_key": KEY}))
        send(package, colour, connection.auth, "GET", home.url)

    assert [[f"Sum {made}"]] == [asked.values("x-sum") for asked in home.asked]
    assert "X-Echo" in caplog.text
    assert made not in caplog.text

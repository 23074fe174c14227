"""Redirects in every spelling, and such that repeat what was added in other words: each row beside another door, all of them in one test.

What each server got is read off its socket, and whom a request was for off its Host field: who shares an address may be somebody else.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
from urllib.parse import quote

import aiohttp
import httpx
import httpx2
import pytest
import requests

from authweave.errors import AuthweaveError, OriginRefused
from authweave.hosts.aiohttp import ProfileAuth as AiohttpAuth
from authweave.hosts.requests import ProfileAuth as RequestsAuth
from odd_locations import NAMED, NUMBERED
from redirecting import CARRIERS, SECRETS, STATUSES, Carrier, World, connection_for, found_in, led, send
from thorough import few

DOORS = [
    ((httpx, "sync"), "auth"), ((httpx2, "async"), "auth"), ((httpx, "async"), "client"), ((httpx2, "sync"), "authorize"), ((httpx2, "sync"), "auth"),
    ((httpx, "sync"), "client"), ((httpx, "async"), "auth"), ((httpx, "sync"), "authorize"),
]  # fmt: skip
SHARES = 8
KEY = SECRETS["api_key"]
OF_KEY = [carrier for carrier in CARRIERS if carrier.name in ("header", "query", "cookie", "bearer", "path")]


@pytest.fixture(scope="module")
def world():
    with World() as world:
        yield world


def elsewhere(world, home):
    """What others than home got: another origin, or home's address in the name of another host."""
    netloc = home.partition("://")[2].lower()
    return [seen for seen in world.seen if seen.origin != home or seen.asked.values("host")[0].lower() != netloc]


def led_there(world, number, home, location, client):
    """What was wrong with following it: '' for nothing."""
    door, by = DOORS[number % len(DOORS)]
    carrier, status = OF_KEY[number % len(OF_KEY)], STATUSES[number // 3 % len(STATUSES)]
    world.seen.clear()
    said = ""
    try:
        send(door, connection_for(carrier, "", home), carrier, home + led(status, location, carrier), by=by, **client)
    except (AuthweaveError, ValueError, httpx.HTTPError, httpx.InvalidURL, httpx2.HTTPError, httpx2.InvalidURL) as refused:
        said = type(refused).__name__  # of what the client reads as no URL, ValueError among it
    row = f"{location!r} ({carrier}, {status}, {door[0].__name__} {door[1]}, {by}) {said}"
    if not world.seen or not found_in(world.seen[0].raw, {KEY}):
        return f"{row}: home got nothing, so that this row says nothing"
    return "".join(f"{row}: {seen.origin} got it, as {seen.asked.values('host')}" for seen in elsewhere(world, home) if found_in(seen.raw, {KEY}))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # httpcore leaves a socket open where ssl takes no such name
@pytest.mark.parametrize("share", few(range(SHARES), every=SHARES))
def test_no_spelling_of_a_location_takes_it_elsewhere(world, share):
    """Slashes, backslashes, user names, dots, ports, letters that look alike, escapes, zones, IPv4 in every form and in IPv6: strangers get nothing."""
    port, other = (url.rpartition(":")[2] for url in (world.home, world.port))
    through = {"proxy": world.proxy, "verify": world.trust}
    rows = [("https://api.example", location, through) for location in NAMED]
    rows += [(world.home, f"http://{host.format(port=port, other=other)}/x", {"verify": world.trust}) for host in NUMBERED]
    wrong = [led_there(world, number, *row) for number, row in enumerate(rows) if number % SHARES == share]

    assert len(rows) > 300
    assert [one for one in wrong if one] == []


def field(place, value="{{ inputs.api_key }}", key="api_key"):
    return {"type": "api_key", "fields": [{"in": place, "key": key, "value": value}]}


REPEATED = [
    Carrier("payload form", field("payload"), {"data": {"n": "1"}}, "POST"), Carrier("payload json", field("payload"), {"json": {"n": 1}}, "POST"),
    Carrier("header part", field("header", "key={{ inputs.api_key }}; v=1", "X-Auth")), Carrier("query part", field("query", "tok:{{ inputs.api_key }}", "q")),
    Carrier("path part", field("path"), template="bot{api_key}"), Carrier("cookie", field("cookie")), Carrier("header", field("header", key="X-Key")),
    Carrier("basic", {"type": "basic"}, {"data": {"n": "1"}}, "POST", secrets=("username", "password")),
]  # fmt: skip
WAYS = {
    "as it is": lambda secret: f"/x?k={secret}", "percent-encoded": lambda secret: f"/x?k={quote(secret, safe='')}",
    "in a URL within": lambda secret: f"/x?u={quote('https://h/?k=' + quote(secret, safe=''), safe='')}", "twice within": lambda secret: f"/x?u={quote(quote(quote(secret, safe=''), safe=''), safe='')}",
    "in the path": lambda secret: f"/{quote(secret, safe='')}/x", "as parts of the path": lambda secret: f"/a/{secret}", "as a parameter of a segment": lambda secret: f"/x;k={quote(secret, safe='')}?a=1",
    "in base64": lambda secret: f"/x?state={base64.b64encode(secret.encode()).decode()}",
    "in JSON in base64": lambda secret: "/x?state=" + base64.urlsafe_b64encode(f'{{"to": "/a", "key": "{secret}"}}'.encode()).decode().rstrip("="),
    "in hex": lambda secret: f"/x?h={secret.encode().hex()}", "in small letters": lambda secret: f"/x?k={quote(secret, safe='').lower()}",
}  # fmt: skip


def by_requests(world, connection, carrier, url):
    parts = dict(carrier.request)
    with requests.Session() as session:
        session.trust_env = False
        path = f"/{carrier.template}" + url.removeprefix(world.home) if carrier.template else None
        session.request(carrier.method, url, auth=RequestsAuth(connection, **({"path": path} if path else {})), **parts)


def by_aiohttp(world, connection, carrier, url):
    async def run():
        path = f"/{carrier.template}" + url.removeprefix(world.home) if carrier.template else None
        async with aiohttp.ClientSession(middlewares=(AiohttpAuth(connection, path=path),)) as session, session.request(carrier.method, url, **carrier.request) as answer:
            await answer.read()

    asyncio.run(run())


@pytest.mark.parametrize("share", few(range(7), every=7))
def test_no_redirect_repeats_it_in_other_words(world, share):
    """A value in the middle of a field, in a body, behind Basic, however it is written down in the URL: not followed, at any door."""
    doors = [*((lambda world, connection, carrier, url, door=door, by=by: send(door, connection, carrier, url, by=by, verify=world.trust)) for door, by in DOORS), by_requests, by_aiohttp]
    wrong = []
    for number, (carrier, way) in [*enumerate(itertools.product(REPEATED, WAYS))][share::7]:
        world.seen.clear()
        secret = SECRETS[carrier.secrets[-1]]
        url = world.home + led((301, 302, 303)[number % 3], world.port + WAYS[way](secret))
        try:
            doors[number % len(doors)](world, connection_for(carrier, "", world.home), carrier, url)
            said = "followed"
        except OriginRefused as refused:
            said = "refused" if "repeats what the profile" in str(refused) else str(refused)
        if said != "refused" or len(world.seen) != 1 or not found_in(world.seen[0].raw, {secret}):
            wrong.append((carrier.name, way, number % len(doors), said, [seen.asked.line for seen in world.seen]))

    assert wrong == []


def test_a_presigned_url_of_a_storage_repeats_nothing(world):
    """It names keys, signatures and tokens of its own, and is followed by each door, without the credential."""
    signed = "/bucket/a?X-Amz-Credential=AKID%2F20260101%2Feu%2Fs3%2Faws4_request&X-Amz-Signature=abcdef&token=of-the-storage&api_key=of-the-storage"
    for carrier in (REPEATED[2], REPEATED[7]):
        for door, by in DOORS:
            world.seen.clear()
            assert 200 == send(door, connection_for(carrier, "", world.home), carrier, world.home + led(302, world.port + signed), by=by, verify=world.trust).status_code
            assert [f"GET {signed} HTTP/1.1"] == [seen.asked.line for seen in world.elsewhere(world.home)]


HOOKS = {
    "copies a header": lambda request: request.headers.update({"X-Copy": request.headers.get("X-Key", "")}),
    "writes it into a cookie": lambda request: request.headers.update({"Cookie": f"a=1; copy={request.headers.get('X-Key', '')}; b=2"}),
    "encodes it": lambda request: request.headers.update({"X-Trace": base64.b64encode(b"key=" + request.headers.get("X-Key", "").encode()).decode()}),
    "makes new headers": lambda request: setattr(request, "headers", type(request.headers)(dict(request.headers))),
}
EXTENSIONS = {
    "empties the extensions": lambda request: setattr(request, "extensions", {}), "takes the trace out": lambda request: request.extensions.pop("trace", None),
    "puts another trace in": lambda request: request.extensions.update(trace=lambda event, info: None), "makes other extensions": lambda request: setattr(request, "extensions", {"timeout": {}}),
}  # fmt: skip


def in_colour(hook, colour):
    async def awaited(request):
        hook(request)

    return hook if colour == "sync" else awaited


def test_no_hook_of_the_callers_takes_it_along(world):
    """What a hook copied at home stays there, however it wrote it; and `client()` keeps its guard whatever a hook does with the extensions."""
    wrong = []
    for (name, hook), (door, by) in itertools.product([*HOOKS.items(), *EXTENSIONS.items()], DOORS):
        if (name in EXTENSIONS and by != "client") or (name == "puts another trace in" and door[1] == "async"):
            continue
        world.seen.clear()
        url = world.home + led(302, world.port + led(302, world.home + "/back"))
        send(door, connection_for(REPEATED[6], "", world.home), REPEATED[6], url, by=by, verify=world.trust, event_hooks={"request": [in_colour(hook, door[1])]})
        if [True, False, False] != [bool(found_in(seen.raw, {KEY})) for seen in world.seen]:
            wrong.append((name, door[0].__name__, door[1], by, [(seen.origin, seen.asked.headers) for seen in world.seen]))

    assert wrong == []


def test_cookies_keep_apart(world):
    """Of the same name as the placed one: a jar's own is replaced at home, none goes elsewhere, and what strangers set comes home without it."""
    carrier = REPEATED[5]
    for door in {door for door, by in DOORS if by == "auth" and door[1] == "sync"}:
        world.seen.clear()
        with door[0].Client(auth=connection_for(carrier, "", world.home).auth, follow_redirects=True, trust_env=False, cookies={"api_key": "of-a-stranger", "other": "1"}) as client:
            client.get(world.home + led(302, world.port + led(302, world.home + "/back")))
            client.get(world.home + "/later")
        cookies = [sorted(seen.asked.values("cookie")[0].split("; ")) for seen in world.seen]

        assert [[f"api_key={KEY}", "other=1"], ["other=1"], ["other=1"], [f"api_key={KEY}", "other=1"]] == cookies

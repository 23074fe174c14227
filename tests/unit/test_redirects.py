"""No redirect takes what a profile added to another origin: every way to carry it, each status, package, colour and way there,
and origins that differ in one thing; each of them beside each other one. What each origin got is read off its socket."""

from __future__ import annotations

import contextlib
import itertools

import httpx
import httpx2
import pytest

from authweave.errors import OriginRefused, UrlRefused
from redirecting import (
    CARRIERS,
    STATUSES,
    TOKEN,
    Carrier,
    World,
    connection_for,
    found_in,
    led,
    planted,
    request_of,
    send,
)
from services import Identity, serving
from thorough import few, pairs

DOORS = [(httpx, "sync"), (httpx, "async"), (httpx2, "sync"), (httpx2, "async")]
NAMED = {carrier.name: carrier for carrier in CARRIERS}
WAYS = ("direct", "forward proxy", "tunnel")


@pytest.fixture(scope="module")
def world():
    with World() as world:
        yield world


@pytest.fixture(scope="module")
def identity():
    with serving(Identity(more={"access_token": TOKEN})) as plain, serving(Identity(more={"access_token": TOKEN, "token_type": "DPoP"})) as bound:
        yield lambda carrier: (bound if carrier.name == "dpop" else plain).url


@pytest.fixture(scope="module")
def connections(identity):
    """A connection for each carrier and server; each is made once."""
    made = {}

    def of(carrier, *servers):
        if (carrier.name, servers) not in made:
            made[carrier.name, servers] = connection_for(carrier, identity(carrier), *servers)
        return made[carrier.name, servers]

    return of


@pytest.fixture(autouse=True)
def _from_here_on(world):
    world.seen.clear()


def door_id(value):
    return f"{value[0].__name__} {value[1]}" if isinstance(value, tuple) else None


def ways_of(world, way):
    """Where home is, another origin, and how a client gets there."""
    if way == "direct":
        return world.home, world.port, {"verify": world.trust}
    if way == "forward proxy":
        return "http://127.0.0.1:4711", "http://other.example", {"proxy": world.proxy, "verify": world.trust}
    return "https://api.example", "https://other.example", {"proxy": world.proxy, "verify": world.trust}


def without_it(door, world, carrier, url, client):
    """The same request as anybody would send it."""
    package, _ = door
    with package.Client(trust_env=False, **client) as plain, contextlib.suppress(package.InvalidURL, package.HTTPError):  # of what it would be led to
        plain.send(request_of(package, Carrier(carrier.name, {}, carrier.request, carrier.method), url))
    return world.seen.pop().asked


def was_sent_home_alone(world, carrier, home, plain):
    """Home got what was added, and nobody else did."""
    texts = planted(carrier, [seen.asked for seen in world.at(home)], plain)
    assert any(found_in(seen.raw, texts) for seen in world.at(home)), "home got no credential: the test would pass emptily"
    for seen in world.elsewhere(home):
        assert [] == found_in(seen.raw, texts), seen.origin
    return texts


@pytest.mark.parametrize(("carrier", "status", "door", "way"), few(pairs(CARRIERS, STATUSES, DOORS, WAYS), every=11), ids=lambda value: door_id(value) or str(value))
def test_what_was_added_stays_at_home(world, connections, carrier, status, door, way):
    """Wherever a credential stands: led to another origin, the request goes there without, or, with it in its body, not at all."""
    home, other, client = ways_of(world, way)
    url = home + led(status, f"{other}/landed?own=1", carrier)
    plain = without_it(door, world, carrier, url, client)

    if carrier.has_payload and status in (307, 308):
        with pytest.raises(OriginRefused, match="carry the body") as caught:
            send(door, connections(carrier, home), carrier, url, **client)
        assert [] == found_in(str(caught.value).encode(), planted(carrier, [], plain))
    else:
        response = send(door, connections(carrier, home), carrier, url, **client)
        assert "inconclusive" == response.extensions["authweave"].verdict
        assert [f"{other}/landed?own=1"] == [
            seen.origin + seen.asked.line.split(" ")[1].removeprefix(seen.origin) for seen in world.elsewhere(home)
        ]
    was_sent_home_alone(world, carrier, home, plain)


DOORS_OF_OURS = [*itertools.product(["authorize"], DOORS), *itertools.product(["client"], DOORS[:2])]


@pytest.mark.parametrize(
    ("by", "door", "carrier", "status"),
    few([(by, door, carrier, status) for (by, door), carrier, status in pairs(DOORS_OF_OURS, CARRIERS, (302, 308))], every=31),
    ids=lambda value: door_id(value) or str(value),
)
def test_of_authorized_requests_and_of_our_client_as_well(world, connections, by, door, carrier, status):
    """What `authorize` finished and another client sends, and what `client()` sends, is guarded alike."""
    home, other, client = ways_of(world, "direct")
    url = home + led(status, f"{other}/landed", carrier)
    plain = without_it(door, world, carrier, url, client)
    connection = connections(carrier, home)

    if by == "authorize" and carrier.name == "digest":  # it asks for a challenge first, which a sender by himself hands over
        send(door, connection, carrier, home + "/digest")
    if carrier.has_payload and status == 308:
        with pytest.raises(OriginRefused, match="carry the body"):
            send(door, connection, carrier, url, by=by, **client)
    else:
        send(door, connection, carrier, url, by=by, **client)
        assert [other] == [seen.origin for seen in world.elsewhere(home)]
    was_sent_home_alone(world, carrier, home, plain)


NEAR = {  # home, where to: origins that differ in one thing, or are written so that they might be taken for home
    "another port": ("{home}", "{port}/x"),
    "another address, the same port": ("{home}", "{address}/x"),
    "IPv6, the same port": ("{home}", "{ipv6}/x"),
    "http to https": ("{home}", "{secure}/x"),
    "https to http": ("{secure}", "{home}/x"),
    "the name of the address": ("http://127.0.0.1:4711", "http://localhost:4711/x"),
    "http to https, usual ports": ("http://127.0.0.1:80", "https://127.0.0.1:443/x"),
    "https to http, usual ports": ("https://api.example", "http://api.example/x"),
    "http on the port of https": ("https://api.example", "http://api.example:443/x"),
    "a sub-domain": ("https://api.example", "https://sub.api.example/x"),
    "the domain above": ("https://sub.api.example", "https://api.example/x"),
    "the last label": ("https://api.example", "https://example/x"),
    "another port of the name": ("https://api.example", "https://api.example:8443/x"),
    "a name in punycode": ("https://api.example", "https://xn--pi-7kc.example/x"),
    "a name that looks alike": ("https://api.example", "https://api.example.other.example/x"),
    "a final dot": ("https://api.example", "https://api.example./x"),
    "userinfo that looks like home": ("https://api.example", "https://api.example@other.example/x"),
    "userinfo with a port": ("https://api.example", "https://api.example:443@other.example/x"),
    "userinfo of home": ("https://api.example", "https://user:pw@other.example/x"),
    "without scheme": ("https://api.example", "//other.example/x"),
    "without scheme, three slashes": ("https://api.example", "///other.example/x"),
    "backslashes": ("https://api.example", "\\\\other.example\\x"),
    "slash and backslash": ("https://api.example", "/\\other.example/x"),
    "scheme and backslashes": ("https://api.example", "https:\\\\other.example\\x"),
    "a backslash before home": ("https://api.example", "https://other.example\\@api.example/x"),
    "a fragment before home": ("https://api.example", "https://other.example#@api.example/x"),
    "a question before home": ("https://api.example", "https://other.example?@api.example/x"),
    "the case of a stranger": ("https://api.example", "HTTPS://OTHER.EXAMPLE/x"),
    "a percent-encoded dot": ("https://api.example", "https://api%2eexample.other.example/x"),
    "a tab in the name": ("https://api.example", "https://other\t.example/x"),
    "a full-width dot": ("https://api.example", "https://other\u3002example/x"),
    "no slash after the scheme": ("https://api.example", "https:other.example/x"),
}
TRICKS = {"without scheme, three slashes", "backslashes", "slash and backslash", "scheme and backslashes", "a backslash before home",
          "a percent-encoded dot", "a tab in the name", "a full-width dot", "no slash after the scheme", "a final dot",
          "a name that looks alike"}  # fmt: skip


@pytest.mark.parametrize(
    ("near", "door", "carrier", "status"),
    few(pairs(NEAR, DOORS, [NAMED["header"], NAMED["basic"], NAMED["dpop"], NAMED["cookie"]], (302, 308)), every=31),
    ids=lambda value: door_id(value) or str(value),
)
def test_near_origins_are_others(world, connections, near, carrier, status, door):
    """Scheme, host and port decide, as the client understands them: whatever a Location is written like, strangers get nothing."""
    package, _ = door
    home, location = (text.format(**vars(world)) for text in NEAR[near])
    is_direct = "{" in NEAR[near][0]
    client = {"verify": world.trust} if is_direct else {"verify": world.trust, "proxy": world.proxy}
    url = home + led(status, location, carrier)
    plain = without_it(door, world, carrier, url, client)
    home = home.removesuffix(":80")

    try:
        send(door, connections(carrier, home), carrier, url, **client)
    except (package.HTTPError, package.InvalidURL, UrlRefused):
        assert near in TRICKS
    was_sent_home_alone(world, carrier, home, plain)
    assert near in TRICKS or len(world.elsewhere(home)) == 1

"""Redirects over what we did not write: HTTP/2 by Node, and tinyproxy between, for http and through a tunnel. As in
`unit/test_redirects.py`: what a profile added stays at home, and home did get it."""

from __future__ import annotations

import itertools
import ssl

import httpx
import httpx2
import pytest

from authweave.errors import OriginRefused
from redirecting import CARRIERS, STATUSES, TOKEN, World, connection_for, found_in, led, planted, send
from services import Identity, serving
from sockets import Asked

DOORS = [(httpx, "sync"), (httpx, "async"), (httpx2, "sync"), (httpx2, "async")]
NAMED = {carrier.name: carrier for carrier in CARRIERS}
NOTHING = Asked(b"GET / HTTP/1.1", b"")
OFTEN = {"host", ":authority", ":path", ":scheme", ":method", "accept", "accept-encoding", "user-agent", "content-type", "content-length", "connection", "via"}


@pytest.fixture(scope="module")
def identity():
    with serving(Identity(more={"access_token": TOKEN})) as plain, serving(Identity(more={"access_token": TOKEN, "token_type": "DPoP"})) as bound:
        yield lambda carrier: (bound if carrier.name == "dpop" else plain).url


@pytest.fixture(scope="module")
def world():
    with World() as world:
        yield world


@pytest.fixture
def proxy(tinyproxy):
    return tinyproxy()


def name_of(value):
    return f"{value[0].__name__} {value[1]}" if isinstance(value, tuple) else str(value)


def led_away(door, carrier, connection, url, status, **client):
    """Follow it: refused where the body would go along."""
    if carrier.has_payload and status in (307, 308):
        with pytest.raises(OriginRefused, match="carry the body"):
            send(door, connection, carrier, url, **client)
    else:
        assert "inconclusive" == send(door, connection, carrier, url, **client).extensions["authweave"].verdict


def only_at_home(carrier, home, seen):
    """Of (origin, bytes): home got what was added, nobody else did. `home` was asked first."""
    own = [Asked(b"\r\n".join(line for line in raw.partition(b"\r\n\r\n")[0].split(b"\r\n") if line.split(b": ")[0].decode().lower() not in OFTEN), b"")
           for origin, raw in seen if origin == home]  # fmt: skip
    texts = planted(carrier, own, NOTHING) - OFTEN
    assert any(found_in(raw, texts) for origin, raw in seen if origin == home), "home got no credential: the test would pass emptily"
    assert [] == [(origin, found_in(raw, texts)) for origin, raw in seen if origin != home and found_in(raw, texts)]


@pytest.mark.parametrize(("carrier", "status", "door"), list(itertools.product(CARRIERS, STATUSES, DOORS)), ids=name_of)
def test_over_http2(http2, identity, carrier, status, door):
    """Header fields are packed, `Host` is `:authority`: another port goes without what was added."""
    http2.forget()
    trust = ssl.create_default_context(cafile=http2.ca)
    connection = connection_for(carrier, identity(carrier), http2.home)

    led_away(door, carrier, connection, http2.home + led(status, f"{http2.port}/landed", carrier), status, http1=False, http2=True, verify=trust)

    assert len({one["origin"] for one in http2.seen()}) == (1 if carrier.has_payload and status in (307, 308) else 2)
    only_at_home(carrier, http2.home, raw_of(http2))


@pytest.mark.parametrize("through", [False, True], ids=["direct", "tunnel"])
@pytest.mark.parametrize("place", ["address", "ipv6", "world"])
@pytest.mark.parametrize("door", DOORS, ids=name_of)
def test_near_origins_over_http2(http2, identity, world, proxy, place, door, through):
    """The same port of another address, IPv6, and from HTTP/2 down to plain HTTP/1.1; also inside a tunnel of tinyproxy's."""
    http2.forget()
    world.seen.clear()
    carrier = NAMED["header"]
    other = world.home if place == "world" else getattr(http2, place)
    options = {"http2": True, "verify": ssl.create_default_context(cafile=http2.ca), **({"proxy": proxy} if through else {})}

    led_away(door, carrier, connection_for(carrier, identity(carrier), http2.home), http2.home + led(302, f"{other}/x"), 302, **options)

    seen = [*raw_of(http2), *((one.origin, one.raw) for one in world.seen)]
    assert [http2.home, other] == [origin for origin, _ in seen]
    only_at_home(carrier, http2.home, seen)


def raw_of(http2):
    return [
        (one["origin"], b"\r\n".join([f"GET {dict(one['headers'])[':path']} HTTP/2".encode(), *(f"{name}: {value}".encode() for name, value in one["headers"])])
         + b"\r\n\r\n" + one["body"])
        for one in http2.seen()
    ]  # fmt: skip


@pytest.mark.parametrize("from_environment", [False, True], ids=["proxy=", "environment"])
@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
@pytest.mark.parametrize(
    ("carrier", "status", "door"),
    [(carrier, STATUSES[number % 5], DOORS[number % 4]) for number, carrier in enumerate(CARRIERS)] + [(NAMED["header"], 308, door) for door in DOORS],
    ids=name_of,
)
def test_through_tinyproxy(world, identity, proxy, monkeypatch, carrier, status, door, secure, from_environment):
    """As absolute URLs and inside tunnels, by `proxy=` and by the environment: another port goes without what was added."""
    world.seen.clear()
    home, other = (world.secure, world.port) if secure else (world.home, world.port)
    for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    options = {"verify": world.trust, "proxy": proxy}
    connection = connection_for(carrier, identity(carrier), home)
    if from_environment:
        monkeypatch.setenv("http_proxy", proxy)
        monkeypatch.setenv("https_proxy", proxy)
        options = {"verify": world.trust, "trust_env": True}

    led_away(door, carrier, connection, home + led(status, f"{other}/landed", carrier), status, **options)

    assert all(seen.asked.values("via") for seen in world.seen if seen.origin.startswith("http:")), "tinyproxy was not on the way"
    only_at_home(carrier, home, [(seen.origin, seen.raw) for seen in world.seen])

"""One promise for every door that follows redirects: whatever carries the credential, httpx, requests and aiohttp end alike, and
no other origin gets anything. Read off the sockets."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from doors import DOORS, outcome_of
from redirecting import CARRIERS, SECRETS, STATUSES, TOKEN, World, connection_for, found_in, led
from services import Identity, serving
from thorough import few

KEYED = [carrier for carrier in CARRIERS if carrier.secrets == ("api_key",) and carrier.name != "hmac"]
KEY = SECRETS["api_key"]
ENCODED = quote(KEY, safe="")


@pytest.fixture(scope="module")
def world():
    with World() as world:
        yield world


@pytest.fixture(scope="module")
def identity():
    with serving(Identity(more={"access_token": TOKEN})) as plain, serving(Identity(more={"access_token": TOKEN, "token_type": "DPoP"})) as bound:
        yield lambda carrier: (bound if carrier.name == "dpop" else plain).url


def tried(world, identity, carrier, status, location):
    """What each door made of it: how it ended, and what went where, with or without the secret in it."""
    ends = {}
    for name, door in DOORS.items():
        connection = connection_for(carrier, identity(carrier), world.home)
        world.seen.clear()
        end = outcome_of(door, connection, carrier, world.home + led(status, location, carrier))
        secrets = {SECRETS[secret] for secret in carrier.secrets if secret not in ("client_id", "username")} | {TOKEN}
        ends[name] = end, [("home" if seen.origin == world.home else "elsewhere", bool(found_in(seen.raw, secrets))) for seen in world.seen]
    return ends


def differences(world, identity, tries, is_wrong):
    """One line for each try that ended in another way at another door, or wrongly."""
    wrong = []
    for carrier, status, location in tries:
        ends = tried(world, identity, carrier, status, location)
        if len(set(map(str, ends.values()))) > 1 or any(is_wrong(*end) for end in ends.values()):
            wrong.append(f"{carrier} {status} {location}: {ends}")
    return wrong


def reached_others(end, seen):
    return ("elsewhere", True) in seen


@pytest.mark.parametrize("turn", few(range(len(STATUSES)), every=len(STATUSES)))
def test_led_elsewhere_and_back(world, identity, turn):
    """Every carrier, statuses that keep the body and such that drop it; to a presigned URL, and by way of a stranger home again."""
    there = [f"{world.port}/landed?X-Amz-Signature=abc&own=1", f"{world.port}/go/302/{f'{world.home}/back'.encode().hex()}"]
    tries = [(carrier, STATUSES[(number + turn) % len(STATUSES)], there[number % 2]) for number, carrier in enumerate(CARRIERS)]

    def is_wrong(end, seen):
        return ("home", True) in seen[2:] or reached_others(end, seen) or end not in ((200, "inconclusive"), "OriginRefused")

    assert [] == differences(world, identity, tries, is_wrong)


@pytest.mark.parametrize("where", few(["/b?api_key={key}&own=1", "/b?next={whole}", "/{key}/landed", "/b?{key}"], every=2))
def test_what_a_redirect_repeats_goes_nowhere_else(world, identity, where):
    """In query or path, alone or in a URL inside the URL: taken out or refused, wherever the profile had put it."""
    location = world.port + where.format(key=ENCODED, whole=quote(f"{world.home}/x?api_key={ENCODED}", safe=""))

    assert [] == differences(world, identity, [(carrier, 302, location) for carrier in KEYED], reached_others)


def test_on_the_same_origin_every_hop_has_its_credential(world, identity):
    """Placed anew; where a redirect leaves no place for a field of path or payload, it is not followed. Never without."""

    def is_wrong(end, seen):
        return not all(has for _, has in seen) or (end, len(seen)) not in (("PlacementError", 1), ((200, "accepted"), 2))

    tries = [(carrier, status, f"{world.home}/landed?own=1") for carrier in KEYED for status in (302, 307)]
    assert [] == differences(world, identity, tries, is_wrong)


def test_a_path_that_repeats_what_was_filled_in_is_filled_again(world, identity):
    """The segment of the first request stands in the next one, which is good; braces of the server's own are no placeholders."""
    [path] = [carrier for carrier in KEYED if carrier.name == "path"]
    followed = tried(world, identity, path, 302, f"{world.home}/{ENCODED}/landed%7Bapi_key%7D?own=1")

    assert {"((200, 'accepted'), [('home', True), ('home', True)])"} == set(map(str, followed.values()))
    assert b"/landed%7Bapi_key%7D?own=1 " in world.seen[-1].raw

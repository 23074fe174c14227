"""The strict policy as it is built in, in a network of its own where public addresses answer: Linux namespaces, real names, real ports.

A process in a namespace has no other network than its loopback, to which public and internal addresses are added: what is refused
is refused by the policy, and not because it cannot be reached.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
WORLD = HERE / "egress_world.py"
_SCRIPT = """
set -e
ip link set lo up
ip addr add 93.184.216.34/32 dev lo
ip addr add 2606:4700:4700::1111/128 dev lo
ip addr add 169.254.169.254/32 dev lo
ip addr add 100.100.100.200/32 dev lo
ip addr add 168.63.129.16/32 dev lo
ip addr add 10.0.0.1/32 dev lo
ip addr add fd00:ec2::254/128 dev lo
exec "$0" "$1"
"""
_WITH_NAMES = """
set -e
ip link set lo up
for one in 93.184.216.34/32 1.1.1.1/32 169.254.169.254/32 10.0.0.1/32 2606:4700:4700::1111/128 fd00:ec2::254/128; do ip addr add $one dev lo; done
mount --bind "$2" /etc/resolv.conf
exec "$0" "$1"
"""
INSIDE = {"127.0.0.1", "169.254.169.254", "10.0.0.1", "fd00:ec2::254"}
REFUSED = "egress_refused: may not be called"


def _why_not() -> str:
    if not (shutil.which("unshare") and shutil.which("ip")):
        return "unshare (util-linux) and ip (iproute2) are not installed"
    tried = subprocess.run(["unshare", "-rn", "ip", "link", "set", "lo", "up"], capture_output=True, check=False, timeout=20)
    return "" if tried.returncode == 0 else "this system gives no user its own network namespace"


@pytest.fixture(scope="module")
def seen():
    """What happened in there."""
    if why := _why_not():
        pytest.skip(why)
    return _told("-rn", _SCRIPT, str(WORLD))


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What happened where there is a name server, too, that the C library asks."""
    if why := _why_not():
        pytest.skip(why)
    resolver = tmp_path_factory.mktemp("names") / "resolv.conf"
    resolver.write_text("nameserver 127.0.0.1\noptions timeout:2 attempts:2\n")
    return _told("-rnm", _WITH_NAMES, str(WORLD.with_name("egress_dns_world.py")), str(resolver))


def _told(kind: str, script: str, *words: str):
    path = os.pathsep.join([str(HERE.parent), str(HERE), os.environ.get("PYTHONPATH", "")])
    environment = {**{name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}, "PYTHONPATH": path}
    command = ["unshare", kind, "sh", "-c", script, sys.executable, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_public_addresses_are_called(seen):
    """Over IPv4 and IPv6, by name and as an address, by the wire, by client() and by async_client(): all answered."""
    assert {"token", "task", "async task", "ipv6", "literal"} == set(seen["worked"])


def test_internal_addresses_are_not_connected_to(seen):
    """Metadata services and private addresses that do answer in there see no connection, whatever leads to them."""
    assert seen["inside"] == 0
    assert seen["refused"] == seen["tried"] > 30


def test_a_proof_that_they_could_have_been(seen):
    """Without the policy the same calls reach them: so nothing but the policy was in the way."""
    assert seen["without policy"] == ["10.0.0.1", "100.100.100.200", "127.0.0.1", "168.63.129.16", "169.254.169.254", "::1", "fd00:ec2::254"]


@pytest.mark.parametrize("door", ["wire", "client", "async"])
def test_a_name_that_changes_is_never_followed_inside(told, door):
    """DNS rebinding, by the C library's resolver: the address that was checked is the one that is called; at a turn inside the call is refused, at a turn outside it works."""
    changing = told["changing"]

    assert changing[f"turns by {door}"] == ["sent", *[REFUSED] * 5]
    assert changing[f"worse by {door}"] == ["sent", *[REFUSED] * 5]
    assert changing[f"flips by {door}"] == ["sent", REFUSED] * 3
    assert changing["flips in one pool"] == [200] * 6


def test_every_kind_of_answer_that_leads_inside_is_refused(told):
    """A mixed answer in either order and family, an alias, mapped and NAT64 addresses, 0.0.0.0 and ::, by the wire and by client()."""
    assert len(told["fixed"]) == 10
    assert {REFUSED} == {one for both in told["fixed"].values() for one in both}


def test_every_purpose_is_held_to_it(told):
    """Token, steps, discovery, sessions, revocation, device, sign-in, task requests over HTTP/1.1 and HTTP/2, test auth, servers that a host names: each led inside alone."""
    assert {one.partition(" ")[0] for one in told["purposes"]} == {"token", "before", "after", "issuer", "session", "password", "revocation", "device", "sign_in", "task", "async", "test", "http/2", "server"}
    assert {said.partition(": ")[2] for said in told["purposes"].values()} == {"may not be called"}


def test_a_refresh_token_is_not_shown_inside(told):
    """A refresh URL that leads inside is not called: the grant gives the next token. Without the policy the internal server does."""
    assert (told["refreshed"], told["refreshed without"]) == ("tok-2", "inside")


def test_every_url_of_metadata_is_held_to_it(told):
    """What is called is refused by its address, what is not called is never looked up; an address inside is refused wherever it stands, and so is another issuer."""
    called = {"token_endpoint", "device_authorization_endpoint", "registration_endpoint", "revocation_endpoint", "introspection_endpoint"}
    metadata = told["metadata"]

    assert {name for name, said in metadata.items() if said.endswith("may not be called")} == called
    assert {"discovery"} == {said for name, said in metadata.items() if name.endswith("by address") or name == "issuer mismatch"}
    assert metadata["nothing wrong"] == "sent"


def test_each_hop_of_a_redirect_is_held_to_it(told):
    """Every status, by both clients, to names, addresses, schemes and ports that strict refuses; a public place is followed, and token calls follow nothing."""
    redirected = told["redirected"]
    refused = {name: said for name, said in redirected.items() if name != "token call" and not name.endswith(" fine")}

    assert len(refused) == 5 * 2 * 11
    assert set(refused.values()) == {REFUSED}
    assert {said for name, said in redirected.items() if name.endswith(" fine")} == {"sent"}
    assert redirected["token call"] == "token_answer"


def test_http_2_is_pinned_too(told):
    """A server that speaks HTTP/2 alone is reached by both clients, each over one connection to the checked address."""
    assert told["http/2"] == [200, 200, 2]


def test_no_proxy_that_is_not_listed_is_connected_to(told):
    """HTTPS_PROXY and ALL_PROXY in both cases, for http, https and socks, by every door and by client(proxy=…); NO_PROXY goes direct, and is checked."""
    proxied = dict(told["proxied"])

    assert proxied.pop("NO_PROXY inside") == REFUSED
    assert proxied.pop("NO_PROXY public") == "sent"
    assert {"sent"} == {proxied.pop(name) for name in list(proxied) if name.endswith("trust_env=False")}
    assert set(proxied.values()) == {"egress_refused", "proxy"}
    assert told["proxy connections"] == 0


def test_nothing_inside_was_connected_to(told):
    """In all of that no internal server saw a connection; without the policy each of them did, by the same names."""
    assert told["inside"] == dict.fromkeys(INSIDE, 0)
    assert set(told["open"]) == {"sent"}
    assert all(told["inside without"][one] > 0 for one in INSIDE)


def test_a_finished_request_is_checked_by_who_sends_it(told):
    """`authorize` looks nothing up: the docs say that whoever sends has to."""
    assert told["authorize is for who sends"] is True

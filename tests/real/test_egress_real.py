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
    path = os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")])
    environment = {**{name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}, "PYTHONPATH": path}
    command = ["unshare", "-rn", "sh", "-c", _SCRIPT, sys.executable, str(WORLD)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=environment)
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

"""What the tests of the wire share: a wire that sees nothing of this machine, and how to look at a failure."""

import socket

import pytest

from authweave.wire import Call, Wire
from certificates import Authority

SECRET = "s3cr3t-of-the-call"
AUTHORITY = Authority()


def wire(**settings):
    """A wire that sees nothing of this machine's environment."""
    return Wire(**{"ca": AUTHORITY.pem, "environ": {}, **settings})


def get(url, *headers):
    return Call("GET", url, headers)


def failure_of(kind, work):
    """The error of this kind that the work ends in."""
    with pytest.raises(kind) as caught:
        work()
    assert caught.type is kind
    return caught.value


def getaddrinfo_of(*addresses):
    """A resolver that gives these addresses for every name."""

    def resolve(host, port, family, kind):
        return [(socket.AF_INET, kind, 6, "", (address, port)) for address in addresses]

    return resolve

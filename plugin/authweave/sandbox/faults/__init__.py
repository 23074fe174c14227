"""What the sandbox can be told to do wrong: one file per family, one row a fault, named by the code of its diagnosis.

A fault stands between the request and the sandbox's usual answer, between the client and the network, or in what the
client is given. "The first call" is the token call, or the API's where there is none.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

from authweave.errors import UsageError
from authweave.sandbox.faults import api, local, network, signed, tls, token, vendors
from authweave.sandbox.faults.fault import Fault, Ground, Struck, Usual
from authweave.sandbox.listener import Reply

__all__ = ["EACH", "FAULTS", "Fault", "Ground", "Struck", "fault_of", "through"]

EACH: Final = (*token.FAULTS, *api.FAULTS, *network.FAULTS, *tls.FAULTS, *local.FAULTS, *signed.FAULTS, *vendors.FAULTS)
"""Every fault once."""

FAULTS: Final = {name: fault for fault in EACH for name in (fault.name, *fault.also)}
"""Every fault by each of its names."""


def fault_of(name: str) -> Fault:
    """A fault by its name. Raises UsageError, with the nearest name there is."""
    if name not in FAULTS:
        near = get_close_matches(name, FAULTS, 1)
        raise UsageError(
            f"the sandbox has no fault {name}; "
            + (f"did you mean {near[0]}? " if near else "")
            + "authweave sandbox --faults lists them"
        )
    return FAULTS[name]


def through(faults: Iterable[Fault], struck: Struck, usual: Usual) -> Reply:
    """The answer once every fault had its say, the first one outermost."""
    for fault in reversed(tuple(faults)):
        usual = _between(fault, struck, usual)
    return usual()


def _between(fault: Fault, struck: Struck, usual: Usual) -> Usual:
    strike = fault.strike
    return usual if strike is None else lambda: strike(struck, usual)

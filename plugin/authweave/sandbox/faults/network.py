"""What goes wrong on the way to a server, and with answers that do not come."""

from __future__ import annotations

import time
from typing import Final

from authweave.sandbox.faults.fault import Fault, Struck, Usual, on_first
from authweave.sandbox.listener import Reply

SLOW: Final = 2.0


def _slow(struck: Struck, usual: Usual) -> Reply:
    if struck.is_first:
        time.sleep(SLOW)
    return usual()


FAULTS: Final = (
    Fault(name="slow", description=f"the first call is answered after {SLOW:g} seconds", strike=_slow),
    Fault(
        name="read_timeout",
        description="the first call is never answered",
        provokes="read_timeout",
        also=("hang",),
        strike=on_first(Reply(0, hangs=True)),
    ),
)

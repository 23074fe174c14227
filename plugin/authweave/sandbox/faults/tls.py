"""What goes wrong between connecting and speaking: certificates and handshakes."""

from __future__ import annotations

from typing import Final

from authweave.sandbox.faults.fault import Fault

FAULTS: Final[tuple[Fault, ...]] = ()

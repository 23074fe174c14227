"""What goes wrong before anything is sent: inputs, templates, places."""

from __future__ import annotations

from typing import Final

from authweave.sandbox.faults.fault import Fault

FAULTS: Final[tuple[Fault, ...]] = ()

"""What goes wrong with signatures, assertions, keys and metadata."""

from __future__ import annotations

from typing import Final

from authweave.sandbox.faults.fault import Fault

FAULTS: Final[tuple[Fault, ...]] = ()

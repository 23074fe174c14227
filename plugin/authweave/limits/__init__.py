"""What the profiles of a tenant may use: allow-lists of a host, asked before anything that a profile names is looked at."""

from __future__ import annotations

from authweave.limits.value import Limits
from authweave.limits.within import Within

__all__ = ["Limits", "Within"]

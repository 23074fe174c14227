"""Whose names are looked up: each tenant has its own share of the places for that."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final

looking_for: Final[ContextVar[str]] = ContextVar("authweave_looking_for", default="")
"""The tenant for whom names are looked up in this thread or task; '' for nobody in particular."""

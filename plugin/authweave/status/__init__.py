"""How connections and stored tokens are: what is well, what wants a person, and what nobody can use any more."""

from __future__ import annotations

from authweave.status.connections import healths_of
from authweave.status.health import STATES, WANTS_A_PERSON, Health
from authweave.status.stored import Stored, stored_in
from authweave.status.survey import Survey

__all__ = ["STATES", "WANTS_A_PERSON", "Health", "Stored", "Survey", "healths_of", "stored_in"]

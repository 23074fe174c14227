"""Why a credential is refused, by trying: what else the profile could say, tried at the real servers, and the edit that works.

Only where somebody asks for it (`authweave test FILE --explain`), never at run time: each try shows the credential
again. A try is the profile's own text with that change in it, read, checked and bound as always, and tested over the real path.
"""

from __future__ import annotations

from authweave.explaining.candidates import changes_for
from authweave.explaining.dangers import warnings_for
from authweave.explaining.exploring import BUDGET, MOST, Exploration, Ways, explain
from authweave.explaining.proposing import Proposal, apply_to_file

__all__ = ["BUDGET", "MOST", "Exploration", "Proposal", "Ways", "apply_to_file", "changes_for", "explain", "warnings_for"]

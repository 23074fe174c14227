"""Who decides on sealed requests in the sandbox: one file per seal or auth type, one line each in the table.

A verifier is code of its own, or another library's: never the code that made the seal, for what both sides got wrong
alike would never show. It sees the request as it arrived and what this customer is known by.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Final

from authweave.profile import Variant
from authweave.sandbox.verifiers.case import Case, Passed, Refused, Verify

__all__ = ["VERIFIERS", "Case", "Passed", "Refused", "Verify", "verifier_of"]

VERIFIERS: Final[Mapping[str, str]] = {
    "digest": "authweave.sandbox.verifiers.digest",
    "negotiate": "authweave.sandbox.verifiers.negotiate",
    "ntlm": "authweave.sandbox.verifiers.ntlm",
    "jwt": "authweave.sandbox.verifiers.jwt",
    "aws_sigv4": "authweave.sandbox.verifiers.aws_sigv4",
    "dpop": "authweave.sandbox.verifiers.dpop",
    "oauth1": "authweave.sandbox.verifiers.oauth1",
    "signature": "authweave.sandbox.verifiers.signature",
}
"""The name of a seal, or of an auth type → the module whose `verify` decides on it. Loaded when it is needed."""


def verifier_of(variant: Variant) -> Verify | None:
    """Who decides on the requests of this variant; None where nothing is sealed.

    A seal that nobody here can check is refused: to wave it through would teach that it is right.
    """
    seal = getattr(variant, "seal", None)
    name = seal.name if seal is not None else variant.scheme.name
    if name in VERIFIERS:
        verify: Verify = import_module(VERIFIERS[name]).verify
        return verify
    return _unknown if seal is not None else None


def _unknown(case: Case) -> Refused:
    return Refused(f"the sandbox has no verifier for the seal {case.seal_name}, so it cannot say whether this one is right")

"""What goes wrong with signatures and with tokens that are bound to a key."""

from __future__ import annotations

from authweave.diagnosis.case import Case
from authweave.diagnosis.entry import Entry, Remedy, table
from authweave.diagnosis.vendor_remedies import of_vendors


def is_signed(case: Case) -> bool:
    """Is it a request whose string the profile describes?"""
    return case.variant is not None and "string_to_sign" in case.variant.own


def is_bound(case: Case) -> bool:
    """Is the token bound to a key?"""
    return case.settings is not None and case.settings.dpop


def wants_bound(case: Case) -> bool:
    """Does the API want a bound token, and no other, and get another? Who takes both says so (RFC 9449 §7.2)."""
    offered = {one.scheme for one in case.challenges}
    return case.settings is not None and not case.settings.dpop and "dpop" in offered and "bearer" not in offered


_CLOCK = "set the clock of this machine: a proof is good for some minutes only"

ENTRIES = table(
    Entry("signing", "The request cannot be signed, so nothing was sent: {what}.", (
        Remedy("auth.signing_key", "supply the key that the algorithm takes: a shared secret for hmac-…, else a private key in PEM without a password", lambda case: "key" in case.what),
        Remedy("auth.algorithm", "write the algorithm of the key", lambda case: "takes" in case.what or "algorithm" in case.what),
        Remedy("auth.string_to_sign", "leave out what is not at hand before the request is sent", lambda case: "string_to_sign" in case.what),
    ), verdict="not_tested"),
    Entry("token_not_bound", "The token server gave a token that is not bound to the key that was proved (DPoP). It would be worth more to a thief, so it is not used.", (
        Remedy("auth.dpop", "let the provider bind the tokens of this client, or leave it out if the API takes Bearer tokens"),
    )),
    Entry("invalid_dpop_proof", "The token server does not take the DPoP proof{quoted}.", (
        *of_vendors("invalid_dpop_proof"),
        Remedy("auth.dpop", _CLOCK),
        Remedy("auth.token_url", "write the URL that the server knows for itself: a proof names it, and a proxy in between may change it"),
    )),
    Entry("use_dpop_nonce", "The token server asked for a nonce in the DPoP proof, got it, and asked again{quoted}.", (
        Remedy("auth.token_url", "do several servers that do not share their nonces answer here? Ask the provider"),
    ), retry="yes"),
)  # fmt: skip

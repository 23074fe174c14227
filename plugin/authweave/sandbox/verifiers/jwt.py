"""Who takes a client's own JWT as bearer token: signed by this customer, as the profile describes it, and not over."""

from __future__ import annotations

from authweave.sandbox.verifiers.case import Case, Passed, Refused


def verify(case: Case) -> Passed | Refused:
    """Is the JWT that the fields brought this customer's own?"""
    from authweave.sandbox.assertions import Judge

    judge = Judge(case.account.profile, case.scope(), case.memory, case.now)
    written = case.variant.own["assertion"]
    texts = list(judge.brought(case.variant.fields, case.arrived))
    if not texts:
        return Refused("no field of the profile holds the assertion", is_missing=True)
    why = next((found for text in texts if (found := judge.wrong(written, text))), "")
    return Refused(why) if why else Passed()

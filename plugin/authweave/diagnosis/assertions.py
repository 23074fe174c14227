"""What goes wrong with assertions: keys that cannot sign, descriptions that cannot be signed, clocks, and what servers refuse."""

from __future__ import annotations

from authweave.diagnosis.case import Case
from authweave.diagnosis.entry import Entry, Remedy, table
from authweave.errors import AssertionRefused, KeyRefused


def of_client(case: Case) -> bool:
    """Does the client prove itself by an assertion?"""
    return case.settings is not None and case.settings.client_assertion is not None


def of_grant(case: Case) -> bool:
    """Does the token call rest on an assertion, as grant or in a field?"""
    return case.settings is not None and case.settings.assertion is not None


def of_type(case: Case) -> bool:
    """Is the assertion the credential itself?"""
    return case.variant is not None and "assertion" in case.variant.own


def _at(case: Case, name: str) -> bool:
    """Is the error about this key, or a part of it?"""
    where = case.error.name if isinstance(case.error, KeyRefused) else case.error.where if isinstance(case.error, AssertionRefused) else ""
    return f".{name}" in f"{where}."


def _fix(case: Case) -> str:
    return case.error.fix if isinstance(case.error, KeyRefused | AssertionRefused) else "look at the message"


def _key_of_client(case: Case) -> bool:
    return _at(case, "client_assertion.") and _at(case, "signing_key.")


def _key(case: Case) -> bool:
    return _at(case, "assertion.") and _at(case, "signing_key.")


def _in_client(case: Case) -> bool:
    return _at(case, "client_assertion")


ENTRIES = table(
    Entry("key_refused", "A key cannot sign, so nothing was sent: {what}.", (
        Remedy("auth.client_assertion.signing_key", _fix, _key_of_client),
        Remedy("auth.client_assertion.header", _fix, lambda case: _in_client(case) and _at(case, "header.")),
        Remedy("auth.assertion.signing_key", _fix, _key),
        Remedy("auth.assertion.header", _fix, lambda case: not _in_client(case) and _at(case, "header.")),
    ), verdict="not_tested"),
    Entry("assertion_refused", "An assertion cannot be made, so nothing was sent: {what}.", (
        Remedy("auth.client_assertion", _fix, _in_client),
        Remedy("auth.assertion", _fix, lambda case: not _in_client(case)),
    ), verdict="not_tested"),
)  # fmt: skip

OF_CLIENT = (
    Remedy("auth.client_assertion.claims", "`aud` may have to be the issuer, or the token URL as the provider writes it", of_client),
    Remedy("auth.client_assertion.signing_key", "is this the key whose public half (or certificate) is registered for this client?", of_client),
    Remedy("auth.client_assertion.key_id", "write the `kid` under which the key is registered; some providers want `x5t` in `header` instead", of_client),
    Remedy("auth.client_assertion.algorithm", "write the algorithm that the client is registered for", of_client),
)
"""What may mend a client that is refused."""
OF_GRANT = (
    Remedy("auth.assertion.claims", "look at `iss`, `sub`, `aud` and the scope claim: each as the provider has it, to the letter", of_grant),
    Remedy("auth.assertion.signing_key", "is this the key whose public half is registered for this issuer?", of_grant),
    Remedy("auth.assertion.key_id", "write the `kid` under which the key is registered", of_grant),
)
"""What may mend a grant that is refused."""
OF_TYPE = (
    Remedy("auth.assertion.claims", "look at `iss`, `sub` and `aud`: each as the API has it, to the letter", of_type),
    Remedy("auth.assertion.signing_key", "is this the key whose public half is registered?", of_type),
)
"""What may mend a self-signed JWT that the API refuses."""
CLOCK = (
    Remedy("auth.client_assertion.claims", "set this machine's clock (NTP); `iat: '{{{{ now() - 60 }}}}'` bears a minute", of_client),
    Remedy("auth.assertion.claims", "set this machine's clock (NTP); `iat: '{{{{ now() - 60 }}}}'` bears a minute", lambda case: of_grant(case) or of_type(case)),
    Remedy("host: clock", "set it by NTP; a container has the clock of the machine that it runs on"),
)
"""What helps against a clock that is wrong."""

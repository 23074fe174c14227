"""What more than one look at a credential brings to light: the check without it, and the word of the server that issued the token."""

from __future__ import annotations

from authweave.diagnosis.case import Case
from authweave.diagnosis.entry import Entry, Remedy, table


def _differs(case: Case) -> bool:
    return bool(case.facts.get("differs"))


ENTRIES = table(
    Entry("api_anonymous", "The endpoint answers without credentials: the test proves nothing.", (
        Remedy("test.accepted_when", "say what the answer to a credential has, and the other has not", _differs),
        Remedy("test.request.url", "ask for something that only an accepted credential may see: who am I, an account, a list of one's own"),
        Remedy("servers", "is this the API, and not something before it that answers everybody?"),
    ), retry="no"),
    Entry("token_inactive", "The server that issued the token says it is not active.", (
        Remedy("auth.token_url", "is the token from the same server and tenant that was asked?"),
        Remedy("auth.scopes", "a server may say so, too, of a token that this client may not ask about: is it for another audience?"),
    ), retry="no"),
)  # fmt: skip

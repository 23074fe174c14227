"""Signing in by OAuth 1.0 (RFC 5849 §2): temporary credentials first, then the person, then the token.

The redirect brings no state of ours, for it is sent letter for letter as it is registered: the temporary token, which nobody
can guess, stands for it. A note in the store says which sign-in it belongs to.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from authweave.call import TokenCall
from authweave.contracts import Signing
from authweave.drafts.draft import Draft, Placed
from authweave.egress.errand import calling_for
from authweave.errors import TokenAnswerError
from authweave.profile import Request, TokenSettings
from authweave.sign_in.begun import KEPT_LONGER, LIFETIME
from authweave.sign_in.callbacks import Callback
from authweave.sign_in.shelf import row_of_state
from authweave.token_calls.answers import read_members
from authweave.token_calls.reading import Reading
from authweave.token_calls.sealed import sealed_exchange

if TYPE_CHECKING:
    from authweave.sign_in.whose import Whose
    from authweave.tokens.ledger import Ledger

TOKEN: Final = "oauth_token"
SECRET: Final = "oauth_token_secret"
_CONFIRMED: Final = "oauth_callback_confirmed"
_REFUSED: Final = ("denied", "oauth_problem")
_LONGEST: Final = 4096


def has_three_legs(whose: Whose) -> bool:
    """Does the sign-in begin with a request for temporary credentials?"""
    return whose.variant.own.get("request_token_url") is not None


def temporary_credentials(whose: Whose, settings: TokenSettings, scope: Mapping[str, Any], redirect_uri: str, seconds: float) -> dict[str, str]:
    """The temporary token and its secret (§2.1). Raises TokenError, WireError, InputError, ApplyError."""
    variant, seal = whose.variant, whose.variant.seal
    assert seal is not None  # noqa: S101 - the type has one
    url = variant.own["request_token_url"].render(scope)
    own = {**variant.own, "token": "", "token_secret": "", "signature_in": "header"}
    signing = Signing(own, {**scope, "oauth1_step": {"callback": redirect_uri}}, None, whose.clock(), variant.origin)
    draft = Draft.new("POST", url, "none")
    draft.placed.append(Placed("url", "temporary credentials", f"{variant.origin}.request_token_url", secret=False))
    with calling_for("sign_in"):
        response = sealed_exchange(whose.exchange, seal(), lambda: signing)(draft.finish(), seconds, tuple(draft.placed))
    reading = Reading(settings, scope, None, whose.clock(), url)
    members = read_members(response, reading)
    if str(members.get(_CONFIRMED, "")).lower() != "true":
        raise _odd(reading, response.status, f"{_CONFIRMED} is not true: this provider speaks OAuth 1.0 without revision A, which lets others complete a sign-in")
    return {name: _text(members.get(name), name, reading, response.status) for name in (TOKEN, SECRET)}


def link(settings: TokenSettings, scope: Mapping[str, Any], origin: str, token: str) -> Draft:
    """Where the person goes (§2.2): the temporary token, and what the profile adds. Raises as `TokenCall.draft`."""
    asked = settings.sign_in
    call = TokenCall(settings, scope, asked.request or Request("GET", encoding="query", origin=f"{origin}.authorization_request"), asked.authorization_url, origin)
    call.parameter(TOKEN, token, origin="authorization_url", secret=True)
    return call.draft()


def remember(ledger: Ledger, token: str, state: str, url: str) -> None:
    """Leave word of which sign-in a temporary token belongs to. Raises TokenAnswerError for one that answers somebody else's:
    whoever gives out the temporary token of another tenant's sign-in would get what comes back with that person."""
    fact = ledger.noted(_note(token))
    if fact is not None and row_of_state(str(fact.get("state"))) != row_of_state(state):
        raise TokenAnswerError("token_field_missing", f"{url}: {TOKEN} is one that another sign-in has already", status=200, url=url)
    ledger.note(_note(token), {"state": state}, LIFETIME + KEPT_LONGER)


def is_without_state(callback: Callback) -> bool:
    """May it be an answer by OAuth 1.0, that says by its token only what it answers?"""
    return "state" not in callback.parameters and bool(_token(callback))


def with_state(callback: Callback, ledger: Ledger) -> Callback:
    """The same with the state of the sign-in that it answers; as it is where nobody knows. Blocking."""
    callback.refuse_doubled((TOKEN, "oauth_verifier", *_REFUSED))
    fact = ledger.noted(_note(_token(callback)))
    if fact is None or not isinstance(fact.get("state"), str):
        return callback
    return replace(callback, parameters={**callback.parameters, "state": fact["state"], **_refusal(callback)})


def is_of(callback: Callback, more: Mapping[str, str]) -> bool:
    """Does the answer hold the temporary token of this sign-in? True for sign-ins that have none."""
    return TOKEN not in more or _token(callback) == more[TOKEN]


def _refusal(callback: Callback) -> dict[str, str]:
    """A no of the person's, in the words of RFC 6749: `denied=<token>` is Twitter's, `oauth_problem` the extension's for problem reporting."""
    problem = callback.parameters.get("oauth_problem", "")
    is_no = "denied" in callback.parameters or problem in ("user_refused", "permission_denied")
    return {"error": "access_denied"} if is_no else {"error": problem} if problem else {}


def _token(callback: Callback) -> str:
    return callback.parameters.get(TOKEN) or callback.parameters.get("denied") or ""


def _note(token: str) -> str:
    return f"sign-in-{hashlib.sha256(b'authweave oauth1' + token.encode(errors='surrogatepass')).hexdigest()}"


def _text(value: Any, name: str, reading: Reading, status: int) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST or (not value and name == TOKEN):
        raise _odd(reading, status, f"{name} is missing in the temporary credentials")
    return value


def _odd(reading: Reading, status: int, words: str) -> TokenAnswerError:
    return TokenAnswerError("token_field_missing", f"{reading.url}: {words}", status=status, url=reading.url)

"""OAuth 1.0: a sign-in whose legs are not all there, and what it cannot go with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final

from authweave.checking.document import Checked
from authweave.values import Path, Problem

_LEGS: Final = ("request_token_url", "authorization_url", "access_token_url")
_OF_SIGN_IN: Final = ("redirect_uri", "authorization_request", "callback", "token_request", "token_response")


class OAuth1Legs:
    """The three URLs of RFC 5849 §2 go together, and a token that is supplied does not go with them."""

    name: ClassVar[str] = "oauth1.legs"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per key."""
        for path, auth, _ in checked.variants:
            if auth.get("type") == "oauth1":
                for key, why, fix in _wrong(auth):
                    at: Path = (*path, key) if key in auth else path
                    yield checked.problem(self.name, at, why, fix, of_key=key in auth)


def _wrong(auth: Mapping[str, Any]) -> Iterable[tuple[str, str, str]]:
    written = [key for key in _LEGS if key in auth]
    missing = [key for key in _LEGS if key not in auth]
    if written and missing:
        yield missing[0], f"signing in takes three URLs, and {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing", f"write {', '.join(missing)}, or none of the three"
    if not written:
        for key in _OF_SIGN_IN:
            if key in auth:
                yield key, "nobody signs in here", f"remove it, or write {', '.join(_LEGS)}"
    for key in ("token", "token_secret"):
        if written and auth.get(key, "") != "":
            yield key, "a person signs in for the token, so none is supplied", f"remove it, or the three URLs ({', '.join(_LEGS)})"
    if "realm" in auth and auth.get("signature_in", "header") != "header":
        yield "realm", "the realm stands in the header only (RFC 5849 §3.5.1)", "remove it, or write signature_in: header"

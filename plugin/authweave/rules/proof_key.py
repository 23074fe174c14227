"""A sign-in with a weaker proof key than there is, or with none (RFC 7636, RFC 9700 §2.1.1)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Final

from authweave.checking.document import Checked
from authweave.values import Problem

_CHALLENGE: Final = frozenset({"code_challenge", "code_challenge_method"})


class ProofKey:
    """S256 is the default. Some servers refuse it; whoever writes something else is reminded of what it costs."""

    name: ClassVar[str] = "pkce.weak"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One warning per variant that weakens it; an error where half of it is left out, which says neither."""
        for path, auth, _ in checked.variants:
            for index, name in enumerate(auth.get("authorization_request", {}).get("omit", ())):
                if name in _CHALLENGE and auth.get("pkce") is not False:
                    yield checked.problem(self.name, (*path, "authorization_request", "omit", index), "leaves the proof key half out, and nobody would be told", "write pkce: false, unless the server takes it")
            at, pkce = (*path, "pkce"), auth.get("pkce")
            if "pkce" not in auth or not checked.merged.is_own(at):
                continue
            if pkce == "plain":
                yield checked.problem(self.name, at, "whoever sees the link can present its code: the verifier itself stands in it", "write S256, unless the server cannot", severity="warning")
            elif pkce is False:
                yield checked.problem(self.name, at, "a stolen code can be presented by somebody else", "remove it, unless the server refuses code_challenge", severity="warning")

"""The servers that the steps of a token call ask: what a step describes is wanted, and answered where it is read."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any

from authweave.errors import AuthweaveError
from authweave.profile import Answer, Step, Variant
from authweave.sandbox.account import Account, Address
from authweave.sandbox.arrived import Arrived
from authweave.sandbox.as_declared import declared, leads_to, missing, wrong_content, wrong_form
from authweave.sandbox.ledger import Issued
from authweave.sandbox.listener import Reply, json_reply
from authweave.sandbox.shaping import token_answer


class StepDesk:
    """Where one step of one customer goes. A step after the token request has to name a living token."""

    def __init__(self, account: Account, variant: Variant, step: Step, *, lifetime: float, clock: Callable[[], float]) -> None:
        self.account = account
        self._step = step
        self._ledger = account.ledger(variant)
        self._lifetime = lifetime
        self._clock = clock
        self._is_after = ".after[" in step.origin

    def serves(self, arrived: Arrived) -> bool:
        """Is the request for this step?"""
        return any(leads_to(address, arrived) for address in self._addresses())

    def is_named(self, arrived: Arrived) -> bool:
        """Does the request have everything that the step sends?"""
        return any(self._why_not(arrived, issued) is None for issued in self._tokens())

    def kind(self, arrived: Arrived) -> str:
        """`step`."""
        return "step"

    def answer(self, arrived: Arrived) -> Reply:
        """The answer to a request that is for this step."""
        refusal: Reply | None = None
        for issued in self._tokens():
            why = self._why_not(arrived, issued)
            if why is None:
                return self._answered(issued)
            refusal = refusal or why
        return refusal or json_reply(400, {"error": "invalid_token", "error_description": "this step names no living token"})

    def _tokens(self) -> list[Issued | None]:
        """The tokens that the step may be about; none for one before the token request."""
        return [issued for issued in self._ledger.newest_first() if not issued.ended] if self._is_after else [None]

    def _addresses(self) -> list[Address]:
        """Where it goes; where the URL holds the token, one address for each."""
        return [address for issued in self._tokens() if (address := address_of(self.account, self._step, issued)) is not None]

    def _why_not(self, arrived: Arrived, issued: Issued | None) -> Reply | None:
        request, scope = self._step.request, self.account.scope(issued, arrived.view())
        fields = declared(request, scope, self.account.profile)
        return wrong_form(arrived, request, scope) or missing(fields, arrived) or wrong_content(arrived, request, scope)

    def _answered(self, issued: Issued | None) -> Reply:
        answer: Answer = self._step.response
        members: dict[str, Any] = {}
        if issued is not None and ("access_token" in answer.members or not answer.says_anything):
            issued = Issued(secrets.token_urlsafe(32), self._clock() + self._lifetime, issued.scope, issued.refresh_token, kept=issued.kept)
            self._ledger.add(issued)
            members = {"access_token": issued.access_token, "token_type": "Bearer"}
        expires_at = issued.expires_at if issued is not None else self._clock() + self._lifetime
        if issued is not None:
            members["expires_in"] = max(1, int(expires_at - self._clock()))
        return token_answer(answer, members, self.account.kept, expires_at, self._scope(issued))

    def _scope(self, issued: Issued | None) -> Mapping[str, Any]:
        return self.account.scope(issued)


def address_of(account: Account, step: Step, issued: Issued | None = None) -> Address | None:
    """Where a step goes for this customer; None where that is not known without a token."""
    assert step.request.url is not None  # noqa: S101 - the schema requires it of a step
    try:
        return Address.of(step.request.url.render(account.scope(issued)))
    except AuthweaveError:
        return None

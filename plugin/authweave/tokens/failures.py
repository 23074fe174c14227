"""What a call that failed leaves behind: written for the other owners, told to this one. Blocking."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from authweave.errors import (
    AuthweaveError,
    DiscoveryError,
    EndpointPaused,
    RegistrationError,
    SignInNeeded,
    StoreUnavailable,
    TokenEndpointError,
    TokenError,
    UnexpectedFailure,
    WireError,
)
from authweave.times import is_ahead
from authweave.tokens.keeping import Keeping
from authweave.tokens.renewal_context import RenewalContext
from authweave.tokens.troubles import LONGEST_REFUSAL, OTHER_REFUSALS, event_of, retry_of, trouble_of, why_ended
from authweave.tokens.way import Way
from authweave.values import Entry, Record, Secret, Token, Trouble, spent_mark


class Failures:
    """The failures of one key. Whatever is noted is noted if the store answers: the failure itself is raised in any case."""

    def __init__(self, context: RenewalContext, keeping: Keeping) -> None:
        self._context = context
        self._keeping = keeping

    def failed(self, failure: AuthweaveError, record: Record, spends: str, attempt: int, way: Way) -> Token | None:
        """Note what is known of the failure, and raise it; None where a winner's token is to be taken."""
        ledger, key = self._context.ledger, self._context.key
        is_before = isinstance(failure, DiscoveryError | RegistrationError)
        if not (failure.is_of_answer or (isinstance(failure, TokenError | WireError | UnexpectedFailure) and not is_before)):  # nothing was sent
            if is_before:
                self._context.tell("unreachable", detail=str(failure))
            with suppress(StoreUnavailable):
                ledger.intend(key, record.version, None)
            raise failure
        self.tell_of(failure)
        if failure.is_unspent:
            return self._failed_before(failure, record, way)
        if way.attended and spends and isinstance(failure, TokenEndpointError) and failure.error == "invalid_grant" and not failure.step:
            with suppress(StoreUnavailable):
                if ledger.read(key).version != record.version:
                    return None  # the renewal of somebody whom we took for dead has ended meanwhile
            raise self.ended(record, spends, why_ended(failure, record), way)
        trouble = self.trouble(failure, record, spends if way.attended else "", attempt, way)
        with suppress(StoreUnavailable):
            if not ledger.write(key, record.version, self.entry(record, trouble), keep=self._keeping.seconds(record.token, way)):
                return None  # somebody has written meanwhile: what they know is newer
        raise failure

    def _failed_before(self, failure: AuthweaveError, record: Record, way: Way) -> Token | None:
        """A step before the token request failed: the refresh token was not presented, and what is in doubt of it stays so."""
        trouble = self.trouble(failure, record, "", 1, way)
        entry = self.entry(record, record.trouble if record.trouble is not None and record.trouble.spends else trouble)
        with suppress(StoreUnavailable):
            if not self._context.ledger.write(self._context.key, record.version, entry, keep=self._keeping.seconds(record.token, way)):
                return None
        raise failure

    def unusable(self, owner: str, failure: AuthweaveError, record: Record, spends: str, brought: Secret, way: Way) -> Token | None:
        """Keep the refresh token of an answer that is otherwise of no use, and raise why; None where a winner's token is to be taken.

        The one that was presented may be dead by now. Raises StoreUnavailable where it cannot be kept yet.
        """
        self._context.tell("refused", detail=str(failure))
        before, now = record.trouble, self._context.clock()
        count = before.count + 1 if before is not None and before.spends == spends else 1
        until = now + min(OTHER_REFUSALS[0] * 2.0 ** (count - 1), OTHER_REFUSALS[1])
        trouble = Trouble("unreachable", str(failure), now, spends=spent_mark(brought), count=count, until=until)
        token = replace(record.token or Token(Secret("", "nothing yet"), expires_at=0.0, renew_at=0.0), refresh_token=brought)
        entry = Entry(self._context.key.facts(), token, trouble, rotates=True)
        if self._keeping.keep(owner, token, entry, record.version, spends, way) is None:
            return None
        raise failure

    def ended(self, record: Record, spends: str, reason: str, way: Way) -> SignInNeeded:
        """Note that this refresh token is of no more use."""
        self._context.tell("lost", detail=reason)
        with suppress(StoreUnavailable):
            entry = self.entry(record, Trouble("sign_in_needed", reason, self._context.clock(), spends=spends))
            self._context.ledger.write(self._context.key, record.version, entry, keep=self._keeping.seconds(record.token, way))
        return self.sign_in(reason)

    def sign_in(self, reason: str) -> SignInNeeded:
        """The error, told, for what only a person can mend."""
        self._context.tell("sign_in_needed", detail=reason)
        key = self._context.key
        return SignInNeeded(reason, profile=key.connection.partition("/")[0], tenant=key.tenant, subject=key.subject)

    def tell_of(self, failure: AuthweaveError) -> None:
        """Tell of a failure, where that has not been done already."""
        if kind := event_of(failure):
            self._context.tell(kind, detail=str(failure), **retry_of(failure))

    def trouble(self, failure: AuthweaveError, record: Record, spends: str, attempt: int, way: Way) -> Trouble:
        """What is kept of a failure; a refusal says from now on when it is asked again."""
        trouble = trouble_of(failure, record, spends, attempt, way.credentials, self._context.clock())
        if isinstance(failure, TokenEndpointError) and trouble.kind == "refused":
            failure.asked_again_at = trouble.until
        return trouble

    def entry(self, record: Record, trouble: Trouble) -> Entry:
        """What is known of the key, with a new trouble."""
        return Entry(self._context.key.facts(), record.token, trouble, record.entry.rotates if record.entry else None)

    def refuse_as_before(self, record: Record, way: Way) -> None:
        """Raise what the endpoint said the last time, where it is too early to ask again."""
        trouble, now = record.trouble, self._context.clock()
        if trouble is None or trouble.credentials != way.credentials or not is_ahead(trouble.until, now, LONGEST_REFUSAL):
            return
        url = self._context.key.endpoint
        if trouble.kind == "unreachable" and not trouble.spends:
            raise EndpointPaused(url=url, reason=trouble.reason, retry_at=trouble.until, wait=trouble.until - now)
        if trouble.kind == "refused":
            raise TokenEndpointError(
                status=trouble.status, url=url, error=trouble.error, error_description=trouble.error_description,
                asked_again_at=trouble.until, wait=trouble.until - now,
            )  # fmt: skip

"""A renewal while the store is away: in memory, where that loses nothing. Blocking."""

from __future__ import annotations

import time

from authweave.errors import AuthweaveError
from authweave.machine.forks import begin_anew_in_child
from authweave.tokens.failures import Failures
from authweave.tokens.renewal_context import RenewalContext
from authweave.tokens.way import Way
from authweave.values import Entry, Record, Token


class Storeless:
    """What one key comes to without its store."""

    def __init__(self, context: RenewalContext, failures: Failures) -> None:
        self._context = context
        self._failures = failures
        self.in_child()
        begin_anew_in_child(self)

    def in_child(self) -> None:
        """What was refused without the store was the parent's concern."""
        self._known: Entry | None = None

    def token(self, way: Way, end: float) -> Token:
        """A token by a grant in the client's own name, never with a refresh token. Raises as `Way.get`."""
        way.refuse_early(end)
        self._failures.refuse_as_before(Record(entry=self._known), way)
        began = time.monotonic()
        refusal: AuthweaveError
        try:
            token = way.get(None, end)
        except AuthweaveError as error:
            refusal = error.fresh()
        else:
            self._known = None
            self._context.tell("acquired", seconds=time.monotonic() - began, detail="kept in memory only: the token store is away")
            return token
        self._note(refusal, way)
        raise refusal

    def _note(self, failure: AuthweaveError, way: Way) -> None:
        """As in the store: a client that is refused must not be tried again and again."""
        self._failures.tell_of(failure)
        record = Record(entry=self._known)
        self._known = self._failures.entry(record, self._failures.trouble(failure, record, "", 1, way))

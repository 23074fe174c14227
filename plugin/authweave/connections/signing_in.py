"""The flows of signing in for one connection: whose credential it is about, and what its desk does."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from authweave.connections.completing_sign_in import stated
from authweave.errors import CallbackRefused, TemplateError, UsageError
from authweave.sign_in import Begun, Callback, Desk, Shelf, row_of_state, standing
from authweave.values import Authorization, SignIn, Token

if TYPE_CHECKING:
    from authweave.connections.connection import Connection
    from authweave.connections.credential import Credential

Flow = Generator[Future[Any], Any, Any]


class SigningIn:
    """What `Connection` offers of it, as flows: each yields what there is to wait for, and raises what the method there says."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def beginning(self, session: str, redirect_uri: str | None) -> Generator[Future[Any], Any, Authorization]:
        """The flow of `begin_authorization`."""
        return self._at_desk(("begin", session, redirect_uri), lambda desk: desk.begin(session, redirect_uri))

    def awaiting(self) -> Generator[Future[Any], Any, Token]:
        """The flow of `await_authorization`."""
        return self._at_desk(("await",), lambda desk: desk.wait())

    def cancelling(self) -> Generator[Future[Any], Any, bool]:
        """The flow of `cancel_authorization`."""
        return self._at_desk(("cancel",), lambda desk: desk.cancel())

    def standing(self, session: str, redirect_uri: str | None) -> Generator[Future[Any], Any, SignIn]:
        """The flow of `sign_in`."""
        return standing(self._connection, session, redirect_uri)

    def answered(self, answer: str | Mapping[str, str], session: str) -> Generator[Future[Any], Any, Token]:
        """The flow of `complete_authorization`."""
        callback = yield from stated(self._connection.engine, Callback.of(answer))
        if not row_of_state(callback.state):
            raise CallbackRefused("state", "the state of this answer is none that was made here", profile=self._name)
        return (yield from self.completing(callback, session))

    def completing(self, callback: Callback, session: str) -> Generator[Future[Any], Any, Token]:
        """Complete a sign-in with what came back: each answer by itself, so that of two who bring the same one hears of it."""
        self._connection.refuse_nobody()
        row, able = row_of_state(callback.state), self._able()
        for credential in able:
            if not credential.is_resolved:
                yield credential.resolving()
            if credential.tokens is not None and Shelf.of(self._connection.engine.consents, credential.tokens.key).row == row:
                token: Token = yield credential.at_desk((object(),), lambda desk: desk.complete(callback, session))
                return token
        raise CallbackRefused("state", "this answers the sign-in of somebody else, or of nobody", profile=self._name)

    def is_for(self, begun: Begun) -> Generator[Future[Any], Any, bool]:
        """Is this sign-in for a token of this connection?"""
        for credential in self._able():
            if not credential.is_resolved:
                yield credential.resolving()
            if credential.tokens is not None and credential.tokens.key.facts() == begun.facts:
                return True
        return False

    def credential(self) -> Credential:
        """The variant that a person signs in for: the one in force, or the only one where a request says which is.

        Blocking where a source is. Raises UsageError where nobody signs in.
        """
        connection, able = self._connection, self._able()
        if connection.single is not None:
            return connection.single
        try:
            chosen = connection.credential(connection.variant_for(None))
        except TemplateError:
            return able[0]  # a request says which: that of the first, unless a call without a token said otherwise
        if chosen not in able:
            raise UsageError(f"{self._name}: nobody signs in for the variant {chosen.variant.name}, which its inputs choose")
        return chosen

    def _at_desk(self, what: tuple[Any, ...], work: Callable[[Desk], Any]) -> Flow:
        self._connection.refuse_nobody()
        credential = self.credential()
        if not credential.is_resolved:
            yield credential.resolving()
        if credential.tokens is None:
            raise UsageError(f"{self._name}: as its inputs are, it needs no token, so nobody has to sign in")
        return (yield credential.at_desk(what, work))

    def _able(self) -> list[Credential]:
        """The variants that a person can sign in for. Raises UsageError where there are none."""
        able = [one for one in self._connection.credentials if one.variant.tokens is not None and one.variant.tokens.signs_in]
        if not able:
            raise UsageError(f"{self._name}: nobody signs in for this profile; its tokens come without a person")
        return able

    @property
    def _name(self) -> str:
        return self._connection.profile.name

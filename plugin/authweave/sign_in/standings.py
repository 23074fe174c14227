"""Does a person have to sign in for a connection before it can be used? Asked for each profile that a workflow is about to need."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from authweave.errors import SignInNeeded, UsageError
from authweave.values import SignIn

if TYPE_CHECKING:
    from authweave.connections.connection import Connection


def sign_in_of(connection: Connection) -> SignIn:
    """Whose sign-in it would be; nothing is said of it yet."""
    profile = connection.profile
    return SignIn(profile.name, profile.identity_provider, connection.subject, connection.tenant)


def standing(connection: Connection, session: str, redirect_uri: str | None) -> Generator[Future[Any], Any, SignIn]:
    """How the connection stands: with a token at hand or one that comes by itself, nothing is to do; else here is where to sign in.

    A grant that needs nobody is not asked for a token. Raises as `Connection.begin_authorization`.
    """
    if not any(variant.tokens is not None and variant.tokens.signs_in for variant in connection.profile.variants):
        return sign_in_of(connection).done(None)
    try:
        return sign_in_of(connection).done((yield from connection.getting_token()))
    except SignInNeeded as error:
        needed = error.fresh()
    if not session and redirect_uri is None:
        return needed.sign_in
    try:
        begun = yield from connection.signing_in.beginning(session, redirect_uri)
    except UsageError:
        return needed.sign_in
    return sign_in_of(connection).to_do(begun, needed.reason)

"""`authweave token`: the token that is stored, or a new one, and what it is."""

from __future__ import annotations

import time
from collections.abc import Generator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from authweave.cli.common import (
    Exit,
    Given,
    command_of,
    complain,
    format_option,
    given_options,
    profile_argument,
    profile_of,
    with_connection,
)
from authweave.cli.pointing import point, try_test
from authweave.cli.printing import columns, print_json

if TYPE_CHECKING:
    from authweave.connections.connection import Connection
    from authweave.pending import Pending
    from authweave.values import Token

EXAMPLES: Final = """\
authweave token acme.yaml                     type, lifetime, scope and fingerprint; asks for a missing secret
authweave token acme.yaml --input tenant=acme --format json
authweave token acme.yaml --fresh             a new one, also where a stored one is still good
grpcurl -H "Authorization: Bearer $(authweave token acme.yaml --reveal)" …
"""


@command_of("token", examples=EXAMPLES)
@profile_argument()
@click.option("--fresh", is_flag=True, help="Get a new one, and store it, also where a stored one is still good.")
@click.option("--reveal", is_flag=True, help="Print the access token, and nothing else (with --format json: among the rest).")
@format_option
@given_options
def command(profile: str, fresh: bool, reveal: bool, form: str, given: Given) -> Exit:
    """Print what a token is good for: type, lifetime, scope, a fingerprint to compare; not the token.

    It is the stored one while that is good, else one that is got now and stored. What a profile's variants read of a
    request is not known here: use `request` or `preview --url` then.
    """
    with given.keeping_engine() as engine:
        found = profile_of(engine, profile)
        had = None
        if any(variant.tokens for variant in found.variants):
            words = try_test(profile, given)
            had = with_connection(engine, found, given, lambda connection: _had(connection, is_fresh=fresh, words=words))
        now = engine.clock()
    if had is None:
        complain(f"{found.reference} gets no token: its credential goes into each request as it is")
        return Exit.USAGE
    if form == "json":
        print_json({**facts(had.token, now, reveal=reveal), "stored": had.was_stored})
    elif reveal:
        if had.token.proof_key is not None:
            complain("this token is bound to a key (DPoP): alone it opens nothing; `authweave request` proves the key")
        print(had.token.access_token.reveal())
    else:
        print("\n".join(_lines(had, now)))
    return Exit.OK


@dataclass(frozen=True, slots=True)
class Had:
    """A token, and whether it was stored before this command."""

    token: Token
    was_stored: bool


def _had(connection: Connection, *, is_fresh: bool, words: str) -> Had | None:
    """The token of a connection; None for a type without one. Raises TokenError, WireError (with `words`), InputError."""
    stored = None if is_fresh else _stored(connection)
    try:
        token = (_anew(connection) if is_fresh else connection.token()).result()
    except Exception as error:
        point(error, words)
        raise
    if token is None:
        return None
    return Had(token, was_stored=stored is not None and token.access_token.matches(stored.access_token))


def _stored(connection: Connection) -> Token | None:
    """What is stored before anything is got; None also where the store cannot say."""
    from authweave.errors import AuthweaveError

    try:
        variant = connection.variant_for(None)
        connection.inputs().require(variant.needs)
        key = connection.credential(variant).token_key(connection.inputs()) if variant.tokens else None
        return connection.engine.ledger.read(key).token if key else None
    except AuthweaveError:
        return None  # getting the token says what is wrong


def _anew(connection: Connection) -> Pending[Token | None]:
    """A new token, in the place of the one that is there."""
    from authweave.pending import Pending

    def flow() -> Generator[Future[Any], Any, Token | None]:
        credential = yield from connection.choosing(None)
        stored = _stored(connection)
        return (yield from credential.token(stored))

    return Pending.of(flow())


def facts(token: Token, now: float, *, reveal: bool = False) -> dict[str, Any]:
    """What may be told of a token as plain data; with `reveal` the token, too. Times are RFC 3339 in UTC."""
    from authweave.proofs.dpop import key_thumbprint
    from authweave.redaction import fingerprint
    from authweave.values import NEVER

    ends = token.expires_at != NEVER
    told = {
        "token_type": token.token_type,
        "expires_in": max(0, round(token.expires_at - now)) if ends else None,
        "expires_at": _moment(token.expires_at) if ends else None,
        "scope": token.scope,
        "length": token.access_token.length,
        "fingerprint": fingerprint(token.access_token),
        "refresh_token": token.refresh_token is not None,
        "id_token": token.id_token is not None,
        "bound_to": key_thumbprint(token.proof_key) if token.proof_key else None,
        "kept": sorted(name for name, value in token.kept.items() if value is not None),
    }
    return {**told, "access_token": token.access_token.reveal()} if reveal else told


def _lines(had: Had, now: float) -> list[str]:
    from authweave.redaction import masked

    token = had.token
    told = facts(token, now)
    expires = f"in {told['expires_in']} s, at {told['expires_at']}" if told["expires_at"] else "the answer did not say"
    rows = [
        ("token", masked(token.access_token, "access_token")),
        ("type", token.token_type),
        ("expires", expires),
        ("scope", token.scope or "as asked for (the answer did not say)"),
        ("refresh token", "yes" if token.refresh_token else "no"),
        ("kept", ", ".join(told["kept"])),
        ("bound to", f"key {told['bound_to']} (DPoP): alone the token opens nothing, `authweave request` proves the key" if told["bound_to"] else ""),
        ("from", "the token store" if had.was_stored else "the token endpoint, just now"),
    ]
    return columns([row for row in rows if row[1]])


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))

"""`authweave token`: get a token and say what it is."""

from __future__ import annotations

import time
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
from authweave.cli.printing import columns, print_json

if TYPE_CHECKING:
    from authweave.values import Token

EXAMPLES: Final = """\
authweave token acme.yaml                     type, lifetime, scope and fingerprint; asks for a missing secret
authweave token acme.yaml --input tenant=acme --format json
grpcurl -H "Authorization: Bearer $(authweave token acme.yaml --reveal)" …
"""


@command_of("token", examples=EXAMPLES)
@profile_argument()
@click.option("--reveal", is_flag=True, help="Print the access token, and nothing else (with --format json: among the rest).")
@format_option
@given_options
def command(profile: str, reveal: bool, form: str, given: Given) -> Exit:
    """Get a token and print what it is good for: type, lifetime, scope, a fingerprint to compare; not the token.

    What a profile's variants read of a request is not known here: use `request` or `preview --url` then.
    """
    engine = given.engine()
    found = profile_of(engine, profile)
    token = None
    if any(variant.tokens for variant in found.variants):
        token = with_connection(engine, found, given, lambda connection: connection.token().result())
    if token is None:
        complain(f"{found.reference} gets no token: its credential goes into each request as it is")
        return Exit.USAGE
    if form == "json":
        print_json(facts(token, engine.clock(), reveal=reveal))
    elif reveal:
        print(token.access_token.reveal())
    else:
        print("\n".join(_lines(token, engine.clock())))
    return Exit.OK


def facts(token: Token, now: float, *, reveal: bool = False) -> dict[str, Any]:
    """What may be told of a token as plain data; with `reveal` the token, too. Times are RFC 3339 in UTC."""
    from authweave.redaction import fingerprint
    from authweave.values import NEVER

    ends = token.expires_at != NEVER
    told = {
        "token_type": token.token_type,
        "expires_in": max(0, round(token.expires_at - now)) if ends else None,
        "expires_at": _moment(token.expires_at) if ends else None,
        "scope": token.scope,
        "length": len(token.access_token.reveal()),
        "fingerprint": fingerprint(token.access_token),
        "refresh_token": token.refresh_token is not None,
        "id_token": token.id_token is not None,
        "kept": sorted(token.kept),
    }
    return {**told, "access_token": token.access_token.reveal()} if reveal else told


def _lines(token: Token, now: float) -> list[str]:
    from authweave.redaction import masked

    told = facts(token, now)
    expires = f"in {told['expires_in']} s, at {told['expires_at']}" if told["expires_at"] else "the answer did not say"
    rows = [
        ("token", masked(token.access_token, "access_token")),
        ("type", token.token_type),
        ("expires", expires),
        ("scope", token.scope or "as asked for (the answer did not say)"),
        ("refresh token", "yes" if token.refresh_token else "no"),
        ("kept", ", ".join(told["kept"])),
    ]
    return columns([row for row in rows if row[1]])


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))

"""`authweave logout`: end a person's tokens at the provider, and forget them here."""

from __future__ import annotations

from contextlib import suppress
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
from authweave.cli.login import refuse_nobody
from authweave.cli.printing import print_json

if TYPE_CHECKING:
    from authweave.connections.connection import Connection
    from authweave.engine import Engine
    from authweave.profile import Profile

EXAMPLES: Final = """\
authweave logout acme.yaml --subject ada      end ada's token at the provider, and forget it here
authweave logout acme.yaml --subject ada --forget         the provider is not told
authweave logout acme.yaml --all              every user of the profile, one after the other
"""
NO_WAY: Final = "neither the profile (revoke_request) nor the provider's metadata say how to end it there: it stays good until it ends"


@dataclass(frozen=True, slots=True)
class Ended:
    """How it went for one user. `how`: revoked, forgotten, nothing or failed."""

    tenant: str
    subject: str
    how: str
    why: str = ""
    code: Exit = Exit.OK

    @property
    def words(self) -> str:
        """For people."""
        whom = " ".join(word for word in (self.subject or "the application", f"(tenant {self.tenant})" if self.tenant else "") if word)
        told = {"revoked": "revoked at the provider, and forgotten here", "forgotten": "only forgotten here", "nothing": "nobody was signed in", "failed": "still signed in"}
        return f"{whom}: {told[self.how]}{f': {self.why}' if self.why else ''}"


@command_of("logout", examples=EXAMPLES)
@profile_argument()
@click.option("--all", "is_all", is_flag=True, help="Every user (and tenant, unless --tenant says which) that something is stored for.")
@click.option("--forget", is_flag=True, help="Forget here, and do not call the provider.")
@format_option
@given_options
def command(profile: str, is_all: bool, forget: bool, form: str, given: Given) -> Exit:
    """Sign out: the token is ended at the provider (RFC 7009, or revoke_request) and forgotten here.

    Where nothing says how to end it at the provider it is only forgotten here, and that is said. A call that fails leaves
    everything as it is, for another try: exit code 3, or 1 where the provider refused. `--forget` forgets it all the same.
    """
    with given.keeping_engine() as engine:
        found = profile_of(engine, profile)
        if is_all and given.subject:
            raise click.UsageError("say --subject or --all, not both")
        if not is_all:
            refuse_nobody(found, given)
            ended = [_of_one(engine, found, given, forget=forget)]
        else:
            ended = [_of_one(engine, found, one, forget=forget) for one in _everybody(engine, found, given)]
    if form == "json":
        print_json([{"tenant": one.tenant, "subject": one.subject, "ended": one.how, "why": one.why or None} for one in ended])
    else:
        for one in ended:
            if one.code:
                complain(one.words)
            else:
                print(one.words)
        if not ended:
            print("nobody is signed in")
    return max((one.code for one in ended), default=Exit.OK)


def _everybody(engine: Engine, profile: Profile, given: Given) -> list[Given]:
    """Those that something is stored for."""
    from dataclasses import replace

    from authweave.cli.stored import all_stored, selected
    from authweave.discovery.registration import GRANT

    stored = selected(all_stored(engine), profile.name, (given.tenant,) if given.tenant else ())
    whose = dict.fromkeys(entry.whose for entry in stored if entry.facts.get("grant") != GRANT)
    return [replace(given, tenant=tenant, subject=subject or None) for tenant, subject in whose]


def _of_one(engine: Engine, profile: Profile, given: Given, *, forget: bool) -> Ended:
    from authweave.cli.exits import exit_of
    from authweave.errors import AuthweaveError

    tenant, subject = given.tenant, given.subject or ""
    try:
        how, why = with_connection(engine, profile, given, lambda connection: _ended(connection, forget=forget))
    except AuthweaveError as error:
        return Ended(tenant, subject, "failed", f"{error}; try again, or forget it here with --forget", exit_of(error))
    return Ended(tenant, subject, how, why)


def _ended(connection: Connection, *, forget: bool) -> tuple[str, str]:
    from authweave.errors import AuthweaveError

    with suppress(AuthweaveError):  # where nobody signs in for the profile there is none under way
        connection.cancel_authorization().result()
    key: Any = _key(connection)
    if key is None:
        return "nothing", f"{connection.profile.name} gets no token"
    ledger = connection.engine.consents
    record = ledger.read(key)
    if forget:
        return ("forgotten", "the provider was not told") if ledger.remove(key.digest()) else ("nothing", "")
    if record.token is None and not record.unreadable:
        ledger.remove(key.digest())
        return "nothing", ""
    if connection.revoke().result():
        return "revoked", ""
    return "forgotten", f"it could not be opened ({record.unreadable})" if record.unreadable else NO_WAY


def _key(connection: Connection) -> Any:
    """The key of the token of the variant in force; None for a type without tokens. Raises InputError."""
    variant = connection.variant_for(None)
    if variant.tokens is None:
        return None
    inputs = connection.inputs()
    inputs.require(variant.needs)
    return connection.credential(variant).token_key(inputs)

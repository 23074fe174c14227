"""Revoking and forgetting stored tokens: asked for first, counted after."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import click

from authweave.cli.common import Exit, at_terminal, complain
from authweave.cli.moments import one_line
from authweave.errors import AuthweaveError, UsageError

if TYPE_CHECKING:
    from authweave.connections.connection import Connection
    from authweave.engine import Engine
    from authweave.profile import Profile, Variant
    from authweave.status import Health, Stored

TRIES: Final = 3
MOST_NAMED: Final = 20


def cleared(engine: Engine, found: Sequence[Stored], *, is_sure: bool) -> Exit:
    """Forget these, once somebody is sure. Raises UsageError, StoreUnavailable."""
    if not found:
        print("there is nothing to forget")
        return Exit.OK
    refresh = sum(entry.has_refresh_token for entry in found)
    if not sure(f"Forget {counted(found)} here? The provider is not told.", found, is_sure=is_sure):
        return Exit.REFUSED
    gone = sum([_forgotten(engine, entry) for entry in found])
    warning = f", {refresh} with a refresh token" if refresh else ""
    print(f"forgot {gone} of {counted(found)}{warning}; at the provider they stay good until they end or are revoked")
    return Exit.OK


def revoked(engine: Engine, found: Sequence[Stored], *, is_sure: bool) -> Exit:
    """Revoke these, once somebody is sure; one after the other, each with a line. Raises UsageError."""
    if not sure(f"Revoke {counted(found)} at the provider?", found, is_sure=is_sure):
        return Exit.REFUSED
    return max([_revoked_one(engine, entry) for entry in found], default=Exit.OK)


def sure(question: str, found: Sequence[Stored], *, is_sure: bool) -> bool:
    """Is somebody sure, who has seen which are meant? Raises UsageError where nobody can be asked."""
    from authweave.cli.stored import named

    if is_sure:
        return True
    if not at_terminal():
        raise UsageError("nobody can be asked here: say --yes")
    for entry in found[:MOST_NAMED]:
        click.echo(f"  {one_line(named(entry))}{', with a refresh token' if entry.has_refresh_token else ''}", err=True)
    if len(found) > MOST_NAMED:
        click.echo(f"  … and {len(found) - MOST_NAMED} more", err=True)
    if refresh := sum(entry.has_refresh_token for entry in found):
        click.echo(f"{refresh} with a refresh token: without it somebody may have to sign in again.", err=True)
    return click.confirm(question, err=True)


def orphans_among(engine: Engine, stored: Sequence[Stored]) -> list[Stored]:
    """Those that `authweave status` calls orphaned. What may be at home in another folder is left alone, and named."""
    from authweave.errors import ProfileError
    from authweave.status import Survey

    survey, names = Survey(engine, list(stored)), engine.names()
    healths: list[Health] = []
    for name in {entry.profile for entry in stored} & set(names):
        try:
            healths += survey.of_profile(engine.profile(name))
        except ProfileError as error:
            complain(f"{name} is not valid, so that nobody knows which of its tokens are orphaned: {error.problems[0]}")
    keys = {health.key for health in healths if health.state == "orphaned"}
    elsewhere = Counter(entry.profile for entry in stored if entry.profile not in names and not entry.record.unreadable)
    for name, count in sorted(elsewhere.items()):
        complain(
            f"kept: {count} of {one_line(name)}, a profile that is not found from this folder; "
            f"to forget them: authweave tokens clear --profile {shlex.quote(one_line(name))}"
        )
    return [entry for entry in stored if entry.key[:12] in keys]


def counted(found: Sequence[Stored]) -> str:
    """`1 entry`, `3 entries`."""
    return f"{len(found)} {'entry' if len(found) == 1 else 'entries'}"


def _forgotten(engine: Engine, entry: Stored) -> bool:
    """Forget an entry, also where somebody writes it meanwhile."""
    return any(engine.ledger.remove(entry.key) for _ in range(TRIES))


def _revoked_one(engine: Engine, entry: Stored) -> Exit:
    from authweave.discovery.completing import is_discovered

    short, why = entry.key[:12], ""
    try:
        profile, variant = maker_of(engine, entry)
        if variant.tokens is None or (variant.tokens.revoke_request is None and not is_discovered(variant.tokens)):
            why = f"the profile names no revoke_request, so nothing can be ended at the provider; {_forget(entry)}"
        elif connection_of(engine, entry, profile, variant).revoke().result():
            print(f"{short}: revoked at the provider, and forgotten here")
            return Exit.OK
        else:
            why = "there was nothing that could be revoked"
    except AuthweaveError as error:
        from authweave.cli.exits import exit_of

        complain(f"{short}: not revoked: {error}")
        return exit_of(error)
    complain(f"{short}: {why}")
    return Exit.REFUSED


def maker_of(engine: Engine, entry: Stored) -> tuple[Profile, Variant]:
    """The profile, and its variant, that this entry was got for. Raises UsageError, ProfileError."""
    from authweave.cli.stored import finder
    from authweave.discovery.registration import GRANT as REGISTRATION

    if entry.facts.get("grant") == REGISTRATION:
        raise UsageError(f"it is the client that {entry.profile} is registered as, and no token; {_forget(entry)}")
    if entry.record.unreadable:
        raise UsageError(f"it cannot be opened: {entry.record.unreadable}; {_forget(entry)}")
    profile = finder(engine)(entry.profile)
    variant = next((variant for variant in profile.variants if variant.name == entry.variant), None) if profile else None
    if profile is None or variant is None or variant.tokens is None:
        raise UsageError(f"no profile that is found here is called {one_line(entry.profile)}, or it gets tokens in another way now; {_forget(entry)}")
    return profile, variant


def connection_of(engine: Engine, entry: Stored, profile: Profile, variant: Variant) -> Connection:
    """The connection of the profile that this entry is the token of. Raises UsageError, InputError."""
    from authweave.status.stored import differences
    from authweave.status.survey import key_of

    tenant, subject = entry.whose
    connection = engine.connect(profile, tenant=tenant, subject=subject or None)
    key = key_of(connection, variant)
    if isinstance(key, AuthweaveError):
        raise key
    if key.digest() != entry.key:
        changed = one_line("; ".join(differences(entry.facts, key.facts())))
        raise UsageError(f"it is orphaned ({changed}), so it is no token of {profile.name} any more; {_forget(entry)}")
    if connection.variant_for(None) is not variant:
        raise UsageError(f"another variant of {profile.name} than {variant.name} is in force; {_forget(entry)}")
    return connection


def _forget(entry: Stored) -> str:
    return f"`authweave tokens clear {entry.key[:12]}` forgets it here"

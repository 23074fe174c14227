"""How the connections of a process are: their inputs, what the store has of their tokens, and what the endpoint asked."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from authweave.connections.connection import Connection
from authweave.errors import AuthweaveError, MissingInput, StoreUnavailable
from authweave.sign_in import Shelf
from authweave.status.health import Around, Condition, Health, condition_of
from authweave.values import Record, TokenKey

if TYPE_CHECKING:
    from authweave.profile import Profile, Variant


_WITHOUT_TOKEN: Final = frozenset({"unused", "expired", "sign_in_needed"})


def healths_of(connection: Connection) -> list[Health]:
    """How the connection's token is: one Health, or one for each variant where only a request says which is in force.

    Asks the sources and reads the store: blocking. Raises nothing of ours: what cannot be looked at is a state.
    """
    try:
        variants = variants_of(connection)
    except AuthweaveError as error:
        return [not_configured(connection, error)]
    return [_health_of(connection, variant) for variant in variants]


def variants_of(connection: Connection) -> Sequence[Variant]:
    """The variants that may be in force: up to the first that is whatever the request. Raises InputError, NoVariant, TemplateError."""
    found: list[Variant] = []
    for variant in connection.profile.variants:
        if variant.when is not None and any(read[0] == "request" for read in variant.when.reads):
            found.append(variant)
        elif variant.when is None or variant.when.is_true(connection.scope(connection.inputs(), None)):
            return [*found, variant]
    return found or [connection.variant_for(None)]  # raises: there is none


def _health_of(connection: Connection, variant: Variant) -> Health:
    try:
        connection.inputs().require(variant.needs)
        if variant.tokens is None:
            return about(connection, variant, Condition("no_token"))
        key = connection.credential(variant).token_key(connection.inputs())
    except AuthweaveError as error:
        return replace(not_configured(connection, error), variant=_named(connection.profile, variant))
    return health_under(connection, variant, key)


def health_under(connection: Connection, variant: Variant, key: TokenKey) -> Health:
    """How the token under this key is."""
    try:
        record = connection.engine.ledger.read(key)
    except StoreUnavailable as error:
        return replace(about(connection, variant, Condition("store_down", str(error))), key=key.digest()[:12])
    condition = condition_of(record, around(connection, variant, key))
    if condition.state in _WITHOUT_TOKEN and variant.tokens is not None and variant.tokens.signs_in:
        condition = _of_sign_in(connection, variant, key, record, condition)
    return replace(about(connection, variant, condition, record), key=key.digest()[:12])


def _of_sign_in(connection: Connection, variant: Variant, key: TokenKey, record: Record, condition: Condition) -> Condition:
    """How far the person is, where only a person can give a token."""
    engine = connection.engine
    if condition.state != "sign_in_needed" and not connection.credential(variant).endpoint().needs_person(record.token):
        return condition
    try:
        begun = Shelf.of(engine.consents, key).read()[1]
    except StoreUnavailable:
        begun = None
    now = engine.clock()
    if begun is None or not begun.is_good(now):
        why = condition.why if condition.state == "sign_in_needed" else "nobody has signed in yet" if record.token is None else "it has ended, and nothing came with it that renews it"
        return replace(condition, state="sign_in_needed", why=why)
    sent = "a code for another device" if begun.kind == "device" else "a link"
    words = f"{sent} was made {_for(now - begun.begun_at)} ago, and is good for {_for(begun.expires_at - now)} more"
    return replace(condition, state="sign_in_pending", why=words, since=begun.begun_at)


def _for(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def around(connection: Connection, variant: Variant, key: TokenKey | None = None) -> Around:
    """What matters beside the record. Without a key nobody knows whom the endpoint asked to wait."""
    engine = connection.engine
    known = Around(engine.clock(), engine.lease_seconds, attended=is_attended(variant))
    if key is None:
        return known
    credential = connection.credential(variant)
    return replace(known, held_until=engine.pauses.until(credential.client()), credentials=credential.endpoint().credentials)


def about(connection: Connection, variant: Variant, condition: Condition, record: Record | None = None) -> Health:
    """A condition with whose it is, and what to do."""
    profile, token = connection.profile, record.token if record else None
    return Health(
        profile.name, profile.version, _named(profile, variant), connection.tenant, connection.subject, condition.state, condition.why,
        condition.expires_at, condition.since, _sign_in_fix(connection, variant, condition.state) or fix_of(condition.state, profile.name, connection.tenant),
        refresh_token=token is not None and token.refresh_token is not None, attended=is_attended(variant),
    )  # fmt: skip


def not_configured(connection: Connection, error: AuthweaveError) -> Health:
    """What stands in the way before there can be a token."""
    profile = connection.profile
    why, fix = str(error).partition("\n")[0], ""
    if isinstance(error, MissingInput):
        places = connection.inputs().describe(error.name)
        why = f"not supplied: {', '.join(error.names)}"
        fix = f"supply {error.name}: {places[0]}" if places else ""
    return Health(profile.name, profile.version, "", connection.tenant, connection.subject, "not_configured", why, fix=fix)


def is_attended(variant: Variant) -> bool:
    """Did a person consent to what its token may do?"""
    return variant.tokens is not None and variant.tokens.attended


def _sign_in_fix(connection: Connection, variant: Variant, state: str) -> str:
    """How a person signs in at a terminal, where that is what is missing."""
    if state not in ("sign_in_needed", "sign_in_pending") or variant.tokens is None or not variant.tokens.signs_in:
        return ""
    words = ["authweave", "login", connection.profile.name]
    words += ["--tenant", connection.tenant] if connection.tenant else []
    words += ["--subject", connection.subject] if connection.subject else []
    return f"sign in: {shlex.join(words)}"


def fix_of(state: str, profile: str, tenant: str) -> str:
    """What somebody could do."""
    whose = f" --tenant {shlex.quote(tenant)}" if tenant else ""
    return {
        "refused": f"see what is wrong: authweave test {shlex.quote(profile)}{whose}",
        "unreachable": f"see where it ends: authweave test {shlex.quote(profile)}{whose}",
        "sign_in_needed": "sign in again",
        "unreadable": "bring back the key that sealed it, or forget it: authweave tokens clear --unreadable",
        "store_down": "see what is wrong: authweave store check",
    }.get(state, "")


def _named(profile: Profile, variant: Variant) -> str:
    """The name of a variant, where there are several."""
    return variant.name if len(profile.variants) > 1 else ""

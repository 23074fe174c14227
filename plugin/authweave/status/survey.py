"""How everything is that a store holds, and every profile that it may be held for: `authweave status`."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from authweave.connections.connection import Connection
from authweave.discovery.registration import GRANT as REGISTRATION
from authweave.errors import AuthweaveError, ProfileError
from authweave.status.connections import about, around, fix_of, health_under, healths_of, is_attended, not_configured
from authweave.status.health import STATES, Around, Health, condition_of
from authweave.status.stored import Stored, differences
from authweave.values import TokenKey

if TYPE_CHECKING:
    from authweave.engine import Engine
    from authweave.profile import Profile, Variant

Whose = tuple[str, str]
"""A tenant and a subject."""
FORGET: Final = "forget it: authweave tokens clear --orphaned"


@dataclass
class Survey:
    """Looks at profiles and at what is stored. Blocking: it asks the sources and reads the store.

    `inputs` are given to every profile that has them. `tenants` and `subjects`, if any, are those to look at; otherwise
    those in the store are.
    """

    engine: Engine
    stored: list[Stored]
    inputs: Mapping[str, Any] = field(default_factory=dict)
    tenants: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self._by_profile: dict[str, list[Stored]] = {}
        self.stored = [entry for entry in self.stored if entry.facts.get("grant") != REGISTRATION]  # a client, and no token
        for entry in self.stored:
            self._by_profile.setdefault(entry.profile, []).append(entry)
        self._seen: set[str] = set()

    def of_profile(self, profile: Profile) -> Iterator[Health]:
        """Each of its connections, then what is stored and belongs to none."""
        mine: dict[Whose, list[Stored]] = {}
        for entry in self._entries(profile.name):
            mine.setdefault(entry.whose, []).append(entry)
        for tenant, subject in self._whose(mine):
            if profile.subject == "user" and not subject:
                yield Health(profile.name, profile.version, tenant=tenant, why="nobody's token is stored: it acts for a user")
            else:
                yield from self._of_connection(profile, tenant, subject, mine.get((tenant, subject), []))

    def of_invalid(self, name: str, error: ProfileError) -> Iterator[Health]:
        """A profile that cannot be used as it stands, and what is stored of it."""
        why, fix = f"the profile is not valid: {error.problems[0] if error.problems else error}", f"see all that is wrong: authweave validate {name}"
        yield Health(name, state="not_configured", why=why, fix=fix)
        for entry in self._entries(name):
            yield replace(_alone(entry, self._around()), why="the profile is not valid")

    def of_nobody(self, names: Iterable[str]) -> Iterator[Health]:
        """What is stored for profiles that are not found from here, and what cannot be opened, so that nobody knows whose it is."""
        known = set(names)
        for entry in self.stored:
            if entry.record.unreadable:
                if entry.key[:12] not in self._seen:
                    yield _alone(entry, self._around())
            elif entry.profile not in known:
                forget = f"if it is gone for good, forget it: authweave tokens clear --profile {shlex.quote(entry.profile)}"
                yield self._unused(entry, "elsewhere", STATES["elsewhere"], f"to know more, name its file: authweave status FILE; {forget}")

    def _of_connection(self, profile: Profile, tenant: str, subject: str, mine: list[Stored]) -> Iterator[Health]:
        given = {name: value for name, value in self.inputs.items() if name in profile.inputs}
        connection = self.engine.connect(profile, tenant=tenant, subject=subject or None, inputs=given)
        found, lost = healths_of(connection), []
        under = {health.key for health in found if health.key}
        self._seen |= under
        for entry in mine:
            if entry.key[:12] not in under:
                lost.append(self._of_entry(connection, entry))
        if any(health.state != "orphaned" for health in lost):
            found = [health for health in found if health.state != "not_configured"]
        yield from (*found, *lost)

    def _of_entry(self, connection: Connection, entry: Stored) -> Health:
        """An entry that is not under the key of a variant in force."""
        profile = connection.profile
        variant = next((variant for variant in profile.variants if variant.name == entry.variant), None)
        if variant is None or variant.tokens is None:
            return self._orphan(entry, profile, None, f"{profile.name} has no variant {entry.variant} that gets tokens", f"undo the edit, or {FORGET}")
        key = key_of(connection, variant)
        if isinstance(key, TokenKey):
            if key.digest() == entry.key:
                return health_under(connection, variant, key)
            changed = "; ".join(differences(entry.facts, key.facts())) or "the keys that seal tokens"
            return self._orphan(entry, profile, variant, changed, f"undo the edit, or {FORGET}")
        missing = not_configured(connection, key)
        condition = condition_of(entry.record, around(connection, variant))
        why = "; ".join(word for word in (condition.why, missing.why) if word)
        made = about(connection, variant, replace(condition, why=why), entry.record)
        return replace(made, key=entry.key[:12], fix=made.fix or missing.fix)

    def _orphan(self, entry: Stored, profile: Profile, variant: Variant | None, why: str, fix: str) -> Health:
        """An entry that nobody will look for any more."""
        lost = ""
        if entry.record.token is None:
            lost = "; nothing is lost: it holds no token"
        elif entry.has_refresh_token and self._was_attended(entry, variant):
            lost = "; it holds a refresh token, without which somebody may have to sign in again"
        made = self._unused(entry, "orphaned", f"{why}{lost}", fix, variant)
        return replace(made, version=profile.version, variant=entry.variant if len(profile.variants) > 1 else "")

    def _unused(self, entry: Stored, state: str, why: str, fix: str, variant: Variant | None = None) -> Health:
        """An entry that no profile found here looks for."""
        token = entry.record.token
        return Health(
            entry.profile, "", entry.variant, *entry.whose, state, why, token.expires_at if token else None,
            token.issued_at if token else None, fix, entry.key[:12], entry.has_refresh_token, self._was_attended(entry, variant),
        )  # fmt: skip

    def _was_attended(self, entry: Stored, variant: Variant | None) -> bool:
        """Did a person consent? Of a grant that is not known here nobody can say, so that somebody may have."""
        name = entry.facts.get("grant")
        if variant is not None and variant.tokens is not None and variant.tokens.grant_type == name:
            return is_attended(variant)
        grant: Any = self.engine.catalog.named("grants").get(str(name))
        return bool(grant.attended) if grant is not None else entry.has_refresh_token

    def _entries(self, name: str) -> list[Stored]:
        found = self._by_profile.get(name, [])
        return [entry for entry in found if self._is_asked_for(*entry.whose)]

    def _is_asked_for(self, tenant: str, subject: str) -> bool:
        return (not self.tenants or tenant in self.tenants) and (not self.subjects or subject in self.subjects)

    def _whose(self, mine: Iterable[Whose]) -> list[Whose]:
        """Whom it may act for: those in the store, and those that are asked for; without any, nobody in particular."""
        asked = [(tenant, subject) for tenant in self.tenants or ("",) for subject in self.subjects or ("",)]
        stored = sorted(mine)
        if not (self.tenants or self.subjects):
            return stored or asked
        known = {tenant for tenant, _ in stored}
        return [*stored, *(whose for whose in asked if whose not in stored and (self.subjects or whose[0] not in known))]

    def _around(self) -> Around:
        return Around(self.engine.clock(), self.engine.lease_seconds)


def key_of(connection: Connection, variant: Variant) -> TokenKey | AuthweaveError:
    """The key that a variant's token has now, or why none can be made."""
    try:
        inputs = connection.inputs()
        inputs.require(variant.needs)
        return connection.credential(variant).token_key(inputs)
    except AuthweaveError as error:
        return error.fresh()


def _alone(entry: Stored, around: Around) -> Health:
    """An entry by itself."""
    condition = condition_of(entry.record, around)
    return Health(
        entry.profile, "", entry.variant, *entry.whose, condition.state, condition.why, condition.expires_at, condition.since,
        fix_of(condition.state, entry.profile, entry.whose[0]), entry.key[:12], entry.has_refresh_token,
    )  # fmt: skip

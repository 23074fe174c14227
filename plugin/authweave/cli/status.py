"""`authweave status`: how every token is, the worst first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from authweave.cli.common import Exit, Place, command_of, complain, format_option, place_options, profile_of
from authweave.cli.keeping import warn_of_memory
from authweave.cli.moments import ends, one_line, stamp
from authweave.cli.options import complete_profile, pair
from authweave.cli.printing import columns, print_json

if TYPE_CHECKING:
    from authweave.engine import Engine
    from authweave.profile import Profile
    from authweave.status import Health, Survey

EXAMPLES: Final = """\
authweave status                              every profile of yours, and every tenant that has a stored token
authweave status acme --tenant blue           one of them
authweave status --all --format json          with the shipped profiles that nobody uses, for a monitor
"""
MOST_WELL: Final = 40
"""Rows in a good state that are listed; of more, the rest are counted."""
WELL: Final = frozenset({"ok", "no_token", "unused", "expiring", "expired", "renewing", "elsewhere"})
_FOLDER: Final = click.Path(exists=True, file_okay=False, path_type=Path)
_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


@dataclass(frozen=True, slots=True)
class Found:
    """What there is to tell. `is_down`: the store does not answer. `left_out`: shipped profiles that nobody uses."""

    healths: Sequence[Health]
    is_down: str = ""
    left_out: int = 0


@command_of("status", examples=EXAMPLES)
@click.argument("profiles", nargs=-1, metavar="[PROFILE]...", shell_complete=complete_profile)
@click.option("--tenant", "tenants", multiple=True, help="A tenant to look at, instead of those in the store.")
@click.option("--subject", "subjects", multiple=True, help="A user to look at, instead of those in the store.")
@click.option("-I", "--input", "inputs", multiple=True, callback=pair, metavar="KEY=VALUE", help="An input. Never a secret.")
@click.option("--secrets-dir", type=_FOLDER, help="A folder with one file an input: <profile>.<input>.")
@click.option("--dotenv", type=_FILE, help="A file of lines such as AUTHWEAVE_ACME_CLIENT_ID=….")
@click.option("--all", "is_all", is_flag=True, help="List everything, also what is well and what nobody uses.")
@format_option
@place_options
def command(
    profiles: tuple[str, ...], tenants: tuple[str, ...], subjects: tuple[str, ...], inputs: tuple[tuple[str, str], ...],
    secrets_dir: Path | None, dotenv: Path | None, is_all: bool, form: str, place: Place,
) -> Exit:  # fmt: skip
    """Say how every token is, the worst first: its state, when it ends, why, and what to do.

    Nothing is sent and no token is got: this looks at the inputs and into the store. An entry whose key is not the one
    that the profile and its inputs make today is orphaned, which an edit of token_url, scopes or audience does: what
    differs is said. One whose profile is not found from this folder is elsewhere: the store is one for all folders. Ends with 1 if something wants a person, with 3 if an endpoint or the store is away, with 4 if a
    profile that is named lacks an input.
    """
    from authweave.cli.options import Given

    given = Given(place.profiles_dir, place.config, secrets_dir=secrets_dir, dotenv=dotenv, input=inputs)
    with given.store_engine() as engine:
        warn_of_memory(engine)
        found = _found(engine, profiles, given, tenants, subjects, is_all=is_all)
        now = engine.clock()
    if form == "json":
        print_json(as_data(found))
    else:
        print("\n".join(lines(found, now, is_all=is_all)))
    if found.is_down:
        complain(found.is_down)
    return exit_for_healths(found, named=bool(profiles))


def exit_for_healths(found: Found, *, named: bool) -> Exit:
    """The exit code for what was found."""
    states = {health.state for health in found.healths}
    if any(health.wants_a_person for health in found.healths):
        return Exit.REFUSED
    if found.is_down or states & {"unreachable", "store_down"}:
        return Exit.INCONCLUSIVE
    return Exit.INPUT if named and "not_configured" in states else Exit.OK


def as_data(found: Found) -> dict[str, Any]:
    """As plain data. Times are RFC 3339 in UTC; `expires_at` is null for a token without a stated end, too."""
    rows = [{**asdict(health), "expires_at": stamp(health.expires_at), "since": stamp(health.since)} for health in found.healths]
    return {"counts": dict(Counter(health.state for health in found.healths)), "store": found.is_down or "answers", "status": rows}


def lines(found: Found, now: float, *, is_all: bool) -> Iterator[str]:
    """A row each, with why and what to do below it; how many of each state there are at the end."""
    shown = _shown(found.healths, is_all=is_all)
    rows = [_row(health, now) for health in shown]
    table = columns([("state", "profile", "tenant", "subject", "ends", "key"), *rows]) if rows else []
    yield from table[:1]
    for row, health in zip(table[1:], shown, strict=True):
        yield row
        yield from (f"    {one_line(word)}" for word in (health.why, health.fix) if word and health.state not in ("no_token",))
    yield from _summary(found, len(shown))


def _shown(healths: Sequence[Health], *, is_all: bool) -> list[Health]:
    bad = [health for health in healths if health.state not in WELL]
    well = [health for health in healths if health.state in WELL]
    return [*bad, *(well if is_all or len(well) <= MOST_WELL else well[:MOST_WELL])]


def _row(health: Health, now: float) -> tuple[str, ...]:
    name = health.profile or "?"
    cells = (health.state, f"{name}/{health.variant}" if health.variant else name, health.tenant, health.subject, ends(health.expires_at, now), health.key)
    return tuple(map(one_line, cells))


def _summary(found: Found, shown: int) -> Iterator[str]:
    hidden = len(found.healths) - shown
    if hidden:
        yield f"… and {hidden} more that are well; --all lists them"
    counts = Counter(health.state for health in found.healths)
    yield f"{len(found.healths)} in all: " + ", ".join(f"{count} {state}" for state, count in counts.items()) if counts else "there is nothing stored, and no profile of yours"
    if found.left_out:
        yield f"{found.left_out} shipped profiles that nobody uses are left out; --all lists them"


def _found(engine: Engine, references: Sequence[str], given: Any, tenants: tuple[str, ...], subjects: tuple[str, ...], *, is_all: bool) -> Found:
    from authweave.errors import StoreUnavailable
    from authweave.status import STATES, Survey, stored_in
    from authweave.values import Secret

    is_down, stored = "", []
    try:
        stored = list(stored_in(engine.ledger))
    except StoreUnavailable as error:
        is_down = str(error)
    inputs = {name: Secret(value, "--input") for name, value in given.input}
    survey = Survey(engine, stored, inputs, tenants, subjects)
    if references:
        healths, left_out = list(_of_named(engine, survey, references)), 0
    else:
        healths, left_out = _of_all(engine, survey, is_all=is_all)
    order = {state: number for number, state in enumerate(STATES)}
    healths.sort(key=lambda health: (order[health.state], health.profile, health.variant, health.tenant, health.subject))
    return Found(healths, is_down, left_out)


def _of_named(engine: Engine, survey: Survey, references: Sequence[str]) -> Iterator[Health]:
    """The profiles that are named. Raises UsageError, ProfileError, and UsageError for an input that none of them has."""
    profiles = list({profile.name: profile for profile in (profile_of(engine, reference) for reference in references)}.values())
    _check_inputs(profiles, survey)
    for profile in profiles:
        yield from survey.of_profile(profile)


def _check_inputs(profiles: Sequence[Profile], survey: Survey) -> None:
    from authweave.cli.asking import how_to_give
    from authweave.errors import UsageError

    for name in survey.inputs:
        having = [profile for profile in profiles if name in profile.inputs]
        if not having:
            raise UsageError(f"none of these profiles has an input {name}")
        if having[0].inputs[name].secret:
            raise UsageError(how_to_give(having[0], name))


def _of_all(engine: Engine, survey: Survey, *, is_all: bool) -> tuple[list[Health], int]:
    from authweave.errors import ProfileError

    if survey.inputs:
        raise click.UsageError("--input goes with a profile")
    names = engine.names()
    stored = {entry.profile for entry in survey.stored}
    own = {path.stem for folder in engine.folders if folder.is_dir() for path in _files(folder)}
    healths: list[Health] = []
    left_out = 0
    for name in names:
        if not (is_all or name in own or name in stored):
            left_out += 1
            continue
        try:
            profile = engine.profile(name)
        except ProfileError as error:
            healths += survey.of_invalid(name, error)
            continue
        healths += () if profile.abstract else survey.of_profile(profile)
    return [*healths, *survey.of_nobody(names)], left_out


def _files(folder: Path) -> Iterator[Path]:
    from authweave.loading import files_in

    return iter(files_in(folder))

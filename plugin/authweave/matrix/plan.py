"""Profiles × tenants as runs: who gets which inputs, and what must not stand in a file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from authweave.errors import LimitRefused, ProfileError, UsageError
from authweave.matrix.run import Run
from authweave.matrix.table import Matrix, Row, refuse
from authweave.near_misses import did_you_mean, shown
from authweave.profile import Profile
from authweave.sources.environment import EnvironmentSource
from authweave.values import Problem, Secret

if TYPE_CHECKING:
    from authweave.engine import Engine

Chosen = Profile | str | Path
Answer = TypeVar("Answer")


def planned(
    engine: Engine, profiles: Iterable[Chosen], matrix: Matrix | None = None, *, tenant: str = "", subject: str | None = None,
    inputs: Mapping[str, Any] | None = None, servers: Sequence[str] = (),
) -> tuple[Run, ...]:  # fmt: skip
    """The runs, profile by profile, in each the tenants in the order of the file. Abstract profiles are left out.

    An input goes to the profiles that declare it. `tenant` takes one out of the matrix; what the matrix does not say of a
    tenant (`subject`, `servers`, an input) is what is given here. A profile is loaded for each tenant under his own limits; one that is
    not valid, or that nobody may use, is one run, and one that a tenant names and may not use a run of his. Raises UsageError with everything that is wrong: an input that no profile declares, a secret in the file, a profile that is not there.
    """
    given = dict(inputs or {})
    rows = rows_of(matrix, tenant)
    loaded = [(reference, [(row, _loaded(engine, reference, row.tenant)) for row in rows]) for reference in profiles]
    known = [(reference, profile) for reference, found in loaded for profile in _each([each for _, each in found]) or (None,)]
    valid = [profile for _, profile in known if profile is not None]
    if matrix is not None:
        refuse([*_unknown_profiles(engine, matrix, known), *_wrong_inputs(matrix, rows, valid)])
    _refuse_undeclared(given, valid)
    runs: list[Run] = []
    for reference, found in loaded:
        if not any(isinstance(each, Profile) for _, each in found):
            runs.append(Run(reference, found[0][0].tenant if found and isinstance(found[0][1], LimitRefused) else ""))
            continue
        for row, each in found:
            if isinstance(each, Profile):
                runs += _of_profile(each, row, matrix, given, subject, tuple(servers))
            elif _named(reference) in row.profiles:
                runs.append(Run(reference, row.tenant, row.subject or subject))
    return tuple(runs)


def rows_of(matrix: Matrix | None, tenant: str) -> tuple[Row, ...]:
    """The tenants that are meant. Raises UsageError."""
    if matrix is None:
        return (Row(tenant),)
    return (matrix.row(tenant),) if tenant else matrix.rows


def for_some(rows: Iterable[Row], ask: Callable[[str], Answer]) -> Answer:
    """What is answered for the first tenant whose limits allow it. Raises LimitRefused where nobody's do, and what `ask` raises."""
    refused: LimitRefused | None = None
    for tenant in dict.fromkeys(row.tenant for row in rows):
        try:
            return ask(tenant)
        except LimitRefused as error:
            refused = refused or error.fresh()
    raise refused or UsageError("the file of tenants has none")


def _each(found: Iterable[Profile | ProfileError]) -> list[Profile]:
    """The profiles among them, each once: those of several tenants are mostly one."""
    return list({id(each): each for each in found if isinstance(each, Profile)}.values())


def _named(reference: Chosen) -> str:
    return reference.name if isinstance(reference, Profile) else Path(str(reference)).stem


def _of_profile(
    profile: Profile, row: Row, matrix: Matrix | None, given: Mapping[str, Any], subject: str | None, servers: tuple[str, ...]
) -> Iterator[Run]:
    if profile.abstract or (row.profiles and not any(_is_meant(name, profile) for name in row.profiles)):
        return
    values = {name: value for name, value in given.items() if name in profile.inputs}
    if matrix is not None:
        values |= {name: _value(matrix, row, profile, name) for name in row.inputs if name in profile.inputs}
    yield Run(profile, row.tenant, row.subject or subject, values, row.servers or servers)


def _value(matrix: Matrix, row: Row, profile: Profile, name: str) -> Any:
    """The value; for a text, as it stands in the file: `1.10` is no number there."""
    value, literal = row.inputs[name], matrix.document.literals.get(row.places[name])
    written = literal if literal is not None and profile.inputs[name].type == "string" else value
    return Secret(written, matrix.document.source)


def _loaded(engine: Engine, reference: Chosen, tenant: str) -> Profile | ProfileError:
    """The profile as this tenant has it; or why it is not valid, or not his, which his run tells."""
    try:
        return reference if isinstance(reference, Profile) else engine.profile(reference, tenant)
    except ProfileError as error:
        return error.fresh()


def _is_meant(name: str, profile: Profile) -> bool:
    return name in (profile.name, profile.reference) or os.path.abspath(name) == os.path.abspath(profile.merged.document.source)


def _unknown_profiles(engine: Engine, matrix: Matrix, loaded: Sequence[tuple[Chosen, Profile | None]]) -> Iterator[Problem]:
    """Profiles that a tenant names, and that are nowhere. One that is there and not tested now is none of them."""
    known = {_named(reference) if profile is None else profile.name for reference, profile in loaded}
    for row in matrix.rows:
        for number, name in enumerate(row.profiles):
            if not any(profile and _is_meant(name, profile) for _, profile in loaded) and not _is_there(engine, name, row.tenant):
                yield matrix.problem(
                    ("tenants", row.tenant, "profiles", number), f"there is no profile {shown(name)}",
                    did_you_mean(name, known, "write a name, or a path as seen from this file"),
                )  # fmt: skip


def _is_there(engine: Engine, name: str, tenant: str) -> bool:
    """Is there a file? Of one that the tenant may not use nobody says."""
    try:
        return engine.path_of(name, tenant).is_file()
    except UsageError:
        return False
    except ProfileError:
        return True


def _wrong_inputs(matrix: Matrix, rows: Iterable[Row], profiles: Sequence[Profile]) -> Iterator[Problem]:
    for row in rows:
        meant = [profile for profile in profiles if not row.profiles or any(_is_meant(name, profile) for name in row.profiles)]
        for name in row.inputs:
            declaring = [profile for profile in meant if name in profile.inputs]
            secret = next((profile for profile in declaring if profile.inputs[name].secret), None)
            if secret is not None:
                where = EnvironmentSource({}).describe(secret.name, secret.inputs[name], row.tenant)
                yield matrix.problem(
                    row.places[name], f"{shown(name)} is a secret, and no secret stands in a file like this",
                    f"supply it in {where}, in --secrets-dir, or in a line of --dotenv",
                )  # fmt: skip
            elif not declaring and meant:
                names = dict.fromkeys(each for profile in meant for each in profile.inputs if not profile.inputs[each].secret)
                yield matrix.problem(row.places[name], f"no profile has an input {shown(name)}", did_you_mean(name, names, _inputs(names)))


def _inputs(names: Iterable[str]) -> str:
    return f"their inputs are {', '.join(names) or 'none'}"


def _refuse_undeclared(given: Mapping[str, Any], profiles: Sequence[Profile]) -> None:
    for name in given if profiles else ():
        if not any(name in profile.inputs for profile in profiles):
            names = dict.fromkeys(each for profile in profiles for each in profile.inputs)
            raise UsageError(f"no profile has an input {shown(name)}; {did_you_mean(name, names, _inputs(names))}")

"""One profile against the sandbox: what `authweave test --sandbox` runs in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from authweave.errors import ProfileError, UsageError
from authweave.sandbox.box import Sandbox
from authweave.sandbox.faults import fault_of
from authweave.sandbox.faults.patching import faulty
from authweave.sandbox.person import Person

if TYPE_CHECKING:
    from authweave.engine import Engine
    from authweave.profile import Profile
    from authweave.sandbox.faults import Fault


@contextmanager
def for_test(
    profile: Profile, chosen: Mapping[str, Any] = MappingProxyType({}), *, faults: Iterable[str] = (), **options: Any
) -> Iterator[tuple[Engine, dict[str, Any]]]:
    """An engine whose calls end in a sandbox of its own, and the inputs to connect the profile with.

    `chosen` are values that stay as they are; `options` are those of `Engine`. The inputs and the engine are those that
    the faults leave; for the profile see `profile_for_test`. Raises UsageError, also for a fault that this profile
    cannot show.
    """
    wanted = _fitting(profile, faults)
    both = {name: value for fault in wanted if fault.agreed is not None for name, value in fault.agreed(profile).items()}
    with Sandbox((profile,), faults=faults) as sandbox:
        inputs = _left(profile, sandbox.inputs(profile, {**both, **chosen}), wanted)
        for fault in wanted:
            options = _limited(options, fault.settings)
        with sandbox.engine(**{"inputs": inputs, **options}) as engine:
            engine.foretells = not any(fault.asks_outside for fault in wanted)
            for fault in wanted:
                if fault.stored is not None:
                    fault.stored(engine, profile, inputs)
            yield engine, inputs


def profile_for_test(profile: Profile, faults: Iterable[str] = ()) -> Profile | ProfileError:
    """What a client reads where the faults change the profile, be it that it is no longer valid; the sandbox goes by the
    one that is written. Raises UsageError."""
    try:
        return faulty(profile, _fitting(profile, faults))
    except ProfileError as error:
        return error


def _left(profile: Profile, inputs: dict[str, Any], faults: Iterable[Fault]) -> dict[str, Any]:
    """The inputs that the faults leave, of those that are still read."""
    for fault in faults:
        inputs = fault.given(profile, inputs) if fault.given is not None else inputs
    read = profile_for_test(profile, [fault.name for fault in faults])
    return {name: value for name, value in inputs.items() if isinstance(read, ProfileError) or name in read.inputs}


def _limited(options: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """The options with a fault's settings; of two deadlines the shorter one."""
    return {**options, **{name: min(value, options.get(name, value)) if name.endswith("deadline") else value for name, value in settings.items()}}


def _fitting(profile: Profile, faults: Iterable[str]) -> tuple[Fault, ...]:
    wanted = tuple(fault_of(name) for name in faults)
    for fault in wanted:
        if why := fault.fits(profile):
            raise UsageError(f"{profile.name} cannot show the fault {fault.name}: it {why}")
    return wanted


def person_for_test(engine: Engine, faults: Iterable[str] = ()) -> Person | None:
    """Who signs in, where somebody has to; None where a fault leaves nobody there. Raises UsageError."""
    return None if any(fault_of(name).nobody for name in faults) else Person(engine.wire)

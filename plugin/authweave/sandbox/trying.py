"""One profile against the sandbox: what `authweave test --sandbox` runs in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from authweave.errors import UsageError
from authweave.sandbox.box import Sandbox
from authweave.sandbox.faults import fault_of
from authweave.sandbox.faults.patching import faulty

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
    with Sandbox((profile,), faults=faults) as sandbox:
        inputs = sandbox.inputs(profile, chosen)
        for fault in wanted:
            inputs = fault.given(profile, inputs) if fault.given is not None else inputs
            options = {**options, **fault.settings}
        with sandbox.engine(**options) as engine:
            yield engine, inputs


def profile_for_test(profile: Profile, faults: Iterable[str] = ()) -> Profile:
    """The profile that the faults leave; the sandbox goes by the one that is written. Raises UsageError, ProfileError."""
    return faulty(profile, _fitting(profile, faults))


def _fitting(profile: Profile, faults: Iterable[str]) -> tuple[Fault, ...]:
    wanted = tuple(fault_of(name) for name in faults)
    for fault in wanted:
        if why := fault.fits(profile):
            raise UsageError(f"{profile.name} cannot show the fault {fault.name}: it {why}")
    return wanted

"""One profile against the sandbox: what `authweave test --sandbox` runs in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from authweave.sandbox.box import Sandbox

if TYPE_CHECKING:
    from authweave.engine import Engine
    from authweave.profile import Profile


@contextmanager
def for_test(
    profile: Profile, chosen: Mapping[str, Any] = MappingProxyType({}), *, faults: Iterable[str] = (), **options: Any
) -> Iterator[tuple[Engine, dict[str, Any]]]:
    """An engine whose calls end in a sandbox of its own, and the inputs to connect the profile with.

    `chosen` are values that stay as they are; `options` are those of `Engine`. Raises UsageError.
    """
    with Sandbox((profile,), faults=faults) as sandbox:
        inputs = sandbox.inputs(profile, chosen)
        with sandbox.engine(**options) as engine:
            yield engine, inputs

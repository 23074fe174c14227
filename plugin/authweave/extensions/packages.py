"""Installed packages that add something: found by their entry points, imported, and asked for their hooks.

A package says its hooks under the entry-point group `authweave`. `authweave_contract = 1` in its module names the version of the
hooks that it was written for.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import pluggy

from authweave import hookspecs
from authweave.errors import AuthweaveError, ExtensionError
from authweave.foreign import OWN, place_of
from authweave.redaction import inert

MARKER: Final = "authweave_contract"
"""The name, in a plugin's module, of the version that it was written for."""
OLDEST: Final = 1
"""The oldest version of the hooks that is still kept."""
_LONGEST: Final = 500


@dataclass(frozen=True, slots=True)
class Package:
    """One entry point: its name, what it imports, and the distribution that has it."""

    name: str
    module: str
    distribution: str
    version: str
    _entry: Any = field(repr=False, compare=False, default=None)

    def __str__(self) -> str:
        return f"{self.name} of {self.distribution} {self.version} ({self.module})"

    def is_among(self, names: Collection[str]) -> bool:
        """Is it named, by entry point, module or distribution?"""
        return bool({self.name, self.module, self.module.partition(":")[0], _normal(self.distribution)} & {*names, *map(_normal, names)})

    def load(self) -> object:
        """The plugin: a module, or an object; of a class an object is made. Raises whatever its code raises."""
        plugin = self._entry.load()
        return plugin() if inspect.isclass(plugin) else plugin


def packages() -> list[Package]:
    """Every entry point that is installed, by distribution and name; the product's own are for hosts, and no extensions."""
    from importlib.metadata import entry_points

    found = [
        Package(entry.name, entry.value, entry.dist.name if entry.dist else "?", entry.dist.version if entry.dist else "?", entry)
        for entry in entry_points(group=hookspecs.ENTRY_POINTS)
    ]
    return sorted((one for one in found if _normal(one.distribution) != OWN), key=lambda one: (_normal(one.distribution), one.name))


def contract_of(plugin: object, name: str) -> int:
    """The version of the hooks that a plugin was written for; this one where it does not say. Raises ExtensionError."""
    wanted = getattr(plugin, MARKER, hookspecs.VERSION)
    if isinstance(wanted, bool) or not isinstance(wanted, int):
        raise ExtensionError(f"{name}: {MARKER} is a whole number, the version of the hooks it was written for: {hookspecs.VERSION}")
    if wanted > hookspecs.VERSION:
        raise ExtensionError(f"{name} was written for version {wanted} of the hooks, and this authweave has {hookspecs.VERSION}: update authweave")
    if wanted < OLDEST:
        raise ExtensionError(f"{name} was written for version {wanted} of the hooks, and this authweave knows {OLDEST} to {hookspecs.VERSION}: update it")
    return wanted


def hooks_of(plugin: object, name: str, kinds: Iterable[str]) -> Iterator[tuple[str, Any]]:
    """The `register_*` hooks of a plugin: (kind, function). Raises ExtensionError for a hook that nobody would ever call."""
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs.ExtensionSpecs)
    manager.add_hookspecs(hookspecs.HostSpecs)
    manager.register(plugin, name)
    for hook in manager.get_hookcallers(plugin) or ():
        if not hook.has_spec():
            raise ExtensionError(f"{name} implements an unknown hook {hook.name!r}; the hooks are {', '.join(_known())}")
    for kind in kinds:
        called = f"register_{kind}"
        implementations = getattr(manager.hook, called).get_hookimpls()
        if not implementations and _is_written(plugin, called):
            raise ExtensionError(f"{name}: {called} has no @hookimpl, so that nobody would call it")
        for one in implementations:
            if inspect.iscoroutinefunction(one.function) or inspect.isgeneratorfunction(one.function):
                raise ExtensionError(f"{name}: {called} has to be a plain function, which calls register(…)")
            if one.argnames:
                yield kind, one.function


def own_hooks_of(plugin: object, kinds: Iterable[str]) -> Iterator[tuple[str, Any]]:
    """The hooks of a built-in module, which need no looking at: (kind, function)."""
    for kind in kinds:
        found = getattr(plugin, f"register_{kind}", None)
        if hasattr(found, f"{hookspecs.PROJECT}_impl"):
            yield kind, found


def why_broken(error: BaseException) -> str:
    """Why a plugin cannot be used, in one line. A stranger's words may hold anything, so only those of imports are told."""
    if isinstance(error, AuthweaveError | pluggy.PluginValidationError):
        words = str(error)
    elif isinstance(error, ImportError):
        words = f"cannot be imported: {type(error).__name__}: {error}"
    elif isinstance(error, SyntaxError):
        words = f"cannot be imported: {type(error).__name__} in {error.filename}, line {error.lineno}"
    elif isinstance(error, AttributeError) and error.name and inspect.ismodule(error.obj):
        words = f"cannot be imported: {error.obj.__name__} has no {error.name}"
    else:
        words = f"ended with {type(error).__name__}{place_of(error)}"
    return inert(" ".join(words.split()))[:_LONGEST]


def _is_written(plugin: object, called: str) -> bool:
    return inspect.isroutine(inspect.getattr_static(plugin, called, None))


def _known() -> list[str]:
    return sorted(name for specs in (hookspecs.ExtensionSpecs, hookspecs.HostSpecs) for name in vars(specs) if not name.startswith("_"))


def _normal(distribution: str) -> str:
    return distribution.replace("_", "-").replace(".", "-").lower()

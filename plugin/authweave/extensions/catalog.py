"""What there is of each kind: name → class, from the built-ins and from installed packages.

The built-ins below register through the same hooks as a stranger's package. Adding one is one file and one line here.
"""

from __future__ import annotations

import functools
import importlib
import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from authweave import hookspecs
from authweave._version import __version__
from authweave.errors import ExtensionError
from authweave.extensions.packages import Package, contract_of, hooks_of, own_hooks_of, packages, why_broken
from authweave.extensions.promises import KINDS, check_promises
from authweave.foreign import OWN, UNFIT, WORDS, distribution_of, note_origin
from authweave.settings import Settings

__all__ = ["BUILTIN", "KINDS", "Catalog", "Plugin", "catalog_for", "default_catalog"]

BUILTIN = (
    "authweave.schemes.none",
    "authweave.schemes.custom",
    "authweave.schemes.basic",
    "authweave.schemes.bearer",
    "authweave.schemes.api_key",
    "authweave.schemes.oauth2",
    "authweave.schemes.digest",
    "authweave.schemes.negotiate",
    "authweave.schemes.ntlm",
    "authweave.schemes.signature",
    "authweave.schemes.oauth1",
    "authweave.schemes.aws_sigv4",
    "authweave.seals.oauth1",
    "authweave.seals.aws_sigv4",
    "authweave.schemes.jwt",
    "authweave.schemes.session",
    "authweave.grants.authorization_code",
    "authweave.grants.client_credentials",
    "authweave.grants.device_code",
    "authweave.grants.password",
    "authweave.grants.refresh_token",
    "authweave.grants.jwt_bearer",
    "authweave.grants.saml2_bearer",
    "authweave.grants.token_exchange",
    "authweave.client_auth.client_secret_basic",
    "authweave.client_auth.client_secret_post",
    "authweave.client_auth.none",
    "authweave.client_auth.private_key_jwt",
    "authweave.client_auth.client_secret_jwt",
    "authweave.client_auth.tls_client_auth",
    "authweave.client_auth.self_signed_tls_client_auth",
    "authweave.seals.digest",
    "authweave.seals.negotiate",
    "authweave.seals.ntlm",
    "authweave.seals.dpop",
    "authweave.placements.header",
    "authweave.placements.query",
    "authweave.placements.payload",
    "authweave.placements.path",
    "authweave.placements.cookie",
    "authweave.sources.environment",
    "authweave.sources.secrets_dir",
    "authweave.sources.dotenv",
    "authweave.sources.keyring",
    "authweave.stores.memory",
    "authweave.stores.redis.store",
    "authweave.observers.logging",
    "authweave.observers.opentelemetry",
    "authweave.stores.sqlite.store",
    "authweave.reports.text",
    "authweave.reports.json",
    "authweave.reports.junit",
    "authweave.reports.har",
    "authweave.reports.curl",
    "authweave.reports.html",
    "authweave.rules",
)


_log = logging.getLogger("authweave.plugins")


@dataclass(frozen=True, slots=True)
class Plugin:
    """A package's entry point, or a built-in module: its name, where it came from, and what it added (kind, name).

    `module` is what is imported, `contract` the version of the hooks that it was written for. `state` is loaded, blocked (left
    out because the operator said so, and never imported) or broken: then `error` says why, and nothing of it was taken up.
    """

    name: str
    distribution: str
    added: tuple[tuple[str, str], ...]
    error: str = ""
    version: str = ""
    module: str = ""
    contract: int = hookspecs.VERSION
    state: Literal["loaded", "blocked", "broken"] = "loaded"


@dataclass(slots=True)
class _Staged:
    """What one plugin is about to add: all of it, or nothing."""

    distribution: str
    added: dict[tuple[str, str], type] = field(default_factory=dict)


class Catalog:
    """All extensions of one process. Made whole by its constructor; afterwards only read, so any thread may.

    `broken` says what happens to an installed package that cannot be used (it cannot be imported, a class of it lacks what its
    kind promises, a name is taken …): `fail` raises ExtensionError, `skip` leaves it out whole, and names it in `plugins`.
    What `blocked` names (an entry point, its module, or its distribution) is not even imported.
    """

    def __init__(self, *, installed: bool = True, broken: Literal["fail", "skip"] = "fail", blocked: Collection[str] = ()) -> None:
        self._named: dict[str, dict[str, type]] = {kind: {} for kind in KINDS}
        self._plugins: list[Plugin] = []
        for module in BUILTIN:
            self.add(importlib.import_module(module), module)
        if installed:
            for package in packages():
                self._plugins.append(self._of_package(package, broken, blocked))

    def add(self, plugin: object, name: str, distribution: str = OWN) -> None:
        """Register one plugin object and take up what its hooks add: all of it, or nothing. Raises ExtensionError."""
        added, contract = self._taken_up(plugin, name, distribution)
        version = __version__ if distribution == OWN else ""
        self._plugins.append(Plugin(name, distribution, added, version=version, module=name, contract=contract))

    def named(self, kind: str) -> Mapping[str, type[Any]]:
        """Every class of a kind by its name."""
        return self._named[kind]

    def find(self, kind: str, name: str) -> Any:
        """The class of a kind with this name. Raises KeyError."""
        return self._named[kind][name]

    @property
    def plugins(self) -> tuple[Plugin, ...]:
        """What is loaded, blocked or broken, in the order it was met."""
        return tuple(self._plugins)

    def _of_package(self, package: Package, broken: str, blocked: Collection[str]) -> Plugin:
        def plugin(added: tuple[tuple[str, str], ...] = (), **more: Any) -> Plugin:
            return Plugin(package.name, package.distribution, added, version=package.version, module=package.module, **more)

        if package.is_among(blocked):
            return plugin(state="blocked")
        reason = ""
        try:
            added, contract = self._taken_up(package.load(), package.module, package.distribution)
            return plugin(added, contract=contract)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - a stranger's module may end in any way, sys.exit included
            reason = why_broken(error)
        if broken == "skip":
            return plugin(error=reason, state="broken")
        raise ExtensionError(
            f"plugin {package}: {reason}\nGo on without it: AUTHWEAVE_BLOCKED_PLUGINS={package.distribution}, or without any that is broken: "
            "AUTHWEAVE_BROKEN_PLUGINS=skip; `authweave plugins` lists them all"
        )

    def _taken_up(self, plugin: object, name: str, distribution: str) -> tuple[tuple[tuple[str, str], ...], int]:
        contract = contract_of(plugin, name)
        staged = _Staged(distribution)
        for kind, hook in own_hooks_of(plugin, KINDS) if name in BUILTIN else hooks_of(plugin, name, KINDS):
            _called(hook, functools.partial(self._stage, staged, kind), name)
        for (kind, word), extension in staged.added.items():
            self._named[kind][word] = extension
            note_origin(extension, kind, distribution)
        return tuple(staged.added), contract

    def _stage(self, staged: _Staged, kind: str, extension: type) -> None:
        check_promises(kind, extension)
        fresh: Any = extension
        for other in self._of_kind(kind, staged):
            if what := _clash(kind, fresh, other):
                raise ExtensionError(
                    f"{what} is registered by {_home(other)} and by {extension.__module__} of {staged.distribution}; rename one, or leave one out"
                )
        staged.added[kind, fresh.name] = extension

    def _of_kind(self, kind: str, staged: _Staged) -> list[Any]:
        return [*self._named[kind].values(), *(extension for (other, _), extension in staged.added.items() if other == kind)]


def _clash(kind: str, one: Any, other: Any) -> str:
    """The name that two extensions of a kind both want; '' for none."""
    words = WORDS[kind]
    if one.name == other.name:
        return f"{words} {one.name!r}"
    if kind == "grants":
        sent = {getattr(one, "urn", "") or one.name} & {getattr(other, "urn", "") or other.name, other.name}
        return f"{words} {sent.pop()!r}" if sent else ""
    if kind == "stores":
        shared = sorted(set(one.schemes) & set(other.schemes))
        return f"{words} {shared[0]}:" if shared else ""
    return ""


def _home(extension: type) -> str:
    return " of ".join(filter(None, (extension.__module__, distribution_of(extension))))


def _called(hook: Any, register: hookspecs.Register, name: str) -> None:
    """Call a `register_*` hook. What it raises of its own becomes an ExtensionError without its words."""
    reason = ""
    try:
        hook(register)
    except ExtensionError as error:
        reason = str(error)
    except UNFIT as error:
        reason = f"its hook {hook.__name__} failed: {why_broken(error)}"
    if reason:
        raise ExtensionError(reason if name in reason else f"{name}: {reason}")


@functools.cache
def default_catalog() -> Catalog:
    """The catalogue of this process, as its settings have it: loaded on first need. Raises ExtensionError, SettingsError."""
    return catalog_for(Settings.load())


def catalog_for(settings: Settings) -> Catalog:
    """The catalogue as an operator wants it: what to leave out, and what to do about what is broken. Raises ExtensionError.

    Made once for the same wishes. What is left out because it is broken is told once, in the log `authweave.plugins`.
    """
    return _catalog(settings.broken_plugins, settings.blocked_plugins)


@functools.cache
def _catalog(broken: Literal["fail", "skip"], blocked: tuple[str, ...]) -> Catalog:
    made = Catalog(broken=broken, blocked=blocked)
    for plugin in made.plugins:
        if plugin.state == "broken":
            _log.warning("plugin %s of %s %s is left out: %s", plugin.name, plugin.distribution, plugin.version, plugin.error)
    return made

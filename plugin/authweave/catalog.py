"""What there is of each kind: name → class, from the built-ins and from installed packages.

The built-ins below register through the same hooks as a stranger's package. Adding one is one file and one line here.
"""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import pluggy

from authweave import contracts, hookspecs
from authweave.errors import ExtensionError

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

KINDS: Mapping[str, Any] = {
    "schemes": contracts.Scheme,
    "grants": contracts.Grant,
    "client_auth": contracts.ClientAuth,
    "seals": contracts.Seal,
    "placements": contracts.Placement,
    "sources": contracts.ConfiguredSource,
    "stores": contracts.Store,
    "observers": contracts.Observer,
    "reports": contracts.ReportFormat,
    "rules": contracts.Rule,
}


@dataclass(frozen=True, slots=True)
class Plugin:
    """A loaded package or built-in module: its name, where it came from, and what it added (kind, name)."""

    name: str
    distribution: str
    added: tuple[tuple[str, str], ...]
    error: str = ""


class Catalog:
    """All extensions of one process. Made whole by its constructor; afterwards only read, so any thread may.

    `broken` says what happens to a package that cannot be imported: `fail` raises ExtensionError, `skip` leaves it out
    and names it in `plugins`. An unknown hook or a taken name is always an ExtensionError.
    """

    def __init__(self, *, installed: bool = True, broken: Literal["fail", "skip"] = "fail") -> None:
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs.ExtensionSpecs)
        self._manager.add_hookspecs(hookspecs.HostSpecs)
        self._named: dict[str, dict[str, type]] = {kind: {} for kind in KINDS}
        self._plugins: list[Plugin] = []
        for module in BUILTIN:
            self.add(importlib.import_module(module), module)
        if installed:
            self._load_installed(broken)

    def add(self, plugin: object, name: str, distribution: str = "authweave") -> None:
        """Register one plugin object and take up what its hooks add. Raises ExtensionError."""
        self._manager.register(plugin, name)
        self._refuse_unknown_hooks(plugin, name)
        added: list[tuple[str, str]] = []
        for kind in KINDS:
            if hook := _implementation(plugin, f"register_{kind}"):
                hook(functools.partial(self._register, kind, added))
        self._plugins.append(Plugin(name, distribution, tuple(added)))

    def named(self, kind: str) -> Mapping[str, type[Any]]:
        """Every class of a kind by its name."""
        return self._named[kind]

    def find(self, kind: str, name: str) -> Any:
        """The class of a kind with this name. Raises KeyError."""
        return self._named[kind][name]

    @property
    def plugins(self) -> tuple[Plugin, ...]:
        """What is loaded, in the order it was."""
        return tuple(self._plugins)

    def _register(self, kind: str, added: list[tuple[str, str]], extension: type) -> None:
        name = getattr(extension, "name", None)
        here = f"{extension.__module__}.{extension.__qualname__}"
        if not isinstance(name, str) or not name:
            raise ExtensionError(f"{here} has no `name`; every extension is found by its name")
        if missing := sorted(_promised(KINDS[kind]) - set(dir(extension))):
            raise ExtensionError(f"{here} ({kind} {name!r}) lacks {', '.join(missing)}; see contracts.{KINDS[kind].__name__}")
        if taken := self._named[kind].get(name):
            raise ExtensionError(f"{kind} {name!r} is registered by {taken.__module__} and by {extension.__module__}; rename one")
        self._named[kind][name] = extension
        added.append((kind, name))

    def _refuse_unknown_hooks(self, plugin: object, name: str) -> None:
        for hook in self._manager.get_hookcallers(plugin) or ():
            if not hook.has_spec():
                known = sorted(spec for specs in (hookspecs.ExtensionSpecs, hookspecs.HostSpecs) for spec in _hooks(specs))
                raise ExtensionError(f"{name} implements an unknown hook {hook.name!r}; the hooks are {', '.join(known)}")

    def _load_installed(self, broken: str) -> None:
        for entry in _entry_points():
            distribution = entry.dist.name if entry.dist else "?"
            try:
                plugin = entry.load()
            except Exception as error:
                if broken == "fail":
                    raise ExtensionError(f"plugin {entry.name} of {distribution} ({entry.value}) cannot be loaded: {error!r}") from error
                self._plugins.append(Plugin(entry.name, distribution, (), f"cannot be loaded: {error!r}"))
            else:
                self.add(plugin() if inspect.isclass(plugin) else plugin, entry.value, distribution)


def _entry_points() -> Iterator[Any]:
    from importlib.metadata import entry_points

    return iter(entry_points(group=hookspecs.ENTRY_POINTS))


def _implementation(plugin: object, hook: str) -> Any:
    found = getattr(plugin, hook, None)
    return found if found is not None and getattr(found, f"{hookspecs.PROJECT}_impl", None) is not None else None


def _hooks(specs: type) -> list[str]:
    return [name for name in vars(specs) if not name.startswith("_")]


@functools.cache
def _promised(protocol: type) -> set[str]:
    bases = [base for base in protocol.__mro__ if getattr(base, "_is_protocol", False) and base is not Protocol]
    return {name for base in bases for name in (*vars(base), *getattr(base, "__annotations__", ())) if not name.startswith("_")}


@functools.cache
def default_catalog() -> Catalog:
    """The catalogue of this process: built-ins and what is installed, loaded on first need."""
    return Catalog()

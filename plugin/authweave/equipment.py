"""What the settings of an operator name, made: the transport, the store and what seals it, the sources of inputs."""

from __future__ import annotations

from typing import Any

from authweave.at_rest.keys import Keys
from authweave.contracts import Store, StoreOptions
from authweave.egress.guard import Guard
from authweave.errors import SettingsError
from authweave.events import Events
from authweave.extensions.catalog import Catalog
from authweave.foreign import asked
from authweave.settings import Settings
from authweave.tokens.ledger import Ledger
from authweave.wire import Route, Wire


def wire_of(settings: Settings, guard: Guard | None = None, given: Wire | None = None) -> Wire:
    """The transport as the operator wants it, or the one that is given; either asks the guard, if there is one."""
    wire = given or _usual_wire(settings)
    return wire if guard is None else wire.guarded_by(guard)


def _usual_wire(settings: Settings) -> Wire:
    routes = {_host_port(source): Route(*_host_port(target), ca=str(settings.ca) if settings.ca else None) for source, target in settings.routes.items()}
    return Wire(routes=routes, ca=settings.ca, loopback_http=settings.allow_loopback_http, proxy="" if settings.proxy == "none" else settings.proxy, proxy_from=settings.origins["proxy"])


def ledger_of(settings: Settings, catalog: Catalog, events: Events, store: Store | None = None) -> Ledger:
    """The store that is given, or that the settings name, with what seals it. What stays in this process is not sealed."""
    store = store or store_of(settings, catalog, events)
    return Ledger(store, keys_for(store, settings), events.tell, settings.store_patience)


def keys_for(store: Store, settings: Settings) -> Keys:
    """What seals a store's entries. Raises SettingsError, also where each machine would make a key of its own."""
    if not store.is_shared:
        return Keys(None)
    if store.is_remote and settings.store_key is None:
        raise SettingsError(
            f"{settings.origins['store']}: {settings.shown('store')} may be shared by machines, so name the key that all of them seal with: "
            "AUTHWEAVE_STORE_KEY=/path/of/a/key/file (head -c 32 /dev/urandom | base64), or plaintext"
        )
    return Keys.from_settings(settings)


def store_of(settings: Settings, catalog: Catalog, events: Events) -> Store:
    """The store that the URL of the settings names. Raises SettingsError."""
    scheme = settings.store.partition(":")[0].lower()
    by_scheme = {word: store for store in catalog.named("stores").values() for word in store.schemes}
    if scheme not in by_scheme:
        known = ", ".join(f"{word}:" for word in sorted(by_scheme))
        raise SettingsError(f"{settings.origins['store']}: store {scheme}: is not known; known: {known}")

    def report(kind: str, detail: str) -> None:
        events.tell(kind, detail=detail)

    wrong = ""
    try:
        options = StoreOptions(settings.store_patience, settings.ca, report)
        return asked(by_scheme[scheme], by_scheme[scheme].from_url, settings.store, options)  # type: ignore[no-any-return]  # a registered store
    except SettingsError as error:
        wrong = str(error)
    raise SettingsError(f"{settings.origins['store']}: {wrong}")


def sources_of(settings: Settings, catalog: Catalog) -> list[Any]:
    """The sources that the settings name and configure, in order."""
    known = catalog.named("sources")
    if unknown := [name for name in settings.sources if name not in known]:
        raise SettingsError(f"{settings.origins['sources']}: source {', '.join(unknown)} is not known; known: {', '.join(sorted(known))}")
    made = [asked(known[name], known[name].from_settings, settings) for name in settings.sources]
    return [source for source in made if source is not None]


def _host_port(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)

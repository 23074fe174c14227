"""The engines of commands that keep tokens: in the store that the operator named, else in SQLite, else in memory."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from authweave.cli.running import complain
from authweave.errors import SettingsError

if TYPE_CHECKING:
    from authweave.cli.options import Place
    from authweave.engine import Engine
    from authweave.events import Event
    from authweave.settings import Settings

DEFAULT: Final = "sqlite:"
ORIGIN: Final = "default of the command line"
ANOTHER: Final = "to name another store, set AUTHWEAVE_STORE, to sqlite:///path for one"
_TOLD: Final = frozenset({"store_down", "store_damaged", "store_unconfirmed"})


def with_default_store(settings: Settings) -> Settings:
    """The settings with the store of the command line, where the operator named none."""
    if settings.origins["store"] != "default":
        return settings
    return dataclasses.replace(settings, store=DEFAULT, origins={**settings.origins, "store": ORIGIN})


@contextlib.contextmanager
def keeping_engine(place: Place) -> Iterator[Engine]:
    """An engine as `opened` makes it. At the end work under way gets its bounded time; after Ctrl-C the process's end gives it."""
    from authweave.tokens.flights import EXIT_PATIENCE

    engine = opened(place)
    try:
        yield engine
    except Exception:
        engine.flights.wait(EXIT_PATIENCE)
        engine.ledger.close()
        raise
    engine.flights.wait(EXIT_PATIENCE)
    engine.ledger.close()


def opened(place: Place) -> Engine:
    """An engine whose tokens are there for the next command.

    Where the default cannot be used they are kept in memory, and one line says so. Raises SettingsError for a store or
    a place of keys that somebody named, and for every other setting that is wrong.
    """
    from authweave.engine import Engine

    told = place.settings()
    wrong = ""
    try:
        return place.asked(Engine(place.profiles_dir, settings=with_default_store(told), on_event=tell_of_store))
    except SettingsError as error:
        if told.origins["store"] != "default" or told.origins["store_key"] != "default":
            raise
        wrong = str(error).removeprefix(f"{ORIGIN}: ")
    engine = Engine(place.profiles_dir, settings=told)  # another setting may be what is wrong: then this raises
    complain(f"tokens are kept in memory and end with this command: {wrong}; {ANOTHER}")
    return place.asked(engine)


def store_engine(place: Place) -> Engine:
    """An engine on the store itself, for commands that look at what it holds. Raises SettingsError."""
    from authweave.cli.given_source import LookingSource
    from authweave.engine import Engine

    engine = Engine(place.profiles_dir, settings=with_default_store(place.settings()), on_event=tell_of_damage)
    engine.source_of_given = LookingSource
    return engine


def warn_of_memory(engine: Engine) -> None:
    """Nothing of another process is ever found in memory: say so."""
    if not engine.ledger.is_shared:
        settings = engine.settings
        complain(f"the store is {settings.shown('store')} (from {settings.origins['store']}): what one process keeps there no other sees")


def tell_of_store(event: Event) -> None:
    """Say on stderr what befalls the store while a command does something else."""
    if event.kind in _TOLD:
        complain(event.detail)


def tell_of_damage(event: Event) -> None:
    """Say on stderr that a store was found damaged; the rest these commands tell themselves."""
    if event.kind == "store_damaged":
        complain(event.detail)

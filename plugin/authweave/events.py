"""What happens to tokens and to their store, as values, and who is told."""

from __future__ import annotations

import inspect
import logging
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypedDict, Unpack

from authweave.errors import SettingsError, UsageError
from authweave.foreign import asked, distribution_of
from authweave.redaction import inert

if TYPE_CHECKING:
    from authweave.extensions.catalog import Catalog
    from authweave.settings import Settings

KINDS: Final[Mapping[str, str]] = MappingProxyType({
    "acquired": "A token was got by a grant.",
    "renewed": "A token was got with a refresh token.",
    "reused": "A token was taken from the store: another worker had got it.",
    "rejected": "The API did not accept the token.",
    "refused": "The token endpoint refused.",
    "rate_limited": "The token endpoint asked to wait.",
    "endpoint_paused": "The token endpoint failed again and again, and is left alone for a while.",
    "endpoint_back": "The token endpoint answers again.",
    "unreachable": "The token endpoint gave no answer.",
    "lost": "A refresh token is gone or cannot be trusted.",
    "interrupted": "The intent of an owner was found that was never heard of again.",
    "registered": "authweave was registered as a client.",
    "revoked": "The token was ended on purpose, and forgotten.",
    "sign_in_needed": "Only a person can give a new token.",
    "unreadable": "A stored record cannot be opened: it is damaged, or sealed with another key.",
    "store_down": "The store gives no answer, or cannot write.",
    "store_up": "The store answers again.",
    "store_damaged": "The store found its own data damaged.",
    "store_unconfirmed": "The store did not confirm that a token was kept.",
    "profile_changed": "A changed file of a profile was taken.",
    "profile_broken": "A changed file of a profile cannot be used; the last good version goes on.",
})  # fmt: skip
"""Every kind of event, and what it means, in the order they are documented."""

GOOD: Final = frozenset({"acquired", "renewed", "reused", "registered", "revoked", "endpoint_back", "store_up", "profile_changed"})
ABOUT_STORE: Final = frozenset({"unreadable", "store_down", "store_up", "store_damaged", "store_unconfirmed"})
ABOUT_PROFILES: Final = frozenset({"profile_changed", "profile_broken"})
MOST_DETAIL: Final = 500
KEY_DIGITS: Final = 12
_ORIGIN: Final = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*://)(?:[^/?#\\]*@)?([^/?#\\@]*)")

_log = logging.getLogger("authweave.events")
_log.addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a token, to the store, or to a profile's file. No field holds a secret; `subject` is the user's id.

    `at` and `retry_at` are Unix seconds, `seconds` is how long it took. `key` is the beginning of the token key: 12 hex
    digits. `endpoint` is an origin, `detail` a sentence; whatever they are made from, nothing in them moves a cursor.
    """

    kind: str
    at: float
    profile: str = ""
    tenant: str = ""
    subject: str = field(default="", repr=False)
    key: str = ""
    endpoint: str = ""
    grant: str = ""
    seconds: float | None = None
    retry_at: float | None = None
    detail: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", self.key[:KEY_DIGITS])
        object.__setattr__(self, "endpoint", _origin(self.endpoint))
        object.__setattr__(self, "detail", inert(_cut(self.detail)))

    @property
    def is_bad(self) -> bool:
        """Does it want a person's eye? Kinds that are not known here do."""
        return self.kind not in GOOD

    @property
    def is_about_store(self) -> bool:
        """Does it tell of the store, rather than of one token?"""
        return self.kind in ABOUT_STORE

    @property
    def is_about_profile(self) -> bool:
        """Does it tell of a profile's file?"""
        return self.kind in ABOUT_PROFILES


Observe = Callable[[Event], None]
"""Somebody to be told. Called in the thread where it happened, a worker's or the caller's: quick, and never blocking."""


class Fields(TypedDict, total=False):
    """What can be said of an event beside its kind and time."""

    profile: str
    tenant: str
    subject: str
    key: str
    endpoint: str
    grant: str
    seconds: float | None
    retry_at: float | None
    detail: str


class Events:
    """Tells every observer of what happens. Safe for threads and forks; holds no lock while it tells.

    An observer that fails is named once in the log `authweave.events`, and goes on being told. What an observer causes
    while it is told, in the same thread, it is not told of. Raises UsageError for an observer that cannot be called.
    """

    __slots__ = ("_clock", "_named", "_observers", "_telling")

    def __init__(self, observers: Iterable[Observe] = (), clock: Callable[[], float] = time.time) -> None:
        self._observers = tuple(map(_callable, observers))
        self._clock = clock
        self._named: dict[int, object] = {}
        self._telling = threading.local()

    def tell(self, kind: str, **fields: Unpack[Fields]) -> None:
        """Tell everybody that this happened, now. Never raises."""
        try:
            event = Event(kind, self._clock(), **fields)
        except Exception as error:  # noqa: BLE001 - a renewal must not fail because it could not be told of
            self._name_once(-1, "an event of authweave itself", error)
            return
        under_way: set[int] = self._telling.__dict__.setdefault("under_way", set())
        for number, observe in enumerate(self._observers):
            if number not in under_way:
                under_way.add(number)
                try:
                    observe(event)
                except Exception as error:  # noqa: BLE001 - a stranger's code may fail in any way
                    self._name_once(number, f"the observer {_name(observe)}", error)
                finally:
                    under_way.discard(number)

    def _name_once(self, number: int, who: str, error: Exception) -> None:
        """Only the kind of failure is written: its words may hold what the observer was told."""
        mine = object()
        if self._named.setdefault(number, mine) is not mine:
            return
        with suppress(Exception):  # there is nobody left to tell
            _log.error("%s failed with %s; this is said once", who, type(error).__name__)


def observers_of(settings: Settings, catalog: Catalog) -> list[Observe]:
    """The observers that the settings name and configure, in order, as `Events` takes them. Raises SettingsError."""
    known = catalog.named("observers")
    names = dict.fromkeys(settings.observers)
    if unknown := [name for name in names if name not in known]:
        raise SettingsError(f"{settings.origins['observers']}: observer {', '.join(unknown)} is not known; known: {', '.join(sorted(known))}")
    made = [asked(known[name], known[name].from_settings, settings) for name in names]
    return [observer.tell for observer in made if observer is not None]


def _origin(url: str) -> str:
    """Scheme, host and port: a URL may hold more than may be told."""
    found = _ORIGIN.match(url)
    return inert(_cut("".join(found.groups()))) if found else ""


def _cut(text: str) -> str:
    return text if len(text) <= MOST_DETAIL else text[: MOST_DETAIL - 1] + "…"


def _callable(observer: Any) -> Observe:
    if not callable(observer):
        raise UsageError(f"an observer is a function that takes an event, not {type(observer).__name__}")
    if inspect.iscoroutinefunction(observer) or inspect.iscoroutinefunction(type(observer).__call__):
        raise UsageError(f"the observer {_name(observer)} is async: it is called in worker threads, so it must be a plain function")
    return observer  # type: ignore[no-any-return]  # just looked at


def _name(observer: Any) -> str:
    named = observer if hasattr(observer, "__qualname__") else type(observer)
    whose = distribution_of(getattr(observer, "__self__", observer))
    return f"{named.__module__}.{named.__qualname__}" + (f" of {whose}" if whose else "")

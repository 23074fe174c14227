"""What every observer of events promises (`contracts.Observer`). The least:

    class TestPager(ObserverContract):
        @pytest.fixture
        def observer(self):
            return Pager("https://pager.example")
"""

from __future__ import annotations

import inspect
import os
import threading
from typing import Any

import pytest

from authweave.contracts import Observer
from authweave.events import KINDS, Event
from authweave.settings import Settings
from authweave.testing.extension import ExtensionContract
from authweave.testing.trial import ODD, in_a_crowd

NOW = 1_700_000_000.0


def events() -> list[Event]:
    """One of every kind, one that is not known yet, and some that say as little or as much as they may."""
    def whole(kind: str, number: int, detail: str = "", retry_at: float | None = None) -> Event:
        return Event(kind, NOW + number, "acme", "blue", "ada", "0" * 12, "https://idp.example", "client_credentials", 0.2, retry_at, detail)

    made = [whole(kind, number, "a sentence") for number, kind in enumerate((*KINDS, "a_kind_of_tomorrow"))]
    made += [Event(kind, NOW) for kind in (*KINDS, "")]
    return [*made, whole("rate_limited", 0, retry_at=NOW + 30), *(Event("lost", NOW, tenant=odd, subject=odd, detail=odd) for odd in ODD)]


class ObserverContract(ExtensionContract):
    """Needs a fixture `observer`, which tells whomever it tells on this machine, or nobody."""

    kind = "observers"

    @pytest.fixture
    def observer(self) -> Observer:
        """The observer under test."""
        raise NotImplementedError("make the observer here")

    @pytest.fixture
    def extension_class(self, observer: Observer) -> type[Any]:
        """The class of the observer."""
        return type(observer)

    def test_is_an_observer(self, observer: Observer) -> None:
        """It has everything the protocol names; `tell` is a plain function, for it is called in threads."""
        assert isinstance(observer, Observer)
        assert not inspect.iscoroutinefunction(observer.tell)

    def test_it_is_made_from_settings(self, extension_class: type[Any]) -> None:
        """Where nothing is set up it is None, or an observer."""
        made = extension_class.from_settings(Settings(origins={}, environment={}))

        assert inspect.ismethod(extension_class.from_settings), "from_settings is a classmethod"
        assert made is None or isinstance(made, Observer)

    def test_it_bears_every_event(self, observer: Observer) -> None:
        """Also a kind that is not known yet, and one that says nothing but its kind. Nothing is raised, nothing answered."""
        assert {None} == {observer.tell(event) for event in events()}  # type: ignore[func-returns-value]  # that is what is looked at

    def test_many_threads_tell(self, observer: Observer) -> None:
        """At once."""
        event = events()[0]

        assert {None} == set(in_a_crowd(lambda: observer.tell(event)))

    def test_it_is_told_while_it_is_told(self, observer: Observer) -> None:
        """What happens in another thread meanwhile is told there: nobody waits for a lock that another call of `tell` holds for long."""
        event, ended = events()[0], threading.Event()

        def tell() -> None:
            for _ in range(20):
                observer.tell(event)
            ended.set()

        thread = threading.Thread(target=tell, daemon=True)
        thread.start()
        observer.tell(event)
        assert ended.wait(20), "telling does not end"

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
    @pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
    def test_after_a_fork(self, observer: Observer) -> None:
        """A child tells as its parent does."""
        observer.tell(events()[0])
        child = os.fork()
        if child == 0:
            code = 1
            try:
                observer.tell(events()[0])
                code = 0
            finally:
                os._exit(code)

        assert 0 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

"""Events: what they may hold, who is told, and what an observer can do to whom (nothing)."""

import functools
import logging
import re
import subprocess
import sys
import threading
import types
from dataclasses import FrozenInstanceError, fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authweave import contracts
from authweave.errors import SettingsError, UsageError
from authweave.events import ABOUT_STORE, GOOD, KINDS, Event, Events, Fields, observers_of
from authweave.extensions.catalog import Catalog
from authweave.hookspecs import hookimpl
from authweave.settings import Settings
from documentation.markdown import names_in, page
from thorough import every

NAMES = [
    "acquired", "renewed", "reused", "rejected", "refused", "rate_limited", "endpoint_paused", "endpoint_back", "unreachable",
    "lost", "interrupted", "registered", "revoked", "sign_in_needed", "unreadable", "store_down", "store_up", "store_damaged", "store_unconfirmed",
    "profile_changed", "profile_broken",
]  # fmt: skip


class Kept:
    """Somebody who keeps what he is told."""

    def __init__(self):
        self.told = []

    def __call__(self, event):
        self.told.append(event)


def failing(event):
    raise ValueError(f"cannot send {event.subject}")


@pytest.fixture
def lines(caplog):
    caplog.set_level(logging.DEBUG, "authweave.events")
    return lambda: [record.getMessage() for record in caplog.records]


# The value


def test_kinds_are_documented_in_order():
    """Every kind is known by its name, with a sentence that says what it means."""
    assert NAMES == list(KINDS)
    assert all(words.endswith(".") for words in KINDS.values())


def test_bad_kinds_want_an_eye():
    """What went well is good; everything else, and what is not known here, is bad."""
    good = {kind for kind in KINDS if not Event(kind, 0.0).is_bad}

    assert {"acquired", "renewed", "reused", "registered", "revoked", "endpoint_back", "store_up", "profile_changed"} == good == set(GOOD)
    assert Event("made_up", 0.0).is_bad


def test_store_kinds_are_told_apart():
    """What is about the store is not counted as a token's."""
    assert {kind for kind in KINDS if Event(kind, 0.0).is_about_store} == set(ABOUT_STORE)
    assert set(ABOUT_STORE) == {kind for kind in KINDS if kind.startswith("store_")} | {"unreadable"}
    assert {kind for kind in KINDS if Event(kind, 0.0).is_about_profile} == {kind for kind in KINDS if kind.startswith("profile_")}


def test_an_event_is_frozen():
    """Nobody who is told can change what the next one hears."""
    event = Event("acquired", 0.0)

    with pytest.raises(FrozenInstanceError):
        event.kind = "lost"


def test_what_can_be_told_is_what_an_event_has():
    """`tell` takes every field but the kind and the time, with the same types."""
    told = {name: getattr(kind, "__forward_arg__", kind) for name, kind in Fields.__annotations__.items()}

    assert {one.name: one.type for one in fields(Event)[2:]} == told


@every(
    "url, origin",
    [
        ("https://login.acme.example", "https://login.acme.example"),
        ("https://login.acme.example:8443/oauth/token?client_secret=s3cret#s3cret", "https://login.acme.example:8443"),
        ("https://bot:s3cret@login.acme.example/token", "https://login.acme.example"),
        ("https://bot:s3cret@b@login.acme.example\\s3cret", "https://login.acme.example"),
        ("https://[::1]:8443/token", "https://[::1]:8443"),
        ("https://login\r\nx: y/", "https://login\\r\\nx: y"),
        ("bot:s3cret@login.acme.example", ""),
        ("", ""),
    ],
)
def test_an_endpoint_is_an_origin(url, origin):
    """Whatever URL is given, no more of it is told than scheme, host and port."""
    assert origin == Event("acquired", 0.0, endpoint=url).endpoint


def test_a_key_is_its_first_digits():
    """A whole key would name the record in the store."""
    assert "0123456789ab" == Event("acquired", 0.0, key="0123456789abcdef" * 4).key


@given(st.text(max_size=2000))
def test_a_detail_is_inert_and_short(text):
    """No control character, mark of direction or lone surrogate is in it, and no novel."""
    detail = Event("refused", 0.0, detail=text).detail

    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]", detail)
    assert len(detail) <= 500 * 10


def test_a_user_is_not_in_the_repr():
    """A host that logs what it is told, as it stands, does not log who it is about."""
    assert "maria" not in repr(Event("renewed", 0.0, subject="maria@blue.example"))


# Telling


def test_everybody_is_told_in_order():
    """Each observer gets the same event, with the time of the clock and the fields that were given."""
    one, other = Kept(), Kept()
    events = Events([one, other], clock=lambda: 1_700_000_000.0)

    events.tell("renewed", profile="acme", tenant="blue", subject="maria", key="ab" * 32, endpoint="https://a.example/t", grant="g", seconds=0.2, retry_at=5.0, detail="d")

    expected = Event("renewed", 1_700_000_000.0, "acme", "blue", "maria", "abababababab", "https://a.example", "g", 0.2, 5.0, "d")
    assert [expected] == one.told == other.told


def test_nobody_needs_to_listen():
    """Without observers, telling is nothing."""
    assert Events().tell("acquired") is None


def test_one_that_fails_is_named_once_and_goes_on_being_told(lines):
    """The others are told, nothing is raised; the log names who and what, without the words of the failure."""
    kept, calls = Kept(), []
    events = Events([lambda event: calls.append(event), failing, kept])

    for _ in range(5):
        events.tell("acquired", subject="maria")

    assert (5, 5) == (len(calls), len(kept.told))
    assert ["the observer test_events.failing failed with ValueError; this is said once"] == [re.sub(r"observer \S*test_events", "observer test_events", line) for line in lines()]


def test_each_that_fails_is_named(lines):
    """Two that fail are two lines, a bound method and an object by their classes."""

    class Meter:
        def tell(self, event):
            raise KeyError(event.subject)

    class Sink:
        def __call__(self, event):
            raise OSError

    events = Events([Meter().tell, Sink(), functools.partial(failing)])
    events.tell("acquired")
    events.tell("acquired")

    assert 3 == len(lines())
    assert all(name in line for name, line in zip(("Meter.tell failed with KeyError", "Sink failed with OSError", "partial failed with ValueError"), lines(), strict=True))


def test_wrong_fields_are_no_error(lines):
    """A renewal does not fail because it could not be told of: the log says so, once."""
    kept = Kept()
    events = Events([kept])

    events.tell("acquired", colour="red")
    events.tell("acquired", key=None)
    events.tell("acquired")

    assert 1 == len(kept.told)
    assert ["an event of authweave itself failed with TypeError; this is said once"] == lines()


def test_a_log_that_fails_too_is_no_error():
    """Even the log may be broken."""

    def broken(record):
        raise OSError("disk full")

    logger = logging.getLogger("authweave.events")
    logger.addFilter(broken)
    try:
        Events([failing]).tell("acquired")
    finally:
        logger.removeFilter(broken)


@pytest.mark.parametrize("signal", [KeyboardInterrupt, SystemExit])
def test_who_ends_the_process_is_not_held_up(signal):
    """Ctrl-C while somebody is told is still Ctrl-C, and the observer is told again afterwards."""
    calls = []

    def interrupted(event):
        calls.append(event)
        if len(calls) == 1:
            raise signal

    events = Events([interrupted])
    with pytest.raises(signal):
        events.tell("acquired")
    events.tell("acquired")

    assert 2 == len(calls)


def test_an_observer_that_causes_events_does_not_run_for_ever():
    """An observer that itself uses authweave is not told of what it causes; the others are."""
    kept = Kept()

    def sends(event):
        events.tell("reused", detail=f"caused by {event.kind}")

    events = Events([sends, kept])
    events.tell("acquired")
    events.tell("lost")

    assert ["reused", "acquired", "reused", "lost"] == [event.kind for event in kept.told]


def test_other_threads_are_told_meanwhile():
    """One thread within an observer keeps no other from it, and no lock is held."""
    entered, leave, told = threading.Event(), threading.Event(), []

    def slow(event):
        told.append(event.detail)
        if event.detail == "first":
            entered.set()
            assert leave.wait(30)

    events = Events([slow])
    thread = threading.Thread(target=events.tell, args=("acquired",), kwargs={"detail": "first"})
    thread.start()
    assert entered.wait(30)
    events.tell("acquired", detail="second")
    leave.set()
    thread.join(30)

    assert ["first", "second"] == told


def test_many_threads_name_a_failure_once(lines):
    """Whoever is first says it."""
    events, gate = Events([failing]), threading.Barrier(8)

    def run():
        gate.wait(30)
        events.tell("acquired")

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert 1 == len(lines())


async def later(event):
    """An observer that nobody would wait for."""


class Later:
    """The same as an object."""

    async def __call__(self, event):
        """Nobody waits."""


@every("observer", [later, Later(), functools.partial(later), "logging", None])
def test_what_cannot_be_told_is_refused(observer):
    """At once, by name: an async function would never run."""
    with pytest.raises(UsageError, match="observer"):
        Events([observer])


# By the settings


def test_observers_of_the_settings():
    """`logging` by default; a name given twice is told once; nobody where nobody is named."""
    catalog = Catalog(installed=False)

    assert {"logging", "opentelemetry"} == set(catalog.named("observers"))
    assert 1 == len(observers_of(Settings(), catalog))
    assert 1 == len(observers_of(Settings(observers=("logging", "logging")), catalog))
    assert [] == observers_of(Settings(observers=()), catalog)


def test_an_unknown_observer_is_named_with_those_there_are():
    """The message says where the setting came from, what is wrong and what would be right."""
    settings = Settings.load({"observers": ["logging", "sentry"]}, env={})

    with pytest.raises(SettingsError) as refused:
        observers_of(settings, Catalog(installed=False))

    assert "Engine(observers=…): observer sentry is not known; known: logging, opentelemetry" == str(refused.value)


class Pager:
    """An observer of a package of somebody's own."""

    name = "pager"
    told: list = []  # noqa: RUF012 - one pager for all tests of it

    @classmethod
    def from_settings(cls, settings):
        """Set up if there is a number to call."""
        return cls() if settings.environment.get("PAGER") else None

    def tell(self, event):
        """Ring."""
        self.told.append(event.kind)

    class plugin:  # noqa: N801 - stands for a module
        @staticmethod
        @hookimpl
        def register_observers(register):
            """Add the pager."""
            register(Pager)


def test_a_package_adds_an_observer():
    """By the hook, named in the settings, and left out where it is not set up."""
    catalog = Catalog(installed=False)
    catalog.add(Pager.plugin, "pager", "acme-pager")
    Pager.told.clear()

    Events(observers_of(Settings(observers=("pager",), environment={"PAGER": "1"}), catalog)).tell("lost")

    assert ["lost"] == Pager.told
    assert [] == observers_of(Settings(observers=("pager",), environment={}), catalog)


def test_observers_keep_the_contract():
    """Every registered observer has a name, is made from settings, and takes events."""
    for name, made in Catalog(installed=False).named("observers").items():
        observer = made.from_settings(Settings())
        assert isinstance(observer, contracts.Observer)
        assert name == observer.name
        assert observer.tell(Event("acquired", 0.0)) is None


def test_opentelemetry_is_loaded_only_when_it_is_chosen():
    """The catalogue and the default observers load nothing of it."""
    code = (
        "import sys; from authweave.extensions.catalog import Catalog; from authweave.settings import Settings\n"
        "from authweave.events import Events, observers_of\n"
        "Events(observers_of(Settings(), Catalog(installed=False))).tell('lost')\n"
        "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)


# The page


def test_the_page_has_every_kind_and_every_field():
    """In order, each kind with its meaning, and whether it is written as a warning."""
    kinds = page("docs/events.md").rows("Kinds", "kind")
    listed = page("docs/events.md").rows("Fields", "field")

    assert [[f"`{kind}`", level(kind), words] for kind, words in KINDS.items()] == [row[:3] for row in kinds]
    assert [one.name for one in fields(Event)] == [name for row in listed for name in names_in(row[0])]


def test_the_observer_of_the_page_works():
    """The module that the page shows is one that can be installed: registered, named in the settings, told."""
    [block] = [block for block in page("docs/events.md").blocks if block.language == "python" and "register_observers" in block.text]
    module = types.ModuleType("acme_pager")
    exec(block.text, vars(module))
    catalog = Catalog(installed=False)
    catalog.add(module, "acme_pager", "acme-pager")

    [tell] = observers_of(Settings(observers=("pager",), environment={"PAGER_NUMBER": "1"}), catalog)
    Events([tell]).tell("lost", profile="acme")

    assert "lost acme" == tell.__self__.calls.get_nowait()
    assert [] == observers_of(Settings(observers=("pager",), environment={}), catalog)


def test_the_logging_of_the_page_works():
    """A host that configures logging as shown reads the line."""
    [block] = [block for block in page("docs/events.md").blocks if block.language == "python" and "dictConfig" in block.text]
    code = (
        "from authweave.events import Events\nfrom authweave.observers.logging import LogObserver\nevents = Events([LogObserver().tell])\n"
        f"{block.text}\nevents.tell('renewed', profile='acme')\nevents.tell('reused')"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert re.fullmatch(r"\S+ \S+ INFO authweave\.events kind=renewed profile=acme\n", done.stderr)


def level(kind):
    return "debug" if kind == "reused" else "warning" if Event(kind, 0.0).is_bad else "info"

"""Events as OpenTelemetry metrics: the SDK's own reader sees what was counted, and under which attributes."""

import json
import re
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from authweave._version import __version__
from authweave.errors import SettingsError
from authweave.events import ABOUT_STORE, KINDS, Event, Events
from authweave.observers import flood
from authweave.observers.opentelemetry import (
    BOUNDARIES,
    MOST_ENDPOINTS,
    MOST_GRANTS,
    MOST_PROFILES,
    OpenTelemetryObserver,
)
from documentation.markdown import names_in, page
from effort import examples

FULL = Event(
    "renewed", 1.0, "acme-mail", "blue", "maria", "5f1d0c77a9e2", "https://login.acme.example:8443", "refresh_token", 0.2, 60.0, "fine",
)  # fmt: skip
ATTRIBUTES = {
    "authweave.kind": "renewed", "authweave.profile": "acme-mail", "authweave.grant_type": "refresh_token",
    "server.address": "login.acme.example", "server.port": 8443,
}  # fmt: skip


class Metered:
    """An observer, and what the SDK made of what it was told."""

    def __init__(self):
        self.reader = InMemoryMetricReader()
        self.provider = MeterProvider([self.reader], shutdown_on_exit=False)
        self.observer = OpenTelemetryObserver(self.provider)

    def data(self):
        return self.reader.get_metrics_data()

    def metrics(self):
        data = self.data()
        if data is None:
            return {}
        return {metric.name: metric for resource in data.resource_metrics for scope in resource.scope_metrics for metric in scope.metrics}

    def points(self, name):
        metrics = self.metrics()
        return list(metrics[name].data.data_points) if name in metrics else []


@pytest.fixture
def metered():
    made = Metered()
    yield made
    made.provider.shutdown()


def test_a_renewal_is_counted_and_timed(metered):
    """Under the profile, the grant and the server, named as OpenTelemetry names servers."""
    metered.observer.tell(FULL)
    metered.observer.tell(FULL)

    [counted] = metered.points("authweave.token.events")
    [timed] = metered.points("authweave.token.duration")
    assert (2, ATTRIBUTES) == (counted.value, dict(counted.attributes))
    assert (2, pytest.approx(0.4), ATTRIBUTES) == (timed.count, timed.sum, dict(timed.attributes))
    assert BOUNDARIES == tuple(timed.explicit_bounds)


def test_instruments_are_named_with_units(metered):
    """The scope is the package with its version; units are those of UCUM."""
    metered.observer.tell(FULL)
    metered.observer.tell(Event("store_down", 0.0))

    [scope] = metered.data().resource_metrics[0].scope_metrics
    assert ("authweave", __version__) == (scope.scope.name, scope.scope.version)
    assert {"authweave.token.events": "{event}", "authweave.token.duration": "s", "authweave.store.events": "{event}"} == {
        metric.name: metric.unit for metric in scope.metrics
    }
    assert all(metric.description for metric in scope.metrics)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_counted_once(metered, kind):
    """A store's events by their kind alone, those of a profile's file and of tokens apart; only new tokens have a duration."""
    metered.observer.tell(Event(kind, 0.0, profile="acme", seconds=1.5))

    name, expected = ("authweave.store.events", {"authweave.kind": kind})
    if kind not in ABOUT_STORE:
        about = "profile" if kind.startswith("profile_") else "token"
        name, expected = f"authweave.{about}.events", {"authweave.kind": kind, "authweave.profile": "acme"}
    [point] = metered.points(name)
    assert (1, expected) == (point.value, dict(point.attributes))
    assert {name, *(["authweave.token.duration"] if kind in ("acquired", "renewed") else [])} == set(metered.metrics())


@pytest.mark.parametrize(
    ("endpoint", "server"),
    [
        ("https://login.acme.example", {"server.address": "login.acme.example", "server.port": 443}),
        ("http://[::1]:8080", {"server.address": "::1", "server.port": 8080}),
        ("https://a.example:99999", {"server.address": "_OTHER"}),
        ("https://", {"server.address": "_OTHER", "server.port": 443}),
        ("", {}),
    ],
)
def test_endpoints(metered, endpoint, server):
    """Host and port apart; what is no origin is other."""
    metered.observer.tell(Event("unreachable", 0.0, endpoint=endpoint))

    [point] = metered.points("authweave.token.events")
    assert {"authweave.kind": "unreachable", **server} == dict(point.attributes)


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), -1.0, None])
def test_durations_that_are_none(metered, caplog, seconds):
    """A clock that was set back spoils no histogram, and the SDK has nothing to complain of."""
    metered.observer.tell(Event("acquired", 0.0, seconds=seconds))

    assert [] == metered.points("authweave.token.duration")
    assert [] == caplog.records


def test_series_are_bounded(metered):
    """However many profiles, grants and endpoints (a host per tenant) there are; nothing goes uncounted."""
    for number in range(300):
        metered.observer.tell(Event("acquired", 0.0, profile="one", endpoint=f"https://{number}.example"))
        metered.observer.tell(Event("acquired", 0.0, profile=f"profile-{number}"))
        metered.observer.tell(Event("acquired", 0.0, grant=f"urn:acme:{number}"))
        metered.observer.tell(Event(f"kind-{number}", 0.0))

    points = metered.points("authweave.token.events")
    assert 1200 == sum(point.value for point in points)
    seen = {name: {point.attributes[name] for point in points if name in point.attributes} for name in [*ATTRIBUTES]}
    assert (MOST_PROFILES + 1, MOST_GRANTS + 1, MOST_ENDPOINTS + 1) == tuple(
        len(seen[name]) for name in ("authweave.profile", "authweave.grant_type", "server.address")
    )
    assert all("_OTHER" in seen[name] for name in ("authweave.profile", "authweave.grant_type", "server.address", "authweave.kind"))
    assert {"acquired", "_OTHER"} == seen["authweave.kind"]


def test_a_profile_with_many_endpoints_leaves_others_theirs(metered):
    """The bound is each profile's own."""
    for number in range(50):
        metered.observer.tell(Event("acquired", 0.0, profile="one", endpoint=f"https://{number}.example"))
    metered.observer.tell(Event("acquired", 0.0, profile="two", endpoint="https://two.example"))

    [point] = [point for point in metered.points("authweave.token.events") if point.attributes["authweave.profile"] == "two"]
    assert "two.example" == point.attributes["server.address"]


PLANTED = ["s3cret-detail", "s3cret-tenant", "s3cret-subject", "s3cret-key0", "s3cret-pass", "s3cret-query"]


@settings(max_examples=examples(300), deadline=None)
@given(st.sampled_from([*KINDS, "made up"]), st.text(max_size=20), st.text(max_size=20), st.none() | st.floats())
def test_no_metric_holds_what_it_must_not(kind, profile, grant, seconds):
    """No tenant, user, key, detail or secret of a URL; no control character, whatever profile and grant are called."""
    metered = Metered()
    detail, tenant, subject, key, password, query = PLANTED

    Events([metered.observer.tell]).tell(
        kind, profile=profile, grant=grant, seconds=seconds, detail=detail, tenant=tenant, subject=subject, key=key, retry_at=7.0,
        endpoint=f"https://bot:{password}@login.acme.example/token?client_secret={query}",
    )  # fmt: skip

    exported = metered.data().to_json()
    metered.provider.shutdown()
    assert "s3cret" not in exported
    assert not any(ord(character) < 32 for value in _texts(json.loads(exported)) for character in value)


def _texts(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from (name, *_texts(member))
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def in_a_process(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)


def test_a_provider_set_later_is_used():
    """A host may make its engine first and set up its SDK afterwards."""
    done = in_a_process("""
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from authweave.extensions.catalog import Catalog
from authweave.events import Events, observers_of
from authweave.settings import Settings
events = Events(observers_of(Settings(observers=("opentelemetry",)), Catalog(installed=False)))
events.tell("acquired", seconds=1.0)
reader = InMemoryMetricReader()
metrics.set_meter_provider(MeterProvider([reader]))
events.tell("acquired", seconds=1.0)
[resource] = reader.get_metrics_data().resource_metrics
print(sorted(metric.name for scope in resource.scope_metrics for metric in scope.metrics))
""")

    assert ("", "['authweave.token.duration', 'authweave.token.events']\n") == (done.stderr, done.stdout)


def test_without_the_package_it_says_what_to_install():
    """The message names the setting and the extra; nobody sees an ImportError."""
    done = in_a_process("""
import sys
sys.modules["opentelemetry"] = sys.modules["opentelemetry.metrics"] = None
from authweave.extensions.catalog import Catalog
from authweave.errors import SettingsError
from authweave.events import observers_of
from authweave.settings import Settings
try:
    observers_of(Settings.load({"observers": ["opentelemetry"]}, env={}), Catalog(installed=False))
except SettingsError as error:
    print(error, error.__cause__, error.__context__)
""")

    assert "Engine(observers=…): observer opentelemetry: the library is not there: install authweave[opentelemetry] None None\n" == done.stdout


def test_a_provider_that_cannot_make_a_meter_is_a_wrong_setting():
    """What a foreign provider raises is not handed on."""

    class Broken:
        def get_meter(self, *args, **kwargs):
            raise RuntimeError("s3cret")

    with pytest.raises(SettingsError, match=r"observer opentelemetry: the library could not make a meter \(RuntimeError\)") as refused:
        OpenTelemetryObserver(Broken())

    assert refused.value.__context__ is None


# The page

PAGE = page("docs/events.md")


def test_the_page_has_the_instruments(metered):
    """Each with its kind, its unit and the attributes that it can have."""
    metered.observer.tell(FULL)
    metered.observer.tell(Event("store_down", 0.0))
    metered.observer.tell(Event("profile_broken", 0.0, profile="acme"))
    rows = {names_in(name)[0]: (kind, *names_in(unit), attributes) for name, kind, unit, attributes in PAGE.rows("Metrics", "instrument")}

    metrics = metered.metrics()
    assert set(metrics) == set(rows)
    for name, (kind, unit, attributes) in rows.items():
        assert (type(metrics[name].data).__name__, metrics[name].unit) == ({"counter": "Sum", "histogram": "Histogram"}[kind], unit)
        if not attributes.startswith("the same"):
            assert set(names_in(attributes)) == {key for point in metered.points(name) for key in point.attributes}


def test_the_page_has_the_bounds():
    """The numbers are those of the code."""
    bounds = f"{MOST_PROFILES} profiles, {MOST_GRANTS} grants, {MOST_ENDPOINTS} endpoints of one profile"

    assert bounds in PAGE.text
    assert 100 == flood.MOST
    assert "at most a hundred keys of a kind" in PAGE.text


def test_alerts_name_what_there_is(metered):
    """Metrics, labels and kinds of the queries are real, as Prometheus writes names (dots, units, `_total`)."""
    metered.observer.tell(FULL)
    metered.observer.tell(Event("store_down", 0.0))
    metered.observer.tell(Event("profile_broken", 0.0, profile="acme"))
    known = {name.replace(".", "_") + ("_seconds_bucket" if metric.unit == "s" else "_total") for name, metric in metered.metrics().items()}
    labels = {name.replace(".", "_") for name in ATTRIBUTES}

    [block] = [block for block in PAGE.blocks if block.language == "promql"]
    named = set(re.findall(r"\b(authweave_\w+|server_\w+)", block.text))
    kinds = {kind for words in re.findall(r'authweave_kind!?=~?"([\w|]+)"', block.text) for kind in words.split("|")}

    assert known <= named <= known | labels
    assert len(kinds) > 8
    assert kinds <= set(KINDS)

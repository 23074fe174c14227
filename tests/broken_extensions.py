"""One sound extension of each kind, and many that are sound but for one thing: `caught_by` names the test that has to say so.

Not collected with the other tests: `unit/test_contracts_catch.py` runs this file, and looks at what failed.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import os
import time

import pytest

from authweave.contracts import Finding, Sealed
from authweave.drafts.draft import Placed
from authweave.errors import InputError, PlacementError, SigningError
from authweave.stores.memory import MemoryStore
from authweave.testing import (
    ClientAuthContract,
    GrantContract,
    ObserverContract,
    PlacementContract,
    ReportFormatContract,
    RuleContract,
    SchemeContract,
    SealContract,
    SourceContract,
    StoreContract,
)
from authweave.values import Row, Secret, TaskRequest

COUNT = itertools.count()


def broken(suite, caught_by, **members):
    """The suite of a sound extension, over one that has these members in the place of its own."""
    for member in members.values():
        if callable(member) and not member.__doc__:
            member.__doc__ = "Broken."
    extension = type("Broken", (suite.extension,), {"__doc__": "Broken.", "__module__": __name__, **members})
    name = f"TestBroken{next(COUNT)}"
    globals()[name] = type(name, (suite,), {"extension": extension, "caught_by": caught_by, "__module__": __name__})


# Stores


class TestStore(StoreContract):
    extension = MemoryStore

    def pass_time(self, seconds):
        self.now += seconds

    @pytest.fixture
    def store(self):
        self.now = 1_800_000_000.0
        return self.extension(clock=lambda: self.now)


def _lost_update(self, key, version, data, *, keep=None):
    row = self.read(key)
    if row.version != version:
        return False
    time.sleep(0.01)
    self._rows[key] = Row(version + 1, data)
    return True


def _forgets_the_version(self, key, version, data, *, keep=None):
    done = MemoryStore.write(self, key, version, data)
    if done and data is None:
        self._rows.pop(key)
    return done


def _keeps_the_intent(self, key, version, data, *, keep=None):
    intent = self.read(key).intent
    done = MemoryStore.write(self, key, version, data)
    if done:
        self._rows[key] = Row(version + 1, data, intent)
    return done


def _closed(self):
    self._rows = None


def _release_of_anybody(self, key, owner):
    self._leases.pop(key, None)


def _from_url_of_anybody(cls, url, options):
    return int(url)


broken(TestStore, "test_only_over_the_version_that_was_read", write=lambda self, key, version, data, *, keep=None: bool(self._rows.__setitem__(key, Row(self.read(key).version + 1, data)) or True))
broken(TestStore, "test_one_of_many_threads_writes", write=_lost_update)
broken(TestStore, "test_forgetting_is_a_write", write=_forgets_the_version)
broken(TestStore, "test_intent", write=_keeps_the_intent)
broken(TestStore, "test_lease_excludes", lease=lambda self, key, owner, seconds: True)
broken(TestStore, "test_lease_runs_out", lease=lambda self, key, owner, seconds: MemoryStore.lease(self, key, owner, 10 * seconds))
broken(TestStore, "test_lease_is_released_by_its_owner_only", release=_release_of_anybody)
broken(TestStore, "test_nothing_is_an_empty_row", read=lambda self, key: self._rows[key])
broken(TestStore, "test_nothing_is_shown", __repr__=lambda self: str([row.data for row in self._rows.values()]))
broken(TestStore, "test_notes", noted=lambda self, name: self._notes.get(name, (None, 0))[0])
broken(TestStore, "test_remove", remove=lambda self, key: self._rows.pop(key, None) is not None)
broken(TestStore, "test_checks", checks=lambda self: iter([Finding("memory", False, "it is full")]))
broken(TestStore, "test_after_a_fork", is_shared=True)
broken(TestStore, "test_of_many_processes_one_wins", is_shared=True)
broken(TestStore, "test_a_wrong_url_is_refused", from_url=classmethod(_from_url_of_anybody))
broken(TestStore, "test_after_it_is_closed", close=_closed)
broken(TestStore, "test_many_keys", keys=lambda self: iter(list(self._rows)[:100]))
broken(TestStore, "test_it_can_be_registered", schemes=("redis",), name="acme.store")
broken(TestStore, "test_it_can_be_registered", name="Acme Store")


# Seals


class Seal:
    """An HMAC over the URL, in a header."""

    name = "acme.hmac"
    reads_body = False

    def sign(self, request, signing):
        """The request with its signature."""
        key = signing.text("signing_key")
        if not key:
            raise SigningError("signing_key is empty")
        made = hmac.new(key.encode(), request.url.encode(), hashlib.sha256).hexdigest()
        sealed = TaskRequest(request.method, request.url, (*request.headers, ("X-Signature", made)), request.body, request.streamed)
        return Sealed(sealed, (Placed("header", "X-Signature", f"{signing.origin}.signing_key", True),))

    def learned(self, request, response, signing):
        """Nothing."""
        return ""


class TestSeal(SealContract):
    extension = Seal
    own = {"signing_key": "s3cr3t-of-the-seal"}  # noqa: RUF012 - read only

    @pytest.fixture
    def seal(self):
        return self.extension()


def _shared_request(self, request, signing):
    self.request = request
    time.sleep(0.001)
    return Seal.sign(self, TaskRequest(self.request.method, f"{self.request.url}&n={id(request)}", self.request.headers, self.request.body), signing)


def _other_method(self, request, signing):
    return Seal.sign(self, TaskRequest("PUT", request.url, request.headers, request.body), signing)


def _without_headers(self, request, signing):
    return Seal.sign(self, TaskRequest(request.method, request.url, (), request.body), signing)


broken(TestSeal, "test_everything_it_adds_has_a_name_and_an_origin", sign=lambda self, request, signing: Sealed(Seal.sign(self, request, signing).request))
broken(TestSeal, "test_it_signs_and_changes_nothing_else", sign=_other_method)
broken(TestSeal, "test_it_signs_and_changes_nothing_else", sign=_without_headers)
broken(TestSeal, "test_everything_it_adds_has_a_name_and_an_origin", sign=_shared_request)
broken(TestSeal, "test_it_shows_no_secret", __repr__=lambda self: "Seal(s3cr3t-of-the-seal)")
broken(TestSeal, "test_a_good_answer_asks_for_nothing", learned=lambda self, request, response, signing: None)
broken(TestSeal, "test_a_good_answer_asks_for_nothing", learned=lambda self, request, response, signing: "stale")
broken(TestSeal, "test_it_bears_every_answer", learned=lambda self, request, response, signing: "stale" if response.header("www-authenticate").split(" ", 1)[1] else "")
broken(TestSeal, "test_a_key_that_is_not_written", sign=lambda self, request, signing: Seal.sign(self, request, signing) if signing.value("signing_key").encode() else None)
broken(TestSeal, "test_is_a_seal", __init__=lambda self: None, sign=None)


# Grants

BADGE = {"description": "The badge.", "type": "string", "default": "{{ inputs.badge }}", "x-template": "text"}


class Grant:
    """Ask with a badge."""

    name, title, attended = "urn:acme:grant:badge", "with a badge", False
    schema = {"properties": {"badge": BADGE}}  # noqa: RUF012 - read only
    inputs = {"badge": {"title": "Badge", "secret": True}}  # noqa: RUF012 - read only

    def parameters(self, call):
        """The badge."""
        return {"badge": call.text("badge")}


class TestGrant(GrantContract):
    extension = Grant


class TestGrantDeclared(GrantContract):
    """Its profile declares the input, so that one who reads it past the templates gets something."""

    extension = Grant
    more = {"inputs": {"badge": {"secret": True}}, "fields": [{"in": "header", "key": "X-Badge", "value": "{{ inputs.badge }}"}]}  # noqa: RUF012 - read only


def _unkeyed(self, call):
    return {"badge": call.scope["inputs"]["badge"].reveal()}


def _repeats(self, call):
    raise InputError("badge", f"badge is wrong: {call.text('badge')}")


def _prints(self, call):
    print(call.text("badge"))
    return {"badge": call.text("badge")}


def _filled(auth):
    auth["badge"] = "x"
    return {}


broken(TestGrantDeclared, "test_two_secrets_are_two_tokens", parameters=_unkeyed, schema={})
broken(TestGrant, "test_its_parameters_arrive", parameters=lambda self, call: {"scope": "read"})
broken(TestGrant, "test_its_parameters_arrive", parameters=lambda self, call: {"badge": call.text("badge"), "client_id": "bot"})
broken(TestGrant, "test_its_parameters_arrive", parameters=lambda self, call: [("badge", call.text("badge"))])
broken(TestGrant, "test_whatever_an_input_holds", parameters=_repeats)
broken(TestGrant, "test_whatever_an_input_holds", parameters=lambda self, call: {"badge": call.text("badge").encode("ascii").decode()})
broken(TestGrant, "test_it_shows_no_secret", parameters=_prints)
broken(TestGrant, "test_its_keys_are_described", schema={"properties": {"badge": {"type": "text"}}})
broken(TestGrant, "test_its_keys_are_described", schema={"properties": {"badge": {"type": "string", "default": "{{ inputs.badge }}", "x-template": "text"}}})
broken(TestGrant, "test_its_parameters_arrive", schema={"properties": {"badge": {**BADGE, "default": "{{ inputs.bagde }}"}}})
broken(TestGrant, "test_its_keys_are_described", schema={"required": ["site"], "properties": {"badge": BADGE, "site": {"type": "string", "description": "The site."}}})
broken(TestGrant, "test_defaults_are_made_from_what_is_written_alone", filled=staticmethod(_filled))
broken(TestGrant, "test_many_threads_share_it", parameters=lambda self, call: {"badge": call.text("badge"), f"n{next(COUNT)}": "x"})
broken(TestGrant, "test_it_says_what_it_is", __doc__="")
broken(TestGrant, "test_it_can_be_registered", name="client_credentials")


# Auth types


class Scheme:
    """A key in a header of Acme's."""

    name, title, gets_token = "acme.key", "a key of Acme's", False
    schema = {"properties": {"acme_key": {**BADGE, "description": "The key.", "default": "{{ inputs.acme_key }}"}}}  # noqa: RUF012 - read only
    inputs = {"acme_key": {"title": "Key", "secret": True}}  # noqa: RUF012 - read only
    fields = ({"in": "header", "key": "X-Acme-Key", "value": "{{ inputs.acme_key }}"},)


class TestScheme(SchemeContract):
    extension = Scheme


broken(TestScheme, "test_its_credential_is_placed", fields=())
broken(TestScheme, "test_its_credential_is_placed", fields=({"in": "header", "key": "X-Acme-Key", "value": "{{ inputs.acme_kye }}"},))
broken(TestScheme, "test_a_profile_of_it_is_valid", schema={"required": ["site"], "properties": {"site": {"type": "string", "description": "The site."}}})
broken(TestScheme, "test_its_keys_are_described", schema={"properties": {"acme_key": {"type": "string"}}})
broken(TestScheme, "test_defaults_are_made_from_what_is_written_alone", filled=staticmethod(_filled))
broken(TestScheme, "test_defaults_are_made_from_what_is_written_alone", filled=staticmethod(lambda auth: {"realm": str(next(COUNT))}))
broken(TestScheme, "test_it_shows_no_secret", __repr__=lambda self: "Scheme(s3cr3t-of-acme_key)")
broken(TestScheme, "test_it_says_what_it_is", __doc__="")
broken(TestScheme, "test_it_can_be_registered", gets_token="no")


# Client authentications


class ClientAuth:
    """Id and secret in a header of Acme's."""

    name, title = "acme_header", "id and secret in a header"
    sends = frozenset({"client_id", "client_secret"})
    inputs = {}  # noqa: RUF012 - read only

    def present(self, call):
        """The header."""
        call.parameter("client_id", call.client_id(), origin="client_id")
        call.header("X-Acme-Secret", hashlib.sha256(call.client_secret().encode(errors="surrogatepass")).hexdigest(), origin="client_secret")


class TestClientAuth(ClientAuthContract):
    extension = ClientAuth


def _twice(self, call):
    ClientAuth.present(self, call)
    call.parameter("client_secret", call.client_secret(), origin="client_secret", secret=True)


def _plain(self, call):
    call.parameter("client_id", call.client_id(), origin="client_id")
    call.parameter("client_secret", call.client_secret(), origin="client_secret")


def _takes(self, call):
    ClientAuth.present(self, call)
    call.parameters.pop("grant_type")


def _raw(self, call):
    call.header("X-Acme-Secret", hashlib.sha256(call.client_secret().encode("ascii")).hexdigest())


def _prints_secret(self, call):
    print(call.client_secret())
    ClientAuth.present(self, call)


broken(TestClientAuth, "test_never_in_two_places", present=_twice)
broken(TestClientAuth, "test_a_secret_is_marked_as_one", present=_plain)
broken(TestClientAuth, "test_it_presents_the_client", present=_takes)
broken(TestClientAuth, "test_it_presents_the_client", present=lambda self, call: None)
broken(TestClientAuth, "test_whatever_the_client_is_called", present=_raw)
broken(TestClientAuth, "test_it_shows_no_secret", present=_prints_secret)
broken(TestClientAuth, "test_it_says_what_it_sends", sends=frozenset({"client_id", "client_secret", "badge"}))


# Placements


class Placement:
    """A pair in the header `Acme-Context`."""

    name, title = "acme.context", "a pair of Acme-Context"

    def wrong_key(self, key):
        """Letters and digits."""
        return None if key.isascii() and key.isalnum() else "a name is made of letters and digits"

    def place(self, draft, key, value, on_conflict):
        """Set the pair."""
        if self.wrong_key(key):
            raise PlacementError(f"pair {key}: its name is wrong")
        if not isinstance(value, str | int) or isinstance(value, bool) or not all("!" <= one <= "~" and one != ";" for one in str(value)):
            raise PlacementError(f"pair {key}: the value has a character that it cannot hold")
        pairs = of_header(next((text for name, text in draft.headers if name == "Acme-Context"), ""))
        if draft.may_write(key in pairs, on_conflict, f"pair {key}"):
            draft.put_header("Acme-Context", "; ".join(f"{name}={text}" for name, text in {**pairs, key: value}.items()))


def of_header(text):
    return dict(part.split("=", 1) for part in text.split("; ") if part)


class TestPlacement(PlacementContract):
    extension = Placement

    def found(self, request, key):
        found = of_header(request.header("Acme-Context") or "").get(key)
        return [] if found is None else [found]


def _raw_header(self, draft, key, value, on_conflict):
    draft.headers = [*draft.headers, ("Acme-Context", f"{key}={value}")]


def _alone(self, draft, key, value, on_conflict):
    draft.headers = []
    Placement.place(self, draft, key, value, on_conflict)


def _says_the_value(self, draft, key, value, on_conflict):
    try:
        Placement.place(self, draft, key, value, on_conflict)
    except PlacementError as refused:
        raise PlacementError(f"{refused}: {value}") from None


def _foreign(self, draft, key, value, on_conflict):
    Placement.place(self, draft, key, value.strip(), on_conflict)


def _nobody_else(self, draft, key, value, on_conflict):
    draft.headers = [header for header in draft.headers if header[0] != "Acme-Context"]
    Placement.place(self, draft, key, value, on_conflict)


broken(TestPlacement, "test_whatever_the_value", place=_raw_header)
broken(TestPlacement, "test_whatever_the_value", place=_says_the_value)
broken(TestPlacement, "test_whatever_the_value", place=_foreign)
broken(TestPlacement, "test_it_changes_nothing_else", place=_alone)
broken(TestPlacement, "test_two_keys_do_not_meet", place=_nobody_else)
broken(TestPlacement, "test_what_is_there_already", place=lambda self, draft, key, value, on_conflict: Placement.place(self, draft, key, value, "replace"))
broken(TestPlacement, "test_a_value_arrives", place=lambda self, draft, key, value, on_conflict: None)
broken(TestPlacement, "test_whatever_the_key", wrong_key=lambda self, key: not key.isalnum())
broken(TestPlacement, "test_whatever_the_key", wrong_key=lambda self, key: None)
broken(TestPlacement, "test_its_own_key_is_right", wrong_key=lambda self, key: "every key is wrong")


# Sources


class Source:
    """A map of (profile, tenant, input) to value."""

    name = "acme_vault"
    max_age = 60.0

    def __init__(self, values=None):
        self._values = values or {}

    @classmethod
    def from_settings(cls, settings):
        """None: the map is the host's."""
        return

    def get(self, profile, asked, tenant):
        """The value."""
        found = self._values.get((profile, tenant, asked.name))
        return None if found is None else Secret(found, "the vault")

    def describe(self, profile, asked, tenant):
        """The name in the vault."""
        return f"vault entry {profile!r}, {asked.name!r}"


class TestSource(SourceContract):
    extension = Source

    @pytest.fixture
    def source(self):
        return self.extension({("acme", "", "client_secret"): self.value})


BORN = os.getpid()
broken(TestSource, "test_it_has_the_value", get=lambda self, profile, asked, tenant: self._values.get((profile, tenant, asked.name)))
broken(TestSource, "test_it_has_the_value", get=lambda self, profile, asked, tenant: (found := Source.get(self, profile, asked, tenant)) and Secret(found.reveal(), found.reveal()))
broken(TestSource, "test_it_has_nothing_else", get=lambda self, profile, asked, tenant: Secret(next(iter(self._values.values())), "the vault"))
broken(TestSource, "test_it_has_nothing_else", get=lambda self, profile, asked, tenant: Secret(self._values[profile, tenant, asked.name], "the vault"))
broken(TestSource, "test_whatever_the_names", get=lambda self, profile, asked, tenant: (tenant.encode() and None) or Source.get(self, profile, asked, tenant))
broken(TestSource, "test_it_says_where_it_looks", describe=lambda self, profile, asked, tenant: f"the vault\n{profile}")
broken(TestSource, "test_it_says_where_it_looks", describe=lambda self, profile, asked, tenant: f"the vault: {self._values}")
broken(TestSource, "test_it_is_made_from_settings", from_settings=lambda self, settings: None)
broken(TestSource, "test_it_is_made_from_settings", from_settings=classmethod(lambda cls, settings: cls({}).missing))
broken(TestSource, "test_is_a_source", max_age="60")
broken(TestSource, "test_it_shows_no_secret", __repr__=lambda self: f"Source({self._values})")
broken(TestSource, "test_after_a_fork", get=lambda self, profile, asked, tenant: Source.get(self, profile, asked, tenant) if os.getpid() == BORN else None)
broken(TestSource, "test_many_threads_ask", get=lambda self, profile, asked, tenant: Source.get(self, profile, asked, tenant) if next(COUNT) % 5 else None)


# Observers


class Observer:
    """Keeps what it was told."""

    name = "acme.pager"

    def __init__(self):
        self.told = []

    @classmethod
    def from_settings(cls, settings):
        """One that tells nobody."""
        return cls()

    def tell(self, event):
        """Keep it."""
        self.told.append(event.kind)


class TestObserver(ObserverContract):
    extension = Observer

    @pytest.fixture
    def observer(self):
        return self.extension()


async def _later(self, event):
    self.told.append(event.kind)


broken(TestObserver, "test_it_bears_every_event", tell=lambda self, event: {"lost": None, "acquired": None}[event.kind])
broken(TestObserver, "test_it_bears_every_event", tell=lambda self, event: self.told.append(round(event.seconds)))
broken(TestObserver, "test_it_bears_every_event", tell=lambda self, event: self.told.append(event.detail.encode("utf-8", "strict")) or True)
broken(TestObserver, "test_many_threads_tell", tell=lambda self, event: event.kind)
broken(TestObserver, "test_is_an_observer", tell=_later)
broken(TestObserver, "test_it_is_made_from_settings", from_settings=classmethod(lambda cls, settings: settings.pager))
broken(TestObserver, "test_after_a_fork", tell=lambda self, event: None if os.getpid() == BORN else int("no"))


# Report formats


class ReportFormat:
    """A line of JSON."""

    name = "acme.line"

    def render(self, report):
        """The line."""
        return json.dumps(report.as_dict())


class TestReportFormat(ReportFormatContract):
    extension = ReportFormat


def _keeps(self, report):
    self.said = getattr(self, "said", "") + ReportFormat.render(self, report)
    return self.said


def _prints_report(self, report):
    print(report.profile)
    return ReportFormat.render(self, report)


broken(TestReportFormat, "test_every_report_is_rendered", render=lambda self, report: ReportFormat.render(self, report).encode())
broken(TestReportFormat, "test_every_report_is_rendered", render=lambda self, report: f"{ReportFormat.render(self, report)} {next(COUNT)}")
broken(TestReportFormat, "test_every_report_is_rendered", render=lambda self, report: f"\x1b[1m{ReportFormat.render(self, report)}")
broken(TestReportFormat, "test_every_report_is_rendered", render=lambda self, report: report.exchanges[0].title)
broken(TestReportFormat, "test_it_says_what_came_of_it", render=lambda self, report: report.profile or "nothing")
broken(TestReportFormat, "test_one_object_renders_many", render=_keeps)
broken(TestReportFormat, "test_it_prints_nothing", render=_prints_report)
broken(TestReportFormat, "test_many_in_one", render_many=lambda self, reports: self.render(reports[0]))
broken(TestReportFormat, "test_for_a_stream", for_stream=classmethod(lambda cls, stream: stream))


# Rules


class Rule:
    """No profile is of Acme's test system."""

    name = "acme.no_test"

    def check(self, checked):
        """One problem."""
        if "test" in str(checked.data.get("identity_provider", "")):
            yield checked.problem(self.name, ("identity_provider",), "is a test system", "name the real one")


class TestRule(RuleContract):
    extension = Rule
    bad = RuleContract.good.replace('"Acme"', '"Acme test"')


def _mutates(self, checked):
    checked.full["seen"] = True
    return Rule.check(self, checked)


def _prints_rule(self, checked):
    print(checked.data)
    return Rule.check(self, checked)


def _at(rule, message):
    return lambda self, checked: [checked.problem(rule, ("identity_provider",), message)] if "test" in str(checked.data.get("identity_provider")) else []


broken(TestRule, "test_a_bad_profile_breaks_it", check=lambda self, checked: [])
broken(TestRule, "test_a_bad_profile_breaks_it", check=_at("acme.other", "is a test system"))
broken(TestRule, "test_a_good_profile_keeps_it", check=lambda self, checked: [checked.problem(self.name, ("name",), "is a test system")])
broken(TestRule, "test_it_bears_every_document", check=lambda self, checked: Rule.check(self, checked) if checked.data["identity_provider"] else [])
broken(TestRule, "test_it_bears_every_document", check=lambda self, checked: [*Rule.check(self, checked), *(["x"] if checked.data.get("abstract") else [])])
broken(TestRule, "test_it_changes_nothing", check=_mutates)
broken(TestRule, "test_it_prints_nothing", check=_prints_rule)
broken(TestRule, "test_it_bears_every_shipped_profile", check=lambda self, checked: Rule.check(self, checked) if len(checked.data.get("description", "")) < 20 else [None])

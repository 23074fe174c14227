"""Whatever an extension does while it is used, its user gets an error of the tree that names it, and none of its words."""

from __future__ import annotations

import json

import pytest

from authweave.contracts import Sealed
from authweave.engine import Engine
from authweave.errors import (
    AuthweaveError,
    ExtensionFailed,
    InputError,
    PlacementError,
    SettingsError,
    StoreUnavailable,
)
from authweave.events import Events, observers_of
from authweave.extensions.catalog import Catalog
from authweave.hookspecs import hookimpl
from authweave.loading import check_text, loads
from authweave.settings import Settings
from authweave.stores.memory import MemoryStore
from authweave.testing.trial import words_of
from authweave.values import Secret, TaskRequest, TaskResponse
from authweave.wire import Wire
from thorough import every

HUSH = "hush-s3cr3t-4711"
API = "https://api.example.com"
REQUEST = TaskRequest("GET", f"{API}/v1/me")


def fails(*_):
    """What a stranger's code may do, a secret in its words and in its frame."""
    secret = HUSH
    raise KeyError(secret)


def leaves(*_):
    raise SystemExit(HUSH)


def wraps(*_):
    """An error of the tree, raised from one that holds a secret."""
    try:
        fails()
    except KeyError as error:
        raise PlacementError("acme.place: no room") from error


def catalog(kind, **members):
    """The built-ins, and one extension of a package."""
    extension = type("Theirs", (), {"__doc__": "Theirs.", "title": "theirs", **members})

    class Package:
        pass

    def hook(register):
        register(extension)

    hook.__name__ = f"register_{kind}"
    setattr(Package, f"register_{kind}", staticmethod(hookimpl(hook)))
    made = Catalog(installed=False)
    made.add(Package(), "acme", "acme-auth")
    return made


def connect(made, auth, **more):
    """A connection whose token calls are answered here."""
    text = json.dumps({"format": 1, "name": "acme", "identity_provider": "Acme", "servers": [API], "auth": auth, **more})
    engine = Engine(catalog=made, settings=Settings(sources=(), observers=(), environment={}), wire=Wire(environ={}, proxy=""))
    engine.exchange = lambda *_, **__: TaskResponse(200, (), b'{"access_token": "AT", "token_type": "Bearer"}')
    inputs = {"client_id": "bot", "client_secret": HUSH, "token": HUSH}
    profile = loads(text, "acme.json", catalog=made)
    return engine.connect(profile, inputs={name: value for name, value in inputs.items() if name in profile.inputs})


def told(work, named, kind=ExtensionFailed):
    """The error: of this kind, with the extension and its package in it, and nothing of its words or frames."""
    with pytest.raises(kind) as caught:
        work()
    error = caught.value
    assert named in str(error)
    assert not any(HUSH in words for words in words_of(error))
    assert (error.__cause__, error.__context__) == (None, None)
    frames = []
    trace = error.__traceback__
    while trace is not None:
        frames.append(trace.tb_frame.f_code.co_name)
        trace = trace.tb_next
    assert not {"fails", "leaves", "wraps"} & set(frames)
    return error


OAUTH = {"type": "oauth2", "token_url": "https://idp.example.com/token", "grant_type": "client_credentials"}
GRANT = {"name": "urn:acme:badge", "schema": {}, "inputs": {}, "attended": False}


@every("answer", [fails, leaves, lambda *_: None, lambda *_: HUSH, lambda *_: [("a", "b")], lambda *_: {5: "x"}])
def test_a_grant(answer):
    """Before anything is sent; the next call asks it again."""
    connection = connect(catalog("grants", parameters=answer, **GRANT), {**OAUTH, "grant_type": "urn:acme:badge"})

    error = told(lambda: connection.token().result(20), "grant urn:acme:badge of acme-auth")
    assert ("extension_failed", "acme-auth") == (error.code, error.distribution)


@pytest.mark.parametrize("answer", [fails, leaves])
def test_a_client_authentication(answer):
    """As a grant."""
    made = catalog("client_auth", name="acme_header", sends=frozenset({"client_id"}), inputs={}, present=answer)

    told(lambda: connect(made, {**OAUTH, "client_auth": "acme_header"}).token().result(20), "client authentication acme_header of acme-auth")


@pytest.mark.parametrize("answer", [fails, leaves])
def test_a_placement(answer):
    """In the caller's own thread, at every door."""
    made = catalog("placements", name="acme.place", wrong_key=lambda *_: None, place=answer)
    connection = connect(made, {"type": "bearer"}, fields=[{"in": "acme.place", "key": "a", "value": "b"}])

    told(lambda: connection.authorize(REQUEST).result(20), "placement acme.place of acme-auth")


def test_an_error_of_the_tree_comes_through_bare():
    """What it was raised from stays behind."""
    made = catalog("placements", name="acme.place", wrong_key=lambda *_: None, place=wraps)
    connection = connect(made, {"type": "bearer"}, fields=[{"in": "acme.place", "key": "a", "value": "b"}])

    told(lambda: connection.authorize(REQUEST).result(20), "acme.place: no room", PlacementError)


def test_so_it_does_where_a_profile_is_checked():
    """By `validate`, which keeps no error as it was raised."""
    made = catalog("schemes", name="acme.key", schema={}, inputs={}, fields=(), gets_token=False, filled=staticmethod(wraps))

    told(lambda: connect(made, {"type": "acme.key"}), "acme.place: no room", PlacementError)


@pytest.mark.parametrize("answer", [fails, leaves, lambda *_: True, lambda *_: 5])
def test_a_placement_that_is_asked_for_its_key(answer):
    """By `validate`."""
    made = catalog("placements", name="acme.place", wrong_key=answer, place=lambda *_: None)
    text = json.dumps({"format": 1, "name": "acme", "identity_provider": "A", "auth": {"type": "bearer"}, "fields": [{"in": "acme.place", "key": "a", "value": "b"}]})

    told(lambda: check_text(text, "acme.json", catalog=made), "placement acme.place of acme-auth")


def test_what_a_placement_put_is_known_to_the_guards():
    """The header that it wrote is named, so that it stays with its origin when a client follows a redirect."""
    from authweave.applying.flow import prepared

    made = catalog("placements", name="acme.place", wrong_key=lambda *_: None, place=lambda self, draft, key, value, mode: draft.put_header("X-Acme", f"{key}={value}", mode))
    connection = connect(made, {"type": "bearer"}, fields=[{"in": "acme.place", "key": "a", "value": "b"}])
    connection.authorize(REQUEST).result(20)
    flow = prepared(connection, REQUEST)
    sent = None
    try:
        while True:
            flow.send(sent and sent.result(20))
    except StopIteration as done:
        sent = done.value

    assert {("acme.place", "a"), ("header", "X-Acme")} <= {(placed.place, placed.key) for placed in sent.placed}


@every("answer", [fails, leaves, lambda *_: None, lambda self, request, signing: request])
def test_a_seal_that_signs(answer):
    """Nothing goes out unsigned."""
    made = catalog("seals", name="acme.hmac", reads_body=False, sign=answer, learned=lambda *_: "")
    told(lambda: sealed(made).authorize(REQUEST).result(20), "seal acme.hmac of acme-auth")


@pytest.mark.parametrize("answer", [fails, leaves, lambda *_: None])
def test_a_seal_that_learns(answer):
    """The answer stands, and the verdict says why it was not judged."""
    made = catalog("seals", name="acme.hmac", reads_body=False, sign=lambda self, request, signing: Sealed(request), learned=answer)
    connection = sealed(made)
    request = connection.authorize(REQUEST).result(20)

    judgement = connection.handle_response(request, TaskResponse(401)).result(20)
    assert isinstance(judgement.error, ExtensionFailed)
    assert "seal acme.hmac of acme-auth" in judgement.reason
    assert HUSH not in judgement.reason


def sealed(made):
    scheme = {"name": "acme.signed", "schema": {}, "inputs": {}, "fields": (), "gets_token": False, "seal": "acme.hmac", "__doc__": "Signed.", "title": "signed"}

    class Package:
        @hookimpl
        def register_schemes(self, register):
            register(type("Signed", (), scheme))

    made.add(Package(), "signed", "acme-auth")
    return connect(made, {"type": "acme.signed"})


@every("answer", [fails, leaves, lambda *_: None, lambda *_: []])
def test_a_type_that_fills_in_defaults(answer):
    """By `validate`."""
    made = catalog("schemes", name="acme.key", schema={}, inputs={}, fields=(), gets_token=False, filled=staticmethod(answer))

    told(lambda: connect(made, {"type": "acme.key"}), "auth type acme.key of acme-auth")


@pytest.mark.parametrize("answer", [fails, leaves, lambda *_: "a text"])
def test_a_source_that_is_asked(answer):
    """An InputError that names input and source."""
    told(lambda: asked_of(get=answer).authorize(REQUEST).result(20), "source acme_vault of acme-auth", InputError)


@pytest.mark.parametrize("answer", [fails, leaves, lambda *_: None])
def test_a_source_that_says_where_it_looks(answer):
    """While somebody is told what is missing."""
    told(lambda: asked_of(get=lambda *_: None, describe=answer).authorize(REQUEST).result(20), "source acme_vault of acme-auth")


@every("age", ["60", True, -1, object()])
def test_a_source_with_an_odd_age(age):
    """No number of seconds."""
    told(lambda: asked_of(get=lambda *_: Secret("x", "vault"), max_age=age).authorize(REQUEST).result(20), "source acme_vault of acme-auth")


def test_a_source_that_cannot_be_made():
    """When the engine is made."""
    told(lambda: asked_of(from_settings=classmethod(fails)), "source acme_vault of acme-auth")


def asked_of(**members):
    sound = {"get": lambda *_: None, "describe": lambda *_: "the vault", "max_age": None, "from_settings": classmethod(lambda cls, settings: cls())}
    made = catalog("sources", name="acme_vault", **{**sound, **members})
    text = json.dumps({"format": 1, "name": "acme", "identity_provider": "Acme", "servers": [API], "auth": {"type": "bearer"}})
    engine = Engine(catalog=made, settings=Settings(sources=("acme_vault",), observers=(), environment={}), wire=Wire(environ={}, proxy=""))
    return engine.connect(loads(text, "acme.json", catalog=made))


@pytest.mark.parametrize("answer", [fails, leaves])
def test_a_store_that_fails(answer):
    """StoreUnavailable, as where nobody answers; the first call goes on without it where that loses nothing."""
    members = {name: getattr(MemoryStore, name) for name in ("lease", "release", "wait", "intend", "write", "remove", "keys", "note", "noted", "checks", "close")}
    made = catalog("stores", name="acme_store", schemes=("acme",), is_shared=False, is_remote=False, from_url=classmethod(lambda cls, url, options: cls()), read=answer, **members)
    text = json.dumps({"format": 1, "name": "acme", "identity_provider": "Acme", "auth": OAUTH})
    settings = Settings(sources=(), observers=(), store="acme:", store_required=True, environment={})
    engine = Engine(catalog=made, settings=settings, wire=Wire(environ={}, proxy=""), inputs={"client_id": "bot", "client_secret": HUSH})

    told(lambda: engine.connect(loads(text, "acme.json", catalog=made)).token().result(20), "store acme_store of acme-auth", StoreUnavailable)


def test_a_store_that_cannot_be_made():
    """When the engine is made."""
    members = {name: getattr(MemoryStore, name) for name in ("read", "lease", "release", "wait", "intend", "write", "remove", "keys", "note", "noted", "checks", "close")}
    made = catalog("stores", name="acme_store", schemes=("acme",), is_shared=False, is_remote=False, from_url=classmethod(fails), **members)

    told(lambda: Engine(catalog=made, settings=Settings(sources=(), observers=(), store="acme:", environment={})), "store acme_store of acme-auth")


def test_an_observer_that_cannot_be_made():
    """When the engine is made."""
    made = catalog("observers", name="acme.pager", from_settings=classmethod(leaves), tell=lambda *_: None)

    told(lambda: observers_of(Settings(observers=("acme.pager",), environment={}), made), "observer acme.pager of acme-auth")


def test_an_observer_that_fails(caplog):
    """Is named once in the log, with its package."""
    made = catalog("observers", name="acme.pager", from_settings=classmethod(lambda cls, settings: cls()), tell=fails)
    events = Events(observers_of(Settings(observers=("acme.pager",), environment={}), made))
    with caplog.at_level("ERROR", "authweave.events"):
        events.tell("lost")
        events.tell("lost")

    assert 1 == caplog.text.count("of acme-auth failed with KeyError")
    assert HUSH not in caplog.text


def half_way(self, checked):
    yield checked.problem("acme.rule", (), "x")
    fails()


@every("answer", [fails, leaves, half_way, lambda *_: None, lambda *_: ["x"]])
def test_a_rule(answer):
    """A profile that nobody could judge is not called valid."""
    made = catalog("rules", name="acme.rule", check=answer)
    text = json.dumps({"format": 1, "name": "acme", "identity_provider": "Acme", "auth": {"type": "bearer"}})

    told(lambda: check_text(text, "acme.json", catalog=made), "rule acme.rule of acme-auth")


@pytest.mark.parametrize("answer", [fails, leaves, lambda *_: b"bytes", lambda *_: None])
def test_a_report_format(answer, tmp_path):
    """Nothing is written."""
    from authweave.cli.testing.writing import Writer
    from authweave.report import Report

    made = catalog("reports", name="acme.line", render=answer)
    file = tmp_path / "report"
    writer = Writer(made.find("reports", "acme.line"), ((made.find("reports", "acme.line"), file),))

    told(lambda: writer.write(Report()), "report format acme.line of acme-auth")
    assert not file.exists()


def test_an_extension_that_cannot_be_made():
    """Its class fails when an object is made of it."""
    made = catalog("grants", parameters=lambda *_: {}, __init__=fails, **GRANT)

    told(lambda: connect(made, {**OAUTH, "grant_type": "urn:acme:badge"}), "grant urn:acme:badge of acme-auth")


def test_who_is_told_what_was_wrong_is_told_where():
    """The file and line, and the type of what was raised."""
    made = catalog("grants", parameters=fails, **GRANT)

    error = told(lambda: connect(made, {**OAUTH, "grant_type": "urn:acme:badge"}).token().result(20), "raised KeyError at test_foreign.py:")
    assert isinstance(error, AuthweaveError)
    assert not isinstance(error, SettingsError)

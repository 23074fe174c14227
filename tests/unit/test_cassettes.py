"""Runs on record: what a cassette holds, what it never holds, and what a replay says."""

import contextlib
import dataclasses
import json
import socket
from pathlib import Path

import jsonschema
import pytest

from authweave.cassettes import Cassette, Tape, cassette_path, read, replay, write
from authweave.cassettes.asked import CHANGES, differences, lines_of, settled
from authweave.cassettes.cassette import Expected
from authweave.cassettes.recording import unexpected
from authweave.errors import UsageError
from authweave.loading import files_in, load
from authweave.probe import test_profile as probe_profile
from authweave.report import Asked, Body, Exchange, Part
from authweave.resources import profiles_folder, schema_file
from authweave.sandbox import Person, for_test
from probing import (
    ACCEPTS,
    GIVES_TOKEN,
    INPUTS,
    REFRESH,
    SECRET,
    TOKEN,
    engine_of,
    forms,
    oauth,
    refuse_leaks,
    says_json,
    written,
)
from sockets import Server, answers, free_port, hang_after_request
from thorough import few

pytestmark = pytest.mark.thorough

EMPTY = Cassette("acme", "1.0.0", "2026-01-01T00:00:00Z", Expected("obtained", "accepted"), ()).as_dict()
SHIPPED = [path for path in files_in(profiles_folder()) if not load(path).abstract]
OTHERS = [path for path in files_in(Path(__file__).parents[1] / "sandbox_profiles") if path.stem not in {other.stem for other in SHIPPED}]


def recorded(path, *, inputs=INPUTS, servers=(), **settings):
    """A cassette of one run, and the report of that run."""
    with engine_of(inputs, **settings) as engine:
        profile, tape = engine.profile(path), Tape()
        report = probe_profile(engine, profile, servers=servers, heard=tape)
        return tape.cassette(profile, report, tuple(servers)), report


def text_of(cassette):
    """The cassette as it lies in git; valid, and searched for the planted secrets."""
    data = json.loads(json.dumps(cassette.as_dict()))
    jsonschema.Draft202012Validator(json.loads(schema_file("test-cassette").read_text())).validate(data)
    text = json.dumps(data)
    for secret in (SECRET, TOKEN, TOKEN[::-1], REFRESH):
        for form in forms(secret):
            assert form not in text
    return text


@contextlib.contextmanager
def no_network():
    """Nobody can be called."""

    def refuse(*_, **__):
        raise AssertionError("a replay called somebody")

    real = socket.socket.connect, socket.getaddrinfo
    socket.socket.connect, socket.getaddrinfo = refuse, refuse
    try:
        yield
    finally:
        socket.socket.connect, socket.getaddrinfo = real


@pytest.mark.parametrize("path", few([*SHIPPED, *OTHERS], every=5), ids=lambda path: path.stem)
def test_every_profile_replays_to_its_verdict(path, tmp_path):
    """What the sandbox answered, recorded, leads to the same verdict without it; no made-up secret is in the cassette."""
    profile = load(path)
    subject = "somebody" if profile.subject == "user" else None
    with for_test(profile) as (engine, inputs):
        tape = Tape()
        report = probe_profile(engine, profile, subject=subject, inputs=inputs, sandbox=True, person=tape.watched(Person(engine.wire)), heard=tape)
        cassette = tape.cassette(profile, report)
    write(tmp_path / "made" / "c.json", cassette)

    with no_network():
        again = replay(profile, read(tmp_path / "made" / "c.json"))

    assert ((), "") == (again.stale, unexpected(cassette, again))
    assert (report.token.word, report.credential.word) == (again.token.word, again.credential.word)
    assert report.started == again.recorded
    text = text_of(cassette)
    secret = [value for name, value in inputs.items() if profile.inputs[name].secret and isinstance(value, str)]
    assert [value for value in secret if value in text] == []


def test_failures_are_recorded_too(tmp_path):
    """A refusal, an odd answer and an endpoint that is not there replay to their diagnosis."""
    refusal = says_json({"error": "invalid_client", "error_description": f"you sent {SECRET}"}, 401)
    with Server(refusal) as identity:
        by_server, report = recorded(written(tmp_path, oauth(f"{identity.url}t")))
    profile = load(tmp_path / "acme.json")

    again = replay(profile, by_server)

    assert ("refused", ("invalid_client",)) == (again.token.word, by_server.expected.codes)
    assert report.diagnoses[0].sentence.partition(":")[0][:40] == again.diagnoses[0].sentence.partition(":")[0][:40]
    text_of(by_server)

    (tmp_path / "b").mkdir()
    by_network, _ = recorded(written(tmp_path / "b", oauth(f"http://127.0.0.1:{free_port()}/t")))
    again = replay(load(tmp_path / "b" / "acme.json"), by_network)
    assert ["connect_refused"] == [found.code for found in again.diagnoses]


def test_a_hang_is_replayed_at_once(tmp_path):
    """Nobody waits for a recorded deadline."""
    with Server(hang_after_request) as identity:
        cassette, _ = recorded(written(tmp_path, oauth(f"{identity.url}t")), deadline=0.3)

    again = replay(load(tmp_path / "acme.json"), cassette)

    assert ["read_timeout"] == [found.code for found in again.diagnoses]
    assert again.ms < 5000


def test_what_nothing_reads_is_left_out(tmp_path):
    """Of the API's answer stays what the profile's test reads; names and addresses of people do not."""
    me = says_json({"ok": True, "user": {"mail": "ada@example.com", "role": "admin"}, "again": TOKEN})
    test = {"request": {"url": "/v1/me"}, "accepted_when": [{"when": "{{ response.json.user.role == 'admin' }}"}]}
    with Server(GIVES_TOKEN) as identity, Server(me) as api:
        cassette, report = recorded(written(tmp_path, oauth(f"{identity.url}t"), servers=[api.url.rstrip("/")], test=test))

    assert "accepted" == report.credential.word
    assert {"user": {"role": "admin"}} == json.loads(cassette.calls[1].answer.body)
    assert {"access_token", "token_type", "expires_in", "refresh_token"} == set(json.loads(cassette.calls[0].answer.body))
    assert "ada@example.com" not in text_of(cassette)


@pytest.mark.parametrize(
    "body",
    [
        f"access_token={TOKEN}&refresh_token={REFRESH}&token_type=bearer", f"<r><token>{TOKEN}</token></r>", f"<r a='{TOKEN}' b=\"{SECRET}\"><token>{TOKEN}</token><x>{TOKEN[::-1]}</x><!-- {SECRET} --></r>",
        f"<r><![CDATA[{TOKEN}]]></r>", f"it is {TOKEN}, and {SECRET}",
        json.dumps({"data": [{"deep": {"token": TOKEN}}], "access_token": TOKEN}), "{not json " + TOKEN, "",
    ],
)  # fmt: skip
def test_secrets_never_get_into_a_cassette(tmp_path, body):
    """In whatever form a server answers with them, and where it echoes what was sent."""
    token = answers(200, ("Content-Type", "text/plain"), ("X-Echo", SECRET), ("Location", f"https://x.example/?t={TOKEN}"), body=body.encode())
    response = {"access_token": "{{ response.form.access_token | default(response.xml.r.token) | default(response.json.access_token) }}"}
    with Server(token) as identity, Server(says_json({"echo": TOKEN}, 401)) as api, contextlib.suppress(UsageError):
        auth = oauth(f"{identity.url}t", token_response=response, client_auth="client_secret_post")
        cassette, report = recorded(written(tmp_path, auth, servers=[api.url.rstrip("/")]))
        text_of(cassette)
        refuse_leaks(replay(load(tmp_path / "acme.json"), cassette))
        assert report.token.word == cassette.expected.token


def test_stale(tmp_path):
    """A profile that asks otherwise than when it was recorded is told so, line by line; one that only reads better is not."""
    with Server(GIVES_TOKEN) as identity, Server(ACCEPTS) as api:
        place = {"servers": [api.url.rstrip("/")]}
        cassette, _ = recorded(written(tmp_path, oauth(f"{identity.url}t"), **place))
        written(tmp_path, oauth(f"{identity.url}t", scopes=["read"], audience="crm"), fields=[{"in": "header", "key": "X-New", "value": "1"}], **place)
        changed = load(tmp_path / "acme.json")
        written(tmp_path, oauth(f"{identity.url}t"), description="The same, told better.", version="2.0.0", **place)

    stale = replay(changed, cassette).stale
    assert [
        "call 1 (token call): body scope was read write, is read", "call 1 (token call): body audience is new", "call 2 (check): header X-New is new",
    ] == list(stale)  # fmt: skip
    assert () == replay(load(tmp_path / "acme.json"), cassette).stale


def test_more_and_fewer_calls_are_stale(tmp_path):
    """A call that the recording has no answer for, and one that is no longer made."""
    with Server(GIVES_TOKEN) as identity, Server(ACCEPTS) as api:
        place = {"servers": [api.url.rstrip("/")]}
        cassette, _ = recorded(written(tmp_path, oauth(f"{identity.url}t"), **place))
        step = {"name": "hello", "request": {"method": "GET", "url": f"{identity.url}hello"}}
        more = load(written(tmp_path, oauth(f"{identity.url}t", before=[step]), **place))
        fewer = load(written(tmp_path, oauth(f"{identity.url}t"), test="token_only", **place))

    assert any("of another kind" in line for line in replay(more, cassette).stale)
    assert ("the recorded call check is no longer made",) == replay(fewer, cassette).stale


def test_another_verdict_is_told(tmp_path):
    """The same requests, judged otherwise by an edited profile."""
    with Server(GIVES_TOKEN) as identity, Server(ACCEPTS) as api:
        place = {"servers": [api.url.rstrip("/")]}
        cassette, _ = recorded(written(tmp_path, oauth(f"{identity.url}t"), **place))
        test = {"request": {"url": "/v1/me"}, "accepted_when": [{"status": [204]}]}
        report = replay(load(written(tmp_path, oauth(f"{identity.url}t"), test=test, **place)), cassette)

    assert () == report.stale
    assert "credential is refused, was accepted; api_not_accepted is new" == unexpected(cassette, report)


def test_what_changes_by_itself_is_no_change():
    """A value that two runs send differently is not compared."""
    lines = settled(["header X-Nonce = 1", "body a = b"], ["header X-Nonce = 2", "body a = b"])

    assert (f"header X-Nonce = {CHANGES}", "body a = b") == lines
    assert [] == list(differences(lines, ["header X-Nonce = 3", "body a = b"]))
    assert ["body a was b, is c", "header X-Nonce is no longer sent"] == sorted(differences(lines, ["body a = c"]))


def test_nothing_to_record(tmp_path):
    """A run that called nobody is refused, with the reason."""
    with pytest.raises(UsageError, match="no call was made"):
        recorded(written(tmp_path, oauth("https://auth.invalid/t")), inputs={})


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "there is no cassette yet; record one"), (b"", "no cassette"), (b"[]", "not a JSON object"), (b'{"format": 2}', "another format"),
        (b'{"format": 1}', "record it anew"), (b"[" * 100_000, "no cassette"), (b"\xff\xfe", "no cassette"), (b" " * (5 * 1024 * 1024), "larger than 4 MiB"),
    ],
    ids=["absent", "empty", "list", "newer", "bare", "deep", "bytes", "large"],
)  # fmt: skip
def test_files_that_are_no_cassettes(tmp_path, content, why):
    """Each with what is wrong."""
    path = tmp_path / "c.json"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(UsageError, match=why):
        read(path)


def test_a_strangers_cassette_does_nothing(tmp_path):
    """Classes and values that somebody wrote in by hand are refused or mean nothing."""
    with Server(GIVES_TOKEN) as identity, Server(ACCEPTS) as api:
        cassette, _ = recorded(written(tmp_path, oauth(f"{identity.url}t"), servers=[api.url.rstrip("/")]))
    data = json.loads(json.dumps(cassette.as_dict()))
    data["calls"][0] |= {"answer": None, "failure": {"kind": "UsageError", "message": "x\x1b[2J", "stage": "dns", "host": "h", "detail": "", "facts": {}}}

    report = replay(load(tmp_path / "acme.json"), Cassette.of_dict(data))

    assert "inconclusive" == report.token.word
    refuse_leaks(report)
    assert "\x1b" not in json.dumps(report.as_dict(), ensure_ascii=False)


def test_places():
    """Beside the profile, one for each tenant and user; no name leads elsewhere."""
    assert Path("p/cassettes/acme.json") == cassette_path(Path("p/acme.yaml"))
    assert Path("p/cassettes/acme@eu+anna.json") == cassette_path(Path("p/acme.yaml"), "eu", "anna")
    assert Path("p/cassettes") == cassette_path(Path("p/acme.yaml"), "../../x").parent
    assert cassette_path(Path("p/acme.yaml"), "../../x").name.startswith("acme@.._.._x-")


def test_no_two_tenants_share_a_cassette():
    """Names that a file cannot have get a mark of their own: what one recorded is never another's proof."""
    names = ["a/b", "a_b", "a:b", "a b", "é", "_", "x" * 200, "x" * 201, "\ud800"]

    paths = {cassette_path(Path("acme.yaml"), tenant) for tenant in names} | {cassette_path(Path("acme.yaml"), "", subject) for subject in names}

    assert 2 * len(names) == len(paths)
    assert all(len(path.name) < 120 for path in paths)


@pytest.mark.parametrize("recorded", ["2026-13-45T99:99:99Z", "2026-02-30T00:00:00Z", "0000-00-00T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "\u0662\u0660\u0662\u0666-01-01T00:00:00Z"])
def test_times_that_are_none(tmp_path, recorded):
    """A time at which no clock can stand makes no cassette."""
    path = tmp_path / "c.json"
    path.write_text(json.dumps({**EMPTY, "recorded": recorded}))

    with pytest.raises(UsageError, match="recorded is no"):
        read(path)


def test_half_characters_are_refused(tmp_path):
    """JSON can write what no text holds."""
    path = tmp_path / "c.json"
    path.write_text(json.dumps({**EMPTY, "tenant": "\ud800"}))

    with pytest.raises(UsageError, match="no cassette"):
        read(path)


def test_of_two_parameters_of_one_name_each_is_compared():
    """A change of the first of them is a change."""
    def asked(first):
        twice = {place: (Part(name, first), Part(name, "same")) for place, name in (("query", "scope"), ("headers", "X-A"))}
        return lines_of(Exchange("check", "Check", Asked("GET", "https://a.example/", "/", body=Body(), **twice), None, "", 0.0, "", ()))

    assert ["query scope was one, is two", "header X-A was one, is two"] == list(differences(asked("one"), asked("two")))


def test_inputs_that_are_not_secret_are_kept(tmp_path):
    """A tenant in the URL is that of the recording; a secret is made up."""
    with Server(GIVES_TOKEN) as identity, Server(ACCEPTS) as api:
        auth = oauth(f"{identity.url}{{{{ inputs.realm }}}}/t")
        path = written(tmp_path, auth, servers=[api.url.rstrip("/")], inputs={"realm": {}, "client_id": {}, "client_secret": {"secret": True}})
        cassette, _ = recorded(path, inputs={**INPUTS, "realm": "north"})

    assert {"realm": "north", "client_id": "my-client"} == cassette.inputs
    assert f"request = POST {identity.url}north/t" == cassette.calls[0].asked[0]
    assert () == replay(load(path), dataclasses.replace(cassette)).stale

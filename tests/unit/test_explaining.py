"""What else a refused profile could say: which variants, in which order, where they may go, and when nothing more is sent."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from authweave.errors import UsageError
from authweave.explaining import Ways, apply_to_file, explain
from authweave.explaining.candidates import changes_for
from authweave.explaining.change import Put, put
from authweave.explaining.clues import Clues
from authweave.explaining.proposing import proposal
from authweave.explaining.reach import reach_of
from authweave.explaining.trying import Target, changed_profile
from authweave.loading import load
from authweave.probe import test_profile as probe_profile
from authweave.report import Asked, Body, Exchange, Report
from authweave.resources import profiles_folder
from authweave.urls import Origin
from probing import ACCEPTS, GOOD, INPUTS, SECRET, TOKEN, engine_of, forms, refuse_leaks, written
from sockets import Server, http

pytestmark = pytest.mark.thorough

SCOPED = "read,write"


def answer(peer, status, data, *headers):
    peer.send(http(status, ("Content-Type", "application/json"), *headers, body=json.dumps(data).encode()))


class Identity:
    """A token endpoint that wants `wants(form, headers)` to be true, and says `word` where it is not. No metadata."""

    def __init__(self, wants=lambda form, headers: False, word="invalid_client", status=401, headers=(), metadata=None):
        self.wants, self.word, self.status, self.headers, self.metadata = wants, word, status, headers, metadata
        self.asked = []

    def __call__(self, peer):
        asked = peer.request()
        if asked.line.startswith("GET"):
            answer(peer, 200 if self.metadata else 404, self.metadata or {})
            return
        self.asked.append(asked)
        is_json = "json" in " ".join(asked.values("content-type"))
        form = json.loads(asked.body) if is_json else {key: values[0] for key, values in parse_qs(asked.body.decode()).items()}
        if self.wants(form, {name.lower(): value for name, value in asked.headers}):
            answer(peer, 200, GOOD)
        else:
            answer(peer, self.status, {"error": self.word}, *self.headers)


def api_wanting(wants):
    """An API that answers 401 unless `wants(request line, headers)`."""

    def behave(peer):
        asked = peer.request()
        good = wants(asked.line, {name.lower(): value for name, value in asked.headers})
        answer(peer, 200 if good else 401, {"me": 1} if good else {"no": 1})

    return behave


def yaml_of(folder, auth, server, *, name="acme", more=""):
    path = Path(folder, f"{name}.yaml")
    path.write_text(f"format: 1\nname: {name}   # = file\nidentity_provider: Acme\nservers: ['{server}']\n{auth}test: {{request: {{url: /v1/me}}}}\n{more}")
    return path


def oauth(identity, more=""):
    return f"auth:\n  type: oauth2\n  grant_type: client_credentials\n  token_url: {identity.url}token\n{more}"


USUAL = Ways()


def explored(path, *, inputs=INPUTS, ways=USUAL, servers=(), given=None, **settings):
    """The failed run and what explaining it found; everything has been searched for the planted secrets."""
    with engine_of(inputs, **settings) as engine:
        target = Target(engine.profile(path), servers=tuple(servers), inputs=given or {})
        report = probe_profile(engine, target.profile, servers=servers, inputs=given)
        found = explain(engine, target, report, ways)
    refuse_leaks(replace(report, explained=found.explained if found else None))
    return found


def sent(found):
    return [(one.key, one.value) for one in found.explained.tries if one.sent]


def why(found, key, value=""):
    return next(one.word for one in found.explained.tries if one.key == key and value in one.value and not one.sent)


def in_body(form, headers):
    return form.get("client_secret") == SECRET


# ---- which variants


@pytest.mark.parametrize(
    ("word", "more", "wants", "tried"),
    [
        ("invalid_client", "", in_body, [("auth.basic_encoding", "raw"), ("auth.client_auth", "client_secret_post")]),
        ("invalid_client", "  client_auth: client_secret_post\n", lambda form, headers: "authorization" in headers, [("auth.client_auth", "client_secret_basic")]),
        ("unauthorized_client", "", lambda form, headers: base64.b64decode(headers["authorization"][6:]).decode() == f"my-client:{SECRET}", [("auth.basic_encoding", "raw")]),
        ("invalid_scope", "  scopes: [read, write]\n", lambda form, headers: form.get("scope") == SCOPED, [("auth.scope_separator", "','")]),
        ("invalid_scope", "  scopes: read write\n", lambda form, headers: form.get("scope") == SCOPED, [("auth.scopes", "'read,write'")]),
        ("invalid_scope", "  scopes: [read]\n", lambda form, headers: "scope" not in form, [("auth.token_request.omit", "[scope]")]),
        ("invalid_scope", "  scopes: ['https://graph.example/Mail.Read', 'https://graph.example/User.Read']\n", lambda form, headers: form.get("scope") == "https://graph.example/.default",
         [("auth.scope_separator", "','"), ("auth.scope_separator", "'+'"), ("auth.scopes", "[https://graph.example/.default]")]),
        ("invalid_target", "  resource: https://crm.example\n", lambda form, headers: form.get("audience") == "https://crm.example", [("auth.resource", "audience instead")]),
        ("invalid_target", "  audience: https://crm.example\n", lambda form, headers: form.get("audience") == "https://crm.example/",
         [("auth.audience", "resource instead"), ("auth.audience", "https://crm.example/")]),
        ("unsupported_grant_type", "  client_auth: client_secret_post\n", lambda form, headers: "json" in headers["content-type"], [("auth.token_request.encoding", "json")]),
        ("unsupported_grant_type", "", lambda form, headers: "json" in headers["content-type"] and in_body(form, headers),
         [("auth.token_request.encoding", "json"), ("auth.client_auth + auth.token_request.encoding", "client_secret_post + json")]),
    ],
)  # fmt: skip
def test_the_variant_that_works_is_found(tmp_path, word, more, wants, tried):
    """For each word of a server the variants that make sense are tried in their order; the first that works is proposed, and no other is sent."""
    identity = Identity(wants, word, 400)
    with Server(identity) as token, Server(ACCEPTS) as task:
        found = explored(yaml_of(tmp_path, oauth(token, more), task.url.rstrip("/")))

    assert sent(found) == tried
    assert found.explained.edit is not None
    assert found.explained.edit.key == tried[-1][0]
    assert len(identity.asked) == 1 + len(tried)
    assert ("obtained", "accepted", "", 200) == ((last := [one for one in found.explained.tries if one.sent][-1]).token.word, last.credential.word, last.word, last.status)


def test_what_is_proposed_is_the_profile_that_was_tried(tmp_path):
    """The edit is lines of the file; with them the file is valid and its test is accepted, and all else in it is as it was."""
    with Server(Identity(in_body)) as token, Server(ACCEPTS) as task:
        path = yaml_of(tmp_path, oauth(token, "  basic_encoding: rfc6749 # as the RFC says\n"), task.url.rstrip("/"))
        before = path.read_text()
        found = explored(path)
        apply_to_file(found.proposal)
        with engine_of() as engine:
            report = probe_profile(engine, path)

    assert path.read_text() == before.replace("  basic_encoding: rfc6749 # as the RFC says\n", "  client_auth: client_secret_post\n")
    assert (f"{path}:9", ("  basic_encoding: rfc6749 # as the RFC says",), ("  client_auth: client_secret_post",)) == (found.explained.edit.place, found.explained.edit.old, found.explained.edit.new)
    assert report.credential.word == "accepted"


def test_metadata_say_what_is_tried_first(tmp_path):
    """What metadata name comes before what only may be; a key that nobody has is not tried, and said so."""
    identity = Identity(in_body)
    with Server(identity) as token, Server(ACCEPTS) as task:
        issuer = token.url.rstrip("/")
        identity.metadata = {
            "issuer": issuer, "token_endpoint": f"{issuer}/token", "response_types_supported": ["code"],
            "token_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_post"],
        }  # fmt: skip
        found = explored(yaml_of(tmp_path, oauth(token), task.url.rstrip("/")))

    assert sent(found) == [("auth.client_auth", "client_secret_post")]
    assert "key" in why(found, "auth.client_auth", "private_key_jwt")


def test_an_issuer_stands_for_its_token_url(tmp_path):
    """A profile that names an issuer only: its metadata say where tokens are got, and how the client says who it is."""
    identity = Identity(in_body)
    with Server(identity) as token, Server(ACCEPTS) as task:
        issuer = token.url.rstrip("/")
        identity.metadata = {"issuer": issuer, "token_endpoint": f"{issuer}/token", "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"]}
        found = explored(yaml_of(tmp_path, oauth(token).replace("token_url: ", "issuer: ").replace("/token\n", "\n"), task.url.rstrip("/")))

    assert sent(found)[-1] == ("auth.client_auth", "client_secret_post")
    assert found.explained.edit is not None


def test_a_step_before_each_try_is_made_anew(tmp_path):
    """What a step brings may be good once: each try takes its own."""
    given = []

    def behave(peer):
        asked = peer.request()
        if asked.line.startswith("GET /nonce"):
            given.append(f"n{len(given)}")
            answer(peer, 200, {"nonce": given[-1]})
            return
        form = {key: values[0] for key, values in parse_qs(asked.body.decode()).items()}
        good = form.get("nonce") in given and in_body(form, {})
        if form.get("nonce") in given:
            given[given.index(form["nonce"])] = "spent"
        answer(peer, 200 if good else 404 if asked.line.startswith("GET") else 401, GOOD if good else {"error": "invalid_client"})

    steps = (
        "  before: [{name: nonce, request: {url: '%snonce'}, response: {keep: {nonce: '{{ response.json.nonce }}'}}}]\n"
        "  token_request: {fields: [{key: nonce, value: '{{ kept.nonce }}'}]}\n"
    )  # fmt: skip
    with Server(behave) as token, Server(ACCEPTS) as task:
        found = explored(yaml_of(tmp_path, oauth(token, steps % token.url), task.url.rstrip("/")))

    assert found.explained.edit is not None, found.explained
    assert found.explained.edit.key == "auth.client_auth"
    assert len(given) == 1 + len(sent(found))


def test_a_token_that_the_api_refuses_is_half_of_the_way(tmp_path):
    """Where a variant gets a token that the API does not accept, it is proposed, but not for granted: the others are tried as well."""
    with Server(Identity(in_body)) as token, Server(api_wanting(lambda line, headers: False)) as task:
        found = explored(yaml_of(tmp_path, oauth(token), task.url.rstrip("/")))

    assert found.is_half
    assert found.explained.edit.key == "auth.client_auth"
    assert ("obtained", "refused") in [(one.token.word, one.credential.word) for one in found.explained.tries]


def test_a_user_name_that_is_refused_has_no_variant(tmp_path):
    """Basic at an API has one form: nothing is tried, and nobody is warned of it."""
    with Server(api_wanting(lambda line, headers: False)) as task:
        path = yaml_of(tmp_path, "auth: {type: basic}\n", task.url.rstrip("/"))
        found = explored(path, inputs={"username": "robot", "password": SECRET[::-1]})

    assert (found.explained.tries, found.explained.warnings, found.refused) == ((), (), False)


def test_the_same_secret_is_not_sent_twice_in_two_encodings(tmp_path):
    """Where id and secret read the same both ways there is nothing to try, and that is said."""
    with Server(Identity()) as token, Server(ACCEPTS) as task:
        found = explored(yaml_of(tmp_path, oauth(token), task.url.rstrip("/")), inputs={"client_id": "my-client", "client_secret": "pl4in-s3cret-0123"})

    assert "same in both" in why(found, "auth.basic_encoding")
    assert found.proposal is None


def test_a_public_client_is_tried_where_metadata_name_it(tmp_path):
    """A secret that was given is not asked about by a variant that has none; for client_credentials `none` makes no sense, and is not tried."""
    identity = Identity(lambda form, headers: "authorization" not in headers and "client_secret" not in form)
    given = {**INPUTS, "username": "robot", "password": SECRET[::-1]}
    with Server(identity) as token, Server(ACCEPTS) as task:
        issuer = token.url.rstrip("/")
        identity.metadata = {"issuer": issuer, "token_endpoint": f"{issuer}/token", "token_endpoint_auth_methods_supported": ["none", "client_secret_basic"]}
        person = explored(yaml_of(tmp_path, oauth(token).replace("client_credentials", "password"), task.url.rstrip("/")), inputs={}, given=given, ways=Ways(yes=True))
        robot = explored(yaml_of(tmp_path, oauth(token), task.url.rstrip("/")))

    assert sent(person)[-1] == ("auth.client_auth", "none")
    assert person.explained.edit is not None
    assert ("auth.client_auth", "none") not in sent(robot)


def test_a_profile_in_json_is_edited_as_json(tmp_path):
    """A new member after a comma, with the indentation of its neighbours."""
    with Server(Identity(in_body)) as token, Server(ACCEPTS) as task:
        auth = {"type": "oauth2", "grant_type": "client_credentials", "token_url": f"{token.url}token"}
        found = explored(written(tmp_path, auth, servers=[task.url.rstrip("/")]))

    line = f'  "token_url": "{token.url}token"'
    assert ((line,), (f"{line},", '  "client_auth": "client_secret_post"')) == (found.explained.edit.old, found.explained.edit.new)


def test_variants_of_a_list_are_changed_in_their_own_item(tmp_path):
    """Where `auth` is a list, the item that was in force is changed; the other stays."""
    auth = "auth:\n- {{name: other, type: api_key, when: false}}\n- name: mine   # this one\n  type: oauth2\n  grant_type: client_credentials\n  token_url: {}token\n"
    with Server(Identity(in_body)) as token, Server(ACCEPTS) as task:
        path = yaml_of(tmp_path, auth.format(token.url).replace("when: false", "when: '{{ request.method == \"PURGE\" }}'"), task.url.rstrip("/"))
        found = explored(path)

    assert found.explained.edit is not None, found
    assert found.explained.edit.key == "auth[1].client_auth"
    assert found.explained.edit.new == ("  client_auth: client_secret_post",)


def test_what_comes_from_a_parent_is_written_into_the_child(tmp_path):
    """The parent is somebody else's: the child gets the key, and its own parts stay."""
    with Server(Identity(in_body)) as token, Server(ACCEPTS) as task:
        yaml_of(tmp_path, oauth(token), task.url.rstrip("/"), name="parent")
        child = tmp_path / "child.yaml"
        child.write_text("format: 1\nname: child  # mine\nextends: parent\nidentity_provider: Acme\n")
        found = explored(child)

    assert found.explained.edit.new == ("auth: {client_auth: client_secret_post}",) or found.explained.edit.new == ("auth:", "  client_auth: client_secret_post")
    assert found.proposal.path == child
    assert found.proposal.after.startswith(found.proposal.before.rstrip("\n"))


def test_a_list_of_a_parent_is_left_to_the_parent(tmp_path):
    """An item of an inherited list cannot be changed in the child alone: not tried, and told where."""
    with Server(Identity(in_body)) as token, Server(ACCEPTS) as task:
        auth = oauth(token).replace("auth:\n  type", "auth:\n- name: one\n  type")
        yaml_of(tmp_path, auth, task.url.rstrip("/"), name="parent")
        child = tmp_path / "child.yaml"
        child.write_text("format: 1\nname: child\nextends: parent\nidentity_provider: Acme\n")
        found = explored(child)

    assert sent(found) == []
    assert "parent.yaml: change it there" in why(found, "auth[0].client_auth")


# ---- the API


@pytest.mark.parametrize(
    ("fields", "wants", "key", "value"),
    [
        ("", lambda line, headers: headers.get("authorization") == f"Token {TOKEN}", "auth.fields", "Token {{ token.access_token }}"),
        ("  fields: [{in: header, key: Authorization, value: 'Token {{ token.access_token }}'}]  # v1\n", lambda line, headers: headers.get("authorization") == f"Bearer {TOKEN}",
         "auth.fields[0].value", "Bearer {{ token.access_token }}"),
        ("  fields:\n  - {in: header, key: X-Client, value: '{{ inputs.client_id }}'}\n  - {in: header, key: Authorization, value: 'Bearer {{ token.access_token }}'}\n",
         lambda line, headers: headers.get("authorization") == TOKEN and headers.get("x-client") == "my-client", "auth.fields[1].value", "'{{ token.access_token }}'"),
        ("", lambda line, headers: headers.get("x-api-key") == TOKEN, "auth.fields", "X-API-Key"),
    ],
)  # fmt: skip
def test_another_word_before_the_credential(tmp_path, fields, wants, key, value):
    """An API that refuses gets the same token behind other words: it is asked for once for all tries, and each is one request."""
    identity = Identity(lambda form, headers: True)
    with Server(identity) as token, Server(api_wanting(wants)) as task:
        found = explored(yaml_of(tmp_path, oauth(token, fields), task.url.rstrip("/")))
        tries = [one for one in found.explained.tries if one.sent]
        calls = len(task.requests)

    assert found.explained.edit is not None, found.explained
    assert found.explained.edit.key == key
    assert value in "\n".join(found.explained.edit.new)
    assert len(identity.asked) == 3 + (len(tries) > 1)  # the failed run got a token and renewed it, as tasks do; all tries share one, and its renewal
    assert calls == 2 + len(tries)


def test_a_header_that_the_api_names_is_tried_first(tmp_path):
    """Its own words say where the key belongs, and the profile spells it otherwise."""

    def behave(peer):
        asked = peer.request()
        good = {name.lower(): value for name, value in asked.headers}.get("x-crm-key") == TOKEN
        answer(peer, 200 if good else 401, {"me": 1} if good else {"message": "Missing API key: send X-Crm-Key"})

    auth = "auth:\n  type: api_key\n  fields:\n  - {in: header, key: X-Crm-Kee, value: '{{ inputs.api_key }}'}\n"
    with Server(behave) as task:
        found = explored(yaml_of(tmp_path, auth, task.url.rstrip("/")), inputs={"api_key": TOKEN})

    assert [("auth.fields[0]", "{in: header, key: X-Crm-Key, value: '{{ inputs.api_key }}'}")] == sent(found)
    assert found.proposal is not None


def test_the_challenge_says_which_word_comes_first(tmp_path):
    """What the API asks for in WWW-Authenticate is tried before anything else."""

    def behave(peer):
        asked = peer.request()
        good = asked.values("authorization") == [f"Apikey {TOKEN}"] or asked.values("authorization") == [f"ApiKey {TOKEN}"]
        answer(peer, 200 if good else 401, {}, ("WWW-Authenticate", 'ApiKey realm="x"'))

    with Server(Identity(lambda form, headers: True)) as token, Server(behave) as task:
        found = explored(yaml_of(tmp_path, oauth(token), task.url.rstrip("/")))

    assert len(sent(found)) == 1
    assert "ApiKey {{ token.access_token }}" in sent(found)[0][1]


@pytest.mark.parametrize("challenge", [(("WWW-Authenticate", 'Bearer error="invalid_token"'),), ()])
def test_a_header_that_is_read_is_not_changed_first(tmp_path, challenge):
    """An API that asks for Bearer and got it wants another token: whom it is for is tried before other words are."""
    identity = Identity(lambda form, headers: True)

    def behave(peer):
        peer.request()
        answer(peer, 200 if any(b"audience=" in asked.body for asked in identity.asked) else 401, {}, *challenge)

    with Server(identity) as token, Server(behave) as task:
        found = explored(yaml_of(tmp_path, oauth(token), task.url.rstrip("/")))

    keys = [key for key, _ in sent(found)]
    assert keys[-1] == "auth.audience"
    assert len(keys) == (1 if challenge else 4)


def test_a_credential_goes_into_no_url_unless_somebody_says_so(tmp_path):
    """The query is logged: it is listed, not tried, and tried with yes."""
    wants = api_wanting(lambda line, headers: f"api_key={TOKEN}" in line)
    with Server(wants) as task:
        path = yaml_of(tmp_path, "auth: {type: api_key}\n", task.url.rstrip("/"))
        careful = explored(path, inputs={"api_key": TOKEN})
        lines = [asked.line for asked in task.requests]
        bold = explored(path, inputs={"api_key": TOKEN}, ways=Ways(yes=True))

    assert careful.proposal is None
    assert not any(TOKEN in line for line in lines)
    assert "--yes" in why(careful, "auth.fields", "query")
    assert "in: query" in bold.explained.edit.new[0]


# ---- where it stops


@pytest.mark.parametrize(
    ("status", "word", "headers", "told"),
    [(429, "whatever", (), "429"), (503, "x", (("Retry-After", "7"),), "503"), (400, "slow_down", (), "slow_down"), (401, "invalid_client", (("Retry-After", "60"),), "401")],
)  # fmt: skip
def test_a_server_that_asks_to_wait_is_left_alone(tmp_path, status, word, headers, told):
    """The first answer of that kind ends it: nothing more is sent, and each variant that was left says why."""

    class Limits(Identity):
        def __call__(self, peer):
            if len(self.asked) == 1:
                self.status, self.word, self.headers = status, word, headers
            super().__call__(peer)

    identity = Limits()
    with Server(identity) as token, Server(ACCEPTS) as task:
        found = explored(yaml_of(tmp_path, oauth(token), task.url.rstrip("/")))

    assert len(identity.asked) == 2
    assert len(sent(found)) == 1
    assert f"asked to wait ({told})" in why(found, "auth.client_auth")


def test_nothing_is_tried_where_the_failed_run_was_asked_to_wait(tmp_path):
    """A run that ended with a limit is not judged, so that there is nothing to explain."""
    identity = Identity(status=429)
    with Server(identity) as token, Server(ACCEPTS) as task:
        found = explored(yaml_of(tmp_path, oauth(token), task.url.rstrip("/")))

    assert found is None or found.explained.tries == ()
    assert len(identity.asked) == 1


def test_nothing_is_tried_where_the_refusal_asks_to_wait(tmp_path):
    """A refusal with Retry-After is what a server says before it locks: each try would be one more wrong attempt."""
    identity = Identity(headers=(("Retry-After", "60"),))
    with Server(identity) as token, Server(ACCEPTS) as task:
        found = explored(yaml_of(tmp_path, oauth(token), task.url.rstrip("/")))

    assert found.explained.tries == ()
    assert len(identity.asked) == 1


@pytest.mark.parametrize("budget", [1, 3])
def test_the_budget_holds(tmp_path, budget):
    """The server sees the failed run and as many tries as are allowed."""
    identity = Identity()
    with Server(identity) as token, Server(ACCEPTS) as task:
        found = explored(yaml_of(tmp_path, oauth(token), task.url.rstrip("/")), ways=Ways(budget=budget))

    assert len(identity.asked) == 1 + budget
    assert len(sent(found)) == budget
    assert "--budget" in why(found, "auth.client_auth + auth.token_request.encoding")


def test_the_deadline_holds_for_all_together(tmp_path):
    """A server that hangs takes the time that there is; what is left is not sent."""

    class Hangs(Identity):
        def __call__(self, peer):
            if len(self.asked) == 1:
                self.wants = lambda form, headers: peer.hang()
            super().__call__(peer)

    identity = Hangs()
    with Server(identity) as token, Server(ACCEPTS) as task:
        found = explored(yaml_of(tmp_path, oauth(token), task.url.rstrip("/")), test_deadline=1.0)

    assert len(sent(found)) <= 1
    assert any("test_deadline" in one.word for one in found.explained.tries)


def test_an_accepted_profile_has_nothing_to_explain(tmp_path):
    """Nothing refused, nothing sent."""
    identity = Identity(lambda form, headers: True)
    with Server(identity) as token, Server(ACCEPTS) as task:
        found = explored(yaml_of(tmp_path, oauth(token), task.url.rstrip("/")))

    assert found is None
    assert len(identity.asked) == 1


# ---- where it goes


def test_nobody_else_gets_the_credential_for_a_guess(tmp_path):
    """A redirect to another origin is listed and not followed; one to a path of the same origin is tried."""

    def redirecting(place):
        def behave(peer):
            asked = peer.request()
            if asked.line.startswith("GET"):
                answer(peer, 404, {})
            elif asked.line.startswith("POST /token/ "):
                answer(peer, 200, GOOD)
            else:
                answer(peer, 307, {}, ("Location", place()))

        return behave

    with Server(Identity(lambda form, headers: True)) as thief, Server(ACCEPTS) as task:
        with Server(redirecting(lambda: f"{thief.url}token")) as token:
            elsewhere = explored(yaml_of(tmp_path, oauth(token), task.url.rstrip("/")))
        with Server(redirecting(lambda: "/token/")) as token:
            same = explored(yaml_of(tmp_path, oauth(token), task.url.rstrip("/")))
        assert thief.requests == []

    assert "another origin" in why(elsewhere, "auth.token_url")
    assert same.explained.edit is not None
    assert same.explained.edit.new[0].endswith("/token/")


@pytest.mark.parametrize(
    ("url", "is_allowed"),
    [
        ("https://api.example.com/x", True),
        ("https://eu.api.example.org", True),
        ("https://api.example.org", False),
        ("https://login.example.com:443/other", True),
        ("https://login.example.com:8443", False),
        ("http://api.example.com", False),
        ("http://login.example.com", False),
        ("https://thief.example", False),
    ],
)
def test_the_reach_of_a_try(tmp_path, url, is_allowed):
    """Servers of the profile and the origin of its token endpoint, port and scheme included; http never."""
    auth = "auth:\n  type: oauth2\n  grant_type: client_credentials\n  token_url: https://login.example.com/token\n"
    path = yaml_of(tmp_path, auth, "https://api.example.com', 'https://*.api.example.org")
    with engine_of() as engine:
        reach = reach_of(Report(), "https://login.example.com/token", engine.connect(engine.profile(path)))
        spied = reach_of(Report(exchanges=(called("http://login.example.com/a"),)), "", engine.connect(engine.profile(path)))

    assert reach(Origin.of(url)) is is_allowed
    assert not spied(Origin.of("http://login.example.com/a"))


def called(url):
    return Exchange("token", "Token call", Asked("POST", url, "/a", (), Body()), None, "", 0.0, "", ())


@pytest.mark.parametrize(
    ("written_as", "named", "made"),
    [
        ("https://{{ inputs.tenant }}.example.com/oauth/token", "https://eu.example.com/v2/token", "https://{{ inputs.tenant }}.example.com/v2/token"),
        ("https://login.example.com/token", "https://login.example.com/v2/token?x=1", "https://login.example.com/v2/token?x=1"),
        ("https://login.example.com/token", "https://login.example.com/{{ inputs.client_secret }}", None),
        ("https://login.example.com/token", "javascript:alert(1)", None),
        ("https://login.example.com/token", "//thief.example/token", None),
        ("https://login.example.com/token", "https://login.example.com/token", None),
    ],
)
def test_a_token_url_that_a_server_names(tmp_path, written_as, named, made):
    """The host stays as the profile writes it, templates included; what is no URL, or would be a template, is no variant."""
    inputs = "inputs: {tenant: {title: Tenant, pattern: '[a-z]+'}}\n" if "tenant" in written_as else ""
    path = yaml_of(tmp_path, f"auth:\n  type: oauth2\n  grant_type: client_credentials\n  token_url: '{written_as}'\n", "https://api.example.com", more=inputs)
    profile = load(path)
    token = written_as.replace("{{ inputs.tenant }}", "eu")
    clues = Clues(profile=profile, variant=profile.variants[0], code="token_404", stage="token_call", token_url=token, token_urls={"metadata": named})

    changes = [change for change in changes_for(clues) if change.key == "auth.token_url"]

    assert [change.steps for change in changes] == ([(Put(("auth", "token_url"), made),)] if made else [])


def test_a_wire_for_tries_calls_no_other_origin(tmp_path):
    """Whatever a variant would come to: a call beyond the reach of the failed run is refused before it is sent."""
    from authweave.errors import EgressRefused
    from authweave.explaining.guarded import Journal, guarded
    from authweave.net.values import Call
    from probing import wire

    with Server(ACCEPTS) as mine, Server(ACCEPTS) as other:
        allowed = Origin.of(mine.url)
        over = guarded(wire(), Journal(lambda origin: origin == allowed, remembers=True)).showing(None)
        reply = over.send(Call("GET", mine.url), deadline=5)
        again = over.send(Call("GET", mine.url), deadline=5)
        with pytest.raises(EgressRefused):
            over.send(Call("GET", other.url), deadline=5)

        assert (1, 0) == (len(mine.requests), len(other.requests))
    assert (200, reply) == (again.status, again)


# ---- what could do harm


def test_what_could_do_harm_is_asked_first(tmp_path):
    """A user's password: nobody is asked twice, nothing is sent without a yes, and the warning names the input, never its value."""
    identity = Identity(in_body)
    inputs = {**INPUTS, "username": "robot", "password": SECRET[::-1]}
    heard = []
    with Server(identity) as token, Server(ACCEPTS) as task:
        path = yaml_of(tmp_path, oauth(token).replace("client_credentials", "password"), task.url.rstrip("/"))
        silent = explored(path, inputs=inputs)
        count = len(identity.asked)
        agreed = explored(path, inputs=inputs, ways=Ways(confirm=lambda warnings: heard.append(warnings) or True))

    assert silent.refused
    assert (1, 1) == (count, len(heard))
    assert "inputs.password" in silent.explained.warnings[0]
    assert "lock" in silent.explained.warnings[0]
    assert SECRET[::-1] not in str(silent.explained)
    assert all("--yes" in one.word or "same in both" in one.word for one in silent.explained.tries)
    assert agreed.explained.edit is not None
    assert agreed.explained.warnings == silent.explained.warnings


def test_a_secret_in_a_comment_is_not_shown_by_the_edit(tmp_path):
    """The lines of the edit hide the supplied values, wherever somebody left them."""
    with Server(Identity(in_body)) as token, Server(ACCEPTS) as task:
        path = yaml_of(tmp_path, oauth(token, f"  client_auth: client_secret_basic  # {SECRET}\n"), task.url.rstrip("/"))
        found = explored(path)

    assert found.explained.edit.old[0].startswith("  client_auth: client_secret_basic  # ")
    assert not any(form in str(found.explained) for form in forms(SECRET))
    assert SECRET in found.proposal.after


# ---- the file


def made_for(path, change):
    profile = load(path)
    return proposal(profile, change, change.text(profile), str)


@pytest.mark.parametrize("line_break", [b"\n", b"\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_the_bytes_around_the_change_stay(tmp_path, mark, line_break):
    """A byte order mark, the line ends and the mode of the file are what they were."""
    path = yaml_of(tmp_path, "auth: {type: api_key}   # é\n", "https://api.example.com")
    before = mark + path.read_bytes().replace(b"\n", line_break)
    path.write_bytes(before)
    path.chmod(0o640)

    apply_to_file(made_for(path, put(("auth", "fields"), [{"in": "query", "key": "k", "value": "{{ inputs.api_key }}"}])))

    assert path.read_bytes() == before.replace(b"api_key}", b"api_key, fields: [{in: query, key: k, value: '{{ inputs.api_key }}'}]}", 1)
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_file_that_changed_meanwhile_is_left_alone(tmp_path):
    """Somebody saved it since it was read: nothing is written."""
    path = yaml_of(tmp_path, "auth: {type: api_key}\n", "https://api.example.com")
    made = made_for(path, put(("version",), "1.0.1"))
    path.write_text(path.read_text() + "# new\n")
    saved = path.read_bytes()

    with pytest.raises(UsageError, match="has changed since it was read"):
        apply_to_file(made)

    assert path.read_bytes() == saved
    path.unlink()
    with pytest.raises(UsageError, match="no such file"):
        apply_to_file(made)


def test_a_shipped_profile_is_not_changed():
    """It is everybody's: what to write instead is said."""
    path = sorted(profiles_folder().glob("*.yaml"))[0]
    made = made_for(path, put(("version",), "9.9.9"))
    before = path.read_bytes()

    with pytest.raises(UsageError, match=f"extends: {path.stem}"):
        apply_to_file(made, by_name=True)

    assert path.read_bytes() == before


def test_a_changed_text_is_bound_like_a_file(tmp_path):
    """The profile that is tried is what the file would be: the same source, parents from beside it, and no profile if it is not valid."""
    from authweave.errors import ProfileError

    path = yaml_of(tmp_path, "auth: {type: api_key}\n", "https://api.example.com")
    with engine_of() as engine:
        profile = engine.profile(path)
        changed = changed_profile(engine, profile, Put(("version",), "2.0.0").text(profile.merged.document.text, json=False))
        with pytest.raises(ProfileError):
            changed_profile(engine, profile, Put(("version",), 2).text(profile.merged.document.text, json=False))

    assert ("2.0.0", str(path)) == (changed.version, changed.merged.document.source)

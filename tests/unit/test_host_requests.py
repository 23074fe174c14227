"""The door for requests: over real sockets, with the redirects, the retries and the bodies that sessions have."""

from __future__ import annotations

import contextlib
import copy
import gzip
import hashlib
import hmac
import io
import json
import logging
import pickle
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from authweave.errors import (
    InputError,
    NeedsClient,
    OriginRefused,
    PlacementError,
    ProfileError,
    SigningError,
    TokenEndpointError,
    TokenError,
    UsageError,
)
from authweave.hosts.named import Named
from authweave.hosts.prepared_requests import take_out, task_of, write
from authweave.hosts.requests import ProfileAuth, judgement_of, sent_for
from authweave.hosts.telling import failure
from authweave.shared_engine import share_engine
from certificates import Authority
from services import Api, Identity, Reply, between, connect, engine, oauth, profile, says, serving, talks, until
from sockets import Server, free_port, hang_after_headers, tls_server
from thorough import every

KEY = "k3y-planted-4711"
EVERYWHERE = (("header", "X-Key"), ("header", "Authorization"), ("query", "key"), ("cookie", "k"))


def session(auth=None):
    """A session that sees nothing of this machine's environment."""
    made = requests.Session()
    made.trust_env = False
    made.auth = auth
    return made


def keyed(api, *places, **more):
    """The auth of an API key in these places, for this API."""
    fields = [{"in": place, "key": key, "value": "{{ inputs.api_key }}"} for place, key in places]
    return ProfileAuth(connect({"type": "api_key", "fields": fields}, api, run=engine(inputs={"api_key": KEY}), **more))


def shown(asked):
    return f"{asked.target} {asked.headers} {asked.body!r}"


class Leads(Api):
    """An API whose paths lead elsewhere: path → status and place."""

    def __init__(self, **places):
        super().__init__()
        self.places = places

    def __call__(self, request):
        answer = super().__call__(request)
        status, to = self.places.get(request.target.partition("?")[0].strip("/"), (0, ""))
        return Reply(status, b"", (("Location", to),)) if to and answer is self.good else answer


def test_one_header_of_several_is_taken_out_again():
    """A placement of a stranger's adds a second field of a name, which requests can only send as one: it goes as it came."""
    request = requests.Request("GET", "https://api.example/x", headers={"X-Sig": "own", "X-Own": "1"}).prepare()
    plain = task_of(request)
    sent = replace(plain, headers=(*plain.headers, ("X-Sig", KEY), ("X-Sig", "more")))
    write(request, plain, sent)
    assert f"own, {KEY}, more" == request.headers["X-Sig"]
    take_out(request, plain, sent)

    assert ("own", "1") == (request.headers["X-Sig"], request.headers["X-Own"])


@pytest.fixture
def pair():
    """A token endpoint, an API, and the auth of one for the other."""
    with between(Identity(), Api()) as (identity, api):
        yield identity, api, ProfileAuth(connect(oauth(identity), api))


@pytest.fixture
def only_second(pair):
    """The same, where the first token is refused."""
    pair[1].accepts = lambda token: token == "T2"
    return pair


class TestRenewal:
    def test_a_refused_token_is_renewed_once_and_the_request_sent_again(self, only_second):
        """401: the token is renewed, the body comes again in full, the first answer is in the history as it was."""
        _, api, auth = only_second
        response = session().post(f"{api.url}/x", json={"n": 1}, auth=auth)

        assert 200 == response.status_code
        assert ["T1", "T2"] == api.tokens
        assert [b'{"n": 1}'] * 2 == [request.body for request in api.asked]
        assert [(401, "Bearer T1")] == [(before.status_code, before.request.headers["Authorization"]) for before in response.history]
        assert b"invalid_token" in response.history[0].content
        assert "Bearer T2" == response.request.headers["Authorization"]
        assert "accepted" == judgement_of(response).verdict == response.authweave.verdict
        assert response.elapsed.total_seconds() > 0

    def test_a_token_that_is_refused_again_is_told_and_left(self, pair, caplog):
        """The second refusal comes back as it is; one warning says whose it was and what to do, and holds no token."""
        identity, api, auth = pair
        api.accepts = lambda token: False
        response = session().get(f"{api.url}/x", auth=auth)

        assert (401, "refused") == (response.status_code, judgement_of(response).verdict)
        assert (2, 2) == (api.count, identity.count)
        assert b"invalid_token" in response.content
        [told] = [record.getMessage() for record in caplog.records if record.name == "authweave.hosts"]
        assert "acme: the API does not accept the credential (401)" in told
        assert "authweave test acme" in told
        assert not {"T1", "T2"} & set(told.split())

    def test_a_forbidden_request_is_not_sent_again(self, pair):
        """403 with a scope: the token stays."""
        identity, api, auth = pair
        api.good = says({}, 403, ("WWW-Authenticate", 'Bearer error="insufficient_scope", scope="orders"'))
        response = session().get(f"{api.url}/x", auth=auth)

        assert "forbidden" == judgement_of(response).verdict
        assert "orders" in judgement_of(response).reason
        assert (1, 1) == (api.count, identity.count)

    def test_threads_share_one_token(self, only_second):
        """Many threads over one session and one auth: one token, one renewal."""
        identity, api, auth = only_second
        shared = session(auth)
        with ThreadPoolExecutor(8) as threads:
            statuses = set(threads.map(lambda number: shared.get(f"{api.url}/{number}").status_code, range(32)))

        assert {200} == statuses
        assert 2 == identity.count

    def test_a_prepared_request_can_be_sent_again_and_again(self, only_second):
        """It keeps the credential of its time; each sending renews what has been refused since, and no more."""
        identity, api, auth = only_second
        http = session(auth)
        prepared = http.prepare_request(requests.Request("GET", f"{api.url}/x"))

        assert [200, 200] == [http.send(prepared).status_code for _ in range(2)]
        assert ["T1", "T2", "T1", "T2"] == api.tokens
        assert 2 == identity.count

    def test_an_edited_profile_counts_from_the_next_request_on(self, tmp_path):
        """A profile by its name is looked up anew for each request, in the engine of the process."""
        place = tmp_path / "acme.json"
        with serving(Api()) as api:

            def write(header):
                fields = [{"in": "header", "key": header, "value": "{{ inputs.api_key }}"}]
                text = {"format": 1, "name": "acme", "identity_provider": "A", "servers": [api.url], "auth": {"type": "api_key", "fields": fields}}
                place.write_text(json.dumps(text))

            write("X-One")
            share_engine(engine(inputs={"api_key": KEY}, profiles=[tmp_path]))
            try:
                auth = pickle.loads(pickle.dumps(ProfileAuth("acme,tenant=blue")))
                session(auth).get(f"{api.url}/x")
                write("X-Another")
                until(lambda: session(auth).get(f"{api.url}/x").ok and api.asked[-1].values("x-another") == [KEY])
            finally:
                share_engine(None)

        assert [[KEY], []] == [asked.values("x-one") for asked in (api.asked[0], api.asked[-1])]


class TestPlaces:
    def test_what_is_placed_arrives_in_each_place(self):
        """Header, query, cookie, payload: as the profile says, with the true length."""
        with serving(Api()) as api:
            auth = keyed(api, ("header", "X-Key"), ("query", "key"), ("cookie", "k"), ("payload", "key"))
            session(auth).post(f"{api.url}/x?a=1", json={"n": 1}, cookies={"own": "1"})

        [asked] = api.asked
        assert f"/x?a=1&key={KEY}" == asked.target
        assert [KEY] == asked.values("x-key")
        assert [f"own=1; k={KEY}"] == asked.values("cookie")
        assert {"n": 1, "key": KEY} == json.loads(asked.body)
        assert [str(len(asked.body))] == asked.values("content-length")

    @every(
        "body",
        [{"data": {"a": "é"}}, {"data": "a=%C3%A9"}, {"data": b"a=%C3%A9"}, {"data": bytearray(b"a=%C3%A9")}, {"files": {"a": (None, "é")}}],
        ids=["form", "text", "bytes", "buffer", "files"],
    )
    def test_a_payload_of_each_kind(self, body):
        """Forms as a map, a text and bytes, and a form of files."""
        headers = {} if "files" in body else {"Content-Type": "application/x-www-form-urlencoded"}
        with serving(Api()) as api:
            session(keyed(api, ("payload", "key"))).post(f"{api.url}/x", headers=headers, **body)

        [asked] = api.asked
        assert KEY.encode() in asked.body
        assert "é" in asked.body.decode() if "files" in body else b"%C3%A9" in asked.body
        assert asked.is_whole

    def test_a_text_beyond_latin_1_is_sent_as_it_was_measured(self, pair):
        """A body given as text goes as UTF-8, in full."""
        _, api, auth = pair
        session(auth).post(f"{api.url}/x", data="Zürich → 日本")

        assert ["Zürich → 日本".encode()] == [asked.body for asked in api.asked]

    def test_a_request_without_a_body_has_no_payload(self):
        """Refused before anything is sent."""
        with serving(Api()) as api, pytest.raises(PlacementError, match="GET without a body"):
            session(keyed(api, ("payload", "key"))).get(f"{api.url}/x")

        assert 0 == api.count

    def test_a_path_is_filled_where_the_template_says(self):
        """`auth.at(…)` is the path of one request; its query stays, and a brace in the URL itself is only a brace."""
        with serving(Api()) as api:
            auth = keyed(f"{api.url}/bot{{key}}", ("path", "key"))
            session().get(f"{api.url}/ignored?a=1#f", auth=auth.at("/bot{key}/getMe"))
            with pytest.raises(PlacementError, match="URL template"):
                session().get(f"{api.url}/bot{{key}}/getMe", auth=auth)

        assert [f"/bot{KEY}/getMe?a=1"] == [asked.target for asked in api.asked]

    @pytest.mark.parametrize("path", ["bot{key}", "/x?{key}", "/x#{key}"])
    def test_a_template_is_a_path_alone(self, path):
        """Anything else is refused where it is written."""
        with pytest.raises(UsageError, match="the path alone"):
            ProfileAuth("acme", path=path)

    def test_another_origin_is_refused_before_anything_is_sent(self, pair):
        """Also a port more or a scheme less; no token is asked for in vain."""
        identity, _, auth = pair
        for url in (f"http://127.0.0.1:{free_port()}/x", "https://127.0.0.1/x", "http://api.acme.example/"):
            with pytest.raises((OriginRefused, InputError)):
                session().get(url, auth=auth)

        assert 0 == identity.count

    def test_below_an_error_stands_the_command_that_says_why(self):
        """Whoever sees the traceback, in whatever platform, is told whose credential it was and what to type, once."""
        with serving(Identity(script=[says({"error": "invalid_client"}, 401)])) as identity, serving(Api()) as api:
            auth = ProfileAuth(connect(oauth(identity), api, tenant="blue"))
            with pytest.raises(TokenEndpointError) as caught:
                session(auth).get(f"{api.url}/x")

        assert ["acme,tenant=blue. To see why: authweave test acme --tenant blue"] == caught.value.__notes__
        assert 0 == api.count

    def test_headers_as_bytes_are_left_as_they_are(self, pair):
        """HTTPie gives bytes: those that the profile does not touch arrive byte for byte."""
        _, api, auth = pair
        session().get(f"{api.url}/x", headers={"X-Own": b"\xe9", "Authorization": b"mine"}, auth=auth)

        assert ["é"] == api.asked[0].values("x-own")
        assert ["Bearer T1"] == api.asked[0].values("authorization")

    def test_a_profile_for_our_client_alone_is_refused(self):
        """`tls` cannot be kept by requests: NeedsClient, before anything is sent."""
        with serving(Identity()) as identity:
            connection = engine().connect(profile(oauth(identity), "https://api.acme.example", tls={"ca": "{{ inputs.ca }}"}, inputs={"ca": {"type": "pem"}}))
            with pytest.raises(NeedsClient):
                session().get("https://api.acme.example/x", auth=ProfileAuth(connection))

        assert 0 == identity.count


class TestRedirects:
    @every("method", ["GET", "POST"])
    @every("status", [301, 302, 303, 307, 308])
    def test_nothing_goes_to_another_origin(self, status, method):
        """Every status: what the caller wrote goes on, what was placed does not, also where the server repeats it in the address."""
        with serving(Api()) as other, serving(Leads()) as home:
            home.places["x"] = (status, f"{other.url}/landed?key={KEY}&b=1#f")
            body = {"json": {"n": 1}} if method == "POST" else {}
            response = session(keyed(home, *EVERYWHERE)).request(method, f"{home.url}/x?a=1", headers={"X-Own": "stays"}, **body)

        [asked] = other.asked
        assert KEY not in shown(asked)
        assert "/landed?b=1" == asked.target
        assert ["stays"] == asked.values("x-own")
        assert ("inconclusive", 200) == (judgement_of(response).verdict, response.status_code)
        assert sent_for(response) is None
        first = response.history[0].request
        assert (KEY, KEY, f"a=1&key={KEY}") == (first.headers["X-Key"], first.headers["Authorization"], urlsplit(first.url).query)

    @pytest.mark.parametrize("status", [307, 308])
    def test_a_payload_is_not_taken_to_another_origin(self, status):
        """307 and 308 would carry the body: refused when it is followed, and only then."""
        with serving(Api()) as other, serving(Leads()) as home:
            home.places["x"] = (status, f"{other.url}/landed")
            http = session(keyed(home, ("payload", "key")))
            left = http.post(f"{home.url}/x", json={}, allow_redirects=False)
            with pytest.raises(OriginRefused, match="not followed"):
                http.post(f"{home.url}/x", json={})
            with pytest.raises(OriginRefused):
                http.send(left.next)

        assert status == left.status_code
        assert 0 == other.count
        assert b"{}" == left.next.body

    def test_a_path_is_not_taken_to_another_origin(self):
        """A redirect that repeats what was filled into the path is not followed; one that does not is."""
        with serving(Api()) as other, serving(Leads()) as home:
            auth = keyed(f"{home.url}/{{key}}", ("path", "key"))
            home.places[f"{KEY}/x"] = (302, f"{other.url}/{KEY.replace('-', '%2D')}/x")
            home.places[f"{KEY}/y"] = (302, f"{other.url}/y")
            with pytest.raises(OriginRefused, match="into the path"):
                session().get(f"{home.url}/", auth=auth.at("/{key}/x"))
            session().get(f"{home.url}/", auth=auth.at("/{key}/y"))

        assert ["/y"] == [asked.target for asked in other.asked]

    def test_a_payload_stays_behind_where_the_method_changes(self):
        """302 makes a GET of it, without the body."""
        with serving(Api()) as other, serving(Leads()) as home:
            home.places["x"] = (302, f"{other.url}/landed")
            session(keyed(home, ("payload", "key"))).post(f"{home.url}/x", json={})

        assert KEY not in shown(other.asked[0])

    def test_on_the_same_origin_each_hop_is_authorized_anew(self):
        """The query, which a redirect loses, is placed again, once; the history shows what was sent."""
        with serving(Leads(x=(302, "/y"), y=(307, f"/z?key={KEY}&b=2"))) as home:
            response = session(keyed(home, *EVERYWHERE)).get(f"{home.url}/x?a=1")

        assert [f"/x?a=1&key={KEY}", f"/y?key={KEY}", f"/z?b=2&key={KEY}"] == [asked.target for asked in home.asked]
        assert [[KEY]] * 3 == [asked.values("x-key") for asked in home.asked]
        assert [[f"k={KEY}"]] * 3 == [asked.values("cookie") for asked in home.asked]
        assert [asked.target for asked in home.asked] == [hop.request.path_url for hop in (*response.history, response)]
        assert "accepted" == judgement_of(response).verdict

    def test_a_signature_is_made_for_each_hop(self):
        """What is signed for one path is worth nothing at another: every hop has its own signature, also with a body that goes on."""
        fields = [{"in": "header", "key": "X-Signature", "value": "{{ signature | hex }}"}]
        auth = {"type": "signature", "string_to_sign": "{{ request.method }} {{ request.path }} {{ request.body }}", "fields": fields}
        with serving(Leads(x=(308, "/y"), y=(303, "/z"))) as home:
            connection = connect(auth, home, run=engine(inputs={"signing_key": KEY}))
            session(ProfileAuth(connection)).post(f"{home.url}/x", data=b"body")

        made = [hmac.new(KEY.encode(), f"{asked.method} {asked.target} {asked.body.decode()}".encode(), hashlib.sha256).hexdigest() for asked in home.asked]
        assert ["POST", "POST", "GET"] == [asked.method for asked in home.asked]
        assert [[one] for one in made] == [asked.values("x-signature") for asked in home.asked]

    def test_a_token_that_dies_on_the_way_is_renewed_there(self, pair):
        """The hop is refused, renewed, and sent again."""
        identity, _, _ = pair
        with serving(Leads(x=(302, "/y"))) as home:
            good = iter([True, False, True])
            home.accepts = lambda token: next(good)
            response = session(ProfileAuth(connect(oauth(identity), home))).get(f"{home.url}/x")

        assert ["T1", "T1", "T2"] == home.tokens
        assert (200, "accepted") == (response.status_code, judgement_of(response).verdict)

    def test_a_refused_request_that_is_led_on_when_it_is_sent_again(self, pair):
        """The redirect comes to the second try: the next hop carries the new token."""
        identity, _, _ = pair
        with serving(Leads(x=(302, "/y"))) as home:
            home.accepts = lambda token: token == "T2"
            session(ProfileAuth(connect(oauth(identity), home))).get(f"{home.url}/x")

        assert [("/x", "T1"), ("/x", "T2"), ("/y", "T2")] == [(asked.target, asked.bearer) for asked in home.asked]

    def test_who_has_been_elsewhere_comes_back_without(self):
        """A → B → A: another origin chose the address, so nothing is placed any more."""
        with serving(Leads()) as home, serving(Leads()) as other:
            home.places["x"], other.places["y"] = (302, f"{other.url}/y"), (302, f"{home.url}/z")
            response = session(keyed(home, *EVERYWHERE)).get(f"{home.url}/x")

        assert KEY in shown(home.asked[0])
        assert KEY not in shown(home.asked[1])
        assert KEY not in shown(other.asked[0])
        assert "inconclusive" == judgement_of(response).verdict

    def test_a_scheme_less_is_another_origin(self, tmp_path):
        """https → http on the same host: nothing goes along in the clear."""
        authority = Authority()
        (tmp_path / "ca.pem").write_text(authority.pem)
        home = Leads()
        with serving(Api()) as plain, tls_server(talks(home), authority, "127.0.0.1") as server:
            home.places["x"] = (302, f"{plain.url}/landed")
            http = session(keyed(server.url.rstrip("/"), *EVERYWHERE))
            response = http.get(f"{server.url}x", verify=str(tmp_path / "ca.pem"))

        assert KEY in shown(home.asked[0])
        assert KEY not in shown(plain.asked[0])
        assert "inconclusive" == judgement_of(response).verdict

    def test_netrc_neither_replaces_nor_joins_the_credential(self, tmp_path, monkeypatch, pair):
        """A session that trusts its environment: the profile's Authorization goes to home on every hop; netrc is for others."""
        (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\nmachine localhost login me password secret\n")
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        identity, _, _ = pair
        with serving(Api()) as other, serving(Leads(x=(302, "/y"), y=(302, f"{other.url.replace('127.0.0.1', 'localhost')}/z"))) as home:
            http = session(ProfileAuth(connect(oauth(identity), home)))
            http.trust_env, http.proxies = True, {"no_proxy": "*"}
            http.get(f"{home.url}/x")

        assert ["Bearer T1"] * 2 == [value for asked in home.asked for value in asked.values("authorization")]
        assert ["Basic"] == [value.partition(" ")[0] for value in other.asked[0].values("authorization")]

    def test_no_token_for_the_next_hop_is_an_error_where_it_is_sent(self, pair):
        """A redirect that cannot be authorized raises when it is followed; who does not follow has the answer."""
        identity, _, _ = pair
        identity.expires_in = 1
        with serving(Leads(x=(302, "/y"))) as home:
            run = engine(clock=(clock := _Ahead()))
            auth = ProfileAuth(connect(oauth(identity), home, run=run))
            session(auth).get(f"{home.url}/x", allow_redirects=False)
            identity.script = [says({"error": "invalid_client"}, 401)] * 9
            home.accepts = lambda token: clock.go() or True
            left = session(auth).get(f"{home.url}/x", allow_redirects=False)
            clock.ahead = 0.0
            with pytest.raises(TokenError):
                session(auth).get(f"{home.url}/x")

        assert 302 == left.status_code
        assert {"/x"} == {asked.target for asked in home.asked}


class _Ahead:
    """A clock that can be put forward."""

    def __init__(self):
        self.ahead = 0.0

    def __call__(self):
        return time.time() + self.ahead

    def go(self):
        self.ahead = 10_000.0


class TestBodies:
    def test_a_file_comes_again_from_where_it_began(self, only_second):
        """A file of which some was read before: the same part goes twice."""
        _, api, auth = only_second
        body = io.BytesIO(b"skipped-and-sent")
        body.seek(8)
        session(auth).post(f"{api.url}/x", data=body)

        assert [b"and-sent"] * 2 == [asked.body for asked in api.asked]

    @pytest.mark.parametrize("kind", ["generator", "pipe"])
    def test_what_cannot_come_again_is_not_sent_again(self, only_second, kind):
        """The refusal stands and says why; the token is renewed for the next request."""
        identity, api, auth = only_second
        data = (piece for piece in (b"one", b"two")) if kind == "generator" else _Pipe(b"onetwo")
        response = session(auth).post(f"{api.url}/x", data=data)

        assert (401, [b"onetwo"]) == (response.status_code, [asked.body for asked in api.asked])
        assert "a streamed body cannot be sent twice" in judgement_of(response).reason
        assert 200 == session(auth).post(f"{api.url}/x", data=b"again").status_code
        assert 2 == identity.count

    def test_what_must_be_read_to_be_signed_is_not_streamed(self):
        """A signature over the body, and a payload field, want the body at hand; nothing is sent."""
        auth = {"type": "signature", "string_to_sign": "{{ request.body }}", "fields": [{"in": "header", "key": "X-S", "value": "{{ signature | hex }}"}]}
        with serving(Api()) as api:
            signed = ProfileAuth(connect(auth, api, run=engine(inputs={"signing_key": KEY})))
            with pytest.raises(SigningError, match="streamed"):
                session(signed).post(f"{api.url}/x", data=io.BytesIO(b"x"))
            with pytest.raises(PlacementError, match="streamed"):
                session(keyed(api, ("payload", "k"))).post(f"{api.url}/x", data=io.BytesIO(b"x"))

        assert 0 == api.count

    def test_a_download_is_left_to_its_reader(self, only_second):
        """stream=True: the refusal is put aside without being read to its end, the good answer arrives piece by piece."""
        _, api, auth = only_second
        api.refusal = Reply(401, chunks=(b"no", 0.0, b"x" * 200_000, *[0.01, b"y"] * 3))
        api.good = Reply(200, chunks=(b"a" * 10, b"b" * 10))
        with session(auth).get(f"{api.url}/x", stream=True) as response:
            assert not response._content_consumed
            assert b"a" * 10 + b"b" * 10 == b"".join(response.iter_content(7))

    @every("is_compressed", [False, True], ids=["plain", "gzip"])
    @every("how", ["content", "raw", "lines"])
    def test_a_rule_reads_a_body_that_the_caller_reads_again(self, how, is_compressed):
        """A refusal that comes as 200: found in the body, and the good answer can still be read, as raw bytes, too."""
        bodies = iter([b'{"error": "expired"}', b'{"ok": 1}'])

        def answer(request):
            body = next(bodies)
            coding = (("Content-Encoding", "gzip"),) if is_compressed else ()
            return Reply(200, gzip.compress(body) if is_compressed else body, (("Content-Type", "application/json"), *coding))

        rules = [{"when": "{{ response.json.error == 'expired' }}"}]
        with serving(Identity()) as identity, Server(talks(answer)) as server:
            origin = server.url.rstrip("/")
            auth = ProfileAuth(connect(oauth(identity, rejected_when=rules), origin))
            with session(auth).get(f"{origin}/x", stream=True) as response:
                found = io.BytesIO()
                if how == "raw":
                    response.raw.decode_content = True
                    shutil.copyfileobj(response.raw, found)
                else:
                    found.write(response.content if how == "content" else b"".join(response.iter_lines()))

        assert b'{"ok": 1}' == found.getvalue()
        assert 2 == identity.count

    def test_an_endless_answer_is_not_read_by_a_rule(self, pair):
        """A body without a length is none that a rule may wait for."""
        identity, api, _ = pair
        api.good = Reply(200, chunks=(b"{", 5.0, b"}"))
        auth = ProfileAuth(connect(oauth(identity, rejected_when=[{"when": "{{ response.json.error == 'x' }}"}]), api))
        with session(auth).get(f"{api.url}/x", stream=True) as response:
            assert "accepted" == judgement_of(response).verdict


class _Pipe:
    """Something that can be read once, and knows no place in it."""

    def __init__(self, data):
        self._data = data

    def read(self, size=-1):
        data, self._data = self._data, b""
        return data

    def __iter__(self):
        yield self.read()


class TestSessions:
    def test_a_request_of_its_own_auth_leaves_the_session_s_alone(self, pair):
        """Per-request `auth=` wins over the session's, in both directions."""
        identity, api, auth = pair
        session(auth).get(f"{api.url}/x", auth=("me", "mine"))
        session(("me", "mine")).get(f"{api.url}/x", auth=auth)

        assert ["Basic", "Bearer"] == [asked.values("authorization")[0].partition(" ")[0] for asked in api.asked]
        assert 1 == identity.count

    def test_retries_of_urllib3_carry_the_credential(self, pair):
        """503 with a retry in the adapter, below the hook: the same request again, and one judgement."""
        _, api, auth = pair
        api.good = says({}, 503)
        http = session(auth)
        http.mount("http://", HTTPAdapter(max_retries=Retry(2, status_forcelist=[503], backoff_factor=0, raise_on_status=False)))
        response = http.get(f"{api.url}/x")

        assert ["T1"] * 3 == api.tokens
        assert "inconclusive" == judgement_of(response).verdict

    def test_a_proxy_gets_what_is_its_own(self, only_second):
        """Through a forward proxy: its credentials are the session's, the API's are the profile's, on the second try, too."""
        _, api, auth = only_second
        seen = []

        def forward(request):
            seen.append((request.target, request.values("proxy-authorization"), request.bearer))
            return api(request)

        with Server(talks(forward)) as proxy:
            http = session(auth)
            http.proxies = {"http": proxy.url.replace("//", "//user:word@")}
            response = http.get(f"{api.url}/x")

        assert 200 == response.status_code
        assert [(f"{api.url}/x", "T1"), (f"{api.url}/x", "T2")] == [(target, bearer) for target, _, bearer in seen]
        assert 2 == sum(len(values) for _, values, _ in seen)

    def test_an_adapter_that_adds_something_sees_the_second_try_too(self, only_second):
        """It is sent over the adapter that the first one was sent over."""
        _, api, auth = only_second

        class Adding(HTTPAdapter):
            def send(self, request, **options):
                request.headers["X-Adapter"] = "was here"
                return super().send(request, **options)

        http = session(auth)
        http.mount("http://", Adding())

        assert 200 == http.get(f"{api.url}/x").status_code
        assert [["was here"]] * 2 == [asked.values("x-adapter") for asked in api.asked]

    def test_an_adapter_that_hides_itself_gets_no_second_try(self, only_second):
        """The refusal stands as it is."""
        _, api, auth = only_second

        class Hidden(HTTPAdapter):
            def build_response(self, request, answer):
                response = super().build_response(request, answer)
                del response.connection
                return response

        http = session(auth)
        http.mount("http://", Hidden())

        assert 401 == http.get(f"{api.url}/x").status_code
        assert ["T1"] == api.tokens

    def test_hooks_of_the_caller_see_the_last_answer(self, only_second):
        """Once, whatever was sent before."""
        _, api, auth = only_second
        seen = []
        session(auth).get(f"{api.url}/x", hooks={"response": lambda response, **options: seen.append(response.status_code)})

        assert [200] == seen

    def test_cookies_of_a_refusal_are_kept(self, only_second):
        """As requests keeps those of every answer."""
        _, api, auth = only_second
        api.refusal = Reply(401, b"", (("Set-Cookie", "seen=1; Path=/"),))
        http = session(auth)
        http.get(f"{api.url}/x")

        assert {"seen": "1"} == http.cookies.get_dict()

    def test_a_challenge_is_answered(self):
        """Digest: the server asks, the answer is for the very request that was asked, and the next ones go unasked."""
        asks = 'Digest realm="r", nonce="{}", qop="auth", algorithm=SHA-256'

        def answer(request):
            given = request.values("authorization")
            return says({}) if given and f'uri="{request.target}"' in given[0] else says({}, 401, ("WWW-Authenticate", asks.format("n1")))

        api = Api()
        with Server(talks(lambda request: api.asked.append(request) or answer(request))) as server:
            origin = server.url.rstrip("/")
            http = session(ProfileAuth(connect({"type": "digest"}, origin, run=engine(inputs={"username": "ada", "password": KEY}))))
            responses = [http.post(f"{origin}/{path}", data=b"body") for path in ("a", "b?c=1")]

        assert [200, 200] == [response.status_code for response in responses]
        assert ["/a", "/a", "/b?c=1"] == [asked.target for asked in api.asked]
        assert [b"body"] * 3 == [asked.body for asked in api.asked]


class TestLeftBehind:
    def test_a_copy_that_is_sent_elsewhere_is_refused(self):
        """A prepared request whose URL was changed by hand does not take its credential there, copied or not."""
        with serving(Api()) as other, serving(Api()) as home:
            http = session(keyed(home, *EVERYWHERE))
            for copied in (lambda request: request, lambda request: request.copy(), copy.copy, copy.deepcopy):
                request = copied(http.prepare_request(requests.Request("GET", f"{home.url}/x")))
                request.url = f"{other.url}/x"
                with pytest.raises(OriginRefused, match="changed"):
                    http.send(request)

        assert 0 == other.count

    def test_a_body_that_is_sent_elsewhere_is_refused(self):
        """Where nothing but the body holds what was placed, too."""
        with serving(Api()) as other, serving(Api()) as home:
            http = session(keyed(home, ("payload", "key")))
            request = http.prepare_request(requests.Request("POST", f"{home.url}/x", json={"n": 1}))
            request.url = f"{other.url}/x"
            with pytest.raises(OriginRefused, match="changed"):
                http.send(request)

        assert 0 == other.count

    def test_a_challenge_of_somebody_else_is_not_answered(self):
        """Digest carries nothing before it is asked. A request whose URL was changed by hand is refused all the same, or a stranger would be
        the one who asks; and where an adapter of the caller's rewrites it, what that server asks is answered by nobody."""

        class Elsewhere(requests.adapters.HTTPAdapter):
            def send(self, request, **how):
                request.url = request.url.replace(home.url, other.url)
                return super().send(request, **how)

        asks = Reply(401, b"{}", (("WWW-Authenticate", 'Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256'),))
        with serving(Api(accepts=lambda token: False, refusal=asks)) as other, serving(Api()) as home:
            http = session(ProfileAuth(connect({"type": "digest"}, home, run=engine(inputs={"username": "ada", "password": KEY}))))
            request = http.prepare_request(requests.Request("GET", f"{home.url}/x"))
            request.url = f"{other.url}/x"
            with pytest.raises(OriginRefused, match="changed"):
                http.send(request)
            http.mount("http://", Elsewhere())
            response = http.get(f"{home.url}/x")

        assert "inconclusive" == judgement_of(response).verdict
        assert [[]] == [asked.values("authorization") for asked in other.asked]

    def test_what_is_pickled_holds_no_credential(self):
        """Answers go into caches and other processes: the request in them is the plain one."""
        with serving(Api()) as api:
            response = session(keyed(api, *EVERYWHERE, ("payload", "key"))).post(f"{api.url}/x?a=1", json={"n": 1}, headers={"Authorization": "mine"})
        kept = pickle.dumps(response)
        again = pickle.loads(kept)

        assert KEY.encode() not in kept
        assert KEY in response.request.url
        assert f"{api.url}/x?a=1" == response.url == again.url
        assert (f"{api.url}/x?a=1", b'{"n": 1}', "mine") == (again.request.url, again.request.body, again.request.headers["Authorization"])
        assert type(again.request) is requests.PreparedRequest
        assert {"response": []} == again.request.hooks

    def test_messages_and_logs_of_requests_are_without_it(self, caplog):
        """raise_for_status() and urllib3's log show the URL without what was placed into it."""
        caplog.set_level(logging.DEBUG)
        with serving(Api()) as api:
            api.good = says({}, 404)
            for auth in (keyed(api, ("query", "key")), keyed(f"{api.url}/{{key}}", ("path", "key")).at("/{key}/x")):
                response = session(auth).get(f"{api.url}/x?a=1")
                with pytest.raises(requests.HTTPError) as failed:
                    response.raise_for_status()
                assert KEY not in str(failed.value)
                assert KEY in response.request.url

        assert 2 == sum("HTTP/1.1" in record.getMessage() for record in caplog.records if record.name == "urllib3.connectionpool")
        assert KEY not in caplog.text

    def test_the_auth_can_be_copied_and_sent_to_another_process_by_name(self, pair):
        """Copies are itself; a name travels, a connection or an engine stays and says so."""
        auth = ProfileAuth(Named("acme-crm", "blue"), path="/{k}")
        again = pickle.loads(pickle.dumps(auth))

        assert auth is copy.copy(auth) is copy.deepcopy(auth)
        assert (auth.named, auth.path, repr(auth)) == (again.named, again.path, "ProfileAuth('acme-crm,tenant=blue')")
        for stays in (pair[2], ProfileAuth("acme", engine=engine())):
            with pytest.raises(UsageError, match="stays in its process"):
                pickle.dumps(stays)

    def test_errors_before_sending_are_our_own(self, tmp_path):
        """No such profile, a text that names none, no value for an input: typed, and nothing is sent."""
        with serving(Api()) as api:
            known = engine(inputs={}, profiles=[tmp_path])
            fields = [{"in": "header", "key": "X", "value": "{{ inputs.api_key }}"}]
            (tmp_path / "acme.json").write_text(json.dumps({"format": 1, "name": "acme", "identity_provider": "A", "servers": [api.url], "auth": {"type": "api_key", "fields": fields}}))
            for named, error in (("acme", InputError), ("acne", (UsageError, ProfileError))):
                with pytest.raises(error):
                    session(ProfileAuth(named, engine=known)).get(f"{api.url}/x")
        with pytest.raises(UsageError):
            ProfileAuth("acme,tennant=x")

        assert 0 == api.count

    def test_a_request_without_our_auth_has_no_judgement(self):
        """Nor is anything of it touched."""
        with serving(Api()) as api:
            response = session().get(f"{api.url}/x")

        assert judgement_of(response) is None
        assert type(response.request) is requests.PreparedRequest

    def test_kinds_of_requests_of_others_are_kept(self, pair):
        """A library with its own class of requests finds that class again, also in a pickle."""
        _, api, auth = pair
        request = Special()
        request.prepare("GET", f"{api.url}/x", auth=auth)
        with contextlib.closing(session()) as http:
            response = http.send(request)

        assert isinstance(response.request, Special)
        assert type(pickle.loads(pickle.dumps(response)).request) is Special
        assert ["T1"] == api.tokens


class Special(requests.PreparedRequest):
    """Another library's own."""


def test_a_session_in_many_threads_keeps_every_answer_with_its_request():
    """The state of a request lives in it alone: what one thread sends never shows in another's answer."""
    seen = {}
    with serving(Api()) as api:
        http, start = session(keyed(api, ("query", "key"))), threading.Barrier(6)

        def run(number):
            start.wait(10)
            seen[number] = [http.get(f"{api.url}/{number}-{turn}").request.path_url for turn in range(10)]

        threads = [threading.Thread(target=run, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)

    assert {number: [f"/{number}-{turn}?key={KEY}" for turn in range(10)] for number in range(6)} == seen


def test_a_message_of_several_lines_is_one_paragraph():
    """Logs and terminals of platforms show a line: what stood below each other stands behind each other."""
    said = failure(Named("acme"), UsageError("acme needs 2 inputs:\n  Client ID: nowhere\n  Client secret: nowhere"))

    assert "acme: acme needs 2 inputs: Client ID: nowhere; Client secret: nowhere. To see why: authweave test acme" == said


def test_an_answer_that_no_rule_reads_is_left_on_the_wire():
    """A body that is announced and never comes holds up nobody who streams: status and verdict are there at once."""
    with Server(hang_after_headers) as server:
        origin = server.url.rstrip("/")
        with session(keyed(origin, ("header", "X-Key"))).get(f"{origin}/x", stream=True, timeout=30) as response:
            assert (200, "accepted") == (response.status_code, judgement_of(response).verdict)
            assert not response._content_consumed

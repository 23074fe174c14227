"""The engine against the sandbox: the main job on real profiles, every fault, and nothing left behind."""

import contextlib
import json
import logging
import os
import stat
import threading
import time
from concurrent.futures import Future

import pytest

from authweave.engine import Engine
from authweave.errors import AuthweaveError, RateLimited, TokenAnswerError, TokenEndpointError, UsageError, WireError
from authweave.loading import files_in, load
from authweave.resources import profiles_folder
from authweave.sandbox import FAULTS, Person, Sandbox, for_test
from authweave.sandbox.handing_out import hand_out
from authweave.settings import Settings
from authweave.tokens.flights import outcome
from authweave.values import TaskRequest, TaskResponse
from authweave.wire import Call
from sandbox_client import API_URL, Stranger, oauth, profile
from thorough import few

SHIPPED = list(files_in(profiles_folder()))
ZOOM = """servers: ['https://api.example.com/v2']
auth: {type: oauth2, grant_type: account_credentials, token_url: 'https://idp.example.com/oauth/token', token_request: {fields: [{key: account_id, value: '{{ inputs.account }}'}]}}
inputs: {account: {}}
"""
MORE = {
    "vendor": ZOOM,
    "public": "servers: ['https://api.example.com']\nauth: {type: oauth2, grant_type: client_credentials, client_auth: none, token_url: 'https://idp.example.com/t'}\n",
    "get": "servers: ['https://api.example.com']\nauth: {type: oauth2, grant_type: client_credentials, client_auth: client_secret_post, token_request: {method: GET}, token_url: 'https://idp.example.com/t'}\n",
    "json": "servers: ['https://api.example.com']\nauth: {type: oauth2, grant_type: client_credentials, client_auth: client_secret_post, token_request: {encoding: json, rename: {client_id: clientKey}}, token_url: 'https://idp.example.com/t'}\n",
    "multipart": "servers: ['https://api.example.com']\nauth: {type: oauth2, grant_type: client_credentials, client_auth: client_secret_post, token_request: {encoding: multipart}, token_url: 'https://idp.example.com/t'}\n",
    "content": "servers: ['https://api.example.com']\nauth: {type: oauth2, grant_type: client_credentials, token_request: {encoding: xml, content: '<login id=\"{{ inputs.client_id }}\">{{ inputs.client_secret }}</login>'}, token_url: 'https://idp.example.com/t'}\n",
    "own header": "servers: ['https://api.example.com']\nauth: {type: oauth2, grant_type: client_credentials, client_auth: none, token_request: {omit: [client_id], fields: [{in: header, key: Authorization, value: 'Basic {{ basic(inputs.key, \"\") }}'}]}, token_url: 'https://idp.example.com/t'}\ninputs: {key: {secret: true}}\n",
    "raw": "servers: ['https://api.example.com']\nauth: {type: oauth2, grant_type: client_credentials, basic_encoding: raw, token_url: 'https://idp.example.com/t'}\n",
    "dpop": "servers: ['https://api.example.com']\nauth: {type: oauth2, grant_type: client_credentials, dpop: true, token_url: 'https://idp.example.com/t'}\n",
    "signature": "servers: ['https://api.example.com']\nauth: {type: signature, string_to_sign: '{{ now() }}{{ request.url }}{{ request.body }}', fields: [{in: query, key: sig, value: '{{ signature | base64url }}'}]}\n",
    "wsse": "servers: ['https://api.example.com']\ninputs: {user: {}, password: {secret: true}}\nvars: {nonce: '{{ random(16) | hex }}'}\nauth: {type: custom, fields: [{in: header, key: X-WSSE, value: 'User=\"{{ inputs.user }}\", Digest=\"{{ (vars.nonce ~ inputs.password) | sha1 | hex }}\", Nonce=\"{{ vars.nonce }}\"'}]}\n",
}  # fmt: skip


def send(connection, request):
    """A task request, finished by the engine and sent over its wire."""
    finished = connection.authorize(request).result(10)
    return connection.engine.wire.send(Call(finished.method, finished.url, finished.headers, finished.body), deadline=10)


def first_url(account):
    """Some URL on the account's first server."""
    server = account.servers[0].replace("*.", "sandbox.")
    return server.rstrip("/") + "/x"


def signed_in(engine, made, **how):
    """A connection for somebody; who has to sign in does so."""
    connection = engine.connect(made, subject="somebody" if made.subject == "user" else None, **how)
    if made.variants[0].tokens is not None and made.variants[0].tokens.signs_in:
        begun = connection.begin_authorization().result(10)
        connection.complete_authorization(Person(engine.wire)(begun)).result(10)
    return connection


@pytest.mark.parametrize("path", few(SHIPPED, every=6), ids=[path.stem for path in SHIPPED])
def test_every_shipped_profile_does_its_job(path):
    """Each gets its token over TLS and is accepted on a GET and on a POST, on its real hosts, with one token request."""
    shipped = load(path)
    with Sandbox([shipped]) as sandbox, sandbox.engine() as engine:
        connection = signed_in(engine, shipped, inputs=sandbox.inputs(shipped))
        url = first_url(sandbox.account(shipped))

        got = send(connection, TaskRequest("GET", url, path_template=True))
        posted = send(connection, TaskRequest("POST", url, (("Content-Type", "application/json"),), b"{}", path_template=True))

    assert (200, 200) == (got.status, posted.status)
    assert shipped.reference == json.loads(got.body)["profile"]
    assert {"token": 1 if shipped.variants[0].tokens else 0, "refresh": 0, "api": 2} == sandbox.counts


@pytest.mark.thorough
@pytest.mark.parametrize("text", MORE.values(), ids=MORE)
def test_ways_that_no_shipped_profile_takes(text):
    """Vendor grants, public clients, GET, JSON, multipart, written bodies, headers of one's own, raw Basic."""
    made = profile(text)
    with Sandbox([made]) as sandbox, sandbox.engine(attempts=1) as engine:
        reply = send(engine.connect(made), TaskRequest("GET", first_url(sandbox.account(made))))

    assert 200 == reply.status


def test_the_wrong_encoding_fails_as_it_does_in_real_life():
    """A profile that says raw, at a server that wants the encoded form, is `invalid_client`: its secret shows it."""
    encoded, raw = oauth(), oauth("basic_encoding: raw")
    with Sandbox([encoded]) as sandbox:
        mistaken = Engine(inputs=sandbox.inputs(encoded), wire=sandbox.wire(), settings=Settings(sources=()), attempts=1)
        with mistaken, pytest.raises(TokenEndpointError) as caught:
            mistaken.connect(raw).token().result(10)

    assert (401, "invalid_client") == (caught.value.status, caught.value.error)


def test_a_token_is_reused_and_an_early_end_is_mended():
    """Ten requests, one token; when it dies before its time the API's 401 leads to one more and to 200."""
    made = oauth()
    with Sandbox([made]) as sandbox, sandbox.engine() as engine:
        connection = engine.connect(made)
        for _ in range(10):
            assert 200 == send(connection, TaskRequest("GET", "/x")).status
        assert {"token": 1, "refresh": 0, "api": 10} == sandbox.counts

        sandbox.set_fault("early_expiry")
        request = TaskRequest("GET", f"{API_URL}/x")
        refused = send(connection, request)
        answer = TaskResponse(refused.status, refused.headers, refused.body)
        judgement = connection.handle_response(request, answer).result(10)
        again = judgement.request
        mended = engine.wire.send(Call(again.method, again.url, again.headers, again.body), deadline=10)

    assert 401 == refused.status
    assert "before its time" in json.loads(refused.body)["error_description"]
    assert (200, "send_again") == (mended.status, judgement.verdict)
    assert 2 == sandbox.counts["token"]


def applied(connection, request):
    """What a door of the engine does: send what the flow sends, wait for what it waits for. Answers the last status."""
    flow = connection.applying(request)
    asked, status = next(flow), 0
    with contextlib.suppress(StopIteration):
        while True:
            if isinstance(asked, Future):
                asked = flow.send(asked.result(10))
                continue
            sent = asked.request
            reply = connection.engine.wire.send(Call(sent.method, sent.url, sent.headers, sent.body), deadline=10)
            status = reply.status
            asked = flow.send(TaskResponse(reply.status, reply.headers, reply.body))
    return status


def test_refresh_goes_to_its_own_url():
    """With a refresh URL of its own, the second token comes from there, and with the rotated refresh token the third."""
    made = oauth("refresh_url: 'https://idp.example.com/oauth/refresh'")
    statuses = []
    with Sandbox([made]) as sandbox, sandbox.engine() as engine:
        connection = engine.connect(made)
        for _ in range(4):
            statuses.append(applied(connection, TaskRequest("GET", f"{API_URL}/x")))
            sandbox.end_tokens()

    assert [200] * 4 == statuses
    assert {"token": 1, "refresh": 3, "api": 7} == sandbox.counts


def outcome_of(made, fault):
    """What the engine ends with under a fault: an error, or the status of the API's answer."""
    with for_test(made, faults=[fault] if fault else [], attempts=1, settings=Settings(sources=(), deadline=1.5)) as (engine, inputs):
        connection = engine.connect(made, inputs=inputs)
        try:
            finished = connection.authorize(TaskRequest("GET", f"{API_URL}/x")).result(20)
            return engine.wire.send(Call(finished.method, finished.url, finished.headers), deadline=5)
        except AuthweaveError as error:
            return error


EXPECTED = {
    "429": (RateLimited, "rate_limited"),
    "500": (TokenEndpointError, "server_error"),
    "hang": (WireError, "read_timeout"),
    "html": (TokenAnswerError, "html_instead_of_json"),
    "wrong_secret": (TokenEndpointError, "invalid_client"),
    "invalid_scope": (TokenEndpointError, "invalid_scope"),
    "token_field_missing": (TokenAnswerError, "token_field_missing"),
    "redirect_to_login": (TokenAnswerError, "redirect_to_login"),
    "empty_body": (TokenAnswerError, "empty_or_partial_body"),
    "error_in_200": (TokenEndpointError, "E1017"),
    "api_401": 401,
    "api_403": 403,
    "api_500": 500,
    "early_expiry": 200,
}


@pytest.mark.thorough
@pytest.mark.parametrize("fault", EXPECTED)
def test_each_fault_is_what_it_says(fault):
    """The engine meets exactly the trouble that the table names."""
    outcome = outcome_of(oauth("scopes: [a]"), fault)

    if isinstance(EXPECTED[fault], int):
        assert EXPECTED[fault] == outcome.status
        return
    kind, code = EXPECTED[fault]
    assert isinstance(outcome, kind)
    assert code in (outcome.code, getattr(outcome, "error", None), getattr(outcome, "kind", None))


def test_nonces_are_wanted_once_by_each_server():
    """Two token requests and two of the API's for the first task, one for each that follows."""
    made = oauth("dpop: true")
    with Sandbox([made], faults=["dpop_nonce"]) as sandbox, sandbox.engine() as engine:
        connection = engine.connect(made, inputs=sandbox.inputs(made))
        verdicts = []
        for _ in range(2):
            flow, reply = connection.applying(TaskRequest("GET", f"{API_URL}/v1/me")), None
            try:
                while True:
                    asked = flow.send(reply)
                    reply = outcome(asked) if isinstance(asked, Future) else engine.exchange(asked.request, 10, ())
            except StopIteration as end:
                verdicts.append(end.value.verdict)

        assert (["accepted"] * 2, {"token": 2, "api": 3}) == (verdicts, {kind: sandbox.counts[kind] for kind in ("token", "api")})


def test_slow_is_slow_and_no_more():
    """The first call takes its seconds, and all is well."""
    start = time.monotonic()
    with for_test(oauth(), faults=["slow"]) as (engine, inputs):
        engine.connect(oauth(), inputs=inputs).token().result(20)

    assert 1.9 < time.monotonic() - start < 10


@pytest.mark.thorough
@pytest.mark.parametrize("fault", ["429", "500", "html", "wrong_secret", "redirect_to_login", "empty_body"])
def test_faults_of_the_first_call_strike_the_api_where_there_is_no_token_call(fault):
    """For a profile without tokens the first call is the API's own."""
    made = profile("servers: ['https://api.example.com']\nauth: {type: api_key}\ntest: {request: {url: /v1/me}}\n")
    good, bad = outcome_of(made, None), outcome_of(made, fault)

    assert 200 == good.status
    assert (bad.status, bad.body) != (good.status, good.body)


def test_faults_can_be_switched_while_it_runs():
    """One after the other, and none again."""
    made = oauth()
    with Sandbox([made], faults=["500"]) as sandbox, Stranger(sandbox) as stranger:
        statuses = [stranger.token({}).status_code]
        for fault in ("429", None):
            sandbox.set_fault(fault)
            statuses.append(stranger.token({}).status_code)

    assert [500, 429, 400] == statuses


def test_an_unknown_fault_is_refused_with_the_nearest():
    """A misspelt fault names the one that was meant."""
    with pytest.raises(UsageError, match="did you mean early_expiry"):
        Sandbox([], faults=["erly_expiry"])


def test_a_hanging_client_and_a_hanging_answer_end_with_the_sandbox():
    """Whoever is in the middle of a handshake or waits for an answer does not keep the sandbox from stopping."""
    import socket

    made = oauth()
    sandbox = Sandbox([made], faults=["hang"])
    with sandbox:
        silent = socket.create_connection(("127.0.0.1", sandbox.port))
        half = socket.create_connection(("127.0.0.1", sandbox.port))
        half.sendall(b"\x16\x03\x01")
        waiting = threading.Thread(target=lambda: outcome(sandbox), daemon=True)

        def outcome(sandbox):
            with Stranger(sandbox) as stranger, contextlib.suppress(Exception):
                stranger.token({})

        waiting.start()
        time.sleep(0.3)
        start = time.monotonic()
    assert time.monotonic() - start < 10
    waiting.join(5)
    assert not waiting.is_alive()
    silent.close()
    half.close()


@pytest.mark.thorough
def test_garbage_is_answered_or_dropped_and_nothing_is_printed(capfd):
    """Broken requests neither end the sandbox nor make it print."""
    import socket

    made = profile("servers: ['http://localhost:8000']\nauth: {type: bearer}\n")
    with Sandbox([made]) as sandbox:
        for garbage in (b"\r\n\r\n", b"\0" * 50, b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", b"GET / HTTP/9\r\n\r\n",
                        b"GET / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                        b"GET /%ff?%ff=%ff HTTP/1.1\r\nHost: localhost:8000\r\nCookie: ;;=\r\n\r\n", b"POST / HTTP/1.1\r\nHost: [::\r\n\r\n"):  # fmt: skip
            with socket.create_connection(("127.0.0.1", sandbox.port), timeout=5) as plain:
                plain.sendall(garbage)
                plain.shutdown(socket.SHUT_WR)
                with contextlib.suppress(OSError):
                    plain.recv(1000)
        reply = sandbox.wire().send(Call("GET", "http://localhost:8000/"), deadline=5)

    assert 401 == reply.status
    assert ("", "") == capfd.readouterr()


@pytest.mark.thorough
def test_many_at_once():
    """Sixty-four threads on one connection: one token request, and every request accepted."""
    from concurrent.futures import ThreadPoolExecutor

    made = oauth()
    with Sandbox([made]) as sandbox, sandbox.engine() as engine, ThreadPoolExecutor(64) as pool:
        connection = engine.connect(made)
        statuses = set(pool.map(lambda _: send(connection, TaskRequest("GET", "/x")).status, range(64)))

    assert {200} == statuses
    assert {"token": 1, "refresh": 0, "api": 64} == sandbox.counts


@pytest.mark.thorough
def test_no_secret_leaves_the_sandbox(caplog, capfd):
    """Known secrets, in whatever way they are sent, are in no answer, log line, repr or request line."""
    planted = {"client_id": "planted-id", "client_secret": "planted-S3CR3T+/%:", "api_key": "planted-K3Y-in-the-path"}
    token_way = oauth("client_auth: client_secret_post")
    path_way = profile("servers: ['https://key.example.com/bot{t}']\nauth: {type: api_key, fields: [{in: path, key: t, value: '{{ inputs.api_key }}'}]}\n", "path-way")
    seen, answers = [], []
    caplog.set_level(logging.DEBUG)
    with Sandbox([token_way, path_way], on_seen=seen.append) as sandbox, Stranger(sandbox) as stranger:
        first = sandbox.inputs(token_way, {name: planted[name] for name in ("client_id", "client_secret")})
        sandbox.inputs(path_way, {"api_key": planted["api_key"]})
        token = stranger.token({"grant_type": "client_credentials", **first}).json()["access_token"]
        answers += [
            stranger.token({"grant_type": "client_credentials", **first}, headers={"Authorization": f"Bearer {token}"}),
            stranger.token({"grant_type": planted["client_secret"], **first}),
            stranger.token({"grant_type": "client_credentials", "scope": planted["client_secret"], **first}),
            stranger.token({"grant_type": "client_credentials", "client_id": first["client_id"], "client_secret": "x"}),
            stranger.send("POST", f"https://idp.example.com/{token}", data=first),
            stranger.get(params={"t": token, "u": planted["client_secret"]}),
            stranger.get(headers={"Authorization": f"Bearer {token}"}),
            stranger.get(headers={"X": token, "Cookie": f"a={token}"}),
            stranger.send("POST", f"{API_URL}/{token}", json=planted),
            stranger.send("GET", f"https://key.example.com/bot{planted['api_key']}/getMe"),
            stranger.send("GET", f"https://key.example.com/nobot{planted['api_key']}/getMe"),
            stranger.send("GET", f"https://key.example.com/?q={planted['api_key']}"),
        ]
        for fault in (name for name, fault in FAULTS.items() if fault.strike is not None):
            if not {fault, *FAULTS[fault].also} & {"hang", "slow", "read_timeout", "connection_lost", "not_http"}:
                sandbox.set_fault(fault)
                answers.append(stranger.token({"grant_type": "client_credentials", **first}) if fault not in ("html", "html_instead_of_json") else stranger.get())
        told = "\n".join([
            *(f"{answer.status_code} {answer.headers} {answer.text}" for answer in answers if "access_token" not in answer.text),
            *map(repr, (seen, sandbox, sandbox.accounts, sandbox.routes)), *capfd.readouterr(),
            *(record.getMessage() for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))),
        ])  # fmt: skip

    assert len(answers) > 20
    for secret in (planted["client_secret"], planted["api_key"], token, "S3CR3T", "K3Y"):
        assert secret not in told
    assert 200 in {answer.status_code for answer in answers}


def test_nothing_is_left_on_disk(tmp_path, monkeypatch):
    """While it serves there is no file of its own, nor afterwards."""
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    made = oauth()
    with Sandbox([made]) as sandbox, sandbox.engine() as engine:
        engine.connect(made).token().result(10)
        assert [] == list(tmp_path.iterdir())
    assert [] == list(tmp_path.iterdir())


@pytest.mark.thorough
def test_another_process_needs_one_variable(tmp_path, monkeypatch):
    """What is handed out is enough for an engine that knows nothing of the sandbox, and only this user may read it."""
    shipped = [load(path) for path in SHIPPED]
    with Sandbox(shipped) as sandbox:
        variables = hand_out(sandbox, tmp_path)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AUTHWEAVE_NUANCE_MIX_RUNTIME_CLIENT_SECRET", "a real secret that must not go there")
        with Engine() as engine:
            for one in shipped:
                if one.variants[0].tokens is not None:
                    assert signed_in(engine, one).token().result(10) is not None
        files = [path for path in tmp_path.rglob("*") if path.is_file()]

    assert {"AUTHWEAVE_CONFIG"} == set(variables)
    assert len(files) > 6
    if os.name == "posix":
        assert {0o600} == {stat.S_IMODE(path.stat().st_mode) for path in files}


@pytest.mark.parametrize("theirs", [{}, {"AUTHWEAVE_STORE": "sqlite:///nowhere/else.db", "AUTHWEAVE_STORE_KEY": "/nowhere/key"}], ids=["none", "set"])
def test_tokens_of_the_sandbox_stay_in_its_folder(tmp_path, monkeypatch, theirs):
    """The store and its key are the folder's, also for somebody whose variables name others; profiles are found as before."""
    folder, profiles = tmp_path / "a folder", tmp_path / "profiles"
    folder.mkdir(mode=0o700)
    profiles.mkdir()
    (profiles / "mine.yaml").write_text("{format: 1, name: mine, identity_provider: Acme, servers: ['https://api.acme.example'], auth: {type: none}}")
    for name, value in theirs.items():
        monkeypatch.setenv(name, value)
    made = oauth()
    with Sandbox([made]) as sandbox:
        for name, value in hand_out(sandbox, folder, (profiles,), os.environ).items():
            monkeypatch.setenv(name, value)
        with Engine() as engine:
            assert engine.connect(made).token().result(10) is not None
            stored = list(engine.ledger.entries())
            found = engine.profile("mine")

    assert ([True], "mine") == ([record.token is not None for _, record in stored], found.name)
    assert (folder / "tokens.db").is_file()


def test_curl_gets_a_token(tmp_path):
    """The file for curl holds the whole token request, with the route and the authority."""
    import shutil
    import subprocess

    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    made = oauth("scopes: [a, b]")
    with Sandbox([made]) as sandbox:
        hand_out(sandbox, tmp_path)
        done = subprocess.run(["curl", "--config", str(tmp_path / "acme.curl")], capture_output=True, timeout=20, check=False)

    assert 0 == done.returncode, done.stderr
    assert "a b" == json.loads(done.stdout)["scope"]


def test_a_taken_port_is_said_in_a_sentence():
    """Two sandboxes on one port: the second says so."""
    with Sandbox([]) as sandbox, pytest.raises(UsageError, match=rf"127\.0\.0\.1:{sandbox.port}: .*in use"):
        Sandbox([], port=sandbox.port).start()


def test_it_says_that_it_proves_nothing():
    """The package's first lines say what the sandbox is, and what it is not."""
    import authweave.sandbox

    assert "never counts as proof" in authweave.sandbox.__doc__


def test_starting_twice_and_stopping_twice_is_harmless():
    """`start` and `stop` may be called again."""
    sandbox = Sandbox([oauth()])
    sandbox.start()
    port = sandbox.port
    sandbox.start()
    assert port == sandbox.port
    sandbox.stop()
    sandbox.stop()
    with pytest.raises(UsageError, match="not running"):
        _ = sandbox.port


def test_profiles_run_as_they_are(tmp_path):
    """The host that the API sees is the profile's own, and the file on disk is not touched."""
    before = {path: path.read_bytes() for path in SHIPPED}
    hosts = []
    with Sandbox([load(path) for path in SHIPPED], on_seen=lambda seen: hosts.append(seen.host)) as sandbox, sandbox.engine() as engine:
        engine.connect("nuance-mix-runtime").token().result(10)

    assert ["auth.crt.nuance.com"] == hosts
    assert before == {path: path.read_bytes() for path in SHIPPED}

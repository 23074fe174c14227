"""The life of an engine: threads, forks, event loops, copies, the end; and whose values it resolves."""

from __future__ import annotations

import asyncio
import base64
import copy
import functools
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authweave.engine import Engine
from authweave.errors import EngineClosed, InputError, UsageError
from authweave.hosts.named import Named
from authweave.loading import loads
from authweave.plugin import AuthweavePlugin
from authweave.settings import Settings
from authweave.shared_engine import share_engine
from authweave.sources.mapping import MappingSource
from authweave.values import Secret, TaskRequest
from documentation.markdown import page
from effort import examples
from forked import said_in_child, said_in_process, token_on
from services import Clock, Identity, connect, oauth, serving, until
from services import engine as engine_with
from thorough import every, few

TESTS = Path(__file__).parent.parent
QUIET = Settings.load({"sources": ()}, env={})
API = "https://api.acme.example"
NOWHERE = "http://127.0.0.1:9"
KEYED = f"""\
format: 1
name: keyed
identity_provider: Acme
servers: ['{API}']
inputs: {{plan: {{default: free}}}}
auth: {{type: api_key, fields: [{{in: header, key: X-Key, value: '{{{{ inputs.api_key }}}}'}}]}}
fields: [{{in: header, key: X-Plan, value: '{{{{ inputs.plan }}}}'}}]
"""
PROFILE = loads(KEYED)
ASKED = TaskRequest("GET", f"{API}/v1/me")


def keyed(inputs: Any, **whose: Any) -> Mapping[str, str]:
    """The headers of a request with these inputs."""
    with Engine(settings=QUIET, inputs=inputs) as engine:
        return dict(engine.connect(PROFILE, **whose).authorize(ASKED).result(10).headers)


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "authweave"]


# Whose values


def positional(profile: str, name: str, tenant: str, subject: str) -> str | None:
    return f"{tenant}/{subject}" if name == "api_key" else None


def defaulted(profile: str, name: str, tenant: str, subject: str = "nobody") -> str | None:
    return positional(profile, name, tenant, subject)


def keyword(profile: str, name: str, tenant: str, *, subject: str) -> str | None:
    return positional(profile, name, tenant, subject)


def other_name(profile: str, name: str, tenant: str, user: str, /) -> str | None:
    return positional(profile, name, tenant, user)


class Vault:
    def __call__(self, profile: str, name: str, tenant: str, subject: str) -> str | None:
        return positional(profile, name, tenant, subject)

    def read(self, profile: str, name: str, tenant: str, subject: str) -> str | None:
        return positional(profile, name, tenant, subject)


@functools.wraps(positional)
def decorated(*given: Any, **named: Any) -> Any:
    return positional(*given, **named)


@every("inputs", [positional, defaulted, keyword, other_name, Vault(), Vault().read, decorated, functools.partial(positional)])
def test_who_takes_the_user_is_given_the_user(inputs: Any) -> None:
    """By the name `subject`, or as a fourth argument that is needed; functions, methods, objects, and what is wrapped."""
    assert keyed(inputs, tenant="blue", subject="anna")["X-Key"] == "blue/anna"
    assert keyed(inputs, tenant="blue")["X-Key"] == "blue/"


def test_who_takes_three_is_given_three() -> None:
    """A default of the function's own, and `*args`, are not meant for the user."""
    table = {"api_key": "k3y"}

    def closed_over(profile: str, name: str, tenant: str, known: Mapping[str, str] = table) -> str | None:
        return known.get(name)

    asked: list[tuple[str, ...]] = []

    assert keyed(closed_over, subject="anna")["X-Key"] == "k3y"
    assert keyed(lambda *what: asked.append(what) or table.get(what[1]), subject="anna")["X-Key"] == "k3y"
    assert {len(what) for what in asked} == {3}
    assert keyed(table, subject="anna")["X-Key"] == "k3y"


@every(
    "inputs",
    [
        lambda: None, lambda name: None, lambda profile, name: None, lambda a, b, c, d, e: None, lambda profile, name, subject: None,
        lambda subject, profile, name, tenant: None, lambda profile, name, tenant, *, user: None, 7, "k3y", ["k3y"],
    ],
)  # fmt: skip
def test_anything_else_is_refused_at_once(inputs: Any) -> None:
    """When the engine is made: not with the first request, and not by handing a tenant to whoever wants a user."""
    with pytest.raises(UsageError, match=r"\(profile, input, tenant\) or \(profile, input, tenant, subject\)"):
        Engine(settings=QUIET, inputs=inputs)


@pytest.mark.filterwarnings("error")
def test_an_async_function_is_told_of() -> None:
    """An InputError that says to give a plain one; the coroutine is closed, so that nobody warns of it."""

    async def ask(profile: str, name: str, tenant: str) -> str:
        return "k3y"

    async def asking(profile: str, name: str, tenant: str, subject: str) -> str:
        return "k3y"

    class Later:
        def __await__(self) -> Any:
            yield

    for inputs in (ask, asking, lambda profile, name, tenant: Later()):
        with pytest.raises(InputError, match="give a plain function, not an async one"):
            keyed(inputs)


def test_a_source_may_stand_in_the_place_of_a_function() -> None:
    """So that a host says how long its answers hold: `max_age`."""
    answers = iter(["first", "second"])
    moment = [1_700_000_000.0]
    source = MappingSource(lambda profile, name, tenant, subject: next(answers) if name == "api_key" else None, max_age=60)
    with Engine(settings=QUIET, inputs=source, clock=lambda: moment[0]) as engine:
        connection = engine.connect(PROFILE, subject="anna")
        sent = []
        for seconds in (0, 30, 61):
            moment[0] = 1_700_000_000.0 + seconds
            sent.append(dict(connection.authorize(ASKED).result(10).headers)["X-Key"])

    assert sent == ["first", "first", "second"]


WHO = st.text("ab\0/", max_size=3)


@given(st.lists(st.tuples(WHO, WHO, st.booleans()), min_size=1, max_size=30))
@settings(max_examples=examples(200), deadline=None)
def test_nobody_gets_the_value_of_another(calls: list[tuple[str, str, bool]]) -> None:
    """Tenants and users in any order, new connections and old ones, from two threads at once: each request has its own key."""
    source = MappingSource(lambda profile, name, tenant, subject: Secret(mark(tenant, subject), "test") if name == "api_key" else None)
    with Engine(settings=QUIET, inputs=source) as engine:
        base = engine.connect(PROFILE)
        wrong: list[object] = []

        def run() -> None:
            for tenant, subject, from_base in calls:
                one = base.of_subject(subject) if from_base and not tenant else engine.connect(PROFILE, tenant=tenant, subject=subject)
                sent = dict(one.authorize(ASKED).result(10).headers)
                if sent["X-Key"] != mark(tenant, subject):
                    wrong.append((tenant, subject, sent))

        pair = [threading.Thread(target=run) for _ in range(2)]
        for thread in pair:
            thread.start()
        for thread in pair:
            thread.join()

    assert wrong == []


def mark(tenant: str, subject: str) -> str:
    return f"{base64.b16encode(tenant.encode()).decode()}-{base64.b16encode(subject.encode()).decode()}"


# Copies


def test_copies_are_the_same_and_pickles_are_refused() -> None:
    """Platforms copy their configuration, deep; what they hold stays one engine. Another process makes its own."""
    with Engine(settings=QUIET) as engine:
        connection = engine.connect(PROFILE)
        for thing in (engine, connection):
            assert copy.copy(thing) is thing
            assert copy.deepcopy({"auth": [thing]})["auth"][0] is thing
            for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
                with pytest.raises(TypeError, match="never pickled"):
                    pickle.dumps(thing, protocol)


def test_what_names_a_connection_can_be_sent() -> None:
    """A worker in another process gets the names, and connects there."""
    named = Named.of("acme-crm@1,tenant=blue,subject=anna")

    assert pickle.loads(pickle.dumps(named)) == named


# The end


@pytest.fixture
def identity() -> Iterator[Identity]:
    with serving(Identity()) as identity:
        yield identity


@pytest.fixture
def store(tmp_path: Path) -> dict[str, str]:
    key = tmp_path / "key"
    key.write_text(base64.b64encode(os.urandom(32)).decode())
    key.chmod(0o600)
    return {"store": f"sqlite://{tmp_path}/store/tokens.db", "store_key": str(key)}


def test_after_closing_nothing_begins(identity: Identity, store: dict[str, str]) -> None:
    """One plain typed error, before anything is sent: for a new connection, for one without a token, for a sign-in, through the hooks."""
    run = engine_with(settings=store)
    warm, cold = (connect(oauth(identity), NOWHERE, run=run, tenant=tenant) for tenant in ("warm", "cold"))
    assert warm.token().result(30).access_token.reveal() == "T1"
    profile = warm.profile

    run.close()
    run.close()

    asked = TaskRequest("GET", f"{NOWHERE}/x")
    for begin in (
        lambda: run.connect(profile), lambda: run.connect("nuance-mix-runtime"), lambda: cold.authorize(asked).result(10), lambda: cold.token().result(10),
        lambda: run.complete_authorization({"state": "x" * 60, "code": "c"}).result(10),
        lambda: AuthweavePlugin(run).authorize_request("nuance-mix-runtime", asked).result(10),
    ):  # fmt: skip
        with pytest.raises(EngineClosed, match="the engine was closed in this process"):
            begin()
    assert identity.count == 1
    assert threads() == []
    assert run.profile("nuance-mix-runtime").name == "nuance-mix-runtime"


def test_a_token_at_hand_is_used_after_closing(identity: Identity, store: dict[str, str]) -> None:
    """Requests that a platform still has in its queue when it ends are not lost for nothing; once it is refused, it is over."""
    run = engine_with(settings=store)
    connection = connect(oauth(identity), NOWHERE, run=run)
    connection.token().result(30)

    run.close()

    sent = connection.authorize(TaskRequest("GET", f"{NOWHERE}/x")).result(10)
    assert dict(sent.headers)["Authorization"] == "Bearer T1"
    assert identity.count == 1


def test_closing_waits_for_a_renewal_under_way(identity: Identity, store: dict[str, str]) -> None:
    """Its token is stored, its waiter gets it; who closes meanwhile, from wherever, waits for the same end."""
    identity.gate = threading.Event()
    run = engine_with(settings=store)
    pending = connect(oauth(identity), NOWHERE, run=run).token()
    until(lambda: identity.count == 1)
    closing = [threading.Thread(target=run.close) for _ in range(4)]
    for thread in closing:
        thread.start()
    assert not pending.done()

    identity.gate.set()
    for thread in closing:
        thread.join(30)

    assert not any(thread.is_alive() for thread in closing)
    assert pending.result(0).access_token.reveal() == "T1"
    assert threads() == []
    assert token_on(store["store"], store["store_key"], f"{identity.url}/token") == "T1"
    assert identity.count == 1


def test_an_observer_may_close(identity: Identity, store: dict[str, str]) -> None:
    """In the worker that tells it: it does not wait for itself."""
    closed: list[str] = []

    def on_event(event: Any) -> None:
        run.close()
        closed.append(event.kind)

    run = engine_with(settings=store, on_event=on_event)

    assert connect(oauth(identity), NOWHERE, run=run).token().result(30).access_token.reveal() == "T1"
    until(lambda: threads() == [])
    assert closed[:1] == ["acquired"]


def test_closing_in_a_loop_and_twice_in_a_with(identity: Identity) -> None:
    """`close` is plain and bounded; a `with` whose body closed is left in peace, and an error in the body passes."""

    async def work() -> str:
        with engine_with() as run:
            token = await connect(oauth(identity), NOWHERE, run=run).token()
            run.close()
        return str(token.access_token.reveal())

    assert asyncio.run(work()) == "T1"
    with pytest.raises(ZeroDivisionError), engine_with():
        raise ZeroDivisionError


SCRIPT = """
import sys, threading
sys.path.insert(0, sys.argv[1])
from forked import engine, connect, oauth
from services import until
url, store, key, how = sys.argv[2:]
run = engine(settings={"store": store, "store_key": key})
connection = connect(oauth(url), "http://127.0.0.1:9", run=run)
if how == "under way":
    pending = connection.token()
else:
    print(connection.token().result(30).access_token.reveal())
if how == "closed":
    run.close()
if how == "dropped":
    import gc
    del run, connection
    gc.collect()
"""


@pytest.mark.parametrize("how", few(["under way", "closed", "open", "dropped"], every=4))
def test_the_process_ends_in_peace(identity: Identity, store: dict[str, str], how: str) -> None:
    """Closed, forgotten, dropped, or with a renewal under way: no warning of something left open, no thread that speaks, and the token is stored."""
    identity.delay = 0.3
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", SCRIPT, str(TESTS), f"{identity.url}/token", store["store"], store["store_key"], how]
    environment = {**os.environ, "PYTHONPATH": str(TESTS.parent / "plugin")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == ("" if how == "under way" else "T1\n")
    assert token_on(store["store"], store["store_key"], f"{identity.url}/token") == "T1"
    assert identity.count == 1


# Processes


def test_an_engine_made_before_a_fork(identity: Identity, store: dict[str, str]) -> None:
    """gunicorn preloads, Celery forks its workers: each child has the token, gets its own when that is over, and closes by itself;
    the parent goes on."""
    clock = Clock()
    with engine_with(settings=store, clock=clock) as run:
        connection = connect(oauth(identity), NOWHERE, run=run)
        assert connection.token().result(30).access_token.reveal() == "T1"

        def in_child() -> str:
            mine = connection.token().result(30).access_token.reveal()
            other = connect(oauth(identity), NOWHERE, run=run, tenant="other").token().result(30).access_token.reveal()
            run.close()
            return f"{mine} {other}"

        said = [said_in_child(in_child) for _ in range(3)]
        clock.ahead = 601
        later = said_in_child(in_child)

        assert said == ["T1 T2"] * 3
        assert later == "T3 T4"
        assert connection.token().result(30).access_token.reveal() == "T3"
    assert identity.count == 4


def test_a_fork_while_threads_connect_and_read_profiles(tmp_path: Path) -> None:
    """Whoever held a lock in the parent holds none in the child."""
    (tmp_path / "keyed.yaml").write_text(KEYED)
    with Engine(tmp_path, inputs=positional) as run:
        run.profile_files._clocks = type(run.profile_files._clocks)(iter(range(1, 10**9)).__next__, lambda: 0.0)
        end = threading.Event()

        def work() -> None:
            while not end.is_set():
                run.connect("keyed", subject="anna")
                run.names()

        busy = [threading.Thread(target=work) for _ in range(3)]
        for thread in busy:
            thread.start()
        try:
            said = [said_in_child(lambda: dict(run.connect("keyed", tenant="t", subject="s").authorize(ASKED).result(10).headers)["X-Key"]) for _ in range(8)]
        finally:
            end.set()
            for thread in busy:
                thread.join()

    assert said == ["t/s"] * 8


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_processes_that_begin_anew(identity: Identity, store: dict[str, str], method: str) -> None:
    """Each makes an engine of its own; one store, one token."""
    assert token_on(store["store"], store["store_key"], f"{identity.url}/token") == "T1"

    assert said_in_process(method, token_on, store["store"], store["store_key"], f"{identity.url}/token") == "T1"
    assert identity.count == 1


# Loops


def test_many_loops_in_many_threads_and_some_that_end_midway(identity: Identity) -> None:
    """Four loops wait for one token; two are stopped and closed before it comes. The others get it, in one request."""
    identity.gate = threading.Event()
    got: list[str] = []
    with engine_with() as run:
        connection = connect(oauth(identity), NOWHERE, run=run)

        async def wait() -> None:
            tokens = await asyncio.gather(*(connection.token() for _ in range(10)))
            got.extend(token.access_token.reveal() for token in tokens)

        async def give_up() -> None:
            await asyncio.wait({asyncio.ensure_future(wait())}, timeout=0.01)

        loops: list[Callable[[], Any]] = [lambda: asyncio.run(wait())] * 2 + [lambda: asyncio.run(give_up())] * 2
        running = [threading.Thread(target=loop) for loop in loops]
        for thread in running:
            thread.start()
        for thread in running[2:]:
            thread.join(30)
        identity.gate.set()
        for thread in running:
            thread.join(30)
        assert asyncio.run(revealed(connection)) == "T1"

    assert got == ["T1"] * 20
    assert identity.count == 1
    assert threads() == []


async def revealed(connection: Any) -> str:
    return str((await connection.token()).access_token.reveal())


# The page


def test_the_page_for_platforms_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Every block of it, as it stands, in one program beside a folder of profiles."""
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "acme-crm.yaml").write_text(KEYED.replace("name: keyed", "name: acme-crm\nversion: 1.2.0"))
    (tmp_path / "profiles" / "broken.yaml").write_text("format: 1\n")
    monkeypatch.chdir(tmp_path)
    for name, value in (("PROFILES", "profiles"), ("STORE_KEY", "plaintext"), ("STORE", f"sqlite://{tmp_path}/tokens.db")):
        monkeypatch.setenv(f"AUTHWEAVE_{name}", value)
    program: dict[str, Any] = {"vault": {"blue/anna/acme-crm/api_key": "k3y"}}
    share_engine(None)
    try:
        for block in [block for block in page("docs/platforms.md").blocks if block.language == "python"]:
            exec(compile(block.text, str(block), "exec"), program)
            if "send" in program:
                step = {"profile": "acme-crm@1.2", "tenant": "blue", "user": "anna"}
                sent = program.pop("send")(step, ASKED)
                assert dict(sent.headers)["X-Key"] == "k3y"
            if "from_vault" in program:
                sent = program["engine"].connect("acme-crm", tenant="blue", subject="anna").authorize(ASKED).result(10)
                assert dict(sent.headers)["X-Key"] == program.pop("from_vault")("acme-crm", "api_key", "blue", "anna")
    finally:
        share_engine(None)

    assert program["connection"].profile.reference == "acme-crm@1.2.0"
    assert "the engine was closed" in capsys.readouterr().out

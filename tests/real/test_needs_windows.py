"""NTLM at pyspnego's acceptor, which authenticates connections; Kerberos at Apache's mod_auth_gssapi with MIT's KDC."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from authweave.cli.request import sent
from authweave.errors import NeedsClient, UsageError
from authweave.probe import test_profile
from authweave.values import TaskRequest
from parts.identity import USERNAME
from parts.kerberos import Kerberos
from parts.not_run import missing
from parts.verifiers import DOMAIN, NTLM_PASSWORD, NtlmServer
from services import engine, profile

RIGHT = {"username": f"{DOMAIN}\\{USERNAME}", "password": NTLM_PASSWORD}
WRONG = {**RIGHT, "password": "wrong"}


def connection(origin: str, given: dict[str, str] = RIGHT, auth: str = "ntlm", **more: Any) -> Any:
    return engine(inputs={}).connect(profile({"type": auth}, origin, **more), inputs={} if auth == "none" else given)


def test_ntlm_opens_on_one_connection(ntlm_server: NtlmServer) -> None:
    """The user is known after two requests over one connection; with another password, as another user, or without it, nobody is."""
    with connection(ntlm_server.origin).client() as http:
        good = [http.get(ntlm_server.ntlm_url), http.post(ntlm_server.ntlm_url, content=b"x" * 1000), http.get(ntlm_server.ntlm_url)]
    others = []
    for given, auth in ((WRONG, "ntlm"), ({**RIGHT, "username": f"{DOMAIN}\\nobody"}, "ntlm"), (RIGHT, "basic"), ({}, "none")):
        with connection(ntlm_server.origin, given, auth).client() as http:
            others.append(http.get(ntlm_server.ntlm_url).status_code)

    assert [(answer.status_code, f"{DOMAIN}\\{USERNAME}" in answer.text) for answer in good] == [(200, True)] * 3
    assert others == [401, 401, 401, 401]


def test_many_at_once_each_have_their_connection(ntlm_server: NtlmServer) -> None:
    """Threads and tasks share the client; no proof ever goes over another one's connection, and few connections are made."""
    it = connection(ntlm_server.origin)
    with it.client() as http, ThreadPoolExecutor(8) as pool:
        threads = list(pool.map(lambda _: http.get(ntlm_server.ntlm_url).status_code, range(40)))
        idle = len(http._transport.connections._idle)

    async def tasks() -> list[int]:
        async with it.async_client() as http:
            return [answer.status_code for answer in await asyncio.gather(*(http.get(ntlm_server.ntlm_url) for _ in range(20)))]

    assert [200] * 40 == threads
    assert [200] * 20 == asyncio.run(tasks())
    assert idle <= 8


def test_a_streamed_answer_keeps_its_connection(ntlm_server: NtlmServer) -> None:
    """While somebody reads, the connection is theirs; another request has another one."""
    with connection(ntlm_server.origin).client() as http, http.stream("GET", ntlm_server.ntlm_url) as first:
        second = http.get(ntlm_server.ntlm_url)
        first.read()

    assert (first.status_code, second.status_code) == (200, 200)


@pytest.mark.parametrize("door", [
    lambda it: it.auth, lambda it: it.authorize(TaskRequest("GET", "/x")), lambda it: it.headers_for("http://127.0.0.1/x"),
], ids=["auth", "authorize", "headers_for"])  # fmt: skip
def test_doors_that_do_not_hold_the_connection_say_so(ntlm_server: NtlmServer, door: Any) -> None:
    """NeedsClient, with the reason."""
    with pytest.raises(NeedsClient, match="one connection"):
        door(connection(ntlm_server.origin))


def test_a_client_takes_no_other_transport(ntlm_server: NtlmServer) -> None:
    """One that would share connections is refused."""
    with pytest.raises(UsageError, match="takes no transport"):
        connection(ntlm_server.origin).client(transport=httpx.HTTPTransport())


def test_test_auth_goes_over_one_connection_too(ntlm_server: NtlmServer) -> None:
    """The report of the right password and of a wrong one."""
    found = profile({"type": "ntlm"}, ntlm_server.origin, test={"request": {"url": "/ntlm/me"}})
    right, wrong = (test_profile(engine(inputs={}), found, inputs=given) for given in (RIGHT, WRONG))

    assert (right.credential.word, wrong.credential.word) == ("accepted", "refused")
    assert NTLM_PASSWORD not in str(right)


PROGRAM = """
import asyncio, json, sys
import httpx
from authweave.engine import Engine
from authweave.errors import AuthweaveError
from authweave.loading import loads
from authweave.probe import test_profile
from authweave.settings import Settings

url, profiles = sys.argv[1], json.loads(sys.argv[2])
said = []
for text in profiles:
    engine = Engine(settings=Settings(sources=()))
    profile = loads(json.dumps(text))
    try:
        with httpx.Client(auth=engine.connect(profile).auth, trust_env=False) as http:
            answers = [http.get(url), http.get(url)]

        async def tasks():
            async with httpx.AsyncClient(auth=engine.connect(profile).auth, trust_env=False) as http:
                return await asyncio.gather(*(http.get(url) for _ in range(5)))

        answers += asyncio.run(tasks())
        report = test_profile(engine, profile)
        said.append([sorted({a.status_code for a in answers}), sorted({a.extensions["authweave"].verdict for a in answers}), report.credential.word])
    except AuthweaveError as error:
        said.append([type(error).__name__, str(error)])
print(json.dumps(said))
"""


def asked(kerberos: Kerberos, environment: dict[str, str], *auths: dict[str, Any]) -> list[Any]:
    """What a process with these tickets gets, for each `auth`."""
    origin, _, path = kerberos.url.partition("/negotiate")
    texts = [
        {"format": 1, "name": "intranet", "identity_provider": "Intranet", "servers": [origin], "auth": auth, "test": {"request": {"url": f"/negotiate{path}"}}}
        for auth in auths
    ]
    known = {**os.environ, **environment, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", PROGRAM, kerberos.url, json.dumps(texts)], env=known, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: list[Any] = json.loads(done.stdout)
    return found


def need_gssapi() -> None:
    """It is built against the system's Kerberos, so the extra `dev` is without it."""
    if importlib.util.find_spec("gssapi") is None:
        missing("python-gssapi is not installed", "pip install -e '.[kerberos]' (Debian: libkrb5-dev, gcc)")


def test_a_ticket_opens(kerberos: Kerberos) -> None:
    """Apache takes the process's own ticket and proves itself; without the header the same profile stays outside."""
    need_gssapi()

    ticket, nothing = asked(kerberos, kerberos.environment, {"type": "negotiate"}, {"type": "none"})

    assert ticket == [[200], ["accepted"], "accepted"]
    assert nothing == [[401], ["refused"], "refused"]


def test_without_a_ticket_or_for_another_service(kerberos: Kerberos) -> None:
    """Said before anything is sent, with what to do."""
    need_gssapi()

    [nobody] = asked(kerberos, kerberos.nobody, {"type": "negotiate"})
    [stranger] = asked(kerberos, kerberos.environment, {"type": "negotiate", "service": "HTTP@nowhere.example"})

    assert (nobody[0], "kinit" in nobody[1]) == ("ApplyError", True)
    assert (stranger[0], "HTTP@nowhere.example" in stranger[1]) == ("ApplyError", True)


def test_authweave_request_goes_over_one_connection_too(ntlm_server: NtlmServer) -> None:
    """What the command sends with: right and wrong."""
    found = profile({"type": "ntlm"}, ntlm_server.origin)

    answers = [sent(engine(inputs={}).connect(found, inputs=given), TaskRequest("GET", ntlm_server.ntlm_url), 10) for given in (RIGHT, WRONG)]

    assert [(answer.reply.status, answer.judgement.verdict) for answer in answers] == [(200, "accepted"), (401, "refused")]

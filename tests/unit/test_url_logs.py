"""What libraries log of a request under way is hidden, however much others have placed meanwhile."""

from __future__ import annotations

import asyncio
import logging
import time

import httpx
import httpx2
import requests

from authweave.clients import url_logs
from authweave.hosts.requests import ProfileAuth
from authweave.values import Secret
from services import Api, Reply, connect, engine, serving

PLANTED = "Pl4nted0815-4711-0042-Kz"
LOGGERS = ("httpx", "httpx2", "httpcore.http11", "httpcore2.http11", "urllib3.connectionpool", "urllib3.util.retry")
FOLLOWING = {"trust_env": False, "follow_redirects": True}


def crowd():
    """Others place as much as is remembered."""
    for number in range(url_logs.MOST_VALUES + 1):
        url_logs._hider.learn_values([Secret(f"of-somebody-else-{number:09}", "a test")])


class Repeating(Api):
    """Repeats in a redirect what it was sent, after others have placed so much."""

    def __call__(self, request):
        if request.target.startswith("/home"):
            return Reply(200, b"{}")
        crowd()
        return Reply(302, b"", (("Location", f"/home/{PLANTED}?was={PLANTED}"), ("X-Told", PLANTED)))


def by_auth(package):
    def send(connection, url):
        with package.Client(auth=connection.auth, **FOLLOWING) as client:
            client.get(url)

    return send


def by_async_auth(package):
    def send(connection, url):
        async def run():
            async with package.AsyncClient(auth=connection.auth, **FOLLOWING) as client:
                await client.get(url)

        asyncio.run(run())

    return send


def by_client(connection, url):
    with connection.client(follow_redirects=True) as client:
        client.get(url)


def by_authorize(connection, url):
    with httpx.Client(**FOLLOWING) as client:
        request = connection.authorize(client.build_request("GET", url)).result(10)
        crowd()
        client.send(request)


def by_requests(connection, url):
    with requests.Session() as session:
        session.trust_env = False
        session.get(url, auth=ProfileAuth(connection), timeout=10)


DOORS = {
    "httpx": by_auth(httpx), "httpx2": by_auth(httpx2), "httpx async": by_async_auth(httpx), "httpx2 async": by_async_auth(httpx2),
    "client": by_client, "authorize": by_authorize, "requests": by_requests,
}  # fmt: skip


def test_what_a_server_repeats_is_hidden_however_much_others_place_meanwhile(caplog, monkeypatch):
    """In each place, through each door, by the whole way and (second request) the quick one: neither the URL of the redirect nor headers at DEBUG show it."""
    monkeypatch.setattr(url_logs, "MOST_VALUES", 10)
    for name in LOGGERS:
        caplog.set_level(logging.DEBUG, name)
    wrong, silent = [], []
    for place in ("header", "query", "cookie"):
        auth = {"type": "api_key", "fields": [{"in": place, "key": "X-Key", "value": "{{ inputs.api_key }}"}]}
        for door, send in DOORS.items():
            with serving(Repeating()) as api:
                connection = connect(auth, api, run=engine(inputs={"api_key": PLANTED}))
                for turn in (1, 2):
                    caplog.clear()
                    crowd()
                    send(connection, f"{api.url}/x")
                    told = [(record.name, record.getMessage()) for record in caplog.records if record.name in LOGGERS]
                    wrong += [(place, door, turn, *one) for one in told if PLANTED in one[1]]
                    silent += [] if [one for one in told if "/home/" in one[1]] else [(place, door, turn)]

    assert ([], []) == (wrong, silent)


def test_who_has_many_long_secrets_neither_fills_the_memory_nor_stops_what_others_log():
    """A tenant's values of 8 KiB (tokens of a server of its own, one with each request) are known while they are few; what stays is bounded."""
    hider = url_logs._Hider()
    letters = 0
    for number in range(300):
        secret = Secret(f"{number}/" + 'a+b&c="d" ' * 820, "a test")
        hider.learn_values([secret])
        url = f"https://api.example/x?key={secret.reveal()}"
        hider.learn(url, "https://api.example/x?key=‹secret›")
        letters += 2 * len(url)
    began = time.process_time()
    shown = hider._without_values(f"a server repeats {secret.reveal()}")
    took = time.process_time() - began
    found = [find for values in (hider._young, hider._old) for shelf in values._redactor._filed.values() for find in shelf.finds.values()]

    assert "a+b&c" not in shown
    assert took < 10, "of all forms of all of them it would be a minute"
    assert sum(len(find.text) for find in found) < 80 * url_logs.MOST_LETTERS
    assert sum(len(text) + len(instead) for text, instead in hider._shown.items()) <= url_logs.MOST_LETTERS < letters


def test_the_values_of_one_request_stay_together(monkeypatch):
    """A value that is a part of another would show the rest of it, where they were forgotten apart."""
    monkeypatch.setattr(url_logs, "MOST_VALUES", 10)
    hider = url_logs._Hider()
    part, whole = Secret("the-middle-of-it", "a test"), Secret("before-the-middle-of-it-after", "a test")
    wrong = []
    for number in range(30):
        hider.learn_values([Secret(f"of-somebody-else-{number:09}", "a test")])
        hider.learn_values([part, whole])
        shown = hider._without_values(f"x {whole.reveal()} x")
        wrong += [shown] if "before" in shown or "after" in shown else []

    assert [] == wrong

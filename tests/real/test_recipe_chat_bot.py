"""A chat bot by the recipes of docs/hosts.md: people sign in at a certified provider, their browsers come back to another process, the bot goes on."""

from __future__ import annotations

import json
import queue
import socket
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from parts.browsing import sign_in
from parts.identity import Client
from parts.installed import environment_of
from parts.oidc import OidcProvider
from parts.process import started

RECIPES = Path(__file__).parent.parent / "recipes"
PATIENCE = 60


class Chat:
    """A chat with a socket of its own: a bot connects, people write, and each reads what is for them."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._bots: queue.Queue[socket.socket] = queue.Queue()
        self._inbox: dict[str, queue.Queue[dict[str, Any]]] = defaultdict(queue.Queue)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Nobody chats any more."""
        self._listener.close()
        while not self._bots.empty():
            self._bots.get().close()

    def write(self, user: str, text: str) -> None:
        """The user writes to the bot that is there, or will be."""
        bot = self._bots.get(timeout=PATIENCE)
        self._bots.put(bot)
        bot.sendall(json.dumps({"user": user, "text": text}).encode() + b"\n")

    def read(self, user: str) -> dict[str, Any]:
        """The next that the bot says to the user."""
        return self._inbox[user].get(timeout=PATIENCE)

    def is_quiet(self, user: str) -> bool:
        """Is there nothing for the user?"""
        return self._inbox[user].empty()

    def lost(self) -> None:
        """The bot has gone."""
        self._bots.get(timeout=PATIENCE).close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                bot, _ = self._listener.accept()
                self._bots.put(bot)
                threading.Thread(target=self._listen, args=(bot,), daemon=True).start()

    def _listen(self, bot: socket.socket) -> None:
        with suppress(OSError), bot.makefile("r") as lines:
            for line in lines:
                told = json.loads(line)
                self._inbox[told.pop("user")].put(told)


@dataclass
class World:
    """A chat, a web process for callbacks, and a bot that can be killed and started again; clients for both workflows."""

    chat: Chat
    provider: OidcProvider
    clients: dict[str, Client]
    callback: str
    start_bot: Callable[[], subprocess.Popen[bytes]]
    log: Path

    def comes_back(self, link: str, login: str, **how: Any) -> str:
        """The person signs in; what the page says to which their browser comes back."""
        answer = sign_in(link, login=login, **how)
        assert answer.startswith(self.callback)
        return httpx.get(answer, trust_env=False, timeout=PATIENCE).text


@pytest.fixture
def world(installed: Path, oidc_provider: OidcProvider, tmp_path: Path) -> Iterator[World]:
    """Tokens live for two seconds. The bot and the web process share a SQLite file and nothing else."""
    port = free_port()
    callback = f"http://127.0.0.1:{port}/callback"
    profiles = tmp_path / "profiles"
    profiles.mkdir()
    clients, settings = {}, {"AUTHWEAVE_PROFILES": str(profiles), "AUTHWEAVE_STORE": f"sqlite:///{tmp_path}/tokens.db", "XDG_CONFIG_HOME": str(tmp_path / "config")}
    for name in ("mail", "calendar"):
        client = clients[name] = oidc_provider.new_client(grant_types=("authorization_code", "refresh_token"), redirect_uris=[callback], ttl=2)
        (profiles / f"acme-{name}.json").write_text(json.dumps(profile(f"acme-{name}", oidc_provider)))
        for key, value in {"client_id": client.client_id, "client_secret": client.client_secret, "redirect_uri": callback}.items():
            settings[f"AUTHWEAVE_ACME_{name.upper()}_{key.upper()}"] = value
    environment = environment_of(installed, **settings)
    environment["PYTHONPATH"] += f":{RECIPES}"
    chat, log = Chat(), tmp_path / "bot.log"
    with ExitStack() as running:
        running.callback(chat.close)
        web = [sys.executable, str(RECIPES / "callback_page.py"), str(port)]
        running.enter_context(started(web, tmp_path, answered=lambda: listens(port), environment=environment))

        def start_bot() -> subprocess.Popen[bytes]:
            command = [sys.executable, str(RECIPES / "chat_bot.py"), str(chat.port), str(tmp_path / "waiting.json")]
            return running.enter_context(process(command, environment, log))

        yield World(chat, oidc_provider, clients, callback, start_bot, log)


def profile(name: str, provider: OidcProvider) -> dict[str, Any]:
    """A profile that acts for its user."""
    auth = {
        "type": "oauth2", "grant_type": "authorization_code", "authorization_url": provider.authorization_url, "token_url": provider.token_url,
        "scopes": ["openid"],
    }  # fmt: skip
    return {"format": 1, "name": name, "version": "1.0.0", "identity_provider": "Acme", "servers": [provider.origin], "subject": "user", "auth": auth}


@contextmanager
def process(command: list[str], environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is gone afterwards."""
    with log.open("ab") as output, subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output) as running:
        try:
            yield running
        finally:
            running.kill()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def listens(port: int) -> dict[str, Any] | None:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return {}
    return None


def link_of(told: dict[str, Any]) -> str:
    """The link that the bot forwarded."""
    [each] = told["sign_in"]
    return str(each["url"])


def test_each_user_signs_in_once_and_the_waiting_workflow_goes_on(world: World) -> None:
    """Two users, two workflows: a link for each, an answer for each, and no token of one for the other; afterwards nobody is asked again."""
    world.start_bot()
    wanted = [("anna", "mail"), ("bob", "mail"), ("anna", "calendar")]
    results, forwarded = {}, []

    for user, workflow in wanted:
        world.chat.write(user, workflow)
        forwarded.append(world.chat.read(user))
    for (user, _), told in zip(wanted, forwarded, strict=True):
        assert "Signed in at Acme" in world.comes_back(link_of(told), user)
        came = world.chat.read(user)
        results[user, came["workflow"]] = (came["result"]["account_id"], came["result"]["client_id"])
    time.sleep(2.5)  # their access tokens have ended
    for user, workflow in wanted:
        world.chat.write(user, workflow)
        again = world.chat.read(user)
        assert results[user, workflow] == (again["result"]["account_id"], again["result"]["client_id"])

    assert {(user, workflow): (user, world.clients[workflow].client_id) for user, workflow in wanted} == results
    assert 3 == len({link_of(told) for told in forwarded})
    assert {"url", "identity_provider", "profile", "subject", "is_authorized", "expires_at"} <= forwarded[0]["sign_in"][0].keys()
    assert [("acme-mail", "anna"), ("acme-mail", "bob"), ("acme-calendar", "anna")] == [(one["profile"], one["subject"]) for told in forwarded for one in told["sign_in"]]
    assert "" == world.log.read_text()


def test_who_says_no_is_told_so_and_may_say_yes_later(world: World) -> None:
    """In the browser and in the chat, plainly; asked again, there is another link, and it works."""
    world.start_bot()
    world.chat.write("anna", "mail")
    first = link_of(world.chat.read("anna"))

    page = world.comes_back(first, "anna", refuse=True)
    told = world.chat.read("anna")
    world.chat.write("anna", "mail")
    second = link_of(world.chat.read("anna"))
    world.comes_back(second, "anna")
    result = world.chat.read("anna")

    assert "You did not agree" in page
    assert {"workflow": "mail", "text": "You did not agree to that, so I leave it."} == told
    assert first != second
    assert "anna" == result["result"]["account_id"]


def test_who_changes_their_mind_in_the_chat_is_heard(world: World) -> None:
    """The waiting workflow ends, the link is dead even for somebody who has signed in by then, and others' are not."""
    world.start_bot()
    links = {}
    for user in ("anna", "bob"):
        world.chat.write(user, "mail")
        links[user] = link_of(world.chat.read(user))

    world.chat.write("anna", "stop")
    told = world.chat.read("anna")
    late = world.comes_back(links["anna"], "anna")
    world.comes_back(links["bob"], "bob")

    assert "I cannot do that" in told["text"]
    assert "called off" in told["text"]
    assert "This did not work" in late
    assert "bob" == world.chat.read("bob")["result"]["account_id"]


@pytest.mark.parametrize("signs_in", ["while the bot is away", "after it is back"])
def test_a_bot_that_is_killed_between_link_and_callback_loses_nothing(world: World, signs_in: str) -> None:
    """The sign-in under way is in the store: the link stays good, another process completes it, and the bot goes on when it is back."""
    bot = world.start_bot()
    world.chat.write("anna", "mail")
    link = link_of(world.chat.read("anna"))
    bot.kill()
    bot.wait()
    world.chat.lost()

    if signs_in == "while the bot is away":
        world.comes_back(link, "anna")
        world.start_bot()
    else:
        world.start_bot()
        assert link == link_of(world.chat.read("anna"))
        world.comes_back(link, "anna")
    result = world.chat.read("anna")

    assert "anna" == result["result"]["account_id"]
    assert world.chat.is_quiet("anna")


def test_an_answer_that_was_made_up_is_told_and_stops_nobody(world: World) -> None:
    """The page says that it is none; whoever waits goes on waiting, and is served when the real one comes."""
    world.start_bot()
    world.chat.write("anna", "mail")
    link = link_of(world.chat.read("anna"))

    made_up = httpx.get(f"{world.callback}?code=x&state=made-up", trust_env=False, timeout=PATIENCE)
    world.comes_back(link, "anna")

    assert 400 == made_up.status_code
    assert "no sign-in under way" in made_up.text
    assert "anna" == world.chat.read("anna")["result"]["account_id"]

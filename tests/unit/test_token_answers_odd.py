"""Every answer of `token_answers_odd` over a real socket: the one token, or an error of ours with the right word; never another token."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from test_token_endpoint_enemy import DOORS, READS_NOTHING

from authweave.errors import AuthweaveError, UnexpectedFailure
from services import CLIENT_SECRET, connect, engine, oauth
from sockets import Peer, Server, says
from thorough import few
from token_answers_odd import ANSWERS, GOOD, said

API = "https://api.example.com"
NUMBERED = [*ANSWERS]
SHARES = 6


def answering(peer: Peer) -> None:
    """Each answer at a path of its own: /token17."""
    number = peer.request().line.split(" ")[1].removeprefix("/token")
    peer.send(ANSWERS[NUMBERED[int(number)]][0])


def outcome_of(get: Callable[[], Any]) -> str:
    """`token`, or the most particular word of the error; what must never be, in capitals."""
    try:
        token = get()
    except UnexpectedFailure as error:
        return f"UNEXPECTED {error}"
    except AuthweaveError as error:
        if CLIENT_SECRET in f"{error!s} {error!r} {error.__dict__}" or error.__cause__ or error.__context__:
            return "TELLS"
        return str(getattr(error, "kind", "") or getattr(error, "detail", "") or error.code)
    return "token" if token.access_token.reveal() == "AT" and token.token_type.lower() == "bearer" else f"ANOTHER {token.token_type} {token.access_token.reveal()[:40]}"


def test_there_are_many():
    """The table is what its name says, and no case hides behind another of the same name."""
    assert len(ANSWERS) >= 450


@pytest.mark.parametrize("share", few(range(SHARES), every=SHARES))
def test_each_answer_comes_to_what_it_should(share):
    """By a grant in the client's own name, in one attempt: a token, or the word that the diagnosis goes by."""
    with Server(answering) as server, ThreadPoolExecutor(4) as pool:
        run = engine(attempts=1, settings={"deadline": 60.0})

        def asked(number: int) -> str:
            return outcome_of(lambda: connect(oauth(f"{server.url}token{number}"), API, run=run, tenant=str(number)).token().result(90))

        numbers = range(share, len(NUMBERED), SHARES)
        found = dict(zip([NUMBERED[number] for number in numbers], pool.map(asked, numbers), strict=True))

    wrong = {name: (word, ANSWERS[name][1]) for name, word in found.items() if not (word == ANSWERS[name][1] or (ANSWERS[name][1] == "*" and word.islower() and word != "token"))}
    assert {} == wrong, wrong


@pytest.mark.thorough
@pytest.mark.parametrize("door", [door for door in DOORS if door not in ("token", "discovery", "registration", "device", "introspection", *READS_NOTHING)])
def test_other_doors_come_to_the_same(door):
    """A refresh and a code are read as a grant is: an answer that is odd there is odd here."""
    odd = [name for name, (_, word) in ANSWERS.items() if word not in ("token", "rate_limited")]
    wrong = {}
    for name in odd[::5]:
        with Server(says(ANSWERS[name][0])) as server:
            found = outcome_of(lambda url=server.url: DOORS[door](url, engine(attempts=1, settings={"deadline": 60.0})))
        if found == "token" or not found.islower():
            wrong[name] = found

    assert {} == wrong, wrong


def test_what_is_kept_of_words_can_be_shown():
    """Scope and type go to terminals and reports: what would move a cursor, or turn a line round, is written as an escape."""
    with Server(says(said(GOOD[:-1] + b',"scope":"a\\r\\n\\u001b[31m\\u202eb"}'))) as server:
        token = connect(oauth(f"{server.url}token"), API).token().result(20)

    assert token.scope.isprintable()

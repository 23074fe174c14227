"""What a child says, forked or begun in another way."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from typing import Any

from services import connect, engine, oauth


def said_in_child(work: Callable[[], str]) -> str:
    """The text that `work` gives in a forked child; '' if it fails there."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            os.write(writing, work().encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        said = answer.read()
    os.waitpid(child, 0)
    return said


def said_in_process(method: str, work: Callable[..., str], *arguments: Any) -> str:
    """The text that `work` gives in a process of `multiprocessing`, begun by `method` (fork, spawn, forkserver)."""
    context = multiprocessing.get_context(method)
    mine, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_say, args=(theirs, work, arguments))  # type: ignore[attr-defined]  # every context has it
    process.start()
    theirs.close()
    try:
        said: str = mine.recv() if mine.poll(60) else ""
    finally:
        process.join(60)
    assert process.exitcode == 0
    return said


def _say(pipe: Any, work: Callable[..., str], arguments: tuple[Any, ...]) -> None:
    pipe.send(work(*arguments))
    pipe.close()


def token_on(store: str, key: str, identity: str) -> str:
    """The token that an engine on this store has for a robot of the identity provider."""
    with engine(settings={"store": store, "store_key": key}) as run:
        return str(connect(oauth(identity), "http://127.0.0.1:9", run=run).token().result(30).access_token.reveal())

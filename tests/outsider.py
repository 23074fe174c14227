"""A stranger's program that uses authweave with every log at DEBUG, and shows every error with all the local variables there are.

Run as a process by test_secrets_outside.py: `python -X dev outsider.py`, with plans as JSON on its standard input. What it
prints and logs is searched for what was planted.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import threading
import traceback
import types

PATIENCE = 60
"""Seconds for the callers' own clients: what those raise, on a busy machine, holds their request."""
MOST = 20_000
"""Things that a walk through an error looks at."""


def walked(error):
    """Every text and all bytes that an error monitor could find in an error: in frames, causes, contexts, notes, groups and attributes."""
    waiting, seen, found = [error], set(), []
    while waiting and len(seen) < MOST:
        thing = waiting.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, str | bytes):
            found.append(thing if isinstance(thing, str) else repr(thing))
        elif isinstance(thing, BaseException):
            waiting += [thing.args, vars(thing), thing.__cause__, thing.__context__, *getattr(thing, "exceptions", ())]
            trace = thing.__traceback__
            while trace is not None:
                if trace.tb_frame.f_globals.get("__name__") != "__main__":
                    waiting.append(dict(trace.tb_frame.f_locals))
                trace = trace.tb_next
        elif isinstance(thing, dict):
            waiting += [*thing.keys(), *thing.values()]
        elif isinstance(thing, list | tuple | set | frozenset):
            waiting += list(thing)
        else:
            found.append(repr(thing))
            if type(thing).__module__.split(".")[0] in ("httpx", "httpx2", "requests", "httpcore", "httpcore2", "authweave"):
                found.append(str(thing) if type(thing).__module__.startswith(("httpx", "requests")) else "")
            if type(thing).__name__ in ("Request", "Response", "PreparedRequest"):
                waiting += [getattr(thing, "headers", None) and dict(thing.headers), str(thing.url)]
    return "\n".join(found)


def pretty(error):
    """What rich shows of an error with its locals, which reads into objects as no repr does; without the frames that it draws around it."""
    from rich.traceback import Traceback

    waiting = [Traceback.extract(type(error), error, error.__traceback__, show_locals=True, locals_max_string=None, locals_max_length=None)]
    while waiting:
        for stack in waiting.pop().stacks:
            waiting += getattr(stack, "exceptions", ())
            yield f"{stack.exc_type} {stack.exc_value} {getattr(stack, 'notes', '')}"
            for frame in stack.frames:
                if frame.filename != __file__:
                    yield from (f"{name} = {''.join(node.iter_tokens())}" for name, node in (frame.locals or {}).items())


def show(error, out=print):
    """As logs, tracebacks with locals, rich and monitors show it."""
    logging.getLogger("app").exception("it failed", exc_info=error)
    told = traceback.TracebackException.from_exception(error, capture_locals=True)
    for frame in told.stack:
        if frame.filename == __file__:
            frame.locals = {}
    out("".join(told.format()))
    out("\n".join(pretty(error)))
    out(walked(error))


def attempt(work):
    """What a caller does; an error is shown."""
    try:
        answer = work()
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is shown
        show(error)
        print(f"raised {type(error).__name__}")
        return None
    print("answered", repr(answer))
    return answer


def doors(connection, plan):
    """Each door once."""
    import httpx

    from authweave import TaskRequest

    url, method = plan["url"], plan.get("method", "GET")
    more = {"extensions": {"authweave": {"path": plan["path"]}}} if "path" in plan else {}
    plain = TaskRequest(method, plan["template"] if "path" in plan else url, path_template="path" in plan)

    def by_auth(client, **options):
        with client(auth=connection.auth, trust_env=False, follow_redirects=True, timeout=PATIENCE, **options) as made:
            return made.request(method, url, **more)

    async def by_async():
        async with httpx.AsyncClient(auth=connection.auth, trust_env=False, follow_redirects=True, timeout=PATIENCE) as made:
            return await made.request(method, url, **more)

    def by_client():
        with connection.client(follow_redirects=True, timeout=PATIENCE) as made:
            return made.request(method, url, **more)

    async def never_retrieved():
        async def one():
            await asyncio.wrap_future(connection.authorize(plain))

        task = asyncio.ensure_future(one())
        while not task.done():
            await asyncio.sleep(0.01)
        del task

    async def grouped():
        async with asyncio.TaskGroup() as group:
            group.create_task(by_async())
            group.create_task(by_async())

    def in_thread():
        thread = threading.Thread(target=by_auth, args=(httpx.Client,))
        thread.start()
        thread.join()

    yield "auth", lambda: by_auth(httpx.Client)
    yield "async", lambda: asyncio.run(by_async(), debug=True)
    yield "client", by_client
    yield "authorize", lambda: connection.authorize(plain).result(10)
    yield "token", lambda: connection.token().result(10)
    yield "never retrieved", lambda: asyncio.run(never_retrieved(), debug=True)
    yield "group", lambda: asyncio.run(grouped(), debug=True)
    yield "thread", in_thread
    if plan.get("second"):
        import httpx2

        yield "httpx2", lambda: by_auth(httpx2.Client)
    if plan.get("requests"):
        import requests

        from authweave.hosts.requests import ProfileAuth

        auth = ProfileAuth(connection).at(plan["path"]) if "path" in plan else ProfileAuth(connection)
        yield "requests", lambda: requests.request(method, url, auth=auth, timeout=PATIENCE)
        yield "aiohttp", lambda: asyncio.run(by_aiohttp(connection, method, url, plan.get("path")), debug=True)


async def by_aiohttp(connection, method, url, path):
    """A session of aiohttp."""
    import aiohttp

    from authweave.hosts.aiohttp import ProfileAuth, judgement_of

    auth = ProfileAuth(connection).at(path) if path else ProfileAuth(connection)
    async with aiohttp.ClientSession(middlewares=(auth,), timeout=aiohttp.ClientTimeout(PATIENCE)) as session, session.request(method, url) as response:
        return response.status, judgement_of(response)  # its URL and history repeat what the server says


def main():
    plans = json.load(sys.stdin)
    before = plans[0].get("configured", "before") == "before"
    if before:
        logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
    import authweave
    from authweave import Engine

    if not before:
        logging.basicConfig(level=logging.DEBUG, stream=sys.stderr, force=True)
    assert isinstance(authweave, types.ModuleType)
    for number, plan in enumerate(plans):
        print(f"@@@@ {number}", flush=True)
        print(f"@@@@ {number}", file=sys.stderr, flush=True)
        follow(plan, Engine)


def follow(plan, engine_of):
    """One of them: each of its doors."""
    inputs = plan.pop("inputs")
    with engine_of(inputs=inputs, **plan.get("settings", {})) as engine:
        connection = engine.connect(plan["profile"])
        print(repr(engine), repr(connection), repr(engine.status()), str(connection.profile)[:100])
        for name, work in doors(connection, plan):
            if not plan.get("doors") or name in plan["doors"]:
                print("door", name)
                attempt(work)


if __name__ == "__main__":
    main()

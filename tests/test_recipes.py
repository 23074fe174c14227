"""docs/hosts.md, docs/limits.md and the recipes in them: what is shown is what is run, the tables are whole, and a task request goes as they say."""

from __future__ import annotations

import asyncio
import inspect
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pluggy
import pytest

from authweave import Limits, TaskRequest, TaskResponse
from authweave.errors import CredentialRejected, LimitRefused, SignInNeeded
from authweave.hookspecs import HostSpecs
from authweave.plugin import AuthweavePlugin, join
from documentation.markdown import ROOT, names_in, page
from host_world import API, CRM, World, browser, world
from services import Api, Identity, Reply, between, connect, oauth, says

RECIPES = ROOT / "tests" / "recipes"
PAGE = page("docs/hosts.md")
LIMITS = page("docs/limits.md")
SHOWN = re.findall(r"<!-- recipe: (\S+) -->\n\n```python\n(.*?)```", PAGE.text + LIMITS.text, re.DOTALL)
sys.path.append(str(RECIPES))

from send_task import send_task, send_task_async  # noqa: E402 - from there
from sign_in_step import signed_in  # noqa: E402 - from there
from uploads import connection_of, told  # noqa: E402 - from there
from urllib_send import send as urllib_send  # noqa: E402 - from there

HOOKS = {name: spec for name, spec in vars(HostSpecs).items() if not name.startswith("_")}


@pytest.fixture
def here(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


def hook_of(here: World) -> Any:
    manager = pluggy.PluginManager("mybot")
    join(manager, AuthweavePlugin(here.engine))
    return manager.hook


@pytest.mark.parametrize(("name", "text"), SHOWN, ids=[name for name, _ in SHOWN])
def test_a_recipe_on_the_page_is_the_file_that_is_run(name: str, text: str) -> None:
    """Letter for letter, and short enough to be read at once."""
    assert (RECIPES / name).read_text() == text
    assert len(text.splitlines()) <= 30


def test_all_recipes_are_shown() -> None:
    """Nothing above runs over an empty list."""
    assert ["send_task.py", "urllib_send.py", "sign_in_step.py", "uploads.py"] == [name for name, _ in SHOWN]


def test_the_table_has_every_hook_with_arguments_that_exist() -> None:
    """What it takes, beside what all take."""
    rows = {names_in(row[0])[0]: names_in(row[1]) for row in PAGE.rows("The hooks", "hook")}

    assert set(HOOKS) == set(rows)
    for name, words in rows.items():
        known = set(inspect.signature(HOOKS[name]).parameters)
        assert {word for word in words if word.islower()} <= known | {"request"}, name
        assert {one.name for one in inspect.signature(HOOKS[name]).parameters.values() if one.default is one.empty} - {"self"} <= set(words), name


def test_the_table_has_every_verdict() -> None:
    """Those that the docstring of a Judgement names."""
    listed = {verdict for row in PAGE.rows("The hooks", "verdict of a Judgement") for verdict in names_in(row[0])}

    assert {"accepted", "inconclusive", "send_again", "sign_in_needed", "refused", "forbidden"} == listed


@pytest.mark.parametrize("colour", ["sync", "async"])
def test_a_token_that_is_refused_is_renewed_and_the_task_goes_on(here: World, colour: str) -> None:
    """By a client that knows TaskRequests only: sent again once, with another token."""
    here.api.accepts = lambda token: token == "T2"
    request, sent = TaskRequest("GET", "/v1/me"), []

    def send(request: TaskRequest) -> TaskResponse:
        sent.append(request.header("authorization"))
        return TaskResponse(200 if sent[-1] == "Bearer T2" else 401)

    async def send_later(request: TaskRequest) -> TaskResponse:
        return send(request)

    if colour == "sync":
        answer = send_task(AuthweavePlugin(here.engine), send, request, profile="acme-crm", tenant="blue")
    else:
        answer = asyncio.run(send_task_async(hook_of(here), send_later, request, profile="acme-crm", tenant="blue"))

    assert 200 == answer.status
    assert ["Bearer T1", "Bearer T2"] == sent


def test_the_client_of_the_standard_library_sends_a_task() -> None:
    """A refusal is an answer, not an error, and no redirect takes the credential along."""
    with between(Identity(), Api(accepts=lambda token: token == "T2")) as (identity, api):
        connection = connect(oauth(identity), api)
        request = connection.authorize(TaskRequest("POST", "/x", {"Content-Type": "text/plain"}, b"hello")).result(30)
        judgement = connection.handle_response(request, urllib_send(request)).result(30)
        api.good = Reply(302, b"", (("Location", "https://elsewhere.example/"),))
        answer = urllib_send(judgement.request)

    assert "send_again" == judgement.verdict
    assert (302, "https://elsewhere.example/") == (answer.status, answer.header("location"))
    assert ["hello", "hello"] == [asked.body.decode() for asked in api.asked]


def test_a_refusal_that_stays_is_raised_and_an_answer_about_something_else_is_given(here: World) -> None:
    """With the requests of httpx, too: `client.send` is all it takes."""
    request = httpx.Request("GET", "https://api.acme.example/v1/me")
    answers = {401: CredentialRejected, 429: None, 500: None}

    for status, error in answers.items():
        with httpx.Client(transport=httpx.MockTransport(lambda _, status=status: httpx.Response(status))) as client:
            if error is None:
                assert status == send_task(hook_of(here), client.send, request, profile="acme-crm").status_code
            else:
                with pytest.raises(error):
                    send_task(hook_of(here), client.send, request, profile="acme-crm")


def test_nobody_knows_the_profile(here: World) -> None:
    """Said as such."""
    with pytest.raises(LookupError):
        send_task(hook_of(here), print, TaskRequest("GET", "/x"), profile="elsewhere")


def test_a_step_forwards_what_is_to_do_and_goes_on_once_it_is_done(here: World) -> None:
    """For a reference with a version, and beside a profile for which nobody signs in; asked again, there is nothing to forward."""
    forwarded: list[Any] = []
    hook = hook_of(here)

    async def tell(sign_ins: list[dict[str, Any]]) -> None:
        forwarded.append(sign_ins)
        [each] = sign_ins
        hook.complete_authorization(answer=browser(each["url"]))

    async def step() -> None:
        await asyncio.wait_for(signed_in(hook, tell, ["acme-crm", "acme-mail@1"], subject="anna"), 30)

    asyncio.run(step())
    asyncio.run(step())

    assert [["acme-mail"]] == [[each["profile"] for each in sign_ins] for sign_ins in forwarded]


def test_an_error_that_asks_for_a_person_says_what_to_forward(here: World) -> None:
    """In the middle of a workflow: the same value as in the list, with the same link."""
    hook = hook_of(here)
    here.api.good = says({"ok": True})

    with pytest.raises(SignInNeeded) as needed:
        send_task(hook, print, TaskRequest("GET", "/x"), profile="acme-mail", subject="anna")
    [pending] = hook.list_authorizations(profiles=["acme-mail"], subject="anna")

    assert needed.value.sign_in.url
    assert [needed.value.sign_in.as_dict()] == [each.as_dict() for each in pending.result(30)]


def test_an_upload_is_told_what_to_change_and_used_once_it_is_right(tmp_path: Path) -> None:
    """Two customers with a profile of one name: each text is held to its tenant's limits, at the upload and in the worker, and has a token of its own."""
    mine = Limits.everything(hosts=["*.acme.example"])
    with world(tmp_path, limits={"blue": mine, "red": mine, "*": Limits()}) as here:
        host, texts = AuthweavePlugin(here.engine), [json.dumps({**CRM, "name": "crm", "description": tenant}) for tenant in ("blue", "red")]
        elsewhere = json.dumps({**CRM, "servers": ["https://api.evil.example"]})

        assert [] == told(host, texts[0], "blue")
        assert [] == told(host, texts[0], "blue", "crm.json")
        [problem] = told(host, elsewhere, "blue")
        assert "hosts that may be used here: *.acme.example" in problem
        with pytest.raises(LimitRefused):
            connection_of(here.engine, elsewhere, "blue")
        with pytest.raises(LimitRefused):
            connection_of(here.engine, texts[0], "green")
        sent = [connection_of(here.engine, text, tenant).authorize(TaskRequest("GET", f"{API}/v1/me")).result(30) for text, tenant in zip(texts, ("blue", "red"), strict=True)]

    assert ["Bearer T1", "Bearer T2"] == [request.header("authorization") for request in sent]

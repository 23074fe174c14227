"""llm loads authweave by its entry points, and a model calls an API with a profile that the person chose."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from parts.llm import Llm
from parts.oidc import OidcProvider
from services import Api, Reply, Request, says, serving, talks
from sockets import Server, hang_after_headers

SECRET = "s3cr3t-of-the-llm-client"
KEY = "k3y-planted-4711"


@pytest.fixture
def with_profile(llm: Llm, tmp_path: Path) -> Callable[..., Llm]:
    """llm whose settings know a profile and its inputs."""

    def made(name: str, auth: object, *servers: str, inputs: dict[str, str], **more: object) -> Llm:
        folder = tmp_path / "profiles"
        folder.mkdir(exist_ok=True)
        document = {"format": 1, "name": name, "identity_provider": "Acme", "servers": list(servers), "auth": auth, **more}
        (folder / f"{name}.yaml").write_text(json.dumps(document))
        word = name.upper().replace("-", "_")
        environment = {f"AUTHWEAVE_{word}_{key.upper()}": value for key, value in inputs.items()}
        return replace(llm, environment={"AUTHWEAVE_PROFILES": str(folder), **llm.environment, **environment})

    return made


@pytest.fixture
def at_provider(with_profile: Callable[..., Llm], oidc_provider: OidcProvider) -> Callable[..., Llm]:
    """llm with the profile `acme` for the API of a certified identity provider."""

    def made(client_id: str, secret: str = SECRET, **more: object) -> Llm:
        auth = {"type": "oauth2", "grant_type": "client_credentials", "token_url": oidc_provider.token_url, "scopes": ["api:read"]}
        return with_profile("acme", auth, oidc_provider.origin, inputs={"client_id": client_id, "client_secret": secret}, **more)

    return made


@pytest.fixture
def keyed(with_profile: Callable[..., Llm]) -> Callable[..., Llm]:
    """llm with the profile `acme`, an API key in a header."""
    auth = {"type": "api_key", "fields": [{"in": "header", "key": "X-Key", "value": "{{ inputs.api_key }}"}]}
    return lambda *servers: with_profile("acme", auth, *servers, inputs={"api_key": KEY})


def test_a_model_calls_an_api_and_never_sees_the_credential(at_provider: Callable[..., Llm], oidc_provider: OidcProvider):
    """Loaded by its entry point, the tool sends a bearer token that outlives the process; nothing that llm keeps holds a secret."""
    client = oidc_provider.new_client(client_secret=SECRET, scope="api:read")
    host = at_provider(client.client_id, description="Customers and orders.")

    said = [host.ask('Authweave("acme")', {"arguments": {"url": "/api/me", "query": "page=1"}}) for _ in range(2)]

    assert [0, 0] == [each.code for each in said], said[0].err
    assert all(each.out.startswith("HTTP 200") for each in said)
    [tool] = said[0].tools
    assert "Authweave_acme" == tool["name"]
    assert "Customers and orders." in tool["description"]
    assert oidc_provider.origin in tool["description"]
    assert {"token": 1, "granted": 1, "api": 2, "api_200": 2} == oidc_provider.counts(client)
    assert ["/me?page=1"] * 2 == [seen.target for seen in oidc_provider.seen(client, kind="api")]
    bearer = oidc_provider.seen(client, kind="api")[0].header("authorization").removeprefix("Bearer ")
    for shown in (host.logs, *(f"{each.out}{each.err}{each.turns}".encode() for each in said)):
        assert bearer.encode() not in shown
        assert SECRET.encode() not in shown


def test_a_token_that_expires_between_two_calls_is_renewed(at_provider: Callable[..., Llm], oidc_provider: OidcProvider):
    """One run of llm, two calls of the tool, and a token that lives shorter than the pause between them."""
    client = oidc_provider.new_client(client_secret=SECRET, scope="api:read", ttl=2)
    calls = [{"arguments": {"url": "/api/read"}}, {"arguments": {"url": "/api/read"}, "pause": 2.5}]

    said = at_provider(client.client_id).ask('Authweave("acme")', *calls)

    assert ["HTTP 200", "HTTP 200"] == [answer[:8] for answer in said.answers]
    assert {"token": 2, "granted": 2, "api": 2, "api_200": 2} == oidc_provider.counts(client)


def test_a_refused_credential_is_explained_to_the_model_and_at_the_terminal(keyed: Callable[..., Llm]):
    """The answer stays what it is; beside it stands whose credential it was, and the command that says what to change."""
    with serving(Api(accepts=lambda token: False)) as api:
        said = keyed(api.url).ask('Authweave("acme")', {"arguments": {"url": "/me"}})

    advice = "acme: the API does not accept the credential (401). What was sent, what came back and what to change: authweave test acme"
    assert said.answers[0].startswith("HTTP 401")
    assert advice in said.answers[0]
    assert '{"error": "invalid_token"}' in said.answers[0]
    assert advice in said.err


def test_a_client_that_is_refused_is_explained(at_provider: Callable[..., Llm], oidc_provider: OidcProvider):
    """No token was to be had: nothing was called, and the token endpoint's own word is passed on."""
    client = oidc_provider.new_client(client_secret=SECRET, scope="api:read")

    said = at_provider(client.client_id, "another-secret").ask('Authweave("acme")', {"arguments": {"url": "/api/me"}})

    assert said.answers[0].startswith("Not called.")
    assert "invalid_client" in said.answers[0]
    assert "authweave test acme" in said.answers[0]
    assert "invalid_client" in said.err
    assert 0 == oidc_provider.counts(client)["api"]


ELSEWHERE = ("{other}/x", "//{host}/x", "{home}@{host}/x", "{home}.evil.example/x", "http:\\\\{host}/x", "file:///etc/passwd", "")


def test_another_origin_is_never_called(keyed: Callable[..., Llm]):
    """Whatever the model writes as URL: the tool speaks to the servers of the profile, and to nobody else; no redirect is followed."""
    with serving(Api()) as home, serving(Api()) as other:
        home.good = Reply(302, b"", (("Location", f"{other.url}/?stolen={KEY}"),))
        urls = [written.format(home=home.url, other=other.url, host=other.url.partition("//")[2]) for written in ELSEWHERE]
        said = keyed(home.url).ask('Authweave("acme")', *({"arguments": {"url": url}} for url in ("/moved", *urls)), more=("--cl", "20"))

    assert [] == other.asked
    assert len(urls) + 1 == len(said.answers)
    assert said.answers[0].startswith("HTTP 302")
    assert f"location: {other.url}/?stolen=‹secret" in said.answers[0]
    assert KEY not in f"{said.out}{said.err}{said.turns}"


def test_an_answer_that_echoes_the_credential_is_redacted(with_profile: Callable[..., Llm]):
    """Plain, in base64, in a header: a mark stands in its place, for the model and in llm's logs."""
    basic = base64.b64encode(f"robot:{KEY}".encode()).decode()
    with serving(Api(good=says({"you": f"Basic {basic}", "key": KEY}, 200, ("Link", f"<https://x/?k={KEY}>; rel=next")))) as api:
        host = with_profile("acme", {"type": "basic"}, api.url, inputs={"username": "robot", "password": KEY})
        said = host.ask('Authweave("acme")', {"arguments": {"url": "/me"}})

    assert [f"Basic {basic}"] == api.asked[0].values("authorization")
    assert said.answers[0].startswith("HTTP 200")
    for secret in (KEY, basic):
        assert secret not in f"{said.out}{said.err}{said.turns}"
        assert secret.encode() not in host.logs


def test_the_model_reads_unless_the_person_lets_it_write(keyed: Callable[..., Llm]):
    """POST is refused by a tool that was not given it; with it, the JSON body arrives as it is."""
    call = {"url": "/orders?draft=1", "method": "post", "query": {"note": "a b&c"}, "body": '{"n": 1}'}
    with serving(Api()) as api:
        host = keyed(api.url)
        [refused] = host.ask('Authweave("acme")', {"arguments": call}).answers
        wrong, allowed = host.ask('Authweave(profiles="acme", methods="POST")', {"arguments": {**call, "body": "{n: 1}"}}, {"arguments": call}).answers

    assert "may send GET, HEAD; not 'POST'" in refused
    assert "body is no JSON text" in wrong
    assert allowed.startswith("HTTP 200")
    [asked] = api.asked
    assert ("POST", "/orders?draft=1&note=a+b%26c", b'{"n": 1}') == (asked.method, asked.target, asked.body)
    assert ["application/json"] == asked.values("content-type")
    assert [KEY] == asked.values("x-key")


def test_what_a_model_gets_is_bounded(keyed: Callable[..., Llm]):
    """Of a long answer the beginning; of bytes that are no text their number; of an answer that never ends an error, in time."""
    def answer(request: Request) -> Reply:
        return Reply(200, b"x" * 5_000_000 if request.target == "/long" else b"\x89PNG\0\0", (("Content-Type", "text/plain"),))

    with Server(talks(answer)) as api, Server(hang_after_headers) as slow:
        host = keyed(api.url.rstrip("/"), slow.url.rstrip("/"))
        calls = [{"arguments": {"url": url}} for url in ("/long", "/picture", f"{slow.url}x")]
        long, binary, endless = host.ask('Authweave(profiles="acme", seconds=2)', *calls).answers

    assert 32_000 < len(long) < 34_000
    assert long.endswith("(cut here: the answer is longer)")
    assert "(6 bytes that are no text)" in binary
    assert endless.startswith("No answer:")


def test_in_an_event_loop_the_tool_leaves_the_loop_alone(keyed: Callable[..., Llm]):
    """An async model awaits it, a heart goes on beating meanwhile, and a plain model in a notebook calls it, too."""
    with serving(Api(good=Reply(200, chunks=(0.5, b"late")))) as api:
        said = keyed(api.url).script("""
import asyncio, json, llm
from llm.plugins import load_plugins
load_plugins()
toolbox = llm.get_tools()["Authweave"]
prompt = json.dumps([{"arguments": {"url": "/x"}}])
beats = 0

async def heart():
    global beats
    while True:
        await asyncio.sleep(0.01)
        beats += 1

async def main():
    beating = asyncio.create_task(heart())
    print(await llm.get_async_model("scripted").chain(prompt, tools=[toolbox("acme")]).text())
    print("beats", beats > 10)
    print(llm.get_model("scripted").chain(prompt, tools=[toolbox("acme")]).text())
    beating.cancel()

asyncio.run(main())
""")

    assert 2 == said.out.count("HTTP 200"), said.err
    assert 2 == said.out.count("late")
    assert "beats True" in said.out


def test_several_profiles_are_several_tools(with_profile: Callable[..., Llm]):
    """Each is named after its profile and tenant, and carries its own credential; who the user is stands in no name."""
    key = {"type": "api_key", "fields": [{"in": "header", "key": "X-Key", "value": "{{ inputs.api_key }}"}]}
    with serving(Api()) as one, serving(Api()) as other:
        with_profile("acme", key, one.url, inputs={"api_key": KEY})
        host = with_profile("globex", key, other.url, inputs={"api_key": "k3y-of-globex", "_blue__api_key": "k3y-of-blue"})
        host = replace(host, environment={**host.environment, "AUTHWEAVE_ACME_API_KEY": KEY})
        said = host.ask(
            'Authweave(["acme,subject=anna", "globex,tenant=blue"])',
            {"name": "Authweave_globex_blue", "arguments": {"url": "/b"}}, {"name": "Authweave_acme", "arguments": {"url": "/a"}},
        )  # fmt: skip

    assert ["Authweave_acme", "Authweave_globex_blue"] == [tool["name"] for tool in said.tools]
    assert [["k3y-of-blue"]] == [asked.values("x-key") for asked in other.asked], said.answers
    assert [[KEY]] == [asked.values("x-key") for asked in one.asked]


def test_a_missing_sign_in_names_the_command_and_shows_no_link(with_profile: Callable[..., Llm], oidc_provider: OidcProvider):
    """Who has the link can use it, and what a tool answers goes to whoever runs the model: it is got at a terminal."""
    auth = {
        "type": "oauth2", "grant_type": "authorization_code", "authorization_url": oidc_provider.authorization_url,
        "token_url": oidc_provider.token_url, "redirect_uri": "http://127.0.0.1:8400/callback",
    }  # fmt: skip
    host = with_profile("acme", auth, oidc_provider.origin, inputs={"client_id": "nobody", "client_secret": SECRET})

    said = host.ask('Authweave("acme,subject=anna")', {"arguments": {"url": "/api/me"}})

    assert "at a terminal: authweave login acme --subject anna" in said.answers[0]
    assert "at a terminal: authweave login acme --subject anna" in said.err
    assert oidc_provider.authorization_url not in f"{said.out}{said.err}{said.turns}"


def test_what_a_person_wrote_wrong_is_one_line(keyed: Callable[..., Llm]):
    """llm ends with the reason, before a model is asked."""
    host = keyed("https://api.acme.example")
    said = host.ask('Authweave("acme,secret=x")', {"arguments": {"url": "/"}})
    others = host.script("""
import click, llm
toolbox = llm.get_tools()["Authweave"]
for words in ({}, {"profiles": []}, {"profiles": "nobody"}, {"profiles": ["acme", 1]}, {"profiles": "acme", "methods": "CONNECT"}, {"profiles": "acme", "seconds": -1}):
    try:
        toolbox(**words)
    except click.UsageError as error:
        print(error)
""")

    assert 2 == said.code
    assert [] == said.turns
    assert "names no profile" in said.err
    assert "Traceback" not in said.err
    needs = "Authweave needs the name of a profile: -T 'Authweave(\"acme-crm,tenant=blue\")'"
    unnamed, empty, unknown, odd, method, seconds = others.out.splitlines()
    assert [needs] * 3 == [unnamed, empty, odd]
    assert "nobody" in unknown
    assert "not CONNECT" in method
    assert "seconds is a number up to 600" in seconds


def test_it_costs_nothing_where_no_tool_is_named(llm: Llm):
    """llm lists the toolbox, and has loaded neither the engine nor a profile for it."""
    listed = llm.run("tools", "list")
    loaded = llm.script("import llm, sys; llm.get_tools(); print([name for name in ('httpx', 'jsonschema', 'authweave.engine') if name in sys.modules])")

    assert 0 == listed.code, listed.err
    assert "Authweave(profiles" in listed.out
    assert "[]" == loaded.out.strip()

"""HTTPie itself, in an environment of its own: it loads authweave by its entry point, and sends what a profile says."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from host_profiles import IN_BODY, IN_QUERY, PROFILE
from parts.httpie import Httpie
from parts.identity import Client
from parts.oidc import OidcProvider
from services import Api, Reply, Request, says, serving

SELECTED = "--auth-type=authweave"


def with_profile(httpie: Httpie, provider: OidcProvider, client: Client, fields: str = "", api: str = "http://127.0.0.1:9") -> Httpie:
    """HTTPie on a machine where the profile acme-crm is known, and its client's id and secret."""
    folder = httpie.folder / "profiles"
    folder.mkdir(exist_ok=True)
    (folder / "acme-crm.yaml").write_text(PROFILE % {"origin": provider.origin, "fields": fields, "api": api})
    credentials = {"AUTHWEAVE_ACME_CRM_CLIENT_ID": client.client_id, "AUTHWEAVE_ACME_CRM_CLIENT_SECRET": client.client_secret}
    return replace(httpie, settings={"AUTHWEAVE_PROFILES": str(folder), **credentials})


@pytest.fixture
def client(oidc_provider: OidcProvider) -> Client:
    return oidc_provider.new_client(scope="api:read")


def test_a_request_gets_its_token_and_a_token_that_died_is_renewed(httpie: Httpie, oidc_provider: OidcProvider, client: Client) -> None:
    """One token serves several commands; when the provider ends it, the next command gets another one by itself."""
    http = with_profile(httpie, oidc_provider, client)
    words = (SELECTED, "--auth=acme-crm,tenant=blue", "--check-status", f"{oidc_provider.api_url}/read")

    first, second = http.run(*words), http.run(*words)
    oidc_provider.kill(client)
    third = http.run(*words)

    assert [(0, "")] * 3 == [(ended.returncode, ended.stderr) for ended in (first, second, third)]
    assert {"via": "header"}.items() <= json.loads(third.stdout).items()
    assert (2, 3, 1) == tuple(oidc_provider.counts(client)[name] for name in ("token", "api_200", "api_401"))
    assert {"blue"} == {seen.header("x-acme-tenant") for seen in oidc_provider.seen(client, kind="api")}


def test_a_token_that_ran_out_between_two_commands(httpie: Httpie, oidc_provider: OidcProvider) -> None:
    """It is followed by another one before anything is sent: the API never sees the old one."""
    client = oidc_provider.new_client(scope="api:read", ttl=2)
    http = with_profile(httpie, oidc_provider, client)
    words = (SELECTED, "-a", "acme-crm", "--check-status", f"{oidc_provider.api_url}/read")

    first = http.run(*words)
    time.sleep(2.5)
    second = http.run(*words)

    assert [(0, "")] * 2 == [(ended.returncode, ended.stderr) for ended in (first, second)]
    assert {"token": 2, "granted": 2, "api": 2, "api_200": 2} == oidc_provider.counts(client)


@pytest.mark.parametrize(("fields", "words", "via"), [(IN_BODY, ("--form", "POST"), "body"), (IN_QUERY, ("GET",), "query")])
def test_a_token_in_another_place(
    httpie: Httpie, oidc_provider: OidcProvider, client: Client, fields: str, words: tuple[str, ...], via: str
) -> None:
    """In the form or in the query, beside what the person typed; renewed there, too."""
    http = with_profile(httpie, oidc_provider, client, fields)
    typed = ("colour=red",) if via == "body" else ("colour==red",)
    command = (SELECTED, "-a", "acme-crm", *words, f"{oidc_provider.api_url}/read", *typed)

    http.run(*command)
    oidc_provider.kill(client)
    ended = http.run(*command)

    assert via == json.loads(ended.stdout)["via"]
    assert all("colour=red" in seen.target + seen.body for seen in oidc_provider.seen(client, kind="api"))


def test_a_refused_credential_is_explained(httpie: Httpie, oidc_provider: OidcProvider, client: Client) -> None:
    """The answer is shown as it came, with the exit code that HTTPie has for it; one line says what to do."""
    with serving(Api(accepts=lambda token: False)) as api:
        http = with_profile(httpie, oidc_provider, client, api=api.url)
        ended = http.run(SELECTED, "-a", "acme-crm,tenant=blue", "--check-status", f"{api.url}/x")

    assert 4 == ended.returncode
    assert "invalid_token" in ended.stdout
    assert "acme-crm,tenant=blue: the API does not accept the credential (401)" in ended.stderr
    assert "authweave test acme-crm --tenant blue" in ended.stderr
    assert 2 == api.count
    assert not any(token in ended.stderr for token in api.tokens)


def test_a_scope_that_is_missing_is_explained(httpie: Httpie, oidc_provider: OidcProvider, client: Client) -> None:
    """403: which scope it was."""
    ended = with_profile(httpie, oidc_provider, client).run(SELECTED, "-a", "acme-crm", f"{oidc_provider.api_url}/write")

    assert "api:write" in ended.stderr
    assert 1 == oidc_provider.counts(client)["token"]


@pytest.mark.parametrize(
    ("auth", "says"),
    [
        ("acme-crn", "acme-crn"),
        ("acme-crm,tennant=blue", "PROFILE[@VERSION]"),
        ("", "no profile is named"),
        ("acme-crm,tenant=blue,tenant=red", "names tenant twice"),
    ],
)
def test_a_profile_that_is_not_there(httpie: Httpie, oidc_provider: OidcProvider, client: Client, auth: str, says: str) -> None:
    """One plain line and HTTPie's own exit code, without a traceback; nothing is sent."""
    ended = with_profile(httpie, oidc_provider, client).run(SELECTED, f"--auth={auth}", f"{oidc_provider.api_url}/read")

    assert 1 == ended.returncode
    assert says in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "" == ended.stdout
    assert 0 == oidc_provider.counts(client)["api"]


def test_what_nobody_supplied(httpie: Httpie, oidc_provider: OidcProvider, client: Client) -> None:
    """A missing input is named, with the place it could come from; nobody is asked for a password."""
    http = with_profile(httpie, oidc_provider, client)
    settings = {name: value for name, value in http.settings.items() if not name.endswith("SECRET")}
    ended = replace(http, settings=settings).run(SELECTED, "-a", "acme-crm", f"{oidc_provider.api_url}/read")

    assert 1 == ended.returncode
    assert "client_secret" in ended.stderr
    assert "AUTHWEAVE_ACME_CRM_CLIENT_SECRET" in ended.stderr
    assert "\\n" not in ended.stderr
    assert "Traceback" not in ended.stderr


def test_installed_as_a_plugin(httpie: Httpie, oidc_provider: OidcProvider, client: Client) -> None:
    """`httpie plugins install`: in a folder of HTTPie's own, which is on the path only while plugins are looked for."""
    ended = with_profile(httpie, oidc_provider, client).run_with_plugins(SELECTED, "-a", "acme-crm", f"{oidc_provider.api_url}/read")

    assert "header" == json.loads(ended.stdout)["via"], ended.stderr


def test_another_host_gets_nothing(httpie: Httpie, oidc_provider: OidcProvider, client: Client) -> None:
    """A URL that is not of the profile's servers is refused before anything is sent; so is http:// to another machine."""
    with serving(Api()) as other:
        http = with_profile(httpie, oidc_provider, client)
        refused = http.run(SELECTED, "-a", "acme-crm", f"{other.url}/x")
        plain = http.run(SELECTED, "-a", "acme-crm", "api.acme.example/x")

    assert (1, 1) == (refused.returncode, plain.returncode)
    assert "is not among the servers" in refused.stderr
    assert "http" in plain.stderr
    assert 0 == other.count


def test_a_session_keeps_the_name_alone(httpie: Httpie, oidc_provider: OidcProvider, client: Client) -> None:
    """HTTPie's session file holds the type and the text of --auth; a later command of the session is authorized by it."""
    http = with_profile(httpie, oidc_provider, client)
    http.run(SELECTED, "-a", "acme-crm,tenant=blue", "--session=mine", f"{oidc_provider.api_url}/read")
    ended = http.run("--session=mine", f"{oidc_provider.api_url}/read")

    sent = {str(seen.header("authorization")).removeprefix("Bearer ") for seen in oidc_provider.seen(client, kind="api")}
    assert "header" == json.loads(ended.stdout)["via"]
    assert b'"raw_auth": "acme-crm,tenant=blue"' in http.files
    assert not any(token.encode() in http.files for token in sent)
    assert client.client_secret.encode() not in http.files


class Leads(Api):
    """An API whose paths lead elsewhere."""

    def __init__(self, **places: str) -> None:
        super().__init__()
        self.places = places

    def __call__(self, request: Request) -> Reply:
        self.asked.append(request)
        to = self.places.get(request.target.partition("?")[0].strip("/"))
        return says({}, 302, ("Location", to)) if to else self.good


def test_redirects_are_followed_without_the_credential(httpie: Httpie, oidc_provider: OidcProvider, client: Client) -> None:
    """--follow: on the same origin the next hop is authorized anew, another origin gets nothing. `:port` is localhost."""
    with serving(Api()) as other, serving(Leads(x="/y", y=f"{other.url}/landed")) as home:
        at_home = home.url.replace("127.0.0.1", "localhost")
        http = with_profile(httpie, oidc_provider, client, IN_QUERY, api=at_home)
        ended = http.run(SELECTED, "-a", "acme-crm", "--follow", f":{at_home.rpartition(':')[2]}/x")

    assert 0 == ended.returncode, ended.stderr
    assert ["/x?access_token=", "/y?access_token="] == [request.target[:16] for request in home.asked]
    assert ["blue"] * 2 == [value for request in home.asked for value in request.values("x-acme-tenant")]
    assert ["/landed"] == [request.target for request in other.asked]
    assert not other.asked[0].values("x-acme-tenant")


def test_offline_shows_what_would_be_sent(httpie: Httpie, oidc_provider: OidcProvider, client: Client) -> None:
    """--offline builds the request, credential and all, on the person's own terminal; the API is not called."""
    ended = with_profile(httpie, oidc_provider, client).run("--offline", SELECTED, "-a", "acme-crm", f"{oidc_provider.api_url}/read")

    assert "Authorization: Bearer " in ended.stdout
    assert 0 == oidc_provider.counts(client)["api"]


def test_downloads_and_bodies(httpie: Httpie, oidc_provider: OidcProvider, client: Client, tmp_path: Path) -> None:
    """A download of a token that has died starts anew; an upload from a file comes again in full."""
    (tmp_path / "up.json").write_text('{"n": 1}')
    with serving(Api()) as api:
        http = with_profile(httpie, oidc_provider, client, api=api.url)
        first = http.run(SELECTED, "-a", "acme-crm", "POST", f"{api.url}/up", "@up.json")
        dead = api.tokens[0]
        api.accepts = lambda token: token != dead
        second = http.run(SELECTED, "-a", "acme-crm", "POST", f"{api.url}/up", "@up.json")
        third = http.run(SELECTED, "-a", "acme-crm", "--download", "--output=down.json", f"{api.url}/down")

    assert (0, 0, 0) == (first.returncode, second.returncode, third.returncode)
    assert [b'{"n": 1}'] * 3 == [request.body for request in api.asked if request.method == "POST"]
    assert {"ok": True} == json.loads((tmp_path / "down.json").read_text())

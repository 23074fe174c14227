"""Kedro itself, in an environment of its own: `kedro run` loads authweave by its entry point, and datasets get their auth."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from host_profiles import IN_BODY, IN_QUERY, PROFILE
from parts.identity import Client
from parts.kedro import Project
from parts.oidc import OidcProvider
from services import Api, serving

READS = """
import time
from kedro.pipeline import node

def read(response):
    return response.json()["via"]

def pause(via):
    time.sleep(%(pause)s)
    return via

def tell(response, first):
    print("SAW", first, response.json()["via"])

nodes = [node(read, "contacts", "via"), node(pause, "via", "later"), node(tell, ["again", "later"], None)]
"""
ASKED = {"authweave": "acme-crm,tenant=blue"}


def settings_of(kedro: Project, provider: OidcProvider, client: Client, fields: str = "", api: str = "http://127.0.0.1:9") -> dict[str, str]:
    """A machine where the profile acme-crm is known, and its client's id and secret."""
    folder = kedro.folder / "profiles"
    folder.mkdir(exist_ok=True)
    (folder / "acme-crm.yaml").write_text(PROFILE % {"origin": provider.origin, "fields": fields, "api": api})
    credentials = {"AUTHWEAVE_ACME_CRM_CLIENT_ID": client.client_id, "AUTHWEAVE_ACME_CRM_CLIENT_SECRET": client.client_secret}
    return {"AUTHWEAVE_PROFILES": str(folder), **credentials}


def entry(url: str, credentials: Any = ASKED, **more: Any) -> dict[str, Any]:
    """A dataset of the catalogue."""
    return {"type": "api.APIDataset", "url": url, "credentials": credentials, **more}


@pytest.fixture
def client(oidc_provider: OidcProvider) -> Client:
    return oidc_provider.new_client(scope="api:read")


@pytest.mark.parametrize("runner", ["SequentialRunner", "ThreadRunner", "ParallelRunner"])
def test_datasets_get_their_credential_in_every_runner(kedro: Project, oidc_provider: OidcProvider, runner: str) -> None:
    """From credentials.yml and from the catalogue; a token that runs out between two nodes is followed by another one."""
    client = oidc_provider.new_client(scope="api:read", ttl=2)
    url = f"{oidc_provider.api_url}/read"
    kedro.write({"contacts": entry(url), "again": entry(url, "acme")}, READS % {"pause": 3}, {"acme": ASKED})
    ended = kedro.run(f"--runner={runner}", **settings_of(kedro, oidc_provider, client))

    assert 0 == ended.returncode, ended.stderr
    assert "SAW header header" in ended.stdout
    assert {"blue"} == {seen.header("x-acme-tenant") for seen in oidc_provider.seen(client, kind="api")}
    assert 2 == oidc_provider.counts(client)["token"]
    assert 2 == oidc_provider.counts(client)["api_200"]


def test_a_token_that_died_is_renewed_within_a_request(kedro: Project, oidc_provider: OidcProvider, client: Client) -> None:
    """401 in the middle of a run: renewed once and sent again; the dataset sees the good answer."""
    url = f"{oidc_provider.api_url}/read"
    kills = f"""
import json, urllib.request
from kedro.pipeline import node

def kill(response):
    data = json.dumps({{"client_id": {client.client_id!r}}}).encode()
    urllib.request.urlopen(urllib.request.Request("{oidc_provider.http}/__kill", data, {{"Content-Type": "application/json"}}))
    return 1

nodes = [node(kill, "contacts", "killed"), node(lambda response, killed: print("SAW", response.status_code), ["again", "killed"], None)]
"""
    kedro.write({"contacts": entry(url), "again": {"type": "CachedDataset", "dataset": entry(url)}}, kills)
    ended = kedro.run(**settings_of(kedro, oidc_provider, client))

    assert "SAW 200" in ended.stdout, ended.stderr
    assert (2, 2, 1) == tuple(oidc_provider.counts(client)[name] for name in ("token", "api_200", "api_401"))


def test_what_a_node_saves_carries_the_credential_in_its_body(kedro: Project, oidc_provider: OidcProvider, client: Client) -> None:
    """save(): a POST and a PUT of JSON, in chunks, with the token put into the object as the profile says."""
    saves = "from kedro.pipeline import node\n\nnodes = [node(lambda: {'n': 1}, None, 'posted'), node(lambda: {'n': 2}, None, 'put')]\n"
    with serving(Api()) as api:
        kedro.write({"posted": entry(f"{api.url}/orders", method="POST"), "put": entry(f"{api.url}/order", method="PUT")}, saves)
        ended = kedro.run(**settings_of(kedro, oidc_provider, client, IN_BODY, api.url))

    assert 0 == ended.returncode, ended.stderr
    assert [("POST", 1), ("PUT", 2)] == sorted((asked.method, json.loads(asked.body)["n"]) for asked in api.asked)
    assert 1 == len({json.loads(asked.body)["access_token"] for asked in api.asked})
    assert 1 == oidc_provider.counts(client)["token"]


def test_a_dataset_that_a_pattern_makes(kedro: Project, oidc_provider: OidcProvider, client: Client) -> None:
    """A factory for tenants: the name of the dataset says whose credential it is."""
    factory = {"{tenant}_contacts": entry(f"{oidc_provider.api_url}/read", {"authweave": "acme-crm,tenant={tenant}"})}
    uses = "from kedro.pipeline import node\n\nnodes = [node(lambda answer: print('SAW', answer.status_code), f'{t}_contacts', None, name=t) for t in ('red', 'green')]\n"
    kedro.write(factory, uses)
    settings = settings_of(kedro, oidc_provider, client)
    ended = kedro.run(**settings, AUTHWEAVE_ACME_CRM__RED__TENANT="red", AUTHWEAVE_ACME_CRM__GREEN__TENANT="green")

    assert 0 == ended.returncode, ended.stdout + ended.stderr
    assert {"red", "green"} == {seen.header("x-acme-tenant") for seen in oidc_provider.seen(client, kind="api")}


def test_a_refused_credential_is_explained_in_the_log(kedro: Project, oidc_provider: OidcProvider, client: Client) -> None:
    """One warning beside Kedro's own error: whose credential, what the API said, which command tells more; no secret."""
    uses = "from kedro.pipeline import node\n\nnodes = [node(lambda answer: None, 'contacts', 'nothing')]\n"
    with serving(Api(accepts=lambda token: False)) as api:
        kedro.write({"contacts": entry(f"{api.url}/x")}, uses)
        ended = kedro.run(**settings_of(kedro, oidc_provider, client, IN_QUERY, api.url))

    said = " ".join((ended.stdout + ended.stderr).split())
    assert 1 == ended.returncode
    assert "acme-crm,tenant=blue: the API does not accept the credential (401)" in said
    assert "authweave test acme-crm --tenant blue" in said
    assert "DatasetError" in said
    tokens = [asked.target.partition("access_token=")[2] for asked in api.asked]
    assert 2 == len(set(filter(None, tokens)))
    assert not any(token in ended.stdout + ended.stderr for token in tokens)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"authweave": "acme-crn"}, "acme-crn"),
        ({"authweave": "acme-crm,tennant=blue"}, "PROFILE[@VERSION]"),
        ({"authweave": "acme-crm", "password": "x"}, "authweave stands alone in credentials, without password"),
    ],
    ids=["unknown", "misspelt", "mixed"],
)
def test_an_entry_that_names_no_profile_fails_at_the_start(
    kedro: Project, oidc_provider: OidcProvider, client: Client, asked: Mapping[str, Any], says: str
) -> None:
    """Before the first node runs, in plain words that name the entry, without a traceback."""
    uses = "from kedro.pipeline import node\n\nnodes = [node(lambda: print('RAN'), None, 'other'), node(lambda answer, other: None, ['contacts', 'other'], None)]\n"
    kedro.write({"contacts": entry(f"{oidc_provider.api_url}/read", asked)}, uses)
    ended = kedro.run(**settings_of(kedro, oidc_provider, client))

    said = " ".join((ended.stdout + ended.stderr).split())
    assert 0 != ended.returncode
    assert f"contacts: {says}" in said or ("contacts: " in said and says in said)
    assert "RAN" not in said
    assert "Traceback" not in said
    assert 0 == oidc_provider.counts(client)["token"]


def test_a_notebook_gets_its_auth_too(kedro: Project, oidc_provider: OidcProvider, client: Client) -> None:
    """`context.catalog.load(…)`; the plain way to write the catalogue back shows the name of the profile, and no more."""
    kedro.write({"contacts": entry(f"{oidc_provider.api_url}/read")}, "nodes = []\n")
    ended = kedro.script(
        "from kedro.framework.startup import bootstrap_project\n"
        "from kedro.framework.session import KedroSession\n"
        "from pathlib import Path\n"
        "bootstrap_project(Path.cwd())\n"
        "with KedroSession.create() as session:\n"
        "    catalog = session.load_context().catalog\n"
        "    print('SAW', catalog.load('contacts').json()['via'], catalog.to_config()[1])\n",
        **settings_of(kedro, oidc_provider, client),
    )

    assert "SAW header" in ended.stdout, ended.stderr
    assert "{'authweave': 'acme-crm,tenant=blue'}" in ended.stdout

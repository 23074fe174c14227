"""Apache Airflow loads authweave by its entry points: DAGs that name the auth type, and DAGs that have never heard of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from parts.airflow import Airflow, Ran, http_connection
from parts.identity import Client
from parts.oidc import OidcProvider
from services import Reply, Request, says, serving

SECRET = "s3cr3t-of-the-airflow-client"
KEY = "k3y-planted-4711"
PASSWORD = "p4ssword-of-basic"


class Api:
    """Says back what it got, as people's test servers do; under /refused with a 401."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.url = ""

    def __call__(self, request: Request) -> Reply:
        self.asked.append(request)
        return says({"you": request.headers}, 401 if request.target == "/refused" else 200)

    def of_key(self) -> dict[str, list[str]]:
        """The API keys that came with each request."""
        return {request.target: request.values("x-key") for request in self.asked}

    def of_login(self) -> dict[str, list[str]]:
        """The Authorization headers that came with each request."""
        return {request.target: request.values("authorization") for request in self.asked}


@dataclass(frozen=True)
class World:
    """What a DAG ran against, and what became of it."""

    ran: Ran
    api: Api
    client: Client


def profiles_in(folder: Path, api: Api, provider: OidcProvider) -> str:
    """A folder with `acme`, tokens of a certified provider, and `keyed`, an API key."""
    acme = {"type": "oauth2", "grant_type": "client_credentials", "token_url": provider.token_url, "scopes": ["api:read"]}
    keyed = {"type": "api_key", "fields": [{"in": "header", "key": "X-Key", "value": "{{ inputs.api_key }}"}]}
    for name, server, auth in (("acme", provider.origin, acme), ("keyed", api.url, keyed)):
        document = {"format": 1, "name": name, "identity_provider": "Acme", "servers": [server], "auth": auth}
        (folder / f"{name}.yaml").write_text(json.dumps(document))
    return str(folder)


def run(dag: str, airflow: Airflow, provider: OidcProvider, folder: Path) -> Iterator[World]:
    """Run the DAG once, with connections whose logins name profiles, and with others that do not."""
    client = provider.new_client(client_secret=SECRET, scope="api:read", ttl=2)
    with serving(Api()) as api:
        logins = {
            "ACME": http_connection(provider.origin, "authweave:acme"), "KEYED": http_connection(api.url, "authweave:keyed"),
            "ELSEWHERE": http_connection(api.url, "authweave:acme"), "UNKNOWN": http_connection(api.url, "authweave:nobody"),
            "UNNAMED": http_connection(api.url), "BASIC": http_connection(api.url, "robot", PASSWORD), "OPEN": http_connection(api.url),
        }  # fmt: skip
        yield World(
            airflow.test(
                dag, AUTHWEAVE_PROFILES=profiles_in(folder, api, provider), AUTHWEAVE_STORE=f"sqlite:///{folder}/tokens.db",
                AUTHWEAVE_ACME_CLIENT_ID=client.client_id, AUTHWEAVE_ACME_CLIENT_SECRET=SECRET, AUTHWEAVE_KEYED_API_KEY=KEY,
                **{f"AIRFLOW_CONN_{name}": value for name, value in logins.items()},
            ), api, client,
        )  # fmt: skip


@pytest.fixture(scope="module")
def named(airflow: Airflow, oidc_provider: OidcProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The DAG that names the auth type."""
    yield from run("named", airflow, oidc_provider, tmp_path_factory.mktemp("named"))


@pytest.fixture(scope="module")
def unaware(airflow: Airflow, oidc_provider: OidcProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The DAG that knows nothing of authweave."""
    yield from run("unaware", airflow, oidc_provider, tmp_path_factory.mktemp("unaware"))


class TestNamed:
    """`auth_type=ProfileAuth`, and a connection whose login names the profile."""

    def test_a_token_that_expires_within_the_run_is_renewed(self, named: World, oidc_provider: OidcProvider):
        """Operators and hooks send the bearer token of the moment: one before the pause, one after it, for two tasks."""
        assert {"success"} == {named.ran.states[task] for task in ("first", "pause", "later", "by_hook")}, named.ran.text
        assert {"token": 2, "granted": 2, "api": 3, "api_200": 3} == oidc_provider.counts(named.client)
        first, *later = (seen.header("authorization") for seen in oidc_provider.seen(named.client, kind="api"))
        assert later[0] == later[1] != first
        assert f"{first}{later}".count("Bearer ") == 3

    def test_a_refusal_is_explained_in_the_log_of_the_task(self, named: World):
        """Whose credential it was, and the command that says what to change; the task fails as for every 401."""
        log = named.ran.log_of("refused")

        assert "keyed: the API does not accept the credential (401). What was sent, what came back and what to change: authweave test keyed" in log
        assert "401:" in log
        assert [KEY] == named.api.of_key()["/refused"]

    @pytest.mark.parametrize(("task", "wanted"), [
        ("unknown", "nobody: there is no profile nobody"),
        ("unnamed", "the connection names no profile: its login is authweave:PROFILE"),
        ("elsewhere", "is not among the servers that may get this credential"),
    ])  # fmt: skip
    def test_what_cannot_be_mended_by_trying_again_fails_for_good(self, named: World, task: str, wanted: str):
        """The sentence is in the log, nothing was sent, and no retry follows although the task has one."""
        assert wanted in named.ran.log_of(task)
        assert "failed" == named.ran.states[task]
        assert "/x" not in named.api.of_login()

    def test_other_failures_keep_the_retries_of_the_task(self, named: World):
        """The API's refusal is Airflow's to handle, as ever."""
        assert named.ran.states["refused"] in ("up_for_retry", "failed")

    def test_a_credential_that_comes_back_is_masked_in_logs(self, named: World):
        """Airflow's masker knows what was sent, as it knows the passwords of connections."""
        [line] = [line for line in named.ran.text.splitlines() if "masked: " in line]

        assert '["X-Key", "***"]' in line
        assert SECRET not in named.ran.text


class TestUnaware:
    """A DAG as it stands: an installed authweave and the connection's login are all there is."""

    @pytest.mark.parametrize("target", ["operator", "derived", "mapped/0", "mapped/1", "sensor", "mapped_sensor/0", "templated_sensor", "refused"])
    def test_tasks_get_the_credential_that_their_connection_names(self, unaware: World, target: str):
        """Operators, sensors, what is derived from them, what is mapped, what names its connection by a template."""
        assert [KEY] == unaware.api.of_key()[f"/{target}"], unaware.ran.text
        assert [] == unaware.api.of_login()[f"/{target}"]

    def test_they_succeed_and_a_refusal_is_explained(self, unaware: World):
        """As in a DAG that names the auth type."""
        tasks = ("operator", "derived", "mapped", "sensor", "mapped_sensor", "templated_sensor")

        assert ["success"] * len(tasks) == [unaware.ran.states[task] for task in tasks]
        assert "keyed: the API does not accept the credential (401)" in unaware.ran.log_of("refused")

    @pytest.mark.parametrize("task", ["deferred", "deferred_sensor"])
    def test_what_would_be_deferred_is_refused_plainly(self, unaware: World, task: str):
        """The triggerer sends with another library, which would take the profile's name for a user's: nothing is sent."""
        assert f"/{task}" not in unaware.api.of_login()
        assert "set deferrable=False for this task" in unaware.ran.log_of(task)
        assert "failed" == unaware.ran.states[task]

    @pytest.mark.parametrize(("target", "wanted"), [
        ("basic_operator", ["Basic cm9ib3Q6cDRzc3dvcmQtb2YtYmFzaWM="]), ("basic_sensor", ["Basic cm9ib3Q6cDRzc3dvcmQtb2YtYmFzaWM="]),
        ("deferred_basic", ["Basic cm9ib3Q6cDRzc3dvcmQtb2YtYmFzaWM="]), ("open_operator", []), ("open_sensor", []), ("own", []),
    ])  # fmt: skip
    def test_all_other_tasks_send_what_they_sent(self, unaware: World, target: str, wanted: list[str]):
        """Basic for a login and a password, nothing without, deferred or not; and an auth type of its own stays."""
        assert wanted == unaware.api.of_login()[f"/{target}"], unaware.ran.text
        assert [] == unaware.api.of_key()[f"/{target}"]
        assert "success" == unaware.ran.states[target]

    def test_nobody_ever_sends_the_name_of_a_profile(self, unaware: World, named: World):
        """Not as the user of Basic, not at all."""
        sent = "".join(f"{request.target}{request.headers}" for world in (unaware, named) for request in world.api.asked)

        assert "YXV0aHdlYXZl" not in sent
        assert "authweave" not in sent

"""Apache Airflow loads authweave by its entry points: DAGs that name the auth type, and DAGs that have never heard of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from parts.airflow import Airflow, Ran, http_connection
from parts.identity import Client
from parts.oidc import OidcProvider
from services import Reply, Request, says, serving

SECRET = "s3cr3t-of-the-airflow-client"
KEY = "k3y-planted-4711"
PASSWORD = "p4ssword-of-basic"
BASIC = "Basic cm9ib3Q6cDRzc3dvcmQtb2YtYmFzaWM="
REFUSED = "keyed: the API does not accept the credential (401)."
FOR_GOOD = {
    "unknown": "nobody: there is no profile nobody",
    "unnamed": "the connection names no profile: its login is authweave:PROFILE",
    "elsewhere": "is not among the servers that may get this credential",
}


class Api:
    """Says back what it got, as people's test servers do; under /refused with a 401."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.url = ""

    def __call__(self, request: Request) -> Reply:
        self.asked.append(request)
        return says({"you": request.headers}, 401 if request.target == "/refused" else 200)

    def credentials(self) -> dict[str, list[str]]:
        """What came with each request: API keys and Authorization headers."""
        return {request.target: request.values("x-key") + request.values("authorization") for request in self.asked}


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


def run(dag: str, airflow: Airflow, provider: OidcProvider, folder: Path) -> World:
    """Run the DAG once, with connections whose logins name profiles, and with others that do not."""
    client = provider.new_client(client_secret=SECRET, scope="api:read", ttl=2)
    with serving(Api()) as api:
        connections = {
            "ACME": http_connection(provider.origin, "authweave:acme"), "KEYED": http_connection(api.url, "authweave:keyed"),
            "ELSEWHERE": http_connection(api.url, "authweave:acme"), "UNKNOWN": http_connection(api.url, "authweave:nobody"),
            "UNNAMED": http_connection(api.url), "BASIC": http_connection(api.url, "robot", PASSWORD), "OPEN": http_connection(api.url),
        }  # fmt: skip
        ran = airflow.test(
            dag, AUTHWEAVE_PROFILES=profiles_in(folder, api, provider), AUTHWEAVE_STORE=f"sqlite:///{folder}/tokens.db",
            AUTHWEAVE_ACME_CLIENT_ID=client.client_id, AUTHWEAVE_ACME_CLIENT_SECRET=SECRET, AUTHWEAVE_KEYED_API_KEY=KEY,
            **{f"AIRFLOW_CONN_{name}": value for name, value in connections.items()},
        )  # fmt: skip
    sent = "".join(f"{request.target}{request.headers}" for request in api.asked)
    assert "YXV0aHdlYXZl" not in sent, "the name of a profile was sent as the user of Basic"
    assert SECRET not in ran.text
    return World(ran, api, client)


def test_a_dag_that_names_the_auth_type(airflow: Airflow, oidc_provider: OidcProvider, tmp_path: Path):
    """`auth_type=ProfileAuth`, and connections whose logins name profiles: one run, and what each of its tasks met."""
    world = run("named", airflow, oidc_provider, tmp_path)
    ran = world.ran

    # A token that expires within the run is renewed, for an operator and for a hook; how many there are tells how busy the machine was.
    assert {"success"} == {ran.states[task] for task in ("first", "pause", "later", "by_hook")}, ran.text
    counts = oidc_provider.counts(world.client)
    assert (3, 3) == (counts["api"], counts["api_200"])
    assert counts["granted"] == counts["token"] in (2, 3)
    first, *later = (seen.header("authorization") or "" for seen in oidc_provider.seen(world.client, kind="api"))
    assert first not in later
    assert all(header.startswith("Bearer ") for header in (first, *later))

    # A refusal is explained in the log of its task, and is Airflow's to handle: the task is tried again.
    assert f"{REFUSED} What was sent, what came back and what to change: authweave test keyed" in ran.log_of("refused")
    assert ("failed", 2) == (ran.states["refused"], ran.tries["refused"])

    # What trying again cannot mend fails for good, with a sentence, and nothing is sent.
    for task, wanted in FOR_GOOD.items():
        assert wanted in ran.log_of(task)
        assert ("failed", 1) == (ran.states[task], ran.tries[task])
    assert {"/refused": [KEY]} == world.api.credentials()

    # Airflow's masker knows what was sent, as it knows the passwords of connections.
    [line] = [line for line in ran.text.splitlines() if "masked: " in line]
    assert '["X-Key", "***"]' in line


def test_a_dag_that_knows_nothing_of_authweave(airflow: Airflow, oidc_provider: OidcProvider, tmp_path: Path):
    """An installed authweave and the connection's login are all there is: the policy gives each task its auth."""
    world = run("unaware", airflow, oidc_provider, tmp_path)
    ran = world.ran

    # Operators and sensors, what is derived from them, what is mapped, and what names its connection by a template get the
    # profile's credential. All other tasks send what they sent: Basic, nothing, or by an auth type of their own.
    profiled = ["operator", "derived", "mapped/0", "mapped/1", "sensor", "mapped_sensor/0", "templated_sensor", "refused"]
    basic, plain = ["basic_operator", "basic_sensor", "deferred_basic"], ["open_operator", "open_sensor", "own", "own_mapped"]
    wanted = {f"/{target}": [KEY] for target in profiled} | {f"/{target}": [BASIC] for target in basic} | {f"/{target}": [] for target in plain}
    assert wanted == world.api.credentials(), ran.text
    assert {"success"} == {ran.states[target.partition("/")[0]] for target in (*profiled, *basic, *plain) if target != "refused"}
    assert REFUSED in ran.log_of("refused")

    # A token that expires between two tasks is followed by another one.
    assert {"success"} == {ran.states[task] for task in ("first", "pause", "later")}
    first, later = (seen.header("authorization") or "" for seen in oidc_provider.seen(world.client, kind="api"))
    assert ["Bearer", "Bearer"] == [header.partition(" ")[0] for header in (first, later)]
    assert first != later
    assert 2 == oidc_provider.counts(world.client)["api_200"]

    # The triggerer sends with another library, which would take the profile's name for a user's: such tasks are refused.
    for task in ("deferred", "deferred_sensor"):
        assert "set deferrable=False for this task" in ran.log_of(task)
        assert "failed" == ran.states[task]

    # Nothing told a hook in a Python task, nor what is given a connection's login and password, of the profile: refused, for good, and nothing is sent.
    for task in ("untold", "untold_pair"):
        assert "authweave:keyed: this login names a profile, and Airflow would send it as the user of Basic" in ran.log_of(task)
        assert ("failed", 1) == (ran.states[task], ran.tries[task])

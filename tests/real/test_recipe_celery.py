"""Celery: workers that fork share one token over their store, as the recipe of docs/hosts.md has it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from parts.celery import CHILDREN, CeleryWorker
from parts.identity import Client
from parts.oidc import OidcProvider
from services import until

TASKS = 20
AT_ONCE = ["/api/me"] * TASKS


def settings(folder: Path, provider: OidcProvider, client: Client, **more: str) -> dict[str, str]:
    """The profile `acme` for the provider's API, and this client as its inputs."""
    auth = {"type": "oauth2", "grant_type": "client_credentials", "token_url": provider.token_url, "client_auth": "client_secret_basic"}
    document = {"format": 1, "name": "acme", "version": "1.0.0", "identity_provider": "Acme", "servers": [provider.origin], "auth": auth}
    (folder / "acme.json").write_text(json.dumps(document))
    credentials = {"AUTHWEAVE_ACME_CLIENT_ID": client.client_id, "AUTHWEAVE_ACME_CLIENT_SECRET": client.client_secret}
    return {"AUTHWEAVE_PROFILES": str(folder), "XDG_CONFIG_HOME": str(folder / "config"), **credentials, **more}


@pytest.fixture(params=["sqlite, engine made before the fork", "redis, engine made in each child"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """Where tokens are kept, and when the engine is made."""
    if request.param.startswith("sqlite"):
        return {"AUTHWEAVE_STORE": f"sqlite:///{tmp_path}/tokens.db", "BEFORE_THE_FORK": "1"}
    return {"AUTHWEAVE_STORE": request.getfixturevalue("redis_server").fresh_url(), "AUTHWEAVE_STORE_KEY": "plaintext"}


def test_all_children_share_each_token_for_its_life(
    celery_worker: Callable[..., CeleryWorker], oidc_provider: OidcProvider, tmp_path: Path, kept: dict[str, str]
) -> None:
    """One token request for twenty tasks in several processes; when the provider ends the token, one more. The worker ends by itself."""
    client = oidc_provider.new_client()
    worker = celery_worker(**settings(tmp_path, oidc_provider, client, **kept))

    first = worker.calls(*AT_ONCE)
    counted = [oidc_provider.counts(client)["granted"]]
    oidc_provider.kill(client)
    second = worker.calls(*AT_ONCE)
    counted.append(oidc_provider.counts(client)["granted"])
    worker.end()

    assert [200] * 2 * TASKS == [each.get("status") for each in (*first, *second)], worker.log
    assert 1 < len({each["pid"] for each in (*first, *second)}) <= CHILDREN
    assert [1, 2] == counted
    until(lambda: worker.has_ended, 30)
    assert "Traceback" not in worker.log


def test_tasks_go_on_while_tokens_run_out(
    celery_worker: Callable[..., CeleryWorker], oidc_provider: OidcProvider, tmp_path: Path, kept: dict[str, str]
) -> None:
    """Tokens that live for two seconds: no task hears of it, and no child gets one that another has already got."""
    client = oidc_provider.new_client(ttl=2)
    worker = celery_worker(**settings(tmp_path, oidc_provider, client, **kept))
    answers: list[dict[str, Any]] = []

    def has_outlived_two() -> bool:
        answers.extend(worker.calls(*AT_ONCE[:6]))
        return oidc_provider.counts(client)["granted"] > 2

    begun = time.monotonic()
    until(has_outlived_two, 60)
    elapsed = int(time.monotonic() - begun)

    assert {200} == {each.get("status") for each in answers}, worker.log
    assert oidc_provider.counts(client)["granted"] <= 2 + elapsed  # a life is two seconds, renewed from the middle on; three children alone would have three at once


def test_a_refused_credential_is_told_by_the_task(
    celery_worker: Callable[..., CeleryWorker], oidc_provider: OidcProvider, tmp_path: Path
) -> None:
    """The failure of the task says what was refused, by whom, and nothing secret; so does the log of the worker."""
    client = oidc_provider.new_client()
    wrong = Client(client.client_id, "n0t-the-secret-of-this-client")
    worker = celery_worker(**settings(tmp_path, oidc_provider, wrong))

    [failed] = worker.calls("/api/me")
    [forbidden] = worker.calls("https://elsewhere.example/api/me")

    assert ["CallFailed"] * 2 == [failed["failed"], forbidden["failed"]]
    assert "invalid_client" in failed["message"]
    assert "elsewhere.example" in forbidden["message"]
    assert wrong.client_secret not in worker.log + json.dumps(failed)


def test_a_worker_that_is_told_to_end_lets_a_renewal_end(
    celery_worker: Callable[..., CeleryWorker], oidc_provider: OidcProvider, tmp_path: Path
) -> None:
    """A warm shutdown while a task waits for its token: the task has its answer, and the worker ends."""
    client = oidc_provider.new_client(delay=2)
    worker = celery_worker(**settings(tmp_path, oidc_provider, client, AUTHWEAVE_STORE=f"sqlite:///{tmp_path}/tokens.db"))

    worker.begin("/api/me")
    until(lambda: oidc_provider.counts(client)["token"] > 0, 30)
    worker.end()

    until(lambda: worker.has_ended, 60)
    assert 1 == oidc_provider.counts(client)["api_200"]
    assert "succeeded" in worker.log

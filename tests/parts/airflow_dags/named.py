"""A DAG that names the auth type itself."""

from __future__ import annotations

import time
from datetime import timedelta

from airflow.providers.http.hooks.http import HttpHook
from airflow.providers.http.operators.http import HttpOperator
from airflow.sdk import dag, task

from authweave.hosts.airflow import ProfileAuth


@dag(schedule=None)
def named():
    @task
    def pause() -> None:
        """Longer than the token lives."""
        time.sleep(2.5)

    @task
    def by_hook() -> str:
        return HttpHook("GET", "acme", auth_type=ProfileAuth).run("api/read").text

    @task
    def masked() -> None:
        """Says what Airflow's log makes of an answer that holds the credential."""
        from airflow.sdk._shared.secrets_masker import redact

        response = HttpHook("GET", "keyed", auth_type=ProfileAuth).run("refused", extra_options={"check_response": False})
        print("masked:", redact(response.text))

    first = HttpOperator(task_id="first", http_conn_id="acme", method="GET", endpoint="api/read", auth_type=ProfileAuth)
    later = HttpOperator(task_id="later", http_conn_id="acme", method="GET", endpoint="api/read", auth_type=ProfileAuth)
    first >> pause() >> [later, by_hook()]
    masked()
    again = {"method": "GET", "auth_type": ProfileAuth, "retries": 1, "retry_delay": timedelta(seconds=0.1)}
    HttpOperator(task_id="refused", http_conn_id="keyed", endpoint="refused", **again)
    HttpOperator(task_id="elsewhere", http_conn_id="elsewhere", endpoint="x", **again)
    HttpOperator(task_id="unknown", http_conn_id="unknown", endpoint="x", **again)
    HttpOperator(task_id="unnamed", http_conn_id="unnamed", endpoint="x", **again)


named()

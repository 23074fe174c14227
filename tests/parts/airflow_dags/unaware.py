"""A DAG that has never heard of authweave."""

from __future__ import annotations

import time

import requests
from airflow.providers.http.hooks.http import HttpHook
from airflow.providers.http.operators.http import HttpOperator
from airflow.providers.http.sensors.http import HttpSensor
from airflow.sdk import BaseHook, dag, task
from requests.auth import HTTPDigestAuth


class OrdersOperator(HttpOperator):
    """An operator of the company's own."""


class SignedOperator(HttpOperator):
    """Another, which has an auth of its own."""

    def __init__(self, **given: object) -> None:
        super().__init__(auth_type=HTTPDigestAuth, **given)


@dag(schedule=None)
def unaware():
    @task
    def pause() -> None:
        """Longer than the token lives."""
        time.sleep(2.5)

    @task
    def untold() -> None:
        """A hook that no policy sees."""
        HttpHook("GET", "keyed").run("untold")

    @task
    def untold_pair() -> None:
        """And a library that is given login and password of the connection."""
        connection = BaseHook.get_connection("keyed")
        requests.get(f"http://{connection.host}:{connection.port}/untold", auth=(connection.login, connection.password or ""), timeout=10)

    untold()
    untold_pair()
    first, later = (HttpOperator(task_id=name, http_conn_id="acme", method="GET", endpoint="api/read") for name in ("first", "later"))
    first >> pause() >> later
    keyed = {"http_conn_id": "keyed", "method": "GET"}
    HttpOperator(task_id="operator", endpoint="operator", **keyed)
    OrdersOperator(task_id="derived", endpoint="derived", **keyed)
    HttpOperator.partial(task_id="mapped", **keyed).expand(endpoint=["mapped/0", "mapped/1"])
    HttpSensor(task_id="sensor", endpoint="sensor", poke_interval=0.1, **keyed)
    HttpSensor.partial(task_id="mapped_sensor", **keyed).expand(endpoint=["mapped_sensor/0"])
    HttpSensor(task_id="templated_sensor", endpoint="templated_sensor", http_conn_id="{{ 'key' + 'ed' }}", method="GET")
    HttpOperator(task_id="refused", endpoint="refused", **keyed)
    HttpOperator(task_id="deferred", endpoint="deferred", deferrable=True, **keyed)
    HttpSensor(task_id="deferred_sensor", endpoint="deferred_sensor", deferrable=True, **keyed)
    for kind in (HttpOperator, HttpSensor):
        name = kind.__name__.removeprefix("Http").lower()
        kind(task_id=f"basic_{name}", endpoint=f"basic_{name}", http_conn_id="basic", method="GET")
        kind(task_id=f"open_{name}", endpoint=f"open_{name}", http_conn_id="open", method="GET")
    HttpOperator(task_id="deferred_basic", endpoint="deferred_basic", deferrable=True, http_conn_id="basic", method="GET")
    SignedOperator.partial(task_id="own_mapped", http_conn_id="basic", method="GET").expand(endpoint=["own_mapped"])
    HttpOperator(task_id="own", endpoint="own", http_conn_id="basic", method="GET", auth_type=HTTPDigestAuth)


unaware()

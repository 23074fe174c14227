"""Apache Airflow's `airflow.policy`: tasks whose connection names a profile get its credential, and no DAG changes.

A connection names a profile by its login: `authweave:acme-crm,tenant=blue`. (No user name of Basic can hold a colon.) Airflow looks
connections up when a task runs, so tasks get an auth that decides then: the profile for such a login, for any other what
Airflow itself would have taken. Every process of Airflow loads this module: what is heavy is imported when a profile is needed.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from airflow.policies import hookimpl

MARK: Final = "authweave:"
OPERATOR: Final = "airflow.providers.http.operators.http.HttpOperator"
SENSOR: Final = "airflow.providers.http.sensors.http.HttpSensor"


@hookimpl
def task_policy(task: Any) -> None:
    """Give HttpOperator and HttpSensor, what is derived from them and what is mapped, an auth that reads the login.

    A task that has an auth of its own keeps it.
    """
    is_mapped = hasattr(task, "partial_kwargs")
    kinds = {f"{kind.__module__}.{kind.__qualname__}" for kind in (task.operator_class if is_mapped else type(task)).__mro__}
    given = task.partial_kwargs if is_mapped else vars(task)
    if OPERATOR in kinds and given.get("auth_type") is None and not (is_mapped and "auth_type" in _mapped(task)):
        _put(task, is_mapped, "auth_type", login_auth)
    if SENSOR in kinds and not (is_mapped and "request_kwargs" in _mapped(task)):
        _put(task, is_mapped, "request_kwargs", {"auth": SensorAuth(), **(given.get("request_kwargs") or {})})


def names_profile(login: object) -> bool:
    """Is it the login of a connection that names a profile?"""
    return isinstance(login, str) and login.strip().lower().startswith(MARK)


def login_auth(login: str | None = None, password: str | None = None) -> Any:
    """The auth that a connection's login asks for; None where there is none. Raises what `ProfileAuth` raises."""
    if names_profile(login):
        from authweave.hosts.airflow import ProfileAuth

        return ProfileAuth(str(login), password)
    if not login:
        return None
    if is_in_loop():  # HttpAsyncHook sends with aiohttp, which has a Basic of its own
        import aiohttp

        return aiohttp.BasicAuth(login, password)  # type: ignore[arg-type]  # as the hook calls it: None is refused there, too
    from requests.auth import HTTPBasicAuth

    return HTTPBasicAuth(login, password)  # type: ignore[arg-type]  # as the hook calls it


def is_in_loop() -> bool:
    """Is this called in an event loop: by a trigger?"""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


class SensorAuth:
    """For HttpSensor, whose hook is told of no auth: it reads the login of the running task's connection when a request is made."""

    def __call__(self, request: Any) -> Any:
        """The request with its credential, as its connection says."""
        from airflow.sdk import BaseHook, get_current_context
        from requests.utils import get_netrc_auth

        task = get_current_context()["task"]
        connection = BaseHook.get_connection(task.http_conn_id)
        if names_profile(connection.login) and task.deferrable and not task.response_check:
            from authweave.hosts.airflow import refuse_deferrable

            refuse_deferrable(str(connection.login))
        auth = login_auth(connection.login, connection.password)
        if auth is None and (found := get_netrc_auth(request.url)):  # requests looks there for who has no auth
            auth = login_auth(*found)
        return auth(request) if auth else request


def _mapped(task: Any) -> set[str]:
    """What a mapped task gets from its mapping, as far as that is known before it runs."""
    value = task._get_specified_expand_input().value
    if isinstance(value, dict):
        return set(value)
    return {name for each in value if isinstance(each, dict) for name in each} if isinstance(value, list | tuple) else set()


def _put(task: Any, is_mapped: bool, name: str, value: Any) -> None:
    if is_mapped:
        task.partial_kwargs[name] = value
    else:
        setattr(task, name, value)

"""Apache Airflow's `airflow.policy`: tasks whose connection names a profile get its credential, and no DAG changes.

A connection names a profile by its login: `authweave:acme-crm,tenant=blue`. (No user name of Basic can hold a colon.) Airflow looks
connections up when a task runs, so tasks get an auth that decides then: the profile for such a login, for any other what
Airflow itself would have taken. Every process of Airflow loads this module: what is heavy is imported when a profile is needed.
"""

from __future__ import annotations

import contextlib
import functools
from typing import Any, Final

from airflow.policies import hookimpl

from authweave.hosts.airflow_logins import names_profile
from authweave.hosts.loops import is_in_loop

OPERATOR: Final = "airflow.providers.http.operators.http.HttpOperator"
SENSOR: Final = "airflow.providers.http.sensors.http.HttpSensor"
_REFUSES: Final = "refuses_names_of_profiles"


@hookimpl
def task_policy(task: Any) -> None:
    """Give HttpOperator and HttpSensor, and what is derived from them, an auth that reads the login; a task's own auth stays.

    Of mapped tasks these two alone: what a derived class does with arguments that it was not given, nobody knows.
    """
    if hasattr(task, "partial_kwargs"):
        _of_mapped(task)
        return
    kinds = {_name(kind) for kind in type(task).__mro__}
    if OPERATOR in kinds and task.auth_type is None:
        task.auth_type = login_auth
    if SENSOR in kinds:
        task.request_kwargs = {"auth": SensorAuth(), **(task.request_kwargs or {})}


@hookimpl(tryfirst=True)
def get_airflow_context_vars(context: Any) -> None:
    """Called right before a task runs, in its process; adds nothing. From here on the name of a profile is no user of Basic."""
    with contextlib.suppress(ImportError):
        _refuse_as_basic()


def _of_mapped(task: Any) -> None:
    kind, given, mapped = _name(task.operator_class), task.partial_kwargs, _mapped(task)
    if kind == OPERATOR and given.get("auth_type") is None and "auth_type" not in mapped:
        given["auth_type"] = login_auth
    if kind == SENSOR and "request_kwargs" not in mapped:
        given["request_kwargs"] = {"auth": SensorAuth(), **(given.get("request_kwargs") or {})}


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


def _refuse_as_basic() -> None:
    """Have requests refuse it: a hook that is told of no auth type takes every login for that of Basic, and no policy sees such a hook."""
    from requests.auth import HTTPBasicAuth

    before = HTTPBasicAuth.__call__
    if getattr(before, _REFUSES, False):
        return

    @functools.wraps(before)
    def called(self: Any, r: Any) -> Any:
        if names_profile(self.username):
            from authweave.hosts.airflow import refuse_untold

            refuse_untold(self.username)
        return before(self, r)

    setattr(called, _REFUSES, True)
    HTTPBasicAuth.__call__ = called  # type: ignore[method-assign]  # Airflow has no place to say it


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


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _mapped(task: Any) -> set[str]:
    """What a mapped task gets from its mapping, as far as that is known before it runs."""
    value = getattr(task._get_specified_expand_input(), "value", None)
    if isinstance(value, dict):
        return set(value)
    return {name for each in value if isinstance(each, dict) for name in each} if isinstance(value, list | tuple) else set()

"""Apache Airflow: the auth type of HTTP hooks and operators whose connection names a profile.

    HttpOperator(task_id="orders", http_conn_id="acme", endpoint="/v1/orders", method="GET", auth_type=ProfileAuth)

The connection's login is the name: `authweave:acme-crm,tenant=blue`. With the policy (`airflow_policy.py`), which an installed
authweave brings along, `auth_type` need not be written.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

import requests
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from airflow.sdk.log import mask_secret

from authweave.connections.authorizing import Made
from authweave.connections.connection import Connection
from authweave.errors import AuthweaveError
from authweave.hosts import requests as door
from authweave.hosts.airflow_logins import MARK, names_profile
from authweave.hosts.loops import is_in_loop
from authweave.hosts.named import FORM, Named
from authweave.hosts.secrets_sent import learn_sent
from authweave.hosts.telling import failure
from authweave.probe.known import Known

if TYPE_CHECKING:
    from authweave.engine import Engine
    from authweave.values import TaskRequest

__all__ = ["ProfileAuth"]


class ProfileAuth(door.ProfileAuth):
    """Made by a hook from its connection: `login` names the profile, `password` is not used.

    Where no credential is to be had, the task fails with a sentence for people: for good (AirflowFailException), or to be tried
    again (AirflowException) where that can help. A refusal is a warning in the task's log, where secrets are masked.
    """

    def __init__(
        self, login: Named | Connection | str | Mapping[str, Any] = "", password: str | None = None, *,
        engine: Engine | None = None, path: str | None = None,
    ) -> None:  # fmt: skip
        if login == "":
            raise AirflowFailException(f"the connection names no profile: its login is {MARK}{FORM}")
        if is_in_loop():
            refuse_deferrable(str(login))
        profile = login.strip()[len(MARK) :] if isinstance(login, str) and names_profile(login) else login
        said = ""
        try:
            super().__init__(profile, engine=engine, path=path)
        except AuthweaveError as error:
            said = str(error)
        if said:
            raise AirflowFailException(said)

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        """Give the request its credential, and mask it in the log."""
        request = super().__call__(r)
        if _masked not in request.hooks["response"]:
            request.register_hook("response", _masked)
        return request

    def applied(self, request: requests.PreparedRequest, path: str | None = None) -> door.Applied:
        """As for requests, with Airflow's own errors."""
        try:
            applied = super().applied(request, path)
        except AuthweaveError as error:
            kind = AirflowException if error.retry else AirflowFailException
            said = failure(self.named, error)
        else:
            _mask(applied.sent)
            return applied
        raise kind(said)


def refuse_deferrable(login: str) -> NoReturn:
    """A trigger sends with aiohttp, whose door in Airflow takes Basic alone: better no request than one without its credential."""
    raise AirflowFailException(
        f"{login}: a deferred task is sent by the triggerer, which knows no other credential than Basic; set deferrable=False for this task"
    )


def refuse_untold(login: str) -> NoReturn:
    """Better no request than one whose user is called like a profile."""
    raise AirflowFailException(
        f"{login}: this login names a profile, and Airflow would send it as the user of Basic, since nothing said otherwise; "
        "write auth_type=ProfileAuth, of authweave.hosts.airflow, where the hook or operator is made"
    )


def _masked(response: requests.Response, **options: Any) -> requests.Response:
    """The hook after the judgement: another credential may have been sent by now."""
    if (sent := door.sent_for(response)) is not None:
        _mask(sent)
    return response


def _mask(sent: TaskRequest) -> None:
    """An API may say back what it got, and a hook logs what an API says when it refuses."""
    made = sent.made_from
    if isinstance(made, Made):
        known = Known()
        learn_sent(known, made.connection, made.sent)
        for value in known.named():
            mask_secret(value)

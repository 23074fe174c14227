"""Logins of Airflow connections that name a profile: `authweave:acme-crm,tenant=blue`. No user name of Basic can hold a colon."""

from __future__ import annotations

from typing import Final

MARK: Final = "authweave:"


def names_profile(login: object) -> bool:
    """Is it the login of a connection that names a profile?"""
    return isinstance(login, str) and login.strip().lower().startswith(MARK)

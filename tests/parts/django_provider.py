"""django-oauth-toolkit and Django REST framework as fixtures. The project itself: `wsgi/django_project.py`."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from parts.catalogue import DJANGO, PARTS
from parts.identity import IdentityProvider
from parts.not_run import need
from parts.part import HERE
from parts.process import running

PROJECT = HERE / "wsgi" / "django_project.py"


@dataclass(frozen=True)
class DjangoProvider(IdentityProvider):
    """django-oauth-toolkit with its other endpoints, and what Django REST framework guards."""

    @property
    def revocation_url(self) -> str:
        return self.origin + "/o/revoke_token/"

    @property
    def introspection_url(self) -> str:
        return self.origin + "/o/introspect/"

    @property
    def authorization_url(self) -> str:
        return self.origin + "/o/authorize/"

    @property
    def device_authorization_url(self) -> str:
        return self.origin + "/o/device-authorization/"

    @property
    def challenged_api_url(self) -> str:
        """`/me` and `/write`, with 401 and `WWW-Authenticate: Bearer` where `api_url` says a bare 403."""
        return self.origin + "/challenged-api"

    @property
    def basic_api_url(self) -> str:
        """`/me` behind HTTP Basic (`identity.USERNAME`, `identity.PASSWORD`), 401 with a Basic challenge."""
        return self.origin + "/basic-api"

    @property
    def login_url(self) -> str:
        """Takes `username` and `password` as JSON or form payload; answers `{"token": …}`, or 400 if they are wrong."""
        return self.origin + "/login"

    @property
    def session_url(self) -> str:
        """Django's own sessions: `/login` takes the form with its CSRF cookie and header, and leads on (302) with a session
        cookie, `/me` wants that (401), `/logout` (POST, CSRF as well) ends it."""
        return self.origin + "/session"

    @property
    def login_api_url(self) -> str:
        """`/me` behind `Authorization: Token …` with the token of `login_url`."""
        return self.origin + "/login-api"


Started = Callable[..., DjangoProvider]


@pytest.fixture(scope="session")
def django_provider(django_provider_with: Started) -> DjangoProvider:
    """django-oauth-toolkit with its own defaults: refresh tokens rotate, without grace period or reuse protection.

    - Client authentication: Basic in the form-encoded form, or in the body. Secrets are kept hashed (`hashed=False`:
      as they are). `invalid_client` is a 401 without description.
    - `new_client(grant_types=("client_credentials",))`, or `("password", "refresh_token")`: user `identity.USERNAME`
      and `identity.PASSWORD`; answers with a refresh token. One grant besides `refresh_token` per client.
      `("authorization_code", "refresh_token")` with `redirect_uris`: PKCE is required (S256 or plain;
      `django_provider_with(PKCE_REQUIRED=False)`), `skip_consent=True` asks the person for a login only.
      `("urn:ietf:params:oauth:grant-type:device_code",)`. People: `browsing.sign_in`, `browsing.confirm_device`.
    - Scopes: read (default), write, asr, nlu; `new_client(scope=…)` narrows nothing here.
    - `api_url` keeps this server's own way: a missing, wrong, expired or narrow token is a 403 without header and body.
      `challenged_api_url` is the same behind challenges; `basic_api_url`, `login_url`, `login_api_url` are Django
      REST framework's.
    """
    return django_provider_with()


@pytest.fixture(scope="session")
def django_provider_with(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    """`django_provider_with(ROTATE_REFRESH_TOKEN=False)`: the same as `django_provider`, under other settings.

    Settings are django-oauth-toolkit's: ROTATE_REFRESH_TOKEN, REFRESH_TOKEN_GRACE_PERIOD_SECONDS,
    REFRESH_TOKEN_REUSE_PROTECTION, … Asked again for the same settings, it gives the same server.
    """
    need(PARTS["django"])
    servers: dict[str, DjangoProvider] = {}

    def start(**oauth2: Any) -> DjangoProvider:
        key = repr(sorted(oauth2.items()))
        if key not in servers:
            folder = tmp_path_factory.mktemp("django")
            database = folder / "database.sqlite3"
            shutil.copyfile(_migrated(), database)
            config = {"database": str(database), "oauth2": oauth2}
            facts = stack.enter_context(running([DJANGO.python, PROJECT, "serve"], folder, config=config))
            servers[key] = DjangoProvider(facts["http"], "/o/token/", "/api")
        return servers[key]

    with ExitStack() as stack:
        yield start


def _migrated() -> Path:
    """A database with all tables, made once per installation and project file: migrating takes longer than all else."""
    made_of = sha256(DJANGO.requirements.read_bytes() + PROJECT.read_bytes()).hexdigest()[:16]
    template = DJANGO.folder / f"migrated-{made_of}.sqlite3"
    if not template.exists():
        new = template.with_name(f"{template.name}.{os.getpid()}")
        command = [str(DJANGO.python), str(PROJECT), "migrate", str(new)]
        subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL)
        new.replace(template)
    return template

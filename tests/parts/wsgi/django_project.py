"""A whole Django project: django-oauth-toolkit as identity provider, and APIs that it and Django REST framework guard.

    python django_project.py migrate FILE     make an empty database with all tables and the one user
    python django_project.py serve            serve: PART_CONFIG is JSON {"database": file, "oauth2": {settings}}

`oauth2` are settings of django-oauth-toolkit (`ROTATE_REFRESH_TOKEN`, `REFRESH_TOKEN_GRACE_PERIOD_SECONDS`, …).
Clients come through `POST /__clients` (`node/ledger.mjs`); `ttl`, `hashed`, `skip_consent` and `delay` are a client's own. Runs in the
part's own virtual environment.
"""

from __future__ import annotations

import sys
from typing import Any

import django
from django.conf import settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from ledger import Ledger
from serving import config, listening, origin_of, serve

USERNAME, PASSWORD = "robot", "pässwörd: +%/"
LIFETIMES: dict[str, int] = {}


class QuickHasher(PBKDF2PasswordHasher):
    """Django's own hasher with fewer rounds: a test waits for what it proves, not for arithmetic."""

    iterations = 1000


def lifetime(request: Any) -> int:
    """`token_expires_in` of oauthlib's server may be a callable: here, a client's own lifetime of tokens."""
    return LIFETIMES.get(request.client.client_id, 600)


def configure(database: str, oauth2: dict[str, Any], origin: str = "") -> None:
    settings.configure(
        DEBUG=False,
        SECRET_KEY="only for tests",
        ALLOWED_HOSTS=["127.0.0.1", "localhost"],
        ROOT_URLCONF="__main__",
        USE_TZ=True,
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        LOGIN_URL="/accounts/login/",
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
        PASSWORD_HASHERS=["__main__.QuickHasher"],
        INSTALLED_APPS=[
            "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "oauth2_provider",
            "rest_framework", "rest_framework.authtoken",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": database, "OPTIONS": {
            "timeout": 20, "transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode=WAL;",
        }}},
        OAUTH2_PROVIDER={
            "SCOPES": {"read": "read", "write": "write", "asr": "speech", "nlu": "language"},
            "DEFAULT_SCOPES": ["read"],
            "OAUTH_DEVICE_VERIFICATION_URI": f"{origin}/o/device/",
            "EXTRA_SERVER_KWARGS": {"token_expires_in": lifetime},
            **oauth2,
        },
    )  # fmt: skip
    django.setup()


def migrate(file: str) -> None:
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    User.objects.create_user(USERNAME, password=PASSWORD)
    connection.cursor().execute("PRAGMA journal_mode=DELETE")


class Registry:
    """Adds clients as django-oauth-toolkit's applications, and ends their tokens."""

    def add(self, client: dict[str, Any]) -> None:
        from django.contrib.auth.models import User
        from oauth2_provider.models import Application

        [grant] = [each for each in client.get("grant_types", ["client_credentials"]) if each != "refresh_token"]
        LIFETIMES[client["client_id"]] = client.get("ttl", 600)
        Application.objects.filter(client_id=client["client_id"]).delete()
        Application.objects.create(
            client_id=client["client_id"],
            client_secret=client["client_secret"],
            hash_client_secret=client.get("hashed", True),
            client_type="public" if client.get("client_auth") == "none" else "confidential",
            authorization_grant_type=grant if grant.startswith("urn:") else grant.replace("_", "-"),
            redirect_uris=" ".join(client.get("redirect_uris", ())),
            skip_authorization=client.get("skip_consent", False),
            user=User.objects.get(username=USERNAME),
        )

    def kill(self, client_id: str, refresh: bool) -> None:
        from oauth2_provider.models import AccessToken, RefreshToken

        if refresh:
            RefreshToken.objects.filter(application__client_id=client_id).delete()
        AccessToken.objects.filter(application__client_id=client_id).delete()


def routes() -> list[Any]:
    """The URLs; made once the settings stand, as Django's own modules want them."""
    from django.contrib.auth import authenticate, login, logout
    from django.contrib.auth.forms import AuthenticationForm
    from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
    from django.urls import include, path
    from django.views.decorators.csrf import csrf_protect, ensure_csrf_cookie
    from oauth2_provider import urls as oauth2_urls
    from oauth2_provider.decorators import protected_resource
    from rest_framework.authentication import BasicAuthentication, TokenAuthentication
    from rest_framework.authtoken.views import obtain_auth_token
    from rest_framework.decorators import api_view, authentication_classes, permission_classes
    from rest_framework.permissions import IsAuthenticated
    from rest_framework.response import Response

    def me(request: Any) -> Any:
        return JsonResponse({"user": getattr(request.resource_owner, "username", None), "method": request.method})

    def sign_in(request: Any) -> Any:
        said = request.POST.get("username"), request.POST.get("password")
        if request.method == "GET" or not (user := authenticate(request, username=said[0], password=said[1])):
            return HttpResponse('<form method="post"><input name="username"><input name="password" type="password"></form>')
        login(request, user)
        return HttpResponseRedirect(request.GET["next"])

    @ensure_csrf_cookie
    @csrf_protect
    def session_login(request: Any) -> Any:
        form = AuthenticationForm(request, request.POST or None)
        if request.method == "GET" or not form.is_valid():
            return HttpResponse(form.as_p(), status=200 if request.method == "GET" else 401)
        login(request, form.get_user())
        return HttpResponseRedirect("/session/me")

    @csrf_protect
    def session_logout(request: Any) -> Any:
        logout(request)
        return HttpResponseRedirect("/session/login")

    def session_me(request: Any) -> Any:
        return JsonResponse({"user": request.user.get_username()}, status=200 if request.user.is_authenticated else 401)

    def guarded(authentication: Any) -> Any:
        @api_view(["GET", "POST"])
        @authentication_classes([authentication])
        @permission_classes([IsAuthenticated])
        def who(request: Any) -> Any:
            return Response({"user": request.user.username, "method": request.method})

        return who

    return [
        *oauth2_urls.metadata_urlpatterns,
        path("accounts/login/", sign_in),
        path("o/", include("oauth2_provider.urls", namespace="oauth2_provider")),
        path("api/me", protected_resource()(me)),
        path("api/read", protected_resource(scopes=["read"])(me)),
        path("api/write", protected_resource(scopes=["write"])(me)),
        path("challenged-api/me", protected_resource(advertise_metadata=True)(me)),
        path("challenged-api/write", protected_resource(scopes=["write"], advertise_metadata=True)(me)),
        path("basic-api/me", guarded(BasicAuthentication)),
        path("login", obtain_auth_token),
        path("session/login", session_login),
        path("session/logout", session_logout),
        path("session/me", session_me),
        path("login-api/me", guarded(TokenAuthentication)),
    ]


def main(command: str, file: str = "") -> None:
    wanted = config()
    listener = listening()
    configure(file or wanted.get("database", ""), wanted.get("oauth2", {}), origin_of(listener))
    if command == "migrate":
        return migrate(file)
    from django.core.wsgi import get_wsgi_application

    globals()["urlpatterns"] = routes()
    return serve(Ledger(get_wsgi_application(), Registry(), token_path="/o/token/"), listener=listener)


if __name__ == "__main__":
    main(*sys.argv[1:])

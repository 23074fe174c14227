"""A setting that can never apply."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from authweave.checking import Checked
from authweave.defaults import auth_paths
from authweave.values import Path, Problem


class NeverApplies:
    """What is written has an effect somewhere; a setting that cannot have one is a misunderstanding."""

    name: ClassVar[str] = "setting.no_effect"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per setting."""
        for path, auth in auth_paths(checked.data):
            full = checked.full["auth"][path[1]] if len(path) > 1 else checked.full["auth"]
            if not isinstance(full, dict):
                continue
            for key, why, fix in _without_effect(auth, full):
                yield checked.problem(self.name, (*path, *key), why, fix, of_key=True)
        for path, why, fix in _requests(checked.data):
            yield checked.problem(self.name, path, why, fix)


def _without_effect(auth: Mapping[str, Any], full: Mapping[str, Any]) -> Iterable[tuple[Path, str, str]]:
    method = full.get("client_auth")
    if "basic_encoding" in auth and method != "client_secret_basic":
        yield ("basic_encoding",), "only client_secret_basic encodes for Basic", "remove it, or write client_auth: client_secret_basic"
    if "client_secret" in auth and method == "none" and auth["client_secret"] != "":
        yield ("client_secret",), "client_auth none sends no secret", "remove it, or choose another client_auth"
    if auth.get("refresh_with") == "grant":
        for key in ("refresh_url", "refresh_request"):
            if key in auth:
                yield (key,), "refresh_with: grant never refreshes", f"remove {key}, or refresh_with"
    if "scope_separator" in auth and not isinstance(auth.get("scopes"), list):
        yield ("scope_separator",), "there is nothing to separate: scopes is not a list", "write scopes as a list, or remove it"
    answer = auth.get("token_response")
    if isinstance(answer, dict) and "expires_in" in answer and "expires_at" in answer:
        yield ("token_response", "expires_in"), "expires_in and expires_at say the same twice", "write one of the two"


def _requests(data: Mapping[str, Any]) -> Iterable[tuple[Path, str, str]]:
    for path, auth in auth_paths(data):
        for key in ("token_request", "refresh_request"):
            if isinstance(request := auth.get(key), dict):
                for at, why, fix in _request(request):
                    yield (*path, key, *at), why, fix
    tests = data.get("test")
    for index, test in enumerate(tests if isinstance(tests, list) else [tests]):
        if isinstance(test, dict) and isinstance(request := test.get("request"), dict):
            base: Path = ("test", index, "request") if isinstance(tests, list) else ("test", "request")
            for at, why, fix in _request(request):
                yield (*base, *at), why, fix


def _request(request: Mapping[str, Any]) -> Iterable[tuple[Path, str, str]]:
    encoding = request.get("encoding")
    if "content" in request and encoding in ("none", "query", "multipart"):
        yield ("content",), f"encoding {encoding} has no text body", "write encoding: text, xml, json or form"
    payload = any(isinstance(field, dict) and field.get("in") == "payload" for field in request.get("fields") or [])
    if payload and ("content" in request or encoding in ("none", "text")):
        yield ("fields",), "a payload field has no structured body to go into", "remove `content`, or choose form, json, multipart, xml or query"

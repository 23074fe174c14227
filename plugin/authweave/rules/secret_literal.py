"""A secret that stands in the file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final

from authweave.checking import Checked
from authweave.defaults import auth_paths
from authweave.values import Path, Problem

_PLACES: Final = ("client_secret", "password", "token", "token_secret", "consumer_secret", "secret_access_key", "session_token", "signing_key")
_NAMES: Final = re.compile(
    r"(?i)^(authorization|proxy-authorization|x-api-key|api[-_]?key|apikey|.*[-_]?(secret|password|passwd)|client_assertion|refresh_token|access_token|.*[-_]token|token)$"
)
_USER_INFO: Final = re.compile(r"://[^/?#\s]*:[^/?#\s]*@")
_HARMLESS: Final = re.compile(r"^[\s\S]{0,3}$|^(true|false|bearer|basic|none)$", re.IGNORECASE)


class SecretLiteral:
    """A profile only names its secrets. Where a value belongs, a template (or '') stands; secret inputs have no default."""

    name: ClassVar[str] = "secret.literal"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per literal. The value is not repeated in the message."""
        for path, auth in auth_paths(checked.data):
            for key in _PLACES:
                if _is_literal(auth.get(key)) and auth[key] != "":
                    yield self._problem(checked, (*path, key), f"'{{{{ inputs.{key} }}}}'")
        for path, field in _fields(checked.data):
            if _NAMES.match(str(field.get("key", ""))) and _is_literal(field.get("value")) and not _HARMLESS.match(str(field["value"])):
                yield self._problem(checked, (*path, "value"), "a template that reads a secret input")
        for name, spec in _inputs(checked.full):
            if spec.get("secret") is True and spec.get("default") not in (None, ""):
                yield self._problem(checked, ("inputs", name, "default"), "no default: somebody supplies it")
            if spec.get("secret") is True and spec.get("example") is not None and len(str(spec["example"])) > 40:
                yield self._problem(checked, ("inputs", name, "example"), "an example that is plainly not a secret")

    def _problem(self, checked: Checked, path: Path, better: str) -> Problem:
        return checked.problem(self.name, path, "a secret stands in the file", f"write {better}, and change the secret if it was real")


def _is_literal(value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool) and "{{" not in str(value)


def _fields(data: Mapping[str, Any]) -> Iterable[tuple[Path, Mapping[str, Any]]]:
    groups: list[tuple[Path, Any]] = [(("fields",), data.get("fields"))]
    for path, auth in auth_paths(data):
        groups.append(((*path, "fields"), auth.get("fields")))
        for request in ("token_request", "refresh_request"):
            if isinstance(auth.get(request), dict):
                groups.append(((*path, request, "fields"), auth[request].get("fields")))
    for path, fields in groups:
        for index, field in enumerate(fields if isinstance(fields, list) else []):
            if isinstance(field, dict):
                yield (*path, index), field


def _inputs(full: Mapping[str, Any]) -> Iterable[tuple[str, Mapping[str, Any]]]:
    inputs = full.get("inputs")
    return [(name, spec) for name, spec in inputs.items() if isinstance(spec, dict)] if isinstance(inputs, dict) else []

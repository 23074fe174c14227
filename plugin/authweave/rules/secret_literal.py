"""A secret that stands in the file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, ClassVar, Final
from urllib.parse import parse_qsl

from authweave.checking.document import Checked
from authweave.values import Path, Problem

_PLACES: Final = ("client_secret", "refresh_token", "password", "token")
_NAMES: Final = re.compile(
    r"(?i)(authorization|proxy-authorization|x-api-key|api[-_]?key|apikey|.*[-_]?(secret|password|passwd)|client_assertion|refresh_token|access_token|.*[-_]token|token)"
)
_HARMLESS: Final = re.compile(r"[\s\S]{0,3}|true|false|bearer|basic|none", re.IGNORECASE)
_SHAPES: Final = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----|\b(?:eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}|gh[opsu]_[A-Za-z0-9]{36}|github_pat_\w{22,}|glpat-[\w-]{20}"
    r"|xox[abeprs]-[\w-]{10,}|sk_live_\w{16,}|AKIA[0-9A-Z]{16}|AIza[\w-]{35}|shp(?:at|ss)_[0-9a-fA-F]{32})"
)


class SecretLiteral:
    """A profile only names its secrets. Where a value belongs, a template (or '') stands; secret inputs have no default."""

    name: ClassVar[str] = "secret.literal"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per literal. The value is not repeated in the message."""
        found: dict[Path, str] = {}
        for path, auth, _ in checked.variants:
            for key in _PLACES:
                if auth.get(key, "") != "" and _is_literal(auth[key]):
                    found[(*path, key)] = f"'{{{{ inputs.{key} }}}}'"
            for key in ("assertion", "client_assertion"):
                written = auth.get(key)
                at, value = ((*path, key, "signing_key"), written.get("signing_key", "")) if isinstance(written, dict) else ((*path, key), written or "")
                if value != "" and _is_literal(value):
                    found[at] = f"'{{{{ inputs.{at[-1]} }}}}'"
        tls = checked.data.get("tls") or {}
        for key in ("private_key", "password"):
            if tls.get(key, "") != "" and _is_literal(tls[key]):
                found["tls", key] = f"'{{{{ inputs.{key} }}}}'"
        for field in checked.fields:
            value = field.spec.get("value", "")
            if _is_literal(value) and not _HARMLESS.fullmatch(str(value)) and _NAMES.fullmatch(field.key):
                found[(*field.path, "value")] = "a template that reads a secret input"
        for name, spec in checked.full["inputs"].items():
            if spec.get("secret") is True and spec.get("default", "") != "":
                found["inputs", name, "default"] = "no default: somebody supplies it"
        for path, text in _texts(checked):
            if _SHAPES.search(text) or ("?" in text and _has_secret_query(text)):
                found.setdefault(path, "a template that reads a secret input")
        for path, better in found.items():
            yield checked.problem(self.name, path, "a secret stands in the file", f"write {better}, and change the secret if it was real")


def _is_literal(value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool) and "{{" not in str(value)


def _texts(checked: Checked) -> Iterable[tuple[Path, str]]:
    for site in checked.sites:
        if type(site.value) is str and len(site.value) > 12 and checked.merged.is_written(site.path):
            yield site.path, site.value
    for name, spec in checked.data.get("inputs", {}).items():
        for key in ("default", "example"):
            if isinstance(spec.get(key), str):
                yield ("inputs", name, key), spec[key]


def _has_secret_query(url: str) -> bool:
    if not url.startswith(("https://", "http://", "/")):
        return False
    pairs = parse_qsl(url.partition("?")[2])
    return any(_NAMES.fullmatch(key) and "{{" not in value and not _HARMLESS.fullmatch(value) for key, value in pairs)

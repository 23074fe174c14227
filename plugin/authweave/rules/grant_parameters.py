"""A grant without what it presents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from authweave.checking.defaults import grant_of
from authweave.checking.document import Checked
from authweave.values import Problem


class GrantParameters:
    """`saml2_bearer` presents an assertion that is supplied, `token_exchange` a token: without it every server refuses."""

    name: ClassVar[str] = "grant.parameters"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per variant."""
        for path, auth, full in checked.variants:
            if auth.get("type") != "oauth2" or checked.is_hurt(*path, "token_request") or checked.data.get("abstract"):
                continue
            grant = grant_of(auth, checked.catalog).name
            if grant == "saml2_bearer" and not isinstance(full.get("assertion"), str):
                at, of_key = ((*path, "assertion"), True) if "assertion" in auth else ((*path, "grant_type"), False)
                yield checked.problem(self.name, at, "saml2_bearer presents a SAML assertion, which nothing here signs", "supply one: assertion: '{{ inputs.assertion }}'", of_key=of_key)
            if grant == "token_exchange" and (missing := _missing(auth.get("token_request", {}))):
                yield checked.problem(self.name, (*path, "grant_type"), f"token_exchange gives one token for another, and {' and '.join(missing)} is not there", "write it as a field of token_request (RFC 8693 §2.1)")


def _missing(request: Mapping[str, Any]) -> list[str]:
    if "content" in request:
        return []
    keys = {field.get("key") for field in request.get("fields", ())} | {old for old, new in request.get("rename", {}).items()}
    return [name for name in ("subject_token", "subject_token_type") if name not in keys]

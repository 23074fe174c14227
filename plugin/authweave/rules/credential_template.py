"""A credential that is the same for everybody."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from authweave.checking import Checked
from authweave.defaults import auth_paths
from authweave.values import Problem


class CredentialTemplate:
    """Every value of `auth.fields` holds a template: what carries a credential cannot be a constant."""

    name: ClassVar[str] = "credential.constant"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per constant."""
        for path, auth in auth_paths(checked.data):
            fields = auth.get("fields")
            for index, field in enumerate(fields if isinstance(fields, list) else []):
                at = (*path, "fields", index, "value")
                compiled = checked.compiled.get(at)
                if isinstance(field, dict) and compiled is not None and not compiled.reads:
                    yield checked.problem(self.name, at, "the credential is a constant", "read it from an input, or move the field to the top-level `fields`")

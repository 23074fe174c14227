"""A credential that is the same for everybody."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from authweave.checking.document import Checked
from authweave.values import Problem


class CredentialTemplate:
    """Every value of `auth.fields` holds a template: what carries a credential cannot be a constant."""

    name: ClassVar[str] = "credential.constant"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per constant."""
        for field in checked.fields:
            at = (*field.path, "value")
            compiled = checked.compiled.get(at)
            if field.carrier == "credential" and compiled is not None and not compiled.reads:
                yield checked.problem(self.name, at, "the credential is a constant", "read it from an input, or move the field to the top-level `fields`")

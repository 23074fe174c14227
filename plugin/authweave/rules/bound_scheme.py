"""A token that is bound to a key, sent as if it were not."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import ClassVar, Final

from authweave.checking.document import Checked
from authweave.values import Problem

_BEARER: Final = re.compile(r"(?i)\s*bearer\s")


class BoundScheme:
    """With `dpop` the token goes as `Authorization: DPoP …` (RFC 9449 §7.1): APIs refuse a bound token as Bearer."""

    name: ClassVar[str] = "dpop.scheme"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per field."""
        for path, auth, _ in checked.variants:
            if auth.get("dpop") is not True:
                continue
            for index, field in enumerate(auth.get("fields", ())):
                value = field.get("value")
                if str(field.get("key", "")).lower() == "authorization" and isinstance(value, str) and _BEARER.match(value):
                    yield checked.problem(self.name, (*path, "fields", index, "value"), "a token that is bound to a key is not sent as Bearer", "write DPoP {{ token.access_token }}, or leave auth.fields out")

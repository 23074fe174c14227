"""`in: acme.context`: Acme's APIs read their parameters from one header, `Acme-Context: region=eu; desk=7`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar, Final

from authweave.errors import PlacementError
from authweave.hookspecs import Register, hookimpl

if TYPE_CHECKING:
    from authweave.drafts.draft import Draft

authweave_contract = 1
HEADER: Final = "Acme-Context"
_KEY: Final = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_VALUE: Final = re.compile(r"[!-:<-~]{1,1000}")


class Context:
    """One parameter of the header, beside those that are there."""

    name: ClassVar[str] = "acme.context"
    title: ClassVar[str] = "parameter of Acme-Context"

    def wrong_key(self, key: str) -> str | None:
        """Lower-case letters, digits, _ and -."""
        return None if _KEY.fullmatch(key) else "a parameter of Acme-Context has a name of lower-case letters, digits, _ and -"

    def place(self, draft: Draft, key: str, value: Any, on_conflict: str) -> None:
        """Set the parameter. An error names the key, and never the value: it may be a secret."""
        if why := self.wrong_key(key):
            raise PlacementError(f"{self.name} {key}: {why}")
        text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        if not isinstance(text, str) or not _VALUE.fullmatch(text):
            raise PlacementError(f"{self.name} {key}: the value has to be printable ASCII without blanks and ;")
        known = parameters(next((line for name, line in draft.headers if name.lower() == HEADER.lower()), ""))
        if draft.may_write(key in known, on_conflict, f"{self.name} {key}"):
            draft.put_header(HEADER, "; ".join(f"{name}={text}" for name, text in {**known, key: text}.items()))


def parameters(line: str) -> dict[str, str]:
    """What a header line says."""
    return dict(part.strip().split("=", 1) for part in line.split(";") if "=" in part)


@hookimpl
def register_placements(register: Register) -> None:
    """Add the placement."""
    register(Context)

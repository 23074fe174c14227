"""Which field of a profile makes a header that cannot be sent, and from which input."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from authweave.errors import AuthweaveError, PlacementError
from authweave.profile import Field

_NAMED: Final = re.compile(r"\bheader ([^\s:]+)")


def of_header(error: AuthweaveError, fields: Iterable[Field]) -> dict[str, Any]:
    """The key of the field that the error is about, and the input that it reads, as facts of a case; nothing where no field is."""
    found = _NAMED.search(str(error)) if isinstance(error, PlacementError) else None
    made = [one for one in fields if found is not None and one.placement.name == "header" and one.key.lower() == found[1].lower()]
    if not made:
        return {}
    inputs = sorted({read[1] for read in getattr(made[-1].value, "reads", ()) if read[0] == "inputs" and len(read) > 1})
    return {"template_key": made[-1].origin, **({"input": inputs[0]} if len(inputs) == 1 else {})}

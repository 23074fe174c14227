"""`kept.x` that nothing keeps, or two that keep one name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from authweave.checking import Checked
from authweave.defaults import auth_paths
from authweave.values import Problem


class KeptValue:
    """Every `kept.x` that is read is kept by some answer. Without a token call nothing is ever kept."""

    name: ClassVar[str] = "kept.unknown"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per template and name."""
        known = {
            str(name) for _, auth in auth_paths(checked.data)
            for name in ((auth.get("token_response") or {}).get("keep") or {})
        }  # fmt: skip
        for path, read in checked.written_reads():
            if read[0] == "kept" and len(read) > 1 and read[1] not in known:
                yield checked.problem(self.name, path, f"nothing keeps `kept.{read[1]}`", f"keep it: token_response: {{keep: {{{read[1]}: '{{{{ response.json.… }}}}'}}}}")

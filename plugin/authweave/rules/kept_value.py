"""`kept.x` that nothing keeps."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from authweave.checking.document import Checked
from authweave.checking.parts import keeps_of
from authweave.near_misses import did_you_mean
from authweave.values import Problem


class KeptValue:
    """Every `kept.x` that is read is kept by some answer. Without a token call nothing is ever kept."""

    name: ClassVar[str] = "kept.unknown"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per template and name."""
        if checked.has_unknown_parts:
            return
        known = {at[-1] for path, auth, _ in checked.variants for at, _ in keeps_of(path, auth)}
        for path, read, text in checked.written_reads:
            if read[0] == "kept" and len(read) > 1 and read[1] not in known:
                keep = f"keep it: token_response: {{keep: {{{read[1]}: '{{{{ response.json.… }}}}'}}}}"
                yield checked.problem(self.name, path, f"nothing keeps `kept.{read[1]}`", did_you_mean(f"kept.{read[1]}", [f"kept.{name}" for name in known], keep, likeness=0.75), offset=max(text.find("kept"), 0))

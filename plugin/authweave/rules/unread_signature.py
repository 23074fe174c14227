"""A signature that nobody sends."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from authweave.checking.document import Checked
from authweave.values import Problem


class UnreadSignature:
    """A type that signs a string has a field that reads `signature`: without one, nothing proves who sends."""

    name: ClassVar[str] = "signature.unread"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per variant."""
        for path, auth, _ in checked.variants:
            if "string_to_sign" not in auth or "fields" not in auth or checked.is_hurt(*path, "fields"):
                continue
            if not any(at[: len(path) + 1] == (*path, "fields") and read[0] == "signature" for at, read in checked.reads):
                yield checked.problem(self.name, (*path, "fields"), "no field reads `signature`, so nothing proves who sends", "write a field such as {in: header, key: X-Signature, value: '{{ signature | hex }}'}", of_key=True)

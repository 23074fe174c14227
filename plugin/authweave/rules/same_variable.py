"""Two inputs that cannot be told apart in the environment."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from authweave.checking.document import Checked
from authweave.values import Problem


class SameVariable:
    """Names of inputs differ in more than case: each has an environment variable, which is written in upper case."""

    name: ClassVar[str] = "input.same_variable"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per name that is taken."""
        seen: dict[str, str] = {}
        for name in checked.full["inputs"]:
            other = seen.setdefault(name.upper(), name)
            if other != name:
                yield checked.problem(self.name, ("inputs", name), f"differs from `{other}` in case only: both would be one environment variable", "choose another name", of_key=True)

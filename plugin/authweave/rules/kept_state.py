"""The state of a sign-in is what tells the answer from a forged one (RFC 6749 §10.12)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from authweave.checking.document import Checked
from authweave.values import Problem


class KeptState:
    """A link goes out with the state that was made for it, under its name: nothing that comes back without is taken."""

    name: ClassVar[str] = "state.changed"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per place that leaves the state out, renames it or writes another."""
        for path, auth, _ in checked.variants:
            request = auth.get("authorization_request")
            if not isinstance(request, dict):
                continue
            at = (*path, "authorization_request")
            omitted = request.get("omit")
            for index, name in enumerate(omitted if isinstance(omitted, list) else ()):
                if name == "state":
                    yield checked.problem(self.name, (*at, "omit", index), "the state cannot be left out: an answer is known by it", "remove it")
            renamed = request.get("rename")
            if isinstance(renamed, dict) and "state" in renamed:
                yield checked.problem(self.name, (*at, "rename", "state"), "the state keeps its name: an answer is known by it", "remove it", of_key=True)
            fields = request.get("fields")
            for index, field in enumerate(fields if isinstance(fields, list) else ()):
                if isinstance(field, dict) and field.get("key") == "state":
                    yield checked.problem(self.name, (*at, "fields", index, "key"), "the state is made anew for each sign-in", "remove the field, or give it another name")

"""What every rule of valid profiles promises (`contracts.Rule`). The least:

    class TestNoEu(RuleContract):
        extension = NoEu
        bad = "format: 1\\nname: …"     # a profile that breaks it
"""

from __future__ import annotations

import copy
import functools
import json
from typing import Any, ClassVar

import pytest

from authweave.checking.document import Checked
from authweave.extensions.catalog import Catalog
from authweave.loading import check_file, check_text, files_in
from authweave.resources import profiles_folder
from authweave.testing.extension import ExtensionContract
from authweave.testing.trial import built_in, in_a_crowd
from authweave.values import Problem

_HEAD = {"format": 1, "name": "acme", "identity_provider": "Acme"}
_PLAIN = {**_HEAD, "servers": ["https://api.example.com"], "auth": {"type": "bearer"}}
ODD: tuple[Any, ...] = (
    {}, {"auth": None}, {"auth": []}, {"auth": 5}, {"auth": [5, {}, {"type": 5}]}, {**_HEAD, "auth": {"type": "acme.unknown"}},
    {**_HEAD, "auth": {"type": "oauth2", "grant_type": 5, "scopes": {"a": 1}}}, {**_PLAIN, "fields": [5, {"in": "nowhere"}, {"in": "header", "key": 5, "value": {}}]},
    {**_PLAIN, "inputs": {"a": 5, "b": None}, "vars": []}, {**_PLAIN, "test": []}, {**_PLAIN, "test": [{"request": 5}]}, {**_PLAIN, "extends": "nobody"},
    {**_PLAIN, "servers": ["{{ inputs.x", 5]}, {**_PLAIN, "abstract": True}, {"a" * 1000: {"b" * 1000: 1}},
)  # fmt: skip
"""Maps of every wrong shape: a rule sees what is left of them once the schema has spoken, and never what is no map."""


class RuleContract(ExtensionContract):
    """`bad` is the text of a profile that breaks the rule, `good` one that keeps it. `source` is their file name."""

    kind = "rules"
    good: ClassVar[str] = json.dumps(_PLAIN)
    bad: ClassVar[str] = ""
    source: ClassVar[str] = "acme.yaml"

    def test_a_good_profile_keeps_it(self, catalog: Catalog) -> None:
        """Nothing is said."""
        assert [] == self._said(self._checked(catalog, self.good))

    def test_a_bad_profile_breaks_it(self, catalog: Catalog) -> None:
        """Each problem has the rule's id, the place and the key, a message, and a known severity."""
        found = self._said(self._checked(catalog, self.bad))

        assert found, "nothing is said of the bad profile"
        for problem in found:
            assert self.extension.name == problem.rule
            assert self.source == problem.source
            assert problem.mark is not None
            assert problem.message
            assert problem.severity in ("error", "warning", "info")

    def test_it_is_asked_by_validate(self, catalog: Catalog) -> None:
        """Once it is registered, everybody's `validate` says it."""
        assert self.extension.name in {problem.rule for problem in self._checked(catalog, self.bad).problems}

    def test_it_bears_every_document(self) -> None:
        """Whatever somebody wrote, it says something or nothing, and raises nothing."""
        for document in ODD:
            checked = _checked_alone(json.dumps(document))
            assert {type(problem) for problem in self._said(checked)} <= {Problem}, document

    def test_it_bears_every_shipped_profile(self) -> None:
        """It says something or nothing, and raises nothing."""
        for checked in _shipped():
            assert {type(problem) for problem in self._said(checked)} <= {Problem}, checked.document.source

    def test_it_changes_nothing(self, catalog: Catalog) -> None:
        """The document stays as it was; asked again, also by many threads, it says the same."""
        checked = self._checked(catalog, self.bad)
        alone = check_text(self.bad, self.source, catalog=built_in())
        before, first = copy.deepcopy((alone.data, alone.full)), self._said(checked)

        assert all(found == first for found in in_a_crowd(lambda: self._said(checked), 8))
        assert before == (checked.data, checked.full)

    def test_it_prints_nothing(self, catalog: Catalog, capfd: pytest.CaptureFixture[str]) -> None:
        """What is wrong is in the problems."""
        self._said(self._checked(catalog, self.bad))

        assert ("", "") == capfd.readouterr()

    def _checked(self, catalog: Catalog, text: str) -> Checked:
        return check_text(text, self.source, catalog=catalog)

    def _said(self, checked: Checked) -> list[Problem]:
        return list(self.extension().check(checked))


@functools.cache
def _checked_alone(text: str) -> Checked:
    return check_text(text, "acme.json", catalog=built_in())


@functools.cache
def _shipped() -> list[Checked]:
    return [check_file(path, catalog=built_in()) for path in files_in(profiles_folder())]

"""What every grant promises (`contracts.Grant`). The least:

    class TestBadge(GrantContract):
        extension = Badge
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import parse_qs

import pytest

from authweave.drafts.texts import texts_for
from authweave.errors import InputError
from authweave.extensions.catalog import Catalog
from authweave.testing.extension import ExtensionContract
from authweave.testing.trial import (
    ODD,
    TOKEN_URL,
    Trial,
    check_schema,
    check_unchanged,
    in_a_crowd,
    refusal_of,
    required,
    values_for,
    words_of,
)

_OTHERS = frozenset({"grant_type", "scope", "client_id", "client_secret", "client_assertion", "client_assertion_type"})


class GrantContract(ExtensionContract):
    """`auth` are keys of the profile that the grant needs beside `grant_type` and `token_url`, `inputs` values for its inputs,
    `more` further keys of the profile."""

    kind = "grants"
    auth: ClassVar[Mapping[str, Any]] = {}
    inputs: ClassVar[Mapping[str, Any]] = {}
    more: ClassVar[Mapping[str, Any]] = {}

    @pytest.fixture
    def trial(self, catalog: Catalog) -> Trial:
        """A profile with this grant."""
        auth = {"type": "oauth2", "grant_type": self.extension.name, "token_url": TOKEN_URL, **self.auth}
        return Trial(catalog, auth, values_for(self.extension.inputs, self.inputs), self.more)

    def test_its_keys_are_described(self) -> None:
        """`schema` is a JSON Schema of an object; every key says what it is for. None is `required`: it has a default, or `parameters` refuses."""
        check_schema(self.extension.schema)
        assert "required" not in self.extension.schema

    def test_a_profile_with_it_is_valid(self, trial: Trial) -> None:
        """With its own defaults: its inputs are implied, so that nobody declares them."""
        assert [] == trial.problems()

    def test_defaults_are_made_from_what_is_written_alone(self) -> None:
        """`filled`, where there is one, changes nothing and says the same again."""
        if hasattr(self.extension, "filled"):
            check_unchanged(self.extension.filled, {"type": "oauth2", "grant_type": self.extension.name, **self.auth})

    def test_its_parameters_arrive(self, trial: Trial) -> None:
        """Under their own names, as they are; beside the grant type, scope and the client's own, which have other places."""
        call = trial.call()
        parameters = dict(self.extension().parameters(call))
        sent = parse_qs((call.draft().finish().body or b"").decode(), keep_blank_values=True)

        assert {name for name in parameters if not isinstance(name, str)} == set()
        assert set(parameters) & _OTHERS == set()
        assert [getattr(self.extension, "urn", "") or self.extension.name] == sent["grant_type"]
        assert _texts(parameters) == {name: sent.get(name) for name in _texts(parameters)}

    def test_two_secrets_are_two_tokens(self, trial: Trial) -> None:
        """Whoever asks with another value gets a token of their own: what a grant sends is read from templates, and so is in the key."""
        plain, key = _sent(trial, {}), trial.key()
        for name in () if self.extension.attended else self.extension.inputs:  # a person's token is theirs, whatever the client's secret
            if isinstance(trial.inputs.get(name), str) and not self._is_fixed(name):
                other = {name: f"{trial.inputs[name]}-other"}
                assert _sent(trial, other) == plain or trial.key(**other) != key, f"input {name} is sent, and not part of the key"

    def test_a_missing_input_is_named(self, trial: Trial) -> None:
        """Before anything is sent, by an InputError."""
        known = trial.connection().profile.inputs
        for name in required({name: spec for name, spec in self.extension.inputs.items() if name in known and not self.extension.attended}):
            with pytest.raises(InputError, match=name):
                trial.without(name).token().result(20)
        assert [] == trial.asked

    def test_whatever_an_input_holds(self, trial: Trial) -> None:
        """The request is made, or refused with a typed error that does not repeat the value."""
        for name in self.extension.inputs:
            for odd in ODD:
                refused = refusal_of(lambda name=name, odd=odd: trial.call(**{name: odd}).draft().finish())
                assert refused is None or not any(odd in words for words in words_of(refused)), name

    def test_many_threads_share_it(self, trial: Trial) -> None:
        """It keeps nothing of a call: each gets the parameters of its own."""
        call, grant = trial.call(), self.extension()

        assert {frozenset(grant.parameters(call))} == set(map(frozenset, in_a_crowd(lambda: grant.parameters(call))))

    def test_it_shows_no_secret(self, trial: Trial, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
        """Neither in its repr nor in what it prints or logs."""
        grant = self.extension()
        grant.parameters(trial.call())
        shown = repr(grant) + "".join(capfd.readouterr()) + caplog.text

        assert [name for name, value in trial.inputs.items() if isinstance(value, str) and "s3cr3t" in value and value in shown] == []

    def _is_fixed(self, name: str) -> bool:
        """Is the value one that cannot be changed a little: a key?"""
        return name in self.inputs or self.extension.inputs[name].get("type", "string") != "string"


def _texts(parameters: Mapping[str, Any]) -> dict[str, list[str]]:
    return {
        name: texts_for(value, name)
        for name, value in parameters.items()
        if value is not None
    }


def _sent(trial: Trial, changed: Mapping[str, Any]) -> bytes:
    return trial.call(**changed).draft().finish().body or b""

"""What every client authentication promises (`contracts.ClientAuth`). The least:

    class TestBadge(ClientAuthContract):
        extension = Badge
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from authweave.call import TokenCall
from authweave.errors import InputError
from authweave.extensions.catalog import Catalog
from authweave.testing.extension import ExtensionContract
from authweave.testing.trial import ODD, TOKEN_URL, Trial, check_unchanged, in_a_crowd, refusal_of, values_for, words_of


class ClientAuthContract(ExtensionContract):
    """`auth` are keys of the profile that it needs, `inputs` values for its inputs, `more` further keys of the profile (`tls`)."""

    kind = "client_auth"
    auth: ClassVar[Mapping[str, Any]] = {}
    inputs: ClassVar[Mapping[str, Any]] = {}
    more: ClassVar[Mapping[str, Any]] = {}

    @pytest.fixture
    def trial(self, catalog: Catalog) -> Trial:
        """A profile whose client proves itself so."""
        auth = {"type": "oauth2", "grant_type": "client_credentials", "token_url": TOKEN_URL, "client_auth": self.extension.name, **self.auth}
        return Trial(catalog, auth, values_for(self.extension.inputs, self.inputs), self.more)

    def test_a_profile_with_it_is_valid(self, trial: Trial) -> None:
        """Its inputs are implied, so that nobody declares them."""
        assert [] == trial.problems()

    def test_it_says_what_it_sends(self, trial: Trial) -> None:
        """`sends` names keys of `auth`: of those two it does not name, the profile has none."""
        own = set(getattr(self.extension, "schema", {}).get("properties", {}))
        read = set(trial.connection().profile.inputs)

        assert self.extension.sends <= {"client_id", "client_secret", "client_assertion"} | own
        assert read & {"client_id", "client_secret"} <= self.extension.sends

    def test_it_presents_the_client(self, trial: Trial) -> None:
        """It puts at least one thing into the call, under a name that is a text, and takes nothing out."""
        call = trial.call()
        bare = TokenCall(call.settings, call.scope, call.request, call.url)
        bare.parameter("grant_type", "client_credentials", origin="grant_type")
        self.extension().present(bare)

        assert bare.parameters.pop("grant_type").value == "client_credentials"
        assert bare.parameters or bare.headers
        assert all(isinstance(name, str) and name for name in (*bare.parameters, *bare.headers))
        assert call.draft().finish().url == TOKEN_URL

    def test_never_in_two_places(self, trial: Trial) -> None:
        """Header or parameter, and of a parameter one: a server that finds two proofs refuses both (RFC 6749 §2.3)."""
        call = trial.call()
        values = [str(one.value) for one in (*call.parameters.values(), *call.headers.values())]

        assert not ("client_secret" in call.parameters and call.headers)
        assert [value for value in values if values.count(value) > 1] == []

    def test_a_secret_is_marked_as_one(self, trial: Trial) -> None:
        """What holds the secret is not shown: reports and logs go by that mark."""
        call = trial.call()
        secrets = [value for name, value in trial.inputs.items() if name != "client_id" and isinstance(value, str) and "s3cr3t" in value]

        found = [name for name, one in (*call.parameters.items(), *call.headers.items()) if not one.secret and str(one.value) in secrets]
        assert found == [], "call.parameter(…, secret=True) for these"

    def test_a_missing_input_is_named(self, trial: Trial) -> None:
        """By an InputError, before anything is sent."""
        implied = {*self.extension.inputs, *(self.extension.sends & {"client_id"})}
        for name in sorted(implied & set(trial.connection().profile.inputs)):
            if trial.connection().profile.inputs[name].required:
                with pytest.raises(InputError, match=name):
                    trial.without(name).token().result(20)
        assert [] == trial.asked

    def test_whatever_the_client_is_called(self, trial: Trial) -> None:
        """The request is made, or refused with a typed error that does not repeat the value."""
        for name in sorted({*self.extension.inputs, *self.extension.sends} & set(trial.connection().profile.inputs)):
            for odd in ODD:
                refused = refusal_of(lambda name=name, odd=odd: trial.call(**{name: odd}).draft().finish())
                assert refused is None or not any(odd in words for words in words_of(refused)), name

    def test_two_secrets_are_two_tokens(self, trial: Trial) -> None:
        """A client with another secret gets a token of its own."""
        for name in sorted({*self.extension.inputs, *self.extension.sends} & set(trial.connection().profile.inputs)):
            if name not in self.inputs and isinstance(trial.inputs.get(name), str):
                assert trial.key(**{name: f"{trial.inputs[name]}-other"}) != trial.key(), name

    def test_defaults_are_made_from_what_is_written_alone(self) -> None:
        """`filled`, where there is one, changes nothing and says the same again."""
        if hasattr(self.extension, "filled"):
            check_unchanged(self.extension.filled, {"type": "oauth2", "client_auth": self.extension.name, **self.auth})

    def test_many_threads_share_it(self, trial: Trial) -> None:
        """It keeps nothing of a call: each is presented by itself."""
        made = in_a_crowd(lambda: frozenset(trial.call().parameters))

        assert 1 == len(set(made))

    def test_it_shows_no_secret(self, trial: Trial, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
        """Neither in its repr nor in what it prints or logs."""
        method = self.extension()
        method.present(trial.call())
        shown = repr(method) + "".join(capfd.readouterr()) + caplog.text

        assert [name for name, value in trial.inputs.items() if isinstance(value, str) and "s3cr3t" in value and value in shown] == []

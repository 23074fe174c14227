"""What every auth type promises (`contracts.Scheme`). The least:

    class TestHmac(SchemeContract):
        extension = Hmac
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from authweave.errors import InputError, OriginRefused
from authweave.extensions.catalog import Catalog
from authweave.testing.extension import ExtensionContract
from authweave.testing.trial import (
    API,
    ODD,
    Trial,
    check_schema,
    check_unchanged,
    in_a_crowd,
    refusal_of,
    required,
    values_for,
    words_of,
)
from authweave.values import TaskRequest

REQUEST = TaskRequest("GET", f"{API}/v1/things?b=2&a=1", (("Accept", "application/json"),))


class SchemeContract(ExtensionContract):
    """`auth` are the keys that the type needs in the profile, `inputs` values for its inputs, `more` further keys of the profile.

    `is_applied` is False for a type that puts nothing into the first request (the server has to ask first), or needs what no
    suite has (a ticket).
    """

    kind = "schemes"
    auth: ClassVar[Mapping[str, Any]] = {}
    inputs: ClassVar[Mapping[str, Any]] = {}
    more: ClassVar[Mapping[str, Any]] = {}
    is_applied: ClassVar[bool] = True

    @pytest.fixture
    def trial(self, catalog: Catalog) -> Trial:
        """A profile of this type."""
        return Trial(catalog, {"type": self.extension.name, **self.auth}, values_for(self.extension.inputs, self.inputs), self.more)

    def test_its_keys_are_described(self) -> None:
        """`schema` is a JSON Schema of an object; every key says what it is for."""
        check_schema(self.extension.schema)

    def test_a_profile_of_it_is_valid(self, trial: Trial) -> None:
        """With its own defaults: its inputs are implied, so that nobody declares them."""
        assert [] == trial.problems()

    def test_defaults_are_made_from_what_is_written_alone(self) -> None:
        """`filled`, where there is one, changes nothing and says the same again."""
        if hasattr(self.extension, "filled"):
            check_unchanged(self.extension.filled, {"type": self.extension.name, **self.auth})

    def test_its_credential_is_placed(self, trial: Trial) -> None:
        """In the request, whose method, origin and body stay."""
        made = trial.connection().authorize(REQUEST).result(20) if self.is_applied else None

        assert made is None or (made.url, made.headers) != (REQUEST.url, REQUEST.headers)
        assert made is None or (made.method, made.body, made.url.startswith(f"{API}/")) == (REQUEST.method, REQUEST.body, True)

    def test_it_stays_with_its_origin(self, trial: Trial) -> None:
        """A request to another one is refused."""
        if self.is_applied:
            with pytest.raises(OriginRefused):
                trial.connection().authorize(TaskRequest("GET", "https://other.example.net/")).result(20)

    def test_a_missing_input_is_named(self, trial: Trial) -> None:
        """By an InputError, before anything is sent."""
        known = trial.connection().profile.inputs
        for name in required({name: spec for name, spec in self.extension.inputs.items() if name in known}) if self.is_applied else ():
            with pytest.raises(InputError, match=name):
                trial.without(name).authorize(REQUEST).result(20)

    def test_whatever_an_input_holds(self, trial: Trial) -> None:
        """The request is made, or refused with a typed error that does not repeat the value."""
        for name in self.extension.inputs if self.is_applied else ():
            for odd in ODD:
                refused = refusal_of(lambda name=name, odd=odd: trial.connection(**{name: odd}).authorize(REQUEST).result(20))
                assert refused is None or not any(odd in words for words in words_of(refused)), name

    def test_many_threads_share_it(self, trial: Trial) -> None:
        """Each gets its own request back."""
        if self.is_applied:
            connection = trial.connection()
            made = in_a_crowd(lambda: connection.authorize(REQUEST).result(20))
            assert {frozenset(name for name, _ in one.headers) for one in made} == {frozenset(name for name, _ in made[0].headers)}

    def test_it_shows_no_secret(self, trial: Trial, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
        """Neither the type, nor the request that it is placed in, nor anything that is printed or logged."""
        made = trial.connection().authorize(REQUEST).result(20) if self.is_applied else None
        shown = repr(self.extension()) + repr(made) + "".join(capfd.readouterr()) + caplog.text

        assert [name for name, value in trial.inputs.items() if isinstance(value, str) and "s3cr3t" in value and value in shown] == []

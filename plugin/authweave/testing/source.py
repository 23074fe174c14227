"""What every source of input values promises (`contracts.Source`, `ConfiguredSource`). The least:

    class TestVault(SourceContract):
        @pytest.fixture
        def source(self, tmp_path):
            return Vault(...)   # which has `value` for the input client_secret of the profile acme
"""

from __future__ import annotations

import inspect
import os
from typing import Any, ClassVar

import pytest

from authweave.contracts import Source
from authweave.errors import InputError, SettingsError
from authweave.profile import Input
from authweave.settings import Settings
from authweave.testing.extension import ExtensionContract
from authweave.testing.trial import in_a_crowd, words_of
from authweave.values import Secret

ODD_NAMES = ("../../etc/passwd", "/etc/passwd", "a\nb", "a\x00b", "", ".", "*", "ü€", "a/b", "\ud800", "x" * 5000)


class SourceContract(ExtensionContract):
    """Needs a fixture `source` that has `value` for the input `asked` of `profile`, for the tenant `tenant`, and nothing else."""

    kind = "sources"
    profile: ClassVar[str] = "acme"
    asked: ClassVar[Input] = Input("client_secret", title="Client secret", secret=True)
    tenant: ClassVar[str] = ""
    value: ClassVar[Any] = "s3cr3t of the source"

    @pytest.fixture
    def source(self) -> Source:
        """The source, set up with the value."""
        raise NotImplementedError("make the source here")

    @pytest.fixture
    def extension_class(self, source: Source) -> type[Any]:
        """The class of the source."""
        return type(source)

    def test_is_a_source(self, source: Source) -> None:
        """It has everything the protocol names; `max_age` is a number of seconds, or None."""
        age: object = source.max_age

        assert isinstance(source, Source)
        assert age is None or (isinstance(age, int | float) and not isinstance(age, bool) and age > 0)

    def test_it_is_made_from_settings(self, extension_class: type[Any]) -> None:
        """Where nothing is set up it is None, or a source that has nothing: no operator has to name every source."""
        settings = Settings(origins={}, environment={})
        made = extension_class.from_settings(settings)

        assert inspect.ismethod(extension_class.from_settings), "from_settings is a classmethod"
        assert made is None or (isinstance(made, Source) and made.get("acme", Input("nothing_of_this_name"), "") is None)

    def test_it_has_the_value(self, source: Source) -> None:
        """As a Secret, which says where it is from and not what it is; asked again, it is the same."""
        for _ in range(2):
            found = source.get(self.profile, self.asked, self.tenant)
            assert isinstance(found, Secret)
            assert self.value == found.reveal()
            assert found.origin
            assert str(self.value) not in found.origin

    def test_it_has_nothing_else(self, source: Source) -> None:
        """None for another input and another profile; nothing is made up, and no name is taken for another."""
        assert source.get(self.profile, Input("nothing_of_this_name"), self.tenant) is None
        assert source.get("another-profile", Input("nothing_of_this_name"), self.tenant) is None
        assert source.get("another-profile", self.asked, "another-tenant") is None

    def test_it_says_where_it_looks(self, source: Source) -> None:
        """In one line, also for what it has not: so that somebody knows where to put it. Never the value."""
        for asked in (self.asked, Input("nothing_of_this_name")):
            words = source.describe(self.profile, asked, self.tenant)
            assert words
            assert len(words.splitlines()) == 1
            assert str(self.value) not in words

    @pytest.mark.parametrize("name", ODD_NAMES, ids=lambda name: repr(name)[:20])
    def test_whatever_the_names(self, source: Source, name: str) -> None:
        """A tenant, a profile or an input with an odd name has no value, or is refused with a typed error; none leads elsewhere."""
        for profile, asked, tenant in ((self.profile, self.asked, name), (name, self.asked, self.tenant), (self.profile, Input(name), self.tenant)):
            try:
                found: object = source.get(profile, asked, tenant)
            except (InputError, SettingsError) as refused:
                assert str(self.value) not in " ".join(words_of(refused))
            else:
                is_of_the_profile = (profile, asked) == (self.profile, self.asked)
                assert found is None or (is_of_the_profile and isinstance(found, Secret) and found.reveal() == self.value)
            assert isinstance(source.describe(profile, asked, tenant), str)

    def test_many_threads_ask(self, source: Source) -> None:
        """Each gets the value."""
        found = in_a_crowd(lambda: source.get(self.profile, self.asked, self.tenant))

        assert [self.value] * len(found) == [one.reveal() for one in found]

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
    @pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
    def test_after_a_fork(self, source: Source) -> None:
        """A child can ask a source that its parent has asked."""
        source.get(self.profile, self.asked, self.tenant)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                found = source.get(self.profile, self.asked, self.tenant)
                code = 0 if found is not None and found.reveal() == self.value else 2
            finally:
                os._exit(code)

        assert 0 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def test_it_shows_no_secret(self, source: Source, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
        """Neither in its repr nor in what it prints or logs."""
        found = source.get(self.profile, self.asked, self.tenant)

        assert str(self.value) not in f"{source!r} {found!r} {''.join(capfd.readouterr())} {caplog.text}"

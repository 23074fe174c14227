"""What every placement promises (`contracts.Placement`). The least:

    class TestContext(PlacementContract):
        extension = Context

        def found(self, request, key):
            return values_of(request.header("X-Acme-Context") or "", key)
"""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import urlsplit

import pytest

from authweave.drafts.draft import Draft
from authweave.errors import PlacementError
from authweave.testing.extension import ExtensionContract
from authweave.testing.trial import API, ODD, refusal_of, words_of
from authweave.values import TaskRequest

ODD_KEYS = ("", " ", "a b", "a\r\nb", "a\x00b", "ä", "a:b", "a;b", "a=b", "{a}", "../a", "\ud800", "x" * 10_000)


class PlacementContract(ExtensionContract):
    """`request` is one in which `key` can be placed, `value` a plain value for it.

    `found` says what stands under a key in a finished request; a subclass has to say how its values are read back.
    """

    kind = "placements"
    request: ClassVar[TaskRequest] = TaskRequest("GET", f"{API}/v1/things?a=1", (("Accept", "application/json"),))
    key: ClassVar[str] = "region"
    value: ClassVar[str] = "eu-1"

    def found(self, request: TaskRequest, key: str) -> list[str]:
        """The values under a key, as a server would read them."""
        raise NotImplementedError("say how a server reads what the placement wrote")

    @pytest.fixture
    def placement(self) -> Any:
        """Made without arguments, as the profile's fields make it."""
        return self.extension()

    def test_it_has_a_title(self) -> None:
        """Which people read."""
        assert self.extension.title

    def test_a_value_arrives(self, placement: Any) -> None:
        """Under its key, once; a number as it is written."""
        assert [] == self.found(self.request, self.key)
        assert [self.value] == self.found(self._placed(placement, self.value), self.key)
        assert ["7"] == self.found(self._placed(placement, 7), self.key)

    def test_it_changes_nothing_else(self, placement: Any) -> None:
        """Method and origin stay, and the headers and parameters that were there."""
        made = self._placed(placement, self.value)

        assert (self.request.method, urlsplit(self.request.url)[:2]) == (made.method, urlsplit(made.url)[:2])
        assert {name.lower() for name, _ in self.request.headers} <= {name.lower() for name, _ in made.headers}
        assert urlsplit(self.request.url).query in urlsplit(made.url).query

    def test_two_keys_do_not_meet(self, placement: Any) -> None:
        """One does not take the other's place."""
        draft = self._draft()
        placement.place(draft, self.key, self.value, "replace")
        if refusal_of(lambda: placement.place(draft, f"{self.key}2", "other", "replace")) is None:
            assert ([self.value], ["other"]) == (self.found(draft.finish(), self.key), self.found(draft.finish(), f"{self.key}2"))

    def test_what_is_there_already(self, placement: Any) -> None:
        """`replace` takes its place, `keep` leaves it and says so in `draft.kept`, `error` refuses and leaves it."""
        for mode, expected in (("replace", "second"), ("keep", "first")):
            draft = self._draft()
            placement.place(draft, self.key, "first", mode)
            placement.place(draft, self.key, "second", mode)
            assert ([expected], mode == "keep") == (self.found(draft.finish(), self.key), draft.kept)
        draft = self._draft()
        placement.place(draft, self.key, "first", "error")
        with pytest.raises(PlacementError):
            placement.place(draft, self.key, "second", "error")
        assert ["first"] == self.found(draft.finish(), self.key)

    @pytest.mark.parametrize("value", [*ODD, "", None, ["a", "b"], {"a": "b"}, b"\xff", True, 1.5, object()], ids=lambda value: repr(value)[:20])
    def test_whatever_the_value(self, placement: Any, value: Any) -> None:
        """It arrives as it is, or is refused with a PlacementError that names the key and never the value."""
        draft = self._draft()
        try:
            placement.place(draft, self.key, value, "replace")
            made = draft.finish()
        except PlacementError as refused:
            shown = [words for words in words_of(refused) if isinstance(value, str) and value and value in words]
            assert self.key in str(refused)
            assert shown == []
            return
        _check_sound(made)
        if isinstance(value, str):
            assert [value] == self.found(made, self.key)

    @pytest.mark.parametrize("key", ODD_KEYS, ids=lambda key: repr(key)[:20])
    def test_whatever_the_key(self, placement: Any, key: str) -> None:
        """`wrong_key` says why it cannot stand there, or None; then it can. A wrong one is refused in `place`, too."""
        why = placement.wrong_key(key)
        draft = self._draft()
        refused = refusal_of(lambda: placement.place(draft, key, self.value, "replace"))

        assert why is None or (isinstance(why, str) and why)
        assert refused is None or isinstance(refused, PlacementError)
        if refused is None:
            _check_sound(draft.finish())
            assert [self.value] == self.found(draft.finish(), key)
        assert why is None or refused is not None, "a key that is wrong is placed all the same"

    def test_its_own_key_is_right(self, placement: Any) -> None:
        """What can be placed is not called wrong."""
        assert placement.wrong_key(self.key) is None

    def test_it_keeps_nothing(self, placement: Any, capfd: pytest.CaptureFixture[str]) -> None:
        """Another request gets nothing of the one before; nothing is printed, and no value is in its repr."""
        self._placed(placement, "s3cr3t-of-another")
        made = self._placed(placement, self.value)

        assert [self.value] == self.found(made, self.key)
        assert "s3cr3t" not in repr(placement) + "".join(capfd.readouterr())

    def _draft(self) -> Draft:
        return Draft.of(self.request)

    def _placed(self, placement: Any, value: Any) -> TaskRequest:
        draft = self._draft()
        placement.place(draft, self.key, value, "replace")
        return draft.finish()


def _check_sound(request: TaskRequest) -> None:
    """No control character reaches the transport in a URL or a header."""
    texts = [request.url, *(text for pair in request.headers for text in pair)]
    assert [text for text in texts if not text.isprintable() or not text.isascii()] == []

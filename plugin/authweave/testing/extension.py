"""What extensions of every kind promise: a name, a sentence, and every member that their contract asks for."""

from __future__ import annotations

import inspect
from typing import Any, ClassVar

import pytest

from authweave.extensions.catalog import KINDS, Catalog
from authweave.extensions.promises import is_name, promised
from authweave.testing.trial import catalog_with


class ExtensionContract:
    """`extension` is the class. A suite whose fixture makes an object finds the class by that."""

    kind: ClassVar[str]
    extension: ClassVar[type[Any]]

    @pytest.fixture
    def extension_class(self) -> type[Any]:
        """The class that a package registers."""
        return self.extension

    @pytest.fixture
    def catalog(self, extension_class: type[Any]) -> Catalog:
        """The built-ins, and this extension."""
        return catalog_with(self.kind, extension_class)  # type: ignore[arg-type]  # a class can be hashed, whatever its objects can

    def test_it_can_be_registered(self, extension_class: type[Any], catalog: Catalog) -> None:
        """It has a fit name that nobody else has, and every member that its contract asks for; it is found by that name."""
        assert is_name(self.kind, extension_class.name)
        assert issubclass(extension_class, catalog.find(self.kind, extension_class.name))

    def test_it_says_what_it_is(self, extension_class: type[Any]) -> None:
        """In a sentence: the class, and every method of the contract, for who reads the code and for the pages made from it."""
        members = [name for name in promised(KINDS[self.kind]) if inspect.isroutine(getattr(extension_class, name, None))]
        silent = [name for name in members if not _own_words(getattr(extension_class, name))]

        assert _own_words(extension_class), f"{extension_class.__qualname__} has no docstring"
        assert silent == [], f"without a docstring: {', '.join(silent)}"


def _own_words(thing: Any) -> str:
    found = inspect.getdoc(thing) or ""
    return "" if found.startswith(f"{getattr(thing, '__name__', '')}(") else found.strip()

"""Sources of inputs, asked for nothing but what a tenant's limits name."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final

from authweave.contracts import LimitedSource, SourceOfSubjects
from authweave.errors import AuthweaveError, InputError
from authweave.foreign import asked as answer_of
from authweave.values import Secret

if TYPE_CHECKING:
    from authweave.contracts import Source
    from authweave.limits.within import Within
    from authweave.profile import Input

ENTRIES: Final = "files"
"""The list that entries of sources stand in which do not say what they would look at."""


def held(sources: Iterable[Source], within: Within) -> list[Source]:
    """The same sources, which look at nothing outside the limits."""
    return [_held(source, within) for source in sources]


def names_of(source: Source, profile: str, asked: Input, tenant: str) -> tuple[str, tuple[str, ...]]:
    """The list that concerns a source, and what it would look at for an input; nothing is looked at here."""
    if isinstance(source, LimitedSource):
        return source.limited_by, tuple(answer_of(source, source.names, profile, asked, tenant))
    return ENTRIES, _entries(source, profile, asked, tenant)


def _held(source: Source, within: Within) -> Source:
    if isinstance(source, LimitedSource):
        return source.only(partial(within.allows, source.limited_by))
    return _Held(source, within)


def _entries(source: Source, profile: str, asked: Input, tenant: str) -> tuple[str, ...]:
    """`vault:acme/blue/client_id`: what stands for the values of a source that has no words of its own for them."""
    owner = f"{profile}/{tenant}" if tenant else profile
    return (f"{source.name}:{owner}/{asked.name}",)


class _Held:
    """A source that is asked only for inputs whose entry the limits name."""

    name: ClassVar[str] = "limited"

    def __init__(self, source: Source, within: Within) -> None:
        self._source = source
        self._within = within

    @property
    def max_age(self) -> float | None:
        """As the source says."""
        return answer_of(self._source, lambda: self._source.max_age)

    def get(self, profile: str, asked: Input, tenant: str) -> Secret | None:
        """What the source has; None where it may not be asked."""
        return self._found(profile, asked, tenant, self._source.get, profile, asked, tenant)

    def get_for_subject(self, profile: str, asked: Input, tenant: str, subject: str) -> Secret | None:
        """The same for one user."""
        if isinstance(self._source, SourceOfSubjects):
            return self._found(profile, asked, tenant, self._source.get_for_subject, profile, asked, tenant, subject)
        return self.get(profile, asked, tenant)

    def describe(self, profile: str, asked: Input, tenant: str) -> str:
        """As the source says, where it may be asked."""
        if not self._may_be_asked(profile, asked, tenant):
            return f"no entry of {self._source.name} that may be used here"
        return answer_of(self._source, self._source.describe, profile, asked, tenant, of=str)

    def _may_be_asked(self, profile: str, asked: Input, tenant: str) -> bool:
        return any(self._within.allows(ENTRIES, entry) for entry in _entries(self._source, profile, asked, tenant))

    def _found(self, profile: str, asked: Input, tenant: str, get: Any, *arguments: Any) -> Secret | None:
        wrong = ""
        if not self._may_be_asked(profile, asked, tenant):
            return None
        try:
            return answer_of(self._source, get, *arguments, of=(Secret, type(None)))  # type: ignore[no-any-return]  # checked there
        except InputError:
            raise
        except AuthweaveError as error:  # it names the source, which this one stands before
            wrong = str(error)
        raise InputError(asked.name, f"{asked.name}: {wrong}")

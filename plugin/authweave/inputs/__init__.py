"""Declared inputs become values: asked for at their sources when read, converted, checked, remembered."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from authweave.contracts import SourceOfSubjects
from authweave.errors import InputError, InvalidInput, MissingInput, SettingsError
from authweave.foreign import UNFIT, in_words, misbehaved
from authweave.foreign import asked as answer_of
from authweave.inputs.formats import FORMATS
from authweave.inputs.placeholders import doubts
from authweave.inputs.types import Unfit, converted, text_form
from authweave.patterns import PatternError, compile_pattern
from authweave.redaction import inert
from authweave.values import NEVER, Secret

if TYPE_CHECKING:
    from authweave.contracts import Source
    from authweave.profile import Input

__all__ = ["Resolved", "checked", "resolve"]


def resolve(
    profile: str, inputs: Mapping[str, Input], sources: Sequence[Source], tenant: str = "", subject: str = "",
    *, clock: Callable[[], float] = time.monotonic,
) -> Resolved:  # fmt: skip
    """The inputs of a profile for one tenant and user. Nothing is asked until a value is read."""
    return Resolved(profile, inputs, sources, tenant, subject, clock)


def checked(asked: Input, given: Any) -> Any:
    """A supplied value as the declaration wants it. Raises InvalidInput, which never repeats the value."""
    wrong = ""
    try:
        value = converted(asked.type, given)
        wrong = _not_allowed(asked, value)
    except Unfit as unfit:
        wrong = str(unfit)
    except PatternError:
        wrong = "has a pattern that cannot be used"
    if wrong:
        raise InvalidInput(asked.name, f"{_named(asked)} {wrong}")
    return value


def age_of(source: Source) -> float | None:
    """Seconds an answer of the source may be used; None: it stays. Raises ExtensionFailed for what is no such number."""
    age: object = answer_of(source, lambda: source.max_age)
    if age is None or (isinstance(age, int | float) and not isinstance(age, bool) and age > 0):
        return age
    raise misbehaved(source, f"has a max_age that is {type(age).__name__}, and no number of seconds")


class Resolved(Mapping[str, Any]):
    """Input → value, for templates: plain, or a Secret for a secret input. Immutable, for threads to share.

    Reading a value for the first time asks the sources in their order, and may block; `require` does so for many in
    one go. Two threads that read the same at once may both ask. The first source that has something wins, even if
    that is empty. An empty text is missing unless the default is ''. What is missing has its default; without one it
    is None if it is not required, and otherwise reading it raises MissingInput, and asks again the next time.
    """

    def __init__(
        self, profile: str, inputs: Mapping[str, Input], sources: Sequence[Source], tenant: str, subject: str,
        clock: Callable[[], float],
    ) -> None:  # fmt: skip
        self._profile = profile
        self._inputs = inputs
        self._sources = tuple(sources)
        self._tenant = tenant
        self._subject = subject
        self._clock = clock
        self._values: dict[str, Any] = {}
        self._origins: dict[str, str] = {}
        self._doubts: dict[str, tuple[str, ...]] = {}
        self._secrets: dict[str, tuple[Secret, ...]] = {}
        self._until = NEVER

    def __getitem__(self, name: str) -> Any:
        if name not in self._values:
            self._values.setdefault(name, self._found(self._inputs[name]))
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._inputs)

    def __len__(self) -> int:
        return len(self._inputs)

    def __contains__(self, name: object) -> bool:
        return name in self._inputs

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        return f"<inputs of {self._profile}: {', '.join(self._inputs) or 'none'}>"

    def require(self, names: Iterable[str]) -> None:
        """Ask for all of these now. Raises one MissingInput for all that are missing, or the first InputError."""
        missing: list[str] = []
        for name in names:
            try:
                self[name]
            except MissingInput:
                missing.append(name)
        if missing:
            raise self._missing(sorted(missing, key=list(self._inputs).index))

    def is_at_hand(self, names: Iterable[str]) -> bool:
        """Have all of these been read, so that reading them again asks nobody?"""
        return all(name in self._values for name in names)

    def describe(self, name: str) -> tuple[str, ...]:
        """Where the value of an input would be looked for, in order, each place once."""
        asked = self._inputs[name]
        return tuple(dict.fromkeys(inert(answer_of(source, source.describe, self._profile, asked, self._tenant, of=str)) for source in self._sources))

    @property
    def suspicious(self) -> tuple[tuple[str, str], ...]:
        """Of the values read so far: name and doubt. They are used all the same."""
        return tuple((name, why) for name, doubts in self._doubts.copy().items() for why in doubts)

    @property
    def origins(self) -> Mapping[str, str]:
        """Of the values read so far: where each came from; `default` or `not supplied` if from nowhere."""
        return dict(self._origins)

    @property
    def secrets(self) -> tuple[tuple[str, Secret], ...]:
        """Of the secrets read so far: name and value, as supplied and as converted. For a Redactor to learn."""
        return tuple((name, secret) for name, secrets in self._secrets.copy().items() for secret in secrets)

    @property
    def is_stale(self) -> bool:
        """Is one of the values read so far older than its source allows (`max_age`)? Resolve anew then."""
        return self._clock() >= self._until

    def _found(self, asked: Input) -> Any:
        given, origin = self._asked_for(asked)
        if given is None or (_is_empty(given.reveal()) and asked.default != ""):
            return self._without(asked)
        raw = given.reveal()
        value = raw if _is_empty(raw) else checked(asked, raw)
        self._origins[asked.name] = origin
        if asked.enum is None:
            self._doubts[asked.name] = tuple(doubts(raw, secret=asked.secret, example=asked.example))
        return self._hidden(asked, given, value) if asked.secret else value

    def _hidden(self, asked: Input, given: Secret, value: Any) -> Secret:
        secret = Secret(value, given.origin)
        self._secrets[asked.name] = (given, secret)
        return secret

    def _without(self, asked: Input) -> Any:
        if asked.default is None:
            if asked.required:
                raise self._missing([asked.name])
            self._origins[asked.name] = "not supplied"
            return None
        self._origins[asked.name] = "default"
        value = asked.default if asked.default == "" else checked(asked, asked.default)
        return self._hidden(asked, Secret(asked.default, "default"), value) if asked.secret else value

    def _asked_for(self, asked: Input) -> tuple[Secret | None, str]:
        for source in self._sources:
            found = self._asked_of(source, asked)
            if (age := age_of(source)) is not None:
                self._until = min(self._until, self._clock() + age)
            if found is not None:
                return found, found.origin
        return None, ""

    def _asked_of(self, source: Source, asked: Input) -> Secret | None:
        wrong, failure = "", None
        try:
            found: object = self._answer(source, asked)
        except (InputError, SettingsError) as error:
            failure = error.fresh()  # without what the source may have raised it from
        except UNFIT as error:  # a stranger's source: its words and frames may hold the value
            wrong = f"failed with {type(error).__name__}"
        else:
            if found is None or isinstance(found, Secret):
                return found
            wrong = f"answered with {type(found).__name__} in the place of a Secret"
        if failure is not None:
            raise failure
        raise InputError(asked.name, f"{_named(asked)}: the {in_words(source)} {wrong}")

    def _answer(self, source: Source, asked: Input) -> object:
        if isinstance(source, SourceOfSubjects):
            return source.get_for_subject(self._profile, asked, self._tenant, self._subject)
        return source.get(self._profile, asked, self._tenant)

    def _missing(self, names: Sequence[str]) -> MissingInput:
        whose = self._profile + (f" for tenant {inert(self._tenant)}" if self._tenant else "")
        lines = [f"{_named(self._inputs[name])}: {self._looked(name)}" for name in names]
        if len(lines) == 1:
            return MissingInput(names[0], f"{whose} needs {lines[0]}", names)
        return MissingInput(names[0], "\n  ".join([f"{whose} needs {len(lines)} inputs:", *lines]), names)

    def _looked(self, name: str) -> str:
        places = self.describe(name)
        looked = f"not found in {'; '.join(places)}" if places else "there is no source to ask"
        if name == "tenant" and self._tenant:  # two things of one name: which connection it is, and what the API is told
            looked += f" (that the connection is for tenant {inert(self._tenant)} fills no input)"
        return looked


_SHOWN: Final = 30


def _named(asked: Input) -> str:
    return f"{inert(asked.title)} ({asked.name})" if asked.title and asked.title != asked.name else asked.name


def _is_empty(value: Any) -> bool:
    return value in ("", b"") if isinstance(value, str | bytes) else False


def _not_allowed(asked: Input, value: Any) -> str:
    """What the declaration does not allow about a value of the right type; '' if nothing."""
    if asked.enum is not None and not any(_is_same(value, allowed) for allowed in asked.enum):
        return f"must be one of {', '.join(map(str, asked.enum[:_SHOWN]))}{' …' if len(asked.enum) > _SHOWN else ''}"
    for text in map(text_form, value if isinstance(value, list) else [value]):
        if asked.format is not None and (wrong := _not_of_format(asked.format, text)):
            return wrong
        if asked.pattern is not None and not (text is not None and compile_pattern(asked.pattern).matches(text)):
            return f"must match {asked.pattern} as a whole"
    return ""


def _not_of_format(name: str, text: str | None) -> str:
    if name not in FORMATS:
        return f"has the format {name}, which is not known; known are {', '.join(FORMATS)}"
    is_right, words = FORMATS[name]
    return "" if text is not None and is_right(text) else f"must be {words}"


def _is_same(value: Any, allowed: Any) -> bool:
    """Equal, and not only because True equals 1."""
    return isinstance(value, bool) == isinstance(allowed, bool) and bool(value == allowed)

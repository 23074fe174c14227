"""Which profiles can show a fault: each answers '' or the words that end `it …`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from authweave.templates import Template

if TYPE_CHECKING:
    from authweave.profile import Input, Profile, TokenSettings

Fits = Callable[["Profile"], str]


def of_type(*types: str) -> Fits:
    """Profiles with a variant of one of these types."""
    return lambda profile: "" if any(one.scheme.name in types for one in profile.variants) else f"shows with a profile of type {' or '.join(types)}"


def where(holds: Callable[[Profile], bool], shows_with: str) -> Fits:
    """Profiles for which this holds."""
    return lambda profile: "" if holds(profile) else f"shows with {shows_with}"


def tokens_of(profile: Profile) -> TokenSettings | None:
    """How the first variant gets tokens, if it does."""
    return profile.variants[0].tokens


def gets_tokens(profile: Profile) -> str:
    """Profiles whose first variant gets tokens."""
    return "" if tokens_of(profile) is not None else "shows with a profile that gets tokens"


def calls_token_url(profile: Profile) -> str:
    """Profiles that name their token endpoint, and need nobody who signs in."""
    settings = tokens_of(profile)
    named = settings is not None and settings.token_url is not None and not settings.signs_in
    return "" if named else "shows with a profile that has a token_url and gets tokens without a person"


def has_test(profile: Profile) -> str:
    """Profiles with a check request and servers of their own."""
    has = not isinstance(profile.tests, str) and bool(profile.servers)
    return "" if has else "shows with a profile that has `servers` and a check request (`test`)"


def both(*wanted: Fits) -> Fits:
    """Profiles that fit all of these."""
    return lambda profile: next((why for fits in wanted if (why := fits(profile))), "")


def free_secret(profile: Profile) -> Input | None:
    """A secret that may be any text and that the first variant reads: the client's, if there is one."""
    needs = profile.variants[0].needs
    found = [
        one for name, one in profile.inputs.items()
        if name in needs and one.secret and one.type == "string" and not (one.pattern or one.enum or one.format)
    ]  # fmt: skip
    return min(found, key=lambda one: one.name != "client_secret", default=None)


def secret_in_header(profile: Profile) -> str:
    """The input that a header of the task request holds as it is; '' for none."""
    free = free_secret(profile)
    for field in profile.variants[0].fields:
        value = field.value
        if free is not None and field.placement.name == "header" and isinstance(value, Template) and not value.functions and value.reads == {("inputs", free.name)}:
            return free.name
    return ""


def in_header(profile: Profile) -> str:
    """Profiles that put a secret into a header of the task request as it is."""
    return "" if secret_in_header(profile) else "shows with a profile of type api_key or bearer, whose secret stands in a header as it is"

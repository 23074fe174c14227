"""How inputs are called in the environment and in dotenv files.

`AUTHWEAVE_<PROFILE>_<INPUT>`, in upper case with `_` for everything but letters and digits; for one tenant
`AUTHWEAVE_<PROFILE>__<TENANT>__<INPUT>`, which is looked at first.
"""

from __future__ import annotations

import re
from collections.abc import Container
from typing import Final

PREFIX: Final = "AUTHWEAVE_"
_UNMISTAKABLE: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def variables(profile: str, name: str, tenant: str, taken: Container[str]) -> tuple[str, ...]:
    """The variables to look at, the most particular first; those that are `taken` by settings are not among them.

    A tenant has one only if no other tenant could come to the same: lower-case letters, digits and single hyphens.
    """
    general = f"{PREFIX}{_upper(profile)}_{_upper(name)}"
    particular = f"{PREFIX}{_upper(profile)}__{_upper(tenant)}__{_upper(name)}"
    wanted = (particular, general) if tenant and _UNMISTAKABLE.fullmatch(tenant) else (general,)
    return tuple(variable for variable in wanted if variable not in taken)


def limits(profile: str, name: str, tenant: str, taken: Container[str]) -> str:
    """What keeps some variable from being looked at, in brackets for a description; nothing is the usual case."""
    general = f"{PREFIX}{_upper(profile)}_{_upper(name)}"
    if general in taken:
        return f" ({general} is a setting, and so never an input)"
    if tenant and not _UNMISTAKABLE.fullmatch(tenant):
        return " (a tenant of this name has no variable of its own: only a-z, 0-9 and single hyphens are unmistakable)"
    return ""


def _upper(name: str) -> str:
    return re.sub("[^A-Z0-9]", "_", name.upper())

"""The allow-lists of one tenant, as a host or a file says them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, Final, Self

from authweave.errors import AuthweaveError, SettingsError
from authweave.limits.host_patterns import HostPattern
from authweave.limits.matching import ALL, TENANT, is_path, whole_path

DEFAULT: Final = "*"
"""The tenant that stands for those whom a map does not name."""
_NAME: Final = re.compile(r"[A-Za-z0-9_*-]+")
_TYPE: Final = re.compile(r"[^\s*{}/]+(/[^\s*{}]+)?")
_VARIABLE: Final = re.compile(r"(?:[A-Z0-9_*]|\{tenant\})+")
_PLACEHOLDER: Final = re.compile(r"\{[^}]*\}?|\}")
_PRINTED: Final = 60


@dataclass(frozen=True, slots=True)
class Limits:
    """What a tenant's profiles may use. What a list does not hold they may not; an empty list allows nothing, `*` alone everything.

    `profiles`: names of profiles, to use and to extend. `types`: auth types (`api_key`, `acme.hmac`), `oauth2` with any grant or
    `oauth2/client_credentials` with one. `hosts`: where their URLs may lead, `api.acme.example`, `*.acme.example` (one label),
    `**.acme.example` (one or more), with `:8443` for another port than the usual one, `:*` for any. `inputs`: names of inputs.
    `environment`: variables that inputs may be read from, of the process and of dotenv files. `files`: paths of files that they may
    be read from, and entries of other sources, `keyring:service/profile/input`. In names `*` stands for any characters, in variables
    for any between double underscores, in files for any between slashes. `{tenant}` is the tenant's name, in the last two and in hosts.

    `origin` says in messages where the lists stand. Frozen, and safe for threads. Raises SettingsError for what is no such list.
    """

    profiles: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    origin: str = field(default="Engine(limits=…)", compare=False, kw_only=True)

    def __post_init__(self) -> None:
        for kind in KINDS:
            object.__setattr__(self, kind, _read(kind, getattr(self, kind), f"{self.origin}: {kind}"))

    @classmethod
    def everything(cls, **but: Iterable[str]) -> Self:
        """No limit, but for the lists that are given. Raises SettingsError, TypeError."""
        return cls(**{**dict.fromkeys(KINDS, (ALL,)), **but})  # type: ignore[arg-type]  # any iterable is made a tuple

    def as_dict(self) -> dict[str, tuple[str, ...]]:
        """The lists by their names."""
        return {kind: getattr(self, kind) for kind in KINDS}


KINDS: Final = tuple(one.name for one in fields(Limits) if one.name != "origin")
"""The names of the lists, in the order they are documented."""


def _read(kind: str, given: Any, where: str) -> tuple[str, ...]:
    if isinstance(given, str | bytes) or not isinstance(given, Iterable) or isinstance(given, Mapping):
        raise SettingsError(f'{where}: must be a list of texts, such as ["{_EXAMPLES[kind]}"]')
    entries = tuple(given)
    for entry in entries:
        if not isinstance(entry, str):
            raise SettingsError(f'{where}: must be a list of texts, such as ["{_EXAMPLES[kind]}"]; {type(entry).__name__} is none')
        if wrong := "" if entry == ALL else _CHECKS[kind](entry):
            raise SettingsError(f"{where}: {_shown(entry)} {wrong}")
    if len(set(entries)) < len(entries):
        raise SettingsError(f"{where}: names one twice")
    return tuple(whole_path(entry) for entry in entries) if kind == "files" else entries


def _shown(entry: str) -> str:
    return repr(entry if len(entry) <= _PRINTED else f"{entry[:_PRINTED]}…")


def _not_a_name(entry: str) -> str:
    if _PLACEHOLDER.search(entry):
        return f"cannot hold {TENANT}, which stands in hosts, environment and files alone: names run into each other here; write them out for each tenant, or give a function"
    return "" if _NAME.fullmatch(entry) else "is no name: letters, digits, - and _, and * for any of them"


def _not_a_type(entry: str) -> str:
    if "*" in entry or "{" in entry:
        return "is no type: write each out, or * alone for all"
    return "" if _TYPE.fullmatch(entry) else "is no type, such as api_key, or oauth2/client_credentials"


def _not_a_variable(entry: str) -> str:
    if wrong := _wrong_placeholder(entry):
        return wrong
    if not _VARIABLE.fullmatch(entry):
        return "is no variable: capital letters, digits and _, and * for any between double underscores"
    return "" if entry.startswith("AUTHWEAVE_") else "names no variable of an input: those begin with AUTHWEAVE_"


def _not_a_file(entry: str) -> str:
    if wrong := _wrong_placeholder(entry):
        return wrong
    if not entry or "\0" in entry or entry.endswith("/"):
        return "is no file: write a path, with * for any characters between slashes"
    return "cannot hold .. : write the path that is meant" if is_path(entry) and ".." in entry.split("/") else ""


def _not_a_host(entry: str) -> str:
    if wrong := _wrong_placeholder(entry):
        return wrong
    wrong = ""
    try:
        HostPattern.of(entry.replace(TENANT, "x"))
    except AuthweaveError as refused:
        wrong = f"is no host: {refused}"
    return wrong


def _wrong_placeholder(entry: str) -> str:
    odd = [found for found in _PLACEHOLDER.findall(entry) if found != TENANT]
    return f"holds {odd[0]}: only {TENANT} is put in there" if odd else ""


_CHECKS: Final[Mapping[str, Callable[[str], str]]] = MappingProxyType({
    "profiles": _not_a_name, "types": _not_a_type, "hosts": _not_a_host, "inputs": _not_a_name, "environment": _not_a_variable, "files": _not_a_file,
})  # fmt: skip
_EXAMPLES: Final[Mapping[str, str]] = MappingProxyType({
    "profiles": "acme-*", "types": "oauth2/client_credentials", "hosts": "*.acme.example", "inputs": "client_id", "environment": "AUTHWEAVE_ACME_*",
    "files": "/run/secrets/acme.*",
})  # fmt: skip

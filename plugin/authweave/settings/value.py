"""What an operator decides, as one frozen value: from a host, the environment, `authweave.toml`, or a default."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, Self, get_type_hints

from authweave.errors import SettingsError, without_arguments
from authweave.settings import kinds
from authweave.settings.files import SettingsFile, nearest, of_user
from authweave.settings.variable_names import PREFIX

CONFIG: Final = "AUTHWEAVE_CONFIG"
_NAME: Final = re.compile(r"[A-Za-z0-9_. -]{1,64}")


@dataclass(frozen=True, slots=True)
class Member:
    """One setting: its key in `authweave.toml`, its variable, what it takes, its default and what it is for."""

    name: str
    kind: kinds.Kind
    default: Any
    description: str

    @property
    def key(self) -> str:
        """The key in `authweave.toml` and in `Engine(…)`."""
        return self.name

    @property
    def variable(self) -> str:
        """The environment variable."""
        return PREFIX + self.name.upper()

    @property
    def type(self) -> str:
        """What it takes, in words."""
        return self.kind.words


@dataclass(frozen=True, slots=True)
class _Said:
    """What a setting takes, and what it is for."""

    kind: kinds.Kind
    description: str


_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
_OBSERVERS: Final = ("logging",)
_STORE: Final = "Where tokens live between calls: `memory:`, `sqlite:` (or `sqlite:///path`), `redis://…`. The command line has `sqlite:`."
_STORE_KEY: Final = "What seals stored tokens: the absolute path of a key file, `keyring:`, or `plaintext`. When not set, a key file is made at first use."
_STORE_REQUIRED: Final = "Fail every renewal while the store is away, also where going on without it loses nothing."
_SOURCES: Final = ("environment", "secrets_dir", "dotenv", "keyring")
_EGRESS: Final = "Where calls may go: `open`, or `strict` (https, declared ports, public addresses) for hosts that run the profiles of strangers."
_EGRESS_PORTS: Final = "Ports that `strict` lets calls go to beside 443 and those that a profile writes out."
_EGRESS_HOSTS: Final = (
    "Hosts that values may choose under `strict` without a pattern: names, `*.acme.example` (all below it), or `*` (every public one). "
    "Without any, a profile with such a host is refused."
)
_EGRESS_PROXIES: Final = "The proxies that calls may go through under an egress policy: whoever is listed resolves names, so it decides where they lead."
_EGRESS_OF_TASKS: Final = "Who guards task requests under an egress policy: `client` (only `client()` sends them), or `host`, which then may take `auth` for a client of its own."
_PROXY: Final = "The proxy of every call, or `none`; when not set, HTTPS_PROXY and its like hold."
_BROKEN: Final = "What to do about an installed plugin that cannot be used: `fail` before anything else, or `skip` it, whole, with a warning."
_BLOCKED: Final = "Plugins that are not even imported, by distribution or entry point."
_PROFILE_PATHS: Final = "Let a text name a profile by the path of its file; without, only names count. For platforms whose users write the names."
_LIMITS: Final = "A file of what the profiles of each tenant may use: inputs, variables, files, hosts, types (docs/limits.md). Without one, everything."
_KEYRING: Final = "Look into the system keyring, under <keyring_service>/<profile>; `authweave` is usual."


@dataclass(frozen=True, repr=False)
class Settings:
    """Every setting with its value. `origins[name]` says where the value came from; `shown(name)` is fit to print.

    A variable that is set to nothing counts as not set.
    """

    profiles: Annotated[tuple[Path, ...], _Said(kinds.PATHS, "Folders with profiles, searched in this order.")] = ()
    profile_paths: Annotated[bool, _Said(kinds.FLAG, _PROFILE_PATHS)] = True
    store: Annotated[str, _Said(kinds.URL, _STORE)] = "memory:"
    store_key: Annotated[str | None, _Said(kinds.KEY_PLACE, _STORE_KEY)] = None
    store_patience: Annotated[float, _Said(kinds.SECONDS, "Seconds that one call to the store may take.")] = 0.2
    store_required: Annotated[bool, _Said(kinds.FLAG, _STORE_REQUIRED)] = False
    observers: Annotated[tuple[str, ...], _Said(kinds.NAMES, "Who is told of events: logging, opentelemetry.")] = _OBSERVERS
    deadline: Annotated[float, _Said(kinds.SECONDS, "Seconds that one token call may take in all.")] = 30.0
    test_deadline: Annotated[float, _Said(kinds.SECONDS, "Seconds that one run of a test may take in all.")] = 60.0
    ca: Annotated[Path | None, _Said(kinds.PATH, "A PEM file of authorities to believe besides the usual ones.")] = None
    proxy: Annotated[str | None, _Said(kinds.PROXY, _PROXY)] = None
    allow_loopback_http: Annotated[bool, _Said(kinds.FLAG, "Let a profile name http:// on this machine.")] = True
    allow_unverified_tls: Annotated[bool, _Said(kinds.FLAG, "Let a profile say `tls.verify: false`, and so believe whoever answers.")] = False
    egress: Annotated[str, _Said(kinds.one_of("open", "strict"), _EGRESS)] = "open"
    egress_ports: Annotated[tuple[int, ...], _Said(kinds.PORTS, _EGRESS_PORTS)] = ()
    egress_hosts: Annotated[tuple[str, ...], _Said(kinds.HOSTS, _EGRESS_HOSTS)] = ()
    egress_proxies: Annotated[tuple[str, ...], _Said(kinds.PROXIES, _EGRESS_PROXIES)] = ()
    egress_of_tasks: Annotated[str, _Said(kinds.one_of("client", "host"), _EGRESS_OF_TASKS)] = "client"
    limits: Annotated[Path | None, _Said(kinds.PATH, _LIMITS)] = None
    secrets_dir: Annotated[Path | None, _Said(kinds.PATH, "A folder with one file an input: <profile>.<input>.")] = None
    dotenv: Annotated[Path | None, _Said(kinds.PATH, "A file of lines such as AUTHWEAVE_ACME_CLIENT_ID=….")] = None
    keyring_service: Annotated[str | None, _Said(kinds.TEXT, _KEYRING)] = None
    sources: Annotated[tuple[str, ...], _Said(kinds.NAMES, "Where inputs are looked for, in this order.")] = _SOURCES
    workers_per_endpoint: Annotated[int, _Said(kinds.COUNT, "Token calls at once for one token endpoint.")] = 4
    broken_plugins: Annotated[Literal["fail", "skip"], _Said(kinds.choice("fail", "skip"), _BROKEN)] = "fail"
    blocked_plugins: Annotated[tuple[str, ...], _Said(kinds.NAMES, _BLOCKED)] = ()
    routes: Annotated[
        Mapping[str, str], _Said(kinds.ROUTES, "Where calls of authweave's own and of `client()` for a host and port really go, for tests and the sandbox; clients of yours look names up.")
    ] = field(default_factory=lambda: _NOTHING)
    origins: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def __post_init__(self) -> None:
        origins = {member.name: self.origins.get(member.name, "default") for member in MEMBERS.values()}
        object.__setattr__(self, "origins", MappingProxyType(origins))

    def __repr__(self) -> str:
        changed = (f"{name}={self.shown(name)}" for name, origin in self.origins.items() if origin != "default")
        return f"Settings({', '.join(changed)})"

    def shown(self, name: str) -> str:
        """The value as text, without the passwords that a URL may hold."""
        return MEMBERS[name].kind.shown(getattr(self, name))

    @classmethod
    @without_arguments
    def load(
        cls, overrides: Mapping[str, Any] | None = None, env: Mapping[str, str] | None = None, cwd: Path | None = None,
        *, called: str = "Engine({}=…)",
    ) -> Self:  # fmt: skip
        """The settings in force: overrides, then AUTHWEAVE_*, authweave.toml (near, then the user's), then defaults.

        An override of None is not there. `called` is how the origin of an override is written. Relative paths start
        at the file that holds them, otherwise at `cwd`. Raises SettingsError naming the origin of what is wrong.
        """
        env = os.environ if env is None else env
        cwd = Path.cwd() if cwd is None else Path(cwd)
        layers = [_of_files(env, cwd), _of_environment(env, cwd), _of_overrides(overrides or {}, cwd, called)]
        found = {name: value for layer in layers for name, value in layer.items()}
        values = {name: value for name, (value, _) in found.items()}
        return cls(**values, origins={name: origin for name, (_, origin) in found.items()}, environment=env)

    def overridden(self, overrides: Mapping[str, Any]) -> Self:
        """The same but for some; an override of None is not there. Raises SettingsError."""
        overrides = {name: value for name, value in overrides.items() if value is not None}
        if not overrides:
            return self
        read = type(self).load(overrides, {})
        changed = {name: getattr(read, name) for name in overrides}
        return replace(self, **changed, origins={**self.origins, **{name: read.origins[name] for name in overrides}})


def _members() -> Iterator[Member]:
    said = get_type_hints(Settings, include_extras=True)
    for one in dataclasses.fields(Settings):
        for note in getattr(said[one.name], "__metadata__", ()):
            default = one.default if one.default is not dataclasses.MISSING else _NOTHING
            yield Member(one.name, note.kind, default, note.description)


MEMBERS: Final[Mapping[str, Member]] = MappingProxyType({member.name: member for member in _members()})
"""Every setting by its name, in the order they are documented."""

VARIABLES: Final = frozenset(member.variable for member in MEMBERS.values()) | {CONFIG}
"""The environment variables that are settings, and so never inputs."""

_Layer = dict[str, tuple[Any, str]]


def _of_overrides(overrides: Mapping[str, Any], cwd: Path, called: str) -> _Layer:
    layer: _Layer = {}
    for name, value in overrides.items():
        origin = called.format(name)
        if name not in MEMBERS:
            raise SettingsError(f"{origin}: {_unknown(name)}")
        if value is not None:
            layer[name] = _read(MEMBERS[name].kind.of_value, value, cwd, origin), origin
    return layer


def _of_environment(env: Mapping[str, str], cwd: Path) -> _Layer:
    return {
        member.name: (_read(member.kind.of_text, env[member.variable], cwd, member.variable), member.variable)
        for member in MEMBERS.values()
        if env.get(member.variable)
    }


def _of_files(env: Mapping[str, str], cwd: Path) -> _Layer:
    layer: _Layer = {}
    named = env.get(CONFIG)
    near = SettingsFile.named(cwd / Path(named).expanduser(), CONFIG) if named else nearest(cwd)
    for file in (of_user(env), near):
        if file is not None:
            layer.update(_of_file(file))
    return layer


def _of_file(file: SettingsFile) -> _Layer:
    layer: _Layer = {}
    for name, value in file.data.items():
        origin = file.place(name)
        if name not in MEMBERS:
            raise SettingsError(f"{origin}: {_unknown(name)}")
        layer[name] = _read(MEMBERS[name].kind.of_value, value, file.path.parent, f"{origin} {name}"), origin
    return layer


def _read(read: Callable[[Any, Path], Any], value: Any, folder: Path, origin: str) -> Any:
    wrong = ""
    try:
        return read(value, folder)
    except kinds.Wrong as refused:
        wrong = str(refused)
    raise SettingsError(f"{origin}: {wrong}")


def _unknown(name: str) -> str:
    near = get_close_matches(name, MEMBERS, 1)
    shown = name if _NAME.fullmatch(name) else "a key that stands there"  # a URL with its password, where the name was left out
    return f"{shown} is not a setting; " + (f"did you mean {near[0]}?" if near else f"known are {', '.join(MEMBERS)}")

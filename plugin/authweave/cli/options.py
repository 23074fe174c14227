"""Options that several commands take, and the value they make: what somebody at a command line gives."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from authweave.engine import Engine
    from authweave.profile import Profile
    from authweave.settings import Settings

Function = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Place:
    """Where settings and profiles are looked for, beside the usual places."""

    profiles_dir: tuple[Path, ...] = ()
    config: Path | None = None
    limits: Path | None = None

    def overrides(self) -> dict[str, Any]:
        """Settings that options of the command line say."""
        return {"limits": self.limits}

    def settings(self) -> Settings:
        """The settings in force. Raises SettingsError."""
        from authweave.settings import CONFIG, Settings

        env = {**os.environ, CONFIG: str(self.config.absolute())} if self.config else os.environ
        return Settings.load(self.overrides(), env, called="command line ({})")

    def engine(self) -> Engine:
        """An engine with these settings, whose tokens, if it gets any, end with it. Raises SettingsError, ExtensionError."""
        from authweave.engine import Engine
        from authweave.stores.memory import MemoryStore

        return self.asked(Engine(self.profiles_dir, settings=self.settings(), store=MemoryStore()))

    def asked(self, engine: Engine) -> Engine:
        """The engine, as it is asked by commands: see `named_by_options`."""
        return named_by_options(engine)

    def keeping_engine(self) -> AbstractContextManager[Engine]:
        """An engine whose tokens are there for the next command. Raises SettingsError, ExtensionError."""
        from authweave.cli.keeping import keeping_engine

        return keeping_engine(self)

    def store_engine(self) -> Engine:
        """An engine on the store itself, to look at what it holds. Raises SettingsError, ExtensionError."""
        from authweave.cli.keeping import store_engine

        return store_engine(self)


@dataclass(frozen=True, slots=True)
class Calling(Place):
    """Of a command that calls out for nobody's connection."""

    strict: bool = False

    def overrides(self) -> dict[str, Any]:
        """Settings that options of the command line say."""
        return {**Place.overrides(self), "egress": _egress(self.strict)}


@dataclass(frozen=True, slots=True)
class Seen(Place):
    """Also by whom, of a command that only looks at profiles."""

    tenant: str = ""

    def asked(self, engine: Engine) -> Engine:
        """The engine, which is asked in the name of the tenant."""
        engine.usual_tenant = self.tenant
        return named_by_options(engine)


@dataclass(frozen=True, slots=True)
class Given(Place):
    """Also whose connection it is, and its inputs. `input_file` names files, `prompt` what to ask for."""

    secrets_dir: Path | None = None
    dotenv: Path | None = None
    input: tuple[tuple[str, str], ...] = ()
    input_file: tuple[tuple[str, str], ...] = ()
    prompt: tuple[str, ...] = ()
    tenant: str = ""
    subject: str | None = None
    server: tuple[str, ...] = ()
    strict: bool = False

    def overrides(self) -> dict[str, Any]:
        """Settings that options of the command line say."""
        return {**Place.overrides(self), "secrets_dir": self.secrets_dir, "dotenv": self.dotenv, "egress": _egress(self.strict)}

    def asked(self, engine: Engine) -> Engine:
        """The same; profiles are asked for in the name of the tenant."""
        engine.usual_tenant = self.tenant
        return named_by_options(engine)


def _egress(strict: bool) -> str | None:
    return "strict" if strict else None


def named_by_options(engine: Engine) -> Engine:
    """The engine, whose messages name an option where an input is missing that could be given by one."""
    from authweave.cli.given_source import GivenSource

    engine.source_of_given = GivenSource
    return engine


def pair(context: click.Context, option: click.Parameter, texts: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """`key=value`, split. What is wrong is told without the value: it may be a secret in the wrong place."""
    pairs = tuple((name, value) for name, is_pair, value in (text.partition("=") for text in texts) if is_pair and name)
    if len(pairs) < len(texts):
        raise click.BadParameter("write key=value", context, option)
    if len({name for name, _ in pairs}) < len(pairs):
        raise click.BadParameter("a key is given twice", context, option)
    return pairs


_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER: Final = click.Path(exists=True, file_okay=False, path_type=Path)

PLACE: Final = (
    click.option("--profiles-dir", multiple=True, type=_FOLDER, help="A folder with profiles; searched first."),
    click.option("--config", type=_FILE, help="The settings file to read instead of authweave.toml near here."),
    click.option("--limits", type=_FILE, help="A file of what profiles may use (docs/limits.md)."),
)
STRICT: Final = click.option("--strict", is_flag=True, help="As for a stranger's profile: only https, declared ports, public addresses (docs/egress.md).")
SEEN: Final = click.option("--tenant", default="", help="Whose limits hold (--limits).")
GIVEN_TITLE: Final = "Whose connection it is, and its inputs"
GIVEN: Final = (
    click.option("-I", "--input", multiple=True, callback=pair, metavar="KEY=VALUE", help="An input. Never a secret."),
    click.option(
        "--input-file", multiple=True, callback=pair, metavar="KEY=PATH", help="An input in a file; - is stdin."
    ),
    click.option("--prompt", multiple=True, metavar="KEY", help="Ask for this input at the terminal."),
    click.option("--secrets-dir", type=_FOLDER, help="A folder with one file an input: <profile>.<input>."),
    click.option("--dotenv", type=_FILE, help="A file of lines such as AUTHWEAVE_ACME_CLIENT_ID=…."),
    click.option("--tenant", default="", help="Whose connection it is."),
    click.option("--subject", help="The user it acts for, for a profile with subject: user."),
    click.option(
        "--server", multiple=True, metavar="URL", help="An origin that may get the credential; the profile's then may not."
    ),
    STRICT,
)


def place_options(function: Function) -> Function:
    """Add the options of a Place; the function gets it as `place`."""
    return taking(Place, "place", PLACE)(function)


def calling_options(function: Function) -> Function:
    """Add the options of a Calling; the function gets it as `place`."""
    return taking(Calling, "place", (STRICT, *PLACE))(function)


def seen_options(function: Function) -> Function:
    """Add the options of a Seen; the function gets it as `place`."""
    return taking(Seen, "place", (SEEN, *PLACE))(function)


def given_options(function: Function) -> Function:
    """Add the options of a Given; the function gets it as `given`."""
    return taking(Given, "given", (*GIVEN, *PLACE), title=GIVEN_TITLE)(function)


def taking(kind: type[Any], called: str, options: tuple[Function, ...], *, title: str = "Options") -> Callable[[Function], Function]:
    """Add options whose values reach the function as one: `kind` is a dataclass with a field for each, `called` its parameter.

    `title` stands above them in the help.
    """
    names = [field.name for field in fields(kind)]

    def decorate(function: Function) -> Function:
        @functools.wraps(function)
        def taking(*args: Any, **values: Any) -> Any:
            made = kind(**{name: values.pop(name) for name in names})
            return function(*args, **{called: made}, **values)

        others = {id(each) for each in parameters_of(function)}
        decorated = functools.reduce(lambda decorated, option: option(decorated), reversed(options), taking)
        for each in parameters_of(decorated):
            if id(each) not in others:
                each.section = title
        return decorated

    return decorate


def parameters_of(function: Function) -> list[Any]:
    """The parameters that a function has been given so far; click keeps them there until it makes the command."""
    return getattr(function, "__click_params__", [])


def format_option(function: Function) -> Function:
    """Add `--format text|json`."""
    forms = click.Choice(["text", "json"])
    return click.option("--format", "form", type=forms, default="text", help="How to print it.")(function)


def complete_profile(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[Any]:
    """Files, and names of profiles. In this order: the function that click writes for bash forgets at a file what came before it."""
    from click.shell_completion import CompletionItem

    folders = (*context.params.get("profiles_dir", ()), *_folders_of_settings(context))
    names = [name for name in sorted(names_in(folders)) if name.startswith(incomplete)]
    return [CompletionItem(incomplete, type="file"), *map(CompletionItem, names)]


def _folders_of_settings(context: click.Context) -> tuple[Path, ...]:
    """The operator's folders; none where the settings are wrong, which the command itself will say."""
    from authweave.errors import SettingsError

    try:
        return Place(config=context.params.get("config")).settings().profiles
    except SettingsError:
        return ()


def names_in(folders: Iterable[Path]) -> set[str]:
    """The names of the profiles in these folders, and of the shipped ones."""
    from authweave.loading import files_in
    from authweave.resources import profiles_folder

    return {path.stem for folder in (*folders, profiles_folder()) if folder.is_dir() for path in files_in(folder)}


def profile_argument(*, required: bool = True) -> Callable[[Function], Function]:
    """Add PROFILE: a name, `name@version`, or the path of a file."""
    return click.argument("profile", required=required, shell_complete=complete_profile)


def profile_of(engine: Engine, reference: str) -> Profile:
    """The profile that is meant. Raises ProfileError, and UsageError with what may have been meant."""
    from authweave.errors import UsageError

    try:
        return engine.profile(reference)
    except UsageError as error:
        near = _nearby(engine, reference)
        failure = UsageError(f"{error}; did you mean {near}?") if near else error.fresh()
    raise failure


def _nearby(engine: Engine, reference: str) -> str:
    from difflib import get_close_matches

    from authweave.loading import ENDINGS

    name, known = reference.partition("@")[0], names_in(engine.folders) if engine.within() is None else set(engine.names())
    if name in known:
        return ""
    beside = [Path(folder, f"{name}{ending}") for folder in ("profiles", "") for ending in ENDINGS]
    here = [str(path) for path in beside if os.path.isfile(path)]  # Path.is_file raises for a name that is too long
    return next(iter([*here, *get_close_matches(name, known, 1)]), "")

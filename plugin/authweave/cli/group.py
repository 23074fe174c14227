"""`authweave COMMAND`: the group that knows its commands by name and imports the one that runs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from importlib import import_module
from typing import Any, Final

import click

from authweave._version import __version__
from authweave.cli import COMMANDS
from authweave.cli.exits import MEANINGS

SETTINGS: Final = {"help_option_names": ["-h", "--help"], "max_content_width": 110}

EXAMPLES: Final = """\
authweave demo                                see profiles at work, on this machine alone
authweave validate profiles/                  every problem with its place and its fix
authweave preview acme.yaml --url /v1/me      what would be sent, without sending it
authweave test acme.yaml                      what is wrong with my credentials?
authweave status                              which tokens are good, and which want a person?
eval "$(_AUTHWEAVE_COMPLETE=bash_source authweave)"     completion for bash; also zsh_source, fish_source
"""

EXIT_CODES: Final = "Exit codes: 0 done, 1 refused, 2 usage, 3 inconclusive, 4 input missing; see authweave --help."


class Lazy(click.Group):
    """The commands of COMMANDS."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order people meet them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"authweave.cli.{cmd_name}").command
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """As click does, with the name that was probably meant."""
        return super().resolve_command(ctx, _known(ctx, args, COMMANDS))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        """Names with their lines, without importing any command."""
        from click.shell_completion import CompletionItem

        found = [CompletionItem(name, help=line) for name, line in COMMANDS.items() if name.startswith(incomplete)]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table as it stands, so that help imports nothing."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Examples, then the exit codes."""
        write_lines(formatter, "Examples", EXAMPLES)
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(int(code)), meaning) for code, meaning in MEANINGS.items()])


class Command(click.Command):
    """A command whose help ends with examples."""

    examples: str = ""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options under the title of their group; those of none first."""
        groups: dict[str, list[tuple[str, str]]] = {"Options": []}
        for parameter in self.get_params(ctx):
            line = parameter.get_help_record(ctx)
            if line is not None and line[1]:
                groups.setdefault(getattr(parameter, "section", "Options"), []).append(line)
        if len(groups["Options"]) == 1:  # --help alone
            groups["Options"] = groups.pop("Options")
        for title, lines in groups.items():
            if lines:
                with formatter.section(title):
                    formatter.write_dl(lines)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Examples, and where the exit codes are told."""
        write_lines(formatter, "Examples", self.examples)
        formatter.write_paragraph()
        formatter.write_text(EXIT_CODES)


def command_of(name: str, *, examples: str) -> Callable[[Callable[..., Any]], Command]:
    """Make a function the command of this name: its docstring is the help, COMMANDS has its short line."""

    def make(function: Callable[..., Any]) -> Command:
        made = click.command(name, cls=Command, context_settings=SETTINGS, short_help=COMMANDS[name])(function)
        made.examples = examples
        return made

    return make


class Subcommands(click.Group):
    """A command that has commands of its own; without one it shows its help."""

    examples: str = ""

    def add(self, name: str, *, short: str, examples: str) -> Callable[[Callable[..., Any]], Command]:
        """Make a function a command of this group: its docstring is the help, `short` its line in the group's."""

        def make(function: Callable[..., Any]) -> Command:
            made = click.command(name, cls=Command, context_settings=SETTINGS, short_help=short)(function)
            made.examples = examples
            self.add_command(made)
            return made

        return make

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order people meet them."""
        return list(self.commands)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """As click does, with the name that was probably meant."""
        return super().resolve_command(ctx, _known(ctx, args, self.commands))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Examples, and where the exit codes are told."""
        write_lines(formatter, "Examples", self.examples)
        formatter.write_paragraph()
        formatter.write_text(EXIT_CODES)


def group_of(name: str, *, examples: str) -> Callable[[Callable[[], None]], Subcommands]:
    """Make a function the group of this name: its docstring is the help, COMMANDS has its short line."""

    def make(function: Callable[[], None]) -> Subcommands:
        def alone() -> None:
            context = click.get_current_context()
            if context.invoked_subcommand is None:
                click.echo(context.get_help())

        made = Subcommands(
            name, callback=alone, help=inspect.cleandoc(function.__doc__ or ""), short_help=COMMANDS[name], context_settings=SETTINGS,
            invoke_without_command=True, subcommand_metavar="COMMAND [ARGS]...",
        )  # fmt: skip
        made.examples = examples
        return made

    return make


def _known(ctx: click.Context, args: list[str], names: Iterable[str]) -> list[str]:
    """The arguments, if they begin with one of the names. Raises click.UsageError with what was probably meant."""
    if args and args[0] not in names and not args[0].startswith("-"):
        near = [f"; did you mean {name}?" for name in get_close_matches(args[0], names, 1)]
        raise click.UsageError("".join([f"there is no command {args[0]}", *near]), ctx)
    return args


def write_lines(formatter: click.HelpFormatter, title: str, text: str) -> None:
    """A section whose lines stay as they are written."""
    with formatter.section(title):
        for line in text.splitlines():
            formatter.write(f"{'':{formatter.current_indent}}{line}\n")


@click.group(cls=Lazy, context_settings=SETTINGS)
@click.version_option(__version__, "-V", "--version", message="%(prog)s %(version)s")
def group() -> None:
    """Auth profiles for bots and workflows: one small YAML file says how an API wants its credentials.

    authweave validates it, tests it, and applies it to every request.
    """

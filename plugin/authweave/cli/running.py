"""Running one command: whatever ends it becomes an exit code and at most one clear message, never a traceback."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from authweave._version import __version__
from authweave.cli.exits import Exit, exit_of

NAME: Final = "authweave"
DEBUG: Final = "AUTHWEAVE_DEBUG"
COMPLETE: Final = "_AUTHWEAVE_COMPLETE"
QUIET: Final = 0.5
"""Seconds that the end after Ctrl-C may take without a word."""


def run(arguments: Sequence[str]) -> int:
    """Run `authweave ARGUMENTS` and answer its exit code. Never raises."""
    try:
        _accept_every_character()
        code = _run(list(arguments) or ["--help"])
        sys.stdout.flush()
    except KeyboardInterrupt:
        return _interrupted()
    except BrokenPipeError:
        return _unread()
    except OSError as error:
        return _unwritten(error) if _is_full(error) else _ended_by(error)
    except Exception as error:  # noqa: BLE001 - the last door: what comes here is told in one message
        return _ended_by(error)
    return code


def complain(message: str) -> None:
    """Say what is wrong on stderr, as `authweave: …`; nothing in it can move the cursor or hide."""
    from authweave.redaction import inert

    with suppress(OSError):
        print(f"{NAME}: {inert(message, lines=True)}", file=sys.stderr, flush=True)


def _run(arguments: list[str]) -> int:
    if instruction := os.environ.get(COMPLETE):
        return _completed(instruction)
    if arguments in (["--version"], ["-V"]):
        print(f"{NAME} {__version__}")
        return Exit.OK
    return _command(arguments)


def _command(arguments: list[str]) -> int:
    import click

    from authweave.cli.group import group

    try:
        with group.make_context(NAME, arguments) as context:
            return int(group.invoke(context) or Exit.OK)
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.Abort:
        return _interrupted()
    except click.UsageError as error:
        complain(_words(error))
        return Exit.USAGE
    except click.ClickException as error:
        complain(error.format_message())
        return Exit.USAGE


def _completed(instruction: str) -> int:
    from click.shell_completion import shell_complete

    from authweave.cli.group import group

    return shell_complete(group, {}, NAME, COMPLETE, instruction)


def _words(error: Any) -> str:
    where = error.ctx.command_path if error.ctx else NAME
    message = error.format_message().rstrip(".")
    return f"{message[:1].lower()}{message[1:]}\nTry: {where} --help"


def _ended_by(error: Exception) -> int:
    from authweave.errors import AuthweaveError, LimitRefused, ProfileError

    if os.environ.get(DEBUG):
        import traceback

        traceback.print_exception(error)
    if isinstance(error, ProfileError):
        what = "names what may not be used here" if isinstance(error, LimitRefused) else "is not valid"
        complain(f"the profile {what}:\n{error}")
    elif isinstance(error, AuthweaveError):
        complain("\n".join([str(error), *getattr(error, "__notes__", ())]))
    else:
        complain(f"{_without_content(error)}. This is a mistake in {NAME}; {DEBUG}=1 shows the traceback")
    return exit_of(error)


def _without_content(error: Exception) -> str:
    """What kind of error came from where: its own message may quote a value."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f" in {os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}" if trace else ""
    return f"unexpected {type(error).__name__}{where}"


def _interrupted() -> int:
    """Work under way gets its bounded time to end, which is told if it takes long; a second Ctrl-C ends everything at once."""
    with suppress(ValueError):  # not in the main thread: then it is somebody else's process
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    if (flights := sys.modules.get("authweave.tokens.flights")) and flights.is_any_under_way():
        from threading import Timer

        waiting = Timer(QUIET, _tell_of_wait, (flights,))
        waiting.daemon = True  # who ends sooner says nothing
        waiting.start()
    return Exit.INTERRUPTED


def _tell_of_wait(flights: Any) -> None:
    """Written past the stream: its lock must be free when the interpreter ends."""
    if flights.is_any_under_way():
        line = f"{NAME}: ending: a token call is under way, at most {flights.EXIT_PATIENCE:.0f} s; Ctrl-C again ends at once\n"
        with suppress(OSError, ValueError, AttributeError):
            os.write(sys.stderr.fileno(), line.encode())


def _unread() -> int:
    """Send the rest of the output nowhere, so that its flush at exit does not complain either."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    with suppress(OSError, ValueError):
        os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    return Exit.BROKEN_PIPE


def _is_full(error: OSError) -> bool:
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def _unwritten(error: OSError) -> int:
    _unread()
    complain(f"the output cannot be written: {error.strerror}")
    return Exit.USAGE


def _accept_every_character() -> None:
    """A stream of a small character set shows what it lacks as an escape, and does not end the command."""
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="backslashreplace")

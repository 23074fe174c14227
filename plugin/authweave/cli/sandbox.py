"""`authweave sandbox`: an identity provider and an API on this machine, to try profiles against."""

from __future__ import annotations

import shlex
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

import click

from authweave.cli.common import Exit, Place, command_of, complain, place_options, profile_of
from authweave.cli.options import complete_profile

if TYPE_CHECKING:
    from pathlib import Path

    from authweave.engine import Engine
    from authweave.profile import Profile
    from authweave.sandbox import Sandbox, Seen

EXAMPLES: Final = """\
authweave sandbox                                  all shipped profiles
authweave sandbox acme.yaml --fault early_expiry   one profile; tokens die early
authweave sandbox --faults                         what it can be told to do wrong
"""


@command_of("sandbox", examples=EXAMPLES)
@click.argument("profiles", nargs=-1, metavar="[PROFILE]...", shell_complete=complete_profile)
@click.option("--fault", multiple=True, metavar="NAME", help="Do this wrong; may be repeated. --faults lists them.")
@click.option("--faults", "listing", is_flag=True, help="List what it can be told to do wrong.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="The port on 127.0.0.1; any free one by default."
)
@click.option(
    "--lifetime", type=click.FloatRange(1, 86400), default=900, show_default=True, help="Seconds a token is good for."
)
@place_options
def command(
    profiles: tuple[str, ...], fault: tuple[str, ...], listing: bool, port: int, lifetime: float, place: Place
) -> Exit:
    """Run an identity provider and an API on this machine that really check what they get.

    Profiles run against it as they are shipped: a route leads their hosts here, over TLS with an authority that exists
    only as long as the sandbox. It prints what to export in another terminal, and stays until Ctrl-C.

    It is a teacher and never counts as proof: that a profile works here says nothing about the real provider.
    """
    if listing:
        return _list_faults()
    from authweave.sandbox import Sandbox

    _check(fault)

    with place.engine() as engine:
        chosen, folders = chosen_profiles(engine, profiles), tuple(engine.folders)
    with Sandbox(chosen, faults=fault, lifetime=lifetime, port=port, on_seen=_tell) as sandbox:
        return _run(sandbox, fault, folders)


def _check(faults: tuple[str, ...]) -> None:
    """Raises UsageError for a fault there is not, and for one that only the client's side can show."""
    from authweave.errors import UsageError
    from authweave.sandbox import fault_of

    if in_client := [name for name in faults if fault_of(name).acts_on_client]:
        raise UsageError(f"the fault {in_client[0]} shows in `authweave test PROFILE --sandbox --fault {in_client[0]}`: it acts on what the client is given")


def chosen_profiles(engine: Engine, references: tuple[str, ...]) -> list[Profile]:
    """The profiles that are named, or all shipped ones. Raises ProfileError, UsageError."""
    if references:
        return [profile_of(engine, reference) for reference in dict.fromkeys(references)]
    return shipped_profiles(engine)


def shipped_profiles(engine: Engine) -> list[Profile]:
    """Every shipped profile that can be applied."""
    from authweave.loading import files_in
    from authweave.resources import profiles_folder

    loaded = [engine.profile(path) for path in files_in(profiles_folder())]
    return [profile for profile in loaded if not profile.abstract]


def _run(sandbox: Sandbox, faults: tuple[str, ...], folders: tuple[Path, ...]) -> Exit:
    import os
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from authweave.sandbox.handing_out import hand_out

    with _ending_on_signals(), suppress(KeyboardInterrupt), TemporaryDirectory(prefix="authweave-sandbox-") as folder:
        variables = hand_out(sandbox, Path(folder), folders, os.environ)
        print(_introduction(sandbox, variables, Path(folder), faults), flush=True)
        _listen_for_faults(sandbox)
        while True:
            time.sleep(3600)
    print("\nthe sandbox has ended; nothing of it is left", flush=True)
    return Exit.OK


def _introduction(sandbox: Sandbox, variables: dict[str, str], folder: Any, faults: tuple[str, ...]) -> str:
    from authweave.cli.printing import table
    from authweave.sandbox.handing_out import environment

    hosts = [
        (account.profile.name, ", ".join(sorted({host for host, _ in account.places()})))
        for account in sandbox.accounts
    ]
    with_curl = next((name for name, _ in hosts if (folder / f"{name}.curl").is_file()), "")
    lines = [
        f"authweave sandbox on 127.0.0.1:{sandbox.port}: a teacher, never a proof. Ctrl-C ends it.",
        "",
        table(("profile", "hosts that lead here"), hosts),
        "",
        "In another terminal:",
        "",
        *(f"  {line}" for line in environment(variables).splitlines()),
        f"  authweave test {shlex.quote(_reference(sandbox.accounts[0].profile))}",
        *([f"  curl --config {folder}/{with_curl}.curl        its token request"] if with_curl else []),
        "",
        *([f"Done wrong: {', '.join(faults)}"] if faults else []),
        "Requests are listed below." + (" Type the name of a fault, or none, to switch." if sys.stdin.isatty() else ""),
        "",
    ]
    return "\n".join(lines)


def _reference(profile: Profile) -> str:
    """What names the profile in any folder: a file of one's own is found by its whole path only."""
    from pathlib import Path

    from authweave.resources import profiles_folder

    file = Path(profile.place("name").rpartition(":")[0]).resolve()
    return profile.name if file.parent == profiles_folder().resolve() else str(file)


def _tell(seen: Seen) -> None:
    """One line a request. It holds no path and no value: either may be secret."""
    print(
        f"{time.strftime('%H:%M:%S')}  {seen.kind:7}  {seen.method:6} {seen.host}  {seen.profile or '-'}  {seen.status or 'hangs'}",
        flush=True,
    )


def _listen_for_faults(sandbox: Sandbox) -> None:
    if sys.stdin.isatty():
        threading.Thread(target=_switch, args=(sandbox,), daemon=True).start()


def _switch(sandbox: Sandbox) -> None:
    from authweave.errors import UsageError

    for line in sys.stdin:
        name = line.strip()
        try:
            _check(() if name in ("", "none") else (name,))
            sandbox.set_fault(None if name in ("", "none") else name)
        except UsageError as error:
            complain(str(error))
        else:
            print(f"from now on: {name or 'none'}", flush=True)


@contextmanager
def _ending_on_signals() -> Iterator[None]:
    """SIGTERM ends the sandbox as Ctrl-C does, so that its folder is removed."""

    def end(*_: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _list_faults() -> Exit:
    from authweave.cli.printing import table
    from authweave.sandbox import EACH

    rows = [
        (", ".join((fault.name, *fault.also)), fault.description + (" (in `test --sandbox`)" if fault.acts_on_client else ""), fault.provokes or "(none: it is dealt with)")
        for fault in EACH
    ]
    print(table(("fault", "what happens", "diagnosis"), rows))
    return Exit.OK

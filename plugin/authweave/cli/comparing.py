"""`--online`: profiles compared with what their providers say of themselves."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from authweave.cli.exits import Exit
from authweave.cli.options import Place, pair, taking

if TYPE_CHECKING:
    from authweave.checking.document import Checked

_OPTIONS: Final = (
    click.option("--online", is_flag=True, help="Also compare each profile with its provider's metadata. Sends no credential."),
    click.option("-I", "--input", multiple=True, callback=pair, metavar="KEY=VALUE", help="With --online: an input that a URL reads. Never a secret."),
    click.option("--tenant", default="", help="Whose limits hold (--limits); with --online: whose inputs a URL reads."),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Online:
    """Whether, and for whom, profiles are compared."""

    online: bool = False
    input: tuple[tuple[str, str], ...] = ()
    tenant: str = ""

    def check(self, *, watch: bool, limited: bool = False) -> None:
        """Raises click.UsageError for options that do not go together."""
        if not self.online and (self.input or (self.tenant and not limited)):
            raise click.UsageError("--input and --tenant go with --online" + ("" if self.input else ", or with --limits"))
        if self.online and watch:
            raise click.UsageError("--watch stays offline: it would ask the provider again with every change")


def online_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of Online; the function gets it as `online`."""
    return taking(Online, "online", _OPTIONS)(function)


def compared(found: Sequence[Checked], online: Online, place: Place) -> list[Checked]:
    """The same with what was found online. Raises SettingsError."""
    from authweave.linting.online import compared_online

    with place.engine() as engine:
        return compared_online(found, engine, tenant=online.tenant, inputs=dict(online.input), tell=_progress())


def exit_of_compared(found: Sequence[Checked], otherwise: Exit) -> Exit:
    """As it would be without comparing; but where somebody did not answer, nothing is right yet."""
    unanswered = any(problem.rule == "online.unreachable" for checked in found for problem in checked.problems)
    return Exit.INCONCLUSIVE if unanswered and otherwise == Exit.OK else otherwise


def _progress() -> Callable[[str], None]:
    """A line that says who answered, where somebody looks at it."""
    if not sys.stderr.isatty():
        return lambda origin: None

    def tell(origin: str) -> None:
        print(f"asked {origin}", file=sys.stderr, flush=True)

    return tell

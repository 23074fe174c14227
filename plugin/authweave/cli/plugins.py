"""`authweave plugins`: what is loaded from where."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any, Final

from authweave.cli.common import Exit, Place, command_of, format_option, place_options
from authweave.cli.printing import print_json
from authweave.redaction import inert

if TYPE_CHECKING:
    from authweave.extensions.catalog import Plugin

EXAMPLES: Final = """\
authweave plugins
authweave plugins --format json
AUTHWEAVE_BLOCKED_PLUGINS=acme-authweave authweave plugins     what is left without one package
"""


@command_of("plugins", examples=EXAMPLES)
@format_option
@place_options
def command(form: str, place: Place) -> Exit:
    """List what is loaded from where, with its version, and what each package adds.

    A package that cannot be used is named with the reason, and the command ends with 1; whatever the setting broken_plugins
    says, this command goes on without it. One that the setting blocked_plugins names is listed, and not even imported.
    Packages offer their hooks under the entry-point group `authweave`.
    """
    from authweave.extensions.catalog import Catalog

    settings = place.settings()
    with redirect_stdout(sys.stderr):  # what a stranger's module prints is no part of the list
        listed = Catalog(broken="skip", blocked=settings.blocked_plugins).plugins
    absent = _absent(settings.blocked_plugins)
    if form == "json":
        print_json([_as_data(plugin) for plugin in listed])
    else:
        print(inert("\n".join([*_lines(listed), *(f"blocked_plugins names {name}, and nothing of that name is installed" for name in absent)]), lines=True))
    return Exit.REFUSED if any(plugin.state == "broken" for plugin in listed) else Exit.OK


def _lines(listed: tuple[Plugin, ...]) -> Iterator[str]:
    own = [plugin for plugin in listed if _is_built_in(plugin)]
    yield f"built in: authweave {own[0].version}, contract {own[0].contract}"
    yield from _added(pair for plugin in own for pair in plugin.added)
    for plugin in listed:
        if plugin not in own:
            yield from _of_package(plugin)
    if len(own) == len(listed):
        yield "no other packages are installed that add anything"


def _of_package(plugin: Plugin) -> Iterator[str]:
    where = f"{plugin.distribution} {plugin.version}: {plugin.name} ({plugin.module})"
    if plugin.state == "loaded":
        yield f"{where}, contract {plugin.contract}"
        yield from _added(plugin.added)
    elif plugin.state == "blocked":
        yield f"{where} is blocked by the setting blocked_plugins, and was not imported"
    else:
        yield f"{where} is broken, and nothing of it is used"
        yield f"  {plugin.error}"


def _added(pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    by_kind: dict[str, list[str]] = {}
    for kind, name in pairs:
        by_kind.setdefault(kind, []).append(name)
    width = max(map(len, by_kind), default=0)
    yield from (f"  {kind:{width}}  {', '.join(names)}" for kind, names in by_kind.items())
    if not by_kind:
        yield "  adds nothing to the kinds; its host hooks, if any, are called by hosts"


def _absent(blocked: Iterable[str]) -> list[str]:
    """What is blocked, and is not there: perhaps misspelt."""
    from authweave.extensions.packages import packages

    there = packages()
    return [name for name in blocked if not any(package.is_among((name,)) for package in there)]


def _is_built_in(plugin: Plugin) -> bool:
    from authweave.extensions.catalog import BUILTIN

    return plugin.name in BUILTIN and plugin.distribution == "authweave"


def _as_data(plugin: Plugin) -> dict[str, Any]:
    return {
        "name": plugin.name,
        "module": plugin.module,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "contract": plugin.contract,
        "built_in": _is_built_in(plugin),
        "state": plugin.state,
        "adds": [{"kind": kind, "name": name} for kind, name in plugin.added],
        "error": plugin.error or None,
    }

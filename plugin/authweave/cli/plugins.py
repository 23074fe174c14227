"""`authweave plugins`: what is loaded from where."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from authweave.cli.common import Exit, command_of, format_option
from authweave.cli.printing import print_json
from authweave.redaction import inert

if TYPE_CHECKING:
    from authweave.catalog import Plugin

EXAMPLES: Final = """\
authweave plugins
authweave plugins --format json
"""


@command_of("plugins", examples=EXAMPLES)
@format_option
def command(form: str) -> Exit:
    """List what is loaded from where, and what each package adds.

    A package that cannot be loaded is named with the reason, and the command ends with 1. Packages offer their hooks
    under the entry-point group `authweave`.
    """
    from authweave.catalog import Catalog

    loaded = Catalog(broken="skip").plugins
    if form == "json":
        print_json([_as_data(plugin) for plugin in loaded])
    else:
        print(inert("\n".join(_lines(loaded)), lines=True))
    return Exit.REFUSED if any(plugin.error for plugin in loaded) else Exit.OK


def _lines(loaded: tuple[Plugin, ...]) -> Iterable[str]:
    own = [plugin for plugin in loaded if _is_built_in(plugin)]
    yield f"built in ({_version('authweave')})"
    yield from _added(pair for plugin in own for pair in plugin.added)
    for plugin in loaded:
        if plugin not in own:
            yield f"{plugin.name} from {plugin.distribution} ({_version(plugin.distribution)})"
            yield from [f"  {plugin.error}"] if plugin.error else _added(plugin.added)
    if len(own) == len(loaded):
        yield "no other packages are installed that add anything"


def _added(pairs: Iterable[tuple[str, str]]) -> Iterable[str]:
    by_kind: dict[str, list[str]] = {}
    for kind, name in pairs:
        by_kind.setdefault(kind, []).append(name)
    width = max(map(len, by_kind), default=0)
    yield from (f"  {kind:{width}}  {', '.join(names)}" for kind, names in by_kind.items())
    if not by_kind:
        yield "  adds nothing to the kinds; its host hooks, if any, are called"


def _is_built_in(plugin: Plugin) -> bool:
    from authweave.catalog import BUILTIN

    return plugin.name in BUILTIN and plugin.distribution == "authweave"


def _version(distribution: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    from authweave._version import __version__

    if distribution == "authweave":
        return __version__
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "?"


def _as_data(plugin: Plugin) -> dict[str, Any]:
    return {
        "name": plugin.name,
        "distribution": plugin.distribution,
        "version": _version(plugin.distribution),
        "built_in": _is_built_in(plugin),
        "adds": [{"kind": kind, "name": name} for kind, name in plugin.added],
        "error": plugin.error or None,
    }

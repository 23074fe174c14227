"""Imports point one way: a file imports from its own room and from rooms below, and kinds never import each other.

The rows are the house, top floor first. Every file has a row; moving one is a decision, made here on purpose.
"""

from __future__ import annotations

import ast
import functools
from pathlib import Path

import authweave

ROOT = Path(authweave.__file__).parent

FLOORS: tuple[tuple[str, ...], ...] = (
    ("__main__", "cli"),
    ("cassettes",),
    ("sandbox",),
    ("hosts", "testing"),
    ("plugin", "preview", "starting", "linting"),
    ("explaining",),
    ("matrix",),
    ("probe", "diagnosis"),
    ("shared_engine",),
    ("engine",),
    ("status", "equipment"),
    ("connections",),
    ("clients", "sending"),
    ("sign_in",),
    ("applying", "pending"),
    ("profile_files",),
    ("loading", "binding"),
    ("rules",),
    ("checking", "schema"),
    ("extensions",),
    ("schemes", "grants", "client_auth", "seals", "placements", "sources", "stores", "observers", "reports"),
    ("report",),
    ("discovery", "token_calls", "call"),
    ("tokens", "answers", "proofs", "mutual_tls"),
    ("drafts", "bodies"),
    ("assertions",),
    ("inputs",),
    ("limits",),
    ("egress",),
    ("frame", "token_frame", "contracts", "hookspecs", "profile", "inheritance"),
    ("wire", "net"),
    ("editing",),
    ("documents",),
    ("urls",),
    ("templates",),
    ("at_rest",),
    ("events", "settings", "redaction", "times", "patterns", "resources"),
    ("lazy", "machine", "near_misses", "foreign"),
    ("errors",),
    ("values", "_version"),
)
KINDS = frozenset({"schemes", "grants", "client_auth", "seals", "placements", "sources", "stores", "observers", "reports", "rules", "bodies"})
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}


def room_of(module: str) -> str:
    """The room (file or folder at the top of the package) that a module is in."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


@functools.cache
def imports_of(path: Path) -> set[str]:
    """The package's own modules that a file imports, wherever in it, but for types only."""
    found: set[str] = set()
    text = path.read_text()
    nodes = list(ast.walk(ast.parse(text)))
    branches = [node for node in nodes if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)] if "TYPE_CHECKING" in text else []
    for_types = {id(node) for branch in branches for node in ast.walk(branch)}
    for node in nodes:
        if id(node) in for_types or not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.startswith("authweave")}
        elif node.module == "authweave":
            found |= {f"authweave.{alias.name}" for alias in node.names if not alias.name.startswith("_")}
        elif node.module and node.module.startswith("authweave."):
            found.add(node.module)
            if (ROOT / Path(*node.module.split(".")[1:])).is_dir():
                found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


FILES = sorted(path.relative_to(ROOT) for path in ROOT.rglob("*.py") if path.parent != ROOT or path.stem != "__init__")


def test_every_room_has_a_floor_and_every_floor_a_room():
    """The table is the house as it stands: nothing in it is gone, nothing built is missing."""
    built = {path.stem for path in ROOT.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()} - {"__init__"}

    assert built == set(FLOOR_OF)


def test_imports_point_down():
    """A file imports only from its own room, its own floor, or a floor below."""
    assert {} == {str(file): upward for file in FILES if (upward := upward_of(file))}


def upward_of(file: Path) -> list[str]:
    room = file.parts[0].removesuffix(".py")
    return [name for name in imports_of(ROOT / file) if room_of(name) != "__init__" and FLOOR_OF[room_of(name)] < FLOOR_OF[room]]


def test_kinds_do_not_import_each_other():
    """Two files of a kind never import each other, and no kind imports another."""
    of_kinds = [file for file in FILES if file.parts[0] in KINDS and file.stem != "__init__"]

    assert {} == {str(file): siblings for file in of_kinds if (siblings := siblings_of(file))}


def siblings_of(file: Path) -> list[str]:
    own = f"authweave.{'.'.join(file.with_suffix('').parts)}"
    siblings = [name for name in imports_of(ROOT / file) if room_of(name) in KINDS and name.removesuffix(".__init__") != own and name.count(".") > 1]
    return [name for name in siblings if is_extension(name)]


def is_extension(module: str) -> bool:
    """Does the module register something (a part of a kind), rather than being shared by them?"""
    path = ROOT / Path(*module.split(".")[1:]).with_suffix(".py")
    return path.is_file() and "@hookimpl" in path.read_text()

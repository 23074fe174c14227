"""The file of a matrix: tenants and what each of them has, in YAML, JSON or CSV (`schemas/test-matrix.schema.json`).

    profiles: [acme, ./beta.yaml]
    tenants:
      eu: {region: 1}
      us: {inputs: {region: 2}, subject: alice, servers: [https://us.example.com], profiles: [acme]}

In CSV a line is a tenant: the columns `tenant`, `subject`, `servers`, `profiles` and one for each input; several servers or
profiles stand between spaces, and an empty cell says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from authweave.applying.targets import named_server
from authweave.documents import read_document
from authweave.errors import UrlRefused, UsageError
from authweave.matrix.csv_reader import read_csv
from authweave.near_misses import did_you_mean, shown
from authweave.values import Document, Mark, Problem, dotted
from authweave.values import Path as Place

KEYS: Final = ("profiles", "tenants")
OF_TENANT: Final = ("subject", "servers", "profiles", "inputs")
LONGEST_NAME: Final = 255
MOST_TOLD: Final = 20


@dataclass(frozen=True, slots=True)
class Row:
    """A tenant, and what it has. `profiles` empty: all that are tested. `places` says where each input stands."""

    tenant: str
    subject: str | None = None
    servers: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    inputs: Mapping[str, Any] = field(default_factory=dict)
    places: Mapping[str, Place] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Matrix:
    """What such a file says. A profile is a name, or a path as seen from here."""

    document: Document
    rows: tuple[Row, ...]
    profiles: tuple[str, ...] = ()

    def problem(self, place: Place, message: str, fix: str = "") -> Problem:
        """Something that is wrong at a place of the file."""
        return _problem(self.document, place, message, fix)

    def row(self, tenant: str) -> Row:
        """The row of a tenant. Raises UsageError."""
        for row in self.rows:
            if row.tenant == tenant:
                return row
        known = [row.tenant for row in self.rows]
        raise UsageError(f"{self.document.source} has no tenant {shown(tenant)}; {did_you_mean(tenant, known, _listed(known))}")


def read_matrix(path: str | Path) -> Matrix:
    """The matrix in a file. Raises UsageError with everything that is wrong, each with its line."""
    path = Path(path)
    document = read_csv(path) if path.suffix.lower() == ".csv" else read_document(path)
    problems = [problem for problem in document.problems if problem.severity == "error"]
    if not problems:
        problems = list(_wrong(document))
    refuse(problems)
    return Matrix(document, tuple(_rows(document, path.parent)), tuple(_profiles(document.data.get("profiles"), path.parent)))


def refuse(problems: list[Problem]) -> None:
    """Raises one UsageError that tells them all, if there are any."""
    if lines := list(dict.fromkeys(_line(problem) for problem in problems)):
        more = [f"and {len(lines) - MOST_TOLD} more of the kind"] if len(lines) > MOST_TOLD else []
        raise UsageError("\n".join([*lines[:MOST_TOLD], *more]))


def _line(problem: Problem) -> str:
    return str(problem).removesuffix(f" [{problem.rule}]")


def _wrong(document: Document) -> Iterator[Problem]:
    data = document.data
    for key in data:
        if key not in KEYS and not key.startswith("x-"):
            yield _problem(document, (key,), "not known here", did_you_mean(key, KEYS, "known are profiles and tenants"), of_key=True)
    yield from _wrong_names(document, ("profiles",), data.get("profiles"))
    tenants = data.get("tenants")
    if isinstance(tenants, list):
        yield from _wrong_names(document, ("tenants",), tenants)
    elif not isinstance(tenants, dict):
        yield _problem(document, ("tenants",), "must be a map of tenants", "write tenants: {eu: {region: 1}}")
        return
    if not tenants:
        yield _problem(document, ("tenants",), "there is no tenant in it", "name one")
    for tenant in tenants if isinstance(tenants, dict) else ():
        yield from _wrong_tenant(document, ("tenants", tenant), tenants[tenant])


def _wrong_tenant(document: Document, place: Place, said: Any) -> Iterator[Problem]:
    name = str(place[-1])
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        yield _problem(document, place, f"a tenant has a name of 1 to {LONGEST_NAME} characters", "name it", of_key=True)
    if said is None:
        return
    if not isinstance(said, dict):
        yield _problem(document, place, "must be a map of inputs", f"write {shown(name)}: {{region: 1}}")
        return
    if not isinstance(said.get("subject"), str | None) or said.get("subject") == "":
        yield _problem(document, (*place, "subject"), "must be a text", "write the user's id")
    for key in ("profiles", "servers"):
        yield from _wrong_names(document, (*place, key), said.get(key))
    if not _wrong_list(said.get("servers")):
        yield from _wrong_servers(document, (*place, "servers"), said.get("servers") or ())
    inside = said.get("inputs")
    if inside is not None and not isinstance(inside, dict):
        yield _problem(document, (*place, "inputs"), "must be a map of inputs", "write inputs: {region: 1}")
        return
    for key in said:
        if inside and key not in OF_TENANT and key in inside:
            yield _problem(document, (*place, key), f"{shown(key)} stands in `inputs`, too", "keep one of them", of_key=True)


def _wrong_names(document: Document, place: Place, said: Any) -> Iterator[Problem]:
    if _wrong_list(said):
        yield _problem(document, place, "must be a list of texts", f"write {place[-1]}: [one, another]")


def _wrong_list(said: Any) -> bool:
    return said is not None and not (isinstance(said, list) and all(isinstance(item, str) and item for item in said))


def _wrong_servers(document: Document, place: Place, servers: Iterable[str]) -> Iterator[Problem]:
    for number, server in enumerate(servers):
        try:
            named_server(server)
        except UrlRefused as refused:
            yield _problem(document, (*place, number), str(refused), "write an origin such as https://api.example.com")


def _rows(document: Document, folder: Path) -> Iterator[Row]:
    tenants = document.data["tenants"]
    if isinstance(tenants, list):
        yield from map(Row, dict.fromkeys(tenants))
        return
    for tenant, said in tenants.items():
        said = said or {}
        inside = said.get("inputs") or {}
        places: dict[str, Place] = {key: ("tenants", tenant, key) for key in said if key not in OF_TENANT}
        places |= {key: ("tenants", tenant, "inputs", key) for key in inside}
        values = {**{key: value for key, value in said.items() if key not in OF_TENANT}, **inside}
        yield Row(
            tenant=tenant,
            subject=said.get("subject"),
            servers=tuple(said.get("servers") or ()),
            profiles=tuple(_profiles(said.get("profiles"), folder)),
            inputs={key: value for key, value in values.items() if value is not None},
            places=places,
        )


def _profiles(said: list[str] | None, folder: Path) -> Iterator[str]:
    """Names stay as they are; a path is one as seen from the file."""
    for name in said or ():
        is_path = "/" in name or Path(name).suffix in (".yaml", ".yml", ".json")
        yield str(folder / name) if is_path else name


def _problem(document: Document, place: Place, message: str, fix: str, *, of_key: bool = False) -> Problem:
    mark: Mark | None = (document.key_marks.get(place) if of_key else None) or document.mark(place)
    return Problem("matrix", document.source, mark, dotted(tuple(shown(part) if isinstance(part, str) else part for part in place)), message, fix)


def _listed(names: list[str]) -> str:
    few = ", ".join(map(shown, names[:8]))
    return f"it has {few}" + (f" and {len(names) - 8} more" if len(names) > 8 else "")

"""`authweave tokens`: what is stored, looked at and let go of, without ever printing a token."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from authweave.cli.common import Exit, Place, format_option, place_options
from authweave.cli.group import group_of
from authweave.cli.keeping import warn_of_memory
from authweave.cli.moments import ends, one_line
from authweave.cli.options import Calling, calling_options
from authweave.cli.printing import columns, print_json, table

if TYPE_CHECKING:
    from authweave.status import Stored

EXAMPLES: Final = """\
authweave tokens list --profile acme
authweave tokens show 1a4cb1d3
authweave tokens revoke 1a4cb1d3              end it at the provider, and forget it
authweave tokens clear --orphaned             forget here what nobody can use any more
"""
LIST: Final = """\
authweave tokens list
authweave tokens list --profile acme --tenant blue --format json
"""
SHOW: Final = """\
authweave tokens show 1a4cb1d3
authweave tokens show acme
"""
REVOKE: Final = """\
authweave tokens revoke 1a4cb1d3
authweave tokens revoke 1a4cb1d3 77ffe2a0 --yes
"""
CLEAR: Final = """\
authweave tokens clear 1a4cb1d3
authweave tokens clear --profile acme --tenant blue
authweave tokens clear --orphaned --yes
"""
_HEADS: Final = ("key", "profile", "tenant", "subject", "endpoint", "ends", "refresh", "last trouble")


@group_of("tokens", examples=EXAMPLES)
def command() -> None:
    """List, show, revoke or forget the tokens that are stored. No command of these ever prints a token.

    KEY is the beginning of a key, as `tokens list` shows it: four hex digits or more, as many as tell it from others.
    """


@command.add("list", short="List what is stored.", examples=LIST)
@click.option("--profile", metavar="NAME", help="Only those of this profile.")
@click.option("--tenant", "tenants", multiple=True, help="Only those of this tenant.")
@format_option
@place_options
def list_(profile: str | None, tenants: tuple[str, ...], form: str, place: Place) -> Exit:
    """List what is stored: whose it is, which host it came from, when it ends, and what went wrong last.

    A column that would be empty is left out. The grant and the whole endpoint are in `tokens show`, and in JSON.
    """
    from authweave.cli.stored import all_stored, facts_of, selected

    with place.store_engine() as engine:
        warn_of_memory(engine)
        found = selected(all_stored(engine), profile, tenants)
        now = engine.clock()
    if form == "json":
        print_json([facts_of(entry) for entry in found])
    elif found:
        print(_table([_row(entry, now) for entry in found]))
        print(f"{len(found)} stored, {sum(entry.has_refresh_token for entry in found)} with a refresh token")
    else:
        print("nothing is stored")
    return Exit.OK


@command.add("show", short="Show one entry in full, but for the token.", examples=SHOW)
@click.argument("keys", nargs=-1, required=True, metavar="KEY|PROFILE...")
@format_option
@place_options
def show(keys: tuple[str, ...], form: str, place: Place) -> Exit:
    """Show entries in full: times, lengths, fingerprints to compare, what the key is made of; never a token."""
    from authweave.cli.stored import all_stored, of_words, whole_facts_of

    with place.store_engine() as engine:
        warn_of_memory(engine)
        found = of_words(all_stored(engine), keys)
    if form == "json":
        print_json([whole_facts_of(entry) for entry in found])
    else:
        print("\n\n".join("\n".join(columns(_rows(whole_facts_of(entry)))) for entry in found))
    return Exit.OK


@command.add("revoke", short="End tokens at the provider, and forget them.", examples=REVOKE)
@click.argument("keys", nargs=-1, required=True, metavar="KEY...")
@click.option("--yes", is_flag=True, help="Do not ask.")
@calling_options
def revoke(keys: tuple[str, ...], yes: bool, place: Calling) -> Exit:
    """End tokens at the provider, as the profile says how, and forget them here.

    An entry that its profile no longer makes the key of cannot be revoked: forget it with `tokens clear`, and end it at
    the provider by hand. Ends with 0 only if everything was revoked; with 1 where the profile names no
    revoke_request, or nothing was there to revoke.
    """
    from authweave.cli.letting_go import revoked
    from authweave.cli.stored import all_stored, of_key

    with place.store_engine() as engine:
        warn_of_memory(engine)
        stored = all_stored(engine)
        found = list({entry.key: entry for entry in (of_key(stored, key) for key in keys)}.values())
        return revoked(engine, found, is_sure=yes)


@command.add("clear", short="Forget tokens here; the provider is told nothing.", examples=CLEAR)
@click.argument("keys", nargs=-1, metavar="[KEY]...")
@click.option("--profile", metavar="NAME", help="Those of this profile.")
@click.option("--tenant", "tenants", multiple=True, help="With --profile: only those of this tenant.")
@click.option("--orphaned", is_flag=True, help="Those that a profile found here makes the key of no more.")
@click.option("--unreadable", is_flag=True, help="Those that cannot be opened.")
@click.option("--all", "is_all", is_flag=True, help="Everything.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@place_options
def clear(
    keys: tuple[str, ...], profile: str | None, tenants: tuple[str, ...], orphaned: bool, unreadable: bool, is_all: bool,
    yes: bool, place: Place,
) -> Exit:  # fmt: skip
    """Forget tokens here. The provider is not told: what it gave stays good there until it ends, or is revoked.

    Where a refresh token goes, somebody may have to sign in again. Asks first; where nobody can be asked, say --yes.
    """
    from authweave.cli.letting_go import cleared, orphans_among
    from authweave.cli.stored import all_stored, of_key, selected

    ways = [bool(keys), profile is not None, orphaned, unreadable, is_all]
    if sum(ways) != 1 or (tenants and profile is None):
        raise click.UsageError("say which: KEY…, --profile NAME (with --tenant, if you like), --orphaned, --unreadable, or --all")
    with place.store_engine() as engine:
        warn_of_memory(engine)
        found = all_stored(engine)
        if keys:
            found = list({entry.key: entry for entry in (of_key(found, key) for key in keys)}.values())
        elif orphaned:
            found = orphans_among(engine, found)
        elif unreadable:
            found = [entry for entry in found if entry.record.unreadable]
        else:
            found = selected(found, profile, tenants)
        return cleared(engine, found, is_sure=yes)


def _row(entry: Stored, now: float) -> tuple[str, ...]:
    from authweave.cli.stored import facts_of

    told, token = facts_of(entry), entry.record.token
    if told["unreadable"]:
        return (told["key"], "?", "", "", "", "", "", f"cannot be opened: {told['unreadable']}")
    cells = (
        told["key"], told["profile"], told["tenant"], told["subject"], _origin(told["endpoint"]),
        ends(token.expires_at, now) if token else "no token", "yes" if told["refresh_token"] else "", told["trouble"] or "",
    )  # fmt: skip
    return tuple(map(one_line, cells))


def _table(rows: Sequence[Sequence[str]]) -> str:
    """The rows under their heads, without the columns that are empty in all of them."""
    used = [index for index in range(len(_HEADS)) if any(row[index] for row in rows)]
    return table([_HEADS[index] for index in used], [[row[index] for index in used] for row in rows])


def _origin(endpoint: str) -> str:
    """`login.acme.example`, or `http://127.0.0.1:8080`: the usual scheme goes without saying."""
    return "/".join(endpoint.split("/")[:3]).removeprefix("https://")


def _rows(told: dict[str, Any], indent: str = "") -> Iterator[Sequence[str]]:
    """Name and value of what there is, parts below their whole."""
    for name, value in told.items():
        label = f"{indent}{name.replace('_', ' ')}"
        if isinstance(value, dict) and set(value) == {"length", "fingerprint"}:
            yield label, f"{value['length']} characters, {value['fingerprint']}" if value["length"] else "short"
        elif isinstance(value, dict):
            if value:
                yield label, ""
                yield from _rows(value, f"{indent}  ")
        elif value is not None and value != "" and value != []:
            yield label, one_line(_word(value))


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)

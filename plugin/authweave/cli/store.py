"""`authweave store`: is the store of tokens well, and is what is in it sealed with the key of today?"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import click

from authweave.cli.common import Exit, Place, at_terminal, complain, format_option, place_options
from authweave.cli.group import group_of
from authweave.cli.printing import columns, print_json

if TYPE_CHECKING:
    from authweave.at_rest.keys import Keys
    from authweave.cli.resealing import Counted
    from authweave.contracts import Finding, Store
    from authweave.settings import Settings

EXAMPLES: Final = """\
authweave store check                         the store of the settings, or the command line's own
authweave store check redis://cache.example:6379
authweave store rotate-key                    a new sealing key, and every entry sealed with it
"""
CHECK: Final = """\
authweave store check
authweave store check sqlite:///var/lib/bot/tokens.db --format json
"""
ROTATE: Final = """\
authweave store rotate-key
authweave store rotate-key --only-reseal      after another machine's key was put at the top by hand
"""
_FATAL: Final = frozenset({"timeout", "refused", "locked", "other"})
"""Reasons of a store that does not answer, rather than of one that answers and is not well."""
_OTHERS: Final = (
    "machines that share this store cannot open what is sealed from now on until they have the new key, too; "
    "see docs/store.md for the order that loses nothing"
)


@group_of("store", examples=EXAMPLES)
def command() -> None:
    """Check the store of tokens, or give it a new sealing key."""


@command.add("check", short="Say whether the store is well.", examples=CHECK)
@click.argument("url", required=False)
@format_option
@place_options
def check(url: str | None, form: str, place: Place) -> Exit:
    """Say whether the store is well, where its sealing key lives, and how many entries it can open.

    Without URL it is the store of the settings. Ends with 1 if something is wrong, with 3 if it does not answer.
    """
    settings = _settings(place, url)
    found = _Checked(settings)
    if form == "json":
        findings = [dataclasses.asdict(finding) for finding in found.findings()]
        entries = dataclasses.asdict(found.counted) if found.counted else None
        print_json({"store": settings.shown("store"), "from": settings.origins["store"], "findings": findings, "entries": entries})
    else:
        print(f"{settings.shown('store')} (from {settings.origins['store']})")
        for finding in found.findings():
            print("\n".join(_lines(finding)), flush=True)
    return found.exit


@command.add("rotate-key", short="Make a new sealing key, and seal every entry with it.", examples=ROTATE)
@click.option("--only-reseal", is_flag=True, help="Make no key: seal with the active one what an older one sealed.")
@click.option("--yes", is_flag=True, help="Do not ask. It asks before it makes a key for a store that other machines may share (any but SQLite).")
@place_options
def rotate_key(only_reseal: bool, yes: bool, place: Place) -> Exit:
    """Make a new key the active one, and seal every stored token with it; the older keys stay and still open.

    An entry that is being renewed is left to its owner. Processes on this machine find the new key by themselves. Where
    other machines share the store, each needs the key before this one seals with it: docs/store.md has the order.
    """
    from authweave.at_rest.keys import rotated, where
    from authweave.equipment import keys_for
    from authweave.errors import UsageError
    from authweave.extensions.catalog import catalog_for

    settings = _settings(place, None)
    store = _opened(settings)
    try:
        if not store.is_shared:
            raise UsageError(f"the store is {settings.shown('store')}: what is in memory is not sealed")
        next(store.keys(), None)  # a store that is away must not leave us with a new key and nothing sealed by it
        if type(store).name != "sqlite" and not only_reseal and not _is_sure(is_sure=yes):
            return Exit.REFUSED
        keys = keys_for(store, settings)  # refuses a key that only this machine would have
        keys = keys if only_reseal else rotated(settings)
        if keys.active is None:
            raise UsageError(f"nothing seals here: store_key is {where(settings)}")
        counted = _resealed(store, keys, catalog_for(settings))
    finally:
        store.close()
    made = "the active key is" if only_reseal else "made a new key,"
    print(f"{made} {keys.active.id}, in {where(settings)}")
    print("\n".join(_told(counted)))
    if type(store).name != "sqlite" and not only_reseal:
        complain(_OTHERS)
    return Exit.REFUSED if counted.lost else Exit.OK


class _Checked:
    """One look at a store: what was found, and what the command ends with."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.counted: Counted | None = None
        self.exit = Exit.OK

    def findings(self) -> Iterator[Finding]:
        """One after the other; nothing is raised."""
        from authweave.errors import SettingsError, StoreUnavailable

        try:
            store = _opened(self._settings)
        except SettingsError as error:
            yield self._noted(_of_words("store", str(error).removeprefix(f"{self._settings.origins['store']}: ")))
            return
        try:
            for finding in store.checks():
                yield self._noted(finding)
            yield from self._of_keys(store)
        except StoreUnavailable as error:
            self.exit = Exit.INCONCLUSIVE if error.reason in _FATAL else Exit.REFUSED
            yield _of_words("entries", str(error))
        finally:
            store.close()

    def _of_keys(self, store: Store) -> Iterator[Finding]:
        from authweave.at_rest.keys import where
        from authweave.cli.resealing import Sealings
        from authweave.contracts import Finding
        from authweave.equipment import keys_for
        from authweave.errors import SettingsError
        from authweave.extensions.catalog import catalog_for

        if not store.is_shared:
            yield Finding("sealing key", True, "none: what stays in this process is not sealed")
            return
        try:
            keys, words = keys_for(store, self._settings), where(self._settings)
        except SettingsError as error:
            yield self._noted(_of_words("sealing key", str(error)))
            return
        yield self._noted(_of_key(keys, words))
        import time

        self.counted = Sealings(store, keys, catalog_for(self._settings), time.time).counted()
        for finding in _of_entries(self.counted):
            yield self._noted(finding)

    def _noted(self, finding: Finding) -> Finding:
        if not finding.is_good and self.exit is Exit.OK:
            self.exit = Exit.REFUSED
        return finding


def _of_words(subject: str, message: str) -> Finding:
    from authweave.contracts import Finding

    words, _, fix = message.partition("; ")
    return Finding(subject, False, words, fix)


def _of_key(keys: Keys, words: str) -> Finding:
    from authweave.contracts import Finding

    if keys.active is None:
        return Finding("sealing key", True, "none: store_key is plaintext, so whoever reads the store has the tokens")
    older = f", {len(keys.others)} older" if keys.others else ""
    return Finding("sealing key", True, f"{words}; {keys.active.id} is active{older}")


def _of_entries(counted: Counted) -> Iterator[Finding]:
    from authweave.contracts import Finding

    yield Finding("entries", True, f"{counted.readable} can be opened" + (f", {counted.old} of them with an older key only" if counted.old else ""))
    for why, count in counted.unreadable.items():
        fix = "bring back the key that sealed them, or forget them: authweave tokens clear --unreadable"
        yield Finding("entries", False, f"{count} cannot be opened: {why}", fix)


def _lines(finding: Finding) -> Iterator[str]:
    from authweave.redaction import inert

    mark = "✓" if finding.is_good else "✗"
    yield from columns([(mark, f"{inert(finding.subject):<16}", inert(finding.words))], " ")
    if finding.fix and not finding.is_good:
        yield f"   {'':16}  fix: {inert(finding.fix)}"


def _settings(place: Place, url: str | None) -> Settings:
    """The settings, with the store that is named on the command line. Raises SettingsError."""
    from authweave.cli.keeping import with_default_store
    from authweave.errors import UsageError
    from authweave.settings import Settings

    settings = with_default_store(place.settings())
    if url is None:
        return settings
    if re.search(r"//[^/?#]*:[^/?#]*@", url):
        raise UsageError("a URL with a password is not taken as an argument, where other users see it: set AUTHWEAVE_STORE, or store in authweave.toml")
    named = Settings.load({"store": url}, {}, called="command line")
    return dataclasses.replace(settings, store=named.store, origins={**settings.origins, "store": "command line"})


def _opened(settings: Settings) -> Any:
    from authweave.cli.keeping import tell_of_damage
    from authweave.equipment import store_of
    from authweave.events import Events
    from authweave.extensions.catalog import catalog_for

    return store_of(settings, catalog_for(settings), Events([tell_of_damage]))


def _resealed(store: Store, keys: Keys, catalog: Any) -> Counted:
    import time

    from authweave.cli.resealing import Sealings

    return Sealings(store, keys, catalog, time.time).resealed()


def _is_sure(*, is_sure: bool) -> bool:
    from authweave.errors import UsageError

    if is_sure:
        return True
    if not at_terminal():
        raise UsageError(f"{_OTHERS}; say --yes if they have it, or need none")
    return click.confirm(f"{_OTHERS[0].upper()}{_OTHERS[1:]}. Go on?", err=True)


def _told(counted: Counted) -> Iterator[str]:
    yield f"{counted.resealed} sealed again, of {counted.readable} that can be opened"
    if counted.renewing:
        yield f"{counted.renewing} left to those who are renewing them: the older keys still open them"
    for why, count in counted.unreadable.items():
        yield f"{count} cannot be opened: {why}"

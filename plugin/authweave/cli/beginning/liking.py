"""`authweave new NAME --like PROFILE`: a copy, or a child, with what must change asked for or given."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from authweave.cli.beginning.contents import Contents
from authweave.cli.beginning.target import Target
from authweave.cli.common import Place, profile_of

if TYPE_CHECKING:
    from authweave.profile import Profile
    from authweave.starting.copying import Change
    from authweave.starting.making import Made
    from authweave.starting.start import Start


def liked(
    name: str, like: str, extends: bool, output: str, force: bool, contents: Contents, place: Place, may_ask: bool
) -> tuple[Target, Made]:
    """The text, and where it goes. Raises UsageError, click.UsageError, ProfileError."""
    from authweave.starting.copying import changes_of, child, copied
    from authweave.starting.making import made_of_text
    from authweave.starting.page import schema_beside

    if contents.type_ or contents.grant or contents.key_in or contents.secret:
        raise click.UsageError("--like keeps the type, the grant and the inputs of what it copies: change them in the file")
    with place.engine() as engine:
        parent = profile_of(engine, like)
        folders = engine.folders
    document = parent.merged.document
    is_json = Path(document.source).suffix.lower() == ".json" and not extends
    target = Target.of(name, output, force, ending=".json" if is_json else ".yaml")
    if target.path is not None and (target.path.suffix.lower() == ".json") != is_json:
        raise click.UsageError(f"{target.path}: a copy is in the language of {document.source}")
    start = contents.start(name)
    data = parent.merged.data
    changes = [*changes_of(start, data), *(_asked(start, document.data if not extends else data) if may_ask else ())]
    schema = schema_beside(target.folder)
    text = child(start, _reference(parent, target), changes, schema=schema) if extends else copied(document.text, start, changes, schema=schema, json=is_json)
    source = str(target.path or f"{name}{'.json' if is_json else '.yaml'}")
    return target, made_of_text(text, source, folders=(target.folder, *folders))


def _reference(parent: Profile, target: Target) -> str:
    """The name to extend it by. Raises click.UsageError where the child would not find it."""
    from authweave.resources import profiles_folder

    home = Path(parent.merged.document.source).absolute().parent
    if home not in (target.folder.absolute(), profiles_folder().absolute()):
        raise click.UsageError(f"{parent.merged.document.source}: a child is written beside its parent; say -o {home}, or copy without --extends")
    return parent.name


def _asked(start: Start, data: Any) -> list[Change]:
    """What a person at the terminal changes: who the provider is, and each URL that no option said."""
    from authweave.cli.beginning.terminal import INTRODUCTION, ask, tell
    from authweave.starting.copying import Change, urls_in
    from authweave.starting.inputs import with_braces

    tell(INTRODUCTION)
    given = {("identity_provider",)} if start.identity_provider else set()
    wanted = [(("identity_provider",), str(data.get("identity_provider", ""))), *urls_in(data)]
    changes = []
    for path, old in wanted:
        if path in given or (path[0] == "servers" and start.servers) or (path[0] == "auth" and path[-1] in start.urls):
            continue
        said = ask(_label(path), "", old)
        if said and said != old:
            changes.append(Change(path, said if path[0] == "identity_provider" else with_braces(said)))
    return changes


def _label(path: tuple[str | int, ...]) -> str:
    words = {"identity_provider": "Identity provider name", "servers": "Server that may get the credential"}
    return words.get(str(path[0]), str(path[-1]))

"""`authweave schema`: the JSON Schema of profiles."""

from __future__ import annotations

from typing import Final

import click

from authweave.cli.common import Exit, command_of, complain

EXAMPLES: Final = """\
authweave schema > auth-profile.schema.json
authweave schema --installed > .vscode/auth-profile.schema.json     with the types of installed packages
authweave schema --check                                            does the published file still hold?
"""


@command_of("schema", examples=EXAMPLES)
@click.option("--installed", is_flag=True, help="With what installed packages add, not only what is built in.")
@click.option("--check", is_flag=True, help="Compare with the published file; 1 if they differ.")
def command(installed: bool, check: bool) -> Exit:
    """Print the JSON Schema of profiles (2020-12), or compare it with the published one.

    Editors read it from the first line of a profile: # yaml-language-server: $schema=…
    """
    if check and installed:
        raise click.UsageError("--check is about the published schema, without --installed")
    text = _text(installed=installed)
    if check:
        return _compared(text)
    print(text, end="")
    return Exit.OK


def _text(*, installed: bool) -> str:
    from authweave import schema

    if not installed:
        return schema.published()
    from authweave.extensions.catalog import default_catalog

    return schema.installed(default_catalog())


def _compared(text: str) -> Exit:
    from difflib import unified_diff
    from itertools import islice

    from authweave.resources import schema_file

    file = schema_file()
    published = file.read_text(encoding="utf-8") if file.is_file() else ""
    if published == text:
        print(f"{file}: is what this version makes")
        return Exit.OK
    lines = unified_diff(published.splitlines(), text.splitlines(), str(file), "authweave schema", lineterm="")
    print("\n".join(islice(lines, 40)))
    complain(f"{file}: is not what this version makes; write it anew with authweave schema")
    return Exit.REFUSED

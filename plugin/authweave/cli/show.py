"""`authweave show`: what a profile means, and what an operator decided."""

from __future__ import annotations

from typing import Final

import click

from authweave.cli.common import (
    Exit,
    Place,
    Seen,
    command_of,
    format_option,
    profile_argument,
    profile_of,
    seen_options,
)
from authweave.cli.printing import print_json, table

EXAMPLES: Final = """\
authweave show acme.yaml                       with every default written out, each marked
authweave show kore-client-credentials > acme.yaml    a start for one of your own
authweave show --settings                      every setting, its value and where that comes from
"""


@command_of("show", examples=EXAMPLES)
@profile_argument(required=False)
@click.option("--settings", is_flag=True, help="The settings in force instead of a profile.")
@format_option
@seen_options
def command(profile: str | None, settings: bool, form: str, place: Seen) -> Exit:
    """Print a profile with every default written out: itself a valid profile, which behaves the same.

    A default bears the comment "default", what a parent says "from parent.yaml:3". Secrets are only names: a profile
    holds none.
    """
    if settings == (profile is not None):
        raise click.UsageError("name a profile, or say --settings")
    if profile is None:
        return _settings(form, place)
    return _profile(profile, form, place)


def _profile(reference: str, form: str, place: Place) -> Exit:
    from authweave.cli.whole import origins, whole, whole_text
    from authweave.redaction import inert
    from authweave.values import dotted

    engine = place.engine()
    profile = profile_of(engine, reference)
    if form == "json":
        data = whole(profile, engine.catalog)
        print_json({"profile": data, "origins": {dotted(path): origin for path, origin in origins(profile, data)}})
    else:
        print(f"# {profile.reference}, from {inert(profile.merged.document.source)}, with its defaults.")
        print(whole_text(profile, engine.catalog), end="")
    return Exit.OK


def _settings(form: str, place: Place) -> Exit:
    from authweave.cli.keeping import with_default_store
    from authweave.settings import MEMBERS

    settings = with_default_store(place.settings())
    rows = [(name, settings.shown(name), settings.origins[name], member.description) for name, member in MEMBERS.items()]
    if form == "json":
        print_json([dict(zip(("name", "value", "origin", "description"), row, strict=True)) for row in rows])
    else:
        print(table(("setting", "value", "from", "what it is"), rows))
    return Exit.OK

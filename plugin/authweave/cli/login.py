"""`authweave login`: a person signs in, and the token is stored for everybody who works for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from authweave.cli.common import (
    Exit,
    Given,
    command_of,
    format_option,
    given_options,
    profile_argument,
    profile_of,
    with_connection,
)
from authweave.cli.printing import columns, print_json

if TYPE_CHECKING:
    from authweave.profile import Profile
    from authweave.values import Token

EXAMPLES: Final = """\
authweave login acme.yaml --subject ada       a browser opens; its answer comes back to this machine
authweave login acme.yaml --subject ada --no-browser      print the link only
authweave login acme.yaml --subject ada --paste           the browser is on another machine: paste its last address
authweave login acme.yaml --subject ada -I redirect_uri=http://127.0.0.1:8912/callback
"""


@command_of("login", examples=EXAMPLES)
@profile_argument()
@click.option("--no-browser", is_flag=True, help="Print the link, and open nothing.")
@click.option("--paste", is_flag=True, help="Wait for the address of the browser's last page on standard input.")
@click.option("--port", type=click.IntRange(1, 65535), default=None, help="Listen at this port, where the redirect URI is left to authweave.")
@click.option("--timeout", type=click.FloatRange(min=1), default=None, metavar="SECONDS", help="How long to wait; a link is good for ten minutes.")
@format_option
@given_options
def command(profile: str, no_browser: bool, paste: bool, port: int | None, timeout: float | None, form: str, given: Given) -> Exit:
    """Sign in: for a profile whose tokens a person has to consent to.

    The browser comes back to a listener on this machine, at the redirect URI that is supplied, else at
    http://127.0.0.1:PORT/callback. Where that cannot be (no browser here, the port is taken, the redirect URI leads
    elsewhere) the address of the last page is pasted. A profile with grant_type device_code shows a code to type on
    any device. Ctrl-C gives up, and the link is of no more use.
    """
    from authweave.cli.signing_in import Wishes, signed_in

    wishes = Wishes(opens_browser=not no_browser, pastes=paste, port=port or 0, seconds=timeout)
    with given.keeping_engine() as engine:
        found = profile_of(engine, profile)
        refuse_nobody(found, given)
        token = with_connection(engine, found, given, lambda connection: signed_in(connection, wishes))
        now = engine.clock()
    _tell(found, given, token, now, form)
    return Exit.OK


def refuse_nobody(profile: Profile, given: Given) -> None:
    """Raises click.UsageError where it must be said who signs in, and is not."""
    if profile.subject == "user" and not given.subject:
        raise click.UsageError(f"{profile.name} acts for a user: say who with --subject, as the host will name them")


def _tell(profile: Profile, given: Given, token: Token, now: float, form: str) -> None:
    from authweave.cli.token import facts

    told = facts(token, now)
    if form == "json":
        print_json({"profile": profile.reference, "tenant": given.tenant, "subject": given.subject or "", "signed_in": True, **told})
        return
    expires = f"in {told['expires_in']} s, at {told['expires_at']}" if told["expires_at"] else "the answer did not say"
    rows: list[tuple[str, Any]] = [
        ("signed in", f"{given.subject or 'the application'} at {profile.identity_provider}"),
        ("tenant", given.tenant),
        ("expires", expires),
        ("scope", token.scope or "as asked for (the answer did not say)"),
        ("refresh token", "yes" if token.refresh_token else "no: sign in again when it ends"),
    ]
    print("\n".join(columns([row for row in rows if row[1]])))

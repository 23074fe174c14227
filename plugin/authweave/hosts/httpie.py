"""The door for HTTPie: `http --auth-type=authweave --auth 'acme-crm,tenant=blue' https://…`.

HTTPie imports this file whenever it runs, so what sends is imported when a request asks for it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from httpie.plugins import AuthPlugin  # type: ignore[import-not-found]  # HTTPie lives in an environment of its own

from authweave.errors import AuthweaveError

if TYPE_CHECKING:
    from authweave.values import Judgement


class ProfileAuthPlugin(AuthPlugin):  # type: ignore[misc]  # HTTPie has no types
    """`--auth` is the profile, `PROFILE[@VERSION][,tenant=…][,subject=…]`; it is never asked for, and holds no secret.

    A session file of HTTPie keeps that text, and nothing of the credential.
    """

    name = "authweave profile"
    auth_type = "authweave"
    description = "an auth profile: --auth 'PROFILE[@VERSION][,tenant=…][,subject=…]'"
    auth_parse = False
    prompt_password = False
    netrc_parse = False

    def get_auth(self, username: str | None = None, password: str | None = None) -> Any:
        """Called while arguments are read, where HTTPie shows a failure with its traceback: so nothing fails here yet."""
        return _Named(str(self.raw_auth or ""))


class _Named:
    """The auth object for the text of `--auth`. Tokens are kept between commands, as those of `authweave` itself."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __call__(self, request: Any) -> Any:
        _see_own_folder()
        from authweave.hosts.named import Named
        from authweave.hosts.telling import failure
        from authweave.shared_engine import shared_engine

        try:
            named = Named.of(self._text)
        except AuthweaveError as error:
            told = error.fresh()
        else:
            try:
                return _auth_of(named, shared_engine(keeps_tokens=True))(request)
            except AuthweaveError as error:
                told = error.fresh()
                told.args = (failure(named, told),)
        raise told


def _see_own_folder() -> None:
    """`httpie plugins install` has a folder of its own, which is on the path only while HTTPie looks for plugins."""
    folder = str(Path(__file__).resolve().parents[2])
    if folder not in sys.path:
        sys.path.append(folder)


def _auth_of(named: Any, engine: Any) -> Any:
    from authweave.hosts.requests import ProfileAuth
    from authweave.hosts.telling import refusal

    class TerminalAuth(ProfileAuth):
        """Says on standard error that a credential was refused."""

        def tell(self, judgement: Judgement) -> None:
            if text := refusal(self.named, judgement):
                print(f"\nauthweave: {text}\n", file=sys.stderr)

    return TerminalAuth(named, engine=engine)

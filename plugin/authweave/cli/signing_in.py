"""A person signs in at the command line: in a browser on this machine, by pasting what a browser elsewhere shows, or at a device."""

from __future__ import annotations

import sys
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import parse_qsl, urlsplit

from authweave.cli.asking import at_terminal
from authweave.cli.loopback.browsers import checked, is_at_hand, open_page
from authweave.cli.loopback.leading import Lead
from authweave.cli.loopback.listener import PATH, Listener, Place, PortInUse
from authweave.cli.moments import span
from authweave.cli.running import complain
from authweave.errors import (
    AuthorizationDenied,
    AuthweaveError,
    CallbackRefused,
    MissingInput,
    SignInFailed,
    TemplateError,
    UsageError,
)
from authweave.redaction import inert
from authweave.sign_in.three_legs import TOKEN

if TYPE_CHECKING:
    from authweave.connections.connection import Connection
    from authweave.values import Authorization, Token

T = TypeVar("T")
Look = Callable[[float], T | None]

LOOKING: Final = 0.25
_FIRST_PORT: Final = 20480
_PORTS: Final = 12288
"""Ports that no system gives to connections of its own (those begin at 32768, or higher): they are likely to be free."""
_HOST: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Wishes:
    """How somebody wants to sign in. `port` is for a redirect URI that is ours to choose; `seconds` is how long to wait."""

    opens_browser: bool = True
    pastes: bool = False
    port: int = 0
    seconds: float | None = None


def signed_in(connection: Connection, wishes: Wishes) -> Token:
    """The token of a person who signs in now. Raises AuthorizationDenied, SignInFailed, CallbackRefused, UsageError, and what a token call raises.

    However it ends, nobody listens afterwards, and a link that was not used is of no more use.
    """
    done = False
    try:
        token = _at_device(connection, wishes) if _is_at_device(connection) else _in_browser(connection, wishes)
        done = True
        return token
    finally:
        if not done:
            with suppress(AuthweaveError):
                connection.cancel_authorization().result()


def _is_at_device(connection: Connection) -> bool:
    credential = connection.signing_in.credential()
    return credential.variant.tokens is not None and credential.variant.tokens.at_device


# ---- in a browser


def _in_browser(connection: Connection, wishes: Wishes) -> Token:
    written = written_redirect(connection)
    place = Place.of(written) if written else _place_of_ours(connection, wishes)
    if place is None or wishes.pastes:
        return _pasting(connection, wishes, written)
    if not (written or is_at_hand() or not wishes.opens_browser):
        say("there is no browser here")
        return _pasting(connection, wishes, written)
    try:
        listener = _listening(place, is_fixed=bool(written) or bool(wishes.port))
    except PortInUse as error:
        complain(str(error))
        return _pasting(connection, wishes, written)
    with listener:
        return _listened(connection, wishes, listener, written)


def written_redirect(connection: Connection) -> str:
    """The redirect URI that the profile, or who supplies its input, writes; '' where it is left to us."""
    settings = connection.signing_in.credential().variant.tokens
    template = settings.sign_in.redirect_uri if settings is not None else None
    if template is None:
        return ""
    try:
        value = template.value(connection.scope(connection.inputs(), None))
    except (MissingInput, TemplateError):
        return ""
    return str(value.reveal() if hasattr(value, "reveal") else value or "")


def _place_of_ours(connection: Connection, wishes: Wishes) -> Place:
    """A port of this profile's own, so that a client which registers itself does so once; any free one where that is taken."""
    settings = connection.signing_in.credential().variant.tokens
    registers = settings is not None and settings.discovery.registration is not None
    own = _FIRST_PORT + zlib.crc32(f"{connection.profile.name}\0{connection.tenant}".encode()) % _PORTS if registers else 0
    return Place(_HOST, wishes.port or own, PATH)


def _listening(place: Place, *, is_fixed: bool) -> Listener:
    """Raises PortInUse where it has to be this port."""
    try:
        return Listener(place)
    except PortInUse:
        if is_fixed:
            raise
    return Listener(Place(place.host, 0, place.path))


def _listened(connection: Connection, wishes: Wishes, listener: Listener, written: str) -> Token:
    begun = connection.begin_authorization(redirect_uri=written or listener.place.uri).result()
    listener.expect(*_awaited(connection, begun))
    opens = wishes.opens_browser and is_at_hand()
    say("your browser opens this page; sign in there:" if opens else "open this page in a browser on this machine, and sign in:")
    say(f"\n  {begun.url}\n")
    with _opened(connection, begun.url if opens else "") as refuse_betrayed:
        url = _waited(begun, wishes, refuse_betrayed(listener.wait))
    if url is None:
        raise SignInFailed("expired", "nobody signed in in time; begin again", profile=connection.profile.name)
    outcome = "failed"
    try:
        token = connection.complete_authorization(url if not written else _at(written, url)).result()
        outcome = "signed_in"
        return token
    except AuthorizationDenied:
        outcome = "denied"
        raise
    finally:
        listener.tell(outcome)


def _awaited(connection: Connection, begun: Authorization) -> tuple[str, ...]:
    """What tells the answer from others, and the parameters that may hold it: by OAuth 1.0 the temporary token (`denied` is Twitter's)."""
    if connection.signing_in.credential().variant.own.get("request_token_url") is None:
        return (begun.state,)
    return dict(parse_qsl(urlsplit(begun.url).query)).get(TOKEN, ""), TOKEN, "denied"


def _at(written: str, url: str) -> str:
    """What came, under the redirect URI as it is written: a browser writes port 80, or an empty path, in its own way."""
    return f"{written.partition('?')[0]}?{url.partition('?')[2]}"


@contextmanager
def _opened(connection: Connection, url: str) -> Iterator[Callable[[Look[T]], Look[T]]]:
    """Open a page in the browser ('' for none). What comes makes a look raise SignInFailed once somebody else may know the page.

    The list of processes shows everybody with what a browser was started: that is a page of ours, which leads it on.
    """
    if not url:
        yield lambda look: look
        return
    with Lead(checked(url)) as lead:

        def refusing(look: Look[T]) -> Look[T]:
            def looked(seconds: float) -> T | None:
                found = look(seconds)
                if lead.is_betrayed:
                    raise SignInFailed("cancelled", "the page for the browser was opened by somebody else, too: begin again", profile=connection.profile.name)
                return found

            return looked

        open_page(lead.address)
        yield refusing


# ---- by pasting


def _pasting(connection: Connection, wishes: Wishes, written: str) -> Token:
    """The browser is elsewhere: its last address is what is pasted. Three tries, for what is no answer at all."""
    ours = _place_of_ours(connection, wishes)
    redirect = written or Place(ours.host, ours.port or _FIRST_PORT, ours.path).uri
    begun = connection.begin_authorization(redirect_uri=redirect).result()
    say("open this page in any browser, and sign in:")
    say(f"\n  {begun.url}\n")
    say("At the end the browser goes to a page that may not load. Copy its whole address from the address bar, and paste it here:")
    for _ in range(3):
        text = _pasted()
        try:
            return connection.complete_authorization(text).result()
        except CallbackRefused as error:
            if error.reason not in ("state", "code", "form", "redirect_uri", "size"):
                raise
            complain(f"{error}; paste the whole address that begins with {inert(redirect)}")
    raise SignInFailed("expired", "nothing that was pasted answers this sign-in; begin again", profile=connection.profile.name)


def _pasted() -> str:
    """A line; a terminal takes no more than 4096 characters of one, so it is read without its editing. Raises UsageError at the end of input."""
    line = _long_line() if at_terminal() else sys.stdin.readline()
    if not line:
        raise UsageError("nothing was pasted: the address of the last page is read from the terminal, or from standard input")
    return line.strip()


def _long_line() -> str:
    with suppress(ImportError):
        import readline  # noqa: F401 - reads lines that are longer than a terminal's own editing allows
    with suppress(EOFError):
        return input("> ") or "\n"
    return ""


# ---- at a device


def _at_device(connection: Connection, wishes: Wishes) -> Token:
    begun = connection.begin_authorization().result()
    say("on any device with a browser, open this page and type the code:")
    say(f"\n  {inert(begun.verification_uri)}\n\n  code: {inert(begun.user_code)}\n")
    if begun.verification_uri_complete and begun.verification_uri_complete != begun.verification_uri:
        say(f"or open this one, and compare the code:\n\n  {inert(begun.verification_uri_complete)}\n")
    waiting = connection.await_authorization()

    def look(seconds: float) -> Token | None:
        try:
            return waiting.result(seconds)
        except TimeoutError:
            return None

    with _opened(connection, _page_to_open(begun, wishes)) as refuse_betrayed:
        token = _waited(begun, wishes, refuse_betrayed(look))
    if token is None:
        raise SignInFailed("expired", "nobody signed in in time; begin again", profile=connection.profile.name)
    return token


def _page_to_open(begun: Authorization, wishes: Wishes) -> str:
    """The page that has the code in it, where there is one that a browser may be given; it is shown anyhow."""
    url = begun.verification_uri_complete
    if url in ("", begun.verification_uri) or not (wishes.opens_browser and is_at_hand()):
        return ""
    with suppress(AuthweaveError):
        return checked(url)
    return ""


# ---- while waiting


def _waited(begun: Authorization, wishes: Wishes, look: Callable[[float], T | None]) -> T | None:
    """What `look(seconds)` finds; None where the time is over. At a terminal a line counts down."""
    now = time.time()
    end = time.monotonic() + min(wishes.seconds if wishes.seconds is not None else float("inf"), max(0.0, begun.expires_at - now))
    shows, before = sys.stderr.isatty(), ""
    say(f"waiting, at most {span(end - time.monotonic())}; Ctrl-C gives up")
    try:
        while (left := end - time.monotonic()) > 0:
            if (found := look(min(left, LOOKING))) is not None:
                return found
            words = f"\r\033[K{span(end - time.monotonic())} left" if shows else ""
            if words != before:
                print(words, end="", file=sys.stderr, flush=True)
                before = words
        return None
    finally:
        if before:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def say(text: str) -> None:
    """For the person, and not for a program that reads the output."""
    print(text, file=sys.stderr, flush=True)

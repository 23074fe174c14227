"""A person signs in while a test runs: where their browser was sent, and where it came back to."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable
from urllib.parse import parse_qs, parse_qsl, urlsplit

from authweave.discovery.completing import filled
from authweave.drafts.draft import Placed
from authweave.errors import AuthweaveError, UrlRefused
from authweave.probe.discovery_part import metadata_of
from authweave.probe.ledger import since
from authweave.probe.views import OPEN_IN_REDIRECTS
from authweave.sign_in.links import authorization_request
from authweave.sign_in.three_legs import TOKEN, link

if TYPE_CHECKING:
    from collections.abc import Mapping

    from authweave.connections.connection import Connection
    from authweave.pending import Pending
    from authweave.probe.ledger import Ledger
    from authweave.profile import Variant
    from authweave.values import Authorization, Token


class Goes(Protocol):
    """Plays the person who signs in: goes to what they are sent, and answers the URL they came back to."""

    redirect_uri: str

    def __call__(self, sent: Authorization) -> str:
        """The URL; '' for a device. Raises SignInFailed, WireError."""
        ...


@runtime_checkable
class SignsIn(Protocol):
    """Somebody who does all of it: begins the sign-in of a connection, takes the answer, completes it."""

    def sign_in(self, connection: Connection) -> None:
        """Raises AuthorizationDenied, SignInFailed, UsageError, and what a token call raises."""
        ...


Person = Goes | SignsIn


def signed_in(ledger: Ledger, person: Person, connection: Connection, variant: Variant) -> None:
    """Let the person sign in, and note the way of their browser and how it ended. Raises what signing in raises."""
    watched: Any = Watched(ledger, connection, variant)
    start = time.monotonic()
    if isinstance(person, SignsIn):
        person.sign_in(watched)
    else:
        _sent_and_back(person, watched)
    ledger.stage("sign_in", "ok", since(start), watched.words)


def _sent_and_back(person: Goes, connection: Connection) -> None:
    try:
        sent = connection.begin_authorization().result()
    except UrlRefused as error:
        if error.reason != "relative":
            raise
        sent = connection.begin_authorization(redirect_uri=person.redirect_uri).result()
    answer = person(sent)
    if sent.kind == "device":
        connection.await_authorization().result()
    else:
        connection.complete_authorization(answer).result()


class Watched:
    """A connection as who signs in sees it. What they are sent and what came back is noted on the way."""

    def __init__(self, ledger: Ledger, connection: Connection, variant: Variant) -> None:
        self.words = "a person signed in"
        self._ledger = ledger
        self._connection = connection
        self._variant = variant
        self._sent: Authorization | None = None
        self._began = time.monotonic()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def begin_authorization(self, **how: Any) -> Pending[Authorization]:
        """As the connection's."""
        pending = self._connection.begin_authorization(**how)
        try:
            self._sent = pending.result()
        except AuthweaveError:
            return pending  # whoever asks for the result hears of it
        self._began = time.monotonic()
        if self._sent.kind == "device":
            self.words = "a person agreed at another device"
            self._ledger.recorder.give_time(max(0.0, self._sent.expires_at - self._ledger.engine.clock()))
        else:
            self._ledger.known.learn("state", dict(parse_qsl(urlsplit(self._sent.url).query)).get("state"))
        return pending

    def complete_authorization(self, answer: str | Mapping[str, str], **how: Any) -> Pending[Token]:
        """As the connection's."""
        sent = self._sent
        came_back = answer if isinstance(answer, str) else _posted_to(sent.url) if sent is not None else ""
        if sent is not None and sent.kind != "device":
            self._ledger.recorder.give_time(time.monotonic() - self._began)
            for name, value in parse_qsl(urlsplit(came_back).query):
                if name not in OPEN_IN_REDIRECTS:
                    self._ledger.known.learn(name, value)
            self._ledger.recorder.browsed(
                sent.url, _placed(self._ledger, self._variant, sent.url), url_key=f"{self._variant.origin}.authorization_url", came_back=came_back,
                seconds=time.monotonic() - self._began,
            )  # fmt: skip
        return self._connection.complete_authorization(answer, **how)


def _posted_to(link: str) -> str:
    """Where a browser came back to that posted its answer (`response_mode=form_post`)."""
    return dict(parse_qsl(urlsplit(link).query)).get("redirect_uri", "")


def _placed(ledger: Ledger, variant: Variant, url: str) -> tuple[Placed, ...]:
    """Which key of the profile put which parameter into the link: it is made once more for that."""
    settings = variant.tokens
    if settings is None:
        return ()
    metadata = metadata_of(ledger, variant)
    settings = filled(settings, metadata) if metadata is not None else settings
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    try:
        if TOKEN in query and variant.own.get("request_token_url") is not None:
            return tuple(link(settings, ledger.scope(), variant.origin, query[TOKEN]).placed)
        pkce = settings.sign_in.pkce if settings.grant_signs_in else ""
        draft = authorization_request(settings, ledger.scope(), variant.origin, state="-", redirect_uri="https://-", challenge="-" if pkce else "")
        return tuple(draft.placed)
    except AuthweaveError:
        return ()

"""What was learned of each server: its last challenge, how often its nonce was used, and whether it was ever accepted."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from authweave.errors import UrlRefused
from authweave.machine.forks import Lock
from authweave.proofs.digest_access.authorization import Turn
from authweave.proofs.digest_access.challenge import DigestChallenge
from authweave.proofs.digest_access.hashes import is_session
from authweave.urls import Origin

MOST_ORIGINS: Final = 1000
MOST_REALMS: Final = 16
LAST: Final = 0xFFFFFFFF
"""The highest count that eight hex digits hold."""


@dataclass(slots=True)
class _Session:
    challenge: DigestChallenge
    cnonce: str
    paths: tuple[str, ...]
    learned_at: str
    count: int = 0
    trusted: bool = False


@dataclass(slots=True)
class _Server:
    """The sessions of one origin by realm, the last one used at the end."""

    sessions: dict[str, _Session] = field(default_factory=dict)


class Spaces:
    """The protection spaces of one credential (RFC 7616 §3.3, §3.6). Safe for threads; a nonce is counted for all of them.

    A space is an origin and a realm. What another origin said is never answered to: `domain` counts only for the paths of
    the origin that named it.
    """

    __slots__ = ("_lock", "_servers")

    def __init__(self) -> None:
        self._servers: dict[Origin, _Server] = {}
        self._lock = Lock()

    def learn(self, url: str, challenge: DigestChallenge) -> None:
        """From now on answer this challenge at the URL's origin."""
        origin = Origin.of(url)
        session = _Session(challenge, _client_nonce(), _paths(url, origin, challenge), _path(url))
        with self._lock:
            server = self._servers.pop(origin, None) or _Server()
            server.sessions.pop(challenge.realm, None)
            server.sessions[challenge.realm] = session
            self._servers[origin] = server
            _shorten(server.sessions, MOST_REALMS)
            _shorten(self._servers, MOST_ORIGINS)

    def turn(self, url: str) -> Turn | None:
        """The next use of what was learned for this URL; None where nothing was."""
        with self._lock:
            session = self._session(url)
            if session is None or session.count >= LAST:
                return None
            session.count += 1
            cnonce = session.cnonce if is_session(session.challenge.hashed_by) else _client_nonce()
            return Turn(session.challenge, session.count, cnonce)

    def known(self, url: str, nonce: str) -> DigestChallenge | None:
        """The challenge that had this nonce, if it is still the one in force."""
        with self._lock:
            session = self._of_nonce(url, nonce)
            return session.challenge if session else None

    def accepted(self, url: str, nonce: str) -> None:
        """The server took an answer with this nonce: it knows the user."""
        with self._lock:
            if session := self._of_nonce(url, nonce):
                session.trusted = True

    def refused(self, url: str, nonce: str, realm: str) -> bool:
        """An answer with this nonce was not taken, and `realm` asks. Is it worth to answer that, because it is another
        realm, because the server had taken this nonce before, or because another thread has learned a newer one since?
        If not, the user's name or password is what is wrong. What has the nonce is forgotten, unless it is of another realm.
        """
        with self._lock:
            server = self._servers.get(Origin.of(url))
            session = self._of_nonce(url, nonce)
            if server is None or session is None or session.challenge.realm != realm != "":
                return True
            del server.sessions[session.challenge.realm]
            return session.trusted

    def next_nonce(self, url: str, nonce: str, following: str) -> None:
        """The server wants another nonce used in place of this one (§3.5, `nextnonce`)."""
        with self._lock:
            if session := self._of_nonce(url, nonce):
                session.challenge = replace(session.challenge, nonce=following)
                session.count, session.cnonce = 0, _client_nonce()

    def _session(self, url: str) -> _Session | None:
        server = self._servers.get(Origin.of(url))
        if server is None:
            return None
        path = _path(url)
        held = [session for session in reversed(server.sessions.values()) if _is_below(path, session.paths)]
        return max(held, key=lambda session: _shared(path, session.learned_at), default=None)

    def _of_nonce(self, url: str, nonce: str) -> _Session | None:
        server = self._servers.get(Origin.of(url))
        sessions = server.sessions.values() if server else ()
        return next((session for session in sessions if session.challenge.nonce == nonce), None)


def _client_nonce() -> str:
    return secrets.token_urlsafe(24)


def _paths(url: str, origin: Origin, challenge: DigestChallenge) -> tuple[str, ...]:
    """The paths of this origin that the challenge is for; none for all. One that leaves out its own URL means nothing."""
    found = [path for named in challenge.domain if (path := _path_at(origin, url, named)) is not None]
    return tuple(found) if _is_below(_path(url), tuple(found)) else ()


def _path_at(origin: Origin, url: str, named: str) -> str | None:
    """The path that a URL of `domain` names at this origin; None for another origin, and for what is no URL."""
    try:
        absolute = urljoin(url, named)
        is_here = absolute.startswith(("http://", "https://")) and Origin.of(absolute) == origin
        return _path(absolute) if is_here else None
    except (ValueError, UrlRefused):
        return None


def _path(url: str) -> str:
    return urlsplit(url).path or "/"


def _shared(one: str, other: str) -> int:
    """How many leading segments two paths share."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one.split("/"), other.split("/"), strict=False)))


def _is_below(path: str, paths: tuple[str, ...]) -> bool:
    return not paths or any(path.startswith(prefix) for prefix in paths)


def _shorten(held: dict[Any, Any], most: int) -> None:
    while len(held) > most:
        del held[next(iter(held))]

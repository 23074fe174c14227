"""A server's challenge, and which of several is answered: RFC 7616 §3.3 and §3.7."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from authweave.answers.challenges import Challenge, challenges
from authweave.proofs.digest_access.hashes import HASHES, SESSION

LONGEST: Final = 8192
"""Characters of a part of a challenge that are taken back to the server; a longer one is not answered."""

MOST_PATHS: Final = 100
"""URLs of a `domain` that are looked at."""

_PRINTABLE: Final = re.compile(r"[\x20-\x7e]*")
_STRENGTH: Final = {name + ending: rank for rank, name in enumerate(HASHES) for ending in ("", SESSION)}


@dataclass(frozen=True, slots=True)
class DigestChallenge:
    """What a server asks for, of which everything is known here.

    `algorithm` is as the server wrote it, '' if it wrote none (then it is MD5); `qop` the way that is answered: auth,
    auth-int, or '' for RFC 2069's. `domain` are the URLs it holds for, none for the whole server.
    """

    realm: str
    nonce: str
    algorithm: str = ""
    qop: str = ""
    opaque: str | None = None
    utf8: bool = False
    userhash: bool = False
    stale: bool = False
    domain: tuple[str, ...] = ()

    @property
    def hashed_by(self) -> str:
        """The algorithm in force."""
        return self.algorithm or "MD5"


def strongest(lines: Iterable[str]) -> DigestChallenge | None:
    """The challenge to answer among these `WWW-Authenticate` lines: of those that are known the one with the strongest
    hash, the first of equals. None where there is no Digest challenge, or none that can be answered."""
    known = [read for found in challenges(lines) if (read := _read(found)) is not None]
    return min(known, key=lambda challenge: _STRENGTH[challenge.hashed_by.upper()], default=None)


def can_go_back(text: str) -> bool:
    """Is it a text that may be taken back to the server in a header?"""
    return len(text) <= LONGEST and _PRINTABLE.fullmatch(text) is not None


def _read(found: Challenge) -> DigestChallenge | None:
    given = found.parameters
    if found.scheme != "digest" or "realm" not in given or "nonce" not in given:
        return None
    algorithm, qop = given.get("algorithm", ""), _qop(given.get("qop"))
    if (algorithm.upper() or "MD5") not in _STRENGTH or qop is None:
        return None
    if not all(map(can_go_back, (given["realm"], given["nonce"], given.get("opaque", "")))):
        return None
    return DigestChallenge(
        realm=given["realm"], nonce=given["nonce"], algorithm=algorithm, qop=qop, opaque=given.get("opaque"),
        utf8=given.get("charset", "").upper() == "UTF-8", userhash=_is_true(given.get("userhash")),
        stale=_is_true(given.get("stale")), domain=tuple(given.get("domain", "").split(maxsplit=MOST_PATHS)[:MOST_PATHS]),
    )  # fmt: skip


def _qop(written: str | None) -> str | None:
    """The quality of protection to answer with; None where all that is offered is unknown.

    `auth` goes before `auth-int`: it needs no body at hand, and it is the one that servers have tried.
    """
    if not written or not written.strip():
        return ""
    offered = {word.strip().lower() for word in written.split(",")}
    return next((known for known in ("auth", "auth-int") if known in offered), None)


def _is_true(text: str | None) -> bool:
    return text is not None and text.lower() == "true"

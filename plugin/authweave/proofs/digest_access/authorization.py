"""The `Authorization` field of Digest, written and read back: RFC 7616 §3.4, RFC 8187 for `username*`."""

from __future__ import annotations

import hmac
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from authweave.answers.challenges import challenges
from authweave.errors import PlacementError
from authweave.proofs.digest_access.challenge import DigestChallenge
from authweave.proofs.digest_access.hashes import is_session, response_to, user_hash
from authweave.values import TaskRequest

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_AUTHORITY_END: Final = re.compile(r"[/?]")
_SPECIAL: Final = re.compile(r'(["\\])')
_ATTRIBUTE: Final = "!#$&+-.^_`|~"
"""What `attr-char` of RFC 8187 §3.2.1 has beside letters and digits."""
_PRINTABLE: Final = "".join(map(chr, range(0x21, 0x7F)))


@dataclass(frozen=True, slots=True)
class Turn:
    """One use of a challenge: how often its nonce has been used now, and the client's own nonce."""

    challenge: DigestChallenge
    count: int
    cnonce: str

    @property
    def nc(self) -> str:
        """The count as it is sent: eight hex digits."""
        return f"{self.count:08x}"


def request_target(url: str) -> str:
    """The path and query of a URL as they stand on the wire; `/` for an empty path."""
    _, _, rest = url.partition("#")[0].partition("://")
    authority = _AUTHORITY_END.split(rest, maxsplit=1)[0]
    path, mark, query = rest[len(authority) :].partition("?")
    return quote((path or "/") + mark + query, safe=_PRINTABLE)


def authorization(turn: Turn, request: TaskRequest, username: str, password: str) -> str:
    """The value of the `Authorization` field. Raises PlacementError, without the value of anything.

    Quoted are the parameters that RFC 7616 §3.4 quotes, and no others. What the server did not ask for is not sent, so
    that servers of RFC 2069 and 2617 understand it.
    """
    challenge = turn.challenge
    username, password = _as_asked(username, challenge), _as_asked(password, challenge)
    _refuse_control(username, "username")
    uri = request_target(request.url)
    answer = response_to(
        challenge.hashed_by, username=username, password=password, method=request.method, uri=uri,
        body=_body(request, challenge), **_common(turn),
    )  # fmt: skip
    shown = [*_user(username, challenge), ("realm", _quoted(challenge.realm)), ("nonce", _quoted(challenge.nonce)), ("uri", _quoted(uri))]
    shown += [("algorithm", challenge.algorithm)] if challenge.algorithm else []
    shown += [("response", _quoted(answer))]
    shown += [("opaque", _quoted(challenge.opaque))] if challenge.opaque is not None else []
    shown += [("qop", challenge.qop), ("nc", turn.nc)] if challenge.qop else []
    shown += [("cnonce", _quoted(turn.cnonce))] if challenge.qop or is_session(challenge.hashed_by) else []
    shown += [("userhash", "true")] if challenge.userhash else []
    return "Digest " + ", ".join(f"{name}={value}" for name, value in shown)


def parameters_of(request: TaskRequest) -> Mapping[str, str] | None:
    """What the Digest credential of a request says; None where it has none."""
    found = challenges([request.header("authorization") or ""])
    return found[0].parameters if found and found[0].scheme == "digest" else None


def is_proven(rspauth: str, turn: Turn, request: TaskRequest, body: bytes, username: str, password: str) -> bool:
    """Does the server's `rspauth` show that it knows the password? `body` is the answer's, for auth-int (§3.5)."""
    challenge = turn.challenge
    wanted = response_to(
        challenge.hashed_by, username=_as_asked(username, challenge), password=_as_asked(password, challenge), method="",
        uri=request_target(request.url), body=body, **_common(turn),
    )  # fmt: skip
    return hmac.compare_digest(wanted.encode(), rspauth.lower().encode(errors="replace"))


def _common(turn: Turn) -> dict[str, str]:
    challenge = turn.challenge
    return {"realm": challenge.realm, "nonce": challenge.nonce, "cnonce": turn.cnonce, "count": turn.nc, "qop": challenge.qop}


def _user(username: str, challenge: DigestChallenge) -> list[tuple[str, str]]:
    """The name hidden where the server wants that, spelt out where it is ASCII, else as RFC 8187 writes it."""
    if challenge.userhash:
        return [("username", _quoted(user_hash(challenge.hashed_by, username, challenge.realm)))]
    if username.isascii():
        return [("username", _quoted(username))]
    return [("username*", f"UTF-8''{quote(username, safe=_ATTRIBUTE)}")]


def _as_asked(text: str, challenge: DigestChallenge) -> str:
    """In normal form where the server says that it keeps UTF-8 (§4); otherwise as it was supplied."""
    return unicodedata.normalize("NFC", text) if challenge.utf8 else text


def _body(request: TaskRequest, challenge: DigestChallenge) -> bytes:
    if challenge.qop != "auth-int":
        return b""
    if request.streamed:
        raise PlacementError("header Authorization: the server wants the body protected (qop auth-int), and it is streamed; send it as bytes")
    return request.body or b""


def _refuse_control(text: str, name: str) -> None:
    if found := _CONTROL.search(text):
        raise PlacementError(f"header Authorization: {name} has a control character at character {found.start() + 1} of {len(text)}")


def _quoted(text: str) -> str:
    return '"' + _SPECIAL.sub(r"\\\1", text) + '"'

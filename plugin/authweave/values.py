"""The frozen values that the whole package speaks in."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Self


class Secret:
    """A value that must not be shown. `reveal()` is the only way to it, and is called where bytes are made for the wire.

    It cannot be printed or formatted (a mark stands in its place), pickled (TypeError), nor compared
    by accident (TypeError; `matches` compares in constant time).
    """

    __slots__ = ("_Secret__value", "origin")

    origin: str
    __value: Any

    def __init__(self, value: Any, origin: str) -> None:
        object.__setattr__(self, "_Secret__value", value)
        object.__setattr__(self, "origin", origin)

    def reveal(self) -> Any:
        """The value itself, with the type its source gave it (text, bytes, or parsed JSON)."""
        return self.__value

    def matches(self, other: object) -> bool:
        """Is `other` (a Secret, text or bytes) the same value? In constant time."""
        mine, theirs = (_as_bytes(v.reveal() if isinstance(v, Secret) else v) for v in (self, other))
        return hmac.compare_digest(mine, theirs)

    @property
    def length(self) -> int:
        """How many characters or bytes it has; 0 of what is neither text nor bytes."""
        return len(self.__value) if isinstance(self.__value, str | bytes) else 0

    @property
    def kind(self) -> str:
        """The name of the value's type."""
        return type(self.__value).__name__

    @property
    def mark(self) -> bytes:
        """Equal for equal values, in this process and its forks; tells nothing of the value. For keys of maps."""
        return hashlib.blake2b(_as_bytes(self.__value), key=_MARK_KEY, digest_size=16).digest()

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a Secret is frozen")

    def __repr__(self) -> str:
        return f"<secret from {self.origin}>"

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        raise TypeError("a Secret is not compared with ==: use .matches()")

    __hash__ = None  # type: ignore[assignment]  # hashing is comparing

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("a Secret is never pickled")

    def __getstate__(self) -> object:
        raise TypeError("a Secret is never pickled")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self


_MARK_KEY: Final = os.urandom(16)


def _as_bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode(errors="surrogatepass")


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a document: 1-based line and column."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a profile: where, what, and what would be right.

    `severity` is "error", "warning" or "info" (a hint); only errors make a profile invalid. Texts hold words of strangers' files
    and their names: what would move a cursor or hide is written as an escape.
    """

    rule: str
    source: str
    mark: Mark | None
    key: str
    message: str
    fix: str = ""
    severity: str = "error"

    def __post_init__(self) -> None:
        for name in ("source", "key", "message", "fix"):
            if not (text := getattr(self, name)).isprintable():
                object.__setattr__(self, name, "".join(part if part.isprintable() else ascii(part)[1:-1] for part in text))

    def __str__(self) -> str:
        place = f"{self.source}:{self.mark.line}:{self.mark.column}" if self.mark else self.source
        key = f"{self.key}: " if self.key else ""
        fix = f"; {self.fix}" if self.fix else ""
        warning = "warning: " if self.severity == "warning" else ""
        return f"{place}: {warning}{key}{self.message}{fix} [{self.rule}]"

    def as_dict(self) -> dict[str, object]:
        """The problem as plain data, for `--format json`."""
        return {
            "rule": self.rule, "severity": self.severity, "source": self.source,
            "line": self.mark.line if self.mark else None, "column": self.mark.column if self.mark else None,
            "key": self.key, "message": self.message, "fix": self.fix,
        }  # fmt: skip


Path = tuple[str | int, ...]


def dotted(path: Path) -> str:
    """A path in a document as people write it: `auth.fields[0].key`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def path_of(key: str) -> Path:
    """The reverse of `dotted`: `auth.fields[0].key` as a path."""
    return tuple(int(index) if index else name for name, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", key))


@dataclass(frozen=True, slots=True)
class Document:
    """One profile as it stands in its file: plain data, and where each part of it was written.

    `data` is made of dict, list, str, int, float, bool and None; `marks[path]` is the place of the value
    at `path`, `key_marks[path]` the place of the key that holds it. `literals[path]` is how a number, boolean
    or null was written (`1.10`, `0x1F`). `problems` were found while reading.
    """

    source: str
    text: str
    data: Any
    marks: Mapping[Path, Mark] = field(default_factory=dict)
    key_marks: Mapping[Path, Mark] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    literals: Mapping[Path, str] = field(default_factory=dict)

    def mark(self, path: Path) -> Mark | None:
        """The place of the value at `path`, or of the nearest part of the document that holds it."""
        for end in range(len(path), -1, -1):
            if found := self.marks.get(path[:end]):
                return found
        return None


JsonSchema = dict[str, Any]
NEVER: Final = float("inf")


if TYPE_CHECKING:
    GivenHeaders = Mapping[str, str] | Iterable[tuple[str, str]]


def _settle(message: TaskRequest | TaskResponse) -> None:
    """Headers as pairs, whatever they were given as. Raises TypeError at once, where the host's own line can be seen."""
    if type(message.headers) is not tuple:
        object.__setattr__(message, "headers", _pairs(message.headers))
    if message.body is not None and not isinstance(message.body, bytes):
        raise TypeError(f"body is bytes, or None for no body; not {type(message.body).__name__}")


def _pairs(given: Any) -> tuple[tuple[str, str], ...]:
    try:
        return tuple((name + "", value + "") for name, value in (given.items() if hasattr(given, "items") else given))
    except (TypeError, ValueError):
        pass
    raise TypeError(f"headers are a map from name to value, or pairs of them, all of text (str): this {type(given).__name__} is not")  # without the values


@dataclass(frozen=True, slots=True)
class TaskRequest:
    """A request in nobody's library: what every door turns into and back.

    `url` is absolute, or relative to the profile's first server; with `path_template=True` its path may hold
    `{key}` for path fields. `headers` are (name, value) pairs in order, made from a map just as well. `body` is bytes, or None for no body;
    `streamed` marks a body that authweave does not hold and cannot send twice. `made_from` is what `authorize` made
    it from, for `handle_response`; it is not part of the value. A finished request is never pickled (TypeError): what it was made
    from is, and is authorized where it arrives. The repr shows the method only: everything else may hold a secret.
    """

    method: str
    url: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes | None = field(default=None, repr=False)
    streamed: bool = False
    path_template: bool = False
    made_from: Any = field(default=None, repr=False, compare=False)

    if TYPE_CHECKING:  # what may be given is more than what is kept

        def __init__(
            self, method: str, url: str, headers: GivenHeaders = (), body: bytes | None = None, streamed: bool = False,
            path_template: bool = False, made_from: Any = None,
        ) -> None: ...  # fmt: skip

    def __post_init__(self) -> None:
        _settle(self)

    def header(self, name: str) -> str | None:
        """The value of a header, whatever its case, or None."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> tuple[object, ...]:
        if self.made_from is not None:
            raise TypeError("an authorized request holds its credential and is never pickled: send the plain one, and authorize it in the other process")
        return TaskRequest, (self.method, self.url, self.headers, self.body, self.streamed, self.path_template)


@dataclass(frozen=True, slots=True)
class TaskResponse:
    """An answer in nobody's library: status, headers (pairs, or a map) and, where it was read, the body. `peer` is the certificate that the
    server showed (DER), where it is known: some seals are bound to it."""

    status: int
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes | None = field(default=None, repr=False)
    peer: bytes | None = field(default=None, repr=False)

    if TYPE_CHECKING:

        def __init__(self, status: int, headers: GivenHeaders = (), body: bytes | None = None, peer: bytes | None = None) -> None: ...

    def __post_init__(self) -> None:
        _settle(self)

    def header(self, name: str) -> str | None:
        """The value of a header, whatever its case, or None."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)


@dataclass(frozen=True, slots=True)
class Token:
    """What a token call gave (RFC 6749 §5.1). Times are Unix seconds; `expires_at` is NEVER where the answer did not say.

    `renew_at` opens the refresh window: from then on one worker renews while callers go on using this one. `proof_key` is
    the key that the token is bound to (RFC 9449): without it the token is of no use.
    """

    access_token: Secret
    expires_at: float = NEVER
    renew_at: float = NEVER
    issued_at: float = 0.0
    refresh_token: Secret | None = None
    id_token: Secret | None = None
    token_type: str = "Bearer"
    scope: str | None = None
    kept: Mapping[str, Any] = field(default_factory=dict)
    proof_key: Secret | None = None

    def as_scope(self) -> dict[str, Any]:
        """The namespace `token` of templates."""
        return {
            "access_token": self.access_token, "refresh_token": self.refresh_token, "id_token": self.id_token,
            "token_type": self.token_type, "scope": self.scope,
            "expires_at": None if self.expires_at == NEVER else self.expires_at,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """What a store holds under a key: sealed bytes. `intent` is what an owner was about to do when last heard of."""

    version: int = 0
    data: bytes | None = field(default=None, repr=False)
    intent: str = ""


@dataclass(frozen=True, slots=True)
class Intent:
    """What an owner of a lease was about to do: spend a refresh token, for the how-manieth time.

    `spends` is the mark of the refresh token (see `spent_mark`), '' for a grant that spends none.
    """

    owner: str
    at: float
    spends: str = ""
    attempt: int = 1

    @property
    def text(self) -> str:
        """As a store keeps it."""
        return f"{self.owner} {self.at:.3f} {self.spends or '-'} {self.attempt}"

    @classmethod
    def of(cls, text: str) -> Self | None:
        """The intent in a store; None if there is none. One that cannot be read is one of somebody unknown."""
        if not text:
            return None
        found = re.fullmatch(r"(\S{1,200}) (\d{1,15}(?:\.\d{1,9})?) (\S{1,64}) (\d{1,6})", text, re.ASCII)
        if found is None:
            return cls("?", 0.0)
        return cls(found[1], float(found[2]), "" if found[3] == "-" else found[3], int(found[4]))


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why the last attempt gave no token. `kind`: refused, unreachable, rate_limited or sign_in_needed.

    `spends` marks the refresh token it is about: one that is dead (sign_in_needed), or one of which nobody knows what
    the server did with it (unreachable). `count` is the how-manieth trouble of its kind in a row; nobody asks again
    before `until` (Unix seconds). The rest is of a refusal: the endpoint's own words (RFC 6749 §5.2), and the mark of
    the client's secrets.
    """

    kind: str
    reason: str
    at: float
    spends: str = ""
    status: int = 0
    error: str | None = None
    error_description: str | None = None
    count: int = 0
    until: float = 0.0
    credentials: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is kept of a key: whose it is, the token, and what went wrong last.

    `rotates`: did the last refresh bring another refresh token? None where nobody knows yet.
    """

    facts: Mapping[str, Any]
    token: Token | None = None
    trouble: Trouble | None = None
    rotates: bool | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """A row of a store, opened. `unreadable` says why its entry could not be: it is then as if absent."""

    version: int = 0
    entry: Entry | None = None
    intent: Intent | None = None
    unreadable: str = ""

    @property
    def token(self) -> Token | None:
        """The token, if there is one."""
        return self.entry.token if self.entry else None

    @property
    def trouble(self) -> Trouble | None:
        """What went wrong last, if it was the last that happened."""
        return self.entry.trouble if self.entry else None


def spent_mark(refresh_token: Secret | None) -> str:
    """What stands for a refresh token in an intent and in a Trouble: 16 hex digits; '' for none."""
    if refresh_token is None:
        return ""
    return hashlib.sha256(b"authweave refresh token\0" + _as_bytes(refresh_token.reveal())).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class TokenKey:
    """Whose token it is. Every part is in the key, so that no token is ever handed to somebody else.

    `secret` is a keyed fingerprint of what an unattended grant sends, or the mark of the refresh token that was given.
    `digest()` is a length-prefixed hash: parts can never run into each other.
    """

    tenant: str
    connection: str
    subject: str
    endpoint: str
    client_id: str
    grant: str
    scopes: str
    audience: str
    inputs: tuple[tuple[str, str], ...]
    secret: str = field(default="", repr=False)

    def facts(self) -> dict[str, Any]:
        """The parts as plain data: what a record repeats, so that reading can verify it."""
        return {
            "tenant": self.tenant, "connection": self.connection, "subject": self.subject, "endpoint": self.endpoint,
            "client_id": self.client_id, "grant": self.grant, "scopes": self.scopes, "audience": self.audience,
            "inputs": [list(pair) for pair in self.inputs], "secret": self.secret,
        }  # fmt: skip

    def digest(self) -> str:
        """The key under which a store keeps the token: 64 hex digits (SHA-256)."""
        parts = [self.tenant, self.connection, self.subject, self.endpoint, self.client_id, self.grant, self.scopes, self.audience]
        for name, value in self.inputs:
            parts += [name, value]
        digest = hashlib.sha256()
        for part in (*parts, self.secret):
            encoded = part.encode()
            digest.update(len(encoded).to_bytes(8, "big") + encoded)
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Authorization:
    """Where a person signs in, and until when. Everything that a bot needs to send them there.

    `kind` is browser (`url` is the link; the browser comes back to `redirect_uri`) or device (the person goes to
    `verification_uri` and types `user_code`; `verification_uri_complete` has it in it, and `interval` seconds lie between
    two polls). `begun_at` and `expires_at` are Unix seconds. Who has the link can sign in with an account of their own, so
    it is for that person alone, and the repr leaves it out.
    """

    kind: str
    url: str = field(default="", repr=False)
    state: str = field(default="", repr=False)
    expires_at: float = 0.0
    begun_at: float = 0.0
    redirect_uri: str = ""
    user_code: str = field(default="", repr=False)
    verification_uri: str = ""
    verification_uri_complete: str = field(default="", repr=False)
    interval: float = 5.0


@dataclass(frozen=True, slots=True)
class Consent:
    """What a sign-in brought: what a grant presents to get the first token, and what is kept of the redirect.

    `code` is the authorization code or the device code, `verifier` that of PKCE; `callback` holds the parameters of the
    redirect, for templates. `more` is what a type of its own put aside when the sign-in began. `issuer` is who was asked.
    """

    code: Secret | None = None
    verifier: Secret | None = None
    redirect_uri: str = ""
    callback: Mapping[str, str] = field(default_factory=dict, repr=False)
    kept: Mapping[str, Any] = field(default_factory=dict, repr=False)
    more: Mapping[str, str] = field(default_factory=dict, repr=False)
    issuer: str = ""


@dataclass(frozen=True, slots=True)
class SignIn:
    """How a user stands with one profile: what a bot forwards when a person must sign in (`as_dict`), and what a platform
    gets back when they have.

    `url` is where they sign in ('' where nothing is left to do, or nobody can say where the browser would come back to:
    `reason` says so); `user_code` is what they type there, at another device. `expires_at` is in Unix seconds: the link's end
    while it is open; afterwards the token's, or None for one that is renewed without them. Who has the link can sign in with an
    account of their own, so it is for that person alone, and the repr leaves it out.
    """

    profile: str
    identity_provider: str = ""
    subject: str = ""
    tenant: str = ""
    is_authorized: bool = False
    url: str = field(default="", repr=False)
    expires_at: float | None = None
    user_code: str = field(default="", repr=False)
    reason: str = ""

    def to_do(self, begun: Authorization | None, reason: str) -> SignIn:
        """The same with what there is to do: a sign-in that was begun."""
        url = (begun.url or begun.verification_uri_complete or begun.verification_uri) if begun else ""
        more: dict[str, Any] = {"url": url, "expires_at": begun.expires_at, "user_code": begun.user_code} if begun else {}
        return replace(self, **more, is_authorized=False, reason=reason)

    def done(self, token: Token | None) -> SignIn:
        """The same with nothing left to do."""
        ends = None if token is None or token.refresh_token is not None or token.expires_at == NEVER else token.expires_at
        return replace(self, is_authorized=True, expires_at=ends)

    def as_dict(self) -> dict[str, Any]:
        """As JSON: url, identity_provider, profile, subject, is_authorized, expires_at (the first and the last may be null); and,
        where there is one, tenant, user_code, reason."""
        more = {"tenant": self.tenant, "user_code": self.user_code, "reason": self.reason}
        return {
            "url": self.url or None, "identity_provider": self.identity_provider, "profile": self.profile, "subject": self.subject,
            "is_authorized": self.is_authorized, "expires_at": self.expires_at, **{key: value for key, value in more.items() if value},
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Judgement:
    """What an API's answer says of the credential.

    `verdict`: accepted (use the answer), send_again (`request` holds the credential renewed), sign_in_needed (`sign_in` says where, if
    that can be said), refused, forbidden, or inconclusive. `reason` says why in a sentence; `error` is the typed error for callers
    that raise. `request` is of the kind that was asked about: a TaskRequest, or a request of httpx or httpx2.
    """

    verdict: str
    reason: str = ""
    request: Any = None
    error: Exception | None = None
    sign_in: SignIn | None = None

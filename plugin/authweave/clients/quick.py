"""The quick way of a task request: header fields that are the same for every request, computed once per token."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from authweave.applying.targets import is_allowed, target_of
from authweave.clients.redirect_guard import Carried, RedirectGuard, carried
from authweave.clients.url_logs import Hidden
from authweave.drafts.draft import Draft, with_header
from authweave.errors import AuthweaveError
from authweave.profile import Field, Profile
from authweave.values import NEVER, Secret, TaskRequest, Token

if TYPE_CHECKING:
    from authweave.applying.sent import Sent
    from authweave.connections.connection import Connection

_CHANGING: Final = frozenset({"now", "uuid", "random"})
_NO_REQUEST: Final = TaskRequest("GET", "")
MOST_ORIGINS: Final = 1000

Homes = dict[tuple[str, bytes, int | None], Carried]


class Quick:
    """The headers of one credential, until when they are good, and the guard of each origin they may go to."""

    __slots__ = ("_hidden", "_homes", "_refuse", "_secrets", "_servers", "good_until", "headers", "held", "held_until", "judges", "sent", "token", "tokens")

    def __init__(self, sent: Sent, connection: Connection) -> None:
        token = sent.token
        self._homes: Homes = {}
        self._servers = connection.servers(sent.scope)
        self._refuse = connection.outgoing.refuse if connection.engine.guard is not None else None
        self.sent = _without_request(sent)
        self.token = token
        self.tokens = sent.credential.tokens
        self.headers = tuple((placed.key, sent.request.header(placed.key) or "") for placed in sent.placed)
        self._secrets = [(sent.request.header(placed.key) or "").rpartition(" ")[2] for placed in sent.placed if placed.secret]
        self._hidden = Hidden([*sent.secrets(), *(Secret(text, "the request") for text in self._secrets)])
        self.judges = bool(sent.credential.variant.rejected_when)
        self.held = sent.credential.held
        self.held_until = self.held.good_until if self.held is not None else NEVER
        self.good_until = min(self._renewal_of(token), token.expires_at if token else NEVER, connection.inputs_until, self.held_until)

    def _renewal_of(self, token: Token | None) -> float:
        """When the token has to be asked for again: one that is no longer at hand, at once."""
        if token is None or self.tokens is None:
            return NEVER
        return self.tokens.renew_at if self.tokens.current is token else 0.0

    def sent_for(self, request: TaskRequest, now: float) -> Sent | None:
        """A task request with these headers; None where they have to be computed anew, or the URL's path is to be filled.

        Raises OriginRefused, UrlRefused, EgressRefused, as `placed` does.
        """
        is_over = self.tokens is not None and self.tokens.current is not self.token
        if is_over or now >= self.good_until or (self.held is not None and self.held.good_until != self.held_until):
            return None
        url, is_template = target_of(request, self._servers)
        if is_template:
            return None
        if self._refuse is not None:
            self._refuse(url)
        draft = Draft.of(request, url)
        for name, value in self.headers:
            draft.headers = with_header(draft.headers, name, value)
        return self.sent.of(draft.finish())

    def guard(self, url: Any) -> RedirectGuard | None:
        """The guard of one request, or None where the credential may not go the quick way to this URL."""
        key = (url.scheme, url.raw_host, url.port)
        home = self._homes.get(key)
        if url.userinfo:
            return None
        if home is None:
            if not is_allowed(str(url), self._servers) or not self._may_depart(str(url)):
                return None
            if len(self._homes) >= MOST_ORIGINS:
                self._homes.clear()
            home = self._homes[key] = carried(*key, (name for name, _ in self.headers), secrets=self._secrets, hidden=self._hidden)
        return RedirectGuard(home)

    def _may_depart(self, url: str) -> bool:
        """Is nothing against it? If there is, the whole way says what."""
        try:
            if self._refuse is not None:
                self._refuse(url)
        except AuthweaveError:
            return False
        return True


def _without_request(sent: Sent) -> Sent:
    """What another request is made from: the body of the first one is not kept for as long as the connection lives."""
    return replace(sent, request=_NO_REQUEST, scope={name: value for name, value in sent.scope.items() if name != "request"})


def quick_of(sent: Sent, connection: Connection) -> Quick | None:
    """The quick way of what was just prepared, if its profile allows one."""
    return Quick(sent, connection) if connection.is_steady else None


def is_steady(profile: Profile) -> bool:
    """One variant, nothing but headers that read neither the request nor anything that changes by itself, and no judge that does."""
    if len(profile.variants) != 1 or profile.variants[0].when is not None or profile.variants[0].seal is not None:
        return False
    if any(rule.when is not None and not _reads_nothing_new(rule.when, profile.vars) for rule in profile.variants[0].rejected_when):
        return False
    return all(_is_steady(field, profile.vars) for field in (*profile.fields, *profile.variants[0].fields))


def _is_steady(field: Field, variables: Any) -> bool:
    if field.placement.name != "header" or field.when is not None or field.on_conflict != "replace":
        return False
    return _reads_nothing_new(field.value, variables)


def _reads_nothing_new(value: Any, variables: Any) -> bool:
    """Neither the value nor a variable behind it; each variable is looked at once."""
    seen: set[str] = set()
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if one.functions & _CHANGING or any(read[0] in ("request", "signature") or read == ("vars",) for read in one.reads):
            return False
        names = {read[1] for read in one.reads if read[0] == "vars"} - seen
        seen |= names
        waiting += [variables[name] for name in names]
    return True

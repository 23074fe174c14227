"""The door for requests: `requests.get(url, auth=ProfileAuth("acme-crm,tenant=blue"))`, or `session.auth = …`.

A request that got its credential is of a class of its own, which remembers how it was before. When a session follows a
redirect it copies the request, and the copy settles by itself what goes along: on the same origin it is authorized anew,
anywhere else what was placed is taken out.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit

try:
    import requests
    from requests.auth import AuthBase
except ImportError:
    raise ImportError("authweave.hosts.requests needs requests: pip install 'authweave[requests]'") from None

from authweave.applying.redirected import at_redirect
from authweave.applying.verdicts import STRAYED, wants_body
from authweave.clients.url_logs import Hidden, hide_in_logs
from authweave.connections.authorizing import Made
from authweave.errors import AuthweaveError, OriginRefused, UsageError
from authweave.hosts.path_templates import checked
from authweave.hosts.placed_cookies import take_out_cookies
from authweave.hosts.placed_urls import led_to, refuse_repeated
from authweave.hosts.prepared_requests import (
    answer_of,
    body_of,
    can_repeat,
    drain,
    has_payload,
    is_same,
    origin_of,
    rewind,
    shown,
    take_out,
    task_of,
    write,
)
from authweave.hosts.telling import explained, tell
from authweave.hosts.whose import Whose
from authweave.values import Judgement, TaskRequest

if TYPE_CHECKING:
    from authweave.connections.connection import Connection
    from authweave.engine import Engine
    from authweave.hosts.named import Named

ATTRIBUTE: Final = "authweave"


def judgement_of(response: requests.Response) -> Judgement | None:
    """What the answer said of the credential; None for a request that got none of ours. It is also `response.authweave`."""
    return response.__dict__.get(ATTRIBUTE)


def sent_for(response: requests.Response) -> TaskRequest | None:
    """The finished request that this answers, and which knows what it was made from; None where nothing of ours went along."""
    applied = _applied(response.request)
    return None if applied is None or applied.strayed else applied.sent


class ProfileAuth(AuthBase):
    """Applies a profile to the requests of `requests`. Safe to share between sessions and threads; can be copied and pickled.

    `profile` is a name as `Named.of` reads it, or a connection, which is used as it is. Raises, before anything is sent,
    UsageError, ProfileError, SettingsError, ApplyError (NeedsClient for a profile with `tls`), InputError, TokenError,
    WireError. Never raises for the API's answer: it comes back as it is, see `judgement_of`; a refusal is logged once. The `url` of an
    answer, which `raise_for_status` puts into its message, is without what the profile placed; `request.url` is as it was sent.
    """

    def __init__(
        self, profile: Named | Connection | str | Mapping[str, Any], *, engine: Engine | None = None, path: str | None = None
    ) -> None:
        self._whose = Whose.of(profile, engine)
        self.path = checked(path)

    @property
    def named(self) -> Named:
        """The connection's name, for people."""
        return self._whose.named

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        """Give the request its credential, and see to its answer."""
        known = _applied(r)
        if known is None:
            r.register_hook("response", answered)
        else:
            take_out(r, known.plain, known.sent)
        applied = self.applied(r, self.path)
        kind: Any = type(r)
        r.__class__ = _guarded(kind)
        vars(r)[_APPLIED] = applied
        return r

    def __repr__(self) -> str:
        return f"ProfileAuth({str(self.named)!r})"

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> tuple[object, ...]:
        if self._whose.given is not None or self._whose.engine is not None:
            raise UsageError("a ProfileAuth with a connection or an engine of its own stays in its process; name the profile, and share_engine() there")
        return functools.partial(type(self), path=self.path), (self.named,)

    def at(self, path: str) -> ProfileAuth:
        """The same for one request, whose path is this template: `auth.at('/bot{token}/getMe')`. Raises UsageError."""
        return type(self)(self._whose.given or self.named, engine=self._whose.engine, path=path)

    def connection(self) -> Connection:
        """The connection, looked up anew: an edited profile counts. Raises what `Named.connection` raises."""
        return self._whose.connection()

    def applied(self, request: requests.PreparedRequest, path: str | None = None) -> Applied:
        """Change the request into one with the credential."""
        plain = task_of(request, path)
        with explained(self.named):
            connection = self.connection()
            sent = connection.authorize(plain).result()
        write(request, plain, sent)
        return Applied(self, connection, plain, sent, hidden=_hide(sent))

    def tell(self, judgement: Judgement) -> None:
        """Say that a credential was refused, where people look."""
        tell(self.named, judgement)


@dataclass(frozen=True, slots=True)
class Applied:
    """What a request was before (`plain`) and how it was finished (`sent`).

    `is_copy`: copied, and not yet known where to. `strayed`: it goes to another origin and carries nothing. `failure` is
    raised when it is sent. `hidden` are the values that urllib3 does not log while it is under way.
    """

    auth: ProfileAuth
    connection: Connection
    plain: TaskRequest
    sent: TaskRequest
    is_copy: bool = False
    is_hop: bool = False
    strayed: bool = False
    failure: AuthweaveError | None = None
    hidden: Hidden | None = None


_APPLIED: Final = "_authweave_applied"


class Guarded(requests.PreparedRequest):
    """A request that carries a credential, and takes it to no other origin, whoever copies or changes it.

    Pickled, it is the plain request that it was before: credentials stay out of caches and other processes.
    """

    @property
    def hooks(self) -> Any:
        """Read by a session right before it sends. Raises OriginRefused, or why no credential could be had for a redirect."""
        applied = _applied(self)
        if applied is not None and (failure := _refusal(self, applied)) is not None:
            raise failure
        return vars(self)["hooks"]

    @hooks.setter
    def hooks(self, hooks: Any) -> None:
        vars(self)["hooks"] = hooks

    def copy(self) -> requests.PreparedRequest:
        """A copy that knows what it carries."""
        copied = super().copy()
        if (applied := _applied(self)) is not None:
            copied.__class__ = type(self)
            vars(copied)[_APPLIED] = replace(applied, is_copy=True)
        return copied

    def prepare_cookies(self, cookies: Any) -> None:
        """The last thing that is done to a copy which follows a redirect, when its method, URL, headers and body are final."""
        super().prepare_cookies(cookies)
        applied = _applied(self)
        if applied is not None and applied.is_copy:
            vars(self)[_APPLIED] = _arrived(self, applied)

    def prepare_auth(self, auth: Any, url: Any = "") -> None:
        """On the way of a redirect a `.netrc` does not replace the profile's credential."""
        applied = _applied(self)
        if applied is None or applied.strayed or not applied.is_hop:
            super().prepare_auth(auth, url)

    def __copy__(self) -> requests.PreparedRequest:
        return self.copy()

    def __deepcopy__(self, memo: object) -> requests.PreparedRequest:
        return self.copy()

    def __reduce_ex__(self, protocol: Any) -> Any:
        base: Any = type(self).__mro__[2] if type(self) is not Guarded else requests.PreparedRequest
        plain = base.__new__(base)
        plain.__dict__.update({name: value for name, value in vars(self).items() if name != _APPLIED})
        plain.headers = self.headers.copy()
        hooks = vars(self)["hooks"]
        plain.hooks = {event: [hook for hook in hooks[event] if hook is not answered] for event in hooks}
        if (applied := _applied(self)) is not None and not applied.strayed:
            take_out(plain, applied.plain, applied.sent)
            plain.url = self.url if applied.plain.url == applied.sent.url else applied.plain.url
        return _plain, (base, vars(plain))


def _plain(kind: Any, state: dict[str, Any]) -> requests.PreparedRequest:
    """A request of this kind, as it was pickled."""
    request: requests.PreparedRequest = kind.__new__(kind)
    vars(request).update(state)
    return request


def answered(response: requests.Response, **options: Any) -> requests.Response:
    """The hook: judge the answer, and send again what can be accepted then. `options` are what the session sent with."""
    applied = _applied(response.request)
    if applied is None:
        return response
    if applied.strayed or origin_of(response.request.url) != origin_of(applied.sent.url):
        return _marked(response, STRAYED)
    streams = bool(options.get("stream"))
    while True:
        may_repeat = can_repeat(response.request) and hasattr(getattr(response, "connection", None), "send")
        answer = _answer(response, applied.sent, streams)
        judgement = applied.connection.handle_response(applied.sent, answer, can_repeat=may_repeat).result()
        if judgement.verdict != "send_again" or judgement.request is None:
            break
        after = replace(applied, sent=judgement.request)
        response, applied = _sent_again(response, applied, after, options), after
    applied.auth.tell(judgement)
    response.url = shown(response, applied.plain, applied.sent)
    return _marked(response, judgement)


def _hide(sent: TaskRequest) -> Hidden | None:
    """See to it that urllib3 logs the URL without the secrets in it, as long as what comes back is held."""
    if not isinstance(sent.made_from, Made):
        return None
    return hide_in_logs(sent.url, sent.made_from.sent.placed, sent.made_from.sent.secrets())


def _answer(response: requests.Response, sent: TaskRequest, streams: bool) -> Any:
    """The answer, its body only where a rule reads it, and it is small and sized."""
    answer = answer_of(response)
    made = sent.made_from
    if isinstance(made, Made) and wants_body(made.sent.credential.variant, answer):
        return answer_of(response, body_of(response, stream=streams))
    return answer


def _sent_again(response: requests.Response, applied: Applied, after: Applied, options: dict[str, Any]) -> requests.Response:
    """The answer to the request with its credential finished anew, over the same adapter."""
    before = response.request
    drain(response, stream=bool(options.get("stream")))
    again = requests.PreparedRequest.copy(before)
    again.__class__ = type(before)
    write(again, applied.sent, after.sent)
    rewind(again)
    vars(again)[_APPLIED] = replace(after, hidden=_hide(after.sent))
    begun = time.perf_counter()
    following = response.connection.send(again, **options)
    following.elapsed = timedelta(seconds=time.perf_counter() - begun)
    following.history = [*response.history, response]
    return following


def _arrived(hop: Guarded, applied: Applied) -> Applied:
    """Where a redirect leads is known: the copy gets a credential of its own there, or none."""
    carried = hop.body is not None and has_payload(applied.plain, applied.sent)
    take_out(hop, applied.plain, applied.sent)
    applied = replace(applied, is_copy=False, is_hop=True)
    home = origin_of(applied.sent.url)
    if applied.strayed or home is None or origin_of(hop.url) != home:
        take_out_cookies(hop.headers, applied.sent)
        return replace(applied, strayed=True, failure=_left_in(hop, applied, carried))
    url, is_template = led_to(hop.url or "", applied.sent)
    failure: AuthweaveError
    try:
        return replace(applied.auth.applied(hop, urlsplit(url).path if is_template else None), is_hop=True)
    except AuthweaveError as error:
        failure = at_redirect(error)
    return replace(applied, failure=failure)


def _left_in(hop: Guarded, applied: Applied, carried: bool) -> OriginRefused | None:
    """Why a redirect to another origin is not followed: what was placed cannot be told from the rest of it."""
    if carried:
        return OriginRefused("a redirect would carry the body, and in it what the profile placed, to another origin; it was not followed")
    failure: OriginRefused
    try:
        refuse_repeated(hop.url or "", applied.sent)
    except OriginRefused as error:
        failure = error.fresh()
    else:
        return None
    return failure


def _refusal(request: Guarded, applied: Applied) -> AuthweaveError | None:
    """Why the request cannot be sent as it is now."""
    if applied.failure is not None:
        return applied.failure.fresh()
    if applied.strayed or _is_empty(applied) or origin_of(request.url) == origin_of(applied.sent.url):
        return None
    return OriginRefused("the URL of the request was changed to another origin after it got its credential")


def _is_empty(applied: Applied) -> bool:
    """Does nothing of the profile's go along, and nothing that answers a challenge later?"""
    made = applied.sent.made_from
    return is_same(applied.plain, applied.sent) and not (isinstance(made, Made) and made.sent.awaits_challenge)


def _applied(request: Any) -> Applied | None:
    found = getattr(request, _APPLIED, None)
    return found if isinstance(found, Applied) else None


def _marked(response: requests.Response, judgement: Judgement) -> requests.Response:
    vars(response)[ATTRIBUTE] = judgement
    return response


@functools.cache
def _guarded(kind: Any) -> Any:
    """The class of requests with a credential, for one kind of requests: some libraries have their own."""
    if issubclass(kind, Guarded):
        return kind
    return Guarded if kind is requests.PreparedRequest else type(f"Guarded{kind.__name__}", (Guarded, kind), {})

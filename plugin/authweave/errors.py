"""The one error tree.

    AuthweaveError
    ├── UsageError               a command or call that cannot be carried out as written
    │   ├── EditRefused          a profile's file cannot be changed in one place alone
    │   └── EngineClosed         the engine was closed, and begins nothing any more
    ├── SettingsError            an operator's setting is wrong
    ├── ExtensionError           a plugin is broken, unknown or clashes with another
    │   └── ExtensionFailed      … or did, while in use, what its contract does not allow
    ├── ProfileError             a profile is not valid (carries every Problem)
    │   └── LimitRefused         … or uses what a tenant's profiles may not use
    ├── PatternError             an author's regular expression is not of the common, linear kind
    ├── TemplateSyntax           a template or URL is written in a way that profiles do not allow (becomes a Problem)
    ├── InputError               a value somebody has to supply
    │   ├── MissingInput         … is missing or empty
    │   ├── InvalidInput         … does not have the declared form
    │   └── KeyRefused           … is a key that cannot sign as the profile wants it
    ├── ApplyError               a task request cannot be given its credential
    │   ├── TemplateError        a template ended without a usable value
    │   ├── UrlRefused           a URL is not one that a credential may go to
    │   ├── PlacementError       a field cannot be put where it belongs
    │   ├── NoServers            nobody said which origins may get the credential
    │   ├── OriginRefused        the request goes to another origin
    │   ├── NoVariant            no `when` of the variants is true
    │   ├── SigningError         a request cannot be signed
    │   ├── NeedsClient          this profile promises more than this door can keep
    │   └── AssertionRefused     an assertion cannot be made as the profile describes it
    ├── WireError                a call that authweave makes itself got no usable answer
    │   ├── DnsFailure, ConnectFailure, TlsFailure, ProxyFailure, ProtocolFailure
    │   ├── DeadlineExceeded     the total deadline passed
    │   ├── AnswerTooLarge       more than the cap, decoded
    │   └── EgressRefused        the address is not one that may be called
    ├── TokenError               no token could be had
    │   ├── TokenEndpointError   the token endpoint refused, in its own words (RFC 6749 §5.2)
    │   ├── TokenAnswerError     an answer that holds no usable token
    │   ├── RateLimited          the token endpoint asked to wait
    │   ├── EndpointPaused       the token endpoint failed again and again, and is left alone for a while
    │   ├── DiscoveryError       metadata that say where and how tokens are got cannot be had, or not be believed
    │   ├── RegistrationError    the server does not register us as a client (RFC 7591 §3.2.2)
    │   ├── SignInNeeded         only a person can give a new token: sign in again
    │   │   └── AuthorizationRequired  … and here is the link to send them
    │   └── SignInFailed         a sign-in that was begun gave no token
    │       ├── AuthorizationDenied  the person or the authorization server said no (RFC 6749 §4.1.2.1, RFC 8628 §3.5)
    │       └── CallbackRefused  what came back is not the answer to what was begun
    ├── StoreUnavailable         the token store gives no answer, or cannot write
    ├── ApiError                 the API's answer, for doors that raise
    │   ├── CredentialRejected   401, or `rejected_when`
    │   ├── InsufficientScope    403 with insufficient_scope (RFC 6750 §3.1)
    │   └── ServerUnproven       the server did not prove that it is the one that was asked
    └── UnexpectedFailure        a store, a plugin or authweave itself failed in a way that should not be

Every error has fields first and makes its message from them. No message holds a secret. An error
can be copied: each waiter of a flight raises its own `fresh()` copy, so that no frame, cause or
context of the worker hangs on it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, ParamSpec, Self, TypeVar

from authweave.values import Authorization, Problem, SignIn

Given = ParamSpec("Given")
Value = TypeVar("Value")


class AuthweaveError(Exception):
    """Root of the tree. `code` is stable and names the diagnosis; `retry` says whether trying again can help.

    `is_of_answer`: it came up while an answer was read, so that the call it is about was made. `step` names the step of a
    token call it came up in; `is_unspent`: that was before the token request, so that nothing was presented there.
    """

    code: ClassVar[str] = "error"
    retry: ClassVar[bool] = False
    is_of_answer: bool = False
    is_unspent: bool = False
    step: str = ""

    def of_step(self, name: str) -> Self:
        """A fresh copy that names the step of a token call it came up in."""
        copy = self.fresh()
        copy.args = (f"step {name}: {self}",)
        copy.step = name
        return copy

    def fresh(self) -> Self:
        """The same error without traceback, cause and context."""
        copy = type(self).__new__(type(self), *self.args)
        copy.__dict__.update({name: value for name, value in self.__dict__.items() if name != "__notes__"})
        return copy

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuilt, (type(self), self.args, self.__dict__)


def without_arguments(call: Callable[Given, Value]) -> Callable[Given, Value]:
    """The call, whose errors of the tree have no frame that holds what it was given: inputs, URLs with a password."""

    @functools.wraps(call)
    def called(*arguments: Given.args, **named: Given.kwargs) -> Value:
        failure: AuthweaveError
        try:
            return call(*arguments, **named)
        except AuthweaveError as error:
            failure = error.fresh()
        del arguments, named
        raise failure

    return called


def _rebuilt(cls: type[AuthweaveError], args: tuple[object, ...], fields: dict[str, object]) -> AuthweaveError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(fields)
    return error


class UsageError(AuthweaveError):
    """A command or call that cannot be carried out as written; the message says what would be right."""

    code = "usage"


class EditRefused(UsageError):
    """A profile's file cannot be changed in one place alone; it is as it was. `key` is what should have been changed."""

    code = "usage"

    def __init__(self, key: str, message: str) -> None:
        super().__init__(f"{key}: {message}" if key else message)
        self.key = key


class EngineClosed(UsageError):
    """The engine was closed in this process: it begins nothing any more, and nothing was sent."""

    code = "engine_closed"

    def __init__(self, message: str = "the engine was closed in this process: make another, or close it later") -> None:
        super().__init__(message)


class SettingsError(AuthweaveError):
    """An operator's setting is wrong; the message names where it was read from."""

    code = "settings"


class ExtensionError(AuthweaveError):
    """A plugin is broken, implements an unknown hook, or registers a name that is taken."""

    code = "extension"


class ExtensionFailed(ExtensionError):
    """An extension raised a foreign error while in use, or answered what its contract does not know. Nothing was sent.

    `extension` is its kind, name and distribution in words. Of what it raised only the type and the place are told: its words
    and frames may hold a secret.
    """

    code = "extension_failed"

    def __init__(self, message: str, *, extension: str = "", distribution: str = "") -> None:
        super().__init__(message)
        self.extension = extension
        self.distribution = distribution


class ProfileError(AuthweaveError):
    """A profile is not valid. `problems` holds every one that was found, in the order of the file."""

    code = "profile_invalid"

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class LimitRefused(ProfileError):
    """A profile names what the limits of a tenant do not (docs/limits.md). Nothing was looked at to find that out: whether what it
    names is there is not known here, and nothing in the error depends on it. `problems` holds each, with its place."""

    code = "limit_refused"


class TemplateSyntax(AuthweaveError):
    """A template or URL is written in a way that profiles do not allow; found when it is loaded.

    `offset` counts characters from the start of the text; `fix` says what would be right.
    """

    code = "template_syntax"

    def __init__(self, message: str, *, fix: str = "", offset: int = 0, key: str = "", place: str = "") -> None:
        where = " ".join(part for part in (place, key) if part)
        super().__init__((f"{where}: " if where else "") + message + (f"; {fix}" if fix else ""))
        self.message = message
        self.fix = fix
        self.offset = offset
        self.key = key
        self.place = place

    def at(self, key: str, place: str) -> Self:
        """The same error, found in a template that stands at `key`."""
        return type(self)(self.message, fix=self.fix, offset=self.offset, key=key, place=place)


class PatternError(AuthweaveError):
    """An author's regular expression is not of the kind that is run here. `fix` says what to write instead."""

    code = "profile_invalid"

    def __init__(self, message: str, fix: str = "") -> None:
        super().__init__(f"{message}; {fix}" if fix else message)
        self.message = message
        self.fix = fix


class InputError(AuthweaveError):
    """A value that somebody has to supply. `name` is the input; the value itself is never kept."""

    code = "secret_unresolved"

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


class MissingInput(InputError):
    """Inputs in force were not supplied, or supplied empty. `names` are all of them, `name` the first."""

    def __init__(self, name: str, message: str, names: Sequence[str] = ()) -> None:
        super().__init__(name, message)
        self.names = tuple(names) or (name,)


class InvalidInput(InputError):
    """An input was supplied in a form that its declaration does not allow."""

    code = "input_invalid"


class KeyRefused(InputError):
    """A key was supplied that cannot sign as the profile wants it. `name` is the key of the profile that reads it.

    `reason` is one word: type, curve, small, public_key, certificate, encrypted, password, several, unreadable, confusion,
    mismatch, expired, not_yet_valid. `what` and `fix` are the halves of the message.
    """

    code = "key_refused"

    def __init__(self, name: str, reason: str, what: str, fix: str) -> None:
        super().__init__(name, f"{name} {what}; {fix}")
        self.reason = reason
        self.what = what
        self.fix = fix


class ApplyError(AuthweaveError):
    """A task request cannot be given its credential; nothing was sent."""

    code = "apply"


class TemplateError(ApplyError):
    """A template ended without a usable value. Names the template's key and line, never a value.

    `missing` is the path that is null (`response.json.token`), if that is why.
    """

    code = "template"

    def __init__(self, where: str, message: str, *, missing: str = "") -> None:
        super().__init__(f"{where}: {message}" if where else message)
        self.where = where
        self.missing = missing


class UrlRefused(ApplyError):
    """A URL is not one that a credential may go to, or not a URL. Names the place, never the URL.

    `reason` is one word: scheme, userinfo, host, port, path, query, fragment, characters, relative, frame,
    placeholder, wildcard.
    """

    code = "url_refused"

    def __init__(self, where: str, reason: str, message: str) -> None:
        super().__init__(f"{where}: {message}" if where else message)
        self.where = where
        self.reason = reason


class PlacementError(ApplyError):
    """A field cannot be put where the profile wants it. Names the field, never its value; what of a name cannot be printed is escaped:
    authors choose names, and a line break in one would be a line of its own in a log."""

    code = "placement"

    def __init__(self, message: str) -> None:
        super().__init__(message if message.isprintable() else "".join(part if part.isprintable() else ascii(part)[1:-1] for part in message))


class NoServers(ApplyError):
    """Neither the profile nor the host said which origins may receive the credential."""

    code = "no_servers"


class OriginRefused(ApplyError):
    """The request goes to an origin that is not among `servers`."""

    code = "origin_refused"


class NoVariant(ApplyError):
    """None of the variants' `when` conditions is true."""

    code = "no_variant"


class SigningError(ApplyError):
    """A request cannot be signed: the key is not of the algorithm's kind, or what is to be signed is not at hand. Never names a key."""

    code = "signing"


class NeedsClient(ApplyError):
    """The profile promises what only `client()` can keep (`tls`, strict egress)."""

    code = "needs_client"


class AssertionRefused(ApplyError):
    """An assertion cannot be made as the profile describes it. `where` is the key that is wrong, `fix` what would be right."""

    code = "assertion_refused"

    def __init__(self, where: str, what: str, fix: str) -> None:
        super().__init__(f"{where} {what}; {fix}")
        self.where = where
        self.what = what
        self.fix = fix


class WireError(AuthweaveError):
    """A call that authweave made itself got no usable answer. `stage` names where it ended, `host` whom it was for.

    `facts` are what a diagnosis may quote: dates and names of a certificate, the variable a proxy came from.
    """

    code = "wire"
    retry = True

    def __init__(
        self, message: str, *, stage: str, host: str, detail: str = "", facts: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(message)
        self.stage = stage
        self.host = host
        self.detail = detail
        self.facts = dict(facts or {})


class DnsFailure(WireError):
    """The host has no address, or no resolver answered."""

    code = "dns_failure"


class ConnectFailure(WireError):
    """Nothing listens there, or the connection was not made in time. `detail`: refused, timeout, unreachable, reset."""

    code = "connect_refused"


class TlsFailure(WireError):
    """The TLS handshake failed. `detail` names which way: see `wire.TLS_DETAILS`."""

    code = "tls"
    retry = False


class ProxyFailure(WireError):
    """The proxy refused, or wants credentials."""

    code = "proxy"
    retry = False


class ProtocolFailure(WireError):
    """What came back is not HTTP, or ended in the middle."""

    code = "protocol"


class DeadlineExceeded(WireError):
    """The total deadline passed: the server may have processed the request."""

    code = "read_timeout"


class AnswerTooLarge(WireError):
    """The answer is larger than the cap once decoded."""

    code = "answer_too_large"
    retry = False


class EgressRefused(WireError):
    """The address, port or scheme is not one that may be called."""

    code = "egress_refused"
    retry = False


class TokenError(AuthweaveError):
    """No token could be had."""

    code = "token"


class TokenEndpointError(TokenError):
    """The token endpoint refused. Fields are the server's own words: RFC 6749 §5.2.

    `asked_again_at` in Unix seconds: nobody asks before that, and whoever comes gets this error at once.
    """

    code = "token_endpoint"

    def __init__(
        self, *, status: int, url: str, error: str | None = None, error_description: str | None = None,
        error_uri: str | None = None, asked_again_at: float = 0.0, wait: float = 0.0, asked: str = "the token request",
    ) -> None:  # fmt: skip
        words = error or f"status {status}"
        described = f": {error_description}" if error_description else ""
        paused = f" (not asked again for {wait:.0f} s)" if wait > 0 else ""
        super().__init__(f"{url} refused {asked} ({status}): {words}{described}{paused}")
        self.status = status
        self.url = url
        self.error = error
        self.error_description = error_description
        self.error_uri = error_uri
        self.asked_again_at = asked_again_at


class TokenAnswerError(TokenError):
    """An answer that holds no usable token. `kind` is the diagnosis code, `fields` the names (never values) seen."""

    code = "token_answer"

    def __init__(self, kind: str, message: str, *, status: int, url: str, fields: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.kind = kind
        self.status = status
        self.url = url
        self.fields = tuple(fields)


class RateLimited(TokenError):
    """The token endpoint asked to wait. `retry_at` is in Unix seconds."""

    code = "rate_limited"
    retry = True

    def __init__(self, *, url: str, status: int, retry_at: float, wait: float) -> None:
        super().__init__(f"{url} asked to wait ({status}): try again in {wait:.0f} s")
        self.url = url
        self.status = status
        self.retry_at = retry_at


class EndpointPaused(TokenError):
    """The token endpoint failed again and again; nobody asks it before `retry_at` (Unix seconds)."""

    code = "endpoint_paused"
    retry = True

    def __init__(self, *, url: str, reason: str, retry_at: float, wait: float) -> None:
        super().__init__(f"{url} is left alone for {max(wait, 0.0):.0f} s after repeated failures: {reason}")
        self.url = url
        self.reason = reason
        self.retry_at = retry_at


class DiscoveryError(TokenError):
    """Metadata (RFC 8414, OpenID Connect Discovery, RFC 9728) cannot be had, or not be believed. Nothing of a token was sent.

    `kind` is one word: not_found, unreachable, unreadable, issuer, issuer_mismatch, resource, resource_mismatch, no_server,
    endpoint, endpoint_missing. `url` is what was asked, without its query; `status` the answer's, 0 without one.
    `said` is the other issuer or resource that metadata name, if they do: nothing to believe before it was asked itself.
    """

    code = "discovery"

    def __init__(self, kind: str, message: str, *, url: str, status: int = 0, retry: bool = False, said: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.url = url
        self.status = status
        self.said = said
        self.retry = retry  # type: ignore[misc]  # of this error alone: a server that does not answer may do so later


class RegistrationError(TokenError):
    """The authorization server does not register this client. Fields are its own words: RFC 7591 §3.2.2."""

    code = "registration"

    def __init__(self, message: str, *, status: int, url: str, error: str | None = None, error_description: str | None = None) -> None:
        words = ": ".join(word for word in (error, error_description) if word)
        super().__init__(f"{url}: {message}" + (f" ({words})" if words else ""))
        self.status = status
        self.url = url
        self.error = error
        self.error_description = error_description


class SignInNeeded(TokenError):
    """There is no token, and only a person can give one: sign in again. `reason` says what became of the last one."""

    code = "reauthorize"

    def __init__(self, reason: str, *, profile: str = "", tenant: str = "", subject: str = "") -> None:
        whom = "".join(f", {name} {value}" for name, value in (("tenant", tenant), ("subject", subject)) if value)
        super().__init__(f"{profile or 'this profile'}{whom}: reauthorize ({reason})")
        self.reason = reason
        self.profile = profile
        self.tenant = tenant
        self.subject = subject

    @property
    def sign_in(self) -> SignIn:
        """The same as a value that a bot forwards (`as_dict`), with the link or the code to type where there is one."""
        return SignIn(self.profile, subject=self.subject, tenant=self.tenant, reason=self.reason)


class AuthorizationRequired(SignInNeeded):
    """A person has to sign in first. `authorization` says where: send its `url`, or its `user_code` and `verification_uri`.

    None where a sign-in cannot begin by itself (nobody said where the browser comes back to): the message then says how.
    The message holds no link: it may be logged, and who has the link can use it.
    """

    code = "authorization_required"

    def __init__(
        self, reason: str, *, profile: str = "", identity_provider: str = "", tenant: str = "", subject: str = "",
        authorization: Authorization | None = None, hint: str = "",
    ) -> None:  # fmt: skip
        super().__init__(reason, profile=profile, tenant=tenant, subject=subject)
        self.identity_provider = identity_provider
        self.authorization = authorization
        self.args = (self._sentence(hint),)

    @property
    def sign_in(self) -> SignIn:
        """As of every SignInNeeded."""
        whose = SignIn(self.profile, self.identity_provider, self.subject, self.tenant)
        return whose.to_do(self.authorization, self.reason if self.authorization else str(self))

    def _sentence(self, hint: str) -> str:
        whom = "".join(f", {name} {value}" for name, value in (("tenant", self.tenant), ("subject", self.subject)) if value)
        where = f" at {self.identity_provider}" if self.identity_provider else ""
        return f"{self.profile or 'this profile'}{whom}: a person has to sign in{where} first ({self.reason}); {(hint or self._how()).replace('{command}', self.command)}"

    @property
    def command(self) -> str:
        """What signs in at a terminal."""
        import shlex  # nobody who starts the command line has to wait for it

        words = ["authweave", "login", self.profile or "NAME"]
        words += ["--tenant", self.tenant] if self.tenant else []
        words += ["--subject", self.subject] if self.subject else []
        return shlex.join(words)

    def _how(self) -> str:
        login = self.command
        if self.authorization is None:
            return f"at a terminal: {login}"
        if self.authorization.kind == "device":
            return f"the error's `authorization` has the code to type and where, or at a terminal: {login}"
        return f"the error's `authorization.url` is the link to send, or at a terminal: {login}"


class SignInFailed(TokenError):
    """A sign-in that was begun gave no token; begin another one. `reason` is one word: denied, expired, cancelled, refused …"""

    code = "sign_in_failed"

    def __init__(self, reason: str, message: str, *, profile: str = "") -> None:
        super().__init__(f"{profile}: {message}" if profile else message)
        self.reason = reason
        self.profile = profile


class AuthorizationDenied(SignInFailed):
    """The person or the authorization server said no. Fields are the server's own words, made inert (RFC 6749 §4.1.2.1)."""

    code = "authorization_denied"

    def __init__(self, *, error: str, error_description: str | None = None, error_uri: str | None = None, profile: str = "") -> None:
        described = f": {error_description}" if error_description else ""
        who = "the person said no, or may not" if error == "access_denied" else "the authorization server refused"
        super().__init__("denied", f"{who} ({error}{described})", profile=profile)
        self.error = error
        self.error_description = error_description
        self.error_uri = error_uri


class CallbackRefused(SignInFailed):
    """What came back is not the answer to what was begun here; nothing was sent to a token endpoint.

    `reason` is one word: state (missing or not known), used, expired, session, issuer, redirect_uri, duplicate, fragment, code,
    size, form, connection.
    """

    code = "callback_refused"


class StoreUnavailable(AuthweaveError):
    """The token store gives no answer within its patience, or cannot write. `reason`: timeout, refused, locked, full,
    read_only, damaged, wrong_type, credentials, other. Names the store without its password."""

    code = "store_unavailable"
    retry = True

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class ApiError(AuthweaveError):
    """The API's answer, for the doors that turn answers into errors."""

    code = "api"

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class CredentialRejected(ApiError):
    """The API does not accept the credential: 401, or a rule of `rejected_when`."""

    code = "api_401"


class InsufficientScope(ApiError):
    """The API knows the caller and wants another scope (RFC 6750 §3.1). `scope` is what it asked for, if it said so."""

    code = "api_403"

    def __init__(self, message: str, *, status: int, scope: str | None = None) -> None:
        super().__init__(message, status=status)
        self.scope = scope


class ServerUnproven(ApiError):
    """An answer without the proof, or with a wrong one, that the server knows the credential: it may be anybody's."""

    code = "server_unproven"


class UnexpectedFailure(AuthweaveError):
    """A store, a plugin or authweave itself failed in a way that should not be. Names the kind and the place only.

    The original stays in the worker: its words and frames may hold a secret.
    """

    code = "unexpected"

    @classmethod
    def of(cls, error: BaseException) -> Self:
        """The failure of an exception of any kind."""
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = f" at {trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}" if trace else ""
        return cls(f"something failed that should not: {type(error).__name__}{place}")

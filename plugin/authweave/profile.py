"""A profile as a frozen value: made once by `binding`, then only used."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from authweave.contracts import ClientAuth, Grant, Placement, Scheme, Seal
from authweave.errors import TemplateError
from authweave.inheritance.merging import Merged
from authweave.templates import Template
from authweave.urls import UrlTemplate
from authweave.values import path_of

_METHOD: Final = re.compile(r"[A-Za-z-]+")
_IN_TYPE: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]*")


@dataclass(frozen=True, slots=True)
class Input:
    """Something that somebody else must supply (`inputs`). `key` is where it is declared, `implied` by whom if not."""

    name: str
    title: str = ""
    description: str = ""
    example: str = ""
    visibility: str = "visible"
    type: str = "string"
    pattern: str | None = None
    enum: tuple[Any, ...] | None = None
    format: str | None = None
    default: Any = None
    required: bool = True
    secret: bool = False
    supplied_by: str = "application"
    implied: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """One addition to a request: `value` placed under `key` by `placement`.

    `origin` is the key of the profile that says so (`auth.fields[0]`); `secret` whether the value is made from one.
    """

    placement: Placement
    key: str
    value: Any
    when: Template | None = None
    optional: bool = False
    on_conflict: str = "replace"
    origin: str = ""
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """A condition on an answer: `status` (exact codes and classes such as 4xx) and `when`; both must hold."""

    statuses: frozenset[int] = frozenset()
    when: Template | None = None
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """A described request. `url` is None where the standard endpoint is meant; `encoding` names a body encoding.

    `method` and `content_type` are what is written, or a template; `method_in` and `content_type_in` say what is sent.
    """

    method: str | Template
    url: UrlTemplate | None = None
    encoding: str = "form"
    content_type: str | Template | None = None
    content: Template | None = None
    fields: tuple[Field, ...] = ()
    omit: frozenset[str] = frozenset()
    rename: Mapping[str, str] = field(default_factory=dict)
    origin: str = ""

    def method_in(self, scope: Mapping[str, Any]) -> str:
        """The method in capitals. Raises TemplateError, also for what is no word of letters."""
        if isinstance(self.method, str):
            return self.method
        method = self.method.render(scope)
        if not _METHOD.fullmatch(method):
            raise TemplateError(self.method.where, "the method is not a word of ASCII letters")
        return method.upper()

    def content_type_in(self, scope: Mapping[str, Any]) -> str | None:
        """The Content-Type, or None for that of the encoding; a template that ends empty is none. Raises TemplateError, also for a
        value that would be more than a part of it: another parameter, say."""
        written = self.content_type
        if not isinstance(written, Template):
            return written
        texts = written.texts(scope)
        if not written.whole:
            for part, text in zip(written.parts, texts, strict=True):
                if not isinstance(part, str) and not _IN_TYPE.fullmatch(text):
                    raise TemplateError(written.where, "a value in a media type holds letters, digits and !#$%&'*+-.^_`|~ only (RFC 9110 §8.3.1)")
        return "".join(texts) or None


@dataclass(frozen=True, slots=True)
class Keep:
    """A value kept of an answer, read later as `kept.<name>`."""

    name: str
    value: Template
    pattern: str | None = None
    secret: bool = True
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is read of an answer: `members` maps access_token, expires_in, error … to templates."""

    members: Mapping[str, Any] = field(default_factory=dict)
    keep: tuple[Keep, ...] = ()
    accepted_when: tuple[Match, ...] = ()
    written: frozenset[str] = frozenset()

    @property
    def says_anything(self) -> bool:
        """Is a reading written, so that nothing else is read?"""
        return bool(self.members or self.keep)


@dataclass(frozen=True, slots=True)
class Jwt:
    """A JWT to make (RFC 7519). Each part is a template, data with templates, or the literal that is written."""

    algorithm: Any = "RS256"
    signing_key: Any = None
    key_id: Any = None
    header: Any = None
    claims: Any = None
    lifetime: Any = 300
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """A request of its own before or after a token call. `phases` are grant and refresh."""

    name: str
    request: Request
    response: Answer
    phases: frozenset[str]
    when: Template | None = None
    origin: str = ""

    @property
    def is_harmless(self) -> bool:
        """May it be sent twice without a second effect (RFC 9110 §9.2.1)?"""
        return self.request.method in ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True, slots=True)
class Callback:
    """How the redirect of a sign-in is read (RFC 6749 §4.1.2)."""

    code: Template
    keep: tuple[Keep, ...] = ()


@dataclass(frozen=True, slots=True)
class SignIn:
    """How a person consents: where the browser or the device goes, and what it brings back."""

    authorization_url: UrlTemplate | None = None
    device_authorization_url: UrlTemplate | None = None
    request: Request | None = None
    callback: Callback | None = None
    redirect_uri: Template | None = None
    pkce: str = "S256"


@dataclass(frozen=True, slots=True)
class Discovery:
    """Where what is not written can be found: metadata (RFC 8414, 9728), registration (RFC 7591)."""

    issuer: UrlTemplate | None = None
    registration: Any = None
    registration_url: UrlTemplate | None = None


@dataclass(frozen=True, slots=True)
class TokenSettings:
    """How a token is got: everything a token call needs beside the inputs.

    `token_url` is None where metadata name it; `place` is what stands for the endpoint in keys and lanes. Without a true
    `when` no token is needed (an AWS role that nobody named). An `assertion` is a Jwt to make, or a text that is ready.
    A session has no `grant_type`: its login is whatever `token_request` says. `username` and `password` are for the grant of that
    name. `refresh_token` is the one that was given, for the grant that presents it. Without a `revoke_request` nothing can end
    a token at the provider. `scopes_as_text`: they are written as one text, not as a list. `default_fields`: the profile writes no `auth.fields`, so the token goes where its type puts it.
    """

    grant: Grant
    grant_type: str
    client_auth: ClientAuth
    basic_encoding: str
    token_url: UrlTemplate | None
    refresh_url: UrlTemplate | None
    scopes: tuple[tuple[str, Any], ...]
    scope_separator: str
    audience: Template | None
    resource: Template | None
    token_request: Request
    refresh_request: Request
    token_response: Answer
    refresh_with: str
    refresh_before: float
    client_id: Template | None
    client_secret: Template | None
    refresh_token: Template | None = None
    username: Template | None = None
    password: Template | None = None
    revoke_request: Request | None = None
    default_fields: bool = False
    own: Mapping[str, Any] = field(default_factory=dict)
    assertion: Jwt | Template | None = None
    client_assertion: Jwt | Template | None = None
    before: tuple[Step, ...] = ()
    after: tuple[Step, ...] = ()
    sign_in: SignIn = SignIn()
    discovery: Discovery = Discovery()
    dpop: bool = False
    when: Template | None = None
    scopes_as_text: bool = False

    @property
    def grant_signs_in(self) -> bool:
        """Does the grant itself present what a sign-in brought?"""
        return bool(getattr(self.grant, "signs_in", False))

    @property
    def at_device(self) -> bool:
        """Does the person sign in at another device (RFC 8628)?"""
        return bool(getattr(self.grant, "at_device", False))

    @property
    def signs_in(self) -> bool:
        """Does a person sign in before the first token: for the grant, or to consent to it?"""
        return self.grant_signs_in or self.sign_in.authorization_url is not None

    @property
    def attended(self) -> bool:
        """Did a person consent to what the token may do, so that it cannot be had anew without them?"""
        return bool(self.grant.attended) or self.signs_in

    @property
    def is_session(self) -> bool:
        """Is the token that of a login, without the parameters of OAuth 2?"""
        return not self.grant_type

    @property
    def keeps(self) -> tuple[Keep, ...]:
        """Every value that is kept: of the redirect, of steps, of the token answer."""
        of_callback = self.sign_in.callback.keep if self.sign_in.callback else ()
        of_steps = [step.response.keep for step in (*self.before, *self.after)]
        return (*of_callback, *self.token_response.keep, *(item for keep in of_steps for item in keep))

    @property
    def place(self) -> Any:
        """What stands for the endpoint in keys, lanes and messages: its URL, else that of the issuer, else the resource."""
        return self.token_url or self.discovery.issuer or self.resource


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to authenticate. `fields` carry the credential; `needs` are the inputs every request reads.

    `own` holds the keys of the type itself (region, signing_key …): templates, data with templates, or literals. `seal`
    signs the finished request, where the type has one. `default_fields`: the fields are those of the type, the profile writes none.
    """

    name: str
    scheme: Scheme
    when: Template | None
    fields: tuple[Field, ...]
    rejected_when: tuple[Match, ...]
    tokens: TokenSettings | None
    origin: str
    needs: frozenset[str] = frozenset()
    key_inputs: frozenset[str] = frozenset()
    default_fields: bool = False
    own: Mapping[str, Any] = field(default_factory=dict)
    seal: type[Seal] | None = None


@dataclass(frozen=True, slots=True)
class TestRule:
    """`{when, message}` of a test: the first true one is shown, and never changes the verdict."""

    __test__ = False
    when: Template
    message: Template


@dataclass(frozen=True, slots=True)
class Test:
    """One check of a profile, through the real path."""

    __test__ = False
    name: str
    request: Request
    when: Template | None = None
    accepted_when: tuple[Match, ...] = ()
    rules: tuple[TestRule, ...] = ()
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Profile:
    """A valid profile. Two binds of one document are equal in behaviour; nothing in it is a secret.

    `tests` is a tuple of tests, or the word `token_only` or `none`. `resolved` is the document with every default
    written out (what `authweave show` prints); `merged` the document and its parents, for places in messages.
    """

    name: str
    version: str
    identity_provider: str
    description: str
    documentation: str
    subject: str
    inputs: Mapping[str, Input]
    vars: Mapping[str, Any]
    servers: tuple[UrlTemplate, ...]
    variants: tuple[Variant, ...]
    fields: tuple[Field, ...]
    tests: tuple[Test, ...] | str
    abstract: bool
    merged: Merged = field(repr=False)
    resolved: Mapping[str, Any] = field(repr=False)
    tls: Mapping[str, Any] = field(default_factory=dict)

    @property
    def reference(self) -> str:
        """`name@version`."""
        return f"{self.name}@{self.version}"

    def place(self, key: str) -> str:
        """`file:line` of a key such as `auth.token_url`, or of the part that holds it."""
        source, mark = self.merged.place(path_of(key))
        return f"{source}:{mark.line}" if mark else source

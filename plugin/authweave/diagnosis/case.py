"""What a diagnosis may look at: the error, the call in which it happened, and what the profile said of that call.

Texts here may hold secrets: whoever shows a diagnosis redacts it afterwards (see `probe`).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from authweave.answers.challenges import Challenge, challenges
from authweave.diagnosis.vendors import API, TOKEN, Code, code_in
from authweave.diagnosis.words import words_of
from authweave.discovery.metadata import Metadata
from authweave.errors import (
    AuthorizationRequired,
    AuthweaveError,
    SignInFailed,
    SignInNeeded,
    TokenAnswerError,
    TokenEndpointError,
    WireError,
)
from authweave.profile import Profile, TokenSettings, Variant
from authweave.values import TaskRequest, TaskResponse

_ABOUT_MEDIA: Final = re.compile(r"(?i)\b(content|media)[ _-]?type\b|application/json")
_ENCODED_DIFFERENTLY: Final = re.compile(r"[+/%: ]|[^\x20-\x7e]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One thing that went wrong, or is odd. `facts` are what the finder of the case knows beside it,
    `by_path` says whether commands may name the profile by its file."""

    profile: Profile | None = None
    variant: Variant | None = None
    error: AuthweaveError | None = None
    request: TaskRequest | None = None
    response: TaskResponse | None = None
    client_id: str = ""
    client_secret: str = ""
    suspicious: tuple[tuple[str, str], ...] = ()
    has_test: bool = False
    by_path: bool = True
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def settings(self) -> TokenSettings | None:
        """How the variant gets tokens, if it does."""
        return self.variant.tokens if self.variant else None

    @property
    def what(self) -> str:
        """The error's own message."""
        return str(self.error) if self.error else ""

    @property
    def login(self) -> str:
        """What signs in at a terminal, with the profile by its file: no folder may hold it under its name; unless only names count."""
        if not isinstance(self.error, AuthorizationRequired):
            return "authweave login"
        words = shlex.split(self.error.command)
        return shlex.join([*words[:2], (self.profile.merged.document.source if self.profile and self.by_path else "") or words[2], *words[3:]])

    @property
    def own_type(self) -> str:
        """The auth type of the variant."""
        return self.variant.scheme.name if self.variant else ""

    @property
    def offered(self) -> str:
        """The schemes that the answer asks for: `Basic`, `NTLM or Negotiate`."""
        return " or ".join(dict.fromkeys("NTLM" if one.scheme == "ntlm" else one.scheme.capitalize() for one in self.challenges))

    @property
    def status(self) -> int:
        """The status of the answer; 0 for none."""
        return self.response.status if self.response else 0

    @property
    def url(self) -> str:
        """The URL that was called, without its query."""
        return self.request.url.partition("?")[0] if self.request else ""

    @property
    def method(self) -> str:
        """The method of the call."""
        return self.request.method if self.request else ""

    @property
    def host(self) -> str:
        """The host that was called."""
        if isinstance(self.error, WireError) and self.error.host:
            return self.error.host
        return re.sub(r"^[a-z]+://|[/?].*$", "", self.url, flags=re.IGNORECASE)

    @property
    def stage(self) -> str:
        """Where the call ended, as the transport says."""
        return self.error.stage if isinstance(self.error, WireError) else ""

    @property
    def detail(self) -> str:
        """The transport's word for how it ended."""
        return self.error.detail if isinstance(self.error, WireError) else ""

    @property
    def error_facts(self) -> Mapping[str, object]:
        """What the transport noted: dates of a certificate, where a proxy was named."""
        return self.error.facts if isinstance(self.error, WireError) else {}

    @property
    def word(self) -> str:
        """The error code in the server's own word."""
        return (self.error.error or "") if isinstance(self.error, TokenEndpointError) else ""

    @property
    def description(self) -> str:
        """The server's own description; of a refresh token that is of no more use, what is known of it."""
        if isinstance(self.error, SignInNeeded):
            return self.error.reason
        return (self.error.error_description or "") if isinstance(self.error, TokenEndpointError) else ""

    @property
    def said(self) -> tuple[tuple[str, str], ...]:
        """What the answer says is wrong, by the names of its members."""
        return words_of(self.response)

    @property
    def lines(self) -> str:
        """The same, one a line, with what the profile itself reads of the answer: `error=invalid_auth`."""
        read = (("error", self.word), ("error_description", self.description))
        challenge = (("error_description", self.challenge("error_description")),)
        told = (("what", self.what),) if isinstance(self.error, SignInFailed) else ()
        return "\n".join(f"{name}={text}" for name, text in (*read, *self.said, *challenge, *told) if text)

    @property
    def vendor(self) -> Code | None:
        """A vendor's own word among them."""
        is_token = bool(self.facts.get("token_call")) or isinstance(self.error, TokenEndpointError | TokenAnswerError | SignInFailed)
        return code_in(self.lines, TOKEN if is_token else API)

    @property
    def quoted(self) -> str:
        """What the vendor's word means, else the server's description, as the end of a sentence."""
        if found := self.vendor:
            return f": {found.vendor} says that {found.means} ({found.name})"
        return f": {self.description}" if self.description else ""

    @property
    def grant(self) -> str:
        """The grant that was asked for."""
        return self.settings.grant_type if self.settings else ""

    @property
    def client_auth(self) -> str:
        """How the client proved who it is, by its registered name."""
        return self.settings.client_auth.name if self.settings else ""

    @property
    def sent_as(self) -> str:
        """How the client's id and secret went out: `Basic header, 40-char secret`."""
        ways = {"client_secret_basic": "Basic header", "client_secret_post": "form field", "none": "client id alone"}
        if self.client_auth in ("tls_client_auth", "self_signed_tls_client_auth"):
            return f"client certificate, {self.client_auth}"
        if self.client_auth in ("private_key_jwt", "client_secret_jwt"):
            return f"assertion, {self.client_auth}"
        way = ways.get(self.client_auth, self.client_auth or "no client authentication")
        if self.client_auth == "client_secret_post" and self.settings and self.settings.token_request.encoding != "form":
            way = f"{self.settings.token_request.encoding} field"
        return f"{way}, no secret" if self.client_auth == "none" else f"{way}, {self.secret_length}"

    @property
    def input_named(self) -> str:
        """The template of the input that the case is about: `{{ inputs.api_key }}`; `{{ … }}` where none is known."""
        return f"{{{{ inputs.{self.facts['input']} }}}}" if self.facts.get("input") else "{{ … }}"

    @property
    def secret_length(self) -> str:
        """`40-char secret`; of a short one only that it is short."""
        size = len(self.client_secret)
        return f"{size}-char secret" if size >= 8 else "empty secret" if not size else "short secret"

    @property
    def other_auth(self) -> str:
        """The client authentication to try instead."""
        return "client_secret_post" if self.client_auth == "client_secret_basic" else "client_secret_basic"

    @property
    def other_encoding(self) -> str:
        """The Basic encoding to try instead."""
        return "raw" if self.settings and self.settings.basic_encoding == "rfc6749" else "rfc6749"

    @property
    def encoding_matters(self) -> bool:
        """Does the Basic header differ between the two encodings of id and secret (RFC 6749 §2.3.1)?"""
        return self.client_auth == "client_secret_basic" and _ENCODED_DIFFERENTLY.search(self.client_id + self.client_secret) is not None

    @property
    def form_unread(self) -> bool:
        """Does the token server say that it reads no form, where one was sent?"""
        is_form = self.settings is not None and self.settings.token_request.encoding == "form"
        return is_form and (self.status == 415 or _ABOUT_MEDIA.search(self.lines) is not None)

    @property
    def telling_characters(self) -> str:
        """The characters of the secret that servers read differently, by name."""
        names = {" ": "a space", ":": "`:`", "%": "`%`", "+": "`+`", "/": "`/`", "\n": "a line end", "\r": "a line end", "\t": "a tab"}
        found = [name for character, name in names.items() if character in self.client_secret + self.client_id]
        return " and ".join(dict.fromkeys(found)) or "a character outside ASCII"

    @property
    def odd_secret(self) -> str:
        """What looks wrong with a value that was supplied: `client_secret: spaces or line ends stand around it`; or ''."""
        return next((f"{name}: {why}" for name, why in self.suspicious), "")

    @property
    def title(self) -> str:
        """` titled '…'` of a web page, or ''."""
        body = (self.response.body if self.response else None) or b""
        found = re.search(rb"<title[^>]*>([^<]{1,120})", body[:65536], re.IGNORECASE)
        words = " ".join(found[1].decode("utf-8", "replace").split()) if found else ""
        return f" titled '{words}'" if words else ""

    @property
    def words(self) -> str:
        """The server's own word and its Retry-After, as the end of a sentence; or ''."""
        wait = (self.response.header("retry-after") if self.response else None) or ""
        told = [self.word, f"Retry-After: {wait}" if wait else ""]
        return "".join(f", {one}" for one in told if one)

    @property
    def metadata(self) -> Metadata | None:
        """What the server says of itself, where it was asked."""
        found = self.facts.get("metadata")
        return found if isinstance(found, Metadata) else None

    @property
    def proxy_from(self) -> str:
        """Where the proxy was named."""
        return str(self.error_facts.get("from", "the settings or the environment"))

    @property
    def content_type(self) -> str:
        """The media type of the answer, as it is given."""
        return ((self.response.header("content-type") if self.response else None) or "no content type").partition(";")[0].strip()

    @property
    def location(self) -> str:
        """Where a redirect leads, without its query."""
        return re.split(r"[?#]", (self.response.header("location") if self.response else None) or "")[0]

    @property
    def challenges(self) -> tuple[Challenge, ...]:
        """What the answer's WWW-Authenticate asks for."""
        if self.response is None:
            return ()
        return challenges(value for name, value in self.response.headers if name.lower() == "www-authenticate")

    def challenge(self, parameter: str) -> str:
        """A parameter of the first challenge that has it; '' for none."""
        return next((found.parameters[parameter] for found in self.challenges if parameter in found.parameters), "")

    @property
    def challenge_words(self) -> str:
        """The challenges, in short: `Bearer realm="x", error="invalid_token"`."""
        told = []
        for one in self.challenges:
            parameters = ", ".join(f'{name}="{value}"' for name, value in one.parameters.items())
            told.append(f"{one.scheme.capitalize()} {parameters}".strip())
        return "; ".join(told)

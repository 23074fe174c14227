"""Assertions as a server judges them (RFC 7523 §3, RFC 7522): signed by this customer, as the profile describes them, now and once."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from authweave.errors import AuthweaveError
from authweave.profile import Field, Jwt, Profile, TokenSettings
from authweave.sandbox.arrived import Arrived
from authweave.sandbox.jws import NotVerified, Read, check_times, opened
from authweave.sandbox.verifiers.case import Memory
from authweave.sandbox.wanted import is_unforeseen, wanted_fields
from authweave.templates import Data, Template

_JWT: Final = re.compile(r"(?<![\w.-])[\w-]+\.[\w-]+\.[\w-]*(?![\w.-])")
_TIMES: Final = frozenset({"iat", "exp", "nbf"})


class Judge:
    """Judges the assertions of one customer. `scope` holds the namespaces of templates, `memory` what came before."""

    def __init__(self, profile: Profile, scope: Mapping[str, Any], memory: Memory, now: float) -> None:
        self._profile = profile
        self._scope = scope
        self._memory = memory
        self._now = now

    def of_grant(self, settings: TokenSettings, sent: str | None, fields: Iterable[Field], arrived: Arrived) -> str:
        """What is wrong with the assertion of a token call: the parameter, or what fields that read it brought. '' for nothing."""
        written = settings.assertion
        if written is None:
            return ""
        if getattr(settings.grant, "urn", "").endswith(("jwt-bearer", "saml2-bearer")):
            return self.wrong(written, sent or "", settings=settings, once=True)
        found = [self.wrong(written, text, settings=settings, once=True) for text in self.brought(fields, arrived)]
        return next((why for why in found if why), "")

    def of_client(self, settings: TokenSettings, parameters: Mapping[str, str]) -> str:
        """What is wrong with the client assertion."""
        if settings.client_assertion is None:
            return ""
        kind = parameters.get("client_assertion_type", "")
        if not re.fullmatch(r"urn:ietf:params:oauth:client-assertion-type:(jwt|saml2)-bearer", kind):
            return "the parameter client_assertion_type is missing, or is not one of RFC 7523 2.2"
        return self.wrong(settings.client_assertion, parameters.get("client_assertion", ""), settings=settings, once=True, name="client_assertion")

    def brought(self, fields: Iterable[Field], arrived: Arrived) -> Iterator[str]:
        """The assertions that came where fields put them."""
        reading = [field for field in fields if any(read[0] == "assertion" for read in field.value.reads)]
        for wanted in wanted_fields(reading, self._scope, self._profile):
            texts = [str(found) for found in wanted.found(arrived)]
            yield next((match[0] for text in texts for match in _JWT.finditer(text)), "".join(texts[:1]).rpartition(" ")[2])

    def wrong(self, written: Jwt | Template, text: str, *, settings: TokenSettings | None = None, once: bool = False, name: str = "assertion") -> str:
        """Why this assertion is not believed; '' if it is."""
        if not text:
            return f"the {name} is missing"
        if not isinstance(written, Jwt):
            return "" if _same(self._value(written), text) else f"the {name} is not the one that this customer has"
        try:
            read = opened(text, str(self._value(written.algorithm)), self._value(written.signing_key))
            check_times(read, self._now)
            self._check_words(read, written, settings)
            if once and "jti" in read.claims and not self._memory.is_new(f"jti {read.claims['jti']}"):
                raise NotVerified("was used before: its claim `jti` is good once")
        except NotVerified as refused:
            return f"the {name} {refused}"
        return ""

    def _check_words(self, read: Read, written: Jwt, settings: TokenSettings | None) -> None:
        """Its claims and header members are those that the profile says, as far as they can be foreseen."""
        key_id = self._value(written.key_id)
        if key_id and read.header.get("kid") != key_id:
            raise NotVerified("names another key in `kid` than the registered one")
        for where, said, parts in (("claim", read.claims, written.claims), ("header", read.header, written.header)):
            for member, wanted in self._foreseen(parts, settings):
                if said.get(member) != wanted and not (member == "aud" and wanted in (said.get("aud") or ())):
                    raise NotVerified(f"has another {where} `{member}` than the profile says" if member in said else f"lacks the {where} `{member}`")

    def _foreseen(self, parts: Any, settings: TokenSettings | None) -> Iterator[tuple[str, Any]]:
        if not isinstance(parts, Data):
            return
        for member, content in parts.content.items():
            if content is False or member in _TIMES or is_unforeseen(content, self._profile):
                continue
            url = settings.token_url if settings is not None else None
            is_url = url is not None and member == "aud" and isinstance(content, Template) and content.text == url.text
            yield member, url.render(self._scope) if is_url and url is not None else self._value(Data(content, ()))

    def _value(self, written: Any) -> Any:
        if not isinstance(written, Template | Data):
            return written
        try:
            return written.value(self._scope)
        except AuthweaveError:
            return None


def _same(wanted: Any, sent: str) -> bool:
    """The same text, or the same bytes in base64 of either alphabet."""
    return isinstance(wanted, str) and bool(wanted) and (wanted == sent or _bytes(wanted) == _bytes(sent))


def _bytes(text: str) -> bytes:
    if text.lstrip().startswith("<"):
        return text.strip().encode()
    body = "".join(text.split()).translate(str.maketrans("-_", "+/")).rstrip("=")
    try:
        return base64.b64decode(body + "=" * (-len(body) % 4)).strip()
    except ValueError:
        return text.encode()

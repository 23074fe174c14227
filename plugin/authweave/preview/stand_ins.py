"""What stands for values that are not at hand offline: inputs nobody supplied, and everything a token call gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from authweave.errors import InputError, MissingInput
from authweave.inputs import Resolved
from authweave.probe.known import Known, Named
from authweave.profile import Input, TokenSettings, Variant
from authweave.redaction import Redactor, masked
from authweave.token_calls.proving import proof_key
from authweave.values import Consent, Secret, Token

_HOUR: Final = 3600.0


class Offline(Known):
    """Knows the secrets of a preview, and the stand-ins, whose places it names in words."""

    def __init__(self) -> None:
        super().__init__()
        self._stand_ins: dict[str, tuple[str, Redactor]] = {}
        self._hosts: dict[str, str] = {}
        self._stand_in_names: dict[str, Named] = {}

    def stand_in(self, name: str, words: str, *, form: str = "{}") -> str:
        """A text that is good in every place of a request, and is shown as `‹words›` wherever it ends up. `form` holds it as `{}`."""
        text = form.format(f"stand-in-{len(self._stand_ins)}-for-{_label(name)}")
        self._stand_ins[text] = words, Redactor([(words, text)])
        self._stand_in_names[text] = Named(name, "answer")
        if text.startswith("https://"):
            self._hosts[text.removeprefix("https://")] = f"‹host of {words}›"
        return text

    def stand_ins_in(self, text: str) -> list[str]:
        """The words of the stand-ins that are part of a text, in any encoding."""
        return [words for words, redactor in self._stand_ins.values() if redactor.redact(text) != text]

    def named(self) -> Mapping[str, Named]:
        """Every secret, and every stand-in."""
        return {**super().named(), **self._stand_in_names}

    def text(self, text: str, *, lines: bool = False) -> str:
        """The text without secrets; a stand-in becomes its words."""
        for stand_in, (words, redactor) in self._stand_ins.items():
            text = redactor.redact(text).replace(masked(stand_in, words), f"‹{words}›")
        for host, mark in self._hosts.items():
            text = text.replace(host, mark)
        return super().text(text, lines=lines)

    def mask(self, value: str, name: str) -> str:
        """The mark of a secret; for what is made from stand-ins, from which."""
        words = self.stand_ins_in(value)
        if not words:
            return super().mask(value, name)
        return f"‹{words[0]}›" if value in self._stand_ins else f"‹made from {', '.join(words)}›"


class OfflineInputs(Mapping[str, Any]):
    """The inputs with stand-ins for those that are missing or not as declared. `missing` says which, and why.

    Reading may block, as sources do.
    """

    def __init__(self, resolved: Resolved, inputs: Mapping[str, Input], known: Offline) -> None:
        self.missing: dict[str, str] = {}
        self._values = {name: self._value(resolved, asked, known) for name, asked in inputs.items()}

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def _value(self, resolved: Resolved, asked: Input, known: Offline) -> Any:
        try:
            return resolved[asked.name]
        except MissingInput:
            self.missing[asked.name] = f"not supplied; looked for in {', '.join(resolved.describe(asked.name))}"
        except InputError as error:
            self.missing[asked.name] = str(error)
        value = _stand_in(asked, known)
        return Secret(value, "preview") if asked.secret else value


def offline_token(variant: Variant, known: Offline, now: float) -> Token:
    """A token of stand-ins, with everything that templates may read of it."""
    keep = variant.tokens.keeps if variant.tokens else ()
    kept = {one.name: (known.stand_in(one.name, f"kept.{one.name}", form=_form(is_url=_is_url(one.pattern))), one.secret) for one in keep}
    return Token(
        access_token=Secret(known.stand_in("access_token", "access_token"), "preview"),
        refresh_token=Secret(known.stand_in("refresh_token", "refresh_token"), "preview"),
        id_token=Secret(known.stand_in("id_token", "id_token"), "preview"),
        expires_at=now + _HOUR,
        issued_at=now,
        kept={name: Secret(value, "preview") if secret else value for name, (value, secret) in kept.items()},
        proof_key=proof_key(variant.tokens, None) if variant.tokens else None,
    )


def offline_consent(settings: TokenSettings, known: Offline, scope: Mapping[str, Any]) -> Consent:
    """What a sign-in brings, of stand-ins."""
    redirect = settings.sign_in.redirect_uri
    value = redirect.value(scope) if redirect is not None else None
    uri = value.reveal() if isinstance(value, Secret) else value
    names = {read[1] for field in settings.token_request.fields for read in getattr(field.value, "reads", ()) if read[0] == "callback" and len(read) > 1}
    what = "device_code" if settings.at_device else "code"
    has_proof_key = bool(settings.sign_in.pkce) and settings.grant_signs_in and not settings.at_device
    return Consent(
        code=Secret(known.stand_in(what, f"{what} of the sign-in"), "preview") if settings.grant_signs_in else None,
        verifier=Secret(known.stand_in("code_verifier", "code_verifier, new for each sign-in"), "preview") if has_proof_key else None,
        redirect_uri=str(uri) if uri else known.stand_in("redirect_uri", "redirect_uri: nobody says it yet", form=_form(is_url=True)),
        callback={name: known.stand_in(name, f"callback.{name}") for name in names},
    )


def _stand_in(asked: Input, known: Offline) -> Any:
    """Of the declared type, so that what reads it gets what it expects."""
    if asked.enum:
        return asked.enum[0]
    if asked.type in _OTHER_TYPES:
        return _OTHER_TYPES[asked.type]
    return known.stand_in(asked.name, f"{asked.name}: not supplied", form=_form(is_url=asked.format == "url" or _is_url(asked.pattern)))


_OTHER_TYPES: Final[Mapping[str, Any]] = {"integer": 0, "number": 0, "boolean": False, "list": [], "json": {}}


def _form(*, is_url: bool) -> str:
    return "https://{}.invalid" if is_url else "{}"


def _is_url(pattern: str | None) -> bool:
    return (pattern or "").removeprefix("^").startswith("http")


def _label(name: str) -> str:
    return "".join(character if character.isalnum() and character.isascii() else "-" for character in name.lower())[:40].strip("-")

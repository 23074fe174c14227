"""Whose token it is (`values.TokenKey`), and whose calls they are that get it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from authweave.applying.scopes import make_scope
from authweave.call import given_refresh_token
from authweave.discovery.completer import is_supplied
from authweave.urls import Origin
from authweave.values import Secret, TokenKey, spent_mark

if TYPE_CHECKING:
    from authweave.connections.connection import Connection
    from authweave.inputs import Resolved
    from authweave.profile import Profile, TokenSettings, Variant
    from authweave.tokens.pauses import Client

Scope = Mapping[str, Any]


def token_key(connection: Connection, variant: Variant, inputs: Resolved) -> TokenKey:
    """Whose token a variant with these inputs has: never how it is got. Raises InputError, TemplateError."""
    settings, profile = _settings(variant), connection.profile
    scope = make_scope(profile, inputs, connection.engine.clock())
    plain = [(name, _text(inputs.get(name))) for name in sorted(variant.key_inputs) if not isinstance(inputs.get(name), Secret)]

    def part(template: Any) -> str:
        return _part(profile, settings, template, scope)

    return TokenKey(
        tenant=connection.tenant,
        connection=f"{profile.name}/{variant.name}",
        subject=connection.subject,
        endpoint=settings.place.text if _reads_kept(settings.place.reads) else part(settings.place),
        client_id=part(settings.client_id) if names_client(settings, scope) else "",
        grant=settings.grant_type,
        scopes="\n".join(f"{key}={part(template)}" for key, template in settings.scopes),
        audience="\n".join(part(template) for template in (settings.audience, settings.resource) if template),
        inputs=tuple(plain),
        secret=spent_mark(given_refresh_token(settings, scope)) if settings.attended else mark_of_secrets(connection, variant, inputs),
    )


def mark_of_secrets(connection: Connection, variant: Variant, inputs: Resolved) -> str:
    """What stands for the secrets that a token call reads: a keyed fingerprint of all of them; '' where there are none."""
    secrets = [(name, _text(inputs.get(name))) for name in sorted(variant.key_inputs) if isinstance(inputs.get(name), Secret)]
    if not secrets:
        return ""
    parts = [part.encode(errors="surrogatepass") for pair in secrets for part in pair]
    return connection.engine.ledger.fingerprint(b"".join(len(part).to_bytes(8, "big") + part for part in parts))


def place_of(variant: Variant, scope: Callable[[], Scope]) -> str:
    """The origin of the token endpoint."""
    place = _settings(variant).place
    return str(place.text if _reads_kept(place.reads) else Origin.of(place.render(scope())))


def client_of(variant: Variant, scope: Scope, tenant: str) -> Client:
    """Whom a pause of the token endpoint concerns: this client of this tenant at this very URL.

    A client_id is no secret: with another's, and calls that cannot succeed, nobody earns a pause but for himself.
    """
    settings = _settings(variant)
    url = "" if _reads_kept(settings.place.reads) else settings.place.render(scope).partition("?")[0]
    client_id = settings.client_id.render(scope) if settings.client_id is not None and names_client(settings, scope) else ""
    return place_of(variant, lambda: scope), "\n".join((url, f"{len(tenant)}:{tenant}", client_id))


def names_client(settings: TokenSettings, scope: Scope) -> bool:
    """Is the client_id known beforehand? Nobody knows that of a client that registers itself."""
    return settings.client_id is not None and (settings.discovery.registration is None or is_supplied(settings, scope))


def reads_secret(profile: Profile, reads: Any) -> bool:
    """Is there a secret input among these look-ups, or behind the variables among them?"""
    for read in reads:
        if read[0] == "inputs" and (len(read) < 2 or profile.inputs[read[1]].secret):
            return True
        if read[0] == "vars" and any(reads_secret(profile, data.reads) for name, data in profile.vars.items() if read[1:2] in ((), (name,))):
            return True
    return False


def _settings(variant: Variant) -> TokenSettings:
    assert variant.tokens is not None  # noqa: S101 - asked only for types with tokens
    return variant.tokens


def _part(profile: Profile, settings: TokenSettings, template: Any, scope: Scope) -> str:
    """A part of the key. Parts are shown: what reads a secret is named as the profile writes it.

    The secret itself is in the key's `secret`, but where a person consented; there a mark stands for what it makes.
    """
    text: str = template.render(scope)
    if not reads_secret(profile, template.reads):
        return text
    return f"{template.text} #{spent_mark(Secret(text, template.text))}" if settings.attended else str(template.text)


def _text(value: Any) -> str:
    return str(value.reveal()) if isinstance(value, Secret) else "" if value is None else str(value)


def _reads_kept(reads: Any) -> bool:
    return any(read[0] == "kept" for read in reads)

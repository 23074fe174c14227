"""What a credential's calls are made with: its settings, what metadata add to them, and the client that it is registered as."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from authweave.call import scope_parameters
from authweave.discovery.completing import REGISTRATION, TOKEN, Completed, found, held_to, issuer_of, written
from authweave.discovery.finding import Asking, Exchange, Finder, shown
from authweave.discovery.metadata import Metadata
from authweave.discovery.registration import Client, Registering, Registrar, Wanted, registration_key
from authweave.drafts.draft import Draft
from authweave.errors import DiscoveryError, InputError, RegistrationError, TemplateError, TokenError, WireError
from authweave.profile import TokenSettings
from authweave.tokens.flights import Lane
from authweave.tokens.guard import Tell
from authweave.urls import Origin
from authweave.values import TokenKey


@dataclass(frozen=True, slots=True)
class Completer:
    """Belongs to one credential. Blocking: for workers. `connection` is the name of its profile and variant, for keys."""

    settings: TokenSettings
    finder: Finder
    registrar: Registrar
    exchange: Exchange
    tenant: str
    connection: str
    origin: str
    tell: Tell
    trust: str = ""

    def completed(
        self, scope: dict[str, Any], end: float, *wanted: str, redirect_uri: str = "", issuer: str = "", than: Metadata | None = None
    ) -> Completed:  # fmt: skip
        """The settings with the endpoints that are `wanted` (names of `completing`), before `end` (of `time.monotonic`).

        Where nobody supplies a client_id and the profile says how to register, the registered client stands among the
        inputs of `scope` afterwards. `issuer` is who gave what the call presents. `than`: the metadata that have proved wrong. Raises DiscoveryError, RegistrationError,
        WireError, StoreUnavailable, TemplateError, InputError.
        """
        registers = self.settings.discovery.registration is not None and not is_supplied(self.settings, scope)

        def asking(key: str) -> Asking:
            return self._asking(end, key)

        settings, metadata = found(held_to(self.settings, issuer), scope, self.finder, asking, wanted=wanted or (TOKEN,), than=than)
        if not registers:
            return Completed(settings, metadata)
        key = self._key(settings, scope, asking, redirect_uri)
        client = self.registrar.known(key)
        if client is None:
            if metadata is None:
                settings, metadata = found(settings, scope, self.finder, asking, wanted=(*wanted, REGISTRATION))
            client = self._registered(settings, metadata, scope, key, redirect_uri, end)
        made = Completed(settings, metadata, client.inputs, (key, client))
        made.into(scope)
        return made

    def forget(self, refused: Completed) -> bool:
        """Forget the client that the server does not know any more. False where it is not a registered one."""
        if refused.client is None:
            return False
        key, client = refused.client
        self.registrar.forget(key, client)
        return True

    def issuer(self, scope: Mapping[str, Any], end: float) -> str:
        """The issuer that is written or that the resource names. Raises DiscoveryError."""
        return issuer_of(self.settings, scope, self.finder, lambda key: self._asking(end, key))

    def _asking(self, end: float, key: str) -> Asking:
        return Asking(self.exchange, end, f"{self.origin}.{key}", self.trust, self.tenant)

    def known(self, scope: Mapping[str, Any]) -> Metadata | None:
        """The metadata that are at hand; nobody is asked. Raises DiscoveryError, TemplateError."""
        settings = self.settings
        if settings.discovery.issuer is not None:
            return self.finder.known(settings.discovery.issuer.render(scope), self.trust)
        issuer = self.finder.known_issuer(settings.resource.render(scope), self.trust) if settings.resource is not None else ""
        return self.finder.known(issuer, self.trust) if issuer else None

    def _key(self, settings: TokenSettings, scope: Mapping[str, Any], asking: Any, redirect_uri: str) -> TokenKey:
        """Where the registration is kept: under the issuer; without one, under the endpoint that the profile writes."""
        if settings.discovery.issuer is None and settings.discovery.registration_url is not None and written(self.settings, TOKEN) is not None:
            server = str(settings.discovery.registration_url.render(scope)).partition("?")[0]
        else:
            server = issuer_of(settings, scope, self.finder, asking)
        return registration_key(tenant=self.tenant, connection=self.connection, server=server, redirect_uri=redirect_uri)

    def _registered(
        self, settings: TokenSettings, metadata: Metadata | None, scope: Mapping[str, Any], key: TokenKey, redirect_uri: str, end: float
    ) -> Client:  # fmt: skip
        url = settings.discovery.registration_url
        if url is None:
            where = metadata.url if metadata else ""
            message = "the server's metadata name no registration_endpoint: supply a client_id, or write registration_url"
            raise DiscoveryError("endpoint_missing", message, url=where)
        address = url.render(scope)

        def draft() -> Draft:
            return Wanted(
                settings.discovery.registration.value(scope) or {}, settings.grant_type, settings.client_auth.name, redirect_uri,
                scope_parameters(settings, scope).get("scope", ""), self.origin,
            ).draft(address)  # fmt: skip

        way = Registering(self.exchange, draft, settings.client_auth.name, self.registrar.clock)
        return self._answered(lambda: self.registrar.client(key, way, end, lane=Lane(self.tenant, ("registration", str(Origin.of(address)))), tell=self.tell), address)

    def _answered(self, register: Callable[[], Client], address: str) -> Client:
        """What registering gives. A failure is one of registering: nothing is known of the token that it was for."""
        failure: RegistrationError
        try:
            return register()
        except RegistrationError as error:
            failure = error.fresh()
            failure.is_of_answer = False
        except (TokenError, WireError) as error:
            failure = RegistrationError(f"registering as a client failed: {error}", status=0, url=shown(address))
        raise failure


def is_supplied(settings: TokenSettings, scope: Mapping[str, Any]) -> bool:
    """Has somebody supplied a client_id?"""
    if settings.client_id is None:
        return False
    try:
        return bool(settings.client_id.render(scope))
    except (TemplateError, InputError):
        return False

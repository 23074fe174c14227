"""The options that say what stands in a new profile: everything that the form asks can be said without it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from authweave.cli.options import taking

if TYPE_CHECKING:
    from authweave.starting.start import Start

URLS: Final = ("token_url", "refresh_url", "authorization_url", "device_authorization_url", "issuer", "resource", "request_token_url", "access_token_url")
OPTION_OF: Final = {
    "auth.type": "--type", "auth.grant_type": "--grant", "auth.client_auth": "--client-auth", "auth.scopes": "--scope", "auth.service": "--service",
    "auth.fields": "--key-in", "fields": "--field", "servers": "--server", "test": "--test-url", "name": "NAME", "identity_provider": "--identity-provider",
    "description": "--description", "inputs.client_id": "--client-id", **{f"auth.{name}": f"--{name.replace('_', '-')}" for name in URLS},
}  # fmt: skip
"""Which option a key of the profile comes from."""

_OPTIONS: Final = (
    click.option("--type", "type_", metavar="TYPE", default="", help="The auth type: oauth2 (default), basic, api_key, bearer, oauth1, negotiate, digest, ntlm, none."),
    click.option("--grant", metavar="GRANT", default="", help="How a token is got: client_credentials, authorization_code, device_code, password, refresh_token, jwt_bearer."),
    click.option("--identity-provider", metavar="TEXT", default="", help="What people call the provider."),
    click.option("--description", metavar="TEXT", default="", help="For people who choose from a list."),
    click.option("--client-id", metavar="ID", default="", help="Default of the input client_id. Never a secret."),
    click.option("--client-auth", metavar="METHOD", default="", help="client_secret_basic (default), client_secret_post, none, private_key_jwt …"),
    click.option("--token-url", metavar="URL", default="", help="Token request URL; {tenant} in a host is an input."),
    click.option("--refresh-url", metavar="URL", default="", help="Refresh token URL, if it is another."),
    click.option("--authorization-url", metavar="URL", default="", help="Where a person signs in."),
    click.option("--device-authorization-url", metavar="URL", default="", help="Where a sign-in at another device begins."),
    click.option("--issuer", metavar="URL", default="", help="Whose metadata name the endpoints, without asking for them now (--from asks)."),
    click.option("--resource", metavar="URL", default="", help="The API that says who its issuer is, or the parameter resource."),
    click.option("--request-token-url", metavar="URL", default="", help="Request token link of OAuth v1."),
    click.option("--access-token-url", metavar="URL", default="", help="Access token link of OAuth v1."),
    click.option("--scope", multiple=True, metavar="KEY=VALUE", help="A scope, as scope=read, audience=crm or a value alone."),
    click.option("--field", multiple=True, metavar="PLACE:KEY=VALUE", help="An authorization field: header:X-Channel=bot, payload:…, query:…, path:…"),
    click.option("--secret", multiple=True, metavar="NAME", help="An input, read in a field, that is a secret."),
    click.option("--key-in", metavar="PLACE:NAME", default="", help="Where an API key goes: header:X-API-Key (default), query:key …"),
    click.option("--service", metavar="NAME", default="", help="The service principal of Kerberos."),
    click.option("--server", multiple=True, metavar="URL", help="An origin that may get the credential."),
    click.option("--test-url", metavar="URL", default="", help="The request that test sends, such as /v1/me."),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Contents:
    """What the options say of a new profile; '' and empty is *not said*."""

    type_: str = ""
    grant: str = ""
    identity_provider: str = ""
    description: str = ""
    client_id: str = ""
    client_auth: str = ""
    token_url: str = ""
    refresh_url: str = ""
    authorization_url: str = ""
    device_authorization_url: str = ""
    issuer: str = ""
    resource: str = ""
    request_token_url: str = ""
    access_token_url: str = ""
    scope: tuple[str, ...] = ()
    field: tuple[str, ...] = ()
    secret: tuple[str, ...] = ()
    key_in: str = ""
    service: str = ""
    server: tuple[str, ...] = ()
    test_url: str = ""

    @property
    def is_complete(self) -> bool:
        """Do they say how to authenticate, so that nobody has to be asked?"""
        return bool(self.type_ or self.grant or any(self.urls.values()))

    @property
    def urls(self) -> dict[str, str]:
        """The endpoints that are said, by key of `auth`."""
        return {name: url for name in URLS if (url := getattr(self, name))}

    def start(self, name: str) -> Start:
        """The content as far as it is said. Raises UsageError."""
        import dataclasses

        from authweave.starting.form import likely_secrets, path_keys
        from authweave.starting.inputs import tidied, with_braces
        from authweave.starting.parsing import key_place, new_field, scope_pair
        from authweave.starting.start import Start

        kind = self.type_ or "oauth2"
        said = Start(
            name, self.identity_provider, kind, self.grant, self.client_auth, tidied(self.urls), tuple(map(scope_pair, self.scope)),
            tuple(map(new_field, self.field)), description=self.description, client_id=self.client_id, service=self.service,
            key_in=key_place(self.key_in) if self.key_in else ("", ""),
        )  # fmt: skip
        said = dataclasses.replace(
            said, servers=tuple(with_braces(server, path_keys(said)) for server in self.server), test_url=with_braces(self.test_url, path_keys(said))
        )
        return dataclasses.replace(said, secrets=frozenset(self.secret) | likely_secrets(said))

    def check(self, start: Start) -> None:
        """Raises click.UsageError for what cannot be said so: a type that asks for more, an input that is not there."""
        from authweave.starting.form import of_fields
        from authweave.starting.start import GRANTS, TYPES

        if start.type not in TYPES:
            raise click.UsageError(f"--type {start.type}: new knows {', '.join(TYPES)}; for another begin with --like PROFILE (authweave list)")
        if start.grant and start.type == "oauth2" and start.grant not in GRANTS and not start.grant.startswith("urn:"):
            raise click.UsageError(f"--grant {start.grant}: new knows {', '.join(GRANTS)}; for another begin with --like PROFILE (authweave list)")
        if start.type != "oauth2" and (extra := [option for option, given in (("--grant", start.grant), ("--scope", start.scopes), ("--client-auth", start.client_auth)) if given]):
            raise click.UsageError(f"{', '.join(extra)} goes with --type oauth2, not with {start.type}")
        known = {*of_fields(start)}
        if unread := [name for name in self.secret if name not in known]:
            raise click.UsageError(f"--secret {unread[0]}: no field or scope reads {{{{ inputs.{unread[0]} }}}}")


def contents_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of Contents; the function gets them as `contents`."""
    return taking(Contents, "contents", _OPTIONS)(function)

"""From checked data to a frozen Profile. Called only for data without errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from authweave.binding.parts import Parts, made, value_at
from authweave.binding.reads import Reads
from authweave.checking.defaults import auth_paths, gets_token, grant_of, parts_of, properties_of, scheme_of, sent_grant
from authweave.checking.document import Checked
from authweave.profile import (
    Discovery,
    Field,
    Input,
    Profile,
    TokenSettings,
    Variant,
)
from authweave.schemes.oauth2 import OAuth2
from authweave.values import Path, dotted

_OF_TOKENS: Final = frozenset(OAuth2.schema["properties"])
"""Keys that `TokenSettings` holds."""


def bind(checked: Checked) -> Profile:
    """The profile of a document that has been found valid."""
    return _Binder(checked).profile()


class _Binder:
    """Carries the checked document while the profile is made."""

    def __init__(self, checked: Checked) -> None:
        self.checked = checked
        self.full = checked.full
        self.compiled = checked.compiled
        self.inputs = {name: _input(name, spec, name not in (checked.data.get("inputs") or {})) for name, spec in self.full["inputs"].items()}
        self.vars = {name: self.compiled[("vars", name)] for name in self.full["vars"]}
        self.parts = Parts(checked)
        self.reads = Reads(checked, self.inputs, self.vars)

    def profile(self) -> Profile:
        full = self.full
        fields = self.parts.fields(("fields",))
        return Profile(
            name=full["name"],
            version=full["version"],
            identity_provider=full.get("identity_provider", ""),
            description=full["description"],
            documentation=full["documentation"],
            subject=full["subject"],
            inputs=self.inputs,
            vars=self.vars,
            servers=tuple(self.compiled[("servers", index)] for index in range(len(full["servers"]))),  # type: ignore[misc]  # sites of kind server are URLs
            variants=tuple(self.variant(path, auth, fields) for path, auth in auth_paths(full)),
            fields=fields,
            tests=self.parts.tests(),
            abstract=full.get("abstract", False),
            merged=self.checked.merged,
            resolved=full,
            tls={key: self.compiled.get(("tls", key), value) for key, value in full.get("tls", {}).items()},
        )

    def variant(self, path: Path, auth: Mapping[str, Any], additions: tuple[Field, ...]) -> Variant:
        scheme = scheme_of(auth, self.checked.catalog)
        own = self.parts.fields((*path, "fields"))
        tokens = self.token_settings(path, auth) if gets_token(auth, self.checked.catalog) else None
        return Variant(
            name=auth.get("name", ""),
            scheme=made(scheme),
            when=self.parts.at(*path, "when"),
            fields=own,
            rejected_when=self.parts.matches((*path, "rejected_when")),
            tokens=tokens,
            origin=dotted(path),
            needs=self.reads.needs((*own, *additions), path if tokens is not None or _is_sealed(scheme) or "assertion" in auth else None),
            key_inputs=self.reads.of_token(path) if tokens else frozenset(),
            default_fields=self.has_default_fields(path),
            own=self.own(path, auth, scheme),
            seal=self.seal(auth, scheme),
        )

    def own(self, path: Path, auth: Mapping[str, Any], scheme: Any) -> dict[str, Any]:
        """The keys of the type itself, but for those that `TokenSettings` holds."""
        known = scheme.schema.get("properties", {})
        signed = {} if scheme.gets_token or "assertion" not in auth else {"assertion": self.parts.jwt((*path, "assertion"), auth["assertion"])}
        return signed | {key: self.compiled.get((*path, key), auth[key]) for key in known if key in auth and key not in _OF_TOKENS and key != "fields"}

    def seal(self, auth: Mapping[str, Any], scheme: Any) -> Any:
        """The class of the seal that signs the requests of this variant, or None."""
        name = "dpop" if auth.get("dpop") is True else getattr(scheme, "seal", "")
        return self.checked.catalog.find("seals", name) if name else None

    def token_settings(self, path: Path, auth: Mapping[str, Any]) -> TokenSettings:
        catalog = self.checked.catalog
        return TokenSettings(
            grant=made(grant_of(auth, catalog)),
            grant_type=sent_grant(auth, catalog),
            client_auth=made(catalog.find("client_auth", auth["client_auth"])),
            basic_encoding=auth["basic_encoding"],
            token_url=self.parts.at(*path, "token_url"),
            refresh_url=self.parts.at(*path, "refresh_url"),
            assertion=self.parts.jwt((*path, "assertion"), auth.get("assertion")),
            client_assertion=self.parts.jwt((*path, "client_assertion"), auth.get("client_assertion")),
            before=self.parts.steps((*path, "before"), auth.get("before", ())),
            after=self.parts.steps((*path, "after"), auth.get("after", ())),
            sign_in=self.parts.sign_in(path, auth),
            discovery=Discovery(self.parts.at(*path, "issuer"), self.parts.at(*path, "registration"), self.parts.at(*path, "registration_url")),
            dpop=auth.get("dpop", False),
            scopes=self.parts.scopes((*path, "scopes"), auth.get("scopes")),
            scope_separator=auth.get("scope_separator", " "),
            scopes_as_text=isinstance(auth.get("scopes"), str),
            audience=self.parts.at(*path, "audience"),
            resource=self.parts.at(*path, "resource"),
            token_request=self.parts.request((*path, "token_request"), auth["token_request"]),
            refresh_request=self.parts.request((*path, "refresh_request"), auth["refresh_request"]),
            token_response=self.parts.answer((*path, "token_response"), auth["token_response"]),
            refresh_with=auth["refresh_with"],
            refresh_before=float(auth["refresh_before"]),
            client_id=self.parts.at(*path, "client_id"),
            client_secret=self.parts.at(*path, "client_secret"),
            refresh_token=self.parts.at(*path, "refresh_token"),
            username=self.parts.at(*path, "username"),
            password=self.parts.at(*path, "password"),
            revoke_request=self.parts.request((*path, "revoke_request"), auth["revoke_request"]) if "revoke_request" in auth else None,
            default_fields=self.has_default_fields(path),
            when=self.parts.condition((*path, getattr(scheme_of(auth, catalog), "token_when", ""))),
            own={
                key: self.compiled.get((*path, key), auth[key])
                for part in parts_of(auth, catalog) for key in properties_of(part) if key in auth and key not in _OF_TOKENS
            },
        )

    def has_default_fields(self, path: Path) -> bool:
        """Does the profile leave the credential's place to its type, which has one?"""
        written = value_at(self.checked.data, path)
        return written.get("fields") is None and bool(scheme_of(written, self.checked.catalog).fields)


def _input(name: str, spec: Mapping[str, Any], implied: bool) -> Input:
    enum = spec.get("enum")
    return Input(
        name=name,
        title=spec.get("title", name),
        description=spec.get("description", ""),
        example=spec.get("example", ""),
        visibility=spec.get("visibility", "visible"),
        type=spec.get("type", "string"),
        pattern=spec.get("pattern"),
        enum=tuple(enum) if enum is not None else None,
        format=spec.get("format"),
        default=spec.get("default"),
        required=spec.get("required", True),
        secret=spec.get("secret", False),
        supplied_by=spec.get("supplied_by", "application"),
        implied=implied,
    )


def _is_sealed(scheme: Any) -> bool:
    """Does every request of the type read the type's own keys, because it is signed?"""
    return bool(getattr(scheme, "seal", "")) or "string_to_sign" in scheme.schema.get("properties", {})

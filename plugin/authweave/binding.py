"""From checked data to a frozen Profile. Called only for data without errors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from authweave.answers.matching import statuses_of
from authweave.checking.defaults import auth_paths, gets_token, grant_of, parts_of, properties_of, scheme_of, sent_grant
from authweave.checking.document import Checked
from authweave.foreign import asked
from authweave.profile import (
    Answer,
    Callback,
    Discovery,
    Field,
    Input,
    Jwt,
    Keep,
    Match,
    Profile,
    Request,
    SignIn,
    Step,
    Test,
    TestRule,
    TokenSettings,
    Variant,
)
from authweave.schemes.oauth2 import OAuth2
from authweave.templates import Template
from authweave.values import Path, dotted

_OF_TOKENS: Final = frozenset(OAuth2.schema["properties"])
"""Keys that `TokenSettings` holds."""
_NO_TOKEN_CALL: Final = ("fields", "when", "rejected_when", "revoke_request", "redirect_uri", "authorization_url", "authorization_request", "callback", "registration", "registration_url")
"""Keys of `auth` that no token call reads: the inputs behind them are no part of the token's key."""


def bind(checked: Checked) -> Profile:
    """The profile of a document that has been found valid."""
    return _Binder(checked).profile()


class _Binder:
    """Carries the checked document while its parts are made."""

    def __init__(self, checked: Checked) -> None:
        self.checked = checked
        self.full = checked.full
        self.compiled = checked.compiled
        self.inputs = {name: _input(name, spec, name not in (checked.data.get("inputs") or {})) for name, spec in self.full["inputs"].items()}
        self.vars = {name: self.compiled[("vars", name)] for name in self.full["vars"]}

    def profile(self) -> Profile:
        full = self.full
        fields = self.fields(("fields",))
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
            tests=self.tests(),
            abstract=full.get("abstract", False),
            merged=self.checked.merged,
            resolved=full,
            tls={key: self.compiled.get(("tls", key), value) for key, value in full.get("tls", {}).items()},
        )

    def variant(self, path: Path, auth: Mapping[str, Any], additions: tuple[Field, ...]) -> Variant:
        scheme = scheme_of(auth, self.checked.catalog)
        own = self.fields((*path, "fields"))
        tokens = self.token_settings(path, auth) if gets_token(auth, self.checked.catalog) else None
        return Variant(
            name=auth.get("name", ""),
            scheme=_made(scheme),
            when=self.at(*path, "when"),
            fields=own,
            rejected_when=self.matches((*path, "rejected_when")),
            tokens=tokens,
            origin=dotted(path),
            needs=self.needs((*own, *additions), path if tokens is not None or _is_sealed(scheme) or "assertion" in auth else None),
            key_inputs=self.inputs_of(self.reads_below(path, beside=_NO_TOKEN_CALL)) | self.secrets_shown() if tokens else frozenset(),
            default_fields=self.has_default_fields(path),
            own=self.own(path, auth, scheme),
            seal=self.seal(auth, scheme),
        )

    def own(self, path: Path, auth: Mapping[str, Any], scheme: Any) -> dict[str, Any]:
        """The keys of the type itself, but for those that `TokenSettings` holds."""
        known = scheme.schema.get("properties", {})
        made = {} if scheme.gets_token or "assertion" not in auth else {"assertion": self.jwt((*path, "assertion"), auth["assertion"])}
        return made | {key: self.compiled.get((*path, key), auth[key]) for key in known if key in auth and key not in _OF_TOKENS and key != "fields"}

    def seal(self, auth: Mapping[str, Any], scheme: Any) -> Any:
        """The class of the seal that signs the requests of this variant, or None."""
        name = "dpop" if auth.get("dpop") is True else getattr(scheme, "seal", "")
        return self.checked.catalog.find("seals", name) if name else None

    def needs(self, fields: Iterable[Field], token_path: Path | None) -> frozenset[str]:
        """The inputs that every request of the variant reads: conditional and optional fields may do without."""
        reads: set[tuple[str, ...]] = set()
        for field in fields:
            if field.when is None and not field.optional:
                reads |= field.value.reads
        for index in range(len(self.full["servers"])):
            reads |= self.compiled[("servers", index)].reads
        reads |= self.reads_below(("tls",), beside=())
        if token_path is not None:
            reads |= self.reads_below(token_path, beside=(*_NO_TOKEN_CALL, "refresh_request"))
        return self.inputs_of(reads)

    def reads_below(self, path: Path, *, beside: tuple[str, ...]) -> set[tuple[str, ...]]:
        depth = len(path)
        return {
            read for at, compiled in self.compiled.items() if at[:depth] == path and at[depth] not in beside for read in compiled.reads
        }

    def secrets_shown(self) -> frozenset[str]:
        """The secret inputs behind the certificate that token calls show: part of what an unattended token rests on."""
        if "token" not in self.full.get("tls", {}).get("calls", ()):
            return frozenset()
        return frozenset(name for name in self.inputs_of(self.reads_below(("tls",), beside=())) if self.inputs[name].secret)

    def inputs_of(self, reads: Iterable[tuple[str, ...]]) -> frozenset[str]:
        """The inputs behind look-ups, those that variables read included."""
        names: set[str] = set()
        waiting, seen = list(reads), set()
        while waiting:
            read = waiting.pop()
            if read in seen:
                continue
            seen.add(read)
            if read[0] == "inputs":
                names |= {read[1]} if len(read) > 1 else set(self.inputs)
            elif read[0] == "vars" and len(read) > 1:
                waiting += self.vars[read[1]].reads
        return frozenset(names)

    def token_settings(self, path: Path, auth: Mapping[str, Any]) -> TokenSettings:
        catalog = self.checked.catalog
        return TokenSettings(
            grant=_made(grant_of(auth, catalog)),
            grant_type=sent_grant(auth, catalog),
            client_auth=_made(catalog.find("client_auth", auth["client_auth"])),
            basic_encoding=auth["basic_encoding"],
            token_url=self.at(*path, "token_url"),
            refresh_url=self.at(*path, "refresh_url"),
            assertion=self.jwt((*path, "assertion"), auth.get("assertion")),
            client_assertion=self.jwt((*path, "client_assertion"), auth.get("client_assertion")),
            before=self.steps((*path, "before"), auth.get("before", ())),
            after=self.steps((*path, "after"), auth.get("after", ())),
            sign_in=self.sign_in(path, auth),
            discovery=Discovery(self.at(*path, "issuer"), self.at(*path, "registration"), self.at(*path, "registration_url")),
            dpop=auth.get("dpop", False),
            scopes=self.scopes((*path, "scopes"), auth.get("scopes")),
            scope_separator=auth.get("scope_separator", " "),
            scopes_as_text=isinstance(auth.get("scopes"), str),
            audience=self.at(*path, "audience"),
            resource=self.at(*path, "resource"),
            token_request=self.request((*path, "token_request"), auth["token_request"]),
            refresh_request=self.request((*path, "refresh_request"), auth["refresh_request"]),
            token_response=self.answer((*path, "token_response"), auth["token_response"]),
            refresh_with=auth["refresh_with"],
            refresh_before=float(auth["refresh_before"]),
            client_id=self.at(*path, "client_id"),
            client_secret=self.at(*path, "client_secret"),
            refresh_token=self.at(*path, "refresh_token"),
            username=self.at(*path, "username"),
            password=self.at(*path, "password"),
            revoke_request=self.request((*path, "revoke_request"), auth["revoke_request"]) if "revoke_request" in auth else None,
            default_fields=self.has_default_fields(path),
            when=self.condition((*path, getattr(scheme_of(auth, catalog), "token_when", ""))),
            own={
                key: self.compiled.get((*path, key), auth[key])
                for part in parts_of(auth, catalog) for key in properties_of(part) if key in auth and key not in _OF_TOKENS
            },
        )

    def jwt(self, path: Path, written: Any) -> Any:
        """A Jwt to make, or the template of one that is ready."""
        if not isinstance(written, dict):
            return self.at(*path)
        parts = {key: self.compiled.get((*path, key), written[key]) for key in ("algorithm", "signing_key", "key_id", "header", "claims", "lifetime") if key in written}
        return Jwt(**parts, origin=dotted(path))

    def steps(self, path: Path, steps: Iterable[Mapping[str, Any]]) -> tuple[Step, ...]:
        return tuple(
            Step(
                name=step["name"],
                request=self.request((*path, index, "request"), step["request"]),
                response=self.answer((*path, index, "response"), step["response"]),
                phases=frozenset(step["phases"]),
                when=self.at(*path, index, "when"),
                origin=dotted((*path, index)),
            )
            for index, step in enumerate(steps)
        )

    def sign_in(self, path: Path, auth: Mapping[str, Any]) -> SignIn:
        callback = auth.get("callback", {})
        keep = tuple(self.keep((*path, "callback", "keep", name), name, item) for name, item in callback.get("keep", {}).items())
        code = self.at(*path, "callback", "code")
        return SignIn(
            authorization_url=self.at(*path, "authorization_url"),
            device_authorization_url=self.at(*path, "device_authorization_url"),
            request=self.request((*path, "authorization_request"), auth["authorization_request"]) if "authorization_request" in auth else None,
            callback=Callback(code, keep) if code is not None else None,
            redirect_uri=self.at(*path, "redirect_uri"),
            pkce=auth.get("pkce", "S256") or "",
        )

    def has_default_fields(self, path: Path) -> bool:
        """Does the profile leave the credential's place to its type, which has one?"""
        written = _value(self.checked.data, path)
        return written.get("fields") is None and bool(scheme_of(written, self.checked.catalog).fields)

    def scopes(self, path: Path, scopes: Any) -> tuple[tuple[str, Any], ...]:
        if isinstance(scopes, str):
            return (("scope", self.at(*path)),)
        return tuple(
            (item["key"], self.at(*path, index, "value")) if isinstance(item, dict) else ("scope", self.at(*path, index))
            for index, item in enumerate(scopes or [])
        )

    def request(self, path: Path, request: Mapping[str, Any]) -> Request:
        return Request(
            method=self.written((*path, "method"), request["method"].upper()),
            url=self.at(*path, "url"),
            encoding=request["encoding"],
            content_type=self.written((*path, "content_type"), request.get("content_type")),
            content=self.at(*path, "content"),
            fields=self.fields((*path, "fields")),
            omit=frozenset(request["omit"]),
            rename=request["rename"],
            origin=dotted(path),
        )

    def answer(self, path: Path, answer: Mapping[str, Any]) -> Answer:
        members = {name: self.at(*path, name) for name in answer if name not in ("keep", "accepted_when") and not name.startswith("x-")}
        keep = tuple(self.keep((*path, "keep", name), name, item) for name, item in (answer.get("keep") or {}).items())
        return Answer(members, keep, self.matches((*path, "accepted_when")), frozenset(members))

    def keep(self, path: Path, name: str, item: Any) -> Keep:
        if isinstance(item, str):
            return Keep(name, self.at(*path), origin=dotted(path))
        pattern = item.get("pattern")
        return Keep(name, self.at(*path, "value"), pattern, item.get("secret", pattern is None), dotted(path))

    def fields(self, path: Path) -> tuple[Field, ...]:
        return tuple(self.field((*path, index), spec) for index, spec in enumerate(_value(self.full, path) or []))

    def field(self, path: Path, spec: Mapping[str, Any]) -> Field:
        value = self.at(*path, "value")
        return Field(
            placement=_made(self.checked.catalog.find("placements", spec["in"])),
            key=spec["key"],
            value=value,
            when=self.at(*path, "when"),
            optional=spec.get("optional", False),
            on_conflict=spec["on_conflict"],
            origin=dotted(path),
            secret=self.checked.secrecy.is_secret(value.reads),
        )

    def matches(self, path: Path) -> tuple[Match, ...]:
        return tuple(
            Match(statuses_of(match.get("status", ())), self.at(*path, index, "when"), dotted((*path, index)))
            for index, match in enumerate(_value(self.full, path) or [])
        )

    def tests(self) -> tuple[Test, ...] | str:
        tests = self.full["test"]
        if isinstance(tests, str):
            return tests
        if isinstance(tests, dict):
            return (self.test(("test",), tests),)
        return tuple(self.test(("test", index), test) for index, test in enumerate(tests))

    def test(self, path: Path, test: Mapping[str, Any]) -> Test:
        rules = tuple(
            TestRule(self.at(*path, "rules", index, "when"), self.at(*path, "rules", index, "message"))
            for index in range(len(test.get("rules", [])))
        )
        return Test(
            name=test.get("name", ""),
            request=self.request((*path, "request"), test["request"]),
            when=self.at(*path, "when"),
            accepted_when=self.matches((*path, "accepted_when")),
            rules=rules,
            origin=dotted(path),
        )

    def written(self, path: Path, literal: Any) -> Any:
        """The template at a path; for a text without one the literal."""
        return self.compiled.get(path, literal)

    def condition(self, path: Path) -> Template | None:
        """The text at a path as a condition; None where nothing is written, or a URL."""
        made = self.at(*path)
        return made if isinstance(made, Template) else None

    def at(self, *path: str | int) -> Any:
        """The compiled value at a path, or None where nothing is written."""
        return self.compiled.get(path)


def _value(data: Any, path: Path) -> Any:
    for part in path:
        data = data.get(part) if isinstance(data, dict) else data[part]
    return data


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


def _made(kind: Any) -> Any:
    """An object of an extension's class. Raises ExtensionFailed."""
    return asked(kind, kind)

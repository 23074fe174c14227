"""The form: what is asked for a new profile, in the order and words of Kore.ai's form, one question at a time."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from authweave.starting.inputs import inputs_of, tidied, titled, with_braces
from authweave.starting.parsing import key_place, looks_secret, new_field, scope_pair
from authweave.starting.start import GRANTS, TYPES, Start

Shown = Callable[[Start], str]


@dataclass(frozen=True, slots=True)
class Question:
    """One thing that is asked. `put` gives the content with an answer, and raises UsageError for what is none.

    `about` are the keys of the profile that the answer stands for: problems there are problems of the answer. `many`: asked
    until nothing more is said. `choices`: value and what people call it; the number of one is an answer, too.
    """

    label: str
    put: Callable[[Start, str], Start]
    about: tuple[str, ...]
    default: Shown = lambda start: ""
    hint: str = ""
    when: Callable[[Start], bool] = lambda start: True
    many: bool = False
    needed: bool = False
    choices: Mapping[str, str] = field(default_factory=dict)


def _is_oauth2(start: Start) -> bool:
    return start.type == "oauth2"


def _for(*types: str) -> Callable[[Start], bool]:
    return lambda start: start.type in types


def _set(name: str) -> Callable[[Start, str], Start]:
    def put(start: Start, answer: str) -> Start:
        changes: dict[str, Any] = {name: answer}
        return dataclasses.replace(start, **changes)

    return put


def _url(name: str) -> Callable[[Start, str], Start]:
    def put(start: Start, answer: str) -> Start:
        others = {key: url for key, url in start.urls.items() if key != name}
        return dataclasses.replace(start, urls={**others, **tidied({name: answer})})

    return put


def path_keys(start: Start) -> frozenset[str]:
    """The keys that path fields fill."""
    return frozenset(one.key for one in start.fields if one.place == "path")


def _put_type(start: Start, answer: str) -> Start:
    return dataclasses.replace(start, type=answer, grant="" if answer != "oauth2" else start.grant)


def _put_scope(start: Start, answer: str) -> Start:
    return dataclasses.replace(start, scopes=(*start.scopes, scope_pair(answer)))


def _put_field(start: Start, answer: str) -> Start:
    return dataclasses.replace(start, fields=(*start.fields, new_field(answer)))


def _put_server(start: Start, answer: str) -> Start:
    return dataclasses.replace(start, servers=(*start.servers, with_braces(answer.strip(), path_keys(start))))


def _put_test(start: Start, answer: str) -> Start:
    return dataclasses.replace(start, test_url=with_braces(answer.strip(), path_keys(start)))


def _put_secrets(start: Start, answer: str) -> Start:
    return dataclasses.replace(start, secrets=frozenset(answer.replace(",", " ").split()) if answer != "-" else frozenset())


def _put_key_in(start: Start, answer: str) -> Start:
    return dataclasses.replace(start, key_in=key_place(answer))


def of_fields(start: Start) -> list[str]:
    """The inputs that fields and scopes read, so that they may be secrets."""
    values = dataclasses.replace(start, servers=(), urls={}, test_url="", client_id="", service="")
    in_urls = inputs_of(dataclasses.replace(start, fields=(), scopes=()))
    return [name for name in inputs_of(values) if name not in in_urls]


def likely_secrets(start: Start) -> frozenset[str]:
    """Those of them that are secrets by their names."""
    return frozenset(filter(looks_secret, of_fields(start)))


NAME: Final = Question("Name", _set("name"), ("name",), hint="a-z, 0-9 and -; the file is called like it", needed=True)
SERVER: Final = Question(
    "Server that may get the credential", _put_server, ("servers",), many=True,
    hint="for example https://api.acme.example, or https://{tenant}.acme.example where each tenant has one; empty to go on",
)  # fmt: skip
TEST_URL: Final = Question(
    "Authorization check URL (Test)", _put_test, ("test",), hint="a request that needs the credential and changes nothing, such as /v1/me; empty for none",
    when=lambda start: bool(start.servers),
)  # fmt: skip
SCOPE: Final = Question(
    "Scope (key=value)", _put_scope, ("auth.scopes",), when=_is_oauth2, many=True, hint="scope=read, audience=crm, or a value alone; empty to go on"
)
PROVIDER: Final = Question(
    "Identity provider name", _set("identity_provider"), ("identity_provider",), default=lambda start: start.identity_provider or titled(start.name.replace("-", " ")), needed=True
)
FORM: Final = (
    Question("Authorization type", _put_type, ("auth.type",), default=lambda start: start.type, choices=TYPES),
    Question("Grant", _set("grant"), ("auth.grant_type",), default=lambda start: start.grant or "client_credentials", when=_is_oauth2, choices=GRANTS),
    PROVIDER,
    Question("Client ID", _set("client_id"), ("inputs.client_id",), default=lambda start: start.client_id, when=_is_oauth2, hint="no secret; empty if each deployment supplies its own"),
    Question("Token request URL", _url("token_url"), ("auth.token_url",), default=lambda start: start.urls.get("token_url", ""), when=_is_oauth2, hint="{tenant} stands for what differs between tenants", needed=True),
    Question("Authorization URL", _url("authorization_url"), ("auth.authorization_url",), default=lambda start: start.urls.get("authorization_url", ""), when=lambda start: start.grant == "authorization_code" and _is_oauth2(start), needed=True),
    Question("Device authorization URL", _url("device_authorization_url"), ("auth.device_authorization_url",), default=lambda start: start.urls.get("device_authorization_url", ""), when=lambda start: start.grant == "device_code" and _is_oauth2(start), needed=True),
    Question("Request token link", _url("request_token_url"), ("auth.request_token_url",), default=lambda start: start.urls.get("request_token_url", ""), when=_for("oauth1"), hint="empty if the token is supplied"),
    Question("User authorization link", _url("authorization_url"), ("auth.authorization_url",), default=lambda start: start.urls.get("authorization_url", ""), when=lambda start: start.type == "oauth1" and "request_token_url" in start.urls, needed=True),
    Question("Access token link", _url("access_token_url"), ("auth",), default=lambda start: start.urls.get("access_token_url", ""), when=lambda start: start.type == "oauth1" and "request_token_url" in start.urls, needed=True),
    Question("Client authentication", _set("client_auth"), ("auth.client_auth",), default=lambda start: start.client_auth or "client_secret_basic", when=_is_oauth2, choices={"client_secret_basic": "id and secret in a Basic header", "client_secret_post": "id and secret in the body", "none": "a public client: only the id"}),
    SCOPE,
    Question("Refresh token URL", _url("refresh_url"), ("auth.refresh_url",), default=lambda start: start.urls.get("refresh_url", ""), when=_is_oauth2, hint="empty: the token request URL"),
    Question("Service principal", _set("service"), ("auth.service",), default=lambda start: start.service, when=_for("negotiate"), hint="such as HTTP@intranet.acme.example; empty: of the host"),
    Question("Where the API key goes", _put_key_in, ("auth.fields",), default=lambda start: ":".join(start.key_in) if all(start.key_in) else "header:X-API-Key", when=_for("api_key"), hint="place:name"),
    Question("Description", _set("description"), ("description",), default=lambda start: start.description, hint="for people who choose from a list"),
    Question("Authorization field (place:key=value)", _put_field, ("fields",), many=True, hint="header:X-Channel=bot, payload:…, query:…, path:…; {{ inputs.pin }} reads an input; empty to go on"),
    Question("Inputs that are secrets", _put_secrets, ("inputs",), default=lambda start: " ".join(sorted(likely_secrets(start))) or "-", when=lambda start: bool(of_fields(start)), hint="their names, with blanks between; - for none"),
    SERVER,
    TEST_URL,
)  # fmt: skip


def left_open(start: Start, *, is_named: bool) -> tuple[Question, ...]:
    """What a provider's metadata cannot say, as far as nobody said it. `is_named`: somebody said what people call the provider."""
    asked = ((PROVIDER, is_named), (SCOPE, bool(start.scopes)), (SERVER, bool(start.servers)), (TEST_URL, bool(start.test_url)))
    return tuple(question for question, is_said in asked if not is_said)

"""One engine that sees nothing of this machine, and calls nobody: what the suites try extensions with."""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from jsonschema import Draft202012Validator

from authweave.call import TokenCall, token_call
from authweave.connections.connection import Connection
from authweave.connections.credential import Credential
from authweave.drafts.draft import Placed
from authweave.engine import Engine
from authweave.errors import AuthweaveError, ExtensionFailed
from authweave.extensions.catalog import Catalog
from authweave.hookspecs import hookimpl
from authweave.loading import check_text, loads
from authweave.settings import Settings
from authweave.values import Consent, Secret, TaskRequest, TaskResponse
from authweave.wire import Wire

API: Final = "https://api.example.com"
TOKEN_URL: Final = "https://idp.example.com/token"
CLIENT: Final = {"client_id": "trial-client", "client_secret": "s3cr3t +/%&=: of the client"}
ODD: Final = (
    "s3cr3t +/%&=;:@", "s3cr3t {{ inputs.client_secret }}", "s3cr3t \"'\\<>", "s3cr3t ü€😀", "s3cr3t\r\nX-Evil: 1", "s3cr3t\x00\x1b[2J",
    "s3cr3t \ud800", "s3cr3t " * 3000,
)  # fmt: skip
"""What a value may hold: what separates elsewhere, a template, quotes, other alphabets, line ends, controls, half a character, much."""


@functools.cache
def built_in() -> Catalog:
    """What there is without any package."""
    return Catalog(installed=False)


@functools.cache
def catalog_with(kind: str, extension: Any) -> Catalog:
    """The built-ins, and this class; a built-in is there already. Raises ExtensionError."""
    catalog = built_in()
    known = catalog.named(kind).get(getattr(extension, "name", ""))
    if known is None or not issubclass(extension, known):
        catalog = Catalog(installed=False)
        hook = partial(_register, extension)
        plugin = type("Package", (), {f"register_{kind}": staticmethod(hookimpl(_named(f"register_{kind}", hook)))})
        catalog.add(plugin(), extension.__module__, "the package under test")
    return catalog


def _register(extension: type[Any], register: Any) -> None:
    register(extension)


def _named(name: str, hook: Any) -> Any:
    def function(register: Any) -> None:
        hook(register)

    function.__name__ = name
    return function


@dataclass
class Trial:
    """A profile with this `auth`, its engine, and a connection with these inputs. Token calls are answered here, and kept in `asked`."""

    catalog: Catalog
    auth: Mapping[str, Any]
    inputs: Mapping[str, Any]
    more: Mapping[str, Any] = field(default_factory=dict)
    asked: list[TaskRequest] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The profile."""
        data = {"format": 1, "name": "trial", "identity_provider": "Trial", "servers": [API], "auth": dict(self.auth), **self.more}
        return json.dumps(data)

    def problems(self) -> list[str]:
        """What `validate` calls an error in it."""
        return [str(problem) for problem in check_text(self.text, "trial.json", catalog=self.catalog).problems if problem.severity == "error"]

    def connection(self, **changed: Any) -> Connection:
        """A connection, with some inputs changed; of those that the profile does not read none is given."""
        profile = loads(self.text, "trial.json", catalog=self.catalog)
        engine = Engine(
            catalog=self.catalog, settings=Settings(sources=(), observers=(), origins={}, environment={}), wire=Wire(environ={}, proxy="")
        )
        engine.exchange = self._exchange
        given = {name: value for name, value in {**self.inputs, **changed}.items() if name in profile.inputs and value is not None}
        return engine.connect(profile, subject="ada" if profile.subject == "user" else None, inputs=given)

    def without(self, name: str) -> Connection:
        """A connection that lacks one input."""
        return self.connection(**{name: None})

    def call(self, **changed: Any) -> TokenCall:
        """The token call that its grant and client authentication have made; a person has consented where that is needed."""
        connection = self.connection(**changed)
        scope = connection.scope(connection.inputs(), None)
        scope["consent"] = Consent(Secret("c0de", "the suite"), Secret("v3rifier", "the suite"), f"{API}/callback")
        settings = connection.profile.variants[0].tokens
        assert settings is not None, "the type gets no token"
        return token_call(settings, scope, None)

    def key(self, **changed: Any) -> str:
        """Under which key its token is stored."""
        connection = self.connection(**changed)
        return Credential(connection, connection.profile.variants[0]).token_key(connection.inputs()).digest()

    def _exchange(self, request: TaskRequest, seconds: float, placed: tuple[Placed, ...], *, wire: Wire | None = None) -> TaskResponse:
        self.asked.append(request)
        body = {"access_token": "AT-of-the-suite", "token_type": "Bearer", "expires_in": 900}
        return TaskResponse(200, (("Content-Type", "application/json"),), json.dumps(body).encode())


def values_for(specs: Mapping[str, Mapping[str, Any]], given: Mapping[str, Any]) -> dict[str, Any]:
    """A value for each input: the one that is given, or one that is made up."""
    made = {name: spec.get("example") or f"s3cr3t-of-{name}" for name, spec in specs.items()}
    return {**CLIENT, **made, **given}


def required(specs: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The inputs that somebody must supply."""
    return [name for name, spec in specs.items() if spec.get("required", True) and "default" not in spec]


def words_of(error: BaseException) -> Iterator[str]:
    """Everything that an error would show: its words, and those of what hangs on it."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            yield f"{one} {one!r}"
            waiting += [one.__cause__, one.__context__]


def refusal_of(work: Any) -> AuthweaveError | None:
    """The typed error that something ends with, or None. What the extension itself raised and is foreign passes, and fails the test."""
    try:
        work()
    except ExtensionFailed:
        raise
    except AuthweaveError as error:
        return error
    return None


def in_a_crowd(work: Any, many: int = 32) -> list[Any]:
    """What many threads get that do the same at once."""
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda _: work(), range(many)))


def check_schema(schema: Any) -> None:
    """A fragment of the profile's schema: a JSON Schema of an object, whose keys say what they are for."""
    Draft202012Validator.check_schema(schema)
    keys = schema.get("properties", {})
    assert schema.get("type", "object") == "object"
    assert [key for key, part in keys.items() if isinstance(part, dict) and not part.get("description")] == [], "keys without a description"
    assert set(schema.get("required", ())) <= {*keys, "fields"}


def check_unchanged(work: Any, value: Any) -> None:
    """Does it leave alone what it is given, and say the same again?"""
    before = copy.deepcopy(value)
    first, second = work(value), work(copy.deepcopy(before))
    assert value == before, "what was given is changed"
    assert first == second, "asked again, it says something else"

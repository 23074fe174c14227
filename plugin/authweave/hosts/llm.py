"""llm: a toolbox with which a model calls an API, with the credential of a profile that the person chose.

    llm -T 'Authweave("acme-crm,tenant=blue")' 'Who am I there?'

llm loads this module at every start, so what is heavy is imported when a tool is called.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from functools import partial
from types import MethodType
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

import click
import llm

from authweave.hosts.loops import is_in_loop

if TYPE_CHECKING:
    from authweave.connections.connection import Connection
    from authweave.hosts.named import Named
    from authweave.probe.known import Known
    from authweave.sending import Answer
    from authweave.values import TaskRequest

LONGEST: Final = 600.0
MOST_READ: Final = 131072
MOST_SHOWN: Final = 32768
"""Characters: what a model gets of one answer."""
READING: Final = ("GET", "HEAD")
METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
SHOWN_HEADERS: Final = ("content-type", "location", "link", "retry-after")
_TEXT_IN_QUERY: Final = "!$&'()*+,;=:@/?%[]~"
_LONGEST_NAME: Final = 64


@llm.hookimpl
def register_tools(register: Any) -> None:
    """Offer the toolbox; llm makes one where a person names it."""
    register(Authweave)


class Authweave(llm.Toolbox):
    """Call an API with the credential of an auth profile.

    `profiles` is one `NAME[@VERSION][,tenant=…][,subject=…][,server=…]`, or several; `methods` is what the model may use
    beyond GET and HEAD: 'POST PATCH'; `seconds` hold for one send. llm keeps all of them in its logs: no secret has a place in them.
    """

    def __init__(self, profiles: str | list[str] = "", methods: str | list[str] = "", seconds: float = 30.0) -> None:
        self._seconds = _seconds(seconds)
        self._methods = (*READING, *(one for one in _methods(methods) if one not in READING))
        self._named = _named(profiles)
        self._is_async = False

    def tools(self) -> Any:
        """One tool for each profile, named after it."""
        for name, named in self._named.items():
            tool = llm.Tool.function(MethodType(_calling(named), self), name=name, description=self._description(named))
            tool.plugin = getattr(self, "plugin", None)
            yield tool

    def prepare(self) -> None:
        """Called before the tools are called one by one."""
        self._is_async = False

    async def prepare_async(self) -> None:
        """Called before the tools are called in an event loop."""
        self._is_async = True

    def _description(self, named: Named) -> str:
        connection = _connection(named)
        profile = connection.profile
        what = f" {' '.join(profile.description.split())}" if profile.description else ""
        return (
            f"Send an HTTP request to {profile.identity_provider or profile.name}, with a credential that is added on the way "
            f"and that nobody sees.{what} `url` is a path, or a URL of one of its servers ({_servers(connection)}). "
            f"`method` is one of {', '.join(self._methods)}. `query` is as it stands in a URL (a=1&b=2), `body` a JSON text. "
            "Answers with the status, some headers and the text. Redirects are not followed."
        )

    def _call(self, named: Named, method: Any, url: Any, query: Any, body: Any) -> Any:
        """The answer as a text; in an event loop, something to await."""
        work = partial(_answered, named, self._methods, self._seconds, method, url, query, body)
        return asyncio.to_thread(work) if self._is_async and is_in_loop() else work()


def _calling(named: Named) -> Any:
    def request(toolbox: Authweave, url: str, method: str = "GET", query: str = "", body: str = "") -> Any:
        return toolbox._call(named, method, url, query, body)

    return request


def _answered(named: Named, methods: tuple[str, ...], seconds: float, method: Any, url: Any, query: Any, body: Any) -> str:
    """What the model is told. Whatever is in it has gone through the redaction of this call."""
    from authweave.errors import ApplyError, AuthorizationRequired, AuthweaveError, UsageError, WireError
    from authweave.hosts.telling import failure, log
    from authweave.probe.known import Known

    known = Known()
    try:
        return _shown(_sent(_connection(named), _request(methods, method, url, query, body), seconds, known), named, known)
    except AuthorizationRequired as error:
        said = f"{named}: a person has to sign in first, at a terminal: {error.command}"
    except (ApplyError, UsageError, WireError) as error:
        return known.text(f"Not called: {error}" if not isinstance(error, WireError) else f"No answer: {error}")
    except AuthweaveError as error:
        said = failure(named, error)
    said = known.text(said)
    log.warning("%s", said)
    return f"Not called. For the person who asked: {said}"


def _sent(connection: Connection, request: TaskRequest, seconds: float, known: Known) -> Answer:
    from authweave.hosts.secrets_sent import learn_sent
    from authweave.sending import over_wire

    return over_wire(connection, request, seconds=seconds, cap=MOST_READ, truncate=True, hear=partial(learn_sent, known, connection))


def _request(methods: tuple[str, ...], method: Any, url: Any, query: Any, body: Any) -> TaskRequest:
    """What the model asked for. Raises UsageError."""
    from authweave.errors import UsageError
    from authweave.values import TaskRequest

    verb = str(method or "GET").upper()
    if verb not in methods:
        raise UsageError(f"this tool may send {', '.join(methods)}; not {verb[:20]!r}")
    if not isinstance(url, str) or not url:
        raise UsageError("url is missing: a path, or a URL")
    content = _json(body)
    headers = (("Accept", "application/json, */*;q=0.8"), *((("Content-Type", "application/json"),) if content is not None else ()))
    return TaskRequest(verb, _with_query(url.partition("#")[0], query), headers, content)


def _with_query(url: str, query: Any) -> str:
    pairs = isinstance(query, Mapping)
    text = urlencode({str(name): value for name, value in query.items()}, doseq=True) if pairs else quote(str(query or "").lstrip("?"), safe=_TEXT_IN_QUERY)
    return f"{url}{'&' if '?' in url else '?'}{text}" if text else url


def _json(body: Any) -> bytes | None:
    from authweave.errors import UsageError

    if body is None or body == "":
        return None
    try:
        text = body if isinstance(body, str) else json.dumps(body)
        json.loads(text)
    except (ValueError, TypeError, RecursionError):
        failure = "body is no JSON text"
    else:
        return text.encode(errors="replace")
    raise UsageError(failure)


def _shown(answer: Answer, named: Named, known: Known) -> str:
    from authweave.hosts.telling import refusal, tell

    reply = answer.reply
    lines = [f"HTTP {reply.status} {known.text(reply.reason)}".rstrip()]
    lines += [f"{name}: {known.text(value)}" for name in SHOWN_HEADERS for value in reply.header_lines(name)]
    tell(named, answer.judgement)
    if refused := refusal(named, answer.judgement):
        lines.append(f"For the person who asked: {known.text(refused)}")
    return "\n".join([*lines, "", _body(answer, known)])


def _body(answer: Answer, known: Known) -> str:
    from authweave.answers.responses import response_scope
    from authweave.values import TaskResponse

    reply = answer.reply
    if b"\0" in reply.body:
        return f"({len(reply.body)} bytes that are no text)"
    text = known.text(str(response_scope(TaskResponse(reply.status, reply.headers, reply.body))["text"]), lines=True)
    is_cut = reply.truncated or len(text) > MOST_SHOWN
    return f"{text[:MOST_SHOWN]}\n(cut here: the answer is longer)" if is_cut else text


def _connection(named: Named) -> Connection:
    from authweave.shared_engine import shared_engine

    return named.connection(shared_engine(keeps_tokens=True))


def _servers(connection: Connection) -> str:
    """The origins that the model may ask, as far as they are known before there is a token."""
    from authweave.errors import AuthweaveError
    from authweave.redaction import inert

    try:
        servers = connection.servers(connection.scope(connection.inputs(), None))
    except AuthweaveError:
        return "known once there is a token"
    return inert(", ".join(str(server.pattern) for server in servers))


def _named(given: Any) -> dict[str, Named]:
    """The connections by the names of their tools. Raises what llm's command line shows as one line."""
    from authweave.errors import AuthweaveError
    from authweave.hosts.named import Named

    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) and text for text in texts):
        raise click.UsageError("""Authweave needs the name of a profile: -T 'Authweave("acme-crm,tenant=blue")'""")
    found: dict[str, Named] = {}
    try:
        for text in texts:
            named = Named.of(text)
            _connection(named)
            found[_free_name(named, found)] = named
    except AuthweaveError as error:
        failure = str(error)
    else:
        return found
    raise click.UsageError(failure)


def _free_name(named: Named, taken: Mapping[str, Named]) -> str:
    """A name that every provider of models takes; it tells the profile and the tenant, and never who the user is."""
    words = re.sub(r"[^A-Za-z0-9]+", "_", f"{named.profile}_{named.tenant}").strip("_")
    names = (f"Authweave_{words}"[:_LONGEST_NAME - len(tail)] + tail for tail in ("", *(f"_{count}" for count in range(2, 1000))))
    return next(name for name in names if name not in taken)


def _methods(given: Any) -> tuple[str, ...]:
    words = tuple(str(word).upper() for word in (given.replace(",", " ").split() if isinstance(given, str) else given))
    if unknown := [word for word in words if word not in METHODS]:
        raise click.UsageError(f"Authweave: methods are {', '.join(METHODS)}; not {', '.join(unknown)}")
    return words


def _seconds(given: Any) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given <= LONGEST:
        raise click.UsageError(f"Authweave: seconds is a number up to {LONGEST:g}")
    return float(given)

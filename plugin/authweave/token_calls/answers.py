"""From the answer of a token endpoint to a Token, or to an error that says what is wrong with it (RFC 6749 §5)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from authweave.answers.bearer import wrong_bearer
from authweave.answers.matching import matches
from authweave.answers.responses import NotJson, content_type, parse_answer, response_scope
from authweave.answers.retry_after import retry_after
from authweave.call import given_refresh_token
from authweave.errors import (
    AuthweaveError,
    RateLimited,
    TemplateError,
    TokenAnswerError,
    TokenEndpointError,
    TokenError,
)
from authweave.profile import Answer, Keep, Step, TokenSettings
from authweave.redaction import Redactor
from authweave.templates.bounds import Unfit
from authweave.times import parse_http_date, parse_rfc3339
from authweave.tokens.records import Unheld, held
from authweave.values import NEVER, Secret, TaskResponse, Token

LONGEST_LIFETIME: Final = 1e10
"""Seconds (317 years); a longer life is cut off there. A point in time beyond it is none in seconds."""
_LONG_MAX: Final = 2.0**63
"""What servers in Java (WSO2) say for a token that never ends; a number beyond it is a mistake."""
UNSTATED_LIFETIME: Final = 600.0
"""An unattended token without a stated lifetime is used until it is rejected, and renewed beside the callers after this; a session is not."""
LONGEST_WORDS: Final = 8192
"""Characters of `scope` and `token_type` that are kept of an answer: they are stored with every token."""
_REPLACED: Final = ("access_token", "refresh_token", "id_token", "token_type", "scope")
_SECRET: Final = frozenset({"access_token", "refresh_token", "id_token"})
_SHOWN: Final = 200
_LONGEST_SHOWN: Final = 16_384
"""Characters of a server's words that are looked through for secrets, so that a part of them can be shown; of longer ones nothing is shown."""
_HALVES: Final = re.compile("[\ud800-\udfff]")
_NAME: Final = re.compile(r"[A-Za-z_@$][A-Za-z0-9_.:@$-]{0,59}")


@dataclass(frozen=True, slots=True)
class Reading:
    """What is needed beside the answer: the settings, the namespaces, the token that was refreshed, the time, the URL.

    `is_step`: it is not the token endpoint that answers, but the server that a step asked.
    """

    settings: TokenSettings
    scope: Mapping[str, Any]
    old: Token | None
    now: float
    sent_to: str
    is_step: bool = False

    @property
    def url(self) -> str:
        """The URL for messages: without its query, which may hold secrets, and without those that its path holds."""
        return Redactor(known_secrets(self.scope)).redact(self.sent_to.partition("?")[0])


def read_token(response: TaskResponse, reading: Reading) -> Token:
    """The token in an answer. Raises TokenEndpointError, TokenAnswerError, RateLimited."""
    scope = {**reading.scope, "response": response_scope(response)}
    answer = reading.settings.token_response
    if not _is_accepted(response, answer, scope):
        raise _refusal(response, answer, scope, reading)
    _refuse_unreadable(response, reading)
    access_token = _text(answer, "access_token", scope, response, reading)
    if not access_token:
        raise _without_token(response, answer, scope, reading)
    expires_at = _expires_at(answer, scope, response, reading)
    kept = _kept(answer.keep, scope, reading)
    refresh_token = _secret(_text(answer, "refresh_token", scope, response, reading), "token answer")
    token_type = _text(answer, "token_type", scope, response, reading)[:LONGEST_WORDS] or "Bearer"
    if reading.settings.dpop:
        _refuse_downgrade(token_type, response, reading)
    if reading.settings.default_fields:
        _refuse_as_bearer(access_token, token_type, answer, response, reading)
    return Token(
        access_token=Secret(access_token, "token answer"),
        expires_at=expires_at,
        renew_at=_renew_at(expires_at, reading),
        issued_at=reading.now,
        refresh_token=refresh_token or _presented(reading),
        id_token=_secret(_text(answer, "id_token", scope, response, reading), "token answer"),
        token_type=token_type,
        scope=_text(answer, "scope", scope, response, reading)[:LONGEST_WORDS] or None,
        kept=kept,
    )


def read_before(response: TaskResponse, reading: Reading, step: Step) -> dict[str, Any]:
    """What a step before the token request keeps. Raises TokenEndpointError, TokenAnswerError, RateLimited, TemplateError."""
    scope = _step_scope(response, reading, step)
    kept = _kept(step.response.keep, scope, reading)
    return {item.name: kept[item.name] for item in step.response.keep}


def read_after(response: TaskResponse, reading: Reading, step: Step, token: Token) -> Token:
    """The token with what the answer of a step after the token request replaces, and what it keeps.

    Without `response` the step's answer is read as that of a token endpoint; with it, only what is written there is. Of
    another access token whose end is not said, none is known. Raises as `read_before`.
    """
    answer, scope = step.response, _step_scope(response, reading, step)
    names = [name for name in _REPLACED if name in answer.members or not answer.says_anything]
    texts = {name: _text(answer, name, scope, response, reading) for name in names}
    if "access_token" in answer.members and not texts["access_token"]:
        raise _without_token(response, answer, scope, reading)
    replaced: dict[str, Any] = {name: Secret(text, "token answer") if name in _SECRET else text[:LONGEST_WORDS] for name, text in texts.items() if text}
    expires_at = token.expires_at
    if "access_token" in replaced or _says_when(answer, scope):
        expires_at = _expires_at(answer, scope, response, reading)
    return replace(
        token, **replaced, expires_at=expires_at, renew_at=_renew_at(expires_at, reading), kept=_kept(answer.keep, scope, reading)
    )


def _step_scope(response: TaskResponse, reading: Reading, step: Step) -> dict[str, Any]:
    """The namespaces with the answer of a step that was accepted."""
    scope = {**reading.scope, "response": response_scope(response)}
    answer = step.response
    is_good = any(matches(match, response.status, scope) for match in answer.accepted_when) if answer.accepted_when else 200 <= response.status < 300
    if not is_good:
        raise _refusal(response, answer, scope, reading)
    return scope


def _says_when(answer: Answer, scope: Mapping[str, Any]) -> bool:
    """Does the answer say, where its reading looks for it, how long the token lives?"""
    name = "expires_at" if "expires_at" in answer.members else "expires_in"
    looks = name in answer.members or not answer.says_anything
    return looks and _member(answer, name, scope) not in (None, "")


def brought_refresh_token(response: TaskResponse, reading: Reading) -> Secret | None:
    """The refresh token of an answer whose rest cannot be used: where they rotate, no other is good any more."""
    with suppress(AuthweaveError):
        answer, scope = reading.settings.token_response, {**reading.scope, "response": response_scope(response)}
        if _is_accepted(response, answer, scope):
            return _secret(_text(answer, "refresh_token", scope, response, reading), "token answer")
    return None


def _presented(reading: Reading) -> Secret | None:
    """The refresh token that goes on where the answer brings none: the old one, or the one that was given."""
    return reading.old.refresh_token if reading.old else given_refresh_token(reading.settings, reading.scope)


def read_revocation(response: TaskResponse, reading: Reading) -> None:
    """Nothing, where the token is of no more use: ended now, or (RFC 7009 §2.2) one that the server does not know.

    Some servers have words for the latter. A log out may also lead to another page, or find nobody logged in. Raises TokenEndpointError, TokenAnswerError, RateLimited.
    """
    if response.status in (200, 204) or (reading.settings.is_session and (response.status < 400 or response.status == 401)):
        return
    answer, scope = reading.settings.token_response, {**reading.scope, "response": response_scope(response)}
    if 400 <= response.status < 500 and _error_words(answer, scope)[0] == "invalid_token":
        return
    raise _refusal(response, answer, scope, reading)


def refusal_word(response: TaskResponse, reading: Reading) -> str | None:
    """The error word of an answer that refuses (RFC 6749 §5.2); None where there is none."""
    scope = {**reading.scope, "response": response_scope(response)}
    return _error_words(reading.settings.token_response, scope)[0] if response.status >= 400 else None


def _refuse_downgrade(token_type: str, response: TaskResponse, reading: Reading) -> None:
    """A token that nobody has to prove the key of is worth more to a thief: it is not what was asked for (RFC 9449 §5 and §7.2)."""
    if token_type.lower() != "dpop":
        problem = f"the token is {_shown(token_type, reading.scope)}, although the request proved a key (DPoP): the server does not bind it; let it bind tokens for this client, or leave auth.dpop out"
        raise TokenAnswerError("token_not_bound", f"{reading.url}: {problem}", status=response.status, url=reading.url)


def _refuse_as_bearer(access_token: str, token_type: str, answer: Answer, response: TaskResponse, reading: Reading) -> None:
    """Where no `auth.fields` are written the token becomes a Bearer header: it must be a token for one (RFC 6749 §7.1).

    A type that the answer leaves out is Bearer: many servers do, although RFC 6749 §5.1 wants it.
    """
    kind, problem = "", ""
    if token_type.lower() != "bearer" and "token_type" not in answer.written and not reading.settings.dpop:
        kind = "token_not_bearer"
        problem = f"token_type is {_shown(token_type, reading.scope)}, not Bearer; write auth.fields for it, or token_response.token_type: Bearer"
    elif why := wrong_bearer(access_token):
        kind, problem = "token_not_sendable", f"the access token {why}; write auth.fields if it goes elsewhere"
    if problem:
        raise TokenAnswerError(kind, f"{reading.url}: {problem}", status=response.status, url=reading.url)


def _is_accepted(response: TaskResponse, answer: Answer, scope: Mapping[str, Any]) -> bool:
    if answer.accepted_when:
        return any(matches(match, response.status, scope) for match in answer.accepted_when)
    return 200 <= response.status < 300 and not (_error_words(answer, scope)[0] and not _member(answer, "access_token", scope))


def _refusal(response: TaskResponse, answer: Answer, scope: Mapping[str, Any], reading: Reading) -> TokenError:
    wait = retry_after(response.header("retry-after"), now=reading.now)
    error, description, uri = _error_words(answer, scope)
    if response.status in (429, 503) and (wait is not None or response.status == 429):
        seconds = wait if wait is not None else 1.0
        return RateLimited(url=reading.url, status=response.status, retry_at=reading.now + seconds, wait=seconds)
    if error is None and _is_html(response) and not reading.is_step:
        return _html(response, reading)
    if 300 <= response.status < 400:
        return TokenAnswerError(
            "redirect_to_login", f"{reading.url} redirected ({response.status}); a token call never follows a redirect",
            status=response.status, url=reading.url,
        )  # fmt: skip
    asked = "the request" if reading.is_step else "the token request"
    return TokenEndpointError(status=response.status, url=reading.url, error=error, error_description=description, error_uri=uri, asked=asked)


def _error_words(answer: Answer, scope: Mapping[str, Any]) -> tuple[str | None, str | None, str | None]:
    error: Any = _member(answer, "error", scope)
    description: Any = _member(answer, "error_description", scope)
    body = scope["response"]["json"]
    if error is None and isinstance(body, dict):
        error = body.get("code") if isinstance(body.get("code"), str) else None
    if isinstance(error, dict):
        error, description = error.get("code") or error.get("type"), description or error.get("message")
    uri = body.get("error_uri") if isinstance(body, dict) else None
    return _shown(error, scope), _shown(description, scope), _shown(uri, scope) if _is_page(uri) else None


def _is_page(uri: Any) -> bool:
    """Is it the URL of a page that a person can be sent to? Some make links of it."""
    return isinstance(uri, str) and re.match(r"https?://[^/?#@\s]+(?:[/?#]|\Z)", uri) is not None


def _shown(words: Any, scope: Mapping[str, Any]) -> str | None:
    """The server's words, short and inert; nothing but text, and without the secrets that some servers repeat."""
    if not isinstance(words, str | int) or isinstance(words, bool) or words == "":
        return None
    if isinstance(words, str) and len(words) > _LONGEST_SHOWN:
        return f"a text of {len(words)} characters"
    text = Redactor(known_secrets(scope)).redact(str(words))[:_SHOWN]  # whole: half a secret is not found
    return "".join(character if character.isprintable() else "�" for character in text) or None


def known_secrets(scope: Mapping[str, Any]) -> Iterator[tuple[str, Secret]]:
    """What the request may have held: the secret inputs that were read, what was kept, and the tokens that were refreshed."""
    yield from getattr(scope.get("inputs"), "secrets", ())
    for name, value in scope.get("kept", {}).items():
        if isinstance(value, Secret):
            yield name, value
    for name, value in scope.get("token", {}).items():
        if isinstance(value, Secret):
            yield name, value


def _is_html(response: TaskResponse) -> bool:
    start = (response.body or b"")[:200].lstrip().lower()
    return (bool(start) and content_type(response) in ("text/html", "application/xhtml+xml")) or start.startswith((b"<!doctype html", b"<html"))


def _html(response: TaskResponse, reading: Reading) -> TokenAnswerError:
    found = re.search(rb"<title[^>]{0,200}>([^<]*)", (response.body or b"")[:65536], re.IGNORECASE)
    title = f" titled '{_shown(found[1].decode('utf-8', 'replace').strip(), reading.scope)}'" if found and found[1].strip() else ""
    return TokenAnswerError(
        "html_instead_of_json", f"{reading.url} returned a web page{title}, not a token ({response.status})",
        status=response.status, url=reading.url,
    )  # fmt: skip


def _refuse_unreadable(response: TaskResponse, reading: Reading) -> None:
    """A default reading wants JSON (or a form); say what came instead. Written readings decide for themselves."""
    if "access_token" in reading.settings.token_response.written:
        return
    if not (response.body or b"").strip():
        raise TokenAnswerError("empty_or_partial_body", f"{reading.url} answered {response.status} without a body", status=response.status, url=reading.url)
    if response_scope(response)["form"] is not None:
        return
    problem = ""
    try:
        parse_answer(response.body or b"")
    except NotJson as error:
        problem = str(error)
    if not problem:
        return
    if _is_html(response):
        raise _html(response, reading)
    kind = _unreadable_kind((response.body or b"").strip())
    raise TokenAnswerError(
        kind, f"{reading.url} answered {response.status} with {_shown(content_type(response), reading.scope) or 'no content type'}: {problem}",
        status=response.status, url=reading.url,
    )  # fmt: skip


def _unreadable_kind(body: bytes) -> str:
    """JSON that ends in the middle, JSON that is wrong, or something else altogether."""
    if body[:1] not in (b"{", b"["):
        return "wrong_content_type"
    return "json_malformed" if body[-1:] in (b"}", b"]") else "empty_or_partial_body"


def _member(answer: Answer, name: str, scope: Mapping[str, Any]) -> Any:
    """A member where the profile reads it, else in JSON, else in a form."""
    if (written := answer.members.get(name)) is not None:
        return written.value(scope) if hasattr(written, "value") else written
    for body in (scope["response"]["json"], scope["response"]["form"]):
        if isinstance(body, Mapping) and body.get(name) is not None:
            return body[name]
    return None


def _text(answer: Answer, name: str, scope: Mapping[str, Any], response: TaskResponse, reading: Reading) -> str:
    value = _member(answer, name, scope)
    if name == "scope" and isinstance(value, list) and all(isinstance(one, str) for one in value):
        value = " ".join(value)  # Twitch answers with a list
    wrong = "is not a text"
    if isinstance(value, str) and name != "access_token" and _HALVES.search(value):
        wrong = "holds half a character (a lone surrogate)"  # kept, it could be sent to nobody: each renewal would fail
    elif value is None or isinstance(value, str):
        return value or ""
    elif isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise TokenAnswerError(
        "token_field_missing", f"{reading.url}: {name} {wrong}", status=response.status, url=reading.url,
        fields=_names(scope),
    )  # fmt: skip


def _secret(text: str, origin: str) -> Secret | None:
    return Secret(text, origin) if text else None


def _without_token(response: TaskResponse, answer: Answer, scope: Mapping[str, Any], reading: Reading) -> TokenAnswerError:
    names = _names(scope)
    seen = f"; fields seen: {', '.join(names)}" if names else ""
    return TokenAnswerError(
        "token_field_missing", f"{reading.url} answered {response.status} without an access token{seen}",
        status=response.status, url=reading.url, fields=names,
    )  # fmt: skip


def _names(scope: Mapping[str, Any]) -> list[str]:
    """The names of the answer's fields (never values), two levels deep; what does not look like a name may be a value."""
    body = scope["response"]["json"]
    if body is None and scope["response"]["headers"].get("content-type", "").startswith("application/x-www-form-urlencoded"):
        body = {name: value for name, value in (scope["response"]["form"] or {}).items() if value}
    if not isinstance(body, Mapping):
        return []
    names = []
    for name, value in list(body.items())[:30]:
        names.append(name)
        if isinstance(value, Mapping):
            names += [f"{name}.{inner}" for inner in list(value)[:10]]
    return [shown for name in names if _NAME.fullmatch(name) and (shown := _shown(name, scope))]


def _expires_at(answer: Answer, scope: Mapping[str, Any], response: TaskResponse, reading: Reading) -> float:
    if "expires_at" in answer.members:
        moment = _moment(_member(answer, "expires_at", scope))
        if moment is None:
            return NEVER
        if moment <= reading.now + LONGEST_LIFETIME:  # false for NaN
            return float(moment)
        raise _odd_lifetime("expires_at", response, reading)
    value = _member(answer, "expires_in", scope)
    if value is None or value == "":
        return NEVER
    seconds = _seconds(value)
    if seconds is None:
        raise _odd_lifetime("expires_in", response, reading)
    return reading.now + min(max(0.0, seconds), LONGEST_LIFETIME)


def _odd_lifetime(name: str, response: TaskResponse, reading: Reading) -> TokenAnswerError:
    what = "a number of seconds" if name == "expires_in" else "Unix seconds, an RFC 3339 time or an HTTP date (milliseconds: divide them)"
    return TokenAnswerError("lifetime_odd", f"{reading.url}: {name} is not {what}", status=response.status, url=reading.url)


def _seconds(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and not re.fullmatch(r"-?[0-9]{1,19}(\.[0-9]{1,9})?", value.strip(), re.ASCII):
        return None
    seconds = float(value)
    return seconds if abs(seconds) <= _LONG_MAX else None  # false for NaN


def _moment(value: Any) -> float | None:
    """Unix seconds of a written point in time; None for nothing; NaN if it cannot be read."""
    if value is None or value == "":
        return None
    if (seconds := _seconds(value)) is not None:
        return seconds
    if isinstance(value, str):
        for parse in (parse_rfc3339, parse_http_date):
            try:
                return parse(value.strip())
            except (Unfit, ValueError, ArithmeticError):
                continue
    return math.nan


def _renew_at(expires_at: float, reading: Reading) -> float:
    """When the refresh window opens: `refresh_before`, at most a quarter of the lifetime."""
    if expires_at == NEVER:
        keeps_on = reading.settings.attended or reading.settings.is_session  # each login leaves a session behind at the server
        return NEVER if keeps_on else reading.now + UNSTATED_LIFETIME
    return expires_at - min(reading.settings.refresh_before, max(0.0, expires_at - reading.now) / 4)


def _kept(keep: tuple[Keep, ...], scope: Mapping[str, Any], reading: Reading) -> Mapping[str, Any]:
    kept = {**(reading.old.kept if reading.old else {}), **reading.scope.get("kept", {})}
    for item in keep:
        value = item.value.value(scope)
        if value is None:
            kept.setdefault(item.name, None)
            continue
        if item.pattern is not None and not _fits(item.pattern, value):
            raise TemplateError(item.origin, f"kept value `{item.name}` does not look like `{item.pattern}`")
        value = _held(item, value)
        kept[item.name] = Secret(value, f"kept.{item.name}") if item.secret else value
    return kept


def _held(item: Keep, value: Any) -> Any:
    try:
        return held(value)
    except Unheld as unheld:
        problem = str(unheld)
    raise TemplateError(item.origin, f"kept value `{item.name}` {problem}")


def _fits(pattern: str, value: Any) -> bool:
    from authweave.patterns import compile_pattern

    return isinstance(value, str) and compile_pattern(pattern).matches(value)


def read_members(response: TaskResponse, reading: Reading) -> Mapping[str, Any]:
    """The members of an answer that holds no token, as that of a device authorization endpoint: of JSON, or of a form.

    Raises TokenEndpointError, TokenAnswerError, RateLimited.
    """
    answer, scope = reading.settings.token_response, {**reading.scope, "response": response_scope(response)}
    if not 200 <= response.status < 300 or _error_words(answer, scope)[0]:
        raise _refusal(response, answer, scope, reading)
    members = scope["response"]["json"]
    members = scope["response"]["form"] if members is None else members
    if not isinstance(members, Mapping):
        raise TokenAnswerError("wrong_content_type", f"{reading.url} answered {response.status} with something else than JSON", status=response.status, url=reading.url)
    return members

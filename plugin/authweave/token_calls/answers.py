"""From the answer of a token endpoint to a Token, or to an error that says what is wrong with it (RFC 6749 §5)."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from authweave.answers.matching import matches
from authweave.answers.responses import response_scope
from authweave.call import given_refresh_token
from authweave.errors import AuthweaveError, TemplateError, TokenAnswerError
from authweave.profile import Keep, Step
from authweave.token_calls.lifetimes import expires_at_of, renew_at_of, says_when
from authweave.token_calls.reading import Reading, kept_words, text_of
from authweave.token_calls.refusals import (
    error_words,
    is_accepted,
    refusal,
    refuse_as_bearer,
    refuse_downgrade,
    refuse_unreadable,
    without_token,
)
from authweave.tokens.records import Unheld, held
from authweave.values import Secret, TaskResponse, Token

_REPLACED: Final = ("access_token", "refresh_token", "id_token", "token_type", "scope")
_SECRET: Final = frozenset({"access_token", "refresh_token", "id_token"})


def read_token(response: TaskResponse, reading: Reading) -> Token:
    """The token in an answer. Raises TokenEndpointError, TokenAnswerError, RateLimited."""
    scope = {**reading.scope, "response": response_scope(response)}
    answer = reading.settings.token_response
    if not is_accepted(response, answer, scope):
        raise refusal(response, answer, scope, reading)
    refuse_unreadable(response, reading)
    access_token = text_of(answer, "access_token", scope, response, reading)
    if not access_token:
        raise without_token(response, scope, reading)
    expires_at = expires_at_of(answer, scope, response, reading)
    kept = _kept(answer.keep, scope, reading)
    refresh_token = _secret(text_of(answer, "refresh_token", scope, response, reading))
    token_type = kept_words(text_of(answer, "token_type", scope, response, reading)) or "Bearer"
    if reading.settings.dpop:
        refuse_downgrade(token_type, response, reading)
    if reading.settings.default_fields:
        refuse_as_bearer(access_token, token_type, answer, response, reading)
    return Token(
        access_token=Secret(access_token, "token answer"),
        expires_at=expires_at,
        renew_at=renew_at_of(expires_at, reading),
        issued_at=reading.now,
        refresh_token=refresh_token or _presented(reading),
        id_token=_secret(text_of(answer, "id_token", scope, response, reading)),
        token_type=token_type,
        scope=kept_words(text_of(answer, "scope", scope, response, reading)) or None,
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
    texts = {name: text_of(answer, name, scope, response, reading) for name in names}
    if "access_token" in answer.members and not texts["access_token"]:
        raise without_token(response, scope, reading)
    replaced: dict[str, Any] = {name: _secret(text) if name in _SECRET else kept_words(text) for name, text in texts.items() if text}
    expires_at = token.expires_at
    if "access_token" in replaced or says_when(answer, scope):
        expires_at = expires_at_of(answer, scope, response, reading)
    return replace(
        token, **replaced, expires_at=expires_at, renew_at=renew_at_of(expires_at, reading), kept=_kept(answer.keep, scope, reading)
    )


def _step_scope(response: TaskResponse, reading: Reading, step: Step) -> dict[str, Any]:
    """The namespaces with the answer of a step that was accepted."""
    scope = {**reading.scope, "response": response_scope(response)}
    answer = step.response
    is_good = any(matches(match, response.status, scope) for match in answer.accepted_when) if answer.accepted_when else 200 <= response.status < 300
    if not is_good:
        raise refusal(response, answer, scope, reading)
    return scope


def brought_refresh_token(response: TaskResponse, reading: Reading) -> Secret | None:
    """The refresh token of an answer whose rest cannot be used: where they rotate, no other is good any more."""
    with suppress(AuthweaveError):
        answer, scope = reading.settings.token_response, {**reading.scope, "response": response_scope(response)}
        if is_accepted(response, answer, scope):
            return _secret(text_of(answer, "refresh_token", scope, response, reading))
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
    if 400 <= response.status < 500 and error_words(answer, scope)[0] == "invalid_token":
        return
    raise refusal(response, answer, scope, reading)


def read_members(response: TaskResponse, reading: Reading) -> Mapping[str, Any]:
    """The members of an answer that holds no token, as that of a device authorization endpoint: of JSON, or of a form.

    Raises TokenEndpointError, TokenAnswerError, RateLimited.
    """
    answer, scope = reading.settings.token_response, {**reading.scope, "response": response_scope(response)}
    if not 200 <= response.status < 300 or error_words(answer, scope)[0]:
        raise refusal(response, answer, scope, reading)
    members = scope["response"]["json"]
    members = scope["response"]["form"] if members is None else members
    if not isinstance(members, Mapping):
        raise TokenAnswerError("wrong_content_type", f"{reading.url} answered {response.status} with something else than JSON", status=response.status, url=reading.url)
    return members


def _secret(text: str) -> Secret | None:
    return Secret(text, "token answer") if text else None


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

"""Answers that give no token: what the server refused (RFC 6749 §5.2), what cannot be read, and what is no token for what was asked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from authweave.answers.bearer import wrong_bearer
from authweave.answers.matching import matches
from authweave.answers.responses import NotJson, content_type, parse_answer, response_scope
from authweave.answers.retry_after import retry_after
from authweave.errors import RateLimited, TokenAnswerError, TokenEndpointError, TokenError
from authweave.profile import Answer
from authweave.token_calls.reading import Reading, member, names_of, shown
from authweave.values import TaskResponse


def refusal_word(response: TaskResponse, reading: Reading) -> str | None:
    """The error word of an answer that refuses (RFC 6749 §5.2); None where there is none."""
    scope = {**reading.scope, "response": response_scope(response)}
    return error_words(reading.settings.token_response, scope)[0] if response.status >= 400 else None


def refuse_downgrade(token_type: str, response: TaskResponse, reading: Reading) -> None:
    """A token that nobody has to prove the key of is worth more to a thief: it is not what was asked for (RFC 9449 §5 and §7.2)."""
    if token_type.lower() != "dpop":
        problem = f"the token is {shown(token_type, reading.scope)}, although the request proved a key (DPoP): the server does not bind it; let it bind tokens for this client, or leave auth.dpop out"
        raise TokenAnswerError("token_not_bound", f"{reading.url}: {problem}", status=response.status, url=reading.url)


def refuse_as_bearer(access_token: str, token_type: str, answer: Answer, response: TaskResponse, reading: Reading) -> None:
    """Where no `auth.fields` are written the token becomes a Bearer header: it must be a token for one (RFC 6749 §7.1).

    A type that the answer leaves out is Bearer: many servers do, although RFC 6749 §5.1 wants it.
    """
    kind, problem = "", ""
    if token_type.lower() != "bearer" and "token_type" not in answer.written and not reading.settings.dpop:
        kind = "token_not_bearer"
        problem = f"token_type is {shown(token_type, reading.scope)}, not Bearer; write auth.fields for it, or token_response.token_type: Bearer"
    elif why := wrong_bearer(access_token):
        kind, problem = "token_not_sendable", f"the access token {why}; write auth.fields if it goes elsewhere"
    if problem:
        raise TokenAnswerError(kind, f"{reading.url}: {problem}", status=response.status, url=reading.url)


def is_accepted(response: TaskResponse, answer: Answer, scope: Mapping[str, Any]) -> bool:
    """Is it an answer with a token, as the profile, or else RFC 6749, says what one is?"""
    if answer.accepted_when:
        return any(matches(match, response.status, scope) for match in answer.accepted_when)
    return 200 <= response.status < 300 and not (error_words(answer, scope)[0] and (_says_error(answer, scope) or not member(answer, "access_token", scope)))


def _says_error(answer: Answer, scope: Mapping[str, Any]) -> bool:
    """Is it called an error in words, token or not? Numbers and truth values stand for success, too, and an author's own reading may be any text."""
    said = None if "error" in answer.members else member(answer, "error", scope)
    return isinstance(said, dict) or (isinstance(said, str) and not said.isdecimal())


def refusal(response: TaskResponse, answer: Answer, scope: Mapping[str, Any], reading: Reading) -> TokenError:
    """What an answer that is not accepted says, as an error: to come back later, a page for people, a redirect, or words of refusal."""
    wait = retry_after(response.header("retry-after"), now=reading.now)
    error, description, uri = error_words(answer, scope)
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


def error_words(answer: Answer, scope: Mapping[str, Any]) -> tuple[str | None, str | None, str | None]:
    """`error`, `error_description` and `error_uri` of an answer, or what stands for them in JSON of another shape; None where there is none."""
    error: Any = member(answer, "error", scope)
    description: Any = member(answer, "error_description", scope)
    body = scope["response"]["json"]
    if error is None and isinstance(body, dict):
        error = body.get("code") if isinstance(body.get("code"), str) else None
    if isinstance(error, dict):
        error, description = error.get("code") or error.get("type"), description or error.get("message")
    uri = body.get("error_uri") if isinstance(body, dict) else None
    return shown(error, scope), shown(description, scope), shown(uri, scope) if _is_page(uri) else None


def _is_page(uri: Any) -> bool:
    """Is it the URL of a page that a person can be sent to? Some make links of it."""
    return isinstance(uri, str) and re.match(r"https?://[^/?#@\s]+(?:[/?#]|\Z)", uri) is not None


def _is_html(response: TaskResponse) -> bool:
    start = (response.body or b"")[:200].lstrip().lower()
    return (bool(start) and content_type(response) in ("text/html", "application/xhtml+xml")) or start.startswith((b"<!doctype html", b"<html"))


def _html(response: TaskResponse, reading: Reading) -> TokenAnswerError:
    found = re.search(rb"<title[^>]{0,200}>([^<]*)", (response.body or b"")[:65536], re.IGNORECASE)
    title = f" titled '{shown(found[1].decode('utf-8', 'replace').strip(), reading.scope)}'" if found and found[1].strip() else ""
    return TokenAnswerError(
        "html_instead_of_json", f"{reading.url} returned a web page{title}, not a token ({response.status})",
        status=response.status, url=reading.url,
    )  # fmt: skip


def refuse_unreadable(response: TaskResponse, reading: Reading) -> None:
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
        kind, f"{reading.url} answered {response.status} with {shown(content_type(response), reading.scope) or 'no content type'}: {problem}",
        status=response.status, url=reading.url,
    )  # fmt: skip


def _unreadable_kind(body: bytes) -> str:
    """JSON that ends in the middle, JSON that is wrong, or something else altogether."""
    if body[:1] not in (b"{", b"["):
        return "wrong_content_type"
    return "json_malformed" if body[-1:] in (b"}", b"]") else "empty_or_partial_body"


def without_token(response: TaskResponse, scope: Mapping[str, Any], reading: Reading) -> TokenAnswerError:
    """The error for an answer that was accepted and holds no access token; it names the fields that are there."""
    names = names_of(scope)
    seen = f"; fields seen: {', '.join(names)}" if names else ""
    return TokenAnswerError(
        "token_field_missing", f"{reading.url} answered {response.status} without an access token{seen}",
        status=response.status, url=reading.url, fields=names,
    )  # fmt: skip

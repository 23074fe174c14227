"""What the server that issued a token says of it, where its metadata name an endpoint that tells (RFC 7662)."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from authweave.answers.responses import NotJson, parse_answer
from authweave.call import TokenCall, present
from authweave.discovery.completer import is_supplied
from authweave.discovery.completing import filled
from authweave.errors import AuthweaveError
from authweave.probe.cases import case_of
from authweave.probe.discovery_part import metadata_of
from authweave.probe.stages import call_ms, status_line
from authweave.profile import Request

if TYPE_CHECKING:
    from authweave.discovery.metadata import Metadata
    from authweave.drafts.draft import Draft
    from authweave.probe.ledger import Ledger
    from authweave.profile import TokenSettings, Variant
    from authweave.values import TaskResponse, Token

ENDPOINT: Final = "introspection_url"
_TOLD: Final = ("scope", "client_id", "aud", "exp")
_LONGEST: Final = 120


def introspected(ledger: Ledger, variant: Variant, token: Token) -> None:
    """Ask what the server says of the token that was just got. Whatever comes of it, no verdict depends on it."""
    metadata = metadata_of(ledger, variant)
    if metadata is None or ENDPOINT not in metadata.endpoints or ledger.has("introspection") or not _may_ask(ledger, variant):
        return
    mark = len(ledger.recorder.records)
    failure: AuthweaveError
    try:
        response = _asked(ledger, variant, metadata, token)
    except AuthweaveError as error:
        failure = error.fresh()
    else:
        ledger.learn(ledger.recorder.records[-1])
        _told(ledger, variant, response)
        return
    for record in ledger.recorder.records[mark:]:
        ledger.learn(record)
    ledger.stage("introspection", "warning", None, str(failure))


def _may_ask(ledger: Ledger, variant: Variant) -> bool:
    """Has the client something to prove itself with? The endpoint is closed to everybody else (RFC 7662 §2.1)."""
    settings, connection = variant.tokens, ledger.connection
    if settings is None or connection is None or settings.is_session or settings.client_auth.name == "none":
        return False
    credential = connection.credential(variant)
    return not credential.signs_token_calls and (settings.discovery.registration is None or is_supplied(settings, ledger.scope()))


def _asked(ledger: Ledger, variant: Variant, metadata: Metadata, token: Token) -> TaskResponse:
    connection, settings = ledger.connection, variant.tokens
    assert connection is not None  # noqa: S101 - it got the token
    assert settings is not None  # noqa: S101 - as above
    start, key = time.monotonic(), f"{variant.origin}.issuer"
    draft = _draft(filled(settings, metadata), metadata, ledger.scope(), token, variant.origin)
    left = max(0.0, ledger.engine.settings.deadline - (time.monotonic() - start))
    with connection.outgoing.calling("introspection"):
        return ledger.recorder.introspect(draft.finish(), tuple(draft.placed), left, url_key=key, wire=connection.outgoing.wire("token"))


def _draft(settings: TokenSettings, metadata: Metadata, scope: dict[str, Any], token: Token, origin: str) -> Draft:
    """The request of RFC 7662 §2.1; the client proves itself as for the token call."""
    call = TokenCall(settings, scope, Request("POST", origin=f"{origin}.issuer"), metadata.endpoint(ENDPOINT, "issuer"), origin)
    call.parameter("token", token.access_token, origin="token_response", secret=True)
    call.parameter("token_type_hint", "access_token", origin="issuer")
    present(call)
    draft = call.draft()
    standard = {"token", "token_type_hint"}
    draft.placed[:] = [replace(one, origin="standard") if one.key in standard else one for one in draft.placed]
    return draft


def _told(ledger: Ledger, variant: Variant, response: TaskResponse) -> None:
    record = ledger.recorder.records[-1]
    said = _members(response)
    if response.status != 200 or not isinstance(said.get("active"), bool):
        why = next((str(said[name]) for name in ("error_description", "error") if said.get(name)), "it does not say")
        ledger.stage("introspection", "warning", call_ms(record), f"{status_line(record)}: {why[:_LONGEST]}")
        return
    words = ", ".join(["active" if said["active"] else "not active", *(f"{name} {_shown(name, said[name])}" for name in _TOLD if said.get(name))])
    if said["active"]:
        ledger.stage("introspection", "ok", call_ms(record), words)
        return
    ledger.stage("introspection", "warning", call_ms(record), words, code="token_inactive")
    ledger.find("token_inactive", case_of(ledger, record=record, variant=variant), "introspection", severity="warning")


def _members(response: TaskResponse) -> dict[str, Any]:
    try:
        said = parse_answer(response.body or b"")
    except NotJson:
        return {}
    return said if isinstance(said, dict) else {}


def _shown(name: str, value: Any) -> str:
    if name == "exp" and isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e11:
        return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return (" ".join(map(str, value)) if isinstance(value, list) else str(value))[:_LONGEST]

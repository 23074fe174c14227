"""The namespace `signature`: what a profile's string to sign gives, once everything else of the request is in its place."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from authweave.contracts import Signing
from authweave.drafts.draft import Draft
from authweave.drafts.url import refuse_rewritten
from authweave.errors import SigningError
from authweave.profile import Field, Variant
from authweave.proofs.signatures import signature_of
from authweave.templates import Template
from authweave.values import Secret, TaskRequest

Reads = Iterable[tuple[str, ...]]

SIGNED: Final = "the string that was signed"
"""Where a scope holds it: no name of a namespace, so that no template reads it."""
MOST_SHOWN: Final = 2000
_WRITTEN_BY_CLIENTS: Final = frozenset({"user-agent", "accept", "accept-encoding", "connection"})
"""Headers that a client adds on its own to a request that has none."""


def is_signed(field: Field) -> bool:
    """Does the field hold the signature? Then it is put in after all others."""
    return any(read[0] == "signature" for part in (field.value, field.when) if part is not None for read in getattr(part, "reads", ()))


def reads_body(variant: Variant) -> bool:
    """Does the string to sign read the body, so that it must be at hand?"""
    return any(_is_of(read, "body") for read in _string(variant).reads) if "string_to_sign" in variant.own else False


def with_own_headers(variants: Iterable[Variant], request: TaskRequest, own: Iterable[tuple[str, str]]) -> TaskRequest:
    """The request with the headers that whoever sends it adds by itself, where a string to sign reads headers."""
    if not any(_is_of(read, "headers") for variant in variants if "string_to_sign" in variant.own for read in _string(variant).reads):
        return request
    return replace(request, headers=(*request.headers, *(header for header in own if request.header(header[0]) is None)))


def signature(variant: Variant, scope: dict[str, Any], draft: Draft) -> Secret:
    """The signature of the request as it stands, bytes; `scope` gets what was signed. Raises SigningError, TemplateError, InputError, PlacementError."""
    string = _string(variant)
    _refuse_streamed(string.reads, draft)
    names = {name.lower() for name, _ in draft.headers}
    refuse_rewritten(draft.url, is_written="host" in names)
    _refuse_unwritten(string.reads, names)
    signing = Signing(variant.own, scope, None, 0.0, variant.origin)
    key = signing.value("signing_key")
    revealed = key.reveal() if isinstance(key, Secret) else key
    if not isinstance(revealed, str | bytes):
        raise SigningError(f"{variant.origin}.signing_key gives neither a text nor bytes")
    message = string.as_bytes(scope)
    scope[SIGNED] = message
    return Secret(signature_of(signing.text("algorithm"), revealed, message), "signature")


def signed_string(scope: Mapping[str, Any]) -> str:
    """What was signed, as text on one line, for people who compare it with an example; '' for nothing. May hold secrets."""
    message = scope.get(SIGNED)
    return json.dumps(message[:MOST_SHOWN].decode("utf-8", "replace"), ensure_ascii=False)[1:-1] if message else ""


def _string(variant: Variant) -> Template:
    string: Template = variant.own["string_to_sign"]
    return string


def _refuse_streamed(reads: Reads, draft: Draft) -> None:
    if draft.streamed and any(_is_of(read, "body") for read in reads):
        raise SigningError("the body is streamed, and string_to_sign reads it; send it as bytes")


def _refuse_unwritten(reads: Reads, names: set[str]) -> None:
    """Refuse to sign the absence of a header that the client will write later. A request with Host has been written by its client."""
    missing = sorted({read[2].lower() for read in reads if _is_of(read, "headers") and len(read) > 2} & _WRITTEN_BY_CLIENTS - names)
    if missing and "host" not in names:
        raise SigningError(f"string_to_sign reads header {missing[0]}, which a client adds by itself after signing; set it on the request, or as a field")


def _is_of(read: tuple[str, ...], member: str) -> bool:
    """Is it a look-up of this member of `request`, or of the whole of it?"""
    return read[:2] == ("request", member) or read == ("request",)

"""AWS Signature Version 4 as a seal: over the request as it will be sent, in the header or in the query."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import ClassVar, Final

from authweave.contracts import Sealed, Signing
from authweave.drafts.draft import Placed, with_header
from authweave.errors import InvalidInput, MissingInput, PlacementError, SigningError
from authweave.hookspecs import Register, hookimpl
from authweave.proofs.sigv4 import (
    UNSIGNED_PAYLOAD,
    CredentialScope,
    Keys,
    Service,
    authorization,
    canonical_path,
    canonical_query,
    canonical_request,
    payload_hash,
    presigned,
    sent_path,
    sent_query,
    service_of,
    signature,
    signed_headers,
)
from authweave.urls.origins import split
from authweave.values import Secret, TaskRequest, TaskResponse, Token

HOLDS: Final = 300
"""Seconds that a signature in the query holds. Each request is signed anew, so that it need not outlive its own journey."""

_DATE: Final = "X-Amz-Date"
_HASH: Final = "X-Amz-Content-Sha256"
_TOKEN: Final = "X-Amz-Security-Token"
_SIGNATURE: Final = "X-Amz-Signature"
_OF_SIGNED_URLS: Final = frozenset({"X-Amz-Algorithm", "X-Amz-Credential", _DATE, "X-Amz-Expires", _TOKEN, "X-Amz-SignedHeaders", _SIGNATURE})
_OPEN: Final = frozenset({"X-Amz-Algorithm", _DATE, "X-Amz-Expires", "X-Amz-SignedHeaders", _HASH})
_DEFAULT_PORTS: Final = {"https": ":443", "http": ":80"}
_WORD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*", re.ASCII)
_ACCESS_KEY: Final = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_PRINTABLE: Final = re.compile(r"[\x21-\x7e]*", re.ASCII)
_DIGEST: Final = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)


class AwsSigV4:
    """Signs with the keys that were supplied, or with those of the role where one is assumed. Keeps nothing."""

    name: ClassVar[str] = "aws_sigv4"
    reads_body: ClassVar[bool] = True

    def sign(self, request: TaskRequest, signing: Signing) -> Sealed:
        """The request with its signature. Raises InputError, PlacementError, SigningError, UrlRefused."""
        keys = _keys(signing)
        scope = CredentialScope.at(signing.now, _word(signing, "region"), _word(signing, "service"))
        in_query = signing.text("signature_in") == "query"
        service = service_of(scope.service)
        prepared = _one_way_to_read(request, service)
        if _SIGNATURE in _names(prepared) and not in_query:
            raise PlacementError(f"the URL is signed already (query field {_SIGNATURE}), and AWS takes one signature")
        signer = _in_query if in_query else _in_header
        return signer(prepared, scope, keys, service, signing.origin)

    def learned(self, request: TaskRequest, response: TaskResponse, signing: Signing) -> str:
        """Nothing: AWS says everything that it wants before."""
        return ""


def _in_header(request: TaskRequest, scope: CredentialScope, keys: Keys, service: Service, origin: str) -> Sealed:
    payload = _payload(request, service)
    added = [(_DATE, scope.timestamp)]
    added += [(_TOKEN, keys.session_token)] if keys.session_token else []
    added += [(_HASH, payload)] if service.states_hash or request.header(_HASH) is not None else []
    for name, value in added:
        request = _with(request, name, value)
    fields = _signed(request)
    made = signature(_canonical(request, scope, fields, payload), scope, keys)
    request = _with(request, "Authorization", authorization(made, _joined(fields), scope, keys))
    return Sealed(request, tuple(_placed("header", name, origin) for name in (*(name for name, _ in added), "Authorization")))


def _in_query(request: TaskRequest, scope: CredentialScope, keys: Keys, service: Service, origin: str) -> Sealed:
    dropped = {"authorization", *(name.lower() for name in _OF_SIGNED_URLS)}
    request = replace(request, headers=tuple(field for field in request.headers if field[0].lower() not in dropped))
    url, _, query = request.url.partition("?")
    own = [piece for piece in query.split("&") if piece and piece.partition("=")[0] not in _OF_SIGNED_URLS]
    fields = _signed(request)
    added = presigned(scope, keys, _joined(fields), HOLDS, with_token=not service.token_after).split("&")
    request = replace(request, url=f"{url}?{'&'.join([*own, *added])}")
    payload = UNSIGNED_PAYLOAD if service.is_key else _payload(request, service)
    added.append(f"{_SIGNATURE}={signature(_canonical(request, scope, fields, payload), scope, keys)}")
    if service.token_after and keys.session_token:
        added.append(sent_query(f"{_TOKEN}={keys.session_token.replace('+', '%2B')}"))
    request = replace(request, url=f"{url}?{'&'.join([*own, *added])}")
    return Sealed(request, tuple(_placed("query", piece.partition("=")[0], origin) for piece in added))


def _one_way_to_read(request: TaskRequest, service: Service) -> TaskRequest:
    """The request with a URL that every reader understands alike: see `sigv4.writing`."""
    parts = split(request.url)
    query = "" if parts.query is None else f"?{sent_query(parts.query)}"
    return replace(request, url=f"{parts.scheme}://{parts.authority}{sent_path(parts.path, is_key=service.is_key)}{query}")


def _canonical(request: TaskRequest, scope: CredentialScope, fields: list[tuple[str, str]], payload: str) -> str:
    parts, is_key = split(request.url), service_of(scope.service).is_key
    return canonical_request(request.method, canonical_path(parts.path, is_key=is_key), canonical_query(parts.query or ""), fields, payload)


def _signed(request: TaskRequest) -> list[tuple[str, str]]:
    """The header fields that are signed. A client that has not said so yet will send the host of the URL."""
    parts = split(request.url)
    host = request.header("host") or parts.authority.lower().removesuffix(_DEFAULT_PORTS.get(parts.scheme, ":443"))
    return signed_headers([*(field for field in request.headers if field[0].lower() != "host"), ("host", host)])


def _payload(request: TaskRequest, service: Service) -> str:
    """The hash of the body, or the word that stands for one that is not signed. Raises PlacementError."""
    stated = request.header(_HASH) or ""
    if service.never_signs or (stated and not _DIGEST.fullmatch(stated)):
        return stated or UNSIGNED_PAYLOAD
    if not request.streamed:
        return payload_hash(request.body or b"")
    if stated:
        return stated.lower()
    if service.takes_unsigned and request.url.startswith("https:"):
        return UNSIGNED_PAYLOAD
    raise PlacementError(
        "the body is streamed, and AWS wants it signed: send it as bytes, or with the SHA-256 of its bytes in the header x-amz-content-sha256"
    )


def _keys(signing: Signing) -> Keys:
    """The role's keys where a role is assumed (they came with the token), else those that were supplied."""
    if signing.token is not None:
        return _of_role(signing.token)
    keys = Keys(*(signing.text(name).strip() for name in ("access_key_id", "secret_access_key", "session_token")))
    for name in ("access_key_id", "secret_access_key"):
        if not getattr(keys, name):
            raise MissingInput(name, f"{name} is empty; supply it, or write auth.{name}")
    if not _ACCESS_KEY.fullmatch(keys.access_key_id):
        raise InvalidInput("access_key_id", "access_key_id is made of letters and digits (AKIA… or ASIA…); is it the secret key, or a whole credentials file?")
    for name in ("secret_access_key", "session_token"):
        if not _PRINTABLE.fullmatch(getattr(keys, name)):
            raise InvalidInput(name, f"{name} holds a blank, a control character or one beyond ASCII, which no key of AWS has")
    if keys.access_key_id.startswith("ASIA") and not keys.session_token:
        raise MissingInput("session_token", "session_token is empty, and keys that begin with ASIA are temporary: they work with their session token only")
    return keys


def _of_role(token: Token) -> Keys:
    """The keys that an answer of STS held: nothing is signed with half of them. Raises SigningError."""
    keys = Keys(*(_revealed(part).strip() for part in (token.kept.get("access_key_id"), token.kept.get("secret_access_key"), token.access_token)))
    is_printable = all(map(_PRINTABLE.fullmatch, (keys.secret_access_key, keys.session_token)))
    if not (_ACCESS_KEY.fullmatch(keys.access_key_id) and keys.secret_access_key and is_printable):
        raise SigningError("the role was assumed, and the keys that came are no access key of AWS; look at auth.token_response")
    return keys


def _word(signing: Signing, name: str) -> str:
    text = signing.text(name).strip()
    if not text:
        raise MissingInput(name, f"{name} is empty; write auth.{name}, as us-east-1 or execute-api")
    if not _WORD.fullmatch(text):
        raise InvalidInput(name, f"{name} is a name such as {'us-east-1' if name == 'region' else 'execute-api or s3'}, without blanks or slashes")
    return text


def _revealed(value: object) -> str:
    return str(value.reveal() if isinstance(value, Secret) else value or "")


def _with(request: TaskRequest, name: str, value: str) -> TaskRequest:
    return replace(request, headers=tuple(with_header(list(request.headers), name, value)))


def _names(request: TaskRequest) -> set[str]:
    return {piece.partition("=")[0] for piece in request.url.partition("?")[2].split("&")}


def _joined(fields: list[tuple[str, str]]) -> str:
    return ";".join(name for name, _ in fields)


def _placed(place: str, name: str, origin: str) -> Placed:
    return Placed(place, name, origin, name not in _OPEN)


@hookimpl
def register_seals(register: Register) -> None:
    """Add the seal `aws_sigv4`."""
    register(AwsSigV4)

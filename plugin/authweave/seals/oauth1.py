"""OAuth 1.0 as a seal (RFC 5849): time and nonce anew for every request, and a signature over it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Final
from urllib.parse import quote

from authweave.contracts import Sealed, Signing
from authweave.drafts.draft import Placed, with_header
from authweave.errors import InvalidInput, MissingInput, PlacementError
from authweave.hookspecs import Register, hookimpl
from authweave.inputs.pem import mended
from authweave.proofs.oauth1 import (
    BadKey,
    authorization,
    base_string,
    base_string_uri,
    form_parameters,
    protocol_parameters,
    rsa_key,
    signature,
    uses_rsa,
    written,
)
from authweave.urls import Origin
from authweave.values import Secret, TaskRequest, TaskResponse

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from authweave.proofs.oauth1.protocol import Pairs

_FORM: Final = "application/x-www-form-urlencoded"
_QUERY: Final = "%!$&'()*+,;=:@/?-._~"
_SECRET: Final = frozenset({"oauth_token", "oauth_signature", "oauth_verifier"})


class OAuth1:
    """Signs with consumer and token secret. Keeps the RSA key that it read last, so that PEM is not parsed for each request."""

    name: ClassVar[str] = "oauth1"
    reads_body: ClassVar[bool] = True

    def __init__(self) -> None:
        self._key: tuple[bytes, RSAPrivateKey] | None = None

    def sign(self, request: TaskRequest, signing: Signing) -> Sealed:
        """The request with its protocol parameters and its signature. Raises InputError, PlacementError, UrlRefused."""
        method, place = signing.text("signature_method"), signing.text("signature_in")
        token, token_secret = _token(signing)
        if method == "PLAINTEXT":
            _refuse_open_line(request)
        secret = self._secret(signing, method)
        request = _readable(request)
        protocol = protocol_parameters(_consumer_key(signing), method, token=token, now=signing.now, nonce=secrets.token_urlsafe(24), **_of_step(signing))
        base = base_string(request.method, base_string_uri(request.url, request.header("host")), [*_of_request(request, place), *protocol])
        protocol.append(("oauth_signature", signature(method, base, secret, token_secret)))
        sealed = _PLACES[place](request, protocol, signing.text("realm"))
        names = ["Authorization"] if place == "header" else [name for name, _ in protocol]
        return Sealed(sealed, tuple(Placed(place, name, signing.origin, place == "header" or name in _SECRET) for name in names))

    def learned(self, request: TaskRequest, response: TaskResponse, signing: Signing) -> str:
        """Nothing: a provider says everything that it wants before."""
        return ""

    def _secret(self, signing: Signing, method: str) -> str | RSAPrivateKey:
        text = _there(signing, "consumer_secret")
        if not uses_rsa(method):
            return text
        mark = Secret(text, "consumer_secret").mark
        if (known := self._key) is not None and known[0] == mark:
            return known[1]
        self._key = (mark, _rsa_key(text, method))
        return self._key[1]


def _consumer_key(signing: Signing) -> str:
    if text := signing.text("consumer_key"):
        return text
    raise MissingInput("consumer_key", "consumer_key is empty; supply it, or write auth.consumer_key")


def _token(signing: Signing) -> tuple[str, str]:
    """Token and its secret: of a sign-in where there was one, else as supplied. Both are empty for two legs.

    While a person signs in they are the temporary ones.
    """
    if (got := signing.token) is not None:
        secret = got.kept.get("token_secret")
        return str(got.access_token.reveal()), str(secret.reveal() if isinstance(secret, Secret) else secret or "")
    if (consent := signing.scope.get("consent")) is not None:
        return consent.more.get("oauth_token", ""), consent.more.get("oauth_token_secret", "")
    token, token_secret = signing.text("token"), signing.text("token_secret")
    if token_secret and not token:
        raise MissingInput("token", "token is empty, and a token_secret is there; supply both (three legs) or neither (two legs)")
    return token, _there(signing, "token_secret") if token else ""


def _there(signing: Signing, name: str) -> str:
    """A secret that signs: written empty it is one, not supplied it is missing."""
    if signing.value(name) is None:
        raise MissingInput(name, f"{name} is not there; supply it, or write auth.{name}")
    return signing.text(name)


def _of_step(signing: Signing) -> Mapping[str, str]:
    """`callback` or `verifier`, where this is a step of signing in and not a task request."""
    if (consent := signing.scope.get("consent")) is not None:
        return {"verifier": str(consent.code.reveal())} if consent.code else {}
    return signing.scope.get("oauth1_step", {})  # type: ignore[no-any-return]  # texts by agreement


def _rsa_key(text: str, method: str) -> RSAPrivateKey:
    pem, wrong = mended(text)
    if not wrong:
        try:
            return rsa_key(pem)
        except BadKey as error:
            wrong = str(error)
    raise InvalidInput("consumer_secret", f"consumer_secret {wrong}; signature_method is {method}, which wants an RSA private key in PEM there")


def _refuse_open_line(request: TaskRequest) -> None:
    """PLAINTEXT sends the secrets themselves (§3.4.4)."""
    origin = Origin.of(request.url)
    if origin.scheme != "https" and not origin.is_loopback:
        raise PlacementError("signature_method PLAINTEXT sends the secrets as they are, so it goes over https only (RFC 5849 §3.4.4)")


def _readable(request: TaskRequest) -> TaskRequest:
    """With `[`, `{` and the like escaped in the query (RFC 3986 §3.4): providers decode it as a form, and some refuse them."""
    url, mark, query = request.url.partition("?")
    return replace(request, url=f"{url}{mark}{quote(query, safe=_QUERY)}") if mark else request


def _is_form(request: TaskRequest) -> bool:
    return (request.header("content-type") or "").partition(";")[0].strip().lower() == _FORM


def _of_request(request: TaskRequest, place: str) -> list[tuple[str, str]]:
    """The parameters that are signed beside those of the protocol: of the query, and of a form body (§3.4.1.3.1)."""
    own = form_parameters(request.url.partition("?")[2])
    if _is_form(request):
        if request.streamed:
            raise PlacementError("the form body is streamed, and OAuth 1.0 signs forms (RFC 5849 §3.4.1.3.1): send it as bytes")
        own += form_parameters((request.body or b"").decode("utf-8", "surrogateescape"))
    elif place == "payload":
        raise PlacementError("signature_in: payload puts the signature into a form body, and this request has none; write signature_in: header or query")
    if twice := sorted({name for name, _ in own if name.startswith("oauth_")}):
        raise PlacementError(f"{twice[0]} is in the request already; protocol parameters stand once (RFC 5849 §3.1)")
    return own


def _in_header(request: TaskRequest, protocol: Pairs, realm: str) -> TaskRequest:
    return _with(request, "Authorization", authorization(protocol, realm))


def _in_query(request: TaskRequest, protocol: Pairs, realm: str) -> TaskRequest:
    url, _, query = request.url.partition("?")
    return replace(request, url=f"{url}?{'&'.join(filter(None, (query, written(protocol))))}")


def _in_payload(request: TaskRequest, protocol: Pairs, realm: str) -> TaskRequest:
    body = b"&".join(filter(None, (request.body, written(protocol).encode())))
    return _with(replace(request, body=body), "Content-Length", str(len(body)))


_PLACES: Final[Mapping[str, Callable[[TaskRequest, Pairs, str], TaskRequest]]] = {"header": _in_header, "query": _in_query, "payload": _in_payload}


def _with(request: TaskRequest, name: str, value: str) -> TaskRequest:
    return replace(request, headers=tuple(with_header(list(request.headers), name, value)))


@hookimpl
def register_seals(register: Register) -> None:
    """Add the seal `oauth1`."""
    register(OAuth1)

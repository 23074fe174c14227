"""An API whose requests must be signed, each path in one vendor's way, judged by that vendor's package. See `verifiers.py`.

/rfc9421/{algorithm}/…   http-message-signatures       /github   gidgethub
/slack                   slack_sdk                     /twilio   twilio
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from gidgethub import sansio
from http_message_signatures import HTTPMessageVerifier, HTTPSignatureKeyResolver, algorithms
from serving import config, serve
from slack_sdk.signature import SignatureVerifier
from twilio.request_validator import RequestValidator

KEYS: dict[str, str] = config()["keys"]
SECRET: str = config()["secret"]
ALGORITHMS = {
    "hmac-sha256": algorithms.HMAC_SHA256, "ed25519": algorithms.ED25519, "rsa-v1_5-sha256": algorithms.RSA_V1_5_SHA256,
    "ecdsa-p256-sha256": algorithms.ECDSA_P256_SHA256, "rsa-pss-sha512": algorithms.RSA_PSS_SHA512,
}  # fmt: skip


class Request:
    """A request as http-message-signatures reads it."""

    def __init__(self, environ: dict[str, Any]) -> None:
        self.method: str = environ["REQUEST_METHOD"]
        self.url = f"http://{environ['HTTP_HOST']}{environ['REQUEST_URI']}"
        self.headers = {
            key[5:].replace("_", "-").title(): value for key, value in environ.items() if key.startswith("HTTP_")
        }
        self.headers |= {
            key.replace("_", "-").title(): environ[key]
            for key in ("CONTENT_TYPE", "CONTENT_LENGTH")
            if environ.get(key)
        }
        self.body: bytes = environ["wsgi.input"].read()
        self.path: list[str] = environ["PATH_INFO"].strip("/").split("/")


class Keys(HTTPSignatureKeyResolver):
    """The clients' keys by their ids: PEM, or the shared secret."""

    def resolve_public_key(self, key_id: str) -> bytes:
        return KEYS[key_id].encode()


def rfc9421(request: Request) -> bool:
    """The signature must cover method, authority and path (and the digest of a body), and be fresh."""
    judge = HTTPMessageVerifier(signature_algorithm=ALGORITHMS[request.path[1]], key_resolver=Keys())
    judge.verify(request, require_components=("@method", "@authority", "@path"), body=request.body or None)
    return True


def github(request: Request) -> bool:
    sansio.validate_event(request.body, signature=request.headers["X-Hub-Signature-256"], secret=SECRET)
    return True


def slack(request: Request) -> bool:
    return SignatureVerifier(SECRET).is_valid_request(request.body, request.headers)


def twilio(request: Request) -> bool:
    form = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
    return bool(RequestValidator(SECRET).validate(request.url, form, request.headers["X-Twilio-Signature"]))


JUDGES: dict[str, Callable[[Request], bool]] = {"rfc9421": rfc9421, "github": github, "slack": slack, "twilio": twilio}


def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    request = Request(environ)
    try:
        problem = "" if JUDGES[request.path[0]](request) else "the signature does not fit"
    except Exception as error:  # noqa: BLE001  # each package refuses in its own way
        problem = f"{type(error).__name__}: {error}"
    answer = {"problem": problem} if problem else {"user": "me"}
    start_response("401 Unauthorized" if problem else "200 OK", [("Content-Type", "application/json")])
    return [json.dumps(answer).encode()]


serve(application)

"""A signature over the request itself: HMAC, RSA, ECDSA or Ed25519 over a string that the profile describes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from authweave import frame
from authweave.hookspecs import Register, hookimpl
from authweave.proofs.signatures import ALGORITHMS
from authweave.values import JsonSchema


class Signature:
    """Most vendors' "signed requests", and HTTP Message Signatures (RFC 9421): `auth.fields` say where the signature goes.

    The string is computed when the first field reads `signature`: after everything else is placed.
    """

    name: ClassVar[str] = "signature"
    title: ClassVar[str] = "a signature over each request (HMAC, RFC 9421)"
    schema: ClassVar[JsonSchema] = {
        "required": ["string_to_sign", "fields"],
        "properties": {
            "algorithm": {
                **frame.described(
                    {"type": "string", "if": {"not": {"pattern": frame.linear(frame.TEMPLATE)}}, "then": {"enum": list(ALGORITHMS)}},
                    "How the string is signed. `hmac-…` takes a shared secret, the others a private key in PEM; ECDSA gives r and s side by side (RFC 9421 §3.3).",
                    default="hmac-sha256", examples=["rsa-v1_5-sha256", "ed25519"],
                ),
                "x-template": "text",
            },
            "signing_key": {
                **frame.SECRET_TEXT, "description": f"The key that signs: a secret, as text or as bytes (`| unbase64`, `| unhex`), or a PEM. {frame.SECRET_TEXT['description']}",
                "default": "{{ inputs.signing_key }}", "examples": ["{{ inputs.signing_key | unbase64 }}"], "x-template": "value",
            },
            "string_to_sign": {
                **frame.text(
                    "What is signed: text in UTF-8, bytes (`request.body`) as they are. `request` is the request as it will be sent.",
                    examples=["v0:{{ vars.timestamp }}:{{ request.body }}"],
                    avoid={"{{ request.body | hex }}": "the body is signed as it is sent, unless the API says otherwise"},
                ),
                "x-template": "text", "x-reads": ["request"],
            },
        },
    }  # fmt: skip
    inputs: ClassVar[Mapping[str, Mapping[str, Any]]] = {"signing_key": {"title": "Signing key", "secret": True}}
    fields: ClassVar[Sequence[Mapping[str, Any]]] = ()
    gets_token: ClassVar[bool] = False


@hookimpl
def register_schemes(register: Register) -> None:
    """Add the auth type `signature`."""
    register(Signature)

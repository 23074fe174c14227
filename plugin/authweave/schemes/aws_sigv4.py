"""AWS Signature Version 4: every request to AWS is signed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from authweave import frame
from authweave.hookspecs import Register, hookimpl
from authweave.values import JsonSchema

_PLACES: Final = ("header", "query")


class AwsSigV4:
    """Requests are signed with an access key, or with the keys of a role that is assumed first."""

    name: ClassVar[str] = "aws_sigv4"
    title: ClassVar[str] = "a signature by an access key of AWS (Signature Version 4)"
    schema: ClassVar[JsonSchema] = {
        "required": ["service", "region"],
        "properties": {
            "service": {**frame.text("The service as it is named in signatures: s3, execute-api, bedrock, es.", examples=["execute-api", "{{ inputs.service }}"]), "x-template": "text"},
            "region": {**frame.text("The region as it is named in signatures.", examples=["us-east-1", "{{ inputs.region }}"]), "x-template": "text"},
            "access_key_id": {**frame.text("The id of the access key.", default="{{ inputs.access_key_id }}", examples=["{{ inputs.access_key_id }}"]), "x-template": "text"},
            "secret_access_key": {**frame.SECRET_TEXT, "description": f"Its secret. {frame.SECRET_TEXT['description']}", "default": "{{ inputs.secret_access_key }}",
                                  "examples": ["{{ inputs.secret_access_key }}"], "x-template": "text"},
            "session_token": {**frame.SECRET_TEXT, "description": f"The token of temporary keys (ASIA…); empty for others. {frame.SECRET_TEXT['description']}",
                              "default": "{{ inputs.session_token }}", "examples": ["{{ inputs.session_token }}", ""], "x-template": "text"},
            "signature_in": frame.choice(_PLACES, "Where the signature goes; query makes a signed URL, good for five minutes.", default="header"),
        },
    }  # fmt: skip
    inputs: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "access_key_id": {"title": "Access key ID"},
        "secret_access_key": {"title": "Secret access key", "secret": True},
        "session_token": {"title": "Session token", "secret": True, "required": False},
    }
    fields: ClassVar[Sequence[Mapping[str, Any]]] = ()
    gets_token: ClassVar[bool] = False
    seal: ClassVar[str] = "aws_sigv4"


@hookimpl
def register_schemes(register: Register) -> None:
    """Add the auth type `aws_sigv4`."""
    register(AwsSigV4)

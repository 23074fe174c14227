"""AWS Signature Version 4: every request to AWS is signed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from authweave import frame, token_frame
from authweave.hookspecs import Register, hookimpl
from authweave.values import JsonSchema

_CREDENTIALS: Final = "response.xml.AssumeRoleResponse.AssumeRoleResult.Credentials"
_ERRORS: Final = ("response.xml.ErrorResponse.Error", "response.xml.ErrorResponse.Errors.Error")
"""STS has the first; what stands before some services, and what plays AWS, the second."""
_REFUSALS: Final = (
    "ExpiredToken", "InvalidToken", "UnrecognizedClient", "InvalidClientTokenId", "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidSignature",
    "RequestTimeTooSkewed",
)  # fmt: skip
"""How AWS says that it does not accept the credential: with 400 or 403, where others have 401."""
_PARAMETERS: Final = {"role_arn": "RoleArn", "role_session_name": "RoleSessionName", "external_id": "ExternalId", "duration_seconds": "DurationSeconds"}


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
            "signature_in": frame.choice(("header", "query"), "Where the signature goes; query makes a signed URL, good for five minutes.", default="header"),
            "role_arn": {**frame.text("A role to assume first; its keys then sign. Where it is empty, no role is assumed.",
                                      examples=["{{ inputs.role }}", "arn:aws:iam::123456789012:role/bot"]), "x-template": "text"},
            "role_session_name": {**frame.text("What AWS's logs call the session of the role. Default: authweave.", examples=["acme-bot"]), "x-template": "text"},
            "external_id": {**frame.text("What the role's owner gave you to be named (ExternalId).", examples=["{{ inputs.external_id }}"]), "x-template": "text"},
            "duration_seconds": frame.described(frame.or_template({"type": "integer", "minimum": 900, "maximum": 43200}), "How long the role's keys are good. AWS's own default: an hour.", examples=[900]),
            **{key: token_frame.KEYS[key] for key in ("client_auth", "token_request", "refresh_request", "token_response", "refresh_with", "refresh_before", "basic_encoding")},
            "token_url": {**frame.URL, "description": f"Where the role is assumed (STS). Default: that of the region. {frame.URL['description']}", "examples": ["https://sts.cn-north-1.amazonaws.com.cn/"]},
        },
    }  # fmt: skip
    inputs: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "access_key_id": {"title": "Access key ID"},
        "secret_access_key": {"title": "Secret access key", "secret": True},
        "session_token": {"title": "Session token", "secret": True, "required": False},
    }
    fields: ClassVar[Sequence[Mapping[str, Any]]] = ()
    gets_token: ClassVar[bool] = True
    seal: ClassVar[str] = "aws_sigv4"
    token_when: ClassVar[str] = "role_arn"
    signs_token_call: ClassVar[Mapping[str, Any]] = {"service": "sts", "signature_in": "header"}

    @staticmethod
    def filled(auth: Mapping[str, Any]) -> dict[str, Any]:
        """What AWS's refusals look like; and with a role how it is assumed (STS, AssumeRole)."""
        return {"rejected_when": [_rejection(word) for word in _REFUSALS], **(_of_role(auth) if auth.get("role_arn") is not None else {})}


def _rejection(word: str) -> dict[str, Any]:
    return {"status": [400, 403], "when": f"{{{{ '{word}' in response.text }}}}"}


def _of_role(auth: Mapping[str, Any]) -> dict[str, Any]:
    written = {"role_session_name": "authweave", **auth}
    asked = [{"key": name, "value": written[key]} for key, name in _PARAMETERS.items() if key in written]
    return {
        "role_session_name": "authweave",
        "token_url": f"https://sts.{auth.get('region', '')}.amazonaws.com/",
        "client_auth": "none",
        "refresh_with": "grant",
        "token_request": {
            "fields": [
                {"in": "header", "key": "Accept", "value": "text/xml"},
                {"key": "Action", "value": "AssumeRole"}, {"key": "Version", "value": "2011-06-15"}, *asked,
            ],
        },
        "token_response": {
            "access_token": f"{{{{ {_CREDENTIALS}.SessionToken }}}}",
            "token_type": "AWS4-HMAC-SHA256",
            "expires_at": f"{{{{ {_CREDENTIALS}.Expiration }}}}",
            "error": f"{{{{ {' or '.join(f'{error}.Code' for error in _ERRORS)} }}}}",
            "error_description": f"{{{{ {' or '.join(f'{error}.Message' for error in _ERRORS)} }}}}",
            "keep": {"access_key_id": f"{{{{ {_CREDENTIALS}.AccessKeyId }}}}", "secret_access_key": f"{{{{ {_CREDENTIALS}.SecretAccessKey }}}}"},
        },
    }  # fmt: skip


@hookimpl
def register_schemes(register: Register) -> None:
    """Add the auth type `aws_sigv4`."""
    register(AwsSigV4)

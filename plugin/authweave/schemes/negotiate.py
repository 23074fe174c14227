"""Kerberos over HTTP (SPNEGO): RFC 4559."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from authweave import frame
from authweave.hookspecs import Register, hookimpl
from authweave.values import JsonSchema


class Negotiate:
    """A Kerberos ticket of the process's own for the server that is called; nobody types a password."""

    name: ClassVar[str] = "negotiate"
    title: ClassVar[str] = "a Kerberos ticket (RFC 4559)"
    schema: ClassVar[JsonSchema] = {
        "properties": {
            "service": {
                **frame.text("The service that the ticket is for, as service@host.", default="HTTP@{{ request.host }}", examples=["HTTP@{{ inputs.service_host }}"]),
                "x-template": "text", "x-reads": ["request"],
            },
            "delegate": frame.flag("Let the server act in the caller's name at other servers (the ticket has to be forwardable)."),
            "mutual": frame.flag("Insist that the server proves that it is the one.", default=True),
        }
    }  # fmt: skip
    inputs: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    fields: ClassVar[Sequence[Mapping[str, Any]]] = ()
    gets_token: ClassVar[bool] = False
    seal: ClassVar[str] = "negotiate"


@hookimpl
def register_schemes(register: Register) -> None:
    """Add the auth type `negotiate`."""
    register(Negotiate)

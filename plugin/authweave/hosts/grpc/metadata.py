"""A finished task request as gRPC metadata: header fields only, in lower case, as text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from authweave.errors import PlacementError

if TYPE_CHECKING:
    from authweave.connections.connection import Connection
    from authweave.values import TaskRequest

_NAME: Final = re.compile(r"[0-9a-z_.-]+")
_TEXT: Final = re.compile(r"[\x20-\x7e]*")
_OF_GRPC: Final = frozenset({
    "connection", "content-length", "content-type", "host", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade", "user-agent",
})  # fmt: skip
"""What gRPC writes itself: from call credentials it is left out without a word."""


def refuse_message_readers(connection: Connection) -> None:
    """PlacementError for a profile that reads or writes the body: call credentials never see a call's messages."""
    if connection.reads_body:
        raise PlacementError(f"{connection.profile.name} reads or changes the body of a request, and gRPC shows no message to call credentials")


def metadata_of(finished: TaskRequest) -> tuple[tuple[str, str], ...]:
    """The header fields of a request that `authorize` finished. Raises PlacementError, which repeats no value."""
    sent: Any = finished.made_from.sent
    if sent.beyond_headers:
        raise PlacementError(f"this profile puts fields into {', '.join(sent.beyond_headers)}, and a gRPC call takes a credential in its metadata (headers) only")
    if sent.awaits_challenge:
        raise PlacementError("the credential answers a challenge, and gRPC servers send none")
    return tuple(_pair(name, value) for name, value in finished.headers)


def _pair(name: str, value: str) -> tuple[str, str]:
    key = name.lower()
    if not _NAME.fullmatch(key):
        raise PlacementError(f"header {name}: not a name that gRPC metadata can have (letters, digits, - _ .)")
    if key.endswith("-bin"):
        raise PlacementError(f"header {name}: metadata that ends in -bin are binary, and a profile's fields are texts")
    if key in _OF_GRPC or key.startswith("grpc-"):
        raise PlacementError(f"header {name}: gRPC writes this one itself")
    if not _TEXT.fullmatch(value):
        raise PlacementError(f"header {name}: its value has characters that gRPC metadata cannot carry (visible ASCII and spaces only)")
    return key, value

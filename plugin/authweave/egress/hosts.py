"""Hosts as people have to see them, and hosts that only this network knows."""

from __future__ import annotations

import re
from typing import Final

from authweave.net.addresses import numeric
from authweave.urls.shown import shown_host

__all__ = ["shown_host", "why_not_a_public_name"]

_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_LOCAL: Final = {
    "localhost": "this machine itself (RFC 6761)", "localdomain": "this machine itself", "localdomain4": "this machine itself",
    "localdomain6": "this machine itself", "local": "a name of this network (RFC 6762)",
    "internal": "a name of this network (reserved for private use)", "home.arpa": "a name of this network (RFC 8375)",
    "intranet": "a name of this network", "lan": "a name of this network", "corp": "a name of this network", "home": "a name of this network",
    "mail": "a name of this network", "localnet": "a name of this network", "priv": "a name of this network", "workgroup": "a name of this network",
    "private": "a name of this network", "svc": "a name of a cluster", "default": "a name of a cluster", "consul": "a name of this network",
    "invalid": "no name that exists (RFC 6761)", "test": "a name for tests (RFC 6761)", "alt": "a name of another system (RFC 9476)",
    "in-addr.arpa": "a name for an address", "ip6.arpa": "a name for an address", "arpa": "a name of the network's own (RFC 3172)", "onion": "a name without an address (RFC 7686)",
}  # fmt: skip
_METADATA: Final = frozenset({
    "metadata.goog", "metadata.tencentyun.com", "metadata.platformequinix.com", "metadata.packet.net", "metadata.azure.com",
    "metadata.oraclecloud.com", "metadata.cloud.ibm.com", "api.metadata.cloud.ibm.com", "ipv4only.arpa",
})  # fmt: skip


def why_not_a_public_name(host: str) -> str | None:
    """What the host (as in a URL, without brackets) is instead of a public name or a plainly written address; None for those."""
    name = host.lower().removesuffix(".")
    if "%" in name:
        return "no host name: it holds a zone or an escape"
    if (address := numeric(name)) is not None:
        return None if name == address or ":" in name else f"another spelling of the address {address}"
    if ":" in name or len(name) > 253 or not all(map(_LABEL.fullmatch, name.split("."))):
        return "no host name"
    if re.fullmatch(r"[0-9]+|0x[0-9a-f]*", name.rpartition(".")[2]):
        return "no address and no name"
    if name in _METADATA:
        return "a name of a cloud's metadata service"
    local = next((word for ending, word in _LOCAL.items() if name == ending or name.endswith(f".{ending}")), None)
    return local or (None if "." in name else "a name without a dot, which only this network knows")

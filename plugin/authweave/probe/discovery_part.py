"""What a run found out about the server before the token call: its metadata, a registration, and what both say of the profile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from authweave.call import scope_parameters
from authweave.discovery.doubts import doubts
from authweave.discovery.metadata import Metadata
from authweave.errors import AuthweaveError
from authweave.probe.cases import case_of
from authweave.probe.stages import call_ms

if TYPE_CHECKING:
    from authweave.probe.ledger import Ledger
    from authweave.probe.recorder import Recorded
    from authweave.profile import TokenSettings, Variant


def discovered(ledger: Ledger, calls: Sequence[Recorded], variant: Variant) -> None:
    """Note what was found, and what the metadata speak against; nothing is changed for it."""
    asked = [one for one in calls if one.purpose == "discovery"]
    if not asked or variant.tokens is None or ledger.has("discovery"):
        return
    metadata = metadata_of(ledger, variant)
    found = list(_doubts(ledger, metadata, variant.tokens)) if metadata is not None else []
    words = [f"metadata of {metadata.issuer}: {', '.join(sorted(metadata.endpoints)) or 'no endpoints'}"] if metadata else []
    if any(one.request.method == "POST" for one in asked):
        words.append("registered as a client")
    milliseconds = sum(call_ms(one) for one in asked)
    ledger.stage("discovery", "warning" if found else "ok", milliseconds, "; ".join(words), code=found[0][0] if found else "")
    for code, listed in found:
        ledger.find(code, case_of(ledger, record=asked[-1], variant=variant, facts={"listed": listed, "token_call": True}), "discovery", severity="warning")


def metadata_of(ledger: Ledger, variant: Variant) -> Metadata | None:
    """What the run's engine knows now of the issuer; nobody is asked again."""
    connection = ledger.connection
    if connection is None:
        return None
    credential = connection.credential(variant)
    try:
        return credential.completer().known(ledger.scope())
    except AuthweaveError:
        return None


def _doubts(ledger: Ledger, metadata: Metadata, settings: TokenSettings) -> Iterator[tuple[str, str]]:
    """Code and words for each thing that the profile does and the metadata do not list; scopes together."""
    unknown: list[str] = []
    for doubt in doubts(settings, metadata, _scopes(ledger, settings)):
        if doubt.code == "unsupported_scope":
            unknown.append(doubt.asked)
        else:
            yield doubt.code, doubt.asked if doubt.code == "unsupported_pkce" else ", ".join(doubt.listed[:20]) or "none"
    if unknown:
        yield "unsupported_scope", ", ".join(unknown)


def _scopes(ledger: Ledger, settings: TokenSettings) -> list[str]:
    try:
        return scope_parameters(settings, ledger.scope()).get("scope", "").split()
    except AuthweaveError:
        return []

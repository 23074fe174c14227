"""How the calls of a run went: directly or through a proxy, who said so, and whether token and API were reached alike."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from authweave.probe.ledger import Ledger
    from authweave.probe.recorder import Recorded

DIRECTLY: Final = "directly"
_OF_THE_WAY: Final = ("dns_", "connect_", "proxy_", "tls_", "network", "read_timeout", "connection_lost", "not_http", "api_html", "html_", "token_401", "token_403", "api_403")
"""How the codes begin of what a proxy, or its absence, may be the cause of."""


def tell_ways(ledger: Ledger) -> None:
    """Say it where the connection is told, and as evidence of what may come of it."""
    sent = [record for record in ledger.recorder.records if record.way]
    if not sent or all(record.way == DIRECTLY for record in sent):
        return
    line = _unlike(sent)
    ledger.stages = [replace(stage, text=_told(stage.text, sent[0].way, line)) if stage.name == "connect" else stage for stage in ledger.stages]
    if line:
        ledger.diagnoses = [
            replace(found, evidence=(*found.evidence, ledger.known.text(line))) if found.code.startswith(_OF_THE_WAY) else found
            for found in ledger.diagnoses
        ]  # fmt: skip


def _told(text: str, way: str, line: str) -> str:
    own = "" if way in text or way.partition(" (")[0] in text or way == DIRECTLY else way
    return ", ".join(part for part in (text, own, line) if part)


def _unlike(sent: list[Recorded]) -> str:
    """In which way token and API calls differ; '' if they do not."""
    token = next((record.way for record in sent if record.is_token_call), "")
    api = next((record.way for record in sent if record.purpose == "check"), "")
    return f"the token call went {token}, the API call {api}" if token and api and token != api else ""

"""Calls that authweave makes itself, held to a tenant's limits: wherever the URL came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authweave.errors import EgressRefused, UrlRefused
from authweave.limits.within import Within
from authweave.urls import Origin

if TYPE_CHECKING:
    from authweave.values import TaskRequest


def exchange_within(within: Within, exchange: Any) -> Any:
    """An exchange that sends to no other hosts, and looks none up in DNS. It raises EgressRefused for them."""

    def exchanged(request: TaskRequest, *order: Any, **options: Any) -> Any:
        why = _why_not(request.url, within)
        if why:
            host = Origin.of(request.url).host
            raise EgressRefused(f"this call may not be made: {why}", stage="dns", host=host, detail="policy", facts={"address": "", "purpose": "limits"})
        return exchange(request, *order, **options)

    return exchanged


def _why_not(url: str, within: Within) -> str:
    try:
        within.refuse_origin(url, "")
    except UrlRefused as refused:
        return str(refused)
    return ""

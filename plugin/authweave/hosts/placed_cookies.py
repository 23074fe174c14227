"""Cookies that a profile put into a request, in one that a redirect led to another origin: servers set anew what they were sent, and jars know no ports."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

from authweave.applying.placed_secrets import placed_at

if TYPE_CHECKING:
    from authweave.values import TaskRequest


def take_out_cookies(headers: MutableMapping[str, Any], sent: TaskRequest) -> None:
    """Take the cookies of these names out of the Cookie header, whoever put them there. `sent`: as `authorize` finished it."""
    names = {one.key for one in placed_at(sent.made_from.sent, "cookie")}
    written = headers.get("Cookie") if names else None
    if written is None:
        return
    pairs = [pair.strip() for pair in (written.decode("latin-1") if isinstance(written, bytes) else written).split(";")]
    kept = "; ".join(pair for pair in pairs if pair and pair.partition("=")[0].strip() not in names)
    if kept:
        headers["Cookie"] = kept
    else:
        del headers["Cookie"]

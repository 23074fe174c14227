"""The namespaces that templates read, for one token call or one attempt of a task request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from authweave.lazy import Lazy
from authweave.profile import Profile
from authweave.templates.bounds import BUDGET, Budget
from authweave.values import Token


def make_scope(profile: Profile, inputs: Mapping[str, Any], now: float, token: Token | None = None) -> dict[str, Any]:
    """`inputs`, `vars` (computed on demand, once), `profile`, `kept`, `token`; `request` and `response` come later."""
    scope: dict[str, Any] = {
        "inputs": inputs,
        "profile": {"name": profile.name, "version": profile.version},
        "kept": token.kept if token else {},
        "token": token.as_scope() if token else {},
        "callback": {},
        "now": now,
        BUDGET: Budget(),
    }
    scope["vars"] = Lazy({name: _reader(data, scope) for name, data in profile.vars.items()})
    return scope


def _reader(data: Any, scope: Mapping[str, Any]) -> Any:
    return lambda: data.value(scope)

"""A person comes back from signing in: whose sign-in was it? Found by its state, and completed. Flows in no colour."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any

from authweave.errors import AuthweaveError, CallbackRefused, UsageError
from authweave.sign_in import Begun, Callback, Shelf, is_without_state, row_of_state, sign_in_of, with_state

if TYPE_CHECKING:
    from authweave.connections.connection import Connection
    from authweave.engine import Engine
    from authweave.profile import Profile
    from authweave.values import SignIn

_LANE = ("sign-in", "")


def completing(engine: Engine, answer: str | Mapping[str, str], session: str, inputs: Mapping[str, Any] | None) -> Generator[Future[Any], Any, SignIn]:
    """The flow of `Engine.complete_authorization`."""
    callback = yield from stated(engine, Callback.of(answer))
    row = row_of_state(callback.state)
    begun = (yield engine.flights.run((object(),), _LANE, lambda: Shelf(engine.consents, row).read()[1])) if row else None
    if begun is None:
        raise CallbackRefused("state", "this answers no sign-in under way: it was never begun on this store, or ended long ago")
    for connection in _candidates(engine, begun, inputs):
        try:
            is_it = yield from connection.signing_in.is_for(begun)
        except AuthweaveError:
            continue
        if is_it:
            return sign_in_of(connection).done((yield from connection.signing_in.completing(callback, session)))
    raise CallbackRefused("connection", "this sign-in was begun with other inputs than are found here: give them with inputs=", profile=begun.profile)


def stated(engine: Engine, callback: Callback) -> Generator[Any, Any, Callback]:
    """The answer with its state, where it is one by OAuth 1.0 that has none of ours."""
    if not is_without_state(callback):
        return callback
    return (yield engine.flights.run((object(),), _LANE, lambda: with_state(callback, engine.consents)))  # type: ignore[no-any-return]  # what the flight brings


def _candidates(engine: Engine, begun: Begun, inputs: Mapping[str, Any] | None) -> Iterator[Connection]:
    """Who may have begun it: connections at hand, then one made from the profile."""
    wanted = (begun.profile, begun.tenant, begun.subject)
    yield from (one for one in engine.connections.all() if (one.profile.name, one.tenant, one.subject) == wanted and inputs is None)
    yield engine.connect(_profile_of(engine, begun), tenant=begun.tenant, subject=begun.subject, inputs=inputs, servers=begun.servers)


def _profile_of(engine: Engine, begun: Begun) -> Profile:
    """By its name, or by the file that it came from: never where texts name no files, for what a text was called may be a stranger's word."""
    try:
        return engine.profile(begun.profile, begun.tenant)
    except UsageError as error:
        if engine.settings.profile_paths and os.path.isfile(begun.source):
            return engine.profile(Path(begun.source), begun.tenant)
        fix = "complete the sign-in on its connection: engine.connect(profile, …).complete_authorization(…)"
        raise UsageError(f"{begun.profile}: a sign-in was begun with a profile that this engine does not find by its name; {fix}") from error

"""The steps of a token call: what has to be asked before it, and what is asked after it.

Each goes through the same exchange as the token request, within the same deadline. Blocking, no locks, no store.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from authweave.call import step_draft
from authweave.egress.errand import calling_for
from authweave.errors import AuthweaveError
from authweave.profile import Step, TokenSettings
from authweave.token_calls.answers import read_after, read_before
from authweave.token_calls.reading import Reading
from authweave.values import TaskResponse, Token

if TYPE_CHECKING:
    from authweave.token_calls.exchange import Exchange

Read = TypeVar("Read")


@dataclass(slots=True)
class Progress:
    """How far one token call has come, over all its attempts: what was answered well is not asked again.

    `kept` is what steps gave so far, `before` and `after` how many of them are done, `token` what the token endpoint
    gave. `step` is the one whose request is on its way, if it is that of a step.
    """

    kept: dict[str, Any] = field(default_factory=dict)
    before: int = 0
    token: Token | None = None
    after: int = 0
    step: Step | None = None

    def may_ask_once(self, *, grant_once: bool) -> bool:
        """May what is on its way be sent only once, unless it is known that nothing was done? A step by its method."""
        return grant_once if self.step is None else not self.step.is_harmless


class Steps:
    """The steps of one client's token calls. `origin` is the variant's place in the profile (`auth`)."""

    def __init__(self, settings: TokenSettings, exchange: Exchange, origin: str, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._exchange = exchange
        self._origin = origin
        self._clock = clock

    def before(self, old: Token | None, end: float, scope: dict[str, Any], progress: Progress) -> None:
        """Take the steps before the token request, from where an earlier attempt left off.

        What one keeps is in `scope` at once, for the next and for the token request. Raises TokenError, WireError,
        InputError, TemplateError, PlacementError, each with the name of the step.
        """
        scope["kept"] = {**scope.get("kept", {}), **progress.kept}
        for step in self._settings.before[progress.before :]:
            if is_due(step, old, scope):
                progress.kept |= self._taken(step, old, end, scope, progress, read_before)
                scope["kept"] = {**scope["kept"], **progress.kept}
            progress.before += 1
        progress.step = None

    def after(self, old: Token | None, end: float, scope: dict[str, Any], progress: Progress) -> Token:
        """Take the steps after it; the token as they leave it. Raises as `before`."""
        assert progress.token is not None  # noqa: S101 - the token request comes first
        for step in self._settings.after[progress.after :]:
            token = progress.token
            scope["token"], scope["kept"] = token.as_scope(), dict(token.kept)
            if is_due(step, old, scope):
                progress.token = self._taken(step, old, end, scope, progress, partial(read_after, token=token))
            progress.after += 1
        return progress.token

    def _taken(
        self, step: Step, old: Token | None, end: float, scope: Mapping[str, Any], progress: Progress,
        read: Callable[[TaskResponse, Reading, Step], Read],
    ) -> Read:  # fmt: skip
        """Send one, and read its answer."""
        failure: AuthweaveError
        try:
            draft = step_draft(self._settings, step, scope, self._origin)
            request = draft.finish()
            progress.step = step
            with calling_for("step"):
                response = self._exchange(request, end - time.monotonic(), tuple(draft.placed))
            return read(response, Reading(self._settings, scope, old, self._clock(), request.url, is_step=True), step)
        except AuthweaveError as error:
            failure = error.of_step(step.name)
        failure.is_of_answer = progress.token is not None
        failure.is_unspent = progress.token is None
        raise failure


def is_due(step: Step, old: Token | None, scope: Mapping[str, Any]) -> bool:
    """Does a step belong to this token call, a grant or the refresh of `old`?"""
    return ("grant" if old is None else "refresh") in step.phases and (step.when is None or step.when.is_true(scope))

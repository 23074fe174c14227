"""What one run has found out so far. Everything is made fit to show as it is noted."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from authweave.applying.scopes import make_scope
from authweave.diagnosis import Case
from authweave.errors import AuthweaveError
from authweave.probe.findings import diagnosis, on_one_line
from authweave.probe.known import Known
from authweave.probe.recorder import Recorded, Recorder
from authweave.probe.views import learn_placed
from authweave.profile import Profile, Variant
from authweave.report import Diagnosis, Stage, Verdict
from authweave.values import Problem

if TYPE_CHECKING:
    from authweave.connections.connection import Connection
    from authweave.engine import Engine

_WORST: Final = ("not_tested", "accepted", "inconclusive", "forbidden", "refused")


class Ledger:
    """Belongs to one run, in one thread. `profile`, `connection` and `variant` are None until they are known.

    `person` signs in where somebody has to; `control` and `refresh` say what is wanted beside the check.
    """

    def __init__(
        self, engine: Engine, recorder: Recorder, events: Callable[[Stage], None] | None, *, sandbox: bool = False
    ) -> None:  # fmt: skip
        self.engine = engine
        self.sandbox = sandbox
        self.recorder = recorder
        self.known = Known()
        self.person: Any = None
        self.control = self.refresh = False
        self.profile: Profile | None = None
        self.connection: Connection | None = None
        self.variant: Variant | None = None
        self.stages: list[Stage] = []
        self.diagnoses: list[Diagnosis] = []
        self.messages: list[str] = []
        self.problems: tuple[Problem, ...] = ()
        self.token = Verdict()
        self.credential = Verdict()
        self._events = events

    def stage(self, name: str, status: str, ms: float | None = None, text: str = "", *, code: str = "", about: str = "") -> None:
        """Note that a stage has ended."""
        self.add(Stage(name, status, ms, self.known.text(on_one_line(text)), code, self.known.text(about)))

    def add(self, stage: Stage) -> None:
        """Note a stage that is fit to show already."""
        self.stages.append(stage)
        if self._events is not None:
            self._events(stage)

    def has(self, name: str) -> bool:
        """Has this stage been noted?"""
        return any(stage.name == name for stage in self.stages)

    def find(self, code: str, case: Case, stage: str, *, severity: str = "error") -> str:
        """Note a diagnosis; answers its sentence."""
        self.learn_inputs()
        found = diagnosis(code, case, self.known, stage=stage, origins=self.engine.settings.origins, severity=severity)
        self.diagnoses.append(found)
        return found.sentence

    def judge(self, word: str, reason: str) -> None:
        """Note a verdict on the credential; of several tests the worst counts."""
        if _WORST.index(word) >= _WORST.index(self.credential.word):
            self.credential = Verdict(word, reason)

    def learn(self, record: Recorded) -> None:
        """Know what is secret in a call."""
        self.learn_inputs()
        if record.reply is not None and (record.may_hold_tokens or not record.is_token_call):
            self.known.learn_answer(record.reply.body, of_token_call=record.is_token_call and record.purpose != "introspection")
            self.known.learn_cookies(record.reply.header_lines("set-cookie"))
        learn_placed(record, self.known)

    def learn_inputs(self) -> None:
        """Know every input that was read so far."""
        if self.connection is None:
            return
        inputs = self.connection.inputs()
        for name, secret in inputs.secrets:
            self.known.learn(name, secret, "input")
        self.known.learn_inputs({name: inputs[name] for name in inputs.origins})

    def suspicious(self) -> tuple[tuple[str, str], ...]:
        """Inputs that look as if they were not what was meant, and why; in the sandbox secrets alone: it takes the profile's examples for the rest."""
        found = self.connection.inputs().suspicious if self.connection else ()
        return tuple(one for one in found if not self.sandbox or (self.profile is not None and self.profile.inputs[one[0]].secret))

    def scope(self) -> dict[str, Any]:
        """The namespaces of templates before there is a token."""
        assert self.profile is not None  # noqa: S101 - asked only once it is loaded
        inputs = self.connection.inputs() if self.connection else {}
        return make_scope(self.profile, inputs, self.engine.clock())

    def rendered(self, template: Any) -> str:
        """What a template gives, or '' if it gives nothing."""
        try:
            return str(template.render(self.scope())) if template is not None else ""
        except AuthweaveError:
            return ""


def since(start: float) -> float:
    """Milliseconds since a moment of `time.monotonic`."""
    return (time.monotonic() - start) * 1000

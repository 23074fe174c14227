"""One of many tests: what is to be tested, the test itself, and the report of one that did not come to its turn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from authweave.probe import test_profile
from authweave.probe.telling import command_again
from authweave.profile import Profile
from authweave.redaction import inert
from authweave.report import STAGES, Report, Stage, Verdict

if TYPE_CHECKING:
    from authweave.engine import Engine


@dataclass(frozen=True, slots=True)
class Run:
    """A profile (by name, path or value) for one tenant and subject. `inputs` and `servers` are those of `Engine.connect`."""

    profile: Profile | str | Path
    tenant: str = ""
    subject: str | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict, repr=False)
    servers: tuple[str, ...] = ()

    @property
    def reference(self) -> str:
        """The profile as a command line names it."""
        return self.profile.merged.document.source if isinstance(self.profile, Profile) else str(self.profile)

    @property
    def name(self) -> str:
        """The profile's name, as far as it is known without reading it."""
        return self.profile.name if isinstance(self.profile, Profile) else Path(self.reference).stem

    @property
    def title(self) -> str:
        """`acme eu`: the profile and whose connection it is, fit to show."""
        return inert(" ".join(filter(None, (self.name, self.tenant, self.subject or ""))))

    @property
    def again(self) -> str:
        """The command that does this run alone; no secret stands in it."""
        profile = self.profile if isinstance(self.profile, Profile) else None
        return command_again(
            self.reference, profile, tenant=self.tenant, subject=self.subject, inputs=self.inputs, servers=self.servers
        )


def probed(engine: Engine, run: Run, **how: Any) -> Report:
    """The report of one run; `how` are further options of `probe.test_profile`. Raises UsageError for what cannot be asked at all."""
    return test_profile(engine, run.profile, tenant=run.tenant, subject=run.subject, inputs=run.inputs, servers=run.servers, **how)


def not_run(run: Run, why: str) -> Report:
    """The report of a run that was not made: every stage is skipped, nothing is judged, and `started` is empty."""
    return _untold(run, inert(why), "skipped", "")


def not_possible(run: Run, why: str) -> Report:
    """The report of a run that could not be asked for: nothing was sent."""
    return _untold(run, inert(why), "failed", datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))


def _untold(run: Run, reason: str, load: str, started: str) -> Report:
    first = next(iter(STAGES))
    return Report(
        profile=inert(run.name),
        source=inert(run.reference),
        tenant=inert(run.tenant),
        subject=inert(run.subject or ""),
        started=started,
        token=Verdict("not_tested", reason),
        credential=Verdict("not_tested", reason),
        stages=tuple(Stage(name, load if name == first else "skipped", None, reason if name == first else "") for name in STAGES),
        not_tested=("everything",),
        again=inert(run.again),
    )  # fmt: skip

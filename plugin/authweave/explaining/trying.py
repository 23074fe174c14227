"""One try: the profile with a change in it, tested over the real path."""

from __future__ import annotations

import copy
import dataclasses
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from authweave.binding import bind
from authweave.checking.document import check
from authweave.documents import parse_document
from authweave.errors import EditRefused, ProfileError
from authweave.explaining.change import Change, is_json
from authweave.loading import parents_in
from authweave.probe import test_profile
from authweave.profile import Profile
from authweave.report import Report, Try, Verdict
from authweave.resources import profiles_folder
from authweave.token_calls.exchange import wire_exchange
from authweave.wire import Wire

if TYPE_CHECKING:
    from authweave.engine import Engine


@dataclass(frozen=True, slots=True)
class Target:
    """What is tested: a profile for a tenant and a subject, with what was given."""

    profile: Profile
    tenant: str = ""
    subject: str | None = None
    inputs: Mapping[str, Any] = dataclasses.field(default_factory=dict, repr=False)
    servers: tuple[str, ...] = ()

    def inputs_of(self, profile: Profile) -> dict[str, Any]:
        """What was given, as far as this variant of the profile has such inputs: a client without proof has no secret."""
        return {name: value for name, value in self.inputs.items() if name in profile.inputs}


def changed_profile(engine: Engine, profile: Profile, text: str) -> Profile:
    """The profile of a changed text, as if it stood in the file. Raises ProfileError."""
    source = profile.merged.document.source
    folders: Iterable[Path] = (Path(source).parent, *engine.folders, profiles_folder())
    checked = check(parse_document(text, source, json=is_json(source)), engine.catalog, parents_in(folders))
    if not checked.is_valid:
        raise ProfileError(checked.problems)
    return bind(checked)


def tried(engine: Engine, target: Target, profile: Profile, wire: Wire, seconds: float) -> Report:
    """The report of one run of a changed profile, over this wire, within so many seconds."""
    apart = copy.copy(engine)
    apart.wire, apart.exchange = wire, wire_exchange(wire)
    apart.settings = dataclasses.replace(engine.settings, test_deadline=seconds)
    return test_profile(apart, profile, tenant=target.tenant, subject=target.subject, inputs=target.inputs_of(profile), servers=target.servers)


def left_out(change: Change, why: str) -> Try:
    """A variant that was not sent, and why."""
    return Try(change.key, change.value, Verdict(), Verdict(), word=why, sent=False)


def told(change: Change, report: Report) -> Try:
    """What came of a try."""
    return Try(change.key, change.value, report.token, report.credential, _status(report), _word(report), report.ms)


def why_not(error: EditRefused | ProfileError) -> str:
    """Why a changed text is no profile."""
    if isinstance(error, ProfileError):
        first = next(problem for problem in error.problems if problem.severity == "error")
        return f"the profile would not be valid: {first.key + ': ' if first.key else ''}{first.message}"
    return str(error)


def _status(report: Report) -> int:
    """The status of the answer that decided."""
    answered = report.exchanges[-1].answered if report.exchanges else None
    return answered.status if answered is not None else 0


def _word(report: Report) -> str:
    """The server's own error; else the code of the diagnosis; nothing for what works."""
    found = next((one for one in report.diagnoses if one.severity == "error"), None)
    if found is None:
        return ""
    said = [match[1] for line in found.evidence if (match := re.fullmatch(r"error: (\S{1,60})", line))]
    return said[0] if said else found.code

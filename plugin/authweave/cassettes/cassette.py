"""A recorded run as a value, and as the JSON that lies in git beside the profile. Nothing in it is secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

FORMAT: Final = 1
"""The version of the JSON form (`schemas/test-cassette.schema.json`)."""

Lines = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered, scrubbed: what no template reads is not here, what was secret is a stand-in."""

    status: int
    reason: str
    http_version: str
    headers: tuple[tuple[str, str], ...]
    body: str
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there was no answer: an error of the transport by its class in `authweave.errors`."""

    kind: str
    message: str
    stage: str
    host: str
    detail: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """One call: its request in lines that hold no secret, and what came of it. `purpose` as in `report.Exchange`."""

    purpose: str
    asked: Lines
    answer: Answer | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Expected:
    """The verdict words of the recorded run, and the codes of its diagnoses in their order."""

    token: str
    credential: str
    codes: Lines = ()


@dataclass(frozen=True, slots=True)
class Cassette:
    """`recorded` is the second of the run (RFC 3339, UTC), at which the replay's clock stands.

    `inputs` are those that are not secret; `servers` those that were given for the run. `consent` is how a person's consent came into
    the run: '' for not at all, `stored` or `refreshed` for one of before, `signed_in` for one of the run itself, whose answer
    is `callback`, with `{state}` in the place of the state. `control`: the check was sent without the credential, too.
    """

    profile: str
    version: str
    recorded: str
    expected: Expected
    calls: tuple[Call, ...]
    tenant: str = ""
    subject: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    servers: Lines = ()
    sandbox: bool = False
    consent: str = ""
    callback: str = ""
    control: bool = False

    def as_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {"format": FORMAT, **asdict(self)}

    @classmethod
    def of_dict(cls, data: Mapping[str, Any]) -> Cassette:
        """The cassette of a JSON form that its schema has accepted."""
        calls = tuple(_call(one) for one in data["calls"])
        expected = Expected(**{**data["expected"], "codes": tuple(data["expected"]["codes"])})
        plain = {name: data[name] for name in ("profile", "version", "recorded", "tenant", "subject", "inputs", "sandbox", "consent", "callback", "control")}
        return cls(**plain, servers=tuple(data["servers"]), expected=expected, calls=calls)


def _call(data: Mapping[str, Any]) -> Call:
    answer, failure = data["answer"], data["failure"]
    headers = tuple((name, value) for name, value in answer["headers"]) if answer else ()
    return Call(
        data["purpose"], tuple(data["asked"]), Answer(**{**answer, "headers": headers}) if answer else None,
        Failure(**failure) if failure else None,
    )  # fmt: skip

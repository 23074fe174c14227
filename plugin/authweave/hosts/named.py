"""Which connection a platform's configuration means: one text where there is one field, a map where there are more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Self

from authweave.errors import UsageError
from authweave.shared_engine import shared_engine

if TYPE_CHECKING:
    from authweave.connections.connection import Connection
    from authweave.engine import Engine

KEYS: Final = ("profile", "tenant", "subject", "servers", "inputs")
FORM: Final = "PROFILE[@VERSION][,tenant=…][,subject=…][,server=…]"


@dataclass(frozen=True, slots=True)
class Named:
    """A profile by name, `name@version` or path, for a tenant and a user. `inputs` and `servers` are as in `Engine.connect`.

    Connects anew whenever it is asked, which costs a look-up: an edited profile counts from the next request on.
    """

    profile: str
    tenant: str = ""
    subject: str | None = None
    servers: tuple[str, ...] = ()
    inputs: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, given: str | Mapping[str, Any] | Self) -> Self:
        """From `acme-crm@1,tenant=blue,subject=anna`, or a map with the keys profile, tenant, subject, servers, inputs.

        Raises UsageError, which repeats no value of an input.
        """
        if isinstance(given, cls):
            return given
        if isinstance(given, str):
            return cls(**_of_text(given))
        if isinstance(given, Mapping):
            return cls(**_of_map(given))
        raise UsageError(f"a profile is named by a text, {FORM}, or by a map with {', '.join(KEYS)}; not by {type(given).__name__}")

    def __str__(self) -> str:
        said = (f"{key}={value}" for key, value in (("tenant", self.tenant), ("subject", self.subject)) if value)
        return ",".join((self.profile, *said))

    def connection(self, engine: Engine | None = None) -> Connection:
        """The connection, of this engine or of the process's. Raises what `Engine.connect` raises, SettingsError."""
        return (engine or shared_engine()).connect(
            self.profile, tenant=self.tenant, subject=self.subject, inputs=self.inputs or None, servers=self.servers
        )

    @property
    def command(self) -> str:
        """What a person types to see what is wrong: `authweave test …`."""
        import shlex

        words = ["authweave", "test", self.profile]
        for option, value in (("--tenant", self.tenant), ("--subject", self.subject)):
            words += [option, value] if value else []
        return shlex.join(words)


def _of_text(text: str) -> dict[str, Any]:
    profile, *rest = (part.strip() for part in text.split(","))
    found: dict[str, Any] = {"profile": _profile(profile)}
    for part in rest:
        key, is_written, value = part.partition("=")
        if key not in ("tenant", "subject", "server") or not is_written or not value:
            raise UsageError(f"{text!r} names no profile: {FORM}")
        if key == "server":
            found["servers"] = (*found.get("servers", ()), value)
        elif key in found:
            raise UsageError(f"{text!r} names {key} twice")
        else:
            found[key] = value
    return found


def _of_map(given: Mapping[str, Any]) -> dict[str, Any]:
    if unknown := sorted(map(str, set(given) - set(KEYS))):
        raise UsageError(f"a profile is named with {', '.join(KEYS)}; not with {', '.join(unknown)}")
    found = {key: value for key, value in given.items() if value is not None}
    found["profile"] = _profile(found.get("profile"))
    servers = found.get("servers", ())
    if not isinstance(found.get("inputs", {}), Mapping):
        raise UsageError(f"{found['profile']}: inputs is a map from input to value")
    if not isinstance(servers, str | list | tuple) or not all(isinstance(server, str) for server in servers):
        raise UsageError(f"{found['profile']}: servers is a list of URLs")
    return {**found, "servers": (servers,) if isinstance(servers, str) else tuple(servers)}


def _profile(given: object) -> str:
    if not isinstance(given, str) or not given:
        raise UsageError(f"no profile is named: {FORM}")
    return given

"""What stands in `tls`, and whether it can hold together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final

from authweave.checking.defaults import SHOWS_CERTIFICATE, gets_token
from authweave.checking.document import Checked
from authweave.values import Path, Problem

_TYPES: Final[Mapping[str, tuple[str, ...]]] = {"certificate": ("pem", "pkcs12"), "private_key": ("pem",), "ca": ("pem",)}


class TlsParts:
    """A certificate goes with its key, from inputs of the type for it, and is shown in calls that there are. Believing whoever
    answers (`verify: false`) is told, for the operator has to allow it."""

    name: ClassVar[str] = "tls"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per key."""
        tls = checked.data.get("tls")
        if isinstance(tls, dict) and not checked.is_hurt("tls"):
            for problem in (*_pairs(tls), *_types(checked, tls), *_calls(checked, tls), *_belief(tls)):
                path, message, fix, severity = problem
                yield checked.problem(self.name, ("tls", *path), message, fix, of_key=True, severity=severity)


Found = tuple[Path, str, str, str]


def _pairs(tls: Mapping[str, Any]) -> Iterable[Found]:
    if not any(key in tls for key in ("certificate", "private_key", "password", "ca", "verify", "calls")):
        yield (), "says nothing", "write certificate and private_key, or ca", "error"
    if "private_key" in tls and "certificate" not in tls:
        yield ("private_key",), "a key proves nothing without its certificate", "add certificate", "error"
    if "password" in tls and "certificate" not in tls:
        yield ("password",), "there is no key that it could open", "remove it, or add certificate", "error"


def _types(checked: Checked, tls: Mapping[str, Any]) -> Iterable[Found]:
    """An input's type is what mends line ends, takes base64 and tells early that something else was supplied."""
    for key in ("certificate", "ca"):
        if isinstance(text := tls.get(key), str) and "{{" not in text and "-----BEGIN " not in text:
            yield (key,), "is no PEM, and a profile cannot read files", f"write '{{{{ inputs.{key} }}}}', and supply what is in the file", "error"
    kinds = {key: kind for key in _TYPES if (kind := _type_of(checked, key)) is not None}
    for key, kind in kinds.items():
        if kind not in _TYPES[key]:
            yield (key,), f"is read from an input of type {kind}", f"declare that input with type: {' or '.join(_TYPES[key])}", "error"
    if kinds.get("certificate") == "pkcs12" and "private_key" in tls:
        yield ("private_key",), "a PKCS #12 file holds its key", "remove it", "error"


def _type_of(checked: Checked, key: str) -> str | None:
    """The declared type of the one input that a key reads, as far as it is one."""
    made = checked.compiled.get(("tls", key))
    names = {read[1] for read in made.reads if read[0] == "inputs" and len(read) == 2} if made is not None else set()
    if made is None or len(made.reads) != 1 or len(names) != 1 or (declared := checked.full["inputs"].get(next(iter(names)))) is None:
        return None
    return str(declared.get("type", "string"))


def _calls(checked: Checked, tls: Mapping[str, Any]) -> Iterable[Found]:
    if checked.has_unknown_parts:
        return
    calls = tls.get("calls", ("token", "task"))
    proofs = [auth["client_auth"] for _, auth, _ in checked.variants if auth.get("client_auth") in SHOWS_CERTIFICATE]
    if proofs and "token" not in calls:
        yield ("calls",), f"client_auth {proofs[0]} is the certificate of the token call", "add token", "error"
    if tuple(calls) == ("token",) and not any(gets_token(auth, checked.catalog) for _, auth, _ in checked.variants):
        yield ("calls",), "there is no token call", "remove it, or write [task]", "error"


def _belief(tls: Mapping[str, Any]) -> Iterable[Found]:
    if tls.get("verify") is False and "ca" in tls:
        yield ("ca",), "verify: false believes everybody, so an authority says nothing", "remove verify", "error"
    elif tls.get("verify") is False:
        yield ("verify",), "anybody could answer in the server's place, and only an operator can allow it (settings: allow_unverified_tls)", "name the server's certificate or its authority as ca", "warning"

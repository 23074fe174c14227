"""The wires of profiles with `tls`: one for each tenant and certificate, made once, the least used let go of."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from authweave.errors import InvalidInput, SettingsError
from authweave.machine.forks import Lock
from authweave.mutual_tls.reading import CA, CERTIFICATE, PASSWORD, PRIVATE_KEY, read
from authweave.values import Secret
from authweave.wire import Wire

MOST: Final = 256
"""Wires kept: each has a TLS context of about a megabyte."""


@dataclass(frozen=True, slots=True)
class Supplied:
    """What the templates of `tls` came to, revealed: PEM texts, or bytes of a PKCS #12 file; None for what is empty."""

    certificate: str | bytes | None = field(default=None, repr=False)
    private_key: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    ca: str | None = field(default=None, repr=False)
    verify: bool = True

    @classmethod
    def of(cls, tls: Mapping[str, Any], scope: Mapping[str, Any]) -> Self:
        """The values of a profile's `tls` in this scope. Raises InputError, TemplateError, InvalidInput."""
        values = {key: _value(tls.get(key), scope) for key in ("certificate", "private_key", "password", "ca", "verify")}
        verify = values["verify"]
        if verify not in (None, True, False):
            raise InvalidInput("tls.verify", "tls.verify is true or false")
        return cls(
            _text(values["certificate"], CERTIFICATE, can_be_bytes=True), _text(values["private_key"], PRIVATE_KEY),
            _text(values["password"], PASSWORD), _text(values["ca"], CA), verify is not False,
        )  # fmt: skip

    @property
    def is_nothing(self) -> bool:
        """Is there neither a certificate nor an authority, and nothing to be believed unseen?"""
        return not (self.certificate or self.private_key or self.ca) and self.verify

    def mark(self) -> bytes:
        """Equal for equal values, in this process; tells nothing of them."""
        digest = hashlib.sha256()
        for part in (self.certificate, self.private_key, self.password, self.ca):
            known = Secret(b"" if part is None else part, "tls").mark
            digest.update((b"0" if part is None else b"b" if isinstance(part, bytes) else b"t") + known)
        return digest.digest() + bytes([self.verify])


@dataclass(frozen=True, slots=True)
class _Kept:
    base: Wire
    wire: Wire
    until: float


class Wires:
    """Safe for threads. No wire, and so no TLS session, is ever shared between tenants."""

    def __init__(self, *, may_trust_blindly: bool = False) -> None:
        self._may_trust_blindly = may_trust_blindly
        self._kept: OrderedDict[tuple[int, str, bytes], _Kept] = OrderedDict()
        self._lock = Lock()

    def of(self, base: Wire, supplied: Supplied, tenant: str, now: float) -> Wire:
        """A wire like `base` with what was supplied. Raises InvalidInput for what cannot be shown or believed, and
        SettingsError for `verify: false` without the operator's word."""
        if not supplied.verify and not self._may_trust_blindly:
            raise SettingsError(
                "tls.verify is false, so anybody could answer in the server's place, and the operator does not allow that "
                "(settings: allow_unverified_tls); better: supply the server's certificate or its authority as tls.ca"
            )
        if supplied.is_nothing:
            return base
        key = (id(base), tenant, supplied.mark())
        with self._lock:
            found = self._kept.get(key)
            if found is not None and now <= found.until:
                self._kept.move_to_end(key)
                return found.wire
        made = read(supplied.certificate, supplied.private_key, supplied.password, supplied.ca, now)
        wire = base.showing(made.client, authorities=made.authorities, verify=supplied.verify)
        with self._lock:
            self._kept[key] = _Kept(base, wire, made.until)  # keeps the base: its id stays its own
            self._kept.move_to_end(key)
            if len(self._kept) > MOST:
                self._kept.popitem(last=False)
        return wire


def _value(written: Any, scope: Mapping[str, Any]) -> Any:
    value = written.value(scope) if hasattr(written, "value") else written
    return value.reveal() if isinstance(value, Secret) else value


def _text(value: Any, key: str, *, can_be_bytes: bool = False) -> Any:
    if value is None or value in ("", b""):
        return None
    if isinstance(value, str) or (can_be_bytes and isinstance(value, bytes)):
        return value
    kinds = "type: pem or type: pkcs12" if can_be_bytes else "type: pem" if key != PASSWORD else "type: string"
    raise InvalidInput(key, f"{key} is no text: give its input {kinds}")

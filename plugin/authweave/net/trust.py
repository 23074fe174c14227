"""Whom to believe and what to show in a TLS handshake: one `SSLContext` per set of answers, made once."""

from __future__ import annotations

import hashlib
import os
import secrets
import ssl
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from authweave.errors import InvalidInput, SettingsError
from authweave.net.values import ClientCertificate

_ENVIRONMENT = ("SSL_CERT_FILE", "SSL_CERT_DIR")


@dataclass(frozen=True, slots=True)
class Trust:
    """`authorities` are paths or PEM texts that are believed besides the default ones."""

    authorities: tuple[str, ...] = ()
    verify: bool = True
    client: ClientCertificate | None = None


class Contexts:
    """TLS contexts by trust, made on first use: making one costs milliseconds and a megabyte. Safe for threads.

    The defaults are certifi's authorities, or those of SSL_CERT_FILE and SSL_CERT_DIR where they are set.
    A changed authority file makes a new context.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._anew()

    def _anew(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._made: dict[object, ssl.SSLContext] = {}

    def of(self, trust: Trust) -> ssl.SSLContext:
        """The context for this trust. Raises SettingsError or InvalidInput when a certificate cannot be read."""
        if self._process != os.getpid():
            self._anew()  # a forked child: the lock may have been held by a thread that is not here
        key = self._key(trust)
        with self._lock:
            if key not in self._made:
                self._made[key] = self.made(trust)
            return self._made[key]

    def _key(self, trust: Trust) -> object:
        default = tuple(_stamp(self._environ.get(name, "")) for name in _ENVIRONMENT)
        return default, tuple(map(_stamp, trust.authorities)), trust.verify, _fingerprint(trust.client)

    def made(self, trust: Trust) -> ssl.SSLContext:
        """A new context for this trust. Raises as `of` does."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # an operator may trust an intermediate authority alone
        context.set_alpn_protocols(["http/1.1"])
        if trust.verify:
            self._believe_defaults(context)
            for authority in trust.authorities:
                _believe(context, authority, "ca")
        else:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if trust.client:
            show(context, trust.client)
        return context

    def _believe_defaults(self, context: ssl.SSLContext) -> None:
        file, folder = (self._environ.get(name) for name in _ENVIRONMENT)
        if file:
            _believe(context, file, "SSL_CERT_FILE")
        if folder:
            context.load_verify_locations(capath=folder)
        if not file and not folder:
            import certifi

            context.load_verify_locations(cafile=certifi.where())


def show(context: ssl.SSLContext, client: ClientCertificate) -> None:
    """Load a client certificate from PEM texts.

    The TLS library reads files only, so the key is written encrypted under a password made for this once, into a
    folder of its own that is gone when this returns. Raises InvalidInput naming the part that is wrong.
    """
    once = secrets.token_urlsafe(24)
    pem = client.certificate + "\n" + _sealed_key(client, once)
    with tempfile.TemporaryDirectory(prefix="authweave-") as folder:
        path = Path(folder, "client.pem")
        path.write_text(pem)
        loaded = _load(context, path, once)
    if not loaded:
        raise InvalidInput(
            "tls.certificate", "tls.certificate holds no PEM certificate, or tls.private_key does not belong to it"
        )


def _load(context: ssl.SSLContext, path: Path, password: str) -> bool:
    try:
        context.load_cert_chain(path, password=password)
    except (ssl.SSLError, OSError):
        return False
    return True


def _sealed_key(client: ClientCertificate, password: str) -> str:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization as pem

    written = client.private_key if client.private_key is not None else client.certificate
    try:
        key = pem.load_pem_private_key(written.encode(), client.password.encode() if client.password else None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if key is None:
        raise InvalidInput("tls.private_key", "tls.private_key holds no PEM key that tls.password opens")
    sealed = key.private_bytes(
        pem.Encoding.PEM, pem.PrivateFormat.PKCS8, pem.BestAvailableEncryption(password.encode())
    )
    return sealed.decode("ascii")


def _believe(context: ssl.SSLContext, authority: str, origin: str) -> None:
    try:
        if _is_pem(authority):
            context.load_verify_locations(cadata=authority)
        else:
            context.load_verify_locations(cafile=authority)
    except (OSError, ValueError):  # ssl.SSLError is an OSError
        problem = "the PEM text" if _is_pem(authority) else authority
    else:
        return
    raise SettingsError(f"{origin}: {problem} cannot be read as PEM certificates")


def _is_pem(text: str) -> bool:
    return "-----BEGIN" in text


def _stamp(authority: str) -> object:
    """What tells one state of an authority file from another."""
    try:
        found = os.stat(authority) if authority and not _is_pem(authority) else None
    except (OSError, ValueError):
        found = None
    return authority, found and (found.st_mtime_ns, found.st_size, found.st_ino)


def _fingerprint(client: ClientCertificate | None) -> object:
    if client is None:
        return None
    parts = (client.certificate, client.private_key or "", client.password or "")
    return hashlib.sha256("\0".join(parts).encode()).digest()

"""A throw-away certificate authority: made at start, kept in memory, gone at the end."""

from __future__ import annotations

import ipaddress
import os
import ssl
import tempfile
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from authweave.sandbox.shown import pem_of

NAME: Final = "authweave sandbox, for tests only"
LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
_DAY: Final = timedelta(days=1)
_SIGNING: Final = (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
    "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
)  # fmt: skip


class Shows(Protocol):
    """What a server of the sandbox shows in a handshake."""

    def context_for(self, host: str, clients: frozenset[bytes] = frozenset()) -> ssl.SSLContext:
        """To a client that names a host."""
        ...

    def default_context(self, clients: frozenset[bytes] = frozenset()) -> ssl.SSLContext:
        """To a client that names none, and before anybody has named one."""
        ...


class Authority:
    """Issues a certificate for whatever host is asked for. Safe for threads.

    `pem` is what a client has to believe. No key is ever written, but for a moment into a file that only this user
    may read: Python's TLS takes keys from files alone.
    """

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._host_key = ec.generate_private_key(ec.SECP256R1())
        self._certificate = self._signed(NAME, (), self._key, is_authority=True)
        self._contexts: dict[tuple[str, frozenset[bytes]], ssl.SSLContext] = {}
        self._lock = threading.Lock()
        self.pem = self._certificate.public_bytes(serialization.Encoding.PEM).decode()

    def context_for(self, host: str, clients: frozenset[bytes] = frozenset()) -> ssl.SSLContext:
        """What a server of this host shows, and which certificates (DER) of clients it believes."""
        with self._lock:
            if (host, clients) not in self._contexts:
                self._contexts[host, clients] = self._context((host,), clients)
            return self._contexts[host, clients]

    def default_context(self, clients: frozenset[bytes] = frozenset()) -> ssl.SSLContext:
        """What a client sees that names no host, and a context of its own to hang a callback on. Whether a client's certificate
        is asked for is decided here: the context that takes its place in the handshake has no say in that."""
        return self._context(LOOPBACK, clients)

    def context_between(self, host: str, begins: timedelta, ends: timedelta) -> ssl.SSLContext:
        """What a server of this host shows whose certificate is good between these times, counted from now."""
        return self._holding(self._signed(host, (host,), self._host_key, is_authority=False, begins=begins, ends=ends))

    def self_signed_context(self, host: str) -> ssl.SSLContext:
        """What a server shows that vouches for itself."""
        return self._holding(self._signed(host, (host,), self._host_key, is_authority=False, issuer=host, by=self._host_key))

    def _holding(self, certificate: x509.Certificate) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        _load(context, certificate.public_bytes(serialization.Encoding.PEM) + _pem(self._host_key))
        return context

    def _context(self, hosts: tuple[str, ...], clients: frozenset[bytes] = frozenset()) -> ssl.SSLContext:
        context = self._holding(self._signed(hosts[0], hosts, self._host_key, is_authority=False))
        if clients:
            context.verify_mode = ssl.CERT_OPTIONAL
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # a certificate that is known stands for itself
            context.load_verify_locations(cadata=pem_of(clients))
        return context

    def _signed(
        self, name: str, hosts: tuple[str, ...], key: ec.EllipticCurvePrivateKey, *, is_authority: bool,
        begins: timedelta = -_DAY, ends: timedelta = _DAY, issuer: str = NAME, by: ec.EllipticCurvePrivateKey | None = None,
    ) -> x509.Certificate:  # fmt: skip
        now, by = datetime.now(UTC), by or self._key
        builder = (
            x509.CertificateBuilder()
            .subject_name(_common_name(name))
            .issuer_name(_common_name(issuer))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + begins)
            .not_valid_after(now + ends)
            .add_extension(
                x509.BasicConstraints(ca=is_authority, path_length=0 if is_authority else None), critical=True
            )
            .add_extension(_usage("key_cert_sign" if is_authority else "digital_signature"), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False)
        )
        if hosts:
            names = x509.SubjectAlternativeName([_general(host) for host in hosts])
            builder = builder.add_extension(names, critical=False)
            builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        return builder.sign(by, hashes.SHA256())


def _load(context: ssl.SSLContext, pem: bytes) -> None:
    """Through a file of mode 0600 that is gone before anybody is answered."""
    descriptor, path = tempfile.mkstemp(prefix="authweave-")
    try:
        with open(descriptor, "wb") as file:
            file.write(pem)
        context.load_cert_chain(path)
    finally:
        with suppress(OSError):
            os.unlink(path)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _usage(wanted: str) -> x509.KeyUsage:
    usages: dict[str, Any] = {name: name == wanted for name in _SIGNING}
    return x509.KeyUsage(**usages)


def _common_name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def _general(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)

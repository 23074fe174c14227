"""The client certificates of the sandbox's customers: which it knows, and whether a request came with the right one.

That the client has the key is for the TLS library to decide, in the handshake.
"""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from authweave.sandbox.arrived import Arrived
from authweave.templates import Data, Template
from authweave.values import Secret

if TYPE_CHECKING:
    from cryptography import x509

    from authweave.sandbox.account import Account


def certificates_of(account: Account) -> frozenset[bytes]:
    """Every certificate (DER) that the customer's `tls` holds; none where it has none."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    supplied, password = (_value(account, key) for key in ("certificate", "password"))
    try:
        if isinstance(supplied, str) and supplied and "-----BEGIN" not in supplied:
            supplied = base64.b64decode(supplied)
        if isinstance(supplied, bytes):
            found = _of_pkcs12(supplied, password)
        else:
            found = x509.load_pem_x509_certificates(supplied.encode()) if supplied else []
    except ValueError:
        return frozenset()
    return frozenset(one.public_bytes(Encoding.DER) for one in found)


def _of_pkcs12(data: bytes, password: str | None) -> list[x509.Certificate]:
    from cryptography.hazmat.primitives.serialization import pkcs12

    for word in (password.encode() if password else None, None):
        with contextlib.suppress(ValueError):
            opened = pkcs12.load_pkcs12(data, word)
            return [opened.cert.certificate] if opened.cert is not None else []
    return []


def missing_certificate(account: Account, arrived: Arrived, call: str) -> str:
    """What is wrong with the certificate of a call (token or task) of this customer's; '' if nothing is, or none is wanted."""
    if not account.certificates or call not in account.profile.tls["calls"]:
        return ""
    if arrived.scheme != "https":
        return "the client certificate belongs to a TLS connection, and this is none"
    if arrived.certificate is None:
        return "the client certificate of `tls` did not come with the connection"
    return "" if arrived.certificate in account.certificates else "the client certificate is not this customer's"


def pem_of(known: Iterable[bytes]) -> str:
    """These certificates as PEM."""
    import ssl

    return "".join(ssl.DER_cert_to_PEM_cert(one) for one in sorted(known))


def _value(account: Account, key: str) -> Any:
    written = account.profile.tls.get(key)
    value = written.value(account.scope()) if isinstance(written, Template | Data) else written
    return value.reveal() if isinstance(value, Secret) else value

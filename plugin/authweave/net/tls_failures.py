"""Why a TLS handshake failed: from the library's code and the peer's first bytes to a name and a sentence.

No sentence advises to give up verification: each says what would make the certificate right.
"""

from __future__ import annotations

import ssl
from dataclasses import asdict
from datetime import UTC, datetime

from authweave.errors import TlsFailure
from authweave.net.target import Target
from authweave.net.values import Certificate

_VERIFICATION = {
    2: "unknown_ca", 9: "not_yet_valid", 10: "expired", 18: "self_signed", 19: "unknown_ca", 20: "unknown_ca",
    21: "unknown_ca", 27: "unknown_ca", 62: "name_mismatch", 64: "name_mismatch",
}  # fmt: skip
"""OpenSSL's X509_V_ERR_…"""

_REASONS = {
    "UNSUPPORTED_PROTOCOL": "protocol_version", "TLSV1_ALERT_PROTOCOL_VERSION": "protocol_version",
    "NO_PROTOCOLS_AVAILABLE": "protocol_version", "WRONG_SSL_VERSION": "protocol_version",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "client_certificate_required",
}  # fmt: skip
_ABOUT_OUR_CERTIFICATE = frozenset({
    "SSLV3_ALERT_HANDSHAKE_FAILURE", "SSLV3_ALERT_BAD_CERTIFICATE", "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE",
    "SSLV3_ALERT_CERTIFICATE_REVOKED", "SSLV3_ALERT_CERTIFICATE_EXPIRED", "SSLV3_ALERT_CERTIFICATE_UNKNOWN",
    "TLSV1_ALERT_UNKNOWN_CA", "TLSV1_ALERT_ACCESS_DENIED", "TLSV1_ALERT_DECRYPT_ERROR",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED",
})  # fmt: skip

_HANDSHAKE, _ALERT, _CERTIFICATE_REQUEST = 22, 21, 13
_CA_HINT = "if it is right, name a PEM file with its authority: AUTHWEAVE_CA, or `ca` in authweave.toml"


def detail_of(error: ssl.SSLError | None, *, seen: bytes, finished: bool, shown: bool) -> str:
    """The name of a failure: one of `TLS_DETAILS`.

    `error` None: the peer hung up. `seen` is what the peer sent, `finished` whether our side of the handshake had
    ended, `shown` whether we have a client certificate.
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        return _VERIFICATION.get(error.verify_code, "handshake")
    if seen and seen[0] not in (_HANDSHAKE, _ALERT):
        return "tls_on_http_port"
    if error is None:
        return "handshake"
    reason = error.reason or ""
    if reason in _ABOUT_OUR_CERTIFICATE and (shown or finished or asks_for_certificate(seen)):
        return "client_certificate_refused" if shown else "client_certificate_required"
    return _REASONS.get(reason, "handshake")


def asks_for_certificate(seen: bytes) -> bool:
    """Is there a CertificateRequest among the peer's first bytes? TLS 1.2 sends it in the clear: RFC 5246 §7.4.4."""
    messages = _handshake_messages(seen)
    while len(messages) >= 4:
        if messages[0] == _CERTIFICATE_REQUEST:
            return True
        messages = messages[4 + int.from_bytes(messages[1:4], "big") :]
    return False


def tls_failure(
    detail: str, target: Target, error: ssl.SSLError | None = None, certificate: Certificate | None = None
) -> TlsFailure:
    """The error with its sentence. `certificate` may be unknown (None); its fields become the error's `facts`."""
    sentence = _SENTENCES.get(detail, _handshake)(target, certificate, error)
    facts = asdict(certificate) if certificate else {}
    return TlsFailure(sentence, stage="tls", host=target.host, detail=detail, facts=facts)


def _handshake_messages(seen: bytes) -> bytes:
    """The clear-text handshake messages of the first records, put together: RFC 5246 §6.2.1."""
    messages = b""
    while len(seen) >= 5 and seen[0] == _HANDSHAKE:
        end = 5 + int.from_bytes(seen[3:5], "big")
        messages += seen[5:end]
        seen = seen[end:]
    return messages


def _expired(target: Target, found: Certificate | None, _: ssl.SSLError | None) -> str:
    if found is None:
        return f"the certificate of {target.host}, or one of its chain, has expired; its owner has to renew it"
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if found.not_after > now:
        return f"a certificate above that of {target.host} has expired (its own, of {found.issuer}, has not)"
    return (
        f"the certificate of {target.host} has expired: it ended on {found.not_after} (issued by {found.issuer}); "
        f"its owner has to renew it, unless the clock here ({now}) is wrong"
    )


def _not_yet_valid(target: Target, found: Certificate | None, _: ssl.SSLError | None) -> str:
    begins = f": it begins on {found.not_before}" if found else ""
    return f"the certificate of {target.host} is not valid yet{begins}; is the clock of this machine right?"


def _self_signed(target: Target, found: Certificate | None, _: ssl.SSLError | None) -> str:
    subject = f" ({found.subject}, until {found.not_after})" if found else ""
    return f"{target.host} shows a certificate that it signed itself{subject}; if it is right, name a PEM file with it: AUTHWEAVE_CA, or `ca` in authweave.toml"


def _unknown_ca(target: Target, found: Certificate | None, _: ssl.SSLError | None) -> str:
    issuer = f"is issued by {found.issuer}, which is" if found else "is issued by an authority"
    return (
        f"the certificate of {target.host} {issuer} not known here: {_CA_HINT} "
        f"(a company's proxy that reads TLS signs with an authority of its own; a server may leave out an intermediate)"
    )


def _name_mismatch(target: Target, found: Certificate | None, _: ssl.SSLError | None) -> str:
    names = ", ".join(found.names) if found and found.names else "" if found is None else found.subject
    offered = f": it is for {names}" if names else ""
    return f"the certificate shown is not for {target.host}{offered}; is the host name right?"


def _protocol_version(target: Target, _: Certificate | None, __: ssl.SSLError | None) -> str:
    return f"{target.host} and this side share no TLS version: TLS 1.2 or newer is needed"


def _client_certificate_required(target: Target, _: Certificate | None, __: ssl.SSLError | None) -> str:
    return f"{target.host} wants a client certificate, and none was shown: `tls.certificate` and `tls.private_key`"


def _client_certificate_refused(target: Target, _: Certificate | None, error: ssl.SSLError | None) -> str:
    return f"{target.host} does not accept the client certificate that was shown ({_words(error)})"


def _http_on_tls_port(target: Target, _: Certificate | None, __: ssl.SSLError | None) -> str:
    return f"{target.authority} speaks TLS, and the URL says http://: write https://"


def _tls_on_http_port(target: Target, _: Certificate | None, __: ssl.SSLError | None) -> str:
    return f"{target.authority} answered the TLS handshake in plain text: it does not speak https on this port"


def _handshake(target: Target, _: Certificate | None, error: ssl.SSLError | None) -> str:
    if error is None:
        return f"{target.host} ended the connection during the TLS handshake"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate of {target.host} was not accepted: {error.verify_message}"
    return f"the TLS handshake with {target.host} failed ({_words(error)})"


def _words(error: ssl.SSLError | None) -> str:
    reason = (error.reason if error else None) or "no reason given"
    return reason.removeprefix("SSLV3_").removeprefix("TLSV1_").removeprefix("TLSV13_").lower().replace("_", " ")


_SENTENCES = {
    "expired": _expired, "not_yet_valid": _not_yet_valid, "self_signed": _self_signed, "unknown_ca": _unknown_ca,
    "name_mismatch": _name_mismatch, "protocol_version": _protocol_version,
    "client_certificate_required": _client_certificate_required,
    "client_certificate_refused": _client_certificate_refused, "http_on_tls_port": _http_on_tls_port,
    "tls_on_http_port": _tls_on_http_port,
}  # fmt: skip

"""Why a TLS handshake failed. Verification is never the thing to give up: each row says what makes the certificate right."""

from __future__ import annotations

from authweave.diagnosis.entry import Entry, Remedy, table
from authweave.diagnosis.network import at_url

_NOT_TESTED = "Credentials were not tested."
_CA = Remedy("settings: ca", "name a PEM file with the authority, if it is right (a company's proxy that reads TLS has its own)")

ENTRIES = table(
    Entry("tls_expired", f"{{what}}. {_NOT_TESTED}", at_url("is this the right host? its owner has to renew the certificate")),
    Entry("tls_not_yet_valid", f"{{what}}. {_NOT_TESTED}", at_url("is this the right host, and the clock of this machine right?")),
    Entry("tls_self_signed", f"{{what}}. {_NOT_TESTED}", (_CA, *at_url("is this the right host?"))),
    Entry("tls_unknown_ca", f"{{what}}. {_NOT_TESTED}", (_CA, *at_url("is this the right host?"))),
    Entry("tls_name_mismatch", f"{{what}}. {_NOT_TESTED}", at_url("write the host name that the certificate is for")),
    Entry("tls_protocol_version", f"{{what}}. {_NOT_TESTED}", at_url("is there a newer endpoint?")),
    Entry("tls_client_certificate_required", f"{{host}} wants a client certificate, and none was shown. {_NOT_TESTED}",
          at_url("is there an endpoint without client certificates? profiles cannot show one yet")),
    Entry("tls_client_certificate_refused", f"{{what}}. {_NOT_TESTED}", at_url("is this the right endpoint for that certificate?")),
    Entry("http_on_tls_port", f"Plain http was spoken to a port that speaks TLS: {{what}}. {_NOT_TESTED}", at_url("write https://")),
    Entry("tls_on_http_port", f"https was spoken to a port that speaks plain http: {{what}}. {_NOT_TESTED}", at_url("name the port that speaks https")),
    Entry("tls_handshake", f"The TLS handshake failed: {{what}}. {_NOT_TESTED}", at_url("is this the right host and port?")),
)  # fmt: skip

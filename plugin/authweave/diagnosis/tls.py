"""Why a TLS handshake failed. Verification is never the thing to give up: each row says what makes the certificate right."""

from __future__ import annotations

from authweave.diagnosis.case import Case
from authweave.diagnosis.entry import Entry, Remedy, table
from authweave.diagnosis.network import at_url, is_token_call

_NOT_TESTED = "Credentials were not tested."


def _issuer(case: Case) -> str:
    """` ‹issuer›` as the certificate names it, where one was seen."""
    named = str(case.error_facts.get("issuer") or "")
    return f" ({named})" if named else ""


def _authority(case: Case) -> str:
    return f"name a PEM file with the authority{_issuer(case)}, if it is right: a company's proxy that reads TLS has its own"


def _believes(case: Case) -> bool:
    """Does the profile name an authority already?"""
    return case.profile is not None and bool(case.profile.tls.get("ca"))


def _other_names(case: Case) -> str:
    """What to write in the place of the host, as the certificate says."""
    offered = case.error_facts.get("names")
    names = [str(name) for name in offered if not str(name).startswith("*")] if isinstance(offered, tuple | list) else []
    return f"write a host name that the certificate is for: {', '.join(names[:5])}" if names else "write the host name that the certificate is for"


_CA = Remedy("settings: ca", _authority)
_READ_CA = Remedy("tls.ca", lambda case: f"supply the authority that issued the server's certificate{_issuer(case)}: it is not among those that are named here", _believes)
_OWN_CA = Remedy("tls.ca", "read the authority's certificate (or this server's own, if it signed itself) from an input of type pem")


def _shows(case: Case) -> bool:
    return case.profile is not None and bool(case.profile.tls.get("certificate"))


def _is_elsewhere(case: Case) -> bool:
    """Does the profile have a certificate, but for other calls?"""
    call = "token" if is_token_call(case) else "task"
    return _shows(case) and case.profile is not None and call not in case.profile.tls["calls"]


WANTS_CERTIFICATE = (
    Remedy("tls.calls", "show the certificate in this call, too", _is_elsewhere),
    Remedy("tls.certificate", "supply the certificate, with private_key: the input is empty", lambda case: _shows(case) and not _is_elsewhere(case)),
    Remedy(
        "tls.certificate", "write `tls: {{certificate: '{{{{ inputs.certificate }}}}', private_key: '{{{{ inputs.private_key }}}}'}}`, with both declared as inputs of type pem",
        lambda case: not _shows(case),
    ),
)
OTHER_CERTIFICATE = (
    Remedy("tls.certificate", "supply the one that this server knows, or whose issuer it believes, with the certificates between"),
    *at_url("is this the environment that the certificate is for?"),
)

ENTRIES = table(
    Entry("tls_expired", f"{{what}}. {_NOT_TESTED}", at_url("is this the right host? its owner has to renew the certificate, unless the clock of this machine is wrong")),
    Entry("tls_not_yet_valid", f"{{what}}. {_NOT_TESTED}", at_url("is this the right host, and the clock of this machine right?")),
    Entry("tls_self_signed", f"{{what}}. {_NOT_TESTED}", (_READ_CA, _CA, _OWN_CA, *at_url("is this the right host?"))),
    Entry("tls_unknown_ca", f"{{what}}. {_NOT_TESTED}", (_READ_CA, _CA, _OWN_CA, *at_url("is this the right host?"))),
    Entry("tls_name_mismatch", f"{{what}}. {_NOT_TESTED}", tuple(Remedy(one.key, _other_names, one.when) for one in at_url(""))),
    Entry("tls_protocol_version", f"{{what}}. {_NOT_TESTED}", at_url("is there a newer endpoint?")),
    Entry("tls_client_certificate_required", f"{{host}} wants a client certificate, and none was shown. {_NOT_TESTED}",
          WANTS_CERTIFICATE),
    Entry("tls_client_certificate_refused", f"{{what}}. {_NOT_TESTED}", OTHER_CERTIFICATE),
    Entry("client_certificate_missing", "{host} speaks TLS with anybody, and then wants a client certificate, which it did not get ({status}).", WANTS_CERTIFICATE, verdict="refused"),
    Entry("client_certificate_wrong", "{host} does not accept the client certificate that was shown ({status}).", OTHER_CERTIFICATE, verdict="refused"),
    Entry("http_on_tls_port", f"Plain http was spoken to a port that speaks TLS: {{what}}. {_NOT_TESTED}", at_url("write https:// in the place of http://")),
    Entry("tls_on_http_port", f"https was spoken to a port that speaks plain http: {{what}}. {_NOT_TESTED}", at_url("name the port that speaks https (443, where none is written)")),
    Entry("tls_handshake", f"The TLS handshake failed: {{what}}. {_NOT_TESTED}", at_url("is this the right host and port?")),
)  # fmt: skip

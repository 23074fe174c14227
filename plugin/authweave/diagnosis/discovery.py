"""What metadata of servers and registration say, and what they do not (RFC 8414, 9728, 7591)."""

from __future__ import annotations

from collections.abc import Callable

from authweave.diagnosis.case import Case
from authweave.diagnosis.entry import Entry, Remedy, table

REFUSED = "refused"


def _by_issuer(case: Case) -> bool:
    return case.settings is not None and case.settings.discovery.issuer is not None


def _listed(sentence: str) -> Callable[[Case], str]:
    """A sentence with what the metadata list, or lack, in the place of `{listed}`."""
    return lambda case: sentence.format(listed=case.facts.get("listed", "nothing"), client_auth=case.client_auth, grant=case.grant)


def _by_resource(case: Case) -> bool:
    return not _by_issuer(case)


_WRITE = (
    Remedy("auth.issuer", "write the issuer letter for letter as its metadata say it (a slash at the end counts)", _by_issuer),
    Remedy("auth.resource", "write the URL of the resource letter for letter as its metadata say it", _by_resource),
    Remedy("auth.token_url", "write the endpoints yourself, if the server publishes no metadata"),
)

ENTRIES = table(
    Entry("discovery_not_found", "There are no metadata of this server: {what}.", _WRITE),
    Entry("discovery_unreachable", "Nobody answered when the server's metadata were asked for: {what}.", (
        Remedy("auth.issuer", "correct the host", _by_issuer),
        Remedy("auth.resource", "correct the host", _by_resource),
        Remedy("auth.token_url", "write the endpoints yourself: then no metadata are asked for"),
    ), retry="yes"),
    Entry("discovery_unreadable", "What stands where the metadata should be is something else: {what}.", _WRITE),
    Entry("discovery_mismatch", "The metadata are somebody else's, and are not believed: {what}.", _WRITE),
    Entry("discovery_endpoint", "The metadata lack an endpoint, or name one that must not be called: {what}.", (
        Remedy("auth.token_url", "write the endpoint yourself, if you know the right one"),
        *_WRITE[:2],
    )),
    Entry("registration_refused", "The server does not register this client: {what}.", (
        Remedy("auth.registration", "change what the server does not accept of the client's metadata"),
        Remedy("auth.client_auth", "write the way the server registers clients for", lambda case: "client_auth" in case.what),
        Remedy("auth.client_id", "register by hand at the provider, and supply the client_id"),
    ), verdict=REFUSED),
    Entry("unsupported_client_auth", _listed("The server's metadata do not list {client_auth}: it takes {listed}."), (Remedy("auth.client_auth", _listed("write one of {listed}")),)),
    Entry("unsupported_grant", _listed("The server's metadata do not list the grant {grant}: it takes {listed}."), (Remedy("auth.grant_type", _listed("write one of {listed}, or ask the provider")),)),
    Entry("unsupported_scope", _listed("The server's metadata do not list every scope that is asked for: {listed} is unknown there."), (Remedy("auth.scopes", "look for a typing error; some servers do not list all they know"),)),
    Entry("unsupported_pkce", _listed("The server's metadata do not list the code challenge method {listed}."), (Remedy("auth.pkce", "ask the provider: a server that knows PKCE lists S256"),)),
    Entry("unsupported_dpop", _listed("The server's metadata list no DPoP algorithm that is used here (ES256): {listed}."), (Remedy("auth.dpop", "leave it out, if the server does not bind tokens"),)),
)  # fmt: skip

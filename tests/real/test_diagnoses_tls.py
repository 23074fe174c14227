"""Diagnoses of TLS: at nginx, at openssl's own server, and at Python's with certificates that are wrong in one way each."""

from __future__ import annotations

import shutil
import socket
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from certificates import DAY, Authority, self_signed, server_context
from diagnosed import diagnosed
from parts.nginx import Nginx
from parts.process import started
from probing import ACCEPTS, GIVES_TOKEN, oauth, refuse_leaks, report_of, run, stage, wire, written
from sockets import Server, free_port, http

AUTHORITY = Authority()
STRANGER = Authority("Acme proxy that reads TLS")
DECLARED = {name: {"type": "pem", "secret": True} for name in ("certificate", "private_key")}
SHOWS = {"certificate": "{{ inputs.certificate }}", "private_key": "{{ inputs.private_key }}"}


def day(offset):
    """A day as the report writes it, when the test runs: midnight may lie between that and its collection."""
    return lambda: (datetime.now(UTC) + timedelta(days=offset)).strftime("%Y-%m-%d")


def untested(report, code, key, says=(), retry="no"):
    """Every failed handshake leaves the credential untested, and none is mended by believing whomever."""
    told = diagnosed(report, code, key, token="inconclusive", credential="not_tested", says=("Credentials were not tested", *((says,) if isinstance(says, str) else says)), retry=retry)
    assert not any("verify" in fix.key + fix.text for fix in told.fixes)
    assert "whether the token server accepts the client" in report.not_tested
    return told


CERTIFICATES = [
    ("tls_expired", lambda: AUTHORITY.issue("127.0.0.1", begins=-9 * DAY, ends=-2 * DAY), "auth.token_url", (day(-2), AUTHORITY.name, "clock")),
    ("tls_not_yet_valid", lambda: AUTHORITY.issue("127.0.0.1", begins=2 * DAY, ends=9 * DAY), "auth.token_url", (day(2), "clock")),
    ("tls_self_signed", lambda: self_signed("127.0.0.1"), "settings: ca", ("signed itself",)),
    ("tls_unknown_ca", lambda: STRANGER.issue("127.0.0.1"), "settings: ca", (STRANGER.name, "a company's proxy")),
    ("tls_name_mismatch", lambda: AUTHORITY.issue("other.example", "more.example"), "auth.token_url", ("write a host name that the certificate is for: other.example, more.example",)),
]


@pytest.mark.diagnoses("tls_expired", "tls_not_yet_valid", "tls_self_signed", "tls_unknown_ca", "tls_name_mismatch")
@pytest.mark.parametrize(("code", "issued", "key", "says"), CERTIFICATES, ids=[row[0] for row in CERTIFICATES])
def test_a_certificate_that_is_not_right(tmp_path, code, issued, key, says):
    """Dates, issuer and names of the certificate are told; the credential was not tested."""
    report = report_of(tmp_path, tls=server_context(issued()), wire_=wire(ca=AUTHORITY.pem))

    untested(report, code, key, tuple(words() if callable(words) else words for words in says))
    assert ("ok", "failed", "skipped") == tuple(stage(report, name).status for name in ("connect", "tls", "token_call"))


@pytest.mark.diagnoses("tls_unknown_ca")
def test_the_authority_that_the_profile_names_is_another(tmp_path):
    """`tls.ca` is what to change, and whose certificate would be right."""
    declared = {"ca": {"type": "pem"}}
    with Server(GIVES_TOKEN, tls=server_context(STRANGER.issue("127.0.0.1"))) as identity:
        path = written(tmp_path, oauth(f"{identity.url}t"), tls={"ca": "{{ inputs.ca }}"}, inputs=declared)
        report = run(path, inputs={"client_id": "x", "client_secret": "planted-s3cr3t", "ca": AUTHORITY.pem})

    told = untested(report, "tls_unknown_ca", "tls.ca", "it is not among those that are named here")
    assert STRANGER.name in told.fixes[0].text


@pytest.mark.diagnoses("tls_unknown_ca", "tls_self_signed")
def test_nginx_with_a_certificate_that_nobody_knows(tmp_path, nginx: Nginx):
    """Of an authority that was not named, and of none at all: two ends of the same nginx."""
    auth = {"type": "api_key"}
    unknown = run(written(tmp_path, auth, servers=[nginx.https], test={"request": {"url": "/header/me.json"}}), inputs={"api_key": "key-planted-123456"})
    diagnosed(unknown, "tls_unknown_ca", "settings: ca", credential="inconclusive", retry="no")
    own = run(written(tmp_path, auth, servers=[nginx.unknown], test={"request": {"url": "/header/me.json"}}), inputs={"api_key": "key-planted-123456"})

    told = diagnosed(own, "tls_self_signed", "settings: ca", credential="inconclusive", retry="no")
    assert ["settings: ca", "tls.ca", "servers"] == [fix.key for fix in told.fixes]
    for report in (unknown, own):
        refuse_leaks(report, "key-planted-123456")


# ---- versions


@contextmanager
def speaking_old_tls(folder):
    """openssl's server with TLS 1.1 and nothing newer; its port. Skips where this openssl has none."""
    issued = AUTHORITY.issue("127.0.0.1")
    pem = Path(folder, "server.pem")
    pem.write_text(issued.certificate + issued.key)
    port = free_port()
    command = [shutil.which("openssl") or pytest.skip("openssl is not installed"), "s_server", "-accept", f"127.0.0.1:{port}", "-cert", str(pem), "-tls1_1", "-cipher", "ALL:@SECLEVEL=0", "-quiet", "-www"]
    own = Path(folder, "openssl")
    own.mkdir()

    def answered():
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            return None
        return {"port": port}

    with started(command, own, answered=answered):
        yield port


@pytest.mark.diagnoses("tls_protocol_version")
def test_openssl_speaks_an_old_version_only(tmp_path):
    """TLS 1.1: nothing newer is shared, and nothing older is spoken here."""
    with speaking_old_tls(tmp_path) as port:
        report = run(written(tmp_path, oauth(f"https://127.0.0.1:{port}/t")), wire_=wire(ca=AUTHORITY.pem))

    untested(report, "tls_protocol_version", "auth.token_url", "TLS 1.2 or newer is needed")


@pytest.mark.diagnoses("tls_protocol_version")
def test_an_alert_says_protocol_version(tmp_path):
    """The alert as RFC 8446 §6 has it, whatever library sent it."""
    with Server(says_after_hello(bytes((21, 3, 1, 0, 2, 2, 70)))) as server:
        report = run(written(tmp_path, oauth(f"https://127.0.0.1:{server.port}/t")))

    untested(report, "tls_protocol_version", "auth.token_url")


def says_after_hello(data):
    """Reads the client's first words, answers with these bytes."""

    def behave(peer):
        peer.socket.recv(65536)
        peer.send(data)
        peer.socket.shutdown(socket.SHUT_WR)
        while peer.socket.recv(65536):
            pass

    return behave


@pytest.mark.diagnoses("tls_handshake")
@pytest.mark.parametrize("answer", [bytes((21, 3, 1, 0, 2, 2, 80)), b""], ids=["internal error", "closed"])
def test_a_handshake_fails_without_a_reason_of_its_own(tmp_path, answer):
    """An alert that tells nothing, or an end without one."""
    with Server(says_after_hello(answer)) as server:
        report = run(written(tmp_path, oauth(f"https://127.0.0.1:{server.port}/t")))

    untested(report, "tls_handshake", "auth.token_url", "is this the right host and port?")


# ---- client certificates


@pytest.mark.diagnoses("tls_client_certificate_required")
@pytest.mark.parametrize("tls12", [True, False], ids=["1.2", "1.3"])
def test_a_server_that_wants_a_certificate(tmp_path, tls12):
    """In the handshake of TLS 1.2, or right after that of 1.3; what to write is said."""
    context = server_context(AUTHORITY.issue("127.0.0.1"), clients_of=AUTHORITY, tls12=tls12)
    report = report_of(tmp_path, tls=context, wire_=wire(ca=AUTHORITY.pem))

    untested(report, "tls_client_certificate_required", "tls.certificate", ("wants a client certificate", "tls: {certificate: '{{ inputs.certificate }}', private_key: '{{ inputs.private_key }}'}"))


def certified(folder, url, shown, calls=None, **more):
    """A profile that shows this certificate; its key is in no output."""
    tls = {**SHOWS, **({"calls": calls} if calls else {})}
    path = written(folder, oauth(f"{url}t"), tls=tls, inputs=DECLARED, **more)
    inputs = {"client_id": "x", "client_secret": "planted-s3cr3t", "certificate": shown.certificate, "private_key": shown.key}
    report = run(path, inputs=inputs, wire_=wire(ca=AUTHORITY.pem))
    refuse_leaks(report, "".join(shown.key.split("\n")[1:3]))
    return report


@pytest.mark.diagnoses("tls_client_certificate_required")
def test_a_certificate_for_other_calls_only(tmp_path):
    """It is there, and not shown in this call: `tls.calls` is what to change."""
    with Server(GIVES_TOKEN, tls=server_context(AUTHORITY.issue("127.0.0.1"), clients_of=AUTHORITY, tls12=True)) as identity:
        report = certified(tmp_path, identity.url, AUTHORITY.issue("me"), calls=["task"])

    untested(report, "tls_client_certificate_required", "tls.calls", "in this call, too")


@pytest.mark.diagnoses("tls_client_certificate_refused")
@pytest.mark.parametrize("tls12", [True, False], ids=["1.2", "1.3"])
def test_a_certificate_that_the_server_does_not_believe(tmp_path, tls12):
    """Of another authority than the server's."""
    with Server(GIVES_TOKEN, tls=server_context(AUTHORITY.issue("127.0.0.1"), clients_of=AUTHORITY, tls12=tls12)) as identity:
        report = certified(tmp_path, identity.url, STRANGER.issue("me"))

    untested(report, "tls_client_certificate_refused", "tls.certificate", "does not accept the client certificate")


def at_nginx(folder, nginx, path, shown=None):
    """A run against an end of nginx, whose own pages say what it misses."""
    tls = {"ca": "{{ inputs.ca }}", **(SHOWS if shown else {})}
    inputs = {"ca": {"type": "pem"}, **(DECLARED if shown else {})}
    made = written(folder, {"type": "none"}, servers=[nginx.strict], tls=tls, inputs=inputs, test={"request": {"url": path}})
    given = {"certificate": shown.certificate, "private_key": shown.key} if shown else {}
    return run(made, inputs={"ca": nginx.ca.read_text(), **given})


@pytest.mark.diagnoses("client_certificate_missing")
def test_nginx_misses_the_certificate(tmp_path, nginx: Nginx):
    """nginx ends the handshake well, and says 400 afterwards."""
    report = at_nginx(tmp_path, nginx, "/certificate/me.json")

    told = diagnosed(report, "client_certificate_missing", "tls.certificate", credential="refused", says="(400)", retry="no")
    assert any("No required SSL certificate was sent" in line for line in told.evidence)


@pytest.mark.diagnoses("client_certificate_wrong")
def test_nginx_does_not_believe_the_certificate(tmp_path, nginx: Nginx):
    """Of an authority that nginx does not know."""
    shown = STRANGER.issue("me")
    report = at_nginx(tmp_path, nginx, "/certificate/me.json", shown)

    diagnosed(report, "client_certificate_wrong", "tls.certificate", credential="refused", says="(400)", retry="no")
    refuse_leaks(report, "".join(shown.key.split("\n")[1:3]))


# ---- scheme and port


@pytest.mark.diagnoses("http_on_tls_port")
def test_plain_http_to_a_port_with_tls(tmp_path):
    """Python's TLS hangs up; a second look says what the port speaks."""
    report = report_of(tmp_path, tls=server_context(AUTHORITY.issue("127.0.0.1")), scheme="http")

    untested(report, "http_on_tls_port", "auth.token_url", "write https:// in the place of http://")


@pytest.mark.diagnoses("tls_on_http_port")
def test_https_to_a_port_without_tls(tmp_path, nginx: Nginx):
    """nginx answers the handshake with a page in plain text."""
    port = nginx.origin.rpartition(":")[2]
    report = run(written(tmp_path, oauth(f"https://127.0.0.1:{port}/t")))

    untested(report, "tls_on_http_port", "auth.token_url", "the port that speaks https")


@pytest.mark.diagnoses("tls_on_http_port")
def test_https_to_an_api_without_tls(tmp_path):
    """The token was obtained; it is `servers` that names the wrong port."""
    with Server(GIVES_TOKEN) as identity, Server(lambda peer: peer.send(http(400))) as api:
        report = run(written(tmp_path, oauth(f"{identity.url}t"), servers=[f"https://127.0.0.1:{api.port}"]))

    diagnosed(report, "tls_on_http_port", "servers", token="obtained", credential="inconclusive", retry="no")


def test_the_same_handshakes_without_a_fault(tmp_path):
    """The twin: a sound certificate, and a client's that is believed."""
    plain = report_of(tmp_path, tls=server_context(AUTHORITY.issue("127.0.0.1")), wire_=wire(ca=AUTHORITY.pem))
    with Server(GIVES_TOKEN, tls=server_context(AUTHORITY.issue("127.0.0.1"), clients_of=AUTHORITY)) as identity, Server(ACCEPTS) as api:
        shown = certified(tmp_path, identity.url, AUTHORITY.issue("me"), servers=[api.url.rstrip("/")])

    assert [((), "accepted")] * 2 == [(report.diagnoses, report.credential.word) for report in (plain, shown)]

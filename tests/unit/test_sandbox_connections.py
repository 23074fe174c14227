"""What the sandbox decides by the connection: client certificates, NTLM; and what stands in for Kerberos there."""

import pytest

from authweave.probe import test_profile as probe
from authweave.sandbox import Sandbox, for_test
from authweave.sandbox.verifiers.ntlm import md4
from sandbox_client import profile

pytestmark = pytest.mark.thorough

API = "servers: ['https://api.example.com']\ntest: {request: {url: /me}}\n"
DECLARED = "inputs: {certificate: {type: pem}, private_key: {type: pem, secret: true}, ca: {type: pem}}\n"
SHOWN = "certificate: '{{ inputs.certificate }}', private_key: '{{ inputs.private_key }}', ca: '{{ inputs.ca }}'"
TOKEN = "type: oauth2, grant_type: client_credentials, token_url: 'https://idp.example.com/token'"
PROFILES = {
    "with any type": f"{API}{DECLARED}tls: {{{SHOWN}}}\nauth: {{type: basic}}\n",
    "pkcs12": f"{API}inputs: {{bundle: {{type: pkcs12, secret: true}}, word: {{secret: true}}}}\ntls: {{certificate: '{{{{ inputs.bundle }}}}', password: '{{{{ inputs.word }}}}'}}\nauth: {{type: bearer}}\n",
    "token calls": f"{API}{DECLARED}tls: {{{SHOWN}, calls: [token]}}\nauth: {{{TOKEN}}}\n",
    "tls_client_auth": f"{API}auth: {{{TOKEN}, client_auth: tls_client_auth}}\n",
    "self_signed_tls_client_auth": f"{API}auth: {{{TOKEN}, client_auth: self_signed_tls_client_auth}}\n",
    "digest": f"{API}auth: {{type: digest}}\n",
    "negotiate": f"{API}auth: {{type: negotiate}}\n",
    "another service": f"{API}inputs: {{alias: {{format: hostname}}}}\nauth: {{type: negotiate, service: 'HTTP@{{{{ inputs.alias }}}}'}}\n",
    "ntlm": f"{API}auth: {{type: ntlm}}\n",
}  # fmt: skip


@pytest.mark.parametrize("name", PROFILES)
def test_authweave_test_sandbox_works(name):
    """Every one is accepted, with values that the sandbox makes up: keys fit their certificates."""
    made = profile(PROFILES[name])
    with for_test(made) as (engine, inputs):
        report = probe(engine, made, inputs=inputs, sandbox=True)

    assert "accepted" == report.credential.word, report


def outcome(name, twin, **change):
    """What the sandbox of a profile says to another one that knows the same secrets, but for what is changed."""
    made, other = profile(PROFILES[name]), profile(twin)
    with Sandbox([made]) as sandbox, sandbox.engine() as engine:
        known = {**sandbox.inputs(made), **change}
        inputs = {name: value for name, value in known.items() if name in other.inputs}
        return probe(engine, other, inputs=inputs, sandbox=True)


@pytest.mark.parametrize(("name", "twin"), [
    ("with any type", f"{API}auth: {{type: basic}}\n"),
    ("pkcs12", f"{API}auth: {{type: bearer}}\n"),
], ids=["basic", "bearer"])  # fmt: skip
def test_a_task_request_without_the_certificate(name, twin):
    """The right credential without the certificate is refused, in these words."""
    report = outcome(name, twin)

    assert "refused" == report.credential.word
    assert "the client certificate of `tls` did not come with the connection" in str(report)


@pytest.mark.parametrize("name", ["token calls", "tls_client_auth", "self_signed_tls_client_auth"])
def test_a_token_call_without_the_certificate(name):
    """The endpoint gives nothing to a client that only names itself."""
    method = "client_secret_basic" if name == "token calls" else "none"
    report = outcome(name, f"{API}auth: {{{TOKEN}, client_auth: {method}}}\n")

    assert ("refused", "invalid_client") == (report.token.word, report.diagnoses[0].code)


def test_a_certificate_of_nobodys():
    """One that the sandbox does not know ends the handshake: it is somebody else's."""
    made, other = profile(PROFILES["with any type"]), profile(PROFILES["with any type"], "other")
    with Sandbox([made]) as sandbox, Sandbox([other]) as elsewhere, sandbox.engine() as engine:
        strangers = elsewhere.inputs(other)
        changed = {key: strangers[key] for key in ("certificate", "private_key")}
        report = probe(engine, made, inputs={**sandbox.inputs(made), **changed}, sandbox=True)

    assert "tls_client_certificate_refused" == report.diagnoses[0].code


@pytest.mark.parametrize(("name", "change"), [
    ("digest", {"password": "another"}), ("digest", {"username": "another"}), ("ntlm", {"password": "another"}),
    ("ntlm", {"username": "DOMAIN\\another"}), ("ntlm", {"username": "ELSEWHERE\\user"}),
])  # fmt: skip
def test_another_name_or_password(name, change):
    """Refused by what the server reckons for itself."""
    assert "refused" == outcome(name, PROFILES[name], **change).credential.word


@pytest.mark.parametrize(("name", "twin"), [
    ("digest", "none"), ("digest", "basic"), ("ntlm", "none"), ("ntlm", "basic"), ("ntlm", "digest"), ("negotiate", "none"), ("negotiate", "bearer"),
])  # fmt: skip
def test_another_type(name, twin):
    """The same secrets in another way are refused."""
    report = outcome(name, f"{API}auth: {{type: {twin}}}\n", token="x")

    assert "refused" == report.credential.word


def test_a_ticket_for_another_service():
    """The stand-in for a ticket names its service, which has to be the customer's."""
    assert "refused" == outcome("another service", PROFILES["negotiate"]).credential.word


@pytest.mark.parametrize(("text", "digest"), [
    ("", "31d6cfe0d16ae931b73c59d7e0c089c0"), ("abc", "a448017aaf21d8525fc10ae87aa6729d"),
    ("12345678901234567890123456789012345678901234567890123456789012345678901234567890", "e33b4ddc9c38f2199c3e7b164fcc0536"),
])  # fmt: skip
def test_md4(text, digest):
    """The examples of RFC 1320, appendix A.5."""
    assert digest == md4(text.encode()).hex()

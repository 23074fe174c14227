"""Each fault of the sandbox ends in the diagnosis that it is named after: `authweave test PROFILE --sandbox --fault CODE`.

The sandbox is a teacher: that a diagnosis is right is proven at other servers (see the mark `diagnoses`).
"""

from __future__ import annotations

import pytest

from authweave.diagnosis.vendors import CODES
from authweave.loading import loads
from authweave.probe import test_profile as probe_profile
from authweave.sandbox import FAULTS, for_test, person_for_test, profile_for_test
from authweave.sandbox.faults import api, token
from thorough import few

HEAD = "format: 1\nname: acme\nidentity_provider: Acme\nservers: ['https://api.example.com']\ntest: {request: {url: /v1/me}}\n"
TOKEN = "token_url: 'https://idp.example.com/token'"
PROFILES = {
    "plain": f"auth: {{type: oauth2, grant_type: client_credentials, {TOKEN}, scopes: [read, write]}}",
    "person": f"auth: {{type: oauth2, grant_type: authorization_code, authorization_url: 'https://idp.example.com/authorize', {TOKEN}, scopes: [read]}}\nsubject: user",
    "given": f"auth: {{type: oauth2, grant_type: refresh_token, {TOKEN}}}",
    "issuer": "auth: {type: oauth2, grant_type: client_credentials, issuer: 'https://idp.example.com', scopes: [read]}",
    "digest": "auth: {type: digest}",
}
def shown_by(fault):
    """The first of the profiles that can show it."""
    made = (loads(HEAD + text, "acme.yaml") for text in PROFILES.values())
    return next((profile for profile in made if not fault.fits(profile)), None)


def report_of(profile, fault):
    """What `authweave test --sandbox --fault` comes to."""
    with for_test(profile, faults=[fault.name]) as (engine, inputs):
        return probe_profile(
            engine, profile_for_test(profile, [fault.name]), subject="somebody" if profile.subject == "user" else None, inputs=inputs, sandbox=True,
            person=person_for_test(engine, [fault.name]), control=fault.name == "api_anonymous",
        )  # fmt: skip


@pytest.mark.parametrize("fault", few((fault for fault in (*token.FAULTS, *api.FAULTS) if fault.provokes), every=6), ids=lambda fault: fault.name)
def test_a_fault_ends_in_its_diagnosis(fault):
    """The first diagnosis is the one that the fault names."""
    profile = shown_by(fault)
    assert profile is not None

    report = report_of(profile, fault)

    assert [fault.provokes] == [found.code for found in report.diagnoses[:1]]


@pytest.mark.parametrize("code", few(CODES.values(), every=20), ids=lambda code: code.name)
def test_a_vendors_word_says_what_to_write(code):
    """The fix that belongs to the word comes first, under its key; the sentence says what the word means, and the words themselves are quoted."""
    fault = FAULTS[code.name]
    [found, *_] = report_of(shown_by(fault), fault).diagnoses

    assert (code.row, code.key, f"{code.name}: {code.say}") == (found.code, found.fixes[0].key, found.fixes[0].text)
    assert f"{code.vendor} says that {code.means}" in found.sentence
    assert len(found.evidence) > 1

"""Faults of the way, of TLS, of what the client is given and of what it signs: each comes to the diagnosis that it is named by."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from authweave.errors import UsageError
from authweave.loading import files_in, load
from authweave.probe import test_profile as probe
from authweave.resources import profiles_folder
from authweave.sandbox import EACH, FAULTS, Person, Sandbox, for_test, profile_for_test
from authweave.sandbox.faults import local, network, signed, tls
from commands import run
from thorough import few

PROFILES = [
    profile for folder in (profiles_folder(), Path(__file__).parents[1] / "sandbox_profiles") for profile in map(load, files_in(folder)) if not profile.abstract
]  # fmt: skip
NAMED = [fault for fault in (*network.FAULTS, *tls.FAULTS, *local.FAULTS, *signed.FAULTS) if fault.provokes]
SOON = {"read_timeout": 0.5, "connect_timeout": 0.3}


def fitting(fault):
    """A profile that can show it; making keys takes long, so rather one without."""
    return min((one for one in PROFILES if not fault.fits(one)), key=lambda one: sum(wanted.type == "pem" for wanted in one.inputs.values()))


def report_of(profile, fault, deadline=5.0):
    """What `authweave test --sandbox --fault` finds out."""
    with for_test(profile, faults=[fault], deadline=SOON.get(fault, deadline), test_deadline=deadline) as (engine, inputs):
        subject = "somebody" if profile.subject == "user" else None
        return probe(engine, profile_for_test(profile, [fault]), inputs=inputs, subject=subject, sandbox=True, person=Person(engine.wire))


@pytest.mark.parametrize("fault", few(NAMED, every=6), ids=lambda fault: fault.name)
def test_each_fault_comes_to_its_diagnosis(fault):
    """That one and no other error; what may mend it is named with its place, or with where its value came from."""
    report = report_of(fitting(fault), fault.name)

    errors = [found.code for found in report.diagnoses if found.severity == "error"]
    assert [fault.provokes] == (errors or [found.code for found in report.diagnoses])
    assert "accepted" != report.credential.word or not errors
    assert all(fix.place for found in report.diagnoses for fix in found.fixes)


def test_a_profile_that_cannot_show_a_fault_says_which_can(capsys):
    """Exit 2, and the type that it shows with."""
    assert 2 == run(["test", "kore-api-key", "--sandbox", "--fault", "aws_clock"])

    assert "kore-api-key cannot show the fault aws_clock: it shows with a profile of type aws_sigv4" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(("name", "words"), [("tls_expird", "did you mean tls_expired? authweave sandbox --faults lists them"), ("zzz", "no fault zzz; authweave sandbox --faults lists them")])
def test_a_fault_that_there_is_not(capsys, name, words):
    """The nearest one, and where all are listed: there are hundreds."""
    assert 2 == run(["test", "kore-api-key", "--sandbox", "--fault", name])

    told = " ".join(capsys.readouterr().err.split())
    assert words in told
    assert len(told) < 200


def test_a_fault_of_the_client_is_for_the_test_command(capsys):
    """`authweave sandbox` has no client; it says where the fault shows."""
    assert 2 == run(["sandbox", "kore-api-key", "--fault", "dns_failure"])

    assert "authweave test PROFILE --sandbox --fault dns_failure" in " ".join(capsys.readouterr().err.split())


def test_a_profile_made_invalid_is_told_with_its_place(capsys):
    """The file is not touched; the report reads as if it had been."""
    before = Path(profiles_folder(), "kore-api-key.yaml").read_bytes()

    assert 1 == run(["test", "kore-api-key", "--sandbox", "--fault", "profile_invalid"])

    told = capsys.readouterr().out
    assert "profile_invalid" in told
    assert "auht" in told
    assert before == Path(profiles_folder(), "kore-api-key.yaml").read_bytes()


def test_a_fault_of_the_way_is_known_when_the_sandbox_starts():
    """Routes have been handed out: it cannot be switched on later."""
    with Sandbox([fitting(FAULTS["tls_expired"])]) as sandbox, pytest.raises(UsageError, match="when the sandbox starts"):
        sandbox.set_fault("tls_expired")


def test_what_a_fault_opened_ends_with_the_sandbox():
    """No thread of a proxy or of another listener is left."""
    fault = FAULTS["proxy_refused"]
    report_of(fitting(fault), fault.name)

    assert not [thread for thread in threading.enumerate() if thread.name == "authweave sandbox"]


def test_every_name_is_of_one_fault():
    """A code, or a further name, stands for one fault alone."""
    names = [name for fault in EACH for name in (fault.name, *fault.also)]

    assert len(names) == len(set(names))

"""What is said of assertions that cannot be made, or are not believed: the right code, the right key, what was claimed, no secret."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

import signing
from probing import between, first, oauth, run, says_json, written
from sockets import answers

pytestmark = pytest.mark.thorough

BEARER = {"grant_type": "jwt_bearer", "assertion": {"claims": {"sub": "ada"}}}
CLIENT = {"client_auth": "private_key_jwt"}
SELF = {"type": "jwt", "assertion": {"key_id": "k-7", "claims": {"iss": "robot"}}}


def refusal(word, ahead=0.0):
    """A refusal by a server whose clock is so far behind ours."""
    date = (datetime.now(UTC) - timedelta(seconds=ahead)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    return says_json({"error": word, "error_description": "no"}, 400, ("Date", date))


def report_of(folder, auth, token=None, api=None, key=None):
    """The report of a run with this `auth`."""
    with between(**{name: one for name, one in (("token", token), ("api", api)) if one}) as (identity, task):
        whole = auth if auth.get("type") == "jwt" else oauth(f"{identity.url}oauth/token", **auth)
        inputs = {"client_id": "my-client", "signing_key": key or signing.pem(signing.key())}
        return run(written(folder, whole, servers=[task.url.rstrip("/")]), inputs=inputs)


@pytest.mark.parametrize(
    ("auth", "word", "key"),
    [(BEARER, "invalid_grant", "auth.assertion.claims"), (CLIENT, "invalid_client", "auth.client_assertion.claims")],
    ids=["grant", "client"],
)
def test_a_refused_assertion(tmp_path, auth, word, key):
    """What it claimed stands in the evidence, decoded; its signature does not."""
    report = report_of(tmp_path, auth, refusal(word))

    assert (word, key, "refused") == (first(report).code, first(report).fixes[0].key, report.token.word)
    assert "assertion" in first(report).sentence
    [says] = [line for line in first(report).evidence if line.startswith("the assertion says")]
    assert "alg=RS256" in says
    assert "iss=my-client" in says
    assert "exp=20" in says
    assert ["clock_skew"] != [one.code for one in report.diagnoses[1:]]


@pytest.mark.parametrize(("auth", "word"), [(BEARER, "invalid_grant"), (CLIENT, "invalid_client")], ids=["grant", "client"])
@pytest.mark.parametrize("seconds", [-94, 94])
def test_a_refused_assertion_and_a_clock_that_is_wrong(tmp_path, auth, word, seconds):
    """The skew is told beside the refusal, as what may have caused it."""
    report = report_of(tmp_path, auth, refusal(word, seconds))

    assert [word, "clock_skew"] == [one.code for one in report.diagnoses]
    assert ("ahead of" if seconds > 0 else "behind") in report.diagnoses[1].sentence
    assert report.diagnoses[1].fixes[0].key.endswith("assertion.claims")
    assert "{{ now() - 60 }}" in report.diagnoses[1].fixes[0].text


def test_a_refused_secret_says_nothing_of_clocks(tmp_path):
    """The twin: where nothing is signed, the clock is not why."""
    with between(token=refusal("invalid_client", 94)) as (identity, task):
        report = run(written(tmp_path, oauth(f"{identity.url}t"), servers=[task.url]))

    assert ["invalid_client"] == [one.code for one in report.diagnoses]


def test_a_self_signed_jwt_that_the_api_refuses(tmp_path):
    """Its claims, and the clock."""
    date = (datetime.now(UTC) - timedelta(seconds=200)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    report = report_of(tmp_path, SELF, api=answers(401, ("Date", date), body=b""))

    assert ["api_401", "clock_skew"] == [one.code for one in report.diagnoses]
    assert ["auth.assertion.claims", "auth.assertion.signing_key"] == [fix.key for fix in first(report).fixes[:2]]
    assert any("kid=k-7, iss=robot" in line for line in first(report).evidence)


@pytest.mark.parametrize(
    ("auth", "key"),
    [(BEARER, "auth.assertion.signing_key"), (CLIENT, "auth.client_assertion.signing_key"), (SELF, "auth.assertion.signing_key")],
    ids=["grant", "client", "jwt"],
)
def test_a_key_that_cannot_sign(tmp_path, auth, key):
    """Nothing is sent; the fix is at the key, and says which one would do."""
    report = report_of(tmp_path, auth, key=signing.pem(signing.key("P-256")))

    assert ("key_refused", key) == (first(report).code, first(report).fixes[0].key)
    assert "write algorithm: ES256" in first(report).fixes[0].text
    assert "accepted" != report.credential.word


def test_an_assertion_that_cannot_be_made(tmp_path):
    """A claim that is over before it is sent."""
    report = report_of(tmp_path, {"grant_type": "jwt_bearer", "assertion": {"claims": {"exp": "{{ now() - 5 }}"}}})

    assert ("assertion_refused", "auth.assertion") == (first(report).code, first(report).fixes[0].key)
    assert "in the past" in first(report).sentence

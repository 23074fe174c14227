"""Published vectors of signing in: proof keys (RFC 7636), issuers (RFC 9207), polls (RFC 8628)."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from urllib.parse import parse_qsl

import pytest

from authweave.errors import AuthorizationDenied, CallbackRefused, DeadlineExceeded, SignInFailed, TokenEndpointError
from authweave.sign_in.devices import read_device_answer
from authweave.sign_in.pkce import challenge_of, new_verifier
from authweave.sign_in.polling import polled
from authweave.values import Secret, Token
from parts.vectors import load
from services import Identity, Reply, connect, engine, says, serving
from signing_in import API, answer_to, begun_by, code_profile, device_auth
from thorough import every

PKCE = load("rfc7636_pkce.json")
ISS = {vector["id"]: vector for vector in load("rfc9207_iss.json")["vectors"]}
DEVICE = load("rfc8628_device.json")
LITERAL = {vector["id"]: vector for vector in DEVICE["vectors"]}


# ---- RFC 7636


@pytest.mark.parametrize("vector", PKCE["vectors"], ids=lambda vector: vector["id"])
def test_challenge(vector):
    """BASE64URL(SHA256(verifier)), without padding."""
    assert vector["code_challenge"] == challenge_of(vector["code_verifier"], vector["code_challenge_method"])


@every("vector", [one for one in PKCE["negative"] if "code_verifier" in one], ids=lambda vector: vector["id"])
@every("method", ["S256", "plain"])
def test_what_is_no_verifier(vector, method):
    """Too short, too long, another character: never sent."""
    with pytest.raises(ValueError, match="43 to 128"):
        challenge_of(vector["code_verifier"], method)


def test_a_new_verifier_has_chance_enough():
    """At least 256 bits, of unreserved characters, and never the same."""
    made = {new_verifier() for _ in range(100)}

    assert 100 == len(made)
    assert all(re.fullmatch(r"[A-Za-z0-9._~-]{43,128}", verifier) for verifier in made)
    assert not any("=" in challenge_of(verifier, "S256") for verifier in made)


# ---- RFC 9207


@pytest.fixture
def identity():
    with serving(Identity(refresh=True)) as made:
        yield made


def begun_with(vector, identity):
    """A sign-in as the vector has it, and the answer with the state that was made for it."""
    location = vector["location"]
    base, _, query = location.partition("?")
    connection = engine(settings={"deadline": 5}).connect(code_profile(identity, API), subject="anna")
    begun = begun_by(connection, redirect_uri=base)
    shelf = connection.signing_in.credential()._desk()._beginning.shelf
    version, record = shelf.read()
    required = bool(vector.get("metadata", {}).get("authorization_response_iss_parameter_supported"))
    assert shelf.write(version, replace(record, issuer=vector.get("expected_issuer", ""), iss_required=required), begun.begun_at)
    state = {"state-missing": None, "state-wrong": "other"}.get(vector["id"], begun.state)
    pairs = [(name, state if name == "state" else value) for name, value in parse_qsl(query)]
    if vector["id"] == "state-missing":
        assert "state" not in dict(pairs)
    return connection, begun, f"{base}?{'&'.join(f'{name}={value}' for name, value in pairs)}"


@pytest.mark.parametrize("name", [name for name in ISS if "location" in ISS[name] and name != "state-replayed"])
def test_issuer(name, identity):
    """RFC 9207 §2.4: compared letter for letter; what is refused reaches no token endpoint."""
    vector = ISS[name]
    connection, _, answer = begun_with(vector, identity)
    outcome = "accept"
    try:
        connection.complete_authorization(answer).result(10)
    except AuthorizationDenied:
        outcome = "accept-as-error"
    except CallbackRefused:
        outcome = "reject"

    assert vector["result"].split(" ")[0].rstrip(";") == outcome
    assert (1 if outcome == "accept" else 0) == identity.count


def test_issuer_state_replayed(identity):
    """The same callback twice: one token request in total."""
    connection, begun, _ = begun_with(ISS["rfc9207-2.1"], identity)
    answer = answer_to(begun, iss="https://honest.as.example")
    connection.complete_authorization(answer).result(10)
    with pytest.raises(CallbackRefused, match="used"):
        connection.complete_authorization(answer).result(10)

    assert 1 == identity.count


def test_without_a_written_issuer_it_has_to_be_at_home_where_the_person_was_sent(identity):
    """A mix-up at a profile that names no issuer: another host's name is refused, and says what to write."""
    for iss, is_good in (("https://id.example.com", True), ("https://id.example.com/tenant/v2.0", True), ("https://honest.as.example", False), ("nonsense", False)):
        connection = engine().connect(code_profile(identity, API), subject="anna")
        answer = answer_to(begun_by(connection), iss=iss)
        if is_good:
            assert connection.complete_authorization(answer).result(10)
        else:
            with pytest.raises(CallbackRefused, match=r"auth\.issuer") as caught:
                connection.complete_authorization(answer).result(10)
            assert "issuer" == caught.value.reason
            assert iss not in str(caught.value)


def test_a_mix_up_ends_the_sign_in(identity):
    """Somebody else has answered: that state is not good for anything any more."""
    connection, begun, _ = begun_with(ISS["iss-mismatch"], identity)
    for iss in ("https://attacker.example", "https://honest.as.example"):
        with pytest.raises(CallbackRefused):
            connection.complete_authorization(answer_to(begun, iss=iss)).result(10)

    assert 0 == identity.count


# ---- RFC 8628


class Script:
    """A token endpoint's answers to polls, by the clock of the test."""

    def __init__(self, vector):
        self.answers = list(vector["responses"])
        self.interval = vector.get("interval") or 5
        self.expires_at = float(vector.get("expires_in", 1800))
        self.now = 0.0
        self.polls: list[float] = []

    def ask(self) -> Token:
        self.polls.append(self.now)
        answer = self.answers.pop(0)
        if answer == 200:
            return Token(Secret("T", "test"))
        if answer == "timeout":
            raise DeadlineExceeded("no answer", stage="read", host="id.example.com")
        raise TokenEndpointError(status=400, url="https://id.example.com/token", error=answer)

    def rest(self, seconds: float) -> None:
        self.now += seconds

    def run(self) -> Token:
        return polled(self.ask, interval=self.interval, expires_at=self.expires_at, clock=lambda: self.now, rest=self.rest)


def waits(script):
    return [later - before for before, later in zip([0.0, *script.polls], script.polls, strict=False)]


@every("vector", DEVICE["poll_sequences"], ids=lambda vector: vector["id"])
def test_polls(vector):
    """RFC 8628 §3.5: the pauses before each poll, and when it is over."""
    script = Script(vector)
    outcome = ""
    try:
        script.run()
    except AuthorizationDenied as error:
        outcome = error.error
    except SignInFailed as error:
        outcome = error.reason

    if "required_waits" in vector:
        assert ("", vector["required_waits"]) == (outcome, waits(script))
    elif vector["id"] == "connection-timeout":
        assert ("", [5, 10, 10]) == (outcome, waits(script))
    elif vector["id"] == "past-expires_in":
        assert ("expired", True) == (outcome, max(script.polls) < 10)
    else:
        assert ({"denied": "access_denied", "expired": "expired"}[vector["id"]], 1) == (outcome, len(script.polls))


def test_device_answer():
    """RFC 8628 §3.2, as it is printed there."""
    said = LITERAL["device-response"]["json"]
    read = read_device_answer(said, "https://example.com/device_authorization")

    assert (said["device_code"], said["user_code"], said["verification_uri"], said["verification_uri_complete"], 1800, 5) == (
        read.device_code, read.user_code, read.verification_uri, read.verification_uri_complete, read.lifetime, read.interval,
    )  # fmt: skip


def test_device_requests():
    """The form of §3.1, the poll of §3.4; a public client as there."""
    wanted, poll = LITERAL["device-request"], LITERAL["token-poll"]
    answer = LITERAL["device-response"]["json"] | {"interval": 1}
    with serving(Identity(script=[Reply(200, json.dumps(answer).encode())])) as identity:
        run = engine(inputs={"client_id": wanted["form"]["client_id"]})
        connection = connect(device_auth(identity, client_auth="none", scopes=["example_scope"]), API, run=run, subject="anna")
        begun = begun_by(connection)
        connection.await_authorization().result(20)

    asked, polled_with = identity.asked
    assert ("device", "WDJB-MJHT", "https://example.com/device") == (begun.kind, begun.user_code, begun.verification_uri)
    assert sorted(wanted["form"].items()) == sorted(asked.form.items())
    assert sorted(poll["form"].items()) == sorted(polled_with.form.items())
    assert polled_with.body.startswith(poll["wire_prefix"].encode())


def test_odd_answers_of_a_device_endpoint():
    """What a person must not be sent to, and numbers that are none."""
    good = {"device_code": "d", "user_code": "u", "verification_uri": "https://example.com/d"}
    assert (600, 5) == (read_device_answer(good, "u").lifetime, read_device_answer(good, "u").interval)
    assert 1 == read_device_answer({**good, "interval": 0.001}, "u").interval
    assert 7 == read_device_answer({**good, "interval": "7"}, "u").interval
    assert 5 == read_device_answer({**good, "interval": -3}, "u").interval == read_device_answer({**good, "interval": "soon"}, "u").interval
    assert "https://example.com/d" == read_device_answer({"device_code": "d", "user_code": "u", "verification_url": "https://example.com/d"}, "u").verification_uri
    for bad in ({"device_code": ""}, {"user_code": 7}, {"verification_uri": "http://example.com/d"}, {"verification_uri": "javascript:alert(1)"}, {"verification_uri": "https://example.com/\x1b"}):
        with pytest.raises(Exception, match="RFC 8628"):
            read_device_answer({**good, **bad}, "u")


def test_a_device_endpoint_that_refuses_is_told(identity):
    """Its own words, typed."""
    identity.script = [says({"error": "unauthorized_client", "error_description": "no device for you"}, 400)]
    connection = connect(device_auth(identity), API, subject="anna")
    with pytest.raises(TokenEndpointError, match="no device for you"):
        begun_by(connection)

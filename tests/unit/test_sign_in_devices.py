"""Signing in at another device: one code and one poller for all who wait, until the person has answered."""

from __future__ import annotations

import threading
import time

import pytest

from authweave.errors import AuthorizationDenied, AuthorizationRequired, SignInFailed, TokenEndpointError
from authweave.stores.memory import MemoryStore
from services import Clock, Identity, connect, engine, says, serving, until
from signing_in import API, begun_by, device_auth

ASKED = {"device_code": "d-1", "user_code": "WDJB-MJHT", "verification_uri": "https://id.example.com/device", "expires_in": 600, "interval": 1}


class Device(Identity):
    """Answers device requests, and polls as the test says: pending until `answers` has something else."""

    def __init__(self, **asked):
        super().__init__(refresh=True)
        self.asked_for = {**ASKED, **asked}
        self.answers: list = []
        self.polls: list[float] = []

    def __call__(self, request):
        if request.target == "/device":
            self.asked.append(request)
            return says({**self.asked_for, "device_code": f"d-{len(self.asked)}"})
        if "device_code" in request.form:
            self.polls.append(time.monotonic())
            if not self.answers:
                return says({"error": "authorization_pending"}, 400)
            if (answer := self.answers.pop(0)) is not None:
                return answer
        return super().__call__(request)


@pytest.fixture
def device():
    with serving(Device()) as made:
        yield made


def of(device, *, run=None, subject="anna", **auth):
    return connect(device_auth(device, client_auth="none", **auth), API, run=run or engine(), subject=subject)


def test_the_error_has_the_code_and_where_to_type_it(device):
    """And asked again it is the same: the device endpoint is asked once."""
    connection = of(device)
    errors = []
    for _ in range(3):
        with pytest.raises(AuthorizationRequired) as caught:
            connection.token().result(10)
        errors.append(caught.value)

    [authorization] = {error.authorization for error in errors}
    assert ("device", "WDJB-MJHT", "https://id.example.com/device", 1) == (authorization.kind, authorization.user_code, authorization.verification_uri, authorization.interval)
    assert "WDJB" not in f"{errors[0]}{authorization!r}"
    assert ["/device"] == [request.target for request in device.asked]


def test_waiting_gives_the_token_once_the_person_has_answered(device):
    """One poll after the other, a second apart, as the server wants it."""
    connection = of(device)
    pending = connection.await_authorization()
    until(lambda: len(device.polls) >= 2)
    device.answers.append(None)

    assert "T1" == pending.result(20).access_token.reveal() == connection.token().result(10).access_token.reveal()
    assert all(later - before >= 0.95 for before, later in zip(device.polls, device.polls[1:], strict=False))


def test_one_polls_for_all_who_wait(device):
    """Threads of one process, and another process on the store: each code is asked for by one of them."""
    store = MemoryStore()
    here, there = (of(device, run=engine(store=store)) for _ in range(2))
    begun_by(here)
    pending = [one.await_authorization() for one in (here, here, there, there)]
    until(lambda: len(device.polls) >= 2)
    device.answers.append(None)

    assert {"T1"} == {one.result(20).access_token.reveal() for one in pending}
    assert all(later - before >= 0.95 for before, later in zip(device.polls, device.polls[1:], strict=False))
    assert 1 == device.granted


def test_a_refusal_reaches_everybody(device):
    """access_denied: those who poll and those who only wait."""
    store = MemoryStore()
    here, there = (of(device, run=engine(store=store)) for _ in range(2))
    begun_by(here)
    pending = [here.await_authorization(), there.await_authorization()]
    device.answers.append(says({"error": "access_denied", "error_description": "not you"}, 400))

    for one in pending:
        with pytest.raises(AuthorizationDenied):
            one.result(20)
    assert 1 == len(device.polls)


def test_another_refusal_ends_it(device):
    """What is no matter of waiting is told as it is."""
    connection = of(device)
    device.answers.append(says({"error": "invalid_client"}, 401))

    with pytest.raises(TokenEndpointError, match="invalid_client"):
        connection.await_authorization().result(20)
    assert 1 == len(device.polls)


def test_a_token_endpoint_that_gives_no_answer_is_told_in_the_end():
    """Not only that nobody answered: perhaps somebody did, and the endpoint was what failed."""
    with serving(Device(expires_in=2)) as device:
        device.answers += [says({}, 502)] * 5
        with pytest.raises(SignInFailed) as caught:
            of(device).await_authorization().result(20)

    assert ("expired", "acme") == (caught.value.reason, caught.value.profile)
    assert "502" in str(caught.value)


def test_the_end_of_the_code_is_the_end_of_the_polls():
    """expires_in is the server's; then a new code is needed."""
    with serving(Device(expires_in=3)) as device:
        connection = of(device)
        start = time.monotonic()
        with pytest.raises(SignInFailed) as caught:
            connection.await_authorization().result(20)
        waited = time.monotonic() - start

    assert "expired" == caught.value.reason
    assert len(device.polls) <= 2
    assert waited >= 2.9


def test_it_can_be_called_off(device):
    """By whoever holds the connection, in whatever process: polling ends, and the error says why."""
    store = MemoryStore()
    here, there = (of(device, run=engine(store=store)) for _ in range(2))
    pending = here.await_authorization()
    until(lambda: bool(device.polls))
    assert there.cancel_authorization().result(10)

    with pytest.raises(SignInFailed) as caught:
        pending.result(20)
    polls = len(device.polls)
    assert "cancelled" == caught.value.reason
    time.sleep(1.2)
    assert polls == len(device.polls)


def test_a_token_that_comes_after_it_was_called_off_is_not_kept():
    """Whoever called it off was told that nothing comes of it."""
    called_off = threading.Event()

    class Slow(Device):
        def __call__(self, request):
            answer = super().__call__(request)
            if "device_code" in request.form:
                called_off.wait(10)
            return answer

    with serving(Slow()) as slow:
        slow.answers.append(says({"access_token": "T", "token_type": "Bearer", "expires_in": 600}))
        connection = of(slow)
        pending = connection.await_authorization()
        until(lambda: bool(slow.polls))
        assert connection.cancel_authorization().result(10)
        called_off.set()

        with pytest.raises(SignInFailed, match="called off"):
            pending.result(20)
        with pytest.raises(AuthorizationRequired):
            connection.token().result(10)


def test_closing_the_engine_does_not_wait_for_the_person(device):
    """What could take minutes ends."""
    run = engine()
    pending = of(device, run=run).await_authorization()
    until(lambda: bool(device.polls))
    start = time.monotonic()
    run.close()

    assert time.monotonic() - start < 10
    with pytest.raises(SignInFailed):
        pending.result(10)


def test_nothing_to_wait_for_is_told():
    """In a browser somebody has to begin: nobody could answer a link that was never made."""
    auth = {"type": "oauth2", "grant_type": "authorization_code", "authorization_url": "https://id.example.com/a", "token_url": "https://id.example.com/t"}

    with pytest.raises(SignInFailed, match="begin one"):
        connect(auth, API, run=engine(), subject="anna").await_authorization().result(10)


def test_two_people_have_two_codes(device):
    """Each key has its own."""
    run = engine()
    codes = {of(device, run=run, subject=name).begin_authorization().result(10).state for name in ("anna", "berta")}

    assert 2 == len(codes)
    assert 2 == len(device.asked)


def test_one_begins_for_all():
    """Two processes at once: the other waits for the code, and takes it, though it had seen none."""
    gate, store = threading.Event(), MemoryStore()

    class Slow(Device):
        def __call__(self, request):
            answer = super().__call__(request)
            if request.target == "/device":
                assert gate.wait(10)
            return answer

    with serving(Slow()) as device:
        pending = [of(device, run=engine(store=store, settings={"store_key": "plaintext"})).begin_authorization() for _ in range(2)]
        until(lambda: device.asked)
        time.sleep(0.1)
        gate.set()

        assert 1 == len({one.result(10).state for one in pending})
        assert 1 == len(device.asked)


def test_a_code_that_ran_out_is_replaced(device):
    """The next caller gets a new one."""
    clock = Clock()
    connection = of(device, run=engine(clock=clock))
    first = begun_by(connection)
    clock.ahead += 601

    assert first.state != begun_by(connection).state
    assert 2 == len(device.asked)


def test_extra_parameters_go_into_the_device_request(device):
    """`authorization_request` describes the request of the client's own, too."""
    begun_by(of(device, scopes=["a", "b"], authorization_request={"fields": [{"in": "payload", "key": "audience", "value": "crm"}], "rename": {"client_id": "client"}}))

    assert {"scope": "a b", "client": "robot", "audience": "crm"} == device.asked[0].form

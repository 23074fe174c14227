"""What a tenant does to endpoints, threads and name servers is his own: nobody else waits for it, or is refused for it."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from functools import partial
from urllib.parse import urlencode

import pytest

from authorizing import OAUTH, AuthorizationServer
from authweave import Limits
from authweave.egress.errand import Errand, calling_for
from authweave.errors import DiscoveryError, DnsFailure, EndpointPaused, RateLimited, TokenAnswerError, UrlRefused
from authweave.net.resolving import MOST_FOR_ONE, MOST_LOOKUPS
from authweave.sign_in.devices import read_device_answer
from authweave.stores.memory import MemoryStore
from authweave.tokens.flights import Flights, Lane, outcome
from services import INPUTS, Api, Identity, Reply, connect, engine, oauth, profile, says, serving, until
from signing_in import API, REDIRECT, device_auth
from thorough import every
from wiring import failure_of, get, wire


class Shared(MemoryStore):
    """As other processes see it."""

    is_shared = True


class Hanging:
    """Answers nobody before `gate` opens."""

    def __init__(self):
        self.gate = threading.Event()
        self.asked = []
        self.url = ""

    def __call__(self, request):
        self.asked.append(request)
        self.gate.wait(20)
        return says({})


# ---- pauses


def test_a_client_id_of_another_tenant_earns_him_no_pause():
    """Client ids are no secret: who uses another's at his endpoint, and is told to wait, waits alone, in every process."""
    store = Shared()
    with serving(Identity(script=[says({}, 429, ("Retry-After", "600"))])) as identity, serving(Api()) as api:
        red, blue = (engine(store=store, settings={"store_key": "plaintext"}) for _ in range(2))
        with pytest.raises(RateLimited):
            connect(oauth(identity), api, run=red, tenant="red").token().result(10)

        for run in (red, blue):
            assert connect(oauth(identity), api, run=run, tenant="blue").token().result(10).access_token.reveal()


def test_calls_that_cannot_succeed_open_no_circuit_for_another_tenant():
    """Red is answered by 503 until his circuit opens; the endpoint answers blue, who is asked nothing of it."""
    with serving(Identity(script=[Reply(503, b"")] * 30)) as identity, serving(Api()) as api:
        run = engine(attempts=1)
        reds = [connect(oauth(identity, scopes=[f"s{number}"]), api, run=run, tenant="red") for number in range(8)]
        failures = []
        for red in reds:
            with pytest.raises(Exception) as caught:  # noqa: PT011 - which of them is asserted below
                red.token().result(10)
            failures.append(type(caught.value))
        identity.script.clear()

        assert EndpointPaused in failures
        assert connect(oauth(identity), api, run=run, tenant="blue").token().result(10).access_token.reveal()


# ---- workers


def test_what_a_tenant_calls_beside_an_endpoint_holds_up_nobody_else_there():
    """Red names blue's token endpoint, and a step at a server of his own that hangs, for more users than a lane has workers."""
    hanging = Hanging()
    with serving(hanging), serving(Identity()) as identity, serving(Api()) as api:
        run = engine()
        step = {"name": "before", "request": {"url": f"{hanging.url}/hang"}}
        waiting = [connect(oauth(identity, before=[step]), api, run=run, tenant="red", subject=f"u{number}").token() for number in range(12)]
        until(lambda: len(hanging.asked) >= 1)
        blue = connect(oauth(identity), api, run=run, tenant="blue").token()
        try:
            assert blue.result(5).access_token.reveal()
        finally:
            hanging.gate.set()
        assert all(one.result(20).access_token.reveal() for one in waiting)


def test_an_owner_has_so_many_threads_whatever_endpoints_he_names():
    """A hundred hanging endpoints cost what is allowed, and no thread more; all of the work is done in the end, and another owner's at once."""
    flights, gate, before = Flights(2, most=10), threading.Event(), threading.active_count()
    many = [flights.run(number, Lane("red", number), lambda: gate.wait(20)) for number in range(100)]
    until(lambda: threading.active_count() >= before + 12)
    time.sleep(0.1)

    assert 12 == len(flights._threads)
    assert "blue's" == flights.run("k", Lane("blue", 1), lambda: "blue's").result(5)
    gate.set()
    assert [True] * 100 == [outcome(flight) for flight in many]
    until(lambda: not flights._threads)
    assert {} == flights._threads_of == flights._lanes


def test_all_owners_together_have_so_many_threads_at_one_place():
    """An endpoint that is dead for everybody costs a bounded number of threads, however many tenants wait for it."""
    flights, gate = Flights(2), threading.Event()
    many = [flights.run(number, Lane(f"tenant {number}", "dead"), lambda: gate.wait(20)) for number in range(100)]
    time.sleep(0.2)

    assert 34 == len(flights._threads)
    gate.set()
    assert [True] * 100 == [outcome(flight) for flight in many]
    until(lambda: not flights._threads)
    assert {} == flights._threads_at == flights._threads_of


def test_owners_who_fill_a_place_leave_each_newcomer_a_worker():
    """Eight owners, each with twenty calls that hang, have the whole room of a place: the next two dozen are served at once all the same."""
    flights, gates, begun = Flights(4), [threading.Event() for _ in range(8)], []

    def hangs(gate):
        begun.append(gate)
        return gate.wait(20)

    many = [flights.run((owner, number), Lane(f"hostile {owner}", "idp"), partial(hangs, gates[owner])) for owner in range(8) for number in range(20)]
    until(lambda: len(begun) == 32)

    assert ["served"] * 24 == [flights.run(("new", number), Lane(f"new {number}", "idp"), lambda: "served").result(5) for number in range(24)]

    gates.append(threading.Event())
    waiting = [flights.run(("dead", number), Lane(f"dead {number}", "idp"), partial(hangs, gates[8])) for number in range(24)]
    until(lambda: len(begun) == 56)
    gates[0].set()  # one has an answer at last: while the place is crowded one worker of his goes on
    until(lambda: all(flight.done() for flight in many[:20]))
    until(lambda: len(flights._threads) <= 52)

    for gate in gates:
        gate.set()
    assert all(outcome(flight) for flight in (*many, *waiting))
    until(lambda: not flights._threads)
    assert {} == flights._threads_at == flights._threads_of == flights._lanes


def test_owners_who_share_a_lane_take_turns():
    """One who came first, with a hundred calls, is not served a hundred times before the next."""
    flights, gate, done = Flights(1), threading.Event(), []
    full = [flights.run(number, Lane(f"o{number}", "idp"), lambda: gate.wait(20)) for number in range(17)]
    many = [flights.run(("many", number), Lane("many", "idp"), lambda: done.append("many")) for number in range(100)]
    one = flights.run("one", Lane("one", "idp"), lambda: done.append("one"))
    gate.set()
    for flight in (*full, *many, one):
        outcome(flight)

    assert done.index("one") <= 1


def test_an_owner_who_rests_in_all_of_his_threads_gets_no_more():
    """Sleeping gives up a worker's place only while there are threads to take it."""
    flights, gate = Flights(1, most=4), threading.Event()

    def rests():
        with flights.resting():
            gate.wait(20)

    many = [flights.run(number, Lane("red", number % 3), rests) for number in range(40)]
    time.sleep(0.3)

    assert len(flights._threads) <= 4 + 3 + 1
    gate.set()
    assert [None] * 40 == [outcome(flight) for flight in many]
    until(lambda: not flights._threads)
    assert {} == flights._threads_of


# ---- metadata


def test_a_failure_of_a_tenant_s_own_is_no_failure_of_the_issuer():
    """Red's resource names blue's issuer, which red's limits do not let him call: blue's sign-ins go on."""
    with ExitStack() as stack:
        theirs = stack.enter_context(serving(AuthorizationServer(clients={"robot": INPUTS["client_secret"]})))
        own = Pointing(theirs)
        stack.enter_context(serving(own))
        limits = {
            "red": Limits.everything(hosts=[own.url.removeprefix("http://"), "api.example.com"]),
            "blue": Limits.everything(hosts=[theirs.url.removeprefix("http://"), "api.example.com"]),
        }
        run = engine(limits=limits)
        grant = {"type": "oauth2", "grant_type": "client_credentials"}
        with pytest.raises(DiscoveryError):
            connect({**grant, "resource": own.url}, API, run=run, tenant="red").token().result(10)

        assert connect({**grant, "issuer": theirs.issuer}, API, run=run, tenant="blue").token().result(10).access_token.reveal()


def test_metadata_that_failed_for_one_tenant_are_asked_for_by_another():
    """A 503 passes, and may be red's own doing: blue asks for himself. That there is nothing is everybody's: it is asked for once."""
    with serving(AuthorizationServer(clients={"robot": INPUTS["client_secret"]})) as server:
        run = engine()
        grant = {"type": "oauth2", "grant_type": "client_credentials", "issuer": server.issuer}
        server.replies[OAUTH] = Reply(503, b"")
        for _ in range(2):
            with pytest.raises(DiscoveryError, match="503"):
                connect(grant, API, run=run, tenant="red").token().result(10)
        assert 1 == server.counts[OAUTH]

        del server.replies[OAUTH]
        assert connect(grant, API, run=run, tenant="blue").token().result(10).access_token.reveal()

        absent = {**grant, "issuer": f"{server.issuer}/absent"}
        for tenant in ("red", "blue"):
            with pytest.raises(DiscoveryError, match="404"):
                connect(absent, API, run=run, tenant=tenant).token().result(10)
        assert 1 == server.counts[f"{OAUTH}/absent"]


class Pointing:
    """A resource that names an authorization server of somebody else's."""

    def __init__(self, server):
        self.server = server
        self.url = ""

    def __call__(self, request):
        return says({"resource": self.url, "authorization_servers": [self.server.issuer]})


# ---- names


def test_a_name_server_that_hangs_holds_up_its_own_tenant():
    """Red looks up as many dead names as he can; blue's one is answered at once."""
    answered = threading.Event()
    asked = []

    def resolve(host, *_):
        asked.append(host)
        if host.startswith("dead"):
            answered.wait(10)
        return []

    sender = wire(resolve=resolve)

    def ask(tenant, host):
        with calling_for("token", Errand("acme", tenant)):
            return failure_of(DnsFailure, lambda: sender.send(get(f"https://{host}/"), deadline=2))

    reds = [threading.Thread(target=ask, args=("red", f"dead{number}.example")) for number in range(MOST_LOOKUPS + 8)]
    for thread in reds:
        thread.start()
    until(lambda: len(asked) >= MOST_FOR_ONE)
    began = time.monotonic()

    assert "no_address" == ask("blue", "blue.example").detail
    assert time.monotonic() - began < 1
    assert MOST_FOR_ONE == len([host for host in asked if host.startswith("dead")])
    answered.set()
    for thread in reds:
        thread.join()


# ---- what a person is sent


@pytest.mark.parametrize("member", ["verification_uri", "verification_uri_complete"])
def test_a_person_is_sent_to_no_host_outside_of_the_limits_by_a_device_endpoint(member):
    """Wherever the link came from: the author's or the answer's."""

    class Device(Identity):
        def __call__(self, request):
            return says({"device_code": "d", "user_code": "WDJB-MJHT", "verification_uri": "https://id.example.com/device", **{member: "https://elsewhere.example/x"}})

    with serving(Device()) as device:
        hosts = [device.url.removeprefix("http://"), "id.example.com", "api.example.com"]
        connection = engine(limits=Limits.everything(hosts=hosts)).connect(profile(device_auth(device, client_auth="none"), API), subject="anna")
        with pytest.raises(UrlRefused, match=r"https://elsewhere\.example is not among the hosts"):
            connection.begin_authorization().result(10)


@every("code", ["call +1 555 0100", "open https://elsewhere.example", "elsewhere.example", "a@b", "<b>x</b>", "-", "\u202eABCD"])
def test_a_code_to_type_is_no_sentence_with_an_address(code):
    """RFC 8628 §6.1: letters and digits, with dashes or blanks between."""
    said = {"device_code": "d", "user_code": code, "verification_uri": "https://id.example.com/device"}

    with pytest.raises(TokenAnswerError, match="without a usable user_code"):
        read_device_answer(said, "https://id.example.com/device")


def test_the_temporary_token_of_another_tenant_s_sign_in_is_not_taken_over():
    """OAuth 1.0: what comes back says by its temporary token only what it answers. Red's own server names blue's: what comes back
    with blue's person stays blue's."""
    temporary = {"oauth_token": "temporary", "oauth_token_secret": "s", "oauth_callback_confirmed": "true"}

    class Provider(Identity):
        def __call__(self, request):
            self.asked.append(request)
            said = temporary if request.target == "/temporary" else {"oauth_token": "T", "oauth_token_secret": "S"}
            return Reply(200, urlencode(said).encode(), (("Content-Type", "application/x-www-form-urlencoded"),))

    def signing_in(provider, tenant):
        auth = {
            "type": "oauth1", "signature_method": "HMAC-SHA1", "request_token_url": f"{provider.url}/temporary",
            "authorization_url": "https://id.example.com/authorize", "access_token_url": f"{provider.url}/token",
        }  # fmt: skip
        return connect(auth, API, run=run, tenant=tenant)

    run = engine(inputs={"consumer_key": "k", "consumer_secret": "s"})
    with serving(Provider()) as theirs, serving(Provider()) as own:
        signing_in(theirs, "blue").begin_authorization(redirect_uri=REDIRECT).result(10)
        with pytest.raises(TokenAnswerError, match="another sign-in has already"):
            signing_in(own, "red").begin_authorization(redirect_uri=REDIRECT).result(10)

        done = run.complete_authorization(f"{REDIRECT}?oauth_token=temporary&oauth_verifier=v").result(10)

    assert ("blue", ["/temporary", "/token"], ["/temporary"]) == (done.tenant, [one.target for one in theirs.asked], [one.target for one in own.asked])

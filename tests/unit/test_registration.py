"""Registering as a client (RFC 7591): when, once for all workers, and what becomes of the answer."""

from __future__ import annotations

import threading

import httpx
import pytest

from authorizing import AuthorizationServer, Resource
from authweave.discovery.finding import Finder
from authweave.errors import CallbackRefused, DiscoveryError, RegistrationError, TokenEndpointError
from authweave.stores.memory import MemoryStore
from services import Clock, Reply, connect, engine, profile, says, serving
from signing_in import REDIRECT, begun_by

API = "https://api.example.com"


class Shared(MemoryStore):
    """A store of several engines of this process, as another process would see it."""

    is_shared = True


@pytest.fixture
def server():
    with serving(AuthorizationServer()) as made:
        yield made


def auth(server, **keys):
    made = {"type": "oauth2", "grant_type": "client_credentials", "issuer": server.issuer, "registration": {"client_name": "Acme bot"}, **keys}
    return {name: value for name, value in made.items() if value is not None}


def run_of(**options):
    return engine(inputs={}, **options)


def token(connection):
    return connection.token().result(10)


def test_who_has_no_client_id_registers(server):
    """The answer stands for client_id and client_secret; what the profile says of the client is in the request."""
    made = auth(server, scopes=["read"], registration={"client_name": "Acme bot", "contacts": ["ops@acme.example"]})

    assert "T1" == token(connect(made, API, run=run_of())).access_token.reveal()

    assert [{
        "client_name": "Acme bot", "contacts": ["ops@acme.example"], "grant_types": ["client_credentials"], "response_types": [],
        "token_endpoint_auth_method": "client_secret_basic", "scope": "read",
    }] == server.registered  # fmt: skip


def test_who_has_a_client_id_does_not(server):
    """The negative twin: it is supplied, so nobody registers."""
    server.clients["robot"] = "s3cr3t-of-the-client"

    token(connect(auth(server), API))

    assert 0 == server.counts["/register"]


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "none"])
def test_the_client_authentication_is_that_of_the_profile(server, method):
    """Registered for it, and used; the server judges."""
    token(connect(auth(server, client_auth=method), API, run=run_of()))

    assert method == server.registered[0]["token_endpoint_auth_method"]


def test_an_optional_member_that_is_null_is_left_out(server):
    """Members are templates; an input that nobody supplied makes none."""
    made = auth(server, registration={"client_name": "Acme bot", "software_version": "{{ inputs.release }}"})

    token(run_of().connect(profile(made, API, inputs={"release": {"required": False}})))

    assert "software_version" not in server.registered[0]


def test_many_workers_register_once(server):
    """Four engines on one store, twice each: one registration."""
    store = Shared()
    connections = [connect(auth(server), API, run=run_of(store=store), tenant="acme") for _ in range(4)]
    threads = [threading.Thread(target=token, args=(connection,)) for connection in connections for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (1, 1) == (server.counts["/register"], len(server.registered))


def test_each_tenant_is_a_client_of_its_own(server):
    """What one tenant's client may do is nothing to another's."""
    run = run_of()
    for tenant in ("a", "b"):
        token(connect(auth(server), API, run=run, tenant=tenant))

    assert 2 == server.counts["/register"]


def test_the_registration_is_kept_with_its_access_token_and_sealed(server):
    """registration_access_token and secret stand in the store, in the entry of the registration."""
    run = run_of()
    token(connect(auth(server), API, run=run, tenant="acme"))

    [entry] = [record.entry for _, record in run.ledger.entries() if record.entry.facts["grant"] == "registration"]

    assert ("registered-1", server.issuer, "acme") == (entry.token.access_token.reveal(), entry.facts["endpoint"], entry.facts["tenant"])
    assert "manage-1" == entry.token.kept["registration_access_token"].reveal()
    assert "s3cr3t" not in repr(entry)


def test_after_its_secret_has_expired_the_client_registers_again(server):
    """client_secret_expires_at (RFC 7591 §3.2.1); 0 is never."""
    clock = Clock()
    server.expires_at = int(clock()) + 1000
    run = run_of(clock=clock)
    connection = connect(auth(server), API, run=run)
    token(connection)
    clock.ahead = 700
    token(connection)
    assert 1 == server.counts["/register"]

    clock.ahead = 1400
    assert "T3" == token(connection).access_token.reveal()

    assert 2 == server.counts["/register"]


def test_a_client_that_the_server_has_forgotten_registers_again(server):
    """invalid_client for a registered client: another registration, and the call once more."""
    clock = Clock()
    connection = connect(auth(server), API, run=run_of(clock=clock))
    token(connection)
    server.clients.clear()
    clock.ahead = 700

    assert "T2" == token(connection).access_token.reveal()

    assert (2, 3) == (server.counts["/register"], server.counts["/token"])


def test_a_server_that_refuses_every_client_is_asked_twice_and_no_more(server):
    """A new registration does not help: the refusal is told."""
    server.replies["/token"] = says({"error": "invalid_client"}, 401)

    with pytest.raises(TokenEndpointError) as caught:
        token(connect(auth(server), API, run=run_of()))

    assert "invalid_client" == caught.value.error
    assert (2, 2) == (server.counts["/register"], server.counts["/token"])


@pytest.mark.parametrize(("reply", "words"), [
    (says({"error": "invalid_redirect_uri", "error_description": "not here"}, 400), "does not register this client (400) (invalid_redirect_uri: not here)"),
    (Reply(403, b"<html>"), "does not register this client (403)"),
    (says({}, 201), "has no client_id"),
    (says({"client_id": "x"}, 201), "has no client_secret: write client_auth: none"),
    (says({"client_id": "x", "client_secret": "y", "token_endpoint_auth_method": "private_key_jwt"}, 201), "write client_auth: private_key_jwt"),
    (Reply(201, b"registered"), "has no client_id"),
])  # fmt: skip
def test_a_registration_that_is_refused_or_of_no_use_is_told(server, reply, words):
    """In the server's words, or in ours what to write; no token call is made."""
    server.replies["/register"] = reply

    with pytest.raises(RegistrationError) as caught:
        token(connect(auth(server), API, run=run_of()))

    assert words in str(caught.value)
    assert 0 == server.counts["/token"]


def test_a_server_that_refuses_again_and_again_is_left_alone(server):
    """A hundred callers are no hundred registrations."""
    server.replies["/register"] = says({"error": "invalid_client_metadata"}, 400)
    run = run_of()
    connection = connect(auth(server), API, run=run)
    for _ in range(10):
        with pytest.raises(RegistrationError):
            token(connection)

    assert server.counts["/register"] <= 4


def test_without_a_registration_endpoint_the_profile_says_what_to_do(server):
    """The metadata name none, the profile writes none."""
    server.metadata["registration_endpoint"] = None

    with pytest.raises(DiscoveryError) as caught:
        token(connect(auth(server), API, run=run_of()))

    assert "supply a client_id, or write registration_url" in str(caught.value)


def test_the_endpoints_may_all_be_written(server):
    """Registration without any metadata."""
    made = auth(server, issuer=None, token_url=f"{server.url}/token", registration_url=f"{server.url}/register")

    assert "T1" == token(connect(made, API, run=run_of())).access_token.reveal()

    assert {"/register": 1, "/token": 1} == server.counts


def test_a_resource_is_all_that_has_to_be_known(server):
    """From the resource to its issuer, to the registration, to the token."""
    with serving(Resource(server)) as resource:
        made = auth(server, issuer=None, resource=resource.resource, client_auth="none")

        assert "T1" == token(connect(made, resource.url, run=run_of())).access_token.reveal()

    assert 1 == server.counts["/register"]


@pytest.mark.parametrize("presents", ["code", "refresh token", "token to end"])
def test_what_one_issuer_gave_goes_to_no_other_that_the_resource_names_later(server, presents):
    """A mix-up in time: nobody can have a code, its verifier or a refresh token sent to them by what a resource says (RFC 9700 §4.4)."""
    clock = Clock()
    with serving(AuthorizationServer()) as other, serving(Resource(server)) as resource:
        run = engine(inputs={}, clock=clock)
        made = auth(server, issuer=None, grant_type="authorization_code", resource=resource.resource, client_auth="none", redirect_uri=REDIRECT)
        connection = connect(made, resource.url, run=run, subject="anna")
        back = httpx.get(begun_by(connection).url).headers["location"]
        if presents != "code":
            connection.complete_authorization(back).result(10)

        resource.server = other
        run.finder = Finder(run.ledger, clock)
        if presents == "token to end":
            assert connection.revoke().result(10)
        elif presents == "code":
            assert "T1" == connection.complete_authorization(back).result(10).access_token.reveal()
        else:
            clock.ahead = 601
            assert "T2" == token(connection).access_token.reveal()

    assert not [request for request in other.asked if request.body]


def test_who_registers_on_the_way_to_a_link_still_wants_the_issuer_in_the_answer(server):
    """RFC 9207: what the metadata promise of redirects holds for the first sign-in as for the second."""
    server.metadata["authorization_response_iss_parameter_supported"] = True
    connection = connect(auth(server, grant_type="authorization_code", client_auth="none", redirect_uri=REDIRECT), API, run=run_of(), subject="anna")
    back = httpx.get(begun_by(connection).url).headers["location"]

    with pytest.raises(CallbackRefused, match="iss"):
        connection.complete_authorization(back).result(10)

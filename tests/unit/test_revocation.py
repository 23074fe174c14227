"""Ending a token: the request of RFC 7009 as it goes out, what its answers mean, and what is forgotten when."""

from __future__ import annotations

import threading
import time
from urllib.parse import parse_qsl

import pytest

from authweave.errors import (
    DeadlineExceeded,
    MissingInput,
    RateLimited,
    StoreUnavailable,
    TokenAnswerError,
    TokenEndpointError,
    WireError,
)
from authweave.stores.memory import MemoryStore
from renewing import KEY, Bench, name
from services import INPUTS, Clock, Identity, Reply, engine, oauth, profile, says, serving, until
from sockets import free_port

API = "https://api.example.com"
DONE = Reply(200, b"")


@pytest.fixture
def identity():
    with serving(Identity()) as made:
        yield made


@pytest.fixture
def rotating():
    """With refresh tokens."""
    with serving(Identity(refresh=True)) as made:
        yield made


def revoked_at(identity, *, run=None, values=None, more=None, **revoke_request):
    """A connection whose profile says where tokens are ended."""
    made = {"url": f"{identity.url}/revoke", **revoke_request}
    written = profile(oauth(identity, revoke_request=made, **(more or {})), API, **({"inputs": {name: {"required": False} for name in values}} if values else {}))
    return (run or engine(inputs={**INPUTS, **(values or {})})).connect(written)


def token_of(connection):
    return connection.token().result(10)


def ended(identity, connection, *answers):
    """What was asked when the token was ended, and what that said."""
    token_of(connection)
    identity.script = list(answers or [DONE])
    before = identity.count
    said = connection.revoke().result(10)
    return identity.asked[before:], said


def pairs(request):
    return parse_qsl(request.body.decode(), keep_blank_values=True)


# ---- the request


def test_the_access_token_where_there_is_no_other(identity):
    """token, its hint, and the client authentication of the token endpoint: RFC 7009 §2.1."""
    [request], said = ended(identity, revoked_at(identity))

    assert ("POST", "/revoke", [("token", "T1"), ("token_type_hint", "access_token")]) == (request.method, request.target, pairs(request))
    assert f"{INPUTS['client_id']}:{INPUTS['client_secret']}" == request.basic
    assert ["application/x-www-form-urlencoded"] == request.values("content-type")
    assert said is True


def test_the_refresh_token_where_one_is_held(rotating):
    """It ends the access tokens that rest on it, too."""
    [request], _ = ended(rotating, revoked_at(rotating))

    assert [("token", "R1"), ("token_type_hint", "refresh_token")] == pairs(request)


@pytest.mark.parametrize(("auth", "expected"), [
    ({"client_auth": "client_secret_post"}, [("client_id", INPUTS["client_id"]), ("client_secret", INPUTS["client_secret"])]),
    ({"client_auth": "none"}, [("client_id", INPUTS["client_id"])]),
])  # fmt: skip
def test_the_client_proves_itself_as_at_the_token_endpoint(identity, auth, expected):
    """In the same one way."""
    [request], _ = ended(identity, revoked_at(identity, more=auth))

    assert [("token", "T1"), ("token_type_hint", "access_token"), *expected] == pairs(request)
    assert [] == request.values("authorization")


def test_the_token_itself_may_stand_where_the_client_would(identity):
    """Some servers revoke what they are called with: its header field replaces that of the client."""
    [request], said = ended(identity, revoked_at(identity, encoding="none", fields=[{"in": "header", "key": "Authorization", "value": "Bearer {{ token.access_token }}"}]))

    assert (["Bearer T1"], b"", True) == (request.values("authorization"), request.body, said)


def test_method_encoding_omit_and_rename(identity):
    """A described request like the others."""
    described = {"method": "PUT", "encoding": "json", "omit": ["token_type_hint", "Accept"], "rename": {"token": "access"}}
    [request], _ = ended(identity, revoked_at(identity, **described))

    assert ("PUT", b'{"access":"T1"}', []) == (request.method, request.body, request.values("accept"))


def test_a_field_that_writes_the_token_knows_which(rotating):
    """The profile's `token` replaces the standard one, and the hint, which may be wrong then, stays out."""
    fields = [{"key": "token", "value": "{{ token.access_token }}"}, {"in": "header", "key": "X-A", "value": "{{ token.refresh_token }}"}]
    [request], _ = ended(rotating, revoked_at(rotating, fields=fields))

    assert ([("token", "T1")], ["R1"]) == (pairs(request), request.values("x-a"))


def test_nothing_is_taken_from_the_token_request(identity):
    """Its fields belong to the grant."""
    more = {"token_request": {"fields": [{"key": "x", "value": "1"}], "omit": ["Accept"]}}
    [request], _ = ended(identity, revoked_at(identity, more=more))

    assert ("x", "1") not in pairs(request)
    assert ["application/json"] == request.values("accept")


def test_it_is_seen_with_its_inputs_alone_when_it_is_needed(identity):
    """An input that only the revocation reads is no part of the key, and missing it hinders nobody before."""
    run = engine(inputs=INPUTS)
    auth = oauth(identity, revoke_request={"url": f"{identity.url}/revoke", "fields": [{"key": "who", "value": "{{ inputs.who }}"}]})
    connection = run.connect(profile(auth, API, inputs={"who": {}}))

    assert "T1" == name(token_of(connection))
    with pytest.raises(MissingInput, match="who"):
        connection.revoke().result(10)
    assert "T1" == name(token_of(connection))


# ---- the answer


@pytest.mark.parametrize("answer", [
    DONE, Reply(204, b""), Reply(200, b"whatever", (("Content-Type", "text/html"),)), says({"error": "invalid_token"}, 400),
    says({"error": "invalid_token", "error_description": "Token expired or revoked"}, 401),
], ids=["200", "204", "page", "unknown", "unknown-401"])  # fmt: skip
def test_what_means_that_the_token_is_of_no_more_use(identity, answer):
    """200 and 204, whatever the body; and a token that the server does not know (RFC 7009 §2.2). A new one is got then."""
    connection = revoked_at(identity)
    _, said = ended(identity, connection, answer)

    assert (True, "T2") == (said, name(token_of(connection)))


@pytest.mark.parametrize(("answer", "kind", "words"), [
    (says({"error": "invalid_client"}, 401), TokenEndpointError, "invalid_client"),
    (says({"error": "unsupported_token_type"}, 400), TokenEndpointError, "unsupported_token_type"),
    (says({}, 404), TokenEndpointError, "404"),
    (says({}, 500), TokenEndpointError, "500"),
    (says({}, 202), TokenEndpointError, "202"),
    (Reply(503, b"", (("Retry-After", "60"),)), RateLimited, "60"),
    (Reply(302, b"", (("Location", "/login"),)), TokenAnswerError, "redirect"),
])  # fmt: skip
def test_a_failure_leaves_the_token_for_another_try(rotating, answer, kind, words):
    """Typed, told once; the next try asks again with the same one."""
    connection = revoked_at(rotating)
    with pytest.raises(kind, match=words) as caught:
        ended(rotating, connection, answer)
    assert (None, None) == (caught.value.__cause__, caught.value.__context__)
    assert "T1" == name(token_of(connection))

    rotating.script = [DONE]
    assert connection.revoke().result(10) is True
    assert [("token", "R1")] * 2 == [pairs(request)[0] for request in rotating.asked[-2:]]


def test_no_answer_is_typed(identity):
    """Nothing listens at the endpoint: a wire error, and the token stays."""
    connection = revoked_at(identity, url=f"http://127.0.0.1:{free_port()}/revoke")
    with pytest.raises(WireError):
        ended(identity, connection)

    assert "T1" == name(token_of(connection))


def test_a_server_that_repeats_the_token_is_quoted_without_it(identity):
    """Its words are told, the token in them is not."""
    identity.more = {"access_token": "s3cr3t-acc3ss-t0k3n"}
    with pytest.raises(TokenEndpointError, match="is none of ours") as caught:
        ended(identity, revoked_at(identity), says({"error": "x", "error_description": "s3cr3t-acc3ss-t0k3n is none of ours"}, 400))

    assert "s3cr3t-acc3ss-t0k3n" not in f"{caught.value} {vars(caught.value)}"


def test_a_token_in_the_url_is_not_told(identity):
    """What a profile puts into the URL is masked in the error."""
    identity.more = {"access_token": "s3cr3t-acc3ss-t0k3n"}
    connection = revoked_at(identity, url=f"{identity.url}/tokens/{{{{ token.access_token }}}}")

    with pytest.raises(TokenEndpointError) as caught:
        ended(identity, connection, says({}, 500))

    assert "/tokens/s3cr3t-acc3ss-t0k3n" == identity.asked[-1].target
    assert "s3cr3t-acc3ss-t0k3n" not in f"{caught.value} {vars(caught.value)}"


# ---- what is forgotten


def test_without_a_way_it_is_forgotten_here(identity):
    """False: nobody was called; the next need gets another token."""
    connection = engine(inputs=INPUTS).connect(profile(oauth(identity), API))
    token_of(connection)

    assert connection.revoke().result(10) is False
    assert (1, "T2") == (identity.count, name(token_of(connection)))


def test_without_a_token_nobody_is_called(identity):
    """There is nothing to end; none is got in order to end it."""
    assert revoked_at(identity).revoke().result(10) is False
    assert 0 == identity.count


def test_a_type_without_tokens_has_none_to_end():
    """False, as for every connection that holds none."""
    connection = engine(inputs={"token": "t"}).connect(profile({"type": "bearer"}, API))

    assert connection.revoke().result(10) is False


def test_the_stored_token_is_ended_by_a_process_that_never_used_it(rotating):
    """The command line ends what the workers hold: the token comes from the store."""
    store = MemoryStore()
    token_of(revoked_at(rotating, run=engine(inputs=INPUTS, store=store)))
    other = revoked_at(rotating, run=engine(inputs=INPUTS, store=store))

    rotating.script = [DONE]
    assert other.revoke().result(10) is True
    assert ("token", "R1") == pairs(rotating.asked[-1])[0]
    assert other.revoke().result(10) is False


def test_a_given_refresh_token_is_presented_again_only_if_asked_for():
    """After the end the store holds nothing; the next need presents what is supplied, and the server has its say."""
    clock = Clock()
    with serving(Identity(refresh=True)) as identity:
        identity.good_refresh = "c0ns3nt"
        run = engine(inputs={**INPUTS, "refresh_token": "c0ns3nt"}, clock=clock)
        connection = revoked_at(identity, run=run, more={"grant_type": "refresh_token"})
        [request], said = ended(identity, connection)

        assert (True, ("token", "R1")) == (said, pairs(request)[0])
        assert 2 == identity.count
        with pytest.raises(Exception, match="reauthorize"):
            token_of(connection)
        assert "c0ns3nt" == identity.asked[-1].form["refresh_token"]


def test_it_can_be_awaited(identity):
    """As every Pending."""
    import asyncio

    connection = revoked_at(identity)
    token_of(connection)
    identity.script = [DONE]

    async def main():
        return await connection.revoke()

    assert asyncio.run(main()) is True


# ---- among other owners


@pytest.fixture
def bench():
    made = Bench(refresh=True, attended=True)
    made.ended = []
    made.endpoint.revoke = lambda token, end: not made.ended.append(token)
    made.keep(made.token("T0", refresh="R0"))
    made.renewed()
    return made


def test_nobody_renews_meanwhile(bench):
    """A renewal that is asked for while the token is ended comes after it, and finds nothing: no token outlives its end."""
    began, may_end = threading.Event(), threading.Event()
    bench.clock.ahead = 601

    def revoke(token, end):
        began.set()
        return may_end.wait(10)

    bench.endpoint.revoke = revoke
    ending = bench.tokens.revoked()
    assert began.wait(10)
    renewing = bench.same().renewed()
    time.sleep(0.1)
    assert (0, False) == (bench.endpoint.count, renewing.done())
    may_end.set()

    assert ending.result(10) is True
    assert "T1" == name(renewing.result(10))
    assert [None] == bench.endpoint.olds


def test_it_waits_for_a_renewal_under_way_and_ends_what_that_brought(bench):
    """The refresh token of yesterday is spent by then: the newest is ended."""
    bench.clock.ahead = 601
    bench.endpoint.gate = threading.Event()
    renewing = bench.tokens.renewed()
    until(lambda: bench.endpoint.count == 1)
    ending = bench.same().revoked()
    bench.endpoint.gate.set()
    renewing.result(10)

    assert ending.result(10) is True
    assert ["R1"] == [token.refresh_token.reveal() for token in bench.ended]
    assert (None, None) == (bench.record().token, bench.record().intent)


def test_somebody_who_never_ends_is_not_waited_for_for_ever(bench):
    """A living owner of the lease that hangs: a typed error after the deadline, and the token stays."""
    assert bench.ledger.lease(KEY, "somebody", 45.0)

    with pytest.raises(DeadlineExceeded):
        bench.same(deadline=0.2).revoked().result(10)

    assert ("T0", []) == (name(bench.record().token), bench.ended)


def test_a_late_result_is_ended_as_well(bench):
    """Somebody whose lease was lost writes while we end the old token: what was written is ended, too."""
    late = bench.token("T9", refresh="R9")

    def revoke(token, end):
        bench.ended.append(token)
        if len(bench.ended) == 1:
            bench.keep(late, version=bench.record().version)
        return True

    bench.endpoint.revoke = revoke

    assert bench.tokens.revoked().result(10) is True
    assert ["R0", "R9"] == [token.refresh_token.reveal() for token in bench.ended]
    assert bench.record().token is None


def test_the_lease_is_given_back(bench):
    """Whether it went well or not, the next owner begins at once."""
    bench.endpoint.revoke = lambda token, end: (_ for _ in ()).throw(TokenEndpointError(status=500, url="x"))
    with pytest.raises(TokenEndpointError):
        bench.tokens.revoked().result(10)
    assert bench.ledger.lease(KEY, "another", 1.0)


def test_the_copies_of_others_do_not_come_back(bench):
    """Another worker holds the token in memory: when that ends, it finds that the token was forgotten on purpose."""
    worker = bench.same()
    worker.renewed().result(10)
    bench.endpoint.revoke = lambda token, end: False
    assert bench.tokens.revoked().result(10) is False
    bench.clock.ahead = 601

    worker.renewed().result(10)

    assert [None] == bench.endpoint.olds
    assert "lost" not in bench.kinds


def test_a_store_that_is_away_keeps_the_token(bench):
    """Nothing is ended that could not be forgotten."""
    tokens = bench.same()
    tokens.renewed().result(10)
    bench.store.read = lambda key: (_ for _ in ()).throw(StoreUnavailable("timeout", "away"))

    with pytest.raises(StoreUnavailable):
        tokens.revoked().result(10)

    assert ([], "T0") == (bench.ended, name(tokens.current))


def test_it_is_told(bench):
    """One event, with the reason where nobody was called."""
    bench.tokens.revoked().result(10)
    assert [("revoked", {"detail": ""})] == [told for told in bench.told if told[0] == "revoked"]

    other = Bench()
    other.endpoint.revoke = lambda token, end: False
    other.renewed()
    other.tokens.revoked().result(10)
    [(_, fields)] = [told for told in other.told if told[0] == "revoked"]
    assert "forgotten here only" in fields["detail"]

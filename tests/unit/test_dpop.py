"""`dpop: true` against servers that a test tells what to say: nonces, downgrades, keys in stores, and where a proof never goes."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import json
from concurrent.futures import ThreadPoolExecutor

import httpx
import httpx2
import pytest

from authweave.contracts import Signing
from authweave.errors import SigningError, TokenAnswerError, TokenEndpointError
from authweave.proofs.dpop import key_thumbprint, new_key
from authweave.seals.dpop import Dpop
from authweave.tokens.records import decoded, encoded
from authweave.values import Entry, Secret, TaskRequest, TaskResponse, Token
from services import Api, Clock, Identity, Reply, between, connect, engine, oauth, says, serving
from thorough import every

BOUND = {"token_type": "DPoP"}
WANTS = 'DPoP error="use_dpop_nonce", error_description="a nonce is needed"'


def nonce_wanted(nonce, status=400):
    return says({"error": "use_dpop_nonce"}, status, ("DPoP-Nonce", nonce))


def refusal(nonce, challenge=WANTS):
    return says({}, 401, ("WWW-Authenticate", challenge), *([("DPoP-Nonce", nonce)] if nonce else []))


def proof_of(request):
    [value] = request.values("dpop")
    header, claims = (json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in value.split(".")[:2])
    return header, claims


def nonces(requests):
    return [proof_of(request)[1].get("nonce", "") for request in requests]


class Scripted(Api):
    """An API that says these things first."""

    def __init__(self, *script):
        super().__init__()
        self.script = list(script)

    def __call__(self, request):
        self.asked.append(request)
        return self.script.pop(0) if self.script else self.good


def identity_of(*script, **more):
    return Identity(script=list(script), more=BOUND, **more)


PACKAGES = pytest.mark.parametrize("package", [httpx, httpx2], ids=lambda package: package.__name__)


def opened(connection, package=httpx, **options):
    return package.Client(auth=connection.auth, trust_env=False, **options)


# ---- the token endpoint


@pytest.mark.parametrize("status", [400, 401])
def test_the_token_endpoint_gets_its_nonce_once(status):
    """One more request with the nonce: the same key, another proof (RFC 9449 §8)."""
    with serving(identity_of(nonce_wanted("n-1", status))) as identity:
        token = connect(oauth(identity, dpop=True), "https://api.example.com").token().result(20)

    (first, said), (second, again) = map(proof_of, identity.asked)
    assert ("T1", ["", "n-1"]) == (token.access_token.reveal(), nonces(identity.asked))
    assert first["jwk"] == second["jwk"]
    assert said["jti"] != again["jti"]
    assert {"POST"} == {said["htm"], again["htm"]}
    assert {f"{identity.url}/token"} == {said["htu"], again["htu"]}


@pytest.mark.parametrize("answers", [[nonce_wanted("n-1"), nonce_wanted("n-2"), nonce_wanted("n-3")], [says({"error": "use_dpop_nonce"}, 400)] * 3, [nonce_wanted("x" * 2000)] * 3])
def test_a_token_endpoint_that_always_wants_a_nonce_is_not_asked_for_ever(answers):
    """At most one request more; without a nonce that can be used, none."""
    with serving(identity_of(*answers)) as identity, pytest.raises(TokenEndpointError) as caught:
        connect(oauth(identity, dpop=True), "https://api.example.com").token().result(20)

    assert "use_dpop_nonce" == caught.value.error
    assert (2 if len(set(map(str, answers))) == 3 else 1) == identity.count


def test_a_nonce_that_comes_with_a_token_is_for_the_next_call():
    """§8.2: no challenge is needed for it; a connection of another tenant has it, too."""
    clock = Clock()
    good = says({"access_token": "A", "expires_in": 60, **BOUND}, 200, ("DPoP-Nonce", "next"))
    with serving(identity_of(good)) as identity:
        run = engine(clock=clock)
        for tenant in ("one", "two"):
            connect(oauth(identity, dpop=True), "https://api.example.com", run=run, tenant=tenant).token().result(20)

    assert ["", "next"] == nonces(identity.asked)


@every("token_type", ["Bearer", "bearer", "mac", None])
def test_a_token_that_is_not_bound_is_refused(token_type):
    """A downgrade is told as such, in words, and the token is not used."""
    refused = pytest.raises(TokenAnswerError, match="although the request proved a key")
    with between(Identity(more={"token_type": token_type}), Api()) as (identity, api), opened(connect(oauth(identity, dpop=True), api)) as http, refused as caught:
        http.get(api.url)

    assert ("token_not_bound", 0) == (caught.value.kind, api.count)
    assert "T1" not in str(caught.value)


def test_a_bound_token_in_any_case():
    """`token_type` is compared without case (RFC 6749 §5.1)."""
    with serving(Identity(more={"token_type": "dPoP"})) as identity:
        assert "T1" == connect(oauth(identity, dpop=True), "https://api.example.com").token().result(20).access_token.reveal()


def test_without_dpop_a_bound_token_is_not_sent_as_bearer():
    """The error says what the answer was, and what to write."""
    with serving(identity_of()) as identity, pytest.raises(TokenAnswerError, match="token_type is DPoP, not Bearer"):
        connect(oauth(identity), "https://api.example.com").token().result(20)


# ---- the API


def test_each_request_has_a_proof_of_its_own():
    """`Authorization: DPoP`, and a proof of this method, this URL and this token, with the key of the token request."""
    with between(identity_of(), Api()) as (identity, api), opened(connect(oauth(identity, dpop=True), api)) as http:
        http.get(f"{api.url}/a?b=c")
        http.post(f"{api.url}/a", json={})

    (one, said), (_, again) = map(proof_of, api.asked)
    assert ["DPoP T1"] * 2 == [request.values("authorization")[0] for request in api.asked]
    assert [("GET", f"{api.url}/a"), ("POST", f"{api.url}/a")] == [(claims["htm"], claims["htu"]) for claims in (said, again)]
    assert said["jti"] != again["jti"]
    assert said["ath"] == again["ath"] == "H5NgPbU7-tXJI5D3NdDLuGF7SrghSukcVmSj0emwCcg"
    assert one["jwk"] == proof_of(identity.asked[0])[0]["jwk"]
    assert 1 == identity.count


@PACKAGES
@pytest.mark.parametrize("challenge", [WANTS, 'Bearer realm="x", DPoP error="use_dpop_nonce"', "DPoP"])
def test_the_api_gets_its_nonce_once(package, challenge):
    """§9: the same token, another proof; from then on the nonce is known, and the next one that comes is used."""
    later = Reply(200, b"{}", (("DPoP-Nonce", "n-2"),))
    with between(identity_of(), Scripted(refusal("n-1", challenge), later)) as (identity, api), opened(connect(oauth(identity, dpop=True), api), package) as http:
        answers = [http.get(f"{api.url}/{number}") for number in range(3)]

    assert (["", "n-1", "n-2", "n-2"], 1) == (nonces(api.asked), identity.count)
    assert ["accepted"] * 3 == [answer.extensions["authweave"].verdict for answer in answers]


@PACKAGES
def test_the_api_gets_its_nonce_in_a_loop_of_events(package):
    """The other colour of the same door."""
    with between(identity_of(), Scripted(refusal("n-1"))) as (identity, api):

        async def ask():
            async with package.AsyncClient(auth=connect(oauth(identity, dpop=True), api).auth, trust_env=False) as http:
                return (await http.get(api.url)).status_code

        assert (200, ["", "n-1"]) == (asyncio.run(ask()), nonces(api.asked))


def test_an_api_that_always_wants_a_nonce_is_asked_twice():
    """Neither a third request nor another token: the token is not what is wrong."""
    with between(identity_of(), Scripted(*(refusal(f"n-{number}") for number in range(9)))) as (identity, api), opened(connect(oauth(identity, dpop=True), api)) as http:
        answer = http.get(api.url)

    assert (401, "refused", 2, 1) == (answer.status_code, answer.extensions["authweave"].verdict, api.count, identity.count)
    assert "it asks for another proof again (nonce)" in answer.extensions["authweave"].reason


def test_a_nonce_and_then_a_dead_token():
    """Three sends in all, one for each reason: with the nonce, then with another token and its own key."""
    dead = refusal("n-2", 'DPoP error="invalid_token"')
    with between(identity_of(), Scripted(refusal("n-1"), dead)) as (identity, api), opened(connect(oauth(identity, dpop=True), api)) as http:
        answer = http.get(api.url)

    assert (200, ["", "n-1", "n-2"], 2) == (answer.status_code, nonces(api.asked), identity.count)
    keys = [proof_of(request)[0]["jwk"] for request in api.asked]
    assert (keys[0] == keys[1], keys[1] == keys[2]) == (True, False)


@PACKAGES
def test_a_streamed_body_is_not_sent_twice_for_a_nonce(package):
    """The verdict says why, and the nonce is known for the next request."""
    def stream():
        yield b"abc"

    with between(identity_of(), Scripted(refusal("n-1"))) as (identity, api), opened(connect(oauth(identity, dpop=True), api), package) as http:
        first, second = http.post(api.url, content=stream()), http.post(api.url, content=stream())

    assert (401, 200, ["", "n-1"]) == (first.status_code, second.status_code, nonces(api.asked))
    assert "a streamed body cannot be sent twice" in first.extensions["authweave"].reason


def test_nonces_of_both_servers_are_kept_apart_even_on_one_origin():
    """§9: what the token endpoint gave is not for the API, nor the other way round."""
    class Both:
        def __init__(self):
            self.identity, self.api, self.url = identity_of(nonce_wanted("for-tokens")), Scripted(refusal("for-the-api")), ""

        def __call__(self, request):
            return self.identity(request) if request.target == "/token" else self.api(request)

    clock = Clock()
    with serving(Both()) as both:
        connection = connect(oauth(f"{both.url}/token", dpop=True), both.url, run=engine(clock=clock))
        with opened(connection) as http:
            http.get(both.url + "/x")
            clock.ahead = 601
            http.get(both.url + "/x")

    assert (["", "for-tokens", "for-tokens"], ["", "for-the-api", "for-the-api"]) == (nonces(both.identity.asked), nonces(both.api.asked))


@PACKAGES
def test_a_proof_never_reaches_another_origin(package):
    """A redirect elsewhere gets neither token nor proof, and its nonce is not believed."""
    away = Api(good=Reply(200, b"{}", (("DPoP-Nonce", "evil"),)))
    with between(identity_of(), Api()) as (identity, api), serving(away):
        api.good = Reply(302, b"", (("Location", f"{away.url}/y"),))
        connection = connect(oauth(identity, dpop=True), api)
        with opened(connection, package, follow_redirects=True) as http:
            http.get(f"{api.url}/x")
            http.get(f"{api.url}/x")

    assert [([], [])] * 2 == [(request.values("dpop"), request.values("authorization")) for request in away.asked]
    assert ["", ""] == nonces(api.asked)


def test_fields_of_ones_own_put_the_token_elsewhere():
    """The proof goes with every request in any case."""
    fields = [{"in": "header", "key": "X-Token", "value": "{{ token.access_token }}"}]
    with between(identity_of(), Api()) as (identity, api), opened(connect(oauth(identity, dpop=True, fields=fields), api)) as http:
        http.get(api.url)

    [asked] = api.asked
    assert (["T1"], [], 1) == (asked.values("x-token"), asked.values("authorization"), len(asked.values("dpop")))


@every(
    "response, reason",
    [
        (TaskResponse(401, (("DPoP-Nonce", "n"), ("WWW-Authenticate", WANTS))), "nonce"),
        (TaskResponse(401, (("DPoP-Nonce", "n"), ("WWW-Authenticate", "Bearer"), ("WWW-Authenticate", WANTS))), "nonce"),
        (TaskResponse(401, (("DPoP-Nonce", "n"),)), "nonce"),
        (TaskResponse(401, (("DPoP-Nonce", "old"), ("WWW-Authenticate", WANTS))), ""),
        (TaskResponse(401, (("DPoP-Nonce", "n"), ("WWW-Authenticate", 'DPoP error="invalid_token"'))), ""),
        (TaskResponse(401, (("WWW-Authenticate", WANTS),)), ""),
        (TaskResponse(401, (("DPoP-Nonce", "n\x7f"), ("WWW-Authenticate", WANTS))), ""),
        (TaskResponse(400, (("DPoP-Nonce", "n"), ("WWW-Authenticate", WANTS))), ""),
        (TaskResponse(403, (("DPoP-Nonce", "n"),)), ""),
        (TaskResponse(200, (("DPoP-Nonce", "n"),)), ""),
    ],
)  # fmt: skip
def test_when_a_request_is_sent_again(response, reason):
    """For want of a nonce that was not in the proof, and for nothing else."""
    seal = Dpop()
    signing = Signing({}, {}, Token(Secret("T", "test"), proof_key=new_key()), 0.0)
    seal.learned(TaskRequest("GET", "https://a.example/"), TaskResponse(200, (("DPoP-Nonce", "old"),)), signing)
    request = seal.sign(TaskRequest("GET", "https://a.example/x"), signing).request

    assert reason == seal.learned(request, response, signing)


def test_a_token_without_its_key_signs_nothing():
    """A typed error; nothing is sent."""
    with pytest.raises(SigningError, match="no DPoP key"):
        Dpop().sign(TaskRequest("GET", "https://a.example/x"), Signing({}, {}, Token(Secret("T", "test")), 0.0))


# ---- the key


def test_the_key_is_stored_with_its_token_and_nowhere_shown():
    """As an entry it comes back; repr, events and the namespace of templates do not have it."""
    key = new_key()
    token = Token(Secret("T", "test"), token_type="DPoP", proof_key=key)

    back = decoded(encoded(Entry({"a": 1}, token))).token

    assert key_thumbprint(key) == key_thumbprint(back.proof_key)
    private = json.loads(key.reveal())["d"]
    assert private not in repr(token) + repr(back) + str(dataclasses.asdict(Entry({}, None)))
    assert "proof_key" not in token.as_scope()


@every("stored", [None, Secret("{}", "store"), Secret("damaged", "store"), Secret(["x"], "store"), Secret(5, "store")])
def test_a_stored_token_without_a_good_key_is_got_anew(stored):
    """It would be refused at every request until it ends: a token without its key is of no use."""
    with serving(identity_of()) as identity:
        run = engine()
        connection = connect(oauth(identity, dpop=True), "https://api.example.com", run=run)
        token = connection.token().result(20)
        credential = connection.credential(connection.variant_for(None))
        key = credential.token_key(connection.inputs())
        run.ledger.write(key, run.ledger.read(key).version, Entry(key.facts(), dataclasses.replace(token, proof_key=stored)), keep=600)
        credential.tokens.forget()

        again = connection.token().result(20)

    assert ("T2", 2) == (again.access_token.reveal(), identity.count)
    assert key_thumbprint(again.proof_key) != key_thumbprint(token.proof_key)


def test_an_entry_of_before_has_no_key():
    """What an older version stored is read: a token that is bound to nothing."""
    data = json.loads(encoded(Entry({}, Token(Secret("T", "test")))))
    del data["token"]["proof_key"]

    assert decoded(json.dumps(data).encode()).token.proof_key is None


def test_a_refresh_keeps_the_key_and_a_grant_makes_another():
    """One key for the life of a refresh token; where the refresh is refused, the new grant begins with a new key."""
    clock = Clock()
    with serving(identity_of(refresh=True)) as identity:
        connection = connect(oauth(identity, dpop=True), "https://api.example.com", run=engine(clock=clock))
        connection.token().result(20)
        clock.ahead = 601
        connection.token().result(20)
        identity.good_refresh = "another"
        clock.ahead = 1300
        connection.token().result(20)

    keys = [proof_of(request)[0]["jwk"]["x"] for request in identity.asked]
    kinds = [request.form["grant_type"] for request in identity.asked]
    assert ["client_credentials", "refresh_token", "refresh_token", "client_credentials"] == kinds
    assert (keys[0] == keys[1] == keys[2], keys[2] == keys[3]) == (True, False)


def test_many_threads_have_one_key():
    """One token request, and every proof by the key of its token."""
    with between(identity_of(), Api()) as (identity, api), opened(connect(oauth(identity, dpop=True), api)) as http, ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda number: http.get(f"{api.url}/{number}"), range(64)))

    assert (1, 64, 1) == (identity.count, len({proof_of(request)[1]["jti"] for request in api.asked}), len({proof_of(request)[0]["jwk"]["x"] for request in api.asked}))

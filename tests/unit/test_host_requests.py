"""The door for requests: over real sockets, with the redirects, the retries and the bodies that sessions have."""

from __future__ import annotations

import requests

from authweave.hosts.requests import ProfileAuth, judgement_of
from services import Api, Identity, between, connect, engine, oauth, says, serving

KEY = "k3y-planted-4711"


def session(auth=None):
    """A session that sees nothing of this machine's environment."""
    made = requests.Session()
    made.trust_env = False
    made.auth = auth
    return made


def keyed(api, *places, **more):
    """The auth of an API key in these places, for this API."""
    fields = [{"in": place, "key": key, "value": "{{ inputs.api_key }}"} for place, key in places]
    return ProfileAuth(connect({"type": "api_key", "fields": fields}, api, run=engine(inputs={"api_key": KEY}), **more))


def test_a_refused_token_is_renewed_once_and_the_request_sent_again():
    """401: the token is renewed, the body comes again in full, the first answer is in the history."""
    with between(Identity(), Api(accepts=lambda token: token == "T2")) as (identity, api):
        response = session().post(f"{api.url}/x", json={"n": 1}, auth=ProfileAuth(connect(oauth(identity), api)))

    assert 200 == response.status_code
    assert ["T1", "T2"] == api.tokens
    assert [b'{"n": 1}'] * 2 == [request.body for request in api.asked]
    assert [401] == [before.status_code for before in response.history]
    assert "Bearer T1" == response.history[0].request.headers["Authorization"]
    assert "Bearer T2" == response.request.headers["Authorization"]
    assert "accepted" == judgement_of(response).verdict


def test_what_is_placed_arrives_in_each_place():
    """Header, query, cookie, payload: as the profile says, with the true length."""
    with serving(Api()) as api:
        auth = keyed(api, ("header", "X-Key"), ("query", "key"), ("cookie", "k"), ("payload", "key"))
        session(auth).post(f"{api.url}/x?a=1", json={"n": 1}, cookies={"own": "1"})

    [asked] = api.asked
    assert f"/x?a=1&key={KEY}" == asked.target
    assert [KEY] == asked.values("x-key")
    assert [f"own=1; k={KEY}"] == asked.values("cookie")
    assert f'{{"n": 1, "key": "{KEY}"}}'.replace(" ", "") == asked.body.decode().replace(" ", "")
    assert [str(len(asked.body))] == asked.values("content-length")


def test_a_redirect_to_another_origin_takes_nothing_along():
    """Header, query and cookie stay at home; what the caller wrote goes on."""
    with serving(Api()) as other, serving(Api()) as home:
        home.good = says({}, 302, ("Location", f"{other.url}/landed?key={KEY}&b=1"))
        auth = keyed(home, ("header", "X-Key"), ("query", "key"), ("cookie", "k"))
        response = session(auth).get(f"{home.url}/x?a=1", headers={"X-Own": "stays"})

    [asked] = other.asked
    assert KEY not in f"{asked.target} {asked.headers} {asked.body!r}"
    assert ["stays"] == asked.values("x-own")
    assert "inconclusive" == judgement_of(response).verdict
    assert KEY in response.history[0].request.url

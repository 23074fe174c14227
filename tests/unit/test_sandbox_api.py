"""The sandbox's task API: the credential only where the profile puts it, and every addition."""

import base64
import json

import pytest

from authweave.answers.challenges import challenges
from authweave.sandbox import Sandbox
from authweave.values import TaskRequest
from authweave.wire import Call
from sandbox_client import API_URL, Stranger, basic, oauth, profile

pytestmark = pytest.mark.thorough

SERVERS = "servers: ['https://api.example.com']\n"
KEY = "k3y-of-the-api"


@pytest.fixture
def serve():
    """Start a sandbox for a profile; it ends with the test."""
    opened = []

    def start(profile, chosen=None, **options):
        sandbox = Sandbox([profile], **options)
        sandbox.start()
        stranger = Stranger(sandbox)
        opened.extend((sandbox, stranger))
        stranger.inputs = sandbox.inputs(profile, chosen or {})
        stranger.sandbox = sandbox
        return stranger

    yield start
    for one in reversed(opened):
        one.__exit__(None, None, None)


def api_key(place, key="k", servers=SERVERS):
    return profile(servers + f"auth: {{type: api_key, fields: [{{in: {place}, key: '{key}', value: '{{{{ inputs.api_key }}}}'}}]}}\n")


def sent(place):
    """The parts of a request that carry the key in this place."""
    return {
        "header": {"headers": {"k": KEY}},
        "query": {"params": {"k": KEY}},
        "cookie": {"headers": {"Cookie": f"a=b; k={KEY}"}},
        "payload": {"json": {"k": KEY}},
    }[place]


PLACES = ("header", "query", "cookie", "payload")


@pytest.mark.parametrize("came", PLACES)
@pytest.mark.parametrize("belongs", PLACES)
def test_the_key_is_taken_in_its_place_and_in_no_other(serve, belongs, came):
    """An API key in header, query, cookie or payload is accepted exactly where the profile puts it."""
    stranger = serve(api_key(belongs), {"api_key": KEY})

    answer = stranger.send("POST", f"{API_URL}/v1/x", **sent(came))

    assert (200 if came == belongs else 401) == answer.status_code
    if came != belongs:
        place = {"cookie": "header"}.get(came, "body" if came == "payload" else came)
        assert f"it came in {'the' if place != 'header' else 'a'} {place}" in answer.json()["error_description"]
        assert KEY not in answer.text


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"params": {"k": "other"}},
        {"params": {"k": KEY + "x"}},
        {"params": {"K": KEY}},
        {"params": {"k": [KEY, KEY]}},
        {"params": {"k": ["other", KEY]}},
    ],
)
def test_no_key_another_key_and_the_key_twice_are_refused(serve, parts):
    """What is not exactly the one key is 401 with a challenge."""
    answer = serve(api_key("query"), {"api_key": KEY}).get(**parts)

    assert 401 == answer.status_code
    assert challenges([answer.headers["www-authenticate"]])


@pytest.mark.parametrize(
    ("key", "media_type", "body", "status"),
    [
        ("/a/b", "application/json", {"a": {"b": KEY}}, 200),
        ("/a/0", "application/json", {"a": [KEY]}, 200),
        ("/a~1b", "application/json", {"a/b": KEY}, 200),
        ("/a/b", "application/json", {"a": {"b": "no"}}, 401),
        ("/a/b", "application/json", {"b": KEY}, 401),
        ("/a/b", "application/xml", f"<a><b>{KEY}</b></a>", 200),
        ("/a/b", "application/xml", f"<s:a xmlns:s='urn:x'><s:b>{KEY}</s:b></s:a>", 200),
        ("/a/b", "application/xml", f"<b><b>{KEY}</b></b>", 401),
        ("/a/b", "application/xml", f"<!DOCTYPE a [<!ENTITY k '{KEY}'>]><a><b>&k;</b></a>", 401),
        ("/a/b", "text/plain", KEY, 401),
        ("k", "application/x-www-form-urlencoded", f"k={KEY}", 200),
        ("k", "application/x-www-form-urlencoded", f"k={KEY}&k=2", 401),
        ("k", "application/json", "{not json", 401),
        ("k", "multipart/form-data; boundary=x", f'--x\r\nContent-Disposition: form-data; name="k"\r\n\r\n{KEY}\r\n--x--\r\n', 200),
        ("k", "multipart/form-data; boundary=x", f'--x\r\nContent-Disposition: form-data; name="z"\r\n\r\n{KEY}\r\n--x--\r\n', 401),
    ],
)
def test_payloads_are_read_by_their_own_type(serve, key, media_type, body, status):
    """JSON by pointer, XML by element path, forms and multipart by name; entities of a DTD are never resolved."""
    content = body if isinstance(body, str) else json.dumps(body)

    answer = serve(api_key("payload", key), {"api_key": KEY}).send("POST", API_URL, content=content, headers={"Content-Type": media_type})

    assert status == answer.status_code


@pytest.mark.parametrize(
    ("path", "status"),
    [(f"/bot{KEY}/getMe", 200), (f"/bot{KEY}", 200), ("/botother/getMe", 401), (f"/{KEY}/getMe", 401), (f"/bot{KEY}x/getMe", 401),
     (f"/x/bot{KEY}/getMe", 401), ("/bot", 401), (f"/bot%6B{KEY[1:]}/getMe", 200)],
)  # fmt: skip
def test_the_path_is_compared_by_its_segments(serve, path, status):
    """`https://api.example.com/bot{t}` takes the key in that segment and nowhere else; percent-encoding is decoded."""
    stranger = serve(api_key("path", "t", "servers: ['https://api.example.com/bot{t}']\n"), {"api_key": KEY})

    assert status == stranger.get(path).status_code


def test_tokens_are_taken_until_they_expire(serve):
    """A token is good for its lifetime; then 401 with `invalid_token` and the reason (RFC 6750 §3.1)."""
    now = [1_000_000.0]
    stranger = serve(oauth("client_auth: client_secret_post"), lifetime=60, clock=lambda: now[0])
    body = {"grant_type": "client_credentials", **{name: stranger.inputs[name] for name in ("client_id", "client_secret")}}
    bearer = {"Authorization": f"Bearer {stranger.token(body).json()['access_token']}"}

    good = stranger.get(headers=bearer)
    now[0] += 60
    late = stranger.get(headers=bearer)

    assert (200, 401) == (good.status_code, late.status_code)
    [challenge] = challenges([late.headers["www-authenticate"]])
    assert ("bearer", "invalid_token") == (challenge.scheme.lower(), challenge.parameters["error"])
    assert "expired" in challenge.parameters["error_description"]


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ({}, None),
        ({"Authorization": "Bearer made-up"}, "invalid_token"),
        ({"Authorization": "Bearer"}, "invalid_token"),
        ({"Authorization": basic("a", "b")}, "invalid_token"),
    ],
)
def test_a_challenge_names_an_error_only_if_something_came(serve, headers, error):
    """A request without any credential gets a challenge without an error code (RFC 6750 §3.1)."""
    answer = serve(oauth()).get(headers=headers)

    assert 401 == answer.status_code
    [challenge] = challenges([answer.headers["www-authenticate"]])
    assert ("bearer", error) == (challenge.scheme.lower(), challenge.parameters.get("error"))


def test_a_token_in_the_wrong_place_is_refused(serve):
    """The bearer token belongs in the header: in query or body it is not accepted (and the answer says so)."""
    stranger = serve(oauth("client_auth: client_secret_post"))
    body = {"grant_type": "client_credentials", **{name: stranger.inputs[name] for name in ("client_id", "client_secret")}}
    token = stranger.token(body).json()["access_token"]

    assert 401 == stranger.get(params={"access_token": token}).status_code
    assert 401 == stranger.send("POST", f"{API_URL}/x", data={"access_token": token}).status_code
    assert 401 == stranger.get(headers={"Authorization": f"Token {token}"}).status_code
    assert 401 == stranger.get(headers={"Authorization": f"Bearer  {token} x"}).status_code
    assert 200 == stranger.get(headers={"Authorization": f"bearer {token}"}).status_code


@pytest.mark.parametrize(
    ("user", "password", "status"),
    [("ann", "pässwort:+%", 200), ("ann", "passwort", 401), ("Ann", "pässwort:+%", 401), ("", "", 401)],
)
def test_basic_is_utf8_and_exact(serve, user, password, status):
    """HTTP Basic of the API: UTF-8, compared to the letter, challenged with `charset="UTF-8"` (RFC 7617 §2.1)."""
    stranger = serve(profile(SERVERS + "auth: {type: basic}\n"), {"username": "ann", "password": "pässwort:+%"})

    answer = stranger.get(headers={"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()})

    assert status == answer.status_code
    if status == 401:
        assert 'charset="UTF-8"' in answer.headers["www-authenticate"]


ADDITIONS = """fields:
  - {in: header, key: X-Org, value: '{{ inputs.org }}'}
  - {in: query, key: v, value: 2}
  - {in: cookie, key: c, value: chip}
  - {in: payload, key: /meta/org, value: '{{ inputs.org }}', when: '{{ request.method == "POST" }}'}
  - {in: payload, key: count, value: 3, when: '{{ request.method == "POST" }}'}
  - {in: header, key: X-Nonce, value: 'n-{{ uuid() }}'}
inputs: {org: {default: acme}}
"""
WHOLE = {
    "headers": {"Authorization": "Bearer " + KEY, "X-Org": "acme", "Cookie": "c=chip", "X-Nonce": "n-1"},
    "params": {"v": "2"},
    "json": {"meta": {"org": "acme"}, "count": 3},
}
LESS = {
    "header X-Org is missing": ("headers", {"X-Org": None}),
    "header X-Org is not": ("headers", {"X-Org": "other"}),
    "query v is missing": ("params", {"v": None}),
    "query v is not": ("params", {"v": "3"}),
    "cookie c is missing": ("headers", {"Cookie": "d=chip"}),
    "payload field /meta/org is missing": ("json", {"meta": {}}),
    "payload field count is not": ("json", {"count": "3"}),
    "header X-Nonce is missing": ("headers", {"X-Nonce": None}),
    "header X-Nonce is not": ("headers", {"X-Nonce": "1"}),
}


@pytest.mark.parametrize(("sentence", "change"), LESS.items(), ids=LESS)
def test_a_missing_addition_is_named(serve, sentence, change):
    """Without one of the profile's `fields` the answer is 400 with a sentence that names it and its key."""
    stranger = serve(profile(SERVERS + "auth: {type: bearer}\n" + ADDITIONS), {"token": KEY})
    part, less = change
    changed = {name: value for name, value in {**WHOLE[part], **less}.items() if value is not None}

    whole = stranger.send("POST", f"{API_URL}/notes", **WHOLE)
    answer = stranger.send("POST", f"{API_URL}/notes", **{**WHOLE, part: changed})

    assert 200 == whole.status_code
    assert (400, sentence) == (answer.status_code, answer.json()["error_description"][: len(sentence)])
    assert "(fields[" in answer.json()["error_description"]


def test_conditions_hold_for_the_request_that_came(serve):
    """A field with `when` is wanted only of the requests that it is for."""
    stranger = serve(profile(SERVERS + "auth: {type: bearer}\n" + ADDITIONS), {"token": KEY})

    assert 200 == stranger.get(headers=WHOLE["headers"], params=WHOLE["params"]).status_code


def test_variants_are_chosen_by_the_request(serve):
    """By host: one way for one server, another for the other."""
    stranger = serve(profile("""inputs: {site: {}, tracking_key: {secret: true}, app_key: {secret: true}}
servers: ['https://track.example.com', 'https://api.example.com']
auth:
  - {name: track, when: '{{ request.host == "track.example.com" }}', type: basic, username: '{{ inputs.site }}', password: '{{ inputs.tracking_key }}'}
  - {name: app, type: bearer, token: '{{ inputs.app_key }}'}
"""), {"site": "s", "tracking_key": "t", "app_key": KEY})  # fmt: skip
    as_basic, as_bearer = {"Authorization": basic("s", "t")}, {"Authorization": f"Bearer {KEY}"}

    statuses = [
        stranger.send("GET", f"https://{host}.example.com/", headers=headers).status_code
        for host in ("track", "api") for headers in (as_basic, as_bearer)
    ]  # fmt: skip

    assert [200, 401, 401, 200] == statuses


def test_variants_are_chosen_by_the_inputs():
    """Another choice of inputs is another customer, judged by the variant that it has."""
    by_mode = profile("""inputs: {mode: {enum: [one, two], default: one}}
servers: ['https://api.example.com']
auth:
  - {name: one, when: '{{ inputs.mode == "one" }}', type: bearer}
  - {name: two, type: api_key}
""")
    with Sandbox([by_mode]) as sandbox, Stranger(sandbox) as stranger:
        first, second = sandbox.inputs(by_mode), sandbox.inputs(by_mode, {"mode": "two"})

        assert 200 == stranger.get(headers={"Authorization": f"Bearer {first['token']}"}).status_code
        assert 200 == stranger.get(headers={"X-API-Key": second["api_key"]}).status_code
        assert 401 == stranger.get(headers={"X-API-Key": first["api_key"]}).status_code
        assert first == sandbox.inputs(by_mode)


def test_a_host_that_the_star_stands_for_is_served(serve):
    """`https://*.example.com` is served under any one label, and not under two."""
    stranger = serve(profile("servers: ['https://*.example.com']\nauth: {type: bearer}\n"), {"token": KEY})
    bearer = {"Authorization": f"Bearer {KEY}"}

    assert ("sandbox.example.com", 443) in stranger.sandbox.routes
    assert 200 == stranger.send("GET", "https://asr.example.com/", headers=bearer).status_code
    with pytest.raises(Exception, match=r"(?i)unrecognized|alert"):
        stranger.send("GET", "https://a.b.example.com/", headers=bearer)


def test_plain_http_is_served_where_a_profile_names_this_machine(serve):
    """A profile for http://localhost:8123 runs by a route to the same port, without TLS."""
    local = profile("servers: ['http://localhost:8123']\nauth: {type: bearer}\n")
    stranger = serve(local, {"token": KEY})

    reply = stranger.sandbox.wire().send(Call("GET", "http://localhost:8123/x", (("Authorization", f"Bearer {KEY}"),)), deadline=5)

    assert 200 == reply.status


def test_what_arrived_is_told_by_name_only(serve):
    """The answer lists what was found where, and repeats no value."""
    stranger = serve(profile(SERVERS + "auth: {type: bearer}\n" + ADDITIONS), {"token": KEY})

    answer = stranger.send("POST", f"{API_URL}/notes", **WHOLE)

    assert {"header Authorization", "header X-Org", "query v", "cookie c", "payload field /meta/org"} <= set(answer.json()["arrived"])
    assert KEY not in answer.text
    assert "proves nothing" in answer.json()["sandbox"]


TRICKY = ["a b", "a/b", "a%2Fb", "ü€", "a+b", "a&b=c", "{x}", "#", "?", ";"]


@pytest.mark.parametrize("value", TRICKY)
@pytest.mark.parametrize("place", ["query", "path", "payload", "form"])
def test_what_the_engine_places_is_what_the_sandbox_reads(place, value):
    """Awkward characters survive: two encoders and decoders that know nothing of each other agree."""
    servers = "servers: ['https://api.example.com/in/{k}/x']\n" if place == "path" else SERVERS
    made = api_key("payload" if place == "form" else place, servers=servers)
    media_type, body = ("application/x-www-form-urlencoded", b"a=1") if place == "form" else ("application/json", b"{}")
    request = TaskRequest("POST", "/y", (("Content-Type", media_type),), body)
    with Sandbox([made]) as sandbox, sandbox.engine() as engine:
        sandbox.inputs(made, {"api_key": value})
        finished = engine.connect(made, inputs={"api_key": value}).authorize(request).result(5)

        reply = engine.wire.send(Call(finished.method, finished.url, finished.headers, finished.body), deadline=5)

    assert 200 == reply.status


@pytest.mark.parametrize(("sent", "status"), [("U=ann N=00ff", 200), ("U=bob N=00ff", 401), ("U=ann N=", 401), ("U=ann", 401)])
def test_what_changes_by_itself_is_checked_around_it(serve, sent, status):
    """A value with a nonce in it cannot be foreseen; what stands around the nonce can."""
    made = profile(
        SERVERS + "inputs: {user: {secret: true}}\nvars: {nonce: '{{ random(4) | hex }}'}\n"
        "auth: {type: custom, fields: [{in: header, key: X-A, value: 'U={{ inputs.user }} N={{ vars.nonce }}'}]}\n"
    )

    assert status == serve(made, {"user": "ann"}).get(headers={"X-A": sent}).status_code

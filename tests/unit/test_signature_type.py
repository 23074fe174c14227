"""The auth type `signature`: published schemes as data, what is signed is what is sent, and what cannot be signed is not sent."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json

import httpx
import httpx2
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from authweave.errors import MissingInput, PlacementError, SigningError, TemplateError, UrlRefused
from authweave.values import TaskRequest
from parts.vectors import load
from services import Api, Clock, engine, profile, serving
from thorough import every

VECTORS = {vector["id"]: vector for vector in load("hmac_schemes.json")["vectors"]}
SECRET = "s3cr3t-of-the-signature"
WHOLE = "\n".join((
    "{{ request.method }}", "{{ request.url }}", "{{ request.path }}", "{{ request.query_string }}", "{{ request.headers['host'] }}",
    "{{ request.headers['user-agent'] }}", "{{ request.headers['accept-encoding'] }}", "{{ request.headers['content-length'] or '-' }}",
    "{{ request.headers['content-type'] or '-' }}", "{{ request.headers['x-added'] }}", "{{ request.body }}",
))  # fmt: skip


def signing(string: str, *fields, **more):
    return {"type": "signature", "string_to_sign": string, "fields": [*fields] or [header("X-Signature", "{{ signature | hex }}")], **more}


def header(key, value, **more):
    return {"in": "header", "key": key, "value": value, **more}


def connection(auth, *servers, run=None, **more):
    inputs = more.pop("supplied", {"signing_key": SECRET})
    return (run or engine(inputs=inputs)).connect(profile(auth, *(servers or ("https://api.example.com",)), **more))


def authorized(auth, request, **more):
    return connection(auth, **more).authorize(request).result(20)


# ---- published schemes


def test_github():
    """`X-Hub-Signature-256` over the body, as GitHub's documentation has it."""
    vector = VECTORS["github-webhook"]

    made = authorized(
        signing("{{ request.body }}", header("X-Hub-Signature-256", "sha256={{ signature | hex }}")),
        TaskRequest("POST", "https://api.example.com/x", body=vector["body"].encode()), supplied={"signing_key": vector["secret"]},
    )  # fmt: skip

    assert vector["expected"] == made.header("X-Hub-Signature-256")


def test_slack():
    """Version, time and body; the time is the one that is sent."""
    vector = VECTORS["slack-v0"]
    run = engine(inputs={"signing_key": vector["secret"]}, clock=lambda: float(vector["timestamp"]))

    made = authorized(
        signing("v0:{{ vars.at }}:{{ request.body }}", header("X-Slack-Request-Timestamp", "{{ vars.at }}"), header("X-Slack-Signature", "v0={{ signature | hex }}")),
        TaskRequest("POST", "https://api.example.com/x", body=vector["body"].encode()), run=run, vars={"at": "{{ now() }}"},
    )  # fmt: skip

    assert (vector["expected"], vector["timestamp"]) == (made.header("X-Slack-Signature"), made.header("X-Slack-Request-Timestamp"))


def test_twilio():
    """The URL and the sorted fields of the form, names as they are written."""
    vector = VECTORS["twilio"]
    request = httpx.Request("POST", vector["url"], data=vector["params"])

    made = connection(
        signing("{{ request.url }}{{ request.body | parse_form | sorted_pairs('', '') }}", header("X-Twilio-Signature", "{{ signature | base64 }}"), algorithm="hmac-sha1"),
        "https://mycompany.com", supplied={"signing_key": vector["auth_token"]},
    ).authorize(TaskRequest("POST", vector["url"], body=request.content)).result(20)  # fmt: skip

    assert vector["expected"] == made.header("X-Twilio-Signature")


def test_standard_webhooks():
    """Id, time and body between dots, with a key that is base64 after a prefix."""
    vector = VECTORS["standard-webhooks"]
    run = engine(inputs={"signing_key": vector["secret"], "id": vector["msg_id"]}, clock=lambda: float(vector["timestamp"]))

    made = authorized(
        signing("{{ inputs.id }}.{{ now() }}.{{ request.body }}", header("webhook-signature", "v1,{{ signature | base64 }}"), signing_key="{{ inputs.signing_key | strip_prefix('whsec_') | unbase64 }}"),
        TaskRequest("POST", "https://api.example.com/x", body=vector["body"].encode()), run=run, inputs={"id": {}},
    )  # fmt: skip

    assert vector["expected"] == made.header("webhook-signature")


def test_rfc9421():
    """RFC 9421 B.2.5: the signature base is data, its parameters stand in both headers."""
    vector = VECTORS["rfc9421-B.2.5"]
    parameters = vector["signature_input"].removeprefix("sig-b25=")
    string = '"date": {{ request.headers.date }}\n"@authority": {{ request.headers.host }}\n"content-type": {{ request.headers["content-type"] }}\n"@signature-params": {{ vars.parameters }}'

    made = connection(
        signing(string, header("Signature-Input", "sig-b25={{ vars.parameters }}"), header("Signature", "sig-b25=:{{ signature | base64 }}:"), signing_key="{{ inputs.signing_key | unbase64 }}"),
        "https://example.com", supplied={"signing_key": vector["key_b64"]}, vars={"parameters": parameters},
    ).authorize(TaskRequest("POST", "https://example.com/foo", (("Date", "Tue, 20 Apr 2021 02:07:55 GMT"), ("Content-Type", "application/json")), b"{}")).result(20)  # fmt: skip

    assert (vector["signature_input"], f"sig-b25=:{vector['expected']}:") == (made.header("Signature-Input"), made.header("Signature"))


@pytest.mark.parametrize(("name", "function"), [("rfc9421-content-digest-sha512", "sha512"), ("rfc9530-content-digest-sha256", "sha256")])
def test_content_digests(name, function):
    """RFC 9530: of the body as it is sent, and signed like any other header."""
    vector = VECTORS[name]
    label = vector["expected"].partition("=")[0]

    made = authorized(
        signing("{{ request.headers['content-digest'] }}"), TaskRequest("POST", "https://api.example.com/x", body=vector["body"].encode()),
        fields=[header("Content-Digest", f"{label}=:{{{{ request.body | {function} | base64 }}}}:")],
    )  # fmt: skip

    assert vector["expected"] == made.header("Content-Digest")
    assert hmac.new(SECRET.encode(), vector["expected"].encode(), "sha256").hexdigest() == made.header("X-Signature")


# ---- what is signed is what is sent


ADDED = {
    "fields": [
        header("X-Added", "by the profile"), {"in": "query", "key": "a b", "value": "ü&="}, {"in": "payload", "key": "added", "value": "x", "when": "{{ request.method == 'POST' }}"},
        {"in": "cookie", "key": "c", "value": "1"},
    ],
}  # fmt: skip


def as_arrived(request, origin):
    """The string as a server makes it from the raw request."""
    path, _, query = request.target.partition("?")

    def one(name):
        return next(iter(request.values(name)), "-")

    lines = (request.method, origin + request.target, path, query, *map(one, ("host", "user-agent", "accept-encoding", "content-length", "content-type", "x-added")))
    return "\n".join(lines).encode() + b"\n" + request.body


async def _by_async(connection, method, url, parts):
    async with httpx.AsyncClient(auth=connection.auth, trust_env=False) as http:
        await http.request(method, url, **parts)


def _by_client(connection, method, url, parts):
    with connection.client(trust_env=False) as http:
        http.request(method, url, **parts)


def _by_httpx(package):
    def send(connection, method, url, parts):
        with package.Client(auth=connection.auth, trust_env=False) as http:
            http.request(method, url, **parts)

    return send


DOORS = {"httpx": _by_httpx(httpx), "httpx2": _by_httpx(httpx2), "async": lambda *given: asyncio.run(_by_async(*given)), "client": _by_client}
REQUESTS = {
    "plain": ("GET", "/v1/me", {}),
    "odd path": ("GET", "/a%2fb/%7Eü/~x;y=1//z:@!$&'()*+,=[]", {}),
    "odd query": ("GET", "/?b=2&a=1&&c&d=%zz?e='(x)\"<>", {}),
    "json": ("POST", "/v1/x?y=1", {"json": {"a": "ü"}}),
    "form": ("POST", "/v1/x", {"data": {"a": "ü &="}}),
    "files": ("POST", "/v1/x", {"files": {"f": b"\xff\x00"}, "data": {"a": "b"}}),
    "no body": ("DELETE", "/v1/x", {}),
    "headers": ("GET", "/", {"headers": {"User-Agent": "mine", "Accept-Encoding": "identity", "Content-Type": "x/y"}}),
}  # fmt: skip


@every("door", DOORS)
@every("name", REQUESTS)
def test_the_server_makes_the_same_string_from_what_arrives(door, name):
    """Method, URL, path, query, Host, User-Agent, Accept-Encoding, length, type, cookies and body: nothing is changed after signing."""
    method, target, parts = REQUESTS[name]
    with serving(Api()) as api:
        DOORS[door](connection(signing(WHOLE), api.url, **ADDED), method, api.url + target, parts)
        [arrived] = api.asked
        origin = api.url

    assert "a%20b=%C3%BC%26%3D" in arrived.target
    assert [hmac.new(SECRET.encode(), as_arrived(arrived, origin), hashlib.sha256).hexdigest()] == arrived.values("x-signature")


def test_our_own_wire_signs_what_it_adds(tmp_path):
    """`authweave request` and `authweave test` send by themselves: User-Agent and Accept-Encoding are signed as they go."""
    from authweave.cli.request import sent

    with serving(Api()) as api:
        made = connection(signing(WHOLE), api.url, fields=[header("X-Added", "x")])
        sent(made, TaskRequest("POST", "/v1/x?y=1", (("Content-Type", "text/plain"),), b"abc"), 10.0)
        [arrived] = api.asked
        origin = api.url

    assert [hmac.new(SECRET.encode(), as_arrived(arrived, origin), hashlib.sha256).hexdigest()] == arrived.values("x-signature")


def test_a_path_template_is_signed_filled():
    """What the path fields fill in is part of the string."""
    with serving(Api()) as api:
        made = connection(signing("{{ request.path }}"), api.url, fields=[{"in": "path", "key": "id", "value": "a/b ü"}])
        with httpx.Client(auth=made.auth, trust_env=False) as http:
            http.get(api.url + "/x", extensions={"authweave": {"path": "/v1/{id}/x"}})
        [arrived] = api.asked

    assert "/v1/a%2Fb%20%C3%BC/x" == arrived.target
    assert [hmac.new(SECRET.encode(), arrived.target.encode(), hashlib.sha256).hexdigest()] == arrived.values("x-signature")


def test_fields_that_hold_the_signature_come_last():
    """Wherever they are written: the string has every other field, those that read the body among them."""
    made = authorized(
        signing("{{ request.headers['x-digest'] }}|{{ request.headers['x-late'] }}", header("X-Signature", "{{ signature | hex }}"), header("X-Late", "{{ request.headers['x-digest'] }}-{{ inputs.signing_key | length }}")),
        TaskRequest("POST", "https://api.example.com/x", body=b"abc"), fields=[header("X-Digest", "{{ request.body | sha256 | hex }}")],
    )  # fmt: skip

    digest = hashlib.sha256(b"abc").hexdigest()
    assert hmac.new(SECRET.encode(), f"{digest}|{digest}-{len(SECRET)}".encode(), "sha256").hexdigest() == made.header("X-Signature")


def pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()


def test_the_signature_is_made_once_per_attempt():
    """ECDSA gives another one each time: two fields of a request have the same, two requests have not."""
    auth = signing("{{ request.path }}", header("X-One", "{{ signature | hex }}"), {"in": "query", "key": "two", "value": "{{ signature | hex }}"}, algorithm="ecdsa-p256-sha256")
    made = connection(auth, supplied={"signing_key": pem(ec.generate_private_key(ec.SECP256R1()))}, inputs={"signing_key": {"type": "pem"}})

    first, second = (made.authorize(TaskRequest("GET", "/x")).result(20) for _ in range(2))

    assert first.url.endswith(f"two={first.header('X-One')}")
    assert first.header("X-One") != second.header("X-One")


def test_every_request_has_its_own_time_and_nonce():
    """A warm connection signs anew; string and field have the same nonce."""
    clock = Clock()
    made = connection(
        signing("{{ now() }}{{ vars.nonce }}", header("X-Signature", "{{ vars.nonce }}:{{ signature | hex }}")),
        run=engine(inputs={"signing_key": SECRET}, clock=clock), vars={"nonce": "{{ random(8) | hex }}"},
    )  # fmt: skip
    got = []
    with httpx.Client(auth=made.auth, transport=httpx.MockTransport(lambda request: (got.append(request), httpx.Response(200))[1])) as http:
        for _ in range(2):
            http.get("https://api.example.com/x")
            clock.ahead += 100

    assert 2 == len({request.headers["x-signature"] for request in got})
    nonce, _, signed = got[0].headers["x-signature"].partition(":")
    assert signed in {hmac.new(SECRET.encode(), f"{int(clock()) - 200 - ago}{nonce}".encode(), "sha256").hexdigest() for ago in range(-1, 60)}


# ---- what cannot be signed


def stream():
    yield b"abc"


@pytest.mark.parametrize("string", ["{{ request.body }}", "{{ request.body | length or '' }}", "{{ request.body | default('') | sha256 | hex }}"])
def test_a_streamed_body_that_is_read_is_an_error_before_the_network(string):
    """However the string reads it: nothing is sent unsigned."""
    with serving(Api()) as api, httpx.Client(auth=connection(signing(string), api.url).auth, trust_env=False) as http:
        with pytest.raises(SigningError, match="the body is streamed, and string_to_sign reads it"):
            http.post(api.url + "/x", content=stream())

        assert [] == api.asked


def test_a_streamed_body_that_is_not_read_goes_on_streaming():
    """Method, path and headers are signed; the body goes in chunks as the caller gives it."""
    with serving(Api()) as api, httpx.Client(auth=connection(signing("{{ request.method }}{{ request.path }}{{ request.headers['transfer-encoding'] }}"), api.url).auth, trust_env=False) as http:
        http.post(api.url + "/x", content=stream())
        [arrived] = api.asked

    assert (b"abc", ["chunked"]) == (arrived.body, arrived.values("transfer-encoding"))
    assert [hmac.new(SECRET.encode(), b"POST/xchunked", "sha256").hexdigest()] == arrived.values("x-signature")


@pytest.mark.parametrize("name", ["User-Agent", "accept", "accept-encoding"])
def test_a_header_that_a_client_adds_later_is_not_signed_as_missing(name):
    """`authorize` does not know who will send: the error says what to set. With the header it is signed."""
    auth = signing(f"{{{{ request.headers['{name}'] or '' }}}}")

    with pytest.raises(SigningError, match=f"reads header {name.lower()}, which a client adds"):
        authorized(auth, TaskRequest("GET", "https://api.example.com/x"))

    made = authorized(auth, TaskRequest("GET", "https://api.example.com/x", ((name, "mine"),)))
    assert hmac.new(SECRET.encode(), b"mine", "sha256").hexdigest() == made.header("X-Signature")


@every("url", ["/a b", "/ü", "/a|b", '/"', "/a/../b", "/./x", "/?q=a b", "/?q={x}"])
def test_a_url_that_clients_rewrite_is_refused(url):
    """What is signed would not be what a server sees."""
    with pytest.raises((PlacementError, UrlRefused), match=r"percent-encode it|without"):
        authorized(signing("{{ request.url }}"), TaskRequest("GET", f"https://api.example.com{url}"))


@pytest.mark.parametrize(
    ("algorithm", "key", "why"),
    [
        ("rsa-sha256", "hunter2-hunter2", "rsa-sha256 takes a private key in PEM"),
        ("ed25519", pem(rsa.generate_private_key(65537, 2048)), "ed25519 takes an Ed25519 key, this one is RSA"),
        ("{{ inputs.how }}", "hunter2-hunter2", "algorithm md5-of-it is not known"),
    ],
)
def test_a_wrong_key_is_an_error_before_the_network(algorithm, key, why):
    """Typed, without the key in it."""
    made = connection(signing("x", algorithm=algorithm), supplied={"signing_key": key, "how": "md5-of-it"}, inputs={"signing_key": {"type": "string", "secret": True}, "how": {}}, vars={}) if "{{" in algorithm else connection(
        signing("x", algorithm=algorithm, signing_key="{{ inputs.signing_key | trim }}"), supplied={"signing_key": key}
    )

    with pytest.raises(SigningError, match=why) as caught:
        made.authorize(TaskRequest("GET", "/x")).result(20)

    assert "hunter2" not in str(caught.value)
    assert (None, None) == (caught.value.__cause__, caught.value.__context__)


def test_a_missing_key_is_an_error_before_the_network():
    """Never silently unsigned."""
    with pytest.raises(MissingInput, match="signing_key"):
        authorized(signing("{{ request.path }}"), TaskRequest("GET", "https://api.example.com/x"), supplied={})


def test_a_string_without_its_value_is_an_error_that_names_the_path():
    """A header that is not there is null, and null is signed by nobody."""
    with pytest.raises(TemplateError, match=r"request\.headers\.x-tenant is null or not there"):
        authorized(signing("{{ request.headers['x-tenant'] }}"), TaskRequest("GET", "https://api.example.com/x"))


def test_the_signature_stays_at_home():
    """A redirect to another origin gets neither header nor query of the signature."""
    with serving(Api()) as other, serving(Api()) as api:
        api.good.status, api.good.headers = 302, (("Location", f"{other.url}/y"),)
        with httpx.Client(auth=connection(signing("{{ request.path }}"), api.url).auth, trust_env=False, follow_redirects=True) as http:
            http.get(api.url + "/x")

    assert 1 == len(api.asked[0].values("x-signature"))
    assert [] == other.asked[0].values("x-signature")


def test_a_refusal_is_reported_and_nothing_is_renewed():
    """There is no token: 401 comes back as it is, after one request."""
    with serving(Api(accepts=lambda token: False)) as api, httpx.Client(auth=connection(signing("{{ request.path }}"), api.url).auth, trust_env=False) as http:
        answer = http.get(api.url + "/x")

    assert (401, "refused", 1) == (answer.status_code, answer.extensions["authweave"].verdict, api.count)


def test_the_key_is_in_nothing_that_people_see():
    """Repr of connection and request, judgement and preview."""
    from authweave.preview import preview

    made = connection(signing("{{ request.path }}{{ inputs.signing_key }}"), test={"request": {"url": "/x"}})
    sent = made.prepare(TaskRequest("GET", "/x")).result(20)

    assert "/x" in preview(made).requests[0].signs
    shown = repr(made) + repr(sent.request) + json.dumps(preview(made).as_dict())
    assert SECRET not in shown
    assert sent.request.header("X-Signature") not in shown

"""How the client proves who it is at the token endpoint: RFC 6749 §2.3.1, RFC 7617, and what real servers want."""

from __future__ import annotations

import base64
from urllib.parse import parse_qsl, unquote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authweave.client_auth.client_secret_basic import encoded_id
from authweave.errors import InputError, InvalidInput, MissingInput
from authweave.values import Secret, TaskResponse
from effort import examples
from parts.vectors import load
from services import connect, engine, oauth
from thorough import every

API = "https://api.example.com"
VECTORS = load("rfc6749_client_secret_basic.json")["vectors"]
GOOD = TaskResponse(200, (), b'{"access_token":"AT","token_type":"Bearer"}')


def sent(auth, **inputs):
    """The token request that goes out."""
    run = engine(inputs=inputs)
    requests = []

    def exchange(request, seconds, placed):
        requests.append(request)
        return GOOD

    run.exchange = exchange
    connect(oauth("https://idp.example/token", **auth), API, run=run).token().result(10)
    [request] = requests
    return request


def basic(request):
    """What stands in the Basic header."""
    scheme, _, value = request.header("authorization").partition(" ")
    assert scheme == "Basic"
    return base64.b64decode(value, validate=True).decode()


def form(request):
    return dict(parse_qsl(request.body.decode(), keep_blank_values=True, strict_parsing=True))


@every("vector", VECTORS, ids=lambda vector: vector["id"])
def test_vectors_of_rfc6749(vector):
    """Id and secret are form-encoded, each by itself, then Basic: the header is one that the vector accepts."""
    inputs = {"client_id": vector["client_id"], "client_secret": vector["client_secret"]}
    auth = {} if vector["client_secret"] else {"client_secret": ""}
    request = sent(auth, **{name: value for name, value in inputs.items() if value})

    assert request.header("authorization") in vector["acceptable"]
    assert request.header("authorization") != vector["raw_unencoded"] or not vector["raw_differs"]
    assert (vector["client_id"], vector["client_secret"]) == tuple(unquote_plus(part) for part in basic(request).split(":"))
    assert {"grant_type": "client_credentials"} == form(request)


@every("vector", [v for v in VECTORS if ":" not in v["client_id"] and v["client_secret"]], ids=lambda vector: vector["id"])
def test_raw(vector):
    """`basic_encoding: raw` sends id and secret as they are."""
    request = sent({"basic_encoding": "raw"}, client_id=vector["client_id"], client_secret=vector["client_secret"])

    assert vector["raw_unencoded"] == request.header("authorization")


def test_raw_cannot_carry_a_colon_in_the_id():
    """RFC 7617 §2: the first colon ends the id. The error names the key to change, not the secret."""
    with pytest.raises(InvalidInput, match="rfc6749") as caught:
        sent({"basic_encoding": "raw"}, client_id="appID:X", client_secret="planted-secret")

    assert "planted-secret" not in str(caught.value)


@every("client_id, encoded", [
    ("appID:X:geo:us:clientName:default", "appID%3AX%3Ageo%3Aus%3AclientName%3Adefault"),
    ("appID%3AX%3Ageo%3Aus%3AclientName%3Adefault", "appID%3AX%3Ageo%3Aus%3AclientName%3Adefault"),
    ("appID%3aX%3ageo", "appID%3aX%3ageo"),
    ("a%2Bb", "a%2Bb"),
    ("a+b%3A", "a+b%3A"),
    ("100%", "100%25"),
    ("a%20b", "a%2520b"),
    ("a%zz", "a%25zz"),
    ("a%3A:b", "a%253A%3Ab"),
    ("a%41b", "a%2541b"),
    ("%FF", "%25FF"),
    ("plain", "plain"),
    ("", ""),
])  # fmt: skip
def test_an_encoded_id_is_not_encoded_twice(client_id, encoded):
    """Nuance hands out ids already encoded; an id that only looks a little so is encoded like any other."""
    assert encoded == encoded_id(client_id)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40))
@settings(max_examples=examples(300), deadline=None)
def test_encoding_can_be_undone(text):
    """Whatever the id, a server that form-decodes reads the id, or what the id was encoded from; once is enough."""
    once = encoded_id(text)

    assert unquote_plus(once) in (text, unquote_plus(text))
    assert once == encoded_id(once) or "%" not in once


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30))
@settings(max_examples=examples(100), deadline=None)
def test_any_secret_arrives(secret):
    """A secret of any characters is read back by base64, the first colon, and form-decoding."""
    request = sent({}, client_id="tenant:app", client_secret=Secret(secret, "test"))

    assert ["tenant:app", secret] == [unquote_plus(part) for part in basic(request).split(":", 1)]


def test_post():
    """Id and secret in the body, and in no header."""
    request = sent({"client_auth": "client_secret_post"}, client_id="i d", client_secret="s&=+%/:ü")

    assert {"grant_type": "client_credentials", "client_id": "i d", "client_secret": "s&=+%/:ü"} == form(request)
    assert request.header("authorization") is None


def test_post_in_json():
    """With `encoding: json` the same two are members."""
    request = sent({"client_auth": "client_secret_post", "token_request": {"encoding": "json"}}, client_id="i", client_secret="s\"\\")

    assert b'{"grant_type":"client_credentials","client_id":"i","client_secret":"s\\"\\\\"}' == request.body
    assert "application/json" == request.header("content-type")


def test_none():
    """A public client sends its id alone; a secret is not even asked for."""
    request = sent({"client_auth": "none"}, client_id="i")

    assert {"grant_type": "client_credentials", "client_id": "i"} == form(request)
    assert request.header("authorization") is None


def test_names_are_changed_and_left_out():
    """`rename` and `omit` take the RFC's names, of the header, too."""
    request = sent({"client_auth": "client_secret_post", "token_request": {"rename": {"client_id": "app"}, "omit": ["grant_type"]}}, client_id="i", client_secret="s")

    assert {"app": "i", "client_secret": "s"} == form(request)


@every("auth", [{}, {"client_auth": "client_secret_post"}, {"basic_encoding": "raw"}])
@every("inputs", [{"client_id": "i"}, {"client_secret": "s"}, {"client_id": "", "client_secret": "s"}, {"client_id": "i", "client_secret": ""}, {}])
def test_missing_values_are_an_error_before_the_network(auth, inputs):
    """An empty or missing id or secret sends nothing."""
    with pytest.raises(MissingInput):
        sent(auth, **inputs)


def test_an_id_made_of_nothing():
    """A template that ends empty is no client id: an error before the network."""
    with pytest.raises(InputError, match="client_id"):
        sent({"client_id": "{{ inputs.client_secret | strip_prefix(inputs.client_secret) }}"}, client_secret="s")


def test_the_secret_is_in_one_place():
    """Never in two places (RFC 6749 §2.3): whichever way it goes, the bytes hold it once."""
    for auth in ({}, {"client_auth": "client_secret_post"}, {"basic_encoding": "raw"}):
        request = sent(auth, client_id="robot", client_secret="planted4711")
        in_header = "planted4711" in basic(request) if request.header("authorization") else False
        assert 1 == in_header + (b"planted4711" in request.body) + ("planted4711" in request.url)

"""Token requests as they go out: standard parameters, fields in every place, encodings, scopes, refresh."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl

import pytest

from authweave.errors import AuthweaveError, ProfileError
from parts.vectors import load
from services import Clock, Identity, connect, engine, oauth, profile, serving
from thorough import every

API = "https://api.example.com"
INPUTS = {"client_id": "s6BhdRkqt3", "client_secret": "gX1fBat3bV"}


def asked(auth, *, refreshes=0, values=None, **more):
    """The token requests that arrive at a server."""
    with serving(Identity(refresh=True)) as identity:
        inputs = {**INPUTS, **(values or {})}
        made = profile(oauth(identity, **auth), API, **more)
        connection = engine(inputs=inputs, clock=Clock()).connect(made)
        for _ in range(refreshes + 1):
            connection.token().result(10)
            connection.engine.clock.ahead += 601
    return identity.asked


def pairs(request):
    return parse_qsl(request.body.decode(), keep_blank_values=True, strict_parsing=True)


@pytest.mark.parametrize("vector", [v for v in load("rfc6749_oauth2.json")["vectors"] if v["id"] in ("token-client_credentials",)], ids=lambda v: v["id"])
def test_rfc6749_request(vector):
    """The printed request, byte for byte where bytes are printed."""
    [request] = asked({})

    assert ("POST", vector["form"]) == (request.method, request.form)
    assert [vector["authorization"]] == request.values("authorization")
    assert [vector["content_type"]] == request.values("content-type")
    assert [str(len(request.body))] == request.values("content-length")
    assert ["application/json"] == request.values("accept")


@pytest.mark.parametrize("vector", [v for v in load("rfc6749_oauth2.json")["vectors"] if v["id"].startswith("token-refresh")], ids=lambda v: v["id"])
def test_rfc6749_refresh(vector):
    """The printed refreshes, with client authentication in the header and in the body."""
    method = "client_secret_basic" if vector["authorization"] else "client_secret_post"
    secret = vector["form"].get("client_secret", "gX1fBat3bV")
    _, refresh = asked({"client_auth": method}, refreshes=1, values={"client_secret": secret})

    assert {**vector["form"], "refresh_token": "R1"} == refresh.form
    assert ([vector["authorization"]] if vector["authorization"] else []) == refresh.values("authorization")


@every("auth, expected", [
    ({"scopes": "read write"}, [("scope", "read write")]),
    ({"scopes": "read,write"}, [("scope", "read,write")]),
    ({"scopes": ["read", "write"]}, [("scope", "read write")]),
    ({"scopes": ["read", "write"], "scope_separator": ","}, [("scope", "read,write")]),
    ({"scopes": [{"key": "scope", "value": "read"}, {"key": "audience", "value": "crm"}, {"key": "scope", "value": "write"}]},
     [("scope", "read write"), ("audience", "crm")]),
    ({"scopes": [{"key": "scope", "value": "{{ inputs.client_id }}/.default"}]}, [("scope", "s6BhdRkqt3/.default")]),
    ({"scopes": ["read", {"key": "realm", "value": "x"}]}, [("scope", "read"), ("realm", "x")]),
    ({"scopes": []}, []),
    ({}, []),
    ({"audience": "https://api.example.com/"}, [("audience", "https://api.example.com/")]),
    ({"resource": "https://api.example.com/r"}, [("resource", "https://api.example.com/r")]),
])  # fmt: skip
def test_scopes(auth, expected):
    """Text as it is, lists joined, pairs joined per key; each key is a parameter."""
    [request] = asked(auth)

    assert [("grant_type", "client_credentials"), *expected] == pairs(request)


def test_fields_in_every_place():
    """Header, query, payload and cookie of a token request; a field replaces the standard parameter of its key."""
    fields = [
        {"in": "header", "key": "X-Tenant", "value": "t"}, {"in": "query", "key": "v", "value": "1 2"},
        {"key": "account", "value": "{{ inputs.client_id }}"}, {"in": "payload", "key": "grant_type", "value": "account_credentials"},
        {"in": "cookie", "key": "c", "value": "d"},
    ]  # fmt: skip
    [request] = asked({"token_request": {"fields": fields}})

    assert "/token?v=1%202" == request.target
    assert (["t"], ["c=d"]) == (request.values("x-tenant"), request.values("cookie"))
    assert {"grant_type": "account_credentials", "account": "s6BhdRkqt3"} == request.form


@pytest.mark.parametrize(("token_request", "content_type", "body"), [
    ({"encoding": "form"}, "application/x-www-form-urlencoded", b"grant_type=client_credentials&n=a+b"),
    ({"encoding": "json"}, "application/json", b'{"grant_type":"client_credentials","n":"a b"}'),
    ({"encoding": "form", "content_type": "application/x-www-form-urlencoded;charset=UTF-8"}, "application/x-www-form-urlencoded;charset=UTF-8",
     b"grant_type=client_credentials&n=a+b"),
])  # fmt: skip
def test_encodings(token_request, content_type, body):
    """Each encoding with its content type and length."""
    [request] = asked({"token_request": {**token_request, "fields": [{"key": "n", "value": "a b"}]}})

    assert ([content_type], body, [str(len(body))]) == (request.values("content-type"), request.body, request.values("content-length"))


def test_json_keeps_types():
    """A number from the profile is a number in JSON; a pointer makes its parents."""
    fields = [{"key": "n", "value": 5}, {"key": "/deep/flag", "value": True}]
    [request] = asked({"token_request": {"encoding": "json", "fields": fields}})

    assert {"grant_type": "client_credentials", "n": 5, "deep": {"flag": True}} == json.loads(request.body)


def test_get_puts_payload_into_the_url():
    """A GET has no body: payload fields go into the query."""
    [request] = asked({"token_request": {"method": "GET", "fields": [{"key": "n", "value": "a b"}]}})

    assert ("GET", b"") == (request.method, request.body)
    assert {"grant_type": "client_credentials", "n": "a b"} == dict(parse_qsl(request.target.partition("?")[2]))


def test_content_of_the_profiles_own():
    """`content` stands for the body; standard parameters then stay out of it."""
    [request] = asked({"token_request": {"encoding": "text", "content": "id={{ inputs.client_id }}"}})

    assert b"id=s6BhdRkqt3" == request.body


def test_multipart():
    """Every parameter is a part."""
    [request] = asked({"token_request": {"encoding": "multipart"}})

    [content_type] = request.values("content-type")
    assert content_type.startswith("multipart/form-data; boundary=")
    assert b'name="grant_type"\r\n\r\nclient_credentials\r\n' in request.body


def test_standard_headers_can_be_left_out():
    """`omit` takes `Accept` and `Authorization`, too."""
    [request] = asked({"token_request": {"omit": ["Accept", "Authorization", "grant_type"], "fields": [{"key": "k", "value": "v"}]}})

    assert ([], []) == (request.values("accept"), request.values("authorization"))
    assert {"k": "v"} == request.form


def test_a_vendors_grant():
    """A vendor's own word is sent as it is, with what it wants as fields."""
    [request] = asked({"grant_type": "account_credentials", "token_request": {"fields": [{"key": "account_id", "value": "a1"}]}})

    assert {"grant_type": "account_credentials", "account_id": "a1"} == request.form


def test_refresh_request_takes_from_the_token_request():
    """Fields by place and key, `omit` adds up, what is written replaces; scope is not sent again."""
    token_request = {"fields": [{"in": "header", "key": "X-A", "value": "a"}, {"key": "b", "value": "b"}], "omit": ["Accept"]}
    refresh_request = {"fields": [{"key": "b", "value": "refresh"}, {"key": "scope", "value": "narrow"}], "omit": ["X-A"]}
    _, refresh = asked({"scopes": "wide", "token_request": token_request, "refresh_request": refresh_request}, refreshes=1)

    assert {"grant_type": "refresh_token", "refresh_token": "R1", "b": "refresh", "scope": "narrow"} == refresh.form
    assert ([], []) == (refresh.values("accept"), refresh.values("x-a"))


def test_functions_are_read_anew_for_each_call():
    """`now()` and `uuid()` belong to one call."""
    fields = [{"key": "at", "value": "{{ now() | int }}"}, {"key": "nonce", "value": "{{ uuid() }}"}]
    first, second = asked({"token_request": {"fields": fields}, "refresh_with": "grant"}, refreshes=1)

    assert 600 <= int(second.form["at"]) - int(first.form["at"]) <= 602
    assert first.form["nonce"] != second.form["nonce"]


def test_optional_and_conditional_fields():
    """A field whose `when` is false, or that is optional and empty, is not sent; of two the first true one is."""
    inputs = {"client_id": {}, "client_secret": {"secret": True}, "a": {"required": False}, "b": {"default": "x"}}
    fields = [
        {"key": "a", "value": "{{ inputs.a }}", "optional": True}, {"key": "b", "value": "1", "when": "{{ inputs.b == 'x' }}"},
        {"key": "b", "value": "2", "when": "{{ inputs.b != '' }}"}, {"key": "c", "value": "3", "when": "{{ inputs.b == 'y' }}"},
    ]  # fmt: skip
    [request] = asked({"token_request": {"fields": fields}}, inputs=inputs)

    assert {"grant_type": "client_credentials", "b": "1"} == request.form


@pytest.mark.parametrize("bad", ["a\r\nX: y", "a\x00b", "ü"])
def test_what_no_header_carries_sends_nothing(bad):
    """A value that cannot stand in a header is a typed error before the network."""
    with serving(Identity()) as identity:
        auth = oauth(identity, token_request={"fields": [{"in": "header", "key": "X-A", "value": "{{ inputs.client_id }}"}]})
        with pytest.raises(AuthweaveError) as caught:
            connect(auth, API, run=engine(inputs={**INPUTS, "client_id": bad})).token().result(10)

    assert (0, False) == (identity.count, bad in str(caught.value))


def test_path_fields_have_no_place_in_a_token_call():
    """A token URL is a template of its own: a path field is refused when the profile is loaded, or fills nothing."""
    with serving(Identity()) as identity, pytest.raises((ProfileError, AuthweaveError)):
        connect(oauth(identity, token_request={"fields": [{"in": "path", "key": "x", "value": "1"}]}), API).token().result(10)

"""The sandbox's identity provider against a client that does everything wrong that can be done wrong."""

import ssl
from urllib.parse import quote_plus

import httpx
import pytest

from authweave.sandbox import Sandbox
from sandbox_client import TOKEN_URL, Stranger, basic, oauth

pytestmark = pytest.mark.thorough

SECRET = "s3cr3t basic/+:%25"
GRANT = {"grant_type": "client_credentials"}


@pytest.fixture
def serve():
    """Start sandboxes for profiles; they end with the test."""
    opened = []

    def start(profile, chosen=None, **options):
        sandbox = Sandbox([profile], **options)
        opened.append(sandbox)
        sandbox.start()
        chosen = {"client_id": "my client", "client_secret": SECRET} if chosen is None else chosen
        sandbox.inputs(profile, chosen)
        stranger = Stranger(sandbox)
        opened.append(stranger)
        return stranger

    yield start
    for one in reversed(opened):
        one.__exit__(None, None, None)


def encoded(client_id="my client", secret=SECRET):
    return {"Authorization": basic(quote_plus(client_id), quote_plus(secret))}


def test_the_declared_way_gets_a_token(serve):
    """Basic with form-encoded id and secret: 200, a bearer token with its lifetime, not to be cached (RFC 6749 §5.1)."""
    answer = serve(oauth(), lifetime=300).token(GRANT, headers=encoded())

    assert 200 == answer.status_code
    assert {"access_token", "token_type", "expires_in"} <= set(answer.json())
    assert ("Bearer", 300) == (answer.json()["token_type"], answer.json()["expires_in"])
    assert "no-store" == answer.headers["cache-control"]


WRONG_WAYS = {
    "wrong secret": ("client_secret_basic", encoded(secret="other"), {}),
    "wrong id": ("client_secret_basic", encoded(client_id="other"), {}),
    "nothing at all": ("client_secret_basic", {}, {}),
    "id only": ("client_secret_basic", {}, {"client_id": "my client"}),
    "not form-encoded": ("client_secret_basic", {"Authorization": basic("my client", SECRET)}, {}),
    "encoded twice": ("client_secret_basic", encoded(quote_plus("my client"), quote_plus(SECRET)), {}),
    "body instead of header": ("client_secret_basic", {}, {"client_id": "my client", "client_secret": SECRET}),
    "header instead of body": ("client_secret_post", encoded(), {}),
    "post with a wrong secret": ("client_secret_post", {}, {"client_id": "my client", "client_secret": "other"}),
    "post without secret": ("client_secret_post", {}, {"client_id": "my client"}),
    "post with an empty secret": ("client_secret_post", {}, {"client_id": "my client", "client_secret": ""}),
    "public with a secret": ("none", {}, {"client_id": "my client", "client_secret": SECRET}),
    "public with a header": ("none", encoded(), {"client_id": "my client"}),
    "public with another id": ("none", {}, {"client_id": "other"}),
    "public without id": ("none", {}, {}),
    "another id beside the header": ("client_secret_basic", encoded(), {"client_id": "other"}),
    "not base64": ("client_secret_basic", {"Authorization": "Basic ~~~"}, {}),
    "bearer for basic": ("client_secret_basic", {"Authorization": "Bearer abc"}, {}),
}


@pytest.mark.parametrize(("method", "headers", "body"), WRONG_WAYS.values(), ids=WRONG_WAYS)
def test_every_other_way_is_invalid_client(serve, method, headers, body):
    """Whoever does not authenticate as declared is refused with 401 and `invalid_client` (RFC 6749 §5.2)."""
    chosen = {"client_id": "my client"} if method == "none" else None
    stranger = serve(oauth(f"client_auth: {method}"), chosen)

    answer = stranger.token(GRANT | body, headers=headers)

    assert (401, "invalid_client") == (answer.status_code, answer.json()["error"])
    assert ("authorization" in {name.lower() for name in headers}) == ("www-authenticate" in answer.headers)


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_two_ways_at_once_are_refused_even_if_both_are_right(serve, method):
    """A client must not use more than one authentication method in a request (RFC 6749 §2.3)."""
    stranger = serve(oauth(f"client_auth: {method}"))

    answer = stranger.token(GRANT | {"client_id": "my client", "client_secret": SECRET}, headers=encoded())

    assert (400, "invalid_request") == (answer.status_code, answer.json()["error"])
    assert "twice" in answer.json()["error_description"]


def test_post_and_public_clients_get_their_tokens(serve):
    """What is declared works: id and secret in the body, or the id alone."""
    post = serve(oauth("client_auth: client_secret_post")).token(GRANT | {"client_id": "my client", "client_secret": SECRET})
    public = serve(oauth("client_auth: none"), {"client_id": "my client"}).token(GRANT | {"client_id": "my client"})

    assert (200, 200) == (post.status_code, public.status_code)


def test_raw_basic_is_another_thing_than_encoded_basic(serve):
    """With `basic_encoding: raw` the characters arrive as they are, and the form-encoded ones are wrong."""
    stranger = serve(oauth("basic_encoding: raw"), {"client_id": "my client", "client_secret": SECRET})

    assert 200 == stranger.token(GRANT, headers={"Authorization": basic("my client", SECRET)}).status_code
    assert 401 == stranger.token(GRANT, headers=encoded()).status_code


def test_an_id_that_is_registered_encoded_is_taken_once_encoded(serve):
    """Nuance shows ids as `appID%3AX`: what arrives form-encoded once is that id."""
    stranger = serve(oauth(), {"client_id": "appID%3AX%3Ageo", "client_secret": "abc"})

    assert 200 == stranger.token(GRANT, headers={"Authorization": basic("appID%3AX%3Ageo", "abc")}).status_code
    assert 401 == stranger.token(GRANT, headers={"Authorization": basic("appID:X:geo", "abc")}).status_code


@pytest.mark.parametrize(
    ("sent", "status", "error"),
    [
        ({}, 400, "invalid_request"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": "refresh_token", "refresh_token": "x"}, 400, "invalid_grant"),
        (GRANT | {"scope": "read admin"}, 400, "invalid_scope"),
        (GRANT | {"scope": "read,write"}, 400, "invalid_scope"),
        (GRANT | {"scope": "read"}, 200, None),
        (GRANT | {"scope": "write read"}, 200, None),
    ],
)
def test_grant_and_scopes_are_checked(serve, sent, status, error):
    """Another grant, an unknown scope, or scopes parted by the wrong character are refused in the RFC's words."""
    stranger = serve(oauth("scopes: [read, write]"))

    answer = stranger.token(sent, headers=encoded())

    assert (status, error) == (answer.status_code, answer.json().get("error"))
    if status == 200:
        assert sent["scope"] == answer.json()["scope"]


def test_scopes_are_parted_as_declared(serve):
    """`scope_separator` holds on both sides."""
    stranger = serve(oauth("scopes: [read, write], scope_separator: ','"))

    assert 200 == stranger.token(GRANT | {"scope": "read,write"}, headers=encoded()).status_code
    assert "invalid_scope" == stranger.token(GRANT | {"scope": "read write"}, headers=encoded()).json()["error"]


def test_audience_and_resource_must_be_the_declared_ones(serve):
    """Keys of `scopes` beside `scope` are parameters; a wrong audience is `invalid_target` (RFC 8707 §2)."""
    stranger = serve(oauth("scopes: [{key: scope, value: read}, {key: audience, value: crm}]"))

    right = stranger.token(GRANT | {"scope": "read", "audience": "crm"}, headers=encoded())
    wrong = stranger.token(GRANT | {"scope": "read", "audience": "erp"}, headers=encoded())
    absent = stranger.token(GRANT | {"scope": "read"}, headers=encoded())

    assert [200, 400, 400] == [answer.status_code for answer in (right, wrong, absent)]
    assert {"invalid_target"} == {answer.json()["error"] for answer in (wrong, absent)}


def test_fields_of_the_token_request_are_wanted(serve):
    """A field that the profile adds to the token request is missed by its place and name."""
    fields = "token_request: {fields: [{in: header, key: X-Key, value: abc}, {key: account, value: '7'}]}"
    stranger = serve(oauth(fields))

    whole = stranger.token(GRANT | {"account": "7"}, headers=encoded() | {"X-Key": "abc"})
    without_header = stranger.token(GRANT | {"account": "7"}, headers=encoded())
    wrong_payload = stranger.token(GRANT | {"account": "8"}, headers=encoded() | {"X-Key": "abc"})

    assert 200 == whole.status_code
    assert "header X-Key is missing" == without_header.json()["error_description"]
    assert "payload field account is not as declared" == wrong_payload.json()["error_description"]


def test_method_and_encoding_are_wanted_as_declared(serve):
    """A form where JSON is declared, JSON where a form is, or GET for POST is refused with what would be right."""
    form, in_json = serve(oauth()), serve(oauth("client_auth: client_secret_post, token_request: {encoding: json}"))
    body = GRANT | {"client_id": "my client", "client_secret": SECRET}

    assert "application/json" in form.send("POST", TOKEN_URL, json=GRANT, headers=encoded()).json()["error_description"]
    got = form.send("GET", TOKEN_URL, headers=encoded())
    assert (405, "POST") == (got.status_code, got.headers["allow"])
    assert 200 == in_json.send("POST", TOKEN_URL, json=body).status_code
    assert 400 == in_json.token(body).status_code


def test_a_vendors_grant_goes_by_its_own_word(serve):
    """A grant that no RFC knows is granted under its word, and client_credentials is then unknown."""
    profile = oauth()
    text = profile.merged.document.text.replace("grant_type: client_credentials", "grant_type: account_credentials")
    from authweave.loading import loads

    stranger = serve(loads(text, "acme.yaml"))

    assert 200 == stranger.token({"grant_type": "account_credentials"}, headers=encoded()).status_code
    assert "unsupported_grant_type" == stranger.token(GRANT, headers=encoded()).json()["error"]


REFRESH_URL = "https://idp.example.com/oauth/refresh"


@pytest.fixture
def refreshing(serve):
    return serve(oauth(f"refresh_url: '{REFRESH_URL}', scopes: [read, write]"))


def test_refresh_tokens_rotate(refreshing):
    """At `refresh_url` a refresh token gives a new pair, once: the second time it is `invalid_grant`."""
    first = refreshing.token(GRANT, headers=encoded()).json()
    ask = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}

    second = refreshing.token(ask, url=REFRESH_URL, headers=encoded())
    again = refreshing.token(ask, url=REFRESH_URL, headers=encoded())

    assert 200 == second.status_code
    assert first["refresh_token"] != second.json()["refresh_token"]
    assert first["access_token"] != second.json()["access_token"]
    assert "read write" == second.json()["scope"]
    assert (400, "invalid_grant") == (again.status_code, again.json()["error"])


@pytest.mark.parametrize(
    ("url", "sent", "headers", "error"),
    [
        (REFRESH_URL, {"grant_type": "refresh_token", "refresh_token": "unknown"}, encoded(), "invalid_grant"),
        (REFRESH_URL, {"grant_type": "refresh_token"}, encoded(), "invalid_request"),
        (REFRESH_URL, GRANT, encoded(), "unsupported_grant_type"),
        (REFRESH_URL, {"grant_type": "refresh_token", "refresh_token": "GOOD"}, {}, "invalid_client"),
        (REFRESH_URL, {"grant_type": "refresh_token", "refresh_token": "GOOD"}, encoded(secret="no"), "invalid_client"),
        (REFRESH_URL, {"grant_type": "refresh_token", "refresh_token": "GOOD", "scope": "admin"}, encoded(), "invalid_scope"),
        (TOKEN_URL, {"grant_type": "refresh_token", "refresh_token": "GOOD"}, encoded(), "unsupported_grant_type"),
    ],
)
def test_refreshing_wrongly_is_refused(refreshing, url, sent, headers, error):
    """Unknown or missing refresh tokens, the wrong endpoint, no client authentication, more scopes than before."""
    good = refreshing.token(GRANT, headers=encoded()).json()["refresh_token"]
    sent = {name: good if value == "GOOD" else value for name, value in sent.items()}

    assert error == refreshing.token(sent, url=url, headers=headers).json()["error"]


def test_sixteen_at_once_refresh_once(refreshing):
    """A refresh token is taken by exactly one of many requests that arrive together."""
    from concurrent.futures import ThreadPoolExecutor

    good = refreshing.token(GRANT, headers=encoded()).json()["refresh_token"]
    ask = {"grant_type": "refresh_token", "refresh_token": good}
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: refreshing.token(ask, url=REFRESH_URL, headers=encoded()), range(16)))

    assert [200] == [answer.status_code for answer in answers if answer.status_code != 400]


def test_other_hosts_and_paths_are_not_served(serve):
    """A name in the handshake that no profile has is refused in TLS; another Host field gets 421, another path 404."""
    stranger = serve(oauth())

    with pytest.raises(httpx.ConnectError, match=r"(?i)unrecognized|alert"):
        stranger.send("GET", "https://other.example.com/")
    assert 421 == stranger.send("GET", "https://idp.example.com/", host="api.example.com").status_code
    assert 404 == stranger.send("GET", "https://idp.example.com/elsewhere").status_code


def test_nobody_else_believes_its_authority(serve):
    """Without the sandbox's own certificate a client refuses to speak to it."""
    stranger = serve(oauth())
    context = ssl.create_default_context()
    with httpx.Client(verify=context, trust_env=False) as client, pytest.raises(httpx.ConnectError, match=r"(?i)certificate"):
        client.get(f"https://127.0.0.1:{stranger._port}/", extensions={"sni_hostname": "api.example.com"})


def test_two_profiles_share_an_endpoint():
    """At one token URL each client is judged by its own profile: by its id, with its own scopes."""
    one, two = oauth("scopes: [a]", name="one"), oauth("scopes: [b]", name="two")
    with Sandbox([one, two]) as sandbox, Stranger(sandbox) as stranger:
        ids = {profile.name: sandbox.inputs(profile) for profile in (one, two)}
        as_two = {"Authorization": basic(quote_plus(ids["two"]["client_id"]), quote_plus(ids["two"]["client_secret"]))}

        assert 200 == stranger.token(GRANT | {"scope": "b"}, headers=as_two).status_code
        assert "invalid_scope" == stranger.token(GRANT | {"scope": "a"}, headers=as_two).json()["error"]
        assert {"token": 2, "refresh": 0, "api": 0} == sandbox.counts_of(two)
        assert {"token": 0, "refresh": 0, "api": 0} == sandbox.counts_of(one)

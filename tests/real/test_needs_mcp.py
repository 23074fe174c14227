"""Discovery and registration at servers that are not ours: the official MCP SDK as resource, oidc-provider and django-oauth-toolkit as issuers."""

from __future__ import annotations

import json
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from authweave.errors import DiscoveryError, RegistrationError, TokenEndpointError
from authweave.values import TaskRequest
from parts.browsing import sign_in
from services import engine, profile

BACK = "http://127.0.0.1:8912/callback"
CALL = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "add", "arguments": {"a": 20, "b": 22}}}).encode()
HEADERS = (("Content-Type", "application/json"), ("Accept", "application/json, text/event-stream"))
MCP = {
    "type": "oauth2", "grant_type": "authorization_code", "resource": "{{ inputs.server_url }}", "client_auth": "none",
    "registration": {"client_name": "authweave", "token_endpoint_auth_method": "none"}, "scopes": ["api:read"],
}  # fmt: skip


def connected(auth, server, *, run=None, **inputs):
    """A connection to the MCP server for a person called ada."""
    declared = {"server_url": {"title": "Server", "format": "url"}}
    made = profile(auth, "{{ inputs.server_url }}", inputs=declared)
    return (run or engine(inputs={"server_url": server, **inputs})).connect(made, subject="ada")


def signed_in(connection):
    link = connection.begin_authorization(redirect_uri=BACK).result(30).url
    return connection.complete_authorization(sign_in(link)).result(30)


def called(connection, server):
    """The status, and what the tool answered."""
    with connection.client(trust_env=False) as client:
        answer = client.post(server, content=CALL, headers=dict(HEADERS))
    return answer.status_code, answer.json().get("result", {}).get("structuredContent", {}).get("result") if answer.status_code == 200 else None


@pytest.mark.proves("auth kind: MCP oauth2 (+dynamic registration)", "token request and response: public client (no secret)")
def test_an_mcp_server_is_a_url_and_nothing_more(mcp_server, oidc_provider):
    """From the resource's metadata to the issuer's, to a registration, to a sign-in, to a token for this resource, to a tool's answer; renewed as the same client."""
    connection = connected(MCP, mcp_server)

    token = signed_in(connection)

    assert (200, 42) == called(connection, mcp_server)
    renewed = connection.engine.connect(connection.profile, subject="ada")
    assert token.refresh_token is not None
    assert renewed.token().result(30).access_token.matches(token.access_token)


def test_without_the_resource_parameter_the_same_server_refuses(mcp_server, oidc_provider):
    """The negative twin: a token of the same issuer, got by the same client in the same way, but for no resource."""
    auth = {name: value for name, value in MCP.items() if name != "resource"} | {"issuer": oidc_provider.origin}
    connection = connected(auth, mcp_server)

    signed_in(connection)

    assert 401 == called(connection, mcp_server)[0]


def test_without_registration_the_issuer_knows_no_such_client(mcp_server, oidc_provider):
    """The negative twin: the same profile without `registration`, with a client_id that nobody gave it."""
    auth = {name: value for name, value in MCP.items() if name != "registration"}
    connection = connected(auth, mcp_server, client_id="nobody")
    link = connection.begin_authorization(redirect_uri=BACK).result(30).url

    with pytest.raises(Exception, match="invalid_client"):
        sign_in(link)


def test_the_refresh_token_is_presented_by_the_client_it_was_given_to(mcp_server, oidc_provider):
    """Two people, two redirect URIs, so two clients; each one's token is renewed as its own client."""
    run = engine(inputs={"server_url": mcp_server})
    connections = [connected(MCP, mcp_server, run=run), run.connect(connected(MCP, mcp_server, run=run).profile, subject="bob")]
    for connection, back in zip(connections, (BACK, BACK.replace("8912", "8913")), strict=True):
        link = connection.begin_authorization(redirect_uri=back).result(30).url
        connection.complete_authorization(sign_in(link)).result(30)
    registered = [record.entry for _, record in run.ledger.entries() if record.entry.facts["grant"] == "registration"]
    assert {BACK, BACK.replace("8912", "8913")} == {entry.facts["audience"] for entry in registered}

    for connection in connections:
        old = connection.token().result(30)
        flow = connection.signing_in.credential()
        new = flow.tokens.renewed(old).result(30)
        assert not new.access_token.matches(old.access_token)


def test_a_redirect_uri_that_may_not_be_registered_is_told(mcp_server, oidc_provider):
    """The server's own words (RFC 7591 §3.2.2)."""
    connection = connected({**MCP, "registration": {**MCP["registration"], "redirect_uris": ["http://example.com/#x"]}}, mcp_server)

    with pytest.raises(RegistrationError) as caught:
        connection.begin_authorization(redirect_uri=BACK).result(30)

    assert caught.value.error == "invalid_redirect_uri"


@pytest.mark.parametrize("provider", ["oidc_provider", "django_provider"])
def test_an_issuer_is_enough(provider, request):
    """OpenID discovery at oidc-provider, RFC 8414 at django-oauth-toolkit: the token endpoint is theirs to name, the API is theirs to guard."""
    idp = request.getfixturevalue(provider)
    client = idp.new_client()
    issuer = idp.origin if provider == "oidc_provider" else _issuer_of(idp)
    run = engine(inputs={"client_id": client.client_id, "client_secret": client.client_secret})
    made = profile({"type": "oauth2", "grant_type": "client_credentials", "issuer": issuer}, idp.origin)

    with run.connect(made).client(trust_env=False) as http:
        assert 200 == http.get(f"{idp.api_url}/me").status_code


def test_another_issuer_is_not_believed(oidc_provider):
    """The negative twin: one letter more, and the metadata are somebody else's."""
    client = oidc_provider.new_client()
    run = engine(inputs={"client_id": client.client_id, "client_secret": client.client_secret})
    made = profile({"type": "oauth2", "grant_type": "client_credentials", "issuer": f"{oidc_provider.origin}/"}, oidc_provider.origin)

    with pytest.raises(DiscoveryError) as caught:
        run.connect(made).token().result(30)

    assert "issuer_mismatch" == caught.value.kind
    assert 0 == oidc_provider.counts(client)["token"]


def test_a_client_registers_for_its_own_name(oidc_provider):
    """Client credentials without any client_id: registered with a secret, which the token endpoint and the API then take."""
    auth = {"type": "oauth2", "grant_type": "client_credentials", "issuer": oidc_provider.origin, "registration": {"client_name": "bot"}}
    made = profile(auth, oidc_provider.origin)

    with engine(inputs={}).connect(made).client(trust_env=False) as http:
        assert 200 == http.get(f"{oidc_provider.api_url}/me").status_code


def test_without_registration_nobody_is_known(oidc_provider):
    """The negative twin: an id that was never registered."""
    auth = {"type": "oauth2", "grant_type": "client_credentials", "issuer": oidc_provider.origin}
    run = engine(inputs={"client_id": "nobody", "client_secret": "x" * 20})

    with pytest.raises(TokenEndpointError) as caught:
        run.connect(profile(auth, oidc_provider.origin)).token().result(30)

    assert "invalid_client" == caught.value.error


def test_revocation_by_metadata_ends_the_token_at_the_provider(oidc_provider):
    """RFC 7009 where RFC 8414 metadata name its endpoint: the API refuses the token afterwards."""
    client = oidc_provider.new_client()
    run = engine(inputs={"client_id": client.client_id, "client_secret": client.client_secret})
    connection = run.connect(profile({"type": "oauth2", "grant_type": "client_credentials", "issuer": oidc_provider.origin}, oidc_provider.origin))
    authorized = connection.authorize(TaskRequest("GET", f"{oidc_provider.api_url}/me")).result(30)

    assert connection.revoke().result(30)

    import httpx

    with httpx.Client(trust_env=False) as http:
        assert 401 == http.get(authorized.url, headers=dict(authorized.headers)).status_code


@pytest.mark.proves("other: token introspection for expiry")
def test_introspection_gives_the_expiry_that_the_answer_leaves_out(oidc_provider):
    """RFC 7662 in an `after` step: its `exp` is when the token ends."""
    client = oidc_provider.new_client(ttl=300)
    inputs = {"client_id": client.client_id, "client_secret": client.client_secret}
    step = {
        "name": "introspect",
        "request": {
            "url": oidc_provider.introspection_url, "method": "POST",
            "fields": [{"key": "token", "value": "{{ token.access_token }}"}, {"in": "header", "key": "Authorization", "value": "Basic {{ basic(inputs.client_id, inputs.client_secret) }}"}],
        },
        "response": {"expires_at": "{{ response.json.exp }}"},
    }  # fmt: skip
    auth = {"type": "oauth2", "grant_type": "client_credentials", "issuer": oidc_provider.origin, "token_response": {"expires_in": "{{ response.json.nothing }}"}}

    without = engine(inputs=inputs).connect(profile(auth, oidc_provider.origin)).token().result(30)
    run = engine(inputs=inputs)
    token = run.connect(profile({**auth, "after": [step]}, oidc_provider.origin)).token().result(30)

    assert without.expires_at == float("inf")
    assert 200 < token.expires_at - run.clock() <= 300


def _issuer_of(django):
    """What django-oauth-toolkit calls itself: its metadata stand where RFC 8414 wants them for this."""
    return replace(django).token_url.rsplit("/token", 1)[0]


def test_the_link_names_the_resource(mcp_server, oidc_provider):
    """RFC 8707 §2.1, in the link too."""
    link = connected(MCP, mcp_server).begin_authorization(redirect_uri=BACK).result(30).url

    assert [mcp_server] == parse_qs(urlsplit(link).query)["resource"]

"""What stands beside a check in the report, at servers that are not ours: the control, the renewal, what a server says of its token, the way of a browser."""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path

import pytest

from authweave.diagnosis import ENTRIES
from authweave.probe import test_profile as probe
from commands import apart
from identities import ACCOUNT, inputs_of, vendor_client
from parts.nginx import API_KEY, PASSWORD, USERNAME
from parts.oidc import JWT_RESOURCE
from services import engine, oauth, profile

KEYS = {"api_key": API_KEY}


def stage(report, name):
    return next(one for one in report.stages if one.name == name)


def checked(url, auth, supplied, **how):
    """The report of a test of this URL, with a control."""
    origin, slash, path = url.partition("://")[2].partition("/")
    scheme = url.partition(":")[0]
    made = profile(auth, f"{scheme}://{origin}", test={"request": {"url": f"{slash}{path}"}}, **how)
    with engine(inputs=supplied) as run:
        return probe(run, made, control=True)


def key_in(place, key):
    return {"type": "api_key", "fields": [{"in": place, "key": key, "value": "{{ inputs.api_key }}"}]}


# ---- the negative control


@pytest.mark.parametrize(
    ("place", "where", "auth"),
    [("header", "header_url", key_in("header", "X-API-Key")), ("query", "query_url", key_in("query", "api_key")), ("cookie", "cookie_url", key_in("cookie", "api_key"))],
)
def test_nginx_refuses_strangers_at_each_place(nginx, place, where, auth):
    """A key in header, query and cookie: left out, nginx answers 401, and the proof stands."""
    report = checked(getattr(nginx, where), auth, KEYS)

    assert ("accepted", "ok", "401 without the credential") == (report.credential.word, stage(report, "control").status, stage(report, "control").text)
    [sent] = [exchange for exchange in report.exchanges if exchange.purpose == "control"]
    assert API_KEY not in repr(sent)
    assert "api_key" not in sent.asked.url


def test_a_key_in_the_path_cannot_be_left_out(nginx):
    """There is no URL without it: skipped, with the reason."""
    url = nginx.path_url("{key}")
    report = checked(url, {"type": "api_key", "fields": [{"in": "path", "key": "key", "value": "{{ inputs.api_key }}"}]}, KEYS)

    assert ("accepted", "skipped") == (report.credential.word, stage(report, "control").status)
    assert "part of the URL" in stage(report, "control").text


def test_a_password_is_left_out(nginx):
    """Basic, at nginx."""
    report = checked(nginx.basic_url, {"type": "basic"}, {"username": USERNAME, "password": PASSWORD})

    assert ("accepted", "ok") == (report.credential.word, stage(report, "control").status)


@pytest.mark.diagnoses("api_anonymous")
def test_httpbin_answers_everybody(httpbin):
    """Its echo takes any key and none: the diagnosis names the test's URL, at its line."""
    report = checked(f"{httpbin}/get", key_in("header", "X-API-Key"), KEYS)

    [found] = report.diagnoses
    assert ("api_anonymous", "inconclusive") == (found.code, report.credential.word)
    assert ENTRIES["api_anonymous"].verdict == report.credential.word
    assert {"test.request.url", "test.accepted_when"} <= {fix.key for fix in found.fixes}
    assert any("without the credential: GET 200" in line for line in found.evidence)


def test_httpbin_behind_digest(httpbin):
    """A challenge and its answer, and then a stranger."""
    report = checked(f"{httpbin}/digest-auth/auth/me/hush-hush-hush/SHA-256", {"type": "digest"}, {"username": "me", "password": "hush-hush-hush"})

    assert ("accepted", "ok", "401 without the credential") == (report.credential.word, stage(report, "control").status, stage(report, "control").text)


def test_a_certificate_is_left_out(nginx, authority):
    """The control shows none, and nginx forbids it."""
    issued = authority.issue("robot.example", client=True)
    tls = {"certificate": "{{ inputs.certificate }}", "private_key": "{{ inputs.private_key }}", "ca": "{{ inputs.ca }}"}
    given = {"certificate": Path(issued.certificate).read_text(), "private_key": Path(issued.key).read_text(), "ca": nginx.ca.read_text()}
    declared = {"certificate": {"type": "pem"}, "private_key": {"type": "pem", "secret": True}, "ca": {"type": "pem"}}
    report = checked(nginx.certificate_url, {"type": "none"}, given, tls=tls, inputs=declared)

    assert ("accepted", "ok", "403 without the credential") == (report.credential.word, stage(report, "control").status, stage(report, "control").text), report.diagnoses


# ---- renewing


def renewing(provider, client, *, control=False, **auth):
    """The report of a test at the provider's own API, renewed."""
    made = profile(
        oauth(provider.token_url, grant_type="account_credentials", token_request={"fields": [ACCOUNT]}, **auth), provider.origin,
        inputs={"account_id": {}, **({"spare": {"secret": True}} if "refresh_request" in auth else {})}, test={"request": {"url": f"{provider.api_url}/me"}},
    )  # fmt: skip
    with engine(inputs=inputs_of(client, account_id="7", spare="of-nobody-at-all")) as run:
        return probe(run, made, refresh=True, control=control)


@pytest.mark.parametrize("rotates", [True, False])
def test_oidc_provider_renews(oidc_provider, rotates):
    """By the refresh token, which it rotates or keeps; its API takes the new token, and no stranger."""
    client = vendor_client(oidc_provider, rotate=rotates)
    report = renewing(oidc_provider, client, control=True, refresh_with="refresh_token")

    assert ("obtained", "accepted", ()) == (report.token.word, report.credential.word, report.diagnoses)
    assert f"by the refresh token, which {'rotates' if rotates else 'stays'}" in stage(report, "renewal").text
    assert ["token", "check", "renewal", "check", "control"] == [exchange.purpose for exchange in report.exchanges]
    assert (2, 2) == (oidc_provider.counts(client)["granted"], oidc_provider.counts(client)["api_200"])


def test_oidc_provider_refuses_the_renewal(oidc_provider):
    """A client that may not refresh: the grant gives another token, and the report tells of the refusal."""
    client = vendor_client(oidc_provider)
    report = renewing(oidc_provider, client, refresh_with="refresh_token", refresh_request={"fields": [{"in": "payload", "key": "refresh_token", "value": "{{ inputs.spare }}"}]})

    assert "warning" == stage(report, "renewal").status
    assert "by the grant, after the refresh was refused (POST 400" in stage(report, "renewal").text
    assert 1 == oidc_provider.counts(client)["invalid_grant"]


# ---- what the server says of its token


def discovered(provider, client, url, **auth):
    made = profile(
        {"type": "oauth2", "grant_type": "client_credentials", "issuer": provider.origin, "scopes": ["api:read"], **auth}, provider.origin,
        test={"request": {"url": url}},
    )  # fmt: skip
    with engine(inputs=inputs_of(client)) as run:
        return probe(run, made)


def test_oidc_provider_tells_of_its_token(oidc_provider):
    """Active, with scope, client and end; the request proves the client as the token call does."""
    client = oidc_provider.new_client()
    report = discovered(oidc_provider, client, f"{oidc_provider.api_url}/me")

    told = stage(report, "introspection")
    assert ("ok", "accepted") == (told.status, report.credential.word), told
    assert told.text.startswith(f"active, scope api:read, client_id {client.client_id}")
    [asked] = [exchange for exchange in report.exchanges if exchange.purpose == "introspection"]
    assert oidc_provider.introspection_url == asked.asked.url
    assert {"active": "true", "scope": "api:read", "client_id": client.client_id}.items() <= {part.name: part.value for part in asked.answered.body.parts}.items()


@pytest.mark.diagnoses("token_inactive")
def test_oidc_provider_says_that_its_token_is_not_active(oidc_provider):
    """It was revoked on the way: a warning of its own beside what the API says."""
    client = oidc_provider.new_client()
    ends = {"name": "end", "request": {"method": "POST", "url": oidc_provider.revocation_url, "fields": [
        {"in": "payload", "key": "token", "value": "{{ token.access_token }}"},
        {"in": "payload", "key": "client_id", "value": "{{ inputs.client_id }}"}, {"in": "payload", "key": "client_secret", "value": "{{ inputs.client_secret }}"},
    ]}}  # fmt: skip
    report = discovered(oidc_provider, client, f"{oidc_provider.api_url}/me", after=[ends], client_auth="client_secret_post")

    [found] = [one for one in report.diagnoses if one.code == "token_inactive"]
    assert ("warning", "introspection", "refused") == (found.severity, found.stage, report.credential.word)
    assert "auth.token_url" in [fix.key for fix in found.fixes]
    assert ("warning", "not active") == (stage(report, "introspection").status, stage(report, "introspection").text)


def test_oidc_provider_says_nothing_of_its_jwt(oidc_provider):
    """It keeps no record of them: its own words stand in the stage, and no verdict depends on it."""
    client = oidc_provider.new_client()
    report = discovered(oidc_provider, client, f"{oidc_provider.jwt_api_url}/me", resource=JWT_RESOURCE)

    told = stage(report, "introspection")
    assert ("warning", "accepted", ()) == (told.status, report.credential.word, report.diagnoses)
    assert "structured" in told.text.lower()


# ---- a person


def test_a_person_signs_in_for_one_run_at_oidc_provider(oidc_provider, tmp_path):
    """Its own forms in a browser process; the way of the browser is shown with code and state masked; nothing is kept."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{free.getsockname()[1]}/callback"
    client = oidc_provider.new_client(grant_types=("authorization_code", "refresh_token"), redirect_uris=[uri])
    path = tmp_path / "oidc.json"
    path.write_text(json.dumps({
        "format": 1, "name": "oidc", "identity_provider": "oidc-provider", "subject": "user", "servers": [oidc_provider.origin],
        "auth": {"type": "oauth2", "grant_type": "authorization_code", "issuer": oidc_provider.origin, "scopes": ["openid", "api:read"]},
        "test": {"request": {"url": f"{oidc_provider.api_url}/me"}},
    }))  # fmt: skip
    browser = Path(__file__).parents[1] / "parts" / "signing_browser.py"
    env = {
        "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data"), "XDG_CONFIG_HOME": str(tmp_path / "config"), "XDG_STATE_HOME": str(tmp_path / "state"),
        "BROWSER": " ".join([sys.executable, str(browser), str(tmp_path / "page.html"), "%s"]), "AUTHWEAVE_OIDC_CLIENT_SECRET": client.client_secret,
    }  # fmt: skip
    given = ("--subject", "ada", "-I", f"client_id={client.client_id}", "-I", f"redirect_uri={uri}")

    done = apart("test", path, *given, "--login", "--refresh", "--control", "--format", "json", **env)

    assert 0 == done.code, done.err + done.out
    report = json.loads(done.out)
    assert ["discovery", "authorize", "token", "introspection", "check", "renewal", "check", "control"] == [exchange["purpose"] for exchange in report["exchanges"]]
    [way] = [exchange for exchange in report["exchanges"] if exchange["purpose"] == "authorize"]
    [back] = [part["value"] for part in way["answered"]["headers"] if part["name"] == "Location"]
    assert back.startswith(f"{uri}?code=‹secret code")
    assert "auth.scopes" == next(part["origin"] for part in way["asked"]["query"] if part["name"] == "scope")
    again = apart("test", path, *given, **env)
    assert "authorization_required" in again.out

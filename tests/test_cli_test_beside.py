"""`authweave test` with what can be asked for beside the check: a control, a renewal, a sign-in of its own, and the last run."""

import json
import os
import sys
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from authorizing import AuthorizationServer
from commands import here
from probing import ACCEPTS, GIVES_TOKEN, GOOD, SECRET, oauth, says_json, written
from services import Api, serving
from sockets import Server, http

pytestmark = pytest.mark.thorough

SECRETS = {"AUTHWEAVE_ACME_CLIENT_ID": "my-client", "AUTHWEAVE_ACME_CLIENT_SECRET": SECRET}
BROWSER = Path(__file__).parent / "parts" / "browser_process.py"


def home(folder):
    """A home of its own for everything that could be kept."""
    return {
        "HOME": str(folder), "XDG_DATA_HOME": str(folder / "data"), "XDG_CONFIG_HOME": str(folder / "config"), "XDG_STATE_HOME": str(folder / "state"),
        "CI": "", "COLUMNS": "200",
    }  # fmt: skip


@pytest.fixture
def run_test(monkeypatch, capsys, tmp_path):
    """The command, in this process: `run_test(path, …)`; more words are variables of the environment."""

    def run(*words, command="test", **env):
        for name in [name for name in os.environ if name.startswith("AUTHWEAVE")]:
            monkeypatch.delenv(name)
        for name, value in {**home(tmp_path), **SECRETS, **env}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(tmp_path)
        return here(capsys, command, *words)

    return run


def kept(folder):
    """The files that remember runs."""
    return sorted((folder / "state" / "authweave" / "runs").glob("*")) if (folder / "state").exists() else []


# ---- the last run


def test_the_next_run_says_what_is_otherwise(run_test, tmp_path):
    """Refused, then mended: told near the verdict, in JSON too; each run goes the whole way."""
    turns = [says_json({"error": "invalid_client"}, 401), GIVES_TOKEN]
    with Server(lambda peer: turns[min(len(identity.requests), 1)](peer)) as identity, Server(ACCEPTS) as task:
        path = written(tmp_path, oauth(f"{identity.url}t"), servers=[task.url.rstrip("/")])
        first, second = (run_test(path) for _ in range(2))
        third = json.loads(run_test(path, "--format", "json").out)

    assert (1, 0) == (first.code, second.code)
    assert "Since the last run" not in first.out
    assert "Since the last run (" in second.out
    assert "  ~ token: refused → obtained\n  ~ credential: not tested → accepted\n  ~ invalid_client is gone\n" in second.out
    assert ([], True) == (third["compared"], third["compared_with"] != "")
    assert (3, 2) == (len(identity.requests), len(task.requests))
    assert 1 == len(kept(tmp_path))


@pytest.mark.parametrize(("words", "env"), [(["--no-compare"], {}), ([], {"CI": "true"})])
def test_no_comparison_where_nobody_wants_one(run_test, tmp_path, words, env):
    """Nothing is kept, either."""
    path = written(tmp_path, oauth("https://auth.invalid/t"), servers=())
    for _ in range(2):
        assert "Since the last run" not in run_test(path, *words, **env).out

    assert [] == kept(tmp_path)


def test_a_state_that_cannot_be_written(run_test, tmp_path):
    """No comparison, and no word about it."""
    (tmp_path / "state").write_text("a file")
    with Server(GIVES_TOKEN) as identity, Server(ACCEPTS) as task:
        path = written(tmp_path, oauth(f"{identity.url}t"), servers=[task.url.rstrip("/")])
        done = [run_test(path) for _ in range(2)]

    assert [(0, "")] * 2 == [(one.code, one.err) for one in done]


def test_the_sandbox_is_not_compared(run_test, tmp_path):
    """It proves nothing, so it changes nothing."""
    run_test(written(tmp_path, oauth("https://auth.example.com/t")), "--sandbox")

    assert [] == kept(tmp_path)


# ---- control and renewal


def test_an_endpoint_for_everybody_ends_with_3(run_test, tmp_path):
    """Open, as everything that proves nothing."""
    with Server(GIVES_TOKEN) as identity, Server(ACCEPTS) as task:
        path = written(tmp_path, oauth(f"{identity.url}t"), servers=[task.url.rstrip("/")])
        done = run_test(path, "--control")

    assert 3 == done.code
    assert "The endpoint answers without credentials: the test proves nothing." in done.out
    assert f"Again       authweave test {path} --control" in done.out


def test_a_renewal_in_the_terminal(run_test, tmp_path):
    """A stage of its own, and a second check."""
    with Server(GIVES_TOKEN) as identity, Server(ACCEPTS) as task:
        path = written(tmp_path, oauth(f"{identity.url}t", refresh_with="refresh_token"), servers=[task.url.rstrip("/")])
        done = run_test(path, "--refresh")

    assert 0 == done.code, done.err
    assert "by the refresh token, which stays" in done.out
    assert (2, 2) == (len(identity.requests), len(task.requests))


@pytest.mark.parametrize("profile", ["nuance-mix-runtime", "acme"])
def test_the_sandbox_renews_and_refuses_strangers(run_test, tmp_path, profile):
    """Both options teach there, too."""
    path = written(tmp_path, oauth("https://auth.example.com/t")) if profile == "acme" else profile
    done = run_test(path, "--sandbox", "--control", "--refresh", "--format", "json")

    report = json.loads(done.out)
    told = {stage["name"]: (stage["status"], stage["text"]) for stage in report["stages"]}
    assert (0, "ok", "401 without the credential") == (done.code, *told["control"])
    assert "ok" == told["renewal"][0]
    assert report["again"].endswith("--sandbox --control --refresh")


def test_what_is_handed_over_is_warned_of_and_kept(run_test, tmp_path):
    """Before anything is sent; the next run presents what came in its place."""
    spent = []

    def rotates(peer):
        spent.append(dict(parse_qsl(peer.request().body.decode()))["refresh_token"])
        peer.send(http(200, ("Content-Type", "application/json"), body=json.dumps({**GOOD, "access_token": f"at-{len(spent)}", "refresh_token": f"next-{len(spent)}"}).encode()))

    with Server(rotates) as identity, Server(ACCEPTS) as task:
        path = written(tmp_path, oauth(f"{identity.url}t", grant_type="refresh_token", scopes=[]), servers=[task.url.rstrip("/")])
        done = [run_test(path, "--refresh", AUTHWEAVE_ACME_REFRESH_TOKEN="given-0") for _ in range(2)]

    assert [0, 0] == [one.code for one in done], done[0].err
    assert ["given-0", "next-1", "next-2", "next-3"] == spent
    assert "a server that rotates takes it for good" in done[0].err


# ---- signing in for the run


PROFILE = """\
format: 1
name: acme
identity_provider: Acme
subject: user
servers: ['{api}']
auth:
  type: oauth2
  grant_type: authorization_code
  issuer: {issuer}
  client_auth: none
inputs: {{redirect_uri: {{required: false}}}}
test: {{request: {{url: /me}}}}
"""


@pytest.fixture
def acme(tmp_path):
    """A profile that somebody has to sign in for, with its servers."""
    with serving(AuthorizationServer(clients={"my-client": None})) as server, serving(Api()) as api:
        path = tmp_path / "acme.yaml"
        path.write_text(PROFILE.format(api=api.url, issuer=server.issuer))
        yield server, path


def with_browser(folder):
    return {"BROWSER": f"{sys.executable} {BROWSER} {folder / 'page.json'} %s"}


def test_nobody_has_signed_in(run_test, acme, tmp_path):
    """The diagnosis names the command."""
    _, path = acme
    done = run_test(path, "--subject", "ada")

    assert "authorization_required" in done.out
    assert "authweave login" in " ".join(done.out.split())


def test_login_for_the_run(run_test, acme, tmp_path):
    """The browser's way is an exchange, each parameter with its key; code and state are masked; afterwards nothing is kept."""
    server, path = acme
    done = run_test(path, "--subject", "ada", "--login", "--format", "json", **with_browser(tmp_path))

    assert 0 == done.code, done.err + done.out
    report = json.loads(done.out)
    [way] = [exchange for exchange in report["exchanges"] if exchange["purpose"] == "authorize"]
    asked = {part["name"]: part for part in way["asked"]["query"]}
    assert {"response_type": "auth.grant_type", "client_id": "auth.client_id", "redirect_uri": "auth.redirect_uri", "code_challenge": "auth.pkce"}.items() <= {
        name: part["origin"] for name, part in asked.items()
    }.items()
    assert asked["state"]["value"].startswith("‹secret")
    [back] = [part["value"] for part in way["answered"]["headers"] if part["name"] == "Location"]
    assert back.startswith("http://127.0.0.1:")
    [link] = [one.target for one in server.asked if one.target.startswith("/authorize")]
    state = dict(parse_qsl(urlsplit(link).query))["state"]
    assert state not in done.out
    assert "code=code-1" not in done.out
    assert ("ok", "a person signed in") == next((stage["status"], stage["text"]) for stage in report["stages"] if stage["name"] == "sign_in")
    assert ["discovery", "authorize", "token", "check"] == [exchange["purpose"] for exchange in report["exchanges"]]
    assert report["again"].endswith("--subject ada --login")

    assert "authorization_required" in run_test(path, "--subject", "ada").out


def test_login_that_is_kept(run_test, acme, tmp_path):
    """If the user says so: the next test needs nobody."""
    _, path = acme
    first = run_test(path, "--subject", "ada", "--login", "--keep-login", **with_browser(tmp_path))
    second = run_test(path, "--subject", "ada")

    assert [0, 0] == [first.code, second.code], first.err + second.out


def test_login_and_renewal(run_test, acme, tmp_path):
    """The refresh token of the sign-in is presented, for this run alone."""
    _, path = acme
    done = run_test(path, "--subject", "ada", "--login", "--refresh", **with_browser(tmp_path))

    assert 0 == done.code, done.out
    assert "by the refresh token" in done.out


def test_who_says_no(run_test, acme, tmp_path):
    """A diagnosis, and exit code 1."""
    server, path = acme
    server.person = "access_denied"
    done = run_test(path, "--subject", "ada", "--login", **with_browser(tmp_path))

    assert 1 == done.code, done.out
    assert "authorization_denied" in done.out


def test_what_was_signed_in_before_is_found(run_test, acme, tmp_path):
    """`authweave login` keeps it in the store of the command line; the test renews it there, and costs nobody the consent."""
    _, path = acme
    assert 0 == run_test(path, "--subject", "ada", command="login", **with_browser(tmp_path)).code
    done = [run_test(path, "--subject", "ada") for _ in range(2)]

    assert [0, 0] == [one.code for one in done], done[0].out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--login", "--sandbox"], "--login is for the real provider"), (["--keep-login"], "--keep-login goes with --login"),
        (["--no-browser"], "--no-browser goes with --login"), (["--paste"], "--paste goes with --login"), (["--login"], "say who with --subject"),
    ],
)  # fmt: skip
def test_misuse(run_test, acme, tmp_path, words, said):
    """Exit code 2, and what would be right."""
    done = run_test(acme[1], *words)

    assert 2 == done.code
    assert said in done.err


def test_login_for_a_profile_without_a_person(run_test, tmp_path):
    """Its tokens come without one."""
    done = run_test(written(tmp_path, oauth("https://auth.invalid/t")), "--login")

    assert 2 == done.code
    assert "nobody signs in for this profile" in done.err

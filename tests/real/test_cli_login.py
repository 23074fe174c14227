"""`authweave login` and `logout`: a person signs in on this machine, elsewhere, or not at all; and nothing is left behind."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from authorizing import AuthorizationServer, Resource
from commands import apart, environment
from services import Reply, serving

BROWSER = Path(__file__).parents[1] / "parts" / "browser_process.py"
PROFILE = """\
format: 1
name: acme
identity_provider: Acme
subject: user
servers: ['https://api.example.com']
auth:
  type: oauth2
  grant_type: authorization_code
  issuer: {issuer}
  client_auth: none
  {more}
inputs: {{client_id: {{default: robot}}, redirect_uri: {{required: false}}}}
"""


@pytest.fixture
def server():
    with serving(AuthorizationServer(clients={"robot": None})) as made:
        yield made


@pytest.fixture
def acme(server, tmp_path):
    return profile(server, tmp_path)


def profile(server, folder, more=""):
    path = folder / "acme.yaml"
    path.write_text(PROFILE.format(issuer=server.issuer, more=more))
    return path


def env(folder):
    """A home of its own, and a browser that is at hand."""
    return {"HOME": str(folder), "XDG_DATA_HOME": str(folder / "data"), "XDG_CONFIG_HOME": str(folder / "config"), "BROWSER": f"{sys.executable} {BROWSER} {folder / 'page.json'} %s"}


def login(path, *words, folder, **more):
    return apart("login", path, "--subject", "ada", *words, **{**env(folder), **more})


def page_of(folder):
    file = folder / "page.json"
    end = time.monotonic() + 10
    while not file.exists() and time.monotonic() < end:
        time.sleep(0.02)
    time.sleep(0.05)
    return json.loads(file.read_text())


# ---- signing in


def test_a_browser_opens_and_its_answer_comes_back(server, acme, tmp_path):
    """The link is printed, opened, and what came back is completed; the page says so, and the token is stored."""
    done = login(acme, folder=tmp_path)

    assert 0 == done.code, done.err
    assert "ada at Acme" in done.out
    assert f"{server.url}/authorize?" in done.err
    seen = page_of(tmp_path)
    assert (200, True) == (seen["status"], "Signed in" in seen["text"])
    assert "code=" not in seen["text"]
    assert "no-store" == seen["headers"]["Cache-Control"]
    token = apart("token", acme, "--subject", "ada", "--format", "json", **env(tmp_path))
    assert json.loads(token.out)["stored"]


def test_the_redirect_uri_is_on_this_machine_at_a_free_port(server, acme, tmp_path):
    """RFC 8252 §7.3, with PKCE; the token request repeats it."""
    login(acme, folder=tmp_path)

    asked = dict(parse_qsl(urlsplit(next(one.target for one in server.asked if one.target.startswith("/authorize"))).query))
    back = urlsplit(asked["redirect_uri"])
    assert ("http", "127.0.0.1", "/callback") == (back.scheme, back.hostname, back.path)
    assert "S256" == asked["code_challenge_method"]


def test_a_registered_redirect_uri_is_listened_at_exactly(server, acme, tmp_path):
    """Host, port and path as they are supplied; letter for letter in both requests."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{free.getsockname()[1]}/signed/in"
    server.redirect_uris["robot"] = [uri]

    done = login(acme, "-I", f"redirect_uri={uri}", folder=tmp_path)

    assert 0 == done.code, done.err
    assert page_of(tmp_path)["url"].startswith(f"{uri}?")


def test_json_for_programs(acme, tmp_path):
    """Facts on standard output, everything for the person on standard error; no token."""
    done = login(acme, "--format", "json", folder=tmp_path)

    told = json.loads(done.out)
    assert (True, "ada", True) == (told["signed_in"], told["subject"], told["refresh_token"])
    assert "access_token" not in done.out


def test_who_says_no_is_told(server, acme, tmp_path):
    """The provider's word; exit code 1; the page says no more than that it was refused."""
    server.person = "access_denied"

    done = login(acme, folder=tmp_path)

    assert (1, True) == (done.code, "the person said no" in done.err)
    assert "refused" in page_of(tmp_path)["text"]
    assert 0 == server.counts["/token"]


def test_an_answer_with_another_state_is_not_taken(server, acme, tmp_path):
    """It gets 404, and the sign-in goes on waiting, until its time is over."""
    server.state = "x" * 86

    done = login(acme, "--timeout", "2", folder=tmp_path)

    assert (3, True) == (done.code, "nobody signed in in time" in done.err)
    assert 404 == page_of(tmp_path)["status"]
    assert 0 == server.counts["/token"]


def test_a_code_that_the_server_refuses_ends_it(server, acme, tmp_path):
    """The page says that it did not work, the terminal what the server said."""
    server.clients.clear()

    done = login(acme, folder=tmp_path)

    assert (1, True) == (done.code, "invalid_client" in done.err)
    assert "did not work" in page_of(tmp_path)["text"]


def test_mix_up_is_found_out(server, acme, tmp_path):
    """RFC 9207: metadata say that answers carry `iss`, and this one has none."""
    server.metadata["authorization_response_iss_parameter_supported"] = True

    done = login(acme, folder=tmp_path)

    assert (1, 0) == (done.code, server.counts["/token"])
    assert "RFC 9207" in done.err


def test_with_iss_it_is_the_right_one(server, acme, tmp_path):
    """The twin: the server names itself."""
    server.metadata["authorization_response_iss_parameter_supported"] = True
    server.names_itself = True

    assert 0 == login(acme, folder=tmp_path).code


def test_a_port_in_use_is_told_and_the_address_can_be_pasted(server, acme, tmp_path):
    """Somebody else listens there: the last page's address comes from standard input."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        uri = f"http://127.0.0.1:{taken.getsockname()[1]}/callback"

        done = pasted(acme, tmp_path, lambda link: address_after(link), "-I", f"redirect_uri={uri}")

    assert 0 == done.returncode, done.stderr
    assert "cannot be listened at" in done.stderr


def test_a_machine_without_a_browser_pastes(server, acme, tmp_path):
    """No BROWSER, no display: the whole address of the last page is read."""
    done = pasted(acme, tmp_path, lambda link: address_after(link), BROWSER="", DISPLAY="", WAYLAND_DISPLAY="")

    assert 0 == done.returncode, done.stderr
    assert "there is no browser here" in done.stderr


def test_the_parameters_alone_can_be_pasted_after_something_wrong(server, acme, tmp_path):
    """What is no answer is told, and asked for again."""
    done = pasted(acme, tmp_path, lambda link: "hello\n" + urlsplit(address_after(link)).query, "--paste")

    assert 0 == done.returncode, done.stderr
    assert "paste the whole address" in done.stderr


def test_nothing_pasted_is_an_end(acme, tmp_path):
    """Standard input is over: exit code 2, and the link is of no more use."""
    done = login(acme, "--paste", folder=tmp_path)

    assert (2, True) == (done.code, "nothing was pasted" in done.err)


def test_ctrl_c_leaves_nothing_behind(server, acme, tmp_path):
    """The listener is gone, the link is of no more use, and the exit code says so."""
    process = begun(acme, tmp_path, "--no-browser")
    link = link_of(process)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert 130 == process.returncode

    with pytest.raises(OSError, match="refused"):
        http.client.HTTPConnection(urlsplit(address_after(link)).netloc, timeout=5).request("GET", "/")
    assert 0 == server.counts["/token"]


def test_who_signs_in_must_be_said(acme, tmp_path):
    """Nobody's token is stored under no name."""
    done = apart("login", acme, **env(tmp_path))

    assert (2, True) == (done.code, "--subject" in done.err)


def test_a_profile_without_a_person_is_told(tmp_path):
    """Client credentials need no sign-in."""
    path = tmp_path / "acme.yaml"
    path.write_text("format: 1\nname: acme\nidentity_provider: A\nservers: ['https://a.example']\nauth: {type: oauth2, grant_type: client_credentials, token_url: 'https://a.example/t'}\n")

    done = apart("login", path, "-I", "client_id=x", **{**env(tmp_path), "AUTHWEAVE_ACME_CLIENT_SECRET": "y"})

    assert (2, True) == (done.code, "nobody signs in for this profile" in done.err)


# ---- a server that nobody registered at


def test_mcp_is_a_url_and_nothing_more(server, tmp_path):
    """From the resource to its issuer, to a registration, to the sign-in, to the token; a second login registers no more."""
    with serving(Resource(server)) as resource:
        name = f"mcp-{os.getpid()}"  # its port is made from its name, and others may run this test at the same time
        path = tmp_path / f"{name}.yaml"
        path.write_text(
            f"format: 1\nname: {name}\n"
            "identity_provider: MCP server\ninputs: {server_url: {title: Server, format: url}}\n"
            "servers: ['{{ inputs.server_url }}']\nauth:\n  type: oauth2\n  grant_type: authorization_code\n"
            "  resource: '{{ inputs.server_url }}'\n  client_auth: none\n"
            "  registration: {client_name: authweave, token_endpoint_auth_method: none}\n"
        )
        given = ("-I", f"server_url={resource.resource}")
        done = [login(path, *given, folder=tmp_path) for _ in range(2)]
        asked = apart("request", "--profile", path, resource.resource, "--subject", "ada", *given, **env(tmp_path))

    assert [0, 0] == [one.code for one in done], done[0].err
    assert 1 == server.counts["/register"]
    assert [[next(one["redirect_uri"] for one in [dict(parse_qsl(urlsplit(r.target).query)) for r in server.asked if r.target.startswith("/authorize")])]] == [one["redirect_uris"] for one in server.registered]
    tokens = [one.form for one in server.asked if one.target == "/token"]
    assert {resource.resource} == {form["resource"] for form in tokens}
    assert "T2" in asked.out


# ---- signing out


def test_logout_ends_the_token_at_the_provider_and_here(server, acme, tmp_path):
    """RFC 7009 by the metadata: the refresh token is what ends."""
    login(acme, folder=tmp_path)

    done = apart("logout", acme, "--subject", "ada", **env(tmp_path))

    assert (0, "ada: revoked at the provider, and forgotten here\n") == (done.code, done.out)
    [call] = [one.form for one in server.asked if one.target == "/revoke"]
    assert "R1" == call["token"]
    assert 0 != apart("token", acme, "--subject", "ada", **env(tmp_path)).code


def test_logout_says_where_it_is_only_forgotten_here(server, acme, tmp_path):
    """No revocation endpoint: a clear word."""
    server.metadata["revocation_endpoint"] = None
    login(acme, folder=tmp_path)

    done = apart("logout", acme, "--subject", "ada", **env(tmp_path))

    assert (0, True) == (done.code, done.out.startswith("ada: only forgotten here: neither the profile"))


def test_logout_of_everybody(server, acme, tmp_path):
    """Each user of the profile, as JSON."""
    for subject in ("ada", "bob"):
        apart("login", acme, "--subject", subject, **env(tmp_path))

    done = apart("logout", acme, "--all", "--format", "json", **env(tmp_path))

    assert [("ada", "revoked"), ("bob", "revoked")] == [(one["subject"], one["ended"]) for one in json.loads(done.out)]


def test_a_provider_that_does_not_answer_leaves_it_as_it_is(server, acme, tmp_path):
    """Exit code 3, and the token is still there; --forget forgets it all the same."""
    login(acme, folder=tmp_path)
    server.replies["/revoke"] = Reply(503, b"")

    done = apart("logout", acme, "--subject", "ada", **env(tmp_path))
    assert (3, True) == (done.code, "still signed in" in done.err), done
    assert 0 == apart("token", acme, "--subject", "ada", **env(tmp_path)).code

    done = apart("logout", acme, "--subject", "ada", "--forget", **env(tmp_path))
    assert (0, "ada: only forgotten here: the provider was not told\n") == (done.code, done.out)


def test_nobody_to_sign_out(acme, tmp_path):
    """Nothing is stored."""
    done = apart("logout", acme, "--subject", "ada", **env(tmp_path))

    assert (0, "ada: nobody was signed in\n") == (done.code, done.out)


# ---- helpers


def begun(path, folder, *words, **more):
    return subprocess.Popen(
        [sys.executable, "-m", "authweave", "login", str(path), "--subject", "ada", *words], env=environment(**{**env(folder), **more}),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def link_of(process):
    """The link that is printed; standard error is read up to it."""
    said = []
    for line in process.stderr:
        said.append(line)
        if line.strip().startswith("http"):
            process.said = "".join(said)
            return line.strip()
    raise AssertionError("".join(said))


def address_after(link):
    """Where a browser elsewhere ends up: the address of the page that does not load."""
    parts = urlsplit(link)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    connection.request("GET", f"{parts.path}?{parts.query}")
    answer = connection.getresponse()
    location = answer.getheader("Location")
    connection.close()
    return location


def pasted(path, folder, answer, *words, **more):
    process = begun(path, folder, *words, **more)
    text = answer(link_of(process))
    out, err = process.communicate(text + "\n", timeout=60)
    return subprocess.CompletedProcess([], process.returncode, out, process.said + err)


# ---- at a certified provider

OIDC = """\
format: 1
name: oidc
identity_provider: oidc-provider
servers: ['{origin}']
auth:
  type: oauth2
  grant_type: {grant}
  issuer: {origin}
  scopes: [openid, 'api:read']
"""


def signing(folder, *words):
    """A browser in which somebody posts the provider's forms."""
    program = Path(__file__).parents[1] / "parts" / "signing_browser.py"
    return {**env(folder), "BROWSER": " ".join([sys.executable, str(program), str(folder / "page.html"), *words, "%s"])}


def oidc_profile(provider, folder, grant):
    path = folder / "oidc.yaml"
    path.write_text(OIDC.format(origin=provider.origin, grant=grant))
    return path


@pytest.fixture
def registered(oidc_provider, tmp_path):
    """A client that the provider knows, with a fixed redirect URI, and the options that supply it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{free.getsockname()[1]}/callback"
    grants = ("authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code")
    client = oidc_provider.new_client(grant_types=grants, redirect_uris=[uri])
    return ("-I", f"client_id={client.client_id}"), {"AUTHWEAVE_OIDC_CLIENT_SECRET": client.client_secret}, uri


def test_login_and_logout_at_oidc_provider(oidc_provider, registered, tmp_path):
    """Forms posted in a browser process; the API takes the token; after logout neither the API nor the token endpoint takes anything of it."""
    given, secret, uri = registered
    path = oidc_profile(oidc_provider, tmp_path, "authorization_code")

    done = apart("login", path, "--subject", "ada", *given, "-I", f"redirect_uri={uri}", **{**signing(tmp_path), **secret})
    assert 0 == done.code, done.err
    asked = apart("request", "--profile", path, f"{oidc_provider.api_url}/me", "--subject", "ada", *given, **{**env(tmp_path), **secret})
    assert 0 == asked.code, asked.err

    ended = apart("logout", path, "--subject", "ada", *given, **{**env(tmp_path), **secret})
    assert (0, "ada: revoked at the provider, and forgotten here\n") == (ended.code, ended.out)
    again = apart("request", "--profile", path, f"{oidc_provider.api_url}/me", "--subject", "ada", *given, **{**env(tmp_path), **secret})
    assert 0 != again.code


def test_a_person_who_says_no_at_oidc_provider(oidc_provider, registered, tmp_path):
    """The negative twin: the same, but for the answer."""
    given, secret, uri = registered
    path = oidc_profile(oidc_provider, tmp_path, "authorization_code")

    done = apart("login", path, "--subject", "ada", *given, "-I", f"redirect_uri={uri}", **{**signing(tmp_path, "refuse"), **secret})

    assert (1, True) == (done.code, "access_denied" in done.err), done.err
    assert "refused" in (tmp_path / "page.html").read_text()


def test_a_device_code_at_oidc_provider(oidc_provider, registered, tmp_path):
    """The code is shown with its page; once it is confirmed elsewhere the command ends with the token."""
    from parts.browsing import confirm_device

    given, secret, _ = registered
    path = oidc_profile(oidc_provider, tmp_path, "device_code")
    process = begun(path, tmp_path, *given, "--no-browser", **secret)
    page, code = "", ""
    for line in process.stderr:
        page = page or (line.strip() if line.strip().startswith("http") else "")
        if line.strip().startswith("code:"):
            code = line.partition("code:")[2].strip()
            break

    confirm_device(page, code)
    out, err = process.communicate(timeout=60)

    assert 0 == process.returncode, err
    assert "ada at oidc-provider" in out

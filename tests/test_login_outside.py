"""What others on the machine see while a person signs in: the list of processes shows with what a browser was started, and nobody can use it."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
from urllib.parse import parse_qsl, urlsplit

import pytest

from authorizing import AuthorizationServer
from authweave.cli.loopback.leading import Lead
from commands import apart
from leaking import Search
from services import says, serving

PROFILE = """\
format: 1
name: acme
identity_provider: Acme
subject: user
servers: ['https://api.example.com']
auth: {{type: oauth2, {auth}, client_auth: none, scopes: [read]}}
inputs: {{client_id: {{default: robot}}}}
"""
BROWSER = """\
import json, pathlib, sys, urllib.error, urllib.request
folder = pathlib.Path(sys.argv[1])
seen = [path.read_bytes().replace(b"\\0", b" ").decode() for path in pathlib.Path("/proc").glob("[0-9]*/cmdline")]
(folder / "ps.json").write_text(json.dumps([one for one in seen if str(folder) in one]))
opener = lambda: urllib.request.build_opener(urllib.request.ProxyHandler({}))
class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_): return None
if "thief" in sys.argv:
    try: urllib.request.build_opener(urllib.request.ProxyHandler({}), Stay()).open(sys.argv[-1])
    except urllib.error.HTTPError as error: (folder / "stolen.json").write_text(json.dumps([error.code, error.headers["Location"]]))
try: opener().open(sys.argv[-1], timeout=20).read()
except urllib.error.URLError as error: print(error)
"""


def env(folder, *words):
    program = folder / "browser.py"
    program.write_text(BROWSER)
    return {
        "HOME": str(folder), "XDG_DATA_HOME": str(folder / "data"), "XDG_CONFIG_HOME": str(folder / "config"),
        "BROWSER": " ".join([sys.executable, str(program), str(folder), *words, "%s"]),
    }  # fmt: skip


def written(folder, auth):
    path = folder / "acme.yaml"
    path.write_text(PROFILE.format(auth=auth))
    return path


@pytest.fixture
def server():
    with serving(AuthorizationServer(clients={"robot": None})) as made:
        yield made


needs_proc = pytest.mark.skipif(not os.path.exists("/proc/self/cmdline"), reason="needs /proc")


@needs_proc
def test_others_see_nothing_of_a_sign_in_in_the_list_of_processes(server, tmp_path):
    """Neither state nor challenge nor the link: the browser is started with a page of ours, and is led on."""
    done = apart("login", written(tmp_path, f"grant_type: authorization_code, issuer: '{server.issuer}'"), "--subject", "ada", **env(tmp_path))

    assert 0 == done.code, done.err
    asked = dict(parse_qsl(urlsplit(next(one.target for one in server.asked if one.target.startswith("/authorize"))).query))
    processes = json.loads((tmp_path / "ps.json").read_text())
    assert processes
    Search({"state": asked["state"], "challenge": asked["code_challenge"]}).refuse({"ps": "\n".join(processes)})
    assert "/authorize" not in "\n".join(processes)


class Device(AuthorizationServer):
    """Gives a code that somebody confirms by opening the whole page."""

    def __call__(self, request):
        if request.target == "/device":
            self.opened = False
            return says({"device_code": "dev1ce-4711-of-the-test", "user_code": "WDJB-MJHT-Kz83-99Qx", "verification_uri": f"{self.url}/type",
                         "verification_uri_complete": f"{self.url}/type?user_code=WDJB-MJHT-Kz83-99Qx", "expires_in": 600, "interval": 1})  # fmt: skip
        if request.target.startswith("/type"):
            self.opened = "user_code=WDJB" in request.target
            return says({})
        if "device_code" in request.form:
            return says({"access_token": "t", "token_type": "Bearer"}) if self.opened else says({"error": "authorization_pending"}, 400)
        return super().__call__(request)


@pytest.mark.thorough
@needs_proc
def test_others_see_no_user_code_in_the_list_of_processes(tmp_path):
    """The page that has the code in it is opened by way of ours, too."""
    with serving(Device(clients={"robot": None})) as server:
        auth = f"grant_type: device_code, token_url: '{server.url}/token', device_authorization_url: '{server.url}/device'"
        done = apart("login", written(tmp_path, auth), "--subject", "ada", **env(tmp_path))

    assert 0 == done.code, done.err
    Search({"user code": "WDJB-MJHT-Kz83-99Qx"}).refuse({"ps": "\n".join(json.loads((tmp_path / "ps.json").read_text()))})


def test_who_opens_the_page_beside_the_person_ends_the_sign_in(server, tmp_path):
    """Whoever read the address and was faster has the link; then nothing that comes back is taken."""
    done = apart("login", written(tmp_path, f"grant_type: authorization_code, issuer: '{server.issuer}'"), "--subject", "ada", "--timeout", "20", **env(tmp_path, "thief"))

    assert 302 == json.loads((tmp_path / "stolen.json").read_text())[0]
    assert 0 != done.code
    assert "opened by somebody else" in done.err


def fetched(address, **headers):
    """Status and Location of a page, asked for once."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
    connection.request("GET", parts.path, headers=headers)
    answer = connection.getresponse()
    return answer.status, answer.headers


def test_the_same_browser_may_come_again():
    """By its cookie; whoever guesses, or names another host (DNS rebinding), gets and breaks nothing."""
    with Lead("https://id.example.com/authorize?state=s") as lead:
        wrong = [fetched(lead.address + "x")[0], fetched(lead.address, Host="evil.example")[0], fetched(lead.address.rpartition("/")[0] + "/")[0]]
        first, headers = fetched(lead.address)
        again, _ = fetched(lead.address, Cookie=headers["Set-Cookie"].partition(";")[0])
        assert ([404] * 3, 302, 302, False) == (wrong, first, again, lead.is_betrayed)
        assert ("https://id.example.com/authorize?state=s", "no-store", "no-referrer") == tuple(headers[name] for name in ("Location", "Cache-Control", "Referrer-Policy"))
        assert 404 == fetched(lead.address)[0]
        assert lead.is_betrayed


@pytest.mark.skipif(not sys.platform.startswith("linux") or os.getuid() != 0, reason="only root becomes another user, on Linux")
def test_another_user_of_the_machine_is_never_led():
    """The system says whose a connection is."""
    with Lead("https://id.example.com/authorize?state=s") as lead:
        at = urlsplit(lead.address)
        asks = f"exec 3<>/dev/tcp/{at.hostname}/{at.port}; printf 'GET {at.path} HTTP/1.1\\r\\nHost: {at.netloc}\\r\\n\\r\\n' >&3; cat <&3"
        theirs = subprocess.run(["/bin/bash", "-c", asks], user=65534, capture_output=True, text=True, timeout=30, check=False, cwd="/")
        assert "404" in theirs.stdout, theirs.stderr
        assert "id.example.com" not in theirs.stdout
        assert lead.is_betrayed

"""Where the browser comes back to: a listener for one redirect, the page it shows, and which pages are opened at all."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import time

import pytest

from authweave.cli.loopback import listener as listening
from authweave.cli.loopback.browsers import checked
from authweave.cli.loopback.listener import Listener, Place, PortInUse
from authweave.cli.loopback.pages import WORDS, headers, page
from authweave.errors import UrlRefused
from thorough import every


@pytest.fixture
def listener():
    with Listener(Place("127.0.0.1", 0, "/callback")) as made:
        made.expect("s" * 20)
        yield made


def ask(listener, target, host=None, method="GET"):
    connection = http.client.HTTPConnection("127.0.0.1", listener.place.port, timeout=10)
    connection.putrequest(method, target, skip_host=True)
    connection.putheader("Host", host or listener.place.authority)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


@pytest.mark.parametrize("target", ["/", "/callback", "/callback?code=x", "/callback?state=other&code=x", "/callback/?state=" + "s" * 20, "/Callback?state=" + "s" * 20, "/callback?state=" + "s" * 20 + "&state=" + "s" * 20, "//callback?state=" + "s" * 20, "http://127.0.0.1/callback?state=" + "s" * 20])
def test_only_the_path_and_the_state_are_taken(listener, target):
    """Everything else gets 404, and nobody is let through."""
    assert (404, b"Not found\n") == ask(listener, target)
    assert listener.wait(0) is None


@pytest.mark.parametrize(("target", "is_ours"), [("?oauth_token=t0k&oauth_verifier=v", True), ("?denied=t0k", True), ("?state=t0k", False), ("?oauth_token=other", False), ("?oauth_token=t0k&denied=t0k", False)])
def test_an_answer_by_oauth_1_is_known_by_its_token(listener, target, is_ours):
    """It has no state; the temporary token, once, says what it answers."""
    listener.expect("t0k", "oauth_token", "denied")
    threading.Timer(0.1, listener.tell, ["signed_in"]).start()

    status, _ = ask(listener, f"/callback{target}")

    assert (200 if is_ours else 404) == status
    assert (listener.wait(0) is not None) is is_ours


@pytest.mark.parametrize("host", ["evil.example", "localhost:1", "127.0.0.1"])
def test_another_host_is_not_answered(listener, host):
    """A name of somebody else's that leads to this machine (DNS rebinding)."""
    assert 404 == ask(listener, "/callback?code=x&state=" + "s" * 20, host)[0]


@pytest.mark.parametrize("method", ["POST", "HEAD", "OPTIONS", "X"])
def test_another_method_is_not_answered(listener, method):
    """A redirect is a GET."""
    assert 404 == ask(listener, "/callback?code=x&state=" + "s" * 20, method=method)[0]


def test_what_came_is_not_in_the_page(listener):
    """Fixed words, whatever was sent."""
    threading.Thread(target=lambda: (listener.wait(10), listener.tell("failed"))).start()

    status, body = ask(listener, "/callback?state=" + "s" * 20 + "&error_description=%3Cscript%3Ealert(1)%3C/script%3E")

    assert (200, False) == (status, b"script" in body)


def test_one_answer_is_taken_once(listener):
    """A page that is loaded again is no second answer."""
    threading.Thread(target=lambda: (listener.wait(10), listener.tell("signed_in"))).start()
    assert 200 == ask(listener, "/callback?code=x&state=" + "s" * 20)[0]

    assert 404 == ask(listener, "/callback?code=y&state=" + "s" * 20)[0]
    assert listener.wait(0) is None


def test_a_connection_that_says_nothing_holds_up_nobody(listener):
    """Browsers open some in advance."""
    with socket.create_connection(("127.0.0.1", listener.place.port)):
        assert 404 == ask(listener, "/")[0]


def test_requests_that_drip_lose_their_places(monkeypatch, listener):
    """A byte now and then keeps no connection for ever: the redirect would find all places taken."""
    monkeypatch.setattr(listening, "SLOWEST", 0.5)
    with contextlib.ExitStack() as opened:
        slow = [opened.enter_context(socket.create_connection(("127.0.0.1", listener.place.port))) for _ in range(40)]
        for _ in range(10):
            for one in slow:
                with contextlib.suppress(OSError):
                    one.sendall(b"G")
            time.sleep(0.1)

        assert 404 == ask(listener, "/")[0]


def test_localhost_is_listened_at_whole_or_not_at_all():
    """Somebody else's listener at ::1 would get the redirect of a browser that tries IPv6 first."""
    if not socket.has_ipv6:
        pytest.skip("no IPv6")
    for _ in range(5):  # somebody else may have this very port at 127.0.0.1
        with socket.create_server(("::1", 0), family=socket.AF_INET6) as taken, pytest.raises(PortInUse) as refused:
            Listener(Place("localhost", taken.getsockname()[1], "/callback"))
        if "::1" in str(refused.value):
            return
    pytest.fail(str(refused.value))


def test_ipv6_is_written_in_brackets():
    """http://[::1]:PORT/callback; where this machine has no IPv6 that is told."""
    with socket.create_server(("::1", 0), family=socket.AF_INET6) if socket.has_ipv6 else pytest.skip("no IPv6"):
        pass

    with Listener(Place("::1", 0, "/callback")) as made:
        assert f"http://[::1]:{made.place.port}/callback" == made.place.uri


def test_a_port_that_is_taken_is_refused(listener):
    """Never two who listen at once."""
    with pytest.raises(PortInUse, match=str(listener.place.port)):
        Listener(listener.place)


@every("uri, place", [
    ("http://127.0.0.1:8912/cb", Place("127.0.0.1", 8912, "/cb")), ("http://localhost/cb", Place("localhost", 80, "/cb")), ("http://[::1]:1/", Place("::1", 1, "/")),
    ("https://127.0.0.1:8912/cb", None), ("https://acme.example/cb", None), ("http://acme.example/cb", None), ("com.acme.app:/cb", None), ("", None),
])  # fmt: skip
def test_a_redirect_uri_on_this_machine_has_a_place(uri, place):
    """Everything else is pasted."""
    assert place == Place.of(uri)


@every("uri", ["http://127.0.0.1:99999/cb", "http://[::1/cb", "http://127.0.0.1:x/cb", "http://me@127.0.0.1:8912/cb", "http://127.0.0.1:0/cb"])
def test_a_redirect_uri_that_is_none_is_told(uri):
    """Never an exception of Python's own, nor a place that it does not name."""
    with pytest.raises(UrlRefused):
        Place.of(uri)


@every("outcome", [*WORDS, "else"])
def test_pages_load_nothing_and_run_nothing(outcome):
    """No script, no link, nothing from elsewhere; the policy says so, too."""
    text = page(outcome).decode()

    assert not [word for word in ("<script", "src=", "href=", "http", "on") if f" {word}" in text and word != "on"]
    assert "default-src 'none'" in headers()["Content-Security-Policy"]
    assert "no-referrer" == headers()["Referrer-Policy"]


@every("url", ["javascript:alert(1)", "file:///etc/passwd", "a:$(touch pwned)", "-x", "https://x/\n", "https://x/ y", 'https://x/"', "data:text/html,x", ""])
def test_no_other_scheme_is_ever_opened(url):
    """What metadata name is looked at before; this is the last door (CVE-2025-6514)."""
    with pytest.raises(UrlRefused):
        checked(url)

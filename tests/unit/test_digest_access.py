"""The arithmetic and the grammar of Digest: RFC 7616, RFC 2617, RFC 2069. The published vectors are read where they lie."""

import threading

import httpx
import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from authweave.answers.challenges import challenges
from authweave.errors import PlacementError
from authweave.net.target import target_of
from authweave.proofs.digest_access.authorization import Turn, authorization, is_proven, parameters_of, request_target
from authweave.proofs.digest_access.challenge import DigestChallenge, strongest
from authweave.proofs.digest_access.hashes import response_to, user_hash
from authweave.proofs.digest_access.spaces import MOST_ORIGINS, Spaces
from authweave.values import TaskRequest
from parts import vectors

PUBLISHED = vectors.load("rfc7616_digest.json")
CASES = [case for case in PUBLISHED["vectors"] if "response" in case]
OF = {case["id"]: case for group in ("vectors", "challenges", "negative") for case in PUBLISHED[group]}
URL = "https://api.example.org/dir/index.html"


def challenge_of(case):
    return DigestChallenge(realm=case["realm"], nonce=case["nonce"], algorithm=case["alg"], qop=case.get("qop", ""))


def turn_of(case):
    return Turn(challenge_of(case), int(case.get("nc", "0"), 16), case.get("cnonce", ""))


def request_of(case):
    return TaskRequest(case["method"], "https://host.example" + case["uri"], body=case["body"].encode() if "body" in case else None)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_published_responses(case):
    """Every published and derived response comes out, whatever the algorithm and the quality of protection."""
    written = authorization(turn_of(case), request_of(case), case["user"], case["pw"])

    assert case["response"] == challenges([written])[0].parameters["response"]


def test_the_response_that_was_printed_wrong_does_not_come_out():
    """SHA-512-256 is a hash of its own, not SHA-512 cut short (erratum 4897)."""
    right = next(case for case in CASES if case["alg"] == "SHA-512-256")

    written = authorization(turn_of(right), request_of(right), right["user"], right["pw"])

    assert OF["rfc7616-3.9.2-as-printed"]["response"] not in written


def test_a_name_that_is_hidden():
    """userhash is the hash of name and realm; what the RFC printed instead is wrong."""
    case = OF["rfc7616-3.9.2-userhash"]

    hashed = user_hash(case["alg"], case["user"], case["realm"])

    assert (case["userhash"], False) == (hashed, hashed == case["printed_wrong_value"])


def test_the_servers_own_proof():
    """rspauth is made as the response is, without the method; another one proves nothing."""
    case, wanted = OF["rfc7616-3.9.1-sha256"], OF["derived-rspauth"]["rspauth"]

    found = [is_proven(said, turn_of(case), request_of(case), b"", case["user"], case["pw"]) for said in (wanted, wanted.upper(), wanted[:-1] + "x", "", "é")]

    assert [True, True, False, False, False] == found


def test_the_strongest_challenge_is_answered_and_its_parts_go_back():
    """RFC 7616 §3.9.1: SHA-256 before MD5; opaque as it came; algorithm, qop and nc without quotes."""
    found = strongest(OF["rfc7616-3.9.1-challenge"]["www_authenticate"])
    written = authorization(Turn(found, 1, "c"), TaskRequest("GET", URL), "Mufasa", "Circle of Life")

    assert 'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"' in written
    assert ", algorithm=SHA-256, " in written
    assert ", qop=auth, nc=00000001, cnonce=" in written
    assert ', uri="/dir/index.html", ' in written


def test_the_strongest_is_taken_wherever_it_stands():
    """A server that lists MD5 first does not choose for us."""
    weak, strong = (f'Digest realm="r", nonce="{name}", qop="auth", algorithm={name}' for name in ("MD5", "SHA-512-256-sess"))

    assert ["SHA-512-256-sess"] * 2 == [strongest(lines).nonce for lines in ([weak, strong], [f"{strong}, {weak}"])]


def test_what_is_not_known_is_passed_over():
    """An unknown algorithm or qop is no challenge to answer (RFC 7616 §3.3)."""
    found = strongest(OF["unknown-algorithm"]["www_authenticate"])

    assert ("MD5", None, None) == (
        found.algorithm,
        strongest(['Digest realm="r", nonce="n", qop="auth-conf"']),
        strongest(['Digest realm="r", nonce="n", algorithm=FOO']),
    )


@pytest.mark.parametrize("line", [
    'Digest nonce="n", qop="auth"', 'Digest realm="r", qop="auth"', "Digest", "Digest abc==", 'Basic realm="r"',
    'Digest realm="ü", nonce="n"', f'Digest realm="r", nonce="{"n" * 9000}"', 'Digest realm="r", nonce="a\tb"',
])  # fmt: skip
def test_challenges_that_cannot_be_answered(line):
    """Without realm or nonce, too long, or with characters that cannot go back: no answer, no exception."""
    assert strongest([line]) is None


def test_a_hidden_name_goes_in_place_of_the_name():
    """RFC 7616 §3.9.2: the hash stands as username, with userhash=true."""
    found = strongest(OF["rfc7616-3.9.2-challenge"]["www_authenticate"])
    written = authorization(Turn(found, 1, "c"), TaskRequest("GET", "https://api.example.org/doe.json"), "Jäsøn Doe", "Secret, or not?")

    said = challenges([written])[0].parameters
    assert (OF["rfc7616-3.9.2-userhash"]["userhash"], "true") == (said["username"], said["userhash"])
    assert "username*" not in said


def test_a_name_beyond_ascii_goes_in_the_notation_of_rfc_8187():
    """Without userhash: `username*`, so that the field stays ASCII."""
    written = authorization(Turn(DigestChallenge("r", "n"), 1, "c"), TaskRequest("GET", URL), "Jäsøn Doe", "x")

    assert OF["rfc7616-3.9.2-userhash"]["username_star"] == challenges([written])[0].parameters["username*"]


def test_quotes_and_backslashes_are_escaped_once():
    """The hash has the name as it is, the field has it quoted: both sides read the same."""
    written = authorization(Turn(DigestChallenge('a "realm"', "n"), 1, "c"), TaskRequest("GET", URL), 'a"b\\c', "x")

    assert 'username="a\\"b\\\\c", realm="a \\"realm\\""' in written
    assert ('a"b\\c', 'a "realm"') == tuple(challenges([written])[0].parameters[name] for name in ("username", "realm"))


def test_utf8_is_in_normal_form_where_the_server_keeps_it_so():
    """charset=UTF-8 means NFC (§4): a name typed with combining marks is the same name; without it, it stays as supplied."""
    composed, combined = "Jäsøn", "Ja\u0308søn"

    def response(name, *, utf8):
        turn = Turn(DigestChallenge("r", "n", utf8=utf8), 1, "c")
        return challenges([authorization(turn, TaskRequest("GET", URL), name, name)])[0].parameters["response"]

    assert response(composed, utf8=True) == response(combined, utf8=True)
    assert response(composed, utf8=False) != response(combined, utf8=False)


def test_old_servers_get_nothing_they_do_not_know():
    """RFC 2069: no qop offered, none answered, and neither nc nor cnonce."""
    written = authorization(Turn(DigestChallenge("r", "n"), 1, "c"), TaskRequest("GET", URL), "u", "p")

    assert {"username", "realm", "nonce", "uri", "response"} == set(challenges([written])[0].parameters)


def test_a_session_hash_sends_its_cnonce_without_qop_too():
    """MD5-sess cannot be checked without the client's nonce."""
    written = authorization(Turn(DigestChallenge("r", "n", "MD5-sess"), 1, "mine"), TaskRequest("GET", URL), "u", "p")

    assert "mine" == challenges([written])[0].parameters["cnonce"]


@pytest.mark.parametrize("name", ["a\rb", "a\nb", "a\0b", "a\x85b"])
def test_control_characters_in_a_name(name):
    """Refused before anything is made of them, and the message does not quote the name."""
    with pytest.raises(PlacementError, match="control character at character 2 of 3") as caught:
        authorization(Turn(DigestChallenge("r", "n"), 1, "c"), TaskRequest("GET", URL), name, "x")

    assert name not in str(caught.value)


def test_auth_int_needs_the_body():
    """A streamed body cannot be protected: that is said, not sent wrong."""
    challenge = DigestChallenge("r", "n", qop="auth-int")

    with pytest.raises(PlacementError, match="auth-int"):
        authorization(Turn(challenge, 1, "c"), TaskRequest("POST", URL, streamed=True), "u", "p")


def test_auth_goes_before_auth_int():
    """Where a server offers both, `auth` is taken; where it offers only auth-int, that."""
    assert ["auth", "auth-int"] == [strongest([f'Digest realm="r", nonce="n", qop="{qop}"']).qop for qop in ("auth-int, auth", "AUTH-INT,x")]


@given(rest=st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=30))
def test_the_uri_is_the_one_on_the_wire(rest):
    """Whatever a caller's URL is like: what httpx, httpx2 and our own wire send is what is hashed."""
    for package in (httpx, httpx2):
        sent = package.URL(f"https://api.example.org/{rest}")
        assert sent.raw_path.decode() == request_target(str(sent))
        assert target_of(str(sent).partition("#")[0]).path == request_target(str(sent))


@pytest.mark.parametrize(("url", "target"), [
    ("https://h.example", "/"), ("https://h.example?a=1", "/?a=1"), ("https://h.example/a?", "/a?"), ("https://h.example/a#f", "/a"),
    ("https://h.example/%7euser/a%2fb;x?q=a%20b&r=ä", "/%7euser/a%2fb;x?q=a%20b&r=%C3%A4"), ("https://h.example/a?#f?", "/a?"),
])  # fmt: skip
def test_request_targets(url, target):
    """Escapes stay as they are, letters beyond ASCII are escaped, an empty path is `/`, a fragment is not sent."""
    assert target == request_target(url)


def space(url=URL, **parts):
    spaces = Spaces()
    spaces.learn(url, DigestChallenge(**{"realm": "r", "nonce": "n", "qop": "auth", **parts}))
    return spaces


def test_nonces_are_counted():
    """The second request with a nonce says nc=00000002, with a client nonce of its own."""
    first, second = (lambda spaces: (spaces.turn(URL), spaces.turn(URL)))(space())

    assert ("00000001", "00000002") == (first.nc, second.nc)
    assert first.cnonce != second.cnonce


def test_a_session_keeps_its_client_nonce():
    """With an algorithm of sessions the user's hash has the client's nonce in it, so it stays."""
    spaces = space(algorithm="SHA-256-sess")

    assert spaces.turn(URL).cnonce == spaces.turn(URL).cnonce


def test_a_count_is_never_given_twice():
    """Threads share one nonce and count it together."""
    spaces, counts = space(), []

    def use():
        counts.extend([spaces.turn(URL).count for _ in range(200)])

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(range(1, 1601)) == sorted(counts)


def test_another_origin_is_another_space():
    """Scheme, host and port: nothing learned of one is used at another."""
    spaces = space()

    assert [None] * 3 == [spaces.turn(url) for url in ("http://localhost/dir/", "https://api.example.org:8443/", "https://b.example.org/dir/index.html")]
    assert spaces.turn("https://API.example.org:443/") is not None


def test_a_domain_narrows_the_space():
    """Only below the paths that the server named; what it says of other origins counts for nothing."""
    spaces = space(domain=("/dir", "https://other.example/"))

    assert (True, False, False) == tuple(spaces.turn(url) is not None for url in (URL, "https://api.example.org/else", "https://other.example/"))


def test_a_domain_that_leaves_out_its_own_url_means_the_whole_server():
    """Or the answer to the challenge could never be sent."""
    assert space(domain=("/elsewhere",)).turn(URL) is not None


@pytest.mark.parametrize("domain", [("http://[bad",), ("https://api.example.org:99999/dir",), ("//u:p@api.example.org/dir",), ("\\\\",)])
def test_a_domain_that_nobody_can_read(domain):
    """Hostile or broken: it counts for nothing, and takes no time."""
    assert space(domain=domain).turn(URL) is not None


def test_a_domain_without_end():
    """A hundred URLs of it are looked at."""
    assert 100 == len(strongest([f'Digest realm="r", nonce="n", domain="{" /x" * 10_000}"']).domain)


def test_two_realms_of_one_server():
    """Each has its own nonce; the one challenged last goes first where both could hold."""
    spaces = space(domain=("/dir",))
    spaces.learn("https://api.example.org/b/x", DigestChallenge("other", "m", domain=("/b",)))

    assert ("n", "m") == tuple(spaces.turn(url).challenge.nonce for url in (URL, "https://api.example.org/b/y"))


def test_two_realms_that_both_claim_the_whole_server():
    """Each path gets the one that was asked for nearest to it, so that going back and forth costs no refusals."""
    spaces = space("https://h.example/a/one")
    spaces.learn("https://h.example/b/one", DigestChallenge("other", "m"))

    assert ["n", "m", "n"] == [spaces.turn(f"https://h.example/{path}").challenge.nonce for path in ("a/two", "b/two", "a/three")]


def test_another_realm_is_no_refusal():
    """What was learned of the first realm stays; the other is worth an answer."""
    spaces = space()

    assert spaces.refused(URL, "n", "another realm")
    assert "n" == spaces.turn(URL).challenge.nonce


def test_a_refused_nonce_is_forgotten():
    """Wrong the first time: the password is wrong. Good before: the server has only forgotten its nonce."""
    fresh, good = space(), space()
    good.accepted(URL, "n")

    assert (False, True) == (fresh.refused(URL, "n", "r"), good.refused(URL, "n", "r"))
    assert (None, None) == (fresh.turn(URL), good.turn(URL))


def test_a_nonce_that_another_thread_replaced_is_no_reason_to_give_up():
    """The newer one is tried, and stays."""
    spaces = space()
    spaces.learn(URL, DigestChallenge("r", "newer"))

    assert spaces.refused(URL, "n", "r")
    assert "newer" == spaces.turn(URL).challenge.nonce


def test_the_next_nonce_begins_at_one():
    """nextnonce takes the place of the nonce, and is counted anew."""
    spaces = space()
    spaces.turn(URL)
    spaces.next_nonce(URL, "n", "m")
    spaces.next_nonce(URL, "n", "late")

    assert ("m", 1) == ((turn := spaces.turn(URL)).challenge.nonce, turn.count)


def test_nothing_grows_for_ever():
    """Of very many origins the oldest are forgotten."""
    spaces = space()
    for number in range(MOST_ORIGINS):
        spaces.learn(f"https://h{number}.example/", DigestChallenge("r", "n"))

    assert spaces.turn(URL) is None
    assert spaces.turn("https://h1.example/") is not None


def test_what_a_request_carries_is_read_back():
    """The server's answer is matched with the nonce that was sent; other credentials are not ours."""
    header = authorization(Turn(DigestChallenge("r", "n", qop="auth"), 3, "c"), TaskRequest("GET", URL), "u", "p")

    assert "00000003" == parameters_of(TaskRequest("GET", URL, (("authorization", header),)))["nc"]
    assert [None, None] == [parameters_of(TaskRequest("GET", URL, headers)) for headers in ((), (("Authorization", "Basic dTpw"),))]


def test_the_formula_of_rfc_2069_with_auth_int():
    """The body's hash is part of the response: another body, another response."""
    common = {"username": "u", "realm": "r", "password": "p", "nonce": "n", "cnonce": "c", "count": "00000001", "qop": "auth-int", "method": "POST", "uri": "/"}

    assert response_to("SHA-256", **common, body=b"a") != response_to("SHA-256", **common, body=b"b")

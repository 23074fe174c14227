"""DPoP proofs (RFC 9449): what is in them, read by another library; thumbprints; nonces of origins."""

import json
import threading

import pytest
from joserfc import jwk, jws

from authweave.errors import SigningError
from authweave.proofs.dpop import Nonces, key_thumbprint, new_key, nonce_of, proof, target, thumbprint
from authweave.values import Secret
from parts.vectors import load

URL = "https://api.example.com/v1/x?q=1#there"


def opened(text):
    """Header and claims of a proof whose signature its own key verifies."""
    own_key = jwk.import_key(jws.extract_compact(text.encode()).headers()["jwk"])
    checked = jws.deserialize_compact(text, own_key, algorithms=["ES256"])
    return checked.headers(), json.loads(checked.payload)


def test_a_proof_of_a_token_request():
    """§4.2: typ, alg, the public key alone; jti, htm, htu without query and fragment, iat in whole seconds."""
    key = new_key()

    header, claims = opened(proof(key, method="POST", url=URL, now=1700000000.9))

    assert ("dpop+jwt", "ES256") == (header["typ"], header["alg"])
    assert {"kty", "crv", "x", "y"} == set(header["jwk"])
    assert {"jti", "htm", "htu", "iat"} == set(claims)
    assert ("POST", "https://api.example.com/v1/x", 1700000000) == (claims["htm"], claims["htu"], claims["iat"])


def test_a_proof_of_a_task_request_names_the_token_and_the_nonce():
    """`ath` is the hash of the token that goes with it; `nonce` is there if the server gave one."""
    _, claims = opened(proof(new_key(), method="GET", url=URL, now=0, nonce="n-1", access_token=Secret("abc", "test")))

    assert ("n-1", "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0") == (claims["nonce"], claims["ath"])


def test_every_proof_is_another():
    """§4.2: `jti` is new for every request, retries included, with more than 96 bits of chance."""
    key = new_key()

    names = [opened(proof(key, method="GET", url=URL, now=0))[1]["jti"] for _ in range(50)]

    assert 50 == len(set(names))
    assert all(len(name) == 32 for name in names)


@pytest.mark.parametrize("vector", [v for v in load("rfc9449_dpop.json")["vectors"] if "proof" in v], ids=lambda v: v["id"])
def test_published_proofs_have_our_members(vector):
    """The members of the RFC's own proofs are those that ours have for the same request, and their key names itself alike."""
    token = next(v["access_token"] for v in load("rfc9449_dpop.json")["vectors"] if v["id"] == "ath")
    claims = vector["claims"]
    access_token = Secret(token, "test") if "ath" in claims else None

    header, ours = opened(proof(new_key(), method=claims["htm"], url=claims["htu"], now=claims["iat"], access_token=access_token))

    assert set(vector["header"]) == set(header)
    assert {**claims, "jti": None} == {**ours, "jti": None}


@pytest.mark.parametrize("vector", load("rfc7638_thumbprint.json")["vectors"], ids=lambda v: v["id"])
def test_thumbprints(vector):
    """RFC 7638 §3.1, RFC 8037 A.3, RFC 9449 §6.1: members beside the needed ones change nothing."""
    assert vector["sha256_thumbprint"] == thumbprint(vector["jwk"])
    assert vector["sha256_thumbprint"] == thumbprint({**vector["jwk"], "use": "sig", "kid": "x"})


def test_a_key_has_the_thumbprint_that_others_see():
    """The name of a token's key is that of the public key in its proofs."""
    key = new_key()

    header, _ = opened(proof(key, method="GET", url=URL, now=0))

    assert jwk.import_key(header["jwk"]).thumbprint() == key_thumbprint(key)


@pytest.mark.parametrize("wrong", [{}, {"kty": "EC"}, {"kty": "EC", "crv": 1, "x": "", "y": ""}, {"kty": "what"}])
def test_no_thumbprint_of_what_is_no_key(wrong):
    """Half a key has no name."""
    with pytest.raises(ValueError, match="thumbprint"):
        thumbprint(wrong)


@pytest.mark.parametrize("broken", ["", "{}", "[]", '{"d": 1}', '{"d": ""}', '{"d": "%%"}', "d" * 9])
def test_a_broken_key_is_an_error_that_does_not_show_it(broken):
    """What a store gives back may be damaged: a typed error, no foreign one."""
    with pytest.raises(SigningError, match="DPoP key of the token cannot be read") as caught:
        proof(Secret(broken, "store"), method="GET", url=URL, now=0)

    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("url", "htu"),
    [
        ("https://a.example", "https://a.example/"),
        ("https://A.Example:443/x", "https://a.example/x"),
        ("https://a.example:8443/x?y#z", "https://a.example:8443/x"),
        ("http://127.0.0.1:80/x", "http://127.0.0.1/x"),
        ("https://[::1]:443/%7Ex/a%2Fb", "https://[::1]/%7Ex/a%2Fb"),
        ("https://a.example/x#y?z", "https://a.example/x"),
    ],
)
def test_htu(url, htu):
    """Query and fragment go, the port of the scheme too; the path stays as it is sent."""
    assert htu == target(url)


@pytest.mark.parametrize(
    ("headers", "nonce"),
    [
        ([("DPoP-Nonce", "a.b-c")], "a.b-c"),
        ([("dpop-nonce", "x")], "x"),
        ([], ""),
        ([("DPoP-Nonce", "")], ""),
        ([("DPoP-Nonce", 'a"b')], ""),
        ([("DPoP-Nonce", "a b")], ""),
        ([("DPoP-Nonce", "x" * 1025)], ""),
        ([("DPoP-Nonce", "a"), ("DPoP-Nonce", "b")], ""),
    ],
)
def test_nonces_as_the_grammar_has_them(headers, nonce):
    """§8.1: NQCHAR only; two at once, or one without end, is none."""
    assert nonce == nonce_of(headers)


def test_a_nonce_is_for_its_origin():
    """§8.2 and §9: the next request to the same origin gets it, no other; the last one counts."""
    nonces = Nonces()

    nonces.learn("https://a.example/x", [("DPoP-Nonce", "1")])
    nonces.learn("https://A.example:443/other?q", [("DPoP-Nonce", "2")])
    nonces.learn("https://a.example:8443/", [("DPoP-Nonce", "3")])
    nonces.learn("https://a.example/y", [])

    assert ["2", "3", "", ""] == [nonces.get(url) for url in ("https://a.example/z", "https://a.example:8443/z", "https://b.example/", "http://a.example/")]


def test_nonces_do_not_grow_without_end():
    """Many origins, from many threads: the oldest are forgotten."""
    nonces = Nonces()

    def learn(part):
        for number in range(300):
            nonces.learn(f"https://{part}-{number}.example/", [("DPoP-Nonce", "n")])

    threads = [threading.Thread(target=learn, args=(part,)) for part in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 1000 == len(nonces._of)

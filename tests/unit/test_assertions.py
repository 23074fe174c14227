"""Signed JSON Web Tokens: RFC 7515, 7518, 7519, 7523, 7638, 8037, 9864; and keys that cannot sign."""

from __future__ import annotations

import base64
import contextlib
import json

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa
from cryptography.hazmat.primitives.serialization import pkcs12
from hypothesis import given, settings
from hypothesis import strategies as st

import signing
from authweave.assertions import ALGORITHMS, Description, ready, signed, signing_key, thumbprint
from authweave.assertions.jwt import compact
from authweave.errors import AssertionRefused, KeyRefused
from effort import examples
from parts.vectors import load

NOW = 1_700_000_000.75
KEY_OF = {"RS": "RSA", "PS": "RSA", "ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "EdDSA": "Ed25519", "Ed25519": "Ed25519"}


def key_for(algorithm):
    """A private key in PEM (or a secret) for the algorithm, and what verifies."""
    if algorithm.startswith("HS"):
        return signing.SECRET, signing.SECRET.encode()
    private = signing.key(KEY_OF.get(algorithm) or KEY_OF[algorithm[:2]])
    return signing.pem(private), private.public_key()


def token(**given):
    """A token of the description, with an RSA key unless another is given."""
    return signed(Description(**{"signing_key": signing.pem(signing.key()), "at": "auth.assertion", **given}), NOW)


def claims(**given):
    return signing.parts(token(**given).text)[1]


def header(**given):
    return signing.parts(token(**given).text)[0]


class TestVectors:
    @pytest.mark.parametrize("vector", load("jose_jwt.json")["vectors"], ids=lambda vector: vector["id"])
    def test_signatures_of_the_rfcs(self, vector):
        """The published signature where the algorithm gives one only; else one that the published key verifies."""
        algorithm = ALGORITHMS[vector["alg"]]
        key = signing_key(vector["jwk"], algorithm)

        made = compact(algorithm, key, vector["header_raw"].encode(), vector["payload_raw"].encode())

        verifier = key if isinstance(key, bytes) else key.public_key()
        if vector["deterministic"]:
            assert made == vector["compact"]
        assert made.rpartition(".")[0] == vector["compact"].rpartition(".")[0]
        signing.verify(made, vector["alg"], verifier)
        signing.verify(vector["compact"], vector["alg"], verifier)

    @pytest.mark.parametrize("vector", load("rfc7638_thumbprint.json")["vectors"], ids=lambda vector: vector["id"])
    def test_thumbprints(self, vector):
        """The thumbprint of a JWK takes its required members only."""
        assert vector["sha256_thumbprint"] == thumbprint(vector["jwk"])

    @pytest.mark.parametrize("kind", ["RSA", "P-256", "Ed25519"])
    def test_thumbprints_of_keys(self, kind):
        """A private key and its public half have one thumbprint."""
        assert thumbprint(signing.key(kind)) == thumbprint(signing.key(kind).public_key())

    def test_claims_of_rfc7523(self):
        """The example of RFC 7523 §4: header and claims as written, nothing added but iat and jti."""
        rule = next(rule for rule in load("jose_jwt.json")["rules"] if rule["id"] == "rfc7523-example-claims")
        wanted = {**rule["claims"], "exp": 2_000_000_000}

        text = token(algorithm="ES256", key_id="16", header={"typ": False}, claims={**wanted, "iat": False, "jti": False}, signing_key=signing.pem(signing.key("P-256"))).text

        assert text.startswith("eyJhbGciOiJFUzI1NiIsImtpZCI6IjE2In0.")
        assert wanted == signing.parts(text)[1]


class TestTokens:
    @pytest.mark.parametrize("algorithm", ALGORITHMS)
    def test_every_algorithm_signs(self, algorithm):
        """Verified without a JOSE library; another key does not verify."""
        key, public = key_for(algorithm)

        made = token(algorithm=algorithm, signing_key=key).text

        assert {"alg": algorithm, "typ": "JWT"} == signing.parts(made)[0]
        signing.verify(made, algorithm, public)
        other = b"another" if algorithm.startswith("HS") else signing.key(KEY_OF.get(algorithm) or KEY_OF[algorithm[:2]], 2).public_key()
        with pytest.raises((InvalidSignature, AssertionError)):
            signing.verify(made, algorithm, other)

    def test_times_and_id_are_added(self):
        """Whole seconds of the clock that is given, five minutes, and another jti each time."""
        one, two = claims(claims={"iss": "me"}), claims(claims={"iss": "me"})

        assert (1_700_000_000, 1_700_000_300, "me") == (one["iat"], one["exp"], one["iss"])
        assert len(one["jti"]) == 36
        assert one["jti"] != two["jti"]

    def test_lifetime(self):
        """`lifetime` is from now on; the end is told with the token."""
        made = token(lifetime=3540)

        assert made.expires_at == signing.parts(made.text)[1]["exp"] == 1_700_003_540

    @pytest.mark.parametrize("name", ["iat", "exp", "jti"])
    def test_false_leaves_out(self, name):
        """`jti: false` leaves jti out; a claim of one's own that is false stays."""
        made = claims(claims={name: False, "https://example.com/is_root": False})

        assert name not in made
        assert made["https://example.com/is_root"] is False
        assert token(claims={"exp": False}).expires_at == float("inf")

    def test_written_claims_win(self):
        """Times that are written stand, as whole numbers."""
        made = claims(claims={"iat": NOW - 60, "exp": str(int(NOW) + 500), "jti": "mine"})

        assert (1_699_999_940, 1_700_000_500, "mine") == (made["iat"], made["exp"], made["jti"])

    def test_header(self):
        """`kid`, thumbprints of a certificate and anything else; `typ` may change or go."""
        assert {"alg": "RS256", "typ": "JWT", "kid": "7", "x5t#S256": "abc"} == header(key_id="7", header={"x5t#S256": "abc"})
        assert {"alg": "RS256", "typ": "at+jwt"} == header(header={"typ": "at+jwt"})
        assert {"alg": "RS256"} == header(header={"typ": False}, key_id="")
        assert {"alg": "RS256", "typ": "JWT", "kid": "7", "x5c": ["MIIC" * 500]} == header(header={"kid": "7", "x5c": ["MIIC" * 500]}, key_id=None)

    def test_text_of_any_language(self):
        """UTF-8, not escaped: what is signed is what a person wrote."""
        assert claims(claims={"name": "Zoë 汉"})["name"] == "Zoë 汉"

    def test_nothing_shows_the_key(self):
        """Neither a description nor a token tells what is in it."""
        description = Description(signing.pem(signing.key()), claims={"sub": "hush"}, password="hush")

        assert "BEGIN" not in repr(description)
        assert "hush" not in repr(description)
        assert "ey" not in repr(signed(description, NOW))

    @pytest.mark.parametrize(
        ("given", "where", "says"),
        [
            ({"algorithm": "none"}, "auth.assertion.algorithm", "none signs nothing"),
            ({"algorithm": "NONE"}, "auth.assertion.algorithm", "none signs nothing"),
            ({"algorithm": "RS265"}, "auth.assertion.algorithm", "did you mean `RS256`"),
            ({"algorithm": None}, "auth.assertion.algorithm", "write one of RS256"),
            ({"header": {"alg": "none"}}, "auth.assertion.header.alg", "write it as `algorithm` alone"),
            ({"header": {"alg": "HS256"}}, "auth.assertion.header.alg", "write it as `algorithm` alone"),
            ({"header": {"crit": ["x"], "x": 1}}, "auth.assertion.header.crit", "RFC 7515 §4.1.11"),
            ({"header": {"b64": False, "crit": ["b64"]}}, "auth.assertion.header.crit", "leave it out"),
            ({"header": {"b64": False}}, "auth.assertion.header.b64", "leave it out"),
            ({"header": {"jwk": {"kty": "oct", "k": "c2VjcmV0"}}}, "auth.assertion.header.jwk", "private key"),
            ({"header": {"kid": "8"}, "key_id": "7"}, "auth.assertion.header.kid", "write one of them"),
            ({"header": {"kid": None}}, "auth.assertion.header.kid", "is null"),
            ({"key_id": 7}, "auth.assertion.key_id", "in quotes"),
            ({"claims": {"sub": None}}, "auth.assertion.claims.sub", "is null"),
            ({"claims": {"a": {"b": [1, b"x"]}}}, "auth.assertion.claims.a.b[1]", "`base64` or `hex`"),
            ({"claims": {"a": float("nan")}}, "auth.assertion.claims.a", "not a number"),
            ({"claims": {"a": "\ud800"}}, "auth.assertion.claims.a", "half of a character"),
            ({"claims": {"exp": NOW - 1}}, "auth.assertion.claims.exp", "in the past"),
            ({"claims": {"exp": NOW * 1000}}, "auth.assertion.claims.exp", "milliseconds"),
            ({"claims": {"iat": "now"}}, "auth.assertion.claims.iat", "seconds since 1970"),
            ({"claims": {"nbf": True}}, "auth.assertion.claims.nbf", "seconds since 1970"),
            ({"lifetime": 0}, "auth.assertion.lifetime", "from 1"),
            ({"lifetime": True}, "auth.assertion.lifetime", "from 1"),
            ({"lifetime": "5 minutes"}, "auth.assertion.lifetime", "from 1"),
            ({"lifetime": float("inf")}, "auth.assertion.lifetime", "from 1"),
        ],
    )
    def test_refused_descriptions(self, given, where, says):
        """The key that is wrong, and what would be right."""
        with pytest.raises(AssertionRefused) as raised:
            token(**given)

        assert raised.value.where == where
        assert says in str(raised.value)


class TestKeys:
    def test_forms_of_one_key(self):
        """PKCS #8, PKCS #1, OpenSSH, DER, PKCS #12 and JWK of one key sign alike."""
        private = signing.key()
        jwk = jwk_of(private)
        forms = [
            signing.pem(private), signing.pem(private, form="TraditionalOpenSSL"), signing.pem(private, form="OpenSSH"), signing.der(private),
            pkcs12_of(private), jwk, json.dumps(jwk), private,
        ]  # fmt: skip

        for form in forms:
            signing.verify(token(signing_key=form).text, "RS256", private.public_key())

    def test_ec_parameters_may_stand_before_the_key(self):
        """OpenSSL writes the curve in a block of its own."""
        private = signing.key("P-256")
        text = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n" + signing.pem(private, form="TraditionalOpenSSL")

        signing.verify(token(algorithm="ES256", signing_key=text).text, "ES256", private.public_key())

    @pytest.mark.parametrize(
        "mangle",
        [
            lambda text: text.replace("\n", "\\n"),
            lambda text: text.replace("\n", "\\r\\n"),
            lambda text: text.replace("\n", " "),
            lambda text: text.replace("\n", "\r\n    "),
            lambda text: text.replace("\n", ""),
            lambda text: "  " + text.strip(),
        ],
        ids=["backslash n", "backslash r n", "spaces", "indented", "one line", "no end of line"],
    )
    @pytest.mark.parametrize("form", ["PKCS8", "TraditionalOpenSSL"])
    def test_line_ends_are_mended(self, mangle, form):
        """A key that went through an environment variable or JSON still signs."""
        signing.verify(token(signing_key=mangle(signing.pem(signing.key(), form=form))).text, "RS256", signing.key().public_key())

    def test_password(self):
        """An encrypted key opens with its password; one that is not encrypted needs none."""
        locked = signing.pem(signing.key(), "hunter22")

        for key in (locked, signing.pem(signing.key()), signing.pem(signing.key(), "hunter22", "TraditionalOpenSSL"), pkcs12_of(signing.key(), b"hunter22")):
            signing.verify(token(signing_key=key, password="hunter22").text, "RS256", signing.key().public_key())

    def test_own_certificate_may_stand_beside(self):
        """A bundle of key and certificate signs; so does one with the issuer's certificate behind it."""
        bundle = signing.certificate_pem(signing.key("RSA", 2)) + signing.pem(signing.key()) + signing.certificate_pem(signing.key())

        signing.verify(token(signing_key=bundle).text, "RS256", signing.key().public_key())
        signing.verify(token(certificates=[signing.certificate_pem(signing.key())]).text, "RS256", signing.key().public_key())

    @pytest.mark.parametrize(
        ("algorithm", "material", "reason", "says"),
        [
            ("RS256", lambda: signing.pem(signing.key("P-256")), "type", "is an EC key, and RS256 wants an RSA private key; write algorithm: ES256"),
            ("ES256", lambda: signing.pem(signing.key()), "type", "is an RSA key, and ES256 wants an EC private key on P-256; write algorithm: RS256"),
            ("PS256", lambda: signing.pem(signing.key("Ed25519")), "type", "write algorithm: EdDSA"),
            ("EdDSA", lambda: signing.pem(signing.key("P-521")), "type", "write algorithm: ES512"),
            ("ES256", lambda: signing.pem(signing.key("P-384")), "curve", "on P-384, and ES256 wants P-256; write algorithm: ES384"),
            ("ES256", lambda: signing.pem(signing.key("secp256k1")), "curve", "on secp256k1, and ES256 wants P-256; supply another key"),
            ("RS256", lambda: signing.pem(dsa.generate_private_key(2048)), "type", "is a DSA key"),
            ("RS256", lambda: signing.pem(signing.key("RSA-1024")), "small", "RSA key of 1024 bits; RS256 needs 2048 or more"),
            ("RS256", lambda: signing.public_pem(signing.key()), "public_key", "is a public key"),
            ("RS256", lambda: "ssh-rsa AAAAB3NzaC1yc2E= me@here", "public_key", "is a public key"),
            ("RS256", lambda: signing.certificate_pem(signing.key()), "certificate", "is a certificate, not a private key"),
            ("RS256", lambda: signing.certificate(signing.key()).public_bytes(serialization.Encoding.DER), "certificate", "is a certificate"),
            ("RS256", lambda: signing.pem(signing.key(), "hunter22"), "encrypted", "is encrypted, and there is no password"),
            ("RS256", lambda: signing.pem(signing.key(), "hunter22", "TraditionalOpenSSL"), "encrypted", "openssl pkey"),
            ("RS256", lambda: pkcs12_of(signing.key(), b"hunter22"), "encrypted", "is encrypted"),
            ("RS256", lambda: signing.pem(signing.key()) * 2, "several", "holds 2 private keys"),
            ("RS256", lambda: "".join(signing.pem(signing.key()).splitlines(keepends=True)[:9]) + "-----END PRIVATE KEY-----\n", "unreadable", "as the provider gave it, whole"),
            ("RS256", lambda: signing.pem(signing.key())[:700], "unreadable", "is not PEM"),
            ("RS256", lambda: base64.b64encode(signing.der(signing.key())).decode(), "unreadable", "put -----BEGIN PRIVATE KEY----- before it"),
            ("RS256", lambda: "/home/me/key.pem", "unreadable", "it looks like a file name"),
            ("RS256", lambda: "hunter22", "unreadable", "supply an RSA private key in PEM"),
            ("RS256", lambda: b"\x30\x03\x02\x01\x01", "unreadable", "cannot be read"),
            ("RS256", lambda: "{", "unreadable", "begins like JSON"),
            ("RS256", lambda: {"type": "service_account", "private_key": signing.pem(signing.key())}, "type", "as `.private_key`"),
            ("RS256", lambda: {"kty": "RSA", "n": "AQAB", "e": "AQAB"}, "public_key", "it has no `d`"),
            ("RS256", lambda: {"kty": "RSA", "n": "AQAB", "e": "AQAB", "d": "AQAB"}, "unreadable", "JSON Web Key that cannot be read"),
            ("RS256", lambda: {"kty": "EC2", "d": "x"}, "type", "of a kind that is not known"),
            ("RS256", lambda: None, "type", "is null"),
            ("RS256", lambda: 7, "type", "not a key"),
            ("RS256", lambda: signing.pem(signing.key()) + signing.certificate_pem(signing.key("RSA", 2)), "mismatch", "another key"),
            ("RS256", lambda: signing.pem(signing.key()) + signing.certificate_pem(signing.key(), "2020-01-01", 365), "expired", "expired on 2020-12-31"),
            ("RS256", lambda: signing.pem(signing.key()) + signing.certificate_pem(signing.key(), "2030-01-01", 365), "not_yet_valid", "clock"),
            ("RS256", lambda: pkcs12_of(signing.key(), begin="2020-01-01", days=9), "expired", "expired on 2020-01-10"),
            ("HS256", lambda: signing.public_pem(signing.key()), "confusion", "is a public key, and HS256 signs with a shared secret"),
            ("HS256", lambda: signing.public_pem(signing.key()).encode(), "confusion", "is a public key"),
            ("HS256", lambda: " x" + signing.public_pem(signing.key()), "confusion", "is a public key"),
            ("HS256", lambda: signing.pem(signing.key()), "confusion", "is a private key"),
            ("HS512", lambda: signing.certificate_pem(signing.key()), "confusion", "is a certificate"),
            ("HS256", lambda: signing.public_pem(signing.key()).replace("\n", "").partition("-----END")[0].partition("KEY-----")[2], "confusion", "is a public key"),
            ("HS256", lambda: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI me", "confusion", "is a public key"),
            ("HS256", lambda: jwk_of(signing.key()), "confusion", "write algorithm: RS256"),
            ("HS256", lambda: "too short", "small", "less than 112 bits"),
            ("HS256", lambda: "", "small", "less than 112 bits"),
        ],
    )  # fmt: skip
    def test_refused_keys(self, algorithm, material, reason, says):
        """What it is, and what would be right; never a part of it."""
        given = material()

        with pytest.raises(KeyRefused) as raised:
            token(algorithm=algorithm, signing_key=given)

        assert (reason, "auth.assertion.signing_key") == (raised.value.reason, raised.value.name)
        assert says in str(raised.value)
        assert "hunter22" not in str(raised.value)
        assert raised.value.__cause__ is raised.value.__context__ is None

    def test_a_certificate_for_a_key_of_an_unknown_kind(self):
        """It is not that of the key, and no more can be said of it."""
        raw = signing.certificate(signing.key()).public_bytes(serialization.Encoding.DER)
        unknown = base64.encodebytes(raw.replace(bytes.fromhex("2a864886f70d010101"), bytes.fromhex("2a864886f70d01010f"), 1)).decode()

        with pytest.raises(KeyRefused) as raised:
            token(signing_key=f"{signing.pem(signing.key())}-----BEGIN CERTIFICATE-----\n{unknown}-----END CERTIFICATE-----\n")

        assert "mismatch" == raised.value.reason

    def test_wrong_password(self):
        """A password that does not open is told apart from one that is missing."""
        for key in (signing.pem(signing.key(), "hunter22"), signing.pem(signing.key(), "hunter22", "TraditionalOpenSSL"), pkcs12_of(signing.key(), b"hunter22")):
            with pytest.raises(KeyRefused, match="does not open with this password") as raised:
                token(signing_key=key, password="hunter23")
            assert raised.value.reason == "password"

    @pytest.mark.parametrize(
        ("pem", "reason"),
        [
            (lambda: signing.certificate_pem(signing.key("RSA", 2)), "mismatch"),
            (lambda: signing.certificate_pem(signing.key(), "2020-01-01", 365), "expired"),
            (lambda: signing.certificate_pem(signing.key(), "2030-01-01", 365), "not_yet_valid"),
            (lambda: signing.public_pem(signing.key()), "unreadable"),
            (lambda: "no PEM", "unreadable"),
        ],
    )
    def test_certificates_that_the_header_names(self, pem, reason):
        """One that has ended, or belongs to another key, is found before the server finds it."""
        with pytest.raises(KeyRefused) as raised:
            token(certificates=[pem()])

        assert (reason, "auth.assertion.header") == (raised.value.reason, raised.value.name)


class TestReady:
    XML = "<?xml version='1.0'?><saml2:Assertion ID='a'>Zoë</saml2:Assertion>"
    ENCODED = base64.urlsafe_b64encode(XML.encode()).rstrip(b"=").decode()

    @pytest.mark.parametrize(
        "given",
        [XML, f"\n {XML}\n", XML.encode(), ENCODED, ENCODED + "=" * (-len(ENCODED) % 4), base64.b64encode(XML.encode()).decode(), base64.encodebytes(XML.encode()).decode()],
        ids=["XML", "spaces around", "bytes", "base64url", "padded", "base64", "lines of base64"],
    )
    def test_saml_is_sent_in_base64url(self, given):
        """However it is supplied: base64url, without padding and without line ends (RFC 7522 §2.1)."""
        made = ready(given)

        assert (self.ENCODED, "urn:ietf:params:oauth:client-assertion-type:saml2-bearer") == (made.text, made.kind)

    def test_a_jwt_stays_as_it_is(self):
        """Its kind is that of RFC 7523 §2.2."""
        made = ready("eyJh.eyJp.c2ln")

        assert ("eyJh.eyJp.c2ln", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer") == (made.text, made.kind)

    @pytest.mark.parametrize("given", ["", "  ", None, 7, "hello", "aGVsbG8", "a.b", "eyJh.eyJp.", "\ufeff"])
    def test_refused(self, given):
        """Neither SAML nor a signed JWT: nothing is sent, and nothing of it is shown."""
        with pytest.raises(AssertionRefused) as raised:
            ready(given, at="auth.assertion")

        assert str(raised.value).startswith("auth.assertion is ")


def pkcs12_of(private, password=b"", *, begin="2020-01-01", days=20_000):
    """The key with its certificate in PKCS #12."""
    lock = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return pkcs12.serialize_key_and_certificates(b"signer", private, signing.certificate(private, begin, days), None, lock)


def jwk_of(private):
    """The private JWK of an RSA key (RFC 7518 §6.3.2)."""
    numbers = private.private_numbers()
    members = {
        "n": numbers.public_numbers.n, "e": numbers.public_numbers.e, "d": numbers.d, "p": numbers.p, "q": numbers.q, "dp": numbers.dmp1,
        "dq": numbers.dmq1, "qi": numbers.iqmp,
    }  # fmt: skip
    encoded = {name: base64.urlsafe_b64encode(value.to_bytes((value.bit_length() + 7) // 8)).rstrip(b"=").decode() for name, value in members.items()}
    return {"kty": "RSA", "kid": "7", **encoded}


JSON = st.recursive(
    st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), inner, max_size=3),
    max_leaves=8,
)
REGISTERED = {"iss", "sub", "aud", "jti", "iat", "exp", "nbf"}


class TestAnything:
    @given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), JSON, max_size=4))
    @settings(max_examples=examples(60), deadline=None)
    def test_claims_arrive_as_they_are_written(self, written):
        """Any JSON, to the letter, beside those that are added."""
        made = signed(Description(signing.SECRET, "HS256", claims={name: value for name, value in written.items() if name not in REGISTERED}), NOW)

        said = signing.parts(made.text)[1]
        assert {"iat", "exp", "jti"} <= said.keys()
        assert {name: value for name, value in written.items() if name not in REGISTERED} == {name: value for name, value in said.items() if name not in REGISTERED}

    @given(
        st.text() | st.binary() | st.none() | JSON | st.builds("{{{}".format, st.text()) | st.dictionaries(st.sampled_from(["kty", "d", "n", "e", "crv", "x", "y", "k"]), JSON)
        | st.builds("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----".format, st.text(st.sampled_from("MIIBA+/=\n"), max_size=80)),
        st.sampled_from(sorted(ALGORITHMS)),
    )  # fmt: skip
    @settings(max_examples=examples(150), deadline=None)
    def test_no_material_brings_a_foreign_error(self, material, algorithm):
        """It is a key, or it is refused in words of ours."""
        with contextlib.suppress(KeyRefused):
            assert signing_key(material, ALGORITHMS[algorithm], password="x", now=NOW) is not None

    @given(st.text() | st.binary() | st.none() | JSON)
    @settings(max_examples=examples(60), deadline=None)
    def test_no_ready_assertion_brings_a_foreign_error(self, given_text):
        """It is a JWT or SAML, or it is refused."""
        with contextlib.suppress(AssertionRefused):
            assert ready(given_text).kind.startswith("urn:ietf:params:oauth:client-assertion-type:")

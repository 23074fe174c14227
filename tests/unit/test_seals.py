"""The built-in seals keep the promises of every seal."""

from typing import ClassVar

import pytest

from authweave.proofs.dpop import new_key
from authweave.seals.aws_sigv4 import AwsSigV4
from authweave.seals.digest import Digest
from authweave.seals.dpop import Dpop
from authweave.seals.negotiate import Negotiate
from authweave.seals.ntlm import Ntlm
from authweave.seals.oauth1 import OAuth1
from authweave.testing import SealContract
from authweave.testing.seal import REQUESTS
from authweave.values import Secret, TaskResponse, Token


class TestDpop(SealContract):
    """RFC 9449."""

    token = Token(Secret("s3cr3t-token", "test"), token_type="DPoP", proof_key=new_key())

    @pytest.fixture
    def seal(self):
        return Dpop()


class TestOAuth1(SealContract):
    """RFC 5849, in the header."""

    own: ClassVar = {
        "consumer_key": "bot", "consumer_secret": "s3cr3t-consumer", "token": "t0k3n", "token_secret": "s3cr3t-of-token",
        "signature_method": "HMAC-SHA1", "signature_in": "header",
    }  # fmt: skip

    @pytest.fixture
    def seal(self):
        return OAuth1()


class TestOAuth1InQuery(TestOAuth1):
    """RFC 5849 §3.5.3."""

    own: ClassVar = {**TestOAuth1.own, "signature_in": "query"}


class TestAwsSigV4(SealContract):
    """In the header."""

    own: ClassVar = {
        "service": "execute-api", "region": "eu-west-1", "access_key_id": "AKIDEXAMPLE", "secret_access_key": "s3cr3t-access-key",
        "signature_in": "header",
    }  # fmt: skip

    @pytest.fixture
    def seal(self):
        return AwsSigV4()


class TestDigest(SealContract):
    """RFC 7616, once the server has asked."""

    own: ClassVar = {"username": "ada", "password": "s3cr3t-password"}

    @pytest.fixture
    def seal(self, signing):
        seal = Digest()
        challenge = 'Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256'
        assert "challenge" == seal.learned(REQUESTS["get"], TaskResponse(401, (("WWW-Authenticate", challenge),)), signing)
        return seal


class TestNtlm(SealContract):
    """MS-NTHT: the first message."""

    own: ClassVar = {"username": "DOMAIN\\ada", "password": "s3cr3t-password"}

    @pytest.fixture
    def seal(self):
        pytest.importorskip("spnego")
        return Ntlm()


class TestNegotiate(SealContract):
    """RFC 4559, with what stands in for a ticket where there is no realm."""

    own: ClassVar = {"service": "HTTP@api.example.com", "delegate": False, "mutual": True}

    @pytest.fixture
    def seal(self):
        class Foretold(Negotiate):
            sign = Negotiate.foretold

        return Foretold()

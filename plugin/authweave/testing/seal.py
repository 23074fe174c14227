"""What every seal promises (`contracts.Seal`). Say how a seal is made and what it is given, and run it:

    class TestMySeal(SealContract):
        own = {"signing_key": "s3cr3t-of-the-seal"}

        @pytest.fixture
        def seal(self):
            return MySeal()
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

import pytest

from authweave.contracts import Seal, Signing
from authweave.errors import ApiError, AuthweaveError
from authweave.testing.extension import ExtensionContract
from authweave.values import TaskRequest, TaskResponse, Token

URL = "https://api.example.com/v1/things?b=2&a=1"
REQUESTS = {
    "get": TaskRequest("GET", URL, (("Accept", "application/json"),)),
    "post": TaskRequest("POST", URL, (("Content-Type", "application/json"), ("Content-Length", "9")), b'{"a":"b"}'),
}


CHALLENGES = ("", "Acme", "Digest", 'Digest realm="x', 'Digest realm="a", nonce="n\\", qop=,', "DPoP error=use_dpop_nonce", "Negotiate !!!", "NTLM ////", "=,=;\"", "\u00fc" * 500)


class SealContract(ExtensionContract):
    """Needs a fixture `seal`. `own` are the keys of its type, `token` what a token call gave."""

    kind = "seals"
    own: ClassVar[Mapping[str, Any]] = {}
    token: ClassVar[Token | None] = None

    @pytest.fixture
    def seal(self) -> Seal:
        """The seal under test."""
        raise NotImplementedError("make the seal here")

    @pytest.fixture
    def extension_class(self, seal: Seal) -> type[Any]:
        """The class of the seal."""
        return type(seal)

    @pytest.fixture
    def signing(self) -> Signing:
        """What it is given beside the request."""
        return Signing(self.own, {}, self.token, 1_700_000_000.0, "auth")

    @pytest.fixture(params=REQUESTS)
    def request_(self, request: pytest.FixtureRequest) -> TaskRequest:
        """A finished request."""
        return REQUESTS[str(request.param)]

    def test_is_a_seal(self, seal: Seal) -> None:
        """It has everything the protocol names, and is made without arguments."""
        assert isinstance(seal, Seal)
        assert isinstance(type(seal).name, str)
        assert type(seal).reads_body in (True, False)
        assert isinstance(type(seal)(), Seal)

    def test_it_signs_and_changes_nothing_else(self, seal: Seal, signing: Signing, request_: TaskRequest) -> None:
        """Method, origin and body stay; what was there in headers and query is still there."""
        sealed = seal.sign(request_, signing).request

        assert (request_.method, request_.body, request_.streamed) == (sealed.method, sealed.body, sealed.streamed)
        assert urlsplit(request_.url)[:2] == urlsplit(sealed.url)[:2]
        assert set(request_.headers) <= set(sealed.headers)
        assert set(parse_qsl(urlsplit(request_.url).query)) <= set(parse_qsl(urlsplit(sealed.url).query))

    def test_everything_it_adds_has_a_name_and_an_origin(self, seal: Seal, signing: Signing, request_: TaskRequest) -> None:
        """The redirect guard takes away what is named, and nothing else: an added header without a name would go anywhere."""
        made = seal.sign(request_, signing)

        added = {name.lower() for name, _ in set(made.request.headers) - set(request_.headers)}
        in_query = {name for name, _ in parse_qsl(urlsplit(made.request.url).query)} - {"a", "b"}
        assert added == {placed.key.lower() for placed in made.placed if placed.place == "header"}
        assert in_query == {placed.key for placed in made.placed if placed.place == "query"}
        assert made.placed
        assert all(placed.origin.startswith(signing.origin) for placed in made.placed)

    def test_it_shows_no_secret(self, seal: Seal, signing: Signing, request_: TaskRequest) -> None:
        """Neither what it was given nor what it made is in any text about it."""
        made = seal.sign(request_, signing)

        shown = repr(made) + repr(seal)
        assert [name for name, value in self.own.items() if isinstance(value, str) and "s3cr3t" in value and value in shown] == []
        assert all((made.request.header(placed.key) or "?") not in shown for placed in made.placed if placed.place == "header" and placed.secret)

    def test_every_request_is_signed_by_itself(self, seal: Seal, signing: Signing, request_: TaskRequest) -> None:
        """Many threads share a seal; each gets its own request back."""
        with ThreadPoolExecutor(8) as pool:
            made = list(pool.map(lambda _: seal.sign(request_, signing), range(64)))

        assert {URL.partition("?")[0]} == {each.request.url.partition("?")[0] for each in made}
        assert request_ == REQUESTS["post" if request_.body else "get"]

    def test_a_good_answer_asks_for_nothing(self, seal: Seal, signing: Signing, request_: TaskRequest) -> None:
        """No second request without a reason; what the server says of other schemes is none."""
        made = seal.sign(request_, signing).request

        assert "" == seal.learned(made, TaskResponse(200), signing)
        assert "" == seal.learned(made, TaskResponse(503, (("WWW-Authenticate", "Basic realm=\"x\""),)), signing)

    @pytest.mark.parametrize("challenge", CHALLENGES, ids=lambda challenge: repr(challenge)[:20])
    def test_it_bears_every_answer(self, seal: Seal, signing: Signing, request_: TaskRequest, challenge: str) -> None:
        """Whatever a server says, `learned` answers with a word, or with an error of the tree; signing goes on, or is refused so."""
        made = seal.sign(request_, signing).request
        headers = (("WWW-Authenticate", challenge), ("DPoP-Nonce", challenge), ("Authentication-Info", challenge), ("Date", challenge))
        for status in (200, 401, 407, 500):
            try:
                word: object = seal.learned(made, TaskResponse(status, headers, b"\xff\x00"), signing)
            except ApiError:
                continue
            assert isinstance(word, str)
            assert word == "" or word.isidentifier()
        try:
            seal.sign(request_, signing)
        except AuthweaveError as refused:
            assert not any(value in str(refused) for value in self.own.values() if isinstance(value, str) and "s3cr3t" in value)

    def test_a_key_that_is_not_written(self, seal: Seal, signing: Signing, request_: TaskRequest) -> None:
        """Where one of its secrets is null, it signs without it, or refuses with an error of the tree: nothing goes out half-signed."""
        for name in [name for name, value in self.own.items() if isinstance(value, str) and "s3cr3t" in value]:
            bare = Signing({**self.own, name: None}, {}, self.token, signing.now, signing.origin)
            try:
                made = type(seal)().sign(request_, bare)
            except AuthweaveError:
                continue
            assert made.placed or made.request == request_

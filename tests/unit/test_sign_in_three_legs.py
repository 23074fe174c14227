"""Signing in by OAuth 1.0: what a provider, or whoever sends the person back, may not say."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

import pytest

from authweave.errors import AuthorizationDenied, CallbackRefused, TokenAnswerError
from services import Identity, Reply, connect, engine, serving
from signing_in import API, REDIRECT, begun_by

TEMPORARY = {"oauth_token": "temporary", "oauth_token_secret": "s", "oauth_callback_confirmed": "true"}


class Provider(Identity):
    """Gives temporary credentials, and a token for them."""

    def __init__(self, **temporary):
        super().__init__()
        self.temporary = {name: value for name, value in {**TEMPORARY, **temporary}.items() if value is not None}

    def __call__(self, request):
        self.asked.append(request)
        said = self.temporary if request.target == "/temporary" else {"oauth_token": "T", "oauth_token_secret": "S"}
        return Reply(200, urlencode(said).encode(), (("Content-Type", "application/x-www-form-urlencoded"),))


def of(provider, *, run=None, subject=""):
    auth = {
        "type": "oauth1", "signature_method": "HMAC-SHA1", "request_token_url": f"{provider.url}/temporary",
        "authorization_url": "https://id.example.com/authorize", "access_token_url": f"{provider.url}/token",
    }  # fmt: skip
    return connect(auth, API, run=run or engine(inputs={"consumer_key": "k", "consumer_secret": "s"}), subject=subject)


def completed(connection, **parameters):
    return connection.complete_authorization(f"{REDIRECT}?{urlencode(parameters, doseq=True)}").result(10)


@pytest.mark.parametrize(("member", "value"), [
    ("oauth_callback_confirmed", None), ("oauth_callback_confirmed", "false"), ("oauth_token", None), ("oauth_token", ""),
    ("oauth_token", "t" * 4097), ("oauth_token_secret", None), ("oauth_token_secret", "s" * 4097),
])  # fmt: skip
def test_temporary_credentials_that_nobody_is_sent_with(member, value):
    """Without revision A others could complete the sign-in; without a token, or with a giant one, nobody is sent anywhere."""
    with serving(Provider(**{member: value})) as provider, pytest.raises(TokenAnswerError, match=member):
        begun_by(of(provider), redirect_uri=REDIRECT)


def test_the_link_holds_the_temporary_token_and_tells_nobody_else():
    """Who has it can sign in with an account of their own: it is in the link alone."""
    with serving(Provider()) as provider:
        begun = begun_by(of(provider), redirect_uri=REDIRECT)

    assert {"oauth_token": "temporary"} == dict(parse_qsl(begun.url.partition("?")[2]))
    assert "temporary" not in repr(begun)


@pytest.mark.parametrize(("answer", "reason"), [
    ({"oauth_token": ["temporary", "temporary"], "oauth_verifier": "v"}, "state"), ({"oauth_token": "temporary", "oauth_verifier": ["v", "w"]}, "duplicate"),
    ({"oauth_token": "temporary", "oauth_verifier": "v", "oauth_problem": ["user_refused", "x"]}, "duplicate"),
    ({"oauth_token": "guessed", "oauth_verifier": "v"}, "state"), ({"oauth_verifier": "v"}, "state"), ({"oauth_token": "temporary"}, "code"),
])  # fmt: skip
def test_a_crafted_answer_is_refused_and_the_right_one_still_taken(answer, reason):
    """Doubled, guessed, without a verifier: nothing is sent."""
    with serving(Provider()) as provider:
        connection = of(provider)
        begun_by(connection, redirect_uri=REDIRECT)
        with pytest.raises(CallbackRefused) as caught:
            completed(connection, **answer)
        assert (reason, 1) == (caught.value.reason, len(provider.asked))

        assert "T" == completed(connection, oauth_token="temporary", oauth_verifier="v").access_token.reveal()


def test_a_state_with_the_token_of_another_sign_in_is_refused():
    """Whoever has a state of ours, and the temporary token of somebody else, has no answer."""
    with serving(Provider()) as provider:
        connection = of(provider)
        begun = begun_by(connection, redirect_uri=REDIRECT)
        with pytest.raises(CallbackRefused, match="another token"):
            completed(connection, state=begun.state, oauth_token="anothers", oauth_verifier="v")


def test_the_same_temporary_token_may_come_again_for_the_same_sign_in():
    """A provider that gives the same one to who asks again takes nothing from anybody."""
    with serving(Provider()) as provider:
        connection = of(provider)
        first = begun_by(connection, redirect_uri=REDIRECT)
        again = begun_by(connection, redirect_uri=f"{REDIRECT}/again")

    assert first.state != again.state


@pytest.mark.parametrize(("answer", "error"), [
    ({"denied": "temporary"}, "access_denied"), ({"oauth_token": "temporary", "oauth_problem": "user_refused"}, "access_denied"),
    ({"oauth_token": "temporary", "oauth_problem": "timestamp_refused"}, "timestamp_refused"),
])  # fmt: skip
def test_a_refusal_is_told(answer, error):
    """In the words of Twitter, and of the extension for problem reporting."""
    with serving(Provider()) as provider:
        connection = of(provider)
        begun_by(connection, redirect_uri=REDIRECT)
        with pytest.raises(AuthorizationDenied) as caught:
            completed(connection, **answer)

    assert (error, 1) == (caught.value.error, len(provider.asked))

"""The sandbox judges logins, passwords and steps by itself: what is not as declared is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from authweave.errors import TokenEndpointError
from authweave.loading import load, loads
from authweave.sandbox import Sandbox
from authweave.values import TaskRequest
from authweave.wire import Call

pytestmark = pytest.mark.thorough

FOLDER = Path(__file__).parents[1] / "sandbox_profiles"


@pytest.fixture(scope="module", params=["logged-in", "introspected", "kore-password"])
def profile(request: pytest.FixtureRequest) -> Any:
    return load(FOLDER / f"{request.param}.yaml")


def asked(engine: Any, connection: Any, url: str = "/v1/me") -> int:
    """The status of the API's answer."""
    sent = connection.authorize(TaskRequest("GET", url)).result(20)
    return int(engine.wire.send(Call(sent.method, sent.url, sent.headers, sent.body), deadline=10).status)


def test_a_wrong_secret_is_refused(profile: Any) -> None:
    """As declared it is let in; with another value of any secret there is no token."""
    with Sandbox([profile]) as sandbox, sandbox.engine() as engine:
        inputs = sandbox.inputs(profile)
        secret = [name for name in inputs if profile.inputs[name].secret]

        good = engine.connect(profile, inputs=inputs, subject="ada").token().result(20)
        for name in secret:
            with pytest.raises(TokenEndpointError):
                engine.connect(profile, inputs={**inputs, name: "another"}, subject="ada").token().result(20)

        assert good is not None
        assert secret


def test_a_session_lives_ends_and_is_ended() -> None:
    """It is good until it dies, then refreshed; logged out, it is refused, and another one is got."""
    profile = load(FOLDER / "logged-in.yaml")
    with Sandbox([profile]) as sandbox, sandbox.engine() as engine:
        connection = engine.connect(profile)
        first = connection.token().result(20)
        assert asked(engine, connection) == 200

        assert connection.revoke().result(20) is True
        assert asked(engine, connection) == 200
        dead = {"Cookie": f"sid={first.access_token.reveal()}"}
        assert engine.wire.send(Call("GET", "https://api.acme.example/v1/me", tuple(dead.items()), None), deadline=10).status == 401
        assert sandbox.counts["token"] == 2


def test_what_a_step_gives_is_wanted() -> None:
    """The login is refused where the value that the step gave does not come along."""
    written = (FOLDER / "logged-in.yaml").read_text()
    profile = loads(written, "logged-in.yaml")
    other = loads(written.replace("value: '{{ kept.csrf }}'", "value: 'made-up-{{ kept.csrf }}'"), "logged-in.yaml")
    with Sandbox([profile]) as sandbox, sandbox.engine() as engine:
        inputs = sandbox.inputs(profile)

        with pytest.raises(TokenEndpointError, match="X-CSRF-Token"):
            engine.connect(other, inputs=inputs).token().result(20)
        assert engine.connect(profile, inputs=inputs).token().result(20) is not None

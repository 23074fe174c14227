"""What a token's key is made of: never a secret, though every part is shown; and whom an endpoint's trouble concerns."""

from __future__ import annotations

import json

import pytest

from authweave.errors import AuthweaveError, EndpointPaused, TokenEndpointError
from services import INPUTS, Identity, engine, oauth, profile, says, serving
from thorough import every

API = "https://api.example.com"
PLANTED = "planted-s3cret-of-a-tenant"
PLACES = [
    {"token_url": "URL/{{ inputs.hidden }}/token"}, {"token_url": "URL/token?key={{ inputs.hidden }}"}, {"scopes": ["{{ inputs.hidden }}"]},
    {"audience": "{{ vars.whole }}"}, {"client_id": "{{ inputs.hidden }}"},
]  # fmt: skip


def made_of(identity, place, **auth):
    place = {name: value.replace("URL", identity.url) if isinstance(value, str) else value for name, value in place.items()}
    variables = {"vars": {"whole": "all of {{ inputs.hidden }}"}} if "audience" in place else {}
    return profile(oauth(identity, **{**place, **auth}), API, inputs={"hidden": {"secret": True}}, **variables)


def key_of(connection):
    connection.inputs()
    return connection.credential(connection.profile.variants[0]).token_key(connection.inputs())


@every("place", PLACES)
def test_what_is_made_of_a_secret_is_told_nowhere(place):
    """Stored facts, events, status and errors name such a part as the profile writes it."""
    told = []
    with serving(Identity(script=[says({"error": "invalid_client"}, 401)])) as identity:
        run = engine(inputs={**INPUTS, "hidden": PLANTED}, on_event=told.append)
        connection = run.connect(made_of(identity, place))
        for _ in range(2):
            with pytest.raises(TokenEndpointError) as caught:
                connection.token().result(10)
            assert PLANTED not in str(caught.value)
        status = run.status()
        [(_, record)] = run.ledger.entries()

    assert PLANTED not in json.dumps(record.entry.facts)
    assert PLANTED not in repr(status)
    assert PLANTED not in repr(record)
    assert told
    assert all(PLANTED not in str(getattr(event, name)) for event in told for name in type(event).__dataclass_fields__)


@every("place", PLACES)
@every("grant", [{}, {"grant_type": "refresh_token", "refresh_token": "{{ inputs.refresh_token }}"}])
def test_another_secret_there_is_another_key(place, grant):
    """That it is not shown makes no two tokens one; and it is the same key each time."""
    with serving(Identity()) as identity:
        made = made_of(identity, place, **grant)
        given = {**INPUTS, **({"refresh_token": "the same of both"} if grant else {})}
        one, other, again = (key_of(engine(inputs={**given, "hidden": hidden}).connect(made)) for hidden in (PLANTED, "another", PLANTED))

    assert one.digest() == again.digest() != other.digest()


def test_the_trouble_of_one_tenants_endpoint_is_not_anothers():
    """Two tenants of one provider, each with a URL of its own, the same client: what fails for one is not left alone for the other."""
    with serving(Identity(script=[says({}, 500)] * 5)) as identity:
        made = profile(oauth(identity, token_url=f"{identity.url}/{{{{ inputs.org }}}}/token"), API, inputs={"org": {}})
        run = engine(inputs=None, attempts=1)
        bad, good = (run.connect(made, tenant=name, inputs={**INPUTS, "org": name}) for name in ("bad", "good"))
        for _ in range(5):
            with pytest.raises(AuthweaveError):
                bad.token().result(10)
        with pytest.raises(EndpointPaused):
            bad.token().result(10)

        assert "T1" == good.token().result(10).access_token.reveal()


def test_what_an_endpoint_asks_of_one_tenants_url_it_asks_of_no_other():
    """`Retry-After` holds for the URL that said it."""
    with serving(Identity(script=[says({}, 429, ("Retry-After", "3600"))])) as identity:
        made = profile(oauth(identity, token_url=f"{identity.url}/{{{{ inputs.org }}}}/token"), API, inputs={"org": {}})
        run = engine(inputs=None)
        for _ in range(2):
            with pytest.raises(AuthweaveError, match="asked to wait"):
                run.connect(made, tenant="busy", inputs={**INPUTS, "org": "busy"}).token().result(10)

        assert "T1" == run.connect(made, tenant="idle", inputs={**INPUTS, "org": "idle"}).token().result(10).access_token.reveal()
    assert ["/busy/token", "/idle/token"] == [request.target for request in identity.asked]

"""What a token's key is made of: never a secret, though every part is shown; and whom an endpoint's trouble concerns."""

from __future__ import annotations

import json
from dataclasses import replace

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


def digest_of(*, tenant="blue", subject="anna", name="acme", variant=0, given=None, **auth):
    """The key of a connection, with these things about it changed."""
    one = oauth("https://id.example.com/token", **{"scopes": ["a"], "audience": "https://a.example.com", "resource": "https://r.example.com", **auth})
    variants = [{**one, "name": way, "when": f"{{{{ inputs.way == '{way}' }}}}"} for way in ("this", "that")]
    inputs = {"way": {"enum": ["this", "that"]}, "region": {}, "hidden": {"secret": True}}
    fields = [{"in": "payload", "key": key, "value": f"{{{{ inputs.{key} }}}}"} for key in ("region", "hidden")]
    made = profile([{**way, "token_request": {"fields": fields}} for way in variants], API, inputs=inputs)
    made = replace(made, name=name)
    connection = engine(inputs={**INPUTS, "way": "this", "region": "eu", "hidden": "h", "refresh_token": "r", **(given or {})}).connect(made, tenant=tenant, subject=subject)
    return connection.credential(made.variants[variant]).token_key(connection.inputs()).digest()


REFRESH = {"grant_type": "refresh_token", "refresh_token": "{{ inputs.refresh_token }}"}


@every("one, other", [
    ({}, {"tenant": "red"}), ({}, {"subject": "berta"}), ({}, {"name": "acme-of-another"}), ({}, {"variant": 1}), ({}, {"token_url": "https://id.example.com/t"}),
    ({}, {"client_id": "another"}), ({}, {"scopes": ["b"]}), ({}, {"audience": "https://b.example.com"}), ({}, {"resource": "https://s.example.com"}),
    ({}, {"given": {"region": "us"}}), ({}, {"given": {"hidden": "i"}}), ({}, {"given": {"client_secret": "another"}}), ({}, REFRESH),
    (REFRESH, {**REFRESH, "given": {"refresh_token": "s"}}),
    ({"given": {"client_secret": "a", "hidden": "bhiddenc"}}, {"given": {"client_secret": "ahiddenb", "hidden": "c"}}),
], ids=range(15))  # fmt: skip
def test_whatever_tells_two_tokens_apart_is_in_the_key(one, other):
    """Whose, for what, from where, by which way and with which inputs; the same of all of it is the same key."""
    assert digest_of(**one) == digest_of(**one) != digest_of(**other)


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


@pytest.mark.parametrize("other", [{"tenant": "idle"}, {"org": "idle"}, {"client_id": "another"}])
def test_what_an_endpoint_asks_of_one_client_it_asks_of_no_other(other):
    """`Retry-After` holds for this client of this tenant at the URL that said it."""
    def connected(*, tenant="busy", org="busy", client_id="robot"):
        return run.connect(made, tenant=tenant, inputs={**INPUTS, "org": org, "client_id": client_id})

    with serving(Identity(script=[says({}, 429, ("Retry-After", "3600"))])) as identity:
        made = profile(oauth(identity, token_url=f"{identity.url}/{{{{ inputs.org }}}}/token"), API, inputs={"org": {}})
        run = engine(inputs=None)
        for _ in range(2):
            with pytest.raises(AuthweaveError, match="asked to wait"):
                connected().token().result(10)

        assert "T1" == connected(**other).token().result(10).access_token.reveal()
    assert ["/busy/token", f"/{other.get('org', 'busy')}/token"] == [request.target for request in identity.asked]

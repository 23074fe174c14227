"""A run against a provider that is not ours, recorded, and replayed where nobody can be called."""

import json

import pytest

from authweave.cassettes import Tape, read, replay, write
from authweave.engine import Engine
from authweave.loading import load
from authweave.probe import test_profile as probe_profile
from authweave.settings import Settings
from identities import inputs_of
from probing import forms, oauth, written


@pytest.mark.parametrize("client_auth", ["client_secret_basic", "client_secret_post"])
def test_recorded_at_a_certified_provider(oidc_provider, tmp_path, client_auth):
    """Token and API call replay to the same verdict, with every line of both requests; nothing secret is in the cassette."""
    client = oidc_provider.new_client(client_auth=client_auth)
    auth = oauth(oidc_provider.token_url, scopes=["api:read"], client_auth=client_auth)
    path = written(tmp_path, auth, servers=[oidc_provider.origin], test={"request": {"url": f"{oidc_provider.api_url}/me"}})
    with Engine(inputs=inputs_of(client), settings=Settings(sources=())) as engine:
        profile, tape = load(path), Tape()
        report = probe_profile(engine, profile, heard=tape)
        write(tmp_path / "c.json", tape.cassette(profile, report))

    again = replay(profile, read(tmp_path / "c.json"))

    assert ("obtained", "accepted") == (report.token.word, report.credential.word), report.diagnoses
    assert ("obtained", "accepted", ()) == (again.token.word, again.credential.word, again.stale)
    text = json.dumps(json.loads((tmp_path / "c.json").read_text()))
    assert all(form not in text for form in forms(client.client_secret))

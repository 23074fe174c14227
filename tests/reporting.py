"""What the proofs of diagnoses at real servers share: a profile in a file, a run whose report was searched for secrets, and what its first diagnosis says."""

from __future__ import annotations

import re

from authweave.probe import test_profile as probe_profile
from identities import inputs_of
from probing import engine_of, oauth, refuse_leaks, refuse_lost, written

SECRET = "pl4nted-s3cr3t-0123456789-abcdefghijklmn"
WRONG = "wr0ng-pl4nted-s3cr3t-0123456789-abcdefgh"


def reported(folder, auth, *, servers=(), given, test="/me", clock=None, secrets=(), **more):
    """The report of one run. Neither the secret inputs nor `secrets` are in any of its forms, and every fix names its place."""
    folder.mkdir(exist_ok=True)
    path = written(folder, auth, servers=servers, test={"request": {"url": test}} if isinstance(test, str) else test, **more)
    with engine_of(given, clock=clock) as engine:
        report = probe_profile(engine, path)
    refuse_leaks(report, SECRET, WRONG, *secrets)
    refuse_lost(report)
    return report


def reported_at(folder, provider, client, *, token_url=None, api=None, given=None, test="/me", clock=None, profile=None, **auth):
    """The report of a client-credentials profile of this client, at its provider and its API."""
    made = oauth(token_url or provider.token_url, **{"scopes": None, **auth})
    made = {key: value for key, value in made.items() if value is not None}
    return reported(folder, made, servers=[api or provider.api_url], given=given or inputs_of(client), test=test, clock=clock, secrets=[client.client_secret], **(profile or {}))


def first_of(report):
    """(code, key of the first fix, verdicts) of the diagnosis that matters."""
    assert report.diagnoses, report
    found = report.diagnoses[0]
    return found.code, found.fixes[0].key if found.fixes else "", report.token.word, report.credential.word


def points_at(folder, report):
    """The line of the profile's file that the first fix names."""
    place = report.diagnoses[0].fixes[0].place
    file, line = re.fullmatch(r"(.*):(\d+)", place).groups()
    assert file == str(folder / "acme.json")
    return (folder / "acme.json").read_text().splitlines()[int(line) - 1].strip()

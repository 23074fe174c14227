"""What the tests of "test auth" share: a profile between two servers, planted secrets, and a search for them."""

from __future__ import annotations

import base64
import contextlib
import json
import re
from pathlib import Path
from urllib.parse import quote, quote_plus

from authweave.engine import Engine
from authweave.extensions.catalog import default_catalog
from authweave.probe import test_profile as probe_profile
from authweave.reports.page import Page
from authweave.reports.text import TextReport
from authweave.settings import Settings
from authweave.wire import Wire
from sockets import Server, http, says

SECRET = "pl4nted+s3cr3t/va%lue:x y=Zq"
TOKEN = "t0ken-Planted_0123456789.abcdefgh"
REFRESH = "r3fresh-Planted_0123456789"
COOKIE = "c00kie-planted-0123456789"
INPUTS = {"client_id": "my-client", "client_secret": SECRET}
GOOD = {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 3600, "refresh_token": REFRESH, "made_up": TOKEN[::-1]}


def says_json(data, status=200, *headers):
    """A server that answers with JSON."""
    body = data if isinstance(data, bytes) else json.dumps(data).encode()
    return says(http(status, ("Content-Type", "application/json"), ("Set-Cookie", f"s={COOKIE}; Path=/"), *headers, body=body))


GIVES_TOKEN = says_json(GOOD)
ACCEPTS = says_json({"me": "someone"})


def wire(**settings):
    """A wire that sees nothing of this machine's environment."""
    return Wire(**{"environ": {}, **settings})


def oauth(token_url, **more):
    """An `auth` that gets a token there."""
    return {"type": "oauth2", "grant_type": "client_credentials", "token_url": token_url, "scopes": ["read", "write"], **more}


def written(folder, auth, *, servers=("https://api.example.com",), **more):
    """A profile in a file of its own, which is in no catalogue."""
    profile = {"format": 1, "name": "acme", "identity_provider": "Acme", "auth": auth, "test": {"request": {"url": "/v1/me"}}, **more}
    if servers:
        profile["servers"] = list(servers)
    path = Path(folder, "acme.json")
    path.write_text(json.dumps({key: value for key, value in profile.items() if value is not None}, indent=1))
    return path


def engine_of(inputs=INPUTS, *, clock=None, wire_=None, **settings):
    """An engine that looks nowhere but into these inputs."""
    clocked = {"clock": clock} if clock else {}
    return Engine(inputs=dict(inputs), settings=Settings.load(settings, {}, Path("/")), wire=wire_ or wire(), **clocked)


def run(path, *, inputs=INPUTS, clock=None, wire_=None, servers=(), tenant="", subject=None, given=None, events=None, **settings):
    """One run; its report has been searched for the planted secrets, and every fix in it names its place."""
    with engine_of(inputs, clock=clock, wire_=wire_, **settings) as engine:
        report = probe_profile(engine, path, tenant=tenant, subject=subject, inputs=given, servers=servers, events=events)
    refuse_leaks(report)
    refuse_lost(report)
    return report


@contextlib.contextmanager
def between(token=GIVES_TOKEN, api=ACCEPTS, *, tls=None):
    """A token endpoint and an API, running; yields both."""
    with Server(token, tls=tls) as identity, Server(api) as task:
        yield identity, task


def report_of(folder, token=GIVES_TOKEN, api=ACCEPTS, *, auth=None, tls=None, scheme=None, profile=None, **how):
    """The report of one run between two servers that behave so."""
    with between(token, api, tls=tls) as (identity, task):
        url = identity.url if scheme is None else f"{scheme}://127.0.0.1:{identity.port}/"
        made = written(folder, oauth(f"{url}oauth/token", **(auth or {})), servers=[task.url.rstrip("/")], **(profile or {}))
        return run(made, **how)


def renderings(report):
    """The report in every format that is registered, alone and among others."""
    for kind in default_catalog().named("reports").values():
        made = kind()
        yield made.render(report)
        if hasattr(made, "render_many"):
            yield made.render_many((report, report))
    yield TextReport(lambda: Page(60, colour=True)).render(report)
    yield TextReport(lambda: Page(40, unicode=False)).render(report)


def forms(secret):
    """The secret in every form in which it must not come out; cut where a line may be wrapped."""
    raw = secret.encode()
    yield secret
    yield from (quote(secret), quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1])
    for shift in range(3):
        yield base64.b64encode(b"\0" * shift + raw).decode()[4:-4]
        yield base64.urlsafe_b64encode(b"\0" * shift + quote_plus(secret).encode()).decode()[4:-4]


def refuse_leaks(report, *more):
    """No planted secret in any rendering, in any form, even over the end of a line."""
    for rendering in renderings(report):
        together = "".join(rendering.split())
        for secret in (SECRET, TOKEN, TOKEN[::-1], REFRESH, COOKIE, *more):
            for form in forms(secret):
                assert form not in rendering
                assert "".join(form.split()) not in together


def refuse_lost(report):
    """No fix without a key, or without the line that holds it (a list stands where its first item does) or would."""
    for fix in (fix for found in report.diagnoses for fix in found.fixes):
        assert fix.key
        assert fix.place
        assert fix.text
        file, _, line = fix.place.rpartition(":")
        if line.isdecimal():
            above = f"{file}:{max(int(line) - 1, 1)}"
            assert stands_at(fix.place, fix.key) or stands_at(above, fix.key), fix


def stands_at(place, key):
    """Does that line of that file hold the key, or a part of the profile that would hold it? Settings come from elsewhere."""
    if key.startswith(("settings: ", "host: ")):
        return bool(place)
    file, _, line = place.rpartition(":")
    text = Path(file).read_text(encoding="utf-8").splitlines()[int(line) - 1]
    parts = [part for part in re.split(r"[.\[\]]", key) if part and not part.isdecimal()]
    return text.strip() in ("{", "[") or any(part in text for part in parts)


def first(report):
    """The diagnosis that matters."""
    assert report.diagnoses, report
    return report.diagnoses[0]


def stage(report, name):
    """A stage by its name."""
    return next(one for one in report.stages if one.name == name)

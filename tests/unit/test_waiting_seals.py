"""A seal that blocks while it signs: where a redirect leads on the same server nothing of it is copied, and by way of a stranger nothing is made."""

from __future__ import annotations

import httpx
import pytest

from authweave.contracts import Sealed
from authweave.drafts.draft import Placed
from authweave.extensions.catalog import Catalog
from authweave.hookspecs import hookimpl
from authweave.values import TaskRequest
from services import Api, Reply, engine, profile, serving


class Slow:
    """Signs the path, as one that has to ask somebody first."""

    name, reads_body, waits = "acme.slow", False, True

    def sign(self, request, signing):
        """Of this path, and of no other."""
        headers = (*request.headers, ("X-Seal", "of /" + request.url.split("/", 3)[3]))
        return Sealed(TaskRequest(request.method, request.url, headers, request.body, request.streamed), (Placed("header", "X-Seal", "auth", True),))

    def learned(self, request, response, signing):
        """Nothing."""
        return ""


class Package:
    """The seal, and a type that has it."""

    @hookimpl
    def register_seals(self, register):
        register(Slow)

    @hookimpl
    def register_schemes(self, register):
        said = {"name": "acme.slowly", "schema": {}, "inputs": {}, "fields": (), "gets_token": False, "seal": "acme.slow", "title": "slowly"}
        register(type("Slowly", (), {"__doc__": "Signed.", **said}))


@pytest.fixture(scope="module")
def catalog():
    made = Catalog(installed=False)
    made.add(Package(), "acme", "acme-auth")
    return made


def answers_of(api, steps):
    """An API that leads on where a step says so, and wants the seal of its path everywhere else."""
    def answer(request):
        api.asked.append(request)
        location = steps.get(request.target)
        if location:
            return Reply(307, b"", (("Location", location),))
        return Reply(200 if request.values("x-seal") == [f"of {request.target}"] else 401, b"{}")

    api.__class__ = type("Leading", (Api,), {"__call__": lambda self, request: answer(request)})


def test_a_seal_that_waits_is_made_for_the_url_where_it_is_refused(catalog):
    """Not copied to the next URL of the server, made for it once that has refused; and not made at all where a stranger chose it."""
    with serving(Api()) as other, serving(Api()) as home:
        other.good = Reply(307, b"", (("Location", f"{home.url}/chosen"),))
        answers_of(home, {"/old": "/new", "/led": f"{other.url}/x"})
        run = engine(catalog=catalog, inputs={})
        auth = run.connect(profile({"type": "acme.slowly"}, home.url, catalog=catalog)).auth
        with httpx.Client(auth=auth, trust_env=False, follow_redirects=True) as http:
            statuses = [http.get(f"{home.url}{path}").status_code for path in ("/old", "/led")]

    assert [200, 401] == statuses
    assert [("/old", ["of /old"]), ("/new", []), ("/new", ["of /new"]), ("/led", ["of /led"]), ("/chosen", [])] == [(asked.target, asked.values("x-seal")) for asked in home.asked]
    assert [[]] == [asked.values("x-seal") for asked in other.asked]

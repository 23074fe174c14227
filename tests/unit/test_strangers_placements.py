"""What a placement of a stranger's puts into a request stays with its origin, too: the guard learns of it from what changed."""

from __future__ import annotations

import json

import httpx
import pytest

from authweave.errors import OriginRefused
from authweave.extensions.catalog import Catalog
from authweave.hookspecs import hookimpl
from services import Api, Reply, connect, engine, serving

KEY = "k3y-planted-4711"
MADE = "what-nobody-knows-to-be-made-of-it"


class Signed:
    """Puts what it makes of the value into a header of its own naming."""

    name = title = "acme_header"

    def wrong_key(self, key):
        """Nothing."""

    def place(self, draft, key, value, on_conflict):
        """As a header that the profile does not name."""
        draft.headers = [*draft.headers, (f"X-Acme-{key}", MADE)]


class Bodied(Signed):
    """Puts the value into the body."""

    name = title = "acme_body"

    def place(self, draft, key, value, on_conflict):
        """By the draft's own way."""
        draft.put_payload(key, value)


class Package:
    """Both."""

    @hookimpl
    def register_placements(self, register):
        register(Signed)
        register(Bodied)


@pytest.fixture(scope="module")
def catalog():
    made = Catalog(installed=False)
    made.add(Package(), "acme", "acme-auth")
    return made


@pytest.mark.parametrize("status", [302, 307])
@pytest.mark.parametrize("place", ["acme_header", "acme_body"])
def test_it_is_taken_off_or_refused(catalog, place, status):
    """A header is taken off on the way elsewhere; a body is not sent there once more."""
    with serving(Api()) as other, serving(Api()) as home:
        home.good = Reply(status, b"", (("Location", f"{other.url}/x"),))
        auth = {"type": "api_key", "fields": [{"in": place, "key": "key", "value": "{{ inputs.api_key }}"}]}
        connection = connect(auth, home, run=engine(catalog=catalog, inputs={"api_key": KEY}), catalog=catalog)
        with httpx.Client(auth=connection.auth, trust_env=False, follow_redirects=True) as http:
            if (place, status) == ("acme_body", 307):
                with pytest.raises(OriginRefused, match="carry the body"):
                    http.post(home.url, json={"n": 1})
            else:
                http.post(home.url, json={"n": 1})

    [asked] = home.asked
    assert ([MADE], {"n": 1}) == (asked.values("x-acme-key"), json.loads(asked.body)) if place == "acme_header" else {"n": 1, "key": KEY} == json.loads(asked.body)
    assert [] == [each for each in other.asked if KEY in f"{each.body!r}" or each.values("x-acme-key")]
    assert (0 if (place, status) == ("acme_body", 307) else 1) == other.count

"""`WWW-Authenticate`: RFC 9110 §11, and what odd servers make of it."""

import json
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authweave.answers.challenges import Challenge, challenges
from thorough import every

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("AUTHWEAVE_VECTORS", ROOT.parent / "shared" / "vectors")) / "http_auth_challenges.json"
PUBLISHED = json.loads(SHARED.read_text())["vectors"] if SHARED.exists() else []
BEARER = json.loads((ROOT / "tests" / "vectors" / "rfc6750_bearer.json").read_text())["vectors"]


def plain(found):
    return [[challenge.scheme, dict(challenge.parameters), challenge.token68] for challenge in found]


@pytest.mark.skipif(not PUBLISHED, reason=f"the published challenges are not here: {SHARED}")
@pytest.mark.parametrize("vector", [v for v in PUBLISHED if "challenges" in v], ids=lambda vector: vector["id"])
def test_published_challenges(vector):
    """Sound fields are read whole; broken ones give no challenge and no exception."""
    assert (vector["challenges"] or []) == plain(challenges(vector["header_lines"]))


@pytest.mark.skipif(not PUBLISHED, reason=f"the published challenges are not here: {SHARED}")
@pytest.mark.parametrize("vector", [v for v in PUBLISHED if "accept" in v], ids=lambda vector: vector["id"])
def test_challenges_with_more_than_one_acceptable_reading(vector):
    """Where the rule leaves a choice, ours is one of those allowed."""
    assert plain(challenges(vector["header_lines"])) in [way for way in vector["accept"] if way != "reject"]


@every("vector", [v for v in BEARER if "www_authenticate" in v], ids=lambda vector: vector["id"])
def test_bearer_challenges(vector):
    """The challenges of RFC 6750 §3 are read, the comma in a quoted scope included."""
    assert vector["parsed"] == [[c.scheme, dict(c.parameters)] for c in challenges([vector["www_authenticate"]])]


def test_a_comma_in_quotes_and_a_second_scheme():
    """RFC 9110 §11.6.1: two challenges in one line, one with an escaped quote."""
    line = r'Basic realm="simple", Newauth realm="apps", type=1, title="Login to \"apps\""'

    found = challenges([line])

    assert (
        Challenge("basic", {"realm": "simple"}),
        Challenge("newauth", {"realm": "apps", "type": "1", "title": 'Login to "apps"'}),
    ) == found


def test_a_broken_line_does_not_hide_a_sound_one():
    """A gateway's broken line beside the API's own: the API's challenge is still read."""
    found = challenges(['Basic realm="never closed', 'Bearer error="invalid_token"'])

    assert (Challenge("bearer", {"error": "invalid_token"}),) == found


@every("line", ["Basic foo bar", "Basic Newauth Other", 'Basic realm="a" title="b"', "Basic realm="])
def test_what_the_grammar_does_not_hold_is_no_challenge(line):
    """Two words, a missing comma or a missing value make the line unreadable; it is not guessed at."""
    assert [] == [c for c in plain(challenges([line])) if c[2] is None]


@every("char", ["\x00", "\x07", "\n", "\r", "\x1b", "\x7f"])
def test_a_control_character_is_no_part_of_a_value(char):
    """RFC 9110 §5.6.4: nothing that could move a cursor or end a line gets out of a quoted value, escaped or not; a tab may."""
    assert challenges([f'Bearer scope="a{char}b"']) == challenges([f'Bearer scope="a\\{char}b"']) == ()
    assert [["bearer", {"scope": "a\tb"}, None]] == plain(challenges(['Bearer scope="a\tb"']))


def test_no_lines_are_no_challenges():
    """A 401 without the field is common; it asks for nothing."""
    assert challenges([]) == ()


@every(
    "line",
    [
        "Bearer " + ", ".join(f'p{n}="v"' for n in range(10_000)),
        "Bearer " + "a" * 200_000,
        'Bearer realm="' + "\\a" * 100_000,
        "Bearer" + " " * 200_000 + "?",
        "a =" * 60_000,
        "a " * 100_000,
        "Bearer a" + " " * 100_000 + "=" + " " * 100_000,
        "," * 200_000,
    ],
    ids=["parameters", "token68", "unclosed", "blanks", "equals", "schemes", "around-equals", "commas"],
)
def test_huge_fields_are_read_in_linear_time(line):
    """No field makes the reader slow: each of these takes well under a second."""
    began = time.monotonic()

    challenges([line])

    assert time.monotonic() - began < 5


@given(st.lists(st.text(alphabet='Bearer ,="\\\t\x00é?a68/', max_size=40), max_size=3))
def test_any_field_is_read_without_an_exception(lines):
    """Whatever stands in the field, the result is a tuple of challenges with lower-case names."""
    for challenge in challenges(lines):
        assert challenge.scheme == challenge.scheme.lower()
        assert all(name == name.lower() for name in challenge.parameters)

"""Fields of a profile: which apply, in which order, and what is said when one cannot."""

import json

import pytest

from authweave.drafts.draft import Draft, Placed
from authweave.drafts.fields import apply_fields, is_late
from authweave.errors import PlacementError, TemplateError
from authweave.placements.cookie import CookiePlacement
from authweave.placements.header import HeaderPlacement
from authweave.placements.path import PathPlacement
from authweave.placements.payload import PayloadPlacement
from authweave.placements.query import QueryPlacement
from authweave.profile import Field
from authweave.templates import compile_data, compile_template
from authweave.values import Secret, TaskRequest
from thorough import every

PLACES = {
    place.name: place
    for place in (HeaderPlacement(), QueryPlacement(), PayloadPlacement(), PathPlacement(), CookiePlacement())
}
SCOPE = {
    "inputs": {
        "a": "A",
        "empty": "",
        "none": None,
        "zero": 0,
        "no": False,
        "list": [],
        "secret": Secret("", "test"),
        "rows": ["x", ""],
    },
    "kept": {"map": {"k": "v", "null": None}},
    "vars": {"on": True},
}


def field(place, key, value, *, when=None, **more):
    """A field as binding makes it."""
    compiled = (
        compile_data(value, key=f"fields.{key}.value")
        if not isinstance(value, str)
        else compile_template(value, key=f"fields.{key}.value")
    )
    return Field(PLACES[place], key, compiled, when=compile_template(when, cond=True) if when else None, **more)


def applied(*fields, url="https://h/a", scope=SCOPE, template=False, **request):
    draft = Draft.of(TaskRequest("POST", url, **request), path_template=template)
    apply_fields(draft, fields, scope)
    return draft


def test_every_place():
    """Each field goes where its `in` says, and is noted with its origin."""
    draft = applied(
        field("header", "X-A", "v{{ inputs.a }}", origin="fields[0]", secret=True),
        field("query", "n", 2, origin="fields[1]"),
        field("cookie", "c", "{{ inputs.a }}", origin="fields[2]"),
        field("path", "p", "{{ inputs.zero }}", origin="fields[3]"),
        field("payload", "/deep/list", ["{{ inputs.a }}", {"on": "{{ vars.on }}", "null": None}], origin="fields[4]"),
        url="https://h/{p}", template=True, headers=(("Content-Type", "application/json"),), body=b"{}",
    )  # fmt: skip

    request = draft.finish()
    assert request.url == "https://h/0?n=2"
    assert (request.header("x-a"), request.header("cookie")) == ("vA", "c=A")
    assert json.loads(request.body) == {"deep": {"list": ["A", {"on": True, "null": None}]}}
    assert Placed("header", "X-A", "fields[0]", True) == draft.placed[0]
    assert [f"fields[{number}]" for number in range(5)] == [placed.origin for placed in draft.placed]


def test_when():
    """A field whose condition is false is not there."""
    draft = applied(
        field("header", "A", "1", when="{{ inputs.zero }}"), field("header", "B", "2", when="{{ inputs.a }}")
    )

    assert draft.headers == [("B", "2")]


def test_the_first_true_one_wins():
    """The same place and key twice are alternatives; names of headers have no case, other keys do."""
    draft = applied(
        field("header", "X", "1", when="{{ inputs.no }}"),
        field("header", "x", "2", when="{{ inputs.a }}"),
        field("header", "X", "3", when="{{ inputs.a }}"),
        field("query", "k", "1"),
        field("query", "K", "2"),
    )

    assert draft.headers == [("x", "2")]
    assert draft.url == "https://h/a?k=1&K=2"


@every(
    "value",
    [
        "{{ inputs.none }}",
        "{{ inputs.empty }}",
        "{{ inputs.list }}",
        "{{ inputs.secret }}",
        "x{{ inputs.empty }}",
        "{{ kept.gone }}",
        "{{ kept.map['null'] }}",
        "{{ inputs.rows[1] }}",
        "{{ kept.map[inputs.a] }}",
        ["a", {"b": "{{ inputs.empty }}"}],
        "{{ inputs.none | default('x') }}",
    ],
    ids=str,
)
def test_optional_fields_without_a_value(value):
    """Left out when a value it reads, however deep and whatever it is made into, is null or empty; not an error."""
    draft = applied(field("header" if isinstance(value, str) else "payload", "K", value, optional=True))

    assert (draft.headers, draft.placed) == ([], [])


@every(
    "value, written",
    [("{{ inputs.zero }}", "0"), ("{{ inputs.no }}", "false"), ("{{ inputs.rows[0] }}", "x"), ("c", "c")],
)
def test_optional_fields_with_a_value(value, written):
    """0 and false are values."""
    assert [("K", written)] == applied(field("header", "K", value, optional=True)).headers


def test_optional_path_fields():
    """Left out where no template has the placeholder; an error if not optional."""
    assert applied(field("path", "p", "x", optional=True)).url == "https://h/a"
    assert applied(field("path", "p", "x", optional=True), url="https://h/{q}", template=True).url == "https://h/{q}"
    with pytest.raises(PlacementError, match="path field p"):
        applied(field("path", "p", "x"))


@every(
    "value, path",
    [
        ("{{ inputs.none }}", "inputs.none"),
        ("x{{ kept.gone }}", "kept.gone"),
        ({"a": ["{{ kept.gone }}"]}, "kept.gone"),
        ("{{ kept.map['null'] }}", "kept.map.null"),
    ],
    ids=str,
)
def test_null_is_an_error(value, path):
    """A needed value that ends null is named by its path and its key in the profile."""
    with pytest.raises(TemplateError, match=f"fields.K.value.*{path} is null") as refused:
        applied(field("payload", "K", value))

    assert path == refused.value.missing


def test_a_constant_null():
    """A field whose value is null, without any template, is named by its origin."""
    with pytest.raises(TemplateError, match=r"fields\[3\]: the value is null"):
        applied(Field(PLACES["header"], "K", None, origin="fields[3]"))


def test_what_is_kept_is_not_noted():
    """`on_conflict: keep` leaves the caller's value, which is not the profile's to name."""
    draft = applied(
        field("header", "A", "new", on_conflict="keep"),
        field("header", "B", "b", on_conflict="keep"),
        headers=(("a", "old"),),
    )

    assert draft.headers == [("a", "old"), ("B", "b")]
    assert [placed.key for placed in draft.placed] == ["B"]


def test_a_strangers_placement():
    """A placement that changes the draft by itself is noted, whatever was kept before it."""

    class Verb:
        name = "verb"
        title = "method"

        def wrong_key(self, key):
            return None

        def place(self, draft, key, value, on_conflict):
            draft.method = value

    draft = applied(
        field("header", "A", "new", on_conflict="keep"),
        Field(Verb(), "m", "PURGE", origin="fields[1]"),
        headers=(("A", "old"),),
    )

    assert draft.finish().method == "PURGE"
    assert [placed.origin for placed in draft.placed] == ["fields[1]"]


def test_the_request_is_seen_as_it_will_be_sent():
    """`request` reads what the fields before it put in: bodies, headers and URL."""
    draft = Draft.new("POST", "https://h", "form")

    apply_fields(
        draft,
        [
            field("payload", "k", "v"),
            field("query", "q", "{{ request.host }}"),
            field("header", "X-Body", "{{ request.body | length }}"),
            field("header", "X-Url", "{{ request.url }}"),
        ],
        {"request": draft.view},
    )

    assert draft.headers == [("X-Body", "3"), ("X-Url", "https://h?q=h")]


@every(
    "value, when, late",
    [
        ("{{ request.body | sha256 | hex }}", None, True),
        ("{{ request.headers['x-a'] }}", None, True),
        ("{{ signature | base64 }}", None, True),
        ("a", "{{ request.headers.accept }}", True),
        ("{{ request.method }}", "{{ request.path }}", False),
        ("{{ inputs.a }}", None, False),
        (["{{ request.body }}"], None, True),
    ],
    ids=str,
)
def test_fields_that_come_last(value, when, late):
    """What reads the finished body, the headers or a signature is put in after everything else."""
    assert late == is_late(field("header", "K", value, when=when))

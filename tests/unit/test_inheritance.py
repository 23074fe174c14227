"""`extends`: RFC 7396 merging, its exceptions, chains, versions, and places that point into the file that wrote the part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from authweave import load
from authweave.inheritance.merging import merged, significant
from authweave.loading import check_file
from authweave.values import Document, Mark
from thorough import every

PARENT = """\
format: 1
name: parent
version: 1.2.0
identity_provider: Acme
abstract: true
inputs:
  tenant: {title: Tenant, pattern: '[a-z]+', visibility: hidden}
servers: ['https://{{ inputs.tenant }}.acme.example']
auth:
  type: oauth2
  grant_type: client_credentials
  token_url: https://{{ inputs.tenant }}.acme.example/token
  scopes: [read, write]
  token_request: {encoding: json, omit: [scope]}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, "parent", PARENT)
    return tmp_path


def write(folder: Path, name: str, text: str) -> Path:
    file = folder / f"{name}.yaml"
    file.write_text(text if text.startswith("format") else f"format: 1\nname: {name}\n{text}", encoding="utf-8")
    return file


def told(file: Path) -> list[str]:
    return [str(problem).replace(f"{file.parent}/", "") for problem in check_file(file).problems]


def over(parent: Any, child: Any) -> Any:
    """The merged data of two documents."""
    document = Document("child.yaml", "", {"format": 1, "name": "child", "extends": "parent", **child})
    written = merged(document, lambda name, _: Document("parent.yaml", "", {"format": 1, "name": "parent", **parent})).written
    return {key: value for key, value in written.items() if key not in ("format", "name", "extends")}


# merging


@every(
    "parent, child, both",
    [
        ({"test": {"a": "b"}}, {"test": {"a": "c"}}, {"test": {"a": "c"}}),
        ({"test": {"a": "b"}}, {"test": {"b": "c"}}, {"test": {"a": "b", "b": "c"}}),
        ({"test": {"a": "b"}}, {"test": {"a": None}}, {"test": {}}),
        ({"test": {"a": "b", "b": "c"}}, {"test": {"a": None}}, {"test": {"b": "c"}}),
        ({"test": {"a": ["b"]}}, {"test": {"a": "c"}}, {"test": {"a": "c"}}),
        ({"test": {"a": "c"}}, {"test": {"a": ["b"]}}, {"test": {"a": ["b"]}}),
        ({"test": {"a": {"b": "c"}}}, {"test": {"a": {"b": "d", "c": None}}}, {"test": {"a": {"b": "d"}}}),
        ({"test": {"a": [{"b": "c"}]}}, {"test": {"a": [1]}}, {"test": {"a": [1]}}),
        ({"test": ["a", "b"]}, {"test": ["c", "d"]}, {"test": ["c", "d"]}),
        ({"test": {"a": "b"}}, {"test": ["c"]}, {"test": ["c"]}),
        ({"test": {"a": "foo"}}, {"test": None}, {}),
        ({"test": {"a": "foo"}}, {"test": "bar"}, {"test": "bar"}),
        ({"test": {"e": None}}, {"test": {"a": 1}}, {"test": {"a": 1}}),
        ({"test": [1, 2]}, {"test": {"a": "b", "c": None}}, {"test": {"a": "b"}}),
        ({}, {"test": {"a": {"bb": {"ccc": None}}}}, {"test": {"a": {"bb": {}}}}),
    ],
)  # fmt: skip
def test_maps_merge_lists_and_scalars_replace_null_takes_away(parent: Any, child: Any, both: Any) -> None:
    """The cases of RFC 7396, appendix A, one level down."""
    assert both == over(parent, child)


@every(
    "parent, child, both",
    [
        ({"type": "basic", "username": "a"}, {"username": "b"}, {"type": "basic", "username": "b"}),
        ({"type": "basic", "username": "a"}, {"type": "basic", "password": "b"}, {"type": "basic", "username": "a", "password": "b"}),
        ({"type": "basic", "username": "a"}, {"type": "bearer"}, {"type": "bearer"}),
        ({"type": "oauth2", "grant_type": "a", "scopes": "x"}, {"grant_type": "b"}, {"grant_type": "b"}),
        ({"type": "oauth2", "grant_type": "a", "scopes": "x"}, {"grant_type": "a", "scopes": None}, {"type": "oauth2", "grant_type": "a"}),
        ({"type": "basic"}, [{"type": "basic", "name": "a"}], [{"type": "basic", "name": "a"}]),
        ([{"type": "basic", "name": "a"}], {"type": "basic"}, {"type": "basic"}),
        ([{"type": "basic", "name": "a"}], [{"type": "bearer", "name": "b"}], [{"type": "bearer", "name": "b"}]),
        ({"type": "basic", "username": "a"}, {}, {"type": "basic", "username": "a"}),
    ],
)  # fmt: skip
def test_auth_is_replaced_whole_when_it_is_another_way(parent: Any, child: Any, both: Any) -> None:
    """Another type or grant, or a list on either side: nothing of the parent's `auth` is left."""
    assert {"auth": both} == over({"auth": parent}, {"auth": child})


def test_what_identifies_the_parent_is_not_inherited(folder: Path) -> None:
    """format, name, version, abstract and extends are the child's own."""
    child = load(write(folder, "child", "extends: parent\n"))

    assert ("child", "0.0.0", False) == (child.name, child.version, child.abstract)
    assert "Acme" == child.identity_provider


def test_null_takes_the_parents_key_away(folder: Path) -> None:
    """At the top, inside `auth`, and inside an input."""
    child = load(write(folder, "child", "extends: parent\nauth: {scopes: null, token_request: {omit: null}}\ninputs: {tenant: {visibility: null}}\n"))

    tokens = child.variants[0].tokens
    assert tokens is not None
    assert () == tokens.scopes
    assert ("json", frozenset()) == (tokens.token_request.encoding, tokens.token_request.omit)
    assert ("visible", "[a-z]+") == (child.inputs["tenant"].visibility, child.inputs["tenant"].pattern)


def test_null_and_own_keys_say_nothing() -> None:
    """What is null, and `x-…`, is left out at any depth; a value's content keeps its names."""
    assert {"a": [{"b": 1}, None]} == significant({"a": [{"b": 1, "c": None, "x-d": 2}, None], "x-e": {}, "f": None})
    assert {"fields": [{"value": {"x-a": 1}}]} == significant({"fields": [{"value": {"x-a": 1, "b": None}}]})


# chains


def test_a_chain_of_four_parents(folder: Path) -> None:
    """The nearest that writes a key wins; a fifth parent is refused."""
    write(folder, "a1", "extends: parent\ndescription: one\n")
    write(folder, "a2", "extends: a1\ndescription: two\n")
    write(folder, "a3", "extends: a2\nversion: 3.0.0\n")
    fourth = write(folder, "a4", "extends: a3\n")
    fifth = write(folder, "a5", "extends: a4\n")

    assert "two" == load(fourth).description
    assert ["a1.yaml:3:10: extends: has more than 4 parents, one above the other; extend a profile nearer to the root [extends]"] == [line for line in told(fifth) if "[extends]" in line]


def test_circles_are_refused(folder: Path) -> None:
    """A profile that extends itself, directly or over others."""
    write(folder, "a", "extends: b\n")
    write(folder, "b", "extends: a\n")

    assert any("b.yaml:3:10: extends: a extends itself, directly or over others" in line for line in told(folder / "a.yaml"))
    assert any("extends itself" in line for line in told(write(folder, "c", "extends: c\n")))


def test_a_name_too_long_for_a_file(folder: Path) -> None:
    """A parent that no file system can hold is one that is not there."""
    assert any("[extends]" in line for line in told(write(folder, "child", f"extends: {'a' * 3000}\n")))


@pytest.mark.parametrize("wanted", ["parent", "parent@1", "parent@1.2.0"])
def test_a_version_that_is_there(folder: Path, wanted: str) -> None:
    """Any, by its first number, or exactly."""
    assert [] == told(write(folder, "child", f"extends: {wanted}\n"))


@pytest.mark.parametrize("wanted", ["parent@2", "parent@1.2.1", "parent@0", "parent@12"])
def test_a_version_that_is_not_there(folder: Path, wanted: str) -> None:
    """An error that names the one that is."""
    version = wanted.partition("@")[2]

    assert [f"child.yaml:3:10: extends: parent is version 1.2.0, not {version}; write extends: parent@1.2.0, or no version [extends]"] == told(
        write(folder, "child", f"extends: {wanted}\n")
    )


@pytest.mark.parametrize("wanted", ["Parent", "../parent", "parent@", "a b"])
def test_a_reference_is_a_name(folder: Path, wanted: str) -> None:
    """Nothing else is looked for, no path is followed."""
    assert any("extends: is not a reference to a profile" in line for line in told(write(folder, "child", f"extends: {wanted}\n")))


def test_a_parent_that_cannot_be_read(folder: Path) -> None:
    """It is named; its own problems are its own."""
    write(folder, "broken", "format: 1\nname: [\n")

    assert any("extends: the parent" in line and "cannot be read; mend the parent first" in line for line in told(write(folder, "child", "extends: broken\n")))


def test_a_parent_in_json(folder: Path) -> None:
    """The language of the parent does not matter."""
    (folder / "json-parent.json").write_text('{"format": 1, "name": "json-parent", "identity_provider": "A", "auth": {"type": "bearer"}}', encoding="utf-8")

    assert "A" == load(write(folder, "child", "extends: json-parent\nservers: ['https://a.example']\n")).identity_provider


def test_an_incomplete_chain_is_an_error_of_the_child(folder: Path) -> None:
    """With its parents a profile must be complete, unless it is abstract itself."""
    write(folder, "base", "abstract: true\nauth: {type: oauth2}\n")

    assert [
        "child.yaml:1:1: identity_provider: is missing; add identity_provider: Acme, who checks the credential [schema.required]",
        "base.yaml:4:7: auth.grant_type: is missing; add grant_type: client_credentials [schema.required]",
    ] == [line for line in told(write(folder, "child", "extends: base\n")) if "schema.required" in line]
    assert [] == told(folder / "base.yaml")


# places and warnings


def test_places_are_in_the_file_that_wrote_the_part(folder: Path) -> None:
    """What the parent wrote is mended in the parent; the file itself comes first."""
    write(folder, "wrong", PARENT.replace("name: parent", "name: wrong").replace("scopes: [read, write]", "scopes: [read write]").replace("visibility", "visibilty"))

    assert [
        "child.yaml:4:23: auth.client_id: there is no function `nwo`; did you mean now? [template]",
        "wrong.yaml:7:46: inputs.tenant.visibilty: not known here; did you mean `visibility`? [schema.unknown_key]",
        "wrong.yaml:13:12: auth.scopes[0]: one item of the list holds several scopes; write one item for each, or the whole of scopes as one text [scope.token]",
    ] == told(write(folder, "child", "extends: wrong\nauth: {client_id: '{{ nwo() }}'}\n"))


def test_a_list_that_drops_items_is_a_warning(folder: Path) -> None:
    """Items that are repeated, in any order, are not dropped."""
    assert ["child.yaml:4:16: warning: auth.scopes: this list replaces the parent's, and drops one item of it; repeat the parent's items if they are wanted [extends.dropped_items]"] == told(
        write(folder, "child", "extends: parent\nauth: {scopes: [read]}\n")
    )
    assert [] == told(write(folder, "other", "extends: parent\nauth: {scopes: [write, read, more]}\n"))


def test_what_a_parent_declares_may_be_unused(folder: Path) -> None:
    """Only what this file declares has to be read in it."""
    assert [] == told(write(folder, "child", "extends: parent\nservers: ['https://a.example', 'https://b.example']\nauth: {type: bearer}\n"))[1:]
    assert ["input.unused"] == [problem.rule for problem in check_file(write(folder, "own", "extends: parent\ninputs: {mine: {}}\n")).problems]


def test_the_place_of_a_part() -> None:
    """Of the nearest document that has it; of what is nowhere, that of what holds it."""
    child = Document("child.yaml", "", {"name": "c", "extends": "p", "auth": {"b": 1}}, {(): Mark(1, 1), ("auth",): Mark(3, 7), ("auth", "b"): Mark(3, 11)})
    parent = Document("parent.yaml", "", {"name": "p", "auth": {"a": {"c": 1}, "b": 2}}, {("auth", "a", "c"): Mark(9, 9), ("auth", "a"): Mark(8, 8)})
    whole = merged(child, lambda name, _: parent)

    assert ("child.yaml", Mark(3, 11)) == whole.place(("auth", "b"))
    assert ("parent.yaml", Mark(9, 9)) == whole.place(("auth", "a", "c"))
    assert ("parent.yaml", Mark(8, 8)) == whole.place(("auth", "a", "missing"))
    assert ("child.yaml", Mark(3, 7)) == whole.place(("auth", "missing"))
    assert ("child.yaml", Mark(1, 1)) == whole.place(("missing",))


def test_places_hold_behind_items_that_were_taken_out() -> None:
    """When wrong items of a list are left out, paths of the others still lead to where they stand."""
    document = Document("a.yaml", "", {"a": [0, {"b": [1, 2]}, 3]}, {("a", 1, "b", 1): Mark(5, 5), ("a", 2): Mark(6, 6)})
    whole = merged(document, lambda name, _: None)
    left = whole.without([("a", 0)]).without([("a", 0, "b", 0)])

    assert {"a": [{"b": [2]}, 3]} == left.data
    assert {"a": [0, {"b": [1, 2]}, 3]} == left.written
    assert ("a.yaml", Mark(5, 5)) == left.place(("a", 0, "b", 0))
    assert ("a.yaml", Mark(6, 6)) == left.place(("a", 1))
    assert "a[1].b[1]" == left.problem("r", ("a", 0, "b", 0), "m").key

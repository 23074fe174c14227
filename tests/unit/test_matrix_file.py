"""The file of a matrix: YAML, JSON and CSV say the same; what is wrong is told with its line; the published schema agrees."""

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from authweave.documents import read_document
from authweave.errors import UsageError
from authweave.matrix import Row, read_matrix
from authweave.resources import schema_file
from documentation.markdown import page

SCHEMA = Draft202012Validator(json.loads(schema_file("test-matrix").read_text()))

YAML = """\
x-note: whatever
profiles: [acme, ./beta.yaml]
tenants:
  eu: {region: 1, list: [a, b], off: null}
  us:
    inputs: {region: 2, subject: a text}
    subject: alice
    servers: [https://us.example.com]
    profiles: [acme]
  none:
"""


def written(folder, text, name):
    path = Path(folder, name)
    path.write_text(text)
    return path


def test_what_it_says(tmp_path):
    """Tenants in their order, each with its inputs, subject, servers and profiles; paths are seen from the file."""
    found = read_matrix(written(tmp_path, YAML, "m.yaml"))

    assert ("acme", str(tmp_path / "beta.yaml")) == found.profiles
    assert ["eu", "us", "none"] == [row.tenant for row in found.rows]
    eu, us, none = found.rows
    assert {"region": 1, "list": ["a", "b"]} == eu.inputs
    assert ({"region": 2, "subject": "a text"}, "alice", ("https://us.example.com",), ("acme",)) == (us.inputs, us.subject, us.servers, us.profiles)
    assert Row("none") == none
    SCHEMA.validate(read_document(tmp_path / "m.yaml").data)


def test_json_and_csv_say_the_same(tmp_path):
    """Three forms, one meaning."""
    data = {"tenants": {"eu": {"region": "1"}, "us": {"region": "two, and more", "subject": "alice", "servers": ["https://a.example", "https://b.example"]}}}
    as_json = read_matrix(written(tmp_path, json.dumps(data), "m.json"))
    as_csv = read_matrix(written(tmp_path, '\ufefftenant,region,servers,subject\r\neu,1,,\r\n\r\nus,"two, and more",https://a.example https://b.example,alice\r\n', "m.CSV"))

    for first, second in zip(as_json.rows, as_csv.rows, strict=True):
        assert (first.tenant, first.subject, first.servers, first.inputs) == (second.tenant, second.subject, second.servers, second.inputs)


def test_only_names(tmp_path):
    """A list of tenants is tenants without inputs; twice the same is once."""
    found = read_matrix(written(tmp_path, "tenants: [eu, us, eu]\n", "m.yaml"))

    assert (Row("eu"), Row("us")) == found.rows


WRONG = {
    "tenant: {}": [(1, "tenant: not known here; did you mean `tenants`?"), (1, "tenants: must be a map of tenants")],
    "tenants: {}": [(1, "tenants: there is no tenant in it")],
    "tenants: []": [(1, "tenants: there is no tenant in it")],
    "tenants: eu": [(1, "tenants: must be a map of tenants")],
    "tenants: [1]": [(1, "tenants: must be a list of texts")],
    "profiles: acme\ntenants: [eu]": [(1, "profiles: must be a list of texts; write profiles: [one, another]")],
    "tenants:\n  eu: 1": [(2, "tenants.eu: must be a map of inputs; write eu: {region: 1}")],
    "tenants:\n  eu: {subject: 3}": [(2, "tenants.eu.subject: must be a text")],
    "tenants:\n  eu: {subject: ''}": [(2, "tenants.eu.subject: must be a text")],
    "tenants:\n  eu: {servers: https://a.example}": [(2, "tenants.eu.servers: must be a list of texts")],
    "tenants:\n  eu:\n    inputs: [region]": [(3, "tenants.eu.inputs: must be a map of inputs")],
    "tenants:\n  ? ''\n  : {}": [(2, "a tenant has a name")],
    "tenants: {": [(2, "a value is missing here")],
    "": [(1, "there is nothing in it")],
}
WRONG_BEYOND_THE_SCHEMA = {
    "tenants:\n  eu:\n    servers: [ftp://a.example]": [(3, "tenants.eu.servers[0]: ")],
    "tenants:\n  eu: {region: 1, inputs: {region: 2}}": [(2, "tenants.eu.region: region stands in `inputs`, too; keep one of them")],
    "tenants:\n  eu: {}\n  eu: {}": [(3, "written twice")],
}


@pytest.mark.parametrize("text", [*WRONG, *WRONG_BEYOND_THE_SCHEMA])
def test_everything_that_is_wrong_is_told_with_its_line(tmp_path, text):
    """One line a problem: file, line, key, and what would be right."""
    path = written(tmp_path, text, "m.yaml")

    with pytest.raises(UsageError) as caught:
        read_matrix(path)

    told = str(caught.value).splitlines()
    for line, words in {**WRONG, **WRONG_BEYOND_THE_SCHEMA}[text]:
        assert any(each.startswith(f"{path}:{line}:") and words in each for each in told), told


@pytest.mark.parametrize("text", [text for text in WRONG if text not in ("", "tenants: {")])
def test_the_schema_refuses_the_same(tmp_path, text):
    """An editor that knows the schema says so, too."""
    assert not SCHEMA.is_valid(read_document(written(tmp_path, text, "m.yaml")).data)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("region\n1\n", 1, "has no column `tenant`"),
        ("", 1, "has no column `tenant`"),
        ("tenant,region,region\neu,1,2\n", 1, "the column region is there twice"),
        ("tenant,\neu,1\n", 1, "a column has no name"),
        ("tenant,region\neu,1\n,2\n", 3, "names no tenant"),
        ("tenant,region\neu,1\neu,2\n", 3, "the tenant eu is there twice; first on line 2"),
        ("tenant,region\neu,1,2\n", 2, "has 3 cells, and there are 2 columns"),
        ('tenant,region\neu,"1\n', 2, "is not CSV"),
        ("tenant,servers\neu,ftp://a.example\n", 2, "tenants.eu.servers[0]: "),
        ("tenant\n", 1, "there is no tenant in it"),
    ],
)
def test_what_is_wrong_with_a_csv_file(tmp_path, text, line, words):
    """Its problems bear lines, too."""
    path = written(tmp_path, text, "m.csv")

    with pytest.raises(UsageError) as caught:
        read_matrix(path)

    assert any(each.startswith(f"{path}:{line}:") and words in each for each in str(caught.value).splitlines()), str(caught.value)


@pytest.mark.parametrize("name", ["m.yaml", "m.csv", "m.json"])
def test_files_that_cannot_be_read(tmp_path, name):
    """No file, a folder, other bytes, too large: each is told, and nothing is waited for."""
    for make in (lambda path: None, Path.mkdir, lambda path: path.write_bytes(b"tenant\xff\xfe"), lambda path: path.write_bytes(b"#" * 300_000)):
        path = tmp_path / str(len(list(tmp_path.iterdir()))) / name
        path.parent.mkdir()
        make(path)
        with pytest.raises(UsageError, match=name):
            read_matrix(path)


def test_a_cell_over_two_lines_keeps_the_lines_of_those_below(tmp_path):
    """Quoted line ends count."""
    path = written(tmp_path, 'tenant,note\neu,"a\nb"\nus,1,2\n', "m.csv")

    with pytest.raises(UsageError, match=r"m\.csv:4:1: has 3 cells"):
        read_matrix(path)


def test_the_examples_of_the_documentation(tmp_path):
    """They are read, they keep the schema, and what they say the same they mean the same."""
    text = page("docs/test-all.md").text
    as_yaml = read_matrix(written(tmp_path, re.search(r"```yml\n(.*?)```", text, re.S)[1], "m.yaml"))
    as_csv = read_matrix(written(tmp_path, re.search(r"```csv\n(.*?)```", text, re.S)[1], "m.csv"))

    SCHEMA.validate(as_yaml.document.data)
    assert ["eu", "us", "test"] == [row.tenant for row in as_yaml.rows]
    assert [(row.tenant, row.servers) for row in as_csv.rows] == [(row.tenant, row.servers) for row in as_yaml.rows[:2]]

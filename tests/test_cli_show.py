"""`authweave show`: a profile with its defaults is a profile that behaves the same."""

import json

import pytest

from authweave.cli.exits import Exit
from authweave.cli.whole import whole, whole_text
from authweave.cli.yaml_text import yaml_text
from authweave.documents import parse_document
from authweave.engine import Engine
from authweave.extensions.catalog import default_catalog
from authweave.loading import check_text, files_in, load, loads
from authweave.preview import preview
from authweave.resources import profiles_folder
from authweave.settings import Settings
from authweave.values import TaskRequest
from commands import apart, here

pytestmark = pytest.mark.thorough

SHAPES = {
    "variants": """\
inputs: {mode: {enum: [a, b], default: a}, api_key: {secret: true}}
auth:
  - {name: a, when: '{{ inputs.mode == "a" }}', type: api_key}
  - {name: b, type: basic, username: x, password: '{{ inputs.api_key }}'}
""",
    "post": """\
auth:
  type: oauth2
  grant_type: client_credentials
  token_url: https://a.example/token
  client_auth: client_secret_post
  token_request: {encoding: json, omit: [scope], rename: {client_id: appId}, fields: [{key: x, value: y}]}
  token_response: {access_token: '{{ response.json.tok }}', keep: {base: '{{ response.json.base }}'}}
""",
    "public": """\
auth: {type: oauth2, grant_type: client_credentials, token_url: 'https://a.example/token', client_auth: none, refresh_with: grant}
""",
    "vendor": """\
auth:
  type: oauth2
  grant_type: {vendor: account_credentials}
  token_url: https://a.example/token
  scopes: read write
  rejected_when: [{status: [419, 4xx], when: '{{ response.json.code == 12 }}'}]
""",
    "custom": """\
description: "Two\\nlines, a \\"quote\\", it's # not: a comment, {{ no template }} é 😀"
documentation: https://a.example/docs
vars: {stamp: '{{ now() }}'}
auth:
  type: custom
  fields:
    - {in: query, key: 'a b', value: '{{ inputs.api_key }}-{{ vars.stamp }}'}
inputs: {api_key: {secret: true, title: 'Key: yours', pattern: "[a-z'\\"]+"}}
x-owner: {team: [a, {b: c}], list: [1, 2.5, true, 'true', '0123', no, '~', '']}
""",
    "none": "auth: {type: none}\n",
}
HEAD = "format: 1\nname: shape\nidentity_provider: Acme\nservers: ['https://a.example', 'https://*.b.example/{{ profile.name }}']\n"
PROFILES = {
    **{path.stem: path.read_text() for path in files_in(profiles_folder())},
    **{name: HEAD + text for name, text in SHAPES.items()},
}


def previews(profile):
    """What a profile would send, in the cases that its kind can have."""
    with Engine(settings=Settings.load({"sources": ()}, env={}), clock=lambda: 1_700_000_000.0) as engine:
        connection = engine.connect(profile, subject="somebody" if profile.subject == "user" else None)
        body = TaskRequest("POST", "/x", (("Content-Type", "application/json"),), b"{}", path_template=True)
        cases = [(None, False), (None, True), (TaskRequest("GET", "/x", path_template=True), False), (body, False)]
        shown = [preview(connection, request, refresh=refresh).as_dict() for request, refresh in cases]
    return [without_places(one) for one in shown]


def without_places(data):
    if isinstance(data, dict):
        return {key: without_places(value) for key, value in data.items() if key != "file_line"}
    return [without_places(item) for item in data] if isinstance(data, list | tuple) else data


@pytest.mark.parametrize("name", PROFILES)
def test_shown_profile_is_the_same_profile(name):
    """What is shown is valid without a warning of its own, and sends the same requests."""
    profile = loads(PROFILES[name], "<text>")
    text = whole_text(profile, default_catalog())

    again = loads(text, "<text>")

    assert complaints(PROFILES[name]) == complaints(text)
    assert previews(profile) == previews(again)
    assert declared(profile) == declared(again)


def complaints(text):
    """Rule and key of every problem: warnings of what the author wrote, in a valid profile."""
    return [(problem.rule, problem.key) for problem in check_text(text, "<text>").problems]


def declared(profile):
    """The inputs, whoever declared them."""
    return {name: tuple(getattr(one, field) for field in one.__slots__ if field != "implied") for name, one in profile.inputs.items()}


@pytest.mark.parametrize("name", PROFILES)
def test_showing_again_changes_nothing(name):
    """Every default is there: showing what was shown gives the same, with nothing left to mark."""
    catalog = default_catalog()
    profile = loads(PROFILES[name], "<text>")
    text = whole_text(profile, catalog)

    again = loads(text, "<text>")

    assert whole(profile, catalog) == whole(again, catalog)
    assert "# default" in text
    assert [line for line in whole_text(again, catalog).splitlines() if line.endswith("# default")] == []


def test_defaults_are_marked_and_nothing_else(capsys, tmp_path):
    """What the file says bears no comment; what it does not say bears `# default`."""
    path = tmp_path / "shape.yaml"
    path.write_text(HEAD + SHAPES["post"])

    done = here(capsys, "show", path)

    assert Exit.OK == done.code
    assert done.lines[0] == f"# shape@0.0.0, from {path}, with its defaults."
    assert "  client_auth: client_secret_post" in done.lines
    assert "version: '0.0.0'  # default" in done.lines
    assert "  client_id:  # implied by the auth type" in done.lines
    assert "  refresh_before: 60  # default" in done.lines
    assert not any("basic_encoding" in line for line in done.lines), "it has no effect with client_secret_post"


def test_parents_are_named(capsys, tmp_path):
    """What comes from a parent says so, with file and line."""
    (tmp_path / "base.yaml").write_text(HEAD.replace("shape", "base") + SHAPES["vendor"])
    child = tmp_path / "child.yaml"
    child.write_text("format: 1\nname: child\nextends: base\nversion: 2.0.0\nauth: {scopes: admin}\n")

    done = here(capsys, "show", child)

    assert f"  token_url: https://a.example/token  # from {tmp_path / 'base.yaml'}:8" in done.lines
    assert "  scopes: admin" in done.lines
    assert "version: '2.0.0'" in done.lines
    assert not any(line.startswith("extends") for line in done.lines)
    assert load(child).name == loads(done.out, "<text>").name


def test_json(capsys, tmp_path):
    """As data: the profile, and where every part comes from that the file does not say."""
    path = tmp_path / "shape.yaml"
    path.write_text(HEAD + SHAPES["vendor"])

    shown = json.loads(here(capsys, "show", path, "--format", "json").out)

    assert "https://a.example/token" == shown["profile"]["auth"]["token_url"]
    assert ("default", "implied by the auth type") == (shown["origins"]["auth.refresh_url"], shown["origins"]["inputs.client_secret"])
    assert "auth.token_url" not in shown["origins"]


def test_invalid_profile(capsys, tmp_path):
    """Of a profile that is not valid every problem is told, as by validate."""
    path = tmp_path / "shape.yaml"
    path.write_text(HEAD + "auth: {type: oauht2}\nvresion: 1.0.0\n")

    done = here(capsys, "show", path)

    assert (Exit.REFUSED, "") == (done.code, done.out)
    assert done.err.startswith("authweave: the profile is not valid:\n")
    assert f"{path}:5:14: auth.type" in done.err
    assert f"{path}:6:1: vresion" in done.err


def test_settings_with_their_origin(tmp_path):
    """Each setting with its value and where that comes from; what a URL hides stays hidden."""
    (tmp_path / "authweave.toml").write_text("deadline = 5\n")
    env = {"AUTHWEAVE_PROXY": "http://me:hushhush@proxy.example:3128", "XDG_CONFIG_HOME": str(tmp_path / "none")}

    text = apart("show", "--settings", cwd=tmp_path, **env)
    data = apart("show", "--settings", "--format", "json", cwd=tmp_path, **env)

    rows = {line.split()[0]: line.split()[1:3] for line in text.lines}
    assert ["5", "authweave.toml:1"] == rows["deadline"]
    assert ["60", "default"] == rows["test_deadline"]
    assert "AUTHWEAVE_PROXY" == rows["proxy"][1]
    assert "hushhush" not in text.out + data.out
    assert {"name", "value", "origin", "description"} == set(json.loads(data.out)[0])


@pytest.mark.parametrize(
    "value",
    [
        "", " ", "plain", "two words", "a: b", "a:b", "a #b", "a#b", "- a", "-a", "'", '"', "\\", "it's", "{{ x }}", "{a}", "[a]", "no", "On",
        "y", "true", "null", "~", "0123", "1e5", "0x1F", "0o7", ".5", "1.2.0", "2024-01-18", "12:30", "&a", "*a", "!a", "%a", "@a", "`a", "|", ">", "?", "? a",
        "a\nb", "\ta", "a\t", "trailing ", " leading", "a\r\n", "é", "\u00a0", "😀", "a" * 300, "=", "<<", "a,b",
        0, -1, 1.5, 1e300, 2**63, True, False, None, {}, [], {"a": {}}, [[]], [[1, [2]], {"k": [{}]}], {"a b": 1, "": 2, "'": 3, "no": 4, "1": 5},
    ],
    ids=ascii,
)  # fmt: skip
def test_yaml_text_is_read_back(value):
    """Whatever a profile may hold comes back as it was, in every place a value can stand."""
    data = {"format": 1, "one": value, "list": [value, {"in": value}], "map": {"deep": {"er": value}}}
    text = yaml_text(data, lambda path: "a comment: with # signs")

    document = parse_document(text, "<text>")

    assert [] == list(document.problems), text
    assert data == document.data

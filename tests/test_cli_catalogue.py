"""`authweave list`, `plugins` and `schema`: what there is, and where it comes from."""

import json

import pytest

from authweave.cli.exits import Exit
from authweave.extensions.catalog import BUILTIN, KINDS
from authweave.loading import files_in
from authweave.resources import profiles_folder, schema_file
from commands import apart, here

pytestmark = pytest.mark.thorough

MINE = "format: 1\nname: {name}\nversion: 2.1.0\nidentity_provider: Mine\nservers: ['https://a.example']\nauth: {{type: bearer}}\n"
PLUGIN = '''
from authweave.hookspecs import hookimpl

class Hmac:
    """A scheme of a stranger."""
    name, title = "acme.hmac", "Acme's own"
    schema = {"properties": {"acme_key": {"type": "string"}}}
    inputs, fields, gets_token = {}, [], False

@hookimpl
def register_schemes(register):
    register(Hmac)
'''


def test_shipped_profiles_are_listed(capsys):
    """Every shipped profile, with version, identity provider and type."""
    done = here(capsys, "list")

    assert Exit.OK == done.code
    for path in files_in(profiles_folder()):
        [line] = [line for line in done.lines if line.split()[0] == path.stem]
        assert line.endswith("shipped")
    assert "oauth2 client_credentials" in done.out


def test_own_profiles_come_first(capsys, tmp_path):
    """One's own folder is listed first, hides a shipped profile of the same name, and shows what is not valid."""
    for name, text in {"mine": MINE, "nuance-mix-runtime": MINE, "broken": "format: 1\nname: broken\n"}.items():
        (tmp_path / f"{name}.yaml").write_text(text.format(name=name))

    done = here(capsys, "list", "--profiles-dir", tmp_path)
    entries = {entry["name"]: entry for entry in json.loads(here(capsys, "list", "--profiles-dir", tmp_path, "--format", "json").out)}

    assert ["broken", "mine", "nuance-mix-runtime"] == [line.split()[0] for line in done.lines[1:4]]
    assert 1 == sum(line.startswith("nuance-mix-runtime ") for line in done.lines)
    assert "(not valid)" in next(line for line in done.lines if line.startswith("broken"))
    assert (False, False, True) == (entries["broken"]["valid"], entries["mine"]["shipped"], entries["mine"]["valid"])
    assert ("2.1.0", "Mine", ["bearer"], ["token"]) == tuple(entries["mine"][key] for key in ("version", "identity_provider", "types", "inputs"))


def test_hostile_files_are_listed(capsys, tmp_path):
    """Whatever lies in a folder, the list comes, and moves no cursor."""
    (tmp_path / "a.yaml").write_text("[1, 2")
    (tmp_path / "b.json").write_text('{"format": 1, "name": "b", "identity_provider": "x\\u001b[2J\\u202e", "version": ["1"], "auth": 5}')
    (tmp_path / "c.yaml").write_bytes(b"\x00\xff")

    text = here(capsys, "list", "--profiles-dir", tmp_path)
    data = here(capsys, "list", "--profiles-dir", tmp_path, "--format", "json")

    assert (Exit.OK, Exit.OK) == (text.code, data.code)
    assert ["a", "b", "c"] == [entry["name"] for entry in json.loads(data.out)][:3]
    assert not any(character in text.out + data.out for character in "\x1b\u202e\x00")


def test_built_in_parts(capsys):
    """Everything built in is listed by its kind."""
    done = here(capsys, "plugins")
    data = json.loads(here(capsys, "plugins", "--format", "json").out)

    assert Exit.OK == done.code
    assert "client_secret_basic" in next(line for line in done.lines if line.strip().startswith("client_auth"))
    assert set(BUILTIN) <= {plugin["name"] for plugin in data if plugin["built_in"]}
    assert {pair["kind"] for plugin in data for pair in plugin["adds"]} <= set(KINDS)


@pytest.fixture
def installed(tmp_path):
    """A folder with a stranger's packages, as pip leaves them."""
    def install(name, entry_point, module, text):
        (tmp_path / f"{module}.py").write_text(text)
        info = tmp_path / f"{name.replace('-', '_')}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(f"[authweave]\n{entry_point} = {module}\n")
        return str(tmp_path)

    return install


def with_packages(folder):
    from commands import environment

    return {"PYTHONPATH": f"{environment()['PYTHONPATH']}:{folder}"}


def test_installed_package(installed):
    """What an installed package adds is named with the package and its version; its type is in --installed."""
    env = with_packages(installed("acme-auth", "acme", "acme_auth", PLUGIN))

    done = apart("plugins", **env)
    plain, full = apart("schema", **env), apart("schema", "--installed", **env)

    assert Exit.OK == done.code
    assert "acme-auth 1.2: acme (acme_auth), contract 1" in done.lines
    assert "  schemes  acme.hmac" in done.lines
    assert ("acme_key" in plain.out, "acme_key" in full.out) == (False, True)


def test_broken_package_is_named(installed):
    """A package that cannot be imported is named with the reason, the rest is listed, and 1 tells a script."""
    env = with_packages(installed("broken-auth", "broken", "broken_auth", "import nothing_of_this_name\n"))

    done = apart("plugins", **env)

    assert (Exit.REFUSED, "") == (done.code, done.err)
    assert "broken-auth 1.2: broken (broken_auth) is broken, and nothing of it is used" in done.lines
    assert "nothing_of_this_name" in done.out
    assert "client_secret_basic" in done.out


def test_clashing_package_is_named(installed, tmp_path):
    """Two packages with one name: both are named. `plugins` goes on without the second one; a command that uses it does not begin."""
    env = with_packages(installed("other-auth", "other", "other_auth", PLUGIN.replace("acme.hmac", "basic")))
    (tmp_path / "mine.yaml").write_text(MINE.format(name="mine"))

    done, used = apart("plugins", **env), apart("validate", tmp_path / "mine.yaml", **env)

    assert (Exit.REFUSED, Exit.USAGE) == (done.code, used.code)
    for text in (done.out, used.err):
        assert "authweave.schemes.basic of authweave" in text
        assert "other_auth of other-auth" in text
    assert "AUTHWEAVE_BLOCKED_PLUGINS=other-auth" in used.err


def test_what_is_broken_or_blocked_is_left_out(installed, tmp_path):
    """The operator chooses: skip what is broken, which is told once on stderr, or block it, which is not told any more."""
    env = with_packages(installed("broken-auth", "broken", "broken_auth", "import sys\nprint('hello')\nsys.exit(3)\n"))
    (tmp_path / "mine.yaml").write_text(MINE.format(name="mine"))

    skipped = apart("validate", tmp_path / "mine.yaml", **env, AUTHWEAVE_BROKEN_PLUGINS="skip")
    blocked = apart("validate", tmp_path / "mine.yaml", **env, AUTHWEAVE_BLOCKED_PLUGINS="broken-auth")
    listed = apart("plugins", "--format", "json", **env, AUTHWEAVE_BLOCKED_PLUGINS="broken")
    broken = apart("plugins", "--format", "json", **env)

    assert (Exit.OK, Exit.OK) == (skipped.code, blocked.code)
    assert 1 == skipped.err.count("plugin broken of broken-auth 1.2 is left out: ended with SystemExit at broken_auth.py:3")
    assert "broken" not in blocked.err
    assert ["blocked"] == [one["state"] for one in json.loads(listed.out) if not one["built_in"]]
    assert "hello" not in listed.err + blocked.out
    assert (Exit.REFUSED, ["broken"]) == (broken.code, [one["state"] for one in json.loads(broken.out) if not one["built_in"]])
    assert "hello" in broken.err


def test_a_blocked_name_that_nothing_has_is_told(capsys, monkeypatch):
    """It may be misspelt."""
    monkeypatch.setenv("AUTHWEAVE_BLOCKED_PLUGINS", "acme-authweafe")

    assert "blocked_plugins names acme-authweafe, and nothing of that name is installed" in here(capsys, "plugins").lines


def test_schema_is_the_published_one(capsys):
    """What is printed is what is published, byte for byte; --check says so."""
    printed, checked = here(capsys, "schema"), here(capsys, "schema", "--check")

    assert schema_file().read_text() == printed.out
    assert Exit.OK == checked.code

"""Settings: what an operator decides, and where each value came from."""

import os
import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authweave.engine import Engine
from authweave.errors import SettingsError
from authweave.settings import MEMBERS, VARIABLES, Settings
from thorough import every


@pytest.fixture
def load(tmp_path):
    """Loading in a folder of its own, with no user's file but the test's."""
    def loaded(overrides=None, toml=None, folder=tmp_path, users=None, **env):
        if toml is not None:
            (tmp_path / "authweave.toml").write_text(toml)
        if users is not None:
            (tmp_path / "config" / "authweave").mkdir(parents=True, exist_ok=True)
            (tmp_path / "config" / "authweave" / "authweave.toml").write_text(users)
        return Settings.load(overrides, {"XDG_CONFIG_HOME": str(tmp_path / "config"), **env}, folder)

    return loaded


def test_defaults(load):
    """Without a word from anybody every setting has its documented default, and says so."""
    settings = load()

    assert all(member.default == getattr(settings, name) for name, member in MEMBERS.items())
    assert {"default"} == set(settings.origins.values())
    assert (
        settings.store, settings.deadline, settings.allow_loopback_http,
        settings.workers_per_endpoint,
    ) == ("memory:", 30.0, True, 4)  # fmt: skip


@every("member", MEMBERS.values(), ids=lambda member: member.name)
def test_every_member_is_described(member):
    """Each setting has a description, a type in words, a key and a variable."""
    assert member.description.endswith((".", "`."))
    assert member.type
    assert (member.name, f"AUTHWEAVE_{member.name.upper()}") == (member.key, member.variable)


def test_order(load):
    """The constructor wins over the environment, that over the file near by, that over the user's file."""
    toml = "deadline = 3\ntest_deadline = 3\nworkers_per_endpoint = 3\n"
    users = "deadline = 4\ntest_deadline = 4\nworkers_per_endpoint = 4\nstore = 'users:'"
    settings = load({"deadline": 1}, toml, users=users, AUTHWEAVE_DEADLINE="2", AUTHWEAVE_TEST_DEADLINE="2")

    assert (
        settings.deadline, settings.test_deadline, settings.workers_per_endpoint, settings.store
    ) == (1.0, 2.0, 3, "users:")  # fmt: skip
    assert tuple(
        settings.origins[name] for name in ("deadline", "test_deadline", "workers_per_endpoint", "ca")
    ) == ("Engine(deadline=…)", "AUTHWEAVE_TEST_DEADLINE", "authweave.toml:3", "default")
    assert settings.origins["store"].endswith("config/authweave/authweave.toml:4")


def test_file_is_found_upward(load, tmp_path):
    """A file in a folder above holds; its relative paths start where it stands."""
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)

    settings = load(toml="profiles = ['p', '/q']\nsecrets_dir = 'secrets'", folder=below)

    assert ((tmp_path / "p", Path("/q")), tmp_path / "secrets") == (settings.profiles, settings.secrets_dir)
    assert f"{tmp_path / 'authweave.toml'}:2" == settings.origins["secrets_dir"]


def test_named_file_replaces_the_search(load, tmp_path):
    """AUTHWEAVE_CONFIG names the file; the one near by is then not read."""
    (tmp_path / "other.toml").write_text("deadline = 7")

    settings = load(toml="deadline = 3\nstore = 'near:'", AUTHWEAVE_CONFIG="other.toml")

    assert (settings.deadline, settings.store) == (7.0, "memory:")
    assert "other.toml (from AUTHWEAVE_CONFIG):1" in settings.origins["deadline"]


def test_named_file_that_is_not_there(load):
    """A named file must exist: a typo in its name is not a silent default."""
    with pytest.raises(SettingsError, match=r"gone\.toml \(from AUTHWEAVE_CONFIG\) cannot be read: No such file.*unset AUTHWEAVE_CONFIG"):
        load(AUTHWEAVE_CONFIG="gone.toml")


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can give files away")
def test_file_of_a_stranger_is_refused(load, tmp_path):
    """A file above that belongs to somebody else is refused; naming it insists on it."""
    load(toml="deadline = 3")
    os.chown(tmp_path / "authweave.toml", 12345, 12345)

    with pytest.raises(SettingsError, match="belongs to another user; set AUTHWEAVE_CONFIG"):
        load()
    assert load(AUTHWEAVE_CONFIG=str(tmp_path / "authweave.toml")).deadline == 3.0


@pytest.mark.parametrize(("toml", "line"), [
    ("deadline = 3", 1),
    ("# deadline = 1\n\n  deadline=3", 3),
    ("keyring_service = '''\ndeadline = 4\n'''\ndeadline = 3", 4),
    ('"deadline" = 3', 1),
    ("profiles = [\n  'deadline = 3',\n]\n'deadline' = 3 # yes", 4),
    ("\r\ndeadline = 3\r\n", 2),
    ("# \u2028\ndeadline = 3", 2),
])  # fmt: skip
def test_line_of_a_key(load, toml, line):
    """The line is that of the key itself, not of a text or comment that looks like it."""
    assert f"authweave.toml:{line}" == load(toml=toml).origins["deadline"]


def test_table(load):
    """A table is placed at its header."""
    settings = load(toml="deadline = 3\n\n[routes]\n'API.example:443' = '127.0.0.1:1234'")

    assert settings.routes == {"api.example:443": "127.0.0.1:1234"}
    assert settings.origins["routes"] == "authweave.toml:3"


@pytest.mark.parametrize(("overrides", "toml", "env", "said"), [
    ({"dedline": 1}, None, {}, "Engine(dedline=…): dedline is not a setting; did you mean deadline?"),
    (None, "x = 1\n", {}, "authweave.toml:1: x is not a setting; known are profiles,"),
    (None, "'redis://:s3cret@h' = 1\n", {}, "authweave.toml:1: a key that stands there is not a setting; known are profiles,"),
    (None, "\n[route]\na = 1", {}, "authweave.toml:2: route is not a setting; did you mean routes?"),
    (None, "deadline = '3'", {}, "authweave.toml:1 deadline: must be a number of seconds above 0"),
    (None, "deadline = true", {}, "authweave.toml:1 deadline: must be a number"),
    (None, "deadline = nan", {}, "authweave.toml:1 deadline: must be a number"),
    (None, "deadline = 1" + "0" * 400, {}, "authweave.toml:1 deadline: must be a number"),
    (None, "allow_loopback_http = 1", {}, "authweave.toml:1 allow_loopback_http: must be true or false"),
    (None, "allow_loopback_http = 'no'", {}, "authweave.toml:1 allow_loopback_http: must be true or false"),
    (None, "profiles = 'a'", {}, "authweave.toml:1 profiles: must be a list of folders"),
    (None, "ca = 3", {}, "authweave.toml:1 ca: must be a text"),
    (None, "sources = ['a', 'a']", {}, "authweave.toml:1 sources: names one twice"),
    (None, "workers_per_endpoint = 0", {}, "authweave.toml:1 workers_per_endpoint: must be a whole number from 1"),
    (None, "routes = {'a' = 'b'}", {}, 'authweave.toml:1 routes: must be a table of "host:port"'),
    (None, "routes = {'a:1' = 'b:70000'}", {}, "authweave.toml:1 routes: must be a table"),
    (None, "deadline = hunter2", {}, "authweave.toml is not TOML: Invalid value (at line 1, column 12)"),
    (None, "a = 1\na = 2", {}, "authweave.toml is not TOML"),
    (None, None, {"AUTHWEAVE_DEADLINE": "soon"}, "AUTHWEAVE_DEADLINE: must be a number of seconds, such as 30"),
    (None, None, {"AUTHWEAVE_DEADLINE": "1e3"}, "AUTHWEAVE_DEADLINE: must be a number"),
    (None, None, {"AUTHWEAVE_DEADLINE": " 3"}, "AUTHWEAVE_DEADLINE: must be a number"),
    (None, None, {"AUTHWEAVE_DEADLINE": "0"}, "AUTHWEAVE_DEADLINE: must be a number of seconds above 0"),
    (None, None, {"AUTHWEAVE_DEADLINE": "٣"}, "AUTHWEAVE_DEADLINE: must be a number"),
    (None, None, {"AUTHWEAVE_ALLOW_LOOPBACK_HTTP": "yes"}, "AUTHWEAVE_ALLOW_LOOPBACK_HTTP: must be true, false, 1 or 0"),
    (None, None, {"AUTHWEAVE_WORKERS_PER_ENDPOINT": "2.0"}, "AUTHWEAVE_WORKERS_PER_ENDPOINT: must be a whole number"),
    (None, None, {"AUTHWEAVE_STORE": "redis"}, "AUTHWEAVE_STORE: must be a URL"),
    (None, None, {"AUTHWEAVE_SOURCES": "a,,b"}, "AUTHWEAVE_SOURCES: must be a list of names"),
    (None, None, {"AUTHWEAVE_ROUTES": "a:1=b:2,a:1=b:3"}, "AUTHWEAVE_ROUTES: routes one host and port twice"),
    ({"ca": "a\0b"}, None, {}, "Engine(ca=…): holds a NUL character"),
    ({"ca": "~nobody-of-this-name/x"}, None, {}, "Engine(ca=…): starts with ~ and there is no such home folder"),
])  # fmt: skip
def test_wrong(load, overrides, toml, env, said):
    """What is wrong is a SettingsError that names where it was read and what would be right."""
    with pytest.raises(SettingsError) as refused:
        load(overrides, toml, **env)

    assert str(refused.value).startswith(said)
    assert refused.value.__context__ is None


@pytest.mark.parametrize("proxy", [
    "hunter2", "socks5://u:hunter2@p:1", "http://u:hunter2@/", "http://u:hunter2@p:99999", "http://u:hunter2@p:1/x",
    "http://u:hunter 2@p:1", "http://u:hunter2@[::1", "http://p:1?hunter2",
])  # fmt: skip
def test_wrong_proxy_is_not_repeated(load, proxy):
    """A proxy setting may hold a password: the refusal does not repeat it."""
    with pytest.raises(SettingsError) as refused:
        load(AUTHWEAVE_PROXY=proxy)

    assert str(refused.value) == "AUTHWEAVE_PROXY: must be a URL of the form http://host:port, or none"


@pytest.mark.parametrize("member", [member for member in MEMBERS.values() if member.name not in ("routes", "profiles")],
                         ids=lambda member: member.name)  # fmt: skip
def test_every_scalar_setting_is_read_from_everywhere(member, load):
    """Each setting gives the same value from the environment, from the file, and from the constructor."""
    text, toml, value = {
        "true or false": ("1", "true", True), "seconds": ("2.5", "2.5", 2.5), "a whole number": ("7", "7", 7),
        "fail or skip": ("skip", "'skip'", "skip"), "a path": ("/x/y", "'/x/y'", Path("/x/y")), "text": ("mine", "'mine'", "mine"),
        "a list of names": ("b, a", "['b', 'a']", ["b", "a"]), "a URL": ("redis://h/0",) * 1 + ("'redis://h/0'", "redis://h/0"),
        "a URL, or none": ("http://p:3128", "'http://p:3128'", "http://p:3128"),
        "open or strict": ("strict", "'strict'", "strict"), "client or host": ("host", "'host'", "host"),
        "a list of host names": ("*.acme.example, api.b.example", "['*.acme.example', 'api.b.example']", ["*.acme.example", "api.b.example"]),
        "a list of ports": ("8443, 9443", "[8443, 9443]", [8443, 9443]),
        "a list of URLs": ("http://p:3128, http://q:3128", "['http://p:3128', 'http://q:3128']", ["http://p:3128", "http://q:3128"]),
    }[member.type]  # fmt: skip
    found = [
        load(**{member.variable: text}), load({member.name: value}), load(toml=f"{member.name} = {toml}"),
    ]  # fmt: skip

    assert len({repr(getattr(settings, member.name)) for settings in found}) == 1
    assert all(settings.origins[member.name] != "default" for settings in found)


def test_lists_and_tables_in_variables(load, tmp_path):
    """Folders are separated as in PATH, names and routes by commas."""
    routes = "x.example:443=127.0.0.1:1,[::1]:8=h:9"

    settings = load(AUTHWEAVE_PROFILES=os.pathsep.join(["a", "/b"]), AUTHWEAVE_ROUTES=routes)

    assert (tmp_path / "a", Path("/b")) == settings.profiles
    assert settings.routes == {"x.example:443": "127.0.0.1:1", "[::1]:8": "h:9"}


def test_what_is_not_a_setting(load):
    """Other AUTHWEAVE_ variables may be inputs; empty ones and overrides of None are not there."""
    settings = load({"store": None, "ca": None}, AUTHWEAVE_ACME_CLIENT_ID="x", AUTHWEAVE_DEADLINE="")

    assert {"default"} == set(settings.origins.values())


@pytest.mark.parametrize(("proxy", "stands"), [("none", ""), ("http://p:3128", "http://p:3128")])
def test_proxy(load, proxy, stands):
    """`none` switches proxies off, which is different from not saying."""
    assert (None, stands) == (load().proxy, load(AUTHWEAVE_PROXY=proxy).proxy)


@pytest.mark.parametrize(("name", "value"), [
    ("proxy", "http://me:hunter2@proxy.example:3128"),
    ("proxy", "http://hunter2@proxy.example:3128"),
    ("store", "redis://:hunter2@redis.example/0"),
    ("store", "redis://me:hun/hunter2@ter@redis.example/0"),
    ("store", "redis://redis.example/0?password=hunter2&db=1"),
    ("store", "vault:x?a=1;access_token=hunter2"),
])  # fmt: skip
def test_passwords_are_not_shown(load, name, value):
    """A password in a URL stays out of `shown`, of repr, and of the origins."""
    settings = load({name: value})

    assert "hunter2" not in settings.shown(name) + repr(settings) + str(settings) + repr(settings.origins)
    assert "example" in settings.shown(name) or "vault:" in settings.shown(name)
    assert value == getattr(settings, name)


def test_shown(load):
    """Values are shown as one would write them."""
    settings = load({"deadline": 30, "sources": ["a", "b"], "routes": {"a:1": "b:2"}, "proxy": "none"})

    names = ("deadline", "sources", "routes", "proxy", "allow_loopback_http", "ca", "store")
    assert [settings.shown(name) for name in names] == ["30", "a, b", "a:1=b:2", "none", "true", "none", "memory:"]


def test_frozen(load):
    """A loaded value does not change, nor do its maps."""
    settings = load(toml="routes = {'a:1' = 'b:2'}")

    with pytest.raises(AttributeError):
        settings.store = "other:"
    with pytest.raises(TypeError):
        settings.routes["c:1"] = "d:2"
    with pytest.raises(TypeError):
        settings.origins["store"] = "me"


def test_origin_of_a_command_line_option(load, tmp_path):
    """Another door than Engine names its overrides in its own way."""
    settings = Settings.load({"store": "x:"}, {"XDG_CONFIG_HOME": str(tmp_path)}, tmp_path, called="--{}")

    assert settings.origins["store"] == "--store"


def test_variables():
    """All variables of settings are known by name, so that none is taken for an input."""
    assert {"AUTHWEAVE_CONFIG", "AUTHWEAVE_STORE", "AUTHWEAVE_ALLOW_LOOPBACK_HTTP"} <= VARIABLES


@pytest.mark.parametrize("content", [b"\xff", b"\x00", b"a" * 300_000, b"x = " + b"[" * 5000])
def test_hostile_file(load, tmp_path, content):
    """A file that is no TOML is one typed error, whatever it holds."""
    (tmp_path / "authweave.toml").write_bytes(content)

    with pytest.raises(SettingsError, match=r"^authweave\.toml "):
        load()


scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.binary(max_size=5))


def nested(inner):
    return st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3))


@given(st.sampled_from(sorted(MEMBERS)), st.text(max_size=30), st.recursive(scalars, nested, max_leaves=5))
def test_any_value_is_read_or_refused(name, text, value):
    """Whatever stands in a variable or is given by a host, it is a setting or a SettingsError that names it."""
    variable = f"AUTHWEAVE_{name.upper()}"
    nowhere = Path("/nonexistent")
    for overrides, env in (({name: value}, {}), ({}, {variable: text})):
        try:
            said = Settings.load(overrides, {"XDG_CONFIG_HOME": "/nonexistent", **env}, nowhere).shown(name)
        except SettingsError as refused:
            said = str(refused) if f"({name}=…)" in str(refused) or variable in str(refused) else ""
        assert said


def test_an_error_can_be_copied(load):
    """A SettingsError crosses a process border."""
    with pytest.raises(SettingsError) as refused:
        load(AUTHWEAVE_DEADLINE="x")

    assert str(refused.value) == str(pickle.loads(pickle.dumps(refused.value)))


def test_an_engine_with_settings_takes_what_is_given_beside_them():
    """Nothing that a platform writes is dropped in silence; None is as if not written."""
    base = Settings.load({"sources": [], "deadline": 7.0}, env={})
    with Engine(settings=base, workers_per_endpoint=9, ca=None) as engine:
        assert (9, 7.0, None) == (engine.settings.workers_per_endpoint, engine.settings.deadline, engine.settings.ca)
    with pytest.raises(SettingsError, match="workerz"):
        Engine(settings=base, workerz=9)

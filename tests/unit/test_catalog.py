"""What is installed comes in whole or not at all, under names that nobody else has; what is broken is named."""

from __future__ import annotations

import importlib
import logging
import sys
import textwrap

import pytest

from authweave.engine import Engine
from authweave.errors import ExtensionError, SettingsError
from authweave.extensions.catalog import BUILTIN, Catalog, catalog_for
from authweave.settings import Settings
from thorough import few

GOOD = """
    from authweave.hookspecs import hookimpl

    class Badge:
        '''A grant of a stranger.'''
        name, title, schema, inputs, attended = "urn:acme:badge", "with a badge", {}, {}, False

        def parameters(self, call):
            return {}

    class Place:
        '''A placement of a stranger.'''
        name, title = "acme.place", "Acme's own place"

        def wrong_key(self, key):
            return None

        def place(self, draft, key, value, on_conflict):
            draft.put_header(key, value, on_conflict)

    @hookimpl
    def register_grants(register):
        register(Badge)

    @hookimpl
    def register_placements(register):
        register(Place)
"""
SECRET = "hush-s3cr3t-4711"
BROKEN = {
    "nothing there": ("", "cannot be imported: ModuleNotFoundError: No module named"),
    "an import that fails": ("import nothing_of_this_name", "No module named 'nothing_of_this_name'"),
    "a syntax error": ("def x(:", "cannot be imported: SyntaxError in "),
    "an error at import": (f"raise RuntimeError('{SECRET}')", r"ended with RuntimeError at acme_\w+.py:1"),
    "sys.exit": ("import sys; sys.exit(0)", "ended with SystemExit"),
    "the end of a generator": (f"raise GeneratorExit('{SECRET}')", "ended with GeneratorExit"),
    "a skipped test": ("import pytest; pytest.skip('x', allow_module_level=True)", "ended with Skipped"),
    "an unknown hook": (GOOD + "\n    @hookimpl\n    def register_grant(register): pass", "unknown hook 'register_grant'; the hooks are .*register_grants"),
    "a hook's wrong argument": (GOOD.replace("register_placements(register)", "register_placements(add)").replace("register(Place)", "add(Place)"), "'add'"),
    "a hook half-way": (GOOD.replace("register(Place)", f"register(Place); raise KeyError('{SECRET}')"), r"its hook register_placements failed: ended with KeyError at acme_\w+.py"),
    "a hook that exits": (GOOD.replace("register(Place)", "raise SystemExit"), "its hook register_placements failed: ended with SystemExit"),
    "a hook that nobody marked": (GOOD.replace("@hookimpl\n    def register_placements", "def register_placements"), "register_placements has no @hookimpl"),
    "an async hook": (GOOD.replace("def register_placements", "async def register_placements"), "register_placements has to be a plain function"),
    "a hook that yields": (GOOD.replace("register(Place)", "yield register(Place)"), "register_placements has to be a plain function"),
    "a class without a name": (GOOD.replace('name, title = "acme.place",', "title ="), "Place has no `name`"),
    "a class without a method": (GOOD.replace("def place(", "def plaice("), r"\(placement 'acme.place'\) lacks place"),
    "a member of another form": (GOOD.replace('"with a badge", {}, {}, False', '"with a badge", {}, {}, "no"'), "attended has to be True or False"),
    "inputs of another form": (GOOD.replace('"with a badge", {}, {}, False', '"with a badge", {}, {"x": 1}, False'), "inputs has to be a map"),
    "a method that is none": (GOOD.replace("def place(self, draft, key, value, on_conflict):\n            draft.put_header(key, value, on_conflict)", "place = 5"), "place is int, and has to be a method"),
    "an async method": (GOOD.replace("def place(", "async def place("), "place is async"),
    "an object in the place of a class": (GOOD.replace("register(Place)", "register(Place())"), "it takes a class"),
    "a name with blanks": (GOOD.replace("acme.place", "Acme Place"), "'Acme Place' is no name"),
    "a name that moves the cursor": (GOOD.replace("acme.place", "acme\\x1b[2J"), "is no name"),
    "a name that is taken": (GOOD.replace("acme.place", "header"), r"placement 'header' is registered by authweave.placements.header of authweave and by acme_\w+ of acme-auth"),
    "a grant type that is taken": (GOOD.replace("urn:acme:badge", "urn:ietf:params:oauth:grant-type:jwt-bearer"), "jwt-bearer' is registered by authweave.grants.jwt_bearer"),
    "a name twice": (GOOD.replace("register(Place)", "register(Place); register(type('Other', (Place,), {}))"), "'acme.place' is registered by"),
    "a contract of tomorrow": (GOOD + "\n    authweave_contract = 2", "written for version 2 of the hooks, and this authweave has 1: update authweave"),
    "a contract of yesterday": (GOOD + "\n    authweave_contract = 0", "written for version 0 of the hooks, and this authweave knows 1 to 1: update it"),
    "a contract that is none": (GOOD + "\n    authweave_contract = '>=1'", "authweave_contract is a whole number"),
}


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Put a package where the interpreter finds it, as pip leaves one: name of the distribution, text of its module, entry point."""
    monkeypatch.syspath_prepend(str(tmp_path))
    modules = []

    def installed(distribution, text, entry=""):
        module = f"{distribution.replace('-', '_')}_{len(modules)}"
        if text:
            (tmp_path / f"{module}.py").write_text(textwrap.dedent(text))
        info = tmp_path / f"{module}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(f"[authweave]\n{distribution.partition('-')[0]} = {entry or module}\n")
        importlib.invalidate_caches()
        modules.append(module)
        return module

    yield installed
    for module in modules:
        sys.modules.pop(module, None)


def of(catalog):
    """What came in from outside, or did not."""
    return [plugin for plugin in catalog.plugins if plugin.name not in BUILTIN]


def test_an_installed_package_comes_in(install):
    """Its classes are found by name; the catalogue says where they came from."""
    module = install("acme-auth", GOOD + "\n    authweave_contract = 1")
    catalog = Catalog()

    [plugin] = of(catalog)
    assert ("acme", "acme-auth", "1.2", module, 1, "loaded") == (plugin.name, plugin.distribution, plugin.version, plugin.module, plugin.contract, plugin.state)
    assert (("grants", "urn:acme:badge"), ("placements", "acme.place")) == plugin.added
    assert "Badge" == catalog.find("grants", "urn:acme:badge").__name__


def test_a_class_and_an_object_can_be_entry_points(install):
    """Of a class an object is made."""
    text = GOOD + """
    class Package:
        @hookimpl
        def register_placements(self, register):
            register(Place)

        @hookimpl(specname="register_grants")
        def other(self, register):
            register(Badge)
    """
    text = text.replace("@hookimpl\n    def register_", "def add_")
    module = install("acme-auth", text, "acme_auth_0:Package")

    assert {("grants", "urn:acme:badge"), ("placements", "acme.place")} == set(of(Catalog())[0].added)
    assert "acme_auth_0" == module


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_package_is_named_and_fatal(install, case):
    """With package, version and reason; nothing of what it said is repeated, and no foreign error hangs on ours."""
    text, reason = BROKEN[case]
    module = install("acme-auth", text)

    with pytest.raises(ExtensionError, match=reason) as caught:
        Catalog()

    assert f"plugin acme of acme-auth 1.2 ({module})" in str(caught.value)
    assert "AUTHWEAVE_BLOCKED_PLUGINS=acme-auth" in str(caught.value)
    assert SECRET not in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert (None, None) == (caught.value.__cause__, caught.value.__context__)


@pytest.mark.parametrize("case", few(BROKEN, every=4))
def test_a_broken_package_is_left_out_whole(install, case):
    """Where the host wants that: nothing of it is there, and everything of the others."""
    install("acme-auth", BROKEN[case][0])
    install("good-auth", GOOD.replace("urn:acme:badge", "urn:good:badge").replace("acme.place", "good.place"))
    catalog, alone = Catalog(broken="skip"), Catalog(installed=False)

    broken, good = of(catalog)
    assert ("broken", "acme-auth", ()) == (broken.state, broken.distribution, broken.added)
    assert broken.error
    assert SECRET not in broken.error
    assert ("loaded", 2) == (good.state, len(good.added))
    assert set(catalog.named("grants")) - set(alone.named("grants")) == {"urn:good:badge"}
    assert set(catalog.named("placements")) - set(alone.named("placements")) == {"good.place"}


@pytest.mark.parametrize("entry", ["acme_auth_0:NoSuchName", "acme_auth_0:Badge.nothing", "not a module!", "acme_auth_0:"])
def test_an_entry_point_that_leads_nowhere(install, entry):
    """Is as broken as any other."""
    install("acme-auth", GOOD, entry)

    assert ["broken"] == [plugin.state for plugin in of(Catalog(broken="skip"))]


def test_ctrl_c_at_import_is_not_swallowed(install):
    """It is the person's, not the package's."""
    install("acme-auth", "raise KeyboardInterrupt")

    with pytest.raises(KeyboardInterrupt):
        Catalog(broken="skip")


def test_two_packages_with_one_name(install):
    """Both are named; of the two the first by name of its distribution stays, whatever was installed first."""
    second = install("zeta-auth", GOOD)
    first = install("acme-auth", GOOD)

    with pytest.raises(ExtensionError, match=rf"'urn:acme:badge' is registered by {first} of acme-auth and by {second} of zeta-auth"):
        Catalog()
    assert ["loaded", "broken"] == [plugin.state for plugin in of(Catalog(broken="skip"))]
    assert first == Catalog(broken="skip").find("grants", "urn:acme:badge").__module__


def test_two_stores_with_one_scheme(install):
    """A URL names one store."""
    members = "read lease release wait intend write remove keys note noted checks close is_remote from_url"
    store = f"""
        from authweave.hookspecs import hookimpl
        class Mine:
            name, schemes, is_shared = "acme.store", ("acme", "redis"), False
        for member in "{members}".split():
            setattr(Mine, member, lambda *a: None)
        @hookimpl
        def register_stores(register):
            register(Mine)
    """
    install("acme-auth", store)

    with pytest.raises(ExtensionError, match=r"store redis: is registered by authweave\.stores\.redis\.store of authweave"):
        Catalog()


@pytest.mark.parametrize("name", ["acme", "acme-auth", "Acme_Auth", "acme_auth_0"])
def test_a_blocked_package_is_not_even_imported(install, name):
    """By entry point, distribution or module."""
    module = install("acme-auth", "raise RuntimeError")

    assert ["blocked"] == [plugin.state for plugin in of(Catalog(blocked=(name,)))]
    assert module not in sys.modules


def test_our_own_entry_points_are_no_extensions(install):
    """They are for hosts that load plugins by themselves."""
    install("authweave", "raise RuntimeError")

    assert [] == of(Catalog())


def test_an_engine_takes_the_operators_wishes(install, caplog):
    """As arguments or as settings; what is left out is told once in the log."""
    install("acme-auth", f"raise RuntimeError('{SECRET}')")
    quiet = Settings.load({"broken_plugins": "skip", "sources": []}, env={})
    catalog_for.__globals__["_catalog"].cache_clear()
    try:
        with caplog.at_level(logging.WARNING, "authweave.plugins"), Engine(settings=quiet), Engine(settings=quiet):
            pass
        with pytest.raises(ExtensionError, match="acme-auth"):
            Engine(broken_plugins="fail")
        with Engine(blocked_plugins=("acme-auth",)) as engine:
            assert ["blocked"] == [plugin.state for plugin in of(engine.catalog)]
        with pytest.raises(SettingsError, match=r"broken_plugins.*must be fail or skip"):
            Engine(broken_plugins="ignore")
    finally:
        catalog_for.__globals__["_catalog"].cache_clear()

    [record] = caplog.records
    assert record.getMessage().startswith("plugin acme of acme-auth 1.2 is left out: ended with RuntimeError at acme_auth_0.py:1")


def test_a_plugin_added_by_a_host_comes_in_whole_or_not_at_all():
    """`Catalog.add` for a host that has plugins of its own."""
    from authweave.hookspecs import hookimpl

    class Half:
        @hookimpl
        def register_rules(self, register):
            register(type("Fine", (), {"name": "acme.fine", "check": lambda self, checked: []}))
            register(type("Wrong", (), {"name": "acme.wrong"}))

    catalog = Catalog(installed=False)
    with pytest.raises(ExtensionError, match="lacks check"):
        catalog.add(Half(), "half", "acme-auth")

    assert "acme.fine" not in catalog.named("rules")
    assert [] == of(catalog)

"""The contract with platforms: what each hook says of itself is so, in a manager of any project or without one, and stays so."""

from __future__ import annotations

import asyncio
import doctest
import inspect
import json
import os
import subprocess
import sys
import tomllib
import traceback
from dataclasses import replace
from pathlib import Path

import httpx
import pluggy
import pytest

from authweave import TaskRequest, TaskResponse, hookspecs
from authweave import shared_engine as shared_engine_module
from authweave.errors import AuthweaveError, OriginRefused, SettingsError, UsageError
from authweave.hookspecs import HOST_ENTRY_POINTS, HostSpecs, add_host_specs, host_hookimpl, host_specs
from authweave.pending import Pending
from authweave.plugin import AuthweavePlugin, join
from authweave.shared_engine import share_engine
from host_world import browser, world
from thorough import every, few

HOOKS = {name: spec for name, spec in vars(HostSpecs).items() if not name.startswith("_")}
WHOSE = {"tenant": "", "subject": None, "inputs": None}
CONTRACT = {
    "list_auth_profiles": {"tenant": ""},
    "validate_auth_profile": {"source": ..., "text": ..., "tenant": ""},
    "authorize_request": {"profile": ..., "request": ..., **WHOSE, "servers": ()},
    "handle_response": {"profile": ..., "request": ..., "response": ..., **WHOSE, "servers": ()},
    "list_authorizations": {"profiles": ..., **WHOSE, "session": "", "redirect_uri": None},
    "begin_authorization": {"profile": ..., **WHOSE, "session": "", "redirect_uri": None, "servers": ()},
    "complete_authorization": {"answer": ..., "session": "", "profile": "", "inputs": None},
    "await_authorization": {"profile": ..., **WHOSE, "servers": ()},
    "cancel_authorization": {"profile": ..., **WHOSE, "servers": ()},
    "revoke": {"profile": ..., **WHOSE, "servers": ()},
    "test_auth_profile": {"profile": ..., **WHOSE, "servers": (), "control": False, "refresh": False},
}
"""Version 1, as platforms call it: each argument, `...` where it is required. A row is never changed but by an argument with a default."""


class Crossed:
    """An `AuthweavePlugin` called by a platform without pluggy: where pluggy joins the results of plugins, a list of one."""

    def __init__(self, plugin):
        self.plugin = plugin

    def __getattr__(self, name):
        method = getattr(self.plugin, name)
        return (lambda **how: [method(**how)]) if name.startswith("list_") else method


@pytest.fixture
def here(tmp_path):
    with world(tmp_path) as made:
        yield made


def managed(plugin, project="authweave"):
    manager = pluggy.PluginManager(project)
    join(manager, plugin)
    return manager.hook


def arguments(function):
    parameters = [one for one in inspect.signature(function).parameters.values() if one.name != "self"]
    return {one.name: ... if one.default is one.empty else one.default for one in parameters}


@every("hook", CONTRACT)
def test_a_call_that_was_written_once_stays_a_call(hook):
    """No argument of version 1 is gone, required, or means another default; the plugin takes what the spec says."""
    assert CONTRACT[hook] == arguments(HOOKS[hook]) == arguments(getattr(AuthweavePlugin, hook))


def test_no_hook_is_missing_from_the_table():
    """Whoever adds one adds its row."""
    assert set(CONTRACT) == set(HOOKS)
    assert hookspecs.VERSION == 1


@pytest.mark.parametrize("way", few(["pluggy", "another project", "directly"], every=3))
@pytest.mark.parametrize("hook", CONTRACT)
def test_the_example_of_each_hook_is_what_happens(here, hook, way):
    """What stands in the docstring is typed and answered so."""
    plugin = AuthweavePlugin(here.engine)
    host = {"pluggy": lambda: managed(plugin), "another project": lambda: managed(plugin, "mybot"), "directly": lambda: Crossed(plugin)}[way]()
    names = {"host": host, "TaskRequest": TaskRequest, "TaskResponse": TaskResponse, "browser": browser}
    [example] = doctest.DocTestFinder(recurse=False).find(HOOKS[hook], hook, globs=names)
    said: list[str] = []

    outcome = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(example, out=said.append, clear_globs=False)

    assert outcome.attempted
    assert not outcome.failed, "".join(said)


@pytest.mark.parametrize("hook", [hook for hook in CONTRACT if "profile" in CONTRACT[hook] and CONTRACT[hook]["profile"] is ...])
def test_nobody_answers_for_a_profile_that_nobody_knows(here, hook):
    """None: another plugin may, and the platform can say so."""
    how = {"profile": "elsewhere", "request": TaskRequest("GET", "/x"), "response": TaskResponse(200)}

    assert getattr(managed(AuthweavePlugin(here.engine)), hook)(**{name: how[name] for name in CONTRACT[hook] if name in how}) is None


def test_of_several_plugins_the_one_that_knows_the_profile_answers(here, tmp_path):
    """A platform's own plugin beside ours, and in front of it."""
    asked = []

    class Theirs:
        @host_hookimpl
        def authorize_request(self, profile, request):
            asked.append(profile)
            return Pending.at_once(lambda: "theirs") if profile == "their-crm" else None

    manager = pluggy.PluginManager("mybot")
    join(manager, AuthweavePlugin(here.engine))
    manager.register(Theirs())

    assert "theirs" == manager.hook.authorize_request(profile="their-crm", request=TaskRequest("GET", "/x")).result()
    assert manager.hook.authorize_request(profile="acme-crm", request=TaskRequest("GET", "/x")).result(30).header("authorization")
    assert ["their-crm", "acme-crm"] == asked


def test_a_platform_of_another_project_loads_us_by_our_entry_point(tmp_path):
    """Its process names nothing of ours but the specs, and settings say where the profiles are."""
    (tmp_path / "mine.yaml").write_text("format: 1\nname: mine\nidentity_provider: Mine\nservers: ['https://api.mine.example']\nauth: {type: api_key, fields: [{in: header, key: X-Key, value: '{{ inputs.api_key }}'}]}\ninputs: {api_key: {secret: true}}\n")
    code = """if True:
        import pluggy
        from authweave.hookspecs import HOST_ENTRY_POINTS, host_specs
        manager = pluggy.PluginManager("mybot")
        manager.add_hookspecs(host_specs("mybot"))
        print(manager.load_setuptools_entrypoints(HOST_ENTRY_POINTS))
        from authweave import TaskRequest
        print(manager.hook.authorize_request(profile="mine", request=TaskRequest("GET", "/x")).result(30).header("x-key"))
    """
    environment = {"AUTHWEAVE_PROFILES": str(tmp_path), "AUTHWEAVE_MINE_API_KEY": "k1", "HOME": str(tmp_path), "PYTHONPATH": as_installed(tmp_path)}
    found = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)

    assert "1\nk1\n" == found.stdout, found.stderr


def as_installed(folder):
    """A path on which authweave and its metadata are found as `pyproject.toml` declares them, whether it is installed or not."""
    root = Path(__file__).parents[2]
    groups = tomllib.loads((root / "pyproject.toml").read_text())["project"]["entry-points"]
    metadata = folder / "path" / "authweave-0.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: authweave\nVersion: 0.0\n")
    lines = [line for group, entries in groups.items() for line in (f"[{group}]", *(f"{name} = {value}" for name, value in entries.items()))]
    (metadata / "entry_points.txt").write_text("\n".join(lines))
    return os.pathsep.join((str(metadata.parent), str(root / "plugin")))


def test_joining_twice_is_refused_and_loading_after_joining_adds_nothing(here):
    """Two of us would answer every call twice."""
    manager = pluggy.PluginManager("mybot")
    join(manager, AuthweavePlugin(here.engine))

    with pytest.raises(ValueError, match="authweave"):
        join(manager, AuthweavePlugin(here.engine))
    assert 0 == manager.load_setuptools_entrypoints(HOST_ENTRY_POINTS, "authweave.host")
    assert 1 == len(manager.hook.list_auth_profiles())


def test_two_plugins_of_one_platform_may_both_join(here):
    """Neither knows of the other; whoever comes first does it, and both have the same."""
    manager = pluggy.PluginManager("mybot")

    first = join(manager, AuthweavePlugin(here.engine))
    again = join(manager)
    add_host_specs(manager)

    assert first is again is join(manager, first)
    assert 1 == len(manager.hook.list_auth_profiles())


def test_an_adapter_of_the_same_platform_does_not_keep_us_out(here):
    """A platform that loads our adapter by its own entry-point group knows that one as `authweave`."""
    manager = pluggy.PluginManager("mybot")
    manager.register(object(), name="authweave")

    join(manager, AuthweavePlugin(here.engine))

    assert manager.hook.authorize_request(profile="acme-crm", request=TaskRequest("GET", "/x")).result(30).header("authorization")


def test_registering_makes_no_engine():
    """It is made at the first call, with the settings of that moment, in the process that calls: not before a fork, nor where a list is printed."""
    plugin, before = AuthweavePlugin(), list(shared_engine_module._shared)

    members = [getattr(plugin, name) for name in dir(plugin)]  # as pluggy does that asks each member for its mark
    joined = join(pluggy.PluginManager("mybot"), plugin)

    assert members
    assert shared_engine_module._shared == before
    assert "authweave.plugin" == joined.__name__


@pytest.fixture
def nothing_shared():
    """No engine of this process before, and none afterwards."""
    share_engine(None)
    yield
    share_engine(None)


def test_the_plugin_uses_what_the_process_shares_now(here, nothing_shared, monkeypatch):
    """Another engine that is shared counts from the next call on; closing the plugin lets go of it."""
    plugin = AuthweavePlugin()

    share_engine(here.engine)
    shared = plugin.engine
    plugin.close()

    assert here.engine is shared
    assert here.engine is not plugin.engine
    with pytest.raises(UsageError, match="closed"):
        here.engine.connect("acme-crm").authorize(TaskRequest("GET", "/x")).result(30)


def test_settings_that_are_wrong_are_said_by_the_pending(nothing_shared, monkeypatch):
    """For every hook: a platform has one place where it catches what goes wrong."""
    monkeypatch.setenv("AUTHWEAVE_STORE", "nonsense:")
    hook = managed(AuthweavePlugin())
    how = {"profile": "x", "profiles": ["x"], "request": TaskRequest("GET", "/x"), "response": TaskResponse(200), "answer": "?state=x", "source": "x", "text": "x"}

    for name, known in CONTRACT.items():
        answered = getattr(hook, name)(**{argument: how[argument] for argument, default in known.items() if default is ...})
        [pending] = answered if isinstance(answered, list) else [answered]
        with pytest.raises(SettingsError, match="nonsense"):
            pending.result(30)


def test_both_colours_are_one_spec(here):
    """Awaited in an event loop, waited for in a thread; done at once when the token is at hand."""
    hook = managed(AuthweavePlugin(here.engine))

    async def asked():
        return await hook.authorize_request(profile="acme-crm", request=TaskRequest("GET", "/x"))

    cold = asyncio.run(asked())
    warm = hook.authorize_request(profile="acme-crm", request=TaskRequest("GET", "/x"))

    assert warm.done()
    assert "Bearer T1" == cold.header("authorization") == warm.result(0).header("authorization")


def test_what_is_wrong_is_raised_by_the_pending_and_not_by_the_call(here):
    """So that a platform has one place to catch it, in either colour."""
    hook = managed(AuthweavePlugin(here.engine))
    elsewhere = hook.authorize_request(profile="acme-crm", request=TaskRequest("GET", "https://elsewhere.example/x"))
    unknown = hook.authorize_request(profile="acme-crm", request=TaskRequest("GET", "/x"), inputs={"nonsense": "1"})
    no_request = hook.authorize_request(profile="acme-crm", request={"url": "/x"})
    one_text = hook.authorize_request(profile="acme-crm", request=TaskRequest("GET", "/x"), servers="https://api.acme.example")

    for pending, error in ((elsewhere, OriginRefused), (unknown, UsageError), (no_request, UsageError), (one_text, UsageError)):
        with pytest.raises(error):
            pending.result(30)
    assert 0 == here.identity.count


SILLY = [5, b"acme-crm", ["acme-crm"], {"a": 1}, object(), "\ud800", "a" * 100_000]


@pytest.mark.parametrize("argument", ["profile", "request", "tenant", "subject", "inputs", "servers", "url", "headers", "body", "response", "profiles", "text"])
def test_arguments_of_any_kind_are_an_error_of_ours_at_the_most(here, argument):
    """Whatever the type: nobody's profile, or an AuthweaveError of the Pending, without the frames that hold values; the call never raises."""
    plugin = AuthweavePlugin(here.engine)
    hook = {"response": plugin.handle_response, "profiles": plugin.list_authorizations, "text": plugin.validate_auth_profile}.get(argument, plugin.authorize_request)
    for silly in SILLY:
        how = {"profile": "acme-crm", "request": TaskRequest("POST", "/v1/me", (("Content-Type", "text/plain"),), b"x"), argument: silly}
        if argument == "headers" or (argument == "body" and not isinstance(silly, bytes)):
            with pytest.raises(TypeError, match=argument):
                replace(how["request"], **{argument: silly})
            continue
        if argument in ("url", "body"):
            how["request"] = replace(how["request"], **{argument: how.pop(argument)})
        given = {"profiles": {"profiles": silly}, "text": {"source": "acme.yaml", "text": silly}}.get(argument, how)
        if (pending := hook(**given)) is None:
            assert "profile" == argument
            continue
        try:
            pending.result(10)
        except AuthweaveError as error:
            assert not [frame for frame, _ in traceback.walk_tb(error.__traceback__) if "draft" in frame.f_code.co_filename]  # noqa: PT017


def test_one_reference_in_the_place_of_a_list_is_not_taken_for_nothing_to_do(here):
    """`profiles="acme-mail"` would be nine profiles of one letter, none of which anybody has to sign in to."""
    with pytest.raises(UsageError, match="list of references"):
        AuthweavePlugin(here.engine).list_authorizations(profiles="acme-mail", subject="anna").result(10)


@pytest.mark.parametrize("answer", [None, 200, {"status": 200}])
def test_what_is_no_answer_is_said(here, answer):
    """Whatever a platform's client gives: the error names what is wanted, in the place of an AttributeError of ours."""
    hook = managed(AuthweavePlugin(here.engine))
    for request in (TaskRequest("GET", "/x"), httpx.Request("GET", "https://api.acme.example/x")):
        sent = hook.authorize_request(profile="acme-crm", request=request).result(30)
        with pytest.raises(UsageError, match="the answer to a"):
            hook.handle_response(profile="acme-crm", request=sent, response=answer).result(30)


def test_a_request_and_an_answer_are_made_from_maps_just_as_well(here):
    """`dict(response.headers)` is what platforms have at hand; what is kept are pairs, so that names may come twice."""
    hook = managed(AuthweavePlugin(here.engine))
    sent = hook.authorize_request(profile="acme-crm", request=TaskRequest("GET", "/x", {"Accept": "text/plain"})).result(30)
    judgement = hook.handle_response(profile="acme-crm", request=sent, response=TaskResponse(200, {"Server": "acme"})).result(30)

    assert "text/plain" == sent.header("accept")
    assert "accepted" == judgement.verdict
    assert (("a", "b"), ("a", "c")) == TaskResponse(200, [["a", "b"], ("a", "c")]).headers


@pytest.mark.parametrize("made", [lambda: TaskRequest("POST", "/x", body="{}"), lambda: TaskResponse(200, body={"a": 1})])
def test_a_body_that_is_no_bytes_is_refused_where_it_is_written(made):
    """In the line of the platform's own, and not in the middle of a request."""
    with pytest.raises(TypeError, match="body is bytes"):
        made()


def test_a_step_that_needs_people_is_a_list_that_a_bot_forwards(here):
    """JSON as it stands: who has signed in, and where the others do."""
    hook = managed(AuthweavePlugin(here.engine))

    def step():
        [pending] = hook.list_authorizations(profiles=["acme-crm", "acme-mail", "elsewhere"], subject="anna", tenant="blue")
        return json.loads(json.dumps([each.as_dict() for each in pending.result(30)]))

    before = step()
    hook.complete_authorization(answer=browser(before[1]["url"])).result(30)
    after = step()

    assert [("acme-crm", True, None), ("acme-mail", False, before[1]["url"])] == [(one["profile"], one["is_authorized"], one["url"]) for one in before]
    assert {"url", "identity_provider", "profile", "subject", "is_authorized", "expires_at"} <= before[0].keys() & before[1].keys()
    assert {"subject": "anna", "tenant": "blue", "identity_provider": "Acme"}.items() <= before[1].items()
    assert before[1]["expires_at"] > 0
    assert [True, True] == [one["is_authorized"] for one in after]
    assert [None, None] == [one["url"] for one in after]
    assert 1 == here.identity.count


def test_a_refused_user_token_that_nobody_can_renew_asks_for_the_person(here):
    """`handle_response` says where to sign in; it is the link that everybody gets."""
    hook = managed(AuthweavePlugin(here.engine))
    begun = hook.begin_authorization(profile="acme-mail", subject="anna").result(30)
    hook.complete_authorization(answer=browser(begun.url)).result(30)
    request = hook.authorize_request(profile="acme-mail", request=TaskRequest("GET", "/x"), subject="anna").result(30)
    here.identity.good_refresh = "none"

    judgements = [hook.handle_response(profile="acme-mail", request=request, response=TaskResponse(401), subject="anna").result(30) for _ in range(2)]

    assert ["sign_in_needed"] * 2 == [judgement.verdict for judgement in judgements]
    assert [("acme-mail", "anna", False)] * 2 == [(one.sign_in.profile, one.sign_in.subject, one.sign_in.is_authorized) for one in judgements]
    assert 1 == len({judgement.sign_in.url for judgement in judgements})
    assert judgements[0].sign_in.url.startswith("https://login.acme.example/authorize?")
    assert judgements[0].sign_in.url not in repr(judgements)


def test_the_plugin_of_the_process_and_its_own_engine_are_two_things(tmp_path):
    """Options make an engine of its own."""
    with world(tmp_path):
        plugin = AuthweavePlugin(profiles=tmp_path, sources=[])

        assert {"acme-crm", "acme-mail"} <= {one["name"] for one in plugin.list_auth_profiles().result()}
        assert plugin.engine is not AuthweavePlugin(profiles=tmp_path, sources=[]).engine
        plugin.engine.close()


def test_a_project_is_marked_once_and_for_all_who_come_later():
    """Whoever is imported after the specs were taken up is found, too."""
    host_specs("a-later-one")

    @host_hookimpl
    def revoke(profile):
        return None

    assert getattr(revoke, "a-later-one_impl", None) is not None
    assert HostSpecs is host_specs("a-later-one")


def test_each_user_of_each_tenant_gets_values_of_their_own(tmp_path):
    """The platform's function is asked for the tenant and the user that a call of the hook names, and for nobody else's."""
    auth = {"type": "api_key", "fields": [{"in": "header", "key": "X-Key", "value": "{{ inputs.api_key }}"}]}
    document = {"format": 1, "name": "keyed", "identity_provider": "Acme", "servers": ["https://api.acme.example"], "auth": auth}
    (tmp_path / "keyed.json").write_text(json.dumps(document))

    def ask(profile, name, tenant, subject):
        return f"{profile}-{name}-{tenant}-{subject}"

    plugin = AuthweavePlugin(profiles=[tmp_path], sources=[], inputs=ask)
    hook = managed(plugin, "mybot")
    everybody = [(tenant, subject) for tenant in ("blue", "green") for subject in ("anna", "ben")]
    sent = [hook.authorize_request(profile="keyed", request=TaskRequest("GET", "/x"), tenant=tenant, subject=subject).result(30) for tenant, subject in everybody]
    plugin.close()

    assert [f"keyed-api_key-{tenant}-{subject}" for tenant, subject in everybody] == [request.header("x-key") for request in sent]


def test_a_platform_is_told_of_what_happens_to_its_tokens(tmp_path):
    """`on_event` hears whose token was got and refused, whichever hook was called, and no secret."""
    heard = []
    with world(tmp_path, on_event=heard.append) as made:
        hook = managed(AuthweavePlugin(made.engine), "mybot")
        request = hook.authorize_request(profile="acme-crm", request=TaskRequest("GET", "/x"), tenant="blue").result(30)
        hook.handle_response(profile="acme-crm", request=request, response=TaskResponse(401), tenant="blue").result(30)

    assert ["acquired", "rejected", "renewed"] == [event.kind for event in heard]
    assert {("acme-crm", "blue")} == {(event.profile, event.tenant) for event in heard}
    assert not any(token in repr(heard) for token in ("T1", "T2"))


def test_an_answer_is_completed_by_the_plugin_whose_profile_is_named(here):
    """Where several plugins have profiles: the others keep out, and this one completes it."""
    hook = managed(AuthweavePlugin(here.engine), "mybot")
    begun = hook.begin_authorization(profile="acme-mail", subject="anna").result(30)
    answer = browser(begun.url)

    assert hook.complete_authorization(answer=answer, profile="their-mail") is None
    assert hook.complete_authorization(answer=answer, profile="acme-mail").result(30).is_authorized

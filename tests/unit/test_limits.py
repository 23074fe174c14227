"""What profiles may use, tenant by tenant: nothing outside is looked at, and nobody learns whether it is there."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authweave import Engine, Limits, TaskRequest, loads
from authweave.errors import (
    EgressRefused,
    InputError,
    LimitRefused,
    MissingInput,
    OriginRefused,
    ProfileError,
    SettingsError,
    UrlRefused,
)
from authweave.limits import Within
from authweave.limits.host_patterns import Place
from authweave.limits.matching import matches_file, matches_variable
from authweave.limits.reading import read_limits
from authweave.loading import check_file, check_text
from authweave.plugin import AuthweavePlugin
from authweave.settings import Settings
from authweave.sources.keyring import KeyringSource
from authweave.sources.secrets_dir import SecretsDirSource
from authweave.values import Secret
from services import Api, Identity, between, serving
from thorough import every

HEAD = {"format": 1, "name": "acme", "identity_provider": "Acme", "servers": ["https://api.acme.example"]}
KEY = {"type": "api_key"}
EVERYTHING = Limits.everything


def text(auth: object = None, **more: object) -> str:
    return json.dumps({**HEAD, "auth": auth or KEY, **more})


def profile(auth: object = None, **more: object):
    return loads(text(auth, **more), "acme.json")


class Watched(dict[str, str]):
    """An environment that remembers which variables anybody asked for."""

    def __init__(self, **values: str) -> None:
        super().__init__(values)
        self.asked: set[str] = set()

    def get(self, name, default=None):
        self.asked.add(name)
        return super().get(name, default)

    def __getitem__(self, name):
        self.asked.add(name)
        return super().__getitem__(name)


def engine(limits, *folders: Path, env: dict[str, str] | None = None, inputs=None, sources=("environment",), **more) -> Engine:
    return Engine(folders, limits=limits, inputs=inputs, settings=Settings.load({"sources": list(sources), **more}, env={} if env is None else env))


def refused(limits, made, tenant: str = "", **more) -> LimitRefused:
    with pytest.raises(LimitRefused) as caught:
        engine(limits, **more).connect(made, tenant=tenant)
    assert {"limits"} == {problem.rule for problem in caught.value.problems}
    return caught.value


@every(
    "but, key",
    [
        ({"profiles": ["blue-*"]}, "name"), ({"types": ["bearer"]}, "auth.type"), ({"hosts": ["*.blue.example"]}, "servers[0]"),
        ({"inputs": ["client_*"]}, "inputs.api_key"), ({"environment": ["AUTHWEAVE_BLUE_*"]}, "inputs.api_key"),
    ],
)  # fmt: skip
def test_each_list_refuses_what_it_does_not_hold(but, key):
    """A profile that names something outside of one list fails when it is loaded, at its place, with what may be used instead."""
    error = refused(EVERYTHING(**but), profile())
    [problem] = error.problems
    [(kind, entries)] = but.items()

    assert key == problem.key
    assert problem.mark is not None
    assert f"{kind} that may be used here: {entries[0]} (Engine(limits=…))" in problem.fix
    engine(EVERYTHING()).connect(profile())


def test_what_is_not_listed_may_not_be_used():
    """Limits without a list allow nothing of that kind; a tenant that nobody provides for may use nothing."""
    some = Limits(profiles=["acme"], types=["api_key"], hosts=["api.acme.example"], inputs=["api_key"])

    engine(some).connect(profile())
    for kind in ("profiles", "types", "hosts", "inputs"):
        refused(Limits(**{**{name: some.as_dict()[name] for name in ("profiles", "types", "hosts", "inputs")}, kind: ()}), profile())
    refused({"blue": EVERYTHING()}, profile(), tenant="red")
    refused(lambda tenant: EVERYTHING() if tenant == "blue" else None, profile(), tenant="red")
    engine({"blue": Limits(), "*": EVERYTHING()}).connect(profile(), tenant="red")


@pytest.mark.parametrize("wrong", [lambda tenant: 1 / 0, lambda tenant: "*", lambda tenant: True])
def test_a_function_that_fails_allows_nothing(wrong):
    """What a host's function of limits raises or answers beside Limits and None is an error of settings, and connects nobody."""
    with pytest.raises(SettingsError, match="limits"):
        engine(wrong).connect(profile())


@every(
    "kind, entry",
    [
        ("hosts", "https://acme.example"), ("hosts", "acme.example/x"), ("hosts", "a.*.example"), ("hosts", "*.example"), ("hosts", "a:0"), ("hosts", "u@a.example"),
        ("types", "oauth*"), ("inputs", "a b"), ("environment", "HOME"), ("environment", "AUTHWEAVE_{user}_X"), ("files", "/run/../etc/x"),
        ("files", ""), ("profiles", "{tenant}-x"), ("inputs", 5),
    ],
)  # fmt: skip
def test_what_can_never_be_meant_is_an_error_of_the_operator(kind, entry):
    """An entry that is none of its kind is refused when the limits are made, with the list's name."""
    with pytest.raises(SettingsError, match=kind):
        Limits(**{kind: [entry]})


TYPES = ["ntlm", "acme.hmac", "oauth2", "no_such_type", "api_kei", "", 5, None, ["api_key"]]


@every("kind", TYPES, ids=str)
def test_a_type_that_is_unknown_reads_as_one_that_is_not_allowed(kind):
    """Whether a type is installed is not told: the words are the same, and name only what may be used."""
    checked = check_text(text({"type": kind}), "acme.json", within=Within(EVERYTHING(types=["api_key", "no_such_type"])))
    [problem] = checked.problems

    assert "limits" == problem.rule
    shown = f"`{kind}`" if isinstance(kind, str) else "what stands here"
    assert (f"{shown} may not be used here", "types that may be used here: api_key, no_such_type (Engine(limits=…))") == (problem.message, problem.fix)


@every("grant", ["password", "client_credentails", "urn:ietf:params:oauth:grant-type:jwt-bearer", {"vendor": "password"}], ids=str)
def test_a_grant_is_allowed_as_it_is_written(grant):
    """`oauth2/client_credentials` is that grant and no other; `oauth2` is all of them; each variant is looked at."""
    auth = {"type": "oauth2", "grant_type": grant, "token_url": "https://auth.acme.example/t"}
    for one in (auth, [{"name": "a", "when": "{{ inputs.x }}", "type": "api_key"}, {"name": "b", **auth}]):
        checked = check_text(text(one, inputs={"x": {}}), "acme.json", within=Within(EVERYTHING(types=["api_key", "oauth2/client_credentials"])))
        assert ["limits"] == [problem.rule for problem in checked.problems]

    other = check_text(text({**auth, "grant_type": "password"}), "acme.json", within=Within(EVERYTHING(types=["oauth2"])))
    assert other.is_valid


INSIDE = {
    "https://api.acme.example": {}, "https://*.acme.example": {}, "https://API.Acme.example.": {}, "https://{{ inputs.x }}.acme.example": {"pattern": "[a-z0-9-]+"},
    "https://{{ inputs.x }}": {"pattern": "[a-z]+\\.acme\\.example"}, "https://{{ inputs.x }}/": {"enum": ["a.acme.example", "b.acme.example"]},
    "{{ inputs.x }}/v1": {"pattern": "https://(eu|us)\\.acme\\.example"}, "https://a-{{ inputs.x }}.acme.example": {"type": "integer"},
    "https://api.acme.example:443/{{ inputs.x }}": {}, "https://deep.er.eu.example:8443": {},
}  # fmt: skip
OUTSIDE = {
    "https://acme.example": {}, "https://a.b.acme.example": {}, "https://api.acme.example:8443": {}, "https://acme.example.evil.example": {},
    "https://xacme.example": {}, "https://*.b.acme.example": {}, "https://{{ inputs.x }}.acme.example": {}, "https://{{ inputs.x }}.b.acme.example": {"pattern": "[a-z]+"},
    "https://{{ inputs.x }}": {"pattern": "[a-z.]+\\.acme\\.example"}, "https://{{ inputs.x }}/": {"enum": ["a.acme.example", "evil.example"]},
    "https://{{ inputs.x ~ '.evil.example' }}": {"enum": ["a.acme.example"]}, "https://{{ 'evil.example' if inputs.x else inputs.x }}": {"enum": ["a.acme.example"]},
    "{{ inputs.x }}/v1": {"pattern": "https://[a-z.]+"}, "https://{{ inputs.x }}/2": {"format": "hostname"}, "https://eu.example:8443": {},
    "https://{{ inputs.x | replace('a', '.evil.') }}.acme.example": {"pattern": "[a-z]+"}, "https://api.acme.example:{{ inputs.x }}": {"type": "integer"},
    "https://[::1]": {}, "http://127.0.0.1": {}, "https://xn--acme-example.example": {},
}  # fmt: skip
HOSTS = ["*.acme.example", "**.eu.example:8443"]


def inputs_of(url: str, among: dict) -> dict:
    return {"inputs": {"x": among[url]}} if "inputs.x" in url else {}


@every("url", INSIDE)
def test_a_host_that_stays_inside_is_allowed(url):
    """Literal hosts in any spelling, and values whose pattern or list cannot lead outside."""
    engine(EVERYTHING(hosts=HOSTS)).connect(profile(servers=[url], **inputs_of(url, INSIDE)))


@every("url", OUTSIDE)
def test_a_host_that_could_be_another_is_refused(url):
    """As a server, as a token URL, as an issuer, in a step, as a test: when it is loaded."""
    spec = inputs_of(url, OUTSIDE)
    refused(EVERYTHING(hosts=HOSTS), profile(servers=[url], **spec))
    if "*" in url:
        return
    oauth = {"type": "oauth2", "grant_type": "client_credentials", "token_url": "https://a.acme.example/t"}
    step = {"name": "s", "request": {"url": url}}
    for auth in ({**oauth, "token_url": url}, {**oauth, "refresh_url": url}, {"type": "oauth2", "grant_type": "client_credentials", "issuer": url}, {**oauth, "before": [step]}):
        refused(EVERYTHING(hosts=HOSTS), profile(auth, **spec))


@every(
    "redirect, inputs, is_inside",
    [
        ("{{ inputs.redirect_uri }}", {}, True), ("https://x.acme.example/cb", {}, True), ("http://127.0.0.1:8000/cb", {}, True),
        ("https://evil.example/cb", {}, False), ("https://x.acme.example{{ inputs.y }}/cb", {"y": {}}, False), ("https://{{ inputs.y }}/cb", {"y": {}}, False),
        ("{{ 'https://evil.example/cb' }}", {}, False), ("{{ inputs.redirect_uri }}", {"redirect_uri": {"default": "https://evil.example/cb"}}, False),
        ("https://x.acme.example/{{ inputs.y }}", {"y": {}}, True),
    ],
)  # fmt: skip
def test_where_a_browser_comes_back_to_is_the_hosts_word_or_inside(redirect, inputs, is_inside):
    """A redirect URI that the author wrote, also as a default, leads to a host of the list; one that is supplied is the host's."""
    auth = {
        "type": "oauth2", "grant_type": "authorization_code", "authorization_url": "https://a.acme.example/a", "token_url": "https://a.acme.example/t",
        "redirect_uri": redirect,
    }  # fmt: skip
    made = profile(auth, inputs=inputs)
    if is_inside:
        engine(EVERYTHING(hosts=HOSTS)).connect(made, subject="ann")
    else:
        refused(EVERYTHING(hosts=HOSTS), made)


def test_servers_that_the_host_names_are_held_to_the_list():
    """`connect(servers=…)` cannot lead where the tenant's profiles may not."""
    made = engine(EVERYTHING(hosts=["**.acme.example"]))

    made.connect(profile(), servers=["https://*.eu.acme.example"])
    with pytest.raises(OriginRefused, match="may be used here"):
        made.connect(profile(), servers=["https://evil.example"])


def test_no_parent_outside_is_looked_for(tmp_path):
    """`extends` of a profile outside reads the same whether it is there or not, and no place is looked at for it; nor for the parent of a parent."""
    (tmp_path / "secret-base.json").write_text(json.dumps({**HEAD, "name": "secret-base", "auth": KEY, "abstract": True}))
    (tmp_path / "mid.json").write_text(json.dumps({"format": 1, "name": "mid", "extends": "secret-base"}))
    within, told = Within(EVERYTHING(profiles=["acme", "mid"])), []
    for parent in ("secret-base", "secret-bass", "secret-base@9", "mid"):
        (tmp_path / "acme.json").write_text(json.dumps({"format": 1, "name": "acme", "extends": parent}))
        looked_at: list[Path] = []
        checked = check_file(tmp_path / "acme.json", within=within, looked_at=looked_at.append)
        told.append([str(problem).replace(parent, "PARENT").replace("secret-base", "PARENT") for problem in checked.problems])

        assert ["limits"] == [problem.rule for problem in checked.problems]
        assert {path.stem for path in looked_at} <= {"acme", "mid"}

    assert told[0] == told[1] == told[2]


def test_a_profile_outside_reads_the_same_whether_it_is_there_or_not(tmp_path):
    """By name, by version, by path, and for the host contract: the same type and words, and it stands in no list."""
    (tmp_path / "theirs.json").write_text(text(name="theirs"))
    (tmp_path / "acme.json").write_text(text())
    run = engine(EVERYTHING(profiles=["acme"]), tmp_path)
    plugin = AuthweavePlugin(run)
    for form in ("{}", "{}@1", f"{tmp_path}/{{}}.json"):
        errors = []
        for name in ("theirs", "nobody"):
            with pytest.raises(LimitRefused) as caught:
                run.connect(form.format(name), tenant="blue")
            errors.append(str(caught.value).replace(name, "NAME"))
        assert errors[0] == errors[1]

    assert (["acme"], False, False, True) == (run.names("blue"), run.knows("theirs", "blue"), run.knows("nobody", "blue"), run.knows("acme", "blue"))
    assert ["acme"] == [one["name"] for one in plugin.list_auth_profiles(tenant="blue").result()]
    assert plugin.authorize_request("theirs", TaskRequest("GET", "/"), tenant="blue") is plugin.authorize_request("nobody", TaskRequest("GET", "/"), tenant="blue") is None
    assert ["limits"] == [problem.rule for problem in plugin.validate_auth_profile("x.json", text(name="theirs"), "blue").result()]


def test_a_refusal_names_what_this_tenant_may_use():
    """`{tenant}` is the tenant's own name there; an entry in which that name cannot stand is none of theirs, and is not offered."""
    limits = EVERYTHING(hosts=["{tenant}.acme.example", "auth.acme.example"])

    assert "hosts that may be used here: red.acme.example, auth.acme.example (" in str(refused(limits, profile(), "red"))
    assert "hosts that may be used here: auth.acme.example (" in str(refused(limits, profile(), "red.dotted"))


def test_what_helps_against_an_egress_policy_is_not_offered_against_limits():
    """`egress_hosts` lets values choose hosts under strict; limits refuse them whatever it says, so that no fix names it."""
    open_host = profile(servers=["https://{{ inputs.host }}"], inputs={"host": {"format": "hostname"}})

    told = str(refused(EVERYTHING(hosts=["*.blue.example"]), open_host, egress="strict", egress_hosts=["*"]))

    assert "an enum, or a pattern that ends with the domain" in told
    assert "egress_hosts" not in told


@every("text_of, rule", [({"servers": ["https://10.0.0.1"]}, "egress"), ({"servers": ["https://[::1]"], "auth": {"type": "none"}}, "limits"), ({}, None)])
def test_what_comes_in_is_validated_as_connect_will_look_at_it(text_of, rule):
    """`validate_auth_profile` tells what the engine's egress policy refuses, too; with the limits first, and alone, as ever."""
    run = engine(EVERYTHING(types=["api_key"]), egress="strict")
    came_in = text(**text_of)

    problems = AuthweavePlugin(run).validate_auth_profile("acme.json", came_in, "blue").result()

    assert ([rule] if rule else []) == [problem.rule for problem in problems if problem.severity == "error"]
    if rule is None:
        run.connect(loads(came_in, "acme.json"), tenant="blue")
    else:
        with pytest.raises(ProfileError):
            run.connect(loads(came_in, "acme.json"), tenant="blue")


def test_an_edit_that_leaves_the_limits_is_not_taken(tmp_path):
    """While an engine runs the last good version stays in use for the tenant, and another tenant gets the new one."""
    file = tmp_path / "acme.json"
    file.write_text(text(version="1.0.0"))
    run = engine({"blue": EVERYTHING(hosts=["api.acme.example"]), "red": EVERYTHING()}, tmp_path)
    first = run.connect("acme", tenant="blue")
    file.write_text(text(version="2.0.0", servers=["https://evil.example"]))
    for files in run._files._by_limits.values():
        files._clocks = type(files._clocks)(itertools.count(0, 5.0).__next__, files._clocks.wall)
        for watched in files._files.values():
            watched.clocks = files._clocks

    for _ in range(3):
        blue, red = run.connect("acme", tenant="blue"), run.connect("acme", tenant="red")

    assert ("1.0.0", "2.0.0") == (blue.profile.version, red.profile.version)
    assert first is blue
    assert any(broken.name == "acme" for broken in run.broken_profiles())


def test_a_name_never_reaches_the_variable_of_another():
    """`acme-prod` with `key` and `acme` with `prod_key` are one variable: under limits neither reads the other's, nor a tenant's."""
    env = Watched(AUTHWEAVE_ACME_PROD_KEY="theirs", AUTHWEAVE_ACME__RED__KEY="red's", AUTHWEAVE_ACME__BLUE__KEY="blue's")
    own = EVERYTHING(environment=["AUTHWEAVE_*__{tenant}__*"])
    auth = {"type": "custom", "fields": [{"in": "header", "key": "X-K", "value": "{{ inputs.%s }}"}]}

    def of(name: str, key: str):
        return loads(json.dumps({**HEAD, "name": name, "inputs": {key: {"secret": True}}, "auth": json.loads(json.dumps(auth) % key)}), f"{name}.json")

    for name, key in (("acme-prod", "key"), ("acme", "prod_key"), ("acme", "_red__key"), ("acme", "red__key")):
        with pytest.raises((MissingInput, LimitRefused)):
            engine(own, env=env).connect(of(name, key), tenant="blue").inputs()[key]
        refused(EVERYTHING(environment=["AUTHWEAVE_BLUE_*"]), of(name, key), tenant="blue", env=env)

    assert "blue's" == engine(own, env=env).connect(of("acme", "key"), tenant="blue").inputs()["key"].reveal()
    assert not {"AUTHWEAVE_ACME_PROD_KEY", "AUTHWEAVE_ACME__RED__KEY"} & env.asked


NAMES = st.from_regex(r"[a-z0-9]{1,3}(-[a-z0-9]{1,3}){0,2}", fullmatch=True)
INPUTS = st.from_regex(r"[a-z_][a-z_]{0,6}", fullmatch=True)
PATTERNS = st.sampled_from(["AUTHWEAVE_*__{tenant}__*", "AUTHWEAVE_A_*", "AUTHWEAVE_*", "AUTHWEAVE_AB__{tenant}__*", "AUTHWEAVE_A__B__*"])


@settings(max_examples=60, deadline=None)
@given(NAMES, INPUTS, NAMES, st.lists(PATTERNS, max_size=2, unique=True))
def test_no_profile_reads_a_variable_outside(name, key, tenant, patterns):
    """Whatever a stranger calls profile and input, and whoever it is for: only variables of the list are ever asked for."""
    env = Watched()
    auth = {"type": "custom", "fields": [{"in": "header", "key": "X-K", "value": f"{{{{ inputs.{key} }}}}"}]}
    made = loads(json.dumps({**HEAD, "name": name, "inputs": {key: {"secret": True}}, "auth": auth}), f"{name}.json")
    run = engine(EVERYTHING(environment=patterns), env=env)
    env.asked.clear()
    try:
        connection = run.connect(made, tenant=tenant)
        connection.inputs()[key]
    except (LimitRefused, MissingInput):
        pass

    in_capitals = tenant.upper().replace("-", "_")
    bound = [pattern.replace("{tenant}", in_capitals) for pattern in patterns]
    assert all(any(matches_variable(pattern, variable) for pattern in bound) for variable in env.asked)


@given(NAMES, NAMES, INPUTS, st.sampled_from(["blue", "b-l", "b"]))
def test_a_tenants_own_variable_is_nobody_elses(name, other, key, tenant):
    """What `AUTHWEAVE_*__BLUE__*` holds is of no tenant but blue, whatever profile and input are called."""
    from authweave.settings.variable_names import variables

    if other != tenant:
        mine = f"AUTHWEAVE_*__{tenant.upper().replace('-', '_')}__*"
        assert not any(matches_variable(mine, variable) for variable in variables(name, key, other, ())[:1] if variable.count("__") == 2 and "___" not in variable)


def test_only_files_of_the_list_are_opened(tmp_path):
    """In a folder of secrets the tenant's own file is read and the general one is not; without any the folder is not looked at."""
    (tmp_path / "acme.api_key").write_text("everybody's")
    (tmp_path / "acme.blue.api_key").write_text("blue's")
    own = EVERYTHING(files=[f"{tmp_path}/*.{{tenant}}.*"], environment=[])

    def run(limits):
        return engine(limits, sources=["secrets_dir"], secrets_dir=tmp_path)

    assert "blue's" == run(own).connect(profile(), tenant="blue").inputs()["api_key"].reveal()
    for tenant, told in {"red": MissingInput, "bl*": LimitRefused, "../acme": InputError}.items():
        with pytest.raises(told):
            run(own).connect(profile(), tenant=tenant).inputs()["api_key"]
    error = refused(EVERYTHING(files=["/elsewhere/*"]), profile(), tenant="blue", sources=["secrets_dir"], secrets_dir=tmp_path)
    assert "files that may be used here: /elsewhere/*" in str(error)
    gone = SecretsDirSource(tmp_path / "gone").only(lambda name: False)
    assert gone.get("acme", profile().inputs["api_key"], "blue") is None


def test_a_keyring_is_asked_for_entries_of_the_list_only():
    """And not at all where it has none."""
    asked: list[tuple[str, str]] = []

    class Ring:
        priority = 5

        def get_password(self, service, user):
            asked.append((service, user))
            return "k"

    source = KeyringSource("aw", Ring())
    key = profile().inputs["api_key"]

    assert ("keyring:aw/acme/blue/api_key", "keyring:aw/acme/api_key") == source.names("acme", key, "blue")
    assert source.only(lambda name: False).get("acme", key, "blue") is None
    assert [] == asked
    source.only(lambda name: matches_file("keyring:aw/*/blue/*", name)).get("acme", key, "blue")
    assert [("aw/acme", "blue/api_key")] == asked


def test_a_source_that_says_nothing_is_asked_by_its_name():
    """A stranger's source is asked for what `vault:profile/tenant/input` names, and for nothing else."""
    from authweave.limits.sources import held

    asked: list[str] = []

    class Vault:
        name = "vault"
        max_age = None

        def get(self, profile, asked_for, tenant):
            asked.append(asked_for.name)
            return Secret("v", "vault")

        def describe(self, profile, asked_for, tenant):
            asked.append("describe")
            return "the vault at kv/of/blue"

    key = profile().inputs["api_key"]
    [mine], [none] = (held([Vault()], Within(EVERYTHING(files=files), "blue")) for files in (["vault:acme/{tenant}/*"], ["vault:other/*/*"]))

    assert none.get("acme", key, "blue") is None
    assert "no entry of vault that may be used here" == none.describe("acme", key, "blue")
    assert [] == asked
    assert "the vault at kv/of/blue" == mine.describe("acme", key, "blue")
    assert "v" == mine.get("acme", key, "blue").reveal()


def test_two_tenants_in_one_engine_over_sockets():
    """Each is served at its own hosts; a token URL that values, metadata or a kept value lead elsewhere is not called."""
    with between(Identity(), Api()) as (identity, api), serving(Api()) as secret:
        port = int(api.url.rpartition(":")[2])
        own = [f"127.0.0.1:{port}", f"127.0.0.1:{identity.url.rpartition(':')[2]}"]
        auth = {"type": "oauth2", "grant_type": "client_credentials", "token_url": f"{identity.url}/token"}
        run = engine(
            {"blue": EVERYTHING(hosts=own, environment=[]), "red": EVERYTHING(hosts=["127.0.0.1:1"], environment=[])},
            inputs={"client_id": "i", "client_secret": "s"}, sources=[],
        )  # fmt: skip
        blue = run.connect(profile(auth, servers=[api.url]), tenant="blue")

        assert blue.authorize(TaskRequest("GET", "/x")).result(10).url == f"{api.url}/x"
        with pytest.raises(LimitRefused):
            run.connect(profile(auth, servers=[api.url]), tenant="red")
        with pytest.raises(OriginRefused):
            blue.authorize(TaskRequest("GET", f"{secret.url}/x")).result(10)
        with pytest.raises(EgressRefused, match="may be used here"):
            blue.outgoing.exchange(TaskRequest("POST", f"{secret.url}/token"), 5.0, ())
        assert (1, 0) == (identity.count, secret.count)


def test_metadata_lead_nowhere_outside():
    """An issuer inside whose metadata name a token endpoint outside gets no token request sent there."""
    with serving(Api()) as secret, serving(Api()) as issuer:
        from services import says

        issuer.good = says({"issuer": issuer.url, "token_endpoint": f"{secret.url}/token"})
        auth = {"type": "oauth2", "grant_type": "client_credentials", "issuer": issuer.url}
        run = engine(EVERYTHING(hosts=[f"127.0.0.1:{issuer.url.rpartition(':')[2]}"], environment=[]), inputs={"client_id": "i", "client_secret": "s"}, sources=[])

        with pytest.raises(EgressRefused, match="may be used here"):
            run.connect(profile(auth, servers=[issuer.url])).token().result(10)
        assert issuer.count
        assert not secret.count


def test_a_person_is_sent_nowhere_outside():
    """The link of a sign-in is held to the list when its values are in place."""
    within = Within(EVERYTHING(hosts=["login.acme.example"]))

    within.refuse_origin("https://login.acme.example/authorize?x=1", "authorization_url")
    with pytest.raises(UrlRefused):
        within.refuse_origin("https://login.acme.example.evil.example/authorize", "authorization_url")


def test_a_file_of_limits(tmp_path):
    """A tenant's list stands in the place of the one for everybody, paths start at the file, and what is misspelt says where."""
    file = tmp_path / "limits.toml"
    file.write_text('types = ["api_key"]\nhosts = ["{tenant}.acme.example"]\nfiles = ["secrets/*"]\n[tenants.blue]\nhosts = ["*.blue.example"]\n')
    found = read_limits(file)

    assert {"*", "blue"} == set(found)
    assert "limits.toml [tenants.blue]" == found["blue"].origin  # what tenants read names no folder of the host
    assert ((f"{tmp_path}/secrets/*",), ("api_key",), ("*.blue.example",)) == (found["blue"].files, found["blue"].types, found["blue"].hosts)
    for wrong, said in {
        'tipes = []': "limits.toml:1: tipes is no list of limits; did you mean `types`", 'hosts = "a"': "hosts: must be a list", '[tenants]\nblue = 1': "holds tables",
        '[tenants.blue]\nhots = []': "did you mean `hosts`", 'hosts = ["a b"]': "is no host", "x": "is not TOML",
    }.items():  # fmt: skip
        file.write_text(wrong)
        with pytest.raises(SettingsError, match=r"limits\.toml") as caught:
            read_limits(file)
        assert said in str(caught.value)
    with pytest.raises(SettingsError, match="no such file"):
        engine(str(tmp_path / "gone.toml"))


def test_nothing_is_asked_twice_for_a_connection_at_hand():
    """A profile is looked at once for a tenant's limits, and what was connected is the same connection."""
    asked: list[str] = []
    own = EVERYTHING(hosts=["api.acme.example"])
    made, run = profile(), engine(lambda tenant: asked.append(tenant) or own)

    assert run.connect(made, tenant="a") is run.connect(made, tenant="a")
    assert 1 == sum(key[0] == id(made) for key in run._files._seen)
    refused_now = engine(lambda tenant: own if len(asked) < 3 else Limits())
    asked.clear()
    refused_now.connect(made, tenant="a")
    asked[:] = ["", "", ""]
    with pytest.raises(LimitRefused):
        refused_now.connect(made, tenant="a")


BORDERS = [  # a list and its entry, a tenant, what is asked about, whether it is inside
    ("files", "/s/{tenant}/k", "blue", "/s/blue/k", True), ("files", "/s/{tenant}/k", "a/b", "/s/a/b/k", False), ("files", "/s/{tenant}/k", "..", "/s/../k", False),
    ("files", "/s/{tenant}/k", ".", "/s/./k", False), ("files", "/s/{tenant}/k", "*", "/s/red/k", False), ("files", "/s/{tenant}k", "", "/s/k", False),
    ("files", "/s/{tenant}/k", "a\\b", "/s/a\\b/k", False), ("files", "/s/*", "", "/s/a/b", False), ("files", "/s/*.k", "", "/s/a.k.b", False),
    ("environment", "AUTHWEAVE_A__{tenant}__K", "blue-1", "AUTHWEAVE_A__BLUE_1__K", True), ("environment", "AUTHWEAVE_A__{tenant}__K", "blue--1", "AUTHWEAVE_A__BLUE__1__K", False),
    ("environment", "AUTHWEAVE_A__{tenant}__K", "Blue", "AUTHWEAVE_A__BLUE__K", False), ("environment", "AUTHWEAVE_A__{tenant}__K", "a.b", "AUTHWEAVE_A__A_B__K", False),
    ("environment", "AUTHWEAVE_A*", "", "AUTHWEAVE_A__B", False), ("environment", "AUTHWEAVE_A_*_K", "", "AUTHWEAVE_A_B_K2", False),
    ("hosts", "{tenant}.acme.example", "blue", "blue.acme.example", True), ("hosts", "{tenant}.acme.example", "blue.x", "blue.x.acme.example", False),
    ("hosts", "{tenant}.acme.example", "*", "red.acme.example", False), ("hosts", "*.acme.example", "", "evilacme.example", False),
    ("hosts", "*.acme.example", "", "a.b.acme.example", False), ("hosts", "**.acme.example", "", "a.b.acme.example", True), ("hosts", "**.acme.example", "", "acme.example", False),
    ("hosts", "acme.example", "", "x.acme.example", False), ("hosts", "acme.example", "", "acme.example.evil.test", False), ("hosts", "acme.example:8443", "", "acme.example", False),
    ("hosts", "acme.example:*", "", "acme.example", True), ("profiles", "acme-*", "", "acme-crm", True), ("profiles", "a*c", "", "abcd", False), ("profiles", "acme", "", "acme-crm", False),
    ("profiles", "a.c", "", "abc", None), ("inputs", "k*", "", "xk", False), ("types", "oauth2", "", "oauth2/password", True), ("types", "oauth2/password", "", "oauth2", False),
    ("types", "api", "", "api_key", False),
]  # fmt: skip


def test_no_entry_reaches_beyond_its_border():
    """Not over a slash, a double underscore or a dot, not past its end; and a tenant whose name could be taken for more than a name there has no such entry."""
    def is_inside(kind, entry, tenant, name):
        try:
            within = Within.of(Limits(**{kind: [entry]}), tenant, ())
        except SettingsError:
            return None
        return within.allows_place(Place("https", name, 443)) if kind == "hosts" else within.allows(kind, name)

    assert [] == [(row, found) for *row, wanted in BORDERS if (found := is_inside(*row)) != wanted]


def test_paths_of_the_list_are_whole(monkeypatch, tmp_path):
    """What is written from here, or from home, is meant from the root on: another folder later makes no other file of it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    assert (f"{tmp_path}/k", f"{tmp_path}/s/k", "keyring:a/b") == Limits(files=["~/k", "s/./k", "keyring:a/b"]).files


def test_what_is_named_outside_is_told_before_values_are_looked_at():
    """A type that may not be used is the whole answer: which inputs and hosts such a profile has is not looked at."""
    made = profile(servers=["https://evil.test"], inputs={"api_key": {}})

    assert ["auth.type"] == [problem.key for problem in refused(Limits(profiles=["*"], types=["basic"]), made).problems]
    assert {"inputs.api_key", "servers[0]"} == {problem.key for problem in refused(Limits(profiles=["*"], types=["*"]), made).problems}


def test_a_value_that_two_variants_keep_leads_where_either_lets_it():
    """The places of a kept value are those of every variant that keeps it, whichever comes first."""
    def made(*patterns):
        keep = [{"token_response": {"keep": {"region": {"value": "{{ response.json.r }}", "pattern": one}}}} for one in patterns]
        kind = {"type": "oauth2", "grant_type": "client_credentials", "token_url": "https://id.acme.example/t"}
        auth = [{**kind, **keep[0], "name": "a", "when": "{{ request.method == 'GET' }}"}, {**kind, **keep[1], "name": "b"}]
        return loads(json.dumps({**HEAD, "servers": ["https://{{ kept.region }}.acme.example"], "auth": auth}), "acme.json")

    own = EVERYTHING(hosts=["id.acme.example", "eu.acme.example", "us.acme.example"])
    assert engine(own).connect(made("eu", "us"))
    for patterns in (("eu", "eu|fr"), ("eu|fr", "eu"), ("eu", "[a-z]+")):
        refused(own, made(*patterns))


def test_what_a_parent_says_is_held_to_the_limits_as_ones_own(tmp_path):
    """A parent may be extended, in any version, and brings a type that may not be used: the child is refused for it, and taken where it may."""
    (tmp_path / "base.json").write_text(json.dumps({**HEAD, "name": "base", "version": "1.2.0", "auth": {"type": "basic"}}))
    (tmp_path / "acme.json").write_text(json.dumps({"format": 1, "name": "acme", "extends": "base@1"}))

    assert engine(EVERYTHING(profiles=["acme", "base"]), tmp_path).connect("acme")
    assert ["auth.type"] == [problem.key for problem in refused_in(tmp_path, EVERYTHING(profiles=["acme", "base"], types=["api_key"]))]


def refused_in(folder, limits):
    with pytest.raises(LimitRefused) as caught:
        engine(limits, folder).connect("acme")
    return caught.value.problems


def test_a_name_that_is_refused_is_shown_plainly():
    """Who names a profile may be a stranger: nothing of it moves a cursor, and a page of it is not told."""
    with pytest.raises(LimitRefused) as caught:
        Within(EVERYTHING(profiles=["acme"])).refuse_profile("a\x1b[2J\n" + "x" * 500)

    assert "a\\x1b[2J\\nxxx" in str(caught.value)
    assert len(str(caught.value)) < 400
    assert "\x1b" not in str(caught.value)

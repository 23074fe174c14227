"""Many runs at once against real sockets: kept apart, in order, gently, and stopped at will."""

import threading
from collections import Counter
from pathlib import Path

import pytest

import sockets
from authweave.errors import UsageError
from authweave.matrix import Run, planned, test_profiles
from authweave.matrix.hosts import hosts_of
from authweave.profile import Profile
from authweave.report import Report, Verdict
from authweave.reports.summary import outcome_of
from authweave.values import Secret
from probing import between, engine_of, forms, oauth, says_json, written

LONG = 20


@pytest.fixture(scope="module")
def servers():
    with between() as (identity, api):
        yield identity, api


def made(folder, name, identity, api, **more):
    """A profile of this name in a folder of profiles."""
    (folder / name).mkdir()
    path = written(folder / name, oauth(f"{identity}{name}"), servers=[api.rstrip("/")], **{**more, "name": name})
    return path.rename(folder / f"{name}.json")


def run_all(engine, runs, **how):
    """Everything to its end: what ended, in its order, and the reports."""
    results = test_profiles(engine, runs, **how)
    return list(results), results.reports()


def test_order_and_isolation(tmp_path, servers):
    """Accepted, refused, invalid, unreachable and one that is not there: each its own report, in the order in which they were asked for."""
    identity, api = servers
    with sockets.Server(says_json({"error": "invalid_client"}, 401)) as refusing:
        runs = [
            Run(made(tmp_path, "good", identity.url, api.url)),
            Run(made(tmp_path, "refused", refusing.url, api.url)),
            Run(made(tmp_path, "invalid", identity.url, api.url, test={"requests": 1})),
            Run(made(tmp_path, "away", f"http://127.0.0.1:{sockets.free_port()}/", api.url)),
            Run(tmp_path / "nowhere.json"),
            Run(tmp_path / "good.json", tenant="eu"),
        ]  # fmt: skip
        with engine_of() as engine:
            done, reports = run_all(engine, runs, jobs=4)

    assert ["accepted", "refused", "not_valid", "inconclusive", "not_sent", "accepted"] == [outcome_of(report) for report in reports]
    assert ["good", "refused", "", "away", "nowhere", "good"] == [report.profile for report in reports]
    assert set(range(6)) == {each.number for each in done}
    assert all(each.report is reports[each.number] and each.run is runs[each.number] for each in done)
    assert "no such file" in reports[4].credential.reason
    assert "eu" == reports[5].tenant


def test_what_one_run_raises_is_its_own(tmp_path):
    """A mistake in one run becomes its report, without what its words may quote; the others go on."""

    def make(engine, run):
        if run.tenant == "bad":
            raise ValueError("s3cret-in-words")
        return Report(profile="x", token=Verdict("obtained"), tenant=run.tenant)

    with engine_of() as engine:
        _, reports = run_all(engine, [Run("x", tenant) for tenant in ("a", "bad", "c")], make=make)

    assert ["accepted", "not_sent", "accepted"] == [outcome_of(report) for report in reports]
    assert "s3cret" not in repr(reports)
    assert "ValueError" in reports[1].credential.reason


def test_a_listener_that_fails_loses_nothing():
    """`events` may raise: every run is still made and reported."""

    def events(event):
        raise RuntimeError("no")

    with engine_of() as engine:
        done, reports = run_all(engine, [Run("x", str(number)) for number in range(5)], make=accepted, events=events)

    assert (5, 5) == (len(done), sum(outcome_of(report) == "accepted" for report in reports))


def accepted(engine, run):
    return Report(profile="x", token=Verdict("obtained"), tenant=run.tenant)


def test_never_more_than_two_at_one_token_endpoint(tmp_path):
    """Eight workers, twelve profiles with one token endpoint: it never has more than two calls at once, and it does have two."""
    lock, now, most, both = threading.Lock(), Counter(), Counter(), threading.Event()

    def slow(peer):
        peer.request()
        with lock:
            now["calls"] += 1
            most["calls"] = max(most["calls"], now["calls"])
            if now["calls"] == 2:
                both.set()
        both.wait(LONG)
        peer.send(sockets.http(200, ("Content-Type", "application/json"), body=b'{"access_token": "t0ken-0123456789", "token_type": "Bearer"}'))
        with lock:
            now["calls"] -= 1

    with between(slow) as (identity, api):
        runs = [Run(made(tmp_path, f"p{number}", identity.url, api.url)) for number in range(12)]
        with engine_of() as engine:
            _, reports = run_all(engine, runs, jobs=8)

    assert {"accepted"} == {outcome_of(report) for report in reports}
    assert 2 == most["calls"]


def test_the_hosts_of_a_run(tmp_path, servers):
    """The token endpoint's, as the inputs make it; without one the API's; none where an input of it is missing."""
    identity, api = servers
    fixed = made(tmp_path, "fixed", identity.url, api.url)
    templated = made(tmp_path, "templated", "https://{{ inputs.realm }}.example/", api.url, inputs={"realm": {"pattern": "[a-z]{1,20}"}})
    (tmp_path / "key").mkdir()
    key = written(tmp_path / "key", {"type": "api_key", "fields": [{"in": "header", "key": "X-Key", "value": "{{ inputs.api_key }}"}]}, servers=[api.url.rstrip("/")])

    with engine_of({"client_id": "x", "client_secret": "y"}) as engine:
        found = [hosts_of(engine, run) for run in (Run(fixed), Run(templated, inputs={"realm": "eu"}), Run(templated), Run(key), Run(tmp_path / "no.json"))]

    assert {identity.url.rstrip("/")} == found[0]
    assert {"https://eu.example"} == found[1]
    assert {api.url.rstrip("/")} == found[2] == found[3]
    assert frozenset() == found[4]


def test_stopping(tmp_path):
    """After `stop` no run begins; what was under way is reported, of the others it is said that they were not run."""
    begun, go_on = threading.Event(), threading.Event()

    def make(engine, run):
        begun.set()
        assert go_on.wait(LONG)
        return accepted(engine, run)

    with engine_of() as engine:
        results = test_profiles(engine, [Run("x", str(number)) for number in range(6)], jobs=1, make=make)
        assert begun.wait(LONG)
        results.stop()
        before = results.reports()
        go_on.set()
        done = list(results)

    assert ["not_run"] * 6 == [outcome_of(report) for report in before]
    assert "before its end" in before[0].credential.reason
    assert "before its turn" in before[1].credential.reason
    assert [0] == [each.number for each in done]
    assert ["accepted", *["not_run"] * 5] == [outcome_of(report) for report in results.reports()]
    assert [str(number) for number in range(1, 6)] == [run.tenant for run in results.unfinished]


def test_left_before_the_end():
    """Who leaves a `with` statement early begins no other run."""
    go_on = threading.Event()

    def make(engine, run):
        assert run.tenant == "0" or go_on.wait(LONG)
        return accepted(engine, run)

    with engine_of() as engine:
        with test_profiles(engine, [Run("x", str(number)) for number in range(5)], jobs=1, make=make) as results:
            assert 0 == next(iter(results)).number
        go_on.set()
        list(results)

    assert [2, 3, 4] == [int(run.tenant) for run in results.unfinished][-3:]


def test_no_runs():
    """Nothing asked for, nothing done."""
    with engine_of() as engine:
        assert ([], ()) == run_all(engine, [])


# Profiles × tenants


TENANTS = """\
profiles: [acme]
tenants:
  eu: {region: 1.10}
  us:
    inputs: {region: two}
    subject: alice
    servers: [https://us.example.com]
"""


def acme(folder, **more):
    return written(folder, oauth("https://auth.example/{{ inputs.region }}/t"), inputs={"region": {}}, **more)


def matrix_of(folder, text, name="tenants.yaml"):
    from authweave.matrix import read_matrix

    path = Path(folder, name)
    path.write_text(text)
    return read_matrix(path)


def test_each_profile_for_each_tenant(tmp_path):
    """Inputs, subject and servers of the tenant; a number for a text is taken as it is written."""
    with engine_of() as engine:
        first, second = planned(engine, [acme(tmp_path)], matrix_of(tmp_path, TENANTS), subject="bob")

    assert isinstance(first.profile, Profile)
    assert ("eu", "bob", (), "1.10") == (first.tenant, first.subject, first.servers, first.inputs["region"].reveal())
    assert ("us", "alice", ("https://us.example.com",), "two") == (second.tenant, second.subject, second.servers, second.inputs["region"].reveal())
    assert second.again.endswith("acme.json --tenant us --subject alice --input region=two --server https://us.example.com")


def test_one_tenant_of_the_matrix(tmp_path):
    """`tenant` takes one; one that is not there is told with its near miss."""
    with engine_of() as engine:
        [only] = planned(engine, [acme(tmp_path)], matrix_of(tmp_path, TENANTS), tenant="us")
        with pytest.raises(UsageError, match="has no tenant uss; did you mean `us`"):
            planned(engine, [acme(tmp_path)], matrix_of(tmp_path, TENANTS), tenant="uss")

    assert "us" == only.tenant


def test_abstract_profiles_are_left_out_and_invalid_ones_are_one_run(tmp_path):
    """An abstract profile is no test; one that is not valid is one, however many tenants there are."""
    abstract = made(tmp_path, "base", "https://a.example/", "https://b.example/", abstract=True)
    invalid = made(tmp_path, "wrong", "https://a.example/", "https://b.example/", test={"nope": 1})

    with engine_of() as engine:
        runs = planned(engine, [abstract, acme(tmp_path), invalid], matrix_of(tmp_path, TENANTS))

    assert ["acme eu", "acme us alice", "wrong"] == [run.title for run in runs]


def test_tenants_for_some_profiles_only(tmp_path):
    """A tenant that names profiles is tested with those alone; a profile that is not tested is a mistake with its line."""
    other = made(tmp_path, "other", "https://a.example/{{ inputs.region }}/", "https://b.example/", inputs={"region": {}})
    text = "tenants:\n  eu: {region: 1}\n  us: {region: 2, profiles: [othre]}\n"

    with engine_of() as engine:
        runs = planned(engine, [acme(tmp_path), other], matrix_of(tmp_path, text.replace("othre", "./other.json")))
        alone = planned(engine, [acme(tmp_path)], matrix_of(tmp_path, text.replace("othre", "./other.json")))
        with pytest.raises(UsageError, match=r"tenants.yaml:3:\d+: tenants.us.profiles\[0\]: there is no profile othre; did you mean `other`"):
            planned(engine, [acme(tmp_path), other], matrix_of(tmp_path, text))

    assert ["acme eu", "other eu", "other us"] == [run.title for run in runs]
    assert ["acme eu"] == [run.title for run in alone]


def test_everything_that_is_wrong_with_inputs_at_once(tmp_path):
    """A secret and an unknown input, each with file and line; what the secret would be never shows."""
    text = "tenants:\n  eu:\n    regoin: 1\n    client_secret: pl4nted-s3cret-value\n"

    with engine_of() as engine, pytest.raises(UsageError) as caught:
        planned(engine, [acme(tmp_path)], matrix_of(tmp_path, text))

    first, second = str(caught.value).splitlines()
    assert "tenants.yaml:3:" in first
    assert "tenants.eu.regoin: no profile has an input regoin; did you mean `region`?" in first
    assert "tenants.yaml:4:" in second
    assert "AUTHWEAVE_ACME__EU__CLIENT_SECRET" in second
    for form in forms("pl4nted-s3cret-value"):
        assert form not in str(caught.value)


def test_a_thousand_mistakes_are_twenty_lines(tmp_path):
    """The first are told, and how many more there are."""
    text = "tenants:\n" + "".join(f"  t{number}: {{regoin: 1}}\n" for number in range(1000))

    with engine_of() as engine, pytest.raises(UsageError) as caught:
        planned(engine, [acme(tmp_path)], matrix_of(tmp_path, text))

    assert 21 == len(str(caught.value).splitlines())
    assert str(caught.value).endswith("and 980 more of the kind")


def test_inputs_of_the_command_go_to_those_that_declare_them(tmp_path):
    """An input that some profile declares is given to it, and no other; one that none declares is told."""
    other = made(tmp_path, "other", "https://a.example/", "https://b.example/")

    with engine_of() as engine:
        runs = planned(engine, [acme(tmp_path), other], inputs={"region": Secret("eu", "--input")})
        with pytest.raises(UsageError, match="no profile has an input regoin; did you mean `region`"):
            planned(engine, [acme(tmp_path), other], inputs={"regoin": "eu"})

    assert [["region"], []] == [list(run.inputs) for run in runs]


def test_secrets_come_for_each_tenant_from_where_secrets_come(tmp_path, servers):
    """The same profile for two tenants: each gets its own secret, and neither sees the other's."""
    identity, api = servers
    seen = {}

    def secrets(profile, name, tenant):
        return {"client_id": "my-client", "client_secret": f"s3cret-of-{tenant}"}.get(name)

    from authweave.engine import Engine
    from authweave.settings import Settings
    from probing import wire

    path = made(tmp_path, "acme", identity.url, api.url)
    with Engine(inputs=secrets, settings=Settings.load({}, {}, Path("/")), wire=wire()) as engine:
        before = len(identity.requests)
        _, reports = run_all(engine, planned(engine, [path], matrix_of(tmp_path, "tenants: [eu, us]")))
        for asked in identity.requests[before:]:
            seen[asked.values("authorization")[0]] = asked

    assert {"accepted"} == {outcome_of(report) for report in reports}
    assert 2 == len(seen)

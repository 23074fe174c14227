"""`authweave test --record` and `--replay` as people and pipelines run them."""

import json

import pytest

from probing import ACCEPTS, GIVES_TOKEN, SECRET, TOKEN, forms, oauth, says_json, written
from sockets import Server
from test_cli_test import authweave_test


@pytest.fixture
def on_record(tmp_path):
    """A profile whose run was recorded; its servers are gone."""
    with Server(GIVES_TOKEN) as identity, Server(ACCEPTS) as api:
        path = written(tmp_path, oauth(f"{identity.url}t"), servers=[api.url.rstrip("/")])
        done = authweave_test(path, "--record", cwd=tmp_path)
    assert 0 == done.returncode
    assert "recorded in" in done.stderr
    return path


def test_record_then_replay(on_record, tmp_path):
    """The cassette lies beside the profile, holds no secret, and replays without servers, secrets or a home."""
    cassette = tmp_path / "cassettes" / "acme.json"
    text = cassette.read_text()
    done = authweave_test(on_record, "--replay", cwd=tmp_path, env={"HOME": str(tmp_path / "nobody")})
    machine = authweave_test(on_record, "--replay", "--format", "json", cwd=tmp_path, env={})

    assert all(form not in text for secret in (SECRET, TOKEN) for form in forms(secret))
    assert (0, 0) == (done.returncode, machine.returncode)
    assert json.loads(text)["recorded"] == json.loads(machine.stdout)["recorded"]
    assert "credential accepted" in done.stdout
    assert "--replay" in json.loads(machine.stdout)["again"]
    assert {""} == {exchange["address"] for exchange in json.loads(machine.stdout)["exchanges"]}  # nobody was called


@pytest.mark.thorough
def test_a_stale_cassette_ends_with_3(on_record, tmp_path):
    """A profile that asks otherwise says which part, and to record anew; the recording stays as it was."""
    before = (tmp_path / "cassettes" / "acme.json").read_bytes()
    profile = json.loads(on_record.read_text())
    profile["auth"]["scopes"] = ["other"]
    on_record.write_text(json.dumps(profile))
    done = authweave_test(on_record, "--replay", cwd=tmp_path, env={})

    assert 3 == done.returncode
    assert "is stale" in done.stderr
    assert "Record it anew: --record" in done.stderr
    assert before == (tmp_path / "cassettes" / "acme.json").read_bytes()


@pytest.mark.thorough
def test_another_verdict_ends_with_1(on_record, tmp_path):
    """The same requests, judged otherwise."""
    profile = json.loads(on_record.read_text())
    profile["test"]["accepted_when"] = [{"status": [204]}]
    on_record.write_text(json.dumps(profile))
    done = authweave_test(on_record, "--replay", cwd=tmp_path, env={})

    assert 1 == done.returncode
    assert "credential is refused, was accepted" in done.stderr


@pytest.mark.thorough
def test_a_recorded_refusal_is_what_is_expected(tmp_path):
    """A cassette of a refusal replays with 0: it comes to the verdict that was recorded."""
    with Server(says_json({"error": "invalid_client"}, 401)) as identity:
        path = written(tmp_path, oauth(f"{identity.url}t"))
        recorded = authweave_test(path, "--record", "--cassette", "elsewhere/refused.json", cwd=tmp_path)
    done = authweave_test(path, "--replay", "--cassette", "elsewhere/refused.json", cwd=tmp_path, env={})

    assert (1, 0) == (recorded.returncode, done.returncode)
    assert "invalid_client" in done.stdout


@pytest.mark.thorough
def test_against_the_sandbox(tmp_path):
    """A run against the sandbox can be kept, too, and says so for ever."""
    path = written(tmp_path, oauth("https://login.acme.example/t"))
    assert 0 == authweave_test(path, "--sandbox", "--record", cwd=tmp_path).returncode
    done = authweave_test(path, "--replay", cwd=tmp_path, env={})

    assert 0 == done.returncode
    assert "against the sandbox" in done.stdout


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--record", "--replay"], "do not go together"),
        *(pytest.param(*case, marks=pytest.mark.thorough) for case in [
            (["--cassette", "x.json"], "goes with --record or --replay"), (["--replay", "--sandbox"], "calls nobody"), (["--replay", "--tenant", "eu"], "acme.json --record --tenant eu"),
        ]),
    ],
)  # fmt: skip
def test_misuse(tmp_path, options, why):
    """Each with what is wrong, before anything runs."""
    done = authweave_test(written(tmp_path, oauth("https://auth.invalid/t")), *options, cwd=tmp_path)

    assert (2, "") == (done.returncode, done.stdout)
    assert why in done.stderr


@pytest.mark.thorough
def test_a_shipped_profile_needs_a_place(tmp_path):
    """Nothing is written into the installed package."""
    done = authweave_test("nuance-mix-runtime", "--sandbox", "--record", cwd=tmp_path)

    assert 2 == done.returncode
    assert "--cassette FILE" in done.stderr


@pytest.mark.thorough
@pytest.mark.parametrize("whose", ["--tenant", "--subject"])
def test_the_recording_of_somebody_else_proves_nothing(on_record, tmp_path, whose):
    """With --cassette, too: it has to be that of the tenant and the user."""
    done = authweave_test(on_record, "--replay", "--cassette", tmp_path / "cassettes" / "acme.json", whose, "blue", cwd=tmp_path, env={})

    assert 2 == done.returncode
    assert "is the cassette of" in done.stderr


@pytest.mark.thorough
def test_many_at_once(tmp_path):
    """Every profile of a folder on record; each replayed with how it came out, and a profile that has no cassette is named."""
    for number, name in enumerate(("alike", "edited", "judged", "without")):
        (tmp_path / name).mkdir()
        made = json.loads(written(tmp_path / name, oauth(f"https://login{number}.acme.example/t"), name=name).read_text())
        (tmp_path / "profiles").mkdir(exist_ok=True)
        (tmp_path / "profiles" / f"{name}.json").write_text(json.dumps(made))
    recorded = authweave_test("--all", "--sandbox", "--record", cwd=tmp_path)
    folder = tmp_path / "profiles"
    assert ["alike.json", "edited.json", "judged.json", "without.json"] == sorted(path.name for path in (folder / "cassettes").iterdir())

    good = authweave_test("--all", "--replay", cwd=tmp_path, env={})
    (folder / "cassettes" / "without.json").unlink()
    for name, change in (("edited", {"fields": [{"in": "header", "key": "X-New", "value": "1"}]}), ("judged", {"test": {"request": {"url": "/v1/me"}, "accepted_when": [{"status": [204]}]}})):
        path = folder / f"{name}.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | change))
    bad = authweave_test("--all", "--replay", cwd=tmp_path, env={})

    assert (0, 0, 1) == (recorded.returncode, good.returncode, bad.returncode)
    assert "4 replayed: 4 as recorded" in good.stdout
    told = " ".join(bad.stdout.split())
    assert "✓ alike: as recorded: accepted" in told
    assert "! edited: stale: call 2 (check): header X-New is new" in told
    assert "✗ judged: another verdict: credential is refused, was accepted" in told
    assert "1 without a cassette: profiles/without.json" in told


@pytest.mark.thorough
def test_a_broken_cassette_among_many(tmp_path):
    """One that is none ends with 2 and its name, and the others are replayed."""
    path = written(tmp_path, oauth("https://login.acme.example/t"))
    authweave_test(path, "--sandbox", "--record", cwd=tmp_path)
    (tmp_path / "cassettes" / "acme@eu.json").write_text("{}")
    done = authweave_test("--all", tmp_path, "--replay", cwd=tmp_path, env={})

    assert 2 == done.returncode
    assert "1 as recorded" in done.stdout
    assert "acme@eu.json" in done.stdout


@pytest.mark.thorough
def test_a_recorded_control_is_replayed(tmp_path):
    """A run with the negative control replays with it."""
    path = written(tmp_path, oauth("https://login.acme.example/t"))
    assert 0 == authweave_test(path, "--sandbox", "--control", "--record", cwd=tmp_path).returncode
    done = authweave_test(path, "--replay", cwd=tmp_path, env={})

    assert 0 == done.returncode
    assert "401 without the credential" in done.stdout

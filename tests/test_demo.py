"""`authweave demo` and `authweave sandbox`, as a newcomer meets them."""

import hashlib
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import authweave
from authweave.cli.running import run
from authweave.loading import files_in, load, loads
from authweave.resources import profiles_folder
from authweave.sandbox import FAULTS, Sandbox
from authweave.sandbox.demonstration import Failed, Lived, Shown, scenes

HERE = Path(__file__).parent
OTHERS = [str(path) for path in files_in(HERE / "sandbox_profiles")]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(authweave.__file__).parents[1]), "NO_COLOR": "", "COLUMNS": ""}


def demo(*arguments, **environment):
    """The command in a process of its own."""
    command = [sys.executable, "-m", "authweave", "demo", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env={**ENVIRONMENT, **environment}, timeout=60, check=False)


@pytest.fixture(scope="module")
def shipped():
    return demo()


def test_everything_behaves_and_the_exit_code_says_so(shipped):
    """All shipped profiles do their job; nothing on standard error; exit code 0."""
    assert (0, "") == (shipped.returncode, shipped.stderr)
    assert "✗" not in shipped.stdout
    assert "all as it should be" in shipped.stdout


def test_it_is_short_and_says_what_it_is(shipped):
    """A page that one reads: about eighty lines of a hundred columns, and the word on proof at the start."""
    lines = shipped.stdout.splitlines()

    assert len(lines) <= 20 * len(list(files_in(profiles_folder())))
    assert max(map(len, lines)) <= 100
    assert "never a proof" in " ".join(lines[:3])


def test_every_shipped_profile_is_shown(shipped):
    """Each with its token call or credential, its task request and the verdict."""
    for path in files_in(profiles_folder()):
        block = shipped.stdout.split(f"\n{path.stem} ", 1)[1].split("\n\n", 1)[0]
        assert "✓ valid" in block
        assert "✓ task " in block
        assert "‹secret " in block
        assert "→ 200" in block


def test_token_life_and_a_diagnosis_are_shown(shipped):
    """One token for three requests, one renewal, and the wrong secret with cause, key and place."""
    assert "3 requests → 200, 200, 200; 1 token request\n" in shipped.stdout
    assert re.search(r"401 → 200; 1 (refresh|token request) more", shipped.stdout)
    assert "invalid_client" in shipped.stdout
    assert re.search(r"fix 1 auth\.client_secret \([a-z-]+\.yaml:\d+\)", shipped.stdout)
    assert 1 == shipped.stdout.count("fix 1")


def test_no_secret_is_shown(shipped):
    """No token (40 characters of letters and digits) and no made-up secret stands in the output."""
    assert not re.search(r"[A-Za-z0-9_-]{28,}", re.sub(rf"https://\S+|{hashlib.sha256().hexdigest()}|X-Snowflake-Authorization-Token-Type", "", shipped.stdout))


PLANTED = """format: 1
name: planted
identity_provider: Example
inputs:
  client_secret: {secret: true, pattern: 'PLANTED-[0-9]{8}'}
  key: {secret: true, pattern: 'PLANTED-[0-9]{8}'}
servers: ['https://api.example.com/{k}']
auth: {type: oauth2, grant_type: client_credentials, token_url: 'https://idp.example.com/t?x={{ inputs.key }}', client_auth: client_secret_post, token_request: {encoding: json}}
fields: [{in: path, key: k, value: '{{ inputs.key }}'}, {in: query, key: q, value: '{{ inputs.key }}'}, {in: header, key: h, value: 'x{{ inputs.key }}'}, {in: cookie, key: c, value: '{{ inputs.key }}'}]
"""


@pytest.mark.thorough
@pytest.mark.parametrize("test", ["test: token_only", "test: {request: {url: /x}}"])
def test_planted_secrets_never_show(tmp_path, capfd, test):
    """Secrets of a known form, in URL, path, query, header, cookie and body, are masked wherever they would stand."""
    (tmp_path / "planted.yaml").write_text(PLANTED + test)

    assert 0 == run(["demo", str(tmp_path / "planted.yaml")])
    told = "".join(capfd.readouterr())
    assert "PLANTED" not in told
    assert "‹secret " in told


@pytest.mark.thorough
def test_profiles_of_other_kinds(capsys):
    """API key in the path, Basic, variants by host, vendor grant, a nonce: with or without a check of their own."""
    assert 0 == run(["demo", *OTHERS])
    told = capsys.readouterr().out
    for path in OTHERS:
        assert Path(path).stem in told


@pytest.mark.thorough
@pytest.mark.parametrize("columns", [30, 60])
def test_narrow_terminals(columns, capsys, monkeypatch):
    """No line is wider than the terminal."""
    monkeypatch.setenv("COLUMNS", str(columns))

    assert 0 == run(["demo"])
    assert max(map(len, capsys.readouterr().out.splitlines())) <= columns


@pytest.mark.thorough
def test_terminals_without_unicode():
    """A terminal that knows ASCII only gets ASCII, and the same verdict."""
    done = demo(PYTHONIOENCODING="ascii", PYTHONUTF8="0")

    assert 0 == done.returncode, done.stderr
    assert done.stdout.isascii()
    assert "+ valid" in done.stdout


BROKEN = PLANTED + "test: {request: {url: /x}, accepted_when: [{when: '{{ response.status == 1 }}'}]}"


def test_what_does_not_behave_fails_the_demo(tmp_path, capsys):
    """A profile whose check can never be accepted is marked, and the exit code is 1."""
    path = tmp_path / "planted.yaml"
    path.write_text(BROKEN)

    assert 1 == run(["demo", str(path)])
    assert "✗ 1 of 3 not as it should be" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["demo", "nuance-mix-runtme"], 2, "did you mean nuance-mix-runtime"),
        (["demo", "nowhere.yaml"], 2, "no such file"),
        (["sandbox", "--fault", "erly_expiry"], 2, "did you mean early_expiry"),
        (["sandbox", "--port", "70000"], 2, "70000"),
        (["sandbox", "--lifetime", "0"], 2, "lifetime"),
    ],
)
def test_mistakes_are_told_in_a_sentence(capsys, arguments, code, words):
    """Never a traceback; the exit code of a usage error."""
    assert code == run(arguments)
    told = capsys.readouterr()
    assert words in told.err
    assert "Traceback" not in told.err


def test_an_invalid_profile_is_reported_with_its_problems(tmp_path, capsys):
    """The demo of a broken file lists what is wrong with it, by place."""
    path = tmp_path / "planted.yaml"
    path.write_text(PLANTED.replace("grant_type", "grant_typ"))

    assert 1 == run(["demo", str(path)])
    assert "grant_typ" in capsys.readouterr().err


@pytest.mark.thorough
def test_scenes_tell_what_happened():
    """As values: each profile shown (each variant of it), one token's life, one failure found out."""
    profiles = [load(path) for path in files_in(profiles_folder())]

    played = list(scenes(profiles))

    assert all(scene.went_well for scene in played)
    assert len(profiles) <= len([scene for scene in played if isinstance(scene, Shown)])
    assert [Lived, Failed] == [type(scene) for scene in played[-2:]]
    assert all(scene.report.sandbox for scene in played if not isinstance(scene, Lived))


@pytest.mark.thorough
def test_each_variant_that_inputs_choose_is_shown():
    """A profile with a mode is shown once for each."""
    text = """format: 1
name: modes
identity_provider: Example
inputs: {mode: {enum: [a, b, c], default: a}}
servers: ['https://api.example.com']
auth:
  - {name: one, when: '{{ inputs.mode == "a" }}', type: bearer}
  - {name: two, when: '{{ inputs.mode == "c" }}', type: basic}
  - {name: three, type: api_key}
"""
    played = list(scenes([loads(text, "modes.yaml")]))

    assert [{}, {"mode": "b"}, {"mode": "c"}] == [dict(scene.chosen) for scene in played]
    assert all(scene.went_well for scene in played)


@pytest.mark.thorough
@pytest.mark.parametrize("fault", ["429", "500", "html", "wrong_secret", "invalid_scope", "token_field_missing", "redirect_to_login", "empty_body", "error_in_200", "api_401", "api_403", "api_500"])
def test_each_fault_leads_to_its_diagnosis(fault):
    """What the table of faults promises is what `authweave test --sandbox` finds out."""
    from authweave.probe import test_profile

    made = load(profiles_folder() / "nuance-mix-api.yaml")
    with Sandbox([made], faults=[fault]) as sandbox, sandbox.engine(deadline=5) as engine:
        report = test_profile(engine, made, inputs=sandbox.inputs(made), sandbox=True)

    assert FAULTS[fault].provokes in [found.code for found in report.diagnoses if found.severity == "error"]


@pytest.mark.thorough
def test_a_hanging_server_is_diagnosed_within_its_deadline():
    """`hang` ends at the deadline with `read_timeout`."""
    from authweave.probe import test_profile

    made = load(profiles_folder() / "nuance-mix-api.yaml")
    start = time.monotonic()
    with Sandbox([made], faults=["hang"]) as sandbox, sandbox.engine(deadline=1, test_deadline=1) as engine:
        report = test_profile(engine, made, inputs=sandbox.inputs(made), sandbox=True)

    assert FAULTS["hang"].provokes in [found.code for found in report.diagnoses]
    assert time.monotonic() - start < 4


@pytest.fixture
def running(tmp_path):
    """`authweave sandbox` as a process; its folder lies in `tmp_path`."""
    started = []

    def start(*arguments):
        command = [sys.executable, "-m", "authweave", "sandbox", *arguments]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
            env={**ENVIRONMENT, "TMPDIR": str(tmp_path)},
        )  # fmt: skip
        started.append(process)
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "Requests are listed below" in line:
                break
        return process, "".join(lines)

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.thorough
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_the_sandbox_serves_other_processes_and_leaves_nothing(running, tmp_path, ending):
    """With the one variable that it prints, `authweave test` runs against it; ended, its folder is gone."""
    process, told = running("nuance-mix-api", "--fault", "api_403")
    [line] = re.findall(r"export (AUTHWEAVE_CONFIG)=(\S+)", told)
    secret = (Path(line[1]).parent / "inputs" / "nuance-mix-api.client_secret").read_text()

    tested = subprocess.run(
        [sys.executable, "-m", "authweave", "test", "nuance-mix-api"], capture_output=True, text=True, timeout=60,
        env={**ENVIRONMENT, line[0]: line[1]}, check=False,
    )  # fmt: skip
    process.send_signal(ending)
    rest, errors = process.communicate(timeout=20)

    assert (1, "api_403" in tested.stdout) == (tested.returncode, True), tested.stdout + tested.stderr
    assert (0, "") == (process.returncode, errors)
    assert re.search(r"token +POST +auth\.crt\.nuance\.com +nuance-mix-api +200", rest)
    assert re.search(r"api +GET +mix\.api\.nuance\.com +nuance-mix-api +403", rest)
    assert [] == list(tmp_path.iterdir())
    assert secret not in told + rest + tested.stdout + tested.stderr


@pytest.mark.thorough
def test_the_command_that_the_sandbox_prints_finds_a_file_of_ones_own(running, tmp_path):
    """A profile that is in no catalogue is named by its whole path, which holds in every folder."""
    file = tmp_path / "own folder" / "mine.yaml"
    file.parent.mkdir()
    file.write_text("format: 1\nname: mine\nidentity_provider: Acme\nservers: ['https://api.acme.example']\nauth: {type: bearer}\n")

    _, told = running(str(file))

    assert f"  authweave test '{file.resolve()}'\n" in told


def test_help_says_that_it_is_a_teacher(capsys):
    """`authweave sandbox --help` says what a run proves, and every fault is listed by `--faults`."""
    run(["sandbox", "--help"])
    helped = " ".join(capsys.readouterr().out.split())
    assert "never counts as proof" in helped

    assert 0 == run(["sandbox", "--faults"])
    listed = capsys.readouterr().out
    assert all(f"\n{', '.join((fault.name, *fault.also))} " in listed for fault in FAULTS.values())

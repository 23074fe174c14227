"""The command `authweave` itself: starting quickly, ending clearly, whatever happens."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

from authweave import __version__
from authweave.cli import COMMANDS
from authweave.cli.exits import MEANINGS, Exit, exit_for, exit_of
from authweave.cli.group import Command, Subcommands, group
from authweave.cli.running import COMPLETE, DEBUG, run
from authweave.errors import (
    CredentialRejected,
    DeadlineExceeded,
    MissingInput,
    NoServers,
    ProfileError,
    RateLimited,
    SettingsError,
    TokenAnswerError,
    TokenEndpointError,
    UsageError,
)
from authweave.values import Judgement
from commands import SECRET, apart, environment, here, profile_for
from sockets import Server, hang_after_request
from thorough import every

HEAVY = ("httpx", "httpcore", "jsonschema", "jinja2", "yaml", "rich", "pluggy", "cryptography", "oauthlib", "asyncio", "ssl", "redis", "sqlite3")
NOT_FOR_VALIDATE = (
    "httpx", "httpcore", "rich", "cryptography", "oauthlib", "asyncio", "ssl", "keyring", "concurrent.futures", "jsonschema",
    "redis", "sqlite3", "authweave.wire", "authweave.report",
)  # fmt: skip


def modules_after(*arguments, cwd=None):
    """What a command imports, in a process of its own."""
    script = (
        "import sys; from authweave.cli.running import run; run(sys.argv[1:]); sys.stdout.flush()\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)], capture_output=True, env=environment(), cwd=cwd, check=True
    )
    return set(done.stderr.decode().split())


@pytest.mark.parametrize("arguments", [("--version",), ("-V",)])
def test_version(capsys, arguments):
    """The version is one line."""
    assert (Exit.OK, f"authweave {__version__}\n", "") == tuple(vars(here(capsys, *arguments)).values())


def test_module_is_the_command():
    """`python -m authweave` is the command `authweave`."""
    done = apart("--version")

    assert (0, f"authweave {__version__}\n", "") == (done.code, done.out, done.err)


def test_help_is_the_first_thing_said(capsys):
    """Without arguments the help comes, with every command, every exit code, and how completion is set up."""
    bare, asked = here(capsys), here(capsys, "--help")

    assert (Exit.OK, asked.out) == (bare.code, bare.out)
    for name in COMMANDS:
        assert re.search(rf"^  {name} ", asked.out, re.MULTILINE)
    for code in MEANINGS:
        assert re.search(rf"^  {int(code)} ", asked.out, re.MULTILINE)
    assert "_AUTHWEAVE_COMPLETE" in asked.out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_keeps_its_word(capsys, name):
    """Each name of the table is a command of that name, with help that has examples of it."""
    command = group.get_command(None, name)

    assert (name, COMMANDS[name]) == (command.name, command.short_help)
    assert isinstance(command, Command | Subcommands)
    done = here(capsys, name, "--help")
    assert Exit.OK == done.code
    assert f"authweave {name}" in done.out.partition("Examples:")[2]


def test_help_imports_nothing_heavy():
    """Neither `--help` nor `--version` pays for what commands need."""
    assert set() == modules_after("--help") & set(HEAVY)
    assert set() == modules_after("--version") & {*HEAVY, "click"}


def test_validate_imports_no_client(tmp_path):
    """Validating needs no HTTP client, no cryptography and no event loop; a valid profile not even jsonschema."""
    path = tmp_path / "plain.yaml"
    path.write_text("format: 1\nname: plain\nidentity_provider: Nobody\nservers: ['https://a.example']\nauth: {type: none}\n")

    assert set() == modules_after("validate", path) & set(NOT_FOR_VALIDATE)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["vaildate"], "there is no command vaildate; did you mean validate?"),
        (["xyzzy"], "there is no command xyzzy"),
        (["show", "--nope"], "no such option"),
        (["show"], "name a profile, or say --settings"),
        (["token"], "missing argument"),
        (["request", "GET", "/a", "/b", "-p", "x"], "write URL, or METHOD URL"),
        (["request", "/a", "-p", "x", "-d", "a", "--json", "b"], "--data or --json"),
        (["request", "/a", "-p", "x", "-H", "no colon"], "'Name: value'"),
        (["request", "/a", "-p", "x", "-d", "@/no/such/file"], "/no/such/file: No such file"),
        (["preview", "x", "-d", "a"], "go with --url"),
        (["token", "xyzzy"], "there is no profile xyzzy"),
        (["token", "nuance-mix-runtme"], "did you mean nuance-mix-runtime?"),
        (["token", "nuance-mix-runtime@9"], "there is no version 9; there is 1.0.0"),
        (["token", "./nowhere.yaml"], "nowhere.yaml: no such file"),
        (["token", "nuance-mix-runtime", "-I", "x=1"], "has no input x; its inputs are client_id, client_secret"),
    ],
)
def test_wrong_usage_is_one_clear_message(capsys, arguments, says):
    """A mistake of the user: what is wrong on stderr, code 2, nothing on stdout, no traceback."""
    done = here(capsys, *arguments)

    assert (Exit.USAGE, "") == (done.code, done.out)
    assert done.err.startswith("authweave: ")
    assert says in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize("given", ["client_secret", "=x"])
def test_input_that_is_no_pair_is_not_repeated(capsys, given):
    """What stands where `key=value` belongs may be a secret, and is not said again."""
    done = here(capsys, "token", "nuance-mix-runtime", "--input", given + SECRET)

    assert Exit.USAGE == done.code
    assert "write key=value" in done.err
    assert SECRET not in done.err


def test_wrong_setting_is_named(capsys, tmp_path):
    """An operator's mistake ends with 2 and names the file and line."""
    config = tmp_path / "mine.toml"
    config.write_text("store = 'memory:'\ndeadlin = 3\n")

    done = here(capsys, "show", "--settings", "--config", config)

    assert Exit.USAGE == done.code
    assert "mine.toml" in done.err
    assert ":2: deadlin is not a setting; did you mean deadline?" in done.err


def test_mistake_of_ours_shows_no_value(capsys, monkeypatch):
    """An unexpected exception: its kind and place, how to see more, and nothing that it says itself."""
    monkeypatch.delenv(DEBUG, raising=False)
    done = here_with_a_bug(capsys)

    assert (Exit.BUG, "") == (done[0], done[1].out)
    assert re.search(r"authweave: unexpected KeyError in test_cli_running.py:\d+\. .*AUTHWEAVE_DEBUG=1", done[1].err)
    assert SECRET not in done[1].err


def test_debug_shows_the_traceback(capsys, monkeypatch):
    """With AUTHWEAVE_DEBUG the traceback comes too: lines of code, no local values."""
    monkeypatch.setenv(DEBUG, "1")
    done = here_with_a_bug(capsys, "a message of our own")

    assert "Traceback" in done[1].err
    assert SECRET not in done[1].err


def here_with_a_bug(capsys, message=SECRET):
    """A command that fails in a way nobody expected."""
    class Broken(list):
        def __iter__(self):
            held = SECRET  # a local value, as a function that knows a secret has it
            raise KeyError(message if held else "")

    capsys.readouterr()
    code = run(Broken())
    return code, capsys.readouterr()


@every(
    "error, code",
    [
        (MissingInput("a", "a"), Exit.INPUT),
        (UsageError("a"), Exit.USAGE),
        (SettingsError("a"), Exit.USAGE),
        (NoServers("a"), Exit.USAGE),
        (ProfileError([]), Exit.REFUSED),
        (CredentialRejected("a", status=401), Exit.REFUSED),
        (TokenEndpointError(status=401, url="u", error="invalid_client"), Exit.REFUSED),
        (TokenEndpointError(status=502, url="u"), Exit.INCONCLUSIVE),
        (TokenAnswerError("html_instead_of_json", "a", status=200, url="u"), Exit.REFUSED),
        (RateLimited(url="u", status=429, retry_at=1.0, wait=1.0), Exit.INCONCLUSIVE),
        (DeadlineExceeded("a", stage="body", host="h"), Exit.INCONCLUSIVE),
        (KeyError("a"), Exit.BUG),
    ],
)
def test_exit_codes_of_errors(error, code):
    """Each error has its documented code."""
    assert code == exit_of(error)


@every(
    "judgement, code",
    [
        (Judgement("accepted"), Exit.OK),
        (Judgement("refused"), Exit.REFUSED),
        (Judgement("forbidden"), Exit.REFUSED),
        (Judgement("inconclusive"), Exit.INCONCLUSIVE),
        (Judgement("refused", error=DeadlineExceeded("a", stage="body", host="h")), Exit.INCONCLUSIVE),
    ],
)
def test_exit_codes_of_verdicts(judgement, code):
    """Each verdict has its documented code; a renewal that reached nobody decides nothing."""
    assert code == exit_for(judgement)


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_ctrl_c_says_what_it_waits_for(tmp_path):
    """Ctrl-C while a token call is under way: what is waited for is said once, and a second one ends that at once: 130."""
    with Server(hang_after_request) as server:
        arguments = ["token", str(profile_for(server, tmp_path)), "-I", "client_id=a"]
        process = subprocess.Popen(
            [sys.executable, "-m", "authweave", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=environment(AUTHWEAVE_ACME_CLIENT_SECRET=SECRET),
        )  # fmt: skip
        deadline = time.monotonic() + 20
        while not server.requests and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        said = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)

    assert server.requests
    assert b"authweave: ending: a token call is under way, at most 5 s; Ctrl-C again ends at once\n" == said
    assert (b"", b"") == (out, err)
    assert process.returncode in (Exit.INTERRUPTED, -signal.SIGINT)


@pytest.mark.skipif(os.name == "nt", reason="POSIX pipes")
@pytest.mark.parametrize("arguments", [["schema"], ["--help"], ["--version"]])
def test_closed_pipe_is_quiet(arguments):
    """`authweave schema | head -0`: no complaint about a reader that left."""
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "authweave", *arguments], stdout=write, stderr=subprocess.PIPE, env=environment(), check=False
    )
    os.close(write)

    assert (Exit.BROKEN_PIPE, b"") == (done.returncode, done.stderr)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux has /dev/full")
def test_a_full_disk_is_said():
    """Output that finds no room is no mistake in authweave: one line says what happened."""
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "authweave", "schema"], stdout=full, stderr=subprocess.PIPE, env=environment(), check=False
        )

    assert Exit.USAGE == done.returncode
    assert b"authweave: the output cannot be written: No space left on device\n" == done.stderr


def test_small_character_sets_do_not_end_a_command(tmp_path):
    """Where stdout is ASCII, other characters are shown as escapes."""
    done = apart("preview", "nuance-mix-runtime", PYTHONIOENCODING="ascii")

    assert Exit.OK == done.code
    assert "\\u2039client_secret" in done.out or "\\u2039made from" in done.out


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("authweave va", "plain,validate"),
        ("authweave show nuance-mix-r", "plain,nuance-mix-runtime"),
        ("authweave list --for", "plain,--format"),
    ],
)
def test_completion(words, expected):
    """Commands, profiles and options complete in bash, by click's own script."""
    env = {COMPLETE: "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
    done = apart(**env)

    assert 0 == done.code
    assert expected in done.lines


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_bash_is_offered_names_of_profiles(tmp_path):
    """What bash itself makes of the answers: shipped ones, and those of the folders that the settings name."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "nuance-mine.yaml").write_text("")
    (tmp_path / "authweave.toml").write_text('profiles = ["mine"]')
    (tmp_path / "authweave").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m authweave "$@"\n')
    (tmp_path / "authweave").chmod(0o755)
    script = apart(**{COMPLETE: "bash_source"}).out + 'COMP_WORDS=(authweave show nuance-m); COMP_CWORD=2; _authweave_completion ./authweave; echo "${COMPREPLY[*]}"'

    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=60)

    assert {"nuance-mine", "nuance-mix-runtime"} <= set(done.stdout.split())


def test_completion_script_names_the_command():
    """The script that a shell evaluates is for `authweave`."""
    done = apart(**{COMPLETE: "zsh_source"})

    assert 0 == done.code
    assert "#compdef authweave" in done.out

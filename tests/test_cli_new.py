"""`authweave new` as a command: options, the form at a terminal, what is never written over, and what is never left behind."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import select
import signal
import subprocess
import sys
import time

import click
import pytest

from authweave.cli.beginning.contents import OPTION_OF, Contents
from authweave.cli.beginning.target import Target
from authweave.cli.exits import Exit
from authweave.loading import check_file
from certificates import self_signed, server_context
from commands import CLIENT, SECRET, Provider, environment, here
from sockets import Server, http

pytestmark = pytest.mark.thorough

PATIENCE = 60
"""Seconds that a busy machine may take for one answer."""


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    """Files are written here; no proxy of this machine is asked."""
    monkeypatch.chdir(tmp_path)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


def says(document, status=200, kind="application/json", **paths):
    """A server with one answer for everybody, or another for a path that begins so."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()

    def behave(peer):
        asked = peer.request()
        peer.send(http(status, ("Content-Type", kind), body=body) if "/.well-known/" in asked.line else http(404))

    return behave


def metadata(server, **more):
    url = server.url.rstrip("/")
    return {"issuer": url, "token_endpoint": f"{url}/token", "grant_types_supported": ["client_credentials"], **more}


@contextlib.contextmanager
def issuer(**more):
    """A server whose metadata are its own; what else they say is given, and may be a function of its URL."""
    holder = {}

    def behave(peer):
        asked = peer.request()
        found = "/.well-known/oauth-authorization-server" in asked.line
        peer.send(http(200, ("Content-Type", "application/json"), body=json.dumps(metadata(holder["server"], **more)).encode()) if found else http(404))

    with Server(behave) as server:
        holder["server"] = server
        yield server


# ---- without a terminal


def test_everything_the_form_asks_can_be_said_by_options(capsys, tmp_path):
    """One command, one valid file, and how to go on."""
    done = here(
        capsys, "new", "acme", "--type", "oauth2", "--grant", "client_credentials", "--identity-provider", "Acme: CRM", "--description", "Ours.",
        "--client-id", "kore-bot", "--client-auth", "client_secret_post", "--token-url", "https://{tenant}.acme.example/token", "--refresh-url", "https://{tenant}.acme.example/refresh",
        "--scope", "read", "--scope", "audience=crm", "--field", "header:X-Key={{ inputs.gateway_key }}", "--field", "path:employee={{ inputs.employee }}",
        "--server", "https://{tenant}.acme.example/e/{employee}", "--test-url", "/v1/me",
    )  # fmt: skip
    checked = check_file(tmp_path / "acme.yaml")

    assert (Exit.OK, "") == (done.code, done.out)
    assert [] == checked.problems
    assert "Try: authweave test acme.yaml" in done.err
    assert "export AUTHWEAVE_ACME_GATEWAY_KEY=…" in done.err
    assert "AUTHWEAVE_ACME_CLIENT_ID" not in done.err
    assert ["https://{{ inputs.tenant }}.acme.example/e/{employee}"] == checked.data["servers"]
    assert {"tenant", "gateway_key", "employee", "client_id"} == set(checked.data["inputs"])


def test_into_the_folder_of_profiles(capsys, tmp_path):
    """./profiles where there is one; -o says another place; - is standard output and nothing else."""
    (tmp_path / "profiles").mkdir()
    (tmp_path / "other").mkdir()
    common = ("--type", "basic", "--server", "https://a.example")

    here(capsys, "new", "one", *common)
    here(capsys, "new", "two", *common, "-o", "other")
    printed = here(capsys, "new", "three", *common, "-o", "-")

    assert {"profiles/one.yaml", "other/two.yaml"} == {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.yaml")}
    assert printed.out.startswith("# yaml-language-server: $schema=")
    assert printed.out.endswith("\n")
    assert "three.yaml" not in printed.err


def test_nothing_is_written_over(capsys, tmp_path):
    """Not a file, not a link that leads nowhere; --force is how to insist."""
    (tmp_path / "acme.yaml").write_text("mine")
    (tmp_path / "linked.yaml").symlink_to(tmp_path / "nowhere.yaml")

    refused = here(capsys, "new", "acme", "--type", "basic")
    linked = here(capsys, "new", "linked", "--type", "basic")
    kept = (tmp_path / "acme.yaml").read_text()
    forced = here(capsys, "new", "acme", "--type", "basic", "--force")

    assert (Exit.USAGE, Exit.USAGE, "mine", Exit.OK) == (refused.code, linked.code, kept, forced.code)
    assert "--force" in refused.err
    assert not (tmp_path / "nowhere.yaml").exists()


def test_of_two_who_begin_at_once_one_writes(tmp_path):
    """The place is taken before it is written; who comes later is refused, and what failed leaves nothing."""
    target = Target(tmp_path / "acme.yaml", force=False)
    target.write("first")

    with pytest.raises(click.UsageError, match="there already"):
        target.write("second")
    with pytest.raises(UnicodeEncodeError):
        Target(tmp_path / "half.yaml", force=False).write("\ud800")

    assert "first" == (tmp_path / "acme.yaml").read_text()
    assert ["acme.yaml"] == [path.name for path in tmp_path.iterdir()]


def test_a_copy_that_would_not_find_its_parent(capsys, tmp_path):
    """What is written is valid where it lies, not where it comes from."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "base.yaml").write_text("format: 1\nname: base\nidentity_provider: B\nservers: ['https://a.example']\nauth: {type: basic}\n")
    (tmp_path / "young.yaml").write_text("format: 1\nname: young\nextends: base\n")

    done = here(capsys, "new", "copy", "--like", "young.yaml", "-o", "sub")

    assert Exit.USAGE == done.code
    assert "there is no profile base" in done.err
    assert [] == list((tmp_path / "sub").iterdir())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--from URL, --like PROFILE"),
        (("acme",), "this is no terminal"),
        (("--type", "basic"), "say NAME"),
        (("Acme.yaml", "--type", "basic"), "write acme"),
        (("../acme", "--type", "basic"), "write acme"),
        (("acme", "--type", "aws_sigv4"), "--like PROFILE"),
        (("acme", "--type", "basic", "--grant", "password"), "--grant goes with --type oauth2"),
        (("acme", "--grant", "client_credentails", "--token-url", "https://a.example/t"), "--grant"),
        (("acme", "--grant", "client_credentials"), "token_url"),
        (("acme", "--token-url", "http://a.example/t"), "--token-url: http:// is not encrypted"),
        (("acme", "--type", "basic", "--server", "nowhere"), "--server: "),
        (("acme", "--type", "basic", "--field", "body:a=b"), "header, query, payload"),
        (("acme", "--type", "basic", "--field", "path:a=b", "--server", "https://a.example", "--test-url", "ftp://x"), "--test-url"),
        (("acme", "--token-url", "https://a.example/t", "--scope", "="), "key=value"),
        (("acme", "--token-url", "https://a.example/t", "--client-auth", "basic"), "--client-auth: "),
        (("acme", "--type", "basic", "--secret", "x"), "no field or scope reads"),
        (("acme", "--type", "basic", "-o", "other.yaml"), "acme.yaml"),
        (("acme", "--type", "basic", "-o", "no/acme.yaml"), "no folder"),
        (("acme", "--type", "basic", "-o", "acme.txt"), ".yaml, .yml or .json"),
        (("acme", "--type", "basic", "-o", "acme.json"), "new writes YAML"),
        (("acme", "--like", "kore-basic", "-o", "acme.json"), "in the language of"),
        (("acme", "--from", "https://a.example", "--issuer", "https://b.example"), "leave out --issuer"),
        (("acme", "--from", "https://a.example", "--type", "basic"), "--from finds"),
        (("acme", "--type", "basic", "--client-id", "x"), "--client-id: nothing reads it"),
        (("acme", "--type", "basic", "--server", "https://a.example", "--field", "header:X-Api-Key=abcdefghijklmnop1234"), "--field: a secret stands in the file"),
        (("acme", "--extends"), "--extends goes with --like"),
        (("acme", "--from", "https://a.example", "--like", "x"), "not both"),
        (("acme", "--like", "nuance-mix-runtme"), "nuance-mix-runtime"),
        (("acme", "--like", "kore-basic", "--type", "basic"), "--like keeps"),
        (("acme", "--type", "basic", "--identity-provider", "a\u202eb"), "--identity-provider"),
    ],
)
def test_misuse_is_said_and_nothing_is_written(capsys, tmp_path, arguments, said):
    """By the option that it is about, with what would be right."""
    done = here(capsys, "new", *arguments)

    assert Exit.USAGE == done.code, done.err
    assert said in done.err
    assert "mistake in authweave" not in done.err
    assert [] == list(tmp_path.iterdir())


def test_texts_of_any_kind_stay_texts(capsys, tmp_path):
    """A line break in a description is one in the profile, and no other key."""
    text = "It's:\n# a 'test' \"of\" texts\nfields: [1]"

    here(capsys, "new", "acme", "--type", "basic", "--server", "https://a.example", "--description", text)

    assert text == check_file(tmp_path / "acme.yaml").data["description"]


def test_every_option_is_named_where_its_key_is_wrong():
    """Each field of the options has the key that it writes, so that a problem leads back to it."""
    named = {option.removeprefix("--").replace("-", "_") for option in OPTION_OF.values()}

    assert {field.rstrip("_") for field in Contents.__dataclass_fields__} - named == {"secret"}


# ---- like another


def test_like_a_shipped_profile(capsys, tmp_path):
    """A copy in one's own name, valid, with the comment for editors leading to where the schema usually lies."""
    done = here(capsys, "new", "my-mix", "--like", "nuance-mix-runtime", "--client-id", "appID:X")

    assert Exit.OK == done.code, done.err
    text = (tmp_path / "my-mix.yaml").read_text()
    assert "name: my-mix\n" in text
    assert "default: appID:X" in text.replace("'", "")
    assert [] == check_file(tmp_path / "my-mix.yaml").problems


def test_like_a_file_in_json(capsys, tmp_path):
    """The copy is in the same language."""
    (tmp_path / "old.json").write_text(json.dumps({"format": 1, "name": "old", "identity_provider": "Old", "servers": ["https://a.example"], "auth": {"type": "basic"}}))

    done = here(capsys, "new", "young", "--like", "old.json", "--identity-provider", "Young")

    assert Exit.OK == done.code, done.err
    assert ("young", "Young") == tuple(json.loads((tmp_path / "young.json").read_text())[key] for key in ("name", "identity_provider"))


def test_a_child(capsys, tmp_path):
    """It extends what is shipped or lies beside it; from elsewhere its parent would not be found."""
    (tmp_path / "base.yaml").write_text("format: 1\nname: base\nidentity_provider: B\nservers: ['https://a.example']\nauth: {type: basic}\n")
    (tmp_path / "sub").mkdir()

    done = here(capsys, "new", "young", "--like", "base.yaml", "--extends", "--server", "https://b.example")
    elsewhere = here(capsys, "new", "far", "--like", "base.yaml", "--extends", "-o", "sub")

    assert Exit.OK == done.code, done.err
    assert "still open: servers: this list replaces the parent's" in done.err
    assert {"format", "name", "version", "extends", "servers"} == set(check_file(tmp_path / "young.yaml").document.data)
    assert Exit.USAGE == elsewhere.code
    assert "beside its parent" in elsewhere.err


def test_like_what_is_not_valid(capsys, tmp_path):
    """A copy of a broken profile would be broken: its problems are told, and nothing is written."""
    (tmp_path / "broken.yaml").write_text("format: 1\nname: broken\n")

    done = here(capsys, "new", "young", "--like", "broken.yaml")

    assert Exit.REFUSED == done.code
    assert "broken.yaml" in done.err
    assert not (tmp_path / "young.yaml").exists()


# ---- from a provider


def test_from_an_issuer(capsys, tmp_path):
    """No credential goes out, and the file names the issuer."""
    with issuer(scopes_supported=["read"]) as server:
        done = here(capsys, "new", "acme", "--from", server.url.rstrip("/"), "--server", "https://api.acme.example")
        asked = [request.head.lower() for request in server.requests]

    assert Exit.OK == done.code, done.err
    assert [] == check_file(tmp_path / "acme.yaml").problems
    assert server.url.rstrip("/") == check_file(tmp_path / "acme.yaml").data["auth"]["issuer"]
    assert asked
    assert not any(b"authorization:" in head or b"cookie:" in head for head in asked)


@pytest.mark.parametrize(
    ("behaviour", "code", "said"),
    [
        (says({"hello": "world"}), Exit.REFUSED, "issuer"),
        (says(b"<html>sign in</html>", kind="text/html"), Exit.REFUSED, "not JSON"),
        (says(b"[" * 5000), Exit.REFUSED, "not JSON"),
        (says({"issuer": "https://other.example", "token_endpoint": "https://other.example/t"}), Exit.REFUSED, "https://other.example"),
        (says({"issuer": "x" * 300_000}), Exit.REFUSED, "256 KiB"),
        (says({}, status=404), Exit.REFUSED, "404"),
        (says({}, status=302), Exit.REFUSED, "redirect"),
        (says({}, status=503), Exit.INCONCLUSIVE, "503"),
    ],
    ids=["other", "html", "deep", "issuer", "huge", "404", "302", "503"],
)
def test_from_what_is_no_issuer(capsys, tmp_path, behaviour, code, said):
    """What was asked, what came back, and what to write instead; no file."""
    with Server(behaviour) as server:
        done = here(capsys, "new", "acme", "--from", server.url)

    assert code == done.code, done.err
    assert said in done.err
    assert "--token-url URL" in done.err
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("url", ["acme.example", "http://acme.example", "https://user:pw@acme.example", "https://acme.example/#x", "https://acme.example/{{ inputs.x }}", ""])
def test_from_what_is_no_url(capsys, tmp_path, url):
    """Nobody is asked."""
    done = here(capsys, "new", "acme", "--from", url)

    assert done.code in (Exit.REFUSED, Exit.USAGE)
    assert "mistake in authweave" not in done.err
    assert [] == list(tmp_path.iterdir())


def test_from_metadata_that_would_break_a_file(capsys, tmp_path):
    """Hostile names end in comments or nowhere: the file has the keys that a calm server's has."""
    wild = ["read\nauth: {type: none}", "\u2028servers: [x]", "{{ inputs.client_secret }}", "'", "\u202e", "\x1b[31m", "z" * 2000]
    with issuer(scopes_supported=wild, token_endpoint_auth_methods_supported=wild, service_documentation="\n- x") as server:
        done = here(capsys, "new", "acme", "--from", server.url.rstrip("/"), "--server", "https://api.acme.example")

    assert Exit.OK == done.code, done.err
    checked = check_file(tmp_path / "acme.yaml")
    assert [] == checked.problems
    assert {"format", "name", "version", "identity_provider", "servers", "auth"} == set(checked.document.data)
    assert {"type", "grant_type", "issuer", "client_auth"} == set(checked.document.data["auth"])
    assert "\x1b" not in done.err
    text = (tmp_path / "acme.yaml").read_text()
    assert not any(line.lstrip().startswith("# scopes:") and "{{" in line for line in text.splitlines())


# ---- at a terminal


class Terminal:
    """A person at `authweave new …`: reads what is asked, and types."""

    def __init__(self, cwd, *arguments, **env):
        self.ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "authweave", "new", *arguments], cwd=cwd, env=environment(TERM="xterm", **env), stdin=theirs, stdout=theirs, stderr=theirs,
            start_new_session=True, preexec_fn=_own_terminal(theirs),
        )  # fmt: skip
        os.close(theirs)
        self.seen = ""

    def until(self, words):
        """Read until this is asked; returns what came since the last time."""
        new, deadline = "", time.monotonic() + PATIENCE
        while words not in new:
            assert time.monotonic() < deadline, f"no {words!r} in {new!r}"
            if select.select([self.ours], [], [], 0.2)[0]:
                try:
                    data = os.read(self.ours, 4096)
                except OSError:
                    data = b""
                assert data, f"ended without {words!r}: {new}"
                new += data.decode()
        self.seen += new
        return new

    def answer(self, words, typed):
        """Wait for a question, and answer it."""
        asked = self.until(words)
        os.write(self.ours, typed.encode() + b"\n")
        return asked

    def ended(self, pressing=b""):
        """How it ended; the rest of what it said is in `seen`. What is `pressing` is pressed again after ten seconds of silence: a
        signal that comes just before Python begins to read is noticed with the next one only."""
        code, deadline = None, time.monotonic() + PATIENCE
        while code is None:
            assert time.monotonic() < deadline, f"it does not end: {self.seen!r}"
            if select.select([self.ours], [], [], 10 if pressing else 0.1)[0]:
                try:
                    self.seen += os.read(self.ours, 4096).decode()
                except OSError:
                    code = self.process.wait(PATIENCE)
            elif self.process.poll() is not None:
                code = self.process.returncode
            elif pressing:
                os.write(self.ours, pressing)
        os.close(self.ours)
        return code


def _own_terminal(theirs):
    import fcntl
    import termios

    return lambda: fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)


def test_the_form_at_a_terminal_ends_with_the_test(tmp_path):
    """Asked in order, a wrong answer asked again, `<` goes back; then the file is there, and is tested at once."""
    provider = Provider()
    with Server(provider) as server:
        url = server.url.rstrip("/")
        person = Terminal(tmp_path, "acme", AUTHWEAVE_ACME_CLIENT_SECRET=SECRET)
        person.answer("Authorization type [oauth2]: ", "1")
        person.answer("Grant [client_credentials]: ", "")
        person.answer("Identity provider name [Acme]: ", "Wrong")
        person.answer("Client ID: ", "<")
        person.answer("Identity provider name [Acme]: ", "Right")
        person.answer("Client ID: ", CLIENT)
        person.answer("Token request URL: ", "http://acme.example/token")
        assert "not encrypted" in person.answer("Token request URL: ", f"{url}/token")
        person.answer("Client authentication [client_secret_basic]: ", "")
        person.answer("Scope (key=value): ", "scope=read")
        person.answer("Scope (key=value): ", "")
        person.answer("Refresh token URL: ", "")
        person.answer("Description: ", "")
        person.answer("Authorization field (place:key=value): ", "header:X-Via=bot")
        person.answer("Authorization field (place:key=value): ", "")
        person.answer("Server that may get the credential: ", url)
        person.answer("Server that may get the credential: ", "")
        person.answer("Authorization check URL (Test): ", "/v1/me")
        person.answer("Test it now? [Y/n]: ", "")
        code = person.ended()

    assert Exit.OK == code, person.seen
    checked = check_file(tmp_path / "acme.yaml")
    assert [] == checked.problems
    assert ("Right", ["read"]) == (checked.data["identity_provider"], checked.data["auth"]["scopes"])
    assert provider.given >= 1
    assert "accepted" in person.seen
    assert SECRET not in person.seen + (tmp_path / "acme.yaml").read_text()


def test_ctrl_c_leaves_nothing_behind(tmp_path):
    """At any question: no file, not even a half one, and the usual exit code."""
    person = Terminal(tmp_path, "acme")
    person.answer("Authorization type [oauth2]: ", "basic")
    person.until("Identity provider name [Acme]: ")
    os.write(person.ours, b"\x03")

    assert Exit.INTERRUPTED == person.ended(pressing=b"\x03")
    assert [] == list(tmp_path.iterdir())


def test_the_end_of_input_leaves_nothing_behind(tmp_path):
    """Ctrl-D is said, and is no mistake of the program."""
    person = Terminal(tmp_path)
    person.answer("Name: ", "Not A Name")
    assert "write not-a-name" in person.until("Name: ")
    os.write(person.ours, b"\x04")

    assert Exit.USAGE == person.ended()
    assert "nothing was written" in person.seen
    assert [] == list(tmp_path.iterdir())


def test_a_copy_asks_for_what_must_change(tmp_path):
    """The provider and each URL, with what stands there as the default."""
    person = Terminal(tmp_path, "mine", "--like", "kore-client-credentials")
    person.answer("Identity provider name [Acme]: ", "Mine")
    person.answer("Server that may get the credential [https://{{ inputs.tenant }}.example.com]: ", "https://{tenant}.mine.example")
    person.answer("token_url [", "https://{tenant}.mine.example/token")
    person.answer("refresh_url [", "")
    person.answer("Test it now? [Y/n]: ", "n")

    assert Exit.OK == person.ended(), person.seen
    data = check_file(tmp_path / "mine.yaml").data
    assert ("Mine", ["https://{{ inputs.tenant }}.mine.example"], "https://{{ inputs.tenant }}.mine.example/token") == (data["identity_provider"], data["servers"], data["auth"]["token_url"])


def test_from_an_issuer_a_person_is_asked_for_what_it_cannot_know(tmp_path):
    """Scopes, servers and the test, unless options said them; the rest is the provider's."""
    with issuer() as server:
        person = Terminal(tmp_path, "acme", "--from", server.url.rstrip("/"), "--scope", "read")
        person.answer("Identity provider name [Acme]: ", "")
        person.answer("Server that may get the credential: ", "https://api.acme.example/<b>")
        person.answer("Server that may get the credential: ", "https://api.acme.example")
        person.answer("Server that may get the credential: ", "")
        person.answer("Authorization check URL (Test): ", "https://elsewhere.example/me")
        person.answer("Authorization check URL (Test): ", "/me")
        person.answer("Test it now? [Y/n]: ", "no")

        assert Exit.OK == person.ended(), person.seen
    data = check_file(tmp_path / "acme.yaml").data
    assert ("/me", ["https://api.acme.example"], ["read"]) == (data["test"]["request"]["url"], data["servers"], data["auth"]["scopes"])


def test_who_is_killed_leaves_no_half_file(tmp_path):
    """SIGTERM in the middle of the form."""
    person = Terminal(tmp_path, "acme")
    person.until("Authorization type [oauth2]: ")
    person.process.send_signal(signal.SIGTERM)

    assert 0 != person.ended()
    assert [] == list(tmp_path.iterdir())


def test_a_host_is_no_url(capsys):
    """What people leave away is what is said."""
    done = here(capsys, "new", "acme", "--from", "login.acme.example")

    assert "not an absolute URL; begin it with https://" in done.err


def test_a_server_whose_certificate_is_not_believed_is_neither_yes_nor_no(capsys):
    """Nobody answered; what makes the certificate right is said."""
    with Server(says({}), tls=server_context(self_signed("127.0.0.1"))) as server:
        done = here(capsys, "new", "acme", "--from", server.url.replace("http://", "https://"))

    assert Exit.INCONCLUSIVE == done.code, done.err
    assert "AUTHWEAVE_CA" in done.err

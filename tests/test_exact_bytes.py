"""From wherever a value comes, its bytes are at the server what they were at the source; a line end at its end has one rule."""

import io
import json
from urllib.parse import parse_qsl

import keyring.backend
import pytest

from authweave.profile import Input
from authweave.sources.dotenv import DotenvSource
from authweave.sources.environment import EnvironmentSource
from authweave.sources.files import FilesSource
from authweave.sources.keyring import KeyringSource
from authweave.sources.mapping import MappingSource
from authweave.sources.secrets_dir import SecretsDirSource
from authweave.values import Secret, TaskRequest
from commands import apart, here
from hostile import EXACT, recording
from services import engine, profile
from thorough import few

BODY = (("Content-Type", "application/x-www-form-urlencoded"),)
SENT_BY = {"type": "custom", "fields": [{"in": "payload", "key": "probe", "value": "{{ inputs.secret_value }}"}]}
INPUTS = {"secret_value": {"secret": True}}


class Kept(keyring.backend.KeyringBackend):
    """A keyring in memory."""

    priority = 1

    def __init__(self, value):
        super().__init__()
        self.value = value

    def get_password(self, service, username):
        return self.value

    def set_password(self, service, username, password):
        raise NotImplementedError

    def delete_password(self, service, username):
        raise NotImplementedError


def in_file(folder, raw):
    path = folder / "acme.secret_value"
    path.write_bytes(raw)
    return path


def quoted(value):
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")


def dotenv(folder, value):
    path = folder / "env"
    path.write_bytes(f'AUTHWEAVE_ACME_SECRET_VALUE="{quoted(value)}"\n'.encode())
    return DotenvSource(path)


SOURCES = {
    "environment": lambda folder, value: EnvironmentSource({"AUTHWEAVE_ACME_SECRET_VALUE": value}),
    "secrets_dir": lambda folder, value: SecretsDirSource(in_file(folder, value.encode()).parent),
    "dotenv": dotenv,
    "keyring": lambda folder, value: KeyringSource("authweave", Kept(value)),
    "mapping": lambda folder, value: MappingSource({"secret_value": value}),
    "mapping, secret": lambda folder, value: MappingSource({"secret_value": Secret(value, "vault")}),
    "mapping, bytes": lambda folder, value: MappingSource({"secret_value": value.encode()}),
    "callable": lambda folder, value: MappingSource(lambda profile, name, tenant: value),
    "files": lambda folder, value: FilesSource({"secret_value": in_file(folder, value.encode())}),
}


@pytest.mark.parametrize("name", few(SOURCES, every=5))
def test_every_source(name, tmp_path):
    """Nothing is trimmed, unquoted, read as a number, filled in or composed on the way from the source to the body of a request."""
    wrong = []
    made = profile(SENT_BY, "https://api.example.com", inputs=INPUTS)
    for value in EXACT:
        connection = engine(inputs=SOURCES[name](tmp_path, value)).connect(made)
        sent = connection.authorize(TaskRequest("POST", "/", BODY, b"a=1")).result(10)
        if parse_qsl(sent.body.decode("ascii"), keep_blank_values=True, errors="strict") != [("a", "1"), ("probe", value)]:
            wrong.append((value[:40], sent.body[:60]))
    assert not wrong


ENDS = [(b"s3cr3t\n", "s3cr3t"), (b"s3cr3t\r\n", "s3cr3t"), (b"s3cr3t\n\n", "s3cr3t\n"), (b"s3cr3t\r", "s3cr3t\r"), (b"s3cr3t\r\n\r\n", "s3cr3t\r\n"), (b"s3cr3t \n", "s3cr3t "), (b"s3cr3t", "s3cr3t"), (b"\ns3cr3t", "\ns3cr3t")]


@pytest.mark.parametrize(("raw", "value"), ENDS)
def test_a_line_end_of_a_file(tmp_path, raw, value):
    """A folder of secrets and a named file: one line end (LF or CRLF) at the very end is taken away, and nothing else."""
    made = profile(SENT_BY, "https://api.example.com", inputs=INPUTS)
    for source in (SecretsDirSource(in_file(tmp_path, raw).parent), FilesSource({"secret_value": tmp_path / "acme.secret_value"})):
        sent = engine(inputs=source).connect(made).authorize(TaskRequest("POST", "/", BODY, b"a=1")).result(10)
        assert dict(parse_qsl(sent.body.decode()))["probe"] == value


def test_quotes_of_a_dotenv_file_keep_what_is_between_them(tmp_path):
    """Line ends of every kind, too, whichever the lines of the file end with; a value without quotes ends with its line."""
    wrong = []
    for value in [value for value in (*EXACT, "a\r\nb", "a\rb", "a\nb", "\r\n", "a\r", "a\\nb", "-----BEGIN X-----\r\nAA\r\n-----END X-----\r\n") if "'" not in value]:
        for end in (b"\n", b"\r\n", b""):
            forms = [f"'{value}'", '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"']
            for form in [*forms, value] if value == "0012" else forms:
                (tmp_path / "env").write_bytes(b"# first" + (end or b"\n") + f"AUTHWEAVE_ACME_SECRET_VALUE={form}".encode() + end)
                got = DotenvSource(tmp_path / "env").get("acme", Input("secret_value"), "")
                if got is None or got.reveal() != value:
                    wrong.append((form[:40], end))
    assert not wrong


@pytest.mark.parametrize("name", ["environment", "keyring", "mapping", "mapping, bytes", "callable", "dotenv"])
def test_no_line_end_of_what_is_no_file(name, tmp_path):
    """A value that is given as a value is taken as it is, a line end with it."""
    made = profile(SENT_BY, "https://api.example.com", inputs=INPUTS)
    for value in ("s3cr3t\n", "s3cr3t\r\n", "s3cr3t\r", "\n"):
        sent = engine(inputs=SOURCES[name](tmp_path, value)).connect(made).authorize(TaskRequest("POST", "/", BODY, b"a=1")).result(10)
        assert dict(parse_qsl(sent.body.decode()))["probe"] == value


FILES = [(way, raw, value) for way in ("-", "file") for raw, value in ENDS] + [("-", text.encode(), text) for text in EXACT if not text.endswith(("\n", "\r"))]


@pytest.mark.thorough
def test_commands(tmp_path, monkeypatch, capsys):
    """`--input-file` from a pipe and from a file, by the same rule; what arrives at the socket is the value."""
    wrong = []
    monkeypatch.setenv("AUTHWEAVE_STORE", "memory:")
    monkeypatch.setenv("HOME", str(tmp_path))
    with recording() as server:
        path = profile_of(server.url, tmp_path)
        for way, raw, value in FILES:
            monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(raw)))
            done = here(capsys, "request", "/x", "-p", path, "-X", "POST", "-d", "a=1", "--input-file", f"secret_value={'-' if way == '-' else in_file(tmp_path, raw)}")
            arrived = server.take()
            if [parse_qsl(one.body.decode("ascii"), keep_blank_values=True) for one in arrived] != [[("a", "1"), ("probe", value)]]:
                wrong.append((way, value[:40], done.err[-200:]))
    assert not wrong


@pytest.mark.parametrize(("way", "raw", "value"), few([FILES[1], FILES[len(ENDS) + 4], ("-", "p:w%+ é\r\n".encode(), "p:w%+ é")], every=3))
def test_a_process(tmp_path, way, raw, value):
    """The same through a real pipe."""
    with recording() as server:
        path = profile_of(server.url, tmp_path)
        file = "-" if way == "-" else in_file(tmp_path, raw)
        done = apart("request", "/x", "-p", path, "-X", "POST", "-d", "a=1", "--input-file", f"secret_value={file}", stdin=raw if way == "-" else b"", AUTHWEAVE_STORE="memory:", HOME=str(tmp_path))
        arrived = server.take()
    assert arrived, done.err
    assert parse_qsl(arrived[0].body.decode("ascii"), keep_blank_values=True) == [("a", "1"), ("probe", value)]


def profile_of(url, folder):
    path = folder / "acme.json"
    path.write_text(json.dumps({"format": 1, "name": "acme", "identity_provider": "Acme", "servers": [url], "auth": SENT_BY, "inputs": INPUTS}))
    return path


@pytest.mark.parametrize(("raw", "why"), [(b"\xff\xfe", "stdin is not UTF-8 at byte 0"), (b"x" * 70_000, "stdin is larger than 64 KiB")])
def test_a_pipe_that_is_no_value(tmp_path, monkeypatch, capsys, raw, why):
    """What is no text, or too long, is refused by the words of a file, and not cut."""
    monkeypatch.setenv("AUTHWEAVE_STORE", "memory:")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(raw)))
    done = here(capsys, "request", "/x", "-p", profile_of("https://api.example.com", tmp_path), "-X", "POST", "-d", "a=1", "--input-file", "secret_value=-")

    assert done.code != 0
    assert why in done.err
    assert "Traceback" not in done.err

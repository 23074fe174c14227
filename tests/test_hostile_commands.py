"""Every option of the commands that take words, with words that want to be more: a documented exit code, no traceback, nothing that moves a cursor, and nothing more in the request than one that is well formed."""

import contextlib
import io
import json
import sys

import pytest

from authweave.cli.running import run
from hostile import recording

WORDS = [
    "", " ", "\t", "\n", "\r\nX-Injected: 1", "\x1b[31mred", "\x07", "\x7f", "\x85", "\u202eabc", "\u200b", "\ufeff", "\udcff", "é", "😀", "../../etc/passwd", "/etc/passwd", "..", ".", "-", "--", "-x", "a=b", "=", "a=", "a" * 5000, "a/" * 3000,
    "%00", "%2e%2e%2f", "{{ 7*7 }}", "{{ inputs.v }}", "{key}", "http://", "https://", "http://[", "http://a:b@c/", "http://127.0.0.1:99999/", "http://127.0.0.1:0/", "file:///etc/passwd", "javascript:1", "//evil.example/x", "\\\\evil\\x",
    "https://\u0430pi.example.com/", "a\\b", "a'b\"c", "$(id)", "`id`", "a@1", "@a", "a@../b", "a\nb: c", "{", "1e309", "nan", "-1", "0", "99999999999999999999", "K", "x/../y", "x;y", "*", "~", "a.json/..", "/dev/null", "Host", "TRACE", "CONNECT",
]  # fmt: skip


def commands(path, key, word):
    """Each place of a command line where somebody's word may stand."""
    given = ["--input-file", f"k={key}"]
    of_request = ["request", "/x", "-p", path, *given]
    of_preview = ["preview", path, *given, "--url", "/x"]
    of_test = ["test", path, *given, "--no-compare"]
    yield from (["validate", word], ["validate", "-", "--stdin-name", word], ["show", word], ["test", word], ["preview", word], ["request", "/x", "-p", word], ["status", word], ["token", word], ["logout", word], ["plugins", word], [word], ["tokens", "show", word])
    yield from (["validate", path, option, word] for option in ("--profiles-dir", "--config", "--limits", "--tenant", "--format", "-I"))
    yield from (["list", option, word] for option in ("--profiles-dir", "--tenant", "--config"))
    yield from ([*of_preview[:-1], word], ["preview", path, "--input-file", f"k={word}"], ["preview", path, "--input-file", f"{word}={key}"])
    for of in (of_preview, of_request):
        yield from ([*of, option, word] for option in ("-X", "-H", "-d", "--json", "--server", "--tenant", "--subject", "--dotenv", "--secrets-dir"))
        yield from ([*of, *more] for more in (("-H", f"X-A: {word}"), ("-H", f"{word}: a"), ("-I", f"v={word}"), ("-I", f"{word}=a")))
    yield from (["request", word, *of_request[2:]], ["request", word, *of_request[1:]], [*of_request, "--max-time", word])
    yield from ([*of_test, *more] for more in (("-I", f"v={word}"), ("--tenant", word), ("--format", word), ("--deadline", word), ("--fault", word, "--sandbox")))


def told(arguments):
    """Exit code and all that was written."""
    streams = [io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(3)]
    with contextlib.redirect_stdout(streams[0]), contextlib.redirect_stderr(streams[1]), pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", streams[2])
        code = run(arguments)
        sys.stdout.flush()
    return code, "".join(stream.buffer.getvalue().decode("utf-8", "replace") for stream in streams[:2])


def wrong_with(every, folder, monkeypatch):
    monkeypatch.setenv("AUTHWEAVE_STORE", "memory:")
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.chdir(folder)
    key, path, wrong = folder / "k", folder / "acme.json", []
    key.write_text("s3cr3t")
    with recording() as server:
        path.write_text(json.dumps({
            "format": 1, "name": "acme", "identity_provider": "A", "servers": [server.url], "inputs": {"v": {"required": False}, "k": {"secret": True}}, "test": {"request": {"url": "/t"}},
            "auth": {"type": "custom", "fields": [{"in": "header", "key": "X-K", "value": "{{ inputs.k }}"}]}, "fields": [{"in": "query", "key": "v", "value": "{{ inputs.v }}", "optional": True}],
        }))  # fmt: skip
        rows = [row for word in WORDS for row in commands(str(path), str(key), word)]
        for row in rows[:: 1 if every else 61]:
            code, said = told(row)
            shown = [part[:40] for part in row]
            if code not in (0, 1, 2, 3, 4) or "Traceback" in said:
                wrong.append((shown, code, said[-200:]))
            if moving := sorted({character for character in said if not character.isprintable() and character not in "\n\t"}):
                wrong.append((shown, moving))
            for arrived in server.take():
                if arrived.rest or arrived.values("x-injected") or len(arrived.values("host")) != 1 or arrived.method in ("TRACE", "CONNECT"):
                    wrong.append((shown, arrived.raw[:200]))
    return wrong


def test_a_few_words_in_every_command(tmp_path, monkeypatch):
    """One in sixty of the rows."""
    assert wrong_with(False, tmp_path, monkeypatch) == []


@pytest.mark.thorough
def test_every_word_in_every_command(tmp_path, monkeypatch):
    """All of the rows."""
    assert wrong_with(True, tmp_path, monkeypatch) == []


@pytest.mark.parametrize("more", [("-X", "\x1b[31mred"), ("-X", "A\r\nB"), ("-H", "\x1b[31m: x"), ("-H", "X-A: a\x0b"), ("-H", "X-A: a\r\n"), ("-H", "X-A: a\x1f"), ("-H", "X-A\x1f: a")])
def test_a_preview_refuses_what_would_not_be_sent(more, tmp_path):
    """A method or header that a request would be refused for is refused here, too; nothing of it is trimmed away, or printed as it is."""
    path = tmp_path / "acme.json"
    path.write_text(json.dumps({"format": 1, "name": "acme", "identity_provider": "A", "servers": ["https://api.example.com"], "auth": {"type": "none"}}))

    code, said = told(["preview", str(path), "--url", "/x", *more])

    assert (code, "cannot be made" in said) == (2, True)
    assert [character for character in said if not character.isprintable() and character != "\n"] == []

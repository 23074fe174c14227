"""npm `yaml-language-server` as a fixture: what an editor asks it, over its standard input and output."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import pytest

from parts.catalogue import PARTS, YAML_LANGUAGE_SERVER
from parts.not_run import need

PATIENCE = 15.0
SERVER = YAML_LANGUAGE_SERVER.folder / "node_modules" / "yaml-language-server" / "bin" / "yaml-language-server"


class LanguageServer:
    """An editor's end of the language server protocol: open a file, then ask. Lines and columns count from 0."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._numbers = 0
        self._answers: Queue[dict[str, Any]] = Queue()
        self._problems: Queue[dict[str, Any]] = Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.ask("initialize", {"processId": None, "rootUri": None, "capabilities": {}})
        self._tell("initialized", {})

    def open(self, file: Path, text: str | None = None) -> str:
        """Open `file` (with `text` instead of what it holds, if given); its URI, for the questions."""
        uri = file.resolve().as_uri()
        content = file.read_text(encoding="utf-8") if text is None else text
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": content}
        self._tell("textDocument/didOpen", {"textDocument": document})
        return uri

    def completions(self, uri: str, line: int, column: int) -> list[str]:
        """The labels an editor would offer there."""
        answer = self.ask("textDocument/completion", _place(uri, line, column))
        items = answer["items"] if isinstance(answer, dict) else answer or []
        return [item["label"] for item in items]

    def hover(self, uri: str, line: int, column: int) -> str:
        """The text an editor would show there, empty if none."""
        answer = self.ask("textDocument/hover", _place(uri, line, column))
        return str(answer["contents"]["value"]) if answer else ""

    def problems(self, uri: str) -> list[dict[str, Any]]:
        """The next problems published for the file: `message`, `severity`, `range`."""
        while (told := self._problems.get(timeout=PATIENCE))["uri"] != uri:
            pass
        return list(told["diagnostics"])

    def ask(self, method: str, parameters: dict[str, Any]) -> Any:
        """Any question of the protocol; its result. An error of the server is a RuntimeError."""
        self._numbers += 1
        self._send({"id": self._numbers, "method": method, "params": parameters})
        try:
            while (answer := self._answers.get(timeout=PATIENCE))["id"] != self._numbers:
                pass
        except Empty:
            raise TimeoutError(f"no answer to {method}") from None
        if "error" in answer:
            raise RuntimeError(answer["error"]["message"])
        return answer["result"]

    def _tell(self, method: str, parameters: dict[str, Any]) -> None:
        self._send({"method": method, "params": parameters})

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        self._process.stdin.flush()

    def _read(self) -> None:
        assert self._process.stdout is not None
        while length := _length(self._process.stdout):
            message = json.loads(self._process.stdout.read(length))
            if "method" not in message:
                self._answers.put(message)
            elif message["method"] == "textDocument/publishDiagnostics":
                self._problems.put(message["params"])
            elif "id" in message:
                self._send({"id": message["id"], "result": _configuration(message)})


@pytest.fixture(scope="session")
def yaml_language_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LanguageServer]:
    """A running yaml-language-server: `open(file)`, then `completions`, `hover`, `problems`.

    It knows no schema but the one a file names (`# yaml-language-server: $schema=…`), and fetches nothing.
    """
    need(PARTS["yaml-language-server"])
    log = tmp_path_factory.mktemp("yaml-language-server") / "log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            ["node", SERVER, "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
        )
    try:
        yield LanguageServer(process)
    finally:
        process.terminate()
        process.communicate(timeout=5)


def _place(uri: str, line: int, column: int) -> dict[str, Any]:
    return {"textDocument": {"uri": uri}, "position": {"line": line, "character": column}}


def _length(stream: Any) -> int:
    """The length of the next message; 0 at the end of the stream."""
    length = 0
    while (line := stream.readline().strip()) or not length:
        if not line:
            return 0
        name, _, value = line.partition(b":")
        length = int(value) if name.lower() == b"content-length" else length
    return length


def _configuration(message: dict[str, Any]) -> Any:
    """The server asks for its settings: no schema store, all of validation, hover and completion."""
    if message["method"] != "workspace/configuration":
        return None
    yaml = {"schemaStore": {"enable": False}, "validate": True, "hover": True, "completion": True}
    return [yaml if item.get("section") == "yaml" else {} for item in message["params"]["items"]]

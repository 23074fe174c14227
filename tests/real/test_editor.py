"""What an author gets in an editor: a real YAML language server reads the published schema from a profile's first line."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from authweave.documents import parse_document
from authweave.resources import profiles_folder, schema_file
from authweave.schema import EDITOR_LINE

HEAD = f"{EDITOR_LINE}\nformat: 1\nname: acme\nidentity_provider: Acme\n"
OAUTH2_KEYS = {"grant_type", "token_url", "refresh_url", "client_auth", "scopes", "token_request", "token_response", "rejected_when"}
_CHOICE = re.compile(r"\$\{\d+\|([^,|]*)[^|]*\|\}")
_PLACEHOLDER = re.compile(r"\$\{\d+:((?:\\.|[^}\\])*)\}")

Opened = tuple[Any, str]


@pytest.fixture
def opened(yaml_language_server: Any, tmp_path: Path) -> Callable[[str], Opened]:
    """Opens a profile beside a copy of `schemas/`, as the first line says."""
    (tmp_path / "schemas").mkdir()
    (tmp_path / "profiles").mkdir()
    shutil.copy(schema_file(), tmp_path / "schemas")
    count = 0

    def open_profile(text: str) -> Opened:
        nonlocal count
        count += 1
        file = tmp_path / "profiles" / f"profile-{count}.yaml"
        file.write_text(text, encoding="utf-8")
        return yaml_language_server, yaml_language_server.open(file)

    return open_profile


def place_of(text: str, mark: str = "‸") -> tuple[str, int, int]:
    """The text without the mark of the cursor, and where it stood."""
    before, _, after = text.partition(mark)
    return before + after, before.count("\n"), len(before) - before.rfind("\n") - 1


def offered(opened: Callable[[str], Opened], text: str) -> list[str]:
    """What is offered at the cursor."""
    written, line, column = place_of(text)
    server, uri = opened(written)
    return list(server.completions(uri, line, column))


def shown(opened: Callable[[str], Opened], text: str) -> str:
    """What is shown when the mouse is at the cursor."""
    written, line, column = place_of(text)
    server, uri = opened(written)
    return str(server.hover(uri, line, column))


def marked(opened: Callable[[str], Opened], text: str) -> list[tuple[int, int, str]]:
    """What is marked as wrong: line and column from 1, and the message."""
    server, uri = opened(text)
    return [
        (problem["range"]["start"]["line"] + 1, problem["range"]["start"]["character"] + 1, problem["message"])
        for problem in server.problems(uri)
    ]  # fmt: skip


def test_shipped_profiles_have_nothing_marked(opened: Callable[[str], Opened]) -> None:
    """An author who opens one sees no error."""
    for file in sorted(profiles_folder().glob("*.yaml")):
        assert [] == marked(opened, file.read_text(encoding="utf-8")), file.name


def test_keys_are_completed_at_the_top(opened: Callable[[str], Opened]) -> None:
    """All that are not written yet."""
    keys = offered(opened, HEAD + "‸\n")

    assert {"version", "description", "inputs", "vars", "servers", "auth", "fields", "test"} <= set(keys)
    assert not {"format", "name", "client_id"} & set(keys)


def test_keys_are_completed_for_the_type(opened: Callable[[str], Opened]) -> None:
    """Inside `auth` the keys of the type that is written, and no others; in a list of variants too."""
    basic = offered(opened, HEAD + "auth:\n  type: basic\n  ‸\n")

    assert set(offered(opened, HEAD + "auth:\n  type: oauth2\n  ‸\n")) >= OAUTH2_KEYS
    assert {"username", "password"} <= set(basic)
    assert not OAUTH2_KEYS - {"rejected_when"} & set(basic)
    assert "token" in offered(opened, HEAD + "auth:\n  - name: a\n    type: bearer\n    ‸\n")
    assert set(offered(opened, HEAD + "auth:\n  ‸\n")) >= {"type", *OAUTH2_KEYS}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("auth:\n  type: ‸\n", {"api_key", "basic", "bearer", "custom", "none", "oauth2"}),
        ("auth:\n  type: oauth2\n  client_auth: ‸\n", {"client_secret_basic", "client_secret_post", "none"}),
        ("auth:\n  type: oauth2\n  grant_type: ‸\n", {"client_credentials"}),
        ("auth:\n  type: oauth2\n  refresh_with: ‸\n", {"refresh_token", "access_token", "grant"}),
        ("fields:\n  - in: ‸\n", {"header", "query", "payload", "path", "cookie"}),
        ("inputs:\n  tenant:\n    type: ‸\n", {"string", "integer", "pem"}),
        ("subject: ‸\n", {"application", "user"}),
        ("test: ‸\n", {"token_only", "none"}),
    ],
)  # fmt: skip
def test_values_are_completed(opened: Callable[[str], Opened], text: str, expected: set[str]) -> None:
    """Names of types, placements, client authentications, and the words of enumerations."""
    assert expected <= set(offered(opened, HEAD + text))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("auth:\n  type: oauth2\n  tok‸en_url: https://idp.acme.example\n", ["The token endpoint (RFC 6749 §3.2)", "credentials travel over https only"]),
        ("auth:\n  ty‸pe: oauth2\n", ["basic: user name and password (RFC 7617)"]),
        ("fields:\n  - {in: header, k‸ey: A, value: b}\n", ["keys take no templates"]),
        ("inputs:\n  tenant: {pat‸tern: a}\n", ["linear time"]),
        ("serv‸ers: []\n", ["Origins that may receive the credential"]),
    ],
)  # fmt: skip
def test_hover_explains(opened: Callable[[str], Opened], text: str, words: list[str]) -> None:
    """What the key means, and what not to write."""
    explained = shown(opened, HEAD + text).replace("\\", "")

    for word in words:
        assert word in explained


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("auth:\n  type: oauth2\n  grant_typ: client_credentials\n  token_url: https://a.example\n", 7, 3, "grant_typ"),
        ("auth:\n  type: bearr\n", 6, 9, "bearer"),
        ("auth:\n  type: bearer\nfields:\n  - {in: heder, key: a, value: b}\n", 8, 10, "header"),
        ("auth:\n  type: bearer\nversion: 1.10\n", 7, 10, "string"),
        ("auth:\n  type: bearer\n  token_url: https://a.example\n", 7, 3, "token_url"),
        ("auth: {type: bearer}\ninputs:\n  tenant-id: {}\n", 7, 3, "letters, digits and _"),
    ],
)  # fmt: skip
def test_an_error_is_marked_where_it_stands(opened: Callable[[str], Opened], text: str, line: int, column: int, message: str) -> None:
    """Line and column of the typing error, as `authweave validate` has them."""
    found = [mark for mark in marked(opened, HEAD + text) if mark[:2] == (line, column)]

    assert any(message in mark[2] for mark in found), found


def test_what_may_stand_there_is_not_marked(opened: Callable[[str], Opened]) -> None:
    """Nulls, own keys, types of other packages, and children without what their parents have."""
    assert [] == marked(opened, HEAD + "description: null\nversion:\nx-owner: {team: bots}\nauth:\n  type: bearer\n  token: ~\n  x-note: a\n")
    assert [] == marked(opened, HEAD + "auth: {type: acme.hmac, digest: sha1}\n")
    assert [] == marked(opened, f"{EDITOR_LINE}\nformat: 1\nname: acme\nextends: base\nauth: {{scopes: [a], token_request: null}}\n")


@pytest.mark.parametrize("text", [
    "‸\n", "auth:\n  type: oauth2\n  ‸\n", "auth:\n  type: basic\n  ‸\n", "fields:\n  - ‸\n", "inputs:\n  tenant:\n    ‸\n",
    "auth:\n  type: oauth2\n  token_request:\n    ‸\n", "auth:\n  type: oauth2\n  token_response:\n    ‸\n", "test:\n  ‸\n", "test:\n  request:\n    ‸\n",
])  # fmt: skip
def test_what_the_editor_inserts_can_be_read(opened: Callable[[str], Opened], text: str) -> None:
    """Every completion of a key, taken as it is offered, leaves a file that is YAML: templates in it are quoted."""
    written, line, column = place_of(HEAD + text)
    indentation = re.match(" *", written.split("\n")[line])[0]  # type: ignore[index]  # matches always
    server, uri = opened(written)
    items = server.ask("textDocument/completion", {"textDocument": {"uri": uri}, "position": {"line": line, "character": column}})["items"]
    assert items

    for item in items:
        inserted = _PLACEHOLDER.sub(r"\1", _CHOICE.sub(r"\1", item["insertText"])).replace("\\}", "}").replace("\\$", "$")
        inserted = re.sub(r"\$\d", "x", inserted).replace("\n", "\n" + indentation)
        whole = (HEAD + text).replace("‸", inserted)
        broken = [str(problem) for problem in parse_document(whole, "acme.yaml").problems if problem.rule != "document.duplicate_key"]
        assert [] == broken, whole

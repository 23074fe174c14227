"""The profiles of the documentation: whole ones, and fragments that a frame makes whole.

What a block is stands behind its language: `yaml` is a whole profile, `yaml fragment` keys of the top level,
`yaml fragment oauth2` keys of an `auth` of that type, `yaml invalid RULE` a profile that breaks the rule. Only what is not
written is added; of inputs that are read and not declared a plain declaration.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping

from documentation.markdown import Block

IMPLIED = frozenset({"client_id", "client_secret", "username", "password", "token", "api_key", "refresh_token"})
TOP: Mapping[str, str] = {
    "format": "1", "name": "example", "identity_provider": "Acme", "servers": "['https://api.acme.example']", "auth": "{type: none}",
}  # fmt: skip
OAUTH2: Mapping[str, str] = {
    "type": "oauth2", "grant_type": "client_credentials", "token_url": "https://login.acme.example/oauth/token",
}  # fmt: skip


def profile_text(block: Block) -> str:
    """The text of the profile that a block shows."""
    if "fragment" not in block.words:
        return block.text
    if "invalid" in block.words:
        return completed(block.text)
    text = f"auth:\n{textwrap.indent(_with(block.text, OAUTH2), '  ')}" if "oauth2" in block.words else block.text
    if "inputs" not in _keys(text) and (names := _read(text)):
        text += "inputs: {" + ", ".join(f"{name}: {{pattern: '[a-z0-9-]+'}}" for name in names) + "}\n"
    return completed(text)


def completed(text: str) -> str:
    """The text with the keys of the top level that a profile needs and that are not written."""
    return _with(text, TOP)


def _with(text: str, frame: Mapping[str, str]) -> str:
    return text + "".join(f"{key}: {value}\n" for key, value in frame.items() if key not in _keys(text))


def _keys(text: str) -> set[str]:
    return set(re.findall(r"(?m)^([a-z_]+):", text))


def _read(text: str) -> list[str]:
    """The inputs that somebody must declare, in a fragment that declares none."""
    return sorted(set(re.findall(r"\binputs\.([a-z_]+)", text)) - IMPLIED)

"""In which forms a secret may stand in a text: itself and its parts, each as the encodings write it."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote

from authweave.redaction.encodings import SHORTEST_CORE, cores_of, long_cores_of, long_texts_of, texts_of
from authweave.redaction.shelves import Find

SHORTEST: Final = SHORTEST_CORE
"""Shorter secrets are hidden by their place only: as text they are everywhere, and hiding every `1` would tell more."""
_LINE_OF_A_KEY: Final = 16
LONG: Final = 1024
"""Characters of a secret from which on it is looked for in fewer forms: all of them are hundreds of times as much."""
_HUGE: Final = 65536
"""Characters; no header field carries so many. Such a value is looked for as it is, and in the few forms that answers have."""
_TELLING: Final = re.compile(r"(?i)secret|password|passwd|passphrase|token|private|credential|assertion|api_?key|^key$")
_HARMLESS: Final = re.compile(r"(?i)_(uri|url|id|type|endpoint)$|^type$")


def finds(secret: str | bytes, mark: str, *, of_long: bool = False) -> Iterator[Find]:
    """Each form of one text of a secret, with the mark that goes in its place; fewer where it is `of_long` one."""
    if len(secret) > _HUGE:
        yield from (Find(text, mark) for text in _few_texts(secret))
        return
    if of_long or len(secret) > LONG:
        yield from (Find(text, mark) for text in (long_texts_of(secret) if isinstance(secret, str) else {secret.hex(), secret.hex().upper()}))
        for core, (before, after) in long_cores_of(secret).items():
            yield Find(core, mark, before, after)
        return
    for text in (secret.hex(), secret.hex().upper()) if isinstance(secret, bytes) else texts_of(secret):
        yield Find(text, mark)
    for core, (before, after) in cores_of(secret).items():
        yield Find(core, mark, before, after)


def _few_texts(secret: str | bytes) -> set[str]:
    raw = secret if isinstance(secret, bytes) else secret.encode(errors="surrogatepass")
    plain = () if isinstance(secret, bytes) else (secret, quote(secret, "", errors="replace"), json.dumps(secret)[1:-1])
    return {*plain, base64.b64encode(raw).decode().rstrip("=")}


def parts(value: Any, name: str = "key") -> Iterator[str | bytes]:
    """The texts to hide of a secret: itself, the lines of a key, and the telling members of parsed JSON."""
    if isinstance(value, dict):
        yield from _of_map(value)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from parts(item, name)
    elif isinstance(value, bytes):
        if len(value) >= SHORTEST:
            yield value
    elif value is not None and not isinstance(value, bool) and _is_telling(name, str(value)):
        yield from _of_text(str(value))


def _of_map(value: dict[str, Any]) -> Iterator[str | bytes]:
    yield from (json.dumps(value, separators=(",", ":")), json.dumps(value))
    for name, member in value.items():
        yield from parts(member, str(name))


def _of_text(value: str) -> Iterator[str]:
    for text in {value, value.strip()}:
        if len(text) >= SHORTEST:
            yield text
    lines = [line.strip() for line in value.splitlines()]
    if len(lines) > 1:
        yield from (line for line in lines if len(line) >= _LINE_OF_A_KEY and not line.startswith("-----"))


def _is_telling(name: str, value: str) -> bool:
    return "PRIVATE KEY" in value or (_TELLING.search(name) is not None and _HARMLESS.search(name) is None)

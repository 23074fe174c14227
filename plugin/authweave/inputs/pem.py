"""PEM texts (RFC 7468) that went through forms, environment variables and JSON, made whole again."""

from __future__ import annotations

import base64
import re
from typing import Final

_BEGIN: Final = re.compile(r"-----BEGIN ([A-Z0-9][A-Z0-9 #.]{0,60})-----")
_MARKS: Final = re.compile(r"(-----(?:BEGIN|END) [A-Z0-9 #.]{1,60}-----)")
_HEADER: Final = re.compile(r"[A-Za-z0-9-]+:.*")


def mended(text: str) -> tuple[str, str]:
    """The text with its line ends, and what is wrong with it ('' if nothing is).

    `\\n` written as two characters, CRLF, indentation, and spaces in the place of line ends are mended; everything else
    stays. At least one block, each with its end, and base64 between.
    """
    text = text.replace("\\r\\n", "\n").replace("\\n", "\n").strip()
    if "\n" not in text:
        text = "\n".join(_unfolded(part) for part in _MARKS.split(text) if part.strip())
    text = "\n".join(line.strip() for line in text.splitlines())
    wrong = _wrong(text)
    return ("", wrong) if wrong else (text + "\n", "")


def _unfolded(part: str) -> str:
    return part if part.startswith("-----") else "\n".join(part.split())


def _wrong(text: str) -> str:
    """A walk over the lines: text outside of blocks is a remark, as OpenSSL writes them."""
    label, body, blocks = "", [""], 0
    for line in text.split("\n"):
        if found := _BEGIN.fullmatch(line):
            if label:
                return f"is not PEM: a second block begins before -----END {label}-----"
            label, body = found[1], []
        elif label and line == f"-----END {label}-----":
            if not _is_base64(body):
                return f"is not PEM: between BEGIN and END {label} is no base64"
            label, blocks = "", blocks + 1
        elif label:
            body.append(line)
    if label:
        return f"is not PEM: -----END {label}----- is not there"
    return "" if blocks else _not_pem(text)


def _is_base64(body: list[str]) -> bool:
    start = 0
    while start < len(body) and _HEADER.fullmatch(body[start]):  # RFC 1421 headers of an encrypted key
        start += 1
    text = "".join(body[start:])
    try:
        return bool(base64.b64decode(text.encode(), validate=True))
    except ValueError:
        return False


def _not_pem(text: str) -> str:
    if len(text) < 260 and re.search(r"(?i)\.(pem|key|crt|cer|p8)$", text):
        return "is not PEM: it looks like a file name; supply what is in the file"
    return "is not PEM: it has no line -----BEGIN …-----"

"""What templates do not have, said in the words of an author: what was found, and what would be right."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any, Final

from authweave.templates.functions import FUNCTIONS

NAMESPACES: Final = (
    "inputs", "vars", "profile", "kept", "token", "callback", "assertion", "signature", "request", "response",
)  # fmt: skip
_MISSPELT: Final = {"input": "inputs", "var": "vars", "null": "none", "nil": "none", "undefined": "none"}

_ELSEWHERE: Final = {
    "b64encode": "base64", "b64decode": "unbase64", "base64_encode": "base64", "base64_decode": "unbase64", "tojson": "json", "to_json": "json",
    "from_json": "parse_json", "len": "length", "strip": "trim", "strftime": "format_time", "time": "now", "timestamp": "now", "uuid4": "uuid",
    "hexdigest": "hex", "quote": "urlencode", "hmac_sha256": "hmac", "nonce": "random",
}  # fmt: skip
"""Functions as other template languages call them."""
NAME_PARTS: Final = "name a part of it under `vars`"
HALF: Final = "write the whole character"


class Refused(Exception):
    """Something that templates do not have. `line` and `needle` say where to look for it in the text."""

    def __init__(self, message: str, fix: str = "", *, line: int = 1, needle: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix
        self.line = line
        self.needle = needle


_WRITTEN_AS: Final = {
    "Test": ("a test (`is …`)", "is", "compare instead: `x == none`, `x != none`"),
    "Slice": ("a slice ([a:b])", ":", "use split, strip_prefix or strip_suffix"),
    "Tuple": ("a tuple (a comma)", ",", "write one expression, or a list as [a, b]"),
    "Mod": ("`%`", "%", "join text with `~`"),
    "Pow": ("`**`", "**", "write the number"),
    "Pos": ("a leading `+`", "+", "leave it out"),
}


def not_allowed(node: Any) -> Refused:
    """A kind of node that is not in the allow-list."""
    words, needle, fix = _WRITTEN_AS.get(type(node).__name__, (f"`{type(node).__name__}`", "", "write a look-up, a literal or a function of templates"))
    return Refused(f"{words} is not part of templates", fix, line=node.lineno, needle=needle)


def unknown_name(name: str, line: int) -> Refused:
    """A name that is no namespace."""
    if name in FUNCTIONS:
        return Refused(f"`{name}` is a function", f"write {FUNCTIONS[name].signature}", line=line, needle=name)
    near = _MISSPELT.get(name) or next(iter(get_close_matches(name, NAMESPACES, 1)), "")
    fix = f"did you mean {near}?" if near else f"known are {', '.join(NAMESPACES)}"
    return Refused(f"`{name[:40]}` is not known here", fix, line=line, needle=name)


def unknown_function(name: str, line: int) -> Refused:
    """A function or filter that there is not."""
    near = _ELSEWHERE.get(name) or next(iter(get_close_matches(name, FUNCTIONS, 1)), "")
    fix = f"did you mean {near}?" if near else all_functions()
    return Refused(f"there is no function `{name[:40]}`", fix, line=line, needle=name)


def all_functions() -> str:
    """The names of all functions, for a fix."""
    return f"functions are {', '.join(FUNCTIONS)}"

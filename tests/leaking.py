"""A search for planted secrets: any sixteen characters of one, in any form that it may take on its way out.

    search = Search({"client_secret": "…"})
    search.refuse({"stdout": text})        AssertionError that names sink, secret and form
"""

from __future__ import annotations

import base64
import html
import json
import logging
import re
import shlex
import textwrap
import traceback
import warnings
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, quote_plus

from authweave.errors import AuthweaveError

LEAK = 16
"""Characters in a row that give a secret away."""
WINDOW = 10
"""Characters that are compared: planted secrets hold no ten that stand elsewhere."""
_STEP = LEAK - WINDOW + 1


def _percent_all(text):
    return "".join(f"%{byte:02X}" for byte in text.encode())


def _base64s(text):
    """The parts that do not depend on what stands beside the secret, for each of the three shifts."""
    for shift in range(3):
        core = base64.b64encode(b"\0" * shift + text.encode() + b"\0").decode()[4:-4]
        yield core
        yield core.replace("+", "-").replace("/", "_")


FORMS = {
    "as it is": lambda text: [text],
    "percent": lambda text: [quote(text, safe=""), quote(text), quote(text, safe="").lower()],
    "form": lambda text: [quote_plus(text), quote_plus(quote_plus(text))],
    "base64": _base64s,
    "base64 of a form": lambda text: _base64s(quote_plus(text)),
    "json": lambda text: [json.dumps(text)[1:-1], json.dumps(json.dumps(text))[3:-3], json.dumps(text)[1:-1].replace("/", "\\/")],
    "hex": lambda text: [text.encode().hex(), text.encode().hex().upper()],
    "html": lambda text: [html.escape(text), html.escape(text, quote=False), html.escape(text).replace("&#x27;", "&#39;")],
    "xml": lambda text: [html.escape(text).replace("&#x27;", "&apos;").replace("\n", "&#10;")],
    "shell": lambda text: [shlex.quote(text)],
    "repr": lambda text: [repr(text)[1:-1], repr(text.encode())[2:-1], ascii(text)[1:-1]],
}  # fmt: skip
"""Every form, by its name: what a text becomes. Each is looked for from its end, too, and wrapped over lines."""
LETTERS = {
    "percent": lambda text: _percent_all(text),
    "\\u": lambda text: "".join(f"\\u{ord(one):04x}" for one in text),
    "\\u twice": lambda text: "".join(f"\\\\u{ord(one):04X}" for one in text),
    "\\x": lambda text: "".join(f"\\x{byte:02x}" for byte in text.encode()),
    "&#": lambda text: "".join(f"&#{ord(one)};" for one in text),
    "&#x": lambda text: "".join(f"&#x{ord(one):x};" for one in text),
}
"""Forms that write letter by letter: a text is searched again with those read."""
_LETTER = re.compile(r"%([2-7][0-9A-Fa-f])|\\+u00([2-7][0-9A-Fa-f])|\\+x([2-7][0-9A-Fa-f])|&#[xX]0*([2-7][0-9A-Fa-f]);|&#(\d+);")


def _read(text):
    return _LETTER.sub(lambda found: chr(int(found[5]) if found[5] else int(next(filter(None, found.groups())), 16)), text)


class Search:
    """Knows the planted secrets."""

    def __init__(self, secrets):
        self._windows = {}
        for name, secret in secrets.items():
            for form, make in FORMS.items():
                for text in make(secret):
                    self._learn(text, name, form)
            for form in ("as it is", "percent", "base64", "json", "hex"):
                for text in FORMS[form](secret[::-1]):
                    self._learn(text, name, f"{form}, reversed")

    def found(self, text):
        """Which secrets stand in a text, and in which forms."""
        together = re.sub(r"\\?[\r\n]+[ \t|]*", "", text)
        texts = {text, together, re.sub(r"\s+", "", text), _read(together)}
        return {self._windows[window] for one in texts for window in {one[at:at + WINDOW] for at in range(0, len(one) - WINDOW + 1, _STEP)} & self._windows.keys()}

    def refuse(self, sinks):
        """AssertionError for the first sink that holds one; says where, without showing it."""
        wrong = {sink: sorted(found) for sink, text in sinks.items() if (found := self.found(text))}
        assert not wrong, "\n".join(f"{sink}: {found}" for sink, found in wrong.items())

    def _learn(self, text, name, form):
        for one in {text, re.sub(r"\s+", "", text)}:
            for at in range(len(one) - WINDOW + 1):
                window = one[at:at + WINDOW]
                if len(set(window)) > 4:  # runs of one character are no sign of anything
                    self._windows.setdefault(window, (name, form))


def ways_out(secret):
    """(name, text) of every way in which a text may hold the secret: for the test of the search itself."""
    for form, make in FORMS.items():
        for number, text in enumerate(make(secret)):
            yield f"{form} {number}", f"before {text} after"
            yield f"{form} {number}, wrapped", "\n".join(textwrap.wrap(f"before{text}after", 17, drop_whitespace=False))
            yield f"{form} {number}, cut", text[: len(text) // 2 + LEAK]
    for form, make in LETTERS.items():
        yield form, f"before {make(secret)} after"
        yield f"{form}, wrapped", "\n".join(textwrap.wrap(make(secret), 31, drop_whitespace=False))
    yield "reversed", f"<{secret[::-1]}>"
    yield "reversed, base64", base64.b64encode(secret[::-1].encode()).decode()
    yield "folded", base64.encodebytes(secret.encode() * 3).decode()
    yield "in a user's pair", base64.b64encode(f"someone:{secret}".encode()).decode()


@contextmanager
def overheard():
    """Everything that any logger says at DEBUG, and every warning, as a list of texts."""
    heard = []

    class Ear(logging.Handler):
        def emit(self, record):
            if record.name.startswith("httpcore") and "receive_response_headers" in record.msg:
                return  # the answer to a caller's own client is the caller's
            if record.name == "httpx":
                record.args = record.args[:-1]  # the server's words for its status: so is this
                record.msg = record.msg.replace(' %s"', '"')
            heard.append(self.format(record))
            heard.append(repr(record.args))
            heard.append(repr({name: value for name, value in vars(record).items() if name not in ("args", "exc_info")}))

    root, ear = logging.getLogger(), Ear()
    named = [logging.getLogger(name) for name in ("authweave", "authweave.events", "httpx", "httpcore", "httpcore.http11", "httpcore.connection", "httpx2", "asyncio")]
    before = [(one, one.level, one.disabled) for one in (root, *named)]
    root.addHandler(ear)
    for one, _, _ in before:
        one.setLevel(logging.DEBUG)
        one.disabled = False
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            yield heard
            heard += [str(one.message) for one in warned]
    finally:
        root.removeHandler(ear)
        for one, level, disabled in before:
            one.setLevel(level)
            one.disabled = disabled


def told_by(error):
    """What an error shows: as text, as repr, the fields of ours, and its traceback with the local variables of our frames.

    What httpx raises in a caller's own client carries the request that was sent, as its answers do: those are the caller's.
    """
    seen = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield str(error)
        yield repr(error)
        yield repr(error.args)
        if isinstance(error, AuthweaveError):
            yield repr({name: getattr(error, name, None) for name in dir(error) if not name.startswith("__")})
        told = traceback.TracebackException.from_exception(error, capture_locals=True, lookup_lines=False)
        for frame in told.stack:
            if "authweave/" in frame.filename or "elsewhere" in frame.filename:
                yield f"{frame.name} {frame.locals}"
        error = error.__cause__ or error.__context__


def files_under(*folders):
    """Every file there with its text, whatever it holds; names and text."""
    for folder in folders:
        for path in sorted(Path(folder).rglob("*")):
            if path.is_file():
                yield str(path), f"{path}\n{path.read_bytes().decode('latin-1')}"

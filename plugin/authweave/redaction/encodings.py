"""Every text that a secret may turn into on its way through URLs, forms, JSON, HTML, Basic and base64."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote

SHORTEST_CORE: Final = 4
LONGER_THAN_WORDS: Final = 12
_PLAIN: Final = re.compile(r"[A-Za-z0-9_.-]*")
_LEFT_ALONE: Final = (
    "",  # RFC 3986: everything but the unreserved characters
    "/",  # the same in a path
    "*",  # HTML forms
    "!*'()",  # encodeURIComponent
    "!*'();:@&=+$,/?#",  # encodeURI
    "!$%&()*+,/:;=?@[\\]^`{|}",  # the query of the URL standard
)


def texts_of(secret: str) -> set[str]:
    """The secret as it is and in every encoding that writes it character by character."""
    raw = secret.encode(errors="surrogatepass")
    percent = "".join(f"%{byte:02X}" for byte in raw)
    every_byte = {percent, percent.lower(), raw.hex(), raw.hex().upper(), *_letter_by_letter(secret), secret[::-1]}
    every_byte |= _byte_by_byte(raw) | _other_case(secret)
    if _PLAIN.fullmatch(secret):
        return {secret, *every_byte}
    again = {quote(raw, ""), quote(raw, "/"), quote(raw, "").replace("%20", "+"), json.dumps(secret)[1:-1]}
    twice = {form for text in again for form in (*_in_urls(text), *_in_quotes(text))}
    backwards = {json.dumps(secret[::-1])[1:-1], *_in_html(secret[::-1])}
    return {secret, *every_byte, *_in_urls(secret), *_in_quotes(secret), *_in_html(secret), *twice, *backwards}


def long_texts_of(secret: str) -> set[str]:
    """A long secret as it is, and in the encodings that whole values meet on their way: percent, forms, JSON, HTML, hex, another case."""
    raw = secret.encode(errors="surrogatepass")
    urls = {quote(raw, safe) for safe in _LEFT_ALONE[:4]}
    urls |= {encoded.replace("%20", "+") for encoded in urls}
    urls |= {re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), encoded) for encoded in urls}
    quoted = {json.dumps(secret, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False)} | {repr(secret)[1:-1]}
    quoted |= {one.replace("/", "\\/") for one in quoted}
    return {secret, *urls, *quoted, html.escape(secret), html.escape(secret, quote=False), raw.hex(), raw.hex().upper(), *_other_case(secret)}


def long_cores_of(secret: str | bytes) -> dict[str, tuple[bool, bool]]:
    """What base64 makes of a long secret itself, wherever it stands; see `cores_of`."""
    return _cores((secret if isinstance(secret, bytes) else secret.encode(errors="surrogatepass"),))


def cores_of(secret: str | bytes) -> dict[str, tuple[bool, bool]]:
    """What base64 makes of the secret wherever it stands in what is encoded (`user:secret`, a JSON text, a form).

    A core is the part that does not depend on the neighbours. It comes with whether the character before it and the
    one after it hold bits of the secret, too.
    """
    found = _cores((secret,) if isinstance(secret, bytes) else _before_base64(secret))
    for core in _twice(secret):
        found.setdefault(core, (True, True))
    return found


def _cores(texts: Iterable[bytes]) -> dict[str, tuple[bool, bool]]:
    found: dict[str, tuple[bool, bool]] = {}
    for raw in texts:
        for shift in range(3):
            end = (shift + len(raw)) * 8
            core = base64.b64encode(b"\0" * shift + raw).decode()[(0, 2, 3)[shift]:end // 6]
            if len(core) >= SHORTEST_CORE:
                found.update(dict.fromkeys(_written(core), (shift > 0, end % 6 > 0)))
    return found


def _twice(secret: str | bytes) -> Iterator[str]:
    """The same of base64 of base64, and of base64 of UTF-16, which Windows has for its own."""
    raw = secret if isinstance(secret, bytes) else secret.encode(errors="surrogatepass")
    inner = {base64.b64encode(b"\0" * shift + raw)[(0, 2, 3)[shift]:(shift + len(raw)) * 8 // 6] for shift in range(3)}
    inner |= {one.replace(b"+", b"-").replace(b"/", b"_") for one in inner}
    wide = set() if isinstance(secret, bytes) else {secret.encode("utf-16-le", errors="surrogatepass")}
    for one in inner | wide:
        for shift in range(3):
            core = base64.b64encode(b"\0" * shift + one).decode()[(0, 2, 3)[shift]:(shift + len(one)) * 8 // 6]
            if len(core) >= LONGER_THAN_WORDS:
                yield core


def _byte_by_byte(raw: bytes) -> set[str]:
    """As tools show bytes: `70:6c`, `70 6C`, `112 108`."""
    pairs = [f"{byte:02x}" for byte in raw]
    return {form for mark in (":", " ", "-") for form in (mark.join(pairs), mark.join(pairs).upper())} | {mark.join(map(str, raw)) for mark in (" ", ",", ", ")}


def _other_case(secret: str) -> set[str]:
    """In capitals, or without any: of what is no word, so that no word is hidden for it."""
    is_word = len(secret) < LONGER_THAN_WORDS or not any(map(str.isdigit, secret))
    return set() if is_word else {secret.upper(), secret.lower(), secret.swapcase()}


def _letter_by_letter(secret: str) -> set[str]:
    """Every letter as an escape of JSON, JavaScript, Python or HTML."""
    if any(ord(letter) > 0xFFFF for letter in secret):
        return set()
    written = ("\\u{:04x}", "\\\\u{:04x}", "\\u{:04X}", "\\x{:02x}", "\\x{:02X}", "&#{};", "&#x{:x};", "&#x{:X};")
    return {"".join(form.format(ord(letter)) for letter in secret) for form in written}


def _before_base64(secret: str) -> set[bytes]:
    if _PLAIN.fullmatch(secret):
        return {secret.encode()}
    forms = {secret, *_in_urls(secret), json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    return {form.encode(errors="surrogatepass") for form in forms}


def _written(core: str) -> set[str]:
    """Base64 in both alphabets, in a URL and in JSON."""
    if core.isalnum():
        return {core}
    upper = core.replace("+", "%2B").replace("/", "%2F")
    lower = core.replace("+", "%2b").replace("/", "%2f")
    safe = core.replace("+", "-").replace("/", "_")
    return {core, safe, upper, lower, core.replace("/", "\\/"), core.replace("+", " ")}


def _in_urls(text: str) -> set[str]:
    """Percent-encoded, as the many encoders do it: other characters left alone, hex in either case, `+` for a space."""
    raw = text.encode(errors="surrogatepass")
    upper = {quote(raw, safe) for safe in _LEFT_ALONE}
    upper |= {encoded.replace("%20", "+") for encoded in upper}
    upper |= {encoded.replace("~", "%7E") for encoded in upper}
    return upper | {re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), encoded) for encoded in upper}


def _in_quotes(text: str) -> Iterator[str]:
    """As inside a JSON text, and inside the quotes of Python and of headers."""
    for ascii_only in (True, False):
        written = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
        yield written
        yield written.replace("/", "\\/")
        for markup in ("<>&", "<>&'", "<>&'+"):
            yield from _without_markup(written, markup)
            yield from _without_markup(written.replace('\\"', "\\u0022"), markup)
    yield repr(text)[1:-1]
    yield ascii(text)[1:-1]
    yield repr(text.encode(errors="surrogatepass"))[2:-1]
    yield text.replace("\\", "\\\\").replace('"', '\\"')
    yield re.sub(r"\\(.)", r"\1", text)  # a quoted string of a header field that nobody had escaped, read


def _without_markup(written: str, markup: str) -> tuple[str, str]:
    """JSON made to stand in a page: the characters of markup as escapes, in hex of either case."""
    lower = upper = written
    for character in markup:
        lower = lower.replace(character, f"\\u{ord(character):04x}")
        upper = upper.replace(character, f"\\u{ord(character):04X}")
    return lower, upper


def _in_html(text: str) -> Iterator[str]:
    escaped = html.escape(text)
    forms = (
        html.escape(text, quote=False), escaped, escaped.replace("&#x27;", "&#39;"), escaped.replace("&#x27;", "&#39;").replace("&quot;", "&#34;"),
        escaped.replace("&#x27;", "&apos;"), escaped.replace("&#x27;", "'"), html.escape(escaped),
    )  # fmt: skip
    for form in forms:
        yield form
        yield form.replace("\\", "\\\\").replace('"', '\\"')

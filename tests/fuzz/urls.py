"""URLs of profiles: a text with expressions, and values → a URL, or a refusal. `python tests/fuzz/urls.py --seconds 60`.

An input is a kind (`url`, `server`, `request`), a text, and the values of `inputs.a`, `inputs.b` and `inputs.c`, with U+001E between them.
The oracles: five other readers of URLs agree on who is meant; and what a value can do to a URL that harmless values make: nothing
but stand in its place.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Hashable, Iterable
from contextlib import AbstractContextManager
from random import Random
from typing import Any
from unittest.mock import patch
from urllib.parse import unquote, urlsplit

import httpx
import yarl
from fuzz_target import Target, bug
from urllib3.util import parse_url

from authweave.errors import TemplateError, TemplateSyntax, UrlRefused
from authweave.urls import Origin, UrlTemplate, compile_url, fill, join
from authweave.urls import url as of_urls
from authweave.values import Secret

BETWEEN = "\x1e"
SECRET = "pl4nted/S3cret value+é"
KINDS: dict[str, dict[str, bool]] = {"url": {}, "server": {"placeholders": True, "wildcard": True}, "request": {"placeholders": True, "relative": True}}
_HARMLESS = ("x", "80")


def check(data: bytes) -> Hashable:
    """A URL is refused in our words, or it is the one that its author drew."""
    kind, text, *values = _parts(data)
    try:
        template = compile_url(text, key="k", place="acme.yaml:1:1", **KINDS[kind])
    except TemplateSyntax as refused:
        if refused.__cause__ or refused.__context__ or not 0 <= refused.offset <= len(text):
            bug("something foreign hangs on a refusal, or its place lies outside")
        return kind, re.sub(r"`[^`]*`|\d+", "_", refused.message)[:50]
    url = _rendered(template, values)
    if url is None:
        return kind, "refused"
    filled = _filled(url, template, values) if template.placeholders else url
    if filled is None:
        return kind, "unfilled"
    if template.relative:
        filled = _joined(filled)
        if filled is None:
            return kind, "unjoined"
    _check_readers(filled)
    _check_place(template, url)
    _check_arrival(template, url, values)
    return kind, bool(template.placeholders), template.frame.based, bool(urlsplit(url).query), template.constant


def _parts(data: bytes) -> tuple[str, ...]:
    try:
        kind, *parts = data.decode("utf-8", "surrogatepass").split(BETWEEN)
    except UnicodeDecodeError:
        kind, *parts = data.decode("latin-1").split(BETWEEN)
    return (kind if kind in KINDS else "url", *[*parts, "", "x", "x", "x"][:4])


def _scope(values: list[str]) -> dict[str, Any]:
    a, b, c = values
    return {"inputs": {"a": a, "b": b, "c": c, "s": Secret(SECRET, "test")}, "response": {"json": {"url": a}}, "kept": {"url": b}, "vars": {"v": c}, "now": 1.0}


def _rendered(template: UrlTemplate, values: list[str]) -> str | None:
    try:
        return template.render(_scope(values))
    except (TemplateError, UrlRefused) as refused:
        _check_refusal(refused, values)
        return None


def _filled(url: str, template: UrlTemplate, values: list[str]) -> str | None:
    try:
        filled = fill(url, dict.fromkeys(template.placeholders, values[0]), "here")
    except UrlRefused as refused:
        _check_refusal(refused, values)
        return None
    if filled.count("/") != url.count("/") or filled.count("?") != url.count("?"):
        bug("a path field is more than one segment")
    return filled


def _joined(url: str) -> str | None:
    try:
        whole = join("https://api.acme.example/base", url, "here")
    except UrlRefused:
        return None
    if not whole.startswith(("https://api.acme.example/base/", "https://api.acme.example/base?")) and whole != "https://api.acme.example/base":
        bug("a relative URL leaves its server")
    return whole


def _check_refusal(refused: Exception, values: list[str]) -> None:
    if refused.__cause__ or refused.__context__:
        bug("something foreign hangs on a refusal")
    if SECRET in str(refused):
        bug("a refusal tells a secret")
    if any(len(value) > 12 and re.search(r"[^a-z0-9.:-]", value) and value in str(refused) for value in values):
        bug("a refusal tells a value")


def _check_readers(url: str) -> None:
    """Who reads a URL may not see another host in it than we do; what a client refuses is to be refused before."""
    if re.search(r"[\x00-\x20\x7f-\U0010ffff\\]", url):
        bug("a URL holds what no URL holds")
    if "*" in url.partition("://")[2].partition("/")[0]:
        return  # a server that stands for several
    ours = Origin.of(url)
    try:
        other = httpx.URL(url)
    except httpx.InvalidURL:
        bug("httpx refuses the URL that is ready to be sent")
    seen = {
        "httpx": (other.scheme, other.raw_host.decode().rstrip("."), other.port, other.userinfo.decode()),
        "urllib": ((split := urlsplit(url)).scheme, (split.hostname or "").rstrip("."), split.port, split.username or ""),
        "urllib3": ((third := parse_url(url)).scheme, (third.host or "").strip("[]").rstrip("."), third.port, third.auth or ""),
        "yarl": ((fourth := yarl.URL(url, encoded=True)).scheme, (fourth.raw_host or "").rstrip("."), fourth.explicit_port, fourth.user or ""),
    }
    for reader, (scheme, host, port, user) in seen.items():
        read = (scheme.replace("wss", "https") if scheme == "wss" else "http" if scheme == "ws" else scheme, _short(host), port or {"https": 443, "http": 80}[ours.scheme], user)
        if read != (ours.scheme, ours.host, ours.port, ""):
            bug(f"{reader} reads another origin")
    path = other.raw_path.decode("ascii").partition("?")[0]
    if any(unquote(segment) in (".", "..") for segment in path.split("/")):
        bug("a path that leads upwards")


def _short(host: str | None) -> str:
    from ipaddress import ip_address

    try:
        return ip_address(host or "").compressed
    except ValueError:
        return (host or "").lower()


def _check_place(template: UrlTemplate, url: str) -> None:
    """The same with harmless values: the same number of segments and parameters; the same origin, if no value may decide of it."""
    if template.constant or template.frame.based:
        return
    for harmless in _HARMLESS:
        plain = _rendered(template, [harmless] * 3)
        if plain is None:
            continue
        if _marks(plain) != _marks(url):
            bug("a value is more than its place in path or query")
        if template.relative:
            continue
        literal = re.sub(r"\{\{.*?\}\}", "\0", template.text, flags=re.DOTALL)
        authority = literal.partition("://")[2].partition("/")[0].partition("?")[0]
        one, other = plain.partition("://")[2].partition("/")[0].partition("?")[0], url.partition("://")[2].partition("/")[0].partition("?")[0]
        if "\0" not in authority and "'" not in template.text and '"' not in template.text and one != other:
            bug("a value changes an origin that is written out")
        end = authority.rpartition("\0")[2]
        if "\0" in authority and not other.endswith(end):
            bug("a value changes the end of the host")


def _check_arrival(template: UrlTemplate, url: str, values: list[str]) -> None:
    """Who decodes the URL gets each value as it was given."""
    if template.frame.based or "%" in template.text or template.reads - {("inputs", "a"), ("inputs", "b"), ("inputs", "c")}:
        return
    given = dict(zip("abc", values, strict=True))
    expected = re.sub(r"\{\{ inputs\.([abc]) \}\}", lambda found: given[found[1]], template.text)
    if "{{" not in re.sub(r"\{\{ inputs\.[abc] \}\}", "", template.text) and unquote(url) != expected:
        bug("a value arrives as another")


def _marks(url: str) -> list[int]:
    return [url.count(mark) for mark in "/?#"] + [url.partition("?")[2].count(mark) for mark in "&="]


# Inputs


_TEXTS = (
    "https://{{ inputs.a }}.acme.example/v1/{{ inputs.b }}?q={{ inputs.c }}", "https://acme.example/{key}/x", "{{ inputs.a }}/token", "{{ kept.url }}", "https://{{ inputs.a }}", "https://acme.example:{{ inputs.a }}/", "/v1/{id}/{{ inputs.a }}", "me?x={{ inputs.b }}&y=1",
    "https://*.acme.example", "http://127.0.0.1:8080/{{ inputs.a }}", "https://[::1]/{{ inputs.a }}", "wss://acme.example/{{ inputs.a }}", "https://acme.example/a/{{ inputs.a }}{{ inputs.b }}/..", "https://{{ inputs.a }}-{{ inputs.b }}.acme.example:8443/{{ inputs.s }}",
    "https://acme.example/{{ inputs.a }}.json", "https://acme.example/bot{token}/{{ inputs.a | upper }}", "https://a.example./", "https://xn--bcher-kva.example/", "https://1.2.3.4/{{ inputs.a }}", "https://acme.example?{{ inputs.a }}", "{{ response.json.url }}?x=1", "/", "", "https://a_b.example/",
)  # fmt: skip
_VALUES = (
    "x", "", "a.b", "evil.example/", "evil.example#", "evil.example?", "@evil.example", "a@b", "..", ".", "%2e%2e", "%2e", "../..", "a/b", "a\\b", "a%2fb", "%", "%00", "\x00", "\r\nX: y", "é", "\u3002", "ａ", "xn--e1afmkfd", "127.0.0.1", "0x7f000001", "2130706433", "[::1]", "::ffff:1.2.3.4", "80",
    "443", "99999", ":80", "0", "-a", "a-", "a..b", "A" * 64, "a." * 130, "https://evil.example", "https://a.example/", "https://a.example/p/", "https://user:pw@evil.example/x", "http://127.0.0.1:1/x", "javascript:1", "//evil.example", "{key}", "{{ inputs.s }}", "a b", "a+b", "&x=y", "=", ";", "?", "#", "\ud800",
    "https://a.example?x", "https://a.example/..", "https://a.example/{x}", "\t", "\u202e", "１２７.0.0.1", "a_b", "localhost", "a.", "https://[::1%25eth0]/", "https://a.example:0/", "ß", "\u0130", "1.2.3", "x.0x1", "xn--", "xn--a", "xn--0.example", "pl4nted value of a tenant",
)  # fmt: skip
_PIECES = (*_VALUES, "{{ inputs.a }}", "{{ inputs.b }}", "https://", "http://", "/", "?", ":", "@", "#", "{key}", "*.", ".acme.example", "{", "}", "{{", "}}", "[", "]", "%", "..", "//", "wss://", "HTTPS://", "file://", "\\")


def mutate(data: bytes, chance: Random) -> bytes:
    """Another text, another value, or pieces put in and taken out of either."""
    parts = list(_parts(data))
    deed = chance.randrange(8)
    if deed == 0:
        parts[0] = chance.choice(sorted(KINDS))
    elif deed == 1:
        parts[1] = chance.choice(_TEXTS)
    elif deed < 4:
        parts[chance.randint(2, 4)] = chance.choice(_VALUES)
    else:
        which = chance.choice((1, 1, 2, 3, 4))
        text = parts[which]
        at = chance.randrange(len(text) + 1)
        parts[which] = text[:at] + (chance.choice(_PIECES) if chance.random() < 0.7 else "") + text[at + chance.choice((0, 0, 1, 2)) :]
    return BETWEEN.join(parts).encode("utf-8", "surrogatepass")


def seeds() -> Iterable[bytes]:
    """Texts as profiles have them, with values of all kinds."""
    for number, text in enumerate(_TEXTS):
        kind = "request" if text[:1] in ("/", "m", "") else "server" if "{key}" in text or "*" in text or "{token}" in text else "url"
        for step in range(3):
            values = [_VALUES[(number * 3 + step * 7 + shift) % len(_VALUES)] for shift in range(3)]
            yield BETWEEN.join([kind, text, *values]).encode("utf-8", "surrogatepass")
        yield BETWEEN.join([kind, text, "x", "y", "z"]).encode()


def plant() -> AbstractContextManager[Any]:
    """What is already encoded in a value is left as it is: `%2f` and `%2e%2e` go through."""
    sound = of_urls._IN_PLACE["path"]
    return patch.dict(of_urls._IN_PLACE, path=lambda text, where: sound(text, where).replace("%25", "%"))


TARGET = Target(
    name="urls",
    modules=("authweave.urls",),
    check=check,
    seeds=seeds,
    mutate=mutate,
    words=tuple(piece.encode("utf-8", "surrogatepass")[:60] for piece in (*_PIECES, BETWEEN) if piece),
    plant=plant,
    planted="a percent sign in a value of a path stays one, so that a value that is encoded beforehand is decoded by the server",
    longest=2000,
    found=(),
)

if __name__ == "__main__":
    from fuzzing import command

    sys.exit(command(TARGET))

"""URLs in profiles: a literal frame, and values that can never leave their place in it.

The frame is checked when the profile is loaded. A value in a host holds letters, digits, dots and hyphens; in a
path it is one encoded segment or part of one, in a query it is encoded. One leading `{{ }}` stands for a whole
origin or URL. The finished URL is parsed again and must still have its frame (RFC 3986, RFC 6454).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, unquote

from authweave.errors import TemplateSyntax, UrlRefused
from authweave.templates import Place, Template, compile_template, literal
from authweave.templates.bounds import Unfit
from authweave.templates.closures import Scope
from authweave.templates.expressions import Expression, Reads
from authweave.templates.operands import text_of
from authweave.templates.refusals import Refused
from authweave.urls.frames import HOLE, Frame, check_segments, read_frame
from authweave.urls.origins import LOOPBACK, Origin, ServerPattern, check_characters, host_and_port, split

__all__ = ["Origin", "ServerPattern", "UrlTemplate", "compile_url", "fill", "join", "literal_url", "placeholders_in"]


@dataclass(frozen=True, slots=True, eq=False)
class UrlTemplate:
    """A URL of a profile. `placeholders` are the `{key}` of its path; `host_reads` what may decide the whole host.

    `relative`: it resolves against the first server (`join`). Rendering raises TemplateError for a value that is
    null or no text, UrlRefused for one that would leave its place; neither names a value.
    """

    template: Template
    frame: Frame
    host_reads: Reads

    @property
    def placeholders(self) -> tuple[str, ...]:
        """The names of the path fields, in order."""
        return self.frame.placeholders

    @property
    def relative(self) -> bool:
        """Does it lack scheme and host?"""
        return self.frame.relative

    @property
    def text(self) -> str:
        """As it is written."""
        return self.template.text

    @property
    def reads(self) -> Reads:
        """Its look-ups."""
        return self.template.reads

    @property
    def constant(self) -> bool:
        """Does it hold no expression?"""
        return self.template.constant

    def render(self, scope: Scope) -> str:
        """The URL with its values in place; `{key}` placeholders stay for `fill`."""
        if self.constant:
            return self.text
        where, places = self.template.where, iter(self.frame.places)
        pieces = [
            text if isinstance(part, str) else _IN_PLACE[next(places)](text, where)
            for part, text in zip(self.template.parts, self.template.texts(scope), strict=True)
        ]
        if self.frame.based:
            return _on_base(pieces[0], "".join(pieces[1:]), self.frame, where)
        url = "".join(pieces)
        check = _check_relative_frame if self.frame.relative else _check_absolute_frame
        check(url, self.frame, where)
        return url


def literal_url(url: str, key: str = "") -> UrlTemplate:
    """A finished URL that somebody else wrote, by the rules of URLs in profiles; nothing in it is a template. Raises UrlRefused."""
    wrong = ""
    try:
        frame = read_frame(url.replace(HOLE, "#"), relative=False, placeholders=False, wildcard=False)
        Origin.of(url, key)
    except Refused as refused:
        wrong = refused.message
    else:
        return UrlTemplate(literal(url, key), frame, frozenset())
    raise UrlRefused(key, "frame", wrong)


def is_literal(url: str) -> bool:
    """Could a profile write this URL of somebody else just so, with nothing in it that is read as a template?"""
    try:
        literal_url(url)
    except UrlRefused:
        return False
    return True


def compile_url(
    text: str, *, key: str = "", place: Place = "",
    relative: bool = False, placeholders: bool = False, wildcard: bool = False,
) -> UrlTemplate:  # fmt: skip
    """The URL written in `text`, or TemplateSyntax.

    `relative` allows URLs that resolve against the first server, `placeholders` `{key}` in the path,
    `wildcard` a first label `*` (`servers`).
    """
    template = compile_template(text, key=key, place=place)
    problem: TemplateSyntax
    try:
        frame = read_frame(_skeleton(template), relative=relative, placeholders=placeholders, wildcard=wildcard)
    except Refused as refused:
        problem = TemplateSyntax(
            refused.message, fix=refused.fix, offset=max(text.find(refused.needle), 0) if refused.needle else 0
        )
    except UrlRefused as refused:
        problem = TemplateSyntax(str(refused), fix=_FIXES.get(refused.reason, "write https://host/path"))
    else:
        return UrlTemplate(template, frame, _host_reads(template, frame))
    raise problem.at(key, place if isinstance(place, str) else place())


_FIXES: Final = {
    "host": "write its name, such as api.acme.example, or its address: 192.0.2.1, [2001:db8::1]",
    "port": "write https://host:8443, or leave the port out",
    "wildcard": "write https://*.acme.example",
    "characters": "percent-encode it",
    "userinfo": "put credentials into `auth`",
}
"""What would be right where a host or port is none, by the reason of the refusal."""


def _skeleton(template: Template) -> str:
    if any(HOLE in part for part in template.parts if isinstance(part, str)):
        raise Refused("a URL holds no blanks, control characters or backslashes", "percent-encode it", needle=HOLE)
    return "".join(part if isinstance(part, str) else HOLE for part in template.parts)


def _host_reads(template: Template, frame: Frame) -> Reads:
    expressions = [part for part in template.parts if isinstance(part, Expression)]
    deciding = [part.reads for part, place in zip(expressions, frame.places, strict=True) if place in frame.deciding]
    return frozenset().union(*deciding)


def _on_base(base: str, rest: str, frame: Frame, where: str) -> str:
    """A supplied base and what is written after it; `https://x/` and `/y` have one slash between them."""
    if not rest:
        return base
    front = split(base, where)
    if front.query is not None:
        raise UrlRefused(where, "query", "a URL that is supplied for the front of another holds no query")
    url = (base.removesuffix("/") if rest.startswith("/") else base) + rest
    whole = split(url, where)
    before = front.path.removesuffix("/") if rest.startswith("/") else front.path
    if (whole.scheme, whole.authority) != (front.scheme, front.authority) or not whole.path.startswith(before):
        raise UrlRefused(where, "frame", "a value changed the origin of the URL")
    _check_path_and_query(whole.path.removeprefix(before), whole.query is not None, frame, where)
    return url


def _check_absolute_frame(url: str, frame: Frame, where: str) -> None:
    """The finished URL, read again, has the frame that was written."""
    parts = split(url, where)
    ServerPattern.of(url, where)
    if parts.scheme != frame.scheme or not parts.authority.endswith(frame.host_end):
        raise UrlRefused(where, "frame", "a value changed the origin of the URL")
    _check_path_and_query(parts.path, parts.query is not None, frame, where)


def _check_relative_frame(url: str, frame: Frame, where: str) -> None:
    _check_relative(url, where)
    path, mark, _ = url.partition("?")
    _check_path_and_query(path, bool(mark), frame, where)


def _check_path_and_query(path: str, has_query: bool, frame: Frame, where: str) -> None:
    if has_query != frame.has_query:
        raise UrlRefused(where, "frame", "a value changed the query of the URL")
    check_segments(frame.path, path, where)


def _base(text: str, where: str) -> str:
    parts = split(text, where)
    host, _ = host_and_port(parts.authority, where)
    if parts.scheme != "https" and not (parts.scheme == "http" and host in LOOPBACK):
        raise UrlRefused(where, "scheme", "the URL begins with https:// (http:// only for this machine)")
    if "{" in text or "}" in text:
        raise UrlRefused(where, "characters", "a URL that is supplied holds no braces")
    if any(unquote(segment) in (".", "..") for segment in parts.path.split("/")):
        raise UrlRefused(where, "path", "the path holds `.` or `..`")
    return text


def _host_part(text: str, where: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9.-]+", text):
        raise UrlRefused(where, "host", "a value in a host holds letters, digits, dots and hyphens only")
    return text


def _whole_host(text: str, where: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9.-]+(:[0-9]{1,5})?", text):
        raise UrlRefused(where, "host", "a host holds letters, digits, dots and hyphens, and perhaps a :port")
    return text


def _port(text: str, where: str) -> str:
    if not re.fullmatch(r"[0-9]{1,5}", text):
        raise UrlRefused(where, "port", "a port is a number from 1 to 65535")
    return text


def _segment(text: str, _: str) -> str:
    """Whatever is not unreserved is escaped: some servers give `;`, `=` and `:` a meaning within a segment."""
    return quote(text, safe="")


def _query(text: str, _: str) -> str:
    return quote(text, safe="")


_IN_PLACE: Final[dict[str, Callable[[str, str], str]]] = {
    "base": _base, "host": _host_part, "whole host": _whole_host, "port": _port, "path": _segment, "query": _query,
}  # fmt: skip


_PLACEHOLDER: Final = re.compile(r"\{([A-Za-z_][A-Za-z0-9_.-]*)\}")
_PATH_OF: Final = re.compile(r"((?:[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*)?)([^?#]*)(.*)", re.S)


def placeholders_in(url: str) -> tuple[str, ...]:
    """The names of the `{key}` in the path of a URL template, in order."""
    _, path, _ = _apart(url)
    return tuple(dict.fromkeys(_PLACEHOLDER.findall(path)))


def fill(url: str, values: Mapping[str, Any], where: str = "") -> str:
    """A URL template with every `{key}` of its path filled by one encoded segment, or part of one; or UrlRefused.

    Only templates are given to this; a finished URL is never scanned for placeholders.
    """
    front, path, rest = _apart(url)
    if re.search(r"[{}]", _PLACEHOLDER.sub("", path) + front + rest):
        raise UrlRefused(where, "placeholder", "`{key}` stands in the path, and is made of letters, digits, _ . and -")
    filled = _PLACEHOLDER.sub(lambda found: _field(values, found[1], where), path)
    check_segments(path, filled, where)
    return front + filled + rest


def _apart(url: str) -> tuple[str, str, str]:
    found = _PATH_OF.fullmatch(url)
    return (found[1], found[2], found[3]) if found else ("", "", "")


def _field(values: Mapping[str, Any], key: str, where: str) -> str:
    value = values.get(key)
    if value is None:
        raise UrlRefused(where, "placeholder", f"there is no value for {{{key}}} in the path")
    try:
        return quote(text_of(value), safe="")
    except (Unfit, UnicodeError, ValueError):
        unfit = UrlRefused(where, "path", f"the value of {{{key}}} in the path is not a well-formed text")
    raise unfit


def join(server: str, relative: str, where: str = "") -> str:
    """A relative URL resolved against a server, whose path counts: `https://x/api` + `/me` is `https://x/api/me`.

    It can never lead to another origin, nor above the path of the server: UrlRefused.
    """
    parts = split(server, where)
    if "*" in parts.authority:
        raise UrlRefused(where, "wildcard", "a relative URL cannot resolve against a server with `*`")
    if parts.query is not None:
        raise UrlRefused(where, "query", "a server holds no query")
    _check_relative(relative, where)
    slash = "" if relative.startswith("?") or not relative else "/"
    front = server.removesuffix("/") if slash else server
    return front + slash + relative.removeprefix("/")


def _check_relative(url: str, where: str) -> None:
    check_characters(url, where)
    path = url.partition("?")[0]
    if path.startswith("//") or ":" in path.partition("/")[0]:
        raise UrlRefused(where, "relative", "a relative URL names no other host or scheme")
    if any(unquote(segment) in (".", "..") for segment in path.split("/")):
        raise UrlRefused(where, "path", "the path holds `.` or `..`")

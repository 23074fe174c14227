"""The literal frame of a URL template, checked when the profile is loaded.

A template is looked at as its skeleton: the text with one mark in the place of each expression. `places` says, in
order, where those stand.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote

from authweave.errors import UrlRefused
from authweave.templates.refusals import Refused
from authweave.urls.origins import LOOPBACK, ServerPattern
from authweave.urls.shown import shown_host

HOLE: Final = "\x00"


@dataclass(frozen=True, slots=True)
class Frame:
    """What of a URL is written: `path` is its skeleton, `host_end` what comes after the last value in the host.

    `based`: one leading value stands for an origin or URL. `deciding` are the places that may decide the whole host.
    """

    places: tuple[str, ...]
    path: str
    has_query: bool
    scheme: str = ""
    host_end: str = ""
    based: bool = False
    relative: bool = False
    placeholders: tuple[str, ...] = ()
    deciding: frozenset[str] = frozenset()


_ABSOLUTE: Final = re.compile(r"(https?)://([^/?]*)(.*)", re.I | re.S)
_RELATIVE: Final = re.compile(r"[^/?:]*(?:[/?].*)?", re.S)
_PLACEHOLDER: Final = re.compile(r"\{([A-Za-z_][A-Za-z0-9_.-]*)\}")
_IN_PATH: Final = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/\x00]|%[0-9A-Fa-f]{2})*")
_IN_QUERY: Final = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?\x00]|%[0-9A-Fa-f]{2})*")


def read_frame(skeleton: str, *, relative: bool, placeholders: bool, wildcard: bool) -> Frame:
    """The frame of a skeleton, or Refused (UrlRefused for a host or port that is none)."""
    _check_text(skeleton)
    if skeleton.startswith(HOLE):
        return _based(skeleton[1:], placeholders)
    if found := _ABSOLUTE.fullmatch(skeleton):
        return _absolute(found[1].lower(), found[2], found[3], placeholders=placeholders, wildcard=wildcard)
    if not relative:
        raise Refused("not an absolute URL", "begin it with https://, or with one {{ }} that stands for the whole URL")
    return _relative(skeleton, placeholders)


def check_segments(skeleton: str, path: str, where: str) -> None:
    """The segments of a path are those of its skeleton, and none that holds a value is empty, `.` or `..`."""
    written, finished = skeleton.split("/"), path.split("/")
    if len(written) != len(finished):
        raise UrlRefused(where, "frame", "a value changed the path of the URL")
    for before, after in zip(written, finished, strict=True):
        if before != after and unquote(after) in ("", ".", ".."):
            raise UrlRefused(where, "path", "a whole segment of the path is neither empty nor `.` or `..`")


def _check_text(skeleton: str) -> None:
    if found := re.search(r"[\x01-\x20\x7f\\]", skeleton):
        raise Refused("a URL holds no blanks, control characters or backslashes", "percent-encode it", needle=found[0])
    if "#" in skeleton:
        raise Refused("a URL in a profile holds no `#`", "leave the fragment out", needle="#")


def _based(rest: str, placeholders: bool) -> Frame:
    if rest and rest[0] not in "/?":
        raise Refused("what follows a leading {{ }} begins with `/`", "write {{ … }}/path, or https://{{ … }}")
    path, query, has_query, names = _path_and_query(rest, placeholders)
    places = ("base", *_places(path, query))
    return Frame(places, path, has_query, based=True, placeholders=names, deciding=frozenset({"base"}))


def _absolute(scheme: str, authority: str, rest: str, *, placeholders: bool, wildcard: bool) -> Frame:
    host_places = _authority(scheme, authority, wildcard)
    path, query, has_query, names = _path_and_query(rest, placeholders)
    end = authority.rpartition(HOLE)[2] if HOLE in authority else authority
    return Frame(
        (*host_places, *_places(path, query)), path, has_query,
        scheme=scheme, host_end=end, placeholders=names, deciding=_deciding(authority),
    )  # fmt: skip


def _relative(skeleton: str, placeholders: bool) -> Frame:
    if not skeleton or skeleton.startswith("//") or not _RELATIVE.fullmatch(skeleton):
        raise Refused("neither https:// nor a path", "write https://…, /path or path; no other scheme, no //host")
    path, query, has_query, names = _path_and_query(skeleton, placeholders)
    return Frame(_places(path, query), path, has_query, relative=True, placeholders=names)


def _places(path: str, query: str) -> tuple[str, ...]:
    return ("path",) * path.count(HOLE) + ("query",) * query.count(HOLE)


def _authority(scheme: str, authority: str, wildcard: bool) -> tuple[str, ...]:
    """The places in host and port."""
    if "@" in authority:
        host = shown_host(_host_port(authority.rpartition("@")[2])[0].replace(HOLE, "…"))
        raise Refused(f"a URL holds no user name or password: this one leads to {host}, whatever stands before the `@`", "put credentials into `auth`", needle="@")
    if not authority.isascii():
        raise Refused(f"a host is written in ASCII, and this is {shown_host(_host_port(authority)[0].replace(HOLE, 'x'))}", _ascii_form(authority))
    if "{" in authority or "}" in authority:
        raise Refused("a path field stands in the path, not in the host", "write {{ }} in a host", needle="{")
    if "*" in authority and not wildcard:
        raise Refused("`*` has no meaning here", "write the host, or {{ }} for a part of it", needle="*")
    host, colon, port = _host_port(authority)
    ServerPattern.of(f"https://{host.replace(HOLE, 'a.a')}{colon}{port.replace(HOLE, '1')}")
    if port.replace(HOLE, "", 1).strip("0123456789") or (HOLE in port and port != HOLE) or (colon and not port):
        raise Refused("a port is a number, or one {{ }}", "write https://host:8443, or leave the port out", needle=":")
    if scheme == "http" and host.lower().strip("[]") not in LOOPBACK:
        raise Refused("http:// is not encrypted", "write https:// (http:// only for 127.0.0.1, [::1] and localhost)")
    if authority == HOLE:
        return ("whole host",)
    return ("host",) * host.count(HOLE) + ("port",) * port.count(HOLE)


def _host_port(authority: str) -> tuple[str, str, str]:
    if authority.startswith("["):
        host, closed, rest = authority.partition("]")
        return host + closed, rest[:1], rest[1:]
    return authority.partition(":")


def _deciding(authority: str) -> frozenset[str]:
    """Values decide the host unless two whole literal labels at least come after the last: what touches a value is none."""
    host = _host_port(authority)[0]
    whole = host.rpartition(HOLE)[2].rstrip(".").partition(".")[2]
    return frozenset({"host", "whole host"}) if HOLE in host and "." not in whole else frozenset()


def _ascii_form(authority: str) -> str:
    host = _host_port(authority)[0].replace(HOLE, "x")
    try:
        from idna import encode

        return f"write {encode(host, uts46=True).decode('ascii')}" if HOLE not in authority else "write it as xn--…"
    except (ImportError, UnicodeError):
        return "write it as xn--…"


def _path_and_query(rest: str, placeholders: bool) -> tuple[str, str, bool, tuple[str, ...]]:
    path, mark, query = rest.partition("?")
    names = tuple(dict.fromkeys(_PLACEHOLDER.findall(path))) if placeholders else ()
    _check_part(_PLACEHOLDER.sub("a", path) if placeholders else path, _IN_PATH, "path")
    _check_part(query, _IN_QUERY, "query")
    for segment in path.split("/"):
        if unquote(segment) in (".", ".."):
            raise Refused("a path holds no `.` or `..` segment", "write the path it leads to", needle=segment)
    return path, query, bool(mark), names


def _check_part(text: str, allowed: re.Pattern[str], name: str) -> None:
    end = allowed.match(text)
    odd = text[end.end() :][:1] if end else ""
    if not odd:
        return
    if odd in "{}":
        fix = "write {{ }} for a value; `{key}` only in the path, where a path field can fill it"
    else:
        fix = f"write {quote(odd)}"
    raise Refused(f"`{odd}` cannot stand in the {name} of a URL", fix, needle=odd)

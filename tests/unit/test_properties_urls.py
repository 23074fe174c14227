"""URL templates: a value stays in its place, for every reader of URLs at hand."""

import re
from urllib.parse import parse_qsl, unquote, urlsplit

import httpx
import httpx2
from hypothesis import given
from hypothesis import strategies as st
from nasty import any_text, is_well_formed, text

from authweave.errors import TemplateError, UrlRefused
from authweave.urls import compile_url, fill, join
from hostile import tells_nothing
from thorough import every

READERS = {"urllib": lambda url: urlsplit(url).netloc, "httpx": lambda url: httpx.URL(url).netloc.decode(), "httpx2": lambda url: httpx2.URL(url).netloc.decode()}


def rendered(template, **inputs):
    """The URL; None where it was refused without telling the value."""
    try:
        return compile_url(template, placeholders=False).render({"inputs": inputs})
    except (TemplateError, UrlRefused) as refused:
        tells_nothing(refused, *(value for value in inputs.values() if len(value) > 12))
        return None


def segments(url, package):
    return package.URL(url).raw_path.decode().partition("?")[0].split("/")


@given(any_text)
def test_a_segment(value):
    """One segment for each reader; what would lead elsewhere is refused."""
    url = rendered("https://x.example/a/{{ inputs.v }}/b", v=value)

    assert (url is not None) == (is_well_formed(value) and value not in ("", ".", ".."))
    if url is not None:
        for package in (httpx, httpx2):
            assert [unquote(part, errors="strict") for part in segments(url, package)] == ["", "a", value, "b"]
        assert re.fullmatch(r"https://x\.example/a/[A-Za-z0-9\-._~%]+/b", url)
        assert unquote(url.split("/")[4]) not in (".", "..")


@given(any_text, any_text)
def test_parts_of_a_segment(first, second):
    """Two values of one segment make no dots together."""
    url = rendered("https://x.example/{{ inputs.v }}{{ inputs.w }}/b", v=first, w=second)

    assert (url is not None) == (is_well_formed(first) and is_well_formed(second) and first + second not in ("", ".", ".."))
    if url is not None:
        assert [unquote(part, errors="strict") for part in segments(url, httpx)] == ["", first + second, "b"]


@given(any_text)
def test_a_query(value):
    """One parameter; no fragment, no second one."""
    url = rendered("https://x.example/a?k={{ inputs.v }}&rest=1", v=value)

    assert (url is not None) == is_well_formed(value)
    if url is not None:
        assert parse_qsl(urlsplit(url).query, keep_blank_values=True, errors="strict") == [("k", value), ("rest", "1")]
        assert (urlsplit(url).path, urlsplit(url).fragment) == ("/a", "")


@given(any_text)
def test_a_label_of_a_host(value):
    """What is written behind it stays the end of the host, for each reader; letters, digits, dots and hyphens are all it can hold."""
    url = rendered("https://{{ inputs.v }}.x.example/a", v=value)

    if url is not None:
        assert re.fullmatch(r"[A-Za-z0-9.-]+", value)
        for netloc in READERS.values():
            assert netloc(url).lower() == f"{value}.x.example".lower()


@given(any_text)
def test_a_port(value):
    """A number that there is."""
    url = rendered("https://x.example:{{ inputs.v }}/a", v=value)

    if url is not None:
        assert re.fullmatch(r"[0-9]{1,5}", value)
        assert urlsplit(url).hostname == "x.example"


@given(st.one_of(any_text, any_text.map(lambda value: f"https://{value}"), any_text.map(lambda value: f"https://x.example/{value}")))
def test_a_whole_url(value):
    """One that is supplied is https, without user, blank, fragment or dots, and leads where each reader says."""
    url = rendered("{{ inputs.v }}/token", v=value)

    if url is not None:
        assert url.startswith("https://") or urlsplit(url).hostname in ("127.0.0.1", "::1", "localhost")
        hosts = {read(url).lower() for read in READERS.values()}
        assert len({re.sub(":443$", "", host) for host in hosts}) == 1
        assert not re.search(r"[\s@#\\{}\x00-\x1f\x7f-\x9f]", url.partition("?")[0].partition("/token")[0].split("/", 3)[2])
        assert not any(unquote(part) in (".", "..") for part in urlsplit(url).path.split("/"))


@given(any_text)
def test_a_path_field(value):
    """`fill` by the same rule as a field with `in: path`."""
    try:
        url = fill("https://x.example/v1/{key}/end", {"key": value})
    except UrlRefused as refused:
        tells_nothing(refused)
        url = None
    assert (url is not None) == (is_well_formed(value) and value not in ("", ".", ".."))
    if url is not None:
        assert [unquote(part, errors="strict") for part in segments(url, httpx)] == ["", "v1", value, "end"]


@given(text)
def test_a_relative_url(value):
    """What a caller says after the server stays on that server, under its path."""
    try:
        url = join("https://x.example/api", value)
    except UrlRefused:
        return
    assert url.startswith("https://x.example/api")
    for read in READERS.values():
        assert read(url) == "x.example"
    assert not any(unquote(part) in (".", "..") for part in urlsplit(url).path.split("/"))


@every("value", ["..", ".", "", "%2e%2e", "%252e%252e", "..%2f", "..;", "/../", "//evil.example", "\\..\\", "a/../b", "%00", "a?b", "a#b", "a;b", "é", "e\u0301", "a:b", "@x"])
def test_what_is_known_to_lead_elsewhere(value):
    """Traversal in every dress: one escaped segment, or refused."""
    url = rendered("https://x.example/p/{{ inputs.v }}", v=value)

    if value in ("", ".", ".."):
        assert url is None
    else:
        assert httpx.URL(url).raw_path.decode().count("/") == 2
        assert httpx.URL(url).raw_path.startswith(b"/p/")
        assert unquote(url.rpartition("/")[2]) == value

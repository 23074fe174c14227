"""URLs of profiles: the literal frame, values in their places, origins, servers and relative URLs."""

import json
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from authweave.errors import TemplateError, TemplateSyntax, UrlRefused
from authweave.urls import Origin, ServerPattern, compile_url, fill, join, placeholders_in
from authweave.values import Secret
from thorough import every

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "policy_injection.json").read_text())["vectors"]


def of_place(place):
    return [vector for vector in VECTORS if vector["place"] == place]


def render(text, **inputs):
    return compile_url(text, key="auth.token_url", place="acme.yaml:7:3").render({"inputs": inputs})


def reason(call, *arguments, **named):
    with pytest.raises(UrlRefused) as refused:
        call(*arguments, **named)
    assert (refused.value.__cause__, refused.value.__context__) == (None, None)
    return refused.value.reason


# The literal frame


@every(
    "text",
    [
        "https://api.example.com", "https://api.example.com/v1/x?y=z&a=%20", "HTTPS://API.example.com:8443/",
        "http://127.0.0.1:8080/x", "http://localhost/x", "http://[::1]:8080/x", "https://[2001:db8::1]/x",
        "https://xn--bcher-kva.example/", "https://login.microsoftonline.com/a;b=c,d/(e)'!$&*+@:~",
    ],
)  # fmt: skip
def test_literal_url_stays_as_it_is(text):
    """A URL without expressions is checked once and rendered letter for letter."""
    url = compile_url(text)

    assert url.constant
    assert url.render({}) == text


@every(
    "text, says",
    [
        ("", "not an absolute URL"),
        ("example.com", "not an absolute URL"),
        ("/x", "not an absolute URL"),
        ("//example.com", "not an absolute URL"),
        ("https:example.com", "not an absolute URL"),
        ("ftp://example.com", "not an absolute URL"),
        ("javascript:alert(1)", "not an absolute URL"),
        ("https://", "a host is made of"),
        ("https:///x", "a host is made of"),
        ("https://a..b", "a host is made of"),
        ("https://-a.com", "a host is made of"),
        ("https://" + "a" * 64 + ".com", "a host is made of"),
        ("https://ex%61mple.com", "a host is made of"),
        ("https://1.2.3", "four decimal numbers"),
        ("https://2130706433", "four decimal numbers"),
        ("https://0x7f.1", "four decimal numbers"),
        ("https://256.1.1.1", "four decimal numbers"),
        ("https://[::1", "not an IPv6 address"),
        ("https://[::g]", "not an IPv6 address"),
        ("https://[fe80::1%25eth0]", "not an IPv6 address"),
        ("https://example.com:", "a port is a number"),
        ("https://example.com:0", "a port is a number"),
        ("https://example.com:99999", "a port is a number"),
        ("https://example.com:8{{ inputs.x }}", "a port is a number"),
        ("http://example.com", "http:// is not encrypted"),
        ("http://{{ inputs.host }}", "http:// is not encrypted"),
        ("http://localhost.example.com", "http:// is not encrypted"),
        ("http://127.0.0.1.example.com", "http:// is not encrypted"),
        ("https://user@example.com", "no user name or password"),
        ("https://u:p@example.com", "no user name or password"),
        ("https://example.com#x", "no `#`"),
        ("https://example.com/#{{ inputs.x }}", "no `#`"),
        ("https://example.com/a b", "no blanks"),
        ("https://example.com/a\n", "no blanks"),
        ("https://example.com/a\x00", "no blanks"),
        ("https://example.com\\@evil.com", "no blanks, control characters or backslashes"),
        ("https://example.com/\x7f", "no blanks"),
        ("https://example.com/ü", "write %C3%BC"),
        ("https://example.com/?q=ü", "write %C3%BC"),
        ("https://example.com/%zz", "write %25"),
        ('https://example.com/"', "write %22"),
        ("https://example.com/{key}", "a path field can fill it"),
        ("https://example.com/?a={key}", "a path field can fill it"),
        ("https://example.com/a/../b", "no `.` or `..` segment"),
        ("https://example.com/a/%2E%2e/b", "no `.` or `..` segment"),
        ("https://example.com/./b", "no `.` or `..` segment"),
        ("https://*.example.com", "`*` has no meaning here"),
        ("{{ inputs.base }}x", "begins with `/`"),
        ("{{ inputs.base }}.example.com/", "begins with `/`"),
        ("{{ inputs.scheme }}://example.com/", "begins with `/`"),
        ("{{ inputs.a }}{{ inputs.b }}", "begins with `/`"),
        (" https://example.com", "no blanks"),
        ("https://example.com/{{ inputz.x }}", "did you mean inputs?"),
        ("https://bücher.example/x", "write xn--bcher-kva.example"),
    ],
)
def test_frame_is_refused(text, says):
    """What is wrong with the written part of a URL is found when the profile is loaded."""
    with pytest.raises(TemplateSyntax) as refused:
        compile_url(text, key="auth.token_url", place="acme.yaml:7:3")

    assert says in str(refused.value)
    assert str(refused.value).startswith("acme.yaml:7:3 auth.token_url: ")


def test_offset_of_what_is_wrong():
    """The offset leads to the character within the text."""
    for text, found in (("https://a.com/{{ inputs.x }}/ü", "ü"), ("https://a.com/x#y", "#"), ("https://u@a.com", "@")):
        with pytest.raises(TemplateSyntax) as refused:
            compile_url(text)
        assert text[refused.value.offset] == found


# Values in their places


@every(
    "text, inputs, expected",
    [
        ("https://{{ inputs.t }}.acme.example/oauth/token", {"t": "eu-1"}, "https://eu-1.acme.example/oauth/token"),
        ("https://{{ inputs.t }}.acme.example", {"t": "a.b"}, "https://a.b.acme.example"),
        ("https://{{ inputs.a }}-{{ inputs.b }}.x.io/", {"a": "p", "b": "q"}, "https://p-q.x.io/"),
        ("https://{{ inputs.h }}/x", {"h": "api.example.com"}, "https://api.example.com/x"),
        ("https://{{ inputs.h }}/x", {"h": "api.example.com:8443"}, "https://api.example.com:8443/x"),
        ("https://{{ inputs.h }}:50000/b1s", {"h": "sap.example.com"}, "https://sap.example.com:50000/b1s"),
        ("https://x.io:{{ inputs.p }}/", {"p": 8443}, "https://x.io:8443/"),
        ("https://{{ inputs.a | lower | replace('_', '-') }}.netsuite.com", {"a": "12_SB1"}, "https://12-sb1.netsuite.com"),
        ("https://x.io/{{ inputs.v }}/y", {"v": "a b/c?d#e%f"}, "https://x.io/a%20b%2Fc%3Fd%23e%25f/y"),
        ("https://x.io/{{ inputs.v }}", {"v": "-._~!$&'()*+,;=:@"}, "https://x.io/-._~%21%24%26%27%28%29%2A%2B%2C%3B%3D%3A%40"),
        ("https://x.io/{{ inputs.v }}", {"v": "%2e%2e"}, "https://x.io/%252e%252e"),
        ("https://x.io/{{ inputs.v }}", {"v": "{token}"}, "https://x.io/%7Btoken%7D"),
        ("https://x.io/v{{ inputs.v }}/y", {"v": ""}, "https://x.io/v/y"),
        ("https://x.io/v{{ inputs.v }}", {"v": ".."}, "https://x.io/v.."),
        ("https://x.io/?a={{ inputs.v }}&b=1", {"v": "a&b=c d+ü?/"}, "https://x.io/?a=a%26b%3Dc%20d%2B%C3%BC%3F%2F&b=1"),
        ("https://x.io?{{ inputs.v }}=1", {"v": "a=b"}, "https://x.io?a%3Db=1"),
        ("{{ inputs.b }}", {"b": "https://x.io/p/?q=1"}, "https://x.io/p/?q=1"),
        ("{{ inputs.b }}", {"b": "http://127.0.0.1:80"}, "http://127.0.0.1:80"),
        ("{{ inputs.b }}/oauth/token", {"b": "https://x.io"}, "https://x.io/oauth/token"),
        ("{{ inputs.b }}/oauth/token", {"b": "https://x.io/"}, "https://x.io/oauth/token"),
        ("{{ inputs.b }}/t?a={{ inputs.v }}", {"b": "https://x.io/p", "v": "/"}, "https://x.io/p/t?a=%2F"),
        ("{{ inputs.b }}?a=1", {"b": "https://x.io/p/"}, "https://x.io/p/?a=1"),
        ("{{ inputs.b }}/{{ inputs.v }}", {"b": Secret("https://x.io", "t"), "v": Secret("s/t", "t")}, "https://x.io/s%2Ft"),
    ],
)  # fmt: skip
def test_value_in_its_place(text, inputs, expected):
    """Host: as it is. Path: one segment or part of one. Query: encoded. Leading: a whole origin or URL."""
    assert render(text, **inputs) == expected


@every(
    "text, value, why",
    [
        ("https://{{ inputs.v }}.acme.example/", "evil.com/", "host"),
        ("https://{{ inputs.v }}.acme.example/", "evil.com#", "host"),
        ("https://{{ inputs.v }}.acme.example/", "evil.com?", "host"),
        ("https://{{ inputs.v }}.acme.example/", "evil.com:443", "host"),
        ("https://{{ inputs.v }}.acme.example/", "u@evil", "host"),
        ("https://{{ inputs.v }}.acme.example/", "evil\\", "host"),
        ("https://{{ inputs.v }}.acme.example/", "a\n", "host"),
        ("https://{{ inputs.v }}.acme.example/", "ä", "host"),
        ("https://{{ inputs.v }}.acme.example/", "*", "host"),
        ("https://{{ inputs.v }}.acme.example/", "", "host"),
        ("https://{{ inputs.v }}.acme.example/", "..", "host"),
        ("https://{{ inputs.v }}.acme.example/", "-", "host"),
        ("https://{{ inputs.v }}.acme.example/", "a" * 64, "host"),
        ("https://{{ inputs.v }}/", "a.com:0", "port"),
        ("https://{{ inputs.v }}/", "a.com:x", "host"),
        ("https://{{ inputs.v }}/", "127.1", "host"),
        ("https://{{ inputs.v }}/", "0x7f000001", "host"),
        ("https://{{ inputs.v }}:1/", "a.com:2", "host"),
        ("https://x.io:{{ inputs.v }}/", "1@evil.com", "port"),
        ("https://x.io:{{ inputs.v }}/", "٣", "port"),
        ("https://x.io:{{ inputs.v }}/", 70000, "port"),
        ("https://x.io/{{ inputs.v }}", "", "path"),
        ("https://x.io/{{ inputs.v }}/y", ".", "path"),
        ("https://x.io/{{ inputs.v }}/y", "..", "path"),
        ("https://x.io/.{{ inputs.v }}/y", ".", "path"),
        ("https://x.io/%2e{{ inputs.v }}/y", ".", "path"),
        ("https://x.io/{{ inputs.v }}{{ inputs.v }}/y", ".", "path"),
        ("{{ inputs.v }}", "", "scheme"),
        ("{{ inputs.v }}", "x.io", "scheme"),
        ("{{ inputs.v }}", "//x.io", "scheme"),
        ("{{ inputs.v }}", "javascript:alert(1)", "scheme"),
        ("{{ inputs.v }}", "http://x.io", "scheme"),
        ("{{ inputs.v }}", "wss://x.io", "scheme"),
        ("{{ inputs.v }}", "http://localhost.evil.com", "scheme"),
        ("{{ inputs.v }}", "https://u:p@x.io", "userinfo"),
        ("{{ inputs.v }}", "https://x.io#y", "fragment"),
        ("{{ inputs.v }}", "https://x.io\\@evil.com", "characters"),
        ("{{ inputs.v }}", "https://x.io/\r\nX: y", "characters"),
        ("{{ inputs.v }}", " https://x.io", "characters"),
        ("{{ inputs.v }}", "https://bücher.example", "characters"),
        ("{{ inputs.v }}", "https://x.io/{token}", "characters"),
        ("{{ inputs.v }}", "https://x.io/a/../b", "path"),
        ("{{ inputs.v }}/y", "https://x.io/%2e%2e", "path"),
        ("{{ inputs.v }}/y", "https://x.io?a=", "query"),
        ("{{ inputs.v }}?y=1", "https://x.io?", "query"),
    ],
)
def test_value_that_would_leave_its_place(text, value, why):
    """Refused with one word for the reason, the place in the profile, and never the value."""
    with pytest.raises(UrlRefused) as refused:
        render(text, v=value)

    assert refused.value.reason == why
    assert str(refused.value).startswith("acme.yaml:7:3 auth.token_url: ")
    assert len(str(value)) < 5 or str(value) not in str(refused.value)


@every("value", [None, [1], {"a": 1}, b"x"])
def test_only_text_and_numbers_go_into_urls(value):
    """Null, lists, maps and bytes are errors of the template."""
    with pytest.raises(TemplateError):
        render("https://x.io/{{ inputs.v }}", v=value)


def test_what_may_decide_the_host():
    """A value that stands for an origin, a host, or all but one label of it needs a rule of its own."""
    deciding = {
        "{{ inputs.v }}/x": True,
        "https://{{ inputs.v }}/x": True,
        "https://{{ inputs.v }}:8443/x": True,
        "https://api.{{ inputs.v }}/x": True,
        "https://{{ inputs.v }}.com/x": True,
        "https://{{ inputs.v }}.acme.com/x": False,
        "https://acme.com/{{ inputs.v }}": False,
        "https://acme.com:{{ inputs.v }}/": False,
    }

    for text, expected in deciding.items():
        assert compile_url(text).host_reads == ({("inputs", "v")} if expected else set())


hosts = st.sampled_from(["https://{{ inputs.v }}.acme.example/a/b?c=d", "https://x-{{ inputs.v }}.acme.example/"])
paths = st.sampled_from(
    ["https://acme.example/a/{{ inputs.v }}/b?c=d", "https://acme.example/a{{ inputs.v }}"]
)
nasty = st.one_of(st.text(max_size=12), st.text("./\\:@?#%&=;[]{} \r\n\t\0aé2eE", max_size=12))


@given(st.one_of(hosts, paths), nasty)
def test_no_value_changes_the_frame(text, value):
    """Whatever the value: scheme, literal host and the number of segments are as written, for every reader."""
    try:
        url = render(text, v=value)
    except (UrlRefused, TemplateError):
        return
    parts, client = urlsplit(url), httpx.URL(url)

    assert (parts.scheme, parts.username, parts.fragment) == ("https", None, "")
    assert parts.hostname == client.host
    assert parts.hostname == "acme.example" or parts.hostname.endswith(".acme.example")
    assert parts.path.count("/") == text.removeprefix("https://").partition("?")[0].count("/")
    assert ".." not in map(unquote, client.raw_path.decode().partition("?")[0].split("/"))
    assert Origin.of(url).scheme == "https"


@given(nasty)
def test_query_value_is_read_back(value):
    """A value in the query is one value, and the value, for the server."""
    try:
        url = render("https://x.io/?a={{ inputs.v }}&b=1", v=value)
    except TemplateError:
        return

    assert parse_qsl(urlsplit(url).query, keep_blank_values=True) == [("a", value), ("b", "1")]


@pytest.mark.parametrize("vector", of_place("query-parameter"), ids=lambda vector: vector["id"])
def test_query_vectors(vector):
    """The published values arrive as themselves."""
    url = render("https://x.io/?a={{ inputs.v }}", v=vector["value"])

    assert parse_qsl(urlsplit(url).query) == [("a", vector["value"])]


# Path fields


@every("vector", of_place("path-parameter"), ids=lambda vector: vector["id"])
def test_path_vectors(vector):
    """One segment, reserved characters escaped; `.`, `..` and empty refused; the prefix of the profile stays."""
    value = vector["value"]
    if value in ("", ".", ".."):
        assert reason(fill, "https://x.io/a/{key}/b", {"key": value}) == "path"
        return

    url = fill("https://x.io/a/{key}/b", {"key": value})

    segment = url.removeprefix("https://x.io/a/").removesuffix("/b")
    assert unquote(segment) == value
    assert not set(segment) & set("/?#;")
    assert httpx.URL(url).raw_path.decode() == f"/a/{segment}/b"


@every(
    "template, values, expected",
    [
        ("https://api.telegram.org/bot{token}/getMe", {"token": "12:A-b_C"}, "https://api.telegram.org/bot12%3AA-b_C/getMe"),
        ("/v3/company/{id}/info/{id}", {"id": 7}, "/v3/company/7/info/7"),
        ("/{a}/{b}?x=1", {"a": "{b}", "b": "c"}, "/%7Bb%7D/c?x=1"),
        ("x/{a}", {"a": "me@example.com"}, "x/me%40example.com"),
        ("/plain", {"a": "unused"}, "/plain"),
        ("/v{a}", {"a": ""}, "/v"),
    ],
)
def test_fill(template, values, expected):
    """A placeholder is a segment or part of one; what is filled in is never filled again."""
    assert fill(template, values) == expected


@every(
    "template, values, why",
    [
        ("/{a}", {}, "placeholder"),
        ("/{a}", {"a": None}, "placeholder"),
        ("/{a}", {"a": [1]}, "path"),
        ("/{a}", {"a": "\ud800"}, "path"),
        ("/{a}", {"a": ".."}, "path"),
        ("/.{a}", {"a": "."}, "path"),
        ("/{a", {"a": "x"}, "placeholder"),
        ("/{a b}", {"a b": "x"}, "placeholder"),
        ("https://{a}.com/", {"a": "x"}, "placeholder"),
        ("/x?y={a}", {"a": "x"}, "placeholder"),
    ],
)
def test_fill_is_refused(template, values, why):
    """A missing value, a value that is no segment, a brace in another place."""
    assert reason(fill, template, values) == why


def test_placeholders_of_a_template():
    """Each name once, in order; only the path has any."""
    url = compile_url("https://x.io/{b}/{a}/{b}/{{ inputs.v }}", placeholders=True)

    assert url.placeholders == ("b", "a")
    assert placeholders_in(url.render({"inputs": {"v": "{c}"}})) == ("b", "a")
    assert placeholders_in("https://{h}.com/{a}?{q}") == ("a",)


@every("text", ["https://{a}.x.io/", "https://x.io/?q={a}", "https://x.io/{a", "https://x.io/{1}"])
def test_placeholders_elsewhere(text):
    """A path field cannot stand in a host or query."""
    with pytest.raises(TemplateSyntax):
        compile_url(text, placeholders=True)


# Relative URLs


@every("text", ["/auth.test", "getMe", "v1/me?x=1", "?x={{ inputs.v }}", "/v/{{ inputs.v }}", "/a:b"])
def test_relative(text):
    """Where relative URLs are allowed, they are paths."""
    url = compile_url(text, relative=True)

    assert url.relative
    assert url.render({"inputs": {"v": "a/b"}}) == text.replace("{{ inputs.v }}", "a%2Fb")


@every(
    "text", ["", "//evil.example", "https:evil", "javascript:x", "a:b/c", "\\\\evil", "/\\evil", "a/../b", "{{ 1 }}x"]
)
def test_relative_is_refused(text):
    """Nothing that is written relative can name a scheme or host."""
    with pytest.raises(TemplateSyntax):
        compile_url(text, relative=True)


def test_relative_value_cannot_make_a_scheme():
    """`a{{ x }}` with `:` in the value: the colon is escaped, and ends no scheme."""
    assert compile_url("a{{ inputs.v }}", relative=True).render({"inputs": {"v": ":evil"}}) == "a%3Aevil"


def test_absolute_where_relative_is_allowed():
    """The flag allows both; a leading `{{ }}` is a whole URL."""
    assert not compile_url("https://x.io/", relative=True).relative
    assert not compile_url("{{ inputs.base }}/x", relative=True).relative


@every(
    "server, relative, expected",
    [
        ("https://slack.com/api", "/auth.test", "https://slack.com/api/auth.test"),
        ("https://slack.com/api/", "/auth.test", "https://slack.com/api/auth.test"),
        ("https://api.telegram.org/bot{token}", "getMe", "https://api.telegram.org/bot{token}/getMe"),
        ("https://x.io", "v1/me?a=b", "https://x.io/v1/me?a=b"),
        ("https://x.io", "/v1/{key}", "https://x.io/v1/{key}"),
        ("https://x.io/api", "?a=//b", "https://x.io/api?a=//b"),
        ("https://x.io/api", "", "https://x.io/api"),
        ("https://x.io", "/a:b", "https://x.io/a:b"),
    ],
)
def test_join(server, relative, expected):
    """A relative URL resolves against the server, whose path counts."""
    assert join(server, relative) == expected


@every(
    "server, relative, why",
    [
        ("https://x.io", "//evil.example", "relative"),
        ("https://x.io", "https:evil", "relative"),
        ("https://x.io", "https://evil.example", "relative"),
        ("https://x.io", "javascript:x", "relative"),
        ("https://x.io", "\\\\evil", "characters"),
        ("https://x.io", "/\\evil", "characters"),
        ("https://x.io", "/a\r\nb", "characters"),
        ("https://x.io", "\t//evil", "characters"),
        ("https://x.io", "/ü", "characters"),
        ("https://x.io", "/a#b", "fragment"),
        ("https://x.io/api", "/../x", "path"),
        ("https://x.io/api", "%2e%2E/x", "path"),
        ("https://x.io?a=b", "/x", "query"),
        ("https://*.x.io", "/x", "wildcard"),
        ("/api", "/x", "scheme"),
    ],
)
def test_join_is_refused(server, relative, why):
    """A relative URL never changes the origin, nor leaves the server's path."""
    assert reason(join, server, relative) == why


@given(st.text("/\\:@?#.%2ehtpsvil \t\n{}[]é", max_size=20))
def test_join_keeps_the_origin(relative):
    """Whatever is joined: another reader of the result finds the same origin and path prefix."""
    try:
        url = join("https://x.io/api", relative)
    except UrlRefused:
        return

    assert (urlsplit(url).scheme, urlsplit(url).netloc) == ("https", "x.io")
    assert httpx.URL(url).host == "x.io"
    assert httpx.URL(url).path.startswith("/api")
    assert Origin.of(url) == Origin("https", "x.io", 443)


# Origins and servers


@every(
    "url, origin",
    [
        ("https://API.Example.com", Origin("https", "api.example.com", 443)),
        ("https://api.example.com./x", Origin("https", "api.example.com", 443)),
        ("https://api.example.com:443/", Origin("https", "api.example.com", 443)),
        ("https://api.example.com:8443?x", Origin("https", "api.example.com", 8443)),
        ("http://localhost/", Origin("http", "localhost", 80)),
        ("HTTP://127.0.0.1:1/", Origin("http", "127.0.0.1", 1)),
        ("https://[2001:DB8:0::1]:443/", Origin("https", "2001:db8::1", 443)),
        ("wss://api.example.com/socket", Origin("https", "api.example.com", 443)),
        ("ws://[::1]/", Origin("http", "::1", 80)),
    ],
)
def test_origin(url, origin):
    """Scheme, host and port; case, default ports, a final dot and spellings of IPv6 make no difference."""
    assert Origin.of(url) == origin


@every(
    "url, why",
    [
        ("api.example.com", "scheme"),
        ("//api.example.com", "scheme"),
        ("https:api.example.com", "scheme"),
        ("file:///etc/passwd", "scheme"),
        ("https://a@b.com", "userinfo"),
        ("https://a.com:b@c.com", "userinfo"),
        ("https://a.com:", "port"),
        ("https://a.com:65536", "port"),
        ("https://a.com:-1", "port"),
        ("https://", "host"),
        ("https://a_.com", "host"),
        ("https://a..com", "host"),
        ("https://a.com..", "host"),
        ("https://[::1]x", "port"),
        ("https://[v1.x]", "host"),
        ("https://0x7f.0.0.1", "host"),
        ("https://017700000001", "host"),
        ("https://a.com\\.evil.com", "characters"),
        ("https://a.com\t", "characters"),
        ("https://ａ.com", "characters"),
        ("https://a.com#", "fragment"),
        ("https://*.a.com", "host"),
    ],
)
def test_what_is_no_origin(url, why):
    """What two readers could understand differently is refused."""
    assert reason(Origin.of, url) == why


def test_origin_as_text():
    """Written without the default port; IPv6 in brackets."""
    texts = ["https://a.com", "https://a.com:8443", "http://localhost", "https://[2001:db8::1]:1"]

    assert [str(Origin.of(text)) for text in texts] == texts
    assert [Origin.of(text).is_loopback for text in texts] == [False, False, True, False]


@every(
    "server, url, expected",
    [
        ("https://a.com/api", "https://A.com:443/other", True),
        ("https://a.com", "https://a.com.", True),
        ("https://a.com", "http://a.com", False),
        ("https://a.com", "https://a.com:8443", False),
        ("https://a.com", "https://x.a.com", False),
        ("https://a.com", "https://a.com.evil.com", False),
        ("https://*.a.com", "https://x.a.com", True),
        ("https://*.a.com", "https://x.a.com.", True),
        ("https://*.a.com", "https://a.com", False),
        ("https://*.a.com", "https://x.y.a.com", False),
        ("https://*.a.com", "https://xa.com", False),
        ("https://*.a.com", "https://x.a.com:8443", False),
        ("https://*.a.com:8443", "https://x.a.com:8443", True),
        ("http://localhost:8080", "http://localhost:8080/x", True),
        ("http://localhost:8080", "http://127.0.0.1:8080/x", False),
        ("https://*.a.com", "wss://x.a.com/socket", True),
    ],
)
def test_server(server, url, expected):
    """`*` stands for exactly one label; scheme and port always count."""
    assert ServerPattern.of(server).matches(Origin.of(url)) is expected


@every(
    "server, why",
    [
        ("https://*", "wildcard"),
        ("https://*.com", "wildcard"),
        ("https://*.com.", "wildcard"),
        ("https://*.com:443", "wildcard"),
        ("https://x.*.com", "wildcard"),
        ("https://x*.a.com", "wildcard"),
        ("https://*x.a.com", "wildcard"),
        ("https://*.*.a.com", "wildcard"),
        ("https://*.10.0.0.1", "wildcard"),
        ("https://*.[::1]", "wildcard"),
        ("http://a.com", "scheme"),
        ("http://*.a.com", "scheme"),
        ("a.com", "scheme"),
        ("https://u@a.com", "userinfo"),
    ],
)
def test_what_is_no_server(server, why):
    """`*` is a whole first label and never one of the last two."""
    assert reason(ServerPattern.of, server) == why


def test_wildcard_in_a_template():
    """A server may hold `*` and values; a value never brings one in."""
    server = compile_url("https://*.{{ inputs.zone }}.nuance.com/v{{ inputs.v }}", wildcard=True)

    assert str(ServerPattern.of(server.render({"inputs": {"zone": "eu", "v": 1}}))) == "https://*.eu.nuance.com"
    with pytest.raises(TemplateSyntax, match="whole first label"):
        compile_url("https://*.com", wildcard=True)
    assert reason(compile_url("https://*.{{ inputs.v }}", wildcard=True).render, {"inputs": {"v": "com"}}) == "wildcard"
    assert reason(compile_url("https://{{ inputs.v }}", wildcard=True).render, {"inputs": {"v": "*.a.com"}}) == "host"

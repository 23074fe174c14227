"""Drafts: requests on their way to the wire."""

import json
from urllib.parse import parse_qsl

import pytest

from authweave.drafts.draft import Draft, Placed
from authweave.drafts.url import finished_url
from authweave.errors import PlacementError
from authweave.placements.path import PathPlacement
from authweave.values import TaskRequest
from thorough import every

JSON = ("Content-Type", "application/json")


def of(method="POST", url="https://h/a", headers=(), body=None, **more):
    return Draft.of(TaskRequest(method, url, headers, body, **more))


class TestTaskRequests:
    @every(
        "request_",
        [
            TaskRequest("GET", "https://h/a?b=%41#"[:-1]),
            TaskRequest("GET", "https://h", (("b", " \xff"), ("A", "1"), ("b", "2"))),
            TaskRequest("POST", "https://h/", (JSON, JSON, ("content-length", "2")), b"{}"),
            TaskRequest("POST", "https://h/", (("Transfer-Encoding", "chunked"),), None, streamed=True),
            TaskRequest("GET", "https://h/", (), b""),
            TaskRequest("DELETE", "https://h/{x}/%7By%7D?{z}"),
        ],
    )
    def test_what_is_not_touched_stays(self, request_):
        """A draft that nothing is put into finishes as the request it was made of."""
        assert request_ == Draft.of(request_).finish()

    def test_the_request_itself_never_changes(self):
        """Drafts copy: the caller may send its own request again."""
        request = TaskRequest("POST", "https://h/a", (JSON,), b"{}")
        draft = Draft.of(request)

        draft.put("header", "A", "1", origin="x")
        draft.put("query", "b", "2", origin="x")
        draft.put("payload", "c", "3", origin="x")

        assert TaskRequest("POST", "https://h/a", (JSON,), b"{}") == request
        expected = TaskRequest("POST", "https://h/a?b=2", (JSON, ("A", "1"), ("Content-Length", "9")), b'{"c":"3"}')
        assert expected == draft.finish()

    @every(
        "headers",
        [
            (),
            (("content-length", "2"),),
            (("Content-Length", "2"), ("content-length", "2")),
            (("Transfer-Encoding", "chunked"),),
            (("transfer-encoding", "gzip"), ("Content-Length", "7"), ("Transfer-Encoding", "chunked")),
        ],
    )
    def test_one_true_length(self, headers):
        """RFC 9112 §6.2: exactly one Content-Length, of the bytes that are sent, and no Transfer-Encoding."""
        draft = of(headers=(JSON, *headers), body=b"{}")

        draft.put_payload("k", "é")

        request = draft.finish()
        assert json.loads(request.body) == {"k": "é"}
        framing = [(name.lower(), value) for name, value in request.headers if name.lower() != "content-type"]
        assert [("content-length", str(len(request.body)))] == framing

    def test_no_length_where_there_is_nothing(self):
        """An empty body of a GET is not announced, and no chunks of it either; a POST says 0."""
        get = of("GET", headers=(("Transfer-Encoding", "chunked"), ("A", "1")), body=b"")

        assert get.finish().headers == (("A", "1"),)
        assert of("GET", headers=(("Content-Length", "7"),), body=b"").finish().header("content-length") == "0"
        assert of("POST", body=b"").finish().header("content-length") == "0"

    def test_a_fragment_is_never_sent(self):
        """RFC 9110 §7.1."""
        assert of(url="https://h/a?b#c?d").finish().url == "https://h/a?b"

    def test_the_resolved_url(self):
        """The URL may have been resolved against a server whose path has placeholders; typed braces are none."""
        draft = Draft.of(
            TaskRequest("GET", "{token}"), "https://h/bot{token}/" + finished_url("{token}"), path_template=True
        )

        PathPlacement().place(draft, "token", "t", "replace")

        assert draft.finish().url == "https://h/bott/%7Btoken%7D"

    def test_unfilled_placeholders(self):
        """They are named; nothing is sent with a hole in it."""
        draft = of(url="https://h/{b}/{a}/{c}?{d}", path_template=True)
        PathPlacement().place(draft, "c", "x", "replace")

        with pytest.raises(PlacementError, match=r"\{a\}, \{b\};"):
            draft.finish()

        assert frozenset("abc") == draft.placeholders
        assert not Draft.of(TaskRequest("GET", "https://h/{a}")).placeholders

    def test_content_instead_of_a_body(self):
        """The caller's Content-Type stays; without one it is text."""
        draft, typed = of(body=b"old"), of(headers=(("Content-Type", "a/b"),))

        draft.set_content("é")
        typed.set_content("x")

        assert "é".encode() == draft.finish().body
        assert draft.finish().headers == (("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", "2"))
        assert typed.finish().headers == (("Content-Type", "a/b"), ("Content-Length", "1"))


class TestCallsOfOurOwn:
    @pytest.mark.parametrize(
        ("encoding", "content_type", "body"),
        [
            ("form", "application/x-www-form-urlencoded", b"grant_type=client_credentials&scope=read+write"),
            ("json", "application/json", b'{"grant_type":"client_credentials","scope":"read write"}'),
        ],
    )
    def test_encodings(self, encoding, content_type, body):
        """Each field is in the body once, in order, with the type and length of what is sent."""
        draft = Draft.new("POST", "https://h/token", encoding)

        draft.put("payload", "grant_type", "old", origin="auth.grant_type")
        draft.put("payload", "scope", "read write", origin="auth.scopes")
        draft.put("payload", "grant_type", "client_credentials", origin="auth.token_request.fields[0]")

        headers = (("Content-Type", content_type), ("Content-Length", str(len(body))))
        assert TaskRequest("POST", "https://h/token", headers, body) == draft.finish()

    def test_query(self):
        """Payload fields go into the URL; there is no body and no type of one."""
        draft = Draft.new("GET", "https://h/token?v=1", "query")

        draft.put("payload", "a b", ["c&d", 2], origin="x")

        assert TaskRequest("GET", "https://h/token?v=1&a%20b=c%26d&a%20b=2") == draft.finish()

    @pytest.mark.parametrize("encoding", ["none", "query"])
    def test_a_post_without_body_says_so(self, encoding):
        """RFC 9110 §8.6: a method that usually has a body sends a length of 0."""
        assert (
            TaskRequest("POST", "https://h", (("Content-Length", "0"),))
            == Draft.new("POST", "https://h", encoding).finish()
        )

    def test_empty_bodies(self):
        """A form without fields is empty, an object without members is not."""
        assert Draft.new("POST", "https://h", "form").finish().body == b""
        assert Draft.new("POST", "https://h", "json").finish().body == b"{}"

    def test_content_type(self):
        """`content_type` stands for the type of the encoding, and so does a header field; never both."""
        draft, field = (
            Draft.new("PUT", "https://h", "xml", "application/rss+xml"),
            Draft.new("POST", "https://h", "json"),
        )

        draft.set_content("<a/>")
        field.put_header("content-type", "application/x-json")

        assert draft.finish().headers == (("Content-Type", "application/rss+xml"), ("Content-Length", "4"))
        assert field.finish().headers == (("content-type", "application/x-json"), ("Content-Length", "2"))

    def test_the_boundary_is_said_once(self):
        """A multipart body is useless without its boundary, so no header field may take it away."""
        draft = Draft.new("POST", "https://h", "multipart", "multipart/form-data")
        draft.put_payload("a", "b")
        [content_type, _] = draft.finish().headers
        draft.put_header("Content-Type", "multipart/form-data")

        assert content_type[1].startswith("multipart/form-data; boundary=authweave-")
        with pytest.raises(PlacementError, match="content_type"):
            draft.finish()

    def test_content_and_fields_exclude_each_other(self):
        """`content` is the whole body."""
        draft = Draft.new("POST", "https://h", "form")
        draft.set_content("a=1")

        with pytest.raises(PlacementError, match=r"payload field k.*written out as content"):
            draft.put_payload("k", "v")

        assert draft.finish().body == b"a=1"

    def test_finish_again(self):
        """A draft can go on changing, as for a retry with another token."""
        draft = Draft.new("POST", "https://h")
        draft.put_payload("a", "1")
        first = draft.finish()

        draft.put_payload("a", "22")

        assert [first.body, draft.finish().body] == [b"a=1", b"a=22"]
        assert draft.finish().header("content-length") == "4"


class TestNotes:
    def test_what_was_put_in(self):
        """Previews and redaction read which key of the profile put what where; what was replaced is gone."""
        draft = Draft.new("POST", "https://h")

        draft.put("header", "Accept", "a/b", origin="standard")
        draft.put("payload", "k", "1", origin="auth.a")
        draft.put("payload", "K", "2", origin="auth.b", secret=True)
        draft.put("header", "accept", "c/d", origin="fields[0]")

        expected = [
            Placed("payload", "k", "auth.a", False),
            Placed("payload", "K", "auth.b", True),
            Placed("header", "accept", "fields[0]", False),
        ]
        assert expected == draft.placed


class TestView:
    def test_every_part(self):
        """The namespace `request`."""
        draft = of(
            url="HTTPS://Api.Example:8443/a%20b?x=1&y=2&x=%41&z#f",
            headers=(("X-A", "1"), ("x-a", "2"), JSON),
            body=b"{}",
        )

        assert {name: dict(part) if name == "headers" else part for name, part in draft.view.items()} == {
            "method": "POST", "url": "HTTPS://Api.Example:8443/a%20b?x=1&y=2&x=%41&z", "scheme": "https",
            "host": "api.example", "port": 8443, "path": "/a%20b", "query": {"x": ["1", "A"], "y": "2", "z": ""},
            "query_string": "x=1&y=2&x=%41&z",
            "headers": {"host": "api.example:8443", "x-a": "1, 2", "content-type": "application/json", "content-length": "2"}, "body": b"{}",
        }  # fmt: skip
        assert len(draft.view) == 10

    def test_it_is_always_as_the_request_is_now(self):
        """A view that was taken early shows what was put in later, the encoded payload too."""
        draft = Draft.new("POST", "https://h", "form")
        view = draft.view
        assert (view["body"], view["path"], view["query"]) == (b"", "/", {})

        draft.put_payload("k", "v")
        draft.put_query("q", "w")
        draft.put_header("X", "1")

        assert (view["body"], view["query"], view["headers"]["x"], view["headers"]["CONTENT-LENGTH"]) == (
            b"k=v",
            {"q": "w"},
            "1",
            "3",
        )

    @every(
        "url, port", [("https://h", 443), ("http://h", 80), ("https://h:1", 1), ("x://h", None)]
    )
    def test_ports(self, url, port):
        """The one that is written, or that of the scheme."""
        assert port == of(url=url).view["port"]

    @every(
        "url, host",
        [("https://H.example/x", "h.example"), ("https://h:443/", "h"), ("http://h:80", "h"), ("http://h:443", "h:443"), ("https://[::1]:8443/", "[::1]:8443")],
    )
    def test_host_is_among_the_headers(self, url, host):
        """Every client writes Host, so it can be read (and signed) although nobody wrote it yet; one that is written counts."""
        assert host == of(url=url).view["headers"]["Host"]
        assert "other" == of(url=url, headers=(("host", "other"),)).view["headers"]["host"]

    def test_bodies(self):
        """No body is empty, so that it can be hashed; a streamed one is null, so that it cannot."""
        assert of().view["body"] == b""
        assert None is of(streamed=True).view["body"]

    @pytest.mark.parametrize("url", ["https://[::1", "https://h:99999", "https://h:x"])
    def test_broken_urls(self, url):
        """An error of ours, without the URL."""
        with pytest.raises(PlacementError) as refused:
            of(url=url).view["host"]

        assert url not in str(refused.value)
        assert None is refused.value.__context__


def test_parsers_agree_on_a_whole_call():
    """A token call as it is made: standard parameters, a header, a field in the query."""
    draft = Draft.new("POST", "https://h/t?x=%2F")

    draft.put("payload", "client_secret", "s3cr3t +/%&=é", origin="auth.client_secret", secret=True)
    draft.put("header", "Accept", "application/json", origin="standard")
    draft.put("query", "v", "1", origin="fields[0]")

    request = draft.finish()
    assert parse_qsl(request.body.decode()) == [("client_secret", "s3cr3t +/%&=é")]
    assert request.url == "https://h/t?x=%2F&v=1"
    assert [name for name, _ in request.headers] == ["Accept", "Content-Type", "Content-Length"]

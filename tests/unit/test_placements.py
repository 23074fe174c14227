"""Placements: each value arrives as itself, in its place, or the request is not made."""

import inspect
import json
import re
from importlib import import_module
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from authweave.contracts import Placement
from authweave.drafts.draft import Draft
from authweave.drafts.header_fields import RESERVED
from authweave.errors import PlacementError
from authweave.placements.cookie import CookiePlacement
from authweave.placements.header import HeaderPlacement
from authweave.placements.path import PathPlacement
from authweave.placements.payload import PayloadPlacement
from authweave.placements.query import QueryPlacement
from authweave.values import TaskRequest
from thorough import every

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "policy_injection.json").read_text())["vectors"]
ALL = [HeaderPlacement(), QueryPlacement(), PayloadPlacement(), PathPlacement(), CookiePlacement()]
KEY = "Key"

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
name = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)


def draft(*, url="https://h/a", headers=(), body=None, method="POST", template=False):
    return Draft.of(TaskRequest(method, url, headers, body, path_template=template))


def form(body=b"x=1"):
    return draft(headers=(("Content-Type", "application/x-www-form-urlencoded"),), body=body)


def of_kind(place):
    return [pytest.param(unescaped(vector["value"]), id=vector["id"]) for vector in VECTORS if vector["place"] == place]


def unescaped(value):
    """Vectors write a text with half a character as the inside of a JSON string."""
    return json.loads(f'"{value["__json_escape__"]}"') if isinstance(value, dict) else value


def roomy(placement):
    """A draft in which the placement has room for KEY, and one in which something is there already."""
    makers = {
        "header": lambda: draft(headers=(("A", "1"), ("key", "old"), ("KEY", "older"))),
        "query": lambda: draft(url="https://h/a?a=1&Key=old&Key=older"),
        "payload": lambda: form(b"a=1&Key=old&Key=older"),
        "cookie": lambda: draft(headers=(("Cookie", "a=1; Key=old"), ("cookie", "Key=older"))),
        "path": lambda: draft(url="https://h/{Key}", template=True),
    }
    made = makers[placement.name]()
    if placement.name == "path":
        placement.place(made, KEY, "old", "replace")
    return made


def sent(made):
    request = made.finish()
    return request.method, request.url, request.headers, request.body


class TestEvery:
    @every("placement", ALL, ids=lambda placement: placement.name)
    def test_the_contract(self, placement):
        """Every placement is what `contracts.Placement` promises, and says what it is."""
        assert isinstance(placement, Placement)
        assert inspect.getdoc(type(placement))
        assert placement.title

    @every("placement", ALL, ids=lambda placement: placement.name)
    def test_registration(self, placement):
        """The file of each offers it through the hook that a stranger's package uses."""
        registered = []

        import_module(type(placement).__module__).register_placements(registered.append)

        assert registered == [type(placement)]

    @every("placement", ALL, ids=lambda placement: placement.name)
    def test_keep(self, placement):
        """`keep` leaves what is there, byte for byte, and says so."""
        made, before = roomy(placement), roomy(placement)

        placement.place(made, KEY, "new", "keep")

        assert made.kept
        assert sent(before) == sent(made)

    @every("placement", ALL, ids=lambda placement: placement.name)
    def test_error(self, placement):
        """`error` refuses, names the field and not the value, and changes nothing."""
        made = roomy(placement)

        with pytest.raises(PlacementError, match=f"{KEY} is in the request already") as refused:
            placement.place(made, KEY, "geheim", "error")

        assert "geheim" not in str(refused.value)
        assert sent(roomy(placement)) == sent(made)

    @every("placement", ALL, ids=lambda placement: placement.name)
    def test_replace(self, placement):
        """`replace` leaves one value where there were two, and forgets a `keep` before it."""
        made = roomy(placement)
        made.kept = True

        placement.place(made, KEY, "new", "replace")

        assert not made.kept
        assert "old" not in repr(sent(made))
        assert repr(sent(made)).count("new") == 1

    @every("placement", ALL, ids=lambda placement: placement.name)
    @every("value", [None, {"a": "geheim"}, b"geheim", "geheim\ud800", [], float("nan")], ids=repr)
    def test_values_that_are_no_text(self, placement, value):
        """Null, maps, bytes, half characters and numbers without end are refused by name, not by value."""
        made = roomy(placement)

        with pytest.raises(PlacementError, match=KEY) as refused:
            placement.place(made, KEY, value, "replace")

        assert "geheim" not in str(refused.value)
        assert None is refused.value.__cause__
        assert None is refused.value.__context__
        assert sent(roomy(placement)) == sent(made)

    @every("placement", ALL, ids=lambda placement: placement.name)
    @every("value, written", [(7, "7"), (True, "true"), (1.5, "1.5")])
    def test_numbers_and_truth_values(self, placement, value, written):
        """They are written as in JSON."""
        made = roomy(placement)

        placement.place(made, KEY, value, "replace")

        assert written in repr(sent(made))

    @every("placement", ALL, ids=lambda placement: placement.name)
    def test_empty_keys(self, placement):
        """No place has a field without a name."""
        assert placement.wrong_key("")
        assert not placement.wrong_key("ok")


class TestHeader:
    place = staticmethod(HeaderPlacement().place)

    @every("value", of_kind("header-value"))
    def test_hostile_values(self, value):
        """Refused before a request is made; the error holds nothing of the value."""
        made = draft()

        with pytest.raises(PlacementError) as refused:
            self.place(made, "X", value, "replace")

        assert value not in str(refused.value)
        assert made.headers == []

    @every("key", of_kind("header-name"))
    def test_hostile_names(self, key):
        """Refused when the profile is loaded, and again before sending."""
        assert HeaderPlacement().wrong_key(key)
        with pytest.raises(PlacementError):
            self.place(draft(), key, "v", "replace")

    @every("key", [*RESERVED, "Proxy-Authorization", "proxy-connection", ":authority", ":path"])
    def test_names_that_are_not_ours(self, key):
        """Framing, routing and hop-by-hop fields, in any case, and the fields of HTTP/2."""
        assert HeaderPlacement().wrong_key(key)
        assert HeaderPlacement().wrong_key(key.title())

    @given(st.characters())
    def test_every_character(self, character):
        """A value is sent letter for letter or refused: h11, which knows RFC 9110, agrees with each that is sent."""
        made = draft()

        if not re.fullmatch(r"[\t\x20-\x7e]", character):
            with pytest.raises(PlacementError, match=r"at character 2 of 3|half a character"):
                self.place(made, "X", f"a{character}b", "replace")
            return
        self.place(made, "X", f"a{character}b", "replace")

        request = h11.Request(method="GET", target="/", headers=[("Host", "h"), *made.headers])
        assert (b"x", f"a{character}b".encode()) == request.headers[1]

    @every(
        "value, why",
        [
            ("a\r\n", "a line break at character 2 of 3"),
            ("tökén", "a non-ASCII character at character 2 of 5"),
            ("a\x7f", "a control character at character 2 of 2"),
            ("token\n", "a line break at character 6 of 6"),
            (" token", "starts with white space"),
            ("token ", "ends with white space"),
            ("token\t", "ends with white space"),
            (" ", "starts with white space"),
        ],
    )
    def test_where_a_value_is_wrong(self, value, why):
        """The message says what is wrong and at which character, for a person who cannot see it."""
        with pytest.raises(PlacementError, match=why):
            self.place(draft(), "X", value, "replace")

    @every("value", ["", "x", "a b\tc", "!~", "Bearer abc"])
    def test_sound_values(self, value):
        """Blanks within a value and an empty value are HTTP."""
        made = draft()

        self.place(made, "X", value, "replace")

        assert [("X", value)] == made.headers

    def test_the_others_stay(self):
        """Order, case and repetition of the caller's fields."""
        made = draft(headers=(("B", "1"), ("x-a", "old"), ("b", "\xff"), ("X-A", "older"), ("C", " 2 ")))

        self.place(made, "X-a", "new", "replace")

        assert made.headers == [("B", "1"), ("X-a", "new"), ("b", "\xff"), ("C", " 2 ")]


class TestQuery:
    place = staticmethod(QueryPlacement().place)

    @pytest.mark.parametrize("value", of_kind("query-parameter"))
    def test_hostile_values(self, value):
        """The server reads back exactly this one value."""
        made = draft(url="https://h/a?b=c")

        self.place(made, "k", value, "replace")

        assert [("b", "c"), ("k", value)] == parse_qsl(urlsplit(made.finish().url).query, keep_blank_values=True)

    @given(name, text)
    def test_round_trip(self, key, value):
        """Whatever the name and the value are."""
        made = draft()

        self.place(made, key, value, "replace")

        url = made.finish().url
        assert url.isascii()
        assert [(key, value)] == parse_qsl(urlsplit(url).query, keep_blank_values=True)

    @given(st.text("ab=&%+;:/?@\xe9 {}x1", max_size=30), text)
    def test_the_others_stay_byte_for_byte(self, query, value):
        """A signed URL stays signed, however odd it is written."""
        made = draft(url=f"https://h/%41/../{{x}}?{query}#frag?&k=1")

        self.place(made, "k", value, "replace")

        before, _, pair = made.finish().url.rpartition("k=")
        assert before == f"https://h/%41/../{{x}}?{query}" + ("&" if query else "")
        assert value == unquote(pair)

    def test_a_name_is_found_decoded(self):
        """`%6b` and `k` are one name; what is replaced stays in its place."""
        made = draft(url="https://h/?a=1&%6B=2&b=3&k=4&K=5")

        self.place(made, "k", "n w", "replace")

        assert made.url == "https://h/?a=1&k=n%20w&b=3&K=5"

    def test_a_list_is_repeated(self):
        """As every server reads a list in a query."""
        made = draft()

        self.place(made, "k", ["a", 2], "replace")

        assert made.url == "https://h/a?k=a&k=2"

    @every(
        "url, expected",
        [
            ("https://h", "https://h?k=v"),
            ("https://h?", "https://h?k=v"),
            ("https://h/?#?a", "https://h/?k=v"),
            ("/a?b", "/a?b&k=v"),
            ("https://[::1]:8/", "https://[::1]:8/?k=v"),
        ],
    )
    def test_urls(self, url, expected):
        """Without a path, with an empty query, with a fragment (which is never sent), relative, IPv6."""
        made = draft(url=url)

        self.place(made, "k", "v", "replace")

        assert expected == made.finish().url


class TestPath:
    place = staticmethod(PathPlacement().place)
    TEMPLATE = "https://h/v1/{key}/x{key}y?{key}"

    @every("value", of_kind("path-parameter"))
    def test_hostile_values(self, value):
        """One segment of unreserved characters and escapes, behind the prefix; dot segments are refused."""
        made = draft(url="https://h/v1/{key}", template=True)

        if value in ("", ".", ".."):
            with pytest.raises(PlacementError):
                self.place(made, "key", value, "replace")
            return
        self.place(made, "key", value, "replace")

        prefix, segment = made.finish().url[:13], made.finish().url[13:]
        assert prefix[:13] == "https://h/v1/"
        assert re.fullmatch(r"(?:[A-Za-z0-9\-._~]|%[0-9A-F]{2})+", segment)
        assert value == unquote(segment)

    @given(text)
    def test_round_trip(self, value):
        """A value is one segment, or part of one, and read back exactly; or it leads elsewhere and is refused."""
        made = draft(url=self.TEMPLATE, template=True)

        try:
            self.place(made, "key", value, "replace")
        except PlacementError:
            assert value in ("", ".", "..")
        else:
            url = made.finish().url
            assert url.endswith("?{key}")
            _, first, second, third = urlsplit(url).path.split("/")
            assert ["v1", value, f"x{value}y"] == [unquote(part) for part in (first, second, third)]

    @pytest.mark.parametrize("url", ["https://h/{a}{b}", "https://h/%2e{b}/{a}", "https://h/.{b}?{a}"])
    def test_segments_of_dots_are_not_made_of_parts(self, url):
        """A dot beside another dot is refused too; `.` and `..` are refused as such."""
        made = draft(url=url, template=True)
        for key in sorted(made.placeholders):
            with pytest.raises(PlacementError):
                self.place(made, key, ".", "replace")

    def test_two_parts_of_a_segment(self):
        """What is harmless by itself may lead elsewhere together."""
        made = draft(url="https://h/.{a}/{a}.", template=True)

        self.place(made, "a", "x", "replace")

        assert made.url == "https://h/.x/x."

    def test_a_value_is_never_scanned(self):
        """A value that looks like a placeholder is a value."""
        made = draft(url="https://h/{a}/{b}", template=True)

        self.place(made, "a", "{b}", "replace")
        self.place(made, "b", "{a}", "replace")

        assert made.finish().url == "https://h/%7Bb%7D/%7Ba%7D"

    def test_a_finished_url_is_never_scanned(self):
        """Braces that a user typed are no placeholder."""
        with pytest.raises(PlacementError, match=r"no URL template with \{a\}"):
            self.place(draft(url="https://h/{a}"), "a", "x", "replace")

    def test_a_colon_arrives_as_one(self):
        """Telegram's `bot123:ABC`: escaped, and a server reads a colon."""
        made = draft(url="https://api.telegram.org/bot{token}/getMe", template=True)

        self.place(made, "token", "123:ABC-d_e", "replace")

        assert made.finish().url == "https://api.telegram.org/bot123%3AABC-d_e/getMe"

    @every("key", ["a b", "a/b", "{a}", "1a", "a?"])
    def test_names(self, key):
        """What cannot stand between the braces is refused at load."""
        assert PathPlacement().wrong_key(key)


class TestPayload:
    place = staticmethod(PayloadPlacement().place)

    @pytest.mark.parametrize("value", of_kind("form-field"))
    def test_hostile_form_values(self, value):
        """The server reads back exactly this one value."""
        made = form()

        self.place(made, "k", value, "replace")

        assert [("x", "1"), ("k", value)] == parse_qsl(made.finish().body.decode(), keep_blank_values=True)

    @pytest.mark.parametrize("value", of_kind("json-payload"))
    def test_hostile_json_values(self, value):
        """The server reads back exactly this value; half a character is refused."""
        made = draft(headers=(("content-type", "application/json"),), body=b'{"a":1}')

        if any("\ud800" <= character <= "\udfff" for character in value):
            with pytest.raises(PlacementError):
                self.place(made, "k", value, "replace")
        else:
            self.place(made, "k", value, "replace")
            assert {"a": 1, "k": value} == json.loads(made.finish().body)

    @pytest.mark.parametrize("key", ["/a~b", "/a/~2", "/~"])
    def test_pointers(self, key):
        """A wrong escape is refused at load: RFC 6901 §3."""
        assert PayloadPlacement().wrong_key(key)
        assert not PayloadPlacement().wrong_key(key.replace("~", "~0"))

    @every("method", ["GET", "HEAD", "DELETE", "POST"])
    def test_no_body(self, method):
        """A request without a body has no payload, whatever the method."""
        with pytest.raises(PlacementError, match=f"payload field k: a {method} without a body has no payload"):
            self.place(draft(method=method), "k", "v", "replace")

    @every(
        "headers, body, why",
        [
            ((), b"x", "no Content-Type"),
            ((("Content-Type", "application/json"), ("content-type", "text/plain")), b"{}", "2 Content-Type"),
            ((("Content-Type", "text/plain"),), b"x", "text/plain has no fields"),
            ((("Content-Type", "application/json"), ("Content-Encoding", "gzip")), b"\x1f\x8b", "compressed"),
            ((("Content-Type", "application/json; charset=latin-1"),), b"{}", "charset"),
            ((("Content-Type", "application/json"),), b"", "empty"),
            ((("Content-Type", "application/json"),), b"[]", "no object"),
        ],
    )
    def test_bodies_that_take_no_field(self, headers, body, why):
        """Each is refused with its reason and the name of the field."""
        with pytest.raises(PlacementError, match=f"payload field k: .*{why}"):
            self.place(draft(headers=headers, body=body), "k", "v", "replace")

    def test_a_streamed_body(self):
        """It is not held, so nothing can be put into it."""
        made = Draft.of(TaskRequest("POST", "https://h", (("Content-Type", "application/json"),), None, streamed=True))

        with pytest.raises(PlacementError, match="payload field k: the body is streamed"):
            self.place(made, "k", "v", "replace")

    def test_an_empty_form(self):
        """A form without fields is a form."""
        made = form(b"")

        self.place(made, "k", "v", "replace")

        assert made.finish().body == b"k=v"

    def test_a_get_with_a_body(self):
        """Some searches are GETs with a JSON body."""
        made = draft(
            method="GET", headers=(("Content-Type", "application/json"), ("Content-Encoding", "identity")), body=b"{}"
        )

        self.place(made, "k", "v", "replace")

        assert made.finish().body == b'{"k":"v"}'


class TestCookie:
    place = staticmethod(CookiePlacement().place)

    @every(
        "headers, expected",
        [
            ((), [("Cookie", "k=v")]),
            ((("cookie", 'a=1; b = "x y"'),), [("Cookie", 'a=1; b = "x y"; k=v')]),
            (
                (("A", "1"), ("Cookie", "k=old; a=1"), ("B", "2"), ("Cookie", "b=2; k=older; K=3")),
                [("A", "1"), ("Cookie", "k=v; a=1; b=2; K=3"), ("B", "2")],
            ),
            ((("Cookie", ";; a=1;"),), [("Cookie", "a=1; k=v")]),
        ],
    )
    def test_one_header(self, headers, expected):
        """RFC 6265 §5.4: all cookies in one field, those of the caller as they were written."""
        made = draft(headers=headers)

        self.place(made, "k", "v", "replace")

        assert expected == made.headers

    @every("value", ["", "a=b", '"quoted"', ".node1", "!#$%&'()*+-./:<=>?@[]^_`{|}~"])
    def test_sound_values(self, value):
        """cookie-value of RFC 6265 §4.1.1, quotes around it included."""
        made = draft()

        self.place(made, "k", value, "replace")

        assert [("Cookie", f"k={value}")] == made.headers

    @every(
        "value",
        ["a; b=c", "a,b", "a b", " a", 'a"b', '"', '"a', "a\\b", "ä", "a\r\nX: 1", "a\n", "\x00", "a\x7f", "a\t"],
    )
    def test_hostile_values(self, value):
        """A value can add no cookie and no header; what servers disagree on is refused, not quoted."""
        made = draft()

        with pytest.raises(PlacementError, match="cookie k") as refused:
            self.place(made, "k", value, "replace")

        assert str(refused.value) == "cookie k: the value has a character that a cookie cannot hold (RFC 6265 §4.1.1)"
        assert made.headers == []

    @every("key", ["", "a b", "a=b", "a;b", "ä", 'a"'])
    def test_hostile_names(self, key):
        """A name is a token, at load and when it is placed."""
        assert CookiePlacement().wrong_key(key)
        with pytest.raises(PlacementError):
            self.place(draft(), key, "v", "replace")

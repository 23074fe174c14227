"""Bodies: what is put in is read back exactly by another parser, and nothing else changes."""

import email.parser
import email.policy
import json
import re
import time
from types import SimpleNamespace
from urllib.parse import parse_qsl
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authweave.bodies import content_body, empty_body, multipart, read_body, xml
from authweave.bodies.form import FormBody
from authweave.drafts import urlencoded
from authweave.drafts.media_types import media_type
from authweave.errors import PlacementError
from authweave.values import Secret
from thorough import every

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
name = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
xml_text = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], include_characters="\t\n\r", exclude_characters="\ufffe\uffff")
)
scalar = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text
value = st.recursive(
    scalar, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3), max_leaves=8
)

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


def after(body, content_type, *puts):
    """The bytes of a body after some fields were put into it."""
    opened = read_body(body, content_type)
    for key, put in puts:
        opened.put(key, put)
    return opened.encode()


def parts(body, content_type):
    """Name → contents of a multipart body, read by the mail package."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    assert not message.defects
    return [
        (part.get_param("name", header="content-disposition"), part.get_payload(decode=True))
        for part in message.iter_parts()
    ]


class TestForm:
    @given(st.lists(st.tuples(name, text)))
    def test_round_trip(self, pairs):
        """A server reads exactly the names and values that were put in, in order."""
        body = empty_body("form", None)

        for key, put in pairs:
            body.put(key, put)

        assert list(dict(pairs).items()) == parse_qsl(
            body.encode().decode(), keep_blank_values=True, strict_parsing=bool(pairs)
        )

    @every("before", [b"a=%41+b&%zz=1&&c&d=\xff", b"a=1&a=2", b"&", b"=x&a"])
    def test_other_fields_stay_byte_for_byte(self, before):
        """Odd escapes, blanks, repeated and empty pairs of the caller are not touched."""
        assert before + b"&k=v" == after(before, FORM, ("k", "v"))

    def test_a_field_is_found_by_its_decoded_name(self):
        """`a%20b`, `a+b` and `a b` are one name; what is replaced stays in its place, and only once."""
        body = read_body(b"x=1&a%20b=2&y=3&a+b=4", FORM)

        assert body.has("a b")
        body.put("a b", "new")

        assert body.encode() == b"x=1&a+b=new&y=3"

    def test_a_list_repeats_the_field(self):
        """Forms have no lists; servers read a repeated field as one."""
        assert after(b"x=1", FORM, ("s", ["a", 2, True])) == b"x=1&s=a&s=2&s=true"

    @every("put", [None, {"a": 1}, b"x", [], [None], [["a"]], "\ud800", float("inf")])
    def test_what_a_form_cannot_hold(self, put):
        """Null, maps, bytes, empty and nested lists and half characters are errors that name the field."""
        body = read_body(b"x=1", FORM)

        with pytest.raises(PlacementError, match="payload field k"):
            body.put("k", put)

        assert body.encode() == b"x=1"

    def test_a_body_is_taken_apart_once(self, monkeypatch):
        """However many fields go into it: names are read once each, not once for every field."""
        read = []
        monkeypatch.setattr(urlencoded, "_name", lambda pair, name=urlencoded._name: read.append(pair) or name(pair))
        body = FormBody.read(b"&".join(b"a%d=1" % number for number in range(50)), {})
        for number in range(0, 100, 2):
            body.put(f"a{number}", "2")

        assert 50 == len(read)
        assert [f"a{number}={1 + (number % 2 == 0)}" for number in range(50)] + [f"a{number}=2" for number in range(50, 100, 2)] == body.encode().decode().split("&")


class TestJson:
    @given(st.dictionaries(text, value, max_size=5), name.filter(lambda key: key[0] != "/"), value)
    def test_round_trip(self, before, key, put):
        """Any JSON value is read back as it is, every other member too, and in its place."""
        written = after(json.dumps(before).encode(), JSON, (key, put))

        assert {**before, key: put} == json.loads(written)
        assert list({**before, key: put}) == list(json.loads(written))

    @given(st.lists(st.tuples(text, text), min_size=1, max_size=4), value)
    def test_pointers_to_members(self, steps, put):
        """RFC 6901: `~1` and `~0` stand for `/` and `~`; parents are made."""
        names = ["x" + step for step, _ in steps]
        key = "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in names)

        found = json.loads(after(b"{}", JSON, (key, put)))

        for step in names:
            found = found[step]
        assert put == found

    def test_nothing_else_changes(self):
        """Numbers beyond any type, order, escapes, blanks and half characters of the caller stay as they are."""
        numbers = b'\n{ "n" : 1.10, "big":123456789012345678901234567890, "e":1E400,\t'
        before = numbers + b'"u":"\\u00e9\\ud800 \xc3\xa9", "a":[ 1 , {} ] }\n'

        written = after(before, JSON, ("k", "v"), ("/a/1/x", 2))

        assert before.replace(b"{}", b'{"x":2}').replace(b" ] }", b' ],"k":"v" }') == written

    def test_a_replaced_member_keeps_its_place(self):
        """`replace` changes the value and not the order."""
        assert after(b'{"a": 1, "k" : [{"k":"old"}] , "b":2}', JSON, ("k", "new")) == b'{"a": 1, "k" : "new" , "b":2}'

    @every(
        "before, key, expected",
        [
            (b"{}", "", {"": 1}),
            (b"{}", "/", {"": 1}),
            (b"{}", "/a/b/c", {"a": {"b": {"c": 1}}}),
            (b"{}", "/a/-", {"a": [1]}),
            (b"{}", "/a/-/b", {"a": [{"b": 1}]}),
            (b"{}", "/a/0/b", {"a": [{"b": 1}]}),
            (b'{"a":[]}', "/a/-", {"a": [1]}),
            (b'{"a":[7]}', "/a/-", {"a": [7, 1]}),
            (b'{"a":[7]}', "/a/1", {"a": [7, 1]}),
            (b'{"a":[7,8]}', "/a/0", {"a": [1, 8]}),
            (b'{"a":[[7],8]}', "/a/0/0", {"a": [[1], 8]}),
            (b'{"a":{"1":7}}', "/a/1", {"a": {"1": 1}}),
            (b"[7]", "/-", [7, 1]),
            (b'[{"a":7}]', "/0/a", [{"a": 1}]),
            (b'{"a/b":7}', "/a~1b", {"a/b": 1}),
            (b'{"\\u0061":7}', "a", {"a": 1}),
        ],
    )
    def test_pointers(self, before, key, expected):
        """Where a pointer leads, into objects and lists."""
        assert expected == json.loads(after(before, JSON, (key, 1)))

    @every(
        "before, key, why",
        [
            (b"[]", "k", "no object"),
            (b'"x"', "k", "no object"),
            (b"null", "k", "no object"),
            (b"3", "/k", "the body is neither"),
            (b'{"a":1}', "/a/b", "/a is neither"),
            (b'{"a":null}', "/a/b", "/a is neither"),
            (b'{"a":[]}', "/a/1", "0 items"),
            (b'{"a":[1]}', "/a/01", "no place in a list"),
            (b'{"a":[1]}', "/a/x", "no place in a list"),
            (b'{"a":[1]}', "/a/99999999999999999999", "no place in a list"),
        ],
    )
    def test_pointers_that_lead_nowhere(self, before, key, why):
        """The error names the place; the body stays as it was."""
        body = read_body(before, JSON)

        with pytest.raises(PlacementError, match=why):
            body.put(key, 1)

        assert before == body.encode()

    @every(
        "before, why",
        [
            (b"", "empty"),
            (b"{", "not JSON"),
            (b"{} {}", "not JSON"),
            (b'\xef\xbb\xbf{"a":1}', "not JSON"),
            (b'{"a":"\xff"}', "not UTF-8"),
            (b'{"a":1,"a":2}', "twice"),
            (b'{"b":[{"a":1,"\\u0061":2}]}', "twice"),
            (b'{"a":NaN}', "NaN"),
            (b'{"a":-Infinity}', "Infinity"),
            (b"[" * 200_000, "deep|not JSON"),
        ],
    )
    def test_what_is_not_json(self, before, why):
        """Two readers may see two things in such a body, so nothing is put into it; the words hold nothing of it."""
        with pytest.raises(PlacementError, match=why) as refused:
            read_body(before, JSON)

        assert None is refused.value.__cause__
        assert None is refused.value.__context__

    @every(
        "put", [b"x", float("nan"), float("inf"), "\ud800", ["\udfff"], {"a": {1, 2}}, {"\ud800": 1}]
    )
    def test_what_json_cannot_hold(self, put):
        """Bytes, numbers without end and half characters are errors."""
        body = read_body(b"{}", JSON)

        with pytest.raises(PlacementError, match="payload field k"):
            body.put("k", put)

        assert body.encode() == b"{}"

    def test_a_value_that_holds_itself(self):
        """Data without end is an error."""
        loop = []
        loop.append(loop)

        with pytest.raises(PlacementError, match="payload field k"):
            after(b"{}", JSON, ("k", loop))

    def test_secrets_inside_data_are_written(self):
        """A map taken whole, such as `kept`, may hold Secrets."""
        assert after(b"{}", JSON, ("k", {"a": [Secret("s", "test")]})) == b'{"k":{"a":["s"]}}'

    @every(
        "content_type",
        ["application/vnd.api+json", "text/json", 'Application/JSON ; charset="UTF-8"', "application/json;"],
    )
    def test_types_that_are_json(self, content_type):
        """The structured suffix +json counts, case and a charset of utf-8 do not."""
        assert after(b"{}", content_type, ("a", 1)) == b'{"a":1}'


class TestMultipart:
    SENT = (
        b'pre\r\n--b 1\r\nContent-Disposition: form-data; filename="a; name=k"; name="f"\r\nContent-Type: x/y\r\n\r\n'
        b"\x00\xff\r\n--b\r\n\r\n--b 1 \t\r\ncontent-disposition:form-data;\r\n name=k\r\n\r\nold\r\n--b 1--\r\nafter"
    )
    TYPE = 'multipart/form-data; boundary="b 1"'

    def test_a_body_is_taken_apart_once(self, monkeypatch):
        """However many fields go into it: each part is looked at once, not once for every field."""
        read = []
        monkeypatch.setattr(multipart, "_name_of", lambda part, name=multipart._name_of: read.append(part) or name(part))
        body = multipart.MultipartBody.read(b"".join(b'--b\r\nContent-Disposition: form-data; name="a%d"\r\n\r\n1\r\n' % number for number in range(50)) + b"--b--", {"boundary": "b"})
        for number in range(0, 100, 2):
            assert body.has(f"a{number}") == (number < 50)
            body.put(f"a{number}", ["2", "3"])
            body.put(f"a{number}", "2")

        assert 50 == len(read)
        assert [(f"a{number}", b"12"[number % 2 == 0 :][:1]) for number in range(50)] + [(f"a{number}", b"2") for number in range(50, 100, 2)] == parts(body.encode(), "multipart/form-data; boundary=b")

    @given(st.lists(st.tuples(st.from_regex(r"[A-Za-z0-9 ;=,äß-]+", fullmatch=True).map(str.strip).filter(bool), text)))
    def test_round_trip(self, pairs):
        """Another parser reads the names and values that were put in."""
        body = empty_body("multipart", None)

        for key, put in pairs:
            body.put(key, put)

        expected = [(key, put.encode()) for key, put in dict(pairs).items()]
        found = parts(body.encode(), body.content_type) if pairs else []
        assert [put for _, put in expected] == [put for _, put in found]
        assert all(not key.isascii() or key == read for (key, _), (read, _) in zip(expected, found, strict=True))

    @given(text)
    def test_a_part_comes_before_the_closing_line(self, put):
        """Preamble, parts with any bytes, epilogue and the boundary stay byte for byte."""
        fresh = b'\r\n--b 1\r\nContent-Disposition: form-data; name="n"\r\n\r\n' + put.encode()

        assert self.SENT.replace(b"\r\n--b 1--", fresh + b"\r\n--b 1--") == after(self.SENT, self.TYPE, ("n", put))

    def test_a_part_is_found_by_its_name(self):
        """Also in a folded header and without quotes; a `name=` within a file name is none."""
        body = read_body(self.SENT, self.TYPE)

        assert [body.has(key) for key in ("f", "k", "a")] == [True, True, False]
        body.put("k", "new")

        written = body.encode()
        assert b"old" not in written
        assert [content for _, content in parts(written, self.TYPE)] == [b"\x00\xff\r\n--b\r\n", b"new"]

    def test_every_part_of_the_name_is_replaced(self):
        """The server reads one value, not the caller's beside ours."""
        body = empty_body("multipart", "multipart/form-data; boundary=b")
        body.put("k", ["1", "2"])
        body.put("l", "3")

        body.put("k", "new")

        assert parts(body.encode(), body.content_type) == [("k", b"new"), ("l", b"3")]

    @pytest.mark.parametrize(("key", "written"), [('a"b', b'name="a%22b"'), ("a\r\nX: 1", b'name="a%0D%0AX: 1"')])
    def test_names_are_escaped_as_browsers_do(self, key, written):
        """A name can neither end its quotes nor its line (WHATWG HTML), and is found again."""
        body = empty_body("multipart", None)

        body.put(key, "x")

        assert written in body.encode()
        assert body.has(key)

    def test_a_backslash_in_a_name(self):
        """Some servers take it for an escape, some do not: refused."""
        with pytest.raises(PlacementError, match="disagree"):
            empty_body("multipart", None).put("a\\", "x")

    def test_a_value_that_holds_the_boundary(self):
        """It would end its part: refused, whoever chose the boundary."""
        body = read_body(self.SENT, self.TYPE)

        for put in ("--b 1--\r\n", "x\r\n--b 1\r\n", "--b 1x"):
            with pytest.raises(PlacementError, match="payload field n holds the boundary"):
                body.put("n", put)

        assert body.encode() == self.SENT

    @every(
        "body, content_type",
        [
            (b"--b--", "multipart/form-data"),
            (b"--b--", 'multipart/form-data; boundary=""'),
            (b"--b--", "multipart/form-data; boundary=" + "b" * 71),
            (b"--b--", 'multipart/form-data; boundary="b "'),
            (b"", "multipart/form-data; boundary=b"),
            (b"--b\r\n\r\nx", "multipart/form-data; boundary=b"),
            (b"--b\r\n\r\nx--b--", "multipart/form-data; boundary=b"),
        ],
    )
    def test_what_cannot_be_read(self, body, content_type):
        """No boundary, or none that closes the body: nothing is put in."""
        with pytest.raises(PlacementError, match="bound"):
            read_body(body, content_type)

    @every("sent", [b"--b--", b"--b--\r\n", b"\r\n--b--", b"pre\r\n--b--"])
    def test_a_body_without_parts(self, sent):
        """A first part may be put in."""
        written = after(sent, "multipart/form-data; boundary=b", ("k", "v"))

        assert written.endswith(sent[sent.index(b"--b--") :])
        assert parts(written, "multipart/form-data; boundary=b") == [("k", b"v")]

    def test_new_bodies_have_boundaries_nobody_can_guess(self):
        """Each has its own."""
        assert len({empty_body("multipart", None).content_type for _ in range(3)}) > 1


class TestXml:
    def test_a_body_is_taken_apart_once(self, monkeypatch):
        """However many fields go into it, and into what they made: its tags are read once each, not once for every field."""
        read = []
        monkeypatch.setattr(xml, "_TAG", SimpleNamespace(match=lambda document, place, tag=xml._TAG: read.append(place) or tag.match(document, place)))
        body = xml.XmlBody.read(b"<r>" + b"".join(b"<a%d/>" % number for number in range(50)) + b"</r>", {})
        for number in range(0, 100, 2):
            assert body.has(f"a{number}") == (number < 50)
            body.put(f"a{number}", "1")
            body.put(f"/r/a{number}/b/c", "2")

        assert 51 == len(read)
        whole = [f"<a{number}/>" if number % 2 else f"<a{number}>1<b><c>2</c></b></a{number}>" for number in (*range(50), *range(50, 100, 2))]
        assert f"<r>{''.join(whole)}</r>" == body.encode().decode()

    def test_elements_may_stand_in_each_other(self):
        """At any depth: nothing is read or written by recursion."""
        deep = b"<a>" * 50_000 + b"</a>" * 50_000

        assert deep.removesuffix(b"</a>") + b"<z>1</z></a>" == after(deep, "text/xml", ("z", "1"))

    SOAP = (
        b'<?xml version="1.0" encoding="utf-8"?>\n<!-- <E> --><s:E xmlns:s="urn:s" a=\'x>y\'>\n  '
        b'<s:H/><s:B id="1" ><t x="/">\xc3\xa9'
        b"<![CDATA[<t>]]></t> <u/></s:B></s:E>\n"
    )

    @given(xml_text)
    def test_round_trip(self, put):
        """Another parser reads the text that was put in; CR too, which XML would otherwise change."""
        root = ElementTree.fromstring(after(b"<r/>", "text/xml", ("/r/a/b", put)))

        assert put == (root.findtext("a/b") or "")

    @every(
        "key, old, new",
        [
            ("/E/H/Token", b"<s:H/>", b"<s:H><s:Token>&lt;v></s:Token></s:H>".replace(b"v>", b"v&gt;")),
            ("/E/B/t", b"\xc3\xa9<![CDATA[<t>]]>", b"&lt;v&gt;"),
            ("/E/B/u", b"<u/>", b"<u>&lt;v&gt;</u>"),
            ("/E/B/t/n/o", b"</t>", b"<n><o>&lt;v&gt;</o></n></t>"),
            ("/E/B/n", b"</s:B>", b"<s:n>&lt;v&gt;</s:n></s:B>"),
            ("n", b"</s:E>", b"<s:n>&lt;v&gt;</s:n></s:E>"),
        ],
    )
    def test_nothing_else_changes(self, key, old, new):
        """Prefixes, comments, blanks, CDATA and attributes stay; parents are made with their parent's prefix."""
        assert self.SOAP.replace(old, new) == after(self.SOAP, "application/soap+xml; charset=utf-8", (key, "<v>"))

    def test_a_new_document(self):
        """The first path makes the root; later ones go into it."""
        body = empty_body("xml", None)

        for key, put in [("/login/user", "a&b"), ("/login/more/pin", 7), ("user", "c"), ("/login/more/on", True)]:
            body.put(key, put)

        declaration = b'<?xml version="1.0" encoding="UTF-8"?>'
        root = b"<login><user>c</user><more><pin>7</pin><on>true</on></more></login>"
        assert body.encode() == declaration + root

    @every(
        "document, why",
        [
            (b"<!DOCTYPE r><r/>", "DTD"),
            (b'<!DOCTYPE r [<!ENTITY a "b">]><r>&a;</r>', "DTD"),
            (b'<!DOCTYPE r SYSTEM "file:///etc/passwd"><r/>', "DTD"),
            (b"<r>&a;</r>", "well-formed"),
            (b"<r>", "well-formed"),
            (b"<r/><r/>", "well-formed"),
            (b"", "well-formed"),
            (b"<r>\xff</r>", "well-formed"),
            (b'<?xml version="1.0" encoding="ISO-8859-1"?><r>\xe9</r>', "another encoding"),
            ("<r/>".encode("utf-16"), "well-formed"),
        ],
    )
    def test_what_cannot_be_read(self, document, why):
        """A DTD (and with it every entity) is refused, and so is what is not XML in UTF-8."""
        with pytest.raises(PlacementError, match=why):
            read_body(document, "application/xml")

    @every(
        "key, put, why",
        [
            ("/x/a", "v", "root of the XML body is <r>"),
            ("/r/a", "v", "2 elements <a>"),
            ("/r/1", "v", "1 is no name"),
            ("/r/a b", "v", "no name"),
            ("/r/a><b", "v", "no name"),
            ("/r//b", "v", "empty step"),
            ("/r/", "v", "empty step"),
            ("/r/b", "\x00", "character at 1"),
            ("/r/b", "ab\ufffe", "character at 3"),
            ("/r/b", None, "null"),
            ("/r/b", ["v"], "a list"),
        ],
    )
    def test_what_cannot_be_put_in(self, key, put, why):
        """Another root, ambiguous paths, names and characters that XML does not have."""
        body = read_body(b"<r><a/><a/></r>", "text/xml")

        with pytest.raises(PlacementError, match=re.escape(why)):
            body.put(key, put)

        assert body.encode() == b"<r><a/><a/></r>"

    def test_a_byte_order_mark_stays(self):
        """UTF-8 may begin with one."""
        assert after(b"\xef\xbb\xbf<r/>", "text/xml", ("a", "v")) == b"\xef\xbb\xbf<r><a>v</a></r>"

    def test_the_root_itself(self):
        """A path of one step sets the text of the root."""
        assert after(b'<r a="1"/>', "text/xml", ("/r", "v")) == b'<r a="1">v</r>'

    def test_a_document_without_root_is_not_sent(self):
        """An XML body that nothing was put into is an error, as is a first key that names no root."""
        body = empty_body("xml", None)

        with pytest.raises(PlacementError, match="element path"):
            body.put("user", "a")
        with pytest.raises(PlacementError, match="element path, or content"):
            body.encode()

    def test_deep_documents(self):
        """Nesting costs no stack."""
        deep = b"<r>" + b"<a>" * 20_000 + b"</a>" * 20_000 + b"</r>"

        assert deep.removesuffix(b"</r>") + b"<k>v</k></r>" == after(deep, "text/xml", ("k", "v"))


@every(
    "content_type",
    [
        "text/plain",
        "application/octet-stream",
        "application/x-ndjson",
        "multipart/mixed; boundary=b",
        "",
        "json",
        "application/json; charset",
        "application/json; charset=utf-16",
        "application/json; charset=utf-8; charset=utf-16",
        "text/xml; charset=us-ascii",
    ],
)
def test_bodies_that_have_no_fields(content_type):
    """Anything but the known types in UTF-8 is refused with the reason."""
    with pytest.raises(PlacementError, match=r"has no fields|charset"):
        read_body(b"{}", content_type)


@pytest.mark.parametrize("encoding", ["text", "none"])
def test_encodings_without_fields(encoding):
    """A payload field in `text` or `none` is an error, not silence."""
    with pytest.raises(PlacementError, match="payload field k"):
        empty_body(encoding, None).put("k", "v")


def test_content_is_sent_as_it_is_written():
    """`content` has the type of its encoding, and takes no fields beside it."""
    body = content_body("xml", "<é/>", None)

    assert ("application/xml", "<é/>".encode()) == (body.content_type, body.encode())
    with pytest.raises(PlacementError, match="written out as content"):
        body.put("k", "v")


@pytest.mark.parametrize("encoding", ["none", "query", "multipart"])
def test_content_needs_an_encoding_with_a_body(encoding):
    """There is no type to send it as."""
    with pytest.raises(PlacementError, match=encoding):
        content_body(encoding, "x", None)


@every(
    "written, expected",
    [
        ("text/XML", ("text/xml", {})),
        (' a/b ; C="x;\\"y" ; d=e;', ("a/b", {"c": 'x;"y', "d": "e"})),
        ("a/b; c=1; C=2", ("", {})),
        ("a/b; c", ("", {})),
        ("a/b c", ("", {})),
        ("a", ("", {})),
    ],
)
def test_media_types(written, expected):
    """Quotes and case are read as RFC 9110 §8.3.1 has them; a parameter twice has no meaning."""
    assert expected == media_type(written)


@pytest.mark.thorough
def test_many_fields_read_a_body_once():
    """A thousand fields in a body of a megabyte take about as long as reading it: at its top and inside of it, also beside long values."""
    began = time.process_time()
    body = read_body(json.dumps({"a": {"list": [[]] * 300_000}}).encode(), "application/json")
    for number in range(500):
        for key in (f"k{number}", f"/a/k{number}", "/a/more/-", "k0"):
            body.has(key)
            body.put(key, [number])

    data = json.loads(body.encode())
    assert (len(data), len(data["a"]), data["k0"], data["a"]["k499"]) == (501, 502, [499], [499])
    assert data["a"]["more"] == [[number] for number in range(500)]
    assert time.process_time() - began < 10


def test_pointers_go_through_what_fields_wrote():
    """What a field wrote is as much part of the body as what was there: lists and maps in it can be gone into, and white space stays."""
    body = read_body(b'{ "a" : { } , "l" : [ 1 , {} ] }', "application/json")

    for key, value in [("/a/b", {"c": [1]}), ("/a/b/c/-", 2), ("/a/b/c/0", "x"), ("/l/1/x/0", 3), ("/l/-", []), ("/l/2/-", 4), ("a", "whole"), ("/new/x/y", 5), ("/new/x/z", 6)]:
        body.put(key, value)

    assert body.encode() == b'{ "a" : "whole" , "l" : [ 1 , {"x":[3]},[4] ],"new":{"x":{"y":5,"z":6}} }'
    with pytest.raises(PlacementError, match="payload field /a/b: /a is neither an object nor a list"):
        body.put("/a/b", 1)


@pytest.mark.parametrize(
    ("content_type", "alphabet"),
    [
        (JSON, '{}[]",:\\/ut0e-1.k\n\xe9\ud800'),
        (FORM, "k=&%+;6bB \xe9\ud800"),
        ("multipart/form-data; boundary=b", '-b\r\n:;"= kx'),
        ("text/xml", "<>/!?&;:kr='\"[ -]x\xe9\ud800"),
    ],
)
@given(data=st.data())
def test_any_bytes_at_all(content_type, alphabet, data):
    """A body is opened and stays as it is until a field is put in, or it is refused; nothing else is ever raised."""
    character = st.sampled_from(alphabet).map(lambda one: one.encode("utf-8", "surrogatepass"))
    pieces = st.sampled_from([b"Content-Disposition: form-data; name=k", b"\r\n--b\r\n", b"\r\n--b--", b"<r>", b"</r>"])
    before = b"".join(data.draw(st.lists(character | pieces | st.binary(max_size=2), max_size=30)))
    try:
        body = read_body(before, content_type)
    except PlacementError:
        return

    assert body.encode() == before
    for key in ("k", "/r/k", "/r/-"):
        try:
            body.put(key, "v")
        except PlacementError:
            continue
        assert body.has(key) or key.endswith("-")
        assert read_body(body.encode(), content_type).encode() == body.encode()

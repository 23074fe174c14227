"""Whatever a value is: the server's own reader finds exactly it, once, and everything else as it was; or nothing is placed at all."""

import email.policy
import json
import re
from email.parser import BytesParser
from http.cookies import SimpleCookie
from urllib.parse import parse_qsl, unquote, urlsplit

import h11
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from nasty import any_text, is_well_formed, name, text

from authweave.drafts.draft import Draft
from authweave.errors import PlacementError
from authweave.placements.cookie import CookiePlacement
from authweave.placements.header import HeaderPlacement
from authweave.placements.path import PathPlacement
from authweave.placements.payload import PayloadPlacement
from authweave.placements.query import QueryPlacement
from authweave.values import TaskRequest
from hostile import tells_nothing
from thorough import every

pairs = st.lists(st.tuples(name, text), max_size=4)
FORM, JSON, XML = "application/x-www-form-urlencoded", "application/json", "application/xml"


def draft(url="https://h/a", headers=(), body=None, template=False):
    return Draft.of(TaskRequest("POST", url, headers, body, path_template=template))


def placed(placement, made, key, value):
    """The finished request; None where it was refused: then nothing of it is left in the request, and nothing is told."""
    before = made.finish() if not made.placeholders else None
    try:
        placement.place(made, key, value, "replace")
    except PlacementError as refused:
        tells_nothing(refused, *([value] if len(value) > 12 and value not in key else []))
    else:
        return made.finish()
    assert before is None or made.finish() == before
    return None


def is_refused_rightly(sent, can_be_sent):
    assert (sent is not None) == can_be_sent
    return sent is None


@given(any_text)
def test_header(value):
    """h11 reads the value, and no other field than those that were there."""
    sent = placed(HeaderPlacement(), draft(headers=(("A", "1"), ("B", "2"))), "X-Key", value)

    if is_refused_rightly(sent, bool(re.fullmatch(r"([\x21-\x7e]([\t\x20-\x7e]*[\x21-\x7e])?)?", value))):
        return
    server = h11.Connection(h11.SERVER)
    server.receive_data(b"POST / HTTP/1.1\r\nHost: h\r\n" + "".join(f"{key}: {item}\r\n" for key, item in sent.headers).encode("latin-1") + b"\r\n")
    fields = server.next_event().headers.raw_items()
    assert fields == [(b"Host", b"h"), (b"A", b"1"), (b"B", b"2"), (b"X-Key", value.encode()), *[field for field in fields if field[0] == b"Content-Length"]]
    assert isinstance(server.next_event(), h11.EndOfMessage)
    assert not server.trailing_data[0]


@given(any_text)
def test_cookie(value):
    """`http.cookies` reads exactly two cookies; a value that needs an escape is refused, as no two servers agree on one."""
    sent = placed(CookiePlacement(), draft(headers=(("Cookie", "a=1"),)), "k", value)

    octets = r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*"
    if is_refused_rightly(sent, bool(re.fullmatch(f'{octets}|"{octets}"', value))):
        return
    read = SimpleCookie(sent.header("cookie"))
    assert {key: morsel.coded_value for key, morsel in read.items()} == {"a": "1", "k": value}


@given(pairs, name, any_text)
def test_query(others, key, value):
    """`parse_qsl` reads the others, in their order, and the one."""
    assume(is_well_formed(key) and all(other != key for other, _ in others))
    made = draft()
    for other, item in others:
        made.put_query(other, item)
    before = parse_qsl(urlsplit(made.url).query, keep_blank_values=True)
    sent = placed(QueryPlacement(), made, key, value)

    if is_refused_rightly(sent, is_well_formed(value)):
        return
    assert sent.url.isascii()
    assert sent.url.isprintable()
    assert parse_qsl(urlsplit(sent.url).query, keep_blank_values=True, errors="strict") == [*before, (key, value)]
    assert (urlsplit(sent.url).netloc, urlsplit(sent.url).path, urlsplit(sent.url).fragment) == ("h", "/a", "")


@given(any_text, st.sampled_from(["{k}", "x{k}", "{k}y", ".{k}", "{k}.", "%2e{k}"]))
def test_path(value, segment):
    """One segment, between those that were there, that reads as it should; or it would lead elsewhere."""
    sent = placed(PathPlacement(), draft(f"https://h/v1/{segment}/end?q", template=True), "k", value)

    expected = unquote(segment).replace("{k}", value)
    if is_refused_rightly(sent, is_well_formed(value) and value not in ("", ".", "..") and expected not in ("", ".", "..")):
        return
    path = urlsplit(sent.url).path.split("/")
    assert [unquote(part, errors="strict") for part in path] == ["", "v1", expected, "end"]
    assert re.fullmatch(r"[A-Za-z0-9\-._~%]+", path[2])
    assert (urlsplit(sent.url).netloc, urlsplit(sent.url).query) == ("h", "q")


@given(pairs, name, any_text)
def test_form(others, key, value):
    """As a query; a space is `+`, and both readings agree."""
    assume(all(other != key for other, _ in others))
    made = draft(headers=(("Content-Type", FORM),), body=b"")
    for other, item in others:
        made.put_payload(other, item)
    before = parse_qsl((made.body or b"").decode(), keep_blank_values=True)
    sent = placed(PayloadPlacement(), made, key, value)

    wrong = PayloadPlacement().wrong_key(key)
    if is_refused_rightly(sent, is_well_formed(value) and not wrong):
        return
    assert parse_qsl(sent.body.decode("ascii"), keep_blank_values=True, errors="strict") == [*before, (key, value)]
    assert sent.header("content-length") == str(len(sent.body))


scalars = st.one_of(text, st.integers(-(2**53), 2**53), st.booleans(), st.none())
documents = st.dictionaries(text, st.one_of(scalars, st.lists(scalars, max_size=2)), max_size=4)


@given(documents, name.filter(lambda key: not key.startswith("/")), any_text, st.sampled_from([None, 1, "\t"]))
def test_json(document, key, value, indent):
    """A strict reader finds each member once, the others as they were."""
    made = draft(headers=(("Content-Type", JSON),), body=json.dumps(document, indent=indent).encode())
    sent = placed(PayloadPlacement(), made, key, value)

    if is_refused_rightly(sent, is_well_formed(value)):
        return
    read = json.loads(sent.body, object_pairs_hook=list)
    assert [member for member, _ in read] == [*document, *([] if key in document else [key])]
    assert json.loads(sent.body) == {**document, key: value}


@given(st.lists(name, min_size=1, max_size=4), any_text)
def test_json_at_a_pointer(steps, value):
    """However its steps are spelt: `~` and `/` in a name are escaped, and name one member."""
    assume(not any(step in ("-", "0") for step in steps))
    pointer = "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)
    sent = placed(PayloadPlacement(), draft(headers=(("Content-Type", JSON),), body=b'{"rest":1}'), pointer, value)

    if steps[0] == "rest" or is_refused_rightly(sent, is_well_formed(value)):
        return
    read = json.loads(sent.body)
    for step in steps:
        read = read[step]
    assert read == value
    assert set(json.loads(sent.body)) == {"rest", steps[0]}


@given(any_text)
def test_xml(value):
    """Another parser's text of the one element, with line ends and blanks as they were."""
    from xml.etree import ElementTree

    sent = placed(PayloadPlacement(), draft(headers=(("Content-Type", XML),), body=b"<r><a>1</a></r>"), "k", value)

    if is_refused_rightly(sent, not re.search("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", value)):
        return
    root = ElementTree.fromstring(sent.body)
    assert [(child.tag, child.text or "", child.attrib) for child in root] == [("a", "1", {}), ("k", value, {})]


@given(any_text)
def test_multipart(value):
    """`email` finds two parts with the names they have; the bytes of the second are the value's."""
    body = b'--b0und\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--b0und--\r\n'
    sent = placed(PayloadPlacement(), draft(headers=(("Content-Type", "multipart/form-data; boundary=b0und"),), body=body), "k", value)

    if not is_well_formed(value) or sent is None:
        assert sent is None
        assert not is_well_formed(value) or "--b0und" in value
        return
    message = BytesParser(policy=email.policy.HTTP).parsebytes(b"Content-Type: multipart/form-data; boundary=b0und\r\n\r\n" + sent.body)
    assert [part.get_param("name", header="content-disposition") for part in message.iter_parts()] == ["a", "k"]
    start = sent.body.rindex(b'name="k"\r\n\r\n') + len(b'name="k"\r\n\r\n')
    assert sent.body[start:] == value.encode() + b"\r\n--b0und--\r\n"


@every("spelling", ["Content-Length", "content_length", "CONTENT-length", "Transfer_Encoding", "HOST", "Proxy_Authorization", "Proxy", "proxy-connection", "Set-Cookie", "Cookie", "cookie2", "TE", "Trailer", "Keep_Alive", "Upgrade", "Expect", "HTTP2-Settings", ":authority", ":method", "Connection"])
def test_reserved_names_in_every_spelling(spelling):
    """CGI and its heirs read `_` as `-`: both are one name, in any case."""
    for written in (spelling, spelling.lower(), spelling.upper(), spelling.swapcase()):
        assert HeaderPlacement().wrong_key(written)
        with pytest.raises(PlacementError):
            HeaderPlacement().place(draft(), written, "v", "replace")


@given(any_text)
def test_names_of_headers(key):
    """What is no token is no name; what is one and reserved is none either."""
    if re.fullmatch(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+", key) is None:
        assert HeaderPlacement().wrong_key(key)
        assert CookiePlacement().wrong_key(key)


@every("placement", [HeaderPlacement(), CookiePlacement(), QueryPlacement(), PathPlacement()], ids=lambda placement: placement.name)
def test_a_value_may_be_long_but_not_endless(placement):
    """128 KiB in the head of a request; what is longer is refused, not cut, and not told."""
    for length, fits in ((8192, True), (128 * 1024, True), (128 * 1024 + 1, False)):
        made = draft("https://h/{k}", template=True)
        if fits:
            placement.place(made, "k", "x" * length, "replace")
            if placement.name != "path":
                made.target.fill("k", "y")
            assert "x" * length in repr(made.finish().url) + repr(made.finish().headers)
        else:
            with pytest.raises(PlacementError, match="is longer than 131072 characters") as refused:
                placement.place(made, "k", "x" * length, "replace")
            assert "xx" not in str(refused.value)

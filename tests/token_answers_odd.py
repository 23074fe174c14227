"""Answers of a token endpoint, each odd in one way, with what has to come of it: `token`, or the word of the error.

    for name, (answer, word) in ANSWERS.items(): ...

Beside `enemies` (what ends late, or costs much): encodings, JSON that parsers read differently, values of every type in every member,
statuses, framing that other clients have been fooled by, codings. `token` is the token `AT` and no other.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable
from typing import Any, Final

GOOD: Final = b'{"access_token":"AT","token_type":"Bearer","expires_in":60}'
OK: Final = b"HTTP/1.1 200 OK\r\n"
LENGTH: Final = b"Content-Length: %d\r\n" % len(GOOD)
CHUNKED: Final = OK + b"Transfer-Encoding: chunked\r\n"
LAST: Final = b"\r\n0\r\n\r\n"
Answers = dict[str, tuple[bytes, str]]


def said(body: bytes, content_type: str = "application/json", status: int = 200) -> bytes:
    """A whole answer."""
    return f"HTTP/1.1 {status} Said\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def with_members(**members: Any) -> bytes:
    """A good answer with other members."""
    return said(json.dumps({"access_token": "AT", "token_type": "Bearer", "expires_in": 60, **members}).encode())


def all_of(word: str, kind: str, bodies: Iterable[bytes], content_type: str = "application/json") -> Answers:
    """Bodies of one kind that come to the same."""
    return {f"{kind} {number}: {body[:40]!r}": (said(body, content_type), word) for number, body in enumerate(bodies)}


def member(word: str, name: str, values: Iterable[Any]) -> Answers:
    """Values of one member that come to the same."""
    return {f"{name}: {ascii(value)[:40]}": (with_members(**{name: value}), word) for value in values}


def lifetimes(word: str, literals: str) -> Answers:
    """Literals of `expires_in`, between bars, that come to the same."""
    return {f"expires_in: {literal[:40]}": (said(GOOD.replace(b"60", literal.encode())), word) for literal in literals.split("|")}


def _encodings() -> Answers:
    text = GOOD.decode()
    return {
        "UTF-8 with a mark": (said(b"\xef\xbb\xbf" + GOOD), "token"),
        "UTF-16 with a mark": (said(text.encode("utf-16")), "token"),
        **{name: (said(text.encode(name)), "*") for name in ("utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "cp037")},
        "half a character in UTF-16": (said((text[:-1] + ',"x":"\ud800"}').encode("utf-16", "surrogatepass")), "*"),
        **all_of("json_malformed", "bytes", [
            GOOD[:-1] + b',"x":"\xe9"}', GOOD[:-1] + b',"x":"\xc0\xaf"}', GOOD[:-1] + b',"x":"\xed\xa0\x80"}', b'{"access_token":"A\xed\xa0\x80"}', b'{"access_token":"A\xf4\x90\x80\x80"}',
        ]),
        **all_of("*", "around", [GOOD + b"\xff", GOOD + b"\0", b"\0" + GOOD, b"\x0c" + GOOD, b"\xc2\xa0" + GOOD, b"\xef\xbb\xbf\xef\xbb\xbf" + GOOD]),
        **all_of("token", "blank", [b"\r\n\t " + GOOD + b"\n\n"]),
    }  # fmt: skip


def _documents() -> Answers:
    string = json.dumps(GOOD.decode()).encode()
    return {
        **all_of("json_malformed", "grammar", [
            GOOD + GOOD, GOOD + b"\n" + GOOD.replace(b"AT", b"EVIL"), GOOD[:-1] + b",}", GOOD.replace(b'"', b"'"), b"{access_token:'AT'}", GOOD[:-1] + b"}}", b'{"access_token":"A\tT"}', b'{"access_token":"A\nT"}',
            b'{"access_token":"\\x41T"}', b'{"access_token":"\\u41"}', b'{"access_token":"AT";"token_type":"Bearer"}', b'{"access_token"="AT"}', b'{,"access_token":"AT"}', b'{"access_token":"AT" "x":1}',
        ]),
        **all_of("json_malformed", "twice", [
            b'{"access_token":"A1","access_token":"AT"}', b'{"access_token":"AT","access\\u005ftoken":"A2"}', GOOD[:-1] + b',"expires_in":9999999}', GOOD[:-1] + b',"x":{"a":1,"a":2}}', GOOD[:-1] + b',"token_type":"Bearer"}',
            b'[{"a":1,"a":1}]', b'{"":1,"":2,"access_token":"AT"}',
        ]),
        **all_of("wrong_content_type", "no JSON", [b"/* x */" + GOOD, b"// x\n" + GOOD, b")]}'\n" + GOOD, b"while(1);" + GOOD, b"cb(" + GOOD + b")", b"data: " + GOOD + b"\n\n", b"NaN", b"-", b"AT", b'"', b"True", b"None", b"undefined"]),
        **all_of("token_field_missing", "another value", [
            b"[" + GOOD + b"]", string, b"null", b"true", b"0", b'""', b"[]", b"{}", b'"AT"', b"[[]]", b'{"data":' + GOOD + b"}", b'{"__proto__":' + GOOD + b"}", b'{"constructor":{"prototype":' + GOOD + b"}}", b'{"access_token":{"value":"AT"}}',
            b'"a&access_token=AT&token_type=bearer&b"', b'["access_token=AT&x=1"]',
        ]),
        **all_of("empty_or_partial_body", "cut", [b"", b" ", b"\r\n", b"{", b"[", GOOD[:-1], GOOD[:30]]),
        **{f"the name {name!a}": (said(json.dumps({name: "AT", "token_type": "Bearer"}).encode()), "token_field_missing") for name in (
            "Access_Token", "ACCESS_TOKEN", "accessToken", "access-token", " access_token", "access_token ", "access_token\0", "acc\u0435ss_token", "access_token\ufeff", "token", "id_token", "refresh_token", "",
        )},
    }  # fmt: skip


def _forms() -> Answers:
    form = "application/x-www-form-urlencoded"
    return {
        **all_of("token", "form", [b"access_token=AT&token_type=bearer&expires_in=60", b"access_token=%41T", b"access_token=AT&x=", b"x=1;2&access_token=AT"], form),
        **all_of("token", "form, called otherwise", [b"access_token=AT&token_type=bearer", b"access_token=AT&expires=5183989\n"], "text/plain"),
        **all_of("token_field_missing", "form without one", [b"access_token[]=AT", b"Access_Token=AT", b"access_token%00=AT", b"access_token="], form),
        **all_of("token_not_sendable", "form with a token that cannot be sent", [b"access_token=A%0d%0aX:y", b"access_token=%ff", b"access_token=A+T", b"access_token=%00"], form),
        **all_of("wrong_content_type", "form that is none", [b"access_token=AT&access_token=EVIL", b"a=b&" * 1001 + b"access_token=AT"], form),
        **all_of("*", "a sentence with a form in it", [b"bad state: 1&access_token=AT&x=", b"error\n&access_token=AT&", b'"&access_token=AT&', b"see <a href=x?a=1&access_token=AT&b>", b"{x&access_token=AT&y"], "text/plain"),
        **all_of("json_malformed", "JSON with a form in it", [b'{"x":"&access_token=AT&","e":NaN}']),
        **all_of("wrong_content_type", "and a mark", [b'\xef\xbb\xbf{"x":"&access_token=AT&","e":NaN}']),
        **all_of("wrong_content_type", "XML", [b"<OAuth><access_token>AT</access_token></OAuth>", b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'], "application/xml"),
        **all_of("html_instead_of_json", "a page", [b"<html><title>x</title>&access_token=AT&", b"  <!DOCTYPE html><p>", b"<HTML>", b"<p>x"], "text/html"),
        **all_of("html_instead_of_json", "a page that is called JSON", [b"<html><title>x</title>&access_token=AT&"]),
        **all_of("token", "JSON, called a page", [GOOD], "text/html"),
    }  # fmt: skip


def _tokens() -> Answers:
    odd = ["A B", " AT", "AT ", "A\tT", "AT\n", "A\r\nX-Evil: 1", "A\rT", "A\x00T", "A\x7fT", "A\x85T", "A\xa0T", "A\u200bT", "\ufeffAT", "A\u202eT", "A😀", "é", 'A"T', "A,B", "A\\T", "A;T", "A=T", "A\u2028T", "A�", "Bearer AT", " "]
    types = ["mac", "MAC", "DPoP", "dpop", "pop", "Basic", "N_A", "n_a", "hmac", "Bearer ", " Bearer", "Bearer\r\nX: y", "Bearer\0", "b\u0435arer", "Bearer,DPoP", "bearer;", "BearerX", "refresh_token", "urn:ietf:params:oauth:token-type:jwt", "x" * 100_000, 1, 0]
    return {
        **member("token_not_sendable", "access_token", odd),
        **member("token_field_missing", "access_token", [None, "", True, False, 1.5, ["AT"], {}, [], 12345, 0, -1, 10**200]),
        **member("token_not_bearer", "token_type", types),
        **member("token", "token_type", ["bearer", "BEARER", "bEaReR", None, ""]),
        **member("token_field_missing", "token_type", [["Bearer"], {"a": 1}, True, False, 1.5, "\ud800"]),
        **member("token", "scope", [None, "", "read write admin", "r", ["a", "b"], [], 5, "a\r\nb", "a\0b", "\u202eread", "a " * 50_000]),
        **member("token_field_missing", "scope", [{"a": 1}, [["a"]], ["a", 1], True, 1.5, "\ud800"]),
        **member("token", "refresh_token", [None, "", 7, "R\r\nX: y", "R\xe9", "R" * 100_000, "AT"]),
        **member("token_field_missing", "refresh_token", [["R"], {}, True, 1.5, "R\ud800"]),
        **member("token_field_missing", "id_token", [["I"], {}, True, "I\ud800"]),
        **member("token", "error", ["", None, False, True, 0, "0", [], ["x"]]),
        **member("token_endpoint", "error", ["invalid_grant", "x", {"code": "x"}, {"type": "x", "message": "y"}]),
        **member("token", "code", ["200", 0, "ok"]),
        "an access token of 300 KiB": (with_members(access_token="A" * 300_000), "json_malformed"),
    }  # fmt: skip


def _lifetimes() -> Answers:
    none = '"NaN"|"inf"|"-inf"|"Infinity"|"1e9"|"3600s"|"3,600"|"0x10"|"1_000"|"\\u0663"|true|false|[]|{}|[60]|{"seconds":60}|"60 60"|"never"|"--1"|"+60"|"60."|".5"|" "|"2030-01-01T00:00:00Z"|"\\u0000"|"60\\u0000"|1e308|-1e308|99999999999999999999|"99999999999999999999"|-99999999999999999999'
    return {
        **lifetimes("lifetime_odd", f'{none}|"{"9" * 5000}"'),
        **lifetimes("json_malformed", f"NaN|Infinity|-Infinity|1e999|-1e999|1e400|{'9' * 400}|{'9' * 5000}|01|+60|.5|60.|0x3c|1_0|6e|--1"),
        **lifetimes("token", '60|60.0|6e1|"60"|"60.5"|60.5|" 60 "|0|-0|-1|-60|"-1"|"0"|0.001|1e9|1e12|9223372036854775807|null|""|1701234567|1701234567000|1e-300'),
    }  # fmt: skip


def _statuses() -> Answers:
    def both(word: str, empty: str, *statuses: int) -> Answers:
        with_token = {f"{status} with a token": (said(GOOD, status=status), word) for status in statuses}
        return with_token | {f"{status} with nothing": (f"HTTP/1.1 {status} X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n".encode(), empty) for status in statuses}

    refused = (400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 413, 415, 418, 421, 422, 423, 425, 426, 428, 431, 451, 499, 500, 501, 502, 503, 504, 505, 507, 508, 511, 520, 524, 530, 599, 600, 999)
    return {
        **both("token", "empty_or_partial_body", 200, 201, 202, 203, 206, 207, 208, 226, 299),
        **both("redirect_to_login", "redirect_to_login", 300, 301, 302, 303, 304, 305, 306, 307, 308, 399),
        **both("token_endpoint", "token_endpoint", *refused),
        **both("rate_limited", "rate_limited", 429),
        **both("*", "*", 100, 101, 102, 103, 199, 204),
    }


def _framing() -> Answers:
    chunk = b"%x\r\n" % len(GOOD) + GOOD
    garbage = {
        "blank before a colon": OK + b"Content-Length : 59\r\n\r\n" + GOOD, "Transfer-Encoding with a blank": OK + b"Transfer-Encoding : chunked\r\n" + LENGTH + b"\r\n" + GOOD,
        "Transfer-Encoding with a vertical tab": OK + b"Transfer-Encoding: \x0bchunked\r\n" + LENGTH + b"\r\n" + GOOD, "Transfer-Encoding identity": OK + b"Transfer-Encoding: identity\r\n" + LENGTH + b"\r\n" + GOOD,
        "chunked, identity": OK + b"Transfer-Encoding: chunked, identity\r\n\r\n" + chunk + LAST, "chunked in quotes": OK + b'Transfer-Encoding: "chunked"\r\n' + LENGTH + b"\r\n" + GOOD,
        "gzip, chunked": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + chunk + LAST,
        **{f"Content-Length {length!r}": OK + b"Content-Length:" + length + b"\r\n\r\n" + GOOD for length in (b"", b" 59.0", b" 5_9", b" -0", b" 59;", b" 59 59", "\u0665\u0669".encode(), b" 59\x0b")},
        "two lengths": OK + LENGTH + b"Content-Length: 10\r\n\r\n" + GOOD, "a chunk extension with a line end": CHUNKED + b'\r\n3b;a="\r\n"\r\n' + GOOD + LAST,
        **{f"chunk size {size!r}": CHUNKED + b"\r\n" + size + b"\r\n" + GOOD + LAST for size in (b" 3b ", b"+3b", b"3b_0", b"0x3b", b"3b,", b"-3b", b"3b\0")},
        "a bad trailer": CHUNKED + b"\r\n" + chunk + b"\r\n0\r\nbad trailer\r\n\r\n", "very many trailers": CHUNKED + b"\r\n" + chunk + b"\r\n0\r\n" + b"X: y\r\n" * 100_000 + b"\r\n",
        **{f"status line {line!r}": line + b"\r\n" + LENGTH + b"\r\n" + GOOD for line in (b"http/1.1 200 OK", b"HTTP/3 200 OK", b"HTTP/01.1 200 OK", b"ICY 200 OK", b" HTTP/1.1 200 OK", b"HTTP/1.1 +200 OK", b"HTTP/1.1 2e2 OK", b"HTTP/1.1\t200\tOK", b"HTTP/1.1 200 \0", b"HTTP/1.1 20 OK")},
        "a blank before the first header": OK + b" X: y\r\n" + LENGTH + b"\r\n" + GOOD, "a line end before the answer": b"\r\n\r\n" + OK + LENGTH + b"\r\n" + GOOD,
        **{f"header name {name!r}": OK + name + b": y\r\n" + LENGTH + b"\r\n" + GOOD for name in (b"X\xff", b"X\0", b"X Y", b"X\t", b"", b"(X)")},
        "h2c": b"HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n" + GOOD, "a body after 103": b"HTTP/1.1 103 E\r\nContent-Length: 4\r\n\r\nEVIL" + OK + LENGTH + b"\r\n" + GOOD,
    }  # fmt: skip
    cut = {
        "chunks without an end": CHUNKED + b"\r\n" + chunk + b"\r\n", "chunks with half an end": CHUNKED + b"\r\n" + chunk + b"\r\n0\r\n", "chunks with bare LF": CHUNKED + b"\r\n" + chunk.replace(b"\r\n", b"\n") + b"\n0\n\n",
        "a folded Transfer-Encoding": OK + b"Transfer-Encoding:\r\n chunked\r\nContent-Length: 64\r\n\r\n" + GOOD, "a length of 0 with a body": OK + b"Content-Length: 0\r\n\r\n" + GOOD, "a body after 204": b"HTTP/1.1 204 N\r\n" + LENGTH + b"\r\n" + GOOD,
    }  # fmt: skip
    sound = {
        "chunked in HTTP/1.0": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk + LAST,
        "bare LF": b"HTTP/1.1 200 OK\nContent-Length: 59\n\n" + GOOD, "a chunk extension": CHUNKED + b"\r\n3b;a=b;c\r\n" + GOOD + LAST, "trailers": CHUNKED + b"Trailer: X\r\n\r\n" + chunk + b"\r\n0\r\nX: y\r\nContent-Length: 1\r\n\r\n",
        "zeros before a chunk size": CHUNKED + b"\r\n0000" + chunk + LAST, "zeros before a length": OK + b"Content-Length: 00059\r\n\r\n" + GOOD, "no headers": OK + b"\r\n" + GOOD, "no reason": b"HTTP/1.1 200\r\n" + LENGTH + b"\r\n" + GOOD,
        "100 before": b"HTTP/1.1 100 Continue\r\n\r\n" + OK + LENGTH + b"\r\n" + GOOD, "100 with a length before": b"HTTP/1.1 100 E\r\nContent-Length: 0\r\n\r\n" + OK + LENGTH + b"\r\n" + GOOD, "another answer after": OK + LENGTH + b"\r\n" + GOOD + said(GOOD.replace(b"AT", b"EVIL")),
    }  # fmt: skip
    return {name: (answer, word) for word, answers in (("garbage", garbage), ("*", cut), ("token", sound)) for name, answer in answers.items()}


def _codings() -> Answers:
    packed, much = gzip.compress(GOOD), gzip.compress(gzip.compress(bytes(20_000_000)))
    extra = b"\x1f\x8b\x08\x1c\0\0\0\0\0\xff\x04\0abcd" + b"n" * 3000 + b"\0" + b"c" * 3000 + b"\0" + packed[10:]
    rows: list[tuple[str, bytes, str]] = [
        *[(coding, packed, "token") for coding in ("gzip", "GZIP", "x-gzip", "gzip, identity", "identity,gzip", " gzip ,")], ("deflate", zlib.compress(GOOD), "token"), ("deflate", zlib.compress(GOOD)[2:-4], "token"),
        ("gzip", packed + b"junk", "token"), ("gzip", extra, "token"), *[(coding, GOOD, "token") for coding in ("", ",,,", "identity")],
        ("gzip", packed + gzip.compress(b"EVIL"), "*"), ("gzip", gzip.compress(b""), "empty_or_partial_body"), ("gzip", b"", "empty_or_partial_body"), ("gzip", gzip.compress(packed), "wrong_content_type"), ("gzip", much, "*"),
        *[(coding, GOOD, "encoding") for coding in ("*", "none", "utf-8", "aws-chunked", "br", "zstd", "compress", "dcz", "exi", "pack200-gzip", "gzip;q=1", '"gzip"', "gzip gzip", "gzip", "deflate")],
        ("deflate", packed, "encoding"), ("gzip", zlib.compress(GOOD), "encoding"), ("gzip, deflate", zlib.compress(packed), "encoding"), ("gzip, gzip", gzip.compress(packed), "encoding"),
        ("gzip", packed[:-8] + bytes(8), "encoding"), ("gzip", packed[:-9], "truncated"), ("gzip", b"\x1f\x8b\x09" + packed[3:], "encoding"), ("gzip", b"\x1f\x8b\x08\xe0" + packed[4:], "encoding"),
    ]  # fmt: skip
    return {f"{coding!r} {number}": (OK + f"Content-Encoding: {coding}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body, word) for number, (coding, body, word) in enumerate(rows)}


ANSWERS: Final[Answers] = _encodings() | _documents() | _forms() | _tokens() | _lifetimes() | _statuses() | _framing() | _codings()
"""`*` is any error of ours: what it is called is no matter here."""

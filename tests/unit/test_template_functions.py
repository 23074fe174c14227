"""The functions of templates: one table, exact results."""

import base64
import datetime
import hashlib
import json

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

import signing
from authweave.errors import TemplateError
from authweave.templates import compile_template
from authweave.templates.functions import FUNCTIONS
from authweave.times import NotATime, parse_http_date, parse_rfc3339, parse_time
from thorough import every


def value(text, **response):
    return compile_template(text).value({"response": response, "now": 1705570200.75})


@every(
    "text, expected",
    [
        ("{{ 'ÀB' | lower }}", "àb"),
        ("{{ upper('straße') }}", "STRASSE"),
        ("{{ ' a b\n' | trim }}", "a b"),
        ("{{ 'a_b_c' | replace('_', '-') }}", "a-b-c"),
        ("{{ 'a,b,' | split(',') }}", ["a", "b", ""]),
        ("{{ split('a', ',')[0] }}", "a"),
        ("{{ ['a', 1, true, 1.5] | join('/') }}", "a/1/true/1.5"),
        ("{{ join(['a', 'b']) }}", "ab"),
        ("{{ join(['a', 'b'], separator=', ') }}", "a, b"),
        ("{{ [] | join(',') }}", ""),
        ("{{ 'https://x/' | strip_suffix('/') }}", "https://x"),
        ("{{ 'https://x' | strip_prefix('https://') }}", "x"),
        ("{{ 'x' | strip_prefix('y') }}", "x"),
        ("{{ ' 0042 ' | int }}", 42),
        ("{{ int('-7') }}", -7),
        ("{{ int(7.9) }}", 7),
        ("{{ length('äb') }}", 2),
        ("{{ length(unhex('00ff01')) }}", 3),
        ("{{ [1, 2] | length }}", 2),
        ("{{ {'a': 1} | length }}", 1),
        ("{{ urlencode('a b/ü&=+~') }}", "a%20b%2F%C3%BC%26%3D%2B~"),
        ("{{ urlpath('a b/ü') }}", "a%20b/%C3%BC"),
        ("{{ base64('fo') }}", "Zm8="),
        ("{{ base64(12) }}", "MTI="),
        ("{{ base64url(unhex('fbff')) }}", "-_8"),
        ("{{ hex('fo') }}", "666f"),
        ("{{ unbase64('-_8') }}", b"\xfb\xff"),
        ("{{ unbase64('+/8=\n') }}", b"\xfb\xff"),
        ("{{ unhex('FBff') }}", b"\xfb\xff"),
        ("{{ md5('') | hex }}", "d41d8cd98f00b204e9800998ecf8427e"),
        ("{{ sha1('abc') | hex }}", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        ("{{ sha256('abc') | hex }}", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ("{{ sha512('abc') | hex | length }}", 128),
        ("{{ basic('Aladdin', 'open sesame') }}", "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
        ("{{ basic('key', '') }}", "a2V5Og=="),
        ("{{ basic('test', '123£') }}", "dGVzdDoxMjPCow=="),
        ("{{ json({'a': [1, none, true, 'é\"']}) }}", '{"a":[1,null,true,"é\\""]}'),
        ("{{ parse_json('{\"a\": [1, 2.5, null]}').a }}", [1, 2.5, None]),
        ("{{ now() | format_time('rfc3339') }}", "2024-01-18T09:30:00Z"),
        ("{{ now() | format_time('http') }}", "Thu, 18 Jan 2024 09:30:00 GMT"),
        ("{{ now() | format_time('unix_ms') }}", 1705570200000),
        ("{{ 1705570200.123 | format_time('unix_ms') }}", 1705570200123),
        ("{{ now() | format_time('%Y%m%dT%H%M%SZ') }}", "20240118T093000Z"),
        ("{{ 0 | format_time('%d/%b/%y %I:%M %p %j %A %B %f %z %Z %s %%') }}",
         "01/Jan/70 12:00 AM 001 Thursday January 000000 +0000 UTC 0 %"),
        ("{{ -1 | format_time('rfc3339') }}", "1969-12-31T23:59:59Z"),
        ("{{ parse_time('2024-01-18T09:30:00Z', 'rfc3339') }}", 1705570200),
        ("{{ '1:02:30' | duration('D:HH:MM') }}", 95400),
        ("{{ duration('90', 'MM') }}", 5400),
        ("{{ duration('1-30', 'HH-MM') }}", 5400),
    ],
)  # fmt: skip
def test_results(text, expected):
    """Each function gives exactly this."""
    result = value(text)

    assert (type(result), result) == (type(expected), expected)


@every(
    "algorithm, expected",
    [
        ("md5", "750c783e6ab0b503eaa86e310a5db738"),
        ("sha1", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
        ("sha256", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        ("sha384", "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649"),
        ("sha512",
         "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fd"
         "caeab1a34d4a6b4b636e070a38bce737"),
    ],
)  # fmt: skip
def test_hmac(algorithm, expected):
    """RFC 2202 and RFC 4231, test case 2; the key comes first."""
    assert value(f"{{{{ hmac('Jefe', 'what do ya want for nothing?', '{algorithm}') | hex }}}}") == expected


def test_hmac_without_algorithm_is_sha256():
    """The algorithm may be left out, and named."""
    named = value("{{ hmac('k', 'x', algorithm='sha256') }}")

    assert value("{{ 'k' | hmac('x') }}") == named


def test_random_and_uuid_are_fresh():
    """Every evaluation gives another value, of the size asked for."""
    nonces = {value("{{ random(16) }}") for _ in range(20)}
    names = {value("{{ uuid() }}") for _ in range(20)}

    assert (len(nonces), {len(nonce) for nonce in nonces}) == (20, {16})
    assert (len(names), {name[14] for name in names}) == (20, {"4"})


def test_canonical():
    """Names lower-case and sorted, values trimmed, those of one name comma-joined, only those with the prefix."""
    headers = {"X-Ms-Version": " 2021 ", "x-ms-date": ["a ", " b"], "Accept": "*/*", "X-MS-DATE": "c", "n": 1}

    assert value("{{ canonical(response.h) }}", h=headers) == "accept:*/*\nn:1\nx-ms-date:a,b,c\nx-ms-version:2021\n"
    assert value("{{ canonical(response.h, '=', ';', 'x-ms-') }}", h=headers) == "x-ms-date=a,b,c;x-ms-version=2021;"
    assert value("{{ canonical(response.h, pair='=', end='&', prefix='N') }}", h=headers) == "n=1&"
    assert value("{{ canonical(response.h) }}", h={}) == ""


def test_sorted_pairs():
    """Names as they are written, by their characters; each value of a repeated name, sorted."""
    form = {"b": ["2", "1"], "B": "x y", "a": 1, "": ""}

    assert value("{{ sorted_pairs(response.f) }}", f=form) == "=&B=x y&a=1&b=1&b=2"
    assert value("{{ response.f | sorted_pairs('', '') }}", f=form) == "Bx ya1b1b2"
    assert value("{{ sorted_pairs(response.f, separator=',') }}", f={}) == ""


def test_parse_form():
    """The fields as a server reads them: decoded, empty ones kept, repeated ones as a list."""
    assert value("{{ parse_form(response.f) }}", f=b"a=1+2&b=%C3%BC&c=&a=3&d") == {"a": ["1 2", "3"], "b": "ü", "c": "", "d": ""}
    assert value("{{ parse_form('') }}") == {}
    for broken in (b"a=%FF", b"\xff=1"):
        with pytest.raises(TemplateError, match="not a form that can be read"):
            value("{{ parse_form(response.f) }}", f=broken)


def test_jwt_claims_are_read_not_verified():
    """The claims of a token, whoever signed it (RFC 7519 §3.1)."""
    claims = base64.urlsafe_b64encode(json.dumps({"exp": 1300819380, "iss": "joe"}).encode()).rstrip(b"=").decode()

    assert value("{{ jwt_claims(response.t).exp }}", t=f"eyJhbGciOiJub25lIn0.{claims}.") == 1300819380


KEYS = {"rsa": signing.key("RSA"), "ec": ec.generate_private_key(ec.SECP256R1())}


def private_pem(key):
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption()).decode()


def certificate(key):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    begin = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 7, begin, begin + datetime.timedelta(days=1))
    return builder.sign(key, hashes.SHA256())


@pytest.mark.parametrize("kind", KEYS)
def test_fingerprint_is_that_of_the_public_key(kind):
    """Private key, public key and certificate have one fingerprint: SHA-256 of the SubjectPublicKeyInfo."""
    key, info = KEYS[kind], serialization.PublicFormat.SubjectPublicKeyInfo
    der = key.public_key().public_bytes(serialization.Encoding.DER, info)
    public = key.public_key().public_bytes(serialization.Encoding.PEM, info).decode()
    signed = certificate(key).public_bytes(serialization.Encoding.PEM).decode()

    for pem in (private_pem(key), public, signed):
        assert value("{{ response.pem | fingerprint }}", pem=pem) == hashlib.sha256(der).digest()


def test_x5t_is_the_jose_header():
    """base64url of the SHA-1 of the certificate's DER, without padding (RFC 7515 §4.1.7); with sha256 that of `x5t#S256` (§4.1.8)."""
    signed = certificate(KEYS["ec"])
    expected = base64.urlsafe_b64encode(signed.fingerprint(hashes.SHA1())).rstrip(b"=").decode()

    pem = signed.public_bytes(serialization.Encoding.PEM).decode()
    longer = base64.urlsafe_b64encode(signed.fingerprint(hashes.SHA256())).rstrip(b"=").decode()

    assert value("{{ x5t(response.pem) }}", pem=pem) == expected
    assert value("{{ x5t(response.pem, 'sha256') }}", pem=pem) == value("{{ response.pem | x5t(algorithm='sha256') }}", pem=pem) == longer


@every(
    "text, says",
    [
        ("{{ base64([1]) }}", "base64: takes text or bytes, got a list"),
        ("{{ lower(unhex('00')) }}", "lower: takes text, got bytes"),
        ("{{ lower(true) }}", "lower: takes text, got a truth value"),
        ("{{ join('a') }}", "join: takes a list, got text"),
        ("{{ join([[1]]) }}", "join: a list cannot stand inside text"),
        ("{{ join([none]) }}", "join: null cannot stand inside text"),
        ("{{ format_time('1', 'http') }}", "turn text into one with `int`"),
        ("{{ format_time(1e15, 'http') }}", "not within the years"),
        ("{{ format_time(1, response.f) }}", "%q is not a part"),
        ("{{ parse_time('x', 'http') }}", "not an HTTP date"),
        ("{{ int('1.5') }}", "int: takes a number, or text"),
        ("{{ int('१२') }}", "int: takes a number, or text"),
        ("{{ int('1_000') }}", "int: takes a number, or text"),
        ("{{ int(true) }}", "int: takes a number, or text"),
        ("{{ length(5) }}", "length: takes"),
        ("{{ random(0) }}", "from 1 to 1024"),
        ("{{ random(1.5) }}", "from 1 to 1024"),
        ("{{ split('a', '') }}", "empty text"),
        ("{{ replace('a', '', 'b') }}", "empty text"),
        ("{{ split(response.many, ',') }}", "more than 10000 parts"),
        ("{{ unbase64('a') }}", "not base64"),
        ("{{ unbase64('a$b=') }}", "not base64"),
        ("{{ unhex('abc') }}", "not hexadecimal"),
        ("{{ basic('us:er', 'x') }}", "colon"),
        ("{{ basic('user', 'a\\nb') }}", "control character"),
        ("{{ json(unhex('00')) }}", "bytes cannot stand in JSON"),
        ("{{ json(response.loop) }}", "nested deeper"),
        ("{{ json([response.big, response.big]) }}", "longer than"),
        ("{{ parse_json('{') }}", "not JSON"),
        ("{{ parse_json('NaN') }}", "not JSON"),
        ("{{ parse_json(response.deep) }}", "not JSON"),
        ("{{ jwt_claims('a.b') }}", "not a signed JWT"),
        ("{{ jwt_claims('a.W10.c') }}", "not a signed JWT"),
        ("{{ fingerprint('x') }}", "not a PEM"),
        ("{{ x5t('x') }}", "not a PEM certificate"),
        ("{{ canonical([1]) }}", "takes a map, got a list"),
        ("{{ canonical(response.nested) }}", "a map cannot stand inside text"),
        ("{{ hmac('a', 'b', response.f) }}", "the algorithm is one of"),
        ("{{ urlencode(response.big) }}", "longer than"),
        ("{{ '1' | duration('D:HH') }}", "does not have the given form"),
        ("{{ duration(90, response.f) }}", "a duration form"),
    ],
)
def test_wrong_arguments(text, says):
    """A wrong argument is named by its kind, and so is the function."""
    loop = []
    loop.append(loop)
    response = {
        "f": "%q", "many": "," * 20_000, "loop": loop, "big": "b" * 700_000, "deep": "[" * 100_000,
        "nested": {"a": {"b": 1}},
    }  # fmt: skip

    with pytest.raises(TemplateError) as failed:
        value(text, **response)

    assert says in str(failed.value)


def test_table_describes_itself():
    """The signature in the table is what the function takes: the reference is made from it."""
    assert FUNCTIONS["canonical"].parameters == ("map", "pair", "end", "prefix")
    assert FUNCTIONS["canonical"].optional == ("pair", "end", "prefix")
    assert FUNCTIONS["uuid"].parameters == ()
    assert all(name == function.name for name, function in FUNCTIONS.items())


@given(st.binary(max_size=100))
def test_codings_are_read_back(data):
    """What is encoded decodes to the same bytes."""
    for coded in ("base64(response.x) | unbase64", "base64url(response.x) | unbase64", "hex(response.x) | unhex"):
        assert value(f"{{{{ {coded} }}}}", x=data) == data


json_data = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e300, 1e300) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(json_data.filter(lambda data: data is not None))
def test_json_is_read_back(data):
    """What is written as JSON reads as the same data."""
    assert value("{{ response.x | json | parse_json }}", x=data) == data


# Times


@every(
    "text, form, expected",
    [
        ("2024-01-18T09:30:00Z", "rfc3339", 1705570200),
        ("2024-01-18t09:30:00z", "rfc3339", 1705570200),
        ("2024-01-18 10:30:00+01:00", "rfc3339", 1705570200),
        ("2024-01-18T04:00:00.25-05:30", "rfc3339", 1705570200.25),
        ("2024-01-18T09:30:00.1234567890Z", "rfc3339", 1705570200.123456789),
        ("2016-12-31T23:59:60Z", "rfc3339", 1483228800),
        ("1969-12-31T23:59:59Z", "rfc3339", -1),
        ("Sun, 06 Nov 1994 08:49:37 GMT", "http", 784111777),
        ("Sunday, 06-Nov-94 08:49:37 GMT", "http", 784111777),
        ("Sun Nov  6 08:49:37 1994", "http", 784111777),
        ("1705570200000", "unix_ms", 1705570200),
        ("1705570200250", "unix_ms", 1705570200.25),
        ("18/01/2024", "%d/%m/%Y", 1705536000),
        ("Jan 18, 2024 09:30 AM", "%b %d, %Y %I:%M %p", 1705570200),
        ("Thursday 18 January 24 12:00 pm", "%A %d %B %y %I:%M %p", 1705579200),
        ("2024-018 10:30:00.5 +0100", "%Y-%j %H:%M:%S.%f %z", 1705570200.5),
        ("2024366", "%Y%j", 1735603200),
        ("@1705570200", "@%s", 1705570200),
        ("100% 2024", "100%% %Y", 1704067200),
    ],
)
def test_times_are_read(text, form, expected):
    """Seconds since the epoch, whole ones as an integer."""
    result = parse_time(text, form)

    assert (type(result), result) == (type(expected), expected)


@every(
    "text, form",
    [
        ("2024-01-18T09:30:00", "rfc3339"),
        ("2024-02-30T09:30:00Z", "rfc3339"),
        ("2024-01-18T24:00:00Z", "rfc3339"),
        ("2024-01-18T09:30:00+25:00", "rfc3339"),
        ("0000-01-18T09:30:00Z", "rfc3339"),
        ("٢٠٢٤-01-18T09:30:00Z", "rfc3339"),
        ("2024-01-18T09:30:00Z\n", "rfc3339"),
        ("2024-01-18T09:30:00.1" + "1" * 200 + "Z", "rfc3339"),
        ("Sun, 06 Xyz 1994 08:49:37 GMT", "http"),
        ("Sun, 06 Nov 1994 08:49:37 CET", "http"),
        ("12.5", "unix_ms"),
        ("2024", "%Y-%m"),
        ("x", "%d"),
        ("1", "%d"),
        ("2024 13", "%Y %m"),
        ("2023366", "%Y%j"),
        ("2024 13 pm", "%Y %I %p"),
        ("20242024", "%Y%Y"),
        ("x", "nothing"),
    ],
)
def test_what_is_no_time(text, form):
    """Refused with the form, never the value."""
    with pytest.raises(NotATime) as refused:
        parse_time(text, form)

    assert "2024" not in str(refused.value).replace("2024-01-18T09:30:00Z", "").replace("18 Jan 2024", "")


@given(st.integers(-62135596800, 253402300799))
def test_every_second_is_read_back(seconds):
    """What is formatted parses to the same second, in every form that holds it."""
    patterns = ("%Y-%m-%d %H:%M:%S", "%A %d %B %Y %I.%M.%S %p %z", "%s", "%Y %j %H %M %S")
    for form in ("rfc3339", "http", "unix_ms", *patterns):
        written = value(f"{{{{ format_time(response.t, '{form}') }}}}", t=seconds)

        assert parse_time(str(written), form) == seconds


@given(st.text(max_size=30), st.text("YmdHMSfyIpjabABzZs% -:", max_size=20))
def test_any_text_is_a_time_or_not(text, form):
    """Nothing but NotATime comes out of any text and any form."""
    for read in (lambda: parse_time(text, form), lambda: parse_rfc3339(text), lambda: parse_http_date(text)):
        try:
            read()
        except NotATime:
            continue

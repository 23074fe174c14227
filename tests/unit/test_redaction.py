"""Redaction: a known secret does not come out, whatever it was turned into."""

import base64
import html
import json
import os
import random
import re
import signal
import sys
import threading
import time
from urllib.parse import quote, quote_plus, urlencode

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from authweave.redaction import Redactor, fingerprint, inert, masked
from authweave.values import Secret
from forked import said_in_child
from thorough import every, few

PEM = "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n".format(
    "\n".join(base64.b64encode(random.Random(line).randbytes(48)).decode() for line in range(12))
)
PLANTED = {
    "plain": "Zm9vYmFyIHNlY3JldCA0MiBjaGFycyBsb25nIGhlcmU",
    "symbols": "p:w%+ x&y=<z>'\"\\/~!*()#",
    "accents": "pâss-wörd 日本 😀",
    "short": "pa5s",
    "spaces": "  leading and trailing  ",
    "backslashes": "a\\\\b\\nc\"\\\"d",
    "percent": "100%25%2B%zz",
    "pem": PEM,
    "lines": "first line of it\r\nsecond line of it",
    "surrogate": "abc\ud800def",
}


def lower(text):
    return re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), text)


TEXTS = {
    "raw": lambda s: s,
    "quote": lambda s: quote(s, safe="", errors="surrogatepass"),
    "quote lower": lambda s: lower(quote(s, safe="/", errors="surrogatepass")),
    "quote_plus": lambda s: quote_plus(s, errors="surrogatepass"),
    "form": lambda s: urlencode({"client_secret": s}, errors="surrogatepass"),
    "encodeURIComponent": lambda s: quote(s, safe="!*'()", errors="surrogatepass"),
    "encodeURI": lambda s: quote(s, safe="!*'();:@&=+$,/?#", errors="surrogatepass"),
    "every byte": lambda s: "".join(f"%{b:02x}" for b in s.encode(errors="surrogatepass")),
    "twice": lambda s: quote(quote(s, safe="", errors="surrogatepass"), safe=""),
    "json": json.dumps,
    "json utf-8": lambda s: json.dumps({"error": {"message": "bad " + s}}, ensure_ascii=False),
    "json in json": lambda s: json.dumps(json.dumps({"secret": s})),
    "json slashes": lambda s: json.dumps(s).replace("/", "\\/"),
    "json for a page, as .NET": lambda s: json.dumps(s)[1:-1].replace('\\"', "\\u0022").replace("<", "\\u003C").replace(
        ">", "\\u003E").replace("&", "\\u0026").replace("'", "\\u0027").replace("+", "\\u002B"),
    "json in a page": lambda s: json.dumps(s).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"),
    "html": html.escape,
    "html apos": lambda s: html.escape(s).replace("&#x27;", "&#39;"),
    "repr": lambda s: repr({"password": s}),
    "repr of bytes": lambda s: repr(s.encode(errors="surrogatepass")),
    "quoted string": lambda s: 'realm="' + s.replace("\\", "\\\\").replace('"', '\\"') + '"',
    "hex": lambda s: s.encode(errors="surrogatepass").hex(),
    "form in json": lambda s: json.dumps({"body": urlencode({"p": s}, errors="surrogatepass")}),
    "json in url": lambda s: "https://a.example/?q=" + quote(json.dumps({"p": s}), safe=""),
}


def encoded(text):
    return base64.b64encode(text.encode(errors="surrogatepass")).decode()


BASE64 = {
    "alone": encoded,
    "one before": lambda s: encoded("x" + s),
    "two before": lambda s: encoded("xy" + s + "z"),
    "basic": lambda s: "Basic " + encoded("app:" + s),
    "basic as RFC 6749 wants it": lambda s: "Basic " + encoded("a%3Ab:" + quote_plus(s, errors="surrogatepass")),
    "without padding": lambda s: encoded("ab" + s).rstrip("="),
    "url alphabet": lambda s: encoded("abc" + s + "d").replace("+", "-").replace("/", "_").rstrip("="),
    "in a url": lambda s: quote(encoded("k:" + s), safe=""),
    "in a form, lower": lambda s: encoded("k:" + s).replace("+", "%2b").replace("/", "%2f").replace("=", "%3d"),
    "in json": lambda s: json.dumps(encoded("k:" + s)).replace("/", "\\/"),
    "of json": lambda s: encoded(json.dumps({"iss": "me", "secret": s})),
    "in a token": lambda s: f"{encoded('{}')}.{encoded(json.dumps({'a': s}))}.sig",
}


@pytest.mark.parametrize("name", PLANTED)
@pytest.mark.parametrize("form", few(TEXTS, every=4))
def test_text_forms(name, form):
    """A secret in any of the encodings that write it character by character leaves nothing but its mark."""
    secret = PLANTED[name]
    text = "before " + TEXTS[form](secret) + " after"

    shown = Redactor([("it", secret)]).redact(text)

    assert masked(secret, "it") in shown
    assert secret.strip() not in shown
    assert shown.startswith("before ")
    assert shown.endswith(" after")
    assert len(shown) < len(text) + 60
    assert not survivors(secret, shown)


@pytest.mark.parametrize("name", PLANTED)
@pytest.mark.parametrize("form", few(BASE64, every=4))
def test_base64_forms(name, form):
    """A secret inside base64 is found at all three alignments, in both alphabets, with and without padding."""
    secret = PLANTED[name]
    text = BASE64[form](secret)

    shown = Redactor([("it", secret)]).redact(text)

    left = shown.split(masked(secret, "it"))
    assert len(left) > 1
    assert sum(map(len, left)) <= len(text) - len(secret)


def survivors(secret, shown):
    """Pieces of eight characters of the secret that are still there."""
    kept = shown.replace(masked(secret, "it"), "\0")
    pieces = (secret[at:at + 8] for at in range(len(secret) - 7))
    return [piece for piece in pieces if piece in kept and "-----" not in piece]


secrets = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FFF), min_size=4, max_size=40)


@given(secrets, st.sampled_from(sorted(TEXTS)), st.text(max_size=10), st.text(max_size=10))
def test_any_secret_in_any_form(secret, form, before, after):
    """For every secret, encoding and surroundings: what the encoding wrote is gone."""
    written = TEXTS[form](secret)

    shown = Redactor([("it", secret)]).redact(before + written + after)

    assert masked(secret, "it") in shown
    assert written not in shown.replace(masked(secret, "it"), "\0")


@given(secrets, st.sampled_from(sorted(BASE64)))
def test_any_secret_in_base64(secret, form):
    """For every secret: of its base64 less than one character's worth is left."""
    written = BASE64[form](secret)

    left = Redactor([("it", secret)]).redact(written).split(masked(secret, "it"))

    assert len(left) > 1
    assert sum(map(len, left)) <= len(written) - len(secret)


@given(secrets)
def test_what_a_real_client_sends(secret):
    """What httpx makes of a secret in a query, in a form and in Basic is found."""
    mark = masked(secret, "it")
    sent = httpx.Request("POST", "https://a.example/x", params={"k": secret}, data={"client_secret": secret})
    basic = next(httpx.BasicAuth("me", secret).auth_flow(sent)).headers["Authorization"]

    redactor = Redactor([("it", secret)])

    assert all(mark in redactor.redact(text) for text in (str(sent.url), sent.content.decode(), basic))


@given(st.text(max_size=200), st.lists(secrets, max_size=3))
def test_the_rest_stays(text, known):
    """A text that holds no secret comes back as it is."""
    redactor = Redactor((f"s{index}", secret) for index, secret in enumerate(known))
    harmless = "".join(character for character in text if not any(character in secret for secret in known)
                       and not character.isascii())  # fmt: skip

    assert harmless == redactor.redact(harmless)


def test_many_occurrences_and_secrets():
    """Every occurrence of every secret gets the mark of its own name; the longest of several wins."""
    redactor = Redactor([("id", "abcd"), ("key", "abcdefgh"), ("other", Secret("0123456789", "env"))])

    shown = redactor.redact("abcd abcdefgh abcdefghabcd 0123456789!")

    key, other = masked("abcdefgh", "key"), masked("0123456789", "other")
    assert f"‹secret id: short› {key} {key}‹secret id: short› {other}!" == shown


def test_short_secrets_are_hidden_by_place_only():
    """Three characters are everywhere: replacing them would destroy the text and tell where they are."""
    redactor = Redactor([("pin", "1"), ("pin2", "12"), ("pin3", "abc"), ("none", "")])

    assert redactor.redact("1 and 12 and abc") == "1 and 12 and abc"


def test_members_of_a_key_file():
    """Of parsed JSON the telling members are hidden, and harmless ones such as its token URI stay readable."""
    key_file = {
        "type": "service_account", "private_key_id": "0f0e0d0c0b", "private_key": PEM, "client_email": "me@a.example",
        "token_uri": "https://oauth2.example/token", "nested": [{"client_secret": "hunter2hunter2"}],
    }  # fmt: skip
    redactor = Redactor([("key_file", Secret(key_file, "file"))])

    assert redactor.redact("service_account at https://oauth2.example/token") == "service_account at https://oauth2.example/token"
    for text in (PEM, PEM.splitlines()[3], json.dumps(key_file), json.dumps(PEM), "x hunter2hunter2"):
        assert not survivors(PEM, redactor.redact(text))
        assert "hunter2" not in redactor.redact(text)


def test_lines_of_a_key():
    """One line of a private key in a message is hidden as well."""
    line = PEM.splitlines()[5]

    assert line not in Redactor([("it", PEM)]).redact(f"cannot read '{line}'")


def test_the_blanks_around_a_secret_are_no_part_of_it_for_a_reader():
    """A file's line end, or blanks that were copied along: who trims them, and repeats the rest, shows the secret all the same."""
    redactor = Redactor([("key", "  open-sesame-4711\n")])

    assert "open-sesame" not in redactor.redact("it is 'open-sesame-4711', not " + encoded("open-sesame-4711"), whole=True)


def test_bytes():
    """A secret of bytes is found in base64 and hex."""
    raw = bytes(range(200, 240))
    redactor = Redactor([("pfx", raw)])

    assert masked(raw, "pfx") in redactor.redact(base64.b64encode(raw).decode())
    assert masked(raw, "pfx") in redactor.redact(raw.hex().upper())
    assert masked(raw, "pfx").startswith("‹secret pfx: 40 bytes, #")


def test_learning_later():
    """What is learned later is found from then on, also while other threads redact."""
    redactor = Redactor()
    assert redactor.redact("token-0-secret") == "token-0-secret"

    def teach(number):
        redactor.learn([(f"t{number}", f"token-{number}-secret")])
        assert f"token-{number}" not in redactor.redact(f"x token-{number}-secret")

    threads = [threading.Thread(target=teach, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    text = " ".join(f"token-{number}-secret" for number in range(20))
    assert "token-" not in redactor.redact(text)


def test_fast():
    """Twenty secrets are learned, and a body of 64 KiB read, in a moment; a repetitive text is no worse."""
    chosen = random.Random(3)
    redactor = Redactor()
    begun = time.perf_counter()
    redactor.learn((f"s{n}", base64.b64encode(chosen.randbytes(30)).decode() + "+/%") for n in range(20))
    redactor.learn([("a", "a" * 400), ("b", "aaaa" * 20 + "b"), ("pem", PEM)])
    for body in (base64.b64encode(chosen.randbytes(48_000)).decode(), "a" * 300 + "c" * 65_000, "aaab" * 16_000):
        redactor.redact(body)

    assert time.perf_counter() - begun < 5


def test_repr_holds_nothing():
    """A redactor in a log or traceback tells how many secrets it knows, nothing more."""
    assert repr(Redactor([("it", "hunter2hunter2")])) == "Redactor(1 secrets)"


def test_fingerprint():
    """Equal secrets have equal fingerprints, whoever asks; another salt gives another one; it is four hex digits."""
    assert fingerprint("hunter2") == fingerprint(Secret("hunter2", "env")) == fingerprint(b"hunter2")
    assert fingerprint("hunter2") != fingerprint("hunter3")
    assert fingerprint("hunter2", b"a") != fingerprint("hunter2", b"b")
    assert fingerprint("what do ya want for nothing?", b"Jefe") == "#5bdc"  # RFC 4231, case 2


def test_mark():
    """The mark tells name, length and fingerprint, and of a short secret not even those."""
    assert f"‹secret client_secret: 40 chars, {fingerprint('x' * 40)}›" == masked("x" * 40, "client_secret")
    assert "‹secret pin: short›" == masked("1234567", "pin") == masked("", "pin")
    assert masked({"a": "b" * 10}, "key_file") == masked(Secret({"a": "b" * 10}, "env"), "key_file")


@every("text, shown", [
    ("plain é 日本 😀 ‹›", "plain é 日本 😀 ‹›"),
    ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
    ("a\nb\tc\rd", "a\\nb\\tc\\rd"),
    ("\x00\x07\x7f\x9b", "\\x00\\x07\\x7f\\x9b"),
    ("abc\u202edef\u2066\u200b\ufeff", "abc\\u202edef\\u2066\\u200b\\ufeff"),
    ("\u2028\ud800\U000e0041", "\\u2028\\ud800\\U000e0041"),
])  # fmt: skip
def test_inert(text, shown):
    """Nothing that moves a cursor, hides or reorders text stays active."""
    assert shown == inert(text)


def test_inert_with_lines():
    """Where several lines are shown, line feeds and tabs stay; a carriage return, which overwrites, does not."""
    assert inert("a\n\tb\rc\x1b", lines=True) == "a\n\tb\\rc\\x1b"


@given(st.text(st.characters(exclude_categories=[])))
def test_inert_can_be_printed(text):
    """Whatever the text, what comes out is printable and can be encoded."""
    shown = inert(text)

    assert all(character.isprintable() or character.isspace() or ord(character) > 127 for character in shown)
    assert shown.encode() or not text


@pytest.mark.thorough
def test_thousands_of_secrets_that_begin_alike_cost_no_more_than_others():
    """A server may make up as many values as an answer holds: each is found at once, the longest first, and one that was cut, too."""
    redactor = Redactor((f"name{number}", f"%/+ v\"alue-{number}" * 3) for number in range(300))

    said = redactor.redact(" ".join(f"%/+ v\"alue-{number}" * 3 for number in range(300)))

    assert [f"name{number}" for number in range(300)] == re.findall(r"‹secret (\w+): ", said)
    assert "alue" not in said
    assert "‹secret name77: " in redactor.redact("%/+ v\"alue-77" * 2)
    assert 300 == len({find.mark for shelf in redactor._filed.values() for find in shelf.finds.values()})


def test_long_secrets_that_differ_at_their_ends_are_each_found_and_cost_no_more_than_one():
    """A server's tokens have one head, longer than what is compared at first: the whole one is found, also inside another, and a text full of the head costs little."""
    head = "a" * 900
    secrets = [f"{head}{number}" for number in range(300)]
    redactor = Redactor((f"name{number}", secret) for number, secret in enumerate(secrets))
    steps = steps_of(lambda: redactor.redact("a" * 4_000))
    alone = steps_of(lambda: Redactor([("name", secrets[0])]).redact("a" * 4_000))

    assert [f"name{number}" for number in range(300)] == re.findall(r"‹secret (\w+): ", redactor.redact(" ".join(secrets)))
    assert "x ‹secret name2: " in redactor.redact(f"x {head}2.")
    assert "‹secret name12: " in redactor.redact(f"{head}12b", whole=True)
    assert redactor.redact(f"{head[:-1]}.").startswith("‹secret ")
    assert steps < 5 * alone
    began = time.process_time()
    redactor.redact("a" * 60_000)
    assert time.process_time() - began < 3


HOSTILE = {
    "nothing known": ("Qm7xPlainSecretZk81vv0w", "x"),
    "the block that it begins with": ("Qm7xPlainSecretZk81vv0w", "Qm7x"),
    "nearly all of it": ("Qm7xPlainSecretZk81vv0w", "Qm7xPlainSecretZk81vv0"),
    "nearly all of it, as if cut": ("Qm7xPlainSecretZk81vv0w", "Qm7xPlainSecretZk81vv0 "),
    "one letter again and again": ("a" * 3000, "a" * 2000 + "b"),
    "one letter again and again, as if cut": ("a" * 3000, "a" * 2000 + " "),
    "lines": ("Qm7xPlainSecretZk81vv0w", "Q\n"),
    "escapes": ("Qm7xPlainSecretZk81vv0w", "\\u0051"),
    "itself": ("Qm7xPlainSecretZk81vv0w", "Qm7xPlainSecretZk81vv0w,"),
    "itself over lines": ("Qm7xPlainSecretZk81vv0w", "Qm7xPlainSecr\netZk81vv0w\n"),
}  # fmt: skip


def steps_of(act):
    """How many lines of Python run."""
    counted = 0

    def count(frame, event, argument):
        nonlocal counted
        counted += event == "line"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        act()
    finally:
        sys.settrace(before)
    return counted


@pytest.mark.parametrize("name", few(HOSTILE, every=5))
def test_twice_the_text_is_twice_the_work(name):
    """Whatever an answer is made of to cost much, the work grows with its length and no faster."""
    secret, piece = HOSTILE[name]
    redactor = Redactor([("it", secret)])
    once, twice = (piece * (size // len(piece)) for size in (12_000, 24_000))
    redactor.redact(once)

    assert steps_of(lambda: redactor.redact(twice)) < 2.3 * steps_of(lambda: redactor.redact(once)) + 100


def test_one_look_at_every_ninth_place_is_enough():
    """A text that holds no secret is passed over in steps: nothing is looked at more closely; shorter secrets shorten the steps."""
    redactor = Redactor([("it", "Qm7xPlainSecretZk81vv0w")])

    assert 9 == redactor._stride
    assert [] == list(redactor._places("a harmless text of many words. " * 1000))
    redactor.learn([("short", "abcd")])
    assert 1 == redactor._stride
    assert "Qm7xPlain" not in redactor.redact("Qm7xPlainSecretZk81vv0w")


def test_a_value_of_a_megabyte_is_hidden():
    """It is looked for in fewer forms, and there is time for it."""
    huge = "".join(f"{number:x}" for number in range(200_000))
    redactor = Redactor([("token", huge)])

    for form in (huge, json.dumps(huge), quote(huge), base64.b64encode(huge.encode()).decode()):
        assert "1869f" not in redactor.redact(f"a {form} b")


@every("secret", ["Qm7xPlainSecretZk81vv0w", "pl4nted+s3cr3t/va%lue:x y=Zq&<9"])
@every("form", [
    lambda text: base64.b64encode(base64.b64encode(text.encode())).decode(),
    lambda text: base64.b64encode(base64.b64encode(b"my-client:" + text.encode())).decode(),
    lambda text: base64.b64encode(text.encode("utf-16-le")).decode(),
    lambda text: text.encode().hex(":"), lambda text: text.encode().hex(" ").upper(),
    lambda text: " ".join(map(str, text.encode())), lambda text: ", ".join(map(str, text.encode())),
    str.upper, str.lower, str.swapcase, lambda text: html.escape(html.escape(text)), lambda text: json.dumps("\u200b".join(text))[1:-1],
    "\u200b".join, "\0".join, "\xad".join, "\x1b[0m".join, lambda text: text[:9] + "\u2060" + text[9:],
    lambda text: "".join(f"%25{ord(one):02x}" for one in text), lambda text: "".join(f"%2525{ord(one):02X}" for one in text),
    lambda text: "".join(f"&#{ord(one):07};" for one in text), lambda text: "".join(f"&amp;#x{ord(one):x};" for one in text),
    lambda text: "".join(f"&#{ord(one)}" for one in text),
    lambda text: "".join(f"\\u{{{ord(one):x}}}" for one in text), lambda text: "".join(f"\\{ord(one):03o}" for one in text),
    lambda text: "".join(f"={ord(one):02X}" for one in text),
])  # fmt: skip
def test_forms_that_a_hostile_server_may_answer_with(secret, form):
    """Twice encoded, byte by byte, in capitals, with what nobody sees in between: still a mark."""
    shown = Redactor([("it", secret)]).redact(f"<{form(secret)}>")

    assert re.fullmatch(r"<[^<>]{0,20}‹secret it: [^‹›]+›[A-Za-z0-9]{0,4}=*>", shown)


def test_a_secret_with_its_end_starred_out_is_hidden():
    """What some servers show of a key is most of it."""
    assert "Qm7xPlain" not in Redactor([("it", "Qm7xPlainSecretZk81vv0w")]).redact("no such key: Qm7xPlainSecr********")


def test_words_are_not_hidden_for_a_secret_that_is_one():
    """Other capitals count only in what is no word."""
    assert "a password, a correct horse battery" == Redactor([("it", "Password"), ("its", "Correct Horse Battery")]).redact("a password, a correct horse battery")


def test_a_text_that_is_whole_keeps_its_end():
    """What a secret begins with is hidden where a text was cut in it, and shown in a text that nobody cut."""
    redactor = Redactor([("header", 'UsernameToken Username="ada", PasswordDigest="pl4nted"')])

    assert 'UsernameToken Username="' == redactor.redact('UsernameToken Username="', whole=True)
    assert "UsernameToken" not in redactor.redact('UsernameToken Username="')


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_child_that_is_forked_while_secrets_are_learned_can_learn_more():
    """What hides secrets in logs is one for the whole process, and a child logs, too."""
    redactor, said = Redactor(), []

    def in_child():
        signal.alarm(60)
        redactor.learn([("another", "another-secret-4711")])
        return redactor.redact("it says another-secret-4711")

    class Forking(bytes):
        def hex(self, *_):
            said.append(said_in_child(in_child))
            return super().hex()

    redactor.learn([("first", Forking(b"first-secret-4711"))])

    assert said
    assert all(text.startswith("it says ‹secret another") for text in said)

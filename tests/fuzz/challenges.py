"""`WWW-Authenticate`: lines of an answer → challenges. `python tests/fuzz/challenges.py --seconds 60`.

An input is the field lines, one under the other, in Latin-1 as they come off the wire. The oracle is a second reader, written
element by element from RFC 9110 §11.6.1, which shares nothing with the product's.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Hashable, Iterable, Iterator
from contextlib import AbstractContextManager
from random import Random

from fuzz_target import Target, bug, planted

from authweave.answers import challenges as product
from authweave.answers.challenges import Challenge, challenges

TCHAR = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
SIXTY_EIGHT = frozenset("-._~+/0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
Plain = tuple[str, tuple[tuple[str, str], ...], str | None]


def check(data: bytes) -> Hashable:
    """Whatever the lines hold, they are read as the grammar says, and as themselves once more."""
    lines = data.decode("latin-1").split("\n")
    found = challenges(lines)
    read = tuple(map(plain, found))
    if read != tuple(by_the_book(lines)):
        bug("differs from the second reader")
    if challenges([written(one) for one in found]) != found:
        bug("does not read what it read when it is written again")
    for one in found:
        _check_parts(one)
    _check_lines_apart(lines)
    return len(found), sum(one.token68 is not None for one in found), max((len(one.parameters) for one in found), default=0) > 3


def _check_parts(one: Challenge) -> None:
    if one.scheme != one.scheme.lower() or not set(one.scheme) <= TCHAR:
        bug("a scheme is not a token in lower case")
    if one.token68 is not None and one.parameters:
        bug("a challenge has both a token68 and parameters")
    for name, value in one.parameters.items():
        if name != name.lower() or not set(name) <= TCHAR:
            bug("a parameter's name is not a token in lower case")
        if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value):
            bug("a value holds a control character")


def _check_lines_apart(lines: list[str]) -> None:
    """RFC 9110 §5.3: lines that can be read by themselves are, together, one after the other."""
    apart = [challenges([line]) for line in lines]
    if all(apart) and tuple(one for each in apart for one in each) != challenges(lines):
        bug("lines that are sound by themselves are read otherwise together")
    if all(apart) and challenges([f" ,\t{line} , " for line in lines]) != challenges(lines):
        bug("blanks and empty elements around a line change it")


def plain(one: Challenge) -> Plain:
    """A challenge as data."""
    return one.scheme, tuple(one.parameters.items()), one.token68


def written(one: Challenge) -> str:
    """A challenge as a field line."""
    if one.token68 is not None:
        return f"{one.scheme} {one.token68}"
    quoted = ", ".join('{}="{}"'.format(name, re.sub(r'(["\\])', r"\\\1", value)) for name, value in one.parameters.items())
    return f"{one.scheme} {quoted}".strip()


# The second reader


def by_the_book(lines: list[str]) -> list[Plain]:
    """All lines as one list (§5.3), or, where that cannot be read, each that can be."""
    whole = _of_elements(",".join(lines))
    return whole if whole is not None else [one for line in lines for one in _of_elements(line) or ()]


def _of_elements(text: str) -> list[Plain] | None:
    found: list[tuple[str, dict[str, str], str | None]] = []
    for element in _elements(text):
        if (pair := _parameter(element)) is not None:
            if not found or found[-1][2] is not None:
                return None
            found[-1][1].setdefault(*pair)
            continue
        scheme, blank, rest = _word(element)
        rest = rest.lstrip(" \t")
        if not scheme or (rest and not blank):
            return None
        parameters: dict[str, str] = {}
        token68 = None
        if rest and (pair := _parameter(rest)) is not None:
            parameters[pair[0]] = pair[1]
        elif rest:
            if not rest.rstrip("=") or not set(rest.rstrip("=")) <= SIXTY_EIGHT:
                return None
            token68 = rest
        found.append((scheme.lower(), parameters, token68))
    return [(scheme, tuple(parameters.items()), token68) for scheme, parameters, token68 in found] or None


def _elements(text: str) -> Iterator[str]:
    """What stands between the commas that no quotes hold, without blanks around it; nothing is no element."""
    element, is_quoted, is_escaped = "", False, False
    for char in f"{text},":
        if char == "," and not is_quoted:
            if element.strip(" \t"):
                yield element.strip(" \t")
            element = ""
            continue
        element += char
        if is_escaped:
            is_escaped = False
        elif char == "\\" and is_quoted:
            is_escaped = True
        elif char == '"':
            is_quoted = not is_quoted
    if is_quoted:
        yield '"'  # never closed: no element at all


def _word(text: str) -> tuple[str, bool, str]:
    length = next((index for index, char in enumerate(text) if char not in TCHAR), len(text))
    rest = text[length:]
    return text[:length], rest[:1] in (" ", "\t"), rest


def _parameter(element: str) -> tuple[str, str] | None:
    name, _, rest = _word(element)
    rest = rest.lstrip(" \t")
    if not name or rest[:1] != "=":
        return None
    value = rest[1:].lstrip(" \t")
    if value and set(value) <= TCHAR:
        return name.lower(), value
    if len(value) < 2 or value[0] != '"' or value[-1] != '"':
        return None
    plain_text, is_escaped = "", False
    for char in value[1:-1]:
        if char != "\t" and (char < " " or char == "\x7f"):
            return None
        if is_escaped or char not in '"\\':
            plain_text += char
            is_escaped = False
        elif char == "\\":
            is_escaped = True
        else:
            return None
    return None if is_escaped else (name.lower(), plain_text)


# Inputs


SEEDS = (
    b'Basic realm="simple", Newauth realm="apps", type=1, title="Login to \\"apps\\""',
    b'Bearer error="insufficient_scope", scope="read write"\nDPoP algs="ES256 PS256"',
    b"Negotiate YIIB/wYJKoZIhvc+AQICAQ==, Basic realm=\"foobar\"", b'Digest qop="auth,auth-int", nonce="n", algorithm=SHA-256, stale=TRUE',
    b"Negotiate", b",, Basic , realm = \"x\" ,,a=b", b'Basic realm="never closed\nBearer error=x', b"NTLM\n\nKerberos", b'B a="\\\\\\"", b=\'c\'',
    b"Negotiate abc==, realm=x", b"Bearer, DPoP algs=\"ES256\"", b'Basic realm="foo-\xe4\t"', b"a=b", b"Basic a b", b'Basic a="b"c', b"Basic a=", b"Basic a==",
)  # fmt: skip
PIECES = (
    "Basic", "Bearer", "DIGEST", "a", "realm", "error", " ", "\t", ",", "=", "==", '"', "\\", '\\"', "\\\\", "x", "%20", "é", "\x00", "\x1b", "\x7f", "\x80",
    "YWJj", "/", "~", "'", ";", "\r", "\n", ", ", ' realm="a, b"', "insufficient_scope", 'p="v", ', "é=", "(", "@",
)  # fmt: skip


def mutate(data: bytes, chance: Random) -> bytes:
    """Pieces of the grammar put in, taken out, doubled or swapped."""
    text = data.decode("latin-1")
    parts = [part for part in re.split(r'([ \t,="\\\n]|[A-Za-z0-9]+)', text) if part]
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(parts) + 1)
        deed = chance.randrange(5)
        if deed == 0 or not parts:
            parts.insert(at, chance.choice(PIECES))
        elif deed == 1:
            del parts[at : at + chance.randint(1, 4)]
        elif deed == 2:
            parts[at:at] = parts[max(0, at - chance.randint(1, 6)) : at]
        elif at < len(parts):
            other = chance.randrange(len(parts))
            parts[at], parts[other] = (parts[other], parts[at]) if deed == 3 else (chance.choice(PIECES), parts[other])
    return "".join(parts).encode("latin-1", "replace")[:4096]


# The planted bug


def plant() -> AbstractContextManager[None]:
    """Escapes are taken out by two replacements, as many a client does it."""

    def hasty(parameter: re.Match[str]) -> str:
        return parameter[2] if parameter[2] is not None else parameter[3].replace('\\"', '"').replace("\\\\", "\\")

    return planted(product, "_value", hasty)


def seeds() -> Iterable[bytes]:
    """Field lines by hand."""
    return SEEDS


TARGET = Target(
    name="challenges",
    modules=("authweave.answers.challenges",),
    check=check,
    seeds=seeds,
    mutate=mutate,
    words=tuple(piece.encode("latin-1") for piece in PIECES),
    plant=plant,
    planted="escapes of a quoted value are undone by two replacements, one after the other",
    longest=4096,
    found=("a quoted value could hold control characters (NUL, ESC, line ends), which the grammar of RFC 9110 §5.6.4 does not have",),
)

if __name__ == "__main__":
    from fuzzing import command

    sys.exit(command(TARGET))

"""Patterns of authors: the subset that ECMA-262 and Python share, in linear time."""

import random
import re
import threading
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from authweave.errors import PatternError
from authweave.patterns import compile_pattern
from thorough import every

CHARACTERS = "abcA09_-. \n\té\u2028😀"
LITERALS = [*"abcA09_- é😀.", *re.findall(r"\S+", r"\. \n \t \x61 \u00e9 \\ \- \$ \{ \/ \d \w \s \D \W \S")]
SET_PARTS = [*"aé_.$", *re.findall(r"\S+", r"b-d A-Z 0-9 \d \w \s \W \- \] \n \x41-C")]

sets = st.builds(
    lambda negated, parts, last: f"[{negated}{''.join(parts)}{last}]",
    st.sampled_from(["", "^"]), st.lists(st.sampled_from(SET_PARTS), min_size=1, max_size=4),
    st.sampled_from(["", "-"]),
)  # fmt: skip
quantifiers = st.sampled_from(["*", "+", "?", "{2}", "{0,2}", "{1,}", "{0}", "{1,3}", "*?", "+?", "??", "{1,2}?"])


def longer(parts):
    groups = st.builds("{}{})".format, st.sampled_from(["(", "(?:"]), parts)
    return st.one_of(
        st.builds("{}|{}".format, parts, parts),
        st.lists(st.one_of(atoms, groups), min_size=1, max_size=4).map("".join),
        st.builds("{}{}".format, st.one_of(atoms, groups), quantifiers),
        st.builds("{}{}{}{}".format, groups, quantifiers, atoms, quantifiers),
    )


atoms = st.one_of(st.sampled_from(LITERALS), sets)
patterns = st.recursive(atoms, longer, max_leaves=12)


def pythons(pattern):
    """The same pattern for Python's engine, whose `.` takes three line ends that ECMA-262 leaves out."""
    any_character = r"[^\n\r\u2028\u2029]"
    translated = re.sub(r"(\\.)|(\[(?:\\.|[^\]])*\])|\.", lambda found: found[1] or found[2] or any_character, pattern)
    return re.compile(translated, re.ASCII)


@given(patterns, st.lists(st.text(CHARACTERS, max_size=8), min_size=1, max_size=5))
@example("(a|ab)(c|bcd)(d*)", ["abcd", "acd", "abcdd"])
@example("(a{0,2}){2,3}", ["", "aaaaaa", "aaaaaaa"])
@example("(a+){3}", ["aa", "aaa"])
@example("(?:a?b?){2,}", ["", "abab", "ba", "bbaa"])
@example("a|", ["", "a", "aa"])
def test_same_answers_as_python(pattern, values):
    """On the accepted subset the answers are those of Python's own engine."""
    ours, theirs = compile_pattern(pattern), pythons(pattern)

    assert [bool(theirs.fullmatch(value)) for value in values] == [ours.matches(value) for value in values]


@given(st.text(max_size=40), st.text(max_size=10))
def test_any_text_is_a_pattern_or_refused(pattern, value):
    """Whatever is written, it answers as Python does, or is refused with the one typed error; never anything else."""
    try:
        ours = compile_pattern(pattern)
    except PatternError:
        return

    assert bool(pythons_ends(pattern).fullmatch(value)) == ours.matches(value)


@given(st.text(r"ab^$|()[]{}?*+\-.,:=!<>019dwsbBAZux", max_size=25), st.text("ab-.0\n", max_size=6))
def test_syntax_soup_is_a_pattern_or_refused(pattern, value):
    """Any mixture of the syntax's own characters answers as Python does, or is refused."""
    try:
        ours = compile_pattern(pattern)
    except PatternError:
        return

    assert bool(pythons_ends(pattern).fullmatch(value)) == ours.matches(value)


def pythons_ends(pattern):
    """As `pythons`, with `$` as the very end: Python's own also lets a line feed follow."""
    return re.compile(re.sub(r"\$(?=\Z|\|)", r"\\Z", pythons(pattern).pattern), re.ASCII)


@every("pattern, said", [
    (r"(a)\1", "a backreference at character 4"),
    (r"a(?=b)", "look-ahead at character 2"),
    (r"a(?!b)", "look-ahead"),
    (r"(?<=a)b", "look-behind at character 1"),
    (r"(?<!a)b", "look-behind"),
    (r"(a)?(?(1)b|c)", "a condition at character 5"),
    (r"(?i)a", "a flag at character 1"),
    (r"(?i:a)", "a flag"),
    (r"(?>a)", "an atomic group"),
    (r"a++", "a possessive quantifier at character 3"),
    (r"a{2}+", "a possessive quantifier"),
    (r"(?P<n>a)", "a named group"),
    (r"(?<n>a)", "a named group"),
    (r"(?P=n)", "a backreference"),
    (r"(?#x)", "a comment"),
    (r"a**", "a quantifier after a quantifier"),
    (r"*a", "repeats nothing at character 1"),
    (r"(*a)", "repeats nothing at character 2"),
    (r"a{,3}", "no count"),
    (r"a{x}", "no count at character 2"),
    (r"a{3", "no count"),
    (r"a{3,2}", "counts down"),
    (r"a{2001}", "a count over 2000"),
    (r"a{99999999999999999999}", "no count"),
    (r"a}", "on its own at character 2"),
    (r"a]", "on its own"),
    (r"a^b", "inside at character 2"),
    (r"a$b", "inside"),
    (r"(^a)", "inside"),
    (r"\ba", "a word boundary"),
    (r"\Aa\Z", r"`\A`"),
    (r"\p{L}", r"the escape `\p`"),
    (r"\0", r"`\0`"),
    (r"\cA", r"the escape `\c`"),
    (r"\x1", "not complete"),
    (r"\u{1f600}", "not complete"),
    (r"\ud83d\ude00", "half of a character"),
    ("\\é", "the escape"),
    ("\\", "at the end"),
    (r"[]", "an empty set at character 1"),
    (r"[^]", "an empty set"),
    (r"[a", "a set without its `]`"),
    (r"[z-a]", "counts down"),
    (r"[\d-x]", "a class such as"),
    (r"[a[b]", "a `[` inside a set"),
    (r"[a-c-e]", "a `-` inside a set"),
    (r"[+--]", "inside a set"),
    (r"[a&&b]", "`&&` inside a set"),
    (r"[\b]", r"the escape `\b`"),
    (r"(a", "a group without its `)`"),
    (r"a)", "closes nothing at character 2"),
])  # fmt: skip
def test_refused(pattern, said):
    """What the two languages read differently, or cannot be linear, is refused by name, with its place."""
    with pytest.raises(PatternError, match=re.escape(said)) as refused:
        compile_pattern(pattern)

    assert refused.value.message in str(refused.value)


@every("pattern", [
    "a" * 501, "(a{100}){100}", "(((a{50}){50}){50}){50}", "(" * 31 + "a" + ")" * 31, "(" * 400,
    "[a-z]{1500}[0-9]{600}", "(" * 15 + "a" + "{2})" * 15, "((|a){2000}){2000}",
])  # fmt: skip
def test_too_large(pattern):
    """Long, deep and explosive patterns are refused at once, whatever they would expand to."""
    begun = time.perf_counter()

    with pytest.raises(PatternError):
        compile_pattern(pattern)
    assert time.perf_counter() - begun < 1


@every("pattern, good, bad", [
    (r"[a-z0-9-]{1,63}", ["acme", "a" * 63], ["", "a" * 64, "Acme", "acme\n"]),
    (r"https://[A-Za-z0-9.-]+\.salesforce\.com", ["https://a.my.salesforce.com"], ["https://evil.example/.salesforce.com"]),
    (r"https://www\.zohoapis\.(com|eu|in)", ["https://www.zohoapis.eu"], ["https://www.zohoapis.eu.evil.example"]),
    (r"https://[a-z0-9.-]+(/.*)?", ["https://a.example", "https://a.example/x?y"], ["https://a.example\n/"]),
    (r"[0-9]+:[A-Za-z0-9_-]+", ["110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"], ["x:y", "१:a"]),
    (r"^\d{4}$", ["2024"], ["2024\n", "٢٠٢٤", "20245"]),
    (r"^a$|^b", ["a", "b"], ["ab", "a\n"]),
    ("", [""], ["a"]),
    ("(|a)", ["", "a"], ["aa"]),
    (r"a-b[\w.-]", ["a-b-", "a-b."], ["a-b"]),
])  # fmt: skip
def test_whole_value(pattern, good, bad):
    """A pattern meets the whole value, without a line feed at its end; digits are ASCII."""
    compiled = compile_pattern(pattern)

    assert (good, []) == ([v for v in good if compiled.matches(v)], [v for v in bad if compiled.matches(v)])


@every("pattern, value", [
    ("(a+)+$", "a" * 40 + "!"),
    ("(a|aa)+", "a" * 40 + "!"),
    ("(a|a?)+", "a" * 40 + "!"),
    ("(.*a){20}", "a" * 19 + "!"),
    ("([a-z]+)*[0-9]", "a" * 40),
    (r"(\w+\s?)*", "word " * 10 + "!"),
])  # fmt: skip
def test_no_backtracking(pattern, value):
    """The patterns that take other engines years answer within 5 ms."""
    compiled = compile_pattern(pattern)
    begun = time.perf_counter()

    assert not compiled.matches(value)
    assert time.perf_counter() - begun < 1


@pytest.mark.parametrize("pattern", [
    ".*", "(a|b)*a(a|b){900}", "(?:[ab]*a(?:a?b?){400})*", "((a+b?)+|(b+a?)+)+", "(ab?|ba?)*",
])  # fmt: skip
def test_long_values(pattern):
    """100 KB are read through in moments, also where every step leads to a set of positions not seen before."""
    chosen = random.Random(7)
    value = "".join(chosen.choice("ab") for _ in range(100_000))
    begun = time.perf_counter()

    compile_pattern(pattern).matches(value)

    assert time.perf_counter() - begun < 5


def test_many_different_characters():
    """A value of fifty thousand different characters is no slower, and its memory stays bounded."""
    compiled = compile_pattern(r"([\w.é-]|[^a-z])+")

    assert compiled.matches("".join(chr(number) for number in range(0x3000, 0xD000)) * 2)


def test_compiled_once():
    """The same text gives the same pattern."""
    assert compile_pattern("[a-z]+") is compile_pattern("[a-z]+")


def test_shared_by_threads():
    """Threads that share a pattern all get the right answer while its memory fills and empties."""
    compiled = compile_pattern("(a|b)*a(a|b){200}c?")
    values = ["".join(random.Random(seed).choice("ab") for _ in range(3000)) for seed in range(4)]
    right = [value[-201] == "a" for value in values]
    seen = []

    def ask():
        seen.append([compiled.matches(value) for value in values])

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [right] * 6 == seen

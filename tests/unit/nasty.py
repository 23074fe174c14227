"""Texts as an attacker, a password generator or another language's keyboard writes them: strategies for property tests."""

from __future__ import annotations

from hypothesis import strategies as st

_MARKS = "\x00\x01\t\n\x0b\x0c\r\x1b\x1f \"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~\x7f\x80\x85\x9f\xa0\xad\u0130\u0301\u200b\u202e\u2028\ufeff\ufffd\ufffe\U0001f600é"
_PIECES = ["..", ".", "/", "%2e", "%252e", "%0d%0a", "\r\n", "\r\n\r\n", "{{", "}}", "{%", "#}", "{key}", "]]>", "<!--", "&amp;", "&#13;", '\\"', "--b0und", "\r\n--b0und--", "=", "&", "+", "a", "Z", "0", "é", "e\u0301", "\u0627"]

text = st.lists(st.one_of(st.sampled_from(_MARKS), st.sampled_from(_PIECES), st.text(st.characters(exclude_categories=["Cs"]), max_size=8)), max_size=12).map("".join)
"""Well-formed texts."""

any_text = st.one_of(text, st.lists(st.one_of(st.sampled_from("\ud800\udbff\udc00\udfff"), st.sampled_from(_PIECES), st.characters()), max_size=8).map("".join))
"""The same, some with half a character."""

name = st.one_of(st.text("abcXYZ019_-.", min_size=1, max_size=6), text.filter(bool))
"""Names of parameters."""


def is_well_formed(value: str) -> bool:
    """Can it be written in UTF-8?"""
    return not any("\ud800" <= character <= "\udfff" for character in value)

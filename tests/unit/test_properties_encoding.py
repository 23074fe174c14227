"""What encodes a value is undone by a reader that is not ours; contents that a profile writes out hold values and nothing else."""

import base64
import json
import re
from unicodedata import normalize
from urllib.parse import parse_qsl, unquote, unquote_plus
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from nasty import any_text, is_well_formed, name, text

from authweave.client_auth.client_secret_basic import encoded_id
from authweave.drafts.contents import content_text
from authweave.errors import PlacementError, TemplateError
from authweave.proofs.digest_access.authorization import _quoted
from authweave.proofs.oauth1 import authorization, form_parameters, written
from authweave.sources.dotenv_text import parse
from authweave.sources.secret_files import without_line_end
from authweave.templates import compile_template
from hostile import tells_nothing
from thorough import every


def rendered(expression, value):
    """The value of a template; None where it was refused without telling the value."""
    try:
        return compile_template(expression).value({"inputs": {"v": value}})
    except TemplateError as refused:
        tells_nothing(refused, *([value] if len(value) > 12 else []))
        return None


@pytest.mark.parametrize(
    ("function", "undone"),
    [
        ("urlencode", lambda coded: unquote(coded, errors="strict")),
        ("urlpath", lambda coded: unquote(coded, errors="strict")),
        ("base64", lambda coded: base64.b64decode(coded, validate=True).decode()),
        ("base64url", lambda coded: base64.urlsafe_b64decode(coded + "=" * (-len(coded) % 4)).decode()),
        ("hex", lambda coded: bytes.fromhex(coded).decode()),
        ("json", json.loads),
    ],
)
@given(value=any_text)
def test_functions_that_quote(function, undone, value):
    """Back it is what it was; half a character is refused."""
    coded = rendered(f"{{{{ inputs.v | {function} }}}}", value)

    assert (coded is not None) == is_well_formed(value)
    if coded is not None:
        assert undone(coded) == value
        if function != "json":
            assert re.fullmatch(r"[A-Za-z0-9\-._~%/+=]*", coded)


@given(any_text, any_text)
def test_basic(user, password):
    """The first colon parts them; both are composed as RFC 7617 §2.1 wants, and hold no control character."""
    coded = compiled_basic(user, password)

    whole = user + password
    if not is_well_formed(whole) or ":" in user or re.search(r"[\x00-\x1f\x7f-\x9f]", whole):
        assert coded is None
        return
    assert base64.b64decode(coded, validate=True).decode().split(":", 1) == [normalize("NFC", user), normalize("NFC", password)]


def compiled_basic(user, password):
    try:
        return compile_template("{{ basic(inputs.u, inputs.p) }}").value({"inputs": {"u": user, "p": password}})
    except TemplateError as refused:
        tells_nothing(refused)
        return None


@given(text)
def test_client_ids(client_id):
    """Form-encoded once: what a server decodes is the id, or the id was encoded already."""
    assert unquote_plus(encoded_id(client_id), errors="strict") in (client_id, unquote_plus(client_id))
    assert re.fullmatch(r"[A-Za-z0-9_.~%+*-]*", encoded_id(client_id))


@given(text)
def test_quoted_strings(value):
    """No quote ends one but the last; backslashes are read back (RFC 9110 §5.6.4)."""
    assert re.fullmatch(r'"(?:[^"\\]|\\.)*"', _quoted(value), re.DOTALL)
    assert re.sub(r"\\(.)", r"\1", _quoted(value)[1:-1], flags=re.DOTALL) == value


@given(st.lists(st.tuples(name, text), min_size=1, max_size=4))
def test_oauth1(parameters):
    """As many parameters in header and form as there were, each as it was."""
    found = re.findall(r'([^=,\s]+)="([^"]*)"', authorization(parameters).removeprefix("OAuth "))
    assert [(unquote(key, errors="strict"), unquote(value, errors="strict")) for key, value in found] == parameters
    assert form_parameters(written(parameters)) == parameters


def content(encoding, template, **values):
    try:
        return content_text(compile_template(template), encoding, None, {"inputs": values})
    except (PlacementError, TemplateError) as refused:
        tells_nothing(refused, *(value for value in values.values() if len(value) > 12))
        return None


@given(any_text, any_text)
def test_json_content(first, second):
    """Members are those that are written; a string is escaped, a filtered value is a value."""
    body = content("json", '{"a": "<{{ inputs.v }}>", "b": [{{ inputs.w | json }}], "c\\"{{ inputs.v }}": 1}', v=first, w=second)

    assert (body is not None) == is_well_formed(first + second)
    if body is not None:
        assert json.loads(body, object_pairs_hook=list) == [("a", f"<{first}>"), ("b", [second]), (f'c"{first}', 1)]


@given(any_text)
@example('1, "a": 2').via("a second member")
@example("NaN").via("no JSON")
def test_json_content_without_quotes(value):
    """Outside of quotes stands one JSON value or nothing."""
    body = content("json", '{"a": {{ inputs.v }}, "b": 1}', v=value)

    if body is not None:
        read = json.loads(body, object_pairs_hook=list)
        assert [member for member, _ in read] == ["a", "b"]


@given(any_text, any_text)
def test_form_content(first, second):
    """As many fields as are written."""
    body = content("form", "a={{ inputs.v }}&b=x{{ inputs.w | urlencode }}&c=1", v=first, w=second)

    assert (body is not None) == is_well_formed(first + second)
    if body is not None:
        assert parse_qsl(body, keep_blank_values=True, errors="strict") == [("a", first), ("b", f"x{second}"), ("c", "1")]


@given(any_text)
@example("a]]>b").via("what ends a CDATA section")
def test_xml_content(value):
    """In text, in attributes of either quote, in a CDATA section: what the parser of the library reads is the value."""
    body = content("xml", "<r a=\"{{ inputs.v }}\" b='{{ inputs.v }}'><t>{{ inputs.v }}</t><c><![CDATA[{{ inputs.v }}]]></c><!-- > --><e/></r>", v=value)

    can_be_held = not re.search("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", value)
    assert (body is not None) == (can_be_held and "\r" not in value)
    if body is not None:
        root = ElementTree.fromstring(body)
        assert (root.attrib, [child.tag for child in root]) == ({"a": value, "b": value}, ["t", "c", "e"])
        assert [child.text or "" for child in root] == [value, value, ""]


@every("template", ["<{{ inputs.v }}/>", "<r {{ inputs.v }}='1'/>", "<!-- {{ inputs.v }} --><r/>", "<?x {{ inputs.v }}?><r/>", "<r a={{ inputs.v }}>", "<r a='{{ inputs.v }}"])
def test_xml_content_in_markup(template):
    """Where a value could become markup it is a name, or refused."""
    for value in ("a b='1'", "x/><admin", "-->", "?>", "'", '"', ">"):
        assert content("xml", template, v=value) is None


def test_a_text_is_a_text():
    """`encoding: text` has no syntax to break; with a type that has one, values are held to it."""
    template = compile_template('{"a": "{{ inputs.v }}"}')
    assert content_text(template, "text", None, {"inputs": {"v": '"'}}) == '{"a": """}'
    assert content_text(template, "text", "application/problem+json", {"inputs": {"v": '"'}}) == '{"a": "\\""}'


@given(text)
def test_dotenv(value):
    """A single-quoted value is literal, a double-quoted one escaped as a shell would: both come back."""
    if "\x00" in value or "\r\n" in value:
        return  # a dotenv file has line ends of one kind, and no NUL
    if "'" not in value:
        assert parse(f"K='{value}'\n") == {"K": value}
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    assert parse(f'K="{escaped}"\nL=1') == {"K": value, "L": "1"}


@given(text)
def test_one_line_end(value):
    """Whatever editor wrote it: with one line end at its end it is the value; a second one is part of it."""
    assert without_line_end(value + "\n") == (value.removesuffix("\r"))
    assert without_line_end(value + "\r\n") == value
    assert without_line_end(value) == value or value.endswith("\n")
    assert without_line_end(value + "\n\n") == value + "\n"

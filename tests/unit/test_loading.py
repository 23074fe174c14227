"""Loading: every problem at once, each with its place; and nothing that stands in a file makes it fail otherwise."""

from __future__ import annotations

import copy
import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authweave import load, loads
from authweave.binding import bind
from authweave.checking.document import Checked, check
from authweave.documents import parse_document
from authweave.errors import ProfileError
from authweave.extensions.catalog import Catalog, default_catalog
from authweave.inheritance.text_places import mark_within
from authweave.loading import check_file, check_text, files_in
from authweave.schema.problems import MOST
from authweave.values import Document, Mark, Problem
from effort import examples
from parts.vectors import load as vectors
from thorough import every, few
from unit.test_schema import DOCUMENTS, FULL, places_in

HEAD = "format: 1\nname: acme\nidentity_provider: Acme\nservers: ['https://api.acme.example']\n"
SECRET = "s3cr3t-Tr0ub4dor"


def told(text: str, **how: Any) -> list[str]:
    return [str(problem).removeprefix("<text>:") for problem in check_text(text, "<text>", **how).problems]


def rules(text: str) -> list[str]:
    return [problem.rule for problem in check_text(text, "<text>").problems]


def nobody(name: str, child: Document) -> Document | None:
    return None


# every problem at once


def test_every_problem_is_told_in_the_order_of_the_file() -> None:
    """Reading, schema, templates, URLs and rules: one run tells them all, each with file, line, column, key, fix and rule."""
    text = (
        "format: 1\n"
        "name: acme\n"
        "version: 1.10\n"
        "idntity_provider: Acme\n"
        "name: again\n"
        "inputs: {host: {}, spare: {}}\n"
        "servers: ['https://{{ inputs.host }}']\n"
        "auth:\n"
        "  type: oauth2\n"
        "  grant_typ: client_credentials\n"
        "  token_url: http://idp.acme.example/token\n"
        "  client_auth: client_secret_pots\n"
        "fields:\n"
        "  - {in: header, key: X Team, value: '{{ inputs.taem }}'}\n"
        "  - {in: header, key: X-Time, value: '{{ nwo() }}'}\n"
    )

    assert [
        "3:10: version: is a number, not a text; quote it: '1.10' [schema.type]",
        "4:1: idntity_provider: not known here; did you mean `identity_provider`? [schema.unknown_key]",
        "5:1: name: this key is written twice; it first stands on line 2; keep one of them [document.duplicate_key]",
        "6:20: inputs.spare: nothing reads it; use it in a template, or remove it [input.unused]",
        "7:23: servers[0]: `inputs.host` alone chooses the host; give inputs.host a pattern, an enum, or format: hostname (url for a whole origin; not enough where egress is strict) [url.open_host]",
        "10:3: auth.grant_typ: not known here; did you mean `grant_type`? [schema.unknown_key]",
        "11:14: auth.token_url: http:// is not encrypted; write https:// (http:// only for 127.0.0.1, [::1] and localhost) [url]",
        "12:16: auth.client_auth: `client_secret_pots` is not known here; did you mean `client_secret_post`? [schema.unknown_name]",
        "14:23: fields[0].key: the name of a header is made of letters, digits and !#$%&'*+-.^_`|~ (RFC 9110 §5.6.2); choose another key for `in: header` [field.key]",
        "15:42: fields[1].value: there is no function `nwo`; did you mean now? [template]",
    ] == [line for line in told(text) if "inputs.taem" not in line]


def test_an_error_carries_every_problem() -> None:
    """`load` raises one ProfileError; its text is the problems, one a line."""
    with pytest.raises(ProfileError) as refused:
        loads(HEAD + "auth: {type: bearr}\nsubject: usr\n")

    assert ["schema.unknown_name", "schema.enum"] == [problem.rule for problem in refused.value.problems]
    assert 2 == len(str(refused.value).splitlines())


def test_a_warning_does_not_refuse() -> None:
    """A profile without servers loads; what is said about it is a warning."""
    text = "format: 1\nname: acme\nidentity_provider: Acme\nauth: {type: bearer}\n"

    assert "acme" == loads(text).name
    assert ["warning"] == [problem.severity for problem in check_text(text).problems]


def test_json_is_loaded_with_its_places() -> None:
    """A name that ends in .json is JSON; lines and columns are those of the file."""
    text = '{"format": 1, "name": "acme",\n "identity_provider": "Acme", "servers": ["https://a.example"],\n "auth": {"type": "bearer", "tokn": ""}}'

    [problem] = check_text(text, "acme.json").problems

    assert "acme.json:3:29: auth.tokn: not known here; did you mean `token`? [schema.unknown_key]" == str(problem)


def test_no_message_holds_what_stands_in_a_secret_place() -> None:
    """Numbers, texts and maps where a secret belongs, in every kind of problem: none is repeated."""
    for written in (f"'{SECRET}'", f"['{SECRET}']", f"{{a: '{SECRET}'}}", f"'{{{{ {SECRET} }}}}'", f"'{{{{ inputs.x {SECRET}'", "123456789012345"):
        text = HEAD + (
            f"auth:\n  type: basic\n  username: a\n  password: {written}\n"
            f"fields: [{{in: header, key: X-Api-Key, value: {written}}}, {{in: cookie, key: a, value: {written}}}]\n"
            f"inputs: {{password: {{secret: true, default: {written}}}}}\n"
        )
        problems = told(text)

        assert problems
        assert not any("Tr0ub4dor" in line.replace(f"`{SECRET.partition('-')[0]}`", "") or "123456789012345" in line for line in problems), problems


# one mistake is one problem


ONE_MISTAKE = [
    ("auth: {type: bearer}\nfields: [{in: header, key: A, value: {{ inputs.token }}}]\n", "document.unquoted_template"),
    ("auth: {type: bearer}\ninputs: {team: {}}\nfields:\n  - in: header\n    key: A\n    value: {{ inputs.team }}\n", "document.unquoted_template"),
    ("auth: {type: bearer}\nfields: [{in: header, key: A, value: &a b}]\n", "document.anchor"),
    ("auth: {type: bearer}\nversion: 01.2\n", "document.leading_zeros"),
    ("auth: {type: bearer, 1: a}\n", "document.key_not_text"),
    ("auth: {type: beerer, token: '{{ inputs.token }}'}\n", "schema.unknown_name"),
    ("inputs: {key: {secret: yes}}\nauth: {type: bearer, token: '{{ inputs.key }}'}\n", "schema.type"),
    ("inputs: {tenant: {}}\nauth: {type: bearer}\nfields: [{in: query, key: a, value: '{{ inputs.tenat }}'}]\n", "input.undeclared"),
    ("inputs: {tenant: 5}\nauth: {type: bearer}\nfields: [{in: query, key: a, value: '{{ inputs.tenant }}'}]\n", "schema.type"),
    ("inputs: []\nauth: {type: bearer}\nfields: [{in: query, key: a, value: '{{ inputs.tenant }}'}]\n", "schema.type"),
    ("inputs: {tenant: {}}\nauth: {type: bearer}\nfieldz: [{in: query, key: a, value: '{{ inputs.tenant }}'}]\n", "schema.unknown_key"),
    ("inputs: {tenant: {}}\nauth: {type: bearer}\nfields: [{in: query, key: a, value: '{{ inputs.tenant | uper }}'}]\n", "template"),
    ("inputs: {name: {}}\nauth: basic\n", "schema.type"),
    ("auth: {type: bearer}\nfields: [{in: header, key: A, value: '{{ inputs.token }}', when: yes}]\n", "schema.pattern"),
    ("auth: {type: oauth2, grant_type: client_credentials, token_url: 'https://a.example', rejected_when: [{status: [200], when: x}]}\n", "schema.pattern"),
    ("auth: [{name: a, type: bearer, when: x}, {name: b, type: basic}]\n", "schema.pattern"),
    ("auth: {type: oauth2, grant_type: implicit, token_url: 'https://a.example', fields: [{in: header, key: A, value: '{{ token.access_token }}'}]}\n", "grant.name"),
]  # fmt: skip


@every("rest, rule", ONE_MISTAKE, ids=[f"{rule}-{number}" for number, (_, rule) in enumerate(ONE_MISTAKE)])
def test_one_mistake_is_one_problem(rest: str, rule: str) -> None:
    """What follows from a mistake is not told beside it: no missing key that is misspelt, no unused input that could not be read."""
    assert [rule] == rules(HEAD + rest)


@every("text", ["a: [", "a: 1\n---\nb: 2\n", "\xff", "%YAML 1.1\n---\na: 1\n", "", "- a\n", "x"])
def test_what_cannot_be_read_is_only_told_so(text: str) -> None:
    """Syntax, several documents, encoding, no map: nothing else is said."""
    found = check_text(text.encode("latin-1"))

    assert found.problems
    assert all(problem.rule.startswith("document.") for problem in found.problems)


def test_many_problems_are_told_up_to_a_limit() -> None:
    """A person mends a hundred first; the last line says that there are more."""
    text = HEAD + "auth: {type: bearer}\ninputs:\n" + "".join(f"  a{number}: {{}}\n" for number in range(500))

    problems = check_text(text).problems

    assert MOST + 1 == len(problems)
    assert "document.many_problems" == problems[-1].rule


# places inside texts


@every(
    "written, line, column",
    [
        ("'since {{ nwo() }}'", 1, 11), ('"since {{ nwo() }}"', 1, 11), ("since {{ nwo() }}", 1, 10), ("'it''s {{ nwo() }}'", 1, 11),
        ('"a\\tb {{ nwo() }}"', 1, 10), ("|\n    one\n    two {{ nwo() }}\n", 3, 12), (">-\n    one\n    two {{ nwo() }}\n", 3, 12),
        ("'nwo {{ nwo() }}'", 1, 9), ("'one\n    two {{ nwo() }}'", 2, 12),
    ],
)  # fmt: skip
def test_the_place_is_that_of_the_words(written: str, line: int, column: int) -> None:
    """Line and column of a template's fault are found inside quoted, folded and literal texts."""
    text = HEAD + f"auth: {{type: bearer}}\nfields:\n- in: query\n  key: a\n  value: {written}\n"
    here = HEAD.count("\n") + 5
    shift = len("  value: ") if line == 1 else 0

    [problem] = check_text(text).problems

    assert problem.mark is not None
    assert (here + line - 1, shift + column) == (problem.mark.line, problem.mark.column)


@given(st.text(alphabet="ab \n'\"\\{}é", max_size=30), st.integers(0, 40), st.sampled_from(["'{}'", '"{}"', "{}", "|\n  {}"]))
@settings(max_examples=examples(100), deadline=None)
def test_a_place_inside_a_text_is_always_inside_the_file(text: str, offset: int, form: str) -> None:
    """Whatever the text and the offset: a mark of the file, at or behind the beginning of the text."""
    raw = "key: " + form.replace("{}", text)
    document = Document("a.yaml", raw, {"key": text}, {("key",): Mark(1, 6)})

    mark = mark_within(document, ("key",), offset)

    assert mark is not None
    assert (1, 6) <= (mark.line, mark.column)
    assert mark.line <= raw.count("\n") + raw.count("\r") + 1


# what is not built, and who else may have it


def test_a_type_of_a_package_that_is_not_installed_says_so() -> None:
    """At load an unknown dotted type is an error that names whose package would have to be installed."""
    [problem] = check_text(HEAD + "auth: {type: acme.hmac, key: '{{ inputs.hmac_key }}', digest: sha1}\n").problems

    assert "schema.not_installed" == problem.rule
    assert "install the package of `acme`" in problem.fix


@every("grant", ["account_credentials", "urn:acme:params:grant", "https://acme.example/grant", "x"])
def test_a_vendors_grant_is_sent_as_it_is(grant: str) -> None:
    """A word far from every known one, or a URN."""
    assert [] == rules(HEAD + f"auth: {{type: oauth2, grant_type: '{grant}', token_url: 'https://a.example'}}\n")


@every("grant", ["client_credentails", "Client_Credentials", "client-credentials", "authorisation_code", "pasword", "device-code"])
def test_a_word_near_a_known_grant_is_an_error(grant: str) -> None:
    """Unless {vendor: word} insists."""
    text = HEAD + "auth: {{type: oauth2, grant_type: {}, token_url: 'https://a.example'}}\n"

    assert ["grant.name"] == rules(text.format(grant))
    assert [] == rules(text.format(f"{{vendor: {grant}}}"))


# files


def test_files_of_a_folder_are_found(tmp_path: Path) -> None:
    """YAML and JSON, sorted; hidden files and other endings are left alone."""
    for name in ("b.yaml", "a.json", "c.yml", ".hidden.yaml", "notes.md"):
        (tmp_path / name).write_text("", encoding="utf-8")

    assert ["a.json", "b.yaml", "c.yml"] == [path.name for path in files_in(tmp_path)]


def test_a_file_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    """One problem that says why; `load` raises ProfileError."""
    with pytest.raises(ProfileError, match="there is no such file"):
        load(tmp_path / "none.yaml")


def test_the_name_is_that_of_the_file(tmp_path: Path) -> None:
    """A profile that is named otherwise would not be found by its name."""
    file = tmp_path / "other.yaml"
    file.write_text(HEAD + "auth: {type: bearer}\n", encoding="utf-8")

    assert ["name.file"] == [problem.rule for problem in check_file(file).problems]


# hostile documents


def hostile() -> list[Any]:
    return [vector for vector in vectors("policy_hostile_documents.json")["vectors"] if "text" in vector]


@every("vector", hostile(), ids=lambda vector: vector["id"])
def test_hostile_documents_are_refused_in_a_second(vector: Any) -> None:
    """None of them is a profile, none raises anything but problems, none takes long."""
    started = time.thread_time()
    found = check_text(vector["text"], "a.json" if vector["format"] == "json" else "a.yaml")

    assert not found.is_valid
    assert time.thread_time() - started < 5


class _Parents:
    """Answers every `extends` with some document."""

    def __init__(self, data: Any) -> None:
        self.data = data

    def __call__(self, name: str, child: Document) -> Document | None:
        return Document(f"{name}.yaml", "", copy.deepcopy(self.data))


odd = st.one_of(
    st.none(), st.booleans(), st.integers(-1, 700), st.just(9**30), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=4),
    st.sampled_from([
        "{{", "{{ }}", "{{ inputs }}", "{{ inputs.a }}", "{{ vars }}", "{{ vars.v.x[0] }}", "{{ request }}", "{{ token.x }}", "{{ kept.h }}",
        '{{ "}}" }}', "a:b{{ inputs.s }}\n", "\ud800", "4xx", "https://", "https://*.a.b/{k}", "$username", "oauth2", "basic", "none", "session",
        "acme.hmac", "client_secret_basic", "acme", "acme@1", "https://a.example/{{ inputs.a }}", "(?=a)", "[a-z]+", "header", "path",
    ]),
)  # fmt: skip
structures = st.recursive(
    odd,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from([*FULL, *FULL["auth"], *FULL["auth"]["token_request"], *FULL["inputs"]["tenant"], "in", "key", "value", "x-a", "", "é", "\ud800"]),
        inner, max_size=4,
    ),
    max_leaves=8,
)  # fmt: skip


@st.composite
def strange(draw: st.DrawFn) -> Any:
    """A document of the rules, or one with every key, with strange things in up to four places."""
    document = copy.deepcopy(draw(st.sampled_from([FULL, FULL, *DOCUMENTS])))
    for _ in range(draw(st.integers(1, 4))):
        places = places_in(document)
        if not places:
            return document
        place = draw(st.sampled_from(places))
        holder = document
        for part in place[:-1]:
            holder = holder[part]
        how = draw(st.sampled_from(["replace", "replace", "remove", "add"]))
        if how == "remove":
            holder.pop(place[-1])
        elif how == "add" and isinstance(holder, dict):
            holder[draw(st.sampled_from([*FULL, *FULL["auth"], "extends", "value", "é"]))] = draw(structures)
        else:
            holder[place[-1]] = draw(structures)
    return document


def checked_whatever(document: Any, parent: Any, *, as_json: bool) -> Checked:
    """Checked, and bound if it is valid; problems can be printed."""
    source = parse_document(json.dumps(document), "a.json", json=True) if as_json else Document("<a>", "", document)
    started = time.thread_time()
    found = check(source, default_catalog(), _Parents(parent))
    assert all(isinstance(problem, Problem) and str(problem) for problem in found.problems)
    if found.is_valid:
        bind(found)
    assert time.thread_time() - started < 5
    return found


@settings(max_examples=examples(300), deadline=None)
@given(strange(), st.sampled_from(DOCUMENTS), st.booleans())
def test_nothing_in_a_document_makes_loading_fail(document: Any, parent: Any, as_json: bool) -> None:
    """Wrong types everywhere, at every key: problems and nothing else, and what is valid can be bound."""
    checked_whatever(document, parent, as_json=as_json)


@settings(max_examples=examples(100), deadline=None)
@given(structures, structures)
def test_nothing_at_all_makes_loading_fail(document: Any, parent: Any) -> None:
    """Any JSON value as a document, and as its parent."""
    checked_whatever(document, parent, as_json=False)


def many(count: int, part: Any) -> list[Any]:
    return [part(number) for number in range(count)]


OAUTH2 = {"type": "oauth2", "grant_type": "client_credentials", "token_url": "https://a.example.com"}
HUGE: dict[str, dict[str, Any]] = {
    "fields": {"fields": many(2400, lambda n: {"in": "header", "key": f"A{n}", "value": "{{ inputs.token }}"})},
    "one field many times": {"fields": many(2400, lambda n: {"in": "header", "key": "A", "value": "b"})},
    "misspelt keys": {"fields": many(2400, lambda n: {"inn": "header", "key": "A", "value": "b"})},
    "misspelt names": {"fields": many(2400, lambda n: {"in": "heder", "key": "A", "value": "b"})},
    "inputs": {"version": 1, "inputs": {f"a{n}": {} for n in range(9000)}},
    "patterns": {"inputs": {f"a{n}": {"pattern": f"[a-z]{{1,63}}{n}", "example": "abc"} for n in range(3000)}},
    "a chain of variables": {"vars": {f"a{n}": f"{{{{ vars.a{n + 1} }}}}" for n in range(6000)}},
    "a circle of variables": {"vars": {f"a{n}": f"{{{{ vars.a{(n + 1) % 6000} }}}}" for n in range(6000)}},
    "undeclared": {"inputs": {f"inp{n}": {} for n in range(1500)}, "fields": many(1500, lambda n: {"in": "query", "key": f"A{n}", "value": f"{{{{ inputs.imp{n} }}}}"})},
    "scopes": {"auth": {**OAUTH2, "scopes": many(15000, lambda n: f"s {n}")}},
    "variants": {"auth": many(1500, lambda n: {"name": f"n{n}", "when": "{{ inputs.a }}", **OAUTH2})},
    "tests": {"test": many(3000, lambda n: {"request": {"url": f"/me{n}/{{k}}"}})},
    "servers": {"servers": many(6000, lambda n: f"https://a{n}.example.com"), "test": many(500, lambda n: {"request": {"url": "https://b.example.com/"}})},
    "enum": {"inputs": {"token": {"enum": many(15000, lambda n: f"a{n}"), "example": "zzz"}}},
    "keep": {"auth": {**OAUTH2, "token_response": {"keep": {f"a{n}": "{{ response.json.a }}" for n in range(5000)}}}},
    "placeholders": {"servers": ["https://a.example.com/" + "{k}" * 60000]},
    "a long template": {"fields": [{"in": "header", "key": "A", "value": "{{ '" * 50000}]},
    "a long user name": {"auth": {"type": "basic", "username": "{{ '" * 4000 + "' }}", "password": "{{ inputs.password }}"}},
    "a long key": {"k" * 200_000: 1},
}  # fmt: skip


@pytest.mark.parametrize("name", few(HUGE, every=7))
def test_no_document_takes_long(name: str) -> None:
    """As much as fits into a file: a second at the most, also where everything in it is wrong."""
    document = {"format": 1, "name": "a", "identity_provider": "a", "servers": ["https://a.example.com"], "auth": {"type": "bearer"}, **HUGE[name]}
    read = parse_document(json.dumps(document, ensure_ascii=False), "a.json", json=True)
    assert [] == list(read.problems)

    started = time.thread_time()
    found = check(read, default_catalog(), nobody)

    assert time.thread_time() - started < 5
    assert len(found.problems) <= MOST + 1


def test_a_rule_of_a_package_is_asked_too() -> None:
    """A rule that a package adds sees what the built-in ones see."""
    from authweave.hookspecs import hookimpl

    class NoBearer:
        """Nobody uses bearer tokens here."""

        name = "acme.no_bearer"

        def check(self, checked: Checked) -> Any:
            """One problem per variant."""
            return [checked.problem(self.name, (*path, "type"), "not here") for path, auth, _ in checked.variants if auth.get("type") == "bearer"]

    class Package:
        """A stranger's package."""

        @hookimpl
        def register_rules(self, register: Any) -> None:
            register(NoBearer)

    catalog = Catalog(installed=False)
    catalog.add(Package(), "acme")

    assert ["acme.no_bearer"] == [problem.rule for problem in check_text(HEAD + "auth: {type: bearer}\n", catalog=catalog).problems]


def test_a_source_that_is_no_name_is_not_proposed_as_one():
    """A text out of a database is called as the host likes; what would be right is a name that a profile can have."""
    for source, fix in (("db:x.json", "rename the file to a.json"), ("X Y.yml", "rename the file to a.yml"), ("b.yaml", "write name: b, or rename the file to a.yaml")):
        text = '{"format": 1, "name": "a", "identity_provider": "A", "servers": ["https://a.example"], "auth": {"type": "bearer"}}'
        [problem] = check_text(text, source).problems

        assert (problem.rule, problem.fix) == ("name.file", fix)


def test_a_source_may_be_a_path(tmp_path):
    """What a file is called is often at hand as a path; it is read by its ending, too."""
    assert loads('{"format": 1, "name": "a", "identity_provider": "A", "servers": ["https://a.example"], "auth": {"type": "bearer"}}', tmp_path / "a.json").name == "a"


def test_a_name_that_hides_something_is_shown_as_escapes():
    """What a problem quotes of a file, or calls it by, moves no cursor and hides nothing: also the name that somebody probably meant."""
    text = '{"format": 1, "name": "a", "identity_provider": "A", "servers": ["https://a.example"], "inputs": {"use\\ufeffr": {}}, "auth": {"type": "basic", "username": "{{ inputs.user }}"}}'

    problems = check_text(text, "a\u202e.json").problems

    assert "did you mean `inputs.use\\ufeffr`?" in [problem.fix for problem in problems]
    assert all(part.isprintable() for problem in problems for part in (str(problem), *map(str, problem.as_dict().values())))

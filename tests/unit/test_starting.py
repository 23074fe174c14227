"""New profiles: what is written is valid whatever strangers say, and each answer of a form is checked at once."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authweave.discovery.doubts import GRANT_NAMES
from authweave.discovery.locating import Located
from authweave.discovery.metadata import Metadata, read_metadata
from authweave.discovery.resources import Resource
from authweave.documents import parse_document
from authweave.errors import UsageError
from authweave.extensions.catalog import default_catalog
from authweave.loading import profile_of
from authweave.resources import profiles_folder
from authweave.starting.copying import changes_of, child, copied, urls_in
from authweave.starting.exports import exports
from authweave.starting.filling import BACK, filled
from authweave.starting.form import FORM
from authweave.starting.making import made, made_of_text
from authweave.starting.naming import wrong_name
from authweave.starting.page import schema_beside
from authweave.starting.parsing import key_place, looks_secret, new_field, scope_pair
from authweave.starting.providing import BEST_CLIENT_AUTH, BEST_GRANTS, provided
from authweave.starting.start import GRANTS, TYPES, NewField, Start
from authweave.starting.texts import comment, flow, harmless, is_scope, scalar
from thorough import every

ISSUER = "https://login.acme.example"
START = Start("acme", "Acme", grant="client_credentials", urls={"token_url": f"{ISSUER}/token"})
HOSTILE = [
    "read\nauth: {type: none}", "read\r\nservers: ['https://evil.example']", "# x", "a: b", "- a", "{{ inputs.client_secret }}", "'", '"', "]", "}", "&a", "*a",
    "!!python/object", "\u2028name: evil", "\u202e", "\x00", "\x85fields: []", "%YAML 1.1", "---", "...", "\ufeff", "a #b", "x" * 5000, "ы", "\u3164", "\u115f", "\U000e0041", "\ud800",
]  # fmt: skip


def metadata(**said):
    return Metadata(ISSUER, f"{ISSUER}/.well-known/oauth-authorization-server", {"token_url": f"{ISSUER}/token", "authorization_url": f"{ISSUER}/authorize", **said.pop("endpoints", {})}, said)


def from_metadata(start=None, resource=None, **said):
    whole, _ = provided(start or Start("acme", ""), Located(metadata(**said), resource))
    return made(whole), whole


def data_of(text):
    document = parse_document(text, "x.yaml")
    assert () == document.problems
    return document.data


# ---- what strangers say


@every("hostile", HOSTILE)
def test_nothing_a_server_says_leaves_its_comment(hostile):
    """Scopes, grants and methods of any shape: the file is valid, and says what it says without them."""
    names = ("scopes_supported", "grant_types_supported", "token_endpoint_auth_methods_supported")
    calm, _ = from_metadata(**dict.fromkeys(names, ("client_credentials", "client_secret_basic")))
    lists = dict.fromkeys(names, ("client_credentials", "client_secret_basic", hostile))
    resource = Resource("https://api.acme.example/mcp", ISSUER, "https://api.acme.example/x", (hostile, "good"))

    wild, _ = from_metadata(**lists)
    by_resource, _ = from_metadata(resource=resource, **lists)

    assert [] == list(wild.errors)
    assert [] == list(by_resource.errors)
    assert data_of(calm.text) == data_of(wild.text)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=40), max_size=5), st.text(max_size=60))
def test_texts_of_any_kind_make_no_other_file(items, description):
    """Whatever texts come, the file has the same keys, and what is a value is read back letter for letter."""
    readable = description.isprintable() and description.strip() == description
    found = from_metadata(dataclasses.replace(Start("acme", "Acme"), description=description if readable else ""), scopes_supported=tuple(items))[0]

    data = data_of(found.text) if found.checked.is_valid else {}
    assert found.checked.is_valid or found.errors[0].key in ("description", "")
    assert "none" != data.get("auth", {}).get("type")
    if readable and description and data:
        assert description == data["description"]


@given(st.text())
def test_a_scalar_is_one_line_and_is_read_as_it_was(text):
    """In a block and inside a list; a text that no document may hold at all is refused when it is read, not changed."""
    for written in (f"k: {scalar(text)}", f"k: {flow([text])}"):
        document = parse_document(written, "x.yaml")

        assert "\n" not in written.strip("\n")
        if not document.problems:
            assert document.data["k"] in (text, [text])


@given(st.text())
def test_a_comment_is_nothing_but_a_comment(text):
    """Every line begins with #, and nothing in it is hidden."""
    lines = comment(text, "  ")

    assert all(line.startswith("  # ") and line.isprintable() for line in lines)
    assert {"a": 1} == data_of("\n".join([*lines, "a: 1"]))


@every("text", ["a\nb", "a\u202eb", "a\x1b[31mb", "\u3164"])
def test_what_nobody_sees_is_marked(text):
    """Controls, marks of direction and blanks that look like letters."""
    assert harmless(text) != text
    assert harmless(text).isprintable()


def test_a_scope_is_no_template():
    """A provider that names its scope like one would have secrets sent to it by whoever takes the comment away."""
    assert is_scope("https://www.googleapis.com/auth/drive.readonly")
    assert not any(map(is_scope, ["{{inputs.client_secret}}", "{%x%}", "{#x#}", "a b", "", "ы", 'a"b', "a\\b"]))


def test_endpoints_that_are_no_urls_of_profiles_never_come_so_far():
    """Braces would be a template, http a leak: metadata with such are refused as a whole."""
    for url in ("https://a.example/{{ inputs.client_secret }}", "http://a.example/token", "https://a.example/x#y", "javascript:alert(1)"):
        with pytest.raises(Exception, match="token_endpoint"):
            read_metadata({"issuer": ISSUER, "token_endpoint": url}, ISSUER, ISSUER)


# ---- what is chosen


@every(
    "listed, grant",
    [
        (("authorization_code", "client_credentials"), "client_credentials"),
        (("authorization_code", "refresh_token"), "authorization_code"),
        (("urn:ietf:params:oauth:grant-type:device_code",), "device_code"),
        (None, "authorization_code"),
        (("password",), "client_credentials"),
    ],
)
def test_the_best_grant_for_a_bot(listed, grant):
    """Nobody has to be there, else a person signs in once; who says nothing has the code grant (RFC 8414 §2)."""
    said = {"grant_types_supported": listed} if listed is not None else {}
    _, whole = from_metadata(endpoints={"device_authorization_url": f"{ISSUER}/device"}, **said)

    assert grant == whole.grant


def test_a_wish_stands_and_what_speaks_against_it_is_told():
    """--grant and --client-auth are never overruled."""
    _, told = provided(Start("acme", "", grant="client_credentials", client_auth="client_secret_post"), Located(metadata(grant_types_supported=("password",), token_endpoint_auth_methods_supported=("none",))))

    assert ["client_credentials", "client_secret_post"] == [words.split(" do not list ")[1].split()[0] for words in told]


def test_a_resource_where_clients_register():
    """MCP: a public client that registers itself, and a server that is the resource."""
    resource = Resource("https://mcp.acme.example/mcp", ISSUER, "", ("tools",))
    found, _ = from_metadata(
        resource=resource, endpoints={"registration_url": f"{ISSUER}/register"}, grant_types_supported=("authorization_code",),
        token_endpoint_auth_methods_supported=("client_secret_basic", "none"),
    )  # fmt: skip
    auth = data_of(found.text)["auth"]

    assert [] == list(found.errors)
    assert (resource.resource, "none", "authweave") == (auth["resource"], auth["client_auth"], auth["registration"]["client_name"])
    assert "tools" in found.text


def test_names_of_grants_are_those_of_the_catalogue():
    """What metadata call by a URN, profiles call as the grant's class does."""
    grants = default_catalog().named("grants")

    assert {getattr(grants[name], "urn", "") for name in GRANT_NAMES.values()} == set(GRANT_NAMES)
    assert set(GRANTS) <= set(grants)
    assert set(TYPES) <= set(default_catalog().named("schemes"))


# ---- what is written


@every("kind", TYPES)
def test_each_type_of_the_form_is_valid_as_it_comes(kind):
    """With nothing but a name and a server."""
    found = made(Start("acme", "Acme", type=kind, grant="client_credentials" if kind == "oauth2" else "", urls={"token_url": f"{ISSUER}/token"} if kind == "oauth2" else {}, servers=("https://api.acme.example",)))

    assert [] == list(found.errors)
    assert [] == list(found.warnings)


@every("grant", GRANTS)
def test_each_grant_of_the_form_is_valid_with_an_issuer(grant):
    """Only what the grant itself is warned of is open."""
    found = made(Start("acme", "Acme", grant=grant, urls={"issuer": ISSUER}, servers=("https://api.acme.example",)))

    assert [] == list(found.errors)
    assert {"grant.password"} >= {problem.rule for problem in found.warnings}


@every("method", BEST_CLIENT_AUTH)
@every("grant", BEST_GRANTS)
def test_each_way_that_metadata_may_list_makes_a_valid_file(method, grant):
    """A server that takes nothing else is no reason for a file that is wrong."""
    found, whole = from_metadata(grant_types_supported=(grant,), token_endpoint_auth_methods_supported=(method,), endpoints={"device_authorization_url": f"{ISSUER}/device"})

    assert (grant, method) == (whole.grant, whole.client_auth)
    assert [] == list(found.errors)


def test_inputs_follow_from_what_is_read():
    """One label of a host gets a pattern, a whole host a format, a secret field is a secret; the client id gets its default."""
    start = dataclasses.replace(
        START, servers=("https://{{ inputs.tenant }}.acme.example", "https://{{ inputs.host }}/v1"), client_id="my-bot",
        fields=(NewField("header", "X-Key", "{{ inputs.gateway_key }}"),), secrets=frozenset({"gateway_key"}),
    )  # fmt: skip
    inputs = data_of(made(start).text)["inputs"]

    assert [] == list(made(start).errors)
    assert ("[a-z0-9-]{1,63}", "hostname", True, "my-bot") == (inputs["tenant"]["pattern"], inputs["host"]["format"], inputs["gateway_key"]["secret"], inputs["client_id"]["default"])


def test_what_is_to_be_exported():
    """A variable for each input that nobody has a value for, secrets last."""
    profile = profile_of(made(START).checked)

    assert [("AUTHWEAVE_ACME_CLIENT_ID", "Client ID"), ("AUTHWEAVE_ACME_CLIENT_SECRET", "Client secret (secret)")] == exports(profile)


def test_the_schema_is_named_as_it_is_reached(tmp_path):
    """Beside the folder, above it, or where it usually lies."""
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "auth-profile.schema.json").write_text("{}")
    (tmp_path / "config" / "profiles").mkdir(parents=True)

    assert "schemas/auth-profile.schema.json" == schema_beside(tmp_path)
    assert "../../schemas/auth-profile.schema.json" == schema_beside(tmp_path / "config" / "profiles")


@every("name, near", [("Acme Bot.yaml", "acme-bot"), ("../x", "x"), ("a--b", "a-b"), ("", ""), ("a" * 101, "a" * 100), ("é", ""), ("a\n", "a")])
def test_a_name_that_is_none(name, near):
    """It is a file's name too: nothing that leads elsewhere; a near one is said."""
    assert wrong_name(name)
    assert (f"write {near}" in wrong_name(name)) == bool(near)
    assert not wrong_name("acme-2")


# ---- what people type


def test_scopes_fields_and_keys():
    """As the options and the form take them."""
    assert [("scope", "read"), ("audience", "crm"), ("scope", "https://a.example/x?y=z")] == list(map(scope_pair, ["read", "audience=crm", "https://a.example/x?y=z"]))
    assert ("header", "X-A", "b=c:d") == new_field(" header:X-A = b=c:d")
    assert ("query", "key") == key_place("query:key")
    assert looks_secret("gateway_key")
    assert not looks_secret("keyboard")
    for call, wrong in ((scope_pair, ["=x", "a=", ""]), (new_field, ["header", "header:x", "body:a=b", "header:=x"]), (key_place, ["header", "x:y", "header:"])):
        for text in wrong:
            with pytest.raises(UsageError):
                call(text)


class Person:
    """Answers by label, each from a list of its own; what was told is kept."""

    def __init__(self, **answers):
        self.answers = {label: list(said) if isinstance(said, list) else [said] for label, said in answers.items()}
        self.told = []
        self.asked = []

    def ask(self, label, hint, default):
        word = label.split()[0].lower()
        self.asked.append(word)
        left = self.answers.get(word, [])
        return left.pop(0) if left else ""


def test_the_form_makes_a_profile():
    """The Client Credentials form of Kore.ai, answered in its order."""
    person = Person(
        authorization=["1", "header:X-Organization={{ inputs.tenant }}", "payload:pin={{ inputs.pin }}", "", "/v1/me"], identity="Acme", client=["kore-bot", ""],
        token="https://{tenant}.acme.example/oauth/token", scope=["scope=read", "scope=write", "audience=crm", ""], refresh="https://{tenant}.acme.example/oauth/refresh",
        description="The CRM.", server=["https://{tenant}.acme.example", ""],
    )  # fmt: skip

    found = made(filled(Start("acme", ""), FORM, person.ask, person.told.append))
    data = data_of(found.text)

    assert [] == list(found.errors)
    assert "https://{{ inputs.tenant }}.acme.example/oauth/token" == data["auth"]["token_url"]
    assert [{"key": "scope", "value": "read"}, {"key": "scope", "value": "write"}, {"key": "audience", "value": "crm"}] == data["auth"]["scopes"]
    assert True is data["inputs"]["pin"]["secret"]
    assert "/v1/me" == data["test"]["request"]["url"]
    order = [word for word in dict.fromkeys(person.asked) if word in ("authorization", "identity", "client", "token", "scope", "refresh", "description", "server")]
    assert ["authorization", "identity", "client", "token", "scope", "refresh", "description", "server"] == order


def test_a_wrong_answer_is_said_at_once_and_asked_again():
    """By the same rules as the finished file, and only what is wrong with this answer."""
    person = Person(authorization=["10", "1"], token=["http://acme.example/t", "acme", "https://acme.example/t"], server=["ftp://x", ""])

    start = filled(Start("acme", ""), FORM, person.ask, person.told.append)

    assert "https://acme.example/t" == start.urls["token_url"]
    assert () == start.servers
    assert any("none of oauth2" in words for words in person.told)
    assert any("not encrypted" in words for words in person.told)
    assert 3 == person.asked.count("token")
    assert 2 == person.asked.count("server")


def test_back_goes_to_the_question_before():
    """With what was said before it, and never beyond the first."""
    person = Person(authorization=[BACK, "basic"], identity=["Wrong", "Right"], description=[BACK, "Fine."])

    start = filled(Start("acme", ""), FORM, person.ask, person.told.append)

    assert ("basic", "Right", "Fine.") == (start.type, start.identity_provider, start.description)
    assert "this is the first question" in person.told


# ---- like another


@every("path", sorted(profiles_folder().glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_profile_can_be_copied(path):
    """Under another name the copy is as valid, keeps every comment, and differs in name, version and first line only."""
    text = path.read_text()
    start = Start("my-own", "Mine")

    found = made_of_text(copied(text, start, changes_of(start, data_of(text)), schema="x.json"), "my-own.yaml")

    assert [] == list(found.errors)
    before, after = text.splitlines(), found.text.splitlines()
    assert len(before) == len(after)
    changed = [old for old, new in zip(before, after, strict=True) if old != new]
    assert {line.partition(":")[0] for line in changed} <= {"# yaml-language-server", "name", "version", "identity_provider"}


def test_a_copy_takes_what_must_change():
    """Values at their places, comments beside them kept."""
    text = "format: 1\nname: old  # its name\nidentity_provider: Old\nservers: [https://old.example]  # who\nauth: {type: oauth2, grant_type: client_credentials, token_url: 'https://old.example/t'}\n"
    start = Start("new", "New", urls={"token_url": "https://new.example/t"}, servers=("https://new.example",), scopes=(("scope", "a"),), client_id="bot", test_url="/me", fields=(NewField("query", "a", "b"),))

    made_text = copied(text, start, changes_of(start, data_of(text)), schema="s.json")
    data = data_of(made_text)

    assert "  # its name" in made_text
    assert "  # who" in made_text
    assert ("new", "New", ["https://new.example"], "https://new.example/t", ["a"]) == (data["name"], data["identity_provider"], data["servers"], data["auth"]["token_url"], data["auth"]["scopes"])
    assert ({"client_id": {"default": "bot"}}, [{"in": "query", "key": "a", "value": "b"}], {"request": {"url": "/me"}}) == (data["inputs"], data["fields"], data["test"])


def test_a_copy_of_several_ways_says_so():
    """Which of them an endpoint is for nobody can guess."""
    with pytest.raises(UsageError, match="several ways"):
        changes_of(Start("new", "", urls={"token_url": "https://new.example/t"}), {"auth": [{"type": "basic"}, {"type": "none"}]})


def test_a_child_says_only_what_differs():
    """And is valid where its parent is found."""
    start = Start("mine", "Mine", urls={"token_url": f"{ISSUER}/token"}, scopes=(("scope", "asr"),))

    text = child(start, "nuance-mix-runtime", changes_of(start, {"auth": {}}), schema="s.json")

    assert {"format": 1, "name": "mine", "version": "0.1.0", "extends": "nuance-mix-runtime", "identity_provider": "Mine", "auth": {"token_url": f"{ISSUER}/token", "scopes": ["asr"]}} == data_of(text)
    assert [] == list(made_of_text(text, "mine.yaml").errors)


def test_urls_that_a_copy_most_likely_changes():
    """Servers and endpoints, of each way there is."""
    data = {"servers": ["https://a.example"], "auth": [{"token_url": "https://b.example"}, {"type": "basic"}]}

    assert [(("servers", 0), "https://a.example"), (("auth", 0, "token_url"), "https://b.example")] == list(urls_in(data))

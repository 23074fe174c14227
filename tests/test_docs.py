"""The documentation is true: profiles are valid, requests are what goes onto the wire, names exist, links lead somewhere."""

from __future__ import annotations

import ast
import inspect
import json
import re
import shlex
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest

import authweave
from authweave import contracts, frame, hookspecs
from authweave.answers.responses import response_scope
from authweave.checking import sites
from authweave.cli.group import group
from authweave.drafts.draft import Draft
from authweave.extensions.catalog import Catalog
from authweave.limits.reading import read_limits
from authweave.loading import check_text
from authweave.schema import profile_schema
from authweave.settings import Settings
from authweave.templates.functions import FUNCTIONS
from authweave.templates.refusals import NAMESPACES
from authweave.values import Secret, TaskResponse, Token
from documentation import generated, tour
from documentation.conversations import Conversation, conversations
from documentation.markdown import ROOT, Block, Page, blocks_in, names_in, page, pages
from documentation.profiles import profile_text
from thorough import every

CATALOG = Catalog(installed=False)
FORMAT = page("docs/profile.md")
OF_TYPES = [each for each in pages() if each.name.startswith("docs/types/")]
CONVERSATIONS = [conversation for each in (FORMAT, *OF_TYPES) for conversation in conversations(each)]
PROFILES = [block for block in blocks_in("yaml") if "invalid" not in block.words]
INVALID = [block for block in blocks_in("yaml") if "invalid" in block.words]
SAID = {"extends.dropped_items", "grant.password"}
"""Warnings that an example may show: its page says what happens."""


# Profiles


@every("block", PROFILES, ids=str)
def test_a_profile_in_the_documentation_is_valid(block: Block) -> None:
    """`validate` has nothing to say about it."""
    checked = check_text(profile_text(block), f"<{block}>")

    assert [str(problem) for problem in checked.problems if problem.rule not in SAID] == []


@every("block", INVALID, ids=str)
def test_an_invalid_profile_in_the_documentation_breaks_the_rule_it_is_named_after(block: Block) -> None:
    """The example of a mistake is one."""
    rule = block.words[-1]
    checked = check_text(profile_text(block), generated.FILE, folders=[generated.BAD / rule])

    assert rule == "invalid" or rule in {problem.rule for problem in checked.problems}
    assert checked.problems


def test_every_page_is_looked_at() -> None:
    """There are profiles, right and wrong ones, commands and requests to look at: nothing above runs over an empty list."""
    seen = {block.page for block in PROFILES}

    assert {"README.md", "docs/profile.md", "docs/profiles.md"} <= seen
    assert len(INVALID) >= len(CATALOG.named("rules"))
    assert [str(block) for each in pages() for block in each.blocks if not block.words and not _is_picture(block)] == []


def _is_picture(block: Block) -> bool:
    return any(character in block.text for character in "─►▲│┘")


@every("conversation", CONVERSATIONS, ids=str)
def test_what_a_page_shows_goes_onto_the_wire(conversation: Conversation) -> None:
    """Each request after a profile is one that is really sent, byte for byte but for the sender's own headers; in order.

    `…` stands for what is another each time: a nonce, and the signature over it.
    """
    wire = conversation.played()
    left = iter(wire)

    missing = [block.text for block in conversation.shown if not any(_is_shown(block.text, sent) for sent in left)]

    assert missing == [], "\n".join(wire)


def _is_shown(text: str, sent: str) -> bool:
    return re.fullmatch(r'[^\s"&]+'.join(map(re.escape, text.split("…"))), sent) is not None


@pytest.mark.parametrize("block", [block for block in blocks_in("toml") if "limits" not in block.words], ids=str)
def test_settings_in_the_documentation_can_be_loaded(block: Block, tmp_path: Path) -> None:
    """The file is one that authweave reads, and everything in it is a setting."""
    (tmp_path / "authweave.toml").write_text(block.text)

    settings = Settings.load(env={"XDG_CONFIG_HOME": str(tmp_path / "none")}, cwd=tmp_path)

    assert {name for name, origin in settings.origins.items() if origin != "default"} == set(tomllib.loads(block.text))


@pytest.mark.parametrize("block", [block for block in blocks_in("toml") if "limits" in block.words], ids=str)
def test_limits_in_the_documentation_can_be_read(block: Block, tmp_path: Path) -> None:
    """The file is one of limits, and everything in it is a list that there is."""
    (tmp_path / "limits.toml").write_text(block.text)

    assert set(read_limits(tmp_path / "limits.toml")) >= set(tomllib.loads(block.text)["tenants"])


# The format, key by key


def _schema_of(name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = CATALOG.named("schemes")[name].schema  # type: ignore[attr-defined]  # a scheme
    return found


def _keys(schema: Any) -> Iterator[tuple[str, Any]]:
    """Every key that the schema describes, with its schema."""
    if isinstance(schema, list):
        for part in schema:
            yield from _keys(part)
    if isinstance(schema, dict):
        for word, part in schema.items():
            if word == "properties":
                yield from ((key, described) for key, described in part.items() if isinstance(described, dict))
            if word not in ("examples", "default", "enum", "const", "x-anti-examples"):
                yield from _keys(list(part.values()) if word == "properties" else part)


def _object(schema: Any) -> Mapping[str, Any]:
    """The map among the things that may stand in a place."""
    if "properties" in schema:
        return schema  # type: ignore[no-any-return]  # a schema
    inner = [branch["then"] for branch in schema.get("allOf", ()) if branch.get("if") == {"type": "object"}]
    return _object(inner[0] if inner else schema["additionalProperties"])


WHOLE = profile_schema(CATALOG)
TOP = WHOLE["properties"]
OAUTH2 = _schema_of("oauth2")
FIELD = frame.field_schema()
ANSWER = OAUTH2["properties"]["token_response"]
TEST = _object(TOP["test"])
COMMON = {"properties": {"type": {}, **frame.auth_common(frame.field_schema(credential=True))}, "required": ["type"]}
TABLES: Mapping[str, Mapping[str, Any]] = {
    "Top level": {"properties": TOP, "required": [*WHOLE["required"], *WHOLE["else"]["required"]]},
    "Inputs": _object(TOP["inputs"]),
    "Auth": COMMON,
    "basic": _schema_of("basic"),
    "bearer": _schema_of("bearer"),
    "oauth2": OAUTH2,
    "A given refresh token": CATALOG.named("grants")["refresh_token"].schema,  # type: ignore[attr-defined]  # a grant
    "The token answer": ANSWER,
    "Kept values": _object(ANSWER["properties"]["keep"]),
    "TLS": TOP["tls"],
    "Fields": FIELD,
    "Requests": TEST["properties"]["request"],
    "Conditions on answers": frame.MATCH,
    "Test": TEST,
}


@every("title", TABLES)
def test_a_table_of_keys_has_the_keys_of_the_schema(title: str) -> None:
    """Every key is described, and no key is described that there is not."""
    listed = [key for row in FORMAT.rows(title, "key") for key in names_in(row[0])]

    assert sorted(listed) == sorted(TABLES[title]["properties"])


@every("title", TABLES)
def test_a_table_of_keys_has_the_defaults_of_the_schema(title: str) -> None:
    """Where a key has a default, the table says so; it says `required` where the schema asks for the key, and only there."""
    schema = TABLES[title]
    required = schema.get("required", ())
    for row in FORMAT.rows(title, "key"):
        for key in names_in(row[0]):
            default = _default(schema["properties"][key])
            assert default is None or default in names_in(row[2]) or "the member of that name" in row[2], key
            assert row[2].startswith("required") if key in required else row[2] != "required", key


def _default(schema: Any) -> str | None:
    """The default as a page writes it; None for those that are told in words."""
    default = schema.get("default") if isinstance(schema, dict) else None
    text = default if isinstance(default, str) else json.dumps(default)
    return None if default is None or not text.strip() or "{{ inputs." in text else text


def test_every_key_of_the_schema_is_in_the_reference() -> None:
    """At any depth, those of small maps such as `{vendor: …}` included."""
    words = set(re.findall(r"\w+", " ".join(code for each in (FORMAT, *OF_TYPES) for code in each.code)))

    assert {key for key, _ in _keys(WHOLE)} - words == set()


def test_dotted_keys_in_prose_exist() -> None:
    """`auth.fields`, `token_request.fields`: every step is a key of what stands before it."""
    wrong = [(each.name, code) for each in pages() for code in each.code if re.fullmatch(r"[a-z_]+(\.[a-z_]+)+", code) and not _is_there(code)]

    assert wrong == []


NO_KEYS = re.compile(r".*\.(py|com|toml|md)|tls\..*")
"""Names of files and hosts, and a part of the format that is not built yet."""


@cache
def _all_keys() -> list[tuple[str, Any]]:
    return list(_keys(WHOLE))


@cache
def _is_there(dotted: str) -> bool:
    first, *rest = dotted.split(".")
    known = [part for key, part in _all_keys() if key == first]
    if not known or first in NAMESPACES or dotted in CATALOG.named("rules") or NO_KEYS.fullmatch(dotted):
        return True
    for step in rest:
        known = [part for key, part in _keys(known) if key == step]
    return bool(known)


def test_every_type_has_a_section() -> None:
    """With an example and what it puts onto the wire."""
    shown = {key for conversation in CONVERSATIONS for key in re.findall(r"type: (\w+)", profile_text(conversation.profile))}
    shown |= {"negotiate", "ntlm"}  # what they send cannot be told beforehand: a ticket, and messages of one connection

    assert set(CATALOG.named("schemes")) <= {*FORMAT.headings, *(each.name.removeprefix("docs/types/").removesuffix(".md") for each in OF_TYPES)}
    assert set(CATALOG.named("schemes")) <= shown
    assert all(f"`{name}`" in FORMAT.section("The grant") for name in CATALOG.named("grants"))


@every(
    "title, head, expected",
    [
        ("Client authentication", "client_auth", CATALOG.named("client_auth")),
        ("Client authentication", "basic_encoding", OAUTH2["properties"]["basic_encoding"]["enum"]),
        ("Fields", "in", CATALOG.named("placements")),
        ("Requests", "encoding", frame.ENCODINGS),
        ("Templates", "namespace", NAMESPACES),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_table_of_names_has_all_of_them(title: str, head: str, expected: Any) -> None:
    """None is missing, and none is made up."""
    listed = [name for row in FORMAT.rows(title, head) for name in names_in(row[0])]

    assert sorted(listed) == sorted(expected)


def test_the_table_of_functions_has_their_signatures() -> None:
    """Letter for letter, as an author calls them."""
    listed = [signature for row in FORMAT.rows("Templates", "function") for signature in names_in(row[0])]

    assert sorted(listed) == sorted(function.signature for function in FUNCTIONS.values())


def test_the_table_of_namespaces_has_their_members() -> None:
    """What can be read of token, request and response."""
    held = {names_in(row[0])[0]: set(names_in(row[1])) for row in FORMAT.rows("Templates", "namespace")}

    assert held["token"] == set(Token(access_token=Secret("a", "a test")).as_scope())
    assert held["request"] == set(Draft("GET", "https://api.acme.example/").view)
    assert held["response"] == set(response_scope(TaskResponse(200, (), b"")))
    assert held["profile"] == {"name", "version"}


def test_the_table_of_namespaces_says_where_each_may_be_read() -> None:
    """Everywhere is everywhere; the others where a template that reads them compiles."""
    where = {name: row[2] for row in FORMAT.rows("Templates", "namespace") for name in names_in(row[0])}
    places = {
        "`fields`": sites.TASK, "`auth.fields`": sites.CREDENTIAL, "`refresh_request`": sites.REFRESH,
        "`revoke_request`": sites.REVOCATION,
        "`token_response`": sites.ANSWER, "conditions on answers": sites.ANSWER,
    }  # fmt: skip

    assert {name for name, cell in where.items() if cell == "everywhere"} == set(sites.LATER)
    for name in ("token", "request", "response"):
        assert {place for place in places if place in where[name]} <= {place for place, allowed in places.items() if name in allowed}
        assert all(place in where[name] for place, allowed in places.items() if name in allowed and name != "request"), name


# Python and the command line


@every("block", [*blocks_in("python")], ids=str)
def test_python_in_the_documentation_uses_what_there_is(block: Block) -> None:
    """It compiles; what is imported, called and passed exists."""
    tree = ast.parse(_statements(block.text))
    names = _imported(tree)

    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
            _bind(names[node.func.id], node)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value).endswith(".hook"):
            _bind_hook(getattr(hookspecs.HostSpecs, node.func.attr), node)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in KINDS:
            kind = KINDS[node.value.id]
            assert hasattr(kind, node.attr) or f"self.{node.attr} = " in inspect.getsource(kind.__init__), ast.unparse(node)


KINDS = {"engine": authweave.Engine, "connection": authweave.Connection, "pending": authweave.Pending}
"""What variables of these names hold, on every page."""


def _statements(text: str) -> str:
    """The text as a module: a block that begins with `except` belongs to a `try` of the reader's."""
    return f"try:\n    pass\n{text}" if text.startswith("except ") else text


def _imported(tree: ast.Module) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("authweave"):
            module = __import__(str(node.module), fromlist=["*"])
            found |= {alias.asname or alias.name: getattr(module, alias.name) for alias in node.names}
    return found


def _bind(called: Any, node: ast.Call) -> None:
    if inspect.isclass(called) and issubclass(called, Exception) and "__init__" not in vars(called):
        return  # takes what every exception takes
    inspect.signature(called).bind_partial(*node.args, **{str(word.arg): word.value for word in node.keywords})


def _bind_hook(hook: Any, node: ast.Call) -> None:
    """pluggy calls by name; what is not given has the default of the spec."""
    assert not node.args
    parameters = [one for one in inspect.signature(hook).parameters.values() if one.name != "self"]
    given = {word.arg for word in node.keywords}
    assert {one.name for one in parameters if one.default is one.empty} <= given <= {one.name for one in parameters}


def _commands() -> Iterator[tuple[str, str]]:
    for each in pages():
        for block in each.blocks:
            if block.language in ("sh", "bash", "console"):
                for line in _typed(block):
                    yield from ((str(block), command) for command in _of_shell(line))
        for code in each.code:
            if code.startswith("authweave "):
                yield from ((each.name, command) for command in _of_shell(code))


def _typed(block: Block) -> list[str]:
    """The lines that somebody types: all, or in a `console` those after the prompt."""
    lines = block.text.replace("\\\n", " ").splitlines()
    return [line.removeprefix("$ ") for line in lines if block.language != "console" or line.startswith("$ ")]


def _of_shell(line: str) -> Iterator[str]:
    words: list[str] = []
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    for word in [*lexer, ";"]:
        if set(word) <= set("|&;()"):
            yield from _of_words(words)
            words = []
        else:
            words.append(word)


def _of_words(words: list[str]) -> Iterator[str]:
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words = words[1:]
    if words and Path(words[0]).name == "authweave" and len(words) > 1:
        yield shlex.join(words[1 : next((index for index, word in enumerate(words) if set(word) <= set("<>")), None)])


@every("where, command", sorted(set(_commands())), ids=lambda text: text)
def test_a_command_in_the_documentation_can_be_given(where: str, command: str) -> None:
    """The command exists, and takes these options and arguments."""
    name, *arguments = shlex.split(command)
    if name.startswith("-"):
        assert name in ("--help", "-h", "--version", "-V")
        return
    found = group.get_command(click.Context(group), name)
    assert found is not None
    if arguments == ["--help"]:
        return
    while isinstance(found, click.Group) and arguments:
        found = found.commands[arguments.pop(0)]
    given, left, _ = found.make_parser(click.Context(found, info_name=name)).parse_args(arguments)
    assert left == []
    for parameter in found.params:
        value = given.get(str(parameter.name))
        if isinstance(parameter.type, click.Choice) and value is not None:
            assert value in parameter.type.choices
        if isinstance(parameter, click.Argument) and parameter.required and arguments:
            assert value


@pytest.mark.thorough
def test_the_tour_prints_what_it_shows(tmp_path: Path) -> None:
    """Each command of the README's tour, typed in order: every line that is shown is printed, `…` and numbers that vary aside."""
    readme = page("README.md")
    for name, text in tour.files(readme):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    env, is_first = tour.environment(tmp_path), True

    for step in tour.steps(readme):
        if exported := re.fullmatch(r"export (\w+)=…", step.command):
            env[exported[1]] = tour.SECRET
            continue
        output = tour.run(step.command, tmp_path, env)
        assert step.missing(output) is None, f"{step}\n{output}"
        if is_first:
            _mend(tmp_path, readme)
            is_first = False

    assert not is_first


def _mend(folder: Path, readme: Page) -> None:
    """What the tour tells its reader to do after the first command."""
    declared = next(code for code in readme.code if code.startswith("inputs: {"))
    for path in folder.glob("profiles/*.yaml"):
        text = path.read_text()
        path.write_text(text.replace("grant_typ:", "grant_type:").replace("\nservers:", f"\n{declared}\nservers:", 1))


# Pages


@pytest.mark.parametrize("name", generated.PAGES)
def test_a_generated_page_is_up_to_date(name: str) -> None:
    """`python tests/generate_docs.py` would change nothing."""
    assert generated.PAGES[name]() == (ROOT / name).read_text()


def test_every_rule_id_is_explained() -> None:
    """Whatever id stands in brackets behind a problem, the page of rules has it."""
    text = "\n".join(path.read_text() for path in (ROOT / "plugin" / "authweave").rglob("*.py"))
    said = set(re.findall(r"""["'](document\.[a-z_]+|schema\.[A-Za-z_]+)["']""", text))
    shown = set(re.findall(r"(?m)^### (\S+)|^\| `([\w.]+)`", page("docs/rules.md").text))
    explained = {one or other for one, other in shown}

    assert len(said) > 20
    assert (said | set(CATALOG.named("rules")) | {"template", "url", "extends", "egress"}) - explained == set()


@every("each", pages(), ids=lambda each: each.name)
def test_links_lead_somewhere(each: Page) -> None:
    """A relative link names a file of the repository, and a heading in it."""
    wrong = [link for link in each.links if not re.match(r"[a-z]+:", link) and not _leads_somewhere(each, link)]

    assert wrong == []


def _leads_somewhere(each: Page, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = (ROOT / each.name).parent / path if path else ROOT / each.name
    return target.exists() and (not anchor or anchor in page(str(target.resolve().relative_to(ROOT))).anchors)


FOREIGN = re.compile(
    r"(?i)(?<![\w.])/(home|root|users|work|tmp|mnt|private)/|[a-z]:\\|pypi\.org|pythonhosted|npmjs|docker\.io|ghcr\.io|index-url|file://"
)


@every("each", [*pages(), page("CHANGELOG.md")], ids=lambda each: each.name)
def test_a_page_speaks_of_no_machine_and_no_registry(each: Page) -> None:
    """What is written holds for every reader."""
    assert FOREIGN.findall(each.text) == []


def test_headings_are_told_apart() -> None:
    """Two of one name on a page would have links that lead to the first only."""
    doubled = {each.name: title for each in pages() for title in each.headings if each.headings.count(title) > 1}

    assert doubled == {}


# Docstrings


def _public() -> Iterator[tuple[str, Any]]:
    """Everything that others may rely on, by name: the public names, the hooks, the contracts, and their members."""
    for name in authweave.__all__:
        if not name.startswith("__"):
            yield from _members(name, getattr(authweave, name))
    for module in (hookspecs, contracts):
        for name, thing in vars(module).items():
            if inspect.isclass(thing) and thing.__module__ == module.__name__:
                yield from _members(f"{module.__name__}.{name}", thing)


def _members(name: str, thing: Any) -> Iterator[tuple[str, Any]]:
    yield name, thing
    if inspect.isclass(thing):
        for member, value in vars(thing).items():
            value = value.__func__ if isinstance(value, staticmethod | classmethod) else value
            if not member.startswith("_") and (inspect.isfunction(value) or isinstance(value, property)):
                yield f"{name}.{member}", value


def test_everything_public_has_a_docstring() -> None:
    """In a sentence at least."""
    found = dict(_public())

    assert len(found) > 80
    assert [name for name, thing in found.items() if not (inspect.getdoc(thing) or "").partition(">>>")[0].strip().rstrip("`").endswith((".", "?", ")"))] == []


def test_every_module_has_a_docstring() -> None:
    """A reader of the folder learns what each file is for."""
    texts = {path: path.read_text() for path in (ROOT / "plugin" / "authweave").rglob("*.py")}

    assert [str(path.relative_to(ROOT)) for path, text in texts.items() if not text.startswith('"""') and not ast.get_docstring(ast.parse(text))] == []


def test_every_hook_says_what_it_is_for() -> None:
    """Hooks are what strangers implement: each is marked, and explained."""
    hooks = [
        hook for specs in (hookspecs.ExtensionSpecs, hookspecs.HostSpecs) for name, hook in vars(specs).items()
        if inspect.isfunction(hook) and not name.startswith("_")
    ]  # fmt: skip

    assert len(hooks) >= 13
    assert [hook.__qualname__ for hook in hooks if not hook.__doc__ or not hasattr(hook, f"{hookspecs.PROJECT}_spec")] == []


def test_every_extension_says_what_it_is() -> None:
    """Types, grants, rules …: the class that is registered has a docstring, which the pages show."""
    missing = [f"{kind}.{name}" for kind in hookspecs_kinds() for name, thing in CATALOG.named(kind).items() if not thing.__doc__]

    assert missing == []


def hookspecs_kinds() -> list[str]:
    """The kinds of extensions, from their hooks."""
    return [name.removeprefix("register_") for name in vars(hookspecs.ExtensionSpecs) if name.startswith("register_")]

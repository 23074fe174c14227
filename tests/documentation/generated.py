"""The pages, and parts of pages, that are made from the code: `python tests/generate_docs.py` writes them."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from authweave.egress.guard import guard_of
from authweave.egress.profiles import problems_of
from authweave.extensions.catalog import Catalog
from authweave.limits import Limits, Within
from authweave.loading import check_file, check_text, profile_of
from authweave.settings import CONFIG, MEMBERS, Member, Settings
from authweave.values import Problem
from documentation import diagnoses
from documentation.markdown import ROOT
from documentation.needs import ROWS, TABLE, VENDOR, Proof, Row, proofs
from documentation.profiles import completed
from documentation.unreadable import IN_WORDS, TEXTS

FILE = "example.yaml"
BAD = ROOT / "tests" / "rules"
FRAME = ("format: 1", "name: bad", "identity_provider: Acme", "servers: ['https://api.acme.example']", "auth: {type: bearer}")
"""What bad documents have without being wrong there: not shown where the problem stays the same without."""
WIDTH = 140

RULES_HEAD = """\
# What `validate` finds

<!-- Made from the code: python tests/generate_docs.py -->

Every problem of a profile is told at once, on a line of its own: where, which key, what is wrong, what would be right, and the id of the rule.
Ids stay the same from version to version. A warning leaves the profile valid, unless you say `authweave validate --strict`. Values are never
printed: they may be secrets.

Each rule is shown with a mistake and what is said of it. A problem is told once: what is refused while the file is read, or does not have the
[shape](#shape) that the schema asks for, is left out of all that follows. Packages can add rules (`register_rules`); `authweave plugins` lists them.

[Rules](#rules) · [Shape, parents, templates and URLs](#shape) · [Under an egress policy](#under-an-egress-policy) · [Under limits](#under-limits) · [The file](#the-file)

## Rules
"""
SHAPE_HEAD = """\
## Shape

What JSON Schema, templates, URLs and `extends` ask for. `schema.…` is named after the keyword of JSON Schema.
"""
STRICT_HEAD = """\
## Under an egress policy

Only where a host runs the profiles of strangers: with `authweave validate --strict`, and under the setting `egress` at load and at connect ([egress.md](egress.md)).

### egress

A URL that the policy refuses, or a value that chooses scheme, host or port without a bound that is written in the profile.
"""
STRICT_TEXT = """\
inputs:
  host: {format: hostname}
  port: {type: integer}
servers: ['https://{{ inputs.host }}:{{ inputs.port }}', 'https://169.254.169.254']
auth: {type: bearer}
"""
LIMITS_HEAD = """\
## Under limits

Only where a host says what profiles may use: with `authweave validate --limits FILE --tenant NAME`, and under the setting `limits` at load and at connect ([limits.md](limits.md)).

### limits

Something that a tenant's profiles may not use: a profile, a type, an input, where it would be read from, a host. Whether it is there is not looked at, and not told.
"""
LIMITS_TEXT = """\
auth: {type: bearer}
"""
FILE_HEAD = """\
## The file

| rule | for example | what it says |
| --- | --- | --- |
"""
SETTINGS_HEAD = f"""\
# Settings

<!-- Made from the code: python tests/generate_docs.py -->

What an operator decides, for all profiles. `authweave show --settings` prints each with its value and where that came from. The first that
has one wins:

1. the host, as `Engine(deadline=10)`, or an option of the command line
2. the environment; a variable that is set to nothing counts as not set
3. `authweave.toml` in this folder or the nearest one above it, or the file that `{CONFIG}` names
4. the user's own `authweave.toml`, where the system keeps configuration
5. the default

```toml
profiles = ["profiles"]
deadline = 10
secrets_dir = "/run/secrets"

[routes]
"api.acme.example:443" = "127.0.0.1:8443"
```

Relative paths start at the file that holds them. A file of another user is refused, unless `{CONFIG}` names it.
"""


TYPES_HEAD = """\
# Types, grants, client authentication

<!-- Made from the code: python tests/generate_docs.py -->

Every way to authenticate that profiles can say, each with what it sends, a smallest profile, and what goes wrong. The keys that all share
are in [profile.md](profile.md).
"""
NEEDS_HEAD = """\
# What connectors need

<!-- Made from the tests: python tests/generate_docs.py -->

Counted over 1,780 connector definitions of three public platforms (Nango 981, n8n 331, Airbyte 468; states of August 2026 and April 2025):
how many of them need a feature, which keys of a profile say it, an example, and the tests that prove it. A proof is a profile, a server or verifier that
is not ours and decides by itself, and a negative twin: the same profile without the feature, which the same server refuses.
"""
TYPE_KINDS = {"schemes": "Auth types", "grants": "Grants of `oauth2`", "client_auth": "Client authentication"}
SECTIONS = {"refresh_token": "a-given-refresh-token", "grants": "the-grant", "client_auth": "client-authentication"}
"""Sections of the reference, for names and kinds without a page of their own."""


def write() -> None:
    """Bring the files up to date."""
    for name, make in PAGES.items():
        (ROOT / name).write_text(make())


def rules_page() -> str:
    """Every rule with an example that breaks it and what is said then."""
    classes = Catalog(installed=False).named("rules")
    broken = sorted(folder.name for folder in BAD.iterdir() if folder.is_dir() and not folder.name.startswith("__"))
    rules = [_broken(name, classes[name].__doc__ or "") for name in broken if name in classes]
    shapes = [_broken(name, "") for name in broken if name not in classes]
    rows = {name: (f"`{_on_one_line(text)}`", _problems(completed(f"{text}\n"), name)) for name, text in TEXTS.items()}
    rows |= {name: (words, _problems(content, name)) for name, (words, content) in IN_WORDS.items()}
    lines = [_row(f"`{name}`", example, _said(problems[0])) for name, (example, problems) in sorted(rows.items())]
    return "\n".join([RULES_HEAD, *rules, SHAPE_HEAD, *shapes, _strict(), _limits(), FILE_HEAD.rstrip("\n"), *lines, ""])


def settings_page() -> str:
    """Every setting in a table."""
    rows = [_row(*_setting(member)) for member in MEMBERS.values()]
    head = [_row("key", "variable", "takes", "default", "what it is"), _row(*["---"] * 5)]
    return "\n".join([SETTINGS_HEAD, *head, *rows, "", _text_forms()])


def types_page() -> str:
    """Every auth type, grant, client authentication and seal, with the page that says what it does."""
    catalog = Catalog(installed=False)
    lines = [TYPES_HEAD.rstrip("\n")]
    for kind, title in TYPE_KINDS.items():
        rows = [_row(_linked(kind, name), _cell(found.title)) for name, found in sorted(catalog.named(kind).items()) if hasattr(found, "title")]
        lines += ["", f"## {title}", "", _row("name", "what it is"), _row("---", "---"), *rows]
    return "\n".join([*lines, ""])


def needs_page() -> str:
    """Every need with the keys that say it and the tests that prove it."""
    lines = [NEEDS_HEAD.rstrip("\n")]
    for section in TABLE:
        rows = [_need(row) for row in ROWS.values() if row.name.startswith(f"{section}: ")]
        lines += ["", f"## {section[0].upper()}{section[1:]}", "", _row("n", "need", "in a profile", "example", "proof"), _row(*["---"] * 5), *rows]
    return "\n".join([*lines, ""])


def _need(row: Row) -> str:
    tests = "<br>".join(_proof(proof) for proof in proofs().get(row.name, ()))
    feature = row.name.partition(": ")[2]
    return _row(str(row.count), feature, row.keys, _example(row.example), tests) if not row.is_outside else _row(str(row.count), feature, VENDOR, "–", "–")


def _example(where: str) -> str:
    page, _, section = where.partition("#")
    if page.startswith("types/"):
        return f"[{page.removeprefix('types/')}]({page}.md)"
    return f"[{section.replace('-', ' ')}](profile.md#{section})" if section else f"[{page}](profiles.md#{page})"


def _proof(proof: Proof) -> str:
    return f"[{proof.test.removeprefix('test_').replace('_', ' ')}](../{proof.file.relative_to(ROOT)})"


def _linked(kind: str, name: str) -> str:
    """The name with a link to its own page, else to its section of the reference."""
    own = ROOT / "docs" / "types" / f"{name}.md"
    return f"[`{name}`](types/{name}.md)" if own.is_file() else f"[`{name}`](profile.md#{SECTIONS.get(name, SECTIONS.get(kind, name))})"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


PAGES: Mapping[str, Callable[[], str]] = {
    "docs/diagnoses.md": diagnoses.page, "docs/needs.md": needs_page, "docs/rules.md": rules_page, "docs/settings.md": settings_page, "docs/types.md": types_page,
}  # fmt: skip
"""Every page that is made, whole or in part."""


def _broken(name: str, words: str) -> str:
    """A rule with the bad document that its own tests have, as far as it matters."""
    text = "".join(line for line in (BAD / name / "bad.yaml").read_text().splitlines(keepends=True) if not line.startswith("#"))
    problems, kind = _problems(text, name), ""
    for line in FRAME:
        shorter = re.sub(rf"(?m)^{re.escape(line)}\n", "", text)
        found = _found(completed(shorter), name)
        if shorter != text and _told(problems) == _told(found):
            text, problems, kind = shorter, found, "fragment "
    says = "\n".join(map(str, problems))
    about = f"{_prose(words)}\n\n" if words else ""
    return f"### {name}\n\n{about}```yaml invalid {kind}{name}\n{text}```\n\n```text\n{says}\n```\n"


def _strict() -> str:
    """A valid profile, and what the strict policy has against it."""
    checked = check_text(completed(STRICT_TEXT), FILE)
    guard = guard_of(Settings.load({"egress": "strict"}, env={}, cwd=BAD))
    says = "\n".join(map(str, problems_of(profile_of(checked), guard))) if guard else ""
    return f"{STRICT_HEAD}\n```yaml fragment\n{STRICT_TEXT}```\n\n```text\n{says}\n```\n"


def _limits() -> str:
    """A profile that names what it may not."""
    within = Within(Limits.everything(profiles=["example", "acme-*"], types=["api_key"], origin="limits.toml"))
    says = "\n".join(map(str, check_text(completed(LIMITS_TEXT), FILE, within=within).problems))
    return f"{LIMITS_HEAD}\n```yaml fragment\n{LIMITS_TEXT}```\n\n```text\n{says}\n```\n"


def _told(problems: Iterable[Problem]) -> list[tuple[str, str]]:
    return [(problem.key, problem.message) for problem in problems]


def _problems(content: str | bytes | Path, rule: str) -> list[Problem]:
    found = _found(content, rule)
    assert found, f"the example of {rule} does not break it"
    return found


def _found(content: str | bytes | Path, rule: str) -> list[Problem]:
    folders = (BAD / rule,)
    checked = check_file(content) if isinstance(content, Path) else check_text(content, FILE, folders=folders)
    return [problem for problem in checked.problems if problem.rule == rule]


def _said(problem: Problem) -> str:
    warning = "warning: " if problem.severity == "warning" else ""
    return warning + problem.message + (f"; {problem.fix}" if problem.fix else "")


def _prose(words: str) -> str:
    """A docstring as a paragraph of Markdown."""
    return textwrap.fill(_marked(" ".join(words.split())), WIDTH, break_long_words=False, break_on_hyphens=False)


def _marked(text: str) -> str:
    """Text in which `<…>` outside of code is no HTML."""
    return "".join(part if odd % 2 else part.replace("<", "&lt;") for odd, part in enumerate(re.split(r"(`[^`]*`)", text)))


def _setting(member: Member) -> tuple[str, str, str, str, str]:
    default = member.kind.shown(member.default)
    return f"`{member.key}`", f"`{member.variable}`", member.type, "–" if default == "none" else f"`{default}`", _marked(member.description)


def _text_forms() -> str:
    return (
        "In a variable, a list of paths is separated as `PATH` is, a list of names by commas, and a table is written `from:443=to:8443,…`.\n"
        "\n"
        "Not settings: `AUTHWEAVE_DEBUG=1` shows the traceback of a mistake in authweave itself; `AUTHWEAVE_<PROFILE>_<INPUT>` are\n"
        "[values of inputs](../README.md#where-values-come-from).\n"
    )


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _on_one_line(text: str) -> str:
    return "".join(character if character.isprintable() else " ⏎ " if character == "\n" else f"\\u{ord(character):04x}" for character in text)

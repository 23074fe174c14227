"""Every rule by example: `<rule id>/good.yaml` breaks none, each `<rule id>/bad*.yaml` breaks that rule and no other.

The last lines of a bad document say, word for word, what a person is told: `# line:column: key: what; fix [rule]`.
"""

from __future__ import annotations

from pathlib import Path

from authweave.extensions.catalog import default_catalog
from authweave.loading import check_file
from authweave.values import Problem
from thorough import every

HERE = Path(__file__).parent
GOOD = sorted(HERE.glob("*/good.yaml"))
BAD = sorted(HERE.glob("*/bad*.yaml"))


def told(problem: Problem, file: Path) -> str:
    """The problem as it is printed, without the folder, and without the name of the file itself."""
    return str(problem).removeprefix(f"{file.parent}/").removeprefix(f"{file.name}:")


def expected(file: Path) -> list[str]:
    lines = file.read_text(encoding="utf-8").splitlines()
    return [line.removeprefix("# ") for line in lines if line.startswith("# ")]


def name_of(file: Path) -> str:
    return f"{file.parent.name}/{file.stem}"


@every("file", GOOD, ids=name_of)
def test_a_good_document_has_no_problem(file: Path) -> None:
    """What the rule wants is possible, and no other rule objects: no error, no warning."""
    assert [] == [told(problem, file) for problem in check_file(file).problems]


@every("file", BAD, ids=name_of)
def test_a_bad_document_is_told_what_is_wrong_where_and_what_would_be_right(file: Path) -> None:
    """One mistake is one problem, of this rule, at this line and column, in these words."""
    problems = check_file(file).problems

    assert expected(file) == [told(problem, file) for problem in problems]
    assert {file.parent.name} == {problem.rule for problem in problems}


@every("rule", sorted(default_catalog().named("rules")))
def test_every_rule_has_a_good_and_a_bad_document(rule: str) -> None:
    """A rule that nobody can see at work is no rule."""
    assert (HERE / rule / "good.yaml").is_file()
    assert (HERE / rule / "bad.yaml").is_file()


@every("folder", sorted(path.parent for path in GOOD), ids=lambda folder: folder.name)
def test_every_folder_has_both(folder: Path) -> None:
    """Also the ids that no rule class has: schema, templates, URLs, `extends`."""
    assert (folder / "bad.yaml").is_file()


@every("name", sorted(default_catalog().named("rules")))
def test_every_rule_says_what_it_wants(name: str) -> None:
    """The docstring of a rule is its explanation."""
    rule = default_catalog().named("rules")[name]

    assert rule.__doc__
    assert rule.check.__doc__

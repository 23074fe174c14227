"""What changed since a revision of git, in real repositories: by what a profile resolves to, with its parents."""

import os
import subprocess
from pathlib import Path

import pytest

from authweave.errors import UsageError
from authweave.loading import files_in
from authweave.matrix import changed_since
from authweave.matrix.git import _run
from authweave.resources import profiles_folder

BASE = """\
format: 1
name: base
abstract: true
identity_provider: Base   # as people know it
auth: {type: bearer}
servers: [https://api.example.com]
test: none
"""
CHILD = "format: 1\nname: {name}\nextends: {parent}\n"
ALONE = BASE.replace("abstract: true\n", "").replace("base", "alone")


def git(folder, *words):
    """Git as the machine has it, without its settings."""
    quiet = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null", "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z"}
    return subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false", *words], cwd=folder, check=True,
        capture_output=True, text=True, env={**os.environ, **quiet},
    ).stdout.strip()  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    """A repository whose folder of profiles has a parent, a child, its child, and one that stands alone; all committed."""
    profiles = tmp_path / "repo" / "profiles"
    profiles.mkdir(parents=True)
    for name, text in {
        "base": BASE, "child": CHILD.format(name="child", parent="base"), "grandchild": CHILD.format(name="grandchild", parent="child"), "alone": ALONE,
    }.items():  # fmt: skip
        (profiles / f"{name}.yaml").write_text(text)
    git(profiles.parent, "init", "-q", "-b", "main")
    commit(profiles)
    return profiles


def commit(folder):
    git(folder, "add", "-A", ".")
    git(folder, "commit", "-q", "--no-verify", "-m", "x")


def changed(folder, revision="HEAD", **more):
    found = changed_since(revision, files_in(folder), whole=[folder], **more)
    return [path.stem for path in found.changed], [path.stem for path in found.same], [path.name for path in found.deleted]


ALL = ["alone", "base", "child", "grandchild"]


def test_nothing_changed(folder):
    """What is as it was committed is the same; so is what differs in comments, order and layout alone."""
    assert ([], ALL, []) == changed(folder)

    (folder / "alone.yaml").write_text("# hello\r\n" + "\r\n".join(reversed(ALONE.splitlines())) + "\r\n")
    assert ([], ALL, []) == changed(folder)


def test_a_change_of_a_parent_is_one_of_all_below_it(folder):
    """However far up; in the working tree as in a commit."""
    (folder / "base.yaml").write_text(BASE.replace("api.example.com", "api.example.org"))
    assert (["base", "child", "grandchild"], ["alone"], []) == changed(folder)

    commit(folder)
    assert ([], ALL, []) == changed(folder)
    assert (["base", "child", "grandchild"], ["alone"], []) == changed(folder, "HEAD~1")


def test_a_parent_in_another_folder_of_the_repository(folder):
    """Found where the engine looks for it, now and then."""
    shared = folder.parent / "shared"
    shared.mkdir()
    (folder / "base.yaml").rename(shared / "base.yaml")
    commit(folder.parent)
    assert ([], ["alone", "child", "grandchild"], []) == changed(folder, folders=[shared])

    (shared / "base.yaml").write_text(BASE.replace("Base  ", "Other"))
    assert (["child", "grandchild"], ["alone"], []) == changed(folder, folders=[shared])


def test_new_ones_and_deleted_ones(folder):
    """A new profile is changed, one that is gone is named; a child of what is gone is changed, too."""
    (folder / "new.yaml").write_text(ALONE.replace("alone", "new"))
    (folder / "child.yaml").unlink()

    assert (["grandchild", "new"], ["alone", "base"], ["child.yaml"]) == changed(folder)


def test_a_truth_value_is_no_number(folder):
    """`true` in the place of `1` is a change, though Python takes them for equal."""
    (folder / "alone.yaml").write_text(ALONE.replace("auth: {type: bearer}", "auth: {type: bearer}\nvars: {a: 1}"))
    commit(folder)
    (folder / "alone.yaml").write_text(ALONE.replace("auth: {type: bearer}", "auth: {type: bearer}\nvars: {a: true}"))

    assert ["alone"] == changed(folder)[0]


def test_a_file_that_cannot_be_read_is_changed_when_its_text_is(folder):
    """Broken as it was is the same; broken otherwise is a change."""
    (folder / "broken.yaml").write_text("a: [")
    commit(folder)
    assert "broken" in changed(folder)[1]

    (folder / "broken.yaml").write_text("a: [[")
    assert ["broken"] == changed(folder)[0]


def test_shipped_parents_that_lie_in_no_repository_are_as_they_are(folder):
    """A profile that extends a shipped one is compared with what is shipped now."""
    assert (profiles_folder() / "nuance-mix-api.yaml").is_file()
    (folder / "mine.yaml").write_text(CHILD.format(name="mine", parent="nuance-mix-api"))
    commit(folder)

    assert "mine" in changed(folder)[1]


def test_names_that_git_would_quote(folder):
    """Blanks, umlauts and quotes in names of files."""
    for name in ("a b.yaml", "ü.yaml", 'q".yaml'):
        (folder / name).write_text(ALONE)
    commit(folder)
    assert ([], []) == changed(folder)[::2]

    for name in ("a b.yaml", "ü.yaml", 'q".yaml'):
        (folder / name).write_text(ALONE.replace("Base  ", "Other"))
    assert {"a b", "ü", 'q"'} == set(changed(folder)[0])


@pytest.mark.parametrize("revision", ["nope", "", "-1", "--output=mark", "HEAD; touch mark", "$(touch mark)", "HEAD:profiles", "a" * 300, "a\nb", "HEAD^{tree}"])
def test_a_revision_that_nobody_knows(folder, revision):
    """Told as such; nothing of it is taken for an option or for a command."""
    with pytest.raises(UsageError, match="git knows no revision"):
        changed(folder, revision)

    assert not [*folder.glob("mark"), *folder.parent.glob("mark"), *Path().glob("mark")]


def test_outside_of_git(tmp_path, monkeypatch):
    """Where there is no repository, and where there is no git."""
    (tmp_path / "alone.yaml").write_text(ALONE)
    with pytest.raises(UsageError, match="is in no git repository"):
        changed(tmp_path)

    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="git is not installed"):
        changed(tmp_path)


def test_git_runs_nothing_of_the_repository(folder):
    """No hook, no monitor, no pager, no filter and no helper that its settings name is started."""
    trap = folder.parent / "trap"
    mark = folder.parent / "sprung"
    trap.write_text(f"#!/bin/sh\ntouch {mark}\ncat\n")
    trap.chmod(0o755)
    for key in ("core.fsmonitor", "core.pager", "core.sshCommand", "diff.external", "filter.x.clean", "filter.x.smudge", "core.editor", "diff.x.textconv"):
        git(folder, "config", key, str(trap))
    (folder.parent / ".gitattributes").write_text("* filter=x diff=x\n")
    hooks = folder.parent / ".git" / "hooks"
    for name in ("post-index-change", "pre-commit", "post-checkout", "reference-transaction"):
        (hooks / name).write_text(trap.read_text())
        (hooks / name).chmod(0o755)
    (folder / "alone.yaml").write_text(ALONE.replace("Base  ", "Other"))

    assert (["alone"], ["base", "child", "grandchild"], []) == changed(folder)
    assert not mark.exists()


def test_git_calls_nobody_even_where_the_repository_allows_it(folder):
    """A repository that lacks objects may name a command that fetches them, and allow it in its settings."""
    mark = folder.parent / "sprung"
    git(folder, "config", "protocol.ext.allow", "always")

    said = _run(folder, ("ls-remote", f"ext::touch {mark}"))

    assert 0 != said.returncode
    assert not mark.exists()

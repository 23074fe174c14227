"""Files of profiles that are edited while they are used: what is taken, when, and what never is."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authweave.connections.connection import Connection
from authweave.engine import Engine
from authweave.errors import AuthweaveError, ProfileError, UsageError
from authweave.events import Event
from authweave.extensions.catalog import Catalog
from authweave.profile import Profile
from authweave.profile_files import Change, ProfileFiles
from authweave.profile_files.finding import LOOK_EVERY
from authweave.profile_files.watched import GONE, STILL, SURELY_OLD
from authweave.values import TaskRequest, TaskResponse
from provider import Says, provider
from thorough import few

CATALOG = Catalog(installed=False)
ENDS = "fields:\n  - {in: header, key: X-First, value: one}\n  - {in: header, key: X-Second, value: two}\n"
TOKEN = {"access_token": "T0k3n", "token_type": "Bearer", "expires_in": 900}


def text(version: str = "1.0.0", name: str = "acme", more: str = "") -> str:
    return f"format: 1\nname: {name}\nversion: {version}\nidentity_provider: Acme\nservers: ['https://api.acme.example']\nauth: {{type: bearer}}\n{more}"


class Run:
    """Files over folders, with a clock that only moves when it is told to; files are real and so are their times."""

    def __init__(self, *folders: Path, shipped: Path | None = None) -> None:
        self.now = 100.0
        self.told: list[Change] = []
        shipped = shipped or folders[-1].parent / "shipped"
        self.profile_files = ProfileFiles(folders, shipped, CATALOG, self.told.append, monotonic=lambda: self.now)

    def version(self, reference: str | Path = "acme") -> str:
        return self.profile_files.profile(reference).version

    def after(self, seconds: float, reference: str | Path = "acme") -> str:
        """What is served so many seconds later."""
        self.now += seconds + 1e-6  # sums of decimals fall short
        return self.version(reference)

    def settled(self, reference: str | Path = "acme") -> str:
        """What is served when a change was seen, and had its time."""
        self.after(LOOK_EVERY, reference)
        return self.after(STILL, reference)

    @property
    def kinds(self) -> list[str]:
        return [change.kind for change in self.told if change.kind]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "profiles").mkdir()
    return tmp_path / "profiles"


@pytest.fixture
def run(folder: Path) -> Run:
    (folder / "acme.yaml").write_text(text())
    run = Run(folder)
    assert run.version() == "1.0.0"
    return run


# What is taken


def test_an_edited_file_is_taken_once_it_lay_still(run: Run, folder: Path) -> None:
    """The old version is served until then, and one event tells of the new one."""
    (folder / "acme.yaml").write_text(text("1.1.0"))

    assert run.after(LOOK_EVERY) == "1.0.0"
    assert run.after(STILL / 2) == "1.0.0"
    assert run.after(STILL) == "1.1.0"
    assert [(change.kind, change.profile) for change in run.told] == [("profile_changed", "acme")]
    assert "acme@1.1.0" in run.told[0].detail
    assert run.after(60) == "1.1.0"
    assert len(run.told) == 1


def test_a_file_that_was_edited_long_ago_is_taken_at_the_next_reference(run: Run, folder: Path) -> None:
    """An engine that was idle does not serve yesterday's version even once."""
    (folder / "acme.yaml").write_text(text("1.1.0"))
    past = time.time() - 2 * SURELY_OLD
    os.utime(folder / "acme.yaml", (past, past))

    assert run.after(LOOK_EVERY) == "1.1.0"


def test_a_prepared_file_that_is_renamed_is_taken_at_the_next_look(run: Run, folder: Path) -> None:
    """Whoever writes elsewhere and renames is served at once, where the file is old enough to be whole by its own time."""
    prepared = folder / ".acme.tmp"
    prepared.write_text(text("1.1.0"))
    past = time.time() - 2 * SURELY_OLD
    os.utime(prepared, (past, past))
    prepared.rename(folder / "acme.yaml")

    assert run.after(LOOK_EVERY) == "1.1.0"


def test_files_are_looked_at_now_and_then(run: Run, folder: Path) -> None:
    """Between two looks the file system is not asked: a reference is a look into a map."""
    past = time.time() - 2 * SURELY_OLD
    (folder / "acme.yaml").write_text(text("1.1.0"))
    os.utime(folder / "acme.yaml", (past, past))

    assert [run.after(LOOK_EVERY / 4) for _ in range(3)] == ["1.0.0"] * 3
    assert run.after(LOOK_EVERY / 2) == "1.1.0"


def test_a_writer_that_takes_its_time_is_waited_for(run: Run, folder: Path) -> None:
    """Each piece that is written begins the waiting anew, though every piece ends with a line and is valid so far."""
    whole = text("2.0.0", more=ENDS)
    lines = whole.splitlines(keepends=True)
    seen = set()
    with (folder / "acme.yaml").open("w") as file:
        for line in lines:
            file.write(line)
            file.flush()
            seen.add(run.after(STILL * 0.9))

    assert seen == {"1.0.0"}
    assert run.settled() == "2.0.0"
    assert len(run.profile_files.profile("acme").fields) == 2


@pytest.mark.parametrize("lines", range(7))
def test_a_file_cut_at_the_end_of_a_line_is_not_taken_while_it_is_written(run: Run, folder: Path, lines: int) -> None:
    """Truncated, it may be valid YAML and even a valid profile, with half of its fields."""
    whole = text("2.0.0", more=ENDS).splitlines(keepends=True)
    (folder / "acme.yaml").write_text("".join(whole[:lines]))
    run.after(LOOK_EVERY)
    (folder / "acme.yaml").write_text("".join(whole))

    assert run.after(STILL * 0.9) == "1.0.0"
    assert run.after(STILL) == "2.0.0"
    assert run.kinds == ["profile_changed"]


def test_a_touched_file_is_the_same_profile(run: Run, folder: Path) -> None:
    """Same bytes, same object: connections stay, and nothing is told (Kubernetes writes all files anew when one changes)."""
    before = run.profile_files.profile("acme")
    (folder / "acme.yaml").unlink()
    (folder / "acme.yaml").write_text(text())

    run.settled()

    assert run.profile_files.profile("acme") is before
    assert run.told == []


def test_two_writes_in_one_tick_of_the_clock_of_files(run: Run, folder: Path) -> None:
    """A file that was young when it was read is read once more: its stamp may hide a second write of the same length."""
    file = folder / "acme.yaml"
    file.write_text(text("1.1.0"))
    assert run.settled() == "1.1.0"
    stat = file.stat()
    with file.open("r+") as writing:
        writing.write(text("1.2.0"))
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))

    assert run.after(SURELY_OLD + LOOK_EVERY) in ("1.1.0", "1.2.0")
    assert run.settled() == "1.2.0"


# Parents


def child(more: str = "", version: str = "1.0.0") -> str:
    return f"format: 1\nname: child\nversion: {version}\nextends: acme\n{more}"


def test_an_edited_parent_changes_its_children(run: Run, folder: Path) -> None:
    """`extends` is followed to its end: parent and grandparent count."""
    (folder / "child.yaml").write_text(child())
    (folder / "grandchild.yaml").write_text("format: 1\nname: grandchild\nextends: child\n")
    assert len(run.profile_files.profile("grandchild").fields) == 0

    (folder / "acme.yaml").write_text(text(more=ENDS))
    run.settled("grandchild")

    assert len(run.profile_files.profile("grandchild").fields) == 2
    assert [change.profile for change in run.told] == ["grandchild"]


def test_a_new_parent_that_is_found_first_counts(folder: Path, tmp_path: Path) -> None:
    """A file that appears beside the child takes the place of the parent in a folder further down."""
    (tmp_path / "further").mkdir()
    (tmp_path / "further" / "base.yaml").write_text(text(name="base"))
    (folder / "child.yaml").write_text(child().replace("acme", "base"))
    run = Run(folder, tmp_path / "further")
    assert len(run.profile_files.profile("child").fields) == 0

    (folder / "base.yaml").write_text(text(name="base", more=ENDS))
    run.settled("child")

    assert len(run.profile_files.profile("child").fields) == 2


def test_a_broken_parent_breaks_no_child(run: Run, folder: Path) -> None:
    """The child's last good version goes on, and it is told which parent is to be mended."""
    (folder / "child.yaml").write_text(child())
    run.version("child")

    (folder / "acme.yaml").write_text("format: 1\nname: [\n")

    assert run.settled("child") == "1.0.0"
    assert run.kinds == ["profile_broken"]
    assert "acme.yaml" in run.told[0].detail


def test_a_parent_that_is_away_for_a_moment_breaks_nothing(run: Run, folder: Path) -> None:
    """Deleted and created: the child is not even looked at meanwhile."""
    (folder / "child.yaml").write_text(child())
    run.version("child")

    (folder / "acme.yaml").unlink()
    assert run.settled("child") == "1.0.0"
    (folder / "acme.yaml").write_text(text())
    assert run.settled("child") == "1.0.0"

    assert run.told == []


# What is never taken


BROKEN = {
    "half a line": text("1.1.0")[:-20],
    "no YAML": "format: 1\nname: [acme\n",
    "empty": "",
    "another name": text("1.1.0", name="other"),
    "not UTF-8": "\udcff\udcfe",
    "a typo": text("1.1.0").replace("identity_provider", "idntity_provider"),
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_broken_file_replaces_nothing(run: Run, folder: Path, content: str) -> None:
    """The last good version goes on for as long as it takes; one event with file and line; and what is broken can be asked for."""
    (folder / "acme.yaml").write_bytes(content.encode(errors="surrogateescape"))

    assert run.settled() == "1.0.0"
    for _ in range(50):
        assert run.after(1) == "1.0.0"

    assert run.kinds == ["profile_broken"]
    assert str(folder / "acme.yaml") in run.told[0].detail
    assert "acme@1.0.0 is served" in run.told[0].detail
    [broken] = run.profile_files.broken()
    assert (broken.name, broken.file, broken.served) == ("acme", str(folder / "acme.yaml"), "acme@1.0.0")
    assert broken.problems
    assert abs(broken.since - time.time()) < 600


def test_a_mended_file_is_taken_and_told_of(run: Run, folder: Path) -> None:
    """Broken twice in the same way is told once, in another way again; mended, nothing is broken any more."""
    for content in ("format: 1\nname: [\n", "format: 1\nname: [\n", "format: 1\nnaem: acme\n"):
        (folder / "acme.yaml").unlink()
        (folder / "acme.yaml").write_text(content)
        assert run.settled() == "1.0.0"
        assert run.after(SURELY_OLD) == "1.0.0"
    (folder / "acme.yaml").write_text(text("1.1.0"))

    assert run.settled() == "1.1.0"
    assert run.kinds == ["profile_broken", "profile_broken", "profile_changed"]
    assert run.profile_files.broken() == []


def test_a_file_that_is_put_back_is_told_of(run: Run, folder: Path) -> None:
    """Whoever was told that it is broken is told that it is not any more."""
    before = run.profile_files.profile("acme")
    (folder / "acme.yaml").write_text("format: [\n")
    run.settled()
    (folder / "acme.yaml").write_text(text())
    run.settled()

    assert run.profile_files.profile("acme") is before
    assert run.kinds == ["profile_broken", "profile_changed"]
    assert run.profile_files.broken() == []


@contextmanager
def without_privileges() -> Iterator[Path]:
    """A folder in which this process is nobody special: root reads everything."""
    is_root = os.geteuid() == 0
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        (Path(name) / "profiles").mkdir()
        if is_root:
            os.chown(Path(name) / "profiles", 65534, 65534)
            os.seteuid(65534)
        try:
            yield Path(name) / "profiles"
        finally:
            if is_root:
                os.seteuid(0)


@pytest.mark.skipif(os.name != "posix", reason="files have no owners here")
def test_a_file_that_may_not_be_read_replaces_nothing() -> None:
    """Permissions of the file, or of its folder: what is served goes on, and it is told once each."""
    with without_privileges() as folder:
        (folder / "acme.yaml").write_text(text())
        run = Run(folder, shipped=folder / "none")
        assert run.version() == "1.0.0"
        (folder / "acme.yaml").chmod(0)
        assert run.settled() == "1.0.0"
        assert "may not be read" in run.told[0].detail
        (folder / "acme.yaml").chmod(0o600)
        folder.chmod(0)
        assert run.settled() == "1.0.0"
        assert run.after(60) == "1.0.0"
        assert run.profile_files.names() == ["acme"]  # as long as it is served
        folder.chmod(0o700)
        assert run.settled() == "1.0.0"

        assert set(run.kinds) == {"profile_broken", "profile_changed"}
        assert run.profile_files.broken() == []


@pytest.mark.parametrize("make", [lambda path: path.mkdir(), lambda path: os.mkfifo(path), lambda path: path.symlink_to(path)], ids=["folder", "pipe", "loop"])
def test_something_else_in_its_place_replaces_nothing(run: Run, folder: Path, make: Callable[[Path], None]) -> None:
    """A folder, a pipe (which is never waited for), a link to itself."""
    (folder / "acme.yaml").unlink()
    make(folder / "acme.yaml")

    assert run.settled() == "1.0.0"
    assert run.after(GONE + 1) == "1.0.0"
    assert run.kinds == ["profile_broken"]


def test_the_first_load_of_a_broken_file_is_its_error(run: Run, folder: Path) -> None:
    """There is nothing to serve: everybody gets the problems; once mended it is taken at once."""
    (folder / "other.yaml").write_text("format: 1\nname: other\n")
    for _ in range(3):
        with pytest.raises(ProfileError, match=r"other\.yaml:1"):
            run.version("other")

    assert [(broken.name, broken.served) for broken in run.profile_files.broken()] == [("other", "")]
    (folder / "other.yaml").write_text(text("3.0.0", name="other"))
    assert run.version("other") == "3.0.0"
    assert run.told == []
    assert run.profile_files.broken() == []


# New and removed files, links


def test_a_deleted_file_is_served_for_a_while(run: Run, folder: Path) -> None:
    """Then it is gone with the plain error; what comes back in time was never away."""
    (folder / "acme.yaml").unlink()
    assert run.after(LOOK_EVERY) == "1.0.0"
    assert run.after(GONE * 0.9) == "1.0.0"
    assert "acme" in run.profile_files.names()
    (folder / "acme.yaml").write_text(text("1.1.0"))
    assert run.settled() == "1.1.0"

    (folder / "acme.yaml").unlink()
    assert run.after(LOOK_EVERY) == "1.1.0"
    run.now += GONE + 1e-6
    for _ in range(2):
        with pytest.raises(UsageError, match="there is no profile acme"):
            run.version()
    assert run.profile_files.names() == []
    assert not run.profile_files.knows("acme")

    (folder / "acme.yaml").write_text(text("1.2.0"))
    assert run.version() == "1.2.0"


def test_a_new_file_is_found(run: Run, folder: Path) -> None:
    """At the first reference, and among the names."""
    with pytest.raises(UsageError):
        run.version("beta")
    (folder / "beta.json").write_text('{"format": 1, "name": "beta", "identity_provider": "B", "servers": ["https://b.example"], "auth": {"type": "bearer"}}')

    assert run.version("beta") == "0.0.0"
    assert run.profile_files.names() == ["acme", "beta"]


def test_a_new_file_in_front_of_another_replaces_it_like_a_change(tmp_path: Path) -> None:
    """It has to lie still and be good; until then, and while it is broken, the one behind it is served."""
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    (second / "acme.yaml").write_text(text("1.0.0"))
    run = Run(first, second)
    assert run.version() == "1.0.0"

    (first / "acme.yaml").write_text("format: 1\n")
    assert run.settled() == "1.0.0"
    assert run.kinds == ["profile_broken"]
    assert [(broken.file, broken.served) for broken in run.profile_files.broken()] == [(str(first / "acme.yaml"), "acme@1.0.0")]
    (first / "acme.yaml").write_text(text("2.0.0"))
    assert run.after(LOOK_EVERY) == "1.0.0"
    assert run.after(STILL) == "2.0.0"
    assert run.kinds == ["profile_broken", "profile_changed"]

    (first / "acme.yaml").unlink()
    assert run.after(LOOK_EVERY) == "2.0.0"
    assert run.after(GONE) == "1.0.0"


def test_switched_links_of_a_config_map(tmp_path: Path) -> None:
    """Kubernetes: acme.yaml → ..data/acme.yaml, ..data → ..2026_1, replaced by a rename. Child and parent change together."""
    mounted = tmp_path / "mounted"
    mounted.mkdir()

    def written(name: str, version: str, more: str) -> None:
        (mounted / name).mkdir()
        (mounted / name / "acme.yaml").write_text(text(version, more=more))
        (mounted / name / "child.yaml").write_text(child(version=version))
        (mounted / "..data_tmp").symlink_to(name)
        (mounted / "..data_tmp").rename(mounted / "..data")

    written("..1", "1.0.0", "")
    for name in ("acme.yaml", "child.yaml"):
        (mounted / name).symlink_to(f"..data/{name}")
    run = Run(mounted)
    assert run.version("child") == "1.0.0"

    written("..2", "2.0.0", ENDS)
    shutil.rmtree(mounted / "..1")

    assert run.settled("child") == "2.0.0"
    assert len(run.profile_files.profile("child").fields) == 2
    assert run.profile_files.names() == ["acme", "child"]
    assert run.kinds == ["profile_changed"]


def test_a_folder_that_comes_later(tmp_path: Path) -> None:
    """A volume that is not mounted yet has no profiles; then it has."""
    run = Run(tmp_path / "later")
    assert run.profile_files.names() == []
    with pytest.raises(UsageError):
        run.version()

    (tmp_path / "later").mkdir()
    (tmp_path / "later" / "acme.yaml").write_text(text())

    assert run.version() == "1.0.0"
    assert run.profile_files.names() == ["acme"]


@given(st.lists(st.sampled_from(["good", "other", "bad", "cut", "gone", "wait", "long", "link"]), max_size=25))
@settings(max_examples=25, deadline=None)
def test_whatever_happens_to_the_file_a_good_version_is_served(tmp_path_factory: pytest.TempPathFactory, steps: list[str]) -> None:
    """No order of writes, cuts, deletions and links makes a reference fail while something good was there GONE seconds ago,
    and nothing is served that was not whole."""
    folder = tmp_path_factory.mktemp("any")
    file = folder / "acme.yaml"
    whole = {"1.0.0": text("1.0.0", more=ENDS), "2.0.0": text("2.0.0", more=ENDS)}
    file.write_text(whole["1.0.0"])
    run = Run(folder)
    run.version()
    gone_for = 0.0
    for step in steps:
        if step in ("good", "other", "bad", "cut", "gone", "link"):
            file.unlink(missing_ok=True)
        if step in ("good", "other"):
            file.write_text(whole["1.0.0" if step == "good" else "2.0.0"])
        elif step == "bad":
            file.write_text("format: [")
        elif step == "cut":
            file.write_text(whole["2.0.0"][: -len(ENDS) // 2])
        elif step == "link":
            file.symlink_to("nowhere")
        passed = {"wait": STILL, "long": SURELY_OLD}.get(step, LOOK_EVERY / 2)
        gone_for = 0.0 if file.exists() else gone_for + passed
        if gone_for >= GONE - 1e-6:
            return
        assert run.after(passed) in whole
        assert run.profile_files.profile("acme").merged.document.text in whole.values() or step == "cut" or "cut" in steps


# Engines


OAUTH2 = """\
format: 1
name: acme
version: {version}
identity_provider: Acme
servers: ['https://api.acme.example']
auth: {{type: oauth2, grant_type: client_credentials, token_url: 'https://login.acme.example/token', client_auth: client_secret_post}}
fields: [{{in: header, key: X-Version, value: '{version}'}}]
"""
GIVEN = {"client_id": "bot", "client_secret": "s3cr3t"}
HOSTS = ("login.acme.example", "api.acme.example")
ASKED = TaskRequest("GET", "https://api.acme.example/v1/me")


def engine_over(at: Any, folder: Path) -> tuple[Engine, Callable[[str], None]]:
    """The engine of a scripted provider with a folder of its own, and a way to write the profile so that it counts at once."""
    moments, numbers = count(1.0), count()
    at.engine.profile_files = ProfileFiles([folder], folder.parent / "none", at.engine.catalog, at.engine._heed, monotonic=lambda: next(moments))

    def write(version: str) -> None:
        prepared, past = folder / ".acme", time.time() - 60 - next(numbers)
        prepared.write_text(OAUTH2.format(version=version))
        os.utime(prepared, (past, past))
        prepared.rename(folder / "acme.yaml")

    write("1.0.0")
    return at.engine, write


def sent_version(request: TaskRequest) -> str:
    return dict(request.headers)["X-Version"]


def test_a_token_survives_a_reload(folder: Path) -> None:
    """The key of a token has no version: one token call, and the store, which may be away, is not asked either."""
    with provider(HOSTS, [Says(200, TOKEN)]) as at:
        engine, write = engine_over(at, folder)
        assert sent_version(engine.connect("acme", inputs=GIVEN).authorize(ASKED).result(10)) == "1.0.0"
        reads = counted(engine.ledger)

        write("1.1.0")
        connection = engine.connect("acme", inputs=GIVEN)
        gc.collect()  # nobody holds the one before
        finished = connection.authorize(ASKED).result(10)

        assert connection is engine.connect("acme", inputs=GIVEN)
        assert sent_version(finished) == "1.1.0"
        assert dict(finished.headers)["Authorization"] == "Bearer T0k3n"
        assert len(at.asked) == 1
        assert reads == []


def counted(ledger: Any) -> list[object]:
    """What is read from a ledger from now on."""
    read: list[object] = []
    inner = ledger.read

    def reading(key: object) -> object:
        read.append(key)
        return inner(key)

    ledger.read = reading
    return read


def test_a_request_under_way_ends_with_the_version_it_began_with(folder: Path) -> None:
    """A connection that is held stays what it was; an answer to what it made is judged by it, whichever connection is asked."""
    with provider(HOSTS, [Says(200, TOKEN), Says(200, {**TOKEN, "access_token": "T0k3n-2"})]) as at:
        engine, write = engine_over(at, folder)
        first = engine.connect("acme", inputs=GIVEN)
        finished = first.authorize(ASKED).result(10)

        write("1.1.0")
        later = engine.connect("acme", inputs=GIVEN)
        judgement = later.handle_response(finished, TaskResponse(401, (), b"")).result(10)

        assert later is not first
        assert judgement.verdict == "send_again"
        assert sent_version(judgement.request) == "1.0.0"
        assert [name for name, _ in judgement.request.headers].count("Authorization") == 1
        assert sent_version(first.authorize(ASKED).result(10)) == "1.0.0"
        assert sent_version(later.authorize(ASKED).result(10)) == "1.1.0"


@pytest.mark.parametrize("reloads", few([100, 500], every=2))
def test_hundreds_of_reloads_leave_nothing_behind(folder: Path, reloads: int) -> None:
    """Connections, profiles and tokens of old versions are let go of, though each was used; one token call serves them all."""
    with provider(HOSTS, [Says(200, TOKEN)]) as at:
        engine, write = engine_over(at, folder)
        for number in range(reloads):
            write(f"1.{number}.0")
            for tenant in ("", "blue"):
                engine.connect("acme@1", tenant=tenant, inputs=GIVEN)
            asked = engine.connect("acme", inputs=GIVEN).authorize(ASKED).result(10)
            assert sent_version(asked) == f"1.{number}.0"
        gc.collect()

        assert len([thing for thing in gc.get_objects() if type(thing) is Connection and thing.engine is engine]) <= 8
        assert len([thing for thing in gc.get_objects() if type(thing) is Profile and str(folder) in str(thing.merged.document.source)]) <= 8
        assert len(engine.connections.by_key) <= 4
        assert len(at.asked) == 1


def test_many_threads_reload_once(folder: Path) -> None:
    """Whoever asks while another looks gets what is served; one event for one edit, and no error."""
    (folder / "acme.yaml").write_text(text())
    told: list[Change] = []
    files = ProfileFiles([folder], folder.parent / "none", CATALOG, told.append)
    files.profile("acme")
    end, failures, seen = threading.Event(), [], set()

    def ask() -> None:
        while not end.is_set():
            try:
                seen.add(files.profile("acme").version)
            except Exception as error:  # noqa: BLE001 - told below
                failures.append(error)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    prepared = folder / ".acme"
    prepared.write_text(text("2.0.0"))
    os.utime(prepared, (1.0, 1.0))
    prepared.rename(folder / "acme.yaml")
    until(lambda: "2.0.0" in seen)
    end.set()
    for thread in threads:
        thread.join()

    assert failures == []
    assert [change.kind for change in told] == ["profile_changed"]


def test_a_folder_that_hangs_holds_up_nobody_else(run: Run) -> None:
    """While one looks, and perhaps for ever (a network that is gone), whoever asks for what is served gets it."""
    with run.profile_files._lock:
        assert run.after(60) == "1.0.0"
        assert run.profile_files.knows("acme")
    (run.profile_files.folders[0] / "acme.yaml").write_text(text("1.1.0"))
    assert run.settled() == "1.1.0"


def until(happened: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_an_engine_takes_an_edited_file(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """With real clocks: edited in place it is served soon; broken it is told once in the log, and `broken_profiles` has it until it is mended."""
    file = folder / "acme.yaml"
    file.write_text(text())
    events: list[Event] = []
    with caplog.at_level("INFO", "authweave.events"), Engine(folder, on_event=events.append) as engine:
        assert engine.connect("acme").profile.version == "1.0.0"
        file.write_text(text("1.1.0"))
        until(lambda: engine.connect("acme").profile.version == "1.1.0")
        file.write_text("format: 1\nname: [\n")
        until(lambda: bool(engine.broken_profiles()))
        assert engine.connect("acme").profile.version == "1.1.0"
        file.write_text(text("1.2.0"))
        until(lambda: not engine.broken_profiles())

        assert engine.connect("acme").profile.version == "1.2.0"
    assert [event.kind for event in events] == ["profile_changed", "profile_broken", "profile_changed"]
    lines = [record.getMessage() for record in caplog.records if record.name == "authweave.events"]
    assert len(lines) == 3
    assert f"{file}:" in lines[1]


def test_an_observer_may_ask_the_engine(folder: Path) -> None:
    """What is told is told outside of the lock: whoever hears of a change may look at the profile."""
    (folder / "acme.yaml").write_text(text())
    seen: list[str] = []
    engine = Engine(folder, on_event=lambda event: seen.append(engine.profile("acme").version))
    engine.profile("acme")
    (folder / "acme.yaml").write_text(text("1.1.0"))
    os.utime(folder / "acme.yaml", (1.0, 1.0))

    until(lambda: engine.profile("acme").version == "1.1.0")

    assert seen == ["1.1.0"]
    engine.close()


def git(folder: Path, *words: str) -> None:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false", "-c", "init.defaultBranch=main", *words]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")
@pytest.mark.thorough
def test_git_checks_out_another_revision_under_a_running_engine(folder: Path) -> None:
    """Files are deleted and created, half of them at a time: every request is served, by one whole revision or the other, and the
    last one in the end."""
    names = [f"p{number}" for number in range(12)]
    git(folder, "init", "-q")
    for version, branch in (("1.0.0", "one"), ("2.0.0", "two")):
        (folder / "base.yaml").write_text(text(version, "base", more=ENDS))
        for name in names:
            (folder / f"{name}.yaml").write_text(f"format: 1\nname: {name}\nversion: {version}\nextends: base\n")
        git(folder, "add", ".")
        git(folder, "commit", "-qm", version)
        git(folder, "branch", branch)
    events: list[Event] = []
    end, wrong, served = threading.Event(), [], dict.fromkeys(names, "")
    with Engine(folder, on_event=events.append) as engine:

        def ask() -> None:
            while not end.is_set():
                for name in names:
                    try:
                        profile = engine.connect(name).profile
                    except AuthweaveError as error:
                        wrong.append(error)
                        continue
                    served[name] = profile.version
                    if len(profile.fields) != 2:
                        wrong.append(profile)

        for name in names:
            engine.connect(name)
        asking = threading.Thread(target=ask)
        asking.start()
        try:
            for branch in ("one", "two", "one", "two", "one"):
                git(folder, "checkout", "-q", branch)
            until(lambda: set(served.values()) == {"1.0.0"})
            git(folder, "checkout", "-q", "two")
            until(lambda: set(served.values()) == {"2.0.0"})
        finally:
            end.set()
            asking.join()

    assert wrong == []
    assert {event.kind for event in events} == {"profile_changed"}


WRITER = """
import sys, time
path, text, pause = sys.argv[1], sys.argv[2], float(sys.argv[3])
with open(path, "w") as file:
    for line in text.splitlines(keepends=True):
        file.write(line); file.flush(); time.sleep(pause)
"""


def test_another_process_writes_line_by_line(folder: Path) -> None:
    """Every cut of the file at the end of a line is there for a while, and several of them are valid profiles: none is ever served."""
    (folder / "acme.yaml").write_text(text(more=ENDS))
    with Engine(folder) as engine:
        engine.connect("acme")
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(folder / "acme.yaml"), text("2.0.0", more=ENDS), "0.1"])
        seen = set()
        while writer.poll() is None:
            profile = engine.connect("acme").profile
            seen.add((profile.version, len(profile.fields)))
            time.sleep(0.005)
        until(lambda: engine.connect("acme").profile.version == "2.0.0")
        assert len(engine.connect("acme").profile.fields) == 2

    assert seen <= {("1.0.0", 2), ("2.0.0", 2)}

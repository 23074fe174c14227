"""Which places are refused for a database, with a text that names the path and the fix; and what others may see of it."""

from __future__ import annotations

import errno
import os
import socket
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from authweave.contracts import StoreOptions
from authweave.errors import SettingsError
from authweave.stores.sqlite.file_system import check_file_system, check_locks, file_system_of
from authweave.stores.sqlite.store import SqliteStore
from authweave.stores.sqlite.url import default_path, path_of
from thorough import every

OPTIONS = StoreOptions(patience=5.0)
KEY = "a" * 64
AS_ROOT = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")


def refused(path, words, fix):
    """The text of a refusal, which names the path, the reason and what would be right."""
    with pytest.raises(SettingsError) as caught:
        SqliteStore(path, OPTIONS)
    text = str(caught.value)
    assert words in text
    assert fix in text
    return text


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store" / "tokens.db"


@pytest.fixture
def made(path):
    store = SqliteStore(path, OPTIONS)
    store.write(KEY, 0, b"x")
    store.close()
    return path


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:///srv/tokens.db", "/srv/tokens.db"),
        ("sqlite:////srv/tokens.db", "/srv/tokens.db"),
        ("sqlite:///srv/a%20b%25/tokens.db", "/srv/a b%/tokens.db"),
        ("sqlite:///srv/ü/tokens.db", "/srv/ü/tokens.db"),
        ("sqlite:///srv/%C3%BC/tokens.db", "/srv/ü/tokens.db"),
        ("sqlite:///~/tokens.db", "/home/me/tokens.db"),
        ("sqlite:", "/home/me/.data/authweave/tokens.db"),
    ],
)
def test_url(monkeypatch, url, expected):
    """What a URL names."""
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("XDG_DATA_HOME", "/home/me/.data")

    assert Path(expected) == path_of(url)


@every(
    "url, words",
    [
        ("sqlite:tokens.db", "has to be absolute"),
        ("sqlite:/srv/tokens.db", "has to be absolute"),
        ("sqlite::memory:", "has to be absolute"),
        ("sqlite:///:memory:", "or memory:"),
        ("sqlite://host/tokens.db", "no host, user or password"),
        ("sqlite://me:hunter2@host/tokens.db", "no host, user or password"),
        ("sqlite://", "begins after three slashes"),
        ("sqlite://tokens.db", "begins after three slashes"),
        ("sqlite:///", "names no file"),
        ("sqlite:///srv/", "names no file"),
        ("sqlite:///srv/..", "names no file"),
        ("sqlite:///srv/tokens.db?mode=ro", "no options"),
        ("sqlite:///srv/tokens.db#x", "no options"),
        ("sqlite:///srv/%zz", "two hex digits"),
        ("sqlite:///srv/a%00b", "control character"),
        ("sqlite:///srv/a\nb", "control character"),
        ("sqlite:///~nobody-of-that-name/tokens.db", "no absolute path"),
    ],
)
def test_url_refused(url, words):
    """What a URL cannot say, with the form that it has; what may be a password is not repeated."""
    with pytest.raises(SettingsError, match="write sqlite:///absolute/path, or sqlite:") as caught:
        SqliteStore.from_url(url, OPTIONS)
    assert words in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_default_is_made(monkeypatch, tmp_path):
    """`sqlite:` makes what is missing of the usual place, for its owner only."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    store = SqliteStore.from_url("sqlite:", OPTIONS)
    store.write(KEY, 0, b"x")
    store.close()

    assert tmp_path / "data" / "authweave" / "tokens.db" == default_path()
    assert [0o700, 0o700, 0o600] == [mode(path) for path in (tmp_path / "data", default_path().parent, default_path())]


def mode(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


@pytest.mark.parametrize("umask", ["000", "077", "777"])
def test_only_the_owner_sees(tmp_path, umask):
    """Whatever the umask: each file is 0600 and the directory 0700, also while it is in use."""
    script = (
        "import os, sys; os.umask(int(sys.argv[2], 8))\n"
        "from authweave.contracts import StoreOptions; from authweave.stores.sqlite.store import SqliteStore; from pathlib import Path\n"
        "store = SqliteStore(Path(sys.argv[1]), StoreOptions(patience=5.0)); assert store.write('a' * 64, 0, b'x')\n"
        "for place in ('', '-wal', '-shm', '.lock'): print(oct(os.lstat(sys.argv[1] + place).st_mode & 0o777))\n"
        "print(oct(os.lstat(os.path.dirname(sys.argv[1])).st_mode & 0o777)); store.close()"
    )
    path = tmp_path / "store" / "tokens.db"
    ended = subprocess.run([sys.executable, "-c", script, str(path), umask], capture_output=True, text=True, timeout=60)

    assert "" == ended.stderr
    assert ["0o600"] * 4 + ["0o700"] == ended.stdout.split()


def test_nothing_is_written_before_it_is_closed_to_others(path):
    """The first thing seen of the file is an empty one that others cannot read."""
    from authweave.stores.sqlite.place import Place

    path.parent.mkdir(mode=0o700)
    Place(path).create()

    assert (0, 0o600) == (path.stat().st_size, mode(path))
    with pytest.raises(FileExistsError):
        Place(path).create()


def test_opened_to_others_is_closed_again(made):
    """Ours, but readable for all: the modes are mended."""
    made.chmod(0o644)
    store = SqliteStore(made, OPTIONS)

    assert b"x" == store.read(KEY).data
    assert 0o600 == mode(made)
    store.close()


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm", "-journal", ".lock"])
def test_symbolic_link(made, tmp_path, suffix):
    """No file of it may be a link, wherever it leads; nothing there is touched."""
    target = tmp_path / "target"
    target.write_bytes(b"")
    link = Path(f"{made}{suffix}")
    link.unlink(missing_ok=True)
    link.symlink_to(target)

    text = refused(made, "is a symbolic link", "name the file itself")
    assert str(link) in text
    assert b"" == target.read_bytes()


def test_dangling_link(path, tmp_path):
    """A link to nothing makes nothing there."""
    path.parent.mkdir(mode=0o700)
    path.symlink_to(tmp_path / "target")

    refused(path, "is a symbolic link", "name the file itself")
    assert not (tmp_path / "target").exists()


def test_linked_directory(made, tmp_path):
    """The directory neither."""
    (tmp_path / "link").symlink_to(made.parent)

    assert str(tmp_path / "link") in refused(tmp_path / "link" / "tokens.db", "is a symbolic link", f"name the directory itself: {made.parent}")


def test_hard_link(made, tmp_path):
    """A second name of the file would have a write-ahead log of its own."""
    os.link(made, tmp_path / "other")

    refused(made, "has 2 names", "remove the others")


@AS_ROOT
@pytest.mark.parametrize("suffix", ["", "-wal", "-shm", ".lock"])
def test_of_another_user(made, suffix):
    """A file that belongs to somebody else is not used."""
    file = Path(f"{made}{suffix}")
    file.touch()
    os.chown(file, 65534, 65534)

    assert str(file) in refused(made, "belongs to another user (uid 65534)", f"chown {os.geteuid()} ")


@AS_ROOT
def test_directory_of_another_user(made):
    """Nor one in a directory whose owner could exchange it."""
    os.chown(made.parent, 65534, 65534)

    refused(made, "belongs to another user (uid 65534)", "chown")


@pytest.mark.parametrize("open_to", [0o770, 0o707, 0o777])
def test_directory_that_others_write(made, open_to):
    """Nor where others may exchange it; the sticky bit hinders them."""
    made.parent.chmod(open_to)
    refused(made, "others may write there", f"chmod 700 {made.parent}")

    made.parent.chmod(0o1777)
    SqliteStore(made, OPTIONS).close()


def test_not_a_file(tmp_path):
    """Directories, pipes, sockets and devices are refused, and nobody waits for them."""
    here = tmp_path / "store"
    here.mkdir(mode=0o700)
    (here / "directory").mkdir()
    os.mkfifo(here / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(here / "socket"))
        for name in ("directory", "pipe", "socket"):
            refused(here / name, f"is a {name}, not a file", "choose another place")
    refused(Path("/dev/null"), "not a file", "choose another place")


def test_pipe_for_a_lock(path):
    """Nobody waits for a pipe beside the database either."""
    path.parent.mkdir(mode=0o700)
    os.mkfifo(f"{path}.lock")

    refused(path, "is a pipe", "choose another place")


def test_below_a_file(made):
    """A path that leads through a file."""
    refused(made / "tokens.db", "not a directory", "choose another place")
    refused(made / "deeper" / "tokens.db", "Not a directory", "choose another place")


def test_newer(made):
    """A database of a newer authweave is not touched."""
    with sqlite3.connect(made) as raw:
        raw.execute("PRAGMA user_version = 99")
    raw.close()
    before = made.read_bytes()

    refused(made, "newer authweave (schema 99, this one knows 1)", "upgrade authweave")
    assert before == made.read_bytes()


@pytest.mark.parametrize("statement", ["PRAGMA application_id = 252006674", "CREATE TABLE users (id)", "PRAGMA user_version = 3"])
def test_another_programs(path, statement):
    """Nor one of another program, marked or not."""
    path.parent.mkdir(mode=0o700)
    raw = sqlite3.connect(path)
    raw.execute(statement)
    raw.commit()
    raw.close()
    before = path.read_bytes()

    refused(path, "another program's database", "choose another place")
    assert before == path.read_bytes()
    assert not Path(f"{path}-wal").exists()


MOUNTS = r"""22 1 253:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:50 / /home rw - nfs4 server:/home rw,vers=4.2
31 30 0:51 / /home/me/local\040disk rw shared:7 master:3 - xfs /dev/vdb rw
32 22 0:52 / /mnt rw - ext4 /dev/vdc rw
33 22 0:53 / /mnt rw - fuse.sshfs me@server: rw
34 22 0:54 / /win rw - 9p C:\134 rw
35 22 0:55 / /share rw - cifs //server/share rw
"""


@pytest.mark.parametrize(
    ("directory", "kind"),
    [
        ("/srv/x", "ext4"), ("/", "ext4"), ("/home/me", "nfs4"), ("/home/me/local disk/x", "xfs"), ("/homes", "ext4"),
        ("/mnt/x", "fuse.sshfs"), ("/win/Users", "9p"), ("/share", "cifs"),
    ],
)  # fmt: skip
def test_network_file_systems(tmp_path, directory, kind):
    """Found by what the system says is mounted, the last on top; refused, with what to choose instead."""
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)

    assert kind == file_system_of(Path(directory), mounts)
    if kind in ("ext4", "xfs"):
        check_file_system(Path(directory), mounts)
    else:
        with pytest.raises(SettingsError, match="choose a local disk, or Redis") as caught:
            check_file_system(Path(directory), mounts)
        assert kind in str(caught.value)


def test_what_is_mounted_here(tmp_path):
    """The real table is read; without one, nothing is said."""
    if Path("/proc/self/mountinfo").exists():
        assert file_system_of(tmp_path)
    assert "" == file_system_of(tmp_path, tmp_path / "missing")


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP])
def test_file_system_without_locks(path, code):
    """Where the system says that there are no locks, that is said; what may pass is left to pass."""

    def lock(file, how):
        raise OSError(code, os.strerror(code))

    def somebody_has_it(file, how):
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    with pytest.raises(SettingsError, match="choose a local disk, or Redis") as caught:
        check_locks(0, path, lock)
    assert str(path) in str(caught.value)
    check_locks(0, path, somebody_has_it)


def test_shows_its_path_only(made):
    """And nothing that it holds."""
    store = SqliteStore(made, OPTIONS)

    assert f"<SqliteStore {made}>" == repr(store)
    store.close()

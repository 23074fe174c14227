"""Where sealing keys live: made once however many begin at once, rotated without loss, refused when others could have them."""

import base64
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import traceback
from pathlib import Path

import keyring.backend
import keyring.backends.fail
import keyring.backends.null
import keyrings.alt.file
import pytest

from authweave.at_rest.cipher import Sealer
from authweave.at_rest.key_entry import USER, KeyEntry
from authweave.at_rest.key_file import KeyFile
from authweave.at_rest.key_text import NotKeys, keys_in, text_of, text_with
from authweave.at_rest.keys import Keys, SealingKey, rotated, where
from authweave.at_rest.locking import exclusively
from authweave.errors import SettingsError
from authweave.settings import Settings
from thorough import every

KEY = SealingKey(bytes(range(100, 132)))
OTHER = SealingKey(bytes(range(200, 232)))
LINE = base64.b64encode(KEY.value).decode()
OLD_LINE = base64.b64encode(OTHER.value).decode()
NOBODY = 65_432
posix = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="files have no owners here")
as_root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away")


def settings(folder, store_key=None):
    return Settings(store_key=store_key, environment={"XDG_CONFIG_HOME": str(folder)})


def key_file(folder, content=f"{LINE}\n", mode=0o600, name="named.key"):
    path = Path(folder, name)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    path.chmod(mode)
    return path


def refusal(act, *arguments):
    """The words of the SettingsError, which show no key in message, cause, or any variable of any frame."""
    with pytest.raises(SettingsError) as refused:
        act(*arguments)
    error = refused.value
    assert error.__cause__ is None
    assert error.__context__ is None
    error.__traceback__ = error.__traceback__.tb_next
    told = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert "SettingsError" in told
    assert not [form for form in (LINE[:20], OLD_LINE[:20], KEY.value.hex()[:20], repr(KEY.value[:8])[2:-1], "hunter2") if form in told]
    return str(error)


def refused_file(path):
    return refusal(Keys.from_settings, Settings(store_key=str(path)))


def mode(path):
    return path.stat().st_mode & 0o7777


@pytest.fixture
def umask():
    """Sets the umask, for one test."""
    before = os.umask(0o022)
    os.umask(before)
    yield os.umask
    os.umask(before)


@pytest.fixture
def ours():
    """A folder of a user who is not root, and that user in force."""
    folder = Path(tempfile.mkdtemp(prefix="authweave-at-rest-"))
    is_root = os.geteuid() == 0
    if is_root:
        os.chown(folder, NOBODY, NOBODY)
        os.setegid(NOBODY)
        os.seteuid(NOBODY)
    yield folder
    if is_root:
        os.seteuid(0)
        os.setegid(0)
    shutil.rmtree(folder)


class TestText:
    """The form of a key file."""

    @every("text", [
        LINE, f"{LINE}\n", KEY.value.hex(), KEY.value.hex().upper(), f"# a comment\n\n  {LINE}  # and another\r\n", f"\ufeff{LINE}",
        base64.urlsafe_b64encode(KEY.value).decode(), f"{LINE}\n{KEY.value.hex()}\n", KEY.value,
    ], ids=range(9))  # fmt: skip
    def test_one_key(self, text):
        """Base64 of both alphabets, hex digits, comments, line ends of all systems, raw bytes; the same key twice is one."""
        assert keys_in(text if isinstance(text, bytes) else text.encode()) == (KEY,)

    def test_base64_of_both_alphabets(self):
        """A key whose base64 has + and / is the same key with - and _."""
        value = bytes([0xFB, 0xEF, 0xFF, *range(29)])
        assert {"+", "/"} <= set(base64.b64encode(value).decode())

        assert keys_in(base64.b64encode(value)) == keys_in(base64.urlsafe_b64encode(value)) == (SealingKey(value),)

    def test_order(self):
        """The first is the active one."""
        assert keys_in(f"{LINE}\n{OTHER.value.hex()}".encode()) == (KEY, OTHER)

    @every("text, line, said", [
        ("", 0, "holds no key"), ("# only a comment\n\n", 0, "holds no key"),
        (f"{LINE}\nhunter2\n", 2, "is not a key"), (LINE[:-2], 1, "is not a key"), (f"{LINE}{LINE}", 1, "is not a key"), (f"{LINE} {OLD_LINE}", 1, "is not a key"),
        (LINE[:-1] + "A", 1, "is not a key"), ("0" * 63, 1, "is not a key"), ("hunter2hunter2hunter2hunter2hunt", 1, "is not a key"),
        (f"\n\n{'00' * 32}", 3, "not random"), (base64.b64encode(b"hunter2!" * 4).decode(), 1, "not random"), (bytes([200] * 32), 0, "not random"),
        (KEY.value + b"\xff", 0, r"neither text nor 32 raw bytes \(it has 33\)"), (b"\xff" * 31, 0, r"\(it has 31\)"), (KEY.value.hex().encode("utf-16"), 0, r"\(it has 130\)"),
    ], ids=range(15))  # fmt: skip
    def test_refused(self, text, line, said):
        """What is no key is named by its line and nothing else; zeros, words and text of 32 letters are no keys either."""
        with pytest.raises(NotKeys, match=said) as refused:
            keys_in(text if isinstance(text, bytes) else text.encode())

        assert refused.value.line == line
        assert refused.value.__context__ is None
        assert "hunter2" not in str(refused.value)

    def test_new_key_in_front(self):
        """Comments and older keys stay where they were."""
        text = f"# mine\n\n{OLD_LINE}  # old\n# end\n"

        assert text_with(text.encode(), KEY).decode() == f"# mine\n\n{LINE}  # {KEY.id}\n{OLD_LINE}  # old\n# end\n"

    def test_new_key_before_raw_bytes(self):
        """A file of raw bytes becomes text."""
        assert keys_in(text_with(OTHER.value, KEY)) == (KEY, OTHER)

    def test_a_key_has_32_bytes(self):
        """No other length is taken."""
        with pytest.raises(ValueError, match="32 bytes"):
            SealingKey(bytes(31))


class TestDefaultFile:
    """The file that is made at first use."""

    def test_made(self, tmp_path):
        """One random key, for us alone; the next time it is the same."""
        made = Keys.from_settings(settings(tmp_path / "config"))

        path = tmp_path / "config/authweave/store.key"
        assert (mode(path), mode(path.parent), mode(path.parent.parent)) == (0o600, 0o700, 0o700)
        assert keys_in(path.read_bytes()) == (made.active,)
        assert Keys.from_settings(settings(tmp_path / "config")) == made
        assert made.others == ()
        assert made.ids() == (made.active.id,)
        assert where(settings(tmp_path / "config")) == f"key file {path}"
        assert Keys.from_settings(settings(tmp_path / "other")) != made

    @posix
    @pytest.mark.parametrize("taken", [0o000, 0o777, 0o077])
    def test_whatever_the_umask(self, tmp_path, umask, taken):
        """The umask neither opens the file nor closes it to us."""
        umask(taken)

        Keys.from_settings(settings(tmp_path / "config"))

        path = tmp_path / "config/authweave/store.key"
        assert (mode(path), mode(path.parent)) == (0o600, 0o700)
        assert [one.name for one in path.parent.iterdir()] == ["store.key"]

    @posix
    def test_a_folder_that_others_may_write(self, tmp_path):
        """A folder of ours that is there already is kept, but others lose the right to put another key there."""
        (tmp_path / "authweave").mkdir()
        (tmp_path / "authweave").chmod(0o777)

        Keys.from_settings(settings(tmp_path))

        assert mode(tmp_path / "authweave") == 0o755

    @posix
    @pytest.mark.parametrize("wrong", [0o640, 0o604, 0o620, 0o602])
    def test_open_to_others(self, tmp_path, wrong):
        """A key file of ours that others may read or write is refused, with the fix."""
        Keys.from_settings(settings(tmp_path))
        (tmp_path / "authweave/store.key").chmod(wrong)

        assert "mode 0600" in refusal(Keys.from_settings, settings(tmp_path))

    @as_root
    def test_of_somebody_else(self, tmp_path):
        """A file, or a folder, of another user is refused."""
        Keys.from_settings(settings(tmp_path))
        os.chown(tmp_path / "authweave/store.key", NOBODY, NOBODY)
        assert "belongs to another user" in refusal(Keys.from_settings, settings(tmp_path))

        (tmp_path / "authweave/store.key").unlink()
        os.chown(tmp_path / "authweave", NOBODY, NOBODY)
        said = refusal(Keys.from_settings, settings(tmp_path))
        assert f"its folder {tmp_path / 'authweave'} belongs to another user; set AUTHWEAVE_STORE_KEY" in said

    @pytest.mark.parametrize("text", ["", "hunter2", f"{LINE}\nhunter2"], ids=range(3))
    def test_spoilt(self, tmp_path, text):
        """A file that holds something else is refused, never made over: tokens may need what it held."""
        (tmp_path / "authweave").mkdir()
        path = key_file(tmp_path / "authweave", text, name="store.key")

        assert str(path) in refusal(Keys.from_settings, settings(tmp_path))
        assert path.read_text() == text

    @posix
    def test_link_that_leads_nowhere(self, tmp_path):
        """Nothing is made behind a link."""
        (tmp_path / "authweave").mkdir()
        (tmp_path / "authweave/store.key").symlink_to(tmp_path / "elsewhere")

        assert "leads nowhere" in refusal(Keys.from_settings, settings(tmp_path))
        assert not (tmp_path / "elsewhere").exists()

    @posix
    def test_no_place(self, ours):
        """A folder that cannot be made, or written, is refused with what to set instead."""
        (ours / "config").mkdir(mode=0o500)

        said = refusal(Keys.from_settings, settings(ours / "config"))

        assert "cannot be used: Permission denied; set AUTHWEAVE_STORE_KEY to the path" in said

    @posix
    @pytest.mark.parametrize("step", ["Keys.from_settings", "rotated"])
    def test_full_disk(self, tmp_path, step):
        """Where there is no room for a whole file, none is left, and the one that was there stays."""
        before = Keys.from_settings(settings(tmp_path)) if step == "rotated" else None
        program = (
            "import resource, sys; from authweave.settings import Settings; from authweave.at_rest.keys import Keys, rotated\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
            f"try: {step}(Settings(environment={{'XDG_CONFIG_HOME': sys.argv[1]}}))\n"
            "except Exception as error: print(type(error).__name__, error)"
        )
        ran = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True)

        assert ran.stdout.startswith("SettingsError key file ")
        assert "cannot be used: File too large; set AUTHWEAVE_STORE_KEY" in ran.stdout
        left = sorted(path.name for path in (tmp_path / "authweave").iterdir())
        assert left == (["store.key", "store.key.lock"] if before else [])
        assert before is None or Keys.from_settings(settings(tmp_path)) == before

    def test_a_file_where_the_folder_should_be(self, tmp_path):
        """Said as it is."""
        (tmp_path / "authweave").write_text("")

        assert "cannot be used" in refusal(Keys.from_settings, settings(tmp_path)) or os.name == "nt"

    def test_a_relative_configuration_folder(self, tmp_path):
        """XDG_CONFIG_HOME counts only when it is absolute: the key must not change with the current folder."""
        relative = Settings(environment={"XDG_CONFIG_HOME": "here"})

        assert "here" not in where(relative)


class TestNamedFile:
    """A file that an operator names."""

    def test_read(self, tmp_path):
        """The first key is active, the others open."""
        keys = Keys.from_settings(Settings(store_key=str(key_file(tmp_path, f"{LINE}\n{OLD_LINE}\n"))))

        assert (keys.active, keys.others) == (KEY, (OTHER,))
        assert keys.find(OTHER.id) == keys.oldest == OTHER
        assert keys.find("00000000") is None

    def test_home(self, tmp_path):
        """`~` is the home folder."""
        key_file(tmp_path)
        program = "from authweave.settings import Settings; from authweave.at_rest.keys import Keys; print(Keys.from_settings(Settings(store_key='~/named.key')).ids())"
        ran = subprocess.run([sys.executable, "-c", program], env={**os.environ, "HOME": str(tmp_path)}, capture_output=True, text=True, check=True)

        assert ran.stdout == f"('{KEY.id}',)\n"

    def test_missing(self, tmp_path):
        """It is never made by itself; the message holds the command that makes one, and that one works."""
        path = tmp_path / "it's mine.key"

        said = refused_file(path)

        assert not path.exists()
        subprocess.run(["/bin/sh", "-c", said.partition("make one: ")[2]], check=True)
        assert mode(path) == 0o600
        assert len(Keys.from_settings(Settings(store_key=str(path))).ids()) == 1

    @pytest.mark.parametrize(("told", "said"), [
        ("keys/store.key", "names no place"), ("store.key", "names no place"), ("./store.key", "names no place"), ("keyring", "names no place"),
        ("PLAINTEXT", "names no place"), ("~no-such-user-here/x", "names no place"),
    ], ids=range(6))  # fmt: skip
    def test_no_place(self, told, said, tmp_path):
        """Relative paths, and words near the right ones, are refused with what is right."""
        found = refusal(lambda: Keys.from_settings(Settings.load({"store_key": told}, {}, tmp_path)))

        assert found.startswith("Engine(store_key=…): that ")
        assert said in found

    @pytest.mark.parametrize("told", ["/\ud800", "/\0"], ids=range(2))
    def test_not_a_path(self, told):
        """What no file can be called is refused as everything else is."""
        assert "is not a path of this system" in refusal(Keys.from_settings, Settings(store_key=told))

    @pytest.mark.parametrize("told", [LINE, KEY.value.hex(), "/" + LINE[1:]], ids=range(3))
    def test_key_itself(self, told, tmp_path):
        """A key in the place of its file is refused when settings are read, and by itself, and is not repeated."""
        assert "that is a key itself" in refusal(Keys.from_settings, Settings(store_key=told))
        with pytest.raises(SettingsError, match="AUTHWEAVE_STORE_KEY: must name where the key is; that is a key itself") as refused:
            Settings.load({}, {"AUTHWEAVE_STORE_KEY": told}, tmp_path)
        assert told not in str(refused.value)

    def test_place_of_the_setting(self, tmp_path):
        """A message begins with where the setting was made."""
        (tmp_path / "authweave.toml").write_text(f"store_key = '{tmp_path}/missing'\n")
        env = {"XDG_CONFIG_HOME": str(tmp_path / "none")}

        assert refusal(lambda: Keys.from_settings(Settings.load({}, env, tmp_path))).startswith("authweave.toml:1: key file ")
        assert refusal(lambda: Keys.from_settings(Settings.load({}, {**env, "AUTHWEAVE_STORE_KEY": "x"}, tmp_path))).startswith("AUTHWEAVE_STORE_KEY: ")

    @posix
    @pytest.mark.parametrize(("wrong", "said"), [
        (0o644, "open to every user"), (0o604, "open to every user"), (0o444, "open to every user"), (0o601, "open to every user"),
        (0o660, "can be written by others"), (0o602, "can be written by others"), (0o777, "can be written by others"),
    ])  # fmt: skip
    def test_open_to_others(self, tmp_path, wrong, said):
        """Whoever is root and whoever is not: a file that everybody reads, or others write, is refused."""
        assert said in refused_file(key_file(tmp_path, mode=wrong))

    @posix
    def test_open_to_the_group_of_a_user(self, ours):
        """Our own file is for us alone."""
        assert "is open to its group; give it mode 0600" in refused_file(key_file(ours, mode=0o640))
        assert Keys.from_settings(Settings(store_key=str(key_file(ours, mode=0o400, name="b.key")))).active == KEY

    @as_root
    def test_mounted_by_root(self, ours):
        """A file of root that our group may read, as secrets are mounted, is good; so is one that is linked to, as Kubernetes does."""
        os.seteuid(0)
        (ours / "..2024").mkdir()
        mounted = key_file(ours / "..2024", mode=0o440)
        os.chown(mounted, 0, NOBODY)
        os.seteuid(NOBODY)
        (ours / "..data").symlink_to("..2024")
        (ours / "store.key").symlink_to("..data/named.key")

        assert Keys.from_settings(Settings(store_key=str(ours / "store.key"))).active == KEY
        assert "cannot be used: " in refusal(rotated, Settings(store_key=str(ours / "store.key")))

    @as_root
    @pytest.mark.parametrize("is_link", [False, True])
    def test_of_somebody_else(self, tmp_path, is_link):
        """A file of another user is refused, directly and behind a link of ours."""
        path = key_file(tmp_path)
        os.chown(path, NOBODY, NOBODY)
        if is_link:
            (tmp_path / "link").symlink_to(path)
            path = tmp_path / "link"

        assert "belongs to another user" in refused_file(path)

    @posix
    def test_not_a_file(self, tmp_path):
        """A folder, a pipe, a device, and links that lead to themselves or nowhere are refused at once."""
        os.mkfifo(tmp_path / "pipe")
        (tmp_path / "loop").symlink_to("loop")
        (tmp_path / "nowhere").symlink_to("gone")

        said = [refused_file(path) for path in (tmp_path, tmp_path / "pipe", "/dev/zero", tmp_path / "loop", tmp_path / "nowhere", f"{tmp_path}/pipe/x")]

        assert [words.split(" ", 4)[4].partition(";")[0] for words in said] == [
            "is not a regular file", "is not a regular file", "is not a regular file", "is a link that leads to itself", "is a link that leads nowhere", "is not there",
        ]  # fmt: skip

    def test_bounded(self, tmp_path):
        """A file of any size is read no further than it may be long."""
        path = key_file(tmp_path)
        os.truncate(path, 10**9)

        assert "is larger than 64 KiB" in refused_file(path)

    @pytest.mark.parametrize(("content", "said"), [
        (f"{LINE}\nhunter2\n", "line 2 is not a key"), (b"\xff" + KEY.value, "has 33"), ("", "holds no key"), (f"{LINE}\n{'0' * 64}", "line 2 holds a key that is not random"),
    ], ids=range(4))  # fmt: skip
    def test_content(self, tmp_path, content, said):
        """What is wrong is named with file and line, never with what stands there."""
        path = key_file(tmp_path, content)

        found = refused_file(path)

        assert f"key file {path} " in found
        assert said in found


class TestRotation:
    """A new key in front, and the old ones behind it."""

    def test_default_file(self, tmp_path):
        """The file is exchanged whole, with its mode; what the old key sealed opens, also by sealers that run already."""
        first = Keys.from_settings(settings(tmp_path))
        running = Sealer(first)

        second = rotated(settings(tmp_path))
        third = rotated(settings(tmp_path))

        assert third.others == (second.active, first.active)
        assert Keys.from_settings(settings(tmp_path)) == third
        assert mode(tmp_path / "authweave/store.key") == 0o600
        assert Sealer(third).open(running.seal(b"old", "n"), "n") == b"old"
        assert running.open(Sealer(third).seal(b"new", "n"), "n") == b"new"
        assert running.seal(b"", "n")[4:8].hex() == third.active.id

    def test_first_use(self, tmp_path):
        """Rotating where nothing was makes the first key and the next one."""
        assert len(rotated(settings(tmp_path)).ids()) == 2

    def test_old_key_removed(self, tmp_path):
        """A key that was taken out of the file no longer opens anything."""
        old = Keys.from_settings(settings(tmp_path))
        sealed = Sealer(old).seal(b"x", "n")
        path = tmp_path / "authweave/store.key"
        rotated(settings(tmp_path))

        path.write_text("\n".join(line for line in path.read_text().splitlines() if old.active.id not in line))

        assert Keys.from_settings(settings(tmp_path)).find(old.active.id) is None
        with pytest.raises(Exception, match=f"sealed with key {old.active.id}"):
            Sealer(Keys.from_settings(settings(tmp_path))).open(sealed, "n")

    @as_root
    def test_named_file_keeps_its_owner(self, tmp_path):
        """Root rotates a file that a group reads; it stays readable for that group. Behind a link, the file is exchanged."""
        path = key_file(tmp_path, "# ours\n" + LINE, mode=0o440)
        os.chown(path, 0, NOBODY)
        (tmp_path / "link").symlink_to(path)

        keys = rotated(Settings(store_key=str(tmp_path / "link")))

        assert (path.stat().st_gid, mode(path)) == (NOBODY, 0o440)
        assert (tmp_path / "link").is_symlink()
        assert keys.others == (KEY,)
        assert path.read_text().startswith("# ours\n")

    def test_raw_file(self, tmp_path):
        """A file of raw bytes becomes text with both keys."""
        path = key_file(tmp_path, KEY.value)

        assert rotated(Settings(store_key=str(path))).others == (KEY,)
        assert Keys.from_settings(Settings(store_key=str(path))).oldest == KEY

    def test_refused(self, tmp_path):
        """Where there is nothing to rotate, and where the file is missing or spoilt, nothing is made."""
        spoilt = key_file(tmp_path, "hunter2")

        assert "no key that could be rotated" in refusal(rotated, Settings(store_key="plaintext"))
        assert "is not there; make one" in refusal(rotated, Settings(store_key=str(tmp_path / "none")))
        assert "line 1 is not a key" in refusal(rotated, Settings(store_key=str(spoilt)))
        assert sorted(path.name for path in tmp_path.iterdir()) == ["named.key"]

    def test_room(self, tmp_path):
        """A file that would grow beyond what is read stays as it is."""
        path = key_file(tmp_path, f"{LINE}\n# {'x' * (64 * 1024 - 60)}\n")
        before = path.read_bytes()

        assert "no room for another key" in refusal(rotated, Settings(store_key=str(path)))
        assert path.read_bytes() == before

    @posix
    def test_killed(self, tmp_path):
        """Killed at any moment, the file is whole, holds every key that was handed out, and can be rotated again."""
        handed_out = {Keys.from_settings(settings(tmp_path)).active.id}
        program = (
            "import sys; from authweave.settings import Settings; from authweave.at_rest.keys import rotated\n"
            "while True: print(rotated(Settings(environment={'XDG_CONFIG_HOME': sys.argv[1]})).active.id, flush=True)"
        )
        for round_ in range(5):
            process = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True)
            for _ in range(1 + round_):
                handed_out.add(process.stdout.readline().strip())
            process.kill()
            handed_out |= {line for line in process.stdout.read().split("\n") if len(line) == 8}
            process.stdout.close()
            process.wait()

            assert handed_out <= set(Keys.from_settings(settings(tmp_path)).ids())
        assert len(handed_out) >= 16

    @posix
    @pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
    def test_lock_and_fork(self, tmp_path):
        """A child that was forked while the lock was held does not keep it."""
        waiting, done = os.pipe()
        with exclusively(tmp_path / "x"):
            child = os.fork()
            if not child:
                os.close(done)
                os.read(waiting, 1)
                os._exit(0)

        with exclusively(tmp_path / "x", seconds=1.0):
            pass

        os.close(done)
        os.close(waiting)
        os.waitpid(child, 0)

    def test_held_lock(self, tmp_path):
        """Somebody else's rotation is waited for, and not for ever."""
        with exclusively(tmp_path / "x"), pytest.raises(TimeoutError), exclusively(tmp_path / "x", seconds=0.05):
            pass
        with exclusively(tmp_path / "x"):
            pass


PROGRAM = """
import pathlib, sys, time
from authweave.settings import Settings
from authweave.at_rest.keys import Keys, rotated
settings = Settings(store_key=sys.argv[3] or None, environment={"XDG_CONFIG_HOME": sys.argv[1]})
print("ready", flush=True)
sys.stdin.read()
for _ in range(int(sys.argv[2])):
    print(rotated(settings).active.id)
if sys.argv[2] == "0":
    print(*Keys.from_settings(settings).ids())
"""
SHARED = """
import os, pathlib, time
from keyring.backend import KeyringBackend

class Shared(KeyringBackend):
    "A keyring that several processes share, and that takes its time."
    priority = 1
    path = pathlib.Path(os.environ["SHARED_KEYRING"])

    def get_password(self, service, username):
        found = self.path.read_text() if self.path.exists() else None
        time.sleep(0.02)
        return found

    def set_password(self, service, username, password):
        time.sleep(0.02)
        beside = self.path.with_suffix(f".{os.getpid()}")
        beside.write_text(password)
        beside.replace(self.path)
"""


def at_once(folder, rotations=0, store_key="", processes=8):
    """What so many processes print that begin at the same moment."""
    (folder / "shared_keyring.py").write_text(SHARED)
    environ = {**os.environ, "PYTHON_KEYRING_BACKEND": "shared_keyring.Shared", "SHARED_KEYRING": str(folder / "kept")}
    environ["PYTHONPATH"] = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, "-c", PROGRAM, str(folder / "config"), str(rotations), store_key]
    running = [subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(processes)]
    for process in running:
        assert process.stdout.readline() == "ready\n"
    for process in running:
        process.stdin.close()
    told = [process.stdout.read().split() for process in running]
    for process in running:
        process.stdout.close()
    assert [process.wait() for process in running] == [0] * processes
    return told


@pytest.mark.real
class TestRaces:
    """Many that begin, or rotate, at the same moment."""

    def test_first_use(self, tmp_path):
        """Eight processes that find no key file agree on one key, and leave nothing else behind."""
        told = at_once(tmp_path)

        assert len({tuple(ids) for ids in told}) == 1
        assert [path.name for path in (tmp_path / "config/authweave").iterdir()] == ["store.key"]

    def test_first_use_by_threads(self, tmp_path):
        """As many threads, again and again: nobody sees half a file, or another key."""
        for number in range(20):
            found, barrier = [], threading.Barrier(8)

            def begin(number=number, found=found, barrier=barrier):
                barrier.wait()
                found.append(Keys.from_settings(settings(tmp_path / str(number))))

            threads = [threading.Thread(target=begin) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

            assert len(found) == 8
            assert len(set(found)) == 1

    def test_first_use_of_a_keyring(self, tmp_path):
        """Eight processes that find no entry in a slow keyring agree on one key."""
        told = at_once(tmp_path, store_key="keyring:mine")

        assert len({tuple(ids) for ids in told}) == 1
        assert keys_in((tmp_path / "kept").read_bytes())[0].id == told[0][0]

    @pytest.mark.parametrize("store_key", ["", "keyring:"])
    def test_rotations(self, tmp_path, store_key):
        """Processes that rotate at once lose no key: any of them may have sealed something already."""
        told = at_once(tmp_path, rotations=3, store_key=store_key, processes=4)

        made = {key_id for ids in told for key_id in ids}
        path = tmp_path / ("kept" if store_key else "config/authweave/store.key")
        kept = [key.id for key in keys_in(path.read_bytes().replace(b"= ", b"=\n") if store_key else path.read_bytes())]
        assert len(made) == 12
        assert made <= set(kept)
        assert len(kept) == 12 + (not store_key)


class Kept(keyring.backend.KeyringBackend):
    """A keyring in memory."""

    priority = 1

    def __init__(self, kept=None):
        super().__init__()
        self.kept = kept

    def get_password(self, service, username):
        assert (service, username) == ("mine", "store-key")
        return self.kept

    def set_password(self, service, username, password):
        self.kept = password


class Failing(Kept):
    """A keyring whose user did not unlock it."""

    def get_password(self, service, username):
        raise keyring.errors.KeyringLocked(f"{LINE} is locked")


class ReadOnly(Kept):
    """A keyring that takes nothing."""

    def set_password(self, service, username, password):
        raise keyring.errors.PasswordSetError(f"cannot set {password}")


class Forgetful(Kept):
    """A keyring that says nothing, and keeps nothing."""

    def set_password(self, service, username, password):
        pass


class Overruled(Kept):
    """A keyring where somebody else's write comes last."""

    def set_password(self, service, username, password):
        self.kept = LINE


class TestKeyring:
    """The system's keyring."""

    def test_made(self, tmp_path):
        """At first use one entry is made; the next time it is the same key."""
        backend = Kept()
        entry = KeyEntry("mine", tmp_path / "config", backend)

        [made] = entry.keys()

        assert entry.keys() == entry.read() == (made,)
        assert keys_in(backend.kept.encode()) == (made,)
        assert USER in entry.words

    def test_rotated(self, tmp_path):
        """The new key comes first; all stay in the one entry."""
        entry = KeyEntry("mine", tmp_path, Kept(LINE))

        active, *others = entry.rotated()

        assert others == [KEY]
        assert entry.keys() == (active, KEY)

    def test_put_there_by_hand(self, tmp_path):
        """What `keyring set` put there, a line end included, is taken."""
        assert KeyEntry("mine", tmp_path, Kept(f"{LINE}\n")).keys() == (KEY,)

    def test_the_one_that_is_there_wins(self, tmp_path):
        """What counts after writing is what others will read."""
        assert KeyEntry("mine", tmp_path, Overruled()).keys() == (KEY,)

    @pytest.mark.parametrize(("backend", "said"), [
        (keyrings.alt.file.PlaintextKeyring(), "store_key: the keyring keyrings.alt.file.PlaintextKeyring is refused: it keeps passwords in"),
        (keyring.backends.null.Keyring(), "keyring.backends.null.Keyring is refused: it keeps nothing"),
        (keyring.backends.fail.Keyring(), "keyring.backends.fail.Keyring is refused: this system has no keyring"),
        (Failing(), "store_key: keyring entry store-key of mine could not be read: Failing failed with KeyringLocked"),
        (ReadOnly(), "keyring entry store-key of mine could not be written: ReadOnly failed with PasswordSetError"),
        (Forgetful(), "keyring entry store-key of mine did not keep what was written"),
        (Kept("hunter2"), "keyring entry store-key of mine holds something else than keys"),
        (Kept(""), "keyring entry store-key of mine holds something else than keys"),
    ], ids=range(8))  # fmt: skip
    def test_refused(self, backend, said, tmp_path):
        """Backends that keep plain text or nothing are refused by name; those that fail say so, without their words."""
        entry = KeyEntry("mine", tmp_path, backend)

        assert said in refusal(entry.keys)
        assert said in refusal(entry.rotated)

    def test_no_lock(self, tmp_path):
        """Where two processes could not be kept apart, no key is made."""
        (tmp_path / "file").write_text("")
        backend = Kept()

        assert "cannot be locked in" in refusal(KeyEntry("mine", tmp_path / "file", backend).keys)
        assert "no home folder" in refusal(KeyEntry("mine", Path("~/.config"), backend).keys)
        assert not Path("~").exists()
        assert backend.kept is None

    @pytest.mark.parametrize(("chosen", "said"), [
        ("keyrings.alt.file.PlaintextKeyring", "store_key: the keyring keyrings.alt.file.PlaintextKeyring is refused"),
        ("no.such.Backend", "store_key is set, and the library could not choose a keyring (ModuleNotFoundError)"),
    ])  # fmt: skip
    def test_what_the_library_chooses(self, chosen, said, tmp_path):
        """In a process of its own: what `keyring` chooses by its configuration is inspected, too."""
        program = (
            "from authweave.settings import Settings; from authweave.at_rest.keys import Keys\n"
            "try: Keys.from_settings(Settings(store_key='keyring:'))\n"
            "except Exception as error: print(type(error).__name__, error)"
        )
        environ = {**os.environ, "PYTHON_KEYRING_BACKEND": chosen, "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
        ran = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=True)

        assert ran.stdout.startswith(f"SettingsError {said}")


def test_plaintext():
    """Only the word itself turns sealing off."""
    keys = Keys.from_settings(Settings(store_key="plaintext"))

    assert (keys.active, keys.others, keys.ids(), keys.oldest) == (None, (), (), None)
    assert where(Settings(store_key="plaintext")) == "nothing: plaintext"


def test_where():
    """Places in words."""
    assert where(Settings(store_key="keyring:")) == "keyring entry store-key of authweave"
    assert where(Settings(store_key="keyring:mine")) == "keyring entry store-key of mine"
    assert where(Settings(store_key="/run/secrets/store.key")) == "key file /run/secrets/store.key"
    assert "that is a key itself" in refusal(where, Settings(store_key=KEY.value.hex()))


def test_keys_again_when_the_place_is_gone(tmp_path):
    """A running process goes on with the keys it has when their place cannot be read any more, and makes no new ones."""
    keys = Keys.from_settings(settings(tmp_path))
    path = tmp_path / "authweave/store.key"

    path.write_text("hunter2")
    assert keys.again() is keys
    path.unlink()
    assert keys.again() is keys
    assert not path.exists()
    assert Keys(KEY).again() == Keys(KEY)
    path.write_bytes(text_of(KEY))
    path.chmod(0o600)
    assert keys.again() == Keys(KEY)


def test_other_users_of_a_key_file_share_it(tmp_path):
    """Two engines with one named file open each other's records."""
    path = key_file(tmp_path)
    one, other = (Sealer(Keys.from_settings(Settings(store_key=str(path)))) for _ in range(2))

    assert other.open(one.seal(b"x", "n"), "n") == b"x"
    assert KeyFile(path).read() == (KEY,)
